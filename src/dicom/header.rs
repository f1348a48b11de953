//! The header of a DICOM object -> one row of the study table.
//!
//! Every value that is not what its tag asks for is told as a problem of the row (`bad-StudyDate`), and so is every tag
//! that a study cannot do without (`missing-StudyInstanceUID`). Knows nothing of files: `scan` reads them.

use super::charset::Charset;
use super::node::{Node, line};
use super::parse::{Element, Head, Value};
use crate::study::StudyRow;
use dicom_core::Tag;
use dicom_core::dictionary::DataDictionary;
use dicom_dictionary_std::{StandardDataDictionary, tags};

/// What a row is made of, sorted; everything else in a header is passed over.
pub(super) const KEPT: &[Tag] = &[
    tags::SPECIFIC_CHARACTER_SET,
    tags::SOP_CLASS_UID,
    tags::SOP_INSTANCE_UID,
    tags::STUDY_DATE,
    tags::STUDY_TIME,
    tags::ACCESSION_NUMBER,
    tags::ISSUER_OF_ACCESSION_NUMBER_SEQUENCE,
    tags::MODALITY,
    tags::MANUFACTURER,
    tags::INSTITUTION_NAME,
    tags::STUDY_DESCRIPTION,
    tags::SERIES_DESCRIPTION,
    tags::MANUFACTURER_MODEL_NAME,
    tags::ANATOMIC_REGION_SEQUENCE,
    tags::PATIENT_ID,
    tags::ISSUER_OF_PATIENT_ID,
    tags::ISSUER_OF_PATIENT_ID_QUALIFIERS_SEQUENCE,
    tags::PATIENT_BIRTH_DATE,
    tags::PATIENT_SEX,
    tags::PATIENT_AGE,
    tags::CONTRAST_BOLUS_AGENT,
    tags::CONTRAST_BOLUS_AGENT_SEQUENCE,
    tags::BODY_PART_EXAMINED,
    tags::SLICE_THICKNESS,
    tags::ESTIMATED_RADIOGRAPHIC_MAGNIFICATION_FACTOR,
    tags::IMAGER_PIXEL_SPACING,
    tags::NOMINAL_SCANNED_PIXEL_SPACING,
    tags::VIEW_POSITION,
    tags::STUDY_INSTANCE_UID,
    tags::SERIES_INSTANCE_UID,
    tags::SERIES_NUMBER,
    tags::INSTANCE_NUMBER,
    tags::PATIENT_ORIENTATION,
    tags::IMAGE_POSITION_PATIENT,
    tags::IMAGE_ORIENTATION_PATIENT,
    tags::LATERALITY,
    tags::IMAGE_LATERALITY,
    tags::SAMPLES_PER_PIXEL,
    tags::PHOTOMETRIC_INTERPRETATION,
    tags::NUMBER_OF_FRAMES,
    tags::ROWS,
    tags::COLUMNS,
    tags::PIXEL_SPACING,
    tags::BITS_ALLOCATED,
    tags::PIXEL_SPACING_CALIBRATION_TYPE,
    tags::VIEW_CODE_SEQUENCE,
    tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE,
];

