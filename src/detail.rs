//! Measurements and named values -> attributes of mentions: size, attenuation, uptake, count, acuity, position
//! and tip of a device.
//!
//! A measurement belongs to the mention of its own noun phrase ("8 mm nodule"), else to the nearest before it
//! ("nodule in the liver measures 8 mm"), unless a part of the body is measured ("spleen measures 15 cm").
//! Knows nothing of status.

use crate::assertion::Evidence;
use crate::attribute::Attributes;
use crate::lexicon::Lexicon;
use crate::measure::{Measured, Measurement};
use crate::mention::{Candidate, MENTION, Unit};
use crate::rules::{Change, Composition, NONE, Quantity, Rules, ValueId, class};
use crate::span::ConceptId;
use crate::token::{Token, TokenKind};

/// What is said of a mention besides its status, side, severity, change and place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Detail {
    /// Its size, in mm.
    Size(Measurement),
    /// Its CT attenuation, in HU.
    Attenuation(Measurement),
    /// Its uptake in PET, as SUV.
    Uptake(Measurement),
    /// How many there are.
    Count(u32),
    /// How many there are, in words (`multiple`).
    CountWord(ValueId),
    /// How old it is (`acute`).
    Acuity(ValueId),
    /// How a device lies (`malpositioned`).
    Position(ValueId),
    /// Where the tip of a device lies.
    Tip(ConceptId),
}

impl Detail {
    /// The names of all attributes, as outputs and rules know them.
    pub const NAMES: [&'static str; 7] = ["size", "hu", "suv", "count", "acuity", "position", "tip"];

    /// Its name among [`Detail::NAMES`].
    pub fn name(&self) -> &'static str {
        match self {
            Detail::Size(_) => "size",
            Detail::Attenuation(_) => "hu",
            Detail::Uptake(_) => "suv",
            Detail::Count(_) | Detail::CountWord(_) => "count",
            Detail::Acuity(_) => "acuity",
            Detail::Position(_) => "position",
            Detail::Tip(_) => "tip",
        }
    }

    /// The measurement that it is, if it is one.
    pub fn measurement(&self) -> Option<&Measurement> {
        match self {
            Detail::Size(m) | Detail::Attenuation(m) | Detail::Uptake(m) => Some(m),
            _ => None,
        }
    }

    /// Its value as people and tables read it: `12x8`, `multiple`, `superior-vena-cava`.
    pub fn told(&self, rules: &Rules, lexicon: &Lexicon) -> String {
        match self {
            Detail::Size(m) | Detail::Attenuation(m) | Detail::Uptake(m) => m.told(),
            Detail::Count(number) => number.to_string(),
            Detail::CountWord(v) | Detail::Acuity(v) | Detail::Position(v) => rules.value(*v).to_owned(),
            Detail::Tip(part) => lexicon.concept(*part).id.to_string(),
        }
    }
}

/// One attribute of one mention.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Attribute {
    /// Index into [`crate::Analysis::mentions`].
    pub mention: u32,
    /// What is said.
    pub detail: Detail,
    /// By which rule, in which words.
    pub evidence: Evidence,
}

/// What a measurement belongs to: units of the sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    Mention(u32),
    Part(u32),
    Nothing,
}

/// The sentence around a mention.
pub(crate) struct Around<'a> {
    pub(crate) units: &'a [Unit],
    pub(crate) tokens: &'a [Token],
    pub(crate) owned: &'a [(Owner, Measured)],
    pub(crate) rules: &'a Rules,
}

/// Everything said of one mention, as (what, by which words), handed to `put`.
pub(crate) fn of_mention(
    candidate: &Candidate,
    attributes: &Attributes,
    around: &Around<'_>,
    device: bool,
    mut put: impl FnMut(Detail, Evidence),
) {
    let Around { units, tokens, owned, rules } = *around;
    let names: [fn(ValueId) -> Detail; 3] = [Detail::Acuity, Detail::CountWord, Detail::Position];
    for (i, (named, make)) in attributes.named.iter().zip(names).enumerate() {
        // A number says more than "multiple".
        let counted = i == 1 && attributes.numeral.is_some() && rules.measures.numeral.is_some();
        if let Some((value, rule, span)) = *named
            && !counted
        {
            put(make(value), Evidence { rule, span });
        }
    }
    if let (Some((number, span)), Some(rule)) = (attributes.numeral, rules.measures.numeral) {
        put(Detail::Count(number), Evidence { rule, span });
    }
    for (owner, measured) in owned {
        if *owner == Owner::Mention(candidate.unit) && measured.prior.is_none() {
            put(sized(measured), Evidence { rule: measured.rule, span: measured.span });
        }
    }
    if device && let Some((part, evidence)) = tip(units, candidate.unit as usize + 1, tokens, rules) {
        put(Detail::Tip(part), evidence);
    }
}

