//! Reads rule files and compiles them over a lexicon. Every fault of every file is told, with its line.

mod report;

use super::schema::{
    ClassText, CompositionFile, CompositionText, CueFile, LabelText, MeasureFile, NoFindingText, SchemeFile,
    SectionFile, WordFile,
};
use super::{
    BoundScheme, Composition, Cue, Direction, LabelRule, LabelTarget, Meaning, MeasureWord, MeasuredPart, Measures,
    NONE, Named, NoFinding, RuleInfo, RuleKind, Rules, Scheme, SectionRule, Sense, ValueId, class,
};
use crate::error::Fault;
use crate::lexicon::{Kind, Lexicon, MatcherBuilder, Words, english_inflections};
use crate::span::{ConceptId, RuleId, WordId};
use crate::token::{Token, TokenKind, tokenize};
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
    schemes: Vec<BoundScheme>,
    measures: MatcherBuilder,
    measure_words: Vec<(MeasureWord, RuleId)>,
    measured: Vec<MeasuredPart>,
    numeral: Option<RuleId>,
    values: Vec<Box<str>>,
    spellings: Vec<[String; 2]>,
    senses: Vec<Sense>,
    tokens: Vec<Token>,
    guarded: Vec<String>,
    report: super::report::ReportRules,
}

pub(super) fn load<'a>(
    files: impl IntoIterator<Item = (&'a str, &'a str)>,
    lexicon: &Lexicon,
) -> Result<Rules, Vec<Fault>> {
    let mut loader = Loader::default();
    loader.lexicon(lexicon);
    for (name, text) in files {
        loader.file = name;
        loader.text = text;
        loader.read(lexicon);
    }
    loader.finish()
}

