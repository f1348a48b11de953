//! `radlabel studies`: imaging studies in, one row a study, series or image out.

use super::inputs::RunOptions;
use super::repeats::Repeats;
use super::rows::{Layout, RowWriter};
use super::server::ServerOptions;
use super::{same, say};
use crate::Error;
use crate::imaging::filter::Filter;
use crate::imaging::level::{Gathered, Level};
use crate::imaging::quality::Quality;
use crate::imaging::{self, Take, server};
use crate::input::{Gravity, Told};
use crate::output::studies::{cells, columns, specs};
use crate::study::{COLUMNS, Column, StudyRow};
use indicatif::HumanCount;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

/// List the studies, series or images of a source, with what is wrong with them
///
/// Every file of a folder is tried by what it holds, whatever its name; only headers are read. The column `problems`
/// tells what is wrong with a row: missing-KEYWORD, bad-KEYWORD (a value that its tag does not allow), truncated,
/// damaged, short-PixelData, duplicate-SOPInstanceUID, duplicate-PixelData, shared-StudyInstanceUID (of two patients),
/// mixed-PatientID (two patients in one study), missing-file (named by a DICOMDIR).
#[derive(clap::Args)]
#[command(after_help = "Exit code: 0 done; 1 a file could not be read or is damaged; 2 wrong use or no study found.")]
pub(super) struct Options {
    /// Folders of DICOM files, DICOM files, a DICOMDIR; tables (CSV, TSV, Parquet, Arrow, JSON lines); FHIR ImagingStudy;
    /// DICOM JSON; the http(s) address of a DICOMweb server; - for standard input
    #[arg(required = true, value_name = "SOURCE")]
    sources: Vec<String>,
    /// What a row stands for
    #[arg(long, value_enum, value_name = "LEVEL", default_value = "study")]
    level: Level,
    /// Keep only the rows that meet this SQL expression: "modality = 'CT' and slice_thickness <= 2.5"
    #[arg(long = "where", value_name = "EXPR")]
    filter: Option<String>,
    /// Hash the pixel data, to find images that are doubled under another UID; reads whole files
    #[arg(long)]
    pixel_hash: bool,
    /// How to write [default: by the ending of OUT, else a table on a terminal and csv elsewhere]
    #[arg(long, value_enum, value_name = "FORMAT")]
    format: Option<Layout>,
    /// Only these columns, in this order: study_uid,modality,date
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    columns: Vec<String>,
    /// Where to write; the file appears only when everything is in it. Packed when it ends in .gz or .zst
    #[arg(long, short, value_name = "OUT")]
    output: Option<PathBuf>,
    #[command(flatten)]
    run: RunOptions,
    #[command(flatten)]
    server: ServerOptions,
}

/// What a table for eyes shows unless asked.
const SHOWN: [(Level, &str); 3] = [
    (Level::Study, "date,modality,accession,patient_id,body_part,study_description,series,images,problems"),
    (Level::Series, "date,modality,series_number,series_description,slice_thickness,view,images,problems"),
    (Level::Image, "path,modality,series_number,instance_number,view,laterality,rows,columns,problems"),
];

