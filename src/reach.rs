//! How far a cue reaches: the pairs of cue and mention in one sentence.
//!
//! After NegEx (Chapman 2001) and ConText (Harkema 2009): a cue has a direction and a reach, and the
//! reach ends where the statement turns. Past them, a reach is a walk over phrases: it follows a list
//! through commas and conjunctions, knows where the list closes, and ends where a phrase opens that
//! states something of its own. Which words do what is data; this file knows only how far they reach,
//! and nothing of what follows from it (that is `assertion`'s).
//!
//! Longer than most files: the walk is one algorithm, and its exceptions make sense only beside each other.

use crate::lexicon::{Kind, Lexicon};
use crate::mention::{Candidate, MENTION, NORMAL, Unit};
use crate::rules::{Change, Cue, Direction, NONE, Reach, Rules, Status, class};
use crate::span::ConceptId;
use crate::token::TokenKind;

/// A cue that reaches a candidate.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reached {
    pub(crate) candidate: u32,
    pub(crate) unit: u32,
    pub(crate) cue: u32,
    /// Units between.
    pub(crate) distance: u32,
}

/// Finds every (cue, candidate) pair of a sentence.
pub(crate) fn reach(
    units: &[Unit],
    candidates: &[Candidate],
    rules: &Rules,
    targets: &mut Vec<u32>,
    reached: &mut Vec<Reached>,
) {
    reached.clear();
    for (at, unit) in units.iter().enumerate() {
        if !unit.is(class::CUE) || unit.phrase == NONE {
            continue;
        }
        let number = rules.meanings[unit.phrase as usize].cue;
        let cue = &rules.cues[number as usize];
        if cue.direction == Direction::None {
            continue;
        }
        targets.clear();
        let walk = Walk { units, rules, at, cue };
        match cue.direction {
            Direction::Forward => walk.forward(targets),
            Direction::Backward => walk.backward(targets),
            Direction::Both => {
                walk.forward(targets);
                walk.backward(targets);
            }
            // "the focus is stable, probably a bone island": a predicate of change looks at its subject first.
            Direction::Either
                if cue.status.is_none() && cue.change.is_some() && (unit.is(class::COPULA) || walk.apart()) =>
            {
                walk.backward(targets);
                if targets.is_empty() {
                    walk.forward(targets);
                }
            }
            Direction::Either => {
                if !(cue.existence && walk.hedges_another_matter()) {
                    walk.forward(targets);
                    if targets.is_empty() && !(cue.existence && walk.qualifies()) {
                        walk.backward(targets);
                    }
                }
            }
            Direction::None => {}
        }
        if cue.existence && cue.direction == Direction::Forward && walk.hedges_another_matter() {
            continue;
        }
        for &target in targets.iter() {
            let first = candidates.partition_point(|c| c.unit < target);
            for (i, _) in candidates.iter().enumerate().skip(first).take_while(|(_, c)| c.unit == target) {
                reached.push(Reached {
                    candidate: i as u32,
                    unit: at as u32,
                    cue: number,
                    distance: (at as u32).abs_diff(target),
                });
            }
        }
    }
    reached.sort_by_key(|r| (r.candidate, r.distance, r.unit));
}

struct Walk<'a> {
    units: &'a [Unit],
    rules: &'a Rules,
    at: usize,
    cue: &'a Cue,
}

