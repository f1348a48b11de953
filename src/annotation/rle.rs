//! Masks as runs in column order that begin with background (COCO), and COCO's compressed text of them; pure.
//!
//! The text is that of the COCO API (`maskApi.c`, `rleToString`): each run, from the fourth on as the difference to the
//! run two before, in groups of five bits, lowest first, each group a character from `0` (48) on; the bit of 32 says
//! that more follows.

use std::fmt;
use std::ops::Range;

/// What is wrong with the runs of a mask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RleFault {
    /// A character that the text of runs cannot hold; its place in bytes.
    Character(usize),
    /// The text ends within a run.
    Short,
    /// A run below zero or over 32 bits; its place among the runs.
    Run(usize),
    /// The runs do not add up to the pixels of the mask.
    Sum {
        /// What they add up to.
        runs: u64,
        /// Height times width.
        pixels: u64,
    },
}

impl fmt::Display for RleFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RleFault::Character(at) => write!(f, "character {} of the runs is none of 48 to 111", at + 1),
            RleFault::Short => f.write_str("the text of the runs ends within a run"),
            RleFault::Run(at) => write!(f, "run {} is no length from 0 to {}", at + 1, u32::MAX),
            RleFault::Sum { runs, pixels } => write!(f, "the runs add up to {runs} pixels; the mask has {pixels}"),
        }
    }
}

/// The runs of COCO's compressed text.
///
/// # Errors
/// A text that the COCO API cannot have written. Whether the runs fill the mask is asked by [`check`].
pub fn from_text(text: &str) -> Result<Vec<u32>, RleFault> {
    let mut runs: Vec<u32> = Vec::new();
    let mut value: i64 = 0;
    let mut bits = 0;
    for (at, byte) in text.bytes().enumerate() {
        if !(48..112).contains(&byte) {
            return Err(RleFault::Character(at));
        }
        let group = i64::from(byte - 48);
        // A run and its difference take 33 bits: seven groups.
        if bits >= 35 {
            return Err(RleFault::Run(runs.len()));
        }
        value |= (group & 31) << bits;
        bits += 5;
        if group & 32 != 0 {
            continue;
        }
        if group & 16 != 0 {
            value |= -1 << bits;
        }
        if runs.len() > 2 {
            value += i64::from(runs[runs.len() - 2]);
        }
        runs.push(u32::try_from(value).map_err(|_| RleFault::Run(runs.len()))?);
        (value, bits) = (0, 0);
    }
    if bits > 0 { Err(RleFault::Short) } else { Ok(runs) }
}

/// COCO's compressed text of runs.
pub fn to_text(runs: &[u32]) -> String {
    let mut text = String::new();
    for (at, &run) in runs.iter().enumerate() {
        let mut value = i64::from(run) - if at > 2 { i64::from(runs[at - 2]) } else { 0 };
        loop {
            let low = (value & 31) as u8;
            value >>= 5;
            let more = value != if low & 16 != 0 { -1 } else { 0 };
            text.push(char::from(48 + low + if more { 32 } else { 0 }));
            if !more {
                break;
            }
        }
    }
    text
}

/// The runs fill a mask of a height and width.
///
/// # Errors
/// They add up to another number of pixels.
pub fn check(size: [u32; 2], runs: &[u32]) -> Result<(), RleFault> {
    let sum: u64 = runs.iter().map(|&r| u64::from(r)).sum();
    let pixels = u64::from(size[0]) * u64::from(size[1]);
    if sum == pixels { Ok(()) } else { Err(RleFault::Sum { runs: sum, pixels }) }
}

/// The runs of a mask of a height and width; `inside` tells of the pixel in a column and row.
pub fn encode(size: [u32; 2], inside: impl Fn(u32, u32) -> bool) -> Vec<u32> {
    let mut runs = Vec::new();
    let (mut run, mut on) = (0u32, false);
    for column in 0..size[1] {
        for row in 0..size[0] {
            let now = inside(column, row);
            if now != on {
                runs.push(std::mem::take(&mut run));
                on = now;
            } else if run == u32::MAX {
                // A run of over 32 bits is two with nothing between.
                runs.extend([std::mem::take(&mut run), 0]);
            }
            run += 1;
        }
    }
    runs.push(run);
    runs
}

/// The ranges of pixels, in column order, that the mask holds; those beyond the mask are left out.
pub fn ranges(size: [u32; 2], runs: &[u32]) -> impl Iterator<Item = Range<u64>> + '_ {
    let pixels = u64::from(size[0]) * u64::from(size[1]);
    let mut start = 0u64;
    runs.iter().enumerate().filter_map(move |(at, &run)| {
        let range = start.min(pixels)..start.saturating_add(u64::from(run)).min(pixels);
        start = start.saturating_add(u64::from(run));
        (at % 2 == 1 && !range.is_empty()).then_some(range)
    })
}

