//! ONNX Runtime, found when it is asked for: nothing of it is built in.

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
            let mut builder = builder.with_inter_threads(1).map_err(|e| e.to_string())?;
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
    // A bare name would be looked for beside the program.
    let path = std::path::absolute(&path).unwrap_or(path);
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
        _ => format!("cannot be loaded as a library; {HOW}"),
    })?;
    let environment = builder.with_telemetry(false).build().map_err(|e| e.to_string())?;
    Ok(Library { environment, told: format!("ONNX Runtime {} ({})", version(path), path.display()) })
}

/// The version that the file's name tells ("libonnxruntime.so.1.24.0"), else that of its build.
fn version(path: &Path) -> String {
    let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let told = name.find(|c: char| c.is_ascii_digit()).map(|at| name[at..].trim_end_matches(".dylib").to_owned());
    told.filter(|v| v.contains('.')).unwrap_or_else(|| {
        let build = ort::info();
        let branch = build.split("git-branch=").nth(1).and_then(|rest| rest.split(',').next());
        branch.unwrap_or("of unknown version").trim_start_matches("rel-").to_owned()
    })
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
    for root in ["/usr/local/lib", "/usr/lib", "/usr/lib64", "/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu"] {
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
    pythons.iter().rev().flat_map(|p| kinds.map(|kind| p.join(kind).join("onnxruntime/capi"))).collect()
}

fn library_name(name: &str) -> bool {
    name.starts_with("libonnxruntime.so")
        || name == "onnxruntime.dll"
        || (name.starts_with("libonnxruntime.") && name.ends_with(".dylib"))
}

fn first_line(message: &str) -> &str {
    message.lines().next().unwrap_or_default()
}
