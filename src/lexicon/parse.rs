//! Reads lexicon files. Every line is checked; every fault is told with its file and line.

use super::{Concept, Kind, Lexicon, LexiconFile, Side, Term};
use crate::error::Fault;
use crate::span::ConceptId;

const REQUIRED: [&str; 4] = ["id", "name", "parents", "terms"];
const OPTIONAL: [&str; 8] = ["side", "site", "radlex", "snomed", "icd10", "other", "source", "definition"];

pub(super) fn load<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Lexicon, Vec<Fault>> {
    let mut lexicon = Lexicon::default();
    let mut faults = Vec::new();
    let mut parents = Vec::new();
    let mut sites = Vec::new();
    for (name, text) in files {
        file(name, text, &mut lexicon, &mut parents, &mut sites, &mut faults);
    }
    for (concept, site, file, line) in sites {
        match lexicon.find(site).filter(|&id| lexicon.concept(id).kind == Kind::Anatomy) {
            Some(id) => lexicon.concepts[concept as usize].site = Some(id),
            None => faults.push(Fault::new(
                &lexicon.files[file as usize].name,
                line,
                format!("unknown site \"{site}\"; expected the id of an anatomic concept"),
            )),
        }
    }
    for (child, parent, file, line) in parents {
        match lexicon.find(parent) {
            Some(id) => lexicon.concepts[child as usize].parents.push(id),
            None => faults.push(Fault::new(
                &lexicon.files[file as usize].name,
                line,
                format!("unknown parent \"{parent}\"; expected the id of a concept"),
            )),
        }
    }
    cycles(&lexicon, &mut faults);
    if faults.is_empty() {
        Ok(lexicon)
    } else {
        faults.sort();
        Err(faults)
    }
}

