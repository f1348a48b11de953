//! Judged values -> the weights of the model of confidence, and how well it holds.
//!
//! A ridge-penalised logistic regression by Newton's method: few values are wrong, so that what a feature was hardly
//! ever seen with stays near 0 instead of running off. Figures are cross-validated, whole reports at a time, for
//! what stands in one report is not independent of the rest of it. Pure arithmetic; knows no file.

use crate::rules::{Bin, CalibrationSet, Caught, Fitted, Matter, Model, Seen, Validation, Verdict};
use std::collections::{BTreeMap, BTreeSet};

/// Precision of the prior of each weight: a normal one around 0 with a standard deviation of 1.
const RIDGE: f64 = 1.0;
/// Lower bounds of the bins of confidence.
pub const EDGES: [f64; 8] = [0.0, 0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995];

/// Shares of the least sure values at which is told how many of the wrong ones they hold.
pub const SHARES: [f64; 3] = [0.02, 0.05, 0.1];

/// One value that was compared with gold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judged {
    /// The set of gold.
    pub set: String,
    /// What was judged: `labels` or `mentions`.
    pub unit: String,
    /// The report's id.
    pub report: String,
    /// Bits of [`crate::rules::Feature`], or of [`crate::rules::Sign`].
    pub features: u32,
    /// The gold has the same value.
    pub right: bool,
}

