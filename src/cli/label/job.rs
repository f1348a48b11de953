//! What a thread does with a batch: reports in, rows, lines or files out.

use super::layout::Layout;
use super::manifest::Point;
use super::parts::Load;
use super::selection::Selection;
use crate::cli::ids;
use crate::cli::refine::{Asked, Refiner, UNANSWERED};
use crate::cli::stream::Done;
use crate::cli::summary::Tally;
use crate::cli::whole::WholeOptions;
use crate::engine::Note;
use crate::input::{Batch, Reading, Told};
use crate::label::Policy;
use crate::output::{self, CsvCells, Labelled, Line, Look, Offsets, Rows, Table, Whole};
use crate::rules::{BoundScheme, Hierarchy, Profile};
use crate::{Analysis, Engine, Metadata, Report, Scratch};
use std::borrow::Cow;

/// Text that waits, analysed, for a model to be asked about all of it at once: some hundred reports.
const WAITING_BYTES: usize = 1 << 18;

/// What every thread shares.
pub(super) struct Job<'a> {
    pub(super) engine: &'a Engine,
    /// The schemes, each with the way its values travel.
    pub(super) schemes: Vec<(&'a BoundScheme, Hierarchy)>,
    /// Where it stands, rows of mentions are written, not labels.
    pub(super) profile: Option<&'a Profile>,
    pub(super) policy: Policy,
    pub(super) layout: Layout,
    pub(super) table: Table<'a>,
    pub(super) look: Look,
    pub(super) whole: &'a WholeOptions,
    pub(super) selection: Selection,
    /// What stands before it was done by an earlier run.
    pub(super) from: Point,
    /// The text is written beside the labels.
    pub(super) text: bool,
    /// Each label and mention is written with the probability that it is right.
    pub(super) confidence: bool,
    /// Doubtful mentions are asked of it.
    pub(super) refiner: Option<&'a Refiner>,
    #[cfg(feature = "arrow")]
    pub(super) schema: Option<arrow_schema::SchemaRef>,
}

/// What every thread has for itself.
#[derive(Default)]
pub(super) struct State {
    scratch: Scratch,
    offsets: Offsets,
    #[cfg(feature = "arrow")]
    cells: Option<crate::arrow::cells::ArrowCells>,
}

