//! `radlabel studies`: imaging studies in, one row a study, series or image out.

use std::process::ExitCode;

/// List the studies, series and images of a source
#[derive(clap::Args)]
pub(super) struct Options {
    /// What to read
    #[arg(value_name = "INPUT")]
    inputs: Vec<String>,
}

pub(super) fn run(options: &Options) -> anyhow::Result<ExitCode> {
    anyhow::bail!("not built yet: {} inputs", options.inputs.len())
}
