//! Doubtful mentions -> questions to a model, and its opinions -> settled assertions.
//!
//! Knows no model and no runtime: whatever answers is a [`Judge`]. Only mentions that the rules doubt are asked
//! about, so that all else stays as it was, byte for byte.
//!
//! Rules and model are pooled: the rules give their own verdict its confidence and share the rest out evenly, and the
//! probability of a verdict is proportional to that times the model's probability to the power of the judge's trust.

use crate::assertion::Assertion;
use crate::engine::{Analysis, Engine, SpanAssertion};
use crate::finding;
use crate::rules::Subject;
pub use crate::rules::Verdict;
use crate::span::Span;

/// A mention in its sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Question<'a> {
    /// The sentence.
    pub sentence: &'a str,
    /// The mention: bytes of the sentence.
    pub mention: Span,
    /// The id of the kind of section that it stands in; "body" where there is no heading.
    pub section: &'a str,
}

/// What a model says: a probability each, by [`Verdict::ALL`]; they add up to one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Opinion(pub [f32; Verdict::ALL.len()]);

impl Opinion {
    /// The likeliest verdict and its probability; the first of equals.
    pub fn verdict(&self) -> (Verdict, f32) {
        let mut best = (Verdict::Present, self.0[0]);
        for (verdict, &probability) in Verdict::ALL.into_iter().zip(&self.0) {
            if probability > best.1 {
                best = (verdict, probability);
            }
        }
        best
    }
}

/// What answers questions.
///
/// An answer depends on its question alone: never on the questions beside it, nor on their order.
pub trait Judge: Send + Sync {
    /// One answer a question, in order; `None` where the model has none to give.
    fn judge(&self, questions: &[Question<'_>]) -> Vec<Option<Opinion>>;

    /// How it is called in the evidence.
    fn name(&self) -> &str;

    /// The weight of its log probabilities beside those of the rules.
    fn trust(&self) -> f32;

    /// The confidence of the rules below which it is asked, unless the user says otherwise.
    fn below(&self) -> f32;
}

/// A mention, or a span that a caller brought, that a model was asked about.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Refined {
    /// Index of the mention or span.
    pub mention: u32,
    /// What the rules said.
    pub rules: Verdict,
    /// How likely the rules were held to be right.
    pub confidence: f32,
    /// What the model says; `None` where it had no answer, and the rules' stands.
    pub opinion: Option<Opinion>,
    /// What both together say.
    pub verdict: Verdict,
    /// Its probability.
    pub probability: f32,
}

impl Refined {
    /// Whether the rules said otherwise.
    pub const fn changed(&self) -> bool {
        self.verdict as u8 != self.rules as u8
    }

    /// Pools what the rules and a model say.
    pub fn pool(mention: u32, rules: Verdict, confidence: f32, opinion: Option<Opinion>, trust: f32) -> Refined {
        let Some(Opinion(said)) = opinion else {
            return Refined { mention, rules, confidence, opinion, verdict: rules, probability: confidence };
        };
        let rest = (1.0 - confidence) / (Verdict::ALL.len() - 1) as f32;
        let mut pooled = [0.0; Verdict::ALL.len()];
        for (i, verdict) in Verdict::ALL.into_iter().enumerate() {
            let prior = if verdict == rules { confidence } else { rest };
            pooled[i] = prior.max(f32::MIN_POSITIVE) * said[i].max(1e-6).powf(trust);
        }
        let sum: f32 = pooled.iter().sum();
        let (verdict, probability) = Opinion(pooled.map(|p| p / sum)).verdict();
        Refined { mention, rules, confidence, opinion, verdict, probability }
    }
}

impl Engine {
    /// The mentions that the rules are less sure of than this (1.0 or more: all), each with their confidence. What is
    /// said of others than the patient is not asked about. `text` is the text that was analysed.
    pub fn doubtful(&self, analysis: &Analysis, text: &str, below: f32) -> Vec<(u32, f32)> {
        let patient = |i: &usize| analysis.assertions[*i].subject == Subject::Patient;
        (0..analysis.mentions.len())
            .filter(patient)
            .filter_map(|i| {
                let confidence = self.mention_confidence(analysis, text, i)?;
                doubts(confidence, below).then_some((i as u32, confidence))
            })
            .collect()
    }

