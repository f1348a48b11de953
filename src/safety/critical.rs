//! Critical results: findings that cannot wait and are there now, and results that somebody was told of.

use super::Case;
use crate::lexeme::Sort;
use crate::overview::{Found, Overview};
use crate::rules::report::{AlertRule, Class, Sense};
use crate::rules::{Source, Status, Subject, Time};
use crate::safety::Alert;
use crate::span::Span;

/// Sentences that say that a physician was told.
pub(super) fn told(case: &Case, rule: &AlertRule, out: &mut Vec<Alert>) {
    let overview = &case.overview;
    for &sentence in &overview.sentences {
        let Some(told) = overview.find(sentence, Class::Told) else { continue };
        let place = overview.places[sentence.0];
        let section = overview.section_at(overview.lexemes[sentence.0].span.start);
        if place != Some(Source::Body) && *rule.has != *section {
            continue;
        }
        // "Previously discussed with Dr. Roe" is no news.
        let lead = (sentence.0.max(told.at.0.saturating_sub(2)), told.at.0);
        if overview.find(lead, Class::Elsewhere).is_some() {
            continue;
        }
        // A name that was removed is the name of whoever was told.
        let masked = (told.at.0..sentence.1).find(|&i| overview.lexemes[i].sort == Sort::Mask);
        let masked = masked.map(|i| Found { at: (i, i + 1), value: "" });
        let person = overview.find(sentence, Class::Person).or(masked);
        let channel = overview.find(sentence, Class::Channel);
        let layman = overview.find(sentence, Class::Layman);
        // Telling the patient her screening result is no emergency.
        if person.is_none() && (channel.is_none() || layman.is_some()) {
            continue;
        }
        let mut spans = vec![overview.span(told.at)];
        spans.extend(person.map(|f| overview.span(f.at)));
        spans.extend(channel.map(|f| overview.span(f.at)));
        let mut alert = case.alert(rule, spans);
        alert.what = Some("communicated".into());
        out.push(alert);
    }
}

/// Concepts of the rule, and what its phrases name, where they are there now and not said to be old; each once.
pub(super) fn concepts(case: &Case, rule: &AlertRule, number: u32, out: &mut Vec<Alert>) {
    let mut found = mentioned(case, rule);
    let mentioned_before: Vec<Span> = found.iter().map(|f| f.0).collect();
    let phrased = phrased(case, rule, number);
    found.extend(phrased.into_iter().filter(|p| mentioned_before.iter().all(|m| !m.overlaps(p.0))));
    found.sort();
    let mut seen: Vec<Box<str>> = Vec::new();
    for (span, what) in found {
        if seen.contains(&what) {
            continue;
        }
        let told = out.iter().any(|a| a.kind == rule.kind && a.evidence.iter().any(|e| e.overlaps(span)));
        if told || longstanding(case, span).is_some() || rule.acute && !is_acute(case, span) {
            continue;
        }
        seen.push(what.clone());
        let mut alert = case.alert(rule, vec![span]);
        alert.what = Some(what);
        out.push(alert);
    }
}

fn mentioned(case: &Case, rule: &AlertRule) -> Vec<(Span, Box<str>)> {
    let analysis = case.overview.analysis;
    let mentions = analysis.mentions.iter().zip(&analysis.assertions);
    let vague = |span: Span| {
        let (first, last) = case.overview.range(span);
        case.overview.class(first, Class::Vague).is_some_and(|v| v.0 == last)
    };
    let listed = mentions.filter(|(m, a)| {
        rule.concepts.binary_search(&m.concept).is_ok()
            && m.counts
            && !vague(m.span)
            && (a.status, a.time, a.subject) == (Status::Present, Time::Current, Subject::Patient)
            && a.change.is_none_or(|c| !rule.unless.contains(&c))
    });
    listed.map(|(m, _)| (m.span, case.engine.lexicon.concept(m.concept).id.clone())).collect()
}

/// What the phrases of the rule name in the sections that report, judged by the engine like any span.
fn phrased(case: &Case, rule: &AlertRule, number: u32) -> Vec<(Span, Box<str>)> {
    let overview = &case.overview;
    let mut spans = Vec::new();
    let mut at = 0;
    while at < overview.lexemes.len() {
        let pick = |s: &Sense| (*s == Sense::Alert(number)).then_some(());
        let here = overview.places[at] == Some(Source::Body);
        match overview.rules.phrases.longest(&overview.lexemes, at, pick).filter(|_| here) {
            Some((end, _)) => {
                spans.push(overview.span((at, end)));
                at = end;
            }
            None => at += 1,
        }
    }
    if spans.is_empty() {
        return Vec::new();
    }
    let answers = case.engine.assert_spans(overview.text, &spans);
    let there = answers.into_iter().filter(|a| {
        (a.status, a.time, a.subject) == (Status::Present, Time::Current, Subject::Patient)
            && a.change.is_none_or(|c| !rule.unless.contains(&c))
    });
    // A phrase has no id; its words, put in one form, are those of the rule and not of the report.
    there.map(|a| (a.span, named(overview, a.span))).collect()
}

fn named(overview: &Overview, span: Span) -> Box<str> {
    let (first, last) = overview.range(span);
    let words = overview.lexemes[first..last].iter().map(|l| overview.text[l.span.range()].to_lowercase());
    words.collect::<Vec<_>>().join("-").into()
}

/// The findings' own words just before or after say that it is new.
fn is_acute(case: &Case, span: Span) -> bool {
    let overview = &case.overview;
    let (first, last) = overview.range(span);
    let (start, end) = overview.around(first);
    overview.find((start.max(first.saturating_sub(6)), last), Class::Acute).is_some()
        || overview.find((last, end.min(last + 3)), Class::Acute).is_some()
}

/// A word just before the mention, or just after it, says that it has long been there: as the rules call it.
pub(super) fn longstanding<'a>(case: &Case<'a>, span: Span) -> Option<&'a str> {
    let overview = &case.overview;
    let (first, last) = overview.range(span);
    let (start, end) = overview.around(first);
    let lead = (start.max(first.saturating_sub(5)), last);
    if overview.find_all(lead, Class::Acute).iter().any(|a| !a.value.is_empty()) {
        return None;
    }
    let before = overview.find((start.max(first.saturating_sub(3)), last), Class::Longstanding);
    let found = before.or_else(|| overview.find((last, end.min(last + 3)), Class::Longstanding));
    found.map(|f| f.value)
}
