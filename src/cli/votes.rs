//! `label --votes NAME=FILE`: reads the tables of other labelling sources.
//!
//! A table is wide, as CheXpert lays it out (a column a label with 1, 0, -1 or nothing), or long as we write it
//! (`id,label,value`). Rows are read one by one; no file is held whole. Every fault tells file, line and column.

use super::label_table::label_value;
use crate::output::{Voter, Votes, vote_names};
use crate::rules::{Scheme, Status};
use crate::{Error, Policy, shown};
use std::collections::BTreeSet;
use std::io::Read;
use std::path::{Path, PathBuf};

/// `NAME=FILE`, for clap.
pub(crate) fn source(text: &str) -> Result<(String, PathBuf), String> {
    let expected = "expected NAME=FILE, as in model=predictions.csv";
    let (name, path) = text.split_once('=').ok_or(expected)?;
    let name = name.trim();
    if name.is_empty() || path.is_empty() { Err(expected.to_owned()) } else { Ok((name.to_owned(), path.into())) }
}

/// Reads the tables of all sources.
///
/// # Errors
/// [`Error::Usage`] for names that stand twice, [`Error::Input`] for the first fault of a table.
pub(crate) fn open(sources: &[(String, PathBuf)], schemes: &[&Scheme]) -> Result<Votes, Error> {
    let mut taken: BTreeSet<&str> = BTreeSet::from(["id", "label", "rules"]);
    for (name, _) in sources {
        if !taken.insert(name) {
            let message =
                format!("--votes: the column {name:?} stands twice; expected a name of its own for each file");
            return Err(Error::Usage(message));
        }
    }
    let names = vote_names(schemes);
    let voters = sources.iter().map(|(name, path)| read(name, path, &names)).collect::<Result<_, _>>()?;
    Ok(Votes::new(names, voters))
}

/// Bytes of a file, unpacked where it is packed with gzip.
fn bytes(path: &Path) -> Result<Box<dyn Read>, Error> {
    let name = path.display().to_string();
    let open = || std::fs::File::open(path).map_err(|e| Error::input(&name, e));
    let mut start = Vec::new();
    open()?.take(2).read_to_end(&mut start).map_err(|e| Error::input(&name, e))?;
    let file = std::io::BufReader::new(open()?);
    Ok(if start == [0x1f, 0x8b] { Box::new(flate2::read::MultiGzDecoder::new(file)) } else { Box::new(file) })
}

fn read(name: &str, path: &Path, names: &[String]) -> Result<Voter, Error> {
    let file = path.display().to_string();
    let mut reader = csv::ReaderBuilder::new().flexible(false).from_reader(bytes(path)?);
    let fault = |e: &csv::Error| {
        let line = e.position().map_or(1, csv::Position::line);
        let message = match e.kind() {
            csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
                format!("{len} cells; expected {expected_len}, as in the header")
            }
            csv::ErrorKind::Utf8 { .. } => "bytes that are no UTF-8; expected a CSV table in UTF-8".to_owned(),
            csv::ErrorKind::Io(e) => e.to_string(),
            _ => "no readable row; expected a CSV table".to_owned(),
        };
        Error::input(format!("{file}:{line}"), message)
    };
    let header: Vec<String> = reader
        .headers()
        .map_err(|e| fault(&e))?
        .iter()
        .map(|h| h.trim_start_matches('\u{feff}').trim().to_owned())
        .collect();
    let label = |cell: &str| names.iter().position(|n| n == cell);
    let long = header.iter().map(String::as_str).eq(["id", "label", "value"]);
    // Column and place among the voter's labels.
    let mut columns = Vec::new();
    let mut labels = Vec::new();
    if long {
        labels.extend(0..names.len() as u32);
    } else {
        for (i, column) in header.iter().enumerate().skip(1) {
            if let Some(number) = label(column) {
                if labels.contains(&(number as u32)) {
                    return Err(Error::input(format!("{file}:1"), format!("the label {column:?} has two columns")));
                }
                columns.push((i, labels.len()));
                labels.push(number as u32);
            }
        }
        if columns.is_empty() {
            let message = format!(
                "none of {} columns is a label, such as {:?}; expected the report's id and a column a label, or the \
                 columns id, label, value",
                header.len(),
                names.first().map_or("", String::as_str)
            );
            return Err(Error::input(format!("{file}:1"), message));
        }
    }
    let mut voter = Voter::new(name.to_owned(), labels);
    let mut record = csv::StringRecord::new();
    while reader.read_record(&mut record).map_err(|e| fault(&e))? {
        let line = record.position().map_or(1, csv::Position::line);
        let wrong = |column: &str, cell: &str, expected: &str| {
            Error::input(format!("{file}:{line}"), format!("column {column:?} is {}; expected {expected}", shown(cell)))
        };
        if long {
            // A label of another scheme has no row in our table.
            let Some(number) = label(record[1].trim()) else { continue };
            let value = Status::named(record[2].trim()).map(Some).or_else(|| label_value(&record[2]));
            let value =
                value.ok_or_else(|| wrong("value", &record[2], "present, absent, uncertain, 1, 0, -1 or nothing"))?;
            voter.row(&record[0]).0[number] = crate::output::vote(value, Policy::Keep);
        } else {
            let (row, _) = voter.row(&record[0]);
            for &(column, place) in &columns {
                let value = label_value(&record[column])
                    .ok_or_else(|| wrong(&header[column], &record[column], "1, 0, -1 or nothing"))?;
                row[place] = crate::output::vote(value, Policy::Keep);
            }
        }
    }
    Ok(voter)
}

