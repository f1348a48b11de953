//! Refinement as a user meets it: what a model may change, what it must leave, and every way in which it is wrong.
//!
//! The tests hold for any built-in model: none depends on what it says of a report. All reports here are made up.

use super::command::{Folder, Ran, SECRET, line};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

/// What a model may say.
const VERDICTS: [&str; 5] = ["present", "absent", "uncertain", "historical", "hypothetical"];

/// Reports of all sorts, each sentence a question of its own.
fn reports(count: usize) -> String {
    let text = |n: usize| match n % 5 {
        0 => format!("FINDINGS: Small left pleural effusion, {n} mm. No pneumothorax.\nIMPRESSION: Effusion."),
        1 => format!("HISTORY: Pneumonia {n} days ago.\nFINDINGS: Possible edema at {n} mm – cannot exclude fracture."),
        2 => format!("FAMILY HISTORY: Mother with pneumonia at {n}.\nIMPRESSION: Resolved atelectasis, {n} cm nodule?"),
        3 => format!("FINDINGS: Épanchement? {n} opacities; if fever, consider pneumonia.\nIMPRESSION: No change."),
        _ => String::new(),
    };
    (0..count).map(|n| line(&format!("r{n}"), &text(n))).collect()
}

impl Folder {
    /// A run of `label` on `a.jsonl`, its words after the command.
    fn label(&self, words: &str) -> Ran {
        let words: Vec<&str> = words.split_whitespace().collect();
        self.run(&[&["label", "a.jsonl"], words.as_slice()].concat()).ends(0, &[])
    }
}

fn with_reports(count: usize) -> Folder {
    let folder = Folder::new();
    folder.put("a.jsonl", reports(count));
    folder
}

/// The mentions of all lines.
fn mentions(lines: &[Value]) -> Vec<Value> {
    lines.iter().flat_map(|line| line["mentions"].as_array().unwrap().clone()).collect()
}

/// What the model says of a mention, where it was asked.
fn opinion(mention: &Value) -> Option<&Value> {
    mention["evidence"].as_array().unwrap().iter().find(|e| e["model"].is_string())
}

/// Rows by column.
fn rows(table: &str) -> Vec<BTreeMap<String, String>> {
    csv::Reader::from_reader(table.as_bytes()).deserialize().map(Result::unwrap).collect()
}

#[test]
fn nothing_is_doubted_below_zero() {
    let folder = with_reports(40);
    let layouts = ["--format csv", "--format jsonl --confidence --add text", "--format long", "--format fhir"];
    for layout in layouts.into_iter().chain(["--table findings --format csv", "--format bioc-xml"]) {
        let plain = folder.label(&format!("-q {layout}")).out;
        let refined = folder.label(&format!("-q {layout} --refine-below 0")).out;
        assert!(plain == refined && plain.len() > 1000, "{layout}");
    }
    // Tables of mentions have columns for the model: those are empty, and all others as they were.
    let plain = rows(&folder.label("-q --table mentions --format csv").text());
    let mut refined = rows(&folder.label("-q --table mentions --format csv --refine-below 0").text());
    for row in &mut refined {
        for column in ["model", "model_probability"] {
            assert_eq!(row.remove(column).as_deref(), Some(""), "{row:?}");
        }
    }
    assert!(plain.len() > 40 && plain == refined);
}

/// What Parquet holds without and with a model differs in what it says of itself, not in its rows.
#[cfg(feature = "parquet")]
#[test]
fn parquet_says_which_model_was_asked() {
    use parquet::file::reader::{FileReader, SerializedFileReader};
    let folder = with_reports(40);
    let read = |more: &str| {
        let name = format!("{}.parquet", more.len());
        folder.label(&format!("-q -o {name} {more}"));
        let file = fs::File::open(folder.0.path().join(name)).unwrap();
        let reader = SerializedFileReader::new(file).unwrap();
        let told: BTreeMap<String, String> =
            (reader.metadata().file_metadata().key_value_metadata().unwrap().iter().cloned())
                .map(|pair| (pair.key, pair.value.unwrap_or_default()))
                .filter(|pair| pair.0.starts_with("radlabel."))
                .collect();
        let rows: Vec<String> = reader.get_row_iter(None).unwrap().map(|row| row.unwrap().to_string()).collect();
        (told, rows)
    };
    let (plain, rows) = read("");
    assert!(!plain.contains_key("radlabel.refine") && rows.len() == 40, "{plain:?}");
    let (mut told, refined) = read("--refine-below 0");
    let refine = told.remove("radlabel.refine").unwrap();
    assert!(refine.starts_with("radlabel-assertion ") && refine.ends_with(", below 0"), "{refine}");
    assert_eq!((told, refined), (plain, rows));
    let (told, _) = read("--refine-all --table mentions");
    assert_eq!(told["radlabel.refine"], refine.replace(", below 0", ", all"));
}

