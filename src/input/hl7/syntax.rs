//! The grammar of HL7 v2: separators, segments, fields, components.
//!
//! Split by hand and lazily, for the grammar is five separators deep and a report needs a dozen fields of it. The
//! crate `hl7-parser` 0.3 was looked at: it builds every field down to the subcomponent, takes five characters of
//! MSH whatever they are, ends a message without a word at the first line that is no segment (a line break inside a
//! report's text), decodes `\.br\` alone of the formatting commands, and its errors quote the input.

use super::escape;
use super::frame::{BLOCK_END, BLOCK_START};
use std::borrow::Cow;

/// What parts the fields of a message (MSH-1) and what is in them (MSH-2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Separators {
    pub(super) field: char,
    pub(super) component: char,
    pub(super) repetition: Option<char>,
    pub(super) escape: Option<char>,
    pub(super) subcomponent: Option<char>,
}

impl Default for Separators {
    fn default() -> Self {
        Separators { field: '|', component: '^', repetition: Some('~'), escape: Some('\\'), subcomponent: Some('&') }
    }
}

impl Separators {
    /// Reads MSH-1 and MSH-2 of an MSH segment.
    pub(super) fn read(msh: &str) -> Result<Separators, String> {
        let expected = "expected four marks, usually ^~\\&";
        let mut chars = msh.chars().skip(3);
        let Some(field) = chars.next().filter(char::is_ascii_punctuation) else {
            return Err("MSH-1 (the field separator) is no mark of punctuation; expected usually |".to_owned());
        };
        let mut marks: Vec<char> = chars.take_while(|&c| c != field && c != '\r' && c != '\n').collect();
        // The escape character was lost on the way, as it is in most programming languages.
        match marks[..] {
            [_, _, '&'] if field != '\\' && !marks.contains(&'\\') => marks.insert(2, '\\'),
            [_, _, lost, '&'] if field != '\\' && !lost.is_ascii_punctuation() => marks[2] = '\\',
            _ => {}
        }
        if marks.is_empty() {
            return Err(format!("MSH-2 (the encoding characters) is missing; {expected}"));
        }
        if marks.len() > 5 || marks.iter().any(|c| !c.is_ascii_punctuation()) {
            let size = marks.len();
            return Err(format!(
                "MSH-2 (the encoding characters) is {size} characters that are no separators; {expected}"
            ));
        }
        if marks.iter().enumerate().any(|(i, c)| marks[..i].contains(c)) {
            return Err(format!("MSH-2 (the encoding characters) has one mark twice; {expected}, each once"));
        }
        Ok(Separators {
            field,
            component: marks[0],
            repetition: marks.get(1).copied(),
            escape: marks.get(2).copied(),
            subcomponent: marks.get(3).copied(),
        })
    }

    /// The parts of a field's text between repetition separators.
    pub(super) fn repeats<'a>(&self, field: &'a str) -> impl Iterator<Item = &'a str> {
        split(field, self.repetition)
    }

    /// The first component of a field's first repeat, decoded; `None` where it is empty or null.
    pub(super) fn first(&self, field: &str) -> Option<String> {
        self.component(self.repeats(field).next()?, 1)
    }

    /// A component (from 1; of it the first subcomponent), decoded; `None` where it is empty or null.
    pub(super) fn component(&self, repeat: &str, number: usize) -> Option<String> {
        self.subcomponent(repeat, number, 1)
    }

    /// A subcomponent (from 1), decoded; `None` where it is empty or null.
    pub(super) fn subcomponent(&self, repeat: &str, component: usize, number: usize) -> Option<String> {
        let component = repeat.split(self.component).nth(component - 1)?;
        let raw = split(component, self.subcomponent).nth(number - 1)?;
        let value = self.decoded(raw);
        let value = value.trim();
        (!value.is_empty() && value != NULL).then(|| value.to_owned())
    }

    /// A text without its escape sequences.
    pub(super) fn decoded<'a>(&self, raw: &'a str) -> Cow<'a, str> {
        if !raw.contains(|c| Some(c) == self.escape || c == '\r') {
            return Cow::Borrowed(raw);
        }
        let mut out = String::with_capacity(raw.len());
        escape::decode(raw, self, &mut out);
        Cow::Owned(out)
    }
}

