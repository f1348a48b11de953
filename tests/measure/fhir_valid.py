"""Reads FHIR and BioC written by radlabel with independent packages, and says what is wrong.

    pip install fhir.resources bioc
    python tests/measure/fhir_valid.py reports.fhir.ndjson reports.bioc.xml reports.bioc.json

FHIR (.ndjson): every line is parsed by fhir.resources (R4B) as a DiagnosticReport with its contained resources;
references to contained resources must resolve, and each contained resource must be referred to. BioC (.xml, .json):
parsed by the package bioc; each annotation's location must hold its text, and passages must join to one text.
"""

import base64
import sys

import bioc
from bioc import biocjson, biocxml
from fhir.resources.R4B.diagnosticreport import DiagnosticReport


def references(value):
    if isinstance(value, dict):
        if isinstance(value.get("reference"), str):
            yield value["reference"]
        for inner in value.values():
            yield from references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner)


def check_fhir(path):
    import json

    reports = observations = spans = 0
    with open(path, encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            report = DiagnosticReport.model_validate_json(line)
            reports += 1
            contained = report.contained or []
            ids = [resource.id for resource in contained]
            assert len(ids) == len(set(ids)), f"{path}:{number}: an id twice"
            referred = {r[1:] for r in references(json.loads(line)) if r.startswith("#")}
            assert referred == set(ids), f"{path}:{number}: {referred ^ set(ids)}"
            text = ""
            if report.presentedForm:
                text = base64.b64decode(json.loads(line)["presentedForm"][0]["data"]).decode()
            for observation in contained:
                observations += observation.get_resource_type() == "Observation"
                for extension in observation.extension or []:
                    start, end = (part.valueUnsignedInt for part in extension.extension[:2])
                    assert 0 <= start < end <= len(text), f"{path}:{number}: {start}..{end}"
                    spans += 1
    print(f"{path}: {reports} reports, {observations} observations, {spans} spans, all valid")


def check_bioc(path):
    collection = (biocxml if path.endswith(".xml") else biocjson).load(open(path, encoding="utf-8", newline=""))
    annotations = 0
    for document in collection.documents:
        text = ""
        for passage in document.passages:
            assert passage.offset == len(text), f"{path}: {document.id}: passage at {passage.offset}, not {len(text)}"
            text += passage.text
        for passage in document.passages:
            for annotation in passage.annotations:
                at = annotation.total_span
                assert text[at.offset : at.end] == annotation.text, f"{path}: {document.id}: {annotation.id}"
                annotations += 1
    print(f"{path}: {len(collection.documents)} documents, {annotations} annotations, all in place")


for path in sys.argv[1:]:
    (check_fhir if path.endswith(".ndjson") else check_bioc)(path)
