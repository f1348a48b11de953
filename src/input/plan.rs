//! The inputs of a command line -> one sequence of batches.
//!
//! Everything that can be refused is refused before the first report is read: a path that is not there, a
//! table without a column of text. Regular files are opened again when their turn comes, so that a thousand
//! inputs need no thousand handles; pipes are kept open. The files of a folder are planned when the walk comes to
//! them: one that cannot be read is told, and the others are read.

use super::batch::{Batch, Source, guessed_encoding, is_dicom};
#[cfg(feature = "arrow")]
use super::columnar;
use super::columns::{self, Wanted};
use super::cut::Cutter;
use super::delimited;
use super::encoding::{self, Choice};
use super::feed::{self, Feed};
use super::folder::{Walk, by_ending, named, stem};
use super::frame::{Frame, Scan};
use super::{Format, Options, Told, hl7, jsonl};
use crate::Error;
use std::collections::VecDeque;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

/// Files in one batch: enough to keep a thread busy, few enough to spread.
const BATCH_FILES: usize = 64;

/// A FHIR Bundle of at most this size is read at once.
const SMALL: u64 = 16 << 20;

/// All inputs of a run.
pub struct Input {
    plans: VecDeque<Plan>,
    planner: Planner,
    counter: Arc<AtomicU64>,
    /// Records that may still be read.
    left: Option<u64>,
    number: u64,
    /// Bytes on disk of all inputs; `None` where that is not known.
    pub total: Option<u64>,
    /// What planning had to tell.
    pub told: Vec<Told>,
}

enum Plan {
    Files(VecDeque<(PathBuf, Format)>),
    /// The folder, and a file of it that is read as a source of its own.
    Folder(PathBuf, Walk, Option<PathBuf>),
    Stream(Arc<Source>, Option<PathBuf>, Option<Box<Feed>>),
    Cutting(Box<Cutter>),
    #[cfg(feature = "arrow")]
    Columns(Box<columnar::Reader>),
}

/// What filling from a plan came to.
enum Filled {
    Batch,
    /// The plan has nothing more to give.
    Nothing,
    /// This plan comes first.
    Inner(Plan),
}

impl Input {
    /// Plans how to read these inputs: files, folders, patterns, `-` for standard input.
    ///
    /// # Errors
    /// [`Error::Usage`] and [`Error::Input`] for what cannot be read at all.
    pub fn open(inputs: &[PathBuf], options: &Options) -> Result<Input, Error> {
        let choice = Choice::of(&options.encoding)?;
        let counter = Arc::new(AtomicU64::new(0));
        let wanted =
            Wanted { id: options.id_column.clone(), texts: options.text_columns.clone(), keys_only: options.keys_only };
        let files = Arc::new(Source {
            name: String::new(),
            stem: String::new(),
            format: Format::Txt,
            frame: Frame::Whole,
            roles: Vec::new(),
            prefix: String::new(),
            wanted: Arc::new(wanted),
            choice,
            max_bytes: options.max_report_bytes,
            counter: Arc::clone(&counter),
        });
        let mut planner =
            Planner { options: options.clone(), files, several: inputs.len() > 1, total: Some(0), told: Vec::new() };
        let mut plans = VecDeque::new();
        for input in inputs {
            match (planner.add(input)?, plans.back_mut()) {
                (Some(Plan::Files(more)), Some(Plan::Files(files))) => files.extend(more),
                (plan, _) => plans.extend(plan),
            }
        }
        let (total, told) = (planner.total, std::mem::take(&mut planner.told));
        // A file of a folder is one of several.
        planner.several = true;
        Ok(Input { plans, planner, counter, left: options.limit, number: 0, total, told })
    }

    /// Counts the bytes taken from the inputs, as they lie on disk.
    pub fn meter(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.counter)
    }

    /// Fills a batch; false when everything was read.
    pub fn fill(&mut self, batch: &mut Batch) -> bool {
        batch.clear();
        if self.left == Some(0) {
            return false;
        }
        while let Some(plan) = self.plans.front_mut() {
            match plan.fill(batch, &mut self.planner, &self.counter) {
                Filled::Batch => {
                    if let Some(left) = &mut self.left {
                        *left -= batch.keep(usize::try_from(*left).unwrap_or(usize::MAX)) as u64;
                    }
                    batch.number = self.number;
                    self.number += 1;
                    return true;
                }
                Filled::Nothing => drop(self.plans.pop_front()),
                Filled::Inner(inner) => self.plans.push_front(inner),
            }
        }
        false
    }
}

