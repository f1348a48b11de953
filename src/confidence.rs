//! Labels -> how likely each is what a careful reader of the report would say.
//!
//! From how a label came about, never from which label it is: whether mentions agree, what kind of cue decided and
//! from how far off, whether a word was misspelt ([`Feature`]). Weights are data (`rules/calibration.toml`), measured
//! against gold; `fit` computes them. Runs only when asked for.

pub mod fit;

use crate::engine::{Analysis, Engine, Mention, SpanAssertion};
use crate::finding::{rank, speaks_of_now};
use crate::label::Label;
use crate::lexicon::Words;
use crate::rules::{BoundScheme, Cue, Feature, Reach, RuleKind, Status};
use crate::span::Span;

/// Bytes between cue and mention from which on a cue stands far.
const FAR: u32 = 40;
/// Bytes of a long sentence.
const LONG: u32 = 120;
/// Letters of the shortest word that may be corrected.
const SHORTEST: usize = 6;

impl Engine {
    /// How likely each of these labels has the value that a careful reader of the report would give it, in their
    /// order. `text` is the text that was analysed. `None` where no rule file holds a calibration.
    pub fn confidences(
        &self,
        analysis: &Analysis,
        text: &str,
        scheme: &BoundScheme,
        labels: &[Label],
    ) -> Option<Vec<f32>> {
        let model = &self.rules.calibration.as_ref()?.labels.model;
        let features = self.label_features(analysis, text, scheme, labels);
        Some(features.into_iter().map(|f| model.probability(f) as f32).collect())
    }

    /// How likely the verdict on one mention (present, absent, uncertain, historical or hypothetical) is that of a
    /// careful reader of the report, by the signs of its assertion; no word of the text is read again. Where a model was
    /// asked, what rules and model together hold it for. `None` where no calibration has a model of mentions.
    pub fn mention_confidence(&self, analysis: &Analysis, _text: &str, mention: usize) -> Option<f32> {
        match analysis.refined_of(mention as u32) {
            Some(refined) => Some(refined.probability),
            None => self.sureness(analysis.assertions[mention].signs),
        }
    }

    /// As [`Engine::mention_confidence`], of a span that a caller brought.
    pub fn span_confidence(&self, span: &SpanAssertion) -> Option<f32> {
        match &span.refined {
            Some(refined) => Some(refined.probability),
            None => self.sureness(span.signs),
        }
    }

    /// The confidence that signs amount to.
    fn sureness(&self, signs: u32) -> Option<f32> {
        let model = &self.rules.calibration.as_ref()?.mentions.as_ref()?.model;
        Some(model.probability(signs) as f32)
    }

    /// The [`Feature`] bits of each of these labels.
    pub fn label_features(&self, analysis: &Analysis, text: &str, scheme: &BoundScheme, labels: &[Label]) -> Vec<u32> {
        let reader = Reader { engine: self, analysis, text };
        // What each counted mention claims, once for all labels.
        let mut claims: Vec<(u32, usize)> = Vec::new();
        let mut claimed = Vec::new();
        for (i, (mention, assertion)) in analysis.mentions.iter().zip(&analysis.assertions).enumerate() {
            if mention.counts && speaks_of_now(assertion) {
                crate::label::claims(i, analysis, scheme, &self.rules, &self.lexicon, &mut claimed);
                claims.extend(claimed.iter().map(|&label| (label, i)));
            }
        }
        labels.iter().map(|label| reader.label(label, &claims, scheme)).collect()
    }

    /// The [`Feature`] bits of one mention by itself.
    pub fn mention_features(&self, analysis: &Analysis, text: &str, mention: usize) -> u32 {
        let reader = Reader { engine: self, analysis, text };
        value(analysis.assertions[mention].status) | reader.mention(mention)
    }
}

const fn value(status: Status) -> u32 {
    match status {
        Status::Present => Feature::Present.bit(),
        Status::Uncertain => Feature::Uncertain.bit(),
        Status::Absent => 0,
    }
}

struct Reader<'a> {
    engine: &'a Engine,
    analysis: &'a Analysis,
    text: &'a str,
}

