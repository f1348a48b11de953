//! Attributes of a mention by name, and conditions on them: `side = "left"`, `size = "> 30 mm"`.
//!
//! Label schemes and profiles name attributes; this is the one list of them. A condition is read and checked
//! here; whether a mention meets it is decided in `src/said.rs`, the one place that knows where an analysis
//! keeps an attribute. Nothing here knows a finding or a report.

use super::Change;
use crate::lexicon::Side;

/// What may be said of a mention beside its status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AttributeName {
    /// left, right or bilateral.
    Side,
    /// How severe, in the report's words.
    Severity,
    /// Change against an earlier study.
    Change,
    /// The part of the body.
    Location,
    /// The section that it stands in.
    Section,
    /// acute, subacute, chronic.
    Acuity,
    /// A length.
    Size,
    /// How many.
    Count,
    /// Attenuation in Hounsfield units.
    Hu,
    /// Standardised uptake value.
    Suv,
    /// How a device lies.
    Position,
    /// The part that a device's tip lies in.
    Tip,
    /// A score or category of a reporting system.
    Score,
}

impl AttributeName {
    /// Every attribute with its name in schemes, profiles and outputs.
    pub const NAMED: [(&'static str, AttributeName); 13] = [
        ("side", AttributeName::Side),
        ("severity", AttributeName::Severity),
        ("change", AttributeName::Change),
        ("location", AttributeName::Location),
        ("section", AttributeName::Section),
        ("acuity", AttributeName::Acuity),
        ("size", AttributeName::Size),
        ("count", AttributeName::Count),
        ("hu", AttributeName::Hu),
        ("suv", AttributeName::Suv),
        ("position", AttributeName::Position),
        ("tip", AttributeName::Tip),
        ("score", AttributeName::Score),
    ];

    /// The attribute of this name.
    ///
    /// # Errors
    /// What was found, and the names that are known.
    pub fn named(name: &str) -> Result<AttributeName, String> {
        AttributeName::NAMED.iter().find(|n| n.0 == name).map(|n| n.1).ok_or_else(|| {
            let known: Vec<&str> = AttributeName::NAMED.iter().map(|n| n.0).collect();
            format!("unknown attribute \"{name}\"; expected one of {}", known.join(", "))
        })
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        AttributeName::NAMED.iter().find(|n| n.1 == self).map_or("", |n| n.0)
    }

    /// Units that a measure of it may be given in, each with what one of it is in the first; empty where it
    /// is no measure.
    const fn units(self) -> &'static [(&'static str, f64)] {
        match self {
            AttributeName::Size => &[("mm", 1.0), ("cm", 10.0)],
            AttributeName::Count | AttributeName::Suv => &[("", 1.0)],
            AttributeName::Hu => &[("HU", 1.0), ("", 1.0)],
            _ => &[],
        }
    }
}

/// How a measure is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// `>`
    Over,
    /// `>=`
    AtLeast,
    /// `<`
    Under,
    /// `<=`
    AtMost,
    /// `=`, or no sign.
    Equal,
}

impl Comparison {
    const SIGNS: [(&'static str, Comparison); 5] = [
        (">=", Comparison::AtLeast),
        ("<=", Comparison::AtMost),
        (">", Comparison::Over),
        ("<", Comparison::Under),
        ("=", Comparison::Equal),
    ];
}

/// What must be said of a mention for it to count.
#[derive(Clone, Debug, PartialEq)]
pub enum Condition {
    /// It is on this side; bilateral is on either.
    Side(Side),
    /// It changed in one of these ways.
    Change(Vec<Change>),
    /// The attribute is one of these words.
    Words {
        /// Of what.
        attribute: AttributeName,
        /// Lower case.
        any_of: Vec<Box<str>>,
    },
    /// The attribute measures up: sizes in mm.
    Measure {
        /// Of what.
        attribute: AttributeName,
        /// How.
        comparison: Comparison,
        /// With what.
        bound: f64,
    },
}

impl Condition {
    /// Which attribute it asks for.
    pub const fn attribute(&self) -> AttributeName {
        match self {
            Condition::Side(_) => AttributeName::Side,
            Condition::Change(_) => AttributeName::Change,
            Condition::Words { attribute, .. } | Condition::Measure { attribute, .. } => *attribute,
        }
    }

