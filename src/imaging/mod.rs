//! Where studies come from: folders of DICOM files, tables, FHIR resources, DICOMweb servers; each as rows of the
//! study table, in an order that depends on the source alone.
//!
//! No message holds a patient's id or name: files, rows and addresses are told by place.

mod cells;
mod columns;
mod dicom_json;
mod fhir;
#[cfg(feature = "dicomweb")]
mod http;
mod index;
#[cfg(feature = "dicomweb")]
mod pages;
#[cfg(feature = "dicomweb")]
mod qido;
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
}

/// Reads every source in turn: a folder or file of DICOM, a table (CSV, TSV, Parquet, Arrow), FHIR ImagingStudy (JSON,
/// NDJSON), DICOM JSON, or the `http(s)://` address of a DICOMweb server.
///
/// # Errors
/// A source that cannot be read at all; what is wrong within one is told and the rest is read.
pub(crate) fn read(sources: &[String], options: &Options, take: &mut dyn Take) -> Result<(), Error> {
    sources.iter().try_for_each(|source| {
        if is_address(source) { server(source, options, take) } else { file(Path::new(source), take) }
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
fn file(path: &Path, take: &mut dyn Take) -> Result<(), Error> {
    let opened = records::open(path)?;
    match opened.shape {
        Shape::Table(delimiter) => index::delimited(opened, delimiter, take),
        Shape::Columnar => index::columnar(opened, path, take),
        Shape::Json if holds(&opened.feed.head, b"\"resourceType\"") => {
            let frame = opened.json(path, true);
            fhir::file(opened, frame, take)
        }
        Shape::Json if dicom_json::looks_like(&opened.feed.head) => dicom_json::file(opened, take),
        Shape::Json => {
            let frame = opened.json(path, false);
            index::objects(opened, frame, take)
        }
        Shape::Dicom => Err(Error::input(opened.name, "a DICOM file, which is not read yet")),
    }
}

fn holds(head: &[u8], needle: &[u8]) -> bool {
    memchr::memmem::find(head, needle).is_some()
}

#[cfg(test)]
mod tests;
