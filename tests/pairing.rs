//! `radlabel pair` as a user runs it: reports, drawn boxes and studies in; conflicts and grounded outputs out.
//!
//! All reports here are made up.

use super::program::{Folder, Run, radlabel};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;

/// Stands in every report and must never be seen on standard error.
const SECRET: &str = "Zyxwvut";

fn coco() -> String {
    let image = |id: u32, name: &str| json!({"id": id, "file_name": name, "width": 1000, "height": 1000});
    let drawn = |id: u32, image: u32, category: u32, x: f64| {
        json!({"id": id, "image_id": image, "category_id": category, "bbox": [x, 400.0, 60.0, 40.0], "area": 2400.0,
               "iscrowd": 0, "segmentation": []})
    };
    json!({
        "images": [image(1, "a.png"), image(2, "b.png"), image(3, "c.png"), image(4, "a2.png"), image(5, "lost.png"),
                   image(6, "two.png")],
        "categories": [{"id": 1, "name": "Pleural effusion"}, {"id": 2, "name": "Pneumothorax"}, {"id": 3, "name": "Blob"}],
        // a: right effusion; b: pneumothorax; c: nothing; a2, another view of a: nothing.
        "annotations": [drawn(11, 1, 1, 100.0), drawn(12, 2, 2, 800.0), drawn(13, 2, 3, 800.0), drawn(14, 5, 1, 1.0),
                        drawn(15, 6, 1, 1.0)],
    })
    .to_string()
}

const STUDIES: &str = "path,study_uid,view,row_spacing_mm,column_spacing_mm\nx/a.png,1.2.1,PA,1,1\nx/a2.png,1.2.1,LATERAL,1,1\n\
                       b.png,1.2.2,AP,1,1\nc.png,1.2.3,PA,1,1\ntwo.png,1.2.8,PA,1,1\ny/two.png,1.2.9,PA,1,1\n";

fn reports() -> String {
    let rows = [
        ("r1", "1.2.1", "Left pleural effusion, Zyxwvut. Normal heart."),
        ("r2", "1.2.2", "No pneumothorax. Zyxwvut."),
        ("r3", "1.2.3", "Zyxwvut. Right pleural effusion of 30 mm."),
        ("r9", "1.2.77", "No pleural effusion."),
    ];
    let row = |(id, uid, text): (&str, &str, &str)| format!("{id},{uid},\"FINDINGS: {text}\"\n");
    format!("id,study_uid,text\n{}", rows.map(row).concat())
}

pub(crate) fn folder() -> Folder {
    Folder::new(&[("boxes.json", &coco()), ("studies.csv", STUDIES), ("reports.csv", &reports())])
}

fn pair(folder: &Folder, reports: &str, more: &[&str]) -> Run {
    let (reports, boxes) = (folder.path(reports), folder.path("boxes.json"));
    let run = radlabel(&[&["pair", &reports, "--annotations", &boxes], more].concat());
    assert!(!run.err.contains(SECRET), "report text on standard error:\n{}", run.err);
    run
}

pub(crate) fn with_studies(folder: &Folder, reports: &str, more: &[&str]) -> Run {
    pair(folder, reports, &[&["--studies", &folder.path("studies.csv")], more].concat())
}

/// Rows by column.
fn rows(csv: &str) -> Vec<BTreeMap<String, String>> {
    let mut lines = csv::Reader::from_reader(csv.as_bytes());
    lines.deserialize().map(|row| row.unwrap()).collect()
}

fn told(rows: &[BTreeMap<String, String>]) -> Vec<String> {
    let cell = |row: &BTreeMap<String, String>, key: &str| row[key].clone();
    rows.iter()
        .filter(|r| r["outcome"] != "neither")
        .map(|r| {
            [cell(r, "report_id"), cell(r, "label"), cell(r, "outcome"), cell(r, "conflicts")]
                .join(" ")
                .trim()
                .to_owned()
        })
        .collect()
}

const EXPECTED: [&str; 4] = [
    "r1 Pleural Effusion both side",
    "r2 Pneumothorax denied",
    "r2 No Finding report-only",
    "r3 Pleural Effusion report-only",
];

