//! Which columns of a table, or keys of a JSON object, hold the id, the text and the study.
//!
//! Names are compared without case, spaces, hyphens and underscores, against short lists; of several that
//! fit, the first of the list wins. What the user names outranks every guess.

use super::batch::Reading;
use crate::{Report, StudyKey};
use std::borrow::Cow;

const IDS: [&str; 13] = [
    "id",
    "reportid",
    "studyid",
    "noteid",
    "accession",
    "accessionnumber",
    "uid",
    "examid",
    "documentid",
    "docid",
    "studyuid",
    "studyinstanceuid",
    "imageid",
];
const TEXTS: [&str; 10] = [
    "text",
    "report",
    "reporttext",
    "fulltext",
    "note",
    "notetext",
    "reportbody",
    "radiologyreport",
    "narrative",
    "content",
];
/// Sections in the order in which they are joined, with their headings.
const SECTIONS: [(&str, [&str; 3]); 4] = [
    ("COMPARISON", ["comparison", "sectioncomparison", "comparisons"]),
    ("INDICATION", ["indication", "sectionindication", "indications"]),
    ("FINDINGS", ["findings", "sectionfindings", "reportfindings"]),
    ("IMPRESSION", ["impression", "sectionimpression", "reportimpression"]),
];
const STUDY: [&[&str]; 10] = [
    &["accession", "accessionnumber"],
    &["studyuid", "studyinstanceuid"],
    &["patientid", "subjectid"],
    &["date", "studydate"],
    &["modality"],
    &["bodypart", "bodypartexamined"],
    &["sex", "gender", "patientsex", "patientgender"],
    &["age", "patientage", "ageyears", "ageinyears"],
    &["reporttime", "reportdatetime", "reportedat", "reportdate", "resulttime"],
    &["reportstatus", "resultstatus"],
];

/// What one column is good for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Role {
    /// It may hold the id; a smaller number fits better.
    pub(crate) id: Option<u8>,
    /// It may hold the text.
    pub(crate) text: Option<u8>,
    /// It holds this section.
    pub(crate) section: Option<u8>,
    /// It is the text column of this number that the user named.
    pub(crate) chosen: Option<u8>,
    /// It holds this field of the study.
    pub(crate) study: Option<u8>,
}

impl Role {
    /// It holds nothing that is read.
    pub(crate) fn is_idle(self) -> bool {
        self == Role::default()
    }

    /// It holds text.
    pub(crate) const fn has_text(self) -> bool {
        self.text.is_some() || self.chosen.is_some() || self.section.is_some()
    }
}

/// The columns that the user named.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wanted {
    /// For the id.
    pub(crate) id: Option<String>,
    /// For the text.
    pub(crate) texts: Vec<String>,
    /// A record need not have a text.
    pub(crate) keys_only: bool,
}

impl Wanted {
    /// What a column of this name is good for.
    pub(crate) fn role(&self, name: &str) -> Role {
        let mut buffer = [0_u8; 24];
        let plain = plain(name, &mut buffer);
        let rank = |list: &[&str]| list.iter().position(|n| *n == plain).map(|p| p as u8);
        let id = match &self.id {
            Some(id) => (id == name.trim()).then_some(0),
            None => rank(&IDS),
        };
        let mut role = Role { id, ..Role::default() };
        if self.texts.is_empty() {
            role.text = rank(&TEXTS);
            role.section = SECTIONS.iter().position(|s| s.1.contains(&plain)).map(|p| p as u8);
        } else {
            role.chosen = self.texts.iter().position(|t| t == name.trim()).map(|p| p as u8);
        }
        role.study = STUDY.iter().position(|names| names.contains(&plain)).map(|p| p as u8);
        role
    }
}

/// The name in lower case without separators; empty where it is longer than any that is known.
fn plain<'b>(name: &str, buffer: &'b mut [u8; 24]) -> &'b str {
    let mut length = 0;
    for byte in name.bytes().filter(|b| !matches!(b, b' ' | b'-' | b'_')) {
        if length == buffer.len() || !byte.is_ascii() {
            return "";
        }
        buffer[length] = byte.to_ascii_lowercase();
        length += 1;
    }
    std::str::from_utf8(&buffer[..length]).unwrap_or("")
}

