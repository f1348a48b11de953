#!/usr/bin/env python3
"""CMC 2007 reports against their coders: precision, recall and F1 of four diseases.

usage: cmc2007.py RADLABEL train.xml LEXICONS [-v] [-c]

The coders code what is known as well as what is seen, so a mention counts that is present now or told as history.
-v prints every disagreement (report text: not for logs), -c the concepts behind each count.
"""
import collections
import glob
import json
import os
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET

# The code, and the concept that stands for it with all below it.
WANTED = {
    "pneumonia": ("486", "pneumonia"),
    "atelectasis": ("518.0", "atelectasis"),
    "hydronephrosis": ("591", "hydronephrosis"),
    "reflux": ("593.70", "vesicoureteral-reflux"),
}


def reports(path):
    """(id, codes of the majority, text) of every report."""
    for doc in ET.parse(path).getroot().iter("doc"):
        codes = {c.text for c in doc.iter("code") if c.get("origin") == "CMC_MAJORITY"}
        text = {t.get("type"): t.text or "" for t in doc.iter("text") if t.get("origin") == "CCHMC_RADIOLOGY"}
        history, impression = text.get("CLINICAL_HISTORY", ""), text.get("IMPRESSION", "")
        yield doc.get("id"), codes, f"CLINICAL HISTORY: {history}\nIMPRESSION: {impression}"


def parents(folder):
    found = collections.defaultdict(set)
    for path in glob.glob(folder + "/**/*.tsv", recursive=True):
        rows = [line.rstrip("\n").split("\t") for line in open(path) if not line.startswith("#")]
        at = rows[0].index("parents")
        for row in rows[1:]:
            found[row[0]] |= {p.strip() for p in row[at].split(",") if p.strip()}
    return found


def under(above, concept, root):
    todo, seen = [concept], set()
    while todo:
        at = todo.pop()
        if at == root:
            return True
        if at not in seen:
            seen.add(at)
            todo += above[at]
    return False


def mentions(binary, items):
    """What the program finds, by report; no text stays behind."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "reports.jsonl")
        with open(path, "w") as out:
            out.writelines(json.dumps({"id": i, "text": t}) + "\n" for i, t in items)
        run = subprocess.run([binary, "label", path, "--format", "jsonl", "-q"], capture_output=True, text=True)
    return {r["id"]: r["mentions"] for r in map(json.loads, run.stdout.splitlines())}


def told(mention):
    value = mention["time"] if mention["time"] != "current" else mention["status"]
    return f"{mention['section']}:{value}"


def main():
    binary, path, lexicons = sys.argv[1:4]
    docs = list(reports(path))
    found = mentions(binary, [(i, t) for i, _, t in docs])
    above = parents(lexicons)
    reasons, concepts = collections.Counter(), collections.Counter()
    for name, (code, root) in WANTED.items():
        tp = fp = fn = 0
        for i, codes, text in docs:
            mine = [m for m in found[i] if m["subject"] == "patient" and under(above, m["concept"], root)]
            counted = [m for m in mine if m["status"] == "present" and m["time"] in ("current", "historical")]
            concepts.update((name, m["concept"], code in codes) for m in counted)
            got, gold = bool(counted), code in codes
            tp += got and gold
            fp += got and not gold
            fn += gold and not got
            if got != gold:
                why = "/".join(sorted({told(m) for m in mine})) or "not mentioned"
                reasons[name, "coded" if gold else "not coded", why] += 1
                if "-v" in sys.argv:
                    print(name, i, why, sorted(codes), "|", text.replace("\n", " "))
        precision, recall = tp / max(1, tp + fp), tp / max(1, tp + fn)
        f1 = 2 * precision * recall / max(1e-9, precision + recall)
        print(f"{name:15} coded {tp + fn:4}  tp {tp:4} fp {fp:3} fn {fn:3}  "
              f"precision {precision:.3f} recall {recall:.3f} F1 {f1:.3f}")
    for (name, gold, why), count in sorted(reasons.items()):
        print(f"  {count:3} {name}, {gold}: {why}")
    if "-c" in sys.argv:
        for (name, concept, gold), count in sorted(concepts.items()):
            print(f"  {count:3} {name}: {concept}, {'coded' if gold else 'not coded'}")


if __name__ == "__main__":
    main()
