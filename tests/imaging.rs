//! The commands of the README's section on imaging studies, on the made-up data of `corpora/imaging`: what it prints must be
//! what the program prints.

use super::tidy;
use std::path::Path;

const PAGE: &str = include_str!("../src/imaging/FORMATS.md");

/// Commands with what the README shows of their output.
#[cfg(all(unix, feature = "sql", feature = "pixels"))]
fn examples() -> Vec<(String, Vec<String>)> {
    let readme = include_str!("../README.md");
    let (_, section) = readme.split_once("\n## Reports and their images\n").expect("the section");
    let section = section.split("\n## ").next().unwrap_or(section);
    let mut out: Vec<(String, Vec<String>)> = Vec::new();
    for block in section.split("```console\n").skip(1) {
        let block = block.split("```").next().unwrap_or(block).replace("\\\n", "");
        for line in block.lines() {
            match (line.strip_prefix("$ "), out.last_mut()) {
                (Some(command), _) => out.push((command.to_owned(), Vec::new())),
                (None, Some((_, shown))) => shown.push(line.to_owned()),
                (None, None) => panic!("output without a command: {line}"),
            }
        }
    }
    out
}

/// The lines that are shown are those that there are; `...` stands for any, and at the end of a line for its rest.
#[cfg(all(unix, feature = "sql", feature = "pixels"))]
fn same(shown: &[String], lines: &[&str]) -> bool {
    match shown {
        [] => lines.is_empty(),
        [first, rest @ ..] if first == "..." => (0..=lines.len()).any(|skip| same(rest, &lines[skip..])),
        [first, rest @ ..] => lines.split_first().is_some_and(|(line, lines)| {
            let line = line.trim_end();
            (first == line || first.strip_suffix("...").is_some_and(|start| line.starts_with(start)))
                && same(rest, lines)
        }),
    }
}

#[test]
#[cfg(all(unix, feature = "sql", feature = "pixels"))]
fn the_readme_shows_what_the_program_prints() {
    let folder = tempfile::tempdir().unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    std::os::unix::fs::symlink(root.join("corpora"), folder.path().join("corpora")).unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_radlabel")).parent().unwrap();
    let path = format!("{}:{}", program.display(), std::env::var("PATH").unwrap_or_default());
    let examples = examples();
    assert!(examples.len() >= 8, "{examples:?}");
    for (command, shown) in examples {
        let output = std::process::Command::new("sh")
            .args(["-c", &format!("{command} 2>&1")])
            .current_dir(folder.path())
            .env("PATH", &path)
            .output()
            .unwrap();
        let out = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{command}\n{out}");
        assert!(same(&shown, &out.lines().collect::<Vec<_>>()), "$ {command}\n{out}\nthe README shows\n{shown:#?}");
    }
    let page = std::fs::read_to_string(folder.path().join("conflicts.html")).unwrap();
    assert_eq!(page.matches("data:image/png;base64,").count(), 6, "each conflict beside its image");
}

#[test]
fn every_kind_of_link_and_conflict_is_in_the_example() {
    let folder = tempfile::tempdir().unwrap();
    let data =
        |name: &str| Path::new(env!("CARGO_MANIFEST_DIR")).join("corpora/imaging").join(name).display().to_string();
    let links = folder.path().join("links.csv").display().to_string();
    let (reports, studies) = (data("reports.csv"), data("studies.csv"));
    let run = super::program::radlabel(&["link", &reports, "--studies", &studies, "-o", &links]);
    assert_eq!(run.code, 0, "{}", run.err);
    let count = |text: &str, column: &str| {
        let mut counts = std::collections::BTreeMap::<String, u32>::new();
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        for row in reader.deserialize::<std::collections::BTreeMap<String, String>>() {
            let value = row.unwrap().remove(column).unwrap();
            *counts.entry(value).or_default() += 1;
        }
        counts.into_iter().map(|(value, count)| format!("{value} {count}")).collect::<Vec<_>>().join(", ")
    };
    let text = std::fs::read_to_string(&links).unwrap();
    assert_eq!(count(&text, "outcome"), "ambiguous 2, linked 6, unlinked 1");
    assert_eq!(count(&text, "method"), " 1, accession 4, accession-plain 1, patient-date 3");
    assert_eq!(count(&text, "role"), " 3, addendum 1, ruling 4, superseded 1");
    let (drawn, categories) = (data("annotations.json"), data("categories.csv"));
    let arguments = ["pair", &reports, "--annotations", &drawn, "--categories", &categories, "--studies", &studies];
    let run = super::program::radlabel(&[&arguments[..], &["--links", &links, "--format", "csv"]].concat());
    assert_eq!(run.code, 0, "{}", run.err);
    let outcomes =
        "both 4, denied 1, image-only 1, neither 10, no-report 2, not-read 2, report-only 1, uncertain-drawn 1";
    assert_eq!(count(&run.out, "outcome"), outcomes);
    assert_eq!(count(&run.out, "conflicts"), " 20, side 1, size 1");
}

/// Names of problems stand in the code where they are found.
#[test]
fn every_problem_stands_in_the_page() {
    let (_, told) = PAGE.split_once("\n### Problems\n").expect("the heading");
    let told = told.split("\n#").next().unwrap_or(told);
    let mut found = Vec::new();
    for path in tidy::files("src/imaging", "rs").into_iter().chain(tidy::files("src/dicom", "rs")) {
        let text = tidy::text(&path);
        let code = text.split("#[cfg(test)]").next().unwrap_or(&text);
        let code = if tidy::name(&path).ends_with("tests.rs") { "" } else { code };
        // Whatever stands in quotes on a line that tells a problem.
        for line in code.lines().filter(|l| l.contains("problem") || l.contains("Some((\"") || l.contains(", \"")) {
            for literal in line.split('"').skip(1).step_by(2) {
                let kinds = ["missing-", "duplicate-", "shared-", "mixed-", "short-", "orphan-"];
                let faults = ["truncated", "damaged", "unreadable"];
                let holds =
                    |name: &str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
                if faults.contains(&literal) || kinds.iter().any(|k| literal.strip_prefix(k).is_some_and(holds)) {
                    found.push(literal.to_owned());
                }
            }
        }
    }
    assert!(found.len() > 15, "{found:?}");
    for problem in found {
        let of_tag = problem.strip_prefix("missing-").filter(|tag| *tag != "file");
        let name = of_tag.map_or_else(|| format!("`{problem}`"), str::to_owned);
        assert!(told.contains(&name), "{problem}");
    }
}
