//! OWL in RDF/XML, as RSNA and BioPortal give out RadLex: streamed, one class at a time.
//!
//! Only what a class says of itself is read: names, definitions, broader classes, obsolescence. Restrictions
//! and the rest of the logic are passed over.

use super::source::{self, Source};
use super::{Entry, Preferred, Reading, Synonyms, one_line};
use crate::Error;
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use std::borrow::Cow;
use std::collections::HashMap;
use std::path::Path;

/// A class as far as it was read.
#[derive(Default)]
struct Class {
    line: u64,
    iri: String,
    names: Vec<(String, String)>,
    synonyms: Vec<(String, String)>,
    definition: String,
    parents: Vec<String>,
    others: Vec<(String, String)>,
    obsolete: bool,
    /// It is a class and not a property, an axiom or an individual.
    class: bool,
}

/// A statement of a class that is being read.
struct Property {
    name: String,
    language: String,
    text: String,
}

/// Reads one file.
pub(super) fn read(path: &Path, reading: &mut Reading<'_>) -> Result<(), Error> {
    let mut reader = Reader::from_reader(source::open(path)?);
    let mut walk = Walk { places: HashMap::new(), entities: HashMap::new() };
    if let Err((line, message)) = walk.document(&mut reader, reading) {
        reading.fault("malformed XML", line, message);
    }
    Ok(())
}

/// What is known between the classes.
struct Walk {
    /// A class may be spoken of in several places of the file: code -> entry.
    places: HashMap<Box<str>, usize>,
    /// `<!ENTITY RID "http://www.radlex.org/RID/">`
    entities: HashMap<String, String>,
}

type Told = (u64, String);

impl Walk {
    fn document(&mut self, reader: &mut Reader<Source>, reading: &mut Reading<'_>) -> Result<(), Told> {
        let mut buffer = Vec::new();
        // Depth below rdf:RDF: 1 = a class, 2 = a statement of it, 3 = what stands inside that.
        let mut depth = 0_usize;
        let mut class: Option<Class> = None;
        let mut property: Option<Property> = None;
        let mut any = false;
        loop {
            buffer.clear();
            let event = match reader.read_event_into(&mut buffer) {
                Ok(event) => event,
                Err(e) => return Err((reader.get_ref().line(), format!("not well-formed XML: {e}"))),
            };
            match event {
                Event::DocType(text) => self.declare(&text.xml10_content()),
                Event::Start(element) => {
                    let line = reader.get_ref().line();
                    self.open(&element, depth, line, &mut class, &mut property)?;
                    depth += 1;
                }
                Event::Empty(element) => {
                    let line = reader.get_ref().line();
                    any |= depth == 0;
                    self.open(&element, depth, line, &mut class, &mut property)?;
                    self.close(depth, &mut class, &mut property, reading);
                }
                Event::End(_) => {
                    depth = depth.saturating_sub(1);
                    any |= depth == 0;
                    self.close(depth, &mut class, &mut property, reading);
                }
                Event::Text(text) if depth == 3 => {
                    if let Some(property) = &mut property {
                        property.text.push_str(&text.xml10_content());
                    }
                }
                Event::CData(text) if depth == 3 => {
                    if let Some(property) = &mut property {
                        property.text.push_str(&text.xml10_content());
                    }
                }
                Event::GeneralRef(entity) if depth == 3 => {
                    let name = entity.xml10_content();
                    let known = match entity.resolve_char_ref() {
                        Ok(Some(char)) => Some(char.to_string()),
                        _ => self.entity(&name).map(str::to_owned),
                    };
                    let Some(known) = known else {
                        return Err((reader.get_ref().line(), format!("unknown entity \"&{name};\"")));
                    };
                    if let Some(property) = &mut property {
                        property.text.push_str(&known);
                    }
                }
                Event::Eof if depth > 0 => {
                    return Err((reader.get_ref().line(), format!("the file ends inside {depth} open elements")));
                }
                Event::Eof if !any => return Err((0, "no element; expected rdf:RDF".to_owned())),
                Event::Eof => return Ok(()),
                _ => {}
            }
        }
    }

