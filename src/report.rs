//! A report: its text, which is never rewritten, and what identifies it.

use serde::{Deserialize, Serialize};

/// What ties a report to an imaging study. Every field is as the source gave it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct StudyKey {
    /// Accession number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accession: Option<String>,
    /// DICOM Study Instance UID.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub study_uid: Option<String>,
    /// Patient id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub patient_id: Option<String>,
    /// Study date.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub date: Option<String>,
    /// DICOM modality code (`CR`, `CT`, ...).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub modality: Option<String>,
    /// Body part examined.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body_part: Option<String>,
    /// The patient's sex.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sex: Option<String>,
    /// The patient's age.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub age: Option<String>,
    /// When the report was written or released.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub report_time: Option<String>,
    /// The report's status, as a code of FHIR's DiagnosticReport where the format has one: `preliminary`, `final`,
    /// `amended`, `corrected`, `appended`, `cancelled`, `entered-in-error`, `registered`, `partial`, `unknown`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub report_status: Option<String>,
}

/// One report. The engine reads at most `u32::MAX` bytes of text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// The report's id; need not be unique.
    pub id: String,
    /// The whole text, as given.
    pub text: String,
    /// What ties it to a study.
    pub study: StudyKey,
}

impl Report {
    /// A report with an id and a text.
    pub fn new(id: impl Into<String>, text: impl Into<String>) -> Self {
        Report { id: id.into(), text: text.into(), study: StudyKey::default() }
    }
}
