//! Which entries of a source are wanted, and as what kind.

use super::{Guess, Hierarchy, Terminology};
use crate::Error;
use crate::lexicon::Kind;
use std::collections::BTreeMap;

/// What the user asks for.
#[derive(Clone, Debug, Default)]
pub struct Choice {
    /// Only what lies under one of these codes; empty = everything.
    pub under: Vec<String>,
    /// Nothing that lies under one of these.
    pub not_under: Vec<String>,
    /// Only concepts of this kind; those of which the source says nothing are taken as it.
    pub kind: Option<Kind>,
    /// Concepts that the source has given up, too.
    pub inactive: bool,
}

/// Why how many entries were left out.
pub type Left = BTreeMap<&'static str, u64>;

/// The kind of every entry that is wanted.
///
/// # Errors
/// [`Error::Usage`] for an unknown code.
pub fn choose(
    source: &Terminology,
    hierarchy: &Hierarchy,
    choice: &Choice,
    left: &mut Left,
) -> Result<Vec<Option<Kind>>, Error> {
    let marked = |flag: &str, codes: &[String]| {
        let roots: Result<Vec<u32>, Error> = codes
            .iter()
            .map(|code| {
                hierarchy
                    .find(code)
                    .ok_or_else(|| Error::Usage(format!("{flag}: no concept with the code {code:?} in the source")))
            })
            .collect();
        roots.map(|roots| hierarchy.under(roots))
    };
    let under = marked("--under", &choice.under)?;
    let not_under = marked("--not-under", &choice.not_under)?;
    let kinds = source.entries.iter().enumerate().map(|(i, entry)| {
        let kind = match (entry.guess, choice.kind) {
            _ if !choice.under.is_empty() && !under[i] => Err("not under the chosen codes"),
            _ if not_under[i] => Err("under a code that is not wanted"),
            _ if !entry.active && !choice.inactive => Err("given up by the source (--inactive takes them)"),
            (Guess::Foreign, _) => Err("no finding, device, anatomy or descriptor"),
            (Guess::Is(kind), Some(wanted)) if kind != wanted => Err("of another kind"),
            (Guess::Is(kind), _) => Ok(kind),
            (Guess::Unknown, Some(wanted)) => Ok(wanted),
            (Guess::Unknown, None) => Err("of a kind that the source does not tell (--kind says it)"),
        };
        kind.map_err(|why| *left.entry(why).or_default() += 1).ok()
    });
    Ok(kinds.collect())
}