pub(super) fn run(options: &Options) -> anyhow::Result<ExitCode> {
    let start = Instant::now();
    let filter = options.filter.as_deref().map(Filter::new).transpose()?;
    same::refuse(options.output.as_deref(), options.sources.iter().map(Path::new))?;
    let layout = Layout::chosen(options.format, options.output.as_deref())?;
    let shown = SHOWN.iter().find(|(level, _)| *level == options.level).map_or("", |(_, names)| names);
    let columns: Vec<&'static Column> = match (&options.columns, layout) {
        (names, _) if !names.is_empty() => columns(names)?,
        (_, Layout::Table) => columns(&shown.split(',').map(str::to_owned).collect::<Vec<_>>())?,
        _ => COLUMNS.iter().collect(),
    };
    let level = options.level;
    let mut studies = Studies {
        columns: &columns,
        filter,
        gathered: (level != Level::Image).then(|| Gathered::new(level)),
        writer: RowWriter::open(layout, options.output.as_deref(), specs(&columns), "studies")?,
        quality: Quality::default(),
        quiet: options.run.quiet,
        repeats: Repeats::default(),
        tally: Tally::default(),
        broken: None,
    };
    let server = options.server.server(match level {
        Level::Study => server::Level::Study,
        Level::Series => server::Level::Series,
        Level::Image => server::Level::Instance,
    })?;
    let reading = imaging::Options { threads: options.run.threads(), pixel_hash: options.pixel_hash, server };
    let read = imaging::read(&options.sources, &reading, &mut studies);
    // What the system said of the output matters more than that reading stopped for it.
    if let Some(error) = studies.broken.take() {
        return Err(error);
    }
    read?;
    if studies.tally.rows == 0 {
        studies.repeats.finish();
        let names: Vec<&str> = options.sources.iter().take(3).map(String::as_str).collect();
        return Err(Error::input(names.join(", "), "no study found").into());
    }
    if let Some(gathered) = studies.gathered.take() {
        for row in gathered.rows() {
            studies.write(&row)?;
        }
    }
    let Studies { writer, tally, quality, repeats, .. } = studies;
    let rows = writer.rows();
    writer.finish()?;
    repeats.finish();
    if !options.run.quiet {
        tally.tell(rows, quality.studies(), start);
    }
    Ok(ExitCode::from(u8::from(tally.told > 0)))
}

/// What is counted.
#[derive(Default)]
struct Tally {
    files: u64,
    rows: u64,
    told: u64,
    /// By kind.
    problems: BTreeMap<String, u64>,
}

impl Tally {
    fn tell(&self, rows: u64, studies: usize, start: Instant) {
        let seconds = start.elapsed().as_secs_f64();
        let line = |name: &str, value: &dyn std::fmt::Display| say(format_args!("{name:<10}{value}"));
        if self.files > 0 {
            line("files", &HumanCount(self.files));
        }
        line("images", &HumanCount(self.rows));
        line("studies", &HumanCount(studies as u64));
        line("rows", &HumanCount(rows));
        for (kind, &count) in &self.problems {
            line("problem", &format_args!("{kind}: {}", HumanCount(count)));
        }
        let (counted, what) = if self.files > 0 { (self.files, "files") } else { (self.rows, "rows") };
        let speed = HumanCount((counted as f64 / seconds.max(1e-6)) as u64);
        line("time", &format_args!("{seconds:.2} s, {speed} {what} per second"));
    }
}

/// Takes rows as they come.
struct Studies<'c> {
    columns: &'c [&'static Column],
    filter: Option<Filter>,
    gathered: Option<Gathered>,
    writer: RowWriter,
    quality: Quality,
    quiet: bool,
    repeats: Repeats,
    tally: Tally,
    /// What kept the output from being written, as the system said it.
    broken: Option<anyhow::Error>,
}

impl Studies<'_> {
    fn write(&mut self, row: &StudyRow) -> anyhow::Result<()> {
        if let Some(filter) = &self.filter
            && !filter.holds(row)?
        {
            return Ok(());
        }
        let columns = self.columns;
        self.writer.row(|out| cells(columns, row, out))
    }
}

impl Take for Studies<'_> {
    fn row(&mut self, mut row: StudyRow) -> Result<(), Error> {
        self.quality.check(&mut row);
        self.tally.rows += 1;
        for problem in &row.problems {
            *self.tally.problems.entry(problem.clone()).or_default() += 1;
        }
        if let Some(gathered) = &mut self.gathered {
            gathered.add(row);
            return Ok(());
        }
        self.write(&row).map_err(|error| {
            let stopped = Error::output("the output", "cannot be written");
            self.broken = Some(error);
            stopped
        })
    }

    fn tell(&mut self, told: Told) {
        if told.gravity == Gravity::Problem {
            self.tally.told += 1;
        } else if self.quiet {
            return;
        }
        if self.repeats.shows(&told) {
            say(format_args!("radlabel: {told}"));
        }
    }

    fn files(&mut self, count: u64) {
        self.tally.files += count;
    }
}
