//! Files of annotations -> annotation sets: COCO, CSV box tables, YOLO, Pascal VOC, LabelMe; DICOM SEG, RTSTRUCT, SR
//! and presentation states; NIfTI masks. Each reader is a function of bytes or of a path; nothing here pairs.
//!
//! No message holds patients' data: files, rows, ids of annotations and sizes only.

pub(crate) mod boxes;
pub(crate) mod categories;
pub(crate) mod coco;
mod fit;
mod folder;
mod gather;
mod image_size;
pub(crate) mod labelmap;
pub(crate) mod labelme;
pub(crate) mod nifti;
pub(crate) mod objects;
mod tables;
pub(crate) mod voc;
pub(crate) mod volume;
pub(crate) mod yolo;

use crate::Error;
use crate::annotation::{AnnotationSet, Coverage};
use crate::input::Told;
use gather::Gather;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// What a source of annotations looks like inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// COCO JSON: boxes, polygons, RLE masks, keypoints
    Coco,
    /// Tables of boxes or labels: NIH, RSNA, VinBigData, SIIM-ACR, CheXpert, and others by their headers
    Boxes,
    /// A folder of YOLO labels with data.yaml or classes.txt, and its images
    Yolo,
    /// Pascal VOC XML, a file or a folder
    Voc,
    /// LabelMe JSON, a file or a folder
    Labelme,
    /// DICOM segmentations (SEG), a file or a folder
    DicomSeg,
    /// DICOM RT structure sets, a file or a folder
    Rtstruct,
    /// DICOM structured reports with measurements (TID 1500, CAD), a file or a folder
    DicomSr,
    /// DICOM presentation states with drawn annotations, a file or a folder
    Gsps,
    /// NIfTI label maps, a file or a folder
    Nifti,
}

/// A larger file is no list of annotations that a person or a team drew.
const MAX_BYTES: u64 = 4 << 30;
/// So much of a file tells its format.
const HEAD: usize = 1 << 16;

/// Reads a file or folder of annotations; the format is recognised where it is not given.
///
/// # Errors
/// What cannot be read at all; an annotation that is wrong is told and left out.
pub(crate) fn read(path: &Path, format: Option<Format>, tell: &mut dyn FnMut(Told)) -> Result<AnnotationSet, Error> {
    let source = path.display().to_string();
    let format = match format {
        Some(format) => format,
        None => match recognise(path)? {
            Some(format) => format,
            // A folder of medical files may hold several kinds of them.
            None if objects::holds(path)? => return objects::read(path, None, tell),
            None => {
                let expected = "expected COCO, a table, YOLO, VOC, LabelMe, DICOM objects or NIfTI";
                return Err(Error::input(&source, format!("no annotations that are recognised; {expected}")));
            }
        },
    };
    match format {
        Format::Coco => coco::read(&bytes(path)?, &source, tell),
        Format::Boxes => boxes::read(&bytes(path)?, &source, tell),
        Format::Yolo if path.is_dir() => yolo::read(path, tell),
        // A data.yaml or a file of labels stands for its folder.
        Format::Yolo => yolo::read(path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new(".")), tell),
        Format::Voc => each_file(path, "xml", voc::read_file, tell),
        Format::Labelme => each_file(path, "json", labelme::read_file, tell),
        Format::DicomSeg | Format::Rtstruct | Format::DicomSr | Format::Gsps | Format::Nifti => {
            objects::read(path, Some(format), tell)
        }
    }
}