#[test]
fn reports_are_held_against_boxes() {
    let folder = folder();
    let run = with_studies(&folder, "reports.csv", &["--format", "csv"]);
    assert_eq!(run.code, 0, "{}", run.err);
    let rows = rows(&run.out);
    let mut found = told(&rows);
    found.sort();
    let mut expected = EXPECTED.to_vec();
    expected.sort_unstable();
    assert_eq!(found, expected);
    let row = rows.iter().find(|r| r["report_id"] == "r1" && r["outcome"] == "both").unwrap();
    for (column, value) in [
        ("study_uid", "1.2.1"),
        ("image", "a.png"),
        ("report_side", "left"),
        ("image_side", "right"),
        ("side_basis", "view"),
        ("image_size_mm", "60.000"),
        ("image_count", "1"),
        ("annotations", "11"),
        ("link_method", "study_uid"),
        ("start", "15"),
        ("end", "31"),
        ("sentence", "Left pleural effusion, Zyxwvut."),
        ("conflict", "true"),
    ] {
        assert_eq!(row[column], value, "{column}");
    }
    for part in ["3 of 4 reports", "1 of 3 categories", "Blob (1)", "2 images left out", "side contradicts"] {
        // Two reasons, of one image each.
        let part = if part == "2 images left out" { "images left out: rows of several studies" } else { part };
        assert!(run.err.contains(part), "{part:?} is not in\n{}", run.err);
    }
}

#[test]
fn the_same_bytes_for_any_threads_and_the_same_rows_in_every_layout() {
    let folder = folder();
    let many: String =
        (0..4000).map(|n| format!("m{n},1.2.{},FINDINGS: Left pleural effusion.\n", n % 4 + 1)).collect();
    fs::write(folder.path("many.csv"), format!("id,study_uid,text\n{many}")).unwrap();
    let out = |threads: &str, format: &str| with_studies(&folder, "many.csv", &["-j", threads, "--format", format]).out;
    assert_eq!(out("1", "csv"), out("4", "csv"));
    let lines = out("3", "jsonl");
    let table = rows(&out("1", "csv"));
    let objects: Vec<Value> = lines.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    assert_eq!(objects.len(), table.len());
    for (object, row) in objects.iter().zip(&table) {
        assert_eq!(object["label"], json!(row["label"]));
        assert_eq!(object["annotations"].as_array().unwrap().len(), usize::from(!row["annotations"].is_empty()));
    }
    let eyes = out("1", "table");
    assert_eq!(eyes.lines().count(), table.len());
    assert!(eyes.contains("! m0") && eyes.contains("both side!"), "{}", &eyes[..400]);
}

#[test]
fn by_image_and_conflicts_alone() {
    let folder = folder();
    let run = with_studies(&folder, "reports.csv", &["--by", "image", "--format", "csv"]);
    let rows = rows(&run.out);
    let images: Vec<&str> = rows
        .iter()
        .filter(|r| r["report_id"] == "r1" && r["label"] == "Pleural Effusion")
        .map(|r| &*r["image"])
        .collect();
    // It is not drawn in the lateral view, which is no conflict.
    assert_eq!(images, ["a.png"]);
    let run =
        with_studies(&folder, "reports.csv", &["--only", "conflicts", "--format", "csv", "--fail-on", "conflicts"]);
    assert_eq!(run.code, 1, "{}", run.err);
    assert_eq!(self::rows(&run.out).len(), EXPECTED.len());
}

#[test]
fn label_tables_say_the_same() {
    let folder = folder();
    let (reports, lines, long) = (folder.path("reports.csv"), folder.path("labels.jsonl"), folder.path("long.csv"));
    assert_eq!(radlabel(&["label", &reports, "-o", &lines]).code, 0);
    let run = with_studies(&folder, "labels.jsonl", &["--format", "csv"]);
    assert_eq!(run.code, 0, "{}", run.err);
    let mut found = told(&rows(&run.out));
    found.sort();
    let mut expected = EXPECTED.to_vec();
    expected.sort_unstable();
    assert_eq!(found, expected);
    // Values alone: no side to contradict.
    let done = radlabel(&["label", &reports, "--table", "labels-long", "--add", "study", "-o", &long]);
    assert_eq!(done.code, 0, "{}", done.err);
    let run = with_studies(&folder, "long.csv", &["--format", "csv"]);
    assert!(told(&rows(&run.out)).contains(&"r1 Pleural Effusion both".to_owned()), "{}{}", run.out, run.err);
}

