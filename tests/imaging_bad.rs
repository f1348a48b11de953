//! What hospitals really have: `radlabel studies`, `link` and `pair` over sources that are broken, doubled or hostile.
//!
//! All reports, studies and annotations here are made up.

use super::program::{Folder, Run, radlabel};
use serde_json::{Value, json};
use std::fs;

/// Stands in ids, cells and texts, and must never be seen on standard error.
const SECRET: &str = "Zyxwvut";

fn run(folder: &Folder, arguments: &[&str]) -> Run {
    let arguments: Vec<String> = arguments
        .iter()
        .map(
            |a| if folder.0.path().join(a).exists() || a.starts_with("out") { folder.path(a) } else { (*a).to_owned() },
        )
        .collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let run = radlabel(&arguments);
    assert!(!run.err.contains(SECRET), "an identifier or text on standard error:\n{}", run.err);
    run
}

fn coco(names: &[&str], boxes: &Value) -> String {
    let image = |(id, name): (usize, &&str)| json!({"id": id, "file_name": name, "width": 1000, "height": 1000});
    let images: Vec<Value> = names.iter().enumerate().map(image).collect();
    json!({"images": images, "categories": [{"id": 1, "name": "Pleural effusion"}], "annotations": boxes}).to_string()
}

fn drawn(id: u32, image: u32, place: &Value) -> Value {
    json!({"id": id, "image_id": image, "category_id": 1, "bbox": place})
}

#[test]
fn a_record_that_stands_for_a_header_is_not_quoted() {
    let files = [
        ("bare.csv", "1.2.3,Zyxwvut,20240105\n"),
        ("id.csv", "Zyxwvut100001,CR\n"),
        ("other.csv", "colour,shape\n1,2\n"),
        ("twice.csv", "study_uid,study_uid\n1.2.3,1.2.4\n"),
    ];
    let folder = Folder::new(&files);
    for (file, told) in [
        ("bare.csv", "found a first row of 3 cells that are no names"),
        ("id.csv", "found a first row of 2 cells that are no names"),
        ("other.csv", "found \"colour\", \"shape\""),
        ("twice.csv", "with the column \"study_uid\" twice"),
    ] {
        let run = run(&folder, &["studies", file]);
        assert!(run.code == 2 && run.err.contains(told), "{file}: {}", run.err);
    }
}

#[test]
fn days_that_no_calendar_has_are_named_in_tables_too() {
    let folder = Folder::new(&[("s.csv", "study_uid,date\n1.2.1,20200231\n1.2.2,2020-02-29\n1.2.3,31.12.2020\n")]);
    let run = run(&folder, &["studies", "s.csv", "--columns", "study_uid,date,problems", "-q"]);
    let expected =
        "study_uid,date,problems\n1.2.1,20200231,bad-StudyDate\n1.2.2,20200229,\n1.2.3,31.12.2020,bad-StudyDate\n";
    assert_eq!((run.code, run.out.as_str()), (0, expected));
}

#[test]
fn a_key_of_thousands_of_studies_tells_none() {
    let mut studies = String::from("study_uid,accession,patient_id,date\n");
    for number in 0..3000 {
        studies.push_str(&format!("1.2.{number},UNKNOWN,P{number},20240105\n1.3.{number},A{number},TEST,20240105\n"));
    }
    let reports = "id,accession,patient_id,date\nshared,UNKNOWN,,\nby-patient,UNKNOWN,P7,20240105\nnumber,A8,TEST,20240105\n\
                   phantom,,TEST,20240105\n";
    let folder = Folder::new(&[("studies.csv", &studies), ("reports.csv", reports)]);
    let run = run(&folder, &["link", "reports.csv", "--studies", "studies.csv", "-q"]);
    let told: Vec<String> =
        run.out.lines().skip(1).map(|l| l.split(',').take(3).collect::<Vec<_>>().join(" ")).collect();
    assert_eq!(told, ["shared unlinked ", "by-patient linked 1.2.7", "number linked 1.3.8", "phantom unlinked "]);
    assert_eq!(run.out.matches("that of too many studies to tell one").count(), 2);
}

#[test]
fn an_image_of_two_sources_counts_once() {
    let images = "study_uid,sop_uid,path\n1.2.1,1.2.1.1,a.dcm\n1.2.1,1.2.1.2,b.dcm\n";
    let folder = Folder::new(&[("one.csv", images), ("two.csv", images), ("r.csv", "id,study_uid\nr1,1.2.1\n")]);
    let run =
        run(&folder, &["link", "r.csv", "--studies", "one.csv", "--studies", "two.csv", "--format", "jsonl", "-q"]);
    let link: Value = serde_json::from_str(&run.out).unwrap();
    assert_eq!(link["images"], 2);
}

