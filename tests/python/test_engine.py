"""The engine: one report at a time, what goes wrong, and what survives a pickle."""

import concurrent.futures
import doctest
import html
import json
import multiprocessing
import pickle
import subprocess
import sys
import threading
import time

import pytest
import radlabel
import radlabel.spacy
import radlabel.spark

from reports import reports


@pytest.mark.parametrize("module", [radlabel, radlabel.spacy, radlabel.spark])
def test_examples_in_the_docs_hold(module):
    finder = doctest.DocTestFinder(exclude_empty=True)
    runner = doctest.DocTestRunner()
    for test in finder.find(module, extraglobs={"radlabel": radlabel}):
        runner.run(test)
    assert runner.tries > 0 or module is radlabel.spark
    assert runner.failures == 0


def test_every_public_name_is_documented():
    for name in radlabel.__all__:
        thing = getattr(radlabel, name)
        if isinstance(thing, type):
            assert thing.__doc__, name
            for member in (m for m in vars(thing) if not m.startswith("__")):
                assert getattr(thing, member).__doc__, f"{name}.{member}"


def test_stubs_name_what_there_is():
    from pathlib import Path

    stub = Path(radlabel.__file__).with_name("_radlabel.pyi").read_text()
    for name in ("Engine", "Table", "Explanation"):
        body = stub.split(f"class {name}")[1].split("\nclass ")[0]
        for member in (m for m in vars(getattr(radlabel, name)) if not m.startswith("__") or "arrow" in m):
            assert f"def {member}(" in body or f"{member}:" in body, f"{name}.{member}"


def test_labels_and_policies():
    text = "Possible pneumonia. No pleural effusion."
    assert radlabel.Engine().label(text) == {"Pneumonia": "uncertain", "Pleural Effusion": "absent"}
    assert radlabel.Engine(policy="ones").label(text)["Pneumonia"] == "present"
    assert radlabel.Engine(policy="zeros").label(text)["Pneumonia"] == "absent"
    assert "Pneumonia" not in radlabel.Engine(policy="ignore").label(text)


def test_several_schemes_nest():
    engine = radlabel.Engine(schemes=["chexpert", "nih-chestxray14"])
    labels = engine.label("Large pleural effusion.")
    assert labels == {"chexpert": {"Pleural Effusion": "present"}, "nih-chestxray14": {"Effusion": "present"}}
    assert engine.schemes_used == ["chexpert", "nih-chestxray14"]
    assert set(engine.schemes_used) <= set(engine.schemes_known)
    names = engine.label_batch(["x"]).column_names
    assert "chexpert:Pleural Effusion" in names and "nih-chestxray14:Effusion" in names


def test_propagation_is_as_asked():
    text = "8 mm nodule in the right upper lobe of the lung."
    up = radlabel.Engine(schemes="chest-ct", propagate=["up"]).label(text)
    none = radlabel.Engine(schemes="chest-ct", propagate="none").label(text)
    assert up["Lung Finding"] == "present" and "Lung Finding" not in none
    assert set(none) < set(up)
    assert radlabel.Engine(schemes="chest-ct").label(text) == up


def test_analysis_is_the_command_lines_line(engine, tmp_path):
    texts = reports(60)
    source = tmp_path / "in.jsonl"
    source.write_text("".join(json.dumps({"id": f"r{i}", "text": t}) + "\n" for i, t in enumerate(texts)))
    target = tmp_path / "out.jsonl"
    run = [sys.executable, "-m", "radlabel", "label", str(source), "-o", str(target), "--facts", "--alerts", "-q"]
    subprocess.run(run, check=True)
    lines = [json.loads(line) for line in target.read_text().splitlines()]
    assert lines == [engine.analyze(t, f"r{i}", facts=True, alerts=True) for i, t in enumerate(texts)]
    assert [line["labels"] for line in lines] == [engine.label(t) for t in texts]


def test_confidence_of_labels_mentions_and_spans(engine):
    text = "FINDINGS: No effusion. Possible edema."
    sure, plain = engine.analyze(text, confidence=True), engine.analyze(text)
    assert set(sure.pop("confidence")) == set(plain["labels"])
    told = [m.pop("confidence") for m in sure["mentions"]]
    assert sure == plain and len(told) == 2 and all(0 < p < 1 for p in told)
    spans = [(m["start"], m["end"]) for m in plain["mentions"]]
    assert [a["confidence"] for a in engine.assert_spans(text, spans, confidence=True)] == told
    assert all("confidence" not in a for a in engine.assert_spans(text, spans))


