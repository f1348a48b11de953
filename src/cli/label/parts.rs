//! The results of a run in order: cut into parts, packed on all threads, written one after another.
//!
//! Where a part ends depends on the reports alone, so it is the same for any number of threads. A part appears under
//! its name when it is whole; the manifest tells it only then.

use super::layout::Layout;
use super::manifest::{self, Manifest, NAME, Part, Point};
use crate::Error;
use crate::cli::stream::Done;
use crate::output::{self, Packing, PassingFolder, Sink};
use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

/// Reports that a row group of Parquet holds at most (of the table of reports: rows), and bytes in memory.
#[cfg(feature = "arrow")]
const GROUP_ROWS: usize = 1 << 16;
#[cfg(feature = "arrow")]
const GROUP_BYTES: usize = 24 << 20;

/// What a batch hands from step to step beside its bytes.
#[derive(Default)]
pub(super) struct Load {
    /// The number of the batch.
    pub(super) batch: u64,
    /// Ids of its reports that an earlier run has done; they stand before all others.
    pub(super) skipped: Vec<u64>,
    /// Files, for layouts that are folders.
    pub(super) files: Vec<(String, Vec<u8>)>,
    /// Rows, for layouts of columns.
    #[cfg(feature = "arrow")]
    pub(super) rows: Option<arrow_array::RecordBatch>,
    /// What kept the rows from being made.
    pub(super) fault: Option<String>,
    /// The pieces, once the batch was cut.
    pub(super) segments: Vec<Segment>,
}

/// A piece of one part.
pub(super) struct Segment {
    piece: Piece,
    /// Reports that it tells of.
    reports: u64,
    /// It is the last of its part.
    ends: Option<Point>,
}

enum Piece {
    Bytes(Vec<u8>),
    Files(Vec<(String, Vec<u8>)>),
    #[cfg(feature = "arrow")]
    Rows(Vec<arrow_array::RecordBatch>),
    #[cfg(feature = "parquet")]
    Group(Box<crate::arrow::parquet_file::Encoded>),
}

/// How pieces become bytes.
pub(super) struct Form {
    pub(super) layout: Layout,
    pub(super) packing: Packing,
    /// Stands before and after the pieces of every part.
    pub(super) head: Vec<u8>,
    pub(super) foot: Vec<u8>,
    /// Bytes before every report that the first of a part does without.
    pub(super) between: usize,
    /// Files that every folder holds.
    pub(super) beside: Vec<(String, Vec<u8>)>,
    #[cfg(feature = "parquet")]
    pub(super) encoder: Option<crate::arrow::parquet_file::Encoder>,
}

/// Cuts batches into the pieces of parts. Sees them in order.
pub(super) struct Cut<'f> {
    form: &'f Form,
    /// Reports a part.
    most: Option<u64>,
    /// What stands before it was written by an earlier run.
    start: Point,
    in_part: u64,
    begun: bool,
    #[cfg(feature = "arrow")]
    pending: Vec<arrow_array::RecordBatch>,
    #[cfg(feature = "arrow")]
    pending_reports: u64,
    /// Rows and bytes of what is pending.
    #[cfg(feature = "arrow")]
    pending_size: (usize, usize),
}

