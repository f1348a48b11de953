//! One XML file of the Open-i (Indiana University) collection -> id and sections.
//!
//! The collection ships its reports as MEDLINE-like citations; the sections are `AbstractText` elements and
//! white space inside them is layout, so runs of it become one space.

use super::columns::compose;
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use std::borrow::Cow;

/// The id (where there is one) and the text of a report, and whether all its sections are empty.
pub(crate) fn read(xml: &str) -> Result<(Option<String>, String, bool), String> {
    let mut reader = Reader::from_str(xml);
    let mut id = None;
    let mut sections: [Option<Cow<'_, str>>; 4] = [const { None }; 4];
    let mut open: Option<(Option<usize>, String)> = None;
    let mut any = false;
    let mut depth = 0_i64;
    loop {
        let event = reader.read_event();
        let place = reader.buffer_position();
        let event = event.map_err(|_| format!("not well-formed XML at byte {place}"))?;
        depth += match &event {
            Event::Start(_) => 1,
            Event::End(_) => -1,
            _ => 0,
        };
        match event {
            Event::Start(element) if element.name().as_ref() == "AbstractText" => {
                any = true;
                open = Some((section(attribute(&element, "Label")), String::new()));
            }
            Event::Empty(element) if element.name().as_ref() == "AbstractText" => any = true,
            Event::Start(element) | Event::Empty(element) if element.name().as_ref() == "uId" => {
                id = id.or_else(|| attribute(&element, "id"));
            }
            Event::Text(text) => {
                if let Some((_, body)) = &mut open {
                    body.push_str(&text.xml10_content());
                }
            }
            Event::CData(text) => {
                if let Some((_, body)) = &mut open {
                    body.push_str(&text.xml10_content());
                }
            }
            Event::GeneralRef(entity) => {
                if let Some((_, body)) = &mut open {
                    let name = entity.xml10_content();
                    match (entity.resolve_char_ref(), quick_xml::escape::resolve_xml_entity(&name)) {
                        (Ok(Some(char)), _) => body.push(char),
                        (_, Some(text)) => body.push_str(text),
                        _ => return Err(format!("an unknown entity at byte {place}")),
                    }
                }
            }
            Event::End(element) if element.name().as_ref() == "AbstractText" => {
                if let Some((Some(number), body)) = open.take() {
                    sections[number] = Some(body.split_whitespace().collect::<Vec<_>>().join(" ").into());
                }
            }
            // A cut file could lack the half of a section that says "no".
            Event::Eof if depth != 0 => {
                return Err(format!("the XML ends too early, at byte {place}"));
            }
            Event::Eof => break,
            _ => {}
        }
    }
    if !any {
        return Err("no <AbstractText> element; expected a report of the Open-i collection".to_owned());
    }
    let empty = sections.iter().flatten().all(|s| s.is_empty());
    Ok((id, compose(&sections), empty))
}

/// The place of a section among those of [`compose`].
fn section(label: Option<String>) -> Option<usize> {
    let label = label?;
    ["COMPARISON", "INDICATION", "FINDINGS", "IMPRESSION"].iter().position(|s| label.eq_ignore_ascii_case(s))
}

fn attribute(element: &BytesStart<'_>, name: &str) -> Option<String> {
    let attribute = element.try_get_attribute(name).ok()??;
    attribute.normalized_value(quick_xml::XmlVersion::Implicit1_0).ok().map(Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_sections() {
        let xml = "<?xml version=\"1.0\"?><eCitation><uId id=\"X1\"/><Abstract>\
            <AbstractText Label=\"COMPARISON\">None.</AbstractText><AbstractText Label=\"INDICATION\"/>\
            <AbstractText Label=\"FINDINGS\">Heart &lt;\n  normal&#33; &amp; clear.</AbstractText>\
            <AbstractText Label=\"IMPRESSION\"> Fine. </AbstractText></Abstract></eCitation>";
        let expected = "COMPARISON: None.\nFINDINGS: Heart < normal! & clear.\nIMPRESSION: Fine.";
        assert_eq!(read(xml), Ok((Some("X1".to_owned()), expected.to_owned(), false)));
        assert!(read("<eCitation/>").is_err());
        assert!(read("<eCitation><AbstractText").is_err());
        assert!(read("<eCitation><AbstractText Label=\"FINDINGS\">a").is_err());
    }
}
