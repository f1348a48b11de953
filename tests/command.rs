//! The program as people run it: every kind of input, every way in which input is bad, exit codes and bytes.
//!
//! All reports here are made up.

use flate2::{Compression, write::GzEncoder};
use serde_json::{Value, json};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

pub(crate) const EFFUSION: &str = "FINDINGS: Small left pleural effusion. No pneumothorax.\nIMPRESSION: Effusion.";
pub(crate) const CLEAR: &str = "FINDINGS: No pleural effusion or pneumothorax.\nIMPRESSION: No acute disease.";
/// Must never be seen on standard error.
pub(crate) const SECRET: &str = "Zyxwvut";

/// What a run gave.
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: Vec<u8>,
    pub(crate) err: String,
}

impl Ran {
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.out.clone()).unwrap()
    }

    pub(crate) fn lines(&self) -> Vec<Value> {
        self.text().lines().map(|l| serde_json::from_str(l).unwrap()).collect()
    }

    pub(crate) fn ids(&self) -> Vec<String> {
        self.lines().iter().map(|l| l["id"].as_str().unwrap().to_owned()).collect()
    }

    #[track_caller]
    pub(crate) fn ends(self, code: i32, said: &[&str]) -> Ran {
        assert_eq!(self.code, code, "{}", self.err);
        for said in said {
            assert!(self.err.contains(said), "{said:?} is not in:\n{}", self.err);
        }
        assert!(!self.err.contains(SECRET), "report text on standard error:\n{}", self.err);
        self
    }
}

/// A folder to run in.
pub(crate) struct Folder(pub(crate) tempfile::TempDir);

impl Folder {
    pub(crate) fn new() -> Folder {
        Folder(tempfile::tempdir().unwrap())
    }

    pub(crate) fn put(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        path
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.0.path().join(name)).unwrap()
    }

    pub(crate) fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.0.path()).unwrap();
        let mut names: Vec<_> = entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        self.feed(arguments, b"")
    }

    pub(crate) fn feed(&self, arguments: &[&str], input: &[u8]) -> Ran {
        let mut child = Command::new(env!("CARGO_BIN_EXE_radlabel"))
            .args(arguments)
            .current_dir(self.0.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let input = input.to_owned();
        // The program may end before it reads everything.
        let feeder = std::thread::spawn(move || drop(stdin.write_all(&input)));
        let output = child.wait_with_output().unwrap();
        feeder.join().unwrap();
        Ran { code: output.status.code().unwrap(), out: output.stdout, err: String::from_utf8(output.stderr).unwrap() }
    }

    pub(crate) fn jsonl(&self, arguments: &[&str]) -> Ran {
        self.run(&[&["label", "--format", "jsonl"], arguments].concat())
    }
}

