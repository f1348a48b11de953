//! NIfTI label maps (.nii, .nii.gz; NIfTI-1 and -2) -> one annotation a label value, as the measures of its volume.
//!
//! A reader of its own: the crate `nifti` sets aside what a header claims and holds the whole volume, here a slice is
//! held, and what is claimed is bounded first. The affine (sform, else qform) gives patient coordinates, turned from
//! RAS to LPS; an identity or no affine tells no side. A mask names its image by its file name without the ending,
//! unless `images.csv` beside it says more.

use super::labelmap::{self, LabelMap};
use super::objects::Gathered;
use super::volume::{Gathering, Plane, Run};
use crate::annotation::{AnnotatedImage, Annotation, AnnotationSet, Coverage, ImageKey, LEFT_OUT, Shape};
use crate::input::Told;
use crate::study::StudyRow;
use flate2::bufread::MultiGzDecoder;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

/// Voxels of a volume: more are no mask of a patient, or a lie.
const MOST_VOXELS: u64 = 1 << 30;
/// Bytes of a slice, which is held in memory.
const MOST_SLICE: u64 = 256 << 20;
/// Label values: more are the greys of an image.
const MOST_LABELS: usize = 4_096;
/// Where the voxels may begin; between lie extensions.
const MOST_OFFSET: f64 = (64 << 20) as f64;
/// How far a value may lie from a whole number.
const WHOLE: f64 = 0.001;

/// Whether bytes open a NIfTI file.
pub(crate) fn is_nifti(head: &[u8]) -> bool {
    let magic = |at: usize| head.get(at..at + 3);
    matches!(magic(344), Some(b"n+1" | b"ni1")) || matches!(magic(4), Some(b"n+2" | b"ni2"))
}

/// The header, as far as it matters.
#[derive(Debug, PartialEq)]
struct Header {
    size: [u32; 3],
    kind: Kind,
    big: bool,
    offset: u64,
    slope: f64,
    intercept: f64,
    /// Voxel to RAS in mm, three rows.
    affine: [[f64; 4]; 3],
    oriented: bool,
}

/// The type of a voxel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    U8,
    I8,
    I16,
    U16,
    I32,
    U32,
    I64,
    U64,
    F32,
    F64,
}

impl Kind {
    const fn of(code: i16) -> Option<Kind> {
        Some(match code {
            2 => Kind::U8,
            4 => Kind::I16,
            8 => Kind::I32,
            16 => Kind::F32,
            64 => Kind::F64,
            256 => Kind::I8,
            512 => Kind::U16,
            768 => Kind::U32,
            1024 => Kind::I64,
            1280 => Kind::U64,
            _ => return None,
        })
    }

    const fn bytes(self) -> usize {
        match self {
            Kind::U8 | Kind::I8 => 1,
            Kind::I16 | Kind::U16 => 2,
            Kind::I32 | Kind::U32 | Kind::F32 => 4,
            Kind::I64 | Kind::U64 | Kind::F64 => 8,
        }
    }

    /// The value of a voxel in little endian.
    fn value(self, b: &[u8]) -> f64 {
        match (self, b) {
            (Kind::U8, &[a]) => f64::from(a),
            (Kind::I8, &[a]) => f64::from(a.cast_signed()),
            (Kind::I16, &[a, b]) => f64::from(i16::from_le_bytes([a, b])),
            (Kind::U16, &[a, b]) => f64::from(u16::from_le_bytes([a, b])),
            (Kind::I32, &[a, b, c, d]) => f64::from(i32::from_le_bytes([a, b, c, d])),
            (Kind::U32, &[a, b, c, d]) => f64::from(u32::from_le_bytes([a, b, c, d])),
            (Kind::F32, &[a, b, c, d]) => f64::from(f32::from_le_bytes([a, b, c, d])),
            (Kind::I64, &[a, b, c, d, e, f, g, h]) => i64::from_le_bytes([a, b, c, d, e, f, g, h]) as f64,
            (Kind::U64, &[a, b, c, d, e, f, g, h]) => u64::from_le_bytes([a, b, c, d, e, f, g, h]) as f64,
            (Kind::F64, &[a, b, c, d, e, f, g, h]) => f64::from_le_bytes([a, b, c, d, e, f, g, h]),
            _ => f64::NAN,
        }
    }
}

