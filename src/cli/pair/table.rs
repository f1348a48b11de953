//! A table in any of its layouts: rows gathered by any thread, pieces written in order.

use crate::Error;
use crate::output::table::{Cells, ColumnSpec};
use crate::output::{CsvCells, JsonCells, Sink, csv_header, is_standard};
use std::io::IsTerminal;
use std::path::Path;

/// How a table is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Layout {
    /// Comma-separated values with a header
    Csv,
    /// An object a row
    Jsonl,
    /// A Parquet file with typed columns
    Parquet,
    /// An Arrow IPC stream with typed columns
    Arrow,
    /// For eyes
    Table,
}

impl Layout {
    /// By the ending of the output; else for eyes on a terminal, else CSV.
    pub(super) fn by_place(output: Option<&Path>) -> Layout {
        let Some(path) = output.filter(|p| !is_standard(p)) else {
            return if std::io::stdout().is_terminal() { Layout::Table } else { Layout::Csv };
        };
        let name = path.to_string_lossy().to_ascii_lowercase();
        let name = [".gz", ".zst"].iter().find_map(|e| name.strip_suffix(e)).unwrap_or(&name);
        match name.rsplit_once('.').map_or("", |n| n.1) {
            "jsonl" | "ndjson" => Layout::Jsonl,
            "parquet" | "pq" => Layout::Parquet,
            "arrow" | "arrows" => Layout::Arrow,
            _ => Layout::Csv,
        }
    }

    const fn is_columnar(self) -> bool {
        matches!(self, Layout::Parquet | Layout::Arrow)
    }
}

/// What a table looks like.
pub(super) struct Form {
    pub(super) layout: Layout,
    pub(super) columns: Vec<ColumnSpec>,
    #[cfg(feature = "arrow")]
    schema: arrow_schema::SchemaRef,
}

/// Rows being gathered.
pub(super) enum Rows<'f> {
    Csv(Box<CsvCells>),
    Json(JsonCells<'f>),
    /// For eyes: the command writes its lines itself.
    Lines(Vec<u8>),
    #[cfg(feature = "arrow")]
    Arrow(Box<crate::arrow::cells::ArrowCells>),
}

/// Gathered rows.
pub(super) enum Piece {
    Bytes(Vec<u8>),
    #[cfg(feature = "arrow")]
    Batch(arrow_array::RecordBatch),
}

impl Form {
    /// A table of these columns. `metadata` goes into the schema of columnar layouts.
    pub(super) fn new(layout: Layout, columns: Vec<ColumnSpec>, metadata: &[(String, String)]) -> Result<Form, Error> {
        let there = match layout {
            Layout::Parquet => cfg!(feature = "parquet"),
            Layout::Arrow => cfg!(feature = "arrow"),
            _ => true,
        };
        if !there {
            return Err(Error::Usage(format!(
                "--format {}: this radlabel was built without it; expected one built with --features full",
                crate::cli::value_name(&layout)
            )));
        }
        #[cfg(not(feature = "arrow"))]
        let _ = metadata;
        Ok(Form {
            layout,
            #[cfg(feature = "arrow")]
            schema: crate::arrow::cells::schema(&columns, metadata),
            columns,
        })
    }

    /// Begins to gather rows.
    pub(super) fn rows(&self) -> Rows<'_> {
        match self.layout {
            Layout::Csv => Rows::Csv(Box::new(CsvCells::over(Vec::new()))),
            Layout::Jsonl => Rows::Json(JsonCells::over(&self.columns, Vec::new())),
            #[cfg(feature = "arrow")]
            Layout::Parquet | Layout::Arrow => {
                let cells = crate::arrow::cells::ArrowCells::new(&self.columns, std::sync::Arc::clone(&self.schema));
                Rows::Arrow(Box::new(cells))
            }
            _ => Rows::Lines(Vec::new()),
        }
    }
}

impl Rows<'_> {
    /// Where cells go; nothing where lines are written for eyes.
    pub(super) fn cells(&mut self) -> Result<&mut dyn Cells, &mut Vec<u8>> {
        match self {
            Rows::Csv(cells) => Ok(&mut **cells),
            Rows::Json(cells) => Ok(cells),
            #[cfg(feature = "arrow")]
            Rows::Arrow(cells) => Ok(&mut **cells),
            Rows::Lines(bytes) => Err(bytes),
        }
    }

    /// What was gathered.
    pub(super) fn finish(self) -> Result<Piece, String> {
        Ok(match self {
            Rows::Csv(cells) => Piece::Bytes(cells.into_bytes()),
            Rows::Json(cells) => Piece::Bytes(cells.into_bytes()),
            Rows::Lines(bytes) => Piece::Bytes(bytes),
            #[cfg(feature = "arrow")]
            Rows::Arrow(mut cells) => Piece::Batch(cells.finish()?),
        })
    }
}

