//! What computes: the network, in pure Rust by rten or by ONNX Runtime.
//!
//! One question a run. A batch is no faster (the matrices of one sentence fill a core already), and this way an answer
//! cannot depend on what stands beside its question: no padding, no other rows, one thread.

use super::library;
use super::manifest::{Input, Manifest};
use crate::guard::guarded;
use rten_tensor::{AsView, Layout, NdTensor};
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// A network that is ready to run, from any number of threads at once.
pub(super) enum Network {
    Rten(Box<Rten>),
    OnnxRuntime(Box<OnnxRuntime>),
}

impl Network {
    /// The network of these bytes in pure Rust.
    pub(super) fn rten(bytes: Vec<u8>, manifest: &Manifest) -> Result<Network, String> {
        // rten reads what onnx.proto allows, and panics on little of it; a file by someone else may be that little.
        may_open()?;
        let mut options = rten::ModelOptions::with_all_ops();
        options.prepack_weights(true);
        let model = guarded(|| options.load(bytes).map_err(|e| e.to_string()))?;
        let named = |ids: &[rten::NodeId]| -> Vec<String> {
            ids.iter().map(|id| model.node_info(*id).and_then(|i| i.name()).unwrap_or("?").to_owned()).collect()
        };
        fits(&named(model.input_ids()), &named(model.output_ids()), manifest)?;
        let mut inputs = Vec::new();
        for input in &manifest.inputs {
            inputs.push((*input, model.node_id(input.name()).map_err(|e| e.to_string())?));
        }
        let output = model.node_id(&manifest.output).map_err(|e| e.to_string())?;
        Ok(Network::Rten(Box::new(Rten { model, inputs, output, pools: Mutex::default() })))
    }

    /// The network of these bytes in ONNX Runtime, from a library or from where it is found.
    pub(super) fn onnx_runtime(bytes: &[u8], library: Option<&Path>, manifest: &Manifest) -> Result<Network, String> {
        let runtime = library::load(library)?;
        let session = runtime.session(bytes)?;
        let named = |outlets: &[ort::value::Outlet]| outlets.iter().map(|o| o.name().to_owned()).collect::<Vec<_>>();
        fits(&named(session.inputs()), &named(session.outputs()), manifest)?;
        Ok(Network::OnnxRuntime(Box::new(OnnxRuntime {
            runtime,
            bytes: bytes.to_vec(),
            inputs: manifest.inputs.clone(),
            output: manifest.output.clone(),
            sessions: Mutex::new(vec![session]),
        })))
    }

    /// What runs it, and its version.
    pub(super) fn told(&self) -> String {
        match self {
            Network::Rten(_) => "rten (pure Rust)".to_owned(),
            Network::OnnxRuntime(network) => network.runtime.told.clone(),
        }
    }

    /// The output for one text's ids.
    pub(super) fn run(&self, ids: &[u32]) -> Result<Vec<f32>, String> {
        match self {
            Network::Rten(network) => guarded(|| network.run(ids)),
            Network::OnnxRuntime(network) => network.run(ids),
        }
    }
}

/// Whether a network takes and gives what the manifest says.
fn fits(inputs: &[String], outputs: &[String], manifest: &Manifest) -> Result<(), String> {
    let stated: Vec<&str> = manifest.inputs.iter().map(|i| i.name()).collect();
    let mut taken: Vec<&str> = inputs.iter().map(String::as_str).collect();
    let mut expected = stated.clone();
    taken.sort_unstable();
    expected.sort_unstable();
    if taken != expected {
        return Err(format!("the network takes {}; the manifest says {}", taken.join(", "), expected.join(", ")));
    }
    if !outputs.contains(&manifest.output) {
        return Err(format!("the network gives {}; the manifest says {}", outputs.join(", "), manifest.output));
    }
    Ok(())
}

/// The numbers of an input.
fn numbers<T: From<bool>>(input: Input, ids: &[u32], id: impl Fn(u32) -> T) -> Vec<T> {
    match input {
        Input::Ids => ids.iter().map(|i| id(*i)).collect(),
        Input::Mask => ids.iter().map(|_| T::from(true)).collect(),
        Input::Types => ids.iter().map(|_| T::from(false)).collect(),
    }
}

