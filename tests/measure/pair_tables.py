"""Pairs the real NIH, RSNA and VinBigData annotation tables with reports written to match and to conflict.

    python3 tests/measure/pair_tables.py RADLABEL WHEEL [OUT_DIR]

WHEEL is the torchxrayvision wheel (PyPI), which ships the three tables. For images of each table a report is written
that says what is drawn, except for one planned departure: a side, a number, a size, a denial, a doubt, something left
out or something added. What `radlabel pair` must then say is worked out here, from the boxes alone. Printed: for every
kind of conflict how many were planned, found and invented. Exit 1 where they differ.
"""

import csv
import gzip
import io
import subprocess
import sys
import zipfile
from collections import Counter, defaultdict
from pathlib import Path

SCHEME = "nih-chestxray14"
# What a report calls the label, and whether it has a side there.
WORDS = {
    "Atelectasis": ("atelectasis", True), "Cardiomegaly": ("cardiomegaly", False),
    "Effusion": ("pleural effusion", True), "Infiltration": ("infiltrate", True), "Mass": ("lung mass", True),
    "Nodule": ("lung nodule", True), "Pneumonia": ("pneumonia", True), "Pneumothorax": ("pneumothorax", True),
    "Consolidation": ("consolidation", True), "Fibrosis": ("pulmonary fibrosis", True),
    "Pleural_Thickening": ("pleural thickening", True),
}
CROSSWALK = [
    *((name, name, "exact") for name in WORDS),
    ("No Finding", "No Finding", "exact"), ("No finding", "No Finding", "exact"),
    ("Infiltrate", "Infiltration", "exact"), ("Pleural effusion", "Effusion", "exact"),
    ("Pleural thickening", "Pleural_Thickening", "exact"), ("Pulmonary fibrosis", "Fibrosis", "exact"),
    ("Nodule/Mass", "Nodule", "narrower"), ("Nodule/Mass", "Mass", "narrower"),
]


def rows_of(wheel, name):
    data = wheel.read(f"torchxrayvision/data/{name}")
    if name.endswith(".gz"):
        text = gzip.decompress(data).decode("utf-8-sig")
    else:
        inner = zipfile.ZipFile(io.BytesIO(data))
        text = inner.read(inner.namelist()[0]).decode("utf-8-sig")
    return data, list(csv.DictReader(io.StringIO(text)))


def side_of(box, width):
    """The side of a box that is clearly on one side of a frontal film; else nothing is written of a side."""
    x0, x1 = box[0], box[0] + box[2]
    if x1 < width / 2:
        return "right"
    return "left" if x0 > width / 2 else None


class Plan:
    """Reports and what must be found."""

    def __init__(self, table):
        self.table, self.reports, self.expected, self.kinds = table, {}, {}, Counter()

    def add(self, image, kind, text, expected):
        """`expected`: set of (label, outcome or discord) that are conflicts."""
        assert image not in self.reports
        self.reports[image] = "FINDINGS: " + text
        self.expected[image] = set(expected)
        self.kinds[kind] += 1


def phrase(label, sides, extra=""):
    word, sided = WORDS[label]
    if not sided or None in sides or not sides:
        return f"There is {extra}{word}."
    both = "bilateral" if len(sides) == 2 else next(iter(sides))
    return f"There is {extra}{both} {word}."


def truth(drawn, width, skip=()):
    """Sentences that say what is drawn, without those labels."""
    return [phrase(l, {side_of(b, width) for b in boxes}) for l, boxes in sorted(drawn.items()) if l not in skip]


def plan_boxes(plan, images, width, whole, spacing):
    """`images`: image -> label -> boxes. One departure an image, by turns."""
    turn = 0
    kinds = ["match", "denied", "doubt", "left out", "side", "one of two sides", "bilateral", "too many", "multiple",
             "size too large", "size too small", "size fits", "added"]
    sized = ["size too large", "too many", "size too small", "multiple", "size fits", "side"]
    for image in sorted(images):
        drawn = images[image]
        own = sized + kinds if "Nodule" in drawn or "Mass" in drawn else kinds
        for _ in own:
            kind = own[turn % len(own)]
            turn += 1
            if depart(plan, image, kind, drawn, width, whole, spacing.get(image)):
                break