#[test]
fn outputs_are_checked_before_the_work() {
    let boxes = coco(&["a.png"], &json!([drawn(1, 0, &json!([1, 1, 5, 5]))]));
    let files = [
        ("r.csv", "id,text,study_uid\na,Effusion.,1.2\n"),
        ("s.csv", "study_uid\n1.2\n"),
        ("boxes.json", &boxes),
        ("out.csv", "old"),
    ];
    let folder = Folder::new(&files);
    fs::create_dir(folder.0.path().join("in")).unwrap();
    let lost = folder.path("nowhere/x.html");
    let same = folder.path("in/../out.csv");
    for (arguments, told) in [
        (&["link", "r.csv", "--studies", "s.csv", "-o", "out.csv", "--merged", &same][..], "is asked for twice"),
        (&["link", "r.csv", "--studies", "s.csv", "-o", "out.csv", "--merged", &lost], "cannot be written"),
        (&["pair", "r.csv", "--annotations", "boxes.json", "-o", "out.csv", "--coco", &same], "is asked for twice"),
        (&["pair", "r.csv", "--annotations", "boxes.json", "-o", "out.csv", "--report", &lost], "cannot be written"),
    ] {
        let run = run(&folder, arguments);
        assert!(run.code == 2 && run.err.contains(told), "{arguments:?}: {}", run.err);
        assert_eq!(fs::read_to_string(folder.path("out.csv")).unwrap(), "old", "{arguments:?}");
    }
    assert_eq!(fs::read_dir(folder.0.path()).unwrap().count(), 5, "no passing file is left");
}

#[test]
fn one_file_name_in_two_folders_is_two_images() {
    let boxes = coco(&["p1/image.png", "p2/image.png"], &json!([drawn(1, 0, &json!([1, 1, 5, 5]))]));
    let reports = "id,text\nimage,Pleural effusion.\np1/image.png,Pleural effusion.\np2/image,Pleural effusion.\n";
    let studies = "path,study_uid\np1/image.png,1.2.1\np2/image.png,1.2.2\n";
    let by_study = "id,text,study_uid\none,Pleural effusion.,1.2.1\ntwo,Pleural effusion.,1.2.2\n";
    let files = [("boxes.json", boxes.as_str()), ("r.csv", reports), ("u.csv", by_study), ("s.csv", studies)];
    let folder = Folder::new(&files);
    let outcomes = |run: &Run| -> Vec<String> {
        let rows = csv::Reader::from_reader(run.out.as_bytes()).into_records().map(Result::unwrap);
        rows.filter(|r| &r[3] == "Pleural Effusion").map(|r| format!("{} {}", &r[0], &r[4])).collect()
    };
    let named = run(&folder, &["pair", "r.csv", "--annotations", "boxes.json"]);
    assert!(named.err.contains("1 file names stand in several folders"), "{}", named.err);
    assert_eq!(outcomes(&named), ["p1/image.png both", "p2/image report-only"]);
    let told = run(&folder, &["pair", "u.csv", "--annotations", "boxes.json", "--studies", "s.csv", "-q"]);
    assert_eq!(outcomes(&told), ["one both", "two report-only"]);
}

#[test]
fn what_could_not_be_read_of_an_image_is_no_conflict() {
    let places = json!([drawn(1, 0, &json!([1, 1, -5, 5])), drawn(2, 9, &json!([1, 1, 5, 5]))]);
    let boxes = coco(&["a.png", "b.png"], &places);
    let reports = "id,text\na,Pleural effusion Zyxwvut.\nb,Pleural effusion Zyxwvut.\n";
    let rows = "patientId,x,y,width,height,Target\na\nb,,,,,0\n";
    let folder = Folder::new(&[("boxes.json", &boxes), ("rsna.csv", rows), ("r.csv", reports)]);
    let told = run(&folder, &["pair", "r.csv", "--annotations", "boxes.json", "--no-text"]);
    assert_eq!(told.code, 1);
    assert!(told.out.contains("a,,a.png,Pleural Effusion,not-read"), "{}", told.out);
    assert!(told.out.contains("b,,b.png,Pleural Effusion,report-only"), "{}", told.out);
    let ragged = run(&folder, &["pair", "r.csv", "--annotations", "rsna.csv"]);
    assert!(ragged.err.contains("rsna.csv:2: neither a target nor a box; left out"), "{}", ragged.err);
    assert!(!ragged.out.contains("image-only"), "{}", ragged.out);
}

#[cfg(unix)]
#[test]
fn names_of_files_do_not_steer_the_terminal() {
    let folder = Folder::new(&[]);
    let name = folder.0.path().join("a\u{1b}[31mred");
    fs::create_dir(&name).unwrap();
    fs::write(name.join("b.dcm"), [[0; 128].as_slice(), b"DICM\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"].concat())
        .unwrap();
    let run = radlabel(&["studies", &folder.path("")]);
    assert!(run.code == 2 && run.err.contains("\\u{1b}[31mred"), "{}", run.err);
    assert!(!run.err.contains('\u{1b}'));
}

#[cfg(unix)]
#[test]
fn pipes_in_a_folder_of_annotations_are_not_waited_for() {
    let folder = Folder::new(&[("r.csv", "id,text\nx,Pleural effusion.\n")]);
    let labels = folder.0.path().join("in");
    fs::create_dir(&labels).unwrap();
    let shape = json!({"label": "Pleural effusion", "shape_type": "rectangle", "points": [[1, 2], [30, 40]]});
    let file = json!({"version": "5", "shapes": [shape], "imagePath": "x.png", "imageWidth": 100, "imageHeight": 100});
    fs::write(labels.join("x.json"), file.to_string()).unwrap();
    let made = std::process::Command::new("mkfifo").arg(labels.join("a.json")).status().unwrap();
    assert!(made.success());
    let run = run(&folder, &["pair", "r.csv", "--annotations", "in"]);
    assert!(run.code == 0 && run.out.contains("Pleural Effusion,both"), "{}{}", run.out, run.err);
}
