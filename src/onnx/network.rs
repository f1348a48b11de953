//! What computes: the network, in pure Rust by rten or by ONNX Runtime.
//!
//! One text a run: an answer cannot depend on what stands beside its question where nothing does. Batches of texts of
//! one length were tried (three layers, 7,000 tokens, 6 to 64 tokens a text, 1 to 32 texts): ONNX Runtime gave the same
//! bits in every batch, rten did not (a single row takes another path than two: 4e-6 in the logits), and which rows take
//! which path is for no caller to know. It costs little: texts in a second of one core, one by one and by 8,
//!
//! | tokens | rten | by 8 | ONNX Runtime | by 8 |
//! |---|---|---|---|---|
//! | 12 | 4,860 | 7,340 | 3,580 | 4,290 |
//! | 16 | 3,930 | 4,970 | 2,770 | 3,380 |
//! | 24 | 2,820 | 3,680 | 2,060 | 2,320 |
//! | 40 | 2,020 | 2,370 | 1,310 | 1,360 |
//! | 64 | 1,310 | 1,460 | 860 | 910 |
//!
//! One thread a run, and as many runs at once as there are callers.

use super::library::Library;
use super::manifest::{Input, Manifest};
use super::proto;
use crate::guard::guarded;
use ort::session::Session;
use ort::value::{Outlet, Tensor, TensorElementType};
use rten_tensor::{AsView, Layout, NdTensor};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;

/// A network that is ready to run, from any number of threads at once.
pub(super) enum Network {
    Rten(Box<Rten>),
    OnnxRuntime(Box<OnnxRuntime>),
}

/// The output for one text, or why there is none.
pub(super) type Output = Result<Vec<f32>, String>;

