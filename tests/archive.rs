//! Archives: every format in and out, parts and their resumption, quarantine, samples and shards, and what is bad in
//! them. All reports here are made up.

use crate::command::{CLEAR, EFFUSION, Folder, SECRET, line};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

/// Reports that differ, some of them with letters beyond ASCII.
fn reports(count: usize) -> String {
    let texts = [EFFUSION, CLEAR, "IMPRESSION: Possible pneumonia.\nFINDINGS: Größe: 3 cm nodule, right lung."];
    (0..count).map(|n| line(&format!("R{n}"), &format!("{} Case {n}.", texts[n % texts.len()]))).collect()
}

/// Every file of a folder, by its name.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut out = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            out.extend(files(&path).into_iter().map(|(below, bytes)| (format!("{name}/{below}"), bytes)));
        } else {
            out.insert(name, fs::read(&path).unwrap());
        }
    }
    out
}

#[test]
fn parts_hold_what_one_file_holds() {
    let folder = Folder::new();
    folder.put("a.jsonl", reports(1000));
    let whole = folder.run(&["label", "a.jsonl", "-q"]).ends(0, &[]).text();
    for threads in ["1", "3"] {
        let out = format!("out{threads}");
        folder.run(&["label", "a.jsonl", "-o", &out, "--partition", "300", "-j", threads, "-q"]).ends(0, &[]);
        let parts = files(&folder.0.path().join(&out));
        let names: Vec<&str> = parts.keys().map(String::as_str).collect();
        assert_eq!(names, ["_radlabel.json", "part-00000.csv", "part-00001.csv", "part-00002.csv", "part-00003.csv"]);
        let mut rows = String::new();
        for (name, bytes) in &parts {
            if let Some((header, below)) = std::str::from_utf8(bytes).unwrap().split_once('\n')
                && name.starts_with("part")
            {
                assert_eq!(header, whole.lines().next().unwrap());
                assert!(below.lines().count() == if name == "part-00003.csv" { 100 } else { 300 });
                rows.push_str(below);
            }
        }
        assert_eq!(rows, whole.split_once('\n').unwrap().1);
    }
    assert_eq!(files(&folder.0.path().join("out1")), files(&folder.0.path().join("out3")));
    folder.run(&["label", "a.jsonl", "-o", "out1", "--partition", "300"]).ends(2, &["holds the parts of a run"]);
    folder.run(&["label", "a.jsonl", "-o", "out1", "--partition", "300", "--resume"]).ends(0, &["nothing is left"]);
    // Nothing that would not fit together is resumed.
    let more: [&[&str]; 3] = [&["--partition", "200"], &["--policy", "ones"], &["--scheme", "mimic"]];
    for other in more {
        let mut arguments = vec!["label", "a.jsonl", "-o", "out1", "--resume"];
        arguments.extend(other);
        if !other.contains(&"--partition") {
            arguments.extend(["--partition", "300"]);
        }
        folder.run(&arguments).ends(2, &["out1: cannot be resumed", ": was "]);
    }
    folder.put("a.jsonl", reports(1001));
    let same = ["label", "a.jsonl", "-o", "out1", "--partition", "300", "--resume"];
    folder.run(&same).ends(2, &["input a.jsonl: was "]);
    folder.put("full/x.txt", CLEAR);
    folder.run(&["label", "a.jsonl", "-o", "full", "--partition", "9"]).ends(2, &["full: is not empty"]);
    folder.feed(&["label", "-", "-o", "p", "--partition", "9"], b"").ends(2, &["cannot read - twice"]);
}

/// A run that is killed, however often, and resumed leaves the same bytes as one that was left alone.
#[cfg(unix)]
#[test]
fn a_killed_run_ends_as_if_it_had_not_been() {
    let folder = Folder::new();
    let bad = format!("{{\"id\": \"x\", \"text\": \"{SECRET}\n");
    folder.put("a.jsonl", format!("{}{bad}{}", reports(2500), reports(1500)));
    let mut formats = vec!["jsonl", "csv"];
    if cfg!(feature = "parquet") {
        formats.extend(["parquet", "arrow"]);
    }
    let mut killed = 0;
    for format in formats {
        killed += killed_and_resumed(&folder, format);
    }
    assert!(killed > 0, "the runs were over before they could be killed");
}

