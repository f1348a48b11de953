//! All studies of a run, in little memory, found by UID, accession number and patient.
//!
//! Texts stand in one arena, numbers in records of fixed size: a study takes some 200 bytes, so that millions fit.

use super::values::{Day, Values, uids};
use crate::facts::Metadata;
use crate::lexicon::Side;
use crate::rules::Sex;
use crate::study::StudyRow;
use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

/// A text in the arena.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Text {
    start: u32,
    length: u16,
}

/// One study, of all rows that tell of it.
#[derive(Clone, Debug)]
pub struct Study {
    uid: Text,
    accession: Text,
    issuer: Text,
    patient: Text,
    path: Text,
    /// Day of the study.
    pub date: Option<Day>,
    /// Modalities, as [`Values::modalities`] has them.
    pub modalities: u128,
    /// Parts, as [`Values::parts`] has them.
    pub parts: u128,
    /// Side of the examination.
    pub side: Option<Side>,
    /// The patient's sex.
    pub sex: Option<Sex>,
    /// The patient's age in years.
    pub age: Option<f32>,
    /// Series that were told.
    pub series: u32,
    /// Images that were told.
    pub images: u32,
    /// Its rows tell different patients.
    pub mixed: bool,
}

/// The studies of a run.
#[derive(Default)]
pub struct Studies {
    list: Vec<Study>,
    arena: String,
    /// Where a study was put, by the hash of what names it; only while rows come in.
    known: HashMap<u64, u32>,
    /// Images seen, by the hash of their UID, likewise: two sources may tell of one.
    images: HashSet<u64>,
    /// Short texts that come again and again: issuers.
    shared: HashMap<String, Text>,
    last_series: Option<(u32, u64)>,
    by_name: Index,
    by_uid: Index,
    by_accession: Index,
    by_plain: Index,
    by_patient: Index,
    /// Rows that could not be kept, as there was nothing to know them by.
    pub nameless: u64,
}

/// Numbers of studies by the hash of a text, sorted.
#[derive(Default)]
struct Index(Vec<(u64, u32)>);

impl Index {
    fn of(&self, hash: u64) -> impl Iterator<Item = u32> + '_ {
        let from = self.0.partition_point(|e| e.0 < hash);
        self.0[from..].iter().take_while(move |e| e.0 == hash).map(|e| e.1)
    }

    fn sort(mut entries: Vec<(u64, u32)>) -> Index {
        entries.sort_unstable();
        entries.shrink_to_fit();
        Index(entries)
    }
}

fn hash(parts: &[&str]) -> u64 {
    let mut hasher = DefaultHasher::new();
    parts.hash(&mut hasher);
    hasher.finish()
}

fn filled(cell: &Option<String>) -> &str {
    cell.as_deref().map_or("", str::trim)
}

impl Studies {
    /// The study UID of a row; blank where it has none.
    fn uid_of(row: &StudyRow) -> String {
        row.study_uid.as_deref().map(uids).and_then(|u| u.into_iter().next()).unwrap_or_default()
    }

    /// What the study of a row with this UID is known by.
    fn known_by(row: &StudyRow, uid: &str) -> Option<u64> {
        let (accession, patient) = (filled(&row.accession), filled(&row.patient_id));
        let (date, issuer) = (filled(&row.date), filled(&row.accession_issuer));
        match (uid.is_empty(), accession.is_empty(), patient.is_empty()) {
            (false, ..) => Some(hash(&["uid", uid])),
            (_, false, _) => Some(hash(&["accession", accession, issuer, patient])),
            (.., false) => {
                Some(hash(&["patient", patient, date, filled(&row.modality), filled(&row.study_description)]))
            }
            _ => None,
        }
    }

    /// The study of a row that was taken.
    pub fn of(&self, row: &StudyRow) -> Option<u32> {
        self.by_name.of(Studies::known_by(row, &Studies::uid_of(row))?).next()
    }

