//! `radlabel pair`: reports and image annotations in, agreements and conflicts out.

mod catalog;
mod coco;
mod grounded;
mod job;
mod links;
mod page;
mod reports;
mod rows;
mod tell;

use super::inputs::{InputOptions, RunOptions};
use super::refine::{RefineOptions, Refiner, UNANSWERED};
use super::rows::{Form, Layout, Writer};
use super::server::ServerOptions;
use super::stream::{self, Done, Steps};
use super::summary::{Teller, Words};
use super::{DataOptions, same, say};
use crate::annotation::{AnnotationSet, Coverage};
use crate::annotations::categories;
use crate::imaging;
use crate::imaging::filter::Filter;
use crate::imaging::server::Level;
use crate::input::{Batch, Input, Told};
use crate::output::Sink;
use crate::pair::{Mapped, expand};
use crate::rules::BoundScheme;
use crate::{Engine, Error};
use catalog::{Catalog, Sources};
use grounded::List;
use job::{Counts, Job, Load, Out, keep};
use links::Links;
use reports::State;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

/// Hold what reports say against what was drawn on their images
///
/// One row a study (or image) and label: what the report says, what is drawn, and whether they agree in status, side,
/// number and size. Reports are read as by `radlabel label`, or given as its label tables (JSON lines; CSV of one row
/// a label). The column "sentence" is patient text; --no-text leaves it out.
#[derive(clap::Args)]
#[command(after_help = "Exit code: 0 done; 1 some input could not be read, or --fail-on found a conflict; 2 wrong \
                        use, or no report is of a study that was annotated.")]
pub(super) struct Options {
    /// Files or folders of reports, label tables, or - for standard input
    #[arg(required_unless_present = "suggest_categories", value_name = "REPORTS")]
    inputs: Vec<PathBuf>,
    /// File or folder of annotations; FORMAT:PATH where its content does not tell the format. Repeatable
    #[arg(long, required = true, value_name = "FILE_OR_DIR", help_heading = "Images")]
    annotations: Vec<String>,
    /// Studies that the images are of: a folder of DICOM, a study table, FHIR, a DICOMweb server. Repeatable
    #[arg(long, value_name = "SOURCE", help_heading = "Images")]
    studies: Vec<String>,
    /// Of the rows of --studies, only those that meet this SQL expression: "view = 'PA'"
    #[arg(long = "where", value_name = "EXPR", requires = "studies", help_heading = "Images")]
    filter: Option<String>,
    /// What it means that nothing is drawn: whole: everything was looked for in every image; found: nothing
    /// [default: by format]
    #[arg(long, value_enum, value_name = "HOW", help_heading = "Images")]
    coverage: Option<Covered>,
    /// View of images of which none is known (PA, AP): in frontal views the side is told by the place
    #[arg(long, value_name = "VIEW", help_heading = "Images")]
    view: Option<String>,
    /// Which category is which label: category,label,relation,confirmed,by [default: labels of the same name]
    #[arg(long, value_name = "CROSSWALK", help_heading = "Images")]
    categories: Option<PathBuf>,
    /// Write a crosswalk to confirm and give to --categories, and do nothing else
    #[arg(long, value_name = "OUT", help_heading = "Images")]
    suggest_categories: Option<PathBuf>,
    /// Which report is of which study, as `radlabel link` writes it [default: the report's study UID, else its id as
    /// the name of an image]
    #[arg(long, value_name = "LINKS", help_heading = "Images")]
    links: Option<PathBuf>,
    /// Pair every candidate of an ambiguous link
    #[arg(long, requires = "links", help_heading = "Images")]
    ambiguous: bool,
    /// Label scheme
    #[arg(long, value_name = "ID", default_value = "chexpert")]
    scheme: String,
    /// What a row is of
    #[arg(long, value_enum, value_name = "UNIT", default_value = "study")]
    by: Unit,
    /// Write only these rows
    #[arg(long, value_enum, value_name = "ROWS")]
    only: Option<Kept>,
    /// Leave sentences out of every output
    #[arg(long)]
    no_text: bool,
    /// Where to write; the file appears only when everything is in it. Packed when it ends in .gz or .zst
    #[arg(long, short, value_name = "OUT")]
    output: Option<PathBuf>,
    /// How to write [default: by the ending of OUT, else table on a terminal, else csv]
    #[arg(long, value_enum, value_name = "FORMAT")]
    format: Option<Layout>,
    /// Exit with 1 when there is one
    #[arg(long, value_enum, value_name = "WHAT")]
    fail_on: Option<Kept>,
    #[command(flatten)]
    beside: Beside,
    #[command(flatten)]
    refine: RefineOptions,
    #[command(flatten)]
    run: RunOptions,
    #[command(flatten)]
    input: InputOptions,
    #[command(flatten)]
    server: ServerOptions,
    #[command(flatten)]
    data: DataOptions,
}

