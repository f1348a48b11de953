//! `radlabel studies` over folders that the tests make, and what is wrong with the files in them.

use crate::command::{Folder, SECRET};
use serde_json::{Value, json};

/// An element, explicitly written in little endian.
fn element(tag: (u16, u16), vr: &str, value: &str) -> Vec<u8> {
    let mut value = value.as_bytes().to_vec();
    if !value.len().is_multiple_of(2) {
        value.push(if vr == "UI" { 0 } else { b' ' });
    }
    let mut out = [tag.0.to_le_bytes(), tag.1.to_le_bytes()].concat();
    out.extend_from_slice(vr.as_bytes());
    if vr == "OB" {
        out.extend_from_slice(&[0, 0]);
        out.extend_from_slice(&(value.len() as u32).to_le_bytes());
    } else {
        out.extend_from_slice(&(value.len() as u16).to_le_bytes());
    }
    out.extend_from_slice(&value);
    out
}

/// An image of a study: `study.series.image`.
fn image(uid: &str, patient: &str, modality: &str, thickness: &str, pixels: &str) -> Vec<u8> {
    let mut parts = uid.splitn(3, '.');
    let [study, series, _] = [(); 3].map(|()| parts.next().expect("three parts"));
    let elements = [
        element((8, 0x16), "UI", "1.2.840.10008.5.1.4.1.1.2"),
        element((8, 0x18), "UI", &format!("9.{uid}")),
        element((8, 0x20), "DA", "20240131"),
        element((8, 0x50), "SH", &format!("A{study}{SECRET}")),
        element((8, 0x60), "CS", modality),
        element((0x10, 0x20), "LO", patient),
        element((0x18, 0x50), "DS", thickness),
        element((0x20, 0xD), "UI", &format!("9.{study}")),
        element((0x20, 0xE), "UI", &format!("9.{study}.{series}")),
        element((0x7FE0, 0x10), "OB", pixels),
    ];
    [vec![0; 128], b"DICM".to_vec(), element((2, 0x10), "UI", "1.2.840.10008.1.2.1"), elements.concat()].concat()
}

/// Two studies; a file of the second is named like no DICOM, one is cut off, one is no DICOM.
fn archive() -> Folder {
    let folder = Folder::new();
    folder.put("in/a/1.dcm", image("1.1.1", "P1", "CT", "1.25", "pixels 1"));
    folder.put("in/a/2.dcm", image("1.1.2", "P1", "CT", "1.25", "pixels 2"));
    folder.put("in/a/3.dcm", image("1.2.1", "P1", "SR", "", "pixels 3"));
    folder.put("in/b/IMG.txt", image("2.1.1", "P2", "CT", "5", "pixels 2"));
    folder.put("in/b/note.md", "No image.");
    let cut = image("2.1.2", "P3", "CT", "5", "pixels 5");
    folder.put("in/c/cut", &cut[..cut.len() - 2]);
    folder.put("in/c/double.dcm", image("1.1.1", "P1", "CT", "1.25", "pixels 1"));
    folder
}

