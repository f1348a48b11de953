//! COCO JSON -> annotations: boxes, polygons, masks (RLE, compressed or not), keypoints.
//!
//! What an annotation becomes: keypoints if any is labelled, else its segmentation, else its box; with none of them it
//! is a label of the whole image. `iscrowd` stays as a measure of that name: a group, whose number is not told. Of
//! `attributes` (CVAT and others) side, reader and stance are read where they have the names below, and numbers whose
//! names end in `_mm` or `_hu` as measures. `NaN` and `Infinity`, which Python writes, are read as missing numbers.
//!
//! Every image that the file lists was looked at for every category (`Coverage::Whole`).

use super::gather::Gather;
use crate::annotation::{Annotation, Coverage, Measure, Point, Shape, Stance, rle, side_of_word};
use crate::input::Told;
use crate::{Error, shown};
use serde::Deserialize;
use serde::de::{Deserializer, SeqAccess, Visitor};
use serde_json::Value;
use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;

/// Reads a COCO file.
///
/// # Errors
/// It is no JSON object with `images` and `annotations`.
pub(crate) fn read(
    bytes: &[u8],
    source: &str,
    tell: &mut dyn FnMut(Told),
) -> Result<crate::annotation::AnnotationSet, Error> {
    let bytes = without_nan(bytes);
    let file: File = serde_json::from_slice(&bytes)
        .map_err(|e| Error::input(format!("{source}:{}", e.line()), crate::input::json_fault(&e)))?;
    let (Some(images), Some(annotations)) = (file.images, file.annotations) else {
        return Err(Error::input(source, "no lists \"images\" and \"annotations\"; expected COCO JSON"));
    };
    let mut gather = Gather::new(source, Coverage::Whole, tell);
    let images = read_images(&images, &mut gather);
    let categories = read_categories(&file.categories.unwrap_or_default(), &mut gather);
    let mut seen: HashMap<String, (usize, u32)> = HashMap::new();
    for (at, entry) in annotations.0.into_iter().enumerate() {
        read_annotation(at, entry, &images, &categories, &mut seen, &mut gather);
    }
    Ok(gather.finish())
}

/// The lists of a file; what else stands in it is not kept.
#[derive(Deserialize)]
struct File {
    images: Option<Vec<Value>>,
    categories: Option<Vec<Value>>,
    annotations: Option<Entries>,
}

/// The annotations, each made small as soon as it is read: as JSON values a large file would fill the memory.
struct Entries(Vec<Entry>);

/// An annotation whose image and category are not yet looked up.
struct Entry {
    id: Option<String>,
    image: Option<String>,
    category: Option<String>,
    shape: Result<Shape, String>,
    /// How many keypoints it has, unlabelled ones too.
    keypoints: usize,
    score: Option<f64>,
    crowd: bool,
    attributes: serde_json::Map<String, Value>,
}

impl Entry {
    fn new(mut value: Value) -> Entry {
        let crowd = value.get("iscrowd");
        Entry {
            id: id(value.get("id")),
            image: id(value.get("image_id")),
            category: id(value.get("category_id")),
            shape: shape(&value),
            keypoints: value.get("keypoints").and_then(Value::as_array).map_or(0, |k| k.len() / 3),
            score: value.get("score").and_then(Value::as_f64),
            crowd: crowd.is_some_and(|c| c.as_f64().is_some_and(|c| c > 0.0) || c.as_bool() == Some(true)),
            attributes: match value.get_mut("attributes").map(Value::take) {
                Some(Value::Object(attributes)) => attributes,
                _ => serde_json::Map::new(),
            },
        }
    }
}

impl<'de> Deserialize<'de> for Entries {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(EntriesVisitor)
    }
}

struct EntriesVisitor;

impl<'de> Visitor<'de> for EntriesVisitor {
    type Value = Entries;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of annotations")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Entries, A::Error> {
        let mut entries = Vec::new();
        while let Some(value) = seq.next_element::<Value>()? {
            entries.push(Entry::new(value));
        }
        Ok(Entries(entries))
    }
}

/// JSON knows no NaN and Infinity; outside strings they become null.
pub(super) fn without_nan(bytes: &[u8]) -> Cow<'_, [u8]> {
    if memchr::memmem::find(bytes, b"NaN").or(memchr::memmem::find(bytes, b"Infinity")).is_none() {
        return bytes.into();
    }
    let mut out = Vec::with_capacity(bytes.len());
    let (mut at, mut quoted) = (0, false);
    while at < bytes.len() {
        let rest = &bytes[at..];
        let word = [&b"NaN"[..], b"-Infinity", b"Infinity"].into_iter().find(|w| !quoted && rest.starts_with(w));
        if let Some(word) = word {
            out.extend(b"null");
            at += word.len();
            continue;
        }
        if quoted && bytes[at] == b'\\' {
            out.extend(&rest[..rest.len().min(2)]);
            at += 2;
            continue;
        }
        quoted ^= bytes[at] == b'"';
        out.push(bytes[at]);
        at += 1;
    }
    out.into()
}

