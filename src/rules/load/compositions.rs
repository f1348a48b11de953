//! Compositions (`kind = "compositions"`): parts of the body with a descriptor or a size that make a finding, and the
//! words of measurement (`kind = "measures"`) that sizes are read by.

use super::Loader;
use crate::lexicon::{Kind, Lexicon};
use crate::rules::schema::{CompositionFile, CompositionText, MeasureFile};
use crate::rules::{Composition, MeasuredPart, RuleKind, measures};
use crate::span::{ConceptId, RuleId};

impl Loader<'_> {
    pub(super) fn composition_file(&mut self, file: CompositionFile, lexicon: &Lexicon) {
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

    pub(super) fn measure_file(&mut self, file: MeasureFile) {
        for text in file.measures {
            let at = text.id.span().start;
            let word = measures::word(&text);
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
}

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
