//! The flags that say how to read reports and how many threads to use: the same for every command.

use crate::input::{Format, Options};
use std::num::NonZeroUsize;

/// How reports are read.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct InputOptions {
    /// What the input looks like inside, where ending and content do not tell
    #[arg(long, value_enum, value_name = "FORMAT", help_heading = "Input")]
    input_format: Option<Format>,
    /// Column or key that holds the report's id (else guessed, else the row number)
    #[arg(long, value_name = "NAME", help_heading = "Input")]
    id_column: Option<String>,
    /// Column or key that holds the text; several are joined in the order given
    #[arg(long, value_name = "NAME", help_heading = "Input")]
    text_column: Vec<String>,
    /// Of a folder, read only the files whose path below it fits this pattern: '**/*.txt'
    #[arg(long, value_name = "PATTERN", help_heading = "Input")]
    glob: Vec<String>,
    #[command(flatten)]
    bytes: ByteOptions,
}

/// How bytes become text.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct ByteOptions {
    /// Encoding: auto (byte order mark, else UTF-8 if valid, else a guess that is told) or a label such as
    /// windows-1252
    #[arg(long, value_name = "LABEL", default_value = "auto", help_heading = "Input")]
    encoding: String,
    /// Leave out and tell any report that is longer
    #[arg(long, value_name = "N", default_value_t = crate::input::MAX_REPORT_BYTES, help_heading = "Input")]
    max_report_bytes: usize,
}

/// How the run goes.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct RunOptions {
    /// Threads; the output is the same for any number [default: all cores]
    #[arg(long, short = 'j', value_name = "N")]
    threads: Option<NonZeroUsize>,
    /// Only problems on standard error: no guesses, warnings or summary
    #[arg(long, short)]
    pub(crate) quiet: bool,
    /// No progress bar
    #[arg(long)]
    pub(crate) no_progress: bool,
}

impl InputOptions {
    /// As a manifest keeps it.
    pub(crate) fn told(&self) -> String {
        let format = self.input_format.as_ref().map_or_else(|| "by content".to_owned(), super::value_name);
        let id = self.id_column.as_deref().unwrap_or("guessed");
        let texts = if self.text_column.is_empty() { "guessed".to_owned() } else { self.text_column.join("+") };
        let ByteOptions { encoding, max_report_bytes } = &self.bytes;
        let globs = self.glob.join(" ");
        format!("{format}, id {id}, text {texts}, globs [{globs}], {encoding}, at most {max_report_bytes} bytes")
    }

    /// As the readers want it.
    pub(crate) fn reading(&self, limit: Option<u64>) -> Options {
        Options {
            limit,
            globs: self.glob.clone(),
            format: self.input_format,
            id_column: self.id_column.clone(),
            text_columns: self.text_column.clone(),
            ..self.bytes.reading()
        }
    }
}

impl ByteOptions {
    /// As the readers want it.
    pub(crate) fn reading(&self) -> Options {
        Options { encoding: self.encoding.clone(), max_report_bytes: self.max_report_bytes, ..Options::default() }
    }
}

impl RunOptions {
    /// How many threads to use.
    pub(crate) fn threads(&self) -> usize {
        self.threads.or_else(|| std::thread::available_parallelism().ok()).map_or(1, NonZeroUsize::get)
    }
}
