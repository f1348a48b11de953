//! What is drawn on the images of a study, by label of a scheme.
//!
//! A crosswalk says what a label is to a category: the same (`exact`), `broader`, `narrower`, `overlaps`. A drawn
//! category is its exact and broader labels ([`Relation::carry`]); of a narrower or overlapping label it *may* be one.
//! That a category was looked for and not drawn says that its exact and narrower labels are not there.

use super::SideBasis;
use crate::annotation::geometry;
use crate::annotation::slice::Slice;
use crate::annotation::{self, Annotation, AnnotationSet, Coverage, LEFT_OUT, Shape, Stance};
use crate::crosswalk::Relation;
use crate::lexicon::Side;
use crate::rules::{BoundScheme, Status};
use crate::study::StudyRow;

/// For every category of a set, the labels that it maps to.
pub type Targets = Vec<Vec<(u32, Relation)>>;

/// A set of annotations whose categories are mapped to labels.
pub struct Mapped {
    /// The set.
    pub set: AnnotationSet,
    /// Its categories as labels, with those that follow from the scheme's hierarchy ([`expand`]).
    pub targets: Targets,
    /// By image: its annotations.
    pub by_image: Vec<Vec<u32>>,
}

impl Mapped {
    /// Maps a set.
    pub fn new(set: AnnotationSet, targets: Targets) -> Mapped {
        let mut by_image = vec![Vec::new(); set.images.len()];
        for (number, annotation) in set.annotations.iter().enumerate() {
            if let Some(list) = by_image.get_mut(annotation.image as usize) {
                list.push(number as u32);
            }
        }
        Mapped { set, targets, by_image }
    }
}

/// An image of a study: where it stands in the sets, and what is known of it.
#[derive(Clone, Debug, Default)]
pub struct StudyImage {
    /// Set and index of the image within it; an image that several sets tell of has several.
    pub parts: Vec<(u32, u32)>,
    /// What study table and sources tell of it.
    pub row: StudyRow,
}

/// From what the size of an annotation was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SizeKind {
    /// The longer side of a box: what is drawn is no longer than its diagonal, and may be shorter than the side.
    Box,
    /// The longest diameter of an outline, mask, line or volume.
    Outline,
    /// The source measured it.
    Measured,
}

/// One annotation, as it counts for one label.
#[derive(Clone, Debug)]
pub struct Drawn<'a> {
    /// Set and index within it.
    pub at: (u32, u32),
    /// Number of its image within the study.
    pub image: u32,
    /// The annotation.
    pub annotation: &'a Annotation,
    /// Its side.
    pub side: Option<(Side, SideBasis)>,
    /// Its size in mm.
    pub size: Option<(f64, SizeKind)>,
    /// Its attenuation in HU, where the source measured it: all values.
    pub attenuation: Vec<f64>,
}

/// What is drawn of one label.
#[derive(Clone, Debug, Default)]
pub(super) struct OfLabel {
    /// Annotations that are the label, present ones first drawn: indices into [`Looked::drawn`].
    pub(super) present: Vec<u32>,
    /// Those that doubt it.
    pub(super) uncertain: Vec<u32>,
    /// Present ones that may be the label.
    pub(super) perhaps: Vec<u32>,
    /// Somebody looked for it: that nothing is drawn says that nothing is there.
    pub(super) read: bool,
}

