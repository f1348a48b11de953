//! Facts, grades and alerts: the cases of `facts/cases.txt`, and the outputs that carry them.

use super::program::{Folder, radlabel};
use radlabel::{Engine, FactKind, GradeStatus, Metadata, Report, StudyKey};
use std::collections::BTreeMap;

const CASES: &str = include_str!("facts/cases.txt");

fn kind(name: &str) -> Option<FactKind> {
    serde_json::from_value(serde_json::Value::from(name)).ok()
}

/// What came with the report, in brackets before its text.
fn report(text: &str) -> Report {
    let (study, text) = match text.strip_prefix('[').and_then(|t| t.split_once("] ")) {
        Some((study, text)) if study.contains('=') => (study, text),
        _ => ("", text),
    };
    let mut report = Report::new("case", text.replace("\\n", "\n"));
    let mut key = StudyKey::default();
    // A value may hold spaces: it goes on up to the next key.
    let mut last: Option<&mut Option<String>> = None;
    for word in study.split_whitespace() {
        match word.split_once('=') {
            Some((name, value)) => {
                let field = match name {
                    "sex" => &mut key.sex,
                    "age" => &mut key.age,
                    "modality" => &mut key.modality,
                    "body-part" => &mut key.body_part,
                    other => panic!("unknown key {other}"),
                };
                *field = Some(value.to_owned());
                last = Some(field);
            }
            None => {
                let value = last.as_mut().and_then(|l| l.as_mut()).unwrap();
                value.push(' ');
                value.push_str(word);
            }
        }
    }
    report.study = key;
    report
}

fn given(engine: &Engine, what: &str, report: &Report) -> Vec<String> {
    let analysis = engine.analyze(report);
    match what {
        "grades" => {
            let grades = engine.grades_of(&report.text, &analysis);
            let status = |s: GradeStatus| if s == GradeStatus::Given { None } else { Some(s.name()) };
            let written = grades.iter().map(|g| [Some(&*g.system), g.value.as_deref(), status(g.status)]);
            written.map(|parts| parts.into_iter().flatten().collect::<Vec<_>>().join(" ")).collect()
        }
        "alerts" => {
            let alerts = engine.safety(report, &analysis, &Metadata::default());
            let written = |a: &radlabel::Alert| {
                let mut out = format!("{}:{}", a.kind.name(), a.what.as_deref().unwrap_or("?"));
                out.extend(a.when.iter().map(|w| format!(":{}", w.written())));
                out.push_str(if a.conditional { ":if" } else { "" });
                out
            };
            alerts.iter().map(written).collect()
        }
        other => {
            let kind = kind(other).unwrap_or_else(|| panic!("unknown kind of case {other}"));
            let facts = engine.facts(report, &analysis);
            facts.of(kind).map(|f| f.value.as_deref().unwrap_or("?").to_owned()).collect()
        }
    }
}

#[test]
fn cases_give_what_they_say() {
    let engine = Engine::embedded();
    let mut wrong = Vec::new();
    let mut count: BTreeMap<&str, u32> = BTreeMap::new();
    for (number, line) in CASES.lines().enumerate().filter(|(_, l)| !l.is_empty() && !l.starts_with('#')) {
        let (what, rest) = line.split_once(" | ").unwrap();
        let (text, want) = rest.rsplit_once(" => ").unwrap();
        *count.entry(what).or_default() += 1;
        let got = given(&engine, what, &report(text)).join("; ");
        let got = if got.is_empty() { "-".to_owned() } else { got };
        if got != want {
            wrong.push(format!("{}: {what} | {text}\n    gives {got}\n    wants {want}", number + 1));
        }
    }
    assert!(count.values().sum::<u32>() >= 180, "{count:?}");
    assert!(wrong.is_empty(), "{} cases:\n{}", wrong.len(), wrong.join("\n"));
}

