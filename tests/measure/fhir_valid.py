"""Reads FHIR, BioC and brat written by radlabel with independent packages, and says what is wrong.

    pip install fhir.resources bioc
    python tests/measure/fhir_valid.py reports.fhir.ndjson reports.bioc.xml reports.bioc.json a.ann

FHIR (.ndjson): every line is parsed by fhir.resources (R4B) as a DiagnosticReport with its contained resources;
references to contained resources must resolve, and each contained resource must be referred to. BioC (.xml, .json):
parsed by the package bioc; each annotation's location must hold its text, and passages must join to one text. brat (.ann, its .txt beside it): parsed by the package bioc;
each fragment must stand where it says, and notes and attributes must belong to a mention.
"""

import base64
import io
import json
import os
import sys

from bioc import biocjson, biocxml, brat
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


def check_brat(path):
    text = open(path[:-4] + ".txt", encoding="utf-8", newline="").read()
    document = brat.load(io.StringIO(text), open(path, encoding="utf-8"))
    entities = {entity.id: entity for entity in document.entities}
    for entity in entities.values():
        fragments = [text[span.begin : span.end] for span in sorted(entity.locations)]
        assert " ".join(fragments) == entity.text, f"{path}: {entity.id}"
    for attribute in document.attributes:
        assert attribute.refid in entities, f"{path}: {attribute.id}"
    print(f"{path}: {len(entities)} mentions, {len(list(document.attributes))} attributes, all in place")


CHECKS = {".ndjson": check_fhir, ".xml": check_bioc, ".json": check_bioc, ".ann": check_brat}
for path in sys.argv[1:]:
    CHECKS[os.path.splitext(path)[1]](path)
