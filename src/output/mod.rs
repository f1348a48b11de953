//! Findings and labels -> files that other tools read, whole or not at all.
//!
//! Writers append to byte buffers, so that threads serialise what they have just analysed; [`Sink`] then
//! puts the buffers in order. Nothing here knows the command line.

pub(crate) mod bioc;
pub(crate) mod brat;
mod confidence;
mod csv;
pub(crate) mod fhir;
mod json;
mod json_rows;
mod offsets;
#[cfg(test)]
pub(crate) mod pages;
pub(crate) mod pair_page;
mod passing;
mod rows;
mod said;
mod sink;
pub(crate) mod studies;
pub(crate) mod table;
mod tables;
mod terminal;
mod votes;
mod whole;

pub(crate) use self::csv::{CsvCells, csv_header, label_name, value};
pub(crate) use confidence::confidence;
pub(crate) use json::{Answers, DOUBLED_ID, Line, mark_doubled};
pub(crate) use json_rows::JsonCells;
pub(crate) use offsets::Offsets;
pub(crate) use passing::PassingFolder;
pub(crate) use rows::Rows;
pub(crate) use sink::is_standard;
pub use sink::{Packing, Sink};
pub(crate) use tables::{Added, Shape, Table, code as label_code};
pub(crate) use terminal::{Look, legend, row};
pub(crate) use votes::{Voter, Votes, names as vote_names, vote};
pub(crate) use whole::{Whole, alerts_header};

/// The labels of one report under one scheme.
pub(crate) struct Labelled<'a> {
    pub(crate) scheme: &'a crate::rules::Scheme,
    pub(crate) labels: Vec<crate::Label>,
    /// For each of them the probability that its value is right; empty unless asked for.
    pub(crate) confidence: Vec<f32>,
}

/// A report's file name without its ending: its id, with what file systems or shells may mind as `%XX`. File systems
/// take names of 255 bytes: a longer id is cut off, and a name that is there gets a number.
pub(crate) fn file_name(id: &str) -> String {
    let mut out = String::new();
    for (i, byte) in id.bytes().enumerate() {
        let plain = byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-') || (byte == b'.' && i > 0);
        match plain {
            true => out.push(byte as char),
            false => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out.truncate(200);
    out
}

/// JSON Schema of a line that `radlabel label --format jsonl` writes.
pub const REPORT_SCHEMA: &str = include_str!("report.schema.json");
/// JSON Schema of a line that `radlabel assert` writes.
pub const ASSERTIONS_SCHEMA: &str = include_str!("assertions.schema.json");
