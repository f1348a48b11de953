//! `radlabel label`.

use super::DataOptions;
use std::process::ExitCode;

/// Label reports
#[derive(clap::Args)]
pub(super) struct Options {
    #[command(flatten)]
    data: DataOptions,
}

pub(super) fn run(options: &Options) -> anyhow::Result<ExitCode> {
    let _engine = options.data.engine()?;
    Ok(ExitCode::SUCCESS)
}