pub(crate) fn gz(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub(crate) fn line(id: &str, text: &str) -> String {
    format!("{}\n", json!({"id": id, "text": text}))
}

pub(crate) fn openi(id: &str) -> String {
    format!(
        "<?xml version=\"1.0\"?>\n<eCitation><uId id=\"{id}\"/><Abstract>\
         <AbstractText Label=\"COMPARISON\"/><AbstractText Label=\"INDICATION\">Cough &amp;\n fever</AbstractText>\
         <AbstractText Label=\"FINDINGS\">No pleural\n   effusion.</AbstractText>\
         <AbstractText Label=\"IMPRESSION\">Clear.</AbstractText></Abstract></eCitation>"
    )
}

/// Many reports of all sorts, some with the same id, some not ASCII.
pub(crate) fn many(count: usize) -> String {
    let texts = [EFFUSION, CLEAR, "", "FINDINGS: Épanchement? Possible pneumonia – right base.\nIMPRESSION: –"];
    (0..count).map(|n| line(&format!("r{}", n % (count - count / 10)), texts[n % texts.len()])).collect()
}

#[test]
fn reads_text_files_and_folders() {
    let folder = Folder::new();
    folder.put("deep/b/2.txt", EFFUSION);
    folder.put("deep/a.txt.gz", gz(CLEAR.as_bytes()));
    folder.put("deep/c/1.xml", openi("X1"));
    folder.put("deep/table.csv", "not,read");
    folder.put("one.txt", CLEAR);
    let ran =
        folder.jsonl(&["one.txt", "deep"]).ends(0, &["1 files that hold no reports by their names were passed over"]);
    assert_eq!(ran.ids(), ["one", "a", "2", "X1"]);
    let lines = ran.lines();
    assert_eq!(lines[2]["labels"]["Pleural Effusion"], "present");
    assert_eq!(lines[2]["labels"]["Pneumothorax"], "absent");
    assert_eq!(lines[3]["labels"]["Pleural Effusion"], "absent");
    folder.jsonl(&["deep", "--input-format", "csv"]).ends(2, &["table.csv:1: no column of text"]);
}

#[test]
fn reads_tables() {
    let folder = Folder::new();
    folder.put("a.csv", format!("study_id,patient_id,report\r\n7,p1,\"{EFFUSION}\"\r\n\r\n8,,plain \"\" 5\" text\r\n"));
    let ran = folder.jsonl(&["a.csv"]).ends(0, &["id = \"study_id\", text = \"report\""]);
    assert_eq!(ran.ids(), ["7", "8"]);
    assert_eq!(ran.lines()[0]["study"], json!({"patient_id": "p1"}));
    assert_eq!(ran.lines()[1].get("study"), None);
    folder.put("b.tsv.gz", gz(b"Findings\tImpression\tIndication\nNo effusion.\tEdema.\t\n"));
    let ran = folder
        .jsonl(&["b.tsv.gz"])
        .ends(0, &["id = row number, text = \"Indication\" + \"Findings\" + \"Impression\""]);
    assert_eq!((ran.ids(), &ran.lines()[0]["labels"]["Edema"]), (vec!["1".to_owned()], &json!("present")));
    assert_eq!(ran.lines()[0]["mentions"][0]["section"], "findings");
    folder.put("c.csv", "key;body;more\nk;Edema.;No effusion.\n");
    let ran = folder.jsonl(&["c.csv", "--id-column", "key", "--text-column", "body", "--text-column", "more"]);
    let ran = ran.ends(0, &[]);
    assert_eq!(ran.ids(), ["k"]);
    assert_eq!(ran.lines()[0]["labels"]["Pleural Effusion"], "absent");
    let piped = folder.feed(&["label", "-", "--format", "jsonl"], b"id,text\n1,Edema.\n").ends(0, &[]);
    assert_eq!(piped.lines()[0]["labels"]["Edema"], "present");
}

#[test]
fn reads_json_lines_and_standard_input() {
    let folder = Folder::new();
    let lines =
        "{\"id\": 5, \"text\": \"Edema.\"}\n\n{\"uid\": \"u\", \"impression\": \"Edema.\", \"date\": \"20200101\"}";
    folder.put("a.jsonl", lines);
    // Two members, as `cat a.gz b.gz` makes them.
    folder.put("b.gz", [gz(line("x", CLEAR).as_bytes()), gz(line("y", EFFUSION).as_bytes())].concat());
    let ran = folder.jsonl(&["a.jsonl", "b.gz"]).ends(0, &[]);
    assert_eq!(ran.ids(), ["5", "u", "x", "y"]);
    assert_eq!(ran.lines()[1]["study"]["date"], "20200101");
    let piped = |input: &[u8]| folder.feed(&["label", "-", "--format", "jsonl"], input).ends(0, &[]).ids();
    assert_eq!(piped(lines.as_bytes()), ["5", "u"]);
    assert_eq!(piped(EFFUSION.as_bytes()), ["stdin"]);
    assert_eq!(piped(openi("X2").as_bytes()), ["X2"]);
    assert_eq!(piped(&gz(line("z", "Edema.").as_bytes())), ["z"]);
}

#[test]
fn reads_encodings_and_tells_guesses() {
    let folder = Folder::new();
    let latin = b"FINDINGS: Pneumothorax de 5\xb0 \xe0 d\xe9finir. Pleural effusion \xe9tendu.";
    folder.put("a.txt", latin);
    let ran = folder.jsonl(&["a.txt"]).ends(0, &["a.txt: not UTF-8; read as windows-1252 by guess"]);
    assert_eq!(ran.lines()[0]["notes"], json!([]));
    let fixed = folder.jsonl(&["a.txt", "--encoding", "windows-1252"]).ends(0, &[]);
    assert!(!fixed.err.contains("guess"));
    assert_eq!(ran.out, fixed.out);
    let bad = folder.jsonl(&["a.txt", "--encoding", "utf-8"]).ends(0, &["bytes not valid in the encoding: 1"]);
    assert_eq!(bad.lines()[0]["notes"], json!(["4 bytes were not valid UTF-8"]));
    let wide = format!("\u{feff}{}", line("w", "Größe. Edema."));
    folder.put("w.jsonl", wide.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>());
    let ran = folder.jsonl(&["w.jsonl"]).ends(0, &[]);
    assert_eq!((ran.ids(), &ran.lines()[0]["mentions"][0]["start"]), (vec!["w".to_owned()], &json!(7)));
    folder.put("r.csv", [b"id,text\n1,Edema.\n2,".as_slice(), latin, b"\n"].concat());
    folder.jsonl(&["r.csv"]).ends(0, &["r.csv: not UTF-8; read as windows-1252 by guess"]);
    folder.jsonl(&["a.txt", "--encoding", "nonsense"]).ends(2, &["unknown encoding \"nonsense\""]);
}

#[test]
fn tells_empty_input() {
    let folder = Folder::new();
    folder.put("none.csv", "");
    folder.put("blank.txt", " \n");
    folder.put("header.csv", "id,text\n");
    let ran = folder.jsonl(&["none.csv", "blank.txt"]).ends(0, &["none.csv: empty", "empty report: 1"]);
    assert_eq!(ran.lines()[0]["notes"], json!(["empty report"]));
    folder.jsonl(&["none.csv", "-o", "out.jsonl"]).ends(2, &["none.csv: no report found"]);
    folder.jsonl(&["header.csv", "-o", "out.jsonl"]).ends(2, &["no report found"]);
    folder.feed(&["label", "-"], b"").ends(2, &["no report found"]);
    folder.jsonl(&["missing.csv"]).ends(2, &["missing.csv: No such file"]);
    fs::create_dir(folder.0.path().join("dir")).unwrap();
    folder.jsonl(&["dir"]).ends(2, &["dir: no report found"]);
    assert_eq!(folder.names(), ["blank.txt", "dir", "header.csv", "none.csv"]);
    folder.put("empty.csv", "id,findings,impression\n1,,\n");
    assert_eq!(folder.jsonl(&["empty.csv"]).ends(0, &[]).lines()[0]["notes"], json!(["empty report"]));
}

#[test]
fn refuses_bad_headers() {
    let folder = Folder::new();
    folder.put("a.csv", format!("id,words,\"{SECRET} was seen. There is more.\"\n1,2,3\n"));
    folder.jsonl(&["a.csv"]).ends(2, &["a.csv:1: no column of text; found \"id\", \"words\"", "--text-column"]);
    folder.jsonl(&["a.csv", "--text-column", "nope"]).ends(2, &["no column \"nope\"; found \"id\""]);
    folder.put("b.csv", "id,text,Text\n1,2,3\n");
    folder.jsonl(&["b.csv"]).ends(2, &["b.csv:1: the column \"Text\" is there twice"]);
    // Nothing is read when a later input is at fault.
    folder.put("good.csv", "id,text\n1,Edema.\n");
    assert_eq!(folder.jsonl(&["good.csv", "b.csv"]).ends(2, &[]).out, b"");
}

#[test]
fn tells_bad_rows_and_reads_on() {
    let folder = Folder::new();
    let rows = format!("id,text\n1,Edema.\n2,{SECRET},x\n3\n4,\"{SECRET}\" x\n5,\"No\nedema.\"\n6,{SECRET}\n");
    folder.put("a.csv", rows);
    let said = ["a.csv:3: 3 cells; expected 2", "a.csv:4: 1 cells", "a.csv:5: a quote inside", "problems  3"];
    assert_eq!(folder.jsonl(&["a.csv"]).ends(1, &said).ids(), ["1", "5", "6"]);
    folder.put("b.csv", format!("id,text\n1,Edema.\n2,\"{SECRET}\n3,Edema.\n"));
    let ran = folder.jsonl(&["b.csv"]).ends(1, &["b.csv:3: a quoted cell that begins in this row is never closed"]);
    assert_eq!(ran.ids(), ["1", "3"]);
    let bad = format!("{{\"id\": 2, \"text\": \"{SECRET}\n[]\n{{\"id\": 3}}\n{{\"text\": [\"{SECRET}\"]}}\n");
    folder.put("c.jsonl", [line("1", CLEAR), bad, line("5", CLEAR)].concat());
    let said =
        ["c.jsonl:2: ", "c.jsonl:3: no JSON object", "c.jsonl:4: no text", "c.jsonl:5: key \"text\" is no string"];
    assert_eq!(folder.jsonl(&["c.jsonl"]).ends(1, &said).ids(), ["1", "5"]);
    folder.put("d.xml", format!("<eCitation><AbstractText Label=\"FINDINGS\">{SECRET}"));
    folder.put("e.xml", openi("e"));
    assert_eq!(folder.jsonl(&["d.xml", "e.xml"]).ends(1, &["problem: d.xml: "]).ids(), ["e"]);
}

#[test]
fn reads_a_broken_gzip_up_to_its_fault() {
    let folder = Folder::new();
    let whole = gz(many(20_000).as_bytes());
    folder.put("a.jsonl.gz", &whole[..whole.len() / 2]);
    let ran = folder.jsonl(&["a.jsonl.gz"]).ends(1, &["a.jsonl.gz: broken gzip: ", " bytes and ", "problems  1"]);
    assert!(ran.ids().len() > 5_000, "{}", ran.ids().len());
    folder.put("b.txt.gz", &gz(EFFUSION.as_bytes())[..30]);
    folder.put("c.txt", CLEAR);
    assert_eq!(folder.jsonl(&["b.txt.gz", "c.txt"]).ends(1, &["b.txt.gz: broken gzip"]).ids(), ["c"]);
}

#[test]
fn keeps_doubled_ids_and_says_so() {
    let folder = Folder::new();
    let lines = [line("a", CLEAR), line("b", ""), line("a", ""), line("b", CLEAR), line("a", CLEAR)];
    folder.put("a.jsonl", lines.concat());
    let ran = folder.jsonl(&["a.jsonl"]).ends(0, &["doubled id: 3"]);
    let notes: Vec<Value> = ran.lines().iter().map(|l| l["notes"].clone()).collect();
    let double = json!(["doubled id"]);
    let both = json!(["empty report", "doubled id"]);
    assert_eq!(notes, [json!([]), json!(["empty report"]), both, double.clone(), double]);
}

#[test]
fn leaves_out_what_is_too_long() {
    let folder = Folder::new();
    let long = SECRET.repeat(60_000);
    let limit = ["--max-report-bytes", "1000"];
    let lines = [line("a", CLEAR), line("b", &long), line("c", &SECRET.repeat(300)), line("d", CLEAR)];
    folder.put("a.jsonl", lines.concat());
    let said = ["a.jsonl:2: a record of 420", "a.jsonl:3: 2100 bytes; left out: at most 1000 are read"];
    assert_eq!(folder.jsonl(&[&["a.jsonl"], &limit[..]].concat()).ends(1, &said).ids(), ["a", "d"]);
    folder.put("b.csv", format!("id,text\n1,Edema.\n2,\"{long}\n, \"\" {long}\"\n3,Edema.\n4,\"{long}"));
    let said = ["b.csv:3: a record of 840", "b.csv:6: a quoted cell that begins in this row is never closed"];
    assert_eq!(folder.jsonl(&[&["b.csv"], &limit[..]].concat()).ends(1, &said).ids(), ["1", "3"]);
    folder.put("f/c.txt", &long);
    folder.put("f/d.txt.gz", gz(long.as_bytes()));
    folder.put("f/e.txt", CLEAR);
    let said = ["c.txt: 420000 bytes", "d.txt.gz: 420000 bytes"];
    assert_eq!(folder.jsonl(&[&["f"], &limit[..]].concat()).ends(1, &said).ids(), ["e"]);
    let piped = folder.feed(&["label", "-", "--max-report-bytes", "1000"], long.as_bytes());
    piped.ends(2, &["standard input: 420000 bytes"]);
}

#[test]
fn writes_whole_or_not_at_all() {
    let folder = Folder::new();
    folder.put("a.jsonl", many(3000));
    folder.jsonl(&["a.jsonl", "-o", "no/such/out.jsonl"]).ends(2, &["no/such/out.jsonl: cannot be written"]);
    fs::create_dir(folder.0.path().join("dir")).unwrap();
    folder.jsonl(&["a.jsonl", "-o", "dir"]).ends(2, &["dir: is a folder"]);
    // The output is looked at before the input is.
    folder.jsonl(&["missing.csv", "-o", "no/out"]).ends(2, &["no/out: cannot be written"]);
    if Path::new("/dev/full").exists() {
        folder.jsonl(&["a.jsonl", "-o", "/dev/full"]).ends(1, &["/dev/full: No space left"]);
        folder.jsonl(&["a.jsonl", "-o", "/dev/null"]).ends(0, &[]);
        assert!(!fs::metadata("/dev/null").unwrap().is_file());
    }
    folder.put("out.csv", "old");
    folder.put("bad.csv", "id,text\n");
    folder.run(&["label", "bad.csv", "-o", "out.csv"]).ends(2, &[]);
    assert_eq!(folder.read("out.csv"), b"old");
    folder.run(&["label", "a.jsonl", "-o", "out.csv"]).ends(0, &[]);
    assert!(folder.read("out.csv").starts_with(b"id,No Finding,"));
    assert_eq!(folder.names(), ["a.jsonl", "bad.csv", "dir", "out.csv"]);
}

#[test]
fn gives_the_same_bytes_for_any_number_of_threads() {
    let folder = Folder::new();
    folder.put("a.jsonl", many(9000));
    for n in 0..300 {
        folder.put(&format!("f/{n}.txt"), if n % 3 == 0 { EFFUSION } else { CLEAR });
    }
    for out in ["out.jsonl", "out.csv", "out.jsonl.gz"] {
        let bytes = ["1", "2", "8"].map(|threads| {
            folder.run(&["label", "f", "a.jsonl", "-o", out, "--threads", threads]).ends(0, &["reports   9,300"]);
            folder.read(out)
        });
        assert!(bytes[0] == bytes[1] && bytes[0] == bytes[2], "{out}");
    }
    let mut plain = Vec::new();
    let packed = folder.read("out.jsonl.gz");
    std::io::copy(&mut flate2::read::MultiGzDecoder::new(packed.as_slice()), &mut plain).unwrap();
    assert_eq!(plain, folder.read("out.jsonl"));
}

#[test]
fn fits_its_schemas() {
    let folder = Folder::new();
    let schema = |command: &str| {
        let printed = folder.run(&[command, "--print-schema"]).ends(0, &[]).text();
        jsonschema::validator_for(&serde_json::from_str(&printed).unwrap()).unwrap()
    };
    let text = "HISTORY: Mother had pneumonia.\nCOMPARISON: Old effusion.\nFINDINGS: Increased moderate left effusion. \
                New bilateral opacities, possible edema. \"Ganglion\" – no pneumothorax.\nIMPRESSION: ?Fracture";
    let study = json!({"id": 1, "report": text, "accession": "A", "study_uid": "1.2", "patient_id": 3, "date": "d",
        "modality": "CR", "body_part": "CHEST"});
    folder.put("a.jsonl", format!("{study}\n{}{}", many(50), line("\u{1}\"\\é", "x \u{fffd}")));
    let validator = schema("label");
    for line in folder.jsonl(&["a.jsonl"]).ends(0, &[]).lines() {
        assert!(validator.is_valid(&line), "{line}");
    }
    let all = ["a.jsonl", "--add", "text", "--confidence", "--facts", "--alerts"];
    for line in folder.jsonl(&all).ends(0, &[]).lines() {
        assert!(line["text"].is_string() && validator.is_valid(&line), "{line}");
    }
    assert!(!validator.is_valid(&json!({"id": "a", "labels": {}, "mentions": [], "notes": [], "more": 1})));
    let spans: Vec<[usize; 2]> = (0..20).map(|n| [n * 9, n * 9 + 12]).collect();
    folder.put("s.jsonl", json!({"id": "s", "text": text, "spans": spans}).to_string());
    let validator = schema("assert");
    let lines = folder.run(&["assert", "s.jsonl"]).ends(0, &[]).lines();
    assert_eq!(lines[0]["assertions"].as_array().map(Vec::len), Some(20));
    assert!(validator.is_valid(&lines[0]), "{}", lines[0]);
    let sure = folder.run(&["assert", "s.jsonl", "--confidence"]).ends(0, &[]).lines();
    assert!(validator.is_valid(&sure[0]), "{}", sure[0]);
}

/// A text without a member: an object of plain values, or a number.
fn without(text: &str, key: &str) -> String {
    let mut parts = text.split(key);
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let end = match part.strip_prefix('{') {
            Some(_) => part.find('}').map(|at| at + 1),
            None => part.find([',', '}']),
        };
        out.push_str(&part[end.expect("the member ends")..]);
    }
    out
}

