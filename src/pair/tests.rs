//! Every rule of pairing, from report text and drawn boxes to outcome and discords.

use super::*;
use crate::Engine;
use crate::annotation::{AnnotatedImage, Annotation, AnnotationSet, Coverage, Measure, Shape, Stance};
use crate::crosswalk::Relation;
use crate::study::StudyRow;
use crate::{Report, rules::BoundScheme};
use std::sync::LazyLock;

static ENGINE: LazyLock<Engine> = LazyLock::new(Engine::embedded);

fn scheme() -> &'static BoundScheme {
    ENGINE.scheme("nih-chestxray14").expect("a scheme")
}

fn label(name: &str) -> u32 {
    scheme().scheme.find(name).expect("a label") as u32
}

/// A drawn box: category, x, width, reader; images are 1000 pixels of 1 mm, frontal.
type Box4 = (&'static str, f64, f64, Option<&'static str>);

struct Case {
    categories: Vec<(&'static str, Vec<(&'static str, Relation)>)>,
    coverage: Coverage,
    images: usize,
    /// Distance of the images, where they are slices of one series.
    gap: Option<f64>,
    annotations: Vec<(u32, Annotation)>,
    left_out: bool,
}

fn annotation(category: u32, shape: Shape, reader: Option<&str>) -> Annotation {
    Annotation {
        id: String::new(),
        image: 0,
        category,
        stance: Stance::Present,
        reader: reader.map(str::to_owned),
        score: None,
        side: None,
        shape,
        measures: Vec::new(),
    }
}

impl Case {
    fn new(coverage: Coverage, boxes: &[Box4]) -> Case {
        let names = ["Nodule", "Effusion", "No Finding", "Pneumothorax"];
        let mut case = Case {
            categories: names.iter().map(|&n| (n, vec![(n, Relation::Exact)])).collect(),
            coverage,
            images: 1,
            gap: None,
            annotations: Vec::new(),
            left_out: false,
        };
        for &(category, x, width, reader) in boxes {
            let category = names.iter().position(|n| *n == category).expect("a category") as u32;
            case.annotations.push((0, annotation(category, Shape::Box([x, 400.0, width, 10.0]), reader)));
        }
        case
    }

    fn rows(&self, text: &str) -> Vec<Pairing> {
        self.rows_of(text, scheme(), false)
    }

    fn rows_of(&self, text: &str, bound: &BoundScheme, apart: bool) -> Vec<Pairing> {
        let row = StudyRow {
            view: Some("PA".into()),
            rows: Some(1000),
            columns: Some(1000),
            row_spacing_mm: Some(1.0),
            column_spacing_mm: Some(1.0),
            ..StudyRow::default()
        };
        let placed = |image: u32| match self.gap {
            Some(gap) => StudyRow {
                series_uid: Some("1.2".into()),
                patient_orientation: Some(r"1\0\0\0\1\0".into()),
                position_mm: Some(format!(r"0\0\{}", f64::from(image) * gap)),
                ..row.clone()
            },
            None => row.clone(),
        };
        let problems = self.left_out.then(|| crate::annotation::LEFT_OUT.to_owned()).into_iter().collect();
        let marked = StudyRow { problems, ..StudyRow::default() };
        let set = AnnotationSet {
            source: "boxes.csv".into(),
            images: vec![AnnotatedImage { row: marked, ..AnnotatedImage::default() }; self.images],
            categories: self.categories.iter().map(|c| c.0.to_owned()).collect(),
            annotations: self.annotations.iter().map(|(image, a)| Annotation { image: *image, ..a.clone() }).collect(),
            coverage: self.coverage,
        };
        let number = |name: &str| bound.scheme.find(name).expect("a label") as u32;
        let mut targets: Targets =
            self.categories.iter().map(|c| c.1.iter().map(|t| (number(t.0), t.1)).collect()).collect();
        expand(&mut targets, bound);
        let sets = [Mapped::new(set, targets)];
        let images: Vec<StudyImage> =
            (0..self.images as u32).map(|i| StudyImage { parts: vec![(0, i)], row: placed(i) }).collect();
        let images: Vec<&StudyImage> = images.iter().collect();
        let report = Report::new("r", text);
        let analysis = ENGINE.analyze(&report);
        let said = said(&ENGINE, text, &analysis, bound);
        pair(&said, &look(&sets, &images, bound, apart), bound)
    }

    /// Outcome and discords of a label.
    fn told(&self, text: &str, name: &str) -> Option<(&'static str, Vec<&'static str>)> {
        let rows = self.rows(text);
        let row = rows.iter().find(|r| r.label == label(name))?;
        Some((row.outcome.name(), row.discords.iter().map(|d| d.name()).collect()))
    }
}

