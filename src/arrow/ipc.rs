//! An Arrow IPC file or stream, message by message.
//!
//! A file's footer tells where its batches begin; one cut short is read from front to back like a stream, which it is
//! between its magic and its footer, and still gives its whole batches. Lengths are checked before they are believed: memory grows with bytes that came,
//! not with bytes that were promised. Strings are taken as bytes (the layouts are the same): the crate would refuse
//! a whole batch for one invalid byte.

use crate::guard::guarded;
use arrow_array::{ArrayRef, RecordBatch};
use arrow_buffer::Buffer;
use arrow_ipc::convert::try_fb_to_schema;
use arrow_ipc::reader::{read_dictionary, read_record_batch};
use arrow_ipc::{Message, MessageHeader, root_as_footer, root_as_message};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use std::collections::{HashMap, VecDeque};
use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::sync::Arc;

/// A message's description: columns and buffers, no data.
const MAX_HEAD: u64 = 64 << 20;
/// A batch is decoded whole.
const MAX_BATCH: u64 = 1 << 30;

/// An open file or stream.
pub(super) struct Messages {
    input: Box<dyn Read + Send>,
    schema: SchemaRef,
    /// By dictionary id.
    dictionaries: HashMap<i64, ArrayRef>,
    projection: Vec<usize>,
    /// It is a file, which ends with a footer.
    is_file: bool,
    /// Where the messages still to be read begin, by the footer.
    blocks: Option<(File, VecDeque<u64>)>,
    ended: bool,
    batches: u64,
    rows: u64,
    bytes: u64,
}

impl Messages {
    /// Reads the schema.
    pub(super) fn open(mut input: Box<dyn Read + Send>, is_file: bool) -> Result<Self, String> {
        let mut bytes = 0;
        if is_file {
            let mut magic = [0; 8];
            input.read_exact(&mut magic).map_err(|_| "truncated: ends in its first 8 bytes".to_owned())?;
            if &magic[..6] != b"ARROW1" {
                return Err("not an Arrow IPC file (it does not begin with ARROW1)".to_owned());
            }
            bytes = 8;
        }
        let mut messages = Messages {
            input,
            schema: Arc::new(Schema::empty()),
            dictionaries: HashMap::new(),
            projection: Vec::new(),
            is_file,
            blocks: None,
            ended: false,
            batches: 0,
            rows: 0,
            bytes,
        };
        let Some((head, _)) = messages.message()? else {
            return Err("truncated: no schema".to_owned());
        };
        let message = parsed(&head)?;
        let Some(schema) = message.header_as_schema() else {
            return Err(format!("begins with {:?}; expected a schema", message.header_type()));
        };
        messages.schema = read_schema(schema)?;
        Ok(messages)
    }

    /// Reads a file's footer; without one, what stands in front.
    pub(super) fn open_file(file: File, size: u64) -> Result<Self, String> {
        let buffered = |file: &File| -> Result<Box<dyn Read + Send>, String> {
            Ok(Box::new(BufReader::with_capacity(1 << 16, file.try_clone().map_err(|e| e.to_string())?)))
        };
        let Some(footer) = footer(&file, size)? else {
            (&file).seek(SeekFrom::Start(0)).map_err(|e| e.to_string())?;
            // Polars writes the schema in front without its length: then the footer is the only way in.
            return Self::open(buffered(&file)?, true).map_err(|e| format!("truncated: no footer at the end ({e})"));
        };
        let footer = root_as_footer(&footer).map_err(|_| "broken footer")?;
        let schema = read_schema(footer.schema().ok_or("a footer without a schema")?)?;
        let blocks = footer.dictionaries().into_iter().flatten().chain(footer.recordBatches().into_iter().flatten());
        let starts: Option<VecDeque<u64>> = blocks.map(|block| u64::try_from(block.offset()).ok()).collect();
        Ok(Messages {
            input: buffered(&file)?,
            schema,
            dictionaries: HashMap::new(),
            projection: Vec::new(),
            is_file: true,
            blocks: Some((file, starts.ok_or("a footer with a batch at a negative place")?)),
            ended: false,
            batches: 0,
            rows: 0,
            bytes: 0,
        })
    }

    /// The columns; strings as bytes.
    pub(super) fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Bytes read so far.
    pub(super) fn bytes_read(&self) -> u64 {
        self.bytes
    }

    /// Decodes these columns alone.
    pub(super) fn project(&mut self, columns: &[usize]) {
        self.projection = columns.to_vec();
    }

