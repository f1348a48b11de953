//! Where studies come from: folders of DICOM files, tables, FHIR resources, DICOMweb servers; each as rows of the
//! study table, in an order that depends on the source alone.
//!
//! No message holds a patient's id or name: files, rows and addresses are told by place.

use crate::Error;
use crate::input::Told;
use crate::study::StudyRow;

/// How to read the sources.
#[derive(Clone, Debug, Default)]
pub(crate) struct Options {
    /// Threads that read files.
    pub(crate) threads: usize,
    /// Hash the pixel data of files, to find doubled images.
    pub(crate) pixel_hash: bool,
}

/// Takes the rows and the messages of a source.
pub(crate) trait Take {
    /// The next row.
    ///
    /// # Errors
    /// Whatever hinders going on.
    fn row(&mut self, row: StudyRow) -> Result<(), Error>;
    /// Something to tell.
    fn tell(&mut self, told: Told);
}

/// Reads every source in turn: a folder or file of DICOM, a table (CSV, TSV, Parquet, Arrow), FHIR ImagingStudy (JSON,
/// NDJSON), DICOM JSON, or the `http(s)://` address of a DICOMweb server.
///
/// # Errors
/// A source that cannot be read at all; what is wrong within one is told and the rest is read.
pub(crate) fn read(sources: &[String], options: &Options, take: &mut dyn Take) -> Result<(), Error> {
    let _ = (options, take);
    match sources.first() {
        Some(source) => Err(Error::input(source, "not read yet")),
        None => Ok(()),
    }
}