// In a frontal film x under 500 is the patient's right.
const RIGHT: f64 = 200.0;
const LEFT: f64 = 700.0;

#[test]
fn every_status_meets_every_drawing() {
    use Coverage::{Found, Whole};
    let effusion = ("Effusion", RIGHT, 50.0, None);
    for (text, coverage, drawn, expected) in [
        ("Pleural effusion.", Whole, true, Some("both")),
        ("Pleural effusion.", Whole, false, Some("report-only")),
        ("Pleural effusion.", Found, true, Some("both")),
        ("Pleural effusion.", Found, false, Some("not-read")),
        ("Possible pleural effusion.", Whole, true, Some("uncertain-drawn")),
        ("Possible pleural effusion.", Whole, false, Some("uncertain-not-drawn")),
        ("Possible pleural effusion.", Found, false, Some("not-read")),
        ("No pleural effusion.", Whole, true, Some("denied")),
        ("No pleural effusion.", Found, true, Some("denied")),
        ("No pleural effusion.", Whole, false, Some("neither")),
        ("No pleural effusion.", Found, false, None),
        ("The trachea is midline.", Whole, true, Some("image-only")),
        ("The trachea is midline.", Found, true, Some("image-only")),
        ("The trachea is midline.", Whole, false, Some("neither")),
        ("The trachea is midline.", Found, false, None),
    ] {
        let boxes: &[Box4] = if drawn { &[effusion] } else { &[] };
        let told = Case::new(coverage, boxes).told(text, "Effusion");
        assert_eq!(told.map(|t| t.0), expected, "{text} {coverage:?} drawn {drawn}");
    }
}

#[test]
fn sides() {
    use Coverage::{Found, Whole};
    let (r, l) = (("Effusion", RIGHT, 50.0, None), ("Effusion", LEFT, 50.0, None));
    let across = ("Effusion", 300.0, 450.0, None);
    for (text, coverage, boxes, expected) in [
        ("Right pleural effusion.", Found, &[r][..], false),
        ("Right pleural effusion.", Found, &[l], true),
        ("Left pleural effusion.", Found, &[r], true),
        ("Left pleural effusion.", Found, &[r, l], true),
        ("Left pleural effusion.", Found, &[across], true),
        ("Bilateral pleural effusions.", Whole, &[r], true),
        ("Bilateral pleural effusions.", Found, &[r], false),
        ("Bilateral pleural effusions.", Whole, &[r, l], false),
        ("Left pleural effusion. Right pleural effusion.", Whole, &[r, l], false),
        ("Pleural effusion.", Whole, &[r], false),
        ("Left pleural effusion. No right pleural effusion.", Whole, &[r], true),
    ] {
        let told = Case::new(coverage, boxes).told(text, "Effusion").expect("a row");
        assert_eq!(told.1 == ["side"], expected, "{text} {boxes:?} {coverage:?}: {told:?}");
    }
    // The side of the upper lobe is that of the lobe.
    let nodule = Case::new(Found, &[("Nodule", LEFT, 10.0, None)]);
    assert_eq!(nodule.told("Nodule in the right upper lobe.", "Nodule"), Some(("both", vec!["side"])));
    // A box of which no side is known may lie where the report says.
    let mut unknown = Case::new(Found, &[l]);
    unknown.annotations.push((0, annotation(1, Shape::Line(vec![[495.0, 1.0], [505.0, 1.0]]), None)));
    assert_eq!(unknown.told("Right pleural effusion.", "Effusion"), Some(("both", vec![])));
    // On a part of the images nothing follows from what is not drawn.
    let rows = Case::new(Whole, &[r]).rows_of("Bilateral pleural effusions.", scheme(), true);
    assert!(rows.iter().all(|r| r.discords.is_empty()));
}

#[test]
fn a_denial_of_one_side_leaves_the_other() {
    let right = Case::new(Coverage::Found, &[("Effusion", RIGHT, 50.0, None)]);
    assert_eq!(right.told("No left pleural effusion.", "Effusion"), Some(("image-only", vec![])));
    assert_eq!(right.told("No right pleural effusion.", "Effusion"), Some(("denied", vec![])));
    assert_eq!(right.told("No left pleural effusion. No effusion.", "Effusion"), Some(("denied", vec![])));
}

