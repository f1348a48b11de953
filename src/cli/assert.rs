//! `radlabel assert`: the caller's own spans in, their status out.

use super::DataOptions;
use super::inputs::{ByteOptions, RunOptions};
use super::label::pack;
use super::refine::{self, RefineOptions, Refiner};
use super::same;
use super::stream::{self, Done, Steps};
use super::summary::{Teller, Words};
use crate::input::{Batch, Format, Gravity, Input, Told, too_long};
use crate::output::{self, Answers, Offsets, Sink};
use crate::{Engine, Error, Span, SpanAssertion};
use serde_json::Value;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;

/// Judge spans that you bring
///
/// Reads JSON lines {"id", "text", "spans": [[start, end], ...]} with offsets in code points and writes
/// {"id", "assertions": [...]}, one assertion a span.
#[derive(clap::Args)]
pub(super) struct Options {
    /// A file of JSON lines, packed with gzip or not, or - for standard input
    #[arg(default_value = "-", value_name = "INPUT")]
    input: PathBuf,
    /// Where to write; the file appears only when everything is in it. Packed when it ends in .gz
    #[arg(long, short, value_name = "OUT")]
    output: Option<PathBuf>,
    #[command(flatten)]
    run: RunOptions,
    /// For each span the probability that a careful reader of the report says the same, calibrated on gold (radlabel
    /// labels reliability)
    #[arg(long)]
    confidence: bool,
    /// Print the JSON Schema of a line
    #[arg(long)]
    print_schema: bool,
    #[command(flatten)]
    refine: RefineOptions,
    #[command(flatten)]
    bytes: ByteOptions,
    #[command(flatten)]
    data: DataOptions,
}

/// One line of input.
struct Asked {
    id: String,
    text: String,
    spans: Vec<Span>,
}

pub(super) fn run(options: &Options) -> anyhow::Result<ExitCode> {
    if options.print_schema {
        Sink::open(options.output.as_deref())?.put(output::ASSERTIONS_SCHEMA.as_bytes())?;
        return Ok(ExitCode::SUCCESS);
    }
    let engine = options.data.engine()?;
    let refiner = options.refine.open()?;
    same::refuse(options.output.as_deref(), [options.input.as_path()])?;
    let mut sink = Sink::open(options.output.as_deref())?;
    let reading = crate::input::Options { format: Some(Format::Jsonl), ..options.bytes.reading() };
    let limit = reading.max_report_bytes;
    let mut input = Input::open(std::slice::from_ref(&options.input), &reading)?;
    let threads = options.run.threads();
    let talks = sink.is_standard() && std::io::stdout().is_terminal();
    let words = Words { mentions: "spans", labels: "statuses" };
    let progress = !options.run.no_progress && !talks;
    let mut teller =
        Teller::new(words, options.run.quiet, progress, input.total, input.meter()).refined_by(refiner.as_ref());
    for told in input.told.iter().filter(|t| t.gravity != Gravity::Guess) {
        teller.tell(told);
    }
    let job = Job { engine, limit, confidence: options.confidence, refiner: refiner.as_ref() };
    let work = |offsets: &mut Offsets, batch: &Batch, done: &mut Done| job.work(offsets, batch, done);
    let packing = sink.packing;
    let order = |done: &mut Done| {
        for told in &done.told {
            teller.tell(told);
        }
        teller.count(&done.tally);
    };
    let pack = |done: &mut Done| pack(done, packing);
    let write = |done: &mut Done| Ok(sink.write(&done.bytes)?);
    stream::run(&mut input, threads, Steps { work, order, pack, write })?;
    // An old output is not replaced by an empty one.
    if teller.tally.reports == 0 {
        let read = if teller.problems == 0 { "no line found in the input" } else { "no line could be read" };
        teller.finish();
        return Err(Error::input(options.input.display().to_string(), read).into());
    }
    sink.finish()?;
    teller.finish();
    Ok(if teller.problems > 0 { ExitCode::from(1) } else { ExitCode::SUCCESS })
}

/// What every thread shares.
struct Job<'a> {
    engine: &'a Engine,
    /// Bytes of the longest text.
    limit: usize,
    confidence: bool,
    refiner: Option<&'a Refiner>,
}

