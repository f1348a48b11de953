//! Structured reports with measurements -> annotations: measurement groups (TID 1500: TID 1410, 1411, 1501), findings
//! of CAD in single images, and measurements that carry their own coordinates.
//!
//! A group is one finding. Its regions in pixels make one annotation an image, because several slices may show it:
//! closed outlines, else the longest line, else points. Regions in patient coordinates make one volume. A group
//! without a region is of its image or series as a whole. Numbers without coordinates outside a group say nothing of
//! where, and are passed over.

use super::annotation::{Object, along, circle, ellipse, side};
use super::node::{Code, Node, line};
use super::numbers::{bytes, points, whole};
use super::parse::Value;
use super::rtstruct::{Contours, extent};
use crate::annotation::{Annotation, ImageKey, Measure, Point, Shape, Stance};
use crate::annotations::volume::{length, minus};
use crate::lexicon::Side;
use dicom_dictionary_std::tags;
use std::collections::BTreeMap;

const GROUP: &str = "125007";
const SINGLE_IMAGE_FINDING: &str = "111059";
const FINDING: &str = "121071";
const TRACKING_ID: &str = "112039";
const TRACKING_UID: &str = "112040";
const PERSON: &str = "121008";
const DEVICE: &str = "121013";
const CERTAINTY: &str = "111012";
const DERIVATION: &str = "121401";
/// Codes as SNOMED CT has them, and as older files do.
const SITE: [(&str, &str); 2] = [("SCT", "363698007"), ("SRT", "G-C0E3")];
const LATERALITY: [(&str, &str); 2] = [("SCT", "272741003"), ("SRT", "G-C171")];
const PRESENCE: [(&str, &str); 2] = [("DCM", "121052"), ("SCT", "705057003")];
const SOURCE_SERIES: &str = "121232";
const PRESENT: [(&str, &str); 2] = [("SCT", "52101004"), ("SRT", "G-A203")];
const ABSENT: [(&str, &str); 3] = [("SCT", "2667000"), ("SCT", "272519000"), ("SRT", "R-4089B")];
/// Undetermined, indeterminate, possible, probable.
const DOUBTFUL: [(&str, &str); 6] = [
    ("SCT", "373068000"),
    ("SCT", "82334004"),
    ("SCT", "371930009"),
    ("SCT", "2931005"),
    ("SRT", "R-0038A"),
    ("SRT", "G-A385"),
];

/// Measures of a group, times its images.
const MOST_MEASURES: usize = 1_000_000;

/// A region in the pixels of an image.
enum Flat {
    Outline(Vec<[f64; 2]>),
    Line(Vec<[f64; 2]>),
    Points(Vec<[f64; 2]>),
}

/// What a group, or a finding, says.
#[derive(Default)]
struct Group {
    finding: Option<String>,
    site: Option<String>,
    side: Option<Side>,
    tracking_id: Option<String>,
    tracking_uid: Option<String>,
    stance: Stance,
    score: Option<f64>,
    measures: Vec<Measure>,
    regions: BTreeMap<ImageKey, Vec<Flat>>,
    volume: Contours,
    /// Volume of ellipsoids, in mm³.
    ellipsoids: f64,
    /// Images that are named without a region.
    images: Vec<ImageKey>,
    series_uid: Option<String>,
}

/// What holds for the whole report.
struct Context<'a> {
    root: Node<'a>,
    /// Study and series of each image that the report is based on.
    evidence: BTreeMap<String, [String; 2]>,
    reader: Option<String>,
    groups: usize,
}

