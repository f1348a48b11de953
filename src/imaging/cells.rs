//! The text of a cell, as tables, FHIR and DICOM JSON write it -> a field of a study row, as DICOM writes it.
//!
//! What is not understood is kept as it stands where the field is text, so that nothing is lost.

use crate::link::Day;
use crate::study::{Column, StudyRow};
use std::borrow::Cow;

/// Sets a field; false where the text is no value of it. Blank: missing.
pub(crate) fn put(row: &mut StudyRow, column: &Column, cell: &str) -> bool {
    let cell = plain(cell);
    if cell.is_empty() {
        return true;
    }
    if column.name == "problems" {
        // What was wrong with other cells of the row stands there already.
        for problem in cell.split("; ").map(str::trim).filter(|p| !p.is_empty()) {
            if !row.problems.iter().any(|p| p == problem) {
                row.problems.push(problem.to_owned());
            }
        }
        return true;
    }
    let value = match column.name {
        "date" | "birth_date" => date(&cell),
        "time" => time(&cell),
        "sex" => sex(&cell),
        "age" => age(&cell),
        "study_uid" | "series_uid" | "sop_uid" | "sop_class" | "accession" | "patient_id" => identifier(&cell),
        // Spreadsheets and data frames write whole numbers with a fraction.
        "series_number" | "instance_number" | "rows" | "columns" | "frames" | "series" | "images" => {
            whole(&cell).map(Cow::Borrowed)
        }
        _ => None,
    };
    let text = value.as_deref().unwrap_or(&cell);
    // What no calendar has is kept and named as a DICOM header's is.
    let bad = match column.name {
        "date" => Some("bad-StudyDate"),
        "birth_date" => Some("bad-PatientBirthDate"),
        _ => None,
    };
    if let Some(bad) = bad.filter(|bad| Day::read(text).is_none() && !row.problems.iter().any(|p| p == bad)) {
        row.problems.push(bad.to_owned());
    }
    (column.set)(row, text)
}

/// Where a pair of distances comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spacing {
    /// Pixel Spacing: calibrated, or of the patient.
    Pixel,
    /// Imager Pixel Spacing: at the detector.
    Imager,
}

/// Sets the distances of rows and columns from one cell (`0.15\0.15`, `[0.15, 0.15]`, `0.15`); false where it is no
/// pair of lengths. Pixel Spacing outranks Imager Pixel Spacing.
pub(crate) fn put_spacing(row: &mut StudyRow, spacing: Spacing, cell: &str) -> bool {
    let cell = plain(cell);
    if cell.is_empty() {
        return true;
    }
    let parts: Option<Vec<f64>> =
        cell.split(['\\', ',', ';', ' ']).filter(|p| !p.trim().is_empty()).map(|p| p.trim().parse().ok()).collect();
    let Some((rows, columns)) = parts.and_then(|p| match p[..] {
        [both] => Some((both, both)),
        [rows, columns] => Some((rows, columns)),
        _ => None,
    }) else {
        return false;
    };
    if !(rows.is_finite() && columns.is_finite() && rows > 0.0 && columns > 0.0) {
        return false;
    }
    if spacing == Spacing::Pixel || row.spacing_source.as_deref() != Some("pixel") {
        let source = if spacing == Spacing::Pixel { "pixel" } else { "imager" };
        (row.row_spacing_mm, row.column_spacing_mm) = (Some(rows), Some(columns));
        row.spacing_source = Some(source.to_owned());
    }
    true
}

/// The cell without padding; a list of Python's or JSON's (`['L', 'F']`) as DICOM joins several values (`L\F`); what
/// data frames write for a missing value as nothing.
fn plain(cell: &str) -> Cow<'_, str> {
    let cell = cell.trim_matches(|c: char| c.is_whitespace() || c == '\0');
    if matches!(cell, "nan" | "NaN" | "None" | "null" | "NULL" | "<NA>" | "NaT" | "[]") {
        return Cow::Borrowed("");
    }
    let Some(inner) = cell.strip_prefix('[').and_then(|c| c.strip_suffix(']')) else {
        return Cow::Borrowed(cell);
    };
    let mut out = String::with_capacity(inner.len());
    let mut rest = inner.trim_start();
    while !rest.is_empty() {
        if !out.is_empty() {
            out.push('\\');
        }
        let quote = rest.chars().next().filter(|c| matches!(c, '\'' | '"'));
        let (value, after) = match quote {
            Some(quote) => {
                let body = &rest[1..];
                let Some(end) = body.find(quote) else {
                    return Cow::Borrowed(cell);
                };
                (&body[..end], &body[end + 1..])
            }
            None => {
                let end = rest.find([',', ' ']).unwrap_or(rest.len());
                (&rest[..end], &rest[end..])
            }
        };
        out.push_str(value);
        let after = after.trim_start();
        rest = match after.strip_prefix(',') {
            Some(next) => next.trim_start(),
            // numpy parts the values by spaces.
            None if quote.is_none() => after,
            None if after.is_empty() => "",
            None => return Cow::Borrowed(cell),
        };
    }
    Cow::Owned(out)
}

/// A whole number without the fraction that data frames give it.
fn whole(cell: &str) -> Option<&str> {
    let (number, fraction) = cell.split_once('.')?;
    let digits = |t: &str| !t.is_empty() && t.bytes().all(|b| b.is_ascii_digit());
    (digits(number) && fraction.bytes().all(|b| b == b'0')).then_some(number)
}

