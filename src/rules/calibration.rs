//! The models of confidence as data: what may be weighed, the weights, and how they were measured.
//!
//! `rules/calibration.toml` holds them: one for labels, one for mentions. `crate::confidence` computes the features of
//! a label and the probabilities, `crate::doubt` the signs of a mention.

use super::{Sign, Verdict};

/// What is known of how a label came about. No feature knows a finding, a label or a scheme.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Feature {
    /// The value is present (absent is what the others are measured against).
    Present,
    /// The value is uncertain.
    Uncertain,
    /// Two or more mentions bear the value.
    Repeated,
    /// Another mention of the label is absent.
    Contested,
    /// The value is present and another mention of the label is uncertain.
    Doubted,
    /// No cue and no composition decided the status: the finding is just named.
    Plain,
    /// A part of the body and what is said of it make the finding.
    Composed,
    /// The cue that decided stands over 40 bytes away.
    Far,
    /// Two or more other mentions stand between the cue and the mention.
    Listed,
    /// The cue that decided looks over a whole clause or sentence.
    Wide,
    /// The cue that decided joins alternatives.
    Alternative,
    /// The words have several meanings, of which the context chose one.
    Sense,
    /// A word of the mention was misspelt.
    Corrected,
    /// The label asks for more than the finding: a place, a side, a size.
    Placed,
    /// The value travelled along the scheme's hierarchy.
    Inherited,
    /// The value rests on what is not said ("No Finding").
    Silent,
    /// Side, severity, place, size or the like is said of a mention.
    Described,
    /// The mention stands before any heading.
    Unheaded,
    /// The sentence is longer than 120 bytes.
    Long,
}

impl Feature {
    /// All of them.
    pub const ALL: [Feature; 19] = [
        Feature::Present,
        Feature::Uncertain,
        Feature::Repeated,
        Feature::Contested,
        Feature::Doubted,
        Feature::Plain,
        Feature::Composed,
        Feature::Far,
        Feature::Listed,
        Feature::Wide,
        Feature::Alternative,
        Feature::Sense,
        Feature::Corrected,
        Feature::Placed,
        Feature::Inherited,
        Feature::Silent,
        Feature::Described,
        Feature::Unheaded,
        Feature::Long,
    ];

    /// Its name in rules and tables.
    pub const fn name(self) -> &'static str {
        match self {
            Feature::Present => "present",
            Feature::Uncertain => "uncertain",
            Feature::Repeated => "repeated",
            Feature::Contested => "contested",
            Feature::Doubted => "doubted",
            Feature::Plain => "plain",
            Feature::Composed => "composed",
            Feature::Far => "far",
            Feature::Listed => "listed",
            Feature::Wide => "wide",
            Feature::Alternative => "alternative",
            Feature::Sense => "sense",
            Feature::Corrected => "corrected",
            Feature::Placed => "placed",
            Feature::Inherited => "inherited",
            Feature::Silent => "silent",
            Feature::Described => "described",
            Feature::Unheaded => "unheaded",
            Feature::Long => "long",
        }
    }

    /// The feature of a name.
    pub fn named(name: &str) -> Option<Feature> {
        Feature::ALL.into_iter().find(|f| f.name() == name)
    }

    /// Its bit in a set of features.
    pub const fn bit(self) -> u32 {
        1 << self as u32
    }
}

/// What a model of confidence is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Matter {
    /// Labels, by [`Feature`].
    Labels,
    /// Mentions, by [`Sign`].
    Mentions,
}

