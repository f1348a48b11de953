"""Spark, with as many machines as one has: two task threads, then two executors of which one is killed."""

import os
import signal
import sys
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import radlabel
from radlabel import spark as radspark

from reports import reports

pyspark = pytest.importorskip("pyspark")


def session(master):
    os.environ["PYSPARK_PYTHON"] = os.environ["PYSPARK_DRIVER_PYTHON"] = sys.executable
    os.environ["SPARK_HOME"] = str(Path(pyspark.__file__).parent)
    from pyspark.sql import SparkSession

    # Executors of their own processes import the package and the tests as this one does.
    builder = SparkSession.builder.master(master).appName("radlabel")
    settings = {
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.ui.enabled": "false",
        "spark.sql.shuffle.partitions": "4",
        "spark.sql.files.maxPartitionBytes": "100000",
        "spark.sql.files.openCostInBytes": "0",
        "spark.executor.memory": "512m",
        "spark.driver.memory": "512m",
        "spark.task.maxFailures": "8",
    }
    for key, value in settings.items():
        builder = builder.config(key, value)
    return builder.getOrCreate()


@pytest.fixture(scope="module")
def local():
    spark = session("local[2]")
    spark.sparkContext.setLogLevel("ERROR")
    yield spark
    spark.stop()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A partitioned folder of Parquet: two years, three files each."""
    root = tmp_path_factory.mktemp("reports")
    texts = reports(1200)
    import pyarrow as pa

    for number in range(6):
        part = root / f"year={2020 + number % 2}"
        part.mkdir(exist_ok=True)
        rows = range(number * 200, (number + 1) * 200)
        table = pa.table({"acc": [f"A{i:05}" for i in rows], "text": [texts[i] for i in rows], "site": ["x"] * 200})
        pq.write_table(table, part / f"{number}.parquet", row_group_size=50)
    return root, [f"A{i:05}" for i in range(1200)], texts


def rows(frame):
    return [tuple(row) for row in frame.collect()]


@pytest.mark.parametrize("table", ["reports", "labels-long", "findings", "mentions"])
def test_rows_are_those_of_one_machine(local, folder, engine, table):
    root, ids, texts = folder
    frame = local.read.parquet(str(root))
    assert frame.rdd.getNumPartitions() > 1
    labelled = radspark.label(frame, "text", "acc", table=table)
    expected = engine.label_batch(texts, ids, table=table).to_arrow()
    assert labelled.columns == expected.column_names
    assert sorted(rows(labelled), key=str) == sorted((tuple(r.values()) for r in expected.to_pylist()), key=str)


def test_results_are_written_and_read_again(local, folder, engine, tmp_path):
    root, ids, texts = folder
    target = tmp_path / "labels"
    frame = local.read.parquet(str(root))
    radspark.label(frame, "text", "acc", keep=["year", "site"]).write.partitionBy("year").parquet(str(target))
    # Spark leaves its own files beside those of the table.
    back = pq.read_table(target).sort_by("id")
    assert back["id"].to_pylist() == ids and set(back["site"].to_pylist()) == {"x"}
    expected = engine.label_batch(texts, ids).to_arrow()
    for name in engine.labels():
        assert back[name].to_pylist() == expected[name].to_pylist(), name


def test_kept_columns_stand_beside_every_row(local, engine):
    data = [(1, "a", "No effusion. Possible pneumonia."), (2, None, "Pneumothorax."), (3, "c", None)]
    frame = local.createDataFrame(data, "n int, acc string, text string")
    both = radspark.label(frame, "text", "acc", keep=["n"], table="labels-long")
    assert sorted(rows(both), key=str) == [
        (1, "a", "Pleural Effusion", "absent"),
        (1, "a", "Pneumonia", "uncertain"),
        (2, None, "Pneumothorax", "present"),
    ]
    alone = radspark.label(frame, "text", keep=["n", "acc"], table="labels-long")
    assert alone.columns == ["n", "acc", "label", "value"] and alone.count() == 3
    # A missing id stays missing without any kept column too.
    assert sorted(rows(radspark.label(frame, "text", "acc").select("id")), key=str) == [("a",), ("c",), (None,)]


def test_settings_reach_the_workers(local):
    frame = local.createDataFrame([("a", "Possible pneumonia.")], "acc string, text string")
    labelled = radspark.label(frame, "text", "acc", schemes=["chexpert", "nih-chestxray14"], policy="ones")
    row = labelled.collect()[0]
    assert row["chexpert:Pneumonia"] == 1 and row["nih-chestxray14:Pneumonia"] == 1


def test_faults_are_told_before_the_job(local):
    frame = local.createDataFrame([("a", "x")], "acc string, text string")
    for call, message in [
        (lambda: radspark.label(frame, "txt", "acc"), 'no column "txt"; found acc, text'),
        (lambda: radspark.label(frame, "text"), "neither id_col nor keep"),
        (lambda: radspark.label(frame, "text", "acc", schemes="nix"), 'unknown scheme "nix"'),
        (lambda: radspark.label(frame, "text", "acc", table="nix"), 'unknown table "nix"'),
        (lambda: radspark.label(frame.withColumnRenamed("acc", "id"), "text", keep=["id"], table="mentions").count(), None),
        (lambda: radspark.label(frame.withColumnRenamed("acc", "status"), "text", keep=["status"], table="mentions"),
         'keep: "status" is a column of the results too'),
    ]:
        if message is None:
            call()
            continue
        with pytest.raises(radlabel.Error) as told:
            call()
        assert message in str(told.value)


def children(pid):
    """Processes below one, with their command lines."""
    out = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rsplit(")", 1)[1].split()
            if int(fields[1]) == pid:
                child = int(stat.parent.name)
                out.append((child, (stat.parent / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")))
                out.extend(children(child))
        except (FileNotFoundError, ProcessLookupError):
            continue
    return out


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks for processes in /proc")
@pytest.mark.parametrize("victim", ["CoarseGrainedExecutorBackend", "pyspark.daemon"])
def test_a_dead_executor_costs_no_row(folder, engine, victim, tmp_path):
    """Two executors with a process each; one is killed while the job runs, and its tasks are run again elsewhere."""
    import threading

    root, ids, texts = folder
    from pyspark.sql import SparkSession

    active = SparkSession.getActiveSession()
    if active is not None:
        active.stop()
    spark = session("local-cluster[2,1,512]")
    try:
        spark.sparkContext.setLogLevel("OFF")
        frame = spark.read.parquet(str(root))
        marks = tmp_path / "marks"
        marks.mkdir()
        over = tmp_path / "over"
        killed = []

        def kill():
            # When some tasks have ended and others have not.
            while not list(marks.iterdir()):
                time.sleep(0.05)
            found = [pid for pid, line in children(os.getpid()) if victim in line]
            killed.append((found[0], len(list(marks.iterdir()))))
            os.kill(found[0], signal.SIGKILL)
            over.touch()

        def slowly(batches):
            import time as clock
            import uuid

            for batch in batches:
                clock.sleep(0.4)
                yield batch
            # What is not the first to end waits for the kill, so that it finds a job that is not over.
            end = clock.monotonic() + 30
            while list(marks.iterdir()) and not over.exists() and clock.monotonic() < end:
                clock.sleep(0.05)
            (marks / uuid.uuid4().hex).touch()

        labelled = radspark.label(frame.select("acc", "text"), "text", "acc")
        labelled = labelled.mapInArrow(slowly, labelled.schema)
        total = labelled.rdd.getNumPartitions()
        thread = threading.Thread(target=kill)
        thread.start()
        got = rows(labelled)
        thread.join()
        assert killed and killed[0][1] < total, "the job was over before the kill"
        expected = [tuple(row.values()) for row in engine.label_batch(texts, ids).to_arrow().to_pylist()]
        assert sorted(got, key=str) == sorted(expected, key=str)
    finally:
        spark.stop()
