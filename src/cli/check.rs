//! `radlabel check`: the linter, and the data's own tests.

use super::DataOptions;
use crate::Error;
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
            eprintln!("{error}");
            return Ok(ExitCode::from(1));
        }
        Err(error) => return Err(error.into()),
    };
    let checked = crate::check::check(&engine);
    for fault in &checked.faults {
        eprintln!("{fault}");
    }
    println!(
        "{} concepts, {} terms reached, {} rules, {} labels, {} test sentences: {}",
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
    Ok(ExitCode::from(u8::from(!checked.faults.is_empty())))
}
