//! The flags that ask for refinement, and the model that they open: the same for every command.
//!
//! The flags are known to every build, so that one without models can say what it lacks.

use crate::refine::{Judge, Refined};
use crate::{Analysis, Engine, Error, SpanAssertion};
use std::path::PathBuf;
use std::sync::Arc;

/// Doubtful mentions are decided by a small model.
#[derive(clap::Args, Clone, Debug, Default)]
pub(crate) struct RefineOptions {
    /// Ask a small model about the mentions that the rules are in doubt of; needs no network
    #[arg(long, help_heading = "Refinement")]
    pub(crate) refine: bool,
    /// Ask about mentions that the rules are less sure of than this (0 to 1), see --confidence; implies --refine
    /// [default: as the model says]
    #[arg(long, value_name = "P", value_parser = share, help_heading = "Refinement")]
    pub(crate) refine_below: Option<f32>,
    /// Ask about all mentions, for comparison; implies --refine
    #[arg(long, conflicts_with = "refine_below", help_heading = "Refinement")]
    pub(crate) refine_all: bool,
    /// Folder of a model of your own (manifest.toml, the network, its tokenizer); implies --refine
    #[arg(long, value_name = "DIR", help_heading = "Refinement")]
    pub(crate) model: Option<PathBuf>,
    /// What runs the model: rten (built in), onnxruntime (ONNX Runtime, where it is found) or onnxruntime=PATH of its
    /// library; implies --refine [default: rten]
    #[arg(long, value_name = "RUNTIME", help_heading = "Refinement")]
    pub(crate) runtime: Option<String>,
}

/// A number from 0 to 1.
pub(crate) fn share(text: &str) -> Result<f32, String> {
    let number = text.parse::<f32>().ok().filter(|p| (0.0..=1.0).contains(p));
    number.ok_or_else(|| "expected a number from 0 to 1".to_owned())
}

/// A model that is ready, and when it is asked.
#[derive(Clone)]
pub(crate) struct Refiner {
    judge: Arc<dyn Judge>,
    below: f32,
    digest: String,
    runtime: String,
}

/// How often a model was asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Asked {
    /// Mentions among which doubtful ones were looked for.
    pub(crate) among: u64,
    /// Mentions that it was asked about.
    pub(crate) mentions: u64,
    /// Mentions whose status or time it changed.
    pub(crate) changed: u64,
    /// Mentions that it had no answer for.
    pub(crate) unanswered: u64,
}

/// The note of a report with a mention that a model was asked about and had no answer for.
pub(crate) const UNANSWERED: &str = "model gave no answer";

impl RefineOptions {
    /// The model that is asked for, opened and checked; `None` where none is.
    ///
    /// # Errors
    /// Where the model or what runs it is not as it should be, or this program was built without models.
    pub(crate) fn open(&self) -> Result<Option<Refiner>, Error> {
        self.asks().map(|flag| self.opened(flag)).transpose()
    }

    /// Whether a model is asked for.
    pub(crate) fn wanted(&self) -> bool {
        self.asks().is_some()
    }

    /// The first flag that asks for one.
    fn asks(&self) -> Option<&'static str> {
        let flags = [
            (self.refine, "--refine"),
            (self.refine_below.is_some(), "--refine-below"),
            (self.refine_all, "--refine-all"),
            (self.model.is_some(), "--model"),
            (self.runtime.is_some(), "--runtime"),
        ];
        flags.into_iter().find(|flag| flag.0).map(|flag| flag.1)
    }

    #[cfg(feature = "onnx")]
    fn opened(&self, _flag: &str) -> Result<Refiner, Error> {
        let runtime = self.runtime.as_deref().map(|told| {
            told.parse::<crate::onnx::Runtime>().map_err(|e| Error::Usage(format!("--runtime {told}: {e}")))
        });
        let settings =
            crate::onnx::Settings { model: self.model.clone(), runtime: runtime.transpose()?.unwrap_or_default() };
        let model = shared(settings)?;
        let below = if self.refine_all { f32::INFINITY } else { self.refine_below.unwrap_or_else(|| model.below()) };
        let (digest, runtime) = (model.digest().to_owned(), model.runtime().to_owned());
        Ok(Refiner { judge: model, below, digest, runtime })
    }

    #[cfg(not(feature = "onnx"))]
    fn opened(&self, flag: &str) -> Result<Refiner, Error> {
        let message = "this radlabel was built without it; expected one built with --features onnx or full";
        Err(Error::Usage(format!("{flag}: {message}")))
    }
}

