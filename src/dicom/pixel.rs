//! One frame of a DICOM image as 8-bit grey or RGB, as a viewer shows it at first.
//!
//! The house's reader finds the frame, so that decoders see no more of a file than its compressed bytes, and those only
//! where they tell of the same size as the header: a lying size must not cost the memory it claims. RLE and JPEG are
//! decoded by `dicom-pixeldata`, JPEG 2000 by `hayro-jpeg2000`.

use super::charset::Charset;
use super::node::Node;
use super::parse::{Element, Value, open};
use super::shade;
use crate::output::pair_page::Picture;
use dicom_core::value::{PixelFragmentSequence, PrimitiveValue};
use dicom_core::{DataElement, Tag, VR};
use dicom_dictionary_std::{tags, uids};
use dicom_object::{FileMetaTableBuilder, InMemDicomObject};
use dicom_pixeldata::PixelDecoder;
use std::borrow::Cow;

/// Most pixels of a frame: a frame of 8-bit RGB then takes 400 MB.
pub(crate) const MOST_PIXELS: u64 = 1 << 27;

/// Beginnings of transfer syntaxes that are known and not decoded.
const NOT_DECODED: [(&str, &str); 9] = [
    ("1.2.840.10008.1.2.4.8", "JPEG-LS"),
    ("1.2.840.10008.1.2.4.92", "JPEG 2000 Part 2"),
    ("1.2.840.10008.1.2.4.93", "JPEG 2000 Part 2"),
    ("1.2.840.10008.1.2.4.20", "HTJ2K"),
    ("1.2.840.10008.1.2.4.10", "MPEG video"),
    ("1.2.840.10008.1.2.4.11", "JPEG XL"),
    ("1.2.840.10008.1.2.4.9", "JPIP"),
    ("1.2.840.10008.1.2.4", "JPEG of a retired process"),
    ("1.2.840.10008.1.2.6", "a retired transfer syntax"),
];

/// How the samples of a frame are written.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Form {
    /// Whole numbers of so many bits.
    Whole { allocated: u16, stored: u16, high: u16, signed: bool },
    /// Real numbers of so many bytes.
    Real(usize),
    /// Whole numbers that a decoder has already made real.
    Decoded,
}

/// The samples of one frame.
pub(super) struct Samples<'a> {
    pub(super) width: usize,
    pub(super) height: usize,
    /// Samples a pixel.
    pub(super) channels: usize,
    pub(super) photometric: String,
    pub(super) form: Form,
    bytes: Cow<'a, [u8]>,
    /// Of [`Form::Decoded`].
    reals: Vec<f32>,
    /// Bits before the first sample: frames of single bits begin within a byte.
    skipped: usize,
    big: bool,
    /// Channel after channel, not pixel after pixel.
    planar: bool,
    /// Two pixels share their colour.
    halved: bool,
}

impl Samples<'_> {
    /// The sample of a pixel and channel. Bytes are there: [`frame`] has measured them.
    pub(super) fn at(&self, pixel: usize, channel: usize) -> f64 {
        let index = match (self.halved, self.planar) {
            (true, _) if channel == 0 => pixel / 2 * 4 + pixel % 2,
            (true, _) => pixel / 2 * 4 + 1 + channel,
            (_, true) => channel * self.width * self.height + pixel,
            _ => pixel * self.channels + channel,
        };
        match self.form {
            Form::Decoded => f64::from(self.reals[index]),
            Form::Real(4) => f64::from(f32::from_bits(self.raw(index, 4) as u32)),
            Form::Real(_) => f64::from_bits(self.raw(index, 8)),
            Form::Whole { allocated: 1, .. } => {
                let bit = self.skipped + index;
                f64::from(self.bytes[bit / 8] >> (bit % 8) & 1)
            }
            Form::Whole { allocated, stored, high, signed } => {
                let raw = self.raw(index, usize::from(allocated / 8)) >> (high + 1 - stored);
                let value = raw & (u64::MAX >> (64 - stored));
                let negative = signed && value >> (stored - 1) & 1 == 1;
                value as f64 - if negative { (1_u64 << stored) as f64 } else { 0.0 }
            }
        }
    }

    fn raw(&self, index: usize, width: usize) -> u64 {
        let bytes = &self.bytes[index * width..(index + 1) * width];
        let add = |value: u64, byte: &u8| value << 8 | u64::from(*byte);
        if self.big { bytes.iter().fold(0, add) } else { bytes.iter().rev().fold(0, add) }
    }
}

