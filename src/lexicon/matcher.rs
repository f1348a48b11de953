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
    trie: Trie,
}

/// A trie of word ids. Edges stand in one open-addressing table, the first step in an array by word.
#[derive(Clone, Debug, Default)]
struct Trie {
    /// The node after one word, by word id.
    root: Vec<u32>,
    /// The phrase that ends at a node, and whether any edge leaves it.
    nodes: Vec<(u32, bool)>,
    /// Edges (node, word) -> node.
    edges: Vec<(u32, u32, u32)>,
    mask: usize,
    used: usize,
    /// The words of all phrases, and where each phrase begins.
    words: Vec<WordId>,
    starts: Vec<u32>,
}

/// Gathers phrases; the same words twice are one phrase.
#[derive(Clone, Debug, Default)]
pub struct MatcherBuilder {
    trie: Trie,
}

impl MatcherBuilder {
    /// The phrase of these words, added if it is new. No words make no phrase that is ever found.
    pub fn add(&mut self, words: &[WordId]) -> PhraseId {
        let trie = &mut self.trie;
        let mut node = NONE;
        for (i, &word) in words.iter().enumerate() {
            node = if i == 0 { trie.first(word) } else { trie.next(node, word) };
        }
        let known = trie.nodes.get(node as usize).map_or(NONE, |n| n.0);
        if known != NONE {
            return PhraseId(known);
        }
        let id = trie.starts.len() as u32;
        trie.starts.push(trie.words.len() as u32);
        trie.words.extend_from_slice(words);
        if let Some(n) = trie.nodes.get_mut(node as usize) {
            n.0 = id;
        }
        PhraseId(id)
    }

    /// The phrase of these words, if it was added.
    pub fn find(&self, words: &[WordId]) -> Option<PhraseId> {
        let (first, rest) = words.split_first()?;
        let mut node = self.trie.root.get(first.index()).copied().filter(|&n| n != NONE)?;
        for &word in rest {
            if self.trie.edges.is_empty() {
                return None;
            }
            node = self.trie.step(node, word)?;
        }
        Some(self.trie.nodes[node as usize].0).filter(|&p| p != NONE).map(PhraseId)
    }

    /// Number of phrases so far.
    pub fn len(&self) -> usize {
        self.trie.starts.len()
    }

    /// True when there is no phrase yet.
    pub fn is_empty(&self) -> bool {
        self.trie.starts.is_empty()
    }

    /// Freezes the phrases. `words` says how many words there are.
    pub fn build(mut self, words: &Words) -> Matcher {
        self.trie.root.resize(words.limit(), NONE);
        if self.trie.edges.is_empty() {
            self.trie.grow();
        }
        Matcher { trie: self.trie }
    }
}

impl Trie {
    fn node(&mut self) -> u32 {
        self.nodes.push((NONE, false));
        self.nodes.len() as u32 - 1
    }

    /// The node after a first word, made if it is new.
    fn first(&mut self, word: WordId) -> u32 {
        if self.root.len() <= word.index() {
            self.root.resize(word.index() + 1, NONE);
        }
        if self.root[word.index()] == NONE {
            self.root[word.index()] = self.node();
        }
        self.root[word.index()]
    }

    /// The node after a word, made if it is new.
    fn next(&mut self, from: u32, word: WordId) -> u32 {
        if (self.used + 1) * 2 > self.edges.len() {
            self.grow();
        }
        let mut slot = edge_slot(from, word.0) & self.mask;
        loop {
            let (node, label, to) = self.edges[slot];
            if node == from && label == word.0 {
                return to;
            }
            if node == NONE {
                let to = self.node();
                self.nodes[from as usize].1 = true;
                self.edges[slot] = (from, word.0, to);
                self.used += 1;
                return to;
            }
            slot = (slot + 1) & self.mask;
        }
    }

    fn grow(&mut self) {
        let size = (self.edges.len() * 4).max(1 << 12);
        let old = std::mem::replace(&mut self.edges, vec![(NONE, 0, 0); size]);
        self.mask = size - 1;
        for edge in old {
            if edge.0 != NONE {
                let mut slot = edge_slot(edge.0, edge.1) & self.mask;
                while self.edges[slot].0 != NONE {
                    slot = (slot + 1) & self.mask;
                }
                self.edges[slot] = edge;
            }
        }
    }

    fn step(&self, from: u32, word: WordId) -> Option<u32> {
        let mut slot = edge_slot(from, word.0) & self.mask;
        loop {
            let (node, label, to) = self.edges[slot];
            if node == from && label == word.0 {
                return Some(to);
            }
            if node == NONE {
                return None;
            }
            slot = (slot + 1) & self.mask;
        }
    }
}

