//! A stream of bytes -> batches of records: lines, or rows of a table.
//!
//! This is the one step that cannot be shared between threads, so it only looks for ends of records. What
//! cannot be kept in memory (a record over the limit) is counted past, and what was read before a fault of
//! the stream is still given.

use super::batch::{Batch, RAW_MARGIN, Record, Source, guessed_encoding, too_long};
use super::delimited::{Scan, trimmed};
use super::feed::Feed;
use super::{Format, Told, encoding};
use std::io::{BufRead, ErrorKind, Read};
use std::sync::Arc;

/// A batch ends with the record that reaches this many bytes, or this many records.
const BATCH_BYTES: usize = 1 << 16;
const BATCH_RECORDS: usize = 1 << 12;
/// After so many quoted cells that are never closed, the rest of a table is given up.
const MAX_RESTARTS: u32 = 100;

/// Cuts one source.
pub(crate) struct Cutter {
    source: Arc<Source>,
    feed: Feed,
    /// Bytes after the last record of the last batch.
    carry: Vec<u8>,
    line: u64,
    row: u64,
    header: bool,
    ended: bool,
    taken: u64,
    restarts: u32,
}

/// A record over the limit that is being counted past.
#[derive(Default)]
struct Dropped {
    bytes: u64,
    lines: u64,
    last: Option<u8>,
}

impl Cutter {
    pub(crate) fn new(source: Arc<Source>, feed: Feed) -> Cutter {
        let header = matches!(source.format, Format::Csv | Format::Tsv);
        Cutter { source, feed, carry: Vec::new(), line: 1, row: 0, header, ended: false, taken: 0, restarts: 0 }
    }

    /// Fills a batch; false when the source has nothing more to give.
    pub(crate) fn fill(&mut self, batch: &mut Batch) -> bool {
        if self.ended && self.carry.is_empty() {
            return false;
        }
        batch.source = Some(Arc::clone(&self.source));
        if self.source.is_whole() {
            self.whole(batch);
        } else {
            self.records(batch);
        }
        if self.feed.encoding.is_none() && !batch.bytes.is_ascii() {
            let (encoding, guessed) = encoding::guess(&batch.bytes);
            self.feed.encoding = Some(encoding);
            if guessed {
                batch.told.push(guessed_encoding(&self.source.name, encoding));
            }
        }
        batch.encoding = self.feed.encoding;
        batch.transcoded = self.feed.transcoded;
        true
    }

    fn whole(&mut self, batch: &mut Batch) {
        self.ended = true;
        let limit = self.source.max_bytes.saturating_add(RAW_MARGIN) as u64;
        let read = self.feed.reader.by_ref().take(limit + 1).read_to_end(&mut batch.bytes);
        let size = batch.bytes.len() as u64;
        self.taken = size;
        let problem = match read {
            Err(error) => Some(self.broken(&error)),
            Ok(_) if size > limit => {
                batch.bytes.clear();
                let rest = std::io::copy(&mut self.feed.reader, &mut std::io::sink()).unwrap_or(0);
                Some(Told::problem(&self.source.name, too_long(size + rest, self.source.max_bytes)))
            }
            Ok(_) => None,
        };
        match problem {
            Some(problem) => batch.told.push(problem),
            None => batch.records.push(Record { start: 0, end: batch.bytes.len(), line: 1, row: 1 }),
        }
    }