#[test]
fn numbers() {
    use Coverage::{Found, Whole};
    let at = |x: f64| ("Nodule", x, 10.0, None);
    let three = [at(100.0), at(200.0), at(300.0)];
    for (text, coverage, boxes, expected) in [
        ("Two nodules.", Whole, &three[..2], false),
        ("Two nodules.", Whole, &three, true),
        ("Two nodules.", Found, &three, true),
        ("Two nodules.", Whole, &three[..1], true),
        ("Two nodules.", Found, &three[..1], false),
        ("Multiple nodules.", Whole, &three[..1], true),
        ("Multiple nodules.", Found, &three[..1], false),
        ("Multiple nodules.", Whole, &three, false),
        ("Solitary nodule.", Whole, &three[..1], false),
        ("Solitary nodule.", Whole, &three[..2], true),
        ("Two nodules in the right lung. One nodule in the left lung.", Whole, &three, false),
        ("A nodule.", Whole, &three, false),
    ] {
        let told = Case::new(coverage, boxes).told(text, "Nodule").expect("a row");
        assert_eq!(told.1.contains(&"count"), expected, "{text} {} {coverage:?}: {told:?}", boxes.len());
    }
    // Two views of one nodule.
    let mut views = Case::new(Whole, &[at(100.0)]);
    views.images = 2;
    views.annotations.push((1, annotation(0, Shape::Box([500.0, 1.0, 10.0, 10.0]), None)));
    assert_eq!(views.told("Solitary nodule.", "Nodule"), Some(("both", vec![])));
    assert_eq!(
        views.rows("Solitary nodule.").iter().find(|r| r.label == label("Nodule")).map(|r| r.image_count),
        Some(1)
    );
    // Slices of one series: a nodule drawn on three of them, and another elsewhere in the last.
    let mut slices = Case::new(Whole, &[at(100.0)]);
    (slices.images, slices.gap) = (4, Some(6.0));
    for (image, x) in [(1, 102.0), (2, 105.0)] {
        slices.annotations.push((image, annotation(0, Shape::Box([x, 400.0, 10.0, 10.0]), None)));
    }
    assert_eq!(slices.told("Solitary nodule.", "Nodule"), Some(("both", vec![])));
    slices.annotations.push((3, annotation(0, Shape::Box([600.0, 400.0, 10.0, 10.0]), None)));
    assert_eq!(slices.told("Solitary nodule.", "Nodule"), Some(("both", vec!["count"])));
    assert_eq!(slices.told("Two nodules.", "Nodule"), Some(("both", vec![])));
    // Too far apart to be one.
    slices.gap = Some(12.0);
    assert_eq!(slices.told("Four nodules.", "Nodule"), Some(("both", vec![])));
    // A class label of the whole image tells no number.
    let mut whole = Case::new(Whole, &[]);
    whole.annotations.push((0, annotation(0, Shape::Whole, None)));
    assert_eq!(whole.told("Two nodules.", "Nodule"), Some(("both", vec![])));
    // One thing under two categories.
    let mut twice = Case::new(Whole, &[at(100.0)]);
    twice.categories.push(("Spot", vec![("Nodule", Relation::Exact)]));
    twice.annotations.push((0, annotation(4, Shape::Box([101.0, 400.0, 10.0, 10.0]), None)));
    assert_eq!(twice.told("Solitary nodule.", "Nodule"), Some(("both", vec![])));
}

#[test]
fn sizes() {
    use Coverage::{Found, Whole};
    for (text, width, expected) in [
        ("A 20 mm nodule.", 20.0, false),
        ("A 20 mm nodule.", 26.0, false),
        // A box may be larger, up to 2.5 times.
        ("A 20 mm nodule.", 45.0, false),
        ("A 20 mm nodule.", 51.0, true),
        ("A 20 mm nodule.", 14.0, false),
        ("A 20 mm nodule.", 12.0, true),
        // Small in both ways: less than 5 mm apart.
        ("A 12 mm nodule.", 10.0, false),
        ("A nodule of less than 20 mm.", 10.0, false),
        ("A nodule larger than 20 mm.", 12.0, true),
        ("A nodule larger than 20 mm.", 70.0, false),
        ("A nodule.", 70.0, false),
    ] {
        let told = Case::new(Whole, &[("Nodule", RIGHT, width, None)]).told(text, "Nodule").expect("a row");
        assert_eq!(told.1 == ["size"], expected, "{text} {width}: {told:?}");
    }
    // What the source measured is judged both ways and outranks the box.
    let mut measured = Case::new(Whole, &[("Nodule", RIGHT, 20.0, None)]);
    measured.annotations[0].1.measures = vec![Measure { name: "Diameter".into(), value: 3.5, unit: "cm".into() }];
    assert_eq!(measured.told("A 20 mm nodule.", "Nodule"), Some(("both", vec!["size"])));
    assert_eq!(measured.told("A 35 mm nodule.", "Nodule"), Some(("both", vec![])));
    // Of several sizes told, one may be what was found.
    let text = "A 30 mm nodule in the right lung. An 11 mm nodule in the left lung.";
    let small = |coverage| {
        Case::new(coverage, &[("Nodule", RIGHT, 11.0, None)]).told(text, "Nodule").expect("a row").1.contains(&"size")
    };
    assert_eq!((small(Found), small(Whole)), (false, true));
}

