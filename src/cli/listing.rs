//! Tables that are not of reports (links, studies, pairings) as CSV, JSON lines, Parquet or Arrow, row by row.

use crate::Error;
use crate::output::table::{Cells, ColumnSpec};
use crate::output::{CsvCells, Sink, csv_header, json_string};
use std::path::Path;

/// How a table is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum ListingFormat {
    /// Commas and a header line
    Csv,
    /// One JSON object a line
    Jsonl,
    /// Parquet, packed with zstd
    Parquet,
    /// Arrow IPC stream
    Arrow,
}

impl ListingFormat {
    /// The format that is asked for, else the one that the ending tells, else CSV.
    fn of(asked: Option<ListingFormat>, path: Option<&Path>) -> ListingFormat {
        let name = path.and_then(|p| p.file_name()).map(|n| n.to_string_lossy().to_lowercase()).unwrap_or_default();
        let bare = name.trim_end_matches(".gz").trim_end_matches(".zst");
        asked.unwrap_or_else(|| match bare.rsplit('.').next() {
            Some("jsonl" | "ndjson") => ListingFormat::Jsonl,
            Some("parquet" | "pq") => ListingFormat::Parquet,
            Some("arrow" | "arrows") => ListingFormat::Arrow,
            _ => ListingFormat::Csv,
        })
    }
}

/// Bytes that are gathered before they are written.
const BUFFER: usize = 1 << 20;
/// Rows of a row group.
#[cfg(feature = "arrow")]
const ROWS: usize = 1 << 16;

/// A table that is being written. It appears whole or not at all.
pub(crate) struct Listing {
    columns: Vec<ColumnSpec>,
    writer: Writer,
    /// Rows written.
    pub(crate) rows: u64,
}

enum Writer {
    Csv(Sink, CsvCells),
    Json(Sink, Vec<u8>),
    #[cfg(feature = "arrow")]
    Arrow(Sink, Box<crate::arrow::cells::ArrowCells>),
    #[cfg(feature = "parquet")]
    Parquet(
        Box<crate::arrow::parquet_file::ParquetFile<Sink>>,
        Box<crate::arrow::cells::ArrowCells>,
        crate::arrow::parquet_file::Encoder,
    ),
}

impl Listing {
    /// Opens a table of these columns; `metadata` goes into the schema of Parquet and Arrow.
    ///
    /// # Errors
    /// An output that cannot be written, a format that this build does not know.
    pub(crate) fn open(
        path: Option<&Path>,
        format: Option<ListingFormat>,
        columns: Vec<ColumnSpec>,
        metadata: &[(String, String)],
    ) -> Result<Listing, Error> {
        let format = ListingFormat::of(format, path);
        let needs = |feature: &str| {
            Error::Usage(format!("this radlabel was built without the feature {feature}; expected csv or jsonl"))
        };
        let _ = (&needs, metadata);
        let writer = match format {
            ListingFormat::Csv => {
                let head = csv_header(&columns).map_err(|e| Error::output("table", e))?;
                Writer::Csv(Sink::open(path)?, CsvCells::over(head))
            }
            ListingFormat::Jsonl => Writer::Json(Sink::open(path)?, Vec::new()),
            #[cfg(feature = "arrow")]
            ListingFormat::Arrow => {
                let schema = crate::arrow::cells::schema(&columns, metadata);
                let cells = crate::arrow::cells::ArrowCells::new(&columns, std::sync::Arc::clone(&schema));
                let head = crate::arrow::stream::header(&schema).map_err(|e| Error::output("Arrow", e))?;
                let mut sink = Sink::open(path)?;
                sink.write(&head).map_err(|e| Error::output("Arrow", e))?;
                Writer::Arrow(sink, Box::new(cells))
            }
            #[cfg(not(feature = "arrow"))]
            ListingFormat::Arrow => return Err(needs("arrow")),
            #[cfg(feature = "parquet")]
            ListingFormat::Parquet => {
                let schema = crate::arrow::cells::schema(&columns, metadata);
                let cells = crate::arrow::cells::ArrowCells::new(&columns, std::sync::Arc::clone(&schema));
                let encoder = crate::arrow::parquet_file::Encoder::new(schema);
                let encoder = encoder.map_err(|e| Error::output("Parquet", e))?;
                let file = encoder.file(Sink::open(path)?).map_err(|e| Error::output("Parquet", e))?;
                Writer::Parquet(Box::new(file), Box::new(cells), encoder)
            }
            #[cfg(not(feature = "parquet"))]
            ListingFormat::Parquet => return Err(needs("parquet")),
        };
        Ok(Listing { columns, writer, rows: 0 })
    }

