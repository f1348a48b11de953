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
    /// As the file says it; none where it is written implicitly.
    pub(super) vr: Option<[u8; 2]>,
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

/// A record of a DICOMDIR, and the byte at which its item begins.
pub(super) type Record<'a> = (u32, Vec<Element<'a>>);

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
const BIG: Syntax = Syntax { explicit: true, big: true };

/// A data set that lies open: its bytes, inflated if need be, and how they are written.
pub(super) struct Opened<'a> {
    bytes: Cow<'a, [u8]>,
    start: usize,
    syntax: Syntax,
    /// The transfer syntax that the meta information tells.
    pub(super) transfer: Option<String>,
    /// The SOP class that the meta information tells.
    pub(super) class: Option<String>,
    /// The bytes are inflated ones; what kept them from being all.
    pub(super) inflated: Option<Result<(), String>>,
}

/// What stands before the pixel data of an object, as far as it can be read.
pub(super) struct Head<'a> {
    /// The elements that were asked for.
    pub(super) elements: Vec<Element<'a>>,
    /// Numbers are written with the high byte first.
    pub(super) big: bool,
    /// What ended the reading, where neither the pixel data nor the end of the bytes did.
    pub(super) fault: Option<String>,
    /// The reading would have gone on, had there been this many bytes.
    pub(super) needs: Option<u64>,
    /// Where the reading ended.
    pub(super) end: u64,
    /// Pixel data follow.
    pub(super) pixels: Option<Pixels>,
}

/// Where the pixel data of a file stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pixels {
    /// Their first byte.
    pub(super) start: u64,
    /// How many there are by the file's own word; `None` where they are fragments up to a delimiter.
    pub(super) length: Option<u32>,
    /// Numbers are written with the high byte first.
    pub(super) big: bool,
}

/// Finds the data set behind preamble and meta information, where the file has them.
pub(super) fn open(bytes: &[u8], expect: Expect) -> Result<Opened<'_>, String> {
    let opened = open_part(bytes, expect)?;
    match &opened.inflated {
        Some(Err(message)) => Err(message.clone()),
        _ => Ok(opened),
    }
}

/// The same of a file of which the first bytes are there; a deflated data set is as long as could be inflated.
pub(super) fn open_part(bytes: &[u8], expect: Expect) -> Result<Opened<'_>, String> {
    let start = if super::is_dicom(bytes) { 132 } else { 0 };
    if bytes.len() < start + 8 {
        return Err(format!("{} bytes; expected a DICOM file", bytes.len()));
    }
    let mut cursor = Cursor { bytes, at: start, syntax: EXPLICIT, needs: 0 };
    let (mut transfer, mut class) = (None, None);
    while cursor.group() == Some(2) {
        let end = bytes.len();
        let header = cursor.header(end)?;
        let value = cursor.take(header.tag, header.length, end)?;
        match header.tag {
            tags::MEDIA_STORAGE_SOP_CLASS_UID if !value.is_empty() => {
                let told = ascii(value);
                expect(&told)?;
                class = Some(told);
            }
            tags::TRANSFER_SYNTAX_UID => transfer = Some(ascii(value)).filter(|t| !t.is_empty()),
            _ => {}
        }
    }
    let (rest, at) = (&bytes[cursor.at..], cursor.at);
    let capitals = rest.get(4..6).is_some_and(|vr| vr.iter().all(u8::is_ascii_uppercase));
    let syntax = match transfer.as_deref() {
        Some("1.2.840.10008.1.2.2") => BIG,
        Some(uids::DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN) => {
            let (bytes, whole) = inflate(rest);
            return Ok(Opened {
                bytes: Cow::Owned(bytes),
                start: 0,
                syntax: EXPLICIT,
                transfer,
                class,
                inflated: Some(whole),
            });
        }
        None if rest.starts_with(&[0, 8]) && capitals => BIG,
        // Without meta information the data set opens with the group 0008.
        None if cursor.group() != Some(8) && start == 0 => return Err("no DICOM file: no DICM at byte 128".to_owned()),
        // Some writers claim one and write the other; an explicit VR is two capitals.
        _ if capitals => EXPLICIT,
        _ => IMPLICIT,
    };
    Ok(Opened { bytes: Cow::Borrowed(bytes), start: at, syntax, transfer, class, inflated: None })
}

/// What could be inflated, and what kept it from being all.
fn inflate(bytes: &[u8]) -> (Vec<u8>, Result<(), String>) {
    let mut out = Vec::new();
    let read = flate2::read::DeflateDecoder::new(bytes).take(MOST_INFLATED + 1).read_to_end(&mut out);
    let whole = match read {
        _ if out.len() as u64 > MOST_INFLATED => {
            Err(format!("a deflated data set of over {} MiB", MOST_INFLATED >> 20))
        }
        Err(_) => Err(format!("a deflated data set that breaks off or is damaged: {} bytes inflated", out.len())),
        Ok(_) => Ok(()),
    };
    (out, whole)
}