impl Walk<'_> {
    /// "a sclerotic focus in the iliac wing, unchanged, likely ...": a remark between commas looks back.
    fn apart(&self) -> bool {
        let comma = |u: &Unit| matches!(u.kind, TokenKind::Comma | TokenKind::Semicolon | TokenKind::Period);
        self.at > 0 && self.units[self.at - 1].kind == TokenKind::Comma && self.units.get(self.at + 1).is_none_or(comma)
    }

    /// "effusion, probably increased": the hedge is about the change, not about the effusion.
    fn hedges_another_matter(&self) -> bool {
        let Some(next) = self.units.get(self.at + 1) else { return false };
        if next.phrase == NONE || !next.is(class::CUE) {
            return false;
        }
        let cue = &self.rules.cues[self.rules.meanings[next.phrase as usize].cue as usize];
        let about = cue.change.is_some() && cue.change != Some(Change::Resolved) && cue.status.is_none();
        // "likely stable effusion" still hedges the effusion; "is likely stable" does not.
        about
            && !self.units[self.at + 2..]
                .iter()
                .take_while(|u| u.clause == next.clause && u.kind != TokenKind::Comma && !u.is(class::VERB))
                .any(|u| u.is(MENTION))
    }

    /// "may be posttraumatic", "likely post-radiation", "possibly on the left": the doubt is about what
    /// follows, though it is no finding.
    fn qualifies(&self) -> bool {
        let Some(next) = self.units.get(self.at + 1) else { return false };
        let word = next.is(class::ANATOMY) || (next.bits == 0 && next.kind == TokenKind::Word);
        let place = next.is(class::PREPOSITION) && !(self.at > 0 && self.units[self.at - 1].is(class::VERB));
        next.clause == self.units[self.at].clause && (word || place)
    }

    /// A cue that judges and states a phrase of its own.
    fn judges_at(&self, i: usize) -> bool {
        let unit = &self.units[i];
        unit.is(class::JUDGES) && unit.phrase != NONE && {
            let cue = &self.rules.cues[self.rules.meanings[unit.phrase as usize].cue as usize];
            matches!(cue.direction, Direction::Forward | Direction::Either)
        }
    }

    fn forward(&self, targets: &mut Vec<u32>) {
        let units = self.units;
        let clause = units[self.at].clause;
        let mut seen = false;
        let mut closed = false;
        let mut bracket = false;
        let mut placed = false;
        let judges = self.cue.status.is_some() || self.cue.time.is_some();
        // "borderline heart size": the cue is part of its own finding and looks no farther.
        if units[self.at].is(MENTION) && !units.get(self.at + 1).is_some_and(|u| u.is(MENTION)) {
            return;
        }
        for i in self.at + 1..units.len() {
            let unit = &units[i];
            if self.cue.reach == Reach::Sentence {
                if unit.is(MENTION) {
                    targets.push(i as u32);
                }
                continue;
            }
            if self.cue.reach == Reach::Clause {
                // A condition holds across verbs, up to the comma that ends it.
                if unit.is(class::BREAK) || unit.kind == TokenKind::Semicolon {
                    return;
                }
            } else if unit.clause != clause {
                return;
            }
            if bracket && unit.kind != TokenKind::Close {
                continue;
            }
            if unit.is(MENTION) {
                // Capitals without punctuation: two noun phrases side by side are two statements.
                if seen && judges && self.cue.reach != Reach::Clause && unit.capitals && self.side_by_side(i) {
                    return;
                }
                // "no leak at the anastomosis": what is denied or doubted is the leak; the article presupposes the
                // place where it is looked for.
                if placed {
                    return;
                }
                // A statement of normality is its own: only a cue right before it turns it round.
                if unit.is(NORMAL) && (seen || i - self.at > 3) {
                    return;
                }
                if !seen || self.cue.reach != Reach::Phrase || self.glued(i) {
                    targets.push(i as u32);
                }
                seen = true;
                if matches!(self.cue.reach, Reach::Adjacent | Reach::Next) {
                    return;
                }
                continue;
            }
            // What stands in brackets is a remark of its own, and a cue in brackets stays in them.
            if unit.kind == TokenKind::Close {
                if bracket {
                    bracket = false;
                    continue;
                }
                return;
            }
            if unit.kind == TokenKind::Open && seen {
                // "skeletal hyperostosis (DISH)": the short form goes with the long one.
                let short = units[i - 1].is(MENTION)
                    && units.get(i + 1).is_some_and(|u| u.is(MENTION))
                    && units.get(i + 2).is_some_and(|u| u.kind == TokenKind::Close);
                if short {
                    targets.push(i as u32 + 1);
                }
                bracket = true;
                continue;
            }
            if unit.kind == TokenKind::Colon && i > self.at + 1 {
                return;
            }
            if self.cue.reach == Reach::Next {
                return;
            }
            if self.cue.reach == Reach::Adjacent {
                let near = unit.bits
                    & (class::CUE | class::ADVERB | class::DETERMINER | class::ANATOMY | class::DESCRIPTOR)
                    != 0
                    || (unit.bits == 0 && unit.kind == TokenKind::Word);
                if !near || i - self.at > 4 {
                    return;
                }
                continue;
            }
            if unit.is(class::PREPOSITION) && seen && judges {
                placed = units.get(i + 1).is_some_and(|u| u.is(class::DETERMINER));
            } else if unit.is(class::AND | class::OR) || unit.kind == TokenKind::Comma {
                placed = false;
            }
            if unit.kind == TokenKind::Comma {
                // "without a comparison study, the age of the fracture": what was denied or doubted is no finding.
                let word = units[i - 1].bits == 0 && units[i - 1].kind == TokenKind::Word;
                let turns = units.get(i + 1).is_some_and(|u| u.is(class::DETERMINER));
                if !seen && i > self.at + 1 && word && (turns || !self.cue.commas) {
                    return;
                }
                match self.cue.reach {
                    Reach::Phrase if seen => return,
                    Reach::List | Reach::Clause if !self.continues(i, seen, closed) => return,
                    _ => {}
                }
            } else if unit.is(class::AND | class::OR) {
                match self.cue.reach {
                    Reach::Phrase
                        if seen
                        // "possible scarring or atelectasis" is one phrase.
                        && !(unit.is(class::OR) && self.mention_follows(i)) =>
                    {
                        return;
                    }
                    Reach::List => {
                        if seen
                            && unit.is(class::AND)
                            && !unit.is(class::OR)
                            && self.states(i + 1)
                            && !self.differs(i + 1)
                        {
                            return;
                        }
                        closed |= seen && i > 0 && self.list_before(i);
                    }
                    _ => {}
                }
            } else if unit.is(class::PARTICIPLE) && seen {
                closed = true;
            } else if unit.is(class::TURN) && matches!(self.cue.reach, Reach::List | Reach::Phrase) {
                // "may represent atelectasis with effusion" hedges both; a denial or a history ends here.
                let hedge = self.cue.status == Some(Status::Uncertain);
                let ends = if hedge { unit.is(class::CAUSE) || self.states(i + 1) } else { true };
                if ends && (seen || self.cue.status.is_none()) || self.cue.reach == Reach::Phrase {
                    return;
                }
            } else if unit.is(class::VERB | class::EXISTENTIAL) && self.ends_at_verb(unit, seen) {
                return;
            } else if seen && judges && self.cue.reach != Reach::Clause {
                let after = units[i - 1].is(MENTION | class::ANATOMY);
                if unit.is(class::OPENS) && after && self.mention_follows(i) && !self.lists_on(i) {
                    return;
                }
            }
        }
    }

    /// A verb ends a phrase that has found its mention, and any statement that has found none.
    fn ends_at_verb(&self, unit: &Unit, seen: bool) -> bool {
        if seen { self.cue.reach == Reach::Phrase } else { !unit.is(class::EXISTENTIAL) && self.cue.status.is_some() }
    }

    /// Nothing joins the mention at `i` to the one before it.
    fn side_by_side(&self, i: usize) -> bool {
        // "NO CONSOLIDATION EFFUSION OR PNEUMOTHORAX" is a list all the same.
        if self.units[i + 1..].iter().take(3).any(|u| u.is(class::OR)) {
            return false;
        }
        for unit in self.units[self.at + 1..i].iter().rev() {
            if unit.is(MENTION) {
                return true;
            }
            if unit.is(class::AND | class::OR | class::PREPOSITION | class::TURN | class::VERB | class::JUDGES)
                || !matches!(unit.kind, TokenKind::Word | TokenKind::Number)
            {
                return false;
            }
        }
        false
    }

    /// A differential goes on over "and mild edema": it lists readings, whatever adjectives they have.
    fn differs(&self, i: usize) -> bool {
        let clause = self.units[self.at].clause;
        self.cue.commas
            && self.cue.status == Some(Status::Uncertain)
            && self.units[i..]
                .iter()
                .take_while(|u| u.clause == clause)
                .take(6)
                .all(|u| !u.is(class::VERB | class::EXISTENTIAL))
    }

    /// A comma was forgotten, but an "or" before any verb shows the list: "no consolidation large effusion or
    /// pneumothorax".
    fn lists_on(&self, i: usize) -> bool {
        let clause = self.units[i].clause;
        let mut mention = false;
        for (j, unit) in self.units.iter().enumerate().skip(i) {
            if unit.clause != clause
                || unit.is(class::VERB | class::EXISTENTIAL | class::TURN | NORMAL)
                || (j > i && self.judges_at(j))
                || unit.kind == TokenKind::Comma
            {
                return false;
            }
            mention |= unit.is(MENTION);
            if unit.is(class::OR) {
                return mention && self.mention_follows(j);
            }
        }
        false
    }

    /// Two mentions with nothing but adjectives between them ("atelectasis/infiltrate").
    fn glued(&self, i: usize) -> bool {
        let before = &self.units[i - 1];
        before.is(MENTION | class::OR)
            || before.kind == TokenKind::Slash
            || self.units[..i].iter().rev().take(4).any(|u| u.is(class::OR))
    }

    fn mention_follows(&self, i: usize) -> bool {
        let clause = self.units[i].clause;
        self.units[i + 1..]
            .iter()
            .take(6)
            .take_while(|u| u.clause == clause && u.kind != TokenKind::Comma && !u.is(class::VERB))
            .any(|u| u.is(MENTION))
    }

    /// A comma came just before this conjunction's item, or earlier in the list.
    fn list_before(&self, i: usize) -> bool {
        self.units[self.at + 1..i].iter().any(|u| u.is(MENTION))
    }

    /// The phrase that begins here states something of its own: "small effusion", "the heart is ...".
    fn states(&self, mut i: usize) -> bool {
        let units = self.units;
        while units.get(i).is_some_and(|u| u.is(class::ADVERB | class::AND) && !u.is(class::CUE)) {
            i += 1;
        }
        let Some(first) = units.get(i) else { return false };
        if first.is(class::OPENS | NORMAL | class::EXISTENTIAL) || self.judges_at(i) {
            return true;
        }
        // A verb before the next comma makes it a statement.
        let clause = first.clause;
        let mut judged = true;
        for (j, unit) in units[i..].iter().enumerate() {
            if unit.clause != clause || unit.kind == TokenKind::Comma || unit.is(class::AND | class::OR) {
                return false;
            }
            if unit.is(class::VERB | NORMAL) {
                return true;
            }
            if unit.is(MENTION) {
                judged = false;
            } else if judged && self.judges_at(i + j) {
                return true;
            }
        }
        false
    }

    /// Whether a list goes on past the comma at `i`.
    fn continues(&self, i: usize, seen: bool, closed: bool) -> bool {
        let units = self.units;
        if !seen {
            return true;
        }
        let Some(next) = units.get(i + 1) else { return false };
        if next.is(class::OR) {
            return true;
        }
        if closed {
            return false;
        }
        if next.is(class::AND) {
            return !self.states(i + 1);
        }
        if self.judges_at(i + 1) {
            return false;
        }
        let runs = self.cue.commas;
        if runs && !self.states(i + 1) {
            return true;
        }
        // It looks like a new statement; a later "or" before any verb makes it a list after all:
        // "no infiltrate, large effusion, or pneumothorax".
        let clause = units[i].clause;
        let mut mention = false;
        for (j, unit) in units.iter().enumerate().skip(i + 1) {
            if unit.clause != clause
                || unit.is(class::VERB | NORMAL | class::EXISTENTIAL)
                || (j > i + 1 && self.judges_at(j))
            {
                return false;
            }
            mention |= unit.is(MENTION);
            if unit.is(class::OR) || (!runs && unit.is(class::AND) && !self.states(j + 1)) {
                return mention && self.mention_follows(j);
            }
        }
        false
    }

    fn backward(&self, targets: &mut Vec<u32>) {
        let units = self.units;
        let clause = units[self.at].clause;
        let plural = units[self.at].is(class::PLURAL);
        let mut seen = false;
        let mut joined = false;
        let mut single = false;
        let mut bracket = 0;
        for i in (0..self.at).rev() {
            let unit = &units[i];
            if self.cue.reach == Reach::Sentence {
                if unit.is(MENTION) {
                    targets.push(i as u32);
                }
                continue;
            }
            if unit.clause != clause && !single {
                // "... and has resolved", "..., which has resolved": the subject stands in the clause before.
                let joint = &units[i + 1];
                let subject =
                    |u: &Unit| u.is(class::ANATOMY | class::DETERMINER) || (u.bits == 0 && u.kind == TokenKind::Word);
                if units[i + 1..self.at].iter().any(subject) {
                    return;
                }
                let links = joint.is(class::AND | class::RELATIVE | class::BREAK) || joint.kind == TokenKind::Comma;
                if seen || !links || unit.clause + 1 != clause {
                    return;
                }
                single = true;
            }
            if single && unit.clause + 1 != clause {
                return;
            }
            if unit.is(MENTION) && bracket == 0 {
                targets.push(i as u32);
                seen = true;
                // "lines and tubes: none" denies both.
                let pair = i >= 2 && units[i - 1].is(class::AND | class::OR) && units[i - 2].is(MENTION);
                if single || (matches!(self.cue.reach, Reach::Adjacent | Reach::Next) && !pair) {
                    return;
                }
                continue;
            }
            if unit.kind == TokenKind::Open && bracket == 0 {
                return;
            }
            match unit.kind {
                TokenKind::Close => bracket += 1,
                TokenKind::Open => bracket -= 1,
                _ => {}
            }
            match self.cue.reach {
                Reach::Adjacent => {
                    let near = unit.bits
                        & (class::CUE | class::ADVERB | class::ANATOMY | class::PREPOSITION | class::DETERMINER)
                        != 0
                        || (unit.bits == 0 && unit.kind == TokenKind::Word);
                    if !near || self.at - i > 4 {
                        return;
                    }
                    continue;
                }
                Reach::Next => return,
                Reach::Clause | Reach::Sentence => continue,
                Reach::List | Reach::Phrase => {}
            }
            if unit.kind == TokenKind::Comma {
                // A list is closed by a conjunction; without one the comma parts two statements.
                if seen && (!joined || self.cue.reach == Reach::Phrase) {
                    return;
                }
            } else if unit.is(class::AND | class::OR) {
                if seen {
                    if self.cue.reach == Reach::Phrase && !unit.is(class::OR) {
                        return;
                    }
                    let own = units.get(i + 1).is_some_and(|u| u.is(class::DETERMINER | class::OPENS | class::JUDGES));
                    if unit.is(class::AND) && own && !plural {
                        return;
                    }
                    joined = true;
                }
            } else if seen && unit.is(class::CAUSE) {
                // "a pneumonia superimposed on emphysema is likely": the head is what it is said of.
                let head = (0..i)
                    .rev()
                    .take(8)
                    .take_while(|&j| units[j].clause == unit.clause && !units[j].is(class::VERB))
                    .any(|j| units[j].is(MENTION));
                if !head {
                    return;
                }
                targets.clear();
            } else if seen && unit.is(class::TURN) {
                // "effusion with atelectasis cannot be excluded" speaks of both.
            } else if seen
                && (unit.is(class::VERB | class::EXISTENTIAL | class::BREAK)
                    || unit.kind == TokenKind::Colon
                    || self.judges_at(i))
            {
                return;
            }
        }
    }
}