    fn entity<'a>(&'a self, name: &str) -> Option<&'a str> {
        self.entities.get(name).map(String::as_str).or_else(|| quick_xml::escape::resolve_xml_entity(name))
    }

    /// The entities of a document type; those that hold further entities are left as they stand.
    fn declare(&mut self, text: &str) {
        for piece in text.split("<!ENTITY").skip(1) {
            let mut words = piece.trim_start().splitn(2, char::is_whitespace);
            let (Some(name), Some(rest)) = (words.next(), words.next()) else { continue };
            let rest = rest.trim_start();
            let Some(quote) = rest.chars().next().filter(|c| matches!(c, '"' | '\'')) else { continue };
            if let Some(value) = rest[1..].split(quote).next() {
                self.entities.insert(name.to_owned(), value.to_owned());
            }
        }
    }

    fn attribute(&self, element: &BytesStart<'_>, wanted: &str, line: u64) -> Result<Option<String>, Told> {
        for attribute in element.attributes() {
            let attribute = attribute.map_err(|e| (line, format!("not well-formed XML: {e}")))?;
            if attribute.key.as_ref() == wanted {
                let value = quick_xml::escape::unescape_with(&attribute.value, |name| self.entity(name));
                let value = value.map_err(|e| (line, format!("not well-formed XML: {e}")))?;
                return Ok(Some(value.into_owned()));
            }
        }
        Ok(None)
    }

    fn open(
        &self,
        element: &BytesStart<'_>,
        depth: usize,
        line: u64,
        class: &mut Option<Class>,
        property: &mut Option<Property>,
    ) -> Result<(), Told> {
        let name = element.local_name();
        let name = name.as_ref();
        match (depth, &mut *class) {
            (1, _) => {
                let about = match self.attribute(element, "rdf:about", line)? {
                    Some(about) => Some(about),
                    None => self.attribute(element, "rdf:ID", line)?,
                };
                let class_here = name == "Class";
                if let Some(iri) = about.filter(|_| class_here || name == "Description") {
                    *class = Some(Class { line, iri, class: class_here, ..Class::default() });
                }
            }
            (2, Some(class)) => {
                let resource = self.attribute(element, "rdf:resource", line)?;
                match (name, resource) {
                    ("subClassOf", Some(parent)) => class.parents.push(parent),
                    ("type", Some(iri)) => class.class |= iri.ends_with("#Class"),
                    _ => {}
                }
                let language = self.attribute(element, "xml:lang", line)?.unwrap_or_default();
                *property = Some(Property { name: name.to_ascii_lowercase(), language, text: String::new() });
            }
            (3, Some(class)) if name == "Class" && property.as_ref().is_some_and(|p| p.name == "subclassof") => {
                class.parents.extend(self.attribute(element, "rdf:about", line)?);
            }
            _ => {}
        }
        Ok(())
    }

    /// An element at this depth has ended.
    fn close(
        &mut self,
        depth: usize,
        class: &mut Option<Class>,
        property: &mut Option<Property>,
        reading: &mut Reading<'_>,
    ) {
        match depth {
            2 => {
                if let (Some(class), Some(property)) = (class, property.take()) {
                    class.say(property, reading.options.synonyms);
                }
            }
            1 => {
                if let Some(class) = class.take().filter(|c| c.class) {
                    self.keep(class, reading);
                }
            }
            _ => {}
        }
    }

    fn keep(&mut self, class: Class, reading: &mut Reading<'_>) {
        let Some((system, code)) = code(&class.iri) else { return };
        let place = reading.place(class.line);
        let at = match self.places.get(&*code) {
            Some(&at) => at,
            None => {
                let mut entry = Entry::new(system, &code, "", place);
                entry.preferred = Preferred::Missing;
                // Classes of anatomies are anatomy, whoever imports them; of RadLex its upper levels tell.
                entry.guess = super::obo::guess(&code);
                reading.entries.push(entry);
                self.places.insert(code, reading.entries.len() - 1);
                reading.entries.len() - 1
            }
        };
        // A name that says its language goes before one that does not: RadLex has Latin ones among these.
        let mut class = class;
        class.names.sort_by_key(|(_, language)| language.is_empty());
        let speaks = |language: &str| reading.options.speaks(language);
        let english = |language: &str| language.is_empty() || language.get(..2) == Some("en");
        let entry = &mut reading.entries[at];
        for (text, language) in &class.names {
            if speaks(language) && entry.preferred == Preferred::Missing {
                entry.preferred = Preferred::Other(text.as_str().into());
            } else if speaks(language) {
                entry.synonyms.push(text.as_str().into());
            }
        }
        if entry.name.is_empty() {
            let name = class.names.iter().find(|n| english(&n.1)).or(class.names.first());
            entry.name = name.map_or("", |n| &n.0).into();
        }
        if let Preferred::Other(text) = &entry.preferred
            && *text == entry.name
        {
            entry.preferred = Preferred::Name;
        }
        entry.synonyms.extend(class.synonyms.iter().filter(|s| speaks(&s.1)).map(|s| s.0.as_str().into()));
        if entry.definition.is_empty() {
            entry.definition = class.definition.into();
        }
        for parent in class.parents.iter().filter_map(|p| self::code(p)) {
            if !entry.parents.contains(&parent.1) && *parent.1 != *entry.code {
                entry.parents.push(parent.1);
            }
        }
        for (system, code) in &class.others {
            entry.other(system, code);
        }
        entry.active &= !class.obsolete;
    }
}