/// Reads a file of one image, or every such file of a folder.
fn each_file(
    path: &Path,
    ending: &str,
    read_file: fn(&[u8], &str, &mut Gather<'_>) -> Result<(), String>,
    tell: &mut dyn FnMut(Told),
) -> Result<AnnotationSet, Error> {
    let (root, files) = if path.is_dir() {
        (path, folder::files(path)?)
    } else {
        let name = path.file_name().map(PathBuf::from).unwrap_or_default();
        (path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new(".")), vec![name])
    };
    let mut gather = Gather::new(&root.display().to_string(), Coverage::Whole, tell);
    let mut read = 0;
    for file in files.iter().filter(|f| has_ending(f, ending) || !path.is_dir()) {
        let name = file.to_string_lossy().replace('\\', "/");
        let done = bytes(&root.join(file)).map_err(|e| match e {
            Error::Input { message, .. } => message,
            other => other.to_string(),
        });
        match done.and_then(|bytes| read_file(&bytes, &name, &mut gather)) {
            Ok(()) => read += 1,
            Err(why) => gather.problem("file", root.join(file).display().to_string(), format!("{why}; left out")),
        }
    }
    if read == 0 {
        return Err(Error::input(
            path.display().to_string(),
            format!("no file of annotations (*.{ending}) could be read"),
        ));
    }
    Ok(gather.finish())
}

/// The format of a file or folder, by its content.
///
/// # Errors
/// It cannot be read.
pub(crate) fn recognise(path: &Path) -> Result<Option<Format>, Error> {
    if !path.is_dir() {
        return Ok(by_content(path, &head(path)?));
    }
    let files = folder::files(path)?;
    let named = |f: &PathBuf| {
        let name = f.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        ["classes.txt", "obj.names", "data.yaml", "data.yml", "_darknet.labels"].contains(&&*name)
    };
    if files.iter().any(named) {
        return Ok(Some(Format::Yolo));
    }
    // The first file of each kind tells.
    for ending in ["xml", "json"] {
        for file in files.iter().filter(|f| has_ending(f, ending)).take(3) {
            let found = by_content(file, &head(&path.join(file))?);
            if matches!(found, Some(Format::Voc | Format::Labelme)) {
                return Ok(found);
            }
        }
    }
    let labels = files.iter().find(|f| has_ending(f, "txt"));
    Ok(labels.map(|f| head(&path.join(f))).transpose()?.filter(|head| is_yolo(head)).map(|_| Format::Yolo))
}

fn by_content(path: &Path, head: &[u8]) -> Option<Format> {
    let start = head.trim_ascii_start();
    let start = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start).trim_ascii_start();
    let holds = |part: &[u8]| memchr::memmem::find(head, part).is_some();
    match start.first() {
        Some(b'{') if holds(b"\"shapes\"") => Some(Format::Labelme),
        // Lists may stand in any order and be long: the beginning holds one of their names.
        Some(b'{') if [&b"\"images\""[..], b"\"annotations\"", b"\"categories\""].iter().any(|k| holds(k)) => {
            Some(Format::Coco)
        }
        Some(b'{') if holds(b"\"imageData\"") => Some(Format::Labelme),
        Some(b'<') if holds(b"<annotation") => Some(Format::Voc),
        _ if has_ending(path, "yaml") || has_ending(path, "yml") || is_yolo(head) => Some(Format::Yolo),
        _ => {
            let text = String::from_utf8_lossy(start);
            let line = text.lines().next().unwrap_or_default();
            let marks = line.bytes().filter(|b| matches!(b, b',' | b';' | b'\t')).count();
            let table = ["csv", "tsv", "txt"]
                .iter()
                .any(|e| has_ending(path.with_extension("").as_path(), e) || has_ending(path, e));
            (marks > 0 && table && !start.contains(&0)).then_some(Format::Boxes)
        }
    }
}

/// The first line is a class and at least four numbers.
fn is_yolo(head: &[u8]) -> bool {
    let text = String::from_utf8_lossy(head);
    let words: Vec<&str> = text.lines().next().unwrap_or_default().split_ascii_whitespace().collect();
    words.len() >= 5 && words[0].parse::<u32>().is_ok() && words.iter().all(|w| w.parse::<f64>().is_ok())
}

fn has_ending(path: &Path, ending: &str) -> bool {
    path.extension().is_some_and(|e| e.eq_ignore_ascii_case(ending))
}

