//! Runs the built program on files in a folder of their own.

use std::path::PathBuf;
use std::process::Command;

/// A folder of made-up files that goes away with the test.
pub(crate) struct Folder(pub(crate) tempfile::TempDir);

impl Folder {
    pub(crate) fn new(files: &[(&str, &str)]) -> Folder {
        let folder = Folder(tempfile::tempdir().expect("a temporary folder"));
        for (name, text) in files {
            std::fs::write(folder.0.path().join(name), text).expect("a file in the temporary folder");
        }
        folder
    }

    pub(crate) fn path(&self, name: &str) -> String {
        let path: PathBuf = self.0.path().join(name);
        path.display().to_string()
    }
}

/// What one run of the program gave.
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

pub(crate) fn radlabel(arguments: &[&str]) -> Run {
    let mut command = Command::new(env!("CARGO_BIN_EXE_radlabel"));
    let output = command.args(arguments).env_remove("NO_COLOR").output().expect("the program starts");
    Run {
        code: output.status.code().expect("the program ends by itself"),
        out: String::from_utf8(output.stdout).expect("the output is UTF-8"),
        err: String::from_utf8(output.stderr).expect("the messages are UTF-8"),
    }
}