fn edge_slot(node: u32, word: u32) -> usize {
    let key = (u64::from(node) << 32) | u64::from(word);
    (key.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as usize
}

impl Matcher {
    /// The longest phrase that begins with the first of `words`: how many words it takes, and which it is.
    pub fn longest(&self, mut words: impl Iterator<Item = WordId>) -> Option<(usize, PhraseId)> {
        let mut node = match self.trie.root.get(words.next()?.index()) {
            Some(&node) if node != NONE => node,
            _ => return None,
        };
        let mut length = 1;
        let mut found = None;
        loop {
            let (phrase, more) = self.trie.nodes[node as usize];
            if phrase != NONE {
                found = Some((length, PhraseId(phrase)));
            }
            if !more {
                return found;
            }
            let Some(word) = words.next() else { return found };
            match self.trie.step(node, word) {
                Some(next) => node = next,
                None => return found,
            }
            length += 1;
        }
    }

    /// The words of a phrase.
    pub fn phrase(&self, id: PhraseId) -> &[WordId] {
        let start = self.trie.starts[id.0 as usize] as usize;
        let end = self.trie.starts.get(id.0 as usize + 1).map_or(self.trie.words.len(), |&e| e as usize);
        &self.trie.words[start..end]
    }

    /// Number of phrases.
    pub fn len(&self) -> usize {
        self.trie.starts.len()
    }

    /// True when there is no phrase.
    pub fn is_empty(&self) -> bool {
        self.trie.starts.is_empty()
    }

    /// The matcher of record: `aho-corasick`, leftmost-longest, over the same phrases, each word written
    /// as four bytes of which only the first has its high bit set, so that no match begins inside a word.
    ///
    /// # Errors
    /// What `aho-corasick` says when the phrases are too many for it.
    pub fn reference(&self) -> Result<aho_corasick::AhoCorasick, aho_corasick::BuildError> {
        aho_corasick::AhoCorasick::builder()
            .match_kind(aho_corasick::MatchKind::LeftmostLongest)
            .build((0..self.len() as u32).map(|i| encode(self.phrase(PhraseId(i)).iter().copied())))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Engine;

    /// The trie's matches over a row of words: (first word, words, phrase), leftmost-longest.
    fn walk(matcher: &Matcher, words: &[WordId]) -> Vec<(usize, usize, u32)> {
        let mut out = Vec::new();
        let mut at = 0;
        while at < words.len() {
            match matcher.longest(words[at..].iter().copied()) {
                Some((length, phrase)) => {
                    out.push((at, length, phrase.0));
                    at += length;
                }
                None => at += 1,
            }
        }
        out
    }

    fn same_as_reference(matcher: &Matcher, reference: &aho_corasick::AhoCorasick, words: &[WordId]) {
        let bytes = encode(words.iter().copied());
        let want: Vec<(usize, usize, u32)> =
            reference.find_iter(&bytes).map(|m| (m.start() / 4, m.len() / 4, m.pattern().as_u32())).collect();
        assert_eq!(walk(matcher, words), want);
    }

    /// Every phrase of the embedded data, alone and run together, matches as `aho-corasick` says.
    #[test]
    fn matches_as_the_matcher_of_record() {
        let engine = Engine::embedded();
        let matcher = &engine.rules.matcher;
        let reference = matcher.reference().expect("builds");
        let mut all = Vec::new();
        for phrase in 0..matcher.len() as u32 {
            let words = matcher.phrase(PhraseId(phrase));
            same_as_reference(matcher, &reference, words);
            all.extend_from_slice(words);
        }
        same_as_reference(matcher, &reference, &all);
        // A fixed shuffle, so that phrases break off, overlap and begin inside one another.
        let mut state = 1_u64;
        for i in (1..all.len()).rev() {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            all.swap(i, (state >> 33) as usize % (i + 1));
        }
        same_as_reference(matcher, &reference, &all);
    }

    #[test]
    fn matches_real_sentences_as_the_matcher_of_record() {
        let engine = Engine::embedded();
        let reference = engine.rules.matcher.reference().expect("builds");
        let mut tokens = Vec::new();
        for info in &engine.rules.infos {
            for sentence in info.hits.iter().chain(&info.misses) {
                let (text, _) = crate::rules::strip_marks(sentence);
                crate::token::tokenize(&text, engine.rules.vocabulary(), &mut tokens);
                let words: Vec<WordId> = tokens.iter().map(|t| t.word).collect();
                same_as_reference(&engine.rules.matcher, &reference, &words);
            }
        }
    }
}
