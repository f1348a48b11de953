//! Many texts -> one table, on several threads.
//!
//! Rows are shared out in units of fixed order, so the table's rows never depend on the number of threads. The
//! threads live for one call: a pool would not survive the fork that `multiprocessing` and Spark begin with.
//! Where a model is asked about doubtful mentions, it is asked about those of many rows at once.

use super::texts::Texts;
use crate::arrow::cells::{self, ArrowCells};
use crate::cli::Versions;
use crate::cli::refine::Refiner;
use crate::label::Policy;
use crate::output::{Added, Labelled, Line, Offsets, Shape, Table};
use crate::rules::{BoundScheme, Hierarchy};
use crate::{Analysis, Engine, Report, Scratch};
use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use pyo3::prelude::*;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::Duration;

/// All that a table of results depends on.
pub(super) struct Job<'a> {
    engine: &'a Engine,
    refiner: Option<&'a Refiner>,
    schemes: Vec<(&'a BoundScheme, Hierarchy)>,
    policy: Policy,
    shape: Shape,
    table: Table<'a>,
    texts: &'a Texts,
    ids: Option<&'a Texts>,
}

/// What every thread has for itself.
#[derive(Default)]
struct State {
    scratch: Scratch,
    offsets: Offsets,
    /// A report that was written: its buffers serve the next.
    spare: Report,
    waiting: Vec<(Report, Analysis)>,
    /// Text among what waits.
    bytes: usize,
}

/// Text that waits, analysed, for a model to be asked about all of it at once: some hundred reports, and not so many
/// that an interruption has to wait long.
const WAITING: usize = 1 << 16;

/// Bytes of text at which a batch ends: Arrow's offsets reach 2 GiB.
const FULL: usize = 1 << 30;

/// How often Python is asked whether the user has interrupted.
const PATIENCE: Duration = Duration::from_millis(100);

impl<'a> Job<'a> {
    /// A table of these texts.
    pub(super) fn new(
        (engine, refiner): (&'a Engine, Option<&'a Refiner>),
        schemes: Vec<(&'a BoundScheme, Hierarchy)>,
        policy: Policy,
        shape: Shape,
        (texts, ids): (&'a Texts, Option<&'a Texts>),
    ) -> Job<'a> {
        let named: Vec<_> = schemes.iter().map(|s| &s.0.scheme).collect();
        let added = Added { model: refiner.is_some(), ..Added::default() };
        let table = Table::new(shape, &named, added);
        Job { engine, refiner, schemes, policy, shape, table, texts, ids }
    }

    /// The schema of the table, with the versions of what makes it, as in the files of the command line.
    pub(super) fn schema(&self, versions: &Versions) -> SchemaRef {
        let ids: Vec<&str> = self.schemes.iter().map(|s| &*s.0.scheme.id).collect();
        let mut metadata = versions.metadata(&ids, &crate::cli::value_name(&self.shape));
        metadata.extend(self.refiner.map(Refiner::metadata));
        cells::schema(self.table.columns(), &metadata)
    }

