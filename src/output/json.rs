//! Analyses as JSON lines, written straight into a byte buffer; offsets are code points.
//!
//! `notes` stands last in a report's line, so that a note that only the whole run can know (a doubled id)
//! is put in without writing the line again. The shapes are told by `report.schema.json` and
//! `assertions.schema.json`.

use super::Labelled;
use super::offsets::Offsets;
use crate::label::Policy;
use crate::lexicon::Side;
use crate::measure::measured;
use crate::refine::Refined;
use crate::said;
use crate::{
    Analysis, Change, ConceptId, Detail, Engine, Evidence, Relation, Report, Span, SpanAssertion, Status, StudyKey,
    Subject, Time,
};

/// The note of a report whose id stood before.
pub(crate) const DOUBLED_ID: &str = "doubled id";

/// All that goes into one report's line.
pub(crate) struct Line<'a> {
    pub(crate) engine: &'a Engine,
    pub(crate) policy: Policy,
    pub(crate) report: &'a Report,
    pub(crate) analysis: &'a Analysis,
    /// By scheme: with several, each has an object of its own.
    pub(crate) labelled: &'a [Labelled<'a>],
    pub(crate) notes: &'a [std::borrow::Cow<'static, str>],
    pub(crate) offsets: &'a Offsets,
    /// More members, each after a comma: facts, grades, alerts.
    pub(crate) more: &'a [u8],
    /// The text is written too.
    pub(crate) text: bool,
    /// Each mention is written with the probability that its verdict is right.
    pub(crate) confidence: bool,
    /// The model that doubtful mentions were asked of.
    pub(crate) model: Option<&'a str>,
}

/// What is said of a mention or of a caller's span.
struct Said<'a> {
    status: Status,
    time: Time,
    subject: Subject,
    side: Option<Side>,
    change: Option<Change>,
    severity: Option<Span>,
    location: [Option<ConceptId>; 2],
    details: Vec<Detail>,
    evidence: Vec<&'a Evidence>,
    /// What a model said, with its name.
    refined: Option<(&'a str, &'a Refined)>,
    span: Span,
}

impl Line<'_> {
    /// Appends the line.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"id\":");
        string(out, &self.report.id);
        if self.report.study != StudyKey::default() {
            out.extend_from_slice(b",\"study\":");
            study(out, &self.report.study);
        }
        if self.text {
            out.extend_from_slice(b",\"text\":");
            string(out, &self.report.text);
        }
        out.extend_from_slice(b",\"labels\":{");
        let mut first = true;
        for one in self.labelled {
            if self.labelled.len() == 1 {
                self.labels(out, one);
            } else {
                comma(out, &mut first);
                string(out, &one.scheme.id);
                out.extend_from_slice(b":{");
                self.labels(out, one);
                out.push(b'}');
            }
        }
        out.extend_from_slice(b"},\"mentions\":[");
        let mut first = true;
        for number in 0..self.analysis.mentions.len() {
            comma(out, &mut first);
            self.mention(out, number);
        }
        out.push(b']');
        out.extend_from_slice(self.more);
        out.extend_from_slice(b",\"notes\":[");
        let mut first = true;
        for note in self.notes {
            comma(out, &mut first);
            string(out, note);
        }
        out.extend_from_slice(b"]}\n");
    }

    fn labels(&self, out: &mut Vec<u8>, labelled: &Labelled) {
        let mut first = true;
        for label in &labelled.labels {
            let Some(value) = self.policy.apply(label.value) else {
                continue;
            };
            comma(out, &mut first);
            string(out, &labelled.scheme.labels[label.label as usize].name);
            out.push(b':');
            word(out, value.name());
        }
    }

    fn mention(&self, out: &mut Vec<u8>, number: usize) {
        let mention = &self.analysis.mentions[number];
        let assertion = &self.analysis.assertions[number];
        let text = &self.report.text;
        out.push(b'{');
        span(out, mention.span, text, self.offsets);
        out.extend_from_slice(b",\"concept\":");
        string(out, &self.engine.lexicon.concept(mention.concept).id);
        out.push(b',');
        let evidence = self.analysis.evidence_of(assertion);
        let attributes = self.analysis.attributes_of(number as u32);
        let said = Said {
            status: assertion.status,
            time: assertion.time,
            subject: assertion.subject,
            side: mention.side,
            change: assertion.change,
            severity: mention.severity,
            location: mention.location,
            details: attributes.iter().map(|a| a.detail).collect(),
            evidence: evidence.iter().chain(attributes.iter().map(|a| &a.evidence)).collect(),
            refined: self.model.zip(self.analysis.refined_of(number as u32)),
            span: mention.span,
        };
        said.write(out, text, self.engine);
        let sentence = &self.analysis.sentences[mention.sentence as usize];
        let section = &self.analysis.sections[sentence.section as usize];
        out.extend_from_slice(b",\"section\":");
        string(out, self.engine.section_id(section.kind));
        out.extend_from_slice(b",\"sentence\":[");
        integer(out, self.offsets.code_point(text, sentence.span.start));
        out.push(b',');
        integer(out, self.offsets.end(text, sentence.span.end));
        out.extend_from_slice(if mention.counts { b"],\"counted\":true" } else { b"],\"counted\":false" });
        if self.confidence {
            confidence(out, self.engine.mention_confidence(self.analysis, text, number));
        }
        said.write_evidence(out, text, self.offsets, self.engine);
        out.push(b'}');
    }
}

