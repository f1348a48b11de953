//! Longest phrase match over word ids: terms, cues, headings and function words in one pass.
//!
//! `aho-corasick` is the matcher of record: [`Matcher::reference`] builds its leftmost-longest automaton
//! over the same phrases and the tests hold both to the same matches. The hot path walks a trie of word
//! ids instead, because the tokens are wanted anyway, so a step is a word and not a byte (the bench
//! `analyze` shows both side by side).

use crate::lexicon::Words;
use crate::span::WordId;

/// A phrase of the matcher; what it means is the owner's affair.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PhraseId(pub u32);

const NONE: u32 = u32::MAX;

/// The phrases, frozen for matching.
#[derive(Clone, Debug, Default)]
pub struct Matcher {
    /// The node after one word, by word id.
    root: Vec<u32>,
    /// The phrase that ends at a node, and whether any edge leaves it.
    nodes: Vec<(u32, bool)>,
    /// Open-addressing table of edges (node, word) -> node.
    edges: Vec<(u32, u32, u32)>,
    mask: usize,
    phrases: Vec<Box<[WordId]>>,
}

/// Gathers phrases; the same words twice are one phrase.
#[derive(Clone, Debug, Default)]
pub struct MatcherBuilder {
    phrases: Vec<Box<[WordId]>>,
    ids: std::collections::HashMap<Box<[WordId]>, PhraseId>,
}

impl MatcherBuilder {
    /// The phrase of these words, added if it is new.
    pub fn add(&mut self, words: &[WordId]) -> PhraseId {
        if let Some(&id) = self.ids.get(words) {
            return id;
        }
        let id = PhraseId(self.phrases.len() as u32);
        self.phrases.push(words.into());
        self.ids.insert(words.into(), id);
        id
    }

    /// Number of phrases so far.
    pub fn len(&self) -> usize {
        self.phrases.len()
    }

    /// True when there is no phrase yet.
    pub fn is_empty(&self) -> bool {
        self.phrases.is_empty()
    }

    /// Freezes the phrases. `words` says how many words there are.
    pub fn build(self, words: &Words) -> Matcher {
        let total: usize = self.phrases.iter().map(|p| p.len()).sum();
        let size = (total * 2).next_power_of_two().max(16);
        let mut matcher = Matcher {
            root: vec![NONE; words.limit()],
            nodes: Vec::with_capacity(total),
            edges: vec![(NONE, 0, 0); size],
            mask: size - 1,
            phrases: self.phrases,
        };
        for (id, phrase) in matcher.phrases.iter().enumerate() {
            let Some((first, rest)) = phrase.split_first() else { continue };
            let entry = &mut matcher.root[first.index()];
            if *entry == NONE {
                *entry = matcher.nodes.len() as u32;
                matcher.nodes.push((NONE, false));
            }
            let mut node = *entry;
            for word in rest {
                matcher.nodes[node as usize].1 = true;
                let mut slot = edge_slot(node, word.0) & matcher.mask;
                node = loop {
                    let (from, label, to) = matcher.edges[slot];
                    if from == NONE {
                        let to = matcher.nodes.len() as u32;
                        matcher.nodes.push((NONE, false));
                        matcher.edges[slot] = (node, word.0, to);
                        break to;
                    }
                    if from == node && label == word.0 {
                        break to;
                    }
                    slot = (slot + 1) & matcher.mask;
                };
            }
            matcher.nodes[node as usize].0 = id as u32;
        }
        matcher
    }
}

fn edge_slot(node: u32, word: u32) -> usize {
    let key = (u64::from(node) << 32) | u64::from(word);
    (key.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as usize
}

impl Matcher {
    fn step(&self, node: u32, word: WordId) -> Option<u32> {
        let mut slot = edge_slot(node, word.0) & self.mask;
        loop {
            let (from, label, to) = self.edges[slot];
            if from == node && label == word.0 {
                return Some(to);
            }
            if from == NONE {
                return None;
            }
            slot = (slot + 1) & self.mask;
        }
    }

    /// The longest phrase that begins with the first of `words`: how many words it takes, and which it is.
    pub fn longest(&self, mut words: impl Iterator<Item = WordId>) -> Option<(usize, PhraseId)> {
        let mut node = match self.root.get(words.next()?.index()) {
            Some(&node) if node != NONE => node,
            _ => return None,
        };
        let mut length = 1;
        let mut found = None;
        loop {
            let (phrase, more) = self.nodes[node as usize];
            if phrase != NONE {
                found = Some((length, PhraseId(phrase)));
            }
            if !more {
                return found;
            }
            let Some(word) = words.next() else { return found };
            match self.step(node, word) {
                Some(next) => node = next,
                None => return found,
            }
            length += 1;
        }
    }

    /// The words of a phrase.
    pub fn phrase(&self, id: PhraseId) -> &[WordId] {
        &self.phrases[id.0 as usize]
    }

    /// Number of phrases.
    pub fn len(&self) -> usize {
        self.phrases.len()
    }

    /// True when there is no phrase.
    pub fn is_empty(&self) -> bool {
        self.phrases.is_empty()
    }

    /// The matcher of record: `aho-corasick`, leftmost-longest, over the same phrases, each word written
    /// as four bytes of which only the first has its high bit set, so that no match begins inside a word.
    ///
    /// # Errors
    /// What `aho-corasick` says when the phrases are too many for it.
    pub fn reference(&self) -> Result<aho_corasick::AhoCorasick, aho_corasick::BuildError> {
        aho_corasick::AhoCorasick::builder()
            .match_kind(aho_corasick::MatchKind::LeftmostLongest)
            .build(self.phrases.iter().map(|p| encode(p.iter().copied())))
    }
}

/// Word ids as bytes for [`Matcher::reference`]: four bytes a word.
pub fn encode(words: impl Iterator<Item = WordId>) -> Vec<u8> {
    words
        .flat_map(|w| {
            let w = w.0;
            [0x80 | (w >> 21) as u8, (w >> 14) as u8 & 0x7f, (w >> 7) as u8 & 0x7f, w as u8 & 0x7f]
        })
        .collect()
}