impl Reader<'_> {
    fn label(&self, label: &Label, claims: &[(u32, usize)], scheme: &BoundScheme) -> u32 {
        let mut bits = value(label.value);
        let Some(because) = label.because else {
            return bits | Feature::Silent.bit();
        };
        // One mention without a doubt is enough: a doubt holds where every bearer has it.
        let (mut doubts, mut described, mut bearers) = (u32::MAX, 0, 0_u32);
        for &(_, mention) in claims.iter().filter(|c| c.0 == label.label) {
            let status = self.analysis.assertions[mention].status;
            if status == label.value {
                let mut one = self.mention(mention);
                if placed(label.label, &self.analysis.mentions[mention], scheme) {
                    one |= Feature::Placed.bit();
                }
                described |= one & Feature::Described.bit();
                doubts &= one;
                bearers += 1;
            } else if rank(status) < rank(label.value) {
                let kind = if status == Status::Absent { Feature::Contested } else { Feature::Doubted };
                bits |= kind.bit();
            }
        }
        match bearers {
            0 => bits | Feature::Inherited.bit() | self.mention(because as usize),
            1 => bits | doubts | described,
            _ => bits | doubts | described | Feature::Repeated.bit(),
        }
    }

    fn mention(&self, number: usize) -> u32 {
        let Engine { rules, .. } = self.engine;
        let mention = &self.analysis.mentions[number];
        let assertion = &self.analysis.assertions[number];
        let mut bits = 0;
        let mut set = |feature: Feature, holds: bool| {
            if holds {
                bits |= feature.bit();
            }
        };
        let mut decided: Option<(&Cue, Span)> = None;
        let (mut composed, mut sense) = (false, false);
        for evidence in self.analysis.evidence_of(assertion) {
            match rules.kind(evidence.rule) {
                RuleKind::Cue if decided.is_none() => {
                    // Cues are numbered as their rules are.
                    let at = rules.cues.partition_point(|c| c.rule < evidence.rule);
                    decided = rules
                        .cues
                        .get(at)
                        .filter(|c| c.rule == evidence.rule && (c.alternative || c.status == Some(assertion.status)))
                        .map(|cue| (cue, evidence.span));
                }
                RuleKind::Composition => composed = true,
                RuleKind::Sense => sense = true,
                _ => {}
            }
        }
        set(Feature::Composed, composed);
        set(Feature::Sense, sense);
        set(Feature::Plain, decided.is_none() && !composed);
        if let Some((cue, span)) = decided {
            let (from, to) = if span.end <= mention.span.start {
                (span.end, mention.span.start)
            } else {
                (mention.span.end, span.start)
            };
            let between = |m: &&Mention| m.span.start >= from && m.span.end <= to;
            let first = self.analysis.mentions.partition_point(|m| m.span.start < from);
            let others =
                self.analysis.mentions[first..].iter().take_while(|m| m.span.start < to).filter(between).count();
            set(Feature::Far, to.saturating_sub(from) > FAR);
            set(Feature::Listed, others >= 2);
            set(Feature::Wide, matches!(cue.reach, Reach::Clause | Reach::Sentence));
            set(Feature::Alternative, cue.alternative);
        }
        let sentence = &self.analysis.sentences[mention.sentence as usize];
        set(Feature::Long, sentence.span.end - sentence.span.start > LONG);
        set(Feature::Unheaded, self.analysis.sections[sentence.section as usize].kind.is_none());
        let described = mention.side.is_some()
            || mention.severity.is_some()
            || mention.location[0].is_some()
            || assertion.change.is_some()
            || !self.analysis.attributes_of(number as u32).is_empty();
        set(Feature::Described, described);
        if let Some(words) = self.text.get(mention.span.range()) {
            set(Feature::Corrected, corrected(words, &rules.words));
        }
        bits
    }
}

/// Whether a word of a mention stands for another one. Shorter words are never corrected, and most are known.
fn corrected(text: &str, words: &Words) -> bool {
    text.as_bytes()
        .split(|b| !b.is_ascii_alphabetic())
        .filter(|word| word.len() >= SHORTEST)
        .any(|word| words.find_ascii(word).is_none() && words.find_near(word).is_some())
}

