//! The edges of the program: outputs that must not be lost, inputs that are no reports, interruptions.
//!
//! All reports here are made up. No test names a device as an output that it could replace.

use super::command::{CLEAR, EFFUSION, Folder, gz, line, many};
use std::fs;

#[cfg(unix)]
mod unix {
    use super::*;
    use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, symlink};
    use std::process::{Command, Stdio};
    use std::time::{Duration, Instant};

    /// Every command that writes, with an input that suits it.
    const WRITERS: [&[&str]; 4] =
        [&["label", "a.jsonl"], &["assert", "s.jsonl"], &["explain", "a.jsonl"], &["score", "g.jsonl", "g.jsonl"]];

    fn filled() -> Folder {
        let folder = Folder::new();
        folder.put("a.jsonl", line("a", EFFUSION));
        folder.put("s.jsonl", "{\"id\": 1, \"text\": \"No edema.\", \"spans\": [[3, 8]]}\n");
        folder.put("g.jsonl", "{\"id\": \"a\", \"labels\": {\"Edema\": \"present\"}}\n");
        folder
    }

    #[test]
    fn every_writer_keeps_links_pipes_and_modes() {
        for command in WRITERS {
            let folder = filled();
            let to = |out: &'static str| [command, &["-o", out]].concat();
            // A link is written through, also where it leads to nothing yet.
            folder.put("real.csv", "old");
            let path = |name: &str| folder.0.path().join(name);
            fs::set_permissions(path("real.csv"), fs::Permissions::from_mode(0o640)).unwrap();
            symlink("real.csv", path("link.csv")).unwrap();
            symlink("new.csv", path("dangling.csv")).unwrap();
            folder.run(&to("link.csv")).ends(0, &[]);
            folder.run(&to("dangling.csv")).ends(0, &[]);
            for (link, file) in [("link.csv", "real.csv"), ("dangling.csv", "new.csv")] {
                assert!(fs::symlink_metadata(path(link)).unwrap().is_symlink(), "{command:?}");
                assert!(folder.read(file).len() > 10, "{command:?}");
            }
            assert_eq!(fs::metadata(path("real.csv")).unwrap().mode() & 0o777, 0o640, "{command:?}");
            // A pipe is no regular file, as a device is none, and safe to be wrong about.
            assert!(Command::new("mkfifo").arg(path("pipe")).status().unwrap().success());
            let reader = Command::new("cat").arg(path("pipe")).stdout(Stdio::piped()).spawn().unwrap();
            folder.run(&to("pipe")).ends(0, &[]);
            assert_eq!(reader.wait_with_output().unwrap().stdout, folder.read("real.csv"), "{command:?}");
            assert!(fs::symlink_metadata(path("pipe")).unwrap().file_type().is_fifo(), "{command:?}");
        }
    }

    #[test]
    fn refuses_an_output_that_is_an_input() {
        let folder = filled();
        let path = |name: &str| folder.0.path().join(name);
        for command in WRITERS {
            let before = folder.read(command[1]);
            fs::hard_link(path(command[1]), path("hard")).unwrap();
            symlink(command[1], path("soft")).unwrap();
            for out in [command[1], "hard", "soft"] {
                let arguments = [command, &["-o", out]].concat();
                folder.run(&arguments).ends(2, &["is one of the inputs", command[1]]);
            }
            assert_eq!(folder.read(command[1]), before);
            fs::remove_file(path("hard")).unwrap();
            fs::remove_file(path("soft")).unwrap();
        }
        folder.put("d/e/1.txt", CLEAR);
        folder.run(&["label", "d", "-o", "d/e/1.txt", "--format", "csv"]).ends(2, &["is one of the inputs (d)"]);
        assert_eq!(folder.read("d/e/1.txt"), CLEAR.as_bytes());
        folder.run(&["label", "d", "-o", "d/labels.csv"]).ends(0, &[]);
    }

    #[test]
    fn a_full_device_is_an_error_for_every_command() {
        for arguments in [&["check"][..], &["label", "a.jsonl"], &["explain", "a.jsonl"], &["label", "--print-schema"]]
        {
            let folder = filled();
            // Opened by the program's parent, as a shell does; it cannot be replaced through a handle.
            let full = fs::File::options().write(true).open("/dev/full").unwrap();
            let output = Command::new(env!("CARGO_BIN_EXE_radlabel"))
                .args(arguments)
                .current_dir(folder.0.path())
                .stdout(full)
                .stderr(Stdio::piped())
                .output()
                .unwrap();
            let err = String::from_utf8(output.stderr).unwrap();
            // A run that has read reports ends as one that found problems.
            let code = if arguments == ["label", "a.jsonl"] { 1 } else { 2 };
            assert_eq!(output.status.code(), Some(code), "{arguments:?}: {err}");
            assert!(
                err.contains("standard output: No space left") && !err.contains("panicked"),
                "{arguments:?}: {err}"
            );
        }
    }

    #[test]
    fn an_interruption_leaves_nothing_behind() {
        // HUP is left out: whoever runs the tests may have it ignored, and then so has the program.
        for (signal, code) in [("INT", 130), ("TERM", 143)] {
            let folder = Folder::new();
            let mut child = Command::new(env!("CARGO_BIN_EXE_radlabel"))
                .args(["label", "-", "-o", "out.csv"])
                .current_dir(folder.0.path())
                .stdin(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap();
            // Waiting would close it, and the end of the input would race with the signal.
            let input = child.stdin.take();
            let begun = Instant::now();
            while folder.names().is_empty() && begun.elapsed() < Duration::from_secs(60) {
                std::thread::sleep(Duration::from_millis(10));
            }
            assert!(folder.names()[0].ends_with(".part"));
            let sent = Command::new("kill").args(["-s", signal, &child.id().to_string()]).status().unwrap();
            assert!(sent.success());
            assert_eq!(child.wait().unwrap().code(), Some(code), "{signal}");
            assert_eq!(folder.names(), [""; 0], "{signal}");
            drop(input);
        }
    }

    #[test]
    fn names_the_folder_that_cannot_be_written() {
        let folder = filled();
        let ran = folder.run(&["label", "a.jsonl", "-o", "no/out.csv"]).ends(2, &["there is no folder no"]);
        assert!(!ran.err.contains(".part"), "{}", ran.err);
    }
}

