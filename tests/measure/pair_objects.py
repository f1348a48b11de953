#!/usr/bin/env python3
"""Medical annotation objects (SEG, RTSTRUCT, SR, GSPS, NIfTI) paired with reports written to match and to conflict.

    python3 -m venv venv && venv/bin/pip install pydicom pydicom-data highdicom nibabel scipy numpy
    venv/bin/python tests/measure/pair_objects.py RADLABEL WORKDIR

First part: every file that pydicom ships is read by pydicom and by `radlabel studies`: what either reads and the other
does not is listed. Second part: studies are made in WORKDIR (CT in six orientations, radiographs), on each a nodule or
effusion is drawn as one kind of object, and a report says it with one planned departure. `radlabel studies`, `link`
(by accession or UID) and `pair` then run twice, with the coverage that the objects tell and with `--coverage whole`;
what must be told is worked out here, from the plan alone. Third part: pydicom's own SEG, RTSTRUCT and SR, with reports.
Printed: conflicts planned, found and invented, by kind of object and of conflict. Exit 1 where they differ.
"""
import argparse
import csv
import glob
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import warnings
from collections import Counter, defaultdict

import numpy as np
import pydicom
from annotation_objects import description, segmentation
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sr.codedict import Code
from pydicom.uid import ExplicitVRLittleEndian

warnings.simplefilter("ignore")
SCHEME = "nih-chestxray14"
OUTCOMES = ("report-only", "image-only", "denied", "uncertain-drawn")
DISCORDS = ("side", "count", "size")
SLANT = float(np.cos(0.3)), float(np.sin(0.3))
# Row and column directions, number of slices, distance of slices in mm.
ORIENTATIONS = {
    "axial": ((1, 0, 0, 0, 1, 0), 16, 5.0),
    "tilted": ((1, 0, 0, 0, *SLANT), 16, 5.0),
    "prone": ((-1, 0, 0, 0, -1, 0), 16, 5.0),
    "turned": ((*SLANT, 0, -SLANT[1], SLANT[0], 0), 16, 5.0),
    "coronal": ((1, 0, 0, 0, 0, -1), 16, 5.0),
    "sagittal": ((0, 1, 0, 0, 0, -1), 29, 6.0),
}
ROWS, COLUMNS, PIXEL = 90, 100, 3.0
# The middle of the body, in mm: not the origin, so that a side by the sign of x alone would be wrong.
MIDDLE = np.array([70.0, -150.0, 310.0])
ASIDE = 65.0
CODES = {"Nodule": "27925004", "Pleural effusion": "60046008", "Pneumothorax": "36118008"}
LABELS = {"Nodule": "Nodule", "Pleural effusion": "Effusion", "Pneumothorax": "Pneumothorax"}
SIDES = {"left": ("7771000", "Left"), "right": ("24028007", "Right")}
uids = iter(range(1, 1 << 30))


def uid():
    return f"1.2.826.0.1.3680043.8.498.5.{next(uids)}"


# ---------------------------------------------------------------------------------------------- images

class Series:
    """A CT series with a body: an outline, two lungs, and what lies in them."""

    def __init__(self, number, orientation, balls):
        self.number, self.orientation = number, orientation
        directions, count, gap = ORIENTATIONS[orientation]
        self.row, self.column = np.array(directions[:3], float), np.array(directions[3:], float)
        self.normal, self.gap, self.count = np.cross(self.row, self.column), gap, count
        self.study, self.series, self.frame = uid(), uid(), uid()
        self.accession = f"ACC{number:06}"
        half = [(COLUMNS - 1) / 2 * PIXEL, (ROWS - 1) / 2 * PIXEL, (count - 1) / 2 * gap]
        self.origin = MIDDLE - self.row * half[0] - self.column * half[1] - self.normal * half[2]
        k, y, x = np.indices((count, ROWS, COLUMNS))
        self.grid = (self.origin + x[..., None] * PIXEL * self.row + y[..., None] * PIXEL * self.column
                     + k[..., None] * gap * self.normal)
        away = self.grid - MIDDLE
        pixels = np.full(away.shape[:3], -1000)
        pixels[(away[..., 0] / 140) ** 2 + (away[..., 1] / 110) ** 2 < 1] = 40
        for sign in (-1, 1):
            lung = ((away[..., 0] - sign * ASIDE) / 55) ** 2 + (away[..., 1] / 80) ** 2 + (away[..., 2] / 150) ** 2 < 1
            pixels[lung] = -800
        for centre, radius in balls:
            pixels[self.ball(centre, radius)] = 60
        self.images = [self.slice(k, pixels[k]) for k in range(count)]

    def ball(self, centre, radius):
        return ((self.grid - centre) ** 2).sum(-1) <= radius**2

    def nearest(self, centre):
        return int(np.clip(round(float((centre - self.origin) @ self.normal / self.gap)), 0, self.count - 1))

    def pixel(self, centre):
        """x and y of a place, from the centre of the first pixel."""
        return np.array([(centre - self.origin) @ self.row, (centre - self.origin) @ self.column]) / PIXEL

    def slice(self, k, pixels):
        ds = base("1.2.840.10008.5.1.4.1.1.2", "CT", self)
        ds.SeriesInstanceUID, ds.FrameOfReferenceUID, ds.PositionReferenceIndicator = self.series, self.frame, ""
        ds.SeriesNumber, ds.InstanceNumber = 1, k + 1
        ds.PixelSpacing, ds.SliceThickness = [PIXEL, PIXEL], self.gap
        ds.ImageOrientationPatient = [round(float(v), 9) for v in (*self.row, *self.column)]
        ds.ImagePositionPatient = [round(float(v), 6) for v in self.origin + self.normal * self.gap * k]
        ds.RescaleIntercept, ds.RescaleSlope, ds.WindowCenter, ds.WindowWidth = -1024, 1, -300, 1400
        return with_pixels(ds, pixels + 1024)


