//! Numbers of an item: DS and IS texts, and binary values of known width; a value that is none is told by its tag.

use super::node::Node;
use super::parse::{Value, ascii};
use dicom_core::Tag;

/// The bytes of an attribute; none where it is missing or empty.
///
/// # Errors
/// It is a sequence.
pub(super) fn bytes<'a>(node: &Node<'a>, tag: Tag) -> Result<Option<&'a [u8]>, String> {
    match node.value(tag) {
        None => Ok(None),
        Some(Value::Bytes(bytes)) => Ok(Some(*bytes).filter(|b| !b.is_empty())),
        Some(Value::Items(_) | Value::Fragments(_)) => Err(format!("{tag} is a sequence; expected numbers")),
    }
}

/// Decimal numbers as text (DS, IS); none where the attribute is missing or empty.
pub(super) fn decimals(node: &Node<'_>, tag: Tag) -> Result<Option<Vec<f64>>, String> {
    let Some(found) = bytes(node, tag)?.map(ascii).filter(|text| !text.is_empty()) else { return Ok(None) };
    let values = found.split('\\').enumerate().map(|(i, value)| {
        let number = value.trim().parse().ok().filter(|v: &f64| v.is_finite());
        number.ok_or_else(|| format!("value {} of {tag} is no number", i + 1))
    });
    values.collect::<Result<_, _>>().map(Some)
}

/// As many decimal numbers as are asked for.
pub(super) fn exactly<const N: usize>(node: &Node<'_>, tag: Tag) -> Result<Option<[f64; N]>, String> {
    let Some(values) = decimals(node, tag)? else { return Ok(None) };
    let count = values.len();
    values.try_into().map(Some).map_err(|_| format!("{count} values in {tag}; expected {N}"))
}

/// One decimal number.
pub(super) fn decimal(node: &Node<'_>, tag: Tag) -> Result<Option<f64>, String> {
    Ok(exactly::<1>(node, tag)?.map(|[value]| value))
}

/// A whole number as text (IS).
pub(super) fn whole(node: &Node<'_>, tag: Tag) -> Result<Option<u32>, String> {
    match decimal(node, tag)? {
        None => Ok(None),
        Some(v) if v >= 0.0 && v <= f64::from(u32::MAX) && v.fract() == 0.0 => Ok(Some(v as u32)),
        Some(_) => Err(format!("{tag} is no count")),
    }
}

/// Binary whole numbers (US, UL).
pub(super) fn unsigned(node: &Node<'_>, tag: Tag, big: bool) -> Result<Option<u32>, String> {
    let Some(bytes) = bytes(node, tag)? else { return Ok(None) };
    match (bytes, big) {
        (&[a, b], false) => Ok(Some(u32::from(u16::from_le_bytes([a, b])))),
        (&[a, b], true) => Ok(Some(u32::from(u16::from_be_bytes([a, b])))),
        (&[a, b, c, d], false) => Ok(Some(u32::from_le_bytes([a, b, c, d]))),
        (&[a, b, c, d], true) => Ok(Some(u32::from_be_bytes([a, b, c, d]))),
        _ => Err(format!("{} bytes in {tag}; expected a number of 2 or 4", bytes.len())),
    }
}

/// Pairs or triples of single reals (FL), as graphic data are.
pub(super) fn points<const N: usize>(node: &Node<'_>, tag: Tag, big: bool) -> Result<Vec<[f64; N]>, String> {
    let Some(bytes) = bytes(node, tag)? else { return Ok(Vec::new()) };
    if bytes.len() % (4 * N) != 0 {
        return Err(format!("{} bytes in {tag}; expected groups of {N} numbers of 4 bytes", bytes.len()));
    }
    let single = |b: &[u8]| match (b, big) {
        (&[a, b, c, d], false) => f64::from(f32::from_le_bytes([a, b, c, d])),
        (&[a, b, c, d], true) => f64::from(f32::from_be_bytes([a, b, c, d])),
        _ => f64::NAN,
    };
    let points = bytes.chunks_exact(4 * N).map(|point| std::array::from_fn(|i| single(&point[4 * i..4 * i + 4])));
    let points: Vec<[f64; N]> = points.collect();
    match points.iter().position(|p| p.iter().any(|v| !v.is_finite())) {
        Some(at) => Err(format!("point {} of {tag} is no number", at + 1)),
        None => Ok(points),
    }
}
