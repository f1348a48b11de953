//! Tokens of a sentence -> measurements: numbers with units, as millimetres, HU or SUV.
//!
//! Numbers are read from the tokens, so that `1.2 x 0.8cm`, `12x8 mm`, `5-7 mm`, `sub-5-mm` and `SUVmax of 4.5`
//! need no patterns of their own. Knows no finding; `detail` says what a measurement belongs to.

use crate::rules::{MeasureWord, Quantity, Relation, Rules};
use crate::span::{RuleId, Span};
use crate::token::{Token, TokenKind, flag};

/// A measurement.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Measurement {
    /// What is measured.
    pub quantity: Quantity,
    /// How the numbers stand to the value.
    pub relation: Relation,
    /// One to three values, in the unit of the quantity (mm, HU, SUV); of a range its ends.
    pub values: [f32; 3],
    /// How many of `values` are given.
    pub count: u8,
}

impl Measurement {
    /// The values given.
    pub fn values(&self) -> &[f32] {
        &self.values[..self.count as usize]
    }

    /// As people and tables read it: `12x8`, `5-7`, `<10`, `>30`.
    pub fn told(&self) -> String {
        let join = |by: &str| self.values().iter().map(|v| measured(*v).to_string()).collect::<Vec<_>>().join(by);
        match self.relation {
            Relation::Range => join("-"),
            Relation::Below => format!("<{}", join("x")),
            Relation::Above => format!(">{}", join("x")),
            Relation::Exact | Relation::About | Relation::AtMost => join("x"),
        }
    }
}

/// A value as it is written: to a hundredth of its unit, which is finer than any report measures.
pub(crate) fn measured(value: f32) -> f64 {
    (f64::from(value) * 100.0).round() / 100.0
}

/// A measurement and where it stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Measured {
    pub(crate) measurement: Measurement,
    /// Tokens, end-exclusive.
    pub(crate) tokens: (u32, u32),
    pub(crate) span: Span,
    /// The rule of its unit, head or word.
    pub(crate) rule: RuleId,
    /// It tells of an earlier study, by this rule.
    pub(crate) prior: Option<RuleId>,
}

/// One step of reading: a number, or what else stands there.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Piece {
    Number(f32),
    Times,
    Dash,
    /// Index into the measures' words.
    Word(u32),
    Other,
}

/// Longest row of measurements read from one sentence, so that time stays in proportion to the text.
const MOST: usize = 32;

/// Reads the measurements of a sentence, which replace what `found` held.
pub(crate) fn read(text: &str, tokens: &[Token], range: (u32, u32), rules: &Rules, found: &mut Vec<Measured>) {
    found.clear();
    let inside = &tokens[range.0 as usize..range.1 as usize];
    let starts = |t: &Token| t.kind == TokenKind::Number || rules.measures.matcher.longest(once(t)).is_some();
    if !inside.iter().any(starts) {
        return;
    }
    let mut pieces = Vec::with_capacity(inside.len() + 8);
    split(text, tokens, range, rules, &mut pieces);
    let mut at = 0;
    while at < pieces.len() && found.len() < MOST {
        let next = match pieces[at].0 {
            Piece::Number(_) => number(&pieces, at, tokens, text, rules, found),
            Piece::Word(w) => {
                if let (MeasureWord::Size(relation, size), rule) = rules.measures.words[w as usize] {
                    let measurement =
                        Measurement { quantity: Quantity::Length, relation, values: [size, 0.0, 0.0], count: 1 };
                    push(measurement, pieces[at].1, pieces[at].2, tokens, rule, None, found);
                }
                at + 1
            }
            _ => at + 1,
        };
        at = next;
    }
}

fn once(token: &Token) -> impl Iterator<Item = crate::span::WordId> {
    std::iter::once(token.word)
}

/// A piece and the tokens that it covers (end-exclusive).
type Placed = (Piece, u32, u32);

