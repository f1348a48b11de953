//! `radlabel labels map`: a table of labels of one scheme becomes a table of labels of another.
//!
//! Columns that are labels of the first scheme are replaced by the labels of the second; all other columns are
//! kept as they are. What is found in a part is found in the whole, what is denied of the whole is denied of
//! its parts; whatever does not follow stays blank.

use super::cross;
use crate::cli::label_table::{label_value, read_text};
use crate::cli::{DataOptions, same, say};
use crate::crosswalk;
use crate::output::{Sink, value};
use crate::rules::Scheme;
use crate::{Error, Fault, shown};
use std::path::PathBuf;
use std::process::ExitCode;

/// So many faulty cells and rows are told one by one.
const SHOWN: usize = 20;

/// What to map.
#[derive(clap::Args)]
pub(super) struct Options {
    /// The table: CSV with a column a label (1, 0, -1 or blank), in UTF-8, packed with gzip or not; - for
    /// standard input
    #[arg(value_name = "LABELS")]
    table: PathBuf,
    /// Scheme of its labels
    #[arg(long, value_name = "A")]
    from: String,
    /// Scheme to map to
    #[arg(long, value_name = "B")]
    to: String,
    /// A crosswalk as `labels crosswalk A B --format csv` writes it, edited or not [default: the computed one]
    #[arg(long, value_name = "FILE")]
    crosswalk: Option<PathBuf>,
    /// Where to write; the file appears only when everything is in it
    #[arg(long, short, value_name = "OUT")]
    output: Option<PathBuf>,
    #[command(flatten)]
    data: DataOptions,
}

pub(super) fn run(options: &Options) -> anyhow::Result<ExitCode> {
    let inputs = [Some(&options.table), options.crosswalk.as_ref()];
    same::refuse(options.output.as_deref(), inputs.into_iter().flatten().map(PathBuf::as_path))?;
    let sink = Sink::open(options.output.as_deref())?;
    let engine = options.data.engine()?;
    let (from, to) = (engine.scheme(&options.from)?, engine.scheme(&options.to)?);
    let mappings = match &options.crosswalk {
        Some(path) => cross::read(&path.display().to_string(), &read_text(path)?, &from.scheme, &to.scheme)?,
        None => crosswalk::crosswalk(from, to, &engine.lexicon).mappings,
    };
    let name = options.table.display().to_string();
    let text = read_text(&options.table)?;
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(text.as_bytes());
    let header = reader.headers().map_err(|e| Error::input(format!("{name}:1"), e))?.clone();
    let columns = columns(&header, &from.scheme, &name)?;
    let missing = from.scheme.labels.len() - columns.iter().flatten().count();
    if missing > 0 {
        say(format_args!("radlabel: {name}: {missing} labels of \"{}\" have no column: not mentioned", from.scheme.id));
    }
    let mut writer = csv::Writer::from_writer(Vec::new());
    let kept = |record: &csv::StringRecord| -> Vec<String> {
        let cells = record.iter().zip(&columns).filter(|(_, label)| label.is_none());
        cells.map(|(cell, _)| cell.to_owned()).collect()
    };
    let mut row = kept(&header);
    row.extend(to.scheme.labels.iter().map(|l| l.name.to_string()));
    writer.write_record(&row)?;
    let mut values = vec![None; from.scheme.labels.len()];
    let mut faults = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|e| Error::input(&name, e))?;
        let line = record.position().map_or(0, csv::Position::line) as usize;
        if record.len() != header.len() {
            faults.push(Fault::new(&name, line, "a row with another number of fields than the header"));
            continue;
        }
        for (number, (cell, label)) in record.iter().zip(&columns).enumerate() {
            let Some(label) = *label else { continue };
            match label_value(cell) {
                Some(value) => values[label] = value,
                None => {
                    let column = &header[number];
                    let message = format!("column {column:?} is {}; expected 1, 0, -1 or nothing", shown(cell));
                    faults.push(Fault::new(&name, line, message));
                }
            }
        }
        let mapped = crosswalk::apply(&mappings, &values, to.scheme.labels.len());
        let mut row = kept(&record);
        row.extend(mapped.into_iter().map(|v| value(v).to_owned()));
        writer.write_record(&row)?;
    }
    if !faults.is_empty() {
        let more = faults.len().saturating_sub(SHOWN);
        faults.truncate(SHOWN);
        if more > 0 {
            faults.push(Fault::new(&name, 0, format!("... and {more} more faults like these")));
        }
        return Err(Error::Data(faults).into());
    }
    sink.put(&writer.into_inner().map_err(csv::IntoInnerError::into_error)?)?;
    Ok(ExitCode::SUCCESS)
}

/// For every column, the label that it is (`Edema` or `chexpert:Edema`).
fn columns(header: &csv::StringRecord, scheme: &Scheme, name: &str) -> Result<Vec<Option<usize>>, Error> {
    let prefix = format!("{}:", scheme.id);
    let label = |column: &str| scheme.find(column.trim()).or_else(|| scheme.find(column.trim().strip_prefix(&prefix)?));
    let columns: Vec<Option<usize>> = header.iter().map(label).collect();
    for (at, column) in columns.iter().enumerate() {
        if column.is_some() && columns[..at].contains(column) {
            return Err(Error::input(format!("{name}:1"), format!("column {:?} stands twice", &header[at])));
        }
    }
    if columns.iter().flatten().count() == 0 {
        let message =
            format!("no column is a label of \"{}\"; expected such as {:?}", scheme.id, scheme.labels[0].name);
        return Err(Error::input(format!("{name}:1"), message));
    }
    Ok(columns)
}
