//! BioC (XML and JSON) -> reports: one `<document>`, or one object of `documents`.
//!
//! Passages (or their sentences) stand at their offsets in code points, and what lies between is filled with
//! spaces and a line break, so that a place in our text is the place that BioC gives. The document's infons
//! give the study key where their names say so. Annotations are not read.

use super::document::Document;
use crate::{StudyKey, shown};
use quick_xml::Reader;
use quick_xml::events::Event;
use serde_json::Value;

/// More filling between passages is a fault of the offsets: reports are a few KB.
const MOST_FILLING: usize = super::MAX_REPORT_BYTES;

/// What both notations hold.
#[derive(Debug, Default)]
struct Parts {
    id: Option<String>,
    infons: Vec<(String, String)>,
    /// Offset and text, in the order of the file.
    passages: Vec<(usize, String)>,
}

/// The report of one `<document>`.
pub(crate) fn read_xml(xml: &str) -> Result<Vec<Document>, String> {
    let mut reader = Reader::from_str(xml);
    let mut parts = Parts::default();
    // The elements open, and the text of the innermost.
    let mut path: Vec<String> = Vec::new();
    let mut body = String::new();
    let mut key = None;
    let mut offset = None;
    let mut any = false;
    loop {
        let event = reader.read_event();
        let place = reader.buffer_position();
        match event.map_err(|_| format!("not well-formed XML at byte {place}"))? {
            Event::Start(element) => {
                body.clear();
                let name = element.name();
                any |= name.as_ref() == "document";
                if matches!(name.as_ref(), "passage" | "sentence") {
                    offset = None;
                }
                key = attribute(&element, "key");
                path.push(name.as_ref().to_owned());
            }
            Event::Empty(element) => any |= element.name().as_ref() == "document",
            Event::Text(text) => body.push_str(&text.xml10_content()),
            Event::CData(text) => body.push_str(&text.xml10_content()),
            Event::GeneralRef(entity) => {
                let name = entity.xml10_content();
                match (entity.resolve_char_ref(), quick_xml::escape::resolve_xml_entity(&name)) {
                    (Ok(Some(char)), _) => body.push(char),
                    (_, Some(text)) => body.push_str(text),
                    _ => return Err(format!("an unknown entity at byte {place}")),
                }
            }
            Event::End(_) => {
                let name = path.pop().unwrap_or_default();
                let text = std::mem::take(&mut body);
                match (path.last().map(String::as_str), name.as_str()) {
                    (Some("document"), "id") => parts.id = Some(text.trim().to_owned()),
                    (Some("document"), "infon") => parts.infons.extend(key.take().map(|key| (key, text))),
                    (Some("passage" | "sentence"), "offset") => offset = Some(number(&text)?),
                    (Some(within @ ("passage" | "sentence")), "text") => {
                        let at = offset.ok_or_else(|| no_offset(within, parts.passages.len()))?;
                        parts.passages.push((at, text));
                    }
                    _ => {}
                }
            }
            // A cut file could lack the half of a report that says "no".
            Event::Eof if !path.is_empty() => return Err(format!("the XML ends too early, at byte {place}")),
            Event::Eof => break,
            _ => {}
        }
    }
    if !any {
        return Err("no <document> element; expected a document of a BioC collection".to_owned());
    }
    Ok(vec![document(parts)?])
}

/// The report of one object of `documents`.
pub(crate) fn read_json(json: &str) -> Result<Vec<Document>, String> {
    let value: Value = serde_json::from_str(json).map_err(|e| super::json_fault(&e))?;
    let Some(passages) = value["passages"].as_array() else {
        return Err("no list \"passages\"; expected a document of a BioC collection".to_owned());
    };
    let mut parts = Parts { id: plain(&value["id"]), ..Parts::default() };
    if let Some(infons) = value["infons"].as_object() {
        parts.infons = infons.iter().filter_map(|(key, value)| Some((key.clone(), plain(value)?))).collect();
    }
    for passage in passages {
        // A passage has a text, or sentences that have one each.
        let sentences = passage["sentences"].as_array().into_iter().flatten();
        let whole = passage["text"].as_str().is_some_and(|t| !t.is_empty()).then_some(passage);
        let texts: Vec<(&str, &Value)> = match whole {
            Some(whole) => vec![("passage", whole)],
            None => sentences.map(|s| ("sentence", s)).collect(),
        };
        for (within, part) in texts {
            let Some(text) = part["text"].as_str() else { continue };
            let offset = match &part["offset"] {
                Value::Null => return Err(no_offset(within, parts.passages.len())),
                Value::Number(n) => number(&n.to_string())?,
                Value::String(s) => number(s)?,
                _ => return Err("an offset that is no number".to_owned()),
            };
            parts.passages.push((offset, text.to_owned()));
        }
    }
    Ok(vec![document(parts)?])
}

fn no_offset(within: &str, number: usize) -> String {
    format!("{within} {} has no offset before its text; BioC asks for one", number + 1)
}

fn number(text: &str) -> Result<usize, String> {
    text.trim().parse().map_err(|_| format!("an offset of {}; expected a number", shown(text.trim())))
}

fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn attribute(element: &quick_xml::events::BytesStart<'_>, name: &str) -> Option<String> {
    let attribute = element.try_get_attribute(name).ok()??;
    attribute.normalized_value(quick_xml::XmlVersion::Implicit1_0).ok().map(std::borrow::Cow::into_owned)
}

