//! `radlabel label`: reports in, labels out.

mod job;
mod layout;
mod manifest;
mod parts;
mod quarantine;
mod selection;

use super::ids::Ids;
use super::inputs::{InputOptions, RunOptions};
use super::refine::{RefineOptions, Refiner};
use super::same;
use super::stream::{self, Done, Steps};
use super::summary::{Teller, Words};
use super::whole::WholeOptions;
use super::{DataOptions, Versions, say, value_name};
use crate::input::{Batch, Input};
use crate::label::Policy;
use crate::output::{self, Added, Look, Packing, Shape, Sink, Table};
use crate::rules::{BoundScheme, Hierarchy, Profile, Scheme};
use crate::{Engine, Error};
use job::{Job, State};
use layout::Layout;
pub(super) use layout::names_json_lines;
pub(crate) use manifest::hex;
use manifest::{Manifest, Point};
use parts::{Cut, Form, Load, Place, Writer};
use quarantine::Quarantine;
use selection::SelectionOptions;
use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::num::NonZeroU64;
use std::path::PathBuf;
use std::process::ExitCode;

/// Label reports
///
/// Reads text files, folders, tables (CSV, TSV, Parquet, Arrow), JSON lines, HL7 v2, FHIR, BioC, DICOM SR and Open-i
/// XML, packed with gzip or zstd or not. Exit code 1: some input could not be read and was told; 2: nothing could.
#[derive(clap::Args)]
pub(super) struct Options {
    /// Files, folders (read however deep), patterns ('reports/**/*.txt'), or - for standard input
    #[arg(required_unless_present = "print_schema", value_name = "INPUT")]
    inputs: Vec<PathBuf>,
    /// Where to write; the file appears only when everything is in it. Packed when it ends in .gz or .zst. A folder
    /// with --partition, brat and dicom-sr
    #[arg(long, short, value_name = "OUT")]
    output: Option<PathBuf>,
    /// How to write [default: by the ending of OUT, else table on a terminal, else csv]
    #[arg(long, value_enum, value_name = "FORMAT")]
    format: Option<Layout>,
    /// What a row is, for csv, parquet and arrow [default: reports; labels-long for the scheme "all"]
    #[arg(long, value_enum, value_name = "SHAPE")]
    table: Option<Shape>,
    /// Columns to add to a table: study (accession, study UID, patient, ...), notes, text. Parquet and Arrow have
    /// study and notes without being asked. text also goes into JSON lines
    #[arg(long, value_enum, value_name = "WHAT", value_delimiter = ',')]
    add: Vec<Add>,
    /// Label schemes, several by commas; `radlabel labels list` tells them, "all" is the whole lexicon
    /// [default: chexpert]
    #[arg(long, value_name = "ID", value_delimiter = ',')]
    scheme: Vec<String>,
    /// Which way values travel along a scheme's hierarchy: up, down, both (up,down) or none [default: as the
    /// scheme says]
    #[arg(long, value_enum, value_name = "WAY", value_delimiter = ',')]
    propagate: Vec<Way>,
    /// One row a mention, with the columns of a profile (`radlabel labels list` tells them)
    #[arg(long, value_name = "ID", conflicts_with_all = ["scheme", "propagate"])]
    profile: Option<String>,
    /// What to write for an uncertain label
    #[arg(long, value_enum, default_value = "keep", value_name = "POLICY")]
    policy: Uncertain,
    #[command(flatten)]
    whole: WholeOptions,
    #[command(flatten)]
    run: RunOptions,
    /// Write a folder of parts of N reports each, with a manifest (_radlabel.json)
    #[arg(long, value_name = "N", requires = "output", help_heading = "Large archives")]
    partition: Option<NonZeroU64>,
    /// Go on where the run that wrote the folder was broken off; the parts end as if it had not been
    #[arg(long, requires = "partition", help_heading = "Large archives")]
    resume: bool,
    /// Write where and why for every record that could not be read, as CSV
    #[arg(long, value_name = "OUT", help_heading = "Large archives")]
    quarantine: Option<PathBuf>,
    /// For each label and mention the probability that a careful reader of the report says the same, calibrated on gold
    /// (radlabel labels reliability): columns of a table, members of a JSON line
    #[arg(long, conflicts_with_all = ["profile", "votes"])]
    confidence: bool,
    /// Write votes, as label models take them: a row a report and label, a column a labelling source, 1 present,
    /// 0 absent, 2 uncertain (see --policy), -1 abstains
    #[arg(long, conflicts_with_all = ["profile", "table", "add"])]
    votes: bool,
    /// Add the votes of another source: a CSV of labels (wide as CheXpert's or id,label,value), joined by id
    #[arg(long, value_name = "NAME=FILE", requires = "votes", value_parser = super::votes::source)]
    votes_from: Vec<(String, PathBuf)>,
    /// Print the JSON Schema of a line of --format jsonl
    #[arg(long)]
    print_schema: bool,
    #[command(flatten)]
    refine: RefineOptions,
    #[command(flatten)]
    selection: SelectionOptions,
    #[command(flatten)]
    input: InputOptions,
    #[command(flatten)]
    data: DataOptions,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Add {
    /// What ties the report to a study
    Study,
    /// What was odd about the report
    Notes,
    /// The report's text as read: offsets count in it
    Text,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum)]