/// Rows of a row group of Parquet, in bytes of their cells.
#[cfg(feature = "parquet")]
const GROUP: usize = 16 << 20;

/// A table being written.
pub(super) struct Writer {
    target: Target,
    #[cfg(feature = "parquet")]
    group: Vec<arrow_array::RecordBatch>,
}

enum Target {
    Plain(Box<Sink>),
    #[cfg(feature = "parquet")]
    Parquet(Box<crate::arrow::parquet_file::Encoder>, Box<crate::arrow::parquet_file::ParquetFile<Sink>>),
}

impl Writer {
    /// Opens an output and writes what stands before the rows.
    pub(super) fn open(form: &Form, path: Option<&Path>) -> anyhow::Result<Writer> {
        let mut sink = Sink::open(path)?;
        if form.layout.is_columnar() && sink.packing != crate::output::Packing::None {
            let message = "parquet and arrow are not packed once more; expected no .gz or .zst";
            return Err(Error::Usage(message.to_owned()).into());
        }
        if form.layout.is_columnar() && sink.is_standard() && std::io::stdout().is_terminal() {
            return Err(Error::Usage("parquet and arrow are not written to a terminal; expected -o OUT".into()).into());
        }
        let head = match form.layout {
            Layout::Csv => csv_header(&form.columns)?,
            #[cfg(feature = "arrow")]
            Layout::Arrow => crate::arrow::stream::header(&form.schema).map_err(anyhow::Error::msg)?,
            _ => Vec::new(),
        };
        #[cfg(feature = "parquet")]
        if form.layout == Layout::Parquet {
            let encoder = crate::arrow::parquet_file::Encoder::new(std::sync::Arc::clone(&form.schema));
            let encoder = encoder.map_err(anyhow::Error::msg)?;
            let file = encoder.file(sink).map_err(anyhow::Error::msg)?;
            return Ok(Writer { target: Target::Parquet(Box::new(encoder), Box::new(file)), group: Vec::new() });
        }
        let head = sink.packing.pack(head)?;
        sink.write(&head)?;
        Ok(Writer {
            target: Target::Plain(Box::new(sink)),
            #[cfg(feature = "parquet")]
            group: Vec::new(),
        })
    }

    /// Appends rows.
    pub(super) fn write(&mut self, piece: Piece) -> anyhow::Result<()> {
        let Writer { target, .. } = self;
        match (target, piece) {
            (Target::Plain(sink), Piece::Bytes(bytes)) => {
                let bytes = sink.packing.pack(bytes)?;
                sink.write(&bytes)?;
            }
            #[cfg(feature = "arrow")]
            (Target::Plain(sink), Piece::Batch(batch)) => {
                if batch.num_rows() > 0 {
                    sink.write(&crate::arrow::stream::message(&batch).map_err(anyhow::Error::msg)?)?;
                }
            }
            #[cfg(feature = "parquet")]
            (Target::Parquet(..), Piece::Batch(batch)) => {
                self.group.push(batch);
                if self.group.iter().map(crate::arrow::cells::weight).sum::<usize>() >= GROUP {
                    self.flush()?;
                }
            }
            #[cfg(feature = "parquet")]
            (Target::Parquet(..), Piece::Bytes(_)) => {}
        }
        Ok(())
    }

    #[cfg(feature = "parquet")]
    fn flush(&mut self) -> anyhow::Result<()> {
        if let Target::Parquet(encoder, file) = &mut self.target {
            let encoded = encoder.encode(&self.group).map_err(anyhow::Error::msg)?;
            file.append(encoded).map_err(anyhow::Error::msg)?;
            self.group.clear();
        }
        Ok(())
    }

    /// Ends the table; a file gets its name now.
    pub(super) fn finish(self, form: &Form) -> anyhow::Result<()> {
        #[cfg(feature = "parquet")]
        let this = {
            let mut this = self;
            this.flush()?;
            this
        };
        #[cfg(not(feature = "parquet"))]
        let this = self;
        match this.target {
            #[cfg(feature = "parquet")]
            Target::Parquet(_, file) => file.finish().map_err(anyhow::Error::msg)?.finish()?,
            Target::Plain(sink) => ended(*sink, form)?.finish()?,
        }
        Ok(())
    }
}

/// Writes what stands after the rows.
#[cfg(feature = "arrow")]
fn ended(mut sink: Sink, form: &Form) -> std::io::Result<Sink> {
    if form.layout == Layout::Arrow {
        sink.write(crate::arrow::stream::footer())?;
    }
    Ok(sink)
}

#[cfg(not(feature = "arrow"))]
fn ended(sink: Sink, _: &Form) -> std::io::Result<Sink> {
    Ok(sink)
}
