//! Sides that contradict one another. Only where each of two places names one side, and not the same.

use super::Case;
use super::critical::longstanding;
use crate::finding::speaks_of_now;
use crate::lexicon::Side;
use crate::overview::Overview;
use crate::rules::report::{AlertRule, Class, Sense};
use crate::rules::{FactKind, Source, Status};
use crate::safety::Alert;
use crate::span::{ConceptId, Span};

/// A finding that one section puts on the left and the other on the right.
pub(super) fn between(case: &Case, rule: &AlertRule, out: &mut Vec<Alert>) {
    let analysis = case.overview.analysis;
    let lexicon = &case.engine.lexicon;
    let (findings, conclusion) = (told_in(case, &rule.between.0), told_in(case, &rule.between.1));
    let mut seen: Vec<ConceptId> = Vec::new();
    for &mention in &conclusion {
        let concept = analysis.mentions[mention as usize].concept;
        if seen.contains(&concept) {
            continue;
        }
        seen.push(concept);
        let of = |list: &[u32], speaks: &dyn Fn(ConceptId) -> bool| -> Vec<u32> {
            list.iter().copied().filter(|&m| speaks(analysis.mentions[m as usize].concept)).collect()
        };
        let here = of(&findings, &|c| c == concept);
        let there = of(&conclusion, &|c| c == concept);
        let kin = of(&findings, &|c| lexicon.is_a(c, concept) || lexicon.is_a(concept, c));
        if let Some((at, where_else)) = contradiction(case, &here, &there).or_else(|| of_size(case, &kin, &there)) {
            let mut alert = case.alert(rule, vec![where_else, at]);
            alert.what = Some(lexicon.concept(concept).id.clone());
            out.push(alert);
        }
    }
}

/// Where two sections contradict one another on one concept: the places in both.
fn contradiction(case: &Case, here: &[u32], there: &[u32]) -> Option<(Span, Span)> {
    let sides = |mentions: &[u32], near: bool| -> Vec<(Side, Span)> {
        mentions.iter().filter_map(|&m| side_of(case, m, near)).collect()
    };
    // Where one section names the side in another part of the sentence, the other must name it outright.
    for (near_here, near_there) in [(false, false), (true, false), (false, true)] {
        if let (Some(one), Some(other)) = (only(&sides(here, near_here)), only(&sides(there, near_there)))
            && opposite(one.0, other.0)
        {
            return Some((one.1, other.1));
        }
    }
    None
}

/// Both sides may have one; those of the same size are the same, even where one is called by a wider name.
fn of_size(case: &Case, here: &[u32], there: &[u32]) -> Option<(Span, Span)> {
    let sized = |list: &[u32]| -> Vec<(crate::Measurement, (Side, Span))> {
        list.iter().filter_map(|&m| Some((size_of(case, m)?, side_of(case, m, false)?))).collect()
    };
    let (findings, mut conclusion) = (sized(here), sized(there));
    conclusion.dedup_by(|b, a| a.0 == b.0 && a.1.0 == b.1.0);
    conclusion.iter().find_map(|(size, other)| {
        let same: Vec<(Side, Span)> = findings.iter().filter(|f| f.0 == *size).map(|f| f.1).collect();
        let one = only(&same)?;
        opposite(one.0, other.0).then_some((one.1, other.1))
    })
}

/// The mentions of findings that a section says are there now; an old one may well be on the other side.
fn told_in(case: &Case, section: &str) -> Vec<u32> {
    let analysis = case.overview.analysis;
    let mentions = analysis.mentions.iter().zip(&analysis.assertions).enumerate();
    mentions
        .filter(|(_, (_, a))| a.status != Status::Absent && speaks_of_now(a))
        .filter(|(_, (m, _))| case.overview.section_at(m.span.start) == section)
        .filter(|(_, (m, _))| longstanding(case, m.span) != Some("old"))
        .map(|(i, _)| i as u32)
        .collect()
}

