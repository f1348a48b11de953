"""Refinement: engines that ask a model about doubtful mentions, however they are asked themselves.

The tests hold for any model: they compare what one model says in several ways, never with a verdict that is expected.
"""

import json
import multiprocessing
import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest
import radlabel
import spacy
from radlabel import spark as radspark

ROOT = Path(__file__).parents[2]
TABLES = ["reports", "labels-long", "findings", "mentions"]
TEXTS = [file.read_text() for file in sorted(ROOT.glob("corpora/*/reports/**/*.txt"))]
IDS = [f"r{i}" for i in range(len(TEXTS))]


@pytest.fixture(scope="module")
def bold(tmp_path_factory):
    """The built-in model with so much trust in it that its verdicts outweigh the rules': what is refined shows."""
    folder = tmp_path_factory.mktemp("bold") / "model"
    shutil.copytree(ROOT / "models" / "assertion", folder)
    manifest = folder / "manifest.toml"
    lines = ["trust = 9.0" if line.startswith("trust = ") else line for line in manifest.read_text().splitlines()]
    assert "trust = 9.0" in lines
    manifest.write_text("\n".join(lines) + "\n")
    return folder


@pytest.fixture(scope="module")
def refining(bold):
    """An engine that asks about everything."""
    return radlabel.Engine(refine_all=True, model=bold)


@pytest.fixture(scope="module")
def lines(refining):
    """What it says of each report."""
    return [refining.analyze(text, id) for id, text in zip(IDS, TEXTS)]


def asked(mention):
    """The model's answers in the evidence of a mention."""
    return [e for e in mention["evidence"] if "model" in e]


def command(*arguments):
    run = [sys.executable, "-m", "radlabel", *map(str, arguments), "-q"]
    return subprocess.run(run, check=True, capture_output=True, text=True).stdout


def written(folder):
    """The reports as a file for the command line."""
    source = folder / "in.jsonl"
    source.write_text("".join(json.dumps({"id": i, "text": t}) + "\n" for i, t in zip(IDS, TEXTS)))
    return source


def test_the_model_is_asked_and_settles(refining, lines, engine):
    plain = [engine.analyze(text, id) for id, text in zip(IDS, TEXTS)]
    pairs = [(p, r) for a, b in zip(plain, lines) for p, r in zip(a["mentions"], b["mentions"])]
    assert len(pairs) == sum(len(a["mentions"]) for a in plain) > 100
    said = lambda mention: (mention["status"], mention["time"])
    for before, after in pairs:
        patient = after["subject"] == "patient"
        assert len(asked(after)) == (1 if patient else 0) and not asked(before)
        assert patient or said(before) == said(after)
        assert (before["start"], before["end"], before["concept"]) == (after["start"], after["end"], after["concept"])
    assert any(said(before) != said(after) for before, after in pairs)
    assert [line["labels"] for line in lines] != [line["labels"] for line in plain]


def test_labels_batches_and_spans_say_the_same(refining, lines):
    assert [refining.label(text) for text in TEXTS] == [line["labels"] for line in lines]
    batch = lambda table: refining.label_batch(TEXTS, IDS, table=table, threads=2).to_arrow().to_pylist()
    assert [tuple(row.values()) for row in batch("labels-long")] == [
        (line["id"], label, value) for line in lines for label, value in line["labels"].items()
    ]
    value = {1: "present", 0: "absent", -1: "uncertain"}
    for row, line in zip(batch("reports"), lines):
        assert row.pop("id") == line["id"]
        assert {k: value[v] for k, v in row.items() if v is not None} == line["labels"]
    mentions = [(line["id"], m) for line in lines for m in line["mentions"]]
    rows = batch("mentions")
    assert len(rows) == len(mentions)
    for row, (id, mention) in zip(rows, mentions):
        assert row["id"] == id
        assert all(row[name] == mention[name] for name in ("start", "end", "concept", "status", "time", "subject"))
        (said,) = asked(mention) or [{"status": None, "probability": None}]
        assert row["model"] == said["status"]
        assert row["model_probability"] == pytest.approx(said["probability"], abs=1e-4)
    told = 0
    for text, line in zip(TEXTS, lines):
        spans = refining.assert_spans(text, [(m["start"], m["end"]) for m in line["mentions"]])
        for span, mention in zip(spans, line["mentions"], strict=True):
            # A span of the caller's has no concept, so that its sentence may be read otherwise; the question is the same.
            if asked(span) and asked(mention):
                told += 1
                assert asked(span) == asked(mention)
    assert told > 100