/// "8 mm, previously 5 mm": the change that two sizes of one mention tell.
pub(crate) fn change(candidate: &Candidate, owned: &[(Owner, Measured)]) -> Option<(Change, Evidence)> {
    let mine =
        |m: &&(Owner, Measured)| m.0 == Owner::Mention(candidate.unit) && m.1.measurement.quantity == Quantity::Length;
    let largest = |m: &Measured| m.measurement.values().iter().copied().fold(0.0_f32, f32::max);
    let now = owned.iter().filter(mine).find(|m| m.1.prior.is_none())?;
    let (before, rule) = owned.iter().filter(mine).find_map(|m| Some((m.1, m.1.prior?)))?;
    let change = match largest(&now.1).partial_cmp(&largest(&before))? {
        std::cmp::Ordering::Greater => Change::Increased,
        std::cmp::Ordering::Less => Change::Decreased,
        std::cmp::Ordering::Equal => Change::Unchanged,
    };
    Some((change, Evidence { rule, span: now.1.span.cover(before.span) }))
}

/// A measurement as an attribute.
pub(crate) fn sized(measured: &Measured) -> Detail {
    match measured.measurement.quantity {
        Quantity::Length => Detail::Size(measured.measurement),
        Quantity::Attenuation => Detail::Attenuation(measured.measurement),
        Quantity::Uptake => Detail::Uptake(measured.measurement),
    }
}

/// "... with its tip in the SVC": the part that follows a cue of the tip, from a unit on.
pub(crate) fn tip(units: &[Unit], from: usize, tokens: &[Token], rules: &Rules) -> Option<(ConceptId, Evidence)> {
    let cue_of = |u: &Unit| u.meaning(rules).filter(|m| m.cue != NONE).map(|m| &rules.cues[m.cue as usize]);
    let at = (from..units.len()).take(24).find(|&i| cue_of(&units[i]).is_some_and(|c| c.tip))?;
    if units[from..at].iter().any(|u| u.is(MENTION)) {
        return None;
    }
    let rule = cue_of(&units[at])?.rule;
    let part = units[at + 1..].iter().take(7).find(|u| u.is(class::ANATOMY) && u.phrase != NONE)?;
    let concept = ConceptId(part.meaning(rules)?.anatomy);
    Some((concept, Evidence { rule, span: units[at].span(tokens).cover(part.span(tokens)) }))
}

/// Finds the owner of each measurement of a sentence.
pub(crate) fn owners(units: &[Unit], measures: &[Measured], owned: &mut Vec<(Owner, Measured)>) {
    owned.clear();
    for measured in measures {
        let first = units.partition_point(|u| u.last <= measured.tokens.0);
        let last = units.partition_point(|u| u.first < measured.tokens.1).max(first + 1);
        let owner = if first >= units.len() { Owner::Nothing } else { owner(units, first, last, measures) };
        owned.push((owner, *measured));
    }
}

fn owner(units: &[Unit], first: usize, last: usize, measures: &[Measured]) -> Owner {
    let left = leftward(units, first);
    let bracketed = first > 0 && matches!(units[first - 1].kind, TokenKind::Open | TokenKind::BoxOpen);
    // "measuring 5 mm", "is 5 mm", "of 5 mm", "mass, 5 mm," look back; a bare number looks ahead first.
    let said = first > 0
        && (units[first - 1].is(class::VERB | class::PREPOSITION | class::PARTICIPLE | class::COPULA)
            || matches!(units[first - 1].kind, TokenKind::Colon | TokenKind::Comma));
    let looks_back = bracketed || (said && matches!(left, Owner::Mention(_)));
    if !looks_back && let Some(right) = rightward(units, last, measures) {
        return right;
    }
    left
}

