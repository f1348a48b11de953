//! Text -> tokens: words, numbers and punctuation with byte offsets, each word already looked up in the
//! vocabulary.
//!
//! An ASCII path does nearly all of the work: one table look-up a byte, the word hashed while it is
//! read. A run that holds any other character goes to `unicode-segmentation`. A hyphen inside a
//! compound makes no token, so `ground-glass` and `ground glass` are the same two words.
//! Knows nothing of terms, cues or sections.

use crate::lexicon::Words;
use crate::span::{Span, WordId};
use unicode_segmentation::UnicodeSegmentation;

/// What a token is. The number of each kind but the first three is also its word id, so that phrases
/// may hold punctuation (`and/or`, `(-)`, `: none`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum TokenKind {
    /// A word.
    Word = 0,
    /// Digits, with their decimals and any letters glued to them (`1.5`, `15mm`, `2nd`).
    Number = 1,
    /// A removed identifier: `___`, `XXXX`, `[**Name**]`.
    Mask = 2,
    /// `,`
    Comma = 3,
    /// `.` or `!`
    Period = 4,
    /// `;`
    Semicolon = 5,
    /// `:`
    Colon = 6,
    /// `/` or `\`
    Slash = 7,
    /// A dash that joins no compound.
    Dash = 8,
    /// `(`
    Open = 9,
    /// `)`
    Close = 10,
    /// `?`
    Question = 11,
    /// `+`
    Plus = 12,
    /// `[`
    BoxOpen = 13,
    /// `]`
    BoxClose = 14,
    /// A list bullet: `*`, `•`, `·`.
    Bullet = 15,
    /// `&`
    Ampersand = 16,
    /// `>` or `<` and the like.
    Compare = 17,
    /// Anything else that is printed.
    Other = 18,
}

impl TokenKind {
    /// How a mark that stands for itself in a phrase is written.
    pub(crate) fn of_word(word: WordId) -> Option<&'static str> {
        const MARKS: [&str; 19] =
            ["", "#", "_", ",", ".", ";", ":", "/", "-", "(", ")", "?", "+", "[", "]", "*", "&", ">", "%"];
        MARKS.get(word.index()).copied()
    }
}

/// The first word id that is a word's own; smaller ids are [`TokenKind`]s.
pub(crate) const FIRST_WORD: u32 = 32;

/// Stands before a token: a line break, an empty line, any space; how its word is cased.
pub(crate) mod flag {
    pub(crate) const LINE: u8 = 1;
    pub(crate) const BLANK: u8 = 2;
    pub(crate) const SPACE: u8 = 4;
    pub(crate) const UPPER: u8 = 8;
    pub(crate) const CAPS: u8 = 16;
    pub(crate) const HYPHEN: u8 = 32;
}

/// One token.
#[derive(Clone, Copy, Debug)]
pub struct Token {
    /// Where it stands.
    pub span: Span,
    /// Its word in the vocabulary, or 0.
    pub word: WordId,
    /// What it is.
    pub kind: TokenKind,
    pub(crate) flags: u8,
}

impl Token {
    pub(crate) fn has(&self, flags: u8) -> bool {
        self.flags & flags != 0
    }

    pub(crate) fn is_wordlike(&self) -> bool {
        matches!(self.kind, TokenKind::Word | TokenKind::Number | TokenKind::Mask)
    }
}

const SPACE: u8 = 0;
const LETTER: u8 = 1;
const DIGIT: u8 = 2;
const MARK: u8 = 3;
const HIGH: u8 = 4;

const fn class_table() -> [u8; 256] {
    let mut table = [MARK; 256];
    let mut b = 0;
    while b < 256 {
        let c = b as u8;
        if c.is_ascii_alphabetic() || c == b'_' {
            table[b] = LETTER;
        } else if c.is_ascii_digit() {
            table[b] = DIGIT;
        } else if c <= b' ' || c == 0x7f {
            table[b] = SPACE;
        } else if c >= 0x80 {
            table[b] = HIGH;
        }
        b += 1;
    }
    table
}

static CLASS: [u8; 256] = class_table();

