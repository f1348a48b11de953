//! The command line: one module a command. Everything that reads or writes lives behind it.

mod alerts;
pub(crate) mod assert;
mod check;
pub(crate) mod explain;
mod ids;
mod inputs;
mod label;
mod label_table;
mod labels;
mod link;
mod pair;
pub(crate) mod refine;
mod repeats;
mod rows;
mod same;
mod score;
mod server;
mod stream;
mod studies;
mod summary;
mod terms;
mod votes;
mod whole;

use crate::{Engine, Error};
use clap::{Args, Parser, Subcommand};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// radlabel reads radiology reports and says for every finding whether the report calls it present, absent or
/// uncertain, and shows why.
#[derive(Parser)]
#[command(name = "radlabel", version, about, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Label(Box<label::Options>),
    Alerts(alerts::Options),
    Labels(labels::Options),
    Studies(studies::Options),
    Link(Box<link::Options>),
    Pair(Box<pair::Options>),
    Assert(assert::Options),
    Explain(explain::Options),
    Score(score::Options),
    Check(check::Options),
    Terms(terms::Options),
}

/// Where lexicons and rules come from.
#[derive(Args, Clone, Debug)]
pub(crate) struct DataOptions {
    /// Folder of lexicon files (*.tsv) that are added to the built-in ones; a file of the same name replaces it
    #[arg(long, value_name = "DIR", help_heading = "Lexicons and rules")]
    lexicons: Option<PathBuf>,
    /// Folder of rule files (*.toml) that are added to the built-in ones; a file of the same name replaces it
    #[arg(long, value_name = "DIR", help_heading = "Lexicons and rules")]
    rules: Option<PathBuf>,
}

impl DataOptions {
    /// Takes a folder that holds lexicons, rules or both.
    pub(crate) fn take_folder(&mut self, folder: &Path) -> Result<(), Error> {
        let holds = |ending: &str| read_data(folder, ending).map(|f| !f.is_empty());
        let place = folder.display().to_string();
        if !folder.is_dir() {
            return Err(Error::input(place, "no such folder"));
        }
        let (lexicons, rules) = (holds("tsv").unwrap_or(false), holds("toml").unwrap_or(false));
        if !lexicons && !rules {
            return Err(Error::input(place, "no *.tsv and no *.toml file in this folder"));
        }
        if lexicons {
            self.lexicons.get_or_insert_with(|| folder.to_owned());
        }
        if rules {
            self.rules.get_or_insert_with(|| folder.to_owned());
        }
        Ok(())
    }

    /// The engine over the built-in data and the user's.
    ///
    /// It lives as long as the program: to free its hundred thousand strings one by one takes milliseconds that
    /// nobody gains anything by.
    pub(crate) fn engine(&self) -> Result<&'static Engine, Error> {
        self.engine_without(None)
    }

    /// The same, but for one file: the one that is about to be replaced.
    pub(crate) fn engine_without(&self, replaced: Option<&Path>) -> Result<&'static Engine, Error> {
        Ok(Box::leak(Box::new(self.load_without(replaced)?)))
    }

    /// The engine as one that its owner may let go of, with its versions.
    #[cfg(feature = "python")]
    pub(crate) fn load(lexicons: Option<PathBuf>, rules: Option<PathBuf>) -> Result<(Engine, Versions), Error> {
        let options = DataOptions { lexicons, rules };
        Ok((options.load_without(None)?, options.versions()?))
    }

    fn load_without(&self, replaced: Option<&Path>) -> Result<Engine, Error> {
        if self.lexicons.is_none() && self.rules.is_none() {
            return Ok(Engine::embedded());
        }
        let mut own_lexicons = self.lexicons.as_deref().map_or(Ok(Vec::new()), |dir| read_data(dir, "tsv"))?;
        if let Some(replaced) = replaced.and_then(|p| std::fs::canonicalize(p).ok()) {
            own_lexicons.retain(|f| std::fs::canonicalize(&f.name).ok().as_ref() != Some(&replaced));
        }
        let own_rules = self.rules.as_deref().map_or(Ok(Vec::new()), |dir| read_data(dir, "toml"))?;
        let lexicons = merged(crate::embedded::lexicons(), "lexicons/", &own_lexicons);
        let rules = merged(crate::embedded::rules(), "rules/", &own_rules);
        Engine::load(&lexicons, &rules)
    }
}

/// A value as the command line names it.
pub(crate) fn value_name<V: clap::ValueEnum>(value: &V) -> String {
    value.to_possible_value().map_or_else(String::new, |v| v.get_name().to_owned())
}

/// What the vocabulary and the rules of a run are, to tell one state of them from another.
pub(crate) struct Versions {
    /// Of all lexicons.
    pub(crate) lexicons: String,
    /// Of all rules and schemes.
    pub(crate) rules: String,
}

#[cfg(feature = "arrow")]
impl Versions {
    /// What the schema of a columnar table says of what made it.
    pub(crate) fn metadata(&self, schemes: &[&str], table: &str) -> Vec<(String, String)> {
        let pairs = [
            ("version", env!("CARGO_PKG_VERSION")),
            ("lexicons", &self.lexicons),
            ("rules", &self.rules),
            ("schemes", &schemes.join(",")),
            ("table", table),
        ];
        pairs.into_iter().map(|(key, value)| (format!("radlabel.{key}"), value.to_owned())).collect()
    }
}

