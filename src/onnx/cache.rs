//! Answers to questions asked before, in bounded memory: reports repeat themselves.

use crate::refine::Opinion;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// Parts that are locked by themselves.
const SHARDS: usize = 16;
/// Questions that a part keeps: with 1 MiB of keys at most, the whole keeps 65,536 questions in 24 MiB or less.
const ENTRIES: usize = 4096;
const BYTES: usize = 1 << 20;

/// Questions by the ids that the network sees, so that none is taken for another.
#[derive(Default)]
pub(super) struct Cache {
    shards: [Mutex<Shard>; SHARDS],
}

#[derive(Default)]
struct Shard {
    known: HashMap<Box<[u32]>, Opinion>,
    bytes: usize,
}

impl Cache {
    /// The answer given before.
    pub(super) fn get(&self, ids: &[u32]) -> Option<Opinion> {
        self.lock(ids).known.get(ids).copied()
    }

    /// Keeps an answer. A part that is full is emptied: what is frequent comes back at once.
    pub(super) fn put(&self, ids: &[u32], answer: Opinion) {
        let size = size_of_val(ids);
        if size > BYTES / 16 {
            return;
        }
        let mut shard = self.lock(ids);
        if shard.known.len() >= ENTRIES || shard.bytes + size > BYTES {
            *shard = Shard::default();
        }
        if shard.known.insert(ids.into(), answer).is_none() {
            shard.bytes += size;
        }
    }

    fn lock(&self, ids: &[u32]) -> std::sync::MutexGuard<'_, Shard> {
        let mixed = ids.iter().fold(0_u32, |h, id| (h ^ id).wrapping_mul(0x9e37_79b1).rotate_left(13));
        self.shards[mixed as usize % SHARDS].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::refine::Verdict;

    #[test]
    fn keeps_answers_within_its_bounds() {
        let cache = Cache::default();
        let answer = Opinion([0.2; Verdict::ALL.len()]);
        let other = Opinion([0.0, 1.0, 0.0, 0.0, 0.0]);
        assert_eq!(cache.get(&[1, 2]), None);
        cache.put(&[1, 2], answer);
        cache.put(&[2, 1], other);
        assert_eq!(cache.get(&[1, 2]), Some(answer));
        assert_eq!(cache.get(&[2, 1]), Some(other), "the order counts");
        for i in 0..200_000_u32 {
            cache.put(&[i; 64], answer);
        }
        for shard in &cache.shards {
            let shard = shard.lock().expect("no panic");
            assert!(shard.known.len() <= ENTRIES && shard.bytes <= BYTES);
            assert_eq!(shard.bytes, shard.known.keys().map(|k| size_of_val(&**k)).sum::<usize>());
        }
        cache.put(&vec![7; BYTES], answer);
        assert_eq!(cache.get(&vec![7; BYTES]), None, "a giant is not kept");
    }
}
