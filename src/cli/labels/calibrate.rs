//! `radlabel labels calibrate`: measures on gold how often values are right, and writes the weights of confidence.
//!
//! Reads the reports itself, so that features are those that `label --confidence` will see. No text and no id of a
//! report comes into the calibration file. The arithmetic is in [`crate::confidence::fit`].

use crate::cli::score::read::{self, Gold, LabelGold, MentionGold};
use crate::cli::{DataOptions, label_table::read_text, same, say};
use crate::confidence::fit::{Judged, calibrate};
use crate::finding::speaks_of_now;
use crate::output::{Offsets, Sink};
use crate::rules::{BoundScheme, Calibration, Fitted, Matter, Verdict};
use crate::score::{Said, longest_overlap};
use crate::{Engine, Error, Report, Span, Status, Subject};
use std::collections::{BTreeSet, HashMap};
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// So few wrong values leave the weights to chance.
const FEW: u64 = 20;

/// What to measure.
#[derive(clap::Args)]
pub(super) struct Options {
    /// Gold as for `radlabel score`: labels (JSON lines or a CheXpert table) or mentions with their texts; NAME=FILE
    /// names the set in the result
    #[arg(value_name = "GOLD", required_unless_present_any = ["add", "mentions"])]
    gold: Vec<String>,
    /// Gold of mentions for the confidence of mentions alone; GOLD of mentions serves both
    #[arg(long, value_name = "GOLD")]
    mentions: Vec<String>,
    /// The reports of label gold: JSON lines with "id" and "text"
    #[arg(long, value_name = "FILE")]
    text: Option<PathBuf>,
    /// Scheme of the labels
    #[arg(long, default_value = "chexpert")]
    scheme: String,
    /// Values judged before, as --rows writes them: they are added
    #[arg(long, value_name = "FILE")]
    add: Vec<PathBuf>,
    /// Verdicts of earlier rules on the same gold, as --rows writes them: they help to weigh signs, and no figure counts
    /// them
    #[arg(long, value_name = "FILE")]
    earlier: Vec<PathBuf>,
    /// Write every judged value with its features here (CSV), for --add or for other tools
    #[arg(long, value_name = "FILE")]
    rows: Option<PathBuf>,
    /// Folds of the cross-validation
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(2..=100))]
    folds: u32,
    /// Title in the file
    #[arg(long, default_value = "Confidence of labels")]
    title: String,
    /// Where to write [default: standard output]; in a folder for --rules it must be named calibration.toml
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    data: DataOptions,
}

