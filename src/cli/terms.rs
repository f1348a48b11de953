//! `radlabel terms`: bring terminologies in, and look up what the vocabulary holds.

mod card;
mod import;
mod page;
mod search;
mod show;
mod stats;

use std::process::ExitCode;

/// Import terminologies (RadLex, SNOMED CT, ICD-10-CM, OBO, ...), search the vocabulary, show a concept
#[derive(clap::Args)]
pub(super) struct Options {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    Import(import::Options),
    Search(search::Options),
    Show(show::Options),
    Stats(stats::Options),
}

/// How a look-up is shown.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// For eyes
    Table,
    /// For programs
    Json,
}

/// The kinds as the command line names them.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Kind {
    /// Anything abnormal that could be seen, measured or diagnosed
    Finding,
    /// A tube, line, implant or other device
    Device,
    /// A part of the body
    Anatomy,
    /// What may be said of a part of the body
    Descriptor,
}

impl Kind {
    const fn of_lexicon(self) -> crate::lexicon::Kind {
        match self {
            Kind::Finding => crate::lexicon::Kind::Finding,
            Kind::Device => crate::lexicon::Kind::Device,
            Kind::Anatomy => crate::lexicon::Kind::Anatomy,
            Kind::Descriptor => crate::lexicon::Kind::Descriptor,
        }
    }
}

pub(super) fn run(options: &Options) -> anyhow::Result<ExitCode> {
    match &options.command {
        Command::Import(options) => import::run(options),
        Command::Search(options) => search::run(options),
        Command::Show(options) => show::run(options),
        Command::Stats(options) => stats::run(options),
    }
}
