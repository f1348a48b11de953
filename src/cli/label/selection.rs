//! Which of the reports a run takes: a sample, a shard.
//!
//! Both go by a hash of the report's id, so the same report is taken whatever else the input holds, in whatever
//! order, by however many threads. The hash is FNV-1a, mixed: it stays as it is from release to release.

use crate::Error;
use std::str::FromStr;

/// One of several shards: `2/8`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shard {
    number: u32,
    of: u32,
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Shard, String> {
        let expected = || "expected I/N with 1 <= I <= N, such as 2/8".to_owned();
        let (number, of) = text.split_once('/').ok_or_else(expected)?;
        let (number, of) = (number.trim().parse().map_err(|_| expected())?, of.trim().parse().map_err(|_| expected())?);
        if number == 0 || number > of { Err(expected()) } else { Ok(Shard { number, of }) }
    }
}

/// A fraction of the reports.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Fraction(f64);

impl FromStr for Fraction {
    type Err = String;

    fn from_str(text: &str) -> Result<Fraction, String> {
        let number = match text.strip_suffix('%') {
            Some(percent) => percent.trim().parse::<f64>().map(|p| p / 100.0),
            None => text.parse(),
        };
        match number {
            Ok(n) if n > 0.0 && n <= 1.0 => Ok(Fraction(n)),
            _ => Err("expected a fraction above 0 and at most 1, such as 0.01 or 1%".to_owned()),
        }
    }
}

/// The flags.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct SelectionOptions {
    /// Read at most so many records
    #[arg(long, value_name = "N", help_heading = "Input")]
    pub(crate) limit: Option<u64>,
    /// Take this fraction of the reports, by a hash of their ids: 0.01 or 1%
    #[arg(long, value_name = "FRACTION", help_heading = "Input")]
    sample: Option<Fraction>,
    /// Another sample for another number
    #[arg(long, value_name = "N", default_value_t = 0, requires = "sample", help_heading = "Input")]
    seed: u64,
    /// Take the I-th of N parts of the reports, by a hash of their ids: 2/8
    #[arg(long, value_name = "I/N", help_heading = "Input")]
    shard: Option<Shard>,
}

impl SelectionOptions {
    /// As threads ask it.
    pub(crate) fn selection(&self) -> Result<Selection, Error> {
        if self.limit == Some(0) {
            return Err(Error::Usage("--limit 0 reads nothing; expected 1 or more".to_owned()));
        }
        let most = self.sample.map(|f| (f.0 * u64::MAX as f64) as u64);
        Ok(Selection { most, seed: self.seed, shard: self.shard })
    }

    /// As a manifest keeps it.
    pub(crate) fn told(&self) -> String {
        let limit = self.limit.map_or_else(|| "none".to_owned(), |l| l.to_string());
        let sample = self.sample.map_or_else(|| "all".to_owned(), |f| f.0.to_string());
        let shard = self.shard.map_or_else(|| "all".to_owned(), |s| format!("{}/{}", s.number, s.of));
        format!("limit {limit}, sample {sample}, seed {}, shard {shard}", self.seed)
    }
}

/// Which reports are taken.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Selection {
    most: Option<u64>,
    seed: u64,
    shard: Option<Shard>,
}

impl Selection {
    /// The report of this id is taken.
    pub(crate) fn keeps(&self, id: &str) -> bool {
        let sampled = self.most.is_none_or(|most| hash(id, self.seed) <= most);
        // The shard's hash must not go with the sample's, or a sample would fall into some shards only.
        sampled && self.shard.is_none_or(|s| hash(id, u64::MAX) % u64::from(s.of) == u64::from(s.number - 1))
    }
}

fn hash(id: &str, seed: u64) -> u64 {
    let fnv = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    let hash = seed.to_le_bytes().into_iter().chain(id.bytes()).fold(0xcbf2_9ce4_8422_2325, fnv);
    // The mixing of splitmix64: the upper bits of FNV of a short text are poor.
    let hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(selection: Selection) -> Vec<u32> {
        (0..10_000).filter(|n| selection.keeps(&format!("CXR{n}"))).collect()
    }

    #[test]
    fn samples_and_shards() {
        let sample = |most: &str, seed| {
            let Fraction(f) = most.parse().expect("a fraction");
            Selection { most: Some((f * u64::MAX as f64) as u64), seed, shard: None }
        };
        let (one, other) = (taken(sample("10%", 0)), taken(sample("0.1", 7)));
        assert!((900..1100).contains(&one.len()) && (900..1100).contains(&other.len()));
        let both = one.iter().filter(|n| other.contains(n)).count();
        assert!((60..150).contains(&both), "{both}");
        let mut all = Vec::new();
        for number in 1..=7 {
            let shard = Selection { shard: Some(Shard { number, of: 7 }), ..Selection::default() };
            let found = taken(shard);
            assert!((1200..1700).contains(&found.len()));
            let sampled = found.iter().filter(|n| one.contains(n)).count();
            assert!((80..220).contains(&sampled), "{sampled}");
            all.extend(found);
        }
        all.sort_unstable();
        assert_eq!(all, (0..10_000).collect::<Vec<_>>());
        assert!("0/4".parse::<Shard>().is_err() && "5/4".parse::<Shard>().is_err() && "a".parse::<Shard>().is_err());
        assert!("0".parse::<Fraction>().is_err() && "101%".parse::<Fraction>().is_err());
    }
}
