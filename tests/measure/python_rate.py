#!/usr/bin/env python3
"""Reports per second of the Python package, of the command line on the same threads, of medspaCy and of negspaCy.

usage: python_rate.py REPORTS.jsonl [THREADS]

REPORTS.jsonl has a JSON object {"id", "text"} a line; its reports are repeated up to 100,000. medspaCy and negspaCy
read a sample on one thread, with 24 terms where radlabel has its whole lexicon. Needs medspacy and negspacy beside the
package (`pip install medspacy; pip install --no-deps negspacy`: their wishes for spaCy differ).
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time

import radlabel

COUNT, SAMPLE = 100_000, 500
TERMS = """effusion, pleural effusion, pneumothorax, pneumonia, consolidation, atelectasis, edema, pulmonary edema,
cardiomegaly, opacity, nodule, mass, fracture, infiltrate, emphysema, fibrosis, hernia, granuloma, scoliosis,
calcification, congestion, lesion, catheter, pacemaker""".replace("\n", " ").split(", ")


def best(work, times=3):
    """The shortest of some runs, in seconds."""
    took = []
    for _ in range(times):
        start = time.perf_counter()
        work()
        took.append(time.perf_counter() - start)
    return min(took)


def told(name, count, seconds, reference=None):
    more = "" if reference is None else f"   {100 * (count / seconds) / reference:.0f} % of the command line"
    print(f"{name:44} {count / seconds:>10,.0f} reports/s{more}", flush=True)
    return count / seconds


def resident():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main():
    threads = int(sys.argv[2]) if len(sys.argv) > 2 else len(os.sched_getaffinity(0))
    with open(sys.argv[1], encoding="utf-8") as lines:
        single = [json.loads(line)["text"] for line in lines]
    texts = (single * (COUNT // len(single) + 1))[:COUNT]
    ids = [str(i) for i in range(COUNT)]
    print(f"{COUNT:,} reports of {sum(map(len, texts)) / COUNT:.0f} characters, {threads} threads")

    before = resident()
    engine = radlabel.Engine()
    engine.label("No effusion.")
    print(f"memory of an engine: {resident() - before:.0f} MiB")

    with tempfile.TemporaryDirectory() as folder:
        source, target = os.path.join(folder, "in.jsonl"), os.path.join(folder, "out")
        with open(source, "w", encoding="utf-8") as out:
            out.writelines(json.dumps({"id": i, "text": t}) + "\n" for i, t in zip(ids, texts))
        import shutil

        program = os.environ.get("RADLABEL") or shutil.which("radlabel", path=os.path.dirname(sys.executable))

        def command(ending, *more):
            run = [program, "label", source, "-o", target + ending, "-q", "--no-progress", "-j", str(threads), *more]
            return lambda: subprocess.run(run, check=True)

        reference = told("radlabel label in.jsonl -o out.csv", COUNT, best(command(".csv")))
        long = told("  --table mentions", COUNT, best(command(".csv", "--table", "mentions"), 1))

    batch = lambda column, **more: lambda: engine.label_batch(column, ids, threads=threads, **more)
    told("label_batch of a list", COUNT, best(batch(texts)), reference)
    try:
        import pyarrow

        column, names = pyarrow.array(texts), pyarrow.array(ids)
        work = lambda: engine.label_batch(column, names, threads=threads)
        told("label_batch of a pyarrow.Array", COUNT, best(work), reference)
        work = lambda: engine.label_batch(column, names, threads=threads).to_arrow()
        told("  to_arrow", COUNT, best(work), reference)
    except ImportError:
        print("no pyarrow")
    told("  table=\"mentions\"", COUNT, best(batch(texts, table="mentions"), 1), long)
    work = lambda: engine.label_batch(texts, ids, threads=1)
    told("label_batch of a list, 1 thread", COUNT, best(work, 1))
    some = texts[:20_000]
    told("label, one by one", len(some), best(lambda: [engine.label(t) for t in some], 1))
    told("analyze, one by one", len(some), best(lambda: [engine.analyze(t) for t in some], 1))
    print(f"peak memory so far: {resident():.0f} MiB")

    sample = single[:: max(1, len(single) // SAMPLE)][:SAMPLE]
    try:
        import spacy
    except ImportError:
        return print("no spaCy")
    nlp = spacy.blank("en")
    told("tokenizer of spaCy alone", len(sample), best(lambda: list(nlp.pipe(sample)), 1))
    nlp.add_pipe("radlabel")
    told("radlabel in spaCy", len(sample), best(lambda: list(nlp.pipe(sample)), 1))
    try:
        import medspacy
        from medspacy.ner import TargetRule

        # It writes every sentence it finds to its log, which would take most of its time.
        import loguru

        loguru.logger.remove()
        nlp = medspacy.load()
        nlp.get_pipe("medspacy_target_matcher").add([TargetRule(term, "FINDING") for term in TERMS])
        told(f"medspaCy {', '.join(nlp.pipe_names)}", len(sample), best(lambda: list(nlp.pipe(sample)), 1))
    except ImportError:
        print("no medspaCy")
    try:
        import negspacy.negation  # noqa: F401

        nlp = spacy.blank("en")
        nlp.add_pipe("sentencizer")
        ruler = nlp.add_pipe("entity_ruler", config={"phrase_matcher_attr": "LOWER"})
        ruler.add_patterns([{"label": "FINDING", "pattern": term} for term in TERMS])
        nlp.add_pipe("negex", config={"ent_types": ["FINDING"]})
        told("negspaCy sentencizer, entity_ruler, negex", len(sample), best(lambda: list(nlp.pipe(sample)), 1))
    except ImportError:
        print("no negspaCy")


if __name__ == "__main__":
    main()
