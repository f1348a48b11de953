//! Sentences -> units and mentions.
//!
//! A sentence becomes a row of units: a matched phrase (term, cue, function word) or a single token. A
//! finding term is a mention. So is a part of the body together with what is said of it ("the heart is
//! enlarged", "clear lungs"): the compositions of the rules say which pairs mean what. Knows no cue's
//! effect; that is `assertion`'s.
//!
//! Longer than most files: units, clauses and links are one walk over one sentence, read together or not at all.

use crate::lexicon::{Kind, Lexicon, PhraseId};
use crate::rules::{Meaning, NONE, Rules, Sense, Status, class};
use crate::span::{ConceptId, RuleId, Span};
use crate::token::{Token, TokenKind, flag};

/// Set on units that hold a mention.
pub(crate) const MENTION: u32 = 1 << 28;
/// Set on a caller's span that holds a word of no term.
pub(crate) const UNKNOWN: u32 = 1 << 30;
/// Set on the units of a mention that means normality.
pub(crate) const NORMAL: u32 = 1 << 29;

/// One step of the walk over a sentence.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unit {
    /// Tokens, end-exclusive.
    pub(crate) first: u32,
    pub(crate) last: u32,
    pub(crate) bits: u32,
    /// Index into the rules' meanings, or `NONE`.
    pub(crate) phrase: u32,
    pub(crate) kind: TokenKind,
    pub(crate) clause: u16,
    /// All in capitals.
    pub(crate) capitals: bool,
}

impl Unit {
    pub(crate) fn is(&self, bits: u32) -> bool {
        self.bits & bits != 0
    }

    pub(crate) fn span(&self, tokens: &[Token]) -> Span {
        Span::new(tokens[self.first as usize].span.start, tokens[self.last as usize - 1].span.end)
    }

    pub(crate) fn meaning<'r>(&self, rules: &'r Rules) -> Option<&'r Meaning> {
        rules.meanings.get(self.phrase as usize)
    }
}

/// A mention before it is judged.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Candidate {
    pub(crate) span: Span,
    /// `NONE` for a caller's span that the lexicon does not know.
    pub(crate) concept: u32,
    pub(crate) unit: u32,
    /// What a composition says before any cue, and by which rule.
    pub(crate) base: Option<(Status, RuleId)>,
    /// The anatomy of a composition: its unit.
    pub(crate) part: u32,
    /// The caller's span number, or `NONE`.
    pub(crate) asked: u32,
}

/// Fills `units` from the tokens of one sentence. `asked` are spans that must each be one unit (token
/// ranges in order, not overlapping).
pub(crate) fn units(
    tokens: &[Token],
    range: (u32, u32),
    asked: &[(u32, u32)],
    rules: &Rules,
    units: &mut Vec<Unit>,
) -> u32 {
    units.clear();
    let mut all = 0;
    let mut at = range.0;
    let mut asked = asked.iter().copied().skip_while(|s| s.0 < range.0).peekable();
    while at < range.1 {
        let stop = asked.peek().map_or(range.1, |s| s.0.min(range.1));
        if at == stop
            && let Some((first, last)) = asked.next()
        {
            let last = last.min(range.1);
            let bits = inner_bits(&tokens[first as usize..last as usize], rules);
            units.push(Unit {
                first,
                last,
                bits: bits | MENTION,
                phrase: NONE,
                kind: TokenKind::Word,
                clause: 0,
                capitals: tokens[first as usize].has(flag::CAPS),
            });
            all |= bits | MENTION;
            at = last;
            continue;
        }
        let words = tokens[at as usize..stop as usize].iter().map(|t| t.word);
        let unit = match rules.matcher.longest(words) {
            Some((length, PhraseId(phrase))) => {
                let bits = rules.meanings[phrase as usize].bits;
                all |= bits;
                Unit {
                    first: at,
                    last: at + length as u32,
                    bits,
                    phrase,
                    kind: TokenKind::Word,
                    clause: 0,
                    capitals: tokens[at as usize].has(flag::CAPS),
                }
            }
            None => Unit {
                first: at,
                last: at + 1,
                bits: 0,
                phrase: NONE,
                kind: tokens[at as usize].kind,
                clause: 0,
                capitals: tokens[at as usize].has(flag::CAPS),
            },
        };
        at = unit.last;
        units.push(unit);
    }
    all
}