enum Way {
    /// Found in a part of a label: found in the label
    Up,
    /// Denied of a label: denied of its parts
    Down,
    /// Neither
    None,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Uncertain {
    /// Uncertain stays uncertain
    Keep,
    /// Uncertain becomes present
    Ones,
    /// Uncertain becomes absent
    Zeros,
    /// Uncertain becomes not mentioned
    Ignore,
}

pub(super) fn run(options: &Options) -> anyhow::Result<ExitCode> {
    if options.print_schema {
        Sink::open(options.output.as_deref())?.put(output::REPORT_SCHEMA.as_bytes())?;
        return Ok(ExitCode::SUCCESS);
    }
    let engine = options.data.engine()?;
    let profile = options.profile.as_deref().map(|id| engine.profile(id)).transpose()?;
    let schemes = schemes(options, engine, profile.as_ref())?;
    let output = options.output.as_deref();
    let (layout, shape) = layout::chosen(options.format, options.table, output, profile.as_ref(), &options.scheme)?;
    options.whole.need_jsonl(layout == Layout::Jsonl && profile.is_none())?;
    let added = added(options, layout)?;
    let plain: Vec<&Scheme> = schemes.iter().map(|s| &s.0.scheme).collect();
    if options.votes && !layout.is_table() {
        return Err(Error::Usage("--votes needs --format csv, parquet or arrow".to_owned()).into());
    }
    let votes = options.votes.then(|| super::votes::open(&options.votes_from, &plain)).transpose()?;
    let table = match (&profile, &votes) {
        (Some(profile), _) => Table::profile(profile, schemes[0].0),
        (None, Some(votes)) => Table::votes(votes),
        (None, None) => Table::new(shape, &plain, added),
    };
    same::refuse(output, options.inputs.iter().map(PathBuf::as_path))?;
    same::refuse_each(options.quarantine.as_deref(), options.inputs.iter().map(PathBuf::as_path), output)?;
    let refiner = options.refine.open()?;
    let refiner = refiner.as_ref();
    let plan = Plan { options, layout, shape, refiner, versions: OnceCell::new() };
    #[cfg(feature = "arrow")]
    let schema = plan.schema(&table, &schemes)?;
    let form = plan.form(
        &table,
        #[cfg(feature = "arrow")]
        schema.as_ref(),
    )?;
    let selection = options.selection.selection()?;
    let (place, from) = match plan.place(&form)? {
        Some(place) => place,
        None => return Ok(ExitCode::SUCCESS),
    };
    let mut input = Input::open(&options.inputs, &options.input.reading(options.selection.limit))?;
    let mut quarantine = options.quarantine.as_deref().map(Quarantine::open).transpose()?;

    let standard = output.is_none_or(output::is_standard);
    let job = Job {
        engine,
        profile: profile.as_ref(),
        policy: options.policy.into(),
        layout,
        look: look(standard),
        whole: &options.whole,
        selection,
        from,
        text: added.text,
        confidence: options.confidence,
        refiner,
        #[cfg(feature = "arrow")]
        schema,
        table,
        schemes,
    };
    let threads = options.run.threads();
    let talks = standard && std::io::stdout().is_terminal();
    let words = Words { mentions: "mentions", labels: "labels" };
    let progress = !options.run.no_progress && !talks;
    let mut teller = Teller::new(words, options.run.quiet, progress, input.total, input.meter()).refined_by(refiner);
    for told in &input.told {
        teller.tell(told);
    }
    let mut ids = Ids::default();
    let mut cut = Cut::new(&form, options.partition.map(NonZeroU64::get), from);
    let mut writer = Writer::new(&form, place);
    let noted = layout == Layout::Jsonl && job.profile.is_none();
    let mut skipped = 0;
    let ran = stream::run(
        &mut input,
        threads,
        Steps {
            work: |state: &mut State, batch: &Batch, done: &mut Done<Load>| job.work(state, batch, done),
            order: |done: &mut Done<Load>| {
                skipped += done.load.skipped.len() as u64;
                doubled(done, &mut ids, noted);
                let before = cut.cut(done);
                skipped += before;
                done.tally.reports -= before.min(done.tally.reports);
                for told in &done.told {
                    teller.tell(told);
                    if let Some(quarantine) = &mut quarantine {
                        quarantine.take(told);
                    }
                }
                teller.count(&done.tally);
            },
            pack: |done: &mut Done<Load>| match done.load.fault.take() {
                Some(message) => Err(std::io::Error::other(message)),
                None => form.pack(&mut done.load.segments),
            },
            write: |done: &mut Done<Load>| writer.write(&mut done.load.segments),
        },
    );
    if let Err(error) = ran {
        teller.stop();
        return failed(error, options, &writer);
    }
    if ids.overflowed && !options.run.quiet {
        say(format_args!("radlabel: doubled ids were looked for among the first millions of ids only"));
    }
    // An old output is not replaced by an empty one.
    if teller.tally.reports + skipped == 0 {
        if let Some(quarantine) = quarantine {
            quarantine.finish()?;
        }
        return Err(teller.nothing_read(&options.inputs).into());
    }
    let ended = (|| {
        if let Some(segment) = cut.last() {
            let mut last = vec![segment];
            form.pack(&mut last)?;
            writer.write(&mut last)?;
        }
        writer.finish()?;
        quarantine.map_or(Ok(()), Quarantine::finish)?;
        Ok(())
    })();
    if let Err(error) = ended {
        teller.stop();
        return failed(error, options, &writer);
    }
    for remark in votes.iter().flat_map(super::votes::remarks).filter(|_| !options.run.quiet) {
        say(format_args!("radlabel: {remark}"));
    }
    if skipped > 0 && !options.run.quiet {
        say(format_args!("radlabel: {skipped} reports were done before"));
    }
    teller.finish();
    Ok(if teller.problems > 0 { ExitCode::from(1) } else { ExitCode::SUCCESS })
}

/// The output could not be written: what stands is told, and that the run can go on.
fn failed(error: anyhow::Error, options: &Options, writer: &Writer<'_>) -> anyhow::Result<ExitCode> {
    if super::broken_pipe(&error) {
        return Err(error);
    }
    say(format_args!("radlabel: {error:#}"));
    if options.partition.is_some() {
        say(format_args!(
            "radlabel: {} parts are whole; the same command with --resume goes on after them",
            writer.parts()
        ));
    }
    Ok(ExitCode::from(1))
}

/// What decides how the output looks.
struct Plan<'o> {
    options: &'o Options,
    layout: Layout,
    shape: Shape,
    refiner: Option<&'o Refiner>,
    /// Asked for once at most: all data are read for them.
    versions: OnceCell<Versions>,
}

