//! Tables as CSV.
//!
//! A label's value is written as CheXpert lays it out: 1.0 present, 0.0 absent, -1.0 uncertain, blank not
//! mentioned (Irvin 2019), so that what reads CheXpert's tables reads ours. With several schemes a label is named
//! `scheme:label`.

use super::table::{Cells, ColumnSpec};
use crate::Status;
use crate::rules::Scheme;
use std::borrow::Cow;
use std::io;

/// The header line of a table.
pub(crate) fn csv_header(columns: &[ColumnSpec]) -> io::Result<Vec<u8>> {
    let mut writer = ::csv::Writer::from_writer(Vec::new());
    writer.write_record(columns.iter().map(|c| &c.name))?;
    writer.into_inner().map_err(|e| e.into_error())
}

/// Rows of a table, appended to a buffer.
pub(crate) struct CsvCells {
    writer: ::csv::Writer<Vec<u8>>,
}

impl CsvCells {
    /// Appends to these bytes.
    pub(crate) fn over(bytes: Vec<u8>) -> CsvCells {
        CsvCells { writer: ::csv::Writer::from_writer(bytes) }
    }

    /// Where the last row ends, among all bytes.
    pub(crate) fn len(&mut self) -> usize {
        // Writing to memory cannot fail.
        let _ = self.writer.flush();
        self.writer.get_ref().len()
    }

    /// The bytes.
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.writer.into_inner().unwrap_or_default()
    }

    fn field(&mut self, field: impl AsRef<[u8]>) {
        // Writing to memory cannot fail.
        let _ = self.writer.write_field(field);
    }
}

impl Cells for CsvCells {
    fn text(&mut self, value: Option<&str>) {
        self.field(value.unwrap_or(""));
    }

    fn value(&mut self, value: Option<i8>) {
        self.field(match value {
            Some(1) => "1.0",
            Some(0) => "0.0",
            Some(_) => "-1.0",
            None => "",
        });
    }

    fn vote(&mut self, value: i8) {
        self.field(value.to_string());
    }

    fn number(&mut self, value: Option<u32>) {
        self.field(value.map_or_else(String::new, |v| v.to_string()));
    }

    fn real(&mut self, value: Option<f32>) {
        self.field(value.map_or_else(String::new, |v| format!("{v:.3}")));
    }

    fn measure(&mut self, value: Option<f64>) {
        self.field(value.map_or_else(String::new, |v| v.to_string()));
    }

    fn flag(&mut self, value: bool) {
        self.field(if value { "true" } else { "false" });
    }

    fn texts(&mut self, values: &[&str]) {
        self.field(values.join("; "));
    }

    fn reals(&mut self, values: &[f64]) {
        let values: Vec<String> = values.iter().map(f64::to_string).collect();
        self.field(values.join("x"));
    }

    fn end(&mut self) {
        let _ = self.writer.write_record(None::<&[u8]>);
    }
}

/// A value as CheXpert writes it.
pub(crate) const fn value(status: Option<Status>) -> &'static str {
    match status {
        Some(Status::Present) => "1.0",
        Some(Status::Absent) => "0.0",
        Some(Status::Uncertain) => "-1.0",
        None => "",
    }
}

/// A label's name; with several schemes the scheme's id stands before it.
pub(crate) fn label_name(scheme: &Scheme, label: usize, several: bool) -> Cow<'_, str> {
    let name = &*scheme.labels[label].name;
    if several { format!("{}:{name}", scheme.id).into() } else { name.into() }
}