impl Class {
    fn say(&mut self, property: Property, synonyms: Synonyms) {
        let text = one_line(&property.text);
        if text.is_empty() {
            return;
        }
        let Property { name, mut language, .. } = property;
        // Older releases of RadLex name the language in the property: Preferred_Name_German.
        let name = match name.strip_suffix("_german") {
            Some(stem) => {
                "de".clone_into(&mut language);
                stem.to_owned()
            }
            None => name,
        };
        match name.as_str() {
            // The preferred name outranks the label, which may hold a code.
            "preferred_name" | "preflabel" => self.names.insert(0, (text, language)),
            "label" => self.names.push((text, language)),
            "synonym" | "altlabel" | "hasexactsynonym" | "acronym" => self.synonyms.push((text, language)),
            "hasbroadsynonym" | "hasnarrowsynonym" | "hasrelatedsynonym" if synonyms == Synonyms::All => {
                self.synonyms.push((text, language));
            }
            "definition" | "iao_0000115" if self.definition.is_empty() => self.definition = text,
            "obsolete" | "deprecated" => {
                self.obsolete |= !matches!(text.to_ascii_lowercase().as_str(), "false" | "no" | "0");
            }
            "fmaid" | "fma_id" | "snomed_id" | "umls_id" | "umls_cui" | "mesh_id" | "meshid" => {
                self.others.push((name, text));
            }
            "hasdbxref" | "xref" => {
                if let Some((system, code)) = text.split_once(':').filter(|(_, c)| !c.starts_with('/')) {
                    self.others.push((system.to_owned(), code.to_owned()));
                }
            }
            _ => {}
        }
    }
}

/// System and code of a class: `.../RID/RID1301` is RadLex's, `.../obo/HP_0002202` is `HP:0002202`.
pub(super) fn code(iri: &str) -> Option<(Cow<'static, str>, Box<str>)> {
    let last = iri.rsplit(['/', '#']).next().unwrap_or(iri);
    if super::table::is_rid(last) {
        return Some(("radlex".into(), last.into()));
    }
    match last.split_once('_') {
        Some((system, number)) if !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()) => {
            Some((system.to_owned().into(), format!("{system}:{number}").into()))
        }
        // owl:Thing is the root that everybody has.
        _ if last.is_empty() || last == "Thing" => None,
        _ => Some(("OWL".into(), last.replace([',', '|', ' '], "-").into())),
    }
}