pub(super) fn run(options: &Options) -> anyhow::Result<ExitCode> {
    let gold: Vec<(String, PathBuf)> = options.gold.iter().map(|g| named(g)).collect();
    let more: Vec<(String, PathBuf)> = options.mentions.iter().map(|g| named(g)).collect();
    let inputs = || {
        gold.iter()
            .chain(&more)
            .map(|g| &g.1)
            .chain(&options.text)
            .chain(&options.add)
            .chain(&options.earlier)
            .map(PathBuf::as_path)
    };
    same::refuse(options.output.as_deref(), inputs())?;
    if let Some(rows) = &options.rows {
        same::refuse(Some(rows), inputs())?;
    }
    let engine = options.data.engine()?;
    let scheme = engine.scheme(&options.scheme)?;
    let texts = options.text.as_deref().map(read::texts).transpose()?;
    let mut judged = Rows::default();
    for (set, path) in &gold {
        match read::gold(path)? {
            Gold::Mentions(reports) => {
                mentions(engine, set, &reports, &mut judged.labels);
                verdicts(engine, set, &reports, &mut judged.mentions);
            }
            Gold::Labels(reports) => {
                let Some(texts) = &texts else {
                    let message = format!("{}: labels without texts; expected --text FILE", path.display());
                    return Err(Error::Usage(message).into());
                };
                labels(engine, scheme, (set, path), &reports, texts, &mut judged.labels)?;
            }
        }
    }
    for (set, path) in &more {
        let Gold::Mentions(reports) = read::gold(path)? else {
            let message = format!("--mentions {}: gold of labels; expected gold of mentions", path.display());
            return Err(Error::Usage(message).into());
        };
        verdicts(engine, set, &reports, &mut judged.mentions);
    }
    for path in &options.add {
        read_rows(path, &mut judged)?;
    }
    let mut earlier = Rows::default();
    for path in &options.earlier {
        read_rows(path, &mut earlier)?;
    }
    if judged.labels.is_empty() && judged.mentions.is_empty() {
        return Err(Error::Usage("no value to judge: no label or mention of the gold was found".to_owned()).into());
    }
    if let Some(rows) = &options.rows {
        Sink::open(Some(rows))?.put(&write_rows(&judged)?)?;
    }
    // A model for which there is no gold stays as the rules have it.
    let mut calibration = engine.rules.calibration.clone().unwrap_or_default();
    calibration.title.clone_from(&options.title);
    calibration.date = today();
    if !judged.labels.is_empty() {
        calibration.labels = calibrate(&judged.labels, &[], Matter::Labels, options.folds);
    }
    if !judged.mentions.is_empty() {
        calibration.mentions = Some(calibrate(&judged.mentions, &earlier.mentions, Matter::Mentions, options.folds));
    }
    for (what, rows) in [("values", &judged.labels), ("verdicts", &judged.mentions)] {
        let wrong = rows.iter().filter(|r| !r.right).count() as u64;
        if wrong < FEW && !rows.is_empty() {
            say(format_args!(
                "radlabel: {wrong} of {} {what} are wrong: too few to tell which features matter; trust the intervals",
                rows.len()
            ));
        }
    }
    Sink::open(options.output.as_deref())?.put(write(&calibration).as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

/// What was judged, by the model that it is for.
#[derive(Debug, Default, PartialEq)]
struct Rows {
    labels: Vec<Judged>,
    mentions: Vec<Judged>,
}

/// `NAME=FILE`, or a file named by its stem.
fn named(gold: &str) -> (String, PathBuf) {
    match gold.split_once('=') {
        Some((name, path)) if !Path::new(gold).exists() => (name.to_owned(), PathBuf::from(path)),
        _ => {
            let path = PathBuf::from(gold);
            (path.file_stem().map_or_else(|| "gold".to_owned(), |s| s.to_string_lossy().into_owned()), path)
        }
    }
}

/// Judges every value that is given for a label which the gold knows.
fn labels(
    engine: &Engine,
    scheme: &BoundScheme,
    (set, path): (&str, &Path),
    gold: &LabelGold,
    texts: &HashMap<String, String>,
    judged: &mut Vec<Judged>,
) -> Result<(), Error> {
    let mut known: BTreeSet<&str> = gold.columns.iter().flatten().map(String::as_str).collect();
    known.extend(gold.reports.iter().flat_map(|r| r.labels.keys()).map(String::as_str));
    let numbers: Vec<bool> = scheme.scheme.labels.iter().map(|l| known.contains(&*l.name)).collect();
    if !numbers.contains(&true) {
        let message = format!("no label of scheme \"{}\"; expected some of its labels", scheme.scheme.id);
        return Err(Error::input(path.display().to_string(), message));
    }
    let mut without = 0_u32;
    for report in &gold.reports {
        let Some(text) = texts.get(&report.id) else {
            without += 1;
            continue;
        };
        let analysis = engine.analyze(&Report::new(&*report.id, &**text));
        let labels = engine.labels(&analysis, scheme);
        let features = engine.label_features(&analysis, text, scheme, &labels);
        for (label, features) in labels.iter().zip(features) {
            let name = &*scheme.scheme.labels[label.label as usize].name;
            if numbers[label.label as usize] && !report.undecided.iter().any(|u| u == name) {
                let right = report.labels.get(name) == Some(&label.value);
                judged.push(row(set, "labels", &report.id, features, right));
            }
        }
    }
    if without > 0 {
        say(format_args!("radlabel: {}: {without} reports of the gold have no text: left out", path.display()));
    }
    Ok(())
}

/// Judges the counted mentions that the gold has, too. An extra one is left out: gold may hold but what readers
/// agreed on.
fn mentions(engine: &Engine, set: &str, gold: &[MentionGold], judged: &mut Vec<Judged>) {
    let mut offsets = Offsets::default();
    for report in gold {
        let analysis = engine.analyze(&Report::new(&*report.id, &*report.text));
        offsets.set(&report.text);
        let point = |byte| u64::from(offsets.code_point(&report.text, byte));
        let spans: Vec<(u64, u64)> =
            analysis.mentions.iter().map(|m| (point(m.span.start), point(m.span.end))).collect();
        for mention in &report.mentions {
            let Some(at) = longest_overlap(mention.span, &spans) else { continue };
            let assertion = &analysis.assertions[at];
            if !analysis.mentions[at].counts || !speaks_of_now(assertion) {
                continue;
            }
            let said = match assertion.status {
                Status::Present => Said::Present,
                Status::Absent => Said::Absent,
                Status::Uncertain => Said::Uncertain,
            };
            let features = engine.mention_features(&analysis, &report.text, at);
            judged.push(row(set, "mentions", &report.id, features, said == mention.status));
        }
    }
}

/// Judges the verdict on every mention of the gold that speaks of the patient: that of the engine's own mention there,
/// and where it has none, its answer on the very span.
fn verdicts(engine: &Engine, set: &str, gold: &[MentionGold], judged: &mut Vec<Judged>) {
    let mut offsets = Offsets::default();
    for report in gold {
        let text = &*report.text;
        let analysis = engine.analyze(&Report::new(&*report.id, text));
        offsets.set(text);
        let point = |byte| u64::from(offsets.code_point(text, byte));
        let spans: Vec<(u64, u64)> =
            analysis.mentions.iter().map(|m| (point(m.span.start), point(m.span.end))).collect();
        for mention in &report.mentions {
            let (start, end) = mention.span;
            let (subject, signs) = match longest_overlap(mention.span, &spans) {
                Some(at) => (analysis.assertions[at].subject, analysis.assertions[at].signs),
                None => {
                    let Some((start, end)) = offsets.byte(text, start).zip(offsets.byte(text, end)) else { continue };
                    let answers = engine.assert_spans(text, &[Span::new(start, end)]);
                    let Some(answer) = answers.first() else { continue };
                    (answer.subject, answer.signs)
                }
            };
            let expected = match mention.status {
                Said::Present => Verdict::Present,
                Said::Absent => Verdict::Absent,
                Said::Uncertain => Verdict::Uncertain,
                Said::Historical => Verdict::Historical,
                Said::Hypothetical => Verdict::Hypothetical,
                Said::Family => continue,
            };
            if subject == Subject::Patient {
                let right = Matter::Mentions.verdict(signs) == expected;
                judged.push(row(set, VERDICTS, &report.id, signs, right));
            }
        }
    }
}

/// The unit of rows for the model of mentions; others are for that of labels.
const VERDICTS: &str = "verdicts";

fn row(set: &str, unit: &str, report: &str, features: u32, right: bool) -> Judged {
    Judged { set: set.to_owned(), unit: unit.to_owned(), report: report.to_owned(), features, right }
}

const ROWS: [&str; 6] = ["set", "unit", "report", "value", "right", "features"];

fn write_rows(judged: &Rows) -> std::io::Result<Vec<u8>> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(ROWS)?;
    for (matter, rows) in [(Matter::Labels, &judged.labels), (Matter::Mentions, &judged.mentions)] {
        let names = matter.names();
        for row in rows {
            let has = |(i, name): (usize, &&'static str)| (row.features & (1 << i) != 0).then_some(*name);
            let features: Vec<&str> = names.iter().enumerate().filter_map(has).collect();
            let right = if row.right { "1" } else { "0" };
            let value = matter.verdict(row.features).name();
            writer.write_record([&row.set, &row.unit, &row.report, value, right, &features.join(" ")])?;
        }
    }
    writer.into_inner().map_err(|e| e.into_error())
}

fn read_rows(path: &Path, judged: &mut Rows) -> Result<(), Error> {
    let (name, text) = (path.display().to_string(), read_text(path)?);
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let expected = || format!("expected the columns {}, as --rows writes them", ROWS.join(", "));
    if !reader.headers().is_ok_and(|h| h.iter().eq(ROWS)) {
        return Err(Error::input(format!("{name}:1"), format!("another header; {}", expected())));
    }
    for record in reader.records() {
        let record = record.map_err(|e| {
            let line = e.position().map_or(1, csv::Position::line);
            Error::input(format!("{name}:{line}"), format!("another number of fields; {}", expected()))
        })?;
        let place = || format!("{name}:{}", record.position().map_or(1, csv::Position::line));
        let right = match &record[4] {
            "1" => true,
            "0" => false,
            other => {
                let message = format!("column \"right\" is {}; expected 1 or 0", crate::shown(other));
                return Err(Error::input(place(), message));
            }
        };
        let matter = if record[1] == *VERDICTS { Matter::Mentions } else { Matter::Labels };
        let mut features = 0;
        for word in record[5].split_whitespace() {
            features |= matter.bit(word).ok_or_else(|| {
                let known = matter.names().join(", ");
                let message = format!("column \"features\" holds {}; expected {known}", crate::shown(word));
                Error::input(place(), message)
            })?;
        }
        let rows = if matter == Matter::Mentions { &mut judged.mentions } else { &mut judged.labels };
        rows.push(row(&record[0], &record[1], &record[2], features, right));
    }
    Ok(())
}

/// The file, as the rules are read.
fn write(calibration: &Calibration) -> String {
    let mut out = String::from(HEAD);
    // A String takes whatever it is given.
    let _ = writeln!(out, "kind = \"calibration\"\nversion = 1\ntitle = {}", quoted(&calibration.title));
    let _ = writeln!(out, "date = \"{}\"", calibration.date);
    write_fitted(&mut out, &calibration.labels, Matter::Labels);
    if let Some(mentions) = &calibration.mentions {
        let _ = writeln!(out, "\n[mentions]");
        write_fitted(&mut out, mentions, Matter::Mentions);
    }
    out
}

/// One model; the tables of that of mentions lie in one of their own.
fn write_fitted(out: &mut String, fitted: &Fitted, matter: Matter) {
    let within = if matter == Matter::Mentions { "mentions." } else { "" };
    let mut line = |text: std::fmt::Arguments<'_>| {
        let _ = writeln!(out, "{text}");
    };
    line(format_args!("base = {:.4}", fitted.model.base));
    line(format_args!("\n[{within}validation]\nfolds = {}", fitted.folds));
    for (name, v) in [("model", fitted.validation), ("value-alone", fitted.baseline)] {
        line(format_args!(
            "{name} = {{ brier = {:.5}, log-loss = {:.5}, ece = {:.5}, auc = {:.3} }}",
            v.brier, v.log_loss, v.ece, v.auc
        ));
    }
    for caught in &fitted.caught {
        line(format_args!("\n[[{within}caught]]\nshare = {}\nwrong = {:.3}", float(caught.share), caught.wrong));
    }
    for set in &fitted.sets {
        line(format_args!(
            "\n[[{within}set]]\nname = {}\nunit = {}\nreports = {}\nvalues = {}\nwrong = {}",
            quoted(&set.name),
            quoted(&set.unit),
            set.reports,
            set.seen.values,
            set.seen.wrong
        ));
    }
    for ((name, weight), seen) in matter.names().into_iter().zip(&fitted.model.weights).zip(&fitted.seen) {
        line(format_args!(
            "\n[[{within}feature]]\nname = \"{name}\"\nweight = {weight:.4}\nvalues = {}\nwrong = {}",
            seen.values, seen.wrong
        ));
    }
    for bin in &fitted.bins {
        line(format_args!(
            "\n[[{within}bin]]\nvalue = \"{}\"\nfrom = {}\nto = {}\nmean = {:.5}\nvalues = {}\nright = {}",
            bin.value.name(),
            float(bin.from),
            float(bin.to),
            bin.mean.clamp(bin.from, bin.to),
            bin.values,
            bin.right
        ));
    }
}

const HEAD: &str = "\
# What the confidence of a label is computed from. Written by `radlabel labels calibrate`; not edited by hand.
#
# A value's log odds of being right are `base` plus the weight of each feature that it has. [[set]] tells the gold that
# was used, [validation] the figures of probabilities that were computed without their report, beside those of a model
# that knows the value alone, and [[bin]] how often values of such a confidence were right. [mentions] holds the same of
# the verdict on a mention, and [[mentions.caught]] which share of the wrong ones the least sure ones hold.

";

/// A float that TOML reads as one.
fn float(number: f64) -> String {
    format!("{number:?}")
}

/// A basic string of TOML.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c.is_control() => {
                let _ = write!(out, "\\u{:04X}", c as u32);
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// Today, UTC (days to a date of the Gregorian calendar after Hinnant 2013).
fn today() -> String {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    date(since.as_secs() / 86_400)
}

fn date(days: u64) -> String {
    let z = days + 719_468;
    let (era, day) = (z / 146_097, z % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let (d, m) = (day - (153 * month + 2) / 5 + 1, if month < 10 { month + 3 } else { month - 9 });
    format!("{:04}-{m:02}-{d:02}", year + era * 400 + u64::from(m <= 2))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::{Feature, Sign};

    #[test]
    fn dates_by_the_calendar() {
        assert_eq!(
            [0, 59, 11_016, 19_782, 20_781].map(date),
            ["1970-01-01", "1970-03-01", "2000-02-29", "2024-02-29", "2026-11-24"]
        );
    }

    /// 400 values, one in 20 wrong.
    fn some(unit: &str, features: [u32; 3]) -> Vec<Judged> {
        let one = |i: usize| row("a \"set\"", unit, &format!("r{}", i / 4), features[i % 3], !i.is_multiple_of(20));
        (0..400).map(one).collect()
    }

    #[test]
    fn what_is_written_is_read_again() {
        let labels = [0, Feature::Present.bit() | Feature::Far.bit(), Feature::Uncertain.bit()];
        let mentions = [0, Sign::Historical.bit() | Sign::Far.bit(), Sign::Hypothetical.bit()];
        let judged = Rows { labels: some("labels", labels), mentions: some(VERDICTS, mentions) };
        let calibration = Calibration {
            title: "line\nbreak \\ \"quote\"".to_owned(),
            date: today(),
            labels: calibrate(&judged.labels, &[], Matter::Labels, 5),
            mentions: Some(calibrate(&judged.mentions, &judged.mentions, Matter::Mentions, 5)),
            ..Calibration::default()
        };
        let text = write(&calibration);
        let engine = Engine::load(&crate::embedded::lexicons(), &[("own.toml", text.as_str())]).expect("loads");
        let read = engine.rules.calibration.expect("there");
        assert_eq!(read.title, calibration.title);
        let pairs = [
            (&read.labels, &calibration.labels),
            (read.mentions.as_ref().expect("there"), calibration.mentions.as_ref().expect("there")),
        ];
        for (read, written) in pairs {
            assert_eq!((&read.sets, &read.seen), (&written.sets, &written.seen));
            assert_eq!(read.bins.len(), written.bins.len());
            assert_eq!(read.caught.len(), written.caught.len());
            for features in [0, Sign::Present.bit(), Sign::Far.bit(), u32::MAX] {
                let (a, b) = (read.model.probability(features), written.model.probability(features));
                assert!((a - b).abs() < 1e-3, "{a} {b}");
            }
        }
        let mentions = read.mentions.expect("there");
        assert_eq!(mentions.caught.iter().map(|c| c.share).collect::<Vec<_>>(), crate::confidence::fit::SHARES);
        // Values of earlier rules are counted among what was seen, and in no bin.
        assert_eq!(mentions.sets[0].seen.values, 800);
        assert_eq!(mentions.bins.iter().map(|b| b.values).sum::<u64>(), 400);
        let rows = write_rows(&judged).expect("written");
        let file = tempfile::NamedTempFile::new().expect("file");
        std::fs::write(file.path(), rows).expect("written");
        let mut again = Rows::default();
        read_rows(file.path(), &mut again).expect("read");
        assert_eq!(again, judged);
    }

    #[test]
    fn faulty_calibrations_are_told() {
        let rows = [row("s", "labels", "r", 0, true), row("s", "labels", "q", 0, false)];
        let labels = calibrate(&rows, &[], Matter::Labels, 2);
        let mentions = Some(calibrate(&rows, &[], Matter::Mentions, 2));
        let text = write(&Calibration { labels, mentions, ..Calibration::default() });
        let load = |text: &str| match Engine::load(&crate::embedded::lexicons(), &[("own.toml", text)]) {
            Ok(_) => String::new(),
            Err(error) => error.to_string(),
        };
        assert_eq!(load(&text), "");
        let cases = [
            ("name = \"far\"", "name = \"near\"", "unknown feature \"near\""),
            ("name = \"far\"", "name = \"wide\"", "feature \"wide\" stands twice"),
            ("name = \"far\"\n", "name = \"near\"\n", "no weight of far"),
            ("right = 1", "right = 3", "3 of"),
            ("base = ", "base = inf # ", "base is no finite number"),
            ("wrong = 1", "wrong = 9", "9 of 2 values wrong"),
            ("\n[validation]", "\n[validations]", "field"),
            ("name = \"torn\"", "name = \"worn\"", "unknown feature \"worn\""),
            ("name = \"torn\"", "name = \"told\"", "no weight of torn"),
            ("\n[mentions]\nbase", "\n[mentions]\nbases", "field"),
            ("share = 0.02", "share = 2.0", "share 2 holds"),
        ];
        for (from, to, told) in cases {
            let faulty = text.replacen(from, to, 1);
            assert_ne!(faulty, text, "{from} is not there");
            let found = load(&faulty);
            assert!(found.contains(told) && found.contains("own.toml:"), "{to}: {found}");
        }
        let twice = Engine::load(&crate::embedded::lexicons(), &[("a.toml", &text), ("b.toml", &text)]);
        assert!(twice.is_err_and(|e| e.to_string().contains("b.toml:1: a second calibration; a.toml holds one")));
    }
}
