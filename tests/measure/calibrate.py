#!/usr/bin/env python3
"""Measure anew what rules/calibration.toml holds.

usage: calibrate.py RADLABEL LABELS.jsonl REPORTS.jsonl MENTIONS.jsonl OUT.toml [OLD_COMMIT]

LABELS.jsonl is label gold, REPORTS.jsonl its texts, MENTIONS.jsonl mention gold with texts ("set" tells the parts apart).
corpora/second is read by the rules and lexicons of OLD_COMMIT, the one before it came in, so that nothing that was
mended with it counts. The other sets were worked with while the rules were made. No text is left behind.
"""
import glob, json, os, re, subprocess, sys, tempfile

radlabel, labels, reports, mentions, out = sys.argv[1:6]
commit = sys.argv[6] if len(sys.argv) > 6 else "ca48031^"
root = subprocess.run(["git", "rev-parse", "--show-toplevel"], capture_output=True, text=True, check=True).stdout.strip()


def marked(text):
    """[span](status key=value) -> plain text and mentions, offsets in code points."""
    plain, found, at = "", [], 0
    for m in re.finditer(r"\[([^\]\[]+)\]\((present|absent|uncertain|historical|hypothetical|family)[^)]*\)", text):
        plain += text[at:m.start()]
        found.append({"start": len(plain), "end": len(plain) + len(m[1]), "quote": m[1], "status": m[2]})
        plain += m[1]
        at = m.end()
    return plain + text[at:], found


def run(*args):
    subprocess.run([radlabel, "labels", "calibrate", *args], check=True)


with tempfile.TemporaryDirectory() as tmp:
    for folder in "rules", "lexicons":
        archive = subprocess.run(["git", "-C", root, "archive", commit, folder], capture_output=True, check=True).stdout
        subprocess.run(["tar", "x", "-C", tmp], input=archive, check=True)
    second = f"{tmp}/second.jsonl"
    with open(second, "w") as file:
        for path in sorted(glob.glob(f"{root}/corpora/second/gold/*.md")):
            text, found = marked(open(path).read().split("---\n", 1)[1].lstrip("\n"))
            file.write(json.dumps({"set": "second", "id": os.path.basename(path), "text": text, "mentions": found}) + "\n")
    first = f"{tmp}/first.csv"
    run(f"corpora/second, first reading={second}", "--rules", f"{tmp}/rules", "--lexicons", f"{tmp}/lexicons",
        "--rows", first, "-o", f"{tmp}/x.toml")
    sets = {}
    for line in open(mentions):
        sets.setdefault(json.loads(line)["set"], []).append(line)
    gold = [f"Open-i chest radiographs, labels={labels}"]
    for name, lines in sets.items():
        with open(f"{tmp}/{name}.jsonl", "w") as file:
            file.writelines(lines)
        gold.append(f"{name}, mentions={tmp}/{name}.jsonl")
    run(*gold, "--text", reports, "--add", first, "--rows", f"{tmp}/all.csv", "-o", out,
        "--title", "Open-i, CMC 2007, PARROT and corpora/second: chest radiographs above all")
    if os.environ.get("ROWS"):
        os.replace(f"{tmp}/all.csv", os.environ["ROWS"])
