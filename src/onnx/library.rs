//! ONNX Runtime, found when it is asked for: nothing of it is built in.

use super::network::first_line;
use crate::guard::guarded;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

/// The variable that names the library's file.
const VARIABLE: &str = "ORT_DYLIB_PATH";
/// How to get one.
const HOW: &str = "get it with `pip install onnxruntime` and name its file (onnxruntime/capi/libonnxruntime.so.*) by \
                   --runtime onnxruntime=PATH or ORT_DYLIB_PATH, or leave --runtime out: rten needs nothing";

/// The library, loaded.
#[derive(Clone)]
pub(super) struct Library {
    environment: ort::environment::Environment,
    /// Name, version and file.
    pub(super) told: String,
}

impl Library {
    /// A session of this network, on one thread.
    pub(super) fn session(&self, bytes: &[u8]) -> Result<ort::session::Session, String> {
        let refuse = |e: String| format!("{} refuses the network: {}", self.told, first_line(&e));
        guarded(|| {
            let builder = ort::session::Session::builder(&self.environment).map_err(|e| e.to_string())?;
            let builder = builder.with_intra_threads(1).map_err(|e| e.to_string())?;
            let builder = builder.with_inter_threads(1).map_err(|e| e.to_string())?;
            // What goes wrong is told by what it returns, once.
            let mut builder = builder.with_log_level(ort::logging::LogLevel::Fatal).map_err(|e| e.to_string())?;
            builder.commit_from_memory(bytes).map_err(|e| e.to_string())
        })
        .map_err(refuse)
    }
}

/// Loads the library: this file, or the one that the environment names, or the first that is found. A process loads
/// one at most; a second file is refused.
pub(super) fn load(file: Option<&Path>) -> Result<Library, String> {
    static LOADED: Mutex<Option<(PathBuf, Library)>> = Mutex::new(None);
    let mut loaded = LOADED.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let named = file.map(Path::to_path_buf);
    let named = named.or_else(|| std::env::var_os(VARIABLE).filter(|v| !v.is_empty()).map(PathBuf::from));
    // A bare name would be looked for beside the program; links to one file are one library.
    let named = named.map(|path| path.canonicalize().unwrap_or(path));
    if let Some((path, library)) = &*loaded {
        return match named {
            Some(other) if other != *path => {
                Err(format!("ONNX Runtime is loaded from {} already: {} is another", path.display(), other.display()))
            }
            _ => Ok(library.clone()),
        };
    }
    let path = match named {
        Some(path) if path.is_file() => path,
        Some(path) => return Err(format!("{}: no such file; {HOW}", path.display())),
        None => found().ok_or_else(|| format!("ONNX Runtime is not found; {HOW}"))?,
    };
    let path = path.canonicalize().unwrap_or(path);
    let library = guarded(|| open(&path)).map_err(|e| format!("{}: {e}", path.display()))?;
    *loaded = Some((path, library.clone()));
    Ok(library)
}

fn open(path: &Path) -> Result<Library, String> {
    use ort::LoadDynamicError as Fault;
    let builder = ort::init_from(path).map_err(|e| match e {
        Fault::BadVersion { version_str, .. } => {
            format!("ONNX Runtime {version_str} is too old; expected 1.{} or newer; {HOW}", ort::MINOR_VERSION)
        }
        Fault::MissingApi { .. } | Fault::InvalidVersionString => format!("no ONNX Runtime; {HOW}"),
        Fault::Dlopen { error, .. } => {
            // The cause says what the loader found; the error itself only that it failed.
            let told = std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string);
            format!("cannot be loaded as a library ({}); {HOW}", first_line(&told))
        }
    })?;
    let environment = builder.with_telemetry(false).build().map_err(|e| e.to_string())?;
    environment.set_log_level(ort::logging::LogLevel::Fatal);
    Ok(Library { environment, told: format!("ONNX Runtime {} ({})", version(path), path.display()) })
}

/// The version that the file's name tells ("libonnxruntime.so.1.24.0"), else the one of its symbols: what the library
/// tells of itself (`ort::info`) holds a commit and no version.
fn version(path: &Path) -> String {
    let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let named = name.find(|c: char| c.is_ascii_digit()).map(|at| name[at..].trim_end_matches(".dylib"));
    let whole = |v: &str| v.split('.').count() == 3 && v.split('.').all(|n| n.parse::<u32>().is_ok());
    match named.filter(|v| whole(v)) {
        Some(version) => version.to_owned(),
        None => symbols(path).filter(|v| whole(v)).unwrap_or_else(|| "of unknown version".to_owned()),
    }
}

/// The version that the symbols of a library for Linux bear: "VERS_1.24.0".
fn symbols(path: &Path) -> Option<String> {
    let bytes = std::fs::read(path).ok()?;
    let at = memchr::memmem::find(&bytes, b"\0VERS_1.")? + b"\0VERS_".len();
    let length = bytes[at..].iter().position(|b| *b != b'.' && !b.is_ascii_digit())?;
    String::from_utf8(bytes[at..at + length].to_vec()).ok()
}

/// The first library in the places where packages put it.
fn found() -> Option<PathBuf> {
    let mut folders = Vec::new();
    for variable in ["VIRTUAL_ENV", "CONDA_PREFIX"] {
        let Some(root) = std::env::var_os(variable).map(PathBuf::from) else { continue };
        folders.push(root.join("lib"));
        folders.extend(wheels(&root.join("lib")));
        folders.push(root.join("Lib/site-packages/onnxruntime/capi"));
    }
    // The first Python that is called by name.
    let path = std::env::var_os("PATH").unwrap_or_default();
    if let Some(bin) = std::env::split_paths(&path).find(|bin| bin.join("python3").is_file()) {
        folders.extend(wheels(&bin.join("../lib")));
    }
    for root in ["/usr/local/lib", "/usr/lib", "/usr/lib64", "/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu"]
    {
        folders.push(PathBuf::from(root));
        folders.extend(wheels(Path::new(root)));
    }
    folders.iter().find_map(|folder| {
        let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
            .ok()?
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| path.file_name().is_some_and(|n| library_name(&n.to_string_lossy())))
            .collect();
        files.sort();
        files.pop()
    })
}

/// Where wheels of the Pythons below a folder keep the library.
fn wheels(lib: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(lib) else { return Vec::new() };
    let mut pythons: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.file_name().is_some_and(|n| n.to_string_lossy().starts_with("python3")))
        .collect();
    pythons.sort();
    let kinds = ["site-packages", "dist-packages"];
    // The newest Python's first, as far as names tell.
    pythons.iter().rev().flat_map(|p| kinds.map(|kind| p.join(kind).join("onnxruntime/capi"))).collect()
}

fn library_name(name: &str) -> bool {
    name.starts_with("libonnxruntime.so")
        || name == "onnxruntime.dll"
        || (name.starts_with("libonnxruntime.") && name.ends_with(".dylib"))
}
