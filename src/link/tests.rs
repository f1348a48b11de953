//! Tests of linking.

use super::values::accessions;
use super::*;
use crate::Engine;
use crate::report::{Report, StudyKey};
use crate::study::StudyRow;
use std::sync::LazyLock;

static ENGINE: LazyLock<Engine> = LazyLock::new(Engine::embedded);

fn values() -> Values<'static> {
    Values::new(&ENGINE).expect("the linking rules are built in")
}

/// A study of `uid accession patient date modality part sex age`; `-` for what is not told.
fn row(text: &str) -> StudyRow {
    let mut cells = text.split(' ').map(|c| (c != "-").then(|| c.to_owned()));
    let mut next = || cells.next().flatten();
    StudyRow {
        study_uid: next(),
        accession: next(),
        patient_id: next(),
        date: next(),
        modality: next(),
        body_part: next(),
        sex: next(),
        age: next(),
        ..StudyRow::default()
    }
}

fn studies(rows: &[&str]) -> Studies {
    let mut studies = Studies::default();
    for text in rows {
        assert!(studies.add(&row(text), &values()), "{text}");
    }
    studies.finish(&values());
    studies
}

/// The keys of a report, written as a study is.
fn keys(text: &str) -> Keys {
    let row = row(text);
    let study = StudyKey {
        study_uid: row.study_uid,
        accession: row.accession,
        patient_id: row.patient_id,
        date: row.date,
        modality: row.modality,
        body_part: row.body_part,
        sex: row.sex,
        age: row.age,
        ..StudyKey::default()
    };
    Keys::of(&values(), &Report { study, ..Report::default() }, None, None)
}

fn decide(studies: &Studies, text: &str) -> Decision {
    studies.decide(&keys(text), &values(), &Settings::default())
}

/// Study UIDs of the links, with the method of the first.
fn told(studies: &Studies, decision: &Decision) -> (Outcome, Vec<String>, Option<Method>) {
    let uids = decision.links.iter().map(|l| studies.uid(l.study).to_owned()).collect();
    (decision.outcome, uids, decision.links.first().map(|l| l.method))
}

const TWO_PATIENTS: [&str; 4] = [
    "1.2.1 A0001 p100001 20110328 CR CHEST F 055Y",
    "1.2.2 A0002 p100001 20120328 CR CHEST F 056Y",
    "1.2.3 A0003 p200002 20110328 CT ABDOMEN M 031Y",
    "1.2.4 A0004 p200002 20110328 CR CHEST M 031Y",
];

#[test]
fn days() {
    for (text, day) in [
        ("19700101", "19700101"),
        ("2011-03-28T09:06:50Z", "20110328"),
        ("20110328090650", "20110328"),
        ("2012/2/9", "20120209"),
        ("2000.12.31", "20001231"),
    ] {
        assert_eq!(Day::read(text).map(|d| d.to_string()).as_deref(), Some(day), "{text}");
    }
    for text in ["20200231", "20201301", "3/12/2024", "2011", "", "20110", "2011-03", "99999999", "2011-03-281"] {
        assert_eq!(Day::read(text), None, "{text}");
    }
    let days = |text| Day::read(text).expect("a day").0;
    assert_eq!((days("19700101"), days("20000301") - days("20000228")), (0, 2));
    // Every day has its own number and comes back.
    for number in -60_000..60_000 {
        assert_eq!(Day::read(&Day(number).to_string()), Some(Day(number)));
    }
}

#[test]
fn the_rules_own_pairs_hold() {
    assert_eq!(values().check(), Vec::<String>::new());
}

#[test]
fn several_accession_numbers_and_their_issuers() {
    let one = |n: &str, i: Option<&str>| (n.to_owned(), i.map(str::to_owned));
    assert_eq!(accessions(" A1 ", None), [one("A1", None)]);
    assert_eq!(accessions("A1; A2,A1", None), [one("A1", None), one("A2", None)]);
    assert_eq!(accessions("A1^RIS^1.2^ISO", Some("X")), [one("A1", Some("RIS"))]);
    assert_eq!(accessions("A1", Some("X")), [one("A1", Some("X"))]);
    assert_eq!(accessions("^", None), []);
}

#[test]
fn each_key_alone_finds_its_study() {
    let all = studies(&TWO_PATIENTS);
    let linked = |uid: &str, method| (Outcome::Linked, vec![uid.to_owned()], Some(method));
    assert_eq!(told(&all, &decide(&all, "1.2.3 - - -")), linked("1.2.3", Method::StudyUid));
    assert_eq!(told(&all, &decide(&all, "urn:oid:1.2.3 - - -")), linked("1.2.3", Method::StudyUid));
    assert_eq!(told(&all, &decide(&all, "- A0003 - -")), linked("1.2.3", Method::Accession));
    assert_eq!(told(&all, &decide(&all, "- a-3 - -")), linked("1.2.3", Method::AccessionPlain));
    assert_eq!(told(&all, &decide(&all, "- - p100001 2012-03-28")), linked("1.2.2", Method::PatientDate));
}