impl Matter {
    /// The names of what is weighed, by bit.
    pub fn names(self) -> Vec<&'static str> {
        match self {
            Matter::Labels => Feature::ALL.iter().map(|f| f.name()).collect(),
            Matter::Mentions => Sign::ALL.iter().map(|s| s.name()).collect(),
        }
    }

    /// The bit of a name.
    pub fn bit(self, name: &str) -> Option<u32> {
        match self {
            Matter::Labels => Feature::named(name).map(Feature::bit),
            Matter::Mentions => Sign::named(name).map(Sign::bit),
        }
    }

    /// What was said, as bits tell it.
    pub fn verdict(self, bits: u32) -> Verdict {
        let has = |bit: u32| bits & bit != 0;
        match self {
            Matter::Labels if has(Feature::Present.bit()) => Verdict::Present,
            Matter::Labels if has(Feature::Uncertain.bit()) => Verdict::Uncertain,
            Matter::Mentions if has(Sign::Present.bit()) => Verdict::Present,
            Matter::Mentions if has(Sign::Uncertain.bit()) => Verdict::Uncertain,
            Matter::Mentions if has(Sign::Historical.bit()) => Verdict::Historical,
            Matter::Mentions if has(Sign::Hypothetical.bit()) => Verdict::Hypothetical,
            _ => Verdict::Absent,
        }
    }

    /// The bits that tell what was said, and nothing else.
    pub const fn said(self) -> u32 {
        match self {
            Matter::Labels => Feature::Present.bit() | Feature::Uncertain.bit(),
            Matter::Mentions => {
                Sign::Present.bit() | Sign::Uncertain.bit() | Sign::Historical.bit() | Sign::Hypothetical.bit()
            }
        }
    }
}

/// An additive model: the log odds that a value is right.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Model {
    /// Log odds without any feature.
    pub base: f64,
    /// What each feature adds, by bit.
    pub weights: Vec<f64>,
}

impl Model {
    /// The probability that a value with these features (bits) is right.
    pub fn probability(&self, features: u32) -> f64 {
        let mut odds = self.base;
        for (i, weight) in self.weights.iter().enumerate() {
            if features & (1 << i) != 0 {
                odds += weight;
            }
        }
        1.0 / (1.0 + (-odds).exp())
    }
}

/// How often a feature was seen, and how often with a wrong value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Values.
    pub values: u64,
    /// Wrong ones.
    pub wrong: u64,
}

/// A set of gold that was used.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CalibrationSet {
    /// Its name.
    pub name: String,
    /// What was judged: labels or mentions.
    pub unit: String,
    /// Reports.
    pub reports: u64,
    /// Values judged, and wrong ones.
    pub seen: Seen,
}

/// Figures of out-of-fold probabilities.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Validation {
    /// Mean squared error of the probability.
    pub brier: f64,
    /// Mean negative log likelihood, in nats.
    pub log_loss: f64,
    /// Expected calibration error over the bins.
    pub ece: f64,
    /// How often a wrong value has a lower confidence than a right one; 0.5 = as often as not.
    pub auc: f64,
}

/// One bin of the reliability table.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bin {
    /// What was said.
    pub value: Verdict,
    /// Confidence from.
    pub from: f64,
    /// Confidence to.
    pub to: f64,
    /// Mean confidence.
    pub mean: f64,
    /// Values in it.
    pub values: u64,
    /// Of these, the right ones.
    pub right: u64,
}

/// How many of the wrong values are found where the least sure are looked through.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Caught {
    /// Share of all values that is looked through.
    pub share: f64,
    /// Share of the wrong ones among them.
    pub wrong: f64,
}

/// One model and how it was measured.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Fitted {
    /// The reports, by set.
    pub sets: Vec<CalibrationSet>,
    /// Number of folds.
    pub folds: u32,
    /// The model's figures.
    pub validation: Validation,
    /// The figures of a model that knows the value alone.
    pub baseline: Validation,
    /// The model.
    pub model: Model,
    /// By feature.
    pub seen: Vec<Seen>,
    /// Of mentions: what the least sure hold.
    pub caught: Vec<Caught>,
    /// The reliability table, by value and confidence.
    pub bins: Vec<Bin>,
}

/// A calibration file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Calibration {
    /// The file, for messages.
    pub file: String,
    /// Its title.
    pub title: String,
    /// When it was measured.
    pub date: String,
    /// The model of labels.
    pub labels: Fitted,
    /// The model of mentions, where there is one.
    pub mentions: Option<Fitted>,
}