class Film:
    """A frontal radiograph."""

    def __init__(self, number, balls):
        self.number, self.orientation, self.count = number, "film", 1
        self.study, self.series = uid(), uid()
        self.accession = f"ACC{number:06}"
        self.y, self.x = np.indices((ROWS, COLUMNS))
        pixels = np.full((ROWS, COLUMNS), 400)
        for sign in (-1, 1):
            pixels[((self.x - 50 - sign * 22) / 15) ** 2 + ((self.y - 45) / 35) ** 2 < 1] = 150
        for centre, radius in balls:
            pixels[self.ball(centre, radius)] = 420
        ds = base("1.2.840.10008.5.1.4.1.1.1", "CR", self)
        ds.SeriesInstanceUID, ds.SeriesNumber, ds.InstanceNumber = self.series, 1, 1
        ds.ViewPosition, ds.PatientOrientation, ds.PixelSpacing = "PA", ["L", "F"], [PIXEL, PIXEL]
        self.images = [with_pixels(ds, pixels)]

    def pixel(self, centre):
        return np.array([(centre - MIDDLE)[0] / PIXEL + 49.5, (centre - MIDDLE)[1] / PIXEL + 44.5])

    def nearest(self, _):
        return 0

    def ball(self, centre, radius):
        x, y = self.pixel(centre)
        return ((self.x - x) ** 2 + (self.y - y) ** 2 <= (radius / PIXEL) ** 2)


def base(kind, modality, of):
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.SOPClassUID, ds.SOPInstanceUID, ds.Modality = kind, uid(), modality
    ds.StudyInstanceUID, ds.AccessionNumber, ds.StudyID = of.study, of.accession, str(of.number)
    ds.PatientName, ds.PatientID, ds.PatientBirthDate, ds.PatientSex = "Made^Up", f"P{of.number}", "", "O"
    ds.StudyDate, ds.StudyTime, ds.ReferringPhysicianName = "20240131", "101500", ""
    return ds


def with_pixels(ds, pixels):
    ds.Rows, ds.Columns = pixels.shape
    ds.BitsAllocated, ds.BitsStored, ds.HighBit = 16, 16, 15
    ds.SamplesPerPixel, ds.PhotometricInterpretation, ds.PixelRepresentation = 1, "MONOCHROME2", 0
    ds.PixelData = pixels.astype(np.uint16).tobytes()
    return ds


# ---------------------------------------------------------------------------------------------- objects

class Thing:
    """What is drawn: category, side, centre, diameter in mm, and what a reader says of its presence."""

    def __init__(self, category, side, diameter, shift=0.0, stance="Present"):
        self.category, self.side, self.diameter, self.stance = category, side, diameter, stance
        self.centre = MIDDLE + [ASIDE * (1 if side == "left" else -1), shift, 0]


