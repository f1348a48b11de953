//! Mentions: gold spans with a status, and the predicted spans that overlap them.
//!
//! The gold holds only what its readers agreed on, so an extra prediction is no error: every figure is
//! taken over gold mentions. A missed one counts as a false negative of its status; a wrong status counts
//! as a false negative of the gold's and a false positive of the predicted.

use super::{Bootstrap, Counts, Figure, mean, ratio, tally};

/// What is said of a mention, all in one word: a mention of the past or of somebody else has no status of
/// its own to score.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said {
    /// There now.
    Present,
    /// Not there now.
    Absent,
    /// Hedged.
    Uncertain,
    /// Told as past.
    Historical,
    /// Asked or conditional.
    Hypothetical,
    /// Of somebody else.
    Family,
}

/// All of [`Said`] with its word, in the order of the tables.
pub const SAID: [(&str, Said); 6] = [
    ("present", Said::Present),
    ("absent", Said::Absent),
    ("uncertain", Said::Uncertain),
    ("historical", Said::Historical),
    ("hypothetical", Said::Hypothetical),
    ("family", Said::Family),
];

/// The attributes that are scored.
pub const ATTRIBUTES: [&str; 3] = ["side", "change", "severity"];

/// One gold mention, judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Judged {
    /// What people decided.
    pub gold: Said,
    /// What the overlapping prediction says; `None` = missed.
    pub predicted: Option<Said>,
    /// For [`ATTRIBUTES`]: whether it is right, where the gold has one.
    pub attributes: [Option<bool>; 3],
}

/// The figures of one set of mentions.
#[derive(Clone, Debug, PartialEq)]
pub struct MentionScores {
    /// Gold mentions.
    pub n: u64,
    /// Those that a prediction overlaps.
    pub found: u64,
    /// Those of the found with the gold's status.
    pub right: u64,
    /// Counts, in the order of [`SAID`].
    pub counts: [Counts; 6],
    /// (right, all) of the found mentions that carry each of [`ATTRIBUTES`].
    pub attributes: [(u64, u64); 3],
    /// `found`, `status-right`, `f1-present`, ..., `macro3`, `side`, `change`, `severity`.
    pub figures: Vec<Figure>,
}

const FIGURES: [&str; 5] = ["f1-present", "f1-absent", "f1-uncertain", "f1-historical", "f1-hypothetical"];

// Where each count lies in the sum.
const FOUND: usize = 1;
const RIGHT: usize = 2;
const STATUS: usize = 3;
const CARRIED: usize = STATUS + 3 * SAID.len();
const CELLS: usize = CARRIED + 2 * ATTRIBUTES.len();

/// The prediction that shares most with the gold span; the first of equals. Spans are (start, end), in any
/// one unit.
pub fn longest_overlap(gold: (u64, u64), predicted: &[(u64, u64)]) -> Option<usize> {
    let mut best = None;
    let mut size = 0;
    for (i, p) in predicted.iter().enumerate() {
        let shared = gold.1.min(p.1).saturating_sub(gold.0.max(p.0));
        if shared > size {
            (best, size) = (Some(i), shared);
        }
    }
    best
}

/// Scores mentions, given report by report.
pub fn mentions(reports: &[Vec<Judged>], bootstrap: Bootstrap) -> MentionScores {
    let coded: Vec<Vec<u32>> = reports.iter().map(|r| r.iter().flat_map(cells).map(|c| c as u32).collect()).collect();
    let (sum, figures) = tally(&coded, CELLS, bootstrap, figures);
    let mut attributes = [(0, 0); 3];
    for (i, a) in attributes.iter_mut().enumerate() {
        *a = (sum[CARRIED + 2 * i + 1], sum[CARRIED + 2 * i]);
    }
    MentionScores { n: sum[0], found: sum[FOUND], right: sum[RIGHT], counts: counts(&sum), attributes, figures }
}

/// The counts that one mention adds to.
fn cells(judged: &Judged) -> Vec<usize> {
    let mut out = vec![0];
    let gold = STATUS + 3 * judged.gold as usize;
    let Some(predicted) = judged.predicted else {
        out.push(gold + 2);
        return out;
    };
    out.push(FOUND);
    if predicted == judged.gold {
        out.extend([RIGHT, gold]);
    } else {
        out.extend([gold + 2, STATUS + 3 * predicted as usize + 1]);
    }
    for (i, attribute) in judged.attributes.iter().enumerate() {
        if let Some(right) = attribute {
            out.push(CARRIED + 2 * i);
            out.extend(right.then_some(CARRIED + 2 * i + 1));
        }
    }
    out
}

fn counts(sum: &[u64]) -> [Counts; 6] {
    let mut out = [Counts::default(); 6];
    for (c, s) in out.iter_mut().zip(sum[STATUS..].chunks_exact(3)) {
        *c = Counts { tp: s[0], fp: s[1], missed: s[2] };
    }
    out
}

fn figures(sum: &[u64]) -> Vec<(&'static str, Option<f64>)> {
    let counts = counts(sum);
    let mut out = vec![("found", ratio(sum[FOUND], sum[0])), ("status-right", ratio(sum[RIGHT], sum[FOUND].max(1)))];
    out.extend(FIGURES.iter().zip(counts).map(|(&name, c)| (name, c.f1())));
    out.push(("macro3", mean(counts[..3].iter().map(|c| c.f1()))));
    for (i, name) in ATTRIBUTES.into_iter().enumerate() {
        out.push((name, ratio(sum[CARRIED + 2 * i + 1], sum[CARRIED + 2 * i])));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{Judged, Said, longest_overlap, mentions};
    use crate::score::{Bootstrap, Counts};

    #[test]
    fn the_longest_overlap_wins_and_the_first_of_equals() {
        assert_eq!(longest_overlap((10, 20), &[(0, 10), (8, 12), (15, 25), (12, 17)]), Some(2));
        assert_eq!(longest_overlap((10, 20), &[(20, 30), (0, 10), (13, 13)]), None);
    }

    #[test]
    fn figures_by_hand() {
        let judged = |gold, predicted, side| Judged { gold, predicted, attributes: [side, None, None] };
        let reports = [
            vec![
                judged(Said::Present, Some(Said::Present), Some(true)),
                judged(Said::Present, Some(Said::Family), Some(false)),
            ],
            vec![judged(Said::Absent, None, None), judged(Said::Uncertain, Some(Said::Uncertain), None)],
        ];
        let scores = mentions(&reports, Bootstrap { rounds: 10, seed: 1 });
        assert_eq!((scores.n, scores.found, scores.right), (4, 3, 2));
        assert_eq!(scores.counts[0], Counts { tp: 1, fp: 0, missed: 1 });
        assert_eq!(scores.counts[1], Counts { tp: 0, fp: 0, missed: 1 });
        assert_eq!(scores.counts[5], Counts { tp: 0, fp: 1, missed: 0 });
        assert_eq!(scores.attributes, [(1, 2), (0, 0), (0, 0)]);
        let value = |name| scores.figures.iter().find(|f| f.name == name).and_then(|f| f.value);
        assert_eq!(value("found"), Some(0.75));
        assert_eq!(value("macro3"), Some((2.0 / 3.0 + 0.0 + 1.0) / 3.0));
        assert_eq!(value("f1-historical"), None);
        assert_eq!(value("side"), Some(0.5));
    }
}