    /// As [`Engine::doubtful`], of spans that a caller brought. One that holds no word is not asked about.
    pub fn doubtful_spans(&self, spans: &[SpanAssertion], text: &str, below: f32) -> Vec<(u32, f32)> {
        let asked = |span: &SpanAssertion| {
            span.subject == Subject::Patient && text[span.span.range()].contains(char::is_alphanumeric)
        };
        (spans.iter().enumerate())
            .filter(|(_, span)| asked(span))
            .filter_map(|(i, span)| {
                let confidence = self.span_confidence(span)?;
                doubts(confidence, below).then_some((i as u32, confidence))
            })
            .collect()
    }

    /// The question about one mention.
    pub fn question<'a>(&'a self, analysis: &Analysis, text: &'a str, mention: u32) -> Question<'a> {
        let mention = &analysis.mentions[mention as usize];
        let sentence = &analysis.sentences[mention.sentence as usize];
        // A mention that its heading tells of may begin before its sentence.
        let whole = sentence.span.cover(mention.span);
        Question {
            sentence: &text[whole.range()],
            mention: Span::new(mention.span.start - whole.start, mention.span.end - whole.start),
            section: self.section_id(analysis.sections[sentence.section as usize].kind),
        }
    }

    /// The question about one span that a caller brought.
    pub fn question_of_span<'a>(&'a self, span: &SpanAssertion, text: &'a str) -> Question<'a> {
        let whole = span.sentence.cover(span.span);
        Question {
            sentence: &text[whole.range()],
            mention: Span::new(span.span.start - whole.start, span.span.end - whole.start),
            section: self.section_id(span.section),
        }
    }

    /// The id of a kind of section.
    pub(crate) fn section_id(&self, kind: Option<u32>) -> &str {
        kind.map_or("body", |k| &self.rules.sections[k as usize].id)
    }

    /// Settles mentions by a model's opinions and gathers the findings anew where one changed.
    pub fn settle(&self, analysis: &mut Analysis, refined: Vec<Refined>) {
        let mut changed = false;
        for one in &refined {
            changed |= settle(&mut analysis.assertions[one.mention as usize], one);
        }
        if changed {
            analysis.findings = finding::gather(&analysis.mentions, &analysis.assertions);
        }
        analysis.refined = refined;
    }

    /// Asks a judge about the doubtful mentions of many reports at once: texts and their analyses.
    pub fn refine(&self, reports: &mut [(&str, &mut Analysis)], judge: &dyn Judge, below: f32) {
        let asked: Vec<Vec<(u32, f32)>> =
            reports.iter().map(|(text, analysis)| self.doubtful(analysis, text, below)).collect();
        let questions: Vec<Question<'_>> = (reports.iter().zip(&asked))
            .flat_map(|((text, analysis), asked)| asked.iter().map(|a| self.question(analysis, text, a.0)))
            .collect();
        let mut answers = answers(judge, &questions);
        for ((_, analysis), asked) in reports.iter_mut().zip(asked).filter(|(_, asked)| !asked.is_empty()) {
            let pooled = asked.into_iter().map(|(mention, confidence)| {
                let assertion = &analysis.assertions[mention as usize];
                let rules = Verdict::of(assertion.status, assertion.time);
                Refined::pool(mention, rules, confidence, answers.next().flatten(), judge.trust())
            });
            let pooled = pooled.collect();
            self.settle(analysis, pooled);
        }
    }

