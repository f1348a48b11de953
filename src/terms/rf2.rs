//! SNOMED CT, release format 2: the snapshot files of one or more release folders (an edition and its
//! extensions), line by line.
//!
//! A release holds a million descriptions: what is inactive or of another language is dropped while it is
//! read, and identifiers are numbers here.

use super::{Entry, Guess, Preferred, Reading, one_line, source};
use crate::Error;
use crate::lexicon::Kind;
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

const FULLY_SPECIFIED: u64 = 900_000_000_000_003_001;
const IS_A: u64 = 116_680_003;
const PREFERRED: u64 = 900_000_000_000_548_007;
const US_ENGLISH: u64 = 900_000_000_000_509_007;
/// The columns of descriptions and of text definitions.
const DESCRIPTION: [&str; 9] =
    ["id", "effectiveTime", "active", "moduleId", "conceptId", "languageCode", "typeId", "term", "caseSignificanceId"];
/// Stands for a concept that is known but not taken.
const INACTIVE: u32 = u32::MAX;

/// The files of a release that are read.
#[derive(Default)]
struct Files {
    concepts: Vec<PathBuf>,
    descriptions: Vec<PathBuf>,
    definitions: Vec<PathBuf>,
    relationships: Vec<PathBuf>,
    languages: Vec<PathBuf>,
}

/// There are concepts of a release somewhere below this folder.
pub(super) fn holds_release(folder: &Path) -> bool {
    let mut files = Files::default();
    files.gather(folder, "en").is_ok() && !files.concepts.is_empty()
}

impl Files {
    fn gather(&mut self, folder: &Path, language: &str) -> std::io::Result<()> {
        let mut folders = vec![folder.to_owned()];
        let mut found = Vec::new();
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder)? {
                let path = entry?.path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    found.push(path);
                }
            }
        }
        found.sort();
        // `-en_INT_20260101.txt`, `-en-GB_...`
        let speaks = |name: &str, file: &str| {
            let tag = name.strip_prefix(file).and_then(|rest| rest.split('_').next()).unwrap_or("");
            tag.split('-').next().is_some_and(|t| t.eq_ignore_ascii_case(language))
        };
        for path in found {
            let Some(name) = path.file_name().and_then(|n| n.to_str()) else { continue };
            let name = name.strip_prefix('x').unwrap_or(name).to_owned();
            if !name.ends_with(".txt") {
                continue;
            }
            if name.starts_with("sct2_Concept_Snapshot") {
                self.concepts.push(path);
            } else if speaks(&name, "sct2_Description_Snapshot-") {
                self.descriptions.push(path);
            } else if speaks(&name, "sct2_TextDefinition_Snapshot-") {
                self.definitions.push(path);
            } else if name.starts_with("sct2_Relationship_Snapshot") {
                self.relationships.push(path);
            } else if speaks(&name, "der2_cRefset_LanguageSnapshot-") {
                self.languages.push(path);
            }
        }
        Ok(())
    }
}

/// A line of a release: its cells, of which the first ones are numbers.
struct Row<'l> {
    cells: Vec<&'l str>,
}

impl Row<'_> {
    fn number(&self, at: usize) -> Result<u64, String> {
        let cell = self.cells[at];
        cell.parse().map_err(|_| format!("{}; expected an identifier of digits", crate::error::shown(cell)))
    }
}

/// Reads release folders.
pub(super) fn read(folders: &[PathBuf], reading: &mut Reading<'_>) -> Result<(), Error> {
    let language = reading.options.language.clone();
    let mut files = Files::default();
    for folder in folders {
        files.gather(folder, &language).map_err(|e| Error::input(folder.display().to_string(), e))?;
    }
    let missing = [
        (&files.concepts, "sct2_Concept_Snapshot_*.txt".to_owned()),
        (&files.descriptions, format!("sct2_Description_Snapshot-{language}_*.txt")),
        (&files.relationships, "sct2_Relationship_Snapshot_*.txt".to_owned()),
    ];
    for (found, name) in &missing {
        if found.is_empty() {
            let place = folders.first().map_or_else(String::new, |f| f.display().to_string());
            return Err(Error::input(place, format!("no {name} below this folder")));
        }
    }
    let mut places: HashMap<u64, u32> = HashMap::new();
    for file in &files.concepts {
        concepts(file, &mut places, reading)?;
    }
    let mut preferred: HashSet<u64> = HashSet::new();
    for file in &files.languages {
        acceptability(file, &mut preferred, reading)?;
    }
    for file in &files.descriptions {
        descriptions(file, &places, &preferred, reading)?;
    }
    for file in &files.definitions {
        definitions(file, &places, reading)?;
    }
    for file in &files.relationships {
        relationships(file, &places, reading)?;
    }
    for entry in &mut reading.entries {
        finish(entry, &reading.options.language);
    }
    Ok(())
}

