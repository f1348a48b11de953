"""radlabel on Spark: a DataFrame of reports to a DataFrame of labels, mentions or findings.

>>> from radlabel import spark as radspark  # doctest: +SKIP
>>> labels = radspark.label(reports, "text", id_col="accession")  # doctest: +SKIP
>>> labels.write.parquet("labels")  # doctest: +SKIP

Each Python worker makes its engine once and reads Arrow batches as Spark hands them over; rows come out as
``Engine.label_batch`` gives them on one machine. ``CLUSTER.md`` beside this file tells of packaging, partitions and
memory.
"""

from functools import lru_cache
from typing import TYPE_CHECKING, Iterable, Iterator, List, Optional, Union

from ._radlabel import Engine, Error

if TYPE_CHECKING:
    import pyarrow
    from pyspark.sql import DataFrame


@lru_cache(maxsize=8)
def _engine(arguments: tuple) -> Engine:
    """The engine of this Python process: Spark's workers live for many tasks."""
    return Engine(*arguments)


def label(
    df: "DataFrame",
    text_col: str,
    id_col: Optional[str] = None,
    *,
    keep: Iterable[str] = (),
    table: str = "reports",
    schemes: Union[str, List[str]] = "chexpert",
    lexicons: Optional[str] = None,
    rules: Optional[str] = None,
    policy: str = "keep",
    propagate: Union[str, List[str], None] = None,
    refine: bool = False,
    refine_below: Optional[float] = None,
    refine_all: bool = False,
    model: Optional[str] = None,
    runtime: Optional[str] = None,
    threads: int = 1,
) -> "DataFrame":
    """Labels the reports of a DataFrame.

    ``text_col`` holds the text, ``id_col`` the id. Without ``id_col`` no row can be told from another, so ``keep`` must
    name what tells them; the columns in ``keep`` stand before the others, repeated for every row of a report.
    ``table`` and the settings of the engine are those of :class:`radlabel.Engine`. ``lexicons``, ``rules`` and ``model``
    are folders that every executor sees, as is the library that ``runtime`` may name. ``threads`` is per task: Spark
    runs a task a core, so one is right unless ``spark.task.cpus`` says otherwise.
    """
    import pyarrow as pa
    from pyspark.sql.pandas.types import from_arrow_schema
    from pyspark.sql.types import StructField, StructType

    keep = list(keep)
    for name in [text_col, *([] if id_col is None else [id_col]), *keep]:
        if name not in df.columns:
            raise Error(f'no column "{name}"; found {", ".join(df.columns)}')
    if id_col is None and not keep:
        raise Error("neither id_col nor keep: the rows could not be told apart; expected a column that names a report")
    refinement = (refine, refine_below, refine_all, model, runtime)
    arguments = (lexicons, rules, _frozen(schemes), policy, _frozen(propagate), *refinement)
    # Made here too, so that a fault is told before the job and the schema is known.
    results = pa.schema(_engine(arguments).schema(table))
    if id_col is None:
        results = results.remove(results.get_field_index("id"))
    doubled = [name for name in keep if name in results.names]
    if doubled:
        raise Error(f'keep: "{doubled[0]}" is a column of the results too; rename it before')
    kept = StructType([df.schema[name] for name in keep])
    # A missing id stays missing: on a cluster a row has no number.
    schema = StructType([*kept.fields, *(StructField(f.name, f.dataType) for f in from_arrow_schema(results))])

    def work(batches: Iterator["pyarrow.RecordBatch"]) -> Iterator["pyarrow.RecordBatch"]:
        engine = _engine(arguments)
        for batch in batches:
            if batch.num_rows:
                yield from _labelled(engine, batch, keep, id_col is not None, table, threads)

    columns = [df[text_col].cast("string").alias("__text")]
    if id_col is not None:
        columns.append(df[id_col].cast("string").alias("__id"))
    return df.select(*columns, *keep).mapInArrow(work, schema)


def _frozen(words: Union[str, List[str], None]) -> Union[str, tuple, None]:
    return words if words is None or isinstance(words, str) else tuple(words)


def _labelled(
    engine: Engine, batch: "pyarrow.RecordBatch", keep: List[str], with_id: bool, table: str, threads: int
) -> Iterator["pyarrow.RecordBatch"]:
    """The result's batches for one batch of reports."""
    import pyarrow as pa

    texts = batch.column(batch.schema.get_field_index("__text"))
    ids = batch.column(batch.schema.get_field_index("__id")) if with_id else None
    if not keep and ids is not None and not ids.null_count:
        yield from engine.label_batch(texts, ids, threads=threads, table=table).to_arrow().to_batches()
        return
    # Rows find their report again by its number in the batch.
    numbers = pa.array([str(i) for i in range(batch.num_rows)])
    results = engine.label_batch(texts, numbers, threads=threads, table=table).to_arrow()
    rows = results["id"].cast(pa.int32()).combine_chunks()
    names = list(results.column_names)
    columns = list(results.columns)
    at = names.index("id")
    if ids is not None:
        columns[at] = pa.chunked_array([ids.take(rows)])
    else:
        del names[at], columns[at]
    kept = [pa.chunked_array([batch.column(batch.schema.get_field_index(name)).take(rows)]) for name in keep]
    yield from pa.table([*kept, *columns], names=[*keep, *names]).to_batches()
