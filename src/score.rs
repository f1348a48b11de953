//! Gold + predictions -> figures: how well labels and mentions agree with what people decided.
//!
//! Two tables are scored. Labels: one value a report and label, where *not mentioned* is a value of its own
//! ([`labels`]). Mentions: spans of text with a status ([`mentions`]). Both count per report first, so that
//! the bootstrap can draw whole reports: what stands in one report is not independent of the rest of it.
//!
//! Pure arithmetic over small integers; knows no file, no format and no engine.

mod bootstrap;
mod labels;
mod mentions;

pub use bootstrap::Bootstrap;
pub use labels::{LabelCell, LabelScores, labels};
pub use mentions::{ATTRIBUTES, Judged, MentionScores, SAID, Said, longest_overlap, mentions};

use serde::Serialize;

/// How often a value was rightly given, wrongly given and wrongly left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Gold and prediction have the value.
    pub tp: u64,
    /// Only the prediction has it.
    pub fp: u64,
    /// Only the gold has it.
    #[serde(rename = "fn")]
    pub missed: u64,
}

impl Counts {
    /// How often the gold has the value.
    pub const fn support(self) -> u64 {
        self.tp + self.missed
    }

    /// Share of the given that is right; `None` where none is given.
    pub fn precision(self) -> Option<f64> {
        ratio(self.tp, self.tp + self.fp)
    }

    /// Share of the gold that is given; `None` where the gold has none.
    pub fn recall(self) -> Option<f64> {
        ratio(self.tp, self.support())
    }

    /// The harmonic mean of both, `2 tp / (2 tp + fp + fn)`; `None` where neither side has the value.
    pub fn f1(self) -> Option<f64> {
        ratio(2 * self.tp, 2 * self.tp + self.fp + self.missed)
    }
}

/// One named figure with its 95% interval.
#[derive(Clone, Debug, PartialEq)]
pub struct Figure {
    /// Its name, as `--fail-under` and the JSON know it.
    pub name: &'static str,
    /// The figure; `None` where it has no meaning (0 of 0).
    pub value: Option<f64>,
    /// Lower and upper bound, where there is a figure and a bootstrap was asked for.
    pub interval: Option<(f64, f64)>,
}

pub(crate) fn ratio(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

/// Mean of figures that all exist; `None` where one is lacking or there are none.
fn mean(values: impl IntoIterator<Item = Option<f64>>) -> Option<f64> {
    let (mut sum, mut n) = (0.0, 0_u32);
    for value in values {
        sum += value?;
        n += 1;
    }
    (n > 0).then(|| sum / f64::from(n))
}

/// Sums the reports' counts, computes the figures and puts intervals on them. A report is a list of cells
/// that it adds one to; `figures` must give the same names in the same order whatever the counts.
fn tally(
    reports: &[Vec<u32>],
    cells: usize,
    bootstrap: Bootstrap,
    figures: impl Fn(&[u64]) -> Vec<(&'static str, Option<f64>)>,
) -> (Vec<u64>, Vec<Figure>) {
    let mut sum = vec![0; cells];
    for &cell in reports.iter().flatten() {
        sum[cell as usize] += 1;
    }
    let intervals = bootstrap.intervals(reports, cells, |sum| figures(sum).into_iter().map(|f| f.1).collect());
    let figures = figures(&sum)
        .into_iter()
        .enumerate()
        .map(|(i, (name, value))| {
            let interval = value.and(intervals.get(i).copied().flatten());
            Figure { name, value, interval }
        })
        .collect();
    (sum, figures)
}
