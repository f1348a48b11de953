//! `radlabel score`.

use super::DataOptions;
use std::process::ExitCode;

/// Score labels or mentions against gold
#[derive(clap::Args)]
pub(super) struct Options {
    #[command(flatten)]
    data: DataOptions,
}

pub(super) fn run(options: &Options) -> anyhow::Result<ExitCode> {
    let _engine = options.data.engine()?;
    Ok(ExitCode::SUCCESS)
}
