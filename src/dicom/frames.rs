//! The pixels of a multi-frame object, one frame at a time: native, packed bits, RLE, deflated frames.
//!
//! What the header claims is held against the bytes first. Compressed otherwise: told, not read.

use super::annotation::Object;
use super::numbers::unsigned;
use super::parse::Value;
use dicom_dictionary_std::tags;
use flate2::read::DeflateDecoder;
use std::borrow::Cow;
use std::io::Read;

const RLE: &str = "1.2.840.10008.1.2.5";
const DEFLATED_FRAMES: &str = "1.2.840.10008.1.2.8.1";
/// Pixels of a frame, which is held in memory.
const MOST_PIXELS: usize = 1 << 26;

/// Where the frames lie and how.
pub(super) struct Frames<'a> {
    pub(super) rows: u32,
    pub(super) columns: u32,
    pub(super) count: u32,
    bits: u32,
    data: &'a Value<'a>,
    /// Fragments are RLE; else deflated.
    rle: bool,
}

/// One frame.
pub(super) struct Frame<'a> {
    bytes: Cow<'a, [u8]>,
    /// The first pixel, in bits; only of packed bits more than none.
    first: usize,
    bits: u32,
}

impl Frame<'_> {
    /// The value of a pixel.
    pub(super) fn value(&self, pixel: usize) -> u32 {
        let byte = |at: usize| u32::from(self.bytes.get(at).copied().unwrap_or_default());
        match self.bits {
            1 => {
                let bit = self.first + pixel;
                byte(bit / 8) >> (bit % 8) & 1
            }
            8 => byte(pixel),
            _ => byte(2 * pixel) | byte(2 * pixel + 1) << 8,
        }
    }
}

/// Finds the frames and holds their number and size against the bytes.
pub(super) fn frames<'a>(object: &Object<'a>) -> Result<Frames<'a>, String> {
    let number = |tag| unsigned(&object.root, tag, object.big);
    let needed = |tag, found: Option<u32>| found.filter(|n| *n > 0).ok_or(format!("no {tag}, or 0"));
    let rows = needed(tags::ROWS, number(tags::ROWS)?)?;
    let columns = needed(tags::COLUMNS, number(tags::COLUMNS)?)?;
    let bits = needed(tags::BITS_ALLOCATED, number(tags::BITS_ALLOCATED)?)?;
    let count = super::numbers::whole(&object.root, tags::NUMBER_OF_FRAMES)?.unwrap_or(1);
    let samples = number(tags::SAMPLES_PER_PIXEL)?.unwrap_or(1);
    if !matches!(bits, 1 | 8 | 16) || samples != 1 {
        return Err(format!("{bits} bits and {samples} samples a pixel; expected 1, 8 or 16 bits and one sample"));
    }
    let pixels = rows as usize * columns as usize;
    if pixels > MOST_PIXELS {
        return Err(format!("frames of {rows} x {columns} pixels; at most {MOST_PIXELS} are read"));
    }
    let data = object.root.value(tags::PIXEL_DATA).ok_or(format!("no pixel data {}", tags::PIXEL_DATA))?;
    let rle = match data {
        Value::Items(_) => return Err(format!("pixel data {} is a sequence", tags::PIXEL_DATA)),
        Value::Bytes(_) if object.big && bits != 1 => return Err("big endian pixels are not read".to_owned()),
        Value::Bytes(bytes) => {
            let claimed = (u128::from(count) * pixels as u128 * u128::from(bits)).div_ceil(8);
            if claimed > bytes.len() as u128 {
                return Err(format!(
                    "{count} frames of {rows} x {columns} pixels of {bits} bits are {claimed} bytes; the pixel data {} \
                     hold {}",
                    tags::PIXEL_DATA,
                    bytes.len()
                ));
            }
            false
        }
        Value::Fragments(fragments) => {
            let found = fragments.len().saturating_sub(1);
            if found != count as usize {
                return Err(format!("{found} fragments of pixels; expected one for each of {count} frames"));
            }
            match object.transfer {
                Some(RLE) => true,
                Some(DEFLATED_FRAMES) => false,
                _ => return Err("compressed pixels that are neither RLE nor deflated are not read".to_owned()),
            }
        }
    };
    Ok(Frames { rows, columns, count, bits, data, rle })
}

