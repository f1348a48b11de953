//! Percentile bootstrap over whole reports (Efron 1979; clusters after Davison and Hinkley 1997, ch. 3.8).
//!
//! The cells of one report hang together (a template, an author, one odd study), so reports are drawn, not
//! cells: drawing cells would make the intervals too narrow. The generator is SplitMix64 (Steele 2014),
//! written out here so that the same seed gives the same figures in every release and on every machine.

/// How often to draw, and from which seed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bootstrap {
    /// Number of resamples; 0 = no intervals.
    pub rounds: u32,
    /// Seed of the generator.
    pub seed: u64,
}

impl Bootstrap {
    /// The 2.5th and 97.5th percentile of every figure. A resample in which a figure has no meaning (no
    /// report with that label was drawn) counts for the other figures only.
    pub(super) fn intervals(
        self,
        reports: &[Vec<u32>],
        cells: usize,
        figures: impl Fn(&[u64]) -> Vec<Option<f64>>,
    ) -> Vec<Option<(f64, f64)>> {
        if self.rounds == 0 || reports.is_empty() {
            return Vec::new();
        }
        let mut random = SplitMix64(self.seed);
        let mut sum = vec![0_u64; cells];
        let mut drawn: Vec<Vec<f64>> = Vec::new();
        for _ in 0..self.rounds {
            sum.fill(0);
            for _ in 0..reports.len() {
                for &cell in &reports[random.below(reports.len() as u64) as usize] {
                    sum[cell as usize] += 1;
                }
            }
            let values = figures(&sum);
            drawn.resize_with(values.len(), Vec::new);
            for (all, value) in drawn.iter_mut().zip(values) {
                all.extend(value);
            }
        }
        drawn
            .into_iter()
            .map(|mut all| {
                all.sort_by(f64::total_cmp);
                Some((percentile(&all, 0.025)?, percentile(&all, 0.975)?))
            })
            .collect()
    }
}

/// The percentile of sorted values, straight between the two nearest (numpy's default).
fn percentile(sorted: &[f64], share: f64) -> Option<f64> {
    let at = share * sorted.len().checked_sub(1)? as f64;
    let (low, high) = (at.floor() as usize, at.ceil() as usize);
    Some(sorted[low] + (sorted[high] - sorted[low]) * (at - low as f64))
}

struct SplitMix64(u64);

impl SplitMix64 {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number in `0..bound` (multiply and shift; its bias is below `bound` / 2^64).
    fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(bound)) >> 64) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::{Bootstrap, SplitMix64, percentile};

    #[test]
    fn splitmix_is_the_published_generator() {
        // First outputs for seed 1234567, as in the reference implementation's test vectors.
        let mut random = SplitMix64(1_234_567);
        assert_eq!(
            [random.next(), random.next(), random.next()],
            [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]
        );
    }

    #[test]
    fn percentiles_lie_between_neighbours() {
        assert_eq!(percentile(&[1.0, 2.0, 3.0, 4.0], 0.5), Some(2.5));
        assert_eq!(percentile(&[7.0], 0.975), Some(7.0));
        assert_eq!(percentile(&[], 0.5), None);
    }

    #[test]
    fn the_seed_decides_and_an_interval_of_a_coin_is_plausible() {
        // 100 reports, half of them right: the standard error of the share is 0.05.
        let reports: Vec<Vec<u32>> = (0..100).map(|i| vec![i % 2]).collect();
        let share = |sum: &[u64]| vec![Some(sum[0] as f64 / 100.0)];
        let run = |seed| Bootstrap { rounds: 1000, seed }.intervals(&reports, 2, share);
        assert_eq!(run(1), run(1));
        let (low, high) = run(1)[0].expect("there is a figure");
        assert!((0.38..0.43).contains(&low) && (0.57..0.62).contains(&high), "{low} {high}");
    }
}