/// All that is drawn on some images of a study.
#[derive(Clone, Debug, Default)]
pub struct Looked<'a> {
    /// Every annotation, in order.
    pub drawn: Vec<Drawn<'a>>,
    /// By label of the scheme.
    pub(super) labels: Vec<OfLabel>,
    /// By set: nothing that is there was left out.
    pub(super) whole: Vec<bool>,
    /// By image: where it lies in the patient and of which series it is, where both are known.
    pub(super) slices: Vec<Option<(Slice, &'a str)>>,
    /// Readers of the images: set and name.
    pub(super) readers: Vec<(u32, &'a str)>,
    /// By annotation of [`Looked::drawn`]: the labels that its category maps to.
    pub(super) targets: Vec<&'a [(u32, Relation)]>,
}

/// The labels of categories, with what follows from the scheme's hierarchy: where values travel upwards, what is drawn
/// of a label is drawn of those above it; what may be, or is not there, of a label holds for those beneath it.
pub fn expand(targets: &mut Targets, bound: &BoundScheme) {
    let hierarchy = bound.scheme.hierarchy;
    for list in targets.iter_mut() {
        let direct = list.clone();
        let mut add = |label: u32, relation: Relation| {
            if !list.iter().any(|t| t.0 == label) {
                list.push((label, relation));
            }
        };
        for &(label, relation) in &direct {
            if hierarchy.up && relation.carry(Status::Present).is_some() {
                let mut above = bound.scheme.labels[label as usize].parents.clone();
                // Bound schemes have no cycles; a label is met again where two paths lead to it.
                while let Some(parent) = above.pop() {
                    add(parent, Relation::Broader);
                    above.extend(&bound.scheme.labels[parent as usize].parents);
                }
            }
            if (hierarchy.up || hierarchy.down) && relation.carry(Status::Absent).is_some() {
                for below in bound.beneath(label) {
                    add(below, Relation::Narrower);
                }
            }
        }
        list.sort_unstable();
    }
}

/// What is drawn on these images. `apart`: they are not all of the study's, so that what is not drawn on them may be
/// drawn on others.
pub fn look<'a>(sets: &'a [Mapped], images: &[&'a StudyImage], bound: &BoundScheme, apart: bool) -> Looked<'a> {
    let mut out = Looked {
        labels: vec![OfLabel::default(); bound.scheme.labels.len()],
        whole: sets.iter().map(|s| s.set.coverage == Coverage::Whole && !apart).collect(),
        slices: images.iter().map(|i| Slice::of(&i.row).zip(i.row.series_uid.as_deref())).collect(),
        ..Looked::default()
    };
    let mut read_sets = vec![false; sets.len()];
    let mut torn = vec![false; sets.len()];
    for (number, image) in images.iter().enumerate() {
        for &(set, at) in &image.parts {
            let mapped = &sets[set as usize];
            read_sets[set as usize] |= mapped.set.coverage == Coverage::Whole;
            // What could not be read may have been any finding: nothing is known to be missing then.
            torn[set as usize] |= mapped.set.images[at as usize].row.problems.iter().any(|p| p == LEFT_OUT);
            for &index in &mapped.by_image[at as usize] {
                let annotation = &mapped.set.annotations[index as usize];
                if let Some(reader) = &annotation.reader
                    && !out.readers.contains(&(set, reader))
                {
                    out.readers.push((set, reader));
                }
                let targets = mapped.targets.get(annotation.category as usize).map_or(&[][..], Vec::as_slice);
                if annotation.stance == Stance::Absent {
                    for (label, _) in targets.iter().filter(|t| t.1.carry(Status::Absent).is_some()) {
                        out.labels[*label as usize].read = true;
                    }
                    continue;
                }
                let place = out.drawn.len() as u32;
                for &(label, relation) in targets {
                    let of = &mut out.labels[label as usize];
                    match (annotation.stance, relation.carry(Status::Present).is_some()) {
                        (Stance::Present, true) => of.present.push(place),
                        (Stance::Present, false) => of.perhaps.push(place),
                        (_, true) => of.uncertain.push(place),
                        (_, false) => {}
                    }
                }
                out.targets.push(targets);
                out.drawn.push(Drawn {
                    at: (set, index),
                    image: number as u32,
                    annotation,
                    side: side(annotation, &image.row),
                    size: size(annotation, &image.row),
                    attenuation: attenuation(annotation),
                });
            }
        }
    }
    for (set, &is_torn) in torn.iter().enumerate() {
        out.whole[set] &= !is_torn;
        read_sets[set] &= !is_torn;
    }
    for (mapped, _) in sets.iter().zip(&read_sets).filter(|s| *s.1) {
        for (label, _) in mapped.targets.iter().flatten().filter(|t| t.1.carry(Status::Absent).is_some()) {
            out.labels[*label as usize].read = true;
        }
    }
    out
}

/// What the source tells outranks what the place tells.
fn side(annotation: &Annotation, row: &StudyRow) -> Option<(Side, SideBasis)> {
    match annotation.side {
        Some(side) => Some((side, SideBasis::Told)),
        None => annotation::side(&annotation.shape, row),
    }
}

/// What the source measured in Hounsfield units, as UCUM and people write them.
fn attenuation(annotation: &Annotation) -> Vec<f64> {
    let measured = annotation.measures.iter().filter(|m| matches!(m.unit.as_str(), "[hnsf'U]" | "HU"));
    measured.map(|m| m.value).filter(|v| v.is_finite()).collect()
}

fn size(annotation: &Annotation, row: &StudyRow) -> Option<(f64, SizeKind)> {
    let factor = |unit: &str| match unit {
        "mm" => Some(1.0),
        "cm" => Some(10.0),
        _ => None,
    };
    let lengths = annotation.measures.iter().filter_map(|m| Some(m.value * factor(&m.unit)?));
    let largest =
        lengths.filter(|v| v.is_finite() && *v > 0.0).fold(None, |m: Option<f64>, v| Some(m.map_or(v, |m| m.max(v))));
    if let Some(measured) = largest {
        return Some((measured, SizeKind::Measured));
    }
    let kind = match annotation.shape {
        Shape::Whole | Shape::Points(_) => return None,
        Shape::Box(_) => SizeKind::Box,
        _ => SizeKind::Outline,
    };
    let spacing = match (row.row_spacing_mm, row.column_spacing_mm) {
        (Some(rows), Some(columns)) => Some((rows, columns)),
        // Volumes are in mm by themselves.
        _ if matches!(annotation.shape, Shape::Volume(_)) => Some((1.0, 1.0)),
        _ => None,
    };
    let (rows, columns) = spacing?;
    geometry::longest_mm(&annotation.shape, rows, columns).map(|v| (v, kind))
}