#[test]
fn grounded_outputs() {
    let folder = folder();
    fs::write(folder.path("match.csv"), "id,study_uid,text\nr1,1.2.1,\"FINDINGS: Right pleural effusion, <b>Zyxwvut</b>.\"\nr3,1.2.3,FINDINGS: Pneumothorax.\n").unwrap();
    let path = |name: &str| folder.path(name);
    let outputs = |text: bool| {
        let (first, second) = (format!("report-only={}", path("ro.csv")), format!("image-only={}", path("io.csv")));
        let mut more = vec![
            "-o",
            "OUT",
            "--coco",
            "COCO",
            "--grounding",
            "GROUND",
            "--manifest",
            "MANIFEST",
            "--worklist",
            &first,
            "--worklist",
            &second,
            "--unplaced",
            "LOST",
            "--report",
            "PAGE",
        ];
        let names = [
            ("OUT", path("o.csv")),
            ("COCO", path("c.json")),
            ("GROUND", path("g.csv")),
            ("MANIFEST", path("m.jsonl")),
            ("LOST", path("u.csv")),
            ("PAGE", path("p.html")),
        ];
        for place in &mut more {
            if let Some((_, path)) = names.iter().find(|n| n.0 == *place) {
                *place = path;
            }
        }
        if !text {
            more.push("--no-text");
        }
        let run = with_studies(&folder, "match.csv", &more);
        assert_eq!(run.code, 0, "{}", run.err);
        ["o.csv", "c.json", "g.csv", "m.jsonl", "ro.csv", "io.csv", "u.csv", "p.html"]
            .map(|n| fs::read_to_string(path(n)).unwrap())
    };
    let [_, coco, grounding, manifest, report_only, image_only, unplaced, page] = outputs(true);
    let coco: Value = serde_json::from_str(&coco).unwrap();
    let drawn = coco["annotations"].as_array().unwrap();
    let one = drawn.iter().find(|a| a["attributes"]["source_id"] == "11").unwrap();
    assert_eq!(one["bbox"], json!([100.0, 400.0, 60.0, 40.0]));
    let attributes = &one["attributes"];
    assert_eq!(attributes["sentence"], "Right pleural effusion, <b>Zyxwvut</b>.");
    assert_eq!(
        (&attributes["status"], &attributes["outcome"], &attributes["side"]),
        (&json!("present"), &json!("both"), &json!("right"))
    );
    let category = coco["categories"].as_array().unwrap().iter().find(|c| c["id"] == one["category_id"]).unwrap();
    assert_eq!(category["name"], "Pleural Effusion");
    let ids: Vec<&Value> = coco["images"].as_array().unwrap().iter().map(|i| &i["id"]).collect();
    assert!(drawn.iter().all(|a| ids.contains(&&a["image_id"])));
    let grounding = rows(&grounding);
    assert_eq!(grounding.len(), 1);
    let row = &grounding[0];
    assert_eq!(
        (&*row["phrase"], &*row["x"], &*row["w"], &*row["image_width"]),
        ("pleural effusion", "100.000", "60.000", "1000")
    );
    let manifest: Vec<Value> = manifest.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    assert_eq!(manifest[0]["images"], json!(["x/a.png", "x/a2.png"]));
    assert_eq!(manifest[0]["views"], json!(["PA", "LATERAL"]));
    assert_eq!(manifest[0]["Pleural Effusion"], 1);
    assert_eq!(rows(&report_only)[0]["label"], "Pneumothorax");
    assert_eq!(rows(&image_only).len(), 0);
    assert_eq!(rows(&unplaced).iter().map(|r| &*r["image"]).collect::<Vec<_>>(), ["lost.png", "two.png"]);
    assert!(page.contains("Pneumothorax") && !page.contains("<b>Zyxwvut"), "the report steers the page");
    for output in outputs(false) {
        assert!(!output.contains(SECRET), "{output}");
    }
}

#[test]
fn nothing_in_common_is_told_and_writes_nothing() {
    let folder = folder();
    fs::write(folder.path("others.csv"), "id,text\nu1,FINDINGS: Zyxwvut.\nu2,FINDINGS: Zyxwvut.\n").unwrap();
    let out = folder.path("o.csv");
    let run = pair(&folder, "others.csv", &["-o", &out]);
    assert_eq!(run.code, 2, "{}", run.err);
    assert!(run.err.contains("none of 2 reports is of one of the 6 studies (6 images)"), "{}", run.err);
    assert!(run.err.contains("--links") && !fs::exists(&out).unwrap(), "{}", run.err);
    // By name they would be known.
    fs::write(folder.path("named.csv"), "id,text\na,FINDINGS: Pleural effusion.\nc.png,FINDINGS: Edema.\n").unwrap();
    assert!(pair(&folder, "named.csv", &[]).err.contains("2 of 2 reports"));
}

