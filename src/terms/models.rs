//! Open imaging finding models (openimagingdata/findingmodels): one JSON object a line.

use super::{Entry, Guess, Reading, one_line, source};
use crate::Error;
use crate::lexicon::Kind;
use serde::Deserialize;
use std::path::Path;

#[derive(Deserialize)]
struct Model {
    oifm_id: String,
    name: String,
    #[serde(default)]
    description: String,
    #[serde(default)]
    synonyms: Vec<String>,
    #[serde(default)]
    tags: Vec<String>,
    #[serde(default)]
    index_codes: Vec<IndexCode>,
}

#[derive(Deserialize)]
struct IndexCode {
    system: String,
    code: String,
}

/// Reads one file.
pub(super) fn read(path: &Path, reading: &mut Reading<'_>) -> Result<(), Error> {
    let mut source = source::open(path)?;
    let mut buffer = Vec::new();
    loop {
        let line = source.line();
        match source::next_line(&mut source, &mut buffer) {
            Ok(true) => {}
            Ok(false) => return Ok(()),
            Err(e) => return Err(Error::input(path.display().to_string(), e)),
        }
        if buffer.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        match serde_json::from_slice::<Model>(&buffer) {
            Ok(model) => keep(&model, line, reading),
            Err(e) => reading.fault("malformed JSON", line, format!("not a finding model: {e}")),
        }
    }
}

fn keep(model: &Model, line: u64, reading: &mut Reading<'_>) {
    if model.oifm_id.trim().is_empty() || model.name.trim().is_empty() {
        return reading.fault("incomplete model", line, "an empty \"oifm_id\" or \"name\"; expected both");
    }
    let place = reading.place(line);
    let mut entry = Entry::new("OIFM", model.oifm_id.trim(), &one_line(&model.name), place);
    entry.definition = one_line(&model.description).into();
    entry.synonyms = model.synonyms.iter().map(|s| one_line(s).into()).collect();
    let device = model.tags.iter().any(|t| t == "device");
    entry.guess = Guess::Is(if device { Kind::Device } else { Kind::Finding });
    for IndexCode { system, code } in &model.index_codes {
        entry.other(system, code);
    }
    reading.keep_english(entry);
}
