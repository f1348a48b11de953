//! FHIR ImagingStudy (R4 and R5; the identifiers of STU3 too) -> rows of the study table: one an instance where
//! instances are listed, else one a series, else one a study.
//!
//! References are resolved within the text given: `contained` Patients and, in a whole Bundle, its entries.

use super::cells;
use super::{Take, index};
use crate::Error;
use crate::input::Told;
use crate::input::fhir::{list, str};
use crate::input::records::{Frame, Given, Opened, elements};
use crate::study::StudyRow;
use serde_json::Value;

/// Reads a resource, a Bundle, or one of them a line.
///
/// # Errors
/// Whatever the taker says; what is wrong within the file is told.
pub(crate) fn file(opened: Opened, frame: Frame, take: &mut dyn Take) -> Result<(), Error> {
    let name = opened.name.clone();
    let mut found = false;
    opened.records(frame).each(|given| {
        let (place, text) = match given {
            Given::Told(told) => return index::tell(take, told),
            Given::Record(place, text) => (place, text),
        };
        let value: Value = match serde_json::from_str(text) {
            Ok(value) => value,
            Err(error) => {
                take.tell(Told::problem(place.to_string(), crate::input::json_fault(&error)));
                // What is whole in a broken Bundle is read.
                for entry in elements(text, "entry") {
                    for row in serde_json::from_str(entry).map_or_else(|_| Vec::new(), |entry| rows(&entry)) {
                        found = true;
                        index::give(row, &place, take)?;
                    }
                }
                return Ok(());
            }
        };
        for row in rows(&value) {
            found = true;
            index::give(row, &place, take)?;
        }
        Ok(())
    })?;
    if !found {
        take.tell(Told::warning(name, "no ImagingStudy in it"));
    }
    Ok(())
}

/// The rows of a resource, of a Bundle's entry or of a Bundle.
fn rows(value: &Value) -> Vec<StudyRow> {
    let resource = if value["resourceType"].is_null() { &value["resource"] } else { value };
    let entries = list(&resource["entry"]);
    match str(&resource["resourceType"]) {
        Some("ImagingStudy") => study(resource, &[]),
        Some("Bundle") => {
            let resources = entries.iter().map(|e| &e["resource"]);
            resources
                .filter(|r| str(&r["resourceType"]) == Some("ImagingStudy"))
                .flat_map(|r| study(r, entries))
                .collect()
        }
        _ => Vec::new(),
    }
}

fn study(resource: &Value, entries: &[Value]) -> Vec<StudyRow> {
    let mut row = StudyRow::default();
    let identifiers = list(&resource["identifier"]);
    let uid = identifiers.iter().find_map(|i| {
        let value = str(&i["value"])?;
        let dicom = str(&i["system"]) == Some("urn:dicom:uid");
        value.strip_prefix("urn:oid:").or(dicom.then_some(value))
    });
    // STU3 has a field of its own for either.
    set(&mut row, "study_uid", uid.or_else(|| str(&resource["uid"])));
    let orders = list(&resource["basedOn"]).iter().map(|o| &o["identifier"]);
    let accession = identifiers.iter().chain(orders).find(|i| is_type(i, "ACSN"));
    let accession = accession.unwrap_or(&resource["accession"]);
    set(&mut row, "accession", str(&accession["value"]));
    set(&mut row, "accession_issuer", str(&accession["system"]));
    patient(&mut row, resource, entries);
    let started = str(&resource["started"]);
    set(&mut row, "date", started);
    set(&mut row, "time", started.and_then(clock));
    let modalities = list(&resource["modality"]).iter().chain(list(&resource["modalityList"]));
    set(&mut row, "modality", joined(modalities.filter_map(code)).as_deref());
    let procedures = list(&resource["procedureCode"]).iter().find_map(named);
    set(&mut row, "study_description", str(&resource["description"]).or(procedures));
    row.series = number(&resource["numberOfSeries"]);
    row.images = number(&resource["numberOfInstances"]);
    let series = list(&resource["series"]);
    if row.study_uid.is_none() {
        row.problems.push("missing-StudyInstanceUID".to_owned());
    }
    if series.is_empty() {
        return vec![row];
    }
    (row.series, row.images) = (None, None);
    series.iter().flat_map(|s| of_series(s, &row)).collect()
}