impl Judged {
    /// The fold of its report: the same whatever the set and the order.
    fn fold(&self, folds: u32) -> u32 {
        let mut hash = 0xcbf2_9ce4_8422_2325_u64;
        for byte in self.report.bytes() {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
        hash = (hash ^ (hash >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        hash = (hash ^ (hash >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((hash ^ (hash >> 31)) % u64::from(folds.max(1))) as u32
    }
}

/// The model of these values, over `n` features, with those in `mask` alone.
pub fn fit<'a>(rows: impl IntoIterator<Item = &'a Judged>, n: usize, mask: u32) -> Model {
    // Few patterns stand for many values.
    let mut patterns: BTreeMap<u32, (f64, f64)> = BTreeMap::new();
    for row in rows {
        let (values, right) = patterns.entry(row.features & mask).or_default();
        *values += 1.0;
        *right += f64::from(u8::from(row.right));
    }
    let (values, right) = patterns.values().fold((0.0, 0.0), |sum, p| (sum.0 + p.0, sum.1 + p.1));
    // The weights and, last, the base.
    let mut theta = vec![0.0; n + 1];
    // A start that exists even where none is wrong.
    let rate: f64 = (right + 0.5) / (values + 1.0);
    theta[n] = (rate / (1.0 - rate)).ln();
    let centre = theta[n];
    for _ in 0..100 {
        let mut gradient = vec![0.0; n + 1];
        let mut hessian = vec![vec![0.0; n + 1]; n + 1];
        for (&features, &(values, right)) in &patterns {
            let on: Vec<usize> = (0..n).filter(|i| features & (1 << i) != 0).chain([n]).collect();
            let odds: f64 = on.iter().map(|&i| theta[i]).sum();
            let p = 1.0 / (1.0 + (-odds).exp());
            for &i in &on {
                gradient[i] += right - values * p;
                for &j in &on {
                    hessian[i][j] += values * p * (1.0 - p);
                }
            }
        }
        for i in 0..n {
            gradient[i] -= RIDGE * theta[i];
            hessian[i][i] += RIDGE;
        }
        // Hardly a prior, but enough for the base to exist where nothing is wrong.
        gradient[n] -= 0.01 * (theta[n] - centre);
        hessian[n][n] += 0.01;
        let step = solve(hessian, gradient);
        let largest = step.iter().fold(0.0_f64, |m, s| m.max(s.abs()));
        // Short steps: from far off Newton's overshoot.
        let scale = if largest > 1.0 { 1.0 / largest } else { 1.0 };
        for (t, s) in theta.iter_mut().zip(step) {
            *t += scale * s;
        }
        if largest < 1e-10 {
            break;
        }
    }
    let base = theta.pop().unwrap_or_default();
    Model { base, weights: theta }
}

/// Solves a positive definite system by Cholesky's decomposition.
fn solve(mut a: Vec<Vec<f64>>, mut b: Vec<f64>) -> Vec<f64> {
    let n = b.len();
    for i in 0..n {
        for j in 0..=i {
            let sum: f64 = (0..j).map(|k| a[i][k] * a[j][k]).sum();
            a[i][j] = if i == j { (a[i][i] - sum).max(1e-12).sqrt() } else { (a[i][j] - sum) / a[j][j] };
        }
    }
    for i in 0..n {
        let sum: f64 = (0..i).map(|k| a[i][k] * b[k]).sum();
        b[i] = (b[i] - sum) / a[i][i];
    }
    for i in (0..n).rev() {
        let sum: f64 = (i + 1..n).map(|k| a[k][i] * b[k]).sum();
        b[i] = (b[i] - sum) / a[i][i];
    }
    b
}

/// For every value the probability by a model that has not seen its report. `earlier` are values that are learnt from,
/// too.
pub fn out_of_fold(rows: &[Judged], earlier: &[Judged], n: usize, folds: u32, mask: u32) -> Vec<f64> {
    let fold: Vec<u32> = rows.iter().map(|r| r.fold(folds)).collect();
    let seen = |f: u32| rows.iter().chain(earlier).filter(move |r| r.fold(folds) != f);
    let models: Vec<Model> = (0..folds).map(|f| fit(seen(f), n, mask)).collect();
    rows.iter().zip(fold).map(|(row, f)| models[f as usize].probability(row.features & mask)).collect()
}

/// The figures of these probabilities.
pub fn validate(rows: &[Judged], matter: Matter, p: &[f64]) -> Validation {
    let n = rows.len().max(1) as f64;
    let hit = |row: &Judged| f64::from(u8::from(row.right));
    let pairs = || rows.iter().zip(p);
    let brier = pairs().map(|(row, p)| (p - hit(row)).powi(2)).sum::<f64>() / n;
    let log_loss = -pairs().map(|(row, p)| if row.right { p.ln() } else { (1.0 - p).ln() }).sum::<f64>() / n;
    let ece = bins(rows, matter, p).iter().map(|b| (b.mean * b.values as f64 - b.right as f64).abs()).sum::<f64>() / n;
    Validation { brier, log_loss, ece, auc: auc(rows, p) }
}

/// How often a wrong value has a lower probability than a right one; ties count half.
fn auc(rows: &[Judged], p: &[f64]) -> f64 {
    let mut sorted: Vec<(f64, bool)> = p.iter().copied().zip(rows.iter().map(|r| r.right)).collect();
    sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (mut wrong, mut right, mut below) = (0.0, 0.0, 0.0);
    for tied in sorted.chunk_by(|a, b| a.0 == b.0) {
        let hits = tied.iter().filter(|t| t.1).count() as f64;
        let misses = tied.len() as f64 - hits;
        below += hits * (wrong + misses / 2.0);
        wrong += misses;
        right += hits;
    }
    if wrong * right > 0.0 { below / (wrong * right) } else { 0.5 }
}

/// The reliability table: for each value, the bins of confidence that hold any.
pub fn bins(rows: &[Judged], matter: Matter, p: &[f64]) -> Vec<Bin> {
    let mut out = Vec::new();
    for value in Verdict::ALL {
        for (i, &from) in EDGES.iter().enumerate() {
            let to = EDGES.get(i + 1).copied().unwrap_or(1.0);
            let last = i + 1 == EDGES.len();
            let mut bin = Bin { value, from, to, mean: 0.0, values: 0, right: 0 };
            for (row, &p) in rows.iter().zip(p).filter(|r| matter.verdict(r.0.features) == value) {
                if p >= from && (p < to || last) {
                    bin.values += 1;
                    bin.right += u64::from(row.right);
                    bin.mean += p;
                }
            }
            if bin.values > 0 {
                bin.mean /= bin.values as f64;
                out.push(bin);
            }
        }
    }
    out
}

/// Wilson's 95% interval of a share (Wilson 1927): it holds for few values and for shares near 1, too.
pub fn wilson(part: u64, whole: u64) -> (f64, f64) {
    if whole == 0 {
        return (0.0, 1.0);
    }
    let (z, n) = (1.959_963_984_540_054_f64, whole as f64);
    let share = part as f64 / n;
    let middle = (share + z * z / (2.0 * n)) / (1.0 + z * z / n);
    let half = z / (1.0 + z * z / n) * (share * (1.0 - share) / n + z * z / (4.0 * n * n)).sqrt();
    ((middle - half).max(0.0), (middle + half).min(1.0))
}

/// How many of the wrong values the least sure hold, at each of [`SHARES`]. What is as sure as the last that is looked
/// through counts by the part of it that is.
pub fn caught(rows: &[Judged], p: &[f64]) -> Vec<Caught> {
    let mut sorted: Vec<(f64, bool)> = p.iter().copied().zip(rows.iter().map(|r| r.right)).collect();
    sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
    let all = rows.iter().filter(|r| !r.right).count().max(1) as f64;
    let at = |share: f64| {
        let (mut room, mut wrong) = (share * rows.len() as f64, 0.0);
        for tied in sorted.chunk_by(|a, b| a.0 == b.0) {
            let part = (room / tied.len() as f64).min(1.0);
            wrong += part * tied.iter().filter(|t| !t.1).count() as f64;
            room -= part * tied.len() as f64;
            if room <= 0.0 {
                break;
            }
        }
        Caught { share, wrong: wrong / all }
    };
    SHARES.into_iter().map(at).collect()
}

/// Fits and validates a model.
///
/// `earlier` are values as earlier rules gave them. Rules that were mended on the very gold are hardly ever wrong there:
/// what they got wrong before tells what to doubt, and how often they err on text that they have not met. Figures are
/// those of `rows` alone; what is told of sets and features counts both.
pub fn calibrate(rows: &[Judged], earlier: &[Judged], matter: Matter, folds: u32) -> Fitted {
    let all = u32::MAX;
    let n = matter.names().len();
    let p = out_of_fold(rows, earlier, n, folds, all);
    let mut sets: BTreeMap<(&str, &str), (BTreeSet<&str>, Seen)> = BTreeMap::new();
    let mut seen = vec![Seen::default(); n];
    for row in rows.iter().chain(earlier) {
        let wrong = u64::from(!row.right);
        let (reports, set) = sets.entry((&row.set, &row.unit)).or_default();
        reports.insert(&row.report);
        set.values += 1;
        set.wrong += wrong;
        for (_, seen) in seen.iter_mut().enumerate().filter(|(i, _)| row.features & (1 << i) != 0) {
            seen.values += 1;
            seen.wrong += wrong;
        }
    }
    let set = |((name, unit), (reports, seen)): ((&str, &str), (BTreeSet<&str>, Seen))| CalibrationSet {
        name: name.to_owned(),
        unit: unit.to_owned(),
        reports: reports.len() as u64,
        seen,
    };
    Fitted {
        sets: sets.into_iter().map(set).collect(),
        folds,
        validation: validate(rows, matter, &p),
        baseline: validate(rows, matter, &out_of_fold(rows, earlier, n, folds, matter.said())),
        model: fit(rows.iter().chain(earlier), n, all),
        seen,
        caught: if matter == Matter::Mentions { caught(rows, &p) } else { Vec::new() },
        bins: bins(rows, matter, &p),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::Feature;

    const N: usize = Feature::ALL.len();

    /// Values of which a share by pattern is right, spread over reports.
    fn rows(patterns: &[(u32, usize, usize)]) -> Vec<Judged> {
        let mut out = Vec::new();
        for &(features, right, wrong) in patterns {
            for i in 0..right + wrong {
                let report = format!("{features}-{i}");
                out.push(Judged { set: "s".into(), unit: "labels".into(), report, features, right: i < right });
            }
        }
        out
    }

    #[test]
    fn weights_give_back_the_shares() {
        let far = Feature::Far.bit();
        let rows = rows(&[(0, 9_900, 100), (far, 7_000, 3_000)]);
        let model = fit(&rows, N, u32::MAX);
        assert!((model.probability(0) - 0.99).abs() < 0.001, "{}", model.probability(0));
        assert!((model.probability(far) - 0.7).abs() < 0.002, "{}", model.probability(far));
        // What was never seen weighs nothing.
        assert_eq!(model.probability(Feature::Wide.bit()), model.probability(0));
        // And what the mask hides is not used.
        assert!((fit(&rows, N, 0).probability(0) - 0.845).abs() < 0.001);
    }

    #[test]
    fn thin_data_stay_near_the_rest() {
        // One wrong of one is no proof that all with this feature are wrong.
        let one = Feature::Corrected.bit();
        let model = fit(&rows(&[(0, 980, 20), (one, 0, 1)]), N, u32::MAX);
        assert!((0.6..0.97).contains(&model.probability(one)), "{}", model.probability(one));
        // Where nothing is wrong or there is nothing at all, a model still exists.
        assert!((0.99..1.0).contains(&fit(&rows(&[(0, 500, 0)]), N, u32::MAX).probability(0)));
        assert!(fit(&[], N, u32::MAX).probability(0).is_finite());
    }

    #[test]
    fn figures_by_hand() {
        let rows = rows(&[(Feature::Present.bit(), 1, 1)]);
        let v = validate(&rows, Matter::Labels, &[0.9, 0.6]);
        assert!((v.brier - (0.01 + 0.36) / 2.0).abs() < 1e-12);
        assert!((v.log_loss + (0.9_f64.ln() + 0.4_f64.ln()) / 2.0).abs() < 1e-12);
        assert!((v.ece - (0.1 + 0.6) / 2.0).abs() < 1e-12, "0.9 and 0.6 lie in two bins");
        assert_eq!(v.auc, 1.0);
        assert_eq!(validate(&rows, Matter::Labels, &[0.6, 0.9]).auc, 0.0);
        assert_eq!(validate(&rows, Matter::Labels, &[0.7, 0.7]).auc, 0.5);
        let bins = bins(&rows, Matter::Labels, &[0.9, 1.0]);
        assert_eq!(bins.iter().map(|b| (b.from, b.values, b.right)).collect::<Vec<_>>(), [(0.9, 1, 1), (0.995, 1, 0)]);
    }

    #[test]
    fn wilsons_interval_is_the_published_one() {
        // Newcombe 1998, table I: 81 of 263 and 0 of 20.
        let (low, high) = wilson(81, 263);
        assert!((low - 0.2553).abs() < 1e-4 && (high - 0.3662).abs() < 1e-4, "{low} {high}");
        let (low, high) = wilson(0, 20);
        assert!(low == 0.0 && (high - 0.1611).abs() < 1e-4, "{low} {high}");
        assert_eq!(wilson(0, 0), (0.0, 1.0));
    }

    #[test]
    fn a_report_is_in_one_fold_and_folds_are_of_like_size() {
        let rows = rows(&[(0, 5_000, 0), (1, 5_000, 0)]);
        let mut count = [0; 5];
        for row in &rows {
            assert_eq!(row.fold(5), Judged { features: 9, right: false, ..row.clone() }.fold(5));
            count[row.fold(5) as usize] += 1;
        }
        assert!(count.iter().all(|&c| (1_800..2_200).contains(&c)), "{count:?}");
    }

    #[test]
    fn the_least_sure_hold_so_many_of_the_wrong() {
        let rows = rows(&[(0, 96, 4)]);
        // Two of the wrong are the least sure, two share their probability with two that are right.
        let p: Vec<f64> = (0..100).map(|i| [0.9, 0.5, 0.1][usize::from(i >= 94) + usize::from(i >= 98)]).collect();
        let caught: Vec<f64> = caught(&rows, &p).iter().map(|c| c.wrong).collect();
        assert_eq!(caught, [0.5, 0.875, 1.0], "2, 5 and 10 of 100");
    }

    #[test]
    fn earlier_values_teach_and_are_not_counted() {
        let far = Feature::Far.bit();
        let now = rows(&[(0, 500, 0), (far, 50, 0)]);
        let earlier = rows(&[(0, 500, 0), (far, 30, 20)]);
        let one = calibrate(&now, &earlier, Matter::Mentions, 5);
        assert!(one.model.probability(far) < 0.9);
        assert_eq!(one.validation.auc, 0.5, "nothing is wrong now");
        assert_eq!(one.bins.iter().map(|b| b.values).sum::<u64>(), 550);
        assert_eq!(one.sets.iter().map(|s| s.seen.wrong).sum::<u64>(), 20);
        assert!(calibrate(&now, &[], Matter::Mentions, 5).model.probability(far) > 0.98);
    }
}
