//! Which ids stood before, in memory that does not grow with the archive.
//!
//! An id is kept as a 64-bit hash: among a million ids, the chance that two different ones look alike is
//! about one in 40 million.

use std::collections::HashSet;
use std::hash::{BuildHasherDefault, DefaultHasher, Hash, Hasher};

/// What a table of 2^22 slots holds: about 40 MB.
const MOST: usize = (1 << 22) / 8 * 7;

/// The ids seen so far.
#[derive(Default)]
pub(super) struct Ids {
    seen: HashSet<u64, BuildHasherDefault<Same>>,
    /// There were more than are kept.
    pub(super) overflowed: bool,
}

impl Ids {
    /// Notes an id; true when it stood before.
    pub(super) fn stood_before(&mut self, hash: u64) -> bool {
        if self.seen.len() < MOST {
            return !self.seen.insert(hash);
        }
        self.overflowed = true;
        self.seen.contains(&hash)
    }
}

/// The hash of an id.
pub(super) fn hash(id: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    id.hash(&mut hasher);
    hasher.finish()
}

/// The ids are hashes already.
#[derive(Default)]
struct Same(u64);

impl Hasher for Same {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(byte);
        }
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}
