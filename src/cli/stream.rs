//! Reading, working and writing at once, in bounded memory, with the output in the order of the input.
//!
//! A group of batches is worked on by all threads while one of them cuts the next group and writes the one
//! before, then helps. What a batch holds depends on the input alone, so the bytes written are the same for
//! any number of threads; one thread runs without a pool.

use super::summary::Tally;
use crate::input::{Batch, Input, Told};
use rayon::prelude::*;
use std::sync::{Mutex, PoisonError};

/// A group ends at this many bytes for each thread.
const GROUP_BYTES: usize = 1 << 20;
/// Batches in a group for each thread: enough to even out slow reports.
const GROUP_BATCHES: usize = 8;

/// What working on a batch gave.
#[derive(Default)]
pub(super) struct Done {
    /// What to write.
    pub(super) bytes: Vec<u8>,
    /// For every report: where it ends in `bytes`, and the hash of its id.
    pub(super) reports: Vec<(usize, u64)>,
    /// What to tell.
    pub(super) told: Vec<Told>,
    /// What was counted.
    pub(super) tally: Tally,
}

impl Done {
    fn clear(&mut self) {
        self.bytes.clear();
        self.reports.clear();
        self.told.clear();
        self.tally = Tally::default();
    }
}

/// Runs `work` on every batch of the input and `write` on what it gave, in order.
pub(super) fn run<S: Default + Send>(
    input: &mut Input,
    threads: usize,
    work: impl Fn(&mut S, &Batch, &mut Done) + Sync,
    mut write: impl FnMut(&mut [Done]) -> anyhow::Result<()> + Send,
) -> anyhow::Result<()> {
    if threads == 1 {
        let mut state = S::default();
        let mut batch = Batch::default();
        let mut done = [Done::default()];
        while input.fill(&mut batch) {
            done[0].clear();
            done[0].told.append(&mut batch.told);
            work(&mut state, &batch, &mut done[0]);
            write(&mut done)?;
        }
        return Ok(());
    }
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build()?;
    pool.install(|| {
        let states: Mutex<Vec<S>> = Mutex::default();
        let mut current = Group::default();
        let mut next = Group::default();
        let mut done: Vec<Done> = Vec::new();
        let mut written: Vec<Done> = Vec::new();
        current.fill(input, threads);
        let mut waiting = 0;
        loop {
            let (batches, count) = (&mut current.batches, current.count);
            if done.len() < count {
                done.resize_with(count, Done::default);
            }
            let (result, ()) = rayon::join(
                || {
                    next.fill(input, threads);
                    write(&mut written[..waiting])
                },
                || {
                    batches[..count].par_iter_mut().zip(&mut done[..count]).with_max_len(1).for_each(
                        |(batch, done)| {
                            let mut state = lock(&states).pop().unwrap_or_default();
                            done.clear();
                            done.told.append(&mut batch.told);
                            work(&mut state, batch, done);
                            lock(&states).push(state);
                        },
                    );
                },
            );
            result?;
            std::mem::swap(&mut done, &mut written);
            waiting = count;
            std::mem::swap(&mut current, &mut next);
            if current.count == 0 {
                return write(&mut written[..waiting]);
            }
        }
    })
}

fn lock<S>(states: &Mutex<Vec<S>>) -> std::sync::MutexGuard<'_, Vec<S>> {
    states.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Batches that are worked on together; the buffers are used again.
#[derive(Default)]
struct Group {
    batches: Vec<Batch>,
    count: usize,
}

impl Group {
    fn fill(&mut self, input: &mut Input, threads: usize) {
        self.count = 0;
        let mut bytes = 0;
        while self.count < GROUP_BATCHES * threads && bytes < GROUP_BYTES * threads {
            if self.batches.len() == self.count {
                self.batches.push(Batch::default());
            }
            let batch = &mut self.batches[self.count];
            if !input.fill(batch) {
                return;
            }
            bytes += batch.len();
            self.count += 1;
        }
    }
}
