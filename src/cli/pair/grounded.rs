//! Tables beside the pairings: phrases with the boxes that ground them, a manifest of studies to train with, and lists
//! to work through.

use super::catalog::{Catalog, Study};
use super::reports::Read;
use super::rows::Row;
use crate::annotation::geometry;
use crate::lexicon::Side;
use crate::output::table::{Cells, ColumnSpec, Kind};
use crate::pair::{Outcome, Pairing};
use crate::rules::Scheme;

fn specs<const N: usize>(columns: [(&str, Kind, &'static str); N]) -> Vec<ColumnSpec> {
    columns.map(|(name, kind, about)| ColumnSpec { name: name.to_owned(), kind, about }).to_vec()
}

/// Columns of the phrase-grounding table.
pub(super) fn grounding_columns() -> Vec<ColumnSpec> {
    specs([
        ("study_uid", Kind::Text, "Study Instance UID"),
        ("image", Kind::Text, "The image"),
        ("report_id", Kind::Text, "The report"),
        ("sentence", Kind::Text, "The sentence of the mention: patient text"),
        ("phrase", Kind::Text, "The mention, as it stands in the text"),
        ("start", Kind::Number, "Where it begins, in code points of the report"),
        ("end", Kind::Number, "Where it ends"),
        ("finding", Kind::Text, "The concept that it names"),
        ("label", Kind::Text, "The label"),
        ("status", Kind::Text, "present, uncertain"),
        ("side", Kind::Text, "Side of the annotation, where known"),
        ("x", Kind::Real, "Left edge of what bounds the annotation, in pixels"),
        ("y", Kind::Real, "Upper edge"),
        ("w", Kind::Real, "Width"),
        ("h", Kind::Real, "Height"),
        ("image_width", Kind::Number, "Width of the image in pixels"),
        ("image_height", Kind::Number, "Height"),
        ("annotation", Kind::Text, "Id of the annotation"),
        ("annotation_source", Kind::Text, "The file that it stands in"),
        ("reader", Kind::Text, "Who drew it"),
        ("conflicts", Kind::Texts, "What contradicts between report and all that is drawn: side, count, size"),
    ])
}

/// The rows of one pairing: each annotation with the mention that fits its side.
pub(super) fn grounding(row: &Row<'_>, catalog: &Catalog, scheme: &Scheme, cells: &mut dyn Cells) {
    let (Some(read), Outcome::Both | Outcome::UncertainDrawn) = (row.read, row.pairing.outcome) else { return };
    let Some(said) = read.said.iter().find(|s| s.label == row.pairing.label) else { return };
    for &(set, index) in &row.pairing.annotations {
        let mapped = &catalog.sets[set as usize].set;
        let annotation = &mapped.annotations[index as usize];
        let Some([x0, y0, x1, y1]) = geometry::bounds(&annotation.shape) else { continue };
        let Some(place) = row.study.images.iter().position(|i| i.parts.contains(&(set, annotation.image))) else {
            continue;
        };
        let image = &row.study.images[place].row;
        let side = annotation.side.or_else(|| Some(crate::annotation::side(&annotation.shape, image)?.0));
        let Some((mention, spot)) = fitting(read, &said.mentions, side) else { continue };
        let _ = mention;
        let phrase = spot.sentence.as_deref().and_then(|s| s.get(spot.marked.clone()));
        cells.text(row.uid());
        cells.text(row.study.names.get(place).map(String::as_str));
        cells.text(Some(&read.id));
        cells.text(spot.sentence.as_deref().filter(|_| row.text));
        cells.text(phrase.filter(|_| row.text));
        cells.number(Some(spot.place.0));
        cells.number(Some(spot.place.1));
        cells.text(Some(&spot.finding));
        cells.text(Some(&scheme.labels[said.label as usize].name));
        cells.text(Some(said.status.name()));
        cells.text(side.map(|s| s.name()));
        for value in [x0, y0, x1 - x0, y1 - y0] {
            cells.real(Some(value as f32));
        }
        cells.number(image.columns);
        cells.number(image.rows);
        cells.text(Some(&annotation.id));
        cells.text(Some(&mapped.source));
        cells.text(annotation.reader.as_deref());
        cells.texts(&row.pairing.discords.iter().map(|d| d.name()).collect::<Vec<_>>());
        cells.end();
    }
}

/// The mention that speaks of an annotation: the first of its side, else the first without a side; one of the other
/// side speaks of something else.
fn fitting<'r>(read: &'r Read, mentions: &[u32], side: Option<Side>) -> Option<(u32, &'r super::reports::Spot)> {
    let spots = || mentions.iter().filter_map(|m| Some((*m, read.spots.get(m)?)));
    match side {
        None => spots().next(),
        Some(side) => spots()
            .find(|(_, s)| s.side == Some(side) || s.side == Some(Side::Bilateral))
            .or_else(|| spots().find(|(_, s)| s.side.is_none() || side == Side::Bilateral)),
    }
}

/// Columns of the manifest: a row a report and study.
pub(super) fn manifest_columns(scheme: &Scheme) -> Vec<ColumnSpec> {
    let mut out = specs([
        ("study_uid", Kind::Text, "Study Instance UID"),
        ("report_id", Kind::Text, "The report"),
        (
            "images",
            Kind::Texts,
            "Paths of the study's images, where a study table tells them; else the annotated names",
        ),
        ("views", Kind::Texts, "View of each image; - where not known"),
    ]);
    let about = "1 present, 0 absent, -1 uncertain; missing: not mentioned";
    out.extend(scheme.labels.iter().map(|l| ColumnSpec { name: l.name.to_string(), kind: Kind::Value, about }));
    out.extend(specs([
        ("drawn", Kind::Texts, "Labels that are drawn"),
        ("outcomes", Kind::Texts, "Label=outcome, of every label that was paired"),
        ("conflicts", Kind::Texts, "Labels in conflict"),
        ("evidence", Kind::Texts, "Label: sentence of the mention that decided; patient text"),
    ]));
    out
}

/// The row of a report and a study.
pub(super) fn manifest(
    read: &Read,
    study: &Study,
    pairings: &[Pairing],
    catalog: &Catalog,
    scheme: &Scheme,
    text: bool,
    cells: &mut dyn Cells,
) {
    let name = |label: u32| &*scheme.labels[label as usize].name;
    cells.text(Some(&*study.uid).filter(|u| !u.is_empty()));
    cells.text(Some(&read.id));
    let view = |v: Option<&str>| v.filter(|v| !v.is_empty()).unwrap_or("-").to_owned();
    let mut images: Vec<(&str, String)> = Vec::new();
    match catalog.files.get(&study.uid).filter(|f| !f.is_empty()) {
        Some(files) => images.extend(files.iter().map(|(path, v)| (&**path, view(Some(v))))),
        None => {
            let each = study.names.iter().zip(&study.images);
            images.extend(each.map(|(name, i)| (i.row.path.as_deref().unwrap_or(name), view(i.row.view.as_deref()))));
        }
    }
    cells.texts(&images.iter().map(|i| i.0).collect::<Vec<_>>());
    cells.texts(&images.iter().map(|i| &*i.1).collect::<Vec<_>>());
    for label in 0..scheme.labels.len() as u32 {
        let said = read.said.iter().find(|s| s.label == label);
        cells.value(said.map(|s| crate::output::label_code(s.status)));
    }
    let drawn = pairings.iter().filter(|p| !p.annotations.is_empty() && p.image_count > 0);
    cells.texts(&drawn.map(|p| name(p.label)).collect::<Vec<_>>());
    let outcomes: Vec<String> = pairings.iter().map(|p| format!("{}={}", name(p.label), p.outcome.name())).collect();
    cells.texts(&outcomes.iter().map(String::as_str).collect::<Vec<_>>());
    cells.texts(&pairings.iter().filter(|p| p.is_conflict()).map(|p| name(p.label)).collect::<Vec<_>>());
    let evidence: Vec<String> = read
        .said
        .iter()
        .filter_map(|s| Some((s.label, read.spots.get(&s.mention?)?.sentence.as_deref().filter(|_| text)?)))
        .map(|(label, sentence)| format!("{}: {sentence}", name(label)))
        .collect();
    cells.texts(&evidence.iter().map(String::as_str).collect::<Vec<_>>());
    cells.end();
}

/// A list to work through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum List {
    /// Reported and not drawn.
    ReportOnly,
    /// Drawn and not reported, or denied.
    ImageOnly,
}

