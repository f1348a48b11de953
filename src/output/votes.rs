//! A table of votes: a row a report and label, a column a labelling source, as label models take them.
//!
//! Whole numbers after Snorkel (Ratner 2017): -1 abstains (the source does not mention the label), 0 absent,
//! 1 present, 2 uncertain. The first source is our rules; the others are tables of label values, joined by report id
//! and label. A file's values are held as bytes beside a hash of the id, so that millions of rows fit in memory; of two
//! rows with one id the last counts, as in `score`. Two ids of one 64-bit hash would be taken for one.

use super::table::{Cells, ColumnSpec, Kind};
use super::{Labelled, label_name};
use crate::Status;
use crate::label::Policy;
use std::collections::HashMap;

/// The source does not mention the label.
const ABSTAINS: i8 = -1;

/// One source beside the rules.
#[derive(Debug, Default)]
pub(crate) struct Voter {
    /// Its name: a column.
    pub(crate) name: String,
    /// Its labels, as the columns of its values; a number of a label of [`Votes`].
    labels: Vec<u32>,
    /// Row of each report, by the hash of its id.
    rows: HashMap<u64, u32>,
    /// Row by row, a value for each of `labels`.
    values: Vec<i8>,
    /// Rows whose report was asked for.
    met: Vec<std::sync::atomic::AtomicBool>,
}

/// All sources.
#[derive(Debug, Default)]
pub(crate) struct Votes {
    /// Names of the labels, scheme by scheme.
    names: Vec<String>,
    voters: Vec<Voter>,
}

/// The vote for a value under a policy.
pub(crate) fn vote(value: Option<Status>, policy: Policy) -> i8 {
    match value.and_then(|v| policy.apply(v)) {
        None => ABSTAINS,
        Some(Status::Absent) => 0,
        Some(Status::Present) => 1,
        Some(Status::Uncertain) => 2,
    }
}

fn status(vote: i8) -> Option<Status> {
    match vote {
        0 => Some(Status::Absent),
        1 => Some(Status::Present),
        2 => Some(Status::Uncertain),
        _ => None,
    }
}

fn hash(id: &str) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in id.bytes() {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    // FNV's high bits are weak for short ids.
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    hash ^ (hash >> 31)
}

impl Voter {
    /// A source without rows, with values for these labels (numbers of [`Votes::names`]).
    pub(crate) fn new(name: String, labels: Vec<u32>) -> Voter {
        Voter { name, labels, ..Voter::default() }
    }

    /// The values of a report, one for each of its labels, to be set; true where the report is new.
    pub(crate) fn row(&mut self, id: &str) -> (&mut [i8], bool) {
        let width = self.labels.len();
        let next = self.rows.len() as u32;
        let row = *self.rows.entry(hash(id)).or_insert(next);
        let new = row == next;
        if new {
            self.values.resize(self.values.len() + width, ABSTAINS);
            self.met.push(false.into());
        }
        let at = row as usize * width;
        (&mut self.values[at..at + width], new)
    }

    fn values(&self, id: &str) -> Option<&[i8]> {
        let row = *self.rows.get(&hash(id))? as usize;
        self.met[row].store(true, std::sync::atomic::Ordering::Relaxed);
        let at = row * self.labels.len();
        Some(&self.values[at..at + self.labels.len()])
    }
}

impl Votes {
    /// The rules' votes on these labels, beside these sources'.
    pub(crate) fn new(names: Vec<String>, voters: Vec<Voter>) -> Votes {
        Votes { names, voters }
    }

    /// The columns of the table.
    pub(crate) fn columns(&self) -> Vec<ColumnSpec> {
        let column = |name: &str, kind, about| ColumnSpec { name: name.to_owned(), kind, about };
        let mut out = vec![
            column("id", Kind::Text, "the report"),
            column("label", Kind::Text, "the label"),
            column("rules", Kind::Vote, "vote of radlabel: -1 abstains, 0 absent, 1 present, 2 uncertain"),
        ];
        let about = "vote of this source: -1 abstains, 0 absent, 1 present, 2 uncertain";
        out.extend(self.voters.iter().map(|v| column(&v.name, Kind::Vote, about)));
        out
    }

