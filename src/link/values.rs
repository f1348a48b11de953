//! Values of keys in a form that can be compared: parts and modalities as sets, accession numbers without padding, days.

use crate::engine::{Analysis, Engine};
use crate::facts::{Metadata, named};
use crate::lexicon::Side;
use crate::report::{Report, StudyKey};
use crate::rules::linking::{Field, Linking, Pairs};
use crate::rules::{FactKind, Rules, Sex, Source};
use std::collections::{BTreeMap, HashMap};

/// A day, counted from 1970-01-01.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(pub i32);

impl Day {
    /// Reads the day of `20110328`, `2011-03-28`, `2011.03.28`, `2011/03/28`, with or without a time behind it.
    /// A day that no calendar has is none.
    pub fn read(text: &str) -> Option<Day> {
        let text = text.trim();
        let mut numbers = [0_i32; 3];
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        if digits >= 8 {
            for (slot, range) in numbers.iter_mut().zip([0..4, 4..6, 6..8]) {
                *slot = text[range].parse().ok()?;
            }
        } else {
            let mut pieces = text.splitn(3, ['-', '.', '/']);
            let (year, month, rest) = (pieces.next()?, pieces.next()?, pieces.next()?);
            let end = rest.bytes().take_while(u8::is_ascii_digit).count();
            if year.len() != 4 || month.len() > 2 || !(1..=2).contains(&end) {
                return None;
            }
            for (slot, piece) in numbers.iter_mut().zip([year, month, &rest[..end]]) {
                *slot = piece.parse().ok()?;
            }
        }
        let [year, month, day] = numbers;
        let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let length = match month {
            2 => 28 + i32::from(leap),
            4 | 6 | 9 | 11 => 30,
            1..=12 => 31,
            _ => return None,
        };
        if !(1..=length).contains(&day) || !(1800..=2200).contains(&year) {
            return None;
        }
        // Days from civil, after Howard Hinnant.
        let year = if month <= 2 { year - 1 } else { year };
        let era = year.div_euclid(400);
        let of_era = year - era * 400;
        let of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
        Some(Day(era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468))
    }
}

impl std::fmt::Display for Day {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let z = self.0 + 719_468;
        let era = z.div_euclid(146_097);
        let of_era = z - era * 146_097;
        let years = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * years + years / 4 - years / 100);
        let part = (5 * of_year + 2) / 153;
        let day = of_year - (153 * part + 2) / 5 + 1;
        let month = if part < 10 { part + 3 } else { part - 9 };
        let year = years + era * 400 + i32::from(month <= 2);
        write!(f, "{year:04}{month:02}{day:02}")
    }
}

/// What the linking rules and the vocabulary of examinations say of codes.
pub struct Values<'e> {
    pub(super) linking: &'e Linking,
    rules: &'e Rules,
    /// The bit of a modality or part by its name, and the codes of each.
    modalities: Names,
    parts: Names,
    /// For each part, those within it and those it lies in, itself among them.
    kin: Vec<u128>,
}

#[derive(Default)]
struct Names {
    bits: BTreeMap<String, u32>,
    codes: HashMap<String, u128>,
}

impl Names {
    fn bit(&mut self, name: &str) -> u32 {
        let next = self.bits.len() as u32;
        // Beyond the width of a set a name has no bit of its own, and shares the last.
        *self.bits.entry(name.to_owned()).or_insert(next.min(127))
    }

    fn names(&self, bits: u128) -> String {
        let mut names: Vec<&str> =
            self.bits.iter().filter(|(_, b)| bits & (1 << **b) != 0).map(|(n, _)| n.as_str()).collect();
        names.sort_unstable();
        names.join("\\")
    }

    fn add(&mut self, name: &str, codes: &[String]) {
        let bit = self.bit(name);
        for code in codes {
            *self.codes.entry(code.to_uppercase()).or_default() |= 1 << bit;
        }
    }
}

