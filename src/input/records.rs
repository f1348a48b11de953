//! Records of a source that holds something else than reports: rows of a table, objects of JSON.
//!
//! They are cut as those of reports are ([`Cutter`]), so a record that cannot be read costs itself alone.

pub(crate) use super::batch::Place;
use super::batch::{Batch, Source, is_dicom};
use super::columns::Wanted;
use super::cut::Cutter;
pub(crate) use super::delimited::{Cell, cells};
use super::encoding::Choice;
use super::feed::{self, Feed};
use super::folder::{by_ending, stem};
pub(crate) use super::frame::Frame;
use super::frame::Scan;
use super::{Format, Told, delimited, plan};
use crate::Error;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

/// A row or an object is a few KB; a FHIR resource with its images some MiB.
const MAX_RECORD_BYTES: usize = 64 << 20;

/// What an opened source looks like inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// A table; the byte between cells.
    Table(u8),
    /// Objects, alone, one a line or in an array.
    Json,
    /// Parquet or Arrow IPC.
    Columnar,
    /// A DICOM file.
    Dicom,
}

/// A source that was opened and looked at.
pub(crate) struct Opened {
    /// The name for messages.
    pub(crate) name: String,
    /// Its bytes.
    pub(crate) feed: Feed,
    /// What it looks like.
    pub(crate) shape: Shape,
}

/// Opens a file, or standard input for `-`.
///
/// # Errors
/// [`Error::Input`] where it cannot be opened or holds nothing.
pub(crate) fn open(path: &Path) -> Result<Opened, Error> {
    let standard = path == Path::new("-");
    let name = if standard { "standard input".to_owned() } else { path.display().to_string() };
    let feed = feed::open((!standard).then_some(path), Choice::Auto, &Arc::default());
    let feed = feed.map_err(|e| Error::input(&name, e))?;
    let start = feed.head.trim_ascii_start();
    if start.is_empty() && !feed.is_packed() {
        return Err(Error::input(name, "empty; expected studies"));
    }
    let line = start.split(|&b| b == b'\n').next().unwrap_or(&[]);
    let shape = match start.first() {
        _ if is_dicom(&feed.head) || is_bare_dicom(path) => Shape::Dicom,
        _ if [&b"PAR1"[..], b"ARROW1", &[0xff; 4]].iter().any(|mark| feed.head.starts_with(mark)) => Shape::Columnar,
        Some(b'{' | b'[') => Shape::Json,
        _ if by_ending(path) == Some(Format::Tsv) => Shape::Table(b'\t'),
        _ => Shape::Table(delimited::delimiter(line)),
    };
    Ok(Opened { name, feed, shape })
}

/// The file begins with an element of group 0002 or 0008, without DICOM's preamble.
fn is_bare_dicom(path: &Path) -> bool {
    let mut start = [0; 4];
    let read = std::fs::File::open(path).and_then(|mut file| file.read_exact(&mut start));
    read.is_ok() && matches!(start, [2 | 8, 0, _, 0])
}

impl Opened {
    /// The names in a table's header.
    ///
    /// # Errors
    /// What is wrong with its quotes.
    pub(crate) fn header(&self, delimiter: u8) -> Result<Vec<String>, Error> {
        plan::names(delimiter, &self.feed.head).map_err(|m| Error::input(format!("{}:1", self.name), m))
    }

    /// How to cut it where it holds JSON: an object a record, or an entry of a large FHIR Bundle.
    pub(crate) fn json(&self, path: &Path, fhir: bool) -> Frame {
        const SMALL: u64 = 64 << 20;
        let small = !self.feed.is_packed() && std::fs::metadata(path).is_ok_and(|m| m.is_file() && m.len() <= SMALL);
        let format = if fhir { Format::Fhir } else { Format::Jsonl };
        match plan::frame(format, &self.feed.head, small) {
            // Objects over several lines are cut where they end.
            Frame::Whole if !small => Frame::Object,
            frame => frame,
        }
    }

    /// Cuts it into records; the header of a table is none.
    pub(crate) fn records(self, frame: Frame) -> Records {
        let Opened { name, feed, .. } = self;
        let source = Source {
            stem: stem(Path::new(&name)),
            name,
            format: if matches!(frame, Frame::Row(_)) { Format::Csv } else { Format::Jsonl },
            frame,
            roles: Vec::new(),
            prefix: String::new(),
            wanted: Arc::new(Wanted::default()),
            choice: if feed.transcoded { Choice::Fixed(encoding_rs::UTF_8) } else { Choice::Auto },
            max_bytes: MAX_RECORD_BYTES,
            counter: Arc::default(),
        };
        Records { cutter: Cutter::new(Arc::new(source), feed), batch: Batch::default() }
    }
}

/// The whole objects in the array under this key of a document that is broken somewhere.
pub(crate) fn elements<'a>(text: &'a str, key: &'static str) -> Vec<&'a str> {
    let mut scan = Scan::new(Frame::Element(key), 0);
    let (mut found, mut start) = (Vec::new(), 0);
    while let Some(end) = scan.end(text.as_bytes(), start, None, true) {
        found.extend(text.get(scan.begin(start)..end));
        start = end;
    }
    found
}

/// Gives the records of a source in their order.
pub(crate) struct Records {
    cutter: Cutter,
    batch: Batch,
}

/// What a source gives.
pub(crate) enum Given<'a> {
    /// The text of a record and where it stands.
    Record(Place<'a>, &'a str),
    /// Something to tell.
    Told(Told),
}

impl Records {
    /// Gives every record, and what the cutting had to tell before those of the same batch.
    ///
    /// # Errors
    /// Whatever the taker says.
    pub(crate) fn each(mut self, mut take: impl FnMut(Given<'_>) -> Result<(), Error>) -> Result<(), Error> {
        loop {
            self.batch.clear();
            if !self.cutter.fill(&mut self.batch) {
                return Ok(());
            }
            for told in std::mem::take(&mut self.batch.told) {
                take(Given::Told(told))?;
            }
            let mut result = Ok(());
            self.batch.lines(|place, text, bad| {
                if result.is_err() {
                    return;
                }
                if bad > 0 {
                    let message = format!("{bad} bytes are not valid in the source's encoding; read as U+FFFD");
                    result = take(Given::Told(Told::warning(place.to_string(), message)));
                }
                if result.is_ok() {
                    result = take(Given::Record(place, text));
                }
            });
            result?;
        }
    }
}