def test_all_is_the_command_lines(refining, lines, bold, tmp_path):
    source, how = written(tmp_path), ["--refine-all", "--model", bold]
    out = command("label", source, "-o", "-", "--format", "jsonl", *how)
    assert [json.loads(line) for line in out.splitlines()] == lines
    for table in TABLES:
        target = tmp_path / f"{table}.arrow"
        command("label", source, "-o", target, "--table", table, *how)
        theirs = pa.ipc.open_stream(target).read_all()
        mine = refining.label_batch(TEXTS, IDS, table=table).to_arrow()
        theirs = theirs.select(mine.column_names)
        assert mine.equals(theirs) and mine.schema.equals(theirs.schema, check_metadata=True)
        assert mine.schema.metadata[b"radlabel.refine"].decode() == refining.versions["refine"]
        assert mine.schema.equals(pa.schema(refining.schema(table)), check_metadata=True)
    spans = [[(m["start"], m["end"]) for m in line["mentions"]] for line in lines]
    questions = tmp_path / "spans.jsonl"
    asking = zip(IDS, TEXTS, spans)
    questions.write_text("".join(json.dumps({"id": i, "text": t, "spans": s}) + "\n" for i, t, s in asking))
    answers = [json.loads(line)["assertions"] for line in command("assert", questions, *how).splitlines()]
    assert answers == [refining.assert_spans(t, s) for t, s in zip(TEXTS, spans)]


def test_doubts_of_the_built_in_model_are_the_command_lines(tmp_path):
    source = written(tmp_path)
    for setting, how in [({"refine": True}, ["--refine"]), ({"refine_below": 0.8}, ["--refine-below", "0.8"])]:
        engine = radlabel.Engine(**setting)
        out = command("label", source, "-o", "-", "--format", "jsonl", *how)
        assert [json.loads(line) for line in out.splitlines()] == [engine.analyze(t, i) for i, t in zip(IDS, TEXTS)]


def test_the_explanation_tells_of_the_model(refining, bold, tmp_path):
    file = tmp_path / "r1.txt"
    file.write_text("FINDINGS: Possible pneumonia.\n")
    shown = refining.explain(file.read_text(), id="r1")
    run = [sys.executable, "-m", "radlabel", "explain", file, "--refine-all", "--model", bold]
    assert subprocess.run(run, check=True, capture_output=True, text=True).stdout == shown.text
    assert shown.text != radlabel.Engine().explain(file.read_text(), id="r1").text


def test_confidence_is_that_of_rules_and_model(refining):
    text = "FINDINGS: No effusion. Possible edema."
    line = refining.analyze(text, confidence=True)
    told = [m["confidence"] for m in line["mentions"]]
    assert len(told) == 2 and all(0 < p <= 1 for p in told)
    spans = [(m["start"], m["end"]) for m in line["mentions"]]
    assert [s["confidence"] for s in refining.assert_spans(text, spans, confidence=True)] == told


def test_what_is_not_doubted_is_as_without(engine):
    never = radlabel.Engine(refine_below=0)
    assert [never.analyze(text) for text in TEXTS] == [engine.analyze(text) for text in TEXTS]
    assert "refine" in never.versions and "refine" not in engine.versions
    assert b"radlabel.refine" not in engine.label_batch(["x"]).to_arrow().schema.metadata


def test_threads_change_nothing(refining):
    texts = [*TEXTS, None, "", *TEXTS]
    for table in TABLES:
        one = refining.label_batch(texts, table=table, threads=1).to_arrow()
        for threads in (2, 5):
            assert refining.label_batch(texts, table=table, threads=threads).to_arrow().equals(one)


def test_any_setting_asks_for_refinement(bold):
    below = lambda engine: engine.versions["refine"].rsplit(", ", 1)[1]
    assert below(radlabel.Engine(refine=True)) == below(radlabel.Engine(runtime="rten"))
    assert below(radlabel.Engine(refine_below=0.25)) == "below 0.25"
    assert below(radlabel.Engine(refine_all=True)) == below(radlabel.Engine(refine_below=1)) == "all"
    own, built_in = radlabel.Engine(model=bold).versions, radlabel.Engine(refine=True).versions
    assert own["refine"] != built_in["refine"]
    assert {k: v for k, v in own.items() if k != "refine"} == radlabel.Engine().versions


def test_pickles_keep_every_setting(bold):
    settings = [
        {"refine": True},
        {"refine": True, "refine_below": 0.7},
        {"refine_all": True, "runtime": "rten"},
        {"model": bold, "refine_below": 0.125, "schemes": "mimic", "policy": "ones"},
    ]
    for setting in settings:
        engine = radlabel.Engine(**setting)
        again = pickle.loads(pickle.dumps(engine))
        assert repr(again) == repr(engine) and again.versions == engine.versions
        assert [again.analyze(t) for t in TEXTS[:20]] == [engine.analyze(t) for t in TEXTS[:20]]
        # What is shown can be written.
        assert repr(eval(repr(engine))) == repr(engine)
    assert "refine" not in repr(radlabel.Engine())


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_multiprocessing(refining, lines, method):
    """The model ran before the fork: its threads are not there after it."""
    texts = TEXTS[:40]
    expected = refining.label_batch(texts, threads=2).to_arrow()
    # Not what was asked before: answers are remembered.
    new = [text.replace(".", " indeed.") for text in texts]
    with multiprocessing.get_context(method).Pool(2) as pool:
        tables = pool.map_async(refining.label_batch, [texts, texts]).get(120)
        said = pool.map_async(refining.analyze, new).get(120)
    assert all(table.to_arrow().equals(expected) for table in tables)
    assert said == [refining.analyze(text) for text in new]


