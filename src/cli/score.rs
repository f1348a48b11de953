//! `radlabel score`: reads gold and predictions, has them scored, and shows the figures and the misses.
//!
//! The arithmetic is in [`crate::score`], the reading in `read`, the listing of misses in `misses`, the
//! printing in `show`; here are the options and what ties the four together.

mod compare;
mod misses;
pub(super) mod read;
mod show;
mod table;

use super::{DataOptions, same, say};
use crate::output::Sink;
use crate::score::{Bootstrap, Figure};
use crate::{Engine, Error};
use compare::{LabelResult, MentionResult, coverage, label_result, mention_result};
use read::Gold;
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
    /// Write to this file instead of standard output; it appears only when everything is in it
    #[arg(long, short, value_name = "OUT")]
    output: Option<PathBuf>,
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

pub(super) fn run(options: &Options) -> anyhow::Result<ExitCode> {
    let inputs = [Some(&options.gold), Some(&options.predicted), options.text.as_ref()];
    same::refuse(options.output.as_deref(), inputs.into_iter().flatten().map(PathBuf::as_path))?;
    let sink = Sink::open(options.output.as_deref())?;
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
    let mut out = Vec::new();
    match &gold {
        Gold::Labels(gold) => {
            if !predicted.records.is_empty() && predicted.records.values().all(|r| r.labels.is_none()) {
                return Err(wrong_kind(options, "mentions without labels", "labels, as the gold has them").into());
            }
            let result = label_result(options, gold, &predicted, bootstrap)?;
            figures = named_label_figures(&result);
            match options.format {
                Format::Table => show::label_table(&mut out, &coverage, &result, bootstrap, options.errors)?,
                Format::Json => show::label_json(&mut out, &coverage, &result, bootstrap, options.errors)?,
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
                Format::Table => show::mention_table(&mut out, &coverage, &result, bootstrap, options.errors)?,
                Format::Json => show::mention_json(&mut out, &coverage, &result, bootstrap, options.errors)?,
            }
        }
    }
    sink.put(&out)?;
    check_bounds(&options.fail_under, &figures).map_err(Into::into)
}

fn wrong_kind(options: &Options, found: &str, expected: &str) -> Error {
    Error::input(options.predicted.display().to_string(), format!("{found}; expected {expected}"))
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
            return Err(Error::Usage(format!(
                "--fail-under: no figure {name:?}; there are {known}, and such as {longer:?}"
            )));
        };
        if value.is_none_or(|v| v < *least) {
            under = true;
            let value = value.map_or_else(|| "not defined (0 of 0)".to_owned(), |v| format!("{v:.4}"));
            say(format_args!("radlabel: {name} is {value}, under {least}"));
        }
    }
    Ok(if under { ExitCode::from(1) } else { ExitCode::SUCCESS })
}

/// The engine, for what only `--errors` needs of it.
fn engine(options: &Options) -> Result<&'static Engine, Error> {
    options.data.engine()
}
