#!/usr/bin/env python3
"""Parquet and Arrow files, exchanged with pyarrow, Polars and DuckDB.

usage: arrow_read.py DIR      (pip install pyarrow polars duckdb; cargo on the path)

Writes a table of 5,000 rows into DIR/theirs in every way in which archives come, has radlabel's test `exchange` read
it all and write tables of its own, and reads those.
"""
import datetime
import os
import subprocess
import sys

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.ipc as ipc
import pyarrow.parquet as pq

ROWS = 5000


def table():
    text = [None if i % 7 == 3 else f"Röntgen report of number {i}. " * (i % 5) for i in range(ROWS)]
    return pa.table({
        "nested": pa.array([{"a": i} for i in range(ROWS)]),
        "id": [f"r{i % 100}" for i in range(ROWS)],
        "list": pa.array([["x"] * (i % 3) for i in range(ROWS)]),
        "text": text,
        "number": pa.array(range(ROWS), pa.int64()),
        "day": pa.array([datetime.date(2021, 3, 4)] * ROWS, pa.date32()),
    })


def cast(t, **types):
    for name, kind in types.items():
        t = t.set_column(t.schema.get_field_index(name), name, t[name].cast(kind))
    return t


def write(folder):
    t = table()
    path = lambda name: os.path.join(folder, name)
    for codec in ["none", "snappy", "gzip", "zstd", "lz4"]:
        pq.write_table(t, path(f"pyarrow-{codec}.parquet"), compression=codec, row_group_size=1700)
    pq.write_table(t, path("pyarrow-v2.parquet"), data_page_version="2.0", version="2.6", use_dictionary=False,
                   column_encoding={"text": "DELTA_LENGTH_BYTE_ARRAY", "id": "DELTA_BYTE_ARRAY"})
    pq.write_table(t, path("pyarrow-pages.parquet"), data_page_size=1000, write_page_index=True)
    kinds = {
        "large": cast(t, text=pa.large_string(), id=pa.large_string(), day=pa.timestamp("us")),
        "dictionary": cast(t, text=pa.dictionary(pa.int32(), pa.string()), id=pa.dictionary(pa.int8(), pa.string())),
        "view": cast(t, text=pa.string_view(), id=pa.string_view(), number=pa.float64()),
        "binary": cast(t, text=pa.binary(), id=pa.binary(), number=pa.uint16(), day=pa.timestamp("s", "UTC")),
    }
    for name, kind in kinds.items():
        pq.write_table(kind, path(f"pyarrow-{name}.parquet"))
        with ipc.new_stream(path(f"pyarrow-{name}.arrows"), kind.schema) as out:
            out.write_table(kind, max_chunksize=900)
        with ipc.new_file(path(f"pyarrow-{name}.arrow"), kind.schema) as out:
            out.write_table(kind, max_chunksize=900)
    for codec in ["uncompressed", "lz4", "zstd"]:
        feather.write_feather(t, path(f"pyarrow-{codec}.feather"), compression=codec)
    frame = pl.from_arrow(t)
    for codec in ["snappy", "zstd", "gzip", "lz4", "uncompressed"]:
        frame.write_parquet(path(f"polars-{codec}.parquet"), compression=codec)
    for codec in ["uncompressed", "lz4", "zstd"]:
        frame.write_ipc(path(f"polars-{codec}.arrow"), compression=codec)
        frame.write_ipc_stream(path(f"polars-{codec}.arrows"), compression=codec)
    frame.with_columns(pl.col("id").cast(pl.Categorical)).write_ipc(path("polars-categorical.arrow"))
    for codec in ["snappy", "zstd", "gzip", "uncompressed"]:
        duckdb.sql(f"copy t to '{path(f'duckdb-{codec}.parquet')}' (format parquet, codec '{codec}')")
    duckdb.sql(f"copy t to '{path('duckdb-v2.parquet')}' (format parquet, parquet_version v2)")


def read(folder):
    for name in ["wide", "mentions"]:
        for rows in [0, 10_000]:
            path = os.path.join(folder, f"{name}-{rows}")
            ours = pq.read_table(path + ".parquet")
            with ipc.open_stream(path + ".arrows") as stream:
                streamed = stream.read_all()
            assert ours.num_rows == rows, (name, ours.num_rows)
            assert ours.equals(streamed) and ours.schema.equals(streamed.schema, check_metadata=True), name
            assert ours.schema.metadata[b"radlabel.scheme"] == b"chexpert", ours.schema.metadata
            assert ours.schema.field(0).metadata[b"about"] == b"what it means"
            frame = pl.read_parquet(path + ".parquet")
            assert frame.equals(pl.from_arrow(ours)), name
            assert pl.read_parquet_metadata(path + ".parquet")["radlabel.scheme"] == "chexpert"
            by_duckdb = duckdb.sql(f"select * from '{path}.parquet'")
            assert pl.from_arrow(by_duckdb.to_arrow_table()).equals(frame), name
            pairs = duckdb.sql(f"select key, value from parquet_kv_metadata('{path}.parquet')").fetchall()
            assert (b"radlabel.scheme", b"chexpert") in pairs, pairs
            file = pq.ParquetFile(path + ".parquet")
            assert file.metadata.created_by.startswith("radlabel "), file.metadata.created_by
            if rows:
                statistics = file.metadata.row_group(0).column(1).statistics
                assert statistics.has_min_max and statistics.has_null_count
            print(f"{name}-{rows}: pyarrow, Polars and DuckDB read the same {rows} rows; "
                  + ", ".join(f"{f.name} {f.type}" for f in ours.schema if not f.name.startswith("label ")))


def main():
    folder = sys.argv[1]
    os.makedirs(os.path.join(folder, "theirs"), exist_ok=True)
    write(os.path.join(folder, "theirs"))
    subprocess.run(
        ["cargo", "test", "-q", "--features", "parquet", "--lib", "arrow::exchange::exchange", "--", "--ignored", "--nocapture"],
        check=True, env={**os.environ, "RADLABEL_ARROW_DIR": os.path.abspath(folder)})
    read(folder)


main()