    /// As [`Engine::refine`], of spans that callers brought: texts and their spans.
    pub fn refine_spans(&self, texts: &mut [(&str, &mut [SpanAssertion])], judge: &dyn Judge, below: f32) {
        let asked: Vec<Vec<(u32, f32)>> =
            texts.iter().map(|(text, spans)| self.doubtful_spans(spans, text, below)).collect();
        let questions: Vec<Question<'_>> = (texts.iter().zip(&asked))
            .flat_map(|((text, spans), asked)| asked.iter().map(|a| self.question_of_span(&spans[a.0 as usize], text)))
            .collect();
        let mut answers = answers(judge, &questions);
        for ((_, spans), asked) in texts.iter_mut().zip(asked) {
            for (number, confidence) in asked {
                let span = &mut spans[number as usize];
                let rules = Verdict::of(span.status, span.time);
                let one = Refined::pool(number, rules, confidence, answers.next().flatten(), judge.trust());
                if one.changed() {
                    (span.status, span.time) = one.verdict.apply(span.status);
                }
                span.refined = Some(one);
            }
        }
    }
}

/// Whether so low a confidence is a doubt.
fn doubts(confidence: f32, below: f32) -> bool {
    below >= 1.0 || confidence < below
}

/// The judge's answers, in order; it is not troubled where there is no question.
fn answers(judge: &dyn Judge, questions: &[Question<'_>]) -> std::vec::IntoIter<Option<Opinion>> {
    if questions.is_empty() { Vec::new() } else { judge.judge(questions) }.into_iter()
}

/// Whether that changed the assertion.
const fn settle(assertion: &mut Assertion, refined: &Refined) -> bool {
    if !refined.changed() {
        return false;
    }
    let (status, time) = refined.verdict.apply(assertion.status);
    assertion.status = status;
    assertion.time = time;
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Report, Status};

    /// Says what it is told to say, whatever it is asked.
    struct Parrot(Opinion);

    impl Judge for Parrot {
        fn judge(&self, questions: &[Question<'_>]) -> Vec<Option<Opinion>> {
            vec![Some(self.0); questions.len()]
        }

        fn name(&self) -> &str {
            "parrot"
        }

        fn trust(&self) -> f32 {
            1.0
        }

        fn below(&self) -> f32 {
            1.0
        }
    }

    #[test]
    fn a_sure_model_turns_a_verdict_and_an_unsure_one_does_not() {
        let turned = |opinion: [f32; 5], confidence: f32| {
            Refined::pool(0, Verdict::Present, confidence, Some(Opinion(opinion)), 1.0).verdict
        };
        assert_eq!(turned([0.001, 0.0, 0.999, 0.0, 0.0], 0.9), Verdict::Uncertain);
        assert_eq!(turned([0.3, 0.0, 0.7, 0.0, 0.0], 0.9), Verdict::Present);
        assert_eq!(Refined::pool(0, Verdict::Absent, 0.8, None, 1.0).verdict, Verdict::Absent);
    }

    #[test]
    fn settled_mentions_change_their_finding_and_no_other() {
        let engine = Engine::embedded();
        let text = "FINDINGS: Small effusion. No pneumothorax.";
        let mut analysis = engine.analyze(&Report::new("a", text));
        let before = analysis.clone();
        let sure = Parrot(Opinion([0.0, 0.0, 1.0, 0.0, 0.0]));
        engine.refine(&mut [(text, &mut analysis)], &sure, 0.0);
        assert_eq!(analysis, before, "nothing is doubted below 0");
        engine.refine(&mut [(text, &mut analysis)], &sure, 1.1);
        assert!(analysis.assertions.iter().all(|a| a.status == Status::Uncertain));
        assert!(analysis.findings.iter().all(|f| f.status == Status::Uncertain));
        assert_eq!(analysis.refined.len(), 2);
        let question = engine.question(&analysis, text, 1);
        assert_eq!(&question.sentence[question.mention.range()], "pneumothorax");
        assert_eq!(question.section, "findings");
    }

    #[test]
    fn spans_are_asked_about_and_settled_as_mentions_are() {
        let engine = Engine::embedded();
        let text = "FINDINGS: Small effusion. No pneumothorax.\nFAMILY HISTORY: Mother with pneumonia.";
        let mut analysis = engine.analyze(&Report::new("a", text));
        let spans: Vec<Span> = analysis.mentions.iter().map(|m| m.span).chain([Span::new(24, 25)]).collect();
        let mut answers = engine.assert_spans(text, &spans);
        for (question, span) in answers.iter().take(2).enumerate() {
            assert_eq!(engine.question_of_span(span, text), engine.question(&analysis, text, question as u32));
        }
        let sure = Parrot(Opinion([0.0, 0.0, 1.0, 0.0, 0.0]));
        engine.refine(&mut [(text, &mut analysis)], &sure, 1.0);
        engine.refine_spans(&mut [(text, &mut answers)], &sure, 1.0);
        assert_eq!(analysis.refined.len(), 2, "no question about relatives");
        for (assertion, answer) in analysis.assertions.iter().zip(&answers) {
            assert_eq!((assertion.status, assertion.time), (answer.status, answer.time));
        }
        let asked: Vec<bool> = answers.iter().map(|a| a.refined.is_some()).collect();
        assert_eq!(asked.iter().filter(|&&a| a).count(), 2, "neither about a full stop: {asked:?}");
        let one = answers[0].refined.expect("asked");
        assert_eq!(engine.span_confidence(&answers[0]), Some(one.probability));
        assert_eq!(engine.mention_confidence(&analysis, text, 0), Some(analysis.refined[0].probability));
    }
}
