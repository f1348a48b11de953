//! Measures of the form of an annotation: bounds, centre, area, longest diameter; pure, in pixels of the image as
//! stored, or in mm by the spacing of its pixels.
//!
//! A mask's pixel is the square between its corners, so a filled rectangle measures the same as mask and as polygon.

use super::{Shape, rle};

/// The smallest upright box around a shape: lowest x and y, highest x and y. Blank for what has no place in the image
/// (a class label, a volume, an empty mask) and for coordinates that are no numbers.
pub fn bounds(shape: &Shape) -> Option<[f64; 4]> {
    let bounds = match shape {
        Shape::Whole | Shape::Volume(_) => None,
        Shape::Box([x, y, width, height]) => Some([*x, *y, x + width, y + height]),
        Shape::Polygon(outlines) => around(outlines.iter().flatten().copied()),
        Shape::Points(points) => around(points.iter().map(|p| p.at)),
        Shape::Line(points) => around(points.iter().copied()),
        Shape::Mask { size, runs } => around_mask(*size, runs),
    };
    bounds.filter(|b| b.iter().all(|v| v.is_finite()))
}

/// The centre of mass: of a box or area that of its pixels, of points and lines that of their points.
pub fn centre(shape: &Shape) -> Option<[f64; 2]> {
    let centre = match shape {
        Shape::Whole | Shape::Volume(_) => None,
        Shape::Box([x, y, width, height]) => Some([x + width / 2.0, y + height / 2.0]),
        Shape::Polygon(outlines) => centroid(outlines),
        Shape::Points(points) => mean(points.iter().map(|p| p.at)),
        Shape::Line(points) => mean(points.iter().copied()),
        Shape::Mask { size, runs } => {
            let (mut pixels, mut x, mut y) = (0.0, 0.0, 0.0);
            for (column, first, after) in rle::pieces(*size, runs) {
                let length = f64::from(after - first);
                pixels += length;
                x += length * (f64::from(column) + 0.5);
                y += length * (f64::from(first) + f64::from(after)) / 2.0;
            }
            (pixels > 0.0).then(|| [x / pixels, y / pixels])
        }
    };
    centre.filter(|c| c.iter().all(|v| v.is_finite()))
}

/// The area in pixels; 0 of what has none. Outlines of one polygon that overlap are counted twice.
pub fn area_px(shape: &Shape) -> f64 {
    let area = match shape {
        Shape::Whole | Shape::Volume(_) | Shape::Points(_) | Shape::Line(_) => 0.0,
        Shape::Box([_, _, width, height]) => width * height,
        Shape::Polygon(outlines) => outlines.iter().map(|o| doubled_area(o).abs() / 2.0).sum(),
        Shape::Mask { size, runs } => rle::ranges(*size, runs).map(|r| (r.end - r.start) as f64).sum(),
    };
    if area.is_finite() { area } else { 0.0 }
}

/// The longest diameter in mm, given the distances between rows and between columns: of a polygon or mask the greatest
/// distance between two of its points, of a line that of its points, of a box its longer side (what was boxed touches
/// its sides, not its corners), of a volume what its reader measured. Blank for what has no length.
pub fn longest_mm(shape: &Shape, row_spacing: f64, column_spacing: f64) -> Option<f64> {
    let in_mm = |[x, y]: [f64; 2]| [x * column_spacing, y * row_spacing];
    let longest = match shape {
        Shape::Whole | Shape::Points(_) => None,
        Shape::Volume(extent) => Some(extent.longest),
        Shape::Box([_, _, width, height]) => Some((width * column_spacing).max(height * row_spacing)),
        Shape::Polygon(outlines) => diameter(outlines.iter().flatten().copied().map(in_mm).collect()),
        Shape::Line(points) => diameter(points.iter().copied().map(in_mm).collect()),
        Shape::Mask { size, runs } => diameter(mask_corners(*size, runs).into_iter().map(in_mm).collect()),
    };
    longest.filter(|l| l.is_finite() && *l > 0.0)
}

fn around(points: impl Iterator<Item = [f64; 2]>) -> Option<[f64; 4]> {
    points.fold(None, |bounds, [x, y]| {
        // A point that is no number must not vanish in min and max.
        let x = if y.is_nan() { y } else { x };
        if x.is_nan() {
            return Some([f64::NAN; 4]);
        }
        let [x0, y0, x1, y1] = bounds.unwrap_or([x, y, x, y]);
        Some([if x0.is_nan() { x0 } else { x0.min(x) }, y0.min(y), x1.max(x), y1.max(y)])
    })
}