/// A row of numbers of the right shape; `shape` is what the network gave.
fn row(shape: &[usize], values: Vec<f32>) -> Result<Vec<f32>, String> {
    match shape {
        [1, labels] if *labels == values.len() => Ok(values),
        _ => Err(format!("the output's shape is {shape:?}; expected [1, labels]")),
    }
}

/// rten opens a network in threads that it keeps for the process. They do not survive a fork, and who then waits for
/// them waits for ever: better told. (Running is no such matter, see `Pools`.)
fn may_open() -> Result<(), String> {
    static OPENED_IN: OnceLock<u32> = OnceLock::new();
    if *OPENED_IN.get_or_init(std::process::id) == std::process::id() {
        return Ok(());
    }
    Err("cannot be opened in a process that was forked from one that had opened a model; \
         expected it to be opened before the fork, or the process to be spawned"
        .to_owned())
}

/// Pools of one thread that no caller uses now, and the process that made them: a fork (Python's `multiprocessing`)
/// copies the pools and not their threads.
#[derive(Default)]
struct Pools {
    process: u32,
    free: Vec<Arc<rten::ThreadPool>>,
}

impl Pools {
    fn take(&mut self) -> Arc<rten::ThreadPool> {
        let process = std::process::id();
        if self.process != process {
            self.process = process;
            // Never dropped: that would call on threads that are not there.
            std::mem::forget(std::mem::take(&mut self.free));
        }
        self.free.pop().unwrap_or_else(|| Arc::new(rten::ThreadPool::with_num_threads(1)))
    }
}

pub(super) struct Rten {
    model: rten::Model,
    inputs: Vec<(Input, rten::NodeId)>,
    output: rten::NodeId,
    /// A pool of one thread for every caller at a time, so that callers do not wait for each other.
    pools: Mutex<Pools>,
}

impl Rten {
    fn run(&self, ids: &[u32]) -> Result<Vec<f32>, String> {
        let pool = lock(&self.pools).take();
        let options = rten::RunOptions::default().with_thread_pool(Some(Arc::clone(&pool)));
        let inputs = self.inputs.iter().map(|&(input, node)| {
            let values = numbers(input, ids, |id| i32::try_from(id).unwrap_or(i32::MAX));
            (node, NdTensor::from_data([1, ids.len()], values).into())
        });
        let ran = self.model.run(inputs.collect(), &[self.output], Some(options));
        lock(&self.pools).free.push(pool);
        let output = ran.map_err(|e| e.to_string())?.pop().ok_or("the network gave nothing")?;
        let tensor: rten_tensor::Tensor<f32> = output.try_into().map_err(|_| "the output holds no 32-bit numbers")?;
        row(tensor.shape().as_ref(), tensor.to_vec())
    }
}

pub(super) struct OnnxRuntime {
    runtime: library::Library,
    bytes: Vec<u8>,
    inputs: Vec<Input>,
    output: String,
    /// A session for every caller at a time: a run needs one for itself.
    sessions: Mutex<Vec<ort::session::Session>>,
}

impl OnnxRuntime {
    fn run(&self, ids: &[u32]) -> Result<Vec<f32>, String> {
        let free = lock(&self.sessions).pop();
        let mut session = match free {
            Some(session) => session,
            None => self.runtime.session(&self.bytes)?,
        };
        let ran = self.run_in(&mut session, ids);
        lock(&self.sessions).push(session);
        ran
    }

    fn run_in(&self, session: &mut ort::session::Session, ids: &[u32]) -> Result<Vec<f32>, String> {
        let mut inputs = Vec::new();
        for input in &self.inputs {
            let values: Vec<i64> = numbers(*input, ids, i64::from);
            let tensor = ort::value::Tensor::from_array(([1, ids.len()], values)).map_err(|e| e.to_string())?;
            inputs.push((input.name(), tensor));
        }
        let outputs = session.run(inputs).map_err(|e| e.to_string())?;
        let output = outputs.get(&self.output).ok_or("the network gave nothing")?;
        let (shape, values) = output.try_extract_tensor::<f32>().map_err(|e| e.to_string())?;
        let shape: Vec<usize> = shape.iter().map(|n| usize::try_from(*n).unwrap_or(0)).collect();
        row(&shape, values.to_vec())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
