//! Sections -> sentences.
//!
//! A sentence ends at a full stop that is no decimal, abbreviation or list mark; at an empty line; and at
//! a line break that begins a new item. A hard-wrapped line goes on: the break counts only where the next
//! line begins like a sentence and this one does not end in a word that needs another.

use crate::rules::{Rules, class};
use crate::section::Section;
use crate::span::Span;
use crate::token::{Token, TokenKind, flag};

/// One sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sentence {
    /// Where it stands.
    pub span: Span,
    /// Index of its section.
    pub section: u32,
    /// First and last token, end-exclusive.
    pub(crate) tokens: (u32, u32),
}

/// No sentence has more tokens: text without any stop (a word repeated a million times) is cut, so that the
/// work on a sentence, which grows with the square of its length, stays in proportion to the text.
const LONGEST: usize = 400;

/// Splits sections into sentences, which replace what `sentences` held.
pub(crate) fn split(tokens: &[Token], sections: &[Section], rules: &Rules, sentences: &mut Vec<Sentence>) {
    sentences.clear();
    for (i, section) in sections.iter().enumerate() {
        let (first, last) = (section.tokens.0 as usize, section.tokens.1 as usize);
        let mut start = first;
        let mut item = 0;
        let mut line_start = first;
        for at in first..last {
            let full = at - start >= LONGEST;
            if at > start && (full || ends_before(tokens, start, at, last, line_start, &mut item, rules)) {
                push(tokens, start, at, i, sentences);
                start = at;
            }
            if tokens[at].has(flag::LINE) {
                line_start = at;
            }
        }
        push(tokens, start, last, i, sentences);
    }
}

fn push(tokens: &[Token], start: usize, end: usize, section: usize, sentences: &mut Vec<Sentence>) {
    if start < end {
        sentences.push(Sentence {
            span: Span::new(tokens[start].span.start, tokens[end - 1].span.end),
            section: section as u32,
            tokens: (start as u32, end as u32),
        });
    }
}

/// The number of a list mark `3.` or `3)` at this token, if it is one.
fn list_mark(tokens: &[Token], at: usize, last: usize) -> Option<u32> {
    let [mark, dot] = tokens.get(at..at + 2)? else { return None };
    if mark.kind != TokenKind::Number || mark.span.len() > 2 || mark.word.0 != TokenKind::Number as u32 {
        return None;
    }
    if !matches!(dot.kind, TokenKind::Period | TokenKind::Close) || dot.has(flag::SPACE) || at + 2 >= last {
        return None;
    }
    let next = &tokens[at + 2];
    (next.has(flag::SPACE) && next.has(flag::UPPER)).then_some(0)
}

#[allow(clippy::too_many_arguments)]
fn ends_before(
    tokens: &[Token],
    start: usize,
    at: usize,
    last: usize,
    line_start: usize,
    item: &mut u32,
    rules: &Rules,
) -> bool {
    let token = &tokens[at];
    let prev = &tokens[at - 1];
    if token.has(flag::BLANK) {
        return true;
    }
    let list = token.kind == TokenKind::Number && list_mark(tokens, at, last).is_some();
    if token.has(flag::LINE) {
        if list || matches!(token.kind, TokenKind::Bullet | TokenKind::Dash | TokenKind::BoxOpen) {
            return true;
        }
        if matches!(prev.kind, TokenKind::Period | TokenKind::Question) {
            return !(at - 1 == start + 1 && tokens[start].kind == TokenKind::Number);
        }
        let unfinished = prev.kind == TokenKind::Comma
            || prev.kind == TokenKind::Slash
            || rules.word_class(prev.word) & class::UNFINISHED != 0;
        if unfinished || !(token.has(flag::UPPER) || token.kind == TokenKind::Number) {
            return false;
        }
        if prev.kind == TokenKind::Colon {
            return false;
        }
        // In text that is all capitals a capital tells nothing: the length of the line does.
        let capitals = token.has(flag::CAPS) && prev.has(flag::CAPS);
        let width = prev.span.end - tokens[line_start].span.start;
        return !capitals || width < 50;
    }
    // "... likely physiologic 2. Otherwise negative": the next number of a running list.
    if list {
        let sequence = token.span.len() == 1 || token.span.len() == 2;
        let units = rules.word_class(prev.word) & class::NUMBERED != 0;
        let after_number = matches!(prev.kind, TokenKind::Number | TokenKind::Compare | TokenKind::Comma);
        if sequence && !units && !after_number {
            *item += 1;
            return prev.kind == TokenKind::Period || *item > 0;
        }
        return false;
    }
    match prev.kind {
        TokenKind::Period => {
            // The mark of a list item belongs to its sentence.
            if at - 1 == start + 1 && tokens[start].kind == TokenKind::Number && tokens[start].span.len() <= 2 {
                return false;
            }
            if !token.has(flag::SPACE) {
                // A missing space: "clear.No effusion".
                return at >= 2
                    && tokens[at - 2].kind == TokenKind::Word
                    && tokens[at - 2].span.len() > 2
                    && token.kind == TokenKind::Word
                    && token.has(flag::UPPER);
            }
            let abbreviation =
                at >= 2 && !prev.has(flag::SPACE) && rules.word_class(tokens[at - 2].word) & class::ABBREVIATION != 0;
            !abbreviation
        }
        TokenKind::Question => {
            // "? pneumonia" asks of what follows.
            at >= 2 && at - 1 > start && !prev.has(flag::SPACE) && token.has(flag::SPACE)
        }
        _ => false,
    }
}
