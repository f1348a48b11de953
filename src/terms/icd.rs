//! ICD-10-CM: the tabular list in XML, as the US National Center for Health Statistics gives it out.
//!
//! Chapters and sections are read for the hierarchy (`--under J90-J94`) but are no concepts.

use super::{Entry, Guess, Reading, one_line, source};
use crate::Error;
use crate::lexicon::Kind;
use quick_xml::Reader;
use quick_xml::events::Event;
use std::path::Path;

/// Reads one file.
pub(super) fn read(path: &Path, reading: &mut Reading<'_>) -> Result<(), Error> {
    let mut reader = Reader::from_reader(source::open(path)?);
    if let Err((line, message)) = document(&mut reader, reading) {
        reading.fault("malformed XML", line, message);
    }
    Ok(())
}

/// A chapter, section or code that is open.
struct Open {
    /// Depth of its element.
    depth: usize,
    line: u64,
    code: String,
    name: String,
    inclusions: Vec<Box<str>>,
    heading: bool,
    /// It stands in the list already: what is below it comes after it.
    kept: bool,
}

fn document(reader: &mut Reader<source::Source>, reading: &mut Reading<'_>) -> Result<(), (u64, String)> {
    let mut buffer = Vec::new();
    let mut elements: Vec<String> = Vec::new();
    let mut open: Vec<Open> = Vec::new();
    let mut text = String::new();
    let mut any = false;
    loop {
        buffer.clear();
        let event = match reader.read_event_into(&mut buffer) {
            Ok(event) => event,
            Err(e) => return Err((reader.get_ref().line(), format!("not well-formed XML: {e}"))),
        };
        let line = reader.get_ref().line();
        match event {
            Event::Start(element) => {
                let name = element.name();
                let name = name.as_ref();
                text.clear();
                if matches!(name, "chapter" | "section" | "diag") {
                    // What an outer code says of itself stands before its inner codes.
                    keep(&mut open, reading);
                    let id = element.try_get_attribute("id").ok().flatten();
                    let code = id.filter(|_| name == "section").map_or_else(String::new, |id| id.value.into_owned());
                    // A section of one code is named as the code is.
                    let alone = !code.is_empty() && !code.contains('-');
                    let code = if alone { format!("section-{code}") } else { code };
                    open.push(Open {
                        depth: elements.len(),
                        line,
                        code,
                        name: String::new(),
                        inclusions: Vec::new(),
                        heading: name != "diag",
                        kept: false,
                    });
                }
                elements.push(name.to_owned());
            }
            Event::Text(piece) => text.push_str(&piece.xml10_content()),
            Event::CData(piece) => text.push_str(&piece.xml10_content()),
            Event::GeneralRef(entity) => {
                let name = entity.xml10_content();
                match (entity.resolve_char_ref(), quick_xml::escape::resolve_xml_entity(&name)) {
                    (Ok(Some(char)), _) => text.push(char),
                    (_, Some(known)) => text.push_str(known),
                    _ => return Err((line, format!("unknown entity \"&{name};\""))),
                }
            }
            Event::End(_) => {
                let name = elements.pop().unwrap_or_default();
                let depth = elements.len();
                if let Some(last) = open.last_mut() {
                    let inside = elements.last().map(String::as_str);
                    match (name.as_str(), depth.saturating_sub(last.depth)) {
                        ("name", 1) if last.heading => last.code = format!("chapter-{}", text.trim()),
                        ("name", 1) => text.trim().clone_into(&mut last.code),
                        ("desc", 1) => last.name = one_line(&text),
                        ("note", 2) if inside == Some("inclusionTerm") => last.inclusions.push(one_line(&text).into()),
                        _ => {}
                    }
                    if depth == last.depth {
                        any = true;
                        keep(&mut open, reading);
                        open.pop();
                    }
                }
                text.clear();
            }
            Event::Eof if !elements.is_empty() => {
                return Err((line, format!("the file ends inside {} open elements", elements.len())));
            }
            Event::Eof if !any => return Err((0, "no element \"diag\"; expected the tabular list".to_owned())),
            Event::Eof => return Ok(()),
            _ => {}
        }
    }
}

/// Makes the innermost open code an entry, once.
fn keep(open: &mut [Open], reading: &mut Reading<'_>) {
    let parent = open.iter().rev().nth(1).map(|p| p.code.as_str().into());
    let Some(last) = open.last_mut().filter(|o| !o.kept) else { return };
    last.kept = true;
    if last.code.is_empty() || last.name.is_empty() {
        let message = "a code without a name or description; expected both <name> and <desc>";
        return reading.fault("incomplete code", last.line, message);
    }
    let place = reading.place(last.line);
    let mut entry = Entry::new("icd10", &last.code, &last.name, place);
    entry.synonyms = std::mem::take(&mut last.inclusions);
    entry.parents.extend(parent);
    // V to Z are causes and circumstances, not what a report finds.
    entry.guess = match last.code.as_bytes()[0] {
        _ if last.heading => Guess::Foreign,
        b'A'..=b'U' => Guess::Is(Kind::Finding),
        _ => Guess::Foreign,
    };
    reading.keep_english(entry);
}