def depart(plan, image, kind, drawn, width, whole, mm):
    rest = lambda label: truth(drawn, width, {label})
    for label, boxes in sorted(drawn.items()):
        word, sided = WORDS[label]
        sides = {side_of(b, width) for b in boxes}
        one = next(iter(sides)) if len(sides) == 1 else None
        longest = max(max(b[2], b[3]) for b in boxes) * mm if mm else None
        say = None
        if kind == "match":
            return plan.add(image, kind, " ".join(truth(drawn, width)), []) or True
        if kind == "denied":
            say, must = f"No {word}.", "denied"
        elif kind == "doubt":
            say, must = f"Possible {word}.", "uncertain-drawn"
        elif kind == "left out":
            say, must = "The trachea is midline.", "image-only"
        elif kind == "side" and sided and one:
            say, must = phrase(label, {"left" if one == "right" else "right"}), "side"
        elif kind == "one of two sides" and sided and sides == {"left", "right"}:
            say, must = phrase(label, {"left"}), "side"
        elif kind == "bilateral" and sided and one:
            say, must = f"There is bilateral {word}.", "side" if whole else None
        elif kind == "too many" and len(boxes) > 1 and label in ("Nodule", "Mass", "Pneumonia", "Infiltration"):
            say, must = f"There is a solitary {word}.", "count"
        elif kind == "multiple" and len(boxes) == 1 and label in ("Nodule", "Mass", "Infiltration", "Pneumonia"):
            plural = word if word.endswith("a") else word + ("es" if word.endswith("s") else "s")
            say, must = f"There are multiple {plural}.", "count" if whole else None
        elif kind == "size too large" and longest and label in ("Nodule", "Mass"):
            say, must = f"There is a {round(longest * 2 + 8)} mm {word}.", "size"
        elif kind == "size too small" and longest and longest > 12 and label in ("Nodule", "Mass"):
            say, must = f"There is a {max(1, int(longest / 3))} mm {word}.", "size"
        elif kind == "size fits" and longest and label in ("Nodule", "Mass"):
            say, must = f"There is a {round(longest * 0.9)} mm {word}.", None
        elif kind == "added":
            extra = next(l for l in ("Effusion", "Pneumothorax", "Cardiomegaly") if l not in drawn)
            # Nobody says that NIH's boxes are all that is there, and RSNA's are of one finding.
            return plan.add(image, kind, " ".join([*truth(drawn, width), phrase(extra, set())]), []) or True
        if say:
            must = {(label, must)} if must else set()
            # A report without any present finding says that nothing was found, which what is drawn contradicts.
            if kind in ("denied", "left out") and len(drawn) == 1:
                must.add(("No Finding", "report-only"))
            return plan.add(image, kind, " ".join([*rest(label), say]), must) or True
    return False


def nih(wheel):
    data, rows = rows_of(wheel, "BBox_List_2017.csv.gz")
    _, entries = rows_of(wheel, "Data_Entry_2017_v2020.csv.gz")
    images = defaultdict(lambda: defaultdict(list))
    for row in rows:
        values = list(row.values())
        label = "Infiltration" if values[1] == "Infiltrate" else values[1]
        images[values[0]][label].append([float(v) for v in values[2:6]])
    studies, spacing = [], {}
    for entry in entries:
        name = entry["Image Index"]
        if name in images:
            # The PNGs are 1024 pixels wide; the spacing is that of the originals.
            mm = float(entry["OriginalImagePixelSpacing[x"]) * float(entry["OriginalImage[Width"]) / 1024
            studies.append([name, "1.2.3." + name.split(".")[0].replace("_", "."), entry["View Position"], 1024, 1024, mm, mm])
            spacing[name] = mm
    plan = Plan("NIH")
    plan_boxes(plan, images, 1024, False, spacing)
    return plan, data, "BBox_List_2017.csv.gz", studies


