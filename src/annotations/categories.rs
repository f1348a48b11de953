//! The crosswalk from the categories of annotations to the labels of a scheme: suggested here, confirmed by a person,
//! linted.
//!
//! A CSV file with the columns `category`, `label`, `relation`, `confirmed` (yes or no) and `by`: a row for each label
//! that a category counts for, and a row with a blank label for a category that counts for none. `relation` says what
//! the label is to the category, as in every crosswalk here ([`Relation`]): of `Nodule/Mass` the label `Nodule` is
//! `narrower`, of `rib_fracture` the label `Fracture` is `broader`. `by` tells who confirmed the row, or what suggested it.

use crate::annotation::side_of_word;
use crate::crosswalk::Relation;
use crate::lexicon::Side;
use crate::rules::{BoundScheme, Status};
use crate::{ConceptId, Engine, Error, Fault, Report, shown};
use std::collections::BTreeMap;

/// The columns of the file, in order.
pub(super) const COLUMNS: [&str; 5] = ["category", "label", "relation", "confirmed", "by"];

/// What suggested a label that bears the category's name.
pub(crate) const BY_NAME: &str = "radlabel: name";

/// A row of the crosswalk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    /// The category, as the annotations name it.
    pub(crate) category: String,
    /// The label; `None`: it counts for none.
    pub(crate) label: Option<String>,
    /// What the label is to the category.
    pub(crate) relation: Option<Relation>,
    /// A person looked at the row.
    pub(crate) confirmed: bool,
    /// Who confirmed it, or what suggested it.
    pub(crate) by: String,
    /// Its line in the file, from 1; 0 of a suggestion.
    pub(crate) line: usize,
}

/// What is wrong with a crosswalk.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Lint {
    /// What must be mended.
    pub(crate) faults: Vec<Fault>,
    /// What a person should look at.
    pub(crate) warnings: Vec<Fault>,
}

/// The rows of a crosswalk file.
///
/// # Errors
/// Every cell that cannot be read.
pub(crate) fn read(file: &str, text: &str) -> Result<Vec<Row>, Error> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(text.as_bytes());
    let header = reader.headers().map_err(|_| Error::input(format!("{file}:1"), "not a CSV table"))?.clone();
    let columns = COLUMNS.map(|name| header.iter().position(|h| h.trim() == name));
    let [Some(category), Some(label), Some(relation), Some(confirmed), by] = columns else {
        let message = format!("columns are missing; expected {}", COLUMNS.join(","));
        return Err(Error::input(format!("{file}:1"), message));
    };
    let (mut rows, mut faults) = (Vec::new(), Vec::new());
    for record in reader.records() {
        let Ok(record) = record else {
            faults.push(Fault::new(file, 0, "a row that cannot be read"));
            continue;
        };
        let line = record.position().map_or(0, csv::Position::line) as usize;
        let cell = |at: usize| record.get(at).unwrap_or_default().trim();
        if record.iter().all(|c| c.trim().is_empty()) {
            continue;
        }
        let mut fault = |message: String| faults.push(Fault::new(file, line, message));
        if cell(category).is_empty() {
            fault("no category".to_owned());
        }
        let known = Relation::NAMED.iter().find(|r| r.0 == cell(relation)).map(|r| r.1);
        if !cell(label).is_empty() && known.is_none() {
            let names: Vec<&str> = Relation::NAMED.iter().map(|r| r.0).collect();
            fault(format!("unknown relation {}; expected {}", shown(cell(relation)), names.join(", ")));
        }
        let confirmed = match cell(confirmed).to_lowercase().as_str() {
            "yes" => true,
            "no" | "" => false,
            other => {
                fault(format!("confirmed is {}; expected yes or no", shown(other)));
                false
            }
        };
        rows.push(Row {
            category: cell(category).to_owned(),
            label: Some(cell(label).to_owned()).filter(|l| !l.is_empty()),
            relation: known,
            confirmed,
            by: by.map_or("", cell).to_owned(),
            line,
        });
    }
    if faults.is_empty() { Ok(rows) } else { Err(Error::Data(faults)) }
}

/// The file of rows.
pub(crate) fn write(rows: &[Row]) -> Vec<u8> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    // Writing to memory cannot fail.
    let _ = writer.write_record(COLUMNS);
    for row in rows {
        let relation = row.relation.map_or("", Relation::name);
        let confirmed = if row.confirmed { "yes" } else { "no" };
        let _ = writer.write_record([&row.category, row.label.as_deref().unwrap_or(""), relation, confirmed, &row.by]);
    }
    writer.into_inner().unwrap_or_default()
}

