//! Findings and labels -> files that other tools read, whole or not at all.
//!
//! Writers append to byte buffers, so that threads serialise what they have just analysed; [`Sink`] then
//! puts the buffers in order. Nothing here knows the command line.

mod csv;
mod json;
mod names;
mod offsets;
mod passing;
mod sink;
mod terminal;
mod whole;

pub(crate) use self::csv::{csv_header, csv_row};
pub(crate) use json::{Answers, DOUBLED_ID, Line, mark_doubled};
pub(crate) use offsets::Offsets;
pub use sink::Sink;
pub(crate) use sink::{is_standard, pack};
pub(crate) use terminal::{Look, legend, row};
pub(crate) use whole::{Whole, alerts_header};

/// JSON Schema of a line that `radlabel label --format jsonl` writes.
pub const REPORT_SCHEMA: &str = include_str!("report.schema.json");
/// JSON Schema of a line that `radlabel assert` writes.
pub const ASSERTIONS_SCHEMA: &str = include_str!("assertions.schema.json");