#[test]
fn link_tables() {
    let folder = folder();
    let links = folder.path("links.csv");
    let head = "report_id,study_uid,outcome,method,confidence\n";
    let write = |rows: &str| fs::write(&links, format!("{head}{rows}")).unwrap();
    let run =
        |more: &[&str]| with_studies(&folder, "reports.csv", &[&["--links", &links, "--format", "csv"], more].concat());
    // r1 is of b's study here, whatever its own UID says; r2 has two candidates; another report is unknown.
    write(
        "r1,1.2.2,linked,accession,0.9\nr2,1.2.1,ambiguous,date,0.5\nr2,1.2.3,ambiguous,date,0.5\nnobody,1.2.3,linked,date,0.5\n",
    );
    let plain = run(&[]);
    assert_eq!(plain.code, 0, "{}", plain.err);
    let found = rows(&plain.out);
    assert!(found.iter().all(|r| r["report_id"].is_empty() || r["report_id"] == "r1"));
    let row = found.iter().find(|r| r["report_id"] == "r1" && r["outcome"] == "image-only").unwrap();
    assert_eq!(
        (&*row["link_method"], &*row["link_confidence"], &*row["label"]),
        ("accession", "0.900", "Pneumothorax")
    );
    assert!(plain.err.contains("2 reports not told of, 1 ambiguous and left"), "{}", plain.err);
    let asked = rows(&run(&["--ambiguous"]).out);
    assert!(asked.iter().any(|r| r["report_id"] == "r2" && r["link_ambiguous"] == "true"));
    // Studies that no report is of are told as such.
    assert!(found.iter().any(|r| r["outcome"] == "no-report" && r["study_uid"] == "1.2.1"));
    write("r1,1.2.2,perhaps,,\n");
    let bad = run(&[]);
    assert!(bad.code == 2 && bad.err.contains("links.csv:2"), "{}", bad.err);
    // Of several reports of a study: one that another stands in for is not paired, and an addendum only as to what it says.
    let roles = "report_id,study_uid,outcome,role\nr1,1.2.1,linked,ruling\nr2,1.2.2,linked,addendum\n\
                 r3,1.2.3,linked,superseded\nr9,1.2.2,linked,void\n";
    fs::write(&links, roles).unwrap();
    let run_roles = run(&[]);
    let found = told(&rows(&run_roles.out));
    let of_reports: Vec<&str> = found.iter().map(|f| &**f).filter(|f| f.starts_with('r')).collect();
    assert_eq!(of_reports, ["r1 Pleural Effusion both side", "r2 Pneumothorax denied"], "{}", run_roles.err);
    assert!(run_roles.err.contains("2 superseded or void"), "{}", run_roles.err);
    write("nobody,1.2.3,linked,date,0.5\n");
    let none = run(&[]);
    assert!(none.code == 2 && none.err.contains("link table tells of 1 reports"), "{}", none.err);
}

#[test]
fn categories_are_suggested_and_linted() {
    let folder = folder();
    let path = folder.path("categories.csv");
    let suggest = radlabel(&["pair", "--annotations", &folder.path("boxes.json"), "--suggest-categories", &path]);
    assert_eq!(suggest.code, 0, "{}", suggest.err);
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains("Blob,,,no,") && text.contains("Pleural effusion,Pleural Effusion,exact,no,"), "{text}");
    let run = with_studies(&folder, "reports.csv", &["--categories", &path]);
    assert!(run.code == 0 && run.err.contains("is not confirmed"), "{}", run.err);
    fs::write(&path, text.replace("Pleural Effusion", "Plural Effusion")).unwrap();
    let run = with_studies(&folder, "reports.csv", &["--categories", &path]);
    assert!(run.code == 2 && run.err.contains("categories.csv:"), "{}", run.err);
}

#[test]
fn outputs_are_no_inputs_and_stand_once() {
    let folder = folder();
    let boxes = folder.path("boxes.json");
    assert_eq!(pair(&folder, "reports.csv", &["--coco", &boxes]).code, 2);
    let out = folder.path("same.csv");
    let run = pair(&folder, "reports.csv", &["-o", &out, "--grounding", &out]);
    assert!(run.code == 2 && run.err.contains("asked for twice"), "{}", run.err);
    assert!(fs::read_to_string(&boxes).unwrap().starts_with('{'));
}
