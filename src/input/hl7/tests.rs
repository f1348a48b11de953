//! Whole messages -> reports, and what cannot be read.

use super::*;
use proptest::prelude::*;

const ORU: &str = "MSH|^~\\&|RIS|HOSP|LABELS|HOSP|20240502101500||ORU^R01^ORU_R01|MSG7|P|2.5.1\r\
    PID|1||123^^^PACS^PI~4711^^^HOSP^MR||Doe^Jane||19600517|F\r\
    PV1|1|I\r\
    ORC|RE|P1|ACC100^RIS\r\
    OBR|1|P1|ACC100^RIS|71046^XR CHEST 2 VIEWS^C4|||20240502093000||||||||^^^CHEST&Chest|||||||20240502101200||CR|F\r\
    NTE|1||Portable.\r\
    OBX|1|TX|71046&GDT^XR CHEST||Small left effusion.||||||F\r\
    NTE|1||Seen by\\.br\\two readers.\r\
    OBX|2|TX|71046&IMP^XR CHEST||1. Left pleural effusion.~2. No pneumothorax.||||||F\r\
    ZDS|1.2.840.99.1^100^Application^DICOM\r";

const TEXT: &str = "Portable.\nFINDINGS:\nSmall left effusion.\nSeen by\ntwo readers.\nIMPRESSION:\n\
    1. Left pleural effusion.\n2. No pneumothorax.";

fn documents_of(message: &str) -> (Result<Vec<Document>, String>, Vec<String>) {
    let mut notices = Vec::new();
    (read(message, &mut notices), notices)
}

fn good(message: &str) -> Vec<Document> {
    match documents_of(message) {
        (Ok(documents), _) => documents,
        (Err(error), _) => panic!("{error}"),
    }
}

fn bad(message: &str) -> String {
    documents_of(message).0.expect_err("read as a report")
}

fn records(bytes: &str) -> Vec<&str> {
    let (mut frames, mut start, mut out) = (Frames::default(), 0, Vec::new());
    while let Some(end) = frames.end(bytes.as_bytes(), start, true) {
        out.push(&bytes[start..end]);
        start = end;
    }
    out
}

#[test]
fn one_report() {
    let some = |text: &str| Some(text.to_owned());
    let expected = Document {
        id: some("ACC100"),
        text: TEXT.to_owned(),
        study: StudyKey {
            accession: some("ACC100"),
            study_uid: some("1.2.840.99.1"),
            patient_id: some("4711"),
            date: some("2024-05-02T09:30:00"),
            modality: some("CR"),
            body_part: some("Chest"),
            sex: some("F"),
            age: some("063Y"),
            report_time: some("2024-05-02T10:12:00"),
            report_status: some("final"),
        },
        ..Document::default()
    };
    for message in [ORU.to_owned(), ORU.replace('\r', "\n"), ORU.replace('\r', "\r\n"), format!("\u{b}{ORU}\u{1c}\r")] {
        assert_eq!(good(&message), std::slice::from_ref(&expected));
    }
}

#[test]
fn batches_and_frames() {
    let other = ORU.replace("ACC100", "ACC200");
    let forms = [
        format!("{ORU}{other}"),
        format!("\u{b}{ORU}\u{1c}\r\u{b}{other}\u{1c}\r"),
        format!("FHS|^~\\&|RIS\rBHS|^~\\&|RIS\r{ORU}{other}BTS|2\rFTS|1\r"),
        format!("FHS|^~\\&\r{ORU}BTS|1\rBHS#*+?!\r{other}BTS|1\rFTS|1"),
        format!("{ORU}\r\r{other}\r\n\r\n"),
    ];
    for form in forms.iter().flat_map(|f| [f.clone(), f.replace('\r', "\n"), f.replace('\r', "\r\n")]) {
        let read: Vec<Document> = records(&form).into_iter().flat_map(good).collect();
        let ids: Vec<&str> = read.iter().filter_map(|d| d.id.as_deref()).collect();
        assert_eq!(ids, ["ACC100", "ACC200"]);
        assert!(read.iter().all(|d| d.text == TEXT));
    }
    assert_eq!(good("FHS|^~\\&|RIS\rBHS|\rBTS|0\rFTS|0\r"), []);
}

