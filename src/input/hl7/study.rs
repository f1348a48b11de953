//! What ties a report to its study, from the segments around it.
//!
//! Which field holds what is the field's practice, for the standard leaves it open:
//!
//! | key | from |
//! |---|---|
//! | accession | IPC-1, OBR-18 where it looks like a number, OBR-3, ORC-3, OBR-20, TXA-15 |
//! | `study_uid` | ZDS-1 (IHE), IPC-3, an OBX of DICOM's code 110180 or 113014 |
//! | `patient_id` | PID-3: the first of type MR, else the first; else PID-2 |
//! | date | OBR-7 (observed), else OBR-36 (scheduled) |
//! | `report_time` | OBR-22 (released), else TXA-22 (signed), TXA-6 (dictated) |
//! | `report_status` | OBR-25, else TXA-17, else OBX-11 |
//! | modality | IPC-5, else OBR-24 where it is a modality and no department |
//! | `body_part` | OBR-15, fourth component (body site) |
//! | sex, age | PID-8; PID-7 against the date, as DICOM writes it (`063Y`) |
//!
//! IHE puts the accession number into IPC-1 from v2.5.1 on, and into OBR-18 before and where there is no IPC, as in
//! ORU; without either, OBR-3 (the filler's order number) is what most systems make the accession number.
//! OBR-2 (the placer's number) is an order of the ward and no accession; OBR-4 and OBR-44 name a procedure, which is
//! not yet a modality or a body part.

use super::syntax::{Segment, Separators};
use crate::StudyKey;
use std::borrow::Cow;

/// The segments that tell of one report.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Context<'a> {
    pub(super) pid: Option<Segment<'a>>,
    pub(super) orc: Option<Segment<'a>>,
    pub(super) obr: Option<Segment<'a>>,
    pub(super) ipc: Option<Segment<'a>>,
    pub(super) zds: Option<Segment<'a>>,
    pub(super) txa: Option<Segment<'a>>,
}

/// Reads the study key. The status that the observations have stands in where the order has none.
pub(super) fn key(context: &Context<'_>, separators: &Separators, observed: Option<&'static str>) -> StudyKey {
    let raw = |segment: Option<Segment<'_>>, number: usize| -> Option<String> {
        segment.and_then(|s| separators.first(s.field(number)))
    };
    let time = |segment, number| raw(segment, number).and_then(|t| iso(&t));
    let Context { pid, orc, obr, ipc, zds, txa } = *context;
    let date = time(obr, 7).or_else(|| time(obr, 36));
    let born = time(pid, 7);
    let accession = raw(ipc, 1)
        .or_else(|| raw(obr, 18).filter(|number| is_number(number)))
        .or_else(|| raw(obr, 3))
        .or_else(|| raw(orc, 3))
        .or_else(|| raw(obr, 20))
        .or_else(|| raw(txa, 15));
    let ordered = raw(obr, 25).and_then(|s| result_status(&s));
    StudyKey {
        accession,
        study_uid: raw(zds, 1).or_else(|| raw(ipc, 3)),
        patient_id: pid.and_then(|s| patient_id(&s, separators)),
        modality: raw(ipc, 5).or_else(|| raw(obr, 24).and_then(|s| modality(&s))),
        body_part: obr.and_then(|s| {
            let site = separators.repeats(s.field(15)).next()?;
            separators.subcomponent(site, 4, 2).or_else(|| separators.component(site, 4))
        }),
        sex: raw(pid, 8),
        age: born.zip(date.as_ref()).and_then(|(born, date)| age(&born, date)),
        date,
        report_time: time(obr, 22).or_else(|| time(txa, 22)).or_else(|| time(txa, 6)),
        report_status: ordered
            .or_else(|| raw(txa, 17).and_then(|s| document_status(&s)))
            .or(observed)
            .map(str::to_owned),
    }
}

/// OBR-18 is free for any use, so what may be words is no accession number.
fn is_number(text: &str) -> bool {
    text.len() <= 32 && text.bytes().any(|b| b.is_ascii_digit()) && !text.contains(char::is_whitespace)
}