impl DataOptions {
    /// The versions of the built-in data and the user's: the first 16 bytes of a SHA-256 in hexadecimal digits.
    pub(crate) fn versions(&self) -> Result<Versions, Error> {
        use sha2::{Digest, Sha256};
        let version = |built_in: Vec<(&'static str, &'static str)>, root: &str, own: Option<&Path>, ending: &str| {
            let own = own.map_or(Ok(Vec::new()), |dir| read_data(dir, ending))?;
            let mut hash = Sha256::new();
            for (name, text) in merged(built_in, root, &own) {
                // The user's files count by their content, wherever they lie.
                let name = own.iter().find(|o| o.name == name).map_or(name, |o| &o.below);
                for piece in [name, text] {
                    hash.update((piece.len() as u64).to_le_bytes());
                    hash.update(piece);
                }
            }
            Ok::<_, Error>(label::hex(&hash.finalize()))
        };
        Ok(Versions {
            lexicons: version(crate::embedded::lexicons(), "lexicons/", self.lexicons.as_deref(), "tsv")?,
            rules: version(crate::embedded::rules(), "rules/", self.rules.as_deref(), "toml")?,
        })
    }
}

/// One data file of the user's: its path below the folder, its path for messages, its text.
struct DataFile {
    below: String,
    name: String,
    text: String,
}

fn read_data(dir: &Path, ending: &str) -> Result<Vec<DataFile>, Error> {
    let mut files = Vec::new();
    let mut folders = vec![dir.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries = std::fs::read_dir(&folder).map_err(|e| Error::input(folder.display().to_string(), e))?;
        for entry in entries {
            let path = entry.map_err(|e| Error::input(folder.display().to_string(), e))?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == ending) {
                let name = path.display().to_string();
                let mut text = std::fs::read_to_string(&path).map_err(|e| Error::input(&name, e))?;
                // Spreadsheets and editors put a byte order mark before what they save as UTF-8.
                if text.starts_with('\u{feff}') {
                    text.drain(..'\u{feff}'.len_utf8());
                }
                let below = path.strip_prefix(dir).unwrap_or(&path).display().to_string().replace('\\', "/");
                files.push(DataFile { below, name, text });
            }
        }
    }
    if files.is_empty() {
        return Err(Error::input(dir.display().to_string(), format!("no *.{ending} file in this folder")));
    }
    files.sort_by(|a, b| a.below.cmp(&b.below));
    Ok(files)
}

/// The built-in files with the user's put in: replaced where the path below the folder is the same (the
/// language folder may be left out), added after them otherwise.
fn merged<'a>(built_in: Vec<(&'a str, &'a str)>, root: &str, own: &'a [DataFile]) -> Vec<(&'a str, &'a str)> {
    let replaces = |own: &DataFile, name: &str| {
        let below = name.strip_prefix(root).unwrap_or(name);
        below == own.below || below.rsplit('/').next() == Some(own.below.as_str())
    };
    let mut out: Vec<(&str, &str)> = Vec::new();
    for (name, text) in &built_in {
        match own.iter().find(|o| replaces(o, name)) {
            Some(o) => out.push((&o.name, &o.text)),
            None => out.push((name, text)),
        }
    }
    for o in own {
        if !built_in.iter().any(|(name, _)| replaces(o, name)) {
            out.push((&o.name, &o.text));
        }
    }
    out
}

/// Runs the program. Exit code 0: done; 1: done, but problems were found; 2: wrong use or unreadable input.
pub fn main() -> ExitCode {
    ExitCode::from(run(std::env::args_os()))
}

/// As [`main`], over arguments that the caller brings, the program's name first; gives the exit code. For a host
/// that must outlive the run, as Python.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> u8 {
    let command = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli.command,
        // Help and version come this way too.
        Err(told) => {
            let _ = told.print();
            return told.exit_code() as u8;
        }
    };
    let result = match command {
        Command::Label(options) => label::run(&options),
        Command::Alerts(options) => alerts::run(&options),
        Command::Labels(options) => labels::run(&options),
        Command::Studies(options) => studies::run(&options),
        Command::Link(options) => link::run(&options),
        Command::Pair(options) => pair::run(&options),
        Command::Assert(options) => assert::run(&options),
        Command::Explain(options) => explain::run(&options),
        Command::Score(options) => score::run(&options),
        Command::Check(options) => check::run(&options),
        Command::Terms(options) => terms::run(&options),
    };
    match result {
        Ok(code) if code == ExitCode::SUCCESS => 0,
        Ok(code) if code == ExitCode::from(1) => 1,
        Ok(_) => 2,
        // The reader of our output went away (`| head`): nothing is wrong.
        Err(error) if broken_pipe(&error) => 0,
        Err(error) => {
            say(format_args!("radlabel: {error:#}"));
            2
        }
    }
}

/// Writes a line to standard error. A closed or full one is no reason to stop: the results matter more.
fn say(line: std::fmt::Arguments<'_>) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr(), "{}", plain(&line.to_string()));
}

/// A message without what a terminal would obey: the names of files and of categories come from others.
fn plain(message: &str) -> std::borrow::Cow<'_, str> {
    let obeyed = |c: char| c.is_control() && !matches!(c, '\n' | '\t');
    if !message.contains(obeyed) {
        return message.into();
    }
    let mut out = String::with_capacity(message.len());
    for c in message.chars() {
        if obeyed(c) { out.extend(c.escape_default()) } else { out.push(c) }
    }
    out.into()
}

fn broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().filter_map(|e| e.downcast_ref::<std::io::Error>()).any(|e| e.kind() == std::io::ErrorKind::BrokenPipe)
}