#[test]
fn a_day_with_two_studies_is_told_apart_by_what_was_examined() {
    let all = studies(&TWO_PATIENTS);
    let decision = decide(&all, "- - p200002 20110328");
    assert_eq!((decision.outcome, decision.reason), (Outcome::Ambiguous, "several studies fit"));
    assert_eq!(decision.links.len(), 2);
    assert_eq!(told(&all, &decide(&all, "- - p200002 20110328 CT")).1, ["1.2.3"]);
    assert_eq!(told(&all, &decide(&all, "- - p200002 20110328 DX THORAX")).1, ["1.2.4"]);
}

#[test]
fn what_contradicts_is_weighed_and_told() {
    let all = studies(&TWO_PATIENTS);
    // The UID is another study's: accession, patient, date and age outweigh it.
    let of = keys("1.2.3 A0001 p100001 20110328 CR CHEST F 055Y");
    let decision = all.decide(&of, &values(), &Settings::default());
    assert_eq!(told(&all, &decision), (Outcome::Linked, vec!["1.2.1".to_owned()], Some(Method::Accession)));
    assert_eq!(decision.reason, "linked in spite of a conflict");
    let conflicts = all.conflicts(&decision.links[0], &of, &values());
    let conflict = Conflict { field: Field::StudyUid, report: "1.2.3".to_owned(), study: "1.2.1".to_owned() };
    assert_eq!(conflicts, [conflict]);
    // Two keys against one another and nothing else: no guess.
    let decision = decide(&all, "1.2.3 A0001 - -");
    assert_eq!((decision.outcome, decision.links.len()), (Outcome::Ambiguous, 2));
    // One key, and all else against it.
    let decision = decide(&all, "1.2.3 - p100001 20190101 MR KNEE F 055Y");
    assert_eq!((decision.outcome, decision.reason), (Outcome::Ambiguous, "the keys contradict"));
    let of = keys("- A0004 p200002 20110401 CR CHEST F 031Y");
    let decision = all.decide(&of, &values(), &Settings::default());
    let conflicts = all.conflicts(&decision.links[0], &of, &values());
    let told: Vec<(Field, &str)> = conflicts.iter().map(|c| (c.field, c.study.as_str())).collect();
    assert_eq!(told, [(Field::Date, "20110328 (4 days before)"), (Field::Sex, "M")]);
    assert_eq!(decision.outcome, Outcome::Linked);
}

#[test]
fn nothing_is_linked_without_a_key_or_a_study() {
    let all = studies(&TWO_PATIENTS);
    for (keys, reason) in [
        ("- - - 20110328 CR CHEST F 055Y", "the report has no key"),
        ("9.9 - - -", "no study has this UID"),
        ("- X9 - -", "no study has this accession number"),
        ("- 000 - -", "no study has this accession number"),
        ("- - p9 20110328", "no study is of this patient"),
        ("9.9 X9 - -", "no study has any of the report's keys"),
        ("- - p100001 20150101", "no study of the patient has the date or lies within the window"),
    ] {
        let decision = decide(&all, keys);
        assert_eq!((decision.outcome, decision.reason, decision.links.len()), (Outcome::Unlinked, reason, 0), "{keys}");
    }
    // A patient alone tells no study, even where but one is known.
    let one = studies(&["1.2.1 A0001 p100001 20110328"]);
    assert_eq!(decide(&one, "- - p100001 -").outcome, Outcome::Ambiguous);
}

#[test]
fn an_accession_number_used_twice() {
    let all = studies(&["1.2.1 7 p1 20110328 CR CHEST", "1.2.2 7 p2 20110328 CR CHEST"]);
    let decision = decide(&all, "- 7 - 20110328");
    assert_eq!((decision.outcome, decision.links.len()), (Outcome::Ambiguous, 2));
    assert_eq!(told(&all, &decide(&all, "- 7 p2 20110328")).1, ["1.2.2"]);
    // Issuers tell them apart.
    let mut all = Studies::default();
    for (uid, issuer) in [("1.2.1", "EAST"), ("1.2.2", "WEST")] {
        let text = row(&format!("{uid} 7 - -"));
        all.add(&StudyRow { accession_issuer: Some(issuer.to_owned()), ..text }, &values());
    }
    all.finish(&values());
    assert_eq!(told(&all, &decide(&all, "- 7^west - -")).1, ["1.2.2"]);
    assert_eq!(decide(&all, "- 7^north - -").outcome, Outcome::Unlinked);
}

