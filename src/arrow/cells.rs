//! The cells of a table's rows into Arrow columns.

use crate::output::table::{Cells, ColumnSpec, Kind};
use arrow_array::builder::{
    BooleanBuilder, Float32Builder, Float64Builder, Int8Builder, Int32Builder, ListBuilder, StringBuilder,
};
use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use std::collections::HashMap;
use std::sync::Arc;

/// The schema of a table: what a column means stands as `about` in its field's metadata, `metadata` (versions of
/// program and rules) in the schema's.
pub(crate) fn schema(columns: &[ColumnSpec], metadata: &[(String, String)]) -> SchemaRef {
    let fields: Vec<Field> = columns
        .iter()
        .map(|column| {
            let nullable = !matches!(column.kind, Kind::Flag | Kind::Texts | Kind::Reals);
            let field = Field::new(&column.name, data_type(column.kind), nullable);
            match column.about {
                "" => field,
                about => field.with_metadata(HashMap::from([("about".to_owned(), about.to_owned())])),
            }
        })
        .collect();
    let metadata: HashMap<String, String> = metadata.iter().cloned().collect();
    Arc::new(Schema::new_with_metadata(fields, metadata))
}

/// Signed integers alone: Spark has no unsigned type and `start - 1` wraps in those of pandas and Polars.
fn data_type(kind: Kind) -> DataType {
    let list = |of| DataType::List(Arc::new(element(of)));
    match kind {
        Kind::Text => DataType::Utf8,
        Kind::Value | Kind::Vote => DataType::Int8,
        Kind::Number => DataType::Int32,
        Kind::Real => DataType::Float32,
        Kind::Measure => DataType::Float64,
        Kind::Flag => DataType::Boolean,
        Kind::Texts => list(DataType::Utf8),
        Kind::Reals => list(DataType::Float64),
    }
}

/// What a list holds, by the name that Parquet's specification gives it.
fn element(of: DataType) -> Field {
    Field::new("element", of, true)
}

#[derive(Debug)]
enum Column {
    Text(StringBuilder),
    Value(Int8Builder),
    Number(Int32Builder),
    Real(Float32Builder),
    Measure(Float64Builder),
    Flag(BooleanBuilder),
    Texts(ListBuilder<StringBuilder>),
    Reals(ListBuilder<Float64Builder>),
}

/// Gathers rows; [`ArrowCells::finish`] gives them as one batch.
#[derive(Debug)]
pub(crate) struct ArrowCells {
    schema: SchemaRef,
    columns: Vec<Column>,
    /// The column of the next cell.
    at: usize,
    rows: usize,
    bytes: usize,
    /// A cell came in a kind that its column is not of.
    fault: Option<String>,
}

impl ArrowCells {
    /// For the rows of a table of these columns.
    pub(crate) fn new(columns: &[ColumnSpec], schema: SchemaRef) -> Self {
        let columns = columns
            .iter()
            .map(|column| match column.kind {
                Kind::Text => Column::Text(StringBuilder::new()),
                Kind::Value | Kind::Vote => Column::Value(Int8Builder::new()),
                Kind::Number => Column::Number(Int32Builder::new()),
                Kind::Real => Column::Real(Float32Builder::new()),
                Kind::Measure => Column::Measure(Float64Builder::new()),
                Kind::Flag => Column::Flag(BooleanBuilder::new()),
                Kind::Texts => {
                    Column::Texts(ListBuilder::new(StringBuilder::new()).with_field(element(DataType::Utf8)))
                }
                Kind::Reals => {
                    Column::Reals(ListBuilder::new(Float64Builder::new()).with_field(element(DataType::Float64)))
                }
            })
            .collect();
        ArrowCells { schema, columns, at: 0, rows: 0, bytes: 0, fault: None }
    }

    /// Rows gathered.
    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// Bytes of text gathered: a batch must stay under 2 GiB.
    #[cfg(feature = "python")]
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The rows gathered so far; the next batch begins.
    ///
    /// # Errors
    /// Cells that came in another order than the columns: a fault of the program.
    pub(crate) fn finish(&mut self) -> Result<RecordBatch, String> {
        let columns: Vec<ArrayRef> = self
            .columns
            .iter_mut()
            .map(|column| -> ArrayRef {
                match column {
                    Column::Text(b) => Arc::new(b.finish()),
                    Column::Value(b) => Arc::new(b.finish()),
                    Column::Number(b) => Arc::new(b.finish()),
                    Column::Real(b) => Arc::new(b.finish()),
                    Column::Measure(b) => Arc::new(b.finish()),
                    Column::Flag(b) => Arc::new(b.finish()),
                    Column::Texts(b) => Arc::new(b.finish()),
                    Column::Reals(b) => Arc::new(b.finish()),
                }
            })
            .collect();
        (self.at, self.rows, self.bytes) = (0, 0, 0);
        if let Some(fault) = self.fault.take() {
            return Err(fault);
        }
        RecordBatch::try_new(self.schema.clone(), columns).map_err(|e| e.to_string())
    }

