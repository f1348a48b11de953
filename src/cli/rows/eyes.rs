//! A table for eyes: columns as wide as its first rows ask for.

use crate::output::table::{Cells, ColumnSpec};

/// Rows whose cells make the widths.
const SEEN: usize = 1000;
/// No column is wider.
const WIDEST: usize = 40;

/// Cells for eyes: columns as wide as the first rows ask for.
#[derive(Default)]
pub(super) struct TableCells {
    names: Vec<String>,
    rows: Vec<Vec<String>>,
    row: Vec<String>,
    widths: Vec<usize>,
}

impl TableCells {
    /// For rows of these columns.
    pub(super) fn new(columns: &[ColumnSpec]) -> TableCells {
        TableCells { names: columns.iter().map(|c| c.name.clone()).collect(), ..TableCells::default() }
    }

    /// There are enough rows to see how wide the columns are.
    pub(super) fn is_full(&self) -> bool {
        self.rows.len() >= SEEN
    }

    /// The rows as lines; the first ones under their heading.
    pub(super) fn lines(&mut self) -> String {
        let mut rows = std::mem::take(&mut self.rows);
        if self.widths.is_empty() {
            rows.insert(0, self.names.clone());
            let width = |column: usize| {
                let widths = rows.iter().filter_map(|r| r.get(column)).map(|c| console::measure_text_width(c));
                widths.max().unwrap_or(0).min(WIDEST)
            };
            self.widths = (0..self.names.len()).map(width).collect();
        }
        let mut out = String::new();
        for row in rows {
            let mut line = String::new();
            for (cell, &width) in row.iter().zip(&self.widths) {
                line.push_str(&console::pad_str(cell, width, console::Alignment::Left, Some("\u{2026}")));
                line.push_str("  ");
            }
            out.push_str(line.trim_end());
            out.push('\n');
        }
        out
    }
}

impl Cells for TableCells {
    fn text(&mut self, value: Option<&str>) {
        // A cell of a file must not steer the terminal.
        self.row.push(value.unwrap_or_default().chars().map(|c| if c.is_control() { ' ' } else { c }).collect());
    }
    fn value(&mut self, value: Option<i8>) {
        self.row.push(value.map_or_else(String::new, |v| v.to_string()));
    }
    fn vote(&mut self, value: i8) {
        self.row.push(value.to_string());
    }
    fn number(&mut self, value: Option<u32>) {
        self.row.push(value.map_or_else(String::new, |v| v.to_string()));
    }
    fn real(&mut self, value: Option<f32>) {
        self.row.push(value.map_or_else(String::new, |v| format!("{v:.3}")));
    }
    fn measure(&mut self, value: Option<f64>) {
        self.row.push(value.map_or_else(String::new, |v| v.to_string()));
    }
    fn flag(&mut self, value: bool) {
        self.row.push((if value { "yes" } else { "no" }).to_owned());
    }
    fn texts(&mut self, values: &[&str]) {
        self.text(Some(&values.join("; ")));
    }
    fn reals(&mut self, values: &[f64]) {
        self.row.push(values.iter().map(f64::to_string).collect::<Vec<_>>().join("x"));
    }
    fn end(&mut self) {
        self.rows.push(std::mem::take(&mut self.row));
    }
}