/// Values of these are binary: none is a text.
const BINARY: [&[u8; 2]; 15] =
    [b"AT", b"FD", b"FL", b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SL", b"SQ", b"SS", b"SV", b"UL", b"US"];

/// Views by the codes of CID 4010 and 4014 (SNOMED CT, and SNOMED RT before it).
const VIEWS: [(&str, &str, &str); 11] = [
    ("399348003", "R-10206", "AP"),
    ("272479007", "R-10214", "PA"),
    ("399067008", "", "LATERAL"),
    ("399173006", "R-10236", "LL"),
    ("399198007", "R-10232", "RL"),
    ("399368009", "R-10226", "MLO"),
    ("399162004", "R-10242", "CC"),
    ("399260004", "R-10224", "ML"),
    ("399352003", "R-10228", "LM"),
    ("399099002", "R-10230", "LMO"),
    ("399182000", "", "OBLIQUE"),
];

/// What a header says of the image, beside what stands in the row.
pub(super) struct Described {
    pub(super) row: StudyRow,
    /// Bytes that the pixels take where they are not compressed.
    pub(super) pixel_bytes: Option<u64>,
}

/// The row of a header.
pub(super) fn describe(head: &Head<'_>) -> Described {
    let mut values = Values::new(&head.elements, None, head.big);
    let mut row = values.row();
    let samples = values.unsigned(tags::SAMPLES_PER_PIXEL);
    let bits = values.unsigned(tags::BITS_ALLOCATED);
    let pixel_bytes = pixel_bytes(&row, samples.unwrap_or(1), bits);
    for (tag, missing) in [
        (tags::SOP_CLASS_UID, row.sop_class.is_none()),
        (tags::SOP_INSTANCE_UID, row.sop_uid.is_none()),
        (tags::STUDY_DATE, row.date.is_none()),
        (tags::MODALITY, row.modality.is_none()),
        (tags::PATIENT_ID, row.patient_id.is_none()),
        (tags::STUDY_INSTANCE_UID, row.study_uid.is_none()),
        (tags::SERIES_INSTANCE_UID, row.series_uid.is_none()),
    ] {
        let bad = format!("bad-{}", keyword(tag));
        if missing && !values.problems.contains(&bad) {
            values.problems.push(format!("missing-{}", keyword(tag)));
        }
    }
    row.problems = values.problems;
    Described { row, pixel_bytes }
}

/// The row of one record of a DICOMDIR, and the character set that holds in it.
pub(super) fn describe_record(elements: &[Element<'_>]) -> StudyRow {
    let mut values = Values::new(elements, None, false);
    let mut row = values.row();
    row.sop_class = values.uid(tags::REFERENCED_SOP_CLASS_UID_IN_FILE);
    row.sop_uid = values.uid(tags::REFERENCED_SOP_INSTANCE_UID_IN_FILE).or(row.sop_uid);
    row.transfer_syntax = values.uid(tags::REFERENCED_TRANSFER_SYNTAX_UID_IN_FILE);
    row.problems = values.problems;
    row
}

fn pixel_bytes(row: &StudyRow, samples: u32, bits: Option<u32>) -> Option<u64> {
    let pixels = [row.rows?, row.columns?, row.frames.unwrap_or(1), samples, bits?];
    let bits = pixels.iter().try_fold(1_u64, |product, &n| product.checked_mul(u64::from(n)))?;
    // Two pixels share their colours.
    let halved = row.photometric.as_deref().is_some_and(|p| p.starts_with("YBR_") && p.ends_with("_422"));
    Some(if halved { bits / 3 * 2 } else { bits }.div_ceil(8))
}

/// The keyword of a tag, as in `StudyDate`.
pub(super) fn keyword(tag: Tag) -> &'static str {
    StandardDataDictionary.by_tag(tag).map_or("Unknown", |entry| entry.alias)
}

/// Reads values and keeps what is wrong with them.
struct Values<'a> {
    node: Node<'a>,
    big: bool,
    problems: Vec<String>,
}