/// Hands on every active line of a file; what is malformed is told.
fn lines(
    path: &Path,
    columns: &[&str],
    reading: &mut Reading<'_>,
    mut take: impl FnMut(&Row<'_>, u64, &mut Reading<'_>) -> Result<(), String>,
) -> Result<(), Error> {
    let place = path.display().to_string();
    reading.begin(place.clone());
    let mut source = source::open(path)?;
    let mut buffer = Vec::new();
    let mut header = true;
    loop {
        let line = source.line();
        match source::next_line(&mut source, &mut buffer) {
            Ok(true) => {}
            Ok(false) => break,
            Err(e) => return Err(Error::input(place, e)),
        }
        let Ok(text) = std::str::from_utf8(&buffer) else {
            reading.fault("not UTF-8", line, "not UTF-8");
            continue;
        };
        let row = Row { cells: text.split('\t').collect() };
        if header {
            header = false;
            if row.cells != columns {
                reading.fault("malformed RF2", line, format!("unknown header; expected {}", columns.join(", ")));
                return Ok(());
            }
            continue;
        }
        if row.cells.len() != columns.len() {
            let message = format!("{} cells; the header has {}", row.cells.len(), columns.len());
            reading.fault("malformed RF2", line, message);
            continue;
        }
        if let Err(message) = take(&row, line, reading) {
            reading.fault("malformed RF2", line, message);
        }
    }
    if header {
        reading.fault("malformed RF2", 0, "no header line");
    }
    Ok(())
}

/// The line stands in force.
fn active(row: &Row<'_>) -> Result<bool, String> {
    match row.cells[2] {
        "1" => Ok(true),
        "0" => Ok(false),
        other => Err(format!("active is {}; expected 0 or 1", crate::error::shown(other))),
    }
}

fn concepts(path: &Path, places: &mut HashMap<u64, u32>, reading: &mut Reading<'_>) -> Result<(), Error> {
    let columns = ["id", "effectiveTime", "active", "moduleId", "definitionStatusId"];
    lines(path, &columns, reading, |row, line, reading| {
        let id = row.number(0)?;
        let active = active(row)?;
        // An extension may say again, later, what the edition says; the lists of both are snapshots.
        if let Some(&at) = places.get(&id) {
            if let Some(entry) = reading.entries.get_mut(at as usize) {
                entry.active &= active;
            }
            return Ok(());
        }
        if !active {
            places.insert(id, INACTIVE);
        }
        if active || reading.options.inactive {
            places.insert(id, reading.entries.len() as u32);
            let mut entry = Entry::new("snomed", row.cells[0], "", reading.place(line));
            entry.active = active;
            entry.preferred = Preferred::Missing;
            reading.entries.push(entry);
        }
        Ok(())
    })
}

/// Which descriptions a dialect prefers: those of US English where it is there, else of any.
fn acceptability(path: &Path, preferred: &mut HashSet<u64>, reading: &mut Reading<'_>) -> Result<(), Error> {
    let columns = ["id", "effectiveTime", "active", "moduleId", "refsetId", "referencedComponentId", "acceptabilityId"];
    let english = reading.options.speaks("en");
    lines(path, &columns, reading, |row, _, _| {
        if active(row)? && row.number(6)? == PREFERRED && (!english || row.number(4)? == US_ENGLISH) {
            preferred.insert(row.number(5)?);
        }
        Ok(())
    })
}

/// The entry of a concept, where it is taken.
fn entry_of<'e>(
    id: u64,
    places: &HashMap<u64, u32>,
    reading: &'e mut Reading<'_>,
) -> Result<Option<&'e mut Entry>, String> {
    match places.get(&id) {
        Some(&at) => Ok(reading.entries.get_mut(at as usize)),
        None => Err(format!("unknown concept {id}; expected one of the concept file")),
    }
}

