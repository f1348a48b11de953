//! `radlabel.Engine`: what the command line does to files, for texts of a running Python program.

use super::batch::{Job, labelled};
use super::fault;
use super::table::Table;
use super::texts::{Texts, text};
use crate::cli::refine::{RefineOptions, Refiner, UNANSWERED};
use crate::cli::{DataOptions, Versions, value_name};
use crate::label::Policy;
use crate::output::{Answers, Line, Offsets, Shape, Whole};
use crate::rules::{BoundScheme, Hierarchy};
use crate::{Analysis, Engine, Metadata, Report, Scratch};
use clap::ValueEnum;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyType};
use std::borrow::Cow;
use std::cell::RefCell;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

/// The built-in engine, which all of a process share.
static BUILT_IN: OnceLock<Arc<(Engine, Versions)>> = OnceLock::new();

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

/// Lexicons, rules and label schemes, ready to read reports. Made once, used from any number of threads; it can be
/// pickled, so that ``multiprocessing`` and Spark can send it.
///
/// ``lexicons`` and ``rules`` are folders of files that are added to the built-in ones (a file of the same name
/// replaces it); ``schemes`` names one or several label schemes (left out: ``"chexpert"``); ``policy`` says what an uncertain label becomes:
/// ``"keep"``, ``"ones"``, ``"zeros"`` or ``"ignore"``; ``propagate`` says which way values travel along a scheme's
/// hierarchy: ``"up"``, ``"down"``, ``["up", "down"]`` or ``"none"`` (left out: as the scheme says).
///
/// ``refine`` asks a small model about the mentions that the rules are in doubt of, as the command line's ``--refine``;
/// it needs no network. ``refine_below`` is the confidence of the rules below which it is asked, from 0 to 1 (left out:
/// as the model says), ``refine_all`` asks about all mentions, ``model`` names the folder of a model of your own,
/// ``runtime`` says what runs it: ``"rten"`` (built in), ``"onnxruntime"`` or ``"onnxruntime=PATH"`` of its library.
/// Any of these four asks for refinement without ``refine`` too.
///
/// >>> engine = radlabel.Engine()
/// >>> engine.label("FINDINGS: No pleural effusion. The heart is enlarged.")
/// {'Cardiomegaly': 'present', 'Pleural Effusion': 'absent'}
/// >>> refining = radlabel.Engine(refine_below=0.0)  # no doubt is so great: the model is asked about nothing
/// >>> refining.label("Possible pneumonia.") == engine.label("Possible pneumonia.")
/// True
#[pyclass(name = "Engine", module = "radlabel", frozen)]
pub(super) struct PyEngine {
    loaded: Arc<(Engine, Versions)>,
    /// Doubtful mentions are asked of it.
    refiner: Option<Refiner>,
    settings: Settings,
}

/// The arguments of the constructor.
#[derive(Clone)]
struct Settings {
    lexicons: Option<PathBuf>,
    rules: Option<PathBuf>,
    schemes: Vec<String>,
    policy: Policy,
    propagate: Option<Vec<String>>,
    refine: RefineOptions,
}

const POLICIES: [(&str, Policy); 4] =
    [("keep", Policy::Keep), ("ones", Policy::Ones), ("zeros", Policy::Zeros), ("ignore", Policy::Ignore)];

/// One word, or several.
#[derive(FromPyObject)]
enum Words {
    One(String),
    Several(Vec<String>),
}

impl Words {
    fn list(self) -> Vec<String> {
        match self {
            Words::One(words) => words.split(',').map(|w| w.trim().to_owned()).collect(),
            Words::Several(words) => words,
        }
    }
}

impl PyEngine {
    fn engine(&self) -> &Engine {
        &self.loaded.0
    }

    /// What is found in a text, with doubtful mentions settled where a model is asked.
    fn read(&self, text: &str) -> Analysis {
        let mut analysis = SCRATCH.with_borrow_mut(|scratch| self.engine().analyze_with(scratch, text));
        if let Some(refiner) = &self.refiner {
            refiner.refine_one(self.engine(), text, &mut analysis);
        }
        analysis
    }