def opened(folder):
    try:
        radlabel.Engine(model=folder)
    except radlabel.Error as error:
        return str(error)


def test_a_model_that_a_fork_cannot_open_is_told(refining, bold, tmp_path):
    """Rather than waited for without end."""
    other = shutil.copytree(bold, tmp_path / "other")
    with multiprocessing.get_context("fork").Pool(1) as pool:
        assert "forked" in pool.apply_async(opened, [other]).get(120)
        assert pool.apply_async(opened, [bold]).get(120) is None
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.apply_async(opened, [other]).get(120) is None


def test_faults_are_told(bold, tmp_path):
    broken = shutil.copytree(bold, tmp_path / "broken")
    with open(broken / "model.onnx", "ab") as network:
        network.write(b"x")
    cases = [
        ({"refine_below": 1.5}, "refine_below: 1.5; expected a number from 0 to 1"),
        ({"refine_below": -0.1}, "refine_below: -0.1; expected"),
        ({"refine_below": float("nan")}, "refine_below: NaN; expected"),
        ({"refine_below": 0.5, "refine_all": True}, "refine_below together with refine_all"),
        ({"runtime": "nix"}, 'unknown runtime "nix"; expected rten, onnxruntime or onnxruntime=PATH'),
        ({"runtime": "onnxruntime=/nowhere/lib.so"}, "/nowhere/lib.so"),
        ({"model": "/nowhere"}, "/nowhere"),
        ({"model": broken}, "damaged or changed"),
    ]
    for settings, message in cases:
        with pytest.raises(radlabel.Error) as told:
            radlabel.Engine(**settings)
        assert message in str(told.value)
        assert isinstance(told.value, ValueError)


def test_onnx_runtime_says_what_rten_says(refining, lines, bold):
    onnxruntime = pytest.importorskip("onnxruntime")
    libraries = Path(onnxruntime.__file__).parent.glob("capi/*onnxruntime*")
    names = ("libonnxruntime.so", "libonnxruntime.", "onnxruntime.dll")
    (library,) = [f for f in libraries if f.name.startswith(names) and "providers" not in f.name]
    other = radlabel.Engine(refine_all=True, model=bold, runtime=f"onnxruntime={library}")
    # What runs the model decides nothing.
    assert other.versions == refining.versions
    answers = 0
    for text, line in zip(TEXTS, lines):
        theirs = other.analyze(text, line["id"])
        for mine, their in zip(line["mentions"], theirs["mentions"], strict=True):
            for a, b in zip(asked(mine), asked(their), strict=True):
                assert a.pop("probability") == pytest.approx(b.pop("probability"), abs=1e-3)
                answers += 1
        assert theirs == {**line, "mentions": theirs["mentions"]}
        for mine, their in zip(line["mentions"], theirs["mentions"]):
            assert mine == their
    assert answers > 100


def test_spacy_takes_the_settings(refining, lines, bold):
    nlp = spacy.blank("en")
    nlp.add_pipe("radlabel", config={"refine_all": True, "model": str(bold)})
    for text, line in zip(TEXTS[:20], lines):
        doc = nlp(text)
        assert doc._.radlabel["labels"] == line["labels"]
        assert [span._.is_negated for span in doc.spans["radlabel"]] == [
            mention["status"] == "absent" for mention in line["mentions"]
        ]
    for config in ({"refine_below": 2.0}, {"runtime": "nix"}):
        with pytest.raises(radlabel.Error):
            spacy.blank("en").add_pipe("radlabel", config=config)


def test_the_worker_of_a_cluster_takes_the_settings(refining, bold):
    """Without a cluster: the engine of a worker, and the rows that it makes of a batch."""
    worker = radspark._engine((None, None, "chexpert", "keep", None, False, None, True, str(bold), None))
    assert worker.versions == refining.versions
    batch = pa.record_batch({"__text": TEXTS, "__id": IDS})
    rows = pa.Table.from_batches(radspark._labelled(worker, batch, [], True, "mentions", 1))
    assert rows.equals(refining.label_batch(TEXTS, IDS, table="mentions").to_arrow())
