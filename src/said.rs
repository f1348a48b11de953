//! What is said of a mention beside its status: the one place that knows where an analysis keeps an attribute.
//!
//! Label conditions ask whether something is said ([`holds`]), profiles and outputs what is said
//! ([`attribute_value`]). An attribute that the engine learns to read is added to both here and nowhere else.

use crate::engine::{Analysis, Engine};
use crate::lexicon::Side;
use crate::rules::{Attribute, Change, Condition, Status};
use crate::span::Span;

/// Whether a mention meets a condition. An unqualified denial denies every kind, so what is not said holds of
/// an absent mention; an unqualified statement asserts no particular kind.
pub(crate) fn holds(condition: &Condition, mention: usize, analysis: &Analysis) -> bool {
    let assertion = &analysis.assertions[mention];
    let mention = &analysis.mentions[mention];
    let said = match condition {
        Condition::Side(side) => mention.side.map(|s| s == *side || s == Side::Bilateral),
        Condition::Change(any_of) => assertion.change.map(|c| any_of.contains(&c)),
        // The engine does not read these yet.
        Condition::Words { .. } | Condition::Measure { .. } => None,
    };
    said.unwrap_or(assertion.status == Status::Absent)
}

/// What is said of a mention, as outputs write it; `None` where nothing is said.
pub(crate) fn attribute_value(
    attribute: Attribute,
    mention: usize,
    analysis: &Analysis,
    text: &str,
    engine: &Engine,
) -> Option<String> {
    let assertion = &analysis.assertions[mention];
    let mention = &analysis.mentions[mention];
    match attribute {
        Attribute::Side => mention.side.map(|s| side_name(s).to_owned()),
        Attribute::Severity => mention.severity.map(|s| severity_words(text, s)),
        Attribute::Change => assertion.change.map(|c| change_name(c).to_owned()),
        Attribute::Location => {
            let places: Vec<&str> =
                mention.location.iter().flatten().map(|&c| &*engine.lexicon.concept(c).name).collect();
            (!places.is_empty()).then(|| places.join(", "))
        }
        Attribute::Section => {
            let section = &analysis.sections[analysis.sentences[mention.sentence as usize].section as usize];
            Some(section.kind.map_or("body", |k| &engine.rules.sections[k as usize].id).to_owned())
        }
        Attribute::Acuity
        | Attribute::Size
        | Attribute::Count
        | Attribute::Hu
        | Attribute::Suv
        | Attribute::Position
        | Attribute::Score => None,
    }
}

/// The words of a severity as an adjective: "mildly enlarged" says the same of a composed finding as "mild".
pub(crate) fn severity_words(text: &str, span: Span) -> String {
    let words = text[span.range()].to_lowercase();
    let words = words.strip_suffix("ly").unwrap_or(&words);
    words.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The word for a side in data and outputs.
pub(crate) const fn side_name(side: Side) -> &'static str {
    match side {
        Side::Left => "left",
        Side::Right => "right",
        Side::Bilateral => "bilateral",
    }
}

/// The word for a change in data and outputs.
pub(crate) const fn change_name(change: Change) -> &'static str {
    match change {
        Change::New => "new",
        Change::Increased => "increased",
        Change::Decreased => "decreased",
        Change::Unchanged => "unchanged",
        Change::Resolved => "resolved",
    }
}
