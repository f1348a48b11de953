//! Medical files that hold annotations: DICOM objects and NIfTI masks, one file or a folder of them -> one set.
//!
//! Which a file is, its bytes tell. In a folder other files are passed over and counted.

use super::{Format, folder, nifti};
use crate::Error;
use crate::annotation::{AnnotatedImage, Annotation, AnnotationSet, Coverage, ImageKey};
#[cfg(feature = "dicom")]
use crate::dicom::annotation::{passed_over, read as object};
use crate::input::Told;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// The largest DICOM object that is read.
const MOST_BYTES: u64 = 4 << 30;
/// So much of a DICOM file holds its meta information, which tells its class.
const HEAD: u64 = 1 << 12;

/// A set that is being put together; images and categories are known by their keys.
pub(crate) struct Gathered {
    set: AnnotationSet,
    images: BTreeMap<ImageKey, u32>,
    categories: BTreeMap<String, u32>,
}

impl Gathered {
    /// An empty set of a source.
    pub(crate) fn new(source: &str, coverage: Coverage) -> Gathered {
        let (images, categories, annotations) = (Vec::new(), Vec::new(), Vec::new());
        let set = AnnotationSet { source: source.to_owned(), images, categories, annotations, coverage };
        Gathered { set, images: BTreeMap::new(), categories: BTreeMap::new() }
    }

    /// The index of an image, which is added where it is new.
    pub(crate) fn image(&mut self, image: AnnotatedImage) -> u32 {
        let next = self.set.images.len() as u32;
        let index = *self.images.entry(image.key.clone()).or_insert(next);
        match self.set.images.get_mut(index as usize) {
            None => self.set.images.push(image),
            // What could not be read of it is missing, whichever object it was left out of.
            Some(known) => known.row.fill(&image.row),
        }
        index
    }

    /// The index of a category, which is added where it is new.
    pub(crate) fn category(&mut self, name: &str) -> u32 {
        if let Some(index) = self.categories.get(name) {
            return *index;
        }
        let next = self.set.categories.len() as u32;
        self.categories.insert(name.to_owned(), next);
        self.set.categories.push(name.to_owned());
        next
    }

    /// Adds an annotation, whose image and category are known.
    pub(crate) fn push(&mut self, annotation: Annotation) {
        self.set.annotations.push(annotation);
    }

    /// Adds all of another set; what was looked for is only what both looked for.
    fn merge(&mut self, other: AnnotationSet) {
        let images: Vec<u32> = other.images.into_iter().map(|i| self.image(i)).collect();
        let categories: Vec<u32> = other.categories.iter().map(|c| self.category(c)).collect();
        for mut annotation in other.annotations {
            annotation.image = images[annotation.image as usize];
            annotation.category = categories[annotation.category as usize];
            self.push(annotation);
        }
        if other.coverage == Coverage::Found {
            self.set.coverage = Coverage::Found;
        }
    }

    /// The set.
    pub(crate) fn finish(self) -> AnnotationSet {
        self.set
    }
}

/// What a medical file is, told by its first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Medical {
    Dicom,
    Nifti,
}

/// Whether the file is DICOM or NIfTI; of a packed file the name decides.
pub(crate) fn recognised(path: &Path) -> Option<Medical> {
    let mut head = Vec::new();
    File::open(path).ok()?.take(352).read_to_end(&mut head).ok()?;
    let name = path.file_name()?.to_string_lossy().to_lowercase();
    // Without a preamble a data set opens with a small element of the group 0002 or 0008.
    let bare = matches!(head[..], [2 | 8, 0, _, 0, a, b, c, d, ..]
        if a.is_ascii_uppercase() && b.is_ascii_uppercase() || b == 0 && c == 0 && d == 0);
    if head.get(128..132) == Some(b"DICM") || bare {
        return Some(Medical::Dicom);
    }
    let packed = head.starts_with(&[0x1f, 0x8b]) && name.ends_with(".nii.gz");
    let named = [".nii", ".hdr"].iter().any(|ending| name.ends_with(ending));
    (packed || named || nifti::is_nifti(&head)).then_some(Medical::Nifti)
}

