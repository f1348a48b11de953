//! What there is to tell of one report: every mention with its reasons, every label with its mentions.
//!
//! Flat and ready to print; the two renderers look nothing up. Which mention speaks of which label is not
//! worked out here a second time: the engine is asked for the labels of a report that holds this one mention.

use super::whole::{Group, groups};
use crate::cli::refine::{Refiner, UNANSWERED};
use crate::cli::whole::WholeOptions;
use crate::label::value_name;
use crate::lexicon::Side;
use crate::refine::Refined;
use crate::rules::{BoundScheme, RuleKind, Status, Subject, Time};
use crate::{Analysis, Assertion, Change, Engine, Evidence, Mention, Report, Span};

/// How a mention is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shade {
    Present,
    Uncertain,
    Absent,
    /// Past, asked, conditional, or of somebody else.
    Aside,
}

/// All that is told of one report.
pub(super) struct Account<'e> {
    pub(super) id: &'e str,
    pub(super) text: &'e str,
    pub(super) scheme: &'e str,
    pub(super) mentions: Vec<MentionAccount<'e>>,
    /// In the scheme's order.
    pub(super) labels: Vec<LabelAccount<'e>>,
    pub(super) headings: Vec<Span>,
    /// Bodies of sections that do not count for labels.
    pub(super) muted: Vec<Span>,
    pub(super) notes: Vec<&'static str>,
    /// Facts, grades and alerts, where asked for.
    pub(super) whole: Vec<Group>,
}

/// One mention.
pub(super) struct MentionAccount<'e> {
    pub(super) span: Span,
    pub(super) sentence: Span,
    /// Name of its concept.
    pub(super) name: &'e str,
    /// Where the lexicon names the concept.
    pub(super) named_at: String,
    pub(super) shade: Shade,
    /// Its status, or why it has none, in one word.
    pub(super) word: &'static str,
    /// Side, severity, change and place, where said.
    pub(super) attributes: Vec<(&'static str, String)>,
    /// The reasons, those that decided first.
    pub(super) reasons: Vec<Reason<'e>>,
    /// What a model said, where one was asked.
    pub(super) model: Option<ModelAccount>,
    /// Why it does not count for labels, where it does not.
    pub(super) aside: Option<String>,
    /// Labels that it speaks of.
    pub(super) labels: Vec<usize>,
}

/// One rule that spoke, and the words that it saw.
pub(super) struct Reason<'e> {
    pub(super) rule: &'e str,
    /// `file:line`.
    pub(super) place: String,
    pub(super) why: &'e str,
    /// The words, in order; a composition sees two.
    pub(super) cues: Vec<Span>,
    /// What it gives: "absent", "historical", "left".
    pub(super) gives: Vec<&'static str>,
    /// It gives the word that the mention is shown with.
    pub(super) decides: bool,
}

/// What a model said of a mention.
pub(super) struct ModelAccount {
    /// Its name, its answer, and what the rules said.
    pub(super) said: String,
    /// What both together give, where it is not what the rules said.
    pub(super) turned: Option<&'static str>,
}

impl ModelAccount {
    fn of(name: &str, refined: &Refined) -> ModelAccount {
        let answer = refined.opinion.map_or_else(
            || "gave no answer".to_owned(),
            |opinion| {
                let (verdict, probability) = opinion.verdict();
                format!("says {} {probability:.2}", verdict.name())
            },
        );
        let said = format!("model {name} {answer}, rules said {} {:.2}", refined.rules.name(), refined.confidence);
        ModelAccount { said, turned: refined.changed().then(|| refined.verdict.name()) }
    }
}

impl MentionAccount<'_> {
    /// Whether the rules saw nothing that gives the word it is shown with, and no model gave it.
    pub(super) fn plain(&self) -> bool {
        !self.reasons.iter().any(|r| r.decides) && self.model.as_ref().is_none_or(|m| m.turned.is_none())
    }
}

