//! A Parquet file, row group by row group and page by page.
//!
//! Only the pages at hand are in memory, whatever the row group's size. Each row group has a reader of its own, so
//! that a fault costs the rest of one group. Columns of strings are asked for as bytes: the crate would refuse a
//! whole page for one invalid byte.

use super::text::is_string;
use crate::guard::guarded;
use arrow_array::RecordBatch;
use arrow_schema::{DataType, Field, Schema};
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
};
use parquet::arrow::parquet_to_arrow_schema;
use parquet::basic::{Repetition, Type as Physical};
use parquet::errors::ParquetError;
use parquet::file::metadata::{
    ColumnChunkMetaData, FileMetaData, ParquetMetaData, ParquetMetaDataReader, RowGroupMetaData,
};
use parquet::file::reader::ChunkReader;
use parquet::schema::types::{SchemaDescriptor, Type, TypePtr};
use std::fs::File;
use std::sync::Arc;

/// Rows decoded at once, at most.
const ROWS: u64 = 1024;
/// Bytes decoded at once, about; a page is decoded whole in any case.
const BYTES: u64 = 1 << 20;

/// An open file.
pub(super) struct Groups {
    file: File,
    size: u64,
    metadata: ParquetMetaData,
    /// The columns of the table and their types.
    pub(super) fields: Vec<Field>,
    /// By column: its only leaf, where it is no nested one.
    leaves: Vec<Option<usize>>,
    projection: Vec<usize>,
    group: usize,
    reader: Option<ParquetRecordBatchReader>,
    /// Rows read of this group and of all.
    in_group: u64,
    rows: u64,
}

impl Groups {
    /// Reads the footer.
    pub(super) fn open(file: File, size: u64) -> Result<Self, String> {
        let metadata = guarded(|| {
            ParquetMetaDataReader::new().parse_and_finish(&file).map_err(|e| footer_fault(&e, &file, size))
        })?;
        let descriptor = metadata.file_metadata().schema_descr();
        let root = descriptor.root_schema();
        let schema = parquet_to_arrow_schema(descriptor, None).map_err(|e| format!("footer: {}", plain(&e)))?;
        let mut leaves = Vec::new();
        let mut leaf = 0;
        for field in root.get_fields() {
            let repeated =
                field.get_basic_info().has_repetition() && field.get_basic_info().repetition() == Repetition::REPEATED;
            leaves.push((field.is_primitive() && !repeated).then_some(leaf));
            leaf += leaf_count(field);
        }
        let mut fields: Vec<Field> = schema.fields().iter().map(|f| f.as_ref().clone()).collect();
        // Some dates and times are bare integers but for the Arrow schema that the writer left.
        if let Ok(written) = parquet_to_arrow_schema(descriptor, metadata.file_metadata().key_value_metadata()) {
            for (field, written) in fields.iter_mut().zip(written.fields()) {
                if written.data_type().is_temporal() {
                    *field = field.clone().with_data_type(written.data_type().clone());
                }
            }
        }
        if fields.len() != leaves.len() {
            return Err(format!("footer: {} columns and {} types", leaves.len(), fields.len()));
        }
        let projection = Vec::new();
        Ok(Groups { file, size, metadata, fields, leaves, projection, group: 0, reader: None, in_group: 0, rows: 0 })
    }

    /// The rows of the file, as its footer tells them.
    pub(super) fn rows_total(&self) -> u64 {
        self.metadata.row_groups().iter().map(|g| g.num_rows().max(0) as u64).fold(0, u64::saturating_add)
    }

    /// Rows read so far.
    pub(super) fn rows_read(&self) -> u64 {
        self.rows
    }

    /// Reads these columns alone.
    pub(super) fn project(&mut self, columns: &[usize]) {
        self.projection = columns.to_vec();
    }

    /// The next rows; after an error it goes on with the next row group.
    pub(super) fn next(&mut self) -> Result<Option<RecordBatch>, String> {
        while self.group < self.metadata.num_row_groups() {
            let expected = self.metadata.row_group(self.group).num_rows().max(0) as u64;
            let read = match self.reader.as_mut() {
                Some(reader) => guarded(|| reader.next().transpose().map_err(|e| e.to_string())),
                None if expected == 0 => Ok(None),
                None => match guarded(|| self.begin(&self.projection)) {
                    Ok(reader) => {
                        self.reader = Some(reader);
                        continue;
                    }
                    Err(message) => Err(message),
                },
            };
            let fault = match read {
                Ok(Some(batch)) if self.in_group + batch.num_rows() as u64 <= expected => {
                    self.in_group += batch.num_rows() as u64;
                    self.rows += batch.num_rows() as u64;
                    return Ok(Some(batch));
                }
                Ok(None) if self.in_group == expected => None,
                Ok(Some(_)) => Some("more rows than the footer tells".to_owned()),
                Ok(None) => Some(format!("ends there; expected {expected} rows")),
                Err(message) => Some(message),
            };
            let fault = fault.map(|f| if f.starts_with("column ") { f } else { self.faulty().unwrap_or(f) });
            let (group, rows) = (self.group, self.in_group);
            self.group += 1;
            self.in_group = 0;
            self.reader = None;
            if let Some(fault) = fault {
                let of = self.metadata.num_row_groups();
                let left = expected - rows;
                return Err(format!("row group {} of {of}, after {rows} rows: {fault} ({left} rows lost)", group + 1));
            }
        }
        Ok(None)
    }