#[test]
fn all_mentions_of_the_patient_are_asked_about() {
    let folder = with_reports(40);
    let plain = folder.label("-q --format jsonl").lines();
    let refined = folder.label("-q --format jsonl --refine-all").lines();
    let (mut asked, mut unasked) = (0, 0);
    assert_eq!(mentions(&plain).len(), mentions(&refined).len());
    for (before, after) in mentions(&plain).iter().zip(mentions(&refined)) {
        assert_eq!(opinion(before), None);
        if after["subject"] != "patient" {
            assert_eq!(before, &after);
            unasked += 1;
            continue;
        }
        asked += 1;
        let said = opinion(&after).unwrap_or_else(|| panic!("not asked about {after}"));
        assert_eq!((&said["start"], &said["end"]), (&after["start"], &after["end"]), "{said}");
        assert!(
            VERDICTS.iter().any(|k| said["status"] == *k) && said["probability"].as_f64().unwrap() >= 0.2,
            "{said}"
        );
        // A model decides status and time, and what follows from them, alone.
        let free = ["status", "time", "evidence", "counted"];
        for (key, value) in before.as_object().unwrap().iter().filter(|(key, _)| !free.contains(&key.as_str())) {
            assert_eq!(value, &after[key], "{key}");
        }
        let rules: Vec<&Value> = after["evidence"].as_array().unwrap().iter().filter(|e| *e != said).collect();
        assert!(rules.into_iter().eq(before["evidence"].as_array().unwrap()));
    }
    assert!(asked > 40 && unasked > 5, "{asked} asked, {unasked} not");
}

#[test]
fn those_below_the_threshold_are_asked_about_and_no_other() {
    let folder = with_reports(60);
    let plain = mentions(&folder.label("-q --format jsonl --confidence").lines());
    let sure = |mention: &Value| mention["confidence"].as_f64().unwrap();
    let mut all: Vec<f64> = plain.iter().map(sure).collect();
    all.sort_by(f64::total_cmp);
    all.dedup();
    let least = (all[0] + all[1]) / 2.0;
    for below in [least, (all[all.len() - 2] + all[all.len() - 1]) / 2.0] {
        let refined =
            mentions(&folder.label(&format!("-q --format jsonl --confidence --refine-below {below}")).lines());
        let mut asked = 0;
        for (before, after) in plain.iter().zip(&refined) {
            let doubted = sure(before) < below && before["subject"] == "patient";
            assert_eq!(opinion(after).is_some(), doubted, "{before} below {below}");
            asked += usize::from(doubted);
            assert!(doubted || before == after, "{before} became {after}");
        }
        assert!(asked > 0 && asked < plain.len(), "{asked} below {below}");
    }
}

#[test]
fn threads_change_no_byte() {
    let folder = with_reports(150);
    let table = "--table mentions --format csv --confidence";
    for layout in ["--format jsonl --confidence", table] {
        let run = |threads: u32| folder.label(&format!("-q {layout} --refine-all -j {threads}")).out;
        assert!(run(1) == run(4), "{layout}");
    }
}