/// Reads the measurements of a report.
pub(super) fn read(object: &mut Object<'_>) -> Result<(), String> {
    let root = Node { elements: object.root.elements, charset: object.root.charset };
    let children = root.children()?;
    if children.is_empty() {
        return Err(format!("a DICOM SR without its content {}", tags::CONTENT_SEQUENCE));
    }
    let mut evidence = BTreeMap::new();
    for sequence in [tags::CURRENT_REQUESTED_PROCEDURE_EVIDENCE_SEQUENCE, tags::PERTINENT_OTHER_EVIDENCE_SEQUENCE] {
        for study in root.items(sequence)? {
            let study_uid = study.plain(tags::STUDY_INSTANCE_UID).unwrap_or_default();
            for series in study.items(tags::REFERENCED_SERIES_SEQUENCE)? {
                let series_uid = series.plain(tags::SERIES_INSTANCE_UID).unwrap_or_default();
                for image in series.items(tags::REFERENCED_SOP_SEQUENCE)? {
                    if let Some(uid) = image.plain(tags::REFERENCED_SOP_INSTANCE_UID) {
                        evidence.insert(uid, [study_uid.clone(), series_uid.clone()]);
                    }
                }
            }
        }
    }
    let reader = reader(&root)?;
    let mut context = Context { root, evidence, reader, groups: 0 };
    for child in children {
        walk(object, &mut context, &child)?;
    }
    if context.groups == 0 {
        object.warning("no measurement group, no finding of CAD and no measurement with coordinates");
    }
    Ok(())
}

/// Who observed: a device, else a person.
fn reader(node: &Node<'_>) -> Result<Option<String>, String> {
    let mut person = None;
    for child in node.children()? {
        match child.name().filter(|n| n.scheme == "DCM").map(|n| n.value).as_deref() {
            Some(DEVICE) => return Ok(child.text(tags::TEXT_VALUE)),
            Some(PERSON) => person = person.or(child.text(tags::PERSON_NAME)),
            _ => {}
        }
    }
    Ok(person)
}

fn is(name: Option<&Code>, codes: &[(&str, &str)]) -> bool {
    name.is_some_and(|name| codes.iter().any(|(scheme, value)| name.is(scheme, value)))
}

fn kind(node: &Node<'_>) -> String {
    node.plain(tags::VALUE_TYPE).unwrap_or_default()
}

fn walk(object: &mut Object<'_>, context: &mut Context<'_>, node: &Node<'_>) -> Result<(), String> {
    let name = node.name();
    let children = node.children()?;
    let value_type = kind(node);
    let drawn = |c: &Node<'_>| matches!(kind(c).as_str(), "SCOORD" | "SCOORD3D");
    let group = value_type == "CONTAINER" && is(name.as_ref(), &[("DCM", GROUP)]);
    let cad = value_type == "CODE" && is(name.as_ref(), &[("DCM", SINGLE_IMAGE_FINDING)]);
    let lone = value_type == "NUM" && children.iter().any(drawn);
    if !(group || cad || lone) {
        for child in &children {
            walk(object, context, child)?;
        }
        return Ok(());
    }
    context.groups += 1;
    let number = context.groups;
    let mut found = Group::default();
    let mut faults = Vec::new();
    if cad {
        found.finding = node.code(tags::CONCEPT_CODE_SEQUENCE).map(|c| c.meaning);
    }
    if lone {
        found.finding = name.map(|n| n.meaning);
        item(object, context, node, &mut found, &mut faults)?;
    } else {
        for child in &children {
            item(object, context, child, &mut found, &mut faults)?;
        }
    }
    for message in faults {
        object.problem(format!("group {number}: {message}; left out"));
    }
    place(object, context, found, number);
    Ok(())
}