def test_offsets_are_pythons(engine):
    text = "Ünïcödé 😀: no pleural effusion. Half a pair \ud83d and a pneumothorax."
    mentions = engine.analyze(text)["mentions"]
    assert [text[m["start"] : m["end"]] for m in mentions] == ["pleural effusion", "pneumothorax"]
    spans = [(m["start"], m["end"]) for m in mentions]
    asserted = engine.assert_spans(text, spans)
    assert [(a["start"], a["end"], a["status"]) for a in asserted] == [
        (m["start"], m["end"], m["status"]) for m in mentions
    ]


def test_faults_are_told_without_the_text(engine):
    secret = "Effusion of Mr Nobody"
    cases = [
        (lambda: radlabel.Engine(schemes="nix"), 'unknown scheme "nix"; expected chexpert'),
        (lambda: radlabel.Engine(schemes=[]), "schemes: none named"),
        (lambda: radlabel.Engine(schemes=["mimic", "mimic"]), 'schemes[1]: "mimic" stands twice'),
        (lambda: radlabel.Engine(policy="twos"), 'unknown policy "twos"; expected keep, ones, zeros or ignore'),
        (lambda: radlabel.Engine(propagate="left"), 'unknown way "left"'),
        (lambda: radlabel.Engine(propagate=["none", "up"]), "none together with another way"),
        (lambda: radlabel.Engine(rules="/nowhere"), "/nowhere"),
        (lambda: engine.labels("nix"), 'unknown scheme "nix"'),
        (lambda: engine.concept("nix"), 'unknown concept "nix"'),
        (lambda: engine.explain(secret, scheme="nix"), 'unknown scheme "nix"'),
        (lambda: engine.assert_spans(secret, [(0, 3), (5, 2)]), "span 1: reversed: start 5 lies after end 2"),
        (lambda: engine.assert_spans(secret, [(0, 99)]), "span 0: [0, 99] is out of range: the text has 21 code points"),
        (lambda: engine.assert_spans(secret, [(-1, 3)]), "span 0: expected two whole numbers"),
        (lambda: engine.label_batch(secret), "texts: one str; expected a list or column"),
        (lambda: engine.label_batch([secret, 7]), "texts[1]: found int; expected str or None"),
        (lambda: engine.label_batch([secret], ["a", "b"]), "2 ids for 1 texts"),
        (lambda: engine.label_batch([secret], threads=0), "threads: 0; expected 1 or more"),
        (lambda: engine.label_batch([secret], table="nix"), 'unknown table "nix"; expected reports'),
        (lambda: engine.label_batch(7), "texts: found int"),
    ]
    for call, message in cases:
        with pytest.raises(radlabel.Error) as told:
            call()
        assert message in str(told.value)
        assert "Nobody" not in str(told.value)
        assert isinstance(told.value, ValueError)


def test_rules_of_the_users_own(tmp_path):
    (tmp_path / "own.toml").write_text(
        'kind = "scheme"\nversion = 1\nid = "own"\ntitle = "Own"\n\n[[label]]\nname = "Fluid"\n'
        'definition = "Fluid in the pleural space."\nconcepts = ["pleural-effusion"]\n'
        'examples = [{ text = "Small pleural effusion.", value = "present" }]\n'
    )
    engine = radlabel.Engine(rules=tmp_path, schemes="own")
    assert engine.label("Pleural effusion.") == {"Fluid": "present"}
    again = pickle.loads(pickle.dumps(engine))
    assert again.label("Pleural effusion.") == {"Fluid": "present"}
    assert repr(again) == repr(engine) and str(tmp_path) in repr(engine)
    built_in = radlabel.Engine().versions
    assert engine.versions["rules"] != built_in["rules"] and engine.versions["lexicons"] == built_in["lexicons"]
    (tmp_path / "own.toml").write_text('kind = "scheme"\nversion = 1\nid = "own"\n')
    with pytest.raises(radlabel.Error, match="own.toml"):
        radlabel.Engine(rules=tmp_path)


