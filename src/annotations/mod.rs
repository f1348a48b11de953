//! Files of annotations -> annotation sets: COCO, CSV box tables, YOLO, Pascal VOC, LabelMe; DICOM SEG, RTSTRUCT, SR
//! and presentation states; NIfTI masks. Each reader is a function of bytes or of a path; nothing here pairs.
//!
//! No message holds patients' data: files, rows, ids of annotations and sizes only.

use crate::Error;
use crate::annotation::AnnotationSet;
use crate::input::Told;
use std::path::Path;

/// What a source of annotations looks like inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// COCO JSON: boxes, polygons, RLE masks, keypoints
    Coco,
}

/// Reads a file or folder of annotations; the format is recognised where it is not given.
///
/// # Errors
/// What cannot be read at all; an annotation that is wrong is told and left out.
pub(crate) fn read(path: &Path, format: Option<Format>, tell: &mut dyn FnMut(Told)) -> Result<AnnotationSet, Error> {
    let _ = (format, tell);
    Err(Error::input(path.display().to_string(), "not read yet"))
}
