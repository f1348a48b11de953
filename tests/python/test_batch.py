"""Batches: every kind of column gives the same table, whatever the number of threads."""

import csv
import json
import subprocess
import sys

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import radlabel

from reports import reports

TABLES = ["reports", "labels-long", "findings", "mentions"]

TEXTS = [*reports(250), None, "No pneumothorax."]
IDS = [f"id-{i}" for i in range(len(TEXTS))]


def columns():
    """The same texts in everything that may hold them."""
    split = pa.chunked_array([pa.array(TEXTS[:100]), pa.array([], pa.string()), pa.array(TEXTS[100:])])
    return {
        "list": TEXTS,
        "tuple": tuple(TEXTS),
        "generator": (t for t in TEXTS),
        "numpy": np.array(TEXTS, dtype=object),
        "arrow": pa.array(TEXTS),
        "arrow large": pa.array(TEXTS, pa.large_string()),
        "arrow view": pa.array(TEXTS, pa.string_view()),
        "arrow slice": pa.array(["x", *TEXTS, "y"]).slice(1, len(TEXTS)),
        "arrow chunks": split,
        "arrow column": pa.table({"t": split})["t"],
        "pandas": pd.Series(TEXTS),
        "pandas object": pd.Series(TEXTS, dtype=object),
        "pandas NaN": pd.Series([float("nan") if t is None else t for t in TEXTS], dtype=object),
        "pandas NA": pd.Series([pd.NA if t is None else t for t in TEXTS], dtype=object),
        "pandas arrow": pd.Series(TEXTS, dtype=pd.ArrowDtype(pa.string())),
        "pandas string": pd.Series(TEXTS, dtype="string"),
        "polars": pl.Series(TEXTS),
        "polars chunks": pl.concat([pl.Series(TEXTS[:9]), pl.Series(TEXTS[9:])], rechunk=False),
    }


def test_every_kind_of_column_gives_the_same(engine):
    expected = engine.label_batch(TEXTS, IDS).to_arrow()
    for name, column in columns().items():
        assert engine.label_batch(column, IDS).to_arrow().equals(expected), name
    for name, column in columns().items():
        if name != "generator":
            assert len(engine.label_batch(TEXTS, column)) == len(TEXTS), name


def test_rows_say_what_single_reports_say(engine):
    value = {1: "present", 0: "absent", -1: "uncertain"}
    rows = engine.label_batch(TEXTS, IDS).to_arrow().to_pylist()
    for row, text, id in zip(rows, TEXTS, IDS):
        assert row.pop("id") == id
        assert {k: value[v] for k, v in row.items() if v is not None} == engine.label(text or "")


def test_threads_change_nothing(engine):
    texts = reports(3000)
    expected = engine.label_batch(texts, threads=1).to_arrow()
    for threads in (2, 3, 16, 100):
        assert engine.label_batch(texts, threads=threads).to_arrow().equals(expected)
    for table in TABLES:
        one = engine.label_batch(texts[:500], table=table, threads=1).to_arrow()
        assert engine.label_batch(texts[:500], table=table, threads=3).to_arrow().equals(one)
        assert one.schema.equals(pa.schema(engine.schema(table)), check_metadata=True)
        assert one.schema.metadata[b"radlabel.version"].decode() == radlabel.__version__
        assert one.schema.metadata[b"radlabel.rules"].decode() == engine.versions["rules"]


def test_mentions_are_those_of_single_reports(engine):
    rows = engine.label_batch(TEXTS, IDS, table="mentions", threads=2).to_arrow().to_pylist()
    single = [(id, m) for id, t in zip(IDS, TEXTS) for m in engine.analyze(t or "")["mentions"]]
    assert len(rows) == len(single) > 100
    for row, (id, mention) in zip(rows, single):
        assert row["id"] == id
        for name in ("start", "end", "concept", "status", "time", "subject", "section", "counted"):
            assert row[name] == mention[name], name
        assert (row["side"], row["change"]) == (mention.get("side"), mention.get("change"))
        assert row["rules"] == [e["rule"] for e in mention["evidence"]]
        assert [row["size_mm"]] == [s["values"] for s in mention.get("size", [{"values": []}])][:1]


def test_findings_and_long_labels(engine):
    long = engine.label_batch(TEXTS, IDS, table="labels-long").to_arrow().to_pylist()
    assert [tuple(r.values()) for r in long] == [
        (id, label, value) for id, t in zip(IDS, TEXTS) for label, value in engine.label(t or "").items()
    ]
    findings = engine.label_batch(["No effusion. Effusion."], table="findings").to_arrow().to_pylist()
    assert [(f["concept"], f["status"], f["mentions"]) for f in findings] == [("pleural-effusion", "present", 2)]


