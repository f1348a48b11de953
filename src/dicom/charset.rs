//! Bytes of a DICOM text value -> text, by the file's Specific Character Set (0008,0005).
//!
//! With code extensions (ISO 2022) an escape sequence changes the set in the middle of a value; each stretch is
//! then read in its own. Knows nothing of elements.

use encoding_rs::{Encoding, UTF_8, WINDOWS_1252};

const ESCAPE: u8 = 0x1B;

/// The character sets that a data set declares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Charset {
    /// `None` where none is declared, or only the default repertoire.
    first: Option<&'static Encoding>,
    /// The set is not known: what is not ASCII becomes U+FFFD.
    ascii: bool,
}

impl Charset {
    /// Of a data set that declares none.
    pub(super) const NONE: Charset = Charset { first: None, ascii: false };
    /// Of a data set whose character set is not known.
    pub(super) const UNKNOWN: Charset = Charset { first: None, ascii: true };

    /// Reads the values of Specific Character Set. The error names what is not known.
    pub(super) fn of(declared: &str) -> Result<Charset, String> {
        let mut first = None;
        for (number, term) in declared.split('\\').map(str::trim).enumerate() {
            let encoding = encoding(term)?;
            if number == 0 {
                first = encoding;
            }
        }
        Ok(Charset { first, ascii: false })
    }

    /// The text of a value. What its set does not hold becomes U+FFFD.
    pub(super) fn decode(self, bytes: &[u8]) -> String {
        if bytes.is_ascii() && !bytes.contains(&ESCAPE) {
            return String::from_utf8_lossy(bytes).into_owned();
        }
        if self.ascii {
            return bytes
                .iter()
                .map(|&b| if b.is_ascii() { char::from(b) } else { char::REPLACEMENT_CHARACTER })
                .collect();
        }
        // Text beyond ASCII under the default repertoire is a fault of the writer, and most write UTF-8 or Latin 1.
        let Some(first) = self.first.or(bytes.contains(&ESCAPE).then_some(WINDOWS_1252)) else {
            return std::str::from_utf8(bytes)
                .map_or_else(|_| WINDOWS_1252.decode_without_bom_handling(bytes).0.into_owned(), str::to_owned);
        };
        if matches!(first.name(), "UTF-8" | "gb18030" | "GBK") || !bytes.contains(&ESCAPE) {
            return first.decode_without_bom_handling(bytes).0.into_owned();
        }
        stretches(bytes, first)
    }
}

/// Reads a value with escape sequences: each holds until the next, or until the end of a line.
fn stretches(bytes: &[u8], first: &'static Encoding) -> String {
    let mut text = String::new();
    let mut set = Set::Plain(first);
    let mut rest = bytes;
    while !rest.is_empty() {
        if let Some((length, new)) = designated(rest, first) {
            set = new;
            rest = &rest[length..];
            continue;
        }
        let next = rest.iter().skip(1).position(|&b| b == ESCAPE || b == b'\n').map_or(rest.len(), |at| at + 1);
        let (stretch, more) = rest.split_at(next);
        match set {
            Set::Plain(encoding) => text.push_str(&encoding.decode_without_bom_handling(stretch).0),
            Set::Japanese(escape) => {
                let whole = [escape, stretch].concat();
                text.push_str(&encoding_rs::ISO_2022_JP.decode_without_bom_handling(&whole).0);
            }
        }
        if more.first() == Some(&b'\n') {
            set = Set::Plain(first);
        }
        rest = more;
    }
    text
}

