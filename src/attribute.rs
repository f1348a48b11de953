//! What else is said of a mention: its side, its severity, the part of the body that it lies in.
//!
//! All three are read from the mention's own noun phrase: the adjectives before it and the prepositional
//! phrases after it. Status and change are cues' affair.

use crate::lexicon::{Lexicon, Side};
use crate::mention::{Candidate, MENTION, NORMAL, Unit};
use crate::rules::{Direction, NONE, Named, Rules, Status, ValueId, class};
use crate::span::{ConceptId, RuleId, Span};
use crate::token::{Token, TokenKind};

/// Attributes of one mention.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Attributes {
    pub(crate) side: Option<Side>,
    pub(crate) side_by: Option<(RuleId, Span)>,
    pub(crate) severity: Option<Span>,
    pub(crate) severity_by: Option<RuleId>,
    /// Values that cues name, by [`Named`]: acuity, count, position.
    pub(crate) named: [Option<(ValueId, RuleId, Span)>; 3],
    /// A bare number of them.
    pub(crate) numeral: Option<(u32, Span)>,
    /// Parts of the body, the nearest first.
    pub(crate) location: [Option<ConceptId>; 2],
}

pub(crate) fn read(
    candidate: &Candidate,
    units: &[Unit],
    text: &str,
    tokens: &[Token],
    rules: &Rules,
    lexicon: &Lexicon,
) -> Attributes {
    let mut out = Attributes::default();
    if candidate.concept != NONE {
        out.side = lexicon.concept(ConceptId(candidate.concept)).side;
    }
    let at = candidate.unit as usize;
    if candidate.part != NONE {
        take(&mut out, &units[candidate.part as usize], tokens, rules, lexicon);
        before(&mut out, units, candidate.part as usize, text, tokens, rules, lexicon);
    }
    inside(&mut out, &units[at], tokens, rules, lexicon);
    before(&mut out, units, at, text, tokens, rules, lexicon);
    after(&mut out, units, at, tokens, rules, lexicon);
    if out.side.is_none() || out.location[0].is_none() {
        subject(&mut out, units, at, tokens, rules, lexicon);
    }
    if out.side.is_none() || out.severity.is_none() {
        shared(&mut out, units, at, text, tokens, rules, lexicon);
    }
    // "Left kidney: stone.", "Bones: no lesion."
    if out.location[0].is_none() || out.side.is_none() {
        topic(&mut out, units, at, tokens, rules, lexicon);
    }
    if out.side.is_none() {
        same(&mut out, units, at, text, tokens, rules, lexicon);
    }
    // What a finding's name says of its place outranks the words around it, unless they say it closer.
    if candidate.concept != NONE
        && let Some(site) = lexicon.concept(ConceptId(candidate.concept)).site
        && !out.location.iter().flatten().any(|&part| lexicon.is_a(part, site))
    {
        out.location = [Some(site), out.location[0]];
    }
    out
}

impl Attributes {
    /// Takes the side and the place of the line above ("Left ear:") where the mention's own say none.
    pub(crate) fn under(mut self, heading: &Attributes) -> Attributes {
        if self.side.is_none() {
            self.side = heading.side;
            self.side_by = heading.side_by;
        }
        if self.location[0].is_none() {
            self.location = heading.location;
        } else if self.location[1].is_none() {
            // "L4-L5: Disc bulge. Mild canal stenosis.": the canal, at that level.
            self.location[1] = heading.location[0].filter(|&part| self.location[0] != Some(part));
        }
        self
    }

    /// Names the side of the nearest part: "left" and "kidney" lie in the left kidney.
    pub(crate) fn sided(mut self, lexicon: &Lexicon) -> Attributes {
        if let (Some(part), Some(side)) = (self.location[0], self.side)
            && let Some(sided) = lexicon.sided(part, side)
        {
            self.location[0] = Some(sided);
        }
        self
    }
}

/// What a line that only names a part ("Left ear:") says of the lines below it.
pub(crate) fn heading(units: &[Unit], tokens: &[Token], rules: &Rules, lexicon: &Lexicon) -> Attributes {
    let mut out = Attributes::default();
    for unit in units {
        take(&mut out, unit, tokens, rules, lexicon);
    }
    out
}

