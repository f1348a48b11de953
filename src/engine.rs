//! The engine: the only place that knows the order of the stages.
//!
//! `judging` decides of one mention of a sentence, `asked` does so for spans that a caller brings.

mod asked;
mod judging;

pub use asked::SpanAssertion;

use judging::Judging;

use crate::assertion::{Assertion, Evidence};
use crate::attribute::{self, Attributes};
use crate::detail::{self, Attribute, Detail, Owner};
use crate::doubt::Sight;
use crate::error::Error;
use crate::finding::{self, Finding};
use crate::label::{self, Label};
use crate::lexicon::{Kind, Lexicon, Side};
use crate::measure::{self, Measured};
use crate::mention::{self, Candidate, MENTION, Unit};
use crate::reach::{self, Reached};
use crate::refine::Refined;
use crate::report::Report;
use crate::rules::{AttributeName, BoundScheme, Hierarchy, NONE, Profile, Rules, SectionRule, class};
use crate::said;
use crate::section::{self, Section};
use crate::sentence::{self, Sentence};
use crate::span::{ConceptId, Span};
use crate::token::{self, Token, TokenKind, flag};

/// A finding named in the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mention {
    /// Where it stands: bytes of the report's text.
    pub span: Span,
    /// Index of its sentence.
    pub sentence: u32,
    /// What it names.
    pub concept: ConceptId,
    /// Its side, where said.
    pub side: Option<Side>,
    /// The words of its severity, where said.
    pub severity: Option<Span>,
    /// The parts of the body that it is said to lie in, the nearest first.
    pub location: [Option<ConceptId>; 2],
    /// It stands in a section that counts for labels.
    pub counts: bool,
}

/// All that was found in one report: one vector a stage, linked by indices.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Analysis {
    /// Sections, in order.
    pub sections: Vec<Section>,
    /// Sentences, in order.
    pub sentences: Vec<Sentence>,
    /// Mentions, in order of their start.
    pub mentions: Vec<Mention>,
    /// One assertion a mention.
    pub assertions: Vec<Assertion>,
    /// The reasons of all assertions; see [`Analysis::evidence_of`].
    pub evidence: Vec<Evidence>,
    /// Sizes, counts, acuities and the like, by mention; see [`Analysis::attributes_of`].
    pub attributes: Vec<Attribute>,
    /// Findings, in order of first mention.
    pub findings: Vec<Finding>,
    /// What the reader should know of the input ("the report is empty").
    pub notes: Vec<Note>,
    /// The mentions that a model was asked about, in order.
    pub refined: Vec<Refined>,
    pub(crate) reads_body: bool,
}

impl Analysis {
    /// The reasons for one assertion.
    pub fn evidence_of(&self, assertion: &Assertion) -> &[Evidence] {
        &self.evidence[assertion.evidence.0 as usize..assertion.evidence.1 as usize]
    }

    /// What a model said of one mention, where one was asked.
    pub fn refined_of(&self, mention: u32) -> Option<&Refined> {
        let at = self.refined.binary_search_by_key(&mention, |one| one.mention).ok()?;
        self.refined.get(at)
    }

    /// The attributes of one mention.
    pub fn attributes_of(&self, mention: u32) -> &[Attribute] {
        let from = self.attributes.partition_point(|a| a.mention < mention);
        let to = from + self.attributes[from..].iter().take_while(|a| a.mention == mention).count();
        &self.attributes[from..to]
    }
}

/// Something odd about the input that is no error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Note {
    /// There is no word in the report.
    EmptyReport,
    /// There are headings, but none of a section that reports anything.
    NoReportingSection,
    /// The text is longer than the engine's offsets reach; only its first 4 GiB were read.
    Truncated,
}

impl Note {
    /// The note for people and for JSON.
    pub const fn text(self) -> &'static str {
        match self {
            Note::EmptyReport => "empty report",
            Note::NoReportingSection => "no findings, impression or addendum section",
            Note::Truncated => "text over 4 GiB: only its start was read",
        }
    }
}

