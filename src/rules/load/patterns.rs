//! Patterns: one line of a rule for many phrases. `{a|b}` is a choice, an empty choice leaves the place out,
//! `{@set}` is a named list of the file.

use super::Loader;
use crate::span::WordId;
use std::collections::BTreeMap;
use toml::Spanned;

/// Named lists of words.
pub(super) type Sets = BTreeMap<String, Vec<String>>;

/// How many phrases one pattern may stand for.
const EXPANSIONS: usize = 4096;

impl Loader<'_> {
    /// Every phrase that a pattern stands for, as word ids; none where it is at fault, which is told.
    pub(super) fn expand(&mut self, pattern: &Spanned<String>, sets: &Sets) -> Vec<Vec<WordId>> {
        let Some(places) = self.places(pattern, sets) else { return Vec::new() };
        let places: Vec<Vec<Vec<WordId>>> =
            places.iter().map(|p| p.iter().map(|choice| self.phrase(choice)).collect()).collect();
        let mut out: Vec<Vec<WordId>> = vec![Vec::new()];
        for choices in &places {
            let mut next = Vec::with_capacity(out.len() * choices.len());
            for head in &out {
                for choice in choices {
                    let mut words = Vec::with_capacity(head.len() + choice.len() + 2);
                    words.extend_from_slice(head);
                    words.extend_from_slice(choice);
                    next.push(words);
                }
            }
            out = next;
        }
        out
    }

    /// Every text that a pattern stands for; none where it is at fault, which is told.
    pub(super) fn texts(&mut self, pattern: &Spanned<String>, sets: &Sets) -> Vec<String> {
        let Some(places) = self.places(pattern, sets) else { return Vec::new() };
        let mut out = vec![String::new()];
        for choices in places {
            out = out.iter().flat_map(|head| choices.iter().map(move |c| [head.as_str(), c].concat())).collect();
        }
        out
    }

    fn places<'p>(&mut self, pattern: &'p Spanned<String>, sets: &'p Sets) -> Option<Vec<Vec<&'p str>>> {
        match places(pattern.get_ref(), sets) {
            Ok(places) => Some(places),
            Err(message) => {
                self.fault(pattern.span().start, message);
                None
            }
        }
    }
}

/// A pattern as a row of places, each with its choices of words.
fn places<'p>(pattern: &'p str, sets: &'p Sets) -> Result<Vec<Vec<&'p str>>, String> {
    let mut places = Vec::new();
    let mut rest = pattern;
    let mut size = 1_usize;
    while !rest.is_empty() {
        let open = rest.find('{').unwrap_or(rest.len());
        let (plain, tail) = rest.split_at(open);
        if plain.contains('}') {
            return Err(format!("\"}}\" without \"{{\" in \"{pattern}\""));
        }
        if !plain.is_empty() {
            places.push(vec![plain]);
        }
        let Some(tail) = tail.strip_prefix('{') else { break };
        let Some((inner, after)) = tail.split_once('}') else {
            return Err(format!("\"{{\" without \"}}\" in \"{pattern}\""));
        };
        let mut choices: Vec<&str> = Vec::new();
        for choice in inner.split('|') {
            match choice.trim().strip_prefix('@') {
                Some(name) => match sets.get(name) {
                    Some(set) => choices.extend(set.iter().map(String::as_str)),
                    None => return Err(format!("unknown set \"{name}\" in \"{pattern}\"")),
                },
                None => choices.push(choice),
            }
        }
        size = size.saturating_mul(choices.len());
        if size > EXPANSIONS {
            return Err(format!("\"{pattern}\" stands for more than {EXPANSIONS} phrases"));
        }
        places.push(choices);
        rest = after;
    }
    Ok(places)
}
