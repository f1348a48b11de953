//! The figures as a table of at most 96 columns, or as JSON.

use super::compare::{Coverage, LabelResult, MentionResult};
use super::misses::{LabelMiss, MentionMiss, Told, plain};
use crate::score::{ATTRIBUTES, Bootstrap, Counts, Figure, SAID};
use serde_json::{Value, json};
use std::io::{self, Write};

pub(super) const STATUSES: [&str; 3] = ["present", "absent", "uncertain"];

/// How many missing reports are named; the rest is counted.
const NAMED: usize = 5;

fn number(value: Option<f64>) -> String {
    value.map_or_else(|| "-".to_owned(), |v| format!("{v:.3}"))
}

fn interval(figure: &Figure) -> String {
    figure.interval.map_or_else(String::new, |(low, high)| format!("[{low:.3}, {high:.3}]"))
}

fn figure<'f>(figures: &'f [Figure], name: &str) -> &'f Figure {
    const NONE: &Figure = &Figure { name: "", value: None, interval: None };
    figures.iter().find(|f| f.name == name).unwrap_or(NONE)
}

fn method(out: &mut impl Write, bootstrap: Bootstrap) -> io::Result<()> {
    match bootstrap.rounds {
        0 => Ok(()),
        n => writeln!(out, "[ ] = 95% interval: {n} bootstrap draws of whole reports, seed {}", bootstrap.seed),
    }
}

fn coverage_lines(out: &mut impl Write, coverage: &Coverage) -> io::Result<()> {
    let missing = coverage.missing.len();
    if missing > 0 {
        let named: Vec<String> = coverage.missing.iter().take(NAMED).map(|id| plain(id)).collect();
        let more = if missing > NAMED { ", ..." } else { "" };
        writeln!(out, "missing reports: {missing} (in the gold, not in the predictions: {}{more})", named.join(", "))?;
    }
    if coverage.extra > 0 {
        writeln!(out, "not scored: {} predicted report(s) that the gold does not hold", coverage.extra)?;
    }
    Ok(())
}

/// A list of labels, broken into lines.
fn listed(out: &mut impl Write, what: &str, labels: &[String]) -> io::Result<()> {
    let mut line = what.to_owned();
    for (i, label) in labels.iter().enumerate() {
        if line.chars().count() + label.chars().count() + 2 > 96 {
            writeln!(out, "{line}")?;
            line = " ".to_owned();
        }
        line.push_str(&format!(" {label}{}", if i + 1 < labels.len() { "," } else { "" }));
    }
    writeln!(out, "{line}")
}

/// Labels, for people.
pub(super) fn label_table(
    out: &mut impl Write,
    coverage: &Coverage,
    result: &LabelResult,
    bootstrap: Bootstrap,
    errors: bool,
) -> io::Result<()> {
    let scores = &result.scores;
    writeln!(out, "{} reports, {} labels, {} cells", coverage.reports, result.names.len(), scores.cells)?;
    coverage_lines(out, coverage)?;
    if !result.unscored.is_empty() {
        listed(out, "not scored, as the gold never has them (--labels adds them):", &result.unscored)?;
    }
    if !result.no_column.is_empty() {
        listed(out, "no column in the predictions, so not mentioned:", &result.no_column)?;
    }
    let wide = result.names.iter().map(|n| n.chars().count()).max().unwrap_or(0).max(5);
    writeln!(out)?;
    let head = ["support", "tp", "fp", "fn", "precision", "recall", "F1"];
    let [a, b, c, d, e, f, g] = head;
    writeln!(out, "{:wide$}  {:9} {a:>8} {b:>6} {c:>5} {d:>5}  {e:>9} {f:>7} {g:>6}", "label", "status")?;
    for (name, counts) in result.names.iter().zip(&scores.counts) {
        let mut shown = name.as_str();
        for (status, c) in STATUSES.iter().zip(counts) {
            // A row of zeros tells nothing; the JSON has it.
            if c.support() + c.fp > 0 {
                count_row(out, wide, shown, status, *c)?;
                shown = "";
            }
        }
        if !shown.is_empty() {
            writeln!(out, "{shown:wide$}  never said by either side")?;
        }
    }
    writeln!(out)?;
    writeln!(out, "{:9}  {:24}{:24}", "", "micro F1", "macro F1")?;
    for status in STATUSES {
        let micro = figure(&scores.figures, &format!("micro-{status}"));
        let mac = figure(&scores.figures, &format!("macro-{status}"));
        let shown = format!("{} {}", number(micro.value), interval(micro));
        writeln!(out, "{status:9}  {shown:24}{} {}", number(mac.value), interval(mac))?;
    }
    let (exact, score) = (figure(&scores.figures, "exact"), figure(&scores.figures, "score"));
    let four = |f: &Figure| f.value.map_or_else(|| "-".to_owned(), |v| format!("{v:.4}"));
    writeln!(out, "\nexact  {} {}  ({} of {} cells alike)", four(exact), interval(exact), scores.right, scores.cells)?;
    writeln!(out, "score  {} {}  (mean of the three micro F1)", four(score), interval(score))?;
    method(out, bootstrap)?;
    if errors {
        writeln!(out, "\n{} misses", result.misses.len())?;
        for miss in &result.misses {
            label_miss(out, miss)?;
        }
    }
    Ok(())
}