    /// The table's batches, in the order of the texts.
    pub(super) fn run(&self, py: Python<'_>, schema: &SchemaRef, threads: usize) -> PyResult<Vec<RecordBatch>> {
        let rows = self.texts.len();
        // Several units a thread, so that none waits long for another.
        let unit = (rows / (threads * 8)).clamp(64, 8192);
        let units = rows.div_ceil(unit);
        let threads = threads.min(units);
        let mut batches: Vec<Vec<RecordBatch>> = vec![Vec::new(); units];
        let (next, stopped) = (AtomicUsize::new(0), AtomicBool::new(false));
        let work = |send: mpsc::Sender<(usize, Result<Vec<RecordBatch>, String>)>| {
            let mut state = State::default();
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= units || stopped.load(Ordering::Relaxed) {
                    return;
                }
                let mine = number * unit..rows.min((number + 1) * unit);
                let batch = self.batches(&mut state, schema, mine, &stopped);
                if send.send((number, batch)).is_err() {
                    return;
                }
            }
        };
        py.detach(|| {
            std::thread::scope(|scope| {
                let (send, receive) = mpsc::channel();
                for _ in 0..threads {
                    let send = send.clone();
                    scope.spawn(|| work(send));
                }
                drop(send);
                loop {
                    match receive.recv_timeout(PATIENCE) {
                        Ok((number, Ok(batch))) => batches[number] = batch,
                        Ok((_, Err(error))) => {
                            stopped.store(true, Ordering::Relaxed);
                            return Err(super::fault(error));
                        }
                        Err(mpsc::RecvTimeoutError::Disconnected) => return Ok(()),
                        Err(mpsc::RecvTimeoutError::Timeout) => {}
                    }
                    if let Err(interrupted) = Python::attach(|py| py.check_signals()) {
                        stopped.store(true, Ordering::Relaxed);
                        return Err(interrupted);
                    }
                }
            })
        })?;
        Ok(batches.into_iter().flatten().collect())
    }

    /// The rows of some reports. Several batches only where their text nears what one may hold.
    fn batches(
        &self,
        state: &mut State,
        schema: &SchemaRef,
        rows: Range<usize>,
        stopped: &AtomicBool,
    ) -> Result<Vec<RecordBatch>, String> {
        let mut cells = ArrowCells::new(self.table.columns(), schema.clone());
        let mut out = Vec::new();
        let full = self.refiner.map_or(0, |_| WAITING);
        let last = rows.end.saturating_sub(1);
        for row in rows {
            if stopped.load(Ordering::Relaxed) {
                break;
            }
            self.read(state, row);
            if state.bytes < full && row < last {
                continue;
            }
            let mut waiting = std::mem::take(&mut state.waiting);
            if let Some(refiner) = self.refiner {
                let mut asked: Vec<_> = waiting.iter_mut().map(|(report, found)| (&*report.text, found)).collect();
                refiner.refine(self.engine, &mut asked);
            }
            state.bytes = 0;
            for (report, analysis) in waiting.drain(..) {
                self.write(state, report, &analysis, &mut cells);
                if cells.bytes() > FULL {
                    out.push(cells.finish()?);
                }
            }
            state.waiting = waiting;
        }
        if cells.rows() > 0 {
            out.push(cells.finish()?);
        }
        Ok(out)
    }

    /// Reads a row; what is found waits.
    fn read(&self, state: &mut State, row: usize) {
        let mut report = std::mem::take(&mut state.spare);
        report.id.clear();
        match self.ids.and_then(|ids| ids.get(row)) {
            Some(id) => report.id.push_str(id),
            None => report.id.push_str(&(row + 1).to_string()),
        }
        report.text.clear();
        report.text.push_str(self.texts.get(row).unwrap_or_default());
        let analysis = self.engine.analyze_with(&mut state.scratch, &report.text);
        state.bytes += report.text.len();
        state.waiting.push((report, analysis));
    }

    /// Writes the rows of a report.
    fn write(&self, state: &mut State, report: Report, analysis: &Analysis, cells: &mut ArrowCells) {
        let labelled: Vec<Labelled> = match self.shape {
            Shape::Reports | Shape::LabelsLong => labelled(self.engine, &self.schemes, &report.text, analysis),
            Shape::Findings | Shape::Mentions => Vec::new(),
        };
        if matches!(self.shape, Shape::Findings | Shape::Mentions) {
            state.offsets.set(&report.text);
        }
        let line = Line {
            engine: self.engine,
            policy: self.policy,
            report: &report,
            analysis,
            labelled: &labelled,
            notes: &[],
            offsets: &state.offsets,
            more: &[],
            text: false,
            confidence: false,
            model: self.refiner.map(Refiner::name),
        };
        self.table.rows(&line, cells, |_| ());
        if report.text.len() > 1 << 20 {
            // A giant leaves giant buffers behind.
            *state = State::default();
        } else {
            state.spare = report;
        }
    }
}

/// The labels of a report under each scheme.
pub(super) fn labelled<'a>(
    engine: &Engine,
    schemes: &[(&'a BoundScheme, Hierarchy)],
    text: &str,
    analysis: &Analysis,
) -> Vec<Labelled<'a>> {
    let one = |&(bound, hierarchy): &(&'a BoundScheme, Hierarchy)| Labelled {
        scheme: &bound.scheme,
        labels: engine.labels_of(text, analysis, bound, hierarchy),
        confidence: Vec::new(),
    };
    schemes.iter().map(one).collect()
}
