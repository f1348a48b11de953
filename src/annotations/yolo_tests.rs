//! Tests of the YOLO reader.

use super::super::image_size::tests::png;
use super::*;
use crate::annotations::tests::mutations;

fn folder(files: &[(&str, &[u8])]) -> tempfile::TempDir {
    let root = tempfile::tempdir().expect("a folder");
    for (name, bytes) in files {
        let path = root.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        std::fs::write(path, bytes).expect("a file");
    }
    root
}

fn read_all(files: &[(&str, &[u8])]) -> (AnnotationSet, Vec<String>) {
    let root = folder(files);
    let mut told = Vec::new();
    let set = read(root.path(), &mut |t| told.push(t.to_string())).expect("YOLO");
    (set, told)
}

#[test]
fn boxes_outlines_and_images_without_labels() {
    let image = png(200, 100);
    let (set, told) = read_all(&[
        ("data.yaml", b"train: images/train\nnc: 2\nnames: ['nodule', \"rib fracture\"]\n"),
        ("images/train/a.png", &image),
        ("images/train/b.png", &image),
        ("labels/train/a.txt", b"0 0.5 0.5 0.1 0.2\n1 0.1 0.1 0.3 0.1 0.3 0.5\n\n0 0.5 0.5 0.1 0.2 0.75\n"),
    ]);
    assert_eq!(told, Vec::<String>::new());
    assert_eq!(set.categories, ["nodule", "rib fracture"]);
    assert_eq!(
        set.images.iter().map(|i| &*i.key.name).collect::<Vec<_>>(),
        ["images/train/b.png", "images/train/a.png"]
    );
    assert_eq!(set.annotations[0].shape, Shape::Box([90.0, 40.0, 20.0, 20.0]));
    assert_eq!(set.annotations[1].shape, Shape::Polygon(vec![vec![[20.0, 10.0], [60.0, 10.0], [60.0, 50.0]]]));
    assert_eq!((set.annotations[2].score, &*set.annotations[2].id), (Some(0.75), "labels/train/a.txt:4"));
}

#[test]
fn poses_by_the_shape_of_keypoints() {
    let (set, told) = read_all(&[
        ("data.yaml", b"kpt_shape: [2, 3]\nnames:\n  0: spine\n  1: hip\n"),
        ("a.png", &png(100, 100)),
        ("a.txt", b"1 0.5 0.5 0.2 0.2 0.25 0.5 2 0 0 0\n"),
    ]);
    assert_eq!(told, Vec::<String>::new());
    let point = Point { name: "1".to_owned(), at: [25.0, 50.0], visible: true };
    assert_eq!(set.annotations[0].shape, Shape::Points(vec![point]));
    assert_eq!(set.categories[set.annotations[0].category as usize], "hip");
}

#[test]
fn what_is_wrong_is_told_by_line() {
    let (set, told) = read_all(&[
        ("classes.txt", b"nodule\nmass\n"),
        ("a.png", &png(100, 100)),
        ("a.txt", b"5 0.5 0.5 0.1 0.1\n0 0.5 0.5\nx 0.5 0.5 0.1 0.1\n0 50 50 10 10\n0 nan 0.5 0.1 0.1\n0 0.5 0.5 -0.1 0.1\n0 0.99 0.5 0.1 0.1\n"),
        ("b.txt", b"0 0.5 0.5 0.1 0.1\n"),
        ("c.png", b"no png"),
        ("c.txt", b"0 0.5 0.5 0.1 0.1\n"),
    ]);
    assert_eq!(set.annotations.len(), 1);
    // An image whose labels could not be read was not read for anything.
    assert_eq!(set.images.len(), 1);
    assert_eq!(set.images[0].row.problems, [crate::annotation::LEFT_OUT]);
    for part in [
        "a.txt:1: class 5 has no name",
        "a.txt:2: 2 numbers",
        "a.txt:3: not a class",
        "a.txt:4: numbers that are no parts",
        "a.txt:5: numbers that are no parts",
        "a.txt:6: a box of negative",
        "a.txt:7: reaches beyond its image; clipped",
        "b.txt: no image of this name",
        "c.txt: its image tells no size",
    ] {
        assert!(told.iter().any(|t| t.contains(part)), "{part}: {told:?}");
    }
}

#[test]
fn names_of_classes() {
    let names = |text: &str| yaml_names(text).names.map(|n| n.into_values().collect::<Vec<_>>());
    for text in [
        "names: [a, b c]\n",
        "names:\n- a\n- 'b c'\nnc: 2",
        "names:\n  0: a # first\n  1: \"b c\"\n",
        "names: {0: a, 1: 'b c'}",
        "names: [a,\n  b c]",
    ] {
        assert_eq!(names(text), Some(vec!["a".to_owned(), "b c".to_owned()]), "{text}");
    }
    assert_eq!(names("nc: 2\n"), None);
    let (set, told) = read_all(&[("a.png", &png(9, 9)), ("a.txt", b"7 0.5 0.5 0.1 0.1")]);
    assert_eq!((set.categories.as_slice(), told.len()), (&["7".to_owned()][..], 1));
}

#[test]
fn no_bytes_make_it_panic() {
    mutations(b"names: {0: a, 1: 'b'}\nkpt_shape: [2, 3]\nnames:\n  0: c\n- d\n", |bytes| {
        drop(yaml_names(&String::from_utf8_lossy(bytes)));
    });
    let classes = Classes { names: None, keypoints: Some([2, 3]) };
    mutations(b"0 0.5 0.5 0.1 0.2\n1 0.1 0.1 0.3 0.1 0.3 0.5\n1 0.5 0.5 0.2 0.2 0.25 0.5 2 0 0 0\n", |bytes| {
        let mut tell = |_| ();
        let mut gather = Gather::new("a", Coverage::Whole, &mut tell);
        let image = gather.image("a");
        read_labels(bytes, "a", "a", image, [10, 10], &classes, &mut gather);
    });
}
