//! Measurements, and files exchanged with other programs; ignored by a plain `cargo test`.
//!
//! `tests/measure/arrow_read.py DIR` has pyarrow, Polars and DuckDB write files, runs `exchange` on them and reads
//! what it wrote. Speed: `cargo test --release --features parquet --lib arrow::exchange::speed -- --ignored --nocapture`.
#![allow(clippy::unwrap_used)]

use super::cells::{ArrowCells, schema};
use super::parquet_file::{Encoded, Encoder};
use super::read::{Rows, kind};
use super::stream;
use super::text::text;
use crate::output::table::{Cells, ColumnSpec, Kind};
use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use std::fs::File;
use std::io::{BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

fn spec(name: &str, kind: Kind) -> ColumnSpec {
    ColumnSpec { name: name.to_owned(), kind, about: "what it means" }
}

fn metadata() -> Vec<(String, String)> {
    vec![("radlabel.version".to_owned(), "0.1.0".to_owned()), ("radlabel.scheme".to_owned(), "chexpert".to_owned())]
}

/// The rows of `range`: an id, 14 labels, a list.
fn wide(columns: &[ColumnSpec], schema: &SchemaRef, range: std::ops::Range<u64>) -> RecordBatch {
    let mut cells = ArrowCells::new(columns, schema.clone());
    for row in range {
        cells.text(Some(&format!("s{:08}", row * 7919 % 50_000_000)));
        for label in 0..14 {
            // Most labels are not mentioned.
            let dice = (row.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (label * 3)) % 16;
            cells.value([Some(1), Some(0), Some(0), Some(-1)].get(dice as usize).copied().flatten());
        }
        if row % 50 == 0 {
            cells.texts(&["doubled id"])
        } else {
            cells.texts(&[])
        }
        cells.end();
    }
    cells.finish().unwrap()
}

/// 15 columns as those of mentions.
fn mentions(columns: &[ColumnSpec], schema: &SchemaRef, range: std::ops::Range<u64>) -> RecordBatch {
    let mut cells = ArrowCells::new(columns, schema.clone());
    let concepts: Vec<String> = (0..300).map(|i| format!("concept-of-number-{i}")).collect();
    for row in range {
        let dice = row.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20;
        cells.text(Some(&format!("s{:08}", row / 8 * 7919 % 50_000_000)));
        cells.number(Some((row % 8) as u32));
        cells.number(Some((row % 8 * 120 + dice % 90) as u32));
        cells.number(Some((row % 8 * 120 + dice % 90 + 12) as u32));
        cells.text(Some(&concepts[(dice % 300) as usize]));
        cells.text(Some(["present", "absent", "uncertain"][(dice % 3) as usize]));
        cells.text(Some(["now", "past"][usize::from(dice % 16 == 0)]));
        cells.text(Some("patient"));
        cells.text([None, Some("left"), Some("right"), Some("both")][(dice % 4) as usize]);
        cells.text((dice % 9 == 0).then_some("larger"));
        cells.text((dice % 5 == 0).then_some("mild"));
        cells.text((dice % 2 == 0).then_some("left-lower-lobe"));
        if dice % 20 == 0 {
            cells.reals(&[(dice % 60) as f64])
        } else {
            cells.reals(&[])
        }
        cells.texts(&["no-evidence-of"]);
        cells.flag(dice % 30 == 0);
        cells.end();
    }
    cells.finish().unwrap()
}

type Make = fn(&[ColumnSpec], &SchemaRef, std::ops::Range<u64>) -> RecordBatch;

fn wide_columns() -> Vec<ColumnSpec> {
    let labels = (0..14).map(|i| spec(&format!("label {i}"), Kind::Value));
    std::iter::once(spec("id", Kind::Text)).chain(labels).chain([spec("notes", Kind::Texts)]).collect()
}

fn mention_columns() -> Vec<ColumnSpec> {
    use Kind::{Flag, Number, Reals, Text, Texts};
    [
        ("id", Text),
        ("number", Number),
        ("start", Number),
        ("end", Number),
        ("concept", Text),
        ("status", Text),
        ("time", Text),
        ("subject", Text),
        ("side", Text),
        ("change", Text),
        ("severity", Text),
        ("location", Text),
        ("sizes", Reals),
        ("cues", Texts),
        ("doubtful", Flag),
    ]
    .into_iter()
    .map(|(name, kind)| spec(name, kind))
    .collect()
}

fn peak_memory() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    status.lines().find(|l| l.starts_with("VmHWM")).unwrap_or("VmHWM: ?").replace('\t', " ")
}

#[test]
#[ignore = "a measurement, for a release build"]
fn speed() {
    let dir = tempfile::tempdir().unwrap();
    for (name, columns, make, rows) in [
        ("wide", wide_columns(), wide as Make, 1_000_000_u64),
        ("mentions", mention_columns(), mentions as Make, 8_000_000),
    ] {
        let schema = schema(&columns, &metadata());
        let encoder = Encoder::new(schema.clone()).unwrap();
        let path = dir.path().join(name);
        let mut file = encoder.file(BufWriter::new(File::create(&path).unwrap())).unwrap();
        let (mut build, mut encode, mut append) = (0.0, 0.0, 0.0);
        for group in 0..rows.div_ceil(131_072) {
            let end = ((group + 1) * 131_072).min(rows);
            let start = Instant::now();
            let batches: Vec<RecordBatch> = (group * 131_072..end)
                .step_by(4096)
                .map(|from| make(&columns, &schema, from..(from + 4096).min(end)))
                .collect();
            build += start.elapsed().as_secs_f64();
            let start = Instant::now();
            let encoded: Encoded = encoder.encode(&batches).unwrap();
            encode += start.elapsed().as_secs_f64();
            let start = Instant::now();
            file.append(encoded).unwrap();
            append += start.elapsed().as_secs_f64();
        }
        let bytes = file.bytes();
        file.finish().unwrap().flush().unwrap();
        println!(
            "{name}: {rows} rows, {} MB; cells {build:.2} s, encode {encode:.2} s ({:.2} million rows/s), append \
             {append:.2} s; {}",
            bytes / 1_000_000,
            rows as f64 / encode / 1e6,
            peak_memory()
        );
    }
}