/// What kinds of term a caller's span holds.
fn inner_bits(tokens: &[Token], rules: &Rules) -> u32 {
    let mut bits = 0;
    let mut at = 0;
    while at < tokens.len() {
        match rules.matcher.longest(tokens[at..].iter().map(|t| t.word)) {
            Some((length, PhraseId(phrase))) => {
                bits |= rules.meanings[phrase as usize].bits & (class::FINDING | class::ANATOMY | class::DESCRIPTOR);
                at += length;
            }
            None => {
                bits |= UNKNOWN;
                at += 1;
            }
        }
    }
    bits
}

/// Numbers the clauses of a sentence: a new one begins where the statement turns, where "there is"
/// stands, and between two verbs at the likeliest joint.
pub(crate) fn clauses(units: &mut [Unit]) {
    let mut clause = 0_u16;
    let mut start = 0;
    let mut verb: Option<usize> = None;
    let mut joint: Option<(u8, usize)> = None;
    let mut at = 0;
    while at < units.len() {
        let unit = units[at];
        units[at].clause = clause;
        if unit.kind == TokenKind::Semicolon || unit.is(class::BREAK) {
            clause += 1;
            units[at].clause = clause;
            start = at + 1;
            verb = None;
            joint = None;
        } else if unit.is(class::EXISTENTIAL) && at > start {
            let from = match joint {
                Some((_, j)) if j + 1 == at => j,
                _ if units[at - 1].is(class::AND | class::OR) || units[at - 1].kind == TokenKind::Comma => at - 1,
                _ => at,
            };
            clause += 1;
            for u in &mut units[from..=at] {
                u.clause = clause;
            }
            start = from;
            verb = Some(at);
            joint = None;
        } else if unit.is(class::VERB | class::EXISTENTIAL) {
            match verb {
                Some(v) if far_verbs(units, v, at) => {
                    if let Some(from) = joint.map(|j| j.1).or_else(|| phrase_start(units, v, at)) {
                        clause += 1;
                        for u in &mut units[from..=at] {
                            u.clause = clause;
                        }
                        start = from;
                    }
                }
                _ => {}
            }
            verb = Some(at);
            joint = None;
        } else if verb.is_some() {
            let weight = joint_weight(units, at);
            if weight > 0 && joint.is_none_or(|(w, _)| weight > w) {
                joint = Some((weight, at));
            }
        }
        at += 1;
    }
}

/// Two verbs are of two groups when anything but adverbs stands between them.
fn far_verbs(units: &[Unit], first: usize, second: usize) -> bool {
    units[first + 1..second].iter().any(|u| !u.is(class::ADVERB))
}

/// How likely a new clause begins at this unit; 0 = not at all.
fn joint_weight(units: &[Unit], at: usize) -> u8 {
    let unit = &units[at];
    let next = units.get(at + 1);
    let determined = next.is_some_and(|u| u.is(class::DETERMINER));
    if unit.is(class::AND) {
        let comma = at > 0 && units[at - 1].kind == TokenKind::Comma;
        if comma || determined { 5 } else { 3 }
    } else if unit.kind == TokenKind::Comma {
        match next {
            Some(n) if n.is(class::AND) => 0,
            Some(n) if n.is(class::DETERMINER) => 4,
            _ => 2,
        }
    } else if unit.is(class::RELATIVE) || unit.kind == TokenKind::Dash {
        1
    } else {
        0
    }
}

/// Without any joint ("... IS SEEN HEART IS ENLARGED") the new clause begins with the noun phrase before
/// the second verb.
fn phrase_start(units: &[Unit], first: usize, second: usize) -> Option<usize> {
    let mut at = (first + 1..second).rev().find(|&i| units[i].is(class::ANATOMY | class::FINDING | MENTION))?;
    while at > first + 1 && units[at - 1].is(class::DETERMINER | class::OPENS) {
        at -= 1;
    }
    // A single noun between two verbs ("appears stable ... is") is no new subject unless words stand before.
    (at > first + 1).then_some(at)
}

