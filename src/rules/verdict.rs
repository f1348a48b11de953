//! Status and time in one word: what is judged right or wrong, and what a model tells apart.

use super::{Status, Time};
use serde::Deserialize;

/// What is said of a finding, time included: what a model tells apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// It is there.
    Present,
    /// It is not there.
    Absent,
    /// It may be there.
    Uncertain,
    /// It was there, or is told as history.
    Historical,
    /// It is asked for, feared or conditional.
    Hypothetical,
}

impl Verdict {
    /// All of them, in the order of `crate::refine::Opinion`.
    pub const ALL: [Verdict; 5] =
        [Verdict::Present, Verdict::Absent, Verdict::Uncertain, Verdict::Historical, Verdict::Hypothetical];

    /// Its name in outputs and manifests.
    pub const fn name(self) -> &'static str {
        match self {
            Verdict::Present => "present",
            Verdict::Absent => "absent",
            Verdict::Uncertain => "uncertain",
            Verdict::Historical => "historical",
            Verdict::Hypothetical => "hypothetical",
        }
    }

    /// The verdict of a name.
    pub fn named(name: &str) -> Option<Verdict> {
        Verdict::ALL.into_iter().find(|v| v.name() == name)
    }

    /// The verdict that an assertion amounts to.
    pub const fn of(status: Status, time: Time) -> Verdict {
        match (time, status) {
            (Time::Historical, _) => Verdict::Historical,
            (Time::Hypothetical, _) => Verdict::Hypothetical,
            (Time::Current, Status::Present) => Verdict::Present,
            (Time::Current, Status::Absent) => Verdict::Absent,
            (Time::Current, Status::Uncertain) => Verdict::Uncertain,
        }
    }

    /// Status and time of this verdict, for a mention that the rules gave this status. What is told as history or
    /// asked for keeps its status, but nothing is both absent and history.
    pub const fn apply(self, status: Status) -> (Status, Time) {
        match self {
            Verdict::Present => (Status::Present, Time::Current),
            Verdict::Absent => (Status::Absent, Time::Current),
            Verdict::Uncertain => (Status::Uncertain, Time::Current),
            Verdict::Historical => match status {
                Status::Absent => (Status::Present, Time::Historical),
                other => (other, Time::Historical),
            },
            Verdict::Hypothetical => (status, Time::Hypothetical),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verdicts_and_assertions_agree() {
        for verdict in Verdict::ALL {
            assert_eq!(Verdict::named(verdict.name()), Some(verdict));
            let (status, time) = verdict.apply(Status::Absent);
            assert_eq!(Verdict::of(status, time), verdict);
        }
    }
}
