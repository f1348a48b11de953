//! Tests of `pixels`: images made here, damaged files, and a folder of real ones for `tests/measure/thumbnails.py`.

use super::*;

/// An element of a DICOM file, explicit and little endian.
fn element(tag: (u16, u16), vr: &[u8; 2], value: &[u8]) -> Vec<u8> {
    let mut out = [tag.0.to_le_bytes(), tag.1.to_le_bytes()].concat();
    out.extend_from_slice(vr);
    match vr {
        b"OB" | b"OW" | b"SQ" => out.extend([&[0, 0][..], &(value.len() as u32).to_le_bytes()].concat()),
        _ => out.extend((value.len() as u16).to_le_bytes()),
    }
    out.extend_from_slice(value);
    out
}

/// A DICOM file: elements of the group 0028, then the pixels with their header.
fn file(transfer: &str, image: &[Vec<u8>], pixels: &[u8]) -> Vec<u8> {
    let mut out = vec![0; 128];
    out.extend_from_slice(b"DICM");
    out.extend(element((2, 0x10), b"UI", transfer.as_bytes()));
    out.extend(element((8, 0x16), b"UI", b"1.2.840.10008.5.1.4.1.1.7\0"));
    out.extend(image.concat());
    out.extend_from_slice(pixels);
    out
}

fn short(number: u16, value: u16) -> Vec<u8> {
    element((0x28, number), b"US", &value.to_le_bytes())
}

/// Photometric interpretation, samples a pixel, rows, columns, bits.
fn shape(photometric: &[u8], channels: u16, size: [u16; 2], bits: u16) -> Vec<Vec<u8>> {
    vec![
        short(2, channels),
        element((0x28, 4), b"CS", photometric),
        short(6, 0),
        short(0x10, size[1]),
        short(0x11, size[0]),
        short(0x100, bits),
        short(0x101, bits),
        short(0x102, bits - 1),
        short(0x103, 0),
    ]
}

fn words(values: &[u16]) -> Vec<u8> {
    let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
    element((0x7FE0, 0x10), b"OW", &bytes)
}

fn shown(bytes: &[u8]) -> Result<Vec<u8>, String> {
    picture(bytes, 1).map(|p| p.bytes)
}

const EXPLICIT: &str = "1.2.840.10008.1.2.1\0";

#[test]
fn grey_is_stretched_windowed_and_inverted() {
    let pixels = words(&[100, 200, 300, 500]);
    let mut image = shape(b"MONOCHROME2 ", 1, [2, 2], 16);
    assert_eq!(shown(&file(EXPLICIT, &image, &pixels)), Ok(vec![0, 64, 128, 255]));
    image[1] = element((0x28, 4), b"CS", b"MONOCHROME1 ");
    assert_eq!(shown(&file(EXPLICIT, &image, &pixels)), Ok(vec![255, 191, 128, 0]));
    image[1] = element((0x28, 4), b"CS", b"MONOCHROME2 ");
    image.push(element((0x28, 0x1050), b"DS", b"-700\\40 "));
    image.push(element((0x28, 0x1051), b"DS", b"201\\400 "));
    image.push(element((0x28, 0x1052), b"DS", b"-1000 "));
    image.push(element((0x28, 0x1053), b"DS", b"1 "));
    // The first window, over -800.5 to -600.5 of the values less 1000.
    assert_eq!(shown(&file(EXPLICIT, &image, &pixels)), Ok(vec![0, 1, 128, 255]));
}

#[test]
fn colours_palettes_and_frames_are_told_apart() {
    let rgb = file(EXPLICIT, &shape(b"RGB ", 3, [1, 2], 8), &element((0x7FE0, 0x10), b"OB", &[255, 0, 0, 0, 0, 255]));
    assert_eq!(shown(&rgb), Ok(vec![255, 0, 0, 0, 0, 255]));
    let grey = [128, 128, 128, 76, 85, 255];
    let ybr = file(EXPLICIT, &shape(b"YBR_FULL", 3, [2, 1], 8), &element((0x7FE0, 0x10), b"OB", &grey));
    assert_eq!(shown(&ybr), Ok(vec![128, 128, 128, 254, 0, 0]));
    let mut image = shape(b"PALETTE COLOR ", 1, [2, 1], 8);
    for number in 0..3 {
        let descriptor: Vec<u8> = [2_u16, 7, 16].iter().flat_map(|v| v.to_le_bytes()).collect();
        image.push(element((0x28, 0x1101 + number), b"US", &descriptor));
    }
    for (number, last) in [(0, 0xFFFF_u16), (1, 0x8000), (2, 0xFFFF)] {
        let table: Vec<u8> = [0x0101, last].iter().flat_map(|v: &u16| v.to_le_bytes()).collect();
        image.push(element((0x28, 0x1201 + number), b"OW", &table));
    }
    let palette = file(EXPLICIT, &image, &element((0x7FE0, 0x10), b"OB", &[7, 8]));
    assert_eq!(shown(&palette), Ok(vec![1, 1, 1, 255, 128, 255]));
    let mut image = shape(b"MONOCHROME2 ", 1, [2, 1], 8);
    image.insert(2, element((0x28, 8), b"IS", b"2 "));
    let frames = file(EXPLICIT, &image, &element((0x7FE0, 0x10), b"OB", &[1, 2, 9, 5]));
    assert_eq!(picture(&frames, 2).map(|p| p.bytes), Ok(vec![255, 0]));
    assert_eq!(picture(&frames, 3), Err("frame 3 is asked for, the file has 2".to_owned()));
}

