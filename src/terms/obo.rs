//! OBO, the flat files of HPO, MONDO, UBERON and their like: one stanza a term, one statement a line.

use super::{Entry, Guess, Preferred, Reading, Synonyms, one_line, source};
use crate::Error;
use crate::lexicon::Kind;
use std::path::Path;

/// What an ontology is about, by the prefix of its codes.
pub(super) fn guess(code: &str) -> Guess {
    match code.split(':').next().unwrap_or("") {
        "HP" | "MONDO" | "DOID" | "MP" => Guess::Is(Kind::Finding),
        "UBERON" | "FMA" => Guess::Is(Kind::Anatomy),
        _ => Guess::Unknown,
    }
}

/// A stanza that is being read.
struct Stanza {
    line: u64,
    term: bool,
    entry: Entry,
}

/// Reads one file.
pub(super) fn read(path: &Path, reading: &mut Reading<'_>) -> Result<(), Error> {
    let mut source = source::open(path)?;
    let mut buffer = Vec::new();
    let mut stanza: Option<Stanza> = None;
    let english = reading.options.speaks("en");
    loop {
        let line = source.line();
        match source::next_line(&mut source, &mut buffer) {
            Ok(true) => {}
            Ok(false) => break,
            Err(e) => return Err(Error::input(path.display().to_string(), e)),
        }
        let Ok(text) = std::str::from_utf8(&buffer) else {
            reading.fault("not UTF-8", line, "not UTF-8");
            continue;
        };
        let text = text.trim();
        if text.is_empty() || text.starts_with('!') {
            continue;
        }
        if text.starts_with('[') && text.ends_with(']') {
            keep(stanza.take(), english, reading);
            let place = reading.place(line);
            stanza = Some(Stanza { line, term: text == "[Term]", entry: Entry::new("", "", "", place) });
            continue;
        }
        let Some((key, value)) = text.split_once(':') else {
            reading.fault("malformed OBO", line, "no \"key: value\"; expected one in every line of a stanza");
            continue;
        };
        if let Some(Stanza { term: true, entry, .. }) = &mut stanza
            && let Err(message) = say(entry, key, value.trim(), reading.options.synonyms)
        {
            reading.fault("malformed OBO", line, message);
        }
    }
    keep(stanza, english, reading);
    Ok(())
}

fn keep(stanza: Option<Stanza>, english: bool, reading: &mut Reading<'_>) {
    let Some(Stanza { line, term: true, mut entry }) = stanza else { return };
    if entry.code.is_empty() {
        return reading.fault("malformed OBO", line, "a term without \"id:\"");
    }
    if entry.name.is_empty() && entry.active {
        let message = format!("term \"{}\" without \"name:\"", entry.code);
        return reading.fault("malformed OBO", line, message);
    }
    entry.system = entry.code.split_once(':').map_or("OBO", |(system, _)| system).to_owned().into();
    entry.guess = guess(&entry.code);
    if !english {
        entry.preferred = Preferred::Missing;
        entry.synonyms.clear();
    }
    reading.entries.push(entry);
}

fn say(entry: &mut Entry, key: &str, value: &str, synonyms: Synonyms) -> Result<(), String> {
    match key {
        "id" => entry.code = bare(value).into(),
        "name" => entry.name = one_line(value).into(),
        "def" => entry.definition = one_line(&quoted(value).ok_or("a definition without quotes")?.0).into(),
        "synonym" => {
            let (text, rest) = quoted(value).ok_or("a synonym without quotes")?;
            let mut words = rest.split_whitespace();
            let scope = words.next().unwrap_or("RELATED");
            if !matches!(scope, "EXACT" | "BROAD" | "NARROW" | "RELATED") {
                return Err(format!("unknown scope \"{scope}\"; expected EXACT, BROAD, NARROW or RELATED"));
            }
            let given_up = words.next() == Some("obsolete_synonym");
            if !given_up && (scope == "EXACT" || synonyms == Synonyms::All) {
                entry.synonyms.push(one_line(&text).into());
            }
        }
        "is_a" => {
            let parent: Box<str> = bare(value).into();
            if !entry.parents.contains(&parent) {
                entry.parents.push(parent);
            }
        }
        "xref" => {
            if let Some((system, code)) = bare(value).split_once(':').filter(|(_, c)| !c.starts_with('/')) {
                entry.other(system, code);
            }
        }
        "is_obsolete" => entry.active &= value != "true",
        _ => {}
    }
    Ok(())
}

/// The first word: comments and qualifiers come after it.
fn bare(value: &str) -> &str {
    value.split_whitespace().next().unwrap_or("")
}

/// The text in quotes at the start, and what follows it.
fn quoted(value: &str) -> Option<(String, &str)> {
    let rest = value.strip_prefix('"')?;
    let mut out = String::new();
    let mut chars = rest.char_indices();
    while let Some((i, c)) = chars.next() {
        match c {
            '\\' => match chars.next()?.1 {
                'n' | 't' | 'W' => out.push(' '),
                other => out.push(other),
            },
            '"' => return Some((out, &rest[i + 1..])),
            c => out.push(c),
        }
    }
    None
}