impl Plan<'_> {
    fn versions(&self) -> Result<&Versions, Error> {
        if let Some(versions) = self.versions.get() {
            return Ok(versions);
        }
        let versions = self.options.data.versions()?;
        Ok(self.versions.get_or_init(|| versions))
    }

    fn form(
        &self,
        table: &Table<'_>,
        #[cfg(feature = "arrow")] schema: Option<&arrow_schema::SchemaRef>,
    ) -> Result<Form, Error> {
        let Plan { options, layout, .. } = *self;
        let output = options.output.as_deref().filter(|p| !output::is_standard(p));
        let packing = output.map_or(Packing::None, Packing::of);
        if packing != Packing::None && (layout.is_columnar() || layout.is_folder()) {
            return Err(Error::Usage(format!("--format {layout} is not packed once more; expected no .gz or .zst")));
        }
        let mut form = Form {
            layout,
            packing,
            head: Vec::new(),
            foot: Vec::new(),
            between: 0,
            beside: Vec::new(),
            #[cfg(feature = "parquet")]
            encoder: None,
        };
        match layout {
            Layout::Csv => {
                form.head = output::csv_header(table.columns()).map_err(|e| Error::output("the header", e))?;
            }
            Layout::Table => form.head = output::legend(look(output.is_none())),
            Layout::BiocXml => {
                form.head = output::bioc::XML_HEADER.to_vec();
                form.foot = output::bioc::XML_FOOTER.to_vec();
            }
            Layout::BiocJson => {
                form.head = output::bioc::JSON_HEADER.to_vec();
                form.between = output::bioc::JSON_BETWEEN.len();
                form.foot = output::bioc::JSON_FOOTER.to_vec();
            }
            Layout::Brat => {
                let files =
                    [("annotation.conf", output::brat::ANNOTATION_CONF), ("visual.conf", output::brat::VISUAL_CONF)];
                form.beside = files.map(|(name, text)| (name.to_owned(), text.as_bytes().to_vec())).to_vec();
            }
            _ => {}
        }
        #[cfg(feature = "arrow")]
        if let Some(schema) = schema {
            let refuse = |message: String| Error::output("the schema", message);
            if layout == Layout::Arrow {
                form.head = crate::arrow::stream::header(schema).map_err(refuse)?;
            }
            #[cfg(feature = "parquet")]
            if layout == Layout::Parquet {
                form.encoder =
                    Some(crate::arrow::parquet_file::Encoder::new(std::sync::Arc::clone(schema)).map_err(refuse)?);
            }
        }
        Ok(form)
    }

    /// The schema of a columnar output, with the versions of what made it.
    #[cfg(feature = "arrow")]
    fn schema(
        &self,
        table: &Table<'_>,
        schemes: &[(&BoundScheme, Hierarchy)],
    ) -> Result<Option<arrow_schema::SchemaRef>, Error> {
        if !self.layout.is_columnar() {
            return Ok(None);
        }
        let versions = self.versions()?;
        let ids: Vec<&str> = schemes.iter().map(|s| &*s.0.scheme.id).collect();
        let mut metadata = versions.metadata(&ids, &self.shape_name());
        metadata.extend(self.refiner.map(Refiner::metadata));
        Ok(Some(crate::arrow::cells::schema(table.columns(), &metadata)))
    }

    fn shape_name(&self) -> String {
        match &self.options.profile {
            Some(profile) => profile.clone(),
            None if self.options.votes => "votes".to_owned(),
            None => value_name(&self.shape),
        }
    }

    /// Where the output goes and where the input goes on; nothing, where all is done.
    fn place(&self, form: &Form) -> Result<Option<(Place, Point)>, Error> {
        let options = self.options;
        let (Some(folder), Some(_)) = (&options.output, options.partition) else {
            let open = parts::open(form, options.output.as_deref())?;
            return Ok(Some((Place::Single(Some(open)), Point::default())));
        };
        let place = folder.display().to_string();
        if output::is_standard(folder) {
            return Err(Error::Usage("--partition writes a folder; expected -o FOLDER".to_owned()));
        }
        let now = self.manifest()?;
        let lock = parts::lock(folder).map_err(|e| Error::output(&place, e))?;
        let then = Manifest::read(folder)?;
        let manifest = match (then, options.resume) {
            (Some(mut then), true) => {
                then.same(&now, folder)?;
                if let (Some(told), false) = (then.forget_lost(folder), options.run.quiet) {
                    say(format_args!("radlabel: warning: {place}: {told}"));
                }
                if then.complete {
                    if !options.run.quiet {
                        say(format_args!("radlabel: {place}: complete; nothing is left to do"));
                    }
                    return Ok(None);
                }
                then
            }
            (Some(_), false) => {
                let message = "holds the parts of a run; expected --resume to go on with it, or another folder";
                return Err(Error::output(place, message));
            }
            (None, _) => {
                let occupied = std::fs::read_dir(folder).is_ok_and(|mut entries| {
                    entries.any(|e| e.is_ok_and(|e| !e.file_name().to_string_lossy().starts_with(".radlabel-")))
                });
                if occupied {
                    return Err(Error::output(place, "is not empty; expected a new folder"));
                }
                now
            }
        };
        parts::prepare(folder, &manifest).map_err(|e| Error::output(place, e))?;
        let from = manifest.next();
        Ok(Some((Place::Folder(folder.clone(), Box::new(manifest), lock), from)))
    }

    /// Everything that decides what the parts hold.
    fn manifest(&self) -> Result<Manifest, Error> {
        let options = self.options;
        let versions = self.versions()?;
        let schemes = if options.scheme.is_empty() { "chexpert".to_owned() } else { options.scheme.join(",") };
        let votes: Vec<String> =
            options.votes_from.iter().map(|(name, path)| format!("{name}={}", path.display())).collect();
        let settings = [
            ("radlabel", env!("CARGO_PKG_VERSION").to_owned()),
            ("lexicons", versions.lexicons.clone()),
            ("rules", versions.rules.clone()),
            ("schemes", schemes),
            ("format", self.layout.to_string()),
            ("table", self.shape_name()),
            ("add", names(&options.add)),
            ("policy", names(&[options.policy])),
            ("propagate", names(&options.propagate)),
            ("whole", options.whole.told()),
            ("confidence", options.confidence.to_string()),
            ("voting", options.votes.to_string()),
            ("votes", votes.join(",")),
            ("partition", options.partition.map_or(0, NonZeroU64::get).to_string()),
            ("selection", options.selection.told()),
            ("input", options.input.told()),
        ];
        let refined = self.refiner.map(|refiner| ("refine", refiner.told()));
        Ok(Manifest {
            settings: (settings.into_iter().chain(refined).map(|(key, value)| (key.to_owned(), value)))
                .collect::<BTreeMap<_, _>>(),
            inputs: manifest::fingerprints(&options.inputs)?,
            parts: Vec::new(),
            complete: false,
        })
    }
}

