//! Reports, or label tables without text, as what they say of each label.
//!
//! A label table is what `radlabel label` writes: JSON lines with `labels` (side, size, number and place come from
//! `mentions`, where a mention's concept counts for the label; places and other conditions of the scheme are not asked
//! again), or CSV of one row a label (`id,label,value`), which tells values alone.

use crate::cli::label_table::{label_value, read_text};
use crate::cli::refine::{Asked, Refiner};
use crate::engine::Analysis;
use crate::input::Reading;
use crate::lexicon::Side;
use crate::output::Offsets;
use crate::pair::{Amount, Length, Said, said};
use crate::rules::{BoundScheme, Status};
use crate::{ConceptId, Engine, Error, Label, Report, Scratch, StudyKey, shown};
use serde_json::Value;
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// Where a mention stands.
#[derive(Clone, Debug, Default)]
pub(super) struct Spot {
    /// Code points.
    pub(super) place: (u32, u32),
    /// Its sentence, where there is text.
    pub(super) sentence: Option<String>,
    /// Where it stands in its sentence, in bytes.
    pub(super) marked: Range<usize>,
    /// Name of its concept.
    pub(super) finding: String,
    /// Its side.
    pub(super) side: Option<Side>,
}

/// What one report says.
#[derive(Clone, Debug, Default)]
pub(super) struct Read {
    pub(super) id: String,
    pub(super) study: StudyKey,
    pub(super) said: Vec<Said>,
    /// By mention.
    pub(super) spots: BTreeMap<u32, Spot>,
    /// How sure each of `said` is, where asked for and known.
    pub(super) sure: Vec<f32>,
    /// How often a model was asked.
    pub(super) asked: Asked,
}

/// What every thread has for itself.
#[derive(Default)]
pub(super) struct State {
    scratch: Scratch,
    offsets: Offsets,
}

/// Reads a report. `sure`: confidences are asked for. `refiner`: a model is asked about doubtful mentions.
pub(super) fn of_report(
    engine: &Engine,
    bound: &BoundScheme,
    state: &mut State,
    reading: &Reading,
    sure: bool,
    refiner: Option<&Refiner>,
) -> Read {
    let report = &reading.report;
    let mut analysis = engine.analyze_with(&mut state.scratch, &report.text);
    if let Some(refiner) = refiner {
        refiner.refine_one(engine, &report.text, &mut analysis);
    }
    let asked = Asked::count(analysis.mentions.len(), &analysis.refined);
    let said = said(engine, &report.text, &analysis, bound);
    state.offsets.set_with_origin(&report.text, &reading.origin);
    let labels: Vec<Label> =
        said.iter().map(|s| Label { label: s.label, value: s.status, because: s.mention }).collect();
    let sure = match sure {
        true => engine.confidences(&analysis, &report.text, bound, &labels).unwrap_or_default(),
        false => Vec::new(),
    };
    let mut spots = BTreeMap::new();
    for &mention in said.iter().flat_map(|s| s.mentions.iter().chain(&s.mention)) {
        spots.entry(mention).or_insert_with(|| spot(engine, &analysis, report, &state.offsets, mention));
    }
    Read { id: report.id.clone(), study: report.study.clone(), said, spots, sure, asked }
}

fn spot(engine: &Engine, analysis: &Analysis, report: &Report, offsets: &Offsets, mention: u32) -> Spot {
    let text = &report.text;
    let mention = &analysis.mentions[mention as usize];
    let sentence = analysis.sentences[mention.sentence as usize].span;
    let within = |byte: u32| (byte.clamp(sentence.start, sentence.end) - sentence.start) as usize;
    Spot {
        place: (offsets.code_point(text, mention.span.start), offsets.end(text, mention.span.end)),
        sentence: Some(text[sentence.range()].to_owned()),
        marked: within(mention.span.start)..within(mention.span.end),
        finding: engine.lexicon.concept(mention.concept).name.to_string(),
        side: mention.side,
    }
}

/// Whether the inputs are label tables: all of them, or none.
pub(super) fn are_label_tables(inputs: &[PathBuf]) -> Result<bool, Error> {
    let tables: Vec<bool> = inputs.iter().map(|p| p != Path::new("-") && p.is_file() && is_label_table(p)).collect();
    match (tables.contains(&true), tables.contains(&false)) {
        (true, true) => {
            Err(Error::Usage("some inputs are label tables and some are reports; expected one kind".to_owned()))
        }
        (labels, _) => Ok(labels),
    }
}

