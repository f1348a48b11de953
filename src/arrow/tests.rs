//! Round trips, the types of columns, and files that are broken in every way.
#![allow(clippy::unwrap_used)]

use super::cells::{ArrowCells, schema, weight};
use super::parquet_file::Encoder;
use super::read::{Columnar, Rows, kind};
use super::stream;
use super::text::text;
use crate::output::table::{Cells, ColumnSpec, Kind};
use arrow_array::builder::{FixedSizeBinaryBuilder, StringDictionaryBuilder};
use arrow_array::types::{Int8Type, Int32Type, UInt64Type};
use arrow_array::{
    Array, ArrayRef, BinaryArray, BooleanArray, Date32Array, Date64Array, Decimal128Array, DictionaryArray,
    Float64Array, Int64Array, LargeStringArray, RecordBatch, StringArray, StringViewArray, Time64MicrosecondArray,
    TimestampMillisecondArray, UInt64Array,
};
use arrow_ipc::writer::{FileWriter, IpcWriteOptions, StreamWriter};
use arrow_schema::{Field, Schema};
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

const KINDS: [Kind; 7] = [Kind::Text, Kind::Value, Kind::Number, Kind::Real, Kind::Flag, Kind::Texts, Kind::Reals];

fn columns() -> Vec<ColumnSpec> {
    let spec = |kind: Kind| ColumnSpec { name: format!("{kind:?}").to_lowercase(), kind, about: "what it means" };
    KINDS.into_iter().map(spec).collect()
}

fn metadata() -> Vec<(String, String)> {
    vec![("radlabel.version".to_owned(), "1".to_owned()), ("radlabel.scheme".to_owned(), "chexpert".to_owned())]
}

/// `rows` rows; every third is missing what may be missing.
fn table(rows: u32) -> RecordBatch {
    let columns = columns();
    let mut cells = ArrowCells::new(&columns, schema(&columns, &metadata()));
    for row in 0..rows {
        let id = format!("r{row}");
        let is_there = row % 3 != 2;
        cells.text(is_there.then_some(id.as_str()));
        cells.value(is_there.then_some((row % 3) as i8 - 1));
        cells.number(is_there.then_some(row));
        cells.real(is_there.then_some(row as f32 / 4.0));
        cells.flag(row % 2 == 0);
        cells.texts(if is_there { &["left", "right"] } else { &[] });
        cells.reals(if is_there { &[1.5, -2.0] } else { &[] });
        cells.end();
    }
    assert_eq!(cells.rows(), rows as usize);
    cells.finish().unwrap()
}

fn parquet_bytes(groups: &[Vec<RecordBatch>], schema: &arrow_schema::SchemaRef) -> Vec<u8> {
    let encoder = Encoder::new(schema.clone()).unwrap();
    let mut file = encoder.file(Vec::new()).unwrap();
    for group in groups {
        file.append(encoder.encode(group).unwrap()).unwrap();
    }
    file.finish().unwrap()
}

fn file_bytes(batches: &[RecordBatch], compression: Option<arrow_ipc::CompressionType>) -> Vec<u8> {
    let options = IpcWriteOptions::default().try_with_compression(compression).unwrap();
    let mut writer = FileWriter::try_new_with_options(Vec::new(), &batches[0].schema(), options).unwrap();
    for batch in batches {
        writer.write(batch).unwrap();
    }
    writer.finish().unwrap();
    writer.into_inner().unwrap()
}

fn stream_bytes(batches: &[RecordBatch]) -> Vec<u8> {
    let mut out = stream::header(&batches[0].schema()).unwrap();
    for batch in batches {
        out.extend(stream::message(batch).unwrap());
    }
    out.extend(stream::footer());
    out
}

/// What became of a read: the cells of the readable columns, row by row, and the faults.
#[derive(Debug, Default, PartialEq)]
struct Read {
    rows: Vec<Vec<Option<String>>>,
    faults: Vec<String>,
}

fn read_all(rows: &mut Rows, per_batch: usize) -> Read {
    let mut read = Read::default();
    let wanted: Vec<usize> = (0..rows.columns().len()).filter(|&c| rows.columns()[c].readable).collect();
    rows.project(&wanted).unwrap();
    loop {
        match rows.next(per_batch, 1 << 16) {
            Ok(None) => return read,
            Ok(Some(batch)) => {
                assert!(batch.num_rows() > 0 && batch.num_rows() <= per_batch);
                assert_eq!(batch.num_columns(), wanted.len());
                for row in 0..batch.num_rows() {
                    let cell = |c: &ArrayRef| text(c, row).unwrap().map(|cell| cell.text.into_owned());
                    read.rows.push(batch.columns().iter().map(cell).collect());
                }
            }
            Err(e) => read.faults.push(e),
        }
        assert!(read.faults.len() < 100, "does not end: {:?}", &read.faults[..3]);
    }
}

