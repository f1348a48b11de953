//! Reads lexicon files. Every line is checked; every fault is told with its file and line.
//!
//! It is on the way to the first label of every run, so a line costs its cells and little more: columns are
//! numbered once a file, and nothing is copied but what a concept keeps.

use super::{Concept, Kind, Lexicon, LexiconFile, Side, Spelling, Term};
use crate::error::Fault;
use crate::span::ConceptId;

const REQUIRED: [&str; 4] = ["id", "name", "parents", "terms"];
const OPTIONAL: [&str; 9] = ["side", "radlex", "snomed", "icd10", "source", "definition", "other", "kind", "site"];

/// The code systems that have a column of their own.
pub const SYSTEMS: [&str; 3] = ["radlex", "snomed", "icd10"];

/// A parent as a row names it.
struct Named<'a> {
    child: ConceptId,
    parent: &'a str,
    file: u32,
    line: u32,
}

pub(super) fn load<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Lexicon, Vec<Fault>> {
    let mut lexicon = Lexicon::default();
    let mut faults = Vec::new();
    let mut parents = Vec::new();
    let mut sites = Vec::new();
    for (name, text) in files {
        let number = lexicon.files.len() as u32;
        Reader { name, number, lexicon: &mut lexicon, parents: &mut parents, sites: &mut sites, faults: &mut faults }
            .read(text);
    }
    for Named { child, parent, file, line } in parents {
        match lexicon.find(parent) {
            // A second file may say again what the first says.
            Some(id) if lexicon.concept(child).parents.contains(&id) => {}
            Some(id) => lexicon.concepts[child.index()].parents.push(id),
            None => faults.push(Fault::new(
                &lexicon.files[file as usize].name,
                line as usize,
                format!("unknown parent \"{parent}\"; expected the id of a concept"),
            )),
        }
    }
    for Named { child, parent: site, file, line } in sites {
        match lexicon.find(site).filter(|&id| lexicon.concept(id).kind == Kind::Anatomy) {
            Some(id) => lexicon.concepts[child.index()].site = Some(id),
            None => faults.push(Fault::new(
                &lexicon.files[file as usize].name,
                line as usize,
                format!("unknown site \"{site}\"; expected the id of an anatomic concept"),
            )),
        }
    }
    cycles(&lexicon, &mut faults);
    if faults.is_empty() {
        lexicon.link();
        Ok(lexicon)
    } else {
        faults.sort();
        Err(faults)
    }
}

/// One file on its way into the lexicon.
struct Reader<'a, 'l> {
    name: &'l str,
    number: u32,
    lexicon: &'l mut Lexicon,
    parents: &'l mut Vec<Named<'a>>,
    sites: &'l mut Vec<Named<'a>>,
    faults: &'l mut Vec<Fault>,
}

/// What the comment lines say.
#[derive(Default)]
struct Head {
    version: bool,
    language: Option<String>,
    domain: Option<String>,
    kind: Option<Kind>,
    exact: bool,
}

/// Where each column stands.
#[derive(Default)]
struct Columns {
    count: usize,
    places: [Option<usize>; REQUIRED.len() + OPTIONAL.len()],
}

impl Columns {
    fn name(place: usize) -> &'static str {
        REQUIRED.get(place).or_else(|| OPTIONAL.get(place - REQUIRED.len())).copied().unwrap_or("")
    }
}

/// The columns by name, in the order of [`REQUIRED`] and [`OPTIONAL`].
struct Row<'a> {
    id: &'a str,
    name: &'a str,
    parents: &'a str,
    terms: &'a str,
    side: &'a str,
    systems: [&'a str; SYSTEMS.len()],
    source: &'a str,
    definition: &'a str,
    other: &'a str,
    kind: &'a str,
    site: &'a str,
}

