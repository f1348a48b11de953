//! `radlabel pair`: reports and image annotations in, agreements and conflicts out.

use std::process::ExitCode;

/// Hold what reports say against what was drawn on their images
#[derive(clap::Args)]
pub(super) struct Options {
    /// What to read
    #[arg(value_name = "INPUT")]
    inputs: Vec<String>,
}

pub(super) fn run(options: &Options) -> anyhow::Result<ExitCode> {
    anyhow::bail!("not built yet: {} inputs", options.inputs.len())
}
