//! Rows of images -> rows of series or studies.
//!
//! What the images agree in is told once; of values that differ within a study the first one stands, except where the
//! sum of them is the answer: modalities and views are joined, left and right are both. An identity that differs is a
//! problem of the study. The order is that of the first image of each.

use crate::study::StudyRow;
use std::collections::{HashMap, HashSet};

/// What one row stands for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Level {
    /// One row a study
    #[default]
    Study,
    /// One row a series
    Series,
    /// One row an image, or any other object
    Image,
}

/// Gathers rows into those of a level above.
#[derive(Debug)]
pub(crate) struct Gathered {
    level: Level,
    rows: Vec<Sum>,
    /// By the UID of study and series.
    places: HashMap<(String, String), usize>,
}

#[derive(Debug, Default)]
struct Sum {
    row: StudyRow,
    series: HashSet<String>,
    images: u32,
}

impl Gathered {
    /// For rows of this level.
    pub(crate) fn new(level: Level) -> Gathered {
        Gathered { level, rows: Vec::new(), places: HashMap::new() }
    }

    /// Adds a row.
    pub(crate) fn add(&mut self, mut row: StudyRow) {
        let series = row.series_uid.take();
        let place = match &row.study_uid {
            Some(study) => {
                let within =
                    if self.level == Level::Series { series.clone().unwrap_or_default() } else { String::new() };
                *self.places.entry((study.clone(), within)).or_insert(self.rows.len())
            }
            // Without a UID nothing says what belongs together.
            None => self.rows.len(),
        };
        let is_image = row.sop_uid.is_some() || row.path.is_some();
        let doubled = row.problems.iter().any(|p| p == "duplicate-SOPInstanceUID");
        let images = row.images.take().unwrap_or(u32::from(is_image && !doubled));
        let told = row.series.take();
        (row.sop_uid, row.instance_number, row.position_mm) = (None, None, None);
        (row.pixel_sha256, row.duplicate_of) = (None, None);
        if self.level == Level::Study {
            (row.series_number, row.series_description) = (None, None);
        }
        if place == self.rows.len() {
            self.rows.push(Sum::default());
        }
        let sum = &mut self.rows[place];
        if self.level == Level::Series {
            sum.row.series_uid = sum.row.series_uid.take().or(series.clone());
        }
        sum.series.extend(series);
        sum.images = sum.images.saturating_add(images);
        sum.row.series = sum.row.series.max(told);
        unite(&mut sum.row, &row);
    }

    /// The rows.
    pub(crate) fn rows(self) -> impl Iterator<Item = StudyRow> {
        let level = self.level;
        self.rows.into_iter().map(move |Sum { mut row, series, images }| {
            row.images = (images > 0).then_some(images);
            row.series = match level {
                Level::Study => row.series.max(u32::try_from(series.len()).ok().filter(|&n| n > 0)),
                Level::Series | Level::Image => None,
            };
            row
        })
    }
}

/// Takes what another row of the same study or series says.
fn unite(row: &mut StudyRow, other: &StudyRow) {
    for (here, there, problem) in [
        (&row.patient_id, &other.patient_id, "mixed-PatientID"),
        (&row.accession, &other.accession, "mixed-AccessionNumber"),
        (&row.date, &other.date, "mixed-StudyDate"),
        (&row.birth_date, &other.birth_date, "mixed-PatientBirthDate"),
        (&row.sex, &other.sex, "mixed-PatientSex"),
    ] {
        let differ = here.is_some() && there.is_some() && here != there;
        if differ && !row.problems.iter().any(|p| p == problem) {
            row.problems.push(problem.to_owned());
        }
    }
    let joined = |here: &mut Option<String>, there: &Option<String>| {
        let (Some(here), Some(there)) = (here, there) else { return };
        for value in there.split('\\') {
            if !here.split('\\').any(|known| known == value) {
                here.push('\\');
                here.push_str(value);
            }
        }
    };
    joined(&mut row.modality, &other.modality);
    joined(&mut row.view, &other.view);
    if let (Some(here), Some(there)) = (&mut row.laterality, &other.laterality)
        && here != there
        && (here == "L" || here == "R")
        && matches!(there.as_str(), "L" | "R" | "B")
    {
        *here = "B".to_owned();
    }
    row.fill(other);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(cells: &[(&str, &str)]) -> StudyRow {
        let mut row = StudyRow::default();
        for (name, cell) in cells {
            assert!((StudyRow::column(name).expect("a column").set)(&mut row, cell), "{name}");
        }
        row
    }

    fn gathered(level: Level) -> Vec<StudyRow> {
        let mut gathered = Gathered::new(level);
        for cells in [
            "1.1|1.1.1|a|MG|L|p|20200101|1|",
            "1.1|1.1.1|b|MG|R|p||2|truncated",
            "1.2|1.2.1|c|CT||q|20200101|1|",
            "1.1|1.1.2|d|SR||r|20200102|1|truncated; missing-StudyDate",
            "1.1|1.1.2|d|SR||r|20200102|1|duplicate-SOPInstanceUID",
            "||e|CT|||||",
            "||f|CT|||||",
        ] {
            let names = [
                "study_uid",
                "series_uid",
                "sop_uid",
                "modality",
                "laterality",
                "patient_id",
                "date",
                "series_number",
                "problems",
            ];
            gathered.add(row(&names.into_iter().zip(cells.split('|')).collect::<Vec<_>>()));
        }
        gathered.rows().collect()
    }

    #[test]
    fn studies() {
        let rows = gathered(Level::Study);
        let expected = [
            row(&[
                ("study_uid", "1.1"),
                ("modality", "MG\\SR"),
                ("laterality", "B"),
                ("patient_id", "p"),
                ("date", "20200101"),
                ("series", "2"),
                ("images", "3"),
                (
                    "problems",
                    "truncated; mixed-PatientID; mixed-StudyDate; missing-StudyDate; duplicate-SOPInstanceUID",
                ),
            ]),
            row(&[
                ("study_uid", "1.2"),
                ("modality", "CT"),
                ("patient_id", "q"),
                ("date", "20200101"),
                ("series", "1"),
                ("images", "1"),
            ]),
            row(&[("modality", "CT"), ("images", "1")]),
            row(&[("modality", "CT"), ("images", "1")]),
        ];
        assert_eq!(rows, expected);
    }

    #[test]
    fn series() {
        let rows = gathered(Level::Series);
        let told: Vec<_> = rows.iter().map(|r| (r.series_uid.as_deref(), r.images, r.series_number)).collect();
        let expected = [
            (Some("1.1.1"), Some(2), Some(1)),
            (Some("1.2.1"), Some(1), Some(1)),
            (Some("1.1.2"), Some(1), Some(1)),
            (None, Some(1), None),
            (None, Some(1), None),
        ];
        assert_eq!(told, expected);
    }

    /// Rows of whole studies, as a server or an index gives them, stay as they are.
    #[test]
    fn what_is_told_of_a_whole_study() {
        let mut gathered = Gathered::new(Level::Study);
        let study = row(&[("study_uid", "1"), ("series", "3"), ("images", "120"), ("modality", "CT\\SR")]);
        gathered.add(study.clone());
        let again = StudyRow { series: None, images: None, ..study.clone() };
        gathered.add(again);
        assert_eq!(gathered.rows().collect::<Vec<_>>(), [study]);
    }
}