/// Kills and resumes a run until it ends; gives how often it was killed.
#[cfg(unix)]
fn killed_and_resumed(folder: &Folder, format: &str) -> usize {
    let run = |out: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_radlabel"));
        command
            .args(["label", "a.jsonl", "--partition", "150", "--format", format, "-j", "2", "--resume", "-q"])
            .args(["-o", &format!("{out}-{format}"), "--quarantine", &format!("{out}.csv")])
            .current_dir(folder.0.path())
            .stderr(Stdio::null());
        command
    };
    let ended = |name: &str| files(&folder.0.path().join(format!("{name}-{format}")));
    assert_eq!(run("whole").status().unwrap().code(), Some(1));
    let whole = ended("whole");
    assert!(whole.len() == 28, "{:?}", whole.keys());
    let mut killed = 0;
    let mut wait = 100;
    loop {
        let mut child = run("broken").spawn().unwrap();
        if killed < 12 {
            std::thread::sleep(Duration::from_millis(wait));
            wait = (wait * 7 + 13) % 300 + 60;
            child.kill().unwrap();
        }
        if let Some(code) = child.wait().unwrap().code() {
            assert_eq!(code, 1);
            break;
        }
        killed += 1;
    }
    assert_eq!(ended("broken"), whole, "{format}");
    assert_eq!(folder.read("broken.csv"), folder.read("whole.csv"));
    let told = String::from_utf8(folder.read("whole.csv")).unwrap();
    assert!(told.starts_with("file,record,problem\na.jsonl,2501,") && told.lines().count() == 2, "{told}");
    assert!(!told.contains(SECRET));
    killed
}

#[test]
fn samples_shards_and_limits_take_the_same_reports_always() {
    let folder = Folder::new();
    folder.put("a.jsonl", reports(600));
    let reversed: Vec<String> = reports(600).lines().rev().map(str::to_owned).collect();
    folder.put("b.jsonl", reversed.join("\n"));
    let ids = |arguments: &[&str]| {
        let mut ids = folder.run(&[&["label", "-q", "--format", "jsonl"], arguments].concat()).ends(0, &[]).ids();
        ids.sort();
        ids
    };
    let sample = ids(&["a.jsonl", "--sample", "10%"]);
    assert!((30..100).contains(&sample.len()), "{}", sample.len());
    assert_eq!(ids(&["b.jsonl", "--sample", "0.1", "-j", "3"]), sample);
    assert_ne!(ids(&["a.jsonl", "--sample", "0.1", "--seed", "1"]), sample);
    let mut shards: Vec<String> = (1..=4).flat_map(|n| ids(&["a.jsonl", "--shard", &format!("{n}/4")])).collect();
    shards.sort();
    assert_eq!(shards, ids(&["b.jsonl"]));
    assert_eq!(ids(&["a.jsonl", "--limit", "3"]), ["R0", "R1", "R2"]);
    folder.run(&["label", "a.jsonl", "--shard", "5/4"]).ends(2, &["expected I/N"]);
    folder.run(&["label", "a.jsonl", "--limit", "0"]).ends(2, &["expected 1 or more"]);
}

#[test]
fn folders_are_read_by_pattern_and_the_layout_of_mimic_tells_the_study() {
    let folder = Folder::new();
    folder.put("files/p10/p10000032/s50414267.txt", EFFUSION);
    folder.put("files/p10/p10000032/notes.md", CLEAR);
    folder.put("files/p11/p11000011/s51000001.txt.gz", crate::command::gz(CLEAR.as_bytes()));
    let ran = folder.jsonl(&["files"]).ends(0, &["1 files that hold no reports"]);
    let lines = ran.lines();
    assert_eq!(lines[0]["id"], "s50414267");
    assert_eq!(lines[0]["study"]["patient_id"], "10000032");
    assert_eq!(lines[0]["study"]["accession"], "50414267");
    assert_eq!(lines[1]["study"]["patient_id"], "11000011");
    assert_eq!(folder.jsonl(&["files", "--glob", "p11/**"]).ends(0, &[]).ids(), ["s51000001"]);
    assert_eq!(folder.jsonl(&["files/**/*.md", "--input-format", "txt"]).ends(0, &[]).ids(), ["notes"]);
    assert_eq!(folder.jsonl(&["files/p1[0-9]/*/s*"]).ends(0, &[]).ids(), ["s50414267", "s51000001"]);
    folder.jsonl(&["files", "--glob", "a{"]).ends(2, &["pattern: ", "expected one like"]);
    folder.put("mixed/a.csv", "id,text\n1,No effusion.\n");
    folder.put("mixed/b.csv", format!("id,other\n1,{SECRET} effusion is seen here. And more.\n"));
    folder.put("mixed/c.csv", "text,more,id\nEffusion.,x,3\n");
    let ran = folder.jsonl(&["mixed", "--glob", "*.csv"]).ends(1, &["b.csv:1: no column of text; found \"id\""]);
    assert_eq!(ran.ids(), ["1", "3"]);
}