    fn records(&mut self, batch: &mut Batch) {
        std::mem::swap(&mut batch.bytes, &mut self.carry);
        self.carry.clear();
        let delimiter = matches!(self.source.format, Format::Csv | Format::Tsv).then_some(self.source.delimiter);
        let mut scan = Scan { delimiter, at: 0, quoted: false };
        let limit = self.source.max_bytes.saturating_add(RAW_MARGIN);
        let mut dropped = Dropped::default();
        let mut start = 0;
        loop {
            while let Some(end) = scan.end(&batch.bytes, start, dropped.last) {
                self.record(batch, start, end, &mut dropped);
                start = end;
                if start >= BATCH_BYTES || batch.records.len() >= BATCH_RECORDS {
                    self.carry.extend_from_slice(&batch.bytes[start..]);
                    batch.bytes.truncate(start);
                    return;
                }
            }
            if batch.bytes.len() - start > limit || dropped.bytes > 0 {
                let gone = &batch.bytes[start..scan.at];
                dropped.bytes += gone.len() as u64;
                dropped.lines += memchr::memchr_iter(b'\n', gone).count() as u64;
                dropped.last = gone.last().copied().or(dropped.last);
                batch.bytes.drain(start..scan.at);
                scan.at = start;
            }
            if self.ended {
                let open = scan.is_open(&batch.bytes);
                if open && dropped.bytes == 0 && self.restart(batch, &mut start) {
                    scan = Scan { delimiter, at: start, quoted: false };
                    continue;
                }
                if !open && (start < batch.bytes.len() || dropped.bytes > 0) {
                    self.record(batch, start, batch.bytes.len(), &mut dropped);
                } else if dropped.bytes > 0 {
                    batch.told.push(self.unclosed());
                }
                return;
            }
            if !self.more(batch) {
                // The last record is cut: what the stream's own fault says is enough.
                batch.bytes.truncate(start);
                dropped = Dropped::default();
                scan = Scan { delimiter, at: start, quoted: false };
            }
        }
    }

    fn record(&mut self, batch: &mut Batch, start: usize, end: usize, dropped: &mut Dropped) {
        let bytes = &batch.bytes[start..end];
        let line = self.line;
        let lines = match self.source.format {
            Format::Csv | Format::Tsv => memchr::memchr_iter(b'\n', bytes).count() as u64,
            _ => 1,
        };
        self.line += lines + dropped.lines;
        if dropped.bytes > 0 {
            self.row += 1;
            let size = dropped.bytes + trimmed(bytes).len() as u64;
            *dropped = Dropped::default();
            let message = format!("a record of {}", too_long(size, self.source.max_bytes));
            batch.told.push(Told::problem(format!("{}:{line}", self.source.name), message));
        } else if trimmed(bytes).is_empty() {
            // An empty line is no row.
        } else if self.header {
            self.header = false;
        } else {
            self.row += 1;
            batch.records.push(Record { start, end, line, row: self.row });
        }
    }

    /// A quoted cell runs to the end of the source. Its first line is given up, and the rest is read anew.
    fn restart(&mut self, batch: &mut Batch, start: &mut usize) -> bool {
        batch.told.push(self.unclosed());
        self.restarts += 1;
        let next = memchr::memchr(b'\n', &batch.bytes[*start..]);
        self.row += 1;
        self.line += 1;
        *start = next.map_or(batch.bytes.len(), |p| *start + p + 1);
        if self.restarts > MAX_RESTARTS {
            batch.bytes.truncate(*start);
        }
        true
    }

    fn unclosed(&self) -> Told {
        let place = format!("{}:{}", self.source.name, self.line);
        Told::problem(place, "a quoted cell that begins in this row is never closed; the row was left out")
    }

    /// Takes more bytes; false when the stream is broken.
    fn more(&mut self, batch: &mut Batch) -> bool {
        loop {
            match self.feed.reader.fill_buf() {
                Ok([]) => {
                    self.ended = true;
                    return true;
                }
                Ok(bytes) => {
                    let count = bytes.len();
                    batch.bytes.extend_from_slice(bytes);
                    self.taken += count as u64;
                    self.feed.reader.consume(count);
                    return true;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => {
                    self.ended = true;
                    let told = self.broken(&error);
                    batch.told.push(told);
                    return false;
                }
            }
        }
    }

    fn broken(&self, error: &std::io::Error) -> Told {
        let kind = if self.feed.packed { "broken gzip: " } else { "" };
        let message = match self.source.is_whole() {
            true => format!("{kind}{error} after {} bytes", self.taken),
            false => {
                format!("{kind}{error} after {} bytes and {} records; the rest was not read", self.taken, self.row)
            }
        };
        Told::problem(&self.source.name, message)
    }
}
