//! The sentences of rules on whole reports: `TEXT` or `TEXT => VALUE; VALUE`, and before a bar what came with
//! the report: `sex=F age=45 | TEXT`.
//!
//! In a hit the rule must speak and, where values are given, give just these, in this order; in a miss it must
//! be silent. What an alert gives is what it names and when, as `CT, 3-6 months`.

use crate::engine::Engine;
use crate::facts::Metadata;
use crate::grade::GradeStatus;
use crate::report::{Report, StudyKey};
use crate::rules::RuleKind;
use crate::span::RuleId;

pub(super) fn report(engine: &Engine, rule: RuleId, sentence: &str, hit: bool) -> Vec<String> {
    let (text, want) = match sentence.rsplit_once("=>") {
        Some((text, values)) => (text.trim_end(), Some(values.split(';').map(str::trim).collect::<Vec<_>>())),
        None => (sentence, None),
    };
    let got = given(engine, rule, text);
    match (hit, want) {
        (true, _) if got.is_empty() => vec!["the rule had no part in it".to_owned()],
        (true, Some(want)) if want != got => vec![format!("it gives {got:?}; expected {want:?}")],
        (false, _) if !got.is_empty() => vec![format!("the rule had a part in it: it gives {got:?}")],
        _ => Vec::new(),
    }
}

/// The values that a rule gives in a text.
fn given(engine: &Engine, rule: RuleId, text: &str) -> Vec<String> {
    let (study, text) = study(text);
    let report = Report { study, ..Report::new("check", text) };
    let analysis = engine.analyze(&report);
    match engine.rules.kind(rule) {
        RuleKind::Fact => {
            let facts = engine.facts(&report, &analysis).list;
            let mine = facts.iter().filter(|f| f.rule == Some(rule));
            mine.map(|f| f.value.as_deref().unwrap_or("?").to_owned()).collect()
        }
        RuleKind::Grade => {
            let grades = engine.grades_of(text, &analysis);
            let written = |value: Option<&str>, status: GradeStatus| match (value, status) {
                (Some(value), GradeStatus::Given) => value.to_owned(),
                (Some(value), status) => format!("{value} {}", status.name()),
                (None, status) => status.name().to_owned(),
            };
            grades.iter().filter(|g| g.rule == rule).map(|g| written(g.value.as_deref(), g.status)).collect()
        }
        _ => {
            let alerts = engine.safety(&report, &analysis, &Metadata::default());
            let written = |a: &crate::Alert| {
                let what = a.what.as_deref().unwrap_or("?").to_owned();
                let when = a.when.as_ref().map(|w| w.written());
                let condition = a.conditional.then(|| "conditional".to_owned());
                [Some(what), when, condition].into_iter().flatten().collect::<Vec<_>>().join(", ")
            };
            alerts.iter().filter(|a| a.rule == rule).map(written).collect()
        }
    }
}

/// What came with the report, and its text.
fn study(sentence: &str) -> (StudyKey, &str) {
    let mut study = StudyKey::default();
    let Some((before, text)) = sentence.split_once(" | ").filter(|(b, _)| b.contains('=')) else {
        return (study, sentence);
    };
    for (key, value) in before.split_whitespace().filter_map(|w| w.split_once('=')) {
        let field = match key {
            "sex" => &mut study.sex,
            "age" => &mut study.age,
            "modality" => &mut study.modality,
            "body-part" => &mut study.body_part,
            _ => return (StudyKey::default(), sentence),
        };
        *field = Some(value.to_owned());
    }
    (study, text)
}
