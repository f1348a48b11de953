//! Findings and labels -> files that other tools read, whole or not at all.
//!
//! Writers append to byte buffers, so that threads serialise what they have just analysed; [`Sink`] then
//! puts the buffers in order. Nothing here knows the command line.

// The run of `label` is wired to it later.
#[allow(dead_code)]
mod confidence;
mod csv;
mod json;
mod offsets;
mod passing;
mod rows;
mod sink;
mod table;
mod terminal;
// The run of `label` is wired to it later.
#[allow(dead_code)]
mod votes;
mod whole;

pub(crate) use self::csv::{LONG_HEADER, csv_header, csv_row, label_name, long_rows, value};
#[allow(unused_imports)]
pub(crate) use confidence::confidence;
pub(crate) use json::{Answers, DOUBLED_ID, Line, mark_doubled};
pub(crate) use offsets::Offsets;
pub(crate) use rows::{Rows, rows_header};
pub use sink::Sink;
pub(crate) use sink::{is_standard, pack};
pub(crate) use terminal::{Look, legend, row};
#[allow(unused_imports)]
pub(crate) use votes::{Voter, Votes, names as vote_names, vote};
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