/// Splits `text` into tokens, which replace what `tokens` held. Words are looked up in `words`.
pub(crate) fn tokenize(text: &str, words: &Words, tokens: &mut Vec<Token>) {
    tokens.clear();
    let bytes = text.as_bytes();
    let len = bytes.len();
    let mut at = 0;
    let mut flags = flag::LINE | flag::BLANK | flag::SPACE;
    while at < len {
        let b = bytes[at];
        match CLASS[b as usize] {
            SPACE => {
                if b == b'\n' || (b == b'\r' && bytes.get(at + 1) != Some(&b'\n')) {
                    flags |= if flags & flag::LINE != 0 { flag::BLANK } else { 0 } | flag::LINE;
                }
                flags |= flag::SPACE;
                at += 1;
                continue;
            }
            LETTER => {
                let end = word_end(bytes, at);
                if end < len && bytes[end] >= 0x80 {
                    at = unicode_run(text, at, flags, words, tokens);
                } else {
                    at = push_word(bytes, at, end, flags, words, tokens);
                }
            }
            DIGIT => {
                let end = number_end(bytes, at);
                let word = words.find_ascii(&bytes[at..end]).unwrap_or(WordId(TokenKind::Number as u32));
                tokens.push(Token { span: span(at, end), word, kind: TokenKind::Number, flags });
                at = end;
            }
            HIGH => at = unicode_run(text, at, flags, words, tokens),
            _ => {
                if b == b'['
                    && bytes.get(at + 1) == Some(&b'*')
                    && let Some(end) = mask_end(bytes, at)
                {
                    tokens.push(Token { span: span(at, end), word: WordId(0), kind: TokenKind::Mask, flags });
                    at = end;
                    flags = 0;
                    continue;
                }
                let joins = b == b'-'
                    && flags & flag::SPACE == 0
                    && tokens.last().is_some_and(Token::is_wordlike)
                    && bytes.get(at + 1).is_some_and(|&n| n.is_ascii_alphanumeric() || n >= 0x80);
                if joins {
                    at += 1;
                    flags = flag::HYPHEN;
                    continue;
                }
                let kind = mark_kind(b);
                tokens.push(Token { span: span(at, at + 1), word: WordId(kind as u32), kind, flags });
                at += 1;
            }
        }
        flags = 0;
    }
}

fn span(start: usize, end: usize) -> Span {
    Span::new(start as u32, end as u32)
}

fn word_end(bytes: &[u8], start: usize) -> usize {
    let mut end = start + 1;
    while end < bytes.len() && matches!(CLASS[bytes[end] as usize], LETTER | DIGIT) {
        end += 1;
    }
    end
}

fn number_end(bytes: &[u8], start: usize) -> usize {
    let mut end = start + 1;
    while end < bytes.len() {
        match CLASS[bytes[end] as usize] {
            DIGIT | LETTER => end += 1,
            // A decimal or a date part: `1.5`, `1,5`.
            MARK if matches!(bytes[end], b'.' | b',')
                && bytes[end - 1].is_ascii_digit()
                && bytes.get(end + 1).is_some_and(u8::is_ascii_digit) =>
            {
                end += 2;
            }
            _ => break,
        }
    }
    end
}

fn push_word(bytes: &[u8], start: usize, mut end: usize, flags: u8, words: &Words, tokens: &mut Vec<Token>) -> usize {
    let word = &bytes[start..end];
    let mut flags = flags;
    if word[0].is_ascii_uppercase() {
        flags |= flag::UPPER;
        if word.len() > 1 && word.iter().all(|b| !b.is_ascii_lowercase()) {
            flags |= flag::CAPS;
        }
    }
    // `___` and `XXXX` stand for a removed word.
    let masked = match word[0] {
        b'_' => word.iter().all(|&b| b == b'_'),
        b'X' => word.len() >= 3 && word.iter().all(|&b| b == b'X'),
        _ => false,
    };
    if masked {
        tokens.push(Token { span: span(start, end), word: WordId(0), kind: TokenKind::Mask, flags });
        return end;
    }
    let id = words.find_ascii(word).or_else(|| words.find_near(word)).unwrap_or(WordId(0));
    // The possessive belongs to the word: "patient's" is found as "patient".
    if bytes.get(end) == Some(&b'\'') && matches!(bytes.get(end + 1), Some(b's' | b'S')) {
        let after = bytes.get(end + 2).copied().unwrap_or(b' ');
        if !after.is_ascii_alphanumeric() && after < 0x80 {
            end += 2;
        }
    }
    tokens.push(Token { span: span(start, end), word: id, kind: TokenKind::Word, flags });
    end
}

/// `[**...**]`: the end of it, if it closes within 200 bytes.
fn mask_end(bytes: &[u8], start: usize) -> Option<usize> {
    let limit = bytes.len().min(start + 200);
    memchr::memmem::find(&bytes[start..limit], b"*]").map(|i| start + i + 2)
}

fn mark_kind(b: u8) -> TokenKind {
    match b {
        b',' => TokenKind::Comma,
        b'.' | b'!' => TokenKind::Period,
        b';' => TokenKind::Semicolon,
        b':' => TokenKind::Colon,
        b'/' | b'\\' => TokenKind::Slash,
        b'-' => TokenKind::Dash,
        b'(' | b'{' => TokenKind::Open,
        b')' | b'}' => TokenKind::Close,
        b'?' => TokenKind::Question,
        b'+' => TokenKind::Plus,
        b'[' => TokenKind::BoxOpen,
        b']' => TokenKind::BoxClose,
        b'*' => TokenKind::Bullet,
        b'&' => TokenKind::Ampersand,
        b'<' | b'>' | b'=' | b'~' => TokenKind::Compare,
        _ => TokenKind::Other,
    }
}