/// Fields of a header by place, in its byte order.
struct Fields<'a> {
    bytes: &'a [u8],
    big: bool,
}

impl Fields<'_> {
    fn some<const N: usize>(&self, at: usize) -> [u8; N] {
        let mut out = [0; N];
        if let Some(found) = self.bytes.get(at..at + N) {
            out.copy_from_slice(found);
            if self.big {
                out.reverse();
            }
        }
        out
    }

    fn i16(&self, at: usize) -> i16 {
        i16::from_le_bytes(self.some(at))
    }

    fn i32(&self, at: usize) -> i32 {
        i32::from_le_bytes(self.some(at))
    }

    fn i64(&self, at: usize) -> i64 {
        i64::from_le_bytes(self.some(at))
    }

    fn f32(&self, at: usize) -> f64 {
        f64::from(f32::from_le_bytes(self.some(at)))
    }

    fn f64(&self, at: usize) -> f64 {
        f64::from_le_bytes(self.some(at))
    }
}

fn header(bytes: &[u8]) -> Result<Header, String> {
    let first = bytes.first_chunk::<4>().ok_or("no NIfTI file: under 4 bytes")?;
    let (second, big) = match (i32::from_le_bytes(*first), i32::from_be_bytes(*first)) {
        (348, _) => (false, false),
        (_, 348) => (false, true),
        (540, _) => (true, false),
        (_, 540) => (true, true),
        _ => return Err("no NIfTI file: the header's size is neither 348 nor 540".to_owned()),
    };
    let long = if second { 540 } else { 348 };
    if bytes.len() < long {
        return Err(format!("the NIfTI header breaks off after {} of {long} bytes", bytes.len()));
    }
    let magic = if second { &bytes[4..7] } else { &bytes[344..347] };
    match magic {
        b"n+1" | b"n+2" => {}
        b"ni1" | b"ni2" => {
            return Err("a NIfTI of two files (.hdr and .img); convert it to one (.nii or .nii.gz)".to_owned());
        }
        _ => return Err("no NIfTI magic; an Analyze 7.5 header tells no orientation and is not read".to_owned()),
    }
    let fields = Fields { bytes, big };
    let dims: [i64; 8] =
        std::array::from_fn(|i| if second { fields.i64(16 + 8 * i) } else { i64::from(fields.i16(40 + 2 * i)) });
    let rank = dims[0];
    if !(2..=7).contains(&rank) {
        return Err(format!("{rank} dimensions in dim[0]; expected 3"));
    }
    let dim = |i: usize| if i as i64 <= rank { dims[i] } else { 1 };
    if let Some(i) = (4..=7).find(|&i| dim(i) > 1) {
        return Err(format!("dim[{i}] is {}; expected a volume of 3 dimensions", dim(i)));
    }
    let mut size = [0_u32; 3];
    for (i, size) in size.iter_mut().enumerate() {
        let found = dim(i + 1);
        *size = u32::try_from(found).ok().filter(|&n| n > 0).ok_or(format!("dim[{}] is {found}", i + 1))?;
    }
    let code = fields.i16(if second { 12 } else { 70 });
    let kind = Kind::of(code).ok_or(format!("datatype {code}; expected whole or real numbers of 8 to 64 bits"))?;
    let voxels = size.iter().try_fold(1_u64, |n, &s| n.checked_mul(u64::from(s))).unwrap_or(u64::MAX);
    let slice = u64::from(size[0]) * u64::from(size[1]);
    if voxels > MOST_VOXELS || slice.saturating_mul(kind.bytes() as u64) > MOST_SLICE {
        return Err(format!(
            "a volume of {} x {} x {} voxels; at most {MOST_VOXELS}, and {} MiB a slice",
            size[0],
            size[1],
            size[2],
            MOST_SLICE >> 20
        ));
    }
    let offset = if second { fields.i64(168) as f64 } else { fields.f32(108) };
    if !(offset >= long as f64 && offset <= MOST_OFFSET) {
        return Err(format!("the voxels are said to begin at byte {offset}; expected {long} or more"));
    }
    let (slope, intercept) =
        if second { (fields.f64(176), fields.f64(184)) } else { (fields.f32(112), fields.f32(116)) };
    let scaled = slope.is_finite() && slope != 0.0 && intercept.is_finite();
    let (affine, oriented) = affine(&fields, second)?;
    Ok(Header {
        size,
        kind,
        big,
        offset: offset as u64,
        slope: if scaled { slope } else { 1.0 },
        intercept: if scaled { intercept } else { 0.0 },
        affine,
        oriented,
    })
}

