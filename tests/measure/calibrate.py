#!/usr/bin/env python3
"""Measure anew what rules/calibration.toml holds.

usage: calibrate.py RADLABEL LABELS.jsonl REPORTS.jsonl MENTIONS.jsonl OUT.toml [OLD_COMMIT]

LABELS.jsonl is label gold, REPORTS.jsonl its texts, MENTIONS.jsonl mention gold with texts ("set" tells the parts apart).
corpora/second is read by the rules and lexicons of OLD_COMMIT, the one before it came in, so that nothing that was
mended with it counts. The other sets were worked with while the rules were made. corpora/chest and corpora/body serve
the confidence of mentions alone. For that, all mention gold is read with the cues of EARLIER, too, as they stood before
and while they were read against it: what they got wrong helps to weigh signs of doubt. No text is left behind.
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


EARLIER = {"first cues": "9dadd10", "second cues": "3049691"}
CUES = ["absent", "change", "neutral", "time", "uncertain", "words"]


def bundled(folder, file):
    """A folder of the project's own gold as JSON lines."""
    with open(file, "w") as out:
        for path in sorted(glob.glob(f"{root}/corpora/{folder}/gold/*.md")):
            text, found = marked(open(path).read().split("---\n", 1)[1].lstrip("\n"))
            report = {"set": folder, "id": os.path.basename(path), "text": text, "mentions": found}
            out.write(json.dumps(report) + "\n")


def run(*args):
    subprocess.run([radlabel, "labels", "calibrate", *args], check=True)


with tempfile.TemporaryDirectory() as tmp:
    for folder in "rules", "lexicons":
        archive = subprocess.run(["git", "-C", root, "archive", commit, folder], capture_output=True, check=True).stdout
        subprocess.run(["tar", "x", "-C", tmp], input=archive, check=True)
    for folder in "chest", "body", "second":
        bundled(folder, f"{tmp}/{folder}.jsonl")
    first = f"{tmp}/first.csv"
    run(f"corpora/second, first reading={tmp}/second.jsonl", "--rules", f"{tmp}/rules", "--lexicons", f"{tmp}/lexicons",
        "--rows", first, "-o", f"{tmp}/x.toml")
    sets = {}
    for line in open(mentions):
        sets.setdefault(json.loads(line)["set"], []).append(line)
    gold = [f"Open-i chest radiographs, labels={labels}"]
    for name, lines in sets.items():
        with open(f"{tmp}/{name}.jsonl", "w") as file:
            file.writelines(lines)
        gold.append(f"{name}, mentions={tmp}/{name}.jsonl")
    with open(f"{tmp}/every.jsonl", "w") as file:
        for part in "chest.jsonl", "body.jsonl", "second.jsonl":
            file.writelines(open(f"{tmp}/{part}"))
        file.writelines(open(mentions))
    more = []
    for name, commit in EARLIER.items():
        os.mkdir(f"{tmp}/{commit}")
        for cues in CUES:
            shown = subprocess.run(["git", "-C", root, "show", f"{commit}:rules/en/{cues}.toml"], capture_output=True, check=True)
            open(f"{tmp}/{commit}/{cues}.toml", "wb").write(shown.stdout)
        run("--mentions", f"all of these, {name}={tmp}/every.jsonl", "--rules", f"{tmp}/{commit}",
            "--rows", f"{tmp}/{commit}.csv", "-o", f"{tmp}/x.toml")
        more += ["--earlier", f"{tmp}/{commit}.csv"]
    for folder in "chest", "body":
        more += ["--mentions", f"corpora/{folder}={tmp}/{folder}.jsonl"]
    run(*gold, *more, "--text", reports, "--add", first, "--rows", f"{tmp}/all.csv", "-o", out,
        "--title", "Open-i, CMC 2007, PARROT and corpora/second: chest radiographs above all")
    if os.environ.get("ROWS"):
        os.replace(f"{tmp}/all.csv", os.environ["ROWS"])
