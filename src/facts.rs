//! What a report says of the examination itself: modality, part, side, technique, earlier studies, patient.
//!
//! Computed only when asked for. Which words mean what is data (`rules/*/facts.toml`); this file knows in
//! which order the places of a report are believed, `date` and `patient` know how dates and ages are written.

mod date;
mod patient;

pub use date::DateOrder;
pub use patient::Metadata;
pub(crate) use patient::{Said, said};

use crate::engine::{Analysis, Engine};
use crate::overview::Overview;
use crate::report::{Report, StudyKey};
use crate::rules::report::{Class, FactRule, ReportRules, Sense};
use crate::rules::{FactKind, Source};
use crate::span::{RuleId, Span};
use std::collections::HashMap;

/// One fact and why it is taken for one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    /// What it is about.
    pub kind: FactKind,
    /// Its value; `None` for a date that can be read in more than one way, which the span shows as it stands.
    pub value: Option<Box<str>>,
    /// Where it was read.
    pub source: Source,
    /// The rule that reads it; `None` where the study's own data are taken as they are.
    pub rule: Option<RuleId>,
    /// The words in the report's text; `None` where it came with the study.
    pub span: Option<Span>,
}

/// The facts of one report, by kind, then in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// All of them.
    pub list: Vec<Fact>,
}

impl Facts {
    /// The facts of one kind.
    pub fn of(&self, kind: FactKind) -> impl Iterator<Item = &Fact> {
        self.list.iter().filter(move |f| f.kind == kind)
    }

    /// The values of one kind.
    pub fn values(&self, kind: FactKind) -> Vec<&str> {
        self.of(kind).filter_map(|f| f.value.as_deref()).collect()
    }
}

impl Engine {
    /// The facts of a report, with `3/12/2024` read as in the United States.
    ///
    /// ```
    /// use radlabel::{Engine, FactKind, Report};
    ///
    /// let engine = Engine::embedded();
    /// let report = Report::new("1", "CT CHEST WITH CONTRAST\n\nCOMPARISON: 3/12/2024.\n\nFINDINGS: No nodule.");
    /// let facts = engine.facts(&report, &engine.analyze(&report));
    /// assert_eq!(facts.values(FactKind::Modality), ["CT"]);
    /// assert_eq!(facts.values(FactKind::Comparison), ["2024-03-12"]);
    /// ```
    pub fn facts(&self, report: &Report, analysis: &Analysis) -> Facts {
        self.facts_dated(report, analysis, DateOrder::default())
    }

    /// As [`Engine::facts`], with the order of day and month that the caller knows.
    pub fn facts_dated(&self, report: &Report, analysis: &Analysis, order: DateOrder) -> Facts {
        let overview = Overview::new(&report.text, analysis, &self.rules);
        let mut list = Vec::new();
        let mut signs = Vec::new();
        read(&overview, false, &mut list);
        read(&overview, true, &mut signs);
        study(self, &report.study, &mut list);
        comparisons(&overview, order, &mut list);
        patient(&overview, &mut list);
        fitting(&overview, choose(list, signs))
    }
}

/// The kinds of fact that phrases tell, each with the kinds that outrank it: in "left lateral" and "right upper
/// quadrant" there is no side of the examination, in "without oral contrast" no oral contrast.
const PHRASED: [(FactKind, &[FactKind]); 9] = [
    (FactKind::Modality, &[]),
    (FactKind::BodyPart, &[]),
    (FactKind::Laterality, &[FactKind::BodyPart, FactKind::Projection]),
    (FactKind::Sequence, &[]),
    (FactKind::Phase, &[FactKind::Contrast]),
    (FactKind::Projection, &[]),
    (FactKind::Views, &[]),
    (FactKind::Contrast, &[]),
    (FactKind::Comparison, &[]),
];

