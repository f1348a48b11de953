//! LabelMe JSON (a file an image) -> annotations: rectangles, polygons, circles, points, lines, masks; flags of the
//! image as labels of the whole image, present where true and absent where false.
//!
//! A circle becomes a polygon of 64 points. A mask is a PNG in base64: a build with `pixels` reads it, any other takes
//! its box and says so. Polygons of one label and `group_id` are the visible parts of one thing: one annotation.

use super::gather::Gather;
use crate::annotation::{Annotation, Point, Shape, Stance};
use serde::Deserialize;
use std::collections::{BTreeMap, HashMap};

/// What is read of a file; `imageData`, the whole image in base64, is passed over.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct File {
    shapes: Vec<Drawn>,
    #[serde(default)]
    flags: Option<BTreeMap<String, serde_json::Value>>,
    image_path: Option<String>,
    image_height: Option<serde_json::Number>,
    image_width: Option<serde_json::Number>,
}

#[derive(Deserialize)]
struct Drawn {
    label: Option<serde_json::Value>,
    #[serde(default)]
    points: serde_json::Value,
    shape_type: Option<String>,
    mask: Option<String>,
    #[serde(default)]
    group_id: Option<serde_json::Value>,
    score: Option<f64>,
}

/// Reads the annotations of one image; `name` is its file, below the folder that is read.
///
/// # Errors
/// It is no LabelMe file; nothing of it was added.
pub(crate) fn read_file(bytes: &[u8], name: &str, gather: &mut Gather<'_>) -> Result<(), String> {
    let bytes = super::coco::without_nan(bytes);
    let file: File = serde_json::from_slice(&bytes).map_err(|e| match e.classify() {
        serde_json::error::Category::Data => format!("no LabelMe file: wrong content in line {}", e.line()),
        _ => crate::input::json_fault(&e),
    })?;
    let source = format!("{}/{name}", gather.set.source);
    let image = gather.image_of_file(file.image_path.as_deref().unwrap_or_default(), name);
    let side = |n: Option<serde_json::Number>| n.and_then(|n| n.as_u64()).and_then(|n| u32::try_from(n).ok());
    if let (Some(width), Some(height)) = (side(file.image_width), side(file.image_height))
        && width > 0
        && height > 0
    {
        gather.size(image, [width, height]);
    }
    for (flag, value) in file.flags.unwrap_or_default() {
        let Some(value) = value.as_bool() else { continue };
        let category = gather.category(&flag);
        let mut annotation = Annotation::present(format!("{name}:{flag}"), image, category, Shape::Whole);
        annotation.stance = if value { Stance::Present } else { Stance::Absent };
        gather.add(annotation, || source.clone());
    }
    let size = gather.set.images[image as usize].size;
    let mut annotations: Vec<(u32, Annotation)> = Vec::new();
    let mut groups: HashMap<(u32, String), usize> = HashMap::new();
    for (number, drawn) in (1..).zip(file.shapes) {
        let place = || format!("{source}: shape {number}");
        let label = match &drawn.label {
            Some(serde_json::Value::String(label)) if !label.trim().is_empty() => label.trim().to_owned(),
            Some(serde_json::Value::Number(label)) => label.to_string(),
            _ => {
                gather.left_out(image, "label", place(), "no label; left out".to_owned());
                continue;
            }
        };
        match shape(&drawn, size) {
            Ok((shape, note)) => {
                if let Some(note) = note {
                    gather.warning("mask", place(), note);
                }
                let category = gather.category(&label);
                let mut annotation = Annotation::present(format!("{name}:{number}"), image, category, shape);
                annotation.score = drawn.score;
                let group = drawn.group_id.filter(|g| !g.is_null()).map(|g| (category, g.to_string()));
                match (group.as_ref().and_then(|g| groups.get(g)), &mut annotation.shape) {
                    (Some(&first), Shape::Polygon(more)) => {
                        if let Shape::Polygon(outlines) = &mut annotations[first].1.shape {
                            outlines.append(more);
                        }
                    }
                    (_, shape) => {
                        if let (Some(group), Shape::Polygon(_)) = (group, shape) {
                            groups.insert(group, annotations.len());
                        }
                        annotations.push((number, annotation));
                    }
                }
            }
            Err(why) => gather.left_out(image, "shape", place(), format!("{why}; left out")),
        }
    }
    for (number, annotation) in annotations {
        gather.add(annotation, || format!("{source}: shape {number}"));
    }
    Ok(())
}

