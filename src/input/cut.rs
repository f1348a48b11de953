//! A stream of bytes -> batches of records ([`Frame`]).
//!
//! This is the one step that cannot be shared between threads, so it only looks for ends of records. What
//! cannot be kept in memory (a record over the limit) is counted past, and what was read before a fault of
//! the stream is still given.

use super::batch::{Batch, Record, Source, guessed_encoding, too_long};
use super::delimited::trimmed;
use super::feed::Feed;
use super::frame::{Frame, Scan};
use super::{Told, encoding, hl7};
use std::io::{BufRead, ErrorKind, Read};
use std::sync::Arc;

/// A batch ends with the record that reaches this many bytes, or this many records.
const BATCH_BYTES: usize = 1 << 16;
const BATCH_RECORDS: usize = 1 << 12;
/// After so many quoted cells that are never closed, the rest of a table is given up.
const MAX_RESTARTS: u32 = 100;
/// A packed stream that unpacks to more than this many times its size is no archive of reports.
const MAX_RATIO: u64 = 2000;
/// Nor is one of this ratio that holds a single record of [`BOMB_BYTES`].
const MAX_RECORD_RATIO: u64 = 100;
const BOMB_BYTES: u64 = 1 << 30;

/// Cuts one source.
pub(crate) struct Cutter {
    source: Arc<Source>,
    feed: Feed,
    /// Bytes after the last record of the last batch.
    carry: Vec<u8>,
    scan: Scan,
    line: u64,
    row: u64,
    header: bool,
    /// No more bytes will come.
    ended: bool,
    /// Nor any record.
    finished: bool,
    taken: u64,
    /// HL7: what is odd about the end of the last message.
    odd_end: Option<Told>,
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
        let header = matches!(source.frame, Frame::Row(_));
        let scan = Scan::new(source.frame, 0);
        Cutter {
            source,
            feed,
            carry: Vec::new(),
            scan,
            line: 1,
            row: 0,
            header,
            ended: false,
            finished: false,
            taken: 0,
            odd_end: None,
            restarts: 0,
        }
    }

    /// Fills a batch; false when the source has nothing more to give.
    pub(crate) fn fill(&mut self, batch: &mut Batch) -> bool {
        if self.finished {
            return false;
        }
        batch.source = Some(Arc::clone(&self.source));
        if self.source.frame == Frame::Whole {
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
        self.finished = true;
        let limit = self.source.raw_limit() as u64;
        let read = self.feed.reader.by_ref().take(limit + 1).read_to_end(&mut batch.bytes);
        let size = batch.bytes.len() as u64;
        self.taken = size;
        let problem = match read {
            Err(error) => Some(self.broken(&error)),
            Ok(_) if size > limit => {
                batch.bytes.clear();
                Some(Told::problem(&self.source.name, too_long(size + self.feed.rest(), self.source.max_bytes)))
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
        let limit = self.source.raw_limit();
        let mut dropped = Dropped::default();
        let (mut start, mut broken) = (0, false);
        loop {
            while let Some(end) = self.scan.end(&batch.bytes, start, dropped.last, self.ended) {
                self.record(batch, start, end, &mut dropped);
                start = end;
                if start >= BATCH_BYTES || batch.records.len() >= BATCH_RECORDS {
                    self.carry.extend_from_slice(&batch.bytes[start..]);
                    batch.bytes.truncate(start);
                    self.scan.moved(start);
                    return;
                }
            }
            let over = batch.bytes.len() - start > limit;
            if over && self.scan.is_between() {
                self.line += memchr::memchr_iter(b'\n', &batch.bytes[start..self.scan.at]).count() as u64;
                batch.bytes.drain(start..self.scan.at);
                self.scan.back(start);
            } else if over || dropped.bytes > 0 {
                let gone = &batch.bytes[start..self.scan.at];
                dropped.bytes += gone.len() as u64;
                dropped.lines += memchr::memchr_iter(b'\n', gone).count() as u64;
                dropped.last = gone.last().copied().or(dropped.last);
                batch.bytes.drain(start..self.scan.at);
                self.scan.back(start);
            }
            if self.ended {
                let open = self.scan.is_open(&batch.bytes);
                if open && dropped.bytes == 0 && self.restart(batch, &mut start) {
                    self.scan.restart(start);
                    continue;
                }
                self.finished = true;
                if !broken {
                    self.last(batch, start, open, &mut dropped);
                    batch.told.extend(self.odd_end.take());
                }
                return;
            }
            if !self.more(batch, &dropped) {
                // The last record is cut: what the stream's own fault says is enough.
                broken = true;
                batch.bytes.truncate(start);
                dropped = Dropped::default();
                self.scan = Scan::new(self.source.frame, start);
            }
        }
    }

    /// What stands after the last end of a record, when no more bytes will come.
    fn last(&mut self, batch: &mut Batch, start: usize, open: bool, dropped: &mut Dropped) {
        match self.source.frame {
            Frame::Line | Frame::Row(_) if !open && (start < batch.bytes.len() || dropped.bytes > 0) => {
                self.record(batch, start, batch.bytes.len(), dropped);
            }
            Frame::Line | Frame::Row(_) if dropped.bytes == 0 => {}
            Frame::Row(_) => batch.told.push(self.unclosed()),
            _ if !self.scan.is_between() && (start < batch.bytes.len() || dropped.bytes > 0) => {
                let rest = trimmed(&batch.bytes[start..]);
                if !rest.is_empty() || dropped.bytes > 0 {
                    let message = format!("the source ends inside record {}; it was left out", self.row + 1);
                    batch.told.push(Told::problem(&self.source.name, message));
                }
            }
            _ if self.scan.is_cut(&batch.bytes[start..]) => {
                let message = format!("the source is cut off after record {}: its end is missing", self.row);
                batch.told.push(Told::problem(&self.source.name, message));
            }
            _ => {}
        }
    }

    fn record(&mut self, batch: &mut Batch, start: usize, end: usize, dropped: &mut Dropped) {
        let begin = self.scan.begin(start).min(end);
        let before = memchr::memchr_iter(b'\n', &batch.bytes[start..begin]).count() as u64;
        let bytes = &batch.bytes[begin..end];
        let line = self.line + before;
        let lines = match self.source.frame {
            Frame::Line => 1,
            _ => memchr::memchr_iter(b'\n', bytes).count() as u64,
        };
        self.line = line + lines + dropped.lines;
        let start = begin;
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
            if self.source.frame == Frame::Message && self.ended {
                let name = &self.source.name;
                self.odd_end = hl7::odd_end(&self.feed.head, bytes).map(|(gravity, message)| Told {
                    gravity,
                    place: format!("{name}: record {}", self.row),
                    message,
                });
            }
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
    fn more(&mut self, batch: &mut Batch, dropped: &Dropped) -> bool {
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
                    if let Some(told) = self.bomb(dropped) {
                        self.ended = true;
                        batch.told.push(told);
                        return false;
                    }
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

    /// A packed stream that nobody wrote to keep reports in.
    fn bomb(&self, dropped: &Dropped) -> Option<Told> {
        if self.taken < BOMB_BYTES || !self.feed.is_packed() {
            return None;
        }
        let ratio = self.taken / self.feed.raw().max(1);
        let bomb = ratio > MAX_RATIO || (dropped.bytes > BOMB_BYTES && ratio > MAX_RECORD_RATIO);
        bomb.then(|| {
            let message = format!(
                "unpacks to more than {ratio} times its size ({} bytes so far, {} records); the rest was not read",
                self.taken, self.row
            );
            Told::problem(&self.source.name, message)
        })
    }

    fn broken(&self, error: &std::io::Error) -> Told {
        let kind = self.feed.broken();
        let message = match self.source.frame == Frame::Whole {
            true => format!("{kind}{error} after {} bytes", self.taken),
            false => {
                format!("{kind}{error} after {} bytes and {} records; the rest was not read", self.taken, self.row)
            }
        };
        Told::problem(&self.source.name, message)
    }
}