/// Finds the mentions of a sentence and marks their units.
pub(crate) fn find(
    tokens: &[Token],
    units: &mut [Unit],
    rules: &Rules,
    lexicon: &Lexicon,
    links: &mut Vec<(u32, u32)>,
    found: &mut Vec<Candidate>,
) {
    found.clear();
    compose(tokens, units, rules, lexicon, links, found);
    for (i, unit) in units.iter_mut().enumerate() {
        // Where a composition speaks of the same words ("ectatic aorta") it says more than the bare term.
        let composed = found.iter().any(|c| c.unit as usize == i);
        if unit.is(class::FINDING) && unit.phrase != NONE && !composed {
            let meaning = &rules.meanings[unit.phrase as usize];
            let (concept, base) = match rules.senses.get(meaning.sense as usize) {
                None => (meaning.finding, None),
                Some(sense) => match chosen(sense, tokens, unit.first as usize) {
                    Some(concept) => (concept.0, Some((Status::Present, sense.rule))),
                    None => continue,
                },
            };
            unit.bits |= MENTION;
            found.push(Candidate { span: unit.span(tokens), concept, unit: i as u32, base, part: NONE, asked: NONE });
        }
    }
    drop_topics(units, rules, lexicon, found);
    found.sort_by_key(|c| (c.unit, c.span.start, c.concept));
}

/// Farthest that a context word may stand from a term of several meanings, in tokens.
const CONTEXT: usize = 400;

/// What a term of several meanings means here: the nearest word of a context decides.
fn chosen(sense: &Sense, tokens: &[Token], at: usize) -> Option<ConceptId> {
    let concept_of = |i: usize| {
        let word = tokens.get(i)?.word;
        let first = sense.choices.partition_point(|c| c.0 < word);
        sense.choices.get(first).filter(|c| c.0 == word).map(|c| c.1)
    };
    (1..CONTEXT).find_map(|d| at.checked_sub(d).and_then(concept_of).or_else(|| concept_of(at + d))).or(sense.default)
}

/// "Devices: no pacemaker", "Fractures: no rib fracture": what stands before the colon only says what the
/// line is about.
fn drop_topics(units: &mut [Unit], rules: &Rules, lexicon: &Lexicon, found: &mut Vec<Candidate>) {
    let Some(colon) = units.iter().take(6).position(|u| u.kind == TokenKind::Colon) else { return };
    if colon + 1 >= units.len() || !units[colon + 1..].iter().any(|u| u.is(MENTION)) {
        return;
    }
    let denies = units[colon + 1]
        .meaning(rules)
        .is_some_and(|m| m.cue != NONE && rules.cues[m.cue as usize].status == Some(Status::Absent));
    found.retain(|c| {
        let at = c.unit as usize;
        let device = c.concept != NONE && lexicon.concept(ConceptId(c.concept)).kind == Kind::Device;
        let topic = at < colon && c.base.is_none() && (denies || device);
        if topic {
            units[at].bits &= !MENTION;
        }
        !topic
    });
}

fn compose(
    tokens: &[Token],
    units: &mut [Unit],
    rules: &Rules,
    lexicon: &Lexicon,
    links: &mut Vec<(u32, u32)>,
    found: &mut Vec<Candidate>,
) {
    link(units, links);
    for &(part, descriptor) in links.iter() {
        let Some(d) = units[descriptor as usize].meaning(rules) else { continue };
        // "increased perihilar lung markings": of parts side by side the last is the head of the phrase.
        let side_by_side = |p: &usize| {
            *p == part as usize
                || (*p > descriptor as usize && units[part as usize..=*p].iter().all(|u| u.is(class::ANATOMY)))
        };
        let found_pair = (part as usize..units.len()).take_while(side_by_side).find_map(|p| {
            let anatomy = units[p].meaning(rules)?.anatomy;
            Some((p as u32, pair(rules, lexicon, ConceptId(anatomy), ConceptId(d.descriptor))?))
        });
        let Some((part, (from, to))) = found_pair else { continue };
        let (a, b) = (part.min(descriptor) as usize, part.max(descriptor) as usize);
        let whole = units[a].span(tokens).cover(units[b].span(tokens));
        let between = units[a + 1..b].iter().any(|u| u.is(class::FINDING | class::DESCRIPTOR | MENTION));
        let span = if between { units[descriptor as usize].span(tokens) } else { whole };
        for composition in &rules.compositions[from as usize..to as usize] {
            found.push(Candidate {
                span,
                concept: composition.finding.0,
                unit: descriptor,
                base: Some((composition.status, composition.rule)),
                part,
                asked: NONE,
            });
            units[descriptor as usize].bits |= MENTION;
            if composition.status == Status::Absent {
                units[descriptor as usize].bits |= NORMAL;
            }
        }
    }
    for (d, unit) in units.iter_mut().enumerate() {
        let Some(meaning) = unit.meaning(rules).filter(|m| m.descriptor != NONE) else { continue };
        if links.iter().any(|l| l.1 as usize == d) {
            continue;
        }
        for (_, composition) in rules.alone.iter().filter(|(descriptor, _)| descriptor.0 == meaning.descriptor) {
            found.push(Candidate {
                span: unit.span(tokens),
                concept: composition.finding.0,
                unit: d as u32,
                base: Some((composition.status, composition.rule)),
                part: NONE,
                asked: NONE,
            });
            unit.bits |= MENTION | if composition.status == Status::Absent { NORMAL } else { 0 };
        }
    }
    normal_findings(tokens, units, rules, lexicon, found);
    // The same finding twice by one descriptor ("heart and cardiac silhouette normal") is one mention.
    found.sort_by_key(|c| (c.unit, c.concept, c.span.start));
    found.dedup_by(|b, a| a.unit == b.unit && a.concept == b.concept);
}

