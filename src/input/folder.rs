//! A folder -> its report files, sorted by path, however deep they lie.
//!
//! One level is listed at a time, so memory holds the names of one path's siblings, never of the whole
//! archive. CSV and JSON inside a folder are passed over unless a pattern or the format names them: they are
//! often about the reports, not reports.

use super::batch::is_dicom;
use super::{Format, Told};
use crate::Error;
use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use std::ffi::OsString;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// A walk through a folder.
pub(crate) struct Walk {
    /// Open levels: the folder, and its names in reverse, so that the next one is last.
    levels: Vec<(PathBuf, Vec<OsString>)>,
    root: PathBuf,
    only: Option<Format>,
    /// Where it stands, a file is read if a pattern fits its path below the root.
    globs: Option<GlobSet>,
    passed_over: u64,
}

impl Walk {
    /// A walk that begins at a folder.
    pub(crate) fn new(folder: &Path, only: Option<Format>, globs: &[String]) -> Result<Walk, Error> {
        let mut set = GlobSetBuilder::new();
        for glob in globs {
            let glob = GlobBuilder::new(glob).literal_separator(true).build();
            set.add(glob.map_err(|e| Error::Usage(format!("pattern: {e}; expected one like \"**/*.txt\"")))?);
        }
        let set = set.build().map_err(|e| Error::Usage(format!("patterns: {e}")))?;
        let globs = (!globs.is_empty()).then_some(set);
        let names = names(folder).map_err(|e| Error::input(folder.display().to_string(), e))?;
        Ok(Walk { levels: vec![(folder.to_owned(), names)], root: folder.to_owned(), only, globs, passed_over: 0 })
    }

    /// What to say of the files that were no reports, if there were any.
    pub(crate) fn passed_over(&self) -> Option<String> {
        let why = if self.globs.is_some() { "that no pattern fits" } else { "that hold no reports by their names" };
        (self.passed_over > 0).then(|| format!("{} files {why} were passed over", self.passed_over))
    }

    /// The next report file, with its format where the name tells it; what could not be read is told.
    pub(crate) fn next(&mut self, told: &mut Vec<Told>) -> Option<(PathBuf, Option<Format>)> {
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
                // A link to a folder might lead in a circle.
                Ok(kind) if kind.is_symlink() && path.is_dir() => {
                    let message = "a link to a folder, which is not followed; give the folder as an input of its own";
                    told.push(Told::warning(path.display().to_string(), message));
                }
                Ok(kind) if kind.is_symlink() && !path.exists() && self.format(&path).is_some() => {
                    told.push(Told::problem(path.display().to_string(), "a link to what is not there"));
                }
                Ok(kind) if kind.is_file() || (kind.is_symlink() && path.is_file()) => match self.format(&path) {
                    Some(format) => return Some((path, format)),
                    None => self.passed_over += 1,
                },
                Ok(_) => self.passed_over += 1,
                Err(error) => told.push(Told::problem(path.display().to_string(), error.to_string())),
            }
        }
    }

    /// Whether a file is read, and as what.
    #[expect(clippy::option_option, reason = "not read; read as its content tells; read as this")]
    fn format(&self, path: &Path) -> Option<Option<Format>> {
        let told = named(path);
        if let Some(globs) = &self.globs {
            let fits = globs.is_match(path.strip_prefix(&self.root).unwrap_or(path));
            return fits.then_some(self.only.or(told));
        }
        match (told, self.only) {
            // A PACS exports files without an ending, or with a UID for one.
            (None, None | Some(Format::Dicom)) => holds_dicom(path).then_some(Some(Format::Dicom)),
            (None, _) => None,
            (Some(told), Some(only)) => {
                // A name tells XML or JSON, not what is in it.
                let may_be = match told {
                    Format::Openi => only == Format::Bioc,
                    Format::Jsonl => matches!(only, Format::Bioc | Format::Fhir),
                    _ => false,
                };
                (told == only || may_be).then_some(self.only)
            }
            (Some(Format::Csv | Format::Tsv | Format::Jsonl), None) => None,
            (told, None) => Some(told),
        }
    }
}

/// The format that a name tells, JSON taken for lines of it and XML for Open-i.
pub(crate) fn named(path: &Path) -> Option<Format> {
    by_ending(path).or_else(|| match ending(path)?.as_str() {
        "xml" => Some(Format::Openi),
        "json" | "jsonl" | "ndjson" => Some(Format::Jsonl),
        _ => None,
    })
}

fn holds_dicom(path: &Path) -> bool {
    let mut start = Vec::new();
    let read = File::open(path).and_then(|file| file.take(132).read_to_end(&mut start));
    read.is_ok() && is_dicom(&start)
}

fn names(folder: &Path) -> std::io::Result<Vec<OsString>> {
    let mut names = std::fs::read_dir(folder)?.map(|e| e.map(|e| e.file_name())).collect::<Result<Vec<_>, _>>()?;
    names.sort_unstable_by(|a, b| b.cmp(a));
    names.shrink_to_fit();
    Ok(names)
}

/// A folder that holds this file would have it read as a report.
pub(crate) fn is_report_file(path: &Path) -> bool {
    named(path).is_some_and(|f| !matches!(f, Format::Csv | Format::Tsv | Format::Jsonl))
}

/// The ending of a path in lower case, without that of its packing.
fn ending(path: &Path) -> Option<String> {
    let name = path.file_name()?.to_str()?.to_ascii_lowercase();
    let (_, ending) = unpacked(&name).rsplit_once('.')?;
    Some(ending.to_owned())
}

fn unpacked(name: &str) -> &str {
    [".gz", ".zst", ".zstd"].iter().find_map(|e| name.strip_suffix(e)).unwrap_or(name)
}

/// The format that a path's ending tells, packed or not; `.xml` and `.json` may be several.
pub(crate) fn by_ending(path: &Path) -> Option<Format> {
    match ending(path)?.as_str() {
        "txt" => Some(Format::Txt),
        "csv" => Some(Format::Csv),
        "tsv" | "tab" => Some(Format::Tsv),
        "hl7" => Some(Format::Hl7),
        "dcm" => Some(Format::Dicom),
        "parquet" | "pq" => Some(Format::Parquet),
        "arrow" | "arrows" | "feather" | "ipc" => Some(Format::Arrow),
        _ => None,
    }
}

/// The file's name without its endings (`CXR1` of `CXR1.txt.gz`): the id of a report that fills a file.
pub(crate) fn stem(path: &Path) -> String {
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
    let name = unpacked(&name);
    match name.rsplit_once('.') {
        Some((stem, _)) if !stem.is_empty() => stem.to_owned(),
        _ => name.to_owned(),
    }
}
