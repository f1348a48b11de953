//! `radlabel link`: reports and studies in, one row a link out.

use std::process::ExitCode;

/// Link reports to the imaging studies that they describe
#[derive(clap::Args)]
pub(super) struct Options {
    /// What to read
    #[arg(value_name = "INPUT")]
    inputs: Vec<String>,
}

pub(super) fn run(options: &Options) -> anyhow::Result<ExitCode> {
    anyhow::bail!("not built yet: {} inputs", options.inputs.len())
}