/// The words of the mention itself: "small left kidney", "elevation of the right hemidiaphragm". What stands in a
/// term is read by its longest parts, so that "small bowel obstruction" is not a small one.
fn inside(out: &mut Attributes, unit: &Unit, tokens: &[Token], rules: &Rules, lexicon: &Lexicon) {
    let (first, last) = (unit.first as usize, unit.last as usize);
    let mut at = first;
    while at < last {
        // Not the term itself again.
        let end = if at == first && unit.phrase != NONE { last - 1 } else { last };
        match rules.matcher.longest(tokens[at..end].iter().map(|t| t.word)) {
            Some((length, phrase)) => {
                let part = Unit { first: at as u32, last: (at + length) as u32, phrase: phrase.0, ..*unit };
                piece(out, &part, tokens, rules, lexicon);
                at += length;
            }
            None => at += 1,
        }
    }
}

/// The single words of a term.
fn inside_words(out: &mut Attributes, unit: &Unit, tokens: &[Token], rules: &Rules, lexicon: &Lexicon) {
    for i in unit.first..unit.last {
        if let Some((1, phrase)) = rules.matcher.longest(std::iter::once(tokens[i as usize].word)) {
            let part = Unit { first: i, last: i + 1, phrase: phrase.0, ..*unit };
            piece(out, &part, tokens, rules, lexicon);
        }
    }
}

/// The side, the named values, and for a caller's span the severity, of a word inside a mention.
fn piece(out: &mut Attributes, part: &Unit, tokens: &[Token], rules: &Rules, lexicon: &Lexicon) {
    let Some(meaning) = part.meaning(rules) else { return };
    name(out, part, tokens, rules);
    if out.side.is_none() {
        if meaning.cue != NONE {
            let cue = &rules.cues[meaning.cue as usize];
            if cue.side.is_some() {
                out.side = cue.side;
                out.side_by = Some((cue.rule, part.span(tokens)));
            }
        }
        if out.side.is_none() && meaning.anatomy != NONE {
            out.side = lexicon.concept(ConceptId(meaning.anatomy)).side;
        }
    }
    if out.severity.is_none() && meaning.cue != NONE && rules.cues[meaning.cue as usize].severity {
        out.severity = Some(part.span(tokens));
        out.severity_by = Some(rules.cues[meaning.cue as usize].rule);
    }
}

/// "the right lower lobe shows atelectasis", "left base is opacified": the part that the clause speaks of; and
/// "in the right frontal lobe there is a mass": the place that stands before its verb.
fn subject(out: &mut Attributes, units: &[Unit], at: usize, tokens: &[Token], rules: &Rules, lexicon: &Lexicon) {
    let clause = units[at].clause;
    if out.side.is_none() {
        fronted(out, units, at, tokens, rules);
    }
    let mut start = (0..at).rev().take_while(|&i| units[i].clause == clause).last().unwrap_or(at);
    let Some(verb) = (start..at).find(|&i| units[i].is(class::VERB | class::EXISTENTIAL)) else {
        return;
    };
    let there = units[verb].is(class::EXISTENTIAL);
    if there && verb == start && start > 0 && clause > 0 {
        start = (0..start).rev().take_while(|&i| units[i].clause + 1 == clause).last().unwrap_or(start);
    }
    // A place goes before its verb behind a preposition at the head of the sentence, a subject without one.
    let placed = units[start..verb].iter().take(4).any(|u| u.is(class::PREPOSITION))
        && !units[start].is(class::DETERMINER | class::ANATOMY);
    let other = |u: &Unit| {
        u.is(MENTION | class::JUDGES | class::VERB)
            || u.kind == TokenKind::Colon
            || (!placed && (u.is(class::PREPOSITION) || u.kind == TokenKind::Comma))
    };
    // "the vessels are full with increased markings" speaks of another part after the turn.
    if (there && !placed)
        || units[start..verb].iter().any(other)
        || units[verb..at].iter().any(|u| u.is(class::TURN | class::AND))
        || (placed && units[verb + 1..at].iter().any(|u| u.is(MENTION | class::PREPOSITION)))
    {
        return;
    }
    let mut found = Attributes::default();
    for unit in &units[start..verb] {
        take(&mut found, unit, tokens, rules, lexicon);
    }
    let bare = units[start..verb].iter().all(|u| u.is(class::DETERMINER | class::CUE));
    if found.location[0].is_some() || (bare && found.side.is_some()) {
        if out.side.is_none() {
            out.side = found.side;
            out.side_by = found.side_by;
        }
        if out.location[0].is_none() {
            out.location = found.location;
        }
    }
}

