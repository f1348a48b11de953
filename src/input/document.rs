//! A report as a document format gives it: HL7, FHIR, BioC, DICOM, Open-i.
//!
//! The parsers of these formats are pure functions from the text (or bytes) of one record to its documents.

use crate::StudyKey;

/// One report, before it has an id for certain.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Document {
    /// The id that the format gives.
    pub(crate) id: Option<String>,
    /// The text.
    pub(crate) text: String,
    /// What ties it to a study.
    pub(crate) study: StudyKey,
    /// It came in sections, and all are empty.
    pub(crate) empty: bool,
    /// Where the text is a stripped one: a byte of the text and the code point of the original that stands there,
    /// ascending; between two such places both advance alike. Empty: the text is the original.
    pub(crate) origin: Vec<(u32, u32)>,
}