/// The cells of one record that matter, gathered in whatever order they come.
#[derive(Debug, Default)]
pub(crate) struct Fields<'a> {
    id: Option<(u8, Cow<'a, str>)>,
    text: Option<(u8, Cow<'a, str>)>,
    sections: [Option<Cow<'a, str>>; 4],
    chosen: Vec<Option<Cow<'a, str>>>,
    study: [Option<Cow<'a, str>>; 10],
}

impl<'a> Fields<'a> {
    /// Puts a cell where its role wants it.
    pub(crate) fn put(&mut self, role: Role, value: Cow<'a, str>) {
        if let Some(field) = role.study {
            let slot = &mut self.study[field as usize];
            if slot.is_none() && !value.trim().is_empty() {
                *slot = Some(value.clone());
            }
        }
        if let Some(number) = role.chosen {
            let number = number as usize;
            if self.chosen.len() <= number {
                self.chosen.resize(number + 1, None);
            }
            self.chosen[number] = Some(value.clone());
        }
        if let Some(rank) = role.id
            && self.id.as_ref().is_none_or(|(best, _)| rank < *best)
        {
            self.id = Some((rank, value.clone()));
        }
        if let Some(rank) = role.text
            && self.text.as_ref().is_none_or(|(best, _)| rank < *best)
        {
            self.text = Some((rank, value));
        } else if let Some(section) = role.section {
            self.sections[section as usize].get_or_insert(value);
        }
    }

    /// Some column or key of text was there.
    pub(crate) fn has_text(&self) -> bool {
        self.text.is_some()
            || self.sections[2].is_some()
            || self.sections[3].is_some()
            || self.chosen.iter().any(Option::is_some)
    }

    /// The report; `fallback` gives the id where the source has none.
    pub(crate) fn into_reading(self, wanted: &Wanted, fallback: impl FnOnce() -> String) -> Reading {
        let (id, numbered) = match self.id {
            Some((_, id)) if !id.is_empty() => (id.into_owned(), false),
            _ => (fallback(), true),
        };
        let mut empty = false;
        let text = if !self.chosen.is_empty() {
            joined(&wanted.texts, self.chosen)
        } else if let Some((_, text)) = self.text {
            text.into_owned()
        } else if self.sections.iter().all(Option::is_none) {
            // Nothing but keys was wanted.
            String::new()
        } else {
            empty = self.sections.iter().flatten().all(|s| s.trim().is_empty());
            compose(&self.sections)
        };
        let study = if self.study.iter().all(Option::is_none) { StudyKey::default() } else { study(self.study) };
        Reading {
            report: Report { id, text, study },
            bad_bytes: 0,
            encoding: encoding_rs::UTF_8,
            empty,
            numbered,
            origin: Vec::new(),
        }
    }
}

fn study(fields: [Option<Cow<'_, str>>; 10]) -> StudyKey {
    let fields = fields.map(|f| f.map(Cow::into_owned));
    let [accession, study_uid, patient_id, date, modality, body_part, sex, age, report_time, report_status] = fields;
    StudyKey { accession, study_uid, patient_id, date, modality, body_part, sex, age, report_time, report_status }
}

/// The text that stands for a report given in sections, in the order of [`SECTIONS`]: comparison and
/// indication where they are not empty, findings and impression always.
pub(crate) fn compose(sections: &[Option<Cow<'_, str>>; 4]) -> String {
    let mut text = String::new();
    for (i, (section, (heading, _))) in sections.iter().zip(SECTIONS).enumerate() {
        let body = section.as_deref().unwrap_or("");
        if i < 2 && body.trim().is_empty() {
            continue;
        }
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(heading);
        text.push_str(": ");
        text.push_str(body);
    }
    text
}

/// The columns that the user named: one stands as it is; several are joined by line breaks, each that is
/// named like a section under its heading.
fn joined(names: &[String], cells: Vec<Option<Cow<'_, str>>>) -> String {
    if names.len() == 1 {
        return cells.into_iter().flatten().next().map_or_else(String::new, Cow::into_owned);
    }
    let guess = Wanted::default();
    let mut text = String::new();
    for (name, cell) in names.iter().zip(cells) {
        let Some(cell) = cell.filter(|c| !c.trim().is_empty()) else {
            continue;
        };
        if !text.is_empty() {
            text.push('\n');
        }
        if let Some(section) = guess.role(name).section {
            text.push_str(SECTIONS[section as usize].0);
            text.push_str(": ");
        }
        text.push_str(&cell);
    }
    text
}

/// A name to show in a message. A header line that is none may be report text, so only what looks like a
/// name is shown.
pub(crate) fn shown(name: &str) -> String {
    let words = name.split_whitespace().count();
    if name.chars().count() <= 24 && words <= 2 && !name.contains(['.', ':', '\n']) {
        format!("\"{}\"", name.trim())
    } else {
        format!("(a cell of {} bytes that is no name)", name.len())
    }
}

/// The names of a header, for a message. A first row of cells that are numbers, or hold one as identifiers do, is a
/// record of a table without a header: of that only the number of cells is told.
pub(crate) fn found(names: &[impl AsRef<str>]) -> String {
    let digits = |name: &str| name.bytes().filter(u8::is_ascii_digit).count();
    let is_value = |name: &str| !name.is_empty() && (digits(name) > 2 || !name.contains(char::is_alphabetic));
    if names.iter().any(|n| is_value(n.as_ref().trim())) {
        return format!("a first row of {} cells that are no names", names.len());
    }
    names.iter().take(40).map(|n| shown(n.as_ref())).collect::<Vec<_>>().join(", ")
}

/// What the columns of a table are good for, and what was guessed of them; or why it is no table of reports.
pub(crate) fn roles(names: &[String], wanted: &Wanted) -> Result<(Vec<Role>, Option<String>), String> {
    for (i, name) in names.iter().enumerate().filter(|(_, n)| !n.is_empty()) {
        if names[..i].iter().any(|n| n.eq_ignore_ascii_case(name)) {
            return Err(format!("the column {} is there twice; expected each once", shown(name)));
        }
    }
    let roles: Vec<_> = names.iter().map(|n| wanted.role(n)).collect();
    let found = || found(names);
    let mut asked = wanted.texts.iter().chain(&wanted.id);
    if let Some(missing) = asked.find(|asked| !names.contains(&asked.trim().to_owned())) {
        return Err(format!("no column \"{missing}\"; found {}", found()));
    }
    if !wanted.keys_only && !roles.iter().any(|r| r.text.is_some() || r.chosen.is_some() || r.section >= Some(2)) {
        let expected = "expected text, report, note, findings or impression (or name it with --text-column)";
        return Err(format!("no column of text; found {}; {expected}", found()));
    }
    let guess = told(names, &roles, wanted);
    Ok((roles, guess))
}

/// Says which of these names were taken for what; `None` where nothing had to be guessed.
pub(crate) fn told(names: &[String], roles: &[Role], wanted: &Wanted) -> Option<String> {
    let best = |rank: fn(&Role) -> Option<u8>| {
        let ranked = roles.iter().zip(names).filter_map(|(role, name)| rank(role).map(|r| (r, name)));
        ranked.min_by_key(|(r, _)| *r).map(|(_, name)| format!("\"{name}\""))
    };
    let mut parts = Vec::new();
    if wanted.id.is_none() {
        parts.push(best(|r| r.id).map_or_else(|| "id = row number".to_owned(), |name| format!("id = {name}")));
    }
    if wanted.texts.is_empty() && roles.iter().any(|r| r.has_text()) {
        let text = best(|r| r.text).unwrap_or_else(|| {
            let mut sections: Vec<(u8, &String)> =
                roles.iter().zip(names).filter_map(|(r, n)| r.section.map(|s| (s, n))).collect();
            sections.sort_by_key(|s| s.0);
            sections.iter().map(|(_, n)| format!("\"{n}\"")).collect::<Vec<_>>().join(" + ")
        });
        parts.push(format!("text = {text}"));
    }
    (!parts.is_empty()).then(|| format!("read as {} (say --id-column, --text-column to change it)", parts.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::super::Format;
    use super::*;
    use clap::ValueEnum;

    /// What users are told in `FORMATS.md`.
    #[test]
    fn every_name_and_format_stands_in_the_page() {
        let page = include_str!("FORMATS.md");
        let row = |start: &str| page.lines().find(|l| l.starts_with(start)).unwrap_or_else(|| panic!("no row {start}"));
        let names = |row: &str| -> Vec<String> { row.split('`').skip(1).step_by(2).map(str::to_owned).collect() };
        assert_eq!(names(row("| id | `id`")), IDS);
        assert_eq!(names(row("| text | `text`")), TEXTS);
        let sections = names(row("| sections"));
        for name in SECTIONS.iter().flat_map(|s| s.1) {
            let told = sections.iter().any(|s| s == name || name.strip_prefix("section") == Some(s));
            assert!(told, "{name}");
        }
        for (key, known) in STUDY_KEYS.iter().zip(STUDY) {
            assert_eq!(names(row(&format!("| `{key}` | `{}`", known[0])))[1..], *known, "{key}");
        }
        for format in Format::value_variants() {
            let name = format.to_possible_value().expect("a name").get_name().to_owned();
            assert!(page.contains(&format!("`{name}`")), "{name}");
        }
    }

    const STUDY_KEYS: [&str; 10] = [
        "accession",
        "study_uid",
        "patient_id",
        "date",
        "modality",
        "body_part",
        "sex",
        "age",
        "report_time",
        "report_status",
    ];
}
