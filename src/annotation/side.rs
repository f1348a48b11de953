//! On which side of the patient an annotation lies, by the facts of its image; pure.
//!
//! Rules, the first that applies decides:
//! 1. The study, series or image is of one side (`laterality` L or R): that side, wherever in the image.
//! 2. The part of the body is one of a pair that is imaged alone (a knee): its image has no side of the patient.
//! 3. A volume in patient coordinates, the middle of the imaged body known: by that middle.
//! 4. `patient_orientation` tells which way the patient's left is (`L\F`, or six direction cosines, each axis by its
//!    greatest part): by the middle of the image. If both axes run along the patient (a sagittal image): none.
//! 5. The view is frontal (PA, AP): the patient's left is the image's right, in AP views too, as they are shown alike.
//!    Lateral, oblique and unknown views tell none.
//!
//! About a middle: what reaches beyond it by at least a quarter of its own width on both sides, with at least a tenth
//! of its area (a stray pixel of a mask is no other side), and is wider than 40 % of the image, is bilateral; else it is
//! on the side where more than two thirds of its area (of a volume, of its width) lie; else no side is told.
//! The width of the body around a volume is not known: it is bilateral where one of its pieces lies wholly on one side
//! and another on the other (specks, under an eighth of the largest, aside). The middle of the image stands
//! for that of the patient: in a film that is badly centred, what lies near the middle may be told wrongly.

use super::geometry::{bounds, doubled_area};
use super::{Extent3, Shape, rle};
use crate::lexicon::Side;
use crate::pair::SideBasis;
use crate::study::StudyRow;

/// The side of a shape by the facts of its image, and what told it. The side that the annotation's source tells itself
/// ([`super::Annotation::side`]) goes before; it is not asked here.
pub fn side(shape: &Shape, image: &StudyRow) -> Option<(Side, SideBasis)> {
    match image.laterality.as_deref().map(str::trim) {
        Some("L" | "l") => return Some((Side::Left, SideBasis::Laterality)),
        Some("R" | "r") => return Some((Side::Right, SideBasis::Laterality)),
        _ => {}
    }
    if image.body_part.as_deref().is_some_and(is_one_of_a_pair) {
        return None;
    }
    if let Shape::Volume(extent) = shape {
        return volume_side(extent).map(|side| (side, SideBasis::Orientation));
    }
    let (axis, basis) = match image.patient_orientation.as_deref().and_then(orientation) {
        Some(axis) => (axis?, SideBasis::Orientation),
        None if image.view.as_deref().is_some_and(is_frontal) => {
            (Axis { vertical: false, leftwards: true }, SideBasis::View)
        }
        None => return None,
    };
    let size = match shape {
        Shape::Mask { size, .. } => Some(*size),
        _ => image.rows.zip(image.columns).map(|(rows, columns)| [rows, columns]),
    };
    // One of both lengths is enough, where only that is told.
    let length = match (size, axis.vertical) {
        (Some([rows, _]), true) => Some(rows),
        (Some([_, columns]), false) => Some(columns),
        (None, true) => image.rows,
        (None, false) => image.columns,
    };
    let length = f64::from(length.filter(|&l| l > 0)?);
    let stretch = stretch(shape, axis.vertical, length / 2.0)?;
    let (low, high) = if axis.leftwards { (Side::Right, Side::Left) } else { (Side::Left, Side::Right) };
    stretch.side(length, low, high).map(|side| (side, basis))
}

/// The side that a word or letter of a source tells.
pub fn side_of_word(word: &str) -> Option<Side> {
    match word.trim().to_lowercase().as_str() {
        "left" | "l" | "lt" => Some(Side::Left),
        "right" | "r" | "rt" => Some(Side::Right),
        "bilateral" | "both" | "b" => Some(Side::Bilateral),
        _ => None,
    }
}

/// The axis of an image along which the patient's sides lie.
#[derive(Clone, Copy)]
struct Axis {
    /// It is y, else x.
    vertical: bool,
    /// It grows towards the patient's left.
    leftwards: bool,
}

/// Where a shape lies along an axis.
struct Stretch {
    low: f64,
    high: f64,
    middle: f64,
    /// Which part of its area lies below the middle.
    below: f64,
}

impl Stretch {
    fn side(&self, length: f64, low: Side, high: Side) -> Option<Side> {
        let width = self.high - self.low;
        let quarter = width / 4.0;
        let reaches = self.middle - self.low >= quarter && self.high - self.middle >= quarter;
        if width > 0.4 * length && reaches && (0.1..=0.9).contains(&self.below) {
            Some(Side::Bilateral)
        } else if self.below > 2.0 / 3.0 {
            Some(low)
        } else if self.below < 1.0 / 3.0 {
            Some(high)
        } else {
            None
        }
    }
}

