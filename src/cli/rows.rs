//! Rows of any table, one after another, in the format that was asked for: CSV, JSON lines, Parquet, Arrow, for eyes.
//!
//! For commands whose rows come in order from one thread; `label` has a writer of its own, whose rows come from all.

use crate::Error;
use crate::output::table::{Cells, ColumnSpec};
use crate::output::{CsvCells, Packing, Sink, csv_header, is_standard};
use std::io::{self, IsTerminal};
use std::path::Path;

/// Bytes of text that are written at once.
const CHUNK: usize = 1 << 20;
/// Rows whose cells make the widths of a table for eyes.
const SEEN: usize = 1000;
/// No column for eyes is wider.
const WIDEST: usize = 40;
#[cfg(feature = "arrow")]
const GROUP_ROWS: usize = 1 << 16;

/// How rows are laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Layout {
    /// A table with commas
    Csv,
    /// One JSON object a line; what is missing is left out
    Jsonl,
    /// A Parquet file with typed columns
    Parquet,
    /// An Arrow IPC stream with typed columns
    Arrow,
    /// For eyes
    Table,
}

impl Layout {
    /// As asked, else as the output's ending tells.
    ///
    /// # Errors
    /// A layout that this program was built without.
    pub(super) fn chosen(asked: Option<Layout>, output: Option<&Path>) -> Result<Layout, Error> {
        let layout = asked.unwrap_or_else(|| match output.filter(|p| !is_standard(p)) {
            None if io::stdout().is_terminal() => Layout::Table,
            None => Layout::Csv,
            Some(path) => {
                let name = path.to_string_lossy().to_ascii_lowercase();
                let name = [".gz", ".zst"].iter().find_map(|e| name.strip_suffix(e)).unwrap_or(&name);
                match name.rsplit_once('.').map_or("", |(_, ending)| ending) {
                    "jsonl" | "ndjson" => Layout::Jsonl,
                    "parquet" | "pq" => Layout::Parquet,
                    "arrow" | "arrows" => Layout::Arrow,
                    _ => Layout::Csv,
                }
            }
        });
        let built = match layout {
            Layout::Parquet => cfg!(feature = "parquet"),
            Layout::Arrow => cfg!(feature = "arrow"),
            Layout::Csv | Layout::Jsonl | Layout::Table => true,
        };
        if built {
            return Ok(layout);
        }
        let name = super::value_name(&layout);
        Err(Error::Usage(format!(
            "--format {name}: this radlabel was built without it; expected one built with --features full"
        )))
    }
}

/// An output of rows.
pub(super) struct RowWriter {
    sink: Out,
    cells: Gathered,
    rows: u64,
}

enum Out {
    Sink(Sink),
    #[cfg(feature = "parquet")]
    Parquet(Box<crate::arrow::parquet_file::Encoder>, Box<crate::arrow::parquet_file::ParquetFile<Sink>>),
}

enum Gathered {
    Csv(Box<CsvCells>),
    Jsonl(JsonCells),
    Table(Box<TableCells>),
    #[cfg(feature = "arrow")]
    Arrow(Box<crate::arrow::cells::ArrowCells>),
}

impl RowWriter {
    /// Opens an output, `None` for standard output. `table` names what the rows are, for the schema of a columnar one.
    ///
    /// # Errors
    /// What keeps it from being written.
    pub(super) fn open(
        layout: Layout,
        output: Option<&Path>,
        columns: &[ColumnSpec],
        table: &str,
    ) -> Result<RowWriter, Error> {
        let sink = Sink::open(output)?;
        if matches!(layout, Layout::Parquet | Layout::Arrow) && sink.packing != Packing::None {
            let name = super::value_name(&layout);
            return Err(Error::Usage(format!("--format {name} is not packed once more; expected no .gz or .zst")));
        }
        let refuse = |message: String| Error::output(table, message);
        let names = || columns.iter().map(|c| c.name.clone()).collect::<Vec<_>>();
        #[cfg(feature = "arrow")]
        let schema = {
            let pairs = [("version", env!("CARGO_PKG_VERSION")), ("table", table)];
            let metadata: Vec<_> = pairs.map(|(k, v)| (format!("radlabel.{k}"), v.to_owned())).into();
            crate::arrow::cells::schema(columns, &metadata)
        };
        let (sink, cells) = match layout {
            Layout::Csv => {
                let head = csv_header(columns).map_err(|e| refuse(e.to_string()))?;
                (Out::Sink(sink), Gathered::Csv(Box::new(CsvCells::over(head))))
            }
            Layout::Jsonl => (Out::Sink(sink), Gathered::Jsonl(JsonCells { names: names(), ..JsonCells::default() })),
            Layout::Table => {
                let cells = TableCells { names: names(), ..TableCells::default() };
                (Out::Sink(sink), Gathered::Table(Box::new(cells)))
            }
            #[cfg(feature = "arrow")]
            Layout::Arrow => {
                let mut sink = sink;
                let head = crate::arrow::stream::header(&schema).map_err(refuse)?;
                sink.write(&head).map_err(|e| refuse(e.to_string()))?;
                let cells = crate::arrow::cells::ArrowCells::new(columns, schema);
                (Out::Sink(sink), Gathered::Arrow(Box::new(cells)))
            }
            #[cfg(feature = "parquet")]
            Layout::Parquet => {
                let encoder = crate::arrow::parquet_file::Encoder::new(schema.clone()).map_err(refuse)?;
                let file = encoder.file(sink).map_err(refuse)?;
                let cells = crate::arrow::cells::ArrowCells::new(columns, schema);
                (Out::Parquet(Box::new(encoder), Box::new(file)), Gathered::Arrow(Box::new(cells)))
            }
            #[allow(unreachable_patterns, reason = "`Layout::chosen` refuses what is not built")]
            _ => return Err(Error::Usage("this radlabel was built without that format".to_owned())),
        };
        Ok(RowWriter { sink, cells, rows: 0 })
    }