/// Values as the command line names them.
fn names<V: clap::ValueEnum>(values: &[V]) -> String {
    values.iter().map(value_name).collect::<Vec<_>>().join(",")
}

/// The columns beside the table's own.
fn added(options: &Options, layout: Layout) -> Result<Added, Error> {
    let asked = |what| options.add.contains(&what);
    let columnar = layout.is_columnar() && options.profile.is_none() && !options.votes;
    if options.confidence && !layout.is_table() && layout != Layout::Jsonl {
        return Err(Error::Usage("--confidence needs --format csv, parquet, arrow or jsonl".to_owned()));
    }
    if !options.add.is_empty() && options.profile.is_some() {
        return Err(Error::Usage("--add does not fit --profile, which names its columns".to_owned()));
    }
    let fits = layout.is_table() || (layout == Layout::Jsonl && options.add == [Add::Text]);
    if !options.add.is_empty() && !fits {
        return Err(Error::Usage("--add needs a table (csv, parquet, arrow); text also goes into jsonl".to_owned()));
    }
    Ok(Added {
        study: asked(Add::Study) || columnar,
        notes: asked(Add::Notes) || columnar,
        text: asked(Add::Text),
        confidence: options.confidence,
        model: options.refine.wanted(),
    })
}

/// Counts ids that stood before and, in JSON, says so in their lines.
fn doubled(done: &mut Done<Load>, ids: &mut Ids, noted: bool) {
    for &hash in &done.load.skipped {
        ids.stood_before(hash);
    }
    let mut out: Option<Vec<u8>> = None;
    let mut from = 0;
    let mut longer = 0;
    for (end, hash) in &mut done.reports {
        let stood = ids.stood_before(*hash);
        if stood {
            done.tally.note(output::DOUBLED_ID);
        }
        if stood && noted {
            let out = out.get_or_insert_default();
            let (at, note) = output::mark_doubled(&done.bytes[from..*end]);
            out.extend_from_slice(&done.bytes[from..from + at]);
            out.extend_from_slice(note);
            from += at;
            longer += note.len();
        }
        *end += longer;
    }
    if let Some(mut out) = out {
        out.extend_from_slice(&done.bytes[from..]);
        done.bytes = out;
    }
}

