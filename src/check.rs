//! The data's own tests: every rule's `hits` and `misses`, every scheme's examples, every term reachable.
//!
//! What cannot be loaded at all (unknown concepts, cycles, doubled phrases and labels) is told by loading.

mod report;

use crate::engine::{Engine, Scratch};
use crate::error::Fault;
use crate::label::value_name;
use crate::lexicon::{Kind, PhraseId};
use crate::rules::{BoundScheme, Mark, RuleKind, Status, Subject, Time, strip_marks};
use crate::span::{RuleId, Span};

/// What a check found.
#[derive(Clone, Debug, Default)]
pub struct Checked {
    /// Faults, sorted by file and line.
    pub faults: Vec<Fault>,
    /// Sentences run.
    pub sentences: usize,
    /// Terms found again through the matcher.
    pub terms: usize,
    /// Rules.
    pub rules: usize,
    /// Labels of all schemes.
    pub labels: usize,
}

/// Runs every check on a loaded engine.
pub fn check(engine: &Engine) -> Checked {
    let mut checked = Checked { faults: engine.rules.warnings.clone(), ..Checked::default() };
    terms(engine, &mut checked);
    concepts(engine, &mut checked);
    for number in 0..engine.rules.infos.len() as u32 {
        rule(engine, RuleId(number), &mut checked);
    }
    schemes(engine, &mut checked);
    linking(engine, &mut checked);
    checked.faults.sort();
    checked.faults.dedup();
    checked
}

/// Runs the checks of terms and concepts alone.
pub fn vocabulary(engine: &Engine) -> Checked {
    let mut checked = Checked::default();
    terms(engine, &mut checked);
    concepts(engine, &mut checked);
    checked
}

/// Every term must be found by its own words, and mean its own concept.
fn terms(engine: &Engine, checked: &mut Checked) {
    let mut tokens = Vec::new();
    for term in &engine.lexicon.terms {
        crate::token::tokenize(&term.text, engine.rules.vocabulary(), &mut tokens);
        let file = &engine.lexicon.files[term.file as usize].name;
        let concept = engine.lexicon.concept(term.concept);
        let found = engine.rules.matcher.longest(tokens.iter().map(|t| t.word)).filter(|f| f.0 == tokens.len());
        let means = found.map(|(_, PhraseId(phrase))| {
            let meaning = &engine.rules.meanings[phrase as usize];
            match concept.kind {
                Kind::Finding | Kind::Device => meaning.finding,
                Kind::Anatomy => meaning.anatomy,
                Kind::Descriptor => meaning.descriptor,
            }
        });
        // "left kidney" is formed by its side and its part.
        let formed = engine.lexicon.unsided(term.concept).is_some_and(|whole| {
            let rest = &tokens[1..];
            engine.rules.matcher.longest(rest.iter().map(|t| t.word)).is_some_and(|(length, PhraseId(phrase))| {
                length == rest.len() && engine.rules.meanings[phrase as usize].anatomy == whole.0
            })
        });
        if means == Some(term.concept.0) || formed {
            checked.terms += 1;
        } else {
            let message = format!("term \"{}\" of \"{}\" cannot be reached", term.text, concept.id);
            checked.faults.push(Fault::new(file, term.line as usize, message));
        }
    }
}

/// A concept that no term, no rule and no narrower concept leads to is of no use.
fn concepts(engine: &Engine, checked: &mut Checked) {
    let lexicon = &engine.lexicon;
    let mut reached = vec![false; lexicon.concepts.len()];
    for term in &lexicon.terms {
        reached[term.concept.index()] = true;
    }
    for composition in &engine.rules.compositions {
        reached[composition.finding.index()] = true;
    }
    for concept in &lexicon.concepts {
        for parent in &concept.parents {
            reached[parent.index()] = true;
        }
    }
    for (i, concept) in lexicon.concepts.iter().enumerate() {
        if !reached[i] {
            let file = &lexicon.files[concept.file as usize].name;
            let message = format!("concept \"{}\" has no term, no narrower concept and no rule", concept.id);
            checked.faults.push(Fault::new(file, concept.line as usize, message));
        }
    }
}

