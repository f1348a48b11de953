//! Opens sources and recognises what they hold. gzip is unpacked on the way; lines are counted, so that a
//! fault deep inside an XML file can be found again.

use super::Format;
use crate::Error;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

/// A source that knows its line.
pub(super) struct Lines<R> {
    inner: R,
    ends: u64,
}

impl<R> Lines<R> {
    /// The line that stands next, from 1.
    pub(super) const fn line(&self) -> u64 {
        self.ends + 1
    }
}

impl<R: BufRead> Read for Lines<R> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(to)?;
        self.ends += memchr::memchr_iter(b'\n', &to[..count]).count() as u64;
        Ok(count)
    }
}

impl<R: BufRead> BufRead for Lines<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.inner.fill_buf()
    }

    fn consume(&mut self, count: usize) {
        // What is consumed was filled before, so that this reads nothing.
        if let Ok(bytes) = self.inner.fill_buf() {
            self.ends += memchr::memchr_iter(b'\n', &bytes[..count.min(bytes.len())]).count() as u64;
        }
        self.inner.consume(count);
    }
}

/// An opened source.
pub(super) type Source = Lines<Box<dyn BufRead>>;

/// Opens a file, packed with gzip or not, past any byte order mark.
pub(super) fn open(path: &Path) -> Result<Source, Error> {
    let refuse = |e: io::Error| Error::input(path.display().to_string(), e);
    if path.is_dir() {
        return Err(Error::input(path.display().to_string(), "is a folder; expected a file (or a folder with RF2)"));
    }
    let mut file = BufReader::with_capacity(1 << 18, File::open(path).map_err(refuse)?);
    let head = file.fill_buf().map_err(refuse)?;
    if head.starts_with(b"PK\x03\x04") {
        return Err(Error::input(path.display().to_string(), "a ZIP archive; unpack it first"));
    }
    let mut inner: Box<dyn BufRead> = match head.starts_with(&[0x1f, 0x8b]) {
        true => Box::new(BufReader::with_capacity(1 << 18, flate2::bufread::MultiGzDecoder::new(file))),
        false => Box::new(file),
    };
    if inner.fill_buf().map_err(refuse)?.starts_with(b"\xef\xbb\xbf") {
        inner.consume(3);
    }
    Ok(Lines { inner, ends: 0 })
}

/// The next line without its end, in `buffer`; false at the end of the source.
pub(super) fn next_line(source: &mut Source, buffer: &mut Vec<u8>) -> io::Result<bool> {
    buffer.clear();
    if source.read_until(b'\n', buffer)? == 0 {
        return Ok(false);
    }
    while matches!(buffer.last(), Some(b'\n' | b'\r')) {
        buffer.pop();
    }
    Ok(true)
}

/// The whole source as text, and what was guessed of its encoding.
pub(super) fn whole(path: &Path) -> Result<(String, Option<String>), Error> {
    let place = path.display().to_string();
    let mut bytes = Vec::new();
    open(path)?.read_to_end(&mut bytes).map_err(|e| Error::input(&place, e))?;
    if let Some(why) = crate::input::not_text(&bytes) {
        return Err(Error::input(place, why));
    }
    match String::from_utf8(bytes) {
        Ok(text) => Ok((text, None)),
        Err(bytes) => {
            let (text, encoding) = crate::input::decode_guessed(bytes.as_bytes());
            Ok((text, Some(format!("{place}: not UTF-8, read as {encoding}"))))
        }
    }
}

/// What a file or folder holds, by its content.
pub(super) fn recognise(path: &Path) -> Result<Format, Error> {
    let place = path.display().to_string();
    if path.is_dir() {
        return match super::rf2::holds_release(path) {
            true => Ok(Format::Rf2),
            false => Err(Error::input(
                place,
                "no SNOMED CT release in this folder; expected sct2_Concept_Snapshot_*.txt somewhere below it",
            )),
        };
    }
    let mut head = Vec::new();
    open(path)?.take(1 << 16).read_to_end(&mut head).map_err(|e| Error::input(&place, e))?;
    let text = String::from_utf8_lossy(&head);
    of_text(&text).ok_or_else(|| {
        Error::input(
            place,
            "not recognised; expected OWL, OBO, ICD-10-CM XML, RF2 (a folder), finding models, anatomic locations, \
             or a table with a column \"name\" (say --format to force one)",
        )
    })
}

fn of_text(text: &str) -> Option<Format> {
    let start = text.trim_start();
    if start.starts_with('<') {
        return match () {
            () if text.contains("<ICD10CM") => Some(Format::Icd10cm),
            () if text.contains("rdf:RDF") || text.contains("www.w3.org/2002/07/owl") => Some(Format::Owl),
            () => None,
        };
    }
    if start.starts_with('[') && text.contains("\"_id\"") {
        return Some(Format::AnatomicLocations);
    }
    if start.starts_with('{') {
        return text.contains("\"oifm_id\"").then_some(Format::FindingModels);
    }
    let first = start.lines().next()?;
    if first.starts_with("format-version:") || text.lines().any(|l| l.trim_end() == "[Term]") {
        return Some(Format::Obo);
    }
    let cells = super::table::cells(first);
    let has = |name: &str| cells.iter().any(|c| c.trim().eq_ignore_ascii_case(name));
    if has("Class ID") && has("Preferred Label") {
        return Some(Format::Bioportal);
    }
    if has("name") {
        return Some(Format::Table);
    }
    matches!(&cells[..], [.., a, b] if super::table::is_rid(a) && super::table::is_rid(b)).then_some(Format::RadlexList)
}
