//! `radlabel check`: the linter, and the data's own tests.

use super::DataOptions;
use super::say;
use crate::Error;
use crate::output::Sink;
use std::path::PathBuf;
use std::process::ExitCode;

/// Lint lexicons, rules and label schemes, and run the sentences that each rule proves itself on
#[derive(clap::Args)]
pub(super) struct Options {
    /// Folder with lexicons (*.tsv) and rules (*.toml) to check beside the built-in ones; without it the
    /// built-in ones are checked
    path: Option<PathBuf>,
    #[command(flatten)]
    data: DataOptions,
}

pub(super) fn run(options: &Options) -> anyhow::Result<ExitCode> {
    let mut data = options.data.clone();
    if let Some(path) = &options.path {
        data.take_folder(path)?;
    }
    let engine = match data.engine() {
        Ok(engine) => engine,
        // What does not load is what this command is for: a finding, not a wrong use.
        Err(error @ Error::Data(_)) => {
            say(format_args!("{error}"));
            return Ok(ExitCode::from(1));
        }
        Err(error) => return Err(error.into()),
    };
    let checked = crate::check::check(engine);
    for fault in &checked.faults {
        say(format_args!("{fault}"));
    }
    let line = format!(
        "{} concepts, {} terms reached, {} rules, {} labels, {} test sentences: {}\n",
        engine.lexicon.concepts.len(),
        checked.terms,
        checked.rules,
        checked.labels,
        checked.sentences,
        match checked.faults.len() {
            0 => "no fault".to_owned(),
            1 => "1 fault".to_owned(),
            n => format!("{n} faults"),
        }
    );
    Sink::open(None)?.put(line.as_bytes())?;
    Ok(ExitCode::from(u8::from(!checked.faults.is_empty())))
}
