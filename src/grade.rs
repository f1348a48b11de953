//! Grades, scores and stages that a report gives by name: BI-RADS, TNM, Bosniak and their like.
//!
//! Computed only when asked for. Names, values and the ways to write them are data (`rules/*/grades.toml`).
//! A grade is a name with a value near it, or a composed code whose parts stand together (`T2N1M0`).

use crate::engine::{Analysis, Engine, Scratch};
use crate::label::Label;
use crate::lexeme::{Gap, Sort};
use crate::overview::Overview;
use crate::rules::phrases::{closes, opens};
use crate::rules::report::{Class, Sense};
use crate::rules::{BoundScheme, Hierarchy, Source, Status};
use crate::span::{RuleId, Span};

/// Words that may stand between a name and its value.
const FILLERS: usize = 6;
/// Words between a value and what must follow it ("grade 2 left hydronephrosis").
const BETWEEN: usize = 3;

/// Whether the grade is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum GradeStatus {
    /// Given to what this study shows.
    Given,
    /// Named, and denied or not assigned.
    Denied,
    /// Of an earlier study.
    Earlier,
    /// Asked, or given under a condition.
    Asked,
}

impl GradeStatus {
    /// Its name in outputs.
    pub const fn name(self) -> &'static str {
        match self {
            GradeStatus::Given => "given",
            GradeStatus::Denied => "denied",
            GradeStatus::Earlier => "earlier",
            GradeStatus::Asked => "asked",
        }
    }
}

/// One grade, score or stage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grade {
    /// The system: `BI-RADS`, `TNM`.
    pub system: Box<str>,
    /// The value, written in one way; `None` where the report only says that none is assigned.
    pub value: Option<Box<str>>,
    /// Whether it is given.
    pub status: GradeStatus,
    /// The rule.
    pub rule: RuleId,
    /// Name and value.
    pub span: Span,
}

impl Engine {
    /// The grades, scores and stages in a text, in order.
    ///
    /// ```
    /// let grades = radlabel::Engine::embedded().grades("IMPRESSION: BI-RADS category 4A. T2 hyperintense cyst.");
    /// assert_eq!((&*grades[0].system, grades[0].value.as_deref(), grades.len()), ("BI-RADS", Some("4A"), 1));
    /// ```
    pub fn grades(&self, text: &str) -> Vec<Grade> {
        self.grades_of(text, &self.analyze_with(&mut Scratch::default(), text))
    }

    /// The labels of a report as [`Engine::labels_with`] gives them, and those that rest on a grade which its text
    /// gives ("BI-RADS 4A"). Without such labels in the scheme no grade is looked for.
    pub fn labels_of(&self, text: &str, analysis: &Analysis, scheme: &BoundScheme, hierarchy: Hierarchy) -> Vec<Label> {
        let mut labels = self.labels_with(analysis, scheme, hierarchy);
        if !scheme.asks_grades() {
            return labels;
        }
        let given = self.grades_of(text, analysis);
        let given: Vec<&Grade> = given.iter().filter(|g| g.status == GradeStatus::Given).collect();
        for (number, rule) in scheme.scheme.labels.iter().enumerate() {
            let told = given.iter().any(|g| {
                let mut mine = rule.grades.iter().filter(|(system, _)| *system == g.system);
                mine.any(|(_, values)| g.value.as_ref().is_some_and(|v| values.contains(v)))
            });
            if told {
                let label = Label { label: number as u32, value: Status::Present, because: None };
                match labels.binary_search_by_key(&label.label, |l| l.label) {
                    Ok(at) => labels[at] = label,
                    Err(at) => labels.insert(at, label),
                }
            }
        }
        labels
    }

    /// As [`Engine::grades`], of a text that is analysed already.
    pub fn grades_of(&self, text: &str, analysis: &Analysis) -> Vec<Grade> {
        let overview = Overview::new(text, analysis, &self.rules);
        let mut out: Vec<Grade> = Vec::new();
        let mut at = 0;
        while at < overview.lexemes.len() {
            let found = if opens(&overview.lexemes, at) { best(&overview, at) } else { None };
            let Some(found) = found else {
                at += 1;
                continue;
            };
            let rule = &overview.rules.grades[found.grade as usize];
            out.push(Grade {
                system: rule.system.clone(),
                value: found.value,
                status: found.status,
                rule: rule.rule,
                span: overview.span((at, found.end)),
            });
            at = found.end;
        }
        out
    }
}

struct Found {
    grade: u32,
    value: Option<Box<str>>,
    status: GradeStatus,
    end: usize,
}