const HL7: &str = "MSH|^~\\&|RIS|H|X|Y|20240312101500||ORU^R01|M1|P|2.5\rPID|1||123^^^H^MR||DOE^J||19600101|M\r\
    OBR|1|P1|ACC77|CXR^Chest|||20240311\rOBX|1|TX|19005-8^Impression||Small left pleural effusion.~No edema.||||||F\r";

#[test]
fn messages_of_hl7_are_read_however_they_are_framed() {
    let folder = Folder::new();
    let other = HL7.replace("ACC77", "ACC78").replace("|F\r", "|P\r");
    let batch = format!("FHS|^~\\&|\rBHS|^~\\&|\r{HL7}{other}BTS|2\rFTS|1\r");
    folder.put("batch.hl7", &batch);
    folder.put("lines.txt.hl7", batch.replace('\r', "\r\n"));
    folder.put("mllp", format!("\u{b}{HL7}\u{1c}\r\u{b}{other}\u{1c}\r"));
    for file in ["batch.hl7", "lines.txt.hl7", "mllp"] {
        let lines = folder.jsonl(&[file, "--add", "text"]).ends(0, &[]).lines();
        assert_eq!(lines.len(), 2, "{file}");
        assert_eq!(lines[0]["id"], "ACC77");
        assert_eq!(lines[0]["text"], "IMPRESSION:\nSmall left pleural effusion.\nNo edema.");
        assert_eq!(lines[0]["study"]["patient_id"], "123");
        assert_eq!(lines[1]["study"]["report_status"], "preliminary");
        assert_eq!(lines[1]["labels"]["Edema"], "absent");
    }
    let bad = format!("{}{HL7}", other.replace("ORU^R01", "ADT^A01").replace("Small", SECRET));
    folder.put("bad.hl7", bad);
    let ran = folder.jsonl(&["bad.hl7"]).ends(1, &["bad.hl7: record 1: the message is ADT^A01; expected ORU^R01"]);
    assert_eq!(ran.ids(), ["ACC77"]);
    folder.put("wrong.hl7", format!("MSH;~\n{SECRET}"));
    folder.jsonl(&["wrong.hl7"]).ends(2, &["wrong.hl7: record 1: "]);
}

/// What is written as BioC, FHIR, DICOM SR, Parquet or Arrow is read back to the same labels.
#[test]
fn what_is_written_is_read_back() {
    let folder = Folder::new();
    folder.put("a.jsonl", reports(40));
    let labels = folder.run(&["label", "a.jsonl", "-q"]).ends(0, &[]).text();
    let mut formats = vec![("bioc-xml", "b.xml"), ("bioc-json", "b.json"), ("fhir", "f.ndjson")];
    if cfg!(feature = "parquet") {
        formats.extend([("parquet", "t.parquet"), ("arrow", "t.arrows")]);
    }
    for (format, name) in formats {
        let mut arguments = vec!["label", "a.jsonl", "-q", "--format", format, "-o", name];
        if name.starts_with('t') {
            arguments.extend(["--add", "text"]);
        }
        folder.run(&arguments).ends(0, &[]);
        assert_eq!(folder.run(&["label", name, "-q"]).ends(0, &[]).text(), labels, "{format}");
    }
    let mut folders = vec!["brat"];
    if cfg!(feature = "dicom") {
        folders.push("dicom-sr");
    }
    for format in folders {
        folder.run(&["label", "a.jsonl", "-q", "--format", format, "-o", format]).ends(0, &[]);
        let found = folder.run(&["label", format, "-q"]).ends(0, &[]).text();
        let sorted = |table: &str| {
            let mut rows: Vec<&str> = table.lines().collect();
            rows.sort_unstable();
            rows.join("\n")
        };
        assert_eq!(sorted(&found), sorted(&labels), "{format}");
        folder.run(&["label", "a.jsonl", "--format", format, "-o", format]).ends(2, &["is there and not empty"]);
    }
    for (format, name) in [("bioc-json", "json"), ("bioc-xml", "xml")] {
        let out = format!("parts-{name}");
        folder.run(&["label", "a.jsonl", "-q", "--format", format, "-o", &out, "--partition", "15"]).ends(0, &[]);
        let ids = folder.jsonl(&[&out, "--glob", "part-*"]).ends(0, &[]).ids();
        assert_eq!(ids, (0..40).map(|n| format!("R{n}")).collect::<Vec<_>>());
    }
}

