//! Which study a report is of: studies proposed by keys, weighed field by field.
//!
//! The weight of a field that agrees is ln((1 - wrong) / chance), of one that differs ln(wrong / (1 - chance)). For
//! identifiers `chance` is how likely a mix-up gives just this study, `mixup / studies`, so that the first one outweighs
//! the number of studies. Beside the studies proposed two other cases are weighed: that none is meant, and, where only
//! the patient speaks for a study, that the patient has another one that day. A confidence is a share of all cases.

use super::studies::Studies;
use super::values::{Day, Keys, Values};
use crate::lexicon::Side;
use crate::rules::linking::Field;

/// So many candidates are listed.
const LISTED: usize = 20;
/// No person has more studies than this: an id that has is that of a test patient, or stands where one is missing.
const MOST_OF_PATIENT: usize = 2_000;
/// Likewise of an accession number, which a few studies of one visit may share, or those of several archives.
const MOST_OF_ACCESSION: usize = 200;

/// How a link was found: by the most trusted key that agrees.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Method {
    /// The Study Instance UID.
    StudyUid,
    /// The accession number as it stands.
    Accession,
    /// The accession number without padding.
    AccessionPlain,
    /// Patient id and study date.
    PatientDate,
}

impl Method {
    /// All of them, in order of trust.
    pub const ALL: [Method; 4] = [Method::StudyUid, Method::Accession, Method::AccessionPlain, Method::PatientDate];

    /// Its name in tables.
    pub const fn name(self) -> &'static str {
        match self {
            Method::StudyUid => "study-uid",
            Method::Accession => "accession",
            Method::AccessionPlain => "accession-plain",
            Method::PatientDate => "patient-date",
        }
    }
}

/// How to link.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Keys that may propose a study.
    pub by_uid: bool,
    /// Accession numbers.
    pub by_accession: bool,
    /// Patient and date.
    pub by_patient: bool,
    /// Days that the study date may differ from the one that the report tells.
    pub window: i32,
    /// Days that a report may be written after its study.
    pub lag: i32,
    /// The confidence from which on a link holds.
    pub accept: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Settings { by_uid: true, by_accession: true, by_patient: true, window: 1, lag: 30, accept: 0.95 }
    }
}

/// One study for a report.
#[derive(Clone, Debug, PartialEq)]
pub struct Link {
    /// The study.
    pub study: u32,
    /// The most trusted key that agrees.
    pub method: Method,
    /// Probability that the report is of this study.
    pub confidence: f64,
    /// Fields that agree: bits of [`Field`].
    pub agrees: u16,
    /// Fields that contradict.
    pub conflicts: u16,
}

/// What became of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// Its study is known, or its studies.
    Linked,
    /// Several studies may be meant, or one that other keys contradict.
    Ambiguous,
    /// No study.
    Unlinked,
}

impl Outcome {
    /// Its name in tables.
    pub const fn name(self) -> &'static str {
        match self {
            Outcome::Linked => "linked",
            Outcome::Ambiguous => "ambiguous",
            Outcome::Unlinked => "unlinked",
        }
    }
}

/// The decision on a report.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// What became of it.
    pub outcome: Outcome,
    /// Its studies, or all candidates, the likeliest first.
    pub links: Vec<Link>,
    /// How many candidates there were.
    pub candidates: u32,
    /// Why it is not linked, or what is odd about the link.
    pub reason: &'static str,
}

/// A contradiction in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// The field.
    pub field: Field,
    /// What the report tells.
    pub report: String,
    /// What the study tells.
    pub study: String,
}

/// What comparing a field came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Compared {
    Unknown,
    Agrees,
    /// The date lies within the window.
    Near,
    Differs,
}

struct Candidate {
    link: Link,
    score: f64,
    /// What speaks for another study of the same patient.
    patient_score: Option<f64>,
}

