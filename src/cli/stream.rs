//! Reading, working and writing at once, in bounded memory, with the output in the order of the input.
//!
//! Each thread cuts a batch off the input, works on it while it is warm in its cache, and hands it on; two
//! queues put the batches back in order, one for what must see them in order (doubled ids, messages), one
//! for the writing, with packing between them on all threads. What a batch holds depends on the input
//! alone, so the bytes written are the same for any number of threads; one thread runs without a pool.

use super::summary::Tally;
use crate::input::{Batch, Input, Told};
use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Input that may be in work at once: what comes out of a report full of findings is sixteen times as long.
const IN_WORK_BYTES: usize = 2 << 20;

/// What working on a batch gave.
#[derive(Default)]
pub(super) struct Done<P = ()> {
    /// What to write.
    pub(super) bytes: Vec<u8>,
    /// For every report: where it ends in `bytes`, and the hash of its id.
    pub(super) reports: Vec<(usize, u64)>,
    /// What to tell.
    pub(super) told: Vec<Told>,
    /// What was counted.
    pub(super) tally: Tally,
    /// What else the command hands from step to step.
    pub(super) load: P,
    /// Length of its input.
    size: usize,
}

impl<P: Default> Done<P> {
    fn clear(&mut self) {
        self.bytes.clear();
        self.reports.clear();
        self.told.clear();
        self.tally = Tally::default();
        self.load = P::default();
    }
}

/// What is done with the batches: `work` and `pack` on any thread, `order` and `write` one by one in order.
pub(super) struct Steps<W, O, P, T> {
    /// Labels a batch.
    pub(super) work: W,
    /// Sees the batches in order.
    pub(super) order: O,
    /// Packs what will be written.
    pub(super) pack: P,
    /// Writes.
    pub(super) write: T,
}

/// Runs the steps on every batch of the input.
pub(super) fn run<S, L, W, O, P, T>(input: &mut Input, threads: usize, steps: Steps<W, O, P, T>) -> anyhow::Result<()>
where
    S: Default,
    L: Default + Send,
    W: Fn(&mut S, &Batch, &mut Done<L>) + Sync,
    O: FnMut(&mut Done<L>) + Send,
    P: Fn(&mut Done<L>) -> std::io::Result<()> + Sync,
    T: FnMut(&mut Done<L>) -> anyhow::Result<()> + Send,
{
    let Steps { work, mut order, pack, mut write } = steps;
    if threads == 1 {
        let mut state = S::default();
        let mut batch = Batch::default();
        let mut done = Done::default();
        while input.fill(&mut batch) {
            done.clear();
            done.told.append(&mut batch.told);
            work(&mut state, &batch, &mut done);
            order(&mut done);
            pack(&mut done)?;
            write(&mut done)?;
        }
        return Ok(());
    }
    let line = Line {
        source: Mutex::new((input, 0)),
        ordered: Mutex::new(Queue::new(order)),
        written: Mutex::new(Written { queue: Queue::new(write), in_work: 0, spare: Vec::new(), error: None }),
        moved: Condvar::new(),
    };
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build()?;
    pool.scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|_| line.serve(&work, &pack));
        }
    });
    match lock(&line.written).error.take() {
        Some(error) => Err(error),
        None => Ok(()),
    }
}

/// Batches that wait for an earlier one, and what takes them in order.
struct Queue<F, L> {
    next: u64,
    waiting: BTreeMap<u64, Done<L>>,
    take: F,
}

impl<F, L> Queue<F, L> {
    fn new(take: F) -> Self {
        Queue { next: 0, waiting: BTreeMap::new(), take }
    }

    /// The next batch, if it is here.
    fn pop(&mut self) -> Option<(u64, Done<L>)> {
        let done = self.waiting.remove(&self.next)?;
        self.next += 1;
        Some((self.next - 1, done))
    }
}

struct Written<T, L> {
    queue: Queue<T, L>,
    in_work: usize,
    spare: Vec<Done<L>>,
    error: Option<anyhow::Error>,
}

/// The line that all threads serve.
struct Line<'i, O, T, L> {
    source: Mutex<(&'i mut Input, u64)>,
    ordered: Mutex<Queue<O, L>>,
    written: Mutex<Written<T, L>>,
    /// A batch was written, or the run failed.
    moved: Condvar,
}

impl<O, T, L> Line<'_, O, T, L>
where
    O: FnMut(&mut Done<L>),
    T: FnMut(&mut Done<L>) -> anyhow::Result<()>,
    L: Default + Send,
{
    fn serve<S: Default>(
        &self,
        work: &impl Fn(&mut S, &Batch, &mut Done<L>),
        pack: &impl Fn(&mut Done<L>) -> std::io::Result<()>,
    ) {
        let mut state = S::default();
        let mut batch = Batch::default();
        let mut done = Done::default();
        while let Some(number) = self.take(&mut batch) {
            done.clear();
            done.size = batch.len();
            done.told.append(&mut batch.told);
            work(&mut state, &batch, &mut done);
            for (number, mut done) in self.order(number, std::mem::take(&mut done)) {
                let packed = pack(&mut done);
                self.write(number, done, packed);
            }
            done = lock(&self.written).spare.pop().unwrap_or_default();
        }
    }

    /// Cuts the next batch, once there is room for it.
    fn take(&self, batch: &mut Batch) -> Option<u64> {
        let mut source = lock(&self.source);
        if !source.0.fill(batch) {
            return None;
        }
        let number = source.1;
        source.1 += 1;
        let mut written = lock(&self.written);
        while written.error.is_none() && written.in_work > 0 && written.in_work + batch.len() > IN_WORK_BYTES {
            written = self.moved.wait(written).unwrap_or_else(PoisonError::into_inner);
        }
        if written.error.is_some() {
            return None;
        }
        written.in_work += batch.len();
        Some(number)
    }

    /// Hands a batch in; what is in order now comes back.
    fn order(&self, number: u64, done: Done<L>) -> Vec<(u64, Done<L>)> {
        let mut queue = lock(&self.ordered);
        queue.waiting.insert(number, done);
        let mut ready = Vec::new();
        while let Some((number, mut done)) = queue.pop() {
            (queue.take)(&mut done);
            ready.push((number, done));
        }
        ready
    }

    fn write(&self, number: u64, done: Done<L>, packed: std::io::Result<()>) {
        let mut written = lock(&self.written);
        if let Err(error) = packed {
            written.error.get_or_insert(error.into());
        }
        written.queue.waiting.insert(number, done);
        while let Some((_, mut done)) = written.queue.pop() {
            if written.error.is_none()
                && let Err(error) = (written.queue.take)(&mut done)
            {
                written.error = Some(error);
            }
            written.in_work -= done.size;
            // A giant's buffer is let go, the usual ones are used again.
            if done.bytes.capacity() < IN_WORK_BYTES {
                written.spare.push(done);
            }
        }
        self.moved.notify_all();
    }
}

fn lock<V>(mutex: &Mutex<V>) -> MutexGuard<'_, V> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
