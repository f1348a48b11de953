//! A judged mention in its sentence -> the signs by which its verdict is more or less sure.
//!
//! Runs with every mention, so that it looks at a sentence once and at what cues reached a mention: no text is read
//! again. Knows which signs there are and nothing of their weights (`rules/calibration.toml` has them) nor of what a
//! verdict follows from (`assertion` decides that).

use crate::assertion::Assertion;
use crate::mention::{Candidate, MENTION, Unit};
use crate::reach::Reached;
use crate::rules::{Cue, Direction, NONE, RuleKind, Rules, SectionRule, Sign, Status, Time, class};
use crate::token::{Token, TokenKind};

/// Bytes between cue and mention from which on a cue stands far.
const FAR: u32 = 40;
/// Bytes of a long sentence.
const LONG: u32 = 120;
/// Words without meaning of an opaque sentence.
const OPAQUE: u32 = 3;

/// What a sentence holds for all of its mentions; working memory that is kept.
#[derive(Debug, Default)]
pub(crate) struct Sight {
    /// Cues that give a status or a time and look somewhere: unit and cue.
    cues: Vec<(u32, u32)>,
    /// Signs that all mentions have.
    signs: u32,
    /// The section asks.
    asks: bool,
}

/// A mention that was judged, and what was said of it.
pub(crate) struct Case<'a> {
    pub(crate) candidate: &'a Candidate,
    pub(crate) assertion: &'a Assertion,
    /// The cues that reached it, the nearest first.
    pub(crate) reached: &'a [Reached],
    /// The unit of the cue whose alternatives put it in doubt.
    pub(crate) pair: Option<u32>,
}

impl Sight {
    /// Looks over a sentence.
    pub(crate) fn look(&mut self, units: &[Unit], tokens: &[Token], section: Option<&SectionRule>, rules: &Rules) {
        self.cues.clear();
        self.signs = 0;
        self.asks = section.is_some_and(|s| s.asks);
        let (mut bits, mut unknown) = (0, 0);
        let mut questioned = false;
        for (at, unit) in units.iter().enumerate() {
            bits |= unit.bits;
            unknown += u32::from(means_nothing(unit));
            // A mark may be a cue, and then its unit is a phrase.
            questioned |= tokens[unit.first as usize].kind == TokenKind::Question;
            if unit.is(class::JUDGES) && unit.phrase != NONE {
                let number = rules.meanings[unit.phrase as usize].cue;
                let cue = &rules.cues[number as usize];
                if (!cue.asked || self.asks) && cue.direction != Direction::None {
                    self.cues.push((at as u32, number));
                }
            }
        }
        let mut set = |sign: Sign, holds: bool| self.signs |= bit(sign, holds);
        set(Sign::Verbless, bits & (class::VERB | class::EXISTENTIAL) == 0);
        set(Sign::Opaque, unknown >= OPAQUE);
        set(Sign::Questioned, questioned);
        set(Sign::Unheaded, section.is_none());
        if let (Some(first), Some(last)) = (units.first(), units.last()) {
            set(Sign::Long, last.span(tokens).end - first.span(tokens).start > LONG);
        }
        // Told or uncounted: that depends on the verdict.
        set(Sign::Uncounted, section.is_some_and(|s| !s.labels));
    }