/// In how many connected parts the mask lies; pixels that touch at a corner are connected.
pub fn components(size: [u32; 2], runs: &[u32]) -> u32 {
    fn root(parents: &mut [u32], mut at: u32) -> u32 {
        while parents[at as usize] != at {
            parents[at as usize] = parents[parents[at as usize] as usize];
            at = parents[at as usize];
        }
        at
    }
    let mut parents: Vec<u32> = Vec::new();
    let mut count = 0;
    // The pieces of the column before and of this one: first row, row after the last, number.
    let mut before: Vec<(u32, u32, u32)> = Vec::new();
    let mut here = Vec::new();
    let mut at = 0;
    let mut reached = 0;
    for (column, first, end) in pieces(size, runs) {
        if column != at {
            before = if column == at + 1 { std::mem::take(&mut here) } else { Vec::new() };
            here.clear();
            (at, reached) = (column, 0);
        }
        let number = parents.len() as u32;
        parents.push(number);
        count += 1;
        // Both columns are in order, so what ends above this piece ends above the next.
        while before.get(reached).is_some_and(|b| b.1 < first) {
            reached += 1;
        }
        for &(_, _, other) in before[reached..].iter().take_while(|b| b.0 <= end) {
            let (a, b) = (root(&mut parents, number), root(&mut parents, other));
            if a != b {
                parents[a as usize] = b;
                count -= 1;
            }
        }
        here.push((first, end, number));
    }
    count
}

/// The pieces of the mask that stand in one column each: column, first row, row after the last.
pub fn pieces(size: [u32; 2], runs: &[u32]) -> impl Iterator<Item = (u32, u32, u32)> + '_ {
    // A mask without height has no ranges.
    let height = u64::from(size[0].max(1));
    ranges(size, runs).flat_map(move |range| {
        let columns = range.start / height..=(range.end - 1) / height;
        columns.map(move |column| {
            let first = range.start.max(column * height) - column * height;
            let after = range.end.min((column + 1) * height) - column * height;
            // All three are within the size, which is of 32 bits.
            (column as u32, first as u32, after as u32)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_text_is_that_of_the_coco_api() {
        // What pycocotools 2.0 writes for the same runs.
        for (runs, text) in [
            (vec![0, 4], "04"),
            (vec![6, 1, 2, 1, 2, 0], "61200O"),
            (vec![100, 5, 95, 5, 95, 5, 95], "T35o20000"),
            (vec![7, 300_000, 40_000, 1, 2, 300_000, 9_999], "7PoT9PRW1QQkFRnhNonT9]h9"),
        ] {
            assert_eq!(to_text(&runs), text);
            assert_eq!(from_text(text), Ok(runs));
        }
    }

    #[test]
    fn what_is_no_text_of_runs_is_told() {
        assert_eq!(from_text("5 5"), Err(RleFault::Character(1)));
        assert_eq!(from_text("T"), Err(RleFault::Short));
        assert_eq!(from_text("O"), Err(RleFault::Run(0)));
        assert_eq!(from_text("oooooooooo1"), Err(RleFault::Run(0)));
        assert_eq!(from_text("é"), Err(RleFault::Character(0)));
        assert_eq!(check([2, 3], &[1, 2, 2]), Err(RleFault::Sum { runs: 5, pixels: 6 }));
        assert!(check([2, 3], &[1, 2, 3]).is_ok());
    }

    proptest! {
        #[test]
        fn components_are_those_of_a_flood(bits in proptest::collection::vec(any::<bool>(), 1..80), height in 1u32..9) {
            let width = (bits.len() as u32).div_ceil(height);
            let is = |x: u32, y: u32| bits.get((x * height + y) as usize).copied().unwrap_or(false);
            let runs = encode([height, width], is);
            let mut seen = std::collections::BTreeSet::new();
            let mut count = 0;
            for (x, y) in (0..width).flat_map(|x| (0..height).map(move |y| (x, y))).filter(|&(x, y)| is(x, y)) {
                if !seen.insert((x, y)) {
                    continue;
                }
                count += 1;
                let mut left = vec![(x, y)];
                while let Some((x, y)) = left.pop() {
                    for (x, y) in (x.saturating_sub(1)..=x + 1).flat_map(|x| (y.saturating_sub(1)..=y + 1).map(move |y| (x, y))) {
                        if x < width && y < height && is(x, y) && seen.insert((x, y)) {
                            left.push((x, y));
                        }
                    }
                }
            }
            prop_assert_eq!(components([height, width], &runs), count);
        }
    }

    #[test]
    fn a_run_over_columns_is_cut_at_each() {
        assert_eq!(pieces([3, 4], &[2, 6, 4]).collect::<Vec<_>>(), [(0, 2, 3), (1, 0, 3), (2, 0, 2)]);
        assert_eq!(pieces([0, 4], &[0, 6]).count(), 0);
        // What goes beyond the mask is none of it.
        assert_eq!(pieces([2, 1], &[1, 9, 0, 9]).collect::<Vec<_>>(), [(0, 1, 2)]);
    }

    proptest! {
        #[test]
        fn runs_come_back_from_their_text(runs in prop::collection::vec(any::<u32>(), 0..40)) {
            prop_assert_eq!(from_text(&to_text(&runs)), Ok(runs));
        }

        #[test]
        fn any_text_is_runs_or_a_fault(text in "[0-z]{0,40}") {
            let _ = from_text(&text);
        }

        #[test]
        fn pixels_come_back_from_runs(height in 1u32..9, width in 1u32..9, bits in any::<u64>()) {
            let inside = |x: u32, y: u32| bits >> ((x * 8 + y) % 64) & 1 == 1;
            let runs = encode([height, width], inside);
            prop_assert!(check([height, width], &runs).is_ok());
            let mut seen = 0;
            for (x, first, after) in pieces([height, width], &runs) {
                for y in first..after {
                    prop_assert!(inside(x, y));
                    seen += 1;
                }
            }
            let all = (0..width).flat_map(|x| (0..height).map(move |y| (x, y))).filter(|&(x, y)| inside(x, y)).count();
            prop_assert_eq!(seen, all);
        }
    }
}
