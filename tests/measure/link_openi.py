#!/usr/bin/env python3
"""How well reports find their studies by each key, with keys damaged.

usage: link_openi.py RADLABEL OPENI_DIR [--seed N]

OPENI_DIR holds reports.jsonl and nlmcxr_dicom_metadata.csv.gz of the Open-i chest radiographs: 3,955 reports and the DICOM
headers of 7,469 images of 3,851 studies. A report's true study is that of its images; 105 reports have none, and are given
keys that no study has: linking one of them is an error. The keys of a report are those of its study's headers.

Damage. Each key of each report is damaged with the probability p, each by one of:
  30 % lost; 30 % one character replaced; 15 % two neighbours swapped; 15 % the last character lost; 10 % written in another
  way (UID: urn:oid: before it; accession: a dash and blanks; patient id: zeros before it).
  A date is lost (40 %), a day off (30 %), or has its month replaced (30 %).
With "mix-ups" 10 % of the damaged keys are whole and another report's instead: nothing in a single key can show that.

Each key alone is the only thing that the report tells; "all keys" tells all of them with modality and body part.
Precision is right links / links, recall right links / reports that have a study, wrong = wrong links / all reports.
"""
import argparse, collections, csv, gzip, json, os, random, subprocess, sys, tempfile

p = argparse.ArgumentParser()
p.add_argument("radlabel")
p.add_argument("openi")
p.add_argument("--seed", type=int, default=7)
a = p.parse_args()

headers = os.path.join(a.openi, "nlmcxr_dicom_metadata.csv.gz")
by_image = {r["imageid"]: r for r in csv.DictReader(gzip.open(headers, "rt"))}
reports = [json.loads(line) for line in open(os.path.join(a.openi, "reports.jsonl"))]
truth, keys = {}, {}
rng = random.Random(a.seed)
digits = lambda n: "".join(rng.choice("0123456789") for _ in range(n))
for r in reports:
    rows = [by_image[i] for i in r["images"] if i in by_image]
    if rows:
        truth[r["id"]] = rows[0]["Study Instance UID"]
        keys[r["id"]] = {
            "study_uid": rows[0]["Study Instance UID"], "accession": rows[0]["Accession Number"],
            "patient_id": rows[0]["Patient ID"], "date": rows[0]["Study Date"], "modality": rows[0]["Modality"],
            "body_part": next((x["Body Part Examined"] for x in rows if x["Body Part Examined"]), "")}
    else:
        keys[r["id"]] = {"study_uid": "9999." + digits(39), "accession": digits(16), "patient_id": str(5000 + len(keys)),
                         "date": rng.choice(list(by_image.values()))["Study Date"], "modality": "CR", "body_part": "CHEST"}


def typo(rng, v):
    i = rng.randrange(len(v))
    c = rng.choice([c for c in "0123456789" if c != v[i]])
    return v[:i] + c + v[i + 1:]


def damaged(rng, field, v, others, mixups):
    if mixups and rng.random() < 0.1:
        return rng.choice(others)
    x = rng.random()
    if field == "date":
        if x < 0.4:
            return ""
        if x < 0.7:
            return v[:6] + "%02d" % max(1, min(28, int(v[6:]) + rng.choice([-1, 1])))
        return v[:4] + "%02d" % rng.randrange(1, 13) + v[6:]
    if x < 0.3 or len(v) == 1:
        return ""
    if x < 0.6:
        return typo(rng, v)
    if x < 0.75:
        i = rng.randrange(len(v) - 1)
        return v[:i] + v[i + 1] + v[i] + v[i + 2:]
    if x < 0.9:
        return v[:-1]
    return {"study_uid": "urn:oid:" + v, "accession": f" {v[:4]}-{v[4:]} ", "patient_id": "00" + v}[field]


def run(fields, rate, mixups, by):
    rng = random.Random(f"{a.seed} {fields} {rate} {mixups}")
    others = {f: [k[f] for k in keys.values()] for f in fields}
    with tempfile.TemporaryDirectory() as d:
        path = os.path.join(d, "reports.csv")
        with open(path, "w", newline="") as f:
            w = csv.writer(f)
            w.writerow(["id"] + fields)
            for i, k in keys.items():
                row = []
                for field in fields:
                    v = k[field]
                    if v and field not in ("modality", "body_part") and rng.random() < rate:
                        v = damaged(rng, field, v, others[field], mixups)
                    row.append(v)
                w.writerow([i] + row)
        out = os.path.join(d, "links.csv")
        c = [a.radlabel, "link", path, "--studies", headers, "-o", out, "--by", by, "--quiet", "--no-progress"]
        done = subprocess.run(c, capture_output=True, text=True)
        if done.returncode:
            sys.exit(f"{' '.join(c)}: exit {done.returncode}\n{done.stderr}")
        right = wrong = ambiguous = 0
        seen = set()
        bins = collections.Counter()
        for r in csv.DictReader(open(out)):
            if r["outcome"] == "ambiguous" and r["report_id"] not in seen:
                ambiguous += 1
            seen.add(r["report_id"])
            if r["outcome"] == "linked":
                ok = truth.get(r["report_id"]) == r["study_uid"]
                right, wrong = right + ok, wrong + (not ok)
        assert len(seen) == len(reports), "a report was lost"
    return right, wrong, ambiguous


print(f"{len(reports)} reports, {len(truth)} with a study; seed {a.seed}\n")
print(f"{'key':<26} {'damaged':>8} {'precision':>10} {'recall':>8} {'wrong':>8} {'ambiguous':>10}")
all_keys = ["study_uid", "accession", "patient_id", "date", "modality", "body_part"]
every = "study-uid,accession,patient-date"
worst = 0
for name, fields, by in [("study UID alone", ["study_uid"], "study-uid"), ("accession alone", ["accession"], "accession"),
                         ("patient + date alone", ["patient_id", "date"], "patient-date"), ("all keys", all_keys, every)]:
    for mixups in [False, True]:
        for rate in [0, 0.05, 0.2, 0.5]:
            if mixups and rate == 0:
                continue
            right, wrong, ambiguous = run(fields, rate, mixups, by)
            label = name + (", mix-ups" if mixups else "")
            print(f"{label:<26} {rate:>7.0%} {right / max(1, right + wrong):>10.4f} {right / len(truth):>8.4f} "
                  f"{wrong / len(reports):>8.3%} {ambiguous:>10}", flush=True)
            if rate == 0.2 and (not mixups or name == "all keys"):
                worst = max(worst, wrong / len(reports))
print(f"\nmost wrong links at 20 %, mix-ups counted where there are other keys to show them: {worst:.3%}")
sys.exit(worst > 0.001)