    /// Writes a row: the caller gives its cells in the order of the columns.
    ///
    /// # Errors
    /// What the system says; a broken pipe as it is.
    pub(super) fn row(&mut self, give: impl FnOnce(&mut dyn Cells)) -> anyhow::Result<()> {
        let cells: &mut dyn Cells = match &mut self.cells {
            Gathered::Csv(cells) => &mut **cells,
            Gathered::Jsonl(cells) => cells,
            Gathered::Table(cells) => &mut **cells,
            #[cfg(feature = "arrow")]
            Gathered::Arrow(cells) => &mut **cells,
        };
        give(cells);
        cells.end();
        self.rows += 1;
        self.flush(false)
    }

    /// Rows written.
    pub(super) const fn rows(&self) -> u64 {
        self.rows
    }

    /// Ends the output; a file gets its name now.
    ///
    /// # Errors
    /// As [`RowWriter::row`].
    pub(super) fn finish(mut self) -> anyhow::Result<()> {
        self.flush(true)?;
        match self.sink {
            #[cfg(feature = "arrow")]
            Out::Sink(mut sink) if matches!(self.cells, Gathered::Arrow(_)) => {
                sink.write(crate::arrow::stream::footer())?;
                sink.finish()?;
            }
            Out::Sink(sink) => sink.finish()?,
            #[cfg(feature = "parquet")]
            Out::Parquet(_, file) => file.finish().map_err(anyhow::Error::msg)?.finish()?,
        }
        Ok(())
    }

    fn flush(&mut self, last: bool) -> anyhow::Result<()> {
        let bytes = match &mut self.cells {
            Gathered::Csv(cells) if last || self.rows.is_multiple_of(1024) => {
                if !last && cells.len() < CHUNK {
                    return Ok(());
                }
                std::mem::replace(&mut **cells, CsvCells::over(Vec::new())).into_bytes()
            }
            Gathered::Jsonl(cells) if last || cells.bytes.len() >= CHUNK => std::mem::take(&mut cells.bytes),
            Gathered::Table(cells) if last || cells.rows.len() >= SEEN => cells.lines().into_bytes(),
            #[cfg(feature = "arrow")]
            Gathered::Arrow(cells) if cells.rows() > 0 && (last || cells.rows() >= GROUP_ROWS) => {
                let batch = cells.finish().map_err(anyhow::Error::msg)?;
                match &mut self.sink {
                    Out::Sink(sink) => {
                        sink.write(&crate::arrow::stream::message(&batch).map_err(anyhow::Error::msg)?)?;
                    }
                    #[cfg(feature = "parquet")]
                    Out::Parquet(encoder, file) => {
                        let group = encoder.encode(&[batch]).map_err(anyhow::Error::msg)?;
                        file.append(group).map_err(anyhow::Error::msg)?;
                    }
                }
                return Ok(());
            }
            _ => return Ok(()),
        };
        match &mut self.sink {
            Out::Sink(sink) => {
                let packed = sink.packing.pack(bytes)?;
                sink.write(&packed)?;
            }
            #[cfg(feature = "parquet")]
            Out::Parquet(..) => {}
        }
        Ok(())
    }
}

/// Cells as JSON lines.
#[derive(Default)]
struct JsonCells {
    names: Vec<String>,
    bytes: Vec<u8>,
    at: usize,
    begun: bool,
}

impl JsonCells {
    fn put(&mut self, value: Option<impl serde::Serialize>) {
        let name = self.names.get(self.at).map(String::as_str).unwrap_or_default();
        self.at += 1;
        let Some(value) = value else { return };
        self.bytes.push(if self.begun { b',' } else { b'{' });
        self.begun = true;
        // Writing to memory cannot fail.
        let _ = serde_json::to_writer(&mut self.bytes, name);
        self.bytes.push(b':');
        let _ = serde_json::to_writer(&mut self.bytes, &value);
    }
}

impl Cells for JsonCells {
    fn text(&mut self, value: Option<&str>) {
        self.put(value);
    }
    fn value(&mut self, value: Option<i8>) {
        self.put(value);
    }
    fn vote(&mut self, value: i8) {
        self.put(Some(value));
    }
    fn number(&mut self, value: Option<u32>) {
        self.put(value);
    }
    fn real(&mut self, value: Option<f32>) {
        self.put(value);
    }
    fn measure(&mut self, value: Option<f64>) {
        self.put(value);
    }
    fn flag(&mut self, value: bool) {
        self.put(Some(value));
    }
    fn texts(&mut self, values: &[&str]) {
        self.put(Some(values).filter(|v| !v.is_empty()));
    }
    fn reals(&mut self, values: &[f64]) {
        self.put(Some(values).filter(|v| !v.is_empty()));
    }
    fn end(&mut self) {
        self.bytes.extend_from_slice(if self.begun { b"}\n" } else { b"{}\n" });
        (self.at, self.begun) = (0, false);
    }
}

/// Cells for eyes: columns as wide as the first rows ask for.
#[derive(Default)]
struct TableCells {
    names: Vec<String>,
    rows: Vec<Vec<String>>,
    row: Vec<String>,
    widths: Vec<usize>,
}

impl TableCells {
    /// The rows as lines; the first ones under their heading.
    fn lines(&mut self) -> String {
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