    /// The column of the next cell, if it is of the kind that comes.
    fn next(&mut self, kind: Kind) -> Option<&mut Column> {
        let at = self.at;
        self.at += 1;
        let fits = match self.columns.get(at) {
            Some(Column::Text(_)) => kind == Kind::Text,
            Some(Column::Value(_)) => matches!(kind, Kind::Value | Kind::Vote),
            Some(Column::Number(_)) => kind == Kind::Number,
            Some(Column::Real(_)) => kind == Kind::Real,
            Some(Column::Measure(_)) => kind == Kind::Measure,
            Some(Column::Flag(_)) => kind == Kind::Flag,
            Some(Column::Texts(_)) => kind == Kind::Texts,
            Some(Column::Reals(_)) => kind == Kind::Reals,
            None => false,
        };
        if !fits {
            self.fault.get_or_insert_with(|| format!("column {}: no column of {kind:?}", at + 1));
            return None;
        }
        self.columns.get_mut(at)
    }
}

/// How much a batch holds, in bytes, by its cells alone: what memory it takes also depends on what it was cut from,
/// and where a row group ends must not.
pub(crate) fn weight(batch: &RecordBatch) -> usize {
    batch.columns().iter().map(|column| cells_weight(column, 0, column.len())).sum()
}

fn cells_weight(column: &dyn Array, from: usize, to: usize) -> usize {
    let between = |offsets: &[i32]| (offsets[from] as usize, offsets[to] as usize);
    if let Some(texts) = column.as_string_opt::<i32>() {
        let (first, last) = between(texts.value_offsets());
        last - first + (to - from) * 4
    } else if let Some(lists) = column.as_list_opt::<i32>() {
        let (first, last) = between(lists.value_offsets());
        cells_weight(lists.values(), first, last) + (to - from) * 4
    } else {
        (to - from) * 8
    }
}

impl Cells for ArrowCells {
    fn text(&mut self, value: Option<&str>) {
        self.bytes += value.map_or(0, str::len);
        if let Some(Column::Text(b)) = self.next(Kind::Text) {
            b.append_option(value);
        }
    }

    fn value(&mut self, value: Option<i8>) {
        if let Some(Column::Value(b)) = self.next(Kind::Value) {
            b.append_option(value);
        }
    }

    fn vote(&mut self, value: i8) {
        if let Some(Column::Value(b)) = self.next(Kind::Vote) {
            b.append_value(value);
        }
    }

    fn number(&mut self, value: Option<u32>) {
        if let Some(Column::Number(b)) = self.next(Kind::Number) {
            // An offset over 2^31 means a report of 2 GiB: no batch could hold its text either.
            b.append_option(value.map(|v| i32::try_from(v).unwrap_or(i32::MAX)));
        }
    }

    fn real(&mut self, value: Option<f32>) {
        if let Some(Column::Real(b)) = self.next(Kind::Real) {
            b.append_option(value);
        }
    }

    fn measure(&mut self, value: Option<f64>) {
        if let Some(Column::Measure(b)) = self.next(Kind::Measure) {
            b.append_option(value);
        }
    }

    fn flag(&mut self, value: bool) {
        if let Some(Column::Flag(b)) = self.next(Kind::Flag) {
            b.append_value(value);
        }
    }

    fn texts(&mut self, values: &[&str]) {
        self.bytes += values.iter().map(|v| v.len()).sum::<usize>();
        if let Some(Column::Texts(b)) = self.next(Kind::Texts) {
            for value in values {
                b.values().append_value(value);
            }
            b.append(true);
        }
    }

    fn reals(&mut self, values: &[f64]) {
        if let Some(Column::Reals(b)) = self.next(Kind::Reals) {
            b.values().append_slice(values);
            b.append(true);
        }
    }

    fn end(&mut self) {
        if self.at != self.columns.len() {
            self.fault.get_or_insert_with(|| format!("{} cells; expected {}", self.at, self.columns.len()));
        }
        self.at = 0;
        self.rows += 1;
    }
}
