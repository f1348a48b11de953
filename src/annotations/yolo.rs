//! A folder of YOLO labels -> annotations: `class x y w h` (centre and size as parts of the image), outlines
//! `class x1 y1 x2 y2 ...` (oriented boxes too), and poses `class x y w h px py [v] ...` where `data.yaml` tells
//! `kpt_shape`; a last number beside these is the score.
//!
//! Names of classes stand in `data.yaml` (`names`), `classes.txt` or `obj.names`. The labels `a/labels/b.txt` are of the
//! image `a/images/b.png`, or of the one beside them; its header tells the size in pixels. Images without a label file
//! were read and have nothing (`Coverage::Whole`), as YOLO takes them for background.

use super::gather::Gather;
use super::{folder, image_size};
use crate::Error;
use crate::annotation::{Annotation, AnnotationSet, Coverage, Point, Shape};
use crate::input::Told;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

const IMAGES: [&str; 4] = ["png", "jpg", "jpeg", "bmp"];
const NAMES: [&str; 3] = ["classes.txt", "obj.names", "_darknet.labels"];

/// Reads a folder.
///
/// # Errors
/// It cannot be listed, or holds no labels.
pub(crate) fn read(root: &Path, tell: &mut dyn FnMut(Told)) -> Result<AnnotationSet, Error> {
    let source = root.display().to_string();
    let files = folder::files(root)?;
    let classes = Classes::find(root, &files)?;
    let mut gather = Gather::new(&source, Coverage::Whole, tell);
    match &classes.names {
        Some(names) => {
            for name in names.values() {
                gather.category(name);
            }
        }
        None => {
            let message = "no names of classes (data.yaml, classes.txt, obj.names); their numbers are taken as names";
            gather.warning("names", source.clone(), message.to_owned());
        }
    }
    let ending = |path: &Path| path.extension().and_then(|e| e.to_str()).map(str::to_lowercase).unwrap_or_default();
    // By the path that labels and image share, without ending.
    let mut images: BTreeMap<PathBuf, &PathBuf> = BTreeMap::new();
    for path in files.iter().filter(|p| IMAGES.contains(&&*ending(p))) {
        images.entry(path.with_extension("")).or_insert(path);
    }
    let mut labels: BTreeMap<PathBuf, &PathBuf> = BTreeMap::new();
    for path in files.iter().filter(|p| ending(p) == "txt" && !is_list(p)) {
        labels.insert(image_of(path, &images), path);
    }
    if labels.is_empty() {
        return Err(Error::input(source, "no label files (*.txt); expected a folder of YOLO labels"));
    }
    for (key, path) in &images {
        if !labels.contains_key(key) {
            gather.image(&path.to_string_lossy());
        }
    }
    for (key, path) in &labels {
        let place = root.join(path).display().to_string();
        let Some(image) = images.get(key) else {
            gather.problem("image", place, "no image of this name; left out, as its size is not known".to_owned());
            continue;
        };
        let size = match image_size::of(&root.join(image)) {
            Ok(size) => size,
            Err(why) => {
                gather.problem("image", place, format!("its image {why}; left out"));
                continue;
            }
        };
        match super::bytes(&root.join(path)) {
            Ok(bytes) => {
                let index = gather.image(&image.to_string_lossy());
                gather.size(index, size);
                read_labels(&bytes, &path.to_string_lossy(), &place, index, size, &classes, &mut gather);
            }
            Err(error) => gather.problem("file", place, format!("{error}; left out")),
        }
    }
    Ok(gather.finish())
}

/// Names, lists of files and notes beside the labels.
fn is_list(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    NAMES.contains(&&*name) || ["train.txt", "val.txt", "test.txt", "readme.txt", "requirements.txt"].contains(&&*name)
}

/// The image that labels are of: beside them, or in `images` where they are in `labels`.
fn image_of(labels: &Path, images: &BTreeMap<PathBuf, &PathBuf>) -> PathBuf {
    let beside = labels.with_extension("");
    if images.contains_key(&beside) {
        return beside;
    }
    let mut parts: Vec<_> = beside.iter().map(|p| p.to_owned()).collect();
    match parts.iter().rposition(|p| p == "labels") {
        Some(at) => {
            parts[at] = "images".into();
            parts.iter().collect()
        }
        None => beside,
    }
}

/// What is told of the classes.
#[derive(Debug, Default, PartialEq)]
struct Classes {
    names: Option<BTreeMap<u32, String>>,
    /// Keypoints, and numbers a keypoint (2 or 3).
    keypoints: Option<[usize; 2]>,
}

impl Classes {
    fn find(root: &Path, files: &[PathBuf]) -> Result<Classes, Error> {
        let mut classes = Classes::default();
        for path in files {
            let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
            let yaml = name.ends_with(".yaml") || name.ends_with(".yml");
            if !yaml && !NAMES.contains(&&*name) {
                continue;
            }
            let (text, _) = crate::input::decode_guessed(&super::bytes(&root.join(path))?);
            let told = if yaml { yaml_names(&text) } else { listed_names(&text) };
            classes.names = classes.names.or(told.names);
            classes.keypoints = classes.keypoints.or(told.keypoints);
        }
        Ok(classes)
    }
}

fn listed_names(text: &str) -> Classes {
    let names = text.lines().map(str::trim).filter(|l| !l.is_empty());
    Classes { names: Some((0..).zip(names.map(str::to_owned)).collect()), keypoints: None }
}

