//! One report laid out for the rules that read it as a whole: its lexemes, each with its place and sentence.
//!
//! Built only when facts, grades or alerts are asked for. Knows which sections are which place from the data,
//! and nothing of what a fact, a grade or an alert is.

use crate::engine::Analysis;
use crate::lexeme::{Gap, Lexeme, Sort};
use crate::rules::report::{Class, ReportRules, Sense};
use crate::rules::{Rules, SectionRule, Source};
use crate::span::Span;

/// No title is longer, in lexemes.
const TITLE: usize = 40;
/// A first sentence that goes on in running text is a title up to this many lexemes.
const SHORT_TITLE: usize = 12;

/// What stands further off says nothing of a word.
const NEAR: usize = 60;

/// A report's lexemes with their surroundings.
pub(crate) struct Overview<'a> {
    pub(crate) text: &'a str,
    pub(crate) analysis: &'a Analysis,
    pub(crate) all: &'a Rules,
    pub(crate) rules: &'a ReportRules,
    pub(crate) lexemes: Vec<Lexeme>,
    /// By lexeme; `None` in headings and in sections that are no place.
    pub(crate) places: Vec<Option<Source>>,
    /// By lexeme: the section whose body or heading it stands in.
    sections: Vec<u32>,
    /// First and last lexeme of every sentence, end-exclusive.
    pub(crate) sentences: Vec<(usize, usize)>,
}

/// A phrase of a class that stands in the text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Found<'a> {
    /// First and last lexeme, end-exclusive.
    pub(crate) at: (usize, usize),
    /// The value that the class gives it.
    pub(crate) value: &'a str,
}

impl<'a> Overview<'a> {
    pub(crate) fn new(text: &'a str, analysis: &'a Analysis, all: &'a Rules) -> Overview<'a> {
        let rules = &all.report;
        let lexemes = rules.phrases.lexemes(text);
        let (places, sections) = (vec![None; lexemes.len()], vec![0; lexemes.len()]);
        let mut overview = Overview { text, analysis, all, rules, lexemes, places, sections, sentences: Vec::new() };
        overview.sentences = analysis.sentences.iter().map(|s| overview.range(s.span)).collect();
        overview.place();
        overview
    }

    /// The lexemes of a span.
    pub(crate) fn range(&self, span: Span) -> (usize, usize) {
        let first = self.lexemes.partition_point(|l| l.span.end <= span.start);
        let last = self.lexemes.partition_point(|l| l.span.start < span.end);
        (first, last.max(first))
    }

    /// The span of some lexemes.
    pub(crate) fn span(&self, (first, last): (usize, usize)) -> Span {
        self.lexemes[first].span.cover(self.lexemes[last - 1].span)
    }

    fn place(&mut self) {
        let title = self.title();
        for (number, section) in self.analysis.sections.iter().enumerate() {
            let place = match section.kind {
                Some(kind) => self.rules.place(&self.all.sections[kind as usize].id),
                None => Some(Source::Body),
            };
            let (first, last) = self.range(section.body);
            self.places[first..last].fill(place);
            self.sections[first..last].fill(number as u32);
            let (first, last) = self.range(section.heading);
            self.sections[first..last].fill(number as u32);
        }
        self.places[..title].fill(Some(Source::Exam));
        // A sentence that tells how the study was made is technique wherever it stands.
        for i in 0..self.sentences.len() {
            let (first, last) = self.sentences[i];
            if first < last
                && self.places[first] == Some(Source::Body)
                && self.find((first, last), Class::Technical).is_some()
                && self.find((first, last), Class::Elsewhere).is_none()
            {
                self.places[first..last].fill(Some(Source::Technique));
            }
        }
    }

    /// How many lexemes at the start name the examination.
    fn title(&self) -> usize {
        let Some(first) = self.analysis.sections.first().filter(|s| s.kind.is_none()) else { return 0 };
        let (_, last) = self.range(first.body);
        let mut end = 0;
        while end < last.min(TITLE) {
            let lexeme = &self.lexemes[end];
            if end > 0 && lexeme.gap == Gap::Blank {
                return end;
            }
            // A line with a label of its own ("Clin: pain") is no title.
            let labelled = || self.lexemes[end + 1..last.min(end + 4)].iter().any(|l| l.is_mark(b':'));
            if end > 0 && lexeme.gap == Gap::Line && labelled() {
                return end;
            }
            end += 1;
            let stop = lexeme.is_mark(b'.') && self.lexemes.get(end).is_none_or(|n| n.gap >= Gap::Space);
            let own_line = self.lexemes.get(end).is_none_or(|n| n.gap >= Gap::Line);
            if stop && (own_line || end <= SHORT_TITLE) || lexeme.is_mark(b':') && own_line {
                return end;
            }
        }
        // What runs up to a heading is a title whatever its layout; other text without a stop is none.
        if end == last && self.analysis.sections.len() > 1 {
            return end;
        }
        let line = (1..end).find(|&i| self.lexemes[i].gap == Gap::Line);
        line.unwrap_or(0)
    }

    /// The value of the phrase of a class that begins at a lexeme, and its end.
    pub(crate) fn class(&self, at: usize, class: Class) -> Option<(usize, &'a str)> {
        let value = |sense: &Sense| match *sense {
            Sense::Class(c, value) if c == class => Some(value),
            _ => None,
        };
        let (end, values) = self.rules.phrases.longest(&self.lexemes, at, value)?;
        Some((end, &self.rules.class_values[values[0] as usize]))
    }

    /// The number in digits or words at a lexeme, and the lexeme after it.
    pub(crate) fn number(&self, at: usize) -> Option<(u32, usize)> {
        let lexeme = self.lexemes.get(at)?;
        if lexeme.sort == Sort::Digits {
            return Some((lexeme.number(self.text)?, at + 1));
        }
        let (end, value) = self.class(at, Class::Number)?;
        Some((value.parse().ok()?, end))
    }

    /// The first phrase of a class in a range of lexemes.
    pub(crate) fn find(&self, (first, last): (usize, usize), class: Class) -> Option<Found<'a>> {
        (first..last).find_map(|at| {
            let (end, value) = self.class(at, class)?;
            (end <= last).then_some(Found { at: (at, end), value })
        })
    }