impl Studies {
    /// Decides on a report.
    pub fn decide(&self, keys: &Keys, values: &Values<'_>, settings: &Settings) -> Decision {
        let unlinked = |reason| Decision { outcome: Outcome::Unlinked, links: Vec::new(), candidates: 0, reason };
        let telling = self.telling(keys, values);
        let (keys, all) = (telling.as_ref().unwrap_or(keys), keys);
        let (uids, accessions, patients) = self.proposed(keys, values, settings);
        let mut numbers: Vec<u32> = uids.iter().chain(&accessions).chain(&patients).copied().collect();
        numbers.sort_unstable();
        numbers.dedup();
        if numbers.is_empty() {
            if keys != all && self.nothing(keys, settings) == "the report has no key" {
                return unlinked("the report's key is that of too many studies to tell one");
            }
            return unlinked(self.nothing(keys, settings));
        }
        let mut candidates: Vec<Candidate> =
            numbers.into_iter().filter_map(|number| self.weigh(number, keys, values, settings)).collect();
        if candidates.is_empty() {
            return unlinked("no study of the patient has the date or lies within the window");
        }
        shares(&mut candidates);
        candidates.sort_by(|a, b| {
            b.link.confidence.total_cmp(&a.link.confidence).then_with(|| a.link.study.cmp(&b.link.study))
        });
        self.conclude(candidates, keys, settings)
    }

    /// The keys without those that are of so many studies that they tell none; `None`: all of them tell.
    fn telling(&self, keys: &Keys, values: &Values<'_>) -> Option<Keys> {
        let tells = |number: &str| {
            let plain = values.accession(number);
            self.of_accession(number).nth(MOST_OF_ACCESSION).is_none()
                && (plain.is_empty() || self.of_plain(&plain, values).nth(MOST_OF_ACCESSION).is_none())
        };
        let of_person = |id: &str| self.of_patient(id).nth(MOST_OF_PATIENT).is_none();
        let accessions = keys.accessions.iter().filter(|(number, _)| tells(number)).count();
        let patient = keys.patient_id.as_deref().is_none_or(of_person);
        if accessions == keys.accessions.len() && patient {
            return None;
        }
        let mut kept = keys.clone();
        kept.accessions.retain(|(number, _)| tells(number));
        kept.patient_id.take_if(|id| !of_person(id));
        Some(kept)
    }

    /// The studies that each key proposes.
    fn proposed(&self, keys: &Keys, values: &Values<'_>, settings: &Settings) -> (Vec<u32>, Vec<u32>, Vec<u32>) {
        let (mut uids, mut accessions, mut patients) = (Vec::new(), Vec::new(), Vec::new());
        if settings.by_uid {
            uids.extend(keys.study_uids.iter().flat_map(|uid| self.of_uid(uid)));
        }
        if settings.by_accession {
            for (number, _) in &keys.accessions {
                let before = accessions.len();
                accessions.extend(self.of_accession(number));
                if accessions.len() == before {
                    let plain = values.accession(number);
                    // A number that is all padding is none.
                    if !plain.is_empty() {
                        accessions.extend(self.of_plain(&plain, values));
                    }
                }
            }
        }
        if let (true, Some(patient)) = (settings.by_patient, &keys.patient_id) {
            patients.extend(self.of_patient(patient));
        }
        (uids, accessions, patients)
    }

