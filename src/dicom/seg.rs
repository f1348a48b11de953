//! Segmentation objects (SEG, binary, fractional, label map) -> one annotation a segment.
//!
//! Frames with a place in the patient are slices of a volume, which is kept as its measures; frames without are masks
//! of their source images (radiographs). A fractional pixel belongs to the segment from half of the maximum on. The
//! distance between slices is what the object tells; else the smallest gap between its planes, unless that is over
//! twice the slice thickness, when slices between are missing and the thickness is taken.

use super::annotation::{Object, modified};
use super::frames::{Frame, Frames, frames};
use super::node::Node;
use super::numbers::{decimal, exactly, unsigned, whole};
use crate::annotation::{Annotation, ImageKey, Shape};
use crate::annotations::volume::{Gathering, Plane, Run, cross, dot, length, minus};
use crate::lexicon::Side;
use dicom_dictionary_std::tags;
use std::collections::{BTreeMap, BTreeSet};

/// Label Map Segmentation Storage, which is newer than the dictionary.
pub(super) const LABEL_MAP: &str = "1.2.840.10008.5.1.4.1.1.66.7";
/// Property types that only say of what kind a segment is (CID 7150): its label says more.
const KINDS: [(&str, &str); 14] = [
    ("SCT", "123037004"),
    ("SCT", "260787004"),
    ("SCT", "309825002"),
    ("SCT", "49755003"),
    ("SCT", "85756007"),
    ("SCT", "91720002"),
    ("SCT", "91723000"),
    ("SRT", "A-00004"),
    ("SRT", "M-01000"),
    ("SRT", "R-42018"),
    ("SRT", "T-D000A"),
    ("SRT", "T-D0005"),
    ("SRT", "T-D0050"),
    ("SRT", "T-D0080"),
];
/// Planes nearer than this are one, in mm.
const SAME_PLANE: f64 = 1e-3;

/// What the object says of a segment.
struct Segment {
    category: String,
    side: Option<Side>,
    id: String,
    reader: Option<String>,
    seen: bool,
}

/// Where a frame belongs.
struct Placed {
    frame: u32,
    segment: Option<u32>,
    /// Along the normal, in mm.
    place: f64,
    plane: Plane,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Binary,
    Fractional(u32),
    LabelMap,
}

/// Reads a segmentation.
pub(super) fn read(object: &mut Object<'_>) -> Result<(), String> {
    let is_map = object.root.plain(tags::SOP_CLASS_UID).as_deref() == Some(LABEL_MAP);
    let kind = match object.root.plain(tags::SEGMENTATION_TYPE).as_deref() {
        Some("LABELMAP") => Kind::LabelMap,
        Some("FRACTIONAL") => {
            let most = unsigned(&object.root, tags::MAXIMUM_FRACTIONAL_VALUE, object.big)?.unwrap_or(255);
            Kind::Fractional(most.max(1))
        }
        Some("BINARY") => Kind::Binary,
        None if is_map => Kind::LabelMap,
        _ => return Err(format!("no {} of BINARY, FRACTIONAL or LABELMAP", tags::SEGMENTATION_TYPE)),
    };
    let frames = frames(object)?;
    let mut segments = segments(object, kind)?;
    let shared = object.root.items(tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE)?.into_iter().next();
    let groups = object.root.items(tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE)?;
    if groups.len() != frames.count as usize {
        object.problem(format!(
            "{} items in {} for {} frames; what has no counterpart is left out",
            groups.len(),
            tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE,
            frames.count
        ));
    }
    let slide = |g: &Node<'_>| g.value(tags::PLANE_POSITION_SLIDE_SEQUENCE).is_some();
    if object.root.plain(tags::DIMENSION_ORGANIZATION_TYPE).as_deref() == Some("TILED_FULL")
        || groups.first().is_some_and(slide)
    {
        return Err("a segmentation of a tiled slide is not read".to_owned());
    }
    let mut placed = Vec::new();
    let mut masks = Vec::new();
    for (number, group) in groups.iter().enumerate().take(frames.count as usize) {
        let both = [Some(group), shared.as_ref()];
        match whereabouts(number as u32, both, kind, object.big) {
            Ok((segment, _)) if segment.is_some_and(|s| !segments.contains_key(&s)) => object.problem(format!(
                "frame {}: segment {} is not among those of {}; frame left out",
                number + 1,
                segment.unwrap_or_default(),
                tags::SEGMENT_SEQUENCE
            )),
            Ok((_, Some(frame))) => placed.push(frame),
            Ok((segment, None)) => masks.push((number as u32, segment)),
            Err(message) => object.problem(format!("frame {}: {message}; frame left out", number + 1)),
        }
    }
    let mut unknown = BTreeSet::new();
    volume(object, &frames, kind, placed, [shared.as_ref(), groups.first()], &mut segments, &mut unknown)?;
    for (number, segment) in masks {
        let key = source_image(object, &groups[number as usize], shared.as_ref())?;
        mask(object, &frames, kind, (number, segment), &key, &mut segments, &mut unknown)?;
    }
    for value in unknown {
        object.problem(format!("pixels of {value}, which is no segment of {}; left out", tags::SEGMENT_SEQUENCE));
    }
    for (number, _) in segments.iter().filter(|(_, s)| !s.seen) {
        object.warning(format!("segment {number} has no pixel: neither present nor absent"));
    }
    Ok(())
}

