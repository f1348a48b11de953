//! What reports say beside what was drawn on their images: agreements and conflicts; pure.
//!
//! The findings of a study's reports and the annotations of its images, both as labels of one scheme, are held against
//! each other: status, side, number and size. Knows no file and no finding by name.
//!
//! [`said`] gathers what a report says of each label, [`look`] what is drawn on the images of a study, [`pair`] holds
//! the one against the other. The rules stand where they are decided: status in [`judge`](self), side, number and size
//! in `pair/discord.rs`. All of them follow from three principles:
//!
//! 1. What is not drawn says something only where the source was read for it ([`crate::annotation::Coverage::Whole`],
//!    or an annotation that says absent).
//! 2. A finding is drawn when any reader drew it; that side, number or size contradict is told only when no reader
//!    agrees with the report.
//! 3. Every label is judged by itself. Where values travel along a scheme's hierarchy, what is drawn travels as what is
//!    said does, so the conflict of a narrow label stands at its broader one too.

mod discord;
mod judge;
mod look;
mod said;
#[cfg(test)]
mod tests;

pub use judge::pair;
pub use look::{Drawn, Looked, Mapped, SizeKind, StudyImage, Targets, expand, look};
pub use said::{Amount, Length, Said, said};

use crate::lexicon::Side;
use crate::rules::Status;

/// How report and annotations stand to each other for one study and label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// The report says present, and it is drawn.
    Both,
    /// The report says absent or nothing, and the images were read for it and nothing is drawn.
    Neither,
    /// The report says present; the images were read for it and nothing is drawn.
    ReportOnly,
    /// It is drawn; the report does not mention it.
    ImageOnly,
    /// It is drawn; the report denies it.
    Denied,
    /// It is drawn; the report is uncertain.
    UncertainDrawn,
    /// The report is uncertain; the images were read for it and nothing is drawn.
    UncertainNotDrawn,
    /// The report says present or uncertain; nobody says that the images were read for it.
    NotRead,
}

impl Outcome {
    /// Every outcome with its name in tables, and whether it is a conflict.
    pub const NAMED: [(&'static str, Outcome, bool); 8] = [
        ("both", Outcome::Both, false),
        ("neither", Outcome::Neither, false),
        ("report-only", Outcome::ReportOnly, true),
        ("image-only", Outcome::ImageOnly, true),
        ("denied", Outcome::Denied, true),
        ("uncertain-drawn", Outcome::UncertainDrawn, true),
        ("uncertain-not-drawn", Outcome::UncertainNotDrawn, false),
        ("not-read", Outcome::NotRead, false),
    ];

    /// Its name.
    pub fn name(self) -> &'static str {
        Outcome::NAMED.iter().find(|n| n.1 == self).map_or("", |n| n.0)
    }

    /// Report and annotation cannot both be right, or one of them left something out.
    pub fn is_conflict(self) -> bool {
        Outcome::NAMED.iter().any(|n| n.1 == self && n.2)
    }
}

/// What contradicts where both report and image have the finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Discord {
    /// The sides differ.
    Side,
    /// The numbers differ.
    Count,
    /// The sizes differ.
    Size,
    /// The attenuations differ.
    Attenuation,
}

impl Discord {
    /// All of them.
    pub const ALL: [Discord; 4] = [Discord::Side, Discord::Count, Discord::Size, Discord::Attenuation];

    /// Its name in tables.
    pub const fn name(self) -> &'static str {
        match self {
            Discord::Side => "side",
            Discord::Count => "count",
            Discord::Size => "size",
            Discord::Attenuation => "attenuation",
        }
    }
}

/// From what the side of an annotation was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SideBasis {
    /// The annotation's source tells it.
    Told,
    /// The study is of one side (DICOM laterality).
    Laterality,
    /// Orientation or patient coordinates of the image.
    Orientation,
    /// The view: in a frontal film the patient's left is the image's right.
    View,
}

impl SideBasis {
    /// Its name in tables.
    pub const fn name(self) -> &'static str {
        match self {
            SideBasis::Told => "told",
            SideBasis::Laterality => "laterality",
            SideBasis::Orientation => "orientation",
            SideBasis::View => "view",
        }
    }
}

/// One row: a study (or image) and a label, what the report says and what is drawn.
#[derive(Clone, Debug, PartialEq)]
pub struct Pairing {
    /// Index of the label in the scheme.
    pub label: u32,
    /// How they stand to each other.
    pub outcome: Outcome,
    /// What contradicts besides.
    pub discords: Vec<Discord>,
    /// What the report says; `None`: not mentioned.
    pub status: Option<Status>,
    /// The side that the report tells.
    pub report_side: Option<Side>,
    /// The largest size that the report tells, in mm.
    pub report_size: Option<f64>,
    /// The attenuation that the report tells, in HU; of several the largest.
    pub report_attenuation: Option<f64>,
    /// How many the report tells, in its words or as a number.
    pub report_count: Option<String>,
    /// The mention that decided: index into the analysis.
    pub mention: Option<u32>,
    /// The annotations: set and index within it.
    pub annotations: Vec<(u32, u32)>,
    /// The side of what is drawn, and from what it was told.
    pub image_side: Option<(Side, SideBasis)>,
    /// The largest size of what is drawn, in mm.
    pub image_size: Option<f64>,
    /// The attenuation that was measured, in HU; of several the largest.
    pub image_attenuation: Option<f64>,
    /// How many are drawn; 0 where only a label of the whole image says so.
    pub image_count: u32,
    /// Readers who drew it, and all who read the images, where the source tells its readers.
    pub readers: Option<(u32, u32)>,
}

impl Pairing {
    /// Its outcome is a conflict, or something contradicts besides.
    pub fn is_conflict(&self) -> bool {
        self.outcome.is_conflict() || !self.discords.is_empty()
    }
}
