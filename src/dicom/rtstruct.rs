//! RT structure sets -> one annotation a region of interest (ROI), as the measures of its contours.
//!
//! Contours lie in the patient, in mm. Closed ones of one plane count by the rule of XOR: a contour within another is
//! a hole, one within the hole is filled again. The volume is the area of the planes times their usual (median)
//! distance; contours of a single plane have the volume of their slab where its thickness is told, else none. Pieces:
//! outer contours of neighbouring planes whose boxes overlap and that lie equally deep are one. Bounds are those of the points.

use super::annotation::{Object, spread};
use super::node::{Node, line};
use super::numbers::{decimal, decimals, whole};
use crate::annotation::{Annotation, Extent3, ImageKey, Measure, Shape};
use crate::annotations::volume::{Bounds, Ends, Forest, cross, diameter, dot, length, minus};
use dicom_core::Tag;
use dicom_dictionary_std::tags;
use std::collections::BTreeMap;

/// Retired, and written by many planning systems still.
const ROI_OBSERVATION_LABEL: Tag = Tag(0x3006, 0x0085);
/// Retired too.
const CONTOUR_SLAB_THICKNESS: Tag = Tag(0x3006, 0x0044);
/// Planes nearer than this are one, in mm.
const SAME_PLANE: f64 = 0.05;
/// Contours of a plane that are held against each other; in a plane of more no hole is looked for.
const MOST_COMPARED: usize = 500;

/// What is said of an ROI.
#[derive(Default)]
struct Roi {
    name: Option<String>,
    label: Option<String>,
    kind: Option<String>,
    reader: Option<String>,
    measures: Vec<Measure>,
}

/// The contours of an ROI.
#[derive(Default)]
pub(super) struct Contours {
    pub(super) closed: Vec<Vec<[f64; 3]>>,
    pub(super) open: Vec<Vec<[f64; 3]>>,
    thickness: Option<f64>,
    /// SOP Instance UIDs of their images.
    images: Vec<String>,
}

/// Reads a structure set.
pub(super) fn read(object: &mut Object<'_>) -> Result<(), String> {
    let mut rois = rois(object)?;
    let observations = object.root.items(tags::RTROI_OBSERVATIONS_SEQUENCE)?;
    for (item, node) in observations.iter().enumerate() {
        match whole(node, tags::REFERENCED_ROI_NUMBER) {
            Ok(Some(number)) if rois.contains_key(&number) => observe(node, rois.entry(number).or_default()),
            Ok(_) => object.warning(format!("observation {}: of an ROI that is not there", item + 1)),
            Err(message) => object.warning(format!("observation {}: {message}", item + 1)),
        }
    }
    let series = series(&object.root)?;
    let mut extents = Vec::new();
    let items = object.root.items(tags::ROI_CONTOUR_SEQUENCE)?;
    for (item, node) in items.iter().enumerate() {
        let number = match whole(node, tags::REFERENCED_ROI_NUMBER) {
            Ok(Some(number)) if rois.contains_key(&number) => number,
            Ok(_) => {
                object.problem(format!("contours {}: of an ROI that is not there; left out", item + 1));
                continue;
            }
            Err(message) => {
                object.problem(format!("contours {}: {message}; left out", item + 1));
                continue;
            }
        };
        let contours = contours(object, number, node)?;
        match extent(&contours) {
            Some(extent) => extents.push((number, extent, contours.images)),
            None => object.warning(format!("ROI {number} has no contour: neither present nor absent")),
        }
    }
    // The outline of the body tells where its middle is.
    let external = |number: &u32| rois.get(number).is_some_and(|r| r.kind.as_deref() == Some("EXTERNAL"));
    let body = extents.iter().find(|(number, _, _)| external(number));
    let middle = body.map(|(_, e, _)| (e.low[0] + e.high[0]) / 2.0);
    for (number, mut extent, images) in extents {
        let Some(roi) = rois.remove(&number) else {
            object.problem(format!("ROI {number} has contours twice; the second are left out"));
            continue;
        };
        extent.middle = middle;
        let sop_uid = if let [one] = &images[..] { one.clone() } else { String::new() };
        let key = ImageKey { sop_uid, series_uid: series.clone(), study_uid: object.study(), ..ImageKey::default() };
        let image = object.image(key, None);
        let image = object.set.image(image);
        let named = roi.name.or(roi.label).or(roi.kind);
        let category = object.set.category(&named.unwrap_or_else(|| format!("ROI {number}")));
        let id = format!("{}:{number}", object.source);
        let plain = Annotation::present(id, image, category, Shape::Volume(extent));
        object.set.push(Annotation { reader: roi.reader, measures: roi.measures, ..plain });
    }
    Ok(())
}

