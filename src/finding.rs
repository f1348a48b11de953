//! Mentions of one concept -> one finding of the report.
//!
//! Present outranks uncertain, uncertain outranks absent. Only what is said of this patient now, in the
//! sections that report (findings, impression, addenda), counts.

use crate::assertion::Assertion;
use crate::engine::Mention;
use crate::rules::{Status, Subject, Time};
use crate::span::ConceptId;

/// What the whole report says of one concept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The concept.
    pub concept: ConceptId,
    /// The highest-ranking status of its mentions.
    pub status: Status,
    /// Its counted mentions, in order: indices into [`crate::Analysis::mentions`].
    pub mentions: Vec<u32>,
}

/// Rank of a status when several mentions speak of one thing.
pub(crate) fn rank(status: Status) -> u8 {
    match status {
        Status::Present => 2,
        Status::Uncertain => 1,
        Status::Absent => 0,
    }
}

/// Whether an assertion speaks of this patient now.
pub(crate) fn speaks_of_now(assertion: &Assertion) -> bool {
    assertion.time == Time::Current && assertion.subject == Subject::Patient
}

/// Gathers the counted mentions by concept, in order of first mention.
pub(crate) fn gather(mentions: &[Mention], assertions: &[Assertion]) -> Vec<Finding> {
    let mut findings: Vec<Finding> = Vec::new();
    for (i, (mention, assertion)) in mentions.iter().zip(assertions).enumerate() {
        if !mention.counts || !speaks_of_now(assertion) {
            continue;
        }
        match findings.iter_mut().find(|f| f.concept == mention.concept) {
            Some(finding) => {
                finding.mentions.push(i as u32);
                if rank(assertion.status) > rank(finding.status) {
                    finding.status = assertion.status;
                }
            }
            None => {
                findings.push(Finding { concept: mention.concept, status: assertion.status, mentions: vec![i as u32] })
            }
        }
    }
    findings
}