    /// The next batch. After an error inside a batch it goes on with the next one; after one between batches it
    /// has ended.
    pub(super) fn next(&mut self) -> Result<Option<RecordBatch>, String> {
        while !self.ended {
            let after = |rows: u64, e: String| format!("after {rows} rows: {e}");
            let Some((head, body)) = self.message().map_err(|e| after(self.rows, e))? else {
                return Ok(None);
            };
            match guarded(|| self.decode(&head, body)) {
                Ok(None) => {}
                Ok(Some(batch)) => {
                    self.batches += 1;
                    self.rows += batch.num_rows() as u64;
                    return Ok(Some(batch));
                }
                Err(e) => {
                    self.batches += 1;
                    return Err(format!("batch {}, after {} rows: {e}", self.batches, self.rows));
                }
            }
        }
        Ok(None)
    }

    fn decode(&mut self, head: &[u8], body: Buffer) -> Result<Option<RecordBatch>, String> {
        let message = parsed(head)?;
        match message.header_type() {
            MessageHeader::RecordBatch => {
                let batch = message.header_as_record_batch().ok_or("no record batch")?;
                check(&batch, &body)?;
                let schema = self.schema.clone();
                let projection = Some(self.projection.as_slice());
                read_record_batch(&body, batch, schema, &self.dictionaries, projection, &message.version())
                    .map(Some)
                    .map_err(|e| e.to_string())
            }
            MessageHeader::DictionaryBatch => {
                let batch = message.header_as_dictionary_batch().ok_or("no dictionary")?;
                check(&batch.data().ok_or("a dictionary without data")?, &body)?;
                read_dictionary(&body, batch, &self.schema, &mut self.dictionaries, &message.version())
                    .map(|()| None)
                    .map_err(|e| format!("dictionary: {e}"))
            }
            MessageHeader::Schema => Err("a second schema".to_owned()),
            other => Err(format!("a message of kind {other:?}; expected a record batch")),
        }
    }

    /// Description and body of the next message; `None` at the end.
    fn message(&mut self) -> Result<Option<(Vec<u8>, Buffer)>, String> {
        let Some((file, starts)) = &mut self.blocks else {
            return self.message_here();
        };
        let Some(start) = starts.pop_front() else {
            self.ended = true;
            return Ok(None);
        };
        file.seek(SeekFrom::Start(start)).map_err(|e| e.to_string())?;
        let file = file.try_clone().map_err(|e| e.to_string())?;
        self.input = Box::new(BufReader::with_capacity(1 << 16, file));
        self.bytes = start;
        let message = self.message_here();
        // The footer tells where the next one begins, whatever this one is.
        self.ended = false;
        match message {
            Ok(None) => Err(format!("no batch at byte {start}")),
            other => other,
        }
    }

    /// The message that begins where the input stands.
    fn message_here(&mut self) -> Result<Option<(Vec<u8>, Buffer)>, String> {
        // Whatever keeps a message from being read ends the reading: where the next one begins is not known.
        self.ended = true;
        let mut word = [0; 4];
        let mut got = fill(&mut self.input, &mut word)?;
        self.bytes += got as u64;
        // Writers fill up a file's magic to 8 bytes or to 64.
        while self.is_file && got == 4 && self.bytes <= 64 && word == [0; 4] {
            got = fill(&mut self.input, &mut word)?;
            self.bytes += got as u64;
        }
        match got {
            // The end marker of a stream may be left out.
            0 if !self.is_file => return Ok(None),
            0 => return Err("truncated: no footer".to_owned()),
            4 => {}
            _ => return Err(truncated("a length", got as u64, 4)),
        }
        if word == [0xff; 4] {
            let got = fill(&mut self.input, &mut word)?;
            self.bytes += got as u64;
            if got < 4 {
                return Err(truncated("a length", got as u64, 4));
            }
        }
        let length = u64::from(u32::from_le_bytes(word));
        if length == 0 {
            return self.end().map(|()| None);
        }
        if length > MAX_HEAD {
            return Err(format!(
                "a message of {length} bytes; expected less than {MAX_HEAD}: no Arrow IPC from here on"
            ));
        }
        let head = self.take(length, "a message")?;
        let body_length = u64::try_from(parsed(&head)?.bodyLength()).map_err(|_| "a body of negative length")?;
        if body_length > MAX_BATCH {
            return Err(format!(
                "a batch of {body_length} bytes; at most {MAX_BATCH} are read at once: write smaller batches (pyarrow: \
                 max_chunksize; Polars: record_batch_size) or Parquet"
            ));
        }
        let body = self.take(body_length, "a batch")?;
        self.ended = false;
        Ok(Some((head, Buffer::from_vec(body))))
    }

    /// A file ends with its footer: the last bytes are the magic again.
    fn end(&mut self) -> Result<(), String> {
        if !self.is_file {
            return Ok(());
        }
        let mut tail = Vec::new();
        let got = (&mut self.input).take(MAX_HEAD).read_to_end(&mut tail).map_err(|e| e.to_string())?;
        self.bytes += got as u64;
        if tail.ends_with(b"ARROW1") { Ok(()) } else { Err("truncated: no footer".to_owned()) }
    }