/// The ROIs by their numbers.
fn rois(object: &mut Object<'_>) -> Result<BTreeMap<u32, Roi>, String> {
    let mut rois = BTreeMap::new();
    let items = object.root.items(tags::STRUCTURE_SET_ROI_SEQUENCE)?;
    if items.is_empty() {
        return Err(format!("no ROI in {}", tags::STRUCTURE_SET_ROI_SEQUENCE));
    }
    for (item, node) in items.iter().enumerate() {
        let mut roi = Roi { name: node.text(tags::ROI_NAME).map(|n| line(&n)), ..Roi::default() };
        if let Ok(Some(volume)) = decimal(node, tags::ROI_VOLUME) {
            roi.measures.push(Measure { name: "Volume".to_owned(), value: volume, unit: "cm3".to_owned() });
        }
        match whole(node, tags::ROI_NUMBER) {
            Ok(Some(number)) if !rois.contains_key(&number) => {
                rois.insert(number, roi);
            }
            Ok(Some(number)) => {
                object.problem(format!("ROI item {}: number {number} is there twice; left out", item + 1));
            }
            Ok(None) => object.problem(format!("ROI item {}: no {}; left out", item + 1, tags::ROI_NUMBER)),
            Err(message) => object.problem(format!("ROI item {}: {message}; left out", item + 1)),
        }
    }
    Ok(rois)
}

fn observe(node: &Node<'_>, roi: &mut Roi) {
    let code = node.code(tags::RTROI_IDENTIFICATION_CODE_SEQUENCE);
    roi.label = code.map(|c| c.meaning).or_else(|| node.text(ROI_OBSERVATION_LABEL).map(|l| line(&l)));
    roi.kind = node.plain(tags::RTROI_INTERPRETED_TYPE);
    roi.reader = node.text(tags::ROI_INTERPRETER);
}

/// The series that the contours were drawn on.
fn series(root: &Node<'_>) -> Result<String, String> {
    for frame in root.items(tags::REFERENCED_FRAME_OF_REFERENCE_SEQUENCE)? {
        for study in frame.items(tags::RT_REFERENCED_STUDY_SEQUENCE)? {
            for series in study.items(tags::RT_REFERENCED_SERIES_SEQUENCE)? {
                if let Some(uid) = series.plain(tags::SERIES_INSTANCE_UID) {
                    return Ok(uid);
                }
            }
        }
    }
    Ok(String::new())
}

fn contours(object: &mut Object<'_>, number: u32, roi: &Node<'_>) -> Result<Contours, String> {
    let mut out = Contours::default();
    for (item, node) in roi.items(tags::CONTOUR_SEQUENCE)?.iter().enumerate() {
        let place = format!("ROI {number}, contour {}", item + 1);
        let points = match triples(node) {
            Ok(points) => points,
            Err(message) => {
                object.problem(format!("{place}: {message}; left out"));
                continue;
            }
        };
        match node.plain(tags::CONTOUR_GEOMETRIC_TYPE).as_deref() {
            Some("CLOSED_PLANAR" | "CLOSEDPLANAR_XOR") if points.len() >= 3 => out.closed.push(points),
            // What is called closed and is a point or a line is kept as such.
            Some("CLOSED_PLANAR" | "CLOSEDPLANAR_XOR" | "POINT" | "OPEN_PLANAR" | "OPEN_NONPLANAR") => {
                out.open.push(points);
            }
            kind => {
                let found = kind.map_or("no".to_owned(), |k| format!("{} characters of", k.len()));
                object.problem(format!("{place}: {found} {}; left out", tags::CONTOUR_GEOMETRIC_TYPE));
                continue;
            }
        }
        out.thickness = out.thickness.or(decimal(node, CONTOUR_SLAB_THICKNESS).ok().flatten());
        for image in node.items(tags::CONTOUR_IMAGE_SEQUENCE)? {
            if let Some(uid) = image.plain(tags::REFERENCED_SOP_INSTANCE_UID).filter(|u| !out.images.contains(u)) {
                // Two are as good as a hundred: the series is named then.
                if out.images.len() < 2 {
                    out.images.push(uid);
                }
            }
        }
    }
    Ok(out)
}

