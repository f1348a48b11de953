//! Small pictures of image files for the page of `radlabel pair`: DICOM, PNG and JPEG -> 8-bit PNG.
//!
//! Files are of anybody's making. So sizes are looked at before anything is decoded, a decoder that panics costs its
//! picture alone, and every error is a reason that the page tells instead.

use crate::dicom;
use crate::guard::guarded;
use crate::output::pair_page::{Picture, Thumbnail};
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{DynamicImage, ExtendedColorType, ImageEncoder, ImageFormat, ImageReader, Limits};
use std::fs::File;
use std::io::{Cursor, Read};
use std::path::Path;

/// Most bytes of a file.
const MOST_BYTES: u64 = 2 << 30;
/// Most bytes that a PNG or JPEG may take when decoded.
const MOST_DECODED: u64 = 1 << 30;

/// A picture of a file's image, its longest side at most so many pixels; of a frame (from 1) of several.
///
/// # Errors
/// Why it cannot be shown; holds nothing of what stands in the file but sizes and names of formats.
pub(crate) fn thumbnail(path: &Path, frame: Option<u32>, longest: u32) -> Result<Thumbnail, String> {
    let bytes = read(path)?;
    guarded(|| {
        let picture = picture(&bytes, frame.unwrap_or(1))?;
        shrunk(&picture, longest)
    })
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    let file = File::open(path).map_err(|error| error.kind().to_string())?;
    let about = file.metadata().map_err(|error| error.kind().to_string())?;
    if !about.is_file() {
        return Err("not a file".to_owned());
    }
    if about.len() > MOST_BYTES {
        return Err(format!("a file of over {} MiB", MOST_BYTES >> 20));
    }
    let mut bytes = Vec::with_capacity(about.len() as usize);
    file.take(MOST_BYTES).read_to_end(&mut bytes).map_err(|error| error.kind().to_string())?;
    Ok(bytes)
}

/// The image in full size.
fn picture(bytes: &[u8], frame: u32) -> Result<Picture, String> {
    match image::guess_format(bytes).ok().filter(|_| !dicom::is_dicom(bytes)) {
        Some(_) if frame != 1 => Err(format!("frame {frame} is asked for, the file has 1")),
        Some(format @ (ImageFormat::Png | ImageFormat::Jpeg)) => plain(bytes, format),
        Some(other) => Err(format!("{} is not decoded", format!("{other:?}").to_uppercase())),
        None => dicom::picture(bytes, frame),
    }
}

fn plain(bytes: &[u8], format: ImageFormat) -> Result<Picture, String> {
    let told = |error: image::ImageError| {
        let told: String = error.to_string().chars().filter(|c| !c.is_control()).take(120).collect();
        format!("not decoded: {told}")
    };
    let reader = || {
        let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
        let mut limits = Limits::default();
        limits.max_alloc = Some(MOST_DECODED);
        reader.limits(limits);
        reader
    };
    let (width, height) = reader().into_dimensions().map_err(told)?;
    if u64::from(width) * u64::from(height) > dicom::MOST_PIXELS {
        return Err(format!("{width} x {height} pixels, over {}", dicom::MOST_PIXELS));
    }
    let size = [width, height];
    Ok(match reader().decode().map_err(told)? {
        DynamicImage::ImageLuma16(image) => Picture { size, channels: 1, bytes: stretched(&image) },
        DynamicImage::ImageLumaA16(image) => {
            let grey: Vec<u16> = image.chunks_exact(2).map(|p| p[0]).collect();
            Picture { size, channels: 1, bytes: stretched(&grey) }
        }
        image if image.color().has_color() => Picture { size, channels: 3, bytes: image.into_rgb8().into_raw() },
        image => Picture { size, channels: 1, bytes: image.into_luma8().into_raw() },
    })
}

/// 16 bits rarely mean light: films of 10 or 12 bits are stored so. Darkest and brightest become black and white.
fn stretched(samples: &[u16]) -> Vec<u8> {
    let low = samples.iter().copied().min().unwrap_or(0);
    let range = f64::from(samples.iter().copied().max().unwrap_or(0) - low).max(1.0);
    samples.iter().map(|&s| (f64::from(s - low) * 255.0 / range).round() as u8).collect()
}

/// Each pixel of the small picture is the mean of those that it stands for.
fn shrunk(picture: &Picture, longest: u32) -> Result<Thumbnail, String> {
    let [width, height] = picture.size;
    let scale = f64::from(longest.max(1)) / f64::from(width.max(height));
    let size = match scale < 1.0 {
        true => picture.size.map(|side| ((f64::from(side) * scale).round() as u32).max(1)),
        false => picture.size,
    };
    let channels = picture.channels;
    let mut bytes = Vec::with_capacity(size[0] as usize * size[1] as usize * channels);
    let edge = |at: u32, small: u32, large: u32| (u64::from(at) * u64::from(large) / u64::from(small)) as usize;
    for y in 0..size[1] {
        let rows = edge(y, size[1], height)..edge(y + 1, size[1], height);
        for x in 0..size[0] {
            let columns = edge(x, size[0], width)..edge(x + 1, size[0], width);
            let count = (rows.len() * columns.len()) as u64;
            for channel in 0..channels {
                let mut sum = 0;
                for row in rows.clone() {
                    for column in columns.clone() {
                        sum += u64::from(picture.bytes[(row * width as usize + column) * channels + channel]);
                    }
                }
                bytes.push(((sum + count / 2) / count.max(1)) as u8);
            }
        }
    }
    let mut png = Vec::new();
    let color = if channels == 1 { ExtendedColorType::L8 } else { ExtendedColorType::Rgb8 };
    PngEncoder::new_with_quality(&mut png, CompressionType::Default, FilterType::Adaptive)
        .write_image(&bytes, size[0], size[1], color)
        .map_err(|_| "the picture cannot be written as PNG".to_owned())?;
    Ok(Thumbnail { png, size, image: picture.size })
}

#[cfg(test)]
#[path = "pixels_tests.rs"]
mod tests;