/// Outputs beside the table.
#[derive(clap::Args)]
struct Beside {
    /// The annotations as COCO, each with report, status, sentence, outcome and side
    #[arg(long, value_name = "OUT", help_heading = "More outputs")]
    coco: Option<PathBuf>,
    /// Phrases with the boxes that ground them (csv, jsonl, parquet, arrow by its ending)
    #[arg(long, value_name = "OUT", help_heading = "More outputs")]
    grounding: Option<PathBuf>,
    /// A row a study: images, views, labels, evidence, outcomes (csv, jsonl, parquet, arrow by its ending)
    #[arg(long, value_name = "OUT", help_heading = "More outputs")]
    manifest: Option<PathBuf>,
    /// A list to work through, the surest first: report-only=OUT.csv or image-only=OUT.csv. Repeatable
    #[arg(long, value_name = "LIST=OUT", value_parser = list, help_heading = "More outputs")]
    worklist: Vec<(List, PathBuf)>,
    /// A page for a browser, with a sample of conflicts
    #[arg(long, value_name = "OUT", help_heading = "More outputs")]
    report: Option<PathBuf>,
    /// Conflicts on the page
    #[arg(long, value_name = "N", default_value_t = 60, help_heading = "More outputs")]
    sample_size: usize,
    /// Folder that the paths of images begin in, for the page [default: the folders among --studies]
    #[arg(long, value_name = "DIR", help_heading = "More outputs")]
    images: Option<PathBuf>,
    /// Images that no study is known for, as CSV
    #[arg(long, value_name = "OUT", help_heading = "More outputs")]
    unplaced: Option<PathBuf>,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Unit {
    /// A study: all its images together
    Study,
    /// An image
    Image,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Covered {
    /// Every category was looked for in every image
    Whole,
    /// Only what was found is told
    Found,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Kept {
    /// Outcomes that are conflicts, and sides, numbers and sizes that contradict
    Conflicts,
}

fn list(told: &str) -> Result<(List, PathBuf), String> {
    let (name, path) = told.split_once('=').ok_or("expected report-only=OUT or image-only=OUT")?;
    match name {
        "report-only" => Ok((List::ReportOnly, path.into())),
        "image-only" => Ok((List::ImageOnly, path.into())),
        _ => Err(format!("unknown list {name:?}; expected report-only or image-only")),
    }
}

impl Options {
    /// Where the study table comes from; a server is asked for images.
    fn sources(&self) -> Result<Sources<'_>, Error> {
        let (threads, server) = (self.run.threads(), self.server.server(Level::Instance)?);
        let options = imaging::Options { threads, server, ..imaging::Options::default() };
        let filter = self.filter.as_deref().map(Filter::new).transpose()?;
        Ok(Sources { names: &self.studies, options, filter })
    }

    /// Every output.
    fn outputs(&self) -> Vec<&Path> {
        let beside = &self.beside;
        let plain = [&self.output, &beside.coco, &beside.grounding, &beside.manifest, &beside.report, &beside.unplaced];
        let lists = beside.worklist.iter().map(|w| &w.1);
        plain.into_iter().flatten().chain(lists).chain(&self.suggest_categories).map(PathBuf::as_path).collect()
    }

    /// Refuses an output that is an input, and one place for two outputs.
    fn check_places(&self) -> Result<(), Error> {
        let outputs = self.outputs();
        let annotations: Vec<PathBuf> = self.annotations.iter().map(|a| source(a).1).collect();
        let studies: Vec<PathBuf> = self.studies.iter().map(PathBuf::from).collect();
        for output in &outputs {
            let inputs = self.inputs.iter().chain(&annotations).chain(&studies).chain(&self.categories);
            same::refuse(Some(output), inputs.chain(&self.links).map(PathBuf::as_path))?;
        }
        same::check_outputs(&outputs)
    }
}

/// A source of annotations, with its format where that stands before it.
fn source(told: &str) -> (Option<crate::annotations::Format>, PathBuf) {
    use clap::ValueEnum;
    if let Some((format, path)) = told.split_once(':')
        && let Ok(format) = crate::annotations::Format::from_str(format, false)
    {
        return (Some(format), path.into());
    }
    (None, told.into())
}

fn sets(options: &Options, told: &mut Vec<Told>) -> Result<Vec<AnnotationSet>, Error> {
    let mut out = Vec::new();
    for one in &options.annotations {
        let (format, path) = source(one);
        let mut set = crate::annotations::read(&path, format, &mut |t| told.push(t))?;
        match options.coverage {
            Some(Covered::Whole) => set.coverage = Coverage::Whole,
            Some(Covered::Found) => set.coverage = Coverage::Found,
            None => {}
        }
        out.push(set);
    }
    Ok(out)
}

/// The names of all categories, each once.
fn category_names(sets: &[AnnotationSet]) -> Vec<String> {
    let mut names: Vec<String> = sets.iter().flat_map(|s| &s.categories).map(|c| c.trim().to_owned()).collect();
    names.sort();
    names.dedup();
    names
}

/// Which category is which label: as the file says, else by the very names of labels.
fn crosswalk(
    options: &Options,
    sets: &[AnnotationSet],
    engine: &Engine,
    bound: &BoundScheme,
    told: &mut Vec<Told>,
) -> Result<Vec<categories::Row>, Error> {
    let names = category_names(sets);
    let Some(path) = &options.categories else {
        let mut rows = categories::suggest(&names, engine, bound);
        rows.retain(|r| r.by == categories::BY_NAME);
        return Ok(rows);
    };
    let file = path.display().to_string();
    let rows = categories::read(&file, &super::label_table::read_text(path)?)?;
    let lint = categories::lint(&names, &file, &rows, engine, bound);
    if !lint.faults.is_empty() {
        return Err(Error::Data(lint.faults));
    }
    told.extend(lint.warnings.iter().map(|w| Told::warning(format!("{}:{}", w.file, w.line), w.message.clone())));
    Ok(rows)
}

/// A set with its categories mapped; a side in the name of a category (`effusion_L`) is that of its annotations.
fn mapped(
    mut set: AnnotationSet,
    rows: &[categories::Row],
    bound: &BoundScheme,
    suggest: bool,
    told: &mut Vec<Told>,
) -> Mapped {
    let sides: Vec<_> = set.categories.iter().map(|c| categories::spelled(c).1).collect();
    for annotation in &mut set.annotations {
        annotation.side = annotation.side.or(sides.get(annotation.category as usize).copied().flatten());
    }
    let mut targets = categories::mapped(&set.categories, rows, bound);
    told.extend(tell::unmapped(&set, &targets, rows, bound, suggest));
    expand(&mut targets, bound);
    Mapped::new(set, targets)
}

pub(super) fn run(options: &Options) -> anyhow::Result<ExitCode> {
    let engine = options.data.engine()?;
    let refiner = options.refine.open()?;
    let bound = engine.scheme(&options.scheme)?;
    options.check_places()?;
    let mut told = Vec::new();
    let sets = sets(options, &mut told)?;
    if let Some(output) = &options.suggest_categories {
        return tell::suggest(output, &sets, engine, bound, &told);
    }
    let crosswalk = crosswalk(options, &sets, engine, bound, &mut told)?;
    let suggest = options.categories.is_none();
    let sets: Vec<Mapped> = sets.into_iter().map(|set| mapped(set, &crosswalk, bound, suggest, &mut told)).collect();
    let links = options.links.as_deref().map(Links::read).transpose()?;
    let beside = &options.beside;
    let files = beside.manifest.is_some();
    let catalog = Catalog::build(sets, &options.sources()?, options.view.as_deref(), files, &mut |t| told.push(t))?;
    told.extend(tell::unplaced(&catalog, options));
    let forms = Forms::new(options, bound)?;
    let job = Job {
        bound,
        catalog: &catalog,
        links: links.as_ref(),
        ambiguous: options.ambiguous,
        by_image: options.by == Unit::Image,
        only_conflicts: options.only.is_some(),
        text: !options.no_text,
        form: &forms.rows,
        grounding: forms.grounding.as_ref(),
        manifest: forms.manifest.as_ref(),
        coco: beside.coco.is_some(),
        lists: !beside.worklist.is_empty(),
        sample: if beside.report.is_some() { beside.sample_size } else { 0 },
        images: match &beside.images {
            Some(folder) => vec![folder.clone()],
            None => options.studies.iter().map(PathBuf::from).filter(|s| s.is_dir()).collect(),
        },
    };
    let mut writers = Writers::open(&forms, options)?;
    let mut found = Found::default();
    let tables = reports::are_label_tables(&options.inputs)?;
    if tables && refiner.is_some() {
        let message = "--refine: the inputs are label tables, in which there is nothing to refine; expected reports";
        return Err(Error::Usage(message.to_owned()).into());
    }
    let teller = match tables {
        true => labels(options, engine, &job, &mut writers, &mut found, &told)?,
        false => texts(options, (engine, refiner.as_ref()), &job, &mut writers, &mut found, &told)?,
    };
    if found.counts.paired == 0 {
        teller.stop();
        return Err(tell::no_overlap(options, &catalog, &found.counts, links.as_ref()).into());
    }
    let mut out = Out::begin(&job);
    for (number, study) in catalog.studies.iter().enumerate() {
        if !found.counts.hit.contains(&(number as u32)) {
            job.study(None, study, &mut out);
        }
    }
    let mut last = out.finish();
    writers.write(&mut last)?;
    writers.finish(&forms)?;
    if let Some(path) = &beside.coco {
        let mut notes = coco::Notes::new();
        for note in found.notes.drain(..) {
            notes.entry((note.at, note.label)).or_default().push(note);
        }
        let (written, left_out) = coco::write(path, &catalog, &bound.scheme, &notes)?;
        if left_out > 0 && !options.run.quiet {
            say(format_args!(
                "radlabel: {}: {written} annotations; {left_out} left out: without a label or a place in the image",
                path.display()
            ));
        }
    }
    for (list, path) in &beside.worklist {
        Sink::open(Some(path))?.put(&grounded::work_table(&found.work, *list)?)?;
    }
    if let Some(path) = &beside.unplaced {
        Sink::open(Some(path))?.put(&tell::unplaced_table(&catalog)?)?;
    }
    if let Some(path) = &beside.report {
        page::write(path, options, &catalog, bound, &found.counts, std::mem::take(&mut found.cards))?;
    }
    teller.finish();
    if !options.run.quiet {
        tell::summary(&catalog, &found.counts, links.as_ref());
    }
    let conflicts = found.counts.labels.values().any(|c| c.conflicts > 0);
    let failed = teller.problems > 0 || options.fail_on.is_some() && conflicts;
    Ok(ExitCode::from(u8::from(failed)))
}

/// How the tables look.
struct Forms {
    rows: Form,
    grounding: Option<Form>,
    manifest: Option<Form>,
}

impl Forms {
    fn new(options: &Options, bound: &BoundScheme) -> anyhow::Result<Forms> {
        let beside = &options.beside;
        let layout = Layout::chosen(options.format, options.output.as_deref())?;
        #[cfg(feature = "arrow")]
        let versions = options.data.versions()?;
        let metadata = |table: &str| -> Vec<(String, String)> {
            #[cfg(feature = "arrow")]
            return versions.metadata(&[&options.scheme], table);
            #[cfg(not(feature = "arrow"))]
            {
                let _ = table;
                Vec::new()
            }
        };
        let form = |path: &PathBuf, table: &str, columns| -> Result<Form, Error> {
            Ok(Form::new(Layout::chosen(None, Some(path))?, columns, &metadata(table)))
        };
        Ok(Forms {
            rows: Form::new(layout, rows::columns(), &metadata("pairings")),
            grounding: match &beside.grounding {
                Some(path) => Some(form(path, "grounding", grounded::grounding_columns())?),
                None => None,
            },
            manifest: match &beside.manifest {
                Some(path) => Some(form(path, "manifest", grounded::manifest_columns(&bound.scheme))?),
                None => None,
            },
        })
    }
}

/// The tables that are written as the reports come.
struct Writers {
    rows: Writer,
    grounding: Option<Writer>,
    manifest: Option<Writer>,
}

impl Writers {
    fn open(forms: &Forms, options: &Options) -> anyhow::Result<Writers> {
        let beside = &options.beside;
        let other = |form: &Option<Form>, path: &Option<PathBuf>| {
            form.as_ref().map(|form| Writer::open(form, path.as_deref())).transpose()
        };
        Ok(Writers {
            rows: Writer::open(&forms.rows, options.output.as_deref())?,
            grounding: other(&forms.grounding, &beside.grounding)?,
            manifest: other(&forms.manifest, &beside.manifest)?,
        })
    }

    fn write(&mut self, load: &mut Load) -> anyhow::Result<()> {
        if let Some(fault) = load.fault.take() {
            anyhow::bail!(fault);
        }
        let Writers { rows, grounding, manifest } = self;
        for (writer, piece) in [
            (Some(rows), &mut load.rows),
            (grounding.as_mut(), &mut load.grounding),
            (manifest.as_mut(), &mut load.manifest),
        ] {
            if let (Some(writer), Some(piece)) = (writer, piece.take()) {
                writer.write(piece)?;
            }
        }
        Ok(())
    }

    fn finish(self, forms: &Forms) -> anyhow::Result<()> {
        self.rows.finish(&forms.rows)?;
        if let (Some(writer), Some(form)) = (self.grounding, &forms.grounding) {
            writer.finish(form)?;
        }
        if let (Some(writer), Some(form)) = (self.manifest, &forms.manifest) {
            writer.finish(form)?;
        }
        Ok(())
    }
}

/// What is gathered over all reports.
#[derive(Default)]
struct Found {
    counts: Counts,
    notes: Vec<coco::Note>,
    work: Vec<grounded::Work>,
    cards: Vec<(u64, crate::output::pair_page::Card)>,
}

impl Found {
    fn take(&mut self, load: &mut Load, sample: usize) {
        self.counts.add(&mut load.counts);
        self.notes.append(&mut load.notes);
        self.work.append(&mut load.work);
        self.cards.append(&mut load.cards);
        keep(&mut self.cards, sample);
    }
}

const WORDS: Words = Words { mentions: "pairings", labels: "" };

fn texts(
    options: &Options,
    (engine, refiner): (&Engine, Option<&Refiner>),
    job: &Job<'_>,
    writers: &mut Writers,
    found: &mut Found,
    told: &[Told],
) -> anyhow::Result<Teller> {
    let mut input = Input::open(&options.inputs, &options.input.reading(None))?;
    let talks = options.output.is_none() && std::io::stdout().is_terminal();
    let progress = !options.run.no_progress && !talks;
    let mut teller = Teller::new(WORDS, options.run.quiet, progress, input.total, input.meter()).refined_by(refiner);
    told.iter().chain(&input.told).for_each(|t| teller.tell(t));
    stream::run(
        &mut input,
        options.run.threads(),
        Steps {
            work: |state: &mut State, batch: &Batch, done: &mut Done<Load>| {
                let mut out = Out::begin(job);
                let mut faults = Vec::new();
                let Done { told, tally, .. } = done;
                batch.read(told, |reading| match reading {
                    Err(fault) => faults.push(fault),
                    Ok(reading) => {
                        let read = reports::of_report(engine, job.bound, state, &reading, job.lists, refiner);
                        job.report(&read, &mut out);
                        tally.asked.add(read.asked);
                        if read.asked.unanswered > 0 {
                            tally.note(UNANSWERED);
                        }
                    }
                });
                done.told.append(&mut faults);
                done.load = out.finish();
                done.tally.reports = done.load.counts.reports;
                done.tally.mentions = done.load.counts.labels.values().flat_map(|c| c.outcomes).sum();
            },
            order: |done: &mut Done<Load>| {
                done.told.iter().for_each(|t| teller.tell(t));
                teller.count(&done.tally);
                found.take(&mut done.load, job.sample);
            },
            pack: |_: &mut Done<Load>| Ok(()),
            write: |done: &mut Done<Load>| writers.write(&mut done.load),
        },
    )?;
    if teller.tally.reports == 0 {
        return Err(teller.nothing_read(&options.inputs).into());
    }
    Ok(teller)
}

fn labels(
    options: &Options,
    engine: &Engine,
    job: &Job<'_>,
    writers: &mut Writers,
    found: &mut Found,
    told: &[Told],
) -> anyhow::Result<Teller> {
    let mut teller = Teller::new(WORDS, options.run.quiet, false, None, Arc::new(AtomicU64::new(0)));
    told.iter().for_each(|t| teller.tell(t));
    for path in &options.inputs {
        let reads = reports::label_table(engine, job.bound, path)?;
        // In pieces, so that the rows of a large table do not stand in memory at once.
        for piece in reads.chunks(4096) {
            let mut out = Out::begin(job);
            piece.iter().for_each(|read| job.report(read, &mut out));
            let mut load = out.finish();
            teller.tally.reports += load.counts.reports;
            teller.tally.mentions += load.counts.labels.values().flat_map(|c| c.outcomes).sum::<u64>();
            found.take(&mut load, job.sample);
            writers.write(&mut load)?;
        }
    }
    if teller.tally.reports == 0 {
        return Err(teller.nothing_read(&options.inputs).into());
    }
    Ok(teller)
}
