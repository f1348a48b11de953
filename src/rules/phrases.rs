//! The phrases of what is read of a whole report: facts, grades, alerts.
//!
//! They stand apart from the terms and cues of findings, with a vocabulary and a trie of their own, so that
//! analysis neither knows them nor pays for them. Here a phrase may have several senses (`3` is a number, a
//! month and a category), so a walk gives every phrase that begins at a lexeme, not only the longest.

use super::report::Sense;
use crate::lexeme::{Gap, Lexeme, Sort, cut, special};
use crate::lexicon::{Words, english_inflections};
use std::collections::HashMap;
use std::sync::OnceLock;

/// Phrases over lexemes, and what each means.
///
/// Built when a whole report is first read: most runs only label, and should not wait for it.
#[derive(Debug, Default)]
pub(crate) struct Phrases {
    given: Vec<(String, Sense)>,
    built: OnceLock<Trie>,
}

#[derive(Debug)]
struct Trie {
    words: Words,
    edges: HashMap<(u32, u32), u32>,
    /// By node.
    senses: Vec<Vec<Sense>>,
}

impl Phrases {
    /// Adds a sense to a phrase; an empty phrase is refused.
    pub(super) fn add(&mut self, phrase: &str, sense: Sense) -> Result<(), String> {
        if phrase.trim().is_empty() {
            return Err("a phrase holds no word".to_owned());
        }
        self.given.push((phrase.to_owned(), sense));
        Ok(())
    }

    fn trie(&self) -> &Trie {
        self.built.get_or_init(|| {
            let mut trie = Trie { words: Words::default(), edges: HashMap::new(), senses: vec![Vec::new()] };
            for (phrase, sense) in &self.given {
                trie.add(phrase, *sense);
            }
            trie
        })
    }

    /// The lexemes of a text, with the words of these phrases.
    pub(crate) fn lexemes(&self, text: &str) -> Vec<Lexeme> {
        cut(text, &self.trie().words)
    }

    /// Calls `each` with the end and the senses of every phrase that begins at lexeme `from`, the shortest
    /// first. A phrase crosses no empty line.
    pub(crate) fn walk(&self, lexemes: &[Lexeme], from: usize, mut each: impl FnMut(usize, &[Sense])) {
        let trie = self.trie();
        let mut node = 0;
        for at in from..lexemes.len() {
            let lexeme = &lexemes[at];
            if at > from && lexeme.gap == Gap::Blank {
                return;
            }
            if at > from && lexeme.is_glued(Some(&lexemes[at - 1])) {
                match trie.edges.get(&(node, special::GLUE.0)) {
                    Some(&next) => node = next,
                    None => return,
                }
            }
            match trie.edges.get(&(node, lexeme.word.0)) {
                Some(&next) => node = next,
                None => return,
            }
            if !trie.senses[node as usize].is_empty() {
                each(at + 1, &trie.senses[node as usize]);
            }
        }
    }

    /// The longest phrase of whole runs at lexeme `from` that has a sense `pick` wants: its end and what was
    /// picked.
    pub(crate) fn longest<T>(
        &self,
        lexemes: &[Lexeme],
        from: usize,
        pick: impl Fn(&Sense) -> Option<T>,
    ) -> Option<(usize, Vec<T>)> {
        let mut found = None;
        if opens(lexemes, from) {
            self.walk(lexemes, from, |end, senses| {
                if closes(lexemes, end) {
                    let picked: Vec<T> = senses.iter().filter_map(&pick).collect();
                    if !picked.is_empty() {
                        found = Some((end, picked));
                    }
                }
            });
        }
        found
    }
}

impl Trie {
    fn add(&mut self, phrase: &str, sense: Sense) {
        let lexemes = cut(phrase, &self.words);
        let mut node = 0;
        for (i, lexeme) in lexemes.iter().enumerate() {
            if i > 0 && lexeme.is_glued(Some(&lexemes[i - 1])) {
                node = self.step(node, special::GLUE.0);
            }
            let word = match lexeme.sort {
                Sort::Letters | Sort::Digits => self.intern(&phrase[lexeme.span.range()].to_lowercase()),
                Sort::Mask | Sort::Mark => lexeme.word.0,
            };
            node = self.step(node, word);
        }
        let senses = &mut self.senses[node as usize];
        if !senses.contains(&sense) {
            senses.push(sense);
        }
    }

    fn intern(&mut self, lower: &str) -> u32 {
        let word = self.words.intern(lower);
        for other in english_inflections(lower) {
            self.words.alias(&other, word);
        }
        word.0
    }

    fn step(&mut self, node: u32, word: u32) -> u32 {
        *self.edges.entry((node, word)).or_insert_with(|| {
            self.senses.push(Vec::new());
            self.senses.len() as u32 - 1
        })
    }
}

/// A run begins at this lexeme.
pub(crate) fn opens(lexemes: &[Lexeme], at: usize) -> bool {
    at == 0 || !lexemes[at].is_glued(Some(&lexemes[at - 1]))
}

/// A run ends before this lexeme.
pub(crate) fn closes(lexemes: &[Lexeme], end: usize) -> bool {
    end >= lexemes.len() || opens(lexemes, end)
}