def seg(kind, told_side=False, semantic=False, **more):
    def make(of, things):
        masks = [of.ball(t.centre, t.diameter / 2) for t in things]
        if semantic:
            # All of one category is one segment.
            by = {}
            for thing, mask in zip(things, masks):
                by.setdefault(thing.category, (thing, []))[1].append(mask)
            things, masks = [t for t, _ in by.values()], [np.logical_or.reduce(m) for _, m in by.values()]
        array = np.stack(masks, -1).astype(np.uint8).reshape(of.count, ROWS, COLUMNS, len(things))
        if kind == "FRACTIONAL":
            # Under a half around it: what reaches half of the maximum is the finding.
            wide = np.stack([of.ball(t.centre, t.diameter / 2 + 15) for t in things], -1).reshape(array.shape)
            array = np.where(array > 0, 0.9, np.where(wide, 0.3, 0.0))
        if kind == "LABELMAP":
            flat = np.zeros(array.shape[:3], np.uint8)
            for number in range(len(things)):
                flat[array[..., number] > 0] = number + 1
            array = flat
        told = [description(i + 1, f"finding {i + 1}", t.category, value=CODES[t.category]) for i, t in enumerate(things)]
        ds = segmentation(of.images, array, kind, told, **more)
        for item, thing in zip(ds.SegmentSequence, things) if told_side else ():
            region, side = Dataset(), Dataset()
            region.CodeValue, region.CodingSchemeDesignator, region.CodeMeaning = "39607008", "SCT", "Lung"
            side.CodeValue, side.CodeMeaning = SIDES[thing.side]
            side.CodingSchemeDesignator = "SCT"
            region.AnatomicRegionModifierSequence = [side]
            item.AnatomicRegionSequence = [region]
        return {".dcm": ds}
    return make


def rtstruct(external):
    def make(of, things):
        ds = base("1.2.840.10008.5.1.4.1.1.481.3", "RTSTRUCT", of)
        ds.SeriesInstanceUID, ds.StructureSetLabel = uid(), "FINDINGS"
        frame, study, series = Dataset(), Dataset(), Dataset()
        frame.FrameOfReferenceUID = of.frame
        study.ReferencedSOPClassUID, study.ReferencedSOPInstanceUID = "1.2.840.10008.3.1.2.3.1", of.study
        series.SeriesInstanceUID, series.ContourImageSequence = of.series, []
        for image in of.images:
            item = Dataset()
            item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = image.SOPClassUID, image.SOPInstanceUID
            series.ContourImageSequence.append(item)
        study.RTReferencedSeriesSequence, frame.RTReferencedStudySequence = [series], [study]
        ds.ReferencedFrameOfReferenceSequence = [frame]
        ds.StructureSetROISequence, ds.ROIContourSequence, ds.RTROIObservationsSequence = [], [], []
        drawn = [(t.category, "", t.centre, t.diameter / 2, t.diameter / 2) for t in things]
        if external:
            drawn.append(("Body", "EXTERNAL", MIDDLE, 130.0, 1000.0))
        for number, (name, kind, centre, radius, depth) in enumerate(drawn, 1):
            roi, contours, told = Dataset(), Dataset(), Dataset()
            roi.ROINumber, roi.ROIName, roi.ReferencedFrameOfReferenceUID = number, name, of.frame
            roi.ROIGenerationAlgorithm = "MANUAL"
            contours.ReferencedROINumber, contours.ContourSequence = number, []
            told.ObservationNumber, told.ReferencedROINumber, told.RTROIInterpretedType = number, number, kind
            told.ROIInterpreter = ""
            for k, image in enumerate(of.images):
                off = float((of.origin + of.normal * of.gap * k - centre) @ of.normal)
                if abs(off) >= depth:
                    continue
                wide = radius if depth > radius else (radius**2 - off**2) ** 0.5
                turn = np.linspace(0, 2 * np.pi, 48, endpoint=False)[:, None]
                points = centre + of.normal * off + wide * (np.cos(turn) * of.row + np.sin(turn) * of.column)
                contour, item = Dataset(), Dataset()
                item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = image.SOPClassUID, image.SOPInstanceUID
                contour.ContourImageSequence, contour.ContourGeometricType = [item], "CLOSED_PLANAR"
                contour.NumberOfContourPoints, contour.ContourData = len(points), [f"{v:.3f}" for v in points.ravel()]
                contours.ContourSequence.append(contour)
            ds.StructureSetROISequence.append(roi)
            ds.ROIContourSequence.append(contours)
            ds.RTROIObservationsSequence.append(told)
        return {".dcm": ds}
    return make