fn stretch(shape: &Shape, vertical: bool, middle: f64) -> Option<Stretch> {
    let [x0, y0, x1, y1] = bounds(shape)?;
    let (low, high) = if vertical { (y0, y1) } else { (x0, x1) };
    let along = |point: [f64; 2]| if vertical { point[1] } else { point[0] };
    let by_bounds = part_below(low, high, middle);
    let below = match shape {
        Shape::Polygon(outlines) => {
            let (mut lower, mut upper) = (0.0, 0.0);
            for outline in outlines {
                lower += doubled_area(&cut(outline, along, middle)).abs();
                upper += doubled_area(&cut(outline, |p| -along(p), -middle)).abs();
            }
            if lower + upper > 0.0 { lower / (lower + upper) } else { by_bounds }
        }
        Shape::Mask { size, runs } => {
            let (mut whole, mut part) = (0.0, 0.0);
            for (column, first, after) in rle::pieces(*size, runs) {
                let (column, first, after) = (f64::from(column), f64::from(first), f64::from(after));
                let length = after - first;
                whole += length;
                part += length
                    * if vertical {
                        part_below(first, after, middle)
                    } else {
                        part_below(column, column + 1.0, middle)
                    };
            }
            part / whole
        }
        Shape::Points(points) => {
            let part: f64 = points.iter().map(|p| part_below(along(p.at), along(p.at), middle)).sum();
            part / points.len() as f64
        }
        Shape::Box(_) | Shape::Line(_) => by_bounds,
        Shape::Whole | Shape::Volume(_) => return None,
    };
    Some(Stretch { low, high, middle, below })
}

/// Which part of a stretch lies below the middle; of a single place all, none, or half where it is the middle itself.
fn part_below(low: f64, high: f64, middle: f64) -> f64 {
    if high <= low {
        return if low < middle {
            1.0
        } else if low > middle {
            0.0
        } else {
            0.5
        };
    }
    ((middle - low) / (high - low)).clamp(0.0, 1.0)
}

/// The part of an outline that lies below the middle (Sutherland and Hodgman 1974).
fn cut(outline: &[[f64; 2]], along: impl Fn([f64; 2]) -> f64, middle: f64) -> Vec<[f64; 2]> {
    let mut kept = Vec::new();
    for (&from, &to) in outline.iter().zip(outline.iter().cycle().skip(1)) {
        let (a, b) = (along(from), along(to));
        if a <= middle {
            kept.push(from);
        }
        if (a < middle && b > middle) || (a > middle && b < middle) {
            let t = (middle - a) / (b - a);
            kept.push([from[0] + t * (to[0] - from[0]), from[1] + t * (to[1] - from[1])]);
        }
    }
    kept
}

/// x grows to the patient's left.
fn volume_side(extent: &Extent3) -> Option<Side> {
    let middle = extent.middle.filter(|_| extent.oriented)?;
    let (low, high, centre) = (extent.low[0], extent.high[0], extent.centre[0]);
    if ![middle, low, high, centre].iter().all(|v| v.is_finite()) {
        return None;
    }
    let below = part_below(low, high, middle);
    if extent.apart[0] < middle && extent.apart[1] > middle {
        Some(Side::Bilateral)
    } else if below > 2.0 / 3.0 && centre < middle {
        Some(Side::Right)
    } else if below < 1.0 / 3.0 && centre > middle {
        Some(Side::Left)
    } else {
        None
    }
}

/// The axis that a patient orientation tells; inner `None`: neither axis runs from side to side. Outer `None`: the text
/// tells no orientation.
fn orientation(text: &str) -> Option<Option<Axis>> {
    let parts: Vec<&str> = text.split('\\').map(str::trim).collect();
    // Above 0: towards the patient's left.
    let lateral: [f64; 2] = match parts.as_slice() {
        [row, column] => [letters(row)?, letters(column)?],
        [_, _, _, _, _, _] => {
            let cosines: Vec<f64> =
                parts.iter().map_while(|p| p.parse().ok()).filter(|c: &f64| c.is_finite()).collect();
            let [rx, ry, rz, cx, cy, cz] = cosines.as_slice() else { return None };
            [greatest_is_x([*rx, *ry, *rz])?, greatest_is_x([*cx, *cy, *cz])?]
        }
        _ => return None,
    };
    let axis = |value: f64, vertical| (value != 0.0).then_some(Axis { vertical, leftwards: value > 0.0 });
    Some(axis(lateral[0], false).or(axis(lateral[1], true)))
}