/// Where the results of a batch go.
enum Out<'s> {
    Csv(Box<CsvCells>),
    Bytes(Vec<u8>),
    Files(Vec<(String, Vec<u8>)>),
    #[cfg(feature = "arrow")]
    Arrow(&'s mut crate::arrow::cells::ArrowCells),
    #[cfg(not(feature = "arrow"))]
    #[expect(dead_code, reason = "binds the lifetime")]
    None(std::marker::PhantomData<&'s ()>),
}

impl Job<'_> {
    /// Labels a batch.
    pub(super) fn work(&self, state: &mut State, batch: &Batch, done: &mut Done<Load>) {
        let State { scratch, offsets, .. } = state;
        let mut out = match self.layout {
            Layout::Csv => Out::Csv(Box::new(CsvCells::over(std::mem::take(&mut done.bytes)))),
            Layout::Brat | Layout::DicomSr => Out::Files(Vec::new()),
            #[cfg(feature = "arrow")]
            Layout::Parquet | Layout::Arrow => match &self.schema {
                Some(schema) => Out::Arrow(state.cells.get_or_insert_with(|| {
                    crate::arrow::cells::ArrowCells::new(self.table.columns(), std::sync::Arc::clone(schema))
                })),
                None => Out::Bytes(Vec::new()),
            },
            _ => Out::Bytes(std::mem::take(&mut done.bytes)),
        };
        let Done { reports, told, tally, load, .. } = done;
        load.batch = batch.number;
        // The batch that the last part ended in is labelled once more, whole, and cut (`parts`): a slice of a batch
        // need not have the very bytes of a batch of the same rows.
        let done_before = batch.number < self.from.batch;
        let mut faults = Vec::new();
        let mut giant = false;
        let mut put = |read: Result<(Reading, Analysis), Told>| match read {
            Err(fault) => faults.push(fault),
            Ok((reading, analysis)) => {
                let report = &reading.report;
                tally.reports += 1;
                tally.mentions += analysis.mentions.len() as u64;
                tally.asked.add(Asked::count(analysis.mentions.len(), &analysis.refined));
                let notes = notes(&reading, &analysis, tally);
                if self.layout != Layout::Table {
                    offsets.set_with_origin(&report.text, &reading.origin);
                }
                let fault = self.write(report, &analysis, &notes, offsets, &mut out, tally);
                faults.extend(fault.map(|message| Told::problem(&report.id, message)));
                giant |= report.text.len() > 1 << 20;
                reports.push((out.len(), ids::hash(&report.id)));
            }
        };
        let mut waiting = Waiting::default();
        batch.read(told, |reading| {
            let read = match reading {
                Err(fault) => Err(fault),
                Ok(reading) if !self.selection.keeps(&reading.report.id) => return,
                Ok(reading) if done_before => return load.skipped.push(ids::hash(&reading.report.id)),
                Ok(reading) => {
                    let analysis = self.engine.analyze_with(scratch, &reading.report.text);
                    Ok((reading, analysis))
                }
            };
            match self.refiner {
                None => put(read),
                Some(refiner) => {
                    waiting.take(read);
                    if waiting.bytes > WAITING_BYTES {
                        waiting.refined(self.engine, refiner).for_each(&mut put);
                    }
                }
            }
        });
        if let Some(refiner) = self.refiner {
            waiting.refined(self.engine, refiner).for_each(put);
        }
        told.append(&mut faults);
        match out {
            Out::Csv(cells) => done.bytes = cells.into_bytes(),
            Out::Bytes(bytes) => done.bytes = bytes,
            Out::Files(files) => done.load.files = files,
            #[cfg(feature = "arrow")]
            Out::Arrow(cells) => match cells.finish() {
                Ok(rows) => done.load.rows = Some(rows),
                Err(message) => done.load.fault = Some(message),
            },
            #[cfg(not(feature = "arrow"))]
            Out::None(_) => {}
        }
        if giant {
            // A giant leaves giant buffers behind.
            *state = State::default();
        }
    }

    /// Writes what is said of one report; gives what kept it from being written.
    fn write(
        &self,
        report: &Report,
        analysis: &Analysis,
        notes: &[Cow<'static, str>],
        offsets: &Offsets,
        out: &mut Out<'_>,
        tally: &mut Tally,
    ) -> Option<String> {
        let labelled = match self.profile {
            Some(_) => Vec::new(),
            None => self.labelled(report, analysis),
        };
        let (engine, policy) = (self.engine, self.policy);
        let values = labelled.iter().flat_map(|one| &one.labels).filter_map(|l| self.policy.apply(l.value));
        values.for_each(|value| tally.label(value));
        let mut more = Vec::new();
        if self.confidence && self.layout == Layout::Jsonl {
            output::confidence(&mut more, &labelled, policy);
        }
        self.more(offsets, report, analysis, &mut more);
        let line = Line {
            engine,
            policy,
            report,
            analysis,
            labelled: &labelled,
            notes,
            offsets,
            more: &more,
            text: self.text,
            confidence: self.confidence,
            model: self.refiner.map(Refiner::name),
        };
        match out {
            Out::Csv(cells) => self.table.rows(&line, &mut **cells, |status| tally.label(status)),
            #[cfg(feature = "arrow")]
            Out::Arrow(cells) => self.table.rows(&line, &mut **cells, |status| tally.label(status)),
            Out::Files(files) => match self.layout {
                Layout::Brat => {
                    let stem = output::file_name(&report.id);
                    let mut annotations = Vec::new();
                    output::brat::ann(&line, &mut annotations);
                    files.push((format!("{stem}.txt"), report.text.clone().into_bytes()));
                    files.push((format!("{stem}.ann"), annotations));
                }
                _ => match sr(&line) {
                    Ok(bytes) => files.push((format!("{}.dcm", output::file_name(&report.id)), bytes)),
                    Err(message) => return Some(message),
                },
            },
            Out::Bytes(bytes) => match (self.layout, self.profile) {
                (Layout::Table, _) => output::row(bytes, &report.id, &labelled, policy, self.look),
                (Layout::Jsonl, Some(profile)) => {
                    let rows = Rows::of(&line, profile, self.schemes[0].0);
                    let found = rows.rows();
                    found.iter().for_each(|row| tally.label(row.status));
                    rows.write_jsonl(&found, bytes);
                }
                (Layout::Fhir, _) => output::fhir::line(&line, bytes),
                (Layout::BiocXml, _) => output::bioc::xml(&line, bytes),
                (Layout::BiocJson, _) => {
                    // Before every document; the first of a part does without (`parts`).
                    bytes.extend_from_slice(output::bioc::JSON_BETWEEN);
                    output::bioc::json(&line, bytes);
                }
                _ => line.write(bytes),
            },
            #[cfg(not(feature = "arrow"))]
            Out::None(_) => {}
        }
        None
    }

    fn labelled(&self, report: &Report, analysis: &Analysis) -> Vec<Labelled<'_>> {
        let mut out = Vec::new();
        for &(bound, hierarchy) in &self.schemes {
            let labels = self.engine.labels_of(&report.text, analysis, bound, hierarchy);
            let confidence = match self.confidence {
                true => self.engine.confidences(analysis, &report.text, bound, &labels).unwrap_or_default(),
                false => Vec::new(),
            };
            out.push(Labelled { scheme: &bound.scheme, labels, confidence });
        }
        out
    }

    /// The members that were asked for beside labels and mentions.
    fn more(&self, offsets: &Offsets, report: &Report, analysis: &Analysis, out: &mut Vec<u8>) {
        let whole = Whole { engine: self.engine, text: &report.text, offsets };
        if self.whole.facts {
            let facts = self.engine.facts_dated(report, analysis, self.whole.dates.order());
            whole.facts(out, &facts, &self.engine.grades_of(&report.text, analysis));
        }
        if self.whole.alerts {
            whole.alerts(out, &self.engine.safety(report, analysis, &Metadata::default()));
        }
    }
}