#[test]
#[ignore = "reads the files of RADLABEL_ARROW_DIR, for its speed and memory"]
fn reading() {
    for path in files("") {
        let start = Instant::now();
        let (mut rows, mut bytes, mut batches, mut largest) = (0, 0, 0, 0);
        let mut table = open(&path);
        let strings: Vec<usize> = (0..table.columns().len()).filter(|&c| table.columns()[c].is_string).collect();
        table.project(&strings).unwrap();
        while let Some(batch) = table.next(1000, 128 << 10).unwrap() {
            let mut held = 0;
            for column in batch.columns() {
                for row in 0..batch.num_rows() {
                    held += text(column, row).unwrap().map_or(0, |cell| cell.text.len());
                }
            }
            (rows, bytes, batches, largest) = (rows + batch.num_rows(), bytes + held, batches + 1, largest.max(held));
        }
        let (seconds, name) = (start.elapsed().as_secs_f64(), path.file_name().unwrap().display().to_string());
        let mb = bytes as f64 / 1e6;
        println!(
            "{name}: {rows} rows, {mb:.0} MB of text in {batches} batches, the largest {largest} bytes; {seconds:.2} s \
             ({:.0} MB/s); {}",
            mb / seconds,
            peak_memory()
        );
    }
}

fn files(below: &str) -> Vec<PathBuf> {
    let dir = PathBuf::from(std::env::var_os("RADLABEL_ARROW_DIR").expect("RADLABEL_ARROW_DIR")).join(below);
    let mut paths: Vec<PathBuf> = std::fs::read_dir(dir).unwrap().map(|e| e.unwrap().path()).collect();
    paths.retain(|p| p.is_file());
    paths.sort();
    paths
}

fn open(path: &Path) -> Rows {
    let mut head = [0; 8];
    File::open(path).unwrap().read_exact(&mut head).unwrap();
    let kind = kind(&head).unwrap_or_else(|| panic!("{}: of no kind", path.display()));
    Rows::open(path, kind).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// The table of `arrow_read.py`: ids r0, r1, ... and texts of which every seventh is missing.
#[test]
#[ignore = "run by tests/measure/arrow_read.py"]
fn exchange() {
    let mut read = 0;
    for path in files("theirs") {
        let name = path.display();
        let mut table = open(&path);
        let at = |wanted: &str| table.columns().iter().position(|c| c.name == wanted).unwrap();
        let wanted = [at("text"), at("id"), at("number"), at("day")];
        table.project(&wanted).unwrap();
        let mut row = 0;
        while let Some(batch) = table.next(77, 1 << 16).unwrap_or_else(|e| panic!("{name}: {e}")) {
            for i in 0..batch.num_rows() {
                let cell = |c: usize| text(batch.column(c), i).unwrap().map(|cell| cell.text.into_owned());
                let expected = (row % 7 != 3).then(|| format!("Röntgen report of number {row}. ").repeat(row % 5));
                assert_eq!(cell(0), expected, "{name}: row {row}");
                assert_eq!(cell(1), Some(format!("r{}", row % 100)), "{name}: row {row}");
                assert_eq!(cell(2), Some(row.to_string()), "{name}: row {row}");
                assert!(cell(3).unwrap().starts_with("2021-03-04"), "{name}: {:?}", cell(3));
                row += 1;
            }
        }
        assert_eq!(row, 5000, "{name}");
        println!("{name}: 5000 rows");
        read += 1;
    }
    assert!(read > 5, "{read} files");
    let dir = PathBuf::from(std::env::var_os("RADLABEL_ARROW_DIR").expect("RADLABEL_ARROW_DIR"));
    for (name, columns, make) in
        [("wide", wide_columns(), wide as Make), ("mentions", mention_columns(), mentions as Make)]
    {
        for rows in [0, 10_000] {
            let schema = schema(&columns, &metadata());
            let batches = [make(&columns, &schema, 0..rows / 2), make(&columns, &schema, rows / 2..rows)];
            let encoder = Encoder::new(schema.clone()).unwrap();
            let path = dir.join(format!("{name}-{rows}.parquet"));
            let mut file = encoder.file(File::create(path).unwrap()).unwrap();
            for batch in &batches {
                file.append(encoder.encode(std::slice::from_ref(batch)).unwrap()).unwrap();
            }
            file.finish().unwrap();
            let mut out = File::create(dir.join(format!("{name}-{rows}.arrows"))).unwrap();
            out.write_all(&stream::header(&schema).unwrap()).unwrap();
            for batch in &batches {
                out.write_all(&stream::message(batch).unwrap()).unwrap();
            }
            out.write_all(stream::footer()).unwrap();
        }
    }
}
