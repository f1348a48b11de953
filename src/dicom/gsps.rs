//! Presentation states (GSPS) -> the graphics drawn on images, with the text beside them as their category.
//!
//! A graphic takes the text of its item; of several texts the nearest. A text with no graphic is a point or a box of
//! its own, and a graphic without text is named for its layer. Places in the displayed area are turned to pixels where
//! the area is told and neither rotated nor flipped, else told and left out. The text is patients' data: it stands in
//! the set, never in a message.

use super::annotation::{Object, circle, ellipse};
use super::node::{Node, line};
use super::numbers::{bytes, points, unsigned, whole};
use crate::annotation::{Annotation, ImageKey, Point, Shape};
use dicom_core::Tag;
use dicom_dictionary_std::tags;
use std::collections::BTreeMap;

/// Graphics times images: more are no drawing.
const MOST_DRAWN: usize = 1_000_000;

/// The part of an image that is displayed: first and last pixel, from 1.
struct Area {
    images: Vec<String>,
    first: [f64; 2],
    last: [f64; 2],
}

/// Reads a presentation state.
pub(super) fn read(object: &mut Object<'_>) -> Result<(), String> {
    let root = Node { elements: object.root.elements, charset: object.root.charset };
    let mut all = Vec::new();
    for series in root.items(tags::REFERENCED_SERIES_SEQUENCE)? {
        let series_uid = series.plain(tags::SERIES_INSTANCE_UID).unwrap_or_default();
        for image in series.items(tags::REFERENCED_IMAGE_SEQUENCE)? {
            all.push(key(object, &image, &series_uid));
        }
    }
    let series_of: BTreeMap<String, String> = all.iter().map(|k| (k.sop_uid.clone(), k.series_uid.clone())).collect();
    let areas = areas(object, &root)?;
    let mut drawn = 0;
    let items = root.items(tags::GRAPHIC_ANNOTATION_SEQUENCE)?;
    if items.is_empty() {
        object.warning(format!("no drawn annotation ({})", tags::GRAPHIC_ANNOTATION_SEQUENCE));
    }
    for (number, item) in items.iter().enumerate() {
        let mut images = Vec::new();
        for image in item.items(tags::REFERENCED_IMAGE_SEQUENCE)? {
            let found = key(object, &image, "");
            let series = series_of.get(&found.sop_uid).cloned();
            images.push(ImageKey { series_uid: series.unwrap_or_default(), ..found });
        }
        // Without images of its own an item is of all.
        let images = if images.is_empty() { all.clone() } else { images };
        if images.is_empty() {
            object.problem(format!("annotation {}: no image; left out", number + 1));
            continue;
        }
        for (at, image) in images.into_iter().enumerate() {
            let area = areas.iter().find(|a| a.images.is_empty() || a.images.contains(&image.sop_uid));
            // What is at fault is told once, however many images it is on.
            drawn += annotation(object, item, number + 1, image, area, at == 0)?;
            if drawn > MOST_DRAWN {
                return Err(format!("annotation {}: over {MOST_DRAWN} graphics on all images", number + 1));
            }
        }
    }
    Ok(())
}

fn key(object: &Object<'_>, image: &Node<'_>, series_uid: &str) -> ImageKey {
    ImageKey {
        name: String::new(),
        sop_uid: image.plain(tags::REFERENCED_SOP_INSTANCE_UID).unwrap_or_default(),
        series_uid: series_uid.to_owned(),
        study_uid: object.study(),
        frame: whole(image, tags::REFERENCED_FRAME_NUMBER).ok().flatten(),
    }
}

/// The displayed areas; none where the image is turned, when they tell no pixel.
fn areas(object: &mut Object<'_>, root: &Node<'_>) -> Result<Vec<Area>, String> {
    let turned = unsigned(root, tags::IMAGE_ROTATION, object.big)?.is_some_and(|degrees| degrees != 0);
    if turned || root.plain(tags::IMAGE_HORIZONTAL_FLIP).as_deref() == Some("Y") {
        return Ok(Vec::new());
    }
    let mut areas = Vec::new();
    for (number, item) in root.items(tags::DISPLAYED_AREA_SELECTION_SEQUENCE)?.iter().enumerate() {
        let corner = |tag| pair(item, tag, object.big);
        let first = corner(tags::DISPLAYED_AREA_TOP_LEFT_HAND_CORNER);
        let last = corner(tags::DISPLAYED_AREA_BOTTOM_RIGHT_HAND_CORNER);
        let images = item.items(tags::REFERENCED_IMAGE_SEQUENCE)?;
        let images = images.iter().filter_map(|i| i.plain(tags::REFERENCED_SOP_INSTANCE_UID)).collect();
        match (first, last) {
            (Ok(Some(first)), Ok(Some(last))) => areas.push(Area { images, first, last }),
            (Err(message), _) | (_, Err(message)) => {
                object.warning(format!("displayed area {}: {message}", number + 1))
            }
            _ => object.warning(format!("displayed area {}: without its corners", number + 1)),
        }
    }
    Ok(areas)
}

