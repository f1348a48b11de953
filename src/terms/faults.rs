//! Faults of a source: all are counted, the first of each sort are kept, so that memory does not grow with
//! what is wrong.

use crate::error::Fault;
use std::collections::BTreeMap;

/// So many of a sort are kept.
const KEPT: u64 = 20;

/// What is wrong with a source.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    kept: Vec<Fault>,
    counts: BTreeMap<&'static str, u64>,
}

impl Faults {
    /// Adds a fault of a sort (`unknown parent`).
    pub(crate) fn add(&mut self, sort: &'static str, fault: Fault) {
        let count = self.counts.entry(sort).or_default();
        *count += 1;
        if *count <= KEPT {
            self.kept.push(fault);
        }
    }

    /// Nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }

    /// Number of faults, kept or not.
    pub fn len(&self) -> u64 {
        self.counts.values().sum()
    }

    /// Number of faults of a sort.
    pub(crate) fn counts(&self, sort: &str) -> u64 {
        self.counts.get(sort).copied().unwrap_or(0)
    }

    /// The faults as lines: those kept, by file and line, then how many more there are of each sort.
    pub fn lines(&self) -> Vec<String> {
        let mut kept: Vec<&Fault> = self.kept.iter().collect();
        kept.sort();
        let more = self.counts.iter().filter(|(_, count)| **count > KEPT);
        let more = more.map(|(sort, count)| format!("... and {} more like it: {sort}", count - KEPT));
        kept.iter().map(ToString::to_string).chain(more).collect()
    }
}
