//! Labels as tables.
//!
//! Wide: as CheXpert lays them out, a column a label, 1.0 present, 0.0 absent, -1.0 uncertain, blank not
//! mentioned (Irvin 2019), so that what reads CheXpert's tables reads ours. Long: a line a label that is
//! mentioned, for schemes of thousands. With several schemes a label is named `scheme:label` in both.

use super::Labelled;
use crate::Status;
use crate::label::Policy;
use crate::rules::Scheme;
use std::borrow::Cow;
use std::io;

/// The header line of a wide table.
pub(crate) fn csv_header(schemes: &[&Scheme]) -> io::Result<Vec<u8>> {
    let mut writer = ::csv::Writer::from_writer(Vec::new());
    writer.write_field("id")?;
    for scheme in schemes {
        for number in 0..scheme.labels.len() {
            writer.write_field(&*label_name(scheme, number, schemes.len() > 1))?;
        }
    }
    writer.write_record(None::<&[u8]>)?;
    writer.into_inner().map_err(|e| e.into_error())
}

/// The line of one report in a wide table.
pub(crate) fn csv_row(
    writer: &mut ::csv::Writer<Vec<u8>>,
    id: &str,
    labelled: &[Labelled],
    policy: Policy,
) -> io::Result<()> {
    writer.write_field(id)?;
    for one in labelled {
        let mut labels = one.labels.iter().peekable();
        for number in 0..one.scheme.labels.len() {
            let label = labels.next_if(|l| l.label as usize == number);
            writer.write_field(value(label.and_then(|l| policy.apply(l.value))))?;
        }
    }
    writer.write_record(None::<&[u8]>)?;
    Ok(())
}

/// The header line of a long table.
pub(crate) const LONG_HEADER: &[u8] = b"id,label,value\n";

/// The lines of one report in a long table.
pub(crate) fn long_rows(
    writer: &mut ::csv::Writer<Vec<u8>>,
    id: &str,
    labelled: &[Labelled],
    policy: Policy,
) -> io::Result<()> {
    for one in labelled {
        for label in &one.labels {
            if let Some(status) = policy.apply(label.value) {
                let name = label_name(one.scheme, label.label as usize, labelled.len() > 1);
                writer.write_record([id, &*name, status.name()])?;
            }
        }
    }
    Ok(())
}

/// A value of a wide table.
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
