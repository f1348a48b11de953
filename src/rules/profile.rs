//! Profiles: what one use of reports needs, as data. `rules/profiles/*.toml`; `radlabel label --profile ID`.
//!
//! A profile makes a long table, one row a mention: which scheme's labels name the rows, which mentions are
//! kept, and which columns each row has. Only the top of a file is read at start, as with schemes.
//!
//! ```toml
//! kind = "profile"
//! version = 1
//! id = "fracture-detection"
//! title = "Fractures, one row a mention"
//! why = "What a detector's training set needs to know of each fracture."
//! scheme = "chexpert"                     # its labels name the rows; "all" names every finding and device
//! labels = ["Fracture"]                   # left out: all of them. A mention without a label has no row
//! columns = ["id", "label", "concept", "status", "side", "location"]
//! format = "csv"                          # or jsonl; left out: csv
//!
//! [filter]                                # each may be left out
//! status = ["present", "uncertain"]       # left out: any
//! kind = ["finding"]                      # finding, device; left out: both
//! time = ["current"]                      # left out: current
//! counted = true                          # only sections that labels rest on; left out: true
//! concepts = ["fracture"]                 # and what lies beneath; left out: any
//! within = ["spine"]                      # the nearest place named lies in one of these; left out: anywhere
//! said = ["size"]                         # attributes that must be said; left out: none
//! ```
//!
//! Columns are those of [`Column::FIXED`] and the attributes of [`AttributeName::NAMED`]; one that the engine does
//! not read yet stays blank. Knows no reports and no formats of bytes.

use super::lines::Lines;
use super::{AttributeName, SchemeSource, Status, Time};
use crate::error::Fault;
use crate::lexicon::{Kind, Lexicon};
use crate::span::ConceptId;
use serde::Deserialize;
use toml::Spanned;

/// One column of a profile's table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    /// The report's id.
    Id,
    /// The labels that the mention counts for.
    Label,
    /// The id of its concept.
    Concept,
    /// The preferred name of its concept.
    Name,
    /// The codes of its concept.
    Codes,
    /// present, absent or uncertain.
    Status,
    /// current, historical or hypothetical.
    Time,
    /// Where the mention begins, in code points.
    Start,
    /// One past its last code point.
    End,
    /// Where its sentence begins.
    SentenceStart,
    /// One past the last code point of its sentence.
    SentenceEnd,
    /// The words of the mention.
    Words,
    /// An attribute.
    Attribute(AttributeName),
}

impl Column {
    /// The columns that are no attributes, by name.
    pub const FIXED: [(&'static str, Column); 12] = [
        ("id", Column::Id),
        ("label", Column::Label),
        ("concept", Column::Concept),
        ("name", Column::Name),
        ("codes", Column::Codes),
        ("status", Column::Status),
        ("time", Column::Time),
        ("start", Column::Start),
        ("end", Column::End),
        ("sentence_start", Column::SentenceStart),
        ("sentence_end", Column::SentenceEnd),
        ("words", Column::Words),
    ];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Column::Attribute(attribute) => attribute.name(),
            _ => Column::FIXED.iter().find(|f| f.1 == self).map_or("", |f| f.0),
        }
    }

    fn named(name: &str) -> Result<Column, String> {
        if let Some(fixed) = Column::FIXED.iter().find(|f| f.0 == name) {
            return Ok(fixed.1);
        }
        AttributeName::named(name).map(Column::Attribute).map_err(|message| {
            let fixed: Vec<&str> = Column::FIXED.iter().map(|f| f.0).collect();
            format!("{message}, or a column of {}", fixed.join(", "))
        })
    }
}

/// How rows are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RowFormat {
    /// A table.
    #[default]
    Csv,
    /// An object a row.
    Jsonl,
}

/// Which mentions have a row.
#[derive(Clone, Debug)]
pub struct Filter {
    /// With one of these statuses; empty = any.
    pub statuses: Vec<Status>,
    /// Of one of these kinds; empty = any.
    pub kinds: Vec<Kind>,
    /// Of one of these times.
    pub times: Vec<Time>,
    /// Only where labels rest on it.
    pub counted: bool,
    /// By concept number, where concepts are asked for.
    pub concepts: Option<Vec<bool>>,
    /// The nearest place named lies in one of these; empty = anywhere.
    pub within: Vec<ConceptId>,
    /// Attributes that must be said.
    pub said: Vec<AttributeName>,
}

/// A profile bound to a lexicon and a scheme.
#[derive(Clone, Debug)]
pub struct Profile {
    /// Its id.
    pub id: Box<str>,
    /// Title for people.
    pub title: Box<str>,
    /// Why it stands.
    pub why: Box<str>,
    /// The scheme whose labels name the rows.
    pub scheme: Box<str>,
    /// Positions of its labels that make rows; empty = all.
    pub labels: Vec<u32>,
    /// The columns, in order.
    pub columns: Vec<Column>,
    /// How to write them, unless the caller says otherwise.
    pub format: RowFormat,
    /// Which mentions have a row.
    pub filter: Filter,
}