/// Voxel to RAS, and whether that is more than a guess.
fn affine(fields: &Fields<'_>, second: bool) -> Result<([[f64; 4]; 3], bool), String> {
    let real = |first: usize, i: usize| if second { fields.f64(first + 8 * i) } else { fields.f32(first + 4 * i) };
    let code = |one: usize, two: usize| if second { fields.i32(two) } else { i32::from(fields.i16(one)) };
    let step: [f64; 4] = std::array::from_fn(|i| real(if second { 104 } else { 76 }, i));
    let steps: [f64; 3] = std::array::from_fn(|i| if step[i + 1] == 0.0 { 1.0 } else { step[i + 1].abs() });
    let (affine, told) = if code(254, 348) > 0 {
        let first = if second { 400 } else { 280 };
        (std::array::from_fn(|i| std::array::from_fn(|j| real(first, 4 * i + j))), true)
    } else if code(252, 344) > 0 {
        let [b, c, d] = std::array::from_fn(|i| real(if second { 352 } else { 256 }, i));
        let shift: [f64; 3] = std::array::from_fn(|i| real(if second { 376 } else { 268 }, i));
        // The quaternion's first part follows from the others.
        let a = (1.0 - b * b - c * c - d * d).max(0.0).sqrt();
        let scale = [steps[0], steps[1], if step[0] < 0.0 { -steps[2] } else { steps[2] }];
        let turn = [
            [a * a + b * b - c * c - d * d, 2.0 * (b * c - a * d), 2.0 * (b * d + a * c)],
            [2.0 * (b * c + a * d), a * a + c * c - b * b - d * d, 2.0 * (c * d - a * b)],
            [2.0 * (b * d - a * c), 2.0 * (c * d + a * b), a * a + d * d - b * b - c * c],
        ];
        (std::array::from_fn(|i| [turn[i][0] * scale[0], turn[i][1] * scale[1], turn[i][2] * scale[2], shift[i]]), true)
    } else {
        (std::array::from_fn(|i| std::array::from_fn(|j| if i == j { steps[i] } else { 0.0 })), false)
    };
    if affine.iter().flatten().any(|v: &f64| !v.is_finite()) {
        return Err("the affine holds what is no number".to_owned());
    }
    let identity = std::array::from_fn(|i| std::array::from_fn(|j| f64::from(u8::from(i == j))));
    Ok((affine, told && affine != identity))
}

/// Reads a file; its labels are named by a file beside it (see [`labelmap::beside`]).
///
/// # Errors
/// What hinders reading it: told by field, size and slice.
pub(crate) fn read(path: &Path, source: &str, tell: &mut dyn FnMut(Told)) -> Result<AnnotationSet, String> {
    let stem = stem(path);
    let labels = labelmap::beside(path, &stem)?;
    let key = labelmap::image_of(path)?.unwrap_or_else(|| ImageKey { name: stem, ..ImageKey::default() });
    let file = File::open(path).map_err(|e| e.to_string())?;
    let mut reader = BufReader::with_capacity(1 << 16, file);
    let packed = reader.fill_buf().map_err(|e| e.to_string())?.starts_with(&[0x1f, 0x8b]);
    let mut reader: Box<dyn Read> = if packed { Box::new(MultiGzDecoder::new(reader)) } else { Box::new(reader) };
    volume(&mut reader, source, key, labels.as_ref(), tell)
}

