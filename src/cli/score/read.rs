//! Gold and predictions from files: JSON lines or a CheXpert table, told apart by what is in them.
//!
//! Knows no arithmetic. Every complaint names the file and line, what stands there and what was expected,
//! and never the text of a report.

use crate::Error;
use crate::cli::label_table::read_text;
use crate::rules::Status;
use crate::score::{SAID, Said};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, HashMap};
use std::path::Path;

/// What people decided.
pub(in crate::cli) enum Gold {
    /// Labels a report.
    Labels(LabelGold),
    /// Spans a report.
    Mentions(Vec<MentionGold>),
}

/// A label table.
pub(in crate::cli) struct LabelGold {
    /// Its label columns, where the file is a table.
    pub(in crate::cli) columns: Option<Vec<String>>,
    pub(in crate::cli) reports: Vec<GoldReport>,
}

/// The labels of one report.
pub(in crate::cli) struct GoldReport {
    pub(in crate::cli) id: String,
    pub(in crate::cli) labels: BTreeMap<String, Status>,
    /// Labels on which the readers did not agree; they are not scored.
    pub(in crate::cli) undecided: Vec<String>,
}

/// The mentions of one report.
pub(in crate::cli) struct MentionGold {
    pub(in crate::cli) set: String,
    pub(in crate::cli) id: String,
    pub(in crate::cli) text: String,
    pub(in crate::cli) mentions: Vec<GoldMention>,
}

/// One gold mention; offsets in code points.
pub(in crate::cli) struct GoldMention {
    pub(in crate::cli) span: (u64, u64),
    pub(in crate::cli) quote: String,
    pub(in crate::cli) status: Said,
    /// By [`crate::score::ATTRIBUTES`].
    pub(in crate::cli) attributes: [Option<String>; 3],
}

/// What is scored, by report id. Where an id stands twice, the last record counts.
pub(super) struct Predicted {
    pub(super) records: HashMap<String, Record>,
    /// Label columns, where the file is a table.
    pub(super) columns: Option<Vec<String>>,
}

/// What is said of one report.
#[derive(Default)]
pub(super) struct Record {
    pub(super) labels: Option<BTreeMap<String, Status>>,
    pub(super) mentions: Option<Vec<Map<String, Value>>>,
}

/// One JSON object a line, with the place of each for messages.
fn json_lines<'t>(
    name: &str,
    text: &'t str,
) -> impl Iterator<Item = Result<(String, Map<String, Value>), Error>> + use<'t> {
    let name = name.to_owned();
    text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()).map(move |(i, line)| {
        let place = format!("{name}:{}", i + 1);
        match serde_json::from_str(line) {
            Ok(Value::Object(object)) => Ok((place, object)),
            Ok(other) => Err(Error::input(place, format!("found {}; expected a JSON object", kind(&other)))),
            // The message of serde_json counts lines from the start of this line, so only the column helps.
            Err(e) => {
                Err(Error::input(place, format!("not JSON at column {}; expected one JSON object a line", e.column())))
            }
        }
    })
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

fn found(object: &Map<String, Value>, key: &str) -> String {
    object.get(key).map_or_else(|| format!("no {key:?}"), |v| format!("{key:?} is {}", kind(v)))
}

fn id(place: &str, object: &Map<String, Value>) -> Result<String, Error> {
    match object.get("id") {
        Some(Value::String(id)) => Ok(id.clone()),
        Some(Value::Number(id)) => Ok(id.to_string()),
        _ => Err(Error::input(place, format!("{}; expected the report's id as a string", found(object, "id")))),
    }
}

fn string(place: &str, object: &Map<String, Value>, key: &str) -> Result<String, Error> {
    match object.get(key) {
        Some(Value::String(text)) => Ok(text.clone()),
        _ => Err(Error::input(place, format!("{}; expected a string", found(object, key)))),
    }
}

fn label_object(place: &str, value: &Value) -> Result<BTreeMap<String, Status>, Error> {
    let expected = "expected present, absent or uncertain (leave out what is not mentioned)";
    let Value::Object(labels) = value else {
        return Err(Error::input(
            place,
            format!("\"labels\" is {}; expected an object from label to value", kind(value)),
        ));
    };
    let mut out = BTreeMap::new();
    for (label, value) in labels {
        match value {
            Value::Null => {}
            Value::String(word) => match Status::named(word) {
                Some(s) => drop(out.insert(label.clone(), s)),
                None => {
                    return Err(Error::input(place, format!("label {label:?} is {word:?}; {expected}")));
                }
            },
            other => {
                return Err(Error::input(place, format!("label {label:?} is {}; {expected}", kind(other))));
            }
        }
    }
    Ok(out)
}

fn objects(place: &str, key: &str, value: &Value) -> Result<Vec<Map<String, Value>>, Error> {
    let bad = |v: &Value| Error::input(place, format!("{key:?} holds {}; expected a list of objects", kind(v)));
    let Value::Array(list) = value else {
        return Err(bad(value));
    };
    list.iter().map(|v| v.as_object().cloned().ok_or_else(|| bad(v))).collect()
}

