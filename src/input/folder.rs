//! A folder -> its report files, sorted by path, however deep they lie.
//!
//! One level is listed at a time, so memory holds the names of one path's siblings, never of the whole
//! archive. Tables and JSONL inside a folder are passed over: they are often about the reports, not reports.

use super::{Format, Told};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// A walk through a folder.
pub(crate) struct Walk {
    /// Open levels: the folder, and its names in reverse, so that the next one is last.
    levels: Vec<(PathBuf, Vec<OsString>)>,
    only: Option<Format>,
    passed_over: u64,
}

impl Walk {
    /// A walk that begins at a folder.
    pub(crate) fn new(folder: &Path, only: Option<Format>) -> std::io::Result<Walk> {
        Ok(Walk { levels: vec![(folder.to_owned(), names(folder)?)], only, passed_over: 0 })
    }

    /// Files that were no reports.
    pub(crate) const fn passed_over(&self) -> u64 {
        self.passed_over
    }

    /// The next report file; what could not be read is told.
    pub(crate) fn next(&mut self, told: &mut Vec<Told>) -> Option<(PathBuf, Format)> {
        loop {
            let (folder, names_left) = self.levels.last_mut()?;
            let Some(name) = names_left.pop() else {
                self.levels.pop();
                continue;
            };
            let path = folder.join(name);
            let kind = std::fs::symlink_metadata(&path).map(|m| m.file_type());
            match kind {
                Ok(kind) if kind.is_dir() => match names(&path) {
                    Ok(names) => self.levels.push((path, names)),
                    Err(error) => told.push(Told::problem(path.display().to_string(), error.to_string())),
                },
                // A link to a file is read; a link to a folder might lead in a circle.
                Ok(kind) if kind.is_file() || (kind.is_symlink() && path.is_file()) => match self.format(&path) {
                    Some(format) => return Some((path, format)),
                    None => self.passed_over += 1,
                },
                Ok(_) => self.passed_over += 1,
                Err(error) => told.push(Told::problem(path.display().to_string(), error.to_string())),
            }
        }
    }

    fn format(&self, path: &Path) -> Option<Format> {
        let format = by_ending(path).filter(|f| matches!(f, Format::Txt | Format::Openi))?;
        self.only.is_none_or(|only| only == format).then_some(format)
    }
}

fn names(folder: &Path) -> std::io::Result<Vec<OsString>> {
    let mut names = std::fs::read_dir(folder)?.map(|e| e.map(|e| e.file_name())).collect::<Result<Vec<_>, _>>()?;
    names.sort_unstable_by(|a, b| b.cmp(a));
    names.shrink_to_fit();
    Ok(names)
}

/// A folder that holds this file would have it read as a report.
pub(crate) fn is_report_file(path: &Path) -> bool {
    by_ending(path).is_some_and(|f| matches!(f, Format::Txt | Format::Openi))
}

/// The format that a path's ending tells, `.gz` or not.
pub(crate) fn by_ending(path: &Path) -> Option<Format> {
    let name = path.file_name()?.to_str()?.to_ascii_lowercase();
    let name = name.strip_suffix(".gz").unwrap_or(&name);
    let (_, ending) = name.rsplit_once('.')?;
    match ending {
        "txt" => Some(Format::Txt),
        "csv" => Some(Format::Csv),
        "tsv" | "tab" => Some(Format::Tsv),
        "jsonl" | "ndjson" | "json" => Some(Format::Jsonl),
        "xml" => Some(Format::Openi),
        _ => None,
    }
}

/// The file's name without its endings (`CXR1` of `CXR1.txt.gz`): the id of a report that fills a file.
pub(crate) fn stem(path: &Path) -> String {
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
    let name = name.strip_suffix(".gz").unwrap_or(&name);
    match name.rsplit_once('.') {
        Some((stem, _)) if !stem.is_empty() => stem.to_owned(),
        _ => name.to_owned(),
    }
}
