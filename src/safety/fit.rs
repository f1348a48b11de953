//! What does not fit: the other sex's organs, findings of another age, a section that is missing.

use super::Case;
use crate::rules::Subject;
use crate::rules::report::{AlertRule, Class, Sense};
use crate::safety::Alert;
use crate::span::Span;

/// The phrases and concepts of a rule in the report, those of relatives and what was taken out left aside.
fn named(case: &Case, rule: &AlertRule, number: u32) -> Vec<(Span, Option<Box<str>>)> {
    let overview = &case.overview;
    let mut out: Vec<(Span, Option<Box<str>>)> = Vec::new();
    let mut at = 0;
    while at < overview.lexemes.len() {
        let pick = |s: &Sense| (*s == Sense::Alert(number)).then_some(());
        let Some((end, _)) = overview.rules.phrases.longest(&overview.lexemes, at, pick) else {
            at += 1;
            continue;
        };
        let sentence = overview.near(at);
        let aside = [Class::Relative, Class::Removed].into_iter().any(|c| overview.find(sentence, c).is_some());
        let family = overview.section(at).is_some_and(|s| s.subject != Subject::Patient);
        if !aside && !family {
            out.push((overview.span((at, end)), None));
        }
        at = end;
    }
    let analysis = overview.analysis;
    for (mention, assertion) in analysis.mentions.iter().zip(&analysis.assertions) {
        // The finding itself, or the part that it lies in.
        let mut concepts = std::iter::once(mention.concept).chain(mention.location.into_iter().flatten());
        let listed = concepts.find(|c| rule.concepts.binary_search(c).is_ok());
        let Some(concept) = listed.filter(|_| assertion.subject == Subject::Patient) else { continue };
        let (first, _) = overview.range(mention.span);
        let sentence = overview.near(first);
        if [Class::Removed, Class::Relative].into_iter().all(|c| overview.find(sentence, c).is_none()) {
            out.push((mention.span, Some(case.engine.lexicon.concept(concept).id.clone())));
        }
    }
    out.sort();
    out
}

/// Organs and findings of the other sex.
pub(super) fn other_sex(case: &Case, rule: &AlertRule, number: u32, out: &mut Vec<Alert>) {
    if case.sex().is_none() || case.sex() == rule.sex {
        return;
    }
    out.extend(gathered(case, rule, number));
}

/// One alert over all that a rule finds in the report.
fn gathered(case: &Case, rule: &AlertRule, number: u32) -> Option<Alert> {
    let found = named(case, rule, number);
    let what = found.first()?.1.clone();
    let mut spans: Vec<Span> = found.iter().map(|f| f.0).collect();
    spans.dedup();
    let mut alert = case.alert(rule, spans);
    alert.what = what.or_else(|| rule.sex.map(|s| format!("{s:?}").into()));
    Some(alert)
}

/// The sex that came with the report is not the one that it opens with.
pub(super) fn stated_sex(case: &Case, rule: &AlertRule, out: &mut Vec<Alert>) {
    if let (Some(told), Some((said, at))) = (case.metadata.sex, case.said.sex)
        && told != said
    {
        let mut alert = case.alert(rule, vec![case.overview.span(at)]);
        alert.what = Some(format!("{said:?}").into());
        out.push(alert);
    }
}

/// Findings that belong to another age.
pub(super) fn age(case: &Case, rule: &AlertRule, number: u32, out: &mut Vec<Alert>) {
    let Some(age) = case.age() else { return };
    if rule.from_age.is_some_and(|from| age < from) || rule.to_age.is_some_and(|to| age > to) {
        out.extend(gathered(case, rule, number));
    }
}

/// One section that says something, and not the other.
pub(super) fn sections(case: &Case, rule: &AlertRule, out: &mut Vec<Alert>) {
    let overview = &case.overview;
    let with_words = |id: &str| {
        overview.analysis.sections.iter().find(|s| {
            let kind = s.kind.map(|k| &*case.engine.rules.sections[k as usize].id);
            let (first, last) = overview.range(s.body);
            kind == Some(id) && first < last
        })
    };
    if let (Some(section), None) = (with_words(&rule.has), with_words(&rule.lacks)) {
        let heading = if section.heading.is_empty() { section.body } else { section.heading };
        let mut alert = case.alert(rule, vec![heading]);
        alert.what = Some(rule.lacks.clone());
        out.push(alert);
    }
}