fn open(bytes: &[u8]) -> Result<Rows, String> {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    // An open file outlives its name.
    Rows::open(file.path(), kind(bytes).ok_or("of no kind")?)
}

fn read_bytes(bytes: &[u8], per_batch: usize) -> Result<Read, String> {
    Ok(read_all(&mut open(bytes)?, per_batch))
}

#[test]
fn what_cells_hold_comes_back_from_parquet_and_ipc() {
    for rows in [0, 1, 5, 3000] {
        let (first, second) = (table(rows), table(rows / 2));
        let schema = first.schema();
        let bytes = parquet_bytes(&[vec![first.clone(), second.clone()], vec![second.clone()]], &schema);
        let again = parquet_bytes(&[vec![first.clone(), second.clone()], vec![second.clone()]], &schema);
        assert_eq!(bytes, again, "the same rows, the same bytes");

        let builder =
            parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder::try_new(tempfile_of(&bytes)).unwrap();
        assert_eq!(builder.schema().metadata().get("radlabel.scheme").map(|s| s.as_ref()), Some("chexpert"));
        assert_eq!(builder.schema().field(0).metadata().get("about").map(|s| s.as_ref()), Some("what it means"));
        let read: Vec<RecordBatch> = builder.with_batch_size(10_000).build().unwrap().map(|b| b.unwrap()).collect();
        let total: usize = read.iter().map(|b| b.num_rows()).sum();
        assert_eq!(total, (rows + rows / 2 * 2) as usize);
        if let Some(read) = read.first() {
            for (at, column) in first.columns().iter().enumerate() {
                assert_eq!(&read.column(at).slice(0, rows as usize), column);
            }
        }

        let ours = read_bytes(&bytes, 7).unwrap();
        assert_eq!(ours.faults, Vec::<String>::new());
        assert_eq!(ours.rows.len(), total);
        if rows >= 5 {
            let cell = |s: &str| Some(s.to_owned());
            assert_eq!(ours.rows[1], [cell("r1"), cell("0"), cell("1"), cell("0.25"), cell("false")]);
            assert_eq!(ours.rows[2], [None, None, None, None, cell("true")]);
        }

        let streamed = stream_bytes(&[first.clone(), second.clone(), second.clone()]);
        assert_eq!(read_bytes(&streamed, 7).unwrap(), ours);
        let by_crate = arrow_ipc::reader::StreamReader::try_new(&streamed[..], None).unwrap();
        assert_eq!(by_crate.schema(), schema);
        assert_eq!(by_crate.map(|b| b.unwrap()).next(), Some(first.clone()));
        for compression in [None, Some(arrow_ipc::CompressionType::LZ4_FRAME), Some(arrow_ipc::CompressionType::ZSTD)] {
            let file = file_bytes(&[first.clone(), second.clone(), second.clone()], compression);
            assert_eq!(read_bytes(&file, 7).unwrap(), ours);
        }
    }
}

#[test]
fn the_weight_of_rows_is_theirs_alone() {
    let whole = table(100);
    assert_eq!(weight(&whole.slice(0, 40)), weight(&table(40)));
    assert_eq!(weight(&whole.slice(0, 40)) + weight(&whole.slice(40, 60)), weight(&whole));
}

#[test]
fn a_cell_of_another_kind_is_a_fault_and_the_next_batch_is_whole() {
    let columns = columns();
    let mut cells = ArrowCells::new(&columns, schema(&columns, &[]));
    cells.value(Some(1));
    cells.end();
    assert!(cells.finish().unwrap_err().contains("column 1"));
    assert_eq!(cells.finish().unwrap().num_rows(), 0);
}