fn patient_id(pid: &Segment<'_>, separators: &Separators) -> Option<String> {
    let ids = || separators.repeats(pid.field(3));
    let record = ids().find(|id| separators.component(id, 5).as_deref() == Some("MR"));
    record
        .and_then(|id| separators.component(id, 1))
        .or_else(|| ids().find_map(|id| separators.component(id, 1)))
        .or_else(|| separators.first(pid.field(2)))
}

/// HL7 table 0123 (OBR-25) -> FHIR's `DiagnosticReport.status`.
fn result_status(code: &str) -> Option<&'static str> {
    Some(match code {
        "O" | "I" | "S" | "N" => "registered",
        "A" => "partial",
        // R: stored, not yet verified. M: corrected, not final.
        "P" | "R" | "M" => "preliminary",
        "F" => "final",
        "C" => "corrected",
        "X" => "cancelled",
        "Y" | "Z" => "unknown",
        _ => return None,
    })
}

/// HL7 table 0271 (TXA-17) -> FHIR's `DiagnosticReport.status`.
fn document_status(code: &str) -> Option<&'static str> {
    Some(match code {
        "DI" | "DO" | "IP" | "PA" => "preliminary",
        "IN" => "partial",
        "AU" | "LA" => "final",
        _ => return None,
    })
}

/// HL7 table 0085 (OBX-11 of all observations of a report) -> FHIR's `DiagnosticReport.status`: the one that changes
/// most what the report is worth.
pub(super) fn observed_status<'a>(codes: impl Iterator<Item = &'a str> + Clone) -> Option<&'static str> {
    const RANKED: [(&str, &str); 12] = [
        ("C", "corrected"),
        ("A", "amended"),
        ("B", "appended"),
        ("P", "preliminary"),
        ("R", "preliminary"),
        ("S", "partial"),
        ("F", "final"),
        ("U", "final"),
        ("V", "final"),
        ("I", "registered"),
        ("X", "cancelled"),
        ("W", "entered-in-error"),
    ];
    RANKED.iter().find(|(code, _)| codes.clone().any(|c| c == *code)).map(|(_, status)| *status)
}

/// A DICOM modality, or the one that HL7 table 0074 has another code for. Departments (`RAD`, `LAB`) are none.
fn modality(section: &str) -> Option<String> {
    const MODALITIES: [&str; 20] = [
        "BMD", "CR", "CT", "DR", "DX", "ES", "IO", "IVUS", "MG", "MR", "NM", "OCT", "PT", "PX", "RF", "RG", "SM", "US",
        "XA", "XC",
    ];
    let section = section.to_ascii_uppercase();
    let code = match section.as_str() {
        "NMR" | "MRI" => "MR",
        "NMS" => "NM",
        "RUS" | "OUS" | "VUS" => "US",
        "PET" => "PT",
        other => MODALITIES.into_iter().find(|m| *m == other)?,
    };
    Some(code.to_owned())
}

/// `20240131143015.12+0100` -> `2024-01-31T14:30:15+01:00`, as precise as the source but for fractions of a second.
/// `None` where it is no date.
pub(super) fn iso(time: &str) -> Option<String> {
    // Some senders write ISO already.
    let plain = match time.as_bytes() {
        [_, _, _, _, b'-', _, _, b'-', ..] if time.is_ascii() => {
            Cow::Owned([&time[..4], &time[5..7], &time[8..].replace(['T', ' ', ':'], "")].concat())
        }
        _ => Cow::Borrowed(time),
    };
    let (time, zone) = match plain.find(['+', '-', 'Z']) {
        Some(at) => plain.split_at(at),
        None => (plain.as_ref(), ""),
    };
    let time = time.split_once('.').map_or(time, |(whole, _)| whole);
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    if !digits(time) || !matches!(time.len(), 4 | 6 | 8 | 10 | 12 | 14) {
        return None;
    }
    let pair = |at: usize| time.get(at..at + 2);
    let within = |at: usize, low: u32, high: u32| {
        pair(at).is_none_or(|p| p.parse().is_ok_and(|n: u32| (low..=high).contains(&n)))
    };
    // A leap second is a second.
    if !(within(4, 1, 12) && within(6, 1, 31) && within(8, 0, 23) && within(10, 0, 59) && within(12, 0, 60)) {
        return None;
    }
    let mut out = time[..4].to_owned();
    for part in [4, 6].into_iter().map_while(pair) {
        out.push('-');
        out.push_str(part);
    }
    if let Some(hour) = pair(8) {
        out = format!("{out}T{hour}:{}:{}", pair(10).unwrap_or("00"), pair(12).unwrap_or("00"));
        match zone.split_at_checked(3) {
            Some((hours, minutes)) if minutes.len() == 2 && digits(&hours[1..]) && digits(minutes) => {
                out = format!("{out}{hours}:{minutes}");
            }
            _ if matches!(zone, "" | "Z") => out.push_str(zone),
            _ => return None,
        }
    }
    Some(out)
}