#[test]
fn separators_of_its_own() {
    // One of the marks is changed for another; the text's own are then escaped by others too.
    let plain = ORU.replace("\\.br\\", "?.br?");
    let swap = |c: char| match c {
        '|' => '#',
        '^' => '*',
        '~' => '+',
        '\\' => '?',
        '&' => '!',
        c => c,
    };
    let custom: String = plain.chars().map(swap).collect();
    assert!(custom.starts_with("MSH#*+?!#RIS"));
    assert_eq!(good(&custom), good(ORU));
    // The escape character was lost on the way.
    assert_eq!(good(&ORU.replacen("\\&|", "&|", 1))[0].text, TEXT);
    assert_eq!(good(&ORU.replacen("\\&|", " &|", 1))[0].text, TEXT);
}

#[test]
fn wrong_separators_are_told() {
    for (message, says) in [
        (ORU.replacen("|^~\\&|", "||", 1), "MSH-2 (the encoding characters) is missing"),
        (ORU.replacen("|^~\\&|", "|", 1), "MSH-2 (the encoding characters) is 3 characters"),
        (ORU.replacen("|^~\\&|", "|^~~&|", 1), "one mark twice"),
        (ORU.replacen("^~\\&", "~^\\&", 1), "MSH-9 (the message type) parts its components with ^, but MSH-2 says ~"),
        (ORU.replacen("MSH|^~\\&|", "MSH^~|\\&^", 1), "segment 2 (PID) goes on with another mark"),
        (ORU.replacen("MSH|", "MSH ", 1), "MSH-1"),
        (ORU.replacen("^~\\&", "~\\&", 1), "parts its components with ^, but MSH-2 says ~"),
    ] {
        let error = bad(&message);
        assert!(error.contains(says), "{error}");
    }
}

#[test]
fn other_messages_are_told() {
    let of = |kind: &str| bad(&ORU.replacen("ORU^R01^ORU_R01", kind, 1));
    assert_eq!(of("ADT^A01"), "the message is ADT^A01; expected ORU^R01 (or MDM^T02)");
    assert_eq!(of("ACK"), "the message is ACK; expected ORU^R01 (or MDM^T02)");
    assert_eq!(of("MDM^T01"), "the message is MDM^T01; expected ORU^R01 (or MDM^T02)");
    assert_eq!(of(""), "MSH-9 (the message type) is empty; expected ORU^R01 (or MDM^T02)");
    assert_eq!(of("Doe Jane^x"), "MSH-9 is no message type; expected ORU^R01 (or MDM^T02)");
    assert!(bad("PID|1||4711\rOBX|1|TX|||text\r").starts_with("no MSH segment"));
    assert!(bad("The lungs are clear.").starts_with("no MSH segment"));
    assert!(bad("MSH|^~\\&|||||||ORU^R01|1\rPID|1\r").contains("neither OBR nor OBX"));
}

