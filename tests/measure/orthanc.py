"""A real Orthanc on loopback, filled from the Open-i header table: what `radlabel studies` reads of it, how fast, and what
becomes of a run whose server is stopped half-way.

    apt-get install orthanc orthanc-dicomweb; pip install pydicom
    python tests/measure/orthanc.py nlmcxr_dicom_metadata.csv.gz target/release/radlabel [--reports REPORTS.jsonl]

The datasets have the table's UIDs, accession numbers, patient ids, dates and orientations, and 8 x 8 pixels.
"""

import argparse
import ast
import base64
import concurrent.futures
import csv
import gzip
import http.client
import io
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

USER, PASSWORD = "radlabel", "on-loopback-only"
BASIC = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
PLUGIN = "/usr/share/orthanc/plugins/libOrthancDicomWeb.so"
TEXTS = {
    "Accession Number": "AccessionNumber", "Patient ID": "PatientID", "Study Instance UID": "StudyInstanceUID",
    "Series Instance UID": "SeriesInstanceUID", "SOP Instance UID": "SOPInstanceUID", "Study Date": "StudyDate",
    "Modality": "Modality", "Body Part Examined": "BodyPartExamined", "View Position": "ViewPosition",
    "Patient's Sex": "PatientSex", "Manufacturer": "Manufacturer", "Series Number": "SeriesNumber",
    "Instance Number": "InstanceNumber", "Patient Orientation": "PatientOrientation", "Pixel Spacing": "PixelSpacing",
}


def rows(path, studies):
    """The rows of the table whose UIDs are all there, an image once, of the first so many studies."""
    opened = gzip.open(path, "rt", newline="") if str(path).endswith(".gz") else open(path, newline="")
    seen, images, out = set(), set(), []
    with opened as table:
        for row in csv.DictReader(table):
            keys = [row["Study Instance UID"], row["Series Instance UID"], row["SOP Instance UID"]]
            if not all(keys) or keys[2] in images:
                continue
            if keys[0] not in seen and len(seen) == studies:
                continue
            seen.add(keys[0])
            images.add(keys[2])
            out.append(row)
    return out


def instance(row):
    """A DICOM file of a row."""
    dataset = Dataset()
    for name, keyword in TEXTS.items():
        value = row[name]
        if value.startswith("["):
            value = ast.literal_eval(value)
        if value:
            setattr(dataset, keyword, value)
    dataset.SOPClassUID = row["SOP Class UID"] or "1.2.840.10008.5.1.4.1.1.1"
    dataset.PatientName = ""
    dataset.Rows = dataset.Columns = 8
    dataset.BitsAllocated = dataset.BitsStored = 8
    dataset.HighBit, dataset.PixelRepresentation, dataset.SamplesPerPixel = 7, 0, 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.PixelData = bytes(64)
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = dataset.SOPClassUID, dataset.SOPInstanceUID
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta = meta
    out = io.BytesIO()
    dataset.save_as(out, enforce_file_format=True)
    return out.getvalue()