/// Directions by letters: the first is the main one. Also those of animals (`LE`, `RT`).
fn letters(text: &str) -> Option<f64> {
    if text.is_empty() || text.len() > 4 || !text.bytes().all(|b| b.is_ascii_uppercase()) {
        return None;
    }
    match text.as_bytes()[0] {
        b'L' => Some(1.0),
        b'R' => Some(-1.0),
        b'A' | b'P' | b'H' | b'F' | b'V' | b'D' | b'C' | b'M' => Some(0.0),
        _ => None,
    }
}

fn greatest_is_x([x, y, z]: [f64; 3]) -> Option<f64> {
    let greatest = x.abs().max(y.abs()).max(z.abs());
    // A direction has the length 1; shorter ones are no cosines.
    (0.5..=1.01).contains(&greatest).then(|| if x.abs() == greatest { x } else { 0.0 })
}

/// A frontal view: PA or AP, standing or lying; not where a lateral or oblique one is named too.
fn is_frontal(view: &str) -> bool {
    let view = view.to_ascii_uppercase();
    let words = || view.split(|c: char| !c.is_ascii_alphanumeric()).filter(|w| !w.is_empty());
    const FRONTAL: [&str; 5] = ["PA", "AP", "FRONTAL", "POSTEROANTERIOR", "ANTEROPOSTERIOR"];
    const OTHER: [&str; 13] =
        ["LATERAL", "LAT", "LL", "RL", "L", "R", "LAO", "RAO", "LPO", "RPO", "OBLIQUE", "OBL", "DECUBITUS"];
    words().any(|w| FRONTAL.contains(&w)) && !words().any(|w| OTHER.contains(&w))
}