/// What was read of a batch, in order, until a model has been asked about it.
#[derive(Default)]
struct Waiting {
    read: Vec<Result<(Reading, Analysis), Told>>,
    /// The text among it.
    bytes: usize,
}

impl Waiting {
    fn take(&mut self, read: Result<(Reading, Analysis), Told>) {
        self.bytes += read.as_ref().map_or(0, |(reading, _)| reading.report.text.len());
        self.read.push(read);
    }

    /// Asks about all that waits at once, and gives it.
    fn refined(
        &mut self,
        engine: &Engine,
        refiner: &Refiner,
    ) -> impl Iterator<Item = Result<(Reading, Analysis), Told>> + use<> {
        let mut reports: Vec<(&str, &mut Analysis)> =
            self.read.iter_mut().flatten().map(|(reading, analysis)| (&*reading.report.text, analysis)).collect();
        refiner.refine(engine, &mut reports);
        self.bytes = 0;
        std::mem::take(&mut self.read).into_iter()
    }
}

impl Out<'_> {
    /// How much was written: bytes, rows or files.
    fn len(&mut self) -> usize {
        match self {
            Out::Csv(cells) => cells.len(),
            Out::Bytes(bytes) => bytes.len(),
            Out::Files(files) => files.len(),
            #[cfg(feature = "arrow")]
            Out::Arrow(cells) => cells.rows(),
            #[cfg(not(feature = "arrow"))]
            Out::None(_) => 0,
        }
    }
}

/// What was odd about a report.
fn notes(reading: &Reading, analysis: &Analysis, tally: &mut Tally) -> Vec<Cow<'static, str>> {
    let mut notes: Vec<Cow<'static, str>> = Vec::new();
    for &note in &analysis.notes {
        // A report whose sections are all empty has headings, but only because we wrote them.
        let note = if reading.empty { Note::EmptyReport } else { note };
        tally.note(note.text());
        notes.push(note.text().into());
    }
    if reading.numbered {
        tally.note("no id: numbered by record");
    }
    if reading.bad_bytes > 0 {
        tally.note("bytes not valid in the encoding");
        notes.push(format!("{} bytes were not valid {}", reading.bad_bytes, reading.encoding.name()).into());
    }
    if analysis.refined.iter().any(|one| one.opinion.is_none()) {
        tally.note(UNANSWERED);
        notes.push(UNANSWERED.into());
    }
    notes
}

#[cfg(feature = "dicom")]
fn sr(line: &Line<'_>) -> Result<Vec<u8>, String> {
    crate::dicom::write(line)
}

#[cfg(not(feature = "dicom"))]
fn sr(_: &Line<'_>) -> Result<Vec<u8>, String> {
    Err("DICOM is not built in".to_owned())
}
