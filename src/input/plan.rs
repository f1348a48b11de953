//! The inputs of a command line -> one sequence of batches.
//!
//! Everything that can be refused is refused before the first report is read: a path that is not there, a
//! table without a column of text. Regular files are opened again when their turn comes, so that a thousand
//! inputs need no thousand handles; pipes are kept open.

use super::batch::{Batch, Source, guessed_encoding};
use super::columns::{self, Wanted};
use super::cut::Cutter;
use super::delimited::{self, Scan};
use super::encoding::{self, Choice};
use super::feed::{self, Feed};
use super::folder::{Walk, by_ending, stem};
use super::{Format, Options, Told, jsonl};
use crate::Error;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

/// Files in one batch: enough to keep a thread busy, few enough to spread.
const BATCH_FILES: usize = 64;

/// All inputs of a run.
pub struct Input {
    plans: std::vec::IntoIter<Plan>,
    current: Option<Plan>,
    files: Arc<Source>,
    choice: Choice,
    counter: Arc<AtomicU64>,
    /// Bytes on disk of all inputs; `None` where that is not known.
    pub total: Option<u64>,
    /// What planning had to tell.
    pub told: Vec<Told>,
}

enum Plan {
    Files(std::collections::VecDeque<(PathBuf, Format)>),
    Folder(PathBuf, Walk),
    Stream(Arc<Source>, Option<PathBuf>, Option<Box<Feed>>),
    Cutting(Box<Cutter>),
}

impl Input {
    /// Plans how to read these inputs: files, folders, `-` for standard input.
    ///
    /// # Errors
    /// [`Error::Usage`] and [`Error::Input`] for what cannot be read at all.
    pub fn open(inputs: &[PathBuf], options: &Options) -> Result<Input, Error> {
        let choice = Choice::of(&options.encoding)?;
        let counter = Arc::new(AtomicU64::new(0));
        let wanted = Wanted { id: options.id_column.clone(), texts: options.text_columns.clone() };
        let files = Arc::new(Source {
            name: String::new(),
            stem: String::new(),
            format: Format::Txt,
            delimiter: b',',
            roles: Vec::new(),
            prefix: String::new(),
            wanted: Arc::new(wanted),
            choice,
            max_bytes: options.max_report_bytes,
            counter: Arc::clone(&counter),
        });
        let mut planner = Planner {
            options,
            files: &files,
            several: inputs.len() > 1,
            plans: Vec::new(),
            total: Some(0),
            told: Vec::new(),
        };
        for input in inputs {
            planner.add(input)?;
        }
        let Planner { plans, total, told, .. } = planner;
        Ok(Input { plans: plans.into_iter(), current: None, files, choice, counter, total, told })
    }

    /// Counts the bytes taken from the inputs, as they lie on disk.
    pub fn meter(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.counter)
    }

    /// Fills a batch; false when everything was read.
    pub fn fill(&mut self, batch: &mut Batch) -> bool {
        batch.clear();
        loop {
            let Some(plan) = &mut self.current else {
                self.current = self.plans.next();
                if self.current.is_none() {
                    return false;
                }
                continue;
            };
            let more = match plan {
                Plan::Files(files) => {
                    batch.source = Some(Arc::clone(&self.files));
                    batch.files.extend(files.drain(..files.len().min(BATCH_FILES)));
                    !batch.files.is_empty()
                }
                Plan::Folder(path, walk) => {
                    batch.source = Some(Arc::clone(&self.files));
                    let told = &mut batch.told;
                    batch.files.extend(std::iter::from_fn(|| walk.next(told)).take(BATCH_FILES));
                    let more = !batch.is_empty();
                    if !more && walk.passed_over() > 0 {
                        let message = format!("{} files that are no .txt or .xml were passed over", walk.passed_over());
                        batch.told.push(Told::guess(path.display().to_string(), message));
                        self.current = None;
                        return true;
                    }
                    more
                }
                Plan::Stream(source, path, feed) => {
                    let feed = match feed.take() {
                        Some(feed) => Ok(*feed),
                        None => feed::open(path.as_deref(), self.choice, &self.counter),
                    };
                    match feed {
                        Ok(feed) => *plan = Plan::Cutting(Box::new(Cutter::new(Arc::clone(source), feed))),
                        Err(error) => {
                            batch.told.push(Told::problem(&source.name, error.to_string()));
                            self.current = None;
                            return true;
                        }
                    }
                    continue;
                }
                Plan::Cutting(cutter) => cutter.fill(batch),
            };
            if more {
                return true;
            }
            self.current = None;
        }
    }
}

struct Planner<'a> {
    options: &'a Options,
    files: &'a Arc<Source>,
    several: bool,
    plans: Vec<Plan>,
    total: Option<u64>,
    told: Vec<Told>,
}

