//! A stream of bytes -> messages of HL7 v2: looks for ends only.
//!
//! A message runs from its `MSH` to the next one, so the records tile the stream and nothing between two messages
//! (MLLP's marks, the envelope segments FHS, BHS, BTS and FTS) needs a grammar here: [`super::read`] skips it.
//! All that is taken for granted are the three letters at the start of a segment, whatever ends the segments
//! (`\r`, `\n`, `\r\n`, or MLLP's marks).

use crate::input::Gravity;
use encoding_rs::Encoding;
use memchr::memmem;

/// MLLP: stands before a message.
pub(super) const BLOCK_START: u8 = 0x0b;
/// MLLP: stands after a message, before a `\r`.
pub(super) const BLOCK_END: u8 = 0x1c;

/// Finds the ends of messages in a buffer that grows.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Frames {
    /// Nothing before this place is looked at again.
    pub(crate) at: usize,
    /// The `MSH` of the message that is being looked for was passed.
    pub(crate) opened: bool,
}

impl Frames {
    /// The end of the record that begins at `start`, or `None` where the buffer must grow first. When the stream
    /// has `ended`, what is left is the last record (and there is none where nothing is left). After a record the
    /// same value goes on with `start` at its end; where bytes were taken from the buffer, the caller moves `at`.
    pub(crate) fn end(&mut self, bytes: &[u8], start: usize, ended: bool) -> Option<usize> {
        self.at = self.at.max(start);
        while let Some(found) = bytes.get(self.at..).and_then(|rest| memmem::find(rest, b"MSH")) {
            let msh = self.at + found;
            let Some(separator) = bytes.get(msh + 3) else {
                // The next byte decides.
                self.at = msh;
                break;
            };
            let opens = msh == start || starts_segment(bytes, start, msh);
            if !opens || separator.is_ascii_alphanumeric() || separator.is_ascii_whitespace() {
                self.at = msh + 3;
            } else if self.opened {
                let marked = msh > start && bytes[msh - 1] == BLOCK_START;
                let end = msh - usize::from(marked);
                *self = Frames { at: end, opened: false };
                return Some(end);
            } else {
                self.opened = true;
                self.at = msh + 3;
            }
        }
        if ended {
            *self = Frames { at: bytes.len(), opened: false };
            return (start < bytes.len()).then_some(bytes.len());
        }
        // The last bytes may be the first of another `MSH`.
        self.at = self.at.max(bytes.len().saturating_sub(3)).max(start);
        None
    }
}

fn starts_segment(bytes: &[u8], start: usize, at: usize) -> bool {
    match at.checked_sub(1).filter(|&p| p >= start).map(|p| bytes[p]) {
        None | Some(b'\r' | b'\n' | BLOCK_START | BLOCK_END) => true,
        // A byte order mark.
        Some(0xbf) => bytes[start..at].ends_with(b"\xef\xbb\xbf"),
        Some(_) => false,
    }
}

/// Whether a source that begins so holds messages of HL7 v2: `MSH`, `FHS` or `BHS` and a mark of punctuation, after
/// white space, a byte order mark or MLLP's start mark.
pub(crate) fn looks_like(head: &[u8]) -> bool {
    let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    let blank = |b: &u8| b.is_ascii_whitespace() || *b == BLOCK_START;
    let from = head.iter().position(|b| !blank(b)).unwrap_or(head.len());
    matches!(&head[from..], [b'M' | b'F' | b'B', b'S' | b'H', b'H' | b'S', mark, ..] if mark.is_ascii_punctuation())
        && matches!(&head[from..from + 3], b"MSH" | b"FHS" | b"BHS")
}

/// What tells that the last message of a stream that began so may be cut. Nothing but MLLP, which is looked at message
/// by message, and the trailers of a batch mark an end for certain.
pub(crate) fn odd_end(head: &[u8], last: &[u8]) -> Option<(Gravity, String)> {
    if last.contains(&BLOCK_END) || last.first() == Some(&BLOCK_START) {
        return None;
    }
    let named = |bytes: &[u8], name: &[u8]| {
        memmem::find_iter(bytes, name)
            .any(|at| starts_segment(bytes, 0, at) && bytes.get(at + 3).is_none_or(u8::is_ascii_punctuation))
    };
    let head = &head[..memmem::find(head, b"MSH").unwrap_or(head.len())];
    let missing = [("FHS", "FTS"), ("BHS", "BTS")]
        .into_iter()
        .find(|(begin, end)| named(head, begin.as_bytes()) && !named(last, end.as_bytes()));
    if let Some((begin, end)) = missing {
        let message = format!("the source is cut off: it begins with {begin} and has no {end} after its last message");
        return Some((Gravity::Problem, message));
    }
    let ends = last.last().is_none_or(|b| matches!(b, b'\r' | b'\n'));
    let message = "the last segment does not end with a carriage return: the message may be cut";
    (!ends).then(|| (Gravity::Warning, message.to_owned()))
}

