//! Pages of a query that are kept in a folder, so that a run that was stopped goes on after the last whole one.
//!
//! A page is written under a passing name and renamed, so a page that is there is whole. The page without results is
//! kept too: it says that the query is at its end.

use crate::Error;
use crate::output::Sink;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// What the pages of a folder answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Asked {
    /// The form of the folder.
    pub(crate) version: u32,
    /// The resource.
    pub(crate) address: String,
    /// Attributes and values.
    pub(crate) query: Vec<(String, String)>,
    /// Fields asked for beside the server's own.
    pub(crate) fields: String,
    /// Results asked for at once.
    pub(crate) page: u32,
}

/// The folder, where there is one.
pub(crate) struct Pages {
    folder: Option<PathBuf>,
    next: u32,
}

const MANIFEST: &str = "query.json";

impl Pages {
    /// Opens or begins the folder of a query.
    ///
    /// # Errors
    /// A folder that cannot be written, is of another query, or holds something else.
    pub(crate) fn open(folder: Option<&Path>, asked: &Asked) -> Result<Pages, Error> {
        let Some(folder) = folder else {
            return Ok(Pages { folder: None, next: 1 });
        };
        let place = folder.display().to_string();
        std::fs::create_dir_all(folder).map_err(|e| Error::output(&place, e))?;
        let manifest = folder.join(MANIFEST);
        match std::fs::read(&manifest) {
            Ok(bytes) => {
                let found: Option<Asked> = serde_json::from_slice(&bytes).ok();
                if found.as_ref() != Some(asked) {
                    let message = "holds the pages of another server, query, level or page size; expected those of \
                                   this one, or a new folder (--cache)";
                    return Err(Error::input(place, message));
                }
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let empty = std::fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_none());
                if !empty {
                    return Err(Error::input(
                        place,
                        format!("not empty and without {MANIFEST}; expected a new folder"),
                    ));
                }
                let bytes = serde_json::to_vec_pretty(asked).map_err(|e| Error::output(&place, e))?;
                put(&manifest, &bytes)?;
            }
            Err(error) => return Err(Error::input(manifest.display().to_string(), error)),
        }
        Ok(Pages { folder: Some(folder.to_owned()), next: 1 })
    }

    /// The next page that is kept, and its file; `None` where the server is to be asked.
    ///
    /// # Errors
    /// A page that cannot be read.
    pub(crate) fn kept(&mut self, most_bytes: u64) -> Result<Option<(String, Vec<u8>)>, Error> {
        let Some(path) = self.path() else { return Ok(None) };
        let place = path.display().to_string();
        match std::fs::metadata(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::input(place, error)),
            Ok(data) if data.len() > most_bytes => {
                return Err(Error::input(place, format!("{} bytes; expected at most {most_bytes}", data.len())));
            }
            Ok(_) => {}
        }
        let bytes = std::fs::read(&path).map_err(|e| Error::input(&place, e))?;
        self.next += 1;
        Ok(Some((place, bytes)))
    }

    /// Keeps a page.
    ///
    /// # Errors
    /// What hinders writing.
    pub(crate) fn keep(&mut self, page: &[u8]) -> Result<(), Error> {
        if let Some(path) = self.path() {
            put(&path, page)?;
        }
        self.next += 1;
        Ok(())
    }

    /// Where the pages are kept, for messages.
    pub(crate) fn place(&self) -> Option<String> {
        self.folder.as_ref().map(|f| f.display().to_string())
    }

    fn path(&self) -> Option<PathBuf> {
        self.folder.as_ref().map(|f| f.join(format!("page-{:06}.json", self.next)))
    }
}

fn put(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let place = path.display().to_string();
    Sink::open(Some(path))?.put(bytes).map_err(|e| Error::output(place, e))
}