fn triples(node: &Node<'_>) -> Result<Vec<[f64; 3]>, String> {
    let values = decimals(node, tags::CONTOUR_DATA)?.unwrap_or_default();
    if values.is_empty() || values.len() % 3 != 0 {
        return Err(format!("{} values in {}; expected points of 3", values.len(), tags::CONTOUR_DATA));
    }
    let points: Vec<[f64; 3]> = values.chunks_exact(3).map(|p| std::array::from_fn(|i| p[i])).collect();
    match whole(node, tags::NUMBER_OF_CONTOUR_POINTS)? {
        Some(claimed) if claimed as usize != points.len() => {
            Err(format!("{} points in {}; {claimed} are claimed", points.len(), tags::CONTOUR_DATA))
        }
        _ => Ok(points),
    }
}

/// A closed contour on its plane.
struct Outline {
    place: f64,
    points: Vec<[f64; 2]>,
    low: [f64; 2],
    high: [f64; 2],
    /// From where to where it reaches in x of the patient.
    reach: [f64; 2],
    area: f64,
    centre: [f64; 2],
    /// How many others of its plane it lies in; an odd number makes it a hole.
    depth: usize,
}

/// The measures of all contours of an ROI; none without a point.
pub(super) fn extent(contours: &Contours) -> Option<Extent3> {
    let mut bounds = Bounds::default();
    let all = contours.closed.iter().chain(&contours.open);
    all.clone().flatten().for_each(|p| bounds.add(*p));
    let count = all.clone().map(Vec::len).sum::<usize>();
    if count == 0 {
        return None;
    }
    let longest = contours.open.iter().map(|c| spread(c)).fold(0.0, f64::max);
    let mean = std::array::from_fn(|i| all.clone().flatten().map(|p| p[i]).sum::<f64>() / count as f64);
    let bare = Extent3 {
        low: bounds.low,
        high: bounds.high,
        centre: mean,
        volume: 0.0,
        longest,
        components: contours.open.len() as u32,
        apart: [bounds.high[0], bounds.low[0]],
        middle: None,
        oriented: true,
    };
    // The widest contour tells the planes best.
    let normals = contours.closed.iter().map(|c| normal(c));
    let Some(normal) = normals.max_by(|a, b| length(*a).total_cmp(&length(*b))).filter(|n| length(*n) > 0.0) else {
        let longest = contours.closed.iter().map(|c| spread(c)).fold(longest, f64::max);
        return Some(Extent3 { longest, components: bare.components + contours.closed.len() as u32, ..bare });
    };
    let normal = normal.map(|v| v / length(normal));
    let least = (0..3).min_by(|&a, &b| normal[a].abs().total_cmp(&normal[b].abs())).unwrap_or(0);
    let across = cross(normal, std::array::from_fn(|i| f64::from(u8::from(i == least))));
    let across = across.map(|v| v / length(across));
    let down = cross(normal, across);
    let mut outlines: Vec<Outline> = contours.closed.iter().map(|c| outline(c, normal, across, down)).collect();
    outlines.sort_by(|a, b| a.place.total_cmp(&b.place));

    let mut planes: Vec<&mut [Outline]> = outlines.chunk_by_mut(|a, b| b.place - a.place < SAME_PLANE).collect();
    let mut gaps: Vec<f64> = planes.windows(2).map(|w| w[1][0].place - w[0][0].place).collect();
    gaps.sort_by(f64::total_cmp);
    let spacing = gaps.get(gaps.len() / 2).copied().or(contours.thickness.filter(|t| *t > 0.0));
    let (mut area, mut sum) = (0.0, [0.0; 3]);
    for plane in &mut planes {
        holes(plane);
        for outline in plane.iter() {
            let signed = if outline.depth % 2 == 1 { -outline.area } else { outline.area };
            area += signed;
            for (i, sum) in sum.iter_mut().enumerate() {
                let [u, v] = outline.centre;
                *sum += signed * (u * across[i] + v * down[i] + outline.place * normal[i]);
            }
        }
    }
    let (pieces, apart) = pieces(&planes, spacing);
    // Open contours, of no area, tell no piece.
    let apart = if contours.open.is_empty() { apart } else { bare.apart };
    let longest = outlines.iter_mut().map(|o| diameter(&mut o.points)).fold(longest, f64::max);
    let centre = if area > 0.0 { sum.map(|s| s / area) } else { mean };
    let volume = area.max(0.0) * spacing.unwrap_or_default();
    Some(Extent3 { centre, volume, longest, components: bare.components + pieces, apart, ..bare })
}