/// The side of a mention; with `near`, else the only side that its sentence names.
fn side_of(case: &Case, mention: u32, near: bool) -> Option<(Side, Span)> {
    let overview = &case.overview;
    let mention = &overview.analysis.mentions[mention as usize];
    let own = mention.side.or(case.engine.lexicon.concept(mention.concept).side);
    if own.is_some() || !near {
        return own.map(|side| (side, mention.span));
    }
    let (at, _) = overview.range(mention.span);
    let (first, last) = overview.near(at);
    let named: Vec<(Side, Span)> =
        (first..last).filter_map(|i| side_at(overview, i)).map(|s| (s.0, mention.span)).collect();
    let word = (first..at).find(|&i| side_at(overview, i).is_some())?;
    let span = overview.span((word, at));
    // What stands between is another finding's, or another statement's.
    let other = overview.analysis.mentions.iter().any(|m| m.span != mention.span && m.span.overlaps(span));
    let parted = overview.lexemes[word..at].iter().any(|l| l.is_mark(b';'));
    only(&named).filter(|_| !other && !parted)
}

/// The first size of a mention.
fn size_of(case: &Case, mention: u32) -> Option<crate::Measurement> {
    case.overview.analysis.attributes_of(mention).iter().find_map(|a| match a.detail {
        crate::Detail::Size(size) => Some(size),
        _ => None,
    })
}

/// The one side of a list.
fn only(sides: &[(Side, Span)]) -> Option<(Side, Span)> {
    let first = *sides.first()?;
    sides.iter().all(|s| s.0 == first.0).then_some(first)
}

fn opposite(one: Side, other: Side) -> bool {
    matches!((one, other), (Side::Left, Side::Right) | (Side::Right, Side::Left))
}

/// The side of the examination against what the report, or the question, says of the same part.
pub(super) fn order(case: &Case, rule: &AlertRule, out: &mut Vec<Alert>) {
    let overview = &case.overview;
    let mut parts: Vec<&str> = values(case, FactKind::BodyPart);
    if parts.is_empty() {
        parts = asked_parts(overview);
    }
    for part in parts {
        let mut named: Vec<(Option<Source>, Side, Span)> = Vec::new();
        for (at, end) in named_parts(overview, part) {
            if let Some((side, words)) = side_beside(overview, at, end) {
                named.push((overview.places[at], side, overview.span(words)));
            }
        }
        let title: Vec<Side> = match values(case, FactKind::Laterality)[..] {
            ["left"] => vec![Side::Left],
            ["right"] => vec![Side::Right],
            _ => Vec::new(),
        };
        let asked = one(&named, Source::Indication);
        // Without a title that names a side, the question is held against the report.
        let ordered = title.first().copied().or(asked.map(|a| a.0));
        let Some(ordered) = ordered else { continue };
        let places = if title.is_empty() { &[Source::Body][..] } else { &[Source::Body, Source::Indication][..] };
        for &place in places {
            if let Some((side, span)) = one(&named, place)
                && opposite(side, ordered)
            {
                let exam = case.examination.iter().find(|f| f.kind == FactKind::Laterality).and_then(|f| f.span);
                let against = if title.is_empty() { asked.map(|a| a.1) } else { exam };
                let mut alert = case.alert(rule, std::iter::once(span).chain(against).collect());
                alert.what = Some(part.into());
                out.push(alert);
                break;
            }
        }
    }
    whole_body(case, rule, out);
}

