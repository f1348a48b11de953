//! OBX and NTE segments -> the text of a report.
//!
//! Text (TX, FT, ST) stands as it is, a line for each segment and each repeat: senders cut reports into lines so.
//! Anything else says what it is first: `Ejection fraction: 55 %`. Encapsulated plain text (ED) is decoded; a PDF, an
//! image or a pointer (RP) is told as unread. OBX-3 may name a section, by the suffix of HL7 v2.2 (`&IMP`), by LOINC
//! or in words: that section gets a heading, where its text does not open with one.

use super::syntax::{NULL, Segment, Separators};
use crate::input::encoding::decode_guessed;
use base64::Engine as _;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use std::borrow::Cow;

/// Codes of OBX-3 that name a section: suffixes of HL7 v2.2 and LOINC.
const CODES: [(&str, &str); 22] = [
    ("IMP", "IMPRESSION"),
    ("19005-8", "IMPRESSION"),
    ("55110-1", "IMPRESSION"),
    ("GDT", "FINDINGS"),
    ("18782-3", "FINDINGS"),
    ("59776-5", "FINDINGS"),
    ("REC", "RECOMMENDATION"),
    ("18783-1", "RECOMMENDATION"),
    ("ADT", "ADDENDUM"),
    ("55107-7", "ADDENDUM"),
    ("18785-6", "INDICATION"),
    ("29299-5", "INDICATION"),
    ("55108-5", "HISTORY"),
    ("11329-0", "HISTORY"),
    ("10164-2", "HISTORY"),
    ("CMS", "COMPARISON"),
    ("CMR", "COMPARISON"),
    ("18834-2", "COMPARISON"),
    ("55114-3", "COMPARISON"),
    ("55111-9", "TECHNIQUE"),
    ("TCM", "TECHNIQUE"),
    ("55112-7", "IMPRESSION"),
];
/// Words of OBX-3 that name a section.
const NAMES: [(&str, &str); 14] = [
    ("addendum", "ADDENDUM"),
    ("impression", "IMPRESSION"),
    ("impressions", "IMPRESSION"),
    ("conclusion", "IMPRESSION"),
    ("findings", "FINDINGS"),
    ("finding", "FINDINGS"),
    ("recommendation", "RECOMMENDATION"),
    ("recommendations", "RECOMMENDATION"),
    ("comparison", "COMPARISON"),
    ("technique", "TECHNIQUE"),
    ("indication", "INDICATION"),
    ("indications", "INDICATION"),
    ("reason", "INDICATION"),
    ("history", "HISTORY"),
];
/// A text that opens with one of these before a colon, or alone on its line, brings a heading of its own.
const HEADINGS: [&str; 33] = [
    "addendum",
    "amendment",
    "clinical",
    "comparison",
    "conclusion",
    "conclusions",
    "correction",
    "description",
    "diagnosis",
    "exam",
    "examination",
    "finding",
    "findings",
    "history",
    "impression",
    "impressions",
    "indication",
    "indications",
    "interpretation",
    "narrative",
    "observations",
    "opinion",
    "procedure",
    "protocol",
    "reason",
    "recommendation",
    "recommendations",
    "report",
    "result",
    "results",
    "study",
    "summary",
    "technique",
];
/// No heading has more words.
const MAX_WORDS: usize = 5;
/// Padding is often lost, and says nothing.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// The text of one report as it grows.
#[derive(Debug, Default)]
pub(super) struct Text {
    out: String,
    section: Option<&'static str>,
    /// Observations that are no addendum were read.
    body: bool,
    addendum: bool,
    /// The Study Instance UID that an observation gave.
    pub(super) study_uid: Option<String>,
    /// What was left out, and where.
    pub(super) unread: Vec<String>,
}

