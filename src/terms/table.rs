//! Tables: RadLex as BioPortal's CSV, RadLex as a bare list of names, and tables of a user's own.

use super::{Entry, Format, Guess, Preferred, Reading, one_line, source};
use crate::Error;
use crate::lexicon::{Kind, SYSTEMS, Side};
use std::path::Path;

/// A RadLex id: RID and digits.
pub(super) fn is_rid(text: &str) -> bool {
    let digits = text.trim().strip_prefix("RID").unwrap_or("");
    !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit())
}

/// The cells of a line, by the separator that cuts it most.
pub(super) fn cells(line: &str) -> Vec<String> {
    let mut reader = reader(line, separator(line));
    let record = reader.records().next().and_then(Result::ok).unwrap_or_default();
    record.iter().map(|c| c.trim().trim_matches('"').to_owned()).collect()
}

fn separator(line: &str) -> u8 {
    let count = |c: char| line.matches(c).count();
    match (count('\t'), count(';'), count(',')) {
        (tabs, semicolons, commas) if tabs > 0 && tabs >= semicolons.max(commas) => b'\t',
        (_, semicolons, commas) if semicolons > commas => b';',
        _ => b',',
    }
}

fn reader(text: &str, separator: u8) -> csv::Reader<&[u8]> {
    csv::ReaderBuilder::new()
        .delimiter(separator)
        .has_headers(false)
        .flexible(true)
        // Tabs need no quotes, and whoever writes a table with tabs seldom means any.
        .quoting(separator != b'\t')
        .from_reader(text.as_bytes())
}

/// A row put after the last one: where a cell holds it, a quote was never closed. No table of text has such a row.
const END: &str = "\n\u{3}";

/// Reads one file.
pub(super) fn read(path: &Path, format: Format, reading: &mut Reading<'_>) -> Result<(), Error> {
    let (mut text, told) = source::whole(path)?;
    reading.told.extend(told);
    let separator = separator(text.lines().find(|l| !l.trim().is_empty()).unwrap_or(""));
    text.push_str(END);
    let mut columns = Columns::default();
    let mut header = format != Format::RadlexList;
    for record in reader(&text, separator).into_records() {
        let record = match record {
            Ok(record) => record,
            Err(e) => {
                let line = e.position().map_or(0, csv::Position::line);
                reading.fault("malformed CSV", line, format!("{e}"));
                continue;
            }
        };
        let line = record.position().map_or(0, csv::Position::line);
        match record.iter().next_back() {
            Some(last) if last == END.trim_start() => break,
            Some(last) if last.ends_with(END) => {
                let message = "a quote that is opened in this row is never closed: it holds the rest of the file";
                reading.fault("malformed CSV", line, message);
                break;
            }
            _ => {}
        }
        let cells: Vec<&str> = record.iter().map(str::trim).collect();
        if cells.iter().all(|c| c.is_empty()) || cells[0].starts_with('#') {
            continue;
        }
        if header {
            header = false;
            columns = Columns { names: cells.iter().map(|c| c.to_ascii_lowercase()).collect() };
            if !columns.check(format, line, reading) {
                return Ok(());
            }
            continue;
        }
        let quote_runs_on = cells.iter().any(|c| c.len() > 1 << 16);
        if quote_runs_on || (format != Format::RadlexList && cells.len() > columns.names.len()) {
            let message = match quote_runs_on {
                true => "a cell of more than 64 KiB; a quote that is opened here may never be closed".to_owned(),
                false => format!("{} cells; the header has {}", cells.len(), columns.names.len()),
            };
            reading.fault("malformed CSV", line, message);
            continue;
        }
        match format {
            Format::RadlexList => radlex(&cells, line, reading),
            Format::Bioportal => bioportal(&columns, &cells, line, reading),
            _ => own(&columns, &cells, line, reading),
        }
    }
    if header {
        reading.fault("malformed CSV", 0, "no header line");
    }
    Ok(())
}

/// The names of the columns, lower-cased.
#[derive(Default)]
struct Columns {
    names: Vec<String>,
}

const OWN: [&str; 14] = [
    "id",
    "name",
    "synonyms",
    "parents",
    "definition",
    "radlex",
    "snomed",
    "icd10",
    "other",
    "side",
    "kind",
    "terms",
    "source",
    "language",
];