#[test]
fn several_orders() {
    let head = "MSH|^~\\&|||||||ORU^R01|MSG8|P|2.3\rPID|1||7\r";
    let ids = |body: &str| {
        let (read, notices) = documents_of(&format!("{head}{body}"));
        let read = read.unwrap_or_default();
        let told: Vec<String> =
            read.into_iter().map(|d| format!("{}={}", d.id.unwrap_or_default(), d.text.replace('\n', "/"))).collect();
        (told.join(" "), notices.len())
    };
    let cases = [
        ("OBR|1||A1|CT\rOBX|1|TX|||a\rOBR|2||A2|MR\rOBX|1|TX|||b\r", "A1=a A2=b", 0),
        // No accession number: the control id and the number of the order.
        ("OBR|1|||CT\rOBX|1|TX|||a\rOBR|2|||MR\rOBX|1|TX|||b\r", "MSG8.1=a MSG8.2=b", 0),
        ("OBR|1|||CT\rOBX|1|TX|||a\r", "MSG8=a", 0),
        ("OBX|1|TX|||a\r", "MSG8=a", 0),
        ("ORC|RE||A3\rOBR|1|||CT\rOBX|1|TX|||a\r", "A3=a", 0),
        ("OBR|1|||CT||||||||||||||A4\rOBX|1|TX|||a\r", "A4=a", 0),
        ("OBR|1||A1|CT||||||||||||||A4\rOBX|1|TX|||a\r", "A4=a", 0),
        ("OBR|1||A1|CT||||||||||||||To ward 7\rOBX|1|TX|||a\r", "A1=a", 0),
        ("OBR|1||A1|CT||||||||||||||A4\rIPC|A5^X|RP1|1.2.3^X|SPS1|CT\rOBX|1|TX|||a\r", "A5=a", 0),
        // Parts of one report; two procedures of one accession number; the same text twice.
        ("OBR|1||A1|CT\rOBX|1|TX|||a\rOBR|2||A1|CT\rOBX|1|TX|&IMP||b\r", "A1=a/IMPRESSION:/b", 0),
        ("OBR|1||A1|CT\rOBX|1|TX|||a\rOBR|2||A1|MR\rOBX|1|TX|||b\r", "A1=a A1.2=b", 0),
        ("OBR|1||A1|CT\rOBX|1|TX|||a\rOBR|2||A1|MR\rOBX|1|TX|||a\r", "A1=a", 0),
        // Orders without a text.
        ("OBR|1||A1|CT\rOBR|2||A1|MR\rOBX|1|TX|||a\r", "A1=a", 0),
        ("OBR|1||A1|CT\rOBR|2||A2|MR\rOBX|1|TX|||a\r", "A2=a", 1),
        ("OBR|1||A1|CT||||||||||||||||||||||X\r", "A1=", 0),
        ("OBR|1||A1|CT\rOBX|1|TX|||a\rADD|b\rDSC|\r", "A1=a", 1),
        // A PDF beside the text is no loss; a PDF instead of a text is one.
        ("OBR|1||A1|CT\rOBX|1|TX|||a\rOBX|2|ED|||^application^pdf^Base64^JVBERi0=\r", "A1=a", 0),
        ("OBR|1||A1|CT\rOBX|1|TX|||a\rOBR|2||A2|MR\rOBX|2|ED|||^application^pdf^Base64^JVBERi0=\r", "A1=a", 1),
    ];
    for (body, expected, notices) in cases {
        assert_eq!(ids(body), (expected.to_owned(), notices), "{body}");
    }
    let pdf = bad(&format!("{head}OBR|1||A1\rOBX|1|ED|||^application^pdf^Base64^JVBERi0=\r"));
    assert_eq!(pdf, "no text: segment 4 (OBX) holds a PDF, which is not read");
    // An order without a text adds to the study key.
    let read = good(&format!("{head}OBR|1||A1|CT\rZDS|1.2.3\rOBR|2||A1|MR\rOBX|1|TX|||a\r"));
    assert_eq!(read[0].study.study_uid.as_deref(), Some("1.2.3"));
}

#[test]
fn cancelled_and_addended() {
    let read = good("MSH|^~\\&|||||||ORU^R01|1\rOBR|1||A1|CT|||2024||||||||||||||||||X\r");
    assert_eq!((read[0].empty, read[0].study.report_status.as_deref()), (true, Some("cancelled")));
    let read = good("MSH|^~\\&|||||||ORU^R01|1\rOBR|1||A1\rOBX|1|TX|||a||||||F\rOBX|2|TX|||b||||||B\r");
    assert_eq!(read[0].study.report_status.as_deref(), Some("appended"));
    assert_eq!(read[0].text, "a\nADDENDUM:\nb");
}

#[test]
fn documents_of_mdm() {
    let read = good(
        "MSH|^~\\&|||||||MDM^T02^MDM_T02|M1|P|2.5\rEVN|T02\rPID|1||7\rORC|RE||A1\rOBR|1||A1|CT\rNTE|1||order\r\
         ORC|RE||A2\rOBR|2||A2|MR\rTXA|1|RAD|TX|||20240502|||||||||||AU\rOBX|1|TX|^R||a\rOBX|2|TX|^R||b\r",
    );
    assert_eq!((read.len(), read[0].text.as_str(), read[0].id.as_deref()), (1, "a\nb", Some("A1")));
    assert_eq!(read[0].study.report_status.as_deref(), Some("final"));
}

#[test]
fn line_breaks_inside_a_field() {
    let read =
        good("MSH|^~\\&|||||||ORU^R01|1\nOBR|1||A1\nOBX|1|TX|1^R||Line one\nIMPRESSION: PID of two\n\nthree||||||F\n");
    assert_eq!(read[0].text, "Line one\nIMPRESSION: PID of two\n\nthree");
}

#[test]
fn a_cut_message_is_told() {
    let cut = ORU.find("No pneumothorax").unwrap_or(0);
    assert_eq!(bad(&ORU[..cut]), "the message is cut in segment 9 (OBX), after 5 fields of 11");
    assert!(bad(&format!("\u{b}{}", &ORU[..cut])).contains("MLLP's start mark"));
}

