//! `radlabel link`: reports tied to studies, as a user runs it. All reports and studies here are made up.

use crate::command::{Folder, SECRET};
use serde_json::Value;
use std::collections::BTreeMap;

const STUDIES: &str = "StudyInstanceUID,AccessionNumber,PatientID,StudyDate,Modality,BodyPartExamined,PatientSex,PatientAge\n\
    1.2.1,A0001,P100001,20240105,DX,CHEST,F,055Y\n\
    1.2.2,A0002,P100001,20240306,CT,CHEST,F,055Y\n\
    1.2.3,A0003,P200002,20240105,CR,KNEE,M,031Y\n\
    1.2.4,A0004,P200002,20240105,CR,CHEST,M,031Y\n\
    1.2.5,A0005,P300003,20240105,MR,BRAIN,M,070Y\n";

/// The links by report: each row's cells by column.
fn links(text: &str) -> BTreeMap<String, Vec<BTreeMap<String, String>>> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let names = reader.headers().unwrap().clone();
    let mut out: BTreeMap<String, Vec<BTreeMap<String, String>>> = BTreeMap::new();
    for record in reader.records() {
        let record = record.unwrap();
        let row: BTreeMap<String, String> =
            names.iter().map(str::to_owned).zip(record.iter().map(str::to_owned)).collect();
        out.entry(row["report_id"].clone()).or_default().push(row);
    }
    out
}

#[test]
fn each_report_finds_its_study_or_says_why_not() {
    let folder = Folder::new();
    folder.put("studies.csv", STUDIES);
    folder.put(
        "reports.csv",
        "id,text,study_uid,accession,patient_id,date,sex\n\
         uid,No effusion.,1.2.1,,,,\n\
         number,No effusion.,,a-2,,,\n\
         day,\"EXAM: CHEST, PA AND LATERAL. FINDINGS: No effusion.\",,,P200002,2024-01-05,\n\
         two,No effusion.,,,P200002,2024-01-05,\n\
         sex,No effusion.,,A0005,,,F\n\
         none,No effusion.,9.9,,,,\n\
         nothing,No effusion.,,,,,\n",
    );
    let run = folder.run(&["link", "reports.csv", "--studies", "studies.csv"]);
    let run = run.ends(0, &["4 of 7 reports linked (57.1 %) to 4 of 5 studies; 1 ambiguous, 2 unlinked"]);
    let found = links(&run.text());
    let told = |id: &str| {
        let row = &found[id][0];
        [&row["outcome"], &row["study_uid"], &row["method"], &row["conflicts"], &row["reason"]].map(String::as_str)
    };
    assert_eq!(told("uid"), ["linked", "1.2.1", "study-uid", "", ""]);
    assert_eq!(told("number"), ["linked", "1.2.2", "accession-plain", "", ""]);
    // The text tells the knee's study from the chest's.
    assert_eq!(told("day"), ["linked", "1.2.4", "patient-date", "", ""]);
    assert_eq!((told("two")[0], told("two")[4], found["two"].len()), ("ambiguous", "several studies fit", 2));
    assert_eq!(told("sex"), ["linked", "1.2.5", "accession", "sex: F / M", "linked in spite of a conflict"]);
    assert_eq!(told("none"), ["unlinked", "", "", "", "no study has this UID"]);
    assert_eq!(told("nothing")[4], "the report has no key");
}

#[test]
fn the_same_links_for_any_threads_and_formats() {
    let folder = Folder::new();
    folder.put("studies.csv", STUDIES);
    let mut reports = String::from("id,text,accession\n");
    for number in 0..3000 {
        reports.push_str(&format!("r{number},No effusion.,A000{}\n", number % 7));
    }
    folder.put("reports.csv", reports);
    let link = |more: &[&str]| {
        folder.run(&[&["link", "reports.csv", "--studies", "studies.csv", "-q"], more].concat()).ends(0, &[]).text()
    };
    let one = link(&["-j", "1"]);
    assert_eq!(one, link(&["-j", "3"]));
    assert_eq!(one.lines().count(), 3001);
    let lines = link(&["--format", "jsonl"]);
    let first: Value = serde_json::from_str(lines.lines().nth(1).unwrap()).unwrap();
    assert_eq!((&first["report_id"], &first["study_uid"]), (&"r1".into(), &"1.2.1".into()));
    // A table without texts is linked by its keys alone.
    folder.put("keys.csv", "id,accession\nr1,A0001\n");
    let keys = folder.run(&["link", "keys.csv", "--studies", "studies.csv", "-q"]).ends(0, &[]).text();
    assert_eq!(links(&keys)["r1"][0]["study_uid"], "1.2.1");
    // So is what `label` writes.
    folder.put("a.csv", "id,text,accession\nr1,No effusion.,A0001\n");
    folder.run(&["label", "a.csv", "-o", "labels.jsonl", "-q"]).ends(0, &[]);
    let keys = folder.run(&["link", "labels.jsonl", "--studies", "studies.csv", "-q"]).ends(0, &[]).text();
    assert_eq!(links(&keys)["r1"][0]["study_uid"], "1.2.1");
}

