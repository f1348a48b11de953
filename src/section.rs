//! Report -> sections: which part of the text asks, which tells the past, which concludes.
//!
//! A heading is a phrase of `rules/*/sections.toml` that opens a line or a sentence and is followed by a
//! colon, or that fills a line alone. Any other line ending in a colon ("Heart:") stays in its section.

use crate::lexicon::Matcher;
use crate::rules::Rules;
use crate::span::{RuleId, Span};
use crate::token::{Token, TokenKind, flag};

/// One section of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Section {
    /// The heading, without its colon; empty for text before the first heading.
    pub heading: Span,
    /// All that follows up to the next heading.
    pub body: Span,
    /// The section rule that names it: an index into [`Rules::sections`], or `None` before any heading.
    pub kind: Option<u32>,
    /// First and last token, end-exclusive.
    pub(crate) tokens: (u32, u32),
}

impl Section {
    /// The rule that opened the section.
    pub fn rule(&self, rules: &Rules) -> Option<RuleId> {
        self.kind.map(|k| rules.sections[k as usize].rule)
    }
}

/// Splits a report into sections, which replace what `sections` held. There is always at least one.
pub(crate) fn split(text: &str, tokens: &[Token], rules: &Rules, sections: &mut Vec<Section>) {
    sections.clear();
    let mut heading = Span::default();
    let mut kind = None;
    let mut body = (0_u32, 0_usize);
    let mut at = 0;
    while at < tokens.len() {
        let Some((words, section, resume)) = heading_at(tokens, at, rules) else {
            // "COMPARISON: None.\nMAMMOGRAM: ...": what is told in a line or two ends where the next line has a
            // heading of its own, though it names no section.
            if kind.is_some_and(|k| rules.sections[k as usize].line) && unknown_heading(tokens, at) {
                close(sections, heading, kind, body, tokens, at, text.len());
                heading = Span::new(tokens[at].span.start, tokens[at].span.start);
                kind = None;
                body = (tokens[at].span.start, at);
            }
            at += 1;
            continue;
        };
        close(sections, heading, kind, body, tokens, at, text.len());
        heading = Span::new(tokens[at].span.start, tokens[at + words - 1].span.end);
        kind = Some(section);
        at = resume;
        let from = if at > 0 { tokens[at - 1].span.end } else { 0 };
        body = (from, at);
    }
    close(sections, heading, kind, body, tokens, tokens.len(), text.len());
    split_body(tokens, rules, sections);
    if sections.is_empty() {
        sections.push(Section {
            heading,
            body: Span::new(0, text.len() as u32),
            kind,
            tokens: (0, tokens.len() as u32),
        });
    }
}

fn close(
    sections: &mut Vec<Section>,
    heading: Span,
    kind: Option<u32>,
    (from, first): (u32, usize),
    tokens: &[Token],
    end: usize,
    text_len: usize,
) {
    let to = tokens.get(end).map_or(text_len as u32, |t| t.span.start);
    // Nothing stood before the first heading.
    if kind.is_none() && first == end {
        return;
    }
    sections.push(Section { heading, body: Span::new(from, to), kind, tokens: (first as u32, end as u32) });
}

/// Where no heading opens the body of the report, it begins after the first empty line of what stands
/// before it: "COMPARISON: None.\n\nThe heart is enlarged."
fn split_body(tokens: &[Token], rules: &Rules, sections: &mut Vec<Section>) {
    let rule = |s: &Section| s.kind.map(|k| &rules.sections[k as usize]);
    if sections.iter().any(|s| rule(s).is_none_or(|r| r.body)) {
        return;
    }
    let Some(at) = sections.iter().rposition(|s| rule(s).is_some_and(|r| !r.labels) && body_start(tokens, s).is_some())
    else {
        return;
    };
    let Some(first) = body_start(tokens, &sections[at]) else { return };
    let whole = sections[at];
    let cut = tokens[first as usize].span.start;
    sections[at].tokens.1 = first;
    sections[at].body.end = cut;
    let rest = Section {
        heading: Span::default(),
        body: Span::new(cut, whole.body.end),
        kind: None,
        tokens: (first, whole.tokens.1),
    };
    sections.insert(at + 1, rest);
}

fn body_start(tokens: &[Token], section: &Section) -> Option<u32> {
    (section.tokens.0 + 1..section.tokens.1).find(|&i| tokens[i as usize].has(flag::BLANK))
}

/// A heading that begins at this token: its length in tokens, its section, the token after it.
fn heading_at(tokens: &[Token], at: usize, rules: &Rules) -> Option<(usize, u32, usize)> {
    let token = &tokens[at];
    let line_start = token.has(flag::LINE);
    // Inside a line only a capitalised heading right after a full stop (or after a list mark) counts.
    if !line_start {
        let after_stop =
            at > 0 && matches!(tokens[at - 1].kind, TokenKind::Period | TokenKind::Question | TokenKind::Mask);
        if !(token.has(flag::UPPER) && (after_stop || token.has(flag::CAPS))) {
            return None;
        }
    }
    let (words, section) = longest(&rules.headings, tokens, at)?;
    let next = tokens.get(at + words);
    match next {
        Some(t) if t.kind == TokenKind::Colon => Some((words, section, at + words + 1)),
        // "IMPRESSION" alone on its line, or the last thing in the text, or before a dash.
        None if line_start => Some((words, section, at + words)),
        Some(t) if line_start && t.has(flag::LINE) && token.has(flag::UPPER) => Some((words, section, at + words)),
        Some(t) if line_start && token.has(flag::CAPS) && t.kind == TokenKind::Dash => {
            Some((words, section, at + words + 1))
        }
        // Preliminary text in brackets: "IMPRESSION (preliminary):".
        Some(t) if line_start && t.kind == TokenKind::Open => {
            let close = (at + words..tokens.len().min(at + words + 6)).find(|&i| tokens[i].kind == TokenKind::Close)?;
            (tokens.get(close + 1)?.kind == TokenKind::Colon).then_some((words, section, close + 2))
        }
        _ => None,
    }
}

/// A line that opens with up to four words and a colon, the first with a capital.
fn unknown_heading(tokens: &[Token], at: usize) -> bool {
    if !tokens[at].has(flag::LINE) || !tokens[at].has(flag::UPPER) {
        return false;
    }
    let line = tokens[at..].iter().take(5).enumerate().take_while(|(i, t)| *i == 0 || !t.has(flag::LINE));
    line.into_iter().find(|(_, t)| t.kind != TokenKind::Word).is_some_and(|(i, t)| i > 0 && t.kind == TokenKind::Colon)
}

fn longest(headings: &(Matcher, Vec<u32>), tokens: &[Token], at: usize) -> Option<(usize, u32)> {
    let (words, phrase) = headings.0.longest(tokens[at..].iter().map(|t| t.word))?;
    // A heading stands on one line.
    if tokens[at + 1..at + words].iter().any(|t| t.has(flag::LINE)) {
        return None;
    }
    Some((words, headings.1[phrase.0 as usize]))
}