impl<'a> Reader<'a, '_> {
    fn fault(&mut self, line: usize, message: String) {
        self.faults.push(Fault::new(self.name, line, message));
    }

    fn read(mut self, text: &'a str) {
        let mut head = Head::default();
        let mut columns: Option<Columns> = None;
        for (i, line) in text.lines().enumerate() {
            let number = i + 1;
            if let Some(comment) = line.strip_prefix('#') {
                self.comment(comment, number, &mut head);
            } else if line.trim().is_empty() {
            } else if let Some(columns) = &columns {
                self.row(line, number, columns);
            } else {
                columns = self.header(line, number, &mut head);
                if columns.is_none() {
                    return;
                }
            }
        }
        if columns.is_none() {
            self.fault(0, "no header line".to_owned());
        }
    }

    fn comment(&mut self, comment: &str, line: usize, head: &mut Head) {
        match comment.split_once(':').map(|(k, v)| (k.trim(), v.trim())) {
            Some(("language", value)) => head.language = Some(value.to_owned()),
            Some(("domain", value)) => head.domain = Some(value.to_owned()),
            Some(("kind", value)) => head.kind = self.kind(value, line),
            Some(("spelling", "exact")) => head.exact = true,
            Some(("spelling", value)) if value != "slips" => {
                self.fault(line, format!("unknown spelling \"{value}\"; expected slips or exact"));
            }
            _ => match comment.trim().strip_prefix("radlabel lexicon v") {
                Some("1") => head.version = true,
                Some(other) => self.fault(line, format!("lexicon version {other}; this radlabel reads version 1")),
                None => {}
            },
        }
    }

    fn kind(&mut self, value: &str, line: usize) -> Option<Kind> {
        let kind = Kind::named(value);
        if kind.is_none() {
            self.fault(line, format!("unknown kind \"{value}\"; expected finding, device, anatomy or descriptor"));
        }
        kind
    }

    /// The columns, and the file itself, where both are as they should be.
    fn header(&mut self, line: &str, number: usize, head: &mut Head) -> Option<Columns> {
        if !head.version {
            self.fault(number, "no line \"# radlabel lexicon v1\" before the header".to_owned());
        }
        let header: Vec<&str> = line.split('\t').collect();
        for required in REQUIRED {
            if !header.contains(&required) {
                self.fault(number, format!("no column \"{required}\"; expected {}", REQUIRED.join(", ")));
            }
        }
        let mut columns = Columns { count: header.len(), ..Columns::default() };
        for (i, column) in header.iter().enumerate() {
            match (0..columns.places.len()).find(|&p| Columns::name(p) == *column) {
                Some(place) if columns.places[place].is_some() => {
                    self.fault(number, format!("column \"{column}\" stands twice"));
                }
                Some(place) => columns.places[place] = Some(i),
                None => self.fault(
                    number,
                    format!("unknown column \"{column}\"; expected {} or {}", REQUIRED.join(", "), OPTIONAL.join(", ")),
                ),
            }
        }
        let (Some(language), Some(domain), Some(kind)) = (head.language.take(), head.domain.take(), head.kind) else {
            self.fault(
                number,
                "the lines \"# language:\", \"# domain:\" and \"# kind:\" must stand before the header".to_owned(),
            );
            return None;
        };
        if columns.places[..REQUIRED.len()].iter().any(Option::is_none) {
            return None;
        }
        let spelling = if head.exact { Spelling::Exact } else { Spelling::Slips };
        self.lexicon.files.push(LexiconFile { name: self.name.to_owned(), language, domain, kind, spelling });
        Some(columns)
    }

    fn row(&mut self, line: &'a str, number: usize, columns: &Columns) {
        let mut cells = [""; REQUIRED.len() + OPTIONAL.len() + 1];
        let mut count = 0;
        for cell in line.split('\t') {
            if let Some(slot) = cells.get_mut(count) {
                *slot = cell.trim();
            }
            count += 1;
        }
        if count > columns.count {
            return self.fault(number, format!("{count} cells; the header has {}", columns.count));
        }
        let cell = |place: usize| columns.places[place].and_then(|i| cells.get(i)).copied().unwrap_or("");
        let row = Row {
            id: cell(0),
            name: cell(1),
            parents: cell(2),
            terms: cell(3),
            side: cell(4),
            systems: [cell(5), cell(6), cell(7)],
            source: cell(8),
            definition: cell(9),
            other: cell(10),
            kind: cell(11),
            site: cell(12),
        };
        let id = row.id;
        if id.is_empty() || !id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-') {
            return self.fault(number, format!("id \"{id}\"; expected lower-case letters, digits and hyphens"));
        }
        let Some(concept) = self.concept(&row, number) else { return };
        self.codes(&row, concept, number);
        let (file, line) = (self.number, number as u32);
        for parent in row.parents.split(',').map(str::trim).filter(|p| !p.is_empty()) {
            self.parents.push(Named { child: concept, parent, file, line });
        }
        if !row.site.is_empty() {
            self.sites.push(Named { child: concept, parent: row.site, file, line });
        }
        for term in row.terms.split('|').map(str::trim).filter(|t| !t.is_empty()) {
            // Terms are nearly all written in small letters already.
            let small = term.bytes().all(|b| b.is_ascii() && !b.is_ascii_uppercase());
            let text = if small { term.into() } else { term.to_lowercase().into() };
            self.lexicon.terms.push(Term { text, concept, file, line });
        }
    }

    /// The row's concept. One that stands in an earlier file is taken up again here: that is how a user adds
    /// a wording or a code, or a file another language.
    fn concept(&mut self, row: &Row<'a>, line: usize) -> Option<ConceptId> {
        let id = row.id;
        let kind = match row.kind {
            "" => self.lexicon.files[self.number as usize].kind,
            value => self.kind(value, line)?,
        };
        if let Some(known) = self.lexicon.find(id) {
            let first = &mut self.lexicon.concepts[known.index()];
            let at = first.line;
            if first.file == self.number {
                self.fault(line, format!("id \"{id}\" stands already in line {at}"));
                return None;
            }
            if first.kind != kind {
                let file = &self.lexicon.files[first.file as usize].name;
                let message = format!("id \"{id}\" is of another kind in {file}:{at}");
                self.fault(line, message);
                return None;
            }
            if first.definition.is_empty() {
                first.definition = row.definition.into();
            }
            return Some(known);
        }
        let side = Side::named(row.side);
        if side.is_none() && !row.side.is_empty() {
            let message = format!("unknown side \"{}\"; expected left, right, bilateral or nothing", row.side);
            self.fault(line, message);
        }
        let new = ConceptId(self.lexicon.concepts.len() as u32);
        self.lexicon.concepts.push(Concept {
            id: id.into(),
            name: if row.name.is_empty() { id } else { row.name }.into(),
            kind,
            parents: Vec::new(),
            side,
            site: None,
            codes: Vec::new(),
            definition: row.definition.into(),
            source: row.source.into(),
            file: self.number,
            line: line as u32,
        });
        self.lexicon.ids.insert(id.into(), new);
        Some(new)
    }

    /// Adds the row's codes to the concept, each once.
    fn codes(&mut self, row: &Row<'_>, concept: ConceptId, line: usize) {
        let mut wrong = Vec::new();
        let named = SYSTEMS.iter().zip(row.systems).filter(|(_, cell)| !cell.is_empty());
        let named = named.flat_map(|(system, cell)| cell.split(',').map(|code| (*system, code.trim())));
        let other = row.other.split(',').map(str::trim).filter(|c| !c.is_empty()).filter_map(|item| {
            let parted = parted(item);
            if parted.is_none() {
                wrong.push(format!("code \"{item}\"; expected SYSTEM:CODE, as in HP:0001234"));
            }
            parted
        });
        let codes = &mut self.lexicon.concepts[concept.index()].codes;
        for (system, code) in named.chain(other).filter(|(_, code)| !code.is_empty()) {
            if !codes.iter().any(|(s, c)| **s == *system && **c == *code) {
                codes.push((system.into(), code.into()));
            }
        }
        for message in wrong {
            self.fault(line, message);
        }
    }
}

