//! Which column of a table, or key of a JSON object, is which field of a study row.
//!
//! Names are compared by their letters and digits alone, in lower case: the study table's own, DICOM keywords and
//! attribute names, and those of the public sets. Of several that fit a field, the first of its list wins.

use super::cells::{self, Spacing};
use crate::study::{COLUMNS, StudyRow};

/// What a column is taken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// The field of this number in [`COLUMNS`].
    Field(usize),
    /// Both distances.
    Spacing(Spacing),
}

/// The fields that have other names than their own.
const NAMES: &[(&str, &[&str])] = &[
    ("study_uid", &["studyinstanceuid", "studyuid", "studyinstanceid"]),
    ("series_uid", &["seriesinstanceuid", "seriesuid", "seriesid"]),
    ("sop_uid", &["sopinstanceuid", "sopuid", "instanceuid"]),
    ("accession", &["accessionnumber", "accession", "accessionno", "accno", "studyid", "examid"]),
    ("accession_issuer", &["issuerofaccessionnumber", "issuerofaccessionnumbersequence"]),
    ("patient_id", &["patientid", "subjectid", "mrn", "pid", "patient"]),
    ("patient_issuer", &["issuerofpatientid"]),
    ("date", &["studydate", "date", "examdate", "studydateanon"]),
    ("time", &["studytime", "time"]),
    ("modality", &["modality", "modalitiesinstudy"]),
    ("body_part", &["bodypartexamined", "bodypart", "anatomicregion"]),
    ("study_description", &["studydescription", "performedproceduredescription", "performedprocedurestepdescription"]),
    ("view", &["viewposition", "view", "projection"]),
    ("laterality", &["imagelaterality", "laterality", "framelaterality"]),
    ("position_mm", &["imagepositionpatient"]),
    ("rows", &["rows", "height", "imageheight"]),
    ("columns", &["columns", "width", "imagewidth", "originalimagewidth"]),
    ("frames", &["numberofframes", "frames"]),
    ("row_spacing_mm", &["rowspacing"]),
    ("column_spacing_mm", &["columnspacing", "originalimagepixelspacingx"]),
    ("contrast", &["contrastbolusagent", "contrastagent", "contrast"]),
    ("manufacturer", &["manufacturer", "vendor"]),
    ("model", &["manufacturersmodelname", "manufacturermodelname", "modelname", "model"]),
    ("institution", &["institutionname", "institution", "hospital"]),
    ("sex", &["patientssex", "patientsex", "sex", "gender", "patientgender", "patientsgender"]),
    ("age", &["patientsage", "patientage", "age", "ageatstudy", "ageyears", "ageinyears"]),
    ("birth_date", &["patientsbirthdate", "patientbirthdate", "dateofbirth", "dob"]),
    ("photometric", &["photometricinterpretation"]),
    ("sop_class", &["sopclassuid"]),
    ("transfer_syntax", &["transfersyntaxuid"]),
    ("series", &["numberofstudyrelatedseries", "numberofseries"]),
    ("images", &["numberofstudyrelatedinstances", "numberofseriesrelatedinstances", "numberofinstances"]),
    (
        "path",
        &[
            "path",
            "filename",
            "file",
            "filepath",
            "imagepath",
            "imageindex",
            "imageid",
            "image",
            "dicompath",
            "dicomid",
        ],
    ),
];

const PIXEL: [&str; 1] = ["pixelspacing"];
const IMAGER: [&str; 1] = ["imagerpixelspacing"];

/// The columns of a source.
#[derive(Clone, Debug, Default)]
pub(crate) struct Targets {
    /// By column.
    pub(crate) of: Vec<Option<Target>>,
    /// Which names were taken for what.
    pub(crate) told: Option<String>,
}

