//! `radlabel score`: reads gold and predictions, has them scored, and shows the figures and the misses.
//!
//! The arithmetic is in [`crate::score`], the reading in `read`, the listing of misses in `misses`, the
//! printing in `show`; here are the options and what ties the four together.

mod misses;
mod read;
mod show;

use super::DataOptions;
use crate::rules::Status;
use crate::score::{self, ATTRIBUTES, Bootstrap, Figure, Judged, LabelCell, LabelScores, MentionScores, SAID, Said};
use crate::{Engine, Error};
use read::{Gold, LabelGold, MentionGold, Predicted, Record};
use serde_json::{Map, Value};
use std::collections::{BTreeSet, HashSet};
use std::path::PathBuf;
use std::process::ExitCode;

/// Score labels or mentions against gold, with confidence intervals
///
/// GOLD is JSON lines with "labels" or with "text" and "mentions", or a CheXpert table (CSV). PRED is a
/// CheXpert table or the JSON lines that `radlabel label` and `radlabel assert` write; `-` reads it from
/// standard input. Intervals are 95% percentile bootstrap intervals; whole reports are drawn.
#[derive(clap::Args)]
#[command(after_help = "Exit code: 0 scored; 1 a figure is under its --fail-under; 2 wrong use or unreadable input.")]
pub(super) struct Options {
    /// What people decided
    gold: PathBuf,
    /// What is to be scored
    #[arg(value_name = "PRED")]
    predicted: PathBuf,
    /// Labels to score, separated by commas [default: those in the gold, without "No Finding"]
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    labels: Vec<String>,
    /// Number of bootstrap resamples; 0 = no intervals
    #[arg(long, value_name = "N", default_value_t = 1000)]
    bootstrap: u32,
    /// Seed of the bootstrap: the same seed gives the same intervals
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// List every miss
    #[arg(long)]
    errors: bool,
    /// Reports as JSON lines with "id" and "text": --errors shows the deciding sentence and cue
    #[arg(long, value_name = "FILE", requires = "errors")]
    text: Option<PathBuf>,
    /// How to print
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
    /// Exit with 1 when the figure is lower, as in micro-present=0.96; may be repeated
    #[arg(long, value_name = "NAME=VALUE", value_parser = bound)]
    fail_under: Vec<(String, f64)>,
    #[command(flatten)]
    data: DataOptions,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// Aligned columns for people
    Table,
    /// One JSON object
    Json,
}

fn bound(text: &str) -> Result<(String, f64), String> {
    let expected = "expected NAME=VALUE with a value from 0 to 1, as in micro-present=0.96";
    let (name, value) = text.rsplit_once('=').ok_or(expected)?;
    let value: f64 = value.trim().parse().map_err(|_| expected)?;
    if (0.0..=1.0).contains(&value) { Ok((name.trim().to_owned(), value)) } else { Err(expected.to_owned()) }
}

/// Which reports stand on one side only.
struct Coverage {
    reports: usize,
    /// In the gold, not in the predictions: everything that the gold says of them is missed.
    missing: Vec<String>,
    /// In the predictions only, not scored.
    extra: usize,
}

/// A scored label table.
struct LabelResult {
    names: Vec<String>,
    /// Labels of the CheXpert scheme that the gold does not hold, so that they were not scored.
    unscored: Vec<String>,
    /// Scored labels that the predictions have no column for.
    no_column: Vec<String>,
    scores: LabelScores,
    misses: Vec<misses::LabelMiss>,
}

/// Scored mentions: one entry a set, `all` last.
struct MentionResult {
    sets: Vec<(String, MentionScores)>,
    misses: Vec<misses::MentionMiss>,
}

pub(super) fn run(options: &Options) -> anyhow::Result<ExitCode> {
    let gold = read::gold(&options.gold)?;
    let predicted = read::predicted(&options.predicted)?;
    let bootstrap = Bootstrap { rounds: options.bootstrap, seed: options.seed };
    let ids: Vec<&str> = match &gold {
        Gold::Labels(gold) => gold.reports.iter().map(|r| r.id.as_str()).collect(),
        Gold::Mentions(gold) => gold.iter().map(|r| r.id.as_str()).collect(),
    };
    if ids.is_empty() {
        return Err(Error::input(options.gold.display().to_string(), "no report; expected at least one").into());
    }
    let coverage = coverage(&ids, &predicted);
    let figures;
    match &gold {
        Gold::Labels(gold) => {
            if !predicted.records.is_empty() && predicted.records.values().all(|r| r.labels.is_none()) {
                return Err(wrong_kind(options, "mentions without labels", "labels, as the gold has them").into());
            }
            let result = label_result(options, gold, &predicted, bootstrap)?;
            figures = named_label_figures(&result);
            match options.format {
                Format::Table => show::label_table(&coverage, &result, bootstrap, options.errors)?,
                Format::Json => show::label_json(&coverage, &result, bootstrap, options.errors)?,
            }
        }
        Gold::Mentions(gold) => {
            if !predicted.records.is_empty() && predicted.records.values().all(|r| r.mentions.is_none()) {
                let expected = "\"mentions\" or \"assertions\" (radlabel label --format jsonl, or radlabel assert)";
                return Err(wrong_kind(options, "labels without mentions", expected).into());
            }
            let result = mention_result(options, gold, &predicted, bootstrap);
            figures = named_mention_figures(&result);
            match options.format {
                Format::Table => show::mention_table(&coverage, &result, bootstrap, options.errors)?,
                Format::Json => show::mention_json(&coverage, &result, bootstrap, options.errors)?,
            }
        }
    }
    check_bounds(&options.fail_under, &figures).map_err(Into::into)
}