#[test]
fn images_series_and_studies() {
    let folder = archive();
    let ran = folder.run(&["studies", "in", "--level", "image", "--pixel-hash", "--format", "jsonl"]).ends(
        1,
        &[
            "problem: in/c/cut: the pixel data claim 8 bytes, 6 are left",
            "in: 1 file that is no DICOM was passed over",
            "files     7\nimages    6\nstudies   2\nrows      6\n",
            "problem   duplicate-PixelData: 2\n",
        ],
    );
    assert!(!ran.err.contains(SECRET) && !ran.err.contains("P3"), "no patient on standard error: {}", ran.err);
    let told: Vec<Value> =
        ran.lines().iter().map(|l| json!([l["path"], l["modality"], l["problems"], l["duplicate_of"]])).collect();
    let expected = json!([
        ["a/1.dcm", "CT", [], null],
        ["a/2.dcm", "CT", [], null],
        ["a/3.dcm", "SR", [], null],
        ["b/IMG.txt", "CT", ["duplicate-PixelData"], "a/2.dcm"],
        ["c/cut", "CT", ["truncated", "shared-StudyInstanceUID", "shared-SeriesInstanceUID"], null],
        ["c/double.dcm", "CT", ["duplicate-SOPInstanceUID", "duplicate-PixelData"], "a/1.dcm"],
    ]);
    assert_eq!(json!(told), expected);
    let names = "study_uid,series_uid,modality,patient_id,slice_thickness,series,images,problems";
    let ran = folder.run(&["studies", "in", "-q", "--columns", names, "--level", "series"]).ends(1, &[]);
    let expected = format!(
        "{names}\n9.1,9.1.1,CT,P1,1.25,,2,duplicate-SOPInstanceUID\n9.1,9.1.2,SR,P1,,,1,\n\
         9.2,9.2.1,CT,P2,5,,2,mixed-PatientID; truncated; shared-StudyInstanceUID; shared-SeriesInstanceUID\n"
    );
    assert_eq!(ran.text(), expected);
    let ran = folder.run(&["studies", "in", "-q", "--columns", "study_uid,modality,series,images"]).ends(1, &[]);
    assert_eq!(ran.text(), "study_uid,modality,series,images\n9.1,CT\\SR,2,3\n9.2,CT,1,2\n");
}

#[test]
fn rows_are_chosen_by_an_expression() {
    let folder = archive();
    let chosen = |expression: &str, level: &str| {
        let arguments = ["studies", "in", "-q", "--level", level, "--columns", "path", "--where", expression];
        folder.run(&arguments).ends(1, &[]).text().lines().skip(1).map(str::to_owned).collect::<Vec<_>>()
    };
    if cfg!(feature = "sql") {
        assert_eq!(
            chosen("modality = 'CT' and slice_thickness <= 2.5", "image"),
            ["a/1.dcm", "a/2.dcm", "c/double.dcm"]
        );
        assert_eq!(chosen("images > 2 and modality like '%SR%'", "study"), ["a/1.dcm"]);
        assert_eq!(chosen("problems like '%truncated%'", "image"), ["c/cut"]);
        let told = ["no such column: thickness; expected one of study_uid, series_uid"];
        folder.run(&["studies", "in", "--where", "thickness < 2"]).ends(2, &told);
        folder.run(&["studies", "in", "--where", "modality ="]).ends(2, &["--where: incomplete input"]);
    } else {
        folder.run(&["studies", "in", "--where", "1"]).ends(2, &["expected one built with --features sql or full"]);
    }
}

#[test]
fn the_output_is_the_same_for_any_number_of_threads_and_whole_or_not_there() {
    let folder = archive();
    for number in 0..1500 {
        let patient = format!("Q{}", number / 7);
        folder.put(
            &format!("in/m/{:02}/{number}", number % 13),
            image(&format!("{number}.1.1"), &patient, "CT", "3", "p"),
        );
    }
    let mut outputs = Vec::new();
    for threads in ["1", "2", "7"] {
        for level in ["image", "study"] {
            folder.run(&["studies", "in", "-j", threads, "--level", level, "-o", "out.csv"]).ends(1, &[]);
            outputs.push(folder.read("out.csv"));
        }
    }
    assert_eq!(outputs[0].iter().filter(|&&b| b == b'\n').count(), 1507);
    assert!(
        outputs[0] == outputs[2] && outputs[0] == outputs[4] && outputs[1] == outputs[3] && outputs[1] == outputs[5]
    );
    folder.put("none/note.md", "No image.");
    folder.run(&["studies", "none", "-o", "out.csv"]).ends(2, &["none: no study found"]);
    assert_eq!(folder.read("out.csv"), outputs[5], "an old output is not replaced by an empty one");
    folder.run(&["studies", "nowhere"]).ends(2, &["nowhere: No such file"]);
    folder.run(&["studies", "none/note.md"]).ends(2, &["none/note.md"]);
    folder.run(&["studies", "in", "--columns", "dose"]).ends(2, &["--columns: no column \"dose\"; expected some of"]);
}

