//! Rows -> the text of a lexicon file, byte for byte the same for the same source.

use super::import::{Binding, Import, Row};
use super::{Entry, Terminology};
use crate::lexicon::{Concept, Kind, Lexicon, SYSTEMS, Side, parted};
use std::fmt::Write;

/// What stands above the rows.
#[derive(Clone, Debug)]
pub struct Header {
    /// Language code.
    pub language: String,
    /// Domain.
    pub domain: String,
    /// What the `source` column says of every row.
    pub source: String,
    /// Lines of comment.
    pub comments: Vec<String>,
}

const COLUMNS: [&str; 11] =
    ["id", "name", "kind", "parents", "side", "terms", "radlex", "snomed", "icd10", "other", "definition"];

/// The file.
pub fn write(import: &Import, source: &Terminology, lexicon: &Lexicon, header: &Header) -> String {
    let mut counts = [(Kind::Finding, 0), (Kind::Device, 0), (Kind::Anatomy, 0), (Kind::Descriptor, 0)];
    for row in &import.rows {
        if let Some(count) = counts.iter_mut().find(|(k, _)| *k == row.kind) {
            count.1 += 1;
        }
    }
    let mut kind = counts[0];
    for count in counts {
        if count.1 > kind.1 {
            kind = count;
        }
    }
    let kind = kind.0;
    let mixed = import.rows.iter().any(|r| r.kind != kind);
    let sided = import.rows.iter().any(|r| r.entries.iter().any(|&e| source.entries[e as usize].side.is_some()));
    let mut out = String::new();
    let _ = writeln!(out, "# radlabel lexicon v1");
    let _ = writeln!(out, "# language: {}", header.language);
    let _ = writeln!(out, "# domain: {}", header.domain);
    let _ = writeln!(out, "# kind: {}", kind.name());
    // Nobody has listed the ordinary words that stand one slip from a word of this file.
    let _ = writeln!(out, "# spelling: exact");
    for comment in &header.comments {
        let _ = writeln!(out, "# {}", comment.replace(':', " -"));
    }
    let shown = |column: &str| match column {
        "kind" => mixed,
        "side" => sided,
        _ => true,
    };
    let names: Vec<&str> = COLUMNS.into_iter().filter(|c| shown(c)).chain(["source"]).collect();
    let _ = writeln!(out, "{}", names.join("\t"));
    for row in &import.rows {
        line(&mut out, row, source, lexicon, (mixed, sided));
        let _ = writeln!(out, "\t{}", header.source);
    }
    out
}

fn line(out: &mut String, row: &Row, source: &Terminology, lexicon: &Lexicon, (mixed, sided): (bool, bool)) {
    let entries: Vec<&Entry> = row.entries.iter().map(|&e| &source.entries[e as usize]).collect();
    let known = match row.binding {
        Binding::Known(concept) => Some(lexicon.concept(concept)),
        Binding::New(_) => None,
    };
    let name = known.map_or(&*entries[0].name, |c| &c.name);
    let _ = write!(out, "{}\t{name}", row.id);
    if mixed {
        let _ = write!(out, "\t{}", row.kind.name());
    }
    let _ = write!(out, "\t{}", row.parents.join(","));
    if sided {
        let side = entries[0].side.filter(|_| known.is_none());
        out.push('\t');
        out.push_str(side.map_or("", Side::name));
    }
    let _ = write!(out, "\t{}", row.terms.join(" | "));
    let mut columns: [Vec<String>; SYSTEMS.len() + 1] = Default::default();
    for (system, code) in entries.iter().flat_map(|e| codes(e)) {
        let has = |c: &Concept| c.codes.iter().any(|(s, k)| **s == *system && **k == *bare(system, code));
        if known.is_some_and(has) {
            continue;
        }
        let place = SYSTEMS.iter().position(|s| *s == system);
        let item = if place.is_some() { code.to_owned() } else { item(system, code) };
        let column = &mut columns[place.unwrap_or(SYSTEMS.len())];
        if !column.contains(&item) {
            column.push(item);
        }
    }
    for column in &columns {
        let _ = write!(out, "\t{}", column.join(","));
    }
    let definition = entries.iter().map(|e| &*e.definition).find(|d| !d.is_empty()).unwrap_or("");
    let missing = known.is_none_or(|c| c.definition.is_empty());
    let _ = write!(out, "\t{}", if missing { definition } else { "" });
}

/// All codes of an entry, its own first.
fn codes(entry: &Entry) -> impl Iterator<Item = (&str, &str)> {
    let own = match &*entry.system {
        // An id of the user's own is a code only where it is none for radlabel.
        "" if is_id(&entry.code) || *entry.code == *entry.name => None,
        "" => parted(&entry.code).or(Some(("LOCAL", &*entry.code))),
        system => Some((system, &*entry.code)),
    };
    let plain = |code: &str| !code.contains([',', '\t', ' ', '|']);
    own.into_iter().filter(move |(_, c)| plain(c)).chain(entry.others.iter().map(|(s, c)| (&**s, &**c)))
}

/// A code as the column `other` holds it.
fn item(system: &str, code: &str) -> String {
    match parted(code) {
        Some((named, _)) if named == system => code.to_owned(),
        _ => format!("{system}:{code}"),
    }
}

/// A code as a concept holds it, without the system before it.
pub(super) fn bare<'c>(system: &str, code: &'c str) -> &'c str {
    match code.split_once(':') {
        Some((named, rest)) if named == system => rest,
        _ => code,
    }
}

/// The entry has a code or a definition that the concept has not.
pub(super) fn adds(concept: &Concept, entry: &Entry) -> bool {
    let has =
        |(system, code): (&str, &str)| concept.codes.iter().any(|(s, c)| **s == *system && **c == *bare(system, code));
    (concept.definition.is_empty() && !entry.definition.is_empty()) || codes(entry).any(|c| !has(c))
}

/// It could be an id of radlabel's.
pub(super) fn is_id(text: &str) -> bool {
    let sound = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    text.bytes().all(sound) && text.bytes().any(|b| b.is_ascii_lowercase())
}