    /// Takes a row: of a new study, or of one that is known. False where it names no study.
    pub fn add(&mut self, row: &StudyRow, values: &Values<'_>) -> bool {
        let uid = Studies::uid_of(row);
        let Some(named) = Studies::known_by(row, &uid) else {
            self.nameless += 1;
            return false;
        };
        let (accession, patient, issuer) =
            (filled(&row.accession), filled(&row.patient_id), filled(&row.accession_issuer));
        // An arena of 4 GiB is full: some ten million studies more than anyone links in one run.
        if self.arena.len() > u32::MAX as usize - (1 << 20) {
            self.nameless += 1;
            return false;
        }
        let number = match self.known.get(&named) {
            Some(&number) => number,
            None => {
                let number = self.list.len() as u32;
                let (uid, accession) = (self.text(&uid), self.text(accession));
                let (issuer, patient, path) = (self.shared(issuer), self.text(patient), self.text(filled(&row.path)));
                self.list.push(Study {
                    uid,
                    accession,
                    issuer,
                    patient,
                    path,
                    date: None,
                    modalities: 0,
                    parts: 0,
                    side: None,
                    sex: None,
                    age: None,
                    series: 0,
                    images: 0,
                    mixed: false,
                });
                self.known.insert(named, number);
                number
            }
        };
        let again = row.sop_uid.is_some() && !self.images.insert(hash(&["image", &uid, filled(&row.sop_uid)]));
        self.merge(number, row, again, values);
        true
    }

    /// Puts what a row tells into its study. `again`: its image is counted already.
    fn merge(&mut self, number: u32, row: &StudyRow, again: bool, values: &Values<'_>) {
        let (accession, patient) = (filled(&row.accession), filled(&row.patient_id));
        let study = &self.list[number as usize];
        let mixed = !patient.is_empty() && study.patient.length > 0 && self.get(study.patient) != patient;
        if study.accession.length == 0 && !accession.is_empty() {
            self.list[number as usize].accession = self.text(accession);
        }
        if self.list[number as usize].patient.length == 0 && !patient.is_empty() {
            self.list[number as usize].patient = self.text(patient);
        }
        let series = (row.series_uid.is_some()).then(|| (number, hash(&[filled(&row.series_uid)])));
        let new_series = series.is_some() && series != self.last_series;
        self.last_series = series.or(self.last_series);
        let study = &mut self.list[number as usize];
        study.mixed |= mixed;
        study.date = study.date.or_else(|| row.date.as_deref().and_then(Day::read));
        study.modalities |= row.modality.as_deref().map_or(0, |m| values.modalities(m));
        if let Some(part) = &row.body_part {
            study.parts |= values.parts(part);
        }
        if study.parts == 0 {
            study.parts = row.study_description.as_deref().map_or(0, |d| values.parts(d));
        }
        if let Some(side) = row.laterality.as_deref().and_then(laterality) {
            study.side = Some(study.side.map_or(side, |s| if s == side { s } else { Side::Bilateral }));
        }
        let metadata = Metadata::read(row.sex.as_deref(), row.age.as_deref());
        study.sex = study.sex.or(metadata.sex);
        study.age = study.age.or(metadata.age).or_else(|| {
            let born = row.birth_date.as_deref().and_then(Day::read)?;
            let years = (study.date?.0 - born.0) as f32 / 365.25;
            (0.0..=130.0).contains(&years).then_some(years.floor())
        });
        study.series = match row.series {
            Some(series) => study.series.max(series),
            None => study.series + u32::from(new_series),
        };
        study.images = match (row.images, &row.sop_uid, &row.path) {
            (Some(images), None, _) if row.series_uid.is_none() => study.images.max(images),
            (Some(images), None, _) => study.images + images,
            (_, None, None) => study.images,
            _ if again => study.images,
            _ => study.images + 1,
        };
    }