/// The file's name without its ending.
fn stem(path: &Path) -> String {
    let name = path.file_name().map_or_else(String::new, |n| n.to_string_lossy().into_owned());
    let lower = name.to_ascii_lowercase();
    let ending = [".nii.gz", ".nii"].into_iter().find(|e| lower.ends_with(e)).unwrap_or_default();
    name[..name.len() - ending.len()].to_owned()
}

/// One label value while the slices pass.
#[derive(Default)]
struct Label {
    gathering: Gathering,
    /// The last slice in which it was, from 1.
    slice: u32,
    /// Its runs of this slice.
    runs: Vec<Run>,
}

fn volume(
    reader: &mut dyn Read,
    source: &str,
    key: ImageKey,
    names: Option<&LabelMap>,
    tell: &mut dyn FnMut(Told),
) -> Result<AnnotationSet, String> {
    let mut head = Vec::new();
    let fault = |e: std::io::Error| format!("cannot be read or unpacked: {}", e.kind());
    reader.take(540).read_to_end(&mut head).map_err(fault)?;
    let header = header(&head)?;
    // A header of NIfTI-1 is shorter than what was read to tell the two apart.
    let rest = (head.len() as u64).min(header.offset) as usize;
    let between = header.offset - rest as u64;
    let skipped = std::io::copy(&mut reader.take(between), &mut std::io::sink()).map_err(fault)?;
    if skipped < between {
        return Err(format!("the file ends before the voxels, which begin at byte {}", header.offset));
    }
    let ahead = head.split_off(rest);
    let mut reader = ahead.chain(reader);

    let [columns, rows, slices] = header.size;
    let width = header.kind.bytes();
    let wanted = columns as usize * rows as usize * width;
    let mut bytes = Vec::new();
    let mut labels: BTreeMap<i64, Label> = BTreeMap::new();
    let mut fractions = 0_u64;
    for slice in 0..slices {
        bytes.clear();
        reader.by_ref().take(wanted as u64).read_to_end(&mut bytes).map_err(fault)?;
        if bytes.len() < wanted {
            let found = u64::from(slice) * wanted as u64 + bytes.len() as u64;
            return Err(format!(
                "truncated in slice {} of {slices}: {found} bytes of voxels; expected {} ({columns} x {rows} x {slices} of {width})",
                slice + 1,
                wanted as u64 * u64::from(slices),
            ));
        }
        // Most slices of most masks are all background.
        if header.intercept == 0.0 && bytes.iter().all(|&b| b == 0) {
            continue;
        }
        fractions += slice_runs(&bytes, &header, &mut labels)?;
        let plane = plane(&header, slice);
        for label in labels.values_mut().filter(|l| !l.runs.is_empty()) {
            label.gathering.slice(&plane, &label.runs, label.slice == slice);
            label.slice = slice + 1;
            label.runs.clear();
        }
    }
    if fractions > 0 {
        let message = format!("{fractions} voxels that are no whole number are left out: labels are whole numbers");
        tell(Told::problem(source, message));
    }
    let mut set = set(source, key, &header, labels, names, tell);
    if fractions > 0 {
        set.images.iter_mut().for_each(|image| image.row.problems.push(LEFT_OUT.to_owned()));
    }
    Ok(set)
}

