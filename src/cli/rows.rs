//! Rows of any table, one after another, in the format that was asked for: CSV, JSON lines, Parquet, Arrow, for eyes.
//!
//! [`RowWriter`] takes rows that come in order from one thread; [`Form`] is for commands whose rows are gathered by all
//! threads. `label` has a writer of its own, which cuts parts.

mod eyes;
mod form;

pub(super) use form::{Form, Piece, Rows, Writer};

use crate::Error;
use crate::output::is_standard;
use crate::output::table::{Cells, ColumnSpec};
use eyes::TableCells;
use std::io::{self, IsTerminal};
use std::path::Path;

/// How rows are laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Layout {
    /// A table with commas
    Csv,
    /// One JSON object a line; what is missing is left out
    Jsonl,
    /// A Parquet file with typed columns
    Parquet,
    /// An Arrow IPC stream with typed columns
    Arrow,
    /// For eyes
    Table,
}

impl Layout {
    /// As asked, else as the output's ending tells.
    ///
    /// # Errors
    /// A layout that this program was built without.
    pub(super) fn chosen(asked: Option<Layout>, output: Option<&Path>) -> Result<Layout, Error> {
        let layout = asked.unwrap_or_else(|| match output.filter(|p| !is_standard(p)) {
            None if io::stdout().is_terminal() => Layout::Table,
            None => Layout::Csv,
            Some(path) => {
                let name = path.to_string_lossy().to_ascii_lowercase();
                let name = [".gz", ".zst"].iter().find_map(|e| name.strip_suffix(e)).unwrap_or(&name);
                match name.rsplit_once('.').map_or("", |(_, ending)| ending) {
                    "jsonl" | "ndjson" => Layout::Jsonl,
                    "parquet" | "pq" => Layout::Parquet,
                    "arrow" | "arrows" => Layout::Arrow,
                    _ => Layout::Csv,
                }
            }
        });
        let built = match layout {
            Layout::Parquet => cfg!(feature = "parquet"),
            Layout::Arrow => cfg!(feature = "arrow"),
            Layout::Csv | Layout::Jsonl | Layout::Table => true,
        };
        if built {
            return Ok(layout);
        }
        let name = super::value_name(&layout);
        Err(Error::Usage(format!(
            "--format {name}: this radlabel was built without it; expected one built with --features full"
        )))
    }
}

/// An output of rows.
pub(super) struct RowWriter {
    form: Form,
    rows: Rows,
    /// In a table for eyes, instead.
    eyes: Option<TableCells>,
    writer: Writer,
    count: u64,
}

impl RowWriter {
    /// Opens an output, `None` for standard output. `table` names what the rows are, for the schema of a columnar one.
    ///
    /// # Errors
    /// What keeps it from being written.
    pub(super) fn open(
        layout: Layout,
        output: Option<&Path>,
        columns: Vec<ColumnSpec>,
        table: &str,
    ) -> anyhow::Result<RowWriter> {
        let pairs = [("version", env!("CARGO_PKG_VERSION")), ("table", table)];
        let eyes = (layout == Layout::Table).then(|| TableCells::new(&columns));
        let form = Form::new(layout, columns, &pairs.map(|(k, v)| (format!("radlabel.{k}"), v.to_owned())));
        let writer = Writer::open(&form, output)?;
        Ok(RowWriter { rows: form.rows(), form, eyes, writer, count: 0 })
    }

    /// Writes a row: the caller gives its cells in the order of the columns.
    ///
    /// # Errors
    /// What the system says; a broken pipe as it is.
    pub(super) fn row(&mut self, give: impl FnOnce(&mut dyn Cells)) -> anyhow::Result<()> {
        self.count += 1;
        match (&mut self.eyes, self.rows.cells()) {
            (None, Ok(cells)) => {
                give(cells);
                cells.end();
                // To look costs more than a row does.
                if self.count.is_multiple_of(256) && self.rows.is_full() {
                    self.flush()?;
                }
            }
            (Some(eyes), Err(lines)) => {
                give(eyes);
                eyes.end();
                if eyes.is_full() {
                    lines.extend_from_slice(eyes.lines().as_bytes());
                    self.flush()?;
                }
            }
            _ => unreachable!("a table for eyes is one of lines"),
        }
        Ok(())
    }

    /// Rows written.
    pub(super) const fn rows(&self) -> u64 {
        self.count
    }

    /// Ends the output; a file gets its name now.
    ///
    /// # Errors
    /// As [`RowWriter::row`].
    pub(super) fn finish(mut self) -> anyhow::Result<()> {
        if let (Some(eyes), Err(lines)) = (&mut self.eyes, self.rows.cells()) {
            lines.extend_from_slice(eyes.lines().as_bytes());
        }
        self.flush()?;
        self.writer.finish(&self.form)
    }

    fn flush(&mut self) -> anyhow::Result<()> {
        let full = std::mem::replace(&mut self.rows, self.form.rows());
        self.writer.write(full.finish().map_err(anyhow::Error::msg)?)
    }
}