fn descriptions(
    path: &Path,
    places: &HashMap<u64, u32>,
    preferred: &HashSet<u64>,
    reading: &mut Reading<'_>,
) -> Result<(), Error> {
    lines(path, &DESCRIPTION, reading, |row, _, reading| {
        let id = row.number(0)?;
        let kind = row.number(6)?;
        if !active(row)? {
            return Ok(());
        }
        let Some(entry) = entry_of(row.number(4)?, places, reading)? else { return Ok(()) };
        let term: Box<str> = one_line(row.cells[7]).into();
        if term.is_empty() {
            return Err("an empty term".to_owned());
        }
        // The fully specified name waits in `name`, the preferred one in `preferred`.
        if kind == FULLY_SPECIFIED {
            entry.name = term;
        } else if preferred.contains(&id) && entry.preferred == Preferred::Missing {
            entry.preferred = Preferred::Other(term);
        } else {
            entry.synonyms.push(term);
        }
        Ok(())
    })
}

fn definitions(path: &Path, places: &HashMap<u64, u32>, reading: &mut Reading<'_>) -> Result<(), Error> {
    lines(path, &DESCRIPTION, reading, |row, _, reading| {
        if active(row)?
            && let Some(entry) = entry_of(row.number(4)?, places, reading)?
            && entry.definition.is_empty()
        {
            entry.definition = one_line(row.cells[7]).into();
        }
        Ok(())
    })
}

fn relationships(path: &Path, places: &HashMap<u64, u32>, reading: &mut Reading<'_>) -> Result<(), Error> {
    let columns = [
        "id",
        "effectiveTime",
        "active",
        "moduleId",
        "sourceId",
        "destinationId",
        "relationshipGroup",
        "typeId",
        "characteristicTypeId",
        "modifierId",
    ];
    lines(path, &columns, reading, |row, _, reading| {
        if !active(row)? || row.number(7)? != IS_A {
            return Ok(());
        }
        let (child, parent) = (row.number(4)?, row.number(5)?);
        let known = places.get(&parent).copied();
        let Some(entry) = entry_of(child, places, reading)? else { return Ok(()) };
        let code: Box<str> = row.cells[5].into();
        // An inactive parent is no parent; an unknown one is told with the rest of the hierarchy.
        if known != Some(INACTIVE) && !entry.parents.contains(&code) {
            entry.parents.push(code);
        }
        Ok(())
    })
}

/// Name, preferred wording and kind, once all descriptions are there.
fn finish(entry: &mut Entry, language: &str) {
    let (stem, tag) = tagged(&entry.name);
    entry.guess = guess(tag);
    let stem: Box<str> = stem.into();
    if entry.preferred == Preferred::Missing {
        // Without a language refset: the wording that the full name is made of, else the first.
        let at = entry.synonyms.iter().position(|s| *s == stem).unwrap_or(0);
        if at < entry.synonyms.len() {
            entry.preferred = Preferred::Other(entry.synonyms.remove(at));
        }
    }
    let name = std::mem::take(&mut entry.name);
    match (&entry.preferred, language) {
        (Preferred::Other(text), _) => {
            entry.name = text.clone();
            if *text != stem && !stem.is_empty() && !entry.synonyms.contains(&stem) {
                entry.synonyms.push(stem);
            }
            entry.preferred = Preferred::Name;
        }
        _ if !stem.is_empty() => {
            entry.name = stem;
            entry.preferred = Preferred::Name;
        }
        _ => entry.name = name,
    }
}

/// "Pneumonia (disorder)" as name and semantic tag.
fn tagged(name: &str) -> (&str, &str) {
    match name.strip_suffix(')').and_then(|n| n.rsplit_once(" (")) {
        Some((stem, tag)) if !stem.is_empty() => (stem, tag),
        _ => (name, ""),
    }
}

fn guess(tag: &str) -> Guess {
    match tag {
        "disorder" | "finding" | "morphologic abnormality" | "abnormality" | "disease" => Guess::Is(Kind::Finding),
        "body structure" | "cell structure" | "anatomical structure" => Guess::Is(Kind::Anatomy),
        "physical object" => Guess::Is(Kind::Device),
        "" | "qualifier value" | "observable entity" | "situation" | "event" => Guess::Unknown,
        _ => Guess::Foreign,
    }
}
