//! What a partitioned output knows of itself: which parts are whole, and where the input goes on.
//!
//! The manifest holds no time and no place of the machine, so that a run that was broken off and resumed leaves the
//! same bytes as one that was not.

use crate::Error;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// Its name in the output folder; Spark, Hive and Arrow pass over what begins with `_`.
pub(super) const NAME: &str = "_radlabel.json";
/// So much of the beginning and of the end of an input goes into its fingerprint.
const SEEN: u64 = 1 << 16;

/// Where a run goes on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Point {
    /// The batch of the input that the next report is in.
    pub(super) batch: u64,
    /// The reports of that batch that are done.
    pub(super) reports: u64,
}

/// A part that is whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Part {
    /// The file's or folder's name.
    pub(super) name: String,
    /// How many reports it tells of.
    pub(super) reports: u64,
    /// Its size; of a folder that of all its files.
    pub(super) bytes: u64,
    /// Where the input goes on after it.
    pub(super) next: Point,
}

/// What is written beside the parts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Manifest {
    /// Everything that decides what the output holds, by name.
    pub(super) settings: BTreeMap<String, String>,
    /// The inputs, each with its fingerprint.
    pub(super) inputs: BTreeMap<String, String>,
    /// The parts that are whole, in order.
    pub(super) parts: Vec<Part>,
    /// The whole input is done.
    pub(super) complete: bool,
}

impl Manifest {
    /// The manifest of a folder, if it has one.
    pub(super) fn read(folder: &Path) -> Result<Option<Manifest>, Error> {
        let path = folder.join(NAME);
        let place = path.display().to_string();
        let text = match std::fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::input(place, error)),
        };
        let manifest = serde_json::from_slice(&text);
        manifest.map(Some).map_err(|e| Error::input(place, format!("no manifest of radlabel: {e}")))
    }

    /// Its text.
    pub(super) fn text(&self) -> Vec<u8> {
        let mut text = serde_json::to_vec_pretty(self).unwrap_or_default();
        text.push(b'\n');
        text
    }

    /// Refuses to go on with other settings or inputs than the run began with.
    pub(super) fn same(&self, now: &Manifest, folder: &Path) -> Result<(), Error> {
        let mut other = Vec::new();
        for (then, now, kind) in [(&self.settings, &now.settings, ""), (&self.inputs, &now.inputs, "input ")] {
            for key in then.keys().chain(now.keys().filter(|k| !then.contains_key(*k))) {
                match (then.get(key), now.get(key)) {
                    (Some(then), Some(now)) if then == now => {}
                    (Some(then), Some(now)) => other.push(format!("{kind}{key}: was {then}, is {now}")),
                    (Some(_), None) => other.push(format!("{kind}{key}: is gone")),
                    (None, _) => other.push(format!("{kind}{key}: is new")),
                }
            }
        }
        if other.is_empty() {
            return Ok(());
        }
        Err(Error::Usage(format!(
            "{}: cannot be resumed, as its parts would not fit together; expected the same run, or another folder\n  {}",
            folder.display(),
            other.join("\n  ")
        )))
    }

    /// Forgets the first part that is not as it was written, and all after it; says what is wrong with it.
    pub(super) fn forget_lost(&mut self, folder: &Path) -> Option<String> {
        let (at, told) = self.parts.iter().enumerate().find_map(|(at, part)| {
            let told = match size(&folder.join(&part.name)) {
                Ok(bytes) if bytes == part.bytes => return None,
                Ok(bytes) => format!("{bytes} bytes; expected {}", part.bytes),
                Err(error) => error.to_string(),
            };
            Some((at, format!("{}: {told}; this part and those after it are written anew", part.name)))
        })?;
        self.parts.truncate(at);
        self.complete = false;
        Some(told)
    }

    /// Where the input goes on.
    pub(super) fn next(&self) -> Point {
        self.parts.last().map_or_else(Point::default, |p| p.next)
    }
}

/// The bytes of a part.
pub(super) fn size(path: &Path) -> io::Result<u64> {
    let metadata = std::fs::metadata(path)?;
    if !metadata.is_dir() {
        return Ok(metadata.len());
    }
    std::fs::read_dir(path)?.map(|entry| Ok(entry?.metadata()?.len())).sum()
}

/// The inputs with what tells whether they changed: size, beginning and end of a file; names and sizes in a folder.
pub(super) fn fingerprints(inputs: &[PathBuf]) -> Result<BTreeMap<String, String>, Error> {
    let mut out = BTreeMap::new();
    for input in inputs {
        let name = input.display().to_string();
        let mut hash = Sha256::new();
        let seen = match std::fs::metadata(input) {
            Ok(metadata) if metadata.is_dir() => folder(input, &mut hash),
            Ok(metadata) if metadata.is_file() => file(input, metadata.len(), &mut hash),
            // A pattern is matched anew; its folder is what may change.
            Err(_) if name.contains(['*', '?', '[', '{']) => Ok(()),
            _ => {
                return Err(Error::Usage(format!(
                    "--resume cannot read {name} twice; expected files or folders as inputs"
                )));
            }
        };
        seen.map_err(|e| Error::input(&name, e))?;
        out.insert(name, hex(&hash.finalize()));
    }
    Ok(out)
}

fn file(path: &Path, size: u64, hash: &mut Sha256) -> io::Result<()> {
    let mut file = File::open(path)?;
    let mut bytes = Vec::new();
    file.by_ref().take(SEEN).read_to_end(&mut bytes)?;
    file.seek(SeekFrom::Start(size.saturating_sub(SEEN)))?;
    file.take(SEEN).read_to_end(&mut bytes)?;
    hash.update(size.to_le_bytes());
    hash.update(&bytes);
    Ok(())
}

fn folder(path: &Path, hash: &mut Sha256) -> io::Result<()> {
    let mut entries = std::fs::read_dir(path)?.collect::<io::Result<Vec<_>>>()?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        hash.update(entry.file_name().as_encoded_bytes());
        let metadata = entry.metadata()?;
        hash.update([0, u8::from(metadata.is_dir())]);
        match metadata.is_dir() {
            true => folder(&entry.path(), hash)?,
            false => hash.update(metadata.len().to_le_bytes()),
        }
    }
    Ok(())
}

/// Bytes as hexadecimal digits, the first 16 of them: enough to tell one state from another.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().take(16).map(|b| format!("{b:02x}")).collect()
}
