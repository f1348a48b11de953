//! What pairing asks of a shape, until `annotation::geometry` stands.

use super::SideBasis;
use crate::annotation::Shape;
use crate::lexicon::Side;
use crate::study::StudyRow;

pub(super) fn bounds(shape: &Shape) -> Option<[f64; 4]> {
    match shape {
        Shape::Box([x, y, w, h]) => Some([*x, *y, x + w, y + h]),
        _ => None,
    }
}

pub(super) fn longest_mm(shape: &Shape, row: &StudyRow) -> Option<f64> {
    match shape {
        Shape::Box([_, _, w, h]) => Some((w * row.column_spacing_mm?).max(h * row.row_spacing_mm?)),
        Shape::Volume(extent) => Some(extent.longest),
        _ => None,
    }
}

pub(super) fn side(shape: &Shape, row: &StudyRow) -> Option<(Side, SideBasis)> {
    let width = f64::from(row.columns?);
    let frontal = matches!(row.view.as_deref(), Some("PA" | "AP"));
    let [x0, _, x1, _] = bounds(shape).filter(|_| frontal)?;
    let middle = width / 2.0;
    let side = match (middle - x0, x1 - middle) {
        (l, r) if l > (x1 - x0) / 4.0 && r > (x1 - x0) / 4.0 => (x1 - x0 > 0.4 * width).then_some(Side::Bilateral)?,
        (l, r) if l > r => Side::Right,
        _ => Side::Left,
    };
    Some((side, SideBasis::View))
}