/// The longest grade that begins at a lexeme.
fn best(overview: &Overview, at: usize) -> Option<Found> {
    let mut found: Option<Found> = composed(overview, at);
    let mut forms: Vec<(usize, u32)> = Vec::new();
    overview.rules.phrases.walk(&overview.lexemes, at, |end, senses| {
        for sense in senses {
            match *sense {
                Sense::Before(form) => forms.push((end, form)),
                // Where no word stands before the value, the name is empty.
                Sense::Value(grade, _) => {
                    let open = &overview.rules.grades[grade as usize].open;
                    forms.extend(open.iter().map(|&form| (at, form)));
                }
                _ => {}
            }
        }
    });
    for (end, form) in forms {
        if let Some(named) = named(overview, at, end, form)
            && found.as_ref().is_none_or(|f| named.end > f.end || f.value.is_none())
        {
            found = Some(named);
        }
    }
    found
}

/// The value after a name, and what must follow it.
fn named(overview: &Overview, from: usize, name: usize, form: u32) -> Option<Found> {
    let rules = overview.rules;
    let shape = rules.forms[form as usize];
    let (_, last) = overview.near(from);
    if shape.near && !context(overview, from, shape.grade) {
        return None;
    }
    let mut at = name;
    let fillers = if shape.open { 0 } else { FILLERS };
    for _ in 0..=fillers {
        if at >= last || at > from && overview.lexemes[at].gap == Gap::Blank {
            break;
        }
        // A run may go on from the name to the value ("TR4"), not from a filler.
        if at > name && !opens(&overview.lexemes, at) {
            break;
        }
        if let Some((value, end)) = value(overview, at, shape.grade) {
            let end = if shape.after { after(overview, end, last, form)? } else { end };
            return Some(Found { grade: shape.grade, value: Some(value), status: status(overview, from, end), end });
        }
        match filler(overview, at).filter(|&end| end <= last) {
            Some(end) => at = end,
            None => break,
        }
    }
    // "BI-RADS is not assigned", "no LI-RADS category".
    if shape.open || shape.after || shape.near || !closes(&overview.lexemes, name) {
        return None;
    }
    let denied = (name..last.min(name + FILLERS)).find_map(|i| overview.class(i, Class::NoGradeAfter));
    let status = GradeStatus::Denied;
    if let Some((end, _)) = denied.filter(|&(end, _)| end <= last) {
        return Some(Found { grade: shape.grade, value: None, status, end });
    }
    // "No LI-RADS category", not "no Salter-Harris fracture".
    overview.lexemes.get(name).and_then(|_| overview.class(name, Class::Filler))?;
    let before = overview.find((overview.near(from).0, from), Class::NoGradeBefore)?;
    (before.at.1 == from).then_some(Found { grade: shape.grade, value: None, status, end: name })
}

/// The end of the filler at a lexeme: a word of the class, or a mark.
fn filler(overview: &Overview, at: usize) -> Option<usize> {
    if let Some((end, _)) = overview.class(at, Class::Filler) {
        return Some(end);
    }
    let lexeme = &overview.lexemes[at];
    let passes = [b':', b'=', b'-', b'(', b',', b'"', b'*', b'['].iter().any(|&m| lexeme.is_mark(m));
    // A sign such as that of a registered trade mark.
    let sign = lexeme.sort == Sort::Mark && lexeme.word == crate::lexeme::special::UNKNOWN;
    (passes || sign).then_some(at + 1)
}

/// The longest value of a grade at a lexeme.
fn value(overview: &Overview, at: usize, grade: u32) -> Option<(Box<str>, usize)> {
    let rule = &overview.rules.grades[grade as usize];
    let lexemes = &overview.lexemes;
    let mut found = None;
    overview.rules.phrases.walk(lexemes, at, |end, senses| {
        for sense in senses {
            if let Sense::Value(g, value) = *sense
                && g == grade
                && closes(lexemes, end)
                && !measured(overview, end)
            {
                found = Some((rule.values[value as usize].clone(), end));
            }
        }
    });
    if found.is_none() && rule.number && lexemes[at].sort == Sort::Digits {
        let mut written = overview.text[lexemes[at].span.range()].to_owned();
        let mut end = at + 1;
        // Thousands: "1,204".
        while end + 1 < lexemes.len()
            && lexemes[end].is_mark(b',')
            && lexemes[end].gap == Gap::None
            && lexemes[end + 1].gap == Gap::None
            && lexemes[end + 1].span.len() == 3
        {
            written.push_str(&overview.text[lexemes[end + 1].span.range()]);
            end += 2;
        }
        if closes(lexemes, end) && !measured(overview, end) {
            found = Some((written.into(), end));
        }
    }
    found
}

/// A number that goes on ("4.5", "2-3") or is followed by a unit of length is no value.
fn measured(overview: &Overview, end: usize) -> bool {
    let lexemes = &overview.lexemes;
    let Some(next) = lexemes.get(end) else { return false };
    let goes_on = (next.is_mark(b'.') || next.is_mark(b'/'))
        && next.gap == Gap::None
        && lexemes.get(end + 1).is_some_and(|l| l.gap == Gap::None && l.sort == Sort::Digits);
    let range = next.gap == Gap::Hyphen && next.sort == Sort::Digits;
    let unit = ["mm", "cm", "ml", "cc", "hu"];
    let unit = unit.iter().any(|u| overview.text[next.span.range()].eq_ignore_ascii_case(u));
    (goes_on && lexemes[end - 1].sort == Sort::Digits && !next.is_mark(b'/')) || range || unit
}

