//! The extension module `radlabel._radlabel` of the Python package.
//!
//! Python's objects end here: `texts` takes them in, `table` gives them out as Arrow, `engine` is the class
//! between. The package around it (`src/python/radlabel`) holds what is better said in Python: Spark, spaCy.

mod batch;
mod engine;
mod table;
mod texts;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use std::ffi::OsString;

pyo3::create_exception!(
    radlabel,
    Error,
    PyValueError,
    "What can go wrong: a call at fault, a lexicon or rule file that does not load. Holds no report text."
);

impl From<crate::Error> for PyErr {
    fn from(error: crate::Error) -> PyErr {
        Error::new_err(error.to_string())
    }
}

/// An error of the package's own.
fn fault(message: impl Into<String>) -> PyErr {
    Error::new_err(message.into())
}

/// main(arguments)
/// --
///
/// Runs the command line with these arguments, the program's name first; gives the exit code.
#[pyfunction]
fn main(py: Python<'_>, arguments: Vec<OsString>) -> u8 {
    py.detach(|| crate::cli::run(arguments))
}

/// The module.
#[pymodule]
fn _radlabel(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add("Error", module.py().get_type::<Error>())?;
    module.add_class::<engine::PyEngine>()?;
    module.add_class::<engine::Explanation>()?;
    module.add_class::<table::Table>()?;
    module.add_function(wrap_pyfunction!(main, module)?)
}