    /// Writes a row; `fill` gives its cells in the order of the columns.
    ///
    /// # Errors
    /// What the output says.
    pub(crate) fn row(&mut self, fill: impl FnOnce(&mut dyn Cells)) -> anyhow::Result<()> {
        self.rows += 1;
        match &mut self.writer {
            Writer::Csv(sink, cells) => {
                fill(cells);
                cells.end();
                if self.rows.is_multiple_of(4096) && cells.len() > BUFFER {
                    let bytes = std::mem::replace(cells, CsvCells::over(Vec::new())).into_bytes();
                    let bytes = sink.packing.pack(bytes)?;
                    sink.write(&bytes)?;
                }
            }
            Writer::Json(sink, bytes) => {
                let mut cells = JsonCells { columns: self.columns.iter(), out: std::mem::take(bytes), first: true };
                cells.out.push(b'{');
                fill(&mut cells);
                cells.end();
                *bytes = cells.out;
                if bytes.len() > BUFFER {
                    let packed = sink.packing.pack(std::mem::take(bytes))?;
                    sink.write(&packed)?;
                }
            }
            #[cfg(feature = "arrow")]
            Writer::Arrow(sink, cells) => {
                fill(cells.as_mut());
                cells.end();
                if cells.rows() >= ROWS {
                    let batch = cells.finish().map_err(anyhow::Error::msg)?;
                    sink.write(&crate::arrow::stream::message(&batch).map_err(anyhow::Error::msg)?)?;
                }
            }
            #[cfg(feature = "parquet")]
            Writer::Parquet(file, cells, encoder) => {
                fill(cells.as_mut());
                cells.end();
                if cells.rows() >= ROWS {
                    let batch = cells.finish().map_err(anyhow::Error::msg)?;
                    let group = encoder.encode(&[batch]).map_err(anyhow::Error::msg)?;
                    file.append(group).map_err(anyhow::Error::msg)?;
                }
            }
        }
        Ok(())
    }

    /// Ends the table; a file gets its name now.
    ///
    /// # Errors
    /// What the output says.
    pub(crate) fn finish(self) -> anyhow::Result<()> {
        match self.writer {
            Writer::Csv(mut sink, cells) => {
                let bytes = sink.packing.pack(cells.into_bytes())?;
                sink.write(&bytes)?;
                sink.finish()?;
            }
            Writer::Json(mut sink, bytes) => {
                let bytes = sink.packing.pack(bytes)?;
                sink.write(&bytes)?;
                sink.finish()?;
            }
            #[cfg(feature = "arrow")]
            Writer::Arrow(mut sink, mut cells) => {
                if cells.rows() > 0 {
                    let batch = cells.finish().map_err(anyhow::Error::msg)?;
                    sink.write(&crate::arrow::stream::message(&batch).map_err(anyhow::Error::msg)?)?;
                }
                sink.write(crate::arrow::stream::footer())?;
                sink.finish()?;
            }
            #[cfg(feature = "parquet")]
            Writer::Parquet(mut file, mut cells, encoder) => {
                if cells.rows() > 0 {
                    let batch = cells.finish().map_err(anyhow::Error::msg)?;
                    let group = encoder.encode(&[batch]).map_err(anyhow::Error::msg)?;
                    file.append(group).map_err(anyhow::Error::msg)?;
                }
                file.finish().map_err(anyhow::Error::msg)?.finish()?;
            }
        }
        Ok(())
    }
}

/// The cells of a row as the members of an object; a missing one is left out.
struct JsonCells<'c> {
    columns: std::slice::Iter<'c, ColumnSpec>,
    out: Vec<u8>,
    first: bool,
}

impl JsonCells<'_> {
    /// Passes to the next column; its key is written where it has a value.
    fn key(&mut self, has_value: bool) {
        let Some(column) = self.columns.next().filter(|_| has_value) else { return };
        if !std::mem::take(&mut self.first) {
            self.out.push(b',');
        }
        json_string(&mut self.out, &column.name);
        self.out.push(b':');
    }

    fn number<N: std::fmt::Display>(&mut self, value: Option<N>) {
        self.key(value.is_some());
        if let Some(value) = value {
            self.out.extend_from_slice(value.to_string().as_bytes());
        }
    }

    fn list<V>(&mut self, values: &[V], each: impl Fn(&mut Vec<u8>, &V)) {
        self.key(!values.is_empty());
        for (i, value) in values.iter().enumerate() {
            self.out.push(if i == 0 { b'[' } else { b',' });
            each(&mut self.out, value);
        }
        if !values.is_empty() {
            self.out.push(b']');
        }
    }
}

impl Cells for JsonCells<'_> {
    fn text(&mut self, value: Option<&str>) {
        self.key(value.is_some());
        if let Some(value) = value {
            json_string(&mut self.out, value);
        }
    }

    fn value(&mut self, value: Option<i8>) {
        JsonCells::number(self, value);
    }

    fn vote(&mut self, value: i8) {
        JsonCells::number(self, Some(value));
    }

    fn number(&mut self, value: Option<u32>) {
        JsonCells::number(self, value);
    }

    fn real(&mut self, value: Option<f32>) {
        JsonCells::number(self, value.filter(|v| v.is_finite()));
    }

    fn flag(&mut self, value: bool) {
        JsonCells::number(self, Some(value));
    }

    fn texts(&mut self, values: &[&str]) {
        self.list(values, |out, value| json_string(out, value));
    }

    fn reals(&mut self, values: &[f64]) {
        self.list(values, |out, value| out.extend_from_slice(value.to_string().as_bytes()));
    }

    fn end(&mut self) {
        self.out.extend_from_slice(b"}\n");
    }
}