def rsna(wheel):
    data, rows = rows_of(wheel, "kaggle_stage_2_train_labels.csv.zip")
    _, headers = rows_of(wheel, "kaggle_stage_2_train_images_dicom_headers.csv.gz")
    images, clear = defaultdict(lambda: defaultdict(list)), []
    for row in rows:
        if row["Target"] == "1":
            images[row["patientId"]]["Pneumonia"].append([float(row[c]) for c in ("x", "y", "width", "height")])
        else:
            clear.append(row["patientId"])
    studies = []
    spacing = {}
    for header in headers:
        mm = float(header["PixelSpacing"])
        spacing[header["PatientID"]] = mm
        studies.append([header["Filename"], "1.2.4." + str(len(studies) + 1), header["ViewPosition"], 1024, 1024, mm, mm])
    plan = Plan("RSNA")
    plan_boxes(plan, dict(sorted(images.items())[:3000]), 1024, True, spacing)
    for number, image in enumerate(sorted(set(clear))[:3000]):
        kind, text, expected = [
            ("clear, present", "There is left pneumonia.", [("Pneumonia", "report-only")]),
            ("clear, doubt", "Possible pneumonia.", []),
            ("clear, denied", "No pneumonia.", []),
            ("clear, not said", "The trachea is midline.", []),
        ][number % 4]
        plan.add(image, kind, text, expected)
    return plan, data, "stage_2_train_labels.csv", studies


def vinbig(wheel):
    data, rows = rows_of(wheel, "vinbigdata-train.csv.gz")
    names = {"Pleural effusion": "Effusion", "Pulmonary fibrosis": "Fibrosis", "Pleural thickening": "Pleural_Thickening"}
    drawn, counts, none = defaultdict(set), defaultdict(lambda: defaultdict(Counter)), set()
    for row in rows:
        if row["class_name"] == "No finding":
            none.add(row["image_id"])
        else:
            drawn[row["image_id"]].add(row["class_name"])
            counts[row["image_id"]][row["class_name"]][row["rad_id"]] += 1
    plan = Plan("VinBigData")
    known = {names.get(c, c): c for c in ("Atelectasis", "Cardiomegaly", "Consolidation", "Pleural effusion", "Pneumothorax",
             "Infiltration", "Pulmonary fibrosis", "Pleural thickening")}
    for number, image in enumerate(sorted(drawn)):
        classes = drawn[image]
        labels = {l for l, c in known.items() if c in classes}
        sentences = {l: phrase(l, set()) for l in labels}
        expected = set()
        nodule = "Nodule/Mass" in classes
        kind = ["match", "denied", "doubt", "left out", "added", "nodule left out", "number"][number % 7]
        if nodule:
            sentences["Nodule"] = "There are lung nodules."
        if kind in ("denied", "doubt", "left out") and labels:
            label = sorted(labels)[0]
            word = WORDS[label][0]
            sentences[label] = {"denied": f"No {word}.", "doubt": f"Possible {word}.", "left out": "The trachea is midline."}[kind]
            expected.add((label, {"denied": "denied", "doubt": "uncertain-drawn", "left out": "image-only"}[kind]))
        elif kind == "added" and "Pneumothorax" not in labels:
            sentences["Pneumothorax"] = "There is pneumothorax."
            expected.add(("Pneumothorax", "report-only"))
        elif kind == "number" and labels & {"Consolidation", "Infiltration"}:
            label = min(labels & {"Consolidation", "Infiltration"})
            sentences[label] = f"There is a solitary {WORDS[label][0]}."
            # A conflict only where no reader drew one.
            kind = "number, a reader agrees"
            if min(counts[image][known[label]].values()) > 1:
                kind = "number, no reader agrees"
                expected.add((label, "count"))
        elif kind == "nodule left out" and nodule:
            sentences["Nodule"] = "The trachea is midline."
            expected.add((min("Mass", "Nodule"), "image-only"))
        else:
            kind = "match"
        if not sentences:
            sentences[""] = "The trachea is midline."
        stated = any(s.startswith(("There is", "There are", "Possible")) for s in sentences.values())
        # What is drawn of labels of the scheme contradicts a report that finds nothing.
        if not stated and (labels or nodule):
            expected.add(("No Finding", "report-only"))
        plan.add(image, kind, " ".join(s for _, s in sorted(sentences.items())), expected)
    for number, image in enumerate(sorted(none - set(drawn))):
        kind, text, expected = [
            ("clear, nothing found", "Normal chest. The lungs are clear. No pleural effusion.", []),
            ("clear, present", "There is pleural effusion.", [("Effusion", "report-only"), ("No Finding", "image-only")]),
            ("clear, not looked for", "There is emphysema.", []),
        ][number % 3]
        plan.add(image, kind, text, expected)
    return plan, data, "vinbigdata-train.csv.gz", None


