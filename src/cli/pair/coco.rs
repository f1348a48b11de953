//! The annotations as COCO again, each with what the report says of it.
//!
//! Categories are the labels of the scheme. What has no place in an image (labels of a whole image, volumes) is left
//! out and counted.

use super::catalog::Catalog;
use crate::annotation::{Annotation, Shape, Stance, geometry};
use crate::crosswalk::Relation;
use crate::output::Sink;
use crate::rules::{Scheme, Status};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::path::Path;

/// What one report says of one annotation.
#[derive(Clone, Debug)]
pub(super) struct Note {
    pub(super) at: (u32, u32),
    pub(super) label: u32,
    pub(super) report_id: String,
    pub(super) status: Option<&'static str>,
    pub(super) sentence: Option<String>,
    pub(super) outcome: &'static str,
    pub(super) conflicts: Vec<&'static str>,
    pub(super) report_side: Option<&'static str>,
}

/// Notes by annotation and label, in the order of the reports.
pub(super) type Notes = BTreeMap<((u32, u32), u32), Vec<Note>>;

/// Writes the file; gives how many annotations it holds and how many were left out.
pub(super) fn write(path: &Path, catalog: &Catalog, scheme: &Scheme, notes: &Notes) -> anyhow::Result<(u64, u64)> {
    let mut images = Vec::new();
    let mut annotations = Vec::new();
    let mut left_out = 0;
    for study in &catalog.studies {
        for (image, name) in study.images.iter().zip(&study.names) {
            let id = images.len() + 1;
            let mut told = Map::new();
            told.insert("id".into(), json!(id));
            told.insert("file_name".into(), json!(name));
            if let (Some(width), Some(height)) = (image.row.columns, image.row.rows) {
                told.insert("width".into(), json!(width));
                told.insert("height".into(), json!(height));
            }
            if !study.uid.is_empty() {
                told.insert("study_uid".into(), json!(study.uid));
            }
            images.push(Value::Object(told));
            for &(set, at) in &image.parts {
                let mapped = &catalog.sets[set as usize];
                for &index in &mapped.by_image[at as usize] {
                    let annotation = &mapped.set.annotations[index as usize];
                    // What is not there has no place in COCO.
                    if annotation.stance == Stance::Absent {
                        continue;
                    }
                    let category = &mapped.set.categories[annotation.category as usize];
                    let label = label_of((set, index), &mapped.targets[annotation.category as usize], notes);
                    let form = form(annotation);
                    let (Some(label), Some(mut told)) = (label, form) else {
                        left_out += 1;
                        continue;
                    };
                    told.insert("id".into(), json!(annotations.len() + 1));
                    told.insert("image_id".into(), json!(id));
                    told.insert("category_id".into(), json!(label + 1));
                    told.insert("iscrowd".into(), json!(0));
                    if let Some(score) = annotation.score {
                        told.insert("score".into(), json!(score));
                    }
                    let image = &image.row;
                    let side = annotation.side.or_else(|| Some(crate::annotation::side(&annotation.shape, image)?.0));
                    let attributes = attributes(
                        annotation,
                        category,
                        &mapped.set.source,
                        side.map(|s| s.name()),
                        notes.get(&((set, index), label)),
                    );
                    told.insert("attributes".into(), attributes);
                    annotations.push(Value::Object(told));
                }
            }
        }
    }
    let written = annotations.len() as u64;
    let categories: Vec<Value> = scheme
        .labels
        .iter()
        .enumerate()
        .map(|(number, label)| json!({"id": number + 1, "name": &*label.name}))
        .collect();
    let info = json!({"description": format!("radlabel pair, scheme {}", scheme.id)});
    let whole = json!({"info": info, "images": images, "categories": categories, "annotations": annotations});
    let mut bytes = serde_json::to_vec(&whole)?;
    bytes.push(b'\n');
    Sink::open(Some(path))?.put(&bytes)?;
    Ok((written, left_out))
}

/// The label that an annotation is shown as: the one that its category is, else the first that it counts for, else the
/// one that a report names of those that it may be.
fn label_of(at: (u32, u32), targets: &[(u32, Relation)], notes: &Notes) -> Option<u32> {
    let first = |keep: &dyn Fn(Relation) -> bool| targets.iter().find(|t| keep(t.1)).map(|t| t.0);
    first(&|r| r == Relation::Exact)
        .or_else(|| first(&|r| r.carry(Status::Present).is_some()))
        .or_else(|| notes.range((at, 0)..=(at, u32::MAX)).next().map(|n| n.0.1))
}

/// Box, area and outline; nothing for what has no place in the image.
fn form(annotation: &Annotation) -> Option<Map<String, Value>> {
    let [x0, y0, x1, y1] = geometry::bounds(&annotation.shape)?;
    let mut out = Map::new();
    out.insert("bbox".into(), json!([x0, y0, x1 - x0, y1 - y0]));
    out.insert("area".into(), json!(geometry::area_px(&annotation.shape)));
    let segmentation = match &annotation.shape {
        Shape::Polygon(outlines) => {
            json!(outlines.iter().map(|o| o.iter().flatten().copied().collect::<Vec<f64>>()).collect::<Vec<_>>())
        }
        Shape::Mask { size, runs } => json!({"size": size, "counts": runs}),
        _ => json!([]),
    };
    out.insert("segmentation".into(), segmentation);
    if let Shape::Points(points) = &annotation.shape {
        let flat: Vec<f64> =
            points.iter().flat_map(|p| [p.at[0], p.at[1], if p.visible { 2.0 } else { 1.0 }]).collect();
        out.insert("keypoints".into(), json!(flat));
        out.insert("num_keypoints".into(), json!(points.len()));
    }
    Some(out)
}

fn attributes(
    annotation: &Annotation,
    category: &str,
    source: &str,
    side: Option<&str>,
    notes: Option<&Vec<Note>>,
) -> Value {
    let mut out = Map::new();
    let mut put = |key: &str, value: Value| {
        if !value.is_null() {
            out.insert(key.to_owned(), value);
        }
    };
    put("source", json!(source));
    put("source_id", json!(annotation.id));
    put("source_category", json!(category));
    put("reader", json!(annotation.reader));
    put(
        "stance",
        json!(match annotation.stance {
            Stance::Present => "present",
            Stance::Absent => "absent",
            Stance::Uncertain => "uncertain",
        }),
    );
    put("side", json!(side));
    let told = |note: &Note| {
        json!({
            "report_id": note.report_id, "status": note.status, "sentence": note.sentence, "outcome": note.outcome,
            "conflicts": note.conflicts, "report_side": note.report_side,
        })
    };
    if let Some(Value::Object(first)) = notes.and_then(|n| n.first()).map(told) {
        first.into_iter().for_each(|(key, value)| put(&key, value));
    }
    // Several reports of one study: the first stands in the attributes, the others here.
    if let Some(more) = notes.filter(|n| n.len() > 1) {
        put("more_reports", Value::Array(more[1..].iter().map(told).collect()));
    }
    Value::Object(out)
}
