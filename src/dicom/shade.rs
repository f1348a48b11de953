//! Samples of a frame -> 8 bits: modality and VOI transforms, palettes and colour spaces, as PS3.3 C.11 and C.7.6.3.
//!
//! Of several windows the first counts. Without a window or VOI table the darkest and the brightest sample of the frame
//! are black and white.

use super::node::Node;
use super::parse::Value;
use super::pixel::{Form, Header, Samples, shorts};
use crate::output::pair_page::Picture;
use dicom_core::Tag;
use dicom_dictionary_std::tags;

/// The frame as a viewer shows it at first.
pub(super) fn shade(header: &Header, samples: &Samples, frame: u32) -> Result<Picture, String> {
    let size = [samples.width as u32, samples.height as u32];
    let pixels = samples.width * samples.height;
    let photometric = samples.photometric.as_str();
    match (photometric, samples.channels) {
        ("MONOCHROME1" | "MONOCHROME2", 1) => {
            let bytes = grey(header, samples, frame, photometric == "MONOCHROME1")?;
            Ok(Picture { size, channels: 1, bytes })
        }
        ("PALETTE COLOR", 1) => {
            let palette = Palette::of(header)?;
            let bytes = (0..pixels).flat_map(|p| palette.colour(samples.at(p, 0))).collect();
            Ok(Picture { size, channels: 3, bytes })
        }
        ("RGB" | "YBR_FULL" | "YBR_FULL_422", 3) => {
            let bits = match samples.form {
                Form::Whole { stored, .. } => stored,
                _ => 8,
            };
            let full = ((1_u64 << bits) - 1) as f64;
            let pixel = |p: usize| {
                let [a, b, c] = [0, 1, 2].map(|channel| samples.at(p, channel) * 255.0 / full);
                if photometric == "RGB" { [a, b, c].map(byte) } else { rgb(a, b, c).map(byte) }
            };
            Ok(Picture { size, channels: 3, bytes: (0..pixels).flat_map(pixel).collect() })
        }
        // The value is of the default repertoire and short; anything else is not repeated.
        (other, channels)
            if other.len() <= 16 && other.bytes().all(|b| b.is_ascii_uppercase() || b"_0123456789 ".contains(&b)) =>
        {
            Err(format!("pixels of photometric interpretation {other} and {channels} samples are not shown"))
        }
        _ => Err("pixels of an unknown photometric interpretation are not shown".to_owned()),
    }
}

fn byte(value: f64) -> u8 {
    // Saturates; NaN is black.
    value.round() as u8
}

fn rgb(y: f64, cb: f64, cr: f64) -> [f64; 3] {
    let (cb, cr) = (cb - 128.0, cr - 128.0);
    [y + 1.402 * cr, y - 0.344_136 * cb - 0.714_136 * cr, y + 1.772 * cb]
}

fn grey(header: &Header, samples: &Samples, frame: u32, inverted: bool) -> Result<Vec<u8>, String> {
    let modality = Modality::of(header, samples, frame)?;
    let voi = Voi::of(header, samples, frame)?;
    let pixels = samples.width * samples.height;
    let value = |p: usize| modality.apply(samples.at(p, 0));
    let voi = voi.unwrap_or_else(|| {
        let padding = padding(header, samples);
        let shown = (0..pixels).filter(|&p| padding != Some(samples.at(p, 0))).map(value).filter(|v| v.is_finite());
        let (low, high) = shown.fold((f64::MAX, f64::MIN), |(low, high), v| (low.min(v), high.max(v)));
        Voi::Between(low, high)
    });
    let shown = |p: usize| {
        let light = voi.apply(value(p)).clamp(0.0, 1.0);
        byte(255.0 * if inverted { 1.0 - light } else { light })
    };
    Ok((0..pixels).map(shown).collect())
}