/// Twice the area of a contour, as a vector across it (Newell).
fn normal(points: &[[f64; 3]]) -> [f64; 3] {
    let first = points[0];
    points.windows(2).fold([0.0; 3], |sum, w| {
        let part = cross(minus(w[0], first), minus(w[1], first));
        std::array::from_fn(|i| sum[i] + part[i])
    })
}

fn outline(contour: &[[f64; 3]], normal: [f64; 3], across: [f64; 3], down: [f64; 3]) -> Outline {
    let points: Vec<[f64; 2]> = contour.iter().map(|p| [dot(*p, across), dot(*p, down)]).collect();
    let place = contour.iter().map(|p| dot(*p, normal)).sum::<f64>() / contour.len() as f64;
    let [mut low, mut high] = [points[0]; 2];
    let (mut twice, mut sum) = (0.0, [0.0; 2]);
    let first = points[0];
    for (a, b) in points.iter().zip(points.iter().cycle().skip(1)) {
        // From the first point: far from the origin the products would lose digits.
        let (a, b) = ([a[0] - first[0], a[1] - first[1]], [b[0] - first[0], b[1] - first[1]]);
        let part = a[0] * b[1] - b[0] * a[1];
        twice += part;
        for i in 0..2 {
            sum[i] += part * (a[i] + b[i]) / 3.0;
            low[i] = low[i].min(a[i] + first[i]);
            high[i] = high[i].max(a[i] + first[i]);
        }
    }
    let centre = if twice == 0.0 { first } else { [first[0] + sum[0] / twice, first[1] + sum[1] / twice] };
    let xs = || contour.iter().map(|p| p[0]);
    let reach = [xs().fold(f64::INFINITY, f64::min), xs().fold(f64::NEG_INFINITY, f64::max)];
    Outline { place, points, low, high, reach, area: twice.abs() / 2.0, centre, depth: 0 }
}

/// Counts for each contour of a plane within how many others it lies.
fn holes(plane: &mut [Outline]) {
    if plane.len() > MOST_COMPARED {
        return;
    }
    for i in 0..plane.len() {
        let inner = &plane[i];
        let around = plane.iter().enumerate().filter(|(j, outer)| {
            let boxed = (0..2).all(|a| outer.low[a] <= inner.low[a] && inner.high[a] <= outer.high[a]);
            *j != i && boxed && outer.area > inner.area && holds(&outer.points, &inner.points)
        });
        plane[i].depth = around.count();
    }
}

/// Whether most of some points lie within an outline.
fn holds(outline: &[[f64; 2]], points: &[[f64; 2]]) -> bool {
    let some = points.iter().step_by(points.len().div_ceil(9));
    let count = some.clone().count();
    2 * some.filter(|p| inside(outline, **p)).count() > count
}

/// Whether a point lies within an outline: a ray from it crosses the outline an odd number of times.
fn inside(outline: &[[f64; 2]], [x, y]: [f64; 2]) -> bool {
    let edges = outline.iter().zip(outline.iter().cycle().skip(1));
    let crossed =
        edges.filter(|(a, b)| (a[1] > y) != (b[1] > y) && x < (b[0] - a[0]) * (y - a[1]) / (b[1] - a[1]) + a[0]);
    crossed.count() % 2 == 1
}