enum Value {
    Text(String),
    Uid(String),
    Unread(&'static str),
}

impl Text {
    /// Reads an OBX.
    pub(super) fn observation(&mut self, obx: &Segment<'_>, separators: &Separators) {
        let status = obx.field(11).trim();
        // Deleted, sent in error, the order's own details: no part of the report.
        if matches!(status, "D" | "W" | "O") {
            return;
        }
        let text = match value(obx, separators) {
            Value::Text(text) => text,
            Value::Uid(uid) => {
                self.study_uid.get_or_insert(uid);
                return;
            }
            Value::Unread(what) => {
                self.unread.push(format!("segment {} (OBX) holds {what}", obx.number));
                return;
            }
        };
        let added = matches!(status, "A" | "B");
        if !text.trim().is_empty() {
            if added && self.body && !self.addendum {
                self.addendum = true;
                self.enter("ADDENDUM", &text);
            }
            self.body |= !added;
            match section(obx.field(3), separators) {
                Some(section) if self.section != Some(section) => self.enter(section, &text),
                None if !obx.field(3).is_empty() && !self.addendum => self.leave(&text),
                _ => {}
            }
        }
        self.line(&text);
    }

    /// Reads an NTE that stands after an OBR or OBX.
    pub(super) fn note(&mut self, nte: &Segment<'_>, separators: &Separators) {
        let text = text(nte.field(3), separators);
        if !text.is_empty() {
            self.line(&text);
        }
    }

    /// The text, without blank lines at its ends.
    pub(super) fn finish(mut self) -> (String, Option<String>, Vec<String>) {
        self.out.truncate(self.out.trim_end().len());
        let blank = self.out.bytes().take_while(|b| matches!(b, b'\n' | b'\r')).count();
        self.out.drain(..blank);
        (self.out, self.study_uid, self.unread)
    }

    fn line(&mut self, text: &str) {
        self.out.push_str(text.trim_end_matches(['\n', '\r', ' ']));
        self.out.push('\n');
    }

    fn enter(&mut self, section: &'static str, text: &str) {
        self.section = Some(section);
        if !has_heading(text) {
            self.line(&format!("{section}:"));
        }
    }

    /// Text of no section after a section: what asks must not swallow what answers.
    fn leave(&mut self, text: &str) {
        if self.section.take().is_some() && !has_heading(text) {
            self.line("REPORT:");
        }
    }
}

fn section(identifier: &str, separators: &Separators) -> Option<&'static str> {
    let part = |component, number| separators.subcomponent(identifier, component, number);
    let codes = [part(1, 2), part(1, 1), part(4, 1), part(2, 1)];
    let code = |code: &String| CODES.iter().find(|(c, _)| c == code).map(|(_, s)| *s);
    if let Some(section) = codes.iter().flatten().find_map(code) {
        return Some(section);
    }
    [part(2, 1), part(1, 1), part(5, 1)].iter().flatten().find_map(|name| {
        let words: Vec<String> = words(name).collect();
        let mut named = NAMES.iter().filter(|(word, _)| words.iter().any(|w| w == word)).map(|(_, section)| *section);
        let first = named.next().filter(|_| words.len() <= MAX_WORDS)?;
        // "Findings and impression" is neither.
        named.all(|other| other == first || first == "ADDENDUM").then_some(first)
    })
}

fn words(text: &str) -> impl Iterator<Item = String> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty()).map(str::to_lowercase)
}

fn has_heading(text: &str) -> bool {
    let line = text.trim_start().lines().next().unwrap_or("");
    let known = |word: &String| HEADINGS.binary_search(&word.as_str()).is_ok();
    match line.split_once(':') {
        Some((heading, _)) => words(heading).nth(MAX_WORDS).is_none() && words(heading).any(|w| known(&w)),
        // "NO ACUTE FINDINGS" is none, and neither is "Normal study."
        None => !line.contains('.') && words(line).next().is_some() && words(line).all(|w| w == "and" || known(&w)),
    }
}

fn value(obx: &Segment<'_>, separators: &Separators) -> Value {
    let kind = obx.field(2).trim();
    let (identifier, raw) = (obx.field(3), obx.field(5));
    if let Some(uid) = uid(identifier, raw, separators) {
        return uid;
    }
    match kind {
        "TX" | "FT" | "ST" | "" => Value::Text(text(raw, separators)),
        "ED" => encapsulated(raw, separators),
        "RP" => Value::Unread("a pointer to data (RP) and no text"),
        _ => Value::Text(named(kind, obx, separators)),
    }
}