#[test]
fn one_report_of_a_study_rules() {
    let folder = Folder::new();
    folder.put("studies.csv", STUDIES);
    folder.put(
        "reports.csv",
        "id,text,accession,report_status,report_time\n\
         early,FINDINGS: Pneumothorax. No effusion.,A0001,preliminary,2024-01-05T10:00\n\
         final,FINDINGS: No pneumothorax. Small effusion.,A0001,final,2024-01-05T12:00\n\
         more,ADDENDUM: There is an acute fracture of the fifth rib. No effusion.,A0001,,2024-01-06T09:00\n\
         void,FINDINGS: Pneumonia.,A0001,entered-in-error,2024-01-07T09:00\n\
         other,FINDINGS: Cardiomegaly.,A0002,final,\n",
    );
    let run =
        ["link", "reports.csv", "--studies", "studies.csv", "-q", "--merged", "m.csv", "--without-report", "w.csv"];
    let found = links(&folder.run(&run).ends(0, &[]).text());
    let roles: Vec<&str> =
        ["early", "final", "more", "void", "other"].iter().map(|id| found[*id][0]["role"].as_str()).collect();
    assert_eq!(roles, ["superseded", "ruling", "addendum", "void", "ruling"]);
    let merged = folder.read("m.csv");
    let mut reader = csv::Reader::from_reader(&merged[..]);
    let names = reader.headers().unwrap().clone();
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    let cell =
        |row: usize, name: &str| rows[row].get(names.iter().position(|n| n == name).unwrap()).unwrap().to_owned();
    assert_eq!((rows.len(), cell(0, "study_uid"), cell(0, "ruling")), (2, "1.2.1".to_owned(), "final".to_owned()));
    assert_eq!((cell(0, "reports"), cell(0, "of_reports")), ("final; more".to_owned(), "4".to_owned()));
    // The addendum outranks where it speaks; what was entered in error says nothing.
    let values = ["Pneumothorax", "Pleural Effusion", "Fracture", "Pneumonia"].map(|name| cell(0, name));
    assert_eq!(values, ["0.0", "0.0", "1.0", ""]);
    assert_eq!(cell(1, "Cardiomegaly"), "1.0");
    let without: Vec<String> =
        String::from_utf8(folder.read("w.csv")).unwrap().lines().skip(1).map(|l| l[..5].to_owned()).collect();
    assert_eq!(without, ["1.2.3", "1.2.4", "1.2.5"]);
}

#[test]
fn images_stand_with_the_report_of_their_study() {
    let folder = Folder::new();
    folder.put(
        "images.csv",
        "study_uid,series_uid,sop_uid,accession,path,view\n\
         1.2.1,1.2.1.1,1.2.1.1.1,A1,a/1.dcm,PA\n1.2.1,1.2.1.1,1.2.1.1.2,A1,a/2.dcm,LATERAL\n1.2.2,1.2.2.1,1.2.2.1.1,A2,b/1.dcm,PA\n",
    );
    folder.put("reports.csv", "id,accession,report_status\nfirst,A1,preliminary\nlast,A1,final\nother,A3,final\n");
    let run = ["link", "reports.csv", "--studies", "images.csv", "-o", "l.csv", "--images", "i.jsonl", "-q"];
    folder.run(&run).ends(0, &[]);
    let told: Vec<String> = String::from_utf8(folder.read("i.jsonl"))
        .unwrap()
        .lines()
        .map(|l| serde_json::from_str::<Value>(l).unwrap())
        .map(|v| format!("{} {} {}", v["report_id"], v["path"], v["view"]))
        .collect();
    assert_eq!(told, ["\"last\" \"a/1.dcm\" \"PA\"", "\"last\" \"a/2.dcm\" \"LATERAL\""]);
    if cfg!(feature = "sql") {
        let run = [&run[..], &["--where", "view = 'PA'"]].concat();
        folder.run(&run).ends(0, &[]);
        assert_eq!(folder.read("i.jsonl").iter().filter(|&&b| b == b'\n').count(), 1);
    }
}

#[test]
fn what_is_wrong_is_told_without_the_patient() {
    let folder = Folder::new();
    folder.put("studies.csv", STUDIES);
    folder.put("reports.csv", format!("id,text,accession,patient_id,date\nr1,{SECRET},A0001,P-SECRET,20200231\n"));
    let run = folder.run(&["link", "reports.csv", "--studies", "studies.csv"]);
    let run = run.ends(0, &["1 of 1 reports linked"]);
    assert!(!run.err.contains("SECRET"), "{}", run.err);
    let link = |more: &[&str]| folder.run(&[&["link", "reports.csv"], more].concat());
    link(&["--studies", "nowhere.csv"]).ends(2, &["nowhere.csv"]);
    link(&[]).ends(2, &["--studies"]);
    link(&["--studies", "studies.csv", "--accept", "2"]).ends(2, &["a number from 0 to 1"]);
    link(&["--studies", "studies.csv", "-o", "studies.csv"]).ends(2, &["studies.csv"]);
    link(&["--studies", "studies.csv", "--by", "study-uid", "--fail-under", "0.5"]).ends(1, &["--fail-under"]);
    folder.put("empty.csv", "StudyInstanceUID,PatientID\n,\n");
    link(&["--studies", "empty.csv"]).ends(2, &["no study among them"]);
    folder.put("good.csv", "kept");
    folder.put("none.csv", "id,text\n");
    folder.run(&["link", "none.csv", "--studies", "studies.csv", "-o", "good.csv"]).ends(2, &[]);
    assert_eq!(folder.read("good.csv"), b"kept");
}