#[test]
fn explain_reads_what_label_reads() {
    let folder = Folder::new();
    folder.put("a.csv.gz", gz(b"id,text\n7,No edema.\n8,Edema.,x\n9,Edema.\n"));
    let ran = folder.run(&["explain", "a.csv.gz", "--id", "9"]).ends(0, &["left out: a.csv.gz:3: 3 cells"]);
    assert!(ran.text().contains("[Edema|present]"), "{}", ran.text());
    folder.put("b.jsonl", "{\"id\": 1.0, \"text\": 5}\n{\"id\": 7, \"text\": \"No edema.\"}\n");
    assert!(folder.run(&["explain", "b.jsonl", "--id", "7"]).ends(0, &["b.jsonl:1"]).text().contains("[edema|absent]"));
    folder.put("many.jsonl", many(30));
    folder.run(&["explain", "many.jsonl"]).ends(2, &["more than one report; say which with --id"]);
    folder.put("latin.txt", b"No pneumothorax, 5\xb0 \xe0 droite, d\xe9j\xe0 vu.");
    assert!(folder.run(&["explain", "latin.txt"]).ends(0, &["windows-1252"]).text().contains("déjà"));
    let long = CLEAR.repeat(30_000);
    folder.put("long.txt", &long);
    folder.run(&["explain", "long.txt"]).ends(2, &["long.txt: ", "--max-report-bytes"]);
    assert_eq!(folder.run(&["explain", "latin.txt", "-o", "p.html", "--format", "html"]).ends(0, &[]).out, b"");
    assert!(folder.read("p.html").starts_with(b"<!DOCTYPE html>"));
}

#[test]
fn faults_that_are_alike_are_counted() {
    let folder = Folder::new();
    folder.put("a.csv", format!("id,text\n1,Edema.\n{}", "2,a,b\n".repeat(1000)));
    for quiet in [false, true] {
        let ran = folder.jsonl(if quiet { &["a.csv", "-q"][..] } else { &["a.csv"] });
        let ran = ran.ends(1, &["... and 980 more like it: # cells; expected # as in the header"]);
        assert_eq!(ran.err.matches("problem: a.csv").count(), 20);
    }
}
