//! Rules that read a whole report: its facts, its grades and scores, and what should alert somebody.
//!
//! All vocabulary is data (`kind = "facts"`, `"grades"`, `"safety"`); these are the tables it is compiled to.

use super::Change;
use super::phrases::Phrases;
use crate::span::{ConceptId, RuleId};
use serde::{Deserialize, Serialize};

/// What a phrase means to whoever reads a whole report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sense {
    /// A value of a fact: indices into [`ReportRules::facts`] and its values.
    Fact(u32, u32),
    /// The words before a grade's value: an index into [`ReportRules::forms`].
    Before(u32),
    /// The words after it.
    After(u32),
    /// A value of a grade: indices into [`ReportRules::grades`] and its values.
    Value(u32, u32),
    /// A component of a composed grade (T, N, M): grade, component, value.
    Part(u32, u32, u32),
    /// Words that must stand in the same sentence as the grade.
    Near(u32),
    /// A word of a class, with its value: an index into [`ReportRules::class_values`].
    Class(Class, u32),
    /// Words that an alert looks for: an index into [`ReportRules::alerts`].
    Alert(u32),
}

/// Classes of words that the grammars of dates, intervals, ages, advice and communication are made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Class {
    /// A month; its value is its number.
    Month,
    /// A number in words; its value is the number.
    Number,
    /// A unit of time: `day`, `week`, `month`, `year`, `hour`.
    Unit,
    /// Joins the ends of a range: to, or.
    Range,
    /// Follows the unit of an age: old, of age.
    Old,
    /// A sex: `F` or `M`.
    Sex,
    /// A letter for a sex, which counts only beside an age.
    SexLetter,
    /// What follows is an age or a sex: "Age:", "Sex:".
    Patient,
    /// Introduces the date of an earlier study.
    Compared,
    /// The sentence tells how the study was made.
    Technical,
    /// The sentence is about another study, so it tells nothing of this one.
    Elsewhere,
    /// May stand between the name of a grade and its value.
    Filler,
    /// Denies a grade, standing before its name.
    NoGradeBefore,
    /// Denies a grade, standing after its name.
    NoGradeAfter,
    /// The grade is of an earlier study.
    Earlier,
    /// The grade is only asked or conditional.
    Asked,
    /// Advises.
    Advise,
    /// Advises only where a procedure follows at once: consider, suggest.
    AdviseNext,
    /// Advises where it stands right after a procedure and ends the statement.
    AdviseLast,
    /// A follow-up as such.
    FollowUp,
    /// What may be advised; its value is the modality or the procedure.
    Procedure,
    /// A procedure of any kind, which gives way to one that is named.
    AnyProcedure,
    /// Says that the advice holds under a condition.
    Condition,
    /// Denies advice, or tells of earlier advice.
    NoAdvice,
    /// An interval without a number; its value says how long, or nothing.
    Interval,
    /// After a length of time: it is past, or a duration.
    Past,
    /// Stands before an interval: in, within, at.
    Within,
    /// Somebody was told.
    Told,
    /// Somebody who is told.
    Person,
    /// How or when somebody was told.
    Channel,
    /// Telling him is no communication of a critical result.
    Layman,
    /// New: a finding that is urgent only when acute.
    Acute,
    /// Long there: an urgent finding so called is not new.
    Longstanding,
    /// Words that may mean an urgent finding and much else.
    Vague,
    /// Taken out: an organ so called is not there.
    Removed,
    /// Of a relative.
    Relative,
    /// The left side.
    Left,
    /// The right side.
    Right,
    /// Both sides.
    Both,
}

/// What a fact is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FactKind {
    /// DICOM modality code.
    Modality,
    /// Part of the body examined.
    BodyPart,
    /// Side of the examination.
    Laterality,
    /// MRI sequence.
    Sequence,
    /// Phase of contrast, or angiography.
    Phase,
    /// Projection or position of a radiograph.
    Projection,
    /// Number of views.
    Views,
    /// Contrast agent: given or not, and by which way.
    Contrast,
    /// Date of an earlier study, or that there is none.
    Comparison,
    /// Sex of the patient: `F` or `M`.
    Sex,
    /// Age of the patient as DICOM writes it: `045Y`, `006M`.
    Age,
}

impl FactKind {
    /// Its name in rules and outputs.
    pub const fn name(self) -> &'static str {
        match self {
            FactKind::Modality => "modality",
            FactKind::BodyPart => "body-part",
            FactKind::Laterality => "laterality",
            FactKind::Sequence => "sequence",
            FactKind::Phase => "phase",
            FactKind::Projection => "projection",
            FactKind::Views => "views",
            FactKind::Contrast => "contrast",
            FactKind::Comparison => "comparison",
            FactKind::Sex => "sex",
            FactKind::Age => "age",
        }
    }
}

/// Where in a report (or beside it) a fact was read; the first in this order that tells wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// The title, or a section that names the examination.
    Exam,
    /// A section that tells how the study was made.
    Technique,
    /// What came with the report, not in it.
    Study,
    /// The sections that report.
    Body,
    /// A section that names earlier studies.
    Comparison,
    /// A section that asks.
    Indication,
}