def sr(form, laterality=True, unit="mm"):
    import highdicom as hd
    from highdicom.sr import CodedConcept, FindingSite, ImageRegion, ImageRegion3D, Measurement, TrackingIdentifier
    from pydicom.sr.codedict import codes

    def make(of, things):
        groups = []
        for number, thing in enumerate(things):
            image = of.images[of.nearest(thing.centre)]
            site = FindingSite(codes.SCT.Lung, laterality=CodedConcept(*[SIDES[thing.side][0], "SCT", SIDES[thing.side][1]])
                               if laterality else None)
            common = dict(
                tracking_identifier=TrackingIdentifier(uid=uid(), identifier=f"target {number}"),
                finding_type=CodedConcept(CODES[thing.category], "SCT", thing.category), finding_sites=[site])
            if thing.stance == "Present":
                common["measurements"] = [Measurement(
                    name=codes.SCT.Diameter, value=thing.diameter / (10 if unit == "cm" else 1),
                    unit=codes.UCUM.Centimeter if unit == "cm" else codes.UCUM.Millimeter)]
            else:
                value = {"Absent": ("2667000", "SCT", "Absent"), "Uncertain": ("371930009", "SCT", "Possible")}[thing.stance]
                common["qualitative_evaluations"] = [hd.sr.QualitativeEvaluation(
                    name=CodedConcept("705057003", "SCT", "Presence"), value=CodedConcept(*value))]
            x, y = of.pixel(thing.centre) + 0.5
            if thing.stance == "Absent":
                groups.append(hd.sr.MeasurementsAndQualitativeEvaluations(
                    source_images=[hd.sr.SourceImageForMeasurementGroup.from_source_image(image)], **common))
            elif form == "2D":
                # The circle is smaller than the finding: what was measured outranks it.
                region = ImageRegion(hd.sr.GraphicTypeValues.CIRCLE, np.array([[x, y], [x + 2, y]]),
                                     source_image=hd.sr.SourceImageForRegion.from_source_image(image))
                groups.append(hd.sr.PlanarROIMeasurementsAndQualitativeEvaluations(referenced_region=region, **common))
            elif form == "slices":
                near = of.nearest(thing.centre)
                regions = [
                    ImageRegion(hd.sr.GraphicTypeValues.CIRCLE, np.array([[x, y], [x + 2, y]]),
                                source_image=hd.sr.SourceImageForRegion.from_source_image(i))
                    for i in of.images[max(0, near - 1):near + 2]]
                groups.append(hd.sr.VolumetricROIMeasurementsAndQualitativeEvaluations(referenced_regions=regions, **common))
            else:
                turn = np.linspace(0, 2 * np.pi, 25)[:, None]
                points = thing.centre + thing.diameter / 2 * (np.cos(turn) * of.row + np.sin(turn) * of.column)
                points[-1] = points[0]
                region = ImageRegion3D(hd.sr.GraphicTypeValues3D.POLYGON, points, of.frame)
                groups.append(hd.sr.PlanarROIMeasurementsAndQualitativeEvaluations(referenced_region=region, **common))
        report = hd.sr.MeasurementReport(
            observation_context=hd.sr.ObservationContext(observer_person_context=hd.sr.ObserverContext(
                observer_type=codes.DCM.Person,
                observer_identifying_attributes=hd.sr.PersonObserverIdentifyingAttributes(name="Reads^One"))),
            procedure_reported=codes.LN.CTUnspecifiedBodyRegion, imaging_measurements=groups)
        return {".dcm": hd.sr.Comprehensive3DSR(
            evidence=of.images, content=report, series_instance_uid=uid(), series_number=3, sop_instance_uid=uid(),
            instance_number=1, manufacturer="m")}
    return make


def gsps(of, things):
    from highdicom.pr import (AnnotationUnitsValues, GraphicAnnotation, GraphicLayer, GraphicObject, GraphicTypeValues,
                              GrayscaleSoftcopyPresentationState, TextObject)
    layer, units, marks = GraphicLayer("MARKS", 1), AnnotationUnitsValues.PIXEL, []
    for thing in things:
        x, y = of.pixel(thing.centre) + 0.5
        half = thing.diameter / 2 / PIXEL
        circle = np.array([[x, y], [x + half, y]])
        marks.append(GraphicAnnotation(
            [of.images[of.nearest(thing.centre)]], layer,
            graphic_objects=[GraphicObject(GraphicTypeValues.CIRCLE, circle, units=units)],
            text_objects=[TextObject(thing.category, units=units, anchor_point=(float(x), float(y)))]))
    return {".dcm": GrayscaleSoftcopyPresentationState(
        referenced_images=of.images, series_instance_uid=uid(), series_number=4, sop_instance_uid=uid(),
        instance_number=1, manufacturer="m", manufacturer_model_name="m", software_versions="1",
        device_serial_number="1", content_label="MARKS", content_creator_name="Draws^Up", graphic_layers=[layer],
        graphic_annotations=marks)}


def nifti(of, things):
    import nibabel as nib
    values = {"Nodule": 1, "Pleural effusion": 2, "Pneumothorax": 3}
    data = np.zeros((of.count, ROWS, COLUMNS), np.uint8)
    for thing in things:
        data[of.ball(thing.centre, thing.diameter / 2)] = values[thing.category]
    affine = np.eye(4)
    affine[:3] = np.stack([of.row * PIXEL, of.column * PIXEL, of.normal * of.gap, of.origin], 1)
    return {".nii.gz": nib.Nifti1Image(data.transpose(2, 1, 0), np.diag([-1.0, -1, 1, 1]) @ affine)}


