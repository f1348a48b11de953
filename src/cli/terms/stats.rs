//! `radlabel terms stats`: what the vocabulary holds, in numbers.

use super::Format;
use super::page::Page;
use crate::Engine;
use crate::cli::DataOptions;
use crate::output::Sink;
use std::collections::{BTreeMap, BTreeSet};
use std::process::ExitCode;

/// Count concepts, terms, codes and definitions
#[derive(clap::Args)]
pub(super) struct Options {
    /// How to show it
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
    #[command(flatten)]
    data: DataOptions,
}

/// Concepts of one kind and domain.
#[derive(Clone, Copy, Default)]
struct Count {
    concepts: u64,
    terms: u64,
    coded: u64,
    defined: u64,
}

struct Stats {
    groups: BTreeMap<(&'static str, String), Count>,
    all: Count,
    systems: BTreeMap<String, (u64, u64)>,
    unreachable: u64,
    ambiguous: u64,
}

pub(super) fn run(options: &Options) -> anyhow::Result<ExitCode> {
    let engine = options.data.engine()?;
    let stats = count(engine);
    let shown = match options.format {
        Format::Json => json(&stats),
        Format::Table => text(&stats),
    };
    Sink::open(None)?.put(shown.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

fn count(engine: &Engine) -> Stats {
    let lexicon = &engine.lexicon;
    let mut terms = vec![0_u64; lexicon.concepts.len()];
    for term in &lexicon.terms {
        terms[term.concept.index()] += 1;
    }
    let mut groups: BTreeMap<(&'static str, String), Count> = BTreeMap::new();
    let mut all = Count::default();
    let mut systems: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    for (concept, &terms) in lexicon.concepts.iter().zip(&terms) {
        let domain = &lexicon.files[concept.file as usize].domain;
        let group = groups.entry((concept.kind.name(), domain.clone())).or_default();
        for count in [group, &mut all] {
            count.concepts += 1;
            count.terms += terms;
            count.coded += u64::from(!concept.codes.is_empty());
            count.defined += u64::from(!concept.definition.is_empty());
        }
        for (i, (system, _)) in concept.codes.iter().enumerate() {
            let (codes, concepts) = systems.entry(system.to_string()).or_default();
            *codes += 1;
            *concepts += u64::from(!concept.codes[..i].iter().any(|(s, _)| s == system));
        }
    }
    // A term that means two things is told by loading; that it leads elsewhere is no second fault.
    let told: BTreeSet<(&str, usize)> = engine.rules.warnings.iter().map(|w| (w.file.as_str(), w.line)).collect();
    let faults = crate::check::vocabulary(engine).faults;
    let unreachable = faults.iter().filter(|f| !told.contains(&(f.file.as_str(), f.line))).count() as u64;
    let ambiguous = engine.rules.warnings.len() as u64;
    Stats { groups, all, systems, unreachable, ambiguous }
}

fn text(stats: &Stats) -> String {
    let mut page = Page::new();
    let share = |part: u64, whole: u64| format!("{part} ({:.0}%)", 100.0 * part as f64 / whole.max(1) as f64);
    let row = |kind: &str, domain: &str, count: &Count| {
        vec![
            kind.to_owned(),
            domain.to_owned(),
            count.concepts.to_string(),
            count.terms.to_string(),
            share(count.coded, count.concepts),
            share(count.defined, count.concepts),
        ]
    };
    let mut rows: Vec<Vec<String>> = stats.groups.iter().map(|((k, d), c)| row(k, d, c)).collect();
    rows.push(row("all", "", &stats.all));
    page.table(&["kind", "domain", "concepts", "terms", "with a code", "with a definition"], &rows);
    page.line("");
    let rows: Vec<Vec<String>> = stats
        .systems
        .iter()
        .map(|(system, (codes, concepts))| vec![system.clone(), codes.to_string(), concepts.to_string()])
        .collect();
    page.table(&["system", "codes", "concepts"], &rows);
    page.line("");
    page.line(&format!("{} terms or concepts that nothing leads to", stats.unreachable));
    page.line(&format!("{} terms that mean two things or stand twice (`radlabel check` names them)", stats.ambiguous));
    page.out
}

fn json(stats: &Stats) -> String {
    let counts = |c: &Count| serde_json::json!({"concepts": c.concepts, "terms": c.terms, "coded": c.coded, "defined": c.defined});
    let groups = stats
        .groups
        .iter()
        .map(|((kind, domain), count)| serde_json::json!({"kind": kind, "domain": domain, "counts": counts(count)}));
    let systems = stats
        .systems
        .iter()
        .map(|(system, (codes, concepts))| serde_json::json!({"system": system, "codes": codes, "concepts": concepts}));
    let value = serde_json::json!({
        "groups": groups.collect::<Vec<_>>(),
        "all": counts(&stats.all),
        "systems": systems.collect::<Vec<_>>(),
        "unreachable": stats.unreachable,
        "ambiguous": stats.ambiguous,
    });
    format!("{value:#}\n")
}