/// "8 mm left lower lobe nodule": the mention of the noun phrase that the number opens.
fn rightward(units: &[Unit], from: usize, measures: &[Measured]) -> Option<Owner> {
    let clause = units.get(from)?.clause;
    for (i, unit) in units.iter().enumerate().skip(from).take(9) {
        // "3 mm of midline shift"
        if i == from && unit.is(class::PREPOSITION) && unit.last - unit.first == 1 {
            continue;
        }
        if unit.is(MENTION) {
            return Some(Owner::Mention(i as u32));
        }
        let ends = unit.clause != clause
            || unit.is(class::VERB | class::EXISTENTIAL | class::BREAK | class::PREPOSITION | class::TURN | class::RELATIVE)
            || matches!(
                unit.kind,
                TokenKind::Semicolon | TokenKind::Period | TokenKind::Colon | TokenKind::Close | TokenKind::Open
            )
            || measures.iter().any(|m| m.tokens.0 == unit.first)
            // "1.2 cm, well defined nodule" goes on over a comma before an adjective, a list does not.
            || (unit.kind == TokenKind::Comma
                && units.get(i + 1).is_none_or(|u| u.is(class::AND | class::DETERMINER | class::VERB | class::RELATIVE)));
        if ends {
            return None;
        }
    }
    None
}

/// The nearest mention before, or the part that is the subject ("the spleen measures 15 cm").
fn leftward(units: &[Unit], first: usize) -> Owner {
    let clause = units[first].clause;
    let mut i = first;
    let mut verb = false;
    while i > 0 {
        i -= 1;
        let unit = &units[i];
        if unit.clause + 1 < clause {
            return Owner::Nothing;
        }
        if unit.is(MENTION) {
            return Owner::Mention(i as u32);
        }
        verb |= unit.is(class::VERB) || unit.kind == TokenKind::Colon;
        if unit.is(class::ANATOMY) && unit.phrase != NONE && !governed(units, i) {
            let named = units[..i].iter().rev().take_while(|u| u.clause == unit.clause).any(|u| u.is(MENTION));
            let bare = units[i + 1..first].iter().all(|u| {
                u.bits == 0 || u.is(class::ADVERB | class::VERB | class::COPULA) || u.kind == TokenKind::Colon
            });
            if !named || (verb && bare) {
                return Owner::Part(i as u32);
            }
        }
    }
    Owner::Nothing
}

/// "in the left kidney": a part behind a preposition is a place, not what is measured.
fn governed(units: &[Unit], part: usize) -> bool {
    units[..part]
        .iter()
        .rev()
        .take(4)
        .take_while(|u| u.clause == units[part].clause && !u.is(class::VERB | MENTION) && u.kind != TokenKind::Comma)
        .any(|u| u.is(class::PREPOSITION))
}

/// The compositions that the size of a part makes ("spleen measures 15 cm").
pub(crate) fn oversized<'r>(
    owned: &[(Owner, Measured)],
    units: &[Unit],
    rules: &'r Rules,
    lexicon: &Lexicon,
) -> Vec<(u32, crate::span::Span, &'r Composition)> {
    let mut out: Vec<(u32, crate::span::Span, &Composition)> = Vec::new();
    for (owner, measured) in owned {
        let Owner::Part(unit) = *owner else { continue };
        let largest = measured.measurement.values().iter().copied().fold(0.0_f32, f32::max);
        let Some(meaning) = units[unit as usize].meaning(rules) else { continue };
        if measured.measurement.quantity != Quantity::Length || measured.prior.is_some() || meaning.anatomy == NONE {
            continue;
        }
        let part = ConceptId(meaning.anatomy);
        let part = lexicon.unsided(part).unwrap_or(part);
        let from = rules.measured.partition_point(|m| m.part < part);
        for rule in rules.measured[from..].iter().take_while(|m| m.part == part) {
            let known = out.iter().any(|o| o.0 == unit && o.2.finding == rule.composition.finding);
            if largest > rule.low && largest <= rule.high && !known {
                out.push((unit, measured.span, &rule.composition));
            }
        }
    }
    out
}