    /// Builds what studies are found by. After this no row is taken.
    pub fn finish(&mut self, values: &Values<'_>) {
        self.by_name = Index::sort(std::mem::take(&mut self.known).into_iter().collect());
        let (mut uids, mut accessions, mut plain, mut patients) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for (number, study) in self.list.iter().enumerate() {
            let number = number as u32;
            for (text, index) in
                [(study.uid, &mut uids), (study.accession, &mut accessions), (study.patient, &mut patients)]
            {
                if text.length > 0 {
                    index.push((hash(&[self.get(text)]), number));
                }
            }
            if study.accession.length > 0 {
                plain.push((hash(&[&values.accession(self.get(study.accession))]), number));
            }
        }
        self.by_uid = Index::sort(uids);
        self.by_accession = Index::sort(accessions);
        self.by_plain = Index::sort(plain);
        self.by_patient = Index::sort(patients);
        self.list.shrink_to_fit();
    }

    fn text(&mut self, text: &str) -> Text {
        // What is longer than any identifier is cut where a character ends.
        let mut end = text.len().min(1024);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let start = self.arena.len() as u32;
        self.arena.push_str(&text[..end]);
        Text { start, length: end as u16 }
    }

    fn shared(&mut self, text: &str) -> Text {
        if text.is_empty() {
            return Text::default();
        }
        if let Some(&known) = self.shared.get(text) {
            return known;
        }
        let new = self.text(text);
        self.shared.insert(text.to_owned(), new);
        new
    }

    fn get(&self, text: Text) -> &str {
        &self.arena[text.start as usize..text.start as usize + usize::from(text.length)]
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// There is none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// A study by its number.
    pub fn study(&self, number: u32) -> &Study {
        &self.list[number as usize]
    }

    /// Its Study Instance UID; blank where it has none.
    pub fn uid(&self, number: u32) -> &str {
        self.get(self.list[number as usize].uid)
    }

    /// Its accession number.
    pub fn accession(&self, number: u32) -> &str {
        self.get(self.list[number as usize].accession)
    }

    /// Who issued the accession number.
    pub fn issuer(&self, number: u32) -> &str {
        self.get(self.list[number as usize].issuer)
    }

    /// The patient's id.
    pub fn patient(&self, number: u32) -> &str {
        self.get(self.list[number as usize].patient)
    }

    /// The file of its first row.
    pub fn path(&self, number: u32) -> &str {
        self.get(self.list[number as usize].path)
    }

    /// The studies of a UID.
    pub(super) fn of_uid<'a>(&'a self, uid: &'a str) -> impl Iterator<Item = u32> + 'a {
        self.by_uid.of(hash(&[uid])).filter(move |&n| self.uid(n) == uid)
    }

    /// The studies of an accession number as it stands.
    pub(super) fn of_accession<'a>(&'a self, accession: &'a str) -> impl Iterator<Item = u32> + 'a {
        self.by_accession.of(hash(&[accession])).filter(move |&n| self.accession(n) == accession)
    }

    /// The studies whose accession number is this without padding.
    pub(super) fn of_plain<'a>(&'a self, plain: &'a str, values: &'a Values<'_>) -> impl Iterator<Item = u32> + 'a {
        self.by_plain.of(hash(&[plain])).filter(move |&n| values.accession(self.accession(n)) == plain)
    }

    /// The studies of a patient.
    pub(super) fn of_patient<'a>(&'a self, patient: &'a str) -> impl Iterator<Item = u32> + 'a {
        self.by_patient.of(hash(&[patient])).filter(move |&n| self.patient(n) == patient)
    }
}

/// The side of a DICOM laterality.
fn laterality(code: &str) -> Option<Side> {
    match code.trim().to_ascii_uppercase().as_str() {
        "L" | "LEFT" => Some(Side::Left),
        "R" | "RIGHT" => Some(Side::Right),
        "B" | "BOTH" | "BILATERAL" => Some(Side::Bilateral),
        _ => None,
    }
}