impl<'a> Values<'a> {
    fn new(elements: &'a [Element<'a>], outer: Option<Charset>, big: bool) -> Values<'a> {
        let mut problems = Vec::new();
        let none = outer.unwrap_or(Charset::NONE);
        let node = Node::new(elements, none).unwrap_or_else(|_| {
            problems.push(format!("bad-{}", keyword(tags::SPECIFIC_CHARACTER_SET)));
            Node { elements, charset: Charset::UNKNOWN }
        });
        Values { node, big, problems }
    }

    /// The first item of a sequence; its problems are handed on by [`Values::leave`].
    fn first(&self, tag: Tag) -> Option<Values<'a>> {
        match self.node.value(tag)? {
            Value::Items(items) => Some(Values::new(items.first()?, Some(self.node.charset), self.big)),
            Value::Bytes(_) | Value::Fragments(_) => None,
        }
    }

    /// What a reading of the first item of a sequence gives.
    fn within<T>(&mut self, tag: Tag, read: impl FnOnce(&mut Values<'a>) -> Option<T>) -> Option<T> {
        let mut inner = self.first(tag)?;
        let found = read(&mut inner);
        for problem in inner.problems {
            self.problem(problem);
        }
        found
    }

    fn problem(&mut self, problem: String) {
        if !self.problems.contains(&problem) {
            self.problems.push(problem);
        }
    }

    fn bad(&mut self, tag: Tag) {
        self.problem(format!("bad-{}", keyword(tag)));
    }

    /// The bytes of a value, and how they are said to be written.
    fn bytes(&mut self, tag: Tag) -> Option<(&'a [u8], Option<[u8; 2]>)> {
        let element = self.node.elements.iter().find(|e| e.tag == tag)?;
        match &element.value {
            Value::Bytes(bytes) => (!bytes.is_empty()).then_some((*bytes, element.vr)),
            Value::Items(items) if items.is_empty() => None,
            Value::Items(_) | Value::Fragments(_) => {
                self.bad(tag);
                None
            }
        }
    }

    fn text(&mut self, tag: Tag) -> Option<String> {
        let (bytes, vr) = self.bytes(tag)?;
        if vr.is_some_and(|vr| BINARY.contains(&&vr)) {
            self.bad(tag);
            return None;
        }
        let text = self.node.charset.decode(bytes);
        let text = text.trim_matches(|c: char| c == '\0' || c.is_whitespace());
        if text.is_empty() {
            return None;
        }
        if text.chars().any(|c| c.is_control() && !c.is_whitespace()) {
            self.bad(tag);
            return None;
        }
        Some(if text.contains(char::is_control) { line(text) } else { text.to_owned() })
    }

    /// A defined term: capitals.
    fn term(&mut self, tag: Tag) -> Option<String> {
        self.text(tag).map(|t| t.to_ascii_uppercase())
    }

    fn uid(&mut self, tag: Tag) -> Option<String> {
        let uid = self.text(tag)?;
        if uid.len() > 64 || !uid.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
            self.bad(tag);
        }
        Some(uid)
    }

    /// A binary number of two or four bytes.
    fn unsigned(&mut self, tag: Tag) -> Option<u32> {
        let (bytes, vr) = self.bytes(tag)?;
        let short = |b: [u8; 2]| u32::from(if self.big { u16::from_be_bytes(b) } else { u16::from_le_bytes(b) });
        let long = |b: [u8; 4]| if self.big { u32::from_be_bytes(b) } else { u32::from_le_bytes(b) };
        let found = match (vr.as_ref(), bytes.len()) {
            (Some(b"US" | b"UN" | b"SS") | None, 2..) => bytes.first_chunk().map(|&b| short(b)),
            (Some(b"UL" | b"SL"), 4) => bytes.first_chunk().map(|&b| long(b)),
            _ => None,
        };
        if found.is_none() {
            self.bad(tag);
        }
        found
    }

    /// A number in digits.
    fn integer(&mut self, tag: Tag) -> Option<u32> {
        let text = self.text(tag)?;
        let digits = text.strip_suffix(".0").unwrap_or(&text);
        let found = digits.strip_prefix('+').unwrap_or(digits).parse().ok();
        if found.is_none() {
            self.bad(tag);
        }
        found
    }

    /// So many decimal numbers.
    fn reals<const N: usize>(&mut self, tag: Tag) -> Option<[f64; N]> {
        let text = self.text(tag)?;
        let numbers: Option<Vec<f64>> =
            text.split('\\').map(|n| n.trim().parse().ok().filter(|n: &f64| n.is_finite())).collect();
        let found = numbers.and_then(|n| <[f64; N]>::try_from(n).ok());
        if found.is_none() {
            self.bad(tag);
        }
        found
    }

    /// The same, all above zero.
    fn lengths<const N: usize>(&mut self, tag: Tag) -> Option<[f64; N]> {
        let found = self.reals(tag)?;
        if found.iter().any(|&n| n <= 0.0) {
            self.bad(tag);
            return None;
        }
        Some(found)
    }

    /// Numbers as the file writes them, each without padding; so many.
    fn numbers<const N: usize>(&mut self, tag: Tag) -> Option<String> {
        self.reals::<N>(tag)?;
        let text = self.text(tag)?;
        Some(text.split('\\').map(str::trim).collect::<Vec<_>>().join("\\"))
    }

    fn date(&mut self, tag: Tag) -> Option<String> {
        let text = self.text(tag)?;
        if let Some(date) = date(&text) {
            return Some(date);
        }
        self.bad(tag);
        Some(text)
    }

    fn time(&mut self, tag: Tag) -> Option<String> {
        let text = self.text(tag)?;
        if let Some(time) = time(&text) {
            return Some(time);
        }
        self.bad(tag);
        Some(text)
    }

    fn sex(&mut self) -> Option<String> {
        let text = self.term(tags::PATIENT_SEX)?;
        match text.as_str() {
            "M" | "MALE" => Some("M".to_owned()),
            "F" | "FEMALE" => Some("F".to_owned()),
            "O" | "OTHER" => Some("O".to_owned()),
            _ => {
                self.bad(tags::PATIENT_SEX);
                Some(text)
            }
        }
    }

    fn age(&mut self, birth: Option<&str>, study: Option<&str>) -> Option<String> {
        let Some(text) = self.term(tags::PATIENT_AGE) else {
            return age(birth?, study?);
        };
        let (digits, unit) = match text.strip_suffix(['D', 'W', 'M', 'Y']) {
            Some(digits) => (digits, &text[digits.len()..]),
            None => (text.as_str(), "Y"),
        };
        if let Some(number) = digits.trim().parse().ok().filter(|n: &u16| *n < 1000) {
            return Some(format!("{number:03}{unit}"));
        }
        self.bad(tags::PATIENT_AGE);
        Some(text)
    }

    fn side(&mut self, tag: Tag) -> Option<String> {
        let text = self.term(tag)?;
        let side = match text.as_str() {
            "L" | "LEFT" => "L",
            "R" | "RIGHT" => "R",
            "B" | "BOTH" | "BILATERAL" => "B",
            "U" | "UNPAIRED" => "U",
            _ => {
                self.bad(tag);
                return Some(text);
            }
        };
        Some(side.to_owned())
    }

    fn code(&mut self, tag: Tag, read: impl FnOnce(&str, &str) -> Option<String>) -> Option<String> {
        let code = self.node.code(tag)?;
        read(&code.value, &code.meaning)
    }

    /// What the items of the shared functional groups say of all frames of an enhanced object.
    fn shared<T>(&mut self, tag: Tag, read: impl FnOnce(&mut Values<'a>) -> Option<T>) -> Option<T> {
        self.within(tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE, |group| group.within(tag, read))
    }

    fn row(&mut self) -> StudyRow {
        let mut row = StudyRow {
            study_uid: self.uid(tags::STUDY_INSTANCE_UID),
            series_uid: self.uid(tags::SERIES_INSTANCE_UID),
            sop_uid: self.uid(tags::SOP_INSTANCE_UID),
            accession: self.text(tags::ACCESSION_NUMBER),
            accession_issuer: self.within(tags::ISSUER_OF_ACCESSION_NUMBER_SEQUENCE, |issuer| {
                issuer.text(tags::LOCAL_NAMESPACE_ENTITY_ID).or_else(|| issuer.text(tags::UNIVERSAL_ENTITY_ID))
            }),
            patient_id: self.text(tags::PATIENT_ID),
            patient_issuer: self.text(tags::ISSUER_OF_PATIENT_ID),
            date: self.date(tags::STUDY_DATE),
            time: self.time(tags::STUDY_TIME),
            modality: self.term(tags::MODALITY),
            body_part: self.text(tags::BODY_PART_EXAMINED),
            study_description: self.text(tags::STUDY_DESCRIPTION),
            series_description: self.text(tags::SERIES_DESCRIPTION),
            series_number: self.integer(tags::SERIES_NUMBER),
            instance_number: self.integer(tags::INSTANCE_NUMBER),
            view: self.term(tags::VIEW_POSITION),
            laterality: self.side(tags::IMAGE_LATERALITY),
            patient_orientation: self.numbers::<6>(tags::IMAGE_ORIENTATION_PATIENT),
            position_mm: self.numbers::<3>(tags::IMAGE_POSITION_PATIENT),
            rows: self.unsigned(tags::ROWS),
            columns: self.unsigned(tags::COLUMNS),
            frames: self.integer(tags::NUMBER_OF_FRAMES),
            slice_thickness: self.lengths::<1>(tags::SLICE_THICKNESS).map(|[t]| t),
            contrast: self.text(tags::CONTRAST_BOLUS_AGENT),
            manufacturer: self.text(tags::MANUFACTURER),
            model: self.text(tags::MANUFACTURER_MODEL_NAME),
            institution: self.text(tags::INSTITUTION_NAME),
            sex: self.sex(),
            birth_date: self.date(tags::PATIENT_BIRTH_DATE),
            photometric: self.term(tags::PHOTOMETRIC_INTERPRETATION),
            sop_class: self.uid(tags::SOP_CLASS_UID),
            ..StudyRow::default()
        };
        row.age = self.age(row.birth_date.as_deref(), row.date.as_deref());
        self.other_places(&mut row);
        self.spacing(&mut row);
        row
    }

    /// What may stand in another place than the usual one.
    fn other_places(&mut self, row: &mut StudyRow) {
        let meaning = |_: &str, meaning: &str| Some(meaning.to_owned()).filter(|m| !m.is_empty());
        let anatomy = tags::ANATOMIC_REGION_SEQUENCE;
        row.patient_issuer = row.patient_issuer.take().or_else(|| {
            self.within(tags::ISSUER_OF_PATIENT_ID_QUALIFIERS_SEQUENCE, |q| q.text(tags::UNIVERSAL_ENTITY_ID))
        });
        row.body_part = row.body_part.take().or_else(|| self.code(anatomy, meaning));
        row.view = row.view.take().or_else(|| self.code(tags::VIEW_CODE_SEQUENCE, view));
        row.contrast = row.contrast.take().or_else(|| self.code(tags::CONTRAST_BOLUS_AGENT_SEQUENCE, meaning));
        row.laterality = row.laterality.take().or_else(|| self.side(tags::LATERALITY));
        if self.node.value(tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE).is_some() {
            let frame = tags::FRAME_ANATOMY_SEQUENCE;
            let side = |anatomy: &mut Values<'a>| anatomy.side(tags::FRAME_LATERALITY);
            row.laterality = row.laterality.take().or_else(|| self.shared(frame, side));
            row.body_part = row.body_part.take().or_else(|| self.shared(frame, |f| f.code(anatomy, meaning)));
            let directions = |plane: &mut Values<'a>| plane.numbers::<6>(tags::IMAGE_ORIENTATION_PATIENT);
            let orientation = || self.shared(tags::PLANE_ORIENTATION_SEQUENCE, directions);
            row.patient_orientation = row.patient_orientation.take().or_else(orientation);
            let place = |plane: &mut Values<'a>| plane.numbers::<3>(tags::IMAGE_POSITION_PATIENT);
            row.position_mm = row.position_mm.take().or_else(|| self.shared(tags::PLANE_POSITION_SEQUENCE, place));
            let thickness = |measures: &mut Values<'a>| measures.lengths::<1>(tags::SLICE_THICKNESS);
            let measures = tags::PIXEL_MEASURES_SEQUENCE;
            row.slice_thickness = row.slice_thickness.or_else(|| self.shared(measures, thickness).map(|[t]| t));
        }
        row.patient_orientation = row.patient_orientation.take().or_else(|| self.term(tags::PATIENT_ORIENTATION));
    }

    /// Distances between pixels: of the patient where the file knows them, else at the detector or film.
    fn spacing(&mut self, row: &mut StudyRow) {
        let measures = tags::PIXEL_MEASURES_SEQUENCE;
        let pixel = self
            .lengths::<2>(tags::PIXEL_SPACING)
            .or_else(|| self.shared(measures, |m| m.lengths::<2>(tags::PIXEL_SPACING)));
        let imager = self.lengths::<2>(tags::IMAGER_PIXEL_SPACING);
        // PS3.3 10.7.1.3: of a projection the two are the same where nothing was corrected.
        let uncorrected = pixel == imager && self.node.value(tags::PIXEL_SPACING_CALIBRATION_TYPE).is_none();
        let magnified = imager.map(|spacing| {
            let factor = self.lengths::<1>(tags::ESTIMATED_RADIOGRAPHIC_MAGNIFICATION_FACTOR);
            spacing.map(|s| s / factor.map_or(1.0, |[f]| f))
        });
        let pixel = pixel.filter(|_| !uncorrected);
        let nominal = || self.lengths::<2>(tags::NOMINAL_SCANNED_PIXEL_SPACING);
        let (found, source) = match pixel {
            Some(spacing) => (Some(spacing), "pixel"),
            None => (magnified.or_else(nominal), "imager"),
        };
        if let Some([between_rows, between_columns]) = found {
            row.row_spacing_mm = Some(between_rows);
            row.column_spacing_mm = Some(between_columns);
            row.spacing_source = Some(source.to_owned());
        }
    }
}