class Orthanc:
    """A server of its own, with its own folder and port."""

    def __init__(self, folder):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/dicom-web"
        self.config = folder / "orthanc.json"
        self.log = open(folder / "orthanc.log", "ab")
        self.config.write_text(json.dumps({
            "Name": "radlabel", "StorageDirectory": str(folder / "storage"), "IndexDirectory": str(folder / "storage"),
            "HttpPort": self.port, "HttpBindAddresses": ["127.0.0.1"], "RemoteAccessAllowed": False,
            "DicomServerEnabled": False, "AuthenticationEnabled": True, "RegisteredUsers": {USER: PASSWORD},
            "Plugins": [PLUGIN], "DicomWeb": {"Enable": True, "Root": "/dicom-web/"}, "HttpThreadsCount": 8,
        }))
        self.process = None

    def start(self):
        self.process = subprocess.Popen(["Orthanc", str(self.config)], stdout=self.log, stderr=self.log)
        for _ in range(300):
            try:
                connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=2)
                connection.request("GET", "/system", headers={"Authorization": BASIC})
                if connection.getresponse().status == 200:
                    return
            except OSError:
                time.sleep(0.1)
        sys.exit("Orthanc does not come up; see its log")

    def kill(self):
        self.process.kill()
        self.process.wait()

    def upload(self, files):
        local = threading.local()

        def put(data):
            for attempt in range(3):
                if not hasattr(local, "connection"):
                    local.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
                try:
                    local.connection.request("POST", "/instances", data, {"Authorization": BASIC})
                    answer = local.connection.getresponse()
                    body = answer.read()
                    assert answer.status == 200, (answer.status, body[:200])
                    return
                except OSError:
                    del local.connection
                    if attempt == 2:
                        raise

        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            list(pool.map(put, files))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("table")
    parser.add_argument("radlabel")
    parser.add_argument("--studies", type=int, default=2500)
    parser.add_argument("--reports", help="reports to link to the server's studies")
    options = parser.parse_args()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="radlabel-orthanc-"))
    table = rows(options.table, options.studies)
    start = time.time()
    files = [instance(row) for row in table]
    studies = {row["Study Instance UID"]: row for row in table}
    print(f"{len(files)} instances of {len(studies)} studies made in {time.time() - start:.0f} s, in {folder}")
    orthanc = Orthanc(folder)
    orthanc.start()
    try:
        start = time.time()
        orthanc.upload(files)
        print(f"uploaded in {time.time() - start:.0f} s")
        measure(orthanc, folder, options, table, studies)
    finally:
        orthanc.kill()


def command(orthanc, options, out, *more):
    return [options.radlabel, "studies", orthanc.url, "--user", USER, "-o", str(out), *map(str, more)]


def run(line, password=PASSWORD):
    start = time.time()
    done = subprocess.run(line, env={**os.environ, "RADLABEL_PASSWORD": password}, capture_output=True, text=True)
    return done, time.time() - start


def wait_for(pages, count, process=None):
    """Waits until so many pages are kept."""
    end = time.time() + 120
    while time.time() < end and len(list(pages.glob("page-*.json"))) < count:
        if process is not None and process.poll() is not None:
            sys.exit("the run ended before it could be disturbed")
        time.sleep(0.002)