    /// The signs of one mention of that sentence.
    pub(crate) fn signs(&self, case: &Case<'_>, units: &[Unit], tokens: &[Token], rules: &Rules) -> u32 {
        let Case { candidate, assertion, reached, pair } = *case;
        let (status, time) = (assertion.status, assertion.time);
        let at = candidate.unit as usize;
        let mut bits = self.signs | verdict(assertion);
        if self.asks && bits & Sign::Present.bit() != 0 {
            bits = bits & !Sign::Uncounted.bit() | Sign::Told.bit();
        }
        let mut set = |sign: Sign, holds: bool| bits |= bit(sign, holds);
        let heard = |r: &&Reached| self.cues.iter().any(|c| c.0 == r.unit);
        let by = |gives: &dyn Fn(&Cue) -> bool| {
            let decides = |r: &&Reached| gives(&rules.cues[r.cue as usize]);
            reached.iter().filter(heard).find(decides).map(|r| r.unit)
        };
        let decided = match time {
            Time::Current => by(&|c| c.status == Some(status)),
            _ => by(&|c| c.time == Some(time)),
        };
        let before = at.checked_sub(1).map(|i| &units[i]);
        let composed = candidate.base.is_some_and(|(_, rule)| rules.kind(rule) == RuleKind::Composition);
        set(Sign::Composed, composed);
        set(Sign::Alternative, pair.is_some());
        match decided.or(pair).map(|unit| unit as usize) {
            Some(unit) => {
                let (low, high) = if unit < at { (unit + 1, at) } else { (at + 1, unit) };
                let between = units.get(low..high).unwrap_or_default();
                let (from, to) = match unit < at {
                    true => (units[unit].span(tokens).end, candidate.span.start),
                    false => (candidate.span.end, units[unit].span(tokens).start),
                };
                let parts = |u: &Unit| matches!(u.kind, TokenKind::Comma | TokenKind::Colon | TokenKind::Dash);
                set(Sign::Far, to.saturating_sub(from) > FAR);
                set(Sign::Listed, between.iter().filter(|u| u.is(MENTION)).count() >= 2);
                set(Sign::Behind, unit > at);
                set(Sign::Unread, between.iter().any(means_nothing));
                set(Sign::Parted, status != Status::Absent && between.iter().any(parts));
            }
            None if time != Time::Current => set(Sign::Default, true),
            None => {
                set(Sign::Plain, !composed);
                set(Sign::Strange, before.is_some_and(means_nothing));
            }
        }
        for &(unit, number) in &self.cues {
            let cue = &rules.cues[number as usize];
            let near = units[unit as usize].clause == units[at].clause;
            let timed = cue.time.is_some_and(|t| t != Time::Current && t != time);
            if reached.iter().any(|r| r.unit == unit) {
                set(Sign::Torn, timed || cue.status.is_some_and(|s| s != status));
                continue;
            }
            set(Sign::Timed, timed && time == Time::Current);
            if cue.status != Some(status) {
                match cue.status {
                    Some(Status::Uncertain) => set(if near { Sign::Hedged } else { Sign::Apart }, true),
                    Some(Status::Absent) => set(if near { Sign::Denied } else { Sign::Apart }, true),
                    _ => {}
                }
            }
        }
        let alternative = |u: &Unit| {
            u.is(class::CUE)
                && u.meaning(rules).is_some_and(|m| m.cue != NONE && rules.cues[m.cue as usize].alternative)
        };
        for unit in &units[at.saturating_sub(2)..units.len().min(at + 3)] {
            let kind = tokens[unit.first as usize].kind;
            set(Sign::Joined, kind == TokenKind::Slash || status == Status::Present && alternative(unit));
            set(Sign::Masked, kind == TokenKind::Mask);
        }
        bits
    }
}

const fn bit(sign: Sign, holds: bool) -> u32 {
    if holds { sign.bit() } else { 0 }
}

/// A word that is no term, no cue and no word of grammar.
fn means_nothing(unit: &Unit) -> bool {
    unit.bits == 0 && unit.kind == TokenKind::Word
}

