//! The data of measurements: units, heads, bounds and words of size, as phrases over the vocabulary.
//!
//! `kind = "measures"`: each rule gives its phrases one meaning. How numbers are read is `measure`'s affair.

use super::schema::MeasureText;
use crate::lexicon::Matcher;
use crate::span::RuleId;
use serde::Deserialize;

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Quantity {
    /// A length, in millimetres.
    Length,
    /// CT attenuation, in Hounsfield units.
    Attenuation,
    /// Uptake in PET, as a standardised uptake value.
    Uptake,
}

/// How a number stands to the value it tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Relation {
    /// The value itself.
    #[default]
    Exact,
    /// Roughly the value.
    About,
    /// Less than the number.
    Below,
    /// The number is the largest.
    AtMost,
    /// More than the number.
    Above,
    /// From the first number to the second.
    Range,
}

impl Relation {
    /// Its name in rules, gold and outputs.
    pub const fn name(self) -> &'static str {
        match self {
            Relation::Exact => "exact",
            Relation::About => "about",
            Relation::Below => "below",
            Relation::AtMost => "at-most",
            Relation::Above => "above",
            Relation::Range => "range",
        }
    }
}

/// What a phrase of the measures says.
#[derive(Clone, Copy, Debug)]
pub(crate) enum MeasureWord {
    /// A unit: what it measures, and its factor to the unit of the quantity.
    Unit(Quantity, f32),
    /// A name that a number follows.
    Head(Quantity),
    /// A bound on the number that follows.
    Bound(Relation),
    /// A size by itself, in millimetres.
    Size(Relation, f32),
    /// What follows is of an earlier study.
    Prior,
    /// The length before it is a distance to another part.
    Distance,
}

/// All phrases of measurement.
#[derive(Debug, Default)]
pub(crate) struct Measures {
    pub(crate) matcher: Matcher,
    /// By phrase.
    pub(crate) words: Vec<(MeasureWord, RuleId)>,
    /// The rule by which a bare numeral before a mention is a count.
    pub(crate) numeral: Option<RuleId>,
}

/// The meaning of a rule, or what is wrong with it.
pub(super) fn word(text: &MeasureText) -> Result<MeasureWord, String> {
    let factor = text.factor.unwrap_or(1.0);
    if !(factor.is_finite() && factor > 0.0) {
        return Err(format!("factor {factor}; expected a number above 0"));
    }
    if text.distance {
        return Ok(MeasureWord::Distance);
    }
    let given = [text.unit.is_some(), text.head.is_some(), text.prior, text.relation.is_some()];
    match (text.unit, text.head, text.prior, text.relation) {
        (Some(quantity), None, false, None) => Ok(MeasureWord::Unit(quantity, factor)),
        (None, Some(quantity), false, None) => Ok(MeasureWord::Head(quantity)),
        (None, None, true, None) => Ok(MeasureWord::Prior),
        (None, None, false, Some(relation)) => match text.size {
            Some(size) if size.is_finite() && size > 0.0 => Ok(MeasureWord::Size(relation, size)),
            Some(size) => Err(format!("size {size}; expected millimetres above 0")),
            None => Ok(MeasureWord::Bound(relation)),
        },
        _ => Err(format!(
            "{} of unit, head, relation and prior are given; expected one",
            given.iter().filter(|&&g| g).count()
        )),
    }
}