impl<'a> Loader<'a> {
    fn line(&self, offset: usize) -> usize {
        self.text.as_bytes()[..offset.min(self.text.len())].iter().filter(|&&b| b == b'\n').count() + 1
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
        // The kind stands at the top of the file, so the whole need not be parsed twice.
        let head: Vec<&str> =
            self.text.lines().take(40).filter(|l| l.starts_with("kind") || l.starts_with("version")).collect();
        let head = head.join("\n");
        let kind = match toml::from_str::<super::schema::Head>(&head) {
            Ok(head) if head.version == 1 => head.kind,
            Ok(head) => {
                let message = format!("version {}; this radlabel reads version 1", head.version);
                return self.fault(0, message);
            }
            Err(e) => {
                let message = format!("no readable kind and version at the top: {}", e.message().replace('\n', "; "));
                return self.fault(e.span().map_or(0, |s| s.start), message);
            }
        };
        match kind.as_str() {
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
                if let Some(file) = self.parse::<super::schema::SpellingFile>() {
                    self.spellings.extend(file.pairs);
                }
            }
            "guard" => {
                if let Some(file) = self.parse::<super::schema::GuardFile>() {
                    self.guarded.extend(file.words.split_whitespace().map(str::to_owned));
                }
            }
            "scheme" => {
                if let Some(file) = self.parse::<SchemeFile>() {
                    self.scheme(file, lexicon);
                }
            }
            "facts" | "grades" | "safety" => self.report_file(&kind, lexicon),
            other => self.fault(
                0,
                format!(
                    "unknown kind \"{other}\"; expected cues, compositions, sections, measures, senses, words, spellings, \
                     guard, scheme, facts, grades or safety"
                ),
            ),
        }
    }

    /// The word ids of a phrase, its new words added to the vocabulary.
    fn phrase(&mut self, phrase: &str, inflect: bool) -> Vec<WordId> {
        let mut tokens = std::mem::take(&mut self.tokens);
        tokenize(phrase, &self.words, &mut tokens);
        let words = tokens
            .iter()
            .map(|t| {
                if !t.is_wordlike() || t.word.0 >= crate::token::FIRST_WORD {
                    return t.word;
                }
                let lower = phrase[t.span.range()].to_lowercase();
                let lower = lower.strip_suffix("'s").unwrap_or(&lower);
                let word = self.words.intern(lower);
                if inflect {
                    for other in english_inflections(lower) {
                        self.words.alias(&other, word);
                    }
                }
                word
            })
            .collect();
        self.tokens = tokens;
        words
    }

    /// Every phrase that a pattern stands for, as word ids.
    fn expand(&mut self, pattern: &str, sets: &BTreeMap<String, Vec<String>>) -> Result<Vec<Vec<WordId>>, String> {
        let places = places(pattern, sets)?;
        let places: Vec<Vec<Vec<WordId>>> =
            places.iter().map(|p| p.iter().map(|choice| self.phrase(choice, false)).collect()).collect();
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

    fn meaning(&mut self, words: &[WordId]) -> &mut Meaning {
        let id = self.builder.add(words).0 as usize;
        if id == self.meanings.len() {
            self.meanings.push(Meaning::default());
        }
        &mut self.meanings[id]
    }

    fn lexicon(&mut self, lexicon: &Lexicon) {
        // Findings first: their nouns take both numbers as one word, whoever uses the word after.
        for term in &lexicon.terms {
            let concept = lexicon.concept(term.concept);
            let inflect = concept.kind != Kind::Descriptor && lexicon.files[term.file as usize].language == "en";
            let words = self.phrase(&term.text, inflect);
            let file = &lexicon.files[term.file as usize].name;
            if words.is_empty() {
                self.faults.push(Fault::new(file, term.line as usize, format!("term \"{}\" holds no word", term.text)));
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
                    match (self.phrase(word, false).as_slice(), concept.first()) {
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
                let words = self.phrase(term.get_ref(), false);
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
                let words = self.phrase(phrase.get_ref(), false);
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
        let mut out = Vec::new();
        for name in names {
            match lexicon.find(name.get_ref()) {
                Some(id) if kinds.contains(&lexicon.concept(id).kind) => out.push(id),
                Some(id) => {
                    let kind = lexicon.concept(id).kind;
                    self.fault(name.span().start, format!("\"{}\" is {kind:?}; expected {kinds:?}", name.get_ref()));
                }
                None => self.fault(name.span().start, format!("unknown concept \"{}\"", name.get_ref())),
            }
        }
        out
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
            let words = self.phrase(word, false);
            self.meaning(&words).bits |= bit;
            *self.classes.entry(word.clone()).or_default() |= bit;
        }
    }

    fn scheme(&mut self, file: SchemeFile, lexicon: &Lexicon) {
        let mut targets: Vec<Vec<LabelTarget>> = vec![Vec::new(); lexicon.concepts.len()];
        let mut labels: Vec<LabelRule> = Vec::new();
        for text in &file.labels {
            let name = text.name.get_ref();
            let at = text.name.span().start;
            if let Some(first) = labels.iter().find(|l| *l.name == **name) {
                let message = format!("label \"{name}\" stands already in line {}", first.line);
                self.fault(at, message);
            }
            let index = labels.len() as u32;
            self.label(text, index, lexicon, &mut targets);
            let mut examples = Vec::new();
            for example in &text.examples {
                let value = match example.value.as_str() {
                    "present" => Some(super::Status::Present),
                    "absent" => Some(super::Status::Absent),
                    "uncertain" => Some(super::Status::Uncertain),
                    "none" => None,
                    other => {
                        self.fault(at, format!("example value \"{other}\" of label \"{name}\"; expected present, absent, uncertain or none"));
                        continue;
                    }
                };
                examples.push((example.text.as_str().into(), value));
            }
            labels.push(LabelRule {
                name: name.as_str().into(),
                line: self.line(at) as u32,
                definition: text.definition.as_str().into(),
                examples,
            });
        }
        let no_finding = file.no_finding.as_ref().and_then(|text| self.no_finding(text, &labels, &targets, lexicon));
        if let Some(other) = self.schemes.iter().find(|s| *s.scheme.id == *file.id) {
            let message = format!("scheme \"{}\" stands already in {}", file.id, other.scheme.file);
            self.fault(0, message);
        }
        self.schemes.push(BoundScheme {
            scheme: Scheme { id: file.id.into(), title: file.title.into(), file: self.file.into(), labels, no_finding },
            targets,
        });
    }

    fn label(&mut self, text: &LabelText, label: u32, lexicon: &Lexicon, targets: &mut [Vec<LabelTarget>]) {
        let kinds = [Kind::Finding, Kind::Device];
        let within = self.concepts(&text.within, &[Kind::Anatomy], lexicon);
        let outside = self.concepts(&text.outside, &[Kind::Anatomy], lexicon);
        let except = self.concepts(&text.except, &kinds, lexicon);
        let excepted = |c: ConceptId| except.iter().any(|&e| lexicon.is_a(c, e));
        let mut put = |concepts: Vec<ConceptId>, statuses: &[super::Status], anywhere: bool| {
            let (within, outside) = if anywhere { (&Vec::new(), &Vec::new()) } else { (&within, &outside) };
            for root in concepts {
                for concept in lexicon.descendants(root) {
                    let list = &mut targets[concept.index()];
                    if !excepted(concept) && !list.iter().any(|t| t.label == label && t.statuses == statuses) {
                        list.push(LabelTarget {
                            label,
                            within: within.clone(),
                            outside: outside.clone(),
                            located: false,
                            statuses: statuses.to_vec(),
                        });
                    }
                }
            }
        };
        let concepts = self.concepts(&text.anywhere, &kinds, lexicon);
        put(concepts, &[], true);
        let concepts = self.concepts(&text.concepts, &kinds, lexicon);
        put(concepts, &[], false);
        for only in &text.only {
            let concepts = self.concepts(&only.concepts, &kinds, lexicon);
            put(concepts, &only.statuses, false);
        }
        for located in &text.located {
            let concepts = self.concepts(&located.concepts, &kinds, lexicon);
            let within = self.concepts(&located.within, &[Kind::Anatomy], lexicon);
            for concept in concepts.into_iter().flat_map(|root| lexicon.descendants(root)) {
                targets[concept.index()].push(LabelTarget {
                    label,
                    within: within.clone(),
                    outside: Vec::new(),
                    located: true,
                    statuses: Vec::new(),
                });
            }
        }
    }

    fn no_finding(
        &mut self,
        text: &NoFindingText,
        labels: &[LabelRule],
        targets: &[Vec<LabelTarget>],
        lexicon: &Lexicon,
    ) -> Option<NoFinding> {
        let position = |name: &Spanned<String>| labels.iter().position(|l| *l.name == **name.get_ref());
        let mut ignores = Vec::new();
        for name in &text.ignores {
            match position(name) {
                Some(i) => ignores.push(i),
                None => self.fault(name.span().start, format!("unknown label \"{}\"", name.get_ref())),
            }
        }
        let ignored = self.concepts(&text.ignores_concepts, &[Kind::Finding, Kind::Device], lexicon);
        let blocked_by = (0..lexicon.concepts.len() as u32)
            .map(ConceptId)
            .map(|c| {
                matches!(lexicon.concept(c).kind, Kind::Finding | Kind::Device)
                    && targets[c.index()].is_empty()
                    && !ignored.iter().any(|&i| lexicon.is_a(c, i))
            })
            .collect();
        match position(&text.label) {
            Some(label) => Some(NoFinding { label, ignores, blocked_by }),
            None => {
                self.fault(text.label.span().start, format!("unknown label \"{}\"", text.label.get_ref()));
                None
            }
        }
    }

    fn finish(mut self) -> Result<Rules, Vec<Fault>> {
        if !self.faults.is_empty() {
            self.faults.sort();
            return Err(self.faults);
        }
        self.words.allow_spellings(&self.spellings);
        self.measured.sort_by_key(|m| m.part);
        let mut classes = vec![0; self.words.limit()];
        for (word, bits) in &self.classes {
            if let Some(id) = self.words.find(word) {
                classes[id.index()] |= bits;
            }
        }
        self.words.allow_slips(self.guarded.iter().map(String::as_str));
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