/// The sign of the verdict.
const fn verdict(assertion: &Assertion) -> u32 {
    match (assertion.time, assertion.status) {
        (Time::Historical, _) => Sign::Historical.bit(),
        (Time::Hypothetical, _) => Sign::Hypothetical.bit(),
        (Time::Current, Status::Present) => Sign::Present.bit(),
        (Time::Current, Status::Uncertain) => Sign::Uncertain.bit(),
        (Time::Current, Status::Absent) => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Engine, Report};

    /// The signs of the last mention of a report.
    fn signs(engine: &Engine, text: &str) -> Vec<&'static str> {
        let analysis = engine.analyze(&Report::new("a", text));
        let bits = analysis.assertions.last().unwrap_or_else(|| panic!("no mention: {text}")).signs;
        Sign::ALL.iter().filter(|s| bits & s.bit() != 0).map(|s| s.name()).collect()
    }

    /// Every sign on a sentence that has it, and without it where the sentence is turned a little.
    #[test]
    fn signs_tell_what_speaks_against_a_verdict() {
        let engine = Engine::embedded();
        let long = format!("There is an effusion {}.", "in the lower part of the left lung ".repeat(4));
        let cases: [(&str, &str, &str); 29] = [
            ("present", "Effusion is seen.", "No effusion is seen."),
            ("uncertain", "Possible effusion is seen.", "An effusion is seen."),
            ("historical", "History of pneumonia is known.", "Pneumonia is known."),
            ("hypothetical", "Evaluate for pneumonia.", "There is pneumonia."),
            ("plain", "Effusion is seen.", "Possible effusion is seen."),
            ("composed", "The heart is enlarged.", "There is cardiomegaly."),
            ("described", "There is a left effusion.", "There is an effusion."),
            ("alternative", "There is scarring or atelectasis.", "There is scarring and atelectasis."),
            ("default", "COMPARISON: Radiograph with a pneumothorax.", "FINDINGS: Radiograph with a pneumothorax."),
            ("told", "INDICATION: Pneumonia.", "FINDINGS: Pneumonia."),
            ("uncounted", "INDICATION: No pneumonia.", "FINDINGS: No pneumonia."),
            ("unheaded", "Effusion is seen.", "FINDINGS: Effusion is seen."),
            ("far", "No edema, consolidation, pneumonia, atelectasis or effusion.", "No edema or effusion."),
            ("listed", "No edema, pneumonia or effusion.", "No edema or effusion."),
            ("behind", "Pneumonia is possible.", "Possible pneumonia."),
            ("parted", "Nodule: ultrasound suggested.", "Possible nodule."),
            ("unread", "No zorbly effusion.", "No effusion."),
            ("strange", "There is zorbly effusion.", "There is effusion."),
            ("opaque", "Zorbly plonk quux with effusion.", "Zorbly effusion."),
            ("denied", "Effusion without pneumothorax and edema is seen.", "Effusion is seen."),
            ("hedged", "There is an effusion, probably increased.", "There is an increased effusion."),
            ("apart", "Edema is possible, and there is an effusion.", "Edema is seen, and there is an effusion."),
            ("timed", "There is an effusion and a history of smoking.", "There is an effusion and a scar."),
            ("torn", "No findings suspicious for pneumonia.", "No pneumonia."),
            ("long", &long, "There is an effusion."),
            ("joined", "Effusion/edema is seen.", "Effusion is seen."),
            ("questioned", "Effusion?", "Effusion."),
            ("masked", "XXXX effusion is seen.", "The effusion is seen."),
            ("verbless", "Small effusion.", "There is a small effusion."),
        ];
        let mut wrong = Vec::new();
        for (sign, with, without) in cases {
            if !signs(&engine, with).contains(&sign) {
                wrong.push(format!("{sign} is missing: {with} {:?}", signs(&engine, with)));
            }
            if signs(&engine, without).contains(&sign) {
                wrong.push(format!("{sign} is there: {without} {:?}", signs(&engine, without)));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    #[test]
    fn every_sign_is_a_bit_of_its_own() {
        let all = Sign::ALL.iter().fold(0_u32, |bits, s| bits | s.bit());
        assert_eq!(all.count_ones() as usize, Sign::ALL.len());
        for (i, sign) in Sign::ALL.into_iter().enumerate() {
            assert_eq!((sign as usize, Sign::named(sign.name())), (i, Some(sign)));
        }
    }
}
