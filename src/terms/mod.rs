//! Terminologies of others -> one neutral form -> a lexicon file of radlabel's.
//!
//! A reader a format ([`read`]) gives [`Entry`]s and knows nothing of radlabel's concepts; [`choose`] says
//! which of them are wanted; [`import`] binds those to the concepts that the engine has, and writes the rest
//! as new ones. No terminology is shipped: each user brings the release that their licence allows. An edge:
//! the core never imports it.

mod anatomy;
mod bind;
mod choice;
mod clean;
mod faults;
mod hierarchy;
mod icd;
mod ids;
mod import;
mod models;
mod obo;
mod owl;
mod prune;
mod rf2;
mod source;
mod table;
mod wordings;
mod write;

pub use choice::{Choice, Left, choose};
pub use faults::Faults;
pub use hierarchy::{Hierarchy, Orphans};
pub use import::{Binding, Clash, Import, Placing, Summary, import};
pub use write::{Header, write};

use crate::Error;
use crate::error::Fault;
use crate::lexicon::{Kind, Side};
use std::borrow::Cow;
use std::path::PathBuf;

/// How a terminology is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// RadLex (or another ontology) as OWL in RDF/XML
    Owl,
    /// RadLex as BioPortal's table: Class ID, Preferred Label, Synonyms, ...
    Bioportal,
    /// RadLex as a table without a header: name, RID, RID of the parent
    RadlexList,
    /// A folder with a SNOMED CT release (RF2, Snapshot)
    Rf2,
    /// ICD-10-CM, tabular list in XML
    Icd10cm,
    /// Open imaging finding models, one JSON object a line
    FindingModels,
    /// Open anatomic locations, a JSON array
    AnatomicLocations,
    /// OBO (HPO, MONDO, UBERON, ...)
    Obo,
    /// A table of your own (CSV or TSV) with a column "name"
    Table,
}

/// Which synonyms of a source are wordings of the concept itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Synonyms {
    /// Those that mean the same
    #[default]
    Exact,
    /// Broader, narrower and related ones too
    All,
}

/// How to read.
#[derive(Clone, Debug)]
pub struct Options {
    /// The format, where content does not tell.
    pub format: Option<Format>,
    /// The language of the wordings that are wanted (`en`).
    pub language: String,
    /// Which synonyms.
    pub synonyms: Synonyms,
    /// Concepts that the source has given up are wanted too.
    pub inactive: bool,
}

impl Options {
    /// The language that a tag (`en-GB`) names is the wanted one. Nothing said means English.
    pub(crate) fn speaks(&self, tag: &str) -> bool {
        let primary = tag.split(['-', '_']).next().unwrap_or("");
        self.language.eq_ignore_ascii_case(if primary.is_empty() { "en" } else { primary })
    }
}

/// What a source says that a concept is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Guess {
    /// One of radlabel's kinds.
    Is(Kind),
    /// The source does not say.
    Unknown,
    /// Something that radlabel has no kind for: a procedure, a chapter of a book.
    Foreign,
}

/// The wording that a source prefers, in the wanted language.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Preferred {
    /// The name itself.
    Name,
    /// The name is of another language than this.
    Other(Box<str>),
    /// There is none.
    Missing,
}

/// A concept as its source has it.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its code, unique in the source.
    pub code: Box<str>,
    /// The code's system: `radlex`, `snomed`, `icd10`, or any other name.
    pub system: Cow<'static, str>,
    /// Its name, in English where there is one.
    pub name: Box<str>,
    /// Its preferred wording.
    pub preferred: Preferred,
    /// Other wordings in the wanted language.
    pub synonyms: Vec<Box<str>>,
    /// What it means.
    pub definition: Box<str>,
    /// Codes of broader concepts.
    pub parents: Vec<Box<str>>,
    /// Codes in other systems.
    pub others: Vec<(Cow<'static, str>, Box<str>)>,
    /// The source still stands by it.
    pub active: bool,
    /// What it is.
    pub guess: Guess,
    /// Its side.
    pub side: Option<Side>,
    /// Index into [`Terminology::files`], and line from 1 (0: unknown).
    pub place: (u16, u32),
}

impl Entry {
    fn new(system: impl Into<Cow<'static, str>>, code: &str, name: &str, place: (u16, u32)) -> Entry {
        Entry {
            code: code.into(),
            system: system.into(),
            name: name.into(),
            preferred: Preferred::Name,
            synonyms: Vec::new(),
            definition: "".into(),
            parents: Vec::new(),
            others: Vec::new(),
            active: true,
            guess: Guess::Unknown,
            side: None,
            place,
        }
    }