impl<'f> Cut<'f> {
    pub(super) fn new(form: &'f Form, most: Option<u64>, start: Point) -> Cut<'f> {
        Cut {
            form,
            most,
            start,
            in_part: 0,
            begun: false,
            #[cfg(feature = "arrow")]
            pending: Vec::new(),
            #[cfg(feature = "arrow")]
            pending_reports: 0,
            #[cfg(feature = "arrow")]
            pending_size: (0, 0),
        }
    }

    /// Cuts one batch; gives how many of its reports an earlier run has written.
    pub(super) fn cut(&mut self, done: &mut Done<Load>) -> u64 {
        let total = done.reports.len();
        let mut at = 0;
        let mut from = 0;
        if done.load.batch == self.start.batch && self.start.reports > 0 {
            at = usize::try_from(self.start.reports).unwrap_or(usize::MAX).min(total);
            from = done.reports[..at].last().map_or(0, |r| r.0);
        }
        let before = at as u64;
        while at < total {
            let room = self.most.map_or(usize::MAX, |m| usize::try_from(m - self.in_part).unwrap_or(usize::MAX));
            let take = room.min(total - at);
            let to = done.reports[at + take - 1].0;
            at += take;
            self.in_part += take as u64;
            let point = Point { batch: done.load.batch, reports: at as u64 };
            let ends = (Some(self.in_part) == self.most).then_some(point);
            self.piece(done, (from, to), take as u64, at == total, ends);
            if ends.is_some() {
                self.in_part = 0;
                self.begun = false;
            }
            from = to;
        }
        before
    }

    /// What is left when the input has ended.
    pub(super) fn last(&mut self) -> Option<Segment> {
        // All batches are done: there is none with such a number.
        let ends = Some(Point { batch: u64::MAX, reports: 0 });
        #[cfg(feature = "arrow")]
        if self.form.layout.is_columnar() {
            let reports = std::mem::take(&mut self.pending_reports);
            let piece = Piece::Rows(std::mem::take(&mut self.pending));
            return self.begun.then_some(Segment { piece, reports, ends });
        }
        let piece = match self.form.layout.is_folder() {
            true => Piece::Files(Vec::new()),
            false => Piece::Bytes(self.form.foot.clone()),
        };
        self.begun.then_some(Segment { piece, reports: 0, ends })
    }

    fn piece(
        &mut self,
        done: &mut Done<Load>,
        (from, to): (usize, usize),
        reports: u64,
        whole: bool,
        ends: Option<Point>,
    ) {
        let first = !std::mem::replace(&mut self.begun, true);
        #[cfg(feature = "arrow")]
        if self.form.layout.is_columnar() {
            if let Some(rows) = &done.load.rows {
                let slice = rows.slice(from, to - from);
                self.pending_size.0 += slice.num_rows();
                self.pending_size.1 += crate::arrow::cells::weight(&slice);
                self.pending.push(slice);
            }
            self.pending_reports += reports;
            let (rows, bytes) = self.pending_size;
            let full = self.form.layout == Layout::Arrow || rows >= GROUP_ROWS || bytes >= GROUP_BYTES;
            if full || ends.is_some() {
                let reports = std::mem::take(&mut self.pending_reports);
                let piece = Piece::Rows(std::mem::take(&mut self.pending));
                self.pending_size = (0, 0);
                done.load.segments.push(Segment { piece, reports, ends });
            }
            return;
        }
        let piece = if self.form.layout.is_folder() {
            Piece::Files(done.load.files[from..to].iter_mut().map(std::mem::take).collect())
        } else {
            let mut bytes = if whole && from == 0 && to == done.bytes.len() {
                std::mem::take(&mut done.bytes)
            } else {
                done.bytes[from..to].to_vec()
            };
            if first && !self.form.head.is_empty() {
                bytes.splice(..self.form.between, self.form.head.iter().copied());
            }
            if ends.is_some() {
                bytes.extend_from_slice(&self.form.foot);
            }
            Piece::Bytes(bytes)
        };
        done.load.segments.push(Segment { piece, reports, ends });
    }
}

impl Form {
    /// Packs the pieces of a batch; any thread may.
    pub(super) fn pack(&self, segments: &mut [Segment]) -> io::Result<()> {
        for segment in segments {
            let piece = std::mem::replace(&mut segment.piece, Piece::Bytes(Vec::new()));
            segment.piece = match piece {
                Piece::Bytes(bytes) => Piece::Bytes(self.packing.pack(bytes)?),
                #[cfg(feature = "arrow")]
                Piece::Rows(rows) if rows.iter().all(|b| b.num_rows() == 0) => Piece::Bytes(Vec::new()),
                #[cfg(feature = "arrow")]
                Piece::Rows(rows) => self.rows(&rows)?,
                other => other,
            };
        }
        Ok(())
    }

