//! What lies behind each miss: the mentions that speak of the label, their section, rules and sentence.
//!
//! The predictions name concepts, not labels, so the scheme says which mention speaks of which label. It goes
//! by the concept alone: records do not carry the place of a mention, so a mention that lies outside the
//! label's part of the body may be shown too. Shows report text only because the user asked for it.

use super::compare::said;
use super::read::{GoldMention, MentionGold, Record};
use super::{Options, read};
use crate::label::value_name;
use crate::rules::Status;
use crate::score::{ATTRIBUTES, Judged, SAID, Said};
use crate::{Engine, Error};
use serde::Serialize;
use serde_json::{Map, Value};
use std::collections::HashMap;

/// How many mentions are shown for a label that was missed altogether.
const SHOWN: usize = 3;

/// A cell of the label table where the two sides differ.
#[derive(Serialize)]
pub(super) struct LabelMiss {
    pub(super) id: String,
    pub(super) label: String,
    pub(super) gold: &'static str,
    pub(super) predicted: &'static str,
    /// The mention that decided, or those that speak of the label and did not count.
    pub(super) mentions: Vec<Told>,
}

/// A predicted mention, as far as its record tells of it.
#[derive(Serialize)]
pub(super) struct Told {
    pub(super) concept: String,
    pub(super) said: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) section: Option<String>,
    pub(super) rules: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) sentence: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) cues: Vec<String>,
}

/// A gold mention that was missed or misread.
#[derive(Serialize)]
pub(super) struct MentionMiss {
    pub(super) set: String,
    pub(super) id: String,
    pub(super) quote: String,
    pub(super) gold: &'static str,
    /// `None` = no prediction overlaps it.
    pub(super) predicted: Option<&'static str>,
    /// Attributes that differ: name, gold, predicted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) attributes: Vec<(&'static str, String, String)>,
    pub(super) context: String,
    pub(super) rules: Vec<String>,
}

/// What is needed to explain label misses.
pub(super) struct Context {
    engine: Option<&'static Engine>,
    texts: HashMap<String, String>,
}

impl Context {
    /// Loads the engine only when there are mentions to explain.
    pub(super) fn new(wanted: bool, options: &Options) -> Result<Context, Error> {
        let engine = wanted.then(|| super::engine(options)).transpose()?;
        let texts = options.text.as_deref().map(read::texts).transpose()?.unwrap_or_default();
        Ok(Context { engine, texts })
    }

    pub(super) fn label_miss(
        &mut self,
        id: &str,
        label: &str,
        gold: Option<Status>,
        predicted: Option<Status>,
        record: Option<&Record>,
    ) -> LabelMiss {
        let mentions = record.and_then(|r| r.mentions.as_deref()).unwrap_or_default();
        let speaking = mentions.iter().filter(|m| self.speaks_of(m, label));
        let told: Vec<Told> = match predicted {
            Some(_) => {
                let deciding = speaking.filter(|m| m.get("counted").and_then(Value::as_bool) != Some(false));
                deciding
                    .filter(|m| SAID[said(m) as usize].0 == value_name(predicted))
                    .take(1)
                    .map(|m| self.told(id, m))
                    .collect()
            }
            None => speaking.take(SHOWN).map(|m| self.told(id, m)).collect(),
        };
        LabelMiss {
            id: id.to_owned(),
            label: label.to_owned(),
            gold: value_name(gold),
            predicted: value_name(predicted),
            mentions: told,
        }
    }

    fn speaks_of(&self, mention: &Map<String, Value>, label: &str) -> bool {
        let Some(engine) = &self.engine else {
            return false;
        };
        let concept = mention.get("concept").and_then(Value::as_str).and_then(|c| engine.lexicon.find(c));
        let (Some(concept), Ok(bound)) = (concept, engine.scheme("chexpert")) else {
            return false;
        };
        bound.targets[concept.index()].iter().any(|t| *bound.scheme.labels[t.label as usize].name == *label)
    }

    fn told(&self, id: &str, mention: &Map<String, Value>) -> Told {
        let text = self.texts.get(id).map(String::as_str);
        let sentence = text.and_then(|text| {
            let of = mention.get("sentence")?;
            Some(slice(text, of.get(0)?.as_u64()?, of.get(1)?.as_u64()?))
        });
        let cues = text.map_or_else(Vec::new, |text| {
            evidence(mention)
                .filter_map(|e| Some(slice(text, e.get("start")?.as_u64()?, e.get("end")?.as_u64()?)))
                .collect()
        });
        let string = |key: &str| mention.get(key).and_then(Value::as_str).map(str::to_owned);
        Told {
            concept: string("concept").unwrap_or_default(),
            said: SAID[said(mention) as usize].0,
            section: string("section"),
            rules: rules(mention),
            sentence,
            cues,
        }
    }
}

/// A gold mention that a prediction missed or misread.
pub(super) fn mention_miss(
    report: &MentionGold,
    mention: &GoldMention,
    judged: Judged,
    best: Option<&Map<String, Value>>,
) -> MentionMiss {
    let name = |said: Said| SAID[said as usize].0;
    let given = |a: &str| best.and_then(|b| b.get(a)).and_then(Value::as_str).unwrap_or("none").to_owned();
    let attributes = ATTRIBUTES
        .into_iter()
        .zip(judged.attributes)
        .zip(&mention.attributes)
        .filter(|((_, right), _)| *right == Some(false))
        .map(|((a, _), gold)| (a, gold.clone().unwrap_or_default(), given(a)))
        .collect();
    MentionMiss {
        set: report.set.clone(),
        id: report.id.clone(),
        quote: mention.quote.clone(),
        gold: name(judged.gold),
        predicted: judged.predicted.map(name),
        attributes,
        context: slice(&report.text, mention.span.0.saturating_sub(70), mention.span.1 + 50),
        rules: best.map_or_else(Vec::new, rules),
    }
}

fn evidence(mention: &Map<String, Value>) -> impl Iterator<Item = &Value> {
    mention.get("evidence").and_then(Value::as_array).into_iter().flatten()
}

/// Ids of the rules that decided, in order, each once.
fn rules(mention: &Map<String, Value>) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    for rule in evidence(mention).filter_map(|e| e.get("rule").or(Some(e))?.as_str()) {
        if !out.iter().any(|r| r == rule) {
            out.push(rule.to_owned());
        }
    }
    out
}

/// Code points `start..end` of a text, on one line.
fn slice(text: &str, start: u64, end: u64) -> String {
    let part: String = text.chars().skip(start as usize).take(end.saturating_sub(start) as usize).collect();
    plain(&part)
}

/// Report text for a terminal: on one line, and without control characters, which could steer it.
pub(super) fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
