//! Analyses as FHIR R4: a DiagnosticReport a line, with an Observation contained for each label and each finding.
//!
//! Valid against the base specification, so that any server takes it. What stands where:
//! - `presentedForm`: the report's text as `text/plain` in UTF-8; spans are code points of it.
//! - `contained` Observations `label-N`: code `urn:radlabel:scheme:ID` / the label's name and the label's own codes.
//! - `contained` Observations `finding-N`: code from `http://radlex.org`, `http://snomed.info/sct`,
//!   `http://hl7.org/fhir/sid/icd-10-cm` and `urn:radlabel:concept`; `bodySite`; the side as component SNOMED CT
//!   272741003; other attributes as components of `urn:radlabel:attribute`.
//! - `valueCodeableConcept`: SNOMED CT 52101004 present, 2667000 absent, 64957009 uncertain; `interpretation` POS,
//!   NEG, IND. `conclusionCode`: the findings that are present.
//! - extension `urn:radlabel:mention` (start, end, rule): the words behind an Observation.
//!
//! A date that FHIR could not hold is left out, and so are body part and age, for which R4's report has no place.
//! A status that R4 does not know is `unknown`.

use super::{Line, said};
use crate::lexicon::{Concept, Side};
use crate::{ConceptId, Detail, Quantity, Relation, Status};
use base64::Engine as _;
use serde_json::{Map, Value, json};
use std::io::Write;

const SNOMED: &str = "http://snomed.info/sct";
const TERMINOLOGY: &str = "http://terminology.hl7.org/CodeSystem/";
const DICOM: &str = "http://dicom.nema.org/resources/ontology/DCM";
const STATUSES: [&str; 10] = [
    "registered",
    "partial",
    "preliminary",
    "final",
    "amended",
    "corrected",
    "appended",
    "cancelled",
    "entered-in-error",
    "unknown",
];
/// URIs of the systems of codes, by their names in lexicons.
const SYSTEMS: [(&str, &str); 4] = [
    ("radlex", "http://radlex.org"),
    ("snomed", SNOMED),
    ("icd10", "http://hl7.org/fhir/sid/icd-10-cm"),
    ("HP", "http://human-phenotype-ontology.org"),
];

/// Appends the report's line.
pub(crate) fn line(line: &Line<'_>, out: &mut Vec<u8>) {
    let study = &line.report.study;
    let mut report = Map::new();
    let mut put = |name: &str, value: Value| {
        if !value.is_null() && value.as_array().is_none_or(|a| !a.is_empty()) {
            report.insert(name.to_owned(), value);
        }
    };
    let status = study.report_status.as_deref().filter(|s| STATUSES.contains(s)).unwrap_or("unknown");
    // Observations know two of the statuses less.
    let about = About {
        status: match status {
            "partial" => "preliminary",
            "appended" => "amended",
            other => other,
        },
        subject: subject(line),
        effective: study.date.as_deref().and_then(date_time),
    };
    let observations = observations(line, &about);
    let results: Vec<Value> = observations
        .iter()
        .map(|o| json!({"reference": format!("#{}", o["id"].as_str().unwrap_or_default())}))
        .collect();
    put("contained", patient(line).into_iter().chain(observations).collect());
    if is_id(&line.report.id) {
        put("id", json!(line.report.id));
    }
    put("identifier", identifiers(line));
    put("status", json!(status));
    let service = coding(&format!("{TERMINOLOGY}v2-0074"), "RAD", Some("Radiology"));
    let modality = study.modality.as_deref().map(|code| json!({"coding": [coding(DICOM, &code_of(code), None)]}));
    put("category", std::iter::once(json!({"coding": [service]})).chain(modality).collect());
    put("code", json!({"coding": [coding("http://loinc.org", "18748-4", Some("Diagnostic imaging study"))]}));
    put("subject", about.subject.clone());
    put("effectiveDateTime", json!(about.effective));
    put("issued", json!(study.report_time.as_deref().and_then(date_time).filter(|t| t.len() > 16)));
    put("result", Value::Array(results));
    if let Some(uid) = study.study_uid.as_deref().filter(|u| !u.is_empty()) {
        put("imagingStudy", json!([{"type": "ImagingStudy", "identifier": uid_identifier(uid)}]));
    }
    let present = line.analysis.findings.iter().filter(|f| f.status == Status::Present);
    put("conclusionCode", present.map(|f| concept(line.engine.lexicon.concept(f.concept))).collect());
    if !line.report.text.is_empty() {
        let data = base64::engine::general_purpose::STANDARD.encode(&line.report.text);
        put("presentedForm", json!([{"contentType": "text/plain; charset=utf-8", "data": data}]));
    }
    // What a line is stands first, where programs that look at its start find it.
    out.extend_from_slice(b"{\"resourceType\":\"DiagnosticReport\"");
    for (name, value) in &report {
        // Writing to memory does not fail.
        let _ = write!(out, ",\"{name}\":{value}");
    }
    out.extend_from_slice(b"}\n");
}