/// The shape, and what should be said of it.
fn shape(drawn: &Drawn, size: Option<[u32; 2]>) -> Result<(Shape, Option<String>), String> {
    let points: Option<Vec<[f64; 2]>> = drawn.points.as_array().and_then(|points| {
        let point = |p: &serde_json::Value| match p.as_array()?.as_slice() {
            [x, y] => Some([x.as_f64().unwrap_or(f64::NAN), y.as_f64().unwrap_or(f64::NAN)]),
            _ => None,
        };
        points.iter().map(point).collect()
    });
    let points = points.ok_or("points that are no pairs of x and y")?;
    let kind = drawn.shape_type.as_deref().unwrap_or("polygon");
    let two = || match points.as_slice() {
        [a, b] => Ok((*a, *b)),
        _ => Err(format!("{} points; a {kind} has 2", points.len())),
    };
    // The name of the kind stands in the file: only those known here are shown.
    let shape = match kind {
        // Drawn from any corner to the opposite one; older versions store all four.
        "rectangle" => {
            let (a, b) = if let [a, _, c, _] = points.as_slice() { (*a, *c) } else { two()? };
            corners(a, b)
        }
        "polygon" => Shape::Polygon(vec![points]),
        "circle" => {
            let (centre, edge) = two()?;
            let radius = (edge[0] - centre[0]).hypot(edge[1] - centre[1]);
            let point = |n: i32| {
                let (sin, cos) = (f64::from(n) * std::f64::consts::TAU / 64.0).sin_cos();
                [centre[0] + radius * cos, centre[1] + radius * sin]
            };
            Shape::Polygon(vec![(0..64).map(point).collect()])
        }
        "line" => {
            let (a, b) = two()?;
            Shape::Line(vec![a, b])
        }
        "linestrip" => Shape::Line(points),
        "point" | "points" => {
            Shape::Points(points.into_iter().map(|at| Point { name: String::new(), at, visible: true }).collect())
        }
        "mask" => {
            let (a, b) = two()?;
            return mask(a, b, drawn.mask.as_deref(), size);
        }
        _ => return Err("a kind of shape that is not known".to_owned()),
    };
    Ok((shape, None))
}

fn corners(a: [f64; 2], b: [f64; 2]) -> Shape {
    Shape::Box([a[0].min(b[0]), a[1].min(b[1]), (a[0] - b[0]).abs(), (a[1] - b[1]).abs()])
}

#[cfg(not(feature = "pixels"))]
fn mask(a: [f64; 2], b: [f64; 2], _: Option<&str>, _: Option<[u32; 2]>) -> Result<(Shape, Option<String>), String> {
    let note = "a mask, of which only its box is read: this build has no feature pixels";
    Ok((corners(a, b), Some(note.to_owned())))
}

