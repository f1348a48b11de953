//! Holds `FORMATS.md` to what is written: every column with its type and meaning, every name and code. The pages on
//! studies and annotations are held by the tests of those who write their tables, with the functions here.

use super::table::{ColumnSpec, Kind};
use super::{Added, Shape, Table, Votes};
use crate::Engine;
use clap::ValueEnum;

const PAGE: &str = include_str!("FORMATS.md");

/// A type as the page tells it.
fn told(kind: Kind) -> &'static str {
    match kind {
        Kind::Text => "string",
        Kind::Value | Kind::Vote => "int8",
        Kind::Number => "int32",
        Kind::Real => "float32",
        Kind::Measure => "float64",
        Kind::Flag => "bool",
        Kind::Texts => "list of string",
        Kind::Reals => "list of float64",
    }
}

/// The part of the page below a heading, up to the next.
fn below(heading: &str) -> &'static str {
    part(PAGE, &format!("### {heading}"))
}

/// The part of a page below a line, up to the next heading.
pub(crate) fn part<'p>(page: &'p str, line: &str) -> &'p str {
    let (_, rest) = page.split_once(&format!("\n{line}\n")).unwrap_or_else(|| panic!("no line {line}"));
    rest.split("\n#").next().unwrap_or(rest)
}

/// Every column stands in that part of a page, with its type and meaning, and no other one: the table opens with its
/// head and ends at the first line that is none of its rows.
pub(crate) fn hold(part: &str, columns: &[ColumnSpec]) {
    let (_, rows) = part.split_once("| column | type | meaning |\n|---|---|---|\n").expect("a table of columns");
    let told: Vec<&str> = rows.lines().take_while(|l| l.starts_with('|')).collect();
    let columns: Vec<String> = columns.iter().map(|c| row(c).trim_end().to_owned()).collect();
    assert_eq!(told, columns);
}

fn row(column: &ColumnSpec) -> String {
    format!("| `{}` | {} | {} |\n", column.name, told(column.kind), column.about)
}

#[test]
fn every_column_stands_in_the_page() {
    let engine = Engine::embedded();
    let scheme = &engine.scheme("chexpert").expect("a scheme").scheme;
    let added = Added { study: true, text: true, notes: true, confidence: true, model: true };
    for shape in Shape::value_variants() {
        let name = shape.to_possible_value().expect("a name").get_name().to_owned();
        let here = [below("Every table"), below(&format!("`{name}`"))].concat();
        for column in Table::new(*shape, &[scheme], added).columns() {
            let plain = column.name.trim_end_matches(" confidence");
            let row = match scheme.labels.iter().any(|l| *l.name == *plain) {
                true if plain == column.name => format!("| *label* | {} | {} |\n", told(column.kind), column.about),
                true => format!("| *label* `confidence` | {} | {} |\n", told(column.kind), column.about),
                false => row(column),
            };
            assert!(here.contains(&row), "{name}: {row}");
        }
    }
    let votes = Votes::new(Vec::new(), vec![super::Voter::new("*source*".to_owned(), Vec::new())]);
    for column in votes.columns() {
        let row = row(&column).replace("`*source*`", "*source*");
        assert!(below("`--votes`").contains(&row), "votes: {row}");
    }
}

#[test]
fn every_key_of_a_json_line_stands_in_the_page() {
    let schema: serde_json::Value = serde_json::from_str(super::REPORT_SCHEMA).expect("JSON");
    let (_, keys) = PAGE.split_once("\n## JSON lines\n").expect("the heading");
    let keys = keys.split("\n## ").next().unwrap_or(keys);
    for key in schema["properties"].as_object().expect("properties").keys() {
        assert!(keys.contains(&format!("`{key}`")), "{key}");
    }
}

#[test]
fn what_brat_lists_stands_in_the_page() {
    for line in super::brat::ANNOTATION_CONF.lines().filter(|l| l.contains("Arg:<ENTITY>")) {
        let name = line.split(' ').next().unwrap_or(line);
        let values = line.split_once("Value:").map_or(String::new(), |v| format!("| `{}` |", v.1.replace('|', "`, `")));
        let told =
            PAGE.lines().find(|l| l.starts_with(&format!("| `A` `{name}` |"))).unwrap_or_else(|| panic!("{name}"));
        assert!(told.contains(&values), "{told}");
    }
}
