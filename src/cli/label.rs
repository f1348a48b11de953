//! `radlabel label`: reports in, labels out.

use super::ids::{self, Ids};
use super::inputs::{InputOptions, RunOptions};
use super::same;
use super::stream::{self, Done, Steps};
use super::summary::{Teller, Words};
use super::whole::WholeOptions;
use super::{DataOptions, say};
use crate::engine::Note;
use crate::input::{Batch, Input, Reading};
use crate::label::Policy;
use crate::output::{self, Line, Look, Offsets, Sink, Whole};
use crate::rules::BoundScheme;
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
    /// csv: a column a label (CheXpert layout); jsonl: labels and mentions with evidence; table: for eyes
    /// [default: by the ending of OUT, else table on a terminal, else csv]
    #[arg(long, value_enum, value_name = "FORMAT")]
    format: Option<Layout>,
    /// The label scheme
    #[arg(long, default_value = "chexpert", value_name = "ID")]
    scheme: String,
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
    Jsonl,
    Table,
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
    scheme: &'a BoundScheme,
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
    more: Vec<u8>,
}

pub(super) fn run(options: &Options) -> anyhow::Result<ExitCode> {
    if options.print_schema {
        Sink::open(options.output.as_deref())?.put(output::REPORT_SCHEMA.as_bytes())?;
        return Ok(ExitCode::SUCCESS);
    }
    let engine = options.data.engine()?;
    let scheme = engine.scheme(&options.scheme).ok_or_else(|| {
        let known: Vec<&str> = engine.rules.schemes.iter().map(|s| &*s.scheme.id).collect();
        Error::Usage(format!("unknown scheme \"{}\"; expected {}", options.scheme, known.join(" or ")))
    })?;
    same::refuse(options.output.as_deref(), options.inputs.iter().map(PathBuf::as_path))?;
    let mut sink = Sink::open(options.output.as_deref())?;
    let mut input = Input::open(&options.inputs, &options.input.reading())?;
    let layout = options.format.unwrap_or_else(|| layout(options.output.as_deref()));
    options.whole.need_jsonl(layout == Layout::Jsonl)?;
    let (policy, whole) = (options.policy.into(), &options.whole);
    let job = Job { engine: &engine, scheme, policy, layout, look: look(&sink), whole };
    let threads = options.run.threads();
    let talks = sink.is_standard() && std::io::stdout().is_terminal();
    let words = Words { mentions: "mentions", labels: "labels" };
    let progress = !options.run.no_progress && !talks;
    let mut teller = Teller::new(words, options.run.quiet, progress, input.total, input.meter());
    for told in &input.told {
        teller.tell(told);
    }
    let mut ids = Ids::default();
    let mut head = match layout {
        Layout::Csv => output::csv_header(&scheme.scheme)?,
        Layout::Table => output::legend(job.look),
        Layout::Jsonl => Vec::new(),
    };
    let gzip = sink.gzip;
    stream::run(
        &mut input,
        threads,
        Steps {
            work: |state: &mut State, batch: &Batch, done: &mut Done| job.work(state, batch, done),
            order: |done: &mut Done| {
                doubled(done, &mut ids, layout);
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
        let read = if teller.problems == 0 { "no report found in the input" } else { "no report could be read" };
        teller.finish();
        let names: Vec<String> = options.inputs.iter().take(3).map(|p| p.display().to_string()).collect();
        return Err(Error::input(names.join(", "), read).into());
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
                let labels = self.engine.labels(&analysis, self.scheme);
                tally.reports += 1;
                tally.mentions += analysis.mentions.len() as u64;
                labels.iter().filter_map(|l| self.policy.apply(l.value)).for_each(|value| tally.label(value));
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
                match self.layout {
                    Layout::Csv => {
                        let scheme = &self.scheme.scheme;
                        // Writing to memory cannot fail.
                        let _ = output::csv_row(&mut rows, &report.id, &labels, scheme, self.policy);
                    }
                    Layout::Jsonl => {
                        state.offsets.set(&report.text);
                        state.more.clear();
                        self.whole(&mut state.more, &state.offsets, report, &analysis);
                        let line = Line {
                            engine: self.engine,
                            scheme: &self.scheme.scheme,
                            policy: self.policy,
                            report,
                            analysis: &analysis,
                            labels: &labels,
                            notes: &notes,
                            offsets: &state.offsets,
                            more: &state.more,
                        };
                        line.write(bytes);
                    }
                    Layout::Table => {
                        output::row(bytes, &report.id, &labels, &self.scheme.scheme, self.policy, self.look);
                    }
                }
                reports.push((bytes.len(), ids::hash(&report.id)));
                if report.text.len() > 1 << 20 {
                    // A giant leaves giant buffers behind.
                    *state = State::default();
                }
            }
        });
        told.append(&mut faults);
        if let (Layout::Csv, Ok(written)) = (self.layout, rows.into_inner()) {
            *bytes = written;
        }
    }
}

impl Job<'_> {
    /// The members that were asked for beside labels and mentions.
    fn whole(&self, out: &mut Vec<u8>, offsets: &Offsets, report: &Report, analysis: &Analysis) {
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

/// Counts ids that stood before and, in JSON, says so in their lines.
fn doubled(done: &mut Done, ids: &mut Ids, layout: Layout) {
    let mut out: Option<Vec<u8>> = None;
    let mut from = 0;
    for &(end, hash) in &done.reports {
        if !ids.stood_before(hash) {
            continue;
        }
        done.tally.note(output::DOUBLED_ID);
        if layout == Layout::Jsonl {
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

/// The layout that the output's ending tells.
fn layout(output: Option<&Path>) -> Layout {
    let Some(path) = output.filter(|p| *p != Path::new("-")) else {
        return if std::io::stdout().is_terminal() { Layout::Table } else { Layout::Csv };
    };
    let name = path.to_string_lossy().to_ascii_lowercase();
    let name = name.strip_suffix(".gz").unwrap_or(&name);
    if name.ends_with(".jsonl") || name.ends_with(".ndjson") { Layout::Jsonl } else { Layout::Csv }
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
