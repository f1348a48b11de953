//! How results are laid out, and what follows from it: endings, heads and feet, what goes with what.

use crate::Error;
use crate::output::{Shape, is_standard};
use crate::rules::{ALL, Profile, RowFormat};
use std::io::IsTerminal;
use std::path::Path;

/// A format as the user names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Layout {
    /// A table; labels in CheXpert's values
    Csv,
    /// JSON lines: labels and mentions with their evidence
    Jsonl,
    /// For eyes
    Table,
    /// A Parquet file with typed columns
    Parquet,
    /// An Arrow IPC stream with typed columns
    Arrow,
    /// FHIR R4: a DiagnosticReport with its Observations a line
    Fhir,
    /// A BioC collection in XML; holds the text
    BiocXml,
    /// A BioC collection in JSON; holds the text
    BiocJson,
    /// A folder of .txt and .ann files for brat; holds the text
    Brat,
    /// A folder of DICOM structured reports (TID 1500); holds the text
    DicomSr,
    /// csv with --table labels-long
    Long,
}

impl std::fmt::Display for Layout {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&crate::cli::value_name(self))
    }
}

impl Layout {
    /// The ending of its files.
    pub(super) const fn ending(self) -> &'static str {
        match self {
            Layout::Csv | Layout::Long => "csv",
            Layout::Jsonl => "jsonl",
            Layout::Table => "txt",
            Layout::Parquet => "parquet",
            Layout::Arrow => "arrows",
            Layout::Fhir => "ndjson",
            Layout::BiocXml => "xml",
            Layout::BiocJson => "json",
            Layout::Brat | Layout::DicomSr => "",
        }
    }

    /// It is a folder of files.
    pub(super) const fn is_folder(self) -> bool {
        matches!(self, Layout::Brat | Layout::DicomSr)
    }

    /// Files a report, in a layout that is a folder.
    pub(super) const fn files(self) -> usize {
        if matches!(self, Layout::Brat) { 2 } else { 1 }
    }

    /// It is written as typed columns.
    pub(super) const fn is_columnar(self) -> bool {
        matches!(self, Layout::Parquet | Layout::Arrow)
    }

    /// It is a table of rows and columns.
    pub(super) const fn is_table(self) -> bool {
        matches!(self, Layout::Csv | Layout::Parquet | Layout::Arrow)
    }

    /// Refuses what this program was built without.
    pub(super) fn built(self) -> Result<(), Error> {
        let needs = |layout, built| self != layout || built;
        let there = needs(Layout::Parquet, cfg!(feature = "parquet"))
            && needs(Layout::Arrow, cfg!(feature = "arrow"))
            && needs(Layout::DicomSr, cfg!(feature = "dicom"));
        if there {
            return Ok(());
        }
        Err(Error::Usage(format!(
            "--format {self}: this radlabel was built without it; expected one built with --features full"
        )))
    }
}

/// The layout and shape as asked, else as the output, the profile or the scheme has it.
pub(super) fn chosen(
    format: Option<Layout>,
    table: Option<Shape>,
    output: Option<&Path>,
    profile: Option<&Profile>,
    schemes: &[String],
) -> Result<(Layout, Shape), Error> {
    let by_place = by_place(output);
    let layout = match (format, profile) {
        (Some(Layout::Long), _) => Layout::Csv,
        (Some(layout), Some(_)) if !layout.is_table() && layout != Layout::Jsonl => {
            return Err(Error::Usage(format!(
                "--format {layout} does not fit --profile; expected csv, parquet, arrow or jsonl"
            )));
        }
        (Some(layout), _) => layout,
        (None, Some(_)) if by_place == Layout::Table => Layout::Csv,
        (None, Some(profile)) if by_place == Layout::Csv => match profile.format {
            RowFormat::Csv => Layout::Csv,
            RowFormat::Jsonl => Layout::Jsonl,
        },
        (None, _) => by_place,
    };
    layout.built()?;
    if table.is_some() && !layout.is_table() {
        return Err(Error::Usage("--table needs --format csv, parquet or arrow".to_owned()));
    }
    if table.is_some() && profile.is_some() {
        return Err(Error::Usage("--table does not fit --profile, which is a table of its own".to_owned()));
    }
    let long = match format {
        // Thousands of columns, nearly all blank, serve nobody who did not ask for them.
        None => layout.is_table() && schemes.iter().any(|s| s == ALL),
        Some(format) => format == Layout::Long,
    };
    let shape = match table {
        Some(shape) if long && format.is_some() && shape != Shape::LabelsLong => {
            return Err(Error::Usage("--format long is --table labels-long; expected one of the two".to_owned()));
        }
        Some(shape) => shape,
        None if long => Shape::LabelsLong,
        None => Shape::Reports,
    };
    Ok((layout, shape))
}

/// The layout that the output's ending tells.
fn by_place(output: Option<&Path>) -> Layout {
    let Some(path) = output.filter(|p| !is_standard(p)) else {
        return if std::io::stdout().is_terminal() { Layout::Table } else { Layout::Csv };
    };
    match ending(path).as_str() {
        "jsonl" | "ndjson" => Layout::Jsonl,
        "parquet" | "pq" => Layout::Parquet,
        "arrow" | "arrows" => Layout::Arrow,
        _ => Layout::Csv,
    }
}

fn ending(path: &Path) -> String {
    let name = path.to_string_lossy().to_ascii_lowercase();
    let name = [".gz", ".zst"].iter().find_map(|e| name.strip_suffix(e)).unwrap_or(&name);
    name.rsplit_once('.').map_or_else(String::new, |(_, ending)| ending.to_owned())
}

/// The path ends as JSON lines do, packed or not.
pub(crate) fn names_json_lines(path: &Path) -> bool {
    matches!(ending(path).as_str(), "jsonl" | "ndjson")
}