/// `names` and `kpt_shape` of a `data.yaml`: a list in brackets, one of dashes, or numbered names. No more of YAML.
fn yaml_names(text: &str) -> Classes {
    let mut classes = Classes::default();
    let mut names: BTreeMap<u32, String> = BTreeMap::new();
    let mut within = false;
    // A list in brackets may go on over lines.
    let mut open = String::new();
    for line in text.lines() {
        let line = line.split(" #").next().unwrap_or_default();
        if !open.is_empty() {
            open.push_str(line);
        } else if let Some(value) = line.strip_prefix("names:") {
            (within, open) = (true, value.trim().to_owned());
        } else if let Some(value) = line.strip_prefix("kpt_shape:") {
            within = false;
            let numbers = value.trim().trim_start_matches('[').trim_end_matches(']').split(',');
            let numbers: Vec<usize> = numbers.filter_map(|n| n.trim().parse().ok()).collect();
            classes.keypoints = <[usize; 2]>::try_from(numbers).ok().filter(|k| matches!(k[1], 2 | 3));
        } else if within && let Some(name) = line.trim_start().strip_prefix("- ") {
            names.insert(names.len() as u32, unquoted(name));
        } else if within
            && line.starts_with([' ', '\t'])
            && let Some((number, name)) = line.split_once(':')
            && let Ok(number) = number.trim().parse()
        {
            names.insert(number, unquoted(name));
        } else if !line.trim().is_empty() {
            within = false;
        }
        if open.ends_with(']') || open.ends_with('}') {
            for entry in open.trim_matches(['[', ']', '{', '}']).split(',').filter(|e| !e.trim().is_empty()) {
                match entry.split_once(':').map(|(number, name)| (number.trim().parse(), name)) {
                    Some((Ok(number), name)) => drop(names.insert(number, unquoted(name))),
                    _ => drop(names.insert(names.len() as u32, unquoted(entry))),
                }
            }
            (within, open) = (false, String::new());
        }
    }
    classes.names = (!names.is_empty()).then_some(names);
    classes
}

fn unquoted(name: &str) -> String {
    name.trim().trim_matches(['"', '\'']).to_owned()
}

fn read_labels(
    bytes: &[u8],
    name: &str,
    place: &str,
    image: u32,
    size: [u32; 2],
    classes: &Classes,
    gather: &mut Gather<'_>,
) {
    let (text, _) = crate::input::decode_guessed(bytes);
    for (number, line) in (1..).zip(text.lines()).filter(|(_, l)| !l.trim().is_empty()) {
        let place = || format!("{place}:{number}");
        let mut words = line.split_ascii_whitespace();
        let class = words.next().and_then(|w| w.parse::<f64>().ok()).filter(|c| c.fract() == 0.0 && *c >= 0.0);
        let values: Option<Vec<f64>> = words.map(|w| w.parse().ok()).collect();
        let (Some(class), Some(values)) = (class, values) else {
            gather.left_out(image, "line", place(), "not a class and numbers; left out".to_owned());
            continue;
        };
        // A class beyond 32 bits saturates, and has no name.
        let class = class as u32;
        let category = match &classes.names {
            Some(names) => names.get(&class).cloned(),
            None => Some(class.to_string()),
        };
        let Some(category) = category else {
            gather.left_out(image, "class", place(), format!("class {class} has no name; left out"));
            continue;
        };
        let Some((shape, score)) = shape(&values, size, classes.keypoints) else {
            let message = format!("{} numbers; expected 4 of a box, or pairs of an outline; left out", values.len());
            gather.left_out(image, "line", place(), message);
            continue;
        };
        // Parts of the image: pixels were written where they are far above 1.
        let parts = &values[..if matches!(shape, Shape::Points(_)) { 4 } else { values.len() }];
        if parts.iter().any(|v| !(-1.0..=2.0).contains(v)) {
            gather.left_out(
                image,
                "line",
                place(),
                "numbers that are no parts of the image (0 to 1); left out".to_owned(),
            );
            continue;
        }
        let category = gather.category(&category);
        let mut annotation = Annotation::present(format!("{name}:{number}"), image, category, shape);
        annotation.score = score;
        gather.add(annotation, place);
    }
}

/// The shape in pixels, and its score.
fn shape(values: &[f64], size: [u32; 2], keypoints: Option<[usize; 2]>) -> Option<(Shape, Option<f64>)> {
    let [width, height] = size.map(f64::from);
    let score = |count: usize| values.get(count).copied();
    if let Some([points, numbers]) = keypoints
        && let Some(count) = points.checked_mul(numbers).and_then(|n| n.checked_add(4))
        && (values.len() == count || values.len() == count + 1)
    {
        let labelled = values[4..count].chunks_exact(numbers).enumerate().filter_map(|(at, point)| {
            let visibility = point.get(2).copied().unwrap_or(2.0);
            let unset = visibility == 0.0 || (numbers == 2 && point[0] == 0.0 && point[1] == 0.0);
            // YOLO does not name its keypoints: their number, from 1, does.
            let name = (at + 1).to_string();
            (!unset).then(|| Point { name, at: [point[0] * width, point[1] * height], visible: visibility >= 2.0 })
        });
        return Some((Shape::Points(labelled.collect()), score(count)));
    }
    match values.len() {
        4 | 5 => {
            let (w, h) = (values[2] * width, values[3] * height);
            Some((Shape::Box([values[0] * width - w / 2.0, values[1] * height - h / 2.0, w, h]), score(4)))
        }
        count @ 6.. => {
            let outline = values.chunks_exact(2).map(|p| [p[0] * width, p[1] * height]).collect();
            Some((Shape::Polygon(vec![outline]), score(count - count % 2)))
        }
        _ => None,
    }
}

#[cfg(test)]
#[path = "yolo_tests.rs"]
mod tests;