    /// A reader of the group at hand: the crate is shown a file of this group and the projected columns alone.
    fn begin(&self, columns: &[usize]) -> Result<ParquetRecordBatchReader, String> {
        let group = self.metadata.row_group(self.group);
        let descriptor = self.metadata.file_metadata().schema_descr();
        let mut types = Vec::new();
        let mut hints = Vec::new();
        let mut chunks = Vec::new();
        let mut bytes = 0;
        for &column in columns {
            let field = &self.fields[column];
            let name = |e: &str| format!("column {}: {e}", field.name());
            let leaf = self.leaves[column].ok_or_else(|| name(&field.data_type().to_string()))?;
            let (kind, data_type) = narrow(&descriptor.column(leaf).self_type_ptr(), field.data_type());
            types.push(kind.map_err(|e| name(&plain(&e)))?);
            hints.push(Field::new(field.name(), data_type, field.is_nullable()));
            let chunk = self.check(group, leaf).map_err(|e| name(&e))?;
            bytes += chunk.uncompressed_size().max(0) as u64;
            chunks.push(chunk);
        }
        let per_row = (bytes / group.num_rows().max(1) as u64).max(1);
        let rows = (BYTES / per_row).clamp(16, ROWS) as usize;
        self.reader(types, hints, chunks, rows).map_err(|e| plain(&e))
    }

    /// The column that a fault is in, for the message alone: each column of the group is read again by itself.
    fn faulty(&self) -> Option<String> {
        let expected = self.metadata.row_group(self.group).num_rows().max(0) as u64;
        self.projection.iter().find_map(|&column| {
            let name = self.fields[column].name();
            let mut rows = 0;
            let mut reader = guarded(|| self.begin(&[column])).ok()?;
            loop {
                match guarded(|| reader.next().transpose().map_err(|e| e.to_string())) {
                    Ok(Some(batch)) => rows += batch.num_rows() as u64,
                    Ok(None) => break,
                    Err(e) => return Some(format!("column {name}: {e}")),
                }
            }
            (rows != expected).then(|| format!("column {name}: {rows} rows; expected {expected}"))
        })
    }

    fn reader(
        &self,
        types: Vec<TypePtr>,
        hints: Vec<Field>,
        chunks: Vec<ColumnChunkMetaData>,
        rows: usize,
    ) -> Result<ParquetRecordBatchReader, ParquetError> {
        let root = Type::group_type_builder("schema").with_fields(types).build()?;
        let descriptor = Arc::new(SchemaDescriptor::new(Arc::new(root)));
        let num_rows = self.metadata.row_group(self.group).num_rows();
        let group =
            RowGroupMetaData::builder(descriptor.clone()).set_column_metadata(chunks).set_num_rows(num_rows).build()?;
        let file = FileMetaData::new(1, num_rows, None, None, descriptor, None);
        let metadata = Arc::new(ParquetMetaData::new(file, vec![group]));
        let options = ArrowReaderOptions::new().with_schema(Arc::new(Schema::new(hints)));
        let metadata = ArrowReaderMetadata::try_new(metadata, options)?;
        ParquetRecordBatchReaderBuilder::new_with_metadata(self.file.try_clone()?, metadata)
            .with_batch_size(rows)
            .build()
    }

    /// The crate asserts what is checked here.
    fn check(&self, group: &RowGroupMetaData, leaf: usize) -> Result<ColumnChunkMetaData, String> {
        let chunk = group.columns().get(leaf).ok_or("missing in this row group")?;
        let start = chunk.dictionary_page_offset().unwrap_or(chunk.data_page_offset());
        let end = start.checked_add(chunk.compressed_size());
        match end {
            Some(end) if start >= 0 && end >= start && end as u64 <= self.size && chunk.num_values() >= 0 => {
                Ok(chunk.clone())
            }
            _ => Err(format!("bytes {start} to {} of a file of {}", end.unwrap_or(i64::MAX), self.size)),
        }
    }
}

/// A file that ends early has no footer; one whose footer is broken has.
fn footer_fault(error: &ParquetError, file: &File, size: u64) -> String {
    let tail = file.get_bytes(size.saturating_sub(4), size.min(4) as usize);
    match tail {
        Ok(tail) if &tail[..] == b"PAR1" && size >= 12 => format!("broken footer: {}", plain(error)),
        Ok(tail) if &tail[..] == b"PARE" => "encrypted: not read".to_owned(),
        Ok(_) => format!("truncated: no footer at the end of {size} bytes (expected PAR1); nothing can be read"),
        Err(e) => plain(&e),
    }
}

/// The crate's message without its kind.
fn plain(error: &ParquetError) -> String {
    match error {
        ParquetError::General(message) | ParquetError::EOF(message) | ParquetError::ArrowError(message) => {
            message.clone()
        }
        ParquetError::NYI(message) => format!("not supported: {message}"),
        other => other.to_string(),
    }
}

fn leaf_count(field: &TypePtr) -> usize {
    if field.is_primitive() { 1 } else { field.get_fields().iter().map(leaf_count).sum() }
}

/// The type to decode a column by: strings as bytes.
fn narrow(kind: &TypePtr, data_type: &DataType) -> (Result<TypePtr, ParquetError>, DataType) {
    if !is_string(data_type) || kind.get_physical_type() != Physical::BYTE_ARRAY {
        return (Ok(kind.clone()), data_type.clone());
    }
    let bare = Type::primitive_type_builder(kind.name(), Physical::BYTE_ARRAY)
        .with_repetition(kind.get_basic_info().repetition())
        .build();
    (bare.map(Arc::new), DataType::BinaryView)
}