    /// The rows of one report: the labels on which any source votes.
    pub(crate) fn rows(&self, id: &str, labelled: &[Labelled], policy: Policy, cells: &mut dyn Cells) {
        let found: Vec<Option<&[i8]>> = self.voters.iter().map(|v| v.values(id)).collect();
        // Most reports have few labels: votes by label, filled source by source.
        let width = self.voters.len() + 1;
        let mut votes = vec![ABSTAINS; self.names.len() * width];
        let mut first = 0;
        for one in labelled {
            for label in &one.labels {
                if let Some(slot) = votes.get_mut((first + label.label as usize) * width) {
                    *slot = vote(Some(label.value), policy);
                }
            }
            first += one.scheme.labels.len();
        }
        for (source, (voter, values)) in self.voters.iter().zip(found).enumerate() {
            for (&label, &value) in voter.labels.iter().zip(values.unwrap_or_default()) {
                votes[label as usize * width + source + 1] = vote(status(value), policy);
            }
        }
        for (name, row) in self.names.iter().zip(votes.chunks_exact(width)) {
            if row.iter().any(|&v| v != ABSTAINS) {
                cells.text(Some(id));
                cells.text(Some(name));
                for &vote in row {
                    cells.vote(vote);
                }
                cells.end();
            }
        }
    }

    /// For each source, how many of its reports were never asked for, and how many it has: to be told after the run.
    pub(crate) fn unmet(&self) -> Vec<(&str, usize, usize)> {
        let unmet = |v: &Voter| v.met.iter().filter(|m| !m.load(std::sync::atomic::Ordering::Relaxed)).count();
        self.voters.iter().map(|v| (v.name.as_str(), unmet(v), v.met.len())).collect()
    }
}

/// The names of the labels as the table has them.
pub(crate) fn names(schemes: &[&crate::rules::Scheme]) -> Vec<String> {
    let several = schemes.len() > 1;
    schemes.iter().flat_map(|s| (0..s.labels.len()).map(move |i| label_name(s, i, several).into_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Engine, Report};

    /// Cells as text.
    #[derive(Default)]
    struct Text(Vec<Vec<String>>, Vec<String>);

    impl Cells for Text {
        fn text(&mut self, value: Option<&str>) {
            self.1.push(value.unwrap_or_default().to_owned());
        }
        fn value(&mut self, _: Option<i8>) {}
        fn vote(&mut self, value: i8) {
            self.1.push(value.to_string());
        }
        fn number(&mut self, _: Option<u32>) {}
        fn real(&mut self, _: Option<f32>) {}
        fn measure(&mut self, _: Option<f64>) {}
        fn flag(&mut self, _: bool) {}
        fn texts(&mut self, _: &[&str]) {}
        fn reals(&mut self, _: &[f64]) {}
        fn end(&mut self) {
            self.0.push(std::mem::take(&mut self.1));
        }
    }

    type Unmet = Vec<(String, usize, usize)>;

    fn rows(policy: Policy) -> (Vec<Vec<String>>, Unmet) {
        let engine = Engine::embedded();
        let bound = engine.scheme("chexpert").expect("scheme");
        let names = names(&[&bound.scheme]);
        let number = |label: &str| names.iter().position(|n| n == label).expect("label") as u32;
        let mut voter = Voter::new("model".into(), vec![number("Pneumothorax"), number("Edema")]);
        voter.row("r1").0.copy_from_slice(&[1, 2]);
        voter.row("r1").0.copy_from_slice(&[0, 2]);
        assert!(voter.row("nobody").1 && !voter.row("r1").1);
        let votes = Votes::new(names, vec![voter]);
        assert_eq!(
            votes.columns().iter().map(|c| c.name.as_str()).collect::<Vec<_>>(),
            ["id", "label", "rules", "model"]
        );
        let mut text = Text::default();
        for (id, report) in [("r1", "Small effusion. No pneumothorax."), ("r2", "Possible edema.")] {
            let analysis = engine.analyze(&Report::new(id, report));
            let labelled =
                [Labelled { scheme: &bound.scheme, labels: engine.labels(&analysis, bound), confidence: Vec::new() }];
            votes.rows(id, &labelled, policy, &mut text);
        }
        (text.0, votes.unmet().into_iter().map(|(n, a, b)| (n.to_owned(), a, b)).collect())
    }

    #[test]
    fn sources_stand_beside_each_other() {
        let (keep, unmet) = rows(Policy::Keep);
        let want = [
            ["r1", "Edema", "-1", "2"],
            ["r1", "Pneumothorax", "0", "0"],
            ["r1", "Pleural Effusion", "1", "-1"],
            ["r2", "Edema", "2", "-1"],
        ];
        assert_eq!(keep, want);
        assert_eq!(unmet, [("model".to_owned(), 1, 2)]);
    }

    #[test]
    fn a_policy_maps_every_source() {
        let edema = |policy| {
            let rows = rows(policy).0;
            rows.into_iter().filter(|r| r[1] == "Edema").map(|r| r[2..].join(" ")).collect::<Vec<_>>()
        };
        assert_eq!(edema(Policy::Ones), ["-1 1", "1 -1"]);
        assert_eq!(edema(Policy::Zeros), ["-1 0", "0 -1"]);
        // Where every source abstains there is no row.
        assert_eq!(edema(Policy::Ignore), [""; 0]);
    }
}