impl Network {
    /// The network of these bytes in pure Rust.
    pub(super) fn rten(bytes: Vec<u8>, manifest: &Manifest) -> Result<Network, String> {
        check_opset(&bytes, manifest)?;
        may_open()?;
        let mut options = rten::ModelOptions::with_all_ops();
        options.prepack_weights(true);
        // rten panics on little that it cannot read; a file by someone else may be that little.
        let model = guarded(|| options.load(bytes).map_err(|e| e.to_string()))
            .map_err(|e| format!("{} refuses the network: {}", rten_told(), first_line(&e)))?;
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

    /// The network of these bytes in ONNX Runtime.
    pub(super) fn onnx_runtime(bytes: Vec<u8>, runtime: Library, manifest: &Manifest) -> Result<Network, String> {
        check_opset(&bytes, manifest)?;
        let session = runtime.session(&bytes)?;
        let named = |outlets: &[Outlet]| outlets.iter().map(|o| o.name().to_owned()).collect::<Vec<_>>();
        fits(&named(session.inputs()), &named(session.outputs()), manifest)?;
        let mut inputs = Vec::new();
        for input in &manifest.inputs {
            let outlet = session.inputs().iter().find(|o| o.name() == input.name());
            let kind = outlet.and_then(|o| o.dtype().tensor_type());
            let wide = match kind {
                Some(TensorElementType::Int64) => true,
                Some(TensorElementType::Int32) => false,
                other => {
                    let found = other.map_or("no tensor".to_owned(), |t| format!("{t:?}"));
                    return Err(format!("{} is {found}; expected Int64 or Int32", input.name()));
                }
            };
            inputs.push((*input, wide));
        }
        let output = manifest.output.clone();
        Ok(Network::OnnxRuntime(Box::new(OnnxRuntime {
            runtime,
            bytes,
            inputs,
            output,
            sessions: Mutex::new(vec![session]),
        })))
    }

    /// What runs it, and its version.
    pub(super) fn told(&self) -> String {
        match self {
            Network::Rten(_) => rten_told(),
            Network::OnnxRuntime(network) => network.runtime.told.clone(),
        }
    }

    /// The outputs for the ids of some texts, one each.
    pub(super) fn run(&self, texts: &[Box<[u32]>]) -> Vec<Output> {
        if texts.is_empty() {
            return Vec::new();
        }
        match self {
            Network::Rten(network) => network.run(texts),
            Network::OnnxRuntime(network) => network.run(texts),
        }
    }
}

/// rten and its version, as the lock file pins it (a test holds the two together).
fn rten_told() -> String {
    format!("rten {RTEN}")
}

/// The version of rten that is built in; the crate does not tell.
pub(super) const RTEN: &str = "0.27.0";

fn check_opset(bytes: &[u8], manifest: &Manifest) -> Result<(), String> {
    let found = proto::opset(bytes)?;
    match manifest.opset {
        Some(stated) if stated != found => Err(format!("opset {found}; the manifest says {stated}")),
        _ => Ok(()),
    }
}

/// Whether a network takes and gives what the manifest says.
fn fits(inputs: &[String], outputs: &[String], manifest: &Manifest) -> Result<(), String> {
    let mut taken: Vec<&str> = inputs.iter().map(String::as_str).collect();
    let mut stated: Vec<&str> = manifest.inputs.iter().map(|i| i.name()).collect();
    taken.sort_unstable();
    stated.sort_unstable();
    if taken != stated {
        return Err(format!("the network takes {}; the manifest says {}", taken.join(", "), stated.join(", ")));
    }
    if !outputs.contains(&manifest.output) {
        return Err(format!("the network gives {}; the manifest says {}", outputs.join(", "), manifest.output));
    }
    Ok(())
}

/// The numbers of an input: a text without padding in one part.
fn numbers<T: From<bool>>(input: Input, ids: &[u32], id: impl Fn(u32) -> T) -> Vec<T> {
    match input {
        Input::Ids => ids.iter().map(|i| id(*i)).collect(),
        Input::Mask => ids.iter().map(|_| T::from(true)).collect(),
        Input::Types => ids.iter().map(|_| T::from(false)).collect(),
    }
}

/// Ids are far below 2^31; one that is not is out of every vocabulary.
fn narrow(id: u32) -> i32 {
    i32::try_from(id).unwrap_or(i32::MAX)
}

/// A row of numbers of the right shape; `shape` is what the network gave.
fn row(shape: &[usize], values: Vec<f32>) -> Output {
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
    /// rten computes on a rayon pool. A caller that is a worker of another one would, while it waits, take up further
    /// tasks of its own pool, and so on within those; a plain thread between the two waits and does nothing else.
    fn run(&self, texts: &[Box<[u32]>]) -> Vec<Output> {
        let pool = lock(&self.pools).take();
        let all = || pool.run(|| texts.iter().map(|ids| guarded(|| self.run_one(ids, &pool))).collect::<Vec<_>>());
        let ran = thread::scope(|scope| {
            let waiting = thread::Builder::new().name("refine".to_owned()).spawn_scoped(scope, all);
            waiting.map_err(|e| format!("no thread: {e}"))?.join().map_err(|_| "the thread broke off".to_owned())
        });
        lock(&self.pools).free.push(pool);
        ran.unwrap_or_else(|e| texts.iter().map(|_| Err(e.clone())).collect())
    }

    fn run_one(&self, ids: &[u32], pool: &Arc<rten::ThreadPool>) -> Output {
        let options = rten::RunOptions::default().with_thread_pool(Some(Arc::clone(pool)));
        let inputs = self
            .inputs
            .iter()
            .map(|&(input, node)| (node, NdTensor::from_data([1, ids.len()], numbers(input, ids, narrow)).into()));
        let ran = self.model.run(inputs.collect(), &[self.output], Some(options));
        let output = ran.map_err(|e| first_line(&e.to_string()).to_owned())?.pop().ok_or("the network gave nothing")?;
        let tensor: rten_tensor::Tensor<f32> = output.try_into().map_err(|_| "the output holds no 32-bit numbers")?;
        row(tensor.shape(), tensor.to_vec())
    }
}

pub(super) struct OnnxRuntime {
    runtime: Library,
    /// For further sessions.
    bytes: Vec<u8>,
    /// What it takes; whether as 64-bit numbers.
    inputs: Vec<(Input, bool)>,
    output: String,
    /// A session for every caller at a time: a run needs one for itself. Each holds the weights once more.
    sessions: Mutex<Vec<Session>>,
}

impl OnnxRuntime {
    fn run(&self, texts: &[Box<[u32]>]) -> Vec<Output> {
        let free = lock(&self.sessions).pop();
        let mut session = match free.map_or_else(|| self.runtime.session(&self.bytes), Ok) {
            Ok(session) => session,
            Err(e) => return texts.iter().map(|_| Err(e.clone())).collect(),
        };
        let ran = texts.iter().map(|ids| guarded(|| self.run_one(&mut session, ids))).collect();
        lock(&self.sessions).push(session);
        ran
    }

    fn run_one(&self, session: &mut Session, ids: &[u32]) -> Output {
        let told = |e: ort::Error| first_line(&e.to_string()).to_owned();
        let mut inputs = Vec::new();
        for &(input, wide) in &self.inputs {
            let shape = [1, ids.len()];
            let tensor = if wide {
                Tensor::from_array((shape, numbers(input, ids, i64::from))).map_err(told)?.into_dyn()
            } else {
                Tensor::from_array((shape, numbers(input, ids, narrow))).map_err(told)?.into_dyn()
            };
            inputs.push((input.name(), tensor));
        }
        let outputs = session.run(inputs).map_err(told)?;
        let output = outputs.get(&self.output).ok_or("the network gave nothing")?;
        let (shape, values) = output.try_extract_tensor::<f32>().map_err(told)?;
        let shape: Vec<usize> = shape.iter().map(|n| usize::try_from(*n).unwrap_or(0)).collect();
        row(&shape, values.to_vec())
    }
}

/// What a runtime says first; the rest is where in its own code.
pub(super) fn first_line(message: &str) -> &str {
    message.lines().next().unwrap_or_default()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