/// Columns of every type that is read, and what their first cell is as text.
fn typed() -> Vec<(&'static str, ArrayRef, Option<&'static str>)> {
    let dictionary: DictionaryArray<Int8Type> = ["effusion", "mass", "effusion"].into_iter().collect();
    let mut wide = StringDictionaryBuilder::<UInt64Type>::new();
    wide.append_value("large");
    wide.append_null();
    wide.append_value("one");
    vec![
        ("utf8", Arc::new(StringArray::from(vec![Some("é"), None, Some("")])), Some("é")),
        ("large", Arc::new(LargeStringArray::from(vec![Some("a"), None, Some("")])), Some("a")),
        (
            "view",
            Arc::new(StringViewArray::from(vec![Some("longer than twelve"), None, Some("b")])),
            Some("longer than twelve"),
        ),
        ("dictionary", Arc::new(dictionary), Some("effusion")),
        ("wide", Arc::new(wide.finish()), Some("large")),
        ("binary", Arc::new(BinaryArray::from(vec![&b"bytes"[..], b"", b"\xff"])), Some("bytes")),
        ("int", Arc::new(Int64Array::from(vec![Some(i64::MIN), None, Some(1)])), Some("-9223372036854775808")),
        ("uint", Arc::new(UInt64Array::from(vec![u64::MAX, 0, 1])), Some("18446744073709551615")),
        ("float", Arc::new(Float64Array::from(vec![50414267.0, 0.5, f64::NAN])), Some("50414267")),
        ("flag", Arc::new(BooleanArray::from(vec![true, false, true])), Some("true")),
        ("date", Arc::new(Date32Array::from(vec![18_690, -1, 0])), Some("2021-03-04")),
        ("date64", Arc::new(Date64Array::from(vec![18_690 * 86_400_000, -1, 0])), Some("2021-03-04")),
        ("time", Arc::new(Time64MicrosecondArray::from(vec![47_109_000_000, 1, 0])), Some("13:05:09")),
        (
            "stamp",
            Arc::new(TimestampMillisecondArray::from(vec![1_614_863_109_050, -1, 0])),
            Some("2021-03-04T13:05:09.05"),
        ),
        (
            "zoned",
            Arc::new(TimestampMillisecondArray::from(vec![1_614_863_109_000, -1, 0]).with_timezone("Europe/Berlin")),
            Some("2021-03-04T13:05:09Z"),
        ),
        (
            "decimal",
            Arc::new(Decimal128Array::from(vec![12_345, 0, 1]).with_precision_and_scale(10, 2).unwrap()),
            Some("123.45"),
        ),
        ("gap", Arc::new(StringArray::from(vec![None::<&str>, Some("x"), None])), None),
    ]
}

fn typed_batch() -> RecordBatch {
    let columns = typed();
    let fields: Vec<Field> =
        columns.iter().map(|(name, array, _)| Field::new(*name, array.data_type().clone(), true)).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns.into_iter().map(|c| c.1).collect()).unwrap()
}