impl<'e> Values<'e> {
    /// Of an engine; `None` where no rule file of kind `linking` is loaded.
    pub fn new(engine: &'e Engine) -> Option<Values<'e>> {
        let linking = engine.rules.linking.as_ref()?;
        let (mut modalities, mut parts) = (Names::default(), Names::default());
        for fact in &engine.rules.report.facts {
            let names = match fact.fact {
                FactKind::Modality => &mut modalities,
                FactKind::BodyPart => &mut parts,
                _ => continue,
            };
            for value in &fact.values {
                names.bit(value);
            }
        }
        for (name, codes) in &linking.modalities {
            modalities.add(name, codes);
        }
        for (name, codes) in &linking.parts {
            parts.add(name, codes);
        }
        for (name, held) in &linking.holds {
            parts.bit(name);
            for part in held {
                parts.bit(part);
            }
        }
        let mut kin: Vec<u128> = (0..128).map(|bit| 1 << bit).collect();
        for (name, held) in &linking.holds {
            let whole = parts.bits[name];
            for part in held.iter().map(|h| parts.bits[h]) {
                kin[whole as usize] |= 1 << part;
                kin[part as usize] |= 1 << whole;
            }
        }
        // The whole body holds everything.
        if let Some(&whole) = parts.bits.get("whole body") {
            kin[whole as usize] = u128::MAX;
            kin.iter_mut().for_each(|k| *k |= 1 << whole);
        }
        Some(Values { linking, rules: &engine.rules, modalities, parts, kin })
    }

    /// The modalities of a value as given (`DX`, `CT\SR`, `MRI`); 0 where none is known.
    pub fn modalities(&self, given: &str) -> u128 {
        self.bits(&self.modalities, FactKind::Modality, given)
    }

    /// The parts of a value as given (`CHEST`, `LSPINE`, `chest, two views`); 0 where none is known.
    pub fn parts(&self, given: &str) -> u128 {
        self.bits(&self.parts, FactKind::BodyPart, given)
    }

    fn bits(&self, names: &Names, kind: FactKind, given: &str) -> u128 {
        let mut bits = 0;
        for piece in given.split(['\\', ';', '|']).map(str::trim).filter(|p| !p.is_empty()) {
            let code: String =
                piece.chars().filter(|c| !matches!(c, ' ' | '_' | '-')).flat_map(char::to_uppercase).collect();
            if kind == FactKind::Modality && self.linking.silent.contains(&code) {
                continue;
            }
            if let Some(known) = names.codes.get(&code) {
                bits |= known;
                continue;
            }
            for (found, value) in named(&self.rules.report, kind, piece) {
                if found == kind {
                    bits |= names.bits.get(value).map_or(0, |&bit| 1 << bit);
                }
            }
        }
        bits
    }

    /// The names of a set of modalities.
    pub(super) fn modality_names(&self, bits: u128) -> String {
        self.modalities.names(bits)
    }

    /// The names of a set of parts.
    pub(super) fn part_names(&self, bits: u128) -> String {
        self.parts.names(bits)
    }

    /// Whether two sets of parts may be of one examination: a part in common, or one within the other.
    pub(super) fn parts_meet(&self, a: u128, b: u128) -> bool {
        let mut rest = a;
        while rest != 0 {
            let bit = rest.trailing_zeros();
            if self.kin[bit as usize] & b != 0 {
                return true;
            }
            rest &= rest - 1;
        }
        false
    }

    /// Whether two sets of modalities may be of one examination. A PET is often told as PET, as CT or as both.
    pub(super) fn modalities_meet(a: u128, b: u128) -> bool {
        a & b != 0
    }

    /// An accession number without padding, separators and leading zeros, in capitals.
    pub(super) fn accession(&self, given: &str) -> String {
        let kept = given.chars().filter(|c| !self.linking.ignored.contains(*c) && !c.is_whitespace());
        let kept: String = kept.flat_map(char::to_uppercase).collect();
        // Zeros that pad the number behind its letters are as idle as those at the start.
        let digits = kept.find(|c: char| c.is_ascii_digit()).unwrap_or(kept.len());
        let (letters, number) = kept.split_at(digits);
        let number = number.trim_start_matches('0');
        if letters.chars().all(|c| c.is_alphabetic()) { format!("{letters}{number}") } else { kept.clone() }
    }

    /// Runs the tests of the linking file; every pair that fails.
    pub(crate) fn check(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        let mut pairs = |pairs: &Pairs, what: &str, one: &dyn Fn(&str, &str) -> bool| {
            for (a, b) in pairs.same.iter().filter(|(a, b)| !one(a, b)) {
                wrong.push(format!("{what} \"{a}\" and \"{b}\" are held to be different; expected one"));
            }
            for (a, b) in pairs.apart.iter().filter(|(a, b)| one(a, b)) {
                wrong.push(format!("{what} \"{a}\" and \"{b}\" are held to be one; expected different"));
            }
        };
        pairs(&self.linking.accessions, "accession", &|a, b| self.accession(a) == self.accession(b));
        pairs(&self.linking.modality_pairs, "modality", &|a, b| {
            Values::modalities_meet(self.modalities(a), self.modalities(b))
        });
        pairs(&self.linking.part_pairs, "part", &|a, b| self.parts_meet(self.parts(a), self.parts(b)));
        wrong
    }
}

/// What a report tells of its study, ready to be compared.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Keys {
    /// Study Instance UIDs; a report may be of several studies.
    pub study_uids: Vec<String>,
    /// Accession numbers, each with its issuer where it is told.
    pub accessions: Vec<(String, Option<String>)>,
    /// Patient id.
    pub patient_id: Option<String>,
    /// Study date.
    pub date: Option<Day>,
    /// The day on which it was written.
    pub reported: Option<Day>,
    /// Modalities.
    pub modalities: u128,
    /// Parts of the body.
    pub parts: u128,
    /// Side of the examination.
    pub side: Option<Side>,
    /// Sex.
    pub sex: Option<Sex>,
    /// Age in years.
    pub age: Option<f32>,
    /// What was read in the report's text and not told with it: bits of [`Field`].
    pub from_text: u16,
    /// A date was told that no calendar has.
    pub bad_date: bool,
}

