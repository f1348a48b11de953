//! Tests of [`super`]; the texts are invented.

use super::*;
use serde_json::json;

fn encode(text: &str) -> String {
    general_purpose::STANDARD.encode(text)
}

fn one(value: &Value) -> Document {
    let mut documents = read(&value.to_string()).expect("readable");
    assert_eq!(documents.len(), 1);
    documents.remove(0)
}

fn fault(value: &Value) -> String {
    read(&value.to_string()).expect_err("a fault")
}

fn report(more: Value) -> Value {
    let mut report = json!({"resourceType": "DiagnosticReport", "id": "r1", "status": "final", "code": {"text": "CT"}});
    for (key, value) in more.as_object().into_iter().flatten() {
        report[key] = value.clone();
    }
    report
}

#[test]
fn reads_attachments() {
    let plain = json!({"contentType": "text/plain; charset=utf-8", "data": encode("No \u{f6}dema.")});
    let html = json!({"contentType": "text/html", "data": encode("<p>No <b>effusion</b>.</p>")});
    let pdf = json!({"contentType": "application/pdf", "data": encode("%PDF")});
    let text = |forms: Value| one(&report(json!({"presentedForm": forms, "conclusion": "Edema."}))).text;
    assert_eq!(text(json!([pdf, html, plain])), "No \u{f6}dema.");
    assert_eq!(text(json!([pdf, html])), "No effusion.");
    assert_eq!(text(json!([pdf])), "Edema.");
    assert_eq!(text(json!([plain, plain])), "No \u{f6}dema.");
    let latin = general_purpose::STANDARD.encode(b"\xf6dema");
    assert_eq!(text(json!([{"contentType": "text/plain;charset=ISO-8859-1", "data": latin}])), "\u{f6}dema");
    let addendum = json!({"contentType": "text/plain", "data": encode("ADDENDUM: Clear.")});
    assert_eq!(text(json!([plain, addendum])), "No \u{f6}dema.\n\nADDENDUM: Clear.");
}

#[test]
fn places_of_joined_html_are_those_of_the_originals() {
    let (first, second) = ("<p>No edema.</p>", "<p>Addendum: <b>mass</b>.</p>");
    let forms: Vec<Value> = [first, second].map(|h| json!({"contentType": "text/html", "data": encode(h)})).to_vec();
    let document = one(&report(json!({"presentedForm": forms})));
    assert_eq!(document.text, "No edema.\n\nAddendum: mass.");
    let original = format!("{first}\n\n{second}");
    let mut offsets = crate::output::Offsets::default();
    offsets.set_with_origin(&document.text, &document.origin);
    for word in ["edema", "Addendum", "mass"] {
        let at = document.text.find(word).expect("the word") as u32;
        let (from, to) = (offsets.code_point(&document.text, at), offsets.end(&document.text, at + word.len() as u32));
        assert_eq!(&original[from as usize..to as usize], word);
    }
}

#[test]
fn reads_narrative_and_observations() {
    let div = |status: &str| json!({"status": status, "div": "<div>Smith<br/>Mass.</div>"});
    assert_eq!(one(&report(json!({"text": div("generated"), "conclusion": "Clear."}))).text, "Clear.");
    assert_eq!(one(&report(json!({"text": div("additional"), "conclusion": "Clear."}))).text, "Smith\nMass.");
    assert_eq!(one(&report(json!({"text": div("generated")}))).text, "Smith\nMass.");
    let observed = report(json!({
        "contained": [{"resourceType": "Observation", "id": "o", "code": {"text": "Lungs"}, "valueString": "Clear.",
            "component": [{"code": {"coding": [{"display": "Heart"}]}, "valueString": "Large."}]}],
        "result": [{"reference": "#o"}, {"reference": "#lost"}], "conclusion": "Cardiomegaly."
    }));
    assert_eq!(one(&observed).text, "FINDINGS:\nLungs: Clear.\nHeart: Large.\n\nIMPRESSION:\nCardiomegaly.");
}