/// The model of some settings, opened once a process: engines of Python come and go.
#[cfg(feature = "onnx")]
fn shared(settings: crate::onnx::Settings) -> Result<Arc<crate::onnx::Model>, Error> {
    use std::sync::{Mutex, PoisonError};
    type Opened = Vec<(crate::onnx::Settings, Arc<crate::onnx::Model>)>;
    static OPENED: Mutex<Opened> = Mutex::new(Vec::new());
    let mut opened = OPENED.lock().unwrap_or_else(PoisonError::into_inner);
    let same = |s: &crate::onnx::Settings| s.model == settings.model && s.runtime == settings.runtime;
    if let Some((_, model)) = opened.iter().find(|(known, _)| same(known)) {
        return Ok(Arc::clone(model));
    }
    let model = Arc::new(crate::onnx::Model::open(&settings)?);
    opened.push((settings, Arc::clone(&model)));
    Ok(model)
}

impl Refiner {
    /// The model's name.
    pub(crate) fn name(&self) -> &str {
        self.judge.name()
    }

    /// The model's name and what runs it, for people.
    pub(crate) fn shown(&self) -> String {
        format!("{}, model {}", self.runtime, self.name())
    }

    /// All that decides the results, as manifests and the metadata of tables keep it. What runs the model decides
    /// nothing.
    pub(crate) fn told(&self) -> String {
        let below = if self.below >= 1.0 { "all".to_owned() } else { format!("below {}", self.below) };
        format!("{} {}, {below}", self.name(), self.digest)
    }

    /// The same, as the schema of a columnar table keeps it.
    #[cfg(feature = "arrow")]
    pub(crate) fn metadata(&self) -> (String, String) {
        ("radlabel.refine".to_owned(), self.told())
    }

    /// Asks about the doubtful mentions of one report.
    pub(crate) fn refine_one(&self, engine: &Engine, text: &str, analysis: &mut Analysis) {
        self.refine(engine, &mut [(text, analysis)]);
    }

    /// Asks about the doubtful mentions of reports.
    pub(crate) fn refine(&self, engine: &Engine, reports: &mut [(&str, &mut Analysis)]) {
        engine.refine(reports, &*self.judge, self.below);
    }

    /// Asks about doubtful spans.
    pub(crate) fn refine_spans(&self, engine: &Engine, texts: &mut [(&str, &mut [SpanAssertion])]) {
        engine.refine_spans(texts, &*self.judge, self.below);
    }
}

impl Asked {
    /// Counts what was asked of so many mentions.
    pub(crate) fn count<'r>(among: usize, refined: impl IntoIterator<Item = &'r Refined>) -> Asked {
        let mut asked = Asked { among: among as u64, ..Asked::default() };
        for one in refined {
            asked.mentions += 1;
            asked.changed += u64::from(one.changed());
            asked.unanswered += u64::from(one.opinion.is_none());
        }
        asked
    }

    /// Adds the counts of others.
    pub(crate) const fn add(&mut self, other: Asked) {
        self.among += other.among;
        self.mentions += other.mentions;
        self.changed += other.changed;
        self.unanswered += other.unanswered;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_numbers_from_zero_to_one() {
        assert_eq!(share("0.25"), Ok(0.25));
        for bad in ["-0.1", "1.1", "nan", "inf", "", "half"] {
            assert!(share(bad).is_err(), "{bad}");
        }
    }
}
