//! ONNX models that judge doubtful mentions, in pure Rust (rten) or by ONNX Runtime where it is found at run time.
//!
//! A model is a folder: a manifest (`manifest.toml`, see `models/README.md`), the network, its tokenizer. All of it is
//! checked when it is opened: digests, inputs, output, labels, markers, vocabulary, known answers. After that a
//! question without an answer is an answer of its own, never the end of a run.

mod cache;
mod encode;
mod library;
mod manifest;
mod network;
mod proto;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tiny;

use crate::error::Error;
use crate::refine::{Judge, Opinion, Question, Verdict};
use crate::span::Span;
use cache::Cache;
use encode::Encoder;
use manifest::{Manifest, marked};
use network::Network;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// How far an answer may be from the one that the manifest states: runtimes add up in different orders.
const TOLERANCE: f32 = 1e-3;
/// Tokens of the shortest text that is tried out.
const SHORTEST: usize = 8;
/// A file of a model is no larger than this.
const LARGEST: u64 = 2 << 30;

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

    fn from_str(text: &str) -> Result<Runtime, String> {
        match text.split_once('=') {
            None if text == "rten" => Ok(Runtime::Rten),
            None if text == "onnxruntime" => Ok(Runtime::OnnxRuntime(None)),
            Some(("onnxruntime", path)) if !path.is_empty() => Ok(Runtime::OnnxRuntime(Some(path.into()))),
            _ => Err("expected rten, onnxruntime or onnxruntime=PATH".to_owned()),
        }
    }
}

/// Which model, run how.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Settings {
    /// The folder of a model; the built-in one where none is named.
    pub(crate) model: Option<PathBuf>,
    pub(crate) runtime: Runtime,
}

/// A model that is ready to judge.
pub(crate) struct Model {
    manifest: Manifest,
    name: String,
    digest: String,
    runtime: String,
    encoder: Encoder,
    network: Network,
    cache: Cache,
}

/// The files of a model.
struct Files {
    /// What errors call the folder.
    place: String,
    manifest: String,
    network: Vec<u8>,
    tokenizer: Vec<u8>,
}

impl Files {
    fn built_in() -> Files {
        let (manifest, network, tokenizer) = crate::embedded::assertion_model();
        Files {
            place: "the built-in model".to_owned(),
            manifest: manifest.to_owned(),
            network: network.to_vec(),
            tokenizer: tokenizer.to_vec(),
        }
    }

    fn of(folder: &Path) -> Result<Files, Error> {
        let path = folder.join(manifest::NAME);
        let text = std::fs::read_to_string(&path).map_err(|e| {
            let expected = "expected a folder with manifest.toml, a network and its tokenizer";
            Error::input(path.display().to_string(), format!("{e}; {expected}"))
        })?;
        let manifest = Manifest::read(&text, &path.display().to_string())?;
        let read = |name: &str| {
            let path = folder.join(name);
            let size = std::fs::metadata(&path).map(|m| m.len());
            match size {
                Ok(size) if size > LARGEST => {
                    Err(Error::input(path.display().to_string(), format!("{size} bytes; expected {LARGEST} at most")))
                }
                _ => std::fs::read(&path).map_err(|e| Error::input(path.display().to_string(), e.to_string())),
            }
        };
        Ok(Files {
            place: folder.display().to_string(),
            network: read(&manifest.model.file)?,
            tokenizer: read(&manifest.tokenizer.file)?,
            manifest: text,
        })
    }
}

impl Model {
    /// Opens and checks a model.
    pub(crate) fn open(settings: &Settings) -> Result<Model, Error> {
        let files = match &settings.model {
            Some(folder) => Files::of(folder)?,
            None => Files::built_in(),
        };
        Model::ready(files, &settings.runtime)
    }

    fn ready(files: Files, runtime: &Runtime) -> Result<Model, Error> {
        let Files { place, manifest, network, tokenizer } = files;
        // The manifest holds the digests of the others.
        let whole = digest(manifest.as_bytes());
        let in_file = |name: &str| Path::new(&place).join(name).display().to_string();
        let manifest = Manifest::read(&manifest, &in_file(manifest::NAME))?;
        for (part, bytes) in [(&manifest.model, &network), (&manifest.tokenizer, &tokenizer)] {
            let found = digest(bytes);
            if !found.eq_ignore_ascii_case(&part.sha256) {
                let message = format!("sha256 {found}; the manifest says {}: damaged or changed", part.sha256);
                return Err(Error::input(in_file(&part.file), message));
            }
        }
        let (of_network, of_manifest) = (in_file(&manifest.model.file), in_file(manifest::NAME));
        let at_network = |message: String| Error::input(of_network.clone(), message);
        let encoder =
            Encoder::new(&tokenizer, &manifest).map_err(|m| Error::input(in_file(&manifest.tokenizer.file), m))?;
        let network = match runtime {
            Runtime::Rten => Network::rten(network, &manifest).map_err(at_network)?,
            Runtime::OnnxRuntime(library) => {
                let library = library::load(library.as_deref()).map_err(Error::Usage)?;
                Network::onnx_runtime(network, library, &manifest).map_err(at_network)?
            }
        };
        let model = Model {
            name: format!("{} {}", manifest.name, manifest.release),
            digest: whole,
            runtime: network.told(),
            encoder,
            network,
            manifest,
            cache: Cache::default(),
        };
        model.try_out().map_err(at_network)?;
        model.check().map_err(|m| Error::input(of_manifest, m))?;
        Ok(model)
    }

