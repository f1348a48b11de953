//! Reads rule files and compiles them over a lexicon. Every fault of every file is told, with its line.

mod calibration;
mod compositions;
mod cues;
mod linking;
mod patterns;
mod report;
mod schemes;
mod senses;

use super::lines::{self, Lines};
use super::profile::ProfileSource;
use super::schema::{
    CalibrationFile, ClassText, CompositionFile, CueFile, GuardFile, Head, LinkingFile, MeasureFile, SectionFile,
    SenseFile, SpellingFile, WordFile,
};
use super::scheme::SchemeSource;
use super::{
    Composition, Cue, Meaning, MeasureWord, MeasuredPart, Measures, NONE, RuleInfo, RuleKind, Rules, SectionRule,
    Sense, class,
};
use crate::error::Fault;
use crate::lexicon::{Kind, Lexicon, MatcherBuilder, Number, Spelling, Words};
use crate::span::{ConceptId, RuleId, WordId};
use crate::token::{Token, TokenKind};
use std::collections::{BTreeMap, HashMap};
use toml::Spanned;

#[derive(Default)]
struct Loader<'a> {
    faults: Vec<Fault>,
    warnings: Vec<Fault>,
    /// The file that is being read.
    lines: Lines<'a>,
    words: Words,
    builder: MatcherBuilder,
    meanings: Vec<Meaning>,
    headings: MatcherBuilder,
    heading_sections: Vec<u32>,
    classes: BTreeMap<String, u32>,
    cues: Vec<Cue>,
    predicates: Vec<(ConceptId, RuleId)>,
    alone: Vec<(ConceptId, Composition)>,
    compositions: BTreeMap<(ConceptId, ConceptId), Vec<Composition>>,
    sections: Vec<SectionRule>,
    infos: Vec<RuleInfo>,
    kinds: Vec<RuleKind>,
    ids: HashMap<String, RuleId>,
    schemes: Vec<SchemeSource>,
    profiles: Vec<ProfileSource>,
    /// Schemes and profiles that the user gave: they are bound at once.
    own: Vec<&'a str>,
    measures: MatcherBuilder,
    measure_words: Vec<(MeasureWord, RuleId)>,
    measured: Vec<MeasuredPart>,
    numeral: Option<RuleId>,
    values: Vec<Box<str>>,
    senses: Vec<Sense>,
    tokens: Vec<Token>,
    guarded: Vec<String>,
    report: super::report::ReportRules,
    calibration: Option<super::Calibration>,
    linking: Option<super::linking::Linking>,
}

/// Whether the words of a term take their other number as well: nouns of English do.
pub(crate) fn term_number(kind: Kind, language: &str) -> Number {
    if kind != Kind::Descriptor && language == "en" { Number::Either } else { Number::AsSpelled }
}

pub(super) fn load<'a>(
    files: impl IntoIterator<Item = (&'a str, &'a str)>,
    lexicon: &Lexicon,
) -> Result<Rules, Vec<Fault>> {
    let mut loader = Loader::default();
    let files: Vec<(&'a str, &'a str)> = files.into_iter().collect();
    loader.spellings(&files);
    loader.lexicon(lexicon, Spelling::Slips);
    for (name, text) in files {
        loader.lines = Lines::new(name, text);
        loader.read(lexicon);
    }
    // Imported terms come last, so that no noun of theirs changes what a word of the rules is: were "rule" a
    // finding's noun, "rules out" and "rule out" would be one phrase.
    let limit = WordId(loader.words.limit() as u32);
    loader.lexicon(lexicon, Spelling::Exact);
    loader.bind(lexicon);
    loader.finish(limit)
}

impl<'a> Loader<'a> {
    fn fault(&mut self, offset: usize, message: impl Into<String>) {
        self.faults.push(self.lines.fault(offset, message));
    }

    fn parse<T: serde::de::DeserializeOwned>(&mut self) -> Option<T> {
        self.lines.parse().map_err(|fault| self.faults.push(fault)).ok()
    }