/// An id, be it a number or a string.
fn id(value: Option<&Value>) -> Option<String> {
    match value? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn read_images(entries: &[Value], gather: &mut Gather<'_>) -> HashMap<String, u32> {
    let mut images = HashMap::new();
    for (at, entry) in entries.iter().enumerate() {
        let place = format!("{}: images[{at}]", gather.set.source);
        let Some(id) = id(entry.get("id")) else {
            gather.problem("image", place, "an image without id; left out".to_owned());
            continue;
        };
        if images.contains_key(&id) {
            gather.problem("image", place, "the id of an earlier image; left out".to_owned());
            continue;
        }
        let name = entry.get("file_name").and_then(Value::as_str).unwrap_or(&id);
        let (before, index) = (gather.set.images.len(), gather.image(name));
        if gather.set.images.len() == before {
            gather.warning("image", place.clone(), "the file name of an earlier image; taken as the same".to_owned());
        }
        images.insert(id, index);
        let side = |key| entry.get(key).and_then(Value::as_u64).and_then(|v| u32::try_from(v).ok()).filter(|&v| v > 0);
        match (side("width"), side("height")) {
            (Some(width), Some(height)) => gather.size(index, [width, height]),
            _ if entry.get("width").is_some() || entry.get("height").is_some() => {
                gather.warning("image", place, "width and height are no numbers of pixels; size unknown".to_owned());
            }
            _ => {}
        }
    }
    images
}

/// By id: the category, and the names of its keypoints.
type Categories = HashMap<String, (u32, Vec<String>)>;

fn read_categories(entries: &[Value], gather: &mut Gather<'_>) -> Categories {
    let mut categories = Categories::new();
    for (at, entry) in entries.iter().enumerate() {
        let place = format!("{}: categories[{at}]", gather.set.source);
        let name = entry.get("name").and_then(Value::as_str).map(str::trim).filter(|n| !n.is_empty());
        let (Some(id), Some(name)) = (id(entry.get("id")), name) else {
            gather.problem("category", place, "a category without id or name; left out".to_owned());
            continue;
        };
        if categories.contains_key(&id) {
            gather.problem("category", place, "the id of an earlier category; left out".to_owned());
            continue;
        }
        let names = entry.get("keypoints").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let names = names.iter().map(|n| n.as_str().unwrap_or_default().to_owned()).collect();
        categories.insert(id, (gather.category(name), names));
    }
    categories
}

fn read_annotation(
    at: usize,
    entry: Entry,
    images: &HashMap<String, u32>,
    categories: &Categories,
    seen: &mut HashMap<String, (usize, u32)>,
    gather: &mut Gather<'_>,
) {
    let source = gather.set.source.clone();
    let own = entry.id;
    let place = || match &own {
        Some(id) => format!("{source}: annotation {}", shown(id)),
        None => format!("{source}: annotations[{at}]"),
    };
    let Some(&image) = entry.image.and_then(|id| images.get(&id)) else {
        gather.problem("image_id", place(), "its image_id is none of the images; left out".to_owned());
        return;
    };
    let Some((category, names)) = entry.category.and_then(|id| categories.get(&id)) else {
        gather.left_out(
            image,
            "category_id",
            place(),
            "its category_id is none of the categories; left out".to_owned(),
        );
        return;
    };
    let mut shape = match entry.shape {
        Ok(_) if !names.is_empty() && entry.keypoints > names.len() => {
            let message = format!("{} keypoints; its category names {}; left out", entry.keypoints, names.len());
            gather.left_out(image, "keypoints", place(), message);
            return;
        }
        Ok(shape) => shape,
        Err(why) => {
            gather.left_out(image, "shape", place(), format!("{why}; left out"));
            return;
        }
    };
    if let Shape::Points(points) = &mut shape {
        for point in points {
            // Until here its place in the list stands for its name.
            point.name = point.name.parse().ok().and_then(|at: usize| names.get(at).cloned()).unwrap_or_default();
        }
    }
    let id = own.clone().unwrap_or_else(|| format!("{source}:{}", at + 1));
    let mut annotation = Annotation::present(id, image, *category, shape);
    annotation.score = entry.score;
    if entry.crowd {
        annotation.measures.push(Measure { name: "iscrowd".to_owned(), value: 1.0, unit: "1".to_owned() });
    }
    for (name, value) in &entry.attributes {
        attribute(&name.to_lowercase(), value, &mut annotation);
    }
    if let Some(id) = &own {
        // Ids double where files are joined: another annotation keeps its own, the same one is not counted twice.
        let mut twin = annotation.clone();
        if let Some((first, copies)) = seen.get_mut(id) {
            twin.id.clone_from(&gather.set.annotations[*first].id);
            if twin == gather.set.annotations[*first] {
                gather.warning("doubled id", place(), "the same annotation stands twice; read once".to_owned());
                return;
            }
            *copies += 1;
            annotation.id = format!("{id}#{copies}");
            let message = format!("the id of an earlier annotation; read as #{copies} of that id");
            gather.warning("doubled id", place(), message);
        }
    }
    if gather.add(annotation, place)
        && let Some(id) = own
    {
        seen.entry(id).or_insert((gather.set.annotations.len() - 1, 1));
    }
}

fn shape(entry: &Value) -> Result<Shape, String> {
    let keypoints = match entry.get("keypoints") {
        Some(Value::Array(numbers)) => read_keypoints(numbers)?,
        _ => Vec::new(),
    };
    if !keypoints.is_empty() {
        return Ok(Shape::Points(keypoints));
    }
    match entry.get("segmentation") {
        Some(Value::Array(outlines)) if !outlines.is_empty() => return read_polygon(outlines),
        Some(Value::Object(mask)) => return read_mask(mask),
        None | Some(Value::Null | Value::Array(_)) => {}
        Some(_) => return Err("a segmentation that is neither a list of outlines nor a mask".to_owned()),
    }
    match entry.get("bbox") {
        None | Some(Value::Null) => Ok(Shape::Whole),
        Some(Value::Array(sides)) if sides.is_empty() => Ok(Shape::Whole),
        Some(sides) => {
            let sides: Option<Vec<f64>> = sides.as_array().map(|s| s.iter().map(number).collect());
            match sides.as_deref() {
                Some([x, y, width, height]) => Ok(Shape::Box([*x, *y, *width, *height])),
                _ => Err("a box that is no list of four numbers".to_owned()),
            }
        }
    }
}

/// What is no number is told with the shape.
fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or(f64::NAN)
}

