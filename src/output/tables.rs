//! The tables that a run can write: reports with their labels, labels, findings, mentions, a profile's rows.
//!
//! Each says its columns once and then gives the cells of a report's rows ([`Cells`]), so that CSV, Parquet, Arrow
//! and Python show the same. Offsets are code points of the report's text as read.

use super::Labelled;
use super::csv::label_name;
use super::json::Line;
use super::rows::Rows;
use super::said;
use super::table::{Cells, ColumnSpec, Kind};
use super::votes::Votes;
use crate::rules::{BoundScheme, Profile, Scheme};
use crate::said::severity_words;
use crate::{ConceptId, Engine, Span, Status};

/// What one row of a table stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Shape {
    /// One row a report: a column a label
    Reports,
    /// One row a label that is mentioned
    LabelsLong,
    /// One row a finding of a report: what the whole report says of one concept
    Findings,
    /// One row a mention, with its offsets, status, attributes, codes and evidence
    Mentions,
}

/// Columns beside the shape's own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Added {
    /// What ties the report to a study.
    pub(crate) study: bool,
    /// The report's text as read.
    pub(crate) text: bool,
    /// What was odd about the report.
    pub(crate) notes: bool,
    /// The probability that a label's value, or the verdict on a mention, is right.
    pub(crate) confidence: bool,
    /// What a model said of a mention.
    pub(crate) model: bool,
}

/// A table of one shape under the schemes of a run.
pub(crate) struct Table<'a> {
    shape: Shape,
    added: Added,
    profile: Option<(&'a Profile, &'a BoundScheme)>,
    votes: Option<&'a Votes>,
    columns: Vec<ColumnSpec>,
}

const STUDY: [(&str, &str); 10] = [
    ("accession", "Accession number"),
    ("study_uid", "DICOM Study Instance UID"),
    ("patient_id", "Patient id"),
    ("date", "Study date, as given"),
    ("modality", "DICOM modality code"),
    ("body_part", "Body part examined"),
    ("sex", "The patient's sex"),
    ("age", "The patient's age"),
    ("report_time", "When the report was written or released"),
    ("report_status", "preliminary, final, amended, ..."),
];

/// Systems of codes that have a column of their own.
const SYSTEMS: [&str; 3] = ["radlex", "snomed", "icd10"];

