"""Report sentences with marked mentions of known status, made from a grammar; and the project's own sentences.

    python3 generate.py --n 100000 --seed 1 > records.jsonl
    python3 generate.py --source written

One JSON object a line: section, sentence, start, end (code points), status, source. Each mention of a sentence is a
record. The same numbers give the same lines on every machine: only Python 3.11's standard library, one random state.
"""

from __future__ import annotations

import argparse
import itertools
import json
import random
import sys
from collections.abc import Iterator

from grammar import MARK, STATUS, Grammar
from lexis import Lexicon
from noise import vary
from sources import HERE, Record, read_corpus, read_rules, read_written

__all__ = ["generate", "read_corpus", "read_rules", "read_written"]

FRAMES = HERE / "frames"
FILES = ("parts.toml", "present.toml", "absent.toml", "uncertain.toml", "indirect.toml", "past.toml", "mixed.toml")
TARGET = {"present": 0.40, "absent": 0.27, "uncertain": 0.23, "historical": 0.06, "hypothetical": 0.04}
"""The share of each status among the records."""

REPORT = ("findings",) * 6 + ("impression",) * 4 + ("body",) * 3 + ("addendum",)
ASKS = ("indication",)
KINDS: dict[str, tuple[tuple[str, tuple[str, ...], int], ...]] = {
    "present": (("present", REPORT, 12), ("mixed", REPORT, 12), ("compositions", REPORT, 1), ("PI", ASKS, 1)),
    "absent": (("absent", REPORT, 10), ("mixed", REPORT, 8), ("AI", ASKS, 1)),
    "uncertain": (("uncertain", REPORT, 14), ("mixed", REPORT, 4)),
    "historical": (("HI", ASKS, 6), ("HC", ("comparison",), 2), ("HF", REPORT, 4), ("HFam", ("family-history",), 1)),
    "hypothetical": (("YI", ASKS, 7), ("YF", REPORT, 5), ("YR", ("recommendation",), 1)),
}
"""For each wanted status the symbols that speak of it, where they stand and how often."""


def sentence(grammar: Grammar, lexicon: Lexicon, rng: random.Random, wanted: str) -> list[Record]:
    """The records of one sentence that speaks of the wanted status."""
    kinds = KINDS[wanted]
    symbol, sections, _ = rng.choices(kinds, weights=[weight for _, _, weight in kinds])[0]
    marked = vary(grammar.expand(symbol, lexicon.speaker(rng), rng), rng)
    section = rng.choice(sections)
    text, spans, at = "", [], 0
    for match in MARK.finditer(marked):
        text += marked[at : match.start()]
        spans.append((len(text), len(text) + len(match[3]), STATUS[match[1]]))
        text += match[3]
        at = match.end()
    text += marked[at:]
    return [
        Record(section=section, sentence=text, start=start, end=end, status=status, source="generated")
        for start, end, status in spans
    ]


def generate(n: int, seed: int) -> Iterator[Record]:
    """`n` records; the next sentence speaks of the status that lags most behind its share, or of a random one."""
    grammar, lexicon, rng = Grammar(FRAMES, FILES), Lexicon(FRAMES), random.Random(seed)
    counts = dict.fromkeys(TARGET, 0)
    names, shares = list(TARGET), list(TARGET.values())
    total = 0
    while total < n:
        lag = max(names, key=lambda name: TARGET[name] * (total + 20) - counts[name])
        wanted = lag if rng.random() < 0.7 else rng.choices(names, weights=shares)[0]
        for record in sentence(grammar, lexicon, rng, wanted):
            if total < n:
                counts[record["status"]] += 1
                total += 1
                yield record


def main() -> None:
    """Writes records as JSON lines."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=1000, help="generated records")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--source", choices=["generated", "rules", "corpus", "written", "all"], default="generated")
    parser.add_argument("--out", help="file to write; stdout where it is not given")
    options = parser.parse_args()
    made = {
        "generated": lambda: generate(options.n, options.seed),
        "rules": read_rules,
        "corpus": read_corpus,
        "written": read_written,
    }
    chosen = list(made) if options.source == "all" else [options.source]
    records = itertools.chain.from_iterable(made[name]() for name in chosen)
    out = open(options.out, "w", encoding="utf-8") if options.out else sys.stdout
    with out:
        for record in records:
            out.write(json.dumps(record, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