/// Working memory of one thread, reused from report to report.
#[derive(Debug, Default)]
pub struct Scratch {
    tokens: Vec<Token>,
    units: Vec<Unit>,
    candidates: Vec<Candidate>,
    links: Vec<(u32, u32)>,
    targets: Vec<u32>,
    reached: Vec<Reached>,
    pairs: Vec<(u32, u32)>,
    measures: Vec<Measured>,
    owned: Vec<(Owner, Measured)>,
    sight: Sight,
}

/// The last line that only named a part, and the section that it stands in.
#[derive(Default)]
struct Heading {
    section: u32,
    /// It opened a line on which more stands.
    inline: bool,
    /// What the last line that was nothing but a heading says: it holds under the headings within lines too.
    over: Attributes,
    says: Attributes,
}

/// Lexicon and rules, ready to read reports. Immutable and shared between threads.
///
/// ```
/// use radlabel::{Engine, Report, Status};
///
/// let engine = Engine::embedded();
/// let report = Report::new("r1", "FINDINGS: No pleural effusion. The heart is enlarged.");
/// let analysis = engine.analyze(&report);
/// let labels = engine.labels(&analysis, engine.scheme("chexpert").unwrap());
/// let named: Vec<(&str, Status)> =
///     labels.iter().map(|l| (engine.scheme("chexpert").unwrap().scheme.labels[l.label as usize].name.as_ref(), l.value)).collect();
/// assert_eq!(named, [("Cardiomegaly", Status::Present), ("Pleural Effusion", Status::Absent)]);
/// ```
#[derive(Debug)]
pub struct Engine {
    /// Concepts and terms.
    pub lexicon: Lexicon,
    /// Cues, compositions, sections and schemes.
    pub rules: Rules,
}

impl Engine {
    /// The engine with the lexicons and rules that are built into the program.
    ///
    /// # Panics
    /// Never in a released program: the tests load the same data.
    pub fn embedded() -> Engine {
        match Engine::load(&crate::embedded::lexicons(), &crate::embedded::rules()) {
            Ok(engine) => engine,
            Err(error) => panic!("the embedded lexicons and rules do not load:\n{error}"),
        }
    }

    /// An engine over lexicon and rule files given as (name, text).
    ///
    /// # Errors
    /// [`Error::Data`] with every fault of every file.
    pub fn load(lexicons: &[(&str, &str)], rules: &[(&str, &str)]) -> Result<Engine, Error> {
        let lexicon = Lexicon::load(lexicons.iter().copied()).map_err(Error::Data)?;
        let rules = Rules::load(rules.iter().copied(), &lexicon).map_err(Error::Data)?;
        Ok(Engine { lexicon, rules })
    }

    /// The label scheme with this id, bound to the lexicon when it is first asked for.
    ///
    /// # Errors
    /// [`Error::Usage`] where there is none, [`Error::Data`] where it does not fit the lexicon.
    pub fn scheme(&self, id: &str) -> Result<&BoundScheme, Error> {
        let Some(source) = self.rules.schemes.iter().find(|s| *s.id == *id) else {
            let known: Vec<&str> = self.rules.schemes.iter().map(|s| &*s.id).collect();
            return Err(Error::Usage(format!("unknown scheme \"{id}\"; expected {}", known.join(", "))));
        };
        source.bind(&self.lexicon).map_err(|faults| Error::Data(faults.to_vec()))
    }

    /// The profile with this id.
    ///
    /// # Errors
    /// As [`Engine::scheme`].
    pub fn profile(&self, id: &str) -> Result<Profile, Error> {
        let Some(source) = self.rules.profiles.iter().find(|p| *p.id == *id) else {
            let known: Vec<&str> = self.rules.profiles.iter().map(|p| &*p.id).collect();
            return Err(Error::Usage(format!("unknown profile \"{id}\"; expected {}", known.join(", "))));
        };
        source.bind(&self.rules.schemes, &self.lexicon).map_err(Error::Data)
    }