#[test]
fn our_own_lines_are_read_back_with_their_study() {
    let folder = Folder::new();
    folder.put("a.csv", "id,text,accession,modality\n1,No effusion.,A7,CR\n");
    let first = folder.jsonl(&["a.csv", "--add", "text"]).ends(0, &[]);
    folder.put("b.jsonl", &first.out);
    let again = folder.jsonl(&["b.jsonl", "--add", "text"]).ends(0, &[]);
    assert_eq!(again.out, first.out);
    assert_eq!(again.lines()[0]["study"]["accession"], "A7");
}

#[test]
fn fhir_without_text_is_told_and_the_others_are_read() {
    let folder = Folder::new();
    let report = |id: &str, more: &str| {
        format!("{{\"resourceType\":\"DiagnosticReport\",\"id\":\"{id}\",\"status\":\"final\"{more}}}\n")
    };
    let text = |text: &str| format!(",\"conclusion\":\"{text}\"");
    let patient = "{\"resourceType\":\"Patient\",\"id\":\"p\"}\n";
    folder.put(
        "f.ndjson",
        format!("{patient}{}{}{}", report("a", &text("No effusion.")), report("b", ""), report("c", &text("Edema."))),
    );
    let ran =
        folder.jsonl(&["f.ndjson"]).ends(1, &["f.ndjson:3: DiagnosticReport \"b\": without text: no presentedForm"]);
    assert_eq!(ran.ids(), ["a", "c"]);
    assert_eq!(ran.lines()[0]["study"]["report_status"], "final");
    // HTML: offsets count in what was given.
    let html = "<html><body><p>No <b>pleural effusion</b>.</p></body></html>";
    let data = base64(html.as_bytes());
    let form = format!(",\"presentedForm\":[{{\"contentType\":\"text/html\",\"data\":\"{data}\"}}]");
    folder.put("h.json", report("h", &form).replace(',', ",\n"));
    let lines = folder.jsonl(&["h.json"]).ends(0, &[]).lines();
    let mention = &lines[0]["mentions"][0];
    let (start, end) = (mention["start"].as_u64().unwrap() as usize, mention["end"].as_u64().unwrap() as usize);
    assert_eq!(&html[start..end], "pleural effusion");
    assert_eq!(mention["status"], "absent");
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let number = chunk.iter().fold(0_u32, |n, &b| n << 8 | u32::from(b)) << (8 * (3 - chunk.len()));
        for i in 0..4 {
            let letter = LETTERS[(number >> (18 - 6 * i) & 63) as usize] as char;
            out.push(if i > chunk.len() { '=' } else { letter });
        }
    }
    out
}

#[test]
fn a_bomb_is_given_up_and_a_giant_line_is_passed_over() {
    let folder = Folder::new();
    // Real lines, then a line of zeros that unpacks to thousands of times its size.
    let path = folder.0.path().join("bomb.jsonl.zst");
    let mut encoder = zstd::Encoder::new(fs::File::create(&path).unwrap(), 1).unwrap();
    std::io::Write::write_all(&mut encoder, reports(5).as_bytes()).unwrap();
    std::io::copy(&mut std::io::Read::take(std::io::repeat(0), 1200 << 20), &mut encoder).unwrap();
    encoder.finish().unwrap();
    let ran = folder.jsonl(&["bomb.jsonl.zst"]).ends(1, &["bomb.jsonl.zst: unpacks to more than"]);
    assert_eq!(ran.ids().len(), 5);
    let giant = format!("{{\"id\": \"g\", \"text\": \"{}\"}}\n", SECRET.repeat(400_000));
    folder.put("giant.jsonl", format!("{}{giant}{}", reports(2), reports(1)));
    let ran = folder.jsonl(&["giant.jsonl"]).ends(1, &["giant.jsonl:3: a record of 2800023 bytes; left out"]);
    assert_eq!(ran.ids(), ["R0", "R1", "R0"]);
    let mut cut = zstd::bulk::compress(reports(3000).as_bytes(), 3).unwrap();
    cut.truncate(cut.len() - 20);
    folder.put("cut.jsonl.zst", cut);
    let ran = folder.jsonl(&["cut.jsonl.zst"]).ends(1, &["cut.jsonl.zst: broken zstd: "]);
    assert!(!ran.ids().is_empty());
}

