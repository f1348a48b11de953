//! A DICOM object -> the annotations in it, by its SOP class: segmentations, RT structure sets, structured reports,
//! presentation states. What their readers share stands here: facts of the study, codes of sides, outlines.

use super::charset::Charset;
use super::node::{Code, Node};
use super::parse::open;
use super::{gsps, measurements, rtstruct, seg};
use crate::annotation::{AnnotatedImage, AnnotationSet, Coverage, ImageKey, LEFT_OUT};
use crate::annotations::Format;
use crate::annotations::objects::{Gathered, Refusal};
use crate::input::Told;
use crate::lexicon::Side;
use crate::study::StudyRow;
use dicom_core::Tag;
use dicom_dictionary_std::{tags, uids};
use std::collections::BTreeSet;

/// Corners of an outline that stands for a circle or an ellipse.
const CORNERS: usize = 64;
/// Points of an open line that are compared each with each.
const MOST_PAIRS: usize = 2_000;

/// An object that is being read: where it was read from, its numbers' byte order, and what it gave so far.
pub(super) struct Object<'a> {
    pub(super) root: Node<'a>,
    pub(super) big: bool,
    pub(super) transfer: Option<&'a str>,
    /// Its file, for messages and ids.
    pub(super) source: &'a str,
    pub(super) set: Gathered,
    pub(super) tell: &'a mut dyn FnMut(Told),
    /// Something of it could not be read.
    pub(super) left_out: bool,
}

/// Whether the start of a file tells that it holds no annotations.
pub(crate) fn passed_over(head: &[u8]) -> bool {
    open(head, expect).is_err_and(|message| message == OTHER)
}

/// Reads the annotations of an object, of a format alone where one is wanted. `seen`: the SOP Instance UIDs of the
/// objects that were read before; a copy is none of its own.
///
/// # Errors
/// No DICOM, of another class, or damaged: told by class, tag and byte, never by text.
pub(crate) fn read(
    bytes: &[u8],
    source: &str,
    wanted: Option<Format>,
    seen: &mut BTreeSet<String>,
    tell: &mut dyn FnMut(Told),
) -> Result<AnnotationSet, Refusal> {
    let refusal = |message: String| if message == OTHER { Refusal::Other } else { Refusal::Bad(message) };
    let opened = open(bytes, expect).map_err(refusal)?;
    let data_set = opened.data_set(expect).map_err(refusal)?;
    let root = Charset::of("").and_then(|charset| Node::new(&data_set, charset)).map_err(Refusal::Bad)?;
    let format = format(&root.plain(tags::SOP_CLASS_UID).unwrap_or_default());
    if wanted.is_some() && format != wanted {
        return Err(Refusal::Other);
    }
    if root.plain(tags::SOP_INSTANCE_UID).is_some_and(|uid| !seen.insert(uid)) {
        return Err(Refusal::Copy);
    }
    let set = Gathered::new(source, Coverage::Found);
    let (big, transfer) = (opened.big(), opened.transfer());
    let mut object = Object { root, big, transfer, source, set, tell, left_out: false };
    match format {
        Some(Format::DicomSeg) => seg::read(&mut object),
        Some(Format::Rtstruct) => rtstruct::read(&mut object),
        Some(Format::DicomSr) => measurements::read(&mut object),
        Some(Format::Gsps) => gsps::read(&mut object),
        _ => return Err(Refusal::Other),
    }
    .map_err(Refusal::Bad)?;
    let mut set = object.set.finish();
    if object.left_out {
        set.images.iter_mut().for_each(|image| image.row.problems.push(LEFT_OUT.to_owned()));
    }
    Ok(set)
}

/// What a SOP class holds.
fn format(class: &str) -> Option<Format> {
    match class {
        uids::SEGMENTATION_STORAGE | seg::LABEL_MAP => Some(Format::DicomSeg),
        uids::RT_STRUCTURE_SET_STORAGE => Some(Format::Rtstruct),
        uids::KEY_OBJECT_SELECTION_DOCUMENT_STORAGE => None,
        _ if class.starts_with("1.2.840.10008.5.1.4.1.1.88.") => Some(Format::DicomSr),
        uids::GRAYSCALE_SOFTCOPY_PRESENTATION_STATE_STORAGE
        | uids::COLOR_SOFTCOPY_PRESENTATION_STATE_STORAGE
        | uids::PSEUDO_COLOR_SOFTCOPY_PRESENTATION_STATE_STORAGE => Some(Format::Gsps),
        _ => None,
    }
}

/// The mark of the one refusal that is no fault.
const OTHER: &str = "no annotations";

fn expect(class: &str) -> Result<(), String> {
    format(class).map(|_| ()).ok_or_else(|| OTHER.to_owned())
}