impl<'a> Table<'a> {
    /// The table of a shape.
    pub(crate) fn new(shape: Shape, schemes: &[&Scheme], added: Added) -> Table<'a> {
        let mut columns = vec![column("id", Kind::Text, "The report's id")];
        if added.study {
            columns.extend(STUDY.map(|(name, about)| column(name, Kind::Text, about)));
        }
        match shape {
            Shape::Reports => {
                for scheme in schemes {
                    for number in 0..scheme.labels.len() {
                        let name = label_name(scheme, number, schemes.len() > 1).into_owned();
                        let about = "1 present, 0 absent, -1 uncertain; missing: not mentioned";
                        columns.push(ColumnSpec { name: name.clone(), kind: Kind::Value, about });
                        if added.confidence {
                            let about = "Probability that the label's value is right";
                            columns.push(ColumnSpec { name: format!("{name} confidence"), kind: Kind::Real, about });
                        }
                    }
                }
            }
            Shape::LabelsLong => {
                columns.push(column("label", Kind::Text, "The label; with several schemes, scheme:label"));
                columns.push(column("value", Kind::Text, "present, absent, uncertain"));
                if added.confidence {
                    columns.push(column("confidence", Kind::Real, "Probability that the value is right"));
                }
            }
            Shape::Findings => columns.extend(FINDING.map(|(name, kind, about)| column(name, kind, about))),
            Shape::Mentions => {
                columns.extend(MENTION.map(|(name, kind, about)| column(name, kind, about)));
                if added.confidence {
                    columns.push(column("confidence", Kind::Real, "Probability that status and time are right"));
                }
                if added.model {
                    columns.extend(MODEL.map(|(name, kind, about)| column(name, kind, about)));
                }
            }
        }
        if added.notes {
            columns.push(column("notes", Kind::Texts, "What was odd about the report or its input"));
        }
        if added.text {
            columns.push(column("text", Kind::Text, "The report's text as read; offsets count in it"));
        }
        Table { shape, added, profile: None, votes: None, columns }
    }

    /// The table of a profile.
    pub(crate) fn profile(profile: &'a Profile, bound: &'a BoundScheme) -> Table<'a> {
        let columns = profile.columns.iter().map(|&c| Rows::column(c)).collect();
        Table { shape: Shape::Mentions, added: Added::default(), profile: Some((profile, bound)), votes: None, columns }
    }

    /// The table of the votes of several labelling sources.
    pub(crate) fn votes(votes: &'a Votes) -> Table<'a> {
        let added = Added::default();
        Table { shape: Shape::LabelsLong, added, profile: None, votes: Some(votes), columns: votes.columns() }
    }

    /// The columns.
    pub(crate) fn columns(&self) -> &[ColumnSpec] {
        &self.columns
    }

    /// Gives the rows of one report. `kept` is told the status of every row of a profile.
    pub(crate) fn rows(&self, line: &Line<'_>, cells: &mut dyn Cells, mut kept: impl FnMut(Status)) {
        if let Some((profile, bound)) = self.profile {
            let rows = Rows::of(line, profile, bound);
            let found = rows.rows();
            found.iter().for_each(|row| kept(row.status));
            rows.write_cells(&found, cells);
            return;
        }
        if let Some(votes) = self.votes {
            return votes.rows(&line.report.id, line.labelled, line.policy, cells);
        }
        match self.shape {
            Shape::Reports => {
                self.before(line, cells);
                for one in line.labelled {
                    self.values(line, one, cells);
                }
                self.after(line, cells);
            }
            Shape::LabelsLong => self.labels(line, cells),
            Shape::Findings => self.findings(line, cells),
            Shape::Mentions => {
                for number in 0..line.analysis.mentions.len() {
                    self.before(line, cells);
                    mention(line, number, cells);
                    if self.added.confidence {
                        cells.real(line.engine.mention_confidence(line.analysis, &line.report.text, number));
                    }
                    if self.added.model {
                        model(line, number, cells);
                    }
                    self.after(line, cells);
                }
            }
        }
    }

    fn before(&self, line: &Line<'_>, cells: &mut dyn Cells) {
        cells.text(Some(&line.report.id));
        if self.added.study {
            said::study_fields(&line.report.study).into_iter().for_each(|(_, field)| cells.text(field));
        }
    }

    fn after(&self, line: &Line<'_>, cells: &mut dyn Cells) {
        if self.added.notes {
            let notes: Vec<&str> = line.notes.iter().map(|n| &**n).collect();
            cells.texts(&notes);
        }
        if self.added.text {
            cells.text(Some(&line.report.text));
        }
        cells.end();
    }

    fn values(&self, line: &Line<'_>, one: &Labelled<'_>, cells: &mut dyn Cells) {
        let mut labels = one.labels.iter().enumerate().peekable();
        for number in 0..one.scheme.labels.len() {
            let label = labels.next_if(|(_, l)| l.label as usize == number);
            let value = label.and_then(|(at, l)| Some((at, line.policy.apply(l.value)?)));
            cells.value(value.map(|(_, v)| code(v)));
            if self.added.confidence {
                cells.real(value.map(|(at, _)| one.confidence.get(at).copied().unwrap_or(0.0)));
            }
        }
    }

    fn labels(&self, line: &Line<'_>, cells: &mut dyn Cells) {
        for one in line.labelled {
            for (at, label) in one.labels.iter().enumerate() {
                let Some(value) = line.policy.apply(label.value) else { continue };
                self.before(line, cells);
                cells.text(Some(&label_name(one.scheme, label.label as usize, line.labelled.len() > 1)));
                cells.text(Some(value.name()));
                if self.added.confidence {
                    cells.real(Some(one.confidence.get(at).copied().unwrap_or(0.0)));
                }
                self.after(line, cells);
            }
        }
    }

    fn findings(&self, line: &Line<'_>, cells: &mut dyn Cells) {
        for finding in &line.analysis.findings {
            self.before(line, cells);
            concept(line.engine, finding.concept, cells);
            cells.text(Some(finding.status.name()));
            cells.number(Some(finding.mentions.len() as u32));
            let first = finding.mentions.first().map(|&m| line.analysis.mentions[m as usize].span);
            offsets(line, first, cells);
            self.after(line, cells);
        }
    }
}

const CONCEPT: [(&str, Kind, &str); 6] = [
    ("concept", Kind::Text, "Id of the concept in the lexicon"),
    ("name", Kind::Text, "Its preferred name"),
    ("kind", Kind::Text, "finding, device, ..."),
    ("radlex", Kind::Text, "RadLex id"),
    ("snomed", Kind::Text, "SNOMED CT id"),
    ("icd10", Kind::Text, "ICD-10-CM code"),
];

const FINDING: [(&str, Kind, &str); 10] = [
    CONCEPT[0],
    CONCEPT[1],
    CONCEPT[2],
    CONCEPT[3],
    CONCEPT[4],
    CONCEPT[5],
    ("status", Kind::Text, "present, absent or uncertain: the highest-ranking of its mentions"),
    ("mentions", Kind::Number, "How many counted mentions speak of it"),
    ("start", Kind::Number, "Where the first of them begins, in code points"),
    ("end", Kind::Number, "Where it ends"),
];