def test_pickles_keep_every_setting():
    engine = radlabel.Engine(schemes=["mimic", "chexpert"], policy="ones", propagate=["up"])
    again = pickle.loads(pickle.dumps(engine))
    assert repr(again) == repr(engine)
    assert again.label("Possible pneumonia.") == engine.label("Possible pneumonia.")
    table = engine.label_batch(reports(300))
    copy = pickle.loads(pickle.dumps(table))
    assert copy.to_arrow().equals(table.to_arrow())


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_multiprocessing(engine, method):
    texts = reports(40)
    # Read once before: a fork must not inherit threads that are not there.
    expected = engine.label_batch(texts, threads=2).to_arrow()
    with multiprocessing.get_context(method).Pool(2) as pool:
        tables = pool.map(engine.label_batch, [texts, texts])
        assert pool.map(engine.label, texts[:5]) == [engine.label(t) for t in texts[:5]]
    assert all(t.to_arrow().equals(expected) for t in tables)


def test_threads_of_python_share_an_engine(engine):
    texts = reports(200)
    expected = [engine.label(t) for t in texts]
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        assert list(pool.map(engine.label, texts)) == expected


def test_python_runs_on_while_a_batch_is_read(engine):
    texts = reports(2000)
    start = time.perf_counter()
    engine.label_batch(texts, threads=1)
    # As many as take a second, whatever the machine and the build.
    texts *= int(1 / (time.perf_counter() - start)) + 1
    ticks = []
    done = threading.Event()

    def tick():
        while not done.is_set():
            ticks.append(time.perf_counter())
            time.sleep(0.002)

    thread = threading.Thread(target=tick)
    column = __import__("pyarrow").array(texts)
    thread.start()
    start = time.perf_counter()
    engine.label_batch(column, threads=1)
    took = time.perf_counter() - start
    done.set()
    thread.join()
    inside = [t for t in ticks if start < t < start + took]
    assert took > 0.2 and len(inside) >= 10


def test_an_interrupt_stops_a_batch():
    program = (
        "import radlabel, signal, sys, threading, os\n"
        "engine = radlabel.Engine()\n"
        "texts = ['Possible pneumonia. No effusion. ' * 400] * 20000\n"
        "threading.Timer(0.3, lambda: os.kill(os.getpid(), signal.SIGINT)).start()\n"
        "try:\n    engine.label_batch(texts)\nexcept KeyboardInterrupt:\n    sys.exit(7)\n"
    )
    assert subprocess.run([sys.executable, "-c", program], timeout=60).returncode == 7


def test_the_explanation_is_the_command_lines_page(engine, tmp_path):
    text = "No pleural effusion. <b>Possible</b> \"pneumonia\" & more."
    (tmp_path / "r1.txt").write_text(text)
    shown = engine.explain(text, id="r1")
    for form, mine in [("html", shown.html), ("text", shown.text)]:
        run = [sys.executable, "-m", "radlabel", "explain", str(tmp_path / "r1.txt"), "--format", form]
        assert subprocess.run(run, check=True, capture_output=True, text=True).stdout == mine
    assert str(shown) == shown.text and "[pleural effusion|absent]" in str(shown)
    frame = shown._repr_html_()
    page = frame.split('srcdoc="', 1)[1].split('"', 1)[0]
    assert html.unescape(page) == shown.html and "<script" not in page


def test_command_line():
    run = lambda *arguments: subprocess.run(
        [sys.executable, "-m", "radlabel", *arguments], input="No effusion.", capture_output=True, text=True
    )
    assert run("--version").stdout.split() == ["radlabel", radlabel.__version__]
    assert run("label", "-").returncode == 0
    assert run("label", "/nowhere").returncode == 2
    wrong = run("label", "--nix")
    assert wrong.returncode == 2 and "--nix" in wrong.stderr
    assert radlabel.Engine().version == radlabel.__version__


def test_odd_texts_never_fail(engine):
    base = reports(30)
    for text in base:
        for cut in range(0, len(text), 7):
            engine.analyze(text[cut:] + "\x00" + text[:cut][::-1])
    assert engine.label("") == {}
    assert engine.label("\ud800 no effusion \udfff") == engine.label("\ufffd no effusion \ufffd")