/// One label.
pub(super) struct LabelAccount<'e> {
    pub(super) name: &'e str,
    pub(super) definition: &'e str,
    pub(super) place: String,
    pub(super) value: Option<Status>,
    /// The mention that decided.
    pub(super) decider: Option<usize>,
    /// Other mentions that count for it.
    pub(super) others: Vec<usize>,
    /// Mentions that would speak of it and do not count.
    pub(super) aside: Vec<usize>,
    /// "No Finding" rests on what is not said, so it is told in words.
    pub(super) note: Option<String>,
}

/// What reads a report.
pub(super) struct Reader<'e> {
    pub(super) engine: &'e Engine,
    pub(super) bound: &'e BoundScheme,
    /// Doubtful mentions are asked of it.
    pub(super) refiner: Option<&'e Refiner>,
}

impl<'e> Account<'e> {
    /// Reads the report and gathers what to tell.
    pub(super) fn new(
        &Reader { engine, bound, refiner }: &Reader<'e>,
        report: &'e Report,
        whole: &WholeOptions,
        confidence: bool,
    ) -> Account<'e> {
        let mut analysis = engine.analyze(report);
        if let Some(refiner) = refiner {
            refiner.refine_one(engine, &report.text, &mut analysis);
        }
        let mut mentions: Vec<MentionAccount> =
            (0..analysis.mentions.len()).map(|i| mention_account(engine, bound, &analysis, report, i)).collect();
        for (i, mention) in mentions.iter_mut().enumerate() {
            mention.model = refiner.zip(analysis.refined_of(i as u32)).map(|(r, one)| ModelAccount::of(r.name(), one));
        }
        for (i, mention) in mentions.iter_mut().enumerate().filter(|_| confidence) {
            let sure = engine.mention_confidence(&analysis, &report.text, i);
            mention.attributes.extend(sure.map(|p| ("confidence", format!("{p:.3}"))));
        }
        let mut labels: Vec<LabelAccount> = bound
            .scheme
            .labels
            .iter()
            .enumerate()
            .map(|(number, rule)| LabelAccount {
                name: &rule.name,
                definition: &rule.definition,
                place: bound.scheme.place(number),
                value: None,
                decider: None,
                others: Vec::new(),
                aside: Vec::new(),
                note: None,
            })
            .collect();
        for label in engine.labels_of(&report.text, &analysis, bound, bound.scheme.hierarchy) {
            let account = &mut labels[label.label as usize];
            account.value = Some(label.value);
            account.decider = label.because.map(|m| m as usize);
            if label.because.is_none() && !bound.scheme.labels[label.label as usize].grades.is_empty() {
                account.note = Some("the report gives this grade".to_owned());
            }
        }
        for (i, mention) in mentions.iter().enumerate() {
            for &label in &mention.labels {
                let account = &mut labels[label];
                if mention.aside.is_some() {
                    account.aside.push(i);
                } else if account.decider != Some(i) {
                    account.others.push(i);
                }
            }
        }
        if let Some(rule) = &bound.scheme.no_finding {
            no_finding(engine, bound, &analysis, &mut labels[rule.label], rule.label);
        }
        let muted = |s: &&crate::Section| s.kind.is_some_and(|k| !engine.rules.sections[k as usize].labels);
        let unanswered = analysis.refined.iter().any(|one| one.opinion.is_none());
        let notes = analysis.notes.iter().map(|n| n.text()).chain(unanswered.then_some(UNANSWERED));
        Account {
            id: &report.id,
            text: &report.text,
            scheme: &bound.scheme.title,
            mentions,
            labels,
            headings: analysis.sections.iter().map(|s| s.heading).filter(|h| !h.is_empty()).collect(),
            muted: analysis.sections.iter().filter(muted).map(|s| s.body).collect(),
            notes: notes.collect(),
            whole: groups(engine, report, &analysis, whole),
        }
    }

    /// The text of a span on one line.
    pub(super) fn quote(&self, span: Span) -> String {
        self.text[span.range()].split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// The words that a rule saw, quoted.
    pub(super) fn cue(&self, reason: &Reason) -> String {
        let words: Vec<String> = reason.cues.iter().map(|&c| format!("\u{201c}{}\u{201d}", self.quote(c))).collect();
        words.join(" + ")
    }

    /// How many labels have this value.
    pub(super) fn count(&self, value: Option<Status>) -> usize {
        self.labels.iter().filter(|l| l.value == value).count()
    }
}