fn identifier(cell: &str) -> Option<Cow<'_, str>> {
    cell.strip_prefix("urn:oid:").map(Cow::Borrowed)
}

/// `2011-03-28`, `2011/3/28`, `20110328.0`, `2011-03-28T09:06:50` as `20110328`. Days and months are not told apart by
/// guess: what begins with no year stays as it stands.
fn date(cell: &str) -> Option<Cow<'_, str>> {
    if let Some(number) = whole(cell).filter(|n| n.len() == 8) {
        return Some(Cow::Borrowed(number));
    }
    let day = cell.split(['T', ' ']).next().unwrap_or(cell);
    let mut parts = day.split(['-', '/', '.']);
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    let digits = |t: &str, most: usize| (1..=most).contains(&t.len()) && t.bytes().all(|b| b.is_ascii_digit());
    let fits = year.len() == 4 && digits(year, 4) && digits(month, 2) && digits(day, 2) && parts.next().is_none();
    fits.then(|| Cow::Owned(format!("{year}{month:0>2}{day:0>2}")))
}

/// `09:06:50` as `090650`.
fn time(cell: &str) -> Option<Cow<'_, str>> {
    let clock = cell.bytes().all(|b| b.is_ascii_digit() || matches!(b, b':' | b'.'));
    (clock && cell.contains(':')).then(|| Cow::Owned(cell.replace(':', "")))
}

fn sex(cell: &str) -> Option<Cow<'_, str>> {
    let letter = match cell.to_ascii_lowercase().as_str() {
        "male" | "m" => "M",
        "female" | "f" => "F",
        "other" | "o" => "O",
        _ => return None,
    };
    Some(Cow::Borrowed(letter))
}

/// `58`, `58.0`, `58Y` and `058Y` as `058Y`; months, weeks and days keep their letter.
fn age(cell: &str) -> Option<Cow<'_, str>> {
    let (number, unit) = match cell.bytes().last()?.to_ascii_uppercase() {
        unit @ (b'Y' | b'M' | b'W' | b'D') => (&cell[..cell.len() - 1], unit),
        _ => (whole(cell).unwrap_or(cell), b'Y'),
    };
    let fits = (1..=3).contains(&number.len()) && number.bytes().all(|b| b.is_ascii_digit());
    fits.then(|| Cow::Owned(format!("{number:0>3}{}", char::from(unit))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(name: &str, cell: &str) -> Option<String> {
        let mut row = StudyRow::default();
        let column = StudyRow::column(name).expect("a column");
        assert!(put(&mut row, column, cell), "{name} {cell}");
        match (column.get)(&row) {
            crate::study::Cell::Text(value) => value.map(str::to_owned),
            crate::study::Cell::Number(value) => value.map(|v| v.to_string()),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn cells_come_in_as_dicom_writes_them() {
        for (name, cell, expected) in [
            ("patient_orientation", "['L', 'F']", Some("L\\F")),
            ("patient_orientation", "[\"L\",\"F\"]", Some("L\\F")),
            ("position_mm", "[-1.5 2. 3]", Some("-1.5\\2.\\3")),
            ("patient_orientation", "['L' 'F']", Some("['L' 'F']")),
            ("patient_orientation", "['L, 'F]", Some("['L, 'F]")),
            ("modality", " CR ", Some("CR")),
            ("view", "nan", None),
            ("date", "2011-03-28", Some("20110328")),
            ("date", "2011/3/8", Some("20110308")),
            ("date", "20110328.0", Some("20110328")),
            ("date", "2011-03-28T09:06:50+01:00", Some("20110328")),
            ("date", "03/28/2011", Some("03/28/2011")),
            ("time", "09:06:50", Some("090650")),
            ("time", "213014.531", Some("213014.531")),
            ("sex", "Female", Some("F")),
            ("sex", "unknown", Some("unknown")),
            ("age", "58", Some("058Y")),
            ("age", "7M", Some("007M")),
            ("age", "058Y", Some("058Y")),
            ("age", "about 5", Some("about 5")),
            ("rows", "2828.0", Some("2828")),
            ("study_uid", "urn:oid:1.2.3", Some("1.2.3")),
            ("accession", "0012", Some("0012")),
        ] {
            assert_eq!(set(name, cell).as_deref(), expected, "{name} {cell}");
        }
        let column = StudyRow::column("rows").expect("a column");
        assert!(!put(&mut StudyRow::default(), column, "28.5"));
    }

    #[test]
    fn pixel_spacing_outranks_that_of_the_imager() {
        let mut row = StudyRow::default();
        assert!(put_spacing(&mut row, Spacing::Imager, "['0.2', '0.1']"));
        assert_eq!((row.row_spacing_mm, row.column_spacing_mm), (Some(0.2), Some(0.1)));
        assert!(put_spacing(&mut row, Spacing::Pixel, "0.15\\0.14"));
        assert!(put_spacing(&mut row, Spacing::Imager, "0.2"));
        assert_eq!((row.row_spacing_mm, row.column_spacing_mm), (Some(0.15), Some(0.14)));
        assert_eq!(row.spacing_source.as_deref(), Some("pixel"));
        for bad in ["0", "1\\2\\3", "a\\b", "-1\\1", "inf"] {
            assert!(!put_spacing(&mut row, Spacing::Pixel, bad), "{bad}");
        }
    }
}
