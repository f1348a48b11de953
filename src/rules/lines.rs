//! The text of one rule file: from offsets to `file:line`, from TOML to types, from names to concepts.
//!
//! What rules, schemes and profiles share when they are read; it knows the meaning of no key.

use crate::error::Fault;
use crate::lexicon::{Kind, Lexicon};
use crate::span::ConceptId;
use std::cell::OnceCell;
use toml::Spanned;

/// A file, and where its lines begin.
#[derive(Default)]
pub(super) struct Lines<'a> {
    pub(super) file: &'a str,
    pub(super) text: &'a str,
    /// Looked for when a line is first asked for: of most schemes none ever is.
    starts: OnceCell<Vec<usize>>,
}

impl<'a> Lines<'a> {
    pub(super) fn new(file: &'a str, text: &'a str) -> Lines<'a> {
        Lines { file, text, starts: OnceCell::new() }
    }

    /// The line of an offset, from 1.
    pub(super) fn line(&self, offset: usize) -> usize {
        let starts = self.starts.get_or_init(|| {
            let breaks = memchr::memchr_iter(b'\n', self.text.as_bytes());
            std::iter::once(0).chain(breaks.map(|i| i + 1)).collect()
        });
        starts.partition_point(|&s| s <= offset)
    }

    pub(super) fn fault(&self, offset: usize, message: impl Into<String>) -> Fault {
        Fault::new(self.file, self.line(offset), message)
    }

    /// The text as a type of ours.
    pub(super) fn parse<T: serde::de::DeserializeOwned>(&self) -> Result<T, Fault> {
        toml::from_str(self.text)
            .map_err(|e| self.fault(e.span().map_or(0, |s| s.start), e.message().replace('\n', "; ")))
    }

    /// The concepts of these names, and what is wrong with the rest.
    pub(super) fn concepts(
        &self,
        names: &[Spanned<String>],
        kinds: &[Kind],
        lexicon: &Lexicon,
    ) -> (Vec<ConceptId>, Vec<Fault>) {
        let (concepts, wrong) = concepts(names, kinds, lexicon);
        (concepts, wrong.into_iter().map(|(offset, message)| self.fault(offset, message)).collect())
    }
}

/// The concepts of these names, and what is wrong with the rest, by offset.
pub(super) fn concepts(
    names: &[Spanned<String>],
    kinds: &[Kind],
    lexicon: &Lexicon,
) -> (Vec<ConceptId>, Vec<(usize, String)>) {
    let mut found = Vec::new();
    let mut wrong = Vec::new();
    for name in names {
        match lexicon.find(name.get_ref()) {
            Some(id) if kinds.contains(&lexicon.concept(id).kind) => found.push(id),
            Some(id) => {
                let kind = lexicon.concept(id).kind;
                wrong.push((name.span().start, format!("\"{}\" is {kind:?}; expected {kinds:?}", name.get_ref())));
            }
            None => wrong.push((name.span().start, format!("unknown concept \"{}\"", name.get_ref()))),
        }
    }
    (found, wrong)
}
