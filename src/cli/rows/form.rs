//! A table in any of its layouts: rows gathered by any thread, pieces written in order.

use super::Layout;
use crate::Error;
use crate::output::table::{Cells, ColumnSpec};
use crate::output::{CsvCells, JsonCells, Packing, Sink, csv_header};
use std::io::IsTerminal;
use std::path::Path;
use std::sync::Arc;

/// Bytes of text that are written at once.
const CHUNK: usize = 1 << 20;
/// Rows of a batch.
#[cfg(feature = "arrow")]
const BATCH: usize = 1 << 14;

/// What a table looks like.
pub(in crate::cli) struct Form {
    pub(in crate::cli) layout: Layout,
    pub(in crate::cli) columns: Arc<[ColumnSpec]>,
    #[cfg(feature = "arrow")]
    schema: arrow_schema::SchemaRef,
}

/// Rows being gathered.
pub(in crate::cli) enum Rows {
    Csv(Box<CsvCells>),
    Json(JsonCells),
    /// For eyes: the command writes its lines itself.
    Lines(Vec<u8>),
    #[cfg(feature = "arrow")]
    Arrow(Box<crate::arrow::cells::ArrowCells>),
}

/// Gathered rows.
pub(in crate::cli) enum Piece {
    Bytes(Vec<u8>),
    #[cfg(feature = "arrow")]
    Batch(arrow_array::RecordBatch),
}

impl Form {
    /// A table of these columns, in a layout that [`Layout::chosen`] gave. `metadata` goes into the schema of columnar layouts.
    pub(in crate::cli) fn new(layout: Layout, columns: Vec<ColumnSpec>, metadata: &[(String, String)]) -> Form {
        #[cfg(not(feature = "arrow"))]
        let _ = metadata;
        Form {
            layout,
            #[cfg(feature = "arrow")]
            schema: crate::arrow::cells::schema(&columns, metadata),
            columns: columns.into(),
        }
    }

    /// Begins to gather rows.
    pub(in crate::cli) fn rows(&self) -> Rows {
        match self.layout {
            Layout::Csv => Rows::Csv(Box::new(CsvCells::over(Vec::new()))),
            Layout::Jsonl => Rows::Json(JsonCells::over(Arc::clone(&self.columns), Vec::new())),
            #[cfg(feature = "arrow")]
            Layout::Parquet | Layout::Arrow => {
                let cells = crate::arrow::cells::ArrowCells::new(&self.columns, Arc::clone(&self.schema));
                Rows::Arrow(Box::new(cells))
            }
            _ => Rows::Lines(Vec::new()),
        }
    }
}

impl Rows {
    /// Where cells go; nothing where lines are written for eyes.
    pub(in crate::cli) fn cells(&mut self) -> Result<&mut dyn Cells, &mut Vec<u8>> {
        match self {
            Rows::Csv(cells) => Ok(&mut **cells),
            Rows::Json(cells) => Ok(cells),
            #[cfg(feature = "arrow")]
            Rows::Arrow(cells) => Ok(&mut **cells),
            Rows::Lines(bytes) => Err(bytes),
        }
    }

    /// There is enough to be written.
    pub(in crate::cli) fn is_full(&mut self) -> bool {
        match self {
            Rows::Csv(cells) => cells.len() >= CHUNK,
            Rows::Json(cells) => cells.len() >= CHUNK,
            Rows::Lines(bytes) => bytes.len() >= CHUNK,
            #[cfg(feature = "arrow")]
            Rows::Arrow(cells) => cells.rows() >= BATCH,
        }
    }

    /// What was gathered.
    pub(in crate::cli) fn finish(self) -> Result<Piece, String> {
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
pub(in crate::cli) struct Writer {
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
    pub(in crate::cli) fn open(form: &Form, path: Option<&Path>) -> anyhow::Result<Writer> {
        let mut sink = Sink::open(path)?;
        if matches!(form.layout, Layout::Parquet | Layout::Arrow) && sink.packing != Packing::None {
            let message = "parquet and arrow are not packed once more; expected no .gz or .zst";
            return Err(Error::Usage(message.to_owned()).into());
        }
        if matches!(form.layout, Layout::Parquet | Layout::Arrow)
            && sink.is_standard()
            && std::io::stdout().is_terminal()
        {
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
            let encoder = crate::arrow::parquet_file::Encoder::new(Arc::clone(&form.schema));
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
    pub(in crate::cli) fn write(&mut self, piece: Piece) -> anyhow::Result<()> {
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
    pub(in crate::cli) fn finish(self, form: &Form) -> anyhow::Result<()> {
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
