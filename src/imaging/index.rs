//! Tables of studies, series or images (CSV, TSV, Parquet, Arrow, JSON lines) -> rows of the study table.
//!
//! A row keeps what it has, whatever its level. A cell that is no value of its field is told by line and counted as
//! missing; a row that names no study, patient or file, or has other cells than the header, is told and left out.

use super::Take;
use super::columns::{self, Target, Targets};
use crate::Error;
use crate::input::Told;
use crate::input::records::{Cell, Frame, Given, Opened, cells};
use crate::study::StudyRow;
use serde_json::{Map, Value};
use std::fmt::Display;

/// Reads a table of text.
///
/// # Errors
/// A header that names no study, patient or file; whatever the taker says.
pub(crate) fn delimited(opened: Opened, delimiter: u8, take: &mut dyn Take) -> Result<(), Error> {
    let name = opened.name.clone();
    let names = opened.header(delimiter)?;
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    // What is no table at all comes here too.
    let targets = taken(&name, &names, take).map_err(|error| match error {
        Error::Input { place, message } => {
            Error::input(place, format!("no DICOM file, no JSON, and as a table {message}"))
        }
        other => other,
    })?;
    // A header may end in commas that the rows do not have.
    let least = names.iter().rposition(|n| !n.is_empty()).map_or(0, |last| last + 1);
    let mut found: Vec<Cell> = Vec::new();
    opened.records(Frame::Row(delimiter)).each(|given| {
        let (place, text) = match given {
            Given::Told(told) => return tell(take, told),
            Given::Record(place, text) => (place, text),
        };
        if let Err(message) = cells(text, delimiter, &mut found) {
            return tell(take, Told::problem(place.to_string(), message));
        }
        let beyond = found.get(names.len()..).unwrap_or(&[]);
        if found.len() < least || beyond.iter().any(|c| !c.text(text).trim().is_empty()) {
            let message = format!("{} cells in a table of {} columns; the row was left out", found.len(), names.len());
            return tell(take, Told::problem(place.to_string(), message));
        }
        let mut row = StudyRow::default();
        for (cell, target) in found.iter().zip(&targets.of) {
            if let Some(target) = *target {
                put(&mut row, target, &cell.text(text), &place, take);
            }
        }
        give(row, &place, take)
    })
}

/// Reads one object a record, a key a column, as `radlabel studies --format jsonl` writes them.
pub(crate) fn objects(opened: Opened, frame: Frame, take: &mut dyn Take) -> Result<(), Error> {
    let name = opened.name.clone();
    let mut known: Vec<String> = Vec::new();
    let mut targets = Targets::default();
    let mut first = true;
    opened.records(frame).each(|given| {
        let (place, text) = match given {
            Given::Told(told) => return tell(take, told),
            Given::Record(place, text) => (place, text),
        };
        let object: Map<String, Value> = match serde_json::from_str(text) {
            Ok(object) => object,
            Err(error) => {
                let message = match serde_json::from_str::<serde::de::IgnoredAny>(text) {
                    Ok(_) => "no JSON object; expected one with keys as study_uid, accession, date".to_owned(),
                    Err(_) => crate::input::json_fault(&error),
                };
                return tell(take, Told::problem(place.to_string(), message));
            }
        };
        // Objects need not have the same keys; those of the first are told.
        if object.len() != known.len() || object.keys().zip(&known).any(|(key, known)| key != known) {
            known = object.keys().cloned().collect();
            let names: Vec<&str> = known.iter().map(String::as_str).collect();
            match columns::targets(&names) {
                Ok(found) => targets = found,
                Err(message) => {
                    known.clear();
                    return tell(take, Told::problem(place.to_string(), message));
                }
            }
            if std::mem::take(&mut first) {
                targets.tell(&name, take);
            }
        }
        let mut row = StudyRow::default();
        for (value, target) in object.values().zip(&targets.of) {
            let Some(target) = *target else { continue };
            let texts = matches!(target, Target::Field(n) if crate::study::COLUMNS[n].name == "problems");
            match scalar(value, if texts { "; " } else { "\\" }) {
                Some(cell) => put(&mut row, target, &cell, &place, take),
                None => bad(&mut row, target, &place, take),
            }
        }
        give(row, &place, take)
    })
}