    /// Runs the network on inputs of every length that reach both ends of its vocabulary and of its positions.
    fn try_out(&self) -> Result<(), String> {
        let [start, end] = self.encoder.markers();
        let most = self.manifest.max_tokens;
        for length in [SHORTEST, most / 2, most] {
            let mut ids = vec![0; length.max(SHORTEST)];
            (ids[1], ids[3], ids[5]) = (self.encoder.highest(), start, end);
            let output = self.network.run(&[ids.into()]).pop().unwrap_or_else(|| Err("no answer".to_owned()));
            let logits = output.map_err(|e| format!("fails on {length} tokens: {e}"))?;
            let labels = self.manifest.labels.len();
            if logits.len() != labels {
                return Err(format!("gives {} numbers a question; the manifest has {labels} labels", logits.len()));
            }
            if logits.iter().any(|l| !l.is_finite()) {
                return Err(format!("gives numbers that are not finite on {length} tokens"));
            }
        }
        Ok(())
    }

    /// Asks the questions whose answers the manifest states.
    fn check(&self) -> Result<(), String> {
        for (number, check) in self.manifest.checks.iter().enumerate() {
            let Some((before, mention, after)) = marked(&check.sentence, &self.manifest.markers) else { continue };
            let sentence = format!("{before}{mention}{after}");
            let span = Span::new(before.len() as u32, (before.len() + mention.len()) as u32);
            let question = Question { sentence: &sentence, mention: span, section: &check.section };
            let Some(Opinion(given)) = self.judge(&[question]).pop().flatten() else {
                return Err(format!("check {}: the network gives no answer", number + 1));
            };
            // By the verdicts, not by the labels: labels in another order must not agree with themselves.
            let told = Verdict::ALL.into_iter().filter(|verdict| self.manifest.labels.contains(verdict));
            for (verdict, &stated) in told.zip(&check.probabilities) {
                let found = given[verdict as usize];
                if (found - stated).abs() > TOLERANCE {
                    return Err(format!(
                        "check {}: {} is {found:.4}, stated as {stated:.4}: the tokenizer, the network or its labels are \
                         not those that the manifest was written for",
                        number + 1,
                        verdict.name()
                    ));
                }
            }
        }
        Ok(())
    }

    /// Logits as probabilities of the verdicts; `None` where they are no numbers.
    fn opinion(&self, logits: &[f32]) -> Option<Opinion> {
        if logits.len() != self.manifest.labels.len() || logits.iter().any(|l| !l.is_finite()) {
            return None;
        }
        let highest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let temperature = f64::from(self.manifest.temperature);
        let powers: Vec<f64> =
            logits.iter().map(|l| ((f64::from(*l) - f64::from(highest)) / temperature).exp()).collect();
        let sum: f64 = powers.iter().sum();
        let mut out = [0.0; Verdict::ALL.len()];
        for (verdict, power) in self.manifest.labels.iter().zip(powers) {
            out[*verdict as usize] = (power / sum) as f32;
        }
        Some(Opinion(out))
    }

    /// What runs it, for messages: name, version and library.
    pub(crate) fn runtime(&self) -> &str {
        &self.runtime
    }

    /// What tells it from any other model: the digest of its manifest, which holds those of its files.
    pub(crate) fn digest(&self) -> &str {
        &self.digest
    }
}

impl Judge for Model {
    fn judge(&self, questions: &[Question<'_>]) -> Vec<Option<Opinion>> {
        let encoded: Vec<Option<Box<[u32]>>> = questions.iter().map(|q| self.encoder.encode(q)).collect();
        // Each text that is new is run once, however often it is asked about.
        let mut texts: Vec<Box<[u32]>> = Vec::new();
        let mut places = HashMap::new();
        let mut known: Vec<Option<Opinion>> = Vec::with_capacity(questions.len());
        let mut waiting = Vec::new();
        for (i, ids) in encoded.into_iter().enumerate() {
            let cached = ids.as_ref().and_then(|ids| self.cache.get(ids));
            known.push(cached);
            match ids {
                Some(ids) if cached.is_none() => {
                    let next = texts.len();
                    let place = *places.entry(ids.clone()).or_insert(next);
                    if place == next {
                        texts.push(ids);
                    }
                    waiting.push((i, place));
                }
                _ => {}
            }
        }
        let answers: Vec<Option<Opinion>> = (self.network.run(&texts).into_iter().zip(&texts))
            .map(|(output, ids)| {
                let opinion = self.opinion(&output.ok()?)?;
                self.cache.put(ids, opinion);
                Some(opinion)
            })
            .collect();
        for (i, place) in waiting {
            known[i] = answers[place];
        }
        known
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn trust(&self) -> f32 {
        self.manifest.trust
    }

    fn below(&self) -> f32 {
        self.manifest.below
    }
}

/// SHA-256 in hexadecimal.
fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect()
}
