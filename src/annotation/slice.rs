//! Where an image lies in the patient: from its pixels to patient coordinates (mm) and back; pure.

use super::Extent3;
use crate::study::StudyRow;

/// An image with a place in the patient.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Slice {
    /// The centre of the first pixel.
    origin: [f64; 3],
    /// From one pixel to the next of its row.
    across: [f64; 3],
    /// From one row to the next.
    down: [f64; 3],
}

impl Slice {
    /// Of an image whose position, direction cosines and spacing are known.
    pub fn of(row: &StudyRow) -> Option<Slice> {
        let origin = numbers::<3>(row.position_mm.as_deref()?)?;
        let [a, b, c, d, e, f] = numbers::<6>(row.patient_orientation.as_deref()?)?;
        let (across, down) = (row.column_spacing_mm?, row.row_spacing_mm?);
        let slice = Slice { origin, across: [a, b, c].map(|v| v * across), down: [d, e, f].map(|v| v * down) };
        // Directions that are no right angle are none of an image.
        let right = dot([a, b, c], [d, e, f]).abs() < 0.01;
        let unit = |v: [f64; 3]| (0.99..1.01).contains(&dot(v, v).sqrt());
        (across > 0.0 && down > 0.0 && right && unit([a, b, c]) && unit([d, e, f])).then_some(slice)
    }

    /// The direction across the image, of length 1.
    pub fn normal(&self) -> [f64; 3] {
        let ([a, b, c], [d, e, f]) = (self.across, self.down);
        let cross = [b * f - c * e, c * d - a * f, a * e - b * d];
        let length = dot(cross, cross).sqrt();
        cross.map(|v| v / length)
    }

    /// The place of a point of the image, counted from the corner of its first pixel.
    pub fn at(&self, [x, y]: [f64; 2]) -> [f64; 3] {
        std::array::from_fn(|i| self.origin[i] + (x - 0.5) * self.across[i] + (y - 0.5) * self.down[i])
    }

    /// Distance between columns and between rows, in mm.
    pub fn spacing(&self) -> [f64; 2] {
        [self.across, self.down].map(|v| dot(v, v).sqrt())
    }

    /// From one place to another: along the rows, along the columns and across the image, in mm.
    pub fn offset(&self, from: [f64; 3], to: [f64; 3]) -> [f64; 3] {
        let step = std::array::from_fn(|i| to[i] - from[i]);
        let [across, down] = self.spacing();
        [dot(step, self.across) / across, dot(step, self.down) / down, dot(step, self.normal())]
    }

    /// Where it lies along its normal, in mm.
    pub fn place(&self) -> f64 {
        dot(self.origin, self.normal())
    }

    /// How far a place lies from the plane of the image, in mm.
    pub fn distance(&self, place: [f64; 3]) -> f64 {
        dot(std::array::from_fn(|i| place[i] - self.origin[i]), self.normal()).abs()
    }

    /// The point of the image that is nearest to a place, counted from the corner of its first pixel.
    pub fn pixel(&self, place: [f64; 3]) -> [f64; 2] {
        let away: [f64; 3] = std::array::from_fn(|i| place[i] - self.origin[i]);
        [self.across, self.down].map(|v| dot(away, v) / dot(v, v) + 0.5)
    }

    /// x of the patient in the middle of an image of this width and height; of one that does not run from side to
    /// side (sagittal) the middle of the patient is not known.
    pub fn middle(&self, [width, height]: [u32; 2]) -> Option<f64> {
        let centre = self.at([f64::from(width) / 2.0, f64::from(height) / 2.0]);
        (self.normal()[0].abs() < 0.5).then_some(centre[0])
    }

    /// The smallest upright box of the image around the bounds of a volume: lowest x and y, highest x and y.
    pub fn bounds(&self, extent: &Extent3) -> Option<[f64; 4]> {
        let corner = |n: usize| std::array::from_fn(|i| if n >> i & 1 == 0 { extent.low[i] } else { extent.high[i] });
        let bounds = (0..8).map(|n| self.pixel(corner(n))).fold(None, |b: Option<[f64; 4]>, [x, y]| {
            let [x0, y0, x1, y1] = b.unwrap_or([x, y, x, y]);
            Some([x0.min(x), y0.min(y), x1.max(x), y1.max(y)])
        });
        bounds.filter(|b| extent.oriented && b.iter().all(|v| v.is_finite()))
    }