    /// The name of the model that is asked.
    fn model(&self) -> Option<&str> {
        self.refiner.as_ref().map(Refiner::name)
    }

    /// The schemes asked for, each with the way its values travel.
    fn schemes(&self) -> Result<Vec<(&BoundScheme, Hierarchy)>, crate::Error> {
        let told = |way: &str| self.settings.propagate.as_ref().is_some_and(|ways| ways.iter().any(|w| w == way));
        let travels = |bound: &BoundScheme| match self.settings.propagate {
            None => bound.scheme.hierarchy,
            Some(_) => Hierarchy { up: told("up"), down: told("down") },
        };
        self.settings.schemes.iter().map(|id| self.engine().scheme(id).map(|bound| (bound, travels(bound)))).collect()
    }

    /// The JSON line of a report.
    fn line(&self, report: &Report, facts: bool, alerts: bool, confidence: bool) -> Result<Vec<u8>, crate::Error> {
        let engine = self.engine();
        let analysis = self.read(&report.text);
        let mut offsets = Offsets::default();
        offsets.set(&report.text);
        let mut labelled = labelled(engine, &self.schemes()?, &report.text, &analysis);
        let mut more = Vec::new();
        if confidence {
            for (one, (bound, _)) in labelled.iter_mut().zip(self.schemes()?) {
                one.confidence = engine.confidences(&analysis, &report.text, bound, &one.labels).unwrap_or_default();
            }
            crate::output::confidence(&mut more, &labelled, self.settings.policy);
        }
        let whole = Whole { engine, text: &report.text, offsets: &offsets };
        if facts {
            whole.facts(&mut more, &engine.facts(report, &analysis), &engine.grades_of(&report.text, &analysis));
        }
        if alerts {
            whole.alerts(&mut more, &engine.safety(report, &analysis, &Metadata::default()));
        }
        let mut notes: Vec<Cow<'static, str>> = analysis.notes.iter().map(|n| n.text().into()).collect();
        if analysis.refined.iter().any(|one| one.opinion.is_none()) {
            notes.push(UNANSWERED.into());
        }
        let mut out = Vec::new();
        let line = Line {
            engine,
            policy: self.settings.policy,
            report,
            analysis: &analysis,
            labelled: &labelled,
            notes: &notes,
            offsets: &offsets,
            more: &more,
            text: false,
            confidence,
            model: self.model(),
        };
        line.write(&mut out);
        Ok(out)
    }
}

/// A JSON line as Python's objects.
fn parsed<'py>(py: Python<'py>, line: &[u8]) -> PyResult<Bound<'py, PyAny>> {
    py.import("json")?.call_method1("loads", (line,))
}

