//! A file -> the row of its header, reading no more than the header.
//!
//! A file is recognised by what it holds, whatever its name. Its first bytes are read, and more only while the header
//! goes on; of the pixel data only their end is looked at, to tell a file that was cut off.

use super::header::{KEPT, describe};
use super::parse::{Head, Opened, Pixels, open_part};
use crate::study::StudyRow;
use dicom_core::VR;
use dicom_core::dictionary::DataDictionary;
use dicom_dictionary_std::{StandardDataDictionary, uids};
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

/// Most headers are shorter.
const FIRST: u64 = 16 << 10;
/// A longer header is read so far.
const MOST: u64 = 64 << 20;
/// Frames that are walked through to find the end of compressed pixels.
const MOST_FRAGMENTS: u32 = 1 << 20;
const ITEM: [u8; 4] = [0xFE, 0xFF, 0, 0xE0];
const END: [u8; 8] = [0xFE, 0xFF, 0xDD, 0xE0, 0, 0, 0, 0];

/// What a file holds.
#[derive(Debug)]
pub(crate) enum Found {
    /// No DICOM object.
    Other,
    /// A DICOMDIR: [`super::directory`] reads it.
    Directory,
    /// An object, and what is wrong with its file, if anything is.
    Object(Box<StudyRow>, Option<String>),
}

trait Source: Read + Seek {}
impl<R: Read + Seek> Source for R {}

/// Reads the header of a file.
///
/// # Errors
/// A file that cannot be read, or a DICOM file of whose header nothing can be read.
pub(crate) fn scan(path: &Path, pixel_hash: bool) -> Result<Found, String> {
    let mut file = File::open(path).map_err(|e| e.to_string())?;
    let size = file.metadata().map_err(|e| e.to_string())?.len();
    object_in(&mut file, size, pixel_hash)
}

/// The same of any source of this many bytes.
fn object_in(file: &mut dyn Source, size: u64, pixel_hash: bool) -> Result<Found, String> {
    let told = |e: io::Error| e.to_string();
    let mut bytes = Vec::new();
    let mut wanted = FIRST;
    loop {
        let more = wanted.min(size).saturating_sub(bytes.len() as u64);
        let read = file.take(more).read_to_end(&mut bytes).map_err(told)?;
        if !is_object(&bytes) {
            return Ok(Found::Other);
        }
        // A file that shrinks while it is read ends where it ends.
        let size = if (read as u64) < more { bytes.len() as u64 } else { size };
        let whole = bytes.len() as u64 >= size;
        let grown = |needs: u64| needs.max(wanted * 4).min(MOST);
        let opened = match open_part(&bytes, |_| Ok(())) {
            Ok(opened) => opened,
            Err(message) if whole || wanted >= 1 << 20 => return Err(message),
            Err(_) => {
                wanted = grown(0);
                continue;
            }
        };
        if opened.class.as_deref() == Some(uids::MEDIA_STORAGE_DIRECTORY_STORAGE) {
            return Ok(Found::Directory);
        }
        if opened.inflated.is_some() && !whole && wanted < MOST {
            wanted = MOST;
            continue;
        }
        let head = opened.head(KEPT);
        if let Some(needs) = head.needs.filter(|&n| opened.inflated.is_none() && n <= size && n <= MOST) {
            wanted = grown(needs);
            continue;
        }
        return object(file, size, &opened, &head, pixel_hash);
    }
}

/// The first bytes are those of a DICOM object, with or without a preamble.
fn is_object(bytes: &[u8]) -> bool {
    if super::is_dicom(bytes) {
        return true;
    }
    let (Some(group), Some(&element), Some(&vr), Some(&length)) = (
        bytes.first_chunk::<2>(),
        bytes.get(2..).and_then(|b| b.first_chunk::<2>()),
        bytes.get(4..).and_then(|b| b.first_chunk::<2>()),
        bytes.get(4..).and_then(|b| b.first_chunk::<4>()),
    ) else {
        return false;
    };
    let explicit = VR::from_binary(vr).is_some();
    let listed = |element| StandardDataDictionary.by_tag(dicom_core::Tag(8, element)).is_some();
    match group {
        [2, 0] => explicit,
        [8, 0] if explicit => true,
        // Written implicitly: a tag of the dictionary and a length that fits a value of this group.
        [8, 0] => listed(u16::from_le_bytes(element)) && u32::from_le_bytes(length) < 1 << 16,
        [0, 8] => explicit,
        _ => false,
    }
}

