//! The vocabulary: every word that a term or a cue uses, found by its lower-cased bytes.
//!
//! Several spellings may be one word (`effusion`, `effusions`), so that a phrase is written once. The
//! table is an open-addressing one of our own because it is filled once and read for every token of
//! every report: a general hash map costs twice as much here.

use crate::span::WordId;
use crate::token::{FIRST_WORD, Token, tokenize};

const LONGEST: usize = 48;

/// The vocabulary.
#[derive(Clone, Debug)]
pub struct Words {
    /// (upper bits of the hash, spelling + 1); 0 = empty.
    slots: Vec<(u32, u32)>,
    mask: usize,
    spellings: Vec<(u32, u32, WordId)>,
    letters: Vec<u8>,
    /// The first spelling of each word.
    firsts: Vec<u32>,
    next: u32,
    near: Near,
    /// While words are added only.
    twins: Option<Box<Twins>>,
}

/// Whether the words of a phrase take their other number as the same word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Number {
    /// English nouns: `effusion` and `effusions` are one word.
    Either,
    /// As spelled.
    AsSpelled,
}

/// Spellings that a misspelling may be taken for, by first letter and length, each with its set of letters.
#[derive(Clone, Debug, Default)]
struct Near {
    buckets: Vec<Vec<(u32, u32)>>,
    /// Ordinary words that are one slip away from a spelling and mean something else.
    guarded: Vec<Box<[u8]>>,
}

/// What tells two spellings of one word.
#[derive(Clone, Debug)]
struct Twins {
    pairs: Vec<[String; 2]>,
    ones: aho_corasick::AhoCorasick,
    others: aho_corasick::AhoCorasick,
}

impl Twins {
    /// A word with the second letters of a pair, spelled with the first.
    fn one(&self, word: &str) -> Option<String> {
        self.others.is_match(word).then(|| {
            let ones: Vec<&str> = self.pairs.iter().take(self.others.patterns_len()).map(|p| p[0].as_str()).collect();
            self.others.replace_all(word, &ones)
        })
    }
}

/// Below this length one slip makes another word too easily.
const SHORTEST_NEAR: usize = 6;

impl Default for Words {
    fn default() -> Self {
        Words {
            slots: vec![(0, 0); 64],
            mask: 63,
            spellings: Vec::new(),
            letters: Vec::new(),
            firsts: Vec::new(),
            next: FIRST_WORD,
            near: Near::default(),
            twins: None,
        }
    }
}

