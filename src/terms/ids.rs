//! Ids for concepts that radlabel does not know yet: the preferred name in kebab-case, with the code behind
//! it where the name alone would not do.
//!
//! Whether the code is needed is asked of the whole source, so that an id does not depend on which part of it
//! is imported.

use super::Terminology;
use crate::lexicon::Lexicon;
use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};

/// Longer names are cut at a word.
const LONGEST: usize = 64;

/// The ids of all entries of a source.
pub(super) struct Ids {
    counts: HashMap<String, u32>,
    used: HashSet<String>,
    prefix: String,
}

impl Ids {
    pub(super) fn new(source: &Terminology, prefix: &str) -> Ids {
        let mut counts: HashMap<String, u32> = HashMap::with_capacity(source.entries.len());
        for entry in source.entries.iter().filter(|e| e.active) {
            *counts.entry(kebab(&entry.name)).or_default() += 1;
        }
        let prefix = kebab(prefix);
        let prefix = if prefix.is_empty() { prefix } else { prefix + "-" };
        Ids { counts, used: HashSet::new(), prefix }
    }

    /// The id of an entry; `given` is one that the source itself gives.
    pub(super) fn make(&mut self, name: &str, code: &str, given: Option<&str>, lexicon: &Lexicon) -> String {
        let stem = given.map_or_else(|| kebab(name), str::to_owned);
        let alone = given.is_some() || self.counts.get(&stem).is_none_or(|&n| n < 2);
        let mut id = format!("{}{stem}", self.prefix);
        if stem.is_empty() || !alone || lexicon.find(&id).is_some() {
            let separator = if stem.is_empty() { "" } else { "-" };
            id = format!("{id}{separator}{}", kebab(code));
        }
        let mut last = id.clone();
        let mut number = 1;
        while last.is_empty() || lexicon.find(&last).is_some() || !self.used.insert(last.clone()) {
            number += 1;
            last = format!("{id}-{number}");
        }
        last
    }
}

/// Lower-case letters and digits, joined by hyphens. Accents are dropped.
pub(super) fn kebab(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    let mut gap = false;
    for c in name.chars().flat_map(char::to_lowercase) {
        let plain: &str = match c {
            'a'..='z' | '0'..='9' => {
                if gap && !out.is_empty() {
                    out.push('-');
                }
                gap = false;
                out.push(c);
                continue;
            }
            '\'' | '\u{2019}' | '\u{307}' => continue,
            'à'..='ã' | 'å' | 'ā' => "a",
            'ä' | 'æ' => "ae",
            'ç' | 'ć' | 'č' => "c",
            'è'..='ë' | 'ē' | 'ě' => "e",
            'ì'..='ï' => "i",
            'ñ' => "n",
            'ò'..='õ' | 'ø' => "o",
            'ö' | 'œ' => "oe",
            'ù'..='û' => "u",
            'ü' => "ue",
            'ý' | 'ÿ' => "y",
            'ß' => "ss",
            'š' => "s",
            'ž' => "z",
            _ => {
                gap = true;
                continue;
            }
        };
        if gap && !out.is_empty() {
            out.push('-');
        }
        gap = false;
        out.push_str(plain);
    }
    if out.len() > LONGEST {
        let cut = out[..LONGEST].rfind('-').unwrap_or(LONGEST);
        out.truncate(cut);
    }
    out
}

/// Codes in the order of their numbers: RID9 before RID10.
pub(super) fn by_number(a: &str, b: &str) -> Ordering {
    let digits = |text: &str| text.bytes().rev().take_while(u8::is_ascii_digit).count();
    let (stem_a, number_a) = a.split_at(a.len() - digits(a));
    let (stem_b, number_b) = b.split_at(b.len() - digits(b));
    let (short_a, short_b) = (number_a.trim_start_matches('0'), number_b.trim_start_matches('0'));
    stem_a.cmp(stem_b).then(short_a.len().cmp(&short_b.len())).then_with(|| short_a.cmp(short_b)).then_with(|| a.cmp(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_codes() {
        for (name, want) in [
            ("Pleural effusion", "pleural-effusion"),
            ("Crohn's disease (any)", "crohns-disease-any"),
            ("Größe, ödem", "groesse-oedem"),
            ("\u{80ba}\u{708e}", ""),
        ] {
            assert_eq!(kebab(name), want);
        }
        assert!(kebab(&"word ".repeat(40)).len() <= LONGEST);
        assert_eq!(by_number("RID9", "RID10"), Ordering::Less);
        assert_eq!(by_number("J18.9", "J18.10"), Ordering::Less);
    }
}