impl Columns {
    fn cell<'c>(&self, cells: &[&'c str], name: &str) -> &'c str {
        self.names.iter().position(|n| n == name).and_then(|i| cells.get(i)).copied().unwrap_or("")
    }

    fn check(&self, format: Format, line: u64, reading: &mut Reading<'_>) -> bool {
        let needed: &[&str] = if format == Format::Bioportal { &["class id", "preferred label"] } else { &["name"] };
        let mut sound = true;
        for name in needed {
            if !self.names.iter().any(|n| n == name) {
                reading.fault("malformed CSV", line, format!("no column \"{name}\""));
                sound = false;
            }
        }
        for (i, name) in self.names.iter().enumerate().filter(|_| format == Format::Table) {
            if self.names[..i].contains(name) && !name.is_empty() {
                reading.fault("malformed CSV", line, format!("column \"{name}\" stands twice"));
                sound = false;
            }
            if !OWN.contains(&name.as_str()) && !name.is_empty() {
                let file = reading.files.last().map_or("", String::as_str);
                let told = format!("{file}:{line}: column \"{name}\" is not read; expected {}", OWN.join(", "));
                reading.told.push(told);
            }
        }
        sound
    }
}

/// The wordings of a cell.
fn items(cell: &str) -> Vec<Box<str>> {
    cell.split('|').map(one_line).filter(|s| !s.is_empty()).map(Into::into).collect()
}

/// A name that holds commas without quotes is put together again where the last two cells are RIDs.
fn radlex(cells: &[&str], line: u64, reading: &mut Reading<'_>) {
    let name = match cells {
        [name @ .., code, parent] if !name.is_empty() && is_rid(code) && is_rid(parent) => name.join(", "),
        _ => {
            let message = "no name, RID and RID of the parent; expected these three cells";
            return reading.fault("malformed CSV", line, message);
        }
    };
    let (code, parent) = (cells[cells.len() - 2], cells[cells.len() - 1]);
    let mut entry = Entry::new("radlex", code, &one_line(&name), reading.place(line));
    entry.parents.push(parent.into());
    reading.keep_english(entry);
}

fn bioportal(columns: &Columns, cells: &[&str], line: u64, reading: &mut Reading<'_>) {
    let cell = |name: &str| columns.cell(cells, name);
    let Some((system, code)) = super::owl::code(cell("class id")) else {
        return reading.fault("malformed CSV", line, "no class id that ends in a code");
    };
    let mut entry = Entry::new(system, &code, &one_line(cell("preferred label")), reading.place(line));
    entry.guess = super::obo::guess(&code);
    entry.synonyms = items(cell("synonyms"));
    entry.definition = one_line(cell("definitions").split('|').next().unwrap_or("")).into();
    entry.active = !cell("obsolete").eq_ignore_ascii_case("true");
    for parent in cell("parents").split('|').filter_map(super::owl::code) {
        if *parent.1 != *code && !entry.parents.contains(&parent.1) {
            entry.parents.push(parent.1);
        }
    }
    reading.keep_english(entry);
}

fn own(columns: &Columns, cells: &[&str], line: u64, reading: &mut Reading<'_>) {
    let cell = |name: &str| columns.cell(cells, name);
    let name = one_line(cell("name"));
    if name.is_empty() {
        return reading.fault("incomplete row", line, "no name");
    }
    // A row without an id is known by its name.
    let id = if cell("id").is_empty() { &name } else { cell("id") };
    let mut entry = Entry::new("", id, &name, reading.place(line));
    entry.synonyms = [items(cell("synonyms")), items(cell("terms"))].concat();
    entry.parents = cell("parents").split([',', '|']).map(str::trim).filter(|p| !p.is_empty()).map(Box::from).collect();
    entry.definition = one_line(cell("definition")).into();
    for system in SYSTEMS {
        for code in cell(system).split([',', '|']) {
            entry.other_in(system, code);
        }
    }
    for item in cell("other").split([',', '|']).map(str::trim).filter(|c| !c.is_empty()) {
        match crate::lexicon::parted(item) {
            Some((system, code)) => entry.other(system, code),
            None => reading.fault(
                "malformed code",
                line,
                format!("code \"{item}\"; expected SYSTEM:CODE, as in HP:0001234"),
            ),
        }
    }
    match cell("kind") {
        "" => {}
        kind => match Kind::named(&kind.to_ascii_lowercase()) {
            Some(kind) => entry.guess = Guess::Is(kind),
            None => reading.fault(
                "unknown kind",
                line,
                format!("unknown kind \"{kind}\"; expected finding, device, anatomy or descriptor"),
            ),
        },
    }
    match cell("side").to_ascii_lowercase().as_str() {
        "" => {}
        "both" => entry.side = Some(Side::Bilateral),
        side => match Side::named(side) {
            Some(side) => entry.side = Some(side),
            None => reading.fault(
                "unknown side",
                line,
                format!("unknown side \"{side}\"; expected left, right, bilateral or nothing"),
            ),
        },
    }
    let language = cell("language");
    if !language.is_empty() && !reading.options.speaks(language) {
        entry.preferred = Preferred::Missing;
        entry.synonyms.clear();
    }
    reading.entries.push(entry);
}
