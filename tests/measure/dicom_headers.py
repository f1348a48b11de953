"""Headers of real DICOM files, field by field against pydicom, and files per second against it.

    python3 -m venv venv && venv/bin/pip install pydicom pydicom-data highdicom numpy
    cargo build --release --features full
    venv/bin/python tests/measure/dicom_headers.py target/release/radlabel [--files 50000] [--folder FOLDER]

First part: every file of the packages pydicom, pydicom-data and highdicom is read by pydicom and by
`radlabel studies --level image --format jsonl`; every field that differs is listed. Second part (--files N): a folder of
N small files with headers as scanners write them is made once, then both read it, several times in turn, in one run.
The values stand in the comments below as DICOM has them; nothing here shares code with the program.
"""

import argparse
import json
import os
import pathlib
import resource
import subprocess
import sys
import tempfile
import time
import warnings
from concurrent.futures import ProcessPoolExecutor

import pydicom
from pydicom.errors import InvalidDicomError

warnings.simplefilter("ignore")
pydicom.config.settings.reading_validation_mode = pydicom.config.IGNORE

TEXTS = {
    "study_uid": "StudyInstanceUID",
    "series_uid": "SeriesInstanceUID",
    "sop_uid": "SOPInstanceUID",
    "accession": "AccessionNumber",
    "patient_id": "PatientID",
    "patient_issuer": "IssuerOfPatientID",
    "modality": "Modality",
    "study_description": "StudyDescription",
    "series_description": "SeriesDescription",
    "manufacturer": "Manufacturer",
    "model": "ManufacturerModelName",
    "institution": "InstitutionName",
    "sex": "PatientSex",
    "photometric": "PhotometricInterpretation",
    "sop_class": "SOPClassUID",
    "date": "StudyDate",
    "birth_date": "PatientBirthDate",
}
NUMBERS = {
    "series_number": "SeriesNumber",
    "instance_number": "InstanceNumber",
    "rows": "Rows",
    "columns": "Columns",
    "frames": "NumberOfFrames",
}


def value(ds, keyword):
    """The value of an attribute as text without padding; none where it is empty or not there."""
    try:
        found = ds.get(keyword)
    except Exception:
        return "cannot be read"
    if found is None or isinstance(found, pydicom.Sequence):
        return None
    if isinstance(found, (pydicom.multival.MultiValue, list)):
        found = "\\".join(str(v).strip() for v in found)
    return str(found).strip(" \0") or None


def first(ds, *keywords):
    """The first item of a sequence within sequences."""
    for keyword in keywords:
        items = ds.get(keyword) if ds is not None else None
        ds = items[0] if isinstance(items, pydicom.Sequence) and len(items) else None
    return ds