/// "on the left an ostial stenosis": a side that opens the clause.
fn fronted(out: &mut Attributes, units: &[Unit], at: usize, tokens: &[Token], rules: &Rules) {
    let clause = units[at].clause;
    let start = (0..at).rev().take_while(|&i| units[i].clause == clause).last().unwrap_or(at);
    let opens = units.get(start + 1).is_some_and(|u| {
        u.is(class::DETERMINER | class::EXISTENTIAL) || matches!(u.kind, TokenKind::Comma | TokenKind::Colon)
    });
    let Some(meaning) = units[start].meaning(rules).filter(|m| m.cue != NONE && start < at && opens) else { return };
    let cue = &rules.cues[meaning.cue as usize];
    if cue.side.is_some() && !units[start + 1..at].iter().any(|u| u.is(MENTION | class::PREPOSITION | class::AND)) {
        out.side = cue.side;
        out.side_by = Some((cue.rule, units[start].span(tokens)));
    }
}

/// "restricted diffusion in the left gyrus, compatible with infarct": what the first finding may be is on its side.
fn same(
    out: &mut Attributes,
    units: &[Unit],
    at: usize,
    text: &str,
    tokens: &[Token],
    rules: &Rules,
    lexicon: &Lexicon,
) {
    let mut linked = false;
    for i in (0..at).rev().take(24) {
        let unit = &units[i];
        if unit.is(class::BREAK | class::EXISTENTIAL) || matches!(unit.kind, TokenKind::Semicolon | TokenKind::Period) {
            return;
        }
        if unit.is(MENTION) {
            if !linked {
                continue;
            }
            let mut first = Attributes::default();
            if unit.phrase != NONE
                && let Some(concept) = finding(unit, rules)
            {
                first.side = lexicon.concept(concept).side;
            }
            before(&mut first, units, i, text, tokens, rules, lexicon);
            after(&mut first, units, i, tokens, rules, lexicon);
            out.side = first.side;
            out.side_by = first.side_by;
            return;
        }
        let doubt =
            unit.meaning(rules).filter(|m| m.cue != NONE).map(|m| &rules.cues[m.cue as usize]).is_some_and(|c| {
                c.status == Some(Status::Uncertain) && matches!(c.direction, Direction::Forward | Direction::Either)
            });
        linked |= unit.is(class::EQUATES) || doubt;
    }
}

fn finding(unit: &Unit, rules: &Rules) -> Option<ConceptId> {
    unit.meaning(rules).filter(|m| m.finding != NONE).map(|m| ConceptId(m.finding))
}

/// "minimal left basilar atelectasis or scar": the second alternative shares the adjectives of the first.
fn shared(
    out: &mut Attributes,
    units: &[Unit],
    at: usize,
    text: &str,
    tokens: &[Token],
    rules: &Rules,
    lexicon: &Lexicon,
) {
    let mut i = at;
    let mut joined = false;
    while i > 0 && at - i < 5 {
        i -= 1;
        let unit = &units[i];
        if unit.clause != units[at].clause {
            return;
        }
        if unit.is(MENTION) {
            if !joined {
                return;
            }
            let mut first = Attributes::default();
            before(&mut first, units, i, text, tokens, rules, lexicon);
            if out.side.is_none() {
                out.side = first.side;
                out.side_by = first.side_by;
            }
            if out.severity.is_none() {
                out.severity = first.severity;
                out.severity_by = first.severity_by;
            }
            return;
        }
        let joins = unit.kind == TokenKind::Slash
            || unit.is(class::OR)
            || joint(unit, rules)
            || (unit.is(class::AND) && i + 1 == at);
        if joins {
            joined = true;
        } else if !(unit.bits == 0 && matches!(unit.kind, TokenKind::Word | TokenKind::Mask)) {
            return;
        }
    }
}

/// A cue that joins alternatives ("versus").
fn joint(unit: &Unit, rules: &Rules) -> bool {
    unit.meaning(rules).is_some_and(|m| m.cue != NONE && rules.cues[m.cue as usize].alternative)
}

/// The value that a cue names, unless the mention has one of that name already.
fn name(out: &mut Attributes, unit: &Unit, tokens: &[Token], rules: &Rules) {
    let Some(meaning) = unit.meaning(rules).filter(|m| m.cue != NONE) else { return };
    let cue = &rules.cues[meaning.cue as usize];
    if let Some((named, value)) = cue.names {
        out.named[named as usize].get_or_insert((value, cue.rule, unit.span(tokens)));
    }
}

