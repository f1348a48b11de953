//! Advice: what is to be done next, when, and under which condition.
//!
//! A sentence advises when a word of advice and a procedure, a follow-up or an interval stand in it and nothing
//! denies it or tells of earlier advice.

use super::{Case, Interval, IntervalUnit};
use crate::lexeme::{Gap, Sort};
use crate::overview::{Found, Overview};
use crate::rules::Source;
use crate::rules::report::{AlertRule, Class};
use crate::safety::Alert;

pub(super) fn advice(case: &Case, rule: &AlertRule, out: &mut Vec<Alert>) {
    let overview = &case.overview;
    for &sentence in &overview.sentences {
        if sentence.0 == sentence.1 {
            continue;
        }
        let section = overview.section_at(overview.lexemes[sentence.0].span.start);
        let advises = *rule.has == *section;
        if overview.places[sentence.0] != Some(Source::Body) && !advises {
            continue;
        }
        out.extend(sentence_advice(case, rule, sentence, advises));
    }
}

fn sentence_advice(case: &Case, rule: &AlertRule, sentence: (usize, usize), section: bool) -> Option<Alert> {
    let overview = &case.overview;
    let named = overview.find_all(sentence, Class::Procedure);
    let any = overview.find_all(sentence, Class::AnyProcedure);
    let procedures = if named.is_empty() { any } else { named };
    let follow_up = overview.find(sentence, Class::FollowUp);
    let advise = advising(overview, sentence, &procedures);
    let interval = interval(overview, sentence, advise.as_ref().or(follow_up.as_ref()));
    let something = !procedures.is_empty() || follow_up.is_some();
    let told = advise.is_some() && (something || interval.is_some());
    // "Follow-up CT in 6 months." needs no word of advice, nor does a section that only advises.
    let planned = follow_up.is_some() && interval.is_some()
        || section && (something || interval.is_some())
        || interval.as_ref().is_some_and(|i| scheduled(overview, sentence, &procedures, i));
    if !told && !planned || overview.find(sentence, Class::NoAdvice).is_some() {
        return None;
    }
    let (begin, end) = advise.as_ref().or(follow_up.as_ref()).map_or((sentence.0, sentence.0), |f| f.at);
    // What stands nearest to the advice: "CT shows a mass, MRI is recommended", "recommend MRI, CT being unclear".
    let far = |p: &Found| if p.at.0 >= end { p.at.0 - end } else { begin.saturating_sub(p.at.1) };
    let what = procedures.iter().min_by_key(|p| far(p));
    let mut spans = Vec::new();
    spans.extend(advise.as_ref().or(follow_up.as_ref()).map(|f| overview.span(f.at)));
    spans.extend(what.map(|p| overview.span(p.at)));
    spans.extend(interval.as_ref().map(|i| i.span));
    let condition = overview.find(sentence, Class::Condition);
    spans.extend(condition.as_ref().map(|c| overview.span(c.at)));
    let mut alert = case.alert(rule, spans);
    alert.what = what.map(|p| p.value).or(follow_up.map(|_| "follow-up")).map(Into::into);
    alert.when = interval;
    alert.conditional = condition.is_some();
    Some(alert)
}

/// The word of advice in a sentence; a weak one counts only where a procedure or a follow-up comes close behind.
fn advising<'a>(overview: &Overview<'a>, sentence: (usize, usize), procedures: &[Found]) -> Option<Found<'a>> {
    let strong = overview.find(sentence, Class::Advise);
    // "Pelvic ultrasound suggested.": right after a procedure, and nothing follows that it could suggest.
    let trailing = || {
        procedures.iter().find_map(|p| {
            let (end, _) = (p.at.1 < sentence.1).then(|| overview.class(p.at.1, Class::AdviseLast)).flatten()?;
            let last = end >= sentence.1 || overview.lexemes[end].sort == Sort::Mark;
            let goes_on = || overview.class(end, Class::Within).is_some();
            (last || goes_on()).then_some(Found { at: (p.at.1, end), value: "" })
        })
    };
    strong.or_else(trailing).or_else(|| {
        overview.find_all(sentence, Class::AdviseNext).into_iter().find(|weak| {
            // The word may be the first of the procedure: "repeat ultrasound".
            let close = |f: &Found| weak.at.1 < f.at.1 && f.at.0 <= weak.at.1 + 8;
            let follow_up = overview.find((weak.at.1, sentence.1), Class::FollowUp);
            procedures.iter().any(close) || follow_up.is_some_and(|f| close(&f))
        })
    })
}