def expected(ds):
    """What the header says, by pydicom."""
    out = {name: value(ds, keyword) for name, keyword in TEXTS.items()}
    for name, keyword in NUMBERS.items():
        found = value(ds, keyword)
        out[name] = int(float(found)) if found is not None else None
    shared = first(ds, "SharedFunctionalGroupsSequence")
    anatomy = first(shared, "FrameAnatomySequence")
    region = first(ds, "AnatomicRegionSequence") or first(anatomy, "AnatomicRegionSequence")
    out["body_part"] = value(ds, "BodyPartExamined") or (value(region, "CodeMeaning") if region else None)
    agent = first(ds, "ContrastBolusAgentSequence")
    out["contrast"] = value(ds, "ContrastBolusAgent") or (value(agent, "CodeMeaning") if agent else None)
    issuer = first(ds, "IssuerOfAccessionNumberSequence")
    out["accession_issuer"] = issuer and (value(issuer, "LocalNamespaceEntityID") or value(issuer, "UniversalEntityID"))
    view = value(ds, "ViewPosition")
    if view or not first(ds, "ViewCodeSequence"):
        out["view"] = view
    sides = (value(ds, "ImageLaterality"), value(ds, "Laterality"), anatomy and value(anatomy, "FrameLaterality"))
    out["laterality"] = next((side for side in sides if side), None)
    measures = first(shared, "PixelMeasuresSequence")
    plane = first(shared, "PlaneOrientationSequence")
    place = first(shared, "PlanePositionSequence")
    directions = value(ds, "ImageOrientationPatient") or (plane and value(plane, "ImageOrientationPatient"))
    out["patient_orientation"] = directions or value(ds, "PatientOrientation")
    out["position_mm"] = value(ds, "ImagePositionPatient") or (place and value(place, "ImagePositionPatient"))
    thickness = value(ds, "SliceThickness") or (measures and value(measures, "SliceThickness"))
    out["slice_thickness"] = float(thickness) if thickness else None
    pixel = value(ds, "PixelSpacing") or (measures and value(measures, "PixelSpacing"))
    imager, nominal = value(ds, "ImagerPixelSpacing"), value(ds, "NominalScannedPixelSpacing")
    factor = float(value(ds, "EstimatedRadiographicMagnificationFactor") or 1)
    source = None
    if pixel and (pixel != imager or "PixelSpacingCalibrationType" in ds):
        source, spacing, factor = "pixel", pixel, 1.0
    elif imager:
        source, spacing = "imager", imager
    elif nominal:
        source, spacing, factor = "imager", nominal, 1.0
    if source:
        out["row_spacing_mm"], out["column_spacing_mm"] = [float(s) / factor for s in spacing.split("\\")]
    out["spacing_source"] = source
    time_ = value(ds, "StudyTime")
    out["time"] = time_.split(".")[0] if time_ else None
    if value(ds, "PatientAge"):
        out["age"] = value(ds, "PatientAge")
    syntax = getattr(getattr(ds, "file_meta", None), "TransferSyntaxUID", None)
    out["transfer_syntax"] = str(syntax) if syntax else None
    return out


def read(path):
    """By pydicom: what it holds, or why it cannot be read."""
    try:
        return pydicom.dcmread(path, stop_before_pixels=True), None
    except InvalidDicomError:
        return None, "no DICOM"
    except Exception as error:
        return None, type(error).__name__


def compare(program, root):
    """Reads every file of a folder twice and lists what differs."""
    with tempfile.TemporaryDirectory() as folder:
        out = os.path.join(folder, "rows.jsonl")
        run = subprocess.run([program, "studies", root, "--level", "image", "-o", out], capture_output=True, text=True)
        rows = {}
        for line in open(out, encoding="utf-8"):
            row = json.loads(line)
            if "missing-file" not in row.get("problems", []):
                rows[row["path"]] = row
    told = run.stderr.splitlines()
    files = fields = same = both = 0
    differ = {}
    for path in sorted(p for p in pathlib.Path(root).rglob("*") if p.is_file()):
        files += 1
        name = path.relative_to(root).as_posix()
        ds, fault = read(path)
        row = rows.get(name)
        if ds is not None and ds.get("SOPClassUID") is None and "DirectoryRecordSequence" in ds:
            continue
        if row is not None and ds is None:
            try:
                ds = pydicom.dcmread(path, stop_before_pixels=True, force=True)
            except Exception as error:
                print(f"only radlabel reads {name}: pydicom says {type(error).__name__}")
                continue
        if row is None:
            if ds is not None:
                why = next((t.split(": ", 3)[-1] for t in told if name in t), "passed over as no DICOM")
                print(f"only pydicom reads {name} ({len(ds)} elements): {why}")
            continue
        both += 1
        try:
            want = expected(ds)
        except Exception as error:
            print(f"{name}: pydicom cannot give its values: {type(error).__name__}: {error}")
            continue
        for field, wanted in want.items():
            found = row.get(field)
            fields += 1
            alike = abs(found - wanted) < 1e-9 if isinstance(wanted, float) and found is not None else found == wanted
            if alike:
                same += 1
            else:
                differ.setdefault(field, []).append((name, found, wanted, row.get("problems", [])))
    print(f"{root}: {files} files, {len(rows)} rows, {both} read by both, {fields} fields, {same} the same")
    for field, cases in sorted(differ.items()):
        print(f"  {field}: {len(cases)}")
        for name, found, wanted, problems in cases[:8]:
            bad = [p for p in problems if p.startswith("bad-")]
            print(f"    {name}: radlabel {found!r}, pydicom {wanted!r} {' '.join(bad)}")
    return run.returncode