class Kind:
    """A kind of object: how it is made, on what, and what it can tell."""

    def __init__(self, make, film=False, whole=False, counts=True, told_side=False, middle=False):
        self.make, self.film, self.whole, self.counts = make, film, whole, counts
        self.told_side, self.middle = told_side, middle


KINDS = {
    "SEG binary": Kind(seg("BINARY")),
    "SEG fractional": Kind(seg("FRACTIONAL", max_fractional_value=200)),
    "SEG label map": Kind(seg("LABELMAP")),
    "SEG, semantic": Kind(seg("BINARY", semantic=True), counts=False),
    "SEG, side told": Kind(seg("BINARY", told_side=True), told_side=True),
    "SEG of a film": Kind(seg("BINARY"), film=True),
    "RTSTRUCT": Kind(rtstruct(False)),
    "RTSTRUCT with body": Kind(rtstruct(True), middle=True),
    "SR, 2D": Kind(sr("2D"), told_side=True),
    "SR, 2D, no side told": Kind(sr("2D", laterality=False, unit="cm")),
    "SR, 3D": Kind(sr("3D", laterality=False)),
    "SR, several slices": Kind(sr("slices"), told_side=True),
    "GSPS": Kind(gsps),
    # All of one label is one annotation.
    "NIfTI": Kind(nifti, whole=True, counts=False),
}


# ---------------------------------------------------------------------------------------------- reports

OTHER = {"left": "right", "right": "left"}
DEPARTURES = [
    "match", "denied", "denied for the other side", "doubt", "left out", "side", "one of two sides", "both sides match",
    "bilateral", "size too large", "size too small", "size fits", "too many", "number fits", "multiple", "added",
    "size told as range", "effusion, side", "effusion, denied", "drawn absent", "drawn doubtful", "nothing drawn",
]


def plan(kind, departure, side, size, sided):
    """What is drawn, what the report says, and what is told: with found and with whole coverage."""
    one = [Thing("Nodule", side, size)]
    other, nodule = OTHER[side], f"There is a {size:g} mm nodule in the {side} lung."
    nothing = ("No Finding", "report-only")
    always = lambda text, *conflicts, things=one: (things, text, set(conflicts), set(conflicts))
    whole = lambda text, *conflicts, things=one: (things, text, set(conflicts) if kind.whole else set(), set(conflicts))
    is_sr = "sr.<locals>" in getattr(kind.make, "__qualname__", "")
    match departure:
        case "match":
            return always(nodule)
        case "denied":
            return always("No lung nodule.", ("Nodule", "denied"), nothing)
        case "denied for the other side":
            outcome = "image-only" if sided else "denied"
            return always(f"No {other} lung nodule.", ("Nodule", outcome), nothing)
        case "doubt":
            return always(f"Possible nodule in the {side} lung.", ("Nodule", "uncertain-drawn"))
        case "left out":
            return always("The trachea is midline.", ("Nodule", "image-only"), nothing)
        case "side":
            return always(nodule.replace(side, other), *[("Nodule", "side")] * sided)
        case "one of two sides":
            both = [*one, Thing("Nodule", other, size)]
            # One annotation that lies on both sides.
            return always(nodule, *[("Nodule", "side")] * sided, things=both)
        case "both sides match":
            both = [*one, Thing("Nodule", other, size)]
            return always("There are bilateral lung nodules.", things=both)
        case "bilateral":
            return whole("There are bilateral lung nodules.", *[("Nodule", "side")] * sided)
        case "size too large":
            return always(f"There is a {size * 2 + 10:g} mm nodule in the {side} lung.", ("Nodule", "size"))
        case "size too small":
            return always(f"There is a {size / 10 / 4:.1f} cm nodule in the {side} lung.", ("Nodule", "size"))
        case "size fits":
            return always(f"There is a {size * 1.2 / 10:.1f} x {size / 10:.1f} cm nodule in the {side} lung.")
        case "size told as range":
            return always(f"There is a {size - 4:g}-{size + 4:g} mm nodule in the {side} lung.")
        case "too many" | "number fits":
            three = [Thing("Nodule", side, 18, shift) for shift in (-40, 0, 40)]
            if departure == "number fits":
                return always(f"There are three nodules in the {side} lung.", things=three) if kind.counts else None
            return always(f"There is a solitary nodule in the {side} lung.", *[("Nodule", "count")] * kind.counts, things=three)
        case "multiple":
            if not kind.counts:
                return None
            return whole(f"There are multiple nodules in the {side} lung.", ("Nodule", "count"))
        case "added":
            return whole(f"{nodule} There is a {other} pneumothorax.", ("Pneumothorax", "report-only"))
        case "effusion, side":
            things = [*one, Thing("Pleural effusion", side, 34, 36)]
            return always(f"{nodule} {other.title()} pleural effusion.", *[("Effusion", "side")] * sided, things=things)
        case "effusion, denied":
            things = [*one, Thing("Pleural effusion", side, 34, 36)]
            return always(f"{nodule} No pleural effusion.", ("Effusion", "denied"), things=things)
        case "drawn absent" if is_sr:
            things = [*one, Thing("Pneumothorax", side, 0, stance="Absent")]
            return always(f"{nodule} There is a {side} pneumothorax.", ("Pneumothorax", "report-only"), things=things)
        case "drawn doubtful" if is_sr:
            things = [Thing("Nodule", side, size, stance="Uncertain")]
            return always(f"Possible nodule in the {side} lung.", things=things)
        case "nothing drawn" if kind.whole:
            return always(nodule, ("Nodule", "report-only"), things=[])
    return None