impl LabelAccount<'_> {
    /// The word of its value; "No Finding" is no finding that a report could mention.
    pub(super) const fn word(&self) -> &'static str {
        match self.value {
            None if self.note.is_some() => "not given",
            value => value_name(value),
        }
    }
}

/// The time, where it is worth a word.
fn time_word(time: Time) -> Option<&'static str> {
    (time != Time::Current).then(|| time.name())
}

/// The subject, where it is worth a word.
fn subject_word(subject: Subject) -> Option<&'static str> {
    (subject != Subject::Patient).then(|| subject.name())
}

fn shown_as(assertion: &Assertion) -> (Shade, &'static str) {
    match (subject_word(assertion.subject).or(time_word(assertion.time)), assertion.status) {
        (Some(word), _) => (Shade::Aside, word),
        (None, Status::Present) => (Shade::Present, Status::Present.name()),
        (None, Status::Uncertain) => (Shade::Uncertain, Status::Uncertain.name()),
        (None, Status::Absent) => (Shade::Absent, Status::Absent.name()),
    }
}

fn mention_account<'e>(
    engine: &'e Engine,
    bound: &BoundScheme,
    analysis: &Analysis,
    report: &Report,
    at: usize,
) -> MentionAccount<'e> {
    let (mention, assertion) = (&analysis.mentions[at], &analysis.assertions[at]);
    let concept = engine.lexicon.concept(mention.concept);
    let (shade, word) = shown_as(assertion);
    let section = &analysis.sections[analysis.sentences[mention.sentence as usize].section as usize];
    let mut reasons: Vec<Reason> = Vec::new();
    for evidence in analysis.evidence_of(assertion) {
        let mut reason = reason(engine, evidence, word);
        // What a section says by itself is said by its heading.
        if engine.rules.kind(evidence.rule) == RuleKind::Section && !section.heading.is_empty() {
            reason.cues = vec![section.heading];
        }
        match reasons.iter_mut().find(|r| r.place == reason.place && r.rule == reason.rule) {
            Some(known) => known.cues.extend(reason.cues),
            None => reasons.push(reason),
        }
    }
    for reason in &mut reasons {
        reason.cues.sort();
        reason.cues.dedup();
    }
    reasons.sort_by_key(|r| !r.decides);
    let mut attributes = Vec::new();
    attributes.extend(mention.severity.map(|s| ("severity", report.text[s.range()].to_owned())));
    attributes.extend(mention.side.map(|s| ("side", s.name().to_owned())));
    attributes.extend(assertion.change.map(|c| ("change", c.name().to_owned())));
    let places: Vec<&str> = mention.location.iter().flatten().map(|&c| &*engine.lexicon.concept(c).name).collect();
    attributes.extend((!places.is_empty()).then(|| ("place", places.join(", "))));
    let details = analysis.attributes_of(at as u32).iter().map(|a| &a.detail);
    attributes.extend(details.map(|d| (d.name(), d.told(&engine.rules, &engine.lexicon))));
    let now = Assertion { time: Time::Current, subject: Subject::Patient, ..*assertion };
    let no_finding = bound.scheme.no_finding.as_ref().map(|n| n.label);
    let alone = engine.labels(&alone(analysis, at, Mention { counts: true, ..*mention }, now), bound);
    MentionAccount {
        span: mention.span,
        sentence: analysis.sentences[mention.sentence as usize].span,
        name: &concept.name,
        named_at: format!("{}:{}", engine.lexicon.files[concept.file as usize].name, concept.line),
        shade,
        word,
        attributes,
        reasons,
        model: None,
        aside: aside(engine, analysis, mention, assertion),
        labels: alone.iter().map(|l| l.label as usize).filter(|&l| Some(l) != no_finding).collect(),
    }
}