/// What a sender writes to delete a value.
pub(super) const NULL: &str = "\"\"";

fn split(text: &str, separator: Option<char>) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let now = rest?;
        match separator.and_then(|s| now.split_once(s)) {
            Some((part, more)) => {
                rest = Some(more);
                Some(part)
            }
            None => rest.take(),
        }
    })
}

/// One segment: all lines up to the next segment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Segment<'a> {
    /// `OBX`.
    pub(super) name: &'a str,
    /// Its place in the message, from 1.
    pub(super) number: usize,
    raw: &'a str,
    separator: char,
}

impl<'a> Segment<'a> {
    /// A field, raw: its number as in the standard. Of an MSH, the first is the field separator itself.
    pub(super) fn field(&self, number: usize) -> &'a str {
        let number = if self.name == "MSH" { number.saturating_sub(1) } else { number };
        self.raw.split(self.separator).nth(number).unwrap_or("").trim_end_matches(['\r', '\n'])
    }

    /// How many fields there are.
    pub(super) fn width(&self) -> usize {
        self.raw.split(self.separator).count() - 1
    }
}

/// A message, taken apart.
pub(super) type Parts<'a> = (Separators, Vec<Segment<'a>>);

/// The MSH segment and all after it, without the envelope of a batch or MLLP's marks. `None` where there is no MSH.
pub(super) fn segments(message: &str) -> Option<Result<Parts<'_>, String>> {
    let mark = [char::from(BLOCK_START), char::from(BLOCK_END), '\u{feff}'];
    let opening = |line: &str| {
        let line = line.trim_start_matches(mark);
        line.strip_prefix("MSH").is_some_and(|rest| !rest.starts_with(char::is_alphanumeric))
    };
    let (start, line) = lines(message).find(|(_, line)| opening(line))?;
    let start = start + line.len() - line.trim_start_matches(mark).len();
    let (before, message) = message.split_at(start);
    let end = message.find(char::from(BLOCK_END));
    if end.is_none() && before.ends_with(char::from(BLOCK_START)) {
        return Some(Err("the message is cut: MLLP's start mark (0x0B) has no end mark (0x1C)".to_owned()));
    }
    Some(parts(&message[..end.unwrap_or(message.len())]))
}

fn parts(message: &str) -> Result<Parts<'_>, String> {
    let separators = Separators::read(message)?;
    let mut starts = Vec::new();
    for (at, line) in lines(message) {
        if opens(line, separators.field) || envelope(line) {
            starts.push(at);
        } else if let Some(name) = misparted(line) {
            return Err(format!(
                "segment {} ({name}) goes on with another mark than the field separator that MSH-1 names",
                starts.len() + 1
            ));
        }
    }
    let ends = starts.iter().skip(1).copied().chain([message.len()]);
    let pieces = starts.iter().zip(ends).map(|(&from, to)| &message[from..to]).filter(|raw| !envelope(raw));
    let segments =
        pieces.enumerate().map(|(i, raw)| Segment { name: &raw[..3], number: i + 1, raw, separator: separators.field });
    Ok((separators, segments.collect()))
}

/// Lines and where they begin, whatever ends them.
fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let rest = text.get(at..).filter(|r| !r.is_empty())?;
        let start = at;
        let end = memchr::memchr2(b'\r', b'\n', rest.as_bytes()).unwrap_or(rest.len());
        at += (end + 1).min(rest.len()).max(1);
        Some((start, &rest[..end]))
    })
}

/// A segment's three characters and the field separator.
fn opens(line: &str, separator: char) -> bool {
    named(line) && line[3..].starts_with(separator)
}