/// A data set with the order of its bytes.
pub(super) struct Header<'a> {
    pub(super) node: Node<'a>,
    pub(super) big: bool,
}

impl<'a> Header<'a> {
    /// The numbers of an attribute, written in two bytes each.
    pub(super) fn shorts(&self, tag: Tag) -> Option<Vec<u16>> {
        shorts(&self.node, tag, self.big)
    }

    fn short(&self, tag: Tag) -> Option<u16> {
        self.shorts(tag)?.first().copied()
    }

    fn needed(&self, tag: Tag, name: &str) -> Result<u16, String> {
        self.short(tag).ok_or_else(|| format!("no {name} {tag}"))
    }
}

/// The numbers of an attribute, written in two bytes each.
pub(super) fn shorts(node: &Node, tag: Tag, big: bool) -> Option<Vec<u16>> {
    let Value::Bytes(bytes) = node.value(tag)? else { return None };
    let number = |b: &[u8]| if big { u16::from_be_bytes([b[0], b[1]]) } else { u16::from_le_bytes([b[0], b[1]]) };
    Some(bytes.chunks_exact(2).map(number).collect())
}

/// A frame (from 1) of a DICOM file as a viewer shows it at first.
///
/// # Errors
/// Why it cannot be shown.
pub(crate) fn picture(bytes: &[u8], frame: u32) -> Result<Picture, String> {
    let opened = open(bytes, |_| Ok(()))?;
    let elements = opened.data_set(|_| Ok(()))?;
    // No text is read here, so a character set that is not known does not matter.
    let node = Node { elements: &elements, charset: Charset::of("")? };
    let header = Header { node, big: opened.big() };
    let samples = samples(&header, &elements, opened.transfer(), frame)?;
    shade::shade(&header, &samples, frame)
}

fn samples<'a>(
    header: &Header<'a>,
    elements: &'a [Element<'a>],
    transfer: Option<&str>,
    frame: u32,
) -> Result<Samples<'a>, String> {
    const PIXELS: [Tag; 3] = [tags::PIXEL_DATA, tags::FLOAT_PIXEL_DATA, tags::DOUBLE_FLOAT_PIXEL_DATA];
    let pixels = elements.iter().find(|e| PIXELS.contains(&e.tag)).ok_or("the file holds no image")?;
    let height = usize::from(header.needed(tags::ROWS, "Rows")?);
    let width = usize::from(header.needed(tags::COLUMNS, "Columns")?);
    let channels = usize::from(header.short(tags::SAMPLES_PER_PIXEL).unwrap_or(1));
    if width == 0 || height == 0 || !matches!(channels, 1 | 3) {
        return Err(format!("{width} x {height} pixels of {channels} samples; expected pixels of 1 or 3"));
    }
    if (width * height) as u64 > MOST_PIXELS {
        return Err(format!("{width} x {height} pixels, over {MOST_PIXELS}"));
    }
    let frames = header.node.plain(tags::NUMBER_OF_FRAMES).map_or(Ok(1), |n| n.parse::<u32>());
    let frames = frames.map_err(|_| "a Number of Frames (0028,0008) that is no number")?.max(1);
    if frame == 0 || frame > frames {
        return Err(format!("frame {frame} is asked for, the file has {frames}"));
    }
    let form = form(header, pixels.tag)?;
    let mut out = Samples {
        width,
        height,
        channels,
        photometric: header.node.plain(tags::PHOTOMETRIC_INTERPRETATION).unwrap_or_default(),
        form,
        bytes: Cow::Borrowed(&[]),
        reals: Vec::new(),
        skipped: 0,
        big: header.big,
        planar: channels == 3 && header.short(tags::PLANAR_CONFIGURATION) == Some(1),
        halved: false,
    };
    match &pixels.value {
        Value::Bytes(_)
            if header.big && is_words(pixels.vr) && matches!(form, Form::Whole { allocated: 1 | 8, .. }) =>
        {
            return Err("pixels of 8 bits in words of big endian are not shown".to_owned());
        }
        Value::Bytes(bytes) => native(&mut out, bytes, frame)?,
        Value::Fragments(fragments) => {
            let transfer = transfer.ok_or("compressed pixels of no Transfer Syntax (0002,0010)")?;
            let bytes = fragments_of(fragments, frame, frames)?;
            decode(&mut out, header, transfer, bytes)?;
        }
        Value::Items(_) => return Err("a sequence where pixels were expected".to_owned()),
    }
    Ok(out)
}

