//! Tests of the sources that are files.

use super::*;
use std::io::Write;

/// Keeps what a source gives.
#[derive(Default)]
pub(super) struct Taken {
    pub(super) rows: Vec<StudyRow>,
    pub(super) told: Vec<Told>,
}

impl Take for Taken {
    fn row(&mut self, row: StudyRow) -> Result<(), Error> {
        self.rows.push(row);
        Ok(())
    }

    fn tell(&mut self, told: Told) {
        self.told.push(told);
    }
}

impl Taken {
    pub(super) fn messages(&self) -> String {
        self.told.iter().map(|t| format!("{t}\n")).collect()
    }
}

fn read_bytes(name: &str, bytes: &[u8]) -> (Result<(), Error>, Taken) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).expect("written");
    let mut taken = Taken::default();
    let result = read(&[path.display().to_string()], &Options::default(), &mut taken);
    (result, taken)
}

fn rows(name: &str, text: &str) -> (Vec<StudyRow>, String) {
    let (result, taken) = read_bytes(name, text.as_bytes());
    result.expect("read");
    let messages = taken.messages();
    (taken.rows, messages)
}

const TABLE: &str = "Accession Number,Patient ID,Patient Orientation,Pixel Spacing,Rows,Study Date,Study Instance UID\n\
                     00A1,P-SECRET,\"['L', 'F']\",\"['0.1500', '0.1400']\",2828,2011-03-28,1.2.3\n\
                     ,,,,,,\n\
                     A2,P-SECRET,,x,12.5,20110329,1.2.4\n\
                     A3,P-SECRET,1.2.5\n\
                     A4,P,\"\"\"a\" b,,,,\n\
                     A5,P,,,,,1.2.6\n";

#[test]
fn a_table_gives_rows_and_tells_of_wrong_ones_by_line() {
    for (name, table) in [("t.csv", TABLE.to_owned()), ("t.tsv", tabs(TABLE))] {
        let (rows, told) = rows(name, &table);
        let of = |f: fn(&StudyRow) -> &Option<String>| rows.iter().map(|r| f(r).clone()).collect::<Vec<_>>();
        let some = |t: &str| Some(t.to_owned());
        assert_eq!(of(|r| &r.accession), [some("00A1"), some("A2"), some("A5")], "{told}");
        assert_eq!(rows[0].patient_orientation.as_deref(), Some("L\\F"));
        assert_eq!(
            (rows[0].row_spacing_mm, rows[0].column_spacing_mm, rows[0].rows),
            (Some(0.15), Some(0.14), Some(2828))
        );
        assert_eq!(of(|r| &r.date), [some("20110328"), some("20110329"), None]);
        assert_eq!(rows[1].problems, ["bad-pixel-spacing", "bad-rows"]);
        assert!(told.contains("read as accession = \"Accession Number\", patient_id = \"Patient ID\""), "{told}");
        for line in [":3: ", ":4: ", ":5: ", ":6: "] {
            assert!(told.contains(&format!("{name}{line}")), "{line} {told}");
        }
        assert!(!told.contains("SECRET") && !told.contains("A3"), "{told}");
    }
}

fn tabs(table: &str) -> String {
    let table = table.replace("['L', 'F']", "['L'; 'F']").replace("', '0.14", "'; '0.14").replace(',', "\t");
    table.replace("'; '", "', '")
}

#[test]
fn packed_and_marked_tables_are_read() {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packer.write_all("\u{feff}StudyInstanceUID;Modality\n1.2;CR\n".as_bytes()).expect("packed");
    let (result, taken) = read_bytes("t.csv.gz", &packer.finish().expect("packed"));
    result.expect("read");
    assert_eq!((taken.rows[0].study_uid.as_deref(), taken.rows[0].modality.as_deref()), (Some("1.2"), Some("CR")));
}

#[test]
fn objects_of_our_own_come_back() {
    let row = StudyRow {
        study_uid: Some("1.2".into()),
        modality: Some("CR\\SR".into()),
        rows: Some(5),
        slice_thickness: Some(2.5),
        problems: vec!["missing-Modality".into(), "truncated".into()],
        ..StudyRow::default()
    };
    let line = serde_json::to_string(&row).expect("JSON");
    let (found, _) = rows("t.jsonl", &format!("{line}\n{{\"study_uid\": \"1.3\"}}\n"));
    assert_eq!(found[0], row);
    assert_eq!(found[1].study_uid.as_deref(), Some("1.3"));
    // One over several lines, and an array.
    let laid_out = serde_json::to_string_pretty(&[&row, &row]).expect("JSON");
    assert_eq!(rows("t.json", &laid_out).0, [row.clone(), row]);
}

