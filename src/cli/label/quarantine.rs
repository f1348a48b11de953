//! The file that tells every record that could not be read: where and why, never its text.

use crate::Error;
use crate::input::{Gravity, Told};
use crate::output::Sink;
use std::io;
use std::path::Path;

/// The file, written in the order of the input.
pub(super) struct Quarantine {
    sink: Sink,
    rows: csv::Writer<Vec<u8>>,
}

impl Quarantine {
    /// Begins the file.
    pub(super) fn open(path: &Path) -> Result<Quarantine, Error> {
        let sink = Sink::open(Some(path))?;
        let mut rows = csv::Writer::from_writer(Vec::new());
        // Writing to memory cannot fail.
        let _ = rows.write_record(["file", "record", "problem"]);
        Ok(Quarantine { sink, rows })
    }

    /// Takes what is a problem.
    pub(super) fn take(&mut self, told: &Told) {
        if told.gravity == Gravity::Problem {
            let (file, record) = parted(&told.place);
            let _ = self.rows.write_record([file, record, &told.message]);
        }
    }

    /// Ends the file.
    pub(super) fn finish(mut self) -> io::Result<()> {
        let rows = self.rows.into_inner().unwrap_or_default();
        let packed = self.sink.packing.pack(rows)?;
        self.sink.write(&packed)?;
        self.sink.finish()
    }
}

/// A place as file and number of the line or record; the number is blank where the whole file is meant.
fn parted(place: &str) -> (&str, &str) {
    let number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    match place.rsplit_once(": record ").or_else(|| place.rsplit_once(':')) {
        Some((file, record)) if number(record) => (file, record),
        _ => (place, ""),
    }
}
