//! Pascal VOC XML (a file an image) -> annotations: boxes, and polygons where a tool wrote them.
//!
//! Corners are taken as written, as the tools of today write them (x to the right edge); files of the first VOC count
//! pixels from 1 and include the last, a difference of one pixel. `difficult` and `truncated` are not read.

use super::gather::Gather;
use crate::annotation::{Annotation, Shape};
use quick_xml::Reader;
use quick_xml::events::Event;

/// Elements deeper than this are no VOC.
const DEPTH: usize = 64;

/// An object as it is read.
#[derive(Default)]
struct Object {
    name: String,
    corners: [Option<f64>; 4],
    /// Coordinates of an outline by their number: x1, y1, x2, ...
    outline: Vec<[Option<f64>; 2]>,
    score: Option<f64>,
}

/// Reads the annotations of one image; `name` is its file, below the folder that is read.
///
/// # Errors
/// It is no VOC file; nothing of it was added.
pub(crate) fn read_file(bytes: &[u8], name: &str, gather: &mut Gather<'_>) -> Result<(), String> {
    let (text, _) = crate::input::decode_guessed(bytes);
    let mut reader = Reader::from_str(&text);
    let mut path: Vec<String> = Vec::new();
    let mut content = String::new();
    let (mut filename, mut size, mut object) = (String::new(), [None::<u32>; 2], Object::default());
    let mut objects = Vec::new();
    let mut rooted = false;
    loop {
        let event = reader.read_event();
        let place = reader.buffer_position();
        match event.map_err(|_| format!("not well-formed XML at byte {place}"))? {
            Event::Start(element) => {
                path.push(element.name().as_ref().to_owned());
                rooted |= path.len() == 1 && path[0] == "annotation";
                if path.len() > DEPTH {
                    return Err(format!("elements nested more than {DEPTH} deep at byte {place}"));
                }
                content.clear();
            }
            Event::Empty(element) => rooted |= path.is_empty() && element.name().as_ref() == "annotation",
            Event::Text(text) => content.push_str(&text.xml10_content()),
            Event::CData(text) => content.push_str(&text.xml10_content()),
            Event::GeneralRef(entity) => {
                let name = entity.xml10_content();
                match (entity.resolve_char_ref(), quick_xml::escape::resolve_xml_entity(&name)) {
                    (Ok(Some(char)), _) => content.push(char),
                    (_, Some(text)) => content.push_str(text),
                    _ => return Err(format!("an unknown entity at byte {place}")),
                }
            }
            Event::End(_) => {
                let names: Vec<&str> = path.iter().map(String::as_str).collect();
                let value = content.trim();
                match names.as_slice() {
                    ["annotation", "filename"] => value.clone_into(&mut filename),
                    ["annotation", "size", "width"] => size[0] = value.parse().ok(),
                    ["annotation", "size", "height"] => size[1] = value.parse().ok(),
                    ["annotation", "object", "name"] => value.clone_into(&mut object.name),
                    ["annotation", "object", "score" | "confidence"] => object.score = value.parse().ok(),
                    ["annotation", "object", "bndbox", side] => {
                        if let Some(at) = ["xmin", "ymin", "xmax", "ymax"].iter().position(|s| s == side) {
                            object.corners[at] = value.parse().ok();
                        }
                    }
                    ["annotation", "object", "polygon", point] => corner(&mut object.outline, point, value),
                    ["annotation", "object"] => objects.push(std::mem::take(&mut object)),
                    _ => {}
                }
                path.pop();
                content.clear();
            }
            Event::Eof => break,
            _ => {}
        }
    }
    if !path.is_empty() {
        return Err(format!("the XML ends too early, at byte {}", text.len()));
    }
    if !rooted {
        return Err("no <annotation> element; expected Pascal VOC".to_owned());
    }
    add(&filename, size, objects, name, gather);
    Ok(())
}

/// A coordinate of an outline: `x3`, `y3`.
fn corner(outline: &mut Vec<[Option<f64>; 2]>, name: &str, value: &str) {
    let axis = usize::from(name.starts_with('y'));
    let number = name.strip_prefix(['x', 'y']).and_then(|n| n.parse::<usize>().ok());
    // An outline that tools write has its points in order, one after the other.
    if let Some(number) = number.filter(|&n| n >= 1 && n <= outline.len() + 1) {
        if number > outline.len() {
            outline.push([None; 2]);
        }
        outline[number - 1][axis] = value.parse().ok();
    }
}