#[test]
fn tables_of_every_shape() {
    let folder = Folder::new();
    folder.put("a.jsonl", reports(3));
    let rows = |arguments: &[&str]| {
        let table = folder.run(&[&["label", "a.jsonl", "-q"], arguments].concat()).ends(0, &[]).out;
        let mut reader = csv::Reader::from_reader(&*table);
        let rows: Vec<BTreeMap<String, String>> = reader.deserialize().map(Result::unwrap).collect();
        rows
    };
    let mentions = rows(&["--table", "mentions"]);
    let nodule = mentions.iter().find(|m| m["id"] == "R2" && m["size_mm"] == "30").expect("a nodule of 3 cm");
    assert_eq!((&*nodule["status"], &*nodule["side"], &*nodule["counted"]), ("present", "right", "true"));
    let effusion = mentions.iter().find(|m| m["id"] == "R1" && m["status"] == "absent").expect("denied");
    assert_eq!((&*effusion["cue"], &*effusion["cue_start"]), ("No", "10"));
    let findings = rows(&["--table", "findings"]);
    assert!(findings.iter().any(|f| f["id"] == "R0" && f["status"] == "present" && f["mentions"] == "2"));
    let long = rows(&["--table", "labels-long", "--confidence"]);
    assert!(long.iter().all(|l| (0.5..1.0).contains(&l["confidence"].parse::<f64>().unwrap())));
    let sure = rows(&["--table", "mentions", "--confidence"]);
    assert!(sure.iter().all(|m| (0.05..1.0).contains(&m["confidence"].parse::<f64>().unwrap())));
    assert!(sure.len() == mentions.len() && !mentions[0].contains_key("confidence"));
    let texts = rows(&["--add", "text,study,notes"]);
    assert!(texts[2]["text"].contains("Größe") && texts[0]["accession"].is_empty());
    let votes = rows(&["--votes"]);
    let pneumonia = votes.iter().find(|v| v["id"] == "R2" && v["label"] == "Pneumonia").expect("a vote");
    assert_eq!(pneumonia["rules"], "2");
    folder.put("m.csv", "id,Pneumonia,Edema\nR2,1.0,\nR1,0,0\nR9,1,1\n");
    let asked = ["label", "a.jsonl", "--votes", "--votes-from", "model=m.csv", "--policy", "ignore"];
    let told = folder.run(&asked).ends(0, &["votes of model: 1 of 3 ids are of no report"]).text();
    assert!(told.contains("R2,Pneumonia,-1,1\n") && told.contains("R1,Edema,-1,0\n"), "{told}");
    folder.run(&["label", "a.jsonl", "--table", "mentions", "--format", "jsonl"]).ends(2, &["--table needs"]);
    folder.run(&["label", "a.jsonl", "--votes", "--format", "jsonl"]).ends(2, &["--votes needs"]);
    folder.run(&["label", "a.jsonl", "--confidence", "--format", "fhir"]).ends(2, &["--confidence needs"]);
    let confident: Value =
        folder.run(&["label", "a.jsonl", "-q", "--confidence", "--format", "jsonl"]).lines()[1].clone();
    assert!(confident["confidence"]["Pleural Effusion"].as_f64().unwrap() > 0.9);
}

/// The bytes of a Parquet file may look like UTF-16, those of a DICOM file too.
#[cfg(feature = "parquet")]
#[test]
fn columns_are_no_text_of_two_bytes_a_letter() {
    let folder = Folder::new();
    for count in [1, 300, 2000] {
        folder.put(
            "a.jsonl",
            (0..count).map(|n| line(&n.to_string(), &"\\u0001\\u0000".repeat(n % 40))).collect::<String>(),
        );
        folder.run(&["label", "a.jsonl", "-q", "--add", "text", "-o", "t.parquet"]).ends(0, &[]);
        assert_eq!(folder.jsonl(&["t.parquet"]).ends(0, &[]).ids().len(), count);
    }
}

