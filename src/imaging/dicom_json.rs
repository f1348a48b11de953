//! Data sets in the DICOM JSON model (PS3.18 F), as files and as QIDO-RS answers -> rows of the study table.

use super::cells::{self, Spacing};
use super::{Take, index};
use crate::Error;
use crate::input::Told;
use crate::input::records::{Frame, Given, Opened};
use crate::study::StudyRow;
use serde_json::{Map, Value};

/// Which attribute is which field; of several the first that has a value wins.
pub(crate) const FIELDS: &[(&str, &str)] = &[
    ("0020000D", "study_uid"),
    ("0020000E", "series_uid"),
    ("00080018", "sop_uid"),
    ("00080050", "accession"),
    ("00100020", "patient_id"),
    ("00100021", "patient_issuer"),
    ("00080020", "date"),
    ("00080030", "time"),
    ("00080060", "modality"),
    ("00080061", "modality"),
    ("00180015", "body_part"),
    ("00081030", "study_description"),
    ("0008103E", "series_description"),
    ("00200011", "series_number"),
    ("00200013", "instance_number"),
    ("00185101", "view"),
    ("00200062", "laterality"),
    ("00200060", "laterality"),
    ("00200020", "patient_orientation"),
    ("00200037", "patient_orientation"),
    ("00200032", "position_mm"),
    ("00280010", "rows"),
    ("00280011", "columns"),
    ("00280008", "frames"),
    ("00180050", "slice_thickness"),
    ("00180010", "contrast"),
    ("00080070", "manufacturer"),
    ("00081090", "model"),
    ("00080080", "institution"),
    ("00100040", "sex"),
    ("00101010", "age"),
    ("00100030", "birth_date"),
    ("00280004", "photometric"),
    ("00080016", "sop_class"),
    ("00083002", "transfer_syntax"),
    ("00201206", "series"),
    ("00201208", "images"),
    ("00201209", "images"),
];

/// Issuer of Accession Number Sequence, and what names an issuer in it.
const ISSUER: &str = "00080051";
const ISSUER_NAMES: [&str; 2] = ["00400031", "00400032"];
const PIXEL_SPACING: &str = "00280030";
const IMAGER_SPACING: &str = "00181164";

/// Reads a file of data sets.
///
/// # Errors
/// Whatever the taker says; what is wrong within the file is told.
pub(crate) fn file(opened: Opened, take: &mut dyn Take) -> Result<(), Error> {
    opened.records(Frame::Object).each(|given| {
        let (place, text) = match given {
            Given::Told(told) => return index::tell(take, told),
            Given::Record(place, text) => (place, text),
        };
        match serde_json::from_str::<Value>(text) {
            Ok(Value::Object(set)) => index::give(row(&set), &place, take),
            Ok(_) => index::tell(take, Told::problem(place.to_string(), "no data set; expected an object of tags")),
            Err(error) => index::tell(take, Told::problem(place.to_string(), crate::input::json_fault(&error))),
        }
    })
}

/// The source begins with an object whose first key is a tag.
pub(crate) fn looks_like(head: &[u8]) -> bool {
    let mut keys = head.split(|&b| b == b'"').skip(1);
    keys.next().is_some_and(|key| key.len() == 8 && key.iter().all(u8::is_ascii_hexdigit))
}

/// The row that a data set makes. A value that does not fit its field is missing, with a problem.
pub(crate) fn row(set: &Map<String, Value>) -> StudyRow {
    let mut row = StudyRow::default();
    for (tag, name) in FIELDS {
        let Some(column) = StudyRow::column(name) else { continue };
        let value = value(set, tag);
        if value.is_empty() || is_set(&row, column) {
            continue;
        }
        if !cells::put(&mut row, column, &value) {
            row.problems.push(format!("bad-{name}"));
        }
    }
    for (tag, spacing) in [(PIXEL_SPACING, Spacing::Pixel), (IMAGER_SPACING, Spacing::Imager)] {
        if !cells::put_spacing(&mut row, spacing, &value(set, tag)) {
            row.problems.push("bad-spacing".to_owned());
        }
    }
    let issuer = element(set, ISSUER).and_then(|e| e["Value"].as_array()?.first()?.as_object());
    if let Some(issuer) = issuer {
        let named = ISSUER_NAMES.iter().map(|tag| value(issuer, tag)).find(|v| !v.is_empty());
        row.accession_issuer = named;
    }
    if row.study_uid.is_none() {
        row.problems.push("missing-StudyInstanceUID".to_owned());
    }
    row
}

fn is_set(row: &StudyRow, column: &crate::study::Column) -> bool {
    use crate::study::Cell;
    match (column.get)(row) {
        Cell::Text(value) => value.is_some(),
        Cell::Number(value) => value.is_some(),
        Cell::Real(value) => value.is_some(),
        Cell::Texts(values) => !values.is_empty(),
    }
}

/// Tags are written in capitals; some servers do not.
fn element<'a>(set: &'a Map<String, Value>, tag: &str) -> Option<&'a Value> {
    set.get(tag).or_else(|| set.get(&tag.to_ascii_lowercase()))
}

/// The values of an attribute as DICOM joins them; empty where there are none.
fn value(set: &Map<String, Value>, tag: &str) -> String {
    let Some(values) = element(set, tag).and_then(|e| e["Value"].as_array()) else {
        return String::new();
    };
    let texts = values.iter().map(|value| match value {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => number.to_string(),
        _ => String::new(),
    });
    let joined = texts.collect::<Vec<_>>().join("\\");
    if joined.bytes().all(|b| b == b'\\') { String::new() } else { joined }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_is_a_column() {
        for (tag, name) in FIELDS {
            assert!(StudyRow::column(name).is_some() && tag.len() == 8, "{tag} {name}");
        }
    }

    #[test]
    fn a_data_set_becomes_a_row() {
        let set = serde_json::json!({
            "0020000D": {"vr": "UI", "Value": ["1.2.3"]},
            "00080050": {"vr": "SH", "Value": ["A1 "]},
            "00080051": {"vr": "SQ", "Value": [{"00400031": {"vr": "UT", "Value": ["RIS"]}}]},
            "00080020": {"vr": "DA", "Value": ["20110328"]},
            "00080061": {"vr": "CS", "Value": ["CR", "SR"]},
            "00100010": {"vr": "PN", "Value": [{"Alphabetic": "A^B"}]},
            "00100020": {"vr": "LO"},
            "00101010": {"vr": "AS", "Value": [null]},
            "00201208": {"vr": "IS", "Value": [2]},
            "00280030": {"vr": "DS", "Value": [0.15, 0.2]},
            "00280010": {"vr": "US", "Value": ["many"]},
        });
        let row = row(set.as_object().expect("an object"));
        assert_eq!(row.accession.as_deref(), Some("A1"));
        assert_eq!(row.accession_issuer.as_deref(), Some("RIS"));
        assert_eq!(row.modality.as_deref(), Some("CR\\SR"));
        assert_eq!((row.patient_id.as_deref(), row.age.as_deref(), row.images), (None, None, Some(2)));
        assert_eq!((row.row_spacing_mm, row.column_spacing_mm), (Some(0.15), Some(0.2)));
        assert_eq!(row.problems, ["bad-rows"]);
    }
}