fn split(text: &str, tokens: &[Token], range: (u32, u32), rules: &Rules, out: &mut Vec<Placed>) {
    let mut at = range.0;
    while at < range.1 {
        let token = &tokens[at as usize];
        if token.kind == TokenKind::Number {
            // A hyphen inside "5-7" makes no token; it is told by the flag.
            if token.has(flag::HYPHEN) && matches!(out.last(), Some((Piece::Number(_), ..))) {
                out.push((Piece::Dash, at, at));
            }
            glued(&text[token.span.range()], at, rules, out);
            at += 1;
            continue;
        }
        let words = tokens[at as usize..range.1 as usize].iter().map(|t| t.word);
        if let Some((length, phrase)) = rules.measures.matcher.longest(words) {
            out.push((Piece::Word(phrase.0), at, at + length as u32));
            at += length as u32;
            continue;
        }
        let piece = match (token.kind, &text[token.span.range()]) {
            (TokenKind::Word, "x" | "X" | "by") | (_, "\u{d7}" | "*") => Piece::Times,
            (TokenKind::Dash, _) | (TokenKind::Word, "to") => Piece::Dash,
            _ => Piece::Other,
        };
        out.push((piece, at, at + 1));
        at += 1;
    }
}

/// The numbers and letters of one token: `12x8mm`, `1,5`.
fn glued(text: &str, at: u32, rules: &Rules, out: &mut Vec<Placed>) {
    let bytes = text.as_bytes();
    let mut i = 0;
    while i < bytes.len() {
        let start = i;
        if bytes[i].is_ascii_digit() {
            while i < bytes.len() && (bytes[i].is_ascii_digit() || matches!(bytes[i], b'.' | b',')) {
                i += 1;
            }
            match value(&text[start..i]) {
                Some(value) => out.push((Piece::Number(value), at, at + 1)),
                None => out.push((Piece::Other, at, at + 1)),
            }
        } else {
            while i < bytes.len() && !bytes[i].is_ascii_digit() {
                i += 1;
            }
            let letters = &text[start..i];
            let word = rules.words.find_ascii(letters.as_bytes());
            let phrase = word.and_then(|w| rules.measures.matcher.longest(std::iter::once(w)));
            let piece = match phrase {
                Some((_, phrase)) => Piece::Word(phrase.0),
                None if letters.eq_ignore_ascii_case("x") => Piece::Times,
                None => Piece::Other,
            };
            out.push((piece, at, at + 1));
        }
    }
}

/// `1.5`, `1,5` (a decimal comma), `1,500`.
fn value(digits: &str) -> Option<f32> {
    let plain = match digits.split_once(',') {
        Some((_, decimals)) if decimals.len() == 3 => digits.replace(',', ""),
        Some(_) => digits.replace(',', "."),
        None => digits.to_owned(),
    };
    plain.parse::<f32>().ok().filter(|v| v.is_finite())
}

/// A measurement that begins with the number at `at`; gives the piece to go on with.
fn number(
    pieces: &[Placed],
    at: usize,
    tokens: &[Token],
    text: &str,
    rules: &Rules,
    found: &mut Vec<Measured>,
) -> usize {
    let unit = |i: usize| match pieces.get(i).map(|p| p.0) {
        Some(Piece::Word(w)) => match rules.measures.words[w as usize] {
            (MeasureWord::Unit(quantity, factor), rule) => Some((quantity, factor, rule)),
            _ => None,
        },
        _ => None,
    };
    let mut numbers: Vec<(f32, Option<f32>)> = Vec::new();
    let mut told: Option<(Quantity, f32, RuleId)> = None;
    let mut relation = Relation::Exact;
    let mut i = at;
    while let Some(&(Piece::Number(value), ..)) = pieces.get(i) {
        i += 1;
        let mut factor = None;
        if let Some(found) = unit(i) {
            factor = Some(found.1);
            told = Some(found);
            i += 1;
        }
        numbers.push((value, factor));
        let joined = matches!(pieces.get(i + 1), Some((Piece::Number(_), ..)));
        match pieces.get(i).map(|p| p.0) {
            Some(Piece::Times) if joined && numbers.len() < 3 => i += 1,
            Some(Piece::Dash) if joined && numbers.len() == 1 && earlier(pieces, at, rules).is_none() => {
                relation = Relation::Range;
                i += 1;
            }
            _ => break,
        }
    }
    let (before, bound) = lookback(pieces, at, rules, text, tokens);
    let head = heads(pieces, before, rules);
    let Some((quantity, last, rule)) = told.or(head) else { return i.max(at + 1) };
    let negative = quantity == Quantity::Attenuation && minus(pieces, at, tokens);
    let mut values = [0.0; 3];
    // "12 x 8 mm": a number without a unit takes the next one's; after the last, the last.
    let mut next = Some(last);
    for (slot, (value, factor)) in values.iter_mut().zip(&numbers).rev() {
        next = factor.or(next);
        *slot = value * next.unwrap_or(last) * if negative { -1.0 } else { 1.0 };
    }
    let sane = match quantity {
        Quantity::Length => values[..numbers.len()].iter().all(|v| *v > 0.0 && *v <= 3000.0),
        Quantity::Attenuation => values[0].abs() <= 4000.0,
        Quantity::Uptake => values[0] <= 500.0,
    };
    let distance = quantity == Quantity::Length
        && matches!(pieces.get(i), Some((Piece::Word(w), ..)) if matches!(rules.measures.words[*w as usize].0, MeasureWord::Distance));
    if sane && !distance {
        let relation = match (relation, bound) {
            (Relation::Exact, Some(bound)) => bound,
            (relation, _) => relation,
        };
        let measurement = Measurement { quantity, relation, values, count: numbers.len().min(3) as u8 };
        let first = if head.is_some() && told.is_none() { pieces[before.saturating_sub(1)].1 } else { pieces[at].1 };
        push(measurement, first, pieces[i - 1].2, tokens, rule, earlier(pieces, before, rules), found);
    }
    i
}