#[cfg(feature = "parquet")]
#[test]
fn a_broken_parquet_file_costs_its_own_rows_alone() {
    let folder = Folder::new();
    folder.put("a.jsonl", reports(50));
    for name in ["in/a.parquet", "in/b.parquet", "in/c.parquet"] {
        fs::create_dir_all(folder.0.path().join("in")).unwrap();
        folder.run(&["label", "a.jsonl", "-q", "--add", "text", "-o", name]).ends(0, &[]);
    }
    let mut cut = folder.read("in/b.parquet");
    cut.truncate(cut.len() - 9);
    folder.put("in/b.parquet", cut);
    let ran = folder.jsonl(&["in"]).ends(1, &["b.parquet"]);
    assert_eq!(ran.ids().len(), 100);
    folder.run(&["label", "a.jsonl", "-q", "-o", "in/d.parquet"]).ends(0, &[]);
    folder.jsonl(&["in"]).ends(1, &["d.parquet: no column of text"]);
}

#[test]
fn json_that_is_no_object_a_line_is_read() {
    let folder = Folder::new();
    let rows = "[{\"id\": \"a\", \"text\": \"No effusion.\"},\n {\"id\": \"b\",\n  \"text\": \"Edema } here.\"}";
    folder.put("rows.json", format!("{rows}]\n"));
    assert_eq!(folder.jsonl(&["rows.json"]).ends(0, &[]).ids(), ["a", "b"]);
    folder.put("cut.json", format!("{rows}, {{\"id\": \"{SECRET}"));
    let ran = folder.jsonl(&["cut.json"]).ends(1, &["cut.json: the source ends inside record 3; it was left out"]);
    assert_eq!(ran.ids(), ["a", "b"]);
    folder.put("between.json", rows);
    folder.jsonl(&["between.json"]).ends(1, &["between.json: the source is cut off after record 2"]);
    folder.put("odd.json", format!("{rows}, {SECRET}\n]"));
    folder.jsonl(&["odd.json"]).ends(1, &["odd.json: record 3: no JSON object"]);
    folder.put("one.json", "{\n  \"id\": \"a\",\n  \"text\": \"No effusion.\"\n}\n");
    assert_eq!(folder.jsonl(&["one.json"]).ends(0, &[]).ids(), ["a"]);
}

#[test]
fn of_a_broken_document_the_records_before_the_fault_are_read() {
    let folder = Folder::new();
    let report =
        |n: u32| format!("{{\"resourceType\":\"DiagnosticReport\",\"id\":\"d{n}\",\"conclusion\":\"Edema {n}.\"}}");
    folder.put("array.json", format!("[{},\n{}]", report(1), report(2)));
    assert_eq!(folder.jsonl(&["array.json"]).ends(0, &[]).ids(), ["d1", "d2"]);
    let entry = |n| format!("{{\"resource\":{}}}", report(n));
    let head = "{\"resourceType\":\"Bundle\",\"type\":\"collection\",\"entry\":[";
    let half = format!("{head}{},{},{}", entry(1), entry(2), &entry(3)[..60]);
    folder.put("small.json", &half);
    let ran = folder.jsonl(&["small.json"]).ends(1, &["small.json: record 1: the JSON object ends too early"]);
    assert_eq!(ran.ids(), ["d1", "d2"]);
    folder.put("packed.json.gz", crate::command::gz(half.as_bytes()));
    let ran = folder.jsonl(&["packed.json.gz"]).ends(1, &["packed.json.gz: the source ends inside record 3"]);
    assert_eq!(ran.ids(), ["d1", "d2"]);
    let between = format!("{head}{},", entry(1));
    folder.put("between.json.gz", crate::command::gz(between.as_bytes()));
    folder.jsonl(&["between.json.gz"]).ends(1, &["between.json.gz: the source is cut off after record 1"]);
    folder.put("a.jsonl", reports(9));
    folder.run(&["label", "a.jsonl", "-q", "--format", "bioc-xml", "-o", "whole.xml"]).ends(0, &[]);
    let xml = String::from_utf8(folder.read("whole.xml")).unwrap();
    let inside = xml.rfind("<document>").unwrap() + 30;
    for (name, end) in [("inside", inside), ("between", inside - 30)] {
        folder.put(&format!("{name}/c.xml"), &xml[..end]);
        let ran = folder.jsonl(&[name]).ends(1, &["c.xml: the collection is cut off after document 8"]);
        assert_eq!(ran.ids().len(), 8);
        folder.jsonl(&[&format!("{name}/c.xml")]).ends(1, &["c.xml: the source "]);
    }
    // A collection larger than a report may be is still one in a folder.
    folder.put("a.jsonl", reports(1500));
    folder.put("large/none.txt", CLEAR);
    folder.run(&["label", "a.jsonl", "-q", "--format", "bioc-xml", "-o", "large/c.xml"]).ends(0, &[]);
    assert!(folder.read("large/c.xml").len() > 1 << 20);
    assert_eq!(folder.jsonl(&["large"]).ends(0, &[]).ids().len(), 1501);
}