#[test]
fn readers() {
    let boxes =
        [("Nodule", LEFT, 10.0, Some("a")), ("Nodule", RIGHT, 10.0, Some("b")), ("Effusion", RIGHT, 10.0, Some("c"))];
    let case = Case::new(Coverage::Whole, &boxes);
    // Reader a agrees as to the side.
    let row = case.rows("Left lung nodule.").into_iter().find(|r| r.label == label("Nodule")).expect("a row");
    assert_eq!((row.outcome, row.discords.len(), row.readers), (Outcome::Both, 0, Some((2, 3))));
    let row = case.rows("Left effusion.").into_iter().find(|r| r.label == label("Effusion")).expect("a row");
    assert_eq!((row.discords, row.readers), (vec![Discord::Side], Some((1, 3))));
}

#[test]
fn doubt_and_denial_of_annotators() {
    let mut case = Case::new(Coverage::Found, &[("Effusion", RIGHT, 10.0, None)]);
    case.annotations[0].1.stance = Stance::Uncertain;
    assert_eq!(case.told("Pleural effusion.", "Effusion"), Some(("both", vec![])));
    assert_eq!(case.told("No pleural effusion.", "Effusion"), Some(("neither", vec![])));
    assert_eq!(case.told("Possible pleural effusion.", "Effusion"), Some(("uncertain-not-drawn", vec![])));
    case.annotations[0].1.stance = Stance::Absent;
    assert_eq!(case.told("Pleural effusion.", "Effusion"), Some(("report-only", vec![])));
    assert_eq!(case.told("No pleural effusion.", "Effusion"), Some(("neither", vec![])));
    // Nobody said anything of the other labels.
    assert_eq!(case.told("Lung nodule.", "Nodule"), Some(("not-read", vec![])));
}

#[test]
fn what_could_not_be_read_may_have_been_anything() {
    let mut case = Case::new(Coverage::Whole, &[]);
    assert_eq!(case.told("Pleural effusion.", "Effusion"), Some(("report-only", vec![])));
    case.left_out = true;
    assert_eq!(case.told("Pleural effusion.", "Effusion"), Some(("not-read", vec![])));
    // What is there is held against the report as ever.
    case.annotations = vec![(0, annotation(0, Shape::Box([10.0, 400.0, 10.0, 10.0]), None))];
    assert_eq!(case.told("No lung nodule.", "Nodule"), Some(("denied", vec![])));
}

#[test]
fn attenuations() {
    let measure = |value: f64| Measure { name: "Mean".into(), value, unit: "[hnsf'U]".into() };
    for (text, values, discord) in [
        ("8 mm lung nodule of 40 HU.", vec![35.0], false),
        ("8 mm lung nodule of 40 HU.", vec![-90.0], true),
        // A minimum, a mean and a maximum of one region.
        ("8 mm lung nodule of 40 HU.", vec![-60.0, 45.0, 110.0], false),
        ("8 mm lung nodule, attenuation less than 10 HU.", vec![60.0], true),
        ("Lung nodule.", vec![60.0], false),
        ("8 mm lung nodule of 40 HU.", vec![], false),
    ] {
        let mut case = Case::new(Coverage::Found, &[]);
        let mut nodule = annotation(0, Shape::Whole, None);
        nodule.measures = values.iter().map(|&v| measure(v)).collect();
        case.annotations = vec![(0, nodule)];
        let expected = if discord { vec!["attenuation"] } else { Vec::new() };
        assert_eq!(case.told(text, "Nodule"), Some(("both", expected)), "{text} {values:?}");
    }
}