impl Plan {
    fn fill(&mut self, batch: &mut Batch, planner: &mut Planner, counter: &Arc<AtomicU64>) -> Filled {
        let more = match self {
            Plan::Files(files) => {
                batch.source = Some(Arc::clone(&planner.files));
                batch.files.extend(files.drain(..files.len().min(BATCH_FILES)));
                !batch.files.is_empty()
            }
            Plan::Folder(path, walk, held) => {
                if let Some(file) = held.take() {
                    let plan = planner.stream(Some(&file), file.display().to_string());
                    batch.told.append(&mut planner.told);
                    match plan {
                        Ok(Some(inner)) => return Filled::Inner(inner),
                        Ok(None) => return Filled::Batch,
                        Err(error) => {
                            batch.told.push(match error {
                                Error::Input { place, message } => Told::problem(place, message),
                                other => Told::problem(file.display().to_string(), other.to_string()),
                            });
                            return Filled::Batch;
                        }
                    }
                }
                batch.source = Some(Arc::clone(&planner.files));
                while batch.files.len() < BATCH_FILES {
                    match walk.next(&mut batch.told) {
                        None => break,
                        // XML this large is no single report, but perhaps a collection.
                        Some((path, Some(Format::Openi))) if is_large(&path, planner.files.max_bytes) => {
                            *held = Some(path);
                            break;
                        }
                        Some((path, Some(format))) if format.is_whole() => batch.files.push((path, format)),
                        Some((path, _)) => {
                            *held = Some(path);
                            break;
                        }
                    }
                }
                if let (true, None, Some(message)) = (batch.is_empty(), &held, walk.passed_over()) {
                    batch.told.push(Told::guess(path.display().to_string(), message));
                    *self = Plan::Files(VecDeque::new());
                    return Filled::Batch;
                }
                !batch.is_empty() || held.is_some()
            }
            Plan::Stream(source, path, feed) => {
                let feed = match feed.take() {
                    Some(feed) => Ok(*feed),
                    None => feed::open(path.as_deref(), planner.files.choice, counter),
                };
                match feed {
                    Ok(feed) => *self = Plan::Cutting(Box::new(Cutter::new(Arc::clone(source), feed))),
                    Err(error) => {
                        batch.told.push(Told::problem(&source.name, error.to_string()));
                        *self = Plan::Files(VecDeque::new());
                        return Filled::Batch;
                    }
                }
                return self.fill(batch, planner, counter);
            }
            Plan::Cutting(cutter) => cutter.fill(batch),
            #[cfg(feature = "arrow")]
            Plan::Columns(reader) => reader.fill(batch),
        };
        if more { Filled::Batch } else { Filled::Nothing }
    }
}

fn is_large(path: &Path, limit: usize) -> bool {
    std::fs::metadata(path).is_ok_and(|m| m.len() > limit as u64)
}

struct Planner {
    options: Options,
    files: Arc<Source>,
    several: bool,
    total: Option<u64>,
    told: Vec<Told>,
}

impl Planner {
    fn add(&mut self, input: &Path) -> Result<Option<Plan>, Error> {
        let name = input.display().to_string();
        if name == "-" {
            self.total = None;
            return self.stream(None, "standard input".to_owned());
        }
        let refuse = |error: std::io::Error| Error::input(&name, error);
        let metadata = match std::fs::metadata(input) {
            Err(_) if name.contains(['*', '?', '[', '{']) => {
                self.total = None;
                let (folder, pattern) = pattern(input);
                let walk = Walk::new(&folder, self.options.format, &[pattern])?;
                return Ok(Some(Plan::Folder(folder, walk, None)));
            }
            metadata => metadata.map_err(refuse)?,
        };
        if metadata.is_dir() {
            self.total = None;
            let walk = Walk::new(input, self.options.format, &self.options.globs)?;
            return Ok(Some(Plan::Folder(input.to_owned(), walk, None)));
        }
        self.total = self.total.map(|t| t + metadata.len());
        let format = self.options.format.or_else(|| by_ending(input));
        match format.filter(|f| metadata.is_file() && f.is_whole()) {
            Some(format) => {
                File::open(input).map_err(refuse)?;
                Ok(Some(Plan::Files([(input.to_owned(), format)].into())))
            }
            None => self.stream(Some(input), name),
        }
    }

