//! What is wrong with images that only shows beside others: doubled ones, and UIDs that two patients share.
//!
//! Rows come one after another and are marked as they come: the first that has a UID is its owner, later ones are told.
//! Of a row stay 128 bits of a hash for each of its UIDs, and the name of its file.

use crate::study::StudyRow;
use sha2::{Digest, Sha256};
use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

/// The first half of a SHA-256: no two values of an archive have the same.
type Id = u128;

/// What was seen of the rows so far.
#[derive(Debug, Default)]
pub(crate) struct Quality {
    /// SOP instances: where the name of the first file stands in `names`.
    instances: HashMap<Id, (u64, u32)>,
    /// Pixel data, likewise.
    pixels: HashMap<Id, (u64, u32)>,
    /// Studies.
    studies: HashSet<Id>,
    /// The patient of a study or series.
    patients: HashMap<Id, Id>,
    /// Names of files, one behind the other.
    names: String,
}

/// A hash of a value of some kind.
fn id(kind: &str, value: &str) -> Id {
    let mut hash = Sha256::new();
    hash.update(kind);
    hash.update([0]);
    hash.update(value);
    let bytes = hash.finalize();
    bytes.iter().take(16).fold(0, |id, &byte| id << 8 | Id::from(byte))
}

impl Quality {
    /// Marks what is wrong with a row, by the rows before it.
    pub(crate) fn check(&mut self, row: &mut StudyRow) {
        self.patient(row);
        self.studies.extend(row.study_uid.as_deref().map(|uid| id("study", uid)));
        let path = row.path.as_deref().unwrap_or_default();
        let begin = self.names.len();
        let mut here = None;
        let Quality { instances, pixels, names, .. } = self;
        let mut place = || {
            *here.get_or_insert_with(|| {
                names.push_str(path);
                (begin as u64, path.len() as u32)
            })
        };
        let mut first = |seen: &mut HashMap<Id, (u64, u32)>, id: Id| match seen.entry(id) {
            Entry::Occupied(first) => Some(*first.get()),
            Entry::Vacant(vacant) => {
                vacant.insert(place());
                None
            }
        };
        let instance = row.sop_uid.as_deref().and_then(|uid| first(instances, id("sop", uid)));
        let picture = row.pixel_sha256.as_deref().and_then(|hash| first(pixels, id("pixels", hash)));
        if instance.is_some() {
            row.problems.push("duplicate-SOPInstanceUID".to_owned());
        }
        if picture.is_some() {
            row.problems.push("duplicate-PixelData".to_owned());
        }
        if let Some((start, length)) = instance.or(picture) {
            let name = self.names.get(start as usize..start as usize + length as usize);
            row.duplicate_of = name.filter(|n| !n.is_empty()).map(str::to_owned);
        }
    }

    /// Studies seen.
    pub(crate) fn studies(&self) -> usize {
        self.studies.len()
    }

    /// Tells a UID that another patient has already.
    fn patient(&mut self, row: &mut StudyRow) {
        let Some(patient) = &row.patient_id else { return };
        let issuer = row.patient_issuer.as_deref().unwrap_or_default();
        let patient = id("patient", &format!("{patient}\0{issuer}"));
        for (kind, uid, problem) in [
            ("study", &row.study_uid, "shared-StudyInstanceUID"),
            ("series", &row.series_uid, "shared-SeriesInstanceUID"),
            ("instance", &row.sop_uid, "shared-SOPInstanceUID"),
        ] {
            let Some(uid) = uid else { continue };
            if *self.patients.entry(id(kind, uid)).or_insert(patient) != patient {
                row.problems.push(problem.to_owned());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(patient: &str, study: &str, sop: &str, pixels: &str, path: &str) -> StudyRow {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        StudyRow {
            patient_id: some(patient),
            study_uid: some(study),
            sop_uid: some(sop),
            pixel_sha256: some(pixels),
            path: some(path),
            ..StudyRow::default()
        }
    }

    #[test]
    fn doubled_images_and_shared_uids() {
        let mut quality = Quality::default();
        let mut told = |patient: &str, study: &str, sop: &str, pixels: &str, path: &str| {
            let mut row = row(patient, study, sop, pixels, path);
            quality.check(&mut row);
            format!("{} {}", row.problems.join(" "), row.duplicate_of.unwrap_or_default()).trim().to_owned()
        };
        assert_eq!(told("p", "1.1", "1.1.1", "aa", "a"), "");
        assert_eq!(told("p", "1.1", "1.1.2", "bb", "b"), "", "another image of the study");
        assert_eq!(told("p", "1.1", "1.1.1", "cc", "c"), "duplicate-SOPInstanceUID a");
        assert_eq!(told("p", "1.2", "1.2.1", "bb", "d"), "duplicate-PixelData b");
        assert_eq!(told("p", "1.2", "1.2.2", "cc", "e"), "duplicate-PixelData c", "the first with these pixels");
        assert_eq!(told("q", "1.1", "1.1.9", "", "f"), "shared-StudyInstanceUID");
        let all = "shared-StudyInstanceUID shared-SOPInstanceUID duplicate-SOPInstanceUID a";
        assert_eq!(told("q", "1.1", "1.1.1", "", "g"), all);
        assert_eq!(told("", "1.1", "", "", ""), "", "what is not known is no conflict");
        assert_eq!(told("", "", "", "", ""), "");
    }
}
