#!/usr/bin/env python3
"""Recall of the findings that human coders tagged (Open-i MeSH, `major`) among the mentions.

usage: openi_mesh.py RADLABEL OPENI-FOLDER LEFT-OUT.txt LEXICONS

OPENI-FOLDER holds `ecgen-radiology/*.xml` and `reports.jsonl`; LEFT-OUT the ids that are not read. A tag
("Opacity/lung/base/left") is turned into the phrases a report would use for it and read by the program itself: the
concepts that they give, with all above and below them, count as found. `normal`, technical and indexing tags are left
out.
"""
import collections
import glob
import json
import os
import re
import sys
import xml.etree.ElementTree as ET

from cmc2007 import mentions, parents

# MeSH's words for what reports call otherwise.
WORDS = {
    "calcinosis": "calcification", "cicatrix": "scar", "surgical instruments": "surgical clips",
    "indwelling catheters": "catheter", "pulmonary congestion": "vascular congestion", "blister": "bulla",
    "markings": "increased interstitial markings", "hypoinflation": "low lung volumes",
    "hyperdistention": "hyperinflation", "implanted medical device": "medical device",
    "sulcus": "costophrenic sulcus", "contrast media": "retained contrast", "shift": "mediastinal shift",
    "adipose tissue": "prominent epicardial fat", "pleura": "pleural thickening",
}
QUALIFIERS = set("left right bilateral mild moderate severe multiple small large chronic base apex".split()) | {
    "upper lobe", "lower lobe", "middle lobe"}


def phrases(tag):
    parts = [p.strip().lower() for p in tag.split("/")]
    head = re.sub(r"^(.*), (.*)$", r"\2 \1", parts[0])
    head = WORDS.get(head, head)
    out = [f"{head}."]
    for rest in (WORDS.get(p, p) for p in parts[1:] if p not in QUALIFIERS):
        out += [f"the {head} is {rest}.", f"{rest} {head}.", f"{head} in the {rest}."]
    return " ".join(s[0].upper() + s[1:] for s in out)


def up(above, concept):
    todo, seen = [concept], set()
    while todo:
        at = todo.pop()
        if at not in seen:
            seen.add(at)
            todo += above[at]
    return seen


def main():
    binary, folder, left_out, lexicons = sys.argv[1:5]
    skip = set(open(left_out).read().split())
    tags = {}
    for path in glob.glob(folder + "/ecgen-radiology/*.xml"):
        i = "CXR" + os.path.basename(path)[:-4]
        named = [m.text for m in ET.parse(path).getroot().iter("major") if m.text]
        if i not in skip:
            tags[i] = [t for t in named if t not in ("normal", "No Indexing") and not t.startswith("Technical")]
    texts = {r["id"]: r["text"] for r in map(json.loads, open(folder + "/reports.jsonl"))}
    found = mentions(binary, [(i, texts[i]) for i in sorted(tags) if i in texts])
    meant = mentions(binary, [(t, phrases(t)) for t in sorted({t for named in tags.values() for t in named})])
    above = parents(lexicons)
    hits, missed = collections.Counter(), collections.Counter()
    for i, named in tags.items():
        exact = {m["concept"] for m in found.get(i, [])}
        wide = {c for concept in exact for c in up(above, concept)}
        for tag in named if i in found else []:
            want = {m["concept"] for m in meant[tag]}
            right = bool(want & wide) or any(up(above, w) & exact for w in want)
            (hits if right else missed)[tag.split("/")[0]] += 1
    total = sum(hits.values()) + sum(missed.values())
    print(f"{len(found)} reports, {total} tags, recall {sum(hits.values()) / total:.4f}")
    for head, count in missed.most_common(25):
        print(f"{count:5} missed of {count + hits[head]:5}  {head}")


if __name__ == "__main__":
    main()
