//! Where studies come from: folders of DICOM files, tables, FHIR resources, DICOMweb servers; each as rows of the
//! study table, in an order that depends on the source alone.
//!
//! No message holds a patient's id or name: files, rows and addresses are told by place.

mod cells;
mod columns;
mod dicom_json;
mod fhir;
#[cfg(feature = "sql")]
pub(crate) mod filter;
#[cfg(feature = "dicom")]
mod folder;
#[cfg(feature = "dicomweb")]
mod http;
mod index;
pub(crate) mod level;
#[cfg(feature = "dicomweb")]
mod pages;
#[cfg(feature = "dicomweb")]
mod qido;
pub(crate) mod quality;
pub(crate) mod server;

use crate::Error;
use crate::input::Told;
use crate::input::records::{self, Shape};
use crate::study::StudyRow;
use std::path::Path;

/// How to read the sources.
#[derive(Clone, Debug, Default)]
pub(crate) struct Options {
    /// Threads that read files.
    pub(crate) threads: usize,
    /// Hash the pixel data of files, to find doubled images.
    pub(crate) pixel_hash: bool,
    /// How to ask servers.
    pub(crate) server: server::Server,
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
    sources.iter().try_for_each(|source| match Path::new(source) {
        _ if is_address(source) => server(source, options, take),
        path if path.is_dir() => folder::folder(path, options, take),
        path => file(path, options, take),
    })
}

/// The source is a server's.
pub(crate) fn is_address(source: &str) -> bool {
    let begins = |scheme: &str| source.get(..scheme.len()).is_some_and(|s| s.eq_ignore_ascii_case(scheme));
    begins("http://") || begins("https://")
}

#[cfg(feature = "dicomweb")]
fn server(source: &str, options: &Options, take: &mut dyn Take) -> Result<(), Error> {
    qido::read(source, &options.server, take)
}

#[cfg(not(feature = "dicomweb"))]
fn server(_: &str, _: &Options, _: &mut dyn Take) -> Result<(), Error> {
    let message = "a server, which this radlabel was built without; expected one built with --features dicomweb";
    Err(Error::Usage(message.to_owned()))
}

/// Reads a file, or standard input for `-`, as what it looks like inside.
fn file(path: &Path, options: &Options, take: &mut dyn Take) -> Result<(), Error> {
    let opened = records::open(path)?;
    match opened.shape {
        Shape::Dicom => folder::file(path, options, take),
        Shape::Columnar => index::columnar(opened, path, take),
        Shape::Table(delimiter) => index::delimited(opened, delimiter, take),
        Shape::Json if memchr::memmem::find(&opened.feed.head, b"\"resourceType\"").is_some() => {
            let frame = opened.json(path, true);
            fhir::file(opened, frame, take)
        }
        Shape::Json if dicom_json::looks_like(&opened.feed.head) => dicom_json::file(opened, take),
        Shape::Json => {
            let frame = opened.json(path, false);
            index::objects(opened, frame, take)
        }
    }
}

/// Stands where this program was built without SQLite.
#[cfg(not(feature = "sql"))]
pub(crate) mod filter {
    use super::{Error, StudyRow};

    pub(crate) struct Filter;

    impl Filter {
        pub(crate) fn new(_: &str) -> Result<Filter, Error> {
            let message = "--where: this radlabel was built without it; expected one built with --features sql or full";
            Err(Error::Usage(message.to_owned()))
        }

        pub(crate) fn holds(&self, _: &StudyRow) -> Result<bool, Error> {
            Ok(true)
        }
    }
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

#[cfg(test)]
mod tests;