    /// Adds a code of another system, where it is one that a lexicon can hold.
    fn other(&mut self, system: &str, code: &str) {
        let code = code.trim();
        if !code.is_empty() && !code.contains([',', '\t', ' ', '|']) && code.len() <= 64 {
            self.others.push((system_name(system), code.into()));
        }
    }

    /// Adds a code of a system that radlabel has a column for.
    fn other_in(&mut self, system: &'static str, code: &str) {
        let before = self.others.len();
        self.other("", code);
        if let Some(added) = self.others.get_mut(before) {
            added.0 = system.into();
        }
    }
}

/// The name under which radlabel knows a code system.
fn system_name(name: &str) -> Cow<'static, str> {
    match name.trim().to_ascii_uppercase().as_str() {
        "RADLEX" | "RID" => "radlex".into(),
        "SNOMEDCT" | "SNOMEDCT_US" | "SNOMED" | "SNOMED_CT" | "SNOMED_ID" | "SCTID" | "SCT" => "snomed".into(),
        "ICD10CM" | "ICD-10-CM" => "icd10".into(),
        "MESHID" | "MSH" => "MESH".into(),
        "UMLS_CUI" | "UMLS_ID" | "UMLSCUI" => "UMLS".into(),
        "FMAID" | "FMA_ID" => "FMA".into(),
        other => other.replace([' ', ':', ',', '\t', '|'], "-").into(),
    }
}

/// Text in one line: definitions and terms stand in cells.
fn one_line(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for word in text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|w| !w.is_empty()) {
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(word);
    }
    out
}

/// A terminology in memory.
#[derive(Clone, Debug)]
pub struct Terminology {
    /// The files read, as the user knows them.
    pub files: Vec<String>,
    /// How they were laid out.
    pub format: Format,
    /// The concepts, in order of reading.
    pub entries: Vec<Entry>,
    /// What was guessed on the way and the user should know.
    pub told: Vec<String>,
}

impl Terminology {
    /// A fault at an entry's place.
    pub(crate) fn fault(&self, entry: &Entry, message: String) -> Fault {
        Fault::new(&self.files[usize::from(entry.place.0)], entry.place.1 as usize, message)
    }
}

/// What a reader writes to.
struct Reading<'a> {
    options: &'a Options,
    files: Vec<String>,
    entries: Vec<Entry>,
    faults: &'a mut Faults,
    told: Vec<String>,
}

impl Reading<'_> {
    /// Begins a file; gives its number.
    fn begin(&mut self, name: String) -> u16 {
        self.files.push(name);
        (self.files.len() - 1).min(usize::from(u16::MAX)) as u16
    }

    /// A line (0: unknown) of the file that was begun last.
    fn place(&self, line: u64) -> (u16, u32) {
        ((self.files.len() - 1) as u16, line as u32)
    }

    /// Keeps an entry of a source that is in English only: for another language it has a name and codes alone.
    fn keep_english(&mut self, mut entry: Entry) {
        if !self.options.speaks("en") {
            entry.preferred = Preferred::Missing;
            entry.synonyms.clear();
        }
        self.entries.push(entry);
    }

    /// A fault in the file that was begun last.
    fn fault(&mut self, class: &'static str, line: u64, message: impl Into<String>) {
        let file = self.files.last().map_or("", String::as_str);
        self.faults.add(class, Fault::new(file, line as usize, message));
    }
}

/// Reads files (or, for RF2, folders) of one format. What is malformed is added to `faults`.
///
/// # Errors
/// [`Error::Input`] for what cannot be opened or recognised.
pub fn read(paths: &[PathBuf], options: &Options, faults: &mut Faults) -> Result<Terminology, Error> {
    let mut format = None;
    for path in paths {
        let found = match options.format {
            Some(format) => format,
            None => source::recognise(path)?,
        };
        if *format.get_or_insert(found) != found {
            return Err(Error::input(path.display().to_string(), "of another format than the file before it"));
        }
    }
    let Some(format) = format else {
        return Err(Error::Usage("no file to import".to_owned()));
    };
    let mut reading = Reading { options, files: Vec::new(), entries: Vec::new(), faults, told: Vec::new() };
    if format == Format::Rf2 {
        rf2::read(paths, &mut reading)?;
    } else {
        for path in paths {
            reading.begin(path.display().to_string());
            match format {
                Format::Owl => owl::read(path, &mut reading)?,
                Format::Icd10cm => icd::read(path, &mut reading)?,
                Format::FindingModels => models::read(path, &mut reading)?,
                Format::AnatomicLocations => anatomy::read(path, &mut reading)?,
                Format::Obo => obo::read(path, &mut reading)?,
                Format::Bioportal | Format::RadlexList | Format::Table => table::read(path, format, &mut reading)?,
                Format::Rf2 => {}
            }
        }
    }
    let Reading { files, entries, told, .. } = reading;
    Ok(Terminology { files, format, entries, told })
}
