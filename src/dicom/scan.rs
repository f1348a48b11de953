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

/// Reads the header of a file.
///
/// # Errors
/// A file that cannot be read, or a DICOM file of whose header nothing can be read.
pub(crate) fn scan(path: &Path, pixel_hash: bool) -> Result<Found, String> {
    let mut file = File::open(path).map_err(|e| e.to_string())?;
    let size = file.metadata().map_err(|e| e.to_string())?.len();
    let told = |e: io::Error| e.to_string();
    let mut bytes = Vec::new();
    let mut wanted = FIRST;
    loop {
        let more = wanted.min(size).saturating_sub(bytes.len() as u64);
        let read = (&mut file).take(more).read_to_end(&mut bytes).map_err(told)?;
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
        return object(&mut file, size, &opened, &head, pixel_hash);
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

fn object(file: &mut File, size: u64, opened: &Opened<'_>, head: &Head<'_>, pixel_hash: bool) -> Result<Found, String> {
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
        let mut source: Box<dyn Source> = match &opened.inflated {
            Some(_) => Box::new(io::Cursor::new(opened.from(0))),
            None => Box::new(file),
        };
        match end(&mut *source, pixels, size, hash.as_mut()) {
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

trait Source: Read + Seek {}
impl<R: Read + Seek> Source for R {}

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
