//! Schemes and labels on a terminal.

use super::dictionary::{concepts, criteria, excepted, travel, tree};
use crate::label::value_name;
use crate::rules::BoundScheme;
use crate::{Engine, Error};
use std::fmt::Write;

/// Every scheme and profile, a line each.
pub(super) fn list(engine: &Engine) -> Result<String, Error> {
    let schemes = &engine.rules.schemes;
    let profiles = &engine.rules.profiles;
    let longest = schemes.iter().map(|s| s.id.len()).chain(profiles.iter().map(|p| p.id.len())).max().unwrap_or(0);
    let mut out = String::new();
    for source in schemes {
        let labels = engine.scheme(&source.id)?.scheme.labels.len();
        let _ = writeln!(out, "{:longest$}  {labels:>5} labels  {}", source.id, source.title);
    }
    for source in profiles {
        let _ = writeln!(out, "{:longest$}      profile  {}", source.id, source.title);
    }
    Ok(out)
}

/// The labels of a scheme as a tree.
pub(super) fn scheme(bound: &BoundScheme) -> String {
    let scheme = &bound.scheme;
    let mut out = format!("{}: {}\n", scheme.id, scheme.title);
    let _ = writeln!(out, "{} labels, {} ({})", scheme.labels.len(), travel(bound), scheme.file);
    if !scheme.about.is_empty() {
        let _ = writeln!(out, "{}", scheme.about);
    }
    out.push('\n');
    for (depth, label) in tree(bound) {
        let _ = writeln!(out, "{:1$}{2}", "", depth * 2, scheme.labels[label].name);
    }
    out
}

/// All that is known of one label.
pub(super) fn label(engine: &Engine, bound: &BoundScheme, name: &str) -> Result<String, Error> {
    let scheme = &bound.scheme;
    let found = scheme.find(name).or_else(|| scheme.labels.iter().position(|l| l.name.eq_ignore_ascii_case(name)));
    let Some(number) = found else {
        return Err(Error::Usage(format!(
            "scheme \"{0}\" has no label \"{name}\"; `radlabel labels show {0}` lists them",
            scheme.id
        )));
    };
    let rule = &scheme.labels[number];
    let names = |labels: &[u32]| {
        labels.iter().map(|&l| scheme.labels[l as usize].name.to_string()).collect::<Vec<_>>().join(", ")
    };
    let mut out = format!("{} ({}, {})\n", rule.name, scheme.id, scheme.place(number));
    let _ = writeln!(out, "{}", rule.definition);
    let mut line = |key: &str, value: &str| {
        if !value.is_empty() {
            let _ = writeln!(out, "  {key:<10}{value}");
        }
    };
    line("parents", &names(&rule.parents));
    line("children", &names(&bound.children[number]));
    line("outranks", &names(&rule.outranks));
    let codes: Vec<String> = rule.codes.iter().map(|(system, code)| format!("{system} {code}")).collect();
    line("codes", &codes.join(", "));
    for text in &rule.includes {
        line("includes", text);
    }
    for text in &rule.excludes {
        line("excludes", text);
    }
    for concept in concepts(engine, bound, number) {
        let beneath = match concept.beneath {
            0 => String::new(),
            n => format!(" and {n} beneath it"),
        };
        line("counts", &format!("{}{beneath}", concept.id));
    }
    line("except", &excepted(engine, bound, number).join(", "));
    for criterion in criteria(engine, bound, number) {
        line("asks", &criterion);
    }
    for (text, value) in &rule.examples {
        line("example", &format!("{:<14}{text}", value_name(*value)));
    }
    Ok(out)
}
