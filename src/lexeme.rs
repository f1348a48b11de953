//! Text -> lexemes: runs of letters, runs of digits, single marks.
//!
//! What a report says of itself is written in codes: `T2N1M0`, `LR-5`, `3/12/2024`, `45yo`. The tokens of the
//! engine keep such a code whole, because no finding is named by half of one; here it is taken apart, and a
//! flag tells that two lexemes stand without a space. Knows nothing of what a phrase means.

use crate::lexicon::Words;
use crate::span::{Span, WordId};

/// Word ids of lexemes that are no words of the vocabulary; a vocabulary begins at 32.
pub(crate) mod special {
    use crate::span::WordId;

    /// Any word that no phrase uses.
    pub(crate) const UNKNOWN: WordId = WordId(0);
    /// Between two lexemes of one run (`t`, `2`): a phrase that is written as a run matches only a run.
    pub(crate) const GLUE: WordId = WordId(1);
    /// A removed identifier: `___`, `XXXX`, `[**`.
    pub(crate) const MASK: WordId = WordId(2);
    /// Digits that no phrase uses.
    pub(crate) const DIGITS: WordId = WordId(3);
    /// The first of the marks that phrases may hold.
    pub(crate) const FIRST_MARK: u32 = 4;
    /// The marks, in the order of their ids.
    pub(crate) const MARKS: &[u8] = b",.;:/-()+=&><?*[]%#\"'~";
}

/// One run of letters or digits, or one mark.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lexeme {
    pub(crate) span: Span,
    pub(crate) word: WordId,
    pub(crate) sort: Sort,
    /// What stands between it and the lexeme before.
    pub(crate) gap: Gap,
}

/// What a lexeme is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sort {
    Letters,
    Digits,
    Mask,
    Mark,
}

/// What stands before a lexeme.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Gap {
    /// Nothing: letters go over into digits or back, or a mark is involved.
    None,
    /// A hyphen that joins.
    Hyphen,
    /// White space.
    Space,
    /// A line break.
    Line,
    /// An empty line, or the start of the text.
    Blank,
}

impl Lexeme {
    /// It continues the run of the lexeme before it.
    pub(crate) fn is_glued(&self, before: Option<&Lexeme>) -> bool {
        let runs = |l: &Lexeme| matches!(l.sort, Sort::Letters | Sort::Digits);
        self.gap == Gap::None && runs(self) && before.is_some_and(runs)
    }

    /// The number that its digits write.
    pub(crate) fn number(&self, text: &str) -> Option<u32> {
        (self.sort == Sort::Digits).then(|| text[self.span.range()].parse().ok()).flatten()
    }

    /// It is this mark.
    pub(crate) fn is_mark(&self, mark: u8) -> bool {
        self.sort == Sort::Mark && self.word == mark_id(mark)
    }
}

fn mark_id(mark: u8) -> WordId {
    let place = special::MARKS.iter().position(|&m| m == mark);
    place.map_or(special::UNKNOWN, |p| WordId(special::FIRST_MARK + p as u32))
}

/// Cuts a text.
pub(crate) fn cut(text: &str, words: &Words) -> Vec<Lexeme> {
    let mut out: Vec<Lexeme> = Vec::with_capacity(text.len() / 5);
    let mut gap = Gap::Blank;
    let mut chars = text.char_indices().peekable();
    while let Some(&(at, c)) = chars.peek() {
        if c.is_whitespace() {
            let line = c == '\n' || (c == '\r' && !text[at + 1..].starts_with('\n'));
            gap = match gap {
                Gap::Line | Gap::Blank if line => Gap::Blank,
                _ if line => Gap::Line,
                other => other.max(Gap::Space),
            };
            chars.next();
            continue;
        }
        let rest = &text[at..];
        let after_digits = gap == Gap::None && out.last().is_some_and(|l| l.sort == Sort::Digits);
        let (sort, length) = run(rest, c, after_digits);
        let joins = c == '-' || matches!(c, '\u{2010}'..='\u{2013}');
        if joins
            && gap == Gap::None
            && out.last().is_some_and(|l| l.sort != Sort::Mark)
            && rest[c.len_utf8()..].starts_with(char::is_alphanumeric)
        {
            gap = Gap::Hyphen;
            chars.next();
            continue;
        }
        let end = at + length;
        let written = &text[at..end];
        let word = match sort {
            Sort::Letters => words.find(&written.to_lowercase()).unwrap_or(special::UNKNOWN),
            Sort::Digits => words.find(written).unwrap_or(special::DIGITS),
            Sort::Mask => special::MASK,
            Sort::Mark if joins || c == '\u{2014}' => mark_id(b'-'),
            Sort::Mark if c == '\u{2019}' => mark_id(b'\''),
            Sort::Mark => u8::try_from(c).map_or(special::UNKNOWN, mark_id),
        };
        // The possessive says nothing: "patient's" is the patient.
        let possessive = sort == Sort::Letters && written.eq_ignore_ascii_case("s") && gap == Gap::None;
        if possessive && out.last().is_some_and(|l| l.is_mark(b'\'')) {
            out.pop();
        } else {
            out.push(Lexeme { span: Span::new(at as u32, end as u32), word, sort, gap });
        }
        gap = Gap::None;
        while chars.peek().is_some_and(|&(i, _)| i < end) {
            chars.next();
        }
    }
    out
}

/// The sort and the length in bytes of the lexeme that begins with `c`. In a code, a capital begins a new part
/// ("T1aN0").
fn run(rest: &str, c: char, after_digits: bool) -> (Sort, usize) {
    let until = |keep: fn(char) -> bool| rest.find(|c: char| !keep(c)).unwrap_or(rest.len());
    if rest.starts_with("[**") {
        return (Sort::Mask, 3);
    }
    if c == '_' {
        return (Sort::Mask, until(|c| c == '_'));
    }
    if c.is_ascii_digit() {
        return (Sort::Digits, until(|c| c.is_ascii_digit()));
    }
    if c.is_alphabetic() {
        let mut length = until(char::is_alphabetic);
        if after_digits && c.is_lowercase() {
            length = rest[..length].find(char::is_uppercase).unwrap_or(length);
        }
        let mask = length >= 3 && rest[..length].bytes().all(|b| b == b'X');
        return (if mask { Sort::Mask } else { Sort::Letters }, length);
    }
    (Sort::Mark, c.len_utf8())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_come_apart() {
        let words = Words::default();
        for (text, want) in [
            ("T2N1M0", "t|2|n|1|m|0"),
            ("LR-5 (4 cm)", "lr 5 ( 4 cm )"),
            ("3/12/2024", "3 / 12 / 2024"),
            ("Dr. O\u{2019}Neil's", "dr . o \u{2019} neil"),
            ("w/o \u{2013} [**2101**]", "w / o \u{2013} [** 2101 * * ]"),
            ("45yo_", "45|yo _"),
            ("T1aN0 1ABC", "t|1|a|n|0 1|abc"),
        ] {
            let lexemes = cut(text, &words);
            let mut got = String::new();
            for (i, lexeme) in lexemes.iter().enumerate() {
                let before = i.checked_sub(1).map(|b| &lexemes[b]);
                if i > 0 {
                    got.push(if lexeme.is_glued(before) { '|' } else { ' ' });
                }
                got.push_str(&text[lexeme.span.range()].to_lowercase());
            }
            assert_eq!(got, want);
        }
    }
}