/// By its first line.
fn is_label_table(path: &Path) -> bool {
    use std::io::{BufRead, BufReader, Read as _};
    let Ok(file) = std::fs::File::open(path) else { return false };
    let mut reader = BufReader::new(file);
    let packed = reader.fill_buf().is_ok_and(|b| b.starts_with(&[0x1f, 0x8b]));
    let bytes: Box<dyn std::io::Read> =
        if packed { Box::new(flate2::read::MultiGzDecoder::new(reader)) } else { Box::new(reader) };
    let mut line = String::new();
    // A line of labels with all its mentions is far shorter.
    if BufReader::new(bytes).take(4 << 20).read_line(&mut line).is_err() {
        return false;
    }
    let line = line.trim_start_matches('\u{feff}').trim();
    if line.starts_with('{') {
        let object: Option<Value> = serde_json::from_str(line).ok();
        return object.is_some_and(|o| o.get("labels").is_some_and(Value::is_object) && o.get("text").is_none());
    }
    let columns: Vec<&str> = line.split(',').map(|c| c.trim().trim_matches('"')).collect();
    ["id", "label", "value"].iter().all(|c| columns.contains(c)) && !columns.contains(&"text")
}

/// Reads a label table.
///
/// # Errors
/// The first line that is no such thing.
pub(super) fn label_table(engine: &Engine, bound: &BoundScheme, path: &Path) -> Result<Vec<Read>, Error> {
    let (name, text) = (path.display().to_string(), read_text(path)?);
    if text.trim_start().starts_with('{') { lines(engine, bound, &name, &text) } else { long(bound, &name, &text) }
}

fn number(bound: &BoundScheme, place: &str, label: &str) -> Result<u32, Error> {
    let id = &bound.scheme.id;
    let plain = label.strip_prefix(&**id).and_then(|l| l.strip_prefix(':')).unwrap_or(label);
    match bound.scheme.find(plain) {
        Some(number) => Ok(number as u32),
        None => Err(Error::input(place, format!("label {} is none of scheme \"{id}\"; see --scheme", shown(label)))),
    }
}

fn status(place: &str, word: &str) -> Result<Option<Status>, Error> {
    let known = Status::named(word).map(Some).or_else(|| label_value(word));
    known.ok_or_else(|| Error::input(place, format!("value {}; expected present, absent or uncertain", shown(word))))
}

fn long(bound: &BoundScheme, name: &str, text: &str) -> Result<Vec<Read>, Error> {
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(text.as_bytes());
    let broken = |e: &csv::Error| {
        Error::input(format!("{name}:{}", e.position().map_or(0, csv::Position::line)), "a row that is no CSV in UTF-8")
    };
    let header = reader.headers().map_err(|e| broken(&e))?.clone();
    let column = |wanted: &str| {
        let found = header.iter().position(|h| h.trim() == wanted);
        found.ok_or_else(|| Error::input(format!("{name}:1"), format!("no column {wanted}; expected id, label, value")))
    };
    let (id, label, value) = (column("id")?, column("label")?, column("value")?);
    let study = column("study_uid").ok();
    let mut out: Vec<Read> = Vec::new();
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    for record in reader.records() {
        let record = record.map_err(|e| broken(&e))?;
        let place = format!("{name}:{}", record.position().map_or(0, csv::Position::line));
        let cell = |at: usize| record.get(at).unwrap_or_default().trim();
        let at = *places.entry(cell(id).to_owned()).or_insert_with(|| {
            let study_uid = study.map(cell).filter(|c| !c.is_empty()).map(str::to_owned);
            let study = StudyKey { study_uid, ..StudyKey::default() };
            out.push(Read { id: cell(id).to_owned(), study, ..Read::default() });
            out.len() - 1
        });
        let number = number(bound, &place, cell(label))?;
        if let Some(status) = status(&place, cell(value))? {
            out[at].said.push(plain(number, status));
        }
    }
    for read in &mut out {
        read.said.sort_by_key(|s| s.label);
        read.said.dedup_by_key(|s| s.label);
    }
    Ok(out)
}

fn plain(label: u32, status: Status) -> Said {
    Said {
        label,
        status,
        mention: None,
        mentions: Vec::new(),
        side: None,
        sizes: Vec::new(),
        attenuations: Vec::new(),
        amount: None,
    }
}

fn lines(engine: &Engine, bound: &BoundScheme, name: &str, text: &str) -> Result<Vec<Read>, Error> {
    let concepts: BTreeMap<&str, ConceptId> =
        (0..bound.targets.len() as u32).map(|c| (&*engine.lexicon.concept(ConceptId(c)).id, ConceptId(c))).collect();
    let mut out = Vec::new();
    for (i, line) in text.lines().enumerate().filter(|l| !l.1.trim().is_empty()) {
        let place = format!("{name}:{}", i + 1);
        let object: Value = serde_json::from_str(line)
            .map_err(|e| Error::input(&place, format!("not JSON at column {}", e.column())))?;
        let id = match object.get("id") {
            Some(Value::String(id)) => id.clone(),
            Some(Value::Number(id)) => id.to_string(),
            _ => return Err(Error::input(&place, "no \"id\"; expected a line of radlabel label")),
        };
        let labels = object.get("labels").and_then(Value::as_object);
        let labels = labels.ok_or_else(|| Error::input(&place, "no \"labels\"; expected a line of radlabel label"))?;
        // With several schemes, each has an object of its own.
        let labels = labels.get(&*bound.scheme.id).and_then(Value::as_object).unwrap_or(labels);
        let mut read = Read { id, ..Read::default() };
        if let Some(study) = object.get("study") {
            read.study = serde_json::from_value(study.clone())
                .map_err(|_| Error::input(&place, "\"study\" is no object of texts"))?;
        }
        for (label, value) in labels {
            let number = number(bound, &place, label)?;
            let word = value.as_str().ok_or_else(|| Error::input(&place, "a label's value is no text"))?;
            if let Some(status) = status(&place, word)? {
                read.said.push(plain(number, status));
            }
        }
        read.said.sort_by_key(|s| s.label);
        for (number, mention) in object.get("mentions").and_then(Value::as_array).into_iter().flatten().enumerate() {
            take_mention(&mut read, number as u32, mention, engine, bound, &concepts);
        }
        out.push(read);
    }
    Ok(out)
}

