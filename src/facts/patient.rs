//! The patient's sex and age: as told with the report, and as the report itself opens with them.

use crate::lexeme::Gap;
use crate::overview::Overview;
use crate::report::StudyKey;
use crate::rules::Sex;
use crate::rules::phrases::closes;
use crate::rules::report::{Class, Sense};

/// What is known of the patient beside the report.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Metadata {
    /// Sex.
    pub sex: Option<Sex>,
    /// Age in years.
    pub age: Option<f32>,
}

impl Metadata {
    /// Reads sex and age as they came with the study: `F`, `male`, `45`, `045Y`, `6 months`. What cannot be read
    /// is not known.
    pub fn of(study: &StudyKey) -> Metadata {
        Metadata::read(study.sex.as_deref(), study.age.as_deref())
    }

    /// The same, of the two as texts.
    pub(crate) fn read(sex: Option<&str>, age: Option<&str>) -> Metadata {
        Metadata {
            sex: sex.and_then(|s| match s.trim().chars().next()?.to_ascii_lowercase() {
                'f' | 'w' => Some(Sex::F),
                'm' => Some(Sex::M),
                _ => None,
            }),
            age: age.and_then(read_age),
        }
    }
}

/// `45`, `045Y`, `6 months`, `45 years`, in years.
fn read_age(written: &str) -> Option<f32> {
    let written = written.trim();
    let end = written.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(written.len());
    let (number, unit) = written.split_at(end);
    let number: f32 = number.parse().ok()?;
    let unit = unit.trim_start().chars().next().map_or('y', |c| c.to_ascii_lowercase());
    let years = years(number, unit)?;
    (0.0..=130.0).contains(&years).then_some(years)
}

fn years(number: f32, unit: char) -> Option<f32> {
    match unit {
        'y' => Some(number),
        'm' => Some(number / 12.0),
        'w' => Some(number / 52.0),
        'd' => Some(number / 365.0),
        'h' => Some(0.0),
        _ => None,
    }
}

/// Age or sex as the report says it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Said {
    /// As DICOM writes it (`045Y`), in years, and where.
    pub(crate) age: Option<(String, f32, (usize, usize))>,
    /// And where.
    pub(crate) sex: Option<(Sex, (usize, usize))>,
}

/// The first age and the first sex that the report gives of its patient.
pub(crate) fn said(overview: &Overview) -> Said {
    let mut out = Said::default();
    for at in 0..overview.lexemes.len() {
        if out.age.is_some() && out.sex.is_some() {
            break;
        }
        labelled(overview, at, &mut out);
        if out.age.is_none() || out.sex.is_none() {
            opening(overview, at, &mut out);
        }
    }
    out
}

/// "Sex: F", "Age: 45 years".
fn labelled(overview: &Overview, at: usize, out: &mut Said) {
    let Some((end, what)) = overview.class(at, Class::Patient) else { return };
    let Some(colon) = overview.lexemes.get(end) else { return };
    if !colon.is_mark(b':') && !colon.is_mark(b'=') || end + 1 >= overview.lexemes.len() {
        return;
    }
    let value = end + 1;
    if what == "sex" && out.sex.is_none() {
        let sex = overview.class(value, Class::Sex).or(overview.class(value, Class::SexLetter));
        out.sex = sex.and_then(|(end, sex)| Some((as_sex(sex)?, (value, end))));
    } else if what == "age" && out.age.is_none() {
        let Some((number, end)) = overview.number(value) else { return };
        let unit = overview.lexemes.get(end).and_then(|_| overview.class(end, Class::Unit));
        let (end, unit) = unit.unwrap_or((end, "year"));
        out.age = aged(number, unit, (value, end));
    }
}

/// "45-year-old man", "78 yo F", "45F".
fn opening(overview: &Overview, at: usize, out: &mut Said) {
    let Some((number, end)) = overview.number(at) else { return };
    if at > 0 && overview.lexemes[at].is_glued(Some(&overview.lexemes[at - 1])) {
        return;
    }
    let sentence = overview.near(at);
    if overview.find((sentence.0, at), Class::Relative).is_some() {
        return;
    }
    // "45F": the letter counts only in the same run.
    let glued = overview.lexemes.get(end).is_some_and(|l| l.gap <= Gap::Hyphen);
    let (unit_end, unit) = match unit(overview, end, glued) {
        Some(unit) => unit,
        None => return,
    };
    if out.age.is_none() {
        out.age = aged(number, unit, (at, unit_end));
    }
    if out.sex.is_some() || out.age.is_none() {
        return;
    }
    // The sex may be told in the same breath ("yoM") or a few words on ("45-year-old pregnant woman").
    // A full stop may belong to the age ("66 y.o. M").
    let blank = |i: &usize| overview.lexemes[*i].gap < Gap::Blank;
    let after = (end..overview.lexemes.len().min(unit_end + 7)).take_while(blank);
    let before = sentence.0.max(at.saturating_sub(3))..at;
    let sex = after.chain(before).find_map(|i| {
        let near = end <= i && i <= unit_end + 1;
        let letter = || near.then(|| letter(overview, i)).flatten();
        let (last, sex) = overview.class(i, Class::Sex).or_else(letter)?;
        Some((as_sex(sex)?, (i, last)))
    });
    out.sex = sex;
}

/// The unit of the age whose number ends before a lexeme, and where the words of the age end.
fn unit<'a>(overview: &Overview<'a>, at: usize, glued: bool) -> Option<(usize, &'a str)> {
    overview.lexemes.get(at)?;
    // "yo", "y/o" are unit and "old" in one.
    if let Some((end, unit)) = run_class(overview, at, Class::Old).filter(|o| !o.1.is_empty()) {
        return Some((end, unit));
    }
    if glued && letter(overview, at).is_some() {
        return Some((at, "year"));
    }
    let (end, unit) = run_class(overview, at, Class::Unit)?;
    overview.lexemes.get(end)?;
    let (old, word) = match overview.class(end, Class::Old) {
        Some((old, _)) => (old, true),
        None => (end, false),
    };
    let sexed = overview.class(end, Class::Sex).is_some() || letter(overview, end).is_some();
    (word || sexed).then_some((old, unit))
}

/// As `class`, also inside a run: `45yo`.
fn run_class<'a>(overview: &Overview<'a>, at: usize, class: Class) -> Option<(usize, &'a str)> {
    let mut found = None;
    overview.rules.phrases.walk(&overview.lexemes, at, |end, senses| {
        for sense in senses {
            if let Sense::Class(c, value) = *sense
                && c == class
                && (closes(&overview.lexemes, end) || class == Class::Unit && letter(overview, end).is_some())
            {
                found = Some((end, &*overview.rules.class_values[value as usize]));
            }
        }
    });
    found
}

fn letter<'a>(overview: &Overview<'a>, at: usize) -> Option<(usize, &'a str)> {
    overview.lexemes.get(at)?;
    run_class(overview, at, Class::SexLetter)
}

fn as_sex(value: &str) -> Option<Sex> {
    match value {
        "F" => Some(Sex::F),
        "M" => Some(Sex::M),
        _ => None,
    }
}

fn aged(number: u32, unit: &str, at: (usize, usize)) -> Option<(String, f32, (usize, usize))> {
    let letter = unit.chars().next()?;
    let years = years(number as f32, letter)?;
    let written = format!("{number:03}{}", letter.to_ascii_uppercase());
    (number < 1000 && years <= 125.0).then_some((written, years, at))
}