    /// Reads the conditions that stand under one name. Of words one must be said; of measures all must hold.
    ///
    /// # Errors
    /// What was found and what was expected.
    pub fn read(name: &str, values: &[String]) -> Result<Vec<Condition>, String> {
        let attribute = AttributeName::named(name)?;
        if values.is_empty() || values.iter().any(|v| v.trim().is_empty()) {
            return Err(format!("condition \"{name}\" is empty"));
        }
        match attribute {
            AttributeName::Location => {
                Err("\"location\" is no condition; expected within, outside or located".to_owned())
            }
            AttributeName::Section => {
                Err("\"section\" is no condition; sections say themselves what counts".to_owned())
            }
            AttributeName::Side => match values {
                [one] => Ok(vec![Condition::Side(word("side", one, &Side::ALL, Side::name)?)]),
                _ => Err(format!("{} sides; expected one of left, right, bilateral", values.len())),
            },
            AttributeName::Change => {
                let changes: Result<_, String> =
                    values.iter().map(|v| word("change", v, &Change::ALL, Change::name)).collect();
                Ok(vec![Condition::Change(changes?)])
            }
            _ if attribute.units().is_empty() => {
                let any_of = values.iter().map(|v| v.trim().to_lowercase().into()).collect();
                Ok(vec![Condition::Words { attribute, any_of }])
            }
            _ => values.iter().map(|v| measure(attribute, v)).collect(),
        }
    }
}

impl std::fmt::Display for Condition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = self.attribute().name();
        match self {
            Condition::Side(side) => write!(f, "{name} {}", side.name()),
            Condition::Change(any_of) => {
                let words: Vec<&str> = any_of.iter().map(|c| c.name()).collect();
                write!(f, "{name} {}", words.join(" or "))
            }
            Condition::Words { any_of, .. } => write!(f, "{name} {}", any_of.join(" or ")),
            Condition::Measure { attribute, comparison, bound } => {
                let sign = Comparison::SIGNS.iter().find(|s| s.1 == *comparison).map_or("", |s| s.0);
                let unit = attribute.units().first().map_or("", |u| u.0);
                write!(f, "{name} {sign} {bound}{}{unit}", if unit.is_empty() { "" } else { " " })
            }
        }
    }
}

fn word<T: Copy>(name: &str, found: &str, all: &[T], told: fn(T) -> &'static str) -> Result<T, String> {
    all.iter().copied().find(|&value| told(value) == found.trim()).ok_or_else(|| {
        let known: Vec<&str> = all.iter().copied().map(told).collect();
        format!("unknown {name} \"{found}\"; expected one of {}", known.join(", "))
    })
}

fn measure(attribute: AttributeName, text: &str) -> Result<Condition, String> {
    let name = attribute.name();
    let units = attribute.units();
    let trimmed = text.trim();
    let (comparison, rest) = Comparison::SIGNS
        .iter()
        .find_map(|&(sign, comparison)| Some((comparison, trimmed.strip_prefix(sign)?)))
        .unwrap_or((Comparison::Equal, trimmed));
    let rest = rest.trim();
    let digits = rest.find(|c: char| !(c.is_ascii_digit() || c == '.' || c == '-')).unwrap_or(rest.len());
    let (number, unit) = rest.split_at(digits);
    let unit = unit.trim();
    let example = match attribute {
        AttributeName::Size => "> 30 mm",
        AttributeName::Hu => "< -10 HU",
        AttributeName::Suv => ">= 2.5",
        _ => ">= 2",
    };
    let number: f64 = number
        .parse()
        .map_err(|_| format!("condition {name} = \"{text}\" holds no number; expected such as \"{example}\""))?;
    let Some((_, factor)) = units.iter().find(|u| u.0.eq_ignore_ascii_case(unit)) else {
        let known: Vec<&str> = units.iter().map(|u| u.0).filter(|u| !u.is_empty()).collect();
        let expected = if known.is_empty() { "no unit".to_owned() } else { known.join(" or ") };
        let found = if unit.is_empty() { "no unit".to_owned() } else { format!("the unit \"{unit}\"") };
        return Err(format!("condition {name} = \"{text}\" has {found}; expected {expected}, as in \"{example}\""));
    };
    Ok(Condition::Measure { attribute, comparison, bound: number * factor })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_measures_and_words() {
        let read = |name: &str, value: &str| Condition::read(name, &[value.to_owned()]);
        let size = |comparison, bound| Condition::Measure { attribute: AttributeName::Size, comparison, bound };
        assert_eq!(read("size", "> 3 cm"), Ok(vec![size(Comparison::Over, 30.0)]));
        assert_eq!(read("size", "<=8mm"), Ok(vec![size(Comparison::AtMost, 8.0)]));
        assert_eq!(read("side", "left"), Ok(vec![Condition::Side(Side::Left)]));
        assert!(read("count", ">= 2").is_ok() && read("hu", "< -10 HU").is_ok() && read("suv", "2.5").is_ok());
        for (name, value, told) in [
            ("size", "> 3 parsecs", "the unit \"parsecs\"; expected mm or cm"),
            ("size", "> 3", "no unit; expected mm or cm"),
            ("count", "2 mm", "the unit \"mm\"; expected no unit"),
            ("size", "large", "holds no number"),
            ("side", "starboard", "unknown side \"starboard\"; expected one of left, right, bilateral"),
            ("flavour", "x", "unknown attribute \"flavour\"; expected one of side,"),
            ("location", "lung", "expected within, outside or located"),
            ("acuity", " ", "is empty"),
        ] {
            let error = read(name, value).expect_err(value);
            assert!(error.contains(told), "{error}");
        }
    }
}
