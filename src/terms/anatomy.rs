//! Open anatomic locations (openimagingdata): a JSON array of parts of the body with their sides and wholes.

use super::{Entry, Guess, Reading, one_line, source};
use crate::Error;
use crate::lexicon::{Kind, Side};
use serde::Deserialize;
use std::io::Read;
use std::path::Path;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Location {
    #[serde(rename = "_id")]
    id: String,
    description: String,
    #[serde(default)]
    definition: String,
    #[serde(default)]
    synonyms: Vec<String>,
    snomed_id: Option<String>,
    acr_common_id: Option<String>,
    contained_by_ref: Option<Reference>,
    part_of_ref: Option<Reference>,
    left_ref: Option<Reference>,
    right_ref: Option<Reference>,
    unsided_ref: Option<Reference>,
    #[serde(default)]
    codes: Vec<Code>,
}

#[derive(Deserialize)]
struct Reference {
    id: String,
}

#[derive(Deserialize)]
struct Code {
    system: String,
    code: String,
}

/// Reads one file.
pub(super) fn read(path: &Path, reading: &mut Reading<'_>) -> Result<(), Error> {
    let mut text = Vec::new();
    source::open(path)?.read_to_end(&mut text).map_err(|e| Error::input(path.display().to_string(), e))?;
    match serde_json::from_slice::<Vec<Location>>(&text) {
        Ok(locations) => {
            for location in &locations {
                keep(location, reading);
            }
        }
        Err(e) => {
            reading.fault("malformed JSON", e.line() as u64, format!("not a list of anatomic locations: {e}"));
        }
    }
    Ok(())
}

fn keep(location: &Location, reading: &mut Reading<'_>) {
    let place = reading.place(0);
    let system = if super::table::is_rid(location.id.split('_').next().unwrap_or("")) { "radlex" } else { "ANATOMY" };
    let mut entry = Entry::new(system, location.id.trim(), &one_line(&location.description), place);
    entry.guess = Guess::Is(Kind::Anatomy);
    entry.definition = one_line(&location.definition).into();
    entry.synonyms = location.synonyms.iter().map(|s| one_line(s).into()).collect();
    // A sided part names its other side but not its own.
    let sided = location.unsided_ref.is_some();
    entry.side = match (&location.left_ref, &location.right_ref) {
        (None, Some(_)) if sided => Some(Side::Left),
        (Some(_), None) if sided => Some(Side::Right),
        _ => None,
    };
    let wholes = [&location.unsided_ref, &location.part_of_ref, &location.contained_by_ref];
    for whole in wholes.into_iter().flatten() {
        // The list writes "part of itself" where it knows of no whole.
        let parent: Box<str> = whole.id.trim().into();
        if *parent != *entry.code && !entry.parents.contains(&parent) {
            entry.parents.push(parent);
        }
    }
    if let Some(code) = &location.snomed_id {
        entry.other("SNOMEDCT", code);
    }
    if let Some(code) = &location.acr_common_id {
        entry.other("ACRCOMMON", code);
    }
    for Code { system, code } in &location.codes {
        entry.other(system, code);
    }
    reading.keep_english(entry);
}
