//! Python's columns of text -> texts that threads read without Python.
//!
//! What holds Arrow is taken as it is, without a copy: `pyarrow` arrays, Polars series, pandas series that Arrow
//! backs. Lists are copied once, while Python waits.

use super::fault;
use arrow_array::cast::AsArray;
use arrow_array::ffi_stream::RecordBatchStreamReader;
use arrow_array::{Array, ArrayRef, LargeStringArray, StringArray, StringViewArray, make_array};
use arrow_data::ArrayData;
use arrow_pyarrow::FromPyArrow;
use arrow_schema::DataType;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList, PyString, PyTuple};

/// A run of texts that stand in one piece.
enum Part {
    Utf8(StringArray),
    Large(LargeStringArray),
    View(StringViewArray),
    Owned(Vec<Option<String>>),
}

/// A column of texts; any may be missing.
#[derive(Default)]
pub(super) struct Texts {
    /// Each with the row that it begins at.
    parts: Vec<(usize, Part)>,
    length: usize,
}

impl Texts {
    /// Takes a column. `name` is what the caller calls it.
    pub(super) fn take(column: &Bound<'_, PyAny>, name: &str) -> PyResult<Texts> {
        let mut texts = Texts::default();
        if column.is_instance_of::<PyString>() || column.is_instance_of::<PyBytes>() {
            return Err(fault(format!("{name}: one {}; expected a list or column of them", kind(column)?)));
        }
        if column.is_instance_of::<PyList>() || column.is_instance_of::<PyTuple>() {
            texts.push(Part::Owned(owned(column, name)?));
            return Ok(texts);
        }
        // A series of Polars tells its type by the stream of a table of one column.
        if column.hasattr("to_frame")? && is_from(column, "polars")? {
            let frame = column.call_method0("to_frame")?;
            for batch in RecordBatchStreamReader::from_pyarrow_bound(&frame)? {
                let batch = batch.map_err(|e| fault(format!("{name}: {e}")))?;
                texts.push(arrow(batch.column(0).clone(), name)?);
            }
            return Ok(texts);
        }
        if column.hasattr("__arrow_c_array__")? {
            texts.push(imported(column, name)?);
            return Ok(texts);
        }
        // pyarrow.ChunkedArray
        if is_from(column, "pyarrow")? && column.hasattr("chunks")? {
            for chunk in column.getattr("chunks")?.try_iter()? {
                texts.push(imported(&chunk?, name)?);
            }
            return Ok(texts);
        }
        if is_from(column, "pandas")?
            && let Some(array) = backing(column)
        {
            return Texts::take(&array, name);
        }
        if column.hasattr("columns")? || column.hasattr("column_names")? {
            return Err(fault(format!("{name}: a whole table ({}); expected one column of it", kind(column)?)));
        }
        let list = if column.hasattr("tolist")? {
            column.call_method0("tolist")?.cast_into::<PyList>()?
        } else if let Ok(items) = column.try_iter() {
            PyList::new(column.py(), items.collect::<PyResult<Vec<_>>>()?)?
        } else {
            return Err(fault(format!("{name}: found {}; expected a list or column of texts", kind(column)?)));
        };
        texts.push(Part::Owned(owned(&list, name)?));
        Ok(texts)
    }

    /// As [`Texts::take`], where numbers serve as text too: ids.
    pub(super) fn take_ids(column: &Bound<'_, PyAny>) -> PyResult<Texts> {
        match Texts::take(column, "ids") {
            Ok(texts) => Ok(texts),
            Err(_) => {
                let list = if column.hasattr("to_pylist")? {
                    column.call_method0("to_pylist")?
                } else if column.hasattr("to_list")? {
                    column.call_method0("to_list")?
                } else if column.hasattr("tolist")? {
                    column.call_method0("tolist")?
                } else {
                    column.clone()
                };
                let items = list.try_iter().map_err(|_| fault("ids: expected a list or column of texts or numbers"))?;
                let mut out = Vec::new();
                for item in items {
                    let item = item?;
                    out.push(match missing(&item) {
                        true => None,
                        false => Some(text(&item.str()?)?),
                    });
                }
                let mut texts = Texts::default();
                texts.push(Part::Owned(out));
                Ok(texts)
            }
        }
    }

