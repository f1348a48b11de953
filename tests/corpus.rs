//! The project's own reports: accuracy is held, and the plain texts are those of the gold.

use radlabel::rules::strip_marks;
use radlabel::{Analysis, ConceptId, Detail, Engine, Scratch, Span, Status, Subject, Time};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

struct Gold {
    path: PathBuf,
    labels: BTreeMap<String, String>,
    text: String,
    marks: Vec<radlabel::rules::Mark>,
}

fn gold(folder: &str) -> Vec<Gold> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder).join("gold");
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(&root).expect("gold folder").map(|e| e.expect("entry").path()).collect();
    paths.sort();
    paths
        .into_iter()
        .map(|path| {
            let whole = std::fs::read_to_string(&path).expect("gold file");
            let (head, body) = whole.split_once("\n---\n").unwrap_or_else(|| panic!("{}: no line ---", path.display()));
            let line = head.lines().find_map(|l| l.strip_prefix("labels:")).unwrap_or_default();
            let labels = line
                .split(';')
                .filter_map(|l| l.trim().split_once('='))
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect();
            let (text, marks) = strip_marks(body);
            Gold { path, labels, text, marks }
        })
        .collect()
}

fn word(status: Status) -> &'static str {
    match status {
        Status::Present => "present",
        Status::Absent => "absent",
        Status::Uncertain => "uncertain",
    }
}

/// Accuracy on the bundled reports must not fall below what was measured when they were written. All
/// misses are printed, so that a change of a rule shows what it did.
#[test]
fn accuracy_is_held() {
    let engine = Engine::embedded();
    let scheme = engine.scheme("chexpert").expect("chexpert");
    let mut scratch = Scratch::default();
    let (mut cells, mut right, mut marks, mut judged) = (0, 0, 0, 0);
    let mut misses = Vec::new();
    let reports = gold("corpora/chest");
    assert!(reports.len() >= 80, "{} reports", reports.len());
    for report in &reports {
        let name = report.path.file_stem().expect("name").to_string_lossy();
        let analysis = engine.analyze_with(&mut scratch, &report.text);
        let got: BTreeMap<&str, &str> = engine
            .labels(&analysis, scheme)
            .iter()
            .map(|l| (scheme.scheme.labels[l.label as usize].name.as_ref(), word(l.value)))
            .collect();
        for label in scheme.scheme.labels.iter().filter(|l| &*l.name != "No Finding") {
            cells += 1;
            let (want, have) = (report.labels.get(&*label.name).map(String::as_str), got.get(&*label.name).copied());
            if want == have {
                right += 1;
            } else {
                misses.push(format!("{name} {}: {have:?}, gold {want:?}", label.name));
            }
        }
        let spans: Vec<Span> = report.marks.iter().map(|m| Span::new(m.start as u32, m.end as u32)).collect();
        for (mark, answer) in report.marks.iter().zip(engine.assert_spans(&report.text, &spans)) {
            marks += 1;
            let told = match (answer.subject, answer.time) {
                (Subject::Family, _) => "family",
                (Subject::Other, _) => "other",
                (_, Time::Historical) => "historical",
                (_, Time::Hypothetical) => "hypothetical",
                _ => word(answer.status),
            };
            if told == mark.status {
                judged += 1;
            } else {
                misses.push(format!("{name} \"{}\": {told}, gold {}", &report.text[mark.start..mark.end], mark.status));
            }
        }
    }
    let labels = f64::from(right) / f64::from(cells);
    let statuses = f64::from(judged) / f64::from(marks);
    println!("{}", misses.join("\n"));
    println!("labels {labels:.4} of {cells} cells, statuses {statuses:.4} of {marks} marks");
    assert!(labels >= 0.99, "labels {labels:.4}");
    assert!(statuses >= 0.985, "statuses {statuses:.4}");
}

/// The least share that is right, by what is asked.
type Floors = &'static [(&'static str, f64)];

/// The other parts of the body and modalities. The floors are what was measured when the reports were first all
/// read, less a little.
#[test]
fn the_whole_body_is_held() {
    let floors: Floors = &[
        ("found", 0.93),
        ("status", 0.965),
        ("side", 0.95),
        ("change", 0.91),
        ("severity", 0.92),
        ("acuity", 0.89),
        ("size", 0.96),
        ("count", 0.91),
        ("location", 0.80),
    ];
    whole("corpora/body", 60, floors);
}

/// Reports by a further author, first read when the rules stood: found 0.944, status 0.960, side 0.80, change 0.85.
#[test]
fn the_second_batch_is_held() {
    let floors: Floors = &[("found", 0.94), ("status", 0.955), ("side", 0.86), ("change", 0.85), ("size", 0.90)];
    whole("corpora/second", 24, floors);
}