/// Packs a batch as the output's ending asks.
pub(super) fn pack(done: &mut Done, packing: Packing) -> std::io::Result<()> {
    done.bytes = packing.pack(std::mem::take(&mut done.bytes))?;
    Ok(())
}

/// The schemes asked for, each with the way its values travel.
fn schemes<'e>(
    options: &Options,
    engine: &'e Engine,
    profile: Option<&Profile>,
) -> Result<Vec<(&'e BoundScheme, Hierarchy)>, Error> {
    if options.propagate.contains(&Way::None) && options.propagate.len() > 1 {
        return Err(Error::Usage("--propagate: none together with another way; expected one or the other".to_owned()));
    }
    let asked: Vec<&str> = match profile {
        Some(profile) => vec![&profile.scheme],
        None if options.scheme.is_empty() => vec!["chexpert"],
        None => options.scheme.iter().map(|s| s.trim()).collect(),
    };
    let mut out = Vec::new();
    for (i, id) in asked.iter().enumerate() {
        if asked[..i].contains(id) {
            return Err(Error::Usage(format!("--scheme: \"{id}\" stands twice")));
        }
        let bound = engine.scheme(id)?;
        let told = |way| options.propagate.contains(&way);
        let hierarchy = match options.propagate.is_empty() {
            true => bound.scheme.hierarchy,
            false => Hierarchy { up: told(Way::Up), down: told(Way::Down) },
        };
        out.push((bound, hierarchy));
    }
    Ok(out)
}

fn look(standard: bool) -> Look {
    let terminal = console::Term::stdout();
    if !standard || !terminal.is_term() {
        return Look { width: 100, colour: false };
    }
    let plain = std::env::var_os("NO_COLOR").is_some_and(|v| !v.is_empty())
        || std::env::var_os("TERM").is_some_and(|v| v == "dumb");
    Look { width: usize::from(terminal.size().1).max(40), colour: !plain }
}

impl From<Uncertain> for Policy {
    fn from(uncertain: Uncertain) -> Policy {
        match uncertain {
            Uncertain::Keep => Policy::Keep,
            Uncertain::Ones => Policy::Ones,
            Uncertain::Zeros => Policy::Zeros,
            Uncertain::Ignore => Policy::Ignore,
        }
    }
}
