//! Where studies come from: folders of DICOM files, tables, FHIR resources, DICOMweb servers; each as rows of the
//! study table, in an order that depends on the source alone.
//!
//! No message holds a patient's id or name: files, rows and addresses are told by place.

#[cfg(feature = "sql")]
pub(crate) mod filter;
#[cfg(feature = "dicom")]
mod folder;
pub(crate) mod level;
pub(crate) mod quality;

use crate::Error;
use crate::input::Told;
use crate::study::StudyRow;
use std::path::Path;

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
    /// So many more files were looked into.
    fn files(&mut self, count: u64) {
        let _ = count;
    }
}

/// Reads every source in turn: a folder or file of DICOM, a table (CSV, TSV, Parquet, Arrow), FHIR ImagingStudy (JSON,
/// NDJSON), DICOM JSON, or the `http(s)://` address of a DICOMweb server.
///
/// # Errors
/// A source that cannot be read at all; what is wrong within one is told and the rest is read.
pub(crate) fn read(sources: &[String], options: &Options, take: &mut dyn Take) -> Result<(), Error> {
    for source in sources {
        let path = Path::new(source);
        match kind(source)? {
            Kind::Folder => folder::folder(path, options, take)?,
            Kind::Dicom => folder::file(path, options, take)?,
        }
    }
    Ok(())
}

/// What a source is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// A folder, of DICOM files.
    Folder,
    /// A DICOM file or a DICOMDIR.
    Dicom,
}

/// What a source is, by its place and its first bytes.
fn kind(source: &str) -> Result<Kind, Error> {
    let metadata = std::fs::metadata(source).map_err(|e| Error::input(source, e))?;
    Ok(if metadata.is_dir() { Kind::Folder } else { Kind::Dicom })
}

/// Stands where this program was built without DICOM.
#[cfg(not(feature = "dicom"))]
mod folder {
    use super::{Error, Options, Path, Take};

    pub(super) fn folder(path: &Path, _: &Options, _: &mut dyn Take) -> Result<(), Error> {
        let message = "DICOM: this radlabel was built without it; expected one built with --features dicom or full";
        Err(Error::input(path.display().to_string(), message))
    }

    pub(super) use folder as file;
}