/// The value of pixels outside the image.
fn padding(header: &Header, samples: &Samples) -> Option<f64> {
    let value = *header.shorts(tags::PIXEL_PADDING_VALUE)?.first()?;
    Some(if is_signed(samples, header) { f64::from(value as i16) } else { f64::from(value) })
}

fn is_signed(samples: &Samples, header: &Header) -> bool {
    match samples.form {
        Form::Whole { signed, .. } => signed,
        _ => header.shorts(tags::PIXEL_REPRESENTATION).is_some_and(|v| v.first() == Some(&1)),
    }
}

/// Where a frame's own values stand: its own functional group, the shared one, the image itself.
fn group<'a>(header: &Header<'a>, sequence: Tag, frame: u32) -> Result<Option<Node<'a>>, String> {
    let own = header.node.items(tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE)?.into_iter().nth(frame as usize - 1);
    let shared = header.node.items(tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE)?.into_iter().next();
    for holder in [own, shared].into_iter().flatten() {
        if let Some(item) = holder.items(sequence)?.into_iter().next() {
            return Ok(Some(item));
        }
    }
    Ok(None)
}

/// The first number of an attribute.
fn number(node: &Node, tag: Tag) -> Option<f64> {
    node.plain(tag)?.split('\\').next()?.trim().parse().ok().filter(|v: &f64| v.is_finite())
}

/// Stored values to those of the modality.
enum Modality {
    Line { slope: f64, intercept: f64 },
    Table(Table),
}

impl Modality {
    fn of(header: &Header, samples: &Samples, frame: u32) -> Result<Modality, String> {
        if let Some(item) = header.node.items(tags::MODALITY_LUT_SEQUENCE)?.first() {
            return Ok(Modality::Table(Table::of(item, header.big, is_signed(samples, header))?));
        }
        let of_frame = group(header, tags::PIXEL_VALUE_TRANSFORMATION_SEQUENCE, frame)?;
        let node = of_frame.as_ref().unwrap_or(&header.node);
        Ok(Modality::Line {
            slope: number(node, tags::RESCALE_SLOPE).filter(|&s| s != 0.0).unwrap_or(1.0),
            intercept: number(node, tags::RESCALE_INTERCEPT).unwrap_or(0.0),
        })
    }

    fn apply(&self, value: f64) -> f64 {
        match self {
            Modality::Line { slope, intercept } => value * slope + intercept,
            Modality::Table(table) => f64::from(table.entry(value)),
        }
    }
}

/// Values of the modality to light, 0 to 1.
enum Voi {
    /// Center and width, with the half steps of PS3.3 C.11.2.1.2.
    Window(f64, f64),
    /// Center and width of a sigmoid.
    Sigmoid(f64, f64),
    /// Darkest and brightest.
    Between(f64, f64),
    Table(Table),
}

impl Voi {
    fn of(header: &Header, samples: &Samples, frame: u32) -> Result<Option<Voi>, String> {
        let of_frame = group(header, tags::FRAME_VOILUT_SEQUENCE, frame)?;
        let node = of_frame.as_ref().unwrap_or(&header.node);
        if let Some(item) = header.node.items(tags::VOILUT_SEQUENCE)?.first() {
            let signed = is_signed(samples, header);
            return Ok(Some(Voi::Table(Table::of(item, header.big, signed)?)));
        }
        let (Some(center), Some(width)) = (number(node, tags::WINDOW_CENTER), number(node, tags::WINDOW_WIDTH)) else {
            return Ok(None);
        };
        Ok(match node.plain(tags::VOILUT_FUNCTION).as_deref() {
            Some("SIGMOID") if width > 0.0 => Some(Voi::Sigmoid(center, width)),
            Some("LINEAR_EXACT") if width > 0.0 => Some(Voi::Between(center - width / 2.0, center + width / 2.0)),
            _ if width >= 1.0 => Some(Voi::Window(center, width)),
            // No width of a window: as if none stood there.
            _ => None,
        })
    }