/// A part of the body of which there are two, imaged one at a time: halves of its image are inner and outer, not left
/// and right. By the words that DICOM's Body Part Examined has for them (PS3.16, annex L).
fn is_one_of_a_pair(body_part: &str) -> bool {
    const PAIRED: [&str; 25] = [
        "ACJOINT",
        "ANKLE",
        "ARM",
        "CALCANEUS",
        "CALF",
        "CLAVICLE",
        "EAR",
        "ELBOW",
        "EXTREMITY",
        "EYE",
        "FEMUR",
        "FIBULA",
        "FINGER",
        "FOOT",
        "HAND",
        "HIP",
        "HUMERUS",
        "KNEE",
        "LEG",
        "SCAPULA",
        "SHOULDER",
        "THUMB",
        "TIBIA",
        "TOE",
        "WRIST",
    ];
    let part = body_part.to_ascii_uppercase();
    PAIRED.iter().any(|p| part.split(|c: char| !c.is_ascii_alphabetic()).any(|w| w.ends_with(p)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::annotation::Point;
    use proptest::prelude::*;

    fn image(view: &str, orientation: &str) -> StudyRow {
        let told = |t: &str| (!t.is_empty()).then(|| t.to_owned());
        StudyRow {
            rows: Some(100),
            columns: Some(200),
            view: told(view),
            patient_orientation: told(orientation),
            ..StudyRow::default()
        }
    }

    /// In an image 200 wide and 100 high, from x0 to x1, in its upper tenth.
    fn strip(x0: f64, x1: f64) -> Shape {
        Shape::Box([x0, 0.0, x1 - x0, 10.0])
    }

    #[test]
    fn in_a_frontal_view_the_left_is_at_the_right() {
        for view in ["PA", "AP", "AP SUPINE", "pa", "AP_horizontal", "Frontal"] {
            let image = image(view, "");
            assert_eq!(side(&strip(120.0, 180.0), &image), Some((Side::Left, SideBasis::View)), "{view}");
            assert_eq!(side(&strip(20.0, 80.0), &image), Some((Side::Right, SideBasis::View)), "{view}");
        }
        for view in ["LATERAL", "LL", "RL", "", "L", "LAO", "PA LATERAL", "AP OBLIQUE", "CC", "APPLE"] {
            assert_eq!(side(&strip(120.0, 180.0), &image(view, "")), None, "{view}");
        }
        let unknown_width = StudyRow { columns: None, ..image("PA", "") };
        assert_eq!(side(&strip(120.0, 180.0), &unknown_width), None);
    }

    #[test]
    fn orientation_goes_before_the_view() {
        let of = |orientation: &str| side(&strip(120.0, 180.0), &image("PA", orientation));
        assert_eq!(of(r"L\F"), Some((Side::Left, SideBasis::Orientation)));
        assert_eq!(of(r"R\F"), Some((Side::Right, SideBasis::Orientation)));
        assert_eq!(of(r"LP\FA"), Some((Side::Left, SideBasis::Orientation)));
        assert_eq!(of(r"1\0\0\0\1\0"), Some((Side::Left, SideBasis::Orientation)));
        assert_eq!(of(r"-0.98\0.17\0\0\0\-1"), Some((Side::Right, SideBasis::Orientation)));
        // Sagittal: no axis from side to side, and the view is not asked either.
        assert_eq!(of(r"A\F"), None);
        assert_eq!(of(r"0\1\0\0\0\-1"), None);
        // The strip is in the upper tenth: y runs to the left, so it is right.
        assert_eq!(of(r"F\L"), Some((Side::Right, SideBasis::Orientation)));
        assert_eq!(of(r"0\0\-1\-1\0\0"), Some((Side::Left, SideBasis::Orientation)));
        // What is no orientation tells nothing, and the view is asked.
        for text in ["", r"L", r"1\0\0", r"x\y", r"0\0\0\0\0\0", r"1\0\0\0\1\nan"] {
            assert_eq!(of(text), Some((Side::Left, SideBasis::View)), "{text}");
        }
    }

    #[test]
    fn a_study_of_one_side_is_that_side() {
        let mut row = StudyRow { laterality: Some("R".to_owned()), ..image("PA", r"L\F") };
        assert_eq!(side(&strip(120.0, 180.0), &row), Some((Side::Right, SideBasis::Laterality)));
        assert_eq!(side(&Shape::Whole, &row), Some((Side::Right, SideBasis::Laterality)));
        row.laterality = Some("B".to_owned());
        assert_eq!(side(&strip(120.0, 180.0), &row), Some((Side::Left, SideBasis::Orientation)));
        assert_eq!(side(&Shape::Whole, &row), None);
    }

    #[test]
    fn an_image_of_one_knee_has_no_sides() {
        for (part, told) in [("KNEE", false), ("Lower leg", false), ("FOREARM", false), ("CHEST", true), ("HEAD", true)]
        {
            let row = StudyRow { body_part: Some(part.to_owned()), ..image("AP", "") };
            assert_eq!(side(&strip(120.0, 180.0), &row).is_some(), told, "{part}");
        }
    }

    #[test]
    fn what_crosses_the_middle_is_bilateral_when_wide_and_else_where_most_of_it_lies() {
        let of = |x0, x1| side(&strip(x0, x1), &image("PA", "")).map(|s| s.0);
        // 120 wide, a quarter is 30.
        assert_eq!(of(70.0, 190.0), Some(Side::Bilateral));
        assert_eq!(of(71.0, 191.0), Some(Side::Left));
        // 80 wide is 40 % of the image: not over it.
        assert_eq!(of(60.0, 140.0), None);
        assert_eq!(of(59.0, 140.0), Some(Side::Bilateral));
        // 30 wide: two thirds are no more than two thirds.
        assert_eq!(of(90.0, 120.0), None);
        assert_eq!(of(91.0, 121.0), Some(Side::Left));
        assert_eq!(of(79.0, 109.0), Some(Side::Right));
    }

    #[test]
    fn area_decides_for_polygons_and_masks() {
        // A triangle with most of its area at the image's right of the middle, though half its width is left of it.
        let triangle = Shape::Polygon(vec![vec![[70.0, 50.0], [130.0, 20.0], [130.0, 80.0]]]);
        assert_eq!(side(&triangle, &image("PA", "")).map(|s| s.0), Some(Side::Left));
        let runs = rle::encode([100, 200], |x, y| (x == 20 && y == 5) || ((120..130).contains(&x) && y < 50));
        let mask = Shape::Mask { size: [100, 200], runs };
        assert_eq!(side(&mask, &image("PA", "")).map(|s| s.0), Some(Side::Left));
        assert_eq!(side(&mask, &image("", r"F\L")).map(|s| s.0), Some(Side::Right));
        // A mask brings its own size.
        let row = StudyRow { rows: None, columns: None, ..image("PA", "") };
        assert_eq!(side(&mask, &row).map(|s| s.0), Some(Side::Left));
        let at = |x: f64| Point { name: String::new(), at: [x, 5.0], visible: true };
        let points = Shape::Points(vec![at(10.0), at(12.0), at(14.0), at(101.0)]);
        assert_eq!(side(&points, &image("PA", "")).map(|s| s.0), Some(Side::Right));
        assert_eq!(side(&Shape::Points(Vec::new()), &image("PA", "")), None);
        assert_eq!(side(&Shape::Box([f64::NAN, 0.0, 1.0, 1.0]), &image("PA", "")), None);
    }

    #[test]
    fn a_volume_is_told_by_patient_coordinates() {
        let extent = Extent3 {
            low: [20.0, 0.0, 0.0],
            high: [40.0, 9.0, 9.0],
            centre: [30.0, 5.0, 5.0],
            volume: 100.0,
            longest: 20.0,
            components: 1,
            apart: [40.0, 20.0],
            middle: Some(10.0),
            oriented: true,
        };
        let of = |extent| side(&Shape::Volume(extent), &StudyRow::default());
        assert_eq!(of(extent), Some((Side::Left, SideBasis::Orientation)));
        assert_eq!(of(Extent3 { middle: Some(50.0), ..extent }), Some((Side::Right, SideBasis::Orientation)));
        assert_eq!(of(Extent3 { middle: Some(30.0), ..extent }), None);
        // One piece ends before the middle, another begins after it; one piece that spans it tells no side.
        let (middle, two) = (Some(30.0), [24.0, 35.0]);
        assert_eq!(of(Extent3 { middle, apart: two, ..extent }), Some((Side::Bilateral, SideBasis::Orientation)));
        assert_eq!(of(Extent3 { middle, apart: [31.0, 35.0], ..extent }), None);
        assert_eq!(of(Extent3 { middle: None, ..extent }), None);
        assert_eq!(of(Extent3 { oriented: false, ..extent }), None);
    }

    proptest! {
        /// An image mirrored left to right, with what was drawn on it, mirrors the side.
        #[test]
        fn a_mirrored_image_has_the_mirrored_side(
            form in 0usize..4,
            points in prop::collection::vec([0u32..=200, 0u32..=100], 3..9),
            frontal in any::<bool>(),
        ) {
            let mirrored = |shape: &Shape| match shape {
                Shape::Box([x, y, w, h]) => Shape::Box([200.0 - x - w, *y, *w, *h]),
                Shape::Polygon(o) => Shape::Polygon(vec![o[0].iter().map(|p| [200.0 - p[0], p[1]]).collect()]),
                Shape::Line(l) => Shape::Line(l.iter().map(|p| [200.0 - p[0], p[1]]).collect()),
                Shape::Mask { size, runs } => {
                    let mut grid = vec![false; 200 * 100];
                    for (x, first, after) in rle::pieces(*size, runs) {
                        (first..after).for_each(|y| grid[(x * 100 + y) as usize] = true);
                    }
                    Shape::Mask { size: *size, runs: rle::encode(*size, |x, y| grid[((199 - x) * 100 + y) as usize]) }
                }
                other => other.clone(),
            };
            let at: Vec<[f64; 2]> = points.iter().map(|p| p.map(f64::from)).collect();
            let (x, y) = (at[0][0].min(at[1][0]), at[0][1].min(at[1][1]));
            let shape = match form {
                0 => Shape::Box([x, y, (at[0][0] - at[1][0]).abs(), (at[0][1] - at[1][1]).abs()]),
                1 => Shape::Polygon(vec![at]),
                2 => Shape::Line(at),
                _ => {
                    let inside = |x: u32, y: u32| points.iter().any(|p| p[0].abs_diff(x) < 9 && p[1].abs_diff(y) < 9);
                    Shape::Mask { size: [100, 200], runs: rle::encode([100, 200], inside) }
                }
            };
            let image = if frontal { image("AP", "") } else { image("", r"1\0\0\0\1\0") };
            let expected = side(&shape, &image).map(|(side, basis)| (match side {
                Side::Left => Side::Right,
                Side::Right => Side::Left,
                Side::Bilateral => Side::Bilateral,
            }, basis));
            // A crossing of edges may be cut a hair apart; nothing else may differ.
            let share = stretch(&shape, false, 100.0).map_or(0.0, |s| s.below);
            prop_assume!([0.1, 0.9, 1.0 / 3.0, 2.0 / 3.0].iter().all(|edge| (share - edge).abs() > 1e-9));
            prop_assert_eq!(side(&mirrored(&shape), &image), expected);
        }
    }
}