fn form(header: &Header, pixels: Tag) -> Result<Form, String> {
    match pixels {
        tags::FLOAT_PIXEL_DATA => return Ok(Form::Real(4)),
        tags::DOUBLE_FLOAT_PIXEL_DATA => return Ok(Form::Real(8)),
        _ => {}
    }
    let allocated = header.needed(tags::BITS_ALLOCATED, "Bits Allocated")?;
    let stored = header.short(tags::BITS_STORED).unwrap_or(allocated);
    let high = header.short(tags::HIGH_BIT).unwrap_or(stored.saturating_sub(1));
    let fits = (1..=allocated).contains(&stored) && (stored - 1..allocated).contains(&high);
    if !matches!(allocated, 1 | 8 | 16 | 32) || !fits {
        return Err(format!("samples of {stored} bits up to bit {high} in {allocated}"));
    }
    Ok(Form::Whole { allocated, stored, high, signed: header.short(tags::PIXEL_REPRESENTATION) == Some(1) })
}

/// The frame among pixels that are not compressed.
fn native<'a>(out: &mut Samples<'a>, bytes: &'a [u8], frame: u32) -> Result<(), String> {
    let sample_bits = match out.form {
        Form::Whole { allocated, .. } => usize::from(allocated),
        Form::Real(width) => width * 8,
        Form::Decoded => 0,
    };
    out.halved =
        out.photometric == "YBR_FULL_422" && out.channels == 3 && sample_bits == 8 && out.width.is_multiple_of(2);
    let samples = out.width * out.height * if out.halved { 2 } else { out.channels };
    let bits = samples * sample_bits;
    let start = bits as u64 * u64::from(frame - 1);
    let end = (start + bits as u64).div_ceil(8);
    if end > bytes.len() as u64 {
        return Err(format!("{} bytes of pixels; expected {end} up to frame {frame}", bytes.len()));
    }
    out.bytes = Cow::Borrowed(&bytes[(start / 8) as usize..end as usize]);
    out.skipped = (start % 8) as usize;
    Ok(())
}

/// The compressed bytes of a frame. The first fragment holds the places of the frames, or nothing.
fn fragments_of<'a>(fragments: &[&'a [u8]], frame: u32, frames: u32) -> Result<Cow<'a, [u8]>, String> {
    let [table, parts @ ..] = fragments else { return Err("compressed pixels without any bytes".to_owned()) };
    if parts.len() == frames as usize {
        return Ok(Cow::Borrowed(parts[frame as usize - 1]));
    }
    if frames == 1 {
        return Ok(Cow::Owned(parts.concat()));
    }
    let offsets: Vec<u32> = table.chunks_exact(4).map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
    if offsets.len() != frames as usize {
        return Err(format!("{} fragments of {frames} frames, without a table of where each begins", parts.len()));
    }
    let start = u64::from(offsets[frame as usize - 1]);
    let end = offsets.get(frame as usize).map_or(u64::MAX, |&o| u64::from(o));
    let mut at = 0;
    let mut out = Vec::new();
    for part in parts {
        if (start..end).contains(&at) {
            out.extend_from_slice(part);
        }
        at += part.len() as u64 + 8;
    }
    Ok(Cow::Owned(out))
}

fn decode(out: &mut Samples, header: &Header, transfer: &str, bytes: Cow<[u8]>) -> Result<(), String> {
    match transfer {
        uids::ENCAPSULATED_UNCOMPRESSED_EXPLICIT_VR_LITTLE_ENDIAN => {
            let owned = bytes.into_owned();
            let mut inner =
                Samples { bytes: Cow::Borrowed(&[]), reals: Vec::new(), photometric: out.photometric.clone(), ..*out };
            native(&mut inner, &owned, 1)?;
            out.halved = inner.halved;
            out.bytes = Cow::Owned(owned);
            Ok(())
        }
        uids::RLE_LOSSLESS => by_pixeldata(out, header, transfer, bytes),
        uids::JPEG_BASELINE8_BIT | uids::JPEG_EXTENDED12_BIT | uids::JPEG_LOSSLESS | uids::JPEG_LOSSLESS_SV1 => {
            let bytes = jpeg_as_told(out, bytes)?;
            by_pixeldata(out, header, transfer, bytes)
        }
        uids::JPEG2000_LOSSLESS | uids::JPEG2000 => jpeg_2000(out, &bytes),
        other => {
            let known = NOT_DECODED.iter().find(|(start, _)| other.starts_with(start)).map(|(_, name)| *name);
            Err(format!("{} is not decoded", known.unwrap_or("a transfer syntax that is not known here")))
        }
    }
}