const REPORT: &str = "MRI LEFT KNEE WITHOUT CONTRAST\n\nINDICATION: 45-year-old male with right knee pain.\n\nFINDINGS: Meniscal tear. KL grade 2. \u{c4}tiology unclear; the uterus is normal.\n\nIMPRESSION: Tear. Recommend MRI in 2-3 weeks if symptoms persist. Discussed with Dr. Roe by telephone at 10:30.\n";

/// Every line is as the schema says, and offsets are code points.
#[test]
fn json_lines_carry_facts_grades_and_alerts() {
    let folder = Folder::new(&[("a.txt", REPORT)]);
    let path = folder.path("a.txt");
    let run = radlabel(&["label", &path, "--format", "jsonl", "--facts", "--alerts", "-q"]);
    assert_eq!(run.code, 0, "{}", run.err);
    let line: serde_json::Value = serde_json::from_str(run.out.trim()).unwrap();
    let schema: serde_json::Value = serde_json::from_str(radlabel::output::REPORT_SCHEMA).unwrap();
    let faults: Vec<String> =
        jsonschema::validator_for(&schema).unwrap().iter_errors(&line).map(|e| e.to_string()).collect();
    assert!(faults.is_empty(), "{faults:?}");
    let letters: Vec<char> = REPORT.chars().collect();
    let quoted = |v: &serde_json::Value| -> String {
        letters[v["start"].as_u64().unwrap() as usize..v["end"].as_u64().unwrap() as usize].iter().collect()
    };
    assert_eq!(quoted(&line["grades"][0]), "KL grade 2");
    let alerts = line["alerts"].as_array().unwrap();
    let kinds: Vec<&str> = alerts.iter().map(|a| a["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["follow-up", "critical", "laterality", "sex"]);
    assert_eq!(quoted(&alerts[3]["evidence"][0]), "uterus");
    assert_eq!(quoted(&alerts[0]["when"]), "2-3 weeks");
    assert_eq!(alerts[0]["when"]["from"], 14);
    // Without the flags, nothing of it.
    let plain = radlabel(&["label", &path, "--format", "jsonl", "-q"]).out;
    assert!(!plain.contains("\"facts\"") && !plain.contains("\"alerts\""), "{plain}");
    let refused = radlabel(&["label", &path, "--format", "csv", "--facts"]);
    assert!(refused.code == 2 && refused.err.contains("--facts needs --format jsonl"), "{}", refused.err);
}

#[test]
fn alerts_are_rows_and_fail_on_their_level() {
    let table = "id,text,gender,Patient Age\nx,\"FINDINGS: The prostate is large.\nIMPRESSION: Large gland.\",F,50\ny,Normal.,M,40\n";
    let folder = Folder::new(&[("a.txt", REPORT), ("b.csv", table)]);
    let run = radlabel(&["alerts", &folder.path("b.csv"), "-q"]);
    assert_eq!((run.code, run.err.as_str()), (0, ""));
    assert_eq!(run.out, "id,kind,level,what,when,section,start,end,rule\nx,sex,warning,M,,findings,14,22,male-organ\n");
    for (level, code) in [("notice", 1), ("warning", 1), ("critical", 0)] {
        assert_eq!(radlabel(&["alerts", &folder.path("b.csv"), "-q", "--fail-on", level]).code, code, "{level}");
    }
    let out = folder.path("out.jsonl");
    assert_eq!(radlabel(&["alerts", &folder.path("a.txt"), "-o", &out, "--fail-on", "critical"]).code, 1);
    let lines = std::fs::read_to_string(&out).unwrap();
    let first: serde_json::Value = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
    assert_eq!((&first["id"], &first["kind"]), (&"a".into(), &"follow-up".into()));
    // No report text anywhere but in places.
    assert!(!lines.contains("uterus") && !lines.contains("Roe"), "{lines}");
    assert_eq!(radlabel(&["alerts", &folder.path("none.txt")]).code, 2);
}

#[test]
fn any_text_is_survived() {
    let engine = Engine::embedded();
    for text in [
        "",
        "\n\n",
        "T",
        "LR-",
        "1/",
        "[**",
        "\u{e9}\u{301}1/2/3",
        "T1T2T3N1",
        "45",
        "BI-RADS",
        "in 3-",
        "COMPARISON: 1/2/",
        "Age:",
    ] {
        let report = Report::new("odd", text);
        let analysis = engine.analyze(&report);
        let _ = engine.facts(&report, &analysis);
        let _ = engine.grades(text);
        let _ = engine.safety(&report, &analysis, &Metadata::default());
    }
}

/// How often the headers of the whole-body corpus are met.
#[derive(Default)]
struct Score {
    right: u32,
    wrong: u32,
    missed: u32,
}

impl Score {
    /// Compares two sets of values.
    fn compare(&mut self, got: &[String], want: &[String]) -> bool {
        let right = got.iter().filter(|g| want.contains(g)).count() as u32;
        let missed = want.iter().filter(|w| !got.contains(w)).count() as u32;
        self.right += right;
        self.wrong += got.len() as u32 - right;
        self.missed += missed;
        missed == 0 && right as usize == got.len()
    }

    fn f1(&self) -> f64 {
        f64::from(2 * self.right) / f64::from((2 * self.right + self.wrong + self.missed).max(1))
    }
}

fn listed(value: Option<&String>, parts: &[&str]) -> Vec<String> {
    let mut out = vec![value.map(String::as_str).unwrap_or_default().to_lowercase()];
    for part in parts {
        out = out.iter().flat_map(|v| v.split(part)).map(|v| v.trim().to_owned()).collect();
    }
    out.retain(|v| !v.is_empty());
    out.sort();
    out.dedup();
    out
}

/// A radiograph's code and its names in the headers are one.
fn modality(name: &str) -> String {
    match name {
        "dx" | "xr" | "x-ray" | "cr/dx" | "radiograph" => "cr".to_owned(),
        "pet" | "pet-ct" | "pet/ct" | "pt/ct" => "pt".to_owned(),
        other => other.to_owned(),
    }
}

/// Parts that the headers call by another name, or by a part of a part.
fn part(name: &str) -> String {
    match name {
        "head" | "internal auditory canal" | "internal auditory canals" => "brain",
        "pregnancy" => "obstetric",
        "whole spine" => "spine",
        "skeleton" | "skull base to mid-thigh" => "whole body",
        "leg" => "lower extremity",
        "urinary tract" => "bladder",
        other => other,
    }
    .to_owned()
}

/// Techniques as the rules call them; `None` for what they do not read (a scanner's gating, a probe).
fn technique(name: &str) -> Option<String> {
    let name = name.trim_start_matches("3d ").trim_end_matches(" phase").trim_end_matches(" haste");
    let name = name.trim_end_matches(" fat-saturated");
    let known = match name {
        "noncontrast" | "unenhanced" | "without contrast" | "plain" => "non-contrast",
        "post-contrast t1" | "t1 postcontrast" => "t1 post-contrast",
        "t1 in and out of" | "t1 in phase and out of" => "in/opposed phase",
        "skyline" => "sunrise",
        "dynamic contrast" | "t1 dynamic" => "dce",
        "late gadolinium" => "lge",
        "t2 stir" => "stir",
        "cine ssfp" => "cine",
        "t1 mapping" => "t1",
        "pulmonary arterial" | "prospective ecg-gated arterial" => "arterial",
        "weight-bearing ap" => "ap",
        "gadolinium" | "gadobutrol" | "with contrast" | "contrast-enhanced" | "intravenous contrast" => return None,
        "transvaginal"
        | "transabdominal"
        | "fluoroscopy"
        | "fdg"
        | "low-dose ct"
        | "targeted ultrasound"
        | "magnification" => return None,
        other => other,
    };
    Some(known.to_owned())
}

#[test]
fn accuracy_on_the_whole_body_corpus_is_held() {
    let engine = Engine::embedded();
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("corpora/body/gold");
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    paths.sort();
    let mut scores: BTreeMap<&str, Score> = BTreeMap::new();
    let mut misses = Vec::new();
    for path in &paths {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let whole = std::fs::read_to_string(path).unwrap();
        let (head, body) = whole.split_once("\n---\n").unwrap();
        let header: BTreeMap<String, String> = head
            .lines()
            .filter_map(|l| l.split_once(':'))
            .map(|(k, v)| (k.trim().to_owned(), v.trim().to_owned()))
            .collect();
        let (text, _) = radlabel::rules::strip_marks(body);
        let mut report = Report::new(name.clone(), text);
        report.study.sex = header.get("sex").cloned();
        let analysis = engine.analyze(&report);
        let facts = engine.facts(&report, &analysis);
        let lower = |kind| -> Vec<String> { facts.values(kind).iter().map(|v| v.to_lowercase()).collect() };
        let grades: Vec<String> = engine
            .grades_of(&report.text, &analysis)
            .iter()
            .filter(|g| g.status == GradeStatus::Given)
            .filter(|g| ["BI-RADS", "LI-RADS", "PI-RADS", "TI-RADS", "Lung-RADS", "TNM"].contains(&&*g.system))
            .filter_map(|g| Some(format!("{}={}", g.system, g.value.as_deref()?).to_lowercase()))
            .collect();
        let mut alerts: Vec<String> =
            engine.safety(&report, &analysis, &Metadata::default()).iter().map(|a| a.kind.name().to_owned()).collect();
        let mut grades = grades;
        for list in [&mut alerts, &mut grades] {
            list.sort();
            list.dedup();
        }
        let techniques: Vec<String> =
            [FactKind::Sequence, FactKind::Phase, FactKind::Projection].into_iter().flat_map(lower).collect();
        let parts = |list: Vec<String>| -> Vec<String> {
            let mut list: Vec<String> = list.iter().map(|p| part(p)).collect();
            list.sort();
            list.dedup();
            list
        };
        let dates: Vec<String> = lower(FactKind::Comparison).into_iter().filter(|d| d != "none").collect();
        let rows: [(&str, Vec<String>, Vec<String>); 6] = [
            (
                "modality",
                lower(FactKind::Modality).into_iter().take(1).collect(),
                listed(header.get("modality"), &[",", ";"]).iter().map(|m| modality(m)).collect(),
            ),
            (
                "body-part",
                parts(lower(FactKind::BodyPart)),
                parts(listed(header.get("body-part"), &[",", ";", " and ", "/"])),
            ),
            (
                "technique",
                techniques,
                listed(header.get("technique"), &[",", ";"]).iter().filter_map(|t| technique(t)).collect(),
            ),
            ("comparison", dates, listed(header.get("comparison"), &[",", ";"])),
            ("scores", grades, listed(header.get("scores"), &[";"])),
            ("alerts", alerts, listed(header.get("alerts"), &[";"])),
        ];
        for (what, got, want) in rows {
            if !scores.entry(what).or_default().compare(&got, &want) {
                misses.push(format!("{name} {what}: {got:?}, gold {want:?}"));
            }
        }
    }
    println!("{}", misses.join("\n"));
    for (what, score) in &scores {
        println!(
            "{what}: F1 {:.3} ({} right, {} wrong, {} missed)",
            score.f1(),
            score.right,
            score.wrong,
            score.missed
        );
    }
    for (what, least) in [
        ("modality", 0.98),
        ("comparison", 0.98),
        ("scores", 0.95),
        ("alerts", 0.95),
        ("body-part", 0.9),
        ("technique", 0.9),
    ] {
        assert!(scores[what].f1() >= least, "{what}: {:.3}", scores[what].f1());
    }
    assert!(paths.len() >= 50, "{} reports", paths.len());
}