#[test]
fn refined_lines_fit_the_schemas() {
    let folder = with_reports(40);
    let validator = |command: &str| {
        let printed = folder.run(&[command, "--print-schema"]).ends(0, &[]).text();
        jsonschema::validator_for(&serde_json::from_str(&printed).unwrap()).unwrap()
    };
    let (of_reports, of_spans) = (validator("label"), validator("assert"));
    let lines = folder.label("-q --format jsonl --add text --confidence --facts --alerts --refine-all").lines();
    for line in &lines {
        let faults: Vec<String> = of_reports.iter_errors(line).map(|e| e.to_string()).collect();
        assert!(faults.is_empty(), "{line}: {faults:?}");
    }
    // The same spans, brought by the caller, are judged alike.
    let spans = |line: &Value| -> Value {
        line["mentions"].as_array().unwrap().iter().map(|m| json!([m["start"], m["end"]])).collect()
    };
    let brought: String =
        lines.iter().map(|l| format!("{}\n", json!({"id": l["id"], "text": l["text"], "spans": spans(l)}))).collect();
    folder.put("s.jsonl", brought);
    let answers = folder.run(&["assert", "s.jsonl", "-q", "--refine-all", "--confidence"]).ends(0, &[]).lines();
    let mut judged = 0;
    for (line, answer) in lines.iter().zip(&answers) {
        let faults: Vec<String> = of_spans.iter_errors(answer).map(|e| e.to_string()).collect();
        assert!(faults.is_empty(), "{answer}: {faults:?}");
        let assertions = answer["assertions"].as_array().unwrap();
        for (mention, assertion) in line["mentions"].as_array().unwrap().iter().zip(assertions) {
            for key in ["start", "end", "status", "time", "subject", "confidence"] {
                assert_eq!(mention[key], assertion[key], "{key} of {mention} and {assertion}");
            }
            assert_eq!(opinion(mention), opinion(assertion));
            judged += 1;
        }
        assert_eq!(line["mentions"].as_array().unwrap().len(), assertions.len());
    }
    assert!(judged > 40, "{judged}");
}

#[test]
fn parts_are_resumed_with_the_same_model_alone() {
    let folder = with_reports(40);
    folder.label("-q -o out --partition 15 --refine-below 0.5");
    let kept: Value = serde_json::from_slice(&folder.read("out/_radlabel.json")).unwrap();
    let told = kept["settings"]["refine"].as_str().unwrap();
    assert!(told.starts_with("radlabel-assertion ") && told.ends_with(", below 0.5"), "{told}");
    let digest = told.split([' ', ',']).nth(2).unwrap();
    assert!(digest.len() == 64 && digest.bytes().all(|b| b.is_ascii_hexdigit()), "{told}");
    // A part was lost, and the run was not over.
    let parts =
        |out: &str| ["part-00000.csv", "part-00001.csv", "part-00002.csv"].map(|p| folder.read(&format!("{out}/{p}")));
    let whole = parts("out");
    fs::remove_file(folder.0.path().join("out/part-00002.csv")).unwrap();
    folder.label("-o out --partition 15 --resume --refine-below 0.5");
    assert!(parts("out") == whole);
    let resumed = |more: &[&str]| {
        let run = folder.run(&[&["label", "a.jsonl", "-o", "out", "--partition", "15", "--resume"], more].concat());
        run.ends(2, &["out: cannot be resumed", "refine"]);
    };
    for more in [&["--refine-below", "0.6"][..], &["--refine-all"], &[]] {
        resumed(more);
    }
    Copied::built_in().set("trust", "0.75").put(&folder, "other");
    resumed(&["--refine-below", "0.5", "--model", "other"]);
    folder.label("-q -o plain --partition 15");
    let plain: Value = serde_json::from_slice(&folder.read("plain/_radlabel.json")).unwrap();
    assert!(plain["settings"].get("refine").is_none(), "{plain}");
}

#[test]
fn the_summary_counts_what_was_asked() {
    let folder = with_reports(40);
    let lines = folder.label("-q --format jsonl --refine-all").lines();
    let asked = mentions(&lines).iter().filter(|m| opinion(m).is_some()).count();
    let summary = |ran: Ran| {
        let found = ran.err.lines().find_map(|l| l.strip_prefix("refined   "));
        found.unwrap_or_else(|| panic!("no summary of the model in:\n{}", ran.err)).to_owned()
    };
    let said = summary(folder.label("--refine-all"));
    assert!(said.starts_with(&format!("{asked} mentions asked (")) && said.contains(" changed; rten "), "{said}");
    assert!(said.contains(", model radlabel-assertion "), "{said}");
    let said = summary(folder.label("--refine-below 0"));
    assert!(said.starts_with("0 mentions asked (0.0 %), 0 changed; rten "), "{said}");
    assert!(!folder.label("").err.contains("refined"));
    assert_eq!(folder.label("-q --refine-all").err, "");
}

