//! `radlabel terms show`: one concept and all that hangs on it.

use super::page::Page;
use super::{Format, card};
use crate::Error;
use crate::cli::DataOptions;
use crate::output::Sink;
use card::Card;
use std::process::ExitCode;

/// So many narrower concepts are named.
const CHILDREN: usize = 12;

/// Show a concept: meaning, terms, codes, place in the hierarchy, labels, example sentences
#[derive(clap::Args)]
#[command(after_help = "Exit code: 0 shown; 2 wrong use, or no such concept.")]
pub(super) struct Options {
    /// An id (pleural-effusion), a code (RID34539, snomed:60046008) or a term ("fluid in the pleural space")
    #[arg(value_name = "ID|CODE|TERM")]
    asked: String,
    /// How to show it
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
    #[command(flatten)]
    data: DataOptions,
}

pub(super) fn run(options: &Options) -> anyhow::Result<ExitCode> {
    let engine = options.data.engine()?;
    let found = card::find(engine, &options.asked);
    if found.is_empty() {
        let asked = &options.asked;
        return Err(Error::Usage(format!(
            "no concept with the id, code or term {asked:?}; `radlabel terms search` finds what is near"
        ))
        .into());
    }
    let cards: Vec<Card<'_>> = found.iter().map(|&id| Card::new(engine, id)).collect();
    let shown = match options.format {
        Format::Json => {
            let cards: Vec<serde_json::Value> = cards.iter().map(json).collect();
            format!("{:#}\n", serde_json::Value::Array(cards))
        }
        Format::Table => {
            let mut page = Page::new();
            for (i, card) in cards.iter().enumerate() {
                if i > 0 {
                    page.line("");
                }
                text(&mut page, card);
            }
            page.out
        }
    };
    Sink::open(None)?.put(shown.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

fn text(page: &mut Page, card: &Card<'_>) {
    let concept = card.concept;
    let title = format!("{}  {}", page.bold(&concept.name), page.dim(concept.kind.name()));
    page.line(&title);
    page.entry("id", &format!("{} ({})", concept.id, card.place()));
    if !concept.definition.is_empty() {
        page.entry("means", &concept.definition);
    }
    page.entry("terms", &if card.terms.is_empty() { "none".to_owned() } else { card.terms.join(" | ") });
    if !concept.codes.is_empty() {
        page.entry("codes", &card::codes_text(concept));
    }
    if let Some(side) = concept.side {
        page.entry("side", side.name());
    }
    let ids = |ids: &[crate::ConceptId]| ids.iter().map(|&i| card.id_of(i)).collect::<Vec<_>>().join(", ");
    if !card.parents.is_empty() {
        page.entry("parents", &ids(card.parents));
        page.entry("path", &card.path.iter().map(|&i| card.id_of(i)).collect::<Vec<_>>().join(" > "));
    }
    if !card.children.is_empty() {
        let first = &card.children[..card.children.len().min(CHILDREN)];
        let more = if first.len() < card.children.len() { ", ..." } else { "" };
        page.entry("children", &format!("{}: {}{more}", card.children.len(), ids(first)));
    }
    for (i, (scheme, label, limits)) in card.labels.iter().enumerate() {
        let limits = if limits.is_empty() { String::new() } else { format!(" ({limits})") };
        page.entry(if i == 0 { "labels" } else { "" }, &format!("{scheme}: {label}{limits}"));
    }
    for (i, example) in card.examples.iter().enumerate() {
        page.entry(if i == 0 { "examples" } else { "" }, &format!("{}  {}", example.sentence, example.place));
    }
    if !concept.source.is_empty() {
        page.entry("source", &concept.source);
    }
}

fn json(card: &Card<'_>) -> serde_json::Value {
    let concept = card.concept;
    let ids = |ids: &[crate::ConceptId]| ids.iter().map(|&i| card.id_of(i)).collect::<Vec<_>>();
    let labels = card
        .labels
        .iter()
        .map(|(scheme, label, limits)| serde_json::json!({"scheme": scheme, "label": label, "limits": limits}));
    let examples = card.examples.iter().map(|e| serde_json::json!({"sentence": e.sentence, "rule": e.place}));
    serde_json::json!({
        "id": concept.id,
        "name": concept.name,
        "kind": concept.kind.name(),
        "side": concept.side,
        "definition": concept.definition,
        "terms": card.terms,
        "codes": card::codes_json(concept),
        "parents": ids(card.parents),
        "path": ids(&card.path),
        "children": ids(card.children),
        "labels": labels.collect::<Vec<_>>(),
        "examples": examples.collect::<Vec<_>>(),
        "source": concept.source,
        "place": card.place(),
    })
}