/// Mentions found by the program itself, their status and their attributes against the gold of a corpus.
fn whole(corpus: &str, least: usize, floors: Floors) {
    let engine = Engine::embedded();
    let mut scratch = Scratch::default();
    let reports = gold(corpus);
    assert!(reports.len() >= least, "{} reports", reports.len());
    let mut counts: BTreeMap<String, (u32, u32)> = BTreeMap::new();
    let mut count = |name: &str, right: bool| {
        let cell = counts.entry(name.to_owned()).or_default();
        cell.0 += u32::from(right);
        cell.1 += 1;
    };
    let mut misses = Vec::new();
    for report in &reports {
        let name = report.path.file_stem().expect("name").to_string_lossy();
        let analysis = engine.analyze_with(&mut scratch, &report.text);
        for mark in &report.marks {
            let span = Span::new(mark.start as u32, mark.end as u32);
            let quote = &report.text[span.range()];
            let overlap = |s: Span| s.end.min(span.end).saturating_sub(s.start.max(span.start));
            let found = (0..analysis.mentions.len())
                .filter(|&i| overlap(analysis.mentions[i].span) > 0)
                .max_by_key(|&i| (overlap(analysis.mentions[i].span), std::cmp::Reverse(i)));
            count("found", found.is_some());
            let Some(i) = found else {
                misses.push(format!("{name} found: {quote:?} missed"));
                continue;
            };
            let (mention, assertion) = (&analysis.mentions[i], &analysis.assertions[i]);
            let told = match (assertion.subject, assertion.time) {
                (Subject::Family, _) => "family",
                (Subject::Other, _) => "other",
                (_, Time::Historical) => "historical",
                (_, Time::Hypothetical) => "hypothetical",
                _ => word(assertion.status),
            };
            count("status", told == mark.status);
            if told != mark.status {
                misses.push(format!("{name} status: {quote:?} {told}, gold {}", mark.status));
            }
            // Where a device lies may be told by its tip or by its place.
            let tips = analysis.attributes_of(i as u32).iter().filter_map(|a| match a.detail {
                Detail::Tip(part) => Some(part),
                _ => None,
            });
            let places: Vec<ConceptId> = mention.location.iter().flatten().copied().chain(tips).collect();
            for (key, want) in &mark.attributes {
                let placed = key == "location" || (key == "position" && want != "malpositioned");
                let (right, have) = if placed {
                    let Some(gold) = part(&engine, want) else {
                        misses.push(format!("{name} {key}: {want:?} names no part of the lexicon"));
                        count(key, false);
                        continue;
                    };
                    let related = |c: &ConceptId| engine.lexicon.is_a(*c, gold) || engine.lexicon.is_a(gold, *c);
                    let names = places.iter().map(|&c| engine.lexicon.concept(c).id.to_string()).collect();
                    (places.iter().any(related), names)
                } else {
                    let have = said(&engine, &analysis, i, key, &report.text);
                    (have.contains(want), have)
                };
                count(key, right);
                if !right {
                    misses.push(format!("{name} {key}: {quote:?} {have:?}, gold {want}"));
                }
            }
        }
    }
    println!("{}", misses.join("\n"));
    for (name, (right, all)) in &counts {
        let share = f64::from(*right) / f64::from(*all);
        println!("{name:<10} {share:.3} of {all}");
        let floor = floors.iter().find(|f| f.0 == name.as_str()).map_or(0.0, |f| f.1);
        assert!(share >= floor, "{name} {share:.3}, under {floor}");
    }
}

/// What the program says of a mention under a key of the gold.
fn said(engine: &Engine, analysis: &Analysis, i: usize, key: &str, text: &str) -> Vec<String> {
    let (mention, assertion) = (&analysis.mentions[i], &analysis.assertions[i]);
    let adjective = |words: String| {
        let words = words.strip_suffix("ly").unwrap_or(&words).to_owned();
        words.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    match key {
        "side" => mention.side.map(|s| format!("{s:?}").to_lowercase()).into_iter().collect(),
        "change" => assertion.change.map(|c| format!("{c:?}").to_lowercase()).into_iter().collect(),
        "severity" => mention.severity.map(|s| adjective(text[s.range()].to_lowercase())).into_iter().collect(),
        _ => {
            let mine = analysis.attributes_of(i as u32).iter().filter(|a| a.detail.name() == key);
            mine.map(|a| a.detail.told(&engine.rules, &engine.lexicon)).collect()
        }
    }
}

/// The anatomic concept that these words name: the place that the program itself reads from them.
fn part(engine: &Engine, words: &str) -> Option<ConceptId> {
    let report = radlabel::Report::new("", format!("There is a mass in the {words}."));
    engine.analyze(&report).mentions.iter().find_map(|m| m.location[0])
}

/// `reports` holds the texts of `gold` without their marks: what the README's demo reads.
/// `UPDATE_CORPUS=1 cargo test` writes them anew.
#[test]
fn plain_reports_are_those_of_the_gold() {
    let update = std::env::var_os("UPDATE_CORPUS").is_some();
    let mut stale = Vec::new();
    for corpus in ["corpora/chest", "corpora/body", "corpora/second"] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(corpus).join("reports");
        for report in gold(corpus) {
            let name = report.path.file_stem().expect("name").to_string_lossy().into_owned();
            let path = folder.join(format!("{name}.txt"));
            if update {
                std::fs::create_dir_all(&folder).expect("folder");
                std::fs::write(&path, &report.text).expect("written");
            }
            if std::fs::read_to_string(&path).ok().as_deref() != Some(&report.text) {
                stale.push(name);
            }
        }
    }
    assert!(stale.is_empty(), "not as in the gold: {stale:?}; UPDATE_CORPUS=1 cargo test writes them anew");
}
