//! Dates in all the ways that reports write them, as ISO 8601 where they can be read in one way only.

use crate::lexeme::{Gap, Lexeme, Sort};
use crate::overview::Overview;
use crate::rules::report::Class;

/// How `3/12/2024` is to be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DateOrder {
    /// Month first, as in the United States.
    #[default]
    MonthFirst,
    /// Day first, as nearly everywhere else.
    DayFirst,
    /// Not known: such a date is given as it stands unless one number is over 12.
    Unknown,
}

/// A date at a lexeme: where it ends, and what it is where that is certain.
pub(super) struct Date {
    pub(super) end: usize,
    pub(super) iso: Option<String>,
}

/// Reads the date that begins at a lexeme. `years`: a bare year or a day without a year is a date too, as in a
/// list of earlier studies.
pub(super) fn date(overview: &Overview, at: usize, order: DateOrder, years: bool) -> Option<Date> {
    let lexemes = &overview.lexemes;
    let part_of_number = at > 0
        && lexemes[at].gap <= Gap::Hyphen
        && matches!(lexemes[at - 1].sort, Sort::Digits | Sort::Letters)
        || at > 1 && lexemes[at].gap == Gap::None && is_join(&lexemes[at - 1]) && lexemes[at - 2].sort == Sort::Digits;
    if part_of_number {
        return None;
    }
    if lexemes[at].sort == Sort::Digits {
        numeric(overview, at, order, years).or_else(|| day_month(overview, at))
    } else {
        month_first(overview, at, years)
    }
}

fn is_join(lexeme: &Lexeme) -> bool {
    lexeme.is_mark(b'/') || lexeme.is_mark(b'.') || lexeme.is_mark(b'-')
}

/// A number and how many digits write it.
fn number(overview: &Overview, at: usize) -> Option<(u32, u32)> {
    let lexeme = overview.lexemes.get(at)?;
    Some((lexeme.number(overview.text)?, lexeme.span.len()))
}

/// The number joined to what ends before `at`: the number, its digits, the lexeme after it, the joint.
fn joined(overview: &Overview, at: usize) -> Option<(u32, u32, usize, u8)> {
    let lexeme = overview.lexemes.get(at)?;
    if lexeme.gap == Gap::Hyphen {
        return number(overview, at).map(|(n, digits)| (n, digits, at + 1, b'-'));
    }
    let joint = [b'/', b'.', b'-'].into_iter().find(|&m| lexeme.is_mark(m))?;
    let next = overview.lexemes.get(at + 1)?;
    if lexeme.gap != Gap::None || next.gap != Gap::None {
        return None;
    }
    number(overview, at + 1).map(|(n, digits)| (n, digits, at + 2, joint))
}

fn numeric(overview: &Overview, at: usize, order: DateOrder, years: bool) -> Option<Date> {
    let (first, digits) = number(overview, at)?;
    if digits == 8 {
        let (year, month, day) = (first / 10_000, first / 100 % 100, first % 100);
        return Some(Date { end: at + 1, iso: Some(iso(year, month, day)?) });
    }
    let Some((second, second_digits, next, joint)) = joined(overview, at + 1) else {
        let alone = years && digits == 4 && (1950..2300).contains(&first) && !measures(overview, at + 1);
        return alone.then(|| Date { end: at + 1, iso: Some(first.to_string()) });
    };
    if let Some((third, third_digits, end, last_joint)) = joined(overview, next)
        && last_joint == joint
    {
        let value = match (digits, third_digits) {
            (4, 1 | 2) => iso(first, second, third)?,
            (1 | 2, 2 | 4) => {
                let year = full(third, third_digits);
                let month_first = iso(year, first, second);
                let day_first = iso(year, second, first);
                // Dots stand between parts where the day comes first.
                let order = if joint == b'.' { DateOrder::DayFirst } else { order };
                match (month_first, day_first, order) {
                    (Some(date), None, _) | (None, Some(date), _) => date,
                    (Some(date), Some(_), DateOrder::MonthFirst) | (Some(_), Some(date), DateOrder::DayFirst) => date,
                    (Some(a), Some(b), DateOrder::Unknown) if a == b => a,
                    (Some(_), Some(_), DateOrder::Unknown) => return Some(Date { end, iso: None }),
                    (None, None, _) => return None,
                }
            }
            _ => return None,
        };
        return Some(Date { end, iso: Some(value) });
    }
    match (digits, second_digits, joint) {
        (1 | 2, 4, b'/' | b'-') if (1..=12).contains(&first) && (1900..2300).contains(&second) => {
            Some(Date { end: next, iso: Some(format!("{second}-{first:02}")) })
        }
        (4, 1 | 2, b'-') if (1900..2300).contains(&first) && (1..=12).contains(&second) => {
            Some(Date { end: next, iso: Some(format!("{first}-{second:02}")) })
        }
        // A day without its year.
        (1 | 2, 1 | 2, b'/') if years && (iso(2000, first, second).or(iso(2000, second, first))).is_some() => {
            Some(Date { end: next, iso: None })
        }
        _ => None,
    }
}