fn of_series(series: &Value, study: &StudyRow) -> Vec<StudyRow> {
    let mut row = study.clone();
    set(&mut row, "series_uid", str(&series["uid"]));
    let modality = code(&series["modality"]);
    if modality.is_some() {
        set(&mut row, "modality", modality);
    }
    set(&mut row, "body_part", named(&series["bodySite"]));
    set(&mut row, "laterality", named(&series["laterality"]).map(side));
    set(&mut row, "series_description", str(&series["description"]));
    row.series_number = number(&series["number"]);
    row.images = number(&series["numberOfInstances"]);
    let instances = list(&series["instance"]);
    if instances.is_empty() {
        return vec![row];
    }
    row.images = None;
    let of_instance = |instance: &Value| {
        let mut row = row.clone();
        set(&mut row, "sop_uid", str(&instance["uid"]));
        set(&mut row, "sop_class", code(&instance["sopClass"]).or_else(|| str(&instance["sopClass"])));
        row.instance_number = number(&instance["number"]);
        row
    };
    instances.iter().map(of_instance).collect()
}

/// The patient's id, sex and date of birth: what the subject says of itself, else the Patient that it refers to.
fn patient(row: &mut StudyRow, resource: &Value, entries: &[Value]) {
    // STU3 calls the subject a patient.
    let subject = if resource["subject"].is_null() { &resource["patient"] } else { &resource["subject"] };
    let reference = str(&subject["reference"]);
    let contained = reference
        .and_then(|r| r.strip_prefix('#'))
        .and_then(|id| list(&resource["contained"]).iter().find(|c| str(&c["id"]) == Some(id)));
    let entry = reference.and_then(|r| {
        let of = |e: &&Value| {
            let same = e["resource"]["id"].as_str().is_some_and(|id| r == format!("Patient/{id}"));
            str(&e["resource"]["resourceType"]) == Some("Patient") && (str(&e["fullUrl"]) == Some(r) || same)
        };
        entries.iter().find(of).map(|e| &e["resource"])
    });
    let person = contained.or(entry).unwrap_or(&Value::Null);
    let identifiers = list(&person["identifier"]);
    let own = identifiers.iter().find(|i| is_type(i, "MR")).or(identifiers.first());
    let identifier = if subject["identifier"].is_object() { Some(&subject["identifier"]) } else { own };
    let id = identifier.and_then(|i| str(&i["value"]));
    let referred = reference.filter(|r| !r.starts_with('#')).and_then(|r| r.rsplit_once('/')).map(|(_, id)| id);
    set(row, "patient_id", id.or(referred));
    set(row, "patient_issuer", identifier.and_then(|i| str(&i["system"])));
    set(row, "sex", str(&person["gender"]));
    set(row, "birth_date", str(&person["birthDate"]));
}

/// Sets a text field; FHIR's own form of dates, sexes and UIDs is turned into DICOM's.
fn set(row: &mut StudyRow, name: &str, value: Option<&str>) {
    if let (Some(column), Some(value)) = (StudyRow::column(name), value) {
        cells::put(row, column, value);
    }
}

/// The time of day of a `dateTime`, as it stands, without its zone.
fn clock(started: &str) -> Option<&str> {
    let (_, clock) = started.split_once('T')?;
    clock.split(['+', '-', 'Z']).next()
}

fn side(name: &str) -> &str {
    match name.to_ascii_lowercase().as_str() {
        "left" | "7771000" => "L",
        "right" | "24028007" => "R",
        "bilateral" | "right and left" | "51440002" => "B",
        _ => name,
    }
}

fn number(value: &Value) -> Option<u32> {
    value.as_u64().and_then(|n| u32::try_from(n).ok())
}

fn joined<'a>(texts: impl Iterator<Item = &'a str>) -> Option<String> {
    let texts: Vec<&str> = texts.collect();
    (!texts.is_empty()).then(|| texts.join("\\"))
}

fn is_type(identifier: &Value, code: &str) -> bool {
    list(&identifier["type"]["coding"]).iter().any(|c| str(&c["code"]) == Some(code))
}

/// The code of a Coding (R4) or of a CodeableConcept (R5).
fn code(value: &Value) -> Option<&str> {
    str(&value["code"]).or_else(|| list(&value["coding"]).iter().find_map(|c| str(&c["code"])))
}