/// "Interstitial markings are normal": a finding whose predicate is normality is denied by it.
fn normal_findings(tokens: &[Token], units: &mut [Unit], rules: &Rules, lexicon: &Lexicon, found: &mut Vec<Candidate>) {
    for d in 0..units.len() {
        let Some(meaning) = units[d].meaning(rules).filter(|m| m.descriptor != NONE) else { continue };
        let Some(&(_, rule)) = rules.predicates.iter().find(|(descriptor, _)| descriptor.0 == meaning.descriptor)
        else {
            continue;
        };
        let clause = units[d].clause;
        let mut verb = false;
        let mut parts = false;
        for at in (0..d).rev() {
            let unit = units[at];
            if unit.clause != clause
                || unit.is(class::BREAK | class::DESCRIPTOR | class::TURN | class::EXISTENTIAL)
                || d - at > 8
            {
                break;
            }
            // "except for pleural thickening the lungs are unremarkable": not its subject.
            let joined = units[at + 1].is(class::AND | class::OR) || units[at + 1].kind == TokenKind::Comma;
            if unit.is(class::FINDING) && parts && !joined {
                break;
            }
            parts |= unit.is(class::ANATOMY) && !unit.is(class::FINDING);
            if !verb && (unit.is(class::ANATOMY | class::AND | class::JUDGES) || unit.kind == TokenKind::Comma) {
                break;
            }
            verb |= unit.is(class::VERB);
            let concept = unit.meaning(rules).map_or(NONE, |m| m.finding);
            if concept != NONE {
                if verb && lexicon.concept(ConceptId(concept)).kind == Kind::Finding && !unit.is(MENTION) {
                    found.push(Candidate {
                        span: unit.span(tokens),
                        concept,
                        unit: at as u32,
                        base: Some((Status::Absent, rule)),
                        part: NONE,
                        asked: NONE,
                    });
                    units[at].bits |= MENTION | NORMAL;
                }
                if !verb {
                    break;
                }
            }
        }
    }
}

/// The compositions of a part and a descriptor; what holds of a part holds of its own parts, the nearest first.
fn pair(rules: &Rules, lexicon: &Lexicon, part: ConceptId, descriptor: ConceptId) -> Option<(u32, u32)> {
    if let Some(&range) = rules.pairs.get(&(part, descriptor)) {
        return Some(range);
    }
    // What is said of the left kidney is said of a kidney.
    if let Some(whole) = lexicon.unsided(part) {
        return pair(rules, lexicon, whole, descriptor);
    }
    lexicon
        .concept(part)
        .parents
        .iter()
        .find_map(|&p| pair(rules, lexicon, p, descriptor).filter(|&(from, _)| rules.compositions[from as usize].parts))
}

