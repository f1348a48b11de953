//! Parquet and Arrow files -> batches of rows, of the columns that matter alone.

use super::Told;
use super::batch::{Batch, Reading, Source, give};
use super::columns::{self, Fields};
use super::feed::Feed;
use crate::Error;
use crate::arrow::read::{self, Rows};
use crate::arrow::text;
use arrow_array::RecordBatch;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A batch ends with the row that reaches this many bytes of text, or this many rows.
const BATCH_BYTES: usize = 1 << 16;
const BATCH_ROWS: usize = 1 << 12;

/// Reads one source.
pub(crate) struct Reader {
    source: Arc<Source>,
    rows: Rows,
    taken: u64,
    counter: Arc<AtomicU64>,
    /// Bytes that were counted.
    counted: u64,
    /// The rows were decoded from a feed that counts for itself.
    fed: bool,
}

impl Reader {
    /// Opens a file, or what a feed gives; chooses the columns and says what was guessed of them.
    pub(crate) fn open(mut source: Source, path: Option<&Path>, feed: Feed) -> Result<(Reader, Option<String>), Error> {
        let refuse = |message: String| Error::input(&source.name, message);
        let kind = read::kind(&feed.head).ok_or_else(|| refuse("neither Parquet nor Arrow IPC".to_owned()))?;
        let reopened = path.filter(|p| p.is_file() && !feed.is_packed());
        let mut rows = match reopened {
            Some(path) => Rows::open(path, kind),
            None => Rows::ipc(Box::new(feed.reader), kind, None),
        }
        .map_err(refuse)?;
        let names: Vec<String> = rows.columns().iter().map(|c| c.name.clone()).collect();
        let (mut roles, guess) = columns::roles(&names, &source.wanted).map_err(refuse)?;
        for (role, column) in roles.iter_mut().zip(rows.columns()) {
            // A number is no report, and what cannot be read as text is of no use unless it was asked for.
            if !column.is_string && role.chosen.is_none() {
                (role.text, role.section) = (None, None);
            }
            if !column.readable && role.chosen.is_none() {
                *role = columns::Role::default();
            }
        }
        if !roles.iter().any(|r| r.text.is_some() || r.chosen.is_some() || r.section >= Some(2)) {
            let found: Vec<String> = rows.columns().iter().take(40).map(|c| format!("{} {}", c.name, c.kind)).collect();
            return Err(refuse(format!(
                "no column of text; found {}; expected a string column (--text-column names it)",
                found.join(", ")
            )));
        }
        let kept: Vec<usize> = (0..roles.len()).filter(|&i| !roles[i].is_idle()).collect();
        rows.project(&kept).map_err(refuse)?;
        source.roles = kept.iter().map(|&i| roles[i]).collect();
        let counter = Arc::clone(&source.counter);
        let fed = reopened.is_none();
        Ok((Reader { source: Arc::new(source), rows, taken: 0, counter, counted: 0, fed }, guess))
    }

    /// Fills a batch; false when everything was read.
    pub(crate) fn fill(&mut self, batch: &mut Batch) -> bool {
        batch.source = Some(Arc::clone(&self.source));
        let more = match self.rows.next(BATCH_ROWS, BATCH_BYTES) {
            Ok(None) => false,
            Ok(Some(rows)) => {
                let count = rows.num_rows() as u64;
                batch.rows = Some((rows, self.taken + 1));
                self.taken += count;
                true
            }
            Err(message) => {
                batch.told.push(Told::problem(&self.source.name, message));
                true
            }
        };
        if !self.fed {
            let read = self.rows.bytes_read();
            self.counter.fetch_add(read.saturating_sub(self.counted), Ordering::Relaxed);
            self.counted = self.counted.max(read);
        }
        more
    }
}

/// Reads every row of a batch; the first has this number.
pub(crate) fn read(source: &Source, rows: &RecordBatch, first: u64, each: &mut impl FnMut(Result<Reading, Told>)) {
    for row in 0..rows.num_rows() {
        let number = first + row as u64;
        let readings = reading(source, rows, row, number).map(|r| vec![r]);
        give(source, readings, || format!("{}: record {number}", source.name), &mut *each);
    }
}

fn reading(source: &Source, rows: &RecordBatch, row: usize, number: u64) -> Result<Reading, String> {
    let mut fields = Fields::default();
    let mut bad = 0;
    for (column, &role) in rows.columns().iter().zip(&source.roles) {
        match text::text(column, row)? {
            Some(cell) => {
                bad += cell.bad;
                fields.put(role, cell.text);
            }
            // A missing value is an empty report, as an empty cell is.
            None if role.has_text() => fields.put(role, "".into()),
            None => {}
        }
    }
    let fallback = || format!("{}{number}", source.prefix);
    Ok(Reading { bad_bytes: bad, ..fields.into_reading(&source.wanted, fallback) })
}