/// The name of a Coding, a CodeableConcept or a CodeableReference, else its code.
fn named(value: &Value) -> Option<&str> {
    let concept = if value["concept"].is_object() { &value["concept"] } else { value };
    let coding = |c: &'static str| list(&concept["coding"]).iter().find_map(|v| str(&v[c]));
    str(&concept["text"]).or_else(|| str(&concept["display"])).or_else(|| coding("display")).or_else(|| code(concept))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn r4() -> Value {
        json!({
            "resourceType": "ImagingStudy", "status": "available",
            "identifier": [
                {"system": "urn:dicom:uid", "value": "urn:oid:1.2.3"},
                {"type": {"coding": [{"code": "ACSN"}]}, "system": "http://ris", "value": "A1"}
            ],
            "contained": [{"resourceType": "Patient", "id": "p", "gender": "female", "birthDate": "1955-08-20",
                           "identifier": [{"system": "http://mpi", "value": "0042"}]}],
            "subject": {"reference": "#p"}, "started": "2011-01-01T11:01:20+03:00",
            "modality": [{"code": "CR"}, {"code": "SR"}], "numberOfSeries": 1, "numberOfInstances": 2,
            "series": [{"uid": "1.2.3.4", "number": 3, "modality": {"code": "CR"},
                "bodySite": {"code": "51185008", "display": "Chest"}, "laterality": {"code": "7771000"},
                "instance": [
                    {"uid": "1.2.3.4.5", "number": 1, "sopClass": {"code": "urn:oid:1.2.840.10008.5.1.4.1.1.1"}},
                    {"uid": "1.2.3.4.6", "number": 2}
                ]}]
        })
    }

    #[test]
    fn an_r4_study_gives_its_instances() {
        let rows = rows(&r4());
        assert_eq!(rows.len(), 2);
        let row = &rows[0];
        let text = |t: &Option<String>| t.clone().unwrap_or_default();
        assert_eq!(
            [&row.study_uid, &row.accession, &row.accession_issuer, &row.patient_id, &row.patient_issuer].map(text),
            ["1.2.3", "A1", "http://ris", "0042", "http://mpi"]
        );
        assert_eq!(
            [&row.sex, &row.birth_date, &row.date, &row.time, &row.modality, &row.body_part, &row.laterality].map(text),
            ["F", "19550820", "20110101", "110120", "CR", "Chest", "L"]
        );
        assert_eq!(
            [&row.series_uid, &row.sop_uid, &row.sop_class].map(text),
            ["1.2.3.4", "1.2.3.4.5", "1.2.840.10008.5.1.4.1.1.1"]
        );
        assert_eq!((row.series_number, row.instance_number, rows[1].instance_number), (Some(3), Some(1), Some(2)));
    }

    #[test]
    fn an_r5_bundle_gives_series_and_studies_and_finds_its_patient() {
        let bundle = json!({"resourceType": "Bundle", "type": "searchset", "entry": [
            {"fullUrl": "urn:uuid:77", "resource": {"resourceType": "Patient", "gender": "male", "identifier": [
                {"value": "first"}, {"type": {"coding": [{"code": "MR"}]}, "value": "mr"}]}},
            {"resource": {"resourceType": "ImagingStudy", "identifier": [{"system": "urn:dicom:uid", "value": "1.9"}],
                "subject": {"reference": "urn:uuid:77"}, "modality": [{"coding": [{"code": "MR"}]}],
                "series": [{"uid": "1.9.1", "modality": {"coding": [{"code": "MR"}]}, "numberOfInstances": 7,
                    "bodySite": {"concept": {"text": "Knee"}}}]}},
            {"resource": {"resourceType": "ImagingStudy", "subject": {"reference": "Patient/abc"},
                "numberOfSeries": 2, "modality": [{"coding": [{"code": "CT"}]}]}}
        ]});
        let rows = rows(&bundle);
        assert_eq!(rows.len(), 2);
        assert_eq!((rows[0].patient_id.as_deref(), rows[0].sex.as_deref()), (Some("mr"), Some("M")));
        assert_eq!((rows[0].body_part.as_deref(), rows[0].images), (Some("Knee"), Some(7)));
        assert_eq!((rows[1].patient_id.as_deref(), rows[1].series), (Some("abc"), Some(2)));
        assert_eq!(rows[1].problems, ["missing-StudyInstanceUID"]);
    }

    #[test]
    fn odd_values_never_panic() {
        for odd in [json!(null), json!(3), json!([]), json!("x"), json!({"a": []})] {
            let keys: Vec<String> = r4().as_object().expect("an object").keys().cloned().collect();
            for key in keys {
                let mut study = r4();
                study[&key] = odd.clone();
                let _ = rows(&study);
            }
            let _ = rows(&odd);
        }
    }
}