const MENTION: [(&str, Kind, &str); 30] = [
    ("start", Kind::Number, "Where it begins, in code points"),
    ("end", Kind::Number, "Where it ends"),
    CONCEPT[0],
    CONCEPT[1],
    CONCEPT[2],
    CONCEPT[3],
    CONCEPT[4],
    CONCEPT[5],
    ("status", Kind::Text, "present, absent, uncertain"),
    ("time", Kind::Text, "current, historical, hypothetical"),
    ("subject", Kind::Text, "patient, family, other"),
    ("side", Kind::Text, "left, right, bilateral"),
    ("change", Kind::Text, "new, increased, decreased, unchanged, resolved"),
    ("severity", Kind::Text, "In the report's words"),
    ("location", Kind::Texts, "Ids of the parts of the body, the nearest first"),
    ("size_mm", Kind::Reals, "The first size: one to three dimensions in mm"),
    ("hu", Kind::Reals, "The first attenuation in Hounsfield units"),
    ("suv", Kind::Reals, "The first standardised uptake value"),
    ("count", Kind::Text, "A number, or multiple, several, few, numerous"),
    ("acuity", Kind::Text, "acute, subacute, chronic, old, healed"),
    ("position", Kind::Text, "Of a device: in-position, malpositioned"),
    ("tip", Kind::Text, "Of a device: the part that its tip lies in"),
    ("section", Kind::Text, "findings, impression, ...; body without headings"),
    ("sentence_start", Kind::Number, "Where its sentence begins, in code points"),
    ("sentence_end", Kind::Number, "Where it ends"),
    ("counted", Kind::Flag, "It stands in a section that labels rest on"),
    ("rules", Kind::Texts, "The rules that decided, as in the evidence"),
    ("cue", Kind::Text, "The first rule's cue, as it stands in the text"),
    ("cue_start", Kind::Number, "Where that cue begins, in code points"),
    ("cue_end", Kind::Number, "Where it ends"),
];

const MODEL: [(&str, Kind, &str); 2] = [
    (
        "model",
        Kind::Text,
        "What the model says where it was asked: present, absent, uncertain, historical, hypothetical, no-answer; with \
         `--refine`",
    ),
    ("model_probability", Kind::Real, "How likely the model holds that; with `--refine`"),
];

fn column(name: &str, kind: Kind, about: &'static str) -> ColumnSpec {
    ColumnSpec { name: name.to_owned(), kind, about }
}

/// The integer of a label's value.
pub(crate) const fn code(status: Status) -> i8 {
    match status {
        Status::Present => 1,
        Status::Absent => 0,
        Status::Uncertain => -1,
    }
}

fn concept(engine: &Engine, id: ConceptId, cells: &mut dyn Cells) {
    let concept = engine.lexicon.concept(id);
    cells.text(Some(&concept.id));
    cells.text(Some(&concept.name));
    cells.text(Some(concept.kind.name()));
    for system in SYSTEMS {
        cells.text(concept.codes.iter().find(|(s, _)| &**s == system).map(|(_, code)| &**code));
    }
}

fn offsets(line: &Line<'_>, span: Option<Span>, cells: &mut dyn Cells) {
    let text = &line.report.text;
    cells.number(span.map(|s| line.offsets.code_point(text, s.start)));
    cells.number(span.map(|s| line.offsets.end(text, s.end)));
}

fn mention(line: &Line<'_>, number: usize, cells: &mut dyn Cells) {
    let Line { engine, analysis, report, .. } = line;
    let mention = &analysis.mentions[number];
    let assertion = &analysis.assertions[number];
    offsets(line, Some(mention.span), cells);
    concept(engine, mention.concept, cells);
    cells.text(Some(assertion.status.name()));
    cells.text(Some(assertion.time.name()));
    cells.text(Some(assertion.subject.name()));
    cells.text(mention.side.map(|s| s.name()));
    cells.text(assertion.change.map(|c| c.name()));
    cells.text(mention.severity.map(|s| severity_words(&report.text, s)).as_deref());
    let parts: Vec<&str> = mention.location.iter().flatten().map(|&p| &*engine.lexicon.concept(p).id).collect();
    cells.texts(&parts);
    let attributes = analysis.attributes_of(number as u32);
    let named = |name: &str| attributes.iter().map(|a| a.detail).find(|d| d.name() == name);
    for name in ["size", "hu", "suv"] {
        let values = named(name).and_then(|d| d.measurement().copied());
        let values: Vec<f64> =
            values.iter().flat_map(|m| m.values().iter().map(|&v| crate::measure::measured(v))).collect();
        cells.reals(&values);
    }
    for name in ["count", "acuity", "position", "tip"] {
        cells.text(named(name).map(|d| d.told(&engine.rules, &engine.lexicon)).as_deref());
    }
    let sentence = &analysis.sentences[mention.sentence as usize];
    let section = analysis.sections[sentence.section as usize].kind;
    cells.text(Some(engine.section_id(section)));
    offsets(line, Some(sentence.span), cells);
    cells.flag(mention.counts);
    let evidence = analysis.evidence_of(assertion);
    let rules = evidence.iter().chain(attributes.iter().map(|a| &a.evidence)).map(|e| &*engine.rules.info(e.rule).id);
    cells.texts(&rules.collect::<Vec<_>>());
    let cue = evidence.first().map(|e| e.span);
    cells.text(cue.map(|c| &report.text[c.range()]));
    offsets(line, cue, cells);
}

fn model(line: &Line<'_>, number: usize, cells: &mut dyn Cells) {
    let asked = line.analysis.refined_of(number as u32);
    let said = asked.and_then(|one| one.opinion).map(|o| o.verdict());
    cells.text(asked.map(|_| said.map_or("no-answer", |(verdict, _)| verdict.name())));
    cells.real(said.map(|(_, probability)| probability));
}
