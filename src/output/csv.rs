//! Labels as CheXpert lays them out: a column a label, 1.0 present, 0.0 absent, -1.0 uncertain, blank not
//! mentioned (Irvin 2019), so that what reads CheXpert's tables reads ours.

use crate::Status;
use crate::label::{Label, Policy};
use crate::rules::Scheme;
use std::io;

/// The header line.
pub(crate) fn csv_header(scheme: &Scheme) -> io::Result<Vec<u8>> {
    let mut writer = ::csv::Writer::from_writer(Vec::new());
    writer.write_record(std::iter::once("id").chain(scheme.labels.iter().map(|l| &*l.name)))?;
    writer.into_inner().map_err(|e| e.into_error())
}

/// The line of one report.
pub(crate) fn csv_row(
    writer: &mut ::csv::Writer<Vec<u8>>,
    id: &str,
    labels: &[Label],
    scheme: &Scheme,
    policy: Policy,
) -> io::Result<()> {
    writer.write_field(id)?;
    let mut labels = labels.iter().peekable();
    for number in 0..scheme.labels.len() {
        let label = labels.next_if(|l| l.label as usize == number);
        writer.write_field(match label.and_then(|l| policy.apply(l.value)) {
            Some(Status::Present) => "1.0",
            Some(Status::Absent) => "0.0",
            Some(Status::Uncertain) => "-1.0",
            None => "",
        })?;
    }
    writer.write_record(None::<&[u8]>)?;
    Ok(())
}