/// Start and end of a mention, in code points.
pub(super) fn span(place: &str, mention: &Map<String, Value>) -> Result<(u64, u64), Error> {
    let offset = |key: &str| {
        mention.get(key).and_then(Value::as_u64).ok_or_else(|| {
            Error::input(
                place,
                format!("a mention with {}; expected a whole number of code points", found(mention, key)),
            )
        })
    };
    let span = (offset("start")?, offset("end")?);
    if span.0 >= span.1 {
        return Err(Error::input(place, format!("a mention from {} to {}; expected start before end", span.0, span.1)));
    }
    Ok(span)
}

/// The gold file.
pub(in crate::cli) fn gold(path: &Path) -> Result<Gold, Error> {
    let (name, text) = (path.display().to_string(), read_text(path)?);
    if !text.trim_start().starts_with('{') {
        let (columns, rows) = super::table::read(&name, &text)?;
        let reports = rows.into_iter().map(|(id, labels)| GoldReport { id, labels, undecided: Vec::new() }).collect();
        return Ok(Gold::Labels(LabelGold { columns: Some(columns), reports }));
    }
    let mut reports = Vec::new();
    let mut texts = Vec::new();
    for line in json_lines(&name, &text) {
        let (place, object) = line?;
        let id = id(&place, &object)?;
        if let Some(list) = object.get("mentions").filter(|_| object.contains_key("text")) {
            let mentions: Result<_, _> =
                objects(&place, "mentions", list)?.iter().map(|m| gold_mention(&place, m)).collect();
            let set = object.get("set").and_then(Value::as_str).unwrap_or("gold").to_owned();
            texts.push(MentionGold { set, id, text: string(&place, &object, "text")?, mentions: mentions? });
        } else if let Some(labels) = object.get("labels") {
            let undecided = match object.get("undecided") {
                None | Some(Value::Null) => Vec::new(),
                Some(list) => serde_json::from_value(list.clone()).map_err(|_| {
                    Error::input(&place, format!("\"undecided\" is {}; expected a list of label names", kind(list)))
                })?,
            };
            reports.push(GoldReport { id, labels: label_object(&place, labels)?, undecided });
        } else {
            return Err(Error::input(
                place,
                "neither \"labels\" nor \"text\" with \"mentions\"; expected label gold or mention gold",
            ));
        }
        if !texts.is_empty() && !reports.is_empty() {
            return Err(Error::input(place, "label gold and mention gold in one file; expected one kind"));
        }
    }
    Ok(if texts.is_empty() { Gold::Labels(LabelGold { columns: None, reports }) } else { Gold::Mentions(texts) })
}

fn gold_mention(place: &str, mention: &Map<String, Value>) -> Result<GoldMention, Error> {
    let word = string(place, mention, "status")?;
    let status = SAID.iter().find(|s| s.0 == word).map(|s| s.1).ok_or_else(|| {
        Error::input(
            place,
            format!("a mention is {word:?}; expected present, absent, uncertain, historical, hypothetical or family"),
        )
    })?;
    let attributes = crate::score::ATTRIBUTES.map(|a| mention.get(a).and_then(Value::as_str).map(str::to_owned));
    let quote = mention.get("quote").and_then(Value::as_str).unwrap_or_default().to_owned();
    Ok(GoldMention { span: span(place, mention)?, quote, status, attributes })
}

/// What is to be scored.
pub(super) fn predicted(path: &Path) -> Result<Predicted, Error> {
    let (name, text) = (path.display().to_string(), read_text(path)?);
    if !text.trim_start().starts_with('{') {
        let (columns, rows) = super::table::read(&name, &text)?;
        let record = |labels| Record { labels: Some(labels), mentions: None };
        let records = rows.into_iter().map(|(id, labels)| (id, record(labels))).collect();
        return Ok(Predicted { records, columns: Some(columns) });
    }
    let mut records = HashMap::new();
    for line in json_lines(&name, &text) {
        let (place, object) = line?;
        let labels = object.get("labels").map(|v| label_object(&place, v)).transpose()?;
        let key = if object.contains_key("mentions") { "mentions" } else { "assertions" };
        let mentions = object.get(key).map(|v| objects(&place, key, v)).transpose()?;
        for mention in mentions.iter().flatten() {
            span(&place, mention)?;
            if mention.get("status").and_then(Value::as_str).and_then(Status::named).is_none() {
                return Err(Error::input(
                    place,
                    format!("a mention with {}; expected present, absent or uncertain", found(mention, "status")),
                ));
            }
        }
        if labels.is_none() && mentions.is_none() {
            return Err(Error::input(
                place,
                "none of \"labels\", \"mentions\" and \"assertions\"; expected output of radlabel label or assert",
            ));
        }
        records.insert(id(&place, &object)?, Record { labels, mentions });
    }
    Ok(Predicted { records, columns: None })
}

/// The texts of `--text`: id -> text.
pub(in crate::cli) fn texts(path: &Path) -> Result<HashMap<String, String>, Error> {
    let (name, text) = (path.display().to_string(), read_text(path)?);
    json_lines(&name, &text)
        .map(|line| line.and_then(|(place, object)| Ok((id(&place, &object)?, string(&place, &object, "text")?))))
        .collect()
}
