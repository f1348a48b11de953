//! The one public error. Its variants say what the user must mend; its message says where, what was
//! found and what was expected. No report text ever stands in it: reports are patients' data.

use std::fmt;

/// One fault in a data file: `file:line: message`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fault {
    /// The file, as the user knows it.
    pub file: String,
    /// The line, from 1; 0 when the fault is of the whole file.
    pub line: usize,
    /// What was found and what was expected.
    pub message: String,
}

impl Fault {
    /// A fault at a line of a file.
    pub fn new(file: &str, line: usize, message: impl Into<String>) -> Self {
        Fault { file: file.to_owned(), line, message: message.into() }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.file, self.message),
            line => write!(f, "{}:{}: {}", self.file, line, self.message),
        }
    }
}

/// A cell or a name from the input as a message may show it: what could be report text is only measured.
pub fn shown(cell: &str) -> String {
    let length = cell.chars().count();
    if length <= 24 && !cell.contains(char::is_whitespace) {
        format!("{cell:?}")
    } else {
        format!("a cell of {length} characters")
    }
}

/// What can go wrong. Analysis itself never fails; loading and reading do.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// Lexicons, rules or schemes are at fault; every fault of every file is listed.
    Data(Vec<Fault>),
    /// A report or a file of reports cannot be read.
    Input {
        /// The file (and line, where there is one).
        place: String,
        /// What was found and what was expected.
        message: String,
    },
    /// A result cannot be written.
    Output {
        /// The file.
        place: String,
        /// What the system said.
        message: String,
    },
    /// The call itself is at fault: an unknown scheme, a column that is not there.
    Usage(String),
}

impl Error {
    /// An input error at a place.
    pub fn input(place: impl Into<String>, message: impl fmt::Display) -> Self {
        Error::Input { place: place.into(), message: message.to_string() }
    }

    /// An output error at a place.
    pub fn output(place: impl Into<String>, message: impl fmt::Display) -> Self {
        Error::Output { place: place.into(), message: message.to_string() }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Data(faults) => {
                for (i, fault) in faults.iter().enumerate() {
                    if i > 0 {
                        writeln!(f)?;
                    }
                    write!(f, "{fault}")?;
                }
                Ok(())
            }
            Error::Input { place, message } => write!(f, "{place}: {message}"),
            Error::Output { place, message } => write!(f, "{place}: {message}"),
            Error::Usage(message) => f.write_str(message),
        }
    }
}

impl std::error::Error for Error {}
