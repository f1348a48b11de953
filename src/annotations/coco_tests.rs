//! Tests of the COCO reader.

use super::*;
use crate::annotation::AnnotationSet;
use crate::annotations::tests::mutations;
use crate::lexicon::Side;

fn read_all(json: &str) -> (AnnotationSet, Vec<String>) {
    let mut told = Vec::new();
    let set = read(json.as_bytes(), "a.json", &mut |t| told.push(t.to_string())).expect("COCO");
    (set, told)
}

/// A file with an image of 40 x 30, the categories 1 and 2 (with keypoints), and the annotations given.
fn file(annotations: &str) -> String {
    format!(
        r#"{{"info": {{"year": 2026}}, "annotations": [{annotations}],
            "images": [{{"id": 7, "file_name": "a.png", "width": 40, "height": 30}}, {{"id": "b", "file_name": "b.png"}}],
            "categories": [{{"id": 1, "name": "spot"}}, {{"id": 2, "name": "spine", "keypoints": ["L1", "L2", "L3"]}}]}}"#
    )
}

#[test]
fn every_form_is_read() {
    let (set, told) = read_all(&file(
        r#"{"id": 1, "image_id": 7, "category_id": 1, "bbox": [1, 2, 3, 4], "score": 0.5, "iscrowd": 1},
           {"id": 2, "image_id": 7, "category_id": 1, "bbox": [0, 0, 9, 9], "segmentation": [[1, 1, 5, 1, 5, 5], [6, 6, 9, 6, 9, 9]]},
           {"id": 3, "image_id": 7, "category_id": 1, "segmentation": {"size": [30, 40], "counts": [600, 5, 595]}},
           {"id": 4, "image_id": 7, "category_id": 1, "segmentation": {"size": [30, 40], "counts": "hb05cb0"}},
           {"id": 5, "image_id": 7, "category_id": 2, "keypoints": [3, 4, 2, 0, 0, 0, 5, 6, 1], "bbox": [1, 1, 9, 9]},
           {"id": "x", "image_id": "b", "category_id": 1, "segmentation": [], "bbox": [500, 0, 9, 9],
            "attributes": {"side": "Left", "reader": "R1", "status": "uncertain", "diameter_mm": 12.5, "occluded": false}},
           {"image_id": 7, "category_id": 1}"#,
    ));
    assert_eq!(told, Vec::<String>::new());
    assert_eq!(set.categories, ["spot", "spine"]);
    assert_eq!(set.images.iter().map(|i| i.size).collect::<Vec<_>>(), [Some([40, 30]), None]);
    assert_eq!(set.images[0].row.columns, Some(40));
    let shapes: Vec<&Shape> = set.annotations.iter().map(|a| &a.shape).collect();
    assert_eq!(*shapes[0], Shape::Box([1.0, 2.0, 3.0, 4.0]));
    assert_eq!(set.annotations[0].score, Some(0.5));
    assert_eq!(set.annotations[0].measures[0].name, "iscrowd");
    assert!(matches!(shapes[1], Shape::Polygon(outlines) if outlines.len() == 2));
    assert_eq!(*shapes[2], Shape::Mask { size: [30, 40], runs: vec![600, 5, 595] });
    assert_eq!(shapes[3], shapes[2]);
    let Shape::Points(points) = shapes[4] else { panic!("{:?}", shapes[4]) };
    assert_eq!(points[1], Point { name: "L3".to_owned(), at: [5.0, 6.0], visible: false });
    assert_eq!((points.len(), points[0].visible, &*points[0].name), (2, true, "L1"));
    let last = &set.annotations[5];
    assert_eq!((last.side, last.reader.as_deref(), last.stance), (Some(Side::Left), Some("R1"), Stance::Uncertain));
    assert_eq!(last.measures, [Measure { name: "diameter_mm".to_owned(), value: 12.5, unit: "mm".to_owned() }]);
    assert_eq!((*shapes[6] == Shape::Whole, &*set.annotations[6].id), (true, "a.json:7"));
}