/// "CT in three months for the nodule.": a sentence that begins with a procedure and its time.
fn scheduled(overview: &Overview, sentence: (usize, usize), procedures: &[Found], interval: &Interval) -> bool {
    let (at, _) = overview.range(interval.span);
    let within = (sentence.0..at).rev().take(2).any(|i| overview.class(i, Class::Within).is_some_and(|w| w.0 == at));
    let first = procedures.first().is_some_and(|p| p.at.0 <= sentence.0 + 3 && p.at.1 + 3 >= at);
    within && first
}

/// The interval of a sentence: the first after its advice, else the last before it.
fn interval(overview: &Overview, sentence: (usize, usize), advice: Option<&Found>) -> Option<Interval> {
    let mut before = None;
    let mut at = sentence.0;
    while at < sentence.1 {
        let Some((interval, end)) = interval_at(overview, at, sentence.1) else {
            at += 1;
            continue;
        };
        let past = end < sentence.1 && overview.class(end, Class::Past).is_some();
        if !past {
            if advice.is_none_or(|a| at >= a.at.0) {
                return Some(interval);
            }
            before = Some(interval);
        }
        at = end;
    }
    before
}

/// "3-6 months", "six to 12 weeks", "1 year", "annual", "short-interval".
fn interval_at(overview: &Overview, at: usize, last: usize) -> Option<(Interval, usize)> {
    if let Some((end, value)) = overview.class(at, Class::Interval).filter(|&(end, _)| end <= last) {
        let span = overview.span((at, end));
        let months: Option<u32> = value.parse().ok();
        return Some((Interval { from: months, to: months, unit: IntervalUnit::Months, span }, end));
    }
    let (from, mut end) = overview.number(at)?;
    if let Some(short) = over(overview, at, from, last) {
        return Some(short);
    }
    let mut to = from;
    // The range may be written "3-6", "3 - 6", "3 to 6"; "3- to 6-month" loses its hyphen to the mark.
    let mut next = end;
    while next < last && overview.lexemes[next].is_mark(b'-') {
        next += 1;
    }
    if let Some((range, _)) = overview.lexemes.get(next).and_then(|_| overview.class(next, Class::Range)) {
        next = range;
    }
    let joined = next > end || overview.lexemes.get(next).is_some_and(|l| l.gap == Gap::Hyphen);
    if joined && let Some((upper, upper_end)) = overview.number(next) {
        to = upper;
        end = upper_end;
    }
    let (unit_end, unit) = overview.lexemes.get(end).and_then(|_| overview.class(end, Class::Unit))?;
    if unit_end > last || to < from || to > 1000 {
        return None;
    }
    let (unit, times) = match unit {
        "hour" => (IntervalUnit::Days, 0),
        "day" => (IntervalUnit::Days, 1),
        "week" => (IntervalUnit::Days, 7),
        "month" => (IntervalUnit::Months, 1),
        _ => (IntervalUnit::Months, 12),
    };
    // Hours are days begun.
    let scale = |n: u32| if times == 0 { n.div_ceil(24) } else { n.saturating_mul(times) };
    let span = overview.span((at, unit_end));
    Some((Interval { from: Some(scale(from)), to: Some(scale(to)), unit, span }, unit_end))
}

/// British shorthand after a preposition: "in 6/12" is six months, "in 2/52" two weeks, "in 5/7" five days.
fn over(overview: &Overview, at: usize, count: u32, last: usize) -> Option<(Interval, usize)> {
    let lexemes = &overview.lexemes;
    let before = at.checked_sub(1)?;
    overview.class(before, Class::Within).filter(|w| w.0 == at)?;
    let slash = lexemes.get(at + 1).is_some_and(|l| l.is_mark(b'/') && l.gap == Gap::None);
    let below = lexemes.get(at + 2).filter(|l| slash && l.gap == Gap::None && at + 3 <= last)?;
    if lexemes.get(at + 3).is_some_and(|l| l.is_mark(b'/')) {
        return None;
    }
    let (unit, times) = match below.number(overview.text)? {
        12 => (IntervalUnit::Months, 1),
        52 => (IntervalUnit::Days, 7),
        7 => (IntervalUnit::Days, 1),
        _ => return None,
    };
    let span = overview.span((at, at + 3));
    Some((
        Interval { from: Some(count.saturating_mul(times)), to: Some(count.saturating_mul(times)), unit, span },
        at + 3,
    ))
}
