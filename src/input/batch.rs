//! A batch: some records cut from one source, and how a thread turns them into reports.
//!
//! Batches end where their bytes reach a fixed size, so what a batch holds depends on the input alone.

use super::columns::{Role, Wanted};
use super::delimited::{self, Cell};
use super::document::Document;
use super::encoding::{self, Choice};
use super::folder::stem;
use super::frame::{Frame, Scan};
use super::{Format, Told, bioc, feed, fhir, hl7, jsonl, mimic, openi};
use crate::{Report, StudyKey};
use encoding_rs::{Encoding, UTF_8};
use std::fmt;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

/// A report as read.
#[derive(Clone, Debug)]
pub struct Reading {
    /// The report.
    pub report: Report,
    /// Bytes that were not valid and became U+FFFD.
    pub bad_bytes: usize,
    /// The encoding that they were not valid in.
    pub encoding: &'static Encoding,
    /// The report was given in sections and all are empty.
    pub empty: bool,
    /// It came without an id and bears the number of its record.
    pub numbered: bool,
    /// Where the text was stripped of markup: places of the original ([`Document::origin`]).
    pub(crate) origin: Vec<(u32, u32)>,
}

/// Where a record stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place<'a> {
    /// The file, as the user knows it.
    pub(crate) file: &'a str,
    /// The line, from 1; 0 for a whole file.
    pub(crate) line: u64,
    /// The number of the record, from 1, where lines do not tell it.
    pub(crate) record: u64,
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.line, self.record) {
            (0, 0) => f.write_str(self.file),
            (0, record) => write!(f, "{}: record {record}", self.file),
            (line, _) => write!(f, "{}:{line}", self.file),
        }
    }
}

/// What all records of a source share.
#[derive(Debug)]
pub(crate) struct Source {
    /// The name for messages.
    pub(crate) name: String,
    /// The id of a report that fills the source.
    pub(crate) stem: String,
    /// What it looks like inside.
    pub(crate) format: Format,
    /// What a record of it is.
    pub(crate) frame: Frame,
    /// Tables: what each column is good for.
    pub(crate) roles: Vec<Role>,
    /// Stands before a row number that serves as id, where several sources might give the same.
    pub(crate) prefix: String,
    /// The columns that the user named.
    pub(crate) wanted: Arc<Wanted>,
    /// The encoding that the user asked for.
    pub(crate) choice: Choice,
    /// Longer reports are told and left out.
    pub(crate) max_bytes: usize,
    /// Where the bytes of files that are opened late are counted.
    pub(crate) counter: Arc<AtomicU64>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Record {
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) line: u64,
    pub(crate) row: u64,
}

/// Some records of one source, or some files.
#[derive(Debug, Default)]
pub struct Batch {
    pub(crate) source: Option<Arc<Source>>,
    pub(crate) bytes: Vec<u8>,
    pub(crate) records: Vec<Record>,
    pub(crate) files: Vec<(PathBuf, Format)>,
    pub(crate) encoding: Option<&'static Encoding>,
    pub(crate) transcoded: bool,
    /// Rows of a columnar source, and the number of the first.
    #[cfg(feature = "arrow")]
    pub(crate) rows: Option<(arrow_array::RecordBatch, u64)>,
    /// Its number among all batches of the run.
    pub number: u64,
    /// What the cutting of this batch had to tell.
    pub told: Vec<Told>,
}

impl Batch {
    pub(crate) fn clear(&mut self) {
        self.source = None;
        self.bytes.clear();
        self.records.clear();
        self.files.clear();
        self.encoding = None;
        self.transcoded = false;
        #[cfg(feature = "arrow")]
        {
            self.rows = None;
        }
        self.told.clear();
    }

    /// Keeps the first records only; gives how many there are now.
    pub(crate) fn keep(&mut self, most: usize) -> usize {
        self.records.truncate(most);
        self.files.truncate(most);
        let count = self.records.len() + self.files.len();
        #[cfg(feature = "arrow")]
        if let Some((rows, _)) = &mut self.rows {
            *rows = rows.slice(0, rows.num_rows().min(most));
            return count + rows.num_rows();
        }
        count
    }