impl<'a> Frames<'a> {
    /// A frame, by its number from 0.
    pub(super) fn frame(&self, number: u32) -> Result<Frame<'a>, String> {
        let pixels = self.rows as usize * self.columns as usize;
        let size = (pixels * self.bits as usize).div_ceil(8);
        let damaged = |found: usize| format!("frame {} holds {found} bytes; expected {size}", number + 1);
        let (bytes, first) = match self.data {
            // Packed frames follow without a gap, even within a byte.
            Value::Bytes(bytes) => {
                let bit = number as usize * pixels * self.bits as usize;
                let all = bytes.get(bit / 8..(bit + pixels * self.bits as usize).div_ceil(8));
                (Cow::Borrowed(all.ok_or_else(|| damaged(0))?), bit % 8)
            }
            Value::Fragments(fragments) => {
                let fragment = fragments.get(number as usize + 1).ok_or_else(|| damaged(0))?;
                let out = if self.rle {
                    unpacked(fragment, pixels, self.bits).map_err(|m| format!("frame {}: {m}", number + 1))?
                } else {
                    let mut out = Vec::new();
                    let read = DeflateDecoder::new(*fragment).take(size as u64).read_to_end(&mut out);
                    read.map_err(|_| damaged(out.len()))?;
                    out
                };
                if out.len() < size {
                    return Err(damaged(out.len()));
                }
                (Cow::Owned(out), 0)
            }
            Value::Items(_) => return Err(damaged(0)),
        };
        Ok(Frame { bytes, first, bits: self.bits })
    }
}

/// One frame of RLE (PackBits): the segments hold the bytes of the pixels, the high ones first.
fn unpacked(fragment: &[u8], pixels: usize, bits: u32) -> Result<Vec<u8>, String> {
    let long = |at: usize| {
        let bytes = fragment.get(at..at + 4).and_then(|b| b.first_chunk::<4>());
        bytes.map(|b| u32::from_le_bytes(*b) as usize).ok_or("the RLE header breaks off")
    };
    let planes = if bits == 16 { 2 } else { 1 };
    let found = long(0)?;
    if bits == 1 || found != planes {
        return Err(format!("{found} RLE segments of pixels of {bits} bits; expected {planes} of 8 or 16 bits"));
    }
    // Two bytes are at most 128, so a frame that claims more is a lie, told before memory is set aside.
    if pixels * planes > fragment.len() * 64 {
        return Err(format!("{} bytes of RLE; {pixels} pixels take more", fragment.len()));
    }
    let mut out = vec![0; pixels * planes];
    for plane in 0..planes {
        let (start, next) =
            (long(4 + 4 * plane)?, if plane + 1 < planes { long(8 + 4 * plane)? } else { fragment.len() });
        let mut rest = fragment.get(start..next).ok_or("an RLE segment outside its frame")?;
        let place = planes - 1 - plane;
        let mut filled = 0;
        while filled < pixels {
            let (&mark, more) = rest.split_first().ok_or_else(|| format!("{filled} of {pixels} pixels"))?;
            let (count, repeated) = match mark {
                0..=127 => (usize::from(mark) + 1, false),
                128 => (0, false),
                _ => (257 - usize::from(mark), true),
            };
            let taken = if repeated { 1 } else { count };
            let values = more.get(..taken).ok_or_else(|| format!("{filled} of {pixels} pixels"))?;
            // The last run may fill up beyond the frame.
            for i in 0..count.min(pixels - filled) {
                out[(filled + i) * planes + place] = values[if repeated { 0 } else { i }];
            }
            filled += count;
            rest = &more[taken..];
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rle_unpacks() {
        let header = |segments: u32, starts: [u32; 2]| {
            let mut out = vec![0; 64];
            out[..4].copy_from_slice(&segments.to_le_bytes());
            out[4..8].copy_from_slice(&starts[0].to_le_bytes());
            out[8..12].copy_from_slice(&starts[1].to_le_bytes());
            out
        };
        // Three times 9, then 1 and 2.
        let one = [header(1, [64, 0]), vec![254, 9, 1, 1, 2, 0]].concat();
        assert_eq!(unpacked(&one, 5, 8), Ok(vec![9, 9, 9, 1, 2]));
        let two = [header(2, [64, 66]), vec![255, 1, 1, 7, 8]].concat();
        assert_eq!(unpacked(&two, 2, 16), Ok(vec![7, 1, 8, 1]));
        assert_eq!(unpacked(&one, 9, 8).err().as_deref(), Some("5 of 9 pixels"));
        assert_eq!(unpacked(&one[..66], 9, 8).err().as_deref(), Some("3 of 9 pixels"));
        assert_eq!(
            unpacked(&one[..9], 5, 16).err().as_deref(),
            Some("1 RLE segments of pixels of 16 bits; expected 2 of 8 or 16 bits")
        );
        assert_eq!(unpacked(&[], 5, 8).err().as_deref(), Some("the RLE header breaks off"));
    }
}