/// A number before this lexeme measures something: "2010 mm".
fn measures(overview: &Overview, at: usize) -> bool {
    overview.lexemes.get(at).is_some_and(|l| l.sort == Sort::Letters && l.span.len() <= 2 && l.gap != Gap::Line)
}

/// `12 March 2024`, `12-Mar-24`, `12th of March, 2024`.
fn day_month(overview: &Overview, at: usize) -> Option<Date> {
    let (day, digits) = number(overview, at)?;
    if digits > 2 {
        return None;
    }
    let mut next = after_ordinal(overview, at + 1);
    if is_word(overview, next, "of") {
        next += 1;
    }
    if overview.lexemes.get(next).is_some_and(|l| l.is_mark(b'/') || l.is_mark(b'-')) {
        next += 1;
    }
    let (end, month) = overview.lexemes.get(next).and_then(|_| overview.class(next, Class::Month))?;
    let month = month.parse().ok()?;
    match year(overview, end) {
        Some((year, end)) => Some(Date { end, iso: Some(iso(year, month, day)?) }),
        None => Some(Date { end, iso: None }),
    }
}

/// `March 12, 2024`, `Mar 2024`, `March 12th`.
fn month_first(overview: &Overview, at: usize, years: bool) -> Option<Date> {
    let (end, month) = overview.class(at, Class::Month)?;
    let month: u32 = month.parse().ok()?;
    let next =
        if overview.lexemes.get(end).is_some_and(|l| l.is_mark(b'.') || l.is_mark(b',')) { end + 1 } else { end };
    let (value, digits) = number(overview, next)?;
    if digits == 4 {
        let fits = (1900..2300).contains(&value);
        return fits.then(|| Date { end: next + 1, iso: Some(format!("{value}-{month:02}")) });
    }
    if digits > 2 {
        return None;
    }
    let day = after_ordinal(overview, next + 1);
    match year(overview, day) {
        Some((year, end)) => Some(Date { end, iso: Some(iso(year, month, value)?) }),
        None if years => Some(Date { end: day, iso: None }),
        None => None,
    }
}

/// The lexeme after the ending of an ordinal ("12th").
fn after_ordinal(overview: &Overview, at: usize) -> usize {
    let ending = ["st", "nd", "rd", "th"].iter().any(|e| is_word(overview, at, e));
    if ending && overview.lexemes[at].gap == Gap::None { at + 1 } else { at }
}

fn is_word(overview: &Overview, at: usize, word: &str) -> bool {
    overview.lexemes.get(at).is_some_and(|l| overview.text[l.span.range()].eq_ignore_ascii_case(word))
}

/// The year that follows a day and a month.
fn year(overview: &Overview, at: usize) -> Option<(u32, usize)> {
    let mut next = at;
    if overview.lexemes.get(next).is_some_and(|l| l.sort == Sort::Mark && !l.is_mark(b';') && !l.is_mark(b':')) {
        next += 1;
    }
    let (value, digits) = number(overview, next)?;
    let short = digits == 2 && (overview.lexemes[next].gap <= Gap::Hyphen || next == at);
    (digits == 4 || short).then(|| (full(value, digits), next + 1))
}

/// Two digits stand for a year from 1970 to 2069.
fn full(year: u32, digits: u32) -> u32 {
    match (digits, year) {
        (2, 0..=69) => 2000 + year,
        (2, _) => 1900 + year,
        _ => year,
    }
}

fn iso(year: u32, month: u32, day: u32) -> Option<String> {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let days = match month {
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        1..=12 => 31,
        _ => return None,
    };
    ((1900..2300).contains(&year) && (1..=days).contains(&day)).then(|| format!("{year}-{month:02}-{day:02}"))
}
