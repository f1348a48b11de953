#!/usr/bin/env python3
"""Spark on this machine against the command line: rate, and the same rows.

usage: spark_rate.py REPORTS.parquet FOLDER

REPORTS.parquet has columns id and text (archive.py makes one). Runs with local[2] in the environment that holds
radlabel, pyspark and pyarrow; Spark reads 16 parts of the file.
"""

import os
import subprocess
import sys
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pyspark
from radlabel import spark as radspark


def main():
    source, folder = sys.argv[1], Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    reports = pq.read_table(source, columns=["id", "text"])
    parts = folder / "in"
    parts.mkdir(exist_ok=True)
    size = -(-reports.num_rows // 16)
    for number in range(16):
        pq.write_table(reports.slice(number * size, size), parts / f"part-{number:02}.parquet")
    os.environ["PYSPARK_PYTHON"] = os.environ["PYSPARK_DRIVER_PYTHON"] = sys.executable
    os.environ["SPARK_HOME"] = str(Path(pyspark.__file__).parent)
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.master("local[2]").appName("radlabel")
    for key, value in {
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.ui.enabled": "false",
        "spark.driver.memory": "2g",
    }.items():
        builder = builder.config(key, value)
    spark = builder.getOrCreate()
    start = time.monotonic()
    labels = radspark.label(spark.read.parquet(str(parts)), "text", "id")
    labels.write.mode("overwrite").parquet(str(folder / "spark"))
    took = time.monotonic() - start
    spark.stop()
    print(f"Spark local[2]: {reports.num_rows:,} reports in {took:.1f} s, {reports.num_rows / took:,.0f} a second")

    command = Path(sys.executable).parent / "radlabel"
    start = time.monotonic()
    subprocess.run(
        [str(command), "label", source, "-q", "-j", "2", "-o", str(folder / "one.parquet")], check=True
    )
    took = time.monotonic() - start
    print(f"command line, 2 threads: {reports.num_rows / took:,.0f} a second")
    spark_rows = pq.read_table(folder / "spark").sort_by("id")
    one = pq.read_table(folder / "one.parquet").select(spark_rows.column_names).sort_by("id")
    one = one.cast(pa.schema([spark_rows.schema.field(i).remove_metadata() for i in range(spark_rows.num_columns)]))
    spark_rows = spark_rows.cast(one.schema).combine_chunks()
    equal = spark_rows.equals(one.combine_chunks())
    print(f"rows: {spark_rows.num_rows:,} and {one.num_rows:,}, {'equal' if equal else 'DIFFERENT'}")
    sys.exit(0 if equal else 1)


if __name__ == "__main__":
    main()