/// The analysis of a report that holds this one mention and nothing else.
fn alone(analysis: &Analysis, number: usize, mention: Mention, assertion: Assertion) -> Analysis {
    let attributes = analysis.attributes_of(number as u32).iter().map(|a| crate::Attribute { mention: 0, ..*a });
    Analysis {
        attributes: attributes.collect(),
        mentions: vec![mention],
        assertions: vec![assertion],
        reads_body: analysis.reads_body,
        ..Analysis::default()
    }
}

fn reason<'e>(engine: &'e Engine, evidence: &Evidence, word: &str) -> Reason<'e> {
    let rules = &engine.rules;
    let info = rules.info(evidence.rule);
    let mut gives: Vec<&'static str> = Vec::new();
    match rules.kind(evidence.rule) {
        RuleKind::Cue => {
            if let Some(cue) = rules.cues.iter().find(|c| c.rule == evidence.rule) {
                gives.extend(cue.status.map(Status::name));
                gives.extend(cue.time.and_then(time_word));
                gives.extend(cue.subject.and_then(subject_word));
                gives.extend(cue.change.map(Change::name));
                gives.extend(cue.side.map(Side::name));
                gives.extend(cue.severity.then_some("severity"));
                // A joint of alternatives (or, versus) hedges both without a status of its own.
                gives.extend((cue.alternative && cue.status.is_none()).then_some("uncertain"));
            }
        }
        RuleKind::Composition => {
            let measured = rules.measured.iter().map(|m| &m.composition);
            let composition = rules.compositions.iter().chain(measured).find(|c| c.rule == evidence.rule);
            gives.extend(composition.map(|c| c.status.name()));
        }
        RuleKind::Sense => {}
        RuleKind::Measure => gives.push("measurement"),
        RuleKind::Section => {
            if let Some(section) = rules.sections.iter().find(|s| s.rule == evidence.rule) {
                gives.extend(time_word(section.time));
                gives.extend(subject_word(section.subject));
                gives.extend((section.asks && section.time == Time::Current).then_some("hypothetical"));
            }
        }
        // These speak of the report, not of a mention.
        RuleKind::Fact | RuleKind::Grade | RuleKind::Alert => {}
    }
    let decides = gives.contains(&word);
    Reason {
        rule: &info.id,
        place: format!("{}:{}", info.file, info.line),
        why: &info.why,
        cues: vec![evidence.span],
        gives,
        decides,
    }
}

/// Why a mention does not count for labels.
fn aside(engine: &Engine, analysis: &Analysis, mention: &Mention, assertion: &Assertion) -> Option<String> {
    let mut why: Vec<String> = Vec::new();
    match assertion.subject {
        Subject::Patient => {}
        Subject::Family => why.push("it is about a relative".to_owned()),
        Subject::Other => why.push("it is not about the patient".to_owned()),
    }
    match assertion.time {
        Time::Current => {}
        Time::Historical => why.push("it is told as past".to_owned()),
        Time::Hypothetical => why.push("it is only asked, planned or conditional".to_owned()),
    }
    if !mention.counts {
        let section = &analysis.sections[analysis.sentences[mention.sentence as usize].section as usize];
        why.push(match section.kind.map(|k| &engine.rules.sections[k as usize]) {
            Some(rule) => {
                let info = engine.rules.info(rule.rule);
                format!("the section \"{}\" does not count for labels ({}:{})", rule.id, info.file, info.line)
            }
            None => "it stands before the first heading, and the report has a section of findings".to_owned(),
        });
    }
    (!why.is_empty()).then(|| why.join("; "))
}

/// "No Finding" is given where nothing stands against it; each mention is asked whether it does.
fn no_finding(engine: &Engine, bound: &BoundScheme, analysis: &Analysis, label: &mut LabelAccount, number: usize) {
    if label.value.is_some() {
        label.note = Some("nothing that the report says stands against it".to_owned());
        return;
    }
    if !analysis.reads_body {
        label.note = Some("no section reports anything, so nothing is known".to_owned());
        return;
    }
    label.others = (0..analysis.mentions.len())
        .filter(|&i| {
            let alone = alone(analysis, i, analysis.mentions[i], analysis.assertions[i]);
            !engine.labels(&alone, bound).iter().any(|l| l.label as usize == number)
        })
        .collect();
    label.note = Some("these findings stand against it".to_owned());
}