#[test]
fn a_mask_in_pieces_may_be_several() {
    let mask = |pieces: usize| {
        let runs: Vec<u32> = (0..pieces).flat_map(|_| [19, 1]).chain([(100 - 20 * pieces) as u32]).collect();
        Shape::Mask { size: [10, 10], runs }
    };
    for (text, pieces, discord) in [
        ("Multiple lung nodules.", 1, true),
        ("Multiple lung nodules.", 4, false),
        ("Three lung nodules.", 2, true),
        ("Three lung nodules.", 3, false),
        // Pieces may be of one.
        ("Solitary lung nodule.", 3, false),
    ] {
        let mut case = Case::new(Coverage::Whole, &[]);
        case.annotations = vec![(0, annotation(0, mask(pieces), None))];
        let expected = if discord { vec!["count"] } else { Vec::new() };
        assert_eq!(case.told(text, "Nodule"), Some(("both", expected)), "{text} {pieces}");
    }
}

#[test]
fn nothing_found() {
    use Coverage::{Found, Whole};
    let normal = "FINDINGS: Normal chest. No pleural effusion. No lung nodule.";
    let none = ("No Finding", 0.0, 0.0, None);
    let nodule = ("Nodule", RIGHT, 10.0, None);
    assert_eq!(Case::new(Whole, &[none]).told(normal, "No Finding"), Some(("both", vec![])));
    assert_eq!(Case::new(Whole, &[]).told(normal, "No Finding"), Some(("both", vec![])));
    assert_eq!(Case::new(Found, &[]).told(normal, "No Finding"), Some(("not-read", vec![])));
    assert_eq!(Case::new(Found, &[nodule]).told(normal, "No Finding"), Some(("report-only", vec![])));
    assert_eq!(Case::new(Whole, &[none]).told("Lung nodule.", "No Finding"), Some(("image-only", vec![])));
    assert_eq!(Case::new(Whole, &[]).told("Lung nodule.", "No Finding"), None);
    // The report's finding is none that the images were read for.
    assert_eq!(Case::new(Whole, &[none]).told("Emphysema.", "No Finding"), Some(("neither", vec![])));
}

#[test]
fn categories_that_are_more_or_less_than_a_label() {
    let mut case = Case::new(Coverage::Whole, &[]);
    case.categories = vec![("Nodule/Mass", vec![("Nodule", Relation::Narrower), ("Mass", Relation::Narrower)])];
    // Looked for and not drawn: neither is there.
    assert_eq!(case.told("Lung nodule.", "Nodule"), Some(("report-only", vec![])));
    case.annotations = vec![(0, annotation(0, Shape::Box([1.0, 1.0, 9.0, 9.0]), None))];
    assert_eq!(case.told("Lung nodule.", "Nodule"), Some(("both", vec![])));
    assert_eq!(case.told("Lung nodule.", "Mass"), Some(("neither", vec![])));
    // Neither said: one row, not two.
    let rows = case.rows("No lung nodule.");
    let told: Vec<(u32, Outcome)> = rows.iter().filter(|r| r.is_conflict()).map(|r| (r.label, r.outcome)).collect();
    assert_eq!(told, [(label("Mass"), Outcome::ImageOnly), (label("No Finding"), Outcome::ReportOnly)]);
    let rows = case.rows("No lung nodule. No lung mass.");
    let told: Vec<(u32, Outcome)> = rows.iter().filter(|r| r.is_conflict()).map(|r| (r.label, r.outcome)).collect();
    let first = label("Nodule").min(label("Mass"));
    assert_eq!(told, [(first, Outcome::Denied), (label("No Finding"), Outcome::ReportOnly)]);
    // A narrower category is drawn for its broader label; that it is not drawn says nothing.
    case.categories = vec![("Calcified nodule", vec![("Nodule", Relation::Broader)])];
    assert_eq!(case.told("No lung nodule.", "Nodule"), Some(("denied", vec![])));
    case.annotations.clear();
    assert_eq!(case.told("Lung nodule.", "Nodule"), Some(("not-read", vec![])));
}

#[test]
fn values_travel_with_the_scheme() {
    let mut bound = scheme().clone();
    let (nodule, mass) = (label("Nodule"), label("Mass"));
    // A scheme in which Nodule lies beneath Mass.
    bound.scheme.labels[nodule as usize].parents = vec![mass];
    bound.children[mass as usize].push(nodule);
    bound.scheme.hierarchy.up = true;
    let case = Case::new(Coverage::Found, &[("Nodule", LEFT, 10.0, None)]);
    let rows = case.rows_of("Right lung nodule.", &bound, false);
    for wanted in [nodule, mass] {
        let row = rows.iter().find(|r| r.label == wanted).expect("a row");
        assert_eq!((row.outcome, &*row.discords), (Outcome::Both, &[Discord::Side][..]));
    }
}