/// Links each descriptor to the parts that it speaks of, as (unit of the part, unit of the descriptor).
pub(crate) fn link(units: &[Unit], links: &mut Vec<(u32, u32)>) {
    links.clear();
    let mut last_descriptor = None;
    for (d, unit) in units.iter().enumerate() {
        if !unit.is(class::DESCRIPTOR) || unit.phrase == NONE {
            continue;
        }
        let before = links.len();
        link_left(units, d, last_descriptor, links);
        if links.len() == before {
            link_right(units, d, links);
        }
        if links.len() == before {
            link_again(units, d, last_descriptor, links);
        }
        if links.len() == before {
            link_joined(units, d, links);
        }
        last_descriptor = Some(d);
    }
}

/// A word that no term and no cue knows.
fn plain(unit: &Unit) -> bool {
    unit.bits == 0 && unit.kind == TokenKind::Word
}

fn taken(links: &[(u32, u32)], part: usize) -> bool {
    links.iter().any(|l| l.0 as usize == part)
}

/// "the heart and mediastinum are normal", "heart size normal", "lungs: clear".
fn link_left(units: &[Unit], d: usize, last_descriptor: Option<usize>, links: &mut Vec<(u32, u32)>) {
    let clause = units[d].clause;
    let floor = last_descriptor.map_or(0, |l| l + 1);
    let mut at = d;
    let mut verb = false;
    let mut comma = false;
    // To the nearest part.
    let nearest = loop {
        if at == floor {
            return;
        }
        at -= 1;
        let unit = &units[at];
        if unit.clause != clause || unit.is(class::BREAK) || (unit.is(class::FINDING | MENTION) && !verb) {
            return;
        }
        if unit.is(class::ANATOMY) && unit.phrase != NONE && !unit.is(class::FINDING) {
            break at;
        }
        if unit.is(class::VERB) && !unit.is(class::COPULA) {
            return;
        }
        verb |= unit.is(class::VERB);
        if unit.is(class::ADVERB)
            && unit.bits & class::VERB == 0
            && at + 1 < d
            && units[at + 1].kind == TokenKind::Comma
        {
            return;
        }
        comma |= matches!(unit.kind, TokenKind::Comma | TokenKind::Semicolon | TokenKind::Open);
        // "silhouette stable and within normal limits" goes on, "lungs and clear" does not.
        let adjectives = at > floor
            && !units[at - 1].is(class::FINDING)
            && (units[at - 1].is(class::CUE | class::DESCRIPTOR | class::ADVERB)
                // "lungs well expanded and clear"
                || (at > floor + 1 && plain(&units[at - 1]) && units[at - 2].is(class::ANATOMY | class::ADVERB)));
        if unit.is(class::AND | class::OR | class::TURN) && !verb && !adjectives {
            return;
        }
        if d - at > 9 {
            return;
        }
    };
    if comma && !verb {
        // "heart size, moderately enlarged" goes on; "right lung, otherwise normal" and "lungs, clear airways" do not.
        let bare = units[nearest + 1..d]
            .iter()
            .all(|u| u.kind == TokenKind::Comma || u.is(class::CUE | class::ADVERB) && !u.is(class::JUDGES));
        let attributive = units.get(d + 1).is_some_and(|u| u.is(class::ANATOMY | class::FINDING));
        if !bare || attributive {
            return;
        }
    }
    if taken(links, nearest) || governed(units, nearest) {
        return;
    }
    links.push((nearest as u32, d as u32));
    // And those joined to it.
    let mut at = nearest;
    while at > floor {
        at -= 1;
        let unit = &units[at];
        if unit.clause != clause
            || unit.is(class::FINDING | MENTION | class::BREAK | class::VERB | class::TURN | class::EXISTENTIAL)
        {
            return;
        }
        if unit.is(class::ANATOMY) && unit.phrase != NONE && !taken(links, at) {
            links.push((at as u32, d as u32));
        }
    }
}

/// A part that stands in the place of a finding ("leads over the heart are ...") is not the subject.
fn governed(units: &[Unit], part: usize) -> bool {
    let mut at = part;
    let mut preposition = false;
    while at > 0 {
        at -= 1;
        let unit = &units[at];
        if unit.clause != units[part].clause
            || unit.is(class::VERB | class::AND | class::BREAK)
            || unit.kind == TokenKind::Comma
        {
            return false;
        }
        preposition |= unit.is(class::PREPOSITION);
        if unit.is(class::FINDING | MENTION) {
            return preposition;
        }
    }
    false
}

