//! `radlabel link`: reports and studies in, one row a link out.
//!
//! The studies come first and stay in memory (some 300 bytes each); reports stream through, and of each only its keys'
//! outcome is kept (some 200 bytes), until it is known which report of a study rules.

mod images;
mod table;

use super::inputs::{InputOptions, RunOptions};
use super::repeats::Repeats;
use super::rows::{Layout, RowWriter};
use super::server::ServerOptions;
use super::stream::{self, Done, Steps};
use super::summary::{Teller, Words};
use super::{DataOptions, same, say};
use crate::imaging::filter::Filter;
use crate::imaging::server::Level;
use crate::imaging::{self, Take};
use crate::input::{Batch, Gravity, Input, Told};
use crate::link::{Conflict, Decision, Keys, Method, Outcome, Role, Ruled, Settings, Studies, Values, roles};
use crate::rules::{BoundScheme, Status};
use crate::study::StudyRow;
use crate::{Analysis, Engine, Error, Scratch};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

/// Link reports to the imaging studies that they describe
///
/// Keys in order of trust: Study Instance UID, accession number, patient id with the study date. Whatever else both
/// sides tell (modality, body part, side, sex, age) speaks for or against a study; what the report's columns do not
/// tell is read in its text. Each link has its method, a confidence and its conflicts. Below --accept nothing is linked:
/// the candidates are listed as ambiguous.
#[derive(clap::Args)]
#[command(
    after_help = "Exit code: 0 done; 1 some input could not be read, or fewer reports were linked than --fail-under asks; \
                  2 wrong use."
)]
pub(super) struct Options {
    /// Reports, or a table with an id and keys: accession, study_uid, patient_id, date, ...
    #[arg(required = true, value_name = "REPORTS")]
    inputs: Vec<PathBuf>,
    /// Studies: a folder of DICOM files, a table (CSV, Parquet, ...), FHIR ImagingStudy, the address of a DICOMweb
    /// server; may be given several times
    #[arg(long, required = true, value_name = "SOURCE")]
    studies: Vec<String>,
    /// Where to write; the file appears only when everything is in it. Packed when it ends in .gz or .zst
    #[arg(long, short, value_name = "OUT")]
    output: Option<PathBuf>,
    /// How to write [default: by the ending of OUT, else a table on a terminal and csv elsewhere]
    #[arg(long, value_enum, value_name = "FORMAT")]
    format: Option<Layout>,
    /// Of the studies, only those with a row that meets this SQL expression: "modality = 'CR' and view = 'PA'"
    #[arg(long = "where", value_name = "EXPR")]
    filter: Option<String>,
    /// Keys that may find a study
    #[arg(
        long,
        value_enum,
        value_delimiter = ',',
        value_name = "KEYS",
        default_value = "study-uid,accession,patient-date"
    )]
    by: Vec<Key>,
    /// Days that the study date may differ from the report's
    #[arg(long, value_name = "DAYS", default_value_t = 1, value_parser = clap::value_parser!(i32).range(0..=3650))]
    window: i32,
    /// Days that a report may be written after its study, where only its own date is known
    #[arg(long, value_name = "DAYS", default_value_t = 30, value_parser = clap::value_parser!(i32).range(0..=36500))]
    lag: i32,
    /// Confidence from which on a link holds
    #[arg(long, value_name = "P", default_value_t = 0.95, value_parser = share)]
    accept: f64,
    /// Who issued the reports' accession numbers, where they do not say it (number^issuer)
    #[arg(long, value_name = "NAME")]
    issuer: Option<String>,
    /// Look at no report text: only at what came with the report
    #[arg(long)]
    no_text: bool,
    /// Also write the labels of each study: of its ruling report, with its addenda over them
    #[arg(long, value_name = "OUT")]
    merged: Option<PathBuf>,
    /// Scheme of the labels of --merged
    #[arg(long, value_name = "ID", default_value = "chexpert")]
    scheme: String,
    /// Also write the studies that no report is linked to
    #[arg(long, value_name = "OUT")]
    without_report: Option<PathBuf>,
    /// Also write the series and images of each linked study, as the sources tell them, with the id of its report. The
    /// sources are read once more
    #[arg(long, value_name = "OUT")]
    images: Option<PathBuf>,
    /// Exit with 1 when a smaller share of the reports is linked
    #[arg(long, value_name = "SHARE", value_parser = share)]
    fail_under: Option<f64>,
    #[command(flatten)]
    run: RunOptions,
    #[command(flatten)]
    input: InputOptions,
    #[command(flatten)]
    server: ServerOptions,
    #[command(flatten)]
    data: DataOptions,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Key {
    StudyUid,
    Accession,
    PatientDate,
}

