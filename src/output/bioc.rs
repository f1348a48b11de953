//! Analyses as BioC, in XML and in JSON: a document a report, with its whole text.
//!
//! Passages are the sections, without gaps, so that a reader that joins them has the text again. Offsets and
//! lengths are code points of that text, also where the report was stripped of mark-up. Annotations are mentions;
//! the document's infons hold the study key, the labels (`label:NAME`) and the notes. Characters that XML cannot
//! hold become U+FFFD.

use super::json::{comma, integer, string};
use super::{Line, said};
use crate::Span;

/// What stands before the documents of an XML file.
pub(crate) const XML_HEADER: &[u8] =
    b"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!DOCTYPE collection SYSTEM \"BioC.dtd\">\n\
    <collection><source>radlabel</source><date></date><key>radlabel.key</key>\n";
/// What stands behind the documents of an XML file.
pub(crate) const XML_FOOTER: &[u8] = b"</collection>\n";
/// What stands before the documents of a JSON file; a comma and a line break between documents.
pub(crate) const JSON_HEADER: &[u8] =
    b"{\"source\":\"radlabel\",\"date\":\"\",\"key\":\"radlabel.key\",\"infons\":{},\"documents\":[\n";
/// What parts two documents of a JSON file.
pub(crate) const JSON_BETWEEN: &[u8] = b",\n";
/// What stands behind the documents of a JSON file.
pub(crate) const JSON_FOOTER: &[u8] = b"\n]}\n";

/// Appends a `<document>` and a line break.
pub(crate) fn xml(line: &Line<'_>, out: &mut Vec<u8>) {
    let text = &line.report.text;
    out.extend_from_slice(b"<document><id>");
    escape(out, &line.report.id);
    out.extend_from_slice(b"</id>");
    for (key, value) in document_infons(line) {
        infon(out, &key, &value);
    }
    for passage in passages(line) {
        out.extend_from_slice(b"<passage>");
        infon(out, "section_type", passage.kind);
        out.extend_from_slice(b"<offset>");
        integer(out, line.offsets.in_text(text, passage.span.start));
        out.extend_from_slice(b"</offset><text>");
        escape(out, &text[passage.span.range()]);
        out.extend_from_slice(b"</text>");
        for &number in &passage.mentions {
            let span = line.analysis.mentions[number].span;
            let start = line.offsets.in_text(text, span.start);
            out.extend_from_slice(format!("<annotation id=\"T{}\">", number + 1).as_bytes());
            for (key, value) in infons(line, number) {
                infon(out, key, &value);
            }
            let length = line.offsets.in_text(text, span.end) - start;
            out.extend_from_slice(format!("<location offset=\"{start}\" length=\"{length}\"/><text>").as_bytes());
            escape(out, &text[span.range()]);
            out.extend_from_slice(b"</text></annotation>");
        }
        out.extend_from_slice(b"</passage>");
    }
    out.extend_from_slice(b"</document>\n");
}

/// Appends an object of `documents`, without a comma or line break after it.
pub(crate) fn json(line: &Line<'_>, out: &mut Vec<u8>) {
    let text = &line.report.text;
    out.extend_from_slice(b"{\"id\":");
    string(out, &line.report.id);
    object(out, document_infons(line).iter().map(|(k, v)| (&**k, &**v)));
    out.extend_from_slice(b",\"passages\":[");
    let mut first = true;
    for passage in passages(line) {
        comma(out, &mut first);
        out.extend_from_slice(b"{\"offset\":");
        integer(out, line.offsets.in_text(text, passage.span.start));
        object(out, [("section_type", passage.kind)].into_iter());
        out.extend_from_slice(b",\"text\":");
        string(out, &text[passage.span.range()]);
        out.extend_from_slice(b",\"sentences\":[],\"annotations\":[");
        let mut inner = true;
        for &number in &passage.mentions {
            let span = line.analysis.mentions[number].span;
            let start = line.offsets.in_text(text, span.start);
            comma(out, &mut inner);
            out.extend_from_slice(format!("{{\"id\":\"T{}\"", number + 1).as_bytes());
            object(out, infons(line, number).iter().map(|(k, v)| (*k, &**v)));
            out.extend_from_slice(b",\"text\":");
            string(out, &text[span.range()]);
            let length = line.offsets.in_text(text, span.end) - start;
            out.extend_from_slice(format!(",\"locations\":[{{\"offset\":{start},\"length\":{length}}}]}}").as_bytes());
        }
        out.extend_from_slice(b"],\"relations\":[]}");
    }
    out.extend_from_slice(b"],\"annotations\":[],\"relations\":[]}");
}

struct Passage<'a> {
    span: Span,
    kind: &'a str,
    /// Indices of its mentions.
    mentions: Vec<usize>,
}

/// The text cut where sections begin.
fn passages<'a>(line: &'a Line<'_>) -> Vec<Passage<'a>> {
    let mut out: Vec<Passage<'_>> = Vec::new();
    for section in &line.analysis.sections {
        let kind = line.engine.section_id(section.kind);
        let opens = if section.heading.is_empty() { section.body.start } else { section.heading.start };
        let start = if out.is_empty() { 0 } else { opens };
        if let Some(before) = out.last_mut() {
            before.span.end = start.max(before.span.start);
        }
        out.push(Passage { span: Span::new(start, line.report.text.len() as u32), kind, mentions: Vec::new() });
    }
    for (number, mention) in line.analysis.mentions.iter().enumerate() {
        let at = out.partition_point(|p| p.span.start <= mention.span.start).saturating_sub(1);
        if let Some(passage) = out.get_mut(at) {
            passage.mentions.push(number);
        }
    }
    out.retain(|p| !p.span.is_empty());
    out
}

