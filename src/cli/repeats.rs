//! Messages that are alike: the first are shown, the rest are counted.
//!
//! A table with one column too many has the same fault in every row; a million lines of it would hide
//! everything else that a run has to say.

use super::say;
use crate::input::Told;
use std::collections::BTreeMap;

/// So many of a kind are shown.
const SHOWN: u64 = 20;
/// More kinds than this are one kind: memory does not grow with what is wrong.
const KINDS: usize = 200;

/// What was told so far, by kind.
#[derive(Default)]
pub(super) struct Repeats {
    kinds: BTreeMap<String, u64>,
}

impl Repeats {
    /// Counts a message; true where it is to be shown.
    pub(super) fn shows(&mut self, told: &Told) -> bool {
        // Sizes and columns differ from record to record; the fault is the same.
        let mut kind: String = told.message.chars().map(|c| if c.is_ascii_digit() { '#' } else { c }).collect();
        while kind.contains("##") {
            kind = kind.replace("##", "#");
        }
        if self.kinds.len() >= KINDS && !self.kinds.contains_key(&kind) {
            kind = "other messages".to_owned();
        }
        let count = self.kinds.entry(kind).or_default();
        *count += 1;
        *count <= SHOWN
    }

    /// Says how many were not shown.
    pub(super) fn finish(&self) {
        for (kind, count) in self.kinds.iter().filter(|(_, count)| **count > SHOWN) {
            say(format_args!("radlabel: ... and {} more like it: {kind}", count - SHOWN));
        }
    }
}