/// An 8-bit grey JPEG of 16 x 8 pixels.
fn jpeg() -> Vec<u8> {
    let grey: Vec<u8> = (0..128_u16).map(|i| if i % 16 < 8 { 20 } else { 220 }).collect();
    let mut out = Vec::new();
    image::codecs::jpeg::JpegEncoder::new_with_quality(&mut out, 95)
        .write_image(&grey, 16, 8, ExtendedColorType::L8)
        .expect("encoded");
    out
}

fn fragments(parts: &[&[u8]]) -> Vec<u8> {
    let mut out = [&[0xE0, 0x7F, 0x10, 0][..], b"OB\0\0", &[0xFF; 4]].concat();
    for part in [&[][..]].iter().chain(parts) {
        let mut part = part.to_vec();
        part.resize(part.len().next_multiple_of(2), 0);
        out.extend([&[0xFE, 0xFF, 0, 0xE0][..], &(part.len() as u32).to_le_bytes(), &part].concat());
    }
    out.extend([0xFE, 0xFF, 0xDD, 0xE0, 0, 0, 0, 0]);
    out
}

#[test]
fn a_jpeg_is_decoded_where_its_size_is_that_of_the_header() {
    let transfer = "1.2.840.10008.1.2.4.50";
    let jpeg = jpeg();
    let good = file(transfer, &shape(b"MONOCHROME2 ", 1, [16, 8], 8), &fragments(&[&jpeg]));
    let found = shown(&good).expect("decoded");
    assert!(found[..8].iter().all(|&v| v < 30) && found[8..16].iter().all(|&v| v > 225), "{found:?}");
    assert_eq!(shown(&jpeg).map(|p| p.len()), Ok(128));
    let (first, second) = jpeg.split_at(40);
    let split = file(transfer, &shape(b"MONOCHROME2 ", 1, [16, 8], 8), &fragments(&[first, second]));
    assert_eq!(shown(&split), Ok(found));
    let lying = file(transfer, &shape(b"MONOCHROME2 ", 1, [16, 9], 8), &fragments(&[&jpeg]));
    let told = "a JPEG of 16 x 8 pixels of 1 samples in an image of 16 x 9 of 1";
    assert_eq!(shown(&lying), Err(told.to_owned()));
    let ls = file("1.2.840.10008.1.2.4.80", &shape(b"MONOCHROME2 ", 1, [16, 8], 8), &fragments(&[&jpeg]));
    assert_eq!(shown(&ls), Err("JPEG-LS is not decoded".to_owned()));
}

/// JPEG 2000, lossless, of 8 x 8 pixels: `y * 16 + x`. Written by OpenJPEG through Pillow.
const JPEG_2000: &str = "
    ff4fff510029000000000008000000080000000000000000000000080000000800000000000000000001070101ff52000c0000000100
    0104040001ff5c00074040484850ff90000a00000000002c0001ff93df8080120a436cda2e9e1a213549fee46b7651c01141f3830022
    17037febffd9
";

fn jpeg_2000() -> Vec<u8> {
    let digits: Vec<u8> = JPEG_2000.bytes().filter(u8::is_ascii_hexdigit).collect();
    let byte = |pair: &[u8]| u8::from_str_radix(&String::from_utf8_lossy(pair), 16).expect("hex");
    digits.chunks(2).map(byte).collect()
}

#[test]
fn jpeg_2000_is_decoded() {
    let mut image = shape(b"MONOCHROME2 ", 1, [8, 8], 8);
    // A window that keeps every value: 0 to 255.
    image.push(element((0x28, 0x1050), b"DS", b"128 "));
    image.push(element((0x28, 0x1051), b"DS", b"256 "));
    let transfer = "1.2.840.10008.1.2.4.90";
    let expected: Vec<u8> = (0..64).map(|i| i / 8 * 16 + i % 8).collect();
    assert_eq!(shown(&file(transfer, &image, &fragments(&[&jpeg_2000()]))), Ok(expected));
    let lying = file(transfer, &shape(b"MONOCHROME2 ", 1, [9, 8], 8), &fragments(&[&jpeg_2000()]));
    assert!(shown(&lying).is_err_and(|e| e == "JPEG 2000 of 8 x 8 pixels in an image of 9 x 8"));
}

