//! `radlabel labels`: label schemes as people work with them, without reading a report.
//!
//! `show` and `doc` print a scheme's dictionary, `cross` compares two, `map` turns a table of labels of one
//! into labels of the other. The comparing is in [`crate::crosswalk`]; here are the options.

mod calibrate;
mod cross;
mod dictionary;
mod doc;
mod map;
mod reliability;
mod show;

use super::DataOptions;
use crate::output::Sink;
use std::path::PathBuf;
use std::process::ExitCode;

/// List, show, document, compare and convert label schemes
#[derive(clap::Args)]
pub(super) struct Options {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Every scheme and profile, with its title
    List {
        #[command(flatten)]
        data: DataOptions,
    },
    /// The labels of a scheme as a tree, or all that is known of one label
    Show {
        /// The scheme
        scheme: String,
        /// The label
        label: Option<String>,
        #[command(flatten)]
        data: DataOptions,
    },
    /// The dictionary of a scheme as a Markdown page
    Doc {
        /// The scheme
        scheme: String,
        /// Where to write [default: standard output]
        #[arg(long, short, value_name = "FILE")]
        output: Option<PathBuf>,
        #[command(flatten)]
        data: DataOptions,
    },
    /// Which label of B is which of A, by the concepts that both count
    ///
    /// The relation says what B's label is to A's: exact, broader, narrower or overlaps. Labels that map to nothing are
    /// listed with the reason. The CSV may be edited and given to `labels map --crosswalk`.
    Crosswalk {
        /// The scheme to map from
        #[arg(value_name = "A")]
        from: String,
        /// The scheme to map to
        #[arg(value_name = "B")]
        to: String,
        /// How to print
        #[arg(long, value_enum, default_value = "table")]
        format: cross::Format,
        /// Where to write [default: standard output]
        #[arg(long, short, value_name = "FILE")]
        output: Option<PathBuf>,
        #[command(flatten)]
        data: DataOptions,
    },
    /// Turn a table of labels of scheme A into labels of scheme B
    Map(map::Options),
    /// Measure on gold of your own how likely a label is right, for `label --confidence`
    ///
    /// Put the file into a folder as calibration.toml and give that folder to --rules.
    Calibrate(calibrate::Options),
    /// How often a label of a given confidence was right: the gold, the figures, the weights; and as a picture
    Reliability(reliability::Options),
}

pub(super) fn run(options: &Options) -> anyhow::Result<ExitCode> {
    match &options.command {
        Command::List { data } => {
            let engine = data.engine()?;
            Sink::open(None)?.put(show::list(engine)?.as_bytes())?;
        }
        Command::Show { scheme, label, data } => {
            let engine = data.engine()?;
            let bound = engine.scheme(scheme)?;
            let shown = match label {
                None => show::scheme(bound),
                Some(label) => show::label(engine, bound, label)?,
            };
            Sink::open(None)?.put(shown.as_bytes())?;
        }
        Command::Doc { scheme, output, data } => {
            let engine = data.engine()?;
            let page = doc::page(engine, engine.scheme(scheme)?);
            Sink::open(output.as_deref())?.put(page.as_bytes())?;
        }
        Command::Crosswalk { from, to, format, output, data } => {
            let engine = data.engine()?;
            let (from, to) = (engine.scheme(from)?, engine.scheme(to)?);
            let crosswalk = crate::crosswalk::crosswalk(from, to, &engine.lexicon);
            let shown = cross::render(&crosswalk, &from.scheme, &to.scheme, *format)?;
            Sink::open(output.as_deref())?.put(&shown)?;
        }
        Command::Map(options) => return map::run(options),
        Command::Calibrate(options) => return calibrate::run(options),
        Command::Reliability(options) => return reliability::run(options),
    }
    Ok(ExitCode::SUCCESS)
}