#[test]
fn explanations_show_the_model() {
    let folder = Folder::new();
    folder.put("r.txt", "FINDINGS: Small left pleural effusion. No pneumothorax.");
    for (more, count) in [(&["--refine-all"][..], 2), (&["--refine-below", "0"], 0), (&[], 0)] {
        // The page tells of a mention twice: beside its label and in the list of all mentions.
        for (format, times) in [("text", 1), ("html", 2)] {
            let run = folder.run(&[&["explain", "r.txt", "--format", format], more].concat()).ends(0, &[]).text();
            let flat = run.split_whitespace().collect::<Vec<_>>().join(" ");
            assert_eq!(flat.matches("odel radlabel-assertion ").count(), times * count, "{format} {more:?}:\n{run}");
            assert_eq!(flat.matches("rules said ").count(), times * count, "{format} {more:?}:\n{run}");
        }
    }
}

#[test]
fn alerts_and_pairs_ask_the_model_too() {
    let folder = with_reports(20);
    let plain = folder.run(&["alerts", "a.jsonl", "-q"]).ends(0, &[]).out;
    assert!(plain == folder.run(&["alerts", "a.jsonl", "-q", "--refine-below", "0"]).ends(0, &[]).out);
    folder.run(&["alerts", "a.jsonl", "--refine-all"]).ends(0, &["mentions asked (", ", model radlabel-assertion "]);
    let folder = super::pairing::folder();
    let plain = super::pairing::with_studies(&folder, "reports.csv", &[]);
    let unasked = super::pairing::with_studies(&folder, "reports.csv", &["--refine-below", "0"]);
    assert_eq!((plain.code, &plain.out), (unasked.code, &unasked.out));
    let asked = super::pairing::with_studies(&folder, "reports.csv", &["--refine-all"]);
    assert!(asked.code == plain.code && asked.err.contains("model radlabel-assertion "), "{}", asked.err);
}

/// The built-in model as files that a test may spoil.
struct Copied {
    manifest: String,
    network: Vec<u8>,
    tokenizer: Vec<u8>,
}

impl Copied {
    fn built_in() -> Copied {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/assertion");
        let manifest = fs::read_to_string(folder.join("manifest.toml")).unwrap();
        let read = |name: &str| fs::read(folder.join(name)).unwrap();
        Copied { manifest, network: read("model.onnx"), tokenizer: read("tokenizer.json") }
    }

    /// Another value of a key, or none.
    fn set(mut self, key: &str, value: &str) -> Copied {
        let is = |line: &&str| line.split_once('=').is_some_and(|(name, _)| name.trim() == key);
        let line = self.manifest.lines().find(is).unwrap_or_else(|| panic!("no {key}")).to_owned();
        self.manifest = self.manifest.replacen(&line, &format!("{key} = {value}"), 1);
        self
    }

    /// Without known answers and card.
    fn bare(mut self) -> Copied {
        self.manifest.truncate(self.manifest.find("\n[").map_or(self.manifest.len(), |at| at + 1));
        self
    }

    /// More keys before all others.
    fn with(mut self, line: &str) -> Copied {
        self.manifest.insert_str(0, &format!("{line}\n"));
        self
    }

    /// The digests of the files as they are.
    fn sealed(self) -> Copied {
        let part = |file: &str, bytes: &[u8]| {
            let digest: String = Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect();
            format!("{{ file = \"{file}\", sha256 = \"{digest}\" }}")
        };
        let (network, tokenizer) = (part("model.onnx", &self.network), part("tokenizer.json", &self.tokenizer));
        self.set("model", &network).set("tokenizer", &tokenizer)
    }

    fn put(&self, folder: &Folder, name: &str) {
        folder.put(&format!("{name}/manifest.toml"), &self.manifest);
        folder.put(&format!("{name}/model.onnx"), &self.network);
        folder.put(&format!("{name}/tokenizer.json"), &self.tokenizer);
    }