/// A run of characters up to a space, of which at least one is not ASCII, split by Unicode's rules.
fn unicode_run(text: &str, start: usize, mut flags: u8, words: &Words, tokens: &mut Vec<Token>) -> usize {
    let rest = &text[start..];
    // A bound on the run keeps one line of a script without spaces from being one unit of work.
    let mut end = rest.find(char::is_whitespace).unwrap_or(rest.len()).min(4096);
    while !rest.is_char_boundary(end) {
        end -= 1;
    }
    let first = rest.chars().next().map_or(1, char::len_utf8);
    let run = &rest[..end.max(first)];
    for (offset, piece) in run.split_word_bound_indices() {
        let from = start + offset;
        let to = from + piece.len();
        let Some(c) = piece.chars().next() else { continue };
        if c.is_alphanumeric() || c == '_' {
            if c.is_uppercase() {
                flags |= flag::UPPER;
                if piece.chars().count() > 1 && !piece.chars().any(char::is_lowercase) {
                    flags |= flag::CAPS;
                }
            }
            // Typographic apostrophes do not part a word; its stem is what the vocabulary knows.
            let stem = piece.split(['\u{2019}', '\'']).next().unwrap_or(piece);
            let word = words.find(&stem.to_lowercase()).unwrap_or(WordId(0));
            let kind = if c.is_numeric() { TokenKind::Number } else { TokenKind::Word };
            let word = if word.0 == 0 && kind == TokenKind::Number { WordId(TokenKind::Number as u32) } else { word };
            tokens.push(Token { span: span(from, to), word, kind, flags });
            flags = 0;
        } else if c.is_whitespace() {
            flags |= flag::SPACE;
            if matches!(c, '\u{2028}' | '\u{2029}' | '\u{85}') {
                flags |= flag::LINE;
            }
        } else {
            for (i, c) in piece.char_indices() {
                let joins = is_hyphen(c)
                    && flags & flag::SPACE == 0
                    && tokens.last().is_some_and(Token::is_wordlike)
                    && text[from + i + c.len_utf8()..].chars().next().is_some_and(char::is_alphanumeric);
                if joins {
                    flags = flag::HYPHEN;
                    continue;
                }
                if is_invisible(c) {
                    continue;
                }
                let kind = if c.is_ascii() { mark_kind(c as u8) } else { wide_mark_kind(c) };
                let at = from + i;
                tokens.push(Token { span: span(at, at + c.len_utf8()), word: WordId(kind as u32), kind, flags });
                flags = 0;
            }
        }
    }
    start + run.len()
}

fn is_hyphen(c: char) -> bool {
    matches!(c, '-' | '\u{2010}' | '\u{2011}' | '\u{2012}' | '\u{2013}')
}

fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}')
}

fn wide_mark_kind(c: char) -> TokenKind {
    match c {
        '\u{2010}'..='\u{2015}' | '\u{2212}' => TokenKind::Dash,
        '\u{2022}' | '\u{b7}' | '\u{25cf}' | '\u{25aa}' | '\u{2023}' | '\u{25e6}' => TokenKind::Bullet,
        '\u{3001}' | '\u{ff0c}' => TokenKind::Comma,
        '\u{3002}' | '\u{ff0e}' => TokenKind::Period,
        '\u{ff1a}' => TokenKind::Colon,
        '\u{ff1b}' => TokenKind::Semicolon,
        '\u{ff1f}' | '\u{bf}' => TokenKind::Question,
        _ => TokenKind::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(text: &str) -> Vec<String> {
        let mut tokens = Vec::new();
        tokenize(text, &Words::default(), &mut tokens);
        tokens.iter().map(|t| text[t.span.range()].to_owned()).collect()
    }

    #[test]
    fn words_numbers_and_marks() {
        for (text, want) in [
            ("No effusion.", vec!["No", "effusion", "."]),
            ("ground-glass", vec!["ground", "glass"]),
            ("a 1.5 cm nodule", vec!["a", "1.5", "cm", "nodule"]),
            ("15mm, L4-L5", vec!["15mm", ",", "L4", "L5"]),
            ("PTX (-)", vec!["PTX", "(", "-", ")"]),
            ("patient's heart", vec!["patient's", "heart"]),
            ("seen on [**2101-1-1**] now", vec!["seen", "on", "[**2101-1-1**]", "now"]),
            ("[ ] fracture", vec!["[", "]", "fracture"]),
            ("\u{d6}dem \u{2013} nein", vec!["\u{d6}dem", "\u{2013}", "nein"]),
            ("patient\u{2019}s", vec!["patient\u{2019}s"]),
            ("clear\u{2014}no", vec!["clear", "\u{2014}", "no"]),
        ] {
            assert_eq!(split(text), want, "{text}");
        }
    }
}