/// Alternatives: "scarring or atelectasis", "infiltrate versus atelectasis" leave each in doubt. Returns
/// through `pairs` the (candidate unit, cue unit) that are so hedged.
pub(crate) fn alternatives(units: &[Unit], rules: &Rules, lexicon: &Lexicon, pairs: &mut Vec<(u32, u32)>) {
    pairs.clear();
    for (at, unit) in units.iter().enumerate() {
        if !unit.is(class::CUE) || unit.phrase == NONE {
            continue;
        }
        let cue = &rules.cues[rules.meanings[unit.phrase as usize].cue as usize];
        if !cue.alternative || at == 0 || at + 1 >= units.len() {
            continue;
        }
        // "right or left base", "mild or moderate": the choice is between other words.
        let other = |u: &Unit| !u.is(MENTION) && u.is(class::ANATOMY | class::CUE | class::DESCRIPTOR);
        if other(&units[at - 1]) && other(&units[at + 1]) && !units[at + 1].is(class::OPENS) {
            continue;
        }
        let adjacent = cue.reach == Reach::Adjacent;
        let limit = if adjacent { 1 } else { 6 };
        let clause = unit.clause;
        let stops = |u: &Unit| {
            u.is(class::VERB | class::BREAK | class::EXISTENTIAL | class::TURN)
                || matches!(u.kind, TokenKind::Semicolon | TokenKind::Colon)
        };
        let right = units[at + 1..]
            .iter()
            .take(limit)
            .take_while(|u| u.clause == clause && !stops(u) && u.kind != TokenKind::Comma)
            .position(|u| u.is(MENTION))
            .map(|i| at + 1 + i);
        let left = (0..at)
            .rev()
            .take(limit + 2)
            .take_while(|&i| units[i].clause == clause && !stops(&units[i]))
            .find(|&i| units[i].is(MENTION));
        let (Some(left), Some(right)) = (left, right) else {
            // "air trapping versus poor inspiration": the other reading need be no finding.
            if let (Reach::Clause, Some(left)) = (cue.reach, left.filter(|&l| at - l <= 3 && !units[l].is(NORMAL))) {
                pairs.push((left as u32, at as u32));
            }
            continue;
        };
        // "pacemaker/ICD" is one device by two names.
        let device = |u: &Unit| {
            u.meaning(rules)
                .is_some_and(|m| m.finding != NONE && lexicon.concept(ConceptId(m.finding)).kind == Kind::Device)
        };
        if device(&units[left]) && device(&units[right]) {
            continue;
        }
        // "upper limits of normal or mildly enlarged" leaves the size in doubt.
        if !units[right].is(NORMAL) {
            pairs.push((right as u32, at as u32));
        }
        if !units[left].is(NORMAL) {
            pairs.push((left as u32, at as u32));
        }
        // "atelectasis, scarring, or infiltrate": back along the commas.
        // Without a comma before the conjunction too, what stands before the first comma is as likely
        // explained by the alternatives ("opacity, atelectasis or scar") as one of them.
        if units[at - 1].kind != TokenKind::Comma {
            continue;
        }
        let mut at_mention = left;
        while let Some(previous) = (0..at_mention)
            .rev()
            .take(5)
            .take_while(|&i| units[i].clause == clause && !stops(&units[i]) && !units[i].is(class::AND | class::JUDGES))
            .find(|&i| units[i].is(MENTION))
        {
            if adjacent || !units[previous..at_mention].iter().any(|u| u.kind == TokenKind::Comma) {
                break;
            }
            pairs.push((previous as u32, at as u32));
            at_mention = previous;
        }
    }
}
