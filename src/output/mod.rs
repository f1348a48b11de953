//! Findings and labels -> files that other tools read, whole or not at all.
//!
//! Writers append to byte buffers, so that threads serialise what they have just analysed; [`Sink`] then
//! puts the buffers in order. Nothing here knows the command line.

// Written once the command line offers these layouts.
#[allow(dead_code)]
pub(crate) mod bioc;
#[allow(dead_code)]
pub(crate) mod brat;
mod csv;
#[allow(dead_code)]
pub(crate) mod fhir;
mod json;
mod offsets;
mod passing;
mod rows;
#[allow(dead_code)]
mod said;
mod sink;
mod table;
mod terminal;
mod whole;

pub(crate) use self::csv::{LONG_HEADER, csv_header, csv_row, label_name, long_rows, value};
pub(crate) use json::{Answers, DOUBLED_ID, Line, mark_doubled};
pub(crate) use offsets::Offsets;
pub(crate) use rows::{Rows, rows_header};
pub use sink::Sink;
pub(crate) use sink::{is_standard, pack};
pub(crate) use terminal::{Look, legend, row};
pub(crate) use whole::{Whole, alerts_header};

/// The labels of one report under one scheme.
pub(crate) struct Labelled<'a> {
    pub(crate) scheme: &'a crate::rules::Scheme,
    pub(crate) labels: Vec<crate::Label>,
}

/// JSON Schema of a line that `radlabel label --format jsonl` writes.
pub const REPORT_SCHEMA: &str = include_str!("report.schema.json");
/// JSON Schema of a line that `radlabel assert` writes.
pub const ASSERTIONS_SCHEMA: &str = include_str!("assertions.schema.json");