impl Source {
    /// Its name in rules and outputs.
    pub const fn name(self) -> &'static str {
        match self {
            Source::Exam => "exam",
            Source::Technique => "technique",
            Source::Study => "study",
            Source::Body => "body",
            Source::Comparison => "comparison",
            Source::Indication => "indication",
        }
    }
}

/// Reads values of one fact from some places.
#[derive(Clone, Debug)]
pub(crate) struct FactRule {
    pub(crate) rule: RuleId,
    pub(crate) fact: FactKind,
    pub(crate) places: Vec<Source>,
    /// Its phrases only point to the value: the one that most of them point to is taken.
    pub(crate) signs: bool,
    /// It holds only for these modalities; empty = for all.
    pub(crate) only: Vec<Box<str>>,
    pub(crate) values: Vec<Box<str>>,
}

/// A grade, score or stage.
#[derive(Clone, Debug)]
pub(crate) struct GradeRule {
    pub(crate) rule: RuleId,
    /// Name of the system, as the output shows it.
    pub(crate) system: Box<str>,
    pub(crate) values: Vec<Box<str>>,
    /// Values of the components of a composed grade, in order.
    pub(crate) components: Vec<Vec<Box<str>>>,
    /// The letters must be written as the values are: `pT2` is a stage, `PTX` a pneumothorax.
    pub(crate) exact: bool,
    /// How many components make the grade where no word beside tells the system.
    pub(crate) enough: usize,
    /// Forms that begin with the value: indices into [`ReportRules::forms`].
    pub(crate) open: Vec<u32>,
    /// Any number is a value.
    pub(crate) number: bool,
}

/// Where the value of a grade stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Form {
    pub(crate) grade: u32,
    /// No word stands before the value.
    pub(crate) open: bool,
    /// Words follow the value.
    pub(crate) after: bool,
    /// A word of the grade's context must stand in the sentence.
    pub(crate) near: bool,
}

/// What an alert is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AlertKind {
    /// Imaging or a procedure is advised.
    FollowUp,
    /// A result that somebody must know at once, or was told.
    Critical,
    /// Two places name different sides.
    Laterality,
    /// The report does not fit the patient's sex.
    Sex,
    /// The report does not fit the patient's age.
    Age,
    /// A section is missing.
    NoImpression,
}

impl AlertKind {
    /// Its name in rules and outputs.
    pub const fn name(self) -> &'static str {
        match self {
            AlertKind::FollowUp => "follow-up",
            AlertKind::Critical => "critical",
            AlertKind::Laterality => "laterality",
            AlertKind::Sex => "sex",
            AlertKind::Age => "age",
            AlertKind::NoImpression => "no-impression",
        }
    }
}

/// How soon somebody should look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// To know.
    Notice,
    /// To check.
    Warning,
    /// At once.
    Critical,
}

impl Level {
    /// Its name in rules and outputs.
    pub const fn name(self) -> &'static str {
        match self {
            Level::Notice => "notice",
            Level::Warning => "warning",
            Level::Critical => "critical",
        }
    }
}

/// A sex, as DICOM writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Sex {
    /// Female.
    F,
    /// Male.
    M,
}

/// How an alert looks for its cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Look {
    /// Advice in a sentence.
    Advice,
    /// Somebody was told.
    Told,
    /// A concept that is present now.
    Concepts,
    /// A finding's side differs between sections.
    Sides,
    /// The examination's side differs from what is said of the same part.
    Order,
    /// An organ or finding of one sex in a report on the other.
    OtherSex,
    /// The sex told with the report is not that in the report.
    StatedSex,
    /// A finding that does not fit the age.
    Age,
    /// One section without another.
    Sections,
}

/// Something that should alert somebody.
#[derive(Clone, Debug)]
pub(crate) struct AlertRule {
    pub(crate) rule: RuleId,
    pub(crate) kind: AlertKind,
    pub(crate) level: Level,
    pub(crate) look: Look,
    pub(crate) message: Box<str>,
    /// By concept number.
    pub(crate) concepts: Vec<ConceptId>,
    /// Changes that say that it is not new.
    pub(crate) unless: Vec<Change>,
    /// It counts only where it is called acute.
    pub(crate) acute: bool,
    pub(crate) sex: Option<Sex>,
    /// It does not fit below this age, in years.
    pub(crate) from_age: Option<f32>,
    /// It does not fit above this age, in years.
    pub(crate) to_age: Option<f32>,
    /// Ids of the section that is there and of that which is missing.
    pub(crate) has: Box<str>,
    pub(crate) lacks: Box<str>,
    /// Findings of several sections are compared: the ids of the sections.
    pub(crate) between: (Box<str>, Box<str>),
}

/// All rules that read a whole report.
#[derive(Debug, Default)]
pub(crate) struct ReportRules {
    pub(crate) phrases: Phrases,
    pub(crate) class_values: Vec<Box<str>>,
    pub(crate) facts: Vec<FactRule>,
    /// Ids of sections by source.
    pub(crate) places: Vec<(Box<str>, Source)>,
    pub(crate) grades: Vec<GradeRule>,
    pub(crate) forms: Vec<Form>,
    pub(crate) alerts: Vec<AlertRule>,
}

impl ReportRules {
    /// The place that a section of this id is.
    pub(crate) fn place(&self, section: &str) -> Option<Source> {
        self.places.iter().find(|(id, _)| **id == *section).map(|p| p.1)
    }
}
