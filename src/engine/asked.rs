//! Judges spans that the caller brings: the same stages as `analyze`, with the caller's spans as mentions.
//!
//! What it decides of a span it decides by the same [`Judging`] as the engine, so that a span which the engine finds
//! by itself gets the same answer here.

use super::{Analysis, Engine, Heading, Judging, Scratch};
use crate::assertion::Evidence;
use crate::attribute::Attributes;
use crate::detail::{self, Detail};
use crate::lexicon::Side;
use crate::measure;
use crate::mention::{self, Candidate, MENTION, UNKNOWN, Unit};
use crate::reach::{self, Reached};
use crate::refine::Refined;
use crate::rules::{Change, NONE, Status, Subject, Time, class};
use crate::sentence::Sentence;
use crate::span::{ConceptId, RuleId, Span};

/// An assertion on a span that the caller brought.
#[derive(Clone, Debug, PartialEq)]
pub struct SpanAssertion {
    /// The span as given.
    pub span: Span,
    /// The sentence that it stands in, as bytes of the text; the span itself where it holds no word.
    pub sentence: Span,
    /// The kind of the sentence's section: an index into the rules' sections; `None` before any heading.
    pub section: Option<u32>,
    /// Is it there?
    pub status: Status,
    /// Now, then, or only asked.
    pub time: Time,
    /// Of whom.
    pub subject: Subject,
    /// Change against an earlier study, where said.
    pub change: Option<Change>,
    /// Side, where said.
    pub side: Option<Side>,
    /// Words of the severity, where said.
    pub severity: Option<Span>,
    /// The parts of the body that it is said to lie in, the nearest first.
    pub location: [Option<ConceptId>; 2],
    /// Size, count, acuity and the like, each with its reason.
    pub details: Vec<(Detail, Evidence)>,
    /// What makes its verdict more or less sure: bits of [`crate::rules::Sign`].
    pub signs: u32,
    /// What a model said of it, where one was asked.
    pub refined: Option<Refined>,
    /// The reasons.
    pub evidence: Vec<Evidence>,
}

impl Engine {
    /// Judges spans that the caller brings (bytes of `text`), known to the lexicon or not: one assertion a
    /// span, in the order given. A span that holds no word is present, without evidence.
    pub fn assert_spans(&self, text: &str, spans: &[Span]) -> Vec<SpanAssertion> {
        let mut scratch = Scratch::default();
        let mut analysis = Analysis::default();
        let text = self.prepare(&mut scratch, text, &mut analysis);
        let mut out: Vec<SpanAssertion> = spans
            .iter()
            .map(|&span| SpanAssertion {
                span,
                sentence: span,
                section: None,
                status: Status::Present,
                time: Time::Current,
                subject: Subject::Patient,
                change: None,
                side: None,
                severity: None,
                location: [None; 2],
                details: Vec::new(),
                signs: 0,
                refined: None,
                evidence: Vec::new(),
            })
            .collect();
        // Spans that share a token are judged in turns.
        let mut waiting: Vec<(u32, u32, usize)> = Vec::new();
        for (i, span) in spans.iter().enumerate() {
            let first = scratch.tokens.partition_point(|t| t.span.end <= span.start);
            let last = first + scratch.tokens[first..].iter().take_while(|t| t.span.start < span.end).count();
            if first < last {
                waiting.push((first as u32, last as u32, i));
            }
        }
        waiting.sort_unstable();
        // The same words asked twice get the same answer.
        let mut twins: Vec<(usize, usize)> = Vec::new();
        waiting.dedup_by(|b, a| {
            let same = (a.0, a.1) == (b.0, b.1);
            if same {
                twins.push((a.2, b.2));
            }
            same
        });
        while !waiting.is_empty() {
            let mut turn: Vec<(u32, u32, usize)> = Vec::new();
            waiting.retain(|&w| {
                let free = turn.last().is_none_or(|t| t.1 <= w.0);
                if free {
                    turn.push(w);
                }
                !free
            });
            self.assert_turn(&mut scratch, text, &analysis, &turn, &mut out);
        }
        for (first, twin) in twins {
            out[twin] = SpanAssertion { span: out[twin].span, ..out[first].clone() };
            out[twin].sentence = out[first].sentence.cover(out[twin].span);
        }
        out
    }

