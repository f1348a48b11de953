//! Gold beside predictions: which reports and labels are compared, cell by cell and mention by mention.
//!
//! Knows no file; the figures come from [`crate::score`].

use super::read::{LabelGold, MentionGold, Predicted, Record};
use super::{Options, misses, read};
use crate::Error;
use crate::score::{self, ATTRIBUTES, Bootstrap, Judged, LabelCell, LabelScores, MentionScores, SAID, Said};
use serde_json::{Map, Value};
use std::collections::{BTreeSet, HashSet};

/// Which reports stand on one side only.
pub(super) struct Coverage {
    pub(super) reports: usize,
    /// In the gold, not in the predictions: everything that the gold says of them is missed.
    pub(super) missing: Vec<String>,
    /// In the predictions only, not scored.
    pub(super) extra: usize,
}

/// A scored label table.
pub(super) struct LabelResult {
    pub(super) names: Vec<String>,
    /// Labels of the CheXpert scheme that the gold does not hold, so that they were not scored.
    pub(super) unscored: Vec<String>,
    /// Scored labels that the predictions have no column for.
    pub(super) no_column: Vec<String>,
    pub(super) scores: LabelScores,
    pub(super) misses: Vec<misses::LabelMiss>,
}

/// Scored mentions: one entry a set, `all` last.
pub(super) struct MentionResult {
    pub(super) sets: Vec<(String, MentionScores)>,
    pub(super) misses: Vec<misses::MentionMiss>,
}

pub(super) fn coverage(ids: &[&str], predicted: &Predicted) -> Coverage {
    let known: HashSet<&str> = ids.iter().copied().collect();
    let missing = ids.iter().filter(|id| !predicted.records.contains_key(**id)).map(|&id| id.to_owned()).collect();
    let extra = predicted.records.keys().filter(|id| !known.contains(id.as_str())).count();
    Coverage { reports: ids.len(), missing, extra }
}

/// The labels of the scheme `chexpert`, in its order, read from the scheme itself so that there is one list.
/// Only names are needed here, so the engine is not loaded for them.
pub(super) fn known_labels() -> Vec<String> {
    #[derive(serde::Deserialize)]
    struct Scheme {
        label: Vec<Name>,
    }
    #[derive(serde::Deserialize)]
    struct Name {
        name: String,
    }
    crate::embedded::rules()
        .into_iter()
        .find(|(file, _)| file.ends_with("labels/chexpert.toml"))
        .and_then(|(_, text)| toml::from_str::<Scheme>(text).ok())
        .map_or_else(Vec::new, |s| s.label.into_iter().map(|l| l.name).collect())
}

/// The labels to score: as asked, or those of the gold; the scheme's order first, then by name. "No Finding"
/// says what the other labels say already, so it is scored only when asked for.
fn label_names(options: &Options, gold: &LabelGold) -> Result<Vec<String>, Error> {
    let mut there: BTreeSet<&str> = BTreeSet::new();
    for report in &gold.reports {
        there.extend(report.labels.keys().map(String::as_str));
        there.extend(report.undecided.iter().map(String::as_str));
    }
    there.extend(gold.columns.iter().flatten().map(String::as_str));
    if !options.labels.is_empty() {
        let asked: Vec<String> = options.labels.iter().map(|l| l.trim().to_owned()).collect();
        let known = known_labels();
        let unknown = asked.iter().find(|l| !there.contains(l.as_str()) && !known.contains(l));
        return match unknown {
            Some(label) => {
                let list: Vec<&str> = there.into_iter().collect();
                Err(Error::Usage(format!("--labels: the gold has no label {label:?}; it has {}", list.join(", "))))
            }
            None => Ok(asked),
        };
    }
    let known = known_labels();
    let mut names: Vec<String> = known.iter().filter(|l| there.contains(l.as_str())).cloned().collect();
    names.extend(there.iter().filter(|l| !known.iter().any(|k| k == *l)).map(|&l| l.to_owned()));
    names.retain(|l| l != "No Finding");
    if names.is_empty() {
        let place = options.gold.display().to_string();
        return Err(Error::input(place, "no label; expected labels such as \"Pleural Effusion\" with a value"));
    }
    Ok(names)
}

