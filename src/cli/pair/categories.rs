//! Category names to labels: the crosswalk file, or where there is none, labels of the very name.

use crate::Error;
use crate::annotation::AnnotationSet;
use crate::cli::label_table::read_text;
use crate::crosswalk::Relation;
use crate::error::Fault;
use crate::pair::Targets;
use crate::rules::BoundScheme;
use crate::shown;
use std::collections::BTreeMap;
use std::path::Path;

/// Labels of category names.
pub(super) struct Categories {
    by_name: Option<BTreeMap<String, Vec<(u32, Relation)>>>,
}

impl Categories {
    pub(super) fn open(path: Option<&Path>, bound: &BoundScheme) -> Result<Categories, Error> {
        let Some(path) = path else { return Ok(Categories { by_name: None }) };
        let (name, text) = (path.display().to_string(), read_text(path)?);
        let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(text.as_bytes());
        let header = reader.headers().map_err(|e| Error::input(format!("{name}:1"), e))?.clone();
        let column = |wanted: &str| header.iter().position(|h| h.trim() == wanted);
        let (Some(category), Some(label), Some(relation)) = (column("category"), column("label"), column("relation"))
        else {
            return Err(Error::input(format!("{name}:1"), "no columns category, label and relation"));
        };
        let mut by_name: BTreeMap<String, Vec<(u32, Relation)>> = BTreeMap::new();
        let mut faults = Vec::new();
        for record in reader.records() {
            let record = record.map_err(|e| Error::input(&name, e))?;
            let line = record.position().map_or(0, csv::Position::line) as usize;
            let cell = |at: usize| record.get(at).unwrap_or_default().trim();
            let list = by_name.entry(cell(category).to_owned()).or_default();
            if cell(label).is_empty() {
                continue;
            }
            let number = bound.scheme.find(cell(label));
            let known = Relation::NAMED.iter().find(|r| r.0 == cell(relation)).map(|r| r.1);
            match (number, known) {
                (Some(number), Some(relation)) => list.push((number as u32, relation)),
                (None, _) => faults.push(Fault::new(&name, line, format!("unknown label {}", shown(cell(label))))),
                (_, None) => {
                    faults.push(Fault::new(&name, line, format!("unknown relation {}", shown(cell(relation)))))
                }
            }
        }
        if faults.is_empty() { Ok(Categories { by_name: Some(by_name) }) } else { Err(Error::Data(faults)) }
    }

    /// The labels of each category of a set.
    pub(super) fn of(&self, set: &AnnotationSet, bound: &BoundScheme) -> Targets {
        let plain = |name: &str| name.to_lowercase().replace(['_', '-'], " ");
        set.categories
            .iter()
            .map(|category| match &self.by_name {
                Some(names) => names.get(category).cloned().unwrap_or_default(),
                None => {
                    let label = bound.scheme.labels.iter().position(|l| plain(&l.name) == plain(category));
                    label.map(|l| (l as u32, Relation::Exact)).into_iter().collect()
                }
            })
            .collect()
    }
}