fn around_mask(size: [u32; 2], runs: &[u32]) -> Option<[f64; 4]> {
    let mut bounds: Option<[u32; 4]> = None;
    for (column, first, after) in rle::pieces(size, runs) {
        let [x0, y0, x1, y1] = bounds.unwrap_or([column, first, column + 1, after]);
        bounds = Some([x0.min(column), y0.min(first), x1.max(column + 1), y1.max(after)]);
    }
    bounds.map(|b| b.map(f64::from))
}

fn mean(points: impl Iterator<Item = [f64; 2]>) -> Option<[f64; 2]> {
    let (mut count, mut x, mut y) = (0.0, 0.0, 0.0);
    for point in points {
        count += 1.0;
        x += point[0];
        y += point[1];
    }
    (count > 0.0).then(|| [x / count, y / count])
}

/// Twice the area that an outline encloses; its sign tells the way round.
pub(super) fn doubled_area(outline: &[[f64; 2]]) -> f64 {
    edges(outline).map(|([x0, y0], [x1, y1])| x0 * y1 - x1 * y0).sum()
}

fn edges(outline: &[[f64; 2]]) -> impl Iterator<Item = ([f64; 2], [f64; 2])> + '_ {
    outline.iter().copied().zip(outline.iter().copied().cycle().skip(1))
}

fn centroid(outlines: &[Vec<[f64; 2]>]) -> Option<[f64; 2]> {
    let (mut whole, mut x, mut y) = (0.0, 0.0, 0.0);
    for outline in outlines {
        let Some(&[ox, oy]) = outline.first() else { continue };
        // Each outline counts as an area, whichever way round it was drawn; from its first point, for precision.
        let near: Vec<[f64; 2]> = outline.iter().map(|p| [p[0] - ox, p[1] - oy]).collect();
        let doubled = doubled_area(&near);
        if doubled == 0.0 {
            continue;
        }
        let (mut mx, mut my) = (0.0, 0.0);
        for ([x0, y0], [x1, y1]) in edges(&near) {
            let cross = x0 * y1 - x1 * y0;
            mx += (x0 + x1) * cross;
            my += (y0 + y1) * cross;
        }
        whole += doubled.abs();
        x += doubled.abs() * (ox + mx / (3.0 * doubled));
        y += doubled.abs() * (oy + my / (3.0 * doubled));
    }
    if whole > 0.0 { Some([x / whole, y / whole]) } else { mean(outlines.iter().flatten().copied()) }
}

/// The corners of a mask's columns, in order: every other pixel corner lies within their hull.
fn mask_corners(size: [u32; 2], runs: &[u32]) -> Vec<[f64; 2]> {
    let mut columns: Vec<(u32, u32, u32)> = Vec::new();
    for (column, first, after) in rle::pieces(size, runs) {
        match columns.last_mut() {
            Some(last) if last.0 == column => (last.1, last.2) = (last.1.min(first), last.2.max(after)),
            _ => columns.push((column, first, after)),
        }
    }
    let corners = |(column, first, after): (u32, u32, u32)| {
        let (x, first, after) = (f64::from(column), f64::from(first), f64::from(after));
        [[x, first], [x, after], [x + 1.0, first], [x + 1.0, after]]
    };
    columns.into_iter().flat_map(corners).collect()
}

/// The greatest distance between two points: rotating calipers around their hull (Shamos 1978).
fn diameter(points: Vec<[f64; 2]>) -> Option<f64> {
    if points.iter().flatten().any(|v| !v.is_finite()) {
        return None;
    }
    let hull = hull(points);
    let count = hull.len();
    let distance = |a: [f64; 2], b: [f64; 2]| (a[0] - b[0]).hypot(a[1] - b[1]);
    if count < 3 {
        return (count == 2).then(|| distance(hull[0], hull[1]));
    }
    let mut far = 1;
    let mut longest: f64 = 0.0;
    for at in 0..count {
        let (from, to) = (hull[at], hull[(at + 1) % count]);
        // The farthest point from this edge only moves on as the edges go round.
        while turn(from, to, hull[(far + 1) % count]) > turn(from, to, hull[far]) {
            far = (far + 1) % count;
        }
        let next = hull[(far + 1) % count];
        // Of an edge that lies along this one both ends are farthest.
        for end in [hull[far], next] {
            longest = longest.max(distance(from, end)).max(distance(to, end));
        }
    }
    Some(longest)
}