/// A record of a DICOMDIR at a byte: where the next one and the first one below it begin, and its own elements.
fn record(next: u32, below: u32, elements: &[Vec<u8>]) -> Vec<u8> {
    let offset = |tag: u16, value: u32| [&[4, 0][..], &tag.to_le_bytes(), b"UL\x04\0", &value.to_le_bytes()].concat();
    let used = [&[4, 0, 0x10, 0x14][..], b"US\x02\0\xFF\xFF"].concat();
    let body = [offset(0x1400, next), used, offset(0x1420, below), elements.concat()].concat();
    [&[0xFE, 0xFF, 0, 0xE0][..], &(body.len() as u32).to_le_bytes(), &body].concat()
}

/// Patient, study, series and two images; the records stand in no order.
fn directory() -> Vec<u8> {
    let image = |name: &str, uid: &str| {
        vec![
            element((4, 0x1430), "CS", "IMAGE"),
            element((4, 0x1500), "CS", &format!("IMAGES\\{name}")),
            element((4, 0x1511), "UI", uid),
        ]
    };
    let head = [
        vec![0; 128],
        b"DICM".to_vec(),
        element((2, 2), "UI", "1.2.840.10008.1.3.10"),
        element((2, 0x10), "UI", "1.2.840.10008.1.2.1"),
    ]
    .concat();
    let root = head.len() + 12 + 12;
    let records = |at: [u32; 5]| {
        let [series, second, patient, first, study] = at;
        let root = [&[4, 0, 0, 0x12][..], b"UL\x04\0", &patient.to_le_bytes()].concat();
        let items = [
            record(0, first, &[element((8, 0x60), "CS", "CT"), element((0x20, 0xE), "UI", "9.1.1")]),
            record(0, 0, &image("GONE", "9.1.1.2")),
            record(0, study, &[element((0x10, 0x20), "LO", "P1")]),
            record(second, 0, &image("THERE", "9.1.1.1")),
            record(patient, series, &[element((8, 0x20), "DA", "20240131"), element((0x20, 0xD), "UI", "9.1")]),
        ];
        (root, items)
    };
    let (_, items) = records([0; 5]);
    let mut at = root as u32;
    let places = [0, 1, 2, 3, 4].map(|i| {
        at += items[i].len() as u32;
        at - items[i].len() as u32
    });
    let (root, items) = records(places);
    let items = items.concat();
    [head, root, [&[4, 0, 0x20, 0x12][..], b"SQ\0\0", &(items.len() as u32).to_le_bytes()].concat(), items].concat()
}

#[test]
fn a_dicomdir_tells_of_files_that_are_not_there() {
    let folder = Folder::new();
    folder.put("disc/DICOMDIR", directory());
    folder.put("disc/IMAGES/THERE", image("1.1.1", "P1", "CT", "1.25", "pixels"));
    let columns =
        ["--level", "image", "--columns", "path,study_uid,series_uid,sop_uid,patient_id,date,modality,problems"];
    for source in ["disc", "disc/DICOMDIR"] {
        let arguments = [&["studies", source][..], &columns].concat();
        let ran = folder.run(&arguments).ends(1, &["1 of the 2 files that this DICOMDIR names are not there"]);
        let mut lines: Vec<String> = ran.text().lines().skip(1).map(str::to_owned).collect();
        lines.sort();
        let expected = [
            "IMAGES/GONE,9.1,9.1.1,9.1.1.2,P1,20240131,CT,missing-file",
            "IMAGES/THERE,9.1,9.1.1,9.1.1.1,P1,20240131,CT,",
        ];
        assert_eq!(lines, expected, "{source}");
    }
    std::fs::remove_dir_all(folder.0.path().join("disc/IMAGES")).unwrap();
    let ran = folder.run(&["studies", "disc/DICOMDIR", "--columns", "study_uid,images"]).ends(1, &["2 of the 2 files"]);
    assert_eq!(ran.text(), "study_uid,images\n9.1,2\n");
}
