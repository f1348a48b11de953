//! DICOM structured reports (SR) in and out.
//!
//! [`read`] takes the text of a content tree, whatever its template; [`write`] makes a Measurement Report (TID 1500)
//! of an analysis. What both must agree on stands here: the codes of the program's own items.

pub(crate) mod annotation;
mod charset;
mod content;
mod directory;
mod frames;
mod gsps;
mod header;
mod measurements;
mod node;
mod numbers;
mod parse;
#[cfg(feature = "pixels")]
mod pixel;
mod read;
mod rtstruct;
mod scan;
mod seg;
#[cfg(feature = "pixels")]
mod shade;
mod write;

pub(crate) use directory::{Entry, directory};
#[cfg(feature = "pixels")]
pub(crate) use pixel::{MOST_PIXELS, picture};
pub(crate) use read::read;
pub(crate) use scan::{Found, scan};
pub(crate) use write::write;

use dicom_core::dictionary::UidDictionary;
use dicom_core::dictionary::UidDictionaryEntry;

/// The coding scheme of what no standard has a code for.
const OWN_SCHEME: &str = "99RADLABEL";
/// The program as an observer and as the maker of a file.
const OWN_DEVICE: &str = "radlabel";
/// The report's whole text, in a file that this program wrote.
const OWN_TEXT: &str = "report-text";
/// The report's id, in a file that this program wrote.
const OWN_ID: &str = "report-id";

/// Whether a file opens as DICOM files do.
pub(crate) fn is_dicom(head: &[u8]) -> bool {
    head.get(128..132) == Some(b"DICM")
}