fn count_row(out: &mut impl Write, wide: usize, name: &str, status: &str, c: Counts) -> io::Result<()> {
    let (precision, recall, f1) = (number(c.precision()), number(c.recall()), number(c.f1()));
    let (support, tp, fp, missed) = (c.support(), c.tp, c.fp, c.missed);
    writeln!(
        out,
        "{name:wide$}  {status:9} {support:>8} {tp:>6} {fp:>5} {missed:>5}  {precision:>9} {recall:>7} {f1:>6}"
    )
}

fn label_miss(out: &mut impl Write, miss: &LabelMiss) -> io::Result<()> {
    writeln!(out, "{}  {}: gold {}, predicted {}", plain(&miss.id), miss.label, miss.gold, miss.predicted)?;
    for Told { concept, said, section, rules, sentence, cues } in &miss.mentions {
        let section = section.as_deref().map_or_else(String::new, |s| format!(", section {}", plain(s)));
        let rules = if rules.is_empty() { "none (named plainly)".to_owned() } else { rules.join(", ") };
        writeln!(out, "    {} {said}{section}; rules: {}", plain(concept), plain(&rules))?;
        if let Some(sentence) = sentence {
            writeln!(out, "    sentence: {sentence}")?;
        }
        if !cues.is_empty() {
            writeln!(out, "    cue: {}", cues.join(" | "))?;
        }
    }
    Ok(())
}

/// Mentions, for people.
pub(super) fn mention_table(
    out: &mut impl Write,
    coverage: &Coverage,
    result: &MentionResult,
    bootstrap: Bootstrap,
    errors: bool,
) -> io::Result<()> {
    writeln!(out, "{} reports", coverage.reports)?;
    coverage_lines(out, coverage)?;
    for (set, scores) in &result.sets {
        writeln!(out, "\n{}: {} gold mentions", plain(set), scores.n)?;
        let counted = |name: &str, counts: String| -> String {
            let f = figure(&scores.figures, name);
            format!("{} {:16}  {counts}", number(f.value), interval(f))
        };
        writeln!(out, "  {:15} {}", "found", counted("found", format!("{} of {}", scores.found, scores.n)))?;
        let right = counted("status-right", format!("{} of {} found", scores.right, scores.found));
        writeln!(out, "  {:15} {right}", "status right")?;
        for ((status, _), c) in SAID[..5].iter().zip(scores.counts) {
            if c.support() + c.fp > 0 {
                let counts = format!("support {}, tp {}, fp {}, fn {}", c.support(), c.tp, c.fp, c.missed);
                writeln!(out, "  {:15} {}", format!("F1 {status}"), counted(&format!("f1-{status}"), counts))?;
            }
        }
        let macro3 = counted("macro3", "mean F1 of present, absent, uncertain".to_owned());
        writeln!(out, "  {:15} {macro3}", "macro3")?;
        for (name, (right, n)) in ATTRIBUTES.iter().zip(scores.attributes) {
            if n > 0 {
                let counts = format!("{right} of {n} found that carry it");
                writeln!(out, "  {name:15} {}", counted(name, counts))?;
            }
        }
    }
    writeln!(out)?;
    method(out, bootstrap)?;
    if errors {
        writeln!(out, "\n{} misses", result.misses.len())?;
        for miss in &result.misses {
            mention_miss(out, miss)?;
        }
    }
    Ok(())
}

