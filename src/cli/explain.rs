//! `radlabel explain`: one report with its findings marked, and for every label the words and the rule that
//! decided it.
//!
//! `account` gathers what there is to tell, `text` and `html` tell it. This file finds the report and puts
//! the result where it was asked for.

mod account;
mod html;
mod text;
mod whole;

use super::inputs::InputOptions;
use super::refine::RefineOptions;
#[cfg(feature = "python")]
use super::refine::Refiner;
use super::repeats::Repeats;
use super::whole::WholeOptions;
use super::{DataOptions, same, say};
use crate::input::{Batch, Gravity, Input, Reading};
use crate::output::Sink;
#[cfg(feature = "python")]
use crate::{Engine, rules::BoundScheme};
use crate::{Error, Report};
use account::{Account, Reader};
use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;

/// Show what a report says of every label, with the words and the rule that decided
///
/// Reads what `radlabel label` reads. Of several reports, --id says which; a record elsewhere that cannot be
/// read is told and passed over.
#[derive(clap::Args)]
#[command(after_help = "Exit code: 0 explained; 2 wrong use, or no such report could be read.")]
pub(super) struct Options {
    /// A file (text, table, JSON lines, Open-i XML; packed with gzip or not), a folder, or - for standard input
    input: PathBuf,
    /// The report with this id; needed where the input holds several
    #[arg(long)]
    id: Option<String>,
    /// Label scheme
    #[arg(long, default_value = "chexpert")]
    scheme: String,
    /// How to show it
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    /// Colours in text; NO_COLOR turns `auto` off
    #[arg(long, value_enum, default_value = "auto", value_name = "WHEN")]
    color: Color,
    /// Write to this file instead of standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// For each mention the probability that a careful reader of the report says the same
    #[arg(long)]
    confidence: bool,
    #[command(flatten)]
    refine: RefineOptions,
    #[command(flatten)]
    whole: WholeOptions,
    #[command(flatten)]
    reading: InputOptions,
    #[command(flatten)]
    data: DataOptions,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// For a terminal or a file
    Text,
    /// One self-contained page for a browser
    Html,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Color {
    /// On a terminal
    Auto,
    /// Always
    Always,
    /// Never: findings are marked as [effusion|absent]
    Never,
}

pub(super) fn run(options: &Options) -> anyhow::Result<ExitCode> {
    same::refuse(options.output.as_deref(), [options.input.as_path()])?;
    let sink = Sink::open(options.output.as_deref())?;
    let report = read_report(options)?;
    let engine = options.data.engine()?;
    let scheme = engine.scheme(&options.scheme)?;
    let refiner = options.refine.open()?;
    let reader = Reader { engine, bound: scheme, refiner: refiner.as_ref() };
    let account = Account::new(&reader, &report, &options.whole, options.confidence);
    let shown = match options.format {
        Format::Text => text::render(&account, colours(options), width(options)),
        Format::Html => html::render(&account),
    };
    sink.put(shown.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

/// One report as the page for a browser and as text without colours.
#[cfg(feature = "python")]
pub(crate) fn shown(
    engine: &Engine,
    bound: &BoundScheme,
    refiner: Option<&Refiner>,
    report: &Report,
) -> (String, String) {
    let account = Account::new(&Reader { engine, bound, refiner }, report, &WholeOptions::default(), false);
    (html::render(&account), text::render(&account, false, None))
}

/// Columns of the terminal, where one is written to.
fn width(options: &Options) -> Option<usize> {
    let shown = options.output.is_none() && std::io::stdout().is_terminal();
    shown.then(|| usize::from(console::Term::stdout().size().1).max(40))
}

fn colours(options: &Options) -> bool {
    match options.color {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => {
            let refused = std::env::var_os("NO_COLOR").is_some_and(|v| !v.is_empty());
            options.output.is_none() && !refused && std::io::stdout().is_terminal()
        }
    }
}

/// The one report that is asked for; what else the input holds is passed over, and told where it is bad.
fn read_report(options: &Options) -> Result<Report, Error> {
    let mut input = Input::open(std::slice::from_ref(&options.input), &options.reading.reading(None))?;
    let wanted = options.id.as_deref();
    let mut repeats = Repeats::default();
    let mut told = std::mem::take(&mut input.told);
    let mut found: Option<Report> = None;
    let mut several = false;
    let mut batch = Batch::default();
    while !several && (found.is_none() || wanted.is_none()) && input.fill(&mut batch) {
        told.append(&mut batch.told);
        let mut bad = Vec::new();
        batch.read(&mut told, |reading| match reading {
            Ok(Reading { report, .. }) if wanted.is_none_or(|w| w == report.id) => match found {
                Some(_) => several = true,
                None => found = Some(report),
            },
            Ok(_) => {}
            Err(fault) => bad.push(fault),
        });
        told.append(&mut bad);
        // What was guessed of columns is shown by the report itself.
        for one in told.drain(..).filter(|t| t.gravity != Gravity::Guess) {
            if repeats.shows(&one) {
                let kind = if one.gravity == Gravity::Problem { "left out" } else { "warning" };
                say(format_args!("radlabel: {kind}: {}: {}", one.place, one.message));
            }
        }
    }
    repeats.finish();
    let name = options.input.display();
    if several && wanted.is_none() {
        return Err(Error::Usage(format!("{name} holds more than one report; say which with --id ID")));
    }
    found.ok_or_else(|| match wanted {
        Some(id) => Error::Usage(format!("{name} holds no report with the id {id:?}")),
        None => Error::input(name.to_string(), "no report could be read"),
    })
}