    /// Reads one report. Cannot fail; odd input yields notes.
    pub fn analyze(&self, report: &Report) -> Analysis {
        self.analyze_with(&mut Scratch::default(), &report.text)
    }

    /// As [`Engine::analyze`], with working memory that the caller keeps from report to report.
    pub fn analyze_with(&self, scratch: &mut Scratch, text: &str) -> Analysis {
        let mut analysis = Analysis::default();
        let text = self.prepare(scratch, text, &mut analysis);
        let counted = self.counted(&analysis.sections);
        analysis.reads_body = analysis.sections.iter().zip(&counted).any(|(s, &c)| c && s.tokens.0 < s.tokens.1);
        if scratch.tokens.is_empty() {
            analysis.notes.push(Note::EmptyReport);
        } else if !analysis.reads_body {
            analysis.notes.push(Note::NoReportingSection);
        }
        debug_assert!(text.len() <= u32::MAX as usize);
        let mut heading = Heading::default();
        for i in 0..analysis.sentences.len() {
            let sentence = analysis.sentences[i];
            let bits = mention::units(&scratch.tokens, sentence.tokens, &[], &self.rules, &mut scratch.units);
            if self.opens_heading(scratch, bits, &sentence, &mut heading) {
                continue;
            }
            let composes = bits & class::ALONE != 0 || bits & class::ANATOMY != 0 && bits & class::DESCRIPTOR != 0;
            measure::read(text, &scratch.tokens, sentence.tokens, &self.rules, &mut scratch.measures);
            let measured = !scratch.measures.is_empty() || bits & class::TIP != 0;
            if bits & class::FINDING == 0 && !composes && !measured {
                continue;
            }
            self.find(scratch);
            if measured {
                self.measured_parts(scratch);
            }
            if scratch.candidates.is_empty() {
                if measured {
                    self.carried(scratch, &mut analysis, i);
                }
                continue;
            }
            self.judge(scratch, text, &mut analysis, i, counted[sentence.section as usize], &heading.says);
        }
        analysis.findings = finding::gather(&analysis.mentions, &analysis.assertions);
        analysis
    }