/// Whether a file is DICOM or NIfTI, or a folder holds one.
///
/// # Errors
/// A folder that cannot be listed.
pub(crate) fn holds(path: &Path) -> Result<bool, Error> {
    if !path.is_dir() {
        return Ok(recognised(path).is_some());
    }
    Ok(folder::files(path)?.iter().any(|file| recognised(&path.join(file)).is_some()))
}

/// Reads one file, or all of a folder in the order of their names; of a format alone, where one is wanted.
///
/// # Errors
/// A file that is no annotation or cannot be read; in a folder such a file is told, and only a folder without any
/// annotation is an error.
pub(crate) fn read(path: &Path, wanted: Option<Format>, tell: &mut dyn FnMut(Told)) -> Result<AnnotationSet, Error> {
    let place = path.display().to_string();
    if !path.is_dir() {
        let name = path.file_name().map_or_else(String::new, |n| n.to_string_lossy().into_owned());
        return match recognised(path) {
            Some(kind) => one(path, kind, wanted, &name, &mut BTreeSet::new(), tell)
                .map_err(|fault| Error::input(place, fault.message(wanted))),
            None => Err(Error::input(place, "neither DICOM nor NIfTI")),
        };
    }
    let mut all = Gathered::new(&place, Coverage::Whole);
    let (mut read, mut others, mut objects) = (0, 0, 0);
    let mut seen = BTreeSet::new();
    for below in folder::files(path)? {
        let file = path.join(&below);
        let Some(kind) = recognised(&file) else {
            others += 1;
            continue;
        };
        match one(&file, kind, wanted, &below.to_string_lossy(), &mut seen, tell) {
            Ok(set) => {
                read += 1;
                all.merge(set);
            }
            Err(Refusal::Other) => objects += 1,
            Err(refusal @ Refusal::Copy) => {
                tell(Told::warning(file.display().to_string(), refusal.message(wanted)));
            }
            Err(Refusal::Bad(message)) => tell(Told::problem(file.display().to_string(), message)),
        }
    }
    if objects + others > 0 {
        let message = format!("{objects} medical files without annotations and {others} other files passed over");
        tell(Told::guess(&place, message));
    }
    if read == 0 {
        return Err(Error::input(place, "no DICOM object and no NIfTI file with annotations that can be read"));
    }
    Ok(all.finish())
}

/// Why a file gives no annotations.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// It is a sound DICOM object of another kind.
    Other,
    /// An object of its SOP Instance UID was read already.
    #[cfg_attr(not(feature = "dicom"), allow(dead_code))] // Only DICOM objects have UIDs.
    Copy,
    /// It is at fault, or not read.
    Bad(String),
}

impl Refusal {
    fn message(self, wanted: Option<Format>) -> String {
        match (self, wanted) {
            (Refusal::Bad(message), _) => message,
            (Refusal::Copy, _) => {
                "a copy: an object of the same SOP Instance UID was read already; left out".to_owned()
            }
            (Refusal::Other, Some(_)) => "not of the format that is asked for".to_owned(),
            (Refusal::Other, None) => "a DICOM object that holds no annotations; expected a segmentation, an RT \
                                       structure set, a structured report or a presentation state"
                .to_owned(),
        }
    }
}

fn one(
    path: &Path,
    kind: Medical,
    wanted: Option<Format>,
    source: &str,
    seen: &mut BTreeSet<String>,
    tell: &mut dyn FnMut(Told),
) -> Result<AnnotationSet, Refusal> {
    let fault = |e: std::io::Error| Refusal::Bad(format!("cannot be read: {e}"));
    match kind {
        Medical::Nifti if wanted.is_some_and(|w| w != Format::Nifti) => Err(Refusal::Other),
        Medical::Nifti => nifti::read(path, source, tell).map_err(Refusal::Bad),
        Medical::Dicom => {
            let mut file = File::open(path).map_err(fault)?;
            let mut bytes = Vec::new();
            file.by_ref().take(HEAD).read_to_end(&mut bytes).map_err(fault)?;
            // Images are many and large.
            if passed_over(&bytes) {
                return Err(Refusal::Other);
            }
            file.take(MOST_BYTES).read_to_end(&mut bytes).map_err(fault)?;
            if bytes.len() as u64 > MOST_BYTES {
                return Err(Refusal::Bad(format!("a DICOM file of over {} GiB", MOST_BYTES >> 30)));
            }
            object(&bytes, source, wanted, seen, tell)
        }
    }
}