/// A value as the text of a cell; `None` where it is an object or holds one.
fn scalar(value: &Value, between: &str) -> Option<String> {
    match value {
        Value::Null => Some(String::new()),
        Value::String(text) => Some(text.clone()),
        Value::Array(values) => {
            let values: Option<Vec<String>> = values.iter().map(|v| scalar(v, between)).collect();
            Some(values?.join(between))
        }
        Value::Object(_) => None,
        other => Some(other.to_string()),
    }
}

/// Reads a Parquet or Arrow file.
#[cfg(feature = "arrow")]
pub(crate) fn columnar(opened: Opened, path: &std::path::Path, take: &mut dyn Take) -> Result<(), Error> {
    use crate::arrow::read::{self, Rows};
    use crate::arrow::text;
    const BATCH_ROWS: usize = 1 << 12;
    const BATCH_BYTES: usize = 1 << 20;
    let Opened { name, feed, .. } = opened;
    let refuse = |message: String| Error::input(&name, message);
    let kind = read::kind(&feed.head).ok_or_else(|| refuse("neither Parquet nor Arrow IPC".to_owned()))?;
    let mut rows = if path.is_file() && !feed.is_packed() {
        Rows::open(path, kind)
    } else {
        Rows::ipc(Box::new(feed.reader), kind, None)
    }
    .map_err(refuse)?;
    let names: Vec<&str> = rows.columns().iter().map(|c| c.name.as_str()).collect();
    let mut targets = taken(&name, &names, take)?;
    for (target, column) in targets.of.iter_mut().zip(rows.columns()) {
        if target.is_some() && !column.readable {
            *target = None;
            let message = format!("column {} is {}; expected text, numbers or dates", column.name, column.kind);
            take.tell(Told::warning(&name, message));
        }
    }
    let kept: Vec<(usize, Target)> = targets.of.iter().enumerate().filter_map(|(i, t)| Some((i, (*t)?))).collect();
    rows.project(&kept.iter().map(|k| k.0).collect::<Vec<_>>()).map_err(refuse)?;
    let mut number: u64 = 0;
    loop {
        let batch = match rows.next(BATCH_ROWS, BATCH_BYTES) {
            Ok(None) => return Ok(()),
            Ok(Some(batch)) => batch,
            Err(message) => {
                take.tell(Told::problem(&name, message));
                continue;
            }
        };
        for at in 0..batch.num_rows() {
            number += 1;
            let place = format_args!("{name}: record {number}").to_string();
            let mut row = StudyRow::default();
            for (column, (_, target)) in batch.columns().iter().zip(&kept) {
                match text::text(column, at) {
                    Ok(Some(cell)) => put(&mut row, *target, &cell.text, &place, take),
                    Ok(None) => {}
                    Err(_) => bad(&mut row, *target, &place, take),
                }
            }
            give(row, &place, take)?;
        }
    }
}

/// As above, in a build that cannot.
#[cfg(not(feature = "arrow"))]
pub(crate) fn columnar(opened: Opened, _: &std::path::Path, _: &mut dyn Take) -> Result<(), Error> {
    let message = "Parquet or Arrow, which this radlabel was built without; expected one built with --features full";
    Err(Error::input(opened.name, message))
}

/// What the columns are taken for, told.
fn taken(name: &str, names: &[&str], take: &mut dyn Take) -> Result<Targets, Error> {
    let targets = columns::targets(names).map_err(|m| Error::input(name, m))?;
    targets.tell(name, take);
    Ok(targets)
}

fn put(row: &mut StudyRow, target: Target, cell: &str, place: &dyn Display, take: &mut dyn Take) {
    if !columns::put(row, target, cell) {
        bad(row, target, place, take);
    }
}

/// A cell that is no value of its field.
fn bad(row: &mut StudyRow, target: Target, place: &dyn Display, take: &mut dyn Take) {
    let field = columns::field(target);
    row.problems.push(format!("bad-{}", field.replace(' ', "-")));
    take.tell(Told::problem(place.to_string(), format!("the cell of {field} is no such value; read as missing")));
}

/// Gives a row on, unless it says of nothing what it tells.
pub(crate) fn give(row: StudyRow, place: &dyn Display, take: &mut dyn Take) -> Result<(), Error> {
    if columns::is_known(&row) {
        return take.row(row);
    }
    let message = "neither a UID nor an accession number, a patient id or a file; the row was left out";
    tell(take, Told::problem(place.to_string(), message))
}

/// Tells and goes on.
pub(crate) fn tell(take: &mut dyn Take, told: Told) -> Result<(), Error> {
    take.tell(told);
    Ok(())
}
