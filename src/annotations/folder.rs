//! The files of a folder, however deep, in an order that depends on their names alone.

use crate::Error;
use std::path::{Path, PathBuf};

/// Deeper folders are not looked into: links may lead round.
const DEPTH: usize = 16;

/// The paths of all files below a folder, relative to it, sorted.
///
/// # Errors
/// A folder that cannot be listed.
pub(super) fn files(root: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut files = Vec::new();
    let mut folders = vec![(PathBuf::new(), 0)];
    while let Some((folder, depth)) = folders.pop() {
        let path = root.join(&folder);
        let fault = |e: std::io::Error| Error::input(path.display().to_string(), format!("cannot be listed: {e}"));
        for entry in std::fs::read_dir(&path).map_err(fault)? {
            let entry = entry.map_err(fault)?;
            let below = folder.join(entry.file_name());
            // What begins with a dot is of the system or of a tool.
            if entry.file_name().to_string_lossy().starts_with('.') {
                continue;
            }
            let path = entry.path();
            if path.is_dir() {
                if depth < DEPTH {
                    folders.push((below, depth + 1));
                }
            } else {
                files.push(below);
            }
        }
    }
    files.sort();
    Ok(files)
}