fn hash(bytes: &[u8]) -> u64 {
    let mut h = 0xcbf2_9ce4_8422_2325_u64;
    for &b in bytes {
        h = (h ^ u64::from(b)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    h ^ (h >> 29)
}

impl Words {
    /// The word of a lower-cased spelling.
    pub fn find(&self, lower: &str) -> Option<WordId> {
        self.probe(lower.as_bytes(), hash(lower.as_bytes()))
    }

    /// The word of an ASCII spelling in any case.
    pub(crate) fn find_ascii(&self, word: &[u8]) -> Option<WordId> {
        if word.len() > LONGEST {
            return None;
        }
        let mut lower = [0_u8; LONGEST];
        let mut h = 0xcbf2_9ce4_8422_2325_u64;
        for (to, &b) in lower.iter_mut().zip(word) {
            let b = b.to_ascii_lowercase();
            *to = b;
            h = (h ^ u64::from(b)).wrapping_mul(0x0000_0100_0000_01b3);
        }
        self.probe(&lower[..word.len()], h ^ (h >> 29))
    }

    fn probe(&self, lower: &[u8], hash: u64) -> Option<WordId> {
        let tag = (hash >> 32) as u32;
        let mut slot = hash as usize & self.mask;
        loop {
            let (t, s) = self.slots[slot];
            if s == 0 {
                return None;
            }
            if t == tag {
                let (start, len, word) = self.spellings[s as usize - 1];
                if &self.letters[start as usize..(start + len) as usize] == lower {
                    return Some(word);
                }
            }
            slot = (slot + 1) & self.mask;
        }
    }

    /// The word of a spelling, added if it is new.
    pub(crate) fn intern(&mut self, lower: &str) -> WordId {
        if let Some(word) = self.find(lower) {
            return word;
        }
        let word = WordId(self.next);
        self.next += 1;
        self.firsts.push(self.spellings.len() as u32);
        self.add(lower, word);
        word
    }

    /// The words of a phrase, in order; those that are new are added. `tokens` is working memory.
    pub(crate) fn phrase(&mut self, phrase: &str, number: Number, tokens: &mut Vec<Token>) -> Vec<WordId> {
        tokenize(phrase, self, tokens);
        tokens
            .iter()
            .map(|t| {
                if !t.is_wordlike() || t.word.0 >= FIRST_WORD {
                    return t.word;
                }
                let lower = phrase[t.span.range()].to_lowercase();
                let lower = lower.strip_suffix("'s").unwrap_or(&lower);
                let twin = self.twins.as_ref().and_then(|t| t.one(lower));
                let word = self.intern(twin.as_deref().unwrap_or(lower));
                if twin.is_some() {
                    self.alias(lower, word);
                }
                if number == Number::Either {
                    for other in twin.iter().map(String::as_str).chain([lower]).flat_map(english_inflections) {
                        self.alias(&other, word);
                    }
                }
                word
            })
            .collect()
    }

    /// Makes `lower` another spelling of `word`, unless it is a word already.
    pub(crate) fn alias(&mut self, lower: &str, word: WordId) {
        if self.find(lower).is_none() {
            self.add(lower, word);
        }
    }

    fn add(&mut self, lower: &str, word: WordId) {
        let start = self.letters.len() as u32;
        self.letters.extend_from_slice(lower.as_bytes());
        self.spellings.push((start, lower.len() as u32, word));
        if self.spellings.len() * 2 > self.slots.len() {
            self.mask = self.slots.len() * 4 - 1;
            self.slots = vec![(0, 0); self.mask + 1];
            for i in 0..self.spellings.len() {
                self.place(i);
            }
        } else {
            self.place(self.spellings.len() - 1);
        }
    }

    fn place(&mut self, spelling: usize) {
        let (start, len, _) = self.spellings[spelling];
        let h = hash(&self.letters[start as usize..(start + len) as usize]);
        let mut slot = h as usize & self.mask;
        while self.slots[slot].1 != 0 {
            slot = (slot + 1) & self.mask;
        }
        self.slots[slot] = ((h >> 32) as u32, spelling as u32 + 1);
    }

    /// The letters that two spellings of one word write differently (`edema`, `oedema`), told before any word is
    /// added, so that a term in either spelling is the same words.
    /// `endings` are pairs of which the second also stands in words that have no first ("raised").
    pub(crate) fn set_spellings(&mut self, mut pairs: Vec<[String; 2]>, endings: Vec<[String; 2]>) {
        let search = |letters: Vec<&str>| {
            aho_corasick::AhoCorasick::builder().match_kind(aho_corasick::MatchKind::LeftmostLongest).build(letters)
        };
        let others = search(pairs.iter().map(|p| p[1].as_str()).collect());
        pairs.extend(endings);
        let ones = search(pairs.iter().map(|p| p[0].as_str()).collect());
        // So few letters always build; without the automata the words keep their own spelling.
        if let (Ok(ones), Ok(others)) = (ones, others) {
            self.twins = Some(Box::new(Twins { pairs, ones, others }));
        }
    }

    /// Makes the other spelling of every word another spelling of it, unless it is a word already.
    pub(crate) fn allow_spellings(&mut self) {
        let Some(twins) = self.twins.take() else { return };
        let others: Vec<&str> = twins.pairs.iter().map(|p| p[1].as_str()).collect();
        for i in 0..self.spellings.len() {
            let (start, len, word) = self.spellings[i];
            let letters = &self.letters[start as usize..(start + len) as usize];
            if twins.ones.is_match(letters)
                && let Ok(spelling) = std::str::from_utf8(letters)
            {
                let respelled = twins.ones.replace_all(spelling, &others);
                self.alias(&respelled, word);
            }
        }
    }

    /// Opens the vocabulary to misspellings: any word of letters that is unknown, at least six letters long
    /// and one slip (a letter left out, put in, changed, or two changed about) from exactly one known word
    /// is that word. `guarded` are the ordinary words that this would catch wrongly; words from
    /// `exact` on are not for misspellings at all.
    pub(crate) fn allow_slips<'a>(&mut self, guarded: impl Iterator<Item = &'a str>, exact: WordId) {
        let mut near = Near { buckets: vec![Vec::new(); 26 * (LONGEST + 2)], guarded: Vec::new() };
        for (i, &(start, len, id)) in self.spellings.iter().enumerate() {
            let word = &self.letters[start as usize..(start + len) as usize];
            if id >= exact {
                continue;
            }
            if word.len() >= SHORTEST_NEAR && word.len() <= LONGEST && word.iter().all(u8::is_ascii_lowercase) {
                near.buckets[bucket(word[0], word.len())].push((letter_set(word), i as u32));
            }
        }
        near.guarded = guarded.map(|w| w.as_bytes().into()).collect();
        near.guarded.sort_unstable();
        self.near = near;
    }

    /// The same words, closed to misspellings, for whoever goes on adding to them.
    pub fn without_slips(&self) -> Words {
        Words { near: Near::default(), ..self.clone() }
    }

    /// The word that an unknown word is one slip away from.
    pub fn find_near(&self, word: &[u8]) -> Option<WordId> {
        if self.near.buckets.is_empty() || word.len() < SHORTEST_NEAR || word.len() > LONGEST {
            return None;
        }
        let mut lower = [0_u8; LONGEST];
        for (to, &b) in lower.iter_mut().zip(word) {
            if !b.is_ascii_alphabetic() {
                return None;
            }
            *to = b.to_ascii_lowercase();
        }
        let lower = &lower[..word.len()];
        let set = letter_set(lower);
        let mut found = None;
        for length in lower.len() - 1..=lower.len() + 1 {
            for &(letters, spelling) in &self.near.buckets[bucket(lower[0], length)] {
                if (letters ^ set).count_ones() > 2 {
                    continue;
                }
                let (start, len, id) = self.spellings[spelling as usize];
                if one_slip(lower, &self.letters[start as usize..(start + len) as usize]) && found != Some(id) {
                    if found.is_some() {
                        return None;
                    }
                    found = Some(id);
                }
            }
        }
        found.filter(|_| self.near.guarded.binary_search_by(|g| g.as_ref().cmp(lower)).is_err())
    }

    /// Every spelling, for tools that look for ordinary words near it.
    pub fn spellings(&self) -> impl Iterator<Item = &str> {
        self.spellings.iter().filter_map(|&(start, len, _)| {
            std::str::from_utf8(&self.letters[start as usize..(start + len) as usize]).ok()
        })
    }

    /// One more than the largest word id.
    pub fn limit(&self) -> usize {
        self.next as usize
    }

    /// The first spelling of a word, for messages.
    pub fn spelling(&self, word: WordId) -> Option<&str> {
        let first = *self.firsts.get(word.index().checked_sub(FIRST_WORD as usize)?)?;
        let (start, len, _) = self.spellings[first as usize];
        std::str::from_utf8(&self.letters[start as usize..(start + len) as usize]).ok()
    }
}

fn bucket(first: u8, length: usize) -> usize {
    (first - b'a') as usize * (LONGEST + 2) + length
}

fn letter_set(word: &[u8]) -> u32 {
    word.iter().fold(0, |set, b| set | 1 << (b - b'a'))
}

/// One letter left out, put in or changed, or two neighbours changed about (Damerau 1964).
fn one_slip(a: &[u8], b: &[u8]) -> bool {
    let same = a.iter().zip(b).take_while(|(x, y)| x == y).count();
    let (a, b) = (&a[same..], &b[same..]);
    match a.len() as isize - b.len() as isize {
        0 => a.len() > 1 && (a[1..] == b[1..] || (a[0] == b[1] && a[1] == b[0] && a[2..] == b[2..])) || a.len() == 1,
        1 => a[1..] == *b,
        -1 => *a == b[1..],
        _ => false,
    }
}

/// Two lower-cased words are one slip apart.
pub fn near(a: &str, b: &str) -> bool {
    a != b && one_slip(a.as_bytes(), b.as_bytes())
}

/// The other number of an English noun: its regular plural or, of a plural, its singular.
pub(crate) fn english_inflections(word: &str) -> Vec<String> {
    let mut out = Vec::new();
    if word.len() < 3 || !word.bytes().all(|b| b.is_ascii_lowercase()) {
        return out;
    }
    let stem = |n: usize| &word[..word.len() - n];
    let vowel_before_y = word.len() > 1 && matches!(word.as_bytes()[word.len() - 2], b'a' | b'e' | b'i' | b'o' | b'u');
    if word.ends_with("sis") || word.ends_with("xis") {
        out.push([stem(2), "es"].concat());
    } else if word.ends_with("ies") && word.len() > 4 {
        out.push([stem(3), "y"].concat());
    } else if word.ends_with("sses") || word.ends_with("shes") || word.ends_with("ches") || word.ends_with("xes") {
        out.push(stem(2).to_owned());
    } else if word.ends_with("ss") || word.ends_with("sh") || word.ends_with("ch") || word.ends_with('x') {
        out.push([word, "es"].concat());
    } else if word.ends_with('s') {
        if !word.ends_with("us") && !word.ends_with("is") {
            out.push(stem(1).to_owned());
        }
    } else if word.ends_with('y') && !vowel_before_y {
        out.push([stem(1), "ies"].concat());
    } else {
        out.push([word, "s"].concat());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn found_in_any_case_and_number() {
        let mut words = Words::default();
        let effusion = words.intern("effusion");
        words.alias("effusions", effusion);
        for i in 0..5000 {
            words.intern(&format!("word{i}"));
        }
        assert_eq!(words.find_ascii(b"EFFUSIONS"), Some(effusion));
        assert_eq!(words.find("effusio"), None);
        assert_eq!(words.find_ascii(b"Word4999"), words.find("word4999"));
    }

    #[test]
    fn slips() {
        let mut words = Words::default();
        let pneumonia = words.intern("pneumonia");
        let lesion = words.intern("lesion");
        words.intern("effusion");
        words.allow_slips(["lesson"].into_iter(), WordId(u32::MAX));
        for (word, want) in [
            ("pnuemonia", Some(pneumonia)),
            ("Pneumona", Some(pneumonia)),
            ("PNEUMONIAA", Some(pneumonia)),
            ("pneumonie", Some(pneumonia)),
            ("pneumon", None),
            ("lesin", None),
            ("lesson", None),
            ("leision", Some(lesion)),
            ("diffusion", None),
        ] {
            assert_eq!(words.find_near(word.as_bytes()), want, "{word}");
        }
    }

    #[test]
    fn inflections() {
        for (word, want) in [
            ("mass", "masses"),
            ("opacity", "opacities"),
            ("opacities", "opacity"),
            ("nodule", "nodules"),
            ("metastasis", "metastases"),
            ("lungs", "lung"),
            ("x-ray", ""),
        ] {
            assert_eq!(english_inflections(word).concat(), want, "{word}");
        }
    }
}
