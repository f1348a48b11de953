//! ONNX models that judge doubtful mentions, in pure Rust (rten) or by ONNX Runtime where it is found at run time.
//!
//! A model is a folder: a manifest (`manifest.toml`), the network, its tokenizer.

use crate::error::Error;
use crate::refine::{Judge, Opinion, Question};
use std::path::PathBuf;

/// What runs a network.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Runtime {
    /// In pure Rust: needs nothing.
    #[default]
    Rten,
    /// ONNX Runtime, from this library or from where it is found.
    OnnxRuntime(Option<PathBuf>),
}

impl std::str::FromStr for Runtime {
    type Err = String;

    fn from_str(told: &str) -> Result<Runtime, String> {
        match told.split_once('=') {
            None if told == "rten" => Ok(Runtime::Rten),
            None if told == "onnxruntime" => Ok(Runtime::OnnxRuntime(None)),
            Some(("onnxruntime", path)) if !path.is_empty() => Ok(Runtime::OnnxRuntime(Some(path.into()))),
            _ => Err("expected rten, onnxruntime or onnxruntime=PATH".to_owned()),
        }
    }
}

/// Which model, run how.
#[derive(Clone, Debug, Default)]
pub(crate) struct Settings {
    /// The folder of a model; the built-in one where none is named.
    pub(crate) model: Option<PathBuf>,
    pub(crate) runtime: Runtime,
}

/// A model that is ready to judge.
pub(crate) struct Model {}

impl Model {
    /// Opens and checks a model.
    pub(crate) fn open(_settings: &Settings) -> Result<Model, Error> {
        Ok(Model {})
    }

    /// What tells it from any other model: a hash of its files.
    pub(crate) fn digest(&self) -> &str {
        ""
    }

    /// What runs it, for messages: name, version and library.
    pub(crate) fn runtime(&self) -> &str {
        ""
    }
}

impl Judge for Model {
    fn judge(&self, questions: &[Question<'_>]) -> Vec<Option<Opinion>> {
        vec![None; questions.len()]
    }

    fn name(&self) -> &str {
        "assertion"
    }

    fn trust(&self) -> f32 {
        1.0
    }

    fn below(&self) -> f32 {
        0.9
    }
}