/// Tells of every class of objects but structured reports.
fn expect_report(class: &str) -> Result<(), String> {
    let key_objects = class == dicom_dictionary_std::uids::KEY_OBJECT_SELECTION_DOCUMENT_STORAGE;
    if class.starts_with("1.2.840.10008.5.1.4.1.1.88.") && !key_objects {
        return Ok(());
    }
    let name = dicom_dictionary_std::StandardSopClassDictionary.by_uid(class).map(|entry| entry.name().to_owned());
    // A private class is no text of a report, but a damaged file may hold anything.
    let name = name.unwrap_or_else(|| match class.len() {
        1..=64 if class.bytes().all(|b| b.is_ascii_digit() || b == b'.') => format!("of SOP class {class}"),
        length => format!("of a SOP class of {length} characters"),
    });
    Err(format!("DICOM {name}; expected a structured report (SR)"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::Document;
    use crate::label::Policy;
    use crate::output::{Labelled, Line, Offsets};
    use crate::{Engine, Report, StudyKey};
    use std::path::Path;
    use std::sync::LazyLock;

    static ENGINE: LazyLock<Engine> = LazyLock::new(Engine::embedded);

    fn written(report: &Report) -> Vec<u8> {
        let analysis = ENGINE.analyze(report);
        let bound = ENGINE.scheme("chexpert").expect("scheme");
        let labelled =
            [Labelled { scheme: &bound.scheme, labels: ENGINE.labels(&analysis, bound), confidence: Vec::new() }];
        let mut offsets = Offsets::default();
        offsets.set(&report.text);
        let line = Line {
            engine: &ENGINE,
            policy: Policy::Keep,
            report,
            analysis: &analysis,
            labelled: &labelled,
            notes: &[],
            offsets: &offsets,
            more: &[],
            text: false,
            confidence: false,
            model: None,
        };
        write(&line).expect("written")
    }

    fn full() -> Report {
        let some = |text: &str| Some(text.to_owned());
        Report {
            id: "site 7/report \u{e9}\\12".to_owned(),
            text: "EXAM: CT chest.\r\n\r\nFINDINGS:\n  No pneumothorax. Caf\u{e9} \u{2264} 12 x 8 mm nodule in the left lower \
                   lobe, increased. A 5-7 mm nodule in the right upper lobe. Small left pleural effusion.\n  Possible \
                   pneumonia; mean attenuation of the hepatic cyst 12 HU. FDG-avid mass with SUVmax of 4.5.\n\n\
                   IMPRESSION: History of lymphoma."
                .to_owned(),
            study: StudyKey {
                accession: some("ACC-7"),
                study_uid: some("1.2.840.113619.2.1"),
                patient_id: some("P\u{e9}7"),
                date: some("2024-01-31"),
                modality: some("CT"),
                body_part: some("CHEST"),
                sex: some("F"),
                age: some("045Y"),
                report_time: some("2024-01-31T09:15:00+01:00"),
                report_status: some("final"),
            },
        }
    }

    #[test]
    fn a_written_report_reads_back() {
        let report = full();
        let bytes = written(&report);
        assert!(is_dicom(&bytes));
        assert_eq!(bytes, written(&report), "the same bytes again");
        let expected = Document { id: Some(report.id), text: report.text, study: report.study, ..Document::default() };
        assert_eq!(read(&bytes), Ok(vec![expected]));
    }

    #[test]
    fn what_fits_no_element_stands_in_the_tree() {
        let mut report = full();
        report.study.accession = Some("an accession \\ number of many characters".to_owned());
        report.study.patient_id = Some("7".repeat(65));
        report.study.age = None;
        report.study.sex = None;
        report.study.body_part = None;
        let found = read(&written(&report)).expect("read").remove(0);
        assert_eq!(found.study, report.study);
        report.study =
            StudyKey { age: Some("7 months".to_owned()), sex: Some("male".to_owned()), ..StudyKey::default() };
        let found = read(&written(&report)).expect("read").remove(0);
        assert_eq!((found.study.age.as_deref(), found.study.sex.as_deref()), (Some("007M"), Some("M")));
    }

    #[test]
    fn an_empty_report_is_a_document_without_text() {
        let found = read(&written(&Report::new("e", " \n"))).expect("read").remove(0);
        assert_eq!((found.id.as_deref(), found.text.as_str(), found.empty), (Some("e"), "", true));
    }

    #[test]
    fn control_characters_become_spaces() {
        let found =
            read(&written(&Report::new("c", "FINDINGS: No\u{1}effusion\u{1b}.\t\u{c}"))).expect("read").remove(0);
        assert_eq!(found.text, "FINDINGS: No effusion . \u{c}");
    }

    /// The same file by the reader of `dicom-object`, which knows nothing of this one.
    #[test]
    fn another_reader_finds_the_findings() {
        use dicom_dictionary_std::tags;
        let object = dicom_object::from_reader(&written(&full())[..]).expect("a DICOM file");
        let mut found = Vec::new();
        for item in object.get(tags::CONTENT_SEQUENCE).and_then(|e| e.items()).expect("content") {
            for group in item.get(tags::CONTENT_SEQUENCE).and_then(|e| e.items()).unwrap_or_default() {
                let mut said = Vec::new();
                for entry in group.get(tags::CONTENT_SEQUENCE).and_then(|e| e.items()).unwrap_or_default() {
                    let code = entry.get(tags::CONCEPT_CODE_SEQUENCE).and_then(|e| e.items());
                    said.extend(
                        code.and_then(|c| c.first()?.get(tags::CODE_MEANING)?.to_str().ok()).map(|m| m.to_string()),
                    );
                    let number = entry.get(tags::MEASURED_VALUE_SEQUENCE).and_then(|e| e.items());
                    said.extend(
                        number.and_then(|n| n.first()?.get(tags::NUMERIC_VALUE)?.to_str().ok()).map(|n| n.to_string()),
                    );
                }
                found.push(said.join(" "));
            }
        }
        let of = |start: &str| found.iter().filter(|f| f.starts_with(start)).cloned().collect::<Vec<_>>();
        assert_eq!(of("pneumothorax"), ["pneumothorax Absent"]);
        assert_eq!(
            of("nodule left").first().map(String::as_str),
            Some("nodule left lower lobe 12 8 Present"),
            "{found:?}"
        );
        assert!(!found.iter().any(|f| f.contains("lymphoma")), "the past is no finding: {found:?}");
    }

    #[test]
    fn other_files_are_told() {
        for (class, expected) in [
            ("1.2.840.10008.5.1.4.1.1.2", "DICOM CT Image Storage; expected a structured report (SR)"),
            (
                "1.2.840.10008.5.1.4.1.1.88.59",
                "DICOM Key Object Selection Document Storage; expected a structured report (SR)",
            ),
            ("1.2.3", "DICOM of SOP class 1.2.3; expected a structured report (SR)"),
            ("a name", "DICOM of a SOP class of 6 characters; expected a structured report (SR)"),
        ] {
            assert_eq!(expect_report(class), Err(expected.to_owned()));
        }
        assert_eq!(read(b"").err().as_deref(), Some("0 bytes; expected a DICOM file"));
        assert_eq!(read(b"FINDINGS: No effusion.").err().as_deref(), Some("no DICOM file: no DICM at byte 128"));
    }

    /// Every file that breaks off says so, and no byte that is wrong brings the reader down.
    #[test]
    fn damaged_files() {
        let bytes = written(&full());
        for end in (0..bytes.len()).step_by(7) {
            if let Err(message) = read(&bytes[..end]) {
                assert!(!message.contains("nodule"), "{message}");
            } else {
                panic!("read to the end, cut at {end} of {}", bytes.len());
            }
        }
        mutated(&bytes, 1_000);
    }

    /// Reads a file again and again with four wrong bytes; all that can be asked is that the reader comes back.
    fn mutated(bytes: &[u8], times: usize) {
        let mut random = 7_u64;
        for _ in 0..times {
            let mut bytes = bytes.to_vec();
            for _ in 0..4 {
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let at = (random >> 33) as usize % bytes.len();
                bytes[at] = (random >> 25) as u8;
            }
            let _ = read(&bytes);
        }
    }

    /// A data set without preamble, implicit and explicit: class, then what is given.
    fn bare(explicit: bool, more: &[u8]) -> Vec<u8> {
        let class = b"1.2.840.10008.5.1.4.1.1.88.11\0";
        let mut out = vec![8, 0, 0x16, 0];
        out.extend_from_slice(if explicit { b"UI" } else { &[] });
        out.extend_from_slice(&(class.len() as u32).to_le_bytes()[..if explicit { 2 } else { 4 }]);
        out.extend_from_slice(class);
        out.extend_from_slice(more);
        out
    }

    const CONTENT: [u8; 4] = [0x40, 0, 0x30, 0xA7];
    const ITEM: [u8; 8] = [0xFE, 0xFF, 0, 0xE0, 0xFF, 0xFF, 0xFF, 0xFF];
    const OPEN: [u8; 4] = [0xFF; 4];

    #[test]
    fn bombs_are_refused() {
        let nested = [&CONTENT[..], &OPEN, &ITEM].concat().repeat(200_000);
        let message = read(&bare(false, &nested)).expect_err("refused");
        assert!(message.starts_with("sequences more than 64 deep"), "{message}");
        let claim = [&[0x40, 0, 0x60, 0xA1][..], b"UT\0\0", &0xFFFF_FF00_u32.to_le_bytes(), b"abc "].concat();
        let message = read(&bare(true, &claim)).err();
        assert_eq!(message.as_deref(), Some("element (0040,A160) at byte 50 claims 4294967040 bytes, 4 are left"));
    }

    #[test]
    fn without_meta_information() {
        let element = |tag: [u8; 4], value: &[u8]| [&tag[..], &(value.len() as u32).to_le_bytes(), value].concat();
        let name = |meaning: &[u8]| {
            let code =
                [element([8, 0, 0, 1], b"121070"), element([8, 0, 2, 1], b"DCM "), element([8, 0, 4, 1], meaning)];
            let item = element([0xFE, 0xFF, 0, 0xE0], &code.concat());
            element([0x40, 0, 0x43, 0xA0], &item)
        };
        let item = |parts: &[Vec<u8>]| element([0xFE, 0xFF, 0, 0xE0], &parts.concat());
        let text = item(&[
            element([0x40, 0, 0x10, 0xA0], b"CONTAINS"),
            element([0x40, 0, 0x40, 0xA0], b"TEXT"),
            element([0x40, 0, 0x60, 0xA1], b"No effusion.\0\0"),
        ]);
        let section = item(&[
            element([0x40, 0, 0x10, 0xA0], b"CONTAINS"),
            element([0x40, 0, 0x40, 0xA0], b"CONTAINER "),
            name(b"Findings"),
            element(CONTENT, &text),
        ]);
        let empty = item(&[element([0x40, 0, 0x40, 0xA0], b"CONTAINER "), name(b"Impressions ")]);
        let sections = [section, empty].concat();
        let whole = [name(b"Chest report"), element(CONTENT, &sections)].concat();
        let found = read(&bare(false, &whole)).expect("read").remove(0);
        assert_eq!(found.text, "Chest report\n\nFindings:\nNo effusion.");
    }

    /// Without the report's own text its findings are told in words, as of any other measurement report.
    #[test]
    fn measurement_groups_are_lines() {
        let bytes = written(&full());
        let renamed = |from: &[u8], to: &[u8], bytes: &[u8]| {
            let at = bytes.windows(from.len()).position(|w| w == from).expect("found");
            [&bytes[..at], to, &bytes[at + from.len()..]].concat()
        };
        // Another maker, and no code that is known for the text.
        let bytes = renamed(b"LO\x08\0radlabel", b"LO\x08\0somebody", &bytes);
        let bytes = renamed(b"LO\x08\0radlabel", b"LO\x08\0somebody", &bytes);
        let bytes = renamed(b"report-text", b"report-mine", &bytes);
        let text = read(&bytes).expect("read").remove(0).text;
        let lines: Vec<&str> = text.lines().collect();
        for expected in [
            "pneumothorax: Absent, Sentence: No pneumothorax.",
            "right upper lobe nodule: Present, Diameter: 5 mm, Derivation: Minimum, Diameter: 7 mm, Derivation: Maximum, \
             Sentence: A 5-7 mm nodule in the right upper lobe.",
            "Left pleura pleural effusion: Present, Severity: small, Sentence: Small left pleural effusion.",
            "pneumonia: Possible, Sentence: Possible pneumonia; mean attenuation of the hepatic cyst 12 HU.",
            "Lung Lesion: Present",
        ] {
            assert!(lines.contains(&expected), "{expected}: {text}");
        }
    }

    /// `RADLABEL_DICOM=folder cargo test --features dicom real_dicom -- --ignored --nocapture`: reads every file.
    #[test]
    #[ignore = "needs files that are not in the repository"]
    fn real_dicom_files() {
        let folder = std::env::var("RADLABEL_DICOM").expect("RADLABEL_DICOM");
        let mut folders = vec![Path::new(&folder).to_owned()];
        while let Some(folder) = folders.pop() {
            let mut entries: Vec<_> = std::fs::read_dir(folder).expect("folder").flatten().map(|e| e.path()).collect();
            entries.sort();
            for path in entries {
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                let bytes = std::fs::read(&path).expect("readable");
                let found = read(&bytes);
                if !bytes.is_empty() {
                    mutated(&bytes[..bytes.len().min(1 << 16)], 500);
                }
                println!("=== {}", path.display());
                match found {
                    Ok(documents) => documents.iter().for_each(|d| println!("{:?}\n{:?}\n{}", d.id, d.study, d.text)),
                    Err(message) => println!("refused: {message}"),
                }
            }
        }
    }

    /// `RADLABEL_DICOM_OUT=folder`: writes files for other readers, as `tests/measure/dicom_sr.py` checks them.
    #[test]
    #[ignore = "writes files for other readers"]
    fn dicom_files_for_other_readers() {
        let folder = std::env::var("RADLABEL_DICOM_OUT").expect("RADLABEL_DICOM_OUT");
        let mut reports = vec![full(), Report::new("e", ""), Report::new("n", "FINDINGS: Normal chest.")];
        if let Ok(texts) = std::env::var("RADLABEL_DICOM_TEXTS") {
            for entry in std::fs::read_dir(texts).expect("folder").flatten() {
                let text = std::fs::read_to_string(entry.path()).expect("text");
                reports.push(Report::new(entry.file_name().to_string_lossy(), text));
            }
        }
        for (number, report) in reports.iter().enumerate() {
            let bytes = written(report);
            let found = read(&bytes).expect("read").remove(0);
            assert_eq!(found.text, report.text.replace('\t', " ").trim_end_matches(' '));
            std::fs::write(Path::new(&folder).join(format!("{number}.dcm")), bytes).expect("written");
        }
    }
}