#[cfg(not(feature = "dicom"))]
const fn passed_over(_: &[u8]) -> bool {
    false
}

#[cfg(not(feature = "dicom"))]
fn object(
    _: &[u8],
    _: &str,
    _: Option<Format>,
    _: &mut BTreeSet<String>,
    _: &mut dyn FnMut(Told),
) -> Result<AnnotationSet, Refusal> {
    Err(Refusal::Bad("DICOM is not built in; build with `--features dicom`".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::annotation::Shape;
    use serde_json::{Value, json};

    /// What was read, for other programs.
    fn told(set: &AnnotationSet) -> Value {
        let shape = |shape: &Shape| match shape {
            Shape::Whole => json!({"whole": true}),
            Shape::Box(b) => json!({ "box": b }),
            Shape::Polygon(outlines) => json!({ "polygon": outlines }),
            Shape::Mask { size, runs } => json!({"mask": runs, "size": size}),
            Shape::Points(points) => json!({"points": points.iter().map(|p| p.at).collect::<Vec<_>>()}),
            Shape::Line(line) => json!({ "line": line }),
            Shape::Volume(e) => json!({"low": e.low, "high": e.high, "centre": e.centre, "volume": e.volume,
                "longest": e.longest, "components": e.components, "middle": e.middle, "oriented": e.oriented}),
        };
        let annotations = set.annotations.iter().map(|a| {
            let key = &set.images[a.image as usize].key;
            json!({"id": a.id, "category": set.categories[a.category as usize], "stance": format!("{:?}", a.stance),
                "reader": a.reader, "score": a.score, "side": a.side.map(crate::lexicon::Side::name),
                "shape": shape(&a.shape), "name": key.name, "sop": key.sop_uid, "series": key.series_uid,
                "study": key.study_uid, "frame": key.frame,
                "measures": a.measures.iter().map(|m| json!([m.name, m.value, m.unit])).collect::<Vec<_>>()})
        });
        json!({"categories": set.categories, "coverage": format!("{:?}", set.coverage),
            "annotations": annotations.collect::<Vec<_>>()})
    }

    /// `RADLABEL_ANNOTATIONS=folder cargo test --features dicom real_annotations -- --ignored --nocapture`: a line of
    /// JSON for each file, as `tests/measure/annotation_objects.py` compares it; then it is read with bytes damaged, as
    /// often as `RADLABEL_DAMAGED` says.
    #[test]
    #[ignore = "needs files that are not in the repository"]
    fn real_annotations() {
        let folder = std::env::var("RADLABEL_ANNOTATIONS").expect("RADLABEL_ANNOTATIONS");
        let times: Option<usize> = std::env::var("RADLABEL_DAMAGED").ok().and_then(|n| n.parse().ok());
        let scratch = tempfile::tempdir().expect("folder");
        for below in folder::files(Path::new(&folder)).expect("folder") {
            let path = Path::new(&folder).join(below);
            let mut messages = Vec::new();
            let file = path.display().to_string();
            let line = match read(&path, None, &mut |t| messages.push(t.message)) {
                Ok(set) => json!({"file": file, "set": told(&set), "told": messages}),
                Err(error) => json!({"file": file, "error": error.to_string(), "told": messages}),
            };
            println!("ANNOTATIONS {line}");
            let Some(kind) = recognised(&path) else { continue };
            let bytes = std::fs::read(&path).expect("readable");
            let mut random = 7_u64;
            let most = 200_000_000 / bytes.len().max(1 << 20);
            for _ in 0..times.unwrap_or(most) {
                let mut bytes = bytes.clone();
                for _ in 0..3 {
                    random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    // What matters stands in the header mostly.
                    let most = if random & 1 == 0 { bytes.len() } else { bytes.len().min(20_000) };
                    bytes[(random >> 33) as usize % most] = (random >> 25) as u8;
                }
                bytes.truncate(if random & 6 == 0 { (random >> 20) as usize % bytes.len() } else { bytes.len() });
                let damaged = scratch.path().join(path.file_name().expect("name"));
                std::fs::write(&damaged, &bytes).expect("written");
                let _ = one(&damaged, kind, None, "damaged", &mut BTreeSet::new(), &mut |_| {});
            }
        }
    }
}