    /// The labels, in the order of the network's numbers.
    fn labels(&self) -> Vec<String> {
        let line = self.manifest.lines().find_map(|l| l.strip_prefix("labels = ")).unwrap();
        serde_json::from_str(line).unwrap()
    }
}

/// A report in a folder where a bad model is named.
fn refused(folder: &Folder, more: &[&str], expected: &[&str]) -> String {
    folder.put("r.jsonl", line("r", &format!("FINDINGS: {SECRET} effusion.")));
    let before = folder.names();
    let ran = folder.run(&[&["label", "r.jsonl", "-o", "out.csv"], more].concat()).ends(2, expected);
    assert!(ran.out.is_empty() && !ran.err.contains("panicked"), "{more:?}:\n{}", ran.err);
    assert_eq!(folder.names(), before, "{more:?}: files were left");
    ran.err
}

#[test]
fn a_wrong_model_is_refused_by_name() {
    let folder = Folder::new();
    let expected = "expected a folder with manifest.toml, a network and its tokenizer";
    refused(&folder, &["--model", "none"], &["none/manifest.toml: ", expected]);
    folder.put("empty/readme", "");
    refused(&folder, &["--model", "empty"], &["empty/manifest.toml: ", expected]);
    folder.put("file", "");
    refused(&folder, &["--model", "file"], &["file/manifest.toml: ", expected]);
    let own = Copied::built_in;
    let swallowed = |mut copied: Copied, network: bool, change: fn(&mut Vec<u8>)| {
        change(if network { &mut copied.network } else { &mut copied.tokenizer });
        copied
    };
    let labels = format!("{:?}", own().labels()).replace("\"absent\"", "\"abscent\"");
    let flip = |bytes: &mut Vec<u8>| {
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
    };
    let halve = |bytes: &mut Vec<u8>| bytes.truncate(bytes.len() / 2);
    let unmarked =
        |bytes: &mut Vec<u8>| *bytes = String::from_utf8(bytes.clone()).unwrap().replace("[/E]", "[/X]").into();
    let web = |bytes: &mut Vec<u8>| *bytes = b"<html>Not found</html>".to_vec();
    let cases: Vec<(Copied, &[&str])> = vec![
        (own().with("colour = \"red\""), &["m/manifest.toml:1: ", "unknown field `colour`, expected one of"]),
        (own().set("labels", &labels), &["m/manifest.toml:", "labels: \"abscent\"; expected among present, absent"]),
        (own().set("version", "2"), &["m/manifest.toml:", "version: 2; this program reads 1"]),
        (own().set("version", "\"one\""), &["m/manifest.toml:", "expected u32"]),
        (own().set("kind", "\"scheme\""), &["m/manifest.toml:", "kind: expected \"assertion-model\""]),
        (own().set("max_tokens", "4"), &["m/manifest.toml:", "max_tokens: 4; expected 16 to 4096"]),
        (own().set("max_tokens", "9999999"), &["m/manifest.toml:", "max_tokens: 9999999; expected 16 to 4096"]),
        (own().set("below", "1.5"), &["m/manifest.toml:", "below: 1.5; expected above 0, up to 1"]),
        (
            own().set("inputs", "[\"input_ids\", \"attention_mask\", \"token_type_ids\"]"),
            &["m/model.onnx: the network takes ", "; the manifest says attention_mask, input_ids, token_type_ids"],
        ),
        (own().set("inputs", "[\"pixels\"]"), &["m/manifest.toml:", "inputs: \"pixels\"; expected among input_ids"]),
        (own().set("output", "\"scores\""), &["m/model.onnx: the network gives ", "; the manifest says scores"]),
        (
            own().bare().set("labels", "[\"present\", \"absent\", \"uncertain\"]"),
            &["numbers a question; the manifest has 3 labels"],
        ),
        (swallowed(own(), true, flip), &["m/model.onnx: sha256 ", "; the manifest says ", "damaged or changed"]),
        (swallowed(own(), false, flip), &["m/tokenizer.json: sha256 ", "damaged or changed"]),
        (swallowed(own(), true, halve).sealed(), &["m/model.onnx: "]),
        (swallowed(own(), true, Vec::clear).sealed(), &["m/model.onnx: "]),
        (swallowed(own(), true, web).sealed(), &["m/model.onnx: "]),
        (swallowed(own(), false, web).sealed(), &["m/tokenizer.json: no tokenizer.json that can be read"]),
        (swallowed(own(), false, halve).sealed(), &["m/tokenizer.json: no tokenizer.json that can be read"]),
        (swallowed(own(), false, unmarked).sealed(), &["m/tokenizer.json: the marker \"[/E]\" is none of its "]),
    ];
    for (copied, expected) in &cases {
        copied.put(&folder, "m");
        refused(&folder, &["--model", "m"], expected);
    }
    own().put(&folder, "m");
    folder.run(&["label", "r.jsonl", "-q", "--model", "m"]).ends(0, &[]);
    fs::remove_file(folder.0.path().join("m/tokenizer.json")).unwrap();
    refused(&folder, &["--model", "m"], &["m/tokenizer.json: "]);
}

