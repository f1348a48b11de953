//! The tables of `radlabel link`: links, merged labels, studies without a report.

use super::Linked;
use crate::cli::rows::RowWriter;
use crate::link::{Field, Outcome, Role, Studies};
use crate::output::table::{Cells, ColumnSpec, Kind};
use crate::rules::{Scheme, Status};

/// Columns of the link table: name, kind, meaning.
const COLUMNS: [(&str, Kind, &str); 15] = [
    ("report_id", Kind::Text, "The report's id"),
    ("outcome", Kind::Text, "linked, ambiguous, unlinked"),
    ("study_uid", Kind::Text, "Study Instance UID of the study, or of a candidate"),
    ("accession", Kind::Text, "The study's accession number"),
    ("patient_id", Kind::Text, "The study's patient id"),
    ("date", Kind::Text, "The study's date, YYYYMMDD"),
    ("method", Kind::Text, "The most trusted key that agrees: study-uid, accession, accession-plain, patient-date"),
    ("confidence", Kind::Real, "Probability that the report is of this study, or of these"),
    ("agrees", Kind::Texts, "Fields that agree"),
    ("conflicts", Kind::Texts, "Fields that contradict: field: report / study"),
    ("candidate", Kind::Number, "Number of the study among the candidates of the report, the likeliest first"),
    ("candidates", Kind::Number, "How many studies were weighed"),
    ("role", Kind::Text, "Among the reports of the study: ruling, addendum, superseded, void"),
    ("images", Kind::Number, "Images of the study that were told"),
    ("reason", Kind::Text, "Why it is not linked, or what is odd about the link"),
];

/// Columns of a table for eyes.
const SHORT: [&str; 7] = ["report_id", "outcome", "study_uid", "method", "confidence", "conflicts", "reason"];

