//! A batch: some records cut from one source, and how a thread turns them into reports.
//!
//! Batches end where their bytes reach a fixed size, so what a batch holds depends on the input alone.

use super::columns::{Role, Wanted};
use super::delimited::{self, Cell};
use super::encoding::{self, Choice};
use super::folder::stem;
use super::{Format, Told, feed, jsonl, openi};
use crate::Report;
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
}

/// Where a record stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place<'a> {
    /// The file, as the user knows it.
    pub(crate) file: &'a str,
    /// The line, from 1; 0 for a whole file.
    pub(crate) line: u64,
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => f.write_str(self.file),
            line => write!(f, "{}:{line}", self.file),
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
    /// Tables: the byte between cells.
    pub(crate) delimiter: u8,
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
        self.told.clear();
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
        for record in &self.records {
            let place = Place { file: &source.name, line: if source.is_whole() { 0 } else { record.line } };
            let bytes = &self.bytes[record.start..record.end];
            let reading = match source.is_whole() {
                true => source.whole(bytes, source.format, &source.name, source.stem.clone(), told),
                false => self.row(source, record, &mut cells),
            };
            each(reading.and_then(|r| source.fits(r)).map_err(|message| Told::problem(place.to_string(), message)));
        }
        for (path, format) in &self.files {
            let name = path.display().to_string();
            let reading = source.file(path, *format, &name, told).and_then(|r| source.fits(r));
            each(reading.map_err(|message| Told::problem(name, message)));
        }
    }

    /// Gives every record as decoded text, with the number of bytes that were not valid.
    pub(crate) fn lines(&self, mut each: impl FnMut(Place<'_>, &str, usize)) {
        let Some(source) = self.source.as_deref() else {
            return;
        };
        for record in &self.records {
            let (line, bad) = self.text(record);
            each(Place { file: &source.name, line: record.line }, &line, bad);
        }
    }

    /// The encoding that bad bytes are bad in.
    pub(crate) fn encoding(&self) -> &'static Encoding {
        self.encoding.unwrap_or(UTF_8)
    }

    fn text(&self, record: &Record) -> (std::borrow::Cow<'_, str>, usize) {
        let bytes = delimited::trimmed(&self.bytes[record.start..record.end]);
        if !self.transcoded {
            return encoding::decode(bytes, self.encoding());
        }
        let (text, _) = encoding::decode(bytes, UTF_8);
        let bad = text.matches('\u{fffd}').count() * 2;
        (text, bad)
    }

    fn row(&self, source: &Source, record: &Record, cells: &mut Vec<Cell>) -> Result<Reading, String> {
        let (line, bad) = self.text(record);
        let fallback = || format!("{}{}", source.prefix, record.row);
        let fields = if source.format == Format::Jsonl {
            jsonl::fields(&line, &source.wanted)?
        } else {
            delimited::cells(&line, source.delimiter, cells)?;
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

impl Source {
    /// The source is one report.
    pub(crate) const fn is_whole(&self) -> bool {
        matches!(self.format, Format::Txt | Format::Openi)
    }

    fn fits(&self, reading: Reading) -> Result<Reading, String> {
        match reading.report.text.len() {
            size if size > self.max_bytes => Err(too_long(size as u64, self.max_bytes)),
            _ => Ok(reading),
        }
    }

    fn file(&self, path: &Path, format: Format, name: &str, told: &mut Vec<Told>) -> Result<Reading, String> {
        let mut feed = feed::open(Some(path), Choice::Fixed(UTF_8), &self.counter).map_err(|e| e.to_string())?;
        let mut bytes = Vec::new();
        let limit = self.max_bytes.saturating_add(RAW_MARGIN) as u64;
        let size = match feed.reader.by_ref().take(limit + 1).read_to_end(&mut bytes) {
            Ok(size) => size,
            // A whole member was read; what follows it is padding or garbage, not the report.
            Err(e) if feed.packed && e.kind() == std::io::ErrorKind::InvalidInput && !bytes.is_empty() => {
                told.push(Told::problem(name, format!("{} bytes, then no gzip: the rest was not read", bytes.len())));
                bytes.len()
            }
            Err(e) => {
                let kind = if feed.packed { "broken gzip: " } else { "" };
                return Err(format!("{kind}{e} after {} bytes", bytes.len()));
            }
        };
        if size as u64 > limit {
            drop(bytes);
            let rest = std::io::copy(&mut feed.reader, &mut std::io::sink()).map_err(|e| e.to_string())?;
            return Err(too_long(size as u64 + rest, self.max_bytes));
        }
        self.whole(&bytes, format, name, stem(path), told)
    }

    fn whole(
        &self,
        bytes: &[u8],
        format: Format,
        name: &str,
        stem: String,
        told: &mut Vec<Told>,
    ) -> Result<Reading, String> {
        if self.choice == Choice::Auto
            && let Some(message) = encoding::not_text(bytes)
        {
            return Err(message);
        }
        let (text, encoding, guessed, bad_bytes) = encoding::decode_whole(bytes, self.choice);
        if guessed {
            told.push(guessed_encoding(name, encoding));
        }
        let (id, text, empty) = match format {
            Format::Openi => openi::read(&text)?,
            _ => (None, text.into_owned(), false),
        };
        Ok(Reading { report: Report::new(id.unwrap_or(stem), text), bad_bytes, encoding, empty, numbered: false })
    }
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