/// The labelled keypoints, each with its place in the list for a name.
fn read_keypoints(numbers: &[Value]) -> Result<Vec<Point>, String> {
    if !numbers.len().is_multiple_of(3) {
        return Err(format!("{} numbers for keypoints; expected three a point", numbers.len()));
    }
    let points = numbers.chunks_exact(3).enumerate().filter_map(|(at, point)| {
        let visibility = number(&point[2]);
        // 0: not labelled; x and y are 0 then.
        let at_pixel = [number(&point[0]), number(&point[1])];
        (visibility != 0.0).then(|| Point { name: at.to_string(), at: at_pixel, visible: visibility >= 2.0 })
    });
    Ok(points.collect())
}

fn read_polygon(outlines: &[Value]) -> Result<Shape, String> {
    let mut polygon = Vec::new();
    for outline in outlines {
        let Some(numbers) = outline.as_array().filter(|n| n.len() >= 6 && n.len().is_multiple_of(2)) else {
            return Err("an outline that is no list of x and y of three points or more".to_owned());
        };
        polygon.push(numbers.chunks_exact(2).map(|p| [number(&p[0]), number(&p[1])]).collect());
    }
    Ok(Shape::Polygon(polygon))
}

fn read_mask(mask: &serde_json::Map<String, Value>) -> Result<Shape, String> {
    let size: Option<Vec<u32>> = mask.get("size").and_then(Value::as_array).and_then(|s| s.iter().map(whole).collect());
    let Some([height, width]) = size.as_deref() else {
        return Err("a mask without size; expected height and width".to_owned());
    };
    let runs = match mask.get("counts") {
        Some(Value::String(text)) => rle::from_text(text).map_err(|fault| format!("a mask that cannot be: {fault}"))?,
        Some(Value::Array(runs)) => {
            let runs: Option<Vec<u32>> = runs.iter().map(whole).collect();
            runs.ok_or("a mask with a run that is no whole number from 0 up")?
        }
        _ => return Err("a mask without counts".to_owned()),
    };
    Ok(Shape::Mask { size: [*height, *width], runs })
}

fn whole(value: &Value) -> Option<u32> {
    let number = value.as_f64()?;
    (number.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(&number)).then_some(number as u32)
}

/// What annotation tools write beside a shape.
fn attribute(name: &str, value: &Value, annotation: &mut Annotation) {
    let text = value.as_str().map(|t| t.trim().to_lowercase());
    match (name, text.as_deref(), value) {
        ("side" | "laterality", Some(text), _) => annotation.side = side_of_word(text),
        ("reader" | "annotator" | "rad_id", Some(_), _) => annotation.reader = value.as_str().map(str::to_owned),
        ("status" | "stance" | "presence" | "certainty", Some(text), _) => {
            annotation.stance = match text {
                "absent" | "negative" | "no" => Stance::Absent,
                "uncertain" | "possible" | "doubtful" => Stance::Uncertain,
                _ => Stance::Present,
            };
        }
        ("uncertain" | "doubtful", _, Value::Bool(true)) => annotation.stance = Stance::Uncertain,
        (_, _, Value::Number(number)) => {
            let unit = if name.ends_with("_mm") {
                "mm"
            } else if name.ends_with("_hu") {
                "[hnsf'U]"
            } else {
                return;
            };
            let (name, value) = (name.to_owned(), number.as_f64().unwrap_or(f64::NAN));
            annotation.measures.push(Measure { name, value, unit: unit.to_owned() });
        }
        _ => {}
    }
}

#[cfg(test)]
#[path = "coco_tests.rs"]
mod tests;