def has_side(kind, orientation):
    """Sagittal slices alone do not tell where the middle is, unless the source tells it or the side."""
    return kind.told_side or kind.middle or orientation != "sagittal"


class Case:
    def __init__(self, name, departure, of, text, found, whole):
        self.name, self.departure, self.of, self.text = name, departure, of, text
        self.expected = {"found": found, "whole": whole}


def make_cases(work):
    shutil.rmtree(work, ignore_errors=True)
    for folder in ("images", "objects", "masks"):
        os.makedirs(f"{work}/{folder}")
    cases, masks = {}, []
    orientations = list(ORIENTATIONS)
    for at, (name, kind) in enumerate(KINDS.items()):
        for turn, departure in enumerate(DEPARTURES):
            for side in ("left", "right"):
                number = len(cases) + 1
                size = 20.0 + 2 * (number % 6)
                orientation = "film" if kind.film else orientations[(at + turn + (side == "left") * 3) % len(orientations)]
                planned = plan(kind, departure, side, size, has_side(kind, orientation))
                if planned is None:
                    continue
                things, text, found, whole = planned
                balls = [(t.centre, t.diameter / 2) for t in things if t.stance != "Absent"]
                of = Film(number, balls) if kind.film else Series(number, orientation, balls)
                for image in of.images:
                    image.save_as(f"{work}/images/{number:04}-{image.InstanceNumber:02}.dcm", enforce_file_format=True)
                for ending, thing in kind.make(of, things).items():
                    place = f"{work}/{'masks' if kind.whole else 'objects'}/{number:04}{ending}"
                    if kind.whole:
                        thing.to_filename(place)
                        masks.append([os.path.basename(place), of.series, of.study])
                    else:
                        thing.save_as(place, enforce_file_format=True)
                cases[f"r{number:04}"] = Case(name, departure, of, "FINDINGS: " + text, found, whole)
    write_csv(f"{work}/masks/images.csv", ["file", "series_uid", "study_uid"], masks)
    write_csv(f"{work}/masks/labels.csv", ["value", "name"], [[1, "Nodule"], [2, "Pleural effusion"], [3, "Pneumothorax"]])
    # Half of the reports know the accession number, half the UID.
    write_csv(f"{work}/reports.csv", ["id", "accession", "study_uid", "text"], [
        [report, c.of.accession if c.of.number % 2 else "", "" if c.of.number % 2 else c.of.study, c.text]
        for report, c in cases.items()])
    crosswalk(f"{work}/categories.csv", [*LABELS.items(), ("Body", "")])
    return cases


def crosswalk(path, rows):
    write_csv(path, ["category", "label", "relation", "confirmed", "by"],
              [[category, label, "exact" if label else "", "yes", "script"] for category, label in rows])


def write_csv(path, header, rows):
    with open(path, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)


# ---------------------------------------------------------------------------------------------- running

def call(command, allowed=(0,)):
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True)
    if done.returncode not in allowed:
        sys.exit(f"{' '.join(map(str, command))}\nexit {done.returncode}: {done.stderr[-3000:]}")
    return done.stderr


def conflicts(path):
    found = defaultdict(set)
    for row in csv.DictReader(open(path, newline="")):
        if row["report_id"] and row["conflict"] == "true":
            if row["outcome"] in OUTCOMES:
                found[row["report_id"]].add((row["label"], row["outcome"]))
            found[row["report_id"]].update((row["label"], c) for c in row["conflicts"].split("; ") if c)
    return found