/// The encoding that a message says it has (MSH-18, HL7 table 0211), where that decides anything: ASCII does not.
pub(crate) fn charset(message: &[u8]) -> Option<&'static Encoding> {
    let msh = memmem::find_iter(message, b"MSH").find(|&at| starts_segment(message, 0, at))?;
    let line = &message[msh..];
    let line = &line[..memchr::memchr2(b'\r', b'\n', line).unwrap_or(line.len())];
    let separator = *line.get(3)?;
    let field = line.split(|&b| b == separator).nth(17)?;
    // The first of several is the one that holds where no escape switches.
    let field = std::str::from_utf8(field).ok()?.split(['~', '^']).next()?.trim().to_ascii_uppercase();
    let label = match field.as_str() {
        "UNICODE UTF-8" | "UTF-8" | "UTF8" | "UNICODE" => "utf-8",
        "GB 18030-2000" | "GB18030" => "gb18030",
        "BIG-5" | "BIG5" | "CNS 11643-1992" => "big5",
        "KS X 1001" | "KSC5601" => "euc-kr",
        "ISO IR14" | "ISO IR87" | "ISO IR159" => "iso-2022-jp",
        other => {
            let part = other.strip_prefix("8859/").or_else(|| other.strip_prefix("8859-"));
            let part = part.or_else(|| other.strip_prefix("ISO-8859-")).or_else(|| other.strip_prefix("ISO 8859-"))?;
            return Encoding::for_label(format!("iso-8859-{part}").as_bytes());
        }
    };
    Encoding::for_label(label.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(bytes: &[u8], step: usize) -> Vec<Vec<u8>> {
        let (mut frames, mut start, mut held) = (Frames::default(), 0, step.min(bytes.len()));
        let mut records = Vec::new();
        loop {
            let ended = held == bytes.len();
            match frames.end(&bytes[..held], start, ended) {
                Some(end) => {
                    records.push(bytes[start..end].to_vec());
                    start = end;
                }
                None if ended => return records,
                None => held = (held + step).min(bytes.len()),
            }
        }
    }

    #[test]
    fn cuts_whatever_ends_the_segments() {
        let cases: [(&str, &[&str]); 9] = [
            ("", &[]),
            ("MSH|a\rOBX|MSH|b\rMSH|c\r", &["MSH|a\rOBX|MSH|b\r", "MSH|c\r"]),
            ("MSH|a\nPID|1\nMSH|c", &["MSH|a\nPID|1\n", "MSH|c"]),
            ("MSH|a\r\nPID|1\r\nMSH|c", &["MSH|a\r\nPID|1\r\n", "MSH|c"]),
            ("\u{b}MSH|a\r\u{1c}\r\u{b}MSH|b\r\u{1c}\r", &["\u{b}MSH|a\r\u{1c}\r", "\u{b}MSH|b\r\u{1c}\r"]),
            ("FHS|x\rBHS|x\rMSH|a\rMSH|b\rBTS|2\rFTS|1\r", &["FHS|x\rBHS|x\rMSH|a\r", "MSH|b\rBTS|2\rFTS|1\r"]),
            ("\u{feff}MSH|a\rMSH|b", &["\u{feff}MSH|a\r", "MSH|b"]),
            ("MSH#a\rMSHA is no segment\rMSH\rxMSH|\rMSH", &["MSH#a\rMSHA is no segment\rMSH\rxMSH|\rMSH"]),
            ("no message", &["no message"]),
        ];
        for (bytes, expected) in cases {
            for step in [1, 2, 3, 4, 5, 7, 1000] {
                let found: Vec<String> =
                    cut(bytes.as_bytes(), step).iter().map(|r| String::from_utf8_lossy(r).into_owned()).collect();
                assert_eq!(found, expected, "step {step}");
            }
        }
    }

    #[test]
    fn recognises() {
        for head in ["MSH|^~\\&", "\u{b}MSH|", "\n MSH#", "FHS|", "BHS^", "\u{feff}MSH|"] {
            assert!(looks_like(head.as_bytes()), "{head}");
        }
        for head in ["", "MSH", "MSHA|", "MHS|", "BSH|", "id,text\n", "MSH report", "OBX|1"] {
            assert!(!looks_like(head.as_bytes()), "{head}");
        }
    }

    #[test]
    fn reads_the_character_set() {
        let name = |set: &str| {
            charset(format!("\u{b}MSH|^~\\&|A|B|C|D|2024||ORU^R01|1|P|2.5|||||USA|{set}\rPID|").as_bytes())
                .map(Encoding::name)
        };
        assert_eq!(name("8859/1"), Some("windows-1252"));
        assert_eq!(name("8859/15~UNICODE"), Some("ISO-8859-15"));
        assert_eq!(name("UNICODE UTF-8|"), Some("UTF-8"));
        assert_eq!(name("~ISO IR87"), None);
        assert_eq!(name("ASCII"), None);
        assert_eq!(charset(b"MSH|"), None);
    }
}
