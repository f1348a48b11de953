//! Where results go: a file that appears whole or not at all, or standard output.
//!
//! Every command writes through here. A file is written under a passing name in the same folder and renamed
//! when everything is in it; a link is written through. Devices and pipes cannot be renamed over, so they
//! are written to directly. gzip and zstd are written in many members, one a buffer, so that threads can pack.

use super::passing::Passing;
use crate::Error;
use flate2::{Compression, write::GzEncoder};
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// An output that is being written.
pub struct Sink {
    target: Target,
    name: String,
    /// What its ending asks for.
    pub packing: Packing,
}

/// How an output is packed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Packing {
    /// Not at all.
    #[default]
    None,
    /// gzip: the path ends in `.gz`.
    Gzip,
    /// zstd: the path ends in `.zst`.
    Zstd,
}

impl Packing {
    /// What a path's ending asks for.
    pub fn of(path: &Path) -> Packing {
        match path.extension() {
            Some(e) if e.eq_ignore_ascii_case("gz") => Packing::Gzip,
            Some(e) if e.eq_ignore_ascii_case("zst") => Packing::Zstd,
            _ => Packing::None,
        }
    }

    /// Bytes as one member.
    ///
    /// # Errors
    /// What the packer says; writing to memory gives it no cause.
    pub fn pack(self, bytes: Vec<u8>) -> io::Result<Vec<u8>> {
        match self {
            _ if bytes.is_empty() => Ok(bytes),
            Packing::None => Ok(bytes),
            Packing::Zstd => zstd::bulk::compress(&bytes, 3),
            Packing::Gzip => {
                let mut encoder = GzEncoder::new(Vec::with_capacity(bytes.len() / 4), Compression::new(6));
                encoder.write_all(&bytes)?;
                encoder.finish()
            }
        }
    }
}

enum Target {
    Renamed(Passing),
    Direct(File),
    Standard(io::Stdout),
}

/// The path leads to standard output.
pub(crate) fn is_standard(path: &Path) -> bool {
    path == Path::new("-") || path == Path::new("/dev/stdout")
}

impl Sink {
    /// Opens a file, or standard output for `None`, and proves that it can be written.
    ///
    /// # Errors
    /// [`Error::Output`] where that cannot be.
    pub fn open(path: Option<&Path>) -> Result<Sink, Error> {
        let Some(path) = path.filter(|p| !is_standard(p)) else {
            let target = Target::Standard(io::stdout());
            return Ok(Sink { target, name: "standard output".to_owned(), packing: Packing::None });
        };
        let name = path.display().to_string();
        let refuse = |error: io::Error| Error::output(&name, format!("cannot be written: {error}"));
        let target = match std::fs::metadata(path) {
            Ok(old) if old.is_dir() => {
                return Err(Error::output(name, "is a folder; expected the name of a file"));
            }
            Ok(old) if !old.is_file() => Target::Direct(File::options().write(true).open(path).map_err(refuse)?),
            Ok(old) if old.permissions().readonly() => {
                return Err(Error::output(name, "cannot be written: it is read-only"));
            }
            old => Target::Renamed(Passing::begin(followed(path), old.as_ref().ok()).map_err(refuse)?),
        };
        Ok(Sink { target, name, packing: Packing::of(path) })
    }

    /// Proves that a file can be written, for an output that is opened only at the end of a run. What stands there stays.
    ///
    /// # Errors
    /// As [`Sink::open`].
    pub(crate) fn prove(path: &Path) -> Result<(), Error> {
        // A pipe or device that is opened and closed again tells its reader that all is done.
        let special = std::fs::metadata(path).is_ok_and(|m| !m.is_file() && !m.is_dir());
        if special || is_standard(path) { Ok(()) } else { Sink::open(Some(path)).map(drop) }
    }

    /// Writes to a terminal or a pipe, where lines should appear as they come.
    pub const fn is_standard(&self) -> bool {
        matches!(self.target, Target::Standard(_))
    }

    /// Appends bytes (already packed, where [`Sink::packing`] says so).
    ///
    /// # Errors
    /// What the system says, with the output's name; a broken pipe as it is.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let written = match &mut self.target {
            Target::Renamed(file) => file.write_all(bytes),
            Target::Direct(file) => file.write_all(bytes),
            Target::Standard(out) => out.write_all(bytes),
        };
        written.map_err(|e| told(&self.name, &e))
    }

    /// Ends the output; a file gets its name now.
    ///
    /// # Errors
    /// As [`Sink::write`].
    pub fn finish(self) -> io::Result<()> {
        let ended = match self.target {
            Target::Renamed(file) => file.finish(),
            Target::Direct(mut file) => file.flush(),
            Target::Standard(mut out) => out.flush(),
        };
        ended.map_err(|e| told(&self.name, &e))
    }

    /// Writes all of an output at once.
    ///
    /// # Errors
    /// As [`Sink::write`].
    pub fn put(mut self, bytes: &[u8]) -> io::Result<()> {
        self.write(&self.packing.pack(bytes.to_vec())?)?;
        self.finish()
    }
}

fn told(name: &str, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{name}: {error}"))
}

/// Where a path leads in the end, also through links to what is not there yet.
fn followed(path: &Path) -> PathBuf {
    let mut path = path.to_owned();
    // As many as Linux follows.
    for _ in 0..40 {
        if let Ok(whole) = std::fs::canonicalize(&path) {
            return whole;
        }
        let Ok(next) = std::fs::read_link(&path) else {
            break;
        };
        path = path.parent().unwrap_or(Path::new("")).join(next);
    }
    path
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Sink::write(self, bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