impl Opened<'_> {
    fn cursor(&self) -> Cursor<'_> {
        Cursor { bytes: &self.bytes, at: self.start, syntax: self.syntax, needs: 0 }
    }

    /// How many bytes lie open.
    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// The bytes that lie open from this one on.
    pub(super) fn from(&self, start: u64) -> &[u8] {
        usize::try_from(start).ok().and_then(|start| self.bytes.get(start..)).unwrap_or_default()
    }

    /// Reads up to the pixel data and keeps these elements (sorted); what else has a length is passed over.
    pub(super) fn head(&self, keep: &[Tag]) -> Head<'_> {
        let mut cursor = self.cursor();
        let end = cursor.bytes.len();
        let mut head =
            Head { elements: Vec::new(), big: self.syntax.big, fault: None, needs: None, end: 0, pixels: None };
        while cursor.at < end {
            let at = cursor.at;
            if cursor.bytes[at..].starts_with(&[0; 4]) {
                if let Some(found) = cursor.bytes[at..].iter().position(|&b| b != 0) {
                    head.fault = Some(format!("no DICOM element at byte {}", at + found / 2 * 2));
                } else {
                    cursor.at = end;
                }
                break;
            }
            let read = cursor.header(end).and_then(|header| {
                let passed = header.length != UNDEFINED && keep.binary_search(&header.tag).is_err();
                if header.tag.0 == 0x7FE0 && (0x0008..=0x0010).contains(&header.tag.1) {
                    let length = (header.length != UNDEFINED).then_some(header.length);
                    head.pixels = Some(Pixels { start: cursor.at as u64, length, big: self.syntax.big });
                } else if passed && header.tag.0 != 0xFFFE {
                    cursor.take(header.tag, header.length, end)?;
                } else {
                    cursor.at = at;
                    let element = cursor.element(end, 0)?;
                    if keep.binary_search(&element.tag).is_ok() {
                        head.elements.push(element);
                    }
                }
                Ok(())
            });
            if let Err(message) = read {
                head.fault = Some(message);
                head.needs = (cursor.needs > end as u64).then_some(cursor.needs);
                break;
            }
            if head.pixels.is_some() {
                break;
            }
        }
        head.end = cursor.at as u64;
        head
    }

    /// The records of a DICOMDIR, each with the byte at which its item begins: by these bytes they tell of one another.
    /// Also what kept it from being all.
    pub(super) fn records(&self) -> (Vec<Record<'_>>, Result<(), String>) {
        let mut records = Vec::new();
        let whole = self.read_records(&mut records);
        (records, whole)
    }

    fn read_records<'s>(&'s self, records: &mut Vec<Record<'s>>) -> Result<(), String> {
        let mut cursor = self.cursor();
        let end = cursor.bytes.len();
        while cursor.at < end {
            let at = cursor.at;
            let header = cursor.header(end)?;
            if header.tag != tags::DIRECTORY_RECORD_SEQUENCE {
                cursor.at = at;
                cursor.element(end, 0)?;
                continue;
            }
            let end = cursor.bounded(header.tag, header.length, end).unwrap_or(end);
            while cursor.at < end {
                let at = cursor.at;
                let item = cursor.header(end)?;
                if item.tag != ITEM {
                    break;
                }
                records.push((u32::try_from(at).unwrap_or(u32::MAX), cursor.item(item.length, end, 1)?));
            }
            break;
        }
        Ok(())
    }

    /// Whether binary values are written in big endian.
    pub(super) const fn big(&self) -> bool {
        self.syntax.big
    }

    /// The Transfer Syntax UID, where it is told.
    pub(super) fn transfer(&self) -> Option<&str> {
        self.transfer.as_deref()
    }

    /// Reads the data set; an object that is not wanted is told as soon as its class is known.
    pub(super) fn data_set(&self, expect: Expect) -> Result<Vec<Element<'_>>, String> {
        let mut cursor = self.cursor();
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
    vr: Option<[u8; 2]>,
    sequence: bool,
    /// A sequence of unknown VR is written implicitly, whatever holds it.
    unknown: bool,
    length: u32,
}

struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
    syntax: Syntax,
    /// Where the last read went beyond the bytes: how many it wanted to be there.
    needs: u64,
}

impl<'a> Cursor<'a> {
    /// The group of the next element, in little endian.
    fn group(&self) -> Option<u16> {
        self.bytes.get(self.at..self.at + 2).map(|b| u16::from_le_bytes([b[0], b[1]]))
    }

    fn some<const N: usize>(&mut self, end: usize) -> Result<[u8; N], String> {
        let at = self.at;
        let found = self.bytes.get(at..end).and_then(|b| b.first_chunk::<N>());
        if found.is_none() {
            self.needs = (at + N) as u64;
        }
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
            return Ok(Header { tag, vr: None, sequence: listed(tag), unknown: false, length: self.long(end)? });
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
        Ok(Header { tag, vr: Some(vr), sequence: vr == *b"SQ" || unknown && listed(tag), unknown, length })
    }

    /// The value of a known length, as it stands.
    fn take(&mut self, tag: Tag, length: u32, end: usize) -> Result<&'a [u8], String> {
        let at = self.at;
        let left = end - at;
        if length as usize > left {
            self.needs = at as u64 + u64::from(length);
            return Err(format!("element {tag} at byte {at} claims {length} bytes, {left} are left"));
        }
        self.at += length as usize;
        Ok(&self.bytes[at..self.at])
    }

    fn element(&mut self, end: usize, depth: usize) -> Result<Element<'a>, String> {
        let at = self.at;
        let Header { tag, vr, sequence, unknown, length } = self.header(end)?;
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
        Ok(Element { tag, vr, value })
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
            self.needs = end as u64 + 8;
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
            self.needs = end as u64 + 8;
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
    fn bounded(&mut self, tag: Tag, length: u32, end: usize) -> Result<usize, String> {
        let left = end - self.at;
        match length {
            UNDEFINED => Ok(end),
            length if length as usize <= left => Ok(self.at + length as usize),
            length => {
                self.needs = self.at as u64 + u64::from(length);
                Err(format!("element {tag} at byte {} claims {length} bytes, {left} are left", self.at))
            }
        }
    }
}

/// Whether the dictionary knows a tag as a sequence.
fn listed(tag: Tag) -> bool {
    StandardDataDictionary.by_tag(tag).is_some_and(|entry| entry.vr().relaxed() == VR::SQ)
}