/// The labels of each category, in the order of the categories: by the rows, those of other categories left out.
pub(crate) fn mapped(categories: &[String], rows: &[Row], scheme: &BoundScheme) -> Vec<Vec<(u32, Relation)>> {
    let of = |category: &String| {
        let rows = rows.iter().filter(|r| r.category == category.trim());
        let label = |r: &Row| Some((scheme.scheme.find(r.label.as_deref()?)? as u32, r.relation?));
        rows.filter_map(label).collect()
    };
    categories.iter().map(of).collect()
}

/// Suggests labels for categories: by the name of a label, else by what the engine reads in the category's name. A
/// category of several things (`Nodule/Mass`) gets the labels of each. A category that says that something is absent
/// gets none.
pub(crate) fn suggest(categories: &[String], engine: &Engine, scheme: &BoundScheme) -> Vec<Row> {
    let mut rows = Vec::new();
    for category in categories {
        let found = labels(category, engine, scheme);
        let row = |label: Option<String>, relation, by: &str| Row {
            category: category.trim().to_owned(),
            label,
            relation,
            confirmed: false,
            by: by.to_owned(),
            line: 0,
        };
        if found.is_empty() {
            rows.push(row(None, None, "radlabel: nothing found"));
        }
        for (label, (relation, by)) in found {
            let name = scheme.scheme.labels[label as usize].name.to_string();
            rows.push(row(Some(name), Some(relation), by));
        }
    }
    rows
}