@pytest.mark.parametrize("table", TABLES)
def test_tables_are_the_command_lines(engine, table, tmp_path):
    """The same cells as `radlabel label --table` writes."""
    source, target = tmp_path / "in.jsonl", tmp_path / "out.csv"
    texts = [t or "" for t in TEXTS]
    source.write_text("".join(json.dumps({"id": i, "text": t}) + "\n" for i, t in zip(IDS, texts)))
    run = [sys.executable, "-m", "radlabel", "label", str(source), "-o", str(target), "--table", table, "-q"]
    subprocess.run(run, check=True)
    with open(target, newline="", encoding="utf-8") as lines:
        header, *rows = csv.reader(lines)
    batch = engine.label_batch(texts, IDS, table=table).to_arrow()
    assert header == batch.column_names

    def cell(value):
        if isinstance(value, list):
            return ";".join(cell(v) for v in value)
        if isinstance(value, bool):
            return str(value).lower()
        if isinstance(value, float):
            return f"{value:g}"
        return "" if value is None else str(value)

    def plain(text):
        parts = text.replace("; ", ";").split(";")
        return ";".join(p[:-2] if p.endswith(".0") else p for p in parts)

    mine = [[plain(cell(v)) for v in row.values()] for row in batch.to_pylist()]
    assert mine == [[plain(c) for c in row] for row in rows]


def test_tables_are_the_command_lines_arrow(engine, tmp_path):
    """Schema, metadata and cells of an Arrow file of the command line."""
    source = tmp_path / "in.csv"
    texts = [t or "" for t in TEXTS]
    pd.DataFrame({"id": IDS, "text": texts}).to_csv(source, index=False)
    for table in TABLES:
        target = tmp_path / f"{table}.arrow"
        run = [sys.executable, "-m", "radlabel", "label", str(source), "-o", str(target), "--table", table, "-q"]
        subprocess.run(run, check=True)
        theirs = pa.ipc.open_stream(target).read_all()
        mine = engine.label_batch(texts, IDS, table=table).to_arrow()
        # A file has columns for the study and for notes too.
        assert set(mine.column_names) < set(theirs.column_names)
        theirs = theirs.select(mine.column_names)
        assert mine.equals(theirs) and mine.schema.equals(theirs.schema, check_metadata=True)


def test_ids(engine):
    ids = lambda given: engine.label_batch(["a", "b", "c"], given).to_arrow()["id"].to_pylist()
    assert ids(None) == ["1", "2", "3"]
    assert ids([7, None, "x"]) == ["7", "2", "x"]
    assert ids(pa.array([7, None, 9])) == ["7", "2", "9"]
    assert ids(pd.Series([7, 8, 9])) == ["7", "8", "9"]
    assert ids(pl.Series([7, 8, None])) == ["7", "8", "3"]
    assert ids(np.array([7, 8, 9])) == ["7", "8", "9"]
    with pytest.raises(radlabel.Error, match="ids"):
        ids(7)


def test_columns_that_are_no_text_are_told(engine):
    for column in (pa.array([1, 2]), pl.Series([1, 2]), pd.Series([1, 2]), np.array([1, 2]), [b"x"]):
        with pytest.raises(radlabel.Error, match="texts"):
            engine.label_batch(column)
    for table in (pa.table({"t": ["x"]}), pl.DataFrame({"t": ["x"]}), pd.DataFrame({"t": ["x"]})):
        with pytest.raises(radlabel.Error, match="whole table"):
            engine.label_batch(table)


def test_nothing_in_gives_an_empty_table(engine):
    for column in ([], pa.array([], pa.string()), pl.Series([], dtype=pl.String), pd.Series([], dtype="string")):
        table = engine.label_batch(column)
        assert len(table) == 0 and table.to_arrow().schema.equals(pa.schema(engine.schema()))
        assert table.to_pandas().shape == (0, 15) and table.to_polars().shape == (0, 15)


def test_a_table_goes_wherever_arrow_goes(engine):
    table = engine.label_batch(TEXTS, IDS, threads=2)
    arrow = table.to_arrow()
    assert arrow.num_rows == len(table) == len(TEXTS)
    assert table.column_names == arrow.column_names == ["id", *engine.labels()]
    assert repr(table) == f"<radlabel.Table: {len(TEXTS)} rows, 15 columns>"
    batch = pa.record_batch(table)
    assert pa.table(batch).equals(arrow.combine_chunks())
    assert pa.RecordBatchReader.from_stream(table).read_all().equals(arrow)
    assert table.to_polars().rows() == [tuple(row.values()) for row in arrow.to_pylist()]
    frame = table.to_pandas()
    assert list(frame["id"]) == IDS
    assert frame["Pleural Effusion"].dropna().isin([1.0, 0.0, -1.0]).all()
    # The stream may be taken again, and outlives the table.
    again = pa.table(table)
    del table, batch
    assert again.equals(arrow)


def test_arrow_is_read_where_it_lies(engine):
    column = pa.array(reports(20_000))
    before = pa.total_allocated_bytes()
    engine.label_batch(column)
    assert pa.total_allocated_bytes() == before


def test_broken_utf8_is_told(engine):
    offsets = pa.py_buffer(np.array([0, 2], dtype=np.int32))
    broken = pa.Array.from_buffers(pa.string(), 1, [None, offsets, pa.py_buffer(b"\xff\xfe")])
    with pytest.raises(radlabel.Error, match="texts: "):
        engine.label_batch(broken)