/// "normal heart size and pulmonary vascularity", "enlargement of the cardiac silhouette".
fn link_right(units: &[Unit], d: usize, links: &mut Vec<(u32, u32)>) {
    let clause = units[d].clause;
    let mut at = d + 1;
    let stops = class::FINDING | class::DESCRIPTOR | class::BREAK | class::VERB | class::TURN | MENTION;
    let ends = |unit: &Unit| {
        unit.clause != clause
            || unit.is(stops)
            || matches!(unit.kind, TokenKind::Comma | TokenKind::Period | TokenKind::Colon | TokenKind::Semicolon)
    };
    let first = loop {
        let Some(unit) = units.get(at) else { return };
        if unit.is(class::ANATOMY) && unit.phrase != NONE && !unit.is(class::FINDING) {
            break at;
        }
        if ends(unit) || at - d > 7 {
            return;
        }
        at += 1;
    };
    links.push((first as u32, d as u32));
    // And those joined to it, unless they have a statement of their own.
    let mut more = Vec::new();
    for (i, unit) in units.iter().enumerate().skip(first + 1) {
        if unit.clause != clause || unit.is(class::VERB | class::DESCRIPTOR) {
            // "normal heart size and lungs are clear": the second part belongs to its own verb.
            return;
        }
        if ends(unit) && unit.kind != TokenKind::Comma {
            break;
        }
        if unit.kind == TokenKind::Comma && !units[i..].iter().take(8).any(|u| u.is(class::AND)) {
            break;
        }
        if unit.is(class::ANATOMY) && unit.phrase != NONE {
            more.push(i as u32);
        }
    }
    links.extend(more.into_iter().map(|part| (part, d as u32)));
}

/// "the lungs are hyperexpanded but clear", "the lungs are well inflated and clear": the second predicate
/// of a subject, whatever the first was.
fn link_joined(units: &[Unit], d: usize, links: &mut Vec<(u32, u32)>) {
    let mut at = d;
    while at > 0 && units[at - 1].is(class::ADVERB) && !units[at - 1].is(class::VERB) {
        at -= 1;
    }
    // "... of the lungs but they are clear"
    let mut pronoun = false;
    if at > 1 && units[at - 1].is(class::COPULA) && units[at - 2].is(class::PRONOUN) {
        at -= 2;
        pronoun = true;
    } else if at > 1 && units[at - 1].is(class::COPULA) && units[at - 2].is(class::AND | class::BREAK | class::RELATIVE)
    {
        // "the lungs demonstrate low volumes but are clear"
        at -= 1;
        pronoun = true;
    }
    if at == 0 || !units[at - 1].is(class::AND | class::BREAK | class::RELATIVE) {
        return;
    }
    at -= 1;
    let clause = units[at].clause;
    let mut copula = pronoun;
    while at > 0 && d - at < 12 {
        at -= 1;
        let unit = &units[at];
        if unit.clause + 1 < clause || matches!(unit.kind, TokenKind::Semicolon | TokenKind::Comma) {
            return;
        }
        if unit.is(class::VERB) {
            if !unit.is(class::COPULA) && !pronoun {
                return;
            }
            copula = true;
        } else if copula && unit.is(class::ANATOMY) && unit.phrase != NONE {
            if !governed(units, at) {
                links.push((at as u32, d as u32));
            }
            return;
        } else if !copula && unit.is(class::PREPOSITION | class::BREAK) {
            return;
        }
    }
}

/// "the aorta is tortuous and calcified": the second descriptor shares the parts of the first.
fn link_again(units: &[Unit], d: usize, last_descriptor: Option<usize>, links: &mut Vec<(u32, u32)>) {
    let Some(last) = last_descriptor else { return };
    if units[last].clause != units[d].clause {
        return;
    }
    let joined = units[last + 1..d].iter().all(|u| {
        u.is(class::AND | class::ADVERB | class::OR | class::PREPOSITION)
            || u.kind == TokenKind::Comma
            || (u.bits == 0 && u.kind == TokenKind::Word)
            || (u.is(class::CUE) && !u.is(class::JUDGES))
    });
    if !joined {
        return;
    }
    let shared: Vec<u32> =
        links.iter().filter(|l| l.1 as usize == last && (l.0 as usize) < last).map(|l| l.0).collect();
    links.extend(shared.into_iter().map(|part| (part, d as u32)));
}