impl Keys {
    /// What a report tells: its study key, and where that is silent, what its text says of the examination.
    /// `issuer` stands for accession numbers that name none.
    pub fn of(values: &Values<'_>, report: &Report, text: Option<(&Engine, &Analysis)>, issuer: Option<&str>) -> Keys {
        let study = &report.study;
        let told =
            |value: &Option<String>| value.as_deref().map(str::trim).filter(|v| !v.is_empty()).map(str::to_owned);
        let day = |value: &Option<String>| value.as_deref().and_then(Day::read);
        let metadata = Metadata::of(study);
        let mut keys = Keys {
            study_uids: study.study_uid.as_deref().map(uids).unwrap_or_default(),
            accessions: study.accession.as_deref().map(|a| accessions(a, issuer)).unwrap_or_default(),
            patient_id: told(&study.patient_id),
            date: day(&study.date),
            reported: day(&study.report_time),
            modalities: study.modality.as_deref().map_or(0, |m| values.modalities(m)),
            parts: study.body_part.as_deref().map_or(0, |p| values.parts(p)),
            side: None,
            sex: metadata.sex,
            age: metadata.age,
            from_text: 0,
            bad_date: told(&study.date).is_some() && day(&study.date).is_none(),
        };
        if let Some(given) = study.body_part.as_deref() {
            keys.side = side(
                &named(&values.rules.report, FactKind::BodyPart, given)
                    .into_iter()
                    .filter(|f| f.0 == FactKind::Laterality)
                    .map(|f| f.1)
                    .collect::<Vec<_>>(),
            );
        }
        if let Some((engine, analysis)) = text.filter(|_| !report.text.trim().is_empty()) {
            keys.complete(values, engine, &report.text, analysis);
        }
        keys
    }

    /// Takes from the text what the study key does not tell.
    fn complete(&mut self, values: &Values<'_>, engine: &Engine, text: &str, analysis: &Analysis) {
        let bare = Report { id: String::new(), text: text.to_owned(), study: StudyKey::default() };
        let facts = engine.facts(&bare, analysis);
        // What the findings only hint at is no evidence against a study.
        let said = |kind: FactKind| {
            let named =
                facts.of(kind).filter(|f| matches!(f.source, Source::Exam | Source::Technique) || is_person(kind));
            named.filter_map(|f| f.value.as_deref()).collect::<Vec<_>>()
        };
        let mut take = |field: Field, found: bool| {
            if found {
                self.from_text |= field.bit();
            }
        };
        if self.modalities == 0 {
            self.modalities = said(FactKind::Modality).iter().fold(0, |bits, m| bits | values.modalities(m));
            take(Field::Modality, self.modalities != 0);
        }
        if self.parts == 0 {
            self.parts = said(FactKind::BodyPart).iter().fold(0, |bits, p| bits | values.parts(p));
            take(Field::BodyPart, self.parts != 0);
        }
        if self.side.is_none() {
            self.side = side(&said(FactKind::Laterality));
            take(Field::Side, self.side.is_some());
        }
        let metadata = Metadata::read(said(FactKind::Sex).first().copied(), said(FactKind::Age).first().copied());
        if self.sex.is_none() {
            self.sex = metadata.sex;
            take(Field::Sex, self.sex.is_some());
        }
        if self.age.is_none() {
            self.age = metadata.age;
            take(Field::Age, self.age.is_some());
        }
    }

    /// It tells nothing that a study could be found by.
    pub fn is_empty(&self) -> bool {
        self.study_uids.is_empty() && self.accessions.is_empty() && self.patient_id.is_none()
    }
}

const fn is_person(kind: FactKind) -> bool {
    matches!(kind, FactKind::Sex | FactKind::Age)
}

fn side(values: &[&str]) -> Option<Side> {
    let mut sides = values.iter().filter_map(|v| Side::named(v));
    let first = sides.next()?;
    Some(if sides.all(|s| s == first) { first } else { Side::Bilateral })
}

/// The UIDs of a cell: without padding and `urn:oid:`, several apart by `\`, commas, semicolons or blanks.
pub(super) fn uids(cell: &str) -> Vec<String> {
    let pieces = cell.split(['\\', ',', ';', '|', '\0', ' ', '\t']).map(str::trim);
    let bare = pieces.map(|p| p.trim_start_matches("urn:oid:").trim_start_matches("urn:dicom:uid:"));
    bare.filter(|p| !p.is_empty()).map(str::to_owned).collect()
}

/// The accession numbers of a cell. `A^B` is number and issuer, as HL7 writes it.
pub(super) fn accessions(cell: &str, issuer: Option<&str>) -> Vec<(String, Option<String>)> {
    let mut out: Vec<(String, Option<String>)> = Vec::new();
    for piece in cell.split(['\\', ',', ';', '|', '&']).map(str::trim).filter(|p| !p.is_empty()) {
        let (number, named) = piece.split_once('^').map_or((piece, None), |(n, i)| (n, i.split('^').next()));
        let named = named.map(str::trim).filter(|i| !i.is_empty()).or(issuer);
        let one = (number.trim().to_owned(), named.map(str::to_owned));
        if !one.0.is_empty() && !out.contains(&one) {
            out.push(one);
        }
    }
    out
}