    /// A source that is cut into records, or a pipe. Nothing, where there is nothing in it.
    fn stream(&mut self, path: Option<&Path>, name: String) -> Result<Option<Plan>, Error> {
        let reopened = path.is_some_and(Path::is_file);
        // What is read only to look is not progress.
        let counter = if reopened { Arc::default() } else { Arc::clone(&self.files.counter) };
        let feed = feed::open(path, self.files.choice, &counter).map_err(|e| Error::input(&name, e))?;
        let format = self.options.format.or_else(|| by_ending(path?));
        let found = by_content(&feed.head);
        let format = format.unwrap_or_else(|| match path.and_then(named) {
            // JSON and XML may be of several kinds; broken ones are told by the reader of the usual kind.
            Some(named) if !matches!(found, Format::Fhir | Format::Bioc) => named,
            _ => found,
        });
        let whole = reopened && format.is_whole();
        if feed.head.is_empty() && !(feed.is_packed() || whole) {
            self.told.push(Told::warning(name, "empty: no report in it"));
            return Ok(None);
        }
        if let (true, Some(path)) = (whole, path) {
            return Ok(Some(Plan::Files([(path.to_owned(), format)].into())));
        }
        if !format.is_columnar()
            && let (true, Some(encoding)) = (feed.guessed, feed.encoding)
        {
            self.told.push(guessed_encoding(&name, encoding));
        }
        let size = path.and_then(|p| std::fs::metadata(p).ok()).map_or(u64::MAX, |m| m.len());
        let small = reopened && !feed.is_packed() && size <= SMALL;
        let mut source = Source {
            stem: path.map_or_else(|| "stdin".to_owned(), stem),
            name,
            format,
            frame: frame(format, &feed.head, small),
            roles: Vec::new(),
            prefix: String::new(),
            wanted: Arc::clone(&self.files.wanted),
            choice: if feed.transcoded { Choice::Fixed(encoding_rs::UTF_8) } else { self.files.choice },
            max_bytes: self.files.max_bytes,
            counter: Arc::clone(&self.files.counter),
        };
        if self.several {
            source.prefix = format!("{}:", source.stem);
        }
        if format.is_columnar() {
            return self.columns(source, path, feed);
        }
        let guess = match format {
            Format::Csv | Format::Tsv => header(&mut source, &feed.head)?,
            Format::Jsonl => first_keys(&source, &feed.head),
            _ => None,
        };
        self.told.extend(guess.map(|message| Told::guess(&source.name, message)));
        let feed = (!reopened).then(|| Box::new(feed));
        Ok(Some(Plan::Stream(Arc::new(source), path.map(Path::to_owned), feed)))
    }

    #[cfg(feature = "arrow")]
    fn columns(&mut self, source: Source, path: Option<&Path>, feed: Feed) -> Result<Option<Plan>, Error> {
        let name = source.name.clone();
        let (reader, guess) = columnar::Reader::open(source, path, feed)?;
        self.told.extend(guess.map(|message| Told::guess(name, message)));
        Ok(Some(Plan::Columns(Box::new(reader))))
    }

    #[cfg(not(feature = "arrow"))]
    fn columns(&mut self, source: Source, _: Option<&Path>, _: Feed) -> Result<Option<Plan>, Error> {
        let message = format!(
            "{:?}, which this radlabel was built without; expected one built with --features full",
            source.format
        );
        Err(Error::input(source.name, message))
    }
}

/// The folder that a pattern begins in, and the pattern below it.
fn pattern(input: &Path) -> (PathBuf, String) {
    let wild = |part: &std::ffi::OsStr| part.to_string_lossy().contains(['*', '?', '[', '{']);
    let folder: PathBuf = input.iter().take_while(|part| !wild(part)).collect();
    let below: PathBuf = input.iter().skip_while(|part| !wild(part)).collect();
    let folder = if folder.as_os_str().is_empty() { PathBuf::from(".") } else { folder };
    (folder, below.to_string_lossy().into_owned())
}

/// What a record is in a source that begins like this.
pub(super) fn frame(format: Format, head: &[u8], small: bool) -> Frame {
    let start = head.trim_ascii_start();
    match format {
        Format::Txt | Format::Openi | Format::Dicom | Format::Parquet | Format::Arrow => Frame::Whole,
        Format::Csv => {
            let line = head.split(|&b| b == b'\n').find(|l| !delimited::trimmed(l).is_empty()).unwrap_or(&[]);
            Frame::Row(delimited::delimiter(line))
        }
        Format::Tsv => Frame::Row(b'\t'),
        Format::Jsonl if laid_out(start) => Frame::Object,
        Format::Jsonl => Frame::Line,
        Format::Hl7 => Frame::Message,
        Format::Bioc if start.starts_with(b"<") => Frame::Tag("document"),
        Format::Bioc => Frame::Element("documents"),
        Format::Fhir if start.starts_with(b"[") => Frame::Object,
        Format::Fhir => {
            let mut lines = start.splitn(2, |&b| b == b'\n');
            let first = lines.next().unwrap_or(&[]);
            let more = lines.next().is_some_and(|rest| !rest.trim_ascii().is_empty());
            let alone = serde_json::from_slice::<serde::de::IgnoredAny>(first).is_ok();
            match memchr::memmem::find(start, b"\"Bundle\"").is_some() {
                _ if alone && more => Frame::Line,
                // What its reports refer to is found where all of it is read at once.
                true if small => Frame::Whole,
                true => Frame::Element("entry"),
                false if alone => Frame::Line,
                false => Frame::Whole,
            }
        }
    }
}

