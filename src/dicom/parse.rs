//! Bytes of a DICOM file -> its data set as a tree of elements, borrowed from the bytes.
//!
//! A reader of its own, because it must take any bytes: the reader of `dicom-object` calls itself once a nested
//! sequence, and sets aside as much memory as a length claims. Here every length is checked against the bytes that
//! are left and the depth is bounded. Knows nothing of reports and images: what objects a caller wants, it says.

use dicom_core::Tag;
use dicom_core::VR;
use dicom_core::dictionary::{DataDictionary, DataDictionaryEntry};
use dicom_dictionary_std::{StandardDataDictionary, tags, uids};
use std::borrow::Cow;
use std::io::Read;

/// Sequences within sequences; a content tree has a level for each, and those of real reports are under ten.
const MOST_DEPTH: usize = 64;
/// What a deflated file may grow to.
const MOST_INFLATED: u64 = 64 << 20;
const UNDEFINED: u32 = u32::MAX;
const ITEM: Tag = Tag(0xFFFE, 0xE000);
const ITEM_END: Tag = Tag(0xFFFE, 0xE00D);
const SEQUENCE_END: Tag = Tag(0xFFFE, 0xE0DD);

/// One attribute and its value.
#[derive(Debug)]
pub(super) struct Element<'a> {
    pub(super) tag: Tag,
    /// Written as words of two bytes (OW).
    #[cfg_attr(not(feature = "pixels"), allow(dead_code, reason = "for pixels"))]
    pub(super) words: bool,
    pub(super) value: Value<'a>,
}

/// What an element holds.
#[derive(Debug)]
pub(super) enum Value<'a> {
    /// As it stands in the file, with its padding.
    Bytes(&'a [u8]),
    /// The items of a sequence.
    Items(Vec<Vec<Element<'a>>>),
    /// Compressed pixel data: the fragments, the offset table first.
    Fragments(Vec<&'a [u8]>),
}

/// Tells why an object of a SOP class is not wanted.
pub(super) type Expect = fn(&str) -> Result<(), String>;

/// How elements are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Syntax {
    explicit: bool,
    big: bool,
}

const IMPLICIT: Syntax = Syntax { explicit: false, big: false };
const EXPLICIT: Syntax = Syntax { explicit: true, big: false };

/// A data set that lies open: its bytes, inflated if need be, and how they are written.
pub(super) struct Opened<'a> {
    bytes: Cow<'a, [u8]>,
    start: usize,
    syntax: Syntax,
    transfer: Option<String>,
}

/// Finds the data set behind preamble and meta information, where the file has them.
pub(super) fn open(bytes: &[u8], expect: Expect) -> Result<Opened<'_>, String> {
    let start = if super::is_dicom(bytes) { 132 } else { 0 };
    if bytes.len() < start + 8 {
        return Err(format!("{} bytes; expected a DICOM file", bytes.len()));
    }
    let mut cursor = Cursor { bytes, at: start, syntax: EXPLICIT };
    let mut transfer = None;
    while cursor.group() == Some(2) {
        let end = bytes.len();
        let header = cursor.header(end)?;
        let value = cursor.take(header.tag, header.length, end)?;
        match header.tag {
            tags::MEDIA_STORAGE_SOP_CLASS_UID if !value.is_empty() => expect(&ascii(value))?,
            tags::TRANSFER_SYNTAX_UID => transfer = Some(ascii(value)),
            _ => {}
        }
    }
    let (rest, at) = (&bytes[cursor.at..], cursor.at);
    let capitals = rest.get(4..6).is_some_and(|vr| vr.iter().all(u8::is_ascii_uppercase));
    let syntax = match transfer.as_deref() {
        Some("1.2.840.10008.1.2.2") => Syntax { explicit: true, big: true },
        Some(uids::DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN) => {
            return Ok(Opened { bytes: Cow::Owned(inflate(rest)?), start: 0, syntax: EXPLICIT, transfer });
        }
        // Without meta information the data set opens with the group 0008.
        None if cursor.group() != Some(8) && start == 0 => return Err("no DICOM file: no DICM at byte 128".to_owned()),
        // Some writers claim one and write the other; an explicit VR is two capitals.
        _ if capitals => EXPLICIT,
        _ => IMPLICIT,
    };
    Ok(Opened { bytes: Cow::Borrowed(bytes), start: at, syntax, transfer })
}