fn specs(columns: &[(&str, Kind, &'static str)]) -> Vec<ColumnSpec> {
    columns.iter().map(|&(name, kind, about)| ColumnSpec { name: name.to_owned(), kind, about }).collect()
}

/// Columns of the link table; of a short one those that eyes want.
pub(super) fn columns(short: bool) -> Vec<ColumnSpec> {
    let all = specs(&COLUMNS);
    all.into_iter().filter(|c| !short || SHORT.contains(&c.name.as_str())).collect()
}

/// Writes all links in the order of the reports.
pub(super) fn write(
    mut rows: RowWriter,
    short: bool,
    kept: &[Linked],
    roles: &[Option<Role>],
    studies: &Studies,
) -> anyhow::Result<()> {
    for (linked, role) in kept.iter().zip(roles) {
        if linked.decision.links.is_empty() {
            rows.row(|cells| row(cells, short, linked, None, *role, studies))?;
        }
        for number in 0..linked.decision.links.len() {
            rows.row(|cells| row(cells, short, linked, Some(number), *role, studies))?;
        }
    }
    rows.finish()
}

fn filled(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

fn row(
    cells: &mut dyn Cells,
    short: bool,
    linked: &Linked,
    number: Option<usize>,
    role: Option<Role>,
    studies: &Studies,
) {
    let decision = &linked.decision;
    let link = number.map(|n| &decision.links[n]);
    let study = link.map(|l| l.study);
    cells.text(Some(&linked.id));
    cells.text(Some(decision.outcome.name()));
    cells.text(study.and_then(|s| filled(studies.uid(s))));
    if !short {
        cells.text(study.and_then(|s| filled(studies.accession(s))));
        cells.text(study.and_then(|s| filled(studies.patient(s))));
        let date = study.and_then(|s| studies.study(s).date).map(|d| d.to_string());
        cells.text(date.as_deref());
    }
    cells.text(link.map(|l| l.method.name()));
    // More digits than mean anything would only differ from machine to machine.
    cells.real(link.map(|l| ((l.confidence * 1e5).floor() / 1e5) as f32));
    if !short {
        let agrees = Field::ALL.into_iter().filter(|f| link.is_some_and(|l| l.agrees & f.bit() != 0));
        cells.texts(&agrees.map(Field::name).collect::<Vec<_>>());
    }
    let conflicts = number.map_or(&[][..], |n| &linked.conflicts[n]);
    let told: Vec<String> =
        conflicts.iter().map(|c| format!("{}: {} / {}", c.field.name(), c.report, c.study)).collect();
    cells.texts(&told.iter().map(String::as_str).collect::<Vec<_>>());
    if !short {
        cells.number(number.map(|n| n as u32 + 1));
        cells.number(Some(decision.candidates));
        cells.text(role.filter(|_| decision.outcome == Outcome::Linked).map(Role::name));
        cells.number(study.map(|s| studies.study(s).images));
    }
    cells.text(filled(decision.reason));
}

const STUDY: [(&str, Kind, &str); 5] = [
    ("study_uid", Kind::Text, "Study Instance UID"),
    ("accession", Kind::Text, "Accession number"),
    ("patient_id", Kind::Text, "Patient id"),
    ("date", Kind::Text, "Study date, YYYYMMDD"),
    ("images", Kind::Number, "Images that were told"),
];

/// Columns of the studies without a report.
pub(super) fn study_columns() -> Vec<ColumnSpec> {
    specs(&STUDY)
}

/// A study.
pub(super) fn study_row(cells: &mut dyn Cells, studies: &Studies, study: u32) {
    cells.text(filled(studies.uid(study)));
    cells.text(filled(studies.accession(study)));
    cells.text(filled(studies.patient(study)));
    cells.text(studies.study(study).date.map(|d| d.to_string()).as_deref());
    cells.number(Some(studies.study(study).images));
}

/// Columns of the merged labels.
pub(super) fn merged_columns(scheme: &Scheme) -> Vec<ColumnSpec> {
    let mut columns = specs(&STUDY);
    columns.extend(specs(&[
        ("ruling", Kind::Text, "Id of the report that rules"),
        ("reports", Kind::Texts, "Ids of the reports whose labels these are: the ruling one and its addenda"),
        ("of_reports", Kind::Number, "How many reports are linked to the study"),
    ]));
    columns.extend(scheme.labels.iter().map(|l| ColumnSpec {
        name: l.name.to_string(),
        kind: Kind::Value,
        about: "1 present, 0 absent, -1 uncertain; missing: not mentioned",
    }));
    columns
}

/// The labels of a study.
pub(super) fn merged_row(
    cells: &mut dyn Cells,
    studies: &Studies,
    study: u32,
    ruling: Option<&str>,
    ids: &[&str],
    reports: usize,
    labels: &[Option<Status>],
) {
    study_row(cells, studies, study);
    cells.text(ruling);
    cells.texts(ids);
    cells.number(Some(reports as u32));
    for label in labels {
        cells.value(label.map(|status| match status {
            Status::Present => 1,
            Status::Absent => 0,
            Status::Uncertain => -1,
        }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Engine;
    use crate::link::{Method, Role};
    use crate::output::pages::{hold, part};

    #[test]
    fn every_column_and_name_stands_in_the_page() {
        let page = include_str!("../../imaging/FORMATS.md");
        hold(part(page, "## The link table"), &columns(false));
        let merged = part(page, "### Several reports of a study");
        let scheme = &Engine::embedded().scheme("chexpert").expect("a scheme").scheme;
        for column in merged_columns(scheme).iter().filter(|c| c.kind != Kind::Value) {
            assert!(merged.contains(&format!("`{}`", column.name)), "{}", column.name);
        }
        for (name, _, _) in STUDY {
            assert!(merged.rsplit("--without-report").next().is_some_and(|s| s.contains(name)), "{name}");
        }
        let link = page.split("## The link table").nth(1).expect("the table");
        for name in Method::ALL.map(Method::name).into_iter().chain(Role::ALL.map(Role::name)) {
            assert!(link.contains(name), "{name}");
        }
    }
}