/// Text: each repeat a line. Separators inside it were not escaped by their sender and are text.
fn text(raw: &str, separators: &Separators) -> String {
    if raw == NULL {
        return String::new();
    }
    let lines: Vec<Cow<'_, str>> = separators.repeats(raw).map(|repeat| separators.decoded(repeat)).collect();
    lines.join("\n")
}

/// A UID of DICOM is no text; that of the study goes into the study key.
fn uid(identifier: &str, raw: &str, separators: &Separators) -> Option<Value> {
    let value = separators.first(raw)?;
    let dots = value.bytes().filter(|&b| b == b'.').count();
    if dots < 3 || !value.bytes().all(|b| b == b'.' || b.is_ascii_digit()) {
        return None;
    }
    let code = separators.component(identifier, 1).unwrap_or_default();
    let name = separators.component(identifier, 2).unwrap_or_default().to_lowercase();
    let study = matches!(code.as_str(), "110180" | "113014") || name.contains("study instance uid");
    match study {
        true => Some(Value::Uid(value)),
        false => (name.contains("uid") || code.to_lowercase().contains("uid")).then(|| Value::Text(String::new())),
    }
}

/// `identifier: value units`, values of several repeats parted by commas.
fn named(kind: &str, obx: &Segment<'_>, separators: &Separators) -> String {
    let coded = matches!(kind, "CE" | "CWE" | "CNE" | "CF");
    let value = |repeat: &str| -> Option<String> {
        let component = |number| separators.component(repeat, number);
        if coded {
            return component(2).or_else(|| component(5)).or_else(|| component(9)).or_else(|| component(1));
        }
        if kind == "SN" {
            // `>^100`, `1^:^128`
            let parts: String = (1..=4).filter_map(component).collect();
            return Some(parts).filter(|p| !p.is_empty());
        }
        // Of a type that is not known here, what comes first.
        (1..=4).find_map(component)
    };
    let values: Vec<String> = separators.repeats(obx.field(5)).filter_map(value).collect();
    if values.is_empty() {
        return String::new();
    }
    let mut out = String::new();
    let identifier = obx.field(3);
    if section(identifier, separators).is_none() {
        let component = |number| separators.component(identifier, number);
        if let Some(name) = component(2).or_else(|| component(5)).or_else(|| component(1)) {
            out.push_str(&name);
            out.push_str(": ");
        }
    }
    out.push_str(&values.join(", "));
    let units = obx.field(6);
    if let Some(units) = separators.component(units, 1).or_else(|| separators.component(units, 2)) {
        out.push(' ');
        out.push_str(&units);
    }
    out
}

/// ED: source, type, subtype, encoding, data.
fn encapsulated(raw: &str, separators: &Separators) -> Value {
    let mut parts = raw.splitn(5, separators.component);
    let mut part = || parts.next().unwrap_or("").trim().to_ascii_lowercase();
    let (_, kind, subtype, encoding) = (part(), part(), part(), part());
    let data = parts.next().unwrap_or("");
    let names = [kind.as_str(), subtype.as_str()];
    if names.iter().any(|n| n.contains("pdf")) {
        return Value::Unread("a PDF, which is not read");
    }
    if names.iter().any(|n| matches!(*n, "rtf" | "html" | "xml" | "im" | "image" | "audio" | "jpeg" | "dicom")) {
        return Value::Unread("encapsulated data that are no plain text, which are not read");
    }
    let data = separators.decoded(data);
    if encoding.contains("base64") || encoding.is_empty() && kind.contains("base64") {
        let packed: Vec<u8> = data.bytes().filter(|b| !b.is_ascii_whitespace()).collect();
        return match BASE64.decode(packed) {
            Ok(bytes) => plain(&bytes).map_or(Value::Unread("base64 data that are no plain text"), Value::Text),
            Err(_) => Value::Unread("base64 data that do not decode"),
        };
    }
    match encoding.as_str() {
        "" | "a" | "text" => plain(data.as_bytes()).map_or(Value::Unread("data that are no plain text"), Value::Text),
        _ => Value::Unread("encapsulated data in another encoding than base64"),
    }
}