impl List {
    pub(super) fn of(outcome: Outcome) -> Option<List> {
        match outcome {
            Outcome::ReportOnly => Some(List::ReportOnly),
            Outcome::ImageOnly | Outcome::Denied => Some(List::ImageOnly),
            _ => None,
        }
    }
}

/// A row of it, as text.
#[derive(Clone, Debug)]
pub(super) struct Work {
    pub(super) list: List,
    /// How sure it is that the row is as told, 0 to 1.
    pub(super) sure: f32,
    pub(super) cells: Vec<String>,
}

const WORK: [&str; 11] = [
    "rank",
    "sure",
    "report_id",
    "study_uid",
    "image",
    "label",
    "outcome",
    "report_status",
    "sentence",
    "annotations",
    "readers",
];

/// The row of a pairing, where it belongs on a list. Of what is reported only, the confidence of the label's value; of
/// what is drawn only, the share of readers who drew it times the highest score that the source gives; both times the
/// confidence of the link. What nobody tells is 1.
pub(super) fn work(row: &Row<'_>, catalog: &Catalog, scheme: &Scheme) -> Option<Work> {
    let read = row.read?;
    let list = List::of(row.pairing.outcome)?;
    let link = row.link.and_then(|l| l.confidence).unwrap_or(1.0);
    let sure = match list {
        List::ReportOnly => {
            let at = read.said.iter().position(|s| s.label == row.pairing.label);
            at.and_then(|at| read.sure.get(at).copied()).unwrap_or(1.0)
        }
        List::ImageOnly => {
            let share = row.pairing.readers.map_or(1.0, |(drew, all)| drew as f32 / all.max(1) as f32);
            let score = |&(set, index): &(u32, u32)| catalog.sets[set as usize].set.annotations[index as usize].score;
            let scores = row.pairing.annotations.iter().filter_map(score).filter(|s| s.is_finite());
            share * scores.fold(None, |m: Option<f64>, s| Some(m.map_or(s, |m| m.max(s)))).unwrap_or(1.0) as f32
        }
    };
    let sure = (sure * link).clamp(0.0, 1.0);
    let cells = vec![
        read.id.clone(),
        row.study.uid.clone(),
        row.image_names().join("; "),
        scheme.labels[row.pairing.label as usize].name.to_string(),
        row.outcome().to_owned(),
        row.pairing.status.map_or("", |s| s.name()).to_owned(),
        row.sentence().unwrap_or_default().to_owned(),
        row.ids(catalog).join("; "),
        row.readers().unwrap_or_default(),
    ];
    Some(Work { list, sure, cells })
}