/// The PNG is the part of the mask from one corner to the other, both pixels within.
#[cfg(feature = "pixels")]
fn mask(
    a: [f64; 2],
    b: [f64; 2],
    png: Option<&str>,
    size: Option<[u32; 2]>,
) -> Result<(Shape, Option<String>), String> {
    use base64::Engine;
    let png = png.ok_or("a mask without picture")?;
    let [width, height] = size.ok_or("a mask on an image of unknown size")?;
    let png = base64::engine::general_purpose::STANDARD.decode(png.trim()).map_err(|_| "a mask that is no base64")?;
    let mut reader = image::ImageReader::with_format(std::io::Cursor::new(png), image::ImageFormat::Png);
    let mut limits = image::Limits::default();
    // No mask is larger than its image.
    (limits.max_image_width, limits.max_image_height) = (Some(width), Some(height));
    reader.limits(limits);
    let picture = reader.decode().map_err(|_| "a mask that is no PNG within its image")?.into_luma8();
    let low = [a[0].min(b[0]), a[1].min(b[1])].map(f64::round);
    let far = [low[0] + f64::from(picture.width()), low[1] + f64::from(picture.height())];
    if !(low[0] >= 0.0 && low[1] >= 0.0 && far[0] <= f64::from(width) && far[1] <= f64::from(height)) {
        return Err("a mask that reaches beyond its image".to_owned());
    }
    // Both are within the size of the image.
    let [left, top] = low.map(|v| v as u32);
    let inside = |x: u32, y: u32| {
        let (column, row) = (x.checked_sub(left), y.checked_sub(top));
        column.zip(row).and_then(|(c, r)| picture.get_pixel_checked(c, r)).is_some_and(|p| p.0[0] > 0)
    };
    Ok((Shape::Mask { size: [height, width], runs: crate::annotation::rle::encode([height, width], inside) }, None))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::annotation::{AnnotationSet, Coverage, geometry};
    use crate::annotations::tests::mutations;

    fn read_all(text: &str) -> (AnnotationSet, Vec<String>) {
        let mut told = Vec::new();
        let mut tell = |t: crate::input::Told| told.push(t.to_string());
        let mut gather = Gather::new("folder", Coverage::Whole, &mut tell);
        read_file(text.as_bytes(), "a.json", &mut gather).expect("LabelMe");
        let set = gather.finish();
        (set, told)
    }

    fn file(shapes: &str) -> String {
        format!(
            r#"{{"version": "5.5.0", "flags": {{"blurred": true, "rotated": false}}, "imagePath": "..\\a.png", "imageData": null,
                 "imageHeight": 50, "imageWidth": 100, "shapes": [{shapes}]}}"#
        )
    }

    #[test]
    fn every_kind_of_shape() {
        let (set, told) = read_all(&file(
            r#"{"label": "a", "points": [[30, 40], [10, 20]], "shape_type": "rectangle", "group_id": null, "flags": {}},
               {"label": "a", "points": [[1, 1], [9, 1], [9, 9]], "shape_type": "polygon"},
               {"label": "b", "points": [[20, 20], [20, 30]], "shape_type": "circle"},
               {"label": "b", "points": [[20, 20], [20, 30]], "shape_type": "line"},
               {"label": "b", "points": [[20, 20], [20, 30], [5, 5]], "shape_type": "linestrip"},
               {"label": 7, "points": [[20, 20]], "shape_type": "point"}"#,
        ));
        assert_eq!(told, Vec::<String>::new());
        assert_eq!((&*set.images[0].key.name, set.images[0].size), ("..\\a.png", Some([100, 50])));
        assert_eq!(set.categories, ["blurred", "rotated", "a", "b", "7"]);
        assert_eq!((set.annotations[0].stance, set.annotations[1].stance), (Stance::Present, Stance::Absent));
        let shapes: Vec<&Shape> = set.annotations[2..].iter().map(|a| &a.shape).collect();
        assert_eq!(*shapes[0], Shape::Box([10.0, 20.0, 20.0, 20.0]));
        assert_eq!(geometry::bounds(shapes[2]), Some([10.0, 10.0, 30.0, 30.0]));
        assert!((geometry::longest_mm(shapes[2], 1.0, 1.0).expect("a circle") - 20.0).abs() < 1e-9);
        assert_eq!(*shapes[3], Shape::Line(vec![[20.0, 20.0], [20.0, 30.0]]));
        assert!(matches!(shapes[5], Shape::Points(points) if points.len() == 1));
    }

    #[test]
    fn polygons_of_one_group_are_one_thing() {
        let (set, told) = read_all(&file(
            r#"{"label": "a", "points": [[1, 1], [9, 1], [9, 9]], "group_id": 3},
               {"label": "a", "points": [[21, 1], [29, 1], [29, 9]], "group_id": null},
               {"label": "b", "points": [[31, 1], [39, 1], [39, 9]], "group_id": 3},
               {"label": "a", "points": [[41, 1], [49, 1], [49, 9]], "group_id": 3},
               {"label": "a", "points": [[1, 1], [9, 1]], "shape_type": "line", "group_id": 3}"#,
        ));
        assert_eq!(told, Vec::<String>::new());
        let ids: Vec<&str> = set.annotations[2..].iter().map(|a| &*a.id).collect();
        assert_eq!(ids, ["a.json:1", "a.json:2", "a.json:3", "a.json:5"]);
        assert!(matches!(&set.annotations[2].shape, Shape::Polygon(outlines) if outlines.len() == 2));
    }

    #[test]
    fn what_is_wrong_is_told_by_shape() {
        for (shape, part) in [
            (r#"{"label": "a", "points": [[30, 40]], "shape_type": "rectangle"}"#, "1 points; a rectangle has 2"),
            (r#"{"label": "a", "points": [[30, 40], [1]], "shape_type": "line"}"#, "no pairs"),
            (r#"{"label": "a", "points": [[30, NaN], [1, 1]], "shape_type": "line"}"#, "no number"),
            (r#"{"label": "a", "points": [[300, 40], [310, 50]], "shape_type": "rectangle"}"#, "outside"),
            (r#"{"label": "a", "points": [[1, 1], [2, 2]]}"#, "three points"),
            (r#"{"label": "a", "points": [[1, 1], [2, 2]], "shape_type": "cube"}"#, "kind of shape"),
            (r#"{"label": " ", "points": [[1, 1], [2, 2]], "shape_type": "line"}"#, "no label"),
        ] {
            let (set, told) = read_all(&file(shape));
            assert_eq!(set.annotations.len(), 2, "{shape}");
            assert!(told.len() == 1 && told[0].starts_with("problem: folder/a.json: shape 1: "), "{told:?}");
            assert!(told[0].contains(part), "{told:?}");
        }
    }

    #[test]
    fn a_mask_is_read_or_its_box_is() {
        let (set, told) = read_all(&file(&format!(
            r#"{{"label": "a", "points": [[10, 20], [12, 21]], "shape_type": "mask", "mask": "{}"}}"#,
            // Three columns and two rows: all but the lower right pixel.
            "iVBORw0KGgoAAAANSUhEUgAAAAMAAAACCAAAAAC4HznGAAAAEElEQVR4nGP8z8DAxMDACAAHEgEEQSpdZAAAAABJRU5ErkJggg=="
        )));
        let shape = &set.annotations[2].shape;
        if cfg!(feature = "pixels") {
            assert_eq!((geometry::bounds(shape), geometry::area_px(shape)), (Some([10.0, 20.0, 13.0, 22.0]), 5.0));
            assert_eq!(told, Vec::<String>::new());
            let (set, told) =
                read_all(&file(r#"{"label": "a", "points": [[1, 1], [2, 2]], "shape_type": "mask", "mask": "iVBO"}"#));
            assert!(set.annotations.len() == 2 && told[0].contains("no PNG"), "{told:?}");
        } else {
            assert_eq!(*shape, Shape::Box([10.0, 20.0, 2.0, 1.0]));
            assert!(told[0].contains("only its box is read"), "{told:?}");
        }
    }

    #[test]
    fn what_is_no_labelme_is_an_error() {
        for text in ["", "[]", "{}", r#"{"shapes": 5}"#, r#"{"shapes": [{"label": secret}]}"#] {
            let mut tell = |_| ();
            let mut gather = Gather::new("folder", Coverage::Whole, &mut tell);
            let error = read_file(text.as_bytes(), "a.json", &mut gather).expect_err(text);
            assert!(!error.contains("secret") && gather.set.images.is_empty(), "{error}");
        }
        let text = file(r#"{"label": "a", "points": [[30, 40], [10, 20]], "shape_type": "mask", "mask": "iVBO"}"#);
        mutations(text.as_bytes(), |bytes| {
            let mut tell = |_| ();
            drop(read_file(bytes, "a.json", &mut Gather::new("folder", Coverage::Whole, &mut tell)));
        });
    }
}