/// Two signed numbers (SL).
fn pair(node: &Node<'_>, tag: Tag, big: bool) -> Result<Option<[f64; 2]>, String> {
    let Some(bytes) = bytes(node, tag)? else { return Ok(None) };
    let one = |b: [u8; 4]| f64::from(if big { i32::from_be_bytes(b) } else { i32::from_le_bytes(b) });
    match *bytes {
        [a, b, c, d, e, f, g, h] => Ok(Some([one([a, b, c, d]), one([e, f, g, h])])),
        _ => Err(format!("{} bytes in {tag}; expected 8", bytes.len())),
    }
}

/// Turns points to pixels, by their units.
fn in_pixels(points: Vec<[f64; 2]>, units: Option<&str>, area: Option<&Area>) -> Result<Vec<[f64; 2]>, String> {
    match (units, area) {
        (Some("PIXEL"), _) => Ok(points),
        (Some("DISPLAY"), Some(area)) => {
            let on = |at: f64, i: usize| area.first[i] - 1.0 + at * (area.last[i] - area.first[i] + 1.0);
            Ok(points.into_iter().map(|p| [on(p[0], 0), on(p[1], 1)]).collect())
        }
        (Some("DISPLAY"), None) => Err("in units of a displayed area that is not told, or turned".to_owned()),
        _ => Err("units that are neither PIXEL nor DISPLAY".to_owned()),
    }
}

/// A text and the shape of its place.
struct Text {
    words: String,
    shape: Shape,
    centre: [f64; 2],
}

/// Makes the annotations of an item on one image; how many.
fn annotation(
    object: &mut Object<'_>,
    item: &Node<'_>,
    number: usize,
    image: ImageKey,
    area: Option<&Area>,
    tell: bool,
) -> Result<usize, String> {
    let mut texts = Vec::new();
    let mut faults = Vec::new();
    for (at, node) in item.items(tags::TEXT_OBJECT_SEQUENCE)?.iter().enumerate() {
        match text(node, area, object.big) {
            Ok(Some(text)) => texts.push(text),
            Ok(None) => {}
            Err(message) => faults.push(format!("text {}: {message}", at + 1)),
        }
    }
    let mut drawn = Vec::new();
    for (at, node) in item.items(tags::GRAPHIC_OBJECT_SEQUENCE)?.iter().enumerate() {
        match graphic(node, area, object.big) {
            Ok(found) => drawn.push(found),
            Err(message) => faults.push(format!("graphic {}: {message}", at + 1)),
        }
    }
    let compound = item.items(tags::COMPOUND_GRAPHIC_SEQUENCE)?.len();
    if compound > 0 {
        faults.push(format!("{compound} compound graphics are not read"));
    }
    if tell {
        for message in faults {
            object.problem(format!("annotation {number}, {message}; left out"));
        }
    }
    let layer = item.plain(tags::GRAPHIC_LAYER).unwrap_or_else(|| "graphic".to_owned());
    let mut found: Vec<(String, Shape)> = Vec::new();
    for (shape, centre) in drawn {
        let distance = |t: &Text| (t.centre[0] - centre[0]).hypot(t.centre[1] - centre[1]);
        let nearest = texts.iter().min_by(|a, b| distance(a).total_cmp(&distance(b)));
        found.push((nearest.map_or_else(|| layer.clone(), |t| t.words.clone()), shape));
    }
    if found.is_empty() {
        found.extend(texts.into_iter().map(|t| (t.words, t.shape)));
    }
    if found.is_empty() {
        return Ok(1);
    }
    let count = found.len();
    let sop_uid = image.sop_uid.clone();
    let frame = image.frame;
    let image = object.image(image, None);
    let image = object.set.image(image);
    let reader = object.root.text(tags::CONTENT_CREATOR_NAME);
    for (at, (words, shape)) in found.into_iter().enumerate() {
        let category = object.set.category(&words);
        let frame = frame.map_or_else(String::new, |f| format!("#{f}"));
        let id = format!("{}:{number}.{}@{sop_uid}{frame}", object.source, at + 1);
        let reader = reader.clone();
        object.set.push(Annotation { reader, ..Annotation::present(id, image, category, shape) });
    }
    Ok(count)
}