#[test]
fn tells_what_has_no_text() {
    let message = fault(&report(json!({})));
    assert_eq!(message.split("; no").next(), Some("DiagnosticReport \"r1\": without text: no presentedForm"));
    let forms =
        json!([{"contentType": "application/pdf", "url": "Binary/1"}, {"contentType": "text/rtf", "data": "e30="}]);
    let message = fault(&report(json!({"presentedForm": forms})));
    assert!(message.contains("presentedForm[0] has only a url"), "{message}");
    assert!(message.contains("presentedForm[1] is \"text/rtf\", which is not read"), "{message}");
    let bad = |form: Value| fault(&report(json!({"presentedForm": [form]})));
    assert!(bad(json!({"data": "@@@@"})).contains("no base64"));
    assert!(bad(json!({"contentType": "text/plain; charset=klingon", "data": "QQ=="})).contains("unknown charset"));
    let invalid = general_purpose::STANDARD.encode(b"a\xffb");
    assert!(bad(json!({"contentType": "text/plain; charset=utf-8", "data": invalid})).contains("1 of 3 bytes"));
    assert!(read("{\"a\":1}").is_err() && read("[").is_err() && read("7").is_err());
}

#[test]
fn resolves_the_study() {
    let bundle = json!({"resourceType": "Bundle", "type": "collection", "entry": [
        {"resource": {"resourceType": "DiagnosticReport", "id": "bad", "status": "final"}},
        {"resource": report(json!({
            "subject": {"reference": "Patient/p1"}, "effectiveDateTime": "2024-03-01", "issued": "2024-03-01T10:00:00Z",
            "imagingStudy": [{"reference": "urn:uuid:9"}], "basedOn": [{"reference": "ServiceRequest/s"}],
            "conclusion": "Clear."}))},
        {"fullUrl": "http://x/Patient/p1", "resource": {"resourceType": "Patient", "id": "p1", "gender": "female",
            "birthDate": "1960-03-02", "identifier": [{"value": "no"}, {"type": {"coding": [{"code": "MR"}]}, "value": "77"}]}},
        {"fullUrl": "urn:uuid:9", "resource": {"resourceType": "ImagingStudy",
            "identifier": [{"system": "urn:dicom:uid", "value": "urn:oid:1.2.3"}],
            "modality": [{"code": "CT"}], "series": [{"bodySite": {"display": "Chest"}}]}},
        {"resource": {"resourceType": "ServiceRequest", "id": "s",
            "identifier": [{"type": {"coding": [{"code": "ACSN"}]}, "value": "A5"}]}},
    ]});
    let read = read_each(&bundle.to_string()).expect("a bundle");
    assert!(read[0].is_err());
    let some = |s: &str| Some(s.to_owned());
    let expected = StudyKey {
        accession: some("A5"),
        study_uid: some("1.2.3"),
        patient_id: some("77"),
        date: some("2024-03-01"),
        modality: some("CT"),
        body_part: some("Chest"),
        sex: some("female"),
        age: some("063Y"),
        report_time: some("2024-03-01T10:00:00Z"),
        report_status: some("final"),
    };
    assert_eq!(read[1].as_ref().map(|d| &d.study), Ok(&expected));
    let lone = json!({"fullUrl": "x", "resource": report(json!({"conclusion": "Clear.",
        "subject": {"reference": "https://h/Patient/12/_history/3"}, "basedOn": [{"identifier": {"value": "A6"}}],
        "category": [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0074", "code": "NMR"}]}]}))});
    let study = one(&lone).study;
    assert_eq!((study.patient_id, study.accession, study.modality), (some("12"), some("A6"), some("MR")));
    let bare =
        json!({"fullUrl": "urn:uuid:77", "resource": {"resourceType": "DiagnosticReport", "conclusion": "Clear."}});
    assert_eq!(one(&bare).id.as_deref(), Some("77"));
    assert_eq!(super::read("{\"resourceType\":\"Patient\"}"), Ok(vec![]));
    assert_eq!(age("2023-06", "2024-03-01").as_deref(), Some("009M"));
    assert_eq!(age("2025-06-01", "2024-03-01"), None);
}

#[test]
fn no_bytes_panic() {
    let whole = report(json!({
        "presentedForm": [{"contentType": "text/html; charset=utf-8", "data": encode("<p>No \u{f6}dema &amp;</p>")}],
        "subject": {"reference": "Patient/1"}, "effectiveDateTime": "2024", "contained": [{"id": "a"}], "result": [{}]
    }))
    .to_string();
    for cut in 0..whole.len() {
        let _ = whole.get(..cut).map(read);
        for put in ["\"", "0", "[]", "{}", "\u{1f600}"] {
            if let (Some(before), Some(after)) = (whole.get(..cut), whole.get(cut + 1..)) {
                let _ = read(&format!("{before}{put}{after}"));
            }
        }
    }
}
