//! Tests of `pair_page`: what stands on the page, what is escaped, what is drawn.

#![allow(clippy::single_range_in_vec_init, reason = "one stretch of a text is marked")]

use super::*;
use crate::annotation::Point;
use crate::rules::Status;

fn pairing(outcome: Outcome, discords: &[Discord]) -> Pairing {
    Pairing {
        label: 0,
        outcome,
        discords: discords.to_vec(),
        status: (outcome != Outcome::ImageOnly).then_some(Status::Present),
        report_side: Some(Side::Left),
        report_size: Some(12.0),
        report_count: Some("two".to_owned()),
        mention: None,
        annotations: Vec::new(),
        image_side: Some((Side::Right, SideBasis::View)),
        image_size: Some(31.25),
        report_attenuation: None,
        image_attenuation: None,
        image_count: 1,
        readers: Some((2, 3)),
    }
}

fn card(shapes: Vec<Shape>) -> Card {
    let drawn =
        |(place, shape)| Drawn { category: "Nodule".to_owned(), id: format!("boxes.csv:{place}"), shape, bounds: None };
    Card {
        label: "Lung Lesion".to_owned(),
        pairing: pairing(Outcome::Both, &[Discord::Side, Discord::Size]),
        report_id: "r-17".to_owned(),
        study_uid: "1.2.840.17".to_owned(),
        sentence: Some("There is a nodule of 12 mm on the left.".to_owned()),
        marked: vec![11..17],
        image: Some(ImageOf {
            name: "film.png".to_owned(),
            path: Some(PathBuf::from("film.png")),
            frame: None,
            size: Some([200, 100]),
            patient_right: Some(Edge::Left),
        }),
        ids: vec!["boxes.csv:0".to_owned()],
        shapes: shapes.into_iter().enumerate().map(drawn).collect(),
    }
}

fn page(conflicts: Vec<Card>) -> Page {
    // both 6 (one with another side), neither 90, report only 1, image only 0, denied 2, ...
    let outcomes = [6, 90, 1, 0, 2, 1, 3, 4];
    let lesion = LabelRow { label: "Lung Lesion".to_owned(), outcomes, discords: [1, 0, 1, 0], conflicts: 5 };
    let none = LabelRow { label: "Fracture".to_owned(), outcomes: [0, 107, 0, 0, 0, 0, 0, 0], ..LabelRow::default() };
    Page {
        title: "Reports and annotations".to_owned(),
        counts: vec![("reports".to_owned(), 12345)],
        facts: vec![("Scheme".to_owned(), "chexpert 1".to_owned())],
        labels: vec![lesion, none],
        conflicts_in_all: 5,
        conflicts,
    }
}

fn shown(page: &Page) -> String {
    let thumbnail = Thumbnail { png: vec![1, 2, 3], size: [20, 10], image: [200, 100] };
    render(page, &mut |_, _, _| Ok(thumbnail.clone()))
}

