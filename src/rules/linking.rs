//! How reports are tied to studies, as data: what each field weighs, which spellings are one.
//!
//! `rules/linking.toml` holds it; [`crate::link`] weighs with it.

use std::collections::BTreeMap;

/// A field that report and study may both tell, in order of trust.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Field {
    /// Study Instance UID.
    StudyUid,
    /// Accession number.
    Accession,
    /// Patient id.
    PatientId,
    /// Study date.
    Date,
    /// Modality.
    Modality,
    /// Body part.
    BodyPart,
    /// Side of the examination.
    Side,
    /// The patient's sex.
    Sex,
    /// The patient's age.
    Age,
}

impl Field {
    /// All of them.
    pub const ALL: [Field; 9] = [
        Field::StudyUid,
        Field::Accession,
        Field::PatientId,
        Field::Date,
        Field::Modality,
        Field::BodyPart,
        Field::Side,
        Field::Sex,
        Field::Age,
    ];

    /// Its name in rules and tables.
    pub const fn name(self) -> &'static str {
        match self {
            Field::StudyUid => "study_uid",
            Field::Accession => "accession",
            Field::PatientId => "patient_id",
            Field::Date => "date",
            Field::Modality => "modality",
            Field::BodyPart => "body_part",
            Field::Side => "side",
            Field::Sex => "sex",
            Field::Age => "age",
        }
    }

    /// The field of a name.
    pub fn named(name: &str) -> Option<Field> {
        Field::ALL.into_iter().find(|f| f.name() == name)
    }

    /// Its bit in a set of fields.
    pub const fn bit(self) -> u16 {
        1 << self as u16
    }
}

/// What a field weighs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Weighed {
    /// How often a report's value differs from its own study's.
    pub wrong: f64,
    /// How often it is the same by chance; of identifiers, how often it is whole and another study's.
    pub chance: f64,
}

/// How often a patient has another study that is not among those given.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Another {
    /// On the same day.
    pub day: f64,
    /// Within the window.
    pub near: f64,
    /// At all.
    pub ever: f64,
}

/// Pairs of spellings, as tests: which are one, which are not.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pairs {
    /// These are one.
    pub same: Vec<(String, String)>,
    /// These are not.
    pub apart: Vec<(String, String)>,
}

/// A linking file.
#[derive(Clone, Debug, PartialEq)]
pub struct Linking {
    /// The file, for messages.
    pub file: String,
    /// By [`Field::ALL`].
    pub fields: [Weighed; Field::ALL.len()],
    /// Studies that are not among those given.
    pub another: Another,
    /// Characters of accession numbers that are not compared.
    pub ignored: String,
    /// Tests of accession numbers.
    pub accessions: Pairs,
    /// Codes of objects that are no images.
    pub silent: Vec<String>,
    /// Codes by the modality that they are.
    pub modalities: BTreeMap<String, Vec<String>>,
    /// Tests of modalities.
    pub modality_pairs: Pairs,
    /// Codes by the part that they are.
    pub parts: BTreeMap<String, Vec<String>>,
    /// Parts within a part.
    pub holds: BTreeMap<String, Vec<String>>,
    /// Tests of parts.
    pub part_pairs: Pairs,
}