    /// Bytes held.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Holds neither record nor file nor message.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty() && self.files.is_empty() && self.told.is_empty()
    }

    /// Reads every record, in order, as a report or as what keeps it from being one. Guesses of the encoding
    /// of single files go to `told`.
    pub fn read(&self, told: &mut Vec<Told>, mut each: impl FnMut(Result<Reading, Told>)) {
        let Some(source) = self.source.as_deref() else {
            return;
        };
        let mut cells = Vec::new();
        #[cfg(feature = "arrow")]
        if let Some((rows, first)) = &self.rows {
            super::columnar::read(source, rows, *first, &mut each);
        }
        for record in &self.records {
            if self.is_other(&self.bytes[record.start..record.end]) {
                let place = if record.line > 0 { record.line } else { record.row };
                let message = format!("UTF-8 in a source of {}; read as UTF-8", self.encoding().name());
                told.push(Told::warning(format!("{}:{place}", source.name), message));
            }
            let lines = matches!(source.frame, Frame::Line | Frame::Row(_));
            let (line, number) = if lines { (record.line, 0) } else { (0, record.row) };
            let place = Place { file: &source.name, line, record: if source.format.is_whole() { 0 } else { number } };
            let bytes = &self.bytes[record.start..record.end];
            let readings = match source.format {
                Format::Csv | Format::Tsv | Format::Jsonl => self.row(source, record, &mut cells).map(|r| vec![r]),
                format if format.is_whole() => source.whole(bytes, format, &source.name, source.stem.clone(), told),
                _ => self.documents(source, record, &place, told, &mut each).map(|()| Vec::new()),
            };
            told.extend(not_valid(&readings, || place.to_string()));
            give(source, readings, || place.to_string(), &mut each);
        }
        for (path, format) in &self.files {
            let name = path.display().to_string();
            let readings = source.file(path, *format, &name, told);
            told.extend(not_valid(&readings, || name.clone()));
            give(source, readings, || name.clone(), &mut each);
        }
    }

    /// Gives every record as decoded text, with the number of bytes that were not valid.
    pub(crate) fn lines(&self, mut each: impl FnMut(Place<'_>, &str, usize)) {
        let Some(source) = self.source.as_deref() else {
            return;
        };
        for record in &self.records {
            let (line, bad) = self.text(record);
            each(Place { file: &source.name, line: record.line, record: 0 }, &line, bad);
        }
    }

    /// The encoding that bad bytes are bad in.
    pub(crate) fn encoding(&self) -> &'static Encoding {
        self.encoding.unwrap_or(UTF_8)
    }

    /// A record of UTF-8 in a source that was guessed to be of one byte a letter: two files run together. Hardly a
    /// text of that encoding is by chance valid UTF-8.
    fn is_other(&self, bytes: &[u8]) -> bool {
        let guessed = self.source.as_deref().is_some_and(|s| s.choice == Choice::Auto) && !self.transcoded;
        guessed && self.encoding().is_single_byte() && !bytes.is_ascii() && std::str::from_utf8(bytes).is_ok()
    }

    fn text(&self, record: &Record) -> (std::borrow::Cow<'_, str>, usize) {
        let bytes = delimited::trimmed(&self.bytes[record.start..record.end]);
        if !self.transcoded {
            let encoding = if self.is_other(bytes) { UTF_8 } else { self.encoding() };
            return encoding::decode(bytes, encoding);
        }
        let (text, _) = encoding::decode(bytes, UTF_8);
        let bad = text.matches('\u{fffd}').count() * 2;
        (text, bad)
    }

    /// Gives the reports of one record of a document format; those that cannot be read, while others can, are told.
    fn documents(
        &self,
        source: &Source,
        record: &Record,
        place: &Place<'_>,
        told: &mut Vec<Told>,
        each: &mut impl FnMut(Result<Reading, Told>),
    ) -> Result<(), String> {
        let bytes = &self.bytes[record.start..record.end];
        let mut encoding = self.encoding();
        let documents = if source.format == Format::Hl7 {
            // What a message says of itself counts, unless the user knows better.
            if source.choice == Choice::Auto && !self.transcoded {
                let guessed = if self.is_other(bytes) { UTF_8 } else { encoding };
                encoding = hl7::charset(bytes).unwrap_or(guessed);
            }
            let (text, bad) = encoding::decode(bytes, encoding);
            let mut notices = Vec::new();
            let documents = hl7::read(&text, &mut notices);
            told.extend(notices.into_iter().map(|notice| Told::problem(place.to_string(), notice)));
            documents?.into_iter().map(|d| (Ok(d), bad)).collect::<Vec<_>>()
        } else {
            let (text, bad) = self.text(record);
            let documents = match source.format {
                Format::Fhir => match fhir::read_each(&text) {
                    // Of a broken Bundle the entries before the fault are read, each for itself.
                    Err(fault) if source.frame == Frame::Whole => entries(&text, fault)?,
                    documents => documents?,
                },
                _ if text.trim_start().starts_with('<') => bioc::read_xml(&text)?.into_iter().map(Ok).collect(),
                _ => bioc::read_json(&text)?.into_iter().map(Ok).collect(),
            };
            documents.into_iter().map(|d| (d, bad)).collect()
        };
        let row = match source.frame {
            Frame::Whole => source.stem.clone(),
            _ => format!("{}{}", source.prefix, record.row),
        };
        let several = documents.len() > 1;
        for (i, (document, bad)) in documents.into_iter().enumerate() {
            let name = || if several { format!("{row}.{}", i + 1) } else { row.clone() };
            let readings = document.map(|d| vec![reading(d, name, bad, encoding)]);
            told.extend(not_valid(&readings, || place.to_string()));
            give(source, readings, || place.to_string(), &mut *each);
        }
        Ok(())
    }

    fn row(&self, source: &Source, record: &Record, cells: &mut Vec<Cell>) -> Result<Reading, String> {
        let (line, bad) = self.text(record);
        let fallback = || format!("{}{}", source.prefix, record.row);
        let fields = if source.format == Format::Jsonl {
            jsonl::fields(&line, &source.wanted)?
        } else {
            let Frame::Row(delimiter) = source.frame else {
                return Err("no row of a table".to_owned());
            };
            delimited::cells(&line, delimiter, cells)?;
            if cells.len() != source.roles.len() {
                return Err(format!("{} cells; expected {} as in the header", cells.len(), source.roles.len()));
            }
            let mut fields = super::columns::Fields::default();
            for (cell, &role) in cells.iter().zip(&source.roles).filter(|(_, role)| !role.is_idle()) {
                fields.put(role, cell.text(&line));
            }
            fields
        };
        Ok(Reading { bad_bytes: bad, encoding: self.encoding(), ..fields.into_reading(&source.wanted, fallback) })
    }
}

