//! Parquet out, in two steps: any thread encodes and compresses a row group ([`Encoder::encode`]), one thread puts
//! the row groups in order ([`ParquetFile::append`]), which only copies bytes.
//!
//! A file depends on its rows and the schema alone: no clock, no random numbers.

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use parquet::arrow::arrow_writer::{ArrowColumnChunk, ArrowRowGroupWriterFactory, compute_leaves};
use parquet::arrow::{ArrowSchemaConverter, add_encoded_arrow_schema_to_metadata};
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesPtr};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::TypePtr;
use std::io::Write;
use std::sync::Arc;

/// Makes row groups of one schema; shared by threads and by the files of a partitioned output.
#[derive(Debug)]
pub(crate) struct Encoder {
    schema: SchemaRef,
    root: TypePtr,
    properties: WriterPropertiesPtr,
    factory: ArrowRowGroupWriterFactory,
}

/// A row group, encoded and compressed.
pub(crate) struct Encoded {
    chunks: Vec<ArrowColumnChunk>,
    /// Rows that it holds.
    pub(crate) rows: usize,
}

/// A Parquet file in the making.
pub(crate) struct ParquetFile<W: Write + Send> {
    writer: SerializedFileWriter<W>,
}

impl Encoder {
    /// For tables of this schema. Its metadata become the file's key-value pairs.
    pub(crate) fn new(schema: SchemaRef) -> Result<Self, String> {
        let zstd = ZstdLevel::try_new(1).map_err(|e| e.to_string())?;
        let pairs = schema.metadata().iter().map(|(key, value)| KeyValue::new(key.to_string(), value.to_string()));
        let mut properties = WriterProperties::builder()
            .set_created_by(concat!("radlabel ", env!("CARGO_PKG_VERSION")).to_owned())
            .set_compression(Compression::ZSTD(zstd))
            .set_statistics_enabled(EnabledStatistics::Chunk)
            // A row group is as large as the caller makes it.
            .set_max_row_group_row_count(None)
            .set_key_value_metadata(Some(pairs.collect()))
            .build();
        let root = ArrowSchemaConverter::new().convert(&schema).map_err(|e| e.to_string())?.root_schema_ptr();
        add_encoded_arrow_schema_to_metadata(&schema, &mut properties);
        let properties = Arc::new(properties);
        // The factory wants a file, of which it takes schema and properties alone.
        let model = SerializedFileWriter::new(std::io::sink(), root.clone(), properties.clone());
        let factory = ArrowRowGroupWriterFactory::new(&model.map_err(|e| e.to_string())?, schema.clone());
        Ok(Encoder { schema, root, properties, factory })
    }

    /// One row group of these batches, in their order.
    pub(crate) fn encode(&self, batches: &[RecordBatch]) -> Result<Encoded, String> {
        let mut writers = self.factory.create_column_writers(0).map_err(|e| e.to_string())?;
        let mut rows = 0;
        for batch in batches {
            if batch.schema_ref().fields() != self.schema.fields() {
                return Err("a batch of another schema than its file".to_owned());
            }
            rows += batch.num_rows();
            let mut leaf = writers.iter_mut();
            for (field, column) in self.schema.fields().iter().zip(batch.columns()) {
                for levels in compute_leaves(field, column).map_err(|e| e.to_string())? {
                    let writer = leaf.next().ok_or("more columns than in the schema")?;
                    writer.write(&levels).map_err(|e| e.to_string())?;
                }
            }
        }
        let chunks = writers.into_iter().map(|w| w.close()).collect::<Result<_, _>>().map_err(|e| e.to_string())?;
        Ok(Encoded { chunks, rows })
    }

    /// Begins a file.
    pub(crate) fn file<W: Write + Send>(&self, out: W) -> Result<ParquetFile<W>, String> {
        let writer = SerializedFileWriter::new(out, self.root.clone(), self.properties.clone());
        Ok(ParquetFile { writer: writer.map_err(|e| e.to_string())? })
    }
}

impl<W: Write + Send> ParquetFile<W> {
    /// Puts a row group behind those before it; one without rows is left out.
    pub(crate) fn append(&mut self, encoded: Encoded) -> Result<(), String> {
        if encoded.rows == 0 {
            return Ok(());
        }
        let mut group = self.writer.next_row_group().map_err(|e| e.to_string())?;
        for chunk in encoded.chunks {
            chunk.append_to_row_group(&mut group).map_err(|e| e.to_string())?;
        }
        group.close().map_err(|e| e.to_string())?;
        Ok(())
    }

    /// Bytes written so far.
    #[cfg(test)]
    pub(crate) fn bytes(&self) -> usize {
        self.writer.bytes_written()
    }

    /// Writes the footer and gives back what was written to.
    pub(crate) fn finish(self) -> Result<W, String> {
        self.writer.into_inner().map_err(|e| e.to_string())
    }
}
