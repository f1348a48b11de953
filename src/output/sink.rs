//! Where results go: a file that appears whole or not at all, or standard output.
//!
//! A file is written under a passing name in the same folder and renamed when everything is in it. Devices
//! and pipes cannot be renamed over, so they are written to directly. gzip is written in many members, one a
//! buffer, so that threads can pack.

use crate::Error;
use flate2::{Compression, write::GzEncoder};
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// An output that is being written.
pub struct Sink {
    target: Target,
    name: String,
    /// Its ending asks for gzip.
    pub gzip: bool,
}

enum Target {
    Renamed(Box<tempfile::NamedTempFile>, PathBuf),
    Direct(File),
    Standard(io::Stdout),
}

impl Sink {
    /// Opens a file, or standard output for `None`, and proves that it can be written.
    ///
    /// # Errors
    /// [`Error::Output`] where that cannot be.
    pub fn open(path: Option<&Path>) -> Result<Sink, Error> {
        let Some(path) = path.filter(|p| *p != Path::new("-")) else {
            let target = Target::Standard(io::stdout());
            return Ok(Sink { target, name: "standard output".to_owned(), gzip: false });
        };
        let name = path.display().to_string();
        let refuse = |error: io::Error| Error::output(&name, format!("cannot be written: {error}"));
        let gzip = path.extension().is_some_and(|e| e.eq_ignore_ascii_case("gz"));
        // A link is written through, not replaced.
        let path = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let target = match std::fs::metadata(&path) {
            Ok(metadata) if metadata.is_dir() => {
                return Err(Error::output(name, "is a folder; expected the name of a file"));
            }
            Ok(metadata) if !metadata.is_file() => {
                Target::Direct(File::options().write(true).open(&path).map_err(refuse)?)
            }
            Ok(metadata) if metadata.permissions().readonly() => {
                return Err(Error::output(name, "cannot be written: it is read-only"));
            }
            _ => {
                let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
                Target::Renamed(Box::new(passing(folder).map_err(refuse)?), path)
            }
        };
        Ok(Sink { target, name, gzip })
    }

    /// Writes to a terminal or a pipe, where lines should appear as they come.
    pub const fn is_standard(&self) -> bool {
        matches!(self.target, Target::Standard(_))
    }

    /// Appends bytes (already packed, where [`Sink::gzip`] says so).
    ///
    /// # Errors
    /// What the system says, with the output's name; a broken pipe as it is.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let written = match &mut self.target {
            Target::Renamed(file, _) => file.as_file_mut().write_all(bytes),
            Target::Direct(file) => file.write_all(bytes),
            Target::Standard(out) => out.write_all(bytes),
        };
        written.map_err(|e| self.told(&e))
    }

    /// Ends the output; a file gets its name now.
    ///
    /// # Errors
    /// As [`Sink::write`].
    pub fn finish(self) -> io::Result<()> {
        let name = self.name;
        let told = |error: io::Error| io::Error::new(error.kind(), format!("{name}: {error}"));
        match self.target {
            Target::Renamed(file, path) => {
                // Some file systems tell only now that the disk is full.
                file.as_file().sync_all().map_err(told)?;
                file.persist(path).map(|_| ()).map_err(|e| told(e.error))
            }
            Target::Direct(mut file) => file.flush().map_err(told),
            Target::Standard(mut out) => out.flush().map_err(told),
        }
    }

    fn told(&self, error: &io::Error) -> io::Error {
        io::Error::new(error.kind(), format!("{}: {error}", self.name))
    }
}

fn passing(folder: &Path) -> io::Result<tempfile::NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".radlabel-").suffix(".part");
    // The usual rights of a new file, not those of a secret one.
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    builder.tempfile_in(folder)
}

/// One gzip member.
pub(crate) fn pack(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(bytes.len() / 4), Compression::new(6));
    encoder.write_all(bytes)?;
    encoder.finish()
}