fn share(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(value) if (0.0..=1.0).contains(&value) => Ok(value),
        _ => Err("expected a number from 0 to 1".to_owned()),
    }
}

/// What is kept of a report until all are known.
pub(super) struct Linked {
    pub(super) id: String,
    pub(super) decision: Decision,
    /// By link.
    pub(super) conflicts: Vec<Vec<Conflict>>,
    ruled: Ruled,
    labels: Vec<Option<Status>>,
}

/// What every thread has for itself.
#[derive(Default)]
struct State {
    scratch: Scratch,
}

pub(super) fn run(options: &Options) -> anyhow::Result<ExitCode> {
    let outputs = [&options.output, &options.merged, &options.without_report, &options.images];
    let read: Vec<PathBuf> = options.inputs.iter().cloned().chain(options.studies.iter().map(PathBuf::from)).collect();
    for output in outputs {
        same::refuse(output.as_deref(), read.iter().map(PathBuf::as_path))?;
    }
    same::check_outputs(&outputs.into_iter().flatten().map(PathBuf::as_path).collect::<Vec<_>>())?;
    let engine = options.data.engine()?;
    let values = Values::new(engine);
    let values = values.ok_or_else(|| Error::Usage("no rule file of kind \"linking\"".to_owned()))?;
    let bound = options.merged.is_some().then(|| engine.scheme(&options.scheme)).transpose()?;
    let mut input = Input::open(&options.inputs, &options.reading())?;
    let layout = Layout::chosen(options.format, options.output.as_deref())?;
    let short = layout == Layout::Table;
    let links = RowWriter::open(layout, options.output.as_deref(), table::columns(short), "links")?;
    let threads = options.run.threads();
    let reading = options.imaging(threads)?;
    let (studies, problems) = studies(options, &reading, &values)?;
    let words = Words { mentions: "links", labels: "" };
    let mut teller = Teller::new(words, options.run.quiet, !options.run.no_progress, input.total, input.meter());
    for told in &input.told {
        teller.tell(told);
    }
    let settings = options.settings();
    let work = Work { engine, values: &values, studies: &studies, settings: &settings, options, bound };
    let mut kept: Vec<Linked> = Vec::new();
    stream::run(
        &mut input,
        threads,
        Steps {
            work: |state: &mut State, batch: &Batch, done: &mut Done<Vec<Linked>>| work.batch(state, batch, done),
            order: |done: &mut Done<Vec<Linked>>| {
                for told in &done.told {
                    teller.tell(told);
                }
                teller.count(&done.tally);
            },
            pack: |_: &mut Done<Vec<Linked>>| Ok(()),
            write: |done: &mut Done<Vec<Linked>>| {
                kept.append(&mut done.load);
                Ok(())
            },
        },
    )?;
    // An old output is not replaced by an empty one.
    if teller.tally.reports == 0 {
        return Err(teller.nothing_read(&options.inputs).into());
    }
    let of_study = by_study(&kept);
    let roles = roles_of(&of_study, &kept);
    table::write(links, short, &kept, &roles, &studies)?;
    if let (Some(path), Some(bound)) = (&options.merged, bound) {
        merged(path, bound, &of_study, &kept, &roles, &studies)?;
    }
    if let Some(path) = &options.without_report {
        without_report(path, &of_study, &studies)?;
    }
    if let Some(path) = &options.images {
        images::write(path, options, &reading, &ruling(&of_study, &kept, &roles), &studies)?;
    }
    let problems = problems + teller.problems;
    teller.finish();
    let linked = kept.iter().filter(|k| k.decision.outcome == Outcome::Linked).count();
    if !options.run.quiet {
        summary(&kept, of_study.len(), studies.len());
    }
    let too_few = options.fail_under.is_some_and(|least| (linked as f64) < least * kept.len() as f64);
    if too_few {
        say(format_args!("radlabel: {linked} of {} reports linked; --fail-under asks for more", kept.len()));
    }
    Ok(ExitCode::from(u8::from(problems > 0 || too_few)))
}

impl Options {
    fn reading(&self) -> crate::input::Options {
        crate::input::Options { keys_only: true, ..self.input.reading(None) }
    }

    /// How studies are read; a server is asked for images only where they are wanted.
    fn imaging(&self, threads: usize) -> Result<imaging::Options, Error> {
        let level = if self.images.is_some() { Level::Instance } else { Level::Study };
        let server = self.server.server(level)?;
        Ok(imaging::Options { threads, server, ..imaging::Options::default() })
    }

    fn settings(&self) -> Settings {
        Settings {
            by_uid: self.by.contains(&Key::StudyUid),
            by_accession: self.by.contains(&Key::Accession),
            by_patient: self.by.contains(&Key::PatientDate),
            window: self.window,
            lag: self.lag,
            accept: self.accept,
        }
    }
}