/// A list as CSV, the surest first; rows as sure keep the order of the reports.
pub(super) fn work_table(rows: &[Work], list: List) -> anyhow::Result<Vec<u8>> {
    let mut rows: Vec<&Work> = rows.iter().filter(|w| w.list == list).collect();
    rows.sort_by(|a, b| b.sure.total_cmp(&a.sure));
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(WORK)?;
    for (rank, row) in rows.iter().enumerate() {
        let head = [(rank + 1).to_string(), format!("{:.3}", row.sure)];
        writer.write_record(head.iter().chain(&row.cells))?;
    }
    writer.into_inner().map_err(|e| e.into_error().into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Engine;
    use crate::output::pages::{hold, part};

    #[test]
    fn every_column_stands_in_the_page() {
        let page = include_str!("../../annotations/FORMATS.md");
        let beside = part(page, "## Beside the table");
        let (grounding, rest) = beside.split_once("**`--manifest OUT`**").expect("the manifest");
        hold(grounding, &grounding_columns());
        // Whatever the scheme, its labels stand as one row.
        let scheme = &Engine::embedded().scheme("chexpert").expect("a scheme").scheme;
        let mut columns = manifest_columns(scheme);
        let labels = columns.iter().filter(|c| c.kind == Kind::Value).count();
        assert_eq!(labels, scheme.labels.len());
        let first = columns.iter().position(|c| c.kind == Kind::Value).expect("a label");
        columns.drain(first + 1..first + labels);
        columns[first].name = "*label*".to_owned();
        hold(&rest.replace("| *label* |", "| `*label*` |"), &columns);
        let lists = part(page, "## Beside the table").split("**`--worklist").nth(1).expect("the lists");
        for column in WORK {
            assert!(lists.contains(&format!("`{column}`")), "{column}");
        }
    }
}
