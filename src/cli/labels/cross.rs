//! Crosswalks on paper: as a table for eyes, as CSV that people edit and give back, as JSON.
//!
//! The CSV has a line a mapping (`from,relation,to,shared,of_from,of_to,note`). A label that maps to nothing has
//! the relation `none` and says why in `note`; such lines, and columns of other names, are passed over when it is
//! read.

use crate::crosswalk::{Crosswalk, Mapping, Relation};
use crate::error::Fault;
use crate::rules::Scheme;
use crate::{Error, shown};
use std::fmt::Write;

/// How to print a crosswalk.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Format {
    /// Aligned columns for people
    Table,
    /// A line a mapping, to edit and give to `labels map`
    Csv,
    /// One JSON object
    Json,
}

const NONE: &str = "none";

pub(super) fn render(crosswalk: &Crosswalk, from: &Scheme, to: &Scheme, format: Format) -> anyhow::Result<Vec<u8>> {
    match format {
        Format::Table => Ok(table(crosswalk, from, to).into_bytes()),
        Format::Csv => csv(crosswalk, from, to),
        Format::Json => {
            let named = |alone: &[(u32, String)], scheme: &Scheme| -> Vec<serde_json::Value> {
                let one = |(label, why): &(u32, String)| serde_json::json!({"label": name(scheme, *label), "why": why});
                alone.iter().map(one).collect()
            };
            let mappings: Vec<serde_json::Value> = crosswalk
                .mappings
                .iter()
                .map(|m| {
                    serde_json::json!({
                        "from": name(from, m.from),
                        "relation": m.relation.name(),
                        "to": name(to, m.to),
                        "shared": m.shared,
                        "of_from": m.of.0,
                        "of_to": m.of.1,
                    })
                })
                .collect();
            let object = serde_json::json!({
                "from": &*from.id,
                "to": &*to.id,
                "mappings": mappings,
                "unmapped_from": named(&crosswalk.from_alone, from),
                "unmapped_to": named(&crosswalk.to_alone, to),
            });
            let mut out = serde_json::to_vec_pretty(&object)?;
            out.push(b'\n');
            Ok(out)
        }
    }
}

fn name(scheme: &Scheme, label: u32) -> &str {
    &scheme.labels[label as usize].name
}

fn table(crosswalk: &Crosswalk, from: &Scheme, to: &Scheme) -> String {
    let width = |names: &mut dyn Iterator<Item = &str>| names.map(|n| n.chars().count()).max().unwrap_or(0);
    let left = width(&mut from.labels.iter().map(|l| &*l.name)).max(from.id.len());
    let mut out =
        format!("{:left$}  {:9}  {} (concepts that both count; that each counts)\n", &*from.id, "is mapped", to.id);
    let mut last = None;
    for mapping in &crosswalk.mappings {
        let shown = if last == Some(mapping.from) { "" } else { name(from, mapping.from) };
        last = Some(mapping.from);
        let (relation, target) = (mapping.relation.name(), name(to, mapping.to));
        let (shared, of) = (mapping.shared, mapping.of);
        let _ = writeln!(out, "{shown:left$}  {relation:9}  {target} ({shared}; {}, {})", of.0, of.1);
    }
    for (alone, scheme) in [(&crosswalk.from_alone, from), (&crosswalk.to_alone, to)] {
        if alone.is_empty() {
            continue;
        }
        let _ = writeln!(out, "\nNot mapped, of {}:", scheme.id);
        for (label, why) in alone {
            let _ = writeln!(out, "{:left$}  {why}", name(scheme, *label));
        }
    }
    out
}

fn csv(crosswalk: &Crosswalk, from: &Scheme, to: &Scheme) -> anyhow::Result<Vec<u8>> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(["from", "relation", "to", "shared", "of_from", "of_to", "note"])?;
    for m in &crosswalk.mappings {
        let [shared, of_from, of_to] = [m.shared, m.of.0, m.of.1].map(|n| n.to_string());
        let relation = m.relation.name();
        writer.write_record([name(from, m.from), relation, name(to, m.to), &shared, &of_from, &of_to, ""])?;
    }
    for (label, why) in &crosswalk.from_alone {
        writer.write_record([name(from, *label), NONE, "", "0", "", "", why])?;
    }
    for (label, why) in &crosswalk.to_alone {
        writer.write_record(["", NONE, name(to, *label), "0", "", "", why])?;
    }
    writer.into_inner().map_err(|e| e.into_error().into())
}

/// The mappings of a crosswalk file; every fault of it is told.
pub(super) fn read(file: &str, text: &str, from: &Scheme, to: &Scheme) -> Result<Vec<Mapping>, Error> {
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(text.as_bytes());
    let header = reader.headers().map_err(|e| Error::input(format!("{file}:1"), e))?.clone();
    let column = |name: &str| header.iter().position(|h| h.trim() == name);
    let (Some(a), Some(relation), Some(b)) = (column("from"), column("relation"), column("to")) else {
        return Err(Error::input(
            format!("{file}:1"),
            "no columns \"from\", \"relation\" and \"to\"; expected a crosswalk",
        ));
    };
    let mut mappings = Vec::new();
    let mut faults = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|e| Error::input(file, e))?;
        let line = record.position().map_or(0, csv::Position::line) as usize;
        let cell = |at: usize| record.get(at).unwrap_or_default().trim();
        if cell(relation) == NONE {
            continue;
        }
        let mut label = |scheme: &Scheme, name: &str| {
            let found = scheme.find(name);
            if found.is_none() {
                let message = format!("unknown label {} of scheme \"{}\"", shown(name), scheme.id);
                faults.push(Fault::new(file, line, message));
            }
            found.map(|l| l as u32)
        };
        let (from, to) = (label(from, cell(a)), label(to, cell(b)));
        let known = Relation::NAMED.iter().find(|r| r.0 == cell(relation)).map(|r| r.1);
        if known.is_none() {
            let names: Vec<&str> = Relation::NAMED.iter().map(|r| r.0).collect();
            let message =
                format!("unknown relation {}; expected {} or {NONE}", shown(cell(relation)), names.join(", "));
            faults.push(Fault::new(file, line, message));
        }
        if let (Some(from), Some(relation), Some(to)) = (from, known, to) {
            mappings.push(Mapping { from, relation, to, shared: 0, of: (0, 0) });
        }
    }
    if faults.is_empty() { Ok(mappings) } else { Err(Error::Data(faults)) }
}