/// Every phrase of a fact, or every sign, that stands where its rule looks.
fn read(overview: &Overview, signs: bool, list: &mut Vec<Fact>) {
    let rules = overview.rules;
    for (kind, outranked) in PHRASED {
        let mut at = 0;
        while at < overview.lexemes.len() {
            let Some(place) = overview.places[at] else {
                at += 1;
                continue;
            };
            let pick = |sense: &Sense| match *sense {
                Sense::Fact(number, value) => {
                    let rule = &rules.facts[number as usize];
                    let looks = rule.signs == signs && rule.places.contains(&place);
                    (looks && (rule.fact == kind || outranked.contains(&rule.fact))).then_some((number, value))
                }
                _ => None,
            };
            let Some((end, found)) = rules.phrases.longest(&overview.lexemes, at, pick) else {
                at += 1;
                continue;
            };
            // A sentence on another study tells nothing of this one.
            let elsewhere = kind != FactKind::Comparison
                && place == Source::Body
                && overview.find(overview.near(at), Class::Elsewhere).is_some();
            for (number, value) in found.into_iter().filter(|_| !elsewhere) {
                let rule = &rules.facts[number as usize];
                if rule.fact == kind {
                    list.push(Fact {
                        kind,
                        value: Some(rule.values[value as usize].clone()),
                        source: place,
                        rule: Some(rule.rule),
                        span: Some(overview.span((at, end))),
                    });
                }
            }
            at = end;
        }
    }
}

/// The values of a kind that a few words name, as in the title of a report, with the side of a part.
pub(crate) fn named<'r>(rules: &'r ReportRules, kind: FactKind, given: &str) -> Vec<(FactKind, &'r str)> {
    named_by(rules, kind, given).into_iter().map(|(rule, value)| (rule.fact, &*rule.values[value as usize])).collect()
}

/// The same, by rule and number of the value.
fn named_by<'r>(rules: &'r ReportRules, kind: FactKind, given: &str) -> Vec<(&'r FactRule, u32)> {
    let lexemes = rules.phrases.lexemes(given);
    let mut out = Vec::new();
    let mut at = 0;
    while at < lexemes.len() {
        let pick = |sense: &Sense| match *sense {
            Sense::Fact(number, value) => {
                let rule = &rules.facts[number as usize];
                let side = kind == FactKind::BodyPart && rule.fact == FactKind::Laterality;
                let wanted = !rule.signs && rule.places.contains(&Source::Exam) && (rule.fact == kind || side);
                wanted.then_some((number, value))
            }
            _ => None,
        };
        let Some((end, found)) = rules.phrases.longest(&lexemes, at, pick) else {
            at += 1;
            continue;
        };
        out.extend(found.into_iter().map(|(rule, value)| (&rules.facts[rule as usize], value)));
        at = end;
    }
    out
}

/// What came with the study, in the words of the rules where they know it.
fn study(engine: &Engine, study: &StudyKey, list: &mut Vec<Fact>) {
    let rules = &engine.rules.report;
    for (given, kind) in [(&study.modality, FactKind::Modality), (&study.body_part, FactKind::BodyPart)] {
        let Some(given) = given.as_deref().map(str::trim).filter(|g| !g.is_empty()) else { continue };
        let known = list.len();
        for (rule, value) in named_by(rules, kind, given) {
            list.push(Fact {
                kind: rule.fact,
                value: Some(rule.values[value as usize].clone()),
                source: Source::Study,
                rule: Some(rule.rule),
                span: None,
            });
        }
        if list[known..].iter().all(|f| f.kind != kind) {
            let value = if kind == FactKind::Modality { given.to_uppercase() } else { given.to_lowercase() };
            list.push(Fact { kind, value: Some(value.into()), source: Source::Study, rule: None, span: None });
        }
    }
    let metadata = Metadata::of(study);
    let told = [
        (FactKind::Sex, metadata.sex.map(|s| format!("{s:?}"))),
        (
            FactKind::Age,
            metadata.age.map(|a| if a < 1.0 { format!("{:03.0}M", a * 12.0) } else { format!("{a:03.0}Y") }),
        ),
    ];
    for (kind, value) in told {
        let Some(value) = value else { continue };
        list.push(Fact { kind, value: Some(value.into()), source: Source::Study, rule: None, span: None });
    }
}

/// The rule that stands for a grammar in code: one that lists no values.
fn grammar(overview: &Overview, kind: FactKind) -> Option<RuleId> {
    overview.rules.facts.iter().find(|r| r.fact == kind && r.values.is_empty()).map(|r| r.rule)
}