#[test]
fn no_prefix_and_no_change_panics() {
    let framed = format!("\u{feff}\u{b}{ORU}\u{1c}\r");
    for end in (0..=framed.len()).filter(|&e| framed.is_char_boundary(e)) {
        let (read, notices) = documents_of(&framed[..end]);
        // Nothing of the message is told but its type and its marks.
        for told in read.err().iter().chain(&notices) {
            assert!(!["Doe", "4711", "ACC100", "effusion"].iter().any(|w| told.contains(w)), "{told}");
        }
    }
    // Any one character changed for any other mark.
    for (at, old) in framed.char_indices() {
        for new in ["", "|", "^", "\\", "\r", "\n", "é", "\u{1c}", "\u{b}", "\0", "\\X", "~&"] {
            let changed = format!("{}{new}{}", &framed[..at], &framed[at + old.len_utf8()..]);
            for record in records(&changed) {
                drop(documents_of(record));
            }
        }
    }
}

proptest! {
    #[test]
    fn any_text_is_read_or_told(body in "([|^~&\\\\\r\n\u{b}\u{1c}]|OBX|OBR|MSH|NTE|TX|ED|[a-zé.0-9]){0,200}") {
        drop(documents_of(&body));
        drop(documents_of(&format!("MSH|^~\\&|||||||ORU^R01|1\rOBR|1|\rOBX|1|TX|||{body}")));
    }

    #[test]
    fn records_tile_any_bytes(bytes in proptest::collection::vec(prop_oneof![
        Just(b"MSH|".to_vec()), Just(b"\r".to_vec()), Just(b"\n".to_vec()), Just(vec![0x0b]), Just(vec![0x1c]),
        Just(b"MS".to_vec()), Just(b"\xef\xbb\xbf".to_vec()), any::<u8>().prop_map(|b| vec![b]),
    ], 0..60), step in 1_usize..9) {
        let bytes = bytes.concat();
        let mut whole = Vec::new();
        let (mut frames, mut start) = (Frames::default(), 0);
        while let Some(end) = frames.end(&bytes, start, true) {
            prop_assert!(end > start);
            start = end;
            whole.push(end);
        }
        prop_assert_eq!(start, bytes.len());
        // Bytes that come by and by give the same ends.
        let (mut frames, mut start, mut held, mut grown) = (Frames::default(), 0, 0, Vec::new());
        loop {
            match frames.end(&bytes[..held], start, held == bytes.len()) {
                Some(end) => { grown.push(end); start = end; }
                None if held == bytes.len() => break,
                None => held = (held + step).min(bytes.len()),
            }
        }
        prop_assert_eq!(whole, grown);
    }

    #[test]
    fn any_text_escaped_comes_back(text in "[a-z|^~&\\\\ é\n]{0,40}") {
        let escaped: String = text.chars().map(|c| match c {
            '|' => "\\F\\".to_owned(), '^' => "\\S\\".to_owned(), '~' => "\\R\\".to_owned(), '&' => "\\T\\".to_owned(),
            '\\' => "\\E\\".to_owned(), '\n' => "\\.br\\".to_owned(), c => c.to_string(),
        }).collect();
        let message = format!("MSH|^~\\&|||||||ORU^R01|1\rOBR|1|\rOBX|1|TX|||x{escaped}x||||||F\r");
        prop_assert_eq!(&good(&message)[0].text, &format!("x{text}x"));
    }
}

/// Reads every file of the folder RADLABEL_HL7, tells what became of it, and holds each to the contracts.
#[test]
#[ignore = "needs a folder of messages in RADLABEL_HL7"]
fn real_files() {
    let folder = std::env::var("RADLABEL_HL7").unwrap_or_default();
    let mut files: Vec<_> = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|e| e.path()).collect();
    files.sort();
    assert!(!files.is_empty(), "no files in RADLABEL_HL7");
    for file in files {
        let bytes = std::fs::read(&file).unwrap_or_default();
        let (mut frames, mut start) = (Frames::default(), 0);
        println!("{}: {} bytes, recognised: {}", file.display(), bytes.len(), looks_like(&bytes));
        while let Some(end) = frames.end(&bytes, start, true) {
            let record = &bytes[start..end];
            start = end;
            let text = match charset(record) {
                Some(encoding) => encoding.decode(record).0.into_owned(),
                None => crate::input::decode_guessed(record).0,
            };
            let (read, notices) = documents_of(&text);
            match read {
                Ok(documents) => documents.iter().for_each(|d| println!("  {:?} {:?}\n{:?}", d.id, d.study, d.text)),
                Err(error) => println!("  ERROR {error}"),
            }
            notices.iter().for_each(|n| println!("  NOTICE {n}"));
        }
        assert_eq!(start, bytes.len());
    }
}
