//! Files of annotations -> annotation sets: COCO, CSV box tables, YOLO, Pascal VOC, LabelMe; DICOM SEG, RTSTRUCT, SR
//! and presentation states; NIfTI masks. Each reader is a function of bytes or of a path; nothing here pairs.
//!
//! No message holds patients' data: files, rows, ids of annotations and sizes only.

pub(crate) mod coco;
mod fit;
mod gather;

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

#[cfg(test)]
pub(crate) mod tests {
    /// Cuts the bytes everywhere and changes them in many places; a reader must not panic on any.
    pub(crate) fn mutations(bytes: &[u8], read: impl Fn(&[u8])) {
        for end in 0..bytes.len() {
            read(&bytes[..end]);
        }
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let mut next = move || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state
        };
        for _ in 0..4000 {
            let mut changed = bytes.to_vec();
            for _ in 0..1 + next() % 3 {
                let at = (next() % changed.len() as u64) as usize;
                match next() % 4 {
                    0 => changed[at] = next() as u8,
                    1 => changed[at] = b"0123456789-.,\"[]{}:e<>/\n"[(next() % 24) as usize],
                    2 => drop(changed.remove(at)),
                    _ => changed.insert(at, changed[(next() % changed.len() as u64) as usize]),
                }
                if changed.is_empty() {
                    break;
                }
            }
            read(&changed);
        }
    }
}