    fn read(&mut self, lexicon: &Lexicon) {
        // The kind stands at the top of the file, so the whole need not be parsed twice (a scheme not at all).
        let keys = ["kind", "version", "id", "title"];
        let top = self.lines.text.lines().take_while(|l| !l.starts_with('[')).take(40);
        let head: Vec<&str> = top.filter(|l| keys.iter().any(|k| l.starts_with(k))).collect();
        let head = head.join("\n");
        let head = match toml::from_str::<Head>(&head) {
            Ok(head) if head.version == 1 => head,
            Ok(head) => {
                let message = format!("version {}; this radlabel reads version 1", head.version);
                return self.fault(0, message);
            }
            Err(e) => {
                let message = format!("no readable kind and version at the top: {}", e.message().replace('\n', "; "));
                return self.fault(e.span().map_or(0, |s| s.start), message);
            }
        };
        match head.kind.as_str() {
            "cues" => {
                if let Some(file) = self.parse::<CueFile>() {
                    self.cue_file(file);
                }
            }
            "compositions" => {
                if let Some(file) = self.parse::<CompositionFile>() {
                    self.composition_file(file, lexicon);
                }
            }
            "sections" => {
                if let Some(file) = self.parse::<SectionFile>() {
                    self.section_file(file);
                }
            }
            "words" => {
                if let Some(file) = self.parse::<WordFile>() {
                    for class in file.classes {
                        self.class(class);
                    }
                }
            }
            "measures" => {
                if let Some(file) = self.parse::<MeasureFile>() {
                    self.measure_file(file);
                }
            }
            "senses" => {
                if let Some(file) = self.parse::<SenseFile>() {
                    self.sense_file(file, lexicon);
                }
            }
            "spellings" => {
                // Read before any word was added.
            }
            "calibration" => {
                if let Some(file) = self.parse::<CalibrationFile>() {
                    self.calibration_file(file);
                }
            }
            "linking" => {
                if let Some(file) = self.parse::<LinkingFile>() {
                    self.linking_file(file);
                }
            }
            "guard" => {
                if let Some(file) = self.parse::<GuardFile>() {
                    self.guarded.extend(file.words.split_whitespace().map(str::to_owned));
                }
            }
            "scheme" => self.scheme(&head),
            "profile" => self.profile(&head),
            "facts" | "grades" | "safety" => self.report_file(&head.kind, lexicon),
            other => self.fault(
                0,
                format!(
                    "unknown kind \"{other}\"; expected cues, compositions, sections, measures, senses, words, \
                     spellings, guard, calibration, linking, scheme, profile, facts, grades or safety"
                ),
            ),
        }
    }

    /// The word ids of a phrase of a rule, its new words added to the vocabulary.
    fn phrase(&mut self, phrase: &str) -> Vec<WordId> {
        self.words.phrase(phrase, Number::AsSpelled, &mut self.tokens)
    }

    /// A phrase for messages.
    fn spelled(&self, words: &[WordId]) -> String {
        let spell = |w: &WordId| match TokenKind::of_word(*w) {
            Some(mark) => mark.to_owned(),
            None => self.words.spelling(*w).unwrap_or("?").to_owned(),
        };
        words.iter().map(spell).collect::<Vec<_>>().join(" ")
    }

    /// Spellings come first: they say which words are one.
    fn spellings(&mut self, files: &[(&'a str, &'a str)]) {
        let (mut pairs, mut endings) = (Vec::new(), Vec::new());
        for &(name, text) in files {
            if text.lines().take(40).any(|l| l.starts_with("kind") && l.contains("\"spellings\"")) {
                self.lines = Lines::new(name, text);
                if let Some(file) = self.parse::<SpellingFile>() {
                    pairs.extend(file.pairs);
                    endings.extend(file.endings);
                }
            }
        }
        self.words.set_spellings(pairs, endings);
    }

    fn meaning(&mut self, words: &[WordId]) -> &mut Meaning {
        let id = self.builder.add(words).0 as usize;
        if id == self.meanings.len() {
            self.meanings.push(Meaning::default());
        }
        &mut self.meanings[id]
    }

    fn lexicon(&mut self, lexicon: &Lexicon, spelling: Spelling) {
        // Nouns first, for they take both numbers as one word, whoever uses the word after; then descriptors; sided
        // parts last: once their wholes stand, it shows which are formed by a word of side.
        if lexicon.files.iter().all(|f| f.spelling != spelling) {
            return;
        }
        let numbers = 0..lexicon.concepts.len() as u32;
        let ranks: Vec<u8> = numbers
            .map(|number| match lexicon.concept(ConceptId(number)).kind {
                Kind::Descriptor => 1,
                _ if lexicon.unsided(ConceptId(number)).is_some() => 2,
                _ => 0,
            })
            .collect();
        let ranked =
            |wanted: u8| lexicon.terms.iter().filter(|t| ranks[t.concept.index()] == wanted).collect::<Vec<_>>();
        for term in [ranked(0), ranked(1), ranked(2)].into_iter().flatten() {
            let concept = lexicon.concept(term.concept);
            let file = &lexicon.files[term.file as usize];
            if file.spelling != spelling {
                continue;
            }
            let number = term_number(concept.kind, &file.language);
            let words = self.words.phrase(&term.text, number, &mut self.tokens);
            let file = &file.name;
            if words.is_empty() {
                self.faults.push(Fault::new(file, term.line as usize, format!("term \"{}\" holds no word", term.text)));
                continue;
            }
            // "left kidney" is a side and a kidney: were it one phrase, it would hide "kidney stone" behind it.
            if ranks[term.concept.index()] == 2
                && let Some(whole) = lexicon.unsided(term.concept)
                && self.builder.find(&words[1..]).is_some_and(|p| self.meanings[p.0 as usize].anatomy == whole.0)
            {
                continue;
            }
            let id = term.concept.0;
            let meaning = self.meaning(&words);
            let (slot, bit) = match concept.kind {
                Kind::Finding | Kind::Device => (&mut meaning.finding, class::FINDING),
                Kind::Anatomy => (&mut meaning.anatomy, class::ANATOMY),
                Kind::Descriptor => (&mut meaning.descriptor, class::DESCRIPTOR),
            };
            let first = *slot;
            if first == NONE {
                *slot = id;
                meaning.bits |= bit;
            } else {
                // The same words twice: harmless within a concept, a choice between two.
                let message = if first == id {
                    format!("term \"{}\" stands twice in its concept (in some spelling or number)", term.text)
                } else {
                    format!(
                        "term \"{}\" already means \"{}\"; it cannot also mean \"{}\"",
                        term.text,
                        lexicon.concept(ConceptId(first)).id,
                        concept.id
                    )
                };
                self.warnings.push(Fault::new(file, term.line as usize, message));
            }
        }
    }

