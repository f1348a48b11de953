//! Keeps the layout: what STYLE asks of every file.

use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every file below a folder of the repository, sorted.
pub(crate) fn files(folder: &str, ending: &str) -> Vec<PathBuf> {
    let mut out = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("folder") {
            let path = entry.expect("entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == ending) {
                out.push(path);
            }
        }
    }
    out.sort();
    out
}

pub(crate) fn name(path: &Path) -> String {
    path.strip_prefix(root()).expect("below the root").to_string_lossy().replace('\\', "/")
}

pub(crate) fn text(path: &Path) -> String {
    std::fs::read_to_string(path).expect("readable")
}

#[test]
fn every_source_file_opens_with_its_purpose_and_stays_short() {
    let mut wrong = Vec::new();
    for path in files("src", "rs").into_iter().chain(files("tests", "rs")).chain(files("benches", "rs")) {
        let text = text(&path);
        if !text.starts_with("//!") {
            wrong.push(format!("{}: does not open with //!", name(&path)));
        }
        let lines = text.lines().count();
        if lines > 800 {
            wrong.push(format!("{}: {lines} lines", name(&path)));
        }
        if let Some((i, line)) = text.lines().enumerate().find(|(_, l)| l.chars().count() > 160 && !l.contains('"')) {
            wrong.push(format!("{}:{}: {} characters", name(&path), i + 1, line.chars().count()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A stage imports the types of earlier stages; the core knows no edge.
#[test]
fn the_core_imports_no_edge() {
    let mut wrong = Vec::new();
    for path in files("src", "rs") {
        let file = name(&path);
        const EDGES: [&str; 13] = [
            "src/annotations",
            "src/arrow",
            "src/cli",
            "src/dicom",
            "src/imaging",
            "src/input",
            "src/onnx",
            "src/output",
            "src/pixels",
            "src/python",
            "src/terms",
            "src/main.rs",
            "src/lib.rs",
        ];
        let edge = EDGES.iter().any(|e| file.starts_with(e));
        if edge {
            continue;
        }
        for (i, line) in text(&path).lines().enumerate() {
            for foreign in [
                "crate::annotations",
                "crate::arrow",
                "crate::cli",
                "crate::dicom",
                "crate::imaging",
                "crate::input",
                "crate::onnx",
                "crate::output",
                "crate::pixels",
                "crate::python",
                "crate::terms",
                "clap::",
                "rayon::",
                "csv::",
                "std::fs",
                "std::io",
                "println!",
                "eprintln!",
            ] {
                if line.contains(foreign) && !line.trim_start().starts_with("//") {
                    wrong.push(format!("{file}:{}: {foreign} in the core", i + 1));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Which earlier stages a stage may import functions from: none but `engine` knows the order.
#[test]
fn nothing_flows_back() {
    let order = [
        "span",
        "token",
        "section",
        "sentence",
        "mention",
        "reach",
        "assertion",
        "attribute",
        "finding",
        "label",
        "engine",
    ];
    let mut wrong = Vec::new();
    for (rank, stage) in order.iter().enumerate().skip(1) {
        let path = root().join(format!("src/{stage}.rs"));
        for later in &order[rank + 1..] {
            // `finding` and `label` read the engine's result types; they call nothing of it.
            let types_only = *later == "engine" && matches!(*stage, "finding" | "label");
            if !types_only && text(&path).contains(&format!("use crate::{later}::")) {
                wrong.push(format!("{stage} imports {later}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn lexicons_are_sorted_and_rules_have_their_reasons() {
    let mut wrong = Vec::new();
    for path in files("lexicons", "tsv") {
        let text = text(&path);
        let ids: Vec<&str> = text
            .lines()
            .filter(|l| !l.starts_with('#') && !l.starts_with("id\t"))
            .filter_map(|l| l.split('\t').next())
            .collect();
        if let Some(pair) = ids.windows(2).find(|w| w[0] >= w[1]) {
            wrong.push(format!("{}: {} stands before {}", name(&path), pair[0], pair[1]));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_data_file_is_built_in() {
    let list = text(&root().join("src/embedded.rs"));
    for file in ["manifest.toml", "model.onnx", "tokenizer.json"] {
        let file = format!("models/assertion/{file}");
        assert!(list.contains(&format!("/{file}\"")) && root().join(&file).is_file(), "not in src/embedded.rs: {file}");
    }
    let missing: Vec<String> = files("lexicons", "tsv")
        .into_iter()
        .chain(files("rules", "toml"))
        .map(|p| name(&p))
        .filter(|n| !list.contains(&format!("\"{n}\"")))
        .collect();
    assert!(missing.is_empty(), "not in src/embedded.rs: {missing:?}");
}

/// Findings are data: no concept's id stands in Rust code outside tests and documentation.
#[test]
fn rust_code_knows_no_finding_by_name() {
    let engine = radlabel::Engine::embedded();
    let mut wrong = Vec::new();
    for path in files("src", "rs") {
        let text = text(&path);
        let code = text.split("#[cfg(test)]").next().unwrap_or("");
        for (i, line) in code.lines().enumerate().filter(|(_, l)| !l.trim_start().starts_with("//")) {
            for concept in engine.lexicon.concepts.iter().filter(|c| {
                c.id.len() > 6 && matches!(c.kind, radlabel::lexicon::Kind::Finding | radlabel::lexicon::Kind::Device)
            }) {
                if line.contains(&format!("\"{}\"", concept.id)) {
                    wrong.push(format!("{}:{}: \"{}\"", name(&path), i + 1, concept.id));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