/// The pairs of spellings of the linking file.
fn linking(engine: &Engine, checked: &mut Checked) {
    let (Some(linking), Some(values)) = (&engine.rules.linking, crate::link::Values::new(engine)) else { return };
    for pairs in [&linking.accessions, &linking.modality_pairs, &linking.part_pairs] {
        checked.sentences += pairs.same.len() + pairs.apart.len();
    }
    checked.faults.extend(values.check().into_iter().map(|message| Fault::new(&linking.file, 0, message)));
}

fn rule(engine: &Engine, rule: RuleId, checked: &mut Checked) {
    let info = engine.rules.info(rule);
    checked.rules += 1;
    let sentences = info.hits.iter().map(|s| (s, true)).chain(info.misses.iter().map(|s| (s, false)));
    for (sentence, hit) in sentences {
        checked.sentences += 1;
        let wrong = match engine.rules.kind(rule) {
            RuleKind::Cue | RuleKind::Measure => cue(engine, rule, sentence, hit),
            RuleKind::Composition | RuleKind::Sense => composition(engine, rule, sentence, hit),
            RuleKind::Section => section(engine, rule, sentence, hit),
            RuleKind::Fact | RuleKind::Grade | RuleKind::Alert => report::report(engine, rule, sentence, hit),
        };
        for message in wrong {
            let kind = if hit { "hit" } else { "miss" };
            let message = format!("rule \"{}\", {kind} {sentence:?}: {message}", info.id);
            checked.faults.push(Fault::new(&info.file, info.line as usize, message));
        }
    }
}

/// A cue's sentence: each marked span must come out as marked; in a hit at least one of them by this cue, in
/// a miss none.
fn cue(engine: &Engine, rule: RuleId, sentence: &str, hit: bool) -> Vec<String> {
    let (text, marks) = strip_marks(sentence);
    if marks.is_empty() {
        return vec!["it marks nothing; expected [span](status)".to_owned()];
    }
    let spans: Vec<Span> = marks.iter().map(|m| Span::new(m.start as u32, m.end as u32)).collect();
    let mut wrong = Vec::new();
    let mut by_this = false;
    for (mark, answer) in marks.iter().zip(engine.assert_spans(&text, &spans)) {
        let got = told(answer.status, answer.time, answer.subject);
        if got != mark.status {
            let by: Vec<&str> = answer.evidence.iter().map(|e| engine.rules.info(e.rule).id.as_ref()).collect();
            wrong.push(format!("\"{}\" is {got} by {by:?}; expected {}", &text[mark.start..mark.end], mark.status));
        }
        wrong.extend(attributes(engine, mark, &text, &answer));
        by_this |= answer.evidence.iter().chain(answer.details.iter().map(|d| &d.1)).any(|e| e.rule == rule);
    }
    if by_this != hit && (hit || looks(engine, rule)) {
        wrong.push(if hit { "the rule had no part in it" } else { "the rule had a part in it" }.to_owned());
    }
    // A rule that only keeps shorter cues quiet leaves no trace of its own.
    if hit && !looks(engine, rule) {
        wrong.retain(|w| w != "the rule had no part in it");
    }
    wrong
}

fn looks(engine: &Engine, rule: RuleId) -> bool {
    engine.rules.cues.iter().any(|c| {
        c.rule == rule
            && (c.direction != crate::rules::Direction::None
                || c.alternative
                || c.severity
                || c.side.is_some()
                || c.names.is_some()
                || c.tip)
    })
}

/// The status, the time or the subject, whichever says the most.
pub(crate) fn told(status: Status, time: Time, subject: Subject) -> &'static str {
    match (subject, time, status) {
        (Subject::Family | Subject::Other, ..) => subject.name(),
        (Subject::Patient, Time::Current, status) => status.name(),
        (Subject::Patient, time, _) => time.name(),
    }
}

fn attributes(engine: &Engine, mark: &Mark, text: &str, answer: &crate::SpanAssertion) -> Vec<String> {
    let mut wrong = Vec::new();
    for (key, want) in &mark.attributes {
        let got = match key.as_str() {
            "side" => answer.side.map(|s| s.name().to_owned()),
            "change" => answer.change.map(|c| c.name().to_owned()),
            "severity" => answer.severity.map(|s| text[s.range()].to_lowercase()),
            name if crate::Detail::NAMES.contains(&name) => answer
                .details
                .iter()
                .find(|(detail, _)| detail.name() == name)
                .map(|(detail, _)| detail.told(&engine.rules, &engine.lexicon)),
            other => Some(format!("an unknown key {other:?}")),
        };
        if got.as_deref() != Some(want) {
            wrong.push(format!("{key} is {}; expected {want}", got.as_deref().unwrap_or("not said")));
        }
    }
    wrong
}

