//! `radlabel label`: reports in, labels out.

use super::ids::{self, Ids};
use super::inputs::{InputOptions, RunOptions};
use super::same;
use super::stream::{self, Done, Steps};
use super::summary::{Tally, Teller, Words};
use super::whole::WholeOptions;
use super::{DataOptions, say};
use crate::engine::Note;
use crate::input::{Batch, Input, Reading};
use crate::label::Policy;
use crate::output::{self, Labelled, Line, Look, Offsets, Rows, Sink, Whole};
use crate::rules::{ALL, BoundScheme, Hierarchy, Profile, RowFormat};
use crate::{Analysis, Engine, Error, Metadata, Report, Scratch};
use std::borrow::Cow;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Label reports
///
/// Reads text files, folders of them, tables (CSV, TSV), JSON lines and Open-i XML, packed with gzip or not,
/// and writes one line a report. Exit code 1: some input could not be read and was told; 2: nothing could.
#[derive(clap::Args)]
pub(super) struct Options {
    /// Files, folders (*.txt or *.xml within, however deep), or - for standard input
    #[arg(required_unless_present = "print_schema", value_name = "INPUT")]
    inputs: Vec<PathBuf>,
    /// Where to write; the file appears only when everything is in it. Packed when it ends in .gz
    #[arg(long, short, value_name = "OUT")]
    output: Option<PathBuf>,
    /// csv: a column a label (CheXpert layout); long: a line a label that is mentioned (id,label,value); jsonl:
    /// labels and mentions with evidence; table: for eyes [default: by the ending of OUT, else table on a
    /// terminal, else csv; long for the scheme "all"]
    #[arg(long, value_enum, value_name = "FORMAT")]
    format: Option<Layout>,
    /// Label schemes, several by commas; `radlabel labels list` tells them, "all" is the whole lexicon
    /// [default: chexpert]
    #[arg(long, value_name = "ID", value_delimiter = ',')]
    scheme: Vec<String>,
    /// Which way values travel along a scheme's hierarchy: up, down, both (up,down) or none [default: as the
    /// scheme says]
    #[arg(long, value_enum, value_name = "WAY", value_delimiter = ',')]
    propagate: Vec<Way>,
    /// One row a mention, with the columns of a profile (`radlabel labels list` tells them)
    #[arg(long, value_name = "ID", conflicts_with_all = ["scheme", "propagate"])]
    profile: Option<String>,
    /// What to write for an uncertain label
    #[arg(long, value_enum, default_value = "keep", value_name = "POLICY")]
    policy: Uncertain,
    #[command(flatten)]
    whole: WholeOptions,
    #[command(flatten)]
    run: RunOptions,
    /// Print the JSON Schema of a line of --format jsonl
    #[arg(long)]
    print_schema: bool,
    #[command(flatten)]
    input: InputOptions,
    #[command(flatten)]
    data: DataOptions,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Layout {
    Csv,
    Long,
    Jsonl,
    Table,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Way {
    /// Found in a part of a label: found in the label
    Up,
    /// Denied of a label: denied of its parts
    Down,
    /// Neither
    None,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Uncertain {
    /// Uncertain stays uncertain
    Keep,
    /// Uncertain becomes present
    Ones,
    /// Uncertain becomes absent
    Zeros,
    /// Uncertain becomes not mentioned
    Ignore,
}

/// What every thread shares.
struct Job<'a> {
    engine: &'a Engine,
    /// The schemes, each with the way its values travel.
    schemes: Vec<(&'a BoundScheme, Hierarchy)>,
    /// Where it stands, rows of mentions are written, not labels.
    profile: Option<&'a Profile>,
    policy: Policy,
    layout: Layout,
    look: Look,
    whole: &'a WholeOptions,
}

/// What every thread has for itself.
#[derive(Default)]
struct State {
    scratch: Scratch,
    offsets: Offsets,
}

pub(super) fn run(options: &Options) -> anyhow::Result<ExitCode> {
    if options.print_schema {
        Sink::open(options.output.as_deref())?.put(output::REPORT_SCHEMA.as_bytes())?;
        return Ok(ExitCode::SUCCESS);
    }
    let engine = options.data.engine()?;
    let profile = options.profile.as_deref().map(|id| engine.profile(id)).transpose()?;
    let schemes = schemes(options, engine, profile.as_ref())?;
    let layout = chosen_layout(options, profile.as_ref())?;
    options.whole.need_jsonl(layout == Layout::Jsonl && profile.is_none())?;
    same::refuse(options.output.as_deref(), options.inputs.iter().map(PathBuf::as_path))?;
    let mut sink = Sink::open(options.output.as_deref())?;
    let mut input = Input::open(&options.inputs, &options.input.reading())?;

    let (policy, whole) = (options.policy.into(), &options.whole);
    let job = Job { engine, schemes, profile: profile.as_ref(), policy, layout, look: look(&sink), whole };
    let threads = options.run.threads();
    let talks = sink.is_standard() && std::io::stdout().is_terminal();
    let words = Words { mentions: "mentions", labels: "labels" };
    let progress = !options.run.no_progress && !talks;
    let mut teller = Teller::new(words, options.run.quiet, progress, input.total, input.meter());
    for told in &input.told {
        teller.tell(told);
    }
    let mut ids = Ids::default();
    let mut head = match (layout, job.profile) {
        (Layout::Csv, Some(profile)) => output::rows_header(profile)?,
        (Layout::Csv, None) => output::csv_header(&job.schemes.iter().map(|s| &s.0.scheme).collect::<Vec<_>>())?,
        (Layout::Long, _) => output::LONG_HEADER.to_vec(),
        (Layout::Table, _) => output::legend(job.look),
        (Layout::Jsonl, _) => Vec::new(),
    };
    let noted = layout == Layout::Jsonl && job.profile.is_none();
    let gzip = sink.gzip;
    stream::run(
        &mut input,
        threads,
        Steps {
            work: |state: &mut State, batch: &Batch, done: &mut Done| job.work(state, batch, done),
            order: |done: &mut Done| {
                doubled(done, &mut ids, noted);
                if !head.is_empty() {
                    done.bytes.splice(..0, head.drain(..));
                }
                for told in &done.told {
                    teller.tell(told);
                }
                teller.count(&done.tally);
            },
            pack: |done: &mut Done| pack(done, gzip),
            write: |bytes: &[u8]| Ok(sink.write(bytes)?),
        },
    )?;
    if ids.overflowed && !options.run.quiet {
        say(format_args!("radlabel: doubled ids were looked for among the first millions of ids only"));
    }
    // An old output is not replaced by an empty one.
    if teller.tally.reports == 0 {
        return Err(teller.nothing_read(&options.inputs).into());
    }
    sink.finish()?;
    teller.finish();
    Ok(if teller.problems > 0 { ExitCode::from(1) } else { ExitCode::SUCCESS })
}

impl Job<'_> {
    fn work(&self, state: &mut State, batch: &Batch, done: &mut Done) {
        let mut rows = csv::Writer::from_writer(std::mem::take(&mut done.bytes));
        let Done { bytes, reports, told, tally, .. } = done;
        let mut faults = Vec::new();
        batch.read(told, |reading| match reading {
            Err(fault) => faults.push(fault),
            Ok(reading) => {
                let Reading { report, .. } = &reading;
                let analysis = self.engine.analyze_with(&mut state.scratch, &report.text);
                tally.reports += 1;
                tally.mentions += analysis.mentions.len() as u64;
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
                    let message = format!("{} bytes were not valid {}", reading.bad_bytes, reading.encoding.name());
                    notes.push(message.into());
                }
                if self.layout == Layout::Jsonl || self.profile.is_some() {
                    state.offsets.set(&report.text);
                }
                match self.profile {
                    Some(profile) => {
                        self.write_rows(profile, report, &analysis, &state.offsets, (&mut rows, bytes), tally);
                    }
                    None => self.write_labels(report, &analysis, &notes, &state.offsets, (&mut rows, bytes), tally),
                }
                reports.push((bytes.len(), ids::hash(&report.id)));
                if report.text.len() > 1 << 20 {
                    // A giant leaves giant buffers behind.
                    *state = State::default();
                }
            }
        });
        told.append(&mut faults);
        if let (Layout::Csv | Layout::Long, Ok(written)) = (self.layout, rows.into_inner()) {
            *bytes = written;
        }
    }

    fn write_labels(
        &self,
        report: &Report,
        analysis: &Analysis,
        notes: &[Cow<'static, str>],
        offsets: &Offsets,
        (table, bytes): (&mut csv::Writer<Vec<u8>>, &mut Vec<u8>),
        tally: &mut Tally,
    ) {
        let labelled: Vec<Labelled> = self
            .schemes
            .iter()
            .map(|&(bound, hierarchy)| Labelled {
                scheme: &bound.scheme,
                labels: self.engine.labels_of(&report.text, analysis, bound, hierarchy),
            })
            .collect();
        let values = labelled.iter().flat_map(|one| &one.labels).filter_map(|l| self.policy.apply(l.value));
        values.for_each(|value| tally.label(value));
        // Writing to memory cannot fail.
        let _ = match self.layout {
            Layout::Csv => output::csv_row(table, &report.id, &labelled, self.policy),
            Layout::Long => output::long_rows(table, &report.id, &labelled, self.policy),
            Layout::Jsonl => {
                let (engine, policy) = (self.engine, self.policy);
                let more = &self.whole(offsets, report, analysis);
                Line { engine, policy, report, analysis, labelled: &labelled, notes, offsets, more }.write(bytes);
                Ok(())
            }
            Layout::Table => {
                output::row(bytes, &report.id, &labelled, self.policy, self.look);
                Ok(())
            }
        };
    }

    /// The members that were asked for beside labels and mentions.
    fn whole(&self, offsets: &Offsets, report: &Report, analysis: &Analysis) -> Vec<u8> {
        let mut out = Vec::new();
        let whole = Whole { engine: self.engine, text: &report.text, offsets };
        if self.whole.facts {
            let facts = self.engine.facts_dated(report, analysis, self.whole.dates.order());
            whole.facts(&mut out, &facts, &self.engine.grades_of(&report.text, analysis));
        }
        if self.whole.alerts {
            whole.alerts(&mut out, &self.engine.safety(report, analysis, &Metadata::default()));
        }
        out
    }

    fn write_rows(
        &self,
        profile: &Profile,
        report: &Report,
        analysis: &Analysis,
        offsets: &Offsets,
        (table, bytes): (&mut csv::Writer<Vec<u8>>, &mut Vec<u8>),
        tally: &mut Tally,
    ) {
        let (bound, policy) = (self.schemes[0].0, self.policy);
        let writer = Rows { engine: self.engine, profile, bound, policy, report, analysis, offsets };
        let rows = writer.rows();
        rows.iter().for_each(|row| tally.label(row.status));
        if self.layout == Layout::Jsonl {
            writer.write_jsonl(&rows, bytes);
        } else {
            // Writing to memory cannot fail.
            let _ = writer.write_csv(&rows, table);
        }
    }
}

/// Counts ids that stood before and, in JSON, says so in their lines.
fn doubled(done: &mut Done, ids: &mut Ids, noted: bool) {
    let mut out: Option<Vec<u8>> = None;
    let mut from = 0;
    for &(end, hash) in &done.reports {
        if !ids.stood_before(hash) {
            continue;
        }
        done.tally.note(output::DOUBLED_ID);
        if noted {
            let out = out.get_or_insert_default();
            let (at, note) = output::mark_doubled(&done.bytes[from..end]);
            out.extend_from_slice(&done.bytes[from..from + at]);
            out.extend_from_slice(note);
            from += at;
        }
    }
    if let Some(mut out) = out {
        out.extend_from_slice(&done.bytes[from..]);
        done.bytes = out;
    }
}

/// Packs a batch where the output is gzip.
pub(super) fn pack(done: &mut Done, gzip: bool) -> std::io::Result<()> {
    if gzip {
        done.bytes = output::pack(&done.bytes)?;
    }
    Ok(())
}

/// The schemes asked for, each with the way its values travel.
fn schemes<'e>(
    options: &Options,
    engine: &'e Engine,
    profile: Option<&Profile>,
) -> Result<Vec<(&'e BoundScheme, Hierarchy)>, Error> {
    if options.propagate.contains(&Way::None) && options.propagate.len() > 1 {
        return Err(Error::Usage("--propagate: none together with another way; expected one or the other".to_owned()));
    }
    let asked: Vec<&str> = match profile {
        Some(profile) => vec![&profile.scheme],
        None if options.scheme.is_empty() => vec!["chexpert"],
        None => options.scheme.iter().map(|s| s.trim()).collect(),
    };
    let mut out = Vec::new();
    for (i, id) in asked.iter().enumerate() {
        if asked[..i].contains(id) {
            return Err(Error::Usage(format!("--scheme: \"{id}\" stands twice")));
        }
        let bound = engine.scheme(id)?;
        let told = |way| options.propagate.contains(&way);
        let hierarchy = match options.propagate.is_empty() {
            true => bound.scheme.hierarchy,
            false => Hierarchy { up: told(Way::Up), down: told(Way::Down) },
        };
        out.push((bound, hierarchy));
    }
    Ok(out)
}

/// The layout as asked, else as the output, the profile or the scheme has it.
fn chosen_layout(options: &Options, profile: Option<&Profile>) -> Result<Layout, Error> {
    let by_place = layout(options.output.as_deref());
    match (options.format, profile) {
        (Some(Layout::Table), Some(_)) => {
            Err(Error::Usage("--format table does not fit --profile; expected csv or jsonl".to_owned()))
        }
        (Some(Layout::Long), Some(_)) => Ok(Layout::Csv),
        (Some(layout), _) => Ok(layout),
        (None, Some(profile)) if by_place != Layout::Jsonl => Ok(match profile.format {
            RowFormat::Csv => Layout::Csv,
            RowFormat::Jsonl => Layout::Jsonl,
        }),
        // Thousands of columns, nearly all blank, serve nobody who did not ask for them.
        (None, None) if by_place == Layout::Csv && options.scheme.iter().any(|s| s == ALL) => Ok(Layout::Long),
        (None, _) => Ok(by_place),
    }
}

/// The layout that the output's ending tells.
fn layout(output: Option<&Path>) -> Layout {
    let Some(path) = output.filter(|p| *p != Path::new("-")) else {
        return if std::io::stdout().is_terminal() { Layout::Table } else { Layout::Csv };
    };
    if names_json_lines(path) { Layout::Jsonl } else { Layout::Csv }
}

/// The path ends as JSON lines do, packed or not.
pub(super) fn names_json_lines(path: &Path) -> bool {
    let name = path.to_string_lossy().to_ascii_lowercase();
    let name = name.strip_suffix(".gz").unwrap_or(&name);
    name.ends_with(".jsonl") || name.ends_with(".ndjson")
}

fn look(sink: &Sink) -> Look {
    let terminal = console::Term::stdout();
    if !sink.is_standard() || !terminal.is_term() {
        return Look { width: 100, colour: false };
    }
    let plain = std::env::var_os("NO_COLOR").is_some_and(|v| !v.is_empty())
        || std::env::var_os("TERM").is_some_and(|v| v == "dumb");
    Look { width: usize::from(terminal.size().1).max(40), colour: !plain }
}

impl From<Uncertain> for Policy {
    fn from(uncertain: Uncertain) -> Policy {
        match uncertain {
            Uncertain::Keep => Policy::Keep,
            Uncertain::Ones => Policy::Ones,
            Uncertain::Zeros => Policy::Zeros,
            Uncertain::Ignore => Policy::Ignore,
        }
    }
}