#[derive(Clone, Copy)]
enum Set {
    Plain(&'static Encoding),
    /// A set of two bytes a character; the escape sequence that `ISO-2022-JP` knows it by.
    Japanese(&'static [u8]),
}

/// The set that an escape sequence at the start of these bytes calls, and its length.
fn designated(bytes: &[u8], first: &'static Encoding) -> Option<(usize, Set)> {
    let label = |label: &str| Set::Plain(Encoding::for_label(label.as_bytes()).unwrap_or(first));
    if bytes.first() != Some(&ESCAPE) {
        return None;
    }
    Some(match bytes.get(1..)? {
        [b'$', b')', b'C', ..] => (4, label("euc-kr")),
        [b'$', b')', b'A', ..] => (4, label("gbk")),
        [b'$', b'B' | b'@', ..] => (3, Set::Japanese(b"\x1b$B")),
        // JIS X 0212 has no reader; its stretch is told by U+FFFD.
        [b'$', b'(', b'D', ..] => (4, Set::Japanese(b"\x1b$(D")),
        [b')', b'I', ..] => (3, label("shift_jis")),
        // ASCII and JIS X 0201 Romaji: the second half stays that of the first set.
        [b'(', b'B' | b'J', ..] => (3, Set::Plain(first)),
        [b'-', set, ..] => {
            let known = match set {
                b'A' => "iso-8859-1",
                b'B' => "iso-8859-2",
                b'C' => "iso-8859-3",
                b'D' => "iso-8859-4",
                b'F' => "iso-8859-7",
                b'G' => "iso-8859-6",
                b'H' => "iso-8859-8",
                b'L' => "iso-8859-5",
                b'M' => "iso-8859-9",
                b'T' => "tis-620",
                b'b' => "iso-8859-15",
                _ => return None,
            };
            (3, label(known))
        }
        _ => return None,
    })
}

/// The encoding of a defined term; `None` for the default repertoire.
fn encoding(term: &str) -> Result<Option<&'static Encoding>, String> {
    let number = term.trim_start_matches("ISO").trim_start_matches([' ', '_', '2', '0']).trim_start_matches("IR");
    let label = match number.trim_start_matches([' ', '_']) {
        "" | "6" => return Ok(None),
        "100" => "iso-8859-1",
        "101" => "iso-8859-2",
        "109" => "iso-8859-3",
        "110" => "iso-8859-4",
        "126" => "iso-8859-7",
        "127" => "iso-8859-6",
        "138" => "iso-8859-8",
        "144" => "iso-8859-5",
        "148" => "iso-8859-9",
        "166" => "tis-620",
        "203" => "iso-8859-15",
        "13" | "87" | "159" => "shift_jis",
        "149" => "euc-kr",
        "58" | "GBK" => "gbk",
        "192" => return Ok(Some(UTF_8)),
        "GB18030" => "gb18030",
        _ => return Err(format!("unknown character set of {} characters in (0008,0005)", term.len())),
    };
    Ok(Encoding::for_label(label.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn declared_sets() {
        let text = |declared: &str, bytes: &[u8]| Charset::of(declared).map(|c| c.decode(bytes));
        for (declared, bytes, expected) in [
            ("", &b"Buc^J\xe9r\xf4me"[..], "Buc^J\u{e9}r\u{f4}me"),
            ("", "caf\u{e9}".as_bytes(), "caf\u{e9}"),
            ("ISO_IR 100", b"Buc^J\xe9r\xf4me", "Buc^J\u{e9}r\u{f4}me"),
            ("ISO_IR 144", b"\xbb\xee", "\u{41b}\u{44e}"),
            ("ISO_IR 192", "\u{2264} 5 mm".as_bytes(), "\u{2264} 5 mm"),
            ("GB18030", b"\xcd\xf5", "\u{738b}"),
            ("\\ISO 2022 IR 87", b"Yamada=\x1b$B;3ED\x1b(B!", "Yamada=\u{5c71}\u{7530}!"),
            ("ISO 2022 IR 13\\ISO 2022 IR 87", b"\xd4\xcf=\x1b$B;3\x1b(J.", "\u{ff94}\u{ff8f}=\u{5c71}."),
            ("\\ISO 2022 IR 149", b"\x1b$)C\xb1\xe8 x", "\u{ae40} x"),
            ("ISO 2022 IR 6\\ISO 2022 IR 100\\ISO 2022 IR 126", b"a\x1b-A\xe9\x1b-F\xe1", "a\u{e9}\u{3b1}"),
        ] {
            assert_eq!(text(declared, bytes), Ok(expected.to_owned()), "{declared}");
        }
        let unknown = text("ISO_IR 999", b"");
        assert_eq!(unknown, Err("unknown character set of 10 characters in (0008,0005)".to_owned()));
    }
}
