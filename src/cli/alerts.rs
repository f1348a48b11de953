//! `radlabel alerts`: reports in, one row an alert out.

use super::DataOptions;
use super::inputs::{InputOptions, RunOptions};
use super::label::{names_json_lines, pack};
use super::refine::{Asked, RefineOptions, Refiner, UNANSWERED};
use super::same;
use super::stream::{self, Done, Steps};
use super::summary::{Teller, Words};
use crate::input::{Batch, Input};
use crate::output::{self, Offsets, Sink, Whole};
use crate::{Engine, Level, Metadata, Scratch};
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};

/// List what in reports should make somebody look
///
/// Advice, critical results, sides that contradict one another, what does not fit the patient's sex and age, a
/// missing impression: one row an alert, with its place in code points. Sex and age are read from columns of
/// these names, else from the report's own opening.
#[derive(clap::Args)]
#[command(after_help = "Exit code: 0 done; 1 some input could not be read, or --fail-on found an alert; 2 wrong use.")]
pub(super) struct Options {
    /// Files, folders (*.txt or *.xml within, however deep), or - for standard input
    #[arg(required = true, value_name = "INPUT")]
    inputs: Vec<PathBuf>,
    /// Where to write; the file appears only when everything is in it. Packed when it ends in .gz
    #[arg(long, short, value_name = "OUT")]
    output: Option<PathBuf>,
    /// csv: a row an alert; jsonl: an object an alert, with all its evidence
    /// [default: by the ending of OUT, else csv]
    #[arg(long, value_enum, value_name = "FORMAT")]
    format: Option<Layout>,
    /// Exit with 1 when an alert of this level or above was found
    #[arg(long, value_enum, value_name = "LEVEL")]
    fail_on: Option<Worst>,
    #[command(flatten)]
    run: RunOptions,
    #[command(flatten)]
    refine: RefineOptions,
    #[command(flatten)]
    input: InputOptions,
    #[command(flatten)]
    data: DataOptions,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Layout {
    Csv,
    Jsonl,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Worst {
    /// Any alert
    Notice,
    /// What should be checked
    Warning,
    /// What cannot wait
    Critical,
}

impl Worst {
    const fn level(self) -> Level {
        match self {
            Worst::Notice => Level::Notice,
            Worst::Warning => Level::Warning,
            Worst::Critical => Level::Critical,
        }
    }
}

/// What every thread has for itself.
#[derive(Default)]
struct State {
    scratch: Scratch,
    offsets: Offsets,
}

pub(super) fn run(options: &Options) -> anyhow::Result<ExitCode> {
    let engine = options.data.engine()?;
    let refiner = options.refine.open()?;
    same::refuse(options.output.as_deref(), options.inputs.iter().map(PathBuf::as_path))?;
    let mut sink = Sink::open(options.output.as_deref())?;
    let mut input = Input::open(&options.inputs, &options.input.reading(None))?;
    let layout = options.format.unwrap_or_else(|| layout(options.output.as_deref()));
    let threads = options.run.threads();
    let talks = sink.is_standard() && std::io::stdout().is_terminal();
    let words = Words { mentions: "alerts", labels: "" };
    let progress = !options.run.no_progress && !talks;
    let mut teller =
        Teller::new(words, options.run.quiet, progress, input.total, input.meter()).refined_by(refiner.as_ref());
    for told in &input.told {
        teller.tell(told);
    }
    let mut head = if layout == Layout::Csv { output::alerts_header()? } else { Vec::new() };
    let packing = sink.packing;
    let fatal = AtomicU64::new(0);
    stream::run(
        &mut input,
        threads,
        Steps {
            work: |state: &mut State, batch: &Batch, done: &mut Done| {
                work((engine, refiner.as_ref()), layout, options.fail_on, &fatal, state, batch, done);
            },
            order: |done: &mut Done| {
                if !head.is_empty() {
                    done.bytes.splice(..0, head.drain(..));
                }
                for told in &done.told {
                    teller.tell(told);
                }
                teller.count(&done.tally);
            },
            pack: |done: &mut Done| pack(done, packing),
            write: |done: &mut Done| Ok(sink.write(&done.bytes)?),
        },
    )?;
    // An old output is not replaced by an empty one.
    if teller.tally.reports == 0 {
        return Err(teller.nothing_read(&options.inputs).into());
    }
    sink.finish()?;
    teller.finish();
    let failed = teller.problems > 0 || fatal.load(Ordering::Relaxed) > 0;
    Ok(ExitCode::from(u8::from(failed)))
}

fn work(
    (engine, refiner): (&Engine, Option<&Refiner>),
    layout: Layout,
    fail_on: Option<Worst>,
    fatal: &AtomicU64,
    state: &mut State,
    batch: &Batch,
    done: &mut Done,
) {
    let mut rows = csv::Writer::from_writer(std::mem::take(&mut done.bytes));
    let mut lines = Vec::new();
    let mut faults = Vec::new();
    let Done { told, tally, .. } = done;
    batch.read(told, |reading| match reading {
        Err(fault) => faults.push(fault),
        Ok(reading) => {
            let report = &reading.report;
            let mut analysis = engine.analyze_with(&mut state.scratch, &report.text);
            if let Some(refiner) = refiner {
                refiner.refine_one(engine, &report.text, &mut analysis);
                let asked = Asked::count(analysis.mentions.len(), &analysis.refined);
                if asked.unanswered > 0 {
                    tally.note(UNANSWERED);
                }
                tally.asked.add(asked);
            }
            let alerts = engine.safety(report, &analysis, &Metadata::default());
            state.offsets.set(&report.text);
            let whole = Whole { engine, text: &report.text, offsets: &state.offsets };
            tally.reports += 1;
            tally.mentions += alerts.len() as u64;
            for alert in &alerts {
                tally.note(alert.kind.name());
                if fail_on.is_some_and(|f| alert.level >= f.level()) {
                    fatal.fetch_add(1, Ordering::Relaxed);
                }
                match layout {
                    // Writing to memory cannot fail.
                    Layout::Csv => drop(whole.alert_row(&mut rows, &report.id, alert)),
                    Layout::Jsonl => whole.alert_line(&mut lines, &report.id, alert),
                }
            }
        }
    });
    told.append(&mut faults);
    done.bytes = match layout {
        Layout::Csv => rows.into_inner().unwrap_or_default(),
        Layout::Jsonl => lines,
    };
}

/// The layout that the output's ending tells.
fn layout(output: Option<&Path>) -> Layout {
    if output.is_some_and(names_json_lines) { Layout::Jsonl } else { Layout::Csv }
}