/// Gathers the studies of all sources.
struct Gather<'v> {
    studies: Studies,
    values: &'v Values<'v>,
    rows: u64,
    problems: u64,
    quiet: bool,
    repeats: Repeats,
    filter: Option<Filter>,
}

impl Take for Gather<'_> {
    fn row(&mut self, row: StudyRow) -> Result<(), Error> {
        self.rows += 1;
        if let Some(filter) = &self.filter
            && !filter.holds(&row)?
        {
            return Ok(());
        }
        self.studies.add(&row, self.values);
        Ok(())
    }

    fn tell(&mut self, told: Told) {
        self.problems += u64::from(told.gravity == Gravity::Problem);
        if (told.gravity == Gravity::Problem || !self.quiet) && self.repeats.shows(&told) {
            say(format_args!("radlabel: {told}"));
        }
    }
}

fn studies(options: &Options, reading: &imaging::Options, values: &Values<'_>) -> anyhow::Result<(Studies, u64)> {
    let quiet = options.run.quiet;
    let filter = options.filter.as_deref().map(Filter::new).transpose()?;
    let mut gather = Gather {
        studies: Studies::default(),
        values,
        rows: 0,
        problems: 0,
        quiet,
        repeats: Repeats::default(),
        filter,
    };
    imaging::read(&options.studies, reading, &mut gather)?;
    gather.repeats.finish();
    let Gather { mut studies, rows, problems, .. } = gather;
    if studies.is_empty() {
        let message =
            format!("{rows} rows and no study among them; expected study UIDs, accession numbers or patient ids");
        return Err(Error::input(options.studies.join(", "), message).into());
    }
    if studies.nameless > 0 && !quiet {
        let nameless = studies.nameless;
        say(format_args!("radlabel: {nameless} rows have no study UID, accession number or patient id: left out"));
    }
    studies.finish(values);
    Ok((studies, problems))
}

/// All that a thread needs to link.
struct Work<'w> {
    engine: &'w Engine,
    values: &'w Values<'w>,
    studies: &'w Studies,
    settings: &'w Settings,
    options: &'w Options,
    bound: Option<&'w BoundScheme>,
}

impl Work<'_> {
    fn batch(&self, state: &mut State, batch: &Batch, done: &mut Done<Vec<Linked>>) {
        let mut faults = Vec::new();
        let Done { told, tally, load, .. } = done;
        batch.read(told, |reading| match reading {
            Err(fault) => faults.push(fault),
            Ok(reading) => {
                let report = &reading.report;
                let reads = !report.text.trim().is_empty() && (!self.options.no_text || self.bound.is_some());
                let analysis = reads.then(|| self.engine.analyze_with(&mut state.scratch, &report.text));
                let text = analysis.as_ref().filter(|_| !self.options.no_text).map(|a| (self.engine, a));
                let keys = Keys::of(self.values, report, text, self.options.issuer.as_deref());
                let decision = self.studies.decide(&keys, self.values, self.settings);
                tally.reports += 1;
                tally.mentions += decision.links.len() as u64;
                if keys.bad_date {
                    tally.note("a date that no calendar has");
                }
                let conflicts = decision.links.iter().map(|l| self.studies.conflicts(l, &keys, self.values)).collect();
                let ruled = Ruled {
                    status: report.study.report_status.clone(),
                    time: report.study.report_time.clone().or_else(|| report.study.date.clone()),
                    is_addendum: analysis.as_ref().is_some_and(|a| is_addendum(self.engine, a)),
                };
                let labels = self.labels(analysis.as_ref());
                load.push(Linked { id: report.id.clone(), decision, conflicts, ruled, labels });
            }
        });
        told.append(&mut faults);
    }

    fn labels(&self, analysis: Option<&Analysis>) -> Vec<Option<Status>> {
        let (Some(bound), Some(analysis)) = (self.bound, analysis) else { return Vec::new() };
        let mut values = vec![None; bound.scheme.labels.len()];
        for label in self.engine.labels(analysis, bound) {
            values[label.label as usize] = Some(label.value);
        }
        values
    }
}

/// All that the report says stands in an addendum.
fn is_addendum(engine: &Engine, analysis: &Analysis) -> bool {
    let named = |s: &crate::Section| s.kind.map(|k| engine.rules.sections[k as usize].id.as_ref());
    let mut kinds = analysis.sections.iter().filter(|s| !s.body.is_empty()).map(named);
    kinds.clone().any(|k| k == Some("addendum")) && kinds.all(|k| k == Some("addendum"))
}

/// By study that has one: the reports that are linked to it, in the order of the input.
type ByStudy = BTreeMap<u32, Vec<usize>>;