/// The age at a date, both ISO and precise to the day, as DICOM writes it: years from two up, else months, else days.
fn age(born: &str, date: &str) -> Option<String> {
    let parts = |iso: &str| -> Option<[i32; 3]> {
        let part = |from: usize, to: usize| iso.get(from..to)?.parse().ok();
        Some([part(0, 4)?, part(5, 7)?, part(8, 10)?])
    };
    let ([year, month, day], [now, this_month, today]) = (parts(born)?, parts(date)?);
    let months = (now - year) * 12 + this_month - month - i32::from(today < day);
    match months {
        24..=1560 => Some(format!("{:03}Y", months / 12)),
        1..24 => Some(format!("{months:03}M")),
        // Within a month, or from one into the next: 31 days at most.
        0 => Some(format!("{:03}D", if today >= day { today - day } else { today + 30 - day })),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_become_iso() {
        let cases = [
            ("2024", Some("2024")),
            ("202401", Some("2024-01")),
            ("20240131", Some("2024-01-31")),
            ("2024013114", Some("2024-01-31T14:00:00")),
            ("202401311430", Some("2024-01-31T14:30:00")),
            ("20240131143015.1234+0130", Some("2024-01-31T14:30:15+01:30")),
            ("20240131143015-0500", Some("2024-01-31T14:30:15-05:00")),
            ("20240131143015Z", Some("2024-01-31T14:30:15Z")),
            ("20240131143015+x", None),
            ("20241331", None),
            ("2024-01-31", Some("2024-01-31")),
            ("2024-01-31 14:30", Some("2024-01-31T14:30:00")),
            ("2024-01-31T14:30:15-05:00", Some("2024-01-31T14:30:15-05:00")),
            ("2024-13-31", None),
            ("202", None),
            ("٢٠٢٤", None),
            ("", None),
        ];
        for (time, expected) in cases {
            assert_eq!(iso(time).as_deref(), expected, "{time}");
        }
    }

    #[test]
    fn ages() {
        let cases = [
            ("1960-05-17", "2024-05-16", Some("063Y")),
            ("1960-05-17", "2024-05-17T10:00:00", Some("064Y")),
            ("2022-05-17", "2024-05-16", Some("023M")),
            ("2024-05-17", "2024-05-20", Some("003D")),
            ("2024-05-30", "2024-06-02", Some("002D")),
            ("2024-05-17", "2024-05-16", None),
            ("1860-05-17", "2024-05-16", None),
            ("1960", "2024-05-16", None),
        ];
        for (born, date, expected) in cases {
            assert_eq!(age(born, date).as_deref(), expected, "{born} {date}");
        }
    }

    #[test]
    fn codes() {
        assert_eq!(
            ["CT", "ct", "NMR", "RUS", "RAD", "LAB", ""].map(|s| modality(s).unwrap_or_default()),
            ["CT", "CT", "MR", "US", "", "", ""]
        );
        assert_eq!(observed_status(["F", "F", "C"].into_iter()), Some("corrected"));
        assert_eq!(observed_status(["F", "P"].into_iter()), Some("preliminary"));
        assert_eq!(observed_status(["F", ""].into_iter()), Some("final"));
        assert_eq!(observed_status(["", "?"].into_iter()), None);
    }
}
