//! `radlabel terms search`: concepts by what they are called.

use super::page::Page;
use super::{Format, Kind, card};
use crate::cli::{DataOptions, say};
use crate::lexicon::{Lexicon, near};
use crate::output::Sink;
use crate::span::ConceptId;
use std::process::ExitCode;

/// Find concepts by their terms, names and codes
#[derive(clap::Args)]
#[command(after_help = "Best first: the same words, words that begin so, all words in any order, all words with \
    one slip in a word.\nExit code: 0 found; 1 nothing found; 2 wrong use.")]
pub(super) struct Options {
    /// What to look for
    #[arg(required = true, value_name = "WORDS")]
    words: Vec<String>,
    /// Only concepts of this kind
    #[arg(long, value_enum)]
    kind: Option<Kind>,
    /// Show at most so many
    #[arg(long, default_value_t = 20, value_name = "N")]
    limit: usize,
    /// How to show them
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
    #[command(flatten)]
    data: DataOptions,
}

/// How well a term answers; the best first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Exact,
    Prefix,
    Words,
    Near,
}

impl Rank {
    const fn name(self) -> &'static str {
        match self {
            Rank::Exact => "exact",
            Rank::Prefix => "prefix",
            Rank::Words => "words",
            Rank::Near => "near",
        }
    }
}

/// A concept that was found, by its best term.
struct Found<'l> {
    rank: Rank,
    concept: ConceptId,
    term: &'l str,
}

pub(super) fn run(options: &Options) -> anyhow::Result<ExitCode> {
    let engine = options.data.engine()?;
    let query = options.words.join(" ");
    let wanted = options.kind.map(Kind::of_lexicon);
    let mut found = search(&engine.lexicon, &query);
    found.retain(|f| wanted.is_none_or(|k| k == engine.lexicon.concept(f.concept).kind));
    let all = found.len();
    found.truncate(options.limit);
    let shown = match options.format {
        Format::Json => json(&engine.lexicon, &found),
        Format::Table => table(&engine.lexicon, &found),
    };
    Sink::open(None)?.put(shown.as_bytes())?;
    if all == 0 {
        say(format_args!("radlabel: no concept is called that"));
    } else if all > found.len() {
        say(format_args!("radlabel: {} of {all} concepts shown (--limit shows more)", found.len()));
    }
    Ok(ExitCode::from(u8::from(all == 0)))
}

/// Lower-cased words, parted by single spaces.
fn folded(text: &str, to: &mut String) {
    to.clear();
    for word in text.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty()) {
        if !to.is_empty() {
            to.push(' ');
        }
        to.extend(word.chars().flat_map(char::to_lowercase));
    }
}

fn search<'l>(lexicon: &'l Lexicon, query: &str) -> Vec<Found<'l>> {
    let mut asked = String::new();
    folded(query, &mut asked);
    let words: Vec<&str> = asked.split(' ').filter(|w| !w.is_empty()).collect();
    let mut best: Vec<Option<(Rank, &str)>> = vec![None; lexicon.concepts.len()];
    let mut folded_term = String::new();
    let mut consider = |concept: ConceptId, text: &'l str| {
        folded(text, &mut folded_term);
        if let Some(rank) = rank(&asked, &words, &folded_term) {
            let slot = &mut best[concept.index()];
            if slot.is_none_or(|(r, t)| (rank, text.len(), text) < (r, t.len(), t)) {
                *slot = Some((rank, text));
            }
        }
    };
    for term in &lexicon.terms {
        consider(term.concept, &term.text);
    }
    for (i, concept) in lexicon.concepts.iter().enumerate() {
        consider(ConceptId(i as u32), &concept.name);
    }
    let mut found: Vec<Found<'l>> = best
        .into_iter()
        .enumerate()
        .filter_map(|(i, slot)| slot.map(|(rank, term)| Found { rank, concept: ConceptId(i as u32), term }))
        .collect();
    for concept in card::by_code(lexicon, query) {
        found.retain(|f| f.concept != concept);
        found.push(Found { rank: Rank::Exact, concept, term: &lexicon.concept(concept).name });
    }
    found.sort_by_key(|f| (f.rank, f.term.len(), &lexicon.concept(f.concept).id));
    found
}

fn rank(asked: &str, words: &[&str], term: &str) -> Option<Rank> {
    if words.is_empty() {
        return None;
    }
    if term == asked {
        return Some(Rank::Exact);
    }
    if term.starts_with(asked) {
        return Some(Rank::Prefix);
    }
    let mut rank = Rank::Words;
    for word in words {
        if term.split(' ').any(|t| t.starts_with(word)) {
            continue;
        }
        // A short word with a slip is another word.
        if word.len() < 4 || !term.split(' ').any(|t| near(word, t)) {
            return None;
        }
        rank = Rank::Near;
    }
    Some(rank)
}

fn json(lexicon: &Lexicon, found: &[Found<'_>]) -> String {
    let rows = found.iter().map(|f| {
        let concept = lexicon.concept(f.concept);
        serde_json::json!({
            "id": concept.id,
            "name": concept.name,
            "kind": concept.kind.name(),
            "codes": card::codes_json(concept),
            "term": f.term,
            "match": f.rank.name(),
        })
    });
    format!("{:#}\n", serde_json::Value::Array(rows.collect()))
}

fn table(lexicon: &Lexicon, found: &[Found<'_>]) -> String {
    let mut page = Page::new();
    let rows: Vec<Vec<String>> = found
        .iter()
        .map(|f| {
            let concept = lexicon.concept(f.concept);
            let own = f.term.eq_ignore_ascii_case(&concept.name);
            vec![
                concept.id.to_string(),
                concept.name.to_string(),
                concept.kind.name().to_owned(),
                if own { String::new() } else { f.term.to_owned() },
                card::codes_text(concept),
            ]
        })
        .collect();
    if !rows.is_empty() {
        page.table(&["id", "name", "kind", "term", "codes"], &rows);
    }
    page.out
}