impl Job<'_> {
    /// Judges the spans of a batch.
    fn work(&self, offsets: &mut Offsets, batch: &Batch, done: &mut Done) {
        // Where a model is asked, it is asked about a whole batch at once.
        let mut waiting: Vec<(Asked, Vec<SpanAssertion>)> = Vec::new();
        batch.lines(|place, line, bad| {
            let asked = match ask(line, place.line, self.limit, offsets) {
                Ok(asked) => asked,
                Err(message) => return done.told.push(Told::problem(place.to_string(), message)),
            };
            if bad > 0 {
                done.tally.note("bytes not valid in the encoding");
                let message = format!("{bad} bytes were not valid {}", batch.encoding().name());
                done.told.push(Told::warning(place.to_string(), message));
            }
            let answers = self.engine.assert_spans(&asked.text, &asked.spans);
            match self.refiner {
                None => self.write(&asked, &answers, offsets, done),
                Some(_) => waiting.push((asked, answers)),
            }
        });
        let Some(refiner) = self.refiner else { return };
        let mut texts: Vec<(&str, &mut [SpanAssertion])> =
            waiting.iter_mut().map(|(asked, answers)| (&*asked.text, &mut **answers)).collect();
        refiner.refine_spans(self.engine, &mut texts);
        for (asked, answers) in &waiting {
            offsets.set(&asked.text);
            self.write(asked, answers, offsets, done);
        }
    }

    fn write(&self, asked: &Asked, answers: &[SpanAssertion], offsets: &Offsets, done: &mut Done) {
        let refined = refine::Asked::count(answers.len(), answers.iter().filter_map(|a| a.refined.as_ref()));
        if refined.unanswered > 0 {
            done.tally.note(refine::UNANSWERED);
        }
        done.tally.asked.add(refined);
        done.tally.reports += 1;
        done.tally.mentions += answers.len() as u64;
        answers.iter().for_each(|a| done.tally.label(a.status));
        let Job { engine, confidence, refiner, .. } = *self;
        let (id, text, model) = (&*asked.id, &*asked.text, refiner.map(Refiner::name));
        Answers { engine, id, text, offsets, answers, confidence, model }.write(&mut done.bytes);
    }
}

/// Reads a line; what is wrong with it is told without its text.
fn ask(line: &str, number: u64, limit: usize, offsets: &mut Offsets) -> Result<Asked, String> {
    let value: Value = serde_json::from_str(line).map_err(|e| crate::input::json_fault(&e))?;
    let Value::Object(mut object) = value else {
        return Err("no JSON object; expected {\"id\", \"text\", \"spans\"}".to_owned());
    };
    let id = match object.remove("id") {
        Some(Value::String(id)) => id,
        Some(Value::Number(id)) => id.to_string(),
        None | Some(Value::Null) => number.to_string(),
        Some(_) => return Err("id is neither text nor a number".to_owned()),
    };
    let Some(Value::String(text)) = object.remove("text") else {
        return Err("no text; expected a key text with a string".to_owned());
    };
    if text.len() > limit {
        return Err(too_long(text.len() as u64, limit));
    }
    let Some(Value::Array(spans)) = object.remove("spans") else {
        return Err("no spans; expected a key spans with [[start, end], ...]".to_owned());
    };
    offsets.set(&text);
    let spans = spans.iter().enumerate().map(|(i, s)| span(s, &text, offsets).map_err(|m| format!("span {i}: {m}")));
    let spans = spans.collect::<Result<_, _>>()?;
    Ok(Asked { id, text, spans })
}

fn span(value: &Value, text: &str, offsets: &Offsets) -> Result<Span, String> {
    let pair = match value.as_array().map(Vec::as_slice) {
        Some([start, end]) => start.as_u64().zip(end.as_u64()),
        _ => None,
    };
    let (start, end) = pair.ok_or("expected two whole numbers [start, end]")?;
    located(start, end, text, offsets)
}

/// The span between two code points of a text.
pub(crate) fn located(start: u64, end: u64, text: &str, offsets: &Offsets) -> Result<Span, String> {
    if start > end {
        return Err(format!("reversed: start {start} lies after end {end}"));
    }
    match offsets.byte(text, start).zip(offsets.byte(text, end)) {
        Some((start, end)) => Ok(Span::new(start, end)),
        None => Err(format!("[{start}, {end}] is out of range: the text has {} code points", text.chars().count())),
    }
}