/// Through `dicom-pixeldata`, in an object of this frame alone.
fn by_pixeldata(out: &mut Samples, header: &Header, transfer: &str, bytes: Cow<[u8]>) -> Result<(), String> {
    let mut object = InMemDicomObject::new_empty();
    let mut short = |tag, value: u16| drop(object.put(DataElement::new(tag, VR::US, PrimitiveValue::from(value))));
    let Form::Whole { allocated, stored, high, signed } = out.form else {
        return Err("real numbers, compressed: not decoded".to_owned());
    };
    short(tags::ROWS, out.height as u16);
    short(tags::COLUMNS, out.width as u16);
    short(tags::SAMPLES_PER_PIXEL, out.channels as u16);
    short(tags::BITS_ALLOCATED, allocated);
    short(tags::BITS_STORED, stored);
    short(tags::HIGH_BIT, high);
    short(tags::PIXEL_REPRESENTATION, u16::from(signed));
    if out.channels == 3 {
        short(tags::PLANAR_CONFIGURATION, header.short(tags::PLANAR_CONFIGURATION).unwrap_or(0));
    }
    let photometric = PrimitiveValue::from(out.photometric.as_str());
    object.put(DataElement::new(tags::PHOTOMETRIC_INTERPRETATION, VR::CS, photometric));
    let sequence = PixelFragmentSequence::new_fragments(vec![bytes.into_owned()]);
    object.put(DataElement::new(tags::PIXEL_DATA, VR::OB, sequence));
    let meta = FileMetaTableBuilder::new()
        .transfer_syntax(transfer)
        .media_storage_sop_class_uid(uids::SECONDARY_CAPTURE_IMAGE_STORAGE)
        .media_storage_sop_instance_uid("2.25.1");
    let object = object.with_meta(meta).map_err(|_| "the pixels cannot be put before the decoder".to_owned())?;
    let decoded = object.decode_pixel_data().map_err(|error| reason(&error))?;
    let width = usize::from(allocated / 8);
    let expected = out.width * out.height * out.channels * width;
    let found = decoded.data().len();
    if found < expected || width == 0 {
        return Err(format!("{found} bytes of decoded pixels; expected {expected}"));
    }
    let coloured = transfer != uids::RLE_LOSSLESS && out.channels == 3;
    out.bytes = Cow::Owned(decoded.into_data());
    out.big = false;
    out.planar = false;
    if coloured {
        out.photometric = "RGB".to_owned();
    }
    Ok(())
}

/// The innermost cause, which says what hinders.
fn reason(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    let told: String = cause.to_string().chars().filter(|c| !c.is_control()).take(120).collect();
    format!("not decoded: {told}")
}

/// A JPEG must be of the size that the header tells, and of no more components. Where the header says RGB, and
/// neither JFIF nor Adobe's marker speaks of a transform, the components get ids that keep the decoder from making one.
fn jpeg_as_told<'a>(out: &Samples, bytes: Cow<'a, [u8]>) -> Result<Cow<'a, [u8]>, String> {
    let mut at = 2;
    let mut places = Vec::new();
    let mut told = false;
    let mut seen = false;
    if !bytes.starts_with(&[0xFF, 0xD8]) {
        return Err("no JPEG where one was expected".to_owned());
    }
    // Between the segments stand the coded samples, in which FF comes before 00 or a restart marker alone.
    while let Some(&[first, marker, l1, l0]) = bytes.get(at..).and_then(|b| b.first_chunk()) {
        if first != 0xFF || matches!(marker, 0x00 | 0x01 | 0xD0..=0xD7 | 0xFF) {
            at += if first == 0xFF && marker != 0xFF { 2 } else { 1 };
            continue;
        }
        let length = usize::from(u16::from_be_bytes([l1, l0])).max(2);
        let body = bytes.get(at + 4..at + 2 + length).unwrap_or_default();
        match marker {
            0xC0..=0xCF if !matches!(marker, 0xC4 | 0xC8 | 0xCC) => {
                frame_fits(out, marker, body)?;
                seen = true;
                places.extend((0..out.channels).map(|c| at + 10 + 3 * c));
            }
            0xDA if seen => places.extend((0..usize::from(*body.first().unwrap_or(&0)).min(3)).map(|c| at + 5 + 2 * c)),
            0xEE if body.starts_with(b"Adobe") => told |= body.get(11) == Some(&1),
            0xE0 if body.starts_with(b"JFIF") => told = true,
            0xD9 => break,
            _ => {}
        }
        at += 2 + length;
    }
    if !seen {
        return Err("a JPEG without a frame header".to_owned());
    }
    let ids: Vec<u8> = places.iter().take(3).filter_map(|&at| bytes.get(at)).copied().collect();
    if out.photometric != "RGB" || told || ids.len() != 3 {
        return Ok(bytes);
    }
    let mut bytes = bytes.into_owned();
    for at in places {
        if let Some(id) = bytes.get_mut(at) {
            *id = ids.iter().position(|i| i == id).map_or(*id, |place| b"RGB"[place]);
        }
    }
    Ok(Cow::Owned(bytes))
}