/// The probability of each mention and span is added, and no other byte of a line is touched.
#[test]
fn confidence_only_adds() {
    let folder = Folder::new();
    let text = "INDICATION: Pneumonia.\nFINDINGS: No effusion or edema. Possible nodule, small pneumothorax.";
    folder.put("a.jsonl", format!("{}\n{}", line("a", text), many(20)));
    let plain = folder.run(&["label", "a.jsonl", "-q", "--format", "jsonl"]).ends(0, &[]).text();
    let sure = folder.run(&["label", "a.jsonl", "-q", "--format", "jsonl", "--confidence"]).ends(0, &[]);
    assert_ne!(plain, sure.text());
    assert_eq!(without(&sure.text(), ",\"confidence\":"), plain);
    for mention in sure.lines().iter().flat_map(|l| l["mentions"].as_array().cloned().unwrap_or_default()) {
        let p = mention["confidence"].as_f64().expect("a number");
        assert!((0.05..1.0).contains(&p), "{mention}");
    }
    let spans = json!({"id": "s", "text": text, "spans": [[12, 21], [36, 44], [62, 68]]});
    folder.put("s.jsonl", spans.to_string());
    let plain = folder.run(&["assert", "s.jsonl", "-q"]).ends(0, &[]).text();
    let sure = folder.run(&["assert", "s.jsonl", "-q", "--confidence"]).ends(0, &[]);
    assert_eq!(without(&sure.text(), ",\"confidence\":"), plain);
    // A span that the engine finds by itself is as sure as its mention.
    let labelled = folder.run(&["label", "a.jsonl", "-q", "--format", "jsonl", "--confidence"]).ends(0, &[]).lines();
    let of = |value: &Value| (value["start"].clone(), value["end"].clone(), value["confidence"].clone());
    let mentions: Vec<_> = labelled[0]["mentions"].as_array().expect("mentions").iter().map(of).collect();
    let asked: Vec<_> = sure.lines()[0]["assertions"].as_array().expect("assertions").iter().map(of).collect();
    assert!(asked.iter().filter(|a| mentions.contains(a)).count() >= 2, "{asked:?} {mentions:?}");
}