fn file<'a>(
    name: &str,
    text: &'a str,
    lexicon: &mut Lexicon,
    parents: &mut Vec<(u32, &'a str, u32, usize)>,
    sites: &mut Vec<(u32, &'a str, u32, usize)>,
    faults: &mut Vec<Fault>,
) {
    let mut language = None;
    let mut domain = None;
    let mut kind = None;
    let mut version = false;
    let mut columns: Option<Vec<&str>> = None;
    let file = lexicon.files.len() as u32;
    for (i, line) in text.lines().enumerate() {
        let number = i + 1;
        let mut fault = |message: String| faults.push(Fault::new(name, number, message));
        if let Some(comment) = line.strip_prefix('#') {
            match comment.split_once(':').map(|(k, v)| (k.trim(), v.trim())) {
                Some(("language", value)) => language = Some(value.to_owned()),
                Some(("domain", value)) => domain = Some(value.to_owned()),
                Some(("kind", value)) => match value {
                    "finding" => kind = Some(Kind::Finding),
                    "device" => kind = Some(Kind::Device),
                    "anatomy" => kind = Some(Kind::Anatomy),
                    "descriptor" => kind = Some(Kind::Descriptor),
                    _ => fault(format!("unknown kind \"{value}\"; expected finding, device, anatomy or descriptor")),
                },
                _ => match comment.trim().strip_prefix("radlabel lexicon v") {
                    Some("1") => version = true,
                    Some(other) => fault(format!("lexicon version {other}; this radlabel reads version 1")),
                    None => {}
                },
            }
            continue;
        }
        if line.trim().is_empty() {
            continue;
        }
        let Some(columns) = &columns else {
            if !version {
                fault("no line \"# radlabel lexicon v1\" before the header".to_owned());
            }
            let header: Vec<&str> = line.split('\t').collect();
            for required in REQUIRED {
                if !header.contains(&required) {
                    fault(format!("no column \"{required}\"; expected {}", REQUIRED.join(", ")));
                }
            }
            for (i, column) in header.iter().enumerate() {
                if !REQUIRED.contains(column) && !OPTIONAL.contains(column) {
                    fault(format!(
                        "unknown column \"{column}\"; expected {} or {}",
                        REQUIRED.join(", "),
                        OPTIONAL.join(", ")
                    ));
                }
                if header[..i].contains(column) {
                    fault(format!("column \"{column}\" stands twice"));
                }
            }
            let (Some(language), Some(domain), Some(kind)) = (&language, &domain, kind) else {
                fault(
                    "the lines \"# language:\", \"# domain:\" and \"# kind:\" must stand before the header".to_owned(),
                );
                return;
            };
            if REQUIRED.iter().any(|r| !header.contains(r)) {
                return;
            }
            lexicon.files.push(LexiconFile {
                name: name.to_owned(),
                language: language.clone(),
                domain: domain.clone(),
                kind,
            });
            columns = Some(header);
            continue;
        };
        let cells: Vec<&str> = line.split('\t').collect();
        if cells.len() > columns.len() {
            fault(format!("{} cells; the header has {}", cells.len(), columns.len()));
            continue;
        }
        let cell = |column: &str| {
            columns.iter().position(|c| *c == column).and_then(|i| cells.get(i)).map_or("", |c| c.trim())
        };
        let id = cell("id");
        if id.is_empty() || !id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-') {
            fault(format!("id \"{id}\"; expected lower-case letters, digits and hyphens"));
            continue;
        }
        let kind = lexicon.files[file as usize].kind;
        // A concept that stands in an earlier file takes further terms here: that is how a user adds a
        // wording, or a file another language.
        let concept = match lexicon.find(id) {
            Some(known) => {
                let first = lexicon.concept(known);
                if first.file == file {
                    fault(format!("id \"{id}\" stands already in line {}", first.line));
                    continue;
                }
                if first.kind != kind {
                    fault(format!(
                        "id \"{id}\" is of another kind in {}:{}",
                        lexicon.files[first.file as usize].name, first.line
                    ));
                    continue;
                }
                known
            }
            None => {
                let side = match cell("side") {
                    "" => None,
                    "left" => Some(Side::Left),
                    "right" => Some(Side::Right),
                    "bilateral" => Some(Side::Bilateral),
                    other => {
                        fault(format!("unknown side \"{other}\"; expected left, right, bilateral or nothing"));
                        None
                    }
                };
                let codes = ["radlex", "snomed", "icd10"]
                    .iter()
                    .flat_map(|system| {
                        cell(system)
                            .split(',')
                            .map(str::trim)
                            .filter(|c| !c.is_empty())
                            .map(|c| ((*system).into(), c.into()))
                    })
                    .collect();
                let new = ConceptId(lexicon.concepts.len() as u32);
                let name = if cell("name").is_empty() { id } else { cell("name") };
                lexicon.concepts.push(Concept {
                    id: id.into(),
                    name: name.into(),
                    kind,
                    parents: Vec::new(),
                    side,
                    site: None,
                    codes,
                    file,
                    line: number as u32,
                });
                lexicon.ids.insert(id.into(), new);
                let at = columns.iter().position(|c| *c == "site");
                if let Some(site) = at.and_then(|i| cells.get(i)).map(|s| s.trim()).filter(|s| !s.is_empty()) {
                    sites.push((new.0, site, file, number));
                }
                let at = columns.iter().position(|c| *c == "parents");
                for parent in at.and_then(|i| cells.get(i)).copied().unwrap_or("").split(',').map(str::trim) {
                    if !parent.is_empty() {
                        parents.push((new.0, parent, file, number));
                    }
                }
                new
            }
        };
        for term in cell("terms").split('|').map(str::trim).filter(|t| !t.is_empty()) {
            lexicon.terms.push(Term { text: term.to_lowercase().into(), concept, file, line: number as u32 });
        }
    }
    if columns.is_none() {
        faults.push(Fault::new(name, 0, "no header line"));
    }
}

fn cycles(lexicon: &Lexicon, faults: &mut Vec<Fault>) {
    // 0 = not seen, 1 = on the path, 2 = done.
    fn visit(lexicon: &Lexicon, at: usize, state: &mut [u8], faults: &mut Vec<Fault>) {
        state[at] = 1;
        for parent in &lexicon.concepts[at].parents {
            match state[parent.index()] {
                0 => visit(lexicon, parent.index(), state, faults),
                1 => {
                    let c = &lexicon.concepts[at];
                    faults.push(Fault::new(
                        &lexicon.files[c.file as usize].name,
                        c.line as usize,
                        format!(
                            "\"{}\" lies under itself through its parent \"{}\"",
                            c.id,
                            lexicon.concept(*parent).id
                        ),
                    ));
                }
                _ => {}
            }
        }
        state[at] = 2;
    }
    let mut state = vec![0; lexicon.concepts.len()];
    for at in 0..lexicon.concepts.len() {
        if state[at] == 0 {
            visit(lexicon, at, &mut state, faults);
        }
    }
}