/// Labels, each with what it is to the category and what suggested it.
type Suggested = BTreeMap<u32, (Relation, &'static str)>;

fn labels(category: &str, engine: &Engine, scheme: &BoundScheme) -> Suggested {
    if let Some(label) = named(category, scheme) {
        return Suggested::from([(label, (Relation::Exact, BY_NAME))]);
    }
    let (text, side) = spelled(category);
    if let Some(rule) = &scheme.scheme.no_finding
        && super::tables::says_nothing_was_found(&text)
    {
        return Suggested::from([(rule.label as u32, (Relation::Exact, BY_NAME))]);
    }
    let sided = |found: Suggested| -> Suggested {
        // A label of both sides counts more than a category of one.
        let wider = |r| if side.is_some() && r == Relation::Exact { Relation::Broader } else { r };
        found.into_iter().map(|(label, (relation, by))| (label, (wider(relation), by))).collect()
    };
    let parts: Vec<&str> =
        text.split(['/', '|', ',', '&']).flat_map(|p| p.split(" or ")).flat_map(|p| p.split(" and ")).collect();
    if parts.len() > 1 {
        let each: Vec<Suggested> = parts.iter().map(|part| one(part, engine, scheme)).collect();
        if each.iter().filter(|found| !found.is_empty()).count() > 1 {
            return of_parts(&each);
        }
    }
    sided(one(&text, engine, scheme))
}

/// The labels of a category of several things: a label that counts all of them is more than the category, one that is
/// exact of a part is less, and any other shares some with it.
fn of_parts(each: &[Suggested]) -> Suggested {
    let mut all = Suggested::new();
    for (&label, &(relation, by)) in each.iter().flatten() {
        let relation = if each.iter().all(|part| part.contains_key(&label)) {
            Relation::Broader
        } else if relation == Relation::Exact {
            Relation::Narrower
        } else {
            Relation::Overlaps
        };
        all.insert(label, (relation, by));
    }
    all
}

/// The labels of one thing: by name, else by the engine's reading.
fn one(text: &str, engine: &Engine, scheme: &BoundScheme) -> Suggested {
    if let Some(label) = named(text, scheme) {
        return Suggested::from([(label, (Relation::Exact, BY_NAME))]);
    }
    let text = text.trim();
    let analysis = engine.analyze(&Report::new("", text));
    let mut found = Suggested::new();
    for (at, (mention, assertion)) in analysis.mentions.iter().zip(&analysis.assertions).enumerate() {
        if assertion.status == Status::Absent {
            continue;
        }
        for label in engine.claims(&analysis, at, scheme) {
            // A label for this very concept counts the same, where the words say no more; any other counts more.
            let rule = &scheme.scheme.labels[label as usize];
            let same = *rule.concepts == [mention.concept] || reads_as(&rule.name, mention.concept, engine);
            let whole = same && mention.span.len() as usize == text.len();
            let relation = if whole { Relation::Exact } else { Relation::Broader };
            let entry = found.entry(label).or_insert((relation, "radlabel: vocabulary"));
            entry.0 = entry.0.min(relation);
        }
    }
    if found.values().any(|f| f.0 == Relation::Exact) {
        found.retain(|_, f| f.0 == Relation::Exact);
    }
    found
}

/// The name of a label, by itself, means this concept.
fn reads_as(name: &str, concept: ConceptId, engine: &Engine) -> bool {
    let name = spelled(name).0;
    let analysis = engine.analyze(&Report::new("", &*name));
    matches!(analysis.mentions.as_slice(), [one] if one.concept == concept && one.span.len() as usize == name.len())
}

/// The label of this name, whatever its capitals, spaces and marks.
fn named(name: &str, scheme: &BoundScheme) -> Option<u32> {
    let bare = |name: &str| name.chars().filter(|c| c.is_alphanumeric()).collect::<String>().to_lowercase();
    let name = bare(name);
    let found = scheme.scheme.labels.iter().position(|l| bare(&l.name) == name)?;
    (!name.is_empty()).then_some(found as u32)
}

/// A category's name as words, without the side at its beginning or end (`effusion_L`), and that side.
pub(crate) fn spelled(category: &str) -> (String, Option<Side>) {
    let mut text = String::new();
    let mut before = ' ';
    for char in category.chars() {
        // PleuralEffusion; not ILD.
        if char.is_uppercase() && before.is_lowercase() {
            text.push(' ');
        }
        text.push(if matches!(char, '_' | '.' | '(' | ')' | '-') { ' ' } else { char });
        before = char;
    }
    let mut words: Vec<&str> = text.split_whitespace().collect();
    for end in [words.len().saturating_sub(1), 0] {
        if words.len() > 1
            && let Some(side) = side_of_word(words[end])
        {
            words.remove(end);
            return (words.join(" "), Some(side));
        }
    }
    (words.join(" "), None)
}

/// What is wrong with a crosswalk of these categories to a scheme; `file` is its name.
pub(crate) fn lint(categories: &[String], file: &str, rows: &[Row], engine: &Engine, scheme: &BoundScheme) -> Lint {
    let mut lint = Lint::default();
    let mut seen: BTreeMap<(&str, Option<&str>), usize> = BTreeMap::new();
    let id = &*scheme.scheme.id;
    for row in rows {
        let fault = |message: String| Fault::new(file, row.line, message);
        if let Some(label) = &row.label
            && scheme.scheme.find(label).is_none()
        {
            let others = engine.rules.schemes.iter().map(|s| &*s.id).filter(|other| *other != id);
            let other = others.filter_map(|o| engine.scheme(o).ok()).find(|s| s.scheme.find(label).is_some());
            lint.faults.push(fault(match other {
                Some(other) => {
                    format!("label {} is of scheme \"{}\"; expected one of \"{id}\"", shown(label), other.scheme.id)
                }
                None => format!("unknown label {} of scheme \"{id}\"", shown(label)),
            }));
        }
        if !categories.iter().any(|c| c.trim() == row.category) {
            lint.warnings.push(fault(format!("the annotations have no category {}", shown(&row.category))));
        }
        if let Some(first) = seen.insert((&row.category, row.label.as_deref()), row.line) {
            lint.faults.push(fault(format!("the same category and label stand in line {first}")));
        }
        if !row.confirmed {
            lint.warnings.push(fault(format!("category {} is not confirmed", shown(&row.category))));
        }
    }
    for row in rows.iter().filter(|r| r.label.is_none()) {
        if rows.iter().any(|r| r.category == row.category && r.label.is_some()) {
            let message = format!("category {} has a row without label beside one with", shown(&row.category));
            lint.faults.push(Fault::new(file, row.line, message));
        }
    }
    for category in categories {
        if !rows.iter().any(|r| r.category == category.trim()) {
            lint.faults.push(Fault::new(file, 0, format!("no row for category {}", shown(category))));
        }
    }
    lint
}

#[cfg(test)]
#[path = "categories_tests.rs"]
mod tests;
