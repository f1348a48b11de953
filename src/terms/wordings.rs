//! Phrases as the engine will tell them apart, and the concept that each one means.
//!
//! `nodule` and `nodules` are one phrase to the engine: two concepts may not have one each.

use super::Binding;
use crate::Engine;
use crate::lexicon::{Kind, MatcherBuilder, Words};
use crate::rules::term_number;
use crate::token::Token;

/// Meanings of one phrase stand side by side where they are of different sorts.
pub(super) const fn slot(kind: Kind) -> usize {
    match kind {
        Kind::Finding | Kind::Device => 0,
        Kind::Anatomy => 1,
        Kind::Descriptor => 2,
    }
}

/// Phrases as the engine tells them apart, and who owns each.
#[derive(Default)]
pub(super) struct Wordings {
    pub(super) words: Words,
    phrases: MatcherBuilder,
    tokens: Vec<Token>,
    owners: Vec<[Option<Binding>; 3]>,
}

impl Wordings {
    /// Those of an engine. Its words come first, as they will when it loads the file.
    pub(super) fn of(engine: &Engine) -> Wordings {
        let lexicon = &engine.lexicon;
        let mut made = Wordings {
            words: engine.rules.vocabulary().without_slips(),
            phrases: MatcherBuilder::default(),
            tokens: Vec::new(),
            owners: Vec::new(),
        };
        for term in &lexicon.terms {
            let kind = lexicon.concept(term.concept).kind;
            let language = &lexicon.files[term.file as usize].language;
            let owner = made.owner(&term.text, kind, language);
            owner.get_or_insert(Binding::Known(term.concept));
        }
        made
    }

    /// Who owns a phrase.
    pub(super) fn owner(&mut self, text: &str, kind: Kind, language: &str) -> &mut Option<Binding> {
        let words = self.words.phrase(text, term_number(kind, language), &mut self.tokens);
        let id = self.phrases.add(&words).0 as usize;
        if id >= self.owners.len() {
            self.owners.resize(id + 1, [None; 3]);
        }
        &mut self.owners[id][slot(kind)]
    }
}