/// An answer that the manifest states by its labels is not that of a model whose labels are others.
#[test]
fn swapped_labels_are_found_by_the_known_answers() {
    let folder = Folder::new();
    let labels = Copied::built_in().labels();
    let checks = Copied::built_in().manifest.matches("[[check]]").count();
    let with = |stated: &BTreeMap<String, f64>, copied: Copied| {
        let stated: Vec<f64> = VERDICTS.iter().filter_map(|label| stated.get(*label).copied()).collect();
        let check = format!(
            "\n[[check]]\nsection = \"findings\"\nsentence = \"No [E] effusion [/E].\"\nprobabilities = {stated:?}\n"
        );
        Copied { manifest: copied.manifest + &check, ..copied }
    };
    // The program says what it finds: one number a try.
    let mut stated: BTreeMap<String, f64> = labels.iter().map(|label| (label.clone(), 0.0)).collect();
    let number = format!("check {}: ", checks + 1);
    for _ in 0..labels.len() {
        with(&stated, Copied::built_in()).put(&folder, "m");
        if folder.run(&["assert", "--model", "m", "-q"]).code == 0 {
            break;
        }
        let said = refused(&folder, &["--model", "m"], &["m/manifest.toml: ", &number, "stated as"]);
        let (_, said) = said.split_once(&number).unwrap();
        let (label, said) = said.split_once(" is ").unwrap();
        stated.insert(label.to_owned(), said.split_once(',').unwrap().0.parse().unwrap());
    }
    with(&stated, Copied::built_in()).put(&folder, "m");
    folder.run(&["label", "r.jsonl", "-q", "--model", "m"]).ends(0, &[]);
    let by = |a: &&String, b: &&String| stated[*a].total_cmp(&stated[*b]);
    let (most, least) = (labels.iter().max_by(by).unwrap(), labels.iter().min_by(by).unwrap());
    assert!(stated[most] > stated[least] + 0.01, "{stated:?}");
    let other = |label: &String| {
        if label == most {
            least
        } else if label == least {
            most
        } else {
            label
        }
        .clone()
    };
    let swapped = format!("{:?}", labels.iter().map(other).collect::<Vec<_>>());
    with(&stated, Copied::built_in().set("labels", &swapped)).put(&folder, "m");
    refused(&folder, &["--model", "m"], &["m/manifest.toml: check ", "stated as", "labels are not those"]);
}