fn object(
    file: &mut dyn Source,
    size: u64,
    opened: &Opened<'_>,
    head: &Head<'_>,
    pixel_hash: bool,
) -> Result<Found, String> {
    let described = describe(head);
    let mut row = described.row;
    row.transfer_syntax.clone_from(&opened.transfer);
    if row.transfer_syntax.is_none() {
        row.problems.push("missing-TransferSyntaxUID".to_owned());
    }
    let size = if opened.inflated.is_some() { opened.len() as u64 } else { size };
    let mut fault = match (&head.fault, head.needs, &opened.inflated) {
        (_, _, Some(Err(message))) => Some(("truncated", message.clone())),
        // Too long a header is no fault: what it holds beyond is not asked for.
        (Some(_), Some(needs), _) if needs <= size => None,
        (Some(message), Some(_), _) => Some(("truncated", message.clone())),
        (Some(message), None, _) => Some(("damaged", message.clone())),
        (None, _, _) => None,
    };
    if let Some(pixels) = head.pixels {
        if let (Some(length), Some(expected)) = (pixels.length, described.pixel_bytes) {
            // Bytes come in pairs.
            if u64::from(length) < expected {
                row.problems.push("short-PixelData".to_owned());
            }
        }
        let mut hash = pixel_hash.then(Sha256::new);
        let mut inflated = io::Cursor::new(opened.from(0));
        let source: &mut dyn Source = if opened.inflated.is_some() { &mut inflated } else { file };
        match end(source, pixels, size, hash.as_mut()) {
            Ok(None) => {}
            Ok(Some(message)) => fault = fault.or(Some(("truncated", message))),
            Err(error) => fault = fault.or(Some(("unreadable", error.to_string()))),
        }
        row.pixel_sha256 = hash.map(|h| h.finalize().iter().map(|b| format!("{b:02x}")).collect());
    } else if head.fault.is_none() && row.rows.is_some() && row.columns.is_some() {
        row.problems.push("missing-PixelData".to_owned());
    }
    let fault = fault.map(|(problem, message)| {
        row.problems.push(problem.to_owned());
        message
    });
    match (row.study_uid.is_none() && row.series_uid.is_none() && row.sop_uid.is_none(), fault) {
        (true, fault) if head.elements.is_empty() => {
            Err(fault.unwrap_or_else(|| "DICOM without any element that tells of a study".to_owned()))
        }
        (true, Some(fault)) => Err(fault),
        (_, fault) => Ok(Found::Object(Box::new(row), fault)),
    }
}

/// Looks for the end of the pixel data, and hashes them where that is asked for; tells what is missing.
fn end(source: &mut dyn Source, pixels: Pixels, size: u64, hash: Option<&mut Sha256>) -> io::Result<Option<String>> {
    if let Some(length) = pixels.length {
        let left = size.saturating_sub(pixels.start);
        if let Some(hash) = hash {
            source.seek(SeekFrom::Start(pixels.start))?;
            digest(source, u64::from(length).min(left), hash)?;
        }
        let missing = u64::from(length) > left;
        return Ok(missing.then(|| format!("the pixel data claim {length} bytes, {left} are left")));
    }
    if hash.is_none() && size >= pixels.start + 8 {
        // Nearly every file ends with the delimiter of its pixel data.
        source.seek(SeekFrom::Start(size - 8))?;
        let mut last = [0; 8];
        source.read_exact(&mut last)?;
        if last == END {
            return Ok(None);
        }
    }
    fragments(source, pixels, size, hash)
}

/// Walks through the fragments of compressed pixels.
fn fragments(
    source: &mut dyn Source,
    pixels: Pixels,
    size: u64,
    mut hash: Option<&mut Sha256>,
) -> io::Result<Option<String>> {
    let mut at = pixels.start;
    for number in 0..MOST_FRAGMENTS {
        if at + 8 > size {
            return Ok(Some(format!("the compressed pixel data end after {number} fragments without a delimiter")));
        }
        source.seek(SeekFrom::Start(at))?;
        let mut head = [0; 8];
        source.read_exact(&mut head)?;
        let [a, b, c, d, length @ ..] = head;
        let tag = if pixels.big { [b, a, d, c] } else { [a, b, c, d] };
        if tag != ITEM {
            let message = || format!("no fragment of compressed pixel data at byte {at}");
            return Ok((tag != END[..4]).then(message));
        }
        let length = u64::from(if pixels.big { u32::from_be_bytes(length) } else { u32::from_le_bytes(length) });
        let left = size - at - 8;
        if let Some(hash) = hash.as_deref_mut() {
            digest(source, length.min(left), hash)?;
        }
        if length > left {
            return Ok(Some(format!("fragment {number} of the pixel data claims {length} bytes, {left} are left")));
        }
        at += 8 + length;
    }
    Ok(None)
}

