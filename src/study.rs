//! What is known of an imaging study, a series or an image: one row of the study table.
//!
//! The fields stand in one list, so that the table, its reader, its filters and its page tell of the same columns.

use serde::{Deserialize, Serialize};

/// What a column of the study table holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnKind {
    /// UTF-8 text.
    Text,
    /// A count or a number of pixels.
    Number,
    /// A measure, in the unit that the column's name or meaning tells.
    Real,
    /// Texts, none or more; joined by `; ` where a cell holds one text.
    Texts,
}

/// The cell of a row in one column.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Cell<'a> {
    /// Of [`ColumnKind::Text`].
    Text(Option<&'a str>),
    /// Of [`ColumnKind::Number`].
    Number(Option<u32>),
    /// Of [`ColumnKind::Real`].
    Real(Option<f64>),
    /// Of [`ColumnKind::Texts`].
    Texts(&'a [String]),
}

/// One column of the study table.
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// What it holds.
    pub kind: ColumnKind,
    /// What it means.
    pub about: &'static str,
    /// Its cell of a row.
    pub get: for<'a> fn(&'a StudyRow) -> Cell<'a>,
    /// Sets it from the text of a cell; false where the text is no such value. Blank: missing.
    pub set: fn(&mut StudyRow, &str) -> bool,
}