/// The view that a code means.
fn view(code: &str, meaning: &str) -> Option<String> {
    let known = VIEWS.iter().find(|(ct, rt, _)| code == *ct || (code == *rt && !code.is_empty()));
    known.map(|(_, _, view)| (*view).to_owned()).or_else(|| (!meaning.is_empty()).then(|| meaning.to_ascii_uppercase()))
}

/// A date as DICOM writes it, from that or from one with points or hyphens; none that no calendar has.
pub(super) fn date(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let digits: String = match (bytes.get(4), bytes.get(7), bytes.len()) {
        (Some(b'.'), Some(b'.'), 10) | (Some(b'-'), Some(b'-'), 10) => {
            [text.get(..4)?, text.get(5..7)?, text.get(8..)?].concat()
        }
        _ => text.to_owned(),
    };
    parts(&digits).map(|_| digits)
}

/// Year, month and day of a date that the calendar has.
fn parts(date: &str) -> Option<(u32, u32, u32)> {
    if date.len() != 8 || !date.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let (year, month, day): (u32, u32, u32) =
        (date[..4].parse().ok()?, date[4..6].parse().ok()?, date[6..].parse().ok()?);
    (year > 0 && (1..=days(year, month)).contains(&day)).then_some((year, month, day))
}

/// How many days a month has; none where there is no such month.
const fn days(year: u32, month: u32) -> u32 {
    match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => 29,
        2 => 28,
        _ => 0,
    }
}

/// A time without its fraction and colons.
fn time(text: &str) -> Option<String> {
    let whole = text.split('.').next().unwrap_or_default();
    let digits: String = whole.chars().filter(|&c| c != ':').collect();
    let fits = matches!(digits.len(), 2 | 4 | 6) && digits.bytes().all(|b| b.is_ascii_digit());
    let below = |at: usize, most: u32| digits.get(at..at + 2).is_none_or(|d| d.parse().is_ok_and(|n: u32| n <= most));
    // A leap second is the sixtieth.
    (fits && below(0, 23) && below(2, 59) && below(4, 60)).then_some(digits)
}

/// The age on a day, as DICOM writes it.
fn age(birth: &str, day: &str) -> Option<String> {
    let ((year, month, date), (y, m, d)) = (parts(birth)?, parts(day)?);
    let months = (y * 12 + m).checked_sub(year * 12 + month)?;
    let months = if d < date { months.checked_sub(1)? } else { months };
    match months {
        0 if m == month => Some(format!("{:03}D", d - date)),
        0 => Some(format!("{:03}D", days(year, month) - date + d)),
        24.. => Some(months / 12).filter(|&years| years < 150).map(|years| format!("{years:03}Y")),
        _ => Some(format!("{months:03}M")),
    }
}
