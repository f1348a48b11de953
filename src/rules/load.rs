//! Reads rule files and compiles them over a lexicon. Every fault of every file is told, with its line.

mod report;

use super::profile::ProfileSource;
use super::schema::{ClassText, CompositionFile, CompositionText, CueFile, MeasureFile, SectionFile, WordFile};
use super::scheme::{ALL, SchemeSource};
use super::{
    Composition, Cue, Direction, Meaning, MeasureWord, MeasuredPart, Measures, NONE, Named, RuleInfo, RuleKind, Rules,
    SectionRule, Sense, ValueId, class,
};
use crate::error::Fault;
use crate::lexicon::{Kind, Lexicon, MatcherBuilder, Number, Spelling, Words};
use crate::span::{ConceptId, RuleId, WordId};
use crate::token::{Token, TokenKind};
use std::collections::{BTreeMap, HashMap};
use toml::Spanned;

/// `> 130 mm`, `<= 7 mm`, `20-30 mm`: from above the first to the second, in millimetres.
fn bounds(measure: &str) -> Result<(f32, f32), String> {
    let wrong = || format!("measure \"{measure}\"; expected \"> 130 mm\", \"<= 130 mm\" or \"20-30 mm\"");
    let body = measure.trim().strip_suffix("mm").ok_or_else(wrong)?.trim();
    let number = |text: &str| match text.trim().parse::<f32>() {
        Ok(value) if value.is_finite() && (0.0..=3000.0).contains(&value) => Ok(value),
        _ => Err(wrong()),
    };
    if let Some(low) = body.strip_prefix('>') {
        return Ok((number(low)?, f32::INFINITY));
    }
    if let Some(high) = body.strip_prefix("<=") {
        return Ok((0.0, number(high)?));
    }
    let (low, high) = body.split_once('-').ok_or_else(wrong)?;
    match (number(low)?, number(high)?) {
        (low, high) if low < high => Ok((low, high)),
        _ => Err(wrong()),
    }
}

/// How many phrases one pattern may stand for.
const EXPANSIONS: usize = 4096;