fn inflate(bytes: &[u8]) -> Result<Vec<u8>, String> {
    let mut out = Vec::new();
    let read = flate2::read::DeflateDecoder::new(bytes).take(MOST_INFLATED + 1).read_to_end(&mut out);
    if out.len() as u64 > MOST_INFLATED {
        return Err(format!("a deflated data set of over {} MiB", MOST_INFLATED >> 20));
    }
    read.map_err(|_| format!("a deflated data set that breaks off or is damaged: {} bytes inflated", out.len()))?;
    Ok(out)
}

impl Opened<'_> {
    /// The Transfer Syntax UID, where the file tells it.
    #[cfg(feature = "pixels")]
    pub(super) fn transfer(&self) -> Option<&str> {
        self.transfer.as_deref()
    }

    /// Whether numbers begin with their highest byte.
    #[cfg(feature = "pixels")]
    pub(super) fn big(&self) -> bool {
        self.syntax.big
    }

    /// Reads the data set; an object that is not wanted is told as soon as its class is known.
    pub(super) fn data_set(&self, expect: Expect) -> Result<Vec<Element<'_>>, String> {
        let mut cursor = Cursor { bytes: &self.bytes, at: self.start, syntax: self.syntax };
        let end = cursor.bytes.len();
        let mut known = false;
        let mut elements = Vec::new();
        while cursor.at < end {
            // Some writers fill up the last block of a file with zeros.
            let rest = &cursor.bytes[cursor.at..];
            if rest.starts_with(&[0; 4]) && known {
                if rest.iter().all(|&b| b == 0) {
                    break;
                }
                return Err(format!("no DICOM element at byte {}", cursor.at));
            }
            let element = cursor.element(end, 0)?;
            known |= element.tag == tags::SOP_CLASS_UID;
            if element.tag > tags::SOP_CLASS_UID && !known {
                return Err("DICOM without a SOP class (0008,0016)".to_owned());
            }
            if let (tags::SOP_CLASS_UID, Value::Bytes(uid)) = (element.tag, &element.value) {
                expect(&ascii(uid))?;
            }
            elements.push(element);
        }
        if !known {
            return Err("DICOM without a SOP class (0008,0016)".to_owned());
        }
        Ok(elements)
    }
}

/// A value of letters and digits, without its padding.
pub(super) fn ascii(value: &[u8]) -> String {
    String::from_utf8_lossy(value).trim_matches(['\0', ' ']).to_owned()
}

struct Header {
    tag: Tag,
    sequence: bool,
    /// A sequence of unknown VR is written implicitly, whatever holds it.
    unknown: bool,
    words: bool,
    length: u32,
}

struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
    syntax: Syntax,
}

impl<'a> Cursor<'a> {
    /// The group of the next element, in little endian.
    fn group(&self) -> Option<u16> {
        self.bytes.get(self.at..self.at + 2).map(|b| u16::from_le_bytes([b[0], b[1]]))
    }

    fn some<const N: usize>(&mut self, end: usize) -> Result<[u8; N], String> {
        let at = self.at;
        let found = self.bytes.get(at..end).and_then(|b| b.first_chunk::<N>());
        let found = found.ok_or_else(|| format!("the DICOM file breaks off within an element at byte {at}"))?;
        self.at += N;
        Ok(*found)
    }

