//! Rows of a Parquet file, an Arrow IPC file or an Arrow IPC stream, in batches of bounded size.

#[cfg(feature = "parquet")]
use super::groups::Groups;
use super::ipc::Messages;
use super::text;
use arrow_array::RecordBatch;
use arrow_schema::DataType;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

/// A columnar format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Columnar {
    /// A Parquet file.
    Parquet,
    /// An Arrow IPC file, also called Feather.
    File,
    /// An Arrow IPC stream.
    Stream,
}

/// The format that the first bytes (8 are enough) tell.
pub(crate) fn kind(head: &[u8]) -> Option<Columnar> {
    // A stream's first message is at most some MiB long: a length that text would not give.
    let is_stream = |h: &[u8]| h.len() >= 8 && h[..4] == [0xff; 4] && h[7] == 0;
    match head {
        h if h.starts_with(b"PAR1") => Some(Columnar::Parquet),
        h if h.starts_with(b"ARROW1") => Some(Columnar::File),
        h if is_stream(h) => Some(Columnar::Stream),
        _ => None,
    }
}

/// A column as the file names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Column {
    /// Its name.
    pub(crate) name: String,
    /// Its cells can be read as text.
    pub(crate) readable: bool,
    /// Its cells are strings, not numbers or dates.
    pub(crate) is_string: bool,
    /// Its Arrow type, for messages.
    pub(crate) kind: String,
}

enum Input {
    #[cfg(feature = "parquet")]
    Parquet(Groups),
    Ipc(Messages),
}

/// An open table. What was read before a fault stands; after an error, [`Rows::next`] goes on behind the fault as far
/// as the format allows, and ends with `None`.
pub(crate) struct Rows {
    input: Input,
    columns: Vec<Column>,
    /// Bytes of the whole, where known.
    // Of Parquet, which counts rows.
    #[cfg_attr(not(feature = "parquet"), allow(dead_code))]
    size: Option<u64>,
    /// Rows that were decoded and not yet given.
    held: Option<RecordBatch>,
    taken: usize,
}

impl Rows {
    /// Opens a file and reads what describes it; `kind` is what [`kind`] says of its first bytes.
    ///
    /// # Errors
    /// What is broken and where, without the path.
    pub(crate) fn open(path: &Path, kind: Columnar) -> Result<Self, String> {
        let file = File::open(path).map_err(|e| e.to_string())?;
        let size = file.metadata().map_err(|e| e.to_string())?.len();
        match kind {
            Columnar::Parquet => Self::parquet(file, size),
            Columnar::File => Ok(Self::of(Messages::open_file(file, size)?, Some(size))),
            Columnar::Stream => Self::ipc(Box::new(BufReader::with_capacity(1 << 16, file)), kind, Some(size)),
        }
    }

    /// Reads an IPC stream (or an IPC file, which is read from front to back) from anywhere. `size` is for progress.
    ///
    /// # Errors
    /// As [`Rows::open`]; Parquet, whose footer is read first, cannot be read so.
    pub(crate) fn ipc(input: Box<dyn Read + Send>, kind: Columnar, size: Option<u64>) -> Result<Self, String> {
        if kind == Columnar::Parquet {
            return Err("Parquet is read from a file, not from a pipe or a packed file: its footer comes first".into());
        }
        Ok(Self::of(Messages::open(input, kind == Columnar::File)?, size))
    }

    fn of(messages: Messages, size: Option<u64>) -> Self {
        let columns = messages.schema().fields().iter().map(|f| column(f.name(), f.data_type())).collect();
        Rows { input: Input::Ipc(messages), columns, size, held: None, taken: 0 }
    }

    #[cfg(feature = "parquet")]
    fn parquet(file: File, size: u64) -> Result<Self, String> {
        let groups = Groups::open(file, size)?;
        let columns = groups.fields.iter().map(|f| column(f.name(), f.data_type())).collect();
        Ok(Rows { input: Input::Parquet(groups), columns, size: Some(size), held: None, taken: 0 })
    }

    #[cfg(not(feature = "parquet"))]
    fn parquet(_: File, _: u64) -> Result<Self, String> {
        Err("a Parquet file; this radlabel was built without it: build with --features parquet".to_owned())
    }

    /// The columns, in the file's order.
    pub(crate) fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// Reads these columns alone, in this order, each at most once; must stand before the first [`Rows::next`].
    ///
    /// # Errors
    /// A column that cannot be read as text, told by its type.
    pub(crate) fn project(&mut self, columns: &[usize]) -> Result<(), String> {
        for &at in columns {
            let column = self.columns.get(at).ok_or_else(|| format!("column {at} of {}", self.columns.len()))?;
            if !column.readable {
                return Err(format!(
                    "column {}: {} cannot be read as text; expected strings, numbers or dates",
                    column.name, column.kind
                ));
            }
        }
        match &mut self.input {
            #[cfg(feature = "parquet")]
            Input::Parquet(groups) => groups.project(columns),
            Input::Ipc(messages) => messages.project(columns),
        }
        Ok(())
    }

    /// The next rows, of the projected columns in their order: at most `rows`, and no more than reach `bytes` of
    /// text. Never without rows.
    ///
    /// # Errors
    /// Where rows were lost, after how many, and why.
    pub(crate) fn next(&mut self, rows: usize, bytes: usize) -> Result<Option<RecordBatch>, String> {
        loop {
            if let Some(batch) = &self.held {
                let mut end = self.taken;
                let mut held = 0;
                while end < batch.num_rows() && end - self.taken < rows.max(1) && held < bytes.max(1) {
                    held += batch.columns().iter().map(|c| text::size(c, end)).sum::<usize>();
                    end += 1;
                }
                if end > self.taken {
                    let slice = batch.slice(self.taken, end - self.taken);
                    self.taken = end;
                    return Ok(Some(slice));
                }
            }
            self.held = None;
            self.taken = 0;
            self.held = match &mut self.input {
                #[cfg(feature = "parquet")]
                Input::Parquet(groups) => groups.next()?,
                Input::Ipc(messages) => messages.next()?,
            };
            if self.held.is_none() {
                return Ok(None);
            }
        }
    }

    /// The rows of the table, where they are known before it is read: those of Parquet.
    #[cfg(test)]
    pub(crate) fn rows_total(&self) -> Option<u64> {
        match &self.input {
            #[cfg(feature = "parquet")]
            Input::Parquet(groups) => Some(groups.rows_total()),
            Input::Ipc(_) => None,
        }
    }

    /// How much is read, for the progress bar: bytes of the file, for Parquet in proportion to its rows.
    pub(crate) fn bytes_read(&self) -> u64 {
        match &self.input {
            #[cfg(feature = "parquet")]
            Input::Parquet(groups) => {
                let (read, total) = (groups.rows_read(), groups.rows_total().max(1));
                (u128::from(self.size.unwrap_or(0)) * u128::from(read) / u128::from(total)) as u64
            }
            Input::Ipc(messages) => messages.bytes_read(),
        }
    }

    /// Bytes of the whole, where known.
    #[cfg(test)]
    pub(crate) fn bytes_total(&self) -> Option<u64> {
        self.size
    }
}

fn column(name: &str, data_type: &DataType) -> Column {
    Column {
        name: name.to_owned(),
        readable: text::readable(data_type),
        is_string: text::is_string(data_type),
        kind: data_type.to_string(),
    }
}