/// Where the phrase of a number begins: at its bound ("less than", "<") or at itself.
fn lookback(pieces: &[Placed], at: usize, rules: &Rules, text: &str, tokens: &[Token]) -> (usize, Option<Relation>) {
    let Some(&(piece, first, _)) = at.checked_sub(1).and_then(|i| pieces.get(i)) else { return (at, None) };
    match piece {
        Piece::Word(w) => match rules.measures.words[w as usize].0 {
            MeasureWord::Bound(relation) => (at - 1, Some(relation)),
            _ => (at, None),
        },
        Piece::Other => match &text[tokens[first as usize].span.range()] {
            "<" => (at - 1, Some(Relation::Below)),
            ">" => (at - 1, Some(Relation::Above)),
            _ => (at, None),
        },
        _ => (at, None),
    }
}

/// "SUVmax of 4.5": the name that a number follows, over two small words at most.
fn heads(pieces: &[Placed], at: usize, rules: &Rules) -> Option<(Quantity, f32, RuleId)> {
    for &(piece, ..) in pieces[..at].iter().rev().take(3) {
        if let Piece::Word(w) = piece {
            return match rules.measures.words[w as usize] {
                (MeasureWord::Head(quantity), rule) => Some((quantity, 1.0, rule)),
                _ => None,
            };
        }
        if matches!(piece, Piece::Number(_)) {
            return None;
        }
    }
    None
}

/// "previously 5 mm", "from 5 mm".
fn earlier(pieces: &[Placed], at: usize, rules: &Rules) -> Option<RuleId> {
    let before = pieces[..at].iter().rev().take(3).take_while(|p| !matches!(p.0, Piece::Number(_)));
    before
        .filter_map(|p| match p.0 {
            Piece::Word(w) => Some(rules.measures.words[w as usize]),
            _ => None,
        })
        .find_map(|(word, rule)| matches!(word, MeasureWord::Prior).then_some(rule))
}

/// A dash that stands before the number with a space before it: a minus.
fn minus(pieces: &[Placed], at: usize, tokens: &[Token]) -> bool {
    let Some(&(Piece::Dash, first, last)) = at.checked_sub(1).and_then(|i| pieces.get(i)) else { return false };
    first < last && tokens[first as usize].kind == TokenKind::Dash && !tokens[last as usize].has(flag::SPACE)
}

fn push(
    measurement: Measurement,
    first: u32,
    last: u32,
    tokens: &[Token],
    rule: RuleId,
    prior: Option<RuleId>,
    found: &mut Vec<Measured>,
) {
    let span = Span::new(tokens[first as usize].span.start, tokens[last as usize - 1].span.end);
    found.push(Measured { measurement, tokens: (first, last), span, rule, prior });
}