/// What all Observations of a report share.
struct About<'a> {
    status: &'a str,
    subject: Value,
    effective: Option<String>,
}

fn observations(line: &Line<'_>, about: &About<'_>) -> Vec<Value> {
    let mut out = Vec::new();
    for (number, (name, labelled, label, status)) in said::labels(line).enumerate() {
        let rule = &labelled.scheme.labels[label.label as usize];
        let system = format!("urn:radlabel:scheme:{}", labelled.scheme.id);
        let mut codings = vec![coding(&system, &code_of(&rule.name), Some(&rule.name))];
        codings.extend(known_codings(&rule.codes));
        let code = json!({"coding": codings, "text": name});
        let mut observation = observation(&format!("label-{}", number + 1), code, status, about);
        if let Some(mention) = label.because {
            observation["extension"] = json!([mentioned(line, mention)]);
        }
        out.push(observation);
    }
    for (number, finding) in line.analysis.findings.iter().enumerate() {
        let code = concept(line.engine.lexicon.concept(finding.concept));
        let mut observation = observation(&format!("finding-{}", number + 1), code, finding.status, about);
        let mentions = &finding.mentions;
        observation["extension"] = mentions.iter().map(|&m| mentioned(line, m)).collect();
        // The mention that gave the status tells where.
        let decider = mentions.iter().find(|&&m| line.analysis.assertions[m as usize].status == finding.status);
        if let Some(&decider) = decider {
            if let Some(site) = site(line, decider, finding.concept) {
                observation["bodySite"] = concept(line.engine.lexicon.concept(site));
            }
            let components = components(line, decider);
            if !components.is_empty() {
                observation["component"] = Value::Array(components);
            }
        }
        out.push(observation);
    }
    out
}

fn observation(id: &str, code: Value, status: Status, about: &About<'_>) -> Value {
    let (snomed, interpretation, told) = match status {
        Status::Present => ("52101004", "POS", "Positive"),
        Status::Absent => ("2667000", "NEG", "Negative"),
        Status::Uncertain => ("64957009", "IND", "Indeterminate"),
    };
    let category = coding(&format!("{TERMINOLOGY}observation-category"), "imaging", Some("Imaging"));
    let interpretation = coding(&format!("{TERMINOLOGY}v3-ObservationInterpretation"), interpretation, Some(told));
    let mut observation = json!({
        "resourceType": "Observation", "id": id, "status": about.status, "code": code,
        "category": [{"coding": [category]}],
        "valueCodeableConcept": {"coding": [coding(SNOMED, snomed, None)], "text": status.name()},
        "interpretation": [{"coding": [interpretation]}],
        "method": {"text": concat!("radlabel ", env!("CARGO_PKG_VERSION"))},
    });
    if !about.subject.is_null() {
        observation["subject"] = about.subject.clone();
    }
    if let Some(effective) = &about.effective {
        observation["effectiveDateTime"] = json!(effective);
    }
    observation
}