#[test]
fn encodings_that_are_mixed_in_one_table_are_told_and_read() {
    let folder = Folder::new();
    let rows = |name: &str, byte: &[u8]| {
        let row = |n| [format!("{name}{n},\"No \u{65}panchement ").as_bytes(), byte, b" seen.\"\n"].concat();
        (0..1200).flat_map(row).collect::<Vec<u8>>()
    };
    let (utf8, latin) = (rows("u", "é".as_bytes()), rows("l", b"\xe9"));
    folder.put("latin-first.csv", [b"id,text\n", &*latin, &*utf8].concat());
    let ran = folder.jsonl(&["latin-first.csv", "--add", "text"]);
    let ran =
        ran.ends(0, &["read as windows-1252 by guess", ":1202: UTF-8 in a source of windows-1252; read as UTF-8"]);
    let lines = ran.lines();
    assert!(lines.len() == 2400 && lines.iter().all(|l| l["text"] == "No epanchement é seen."));
    folder.put("utf8-first.csv", [b"id,text\n", &*utf8, &*latin].concat());
    let ran = folder.jsonl(&["utf8-first.csv", "--add", "text"]).ends(0, &[":1202: 1 bytes are no UTF-8"]);
    let lines = ran.lines();
    assert_eq!(lines[1199]["text"], "No epanchement é seen.");
    assert_eq!(lines[1200]["text"], "No epanchement \u{fffd} seen.");
    assert_eq!(lines[1200]["notes"][0], "1 bytes were not valid UTF-8");
}

#[cfg(feature = "dicom")]
#[test]
fn dicom_is_known_by_its_content() {
    let folder = Folder::new();
    folder.put("a.jsonl", reports(1));
    folder.run(&["label", "a.jsonl", "-q", "--format", "dicom-sr", "-o", "sr"]).ends(0, &[]);
    let bytes = folder.read("sr/R0.dcm");
    folder.put("named.txt", &bytes);
    for name in ["mixed/IM0001", "mixed/1.2.840.10008.55", "mixed/x.txt"] {
        folder.put(name, &bytes);
    }
    folder.put("mixed/notes.md", CLEAR);
    folder.put("mixed/other", CLEAR);
    assert_eq!(folder.jsonl(&["named.txt"]).ends(0, &[]).ids(), ["R0"]);
    assert_eq!(folder.jsonl(&["mixed"]).ends(0, &["2 files that hold no reports"]).ids(), ["R0"; 3]);
    let image = "1.2.840.10008.5.1.4.1.1.2\0\0\0\0";
    let sr = b"1.2.840.10008.5.1.4.1.1.88.33";
    let mut other = bytes;
    while let Some(at) = other.windows(sr.len()).position(|w| w == sr) {
        other[at..at + sr.len()].copy_from_slice(image.as_bytes());
    }
    folder.put("mixed/ct", other);
    let ran = folder.jsonl(&["mixed"]).ends(1, &["ct: DICOM CT Image Storage; expected a structured report"]);
    assert_eq!(ran.ids().len(), 3);
}

#[cfg(unix)]
#[test]
fn links_in_a_folder_are_followed_to_files_alone() {
    let folder = Folder::new();
    folder.put("in/a/x.txt", CLEAR);
    let link = |to: &str, at: &str| std::os::unix::fs::symlink(to, folder.0.path().join("in").join(at)).unwrap();
    link("..", "a/up");
    link("a/x.txt", "y.txt");
    let ran = folder.jsonl(&["in"]).ends(0, &["in/a/up: a link to a folder, which is not followed"]);
    assert_eq!(ran.ids(), ["x", "y"]);
    link("nowhere", "z.txt");
    assert_eq!(folder.jsonl(&["in"]).ends(1, &["in/z.txt: a link to what is not there"]).ids(), ["x", "y"]);
}