impl Planner<'_> {
    fn add(&mut self, input: &Path) -> Result<(), Error> {
        let name = input.display().to_string();
        if name == "-" {
            self.total = None;
            return self.stream(None, "standard input".to_owned());
        }
        let refuse = |error: std::io::Error| Error::input(&name, error);
        let metadata = std::fs::metadata(input).map_err(refuse)?;
        if metadata.is_dir() {
            self.total = None;
            if let Some(format) = self.options.format.filter(|f| !matches!(f, Format::Txt | Format::Openi)) {
                let message = format!("a folder is read as .txt or .xml files, not as {format:?}; name its files");
                return Err(Error::input(name, message));
            }
            let walk = Walk::new(input, self.options.format).map_err(refuse)?;
            self.plans.push(Plan::Folder(input.to_owned(), walk));
            return Ok(());
        }
        self.total = self.total.map(|t| t + metadata.len());
        let format = self.options.format.or_else(|| by_ending(input));
        match format.filter(|f| metadata.is_file() && matches!(f, Format::Txt | Format::Openi)) {
            Some(format) => {
                File::open(input).map_err(refuse)?;
                if let Some(Plan::Files(files)) = self.plans.last_mut() {
                    files.push_back((input.to_owned(), format));
                } else {
                    self.plans.push(Plan::Files([(input.to_owned(), format)].into()));
                }
                Ok(())
            }
            None => self.stream(Some(input), name),
        }
    }

    /// A source that is cut into records, or a pipe.
    fn stream(&mut self, path: Option<&Path>, name: String) -> Result<(), Error> {
        let reopened = path.is_some_and(Path::is_file);
        // What is read only to look is not progress.
        let counter = if reopened { Arc::default() } else { Arc::clone(&self.files.counter) };
        let feed = feed::open(path, self.files.choice, &counter).map_err(|e| Error::input(&name, e))?;
        let format = self.options.format.or_else(|| by_ending(path?)).unwrap_or_else(|| by_content(&feed.head));
        if feed.head.is_empty() && !(feed.packed || reopened && format == Format::Txt) {
            self.told.push(Told::warning(name, "empty: no report in it"));
            return Ok(());
        }
        if let (true, Some(encoding)) = (feed.guessed, feed.encoding) {
            self.told.push(guessed_encoding(&name, encoding));
        }
        let wanted = Arc::clone(&self.files.wanted);
        let mut source = Source {
            stem: path.map_or_else(|| "stdin".to_owned(), stem),
            name,
            format,
            delimiter: if format == Format::Tsv { b'\t' } else { b',' },
            roles: Vec::new(),
            prefix: String::new(),
            wanted,
            choice: if feed.transcoded { Choice::Fixed(encoding_rs::UTF_8) } else { self.files.choice },
            max_bytes: self.files.max_bytes,
            counter: Arc::clone(&self.files.counter),
        };
        if self.several {
            source.prefix = format!("{}:", source.stem);
        }
        let guess = match format {
            Format::Csv | Format::Tsv => header(&mut source, &feed.head)?,
            Format::Jsonl => first_keys(&source, &feed.head),
            Format::Txt | Format::Openi => None,
        };
        self.told.extend(guess.map(|message| Told::guess(&source.name, message)));
        let feed = (!reopened).then(|| Box::new(feed));
        self.plans.push(Plan::Stream(Arc::new(source), path.map(Path::to_owned), feed));
        Ok(())
    }
}

/// The format that a source's first bytes tell.
fn by_content(head: &[u8]) -> Format {
    match head.trim_ascii_start().first() {
        Some(b'{' | b'[') => return Format::Jsonl,
        Some(b'<') => return Format::Openi,
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
    if source.format == Format::Csv {
        let line = head.split(|&b| b == b'\n').find(|l| !delimited::trimmed(l).is_empty()).unwrap_or(&[]);
        source.delimiter = delimited::delimiter(line);
    }
    let mut scan = Scan { delimiter: Some(source.delimiter), at: 0, quoted: false };
    let (mut start, mut end) = (0, 0);
    while delimited::trimmed(&head[start..end]).is_empty() {
        start = end;
        match scan.end(head, start, None) {
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
    let refuse = |message: String| Error::input(format!("{}:1", source.name), message);
    delimited::cells(&line, source.delimiter, &mut cells).map_err(|m| refuse(format!("header: {m}")))?;
    let names: Vec<String> = cells.iter().map(|c| c.text(&line).trim().to_owned()).collect();
    for (i, name) in names.iter().enumerate().filter(|(_, n)| !n.is_empty()) {
        if names[..i].iter().any(|n| n.eq_ignore_ascii_case(name)) {
            return Err(refuse(format!("the column {} is there twice; expected each once", columns::shown(name))));
        }
    }
    let roles: Vec<_> = names.iter().map(|n| source.wanted.role(n)).collect();
    let found = || names.iter().take(40).map(|n| columns::shown(n)).collect::<Vec<_>>().join(", ");
    let asked = source.wanted.texts.iter().chain(&source.wanted.id);
    if let Some(missing) = asked.clone().find(|asked| !names.contains(&asked.trim().to_owned())) {
        return Err(refuse(format!("no column \"{missing}\"; found {}", found())));
    }
    if !roles.iter().any(|r| r.text.is_some() || r.chosen.is_some() || r.section >= Some(2)) {
        let expected = "expected text, report, note, findings or impression (or name it with --text-column)";
        return Err(refuse(format!("no column of text; found {}; {expected}", found())));
    }
    let guess = columns::told(&names, &roles, &source.wanted);
    source.roles = roles;
    Ok(guess)
}

/// What was guessed of the keys of a JSONL source, by its first whole line.
fn first_keys(source: &Source, head: &[u8]) -> Option<String> {
    head.split(|&b| b == b'\n').find_map(|line| {
        let keys = jsonl::keys(std::str::from_utf8(line).ok()?)?;
        let roles: Vec<_> = keys.iter().map(|k| source.wanted.role(k)).collect();
        roles.iter().any(|r| r.has_text()).then(|| columns::told(&keys, &roles, &source.wanted))?
    })
}
