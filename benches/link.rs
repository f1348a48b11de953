//! A million reports linked to 1,200,000 study rows: time of one thread, and memory.
//!
//! `cargo bench --bench link`; `RADLABEL_BENCH_ROWS=12000000` for other sizes. Studies and reports are made up: 400,000
//! patients, on average three studies each. Of the reports 40 % tell every key, 20 % the UID, 20 % the accession number,
//! 20 % patient and date; every hundredth is of a study that is not there. Right and wrong links are counted.

use radlabel::link::{Keys, Outcome, Settings, Studies, Values};
use radlabel::study::StudyRow;
use radlabel::{Engine, Report, StudyKey};
use std::time::Instant;

/// A number that looks random, by position.
fn mixed(number: u64) -> u64 {
    let mut z = number.wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(0x1234_5678_9ABC_DEF1);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

fn row(number: u64, patients: u64) -> StudyRow {
    let dice = mixed(number);
    let of = ["CR\tCHEST", "CT\tCHEST", "CT\tABDOMEN", "MR\tHEAD", "DX\tKNEE", "US\tABDOMEN"][(dice % 6) as usize];
    let (modality, part) = of.split_once('\t').expect("two");
    let (month, day) = ((dice >> 8) % 12 + 1, (dice >> 16) % 28 + 1);
    StudyRow {
        study_uid: Some(format!("1.2.826.0.1.3680043.9.{}.{number}", dice % 1_000_000)),
        accession: Some(format!("A{:010}", mixed(number ^ 0x5555) % 10_000_000_000)),
        patient_id: Some(format!("P{:08}", mixed(dice % patients) % 100_000_000)),
        date: Some(format!("{:04}{month:02}{day:02}", 2010 + (dice >> 24) % 15)),
        modality: Some(modality.to_owned()),
        body_part: Some(part.to_owned()),
        sex: Some(if dice & 1 == 0 { "F" } else { "M" }.to_owned()),
        images: Some(2),
        ..StudyRow::default()
    }
}

/// Peak memory of the process in MB, where the system tells it.
fn peak() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:")).unwrap_or("0");
    line.split_whitespace().next().and_then(|n| n.parse::<f64>().ok()).unwrap_or(0.0) / 1024.0
}

fn main() {
    let given = std::env::var("RADLABEL_BENCH_ROWS").ok().and_then(|v| v.parse().ok());
    let rows: u64 = given.unwrap_or(1_200_000);
    let (reports, patients) = (rows * 5 / 6, rows / 3);
    let engine = Engine::embedded();
    let values = Values::new(&engine).expect("the linking rules are built in");
    let before = peak();

    let start = Instant::now();
    let mut studies = Studies::default();
    for number in 0..rows {
        studies.add(&row(number, patients), &values);
    }
    studies.finish(&values);
    let gathered = start.elapsed();
    println!("{rows} study rows gathered and sorted: {:.2} s, with the making of the rows", gathered.as_secs_f64());

    let settings = Settings::default();
    let (mut right, mut wrong, mut ambiguous, mut seconds) = (0_u64, 0_u64, 0_u64, 0.0);
    for number in 0..reports {
        let of = if number % 100 == 99 { rows + number } else { mixed(number ^ 0xABCD) % rows };
        let row = row(of, patients);
        let kind = number % 5;
        let key = |kinds: &[u64], value: &Option<String>| value.clone().filter(|_| kinds.contains(&kind));
        let study = StudyKey {
            study_uid: key(&[0, 1, 2], &row.study_uid),
            accession: key(&[0, 1, 3], &row.accession),
            patient_id: key(&[0, 1, 4], &row.patient_id),
            date: key(&[0, 1, 4], &row.date),
            modality: row.modality.clone(),
            body_part: row.body_part.clone(),
            ..StudyKey::default()
        };
        let report = Report { id: number.to_string(), study, ..Report::default() };
        let start = Instant::now();
        let keys = Keys::of(&values, &report, None, None);
        let decision = studies.decide(&keys, &values, &settings);
        seconds += start.elapsed().as_secs_f64();
        match decision.outcome {
            Outcome::Linked => {
                let hit = decision.links.iter().any(|l| Some(studies.uid(l.study)) == row.study_uid.as_deref());
                *(if hit { &mut right } else { &mut wrong }) += 1;
            }
            Outcome::Ambiguous => ambiguous += 1,
            Outcome::Unlinked => {}
        }
    }
    println!("{reports} reports linked: {seconds:.2} s, {:.0} reports/s", reports as f64 / seconds);
    println!("{right} right, {wrong} wrong, {ambiguous} ambiguous, {} unlinked", reports - right - wrong - ambiguous);
    println!("peak memory {:.0} MB, {:.0} MB before the studies", peak(), before);
}