#[test]
fn one_report_for_several_studies() {
    // One order, two studies.
    let all =
        studies(&["1.2.1 A7 p1 20110328 CT CHEST", "1.2.2 A7 p1 20110328 CT ABDOMEN", "1.2.3 A8 p1 20110329 CT HEAD"]);
    let decision = decide(&all, "- A7 p1 20110328 CT");
    assert_eq!(decision.reason, "one report for several studies");
    assert_eq!(told(&all, &decision), (Outcome::Linked, vec!["1.2.1".into(), "1.2.2".into()], Some(Method::Accession)));
    // The report names two orders.
    let decision = decide(&all, "- A7,A8 p1 -");
    assert_eq!((decision.outcome, decision.links.len()), (Outcome::Linked, 3));
    // And what names only one of them is of that one.
    assert_eq!(told(&all, &decide(&all, "- A7 p1 20110328 CT ABDOMEN")).1[0], "1.2.2");
}

#[test]
fn rows_of_series_and_images_are_one_study() {
    let mut all = Studies::default();
    for (series, sop, patient) in [("1", "1.1", "p1"), ("1", "1.2", "p1"), ("2", "2.1", "p9")] {
        let row = StudyRow {
            series_uid: Some(series.to_owned()),
            sop_uid: Some(sop.to_owned()),
            patient_id: Some(patient.to_owned()),
            ..row("1.2.1 A1 - 20110328 CT CHEST")
        };
        all.add(&row, &values());
    }
    assert!(!all.add(&StudyRow::default(), &values()));
    all.finish(&values());
    let study = all.study(0);
    assert_eq!((all.len(), study.series, study.images, study.mixed, all.nameless), (1, 2, 3, true, 1));
}

#[test]
fn the_text_completes_the_keys() {
    let text = "EXAM: XR LEFT KNEE\n\nFINDINGS: 45-year-old man. No fracture.";
    let report = Report { text: text.to_owned(), ..Report::default() };
    let analysis = ENGINE.analyze(&report);
    let keys = Keys::of(&values(), &report, Some((&ENGINE, &analysis)), None);
    assert_eq!(keys.modalities, values().modalities("DX"));
    assert!(values().parts_meet(keys.parts, values().parts("KNEE")));
    assert_eq!(keys.side.map(|s| s.name()), Some("left"));
    assert!(keys.is_empty() && keys.from_text & Field::Side.bit() != 0);
}

#[test]
fn which_report_rules() {
    let report = |status: &str, time: &str| Ruled {
        status: (!status.is_empty()).then(|| status.to_owned()),
        time: (!time.is_empty()).then(|| time.to_owned()),
        is_addendum: false,
    };
    use Role::{Addendum, Ruling, Superseded, Void};
    for (reports, expected) in [
        (vec![report("", "")], vec![Ruling]),
        (vec![report("preliminary", "2011"), report("final", "2010")], vec![Superseded, Ruling]),
        (vec![report("final", "20110328"), report("corrected", "20110327")], vec![Superseded, Ruling]),
        (vec![report("final", "2011-03-28T10:00"), report("final", "201103280900")], vec![Ruling, Superseded]),
        (vec![report("final", ""), report("final", "")], vec![Superseded, Ruling]),
        (vec![report("cancelled", ""), report("preliminary", "")], vec![Void, Ruling]),
        (vec![report("entered-in-error", "")], vec![Void]),
        (vec![report("final", "20110328"), report("appended", "20110330")], vec![Ruling, Addendum]),
        (vec![report("appended", "20110330")], vec![Ruling]),
    ] {
        assert_eq!(roles(&reports), expected, "{reports:?}");
    }
}

#[test]
fn labels_of_a_study() {
    use crate::rules::Status::{Absent, Present, Uncertain};
    let time = |t: &str| Ruled { time: Some(t.to_owned()), ..Ruled::default() };
    let (first, late, early) = (time("2011"), time("2013"), time("2012"));
    let merged = Ruled::merged(&[
        (Role::Superseded, &first, &[Some(Present), Some(Present), Some(Present)]),
        (Role::Addendum, &late, &[None, Some(Absent), None]),
        (Role::Ruling, &first, &[Some(Uncertain), Some(Present), None]),
        (Role::Addendum, &early, &[None, Some(Uncertain), None]),
    ]);
    assert_eq!(merged, [Some(Uncertain), Some(Absent), None]);
}

proptest::proptest! {
    #[test]
    fn no_key_makes_it_panic(cells in proptest::collection::vec("\\PC{0,12}", 8)) {
        let all = studies(&TWO_PATIENTS);
        let decision = decide(&all, &cells.join(" "));
        for link in &decision.links {
            proptest::prop_assert!((0.0..=1.0).contains(&link.confidence));
        }
    }
}
