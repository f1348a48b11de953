//! What a model's folder says of it: `manifest.toml`.

use crate::error::{Error, Fault};
use crate::refine::Verdict;
use serde::Deserialize;
use toml::Spanned;

/// The name of the file.
pub(super) const NAME: &str = "manifest.toml";
/// The longest input, special tokens included, that a manifest may ask for.
const LONGEST: usize = 4096;
/// Tokens of the shortest input that holds a marked mention with something around it.
const SHORTEST: usize = 16;

/// A file of the model and its digest.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Part {
    pub(super) file: String,
    /// Hexadecimal.
    pub(super) sha256: String,
}

/// A question with its answer, which a sound model gives again.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Check {
    pub(super) section: String,
    /// With the mention between the manifest's markers.
    pub(super) sentence: String,
    /// One a label, in the order present, absent, uncertain, historical, hypothetical, whatever that of the labels.
    pub(super) probabilities: Vec<f32>,
}

/// As the file has it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    kind: Spanned<String>,
    version: Spanned<u32>,
    name: Spanned<String>,
    release: String,
    licence: String,
    model: Spanned<Part>,
    tokenizer: Spanned<Part>,
    inputs: Spanned<Vec<String>>,
    output: String,
    labels: Spanned<Vec<String>>,
    markers: Spanned<Vec<String>>,
    template: Spanned<String>,
    max_tokens: Spanned<usize>,
    opset: Option<u64>,
    temperature: Spanned<f32>,
    trust: Spanned<f32>,
    below: Spanned<f32>,
    #[serde(default)]
    check: Vec<Spanned<Check>>,
    /// The model card: for people.
    #[serde(default, rename = "card")]
    _card: Option<toml::Table>,
}

/// An input that a network may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Input {
    Ids,
    Mask,
    Types,
}

impl Input {
    const ALL: [(Input, &'static str); 3] =
        [(Input::Ids, "input_ids"), (Input::Mask, "attention_mask"), (Input::Types, "token_type_ids")];

    /// Its name in networks.
    pub(super) fn name(self) -> &'static str {
        Input::ALL.iter().find(|i| i.0 == self).map_or("", |i| i.1)
    }
}

/// A checked manifest.
#[derive(Clone, Debug)]
pub(super) struct Manifest {
    pub(super) name: String,
    pub(super) release: String,
    pub(super) model: Part,
    pub(super) tokenizer: Part,
    pub(super) inputs: Vec<Input>,
    pub(super) output: String,
    /// What each number of the output stands for.
    pub(super) labels: Vec<Verdict>,
    pub(super) markers: [String; 2],
    /// What stands before and after the section's name, before the sentence: "{section} : {sentence}".
    pub(super) template: Template,
    /// Special tokens included.
    pub(super) max_tokens: usize,
    /// The version of ONNX's operators that the network asks for, where it is stated.
    pub(super) opset: Option<u64>,
    pub(super) temperature: f32,
    pub(super) trust: f32,
    pub(super) below: f32,
    pub(super) checks: Vec<Check>,
}

/// How section and sentence make one text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Template {
    /// Before the section, between it and the sentence; `None` where the section is not told.
    pub(super) section: Option<(String, String)>,
    /// Before the sentence, where the section is not told.
    pub(super) before: String,
    pub(super) after: String,
}

impl Template {
    fn read(text: &str) -> Result<Template, String> {
        let (before, after) = text.split_once("{sentence}").ok_or("no {sentence}; expected it once")?;
        if after.contains("{sentence}") || after.contains("{section}") {
            return Err("expected {section} at most once and before {sentence}, and that once".to_owned());
        }
        let section = before.split_once("{section}").map(|(a, b)| (a.to_owned(), b.to_owned()));
        if section.as_ref().is_some_and(|s| s.1.contains("{section}")) {
            return Err("{section} stands twice".to_owned());
        }
        Ok(Template { section, before: before.to_owned(), after: after.to_owned() })
    }
}