    fn push(&mut self, part: Part) {
        let length = match &part {
            Part::Utf8(array) => array.len(),
            Part::Large(array) => array.len(),
            Part::View(array) => array.len(),
            Part::Owned(texts) => texts.len(),
        };
        self.parts.push((self.length, part));
        self.length += length;
    }

    /// How many texts.
    pub(super) const fn len(&self) -> usize {
        self.length
    }

    /// The text of a row.
    pub(super) fn get(&self, row: usize) -> Option<&str> {
        let at = self.parts.partition_point(|(start, _)| *start <= row).checked_sub(1)?;
        let (start, part) = &self.parts[at];
        let row = row - start;
        match part {
            Part::Utf8(array) => array.is_valid(row).then(|| array.value(row)),
            Part::Large(array) => array.is_valid(row).then(|| array.value(row)),
            Part::View(array) => array.is_valid(row).then(|| array.value(row)),
            Part::Owned(texts) => texts[row].as_deref(),
        }
    }
}

fn kind(value: &Bound<'_, PyAny>) -> PyResult<String> {
    Ok(value.get_type().name()?.to_string())
}

/// The object's class comes from this package.
fn is_from(value: &Bound<'_, PyAny>, package: &str) -> PyResult<bool> {
    let module = value.get_type().getattr("__module__")?;
    let module = module.extract::<String>().unwrap_or_default();
    Ok(module.split('.').next() == Some(package))
}

/// The Arrow array behind a pandas series or index, where there is one.
fn backing<'py>(series: &Bound<'py, PyAny>) -> Option<Bound<'py, PyAny>> {
    let array = series.getattr("array").ok()?;
    array.call_method0("__arrow_array__").ok()
}

/// None, or what pandas puts in its place.
fn missing(value: &Bound<'_, PyAny>) -> bool {
    // NaN is what differs from itself; of pandas.NA that is not known, which no truth value tells.
    value.is_none() || value.ne(value).unwrap_or(true)
}

fn imported(array: &Bound<'_, PyAny>, name: &str) -> PyResult<Part> {
    let broken = |e| fault(format!("{name}: {e}"));
    arrow(make_array(ArrayData::from_pyarrow_bound(array).map_err(broken)?), name)
}

fn arrow(array: ArrayRef, name: &str) -> PyResult<Part> {
    match array.data_type() {
        DataType::Utf8 => Ok(Part::Utf8(array.as_string().clone())),
        DataType::LargeUtf8 => Ok(Part::Large(array.as_string().clone())),
        DataType::Utf8View => Ok(Part::View(array.as_string_view().clone())),
        DataType::Null => Ok(Part::Owned(vec![None; array.len()])),
        other => Err(fault(format!("{name}: a column of {other}; expected text (Utf8, LargeUtf8 or Utf8View)"))),
    }
}

fn owned(list: &Bound<'_, PyAny>, name: &str) -> PyResult<Vec<Option<String>>> {
    let mut out = Vec::with_capacity(list.len()?);
    for (row, item) in list.try_iter()?.enumerate() {
        let item = item?;
        match item.cast::<PyString>() {
            Ok(item) => out.push(Some(text(item)?)),
            Err(_) if missing(&item) => out.push(None),
            Err(_) => return Err(fault(format!("{name}[{row}]: found {}; expected str or None", kind(&item)?))),
        }
    }
    Ok(out)
}

/// A text of Python's. Half of a surrogate pair, which Python allows and UTF-8 does not, becomes U+FFFD: one code
/// point for another, so that offsets stay.
pub(super) fn text(string: &Bound<'_, PyString>) -> PyResult<String> {
    if let Ok(text) = string.to_cow() {
        return Ok(text.into_owned());
    }
    let codes = string.call_method1("encode", ("utf-32-le", "surrogatepass"))?;
    let codes = codes.cast::<PyBytes>()?.as_bytes().chunks_exact(4);
    Ok(codes
        .map(|c| char::from_u32(u32::from_le_bytes([c[0], c[1], c[2], c[3]])).unwrap_or(char::REPLACEMENT_CHARACTER))
        .collect())
}