/// The text of the page, without tags.
fn text(html: &str) -> String {
    let body = html.split("</head>").nth(1).unwrap_or_default();
    let parts = body.split('<').map(|part| part.split_once('>').map_or(part, |p| p.1));
    parts.collect::<Vec<_>>().join(" ").split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn the_page_counts_and_tells() {
    let html = shown(&page(vec![card(vec![Shape::Box([20.0, 30.0, 40.0, 20.0])])]));
    let text = text(&html);
    for expected in [
        "reports 12 345",
        // 6 + 1 + 2 + 1 found, 5 in conflict.
        "50 % agreement: of 10 findings reported or drawn, 5 agree and 5 conflict.",
        "Denied Drawn on the image, denied by the report 2",
        "Lung Lesion 50 % 5 2 1 1 1 1",
        "Nothing to compare for Fracture.",
        "Conflicts: 1 of 5",
        "Lung Lesion reported and drawn side differs size differs",
        "Side left right by the view",
        "Size 12 mm 31.2 mm",
        "drawn by 2 of 3 readers",
        "There is a nodule of 12 mm on the left.",
        "box, 40 \u{d7} 20 pixels, annotation boxes.csv:0",
        "Scheme chexpert 1",
    ] {
        assert!(text.contains(expected), "{expected:?} in {text}");
    }
    assert!(html.contains("<mark>nodule</mark>"));
    assert!(html.contains("viewBox=\"0 0 200 100\"") && html.contains("data:image/png;base64,AQID"));
    assert!(html.contains("d=\"M20 30L60 30L60 50L20 50Z\""));
    let (right, left) = (html.find(">R</text>").expect("R"), html.find(">L</text>").expect("L"));
    assert!(right < left, "the patient's right is the viewer's left");
    assert_eq!(html, shown(&page(vec![card(vec![Shape::Box([20.0, 30.0, 40.0, 20.0])])])), "the same bytes again");
}

#[test]
fn what_is_not_shown_says_why() {
    let page = page(vec![card(vec![Shape::Line(vec![[0.0, 0.0], [30.0, 40.0]])])]);
    let html = render(&page, &mut |_, _, _| Err("JPEG-LS is not decoded".to_owned()));
    let text = text(&html);
    assert!(text.contains("Images not shown: JPEG-LS is not decoded (1)."), "{text}");
    assert!(text.contains("The image is not shown: JPEG-LS is not decoded."), "{text}");
    assert!(text.contains("line, 50 pixels") && html.contains("d=\"M0 0L30 40\""), "drawn on an empty field");
    assert!(!html.contains("<image"));
}

#[test]
fn no_text_becomes_markup() {
    let evil = "</style><script>alert(1)</script>\" onload=\"x' & \u{202e}";
    let mut card = card(vec![Shape::Points(vec![Point { name: evil.to_owned(), at: [5.0, 6.0], visible: false }])]);
    card.label = evil.to_owned();
    card.report_id = evil.to_owned();
    card.study_uid = evil.to_owned();
    card.sentence = Some(evil.to_owned());
    card.marked = vec![2..7];
    card.ids = vec![evil.to_owned()];
    card.shapes[0].category = evil.to_owned();
    card.shapes[0].id = evil.to_owned();
    card.pairing.report_count = Some(evil.to_owned());
    card.image.as_mut().expect("an image").name = evil.to_owned();
    let mut page = page(vec![card]);
    page.title = evil.to_owned();
    page.counts[0].0 = evil.to_owned();
    page.facts[0].1 = evil.to_owned();
    page.labels[0].label = evil.to_owned();
    page.labels[1].label = evil.to_owned();
    let html = render(&page, &mut |_, _, _| Err(evil.to_owned()));
    assert!(!html.contains("<script") && !html.contains("\" onload"));
    assert_eq!(html.matches("</style>").count(), 1);
    assert!(html.matches("&lt;script&gt;").count() >= 12);
}

#[test]
fn ranges_that_do_not_fit_are_passed_over() {
    let told = |ranges: &[Range<usize>]| marked("caf\u{e9} noir", ranges).into_string();
    assert_eq!(told(&[6..10]), "caf\u{e9} <mark>noir</mark>");
    assert_eq!(told(&[4..6, 99..120, 0..3]), "<mark>caf</mark>\u{e9} noir");
    assert_eq!(told(&[0..3, 1..5]), "<mark>caf</mark>\u{e9} noir");
}

#[test]
fn a_mask_is_drawn_by_its_edges() {
    // 4 high, 5 wide; columns 1 and 2 hold rows 1 and 2.
    let mask = Shape::Mask { size: [4, 5], runs: vec![5, 2, 2, 2, 9] };
    let html = shown(&page(vec![card(vec![mask])]));
    assert!(html.contains("d=\"M1 1H3M1 3H3M1 1V3M3 1V3\""), "{html}");
    assert!(html.contains("d=\"M1 1H3v1H1ZM1 2H3v1H1Z\""));
    // A line of a thousand pixels, one wide, is thinner than a cell and is drawn still.
    let thin = Shape::Mask { size: [1000, 1000], runs: vec![500_000, 1000, 499_000] };
    assert!(shown(&page(vec![card(vec![thin])])).contains("d=\"M500 0H506"));
    // Nothing in it, runs past its end, a size past belief: no outline, and no fault.
    for (size, runs) in [([4, 5], vec![20]), ([4, 5], vec![]), ([0, 0], vec![0, 9]), ([u32::MAX; 2], vec![0, u32::MAX])]
    {
        assert!(!shown(&page(vec![card(vec![Shape::Mask { size, runs }])])).contains("class=\"over\""));
    }
    assert!(shown(&page(vec![card(vec![Shape::Mask { size: [4, 5], runs: vec![19, 99] }])])).contains("M4 3H5"));
}

#[test]
fn a_volume_is_drawn_by_what_bounds_it_on_the_slice() {
    let extent = crate::annotation::Extent3 {
        low: [0.0; 3],
        high: [9.0; 3],
        centre: [4.0; 3],
        volume: 2000.0,
        longest: 12.0,
        components: 1,
        apart: [9.0, 0.0],
        middle: None,
        oriented: true,
    };
    let mut card = card(vec![Shape::Volume(extent)]);
    let plain = shown(&page(vec![card]));
    assert!(!plain.contains("class=\"over"), "no slice: in words alone");
    assert!(plain.contains("volume of 2 cm\u{b3}") && !plain.contains("dashed:"), "{plain}");
    card = self::card(vec![Shape::Volume(extent)]);
    card.shapes[0].bounds = Some([10.0, 20.0, 30.0, 50.0]);
    let html = shown(&page(vec![card]));
    assert!(html.contains("class=\"over dashed\" d=\"M10 20L30 20L30 50L10 50Z\""), "{html}");
    assert!(text(&html).contains("(dashed: what bounds it)"));
}

#[test]
fn shapes_without_bounds_stay_bounded() {
    let round = |i: u32| [100.0 + f64::from(i).cos(), 50.0 + f64::from(i).sin()];
    let long = Shape::Polygon(vec![(0..100_000).map(round).collect(), vec![[f64::NAN, 1.0], [f64::INFINITY, 2.0]]]);
    let html = shown(&page(vec![card(vec![long; 70])]));
    assert!(html.len() < 2_000_000, "{}", html.len());
    assert!(!html.contains("NaN") && !html.contains("inf"));
    assert!(text(&html).contains("And 10 more, not drawn here."));
}

#[test]
fn the_right_of_the_patient_is_where_the_view_says() {
    let row = |view: &str| StudyRow {
        view: Some(view.to_owned()),
        rows: Some(100),
        columns: Some(100),
        modality: Some("DX".to_owned()),
        body_part: Some("CHEST".to_owned()),
        ..StudyRow::default()
    };
    assert_eq!(Edge::of_right(&row("PA")), Some(Edge::Left));
    assert_eq!(Edge::of_right(&row("LATERAL")), None);
    let flipped = StudyRow { patient_orientation: Some("R\\F".to_owned()), ..row("PA") };
    assert_eq!(Edge::of_right(&flipped), Some(Edge::Right));
}

#[test]
fn what_contradicts_a_label_of_nothing_is_told() {
    let mut card = card(vec![Shape::Box([20.0, 30.0, 40.0, 20.0])]);
    card.pairing = Pairing { report_count: None, readers: None, ..pairing(Outcome::ReportOnly, &[]) };
    let text = text(&shown(&page(vec![card])));
    assert!(text.contains("Lung Lesion reported, other findings drawn What"), "{text}");
    assert!(text.contains("Finding present other findings drawn Side") && !text.contains("Number"), "{text}");
}