    /// All phrases of a class in a range of lexemes, none inside another.
    pub(crate) fn find_all(&self, (first, last): (usize, usize), class: Class) -> Vec<Found<'a>> {
        let mut out = Vec::new();
        let mut at = first;
        while at < last {
            match self.class(at, class).filter(|&(end, _)| end <= last) {
                Some((end, value)) => {
                    out.push(Found { at: (at, end), value });
                    at = end;
                }
                None => at += 1,
            }
        }
        out
    }

    /// The sentence that a lexeme stands in.
    pub(crate) fn sentence_of(&self, at: usize) -> Option<usize> {
        let next = self.sentences.partition_point(|&(first, _)| first <= at);
        let sentence = next.checked_sub(1)?;
        (at < self.sentences[sentence].1).then_some(sentence)
    }

    /// The lexemes of the sentence around a lexeme; of its line where it stands in no sentence.
    pub(crate) fn around(&self, at: usize) -> (usize, usize) {
        match self.sentence_of(at) {
            Some(sentence) => self.sentences[sentence],
            None => {
                let lines = |i: &usize| self.lexemes[*i].gap >= Gap::Line;
                let (least, most) = (at.saturating_sub(NEAR), self.lexemes.len().min(at + NEAR));
                let first = (least.max(1)..=at).rev().find(lines).unwrap_or(least);
                (first, (at + 1..most).find(lines).unwrap_or(most))
            }
        }
    }

    /// As [`Overview::around`], but no further than some lexemes off: the work on a word must not grow with its
    /// sentence.
    pub(crate) fn near(&self, at: usize) -> (usize, usize) {
        let (first, last) = self.around(at);
        (first.max(at.saturating_sub(NEAR)), last.min(at + NEAR))
    }

    /// The kind of section that a lexeme stands in.
    pub(crate) fn section(&self, at: usize) -> Option<&'a SectionRule> {
        let section = self.analysis.sections.get(*self.sections.get(at)? as usize)?;
        section.kind.map(|k| &self.all.sections[k as usize])
    }

    /// Id of the kind of section that a byte of the text stands in.
    pub(crate) fn section_at(&self, byte: u32) -> &'a str {
        let at = self.lexemes.partition_point(|l| l.span.end <= byte);
        self.section(at).map_or("body", |s| &s.id)
    }
}