/// Side, and what else is said of a mention.
fn components(line: &Line<'_>, mention: u32) -> Vec<Value> {
    let mut out = Vec::new();
    if let Some(side) = line.analysis.mentions[mention as usize].side {
        let code = match side {
            Side::Left => "7771000",
            Side::Right => "24028007",
            Side::Bilateral => "51440002",
        };
        out.push(json!({
            "code": {"coding": [coding(SNOMED, "272741003", None)], "text": "side"},
            "valueCodeableConcept": {"coding": [coding(SNOMED, code, None)], "text": side.name()},
        }));
    }
    let named = |name: &str| json!({"coding": [coding("urn:radlabel:attribute", name, None)], "text": name});
    for (name, value) in said::pairs(line, mention as usize) {
        if matches!(name, "change" | "severity" | "acuity" | "count" | "position" | "tip") {
            out.push(json!({"code": named(name), "valueString": value}));
        }
    }
    for attribute in line.analysis.attributes_of(mention) {
        let Some(measurement) = attribute.detail.measurement() else { continue };
        let (unit, code) = match measurement.quantity {
            Quantity::Length => ("mm", "mm"),
            Quantity::Attenuation => ("HU", "[hnsf'U]"),
            Quantity::Uptake => ("SUV", "{SUV}"),
        };
        let quantity = |value: f32| {
            let value = crate::measure::measured(value);
            json!({"value": value, "unit": unit, "system": "http://unitsofmeasure.org", "code": code})
        };
        let code = named(Detail::name(&attribute.detail));
        if let (Relation::Range, [low, high]) = (measurement.relation, measurement.values()) {
            out.push(json!({"code": code, "valueRange": {"low": quantity(*low), "high": quantity(*high)}}));
            continue;
        }
        for value in measurement.values() {
            let mut quantity = quantity(*value);
            match measurement.relation {
                Relation::Below => quantity["comparator"] = json!("<"),
                Relation::Above => quantity["comparator"] = json!(">"),
                Relation::AtMost => quantity["comparator"] = json!("<="),
                Relation::Exact | Relation::About | Relation::Range => {}
            }
            out.push(json!({"code": code, "valueQuantity": quantity}));
        }
    }
    out
}

/// Where a mention lies: as it says, else as its name does.
fn site(line: &Line<'_>, mention: u32, concept: ConceptId) -> Option<ConceptId> {
    line.analysis.mentions[mention as usize].location[0].or(line.engine.lexicon.concept(concept).site)
}

fn mentioned(line: &Line<'_>, mention: u32) -> Value {
    let text = &line.report.text;
    let span = line.analysis.mentions[mention as usize].span;
    let point = |byte: u32| line.offsets.in_text(text, byte);
    let mut parts = vec![
        json!({"url": "start", "valueUnsignedInt": point(span.start)}),
        json!({"url": "end", "valueUnsignedInt": point(span.end)}),
    ];
    for evidence in line.analysis.evidence_of(&line.analysis.assertions[mention as usize]) {
        parts.push(json!({"url": "rule", "valueString": line.engine.rules.info(evidence.rule).id}));
    }
    parts.extend(said::model(line, mention as usize).map(|said| json!({"url": "model", "valueString": said})));
    json!({"url": "urn:radlabel:mention", "extension": parts})
}

fn concept(concept: &Concept) -> Value {
    let mut codings: Vec<Value> = known_codings(&concept.codes).collect();
    codings.push(coding("urn:radlabel:concept", &concept.id, Some(&concept.name)));
    json!({"coding": codings, "text": concept.name})
}

/// The codes whose system has a URI of its own.
fn known_codings(codes: &[(Box<str>, Box<str>)]) -> impl Iterator<Item = Value> {
    codes.iter().filter_map(|(system, code)| {
        let (name, uri) = SYSTEMS.iter().find(|s| *s.0 == **system)?;
        // Codes of the Human Phenotype Ontology are written with its name.
        let code = if *name == "HP" { format!("HP:{code}") } else { code_of(code) };
        Some(coding(uri, &code, None))
    })
}

fn coding(system: &str, code: &str, display: Option<&str>) -> Value {
    match display {
        Some(display) => json!({"system": system, "code": code, "display": display}),
        None => json!({"system": system, "code": code}),
    }
}