macro_rules! study_row {
    ($($kind:ident $name:ident: $about:literal,)*) => {
        /// One study, series or image. Every text is as the source gave it, without padding.
        #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
        #[serde(default)]
        pub struct StudyRow {
            $(#[doc = $about] pub $name: study_row!(@type $kind),)*
        }

        impl StudyRow {
            /// Takes from another row what is missing here; texts of which there may be several are united.
            pub fn fill(&mut self, other: &StudyRow) {
                $(study_row!(@fill $kind self.$name, other.$name);)*
            }
        }

        /// The columns of the study table, in order.
        pub const COLUMNS: &[Column] = &[$(Column {
            name: stringify!($name),
            kind: study_row!(@column $kind),
            about: $about,
            get: |row| study_row!(@get $kind row.$name),
            set: |row, cell| study_row!(@set $kind row.$name, cell),
        },)*];
    };
    (@type text) => { Option<String> };
    (@type number) => { Option<u32> };
    (@type real) => { Option<f64> };
    (@type texts) => { Vec<String> };
    (@column text) => { ColumnKind::Text };
    (@column number) => { ColumnKind::Number };
    (@column real) => { ColumnKind::Real };
    (@column texts) => { ColumnKind::Texts };
    (@get text $field:expr) => { Cell::Text($field.as_deref()) };
    (@get number $field:expr) => { Cell::Number($field) };
    (@get real $field:expr) => { Cell::Real($field) };
    (@get texts $field:expr) => { Cell::Texts(&$field) };
    (@fill texts $into:expr, $from:expr) => {
        for text in &$from {
            if !$into.contains(text) {
                $into.push(text.clone());
            }
        }
    };
    (@fill $kind:ident $into:expr, $from:expr) => {
        if $into.is_none() {
            $into.clone_from(&$from);
        }
    };
    (@set text $field:expr, $cell:ident) => {{
        let cell = $cell.trim();
        $field = (!cell.is_empty()).then(|| cell.to_owned());
        true
    }};
    (@set number $field:expr, $cell:ident) => { parsed(&mut $field, $cell, |_| true) };
    (@set real $field:expr, $cell:ident) => { parsed(&mut $field, $cell, |v: &f64| v.is_finite()) };
    (@set texts $field:expr, $cell:ident) => {{
        $field = $cell.split("; ").map(str::trim).filter(|t| !t.is_empty()).map(str::to_owned).collect();
        true
    }};
}

study_row! {
    text study_uid: "Study Instance UID",
    text series_uid: "Series Instance UID",
    text sop_uid: "SOP Instance UID",
    text accession: "Accession number",
    text accession_issuer: "Who issued the accession number",
    text patient_id: "Patient id",
    text patient_issuer: "Who issued the patient id",
    text date: "Study date, YYYYMMDD",
    text time: "Study time, HHMMSS",
    text modality: "DICOM modality code; of a study with several, the codes joined by \\",
    text body_part: "Body part examined",
    text study_description: "Study description",
    text series_description: "Series description",
    number series_number: "Series number",
    number instance_number: "Instance number",
    text view: "View of a projection: PA, AP, LATERAL, ...",
    text laterality: "Side of a paired part of the body: L, R, B, U",
    text patient_orientation: "Directions of rows and columns (L\\F), or the six direction cosines of them",
    text position_mm: "Place of the first pixel, patient coordinates in mm: x\\y\\z",
    number rows: "Height in pixels",
    number columns: "Width in pixels",
    number frames: "Number of frames",
    real row_spacing_mm: "Distance between rows in mm",
    real column_spacing_mm: "Distance between columns in mm",
    text spacing_source: "pixel: calibrated or of the patient; imager: at the detector, larger than the patient",
    real slice_thickness: "Slice thickness in mm",
    text contrast: "Contrast agent",
    text manufacturer: "Manufacturer",
    text model: "Model of the device",
    text institution: "Institution",
    text sex: "The patient's sex: M, F, O",
    text age: "The patient's age, as DICOM writes it (045Y)",
    text birth_date: "The patient's date of birth, YYYYMMDD",
    text photometric: "Photometric interpretation",
    text sop_class: "SOP Class UID",
    text transfer_syntax: "Transfer Syntax UID",
    number series: "Number of series, of a study",
    number images: "Number of images, of a study or series",
    text path: "File, or address below the server",
    text pixel_sha256: "SHA-256 of the pixel data as they stand in the file",
    text duplicate_of: "File of which this is a duplicate",
    texts problems: "What is wrong: missing-..., duplicate-..., truncated, ...",
}

/// Sets a number from the text of a cell.
fn parsed<N: std::str::FromStr>(field: &mut Option<N>, cell: &str, fits: impl Fn(&N) -> bool) -> bool {
    let cell = cell.trim();
    if cell.is_empty() {
        *field = None;
        return true;
    }
    *field = cell.parse().ok().filter(fits);
    field.is_some()
}

impl StudyRow {
    /// The column of a name.
    pub fn column(name: &str) -> Option<&'static Column> {
        COLUMNS.iter().find(|c| c.name == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_comes_back_from_its_cells() {
        let mut row = StudyRow::default();
        for (number, column) in COLUMNS.iter().enumerate() {
            let cell = match column.kind {
                ColumnKind::Text => format!("t{number}"),
                ColumnKind::Number => number.to_string(),
                ColumnKind::Real => format!("{number}.25"),
                ColumnKind::Texts => format!("a{number}; b"),
            };
            assert!((column.set)(&mut row, &cell), "{}", column.name);
            let back = match (column.get)(&row) {
                Cell::Text(value) => value.unwrap_or_default().to_owned(),
                Cell::Number(value) => value.map_or_else(String::new, |v| v.to_string()),
                Cell::Real(value) => value.map_or_else(String::new, |v| v.to_string()),
                Cell::Texts(values) => values.join("; "),
            };
            assert_eq!(back, cell, "{}", column.name);
        }
        let mut filled = StudyRow { modality: Some("CT".to_owned()), ..StudyRow::default() };
        filled.fill(&row);
        filled.fill(&row);
        let kept = StudyRow { modality: Some("CT".to_owned()), ..row.clone() };
        assert_eq!(filled, kept, "what stands is kept, what is missing is taken, once");
        let rows = StudyRow::column("rows").expect("a column");
        assert!(!(rows.set)(&mut row, "many") && (rows.set)(&mut row, " ") && row.rows.is_none());
    }
}