#[test]
fn json_is_told_apart() {
    let fhir = r#"{"resourceType":"ImagingStudy","identifier":[{"system":"urn:dicom:uid","value":"urn:oid:1.5"}]}"#;
    let (found, told) = rows("f.ndjson", &format!("{fhir}\n{fhir}\n{{\"resourceType\":\"Patient\"}}\n{{broken\n"));
    assert_eq!(found.len(), 2);
    assert!(told.contains("f.ndjson:4") && told.contains("not valid JSON"), "{told}");
    let bundle = format!("{{\n\"resourceType\":\"Bundle\",\n\"entry\":[{{\"resource\":{fhir}}}]\n}}");
    assert_eq!(rows("b.json", &bundle).0[0].study_uid.as_deref(), Some("1.5"));
    let entry = format!("{{\"resource\":{fhir}}}");
    let broken = format!("{{\"resourceType\":\"Bundle\",\"entry\":[{entry},{entry},{{\"resource\":{{");
    let (found, told) = rows("b.json", &broken);
    assert_eq!(found.len(), 2);
    assert!(told.contains("problem: ") && told.contains("ends too early"), "{told}");
    let dicom = r#"[ {"0020000D":{"vr":"UI","Value":["1.6"]}}, {"0020000D":{"vr":"UI","Value":["1.7"]}}, 3 ]"#;
    let (found, _) = rows("d.json", dicom);
    assert_eq!(found.len(), 2);
    assert_eq!(found[1].study_uid.as_deref(), Some("1.7"));
}

#[test]
fn what_is_no_source_is_refused_by_name() {
    for (name, text, said) in [
        ("a.csv", "", "empty"),
        ("a.csv", "x,y\n1,2\n", "expected study_uid"),
        ("a.bin", "\u{1}\u{2}\u{3}", "expected study_uid"),
    ] {
        let (result, _) = read_bytes(name, text.as_bytes());
        let message = result.expect_err("refused").to_string();
        assert!(message.contains(said) && message.contains(name), "{message}");
    }
    let missing = read(&["/no/such/file.csv".to_owned()], &Options::default(), &mut Taken::default());
    assert!(missing.expect_err("refused").to_string().contains("/no/such/file.csv"));
}

#[cfg(feature = "arrow")]
#[test]
fn an_arrow_file_gives_the_rows_of_its_table() {
    use arrow_array::{ArrayRef, Date32Array, Int64Array, RecordBatch, StringArray};
    use std::sync::Arc;
    let columns: [(&str, ArrayRef); 3] = [
        ("StudyInstanceUID", Arc::new(StringArray::from(vec![Some("1.2"), None]))),
        ("Rows", Arc::new(Int64Array::from(vec![Some(512), Some(-1)]))),
        ("StudyDate", Arc::new(Date32Array::from(vec![15_061, 15_062]))),
    ];
    let batch = RecordBatch::try_from_iter(columns).expect("a batch");
    let mut writer = arrow_ipc::writer::FileWriter::try_new(Vec::new(), &batch.schema()).expect("a writer");
    writer.write(&batch).expect("written");
    writer.finish().expect("written");
    let (result, taken) = read_bytes("t.arrow", &writer.into_inner().expect("bytes"));
    result.expect("read");
    assert_eq!(taken.rows.len(), 1);
    assert_eq!((taken.rows[0].rows, taken.rows[0].date.as_deref()), (Some(512), Some("20110328")));
    let told = taken.messages();
    assert!(told.contains("record 2: the cell of rows") && told.contains("record 2: neither"), "{told}");
}

/// Whatever the bytes: no panic, and nothing of them in a message.
#[test]
fn damaged_sources_never_panic() {
    let dicom = r#"[{"0020000D":{"vr":"UI","Value":["1.6"]},"00100020":{"vr":"LO","Value":["P-SECRET"]}}]"#;
    let fhir =
        r#"{"resourceType":"ImagingStudy","subject":{"identifier":{"value":"P-SECRET"}},"series":[{"uid":"1"}]}"#;
    let mut state: u64 = 7;
    for (name, text) in [("t.csv", TABLE), ("d.json", dicom), ("f.json", fhir)] {
        for cut in 0..text.len() {
            let mut bytes = text.as_bytes().to_vec();
            if cut % 2 == 0 {
                bytes.truncate(cut);
            }
            for _ in 0..3 {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let at = (state >> 33) as usize % bytes.len().max(1);
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = (state >> 24) as u8;
                }
            }
            let (result, taken) = read_bytes(name, &bytes);
            let said = format!("{}{}", taken.messages(), result.err().map_or_else(String::new, |e| e.to_string()));
            assert!(!said.contains("P-SECRET"), "{said}");
        }
    }
}