/// An examination of one side whose every sided finding is on the other.
fn whole_body(case: &Case, rule: &AlertRule, out: &mut Vec<Alert>) {
    if out.iter().any(|a| a.rule == rule.rule) || rule.lacks.is_empty() {
        return;
    }
    let sides = values(case, FactKind::Laterality);
    let parts = values(case, FactKind::BodyPart);
    let ordered = match sides[..] {
        ["left"] => Side::Left,
        ["right"] => Side::Right,
        _ => return,
    };
    let [_] = parts[..] else { return };
    let analysis = case.overview.analysis;
    let mut found: Vec<(Side, Span)> = Vec::new();
    for (mention, assertion) in analysis.mentions.iter().zip(&analysis.assertions) {
        let (at, _) = case.overview.range(mention.span);
        let elsewhere = case.overview.find(case.overview.near(at), Class::Elsewhere).is_some();
        if !mention.counts || !speaks_of_now(assertion) || assertion.status == Status::Absent || elsewhere {
            continue;
        }
        match mention.side {
            Some(Side::Bilateral) => return,
            Some(side) => found.push((side, mention.span)),
            None => {}
        }
    }
    if let Some((side, span)) = only(&found)
        && opposite(side, ordered)
    {
        let exam = case.examination.iter().find(|f| f.kind == FactKind::Laterality).and_then(|f| f.span);
        let mut alert = case.alert(rule, std::iter::once(span).chain(exam).collect());
        alert.what = parts.first().map(|&p| p.into());
        out.push(alert);
    }
}

fn values<'a>(case: &'a Case, kind: FactKind) -> Vec<&'a str> {
    case.examination.iter().filter(|f| f.kind == kind).filter_map(|f| f.value.as_deref()).collect()
}

/// The side that a place names, where it names one only.
fn one(named: &[(Option<Source>, Side, Span)], place: Source) -> Option<(Side, Span)> {
    let here: Vec<(Side, Span)> = named.iter().filter(|n| n.0 == Some(place)).map(|n| (n.1, n.2)).collect();
    only(&here)
}

/// The parts of the body that the question names.
fn asked_parts<'a>(overview: &Overview<'a>) -> Vec<&'a str> {
    let rules = overview.rules;
    let mut out = Vec::new();
    for at in (0..overview.lexemes.len()).filter(|&i| overview.places[i] == Some(Source::Indication)) {
        let part = |sense: &Sense| match *sense {
            Sense::Fact(rule, value) => {
                let rule = &rules.facts[rule as usize];
                (rule.fact == FactKind::BodyPart && !rule.signs).then(|| &*rule.values[value as usize])
            }
            _ => None,
        };
        let found = rules.phrases.longest(&overview.lexemes, at, part);
        out.extend(found.into_iter().flat_map(|f| f.1));
    }
    out.sort_unstable();
    out.dedup();
    out
}

/// Where the words of a part of the body stand.
fn named_parts(overview: &Overview, part: &str) -> Vec<(usize, usize)> {
    let rules = overview.rules;
    let is_part = |sense: &Sense| match *sense {
        Sense::Fact(rule, value) => {
            let rule = &rules.facts[rule as usize];
            (rule.fact == FactKind::BodyPart && *rule.values[value as usize] == *part).then_some(())
        }
        _ => None,
    };
    let mut out = Vec::new();
    let mut at = 0;
    while at < overview.lexemes.len() {
        match rules.phrases.longest(&overview.lexemes, at, is_part) {
            Some((end, _)) => {
                out.push((at, end));
                at = end;
            }
            None => at += 1,
        }
    }
    out
}

/// The side said right before a part, or right after it, and the lexemes of both.
fn side_beside(overview: &Overview, at: usize, end: usize) -> Option<(Side, (usize, usize))> {
    let (first, last) = overview.near(at);
    let near = first.max(at.saturating_sub(2));
    let before = (near..at).rev().find_map(|i| side_at(overview, i).filter(|s| s.1 <= at).map(|s| (s.0, (i, end))));
    let after = || (end < last).then(|| side_at(overview, end)).flatten().map(|s| (s.0, (at, s.1)));
    let (side, words) = before.or_else(after)?;
    // "right and left knee" names both.
    let both = (near..at).filter_map(|i| side_at(overview, i)).any(|s| s.0 != side);
    Some((if both { Side::Bilateral } else { side }, words))
}

fn side_at(overview: &Overview, at: usize) -> Option<(Side, usize)> {
    let classes = [(Class::Left, Side::Left), (Class::Right, Side::Right), (Class::Both, Side::Bilateral)];
    classes.into_iter().find_map(|(class, side)| overview.class(at, class).map(|(end, _)| (side, end)))
}