/// The end of the words that must follow a value, a few words on at most.
fn after(overview: &Overview, from: usize, last: usize, form: u32) -> Option<usize> {
    (from..last.min(from + BETWEEN + 1)).find_map(|at| {
        let pick = |s: &Sense| (*s == Sense::After(form)).then_some(());
        let stops = overview.lexemes[from..at].iter().any(|l| l.is_mark(b'.') || l.is_mark(b';'));
        if stops {
            return None;
        }
        let end = overview.rules.phrases.longest(&overview.lexemes, at, pick)?.0;
        match overview.lexemes[at].sort {
            // A mark follows at once, and is no part of the grade.
            Sort::Mark => (at == from).then_some(from),
            _ => (end <= last).then_some(end),
        }
    })
}

/// A word of the grade's context stands in the sentence.
fn context(overview: &Overview, at: usize, grade: u32) -> bool {
    let (first, last) = overview.near(at);
    (first..last).any(|i| {
        let pick = |s: &Sense| (*s == Sense::Near(grade)).then_some(());
        overview.rules.phrases.longest(&overview.lexemes, i, pick).is_some()
    })
}

/// A composed code: its components in order, in one run or parted by spaces and commas.
fn composed(overview: &Overview, from: usize) -> Option<Found> {
    let lexemes = &overview.lexemes;
    for (number, rule) in overview.rules.grades.iter().enumerate().filter(|(_, r)| !r.components.is_empty()) {
        let mut at = from;
        let mut end = from;
        let mut value = String::new();
        let mut count = 0;
        // The letters are written as the system writes them: `pTx`, not PTX, which is a pneumothorax.
        let mut as_written = true;
        for component in 0..rule.components.len() {
            let mut found = None;
            overview.rules.phrases.walk(lexemes, at, |to, senses| {
                for sense in senses {
                    if let Sense::Part(g, c, v) = *sense
                        && (g as usize, c as usize) == (number, component)
                        && (closes(lexemes, to) || begins_part(overview, to, number as u32, component as u32 + 1))
                    {
                        found = Some((to, &rule.components[component][v as usize]));
                    }
                }
            });
            // Phrases of facts outrank: "T1-weighted" is a sequence.
            let longer = overview.rules.phrases.longest(lexemes, at, |s| matches!(s, Sense::Fact(..)).then_some(()));
            if let Some((to, written)) = found.filter(|f| longer.as_ref().is_none_or(|l| l.0 <= f.0)) {
                as_written &= overview.text[overview.span((at, to)).range()] == **written;
                value.push_str(written);
                count += 1;
                end = to;
                at = to;
                while lexemes.get(at).is_some_and(|l| l.is_mark(b',') || l.is_mark(b'/')) {
                    at += 1;
                }
                if lexemes.get(at).is_none_or(|l| l.gap >= Gap::Line) {
                    break;
                }
            }
        }
        let enough = count >= rule.enough.max(1) && (as_written || !rule.exact)
            || count > 0 && as_written && context(overview, from, number as u32);
        if enough && closes(lexemes, end) {
            let status = status(overview, from, end);
            return Some(Found { grade: number as u32, value: Some(value.into()), status, end });
        }
    }
    None
}

/// A later component of the composed grade begins at a lexeme.
fn begins_part(overview: &Overview, at: usize, grade: u32, component: u32) -> bool {
    let mut found = false;
    overview.rules.phrases.walk(&overview.lexemes, at, |_, senses| {
        found |= senses.iter().any(|s| matches!(*s, Sense::Part(g, c, _) if g == grade && c >= component));
    });
    found
}

/// Whether a grade with a value is given.
fn status(overview: &Overview, from: usize, end: usize) -> GradeStatus {
    let (first, last) = overview.near(from);
    let near = first.max(from.saturating_sub(5));
    if overview.find((near, from), Class::NoGradeBefore).is_some()
        || overview.find((end, last.min(end + 4)), Class::NoGradeAfter).is_some()
    {
        return GradeStatus::Denied;
    }
    match overview.places[from] {
        Some(Source::Comparison) => return GradeStatus::Earlier,
        Some(Source::Indication) if overview.find((first, from), Class::Asked).is_none() => {
            return GradeStatus::Earlier;
        }
        _ => {}
    }
    if overview.find((near, from), Class::Earlier).is_some() {
        return GradeStatus::Earlier;
    }
    if overview.find((first, from), Class::Asked).is_some() {
        return GradeStatus::Asked;
    }
    GradeStatus::Given
}
