//! A folder of DICOM files, one such file, or a DICOMDIR -> rows of the study table.
//!
//! Every file is tried by what it holds. Files are read by all threads, a batch at a time, and come in the order of
//! their paths; memory holds one batch and the names of one path's siblings, never those of the whole archive. A file
//! that a DICOMDIR names is read itself; what is missing is a row of what the DICOMDIR says of it.

use super::{Options, Take};
use crate::Error;
use crate::dicom::{Entry, Found, directory, scan};
use crate::input::Told;
use rayon::prelude::*;
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs::FileType;
use std::path::{Path, PathBuf};

/// Files that are read at once.
const BATCH: usize = 1024;

/// What was read of one file.
type Read = Result<Found, String>;

/// Reads a folder, however deep.
///
/// # Errors
/// A folder that cannot be listed; what is wrong below it is told.
pub(super) fn folder(root: &Path, options: &Options, take: &mut dyn Take) -> Result<(), Error> {
    let mut walk = Walk::new(root).map_err(|e| Error::input(root.display().to_string(), e))?;
    let mut told = Vec::new();
    let mut next = || {
        let batch: Vec<PathBuf> = std::iter::from_fn(|| walk.next(&mut told)).take(BATCH).collect();
        (batch, std::mem::take(&mut told))
    };
    files(root, options, &mut next, true, take)
}

/// Reads one file of DICOM; of a DICOMDIR, the files that it names.
///
/// # Errors
/// A file that is no DICOM or cannot be read at all.
pub(super) fn file(path: &Path, options: &Options, take: &mut dyn Take) -> Result<(), Error> {
    let place = path.display().to_string();
    match scan(path, options.pixel_hash).map_err(|e| Error::input(&place, e))? {
        Found::Other => Err(Error::input(place, "no DICOM file; expected a folder or file of DICOM")),
        found @ Found::Object(..) => {
            let mut other = 0;
            take.files(1);
            one(path, path.parent().unwrap_or(Path::new("")), Ok(found), &mut other, false, take)
        }
        Found::Directory => {
            let root = path.parent().unwrap_or(Path::new(""));
            let there = missing(path, root, take)?;
            let mut batches = there.chunks(BATCH).map(<[PathBuf]>::to_vec);
            files(root, options, &mut || (batches.next().unwrap_or_default(), Vec::new()), false, take)
        }
    }
}

/// Reads files, batch after batch, while the next batch is listed and the last one is taken.
fn files(
    root: &Path,
    options: &Options,
    next: &mut dyn FnMut() -> (Vec<PathBuf>, Vec<Told>),
    directories: bool,
    take: &mut dyn Take,
) -> Result<(), Error> {
    let fault = |e: &dyn std::fmt::Display| Error::input(root.display().to_string(), e);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(options.threads.max(1)).build().map_err(|e| fault(&e))?;
    let mut other = 0_u64;
    let mut last: Vec<(PathBuf, Read)> = Vec::new();
    let (mut batch, mut told) = next();
    loop {
        let (read, following) = std::thread::scope(|threads| {
            let reading = threads.spawn(|| {
                pool.install(|| batch.par_iter().map(|path| scan(path, options.pixel_hash)).collect::<Vec<Read>>())
            });
            let mut taken = Ok(());
            for (path, read) in last.drain(..) {
                taken = taken.and_then(|()| one(&path, root, read, &mut other, directories, take));
            }
            told.drain(..).for_each(|t| take.tell(t));
            let following = next();
            let read = reading.join().map_err(|_| fault(&"a reader of DICOM headers came to an end"));
            taken.and_then(|()| Ok((read?, following)))
        })?;
        if batch.is_empty() {
            break;
        }
        take.files(batch.len() as u64);
        last = std::mem::take(&mut batch).into_iter().zip(read).collect();
        (batch, told) = following;
    }
    if other > 0 {
        let files = if other == 1 { "file that is no DICOM was" } else { "files that are no DICOM were" };
        take.tell(Told::guess(root.display().to_string(), format!("{other} {files} passed over")));
    }
    Ok(())
}