    #[allow(clippy::too_many_arguments)]
    fn rule(
        &mut self,
        id: &Spanned<String>,
        kind: RuleKind,
        why: String,
        hits: Vec<String>,
        misses: Vec<String>,
    ) -> RuleId {
        let at = id.span().start;
        let line = self.lines.line(at) as u32;
        let name = id.get_ref();
        if let Some(&other) = self.ids.get(name) {
            let other = &self.infos[other.index()];
            let message = format!("rule \"{name}\" stands already in {}:{}", other.file, other.line);
            self.fault(at, message);
        }
        if why.trim().is_empty() {
            self.fault(at, format!("rule \"{name}\" does not say why it stands"));
        }
        if hits.len() < 2 || misses.is_empty() {
            self.fault(
                at,
                format!(
                    "rule \"{name}\" has {} hits and {} misses; expected at least 2 and 1",
                    hits.len(),
                    misses.len()
                ),
            );
        }
        let rule = RuleId(self.infos.len() as u32);
        self.ids.insert(name.clone(), rule);
        self.infos.push(RuleInfo {
            id: name.as_str().into(),
            file: self.lines.file.into(),
            line,
            why: why.into(),
            hits: hits.into_iter().map(Into::into).collect(),
            misses: misses.into_iter().map(Into::into).collect(),
        });
        self.kinds.push(kind);
        rule
    }

    fn concepts(&mut self, names: &[Spanned<String>], kinds: &[Kind], lexicon: &Lexicon) -> Vec<ConceptId> {
        let (found, wrong) = lines::concepts(names, kinds, lexicon);
        for (offset, message) in wrong {
            self.fault(offset, message);
        }
        found
    }

    fn class(&mut self, text: ClassText) {
        let Some((_, bit)) = class::NAMES.iter().find(|(name, _)| name == text.name.get_ref()) else {
            let known: Vec<&str> = class::NAMES.iter().map(|n| n.0).collect();
            let message = format!("unknown class \"{}\"; expected one of {}", text.name.get_ref(), known.join(", "));
            return self.fault(text.name.span().start, message);
        };
        for word in &text.words {
            let words = self.phrase(word);
            self.meaning(&words).bits |= bit;
            *self.classes.entry(word.clone()).or_default() |= bit;
        }
    }

    /// Words from `exact` on are not for misspellings.
    fn finish(mut self, exact: WordId) -> Result<Rules, Vec<Fault>> {
        if !self.faults.is_empty() {
            self.faults.sort();
            return Err(self.faults);
        }
        self.words.allow_spellings();
        self.measured.sort_by_key(|m| m.part);
        let mut classes = vec![0; self.words.limit()];
        for (word, bits) in &self.classes {
            if let Some(id) = self.words.find(word) {
                classes[id.index()] |= bits;
            }
        }
        self.words.allow_slips(self.guarded.iter().map(String::as_str), exact);
        let matcher = self.builder.build(&self.words);
        // A phrase that holds a verb is a verb group: "is not seen", "may represent".
        let verbs = class::VERB | class::PLURAL | class::EXISTENTIAL | class::COPULA;
        for (i, meaning) in self.meanings.iter_mut().enumerate() {
            if meaning.bits & class::CUE != 0 {
                for word in matcher.phrase(crate::lexicon::PhraseId(i as u32)) {
                    meaning.bits |= classes.get(word.index()).copied().unwrap_or(0) & verbs;
                }
            }
            if meaning.descriptor != NONE && self.alone.iter().any(|a| a.0.0 == meaning.descriptor) {
                meaning.bits |= class::ALONE;
            }
        }
        let mut compositions = Vec::new();
        let mut pairs = HashMap::new();
        for (pair, list) in self.compositions {
            let start = compositions.len() as u32;
            compositions.extend(list);
            pairs.insert(pair, (start, compositions.len() as u32));
        }
        Ok(Rules {
            headings: (self.headings.build(&self.words), self.heading_sections),
            measures: Measures {
                matcher: self.measures.build(&self.words),
                words: self.measure_words,
                numeral: self.numeral,
            },
            measured: self.measured,
            values: self.values,
            senses: self.senses,
            matcher,
            words: self.words,
            meanings: self.meanings,
            classes,
            cues: self.cues,
            pairs,
            predicates: self.predicates,
            alone: self.alone,
            compositions,
            sections: self.sections,
            infos: self.infos,
            schemes: self.schemes,
            profiles: self.profiles,
            kinds: self.kinds,
            warnings: self.warnings,
            report: self.report,
            calibration: self.calibration,
            linking: self.linking,
        })
    }
}