    fn prepare<'t>(&self, scratch: &mut Scratch, text: &'t str, analysis: &mut Analysis) -> &'t str {
        let mut end = text.len().min(u32::MAX as usize - 16);
        if end < text.len() {
            while !text.is_char_boundary(end) {
                end -= 1;
            }
            analysis.notes.push(Note::Truncated);
        }
        let text = &text[..end];
        token::tokenize(text, &self.rules.words, &mut scratch.tokens);
        section::split(text, &scratch.tokens, &self.rules, &mut analysis.sections);
        sentence::split(&scratch.tokens, &analysis.sections, &self.rules, &mut analysis.sentences);
        text
    }

    /// Which sections count for labels.
    fn counted(&self, sections: &[Section]) -> Vec<bool> {
        let rule = |s: &Section| s.kind.map(|k| &self.rules.sections[k as usize]);
        let body = sections.iter().any(|s| rule(s).is_some_and(|r| r.body));
        sections.iter().map(|s| rule(s).map_or(!body, |r| r.labels)).collect()
    }

    /// A line that only names a part or a side ("Left ear:") holds for the lines below it; a line that opens with
    /// one ("RIGHT: ...") for the sentences on it. True when the sentence is nothing but such a line.
    fn opens_heading(&self, scratch: &Scratch, bits: u32, sentence: &Sentence, heading: &mut Heading) -> bool {
        if heading.section != sentence.section {
            *heading = Heading { section: sentence.section, ..Heading::default() };
        }
        let (first, last) = (sentence.tokens.0 as usize, sentence.tokens.1 as usize);
        let (tokens, units) = (&scratch.tokens, &scratch.units);
        let whole = last - first <= 6 && tokens[last - 1].kind == TokenKind::Colon;
        if whole {
            if bits & class::FINDING == 0 {
                heading.over = attribute::heading(units, tokens, &self.rules, &self.lexicon);
                heading.says = heading.over;
                heading.inline = false;
                return true;
            }
            return false;
        }
        if !tokens[first].has(flag::LINE) && first != 0 {
            return false;
        }
        let mark = units.iter().take(7).position(|u| matches!(u.kind, TokenKind::Colon | TokenKind::Dash));
        match mark.filter(|&m| m > 0) {
            Some(mark) => {
                let names = |u: &Unit| {
                    !u.is(class::FINDING)
                        && (u.is(class::ANATOMY | class::DETERMINER | class::AND)
                            || u.meaning(&self.rules)
                                .is_some_and(|m| m.cue != NONE && self.rules.cues[m.cue as usize].side.is_some()))
                };
                let says = if units[..mark].iter().all(names) {
                    attribute::heading(&units[..mark], tokens, &self.rules, &self.lexicon)
                } else {
                    Attributes::default()
                };
                heading.says = says.under(&heading.over);
                heading.inline = true;
            }
            // Without a mark, the next paragraph is about something else.
            None if heading.inline && tokens[first].has(flag::BLANK) => {
                heading.says = heading.over;
                heading.inline = false;
            }
            None => {}
        }
        false
    }

    /// The mentions of a sentence, from its units.
    fn find(&self, scratch: &mut Scratch) {
        let Scratch { tokens, units, links, candidates, .. } = scratch;
        mention::clauses(units);
        mention::find(tokens, units, &self.rules, &self.lexicon, links, candidates);
    }

    /// The rule of the section that a sentence stands in.
    fn section_rule(&self, analysis: &Analysis, sentence: &Sentence) -> Option<&SectionRule> {
        analysis.sections[sentence.section as usize].kind.map(|k| &self.rules.sections[k as usize])
    }

    /// Finds what each measurement belongs to, and the findings that the size of a part makes.
    fn measured_parts(&self, scratch: &mut Scratch) {
        let Scratch { tokens, units, candidates, measures, owned, .. } = scratch;
        detail::owners(units, measures, owned);
        for (unit, span, composition) in detail::oversized(owned, units, &self.rules, &self.lexicon) {
            candidates.push(Candidate {
                span: units[unit as usize].span(tokens).cover(span),
                concept: composition.finding.0,
                unit,
                base: Some((composition.status, composition.rule)),
                part: unit,
                asked: NONE,
            });
            units[unit as usize].bits |= MENTION;
        }
        candidates.sort_by_key(|c| (c.unit, c.span.start, c.concept));
    }

    /// "It measures 3 cm.", "Tip in the SVC.": a sentence that names no finding speaks of the last one of the
    /// sentence before.
    fn carried(&self, scratch: &Scratch, analysis: &mut Analysis, sentence: usize) {
        let Some(last) = analysis.mentions.last() else { return };
        let (this, before) = (&analysis.sentences[sentence], &analysis.sentences[last.sentence as usize]);
        if last.sentence as usize + 1 != sentence || this.section != before.section {
            return;
        }
        let mention = analysis.mentions.len() as u32 - 1;
        let has =
            |analysis: &Analysis, name: &str| analysis.attributes_of(mention).iter().any(|a| a.detail.name() == name);
        for (owner, measured) in &scratch.owned {
            let detail = detail::sized(measured);
            if *owner == Owner::Nothing && measured.prior.is_none() && !has(analysis, detail.name()) {
                let evidence = Evidence { rule: measured.rule, span: measured.span };
                analysis.attributes.push(Attribute { mention, detail, evidence });
            }
        }
        let device = self.lexicon.concept(last.concept).kind == Kind::Device;
        if device
            && let Some((part, evidence)) = detail::tip(&scratch.units, 0, &scratch.tokens, &self.rules)
            && !has(analysis, "tip")
        {
            analysis.attributes.push(Attribute { mention, detail: Detail::Tip(part), evidence });
        }
    }

    /// Judges the candidates of a sentence and adds them to the analysis as mentions.
    fn judge(
        &self,
        scratch: &mut Scratch,
        text: &str,
        analysis: &mut Analysis,
        sentence: usize,
        counts: bool,
        heading: &Attributes,
    ) {
        let Scratch { tokens, units, candidates, targets, reached, pairs, measures, owned, sight, .. } = scratch;
        if measures.is_empty() {
            owned.clear();
        }
        let section = self.section_rule(analysis, &analysis.sentences[sentence]);
        reach::reach(units, candidates, &self.rules, targets, reached);
        reach::alternatives(units, &self.rules, &self.lexicon, pairs);
        sight.look(units, tokens, section, &self.rules);
        let judging = Judging { engine: self, text, tokens, units, pairs, sight, owned, section, heading };
        let first = analysis.mentions.len();
        let mut from = 0;
        for (i, candidate) in candidates.iter().enumerate() {
            let to = from + reached[from..].iter().take_while(|r| r.candidate as usize == i).count();
            let mine = &reached[from..to];
            from = to;
            let evidence = &mut analysis.evidence;
            let Some(mut assertion) = judging.decide(candidate, mine, evidence) else { continue };
            let attributes = judging.attributes(candidate);
            judging.account(candidate, &attributes, &mut assertion, evidence);
            assertion.evidence.1 = evidence.len() as u32;
            let mention = analysis.mentions.len() as u32;
            let device = self.lexicon.concept(ConceptId(candidate.concept)).kind == Kind::Device;
            let put = |detail, evidence| analysis.attributes.push(Attribute { mention, detail, evidence });
            judging.details(candidate, &attributes, device, put);
            analysis.assertions.push(assertion);
            analysis.mentions.push(Mention {
                span: candidate.span,
                sentence: sentence as u32,
                concept: ConceptId(candidate.concept),
                side: attributes.side,
                severity: attributes.severity,
                location: attributes.location,
                counts,
            });
        }
        // A composition may begin before the mention that was judged before it.
        if !analysis.mentions[first..].is_sorted_by_key(|m| m.span) {
            let mut order: Vec<usize> = (first..analysis.mentions.len()).collect();
            order.sort_by_key(|&i| analysis.mentions[i].span);
            let mentions: Vec<Mention> = order.iter().map(|&i| analysis.mentions[i]).collect();
            let assertions: Vec<Assertion> = order.iter().map(|&i| analysis.assertions[i]).collect();
            analysis.mentions.truncate(first);
            analysis.mentions.extend(mentions);
            analysis.assertions.truncate(first);
            analysis.assertions.extend(assertions);
            for attribute in analysis.attributes.iter_mut().rev().take_while(|a| a.mention as usize >= first) {
                let place = order.iter().position(|&i| i == attribute.mention as usize).unwrap_or(0);
                attribute.mention = (first + place) as u32;
            }
            analysis.attributes.sort_by_key(|a| a.mention);
        }
    }

    /// The labels of a report under a scheme, in the scheme's order; what is not mentioned is left out.
    pub fn labels(&self, analysis: &Analysis, scheme: &BoundScheme) -> Vec<Label> {
        self.labels_with(analysis, scheme, scheme.scheme.hierarchy)
    }

    /// As [`Engine::labels`], with values that travel as the caller says.
    pub fn labels_with(&self, analysis: &Analysis, scheme: &BoundScheme, hierarchy: Hierarchy) -> Vec<Label> {
        label::labels(analysis, scheme, hierarchy, &self.rules, &self.lexicon)
    }

    /// The labels that one mention counts for by itself, whatever its section and time, before any value travels.
    pub fn claims(&self, analysis: &Analysis, mention: usize, scheme: &BoundScheme) -> Vec<u32> {
        let mut claimed = Vec::new();
        label::claims(mention, analysis, scheme, &self.rules, &self.lexicon, &mut claimed);
        claimed
    }

    /// What the report says of one attribute of a mention, as tables write it; `None` where it says nothing.
    /// `text` is the text that was analysed.
    pub fn attribute(
        &self,
        analysis: &Analysis,
        text: &str,
        mention: usize,
        attribute: AttributeName,
    ) -> Option<String> {
        said::attribute_value(attribute, mention, analysis, text, self)
    }
}