/// Sorts the voxels of a slice into runs by label; the number of voxels that are no label.
fn slice_runs(bytes: &[u8], header: &Header, labels: &mut BTreeMap<i64, Label>) -> Result<u64, String> {
    let (columns, rows) = (header.size[0] as usize, header.size[1]);
    let width = header.kind.bytes();
    let mut fractions = 0;
    for (row, line) in (0..rows).zip(bytes.chunks_exact(columns * width)) {
        let mut open: Option<(i64, u32)> = None;
        for x in 0..=columns {
            let value = match line.get(x * width..(x + 1) * width) {
                None => 0,
                Some(voxel) => {
                    let value = raw(voxel, header) * header.slope + header.intercept;
                    let whole = value.round();
                    // Beyond 2^53 whole numbers are not told apart.
                    if (value - whole).abs() <= WHOLE && whole.abs() < 9e15 {
                        whole as i64
                    } else {
                        fractions += 1;
                        0
                    }
                }
            };
            if open.is_some_and(|(label, _)| label == value) {
                continue;
            }
            if let Some((label, start)) = open.take() {
                labels.entry(label).or_default().runs.push(Run { row, start, end: x as u32 });
                if labels.len() > MOST_LABELS {
                    return Err(format!("more than {MOST_LABELS} values: an image, no label map"));
                }
            }
            open = (value != 0).then_some((value, x as u32));
        }
    }
    Ok(fractions)
}

fn raw(voxel: &[u8], header: &Header) -> f64 {
    if !header.big {
        return header.kind.value(voxel);
    }
    let mut turned = [0; 8];
    for (to, from) in turned.iter_mut().zip(voxel.iter().rev()) {
        *to = *from;
    }
    header.kind.value(&turned[..voxel.len()])
}

/// Where a slice lies, in LPS.
fn plane(header: &Header, slice: u32) -> Plane {
    let a = &header.affine;
    let lps = |v: [f64; 3]| [-v[0], -v[1], v[2]];
    let step = |j: usize| lps([a[0][j], a[1][j], a[2][j]]);
    let depth = step(2);
    let first = step(3);
    let origin = std::array::from_fn(|i| first[i] + f64::from(slice) * depth[i]);
    Plane { origin, column: step(0), row: step(1), depth }
}

fn set(
    source: &str,
    key: ImageKey,
    header: &Header,
    labels: BTreeMap<i64, Label>,
    names: Option<&LabelMap>,
    tell: &mut dyn FnMut(Told),
) -> AnnotationSet {
    // A list of labels tells what was looked for.
    let coverage = if names.is_some() { Coverage::Whole } else { Coverage::Found };
    let mut gathered = Gathered::new(source, coverage);
    let [columns, rows, slices] = header.size;
    let row = StudyRow {
        study_uid: Some(key.study_uid.clone()).filter(|u| !u.is_empty()),
        series_uid: Some(key.series_uid.clone()).filter(|u| !u.is_empty()),
        rows: Some(rows),
        columns: Some(columns),
        frames: Some(slices),
        ..StudyRow::default()
    };
    let image = gathered.image(AnnotatedImage { key, size: Some([columns, rows]), row });
    for (value, name) in names.iter().flat_map(|n| n.iter()) {
        if *value != 0 {
            gathered.category(name);
        }
    }
    let last = plane(header, slices - 1);
    let far = last.at(f64::from(columns - 1), f64::from(rows - 1));
    let middle = (plane(header, 0).origin[0] + far[0]) / 2.0;
    let mut unnamed = 0;
    for (value, label) in labels {
        let name = names.and_then(|n| n.get(&value).cloned());
        unnamed += u32::from(name.is_none() && names.is_some());
        let Some(extent) = label.gathering.finish(Some(middle), header.oriented) else { continue };
        let category = gathered.category(&name.unwrap_or_else(|| format!("label {value}")));
        gathered.push(Annotation::present(format!("{source}:{value}"), image, category, Shape::Volume(extent)));
    }
    if unnamed > 0 {
        tell(Told::warning(source, format!("{unnamed} label values that the label map does not name")));
    }
    gathered.finish()
}

#[cfg(test)]
#[path = "nifti_tests.rs"]
mod tests;