/// Dates of earlier studies: all in the sections that name them, elsewhere those that "compared to" introduces.
fn comparisons(overview: &Overview, order: DateOrder, list: &mut Vec<Fact>) {
    let Some(rule) = grammar(overview, FactKind::Comparison) else { return };
    let mut at = 0;
    while at < overview.lexemes.len() {
        let (Some(source), true) = (overview.places[at], crate::rules::phrases::opens(&overview.lexemes, at)) else {
            at += 1;
            continue;
        };
        let listed = source == Source::Comparison;
        let Some(date) = date::date(overview, at, order, listed) else {
            at += 1;
            continue;
        };
        let (first, _) = overview.near(at);
        let introduced = || {
            matches!(source, Source::Body | Source::Technique | Source::Exam)
                && overview.find((first, at), Class::Compared).is_some()
        };
        if listed || introduced() {
            list.push(Fact {
                kind: FactKind::Comparison,
                value: date.iso.map(Into::into),
                source,
                rule: Some(rule),
                span: Some(overview.span((at, date.end))),
            });
        }
        at = date.end;
    }
}

fn patient(overview: &Overview, list: &mut Vec<Fact>) {
    let said = said(overview);
    let found = [
        (FactKind::Sex, said.sex.map(|(sex, at)| (format!("{sex:?}"), at))),
        (FactKind::Age, said.age.map(|(age, _, at)| (age, at))),
    ];
    for (kind, found) in found {
        let (Some((value, at)), Some(rule)) = (found, grammar(overview, kind)) else { continue };
        list.push(Fact {
            kind,
            value: Some(value.into()),
            source: overview.places[at.0].unwrap_or(Source::Indication),
            rule: Some(rule),
            span: Some(overview.span(at)),
        });
    }
}

/// One list: of modality, part and side what the most trusted place says, of the technique all that is said.
fn choose(mut list: Vec<Fact>, signs: Vec<Fact>) -> Facts {
    list.sort_by_key(|f| (f.kind, f.source, f.span.map(|s| s.start)));
    for kind in [FactKind::Modality, FactKind::BodyPart] {
        if !list.iter().any(|f| f.kind == kind)
            && let Some(sign) = weigh(&signs, kind)
        {
            list.push(sign.clone());
        }
    }
    let mut out: Vec<Fact> = Vec::new();
    let mut known = std::collections::BTreeSet::new();
    for fact in list {
        let same = |f: &&Fact| f.kind == fact.kind;
        let first = out.iter().find(same).map(|f| f.source);
        // A date that cannot be read stands for itself.
        let span = if fact.value.is_none() { fact.span } else { None };
        let new = known.insert((fact.kind, fact.value.clone(), span));
        let one_place = matches!(
            fact.kind,
            FactKind::Modality
                | FactKind::BodyPart
                | FactKind::Laterality
                | FactKind::Views
                | FactKind::Sex
                | FactKind::Age
        );
        let other_place = one_place && first.is_some_and(|s| s != fact.source);
        if new && !other_place {
            out.push(fact);
        }
    }
    // "None" beside dates speaks of some other kind of study.
    let none = |f: &Fact| f.kind == FactKind::Comparison && f.value.as_deref() == Some("none");
    if out.iter().any(|f| f.kind == FactKind::Comparison && !none(f)) {
        out.retain(|f| !none(f));
    }
    Facts { list: out }
}

/// Leaves out what belongs to another modality: a CT has no sequences.
fn fitting(overview: &Overview, mut facts: Facts) -> Facts {
    let modalities: Vec<String> = facts.values(FactKind::Modality).into_iter().map(str::to_owned).collect();
    let only = |rule: RuleId| overview.rules.facts.iter().find(|r| r.rule == rule).map(|r| &r.only);
    facts.list.retain(|f| {
        let only = f.rule.and_then(only).filter(|o| !o.is_empty());
        only.is_none_or(|o| modalities.is_empty() || modalities.iter().any(|m| o.iter().any(|x| **x == **m)))
    });
    facts
}

/// The first sign of the value that most signs point to; a single sign of a part of the body is too little.
fn weigh(signs: &[Fact], kind: FactKind) -> Option<&Fact> {
    // Counted once: a report may hold a sign a hundred thousand times.
    let mut votes: HashMap<Option<&str>, usize> = HashMap::new();
    for sign in signs.iter().filter(|s| s.kind == kind) {
        *votes.entry(sign.value.as_deref()).or_default() += 1;
    }
    let enough = if kind == FactKind::BodyPart { 2 } else { 1 };
    let mut best: Option<(usize, &Fact)> = None;
    for sign in signs.iter().filter(|s| s.kind == kind) {
        let count = votes[&sign.value.as_deref()];
        if count >= enough && best.is_none_or(|(most, _)| count > most) {
            best = Some((count, sign));
        }
    }
    best.map(|b| b.1)
}