    /// Why no study was proposed.
    fn nothing(&self, keys: &Keys, settings: &Settings) -> &'static str {
        let (uid, accession) =
            (settings.by_uid && !keys.study_uids.is_empty(), settings.by_accession && !keys.accessions.is_empty());
        let patient = settings.by_patient && keys.patient_id.is_some();
        match (uid, accession, patient) {
            (false, false, false) => "the report has no key",
            (true, false, false) => "no study has this UID",
            (false, true, false) => "no study has this accession number",
            (false, false, true) => "no study is of this patient",
            _ => "no study has any of the report's keys",
        }
    }

    /// Weighs a study; `None` where only the patient speaks for it and the date against it.
    fn weigh(&self, number: u32, keys: &Keys, values: &Values<'_>, settings: &Settings) -> Option<Candidate> {
        let study = self.study(number);
        let known = |told: bool, agrees: bool| match (told, agrees) {
            (false, _) => Compared::Unknown,
            (true, true) => Compared::Agrees,
            (true, false) => Compared::Differs,
        };
        let uid = self.uid(number);
        let same_uid = keys.study_uids.iter().any(|k| k == uid);
        let plain = |number: &str| values.accession(number);
        let accession = self.accession(number);
        let exact = settings.by_accession
            && keys.accessions.iter().any(|(k, issuer)| k == accession && self.issued(number, issuer));
        let padded = settings.by_accession
            && !exact
            && !accession.is_empty()
            && keys.accessions.iter().any(|(k, issuer)| {
                let k = plain(k);
                !k.is_empty() && k == plain(accession) && self.issued(number, issuer)
            });
        let patient = keys.patient_id.as_deref().unwrap_or("");
        let date = date(keys, study.date, settings);
        let side = match (keys.side, study.side) {
            (Some(a), Some(b)) => known(true, a == b || a == Side::Bilateral || b == Side::Bilateral),
            _ => Compared::Unknown,
        };
        let age = keys.age.zip(study.age).map(|(a, b)| {
            // Over 89 is written as 90 where ages are protected.
            (a - b).abs() <= 1.0 + 0.5 * f32::from(u8::from(a < 3.0)) || a >= 89.0 && b >= 89.0
        });
        let compared = [
            (Field::StudyUid, known(settings.by_uid && !keys.study_uids.is_empty() && !uid.is_empty(), same_uid)),
            (
                Field::Accession,
                known(settings.by_accession && !keys.accessions.is_empty() && !accession.is_empty(), exact || padded),
            ),
            (
                Field::PatientId,
                known(
                    settings.by_patient && !patient.is_empty() && !self.patient(number).is_empty(),
                    patient == self.patient(number),
                ),
            ),
            (Field::Date, date),
            (
                Field::Modality,
                known(
                    keys.modalities != 0 && study.modalities != 0,
                    Values::modalities_meet(keys.modalities, study.modalities),
                ),
            ),
            (Field::BodyPart, known(keys.parts != 0 && study.parts != 0, values.parts_meet(keys.parts, study.parts))),
            (Field::Side, side),
            (Field::Sex, known(keys.sex.is_some() && study.sex.is_some(), keys.sex == study.sex)),
            (Field::Age, known(age.is_some(), age == Some(true))),
        ];
        let of = |field: Field| compared[field as usize].1;
        let method = if of(Field::StudyUid) == Compared::Agrees {
            Method::StudyUid
        } else if exact {
            Method::Accession
        } else if padded {
            Method::AccessionPlain
        } else if of(Field::PatientId) == Compared::Agrees && date != Compared::Differs {
            Method::PatientDate
        } else {
            return None;
        };
        let (mut agrees, mut conflicts) = (0, 0);
        let studies = self.len() as f64;
        let mut score = -studies.ln();
        let mut patient_score = score;
        for (field, compared) in compared {
            let weight = self.weight(field, compared, keys, values, settings);
            score += weight;
            if matches!(field, Field::PatientId | Field::Date | Field::Sex | Field::Age) {
                patient_score += weight;
            }
            match compared {
                Compared::Agrees | Compared::Near => agrees |= field.bit(),
                Compared::Differs => conflicts |= field.bit(),
                Compared::Unknown => {}
            }
        }
        let another = &values.linking.another;
        let share = match date {
            Compared::Agrees => another.day,
            Compared::Near => another.near,
            _ => another.ever,
        };
        let patient_score = (method == Method::PatientDate).then_some(patient_score + share.ln());
        let link = Link { study: number, method, confidence: 0.0, agrees, conflicts };
        Some(Candidate { link, score, patient_score })
    }

    /// Whether an accession number may be of this issuer: the study's, or one of them is not told.
    fn issued(&self, number: u32, issuer: &Option<String>) -> bool {
        let of_study = self.issuer(number);
        issuer.as_deref().is_none_or(|i| of_study.is_empty() || i.eq_ignore_ascii_case(of_study))
    }

    /// The log likelihood ratio of a field.
    fn weight(&self, field: Field, compared: Compared, keys: &Keys, values: &Values<'_>, settings: &Settings) -> f64 {
        let weighed = values.linking.fields[field as usize];
        // The title of a report is as good as what came with it; whom a text speaks of is read less surely.
        let read = keys.from_text & field.bit() != 0 && matches!(field, Field::Sex | Field::Age);
        let wrong = if read { (weighed.wrong * 3.0).min(0.5) } else { weighed.wrong };
        let is_identifier = matches!(field, Field::StudyUid | Field::Accession | Field::PatientId);
        let chance = if is_identifier { weighed.chance / self.len() as f64 } else { weighed.chance };
        match compared {
            Compared::Unknown => 0.0,
            Compared::Agrees => ((1.0 - wrong) / chance).ln(),
            // Few studies are told a day off, and by chance as many lie on each day of the window.
            Compared::Near => {
                let days = if keys.date.is_some() { 2 * settings.window } else { settings.lag };
                (0.3 / (chance * f64::from(days.max(1)))).min(1.0 / chance).ln()
            }
            Compared::Differs => (wrong / (1.0 - chance)).ln(),
        }
    }

    /// Takes the likeliest, where it is likely enough, with what it cannot be told apart from.
    fn conclude(&self, mut candidates: Vec<Candidate>, keys: &Keys, settings: &Settings) -> Decision {
        let count = candidates.len() as u32;
        let first = &candidates[0].link;
        if first.confidence >= settings.accept {
            let reason = if first.conflicts == 0 { "" } else { "linked in spite of a conflict" };
            let mut links = vec![first.clone()];
            // A report that names several studies is of each that it names.
            if keys.study_uids.len() > 1 || keys.accessions.len() > 1 {
                links = self.named(&candidates, settings).unwrap_or(links);
            }
            return Decision { outcome: Outcome::Linked, links, candidates: count, reason };
        }
        if let Some(links) = self.named(&candidates, settings).or_else(|| self.group(&candidates, settings)) {
            let reason = "one report for several studies";
            return Decision { outcome: Outcome::Linked, links, candidates: count, reason };
        }
        let total: f64 = candidates.iter().map(|c| c.link.confidence).sum();
        candidates.truncate(LISTED);
        let links: Vec<Link> = candidates.into_iter().map(|c| c.link).collect();
        // What is likelier not to be than to be is no candidate worth a name, but it is shown why.
        let reason = match (count, links[0].conflicts != 0) {
            (1, true) => "the keys contradict",
            (1, false) => "too little speaks for the only candidate",
            (_, _) if total < 0.5 => "the keys contradict",
            _ => "several studies fit",
        };
        Decision { outcome: Outcome::Ambiguous, links, candidates: count, reason }
    }

    /// The studies of a report that names several: each by its own key, without conflict of patient.
    fn named(&self, candidates: &[Candidate], settings: &Settings) -> Option<Vec<Link>> {
        let by_key =
            |c: &&Candidate| c.link.method != Method::PatientDate && c.link.conflicts & !Field::Date.bit() == 0;
        let chosen: Vec<&Candidate> = candidates.iter().filter(by_key).collect();
        let several = chosen.len() > 1 && chosen.iter().any(|c| self.key(c) != self.key(chosen[0]));
        (several && self.one_patient(&chosen)).then(|| together(candidates, &chosen, settings)).flatten()
    }

    fn key(&self, candidate: &Candidate) -> &str {
        self.accession(candidate.link.study)
    }

    /// The studies of one order: one accession number, one patient, one day, nothing against any of them.
    fn group(&self, candidates: &[Candidate], settings: &Settings) -> Option<Vec<Link>> {
        let first = &candidates[0].link;
        if !matches!(first.method, Method::Accession | Method::AccessionPlain) || first.conflicts != 0 {
            return None;
        }
        let (study, accession) = (self.study(first.study), self.accession(first.study));
        let belongs = |c: &&Candidate| {
            let other = self.study(c.link.study);
            c.link.method == first.method
                && c.link.conflicts == 0
                && self.accession(c.link.study) == accession
                && self.issuer(c.link.study).eq_ignore_ascii_case(self.issuer(first.study))
                && study.date.zip(other.date).is_some_and(|(a, b)| (a.0 - b.0).abs() <= settings.window)
        };
        let chosen: Vec<&Candidate> = candidates.iter().filter(belongs).collect();
        (chosen.len() > 1 && self.one_patient(&chosen)).then(|| together(candidates, &chosen, settings)).flatten()
    }

    /// All are of one patient, who is told.
    fn one_patient(&self, chosen: &[&Candidate]) -> bool {
        let patient = self.patient(chosen[0].link.study);
        !patient.is_empty() && chosen.iter().all(|c| self.patient(c.link.study) == patient)
    }

    /// The contradictions of a link in words.
    pub fn conflicts(&self, link: &Link, keys: &Keys, values: &Values<'_>) -> Vec<Conflict> {
        let study = self.study(link.study);
        let in_text = |field: Field| if keys.from_text & field.bit() == 0 { "" } else { " (text)" };
        let text = |value: Option<String>, field: Field| format!("{}{}", value.unwrap_or_default(), in_text(field));
        let fields = Field::ALL.into_iter().filter(|f| link.conflicts & f.bit() != 0);
        fields
            .map(|field| {
                let (report, study) = match field {
                    Field::StudyUid => (keys.study_uids.join("\\"), self.uid(link.study).to_owned()),
                    Field::Accession => {
                        let numbers: Vec<&str> = keys.accessions.iter().map(|a| a.0.as_str()).collect();
                        (numbers.join("\\"), self.accession(link.study).to_owned())
                    }
                    Field::PatientId => {
                        (keys.patient_id.clone().unwrap_or_default(), self.patient(link.study).to_owned())
                    }
                    Field::Date => dates(keys, study.date),
                    Field::Modality => (
                        text(Some(values.modality_names(keys.modalities)), field),
                        values.modality_names(study.modalities),
                    ),
                    Field::BodyPart => {
                        (text(Some(values.part_names(keys.parts)), field), values.part_names(study.parts))
                    }
                    Field::Side => (
                        text(keys.side.map(|s| s.name().to_owned()), field),
                        study.side.map_or_else(String::new, |s| s.name().to_owned()),
                    ),
                    Field::Sex => (
                        text(keys.sex.map(|s| format!("{s:?}")), field),
                        study.sex.map_or_else(String::new, |s| format!("{s:?}")),
                    ),
                    Field::Age => (
                        text(keys.age.map(|a| format!("{a:.0}")), field),
                        study.age.map_or_else(String::new, |a| format!("{a:.0}")),
                    ),
                };
                Conflict { field, report, study }
            })
            .collect()
    }
}