#[test]
fn rle_is_decoded() {
    // One segment: 3 equal, 1 literal.
    let mut rle = vec![0; 64];
    rle[0] = 1;
    rle[4] = 64;
    rle.extend([0xFE, 10, 0, 20]);
    let image = file("1.2.840.10008.1.2.5\0", &shape(b"MONOCHROME2 ", 1, [2, 2], 8), &fragments(&[&rle]));
    assert_eq!(shown(&image), Ok(vec![0, 0, 0, 255]));
}

#[test]
fn sizes_are_looked_at_before_anything_is_set_aside() {
    let huge = file(EXPLICIT, &shape(b"MONOCHROME2 ", 1, [65535, 65535], 16), &words(&[1]));
    assert_eq!(shown(&huge), Err(format!("65535 x 65535 pixels, over {}", 1 << 27)));
    let cut = file(EXPLICIT, &shape(b"MONOCHROME2 ", 1, [4, 4], 16), &words(&[1]));
    assert_eq!(shown(&cut), Err("2 bytes of pixels; expected 32 up to frame 1".to_owned()));
    assert!(shown(b"GIF89a").is_err_and(|e| e == "GIF is not decoded"));
    assert!(thumbnail(Path::new("/no/such/file"), None, 9).is_err_and(|e| e == "entity not found"));
}

#[test]
fn a_small_picture_holds_means() {
    let picture = Picture { size: [4, 2], channels: 1, bytes: vec![0, 10, 20, 30, 10, 20, 30, 41] };
    let small = shrunk(&picture, 2).expect("a picture");
    assert_eq!((small.size, small.image), ([2, 1], [4, 2]));
    assert_eq!(plain(&small.png, ImageFormat::Png).map(|p| p.bytes), Ok(vec![10, 30]));
    let thin = Picture { size: [300, 1], channels: 3, bytes: vec![7; 900] };
    assert_eq!(shrunk(&thin, 3).map(|t| t.size), Ok([3, 1]));
    let deep = image::ImageBuffer::<image::Luma<u16>, _>::from_raw(2, 1, vec![1000, 3000]).expect("an image");
    let mut png = Cursor::new(Vec::new());
    deep.write_to(&mut png, ImageFormat::Png).expect("written");
    assert_eq!(shown(png.get_ref()), Ok(vec![0, 255]));
}

/// A file cut off or changed at any byte is told or shown, and never ends the run.
#[test]
fn damaged_files_cost_their_picture_alone() {
    let jpeg = jpeg();
    let files = [
        file("1.2.840.10008.1.2.4.50", &shape(b"MONOCHROME2 ", 1, [16, 8], 8), &fragments(&[&jpeg])),
        file(EXPLICIT, &shape(b"MONOCHROME2 ", 1, [2, 2], 16), &words(&[1, 2, 3, 4])),
        file("1.2.840.10008.1.2.4.90", &shape(b"MONOCHROME2 ", 1, [8, 8], 8), &fragments(&[&jpeg_2000()])),
        shrunk(&Picture { size: [4, 2], channels: 1, bytes: vec![7; 8] }, 4).expect("a picture").png,
        jpeg,
    ];
    let mut told = 0;
    for bytes in &files {
        for at in 0..bytes.len() {
            told += u32::from(guarded(|| picture(&bytes[..at], 1)).is_err());
            for change in [0x01, 0x80, 0xFF] {
                let mut damaged = bytes.clone();
                damaged[at] ^= change;
                told += u32::from(guarded(|| picture(&damaged, 1)).is_err());
            }
        }
    }
    assert!(told > 500, "{told}");
}

/// Pictures of a folder in full size, for `tests/measure/thumbnails.py`: `NAME.png`, or `NAME.txt` with the reason.
#[test]
#[ignore = "reads the folder that RADLABEL_IMAGES names, writes to RADLABEL_PICTURES"]
fn pictures_of_a_folder() {
    let folder = |name: &str| std::path::PathBuf::from(std::env::var_os(name).expect(name));
    let (from, to) = (folder("RADLABEL_IMAGES"), folder("RADLABEL_PICTURES"));
    for entry in std::fs::read_dir(from).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        match thumbnail(&path, None, u32::MAX) {
            Ok(shown) => std::fs::write(to.join(format!("{name}.png")), shown.png),
            Err(reason) => std::fs::write(to.join(format!("{name}.txt")), reason),
        }
        .expect("written");
    }
}
