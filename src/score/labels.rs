//! Label tables: one value a report and label; *not mentioned* is a value of its own.
//!
//! The arithmetic is that of the project's scorer: micro-F1 pools the labels, macro-F1 is the mean over the
//! labels that the gold holds with that status, `exact` is the share of cells with the same of four values,
//! and `score` the mean of the three micro figures.

use super::{Bootstrap, Counts, Figure, mean, ratio, tally};
use crate::rules::Status;

/// One label of one report; `None` = not mentioned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LabelCell {
    /// Number of the label.
    pub label: u32,
    /// What people decided.
    pub gold: Option<Status>,
    /// What is scored.
    pub predicted: Option<Status>,
}

/// The figures of a label table.
#[derive(Clone, Debug, PartialEq)]
pub struct LabelScores {
    /// Scored cells: reports times labels, less the undecided.
    pub cells: u64,
    /// Cells with the same value on both sides.
    pub right: u64,
    /// For every label: counts for present, absent, uncertain.
    pub counts: Vec<[Counts; 3]>,
    /// Counts over all labels.
    pub pooled: [Counts; 3],
    /// `micro-present`, `macro-present`, ..., `exact`, `score`.
    pub figures: Vec<Figure>,
}

const NAMES: [(&str, &str); 3] =
    [("micro-present", "macro-present"), ("micro-absent", "macro-absent"), ("micro-uncertain", "macro-uncertain")];

/// Scores a label table, given report by report, with `label_count` labels.
pub fn labels(reports: &[Vec<LabelCell>], label_count: usize, bootstrap: Bootstrap) -> LabelScores {
    let coded: Vec<Vec<u32>> = reports
        .iter()
        .map(|cells| cells.iter().map(|c| c.label * 16 + code(c.gold) * 4 + code(c.predicted)).collect())
        .collect();
    let (sum, figures) = tally(&coded, label_count * 16, bootstrap, |sum| figures(&read(sum)));
    let read = read(&sum);
    LabelScores { cells: read.cells, right: read.right, pooled: pooled(&read.counts), counts: read.counts, figures }
}

fn code(value: Option<Status>) -> u32 {
    match value {
        Some(Status::Present) => 0,
        Some(Status::Absent) => 1,
        Some(Status::Uncertain) => 2,
        None => 3,
    }
}

struct Read {
    cells: u64,
    right: u64,
    counts: Vec<[Counts; 3]>,
}

/// Four by four tables (gold by predicted), one a label -> counts.
fn read(sum: &[u64]) -> Read {
    let mut read = Read { cells: sum.iter().sum(), right: 0, counts: Vec::with_capacity(sum.len() / 16) };
    for table in sum.chunks_exact(16) {
        let mut counts = [Counts::default(); 3];
        for (at, &n) in table.iter().enumerate() {
            let (gold, predicted) = (at / 4, at % 4);
            if gold == predicted {
                read.right += n;
            }
            for (status, c) in counts.iter_mut().enumerate() {
                match (gold == status, predicted == status) {
                    (true, true) => c.tp += n,
                    (false, true) => c.fp += n,
                    (true, false) => c.missed += n,
                    (false, false) => {}
                }
            }
        }
        read.counts.push(counts);
    }
    read
}

fn pooled(counts: &[[Counts; 3]]) -> [Counts; 3] {
    let mut all = [Counts::default(); 3];
    for label in counts {
        for (sum, c) in all.iter_mut().zip(label) {
            sum.tp += c.tp;
            sum.fp += c.fp;
            sum.missed += c.missed;
        }
    }
    all
}

fn figures(read: &Read) -> Vec<(&'static str, Option<f64>)> {
    let pooled = pooled(&read.counts);
    let mut out = Vec::with_capacity(8);
    for (status, (micro, r#macro)) in NAMES.into_iter().enumerate() {
        out.push((micro, pooled[status].f1()));
        let with_support = read.counts.iter().map(|c| c[status]).filter(|c| c.support() > 0);
        out.push((r#macro, mean(with_support.map(Counts::f1))));
    }
    out.push(("exact", ratio(read.right, read.cells)));
    out.push(("score", mean(pooled.map(Counts::f1))));
    out
}

#[cfg(test)]
mod tests {
    use super::{LabelCell, labels};
    use crate::rules::Status::{self, Absent, Present, Uncertain};
    use crate::score::{Bootstrap, Counts};

    const NO_BOOTSTRAP: Bootstrap = Bootstrap { rounds: 0, seed: 1 };

    fn table(rows: &[&[(Option<Status>, Option<Status>)]]) -> Vec<Vec<LabelCell>> {
        rows.iter()
            .map(|row| {
                row.iter()
                    .enumerate()
                    .map(|(label, &(gold, predicted))| LabelCell { label: label as u32, gold, predicted })
                    .collect()
            })
            .collect()
    }

    #[test]
    fn figures_by_hand() {
        // Label 0: present right once, once called absent; label 1: absent right, uncertain invented once.
        let reports = table(&[
            &[(Some(Present), Some(Present)), (Some(Absent), Some(Absent))],
            &[(Some(Present), Some(Absent)), (None, Some(Uncertain))],
        ]);
        let scores = labels(&reports, 2, NO_BOOTSTRAP);
        assert_eq!(scores.counts[0][0], Counts { tp: 1, fp: 0, missed: 1 });
        assert_eq!(scores.counts[0][1], Counts { tp: 0, fp: 1, missed: 0 });
        assert_eq!(scores.counts[1][2], Counts { tp: 0, fp: 1, missed: 0 });
        let value = |name| scores.figures.iter().find(|f| f.name == name).and_then(|f| f.value);
        assert_eq!(value("micro-present"), Some(2.0 / 3.0));
        // Only label 1 has absent in the gold, so label 0's invented absent lowers micro, not macro.
        assert_eq!(value("macro-absent"), Some(1.0));
        assert_eq!(value("micro-absent"), Some(2.0 / 3.0));
        assert_eq!(value("micro-uncertain"), Some(0.0));
        assert_eq!(value("macro-uncertain"), None);
        assert_eq!(value("exact"), Some(0.5));
        assert_eq!(value("score"), Some((2.0 / 3.0 + 2.0 / 3.0) / 3.0));
    }

    #[test]
    fn what_nobody_says_has_no_figure() {
        let scores = labels(&table(&[&[(None, None)]]), 1, NO_BOOTSTRAP);
        assert!(scores.figures.iter().all(|f| f.name == "exact" || f.value.is_none()));
        assert_eq!((scores.cells, scores.right), (1, 1));
    }
}