/// Says where bytes were not valid.
fn not_valid(readings: &Result<Vec<Reading>, String>, place: impl Fn() -> String) -> Option<Told> {
    let reading = readings.as_ref().ok()?.first().filter(|r| r.bad_bytes > 0)?;
    let message = format!("{} bytes are no {}; each became U+FFFD", reading.bad_bytes, reading.encoding.name());
    Some(Told::warning(place(), message))
}

/// Hands on what was read of one record.
pub(crate) fn give(
    source: &Source,
    readings: Result<Vec<Reading>, String>,
    place: impl Fn() -> String,
    mut each: impl FnMut(Result<Reading, Told>),
) {
    match readings {
        Ok(readings) => {
            for reading in readings {
                each(source.fits(reading).map_err(|message| Told::problem(place(), message)));
            }
        }
        Err(message) => each(Err(Told::problem(place(), message))),
    }
}

impl Source {
    /// The bytes that a record may have, other columns, escapes and markup included.
    pub(crate) fn raw_limit(&self) -> usize {
        // Base64, markup, and pictures beside the text.
        let times = if matches!(self.format, Format::Fhir | Format::Hl7 | Format::Dicom) { 16 } else { 1 };
        self.max_bytes.saturating_mul(times).saturating_add(RAW_MARGIN)
    }

    fn fits(&self, reading: Reading) -> Result<Reading, String> {
        match reading.report.text.len() {
            size if size > self.max_bytes => Err(too_long(size as u64, self.max_bytes)),
            _ => Ok(reading),
        }
    }

    fn file(&self, path: &Path, format: Format, name: &str, told: &mut Vec<Told>) -> Result<Vec<Reading>, String> {
        let mut feed = feed::open(Some(path), Choice::Fixed(UTF_8), &self.counter).map_err(|e| e.to_string())?;
        let mut bytes = Vec::new();
        let limit = self.raw_limit() as u64;
        let size = match feed.reader.by_ref().take(limit + 1).read_to_end(&mut bytes) {
            Ok(size) => size,
            // A whole member was read; what follows it is padding or garbage, not the report.
            Err(e) if feed.is_packed() && e.kind() == std::io::ErrorKind::InvalidInput && !bytes.is_empty() => {
                told.push(Told::problem(name, format!("{} bytes, then no gzip: the rest was not read", bytes.len())));
                bytes.len()
            }
            Err(e) => return Err(format!("{}{e} after {} bytes", feed.broken(), bytes.len())),
        };
        if size as u64 > limit {
            drop(bytes);
            return Err(too_long(size as u64 + feed.rest(), self.max_bytes));
        }
        let mut readings = self.whole(&bytes, format, name, stem(path), told)?;
        if let Some(study) = mimic::study(path) {
            readings
                .iter_mut()
                .filter(|r| r.report.study == StudyKey::default())
                .for_each(|r| r.report.study = study.clone());
        }
        Ok(readings)
    }