fn document(parts: Parts) -> Result<Document, String> {
    let mut text = String::new();
    let (mut points, mut filled) = (0_usize, 0_usize);
    for (number, (offset, passage)) in parts.passages.iter().enumerate() {
        let gap = offset.checked_sub(points).ok_or_else(|| {
            format!(
                "passage {} stands at offset {offset}, before the end of the one before it at {points}; expected \
                 offsets in code points that ascend",
                number + 1
            )
        })?;
        filled = filled.saturating_add(gap);
        if filled > MOST_FILLING {
            return Err(format!("passage {} stands {gap} characters behind the one before it", number + 1));
        }
        if gap > 0 {
            text.extend(std::iter::repeat_n(' ', gap - 1));
            text.push('\n');
        }
        text.push_str(passage);
        points = offset + passage.chars().count();
    }
    let mut study = StudyKey::default();
    for (key, value) in parts.infons {
        if let Some(field) = field(&mut study, &key)
            && !value.trim().is_empty()
        {
            *field = Some(value);
        }
    }
    let empty = text.trim().is_empty();
    Ok(Document { id: parts.id.filter(|id| !id.is_empty()), text, study, empty, origin: Vec::new() })
}

fn field<'a>(study: &'a mut StudyKey, key: &str) -> Option<&'a mut Option<String>> {
    Some(match key.to_ascii_lowercase().as_str() {
        "accession" | "accession_number" => &mut study.accession,
        "study_uid" | "study_instance_uid" => &mut study.study_uid,
        "patient_id" => &mut study.patient_id,
        "date" | "study_date" => &mut study.date,
        "modality" => &mut study.modality,
        "body_part" => &mut study.body_part,
        "sex" => &mut study.sex,
        "age" => &mut study.age,
        "report_time" => &mut study.report_time,
        "report_status" => &mut study.report_status,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const XML: &str = "<document><id>d1</id><infon key=\"accession\">A&amp;1</infon><infon key=\"x\">y</infon>\
        <passage><infon key=\"type\">title</infon><offset>0</offset><text>Ch&#233;st \u{1f600}</text>\
        <annotation id=\"1\"><infon key=\"sex\">no</infon><location offset=\"0\" length=\"5\"/><text>Ch\u{e9}st</text></annotation>\
        </passage><passage><offset>10</offset><sentence><offset>10</offset><text>No edema.</text></sentence>\
        <sentence><offset>20</offset><text>Clear.</text></sentence></passage></document>";

    #[test]
    fn reads_both_notations() {
        let json = "{\"id\":\"d1\",\"infons\":{\"accession\":\"A&1\",\"x\":\"y\"},\"passages\":[\
            {\"offset\":0,\"text\":\"Ch\u{e9}st \u{1f600}\",\"annotations\":[]},\
            {\"offset\":10,\"text\":\"\",\"sentences\":[{\"offset\":10,\"text\":\"No edema.\"},{\"offset\":20,\"text\":\"Clear.\"}]}]}";
        let from_xml = read_xml(XML).expect("readable");
        assert_eq!(from_xml, read_json(json).expect("readable"));
        let document = &from_xml[0];
        assert_eq!(document.text, "Ch\u{e9}st \u{1f600}  \nNo edema.\nClear.");
        assert_eq!(document.id.as_deref(), Some("d1"));
        assert_eq!(document.study, StudyKey { accession: Some("A&1".to_owned()), ..StudyKey::default() });
        let characters: Vec<char> = document.text.chars().collect();
        assert_eq!(characters[10..19].iter().collect::<String>(), "No edema.");
    }

    #[test]
    fn tells_faults() {
        let faults = [
            ("<document>", "ends too early"),
            ("<collection/>", "no <document>"),
            ("<document><passage><text>a</text></passage></document>", "passage 1 has no offset"),
            ("<document><passage><offset>x</offset></passage></document>", "an offset of \"x\""),
            ("<document><passage><offset>9999999999</offset><text>a</text></passage></document>", "characters behind"),
            (
                "<document><passage><offset>0</offset><text>abc</text></passage><passage><offset>1</offset><text>a\
                 </text></passage></document>",
                "passage 2 stands at offset 1, before the end of the one before it at 3",
            ),
        ];
        for (xml, told) in faults {
            let fault = read_xml(xml).expect_err("a fault");
            assert!(fault.contains(told), "{fault}");
        }
        assert!(read_json("{}").expect_err("a fault").contains("passages"));
        assert!(read_json("{\"passages\":[{\"text\":\"a\"}]}").expect_err("a fault").contains("no offset"));
        assert!(read_json("{\"passages\":[{\"text\":\"a\",\"offset\":-1}]}").expect_err("a fault").contains("-1"));
        assert!(read_json("{\"passages\":[]}").is_ok_and(|d| d[0].empty));
    }

    #[test]
    fn no_bytes_panic() {
        for cut in (0..XML.len()).filter(|&c| XML.is_char_boundary(c)) {
            assert!(read_xml(&XML[..cut]).is_err());
            let _ = read_xml(&XML[cut..]);
            let _ = read_json(&format!("{{\"passages\":[{{\"offset\":0,\"text\":{:?}}}]}}", &XML[..cut]));
        }
    }
}