fn digest(source: &mut dyn Source, length: u64, hash: &mut Sha256) -> io::Result<()> {
    let mut left = length;
    let mut buffer = vec![0; usize::try_from(length.min(1 << 18)).unwrap_or(1 << 18)];
    while left > 0 {
        let most = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
        let read = source.read(&mut buffer[..most])?;
        if read == 0 {
            break;
        }
        hash.update(&buffer[..read]);
        left -= read as u64;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dicom::header::KEPT;

    /// An element, explicitly written in little endian.
    fn element(tag: (u16, u16), vr: &str, value: &[u8]) -> Vec<u8> {
        let mut out = [tag.0.to_le_bytes(), tag.1.to_le_bytes()].concat();
        out.extend_from_slice(vr.as_bytes());
        if matches!(vr, "OB" | "OW" | "SQ" | "UN" | "UT") {
            out.extend_from_slice(&[0, 0]);
            out.extend_from_slice(&(value.len() as u32).to_le_bytes());
        } else {
            out.extend_from_slice(&(value.len() as u16).to_le_bytes());
        }
        out.extend_from_slice(value);
        out
    }

    /// Elements of a header that lacks nothing; `others` replace or join them.
    fn elements(others: &[(u16, u16, &str, &[u8])]) -> Vec<u8> {
        let mut all: Vec<(u16, u16, &str, &[u8])> = vec![
            (8, 0x16, "UI", b"1.2.840.10008.5.1.4.1.1.2\0"),
            (8, 0x18, "UI", b"1.2.3.4.5\0"),
            (8, 0x20, "DA", b"20240131"),
            (8, 0x60, "CS", b"CT"),
            (0x10, 0x20, "LO", b"P1"),
            (0x20, 0x0D, "UI", b"1.2.3\0"),
            (0x20, 0x0E, "UI", b"1.2.3.4\0"),
        ];
        all.retain(|(group, tag, ..)| !others.iter().any(|(g, t, ..)| (g, t) == (group, tag)));
        all.extend_from_slice(others);
        all.retain(|(.., value)| *value != b"none");
        all.sort_by_key(|&(group, tag, ..)| (group, tag));
        all.iter().flat_map(|(group, tag, vr, value)| element((*group, *tag), vr, value)).collect()
    }

    fn meta(syntax: &[u8]) -> Vec<u8> {
        [vec![0; 128], b"DICM".to_vec(), element((2, 0x10), "UI", syntax)].concat()
    }

    const EXPLICIT: &[u8] = b"1.2.840.10008.1.2.1\0";

    fn file(others: &[(u16, u16, &str, &[u8])]) -> Vec<u8> {
        [meta(EXPLICIT), elements(others)].concat()
    }

    fn found(bytes: &[u8]) -> Result<Found, String> {
        object_in(&mut io::Cursor::new(bytes), bytes.len() as u64, true)
    }

    fn row(bytes: &[u8]) -> (StudyRow, Option<String>) {
        match found(bytes) {
            Ok(Found::Object(row, fault)) => (*row, fault),
            other => panic!("{other:?}"),
        }
    }

    fn problems(others: &[(u16, u16, &str, &[u8])]) -> String {
        row(&file(others)).0.problems.join(" ")
    }

    #[test]
    fn what_is_kept_is_sorted() {
        assert!(KEPT.is_sorted(), "a search by halves needs that");
    }

    #[test]
    fn a_whole_header() {
        let (row, fault) = row(&file(&[]));
        assert_eq!(fault, None);
        let some = |text: &str| Some(text.to_owned());
        let expected = StudyRow {
            study_uid: some("1.2.3"),
            series_uid: some("1.2.3.4"),
            sop_uid: some("1.2.3.4.5"),
            patient_id: some("P1"),
            date: some("20240131"),
            modality: some("CT"),
            sop_class: some("1.2.840.10008.5.1.4.1.1.2"),
            transfer_syntax: some("1.2.840.10008.1.2.1"),
            ..StudyRow::default()
        };
        assert_eq!(row, expected);
    }

    #[test]
    fn values_that_their_tags_do_not_allow() {
        for (others, expected) in [
            (&[(8, 0x20, "DA", &b"20200231"[..])][..], "bad-StudyDate"),
            (&[(8, 0x20, "DA", b"none")], "missing-StudyDate"),
            (&[(0x10, 0x20, "LO", b"  ")], "missing-PatientID"),
            (&[(0x20, 0x0D, "UI", b"")], "missing-StudyInstanceUID"),
            (&[(0x20, 0x0D, "UI", b"1.2.x ")], "bad-StudyInstanceUID"),
            // Text where a number belongs, and the other way round.
            (&[(0x28, 0x10, "LO", b"512 ")], "bad-Rows"),
            (&[(0x28, 0x10, "US", b"5")], "bad-Rows"),
            (&[(8, 0x60, "US", b"\x07\0")], "bad-Modality"),
            (&[(8, 0x60, "SQ", &[0xFE, 0xFF, 0, 0xE0, 0, 0, 0, 0])], "bad-Modality"),
            (&[(0x28, 0x30, "DS", b"0.7\\junk")], "bad-PixelSpacing"),
            (&[(0x28, 0x30, "DS", b"0.7 ")], "bad-PixelSpacing"),
            (&[(0x28, 0x30, "DS", b"0\\0 ")], "bad-PixelSpacing"),
            (&[(0x18, 0x50, "DS", b"inf ")], "bad-SliceThickness"),
            (&[(0x20, 0x13, "IS", b"-1")], "bad-InstanceNumber"),
            (&[(8, 5, "CS", b"ISO_IR 999")], "bad-SpecificCharacterSet"),
            (&[(0x10, 0x1010, "AS", b"old ")], "bad-PatientAge"),
            (&[(0x10, 0x40, "CS", b"X ")], "bad-PatientSex"),
            (&[(8, 0x30, "TM", b"2561")], "bad-StudyTime"),
            // Private tags say nothing, whatever they hold.
            (&[(0x29, 0x10, "LO", b"MAKER "), (0x29, 0x1010, "UN", &[0xFF; 64])], ""),
        ] {
            assert_eq!(problems(others), expected, "{others:?}");
        }
        let (row, _) = row(&file(&[(8, 0x20, "DA", b"20200231"), (0x28, 0x10, "LO", b"512 ")]));
        assert_eq!((row.date.as_deref(), row.rows), (Some("20200231"), None), "the date as given, no number");
    }

    #[test]
    fn values_as_they_should_be() {
        let cell = |name: &str, others: &[(u16, u16, &str, &[u8])]| {
            let (row, _) = row(&file(others));
            let cells = serde_json::to_value(&row).expect("a row");
            cells[name].to_string().trim_matches('"').replace("\\\\", "\\")
        };
        let pa = [element((8, 0x100), "SH", b"R-10214 "), element((8, 0x104), "LO", b"postero-anterior")].concat();
        let pa = [&[0xFE, 0xFF, 0, 0xE0][..], &(pa.len() as u32).to_le_bytes(), &pa].concat();
        let projection: [(u16, u16, &str, &[u8]); 2] =
            [(0x18, 0x1164, "DS", b"0.15\\0.3"), (0x18, 0x1114, "DS", b"1.5 ")];
        for (name, others, expected) in [
            ("date", &[(8, 0x20, "DA", &b"2024.02.29"[..])][..], "20240229"),
            ("time", &[(8, 0x30, "TM", b"10:11:12.5")], "101112"),
            ("age", &[(0x10, 0x30, "DA", b"19600201")], "063Y"),
            ("age", &[(0x10, 0x30, "DA", b"20240120")], "011D"),
            ("age", &[(0x10, 0x30, "DA", b"20231220")], "001M"),
            ("age", &[(0x10, 0x1010, "AS", b"45Y ")], "045Y"),
            ("laterality", &[(0x20, 0x60, "CS", b"LEFT")], "L"),
            ("view", &[(0x54, 0x220, "SQ", &pa)], "PA"),
            ("row_spacing_mm", &projection, "0.09999999999999999"),
            ("column_spacing_mm", &projection, "0.19999999999999998"),
            ("spacing_source", &projection, "imager"),
            ("spacing_source", &[(0x28, 0x30, "DS", b"0.7\\0.7 ")], "pixel"),
            ("spacing_source", &[(0x28, 0x30, "DS", b"0.7\\0.7 "), (0x18, 0x1164, "DS", b"0.7\\0.7 ")], "imager"),
            ("patient_orientation", &[(0x20, 0x20, "CS", b"L\\F ")], "L\\F"),
            ("patient_orientation", &[(0x20, 0x37, "DS", b"1\\0\\0\\0\\1\\0 ")], "1\\0\\0\\0\\1\\0"),
            // Japanese, Korean and Chinese.
            (
                "patient_id",
                &[(8, 5, "CS", b"\\ISO 2022 IR 87"), (0x10, 0x20, "LO", b"\x1b$B;3ED\x1b(B1 ")],
                "\u{5c71}\u{7530}1",
            ),
            ("patient_id", &[(8, 5, "CS", b"\\ISO 2022 IR 149"), (0x10, 0x20, "LO", b"\x1b$)C\xb1\xe8")], "\u{ae40}"),
            ("patient_id", &[(8, 5, "CS", b"GB18030 "), (0x10, 0x20, "LO", b"\xcd\xf5")], "\u{738b}"),
            ("patient_id", &[(8, 5, "CS", b"ISO_IR 999"), (0x10, 0x20, "LO", b"P\xe97 ")], "P\u{fffd}7"),
        ] {
            assert_eq!(cell(name, others), expected, "{name} {others:?}");
        }
    }

    fn image(pixels: &[u8]) -> Vec<u8> {
        let image: &[(u16, u16, &str, &[u8])] = &[
            (0x28, 2, "US", &[1, 0]),
            (0x28, 0x10, "US", &[4, 0]),
            (0x28, 0x11, "US", &[5, 0]),
            (0x28, 0x100, "US", &[8, 0]),
        ];
        [file(image), element((0x7FE0, 0x10), "OB", pixels)].concat()
    }

    #[test]
    fn pixel_data() {
        let (whole, fault) = row(&image(&[7; 20]));
        assert_eq!((whole.problems.join(" "), fault), (String::new(), None));
        let hash = Sha256::digest([7; 20]).iter().map(|b| format!("{b:02x}")).collect::<String>();
        assert_eq!(whole.pixel_sha256, Some(hash));
        assert_eq!((whole.rows, whole.columns), (Some(4), Some(5)));
        let bytes = image(&[7; 20]);
        let (cut, fault) = row(&bytes[..bytes.len() - 3]);
        assert_eq!(cut.problems, ["truncated"]);
        assert_eq!(fault.as_deref(), Some("the pixel data claim 20 bytes, 17 are left"));
        assert_eq!(row(&image(&[7; 18])).0.problems, ["short-PixelData"]);
        assert_eq!(row(&bytes[..bytes.len() - 32]).0.problems, ["missing-PixelData"]);
    }

    #[test]
    fn compressed_pixel_data() {
        let head = [file(&[]), b"\xE0\x7F\x10\0OB\0\0\xFF\xFF\xFF\xFF".to_vec()].concat();
        let fragment = |bytes: &[u8]| [&ITEM[..], &(bytes.len() as u32).to_le_bytes(), bytes].concat();
        let whole = [head.clone(), fragment(b""), fragment(b"abcd"), END.to_vec()].concat();
        for (bytes, expected) in [
            (whole.clone(), None),
            // What stands behind the delimiter is another element.
            ([whole.clone(), element((0xFFFC, 0xFFFC), "OB", &[0; 8])].concat(), None),
            (
                whole[..whole.len() - 8].to_vec(),
                Some("the compressed pixel data end after 2 fragments without a delimiter"),
            ),
            (whole[..whole.len() - 10].to_vec(), Some("fragment 1 of the pixel data claims 4 bytes, 2 are left")),
        ] {
            for pixel_hash in [false, true] {
                let read = object_in(&mut io::Cursor::new(&bytes), bytes.len() as u64, pixel_hash);
                let Ok(Found::Object(row, fault)) = read else { panic!("{read:?}") };
                assert_eq!(fault.as_deref(), expected);
                assert_eq!(row.problems, if expected.is_some() { vec!["truncated"] } else { Vec::new() });
            }
        }
    }

    #[test]
    fn without_preamble_and_meta_information() {
        let (row, fault) = row(&elements(&[]));
        assert_eq!((row.study_uid.as_deref(), fault), (Some("1.2.3"), None));
        assert_eq!(row.problems, ["missing-TransferSyntaxUID"]);
        let implicit = |group: u16, tag: u16, value: &[u8]| {
            let length = (value.len() as u32).to_le_bytes();
            [&group.to_le_bytes()[..], &tag.to_le_bytes(), &length, value].concat()
        };
        let bytes =
            [implicit(8, 0x16, b"1.2\0"), implicit(0x20, 0x0D, b"1.2.3\0"), implicit(0x28, 0x10, &[7, 0])].concat();
        let Ok(Found::Object(row, None)) = found(&bytes) else { panic!("not read") };
        assert_eq!((row.study_uid.as_deref(), row.rows), (Some("1.2.3"), Some(7)));
        for other in [&b""[..], b"DICM", b"\x08\0\x05\0", b"a report, not an image", &[0; 200]] {
            assert!(matches!(found(other), Ok(Found::Other)), "{other:?}");
        }
    }

    #[test]
    fn deflated() {
        use std::io::Write;
        let mut packer = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
        let data = [elements(&[]), element((0x7FE0, 0x10), "OB", &[7; 4000])].concat();
        packer.write_all(&data).expect("to memory");
        let bytes = [meta(b"1.2.840.10008.1.2.1.99\0\0"), packer.finish().expect("to memory")].concat();
        let (whole, fault) = row(&bytes);
        assert_eq!((whole.study_uid.as_deref(), fault), (Some("1.2.3"), None));
        assert_eq!(whole.problems, [""; 0]);
        let (cut, fault) = row(&bytes[..bytes.len() - 8]);
        assert_eq!(cut.problems, ["truncated"]);
        assert!(fault.is_some_and(|f| f.starts_with("a deflated data set that breaks off")));
    }

    /// A header that is longer than what is read at first.
    #[test]
    fn long_headers() {
        let long = vec![1; 60_000];
        let (_, fault) = row(&file(&[(0x29, 0x1010, "OB", &long), (0x29, 0x1011, "OB", &long)]));
        assert_eq!(fault, None);
        let bytes = file(&[(0x19, 0x1010, "OB", &long)]);
        let (cut, fault) = row(&bytes[..bytes.len() - 20_000]);
        assert_eq!(cut.problems[0], "missing-StudyInstanceUID");
        assert_eq!(cut.problems.last().map(String::as_str), Some("truncated"));
        assert!(fault.is_some_and(|f| f.contains("(0019,1010)") && f.contains("claims 60000 bytes")));
    }

    #[test]
    fn what_tells_of_no_study() {
        let nothing = [meta(EXPLICIT), element((0x29, 0x10), "LO", b"MAKER ")].concat();
        assert_eq!(found(&nothing).err().as_deref(), Some("DICOM without any element that tells of a study"));
        let broken = [meta(EXPLICIT), element((8, 0x60), "CS", b"CT"), b"\x10\0\x20\0??".to_vec()].concat();
        assert_eq!(found(&broken).err().as_deref(), Some("no value representation in element (0010,0020) at byte 170"));
    }

    /// No byte that is wrong or missing brings the reader down, and no message holds a value.
    #[test]
    fn damaged_files() {
        let shared = element((0x28, 0x9110), "SQ", &[0xFE, 0xFF, 0, 0xE0, 0, 0, 0, 0]);
        let shared = [&ITEM[..], &(shared.len() as u32).to_le_bytes(), &shared].concat();
        let patient: &[(u16, u16, &str, &[u8])] = &[
            (8, 5, "CS", b"\\ISO 2022 IR 87"),
            (0x10, 0x20, "LO", b"\x1b$B;3ED\x1b(BSECRET "),
            (0x28, 0x30, "DS", b"0.7\\0.7 "),
            (0x5200, 0x9229, "SQ", &shared),
        ];
        let explicit = [file(patient), element((0x7FE0, 0x10), "OB", &[7; 20])].concat();
        let bare = elements(patient);
        let mut random = 7_u64;
        let mut next = || {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (random >> 33) as usize
        };
        let check = |bytes: &[u8]| {
            if let Ok(Found::Object(_, Some(told))) | Err(told) = found(bytes) {
                assert!(!told.contains("SECRET"), "{told}");
            }
        };
        for whole in [explicit, bare] {
            (0..whole.len()).for_each(|end| check(&whole[..end]));
            for _ in 0..3000 {
                let mut bytes = whole.clone();
                for _ in 0..1 + next() % 4 {
                    let at = next() % bytes.len();
                    bytes[at] = next() as u8;
                }
                check(&bytes);
            }
        }
    }
}