/// Whether a label counts a mention only for more than its finding.
fn placed(label: u32, mention: &Mention, scheme: &BoundScheme) -> bool {
    let mut targets = scheme.targets[mention.concept.index()].iter().filter(|t| t.label == label);
    targets.all(|target| {
        let criterion = &scheme.criteria[target.criterion as usize];
        !criterion.within.is_empty() || !criterion.conditions.is_empty()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Report;

    fn features(engine: &Engine, text: &str, label: &str) -> Vec<&'static str> {
        let bound = engine.scheme("chexpert").expect("scheme");
        let analysis = engine.analyze(&Report::new("a", text));
        let labels = engine.labels(&analysis, bound);
        let features = engine.label_features(&analysis, text, bound, &labels);
        let at = labels.iter().position(|l| &*bound.scheme.labels[l.label as usize].name == label).expect("label");
        Feature::ALL.iter().filter(|f| features[at] & f.bit() != 0).map(|f| f.name()).collect()
    }

    #[test]
    fn features_tell_how_a_label_came_about() {
        let engine = Engine::embedded();
        let cases: [(&str, &str, &[&str]); 10] = [
            ("FINDINGS: No pneumothorax.", "Pneumothorax", &[]),
            ("FINDINGS: Pneumothorax.", "Pneumothorax", &["present", "plain"]),
            ("Pneumothorax.", "Pneumothorax", &["present", "plain", "unheaded"]),
            ("FINDINGS: Pneumothorax.\nIMPRESSION: Pneumothorax.", "Pneumothorax", &["present", "repeated", "plain"]),
            (
                "FINDINGS: Pneumothorax.\nIMPRESSION: No pneumothorax.",
                "Pneumothorax",
                &["present", "contested", "plain"],
            ),
            (
                "FINDINGS: Pneumothorax.\nIMPRESSION: Possible pneumothorax.",
                "Pneumothorax",
                &["present", "doubted", "plain"],
            ),
            ("FINDINGS: Possible pneumothorax.", "Pneumothorax", &["uncertain"]),
            ("FINDINGS: Pnuemothorax.", "Pneumothorax", &["present", "plain", "corrected"]),
            (
                "FINDINGS: No edema, consolidation, pneumonia, atelectasis or pneumothorax.",
                "Pneumothorax",
                &["far", "listed"],
            ),
            ("FINDINGS: Normal bones.", "No Finding", &["present", "silent"]),
        ];
        for (text, label, want) in cases {
            assert_eq!(features(&engine, text, label), want, "{text}");
        }
        assert!(features(&engine, "FINDINGS: The heart is normal in size.", "Cardiomegaly").contains(&"composed"));
        // A second mention without the doubt takes it away.
        let twice = "FINDINGS: Pnuemothorax.\nIMPRESSION: Pneumothorax.";
        assert_eq!(features(&engine, twice, "Pneumothorax"), ["present", "repeated", "plain"]);
    }

    #[test]
    fn cues_are_found_by_their_rule() {
        let engine = Engine::embedded();
        assert!(engine.rules.cues.is_sorted_by_key(|c| c.rule));
    }

    #[test]
    fn confidence_is_a_probability_for_every_label_of_every_scheme() {
        let engine = Engine::embedded();
        let text = "FINDINGS: Small left effusion, probably with atelectasis. No fracture.\nIMPRESSION: No effusion.";
        let analysis = engine.analyze(&Report::new("a", text));
        for source in &engine.rules.schemes {
            let bound = engine.scheme(&source.id).expect("binds");
            let labels = engine.labels(&analysis, bound);
            let of = engine.confidences(&analysis, text, bound, &labels).expect("calibrated");
            assert_eq!(of.len(), labels.len());
            assert!(of.iter().all(|p| *p > 0.3 && *p < 1.0), "{of:?}");
        }
        for i in 0..analysis.mentions.len() {
            let p = engine.mention_confidence(&analysis, text, i).expect("calibrated");
            assert!(p > 0.3 && p < 1.0);
        }
        // Whatever signs come together, a probability comes out.
        for signs in [0, u32::MAX, 0x5555_5555, 0xAAAA_AAAA] {
            assert!(engine.sureness(signs).is_some_and(|p| (0.0..=1.0).contains(&p)));
        }
    }

    #[test]
    fn what_is_doubted_is_less_sure_than_what_is_plainly_said() {
        let engine = Engine::embedded();
        let sure = |text: &str| {
            let analysis = engine.analyze(&Report::new("a", text));
            let last = analysis.mentions.len() - 1;
            engine.mention_confidence(&analysis, text, last).expect("calibrated")
        };
        let plain = sure("FINDINGS: There is no effusion.");
        assert!(plain > 0.98, "{plain}");
        for text in ["INDICATION: Pneumonia.", "FINDINGS: Nodule: ultrasound suggested.", "FINDINGS: Edema/effusion."] {
            assert!(sure(text) < plain - 0.03, "{text} {}", sure(text));
        }
        // A span that a caller brings has the confidence of the mention there.
        let text = "FINDINGS: Possible edema. No effusion.";
        let analysis = engine.analyze(&Report::new("a", text));
        let spans: Vec<Span> = analysis.mentions.iter().map(|m| m.span).collect();
        for (i, answer) in engine.assert_spans(text, &spans).iter().enumerate() {
            assert_eq!(engine.span_confidence(answer), engine.mention_confidence(&analysis, text, i));
            assert_eq!(&text[answer.sentence.range()], ["Possible edema.", "No effusion."][i]);
            assert_eq!(answer.section, analysis.sections[analysis.sentences[0].section as usize].kind);
        }
        // No model of mentions: no confidence of them, and that of labels stays.
        let file = include_str!("../rules/calibration.toml").split("\n[mentions]\n").next().unwrap_or_default();
        let labels = Engine::load(&crate::embedded::lexicons(), &[("calibration.toml", file)]).expect("loads");
        let analysis = labels.analyze(&Report::new("a", text));
        assert!(labels.rules.calibration.is_some());
        assert_eq!((analysis.mentions.is_empty(), labels.sureness(0)), (false, None));
    }
}