def run_cases(program, work, cases):
    images, objects, masks = f"{work}/images", f"{work}/objects", f"{work}/masks"
    studies, links = f"{work}/studies.csv", f"{work}/links.csv"
    call([program, "studies", images, "--level", "image", "-o", studies])
    told = call([program, "link", f"{work}/reports.csv", "--studies", studies, "-o", links])
    linked = {row["report_id"]: row for row in csv.DictReader(open(links, newline=""))}
    right = sum(linked[r]["outcome"] == "linked" and linked[r]["study_uid"] == c.of.study for r, c in cases.items())
    print(f"{len(cases)} studies of {sum(c.of.count for c in cases.values())} images; linked rightly: {right}")
    fine = right == len(cases)
    for coverage in ("found", "whole"):
        out = f"{work}/pairs-{coverage}.csv"
        command = [program, "pair", f"{work}/reports.csv", "--annotations", objects, "--annotations", masks, "--studies",
                   studies, "--links", links, "--scheme", SCHEME, "--categories", f"{work}/categories.csv", "-o", out]
        command += ["--coverage", "whole"] if coverage == "whole" else []
        command += ["--report", f"{work}/page-{coverage}.html", "--images", images]
        with open(f"{work}/stderr-{coverage}.txt", "w") as file:
            file.write(call(command))
        fine &= tell(f"Coverage {coverage if coverage == 'whole' else 'as the objects tell it'}", cases,
                     {r: c.expected[coverage] for r, c in cases.items()}, conflicts(out))
    return fine


def tell(title, cases, expected, found):
    print(f"\n{title}\n{'':24}" + "".join(f"{k:>17}" for k in (*OUTCOMES, *DISCORDS)))
    wrong, sums = [], Counter()
    for name in dict.fromkeys(c.name for c in cases.values()):
        cells = defaultdict(Counter)
        for report, case in cases.items():
            if case.name != name:
                continue
            for label, kind in expected[report] | found[report]:
                one = (label, kind)
                cells[kind]["planned"] += one in expected[report]
                cells[kind]["found"] += one in expected[report] & found[report]
                cells[kind]["invented"] += one in found[report] - expected[report]
            if expected[report] != found[report]:
                wrong.append((report, case, expected[report] - found[report], found[report] - expected[report]))
        row = ""
        for kind in (*OUTCOMES, *DISCORDS):
            c = cells[kind]
            sums.update({k: c[k] for k in ("planned", "found", "invented")})
            row += f"{c['planned']:>8}/{c['found']}+{c['invented']}".rjust(17)
        print(f"{name:24}{row}")
    print(f"planned {sums['planned']}, found {sums['found']}, invented {sums['invented']} (a cell: planned/found+invented); "
          f"{len(cases) - len(wrong)} of {len(cases)} reports as planned")
    for report, case, missed, invented in wrong[:40]:
        print(f"  {report} {case.name}, {case.departure}, {case.of.orientation}: missed {sorted(missed)}, invented {sorted(invented)}")
    return not wrong


# ---------------------------------------------------------------------------------------------- pydicom's files

def roots():
    import pydicom.data
    yield os.path.dirname(pydicom.data.__file__)
    for name in ("data_store", "highdicom"):
        spec = importlib.util.find_spec(name)
        if spec and spec.submodule_search_locations:
            yield list(spec.submodule_search_locations)[0]


def read_theirs(program, work):
    """Every sample file: read by pydicom, by radlabel, told."""
    folders = list(roots())
    out = f"{work}/samples.jsonl"
    done = subprocess.run([program, "studies", *folders, "--level", "image", "--format", "jsonl", "-o", out],
                          capture_output=True, text=True)
    rows = defaultdict(list)
    for line in open(out):
        row = json.loads(line)
        rows[row["path"]].append(row)
    told = [line for line in done.stderr.splitlines() if "problem:" in line]
    counts, odd = Counter(), []
    for root, path in sorted((f, p) for f in folders for p in glob.glob(f + "/**/*", recursive=True) if os.path.isfile(p)):
        try:
            ds = pydicom.dcmread(path, stop_before_pixels=True)
            theirs = "directory" if "DirectoryRecordSequence" in ds else "read"
            uid_of = str(ds.get("SOPInstanceUID", "")) or None
        except Exception as error:
            theirs, uid_of = type(error).__name__, None
        mine = rows.get(os.path.relpath(path, root), [])
        said = [line for line in told if path + ":" in line]
        how = "row" if mine and not mine[0].get("problems") else "row with problems" if mine else "told" if said else "passed over"
        counts[theirs, how] += 1
        if theirs == "read" and not any(row.get("sop_uid") == uid_of for row in mine):
            odd.append(f"  {os.path.basename(path)}: read by pydicom; {' '.join(said).rsplit(': ', 1)[-1] or how}")
    print(f"\nSample files of {', '.join(os.path.basename(f) for f in folders)}: {sum(counts.values())}; exit {done.returncode}")
    for (theirs, how), count in sorted(counts.items()):
        print(f"  pydicom: {theirs:20} radlabel: {how:18} {count}")
    print("\n".join(odd))