    fn whole(
        &self,
        bytes: &[u8],
        format: Format,
        name: &str,
        stem: String,
        told: &mut Vec<Told>,
    ) -> Result<Vec<Reading>, String> {
        // What a PACS exports often bears another ending.
        if format == Format::Dicom || is_dicom(bytes) {
            return Ok(numbered(dicom(bytes)?, &stem, 0, UTF_8));
        }
        if self.choice == Choice::Auto
            && let Some(message) = encoding::not_text(bytes)
        {
            return Err(message);
        }
        let (text, encoding, guessed, bad_bytes) = encoding::decode_whole(bytes, self.choice);
        if guessed {
            told.push(guessed_encoding(name, encoding));
        }
        let documents = match format {
            Format::Openi if text.contains("<collection") => {
                let (documents, cut) = collection(&text)?;
                told.extend(cut.map(|message| Told::problem(name, message)));
                documents
            }
            Format::Openi => {
                let (id, text, empty) = openi::read(&text)?;
                vec![Document { id, text, empty, ..Document::default() }]
            }
            _ => vec![Document { text: text.into_owned(), ..Document::default() }],
        };
        Ok(numbered(documents, &stem, bad_bytes, encoding))
    }
}

/// The file holds DICM at the place that DICOM keeps it.
pub(crate) fn is_dicom(bytes: &[u8]) -> bool {
    bytes.get(128..132) == Some(b"DICM")
}

/// The reports that fill a file: without an id of their own they bear the file's name.
fn numbered(documents: Vec<Document>, stem: &str, bad: usize, encoding: &'static Encoding) -> Vec<Reading> {
    let several = documents.len() > 1;
    let name = |i: usize| if several { format!("{stem}-{}", i + 1) } else { stem.to_owned() };
    documents
        .into_iter()
        .enumerate()
        .map(|(i, d)| Reading { numbered: false, ..reading(d, || name(i), bad, encoding) })
        .collect()
}

fn reading(document: Document, fallback: impl FnOnce() -> String, bad: usize, encoding: &'static Encoding) -> Reading {
    let Document { id, text, study, empty, origin } = document;
    let id = id.filter(|id| !id.is_empty());
    let numbered = id.is_none();
    let report = Report { id: id.unwrap_or_else(fallback), text, study };
    Reading { report, bad_bytes: bad, encoding, empty, numbered, origin }
}

/// The reports of a broken Bundle, and what is wrong with it.
fn entries(text: &str, fault: String) -> Result<Vec<Result<Document, String>>, String> {
    let mut scan = Scan::new(Frame::Element("entry"), 0);
    let (mut documents, mut start) = (Vec::new(), 0);
    while let Some(end) = scan.end(text.as_bytes(), start, None, true) {
        match fhir::read_each(&text[scan.begin(start)..end]) {
            Ok(found) => documents.extend(found),
            Err(fault) => documents.push(Err(fault)),
        }
        start = end;
    }
    if documents.is_empty() {
        return Err(fault);
    }
    documents.push(Err(format!("{fault}; of the Bundle its whole entries were read")));
    Ok(documents)
}

/// The documents of a BioC collection.
fn collection(text: &str) -> Result<(Vec<Document>, Option<String>), String> {
    let bytes = text.as_bytes();
    let mut scan = Scan::new(Frame::Tag("document"), 0);
    let (mut documents, mut start) = (Vec::new(), 0);
    while let Some(end) = scan.end(bytes, start, None, true) {
        documents.extend(bioc::read_xml(&text[scan.begin(start)..end])?);
        start = end;
    }
    let cut = !scan.is_between() || scan.is_cut(&bytes[start..]);
    let told = cut.then(|| format!("the collection is cut off after document {}; its end is missing", documents.len()));
    Ok((documents, told))
}

#[cfg(feature = "dicom")]
fn dicom(bytes: &[u8]) -> Result<Vec<Document>, String> {
    crate::dicom::read(bytes)
}

#[cfg(not(feature = "dicom"))]
fn dicom(_: &[u8]) -> Result<Vec<Document>, String> {
    Err("DICOM, which this radlabel was built without; expected one built with --features full".to_owned())
}

/// A raw record may be this much longer than its report: other columns, escapes.
pub(crate) const RAW_MARGIN: usize = 1 << 16;

/// A report over the limit.
pub(crate) fn too_long(size: u64, limit: usize) -> String {
    format!(
        "{size} bytes; left out: at most {limit} are read, as a report is a few KB and more is an archive in one \
         file (--max-report-bytes N reads it all the same)"
    )
}

/// A guess of the encoding.
pub(crate) fn guessed_encoding(name: &str, encoding: &'static Encoding) -> Told {
    Told::warning(name, format!("not UTF-8; read as {} by guess (say --encoding to change it)", encoding.name()))
}
