//! `radlabel explain`: one report with its findings marked, and for every label the words and the rule that
//! decided it.
//!
//! `account` gathers what there is to tell, `text` and `html` tell it. This file finds the report and puts
//! the result where it was asked for.

mod account;
mod html;
mod text;

use super::DataOptions;
use crate::{Error, Report};
use account::Account;
use serde_json::Value;
use std::io::{IsTerminal, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Show what a report says of every label, with the words and the rule that decided
#[derive(clap::Args)]
pub(super) struct Options {
    /// A report as plain text, or JSON lines with "id" and "text"; `-` reads standard input
    input: PathBuf,
    /// The report with this id, from JSON lines
    #[arg(long)]
    id: Option<String>,
    /// Label scheme
    #[arg(long, default_value = "chexpert")]
    scheme: String,
    /// How to show it
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    /// Colours in text; NO_COLOR turns `auto` off
    #[arg(long, value_enum, default_value = "auto", value_name = "WHEN")]
    color: Color,
    /// Write to this file instead of standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    data: DataOptions,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// For a terminal or a file
    Text,
    /// One self-contained page for a browser
    Html,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Color {
    /// On a terminal
    Auto,
    /// Always
    Always,
    /// Never: findings are marked as [effusion|absent]
    Never,
}

pub(super) fn run(options: &Options) -> anyhow::Result<ExitCode> {
    let report = read_report(options)?;
    let engine = options.data.engine()?;
    let scheme = engine.scheme(&options.scheme).ok_or_else(|| {
        let known: Vec<&str> = engine.rules.schemes.iter().map(|s| &*s.scheme.id).collect();
        Error::Usage(format!("--scheme: no scheme {:?}; there are {}", options.scheme, known.join(", ")))
    })?;
    let account = Account::new(&engine, scheme, &report);
    let shown = match options.format {
        Format::Text => text::render(&account, colours(options)),
        Format::Html => html::render(&account),
    };
    match &options.output {
        Some(path) => write_whole(path, shown.as_bytes())?,
        None => {
            let mut out = std::io::stdout().lock();
            out.write_all(shown.as_bytes())?;
            out.flush()?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn colours(options: &Options) -> bool {
    match options.color {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => {
            let refused = std::env::var_os("NO_COLOR").is_some_and(|v| !v.is_empty());
            options.output.is_none() && !refused && std::io::stdout().is_terminal()
        }
    }
}

/// Writes beside the file and renames, so that no half page ever stands under its name.
fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let fault = |e: std::io::Error| Error::output(path.display().to_string(), e);
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    // The user's own umask decides who may read the page, as with any other file.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut file = builder.tempfile_in(folder).map_err(fault)?;
    file.write_all(bytes).map_err(fault)?;
    file.persist(path).map_err(|e| fault(e.error))?;
    Ok(())
}

fn read_report(options: &Options) -> Result<Report, Error> {
    let path = &options.input;
    let name = if path.as_os_str() == "-" { "standard input".to_owned() } else { path.display().to_string() };
    let mut bytes = Vec::new();
    if path.as_os_str() == "-" {
        std::io::stdin().read_to_end(&mut bytes).map_err(|e| Error::input(&name, e))?;
    } else {
        bytes = std::fs::read(path).map_err(|e| Error::input(&name, e))?;
    }
    let text = decode(bytes);
    let ending = path.extension().and_then(|e| e.to_str()).unwrap_or_default();
    if options.id.is_some() || matches!(ending, "jsonl" | "ndjson") {
        return from_lines(&name, &text, options.id.as_deref());
    }
    let id = path.file_stem().map_or_else(String::new, |s| s.to_string_lossy().into_owned());
    Ok(Report::new(if id == "-" { "report".to_owned() } else { id }, text))
}

/// UTF-8, or what the bytes look like: old reports are often in a Windows encoding.
fn decode(bytes: Vec<u8>) -> String {
    let text = String::from_utf8(bytes).unwrap_or_else(|e| {
        let bytes = e.into_bytes();
        let mut detector = chardetng::EncodingDetector::new(chardetng::Iso2022JpDetection::Deny);
        detector.feed(&bytes, true);
        detector.guess(None, chardetng::Utf8Detection::Allow).decode(&bytes).0.into_owned()
    });
    text.strip_prefix('\u{feff}').map_or_else(|| text.clone(), str::to_owned)
}

fn from_lines(name: &str, text: &str, wanted: Option<&str>) -> Result<Report, Error> {
    let mut found: Option<Report> = None;
    for (i, line) in text.lines().enumerate().filter(|(_, l)| !l.trim().is_empty()) {
        let place = format!("{name}:{}", i + 1);
        let record: Value = serde_json::from_str(line).map_err(|e| {
            Error::input(&place, format!("not JSON at column {}; expected one JSON object a line", e.column()))
        })?;
        let id = match record.get("id") {
            Some(Value::String(id)) => id.clone(),
            Some(Value::Number(id)) => id.to_string(),
            _ => {
                return Err(Error::input(
                    place,
                    "no \"id\" that is a string; expected an object with \"id\" and \"text\"",
                ));
            }
        };
        if wanted.is_some_and(|w| w != id) {
            continue;
        }
        let Some(text) = record.get("text").and_then(Value::as_str) else {
            return Err(Error::input(
                place,
                "no \"text\" that is a string; expected an object with \"id\" and \"text\"",
            ));
        };
        if found.is_some() && wanted.is_none() {
            return Err(Error::Usage(format!("{name} holds more than one report; say which with --id ID")));
        }
        found = Some(Report::new(id, text));
        if wanted.is_some() {
            break;
        }
    }
    found.ok_or_else(|| match wanted {
        Some(id) => Error::Usage(format!("{name} holds no report with the id {id:?}")),
        None => Error::input(name, "no report; expected one JSON object a line"),
    })
}