pub(super) fn label_result(
    options: &Options,
    gold: &LabelGold,
    predicted: &Predicted,
    bootstrap: Bootstrap,
) -> Result<LabelResult, Error> {
    let names = label_names(options, gold)?;
    let mut table: Vec<Vec<LabelCell>> = Vec::with_capacity(gold.reports.len());
    let mut misses = Vec::new();
    let mut context = misses::Context::new(options.errors && has_mentions(predicted), options)?;
    for report in &gold.reports {
        let record = predicted.records.get(&report.id);
        let mut cells = Vec::with_capacity(names.len());
        for (number, name) in names.iter().enumerate() {
            if report.undecided.contains(name) {
                continue;
            }
            let of = report.labels.get(name).copied();
            let said = record.and_then(|r| r.labels.as_ref()).and_then(|l| l.get(name)).copied();
            cells.push(LabelCell { label: number as u32, gold: of, predicted: said });
            if options.errors && of != said {
                misses.push(context.label_miss(&report.id, name, of, said, record));
            }
        }
        table.push(cells);
    }
    let lacks = |columns: &[String], l: &String| !columns.contains(l);
    let no_column =
        predicted.columns.as_ref().map_or_else(Vec::new, |c| names.iter().filter(|l| lacks(c, l)).cloned().collect());
    let unscored = if options.labels.is_empty() && names.iter().any(|l| known_labels().contains(l)) {
        known_labels().into_iter().filter(|l| l != "No Finding" && !names.contains(l)).collect()
    } else {
        Vec::new()
    };
    let scores = score::labels(&table, names.len(), bootstrap);
    Ok(LabelResult { names, unscored, no_column, scores, misses })
}

fn has_mentions(predicted: &Predicted) -> bool {
    predicted.records.values().any(|r| r.mentions.as_ref().is_some_and(|m| !m.is_empty()))
}

/// What a predicted mention says, in one word.
pub(super) fn said(mention: &Map<String, Value>) -> Said {
    let word = |key: &str| mention.get(key).and_then(Value::as_str);
    let named = |word: Option<&str>| SAID.iter().find(|s| Some(s.0) == word).map(|s| s.1);
    if word("subject").is_some_and(|s| s != "patient") {
        return Said::Family;
    }
    match word("time") {
        Some("historical") => Said::Historical,
        Some("hypothetical") => Said::Hypothetical,
        _ => named(word("status")).unwrap_or(Said::Present),
    }
}

pub(super) fn mention_result(
    options: &Options,
    gold: &[MentionGold],
    predicted: &Predicted,
    bootstrap: Bootstrap,
) -> MentionResult {
    let mut sets: Vec<(String, Vec<Vec<Judged>>)> = Vec::new();
    let mut all = Vec::with_capacity(gold.len());
    let mut misses = Vec::new();
    for report in gold {
        let none = Vec::new();
        let of: Option<&Record> = predicted.records.get(&report.id);
        let mentions = of.and_then(|r| r.mentions.as_ref()).unwrap_or(&none);
        // Reading has checked every span.
        let spans: Vec<(u64, u64)> = mentions.iter().map(|m| read::span("", m).unwrap_or_default()).collect();
        let mut judged = Vec::with_capacity(report.mentions.len());
        for mention in &report.mentions {
            let best = score::longest_overlap(mention.span, &spans).map(|i| &mentions[i]);
            let given = |i: usize| best.and_then(|b| b.get(ATTRIBUTES[i])).and_then(Value::as_str).unwrap_or_default();
            let mut attributes = [None; 3];
            for (i, expected) in mention.attributes.iter().enumerate() {
                attributes[i] = best.and(expected.as_ref()).map(|e| e == given(i));
            }
            let one = Judged { gold: mention.status, predicted: best.map(said), attributes };
            if options.errors && (one.predicted != Some(one.gold) || attributes.contains(&Some(false))) {
                misses.push(misses::mention_miss(report, mention, one, best));
            }
            judged.push(one);
        }
        // A report without gold mentions adds nothing, and no set of its own.
        if judged.is_empty() {
            continue;
        }
        all.push(judged.clone());
        match sets.iter_mut().find(|s| s.0 == report.set) {
            Some(set) => set.1.push(judged),
            None => sets.push((report.set.clone(), vec![judged])),
        }
    }
    let mut scored: Vec<(String, MentionScores)> =
        sets.iter().map(|(name, reports)| (name.clone(), score::mentions(reports, bootstrap))).collect();
    scored.push(("all".to_owned(), score::mentions(&all, bootstrap)));
    MentionResult { sets: scored, misses }
}