/// Takes what one item of a group says.
fn item(
    object: &Object<'_>,
    context: &Context<'_>,
    node: &Node<'_>,
    group: &mut Group,
    faults: &mut Vec<String>,
) -> Result<(), String> {
    let node = &target(&context.root, node, object.big)?;
    let name = node.name();
    let named = |codes: &[(&str, &str)]| is(name.as_ref(), codes);
    match kind(node).as_str() {
        "CODE" | "TEXT" if named(&[("DCM", FINDING)]) && group.finding.is_none() => {
            let code = node.code(tags::CONCEPT_CODE_SEQUENCE).map(|c| c.meaning);
            group.finding = code.or_else(|| node.text(tags::TEXT_VALUE).map(|t| line(&t)));
        }
        "CODE" if named(&SITE) => {
            let code = node.code(tags::CONCEPT_CODE_SEQUENCE);
            group.site = group.site.take().or(code.map(|c| c.meaning));
            for child in node.children()? {
                if is(child.name().as_ref(), &LATERALITY) {
                    group.side = group.side.or(child.code(tags::CONCEPT_CODE_SEQUENCE).as_ref().and_then(side));
                }
            }
        }
        "CODE" if named(&LATERALITY) => {
            group.side = group.side.or(node.code(tags::CONCEPT_CODE_SEQUENCE).as_ref().and_then(side));
        }
        "CODE" if named(&PRESENCE) => {
            let code = node.code(tags::CONCEPT_CODE_SEQUENCE);
            let means = |codes: &[(&str, &str)], word: &str| {
                is(code.as_ref(), codes) || code.as_ref().is_some_and(|c| c.meaning.eq_ignore_ascii_case(word))
            };
            group.stance = if means(&PRESENT, "present") {
                Stance::Present
            } else if means(&ABSENT, "absent") {
                Stance::Absent
            } else {
                if !means(&DOUBTFUL, "undetermined") {
                    faults.push("a presence of an unknown code counts as uncertain; the code".to_owned());
                }
                Stance::Uncertain
            };
        }
        "TEXT" if named(&[("DCM", TRACKING_ID)]) => group.tracking_id = node.text(tags::TEXT_VALUE).map(|t| line(&t)),
        "UIDREF" if named(&[("DCM", TRACKING_UID)]) => group.tracking_uid = node.plain(tags::UID),
        "UIDREF" if named(&[("DCM", SOURCE_SERIES)]) => group.series_uid = node.plain(tags::UID),
        "NUM" => number(object, context, node, group, faults)?,
        "SCOORD" => match region(object, context, node)? {
            Ok((key, flat)) => group.regions.entry(key).or_default().push(flat),
            Err(message) => faults.push(message),
        },
        "SCOORD3D" => {
            if let Err(message) = region3(object, node, group) {
                faults.push(message);
            }
        }
        "IMAGE" => group.images.push(image(context, node)?),
        _ => {}
    }
    Ok(())
}

/// The item that a reference within the tree points to, or the item itself.
fn target<'a>(root: &Node<'a>, node: &Node<'a>, big: bool) -> Result<Node<'a>, String> {
    let mut found = Node { elements: node.elements, charset: node.charset };
    let Some(path) = bytes(node, tags::REFERENCED_CONTENT_ITEM_IDENTIFIER)? else { return Ok(found) };
    found = Node { elements: root.elements, charset: root.charset };
    // The first number is that of the root.
    for step in path.chunks_exact(4).skip(1).filter_map(|b| b.first_chunk::<4>()) {
        let number = if big { u32::from_be_bytes(*step) } else { u32::from_le_bytes(*step) };
        let child = match found.value(tags::CONTENT_SEQUENCE) {
            Some(Value::Items(items)) => items.get((number as usize).wrapping_sub(1)),
            _ => None,
        };
        let child = child.ok_or(format!("{} points to no item", tags::REFERENCED_CONTENT_ITEM_IDENTIFIER))?;
        found = Node::new(child, found.charset)?;
    }
    Ok(found)
}

fn number(
    object: &Object<'_>,
    context: &Context<'_>,
    node: &Node<'_>,
    group: &mut Group,
    faults: &mut Vec<String>,
) -> Result<(), String> {
    let name = node.name();
    let mut words = name.as_ref().map(|n| n.meaning.clone()).unwrap_or_default();
    for child in node.children()? {
        let child = target(&context.root, &child, object.big)?;
        if is(child.name().as_ref(), &[("DCM", DERIVATION)]) {
            if let Some(code) = child.code(tags::CONCEPT_CODE_SEQUENCE) {
                words = format!("{words} ({})", code.meaning);
            }
        } else if matches!(kind(&child).as_str(), "SCOORD" | "SCOORD3D") || is(child.name().as_ref(), &SITE) {
            item(object, context, &child, group, faults)?;
        }
    }
    let Some(measured) = node.items(tags::MEASURED_VALUE_SEQUENCE)?.into_iter().next() else { return Ok(()) };
    let value = match super::numbers::decimal(&measured, tags::NUMERIC_VALUE) {
        Ok(Some(value)) => value,
        Ok(None) => {
            faults.push(format!("a measurement without {}", tags::NUMERIC_VALUE));
            return Ok(());
        }
        Err(message) => {
            faults.push(message);
            return Ok(());
        }
    };
    let unit = measured.code(tags::MEASUREMENT_UNITS_CODE_SEQUENCE).map(|u| u.value).unwrap_or_default();
    if is(name.as_ref(), &[("DCM", CERTAINTY)]) {
        let score = if unit == "%" { value / 100.0 } else { value };
        group.score = Some(score).filter(|s| (0.0..=1.0).contains(s));
    }
    group.measures.push(Measure { name: words, value, unit });
    Ok(())
}

