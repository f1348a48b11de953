//! `radlabel explain`.

use super::DataOptions;
use std::process::ExitCode;

/// Show why
#[derive(clap::Args)]
pub(super) struct Options {
    #[command(flatten)]
    data: DataOptions,
}

pub(super) fn run(options: &Options) -> anyhow::Result<ExitCode> {
    let _engine = options.data.engine()?;
    Ok(ExitCode::SUCCESS)
}