impl Manifest {
    /// Reads and checks a manifest; `place` names it in errors, all of which are told at once.
    pub(super) fn read(text: &str, place: &str) -> Result<Manifest, Error> {
        let line = |at: usize| 1 + text.as_bytes()[..at.min(text.len())].iter().filter(|b| **b == b'\n').count();
        let raw: Raw = toml::from_str(text).map_err(|e| {
            let at = e.span().map_or(0, |s| line(s.start));
            Error::Data(vec![Fault::new(place, at, e.message())])
        })?;
        let mut faults = Vec::new();
        let mut fault = |at: usize, message: String| faults.push(Fault::new(place, line(at), message));
        if raw.kind.get_ref() != "assertion-model" {
            fault(raw.kind.span().start, "kind: expected \"assertion-model\"".to_owned());
        }
        if *raw.version.get_ref() != 1 {
            fault(raw.version.span().start, format!("version: {}; this program reads 1", raw.version.get_ref()));
        }
        if raw.name.get_ref().trim().is_empty() {
            fault(raw.name.span().start, "name: empty".to_owned());
        }
        for part in [&raw.model, &raw.tokenizer] {
            let Part { file, sha256 } = part.get_ref();
            if file.is_empty() || file.contains(['/', '\\']) || file.starts_with('.') {
                fault(part.span().start, "file: expected the name of a file in the same folder".to_owned());
            }
            if sha256.len() != 64 || !sha256.bytes().all(|b| b.is_ascii_hexdigit()) {
                fault(part.span().start, format!("sha256: expected 64 hexadecimal digits, found {}", sha256.len()));
            }
        }
        let mut inputs = Vec::new();
        for name in raw.inputs.get_ref() {
            match Input::ALL.iter().find(|i| i.1 == name) {
                Some((input, _)) if !inputs.contains(input) => inputs.push(*input),
                Some(_) => fault(raw.inputs.span().start, format!("inputs: \"{name}\" stands twice")),
                None => {
                    let known: Vec<&str> = Input::ALL.iter().map(|i| i.1).collect();
                    fault(raw.inputs.span().start, format!("inputs: \"{name}\"; expected among {}", known.join(", ")));
                }
            }
        }
        if !inputs.contains(&Input::Ids) {
            fault(raw.inputs.span().start, "inputs: input_ids is missing".to_owned());
        }
        let mut labels = Vec::new();
        for name in raw.labels.get_ref() {
            match Verdict::named(name) {
                Some(verdict) if !labels.contains(&verdict) => labels.push(verdict),
                Some(_) => fault(raw.labels.span().start, format!("labels: \"{name}\" stands twice")),
                None => {
                    let known = Verdict::ALL.map(Verdict::name).join(", ");
                    fault(raw.labels.span().start, format!("labels: \"{name}\"; expected among {known}"));
                }
            }
        }
        for needed in [Verdict::Present, Verdict::Absent, Verdict::Uncertain] {
            if !labels.contains(&needed) {
                fault(raw.labels.span().start, format!("labels: {} is missing", needed.name()));
            }
        }
        let markers = match raw.markers.get_ref().as_slice() {
            [start, end] if start != end && !start.is_empty() && !end.is_empty() => [start.clone(), end.clone()],
            _ => {
                fault(raw.markers.span().start, "markers: expected two different tokens [start, end]".to_owned());
                Default::default()
            }
        };
        let template = Template::read(raw.template.get_ref()).unwrap_or_else(|message| {
            fault(raw.template.span().start, format!("template: {message}"));
            Template { section: None, before: String::new(), after: String::new() }
        });
        if !(SHORTEST..=LONGEST).contains(raw.max_tokens.get_ref()) {
            let message = format!("max_tokens: {}; expected {SHORTEST} to {LONGEST}", raw.max_tokens.get_ref());
            fault(raw.max_tokens.span().start, message);
        }
        for (name, number, highest) in
            [("temperature", &raw.temperature, 100.0), ("trust", &raw.trust, 100.0), ("below", &raw.below, 1.0)]
        {
            let value = *number.get_ref();
            if !(value > 0.0 && value <= highest) {
                fault(number.span().start, format!("{name}: {value}; expected above 0, up to {highest}"));
            }
        }
        for check in &raw.check {
            let Check { probabilities, sentence, .. } = check.get_ref();
            if probabilities.len() != labels.len() {
                let message =
                    format!("check: {} probabilities; expected {}, one a label", probabilities.len(), labels.len());
                fault(check.span().start, message);
            }
            if marked(sentence, &markers).is_none() {
                fault(check.span().start, "check: the sentence holds no mention between the markers".to_owned());
            }
        }
        if !faults.is_empty() {
            return Err(Error::Data(faults));
        }
        // For people alone.
        let _ = raw.licence;
        Ok(Manifest {
            name: raw.name.into_inner(),
            release: raw.release,
            model: raw.model.into_inner(),
            tokenizer: raw.tokenizer.into_inner(),
            inputs,
            output: raw.output,
            labels,
            markers,
            template,
            max_tokens: raw.max_tokens.into_inner(),
            opset: raw.opset,
            temperature: raw.temperature.into_inner(),
            trust: raw.trust.into_inner(),
            below: raw.below.into_inner(),
            checks: raw.check.into_iter().map(Spanned::into_inner).collect(),
        })
    }
}

/// A marked sentence as what stands before, in and after the mention.
pub(super) fn marked<'a>(sentence: &'a str, markers: &[String; 2]) -> Option<(&'a str, &'a str, &'a str)> {
    let (before, rest) = sentence.split_once(markers[0].as_str())?;
    let (mention, after) = rest.split_once(markers[1].as_str())?;
    let mention = mention.trim();
    (!mention.is_empty()).then_some((before, mention, after))
}