    fn take(&mut self, length: u64, what: &str) -> Result<Vec<u8>, String> {
        let mut out = Vec::new();
        let got = (&mut self.input).take(length).read_to_end(&mut out).map_err(|e| e.to_string())? as u64;
        self.bytes += got;
        if got < length { Err(truncated(what, got, length)) } else { Ok(out) }
    }
}

/// The bytes of a file's footer; `None` where it does not end as a file does.
fn footer(mut file: &File, size: u64) -> Result<Option<Vec<u8>>, String> {
    let mut tail = [0; 10];
    if size < 18 {
        return Ok(None);
    }
    file.seek(SeekFrom::Start(size - 10)).map_err(|e| e.to_string())?;
    file.read_exact(&mut tail).map_err(|e| e.to_string())?;
    let length = u64::from(u32::from_le_bytes([tail[0], tail[1], tail[2], tail[3]]));
    if &tail[4..] != b"ARROW1" || length > size - 18 {
        return Ok(None);
    }
    file.seek(SeekFrom::Start(size - 10 - length)).map_err(|e| e.to_string())?;
    let mut footer = Vec::new();
    file.take(length).read_to_end(&mut footer).map_err(|e| e.to_string())?;
    Ok(Some(footer))
}

fn read_schema(schema: arrow_ipc::Schema<'_>) -> Result<SchemaRef, String> {
    if schema.endianness() != arrow_ipc::Endianness::Little {
        return Err("big-endian: not read".to_owned());
    }
    let schema = guarded(|| try_fb_to_schema(schema).map_err(|e| format!("schema: {e}")))?;
    Ok(Arc::new(as_bytes(&schema)))
}

fn truncated(what: &str, got: u64, length: u64) -> String {
    format!("truncated: {what} has {got} of its {length} bytes")
}

/// Reads until the buffer is full or the input ends.
fn fill(input: &mut dyn Read, buffer: &mut [u8]) -> Result<usize, String> {
    let mut filled = 0;
    while filled < buffer.len() {
        match input.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(n) => filled += n,
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e.to_string()),
        }
    }
    Ok(filled)
}

fn parsed(head: &[u8]) -> Result<Message<'_>, String> {
    root_as_message(head).map_err(|_| "a broken message".to_owned())
}

/// What the crate would believe: buffers inside the body, and of compressed ones a size that memory can hold.
fn check(batch: &arrow_ipc::RecordBatch<'_>, body: &[u8]) -> Result<(), String> {
    if batch.length() < 0 || batch.length() > i64::from(u32::MAX) {
        return Err(format!("{} rows", batch.length()));
    }
    if batch.nodes().is_some_and(|nodes| nodes.iter().any(|n| n.length() < 0 || n.null_count() < 0)) {
        return Err("a column of negative length".to_owned());
    }
    let mut unpacked = 0_u64;
    for buffer in batch.buffers().iter().flatten() {
        let (offset, length) = (buffer.offset(), buffer.length());
        let bytes = usize::try_from(offset)
            .ok()
            .zip(usize::try_from(length).ok())
            .and_then(|(offset, length)| body.get(offset..)?.get(..length));
        let Some(bytes) = bytes else {
            return Err(format!("a buffer of {length} bytes at {offset} in a batch of {} bytes", body.len()));
        };
        if batch.compression().is_some() && !bytes.is_empty() {
            let prefix = bytes.first_chunk().ok_or_else(|| format!("a packed buffer of {length} bytes"))?;
            // -1: not packed after all.
            unpacked = unpacked.saturating_add(i64::from_le_bytes(*prefix).max(0) as u64);
        }
    }
    if unpacked > MAX_BATCH {
        return Err(format!("a batch of {unpacked} bytes when unpacked; at most {MAX_BATCH} are read at once"));
    }
    Ok(())
}

/// The same layouts under the types of bytes.
fn as_bytes(schema: &Schema) -> Schema {
    let fields: Vec<Field> = schema
        .fields()
        .iter()
        .map(|field| field.as_ref().clone().with_data_type(bytes_of(field.data_type())))
        .collect();
    Schema::new_with_metadata(fields, schema.metadata().clone())
}

fn bytes_of(data_type: &DataType) -> DataType {
    match data_type {
        DataType::Utf8 => DataType::Binary,
        DataType::LargeUtf8 => DataType::LargeBinary,
        DataType::Utf8View => DataType::BinaryView,
        DataType::Dictionary(key, value) => DataType::Dictionary(key.clone(), Box::new(bytes_of(value))),
        other => other.clone(),
    }
}