fn frame_fits(out: &Samples, marker: u8, body: &[u8]) -> Result<(), String> {
    let [bits, h1, h0, w1, w0, components, ..] = *body else {
        return Err("a JPEG that breaks off in its frame header".to_owned());
    };
    let height = usize::from(u16::from_be_bytes([h1, h0]));
    let width = usize::from(u16::from_be_bytes([w1, w0]));
    if (width, height, usize::from(components)) != (out.width, out.height, out.channels) {
        return Err(format!(
            "a JPEG of {width} x {height} pixels of {components} samples in an image of {} x {} of {}",
            out.width, out.height, out.channels
        ));
    }
    if bits == 12 && marker != 0xC3 {
        return Err("JPEG of 12 bits is not decoded".to_owned());
    }
    Ok(())
}

fn jpeg_2000(out: &mut Samples, bytes: &[u8]) -> Result<(), String> {
    use hayro_jpeg2000::{DecodeSettings, DecoderContext, Image};
    // SIZ stands right behind the start of the codestream; its number of components costs memory each.
    let start = bytes.windows(4).position(|w| w == [0xFF, 0x4F, 0xFF, 0x51]).ok_or("no JPEG 2000 codestream")?;
    let [high, low, coded] = *bytes.get(start + 40..).and_then(|b| b.first_chunk()).unwrap_or(&[0; 3]);
    let components = usize::from(u16::from_be_bytes([high, low]));
    if components != out.channels {
        return Err(format!("JPEG 2000 of {components} components in an image of {} samples a pixel", out.channels));
    }
    let settings = DecodeSettings { resolve_palette_indices: false, strict: false, target_resolution: None };
    let told = |error: hayro_jpeg2000::error::DecodeError| format!("not decoded: {error}");
    let image = Image::new(bytes, &settings).map_err(told)?;
    let size = (image.width() as usize, image.height() as usize);
    if size != (out.width, out.height) {
        return Err(format!(
            "JPEG 2000 of {} x {} pixels in an image of {} x {}",
            size.0, size.1, out.width, out.height
        ));
    }
    let mut context = DecoderContext::default();
    let decoded = image.decode(&mut context).map_err(told)?;
    let planes = decoded.components();
    if planes.len() != out.channels || planes.iter().any(|p| p.samples().len() != size.0 * size.1) {
        return Err("JPEG 2000 whose components are not of one size".to_owned());
    }
    let (precision, signed) = (i32::from(coded & 0x7F) + 1, coded & 0x80 != 0);
    let (half, whole) = (2_f32.powi(precision - 1), 2_f32.powi(precision));
    let wanted = matches!(out.form, Form::Whole { signed: true, .. });
    // The decoder lifts all samples as if they were unsigned. Where the header tells of another sign than the
    // codestream, the bits are meant, as pydicom reads them.
    let value = |sample: &f32| {
        let value = sample.round().clamp(0.0, whole - 1.0) - if signed { half } else { 0.0 };
        match wanted {
            true if value >= half => value - whole,
            false if value < 0.0 => value + whole,
            _ => value,
        }
    };
    out.reals = planes.iter().flat_map(|p| p.samples().iter().map(value)).collect();
    out.form = Form::Decoded;
    out.planar = true;
    // The decoder has undone the transform of colours that JPEG 2000 itself makes.
    if matches!(out.photometric.as_str(), "YBR_ICT" | "YBR_RCT") {
        out.photometric = "RGB".to_owned();
    }
    Ok(())
}

/// Written as words of two bytes; so are pixel data that do not tell their representation.
fn is_words(vr: Option<[u8; 2]>) -> bool {
    vr.is_none_or(|vr| vr == *b"OW")
}