/// The segments by their numbers.
fn segments(object: &mut Object<'_>, kind: Kind) -> Result<BTreeMap<u32, Segment>, String> {
    let mut segments = BTreeMap::new();
    for (item, node) in object.root.items(tags::SEGMENT_SEQUENCE)?.iter().enumerate() {
        let number = match unsigned(node, tags::SEGMENT_NUMBER, object.big) {
            // In a label map it is what surrounds the segments.
            Ok(Some(0)) if kind == Kind::LabelMap => continue,
            Ok(Some(number)) if !segments.contains_key(&number) => number,
            Ok(Some(number)) => {
                object.problem(format!("segment item {}: number {number} is there twice; left out", item + 1));
                continue;
            }
            Ok(None) => {
                object.problem(format!("segment item {}: no {}; left out", item + 1, tags::SEGMENT_NUMBER));
                continue;
            }
            Err(message) => {
                object.problem(format!("segment item {}: {message}; left out", item + 1));
                continue;
            }
        };
        let label = node.text(tags::SEGMENT_LABEL).map(|l| super::node::line(&l));
        let property = node.code(tags::SEGMENTED_PROPERTY_TYPE_CODE_SEQUENCE);
        let telling = property.filter(|k| !KINDS.iter().any(|(scheme, value)| k.is(scheme, value))).map(|k| k.meaning);
        let category = telling.or(label).unwrap_or_else(|| format!("segment {number}"));
        let (code, modifier) =
            (tags::SEGMENTED_PROPERTY_TYPE_CODE_SEQUENCE, tags::SEGMENTED_PROPERTY_TYPE_MODIFIER_CODE_SEQUENCE);
        let (region, region_modifier) = (tags::ANATOMIC_REGION_SEQUENCE, tags::ANATOMIC_REGION_MODIFIER_SEQUENCE);
        let side = modified(node, code, modifier)?.or(modified(node, region, region_modifier)?);
        let manual = node.plain(tags::SEGMENT_ALGORITHM_TYPE).as_deref() == Some("MANUAL");
        let reader = match manual {
            true => object.root.text(tags::CONTENT_CREATOR_NAME),
            false => node.text(tags::SEGMENT_ALGORITHM_NAME),
        };
        let tracking = node.plain(tags::TRACKING_UID);
        let id = tracking.unwrap_or_else(|| format!("{}:{number}", object.source));
        object.set.category(&category);
        segments.insert(number, Segment { category, side, id, reader, seen: false });
    }
    if segments.is_empty() {
        return Err(format!("no segment in {}", tags::SEGMENT_SEQUENCE));
    }
    Ok(segments)
}