#[pymethods]
impl PyEngine {
    #[new]
    #[pyo3(signature = (
        lexicons=None, rules=None, schemes=None, policy="keep", propagate=None,
        refine=false, refine_below=None, refine_all=false, model=None, runtime=None,
    ))]
    #[expect(clippy::too_many_arguments, reason = "Python's names for them")]
    fn new(
        py: Python<'_>,
        lexicons: Option<PathBuf>,
        rules: Option<PathBuf>,
        schemes: Option<Words>,
        policy: &str,
        propagate: Option<Words>,
        refine: bool,
        refine_below: Option<f32>,
        refine_all: bool,
        model: Option<PathBuf>,
        runtime: Option<String>,
    ) -> PyResult<PyEngine> {
        let Some(&(_, policy)) = POLICIES.iter().find(|(name, _)| *name == policy) else {
            return Err(fault(format!("unknown policy \"{policy}\"; expected keep, ones, zeros or ignore")));
        };
        let propagate = propagate.map(Words::list);
        let ways = propagate.iter().flatten();
        if let Some(way) = ways.clone().find(|w| !["up", "down", "none"].contains(&w.as_str())) {
            return Err(fault(format!("propagate: unknown way \"{way}\"; expected up, down or none")));
        }
        if ways.clone().any(|w| w == "none") && ways.count() > 1 {
            return Err(fault("propagate: none together with another way; expected one or the other"));
        }
        let schemes = schemes.map_or_else(|| vec!["chexpert".to_owned()], Words::list);
        if schemes.is_empty() {
            return Err(fault("schemes: none named; expected one or several"));
        }
        if let Some((i, id)) = schemes.iter().enumerate().find(|(i, id)| schemes[..*i].contains(id)) {
            return Err(fault(format!("schemes[{i}]: \"{id}\" stands twice")));
        }
        if let Some(below) = refine_below.filter(|p| !(0.0..=1.0).contains(p)) {
            return Err(fault(format!("refine_below: {below}; expected a number from 0 to 1")));
        }
        if refine_below.is_some() && refine_all {
            return Err(fault("refine_below together with refine_all; expected one or the other"));
        }
        #[cfg(feature = "onnx")]
        if let Some(told) = &runtime {
            told.parse::<crate::onnx::Runtime>().map_err(|e| fault(format!("unknown runtime \"{told}\"; {e}")))?;
        }
        let refine = RefineOptions { refine, refine_below, refine_all, model, runtime };
        let settings = Settings { lexicons, rules, schemes, policy, propagate, refine };
        py.detach(|| {
            let load = || DataOptions::load(settings.lexicons.clone(), settings.rules.clone()).map(Arc::new);
            let loaded = match (&settings.lexicons, &settings.rules) {
                (None, None) => match BUILT_IN.get() {
                    Some(loaded) => loaded.clone(),
                    None => {
                        let loaded = load()?;
                        BUILT_IN.get_or_init(|| loaded).clone()
                    }
                },
                _ => load()?,
            };
            let refiner = settings.refine.open()?;
            let made = PyEngine { loaded, refiner, settings };
            // An unknown scheme is told now, not at the first report.
            made.schemes()?;
            Ok(made)
        })
    }

    /// The labels of one report: what is not mentioned is left out. With several schemes, a dict a scheme.
    ///
    /// >>> radlabel.Engine(policy="ones").label("Possible pneumonia.")
    /// {'Pneumonia': 'present'}
    fn label<'py>(&self, py: Python<'py>, text: &Bound<'py, PyString>) -> PyResult<Bound<'py, PyDict>> {
        let text = self::text(text)?;
        let found = py.detach(|| {
            let analysis = self.read(&text);
            Ok::<_, crate::Error>(labelled(self.engine(), &self.schemes()?, &text, &analysis))
        })?;
        let out = PyDict::new(py);
        for one in &found {
            let inner = if found.len() == 1 { out.clone() } else { PyDict::new(py) };
            for label in &one.labels {
                if let Some(value) = self.settings.policy.apply(label.value) {
                    inner.set_item(&*one.scheme.labels[label.label as usize].name, value.name())?;
                }
            }
            if found.len() > 1 {
                out.set_item(&*one.scheme.id, inner)?;
            }
        }
        Ok(out)
    }

    /// All that is found in one report, as a line of ``radlabel label --format jsonl``: labels, mentions with their
    /// evidence, notes; offsets are those of Python's strings. ``facts`` adds the facts of the examination and
    /// grades, ``alerts`` what deserves somebody's eye, ``confidence`` for each label and mention the probability that a
    /// careful reader of the report says the same.
    ///
    /// >>> report = "No pleural effusion."
    /// >>> mention = radlabel.Engine().analyze(report)["mentions"][0]
    /// >>> report[mention["start"]:mention["end"]], mention["status"], mention["evidence"][0]["rule"]
    /// ('pleural effusion', 'absent', 'no')
    #[pyo3(signature = (text, id=None, *, facts=false, alerts=false, confidence=false))]
    fn analyze<'py>(
        &self,
        py: Python<'py>,
        text: &Bound<'py, PyString>,
        id: Option<&str>,
        facts: bool,
        alerts: bool,
        confidence: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        let report = Report::new(id.unwrap_or("1"), self::text(text)?);
        let line = py.detach(|| self.line(&report, facts, alerts, confidence))?;
        parsed(py, &line)
    }

    /// A table of many reports, read on several threads (``threads``; left out: all cores).
    ///
    /// ``table`` is ``"reports"`` (a column a label: 1 present, 0 absent, -1 uncertain, null not mentioned),
    /// ``"labels-long"`` (a row a label that is mentioned), ``"findings"`` or ``"mentions"`` (offsets in code points).
    /// Where a model is asked, ``"mentions"`` has what it said too.
    /// ``texts`` and ``ids`` are lists, ``pyarrow`` arrays, pandas or Polars series; what Arrow holds is read without
    /// a copy. A missing text is an empty report, a missing id is the number of its row, from 1.
    ///
    /// >>> table = radlabel.Engine().label_batch(["No effusion.", "Possible pneumonia."], ids=["a", "b"])
    /// >>> table.to_arrow().select(["id", "Pneumonia", "Pleural Effusion"]).to_pylist()[1]
    /// {'id': 'b', 'Pneumonia': -1, 'Pleural Effusion': None}
    #[pyo3(signature = (texts, ids=None, *, threads=None, table="reports"))]
    fn label_batch(
        &self,
        py: Python<'_>,
        texts: &Bound<'_, PyAny>,
        ids: Option<&Bound<'_, PyAny>>,
        threads: Option<usize>,
        table: &str,
    ) -> PyResult<Table> {
        let texts = Texts::take(texts, "texts")?;
        let ids = ids.map(Texts::take_ids).transpose()?;
        if let Some(ids) = ids.as_ref().filter(|ids| ids.len() != texts.len()) {
            return Err(fault(format!("{} ids for {} texts; expected as many", ids.len(), texts.len())));
        }
        let threads = match threads {
            Some(0) => return Err(fault("threads: 0; expected 1 or more")),
            Some(threads) => threads,
            None => std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
        };
        let job = self.job(&texts, ids.as_ref(), table)?;
        let schema = job.schema(&self.loaded.1);
        let batches = job.run(py, &schema, threads)?;
        Ok(Table::new(schema, batches))
    }

    /// An empty table with the columns that ``label_batch`` gives.
    #[pyo3(signature = (table="reports"))]
    fn schema(&self, table: &str) -> PyResult<Table> {
        let texts = Texts::default();
        Ok(Table::new(self.job(&texts, None, table)?.schema(&self.loaded.1), Vec::new()))
    }

    /// Judges spans that you bring, known to the lexicon or not: one dict a span, in the order given, as a line of
    /// ``radlabel assert`` has them. Offsets are those of Python's strings. ``confidence`` adds to each the probability
    /// that a careful reader of the report says the same.
    ///
    /// >>> report = "No sign of Kartagener syndrome."
    /// >>> [a["status"] for a in radlabel.Engine().assert_spans(report, [(11, 30)])]
    /// ['absent']
    #[pyo3(signature = (text, spans, *, confidence=false))]
    fn assert_spans<'py>(
        &self,
        py: Python<'py>,
        text: &Bound<'py, PyString>,
        spans: Vec<(i64, i64)>,
        confidence: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        let text = self::text(text)?;
        let mut offsets = Offsets::default();
        offsets.set(&text);
        let place = |(i, &(start, end)): (usize, &(i64, i64))| {
            let whole = u64::try_from(start).ok().zip(u64::try_from(end).ok());
            let (start, end) =
                whole.ok_or_else(|| fault(format!("span {i}: expected two whole numbers [start, end]")))?;
            crate::cli::assert::located(start, end, &text, &offsets).map_err(|m| fault(format!("span {i}: {m}")))
        };
        let spans = spans.iter().enumerate().map(place).collect::<PyResult<Vec<_>>>()?;
        let mut line = Vec::new();
        py.detach(|| {
            let mut answers = self.engine().assert_spans(&text, &spans);
            if let Some(refiner) = &self.refiner {
                refiner.refine_spans(self.engine(), &mut [(&text, &mut answers)]);
            }
            let (engine, text, offsets, model) = (self.engine(), &*text, &offsets, self.model());
            Answers { engine, id: "1", text, offsets, answers: &answers, confidence, model }.write(&mut line);
        });
        parsed(py, &line)?.get_item("assertions")
    }

    /// The report with its findings marked, and for every label of a scheme (left out: the first of the engine's)
    /// the words and the rule that decided it. A notebook shows it as a page; ``print`` shows it as text.
    ///
    /// >>> str(radlabel.Engine().explain("No effusion.")).splitlines()[2]
    /// '  No [effusion|absent].'
    #[pyo3(signature = (text, id="report", scheme=None))]
    fn explain(
        &self,
        py: Python<'_>,
        text: &Bound<'_, PyString>,
        id: &str,
        scheme: Option<&str>,
    ) -> PyResult<Explanation> {
        let report = Report::new(id, self::text(text)?);
        let bound = self.engine().scheme(scheme.unwrap_or(&self.settings.schemes[0]))?;
        let (html, text) =
            py.detach(|| crate::cli::explain::shown(self.engine(), bound, self.refiner.as_ref(), &report));
        Ok(Explanation { html, text })
    }

    /// Names of the labels of a scheme, in its order (left out: the first of the engine's).
    ///
    /// >>> radlabel.Engine().labels("chexpert")[:2]
    /// ['No Finding', 'Enlarged Cardiomediastinum']
    #[pyo3(signature = (scheme=None))]
    fn labels(&self, scheme: Option<&str>) -> PyResult<Vec<String>> {
        let bound = self.engine().scheme(scheme.unwrap_or(&self.settings.schemes[0]))?;
        Ok(bound.scheme.labels.iter().map(|l| l.name.to_string()).collect())
    }

    /// What the lexicon knows of a concept: ``id``, ``name``, ``kind``, ``codes`` (a dict), ``definition``.
    ///
    /// >>> radlabel.Engine().concept("pleural-effusion")["name"]
    /// 'pleural effusion'
    fn concept<'py>(&self, py: Python<'py>, id: &str) -> PyResult<Bound<'py, PyDict>> {
        let lexicon = &self.engine().lexicon;
        let Some(concept) = lexicon.concepts.iter().find(|c| *c.id == *id) else {
            return Err(fault(format!("unknown concept \"{id}\"")));
        };
        let codes = PyDict::new(py);
        for (system, code) in &concept.codes {
            codes.set_item(&**system, &**code)?;
        }
        let out = PyDict::new(py);
        out.set_item("id", &*concept.id)?;
        out.set_item("name", &*concept.name)?;
        out.set_item("kind", concept.kind.name())?;
        out.set_item("codes", codes)?;
        out.set_item("definition", &*concept.definition)?;
        Ok(out)
    }

    /// The schemes that the engine labels by.
    #[getter]
    fn schemes_used(&self) -> Vec<String> {
        self.settings.schemes.clone()
    }

    /// Every scheme that the engine knows, by id with its title.
    #[getter]
    fn schemes_known<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let out = PyDict::new(py);
        for scheme in &self.engine().rules.schemes {
            out.set_item(&*scheme.id, &*scheme.title)?;
        }
        Ok(out)
    }

    /// The version of the program.
    #[getter]
    const fn version(&self) -> &'static str {
        env!("CARGO_PKG_VERSION")
    }

    /// Versions of what decides the results: of the program, and digests of the lexicons and rules, as in the metadata
    /// of its tables. Where a model is asked, ``refine`` tells its name and digest, and when it is asked.
    #[getter]
    fn versions<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let out = PyDict::new(py);
        out.set_item("radlabel", self.version())?;
        out.set_item("lexicons", &self.loaded.1.lexicons)?;
        out.set_item("rules", &self.loaded.1.rules)?;
        if let Some(refiner) = &self.refiner {
            out.set_item("refine", refiner.told())?;
        }
        Ok(out)
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<(Bound<'py, PyType>, Bound<'py, PyAny>)> {
        let Settings { lexicons, rules, schemes, policy, propagate, refine } = slf.get().settings.clone();
        let RefineOptions { refine, refine_below, refine_all, model, runtime } = refine;
        let policy = POLICIES.iter().find(|(_, p)| *p == policy).map_or("keep", |(name, _)| name);
        let of_data = (lexicons, rules, schemes, policy, propagate).into_pyobject(slf.py())?;
        let of_refinement = (refine, refine_below, refine_all, model, runtime).into_pyobject(slf.py())?;
        let arguments = of_data.as_any().add(of_refinement)?;
        Ok((slf.get_type(), arguments))
    }

    fn __repr__(&self) -> String {
        let Settings { lexicons, rules, schemes, policy, propagate, refine } = &self.settings;
        let mut out = format!("radlabel.Engine(schemes={schemes:?}");
        let policy = POLICIES.iter().find(|(_, p)| p == policy).map_or("keep", |(name, _)| name);
        let folders = [("lexicons", lexicons), ("rules", rules)];
        for (name, folder) in folders.iter().filter_map(|(name, folder)| folder.as_ref().map(|f| (name, f))) {
            out += &format!(", {name}={:?}", folder.display().to_string());
        }
        if policy != "keep" {
            out += &format!(", policy={policy:?}");
        }
        if let Some(propagate) = propagate {
            out += &format!(", propagate={propagate:?}");
        }
        for (name, asked) in [("refine", refine.refine), ("refine_all", refine.refine_all)] {
            if asked {
                out += &format!(", {name}=True");
            }
        }
        if let Some(below) = refine.refine_below {
            out += &format!(", refine_below={below}");
        }
        if let Some(model) = &refine.model {
            out += &format!(", model={:?}", model.display().to_string());
        }
        if let Some(runtime) = &refine.runtime {
            out += &format!(", runtime={runtime:?}");
        }
        out + ")"
    }
}