fn mention_miss(out: &mut impl Write, miss: &MentionMiss) -> io::Result<()> {
    let verdict = match miss.predicted {
        None => format!("missed, gold {}", miss.gold),
        Some(p) if p != miss.gold => format!("gold {}, predicted {p}", miss.gold),
        Some(p) => p.to_owned(),
    };
    write!(out, "{}/{}  [{}] {verdict}", plain(&miss.set), plain(&miss.id), plain(&miss.quote))?;
    for (name, gold, predicted) in &miss.attributes {
        write!(out, "; {name}: gold {}, predicted {}", plain(gold), plain(predicted))?;
    }
    writeln!(out)?;
    if !miss.rules.is_empty() {
        writeln!(out, "    rules: {}", plain(&miss.rules.join(", ")))?;
    }
    writeln!(out, "    ... {} ...", miss.context)
}

fn counts_json(c: &Counts) -> Value {
    json!({"support": c.support(), "tp": c.tp, "fp": c.fp, "fn": c.missed,
        "precision": c.precision(), "recall": c.recall(), "f1": c.f1()})
}

fn figures_json(figures: &[Figure]) -> Value {
    let one = |f: &Figure| (f.name.to_owned(), json!({"value": f.value, "interval": f.interval.map(|i| [i.0, i.1])}));
    Value::Object(figures.iter().map(one).collect())
}

fn head_json(kind: &str, coverage: &Coverage, bootstrap: Bootstrap) -> Value {
    json!({"kind": kind, "reports": coverage.reports, "missing": coverage.missing, "not_scored": coverage.extra,
        "bootstrap": {"rounds": bootstrap.rounds, "seed": bootstrap.seed, "clusters": "reports", "level": 0.95}})
}

fn print_json(out: &mut impl Write, value: &Value) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, value)?;
    writeln!(out)
}

/// Labels, for programs.
pub(super) fn label_json(
    out: &mut impl Write,
    coverage: &Coverage,
    result: &LabelResult,
    bootstrap: Bootstrap,
    errors: bool,
) -> io::Result<()> {
    let mut value = head_json("labels", coverage, bootstrap);
    let statuses = |counts: &[Counts; 3]| -> Value {
        Value::Object(STATUSES.iter().zip(counts).map(|(s, c)| ((*s).to_owned(), counts_json(c))).collect())
    };
    let labels = result.names.iter().zip(&result.scores.counts);
    value["cells"] = json!(result.scores.cells);
    value["labels"] = labels.map(|(name, c)| json!({"label": name, "statuses": statuses(c)})).collect();
    value["pooled"] = statuses(&result.scores.pooled);
    value["figures"] = figures_json(&result.scores.figures);
    if errors {
        value["errors"] = json!(result.misses);
    }
    print_json(out, &value)
}

/// Mentions, for programs.
pub(super) fn mention_json(
    out: &mut impl Write,
    coverage: &Coverage,
    result: &MentionResult,
    bootstrap: Bootstrap,
    errors: bool,
) -> io::Result<()> {
    let mut value = head_json("mentions", coverage, bootstrap);
    let set = |(name, scores): &(String, crate::score::MentionScores)| {
        let statuses = SAID.iter().zip(&scores.counts).map(|(s, c)| (s.0.to_owned(), counts_json(c)));
        let carried = ATTRIBUTES.iter().zip(scores.attributes);
        let attributes = carried.map(|(a, (right, n))| ((*a).to_owned(), json!({"right": right, "n": n})));
        json!({"set": name, "n": scores.n, "found": scores.found, "right": scores.right,
            "statuses": Value::Object(statuses.collect()), "attributes": Value::Object(attributes.collect()),
            "figures": figures_json(&scores.figures)})
    };
    value["sets"] = result.sets.iter().map(set).collect();
    if errors {
        value["errors"] = json!(result.misses);
    }
    print_json(out, &value)
}