/// The segment of a frame and where it lies; without a place it is an image of its own.
fn whereabouts(
    frame: u32,
    groups: [Option<&Node<'_>>; 2],
    kind: Kind,
    big: bool,
) -> Result<(Option<u32>, Option<Placed>), String> {
    let find = |sequence| {
        let found = groups.into_iter().flatten().map(|g| g.items(sequence).map(|i| i.into_iter().next()));
        found.collect::<Result<Vec<_>, _>>().map(|items| items.into_iter().flatten().next())
    };
    let segment = match find(tags::SEGMENT_IDENTIFICATION_SEQUENCE)? {
        Some(item) => unsigned(&item, tags::REFERENCED_SEGMENT_NUMBER, big)?,
        None => None,
    };
    if segment.is_none() && kind != Kind::LabelMap {
        return Err(format!("no {}", tags::REFERENCED_SEGMENT_NUMBER));
    }
    let segment = segment.filter(|_| kind != Kind::LabelMap);
    let Some(position) = find(tags::PLANE_POSITION_SEQUENCE)? else { return Ok((segment, None)) };
    let Some(origin) = exactly::<3>(&position, tags::IMAGE_POSITION_PATIENT)? else { return Ok((segment, None)) };
    let orientation = find(tags::PLANE_ORIENTATION_SEQUENCE)?;
    let measures = find(tags::PIXEL_MEASURES_SEQUENCE)?;
    let needed = |tag, found: Option<_>| found.ok_or(format!("no {tag}"));
    let cosines = orientation.map(|o| exactly::<6>(&o, tags::IMAGE_ORIENTATION_PATIENT)).transpose()?.flatten();
    let [a, b, c, d, e, f] = needed(tags::IMAGE_ORIENTATION_PATIENT, cosines)?;
    let spacing = measures.map(|m| exactly::<2>(&m, tags::PIXEL_SPACING)).transpose()?.flatten();
    let [down, across] = spacing.ok_or(format!("no {}", tags::PIXEL_SPACING))?;
    let normal = cross([a, b, c], [d, e, f]);
    if !(length(normal) > 0.5 && across > 0.0 && down > 0.0) {
        return Err(format!("{} or {} is no plane", tags::IMAGE_ORIENTATION_PATIENT, tags::PIXEL_SPACING));
    }
    let plane = Plane {
        origin,
        column: [a, b, c].map(|v| v * across),
        row: [d, e, f].map(|v| v * down),
        depth: normal.map(|v| v / length(normal)),
    };
    Ok((segment, Some(Placed { frame, segment, place: dot(origin, plane.depth), plane })))
}

/// The frames that lie in the patient: one volume a segment.
fn volume(
    object: &mut Object<'_>,
    frames: &Frames<'_>,
    kind: Kind,
    mut placed: Vec<Placed>,
    groups: [Option<&Node<'_>>; 2],
    segments: &mut BTreeMap<u32, Segment>,
    unknown: &mut BTreeSet<u32>,
) -> Result<(), String> {
    let Some(normal) = placed.first().map(|p| p.plane.depth) else { return Ok(()) };
    let before = placed.len();
    placed.retain(|p| dot(p.plane.depth, normal) > 0.999);
    if placed.len() < before {
        object.problem(format!("{} frames of another orientation than the first; left out", before - placed.len()));
    }
    placed.sort_by(|a, b| a.segment.cmp(&b.segment).then(a.place.total_cmp(&b.place)).then(a.frame.cmp(&b.frame)));
    let spacing = spacing(&placed, groups)?;
    let mut gathered: BTreeMap<u32, (Gathering, Plane)> = BTreeMap::new();
    let mut doubled = 0;
    let mut last: Option<(Option<u32>, f64)> = None;
    for frame in &placed {
        if last.is_some_and(|(segment, place)| segment == frame.segment && frame.place - place < SAME_PLANE) {
            doubled += 1;
            continue;
        }
        last = Some((frame.segment, frame.place));
        let plane = Plane { depth: normal.map(|v| v * spacing), ..frame.plane };
        let pixels = frames.frame(frame.frame)?;
        for (segment, runs) in by_segment(frames, kind, &pixels, frame.segment) {
            if !segments.contains_key(&segment) {
                unknown.insert(segment);
                continue;
            }
            let (gathering, before) = gathered.entry(segment).or_insert_with(|| (Gathering::default(), plane));
            gathering.slice(&plane, &runs, adjacent(before, &plane, normal, spacing));
            *before = plane;
        }
    }
    if doubled > 0 {
        object.problem(format!("{doubled} frames of a segment and plane that another frame has; left out"));
    }
    let key = ImageKey { series_uid: series(object)?, study_uid: object.study(), ..ImageKey::default() };
    let mut image = object.image(key, Some([frames.columns, frames.rows]));
    let plane = placed[0].plane;
    image.row.column_spacing_mm = Some(length(plane.column));
    image.row.row_spacing_mm = Some(length(plane.row));
    let cosines = plane.column.map(|v| v / length(plane.column)).into_iter();
    let cosines: Vec<String> =
        cosines.chain(plane.row.map(|v| v / length(plane.row))).map(|v| format!("{v}")).collect();
    image.row.patient_orientation = Some(cosines.join("\\"));
    let image = object.set.image(image);
    // Slices across the body hold its middle; of sagittal ones only some may be there.
    let centre = plane.at(f64::from(frames.columns - 1) / 2.0, f64::from(frames.rows - 1) / 2.0);
    let middle = (normal[0].abs() < 0.5).then_some(centre[0]);
    for (number, (gathering, _)) in gathered {
        let (Some(segment), Some(extent)) = (segments.get_mut(&number), gathering.finish(middle, true)) else {
            continue;
        };
        segment.seen = true;
        let annotation = annotation(object, segment, image, Shape::Volume(extent), None);
        object.set.push(annotation);
    }
    Ok(())
}

/// The runs of a frame by segment: of its own, or in a label map of every value, in one pass.
fn by_segment(frames: &Frames<'_>, kind: Kind, pixels: &Frame<'_>, own: Option<u32>) -> BTreeMap<u32, Vec<Run>> {
    let value = |i: usize| match (kind, pixels.value(i)) {
        (Kind::LabelMap, value) => value,
        (Kind::Binary, value) => u32::from(value > 0),
        (Kind::Fractional(most), value) => u32::from(value > 0 && value * 2 >= most),
    };
    let mut found: BTreeMap<u32, Vec<Run>> = BTreeMap::new();
    for row in 0..frames.rows {
        let first = row as usize * frames.columns as usize;
        let mut x = 0;
        while x < frames.columns {
            let (start, here) = (x, value(first + x as usize));
            while x < frames.columns && value(first + x as usize) == here {
                x += 1;
            }
            if here != 0 {
                let segment = if kind == Kind::LabelMap { here } else { own.unwrap_or_default() };
                found.entry(segment).or_default().push(Run { row, start, end: x });
            }
        }
    }
    found
}

/// Whether two planes of one grid are neighbours.
fn adjacent(one: &Plane, next: &Plane, normal: [f64; 3], spacing: f64) -> bool {
    let step = minus(next.origin, one.origin);
    let along = dot(step, normal);
    let aside = length(minus(step, normal.map(|v| v * along)));
    along > 0.0 && along < 1.5 * spacing && aside < 0.5 * length(one.column).min(length(one.row))
}

/// The distance between slices; 0 where nothing tells it.
fn spacing(placed: &[Placed], groups: [Option<&Node<'_>>; 2]) -> Result<f64, String> {
    let mut measures = Vec::new();
    for group in groups.into_iter().flatten() {
        measures.extend(group.items(tags::PIXEL_MEASURES_SEQUENCE)?);
    }
    let measures = measures.first();
    let number = |tag| measures.map_or(Ok(None), |m| decimal(m, tag)).map(|n| n.filter(|v| *v > 0.0));
    if let Some(told) = number(tags::SPACING_BETWEEN_SLICES)? {
        return Ok(told);
    }
    let thickness = number(tags::SLICE_THICKNESS)?;
    let mut places: Vec<f64> = placed.iter().map(|p| p.place).collect();
    places.sort_by(f64::total_cmp);
    let gaps = places.windows(2).map(|w| w[1] - w[0]).filter(|gap| *gap > SAME_PLANE);
    let gap = gaps.min_by(f64::total_cmp).filter(|gap| thickness.is_none_or(|t| *gap <= 2.0 * t));
    Ok(gap.or(thickness).unwrap_or_default())
}

/// One frame as a mask of its source image.
fn mask(
    object: &mut Object<'_>,
    frames: &Frames<'_>,
    kind: Kind,
    (number, segment): (u32, Option<u32>),
    key: &ImageKey,
    segments: &mut BTreeMap<u32, Segment>,
    unknown: &mut BTreeSet<u32>,
) -> Result<(), String> {
    let pixels = frames.frame(number)?;
    let image = object.image(key.clone(), Some([frames.columns, frames.rows]));
    let image = object.set.image(image);
    for (value, runs) in by_segment(frames, kind, &pixels, segment) {
        let Some(segment) = segments.get_mut(&value) else {
            unknown.insert(value);
            continue;
        };
        segment.seen = true;
        let shape = Shape::Mask { size: [frames.rows, frames.columns], runs: by_columns(&runs, frames) };
        let annotation = annotation(object, segment, image, shape, (frames.count > 1).then_some(number));
        object.set.push(annotation);
    }
    Ok(())
}

/// Runs along the columns, background first, from runs along the rows.
fn by_columns(runs: &[Run], frames: &Frames<'_>) -> Vec<u32> {
    let place = |x: u32, y: u32| x * frames.rows + y;
    let mut set: Vec<u32> = runs.iter().flat_map(|r| (r.start..r.end).map(|x| place(x, r.row))).collect();
    set.sort_unstable();
    let mut out = Vec::new();
    let mut at = 0;
    for run in set.chunk_by(|a, b| a + 1 == *b) {
        out.extend([run[0] - at, run.len() as u32]);
        at = run[0] + run.len() as u32;
    }
    let end = frames.columns * frames.rows;
    out.extend((at < end).then_some(end - at));
    out
}

fn annotation(object: &mut Object<'_>, segment: &Segment, image: u32, shape: Shape, frame: Option<u32>) -> Annotation {
    let id = frame.map_or_else(|| segment.id.clone(), |f| format!("{}#{}", segment.id, f + 1));
    let category = object.set.category(&segment.category);
    let (reader, side) = (segment.reader.clone(), segment.side);
    Annotation { reader, side, ..Annotation::present(id, image, category, shape) }
}

/// The series that was segmented.
fn series(object: &mut Object<'_>) -> Result<String, String> {
    let items = object.root.items(tags::REFERENCED_SERIES_SEQUENCE)?;
    if items.len() > 1 {
        object.warning(format!("{} series in {}; the first is taken", items.len(), tags::REFERENCED_SERIES_SEQUENCE));
    }
    Ok(items.first().and_then(|s| s.plain(tags::SERIES_INSTANCE_UID)).unwrap_or_default())
}

/// The image that a frame was drawn on: its own source, else the only one that the object refers to.
fn source_image(object: &Object<'_>, group: &Node<'_>, shared: Option<&Node<'_>>) -> Result<ImageKey, String> {
    let series = object.root.items(tags::REFERENCED_SERIES_SEQUENCE)?;
    let mut key = ImageKey { study_uid: object.study(), ..ImageKey::default() };
    key.series_uid = series.first().and_then(|s| s.plain(tags::SERIES_INSTANCE_UID)).unwrap_or_default();
    for group in [Some(group), shared].into_iter().flatten() {
        for derivation in group.items(tags::DERIVATION_IMAGE_SEQUENCE)? {
            if let Some(source) = derivation.items(tags::SOURCE_IMAGE_SEQUENCE)?.first() {
                key.sop_uid = source.plain(tags::REFERENCED_SOP_INSTANCE_UID).unwrap_or_default();
                key.frame = whole(source, tags::REFERENCED_FRAME_NUMBER).ok().flatten();
                return Ok(key);
            }
        }
    }
    let mut instances = Vec::new();
    for series in &series {
        instances.extend(series.items(tags::REFERENCED_INSTANCE_SEQUENCE)?);
    }
    if let [one] = &instances[..] {
        key.sop_uid = one.plain(tags::REFERENCED_SOP_INSTANCE_UID).unwrap_or_default();
    }
    Ok(key)
}