#[test]
fn what_cannot_run_a_model_is_refused() {
    let folder = Folder::new();
    let known = "expected rten, onnxruntime or onnxruntime=PATH";
    for wrong in ["nonsense", "", "rten=x", "onnxruntime=", "ONNXRUNTIME"] {
        refused(&folder, &["--runtime", wrong], &[&format!("--runtime {wrong}: {known}")]);
    }
    let text = folder.put("text.so", "This is no library.\n").canonicalize().unwrap();
    let how = "or leave --runtime out: rten needs nothing";
    refused(&folder, &["--runtime", "onnxruntime=/missing"], &["/missing: no such file", how]);
    let named = format!("onnxruntime={}", text.display());
    refused(&folder, &["--runtime", &named], &["text.so: cannot be loaded as a library", how]);
    refused(&folder, &["--runtime", "onnxruntime=text.so"], &["text.so: cannot be loaded as a library", how]);
    let with = |library: &Path, runtime: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_radlabel"));
        command.args(["label", "r.jsonl", "-o", "out.csv", "--runtime", runtime]).current_dir(folder.0.path());
        let output = command.env("ORT_DYLIB_PATH", library).stdin(Stdio::null()).output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let (code, err) = with(&text, "onnxruntime");
    assert!(code == Some(2) && err.contains("text.so: cannot be loaded as a library") && err.contains(how), "{err}");
    let (code, err) = with(Path::new("/missing"), "onnxruntime");
    assert!(code == Some(2) && err.contains("/missing: no such file") && err.contains(how), "{err}");
    assert!(!folder.0.path().join("out.csv").exists());
    // rten needs no library.
    assert_eq!(with(&text, "rten").0, Some(0));
    for wrong in ["-0.1", "1.1", "nan", "much"] {
        let below = format!("--refine-below={wrong}");
        refused(&folder, &[&below], &["expected a number from 0 to 1"]);
    }
    refused(&folder, &["--refine-all", "--refine-below", "0.5"], &["cannot be used with"]);
}

#[test]
fn odd_reports_are_asked_about_like_others() {
    let folder = Folder::new();
    let filler = |words: usize| "quite ordinary words ".repeat(words / 3);
    let texts = [
        format!("FINDINGS: {}small pneumothorax {}.", filler(1500), filler(1500)),
        format!("FINDINGS: {}pneumothorax.", "x".repeat(200_000) + " "),
        "FINDINGS: No [E] effusion [/E] or [/E]pneumothorax[E]. [CLS] edema [SEP] [PAD] [UNK] [MASK] nodule.".to_owned(),
        "FINDINGS: 🫁 effusion 👩🏽‍⚕️, e\u{301}de\u{300}ma\u{300}\u{300}; no \u{202e}pneumothorax\u{202c} ﷽ \u{0}nodule\u{feff}.".to_owned(),
        String::new(),
        " \n\t\u{a0}".to_owned(),
        "effusion".to_owned(),
    ];
    let lines: String = texts.iter().enumerate().map(|(n, text)| line(&format!("r{n}"), text)).collect();
    folder.put("a.jsonl", lines);
    let lines = folder.label("-q --format jsonl --refine-all").lines();
    assert_eq!(lines.len(), texts.len());
    for mention in mentions(&lines) {
        let said = opinion(&mention).unwrap();
        assert!(said["probability"].is_number(), "no answer: {mention}");
    }
    let counts: Vec<usize> = lines.iter().map(|l| l["mentions"].as_array().unwrap().len()).collect();
    assert!(counts[0] == 1 && counts[1] == 1 && counts[2] >= 4 && counts[3] >= 1, "{counts:?}");
    assert_eq!(counts[4..], [0, 0, 1], "{counts:?}");
    // Spans as callers bring them: of 500 words, of markers, of half a character's signs, of nothing.
    let count = |text: &str| text.chars().count();
    let long = format!("FINDINGS: No {}. Clear.", filler(600));
    let brought = [
        json!({"id": "a", "text": long, "spans": [[13, count(&long) - 9], [0, count(&long)], [13, 14]]}),
        json!({"id": "b", "text": texts[2], "spans": [[13, 16], [10, count(&texts[2])], [25, 29]]}),
        json!({"id": "c", "text": texts[3], "spans": [[10, 11], [10, 20], [21, 24], [34, 38]]}),
        json!({"id": "d", "text": "", "spans": []}),
    ];
    folder.put("s.jsonl", brought.map(|b| format!("{b}\n")).concat());
    let answers = folder.run(&["assert", "s.jsonl", "-q", "--refine-all"]).ends(0, &[]).lines();
    let counts: Vec<usize> = answers.iter().map(|a| a["assertions"].as_array().unwrap().len()).collect();
    assert_eq!(counts, [3, 3, 4, 0]);
    assert!(opinion(&answers[0]["assertions"][0]).unwrap()["probability"].is_number(), "{}", answers[0]);
}