fn document_infons(line: &Line<'_>) -> Vec<(String, String)> {
    let study = said::study(&line.report.study).map(|(key, value)| (key.to_owned(), value.to_owned()));
    let labels = said::labels(line).map(|(name, .., value)| (format!("label:{name}"), value.name().to_owned()));
    let notes = (!line.notes.is_empty()).then(|| ("notes".to_owned(), line.notes.join("; ")));
    study.chain(labels).chain(notes).collect()
}

/// The concept and its codes, then what is said of the mention.
fn infons(line: &Line<'_>, number: usize) -> Vec<(&'static str, String)> {
    let concept = line.engine.lexicon.concept(line.analysis.mentions[number].concept);
    let mut out = vec![("type", concept.kind.name().to_owned()), ("concept", concept.id.to_string())];
    if !concept.codes.is_empty() {
        let codes: Vec<String> = concept.codes.iter().map(|(system, code)| format!("{system}:{code}")).collect();
        out.push(("codes", codes.join(" ")));
    }
    out.extend(said::pairs(line, number));
    out
}

fn infon(out: &mut Vec<u8>, key: &str, value: &str) {
    out.extend_from_slice(b"<infon key=\"");
    escape(out, key);
    out.extend_from_slice(b"\">");
    escape(out, value);
    out.extend_from_slice(b"</infon>");
}

/// `,"infons":{...}`
fn object<'a>(out: &mut Vec<u8>, pairs: impl Iterator<Item = (&'a str, &'a str)>) {
    out.extend_from_slice(b",\"infons\":{");
    let mut first = true;
    for (key, value) in pairs {
        comma(out, &mut first);
        string(out, key);
        out.push(b':');
        string(out, value);
    }
    out.push(b'}');
}

/// Text as XML 1.0: a carriage return would be read as a line feed, and control characters are not allowed.
fn escape(out: &mut Vec<u8>, text: &str) {
    for char in text.chars() {
        match char {
            '&' => out.extend_from_slice(b"&amp;"),
            '<' => out.extend_from_slice(b"&lt;"),
            '>' => out.extend_from_slice(b"&gt;"),
            '"' => out.extend_from_slice(b"&quot;"),
            '\r' => out.extend_from_slice(b"&#13;"),
            '\n' | '\t' => out.push(char as u8),
            '\0'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => out.extend_from_slice("\u{fffd}".as_bytes()),
            _ => out.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::said::tests::{TEXTS, a_study, keep, with};
    use super::*;
    use crate::input::bioc::{read_json, read_xml};

    /// What is written is read back: text, id, study key; and each annotation stands where it says.
    #[test]
    fn comes_back() {
        let mut mentions = 0;
        let (mut all_xml, mut all_json) = (XML_HEADER.to_vec(), JSON_HEADER.to_vec());
        for text in TEXTS {
            with(text, a_study(), |line| {
                let (mut as_xml, mut as_json) = (Vec::new(), Vec::new());
                xml(line, &mut as_xml);
                json(line, &mut as_json);
                all_xml.extend_from_slice(&as_xml);
                all_json.extend_from_slice(if all_json.len() > JSON_HEADER.len() { JSON_BETWEEN } else { b"" });
                all_json.extend_from_slice(&as_json);
                let as_json = String::from_utf8(as_json).expect("UTF-8");
                for read in [read_xml(&String::from_utf8(as_xml).expect("UTF-8")), read_json(&as_json)] {
                    let document = &read.expect("readable")[0];
                    assert_eq!(document.text, text);
                    assert_eq!(document.study, a_study());
                    assert_eq!(document.id.as_deref(), Some(&*line.report.id));
                }
                let value: serde_json::Value = serde_json::from_str(&as_json).expect("JSON");
                let points: Vec<char> = text.chars().collect();
                let passages = value["passages"].as_array().expect("passages");
                let annotations = passages.iter().flat_map(|p| p["annotations"].as_array().expect("annotations"));
                let mut seen = 0;
                for annotation in annotations {
                    let location = |name: &str| annotation["locations"][0][name].as_u64().expect("a number") as usize;
                    let (offset, length) = (location("offset"), location("length"));
                    let words: String = points[offset..offset + length].iter().collect();
                    assert_eq!(annotation["text"].as_str(), Some(&*words));
                    seen += 1;
                }
                assert_eq!(seen, line.analysis.mentions.len());
                mentions += seen;
            });
        }
        assert!(mentions > 8, "{mentions} mentions");
        all_xml.extend_from_slice(XML_FOOTER);
        all_json.extend_from_slice(JSON_FOOTER);
        assert!(serde_json::from_slice::<serde_json::Value>(&all_json).is_ok());
        keep("kept.bioc.xml", &all_xml);
        keep("kept.bioc.json", &all_json);
    }

    #[test]
    fn holds_no_character_that_xml_forbids() {
        with("No\u{0} edema\u{b}.", Default::default(), |line| {
            let mut out = Vec::new();
            xml(line, &mut out);
            let read = read_xml(&String::from_utf8(out).expect("UTF-8")).expect("readable");
            assert_eq!(read[0].text, "No\u{fffd} edema\u{fffd}.");
        });
    }
}