/// The image of an item that refers to one, with what the report's evidence knows of it.
fn image(context: &Context<'_>, node: &Node<'_>) -> Result<ImageKey, String> {
    let sop = node.items(tags::REFERENCED_SOP_SEQUENCE)?.into_iter().next();
    let sop_uid = sop.as_ref().and_then(|s| s.plain(tags::REFERENCED_SOP_INSTANCE_UID)).unwrap_or_default();
    let frame = sop.and_then(|s| whole(&s, tags::REFERENCED_FRAME_NUMBER).ok().flatten());
    let [study_uid, series_uid] = context.evidence.get(&sop_uid).cloned().unwrap_or_default();
    Ok(ImageKey { name: String::new(), sop_uid, series_uid, study_uid, frame })
}

type Region = Result<(ImageKey, Flat), String>;

/// A region in pixels, and of which image; the inner error is of the region alone.
fn region(object: &Object<'_>, context: &Context<'_>, node: &Node<'_>) -> Result<Region, String> {
    let found = match points::<2>(node, tags::GRAPHIC_DATA, object.big) {
        Ok(found) if !found.is_empty() => found,
        Ok(_) => return Ok(Err(format!("a region without {}", tags::GRAPHIC_DATA))),
        Err(message) => return Ok(Err(message)),
    };
    let Some(flat) = flat(node.plain(tags::GRAPHIC_TYPE).as_deref(), found) else {
        return Ok(Err(format!("a region whose points do not fit its {}", tags::GRAPHIC_TYPE)));
    };
    for child in node.children()? {
        let child = match target(&context.root, &child, object.big) {
            Ok(child) => child,
            Err(message) => return Ok(Err(message)),
        };
        if kind(&child) == "IMAGE" {
            return Ok(Ok((image(context, &child)?, flat)));
        }
    }
    Ok(Err("a region without its image".to_owned()))
}

fn flat(kind: Option<&str>, points: Vec<[f64; 2]>) -> Option<Flat> {
    Some(match kind? {
        "POINT" if points.len() == 1 => Flat::Points(points),
        "MULTIPOINT" => Flat::Points(points),
        "POLYLINE" if points.len() > 3 && points.first() == points.last() => Flat::Outline(points),
        "POLYLINE" if points.len() > 1 => Flat::Line(points),
        "CIRCLE" => Flat::Outline(circle(&points)?),
        "ELLIPSE" => Flat::Outline(ellipse(&points)?),
        _ => return None,
    })
}

