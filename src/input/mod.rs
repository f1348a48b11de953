//! Bytes -> reports: files, folders, tables and streams, read once, in order, in bounded batches.
//!
//! One thread cuts the input into records and does nothing dearer ([`Input::fill`]); the threads that
//! analyse also decode, unescape and parse ([`Batch::read`]). So the order of reports never depends on
//! the number of threads, and memory never on the size of the input. Nothing here knows the engine, and
//! no message holds report text: a fault is told by file, line and size.

mod batch;
pub(crate) mod bioc;
#[cfg(feature = "arrow")]
mod columnar;
pub(crate) mod columns;
mod cut;
mod delimited;
mod document;
mod encoding;
mod feed;
pub(crate) mod fhir;
mod folder;
mod frame;
mod hl7;
pub(crate) mod html;
mod jsonl;
mod mimic;
mod openi;
mod plan;
pub(crate) mod records;

pub(crate) use batch::too_long;
pub use batch::{Batch, Reading};
#[cfg(feature = "dicom")]
pub(crate) use document::Document;
pub(crate) use encoding::{decode_guessed, not_text};
pub(crate) use folder::is_report_file;
pub(crate) use jsonl::fault as json_fault;
pub use plan::Input;

use std::fmt;

/// A radiology report is a few KB; what is over 1 MiB is an archive in one file.
pub const MAX_REPORT_BYTES: usize = 1 << 20;

/// What a source of reports looks like inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// One report, plain text
    Txt,
    /// A table with commas (or semicolons) and a header line
    Csv,
    /// A table with tabs and a header line
    Tsv,
    /// One JSON object a line
    Jsonl,
    /// One report of the Open-i (Indiana University) collection, XML
    Openi,
    /// HL7 v2 messages (ORU^R01), alone, in batches or framed by MLLP
    Hl7,
    /// FHIR R4: DiagnosticReports, a Bundle, or one resource a line
    Fhir,
    /// A BioC collection, XML or JSON
    Bioc,
    /// A DICOM structured report
    Dicom,
    /// A Parquet file
    Parquet,
    /// An Arrow IPC file or stream (Feather)
    Arrow,
}

impl Format {
    /// One report (or a few) fills the file.
    pub(crate) const fn is_whole(self) -> bool {
        matches!(self, Format::Txt | Format::Openi | Format::Dicom)
    }

    /// Columns of an Arrow table, not bytes of text.
    pub(crate) const fn is_columnar(self) -> bool {
        matches!(self, Format::Parquet | Format::Arrow)
    }
}

/// How to read the input.
#[derive(Clone, Debug)]
pub struct Options {
    /// The format, where it is not to be recognised by ending and content.
    pub format: Option<Format>,
    /// The encoding's label (`windows-1252`), or `auto`.
    pub encoding: String,
    /// The column or key that holds the id.
    pub id_column: Option<String>,
    /// The columns or keys that hold the text, joined in this order.
    pub text_columns: Vec<String>,
    /// A longer report is told and left out.
    pub max_report_bytes: usize,
    /// Of folders, only the files that one of these patterns fits (`**/*.txt`), by their path below the folder.
    pub globs: Vec<String>,
    /// At most so many records are read.
    pub limit: Option<u64>,
    /// A record need not have a text: only what ties it to its study is wanted.
    pub keys_only: bool,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            format: None,
            encoding: "auto".to_owned(),
            id_column: None,
            text_columns: Vec::new(),
            max_report_bytes: MAX_REPORT_BYTES,
            globs: Vec::new(),
            limit: None,
            keys_only: false,
        }
    }
}

/// How bad a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gravity {
    /// What was guessed; the run is as it should be.
    Guess,
    /// Odd, but nothing was lost.
    Warning,
    /// Something could not be read and was left out: the run ends with exit code 1.
    Problem,
}

/// Something to tell the user about the input. Holds no report text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// How bad it is.
    pub gravity: Gravity,
    /// File, and line where there is one.
    pub place: String,
    /// What was found and what was expected.
    pub message: String,
}

impl Told {
    pub(crate) fn problem(place: impl Into<String>, message: impl Into<String>) -> Self {
        Told { gravity: Gravity::Problem, place: place.into(), message: message.into() }
    }

    pub(crate) fn warning(place: impl Into<String>, message: impl Into<String>) -> Self {
        Told { gravity: Gravity::Warning, place: place.into(), message: message.into() }
    }

    pub(crate) fn guess(place: impl Into<String>, message: impl Into<String>) -> Self {
        Told { gravity: Gravity::Guess, place: place.into(), message: message.into() }
    }
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.gravity {
            Gravity::Guess => "",
            Gravity::Warning => "warning: ",
            Gravity::Problem => "problem: ",
        };
        write!(f, "{kind}{}: {}", self.place, self.message)
    }
}
