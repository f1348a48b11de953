//! The files of a folder, however deep, in an order that depends on their names alone.

use crate::Error;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Deeper folders are not looked into.
const DEPTH: usize = 16;

/// The paths of all files below a folder, relative to it, sorted.
///
/// # Errors
/// A folder that cannot be listed.
pub(super) fn files(root: &Path) -> Result<Vec<PathBuf>, Error> {
    let whole = |path: &Path| std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let home = whole(root);
    // Where links have led: none leads round, and none to what is listed anyway.
    let mut seen = BTreeSet::new();
    let mut files = Vec::new();
    let mut folders = vec![(PathBuf::new(), 0)];
    while let Some((folder, depth)) = folders.pop() {
        let path = root.join(&folder);
        let fault = |e: std::io::Error| Error::input(path.display().to_string(), format!("cannot be listed: {e}"));
        let mut entries = std::fs::read_dir(&path).map_err(fault)?.collect::<Result<Vec<_>, _>>().map_err(fault)?;
        entries.sort_unstable_by_key(std::fs::DirEntry::file_name);
        for entry in entries {
            let below = folder.join(entry.file_name());
            // What begins with a dot is of the system or of a tool.
            if entry.file_name().to_string_lossy().starts_with('.') {
                continue;
            }
            let path = entry.path();
            if path.is_dir() {
                let round = path.is_symlink() && {
                    let target = whole(&path);
                    target.starts_with(&home) || home.starts_with(&target) || !seen.insert(target)
                };
                if depth < DEPTH && !round {
                    folders.push((below, depth + 1));
                }
            } else if path.is_file() {
                // A pipe would be waited for.
                files.push(below);
            }
        }
    }
    files.sort();
    Ok(files)
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn links_lead_nowhere_twice() {
        use std::os::unix::fs::symlink;
        let (root, other) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
        let at = root.path();
        std::fs::create_dir(at.join("in")).expect("a folder");
        for file in [at.join("a.json"), at.join("in/b.json"), other.path().join("c.json")] {
            std::fs::write(file, "{}").expect("a file");
        }
        for (target, link) in
            [(Path::new("."), "up"), (Path::new(".."), "in/up"), (other.path(), "x"), (other.path(), "y")]
        {
            symlink(target, at.join(link)).expect("a link");
        }
        symlink("nowhere", at.join("lost")).expect("a link");
        let found: Vec<String> = files(at).expect("files").iter().map(|f| f.display().to_string()).collect();
        assert_eq!(found, ["a.json", "in/b.json", "x/c.json"]);
    }
}