/// "3 nodules": a small whole number that belongs to no grade, level or unit.
fn numeral(out: &mut Attributes, units: &[Unit], (i, at): (usize, usize), text: &str, tokens: &[Token], rules: &Rules) {
    let unit = &units[i];
    if unit.kind != TokenKind::Number || out.numeral.is_some() || at - i > 4 {
        return;
    }
    let odd = |u: &Unit| {
        let joins = class::VERB | class::PREPOSITION | class::DETERMINER | class::AND | class::OR | class::TURN;
        (u.is(class::NUMBERED) && !u.is(joins))
            || u.is(class::ANATOMY)
            || matches!(u.kind, TokenKind::Number | TokenKind::Slash | TokenKind::Dash | TokenKind::Compare)
    };
    if i.checked_sub(1).is_some_and(|b| odd(&units[b]))
        || units[i + 1..at].iter().any(|u| odd(u) && !u.is(class::ANATOMY))
    {
        return;
    }
    // "6-mm nodule"
    let next = tokens.get(unit.last as usize).map(|t| t.word);
    if rules.measures.matcher.longest(next.into_iter()).is_some() {
        return;
    }
    let span = unit.span(tokens);
    if let Some(count) = text[span.range()].parse::<u32>().ok().filter(|n| (1..=60).contains(n)) {
        out.numeral = Some((count, span));
    }
}

fn take(out: &mut Attributes, unit: &Unit, tokens: &[Token], rules: &Rules, lexicon: &Lexicon) {
    let Some(meaning) = unit.meaning(rules) else { return };
    if meaning.anatomy != NONE {
        let part = ConceptId(meaning.anatomy);
        if out.location[0].is_none() {
            out.location[0] = Some(part);
        } else if out.location[1].is_none() {
            out.location[1] = Some(part);
        }
        if out.side.is_none() {
            out.side = lexicon.concept(part).side;
        }
        // "both lower lobes" may be a name of the place as a whole.
        if out.side.is_none() && unit.last - unit.first > 1 {
            inside_words(out, unit, tokens, rules, lexicon);
        }
    }
    if meaning.cue != NONE {
        let cue = &rules.cues[meaning.cue as usize];
        if let Some(side) = cue.side {
            match out.side {
                None => {
                    out.side = Some(side);
                    out.side_by = Some((cue.rule, unit.span(tokens)));
                }
                Some(known) if known != side && out.side_by.is_some() => out.side = Some(Side::Bilateral),
                _ => {}
            }
        }
    }
}

/// The adjectives of the noun phrase, leftwards.
fn before(
    out: &mut Attributes,
    units: &[Unit],
    at: usize,
    text: &str,
    tokens: &[Token],
    rules: &Rules,
    lexicon: &Lexicon,
) {
    let clause = units[at].clause;
    for i in (0..at).rev().take(10) {
        let unit = &units[i];
        // "left pigtail chest tube": a compound of two terms.
        if unit.is(MENTION) && i + 1 == at && unit.clause == clause && !unit.is(NORMAL) {
            continue;
        }
        // "left ninth to eleventh rib fractures", "left 5th through 7th ribs"
        let range = unit.is(class::PREPOSITION | class::NUMBERED)
            && i > 0
            && units[i - 1].kind == TokenKind::Number
            && units[i + 1].kind == TokenKind::Number;
        if range {
            continue;
        }
        let stop = unit.clause != clause
            || unit.is(MENTION
                | class::VERB
                | class::EXISTENTIAL
                | class::BREAK
                | class::PREPOSITION
                | class::TURN
                | class::DETERMINER)
            || matches!(unit.kind, TokenKind::Colon | TokenKind::Semicolon | TokenKind::Period | TokenKind::Close);
        if stop {
            // "left lower lobe atelectasis and effusion", "mild scarring or atelectasis" share their adjectives
            // only where the join is direct.
            return;
        }
        if unit.is(class::AND | class::OR) || unit.kind == TokenKind::Comma {
            // "large, loculated effusion" and "mild to moderate", "left and right" go on; a list does not.
            let adjective =
                |u: &Unit| u.is(class::CUE | class::ANATOMY | class::DESCRIPTOR) && !u.is(class::JUDGES | MENTION);
            if i > 0
                && adjective(&units[i - 1])
                && units.get(i + 1).is_some_and(|u| adjective(u) || u.bits == 0 || i + 1 == at)
            {
                continue;
            }
            return;
        }
        take(out, unit, tokens, rules, lexicon);
        name(out, unit, tokens, rules);
        numeral(out, units, (i, at), text, tokens, rules);
        if out.severity.is_none()
            && let Some((rule, span)) = severity(units, i, tokens, rules)
        {
            out.severity = Some(span);
            out.severity_by = Some(rule);
        }
    }
}