fn text(node: &Node<'_>, area: Option<&Area>, big: bool) -> Result<Option<Text>, String> {
    let Some(words) = node.text(tags::UNFORMATTED_TEXT_VALUE).map(|t| line(&t)).filter(|t| !t.is_empty()) else {
        return Ok(None);
    };
    let anchor = points::<2>(node, tags::ANCHOR_POINT, big)?;
    let units = node.plain(tags::ANCHOR_POINT_ANNOTATION_UNITS);
    if let [at] = in_pixels(anchor, units.as_deref().or(Some("PIXEL")), area)?[..] {
        let shape = Shape::Points(vec![Point { name: String::new(), at, visible: true }]);
        return Ok(Some(Text { words, shape, centre: at }));
    }
    let mut corners = points::<2>(node, tags::BOUNDING_BOX_TOP_LEFT_HAND_CORNER, big)?;
    corners.extend(points::<2>(node, tags::BOUNDING_BOX_BOTTOM_RIGHT_HAND_CORNER, big)?);
    let units = node.plain(tags::BOUNDING_BOX_ANNOTATION_UNITS);
    match in_pixels(corners, units.as_deref(), area)?[..] {
        [a, b] => {
            // Turned text has its corners the other way.
            let low = [a[0].min(b[0]), a[1].min(b[1])];
            let shape = Shape::Box([low[0], low[1], (a[0] - b[0]).abs(), (a[1] - b[1]).abs()]);
            Ok(Some(Text { words, shape, centre: [(a[0] + b[0]) / 2.0, (a[1] + b[1]) / 2.0] }))
        }
        _ => Err(format!("neither {} nor a bounding box", tags::ANCHOR_POINT)),
    }
}

/// A graphic and its middle.
fn graphic(node: &Node<'_>, area: Option<&Area>, big: bool) -> Result<(Shape, [f64; 2]), String> {
    let dimensions = unsigned(node, tags::GRAPHIC_DIMENSIONS, big)?.unwrap_or(2);
    if dimensions != 2 {
        return Err(format!("{dimensions} in {}; expected 2", tags::GRAPHIC_DIMENSIONS));
    }
    let found = points::<2>(node, tags::GRAPHIC_DATA, big)?;
    let claimed = unsigned(node, tags::NUMBER_OF_GRAPHIC_POINTS, big)?;
    if found.is_empty() || claimed.is_some_and(|n| n as usize != found.len()) {
        return Err(format!("{} points in {}; {} are claimed", found.len(), tags::GRAPHIC_DATA, claimed.unwrap_or(1)));
    }
    let units = node.plain(tags::GRAPHIC_ANNOTATION_UNITS);
    let found = in_pixels(found, units.as_deref(), area)?;
    let count = found.len() as f64;
    let centre = [0, 1].map(|i| found.iter().map(|p| p[i]).sum::<f64>() / count);
    let closed = found.len() > 3 && found.first() == found.last();
    let misfit = || format!("{} points do not fit its {}", found.len(), tags::GRAPHIC_TYPE);
    let (shape, centre) = match node.plain(tags::GRAPHIC_TYPE).as_deref() {
        Some("POINT") if found.len() == 1 => {
            (Shape::Points(vec![Point { name: String::new(), at: found[0], visible: true }]), centre)
        }
        Some("CIRCLE") => (Shape::Polygon(vec![circle(&found).ok_or_else(misfit)?]), found[0]),
        Some("ELLIPSE") => (Shape::Polygon(vec![ellipse(&found).ok_or_else(misfit)?]), centre),
        Some("POLYLINE" | "INTERPOLATED") if closed => (Shape::Polygon(vec![found]), centre),
        Some("POLYLINE" | "INTERPOLATED") if found.len() > 1 => (Shape::Line(found), centre),
        _ => return Err(misfit()),
    };
    Ok((shape, centre))
}
