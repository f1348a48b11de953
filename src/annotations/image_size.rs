//! Width and height of an image from its header, without decoding pixels: PNG, JPEG, BMP.

use std::fs::File;
use std::io::Read;
use std::path::Path;

/// Far more than stands before the size in any JPEG of a scanner or camera.
const HEAD: u64 = 4 << 20;

/// Width and height of an image file.
///
/// # Errors
/// It cannot be read, or its header tells no size.
pub(super) fn of(path: &Path) -> Result<[u32; 2], String> {
    let mut head = Vec::new();
    let file = File::open(path).map_err(|e| format!("cannot be opened: {}", e.kind()))?;
    file.take(HEAD).read_to_end(&mut head).map_err(|e| format!("cannot be read: {}", e.kind()))?;
    size(&head).filter(|s| s[0] > 0 && s[1] > 0).ok_or_else(|| "tells no size; expected PNG, JPEG or BMP".to_owned())
}

fn size(bytes: &[u8]) -> Option<[u32; 2]> {
    let four = |at: usize| bytes.get(at..at + 4).and_then(|b| b.try_into().ok());
    if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
        return (bytes.get(12..16)? == b"IHDR")
            .then_some([u32::from_be_bytes(four(16)?), u32::from_be_bytes(four(20)?)]);
    }
    if bytes.starts_with(b"BM") {
        // The height of an image that is stored from the top down is negative.
        return Some([i32::from_le_bytes(four(18)?).unsigned_abs(), i32::from_le_bytes(four(22)?).unsigned_abs()]);
    }
    if bytes.starts_with(&[0xff, 0xd8]) { jpeg(bytes) } else { None }
}

/// Goes from segment to segment up to the one that starts the frame.
fn jpeg(bytes: &[u8]) -> Option<[u32; 2]> {
    let two = |at: usize| bytes.get(at..at + 2).map(|b| u32::from(b[0]) << 8 | u32::from(b[1]));
    let mut at = 2;
    loop {
        if *bytes.get(at)? != 0xff {
            return None;
        }
        let marker = *bytes.get(at + 1)?;
        match marker {
            // Fill bytes, and markers without content.
            0xff => at += 1,
            0x01 | 0xd0..=0xd8 => at += 2,
            // SOF0 to SOF15, without the tables of Huffman, arithmetic coding and JPG.
            0xc0..=0xcf if !matches!(marker, 0xc4 | 0xc8 | 0xcc) => return Some([two(at + 7)?, two(at + 5)?]),
            // The pixels begin, or the image ends.
            0xd9 | 0xda => return None,
            _ => at += 2 + (two(at + 2)?.max(2) as usize),
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// The start of a PNG of a width and height.
    pub(crate) fn png(width: u32, height: u32) -> Vec<u8> {
        let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec();
        bytes.extend(width.to_be_bytes());
        bytes.extend(height.to_be_bytes());
        bytes
    }

    #[test]
    fn headers_tell_sizes() {
        assert_eq!(size(&png(640, 480)), Some([640, 480]));
        let mut jpeg = vec![0xff, 0xd8, 0xff, 0xe0, 0, 4, 1, 2, 0xff, 0xff, 0xc4, 0, 3, 9, 0xff, 0xc2, 0, 11, 8];
        jpeg.extend([2, 88, 3, 32, 1]);
        assert_eq!(size(&jpeg), Some([800, 600]));
        let mut bmp = b"BM".to_vec();
        bmp.resize(18, 0);
        bmp.extend(7i32.to_le_bytes());
        bmp.extend((-5i32).to_le_bytes());
        assert_eq!(size(&bmp), Some([7, 5]));
        for bytes in [png(1, 1), jpeg, bmp] {
            for end in 0..bytes.len() - 1 {
                let _ = size(&bytes[..end]);
            }
        }
        assert_eq!(size(b"\xff\xd8\xff\xda"), None);
        assert_eq!(size(b"GIF89a"), None);
    }
}