    fn apply(&self, value: f64) -> f64 {
        match *self {
            Voi::Window(center, width) if width <= 1.0 => f64::from(u8::from(value > center - 0.5)),
            Voi::Window(center, width) => (value - (center - 0.5)) / (width - 1.0) + 0.5,
            Voi::Sigmoid(center, width) => 1.0 / (1.0 + (-4.0 * (value - center) / width).exp()),
            Voi::Between(low, high) if high > low => (value - low) / (high - low),
            Voi::Between(..) => 0.0,
            Voi::Table(ref table) => f64::from(table.entry(value)) / f64::from(table.full),
        }
    }
}

/// A table of values (LUT).
struct Table {
    /// The value of the first entry.
    first: f64,
    entries: Vec<u16>,
    /// The largest that its number of bits can hold.
    full: u16,
}

impl Table {
    fn of(item: &Node, big: bool, signed: bool) -> Result<Table, String> {
        Table::at(item, tags::LUT_DESCRIPTOR, tags::LUT_DATA, big, signed)
    }

    fn at(node: &Node, descriptor: Tag, data: Tag, big: bool, signed: bool) -> Result<Table, String> {
        let told = shorts(node, descriptor, big);
        let [count, first, bits] = *told.as_deref().unwrap_or_default() else {
            return Err(format!("no descriptor of a table {descriptor}"));
        };
        let count = if count == 0 { 1 << 16 } else { usize::from(count) };
        let Some(Value::Bytes(bytes)) = node.value(data) else { return Err(format!("no entries of a table {data}")) };
        // Tables of 8 bits stand in bytes, or in words of two bytes each.
        let entries: Vec<u16> = match bytes.len() < count * 2 {
            true => bytes.iter().map(|&b| u16::from(b)).collect(),
            false => shorts(node, data, big).unwrap_or_default(),
        };
        if entries.len() < count || !(1..=16).contains(&bits) {
            return Err(format!("a table {data} of {} entries of {bits} bits; expected {count}", entries.len()));
        }
        let first = if signed { f64::from(first as i16) } else { f64::from(first) };
        Ok(Table { first, entries: entries[..count].to_vec(), full: (u32::MAX >> (32 - bits)) as u16 })
    }

    fn entry(&self, value: f64) -> u16 {
        let index = (value.round() - self.first).clamp(0.0, (self.entries.len() - 1) as f64);
        self.entries[index as usize]
    }
}

/// The three tables of a palette.
struct Palette([Table; 3]);

impl Palette {
    fn of(header: &Header) -> Result<Palette, String> {
        const TAGS: [(Tag, Tag); 3] = [
            (tags::RED_PALETTE_COLOR_LOOKUP_TABLE_DESCRIPTOR, tags::RED_PALETTE_COLOR_LOOKUP_TABLE_DATA),
            (tags::GREEN_PALETTE_COLOR_LOOKUP_TABLE_DESCRIPTOR, tags::GREEN_PALETTE_COLOR_LOOKUP_TABLE_DATA),
            (tags::BLUE_PALETTE_COLOR_LOOKUP_TABLE_DESCRIPTOR, tags::BLUE_PALETTE_COLOR_LOOKUP_TABLE_DATA),
        ];
        let signed = header.shorts(tags::PIXEL_REPRESENTATION).is_some_and(|v| v.first() == Some(&1));
        let table = |(descriptor, data)| Table::at(&header.node, descriptor, data, header.big, signed);
        let [red, green, blue] = TAGS.map(table);
        Ok(Palette([red?, green?, blue?]))
    }

    fn colour(&self, value: f64) -> [u8; 3] {
        [0, 1, 2].map(|i: usize| {
            let table = &self.0[i];
            // Some writers claim 16 bits and fill 8.
            let full = if table.entries.iter().all(|&e| e < 256) { 255 } else { table.full };
            byte(f64::from(table.entry(value)) * 255.0 / f64::from(full))
        })
    }
}
