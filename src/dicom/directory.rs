//! A DICOMDIR -> the files that it names, each with the row that its records tell.
//!
//! Records tell of one another by the bytes at which they begin; their order in the file means nothing. A link that
//! leads in a circle is followed once.

use super::header::describe_record;
use super::node::Node;
use super::parse::{Element, Value, ascii, open};
use crate::study::StudyRow;
use dicom_core::Tag;
use dicom_dictionary_std::tags;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// The directory of a whole archive is smaller.
const MOST: u64 = 512 << 20;
/// Patient, study, series, image; private records may stand below.
const MOST_DEPTH: usize = 16;

/// A file that a DICOMDIR names.
#[derive(Debug, PartialEq)]
pub(crate) struct Entry {
    /// Its place below the folder of the DICOMDIR.
    pub(crate) place: Vec<String>,
    /// What the records say of it.
    pub(crate) row: StudyRow,
}

/// Reads a DICOMDIR: the files, and what kept it from being read to its end.
///
/// # Errors
/// A file that cannot be read, or that is damaged.
pub(crate) fn directory(path: &Path) -> Result<(Vec<Entry>, Option<String>), String> {
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(|e| e.to_string())?;
    file.take(MOST + 1).read_to_end(&mut bytes).map_err(|e| e.to_string())?;
    if bytes.len() as u64 > MOST {
        return Err(format!("a DICOMDIR of over {} MiB", MOST >> 20));
    }
    entries(&bytes)
}

fn entries(bytes: &[u8]) -> Result<(Vec<Entry>, Option<String>), String> {
    let opened = open(bytes, |_| Ok(()))?;
    let (list, whole) = opened.records();
    let records: BTreeMap<u32, &[Element<'_>]> = list.iter().map(|(at, record)| (*at, record.as_slice())).collect();
    let head = opened.head(&[tags::OFFSET_OF_THE_FIRST_DIRECTORY_RECORD_OF_THE_ROOT_DIRECTORY_ENTITY]);
    let first = link(&head.elements, tags::OFFSET_OF_THE_FIRST_DIRECTORY_RECORD_OF_THE_ROOT_DIRECTORY_ENTITY);
    let mut entries = Vec::new();
    let mut seen = BTreeSet::new();
    // Each open level: the next record, and what the records above it say.
    let mut levels = vec![(first, StudyRow::default())];
    while let Some((next, above)) = levels.last_mut() {
        let Some(record) = next.and_then(|at| Some((at, *records.get(&at)?))).filter(|(at, _)| seen.insert(*at)) else {
            levels.pop();
            continue;
        };
        let (_, record) = record;
        *next = link(record, tags::OFFSET_OF_THE_NEXT_DIRECTORY_RECORD);
        let mut row = describe_record(record);
        row.fill(above);
        let below = link(record, tags::OFFSET_OF_REFERENCED_LOWER_LEVEL_DIRECTORY_ENTITY);
        // 0 is the mark of a record that was deleted.
        let deleted = number(record, tags::RECORD_IN_USE_FLAG) == Some(0);
        if let Some(place) = place(record).filter(|_| !deleted) {
            entries.push(Entry { place, row: row.clone() });
        }
        if below.is_some() && !deleted && levels.len() < MOST_DEPTH {
            levels.push((below, row));
        }
    }
    for (at, record) in records {
        if let Some(place) = place(record).filter(|_| !seen.contains(&at)) {
            let mut row = describe_record(record);
            row.problems.push("orphan-record".to_owned());
            entries.push(Entry { place, row });
        }
    }
    Ok((entries, whole.err()))
}

fn number(record: &[Element<'_>], tag: Tag) -> Option<u32> {
    match record.iter().find(|e| e.tag == tag).map(|e| &e.value) {
        Some(Value::Bytes(bytes)) => match **bytes {
            [a, b] => Some(u32::from(u16::from_le_bytes([a, b]))),
            [a, b, c, d] => Some(u32::from_le_bytes([a, b, c, d])),
            _ => None,
        },
        _ => None,
    }
}

/// The record that a link leads to; 0 leads nowhere.
fn link(record: &[Element<'_>], tag: Tag) -> Option<u32> {
    number(record, tag).filter(|&at| at != 0)
}

/// The file that a record names.
fn place(record: &[Element<'_>]) -> Option<Vec<String>> {
    let node = Node { elements: record, charset: super::charset::Charset::NONE };
    match node.value(tags::REFERENCED_FILE_ID)? {
        Value::Bytes(bytes) => {
            let place: Vec<String> = ascii(bytes).split('\\').map(|part| part.trim().to_owned()).collect();
            place.iter().any(|part| !part.is_empty()).then_some(place)
        }
        Value::Items(_) | Value::Fragments(_) => None,
    }
}