    fn short(&mut self, end: usize) -> Result<u16, String> {
        let bytes = self.some(end)?;
        Ok(if self.syntax.big { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) })
    }

    fn long(&mut self, end: usize) -> Result<u32, String> {
        let bytes = self.some(end)?;
        Ok(if self.syntax.big { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) })
    }

    fn header(&mut self, end: usize) -> Result<Header, String> {
        let at = self.at;
        let tag = Tag(self.short(end)?, self.short(end)?);
        if tag.0 == 0xFFFE || !self.syntax.explicit {
            return Ok(Header { tag, sequence: listed(tag), unknown: false, words: true, length: self.long(end)? });
        }
        let vr = self.some::<2>(end)?;
        if !vr.iter().all(u8::is_ascii_uppercase) {
            return Err(format!("no value representation in element {tag} at byte {at}"));
        }
        // What is not known here is newer than this table, and newer ones are long.
        let short = VR::from_binary(vr).is_some_and(|vr| {
            !matches!(
                vr,
                VR::OB
                    | VR::OD
                    | VR::OF
                    | VR::OL
                    | VR::OV
                    | VR::OW
                    | VR::SQ
                    | VR::SV
                    | VR::UC
                    | VR::UN
                    | VR::UR
                    | VR::UT
                    | VR::UV
            )
        });
        let length = if short {
            u32::from(self.short(end)?)
        } else {
            self.short(end)?;
            self.long(end)?
        };
        let unknown = vr == *b"UN";
        Ok(Header { tag, sequence: vr == *b"SQ" || unknown && listed(tag), unknown, words: vr == *b"OW", length })
    }

    /// The value of a known length, as it stands.
    fn take(&mut self, tag: Tag, length: u32, end: usize) -> Result<&'a [u8], String> {
        let at = self.at;
        let left = end - at;
        if length as usize > left {
            return Err(format!("element {tag} at byte {at} claims {length} bytes, {left} are left"));
        }
        self.at += length as usize;
        Ok(&self.bytes[at..self.at])
    }

    fn element(&mut self, end: usize, depth: usize) -> Result<Element<'a>, String> {
        let at = self.at;
        let Header { tag, sequence, unknown, words, length } = self.header(end)?;
        if tag.0 == 0xFFFE {
            return Err(format!("a delimiter {tag} without its sequence at byte {at}"));
        }
        let open = length == UNDEFINED;
        let value = if tag.0 == 0x7FE0 && open {
            Value::Fragments(self.fragments(end)?)
        } else if sequence || open {
            let inner = if unknown { IMPLICIT } else { self.syntax };
            let outer = std::mem::replace(&mut self.syntax, inner);
            let items = self.items(tag, length, end, depth + 1)?;
            self.syntax = outer;
            Value::Items(items)
        } else {
            Value::Bytes(self.take(tag, length, end)?)
        };
        Ok(Element { tag, words, value })
    }

    /// The fragments of compressed pixels.
    fn fragments(&mut self, end: usize) -> Result<Vec<&'a [u8]>, String> {
        let mut fragments = Vec::new();
        loop {
            let Header { tag, length, .. } = self.header(end)?;
            if tag != ITEM {
                return Ok(fragments);
            }
            fragments.push(self.take(tag, length, end)?);
        }
    }

    fn items(&mut self, tag: Tag, length: u32, end: usize, depth: usize) -> Result<Vec<Vec<Element<'a>>>, String> {
        if depth > MOST_DEPTH {
            return Err(format!("sequences more than {MOST_DEPTH} deep at byte {}", self.at));
        }
        let end = self.bounded(tag, length, end)?;
        let mut items = Vec::new();
        while self.at < end {
            let at = self.at;
            let header = self.header(end)?;
            match header.tag {
                ITEM => items.push(self.item(header.length, end, depth)?),
                SEQUENCE_END if length == UNDEFINED => return Ok(items),
                other => return Err(format!("{other} at byte {at}; expected an item of sequence {tag}")),
            }
        }
        if length == UNDEFINED {
            return Err(format!("the DICOM file breaks off within sequence {tag} at byte {end}"));
        }
        Ok(items)
    }

    fn item(&mut self, length: u32, end: usize, depth: usize) -> Result<Vec<Element<'a>>, String> {
        let end = self.bounded(ITEM, length, end)?;
        let mut elements = Vec::new();
        while self.at < end {
            if length == UNDEFINED && self.closes(end) {
                return Ok(elements);
            }
            elements.push(self.element(end, depth)?);
        }
        if length == UNDEFINED {
            return Err(format!("the DICOM file breaks off within an item at byte {end}"));
        }
        Ok(elements)
    }

    /// Passes over the delimiter that ends an item, if it stands here.
    fn closes(&mut self, end: usize) -> bool {
        let at = self.at;
        let found = self.header(end).is_ok_and(|h| h.tag == ITEM_END);
        if !found {
            self.at = at;
        }
        found
    }

    /// Where a sequence or item of this length ends at the latest.
    fn bounded(&self, tag: Tag, length: u32, end: usize) -> Result<usize, String> {
        let left = end - self.at;
        match length {
            UNDEFINED => Ok(end),
            length if length as usize <= left => Ok(self.at + length as usize),
            length => Err(format!("element {tag} at byte {} claims {length} bytes, {left} are left", self.at)),
        }
    }
}

/// Whether the dictionary knows a tag as a sequence.
fn listed(tag: Tag) -> bool {
    StandardDataDictionary.by_tag(tag).is_some_and(|entry| entry.vr().relaxed() == VR::SQ)
}