fn named(line: &str) -> bool {
    matches!(line.as_bytes(), [a, b, c, ..] if a.is_ascii_uppercase()
        && [b, c].iter().all(|x| x.is_ascii_uppercase() || x.is_ascii_digit()))
}

/// A segment of the envelope of a batch. It may have separators of its own.
fn envelope(line: &str) -> bool {
    named(line)
        && matches!(&line[..3], "FHS" | "BHS" | "BTS" | "FTS")
        && line[3..].chars().next().is_none_or(|c| c.is_ascii_punctuation() || c.is_ascii_whitespace())
}

/// A segment that every report has, with another separator than MSH-1 names.
fn misparted(line: &str) -> Option<&str> {
    let name = line.get(..3).filter(|n| matches!(*n, "PID" | "PV1" | "ORC" | "OBR" | "OBX"))?;
    line[3..].starts_with(['|', '^', '~', '&', '#', '!', '$', ';', '\t']).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_separators() {
        let marks = |msh: &str| {
            Separators::read(msh).map(|s| {
                [Some(s.field), Some(s.component), s.repetition, s.escape, s.subcomponent]
                    .map(|c| c.unwrap_or(' '))
                    .iter()
                    .collect::<String>()
            })
        };
        assert_eq!(marks("MSH|^~\\&|LAB").as_deref(), Ok("|^~\\&"));
        assert_eq!(marks("MSH|^~\\&#|LAB").as_deref(), Ok("|^~\\&"));
        assert_eq!(marks("MSH#*+?!#LAB").as_deref(), Ok("#*+?!"));
        assert_eq!(marks("MSH|^~&|LAB").as_deref(), Ok("|^~\\&"));
        assert_eq!(marks("MSH|^|LAB").as_deref(), Ok("|^   "));
        assert_eq!(marks("MSH|^~\\&").as_deref(), Ok("|^~\\&"));
        for (msh, says) in [
            ("MSH", "MSH-1"),
            ("MSH |", "MSH-1"),
            ("MSH||LAB|", "is missing"),
            ("MSH|", "is missing"),
            ("MSH|LAB|HOSPITAL", "3 characters that are no separators"),
            ("MSH|^^\\&|", "twice"),
            ("MSH|^~\\&#!|", "6 characters"),
            ("MSH|^~\\\\&|", "twice"),
        ] {
            assert!(marks(msh).is_err_and(|e| e.contains(says)), "{msh}");
        }
    }

    #[test]
    fn splits() {
        let message =
            "FHS|x\r\u{b}MSH|^~\\&|A|B\rOBX|1|TX|a^b&c~\"\"||one\ntwo: OBX 3\n\nthree|u\rBTS#1\rNTE|1\r\u{1c}\r";
        let found = segments(message).and_then(Result::ok);
        let Some((separators, segments)) = found else { panic!("no segments") };
        let names: Vec<&str> = segments.iter().map(|s| s.name).collect();
        assert_eq!(names, ["MSH", "OBX", "NTE"]);
        assert_eq!([1, 2, 3, 4, 5].map(|n| segments[0].field(n)), ["MSH", "^~\\&", "A", "B", ""]);
        assert_eq!(segments[1].field(5), "one\ntwo: OBX 3\n\nthree");
        assert_eq!((segments[1].width(), segments[2].field(1)), (6, "1"));
        let field = segments[1].field(3);
        assert_eq!(separators.subcomponent(field, 2, 2).as_deref(), Some("c~\"\""));
        assert_eq!(separators.repeats(field).collect::<Vec<_>>(), ["a^b&c", "\"\""]);
        assert_eq!(separators.first("\"\"~x"), None);
        assert!(super::segments("PID|1").is_none());
        assert!(super::segments("MSH|^~\\&|\rPID^1").is_some_and(|r| r.is_err_and(|e| e.contains("segment 2"))));
    }
}
