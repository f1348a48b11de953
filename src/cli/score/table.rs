//! A CheXpert table (CSV) -> report ids and their labels.

use crate::Error;
use crate::cli::label_table::label_value;
use crate::rules::Status;
use std::collections::BTreeMap;

/// Label columns, and for every row the report's id and its labels.
pub(super) type Table = (Vec<String>, Vec<(String, BTreeMap<String, Status>)>);

/// A CheXpert table: the first column is the report, the others labels with 1, 0, -1 or nothing. Columns
/// that are no labels (sex, age, view) are carried by many such files, so a column counts as a label when
/// all its values read as one.
pub(super) fn read(name: &str, text: &str) -> Result<Table, Error> {
    let mut reader = csv::ReaderBuilder::new().flexible(false).from_reader(text.as_bytes());
    let csv_error = |e: csv::Error| {
        let line = e.position().map_or(1, csv::Position::line);
        Error::input(
            format!("{name}:{line}"),
            "a row with another number of fields than the header; expected a CSV table",
        )
    };
    let header: Vec<String> = reader.headers().map_err(csv_error)?.iter().map(|h| h.trim().to_owned()).collect();
    let known = super::compare::known_labels();
    if header.len() < 2 {
        return Err(Error::input(
            format!("{name}:1"),
            format!(
                "{} column(s); expected JSON lines, or a table of the report id and one column a label",
                header.len()
            ),
        ));
    }
    let mut rows = Vec::new();
    let mut is_label: Vec<bool> = header.iter().enumerate().map(|(i, _)| i > 0).collect();
    for record in reader.records() {
        let record = record.map_err(csv_error)?;
        let mut labels = BTreeMap::new();
        for (i, field) in record.iter().enumerate().skip(1) {
            match label_value(field) {
                Some(None) => {}
                Some(Some(status)) => drop(labels.insert(header[i].clone(), status)),
                None if known.contains(&header[i]) => {
                    let line = record.position().map_or(1, csv::Position::line);
                    return Err(Error::input(
                        format!("{name}:{line}"),
                        format!("column {:?} is {}; expected 1, 0, -1 or nothing", header[i], crate::shown(field)),
                    ));
                }
                None => is_label[i] = false,
            }
        }
        rows.push((record.get(0).unwrap_or_default().to_owned(), labels));
    }
    // A column of ages may hold a 1 by chance: what is no label for one row is none for all.
    for (_, labels) in &mut rows {
        labels.retain(|label, _| header.iter().zip(&is_label).any(|(h, l)| *l && h == label));
    }
    let columns = header.into_iter().zip(is_label).filter(|c| c.1).map(|c| c.0).collect();
    Ok((columns, rows))
}