/// The severity that ends at this unit, with a range before it: "mild to moderate".
fn severity(units: &[Unit], i: usize, tokens: &[Token], rules: &Rules) -> Option<(RuleId, Span)> {
    let cue_of = |u: &Unit| u.meaning(rules).filter(|m| m.cue != NONE).map(|m| &rules.cues[m.cue as usize]);
    let cue = cue_of(&units[i]).filter(|c| c.severity)?;
    let mut span = units[i].span(tokens);
    let word = |u: &Unit| {
        (u.last - u.first) == 1 && (u.is(class::PREPOSITION | class::OR) || u.kind == TokenKind::Slash || u.bits == 0)
    };
    if i >= 2 && word(&units[i - 1]) && cue_of(&units[i - 2]).is_some_and(|c| c.severity) {
        span = span.cover(units[i - 2].span(tokens));
    }
    Some((cue.rule, span))
}

/// The prepositional phrases after the mention: "in the left lower lobe", "of the spine", "on the right".
fn after(out: &mut Attributes, units: &[Unit], at: usize, tokens: &[Token], rules: &Rules, lexicon: &Lexicon) {
    let clause = units[at].clause;
    let mut preposition = false;
    let mut joined = false;
    for (i, unit) in units.iter().enumerate().skip(at + 1).take(14) {
        if unit.clause != clause
            || unit.is(class::BREAK | class::TURN | class::EXISTENTIAL)
            || matches!(unit.kind, TokenKind::Semicolon | TokenKind::Period)
            // "Effusion: right, small" says it of the effusion; "Lungs: ..." is about what follows.
            || (unit.kind == TokenKind::Colon && joined_mention(units, i))
        {
            return;
        }
        let table = matches!(units[i - 1].kind, TokenKind::Colon | TokenKind::Dash | TokenKind::Comma);
        let said = table || units[i - 1].is(class::ADVERB | class::COPULA);
        let named = unit.meaning(rules).filter(|m| m.cue != NONE).and_then(|m| rules.cues[m.cue as usize].names);
        // How a device lies may be told anywhere after it; an age is a predicate or stands in a table.
        match named {
            Some((Named::Position, _)) => name(out, unit, tokens, rules),
            Some((Named::Acuity, _)) if said && !joined_mention(units, i) => name(out, unit, tokens, rules),
            _ => {}
        }
        if unit.is(MENTION) {
            // "no nodules or masses in the breast": the place is shared along the list.
            if !joined || preposition {
                return;
            }
            continue;
        }
        // "improved hydronephrosis, now mild", "the effusion is small".
        if out.severity.is_none()
            && said
            && !joined_mention(units, i)
            && let Some((rule, span)) = severity(units, i, tokens, rules)
        {
            out.severity = Some(span);
            out.severity_by = Some(rule);
        }
        if unit.is(class::AND | class::OR) || unit.kind == TokenKind::Comma || joint(unit, rules) {
            if preposition && out.location[0].is_some() && unit.kind == TokenKind::Comma {
                return;
            }
            joined = true;
            continue;
        }
        if unit.is(class::JUDGES) && joined {
            return;
        }
        if unit.is(class::PREPOSITION) {
            preposition = true;
            continue;
        }
        // "compression fracture T12", "stenosis, L4-L5": a part that stands right after, and nothing after it.
        let beside = unit.is(class::ANATOMY)
            && (i == at + 1 || (i == at + 2 && units[at + 1].kind == TokenKind::Comma))
            && out.location[0].is_none()
            && units.get(i + 1).is_none_or(|u| {
                u.clause != clause || matches!(u.kind, TokenKind::Comma | TokenKind::Period | TokenKind::Semicolon)
            });
        if beside {
            take(out, unit, tokens, rules, lexicon);
            return;
        }
        let free = unit.meaning(rules).is_some_and(|m| m.cue != NONE && rules.cues[m.cue as usize].side.is_some());
        if preposition || (free && (!joined || !joined_mention(units, i))) {
            take(out, unit, tokens, rules, lexicon);
        }
    }
}

/// A mention follows in the same phrase, so that an adjective before it is its own.
fn joined_mention(units: &[Unit], i: usize) -> bool {
    units[i + 1..]
        .iter()
        .take_while(|u| u.clause == units[i].clause && u.kind != TokenKind::Comma && !u.is(class::AND | class::TURN))
        .any(|u| u.is(MENTION))
}

/// What a line is about: the part named before a colon at its start.
fn topic(out: &mut Attributes, units: &[Unit], at: usize, tokens: &[Token], rules: &Rules, lexicon: &Lexicon) {
    let Some(colon) = units.iter().take(6).position(|u| u.kind == TokenKind::Colon) else { return };
    if colon >= at {
        return;
    }
    for unit in &units[..colon] {
        take(out, unit, tokens, rules, lexicon);
    }
}
