//! Bytes -> text, never silently wrong.
//!
//! Under `auto` a byte order mark decides, then UTF-8 if it is valid, then a guess from the bytes, which
//! is told. A byte that the encoding does not know becomes U+FFFD and is counted, so that its report
//! carries a note. Knows nothing of formats.

use crate::Error;
use encoding_rs::{DecoderResult, Encoding, UTF_8, UTF_16BE, UTF_16LE};
use std::borrow::Cow;
use std::io::{self, Read};

/// Which encoding to read with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Choice {
    /// Find out.
    Auto,
    /// As the user said.
    Fixed(&'static Encoding),
}

impl Choice {
    /// The choice that a label names.
    pub(crate) fn of(label: &str) -> Result<Choice, Error> {
        if label.eq_ignore_ascii_case("auto") {
            return Ok(Choice::Auto);
        }
        Encoding::for_label_no_replacement(label.as_bytes()).map(Choice::Fixed).ok_or_else(|| {
            Error::Usage(format!(
                "unknown encoding \"{label}\"; expected auto or a label of the WHATWG encoding standard: utf-8, \
                 windows-1252, iso-8859-15, utf-16le, shift_jis, gb18030, ..."
            ))
        })
    }
}

/// What the start of a source says of its encoding: the encoding if it is settled, the length of the byte
/// order mark, and whether it was guessed.
pub(crate) fn at_start(head: &[u8], choice: Choice) -> (Option<&'static Encoding>, usize, bool) {
    if let Some((found, length)) = Encoding::for_bom(head) {
        return match choice {
            Choice::Fixed(fixed) if fixed != found => (Some(fixed), 0, false),
            _ => (Some(found), length, false),
        };
    }
    if let Choice::Fixed(fixed) = choice {
        return (Some(fixed), 0, false);
    }
    // UTF-16 without a mark: Western text has a zero in every other byte.
    let head = &head[..head.len().min(4096)];
    let zeros = |odd: usize| head.iter().skip(odd).step_by(2).filter(|&&b| b == 0).count();
    let (even, odd) = (zeros(0), zeros(1));
    if head.len() >= 8 && even.max(odd) * 5 > head.len() && even.min(odd) * 20 < head.len() {
        return (Some(if odd > even { UTF_16LE } else { UTF_16BE }), 0, true);
    }
    (None, 0, false)
}

/// Why bytes are no text in any encoding that is read here.
pub(crate) fn not_text(bytes: &[u8]) -> Option<String> {
    if bytes.starts_with(&[0xff, 0xfe, 0, 0]) || bytes.starts_with(&[0, 0, 0xfe, 0xff]) {
        return Some("UTF-32, which is not read; expected UTF-8, UTF-16 or a one-byte encoding".to_owned());
    }
    let (settled, ..) = at_start(bytes, Choice::Auto);
    if settled.is_some() {
        return None;
    }
    let control = |b: &&u8| matches!(**b, 0..=8 | 14..=26 | 28..=31);
    let sample = &bytes[..bytes.len().min(1 << 16)];
    let odd = sample.iter().filter(control).count();
    (odd > 4 && odd * 50 > sample.len())
        .then(|| format!("does not look like text: {odd} control characters in the first {} bytes", sample.len()))
}

/// The encoding of bytes that are not all ASCII, and whether it is a guess. Where UTF-8 sequences
/// outnumber broken ones, it is UTF-8 with faults rather than something else.
pub(crate) fn guess(bytes: &[u8]) -> (&'static Encoding, bool) {
    let (mut valid, mut broken) = (0_usize, 0_usize);
    for chunk in bytes.utf8_chunks() {
        if !chunk.valid().is_ascii() {
            valid += chunk.valid().chars().filter(|c| !c.is_ascii()).count();
        }
        // A sequence cut by the end of the sample is no fault.
        broken += usize::from(!chunk.invalid().is_empty());
    }
    if valid >= broken {
        return (UTF_8, false);
    }
    let mut detector = chardetng::EncodingDetector::new(chardetng::Iso2022JpDetection::Deny);
    // Lines of UTF-8 among others would only mislead.
    for line in bytes.split_inclusive(|&b| b == b'\n').filter(|line| std::str::from_utf8(line).is_err()) {
        detector.feed(line, false);
    }
    detector.feed(&[], true);
    (detector.guess(None, chardetng::Utf8Detection::Deny), true)
}

/// A whole text in one piece: its encoding is found if need be. Gives the text, the encoding, whether
/// that was guessed, and how many bytes were not valid.
pub(crate) fn decode_whole(bytes: &[u8], choice: Choice) -> (Cow<'_, str>, &'static Encoding, bool, usize) {
    let (settled, mark, guessed) = at_start(bytes, choice);
    let bytes = &bytes[mark..];
    let (encoding, guessed) = match settled {
        Some(encoding) => (encoding, guessed),
        None => guess(bytes),
    };
    let (text, bad) = decode(bytes, encoding);
    (text, encoding, guessed, bad)
}

/// A whole text whose encoding nobody named, and the name of the encoding.
pub(crate) fn decode_guessed(bytes: &[u8]) -> (String, &'static str) {
    let (text, encoding, ..) = decode_whole(bytes, Choice::Auto);
    (text.into_owned(), encoding.name())
}