/// The convex hull, without points on its edges (Andrew's monotone chain).
fn hull(mut points: Vec<[f64; 2]>) -> Vec<[f64; 2]> {
    points.sort_by(|a, b| a[0].total_cmp(&b[0]).then(a[1].total_cmp(&b[1])));
    points.dedup();
    if points.len() < 3 {
        return points;
    }
    let mut hull: Vec<[f64; 2]> = Vec::new();
    let mut chain = |points: &mut dyn Iterator<Item = &[f64; 2]>| {
        let start = hull.len();
        for &point in points {
            while hull.len() >= start + 2 && turn(hull[hull.len() - 2], hull[hull.len() - 1], point) <= 0.0 {
                hull.pop();
            }
            hull.push(point);
        }
        // The last point opens the other chain.
        hull.pop();
    };
    chain(&mut points.iter());
    chain(&mut points.iter().rev());
    hull
}

/// Above 0 where `c` lies to the left of the way from `a` to `b`: twice the area of the triangle.
fn turn(a: [f64; 2], b: [f64; 2], c: [f64; 2]) -> f64 {
    (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::annotation::{Extent3, Point};
    use proptest::prelude::*;

    fn polygon(points: &[[f64; 2]]) -> Shape {
        Shape::Polygon(vec![points.to_vec()])
    }

    /// The mask of the rectangle from column 2 to 5 and row 1 to 2 in an image of 4 rows and 8 columns.
    fn rectangle() -> Shape {
        Shape::Mask { size: [4, 8], runs: rle::encode([4, 8], |x, y| (2..6).contains(&x) && (1..3).contains(&y)) }
    }

    #[test]
    fn a_rectangle_is_the_same_as_box_polygon_and_mask() {
        let shapes =
            [Shape::Box([2.0, 1.0, 4.0, 2.0]), polygon(&[[2.0, 1.0], [6.0, 1.0], [6.0, 3.0], [2.0, 3.0]]), rectangle()];
        for shape in &shapes {
            assert_eq!(bounds(shape), Some([2.0, 1.0, 6.0, 3.0]), "{shape:?}");
            assert_eq!(centre(shape), Some([4.0, 2.0]), "{shape:?}");
            assert_eq!(area_px(shape), 8.0, "{shape:?}");
        }
        assert_eq!(longest_mm(&shapes[0], 1.0, 0.5), Some(2.0));
        assert_eq!(longest_mm(&shapes[0], 3.0, 0.5), Some(6.0));
        for shape in &shapes[1..] {
            assert_eq!(longest_mm(shape, 1.5, 1.0), Some(5.0), "{shape:?}");
        }
    }

    #[test]
    fn lines_points_and_volumes_have_what_fits_them() {
        let line = Shape::Line(vec![[1.0, 1.0], [4.0, 5.0]]);
        assert_eq!((longest_mm(&line, 2.0, 2.0), area_px(&line)), (Some(10.0), 0.0));
        assert_eq!(centre(&line), Some([2.5, 3.0]));
        let point = |x, y| Point { name: String::new(), at: [x, y], visible: true };
        let points = Shape::Points(vec![point(1.0, 2.0), point(3.0, 8.0)]);
        assert_eq!((bounds(&points), longest_mm(&points, 1.0, 1.0)), (Some([1.0, 2.0, 3.0, 8.0]), None));
        let extent = Extent3 {
            low: [0.0; 3],
            high: [9.0; 3],
            centre: [4.0; 3],
            volume: 1.0,
            longest: 7.0,
            components: 1,
            apart: [0.0; 2],
            middle: None,
            oriented: true,
        };
        assert_eq!((longest_mm(&Shape::Volume(extent), 1.0, 1.0), bounds(&Shape::Volume(extent))), (Some(7.0), None));
        assert_eq!((bounds(&Shape::Whole), centre(&Shape::Whole), area_px(&Shape::Whole)), (None, None, 0.0));
    }

    #[test]
    fn the_way_round_and_the_parts_of_a_polygon_do_not_matter() {
        let one = vec![[0.0, 0.0], [0.0, 2.0], [2.0, 2.0], [2.0, 0.0]];
        let other: Vec<[f64; 2]> = one.iter().rev().map(|p| [p[0] + 10.0, p[1]]).collect();
        let both = Shape::Polygon(vec![one, other]);
        assert_eq!((area_px(&both), centre(&both)), (8.0, Some([6.0, 1.0])));
        assert_eq!(longest_mm(&both, 1.0, 1.0), Some(12f64.hypot(2.0)));
        assert_eq!(centre(&polygon(&[[1.0, 1.0], [3.0, 3.0]])), Some([2.0, 2.0]));
    }

    #[test]
    fn what_is_no_number_measures_nothing() {
        for bad in [f64::NAN, f64::INFINITY] {
            for shape in [
                Shape::Box([bad, 0.0, 1.0, 1.0]),
                polygon(&[[0.0, 0.0], [bad, 1.0], [2.0, 2.0]]),
                polygon(&[[0.0, 0.0], [1.0, bad], [2.0, 2.0]]),
                Shape::Line(vec![[1.0, bad], [2.0, 2.0]]),
            ] {
                assert_eq!((bounds(&shape), centre(&shape)), (None, None), "{shape:?}");
                assert!(area_px(&shape).is_finite());
            }
            assert_eq!(longest_mm(&polygon(&[[0.0, 0.0], [bad, 1.0], [2.0, 2.0]]), 1.0, 1.0), None);
        }
        let empty = Shape::Mask { size: [4, 4], runs: vec![16] };
        assert_eq!((bounds(&empty), centre(&empty), longest_mm(&empty, 1.0, 1.0)), (None, None, None));
        assert_eq!((bounds(&polygon(&[])), centre(&polygon(&[])), area_px(&polygon(&[]))), (None, None, 0.0));
    }

    proptest! {
        /// Rotating calipers find what comparing all pairs finds.
        #[test]
        fn the_diameter_is_that_of_all_pairs(points in prop::collection::vec([0i32..30, 0i32..30], 2..40)) {
            let points: Vec<[f64; 2]> = points.iter().map(|p| p.map(f64::from)).collect();
            let pairs = points.iter().flat_map(|a| points.iter().map(move |b| (a[0] - b[0]).hypot(a[1] - b[1])));
            let longest = pairs.fold(0.0, f64::max);
            prop_assert_eq!(longest_mm(&polygon(&points), 1.0, 1.0), (longest > 0.0).then_some(longest));
        }

        /// A mask measures what its pixels one by one measure.
        #[test]
        fn a_mask_measures_as_its_pixels(height in 1u32..12, width in 1u32..12, bits in any::<u128>()) {
            let inside = |x: u32, y: u32| bits >> ((x * 11 + y) % 128) & 1 == 1;
            let mask = Shape::Mask { size: [height, width], runs: rle::encode([height, width], inside) };
            let pixels: Vec<[f64; 2]> = (0..width)
                .flat_map(|x| (0..height).map(move |y| (x, y)))
                .filter(|&(x, y)| inside(x, y))
                .map(|(x, y)| [f64::from(x), f64::from(y)])
                .collect();
            prop_assert_eq!(area_px(&mask), pixels.len() as f64);
            let corners = pixels.iter().flat_map(|p| [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]].map(|c| [p[0] + c[0], p[1] + c[1]]));
            let corners: Vec<[f64; 2]> = corners.collect();
            prop_assert_eq!(bounds(&mask), around(corners.iter().copied()));
            let pairs = corners.iter().flat_map(|a| corners.iter().map(move |b| (a[0] - b[0]).hypot(a[1] - b[1])));
            let longest = pairs.fold(0.0, f64::max);
            prop_assert_eq!(longest_mm(&mask, 1.0, 1.0), (longest > 0.0).then_some(longest));
            let middle = mean(pixels.iter().map(|p| [p[0] + 0.5, p[1] + 0.5]));
            match (centre(&mask), middle) {
                (Some(a), Some(b)) => prop_assert!((a[0] - b[0]).abs() < 1e-9 && (a[1] - b[1]).abs() < 1e-9),
                (a, b) => prop_assert_eq!(a, b),
            }
        }
    }
}