fn composition(engine: &Engine, rule: RuleId, sentence: &str, hit: bool) -> Vec<String> {
    let (text, marks) = strip_marks(sentence);
    let analysis = engine.analyze_with(&mut Scratch::default(), &text);
    let mut wrong = Vec::new();
    let mut by_this = false;
    for assertion in &analysis.assertions {
        by_this |= analysis.evidence_of(assertion).iter().any(|e| e.rule == rule);
    }
    for mark in &marks {
        let span = Span::new(mark.start as u32, mark.end as u32);
        let found = analysis.mentions.iter().zip(&analysis.assertions).find(|(m, _)| {
            m.span.overlaps(span) && mark.concept.as_deref().is_none_or(|c| *engine.lexicon.concept(m.concept).id == *c)
        });
        match found {
            None => wrong.push(format!("no mention of {} there", mark.concept.as_deref().unwrap_or("any finding"))),
            Some((_, a)) => {
                let got = told(a.status, a.time, a.subject);
                if got != mark.status {
                    wrong.push(format!("\"{}\" is {got}; expected {}", &text[mark.start..mark.end], mark.status));
                }
            }
        }
    }
    if by_this != hit {
        wrong.push(if hit { "the rule had no part in it" } else { "the rule had a part in it" }.to_owned());
    }
    wrong
}

fn section(engine: &Engine, rule: RuleId, sentence: &str, hit: bool) -> Vec<String> {
    let (text, _) = strip_marks(sentence);
    let analysis = engine.analyze_with(&mut Scratch::default(), &text);
    let opened = analysis.sections.iter().any(|s| s.rule(&engine.rules) == Some(rule));
    match (opened, hit) {
        (false, true) => vec!["no such section opens".to_owned()],
        (true, false) => vec!["the section opens".to_owned()],
        _ => Vec::new(),
    }
}

/// Every scheme and profile binds, every label has a definition and examples, and every example holds.
fn schemes(engine: &Engine, checked: &mut Checked) {
    for source in &engine.rules.schemes {
        match source.bind(&engine.lexicon) {
            Err(faults) => checked.faults.extend_from_slice(faults),
            // What is made of the lexicon was checked with it.
            Ok(_) if source.is_lexicon() => {}
            Ok(bound) => scheme(engine, bound, checked),
        }
    }
    for profile in &engine.rules.profiles {
        if let Err(faults) = profile.bind(&engine.rules.schemes, &engine.lexicon) {
            checked.faults.extend(faults);
        }
    }
}

fn scheme(engine: &Engine, bound: &BoundScheme, checked: &mut Checked) {
    let scheme = &bound.scheme;
    let special = scheme.no_finding.as_ref().map(|n| n.label);
    let mut counted = vec![false; scheme.labels.len()];
    for target in bound.targets.iter().flatten() {
        counted[target.label as usize] = true;
    }
    let mut scratch = Scratch::default();
    for (i, label) in scheme.labels.iter().enumerate() {
        checked.labels += 1;
        let mut fault = |message: String| {
            let message = format!("label \"{}\": {message}", label.name);
            checked.faults.push(Fault::new(&scheme.file, label.line as usize, message));
        };
        if special != Some(i)
            && !counted[i]
            && label.grades.is_empty()
            && (bound.children[i].is_empty() || !scheme.hierarchy.up)
        {
            fault("no concept counts for it".to_owned());
        }
        if label.definition.trim().is_empty() {
            fault("no definition".to_owned());
        }
        if label.examples.is_empty() {
            fault("no examples".to_owned());
        }
        for (text, want) in &label.examples {
            checked.sentences += 1;
            let analysis = engine.analyze_with(&mut scratch, text);
            let labels = engine.labels_of(text, &analysis, bound, scheme.hierarchy);
            let got = labels.iter().find(|l| l.label as usize == i).map(|l| l.value);
            if got != *want {
                fault(format!("example {text:?} gives {}; expected {}", value_name(got), value_name(*want)));
            }
        }
    }
}
