//! Critical results: findings that cannot wait and are there now, and results that somebody was told of.

use super::Case;
use crate::assertion::Assertion;
use crate::lexeme::Sort;
use crate::overview::Found;
use crate::rules::report::{AlertRule, Class};
use crate::rules::{Source, Status, Subject, Time};
use crate::safety::Alert;

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

/// Concepts of the rule that are present, new or not said to be old, once each.
pub(super) fn concepts(case: &Case, rule: &AlertRule, out: &mut Vec<Alert>) {
    let analysis = case.overview.analysis;
    let mut seen = Vec::new();
    for (mention, assertion) in analysis.mentions.iter().zip(&analysis.assertions) {
        let listed = rule.concepts.binary_search(&mention.concept).is_ok();
        if !listed || !mention.counts || !is_now(assertion) || seen.contains(&mention.concept) {
            continue;
        }
        if assertion.change.is_some_and(|c| rule.unless.contains(&c)) || is_old(case, mention.span) {
            continue;
        }
        seen.push(mention.concept);
        let mut alert = case.alert(rule, vec![mention.span]);
        alert.what = Some(case.engine.lexicon.concept(mention.concept).id.clone());
        out.push(alert);
    }
}

fn is_now(assertion: &Assertion) -> bool {
    (assertion.status, assertion.time, assertion.subject) == (Status::Present, Time::Current, Subject::Patient)
}

/// A word just before the mention, or just after it, says that it has long been there.
fn is_old(case: &Case, span: crate::span::Span) -> bool {
    let overview = &case.overview;
    let (first, last) = overview.range(span);
    let (start, end) = overview.around(first);
    overview.find((start.max(first.saturating_sub(3)), last), Class::Longstanding).is_some()
        || overview.find((last, end.min(last + 3)), Class::Longstanding).is_some()
}