fn plain(bytes: &[u8]) -> Option<String> {
    let head = bytes.trim_ascii_start();
    let marked = [&b"%PDF"[..], b"{\\rtf", b"<html", b"<HTML", b"<!DOCTYPE", b"<!doctype", b"<?xml"];
    if marked.iter().any(|m| head.starts_with(m)) || bytes.contains(&0) {
        return None;
    }
    let control = |b: &u8| matches!(b, 1..=8 | 14..=26 | 28..=31);
    if bytes.iter().filter(|b| control(b)).count() * 50 > bytes.len() {
        return None;
    }
    Some(decode_guessed(bytes).0.replace("\r\n", "\n").replace('\r', "\n"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::hl7::syntax;

    fn read(segments: &str) -> (String, Option<String>, Vec<String>) {
        let message = format!("MSH|^~\\&|\r{segments}");
        let mut text = Text::default();
        if let Some(Ok((separators, segments))) = syntax::segments(&message) {
            for segment in &segments {
                match segment.name {
                    "OBX" => text.observation(segment, &separators),
                    "NTE" => text.note(segment, &separators),
                    _ => {}
                }
            }
        }
        text.finish()
    }

    #[test]
    fn the_headings_are_sorted() {
        assert!(HEADINGS.is_sorted());
    }

    #[test]
    fn joins_text() {
        let cases = [
            (
                "OBX|1|TX|1^X||One~two|\rOBX|2|TX|1^X||\rOBX|3|FT|1^X||three\\.br\\ four  |\r",
                "One\ntwo\n\nthree\n four",
            ),
            ("OBX|1|ST|1||a^b & c\rNTE|1||note~more\rNTE|2||\"\"\rOBX|2|TX|1||\"\"\r", "a^b & c\nnote\nmore"),
            ("OBX|1||1||no type\r", "no type"),
            (
                "OBX|1|NM|10230-1^Ejection fraction^LN||55|%\rOBX|2|CE|1^Density||b^Scattered^L~^^^D^Dense^L\r\
                 OBX|3|SN|^Ratio||>^100\rOBX|4|CWE|X||A\rOBX|5|NM|X||\rOBX|6|DT|^Seen||20240102\r",
                "Ejection fraction: 55 %\nDensity: Scattered, Dense\nRatio: >100\nX: A\n\nSeen: 20240102",
            ),
            // Deleted, wrong, the order's.
            ("OBX|1|TX|1||a||||||D\rOBX|2|TX|1||b||||||W\rOBX|3|TX|1||c||||||O\rOBX|4|TX|1||d||||||F\r", "d"),
        ];
        for (segments, expected) in cases {
            assert_eq!(read(segments).0, expected, "{segments}");
        }
    }

    #[test]
    fn sections_get_headings() {
        let cases = [
            (
                "OBX|1|TX|71020&GDT^CHEST||Clear.\rOBX|2|TX|71020&GDT^CHEST||Heart normal.\r\
                 OBX|3|TX|71020&IMP^CHEST||Normal.\r",
                "FINDINGS:\nClear.\nHeart normal.\nIMPRESSION:\nNormal.",
            ),
            (
                "OBX|1|TX|18785-6^Reason^LN||Cough.\rOBX|2|TX|59776-5^F^LN||Lungs: clear.\rOBX|3|TX|^Impression||1. No.\r",
                "INDICATION:\nCough.\nFINDINGS:\nLungs: clear.\nIMPRESSION:\n1. No.",
            ),
            (
                "OBX|1|TX|&IMP||IMPRESSION: Fine.\rOBX|2|TX|&REC||Recommendations\\.br\\None.\r",
                "IMPRESSION: Fine.\nRecommendations\nNone.",
            ),
            ("OBX|1|TX|&GDT||EXAM: CT chest~Clear.\r", "EXAM: CT chest\nClear."),
            // No headings of their own.
            ("OBX|1|TX|&IMP||NO ACUTE FINDINGS\r", "IMPRESSION:\nNO ACUTE FINDINGS"),
            (
                "OBX|1|TX|&IMP||Findings discussed with Dr. N at 10:30.\r",
                "IMPRESSION:\nFindings discussed with Dr. N at 10:30.",
            ),
            ("OBX|1|TX|&IMP||FINDINGS AND IMPRESSION~No mass.\r", "FINDINGS AND IMPRESSION\nNo mass."),
            // No section after a section.
            (
                "OBX|1|TX|^Clinical history||Mass?\rOBX|2|TX|||More.\rOBX|3|TX|24627-2^CT||No mass.\r",
                "HISTORY:\nMass?\nMore.\nREPORT:\nNo mass.",
            ),
            ("OBX|1|TX|^Findings and impression||No mass.\r", "No mass."),
            ("OBX|1|TX|^Comparison||\rOBX|2|TX|^CT||No mass.\r", "No mass."),
            (
                "OBX|1|TX|^CT||No mass.||||||F\rOBX|2|TX|^CT||There is one.||||||A\rOBX|3|TX|^CT||So it is.||||||A\r",
                "No mass.\nADDENDUM:\nThere is one.\nSo it is.",
            ),
            ("OBX|1|TX|^CT||No mass.||||||A\rOBX|2|TX|^CT||Fine.||||||A\r", "No mass.\nFine."),
            ("OBX|1|TX|^CT||No.||||||F\rOBX|2|TX|^CT||ADDENDUM 1/2/24: Yes.||||||B\r", "No.\nADDENDUM 1/2/24: Yes."),
        ];
        for (segments, expected) in cases {
            assert_eq!(read(segments).0, expected, "{segments}");
        }
    }

    #[test]
    fn encapsulated_text() {
        // "No effusion.\r\nHeart normal é."
        let data = "Tm8gZWZmdXNpb24uDQpIZWFydCBub3JtYWwgw6ku";
        for raw in [
            format!("^TEXT^^Base64^{data}"),
            format!("RIS^text^plain^BASE64^{}\\.br\\{}", &data[..7], &data[7..]),
            "^TEXT^PLAIN^A^No effusion.\\.br\\Heart normal é.".to_owned(),
        ] {
            let (text, _, unread) = read(&format!("OBX|1|ED|1^R||{raw}||||||F\r"));
            assert_eq!((text.as_str(), unread), ("No effusion.\nHeart normal é.", vec![]), "{raw}");
        }
        for (kind, raw, says) in [
            ("ED", "^application^pdf^Base64^JVBERi0=", "a PDF"),
            ("ED", "^TEXT^^Base64^JVBERi0=", "no plain text"),
            ("ED", "^TEXT^^Base64^AAECAwQ=", "no plain text"),
            ("ED", "^TEXT^^Base64^!!!", "do not decode"),
            ("ED", "^TEXT^RTF^A^x", "no plain text"),
            ("ED", "^TEXT^^Hex^4142", "another encoding"),
            ("RP", "\\\\server\\x.pdf^^application^pdf", "a pointer"),
        ] {
            let (text, _, unread) = read(&format!("OBX|1|{kind}|1^R||{raw}\r"));
            assert!(text.is_empty() && unread.len() == 1 && unread[0].contains(says), "{raw}: {unread:?}");
            assert!(unread[0].starts_with("segment 2 (OBX)"));
        }
    }

    #[test]
    fn uids_are_no_text() {
        let (text, study, _) = read(
            "OBX|1|HD|113014^DICOM Study^DCM||1.2.840.1.9\rOBX|2|ST|^Series Instance UID||1.2.3.4\r\
             OBX|3|ST|^Version||1.2.3.4\r",
        );
        assert_eq!((text.as_str(), study.as_deref()), ("1.2.3.4", Some("1.2.840.1.9")));
    }
}