fn typed_files() -> Vec<(&'static str, Vec<u8>)> {
    let batch = typed_batch();
    let mut writer = parquet::arrow::ArrowWriter::try_new(Vec::new(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    let mut streamed = StreamWriter::try_new(Vec::new(), &batch.schema()).unwrap();
    streamed.write(&batch).unwrap();
    streamed.finish().unwrap();
    vec![
        ("parquet", writer.into_inner().unwrap()),
        ("stream", streamed.into_inner().unwrap()),
        ("file", file_bytes(std::slice::from_ref(&batch), None)),
        ("lz4", file_bytes(std::slice::from_ref(&batch), Some(arrow_ipc::CompressionType::LZ4_FRAME))),
        ("zstd", file_bytes(&[batch], Some(arrow_ipc::CompressionType::ZSTD))),
    ]
}

#[test]
fn every_type_of_column_becomes_text() {
    let expected: Vec<Option<String>> = typed().into_iter().map(|c| c.2.map(str::to_owned)).collect();
    let direct: Vec<Option<String>> =
        typed().iter().map(|c| text(&c.1, 0).unwrap().map(|cell| cell.text.into_owned())).collect();
    assert_eq!(direct, expected);
    for (name, bytes) in typed_files() {
        let read = read_bytes(&bytes, 2).unwrap();
        assert_eq!(read.faults, Vec::<String>::new(), "{name}");
        assert_eq!(read.rows.len(), 3, "{name}");
        assert_eq!(read.rows[0], expected, "{name}");
        assert_eq!(read.rows[1][0], None, "{name}: a null");
        assert_eq!(read.rows[2][0].as_deref(), Some(""), "{name}: an empty text is no null");
        assert_eq!(read.rows[2][5].as_deref(), Some("\u{fffd}"), "{name}: an invalid byte");
    }
}

#[test]
fn a_column_that_is_no_text_is_told_by_its_type() {
    let batch = table(3);
    for bytes in [parquet_bytes(&[vec![batch.clone()]], &batch.schema()), stream_bytes(&[batch])] {
        let mut rows = open(&bytes).unwrap();
        let fault = rows.project(&[5]).unwrap_err();
        assert!(fault.contains("column texts") && fault.contains("List("), "{fault}");
    }
    let mut fixed = FixedSizeBinaryBuilder::new(2);
    fixed.append_value(b"ab").unwrap();
    assert!(text(&fixed.finish(), 0).unwrap_err().contains("FixedSizeBinary"));
    assert!(text(&StringArray::from(vec!["a"]), 1).is_err());
}

#[test]
fn invalid_utf8_in_a_string_column_costs_one_cell() {
    let texts: Vec<String> = (0..50).map(|i| format!("report number {i} zq")).collect();
    let array: ArrayRef = Arc::new(StringArray::from(texts));
    let schema = Arc::new(Schema::new(vec![Field::new("text", array.data_type().clone(), true)]));
    let batch = RecordBatch::try_new(schema.clone(), vec![array]).unwrap();
    let uncompressed = parquet::file::properties::WriterProperties::builder()
        .set_statistics_enabled(parquet::file::properties::EnabledStatistics::None)
        .build();
    let mut writer = parquet::arrow::ArrowWriter::try_new(Vec::new(), schema, Some(uncompressed)).unwrap();
    writer.write(&batch).unwrap();
    for mut bytes in [writer.into_inner().unwrap(), stream_bytes(&[batch])] {
        let needle = b"number 7 zq";
        let at = bytes.windows(needle.len()).position(|w| w == needle).unwrap();
        bytes[at + needle.len() - 1] = 0xff;
        let read = read_bytes(&bytes, 100).unwrap();
        assert_eq!(read.faults, Vec::<String>::new());
        assert_eq!(read.rows.len(), 50);
        assert_eq!(read.rows[7][0].as_deref(), Some("report number 7 z\u{fffd}"));
    }
}

#[test]
fn batches_are_bounded_by_bytes_of_text_and_by_rows() {
    let big = "a".repeat(30_000);
    let array: ArrayRef = Arc::new(StringArray::from(vec![big.as_str(); 100]));
    let schema = Arc::new(Schema::new(vec![Field::new("text", array.data_type().clone(), true)]));
    let batch = RecordBatch::try_new(schema.clone(), vec![array]).unwrap();
    for bytes in [parquet_bytes(&[vec![batch.clone()]], &schema), stream_bytes(std::slice::from_ref(&batch))] {
        let mut rows = open(&bytes).unwrap();
        rows.project(&[0]).unwrap();
        let mut sizes = Vec::new();
        while let Some(batch) = rows.next(1000, 65_536).unwrap() {
            sizes.push(batch.num_rows());
        }
        assert_eq!(sizes.iter().sum::<usize>(), 100);
        assert!(sizes.iter().all(|&n| n <= 3), "{sizes:?}");
        assert_eq!(rows.bytes_read(), rows.bytes_total().unwrap());
    }
}

#[test]
fn what_stands_before_a_fault_is_kept_and_the_fault_told() {
    let batch = table(300);
    let mut bytes = parquet_bytes(&vec![vec![batch.clone()]; 4], &batch.schema());
    let whole = read_bytes(&bytes, 64).unwrap();
    for cut in [3, 11, bytes.len() / 2, bytes.len() - 1] {
        let fault = read_bytes(&bytes[..cut], 64).unwrap_err();
        assert!(fault.contains("truncated: no footer") || fault.contains("of no kind"), "{cut}: {fault}");
    }
    // The second row group's pages begin after a quarter; the footer stands.
    let at = bytes.len() / 4;
    bytes[at..at + 40].fill(0x5a);
    let read = read_bytes(&bytes, 64).unwrap();
    assert!(read.faults.iter().all(|f| f.contains("row group") && f.contains("column")), "{:?}", read.faults);
    assert!(!read.faults.is_empty() && read.rows.len() >= 600 && read.rows.len() < 1200, "{:?}", read.faults);
    assert_eq!(read.rows[..200], whole.rows[..200]);

    let bytes = file_bytes(&[batch.clone(), batch.clone()], None);
    let read = read_bytes(&bytes[..bytes.len() - 1], 64).unwrap();
    assert_eq!((read.rows.len(), read.faults.len()), (600, 1));
    assert!(read.faults[0].contains("truncated: no footer"), "{:?}", read.faults);
    let bytes = stream_bytes(&[batch.clone(), batch]);
    let read = read_bytes(&bytes[..bytes.len() - 100], 64).unwrap();
    assert_eq!((read.rows.len(), read.faults.len()), (300, 1));
    assert!(read.faults[0].contains("truncated: a batch has"), "{:?}", read.faults);
}

/// Every truncation and many byte flips of every kind of file: never a panic, always an end.
#[test]
fn broken_bytes_never_panic() {
    let small = table(20);
    let mut files = typed_files();
    files.push(("groups", parquet_bytes(&[vec![small.clone()], vec![small.clone()]], &small.schema())));
    files.push(("small", stream_bytes(&[small.clone(), small])));
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("broken");
    let mut faults = 0;
    let mut check = |name: &str, bytes: &[u8], told: &mut dyn FnMut() -> String| {
        let Some(kind) = kind(bytes) else { return };
        std::fs::write(&path, bytes).unwrap();
        let read = std::panic::catch_unwind(|| read_path(&path, kind));
        match read {
            Ok(read) => faults += usize::from(read.is_err() || read.is_ok_and(|r| !r.faults.is_empty())),
            Err(_) => panic!("{name}: {}", told()),
        }
    };
    let thorough = std::env::var_os("RADLABEL_FUZZ").is_some();
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = |below: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        (seed % below as u64) as usize
    };
    for (name, bytes) in &files {
        for cut in (0..bytes.len()).step_by(if thorough { 1 } else { 97 }) {
            check(name, &bytes[..cut], &mut || format!("cut at {cut}"));
        }
        for round in 0..if thorough { 20_000 } else { 150 } {
            let mut broken = bytes.clone();
            let mut flips = Vec::new();
            for _ in 0..=random(3) {
                let at = 8 + random(broken.len() - 8);
                let to = [0, 1, 0x7f, 0x80, 0xff, broken[at] ^ 1 << random(8), random(256) as u8][random(7)];
                broken[at] = to;
                flips.push((at, to));
            }
            check(name, &broken, &mut || format!("round {round}: {flips:?}"));
        }
    }
    assert!(faults > 100, "{faults}");
}

fn read_path(path: &Path, kind: Columnar) -> Result<Read, String> {
    Ok(read_all(&mut Rows::open(path, kind)?, 64))
}

#[test]
fn a_dictionary_with_a_key_type_of_its_own_is_read_in_slices() {
    let dictionary: DictionaryArray<Int32Type> = (0..5000).map(|i| if i % 2 == 0 { "even" } else { "odd" }).collect();
    let array: ArrayRef = Arc::new(dictionary);
    let schema = Arc::new(Schema::new(vec![Field::new("text", array.data_type().clone(), true)]));
    let batch = RecordBatch::try_new(schema, vec![array]).unwrap();
    let read = read_bytes(&file_bytes(&[batch.clone(), batch], None), 999).unwrap();
    assert_eq!(read.rows.len(), 10_000);
    assert_eq!(read.rows[9_999][0].as_deref(), Some("odd"));
}

fn tempfile_of(bytes: &[u8]) -> std::fs::File {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    file
}

#[test]
fn row_groups_that_threads_encode_make_the_same_file() {
    fn shared<T: Send + Sync>(_: &T) {}
    fn moved<T: Send>(_: &T) {}
    let batch = table(1000);
    let encoder = Encoder::new(batch.schema()).unwrap();
    shared(&encoder);
    let mut serial = encoder.file(Vec::new()).unwrap();
    let mut parallel = encoder.file(Vec::new()).unwrap();
    let encoded: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (1..5)
            .map(|n| {
                let part = batch.slice(0, n * 200);
                let encoder = &encoder;
                scope.spawn(move || encoder.encode(&[part]).unwrap())
            })
            .collect();
        threads.into_iter().map(|t| t.join().unwrap()).collect()
    });
    for (n, group) in encoded.into_iter().enumerate() {
        moved(&group);
        parallel.append(group).unwrap();
        serial.append(encoder.encode(&[batch.slice(0, (n + 1) * 200)]).unwrap()).unwrap();
    }
    let bytes = parallel.finish().unwrap();
    assert_eq!(bytes, serial.finish().unwrap());
    let rows = open(&bytes).unwrap();
    moved(&rows);
    assert_eq!(rows.rows_total(), Some(2000));
    let other = ArrowCells::new(&columns()[..1], schema(&columns()[..1], &[])).finish().unwrap();
    assert!(encoder.encode(&[other]).is_err());
}

#[test]
fn measures_are_whole() {
    let columns = [ColumnSpec { name: "mm".to_owned(), kind: Kind::Measure, about: "" }];
    let mut cells = ArrowCells::new(&columns, schema(&columns, &[]));
    for value in [Some(1.0 / 3.0), None, Some(0.703125)] {
        cells.measure(value);
        cells.end();
    }
    let batch = cells.finish().unwrap();
    let read = read_bytes(&parquet_bytes(&[vec![batch.clone()]], &batch.schema()), 7).unwrap();
    let cell = |s: &str| vec![Some(s.to_owned())];
    assert_eq!(read.rows, [cell("0.3333333333333333"), vec![None], cell("0.703125")]);
}
