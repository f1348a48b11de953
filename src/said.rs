//! What is said of a mention beside its status: the one place that knows where an analysis keeps an attribute.
//!
//! Label conditions ask whether something is said ([`holds`]), profiles and outputs what is said
//! ([`attribute_value`]). An attribute that the engine learns to read is added to both here and nowhere else.

use crate::detail::Detail;
use crate::engine::{Analysis, Engine};
use crate::lexicon::{Lexicon, Side};
use crate::measure::measured;
use crate::rules::{AttributeName, Comparison, Condition, Relation, Rules, Status};
use crate::span::Span;

/// Whether a mention meets a condition. An unqualified denial denies every kind, so what is not said holds of
/// an absent mention; an unqualified statement asserts no particular kind.
pub(crate) fn holds(
    condition: &Condition,
    mention: usize,
    analysis: &Analysis,
    rules: &Rules,
    lexicon: &Lexicon,
) -> bool {
    let assertion = &analysis.assertions[mention];
    let details = || details(condition.attribute(), mention, analysis);
    // Of several values said, one is enough.
    let any = |meets: &dyn Fn(&Detail) -> bool| details().next().is_some().then(|| details().any(meets));
    let said = match condition {
        Condition::Side(side) => analysis.mentions[mention].side.map(|s| s == *side || s == Side::Bilateral),
        Condition::Change(any_of) => assertion.change.map(|c| any_of.contains(&c)),
        Condition::Words { any_of, .. } => any(&|d| any_of.iter().any(|w| **w == *d.told(rules, lexicon))),
        Condition::Measure { comparison, bound, .. } => any(&|d| surely(*comparison, *bound, extent(d, rules))),
    };
    said.unwrap_or(assertion.status == Status::Absent)
}

/// What is said of one attribute among those that the analysis lists by name.
fn details(attribute: AttributeName, mention: usize, analysis: &Analysis) -> impl Iterator<Item = &Detail> {
    let name = attribute.name();
    analysis.attributes_of(mention as u32).iter().map(|a| &a.detail).filter(move |d| d.name() == name)
}

/// The least and the most that a value may be, and whether each of them is ruled out ("under 5 mm").
struct Extent {
    least: (f64, bool),
    most: (f64, bool),
}

/// The largest dimension decides; a number in words ("multiple") is two or more.
fn extent(detail: &Detail, rules: &Rules) -> Extent {
    let exactly = |value: f64| Extent { least: (value, false), most: (value, false) };
    let Some(measurement) = detail.measurement() else {
        return match detail {
            Detail::Count(number) => exactly(f64::from(*number)),
            Detail::CountWord(word) => match rules.value(*word).parse() {
                Ok(number) => exactly(number),
                Err(_) => Extent { least: (2.0, false), most: (f64::INFINITY, false) },
            },
            _ => exactly(f64::NAN),
        };
    };
    let values = || measurement.values().iter().map(|v| measured(*v));
    let largest = values().fold(f64::NEG_INFINITY, f64::max);
    match measurement.relation {
        Relation::Exact | Relation::About => exactly(largest),
        Relation::Range => Extent { least: (values().fold(f64::INFINITY, f64::min), false), most: (largest, false) },
        Relation::Below => Extent { least: (f64::NEG_INFINITY, false), most: (largest, true) },
        Relation::AtMost => Extent { least: (f64::NEG_INFINITY, false), most: (largest, false) },
        Relation::Above => Extent { least: (largest, true), most: (f64::INFINITY, false) },
    }
}

/// The comparison holds whatever the value is within its extent.
fn surely(comparison: Comparison, bound: f64, Extent { least, most }: Extent) -> bool {
    match comparison {
        Comparison::Over => least.0 > bound || least == (bound, true),
        Comparison::AtLeast => least.0 >= bound,
        Comparison::Under => most.0 < bound || most == (bound, true),
        Comparison::AtMost => most.0 <= bound,
        Comparison::Equal => least.0 == bound && most.0 == bound && !least.1 && !most.1,
    }
}

/// What is said of a mention, as outputs write it (lengths in mm); `None` where nothing is said.
pub(crate) fn attribute_value(
    attribute: AttributeName,
    mention: usize,
    analysis: &Analysis,
    text: &str,
    engine: &Engine,
) -> Option<String> {
    let assertion = &analysis.assertions[mention];
    let said = &analysis.mentions[mention];
    match attribute {
        AttributeName::Side => said.side.map(|s| s.name().to_owned()),
        AttributeName::Severity => said.severity.map(|s| severity_words(text, s)),
        AttributeName::Change => assertion.change.map(|c| c.name().to_owned()),
        AttributeName::Location => {
            let places: Vec<&str> = said.location.iter().flatten().map(|&c| &*engine.lexicon.concept(c).name).collect();
            (!places.is_empty()).then(|| places.join(", "))
        }
        AttributeName::Section => {
            let section = &analysis.sections[analysis.sentences[said.sentence as usize].section as usize];
            Some(engine.section_id(section.kind).to_owned())
        }
        AttributeName::Acuity
        | AttributeName::Size
        | AttributeName::Count
        | AttributeName::Hu
        | AttributeName::Suv
        | AttributeName::Position
        | AttributeName::Tip => {
            let values: Vec<String> = details(attribute, mention, analysis)
                .map(|detail| detail.told(&engine.rules, &engine.lexicon))
                .collect();
            (!values.is_empty()).then(|| values.join("; "))
        }
        // The engine does not read scores yet.
        AttributeName::Score => None,
    }
}

/// The words of a severity as an adjective: "mildly enlarged" says the same of a composed finding as "mild".
pub(crate) fn severity_words(text: &str, span: Span) -> String {
    let words = text[span.range()].to_lowercase();
    let words = words.strip_suffix("ly").unwrap_or(&words);
    words.split_whitespace().collect::<Vec<_>>().join(" ")
}