#[derive(Default)]
struct Loader<'a> {
    faults: Vec<Fault>,
    warnings: Vec<Fault>,
    file: &'a str,
    text: &'a str,
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
        loader.file = name;
        loader.text = text;
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
    fn line(&self, offset: usize) -> usize {
        memchr::memchr_iter(b'\n', &self.text.as_bytes()[..offset.min(self.text.len())]).count() + 1
    }

    fn fault(&mut self, offset: usize, message: impl Into<String>) {
        let line = self.line(offset);
        self.faults.push(Fault::new(self.file, line, message));
    }

    fn parse<T: serde::de::DeserializeOwned>(&mut self) -> Option<T> {
        match toml::from_str(self.text) {
            Ok(value) => Some(value),
            Err(e) => {
                let message = e.message().replace('\n', "; ");
                self.fault(e.span().map_or(0, |s| s.start), message);
                None
            }
        }
    }

    fn read(&mut self, lexicon: &Lexicon) {
        // The kind stands at the top of the file, so the whole need not be parsed twice (a scheme not at all).
        let keys = ["kind", "version", "id", "title"];
        let top = self.text.lines().take_while(|l| !l.starts_with('[')).take(40);
        let head: Vec<&str> = top.filter(|l| keys.iter().any(|k| l.starts_with(k))).collect();
        let head = head.join("\n");
        let head = match toml::from_str::<super::schema::Head>(&head) {
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
                if let Some(file) = self.parse::<super::schema::SenseFile>() {
                    self.sense_file(file, lexicon);
                }
            }
            "spellings" => {
                // Read before any word was added.
            }
            "guard" => {
                if let Some(file) = self.parse::<super::schema::GuardFile>() {
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
                     spellings, guard, scheme, profile, facts, grades or safety"
                ),
            ),
        }
    }

    /// The word ids of a phrase of a rule, its new words added to the vocabulary.
    fn phrase(&mut self, phrase: &str) -> Vec<WordId> {
        self.words.phrase(phrase, Number::AsSpelled, &mut self.tokens)
    }

    /// Every phrase that a pattern stands for, as word ids.
    fn expand(&mut self, pattern: &str, sets: &BTreeMap<String, Vec<String>>) -> Result<Vec<Vec<WordId>>, String> {
        let places = places(pattern, sets)?;
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
        Ok(out)
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
                self.file = name;
                self.text = text;
                if let Some(file) = self.parse::<super::schema::SpellingFile>() {
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
        let line = self.line(at) as u32;
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
            file: self.file.into(),
            line,
            why: why.into(),
            hits: hits.into_iter().map(Into::into).collect(),
            misses: misses.into_iter().map(Into::into).collect(),
        });
        self.kinds.push(kind);
        rule
    }

    fn cue_file(&mut self, file: CueFile) {
        for text in file.cues {
            let at = text.id.span().start;
            let id = text.id.get_ref().clone();
            let rule = self.rule(&text.id, RuleKind::Cue, text.why, text.hits, text.misses);
            let judges = text.status.is_some() || text.time.is_some() || text.subject.is_some();
            // A side, a severity and a choice are read from the mention's own phrase, so they look nowhere.
            let looks = judges || text.change.is_some();
            if looks == (text.direction == Direction::None) {
                let message = if looks {
                    format!("cue \"{id}\" gives a status, time, subject or change but has direction \"none\"")
                } else {
                    format!("cue \"{id}\" gives no status, time, subject or change; expected direction \"none\"")
                };
                self.fault(at, message);
            }
            let cue = self.cues.len() as u32;
            let named = [(Named::Acuity, text.acuity), (Named::Count, text.count), (Named::Position, text.position)];
            let mut named = named.into_iter().filter_map(|(name, value)| Some((name, value?)));
            let names = named.next();
            if named.next().is_some() {
                self.fault(at, format!("cue \"{id}\" names two of acuity, count and position; expected one"));
            }
            let names = names.map(|(name, value)| (name, self.value(&value)));
            self.cues.push(Cue {
                rule,
                status: text.status,
                time: text.time,
                subject: text.subject,
                change: text.change,
                side: text.side,
                severity: text.severity,
                names,
                tip: text.tip,
                alternative: text.alternative,
                direction: text.direction,
                reach: text.reach,
                overrides: text.overrides,
                opens: text.opens,
                existence: text.existence,
                asked: text.asked,
                commas: text.commas.unwrap_or(text.status != Some(super::Status::Uncertain)),
            });
            let mut bits = class::CUE;
            if judges {
                bits |= class::JUDGES;
            }
            if text.opens {
                bits |= class::OPENS;
            }
            if text.tip {
                bits |= class::TIP;
            }
            for phrase in &text.phrases {
                let offset = phrase.span().start;
                let expanded = match self.expand(phrase.get_ref(), &file.sets) {
                    Ok(expanded) => expanded,
                    Err(message) => {
                        self.fault(offset, message);
                        continue;
                    }
                };
                for words in expanded {
                    if words.is_empty() {
                        self.fault(offset, format!("a phrase of cue \"{id}\" holds no word"));
                        continue;
                    }
                    let meaning = self.meaning(&words);
                    meaning.bits |= bits;
                    let first = meaning.cue;
                    if first == NONE {
                        meaning.cue = cue;
                    } else if first != cue {
                        let plain = self.spelled(&words);
                        let other = &self.infos[self.cues[first as usize].rule.index()];
                        let message = format!(
                            "phrase \"{plain}\" of cue \"{id}\" already belongs to cue \"{}\" ({}:{})",
                            other.id, other.file, other.line
                        );
                        self.fault(offset, message);
                    }
                }
            }
        }
    }

    fn value(&mut self, value: &str) -> ValueId {
        let known = self.values.iter().position(|v| **v == *value);
        ValueId(known.unwrap_or_else(|| {
            self.values.push(value.into());
            self.values.len() - 1
        }) as u32)
    }

    fn sense_file(&mut self, file: super::schema::SenseFile, lexicon: &Lexicon) {
        let kinds = [Kind::Finding, Kind::Device];
        for text in file.senses {
            let rule = self.rule(&text.id, RuleKind::Sense, text.why, text.hits, text.misses);
            let default = self.concepts(text.default.as_slice(), &kinds, lexicon).first().copied();
            let mut choices = Vec::new();
            for choice in &text.choices {
                let concept = self.concepts(std::slice::from_ref(&choice.concept), &kinds, lexicon);
                for word in &choice.context {
                    match (self.phrase(word).as_slice(), concept.first()) {
                        ([word], Some(&concept)) => choices.push((*word, concept)),
                        (_, None) => {}
                        _ => {
                            let message =
                                format!("context \"{word}\" of sense \"{}\"; expected one word", text.id.get_ref());
                            self.fault(choice.concept.span().start, message);
                        }
                    }
                }
            }
            choices.sort_unstable();
            let sense = self.senses.len() as u32;
            self.senses.push(Sense { rule, default, choices });
            for term in &text.terms {
                let words = self.phrase(term.get_ref());
                let meaning = self.meaning(&words);
                meaning.bits |= class::FINDING;
                if meaning.sense != NONE {
                    self.fault(term.span().start, format!("term \"{}\" has two senses", term.get_ref()));
                } else {
                    meaning.sense = sense;
                }
            }
        }
    }

    fn measure_file(&mut self, file: MeasureFile) {
        for text in file.measures {
            let at = text.id.span().start;
            let word = super::measures::word(&text);
            let rule = self.rule(&text.id, RuleKind::Measure, text.why, text.hits, text.misses);
            if text.numeral {
                self.numeral = Some(rule);
                continue;
            }
            let word = match word {
                Ok(word) => word,
                Err(message) => {
                    self.fault(at, format!("measure \"{}\": {message}", text.id.get_ref()));
                    continue;
                }
            };
            for phrase in &text.phrases {
                let words = self.phrase(phrase.get_ref());
                let id = self.measures.add(&words).0 as usize;
                if id == self.measure_words.len() {
                    self.measure_words.push((word, rule));
                } else {
                    let other = &self.infos[self.measure_words[id].1.index()].id;
                    let message = format!("phrase \"{}\" already belongs to measure \"{other}\"", phrase.get_ref());
                    self.fault(phrase.span().start, message);
                }
            }
        }
    }

    fn concepts(&mut self, names: &[Spanned<String>], kinds: &[Kind], lexicon: &Lexicon) -> Vec<ConceptId> {
        let (found, wrong) = super::lines::concepts(names, kinds, lexicon);
        for (offset, message) in wrong {
            self.fault(offset, message);
        }
        found
    }

    /// The id and title at the top of a scheme or profile.
    fn named<'h>(&mut self, head: &'h super::schema::Head) -> Option<(&'h str, &'h str)> {
        if !crate::embedded::rules().contains(&(self.file, self.text)) {
            self.own.push(self.file);
        }
        if head.id.is_none() || head.title.is_none() {
            let message =
                format!("no id or no title at the top; expected both, before the first table of the {}", head.kind);
            self.fault(0, message);
        }
        Some((head.id.as_deref()?, head.title.as_deref()?))
    }

    /// Only the top of a scheme is read here: `scheme` binds the rest when it is asked for.
    fn scheme(&mut self, head: &super::schema::Head) {
        let Some((id, title)) = self.named(head) else { return };
        if id == ALL {
            self.fault(0, format!("scheme \"{id}\" is made of the lexicon; expected another id"));
        }
        if let Some(other) = self.schemes.iter().find(|s| *s.id == *id) {
            let message = format!("scheme \"{id}\" stands already in {}", other.file);
            self.fault(0, message);
        }
        self.schemes.push(SchemeSource::file(id, title, self.file, self.text));
    }

    fn profile(&mut self, head: &super::schema::Head) {
        let Some((id, title)) = self.named(head) else { return };
        if let Some(other) = self.profiles.iter().find(|p| *p.id == *id) {
            let message = format!("profile \"{id}\" stands already in {}", other.file);
            self.fault(0, message);
        }
        self.profiles.push(ProfileSource::new(id, title, self.file, self.text));
    }

    /// What the user gave is sound, or every fault of it is told.
    fn bind(&mut self, lexicon: &Lexicon) {
        self.schemes.push(SchemeSource::lexicon());
        for scheme in self.schemes.iter().filter(|s| self.own.contains(&&*s.file)) {
            if let Err(faults) = scheme.bind(lexicon) {
                self.faults.extend_from_slice(faults);
            }
        }
        for profile in self.profiles.iter().filter(|p| self.own.contains(&&*p.file)) {
            if let Err(faults) = profile.bind(&self.schemes, lexicon) {
                self.faults.extend(faults);
            }
        }
    }

    fn composition_file(&mut self, file: CompositionFile, lexicon: &Lexicon) {
        for text in file.compositions {
            let (hits, misses) = (text.hits.clone(), text.misses.clone());
            let rule = self.rule(&text.id, RuleKind::Composition, text.why.clone(), hits, misses);
            let anatomy = self.concepts(&text.anatomy, &[Kind::Anatomy], lexicon);
            let descriptors = self.concepts(&text.descriptor, &[Kind::Descriptor], lexicon);
            let findings = self.concepts(&text.finding, &[Kind::Finding, Kind::Device], lexicon);
            if text.measure.is_some() {
                self.measured_parts(&text, rule, &anatomy, &findings);
                continue;
            }
            if descriptors.is_empty() {
                self.fault(text.id.span().start, "a composition names its descriptor or its measure");
            }
            // Neither part nor finding: whatever finding the descriptor is said of.
            if text.anatomy.is_empty() && text.finding.is_empty() {
                self.predicates.extend(descriptors.iter().map(|&d| (d, rule)));
            } else if text.anatomy.is_empty() {
                for &descriptor in &descriptors {
                    for &finding in &findings {
                        self.alone.push((descriptor, Composition { rule, finding, status: text.status, parts: false }));
                    }
                }
            } else if text.finding.is_empty() {
                self.fault(text.id.span().start, "a composition with anatomy names its finding");
            }
            for &part in &anatomy {
                for &descriptor in &descriptors {
                    let entry = self.compositions.entry((part, descriptor)).or_default();
                    for &finding in &findings {
                        entry.push(Composition { rule, finding, status: text.status, parts: text.parts });
                    }
                }
            }
        }
    }

    /// `measure = "> 130 mm"`: the size of a part that makes a finding.
    fn measured_parts(&mut self, text: &CompositionText, rule: RuleId, anatomy: &[ConceptId], findings: &[ConceptId]) {
        let Some(measure) = &text.measure else { return };
        let bounds = match bounds(measure.get_ref()) {
            Ok(bounds) => bounds,
            Err(message) => return self.fault(measure.span().start, message),
        };
        if anatomy.is_empty() || findings.is_empty() || !text.descriptor.is_empty() {
            let message = "a composition with a measure names anatomy and finding, and no descriptor";
            return self.fault(text.id.span().start, message);
        }
        for &part in anatomy {
            for &finding in findings {
                let composition = Composition { rule, finding, status: text.status, parts: text.parts };
                self.measured.push(MeasuredPart { part, low: bounds.0, high: bounds.1, composition });
            }
        }
    }

    fn section_file(&mut self, file: SectionFile) {
        for text in file.sections {
            let rule = self.rule(&text.id, RuleKind::Section, text.why, text.hits, text.misses);
            let section = self.sections.len() as u32;
            self.sections.push(SectionRule {
                rule,
                id: text.id.get_ref().as_str().into(),
                labels: text.labels,
                body: text.body,
                time: text.time,
                subject: text.subject,
                asks: text.asks,
                line: text.line,
            });
            for heading in &text.headings {
                let offset = heading.span().start;
                let expanded = match self.expand(heading.get_ref(), &BTreeMap::new()) {
                    Ok(expanded) => expanded,
                    Err(message) => {
                        self.fault(offset, message);
                        continue;
                    }
                };
                for words in expanded {
                    let id = self.headings.add(&words).0 as usize;
                    if id == self.heading_sections.len() {
                        self.heading_sections.push(section);
                    } else if self.heading_sections[id] != section {
                        let plain = self.spelled(&words);
                        let other = self.sections[self.heading_sections[id] as usize].id.clone();
                        self.fault(offset, format!("heading \"{plain}\" already opens section \"{other}\""));
                    }
                }
            }
        }
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
        })
    }
}

/// A pattern as a row of places, each with its choices of words: `{a|b}` is a choice, an empty choice leaves
/// the place out, `{@set}` is a named list.
fn places<'p>(pattern: &'p str, sets: &'p BTreeMap<String, Vec<String>>) -> Result<Vec<Vec<&'p str>>, String> {
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