/// A profile as it was given.
#[derive(Debug)]
pub struct ProfileSource {
    /// Its id.
    pub id: Box<str>,
    /// Title for people.
    pub title: Box<str>,
    /// Its file.
    pub file: Box<str>,
    text: Box<str>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ProfileText {
    #[serde(rename = "kind")]
    _kind: String,
    #[serde(rename = "version")]
    _version: u32,
    #[serde(rename = "id")]
    _id: String,
    #[serde(rename = "title")]
    _title: String,
    why: Spanned<String>,
    scheme: Spanned<String>,
    #[serde(default)]
    labels: Vec<Spanned<String>>,
    columns: Spanned<Vec<Spanned<String>>>,
    #[serde(default)]
    format: RowFormat,
    #[serde(default)]
    filter: FilterText,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct FilterText {
    #[serde(default)]
    status: Vec<Status>,
    #[serde(default)]
    kind: Vec<Spanned<String>>,
    #[serde(default)]
    time: Vec<Time>,
    counted: Option<bool>,
    #[serde(default)]
    concepts: Vec<Spanned<String>>,
    #[serde(default)]
    within: Vec<Spanned<String>>,
    #[serde(default)]
    said: Vec<Spanned<String>>,
}

impl ProfileSource {
    /// A profile from the text of a file whose top has been read.
    pub(super) fn new(id: &str, title: &str, file: &str, text: &str) -> ProfileSource {
        ProfileSource { id: id.into(), title: title.into(), file: file.into(), text: text.into() }
    }

    /// The profile over a lexicon and the schemes that are there.
    ///
    /// # Errors
    /// Every fault of its file.
    pub fn bind(&self, schemes: &[SchemeSource], lexicon: &Lexicon) -> Result<Profile, Vec<Fault>> {
        let lines = Lines::new(&self.file, &self.text);
        let text: ProfileText = lines.parse().map_err(|fault| vec![fault])?;
        let mut faults = Vec::new();
        if text.why.get_ref().trim().is_empty() {
            faults.push(lines.fault(text.why.span().start, "the profile does not say why it stands"));
        }
        let labels = self.labels(&text, schemes, lexicon, &lines, &mut faults);
        let mut columns: Vec<Column> = Vec::new();
        for name in text.columns.get_ref() {
            let at = name.span().start;
            match Column::named(name.get_ref()) {
                Ok(column) if columns.contains(&column) => {
                    faults.push(lines.fault(at, format!("column \"{}\" stands twice", name.get_ref())));
                }
                Ok(column) => columns.push(column),
                Err(message) => faults.push(lines.fault(at, message)),
            }
        }
        if text.columns.get_ref().is_empty() {
            faults.push(lines.fault(text.columns.span().start, "no columns; expected such as \"id\", \"label\""));
        }
        let mut kinds = Vec::new();
        for kind in &text.filter.kind {
            match kind.get_ref().as_str() {
                "finding" => kinds.push(Kind::Finding),
                "device" => kinds.push(Kind::Device),
                other => {
                    let message = format!("unknown kind \"{other}\"; expected finding or device");
                    faults.push(lines.fault(kind.span().start, message));
                }
            }
        }
        let (roots, wrong) = lines.concepts(&text.filter.concepts, &[Kind::Finding, Kind::Device], lexicon);
        faults.extend(wrong);
        let (within, wrong) = lines.concepts(&text.filter.within, &[Kind::Anatomy], lexicon);
        faults.extend(wrong);
        let mut said = Vec::new();
        for name in &text.filter.said {
            match AttributeName::named(name.get_ref()) {
                Ok(attribute) => said.push(attribute),
                Err(message) => faults.push(lines.fault(name.span().start, message)),
            }
        }
        if !faults.is_empty() {
            faults.sort();
            return Err(faults);
        }
        let concepts = (!roots.is_empty()).then(|| {
            let mut kept = vec![false; lexicon.concepts.len()];
            roots.iter().flat_map(|&r| lexicon.descendants(r)).for_each(|c: ConceptId| kept[c.index()] = true);
            kept
        });
        Ok(Profile {
            id: self.id.clone(),
            title: self.title.clone(),
            why: text.why.into_inner().into(),
            scheme: text.scheme.into_inner().into(),
            labels,
            columns,
            format: text.format,
            filter: Filter {
                statuses: text.filter.status,
                kinds,
                times: if text.filter.time.is_empty() { vec![Time::Current] } else { text.filter.time },
                counted: text.filter.counted.unwrap_or(true),
                concepts,
                within,
                said,
            },
        })
    }

    fn labels(
        &self,
        text: &ProfileText,
        schemes: &[SchemeSource],
        lexicon: &Lexicon,
        lines: &Lines,
        faults: &mut Vec<Fault>,
    ) -> Vec<u32> {
        let at = text.scheme.span().start;
        let id = text.scheme.get_ref();
        let Some(source) = schemes.iter().find(|s| *s.id == **id) else {
            let known: Vec<&str> = schemes.iter().map(|s| &*s.id).collect();
            faults.push(lines.fault(at, format!("unknown scheme \"{id}\"; expected {}", known.join(", "))));
            return Vec::new();
        };
        // A scheme that is not sound tells its own faults.
        let Ok(bound) = source.bind(lexicon) else {
            faults.push(lines.fault(at, format!("scheme \"{id}\" has faults of its own ({})", source.file)));
            return Vec::new();
        };
        let mut labels = Vec::new();
        for name in &text.labels {
            match bound.scheme.find(name.get_ref()) {
                // What lies beneath a label is of its kind.
                Some(label) => {
                    labels.push(label as u32);
                    labels.extend(bound.beneath(label as u32));
                }
                None => {
                    let message = format!("unknown label \"{}\" of scheme \"{id}\"", name.get_ref());
                    faults.push(lines.fault(name.span().start, message));
                }
            }
        }
        labels
    }
}