def measure(orthanc, folder, options, table, studies):
    version = subprocess.run(["Orthanc", "--version"], capture_output=True, text=True).stdout.split("\n")[0]
    print(version)

    # What is read is what was put there.
    whole = folder / "whole.csv"
    for size in (100, 500, 5000):
        done, seconds = run(command(orthanc, options, whole, "--page-size", size))
        print(f"{size} a page: exit {done.returncode}, {len(studies) / seconds:.0f} studies/s, {seconds:.1f} s")
        if done.returncode:
            print(done.stderr)
    found = {row["study_uid"]: row for row in csv.DictReader(open(whole, newline=""))}
    images = {}
    for row in table:
        images[row["Study Instance UID"]] = images.get(row["Study Instance UID"], 0) + 1
    names = [("accession", "Accession Number"), ("patient_id", "Patient ID"), ("date", "Study Date")]
    wrong = 0
    for uid, row in studies.items():
        read = found.get(uid, {})
        same = all(read.get(ours) == row[theirs] for ours, theirs in names) and read.get("images") == str(images[uid])
        wrong += not same
    print(f"{len(found)} studies read, {len(studies)} put there, {wrong} of them other than put")

    # Series and instances.
    for level, expected in (("series", len({r['Series Instance UID'] for r in table})), ("instance", len(table))):
        out = folder / f"{level}.jsonl"
        extra = ["--query-level", level, "--level", "series" if level == "series" else "image"]
        done, seconds = run(command(orthanc, options, out, *extra))
        lines = out.read_text().count("\n") if out.exists() else 0
        print(f"{level}: exit {done.returncode}, {lines} rows of {expected}, {seconds:.1f} s {done.stderr[-300:]}")

    # A query narrows.
    out = folder / "narrow.csv"
    done, _ = run(command(orthanc, options, out, "--query", "StudyDate=20110101-20111231"))
    narrow = sum(1 for _ in csv.DictReader(open(out, newline="")))
    expected = sum(r["Study Date"].startswith("2011") for r in studies.values())
    print(f"StudyDate=2011: {narrow} studies of {expected}")

    # A wrong password.
    done, _ = run(command(orthanc, options, folder / "none.csv"), password="wrong-secret")
    print(f"wrong password: exit {done.returncode}, told without it: {'wrong-secret' not in done.stderr}: {done.stderr.strip()}")

    # The server is stopped while pages are read: held still, killed, and the reader killed.
    undisturbed = folder / "undisturbed.csv"
    done, seconds = run(command(orthanc, options, undisturbed, "--page-size", 50))
    print(f"undisturbed, 50 a page: exit {done.returncode}, {seconds:.1f} s")
    size = len(studies) // 50
    environment = {**os.environ, "RADLABEL_PASSWORD": PASSWORD}
    for what in ("server held still", "server killed", "reader killed"):
        pages, out = folder / what.replace(" ", "-"), folder / (what.replace(" ", "-") + ".csv")
        line = command(orthanc, options, out, "--page-size", 50, "--cache", pages, "--timeout", 2, "--retries", 1)
        stops = 0
        for share in (0.25, 0.5, 0.75):
            process = subprocess.Popen(line, env=environment, stderr=subprocess.PIPE, text=True)
            wait_for(pages, int(size * share), process)
            if what == "server held still":
                orthanc.process.send_signal(signal.SIGSTOP)
            elif what == "server killed":
                orthanc.kill()
            else:
                process.kill()
            _, said = process.communicate()
            stops += process.returncode != 0
            print(f"  {what} at {share:.0%}: exit {process.returncode}, output there: {out.exists()}; {said.strip()[-330:]}")
            if what == "server held still":
                orthanc.process.send_signal(signal.SIGCONT)
            elif what == "server killed":
                orthanc.start()
        before = len(list(pages.glob("page-*.json")))
        done, seconds = run(line)
        same = out.exists() and out.read_bytes() == undisturbed.read_bytes()
        print(f"{what} {stops} times, {before} pages kept: then exit {done.returncode}, {seconds:.1f} s, the same bytes: {same}")
        if not same:
            sys.exit("not the same")
    # All pages are there: no server is needed.
    orthanc.kill()
    done, seconds = run(line)
    print(f"from kept pages, no server: exit {done.returncode}, {seconds:.2f} s, same: {out.read_bytes() == undisturbed.read_bytes()}")
    orthanc.start()

    if options.reports:
        link(orthanc, folder, options, table)


def link(orthanc, folder, options, table):
    """Reports, by accession number, to the studies that the server tells of."""
    truth = {row["imageid"]: row for row in table}
    expected = {}
    reports = folder / "reports.csv"
    with open(options.reports, encoding="utf-8") as source, open(reports, "w", encoding="utf-8", newline="") as out:
        rows = csv.writer(out)
        rows.writerow(["id", "accession", "text"])
        for line in source:
            report = json.loads(line)
            images = [truth[i] for i in report["images"] if i in truth]
            if images:
                expected[report["id"]] = images[0]["Study Instance UID"]
                rows.writerow([report["id"], images[0]["Accession Number"], report["text"]])
    links = folder / "links.csv"
    done, seconds = run([options.radlabel, "link", str(reports), "--studies", orthanc.url, "--user", USER, "--no-progress",
                         "-o", str(links)])
    found = {row["report_id"]: row["study_uid"] for row in csv.DictReader(open(links, newline=""))
             if row["outcome"] == "linked"}
    right = sum(found.get(report) == study for report, study in expected.items())
    wrong = sum(expected.get(report) != study for report, study in found.items())
    print(f"link: exit {done.returncode}, {seconds:.1f} s; {len(expected)} reports, {right} right, {wrong} wrong")
    print(done.stderr)


if __name__ == "__main__":
    main()