fn by_study(kept: &[Linked]) -> ByStudy {
    let mut of_study = ByStudy::new();
    for (i, linked) in kept.iter().enumerate().filter(|(_, k)| k.decision.outcome == Outcome::Linked) {
        for link in &linked.decision.links {
            of_study.entry(link.study).or_default().push(i);
        }
    }
    of_study
}

/// For each report that is linked, its role among those of its study. A report of several studies rules in each.
fn roles_of(of_study: &ByStudy, kept: &[Linked]) -> Vec<Option<Role>> {
    let mut out: Vec<Option<Role>> = vec![None; kept.len()];
    for reports in of_study.values() {
        let ruled: Vec<Ruled> = reports.iter().map(|&i| kept[i].ruled.clone()).collect();
        for (&i, role) in reports.iter().zip(roles(&ruled)) {
            // What rules in one of its studies rules.
            out[i] = Some(out[i].map_or(role, |known| known.min(role)));
        }
    }
    out
}

/// By study: the id of the report that rules it, else of the first that is linked to it.
fn ruling<'k>(of_study: &ByStudy, kept: &'k [Linked], roles: &[Option<Role>]) -> BTreeMap<u32, &'k str> {
    let rules = |reports: &[usize]| {
        let last = reports.iter().rev().find(|&&i| roles[i] == Some(Role::Ruling));
        last.or(reports.first()).map(|&i| kept[i].id.as_str())
    };
    of_study.iter().filter_map(|(&study, reports)| Some((study, rules(reports)?))).collect()
}

/// The labels of each study that has a report, in the order of the studies.
fn merged(
    path: &std::path::Path,
    bound: &BoundScheme,
    of_study: &ByStudy,
    kept: &[Linked],
    roles: &[Option<Role>],
    studies: &Studies,
) -> anyhow::Result<()> {
    let columns = table::merged_columns(&bound.scheme);
    let mut rows = RowWriter::open(Layout::chosen(None, Some(path))?, Some(path), columns, "study labels")?;
    for (&study, reports) in of_study {
        let of: Vec<_> = reports
            .iter()
            .map(|&i| (roles[i].unwrap_or(Role::Superseded), &kept[i].ruled, kept[i].labels.as_slice()))
            .collect();
        let mut labels = Ruled::merged(&of);
        labels.resize(bound.scheme.labels.len(), None);
        let ids: Vec<&str> =
            reports.iter().filter(|&&i| roles[i] <= Some(Role::Addendum)).map(|&i| kept[i].id.as_str()).collect();
        let ruling = reports.iter().find(|&&i| roles[i] == Some(Role::Ruling)).map(|&i| kept[i].id.as_str());
        rows.row(|cells| table::merged_row(cells, studies, study, ruling, &ids, reports.len(), &labels))?;
    }
    rows.finish()
}

fn without_report(path: &std::path::Path, of_study: &ByStudy, studies: &Studies) -> anyhow::Result<()> {
    let columns = table::study_columns();
    let mut rows = RowWriter::open(Layout::chosen(None, Some(path))?, Some(path), columns, "studies")?;
    for study in (0..studies.len() as u32).filter(|s| !of_study.contains_key(s)) {
        rows.row(|cells| table::study_row(cells, studies, study))?;
    }
    rows.finish()
}

/// What became of the reports, on standard error.
fn summary(kept: &[Linked], reported: usize, studies: usize) {
    let count = |outcome: Outcome| kept.iter().filter(|k| k.decision.outcome == outcome).count();
    let [linked, ambiguous, unlinked] = [Outcome::Linked, Outcome::Ambiguous, Outcome::Unlinked].map(count);
    let share = 100.0 * linked as f64 / kept.len() as f64;
    say(format_args!(
        "{linked} of {} reports linked ({share:.1} %) to {} of {} studies; {ambiguous} ambiguous, {unlinked} unlinked",
        kept.len(),
        reported,
        studies
    ));
    for method in Method::ALL {
        let of = |k: &&Linked| {
            k.decision.outcome == Outcome::Linked && k.decision.links.first().is_some_and(|l| l.method == method)
        };
        let by: Vec<&Linked> = kept.iter().filter(of).collect();
        let conflicts = by.iter().filter(|k| k.decision.links[0].conflicts != 0).count();
        if !by.is_empty() {
            say(format_args!("  {:<16} {:>9}   {conflicts} with a conflict", method.name(), by.len()));
        }
    }
    let mut reasons: BTreeMap<&str, u64> = BTreeMap::new();
    for linked in kept.iter().filter(|k| k.decision.outcome != Outcome::Linked) {
        *reasons.entry(linked.decision.reason).or_default() += 1;
    }
    for (reason, count) in reasons {
        say(format_args!("  {reason}: {count}"));
    }
}
