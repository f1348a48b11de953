//! Reports and studies -> links, each with its method, its confidence and what contradicts it; pure.
//!
//! Keys are trusted in this order: Study Instance UID, accession number, patient id with the study date. A key only
//! proposes studies; every field that both sides tell then speaks for or against each of them, and the confidence of a
//! link is its share of the evidence beside all other studies proposed and the case that none of them is meant. What
//! a field weighs is data (`rules/linking.toml`). Nothing is linked below the accepted confidence.

mod decide;
mod roles;
mod studies;
mod values;

pub use decide::{Conflict, Decision, Link, Method, Outcome, Settings};
pub use roles::{Role, Ruled, roles, rules_over};
pub use studies::{Studies, Study};
pub use values::{Day, Keys, Values};

pub use crate::rules::linking::Field;

#[cfg(test)]
mod tests;