/// The member `confidence` of a mention, with three decimals as that of a label; none without a model.
fn confidence(out: &mut Vec<u8>, confidence: Option<f32>) {
    if let Some(confidence) = confidence {
        out.extend_from_slice(format!(",\"confidence\":{:.3}", confidence.clamp(0.0, 1.0)).as_bytes());
    }
}

/// All that goes into one line of `assert`.
pub(crate) struct Answers<'a> {
    pub(crate) engine: &'a Engine,
    pub(crate) id: &'a str,
    pub(crate) text: &'a str,
    pub(crate) offsets: &'a Offsets,
    pub(crate) answers: &'a [SpanAssertion],
    /// Each is written with the probability that it is right.
    pub(crate) confidence: bool,
    /// The model that doubtful spans were asked of.
    pub(crate) model: Option<&'a str>,
}

impl Answers<'_> {
    /// Appends the line.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"id\":");
        string(out, self.id);
        out.extend_from_slice(b",\"assertions\":[");
        let mut first = true;
        for answer in self.answers {
            comma(out, &mut first);
            out.push(b'{');
            span(out, answer.span, self.text, self.offsets);
            out.push(b',');
            let said = Said {
                status: answer.status,
                time: answer.time,
                subject: answer.subject,
                side: answer.side,
                change: answer.change,
                severity: answer.severity,
                location: answer.location,
                details: answer.details.iter().map(|d| d.0).collect(),
                evidence: answer.evidence.iter().chain(answer.details.iter().map(|d| &d.1)).collect(),
                refined: self.model.zip(answer.refined.as_ref()),
                span: answer.span,
            };
            said.write(out, self.text, self.engine);
            if self.confidence {
                confidence(out, self.engine.span_confidence(answer));
            }
            said.write_evidence(out, self.text, self.offsets, self.engine);
            out.push(b'}');
        }
        out.extend_from_slice(b"]}\n");
    }
}

impl Said<'_> {
    fn write(&self, out: &mut Vec<u8>, text: &str, engine: &Engine) {
        out.extend_from_slice(b"\"status\":");
        word(out, self.status.name());
        out.extend_from_slice(b",\"time\":");
        word(out, self.time.name());
        out.extend_from_slice(b",\"subject\":");
        word(out, self.subject.name());
        if let Some(side) = self.side {
            out.extend_from_slice(b",\"side\":");
            word(out, side.name());
        }
        if let Some(change) = self.change {
            out.extend_from_slice(b",\"change\":");
            word(out, change.name());
        }
        if let Some(severity) = self.severity {
            out.extend_from_slice(b",\"severity\":");
            string(out, &said::severity_words(text, severity));
        }
        if self.location[0].is_some() {
            out.extend_from_slice(b",\"location\":[");
            let mut first = true;
            for part in self.location.iter().flatten() {
                comma(out, &mut first);
                word(out, &engine.lexicon.concept(*part).id);
            }
            out.push(b']');
        }
        self.write_details(out, engine);
    }

    /// Sizes, HU and SUV as lists, since one mention may have several; the others by their first.
    fn write_details(&self, out: &mut Vec<u8>, engine: &Engine) {
        for name in Detail::NAMES {
            let mut found = self.details.iter().filter(|d| d.name() == name).peekable();
            let Some(&&detail) = found.peek() else { continue };
            out.push(b',');
            word(out, name);
            out.push(b':');
            match detail {
                Detail::Size(_) | Detail::Attenuation(_) | Detail::Uptake(_) => {
                    out.push(b'[');
                    let mut first = true;
                    for measurement in found.filter_map(Detail::measurement) {
                        comma(out, &mut first);
                        out.extend_from_slice(b"{\"values\":[");
                        let mut inner = true;
                        for value in measurement.values() {
                            comma(out, &mut inner);
                            out.extend_from_slice(measured(*value).to_string().as_bytes());
                        }
                        out.push(b']');
                        if measurement.relation != Relation::Exact {
                            out.extend_from_slice(b",\"relation\":");
                            word(out, measurement.relation.name());
                        }
                        out.push(b'}');
                    }
                    out.push(b']');
                }
                Detail::Count(number) => integer(out, number),
                Detail::CountWord(_) | Detail::Acuity(_) | Detail::Position(_) | Detail::Tip(_) => {
                    string(out, &detail.told(&engine.rules, &engine.lexicon));
                }
            }
        }
    }

    fn write_evidence(&self, out: &mut Vec<u8>, text: &str, offsets: &Offsets, engine: &Engine) {
        out.extend_from_slice(b",\"evidence\":[");
        let mut first = true;
        for evidence in &self.evidence {
            comma(out, &mut first);
            out.extend_from_slice(b"{\"rule\":");
            string(out, &engine.rules.info(evidence.rule).id);
            out.push(b',');
            span(out, evidence.span, text, offsets);
            out.push(b'}');
        }
        if let Some((model, refined)) = self.refined {
            comma(out, &mut first);
            out.extend_from_slice(b"{\"model\":");
            string(out, model);
            match refined.opinion.map(|o| o.verdict()) {
                Some((verdict, probability)) => {
                    out.extend_from_slice(b",\"status\":");
                    word(out, verdict.name());
                    out.extend_from_slice(format!(",\"probability\":{probability:.4},").as_bytes());
                    span(out, self.span, text, offsets);
                }
                None => out.extend_from_slice(b",\"probability\":null"),
            }
            out.push(b'}');
        }
        out.push(b']');
    }
}

