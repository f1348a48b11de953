//! The shape of the rule files, for serde. Unknown keys are faults.

use super::{Change, Direction, Quantity, Reach, Relation, Status, Subject, Time};
use crate::lexicon::Side;
use serde::Deserialize;
use std::collections::BTreeMap;
use toml::Spanned;

#[derive(Deserialize)]
pub(super) struct Head {
    pub(super) kind: String,
    pub(super) version: u32,
    /// Of schemes and profiles.
    pub(super) id: Option<String>,
    pub(super) title: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CueFile {
    #[serde(rename = "kind")]
    pub(super) _kind: String,
    #[serde(rename = "version")]
    pub(super) _version: u32,
    #[serde(rename = "language")]
    pub(super) _language: String,
    /// Named word lists for `{@name}` in phrases.
    #[serde(default)]
    pub(super) sets: std::collections::BTreeMap<String, Vec<String>>,
    #[serde(default, rename = "cue")]
    pub(super) cues: Vec<CueText>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CueText {
    pub(super) id: Spanned<String>,
    pub(super) why: String,
    pub(super) phrases: Vec<Spanned<String>>,
    pub(super) status: Option<Status>,
    pub(super) time: Option<Time>,
    pub(super) subject: Option<Subject>,
    pub(super) change: Option<Change>,
    pub(super) side: Option<Side>,
    #[serde(default)]
    pub(super) severity: bool,
    /// How old the finding is, how many there are, how a device lies: the value that the words tell.
    pub(super) acuity: Option<String>,
    pub(super) count: Option<String>,
    pub(super) position: Option<String>,
    /// The part that follows is where the tip of a device lies.
    #[serde(default)]
    pub(super) tip: bool,
    #[serde(default)]
    pub(super) alternative: bool,
    pub(super) direction: Direction,
    #[serde(default = "list")]
    pub(super) reach: Reach,
    #[serde(default)]
    pub(super) overrides: bool,
    #[serde(default)]
    pub(super) opens: bool,
    #[serde(default)]
    pub(super) existence: bool,
    #[serde(default)]
    pub(super) asked: bool,
    pub(super) commas: Option<bool>,
    pub(super) hits: Vec<String>,
    pub(super) misses: Vec<String>,
}

fn list() -> Reach {
    Reach::List
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CompositionFile {
    #[serde(rename = "kind")]
    pub(super) _kind: String,
    #[serde(rename = "version")]
    pub(super) _version: u32,
    #[serde(rename = "language")]
    pub(super) _language: String,
    #[serde(default, rename = "composition")]
    pub(super) compositions: Vec<CompositionText>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CompositionText {
    pub(super) id: Spanned<String>,
    pub(super) why: String,
    pub(super) anatomy: Vec<Spanned<String>>,
    #[serde(default)]
    pub(super) descriptor: Vec<Spanned<String>>,
    pub(super) finding: Vec<Spanned<String>>,
    /// It holds of the parts of the part too.
    #[serde(default)]
    pub(super) parts: bool,
    /// A size of the part that makes the finding, instead of a descriptor: `> 130 mm`.
    pub(super) measure: Option<Spanned<String>>,
    pub(super) status: Status,
    pub(super) hits: Vec<String>,
    pub(super) misses: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct MeasureFile {
    #[serde(rename = "kind")]
    pub(super) _kind: String,
    #[serde(rename = "version")]
    pub(super) _version: u32,
    #[serde(rename = "language")]
    pub(super) _language: String,
    #[serde(default, rename = "measure")]
    pub(super) measures: Vec<MeasureText>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct MeasureText {
    pub(super) id: Spanned<String>,
    pub(super) why: String,
    pub(super) phrases: Vec<Spanned<String>>,
    /// The phrases are a unit of this quantity.
    pub(super) unit: Option<Quantity>,
    /// A number of this quantity follows the phrases.
    pub(super) head: Option<Quantity>,
    /// From the unit to the quantity's own (mm, HU, SUV).
    pub(super) factor: Option<f32>,
    /// The phrases bound the number that follows, or tell `size` alone.
    pub(super) relation: Option<Relation>,
    /// Millimetres.
    pub(super) size: Option<f32>,
    /// What follows is of an earlier study.
    #[serde(default)]
    pub(super) prior: bool,
    /// A length before the phrases is a distance, not a size.
    #[serde(default)]
    pub(super) distance: bool,
    /// Bare numerals before a mention count it; the rule has no phrases.
    #[serde(default)]
    pub(super) numeral: bool,
    pub(super) hits: Vec<String>,
    pub(super) misses: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SectionFile {
    #[serde(rename = "kind")]
    pub(super) _kind: String,
    #[serde(rename = "version")]
    pub(super) _version: u32,
    #[serde(rename = "language")]
    pub(super) _language: String,
    #[serde(default, rename = "section")]
    pub(super) sections: Vec<SectionText>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SectionText {
    pub(super) id: Spanned<String>,
    pub(super) why: String,
    pub(super) headings: Vec<Spanned<String>>,
    #[serde(default)]
    pub(super) labels: bool,
    #[serde(default)]
    pub(super) body: bool,
    #[serde(default = "current")]
    pub(super) time: Time,
    #[serde(default = "patient")]
    pub(super) subject: Subject,
    #[serde(default)]
    pub(super) asks: bool,
    /// It ends at a line with an unknown heading.
    #[serde(default)]
    pub(super) line: bool,
    pub(super) hits: Vec<String>,
    pub(super) misses: Vec<String>,
}

fn current() -> Time {
    Time::Current
}

fn patient() -> Subject {
    Subject::Patient
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WordFile {
    #[serde(rename = "kind")]
    pub(super) _kind: String,
    #[serde(rename = "version")]
    pub(super) _version: u32,
    #[serde(rename = "language")]
    pub(super) _language: String,
    #[serde(default, rename = "class")]
    pub(super) classes: Vec<ClassText>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ClassText {
    pub(super) name: Spanned<String>,
    #[serde(rename = "why")]
    pub(super) _why: String,
    pub(super) words: Vec<String>,
}

/// Short forms that mean different findings in different reports.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SenseFile {
    #[serde(rename = "kind")]
    pub(super) _kind: String,
    #[serde(rename = "version")]
    pub(super) _version: u32,
    #[serde(rename = "language")]
    pub(super) _language: String,
    #[serde(default, rename = "sense")]
    pub(super) senses: Vec<SenseText>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SenseText {
    pub(super) id: Spanned<String>,
    pub(super) why: String,
    pub(super) terms: Vec<Spanned<String>>,
    /// The finding meant where no context tells; without it the term is then no finding.
    pub(super) default: Option<Spanned<String>>,
    pub(super) choices: Vec<ChoiceText>,
    pub(super) hits: Vec<String>,
    pub(super) misses: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ChoiceText {
    pub(super) concept: Spanned<String>,
    /// Single words of which the nearest decides.
    pub(super) context: Vec<String>,
}

/// Spellings of the same word on both sides of the Atlantic.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SpellingFile {
    #[serde(rename = "kind")]
    pub(super) _kind: String,
    #[serde(rename = "version")]
    pub(super) _version: u32,
    #[serde(rename = "language")]
    pub(super) _language: String,
    /// Pairs of letters: a vocabulary word that holds the one is also written with the other.
    pub(super) pairs: Vec<[String; 2]>,
    /// Pairs of which the second also stands in words that have no first ("raised").
    #[serde(default)]
    pub(super) endings: Vec<[String; 2]>,
}

/// Ordinary words that are one slip from a word of the vocabulary.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GuardFile {
    #[serde(rename = "kind")]
    pub(super) _kind: String,
    #[serde(rename = "version")]
    pub(super) _version: u32,
    #[serde(rename = "language")]
    pub(super) _language: String,
    /// Parted by white space.
    pub(super) words: String,
}

/// What the confidence of a label is computed from; `radlabel labels calibrate` writes it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CalibrationFile {
    #[serde(rename = "kind")]
    pub(super) _kind: String,
    #[serde(rename = "version")]
    pub(super) _version: u32,
    pub(super) title: String,
    pub(super) date: String,
    /// Log odds without any feature.
    pub(super) base: Spanned<f64>,
    #[serde(rename = "set")]
    pub(super) sets: Vec<CalibrationSetText>,
    pub(super) validation: ValidationText,
    #[serde(rename = "feature")]
    pub(super) features: Vec<FeatureText>,
    #[serde(default, rename = "bin")]
    pub(super) bins: Vec<BinText>,
    /// The model of mentions: the same once more.
    pub(super) mentions: Option<FittedText>,
}

/// One model of a calibration file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FittedText {
    pub(super) base: Spanned<f64>,
    #[serde(rename = "set")]
    pub(super) sets: Vec<CalibrationSetText>,
    pub(super) validation: ValidationText,
    #[serde(rename = "feature")]
    pub(super) features: Vec<FeatureText>,
    #[serde(default, rename = "bin")]
    pub(super) bins: Vec<BinText>,
    #[serde(default)]
    pub(super) caught: Vec<CaughtText>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CaughtText {
    pub(super) share: Spanned<f64>,
    pub(super) wrong: f64,
}

/// How reports are tied to studies.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LinkingFile {
    #[serde(rename = "kind")]
    pub(super) _kind: String,
    #[serde(rename = "version")]
    pub(super) _version: u32,
    #[serde(rename = "title")]
    pub(super) _title: String,
    pub(super) another: AnotherText,
    #[serde(rename = "field")]
    pub(super) fields: Vec<WeighedText>,
    pub(super) accession: AccessionText,
    pub(super) modality: LinkModalityText,
    pub(super) part: LinkPartText,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AnotherText {
    pub(super) day: f64,
    pub(super) near: f64,
    pub(super) ever: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WeighedText {
    pub(super) name: Spanned<String>,
    pub(super) wrong: f64,
    pub(super) chance: Option<f64>,
    pub(super) mixup: Option<f64>,
}

/// Pairs of spellings.
pub(super) type PairsText = Vec<(String, String)>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AccessionText {
    pub(super) ignored: String,
    pub(super) same: PairsText,
    pub(super) apart: PairsText,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LinkModalityText {
    pub(super) silent: Vec<String>,
    pub(super) same: PairsText,
    pub(super) apart: PairsText,
    pub(super) codes: BTreeMap<String, Vec<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LinkPartText {
    pub(super) same: PairsText,
    pub(super) apart: PairsText,
    pub(super) codes: BTreeMap<String, Vec<String>>,
    pub(super) holds: BTreeMap<String, Vec<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CalibrationSetText {
    pub(super) name: Spanned<String>,
    pub(super) unit: String,
    pub(super) reports: u64,
    pub(super) values: u64,
    pub(super) wrong: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct ValidationText {
    pub(super) folds: u32,
    pub(super) model: FigureText,
    pub(super) value_alone: FigureText,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct FigureText {
    pub(super) brier: f64,
    pub(super) log_loss: f64,
    pub(super) ece: f64,
    pub(super) auc: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FeatureText {
    pub(super) name: Spanned<String>,
    pub(super) weight: f64,
    pub(super) values: u64,
    pub(super) wrong: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BinText {
    pub(super) value: super::Verdict,
    pub(super) from: Spanned<f64>,
    pub(super) to: f64,
    pub(super) mean: f64,
    pub(super) values: u64,
    pub(super) right: u64,
}
