//! Arrow IPC stream out: header, one message a batch, footer. Messages are made by any thread.
//!
//! Uncompressed and without dictionaries, so that every reader takes it and no message leans on an earlier one.

use arrow_array::RecordBatch;
use arrow_ipc::writer::{DictionaryTracker, IpcDataGenerator, IpcWriteContext, IpcWriteOptions, write_message};
use arrow_schema::Schema;

/// Continuation marker, then a message of no length.
const END: [u8; 8] = [0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0];

/// What opens a stream: the schema.
pub(crate) fn header(schema: &Schema) -> Result<Vec<u8>, String> {
    let options = IpcWriteOptions::default();
    let mut tracker = DictionaryTracker::new(false);
    let encoded = IpcDataGenerator::default().schema_to_bytes_with_dictionary_tracker(schema, &mut tracker, &options);
    let mut out = Vec::new();
    write_message(&mut out, encoded, &options).map_err(|e| e.to_string())?;
    Ok(out)
}

/// One batch.
pub(crate) fn message(batch: &RecordBatch) -> Result<Vec<u8>, String> {
    let options = IpcWriteOptions::default();
    let mut tracker = DictionaryTracker::new(false);
    let mut context = IpcWriteContext::default();
    let (dictionaries, encoded) =
        IpcDataGenerator::default().encode(batch, &mut tracker, &options, &mut context).map_err(|e| e.to_string())?;
    if !dictionaries.is_empty() {
        return Err("a dictionary column cannot go into a stream of separate messages".to_owned());
    }
    let mut out = Vec::new();
    write_message(&mut out, encoded, &options).map_err(|e| e.to_string())?;
    Ok(out)
}

/// What closes a stream.
pub(crate) const fn footer() -> &'static [u8] {
    &END
}