/// Puts the note of a doubled id into a line that was written without it; gives the bytes put in and where.
pub(crate) fn mark_doubled(line: &[u8]) -> (usize, &'static [u8]) {
    // The line ends in `]}` and a line break.
    let at = line.len().saturating_sub(3);
    let alone = at > 0 && line[at - 1] == b'[';
    (at, if alone { b"\"doubled id\"" } else { b",\"doubled id\"" })
}

fn study(out: &mut Vec<u8>, study: &StudyKey) {
    out.push(b'{');
    let mut first = true;
    for (name, value) in super::said::study(study) {
        comma(out, &mut first);
        word(out, name);
        out.push(b':');
        string(out, value);
    }
    out.push(b'}');
}

pub(super) fn span(out: &mut Vec<u8>, span: Span, text: &str, offsets: &Offsets) {
    out.extend_from_slice(b"\"start\":");
    integer(out, offsets.code_point(text, span.start));
    out.extend_from_slice(b",\"end\":");
    integer(out, offsets.end(text, span.end));
}

pub(super) fn comma(out: &mut Vec<u8>, first: &mut bool) {
    if !std::mem::take(first) {
        out.push(b',');
    }
}

/// A string that needs no escapes.
pub(super) fn word(out: &mut Vec<u8>, word: &str) {
    out.push(b'"');
    out.extend_from_slice(word.as_bytes());
    out.push(b'"');
}

pub(super) fn integer(out: &mut Vec<u8>, mut number: u32) {
    let mut digits = [0_u8; 10];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

/// A JSON string, escaped where need be.
pub(super) fn string(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    let bytes = text.as_bytes();
    let mut from = 0;
    for (at, &byte) in bytes.iter().enumerate() {
        if byte >= 0x20 && byte != b'"' && byte != b'\\' {
            continue;
        }
        out.extend_from_slice(&bytes[from..at]);
        from = at + 1;
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\t' => out.extend_from_slice(b"\\t"),
            b'\r' => out.extend_from_slice(b"\\r"),
            _ => out.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
        }
    }
    out.extend_from_slice(&bytes[from..]);
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_and_numbers() {
        let mut out = Vec::new();
        let odd = "a\"b\\c\n\t\r\u{1}é😀\u{7f}";
        string(&mut out, odd);
        assert_eq!(serde_json::from_slice::<String>(&out).ok().as_deref(), Some(odd));
        out.clear();
        for number in [0, 7, 10, 4_294_967_295] {
            integer(&mut out, number);
            out.push(b' ');
        }
        assert_eq!(out, b"0 7 10 4294967295 ");
    }

    #[test]
    fn marks_doubled_ids() {
        let mark = |line: &str| {
            let (at, note) = mark_doubled(line.as_bytes());
            format!("{}{}{}", &line[..at], String::from_utf8_lossy(note), &line[at..])
        };
        assert_eq!(mark("{\"notes\":[]}\n"), "{\"notes\":[\"doubled id\"]}\n");
        assert_eq!(mark("{\"notes\":[\"x\"]}\n"), "{\"notes\":[\"x\",\"doubled id\"]}\n");
    }
}