/// Decodes a record: its text, and how many bytes were not valid and became U+FFFD.
pub(crate) fn decode<'a>(bytes: &'a [u8], encoding: &'static Encoding) -> (Cow<'a, str>, usize) {
    if encoding == UTF_8 {
        if let Ok(text) = std::str::from_utf8(bytes) {
            return (Cow::Borrowed(text), 0);
        }
        let bad = bytes.utf8_chunks().map(|c| c.invalid().len()).sum();
        return (String::from_utf8_lossy(bytes), bad);
    }
    if encoding.is_ascii_compatible()
        && bytes.is_ascii()
        && let Ok(text) = std::str::from_utf8(bytes)
    {
        return (Cow::Borrowed(text), 0);
    }
    let mut decoder = encoding.new_decoder_without_bom_handling();
    let mut text = String::with_capacity(bytes.len() + bytes.len() / 4 + 16);
    let mut bad = 0;
    let mut at = 0;
    loop {
        let (result, read) = decoder.decode_to_string_without_replacement(&bytes[at..], &mut text, true);
        at += read;
        match result {
            DecoderResult::InputEmpty => return (Cow::Owned(text), bad),
            DecoderResult::OutputFull => text.reserve((bytes.len() - at) * 3 + 16),
            DecoderResult::Malformed(length, _) => {
                bad += length as usize;
                text.reserve((bytes.len() - at) * 3 + 16);
                text.push('\u{fffd}');
            }
        }
    }
}

/// Turns a source whose line ends are not single ASCII bytes (UTF-16) into UTF-8 before it is cut into
/// records; broken units arrive as U+FFFD.
pub(crate) struct Transcoder {
    inner: Box<dyn Read + Send>,
    decoder: encoding_rs::Decoder,
    raw: Vec<u8>,
    ready: Vec<u8>,
    at: usize,
    ended: bool,
}

impl Transcoder {
    pub(crate) fn new(inner: Box<dyn Read + Send>, encoding: &'static Encoding) -> Self {
        let decoder = encoding.new_decoder_without_bom_handling();
        Transcoder { inner, decoder, raw: vec![0; 1 << 16], ready: Vec::new(), at: 0, ended: false }
    }
}

impl Read for Transcoder {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.at == self.ready.len() && !self.ended {
            let read = self.inner.read(&mut self.raw)?;
            self.ended = read == 0;
            let need = self.decoder.max_utf8_buffer_length(read).unwrap_or(read * 3 + 16);
            self.ready.resize(need, 0);
            let (_, _, written, _) = self.decoder.decode_to_utf8(&self.raw[..read], &mut self.ready, self.ended);
            self.ready.truncate(written);
            self.at = 0;
        }
        let count = out.len().min(self.ready.len() - self.at);
        out[..count].copy_from_slice(&self.ready[self.at..self.at + count]);
        self.at += count;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_encodings() {
        let (text, encoding, guessed, bad) = decode_whole("\u{feff}Größe".as_bytes(), Choice::Auto);
        assert_eq!((&*text, encoding.name(), guessed, bad), ("Größe", "UTF-8", false, 0));
        let latin = b"Pas d'\xe9panchement pleural. Le m\xe9diastin est \xe9largi.";
        let (text, encoding, guessed, bad) = decode_whole(latin, Choice::Auto);
        assert_eq!((encoding.name(), guessed, bad), ("windows-1252", true, 0));
        assert!(text.contains("médiastin"));
        let wide: Vec<u8> = "No effusion seen.".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let (text, encoding, guessed, _) = decode_whole(&wide, Choice::Auto);
        assert_eq!((&*text, encoding.name(), guessed), ("No effusion seen.", "UTF-16LE", true));
    }

    #[test]
    fn knows_what_is_no_text() {
        assert_eq!(not_text(b"No effusion.\n"), None);
        assert_eq!(not_text("Größe".as_bytes()), None);
        let wide: Vec<u8> = "No effusion seen.".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(not_text(&wide), None);
        let wider: Vec<u8> = "\u{feff}No".chars().flat_map(|c| (c as u32).to_le_bytes()).collect();
        assert!(not_text(&wider).is_some_and(|m| m.starts_with("UTF-32")));
        assert!(not_text(&[0x7f, b'E', b'L', b'F', 2, 1, 1, 0, 0, 0, 0, 0, 3, 0, 62, 0]).is_some());
    }

    #[test]
    fn counts_what_is_not_valid() {
        let mixed = b"\xc3\xa9panchement \xc3\xa9 \xff\xfe.";
        let (text, encoding, _, bad) = decode_whole(mixed, Choice::Auto);
        assert_eq!((encoding.name(), bad), ("UTF-8", 2));
        assert!(text.starts_with("épanchement"));
    }

    #[test]
    fn transcodes_across_blocks() {
        let text = "Aé漢😀\n".repeat(30_000);
        let wide: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
        let mut out = String::new();
        let read = Transcoder::new(Box::new(io::Cursor::new(wide)), UTF_16BE).read_to_string(&mut out);
        assert!(read.is_ok());
        assert_eq!(out, text);
    }
}