/// How many pieces there are, and where they begin and end ([`Extent3::apart`]).
fn pieces(planes: &[&mut [Outline]], spacing: Option<f64>) -> (u32, [f64; 2]) {
    let outer: Vec<(usize, &Outline)> = planes
        .iter()
        .enumerate()
        .flat_map(|(p, plane)| plane.iter().map(move |o| (p, o)))
        .filter(|o| o.1.depth % 2 == 0)
        .collect();
    let mut forest = Forest::of(outer.len());
    let mut first = 0;
    for (i, (plane, outline)) in outer.iter().enumerate() {
        while outer[first].0 + 1 < *plane {
            first += 1;
        }
        for (j, (other, below)) in outer[first..i].iter().enumerate().take(MOST_COMPARED) {
            let near = outline.place - below.place < 1.5 * spacing.unwrap_or(f64::INFINITY);
            let overlap = (0..2).all(|a| outline.low[a] <= below.high[a] && below.low[a] <= outline.high[a]);
            if other < plane && near && overlap && outline.depth == below.depth {
                forest.unite(i as u32, (first + j) as u32);
            }
        }
    }
    let mut joined: BTreeMap<u32, (f64, [f64; 2])> = BTreeMap::new();
    for (number, (_, outline)) in outer.iter().enumerate() {
        let (area, reach) = joined.entry(forest.root(number as u32)).or_insert((0.0, outline.reach));
        *area += outline.area;
        *reach = [reach[0].min(outline.reach[0]), reach[1].max(outline.reach[1])];
    }
    let mut ends = Ends::default();
    joined.values().for_each(|(area, [low, high])| ends.add(*area, *low, *high));
    (forest.count(), ends.apart())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn square(z: f64, low: f64, high: f64) -> Vec<[f64; 3]> {
        vec![[low, low, z], [high, low, z], [high, high, z], [low, high, z]]
    }

    #[test]
    fn holes_are_taken_out_and_islands_put_back() {
        let mut closed = Vec::new();
        for z in [0.0, 3.0, 6.0] {
            closed.extend([square(z, 0.0, 10.0), square(z, 2.0, 8.0), square(z, 4.0, 6.0)]);
        }
        let found = extent(&Contours { closed, ..Contours::default() }).expect("measured");
        assert!((found.volume - 3.0 * 3.0 * (100.0 - 36.0 + 4.0)).abs() < 1e-9, "{}", found.volume);
        assert_eq!((found.low, found.high, found.components), ([0.0; 3], [10.0, 10.0, 6.0], 2));
        assert!(length(minus(found.centre, [5.0, 5.0, 3.0])) < 1e-9, "{:?}", found.centre);
        assert!((found.longest - 200_f64.sqrt()).abs() < 1e-9);
    }

    #[test]
    fn planes_apart_points_and_lines() {
        let closed = vec![square(0.0, 0.0, 1.0), square(1.0, 0.0, 1.0), square(9.0, 0.0, 1.0), square(10.0, 5.0, 6.0)];
        let found = extent(&Contours { closed, ..Contours::default() }).expect("measured");
        assert_eq!((found.components, found.volume, found.apart), (3, 4.0, [1.0, 5.0]));
        let open = vec![vec![[0.0, 0.0, 0.0], [3.0, 0.0, 4.0]], vec![[1.0; 3]]];
        let found = extent(&Contours { open, ..Contours::default() }).expect("measured");
        assert_eq!((found.longest, found.volume, found.components), (5.0, 0.0, 2));
        // A closed contour without an area, and one plane whose thickness is told.
        let flat = vec![vec![[0.0; 3], [2.0, 0.0, 0.0], [4.0, 0.0, 0.0]]];
        assert_eq!(
            extent(&Contours { closed: flat, ..Contours::default() }).map(|e| (e.longest, e.components)),
            Some((4.0, 1))
        );
        let one = Contours { closed: vec![square(0.0, 0.0, 2.0)], thickness: Some(5.0), ..Contours::default() };
        assert_eq!(extent(&one).map(|e| e.volume), Some(20.0));
        assert_eq!(extent(&Contours::default()), None);
    }

    #[test]
    fn oblique_planes_have_the_same_area() {
        let lean = |p: [f64; 3]| [p[0], 0.6 * p[1] - 0.8 * p[2], 0.8 * p[1] + 0.6 * p[2]];
        let closed = [0.0, 2.0].map(|z| square(z, -3.0, 3.0).into_iter().map(lean).collect()).to_vec();
        let found = extent(&Contours { closed, ..Contours::default() }).expect("measured");
        assert!((found.volume - 144.0).abs() < 1e-9, "{}", found.volume);
    }
}