/// What to tell after the run: ids that no report has.
pub(crate) fn remarks(votes: &Votes) -> Vec<String> {
    let told =
        |(name, unmet, all): (&str, usize, usize)| format!("votes of {name}: {unmet} of {all} ids are of no report");
    votes.unmet().into_iter().filter(|v| v.1 > 0).map(told).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Engine;

    fn reads(text: &[u8]) -> Result<Votes, String> {
        let engine = Engine::embedded();
        let scheme = &engine.scheme("chexpert").expect("scheme").scheme;
        let file = tempfile::NamedTempFile::new().expect("file");
        std::fs::write(file.path(), text).expect("written");
        open(&[("m".to_owned(), file.path().to_owned())], &[scheme])
            .map_err(|e| e.to_string().replace(&file.path().display().to_string(), "F"))
    }

    #[test]
    fn wide_and_long_tables_are_read() {
        for text in [
            "\u{feff}Study,Sex,Edema,Fracture\na,F,1.0,\nb,M,-1,0\n",
            "id,label,value\na,Edema,present\nb,Edema,-1.0\nb,Fracture,absent\nb,No such label,present\n",
        ] {
            let votes = reads(text.as_bytes()).expect("reads");
            assert_eq!(votes.unmet(), [("m", 2, 2)]);
            assert_eq!(remarks(&votes), ["votes of m: 2 of 2 ids are of no report"]);
        }
    }

    #[test]
    fn faults_say_where() {
        let cases: [(&[u8], &str); 7] = [
            (b"id,Edema\na,1\nb,7\n", "F:3: column \"Edema\" is \"7\"; expected 1, 0, -1 or nothing"),
            (b"id,Edema\na,No edema is seen here\n", "F:2: column \"Edema\" is a cell of 21 characters; expected"),
            (b"id,Edema\na\n", "F:2: 1 cells; expected 2"),
            (b"id,Age\na,1\n", "F:1: none of 2 columns is a label"),
            (b"", "F:1: none of 0 columns is a label"),
            (b"id,Edema,Edema\n", "F:1: the label \"Edema\" has two columns"),
            (b"id,label,value\na,Edema,maybe\n", "F:2: column \"value\" is \"maybe\"; expected present"),
        ];
        for (text, told) in cases {
            let found = reads(text).map(|_| ()).expect_err("faulty");
            assert!(found.starts_with(told), "{found}");
        }
        assert!(reads(b"id,Edema\n\xff,1\n").is_err_and(|e| e.contains("UTF-8")));
        let twice = [("m".to_owned(), PathBuf::from("a")), ("m".to_owned(), PathBuf::from("b"))];
        assert!(open(&twice, &[]).is_err_and(|e| e.to_string().contains("stands twice")));
        assert_eq!(source("m=a=b.csv"), Ok(("m".to_owned(), PathBuf::from("a=b.csv"))));
        assert!(source("=x").is_err() && source("x").is_err());
    }

    #[test]
    fn no_bytes_make_it_panic() {
        let whole = b"id,Edema,\"Frac\"\"ture\"\na,1.0,\"0\"\n\xc3\xa9,-1,\r\n".to_vec();
        for cut in 0..whole.len() {
            let _ = reads_table(&whole[..cut]);
            let mut mutated = whole.clone();
            mutated[cut] ^= 0x5a;
            let _ = reads_table(&mutated);
        }
    }

    fn reads_table(text: &[u8]) -> Result<Voter, Error> {
        let file = tempfile::NamedTempFile::new().expect("file");
        std::fs::write(file.path(), text).expect("written");
        read("m", file.path(), &["Edema".to_owned()])
    }
}
