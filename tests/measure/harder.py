"""Harder text for tests/measure/refine.py: rules with half their cues, and gold with misspelt words.

    python3 tests/measure/harder.py cues RULES OUT      # a folder for --rules: every second phrase of each cue left out
    python3 tests/measure/harder.py words GOLD.jsonl OUT.jsonl [SHARE]    # a share (0.1) of the words outside mentions misspelt

Edits keep the length of the text (two letters change places, or one becomes another), so that the gold's offsets hold.
"""

import json
import random
import re
import sys
from pathlib import Path


def cues(source, out):
    Path(out).mkdir(parents=True, exist_ok=True)
    left, all_of_them = 0, 0
    for name in ("absent.toml", "uncertain.toml", "time.toml"):
        lines = []
        for line in (Path(source) / name).read_text(encoding="utf-8").splitlines():
            if line.startswith("phrases = ["):
                phrases = json.loads(line.removeprefix("phrases = "))
                kept = phrases[::2]
                left, all_of_them = left + len(kept), all_of_them + len(phrases)
                line = "phrases = " + json.dumps(kept, ensure_ascii=False)
            lines.append(line)
        (Path(out) / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"{left} of {all_of_them} phrases kept")


def words(source, out, share):
    rng = random.Random(1)
    edited = total = 0
    with open(out, "w", encoding="utf-8") as target:
        for line in open(source, encoding="utf-8"):
            report = json.loads(line)
            text = list(report["text"])
            taken = {i for m in report["mentions"] for i in range(m["start"], m["end"])}
            for match in re.finditer(r"[A-Za-z]{4,}", report["text"]):
                if taken.intersection(range(*match.span())):
                    continue
                total += 1
                if rng.random() >= share:
                    continue
                at = rng.randrange(match.start() + 1, match.end() - 1)
                if rng.random() < 0.6:
                    text[at], text[at + 1 if at + 1 < match.end() else at - 1] = text[at + 1 if at + 1 < match.end() else at - 1], text[at]
                else:
                    text[at] = rng.choice("abcdefghijklmnopqrstuvwxyz")
                edited += 1
            report["text"] = "".join(text)
            target.write(json.dumps(report, ensure_ascii=False) + "\n")
    print(f"{edited} of {total} words misspelt")


if sys.argv[1:2] == ["cues"]:
    cues(*sys.argv[2:4])
elif sys.argv[1:2] == ["words"]:
    words(sys.argv[2], sys.argv[3], float((sys.argv[4:5] or ["0.1"])[0]))
else:
    sys.exit(__doc__)