def theirs(folders):
    """Path of each SEG, RTSTRUCT and SR, its study, its categories."""
    for path in sorted(p for f in folders for p in glob.glob(f + "/**/*.dcm", recursive=True)):
        try:
            ds = pydicom.dcmread(path, force=True)
        except Exception:
            continue
        kind = str(ds.get("SOPClassUID", ""))
        if kind == "1.2.840.10008.5.1.4.1.1.66.4":
            yield path, ds, "SEG", [s.SegmentLabel for s in ds.SegmentSequence]
        elif kind == "1.2.840.10008.5.1.4.1.1.481.3":
            yield path, ds, "RTSTRUCT", [s.ROIName for s in ds.StructureSetROISequence]
        elif kind.startswith("1.2.840.10008.5.1.4.1.1.88."):
            yield path, ds, "SR", []


def pair_theirs(program, work):
    """pydicom's SEG, RTSTRUCT and SR, with reports of their studies: every category is taken for a mass."""
    folder = f"{work}/theirs"
    os.makedirs(folder)
    kept, cases, categories = {}, {}, set()
    for path, ds, kind, names in theirs(roots()):
        # The same object in another encoding, or cut to a frame, is left out.
        if ds.SOPInstanceUID in kept or "1frame" in path and kind == "SEG":
            continue
        kept[ds.SOPInstanceUID] = path
        shutil.copy(path, folder)
        categories.update(names)
        if kind == "SEG":
            measures = ds.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
            down, across = map(float, measures.PixelSpacing)
            y, x = np.nonzero(ds.pixel_array.reshape(-1, ds.Rows, ds.Columns).any(0))
            size = max(np.ptp(x) * across, np.ptp(y) * down)
            # The rows run to the patient's left.
            directions = ds.SharedFunctionalGroupsSequence[0].PlaneOrientationSequence[0].ImageOrientationPatient
            assert [float(v) for v in directions] == [1, 0, 0, 0, 1, 0]
            # Two thirds of the width must lie on one side.
            share = (ds.Columns / 2 - x.min()) / (x.max() + 1 - x.min())
            side = "right" if share > 2 / 3 else "left" if share < 1 / 3 else None
        elif kind == "RTSTRUCT":
            points = [np.array(c.ContourData, float).reshape(-1, 3) for r in ds.ROIContourSequence for c in r.ContourSequence]
            size, side = max(np.ptp(p, 0).max() for p in points), None
        for departure, text, expected in [
            ("match", "There is a mass.", set()),
            ("denied", "No mass.", {("Mass", "denied"), ("No Finding", "report-only")}),
            ("doubt", "Possible mass.", {("Mass", "uncertain-drawn")}),
            ("left out", "The trachea is midline.", {("Mass", "image-only"), ("No Finding", "report-only")}),
            ("size too small", f"There is a {size / 4:.0f} mm mass." if names else "", {("Mass", "size")}),
            ("size fits", f"There is a {size:.0f} mm mass." if names else "", set()),
            ("side", f"There is a {OTHER.get(side, 'left')} lung mass." if names else "", {("Mass", "side")} if names and side else set()),
            ("side fits", f"There is a {side or 'right'} lung mass." if names else "", set()),
        ] if names else []:
            of = argparse.Namespace(study=str(ds.StudyInstanceUID), orientation=os.path.basename(path))
            cases[f"t{len(cases) + 1:02}"] = Case(f"pydicom's {kind}", departure, of, "FINDINGS: " + text, expected, expected)
    write_csv(f"{work}/theirs.csv", ["id", "study_uid", "text"], [[r, c.of.study, c.text] for r, c in cases.items()])
    crosswalk(f"{work}/theirs-categories.csv", [(c, "Mass") for c in sorted(categories)])
    told = call([program, "pair", f"{work}/theirs.csv", "--annotations", folder, "--scheme", SCHEME, "--categories",
                 f"{work}/theirs-categories.csv", "-o", f"{work}/theirs-pairs.csv"], (0, 1))
    print("\n" + "".join(line + "\n" for line in told.splitlines() if "problem" in line or "warning" in line), end="")
    expected = {r: c.expected["found"] for r, c in cases.items()}
    return tell(f"pydicom's objects ({len(kept)}: {', '.join(map(os.path.basename, kept.values()))})", cases, expected,
                conflicts(f"{work}/theirs-pairs.csv"))


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    program, work = os.path.abspath(sys.argv[1]), sys.argv[2]
    cases = make_cases(work)
    fine = run_cases(program, work, cases)
    read_theirs(program, work)
    fine &= pair_theirs(program, work)
    sys.exit(0 if fine else 1)


if __name__ == "__main__":
    main()
