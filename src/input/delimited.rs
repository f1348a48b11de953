//! Tables (CSV, TSV): where a record ends, and its cells.
//!
//! Quoting after RFC 4180: a quote opens a cell only as its first character, and a quote within is doubled.
//! The cutter only looks for line ends outside quotes; cells are parsed by the threads that analyse.
//! A quote that breaks the rules may have swallowed rows, so its record is told rather than guessed at.

use memchr::{memchr, memchr2};

/// Looks for the end of a row in bytes that arrive in pieces.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Rows {
    /// Inside a quoted cell.
    quoted: bool,
}

impl Rows {
    /// One past the line break that ends the row that begins at `start`; `at` is how far the bytes were looked at.
    /// `before` is the byte that stood before `start` where the row's own beginning was dropped.
    pub(crate) fn end(
        &mut self,
        delimiter: u8,
        at: &mut usize,
        bytes: &[u8],
        start: usize,
        before: Option<u8>,
    ) -> Option<usize> {
        loop {
            if self.quoted {
                let Some(p) = memchr(b'"', &bytes[*at..]).map(|p| *at + p) else {
                    *at = bytes.len();
                    return None;
                };
                // Whether the quote closes or is one of two is known only with the next byte.
                let Some(&next) = bytes.get(p + 1) else {
                    *at = p;
                    return None;
                };
                self.quoted = next == b'"';
                *at = p + 1 + usize::from(self.quoted);
                continue;
            }
            let Some(p) = memchr2(b'"', b'\n', &bytes[*at..]).map(|p| *at + p) else {
                *at = bytes.len();
                return None;
            };
            *at = p + 1;
            if bytes[p] == b'\n' {
                return Some(p + 1);
            }
            let previous = if p > start { Some(bytes[p - 1]) } else { before };
            self.quoted = previous.is_none_or(|b| b == delimiter);
        }
    }

    /// At the end of the bytes: a quoted cell was never closed.
    pub(crate) fn is_open(self, at: usize, bytes: &[u8]) -> bool {
        self.quoted && bytes.get(at) != Some(&b'"')
    }
}

/// One cell of a record: its bytes without the quotes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cell {
    start: usize,
    end: usize,
    doubled: bool,
}

impl Cell {
    /// The cell's text, with doubled quotes made single.
    pub(crate) fn text<'a>(&self, record: &'a str) -> std::borrow::Cow<'a, str> {
        let text = &record[self.start..self.end];
        if self.doubled { text.replace("\"\"", "\"").into() } else { text.into() }
    }
}

/// The cells of a record. Gives what is wrong with its quotes, if anything is.
pub(crate) fn cells(record: &str, delimiter: u8, cells: &mut Vec<Cell>) -> Result<(), &'static str> {
    cells.clear();
    let bytes = record.as_bytes();
    let mut at = 0;
    loop {
        if bytes.get(at) == Some(&b'"') {
            let start = at + 1;
            let mut doubled = false;
            let mut from = start;
            let end = loop {
                let Some(p) = memchr(b'"', &bytes[from..]) else {
                    return Err("a quoted cell is never closed");
                };
                if bytes.get(from + p + 1) != Some(&b'"') {
                    break from + p;
                }
                doubled = true;
                from += p + 2;
            };
            cells.push(Cell { start, end, doubled });
            at = end + 1;
            match bytes.get(at) {
                None => return Ok(()),
                Some(&b) if b == delimiter => at += 1,
                Some(_) => {
                    return Err("a quote inside a quoted cell is not doubled; rows may be run together");
                }
            }
        } else {
            let end = memchr(delimiter, &bytes[at..]).map(|p| at + p);
            cells.push(Cell { start: at, end: end.unwrap_or(bytes.len()), doubled: false });
            match end {
                Some(end) => at = end + 1,
                None => return Ok(()),
            }
        }
    }
}

/// The record without its line break.
pub(crate) fn trimmed(record: &[u8]) -> &[u8] {
    let record = record.strip_suffix(b"\n").unwrap_or(record);
    record.strip_suffix(b"\r").unwrap_or(record)
}

/// The delimiter of a table that calls itself CSV: the most frequent in its header line outside quotes.
pub(crate) fn delimiter(header: &[u8]) -> u8 {
    let mut quoted = false;
    let mut counts = [(0_usize, b','), (0, b';'), (0, b'\t')];
    for &byte in header {
        quoted ^= byte == b'"';
        if let Some(count) = counts.iter_mut().find(|c| c.1 == byte && !quoted) {
            count.0 += 1;
        }
    }
    // Of equals the earlier wins: `max_by_key` gives the last.
    counts.iter().rev().max_by_key(|c| c.0).map_or(b',', |c| c.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_cells() {
        let read = |record: &str| {
            let mut found = Vec::new();
            cells(record, b',', &mut found)
                .map(|()| found.iter().map(|c| c.text(record).into_owned()).collect::<Vec<_>>())
        };
        assert_eq!(
            read("1,\"a \"\"b\"\", c\",,5\" tube"),
            Ok(vec!["1".into(), "a \"b\", c".into(), String::new(), "5\" tube".into()])
        );
        assert_eq!(read("a,").map(|c| c.len()), Ok(2));
        assert!(read("1,\"a\"b").is_err());
        assert!(read("1,\"a").is_err());
    }

    #[test]
    fn guesses_delimiters() {
        assert_eq!(delimiter(b"id;text;date"), b';');
        assert_eq!(delimiter(b"id\ttext"), b'\t');
        assert_eq!(delimiter(b"text"), b',');
        assert_eq!(delimiter(b"\"a;b;c\",d"), b',');
    }
}