#[test]
fn doubled_ids_keep_their_files() {
    let folder = Folder::new();
    let ids = ["a", "a", "b/c", "a", "a", "R.txt", "R", "..", "."];
    folder.put("a.jsonl", ids.map(|id| line(id, EFFUSION)).concat());
    let mut formats = vec![("brat", "ann")];
    if cfg!(feature = "dicom") {
        formats.push(("dicom-sr", "dcm"));
    }
    for (format, ending) in formats {
        for partition in [None, Some("2"), Some("5")] {
            let out = format!("{format}{}", partition.unwrap_or_default());
            let mut arguments = vec!["label", "a.jsonl", "-q", "--format", format, "-o", &out];
            arguments.extend(partition.into_iter().flat_map(|n| ["--partition", n]));
            folder.run(&arguments).ends(0, &[]);
            let names: Vec<String> = files(&folder.0.path().join(&out)).into_keys().collect();
            let count = |ending: &str| names.iter().filter(|n| n.ends_with(ending)).count();
            assert_eq!(count(&format!(".{ending}")), ids.len(), "{names:?}");
            assert!(format != "brat" || count(".txt") == ids.len(), "{names:?}");
        }
    }
}

#[test]
fn parts_that_are_lost_are_written_anew() {
    let folder = Folder::new();
    folder.put("a.jsonl", reports(50));
    for format in ["csv", "brat"] {
        let run = |out: &str| {
            folder.run(&["label", "a.jsonl", "--format", format, "-o", out, "--partition", "9", "--resume"])
        };
        let (whole, out) = (format!("{format}-whole"), format!("{format}-out"));
        run(&whole).ends(0, &[]);
        run(&out).ends(0, &[]);
        let at = |name: &str| folder.0.path().join(&out).join(name);
        if format == "csv" {
            fs::write(at("part-00003.csv"), "id").unwrap();
            run(&out).ends(0, &["part-00003.csv: 2 bytes; expected ", "written anew", "27 reports were done before"]);
            fs::remove_file(at("part-00000.csv")).unwrap();
            run(&out).ends(0, &["part-00000.csv: ", "written anew"]);
        } else {
            fs::remove_file(at("part-00001/R10.ann")).unwrap();
            run(&out).ends(0, &["part-00001: ", "written anew", "9 reports were done before"]);
        }
        assert_eq!(files(&folder.0.path().join(&out)), files(&folder.0.path().join(&whole)));
        run(&out).ends(0, &["nothing is left"]);
    }
}

#[cfg(unix)]
#[test]
fn a_folder_of_parts_has_one_writer() {
    let folder = Folder::new();
    folder.put("a.jsonl", reports(5));
    fs::create_dir(folder.0.path().join("out")).unwrap();
    let lock = fs::File::open(folder.0.path().join("out")).unwrap();
    lock.lock().unwrap();
    let arguments = ["label", "a.jsonl", "-o", "out", "--partition", "2"];
    folder.run(&arguments).ends(2, &["out: another run is writing to it"]);
    drop(lock);
    folder.run(&arguments).ends(0, &[]);
}

#[test]
fn messages_that_are_cut_off_are_told() {
    let folder = Folder::new();
    folder.put("batch.hl7", format!("FHS|^~\\&|\rBHS|^~\\&|\r{HL7}{HL7}"));
    let ran = folder.jsonl(&["batch.hl7"]).ends(1, &["batch.hl7: record 2: the source is cut off: it begins with FHS"]);
    assert_eq!(ran.ids(), ["ACC77", "ACC77"]);
    folder.put("cut.hl7", format!("{HL7}{}", &HL7[..HL7.len() - 20]));
    let told = "cut.hl7: record 2: the last segment does not end with a carriage return";
    assert_eq!(folder.jsonl(&["cut.hl7"]).ends(0, &[told]).ids(), ["ACC77", "ACC77"]);
    folder.put("whole.hl7", format!("{HL7}{HL7}"));
    assert!(!folder.jsonl(&["whole.hl7"]).ends(0, &[]).err.contains("cut"));
}
