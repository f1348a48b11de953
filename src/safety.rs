//! What in a report should make somebody look: advice, critical results, contradictions, what does not fit the
//! patient, a missing impression.
//!
//! Computed only when asked for, from the mentions of an analysis and the words of the report. Every alert is
//! a rule of `rules/*/safety.toml`; the ways to look for a cause stand in the files below. Messages come from
//! the rules and hold no report text.

mod advice;
mod critical;
mod fit;
mod side;

use crate::engine::{Analysis, Engine};
use crate::facts::{Fact, Metadata, Said, said};
use crate::overview::Overview;
use crate::report::Report;
use crate::rules::report::{AlertRule, Look};
use crate::rules::{AlertKind, FactKind, Level};
use crate::span::{RuleId, Span};

/// A length of time from now, as advice gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interval {
    /// At least; `None` where the report gives no number ("short-interval").
    pub from: Option<u32>,
    /// At most; the same as `from` where only one number is given.
    pub to: Option<u32>,
    /// What is counted.
    pub unit: IntervalUnit,
    /// The words.
    pub span: Span,
}

/// Days or months: weeks are told in days, years in months.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IntervalUnit {
    /// Days.
    Days,
    /// Months.
    Months,
}

impl IntervalUnit {
    /// Its name in outputs.
    pub const fn name(self) -> &'static str {
        match self {
            IntervalUnit::Days => "days",
            IntervalUnit::Months => "months",
        }
    }
}

impl Interval {
    /// As outputs write it: `3-6 months`, `14 days`, `short`.
    pub fn written(&self) -> String {
        let unit = match (self.to, self.unit) {
            (Some(1), IntervalUnit::Days) => "day",
            (Some(1), IntervalUnit::Months) => "month",
            (_, unit) => unit.name(),
        };
        match (self.from, self.to) {
            (Some(from), Some(to)) if from != to => format!("{from}-{to} {unit}"),
            (Some(from), _) => format!("{from} {unit}"),
            _ => "short".to_owned(),
        }
    }
}

/// Something that somebody should look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alert {
    /// What it is about.
    pub kind: AlertKind,
    /// How soon.
    pub level: Level,
    /// The rule.
    pub rule: RuleId,
    /// For people; holds no report text.
    pub message: Box<str>,
    /// The modality or procedure that is advised, the concept, the organ's sex, the missing section.
    pub what: Option<Box<str>>,
    /// When advice is to be followed.
    pub when: Option<Interval>,
    /// The advice holds only under a condition.
    pub conditional: bool,
    /// Id of the section of the first evidence; `body` where no heading stands.
    pub section: Box<str>,
    /// The words that it rests on, the first the one to show.
    pub evidence: Vec<Span>,
}

/// All that the ways of looking share.
struct Case<'a> {
    engine: &'a Engine,
    overview: Overview<'a>,
    examination: Vec<Fact>,
    metadata: Metadata,
    /// What the report itself says of its patient.
    said: Said,
}

impl Engine {
    /// The alerts of a report, in the order of the rules, then of the text. Where `metadata` does not tell sex or
    /// age, what the report itself opens with is taken.
    ///
    /// ```
    /// use radlabel::{Engine, Metadata, Report};
    ///
    /// let engine = Engine::embedded();
    /// let report = Report::new("1", "IMPRESSION: Nodule. Recommend CT chest in 3-6 months.");
    /// let alerts = engine.safety(&report, &engine.analyze(&report), &Metadata::default());
    /// assert_eq!(alerts[0].when.as_ref().unwrap().written(), "3-6 months");
    /// ```
    pub fn safety(&self, report: &Report, analysis: &Analysis, metadata: &Metadata) -> Vec<Alert> {
        let overview = Overview::new(&report.text, analysis, &self.rules);
        let known = Metadata::of(&report.study);
        let metadata = Metadata { sex: metadata.sex.or(known.sex), age: metadata.age.or(known.age) };
        let facts = self.facts(report, analysis);
        let kinds = [FactKind::BodyPart, FactKind::Laterality];
        let examination = facts.list.into_iter().filter(|f| kinds.contains(&f.kind)).collect();
        let said = said(&overview);
        let case = Case { engine: self, overview, examination, metadata, said };
        let mut out = Vec::new();
        for (number, rule) in self.rules.report.alerts.iter().enumerate() {
            match rule.look {
                Look::Advice => advice::advice(&case, rule, &mut out),
                Look::Told => critical::told(&case, rule, &mut out),
                Look::Concepts => critical::concepts(&case, rule, number as u32, &mut out),
                Look::Sides => side::between(&case, rule, &mut out),
                Look::Order => side::order(&case, rule, &mut out),
                Look::OtherSex => fit::other_sex(&case, rule, number as u32, &mut out),
                Look::StatedSex => fit::stated_sex(&case, rule, &mut out),
                Look::Age => fit::age(&case, rule, number as u32, &mut out),
                Look::Sections => fit::sections(&case, rule, &mut out),
            }
        }
        out
    }
}

impl Case<'_> {
    /// An alert of a rule over some spans, which must not be empty unless the whole report is meant.
    fn alert(&self, rule: &AlertRule, evidence: Vec<Span>) -> Alert {
        let section = evidence.first().map_or("body", |s| self.overview.section_at(s.start));
        Alert {
            kind: rule.kind,
            level: rule.level,
            rule: rule.rule,
            message: rule.message.clone(),
            what: None,
            when: None,
            conditional: false,
            section: section.into(),
            evidence,
        }
    }

    /// The sex that is told with the report, else the one it opens with.
    fn sex(&self) -> Option<crate::rules::Sex> {
        self.metadata.sex.or_else(|| self.said.sex.map(|s| s.0))
    }

    /// The age in years, likewise.
    fn age(&self) -> Option<f32> {
        self.metadata.age.or_else(|| self.said.age.as_ref().map(|a| a.1))
    }
}
