//! Rows of a table as JSON lines: an object a row, keyed by the names of the columns; missing cells are left out.

use super::json::{comma, string};
use super::table::{Cells, ColumnSpec};
use std::sync::Arc;

/// Rows appended to a buffer.
pub(crate) struct JsonCells {
    columns: Arc<[ColumnSpec]>,
    out: Vec<u8>,
    /// The column of the next cell.
    at: usize,
    first: bool,
}

impl JsonCells {
    /// For rows of these columns, appended to these bytes.
    pub(crate) fn over(columns: Arc<[ColumnSpec]>, out: Vec<u8>) -> JsonCells {
        JsonCells { columns, out, at: 0, first: true }
    }

    /// How many bytes there are.
    pub(crate) fn len(&self) -> usize {
        self.out.len()
    }

    /// The bytes.
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.out
    }

    /// Opens the next member, unless its cell is missing.
    fn key(&mut self, there: bool) -> bool {
        let name = self.columns.get(self.at).map_or("", |c| &*c.name);
        self.at += 1;
        if there {
            if self.first {
                self.out.push(b'{');
            }
            comma(&mut self.out, &mut self.first);
            string(&mut self.out, name);
            self.out.push(b':');
        }
        there
    }

    fn plain(&mut self, value: Option<impl std::fmt::Display>) {
        if self.key(value.is_some()) {
            self.out.extend_from_slice(value.map_or_else(String::new, |v| v.to_string()).as_bytes());
        }
    }

    fn list<V>(&mut self, values: &[V], mut put: impl FnMut(&mut Vec<u8>, &V)) {
        self.key(true);
        self.out.push(b'[');
        let mut first = true;
        for value in values {
            comma(&mut self.out, &mut first);
            put(&mut self.out, value);
        }
        self.out.push(b']');
    }
}

impl Cells for JsonCells {
    fn text(&mut self, value: Option<&str>) {
        if self.key(value.is_some()) {
            string(&mut self.out, value.unwrap_or_default());
        }
    }

    fn value(&mut self, value: Option<i8>) {
        self.plain(value);
    }

    fn vote(&mut self, value: i8) {
        self.plain(Some(value));
    }

    fn number(&mut self, value: Option<u32>) {
        self.plain(value);
    }

    fn real(&mut self, value: Option<f32>) {
        self.plain(value.filter(|v| v.is_finite()));
    }

    fn measure(&mut self, value: Option<f64>) {
        self.plain(value.filter(|v| v.is_finite()));
    }

    fn flag(&mut self, value: bool) {
        self.plain(Some(value));
    }

    fn texts(&mut self, values: &[&str]) {
        self.list(values, |out, value| string(out, value));
    }

    fn reals(&mut self, values: &[f64]) {
        let finite: Vec<f64> = values.iter().copied().filter(|v| v.is_finite()).collect();
        self.list(&finite, |out, value| out.extend_from_slice(value.to_string().as_bytes()));
    }

    fn end(&mut self) {
        self.out.extend_from_slice(if self.first { b"{}\n" } else { b"}\n" });
        (self.at, self.first) = (0, true);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::table::Kind;

    #[test]
    fn a_row_is_an_object_of_what_is_there() {
        let column = |name: &str, kind| ColumnSpec { name: name.to_owned(), kind, about: "" };
        let columns = [
            column("id", Kind::Text),
            column("n", Kind::Number),
            column("size", Kind::Real),
            column("all", Kind::Texts),
        ];
        let mut cells = JsonCells::over(Arc::from(columns), Vec::new());
        cells.text(Some("a\"b\n"));
        cells.number(None);
        cells.real(Some(1.5));
        cells.texts(&["x", "y"]);
        cells.end();
        cells.text(None);
        cells.number(Some(3));
        cells.real(Some(f32::NAN));
        cells.texts(&[]);
        cells.end();
        let text = String::from_utf8(cells.into_bytes()).expect("UTF-8");
        let rows: Vec<serde_json::Value> = text.lines().map(|l| serde_json::from_str(l).expect("JSON")).collect();
        assert_eq!(rows[0], serde_json::json!({"id": "a\"b\n", "size": 1.5, "all": ["x", "y"]}));
        assert_eq!(rows[1], serde_json::json!({"n": 3, "all": []}));
    }
}