    #[cfg(feature = "arrow")]
    fn rows(&self, rows: &[arrow_array::RecordBatch]) -> io::Result<Piece> {
        #[cfg(feature = "parquet")]
        if let Some(encoder) = &self.encoder {
            return Ok(Piece::Group(Box::new(encoder.encode(rows).map_err(io::Error::other)?)));
        }
        let mut bytes = Vec::new();
        for batch in rows.iter().filter(|b| b.num_rows() > 0) {
            bytes.extend(crate::arrow::stream::message(batch).map_err(io::Error::other)?);
        }
        Ok(Piece::Bytes(bytes))
    }
}

/// Where parts go.
pub(super) enum Place {
    /// One output; it was opened before the run.
    Single(Option<Open>),
    /// A folder of parts with a manifest, and the lock that keeps other runs out of it.
    Folder(PathBuf, Box<Manifest>, #[expect(dead_code, reason = "held until the run ends")] Option<File>),
}

/// A part that is being written.
pub(super) enum Open {
    File(Box<Sink>),
    Folder(PassingFolder),
    #[cfg(feature = "parquet")]
    Parquet(Box<crate::arrow::parquet_file::ParquetFile<Sink>>),
}

/// Writes the pieces.
pub(super) struct Writer<'f> {
    form: &'f Form,
    place: Place,
    open: Option<Open>,
    in_part: u64,
}

impl<'f> Writer<'f> {
    pub(super) fn new(form: &'f Form, place: Place) -> Writer<'f> {
        Writer { form, place, open: None, in_part: 0 }
    }

    /// Writes the pieces of a batch.
    pub(super) fn write(&mut self, segments: &mut Vec<Segment>) -> anyhow::Result<()> {
        for segment in segments.drain(..) {
            if self.open.is_none() {
                self.open = Some(self.begin()?);
            }
            if let Some(open) = &mut self.open {
                put(self.form.layout, open, segment.piece)?;
            }
            self.in_part += segment.reports;
            if let Some(next) = segment.ends {
                self.end(next)?;
            }
        }
        Ok(())
    }

    /// How many parts are whole.
    pub(super) fn parts(&self) -> usize {
        match &self.place {
            Place::Single(_) => 0,
            Place::Folder(_, manifest, _) => manifest.parts.len(),
        }
    }

    /// Tells that everything is written.
    pub(super) fn finish(&mut self) -> anyhow::Result<()> {
        if let Place::Folder(folder, manifest, _) = &mut self.place {
            manifest.complete = true;
            Sink::open(Some(&folder.join(NAME)))?.put(&manifest.text())?;
        }
        Ok(())
    }

    fn begin(&mut self) -> anyhow::Result<Open> {
        match &mut self.place {
            Place::Single(open) => open.take().ok_or_else(|| anyhow::anyhow!("the output has ended")),
            Place::Folder(folder, manifest, _) => {
                let path = folder.join(part_name(self.form, manifest.parts.len()));
                Ok(open(self.form, Some(&path))?)
            }
        }
    }

    fn end(&mut self, next: Point) -> anyhow::Result<()> {
        match self.open.take() {
            None => {}
            Some(Open::File(sink)) => {
                #[cfg(feature = "arrow")]
                let sink = {
                    let mut sink = sink;
                    if self.form.layout == Layout::Arrow {
                        sink.write(crate::arrow::stream::footer())?;
                    }
                    sink
                };
                sink.finish()?;
            }
            Some(Open::Folder(folder)) => folder.finish()?,
            #[cfg(feature = "parquet")]
            Some(Open::Parquet(file)) => file.finish().map_err(anyhow::Error::msg)?.finish()?,
        }
        let reports = std::mem::take(&mut self.in_part);
        if let Place::Folder(folder, manifest, _) = &mut self.place {
            let name = part_name(self.form, manifest.parts.len());
            let bytes = manifest::size(&folder.join(&name))?;
            manifest.parts.push(Part { name, reports, bytes, next });
            Sink::open(Some(&folder.join(NAME)))?.put(&manifest.text())?;
        }
        Ok(())
    }
}

/// Opens one part, or the one output, and writes what stands first in it.
pub(super) fn open(form: &Form, path: Option<&Path>) -> Result<Open, Error> {
    let name = || path.map_or_else(|| "standard output".to_owned(), |p| p.display().to_string());
    if form.layout.is_folder() {
        let Some(path) = path.filter(|p| !output::is_standard(p)) else {
            return Err(Error::Usage(format!("--format {} writes a folder; expected -o FOLDER", form.layout)));
        };
        let mut folder = PassingFolder::begin(path.to_owned()).map_err(|e| Error::output(name(), e))?;
        folder.write(&form.beside).map_err(|e| Error::output(name(), e))?;
        return Ok(Open::Folder(folder));
    }
    let sink = Sink::open(path)?;
    #[cfg(feature = "parquet")]
    if let Some(encoder) = &form.encoder {
        return match encoder.file(sink) {
            Ok(file) => Ok(Open::Parquet(Box::new(file))),
            Err(message) => Err(Error::output(name(), message)),
        };
    }
    #[cfg(feature = "arrow")]
    if form.layout == Layout::Arrow {
        let mut sink = sink;
        sink.write(&form.head).map_err(|e| Error::output(name(), e))?;
        return Ok(Open::File(Box::new(sink)));
    }
    Ok(Open::File(Box::new(sink)))
}

fn put(layout: Layout, open: &mut Open, piece: Piece) -> anyhow::Result<()> {
    match (open, piece) {
        (Open::File(sink), Piece::Bytes(bytes)) => Ok(sink.write(&bytes)?),
        (Open::Folder(folder), Piece::Files(files)) => {
            // Names do not tell where a report's files end: an id may stand twice.
            for together in files.chunks(layout.files()) {
                folder.write(together)?;
            }
            Ok(())
        }
        #[cfg(feature = "parquet")]
        (Open::Parquet(_), Piece::Bytes(none)) if none.is_empty() => Ok(()),
        #[cfg(feature = "parquet")]
        (Open::Parquet(file), Piece::Group(group)) => file.append(*group).map_err(anyhow::Error::msg),
        _ => Err(anyhow::anyhow!("a piece that does not fit its part")),
    }
}

/// Keeps other runs out of a folder until the lock is dropped, where the system can.
pub(super) fn lock(folder: &Path) -> io::Result<Option<File>> {
    std::fs::create_dir_all(folder)?;
    let Ok(handle) = File::open(folder) else {
        return Ok(None);
    };
    match handle.try_lock() {
        Ok(()) => Ok(Some(handle)),
        Err(TryLockError::WouldBlock) => Err(io::Error::other("another run is writing to it; expected to be alone")),
        Err(TryLockError::Error(_)) => Ok(None),
    }
}

/// Makes the folder, with the manifest that the run begins with, and takes away what a broken run left unfinished.
pub(super) fn prepare(folder: &Path, manifest: &Manifest) -> io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        // A part that the manifest does not tell was whole, but the run ended before the manifest said so.
        let untold = name.starts_with("part-") && !manifest.parts.iter().any(|p| p.name == *name);
        if untold || name.starts_with(".radlabel-") && name.ends_with(".part") {
            match entry.file_type()?.is_dir() {
                true => std::fs::remove_dir_all(entry.path())?,
                false => std::fs::remove_file(entry.path())?,
            }
        }
    }
    Sink::open(Some(&folder.join(NAME))).map_err(io::Error::other)?.put(&manifest.text())
}

fn part_name(form: &Form, number: usize) -> String {
    let packed = match form.packing {
        Packing::None => "",
        Packing::Gzip => ".gz",
        Packing::Zstd => ".zst",
    };
    let name = format!("part-{number:05}");
    match form.layout.ending() {
        "" => name,
        ending => format!("{name}.{ending}{packed}"),
    }
}
