//! The passing file that an output is written to until it is whole.
//!
//! It lies in the output's own folder, because a rename works only within one file system. A run that is
//! interrupted must not leave it behind, so the names of all passing files stand in one list that the
//! signal thread clears.

use std::collections::HashMap;
use std::fs::Metadata;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tempfile::NamedTempFile;

/// What an interruption has to remove.
static UNFINISHED: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

fn unfinished() -> MutexGuard<'static, Vec<PathBuf>> {
    UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A file that gets its name when everything is in it, and goes away if that never happens.
pub(super) struct Passing {
    file: NamedTempFile,
    target: PathBuf,
}

impl Passing {
    /// Begins to write what shall stand at `target`; `old` is what stands there now.
    pub(super) fn begin(target: PathBuf, old: Option<&Metadata>) -> io::Result<Passing> {
        let folder = target.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        // The name of the passing file says nothing to the user, so the folder is named instead.
        let refuse = |error: io::Error| match error.kind() {
            io::ErrorKind::NotFound => io::Error::other(format!("there is no folder {}", folder.display())),
            kind => io::Error::new(kind, format!("no file can be made in the folder {}: {kind}", folder.display())),
        };
        watch();
        let mut builder = tempfile::Builder::new();
        builder.prefix(".radlabel-").suffix(".part");
        // The usual rights of a new file, not those of a secret one.
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        let file = {
            // Held while the file is made, so that no signal comes between the file and its entry.
            let mut unfinished = unfinished();
            let file = builder.tempfile_in(folder).map_err(refuse)?;
            unfinished.push(file.path().to_owned());
            file
        };
        if let Some(old) = old {
            keep(&file, old)?;
        }
        Ok(Passing { file, target })
    }

    /// Appends bytes.
    pub(super) fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        io::Write::write_all(self.file.as_file_mut(), bytes)
    }

    /// Gives the file its name.
    pub(super) fn finish(self) -> io::Result<()> {
        // Some file systems tell only now that the disk is full.
        self.file.as_file().sync_all()?;
        let path = self.file.path().to_owned();
        self.file.persist(self.target).map_err(|e| e.error)?;
        unfinished().retain(|p| *p != path);
        Ok(())
    }
}

/// A folder that gets its name when everything is in it, and goes away if that never happens.
pub(crate) struct PassingFolder {
    folder: tempfile::TempDir,
    target: PathBuf,
    /// How often a name was taken, where it was more than once.
    copies: HashMap<String, u32>,
}

impl PassingFolder {
    /// Begins a folder that shall stand at `target`, which must not be there or be empty.
    pub(crate) fn begin(target: PathBuf) -> io::Result<PassingFolder> {
        if std::fs::read_dir(&target).is_ok_and(|mut entries| entries.next().is_some()) {
            return Err(io::Error::other(format!(
                "{} is there and not empty; expected a new folder",
                target.display()
            )));
        }
        watch();
        let parent = target.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mut builder = tempfile::Builder::new();
        builder.prefix(".radlabel-").suffix(".part");
        // The usual rights of a new folder, not those of a secret one.
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o777));
        let mut unfinished = unfinished();
        let folder = builder.tempdir_in(parent)?;
        unfinished.push(folder.path().to_owned());
        drop(unfinished);
        Ok(PassingFolder { folder, target, copies: HashMap::new() })
    }

    /// Writes one file; a name that is there gets a number: `a.txt`, `a~2.txt`. Files that belong together have
    /// the same name up to the last dot and are given at once.
    pub(crate) fn write(&mut self, files: &[(String, Vec<u8>)]) -> io::Result<()> {
        self.put(files).map_err(|e| io::Error::new(e.kind(), format!("{}: {e}", self.target.display())))
    }

    fn put(&mut self, files: &[(String, Vec<u8>)]) -> io::Result<()> {
        let name = |file: &str, copy: u32| match (file.rsplit_once('.'), copy) {
            (_, 1) => file.to_owned(),
            (Some((stem, ending)), copy) => format!("{stem}~{copy}.{ending}"),
            (None, copy) => format!("{file}~{copy}"),
        };
        let taken = |copy: u32| files.iter().any(|(file, _)| self.folder.path().join(name(file, copy)).exists());
        let first = files.first().map_or("", |(file, _)| file);
        let mut copy = self.copies.get(first).map_or(1, |copies| copies + 1);
        while taken(copy) {
            copy += 1;
        }
        if copy > 1 {
            self.copies.insert(first.to_owned(), copy);
        }
        for (file, bytes) in files {
            std::fs::write(self.folder.path().join(name(file, copy)), bytes)?;
        }
        Ok(())
    }

    /// Gives the folder its name.
    pub(crate) fn finish(self) -> io::Result<()> {
        let _ = std::fs::remove_dir(&self.target);
        let path = self.folder.path().to_owned();
        // Until it has its name, whatever goes wrong takes it away.
        std::fs::rename(&path, &self.target)?;
        let _ = self.folder.keep();
        unfinished().retain(|p| *p != path);
        Ok(())
    }
}

/// The new file gets the rights of the old one.
fn keep(file: &NamedTempFile, old: &Metadata) -> io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::{MetadataExt, fchown};
        // Only root can give files away; anyone else goes on as the owner of the new file.
        let _ = fchown(file.as_file(), Some(old.uid()), Some(old.gid()));
    }
    file.as_file().set_permissions(old.permissions())
}

/// Starts the thread that removes unfinished files when the run is interrupted, once.
#[cfg(unix)]
fn watch() {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        let ignored = ignored();
        // What the caller told us to ignore (`nohup`, a job in the background) stays ignored.
        let wanted = [SIGINT, SIGTERM, SIGHUP].into_iter().filter(|s| ignored & (1 << (s - 1)) == 0);
        // Where signals cannot be caught, an interruption leaves a file behind: no reason not to run.
        let Ok(mut signals) = signal_hook::iterator::Signals::new(wanted) else {
            return;
        };
        std::thread::spawn(move || {
            if let Some(signal) = signals.forever().next() {
                for path in unfinished().iter() {
                    let _ = std::fs::remove_file(path);
                    let _ = std::fs::remove_dir_all(path);
                }
                std::process::exit(128 + signal);
            }
        });
    });
}

#[cfg(not(unix))]
fn watch() {}

/// The signals that were ignored when the program started, as a set of bits. Only Linux tells; elsewhere
/// HUP is left alone, as `nohup` is the one common caller that has it ignored.
#[cfg(unix)]
fn ignored() -> u64 {
    let told = std::fs::read_to_string("/proc/self/status").ok();
    let mask = told.as_deref().and_then(|t| t.lines().find_map(|l| l.strip_prefix("SigIgn:")));
    mask.and_then(|m| u64::from_str_radix(m.trim(), 16).ok()).unwrap_or(1 << (signal_hook::consts::SIGHUP - 1))
}