/// The letters and digits of a name; nothing of one in another alphabet, which no list has.
fn letters(name: &str) -> String {
    if !name.is_ascii() {
        return String::new();
    }
    name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

/// How well a name fits a target: the less the better.
fn fit(name: &str) -> Option<(Target, usize)> {
    // NIH writes `OriginalImage[Width,Height]` and `OriginalImagePixelSpacing[x,y]` into a header of commas.
    let plain = if name.trim() == "y]" { "rowspacing".to_owned() } else { letters(name) };
    let rank = |names: &[&str]| names.iter().position(|n| *n == plain);
    if let Some(rank) = rank(&PIXEL) {
        return Some((Target::Spacing(Spacing::Pixel), rank));
    }
    if let Some(rank) = rank(&IMAGER) {
        return Some((Target::Spacing(Spacing::Imager), rank));
    }
    COLUMNS.iter().enumerate().find_map(|(number, column)| {
        if letters(column.name) == plain {
            return Some((Target::Field(number), 0));
        }
        let names = NAMES.iter().find(|(field, _)| *field == column.name)?.1;
        rank(names).map(|rank| (Target::Field(number), rank + 1))
    })
}

impl Targets {
    /// Tells what was guessed.
    pub(crate) fn tell(&self, name: &str, take: &mut dyn super::Take) {
        if let Some(told) = &self.told {
            take.tell(crate::input::Told::guess(name, told.clone()));
        }
    }
}

/// What each of these columns is taken for, or what is expected where none can be told by: a study, a patient, a file.
pub(crate) fn targets(names: &[&str]) -> Result<Targets, String> {
    let fits: Vec<Option<(Target, usize)>> = names.iter().map(|n| fit(n)).collect();
    for (at, name) in names.iter().enumerate().filter(|(at, _)| fits[*at].is_some()) {
        // Which of the two is meant cannot be known.
        if names[..at].iter().any(|n| n.trim().eq_ignore_ascii_case(name.trim())) {
            return Err(format!("with the column {:?} twice; expected each once", name.trim()));
        }
    }
    let best = |at: usize, (target, rank): (Target, usize)| {
        !fits
            .iter()
            .enumerate()
            .any(|(other, f)| f.is_some_and(|(t, r)| t == target && (r < rank || r == rank && other < at)))
    };
    // Of Image Laterality and Laterality an image has one or the other.
    let shared = |target: Target| field(target) == "laterality";
    let of: Vec<Option<Target>> =
        fits.iter().enumerate().map(|(at, f)| f.filter(|&f| shared(f.0) || best(at, f)).map(|f| f.0)).collect();
    let has = |name: &str| of.iter().flatten().any(|t| field(*t) == name);
    if !["study_uid", "series_uid", "sop_uid", "accession", "patient_id", "path"].into_iter().any(has) {
        return Err(format!(
            "without a column that tells studies or images apart; found {}; expected study_uid (StudyInstanceUID), \
             series_uid, sop_uid, accession (AccessionNumber), patient_id or path",
            crate::input::columns::found(names)
        ));
    }
    // What stands in a list of names is no patient's. Where a column has the field's own name nothing was guessed.
    let guessed = of.iter().zip(names).filter_map(|(t, name)| t.map(|t| (field(t), name.trim())));
    let guessed = guessed.filter(|(field, name)| field != name).map(|(field, name)| format!("{field} = {name:?}"));
    let guessed: Vec<String> = guessed.collect();
    let told = (!guessed.is_empty()).then(|| format!("read as {}", guessed.join(", ")));
    Ok(Targets { of, told })
}

/// The name of what a target is, for messages.
pub(crate) fn field(target: Target) -> &'static str {
    match target {
        Target::Field(number) => COLUMNS[number].name,
        Target::Spacing(Spacing::Pixel) => "pixel spacing",
        Target::Spacing(Spacing::Imager) => "imager pixel spacing",
    }
}

/// Sets what a target is from the text of a cell; false where it is no such value.
pub(crate) fn put(row: &mut StudyRow, target: Target, cell: &str) -> bool {
    match target {
        Target::Field(number) if COLUMNS[number].name == "laterality" && row.laterality.is_some() => true,
        Target::Field(number) => cells::put(row, &COLUMNS[number], cell),
        Target::Spacing(spacing) => cells::put_spacing(row, spacing, cell),
    }
}

/// Whether a row says which study, patient or file it is of.
pub(crate) fn is_known(row: &StudyRow) -> bool {
    let keys = [&row.study_uid, &row.series_uid, &row.sop_uid, &row.accession, &row.patient_id, &row.path];
    keys.into_iter().any(Option::is_some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_other_name_is_of_a_field_and_stands_once() {
        let mut seen = std::collections::BTreeSet::new();
        for (field, names) in NAMES {
            assert!(StudyRow::column(field).is_some(), "{field}");
            for name in *names {
                assert_eq!(letters(name), *name);
                assert!(seen.insert(*name), "{name} stands twice");
                // A name that is another field's own would never be reached.
                assert!(COLUMNS.iter().all(|c| letters(c.name) != *name || c.name == *field), "{name}");
            }
        }
    }

    #[test]
    fn public_sets_are_understood() {
        let fields = |header: &str| -> Vec<&str> {
            let names: Vec<&str> = header.split('|').collect();
            targets(&names).expect("studies").of.iter().map(|t| t.map_or("", field)).collect()
        };
        assert_eq!(
            fields("Image Index|Finding Labels|Follow-up #|Patient ID|Patient Age|Patient Gender|View Position"),
            ["path", "", "", "patient_id", "age", "sex", "view"]
        );
        assert_eq!(
            fields("Image Index|OriginalImage[Width|Height]|OriginalImagePixelSpacing[x|y]"),
            ["path", "columns", "rows", "column_spacing_mm", "row_spacing_mm"]
        );
        assert_eq!(
            fields("dicom_id|subject_id|study_id|ViewPosition|Rows|Columns|StudyDate|StudyTime"),
            ["path", "patient_id", "accession", "view", "rows", "columns", "date", "time"]
        );
        // DICOM's own Study ID is no key where an accession number stands beside it.
        assert_eq!(
            fields("Accession Number|Study ID|Imager Pixel Spacing|Pixel Spacing|Image Laterality|Laterality"),
            ["accession", "", "imager pixel spacing", "pixel spacing", "laterality", "laterality"]
        );
        let own: Vec<&str> = COLUMNS.iter().map(|c| c.name).collect();
        assert_eq!(fields(&own.join("|")), own);
        assert!(targets(&["a", "b"]).expect_err("no key").contains("expected study_uid"));
    }
}