/// Hands on what was read of a file.
fn one(
    path: &Path,
    root: &Path,
    read: Read,
    other: &mut u64,
    directories: bool,
    take: &mut dyn Take,
) -> Result<(), Error> {
    match read {
        Ok(Found::Other) => *other += 1,
        Ok(Found::Directory) if directories => drop(missing(path, root, take)?),
        Ok(Found::Directory) => {}
        Ok(Found::Object(mut row, fault)) => {
            row.path = Some(below(path, root));
            if let Some(fault) = fault {
                take.tell(Told::problem(path.display().to_string(), fault));
            }
            take.row(*row)?;
        }
        Err(message) => take.tell(Told::problem(path.display().to_string(), message)),
    }
    Ok(())
}

/// Gives a row of every file that a DICOMDIR names and that is not there; returns those that are.
fn missing(path: &Path, root: &Path, take: &mut dyn Take) -> Result<Vec<PathBuf>, Error> {
    let entries = match directory(path) {
        Ok((entries, None)) => entries,
        Ok((entries, Some(fault))) => {
            take.tell(Told::problem(path.display().to_string(), fault));
            entries
        }
        Err(message) => {
            take.tell(Told::problem(path.display().to_string(), message));
            return Ok(Vec::new());
        }
    };
    let folder = path.parent().unwrap_or(Path::new(""));
    let named = entries.len();
    let (mut there, mut seen, mut gone) = (Vec::new(), BTreeSet::new(), 0_u64);
    for Entry { place, mut row } in entries {
        if let Some(file) = found(folder, &place) {
            if seen.insert(file.clone()) {
                there.push(file);
            }
            continue;
        }
        gone += 1;
        row.path = Some(below(&folder.join(place.join("/")), root));
        row.problems.push("missing-file".to_owned());
        take.row(row)?;
    }
    if gone > 0 {
        let message = format!("{gone} of the {named} files that this DICOMDIR names are not there");
        take.tell(Told::problem(path.display().to_string(), message));
    }
    Ok(there)
}

/// The file that a DICOMDIR means: names are capitals, yet many systems write a disc's in small letters. Nothing
/// outside the folder is meant.
fn found(folder: &Path, place: &[String]) -> Option<PathBuf> {
    let plain = |part: &String| !matches!(part.as_str(), "" | "." | "..") && !part.contains(['/', '\0']);
    if !place.iter().all(plain) {
        return None;
    }
    let names = place.join("/");
    [names.clone(), names.to_ascii_lowercase()].into_iter().map(|n| folder.join(n)).find(|p| p.is_file())
}

/// A path below the folder that was asked for, with `/` on every system.
fn below(path: &Path, root: &Path) -> String {
    path.strip_prefix(root).unwrap_or(path).display().to_string().replace(std::path::MAIN_SEPARATOR, "/")
}

/// A walk through a folder, sorted by name at each level.
struct Walk {
    /// Open levels: the folder, and what is in it in reverse, so that the next one is last.
    levels: Vec<(PathBuf, Vec<(OsString, FileType)>)>,
}

impl Walk {
    fn new(root: &Path) -> std::io::Result<Walk> {
        Ok(Walk { levels: vec![(root.to_owned(), names(root)?)] })
    }

    /// The next file; what could not be listed is told.
    fn next(&mut self, told: &mut Vec<Told>) -> Option<PathBuf> {
        loop {
            let (folder, left) = self.levels.last_mut()?;
            let Some((name, kind)) = left.pop() else {
                self.levels.pop();
                continue;
            };
            let path = folder.join(name);
            if kind.is_file() {
                return Some(path);
            }
            if kind.is_dir() {
                match names(&path) {
                    Ok(names) => self.levels.push((path, names)),
                    Err(error) => told.push(Told::problem(path.display().to_string(), error.to_string())),
                }
            } else if kind.is_symlink() {
                match std::fs::metadata(&path) {
                    Ok(target) if target.is_file() => return Some(path),
                    // It might lead in a circle.
                    Ok(target) if target.is_dir() => {
                        let message =
                            "a link to a folder, which is not followed; give the folder as a source of its own";
                        told.push(Told::warning(path.display().to_string(), message));
                    }
                    Ok(_) => {}
                    Err(_) => told.push(Told::problem(path.display().to_string(), "a link to what is not there")),
                }
            }
        }
    }
}

fn names(folder: &Path) -> std::io::Result<Vec<(OsString, FileType)>> {
    let mut names = std::fs::read_dir(folder)?
        .map(|entry| entry.and_then(|e| Ok((e.file_name(), e.file_type()?))))
        .collect::<Result<Vec<_>, _>>()?;
    names.sort_unstable_by(|(a, _), (b, _)| b.cmp(a));
    Ok(names)
}
