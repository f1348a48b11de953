//! What was drawn or said of an image by people or models: class labels, boxes, masks, volumes, points, measures.
//!
//! The types that every reader fills and that pairing reads. Lengths in pixels are of the image as stored, x to the
//! right, y downwards, from the corner of the first pixel; lengths in mm are patient coordinates (LPS: x grows to the
//! patient's left, y to the back, z to the head).

pub mod geometry;
pub mod rle;
mod side;
pub mod slice;

pub use side::{side, side_of_word};

use crate::lexicon::Side;

/// How an annotation names the image, series or study that it is of. What a source does not tell is blank.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct ImageKey {
    /// File name or image id, as the source gives it.
    pub name: String,
    /// SOP Instance UID.
    pub sop_uid: String,
    /// Series Instance UID.
    pub series_uid: String,
    /// Study Instance UID.
    pub study_uid: String,
    /// Frame of a multi-frame image, from 1.
    pub frame: Option<u32>,
}

/// What the annotator says of the category.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Stance {
    /// It is there.
    #[default]
    Present,
    /// Looked for and not there.
    Absent,
    /// Doubtful.
    Uncertain,
}

/// A keypoint.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    /// Its name (`L1`), where the source names it.
    pub name: String,
    /// x and y in pixels.
    pub at: [f64; 2],
    /// Visible (COCO: 2); labelled but hidden: false.
    pub visible: bool,
}

/// The form of an annotation.
#[derive(Clone, Debug, PartialEq)]
pub enum Shape {
    /// Of the whole image or study: a class label.
    Whole,
    /// A box: x, y, width, height in pixels.
    Box([f64; 4]),
    /// Outlines in pixels, closed.
    Polygon(Vec<Vec<[f64; 2]>>),
    /// A mask of one image, as runs in column order that begin with background (COCO's uncompressed RLE).
    Mask {
        /// Height and width.
        size: [u32; 2],
        /// Lengths of the runs.
        runs: Vec<u32>,
    },
    /// Keypoints.
    Points(Vec<Point>),
    /// A line in pixels: a measured diameter, an arrow.
    Line(Vec<[f64; 2]>),
    /// A volume, or outlines in patient coordinates: kept as its measures.
    Volume(Extent3),
}

/// The measures of a volume, in patient coordinates (mm).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Extent3 {
    /// Lowest corner.
    pub low: [f64; 3],
    /// Highest corner.
    pub high: [f64; 3],
    /// Centre of mass.
    pub centre: [f64; 3],
    /// Volume in mm³; 0 where only outlines of one plane are known.
    pub volume: f64,
    /// Longest diameter of one connected piece within one slice, in mm.
    pub longest: f64,
    /// Connected pieces: how many there are.
    pub components: u32,
    /// Of the pieces that are no specks, in x: the lowest upper end and the highest lower end. With the one below a
    /// place and the other above it, pieces lie on both sides of the place.
    pub apart: [f64; 2],
    /// Where x of the middle of the imaged body lies, in mm: the middle of the image or volume that was drawn on.
    pub middle: Option<f64>,
    /// Coordinates are those of the patient; else only of the file (an identity affine), and tell no side.
    pub oriented: bool,
}

/// A measure that the source itself tells.
#[derive(Clone, Debug, PartialEq)]
pub struct Measure {
    /// What is measured, as the source names it (`Diameter`).
    pub name: String,
    /// Its value.
    pub value: f64,
    /// Its unit in UCUM (`mm`, `[hnsf'U]`).
    pub unit: String,
}

/// One annotation.
#[derive(Clone, Debug, PartialEq)]
pub struct Annotation {
    /// Its id in the source; where it has none, file and row (`boxes.csv:17`).
    pub id: String,
    /// Its image: index into [`AnnotationSet::images`].
    pub image: u32,
    /// Its category: index into [`AnnotationSet::categories`].
    pub category: u32,
    /// Present, absent, uncertain.
    pub stance: Stance,
    /// Who drew it, where told.
    pub reader: Option<String>,
    /// How sure the source is, 0 to 1.
    pub score: Option<f64>,
    /// Its side, where the source tells it in words or codes.
    pub side: Option<Side>,
    /// Its form.
    pub shape: Shape,
    /// What the source measured of it.
    pub measures: Vec<Measure>,
}

impl Annotation {
    /// One of which its source tells no more: present, by nobody.
    pub fn present(id: String, image: u32, category: u32, shape: Shape) -> Annotation {
        Annotation {
            id,
            image,
            category,
            stance: Stance::Present,
            reader: None,
            score: None,
            side: None,
            shape,
            measures: Vec::new(),
        }
    }
}

/// An image that was annotated, or read and left without annotation.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AnnotatedImage {
    /// How it is named.
    pub key: ImageKey,
    /// Width and height in pixels, where the source tells them.
    pub size: Option<[u32; 2]>,
    /// Facts of the image that the source tells itself (spacing, orientation, side), as in the study table.
    pub row: crate::study::StudyRow,
}

/// Among the problems of an image ([`crate::study::StudyRow::problems`]): an annotation of it could not be read. Nothing
/// follows then from what is not drawn on it, whatever the [`Coverage`].
pub const LEFT_OUT: &str = "annotation-left-out";

/// What it means that an image has no annotation of a category.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coverage {
    /// Every category was looked for in every image that the source lists.
    Whole,
    /// Nothing: only what was found is told.
    Found,
}

/// All that one source tells.
#[derive(Clone, Debug, PartialEq)]
pub struct AnnotationSet {
    /// Where it was read from, for messages.
    pub source: String,
    /// Images, those without annotation among them.
    pub images: Vec<AnnotatedImage>,
    /// Categories, as the source names them.
    pub categories: Vec<String>,
    /// Annotations, in order.
    pub annotations: Vec<Annotation>,
    /// What it means that nothing is drawn.
    pub coverage: Coverage,
}