/// What a mention of a JSON line adds to the labels that its concept counts for.
fn take_mention(
    read: &mut Read,
    number: u32,
    mention: &Value,
    engine: &Engine,
    bound: &BoundScheme,
    concepts: &BTreeMap<&str, ConceptId>,
) {
    let text = |key: &str| mention.get(key).and_then(Value::as_str);
    let now = mention.get("counted").and_then(Value::as_bool) != Some(false)
        && text("time").is_none_or(|t| t == "current")
        && text("subject").is_none_or(|s| s == "patient");
    let Some(&concept) = text("concept").and_then(|c| concepts.get(c)) else { return };
    if !now {
        return;
    }
    let side = text("side").and_then(|s| Side::ALL.into_iter().find(|k| k.name() == s));
    let offset = |key: &str| mention.get(key).and_then(Value::as_u64).and_then(|v| u32::try_from(v).ok()).unwrap_or(0);
    let status = text("status").and_then(Status::named);
    for target in &bound.targets[concept.index()] {
        let Some(said) = read.said.iter_mut().find(|s| s.label == target.label && Some(s.status) == status) else {
            continue;
        };
        if said.mentions.contains(&number) {
            continue;
        }
        said.mention.get_or_insert(number);
        said.mentions.push(number);
        said.side = match (said.side, side) {
            (Some(a), Some(b)) if a != b => Some(Side::Bilateral),
            (a, b) => a.or(b),
        };
        for (key, told) in [("size", &mut said.sizes), ("hu", &mut said.attenuations)] {
            for one in mention.get(key).and_then(Value::as_array).into_iter().flatten() {
                let values = one.get("values").and_then(Value::as_array).into_iter().flatten();
                let values: Vec<f64> = values.filter_map(Value::as_f64).collect();
                told.extend(Length::named(&values, one.get("relation").and_then(Value::as_str)));
            }
        }
        if let Some(count) = mention.get("count") {
            let told = count.as_str().map_or_else(|| count.to_string(), str::to_owned);
            let number = told.parse::<u32>().ok();
            let larger = said.amount.as_ref().is_none_or(|a| number.unwrap_or(2) > a.least);
            if larger {
                said.amount = Some(Amount { least: number.unwrap_or(2), most: number, told });
            }
        }
        let finding = engine.lexicon.concept(concept).name.to_string();
        let place = (offset("start"), offset("end"));
        read.spots.insert(number, Spot { place, finding, side, ..Spot::default() });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_of_label_tables_are_told_by_place() {
        let engine = Engine::embedded();
        let bound = engine.scheme("chexpert").expect("a scheme");
        let said = |text: &str| long(bound, "l.csv", text).map_err(|e| e.to_string());
        let good = said("id,label,value\nr1,Edema,present\nr2,Edema,0.0\nr1,Fracture,uncertain\n").expect("labels");
        let told: Vec<(&str, usize)> = good.iter().map(|r| (&*r.id, r.said.len())).collect();
        assert_eq!(told, [("r1", 2), ("r2", 1)]);
        assert!(said("id,label,value\nr1,Odema,present\n").expect_err("a fault").starts_with("l.csv:2: label"));
        assert!(said("id,label,value\nr1,Edema,maybe\n").expect_err("a fault").contains("expected present"));
        assert!(lines(&engine, bound, "l.jsonl", "{\"id\":\"a\"}").is_err());
        let line = "{\"id\":\"a\",\"labels\":{\"Edema\":\"present\"},\"mentions\":[{\"start\":1,\"end\":-4,\"concept\":7},3,null]}";
        assert_eq!(lines(&engine, bound, "l.jsonl", line).map(|r| r.len()).unwrap_or(0), 1);
        let text = "id,label,value\n\"r1\",Edema,present\nr2,Edema,0.0\n";
        crate::annotations::tests::mutations(text.as_bytes(), |bytes| {
            let _ = long(bound, "l.csv", &String::from_utf8_lossy(bytes));
        });
    }
}