def run(program, plan, data, name, studies, folder):
    folder = folder / plan.table
    folder.mkdir(parents=True, exist_ok=True)
    table = folder / name
    if data[:2] == b"PK":
        inner = zipfile.ZipFile(io.BytesIO(data))
        data = inner.read(inner.namelist()[0])
    table.write_bytes(data)
    with open(folder / "reports.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "text"])
        writer.writerows(plan.reports.items())
    with open(folder / "categories.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["category", "label", "relation", "confirmed", "by"])
        writer.writerows([*row, "yes", "script"] for row in CATEGORIES[plan.table])
    command = [program, "pair", folder / "reports.csv", "--annotations", table, "--scheme", SCHEME, "--categories",
               folder / "categories.csv", "-o", folder / "pairs.csv"]
    if studies:
        with open(folder / "studies.csv", "w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["path", "study_uid", "view", "rows", "columns", "row_spacing_mm", "column_spacing_mm"])
            writer.writerows(studies)
        command += ["--studies", folder / "studies.csv"]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode not in (0, 1):
        sys.exit(f"{plan.table}: exit {done.returncode}: {done.stderr[-2000:]}")
    print(done.stderr, file=open(folder / "stderr.txt", "w"))
    found = defaultdict(set)
    for row in csv.DictReader(open(folder / "pairs.csv", newline="")):
        if row["report_id"] and row["conflict"] == "true":
            image = row["report_id"]
            if row["outcome"] in ("report-only", "image-only", "denied", "uncertain-drawn"):
                found[image].add((row["label"], row["outcome"]))
            found[image].update((row["label"], c) for c in row["conflicts"].split("; ") if c)
    kinds = ["denied", "uncertain-drawn", "image-only", "report-only", "side", "count", "size"]
    planned, met, invented = Counter(), Counter(), Counter()
    wrong = []
    for image, expected in plan.expected.items():
        for conflict in expected:
            planned[conflict[1]] += 1
            met[conflict[1]] += conflict in found[image]
        for conflict in found[image] - expected:
            invented[conflict[1]] += 1
        if found[image] != expected:
            wrong.append((image, sorted(expected), sorted(found[image])))
    print(f"{plan.table}: {len(plan.reports)} reports; planned: " + ", ".join(f"{k} {n}" for k, n in sorted(plan.kinds.items())))
    print(f"  {'conflict':<16}{'planned':>8}{'found':>8}{'invented':>9}")
    for kind in kinds:
        if planned[kind] or invented[kind]:
            print(f"  {kind:<16}{planned[kind]:>8}{met[kind]:>8}{invented[kind]:>9}")
    for image, expected, was in wrong[:5]:
        print(f"  {image}: planned {expected}, found {was}: {plan.reports[image]}")
    return not wrong


CATEGORIES = {
    "NIH": [r for r in CROSSWALK if r[0] in ("Atelectasis", "Cardiomegaly", "Effusion", "Infiltrate", "Mass", "Nodule",
            "Pneumonia", "Pneumothorax")],
    "RSNA": [("Pneumonia", "Pneumonia", "exact"), ("Lung Opacity", "Pneumonia", "exact")],
    "VinBigData": [r for r in CROSSWALK if r[0] in ("Atelectasis", "Cardiomegaly", "Consolidation", "Infiltration",
                   "No finding", "Nodule/Mass", "Pleural effusion", "Pleural thickening", "Pneumothorax",
                   "Pulmonary fibrosis")]
                  + [(c, "", "") for c in ("Aortic enlargement", "Calcification", "ILD", "Lung Opacity", "Other lesion")],
}


def main():
    program, wheel = sys.argv[1], zipfile.ZipFile(sys.argv[2])
    folder = Path(sys.argv[3] if len(sys.argv) > 3 else "/tmp/pair_tables")
    good = [run(program, *table(wheel), folder) for table in (nih, rsna, vinbig)]
    sys.exit(0 if all(good) else 1)


main()