fn add(filename: &str, size: [Option<u32>; 2], objects: Vec<Object>, name: &str, gather: &mut Gather<'_>) {
    let source = format!("{}/{name}", gather.set.source);
    let image = gather.image_of_file(filename, name);
    if let [Some(width), Some(height)] = size
        && width > 0
        && height > 0
    {
        gather.size(image, [width, height]);
    }
    for (number, object) in (1..).zip(objects) {
        let place = || format!("{source}: object {number}");
        if object.name.is_empty() {
            gather.left_out(image, "name", place(), "no name; left out".to_owned());
            continue;
        }
        let outline: Option<Vec<[f64; 2]>> = object.outline.iter().map(|p| Some([p[0]?, p[1]?])).collect();
        let shape = match (outline, object.corners) {
            (Some(outline), _) if !outline.is_empty() => Shape::Polygon(vec![outline]),
            (_, [Some(x0), Some(y0), Some(x1), Some(y1)]) => Shape::Box([x0, y0, x1 - x0, y1 - y0]),
            _ => {
                gather.left_out(image, "box", place(), "no box of four numbers; left out".to_owned());
                continue;
            }
        };
        let category = gather.category(&object.name);
        let mut annotation = Annotation::present(format!("{name}:{number}"), image, category, shape);
        annotation.score = object.score;
        gather.add(annotation, place);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::annotation::{AnnotationSet, Coverage};
    use crate::annotations::tests::mutations;

    const FILE: &str = r#"<?xml version="1.0"?><!DOCTYPE annotation>
<annotation verified="yes"><folder>x</folder><filename>a &amp; b.png</filename>
<size><width>100</width><height>50</height><depth>1</depth></size><segmented>0</segmented>
<object><name>nodule</name><difficult>0</difficult><bndbox><xmin>10</xmin><ymin>20.5</ymin><xmax>30</xmax><ymax>40</ymax></bndbox>
<part><name>head</name><bndbox><xmin>1</xmin><ymin>2</ymin><xmax>3</xmax><ymax>4</ymax></bndbox></part></object>
<object><name>mass</name><score>0.5</score><polygon><x1>1</x1><y1>1</y1><x2>9</x2><y2>1</y2><x3>9</x3><y3>9</y3></polygon></object>
<object><name>far</name><bndbox><xmin>200</xmin><ymin>2</ymin><xmax>300</xmax><ymax>4</ymax></bndbox></object>
<object><name>odd</name><bndbox><xmin>20</xmin><ymin>x</ymin><xmax>30</xmax><ymax>4</ymax></bndbox></object>
<object><bndbox><xmin>20</xmin><ymin>1</ymin><xmax>30</xmax><ymax>4</ymax></bndbox></object>
<object><name>back</name><bndbox><xmin>30</xmin><ymin>1</ymin><xmax>20</xmax><ymax>4</ymax></bndbox></object></annotation>"#;

    fn read_all(files: &[(&str, &str)]) -> (AnnotationSet, Vec<String>) {
        let mut told = Vec::new();
        let mut tell = |t: crate::input::Told| told.push(t.to_string());
        let mut gather = Gather::new("voc", Coverage::Whole, &mut tell);
        for (name, text) in files {
            read_file(text.as_bytes(), name, &mut gather).expect("VOC");
        }
        let set = gather.finish();
        (set, told)
    }

    #[test]
    fn boxes_and_polygons() {
        let (set, told) = read_all(&[("x/a.xml", FILE)]);
        assert_eq!((set.images[0].key.name.as_str(), set.images[0].size), ("a & b.png", Some([100, 50])));
        // The box of a part is not that of its object.
        assert_eq!(set.annotations[0].shape, Shape::Box([10.0, 20.5, 20.0, 19.5]));
        assert_eq!(set.annotations[1].shape, Shape::Polygon(vec![vec![[1.0, 1.0], [9.0, 1.0], [9.0, 9.0]]]));
        assert_eq!((set.annotations[1].score, &*set.annotations[1].id), (Some(0.5), "x/a.xml:2"));
        assert_eq!(set.annotations.len(), 2);
        for part in [
            "voc/x/a.xml: object 3: lies outside",
            "object 4: no box",
            "object 5: no name",
            "object 6: a box of negative",
        ] {
            assert!(told.iter().any(|t| t.contains(part)), "{part}: {told:?}");
        }
    }

    #[test]
    fn files_of_one_name_stay_apart() {
        let file = "<annotation><filename>a.png</filename></annotation>";
        let (set, told) = read_all(&[("x/a.xml", file), ("y/a.xml", file), ("z/b.xml", "<annotation/>")]);
        let names: Vec<&str> = set.images.iter().map(|i| &*i.key.name).collect();
        assert_eq!(names, ["a.png", "y/a.png", "z/b"]);
        assert_eq!(told.len(), 1);
    }

    #[test]
    fn what_is_no_voc_is_an_error() {
        let mut tell = |_| ();
        let mut gather = Gather::new("voc", Coverage::Whole, &mut tell);
        let deep = "<annotation>".repeat(100);
        for (text, part) in [
            ("", "no <annotation>"),
            ("<html></html>", "no <annotation>"),
            ("<annotation><object>", "ends too early"),
            ("<annotation></object>", "well-formed"),
            ("<annotation>&secret;</annotation>", "unknown entity"),
            (&*deep, "nested"),
        ] {
            let error = read_file(text.as_bytes(), "a.xml", &mut gather).expect_err(text);
            assert!(error.contains(part) && !error.contains("secret"), "{error}");
        }
        assert!(gather.set.images.is_empty());
        mutations(FILE.as_bytes(), |bytes| {
            let mut tell = |_| ();
            drop(read_file(bytes, "a.xml", &mut Gather::new("voc", Coverage::Whole, &mut tell)));
        });
    }
}