/// `HP:0001234` and `OIFM_GMTS_004244` as system and code: the first says its system before a colon, the
/// second is a whole whose first part names it.
pub fn parted(item: &str) -> Option<(&str, &str)> {
    match item.split_once(':') {
        Some((system, code)) => Some((system.trim(), code.trim())),
        None => item.split_once('_').map(|(system, _)| (system, item)),
    }
    .filter(|(system, code)| !system.is_empty() && !code.is_empty())
}

fn cycles(lexicon: &Lexicon, faults: &mut Vec<Fault>) {
    // 0 = not seen, 1 = on the path, 2 = done. The path is a list: a chain may be longer than the stack.
    let mut state = vec![0_u8; lexicon.concepts.len()];
    let mut path: Vec<(usize, usize)> = Vec::new();
    for start in 0..lexicon.concepts.len() {
        if state[start] == 0 {
            state[start] = 1;
            path.push((start, 0));
        }
        while let Some((at, next)) = path.last_mut() {
            let concept = &lexicon.concepts[*at];
            let Some(parent) = concept.parents.get(*next) else {
                state[*at] = 2;
                path.pop();
                continue;
            };
            *next += 1;
            match state[parent.index()] {
                0 => {
                    state[parent.index()] = 1;
                    path.push((parent.index(), 0));
                }
                1 => faults.push(Fault::new(
                    &lexicon.files[concept.file as usize].name,
                    concept.line as usize,
                    format!(
                        "\"{}\" lies under itself through its parent \"{}\"",
                        concept.id,
                        lexicon.concept(*parent).id
                    ),
                )),
                _ => {}
            }
        }
    }
}