/// JSON that is no object a line: an array, or an object whose first line is its bracket alone.
fn laid_out(start: &[u8]) -> bool {
    let first = start.split(|&b| b == b'\n').next().unwrap_or(&[]);
    start.starts_with(b"[") || first.trim_ascii() == b"{"
}

/// The format that a source's first bytes tell.
fn by_content(head: &[u8]) -> Format {
    let holds = |needle: &[u8]| memchr::memmem::find(head, needle).is_some();
    let start = head.trim_ascii_start();
    match start {
        _ if head.starts_with(b"PAR1") => return Format::Parquet,
        _ if head.starts_with(b"ARROW1") || head.starts_with(&[0xff; 4]) => return Format::Arrow,
        _ if is_dicom(head) => return Format::Dicom,
        _ if hl7::looks_like(head) => return Format::Hl7,
        [b'{' | b'[', ..] if holds(b"\"resourceType\"") => return Format::Fhir,
        [b'{', ..] if holds(b"\"documents\"") && (holds(b"\"passages\"") || holds(b"\"infons\"")) => {
            return Format::Bioc;
        }
        [b'{' | b'[', ..] => return Format::Jsonl,
        [b'<', ..] if holds(b"<collection") => return Format::Bioc,
        [b'<', ..] => return Format::Openi,
        _ => {}
    }
    let line = head.split(|&b| b == b'\n').find(|l| !l.trim_ascii().is_empty()).unwrap_or(&[]);
    let delimiter = delimited::delimiter(line);
    let (line, _) = encoding::decode(delimited::trimmed(line), encoding_rs::UTF_8);
    let mut cells = Vec::new();
    let wanted = Wanted::default();
    let named = delimited::cells(&line, delimiter, &mut cells).is_ok()
        && cells.len() > 1
        && cells.iter().any(|c| wanted.role(&c.text(&line)).has_text());
    match (named, delimiter) {
        (false, _) => Format::Txt,
        (true, b'\t') => Format::Tsv,
        (true, _) => Format::Csv,
    }
}

/// Reads the header of a table into `source` and says what was guessed.
fn header(source: &mut Source, head: &[u8]) -> Result<Option<String>, Error> {
    let Frame::Row(delimiter) = source.frame else {
        return Ok(None);
    };
    let refuse = |message: String| Error::input(format!("{}:1", source.name), message);
    let names = names(delimiter, head).map_err(refuse)?;
    let (roles, guess) = columns::roles(&names, &source.wanted).map_err(refuse)?;
    source.roles = roles;
    Ok(guess)
}

/// The names in the header of a table that begins like this, or what is wrong with it.
pub(super) fn names(delimiter: u8, head: &[u8]) -> Result<Vec<String>, String> {
    let mut scan = Scan::new(Frame::Row(delimiter), 0);
    let (mut start, mut end) = (0, 0);
    while delimited::trimmed(&head[start..end]).is_empty() {
        start = end;
        match scan.end(head, start, None, false) {
            Some(next) => end = next,
            None => {
                end = head.len();
                break;
            }
        }
    }
    let bytes = delimited::trimmed(&head[start..end]);
    let (line, _) = encoding::decode(bytes, encoding::guess(bytes).0);
    let mut cells = Vec::new();
    delimited::cells(&line, delimiter, &mut cells).map_err(|m| format!("header: {m}"))?;
    Ok(cells.iter().map(|c| c.text(&line).trim().to_owned()).collect())
}

/// What was guessed of the keys of a JSONL source, by its first whole line.
fn first_keys(source: &Source, head: &[u8]) -> Option<String> {
    let mut scan = Scan::new(source.frame, 0);
    let mut start = 0;
    let records = std::iter::from_fn(|| {
        let end = scan.end(head, start, None, false)?;
        let record = &head[scan.begin(start)..end];
        start = end;
        Some(record)
    });
    let rest = (source.frame == Frame::Line).then(|| head.rsplit(|&b| b == b'\n').next()).flatten();
    records.chain(rest).find_map(|line| {
        let keys = jsonl::keys(std::str::from_utf8(line).ok()?)?;
        let roles: Vec<_> = keys.iter().map(|k| source.wanted.role(k)).collect();
        (source.wanted.keys_only || roles.iter().any(|r| r.has_text()))
            .then(|| columns::told(&keys, &roles, &source.wanted))?
    })
}
