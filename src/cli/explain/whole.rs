//! What there is to tell of the report as a whole: facts, grades and alerts, ready to print.

use crate::cli::whole::WholeOptions;
use crate::{Analysis, Engine, Metadata, Report, RuleId, Span};

/// One kind of thing told of the whole report.
pub(super) struct Group {
    pub(super) title: &'static str,
    pub(super) rows: Vec<Row>,
}

/// One fact, grade or alert.
pub(super) struct Row {
    /// The kind of fact, the system, the kind of alert.
    pub(super) name: String,
    /// What it gives.
    pub(super) value: String,
    /// The words that it rests on.
    pub(super) words: Vec<Span>,
    /// Rule and `file:line`, or where it came from.
    pub(super) by: String,
}

/// The groups that were asked for.
pub(super) fn groups(engine: &Engine, report: &Report, analysis: &Analysis, options: &WholeOptions) -> Vec<Group> {
    let by = |rule: RuleId| {
        let info = engine.rules.info(rule);
        format!("rule {} ({}:{})", info.id, info.file, info.line)
    };
    let mut out = Vec::new();
    if options.facts {
        let facts = engine.facts_dated(report, analysis, options.dates.order());
        let rows = facts.list.iter().map(|f| Row {
            name: f.kind.name().to_owned(),
            value: f.value.as_deref().unwrap_or("as it stands").to_owned(),
            words: f.span.into_iter().collect(),
            by: match f.rule {
                Some(rule) => format!("{}, read in: {}", by(rule), f.source.name()),
                None => "came with the study".to_owned(),
            },
        });
        out.push(Group { title: "Facts of the examination", rows: rows.collect() });
        let rows = engine.grades_of(&report.text, analysis).into_iter().map(|g| Row {
            name: g.system.to_string(),
            value: match (&g.value, g.status) {
                (Some(value), crate::GradeStatus::Given) => value.to_string(),
                (Some(value), status) => format!("{value}, {}", status.name()),
                (None, status) => status.name().to_owned(),
            },
            words: vec![g.span],
            by: by(g.rule),
        });
        out.push(Group { title: "Grades, scores and stages", rows: rows.collect() });
    }
    if options.alerts {
        let rows = engine.safety(report, analysis, &Metadata::default()).into_iter().map(|a| {
            let mut value = vec![a.level.name().to_owned()];
            value.extend(a.what.map(String::from));
            value.extend(a.when.map(|w| w.written()));
            value.extend(a.conditional.then(|| "conditional".to_owned()));
            Row {
                name: a.kind.name().to_owned(),
                value: format!("{}. {}", value.join(", "), a.message),
                words: a.evidence,
                by: by(a.rule),
            }
        });
        out.push(Group { title: "Alerts", rows: rows.collect() });
    }
    out
}