#[test]
fn what_is_wrong_is_told_by_the_annotations_id() {
    for (annotation, expected) in [
        (r#"{"id": 9, "image_id": 8, "category_id": 1, "bbox": [1, 1, 2, 2]}"#, "image_id is none of the images"),
        (r#"{"id": 9, "category_id": 1, "bbox": [1, 1, 2, 2]}"#, "image_id is none of the images"),
        (
            r#"{"id": 9, "image_id": 7, "category_id": 3, "bbox": [1, 1, 2, 2]}"#,
            "category_id is none of the categories",
        ),
        (r#"{"id": 9, "image_id": 7, "category_id": 1, "bbox": [1, 1, -2, 2]}"#, "negative width or height"),
        (r#"{"id": 9, "image_id": 7, "category_id": 1, "bbox": [NaN, 1, 2, 2]}"#, "no number"),
        (r#"{"id": 9, "image_id": 7, "category_id": 1, "bbox": [1, -Infinity, 2, 2]}"#, "no number"),
        (r#"{"id": 9, "image_id": 7, "category_id": 1, "bbox": [1, 1, 2]}"#, "four numbers"),
        (r#"{"id": 9, "image_id": 7, "category_id": 1, "bbox": [50, 1, 2, 2]}"#, "outside its image"),
        (
            r#"{"id": 9, "image_id": 7, "category_id": 1, "segmentation": {"size": [40, 30], "counts": [600, 5, 595]}}"#,
            "30 x 40 pixels on an image of 40 x 30",
        ),
        (
            r#"{"id": 9, "image_id": 7, "category_id": 1, "segmentation": {"size": [30, 40], "counts": [600, 5, 594]}}"#,
            "add up to 1199",
        ),
        (
            r#"{"id": 9, "image_id": 7, "category_id": 1, "segmentation": {"size": [30, 40], "counts": [600, -5, 605]}}"#,
            "no whole number",
        ),
        (
            r#"{"id": 9, "image_id": 7, "category_id": 1, "segmentation": {"size": [30, 40], "counts": "T 5"}}"#,
            "character 2",
        ),
        (r#"{"id": 9, "image_id": 7, "category_id": 1, "segmentation": {"counts": "04"}}"#, "without size"),
        (r#"{"id": 9, "image_id": 7, "category_id": 1, "segmentation": [[1, 1, 2, 2]]}"#, "three points"),
        (r#"{"id": 9, "image_id": 7, "category_id": 1, "segmentation": "04"}"#, "neither a list"),
        (r#"{"id": 9, "image_id": 7, "category_id": 2, "keypoints": [1, 1]}"#, "three a point"),
        (
            r#"{"id": 9, "image_id": 7, "category_id": 2, "keypoints": [1,1,2, 1,1,2, 1,1,2, 1,1,2]}"#,
            "4 keypoints; its category names 3",
        ),
    ] {
        let (set, told) = read_all(&file(annotation));
        assert_eq!(set.annotations.len(), 0, "{annotation}");
        // Where the image is known, nothing follows from its being empty.
        let marked = set.images[0].row.problems == [crate::annotation::LEFT_OUT];
        assert_eq!(marked, !expected.contains("image_id"), "{annotation}");
        assert!(set.images[1].row.problems.is_empty());
        assert!(told.len() == 1 && told[0].starts_with("problem: a.json: annotation \"9\": "), "{told:?}");
        assert!(told[0].contains(expected) && told[0].ends_with("left out"), "{told:?}");
    }
}

#[test]
fn what_can_be_kept_is_kept_and_told() {
    let (set, told) = read_all(&file(
        r#"{"id": 1, "image_id": 7, "category_id": 1, "bbox": [30, 2, 30, 4]},
           {"id": 1, "image_id": 7, "category_id": 1, "bbox": [2, 2, 3, 4]},
           {"id": 1, "image_id": 7, "category_id": 1, "bbox": [2, 2, 3, 5], "score": 7}"#,
    ));
    assert_eq!(set.annotations[0].shape, Shape::Box([30.0, 2.0, 10.0, 4.0]));
    assert_eq!(set.annotations.iter().map(|a| &*a.id).collect::<Vec<_>>(), ["1", "1#2", "1#3"]);
    assert_eq!(set.annotations[2].score, None);
    for part in ["clipped", "read as #2 of that id", "read as #3", "score is not between"] {
        assert!(told.iter().any(|t| t.starts_with("warning: ") && t.contains(part)), "{part}: {told:?}");
    }
    let twice = r#"{"id": 1, "image_id": 7, "category_id": 1, "bbox": [2, 2, 3, 4]}"#;
    let (set, told) = read_all(&file(&format!("{twice}, {twice}")));
    assert_eq!((set.annotations.len(), told.len()), (1, 1));
    assert!(told[0].contains("the same annotation stands twice"), "{told:?}");
}

#[test]
fn doubled_and_nameless_images_and_categories_are_told() {
    let (set, told) = read_all(
        r#"{"images": [{"id": 1, "file_name": "a"}, {"id": 1, "file_name": "b"}, {"file_name": "c"},
                       {"id": 2, "file_name": "a", "width": -4, "height": 5}],
            "categories": [{"id": 1, "name": "x"}, {"id": 1, "name": "y"}, {"id": 3}],
            "annotations": [{"id": 1, "image_id": 2, "category_id": 1, "bbox": [1, 1, 2, 2]}]}"#,
    );
    assert_eq!((set.images.len(), set.categories.len(), set.annotations.len()), (1, 1, 1));
    for part in [
        "images[1]: the id of an earlier",
        "images[2]: an image without id",
        "images[3]: the file name of an earlier",
        "images[3]: width and height",
        "categories[1]: the id of",
        "categories[2]: a category without",
    ] {
        assert!(told.iter().any(|t| t.contains(part)), "{part}: {told:?}");
    }
}

#[test]
fn many_messages_of_a_kind_are_counted() {
    let wrong = vec![r#"{"id": 9, "image_id": 8, "category_id": 1}"#; 50].join(",");
    let (_, told) = read_all(&file(&wrong));
    assert_eq!(told.len(), 21);
    assert!(told[20].contains("30 more messages"), "{}", told[20]);
}

#[test]
fn what_is_no_coco_is_an_error_without_content() {
    for json in [
        "",
        "[]",
        "{}",
        "{\"images\": []}",
        "{\"images\": 5, \"annotations\": []}",
        "{\"images\": [], \"annotations\": [{\"id\": secret}]}",
    ] {
        let error = read(json.as_bytes(), "a.json", &mut |_| ()).expect_err(json).to_string();
        assert!(error.starts_with("a.json") && !error.contains("secret"), "{error}");
    }
    // Nested beyond any sense.
    let deep = "[".repeat(100_000);
    assert!(read(format!("{{\"annotations\": {deep}").as_bytes(), "a.json", &mut |_| ()).is_err());
    // NaN in a string is text.
    let (set, _) = read_all(r#"{"images": [{"id": 1, "file_name": "NaN \" Infinity"}], "annotations": [], "x": NaN}"#);
    assert_eq!(set.images[0].key.name, "NaN \" Infinity");
}

#[test]
fn no_bytes_make_it_panic() {
    let json = file(
        r#"{"id": 1, "image_id": 7, "category_id": 1, "bbox": [1, 2, 3, 4], "score": 0.5},
           {"id": 4, "image_id": 7, "category_id": 1, "segmentation": {"size": [30, 40], "counts": "hb05cb0"}},
           {"id": 4, "image_id": 7, "category_id": 1, "segmentation": {"size": [30, 40], "counts": [600, 5, 595]}},
           {"id": 5, "image_id": 7, "category_id": 2, "keypoints": [3, 4, 2, 0, 0, 0, NaN, 6, 1]}"#,
    );
    mutations(json.as_bytes(), |bytes| drop(read(bytes, "a.json", &mut |_| ())));
}
