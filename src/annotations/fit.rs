//! Whether the shape of an annotation can be, and lies within its image.
//!
//! What reaches beyond the image by up to one pixel (rounding) is clipped silently, what reaches farther is clipped and
//! told, what lies outside altogether is left out. Where the size of the image is not known, only its left and upper
//! edges are.

use crate::annotation::{Shape, geometry, rle};

/// How a shape fits.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Fit {
    /// Within its image.
    Whole,
    /// It was clipped.
    Clipped,
    /// It cannot be; why.
    Wrong(String),
}

/// Fits a shape into an image of a width and height.
pub(crate) fn fit(shape: &mut Shape, size: Option<[u32; 2]>) -> Fit {
    let limit = size.map_or([f64::INFINITY; 2], |s| s.map(f64::from));
    match shape {
        Shape::Whole | Shape::Volume(_) => return Fit::Whole,
        Shape::Mask { size: [height, width], runs } => {
            if let Some([w, h]) = size.filter(|s| *s != [*width, *height]) {
                return Fit::Wrong(format!("a mask of {width} x {height} pixels on an image of {w} x {h}"));
            }
            if let Err(fault) = rle::check([*height, *width], runs) {
                return Fit::Wrong(format!("a mask that cannot be: {fault}"));
            }
            return if geometry::bounds(shape).is_none() { Fit::Wrong("an empty mask".to_owned()) } else { Fit::Whole };
        }
        Shape::Box([_, _, width, height]) if *width < 0.0 || *height < 0.0 => {
            return Fit::Wrong("a box of negative width or height".to_owned());
        }
        Shape::Polygon(outlines) if outlines.iter().any(|o| o.len() < 3) || outlines.is_empty() => {
            return Fit::Wrong("an outline of less than three points".to_owned());
        }
        _ => {}
    }
    let Some([x0, y0, x1, y1]) = geometry::bounds(shape) else {
        let empty = match shape {
            Shape::Points(points) => points.is_empty(),
            Shape::Line(points) => points.is_empty(),
            _ => false,
        };
        return Fit::Wrong(if empty { "no points" } else { "a coordinate that is no number" }.to_owned());
    };
    if x1 < 0.0 || y1 < 0.0 || x0 > limit[0] || y0 > limit[1] {
        return Fit::Wrong("lies outside its image".to_owned());
    }
    let beyond = (-x0).max(-y0).max(x1 - limit[0]).max(y1 - limit[1]);
    if beyond > 0.0 {
        clip(shape, limit);
    }
    let empty = match shape {
        Shape::Box([_, _, width, height]) => *width <= 0.0 || *height <= 0.0,
        // A polygon drawn as a line has no area either.
        Shape::Polygon(_) => geometry::area_px(shape) <= 0.0,
        _ => false,
    };
    if empty {
        Fit::Wrong("an empty box or outline".to_owned())
    } else if beyond > 1.0 {
        Fit::Clipped
    } else {
        Fit::Whole
    }
}

fn clip(shape: &mut Shape, limit: [f64; 2]) {
    let within = |point: &mut [f64; 2]| *point = [point[0].clamp(0.0, limit[0]), point[1].clamp(0.0, limit[1])];
    match shape {
        Shape::Box(sides) => {
            let (mut low, mut high) = ([sides[0], sides[1]], [sides[0] + sides[2], sides[1] + sides[3]]);
            within(&mut low);
            within(&mut high);
            *sides = [low[0], low[1], high[0] - low[0], high[1] - low[1]];
        }
        Shape::Polygon(outlines) => outlines.iter_mut().flatten().for_each(within),
        Shape::Line(points) => points.iter_mut().for_each(within),
        Shape::Points(points) => points.iter_mut().for_each(|p| within(&mut p.at)),
        Shape::Whole | Shape::Mask { .. } | Shape::Volume(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_reaches_beyond_is_clipped_and_what_cannot_be_is_told() {
        let check = |mut shape: Shape, expected: Result<Shape, &str>| {
            let fitted = fit(&mut shape, Some([100, 50]));
            match (fitted, expected) {
                (Fit::Wrong(why), Err(part)) => assert!(why.contains(part), "{why}"),
                (Fit::Wrong(why), Ok(_)) => panic!("{why}"),
                (Fit::Whole | Fit::Clipped, expected) => assert_eq!(Ok(shape), expected),
            }
        };
        check(Shape::Box([1.0, 2.0, 3.0, 4.0]), Ok(Shape::Box([1.0, 2.0, 3.0, 4.0])));
        check(Shape::Box([90.0, -4.0, 20.0, 10.0]), Ok(Shape::Box([90.0, 0.0, 10.0, 6.0])));
        check(Shape::Box([101.0, 0.0, 20.0, 10.0]), Err("outside"));
        check(Shape::Box([1.0, 1.0, -2.0, 3.0]), Err("negative"));
        check(Shape::Box([1.0, 1.0, 0.0, 3.0]), Err("empty"));
        check(Shape::Box([1.0, 1.0, f64::NAN, 3.0]), Err("no number"));
        check(Shape::Box([1.0, f64::INFINITY, 1.0, 3.0]), Err("no number"));
        check(Shape::Polygon(vec![vec![[0.0, 0.0], [1.0, 1.0]]]), Err("three points"));
        check(Shape::Polygon(vec![vec![[0.0, 0.0], [1.0, 1.0], [2.0, 2.0]]]), Err("empty"));
        check(
            Shape::Polygon(vec![vec![[0.0, 0.0], [110.0, 0.0], [0.0, 60.0]]]),
            Ok(Shape::Polygon(vec![vec![[0.0, 0.0], [100.0, 0.0], [0.0, 50.0]]])),
        );
        check(Shape::Line(Vec::new()), Err("no points"));
        check(Shape::Mask { size: [100, 50], runs: vec![4000, 1000] }, Err("50 x 100 pixels on an image of 100 x 50"));
        check(Shape::Mask { size: [50, 100], runs: vec![4000, 1001] }, Err("add up to 5001"));
        check(Shape::Mask { size: [50, 100], runs: vec![5000] }, Err("empty mask"));
        assert_eq!(fit(&mut Shape::Box([-0.5, 0.0, 5.0, 5.0]), None), Fit::Whole);
        assert_eq!(fit(&mut Shape::Box([-2.0, 0.0, 5.0, 5.0]), None), Fit::Clipped);
    }
}
