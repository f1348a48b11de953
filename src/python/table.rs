//! A table of results as Python holds it: Arrow batches, handed on without a copy.

use super::fault;
use arrow_array::ffi::{FFI_ArrowArray, FFI_ArrowSchema};
use arrow_array::ffi_stream::FFI_ArrowArrayStream;
use arrow_array::{Array, RecordBatch, RecordBatchIterator, StructArray};
use arrow_schema::{ArrowError, SchemaRef};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyCapsule, PyType};

/// A table of results, held as Arrow.
///
/// Whatever reads Arrow's PyCapsule interface takes it without a copy: ``pyarrow.table(t)``,
/// ``polars.DataFrame(t)``, ``duckdb.sql("from t")``.
///
/// >>> table = radlabel.Engine().label_batch(["No effusion.", "Large pleural effusion."])
/// >>> len(table), table.column_names[:3]
/// (2, ['id', 'No Finding', 'Enlarged Cardiomediastinum'])
/// >>> table.to_arrow()["Pleural Effusion"].to_pylist()
/// [0, 1]
#[pyclass(module = "radlabel", frozen)]
pub(super) struct Table {
    schema: SchemaRef,
    batches: Vec<RecordBatch>,
}

impl Table {
    pub(super) const fn new(schema: SchemaRef, batches: Vec<RecordBatch>) -> Table {
        Table { schema, batches }
    }
}

fn told(error: ArrowError) -> PyErr {
    fault(error.to_string())
}

#[pymethods]
impl Table {
    fn __len__(&self) -> usize {
        self.batches.iter().map(RecordBatch::num_rows).sum()
    }

    fn __repr__(&self) -> String {
        format!("<radlabel.Table: {} rows, {} columns>", self.__len__(), self.schema.fields().len())
    }

    /// Names of the columns.
    #[getter]
    fn column_names(&self) -> Vec<String> {
        self.schema.fields().iter().map(|f| f.name().clone()).collect()
    }

    /// As a ``pyarrow.Table``, without a copy.
    fn to_arrow<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        slf.py().import("pyarrow")?.call_method1("table", (slf,))
    }

    /// As a ``pandas.DataFrame``. A label is 1.0, 0.0, -1.0 or NaN, as in CheXpert's tables.
    fn to_pandas<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        Table::to_arrow(slf)?.call_method0("to_pandas")
    }

    /// As a ``polars.DataFrame``, without a copy and without pyarrow.
    fn to_polars<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        slf.py().import("polars")?.call_method1("DataFrame", (slf,))
    }

    /// The schema as a capsule of Arrow's C data interface.
    fn __arrow_c_schema__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyCapsule>> {
        schema_capsule(py, &self.schema)
    }

    /// The rows as one struct array (Arrow's C data interface); several batches become one by copying.
    #[pyo3(signature = (requested_schema=None))]
    fn __arrow_c_array__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Bound<'py, PyAny>>,
    ) -> PyResult<(Bound<'py, PyCapsule>, Bound<'py, PyCapsule>)> {
        // The interface lets a producer answer with its own schema where it cannot cast.
        let _ = requested_schema;
        let batch = match self.batches.as_slice() {
            [batch] => batch.clone(),
            batches => arrow_select::concat::concat_batches(&self.schema, batches).map_err(told)?,
        };
        let array = FFI_ArrowArray::new(&StructArray::from(batch).into_data());
        let array = PyCapsule::new_with_value(py, array, c"arrow_array")?;
        Ok((schema_capsule(py, &self.schema)?, array))
    }

    /// The batches as a stream (Arrow's C stream interface).
    #[pyo3(signature = (requested_schema=None))]
    fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyCapsule>> {
        let _ = requested_schema;
        let batches: Vec<Result<RecordBatch, ArrowError>> = self.batches.iter().cloned().map(Ok).collect();
        let reader = RecordBatchIterator::new(batches, self.schema.clone());
        let stream = FFI_ArrowArrayStream::new(Box::new(reader));
        PyCapsule::new_with_value(py, stream, c"arrow_array_stream")
    }

    /// As bytes of an Arrow IPC stream, which is how it travels between processes.
    fn to_ipc<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let mut writer = arrow_ipc::writer::StreamWriter::try_new(Vec::new(), &self.schema).map_err(told)?;
        for batch in &self.batches {
            writer.write(batch).map_err(told)?;
        }
        Ok(PyBytes::new(py, &writer.into_inner().map_err(told)?))
    }

    /// From the bytes of an Arrow IPC stream.
    #[classmethod]
    fn from_ipc(_class: &Bound<'_, PyType>, bytes: &[u8]) -> PyResult<Table> {
        let reader = arrow_ipc::reader::StreamReader::try_new(bytes, None).map_err(told)?;
        let schema = reader.schema();
        let batches = reader.collect::<Result<_, _>>().map_err(told)?;
        Ok(Table { schema, batches })
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<(Bound<'py, PyAny>, (Bound<'py, PyBytes>,))> {
        Ok((slf.get_type().getattr("from_ipc")?, (slf.get().to_ipc(slf.py())?,)))
    }
}

fn schema_capsule<'py>(py: Python<'py>, schema: &SchemaRef) -> PyResult<Bound<'py, PyCapsule>> {
    let schema = FFI_ArrowSchema::try_from(schema.as_ref()).map_err(told)?;
    PyCapsule::new_with_value(py, schema, c"arrow_schema")
}