def make(folder, number):
    """Files of a few KB: CT and projections, with the attributes that scanners write, 40 a series, 2 series a study."""
    import numpy
    from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
    from pydicom.uid import CTImageStorage, DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian

    random = numpy.random.default_rng(7)
    pixels = random.integers(0, 4096, (40, 40), dtype=numpy.uint16).tobytes()
    for index in range(number):
        study, series = index // 80, index // 40
        projection = study % 5 == 0
        uid = f"1.2.826.0.1.3680043.10.1999.{study + 1}"
        meta = FileMetaDataset()
        meta.TransferSyntaxUID = ExplicitVRLittleEndian
        meta.MediaStorageSOPClassUID = DigitalXRayImageStorageForPresentation if projection else CTImageStorage
        meta.MediaStorageSOPInstanceUID = f"{uid}.{series + 1}.{index + 1}"
        ds = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
        ds.SpecificCharacterSet = "ISO_IR 192"
        ds.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
        ds.SOPClassUID, ds.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
        ds.StudyInstanceUID, ds.SeriesInstanceUID = uid, f"{uid}.{series + 1}"
        ds.FrameOfReferenceUID = f"{uid}.9"
        for keyword, text in {
            "StudyDate": f"2024{study % 12 + 1:02}{study % 28 + 1:02}", "SeriesDate": "20240102",
            "AcquisitionDate": "20240102", "ContentDate": "20240102", "StudyTime": "101112.130000",
            "SeriesTime": "101113", "AcquisitionTime": "101114.5", "ContentTime": "101115",
            "AccessionNumber": f"A{study:08}", "Modality": "DX" if projection else "CT",
            "Manufacturer": "Maker", "InstitutionName": "Hospital", "ReferringPhysicianName": "Ref^Doc",
            "StationName": "ST1", "StudyDescription": "Thorax", "SeriesDescription": f"Series {series % 2}",
            "OperatorsName": "Op^Er", "ManufacturerModelName": "Model 5", "PatientName": f"Pat^{study}",
            "PatientID": f"P{study // 2:07}", "PatientBirthDate": "19600102", "PatientSex": "F", "PatientAge": "064Y",
            "PatientWeight": "70", "BodyPartExamined": "CHEST", "SoftwareVersions": "1.2", "ProtocolName": "Protocol",
            "KVP": "120", "ExposureTime": "500", "XRayTubeCurrent": "200", "Exposure": "100", "FilterType": "BODY",
            "ConvolutionKernel": "STANDARD", "PatientPosition": "FFS", "SeriesNumber": str(series % 2 + 1),
            "AcquisitionNumber": "1", "InstanceNumber": str(index % 40 + 1), "StudyID": "1",
            "WindowCenter": "40", "WindowWidth": "400", "RescaleIntercept": "-1024", "RescaleSlope": "1",
            "RescaleType": "HU",
        }.items():
            setattr(ds, keyword, text)
        if projection:
            ds.ViewPosition, ds.ImagerPixelSpacing, ds.PatientOrientation = "PA", ["0.139", "0.139"], ["L", "F"]
        else:
            ds.SliceThickness, ds.PixelSpacing = "1.25", ["0.703125", "0.703125"]
            ds.ImageOrientationPatient = ["1", "0", "0", "0", "1", "0"]
            ds.ImagePositionPatient = ["-180", "-180", str(index % 40 * 1.25)]
            ds.SliceLocation = str(index % 40 * 1.25)
        code = Dataset()
        code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = "CTCH", "99LOCAL", "CT chest"
        ds.ProcedureCodeSequence = [code]
        request = Dataset()
        request.RequestedProcedureDescription, request.ScheduledProcedureStepID = "CT chest", "1"
        ds.RequestAttributesSequence = [request]
        block = ds.private_block(0x0029, "MAKER PRIVATE", create=True)
        block.add_new(0x10, "OB", bytes(1500))
        ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
        ds.Rows = ds.Columns = 40
        ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 12, 11, 0
        ds.PixelData = pixels
        below = folder / f"{study // 100:03}" / f"{study:05}" / f"{series:05}"
        below.mkdir(parents=True, exist_ok=True)
        ds.save_as(below / f"{index:07}", enforce_file_format=True)