#[test]
fn counts_offsets_in_code_points() {
    let folder = Folder::new();
    let text = "😀 Größe — no pleural effusion; é moderate pneumothorax.";
    folder.put("a.jsonl", line("a", text));
    let lines = folder.jsonl(&["a.jsonl"]).ends(0, &[]).lines();
    let offset = |value: &Value| value.as_u64().unwrap() as usize;
    let words: Vec<String> = lines[0]["mentions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|m| text.chars().take(offset(&m["end"])).skip(offset(&m["start"])).collect())
        .collect();
    assert_eq!(words, ["pleural effusion", "pneumothorax"]);
    assert_eq!(lines[0]["mentions"][0]["sentence"][1], json!(text.chars().count()));
}

#[test]
fn writes_the_chexpert_layout() {
    let folder = Folder::new();
    folder.put("a.jsonl", [line("a,b", "Possible edema. No effusion. Fracture."), line("c", "")].concat());
    let rows = |arguments: &[&str]| folder.run(&[&["label", "a.jsonl"], arguments].concat()).ends(0, &[]).text();
    let keep = rows(&[]);
    assert_eq!(keep.lines().next().unwrap().split(',').count(), 15);
    assert_eq!(keep.lines().nth(1), Some("\"a,b\",,,,,,-1.0,,,,,0.0,,1.0,"));
    assert_eq!(keep.lines().nth(2), Some("c,,,,,,,,,,,,,,"));
    for (policy, value) in [("ones", "1.0"), ("zeros", "0.0"), ("ignore", "")] {
        let cell = rows(&["--policy", policy]).lines().nth(1).unwrap().split(',').nth(7).unwrap().to_owned();
        assert_eq!(cell, value, "{policy}");
    }
    folder.run(&["label", "a.jsonl", "--scheme", "nope"]).ends(2, &["unknown scheme \"nope\"; expected chexpert"]);
    let table = rows(&["--format", "table"]);
    assert!(table.contains("a,b             + Fracture  ? Edema  - Pleural Effusion"), "{table}");
    assert!(table.lines().all(|l| l.chars().count() <= 100) && !table.contains('\x1b'));
}

#[test]
fn asserts_spans_and_tells_bad_ones() {
    let folder = Folder::new();
    let text = "É: no frobnication. Frobnication was seen.";
    let lines = [
        json!({"id": "a", "text": text, "spans": [[20, 32], [6, 18], [0, 0]]}),
        json!({"id": "b", "text": SECRET, "spans": [[0, 1], [0, 99]]}),
        json!({"id": "c", "text": SECRET, "spans": [[3, 1]]}),
        json!({"id": "d", "text": SECRET, "spans": [[0, 1.5]]}),
        json!({"id": "e", "text": SECRET, "spans": [[0, 1, 2]]}),
        json!({"id": "f", "text": SECRET}),
        json!({"id": 7, "text": "Edema.", "spans": []}),
    ];
    let input = lines.map(|l| format!("{l}\n")).concat();
    let said = [
        "standard input:2: span 1: [0, 99] is out of range: the text has 7",
        "standard input:3: span 0: reversed",
        "standard input:4: span 0: expected two whole numbers",
        "standard input:5: span 0: expected two whole numbers",
        "standard input:6: no spans",
    ];
    let ran = folder.feed(&["assert"], input.as_bytes()).ends(1, &said);
    assert_eq!(ran.ids(), ["a", "7"]);
    let assertions = &ran.lines()[0]["assertions"];
    assert_eq!((&assertions[0]["start"], &assertions[0]["status"]), (&json!(20), &json!("present")));
    assert_eq!((&assertions[1]["end"], &assertions[1]["status"]), (&json!(18), &json!("absent")));
    let many: String = (0..5000).map(|n| format!("{}\n", json!({"id": n, "text": text, "spans": [[6, 18]]}))).collect();
    let [one, eight] = ["1", "8"].map(|n| folder.feed(&["assert", "-j", n], many.as_bytes()).ends(0, &[]).out);
    assert_eq!(one, eight);
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let folder = Folder::new();
    folder.put("a.jsonl", many(9000));
    let mut child = Command::new(env!("CARGO_BIN_EXE_radlabel"))
        .args(["label", "a.jsonl", "--format", "jsonl"])
        .current_dir(folder.0.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), String::from_utf8(output.stderr).unwrap().contains("roken")), (Some(0), false));
}

#[test]
fn is_quiet_when_asked() {
    let folder = Folder::new();
    folder.put("a.csv", "id,text\n1,Edema.\n2\n");
    let ran = folder.jsonl(&["a.csv", "--quiet"]).ends(1, &[]);
    assert_eq!(ran.err, "radlabel: problem: a.csv:3: 1 cells; expected 2 as in the header\n");
}