    /// Judges spans of which none shares a token with another.
    fn assert_turn(
        &self,
        scratch: &mut Scratch,
        text: &str,
        analysis: &Analysis,
        turn: &[(u32, u32, usize)],
        out: &mut [SpanAssertion],
    ) {
        let ranges: Vec<(u32, u32)> = turn.iter().map(|t| (t.0, t.1)).collect();
        let mut heading = Heading::default();
        for sentence in &analysis.sentences {
            let bits = mention::units(&scratch.tokens, sentence.tokens, &[], &self.rules, &mut scratch.units);
            self.opens_heading(scratch, bits, sentence, &mut heading);
            let inside = |t: &(u32, u32, usize)| sentence.tokens.0 <= t.0 && t.0 < sentence.tokens.1;
            let lower = turn.partition_point(|t| t.0 < sentence.tokens.0);
            let upper = lower + turn[lower..].iter().take_while(|t| inside(t)).count();
            if lower == upper {
                continue;
            }
            mention::units(&scratch.tokens, sentence.tokens, &ranges[lower..upper], &self.rules, &mut scratch.units);
            self.find(scratch);
            let mut number = lower;
            for i in 0..scratch.units.len() {
                let unit = scratch.units[i];
                if unit.phrase == NONE && unit.is(MENTION) {
                    let base = self.normal_part(&scratch.units, i);
                    scratch.candidates.push(Candidate {
                        span: out[turn[number].2].span,
                        concept: NONE,
                        unit: i as u32,
                        base,
                        part: NONE,
                        asked: turn[number].2 as u32,
                    });
                    number += 1;
                }
            }
            scratch.candidates.sort_by_key(|c| (c.unit, c.span.start, c.concept));
            measure::read(text, &scratch.tokens, sentence.tokens, &self.rules, &mut scratch.measures);
            detail::owners(&scratch.units, &scratch.measures, &mut scratch.owned);
            self.judge_asked(scratch, text, analysis, sentence, &heading.says, out);
        }
    }

    /// A caller's span that names a part of the body is "absent" where the part is said to be normal.
    fn normal_part(&self, units: &[Unit], at: usize) -> Option<(Status, RuleId)> {
        if !units[at].is(class::ANATOMY) || units[at].is(class::FINDING | class::DESCRIPTOR | UNKNOWN) {
            return None;
        }
        // Linking wants phrases: let this unit stand for some part.
        let mut copy = units.to_vec();
        copy[at].bits = class::ANATOMY;
        copy[at].phrase = 0;
        let mut links = Vec::new();
        mention::link(&copy, &mut links);
        links.iter().filter(|l| l.0 as usize == at).find_map(|l| {
            let descriptor = ConceptId(units[l.1 as usize].meaning(&self.rules)?.descriptor);
            let normal = self
                .rules
                .pairs
                .iter()
                .filter(|(pair, _)| pair.1 == descriptor)
                .map(|(_, &(from, to))| (from, to))
                .min()?;
            let composition = self.rules.compositions[normal.0 as usize..normal.1 as usize].first()?;
            (composition.status == Status::Absent).then_some((Status::Absent, composition.rule))
        })
    }

    fn judge_asked(
        &self,
        scratch: &mut Scratch,
        text: &str,
        analysis: &Analysis,
        sentence: &Sentence,
        heading: &Attributes,
        out: &mut [SpanAssertion],
    ) {
        let Scratch { tokens, units, candidates, targets, reached, pairs, owned, sight, .. } = scratch;
        let section = self.section_rule(analysis, sentence);
        reach::reach(units, candidates, &self.rules, targets, reached);
        reach::alternatives(units, &self.rules, &self.lexicon, pairs);
        sight.look(units, tokens, section, &self.rules);
        let judging = Judging { engine: self, text, tokens, units, pairs, sight, owned, section, heading };
        for (i, candidate) in candidates.iter().enumerate().filter(|(_, c)| c.asked != NONE) {
            let mine: Vec<Reached> = reached.iter().filter(|r| r.candidate as usize == i).copied().collect();
            let mut evidence = Vec::new();
            let answer = &mut out[candidate.asked as usize];
            // A span may begin or end beside the sentence of its first word.
            answer.sentence = sentence.span.cover(answer.span);
            answer.section = analysis.sections[sentence.section as usize].kind;
            let attributes = judging.attributes(candidate);
            answer.side = attributes.side;
            answer.severity = attributes.severity;
            answer.location = attributes.location;
            // The lexicon may not know what the span is, so that any may be a device.
            judging.details(candidate, &attributes, true, |detail, by| answer.details.push((detail, by)));
            let Some(mut assertion) = judging.decide(candidate, &mine, &mut evidence) else { continue };
            judging.account(candidate, &attributes, &mut assertion, &mut evidence);
            answer.status = assertion.status;
            answer.time = assertion.time;
            answer.subject = assertion.subject;
            answer.change = assertion.change;
            answer.signs = assertion.signs;
            answer.evidence = evidence;
        }
    }
}