def one(path):
    """What pydicom gives for the same columns."""
    return value(pydicom.dcmread(path, stop_before_pixels=True), "SOPInstanceUID") is not None


def row(path):
    """The same with every value of the row."""
    return expected(pydicom.dcmread(path, stop_before_pixels=True))["sop_uid"] is not None


def timed(work, files):
    """Files per second, by the clock and by the processor's time, which other work on the machine changes less."""

    def used():
        return sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))

    begin, before = time.perf_counter(), used()
    work()
    wall, cpu = time.perf_counter() - begin, used() - before
    return f"{files / wall:,.0f} files per second, {files / cpu:,.0f} per second of processor time"


def speed(program, folder, number, turns=3):
    """Files per second, both in the same run, in turn; the files lie in the page cache."""
    if not folder.is_dir():
        print(f"making {number} files in {folder}")
        make(folder, number)
    files = [os.path.join(at, name) for at, _, names in os.walk(folder) for name in names]
    for path in files:
        with open(path, "rb") as file:
            file.read()
    out = os.path.join(tempfile.gettempdir(), "dicom_headers.csv")
    size = sum(os.path.getsize(f) for f in files) / len(files)
    print(f"{len(files)} files of {size:.0f} bytes")
    for turn in range(turns):
        for threads in (1, os.cpu_count()):
            command = [program, "studies", str(folder), "--level", "image", "-j", str(threads), "-q", "-o", out]
            rates = timed(lambda: subprocess.run(command, check=True), len(files))
            print(f"turn {turn + 1}: radlabel, {threads} threads, csv of all columns: {rates}")
        sample = files[:: max(1, len(files) // 2500)]
        for name, read_one in (("dcmread and one value", one), ("dcmread and all values of a row", row)):
            rates = timed(lambda: list(map(read_one, sample)), len(sample))
            print(f"turn {turn + 1}: pydicom, 1 process, {name} ({len(sample)} files): {rates}")
    if turns > 2:
        with ProcessPoolExecutor(os.cpu_count()) as pool:
            rates = timed(lambda: list(pool.map(one, files, chunksize=500)), len(files))
        print(f"pydicom, {os.cpu_count()} processes, dcmread and one value, all files: {rates}")
    lines = sum(1 for _ in open(out, encoding="utf-8")) - 1
    assert lines == len(files), (lines, len(files))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("--files", type=int, default=0, help="make so many files and time both over them")
    parser.add_argument("--folder", type=pathlib.Path, default=pathlib.Path(tempfile.gettempdir()) / "dicom_headers")
    options = parser.parse_args()
    packages = pathlib.Path(pydicom.__file__).parent.parent
    roots = [packages / "pydicom" / "data", packages / "data_store" / "data", packages / "highdicom"]
    roots += [r for name in ("pydicom_data",) if (r := packages / name).is_dir()]
    for root in roots:
        if root.is_dir() and any(p.suffix == ".dcm" for p in root.rglob("*")):
            compare(options.program, root)
    if options.files:
        speed(options.program, options.folder, options.files)


if __name__ == "__main__":
    sys.exit(main())