/// The share of each candidate among all cases.
fn shares(candidates: &mut [Candidate]) {
    let another = candidates.iter().filter_map(|c| c.patient_score).fold(f64::NEG_INFINITY, f64::max);
    let most = candidates.iter().map(|c| c.score).fold(another.max(0.0), f64::max);
    let all: f64 = candidates.iter().map(|c| (c.score - most).exp()).sum();
    let all = all + (-most).exp() + (another - most).exp();
    for candidate in candidates {
        candidate.link.confidence = (candidate.score - most).exp() / all;
    }
}

/// The chosen ones as links of one report, where together they are likely enough: the confidence of each is that of all.
fn together(candidates: &[Candidate], chosen: &[&Candidate], settings: &Settings) -> Option<Vec<Link>> {
    let all: f64 = chosen.iter().map(|c| c.link.confidence).sum();
    // Rounding must not make it more than certain.
    let all = all.min(1.0);
    let chosen = candidates.iter().filter(|c| chosen.iter().any(|o| o.link.study == c.link.study));
    (all >= settings.accept).then(|| chosen.map(|c| Link { confidence: all, ..c.link.clone() }).collect())
}

/// Compares the dates: the study's with the one that the report tells, else with the day on which it was written.
fn date(keys: &Keys, study: Option<Day>, settings: &Settings) -> Compared {
    let Some(study) = study else { return Compared::Unknown };
    if let Some(reported) = keys.reported
        && study.0 > reported.0 + settings.window.max(1)
    {
        return Compared::Differs;
    }
    match (keys.date, keys.reported) {
        (Some(date), _) if date == study => Compared::Agrees,
        (Some(date), _) if (date.0 - study.0).abs() <= settings.window => Compared::Near,
        (Some(_), _) => Compared::Differs,
        (None, Some(reported)) if reported == study => Compared::Agrees,
        (None, Some(reported)) if reported.0 - study.0 <= settings.lag => Compared::Near,
        (None, Some(_)) => Compared::Differs,
        (None, None) => Compared::Unknown,
    }
}

/// The two dates, and which comes first.
fn dates(keys: &Keys, study: Option<Day>) -> (String, String) {
    let (Some(report), Some(study)) = (keys.date.or(keys.reported), study) else {
        return (String::new(), String::new());
    };
    let days = study.0 - report.0;
    let words = match days {
        1.. => format!("{study} ({days} days after)"),
        0 => study.to_string(),
        _ => format!("{study} ({} days before)", -days),
    };
    (report.to_string(), words)
}