impl PyEngine {
    fn job<'a>(&'a self, texts: &'a Texts, ids: Option<&'a Texts>, table: &str) -> PyResult<Job<'a>> {
        let Some(shape) = Shape::value_variants().iter().find(|s| value_name(*s) == table) else {
            let known: Vec<String> = Shape::value_variants().iter().map(value_name).collect();
            return Err(fault(format!("unknown table \"{table}\"; expected {}", known.join(", "))));
        };
        let (engine, refiner) = (self.engine(), self.refiner.as_ref());
        Ok(Job::new((engine, refiner), self.schemes()?, self.settings.policy, *shape, (texts, ids)))
    }
}

/// What ``Engine.explain`` gives: ``html`` is the page that ``radlabel explain --format html`` writes, ``text`` the
/// same for a terminal.
#[pyclass(module = "radlabel", frozen)]
pub(super) struct Explanation {
    /// The self-contained page.
    #[pyo3(get)]
    html: String,
    /// The report with its findings in brackets, then the labels and why.
    #[pyo3(get)]
    text: String,
}

#[pymethods]
impl Explanation {
    fn __str__(&self) -> &str {
        &self.text
    }

    /// The page in a frame of its own, so that its style does not reach into the notebook.
    fn _repr_html_(&self) -> String {
        let escaped = self.html.replace('&', "&amp;").replace('"', "&quot;");
        format!("<iframe sandbox srcdoc=\"{escaped}\" style=\"width:100%;height:640px;border:0\"></iframe>")
    }
}