/// A code has neither blanks around it nor two in a row.
fn code_of(name: &str) -> String {
    name.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn typed(code: &str, value: &str) -> Value {
    json!({"type": {"coding": [coding(&format!("{TERMINOLOGY}v2-0203"), code, None)]}, "value": value})
}

fn uid_identifier(uid: &str) -> Value {
    json!({"system": "urn:dicom:uid", "value": format!("urn:oid:{uid}")})
}

/// The report's id and the accession number.
fn identifiers(line: &Line<'_>) -> Value {
    let own = (!line.report.id.is_empty()).then(|| json!({"value": line.report.id}));
    let accession = line.report.study.accession.as_deref().filter(|a| !a.is_empty());
    own.into_iter().chain(accession.map(|a| typed("ACSN", a))).collect()
}

/// The patient by id; a contained resource where the sex is known.
fn subject(line: &Line<'_>) -> Value {
    let id = line.report.study.patient_id.as_deref().filter(|p| !p.is_empty());
    let mut subject = Map::new();
    if gender(line).is_some() {
        subject.insert("reference".into(), json!("#patient"));
    }
    if let Some(id) = id {
        subject.insert("identifier".into(), typed("MR", id));
    }
    if subject.is_empty() {
        return Value::Null;
    }
    subject.insert("type".into(), json!("Patient"));
    Value::Object(subject)
}

fn patient(line: &Line<'_>) -> Option<Value> {
    let mut patient = json!({"resourceType": "Patient", "id": "patient", "gender": gender(line)?});
    if let Some(id) = line.report.study.patient_id.as_deref().filter(|p| !p.is_empty()) {
        patient["identifier"] = json!([typed("MR", id)]);
    }
    Some(patient)
}

fn gender(line: &Line<'_>) -> Option<&'static str> {
    let sex = line.report.study.sex.as_deref()?.trim();
    match sex.to_ascii_lowercase().as_str() {
        "f" | "female" => Some("female"),
        "m" | "male" => Some("male"),
        "o" | "other" => Some("other"),
        _ => None,
    }
}

fn is_id(id: &str) -> bool {
    (1..=64).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.')
}

/// A date, or a time with its zone, as FHIR holds it; DICOM's and HL7's digits too (`20240301`,
/// `20240301101500+0100`). A time without a zone gives its date, and what is none nothing.
fn date_time(written: &str) -> Option<String> {
    let digits = |s: &str, n: usize| s.get(..n).is_some_and(|d| d.bytes().all(|b| b.is_ascii_digit()));
    let written = written.trim();
    let mut given = written.to_owned();
    if digits(written, 8) {
        given = format!("{}-{}-{}", &written[..4], &written[4..6], &written[6..8]);
        let rest = &written[8..];
        if digits(rest, 6) {
            let zone = &rest[6..];
            let zone = zone.trim_start_matches(|c: char| c == '.' || c.is_ascii_digit());
            let zone = match (zone, zone.len()) {
                (_, 5) if zone.is_ascii() => format!("{}:{}", &zone[..3], &zone[3..]),
                (other, _) => other.to_owned(),
            };
            given = format!("{given}T{}:{}:{}{zone}", &rest[..2], &rest[2..4], &rest[4..6]);
        }
    }
    let number = |from: usize, to: usize| given.get(from..to).filter(|d| digits(d, to - from))?.parse::<u32>().ok();
    let dashed = |at: usize| given.as_bytes().get(at) == Some(&b'-');
    let year = number(0, 4).filter(|y| *y > 0).is_some();
    let month = dashed(4) && number(5, 7).is_some_and(|m| (1..=12).contains(&m));
    let day = dashed(7) && number(8, 10).is_some_and(|d| d >= 1 && d <= last_day(number(0, 4), number(5, 7)));
    match given.len() {
        4 if year => Some(given),
        7 if year && month => Some(given),
        10.. if year && month && day => {
            let date = given.get(..10)?.to_owned();
            // FHIR wants seconds and a zone.
            Some(if given.get(10..).is_some_and(is_time) { given } else { date })
        }
        _ => None,
    }
}

fn last_day(year: Option<u32>, month: Option<u32>) -> u32 {
    match (month, year.unwrap_or(1)) {
        (Some(2), y) if y.is_multiple_of(4) && (!y.is_multiple_of(100) || y.is_multiple_of(400)) => 29,
        (Some(2), _) => 28,
        (Some(4 | 6 | 9 | 11), _) => 30,
        _ => 31,
    }
}

/// `T10:15:00+01:00`, `T10:15:00.5Z`
fn is_time(written: &str) -> bool {
    let two = |s: &str, most: u32| {
        s.len() == 2 && s.bytes().all(|b| b.is_ascii_digit()) && s.parse().is_ok_and(|n: u32| n <= most)
    };
    let Some(rest) = written.strip_prefix('T').filter(|r| r.is_ascii() && r.len() > 8) else { return false };
    let (time, mut zone) = rest.split_at(8);
    let clock =
        two(&time[..2], 23) && &time[2..3] == ":" && two(&time[3..5], 59) && &time[5..6] == ":" && two(&time[6..], 59);
    if let Some(fraction) = zone.strip_prefix('.') {
        zone = fraction.trim_start_matches(|c: char| c.is_ascii_digit());
        if zone.len() == fraction.len() {
            return false;
        }
    }
    let offset = || {
        zone.len() == 6
            && zone.starts_with(['+', '-'])
            && two(&zone[1..3], 14)
            && &zone[3..4] == ":"
            && two(&zone[4..], 59)
    };
    clock && (zone == "Z" || offset())
}

#[cfg(test)]
mod tests {
    use super::super::said::tests::{TEXTS, a_study, keep, with};
    use super::*;
    use crate::StudyKey;

    /// Text, id and study key come back, but for the two that R4's report has no place for.
    #[test]
    fn comes_back() {
        let mut all = Vec::new();
        for text in TEXTS {
            with(text, a_study(), |report| {
                let mut out = Vec::new();
                line(report, &mut out);
                all.extend_from_slice(&out);
                let written = String::from_utf8(out).expect("UTF-8");
                assert!(written.starts_with("{\"resourceType\":\"DiagnosticReport\"") && written.ends_with("}\n"));
                assert_eq!(written.lines().count(), 1);
                let read = crate::input::fhir::read(&written);
                if text.is_empty() {
                    assert!(read.expect_err("no text").contains("without text"));
                    return;
                }
                let document = &read.expect("readable")[0];
                assert_eq!(document.text, text);
                assert_eq!(document.study, StudyKey { age: None, body_part: None, ..a_study() });
                assert_eq!(document.id.as_deref(), Some(&*report.report.id));
            });
        }
        keep("kept.fhir.ndjson", &all);
    }

    #[test]
    fn tells_findings_and_words() {
        with(TEXTS[0], a_study(), |report| {
            let mut out = Vec::new();
            line(report, &mut out);
            let value: Value = serde_json::from_slice(&out).expect("JSON");
            let contained = value["contained"].as_array().expect("contained");
            let points: Vec<char> = TEXTS[0].chars().collect();
            let findings: Vec<(&str, String)> = contained
                .iter()
                .filter(|o| o["id"].as_str().is_some_and(|id| id.starts_with("finding-")))
                .map(|o| {
                    let place =
                        |n: usize| o["extension"][0]["extension"][n]["valueUnsignedInt"].as_u64().expect("a place");
                    let words = points[place(0) as usize..place(1) as usize].iter().collect();
                    (o["valueCodeableConcept"]["text"].as_str().expect("a status"), words)
                })
                .collect();
            assert!(findings.contains(&("absent", "pleural\neffusion".to_owned())), "{findings:?}");
            assert!(findings.contains(&("present", "pneumothorax".to_owned())), "{findings:?}");
            assert!(findings.contains(&("uncertain", "pneumonia".to_owned())), "{findings:?}");
            let left = contained.iter().any(|o| o["component"][0]["valueCodeableConcept"]["text"] == "left");
            assert!(left && contained.iter().any(|o| o["id"] == "label-1"));
        });
    }

    #[test]
    fn dates_are_as_fhir_holds_them() {
        let cases = [
            ("2024", Some("2024")),
            ("2024-03", Some("2024-03")),
            ("20240301", Some("2024-03-01")),
            ("2024-03-01", Some("2024-03-01")),
            ("2024-02-30", None),
            ("2024-13-01", None),
            ("01/03/2024", None),
            ("2024-03-01T10:15:00Z", Some("2024-03-01T10:15:00Z")),
            ("2024-03-01T10:15:00.5+01:00", Some("2024-03-01T10:15:00.5+01:00")),
            ("2024-03-01 10:15", Some("2024-03-01")),
            ("20240301101500.12+0100", Some("2024-03-01T10:15:00+01:00")),
            ("20240301101500", Some("2024-03-01")),
            ("2024030\u{e9}", None),
            ("", None),
        ];
        for (written, expected) in cases {
            assert_eq!(date_time(written).as_deref(), expected, "{written}");
        }
    }
}