impl Object<'_> {
    /// Tells of something that is wrong and left out.
    pub(super) fn problem(&mut self, message: impl Into<String>) {
        self.left_out = true;
        (self.tell)(Told::problem(self.source, message));
    }

    /// Tells of something doubtful.
    pub(super) fn warning(&mut self, message: impl Into<String>) {
        (self.tell)(Told::warning(self.source, message));
    }

    /// An image of the same study as this object, with what the object tells of the study.
    pub(super) fn image(&self, key: ImageKey, size: Option<[u32; 2]>) -> AnnotatedImage {
        let some = |uid: &str| Some(uid.to_owned()).filter(|u| !u.is_empty());
        let row = StudyRow {
            study_uid: some(&key.study_uid),
            series_uid: some(&key.series_uid),
            sop_uid: some(&key.sop_uid),
            accession: self.root.text(tags::ACCESSION_NUMBER),
            patient_id: self.root.text(tags::PATIENT_ID),
            date: self.root.plain(tags::STUDY_DATE),
            rows: size.map(|s| s[1]),
            columns: size.map(|s| s[0]),
            ..StudyRow::default()
        };
        AnnotatedImage { key, size, row }
    }

    /// The study that the object is of.
    pub(super) fn study(&self) -> String {
        self.root.plain(tags::STUDY_INSTANCE_UID).unwrap_or_default()
    }
}

/// The side that a code of laterality tells.
pub(super) fn side(code: &Code) -> Option<Side> {
    match (code.scheme.as_str(), code.value.as_str()) {
        ("SCT", "7771000") | ("SRT" | "SNM3", "G-A101") => Some(Side::Left),
        ("SCT", "24028007") | ("SRT" | "SNM3", "G-A100") => Some(Side::Right),
        ("SCT", "51440002") | ("SRT" | "SNM3", "G-A102") => Some(Side::Bilateral),
        _ => None,
    }
}

/// The side among the modifiers of a code, which stand within its item.
pub(super) fn modified(item: &Node<'_>, code: Tag, modifier: Tag) -> Result<Option<Side>, String> {
    for coded in item.items(code)? {
        for code in coded.items(modifier)? {
            if let Some(side) = coded_item(&code).as_ref().and_then(side) {
                return Ok(Some(side));
            }
        }
    }
    Ok(None)
}

/// The code that an item of a code sequence holds.
fn coded_item(item: &Node<'_>) -> Option<Code> {
    let scheme = item.text(tags::CODING_SCHEME_DESIGNATOR)?.trim().to_owned();
    let value = item.text(tags::CODE_VALUE).or_else(|| item.text(tags::LONG_CODE_VALUE))?.trim().to_owned();
    Some(Code { value, scheme, meaning: item.text(tags::CODE_MEANING).unwrap_or_default() })
}

/// The outline of a circle: its centre and a point on it.
pub(super) fn circle(points: &[[f64; 2]]) -> Option<Vec<[f64; 2]>> {
    let &[centre, on] = points else { return None };
    let radius = (on[0] - centre[0]).hypot(on[1] - centre[1]);
    Some(around(centre, [radius, 0.0], [0.0, radius]))
}

/// The outline of an ellipse: the ends of its long and of its short axis.
pub(super) fn ellipse(points: &[[f64; 2]]) -> Option<Vec<[f64; 2]>> {
    let &[a, b, c, d] = points else { return None };
    let half = |from: [f64; 2], to: [f64; 2]| [(to[0] - from[0]) / 2.0, (to[1] - from[1]) / 2.0];
    Some(around([(a[0] + b[0]) / 2.0, (a[1] + b[1]) / 2.0], half(a, b), half(c, d)))
}

fn around(centre: [f64; 2], long: [f64; 2], short: [f64; 2]) -> Vec<[f64; 2]> {
    let at = |i: usize| {
        let (sin, cos) = (i as f64 / CORNERS as f64 * std::f64::consts::TAU).sin_cos();
        [centre[0] + cos * long[0] + sin * short[0], centre[1] + cos * long[1] + sin * short[1]]
    };
    (0..CORNERS).map(at).collect()
}

/// The length of a line along its points.
pub(super) fn along(line: &[[f64; 2]]) -> f64 {
    line.windows(2).map(|w| (w[1][0] - w[0][0]).hypot(w[1][1] - w[0][1])).sum()
}

/// The greatest distance between points of space; of more than 2,000 every so manieth is measured.
pub(super) fn spread(points: &[[f64; 3]]) -> f64 {
    use crate::annotations::volume::{length, minus};
    let some: Vec<&[f64; 3]> = points.iter().step_by(points.len().div_ceil(MOST_PAIRS).max(1)).collect();
    let pairs = some.iter().enumerate().flat_map(|(i, a)| some[i + 1..].iter().map(move |b| minus(**a, **b)));
    pairs.map(length).fold(0.0, f64::max)
}

#[cfg(test)]
#[path = "annotation_tests.rs"]
mod tests;