    /// Whether the image shows something of a volume: it is so thick, in mm.
    pub fn meets(&self, extent: &Extent3, thickness: f64) -> bool {
        let normal = self.normal();
        let half: f64 = (0..3).map(|i| (extent.high[i] - extent.low[i]) / 2.0 * normal[i].abs()).sum();
        let centre = std::array::from_fn(|i| (extent.low[i] + extent.high[i]) / 2.0);
        // Contours of one plane have no depth, and are written with few decimals.
        extent.oriented && self.distance(centre) <= half + (thickness / 2.0).max(0.5)
    }
}

/// Numbers of a cell, joined by `\`.
fn numbers<const COUNT: usize>(cell: &str) -> Option<[f64; COUNT]> {
    let numbers: Vec<f64> = cell.split('\\').map_while(|n| n.trim().parse().ok()).collect();
    numbers.try_into().ok().filter(|n: &[f64; COUNT]| n.iter().all(|v| v.is_finite()))
}

/// The inner product.
pub fn dot(a: [f64; 3], b: [f64; 3]) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(orientation: &str) -> StudyRow {
        StudyRow {
            position_mm: Some(r"-50\-40\10".to_owned()),
            patient_orientation: Some(orientation.to_owned()),
            row_spacing_mm: Some(2.0),
            column_spacing_mm: Some(0.5),
            ..StudyRow::default()
        }
    }

    fn volume(low: [f64; 3], high: [f64; 3]) -> Extent3 {
        let centre = std::array::from_fn(|i| (low[i] + high[i]) / 2.0);
        let (volume, longest, components) = (1.0, 1.0, 1);
        Extent3 {
            low,
            high,
            centre,
            volume,
            longest,
            components,
            apart: [high[0], low[0]],
            middle: None,
            oriented: true,
        }
    }

    #[test]
    fn a_volume_lands_on_the_pixels_that_show_it() {
        let axial = Slice::of(&row(r"1\0\0\0\1\0")).expect("a place");
        let ball = volume([-30.0, 0.0, 5.0], [-10.0, 20.0, 25.0]);
        assert_eq!(axial.bounds(&ball), Some([40.5, 20.5, 80.5, 30.5]));
        assert!(axial.meets(&ball, 0.0));
        let above = volume([-30.0, 0.0, 12.0], [-10.0, 20.0, 25.0]);
        assert!(!axial.meets(&above, 3.0) && axial.meets(&above, 5.0));
        assert_eq!((axial.distance(ball.centre), axial.middle([200, 40])), (5.0, Some(-0.25)));
        // Prone: both directions are turned.
        let prone = Slice::of(&StudyRow { position_mm: Some(r"50\40\10".to_owned()), ..row(r"-1\0\0\0\-1\0") });
        let prone = prone.expect("a place");
        assert_eq!(prone.bounds(&ball), Some([120.5, 10.5, 160.5, 20.5]));
        let point = prone.at([120.5, 10.5]);
        assert_eq!((point, prone.pixel(point)), ([-10.0, 20.0, 10.0], [120.5, 10.5]));
        assert_eq!(axial.bounds(&Extent3 { oriented: false, ..ball }), None);
    }

    #[test]
    fn a_sagittal_image_has_no_middle_and_nonsense_no_place() {
        assert_eq!(Slice::of(&row(r"0\1\0\0\0\-1")).expect("a place").middle([9, 9]), None);
        for orientation in
            ["", r"L\P", r"1\0\0\1\0\0", r"1\0\0\0\0\0", r"9\0\0\0\9\0", r"1\0\0\0\nan\0", r"1\0\0\0\1\0\0"]
        {
            assert_eq!(Slice::of(&row(orientation)), None, "{orientation}");
        }
        assert_eq!(Slice::of(&StudyRow { position_mm: None, ..row(r"1\0\0\0\1\0") }), None);
        assert_eq!(Slice::of(&StudyRow { row_spacing_mm: Some(0.0), ..row(r"1\0\0\0\1\0") }), None);
    }
}
