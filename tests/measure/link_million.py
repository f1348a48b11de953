#!/usr/bin/env python3
"""The whole command at scale: 1,000,000 reports with texts against 1,200,000 study rows.

usage: link_million.py RADLABEL WORKDIR [REPORTS [ROWS]]

Studies and reports are made up: three studies a patient on average; of the reports 40 % tell every key, 20 % the UID, 20 % the
accession number, 20 % patient and date; every hundredth is of a study that is not there; each has a title, findings and an
impression. Prints time, peak memory, and right and wrong links; then the same for Parquet input, where pyarrow is there.
"""
import csv, os, random, resource, subprocess, sys, time

radlabel, work = sys.argv[1], sys.argv[2]
reports = int(sys.argv[3]) if len(sys.argv) > 3 else 1_000_000
rows = int(sys.argv[4]) if len(sys.argv) > 4 else 1_200_000
os.makedirs(work, exist_ok=True)
studies, table, out = (os.path.join(work, n) for n in ["studies.csv", "reports.csv", "links.csv"])
rng = random.Random(3)
kinds = [("CR", "CHEST", "CHEST, PA AND LATERAL"), ("CT", "CHEST", "CT CHEST"), ("CT", "ABDOMEN", "CT ABDOMEN"),
         ("MR", "HEAD", "MRI BRAIN"), ("DX", "KNEE", "XR KNEE"), ("US", "ABDOMEN", "ULTRASOUND ABDOMEN")]


def study(n):
    r = random.Random(n)
    m, b, title = r.choice(kinds)
    return (f"1.2.826.0.1.3680043.9.{r.randrange(10**6)}.{n}", f"A{r.randrange(10**10):010}", f"P{r.randrange(rows // 3):08}",
            f"{r.randrange(2010, 2025)}{r.randrange(1, 13):02}{r.randrange(1, 29):02}", m, b, title)


if not os.path.exists(table):
    with open(studies, "w", newline="") as f:
        w = csv.writer(f)
        w.writerow(["StudyInstanceUID", "AccessionNumber", "PatientID", "StudyDate", "Modality", "BodyPartExamined"])
        for n in range(rows):
            w.writerow(study(n)[:6])
    with open(table, "w", newline="") as f:
        w = csv.writer(f)
        w.writerow(["id", "text", "study_uid", "accession", "patient_id", "date"])
        for n in range(reports):
            of = rows + n if n % 100 == 99 else rng.randrange(rows)
            uid, acc, pat, date, m, b, title = study(of)
            text = f"EXAM: {title}\nFINDINGS: No acute abnormality. Case {n}.\nIMPRESSION: Normal."
            k = n % 5
            w.writerow([f"{n}:{uid}", text, uid if k < 3 else "", acc if k in (0, 1, 3) else "", pat if k in (0, 1, 4) else "",
                        date if k in (0, 1, 4) else ""])
sources = [(studies, table, out)]
try:
    import pyarrow.csv, pyarrow.parquet
    names = [n[:-4] + ".parquet" for n in (studies, table, out)]
    for a, b in zip((studies, table), names):
        if not os.path.exists(b):
            options = pyarrow.csv.ConvertOptions(column_types={c: pyarrow.string() for c in open(a).readline().strip().split(",")})
            parse = pyarrow.csv.ParseOptions(newlines_in_values=True)
            pyarrow.parquet.write_table(pyarrow.csv.read_csv(a, parse_options=parse, convert_options=options), b)
    sources.append(tuple(names))
except ImportError:
    pass
for a, b, c in sources:
    start = time.time()
    done = subprocess.run(["/usr/bin/time", "-f", "%M %U %S", radlabel, "link", b, "--studies", a, "-o", c, "--no-progress"],
                          capture_output=True, text=True)
    seconds = time.time() - start
    kb, user, system = done.stderr.strip().splitlines()[-1].split()
    print(f"{os.path.splitext(a)[1][1:]}: {reports:,} reports, {rows:,} study rows: {seconds:.1f} s, {float(user) + float(system):.1f} s of "
          f"processor time, {int(kb) / 1024:.0f} MB, exit {done.returncode}")
right = wrong = 0
seen = set()
for r in csv.DictReader(open(out)):
    seen.add(r["report_id"])
    if r["outcome"] == "linked":
        ok = r["report_id"].split(":")[1] == r["study_uid"]
        right, wrong = right + ok, wrong + (not ok)
print(f"{right:,} right, {wrong} wrong, {reports - right - wrong:,} not linked ({reports // 100:,} have no study); every report told: {len(seen) == reports}")