fn wrong_kind(options: &Options, found: &str, expected: &str) -> Error {
    Error::input(options.predicted.display().to_string(), format!("{found}; expected {expected}"))
}

fn coverage(ids: &[&str], predicted: &Predicted) -> Coverage {
    let known: HashSet<&str> = ids.iter().copied().collect();
    let missing = ids.iter().filter(|id| !predicted.records.contains_key(**id)).map(|&id| id.to_owned()).collect();
    let extra = predicted.records.keys().filter(|id| !known.contains(id.as_str())).count();
    Coverage { reports: ids.len(), missing, extra }
}

/// The labels of the scheme `chexpert`, in its order, read from the scheme itself so that there is one list.
/// Only names are needed here, so the engine is not loaded for them.
fn known_labels() -> Vec<String> {
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

fn label_result(options: &Options, gold: &LabelGold, predicted: &Predicted, bootstrap: Bootstrap) -> Result<LabelResult, Error> {
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
    let no_column = predicted.columns.as_ref().map_or_else(Vec::new, |c| names.iter().filter(|l| lacks(c, l)).cloned().collect());
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
fn said(mention: &Map<String, Value>) -> Said {
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

fn mention_result(options: &Options, gold: &[MentionGold], predicted: &Predicted, bootstrap: Bootstrap) -> MentionResult {
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

type Named = Vec<(String, Option<f64>)>;

fn plain(figures: &[Figure]) -> Named {
    figures.iter().map(|f| (f.name.to_owned(), f.value)).collect()
}

fn named_label_figures(result: &LabelResult) -> Named {
    let mut named = plain(&result.scores.figures);
    for (name, counts) in result.names.iter().zip(&result.scores.counts) {
        for (status, c) in show::STATUSES.iter().zip(counts) {
            named.push((format!("{name}/precision-{status}"), c.precision()));
            named.push((format!("{name}/recall-{status}"), c.recall()));
            named.push((format!("{name}/f1-{status}"), c.f1()));
        }
    }
    named
}

fn named_mention_figures(result: &MentionResult) -> Named {
    let mut named = result.sets.last().map_or_else(Vec::new, |all| plain(&all.1.figures));
    for (set, scores) in &result.sets {
        named.extend(scores.figures.iter().map(|f| (format!("{set}/{}", f.name), f.value)));
    }
    named
}

/// A figure that has no meaning cannot have reached its bound.
fn check_bounds(bounds: &[(String, f64)], figures: &Named) -> Result<ExitCode, Error> {
    let mut under = false;
    for (name, least) in bounds {
        let Some((_, value)) = figures.iter().find(|f| f.0 == *name) else {
            let short: Vec<&str> = figures.iter().map(|f| f.0.as_str()).filter(|n| !n.contains('/')).collect();
            let longer = figures.iter().map(|f| f.0.as_str()).find(|n| n.contains('/')).unwrap_or_default();
            let known = short.join(", ");
            return Err(Error::Usage(format!("--fail-under: no figure {name:?}; there are {known}, and such as {longer:?}")));
        };
        if value.is_none_or(|v| v < *least) {
            under = true;
            let value = value.map_or_else(|| "not defined (0 of 0)".to_owned(), |v| format!("{v:.4}"));
            eprintln!("radlabel: {name} is {value}, under {least}");
        }
    }
    Ok(if under { ExitCode::from(1) } else { ExitCode::SUCCESS })
}

/// The word of a value, for tables.
fn word(value: Option<Status>) -> &'static str {
    match value {
        Some(Status::Present) => "present",
        Some(Status::Absent) => "absent",
        Some(Status::Uncertain) => "uncertain",
        None => "not mentioned",
    }
}

/// The engine, for what only `--errors` needs of it.
fn engine(options: &Options) -> Result<Engine, Error> {
    options.data.engine()
}