/// A file, unpacked where it is gzip or zstd.
fn unpacked(path: &Path) -> Result<Box<dyn Read>, Error> {
    let fault = |e: std::io::Error| Error::input(path.display().to_string(), format!("cannot be read: {e}"));
    let mut file = File::open(path).map_err(fault)?;
    let mut start = Vec::new();
    Read::by_ref(&mut file).take(4).read_to_end(&mut start).map_err(fault)?;
    let packed = std::io::Cursor::new(start.clone()).chain(file);
    Ok(match start.as_slice() {
        [0x1f, 0x8b, ..] => Box::new(flate2::read::MultiGzDecoder::new(packed)),
        [0x28, 0xb5, 0x2f, 0xfd] => Box::new(zstd::Decoder::new(packed).map_err(fault)?),
        _ => Box::new(packed),
    })
}

fn head(path: &Path) -> Result<Vec<u8>, Error> {
    let mut head = Vec::new();
    unpacked(path)?
        .take(HEAD as u64)
        .read_to_end(&mut head)
        .map_err(|e| Error::input(path.display().to_string(), format!("cannot be read: {e}")))?;
    Ok(head)
}

/// The bytes of a file.
pub(crate) fn bytes(path: &Path) -> Result<Vec<u8>, Error> {
    let place = || path.display().to_string();
    let mut bytes = Vec::new();
    unpacked(path)?
        .take(MAX_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(|e| Error::input(place(), format!("cannot be read: {e}")))?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(Error::input(place(), format!("more than {MAX_BYTES} bytes, unpacked")));
    }
    Ok(bytes)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    #[test]
    fn every_format_and_table_stands_in_the_page() {
        use clap::ValueEnum;
        let page = include_str!("FORMATS.md");
        let formats = crate::output::pages::part(page, "## Formats");
        for format in Format::value_variants() {
            let name = format.to_possible_value().expect("a name").get_name().to_owned();
            assert!(formats.contains(&format!("\n| `{name}` |")), "{name}");
        }
        let told = crate::output::pages::part(page, "### Tables of boxes and labels");
        for (id, whole) in tables::known() {
            let row = told.lines().find(|l| l.starts_with(&format!("| `{id}`"))).unwrap_or_else(|| panic!("{id}"));
            assert!(row.ends_with(if whole { "| whole |" } else { "| found |" }), "{row}");
        }
        let crosswalk = crate::output::pages::part(page, "## From categories to labels");
        let relations = crate::crosswalk::Relation::NAMED.iter().map(|r| r.0);
        for name in categories::COLUMNS.into_iter().chain(relations) {
            assert!(crosswalk.contains(&format!("`{name}`")), "{name}");
        }
    }

    #[test]
    fn formats_are_recognised_by_content() {
        let root = tempfile::tempdir().expect("a folder");
        let write = |name: &str, text: &str| {
            let path = root.path().join(name);
            std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
            std::fs::write(&path, text).expect("a file");
            path
        };
        for (name, text, format) in [
            ("coco.json", r#"{"info": {}, "images": [], "annotations": []}"#, Some(Format::Coco)),
            ("labelme/a.json", r#"{"version": "5", "shapes": []}"#, Some(Format::Labelme)),
            ("voc/sub/a.xml", "<annotation><filename>a.png</filename></annotation>", Some(Format::Voc)),
            ("boxes.csv", "image,label,x,y,w,h\na,b,1,2,3,4\n", Some(Format::Boxes)),
            ("yolo/a.txt", "0 0.5 0.5 0.1 0.1\n", Some(Format::Yolo)),
            ("other.json", "{}", None),
            ("report.txt", "No effusion.", None),
            ("empty.csv", "", None),
        ] {
            let path = write(name, text);
            assert_eq!(recognise(&path).expect("readable"), format, "{name}");
        }
        for (folder, format) in [("labelme", Format::Labelme), ("voc", Format::Voc), ("yolo", Format::Yolo)] {
            let path = root.path().join(folder);
            assert_eq!(recognise(&path).expect("readable"), Some(format), "{folder}");
            let set = read(&path, None, &mut |_| ());
            // Labels without their image are told, and nothing is left.
            assert_eq!(set.map(|s| s.images.len()).ok(), Some(usize::from(format != Format::Yolo)), "{folder}");
        }
        let packed = root.path().join("boxes.csv.gz");
        let mut packer =
            flate2::write::GzEncoder::new(File::create(&packed).expect("a file"), flate2::Compression::fast());
        std::io::Write::write_all(&mut packer, b"image,label,x,y,w,h\na,b,1,2,3,4\n").expect("written");
        packer.finish().expect("written");
        assert_eq!(read(&packed, None, &mut |_| ()).map(|s| s.annotations.len()).ok(), Some(1));
        let error = read(&root.path().join("other.json"), None, &mut |_| ()).expect_err("not recognised").to_string();
        assert!(error.contains("no annotations that are recognised"), "{error}");
        assert!(read(&root.path().join("missing.csv"), None, &mut |_| ()).is_err());
    }

    /// Writes what was read of the files in `RADLABEL_ANNOTATIONS` (a path a line) to `RADLABEL_SUMMARY`, an object a
    /// file: for `tests/measure/annotation_tables.py`, which counts the same by other means.
    #[test]
    #[ignore = "run by tests/measure/annotation_tables.py"]
    fn summary() {
        use crate::annotation::{Shape, Stance, geometry, rle};
        let files = std::env::var("RADLABEL_ANNOTATIONS").expect("RADLABEL_ANNOTATIONS");
        let mut lines = String::new();
        for file in files.lines() {
            let (mut problems, mut told) = (0, Vec::new());
            let set = read(Path::new(file), None, &mut |t| {
                problems += usize::from(t.gravity == crate::input::Gravity::Problem);
                told.push(t.message);
            });
            let set = set.expect(file);
            let mut by = std::collections::BTreeMap::<String, u32>::new();
            let mut sums = [0.0; 4];
            let mut shapes = Vec::new();
            for annotation in &set.annotations {
                let stance = match annotation.stance {
                    Stance::Present => "present",
                    Stance::Absent => "absent",
                    Stance::Uncertain => "uncertain",
                };
                *by.entry(format!("{}/{stance}", set.categories[annotation.category as usize])).or_default() += 1;
                if let Shape::Box(sides) = annotation.shape {
                    sums.iter_mut().zip(sides).for_each(|(sum, side)| *sum += side);
                }
                if set.annotations.len() <= 20_000 && annotation.shape != Shape::Whole {
                    let text = match &annotation.shape {
                        Shape::Mask { runs, .. } => rle::to_text(runs),
                        _ => String::new(),
                    };
                    let (area, bounds) = (geometry::area_px(&annotation.shape), geometry::bounds(&annotation.shape));
                    shapes.push(serde_json::json!([annotation.id, area, bounds, text]));
                }
            }
            let readers: std::collections::BTreeSet<_> =
                set.annotations.iter().filter_map(|a| a.reader.as_deref()).collect();
            let spacing: f64 = set.images.iter().filter_map(|i| i.row.column_spacing_mm).sum();
            let summary = serde_json::json!({
                "file": file, "images": set.images.len(), "annotations": set.annotations.len(), "by": by, "sums": sums,
                "readers": readers.len(), "spacing": spacing, "problems": problems, "told": told, "shapes": shapes,
            });
            lines += &format!("{summary}\n");
        }
        std::fs::write(std::env::var("RADLABEL_SUMMARY").expect("RADLABEL_SUMMARY"), lines).expect("written");
    }

    #[test]
    fn a_broken_file_of_a_folder_is_told_and_the_rest_is_read() {
        let root = tempfile::tempdir().expect("a folder");
        std::fs::write(root.path().join("a.xml"), "<annotation><object>").expect("a file");
        let broken = std::cell::RefCell::new(Vec::new());
        let error = read(root.path(), Some(Format::Voc), &mut |t| broken.borrow_mut().push(t.to_string()));
        assert!(error.is_err_and(|e| e.to_string().contains("no file of annotations")));
        std::fs::write(root.path().join("b.xml"), "<annotation><filename>b</filename></annotation>").expect("a file");
        let set = read(root.path(), None, &mut |t| broken.borrow_mut().push(t.to_string())).expect("one file");
        assert_eq!(set.images.len(), 1);
        assert!(broken.borrow().iter().all(|t| t.contains("a.xml: the XML ends too early")), "{broken:?}");
    }

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
        for _ in 0..1500 {
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
