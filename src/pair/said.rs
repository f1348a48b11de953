//! What a report says of each label: its value, and the side, sizes and number that the mentions tell which have that
//! value.
//!
//! A mention speaks of a label when it claims it, or a narrower label whose values travel upwards. Only mentions that
//! count for labels and tell of this patient now are asked, as for the label itself.

use crate::detail::Detail;
use crate::engine::{Analysis, Engine};
use crate::finding::speaks_of_now;
use crate::lexicon::Side;
use crate::measure::{Measurement, measured};
use crate::rules::{BoundScheme, Relation, Status};

/// A length that a report tells, in mm, or an attenuation in HU: between `least` and `most`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Length {
    /// Not less than this.
    pub least: f64,
    /// Not more than this; infinite for "larger than".
    pub most: f64,
}

impl Length {
    /// The number that was told: the upper end where there is one.
    pub fn told(self) -> f64 {
        if self.most.is_finite() { self.most } else { self.least }
    }

    /// The largest dimension of a size.
    fn of(measurement: &Measurement) -> Option<Length> {
        let values: Vec<f64> = measurement.values().iter().map(|v| measured(*v)).collect();
        Length::named(&values, Some(measurement.relation.name()))
    }

    /// The largest of these dimensions, with a relation as outputs name it; none: the very number.
    pub fn named(values: &[f64], relation: Option<&str>) -> Option<Length> {
        let values = || values.iter().copied().filter(|v| v.is_finite());
        let largest = values().fold(None, |m: Option<f64>, v| Some(m.map_or(v, |m| m.max(v))))?;
        let is = |one: Relation| relation == Some(one.name());
        Some(match relation {
            _ if is(Relation::Range) => Length { least: values().fold(largest, f64::min), most: largest },
            _ if is(Relation::Below) || is(Relation::AtMost) => Length { least: 0.0, most: largest },
            _ if is(Relation::Above) => Length { least: largest, most: f64::INFINITY },
            _ => Length { least: largest, most: largest },
        })
    }
}

/// How many a report tells.
#[derive(Clone, Debug, PartialEq)]
pub struct Amount {
    /// Not fewer: the largest number of one mention, or of the left and of the right together.
    pub least: u32,
    /// Not more: all mentions with a number together, as they may speak of different ones; `None` after a word such as
    /// "multiple".
    pub most: Option<u32>,
    /// In the report's words or as a number: that of the mention with the largest.
    pub told: String,
}

/// What a report says of one label.
#[derive(Clone, Debug, PartialEq)]
pub struct Said {
    /// Index of the label in the scheme.
    pub label: u32,
    /// Its value.
    pub status: Status,
    /// The mention that decided it.
    pub mention: Option<u32>,
    /// Every mention that has this value and speaks of the label, in order.
    pub mentions: Vec<u32>,
    /// The sides that its mentions tell, together. Of an absent label only where every mention tells one: "no effusion"
    /// denies both, whatever "no left effusion" says besides.
    pub side: Option<Side>,
    /// The sizes that its mentions tell.
    pub sizes: Vec<Length>,
    /// The attenuations that they tell.
    pub attenuations: Vec<Length>,
    /// How many.
    pub amount: Option<Amount>,
}

/// What a report says, by label, in the scheme's order. `text` is the text that was analysed.
pub fn said(engine: &Engine, text: &str, analysis: &Analysis, bound: &BoundScheme) -> Vec<Said> {
    let hierarchy = bound.scheme.hierarchy;
    let labels = engine.labels_of(text, analysis, bound, hierarchy);
    // By mention that counts: the labels that it claims.
    let claims: Vec<(u32, Vec<u32>)> = (0..analysis.mentions.len())
        .filter(|&m| analysis.mentions[m].counts && speaks_of_now(&analysis.assertions[m]))
        .map(|m| (m as u32, engine.claims(analysis, m, bound)))
        .collect();
    labels
        .iter()
        .map(|label| {
            let mut counted = vec![label.label];
            if hierarchy.up {
                counted.extend(bound.beneath(label.label));
            }
            let speaks = |(mention, claimed): &&(u32, Vec<u32>)| {
                analysis.assertions[*mention as usize].status == label.value
                    && (label.because == Some(*mention) || claimed.iter().any(|c| counted.contains(c)))
            };
            let mentions: Vec<u32> = claims.iter().filter(speaks).map(|c| c.0).collect();
            of_label(label.label, label.value, label.because, &mentions, analysis, engine)
        })
        .collect()
}

fn of_label(
    label: u32,
    status: Status,
    because: Option<u32>,
    mentions: &[u32],
    analysis: &Analysis,
    engine: &Engine,
) -> Said {
    let side_of = |m: u32| analysis.mentions[m as usize].side;
    let denies_all = status == Status::Absent && mentions.iter().any(|&m| side_of(m).is_none());
    let side = if denies_all { None } else { joined(mentions.iter().filter_map(|&m| side_of(m))) };
    let (mut sizes, mut attenuations) = (Vec::new(), Vec::new());
    let mut numbers: Vec<(Option<Side>, u32, bool, String)> = Vec::new();
    for &mention in mentions {
        for attribute in analysis.attributes_of(mention) {
            match &attribute.detail {
                Detail::Size(measurement) => sizes.extend(Length::of(measurement)),
                Detail::Attenuation(measurement) => attenuations.extend(Length::of(measurement)),
                detail @ (Detail::Count(_) | Detail::CountWord(_)) => {
                    let told = detail.told(&engine.rules, &engine.lexicon);
                    // A word that is no number ("multiple", "few") is two or more.
                    let number = told.parse::<u32>().ok();
                    numbers.push((side_of(mention), number.unwrap_or(2), number.is_none(), told));
                }
                _ => {}
            }
        }
    }
    let mentions = mentions.to_vec();
    Said { label, status, mention: because, mentions, side, sizes, attenuations, amount: amount(&numbers) }
}

/// All sides together.
pub(super) fn joined(sides: impl IntoIterator<Item = Side>) -> Option<Side> {
    sides.into_iter().fold(None, |known, side| match known {
        None => Some(side),
        Some(known) if known == side => Some(side),
        Some(_) => Some(Side::Bilateral),
    })
}

/// The numbers of several mentions: side, number, whether it is a word that leaves the number open, as told.
fn amount(numbers: &[(Option<Side>, u32, bool, String)]) -> Option<Amount> {
    let largest = numbers.iter().map(|n| n.1).max()?;
    let on = |side| numbers.iter().filter(|n| n.0 == Some(side)).map(|n| n.1).max().unwrap_or(0);
    let least = largest.max(on(Side::Left).saturating_add(on(Side::Right)));
    let open = numbers.iter().any(|n| n.2);
    let most = (!open).then(|| numbers.iter().fold(0_u32, |sum, n| sum.saturating_add(n.1)));
    let told = numbers.iter().rev().max_by_key(|n| (n.1, n.2)).map(|n| n.3.clone()).unwrap_or_default();
    Some(Amount { least, most, told })
}
