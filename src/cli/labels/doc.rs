//! A scheme's dictionary as one Markdown page, made of the data alone.

use super::dictionary::{concepts, criteria, excepted, travel, tree};
use crate::Engine;
use crate::label::value_name;
use crate::rules::BoundScheme;
use std::fmt::Write;

/// The page.
pub(super) fn page(engine: &Engine, bound: &BoundScheme) -> String {
    let scheme = &bound.scheme;
    let mut out = format!("# {}\n\n", plain(&scheme.title));
    let _ = writeln!(
        out,
        "Scheme `{}`, {} labels; {}. Made by `radlabel labels doc {0}` from `{}`.\n",
        scheme.id,
        scheme.labels.len(),
        travel(bound),
        scheme.file
    );
    if !scheme.about.is_empty() {
        let _ = writeln!(out, "{}\n", plain(&scheme.about));
    }
    if scheme.labels.iter().any(|l| !l.parents.is_empty()) {
        out.push_str("## Hierarchy\n\n");
        for (depth, label) in tree(bound) {
            let _ = writeln!(out, "{:1$}- {2}", "", depth * 2, link(bound, label));
        }
        out.push('\n');
    }
    out.push_str("## Labels\n\n");
    for label in 0..scheme.labels.len() {
        entry(&mut out, engine, bound, label);
    }
    if let Some(rule) = &scheme.no_finding {
        let ignored: Vec<String> = rule.ignores.iter().map(|&l| link(bound, l)).collect();
        let _ = writeln!(
            out,
            "{} is given where nothing else is found; {} do not stand against it.",
            link(bound, rule.label),
            if ignored.is_empty() { "no labels".to_owned() } else { ignored.join(", ") }
        );
    }
    while out.ends_with("\n\n") {
        out.pop();
    }
    out
}

fn entry(out: &mut String, engine: &Engine, bound: &BoundScheme, label: usize) {
    let rule = &bound.scheme.labels[label];
    let _ = writeln!(out, "### <a id=\"l{label}\"></a>{}\n\n{}\n", plain(&rule.name), plain(&rule.definition));
    let links = |labels: &[u32]| labels.iter().map(|&l| link(bound, l as usize)).collect::<Vec<_>>().join(", ");
    let before = out.len();
    let mut line = |key: &str, value: &str| {
        if !value.is_empty() {
            let _ = writeln!(out, "- {key}: {value}");
        }
    };
    line("parents", &links(&rule.parents));
    line("children", &links(&bound.children[label]));
    line("outranks", &links(&rule.outranks));
    let codes: Vec<String> = rule.codes.iter().map(|(system, code)| format!("{system} `{code}`")).collect();
    line("codes", &codes.join(", "));
    for text in &rule.includes {
        line("includes", &plain(text));
    }
    for text in &rule.excludes {
        line("excludes", &plain(text));
    }
    let counted: Vec<String> = concepts(engine, bound, label)
        .into_iter()
        .map(|concept| {
            let mut said = vec![plain(&concept.name)];
            said.extend(concept.codes);
            if concept.beneath > 0 {
                said.push(format!("{} beneath it", concept.beneath));
            }
            format!("`{}` ({})", concept.id, said.join("; "))
        })
        .collect();
    line("counts", &counted.join(", "));
    line("except", &plain(&excepted(engine, bound, label).join(", ")));
    for criterion in criteria(engine, bound, label) {
        line("asks", &plain(&criterion));
    }
    if out.len() > before {
        out.push('\n');
    }
    if !rule.examples.is_empty() {
        out.push_str("| example | value |\n|---|---|\n");
        for (text, value) in &rule.examples {
            let _ = writeln!(out, "| {} | {} |", plain(text), value_name(*value));
        }
        out.push('\n');
    }
}

fn link(bound: &BoundScheme, label: usize) -> String {
    format!("[{}](#l{label})", plain(&bound.scheme.labels[label].name))
}

/// Text that Markdown leaves as it is, on one line.
fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' => out.push(' '),
            '|' | '*' | '_' | '`' | '[' | ']' | '<' | '>' | '\\' => {
                out.push('\\');
                out.push(c);
            }
            _ => out.push(c),
        }
    }
    out
}
