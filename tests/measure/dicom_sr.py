"""Checks DICOM structured reports by readers that know nothing of radlabel.

    python dicom_sr.py FOLDER

Every .dcm file is read by pydicom and highdicom (PyPI; here 3.0.2 and 0.28.2), by `dsrdump` (Debian: dcmtk) and by
`dciodvfy` (Debian: dicom3tools) where these are installed. Exit code 1 where one of them finds an error. Prints tags
and counts, never text of a report.
"""

import collections
import pathlib
import shutil
import subprocess
import sys

import highdicom
import pydicom

PRESENCE = ("121052", "DCM")
STATUSES = {"52101004", "272519000", "373068000"}


def code(sequence):
    item = sequence[0]
    return getattr(item, "CodeValue", None) or item.LongCodeValue, item.CodingSchemeDesignator


def tree(item):
    yield item
    for child in getattr(item, "ContentSequence", []):
        yield from tree(child)


def check(path, counts):
    """The faults of one file."""
    faults = []
    document = pydicom.dcmread(path)
    sr = highdicom.sr.srread(path)
    if not isinstance(sr, highdicom.sr.ComprehensiveSR):
        faults.append(f"highdicom: {type(sr).__name__}")
    for item in tree(document):
        if "ConceptNameCodeSequence" in item and len(item.ConceptNameCodeSequence[0].CodeMeaning) > 64:
            faults.append("a code meaning over 64 characters")
    report = sr.content
    groups = report.get_image_measurement_groups()
    held = sum(
        code(i.ConceptNameCodeSequence) == ("125007", "DCM") for i in tree(document) if "ConceptNameCodeSequence" in i
    )
    if len(groups) != held:
        faults.append(f"highdicom: {len(groups)} of {held} measurement groups")
    for group in groups:
        values = [e.value.value for e in group.get_qualitative_evaluations() if (e.name.value, e.name.scheme_designator) == PRESENCE]
        if group.finding_type is None or len(values) != 1 or values[0] not in STATUSES:
            faults.append("a group without finding or presence")
        counts["groups"] += 1
        counts["measurements"] += len(group.get_measurements())
        counts["sites"] += len(group.finding_sites)
    for tool, bad in (("dsrdump", ("E:", "F:")), ("dciodvfy", ("Error",))):
        if not shutil.which(tool):
            continue
        done = subprocess.run([tool, str(path)], capture_output=True, text=True, errors="replace")
        # The text of the report stands in what these print; only how the line begins is told.
        wrong = [line for line in (done.stdout + done.stderr).splitlines() if line.startswith(bad)]
        faults += [f"{tool}: {line[:60]}" for line in wrong if tool == "dciodvfy" or done.returncode or wrong]
        counts[tool] += 1
    return faults


def main():
    counts = collections.Counter()
    bad = 0
    for path in sorted(pathlib.Path(sys.argv[1]).rglob("*.dcm")):
        faults = check(path, counts)
        counts["files"] += 1
        bad += bool(faults)
        for fault in faults:
            print(f"{path.name}: {fault}")
    print(", ".join(f"{name} {number}" for name, number in sorted(counts.items())), f"faulty {bad}", sep=", ")
    return 1 if bad or not counts["files"] else 0


if __name__ == "__main__":
    sys.exit(main())
