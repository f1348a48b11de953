//! Many texts -> one table, on several threads.
//!
//! Rows are shared out in units of fixed order, so the table's rows never depend on the number of threads. The
//! threads live for one call: a pool would not survive the fork that `multiprocessing` and Spark begin with.

use super::texts::Texts;
use crate::label::Policy;
use crate::output::label_name;
use crate::rules::{BoundScheme, Hierarchy, Status};
use crate::{Engine, Scratch};
use arrow_array::builder::{Int8Builder, StringBuilder};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef};
use pyo3::prelude::*;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

/// All that a table of results depends on.
pub(super) struct Job<'a> {
    pub(super) engine: &'a Engine,
    pub(super) schemes: Vec<(&'a BoundScheme, Hierarchy)>,
    pub(super) policy: Policy,
    pub(super) texts: &'a Texts,
    pub(super) ids: Option<&'a Texts>,
}

/// How often Python is asked whether the user has interrupted.
const PATIENCE: Duration = Duration::from_millis(100);

impl Job<'_> {
    /// The schema of the table.
    pub(super) fn schema(&self) -> SchemaRef {
        let mut fields = vec![Field::new("id", DataType::Utf8, false)];
        for (bound, _) in &self.schemes {
            let several = self.schemes.len() > 1;
            let names = (0..bound.scheme.labels.len()).map(|i| label_name(&bound.scheme, i, several).into_owned());
            fields.extend(names.map(|name| Field::new(name, DataType::Int8, true)));
        }
        Arc::new(Schema::new(fields))
    }

    /// The table's batches, in the order of the texts.
    pub(super) fn run(&self, py: Python<'_>, schema: &SchemaRef, threads: usize) -> PyResult<Vec<RecordBatch>> {
        let rows = self.texts.len();
        // Several units a thread, so that none waits long for another.
        let unit = (rows / (threads * 8)).clamp(64, 8192);
        let units = rows.div_ceil(unit);
        let threads = threads.min(units);
        let mut batches: Vec<Option<RecordBatch>> = vec![None; units];
        let (next, stopped) = (AtomicUsize::new(0), AtomicBool::new(false));
        let work = |send: mpsc::Sender<(usize, Result<RecordBatch, ArrowError>)>| {
            let mut scratch = Scratch::default();
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= units || stopped.load(Ordering::Relaxed) {
                    return;
                }
                let batch = self.batch(&mut scratch, schema, number * unit..rows.min((number + 1) * unit));
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
                        Ok((number, Ok(batch))) => batches[number] = Some(batch),
                        Ok((_, Err(error))) => {
                            stopped.store(true, Ordering::Relaxed);
                            return Err(super::fault(error.to_string()));
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

    fn batch(
        &self,
        scratch: &mut Scratch,
        schema: &SchemaRef,
        rows: std::ops::Range<usize>,
    ) -> Result<RecordBatch, ArrowError> {
        let mut ids = StringBuilder::with_capacity(rows.len(), rows.len() * 8);
        let width = schema.fields().len() - 1;
        let mut columns: Vec<Int8Builder> = (0..width).map(|_| Int8Builder::with_capacity(rows.len())).collect();
        for row in rows {
            match self.ids.and_then(|ids| ids.get(row)) {
                Some(id) => ids.append_value(id),
                None => ids.append_value((row + 1).to_string()),
            }
            let text = self.texts.get(row).unwrap_or_default();
            let analysis = self.engine.analyze_with(scratch, text);
            let mut first = 0;
            for &(bound, hierarchy) in &self.schemes {
                let labels = self.engine.labels_of(text, &analysis, bound, hierarchy);
                let mut labels = labels.iter().peekable();
                for number in 0..bound.scheme.labels.len() {
                    let label = labels.next_if(|l| l.label as usize == number);
                    let value = label.and_then(|l| self.policy.apply(l.value));
                    columns[first + number].append_option(value.map(|status| match status {
                        Status::Present => 1,
                        Status::Absent => 0,
                        Status::Uncertain => -1,
                    }));
                }
                first += bound.scheme.labels.len();
            }
        }
        let mut arrays: Vec<ArrayRef> = vec![Arc::new(ids.finish())];
        arrays.extend(columns.iter_mut().map(|c| Arc::new(c.finish()) as ArrayRef));
        RecordBatch::try_new(schema.clone(), arrays)
    }
}