/// Adds a region in patient coordinates.
fn region3(object: &Object<'_>, node: &Node<'_>, group: &mut Group) -> Result<(), String> {
    let points = points::<3>(node, tags::GRAPHIC_DATA, object.big)?;
    match (node.plain(tags::GRAPHIC_TYPE).as_deref(), &points[..]) {
        (_, []) => return Err(format!("a region without {}", tags::GRAPHIC_DATA)),
        (Some("POLYGON"), [_, _, _, ..]) => group.volume.closed.push(points),
        (Some("POINT"), [_]) | (Some("MULTIPOINT" | "POLYLINE"), _) => group.volume.open.push(points),
        (Some("ELLIPSE"), &[a, b, c, d]) => {
            let half = |from, to| minus(to, from).map(|v: f64| v / 2.0);
            let (long, short) = (half(a, b), half(c, d));
            let corner = |i: u32| {
                let (sin, cos) = (f64::from(i) / 64.0 * std::f64::consts::TAU).sin_cos();
                std::array::from_fn(|k| (a[k] + b[k]) / 2.0 + cos * long[k] + sin * short[k])
            };
            group.volume.closed.push((0..64).map(corner).collect());
        }
        (Some("ELLIPSOID"), &[a, b, c, d, e, f]) => {
            let axes = length(minus(b, a)) * length(minus(d, c)) * length(minus(f, e));
            group.ellipsoids += axes * std::f64::consts::PI / 6.0;
            group.volume.open.push(points);
        }
        _ => return Err(format!("a region whose points do not fit its {}", tags::GRAPHIC_TYPE)),
    }
    Ok(())
}

/// Makes the annotations of a group.
fn place(object: &mut Object<'_>, context: &Context<'_>, group: Group, number: usize) {
    let mut shapes: Vec<(ImageKey, Shape)> =
        group.regions.into_iter().map(|(key, flats)| (key, joined(flats))).collect();
    if let Some(mut extent) = extent(&group.volume) {
        extent.volume += group.ellipsoids;
        let series_uid = group.series_uid.clone().unwrap_or_default();
        let sourced = group.images.first().cloned();
        let key = sourced.unwrap_or_else(|| ImageKey { series_uid, ..ImageKey::default() });
        shapes.push((key, Shape::Volume(extent)));
    }
    if shapes.is_empty() {
        let series_uid = group.series_uid.unwrap_or_default();
        let key = group.images.into_iter().next().unwrap_or(ImageKey { series_uid, ..ImageKey::default() });
        shapes.push((key, Shape::Whole));
    }
    // A report on one series needs not tell of which.
    let mut based: Vec<&[String; 2]> = context.evidence.values().collect();
    based.dedup();
    for (key, _) in shapes.iter_mut().filter(|s| s.0.sop_uid.is_empty() && s.0.series_uid.is_empty()) {
        if let [[study_uid, series_uid]] = based[..] {
            (key.study_uid, key.series_uid) = (study_uid.clone(), series_uid.clone());
        }
    }
    let named = group.finding.or(group.site).or(group.tracking_id);
    let category = object.set.category(&named.unwrap_or_else(|| "measurement group".to_owned()));
    let id = group.tracking_uid.unwrap_or_else(|| format!("{}:{number}", object.source));
    let several = shapes.len() > 1;
    // Each annotation has the measures of its group, unless a lie would make them fill the memory.
    let repeated = shapes.len().saturating_mul(group.measures.len()) <= MOST_MEASURES;
    for (at, (mut key, shape)) in shapes.into_iter().enumerate() {
        if key.study_uid.is_empty() {
            key.study_uid = object.study();
        }
        let image = object.image(key, None);
        let image = object.set.image(image);
        object.set.push(Annotation {
            id: if several { format!("{id}#{}", at + 1) } else { id.clone() },
            image,
            category,
            stance: group.stance,
            reader: context.reader.clone(),
            score: group.score,
            side: group.side,
            shape,
            measures: if at == 0 || repeated { group.measures.clone() } else { Vec::new() },
        });
    }
}

/// One shape of the regions of an image: outlines, else the longest line, else points.
fn joined(regions: Vec<Flat>) -> Shape {
    let (mut outlines, mut lines, mut points) = (Vec::new(), Vec::new(), Vec::new());
    for region in regions {
        match region {
            Flat::Outline(outline) => outlines.push(outline),
            Flat::Line(line) => lines.push(line),
            Flat::Points(some) => {
                points.extend(some.into_iter().map(|at| Point { name: String::new(), at, visible: true }));
            }
        }
    }
    let longest = lines.into_iter().max_by(|a, b| along(a).total_cmp(&along(b)));
    match longest {
        _ if !outlines.is_empty() => Shape::Polygon(outlines),
        Some(line) => Shape::Line(line),
        None => Shape::Points(points),
    }
}
