//! Files of annotations -> annotation sets: COCO, CSV box tables, YOLO, Pascal VOC, LabelMe; DICOM SEG, RTSTRUCT, SR
//! and presentation states; NIfTI masks. Each reader is a function of bytes or of a path; nothing here pairs.
//!
//! No message holds patients' data: files, rows, ids of annotations and sizes only.

pub(crate) mod labelmap;
pub(crate) mod nifti;
pub(crate) mod objects;
pub(crate) mod volume;

use crate::Error;
use crate::annotation::AnnotationSet;
use crate::input::Told;
use std::path::Path;

/// What a source of annotations looks like inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// COCO JSON: boxes, polygons, RLE masks, keypoints
    Coco,
    /// DICOM segmentations (SEG)
    DicomSeg,
    /// DICOM RT structure sets
    Rtstruct,
    /// DICOM structured reports with measurements (TID 1500, CAD)
    DicomSr,
    /// DICOM presentation states with drawn annotations
    Gsps,
    /// NIfTI label maps
    Nifti,
}

/// Reads a file or folder of annotations; the format is recognised where it is not given.
///
/// # Errors
/// What cannot be read at all; an annotation that is wrong is told and left out.
pub(crate) fn read(path: &Path, format: Option<Format>, tell: &mut dyn FnMut(Told)) -> Result<AnnotationSet, Error> {
    match format {
        Some(Format::DicomSeg | Format::Rtstruct | Format::DicomSr | Format::Gsps | Format::Nifti) | None => {
            objects::read(path, tell)
        }
        Some(Format::Coco) => Err(Error::input(path.display().to_string(), "not read yet")),
    }
}
