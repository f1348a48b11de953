#!/usr/bin/env python3
"""DICOM SEG, RTSTRUCT, SR, GSPS and NIfTI: what radlabel reads against pydicom, nibabel, numpy and scipy.

    python3 -m venv venv && venv/bin/pip install pydicom highdicom nibabel scipy numpy
    venv/bin/python tests/measure/annotation_objects.py make FOLDER     # objects by highdicom and nibabel; pydicom's own
    RADLABEL_ANNOTATIONS=FOLDER cargo test --lib --features dicom real_annotations -- --ignored --nocapture > read.txt
    venv/bin/python tests/measure/annotation_objects.py check FOLDER read.txt

`check` reads every file again with the other libraries and measures it in the plain way (label arrays, all pairs of
hull points); it prints each difference and exits 1 if there is one. Tolerances: 1e-3 mm for places and diameters,
1e-4 of a volume.
"""
import glob
import json
import os
import shutil
import sys

import numpy as np

MM, SHARE = 1e-3, 1e-4


# ---------------------------------------------------------------------------------------------- making

def ct_series(count=12, rows=48, columns=40, spacing=(0.8, 0.7), gap=2.5, iop=(1, 0, 0, 0, 1, 0)):
    """A CT series with places in the patient."""
    import pydicom
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, generate_uid

    study, series, frame = generate_uid(), generate_uid(), generate_uid()
    normal = np.cross(iop[:3], iop[3:])
    out = []
    for k in range(count):
        ds = Dataset()
        ds.file_meta = FileMetaDataset()
        ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        ds.SOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
        ds.SOPInstanceUID = generate_uid()
        ds.StudyInstanceUID, ds.SeriesInstanceUID, ds.FrameOfReferenceUID = study, series, frame
        ds.PatientName, ds.PatientID, ds.PatientBirthDate, ds.PatientSex = "Made^Up", "P1", "", "O"
        ds.StudyDate, ds.StudyTime, ds.AccessionNumber, ds.StudyID = "20240131", "101500", "A1", "1"
        ds.ReferringPhysicianName, ds.Modality = "", "CT"
        ds.SeriesNumber, ds.InstanceNumber = 1, k + 1
        ds.Rows, ds.Columns, ds.BitsAllocated, ds.BitsStored, ds.HighBit = rows, columns, 16, 16, 15
        ds.SamplesPerPixel, ds.PhotometricInterpretation, ds.PixelRepresentation = 1, "MONOCHROME2", 0
        ds.PixelSpacing, ds.SliceThickness = list(spacing), gap
        ds.ImageOrientationPatient = list(iop)
        ds.ImagePositionPatient = list(np.round(np.array([-17.0, -23.5, 40.0]) + normal * gap * k, 6))
        ds.PixelData = np.zeros((rows, columns), np.uint16).tobytes()
        out.append(ds)
    return out


def radiograph(rows=60, columns=50):
    ds = ct_series(1, rows, columns)[0]
    ds.SOPClassUID, ds.Modality = "1.2.840.10008.5.1.4.1.1.1", "CR"
    for name in ("FrameOfReferenceUID", "ImageOrientationPatient", "ImagePositionPatient", "SliceThickness"):
        delattr(ds, name)
    return ds


def blobs(shape, seed, count=3):
    random = np.random.default_rng(seed)
    grid = np.indices(shape)
    out = np.zeros(shape, bool)
    for _ in range(count):
        centre = [random.uniform(2, n - 2) for n in shape]
        radius = [random.uniform(1, n / 5) for n in shape]
        out |= sum(((g - c) / r) ** 2 for g, c, r in zip(grid, centre, radius)) < 1
    return out


def description(number, label, kind, sct="SCT", value="27925004", modifiers=None, tracking=True):
    import highdicom as hd
    from pydicom.sr.codedict import Code
    from pydicom.uid import generate_uid

    extra = dict(tracking_id=label, tracking_uid=generate_uid()) if tracking else {}
    return hd.seg.SegmentDescription(
        segment_number=number, segment_label=label,
        segmented_property_category=Code("49755003", "SCT", "Morphologically Abnormal Structure"),
        segmented_property_type=Code(value, sct, kind),
        algorithm_type=hd.seg.SegmentAlgorithmTypeValues.AUTOMATIC,
        algorithm_identification=hd.AlgorithmIdentificationSequence(
            name="Contourer", version="1", family=Code("123109", "DCM", "Artificial Intelligence")),
        anatomic_regions=modifiers, **extra)


def segmentation(images, array, kind, descriptions, syntax=None, **more):
    import highdicom as hd
    from pydicom.uid import ExplicitVRLittleEndian, generate_uid

    return hd.seg.Segmentation(
        source_images=images, pixel_array=array, segmentation_type=kind, segment_descriptions=descriptions,
        series_instance_uid=generate_uid(), series_number=2, sop_instance_uid=generate_uid(), instance_number=1,
        manufacturer="m", manufacturer_model_name="m", software_versions="1", device_serial_number="1",
        transfer_syntax_uid=syntax or ExplicitVRLittleEndian, **more)


def make_segs(folder):
    import highdicom as hd
    from pydicom.uid import (DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian, RLELossless)

    def save(name, ds):
        ds.save_as(os.path.join(folder, name), enforce_file_format=True)

    lean = (0.8, 0.6, 0, 0, 0, -1)
    for name, iop in (("axial", (1, 0, 0, 0, 1, 0)), ("sagittal", (0, 1, 0, 0, 0, -1)), ("oblique", lean)):
        images = ct_series(iop=iop)
        shape = (len(images), images[0].Rows, images[0].Columns)
        masks = [blobs(shape, seed) for seed in (1, 2, 3)]
        array = np.stack(masks, -1).astype(np.uint8)
        told = [description(i + 1, f"lesion {i + 1}", kind) for i, kind in enumerate(("Nodule", "Nodule", "Cyst"))]
        save(f"seg-binary-{name}.dcm", segmentation(images, array, "BINARY", told))
        fraction = np.clip(np.stack(masks, -1) * np.random.default_rng(5).uniform(0, 1, array.shape), 0, 1)
        for suffix, syntax in (("native", ExplicitVRLittleEndian), ("rle", RLELossless), ("implicit", ImplicitVRLittleEndian)):
            save(f"seg-fractional-{name}-{suffix}.dcm", segmentation(images, fraction, "FRACTIONAL", told, syntax, max_fractional_value=200))
        flat = np.zeros(shape, np.uint8)
        for number, mask in enumerate(masks):
            flat[mask] = number + 1
        for suffix, syntax in (("native", ExplicitVRLittleEndian), ("rle", RLELossless)):
            try:
                save(f"seg-labelmap-{name}-{suffix}.dcm", segmentation(images, flat, "LABELMAP", told, syntax))
            except Exception as e:  # older highdicom
                print("no label map:", type(e).__name__, e)
    # A bit length that is no multiple of 8, and all slices kept.
    images = ct_series(5, 13, 11)
    array = blobs((5, 13, 11), 9)[..., None].astype(np.uint8)
    save("seg-binary-odd.dcm", segmentation(images, array, "BINARY", [description(1, "x", "Nodule")], omit_empty_frames=False))
    # The whole data set deflated.
    ds = segmentation(images, array, "BINARY", [description(1, "x", "Nodule")])
    ds.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    save("seg-binary-deflated.dcm", ds)
    # A radiograph: a mask of pixels.
    film = radiograph()
    array = np.stack([blobs((60, 50), 4), blobs((60, 50), 6)], -1)[None].astype(np.uint8)
    save("seg-film.dcm", segmentation([film], array, "BINARY", [description(1, "a", "Mass"), description(2, "b", "Consolidation")]))


def make_srs(folder):
    import highdicom as hd
    from highdicom.sr import (CodedConcept, FindingSite, ImageRegion, ImageRegion3D, Measurement, MeasurementReport, TrackingIdentifier)
    from pydicom.sr.codedict import codes
    from pydicom.uid import generate_uid

    images = ct_series(4)
    image = images[1]
    observer = hd.sr.ObservationContext(observer_device_context=hd.sr.ObserverContext(
        observer_type=codes.DCM.Device,
        observer_identifying_attributes=hd.sr.DeviceObserverIdentifyingAttributes(uid=generate_uid(), name="Measurer")))
    left = CodedConcept("7771000", "SCT", "Left")
    right = CodedConcept("24028007", "SCT", "Right")
    lung = codes.SCT.Lung
    source = hd.sr.SourceImageForRegion.from_source_image(image)

    def planar(kind, points, number, side=None, value=7.5):
        return hd.sr.PlanarROIMeasurementsAndQualitativeEvaluations(
            tracking_identifier=TrackingIdentifier(uid=generate_uid(), identifier=f"target {number}"),
            referenced_region=ImageRegion(kind, np.array(points, float), source_image=source),
            finding_type=codes.SCT.Nodule,
            finding_sites=[FindingSite(lung, laterality=side)],
            measurements=[Measurement(name=codes.SCT.Diameter, value=value, unit=codes.UCUM.Millimeter),
                          Measurement(name=CodedConcept("112031", "DCM", "Attenuation Coefficient"), value=-420.5, unit=CodedConcept("[hnsf'U]", "UCUM", "Hounsfield unit"),
                                      derivation=codes.SCT.Mean)])

    kinds = hd.sr.GraphicTypeValues
    groups = [
        planar(kinds.POLYLINE, [[3, 4], [9, 4], [9, 12], [3, 4]], 1, left),
        planar(kinds.CIRCLE, [[20, 20], [25, 20]], 2, right, 12.0),
        planar(kinds.ELLIPSE, [[10, 30], [20, 30], [15, 27], [15, 33]], 3),
    ]
    frame = image.FrameOfReferenceUID
    groups3 = [hd.sr.PlanarROIMeasurementsAndQualitativeEvaluations(
        tracking_identifier=TrackingIdentifier(uid=generate_uid(), identifier="target 3D"),
        referenced_region=ImageRegion3D(hd.sr.GraphicTypeValues3D.POLYGON,
                                        np.array([[0, 0, 40], [10, 0, 40], [10, 20, 40], [0, 20, 40], [0, 0, 40]], float), frame),
        finding_type=codes.SCT.Mass,
        finding_sites=[FindingSite(lung, laterality=right)])]
    volumetric = [hd.sr.VolumetricROIMeasurementsAndQualitativeEvaluations(
        tracking_identifier=TrackingIdentifier(uid=generate_uid(), identifier="volume"),
        referenced_regions=[ImageRegion(kinds.POLYLINE, np.array([[3, 4], [9, 4], [9, 12], [3, 4]], float),
                                        source_image=hd.sr.SourceImageForRegion.from_source_image(i)) for i in images[:3]],
        finding_type=codes.SCT.Neoplasm)]
    absent = hd.sr.MeasurementsAndQualitativeEvaluations(
        tracking_identifier=TrackingIdentifier(uid=generate_uid(), identifier="absent"),
        finding_type=codes.SCT.PleuralEffusion,
        source_images=[hd.sr.SourceImageForMeasurementGroup.from_source_image(image)],
        qualitative_evaluations=[hd.sr.QualitativeEvaluation(
            name=CodedConcept("121052", "DCM", "Presence of property"), value=CodedConcept("272519000", "SCT", "Absent"))])
    for name, imaging in (("planar", groups), ("scoord3d", groups3), ("volumetric", volumetric), ("absent", [absent])):
        report = MeasurementReport(
            observation_context=observer, procedure_reported=codes.LN.CTUnspecifiedBodyRegion,
            imaging_measurements=imaging)
        sr = hd.sr.Comprehensive3DSR(
            evidence=images, content=report, series_instance_uid=generate_uid(), series_number=3,
            sop_instance_uid=generate_uid(), instance_number=1, manufacturer="m")
        sr.save_as(os.path.join(folder, f"sr-{name}.dcm"), enforce_file_format=True)


def make_gsps(folder):
    import highdicom as hd
    from highdicom.pr import (AnnotationUnitsValues, GraphicAnnotation, GraphicLayer, GraphicObject, GraphicTypeValues,
                              GrayscaleSoftcopyPresentationState, TextObject)
    from pydicom.uid import generate_uid

    images = ct_series(2)
    layer = GraphicLayer("MARKS", 1)
    pixel, display = AnnotationUnitsValues.PIXEL, AnnotationUnitsValues.DISPLAY

    def graphic(kind, points, units=pixel):
        return GraphicObject(kind, np.array(points, float), units=units)

    annotations = [
        GraphicAnnotation([images[0]], layer, graphic_objects=[
            graphic(GraphicTypeValues.POLYLINE, [[1, 2], [11, 2], [11, 9], [1, 2]]),
            graphic(GraphicTypeValues.CIRCLE, [[20, 20], [23, 24]]),
            graphic(GraphicTypeValues.POLYLINE, [[5, 5], [8, 9]])],
            text_objects=[TextObject("nodule", units=pixel, anchor_point=(12.0, 3.0))]),
        GraphicAnnotation([images[1]], layer, graphic_objects=[
            graphic(GraphicTypeValues.POINT, [[7.5, 8.5]]), graphic(GraphicTypeValues.ELLIPSE, [[1, 5], [9, 5], [5, 3], [5, 7]])]),
        GraphicAnnotation([images[0]], layer, text_objects=[
            TextObject("scar", units=pixel, bounding_box=(2.0, 3.0, 12.0, 9.0))]),
        GraphicAnnotation([images[0]], layer, graphic_objects=[
            graphic(GraphicTypeValues.POLYLINE, [[0, 0], [0.5, 0.25], [1, 1]], display)]),
    ]
    state = GrayscaleSoftcopyPresentationState(
        referenced_images=images, series_instance_uid=generate_uid(), series_number=4, sop_instance_uid=generate_uid(),
        instance_number=1, manufacturer="m", manufacturer_model_name="m", software_versions="1", device_serial_number="1",
        content_label="MARKS", content_creator_name="Draws^Up", graphic_layers=[layer], graphic_annotations=annotations)
    state.save_as(os.path.join(folder, "gsps.dcm"), enforce_file_format=True)


def make_rtstruct(folder):
    """Rings: an outline, a hole in it, an island in the hole; and two bodies apart."""
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, generate_uid

    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.SOPClassUID, ds.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.481.3", generate_uid()
    ds.StudyInstanceUID, ds.SeriesInstanceUID, ds.Modality, ds.PatientID = generate_uid(), generate_uid(), "RTSTRUCT", "P1"
    ds.StructureSetROISequence, ds.ROIContourSequence, ds.RTROIObservationsSequence = [], [], []
    random = np.random.default_rng(8)
    for number, (name, scales, centres) in enumerate(
            [("Rings", (1, 0.6, 0.25), [(10, 20)]), ("Two bodies", (1,), [(-60, 0), (70, 5)]), ("Ring and body", (1, 0.5), [(0, 90), (150, 90)])], 1):
        roi, contours, told = Dataset(), Dataset(), Dataset()
        roi.ROINumber, roi.ROIName, contours.ReferencedROINumber = number, name, number
        told.ReferencedROINumber, told.RTROIInterpretedType = number, "ORGAN"
        contours.ContourSequence = []
        for z in np.arange(-6, 9, 3.0):
            for cx, cy in centres:
                angles = np.linspace(0, 2 * np.pi, 90, endpoint=False)
                radius = 25 + 5 * np.sin(3 * angles + random.uniform(0, 6))
                for scale in scales:
                    x, y = cx + scale * radius * np.cos(angles), cy + scale * radius * np.sin(angles)
                    contour = Dataset()
                    contour.ContourGeometricType, contour.NumberOfContourPoints = "CLOSED_PLANAR", len(x)
                    contour.ContourData = [f"{v:.4f}" for p in zip(x, y, np.full(len(x), z)) for v in p]
                    contours.ContourSequence.append(contour)
        ds.StructureSetROISequence.append(roi)
        ds.ROIContourSequence.append(contours)
        ds.RTROIObservationsSequence.append(told)
    ds.save_as(os.path.join(folder, "rtstruct-rings.dcm"), enforce_file_format=True)


def rastered(contours, step=0.2):
    """The area of the contours of a plane by even and odd crossings, counted on a grid; and its centre."""
    points = np.concatenate(contours)[:, :2]
    xs = np.arange(points[:, 0].min(), points[:, 0].max(), step) + step / 2
    ys = np.arange(points[:, 1].min(), points[:, 1].max(), step) + step / 2
    inside = np.zeros((len(ys), len(xs)), bool)
    for c in contours:
        for (ax, ay), (bx, by) in zip(c[:, :2], np.roll(c[:, :2], -1, 0)):
            rows = (ay > ys) != (by > ys)
            if rows.any():
                cut = (bx - ax) * (ys[rows] - ay) / (by - ay) + ax
                inside[rows] ^= xs[None] < cut[:, None]
    return inside.sum() * step * step, inside, xs, ys


def make_niftis(folder):
    import nibabel as nib

    affine = np.array([[-0.7, 0, 0, 30], [0, -0.8, 0.1, 40], [0, 0.05, 2.5, -90], [0, 0, 0, 1.0]])
    shape = (40, 36, 14)
    labels = np.zeros(shape)
    for number, seed in ((1, 11), (2, 12), (5, 13)):
        labels[blobs(shape, seed)] = number
    for name, kind in (("u8", np.uint8), ("i16", np.int16), ("f32", np.float32), ("f64", np.float64), ("u16", np.uint16), ("i32", np.int32)):
        nib.save(nib.Nifti1Image(labels.astype(kind), affine), os.path.join(folder, f"nifti1-{name}.nii.gz"))
    nib.save(nib.Nifti2Image(labels.astype(np.uint8), affine), os.path.join(folder, "nifti2-u8.nii"))
    nib.save(nib.Nifti1Image(labels.astype(np.uint8), np.eye(4)), os.path.join(folder, "nifti1-identity.nii.gz"))
    # A qform alone, turned.
    image = nib.Nifti1Image(labels.astype(np.uint8), None)
    turn = np.diag([2, 2, 3, 1.0])
    angle = 0.3
    turn[:2, :2] = 2 * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    turn[:3, 3] = [5, 6, 7]
    image.set_qform(turn @ np.diag([-1, 1, 1, 1]), code=1)
    image.set_sform(None, code=0)
    nib.save(image, os.path.join(folder, "nifti1-qform.nii.gz"))
    big = nib.Nifti1Image(labels.astype(np.int16), affine, nib.Nifti1Header(endianness=">"))
    nib.save(big, os.path.join(folder, "nifti1-big.nii"))
    scaled = nib.Nifti1Image(labels.astype(np.int16), affine)
    scaled.header.set_slope_inter(2, 0)
    nib.save(scaled, os.path.join(folder, "nifti1-scaled.nii.gz"))
    with open(os.path.join(folder, "nifti1-i16.labels.csv"), "w") as f:
        f.write("value,name\n1,liver\n2,spleen\n5,cyst\n7,gallbladder\n")


def make(folder):
    import pydicom.data

    os.makedirs(folder, exist_ok=True)
    for part in (make_segs, make_rtstruct, make_srs, make_gsps, make_niftis):
        part(folder)
    theirs = os.path.join(os.path.dirname(pydicom.data.__file__), "test_files")
    for path in glob.glob(theirs + "/*.dcm"):
        shutil.copy(path, os.path.join(folder, "pydicom-" + os.path.basename(path)))
    import nibabel
    for path in glob.glob(os.path.join(os.path.dirname(nibabel.__file__), "tests", "data", "*.nii*")):
        shutil.copy(path, os.path.join(folder, "nibabel-" + os.path.basename(path)))


# ---------------------------------------------------------------------------------------------- checking

def diameter(points):
    """The greatest distance of any two points: all pairs of the hull."""
    from scipy.spatial import ConvexHull, QhullError
    points = np.unique(points, axis=0)
    try:
        points = points[ConvexHull(points).vertices]
    except (QhullError, ValueError):
        pass
    return np.sqrt(((points[:, None] - points[None]) ** 2).sum(-1)).max()


def measured(mask, affine):
    """Measures of a mask [x, y, slice] by an affine to LPS."""
    from scipy import ndimage

    index = np.argwhere(mask)
    corners = np.array([[x, y, z] for x in (-0.5, 0.5) for y in (-0.5, 0.5) for z in (-0.5, 0.5)])
    places = np.concatenate([(index + c) @ affine[:3, :3].T + affine[:3, 3] for c in corners])
    centre = affine[:3, :3] @ index.mean(0) + affine[:3, 3]
    longest = 0
    for z in range(mask.shape[2]):
        pieces, count = ndimage.label(mask[:, :, z], np.ones((3, 3)))
        for piece in range(1, count + 1):
            pixels = np.argwhere(pieces == piece)
            edges = np.concatenate([pixels + c for c in ((-.5, -.5), (-.5, .5), (.5, -.5), (.5, .5))])
            # Lengths in the plane, from the Gram matrix of its axes.
            a, b = affine[:3, 0], affine[:3, 1]
            e1 = a / np.linalg.norm(a)
            e2 = b - (b @ e1) * e1
            e2 /= np.linalg.norm(e2)
            longest = max(longest, diameter(edges @ np.array([[a @ e1, 0], [b @ e1, b @ e2]])))
    return dict(low=places.min(0), high=places.max(0), centre=centre,
                volume=len(index) * abs(np.linalg.det(affine[:3, :3])), longest=longest,
                components=ndimage.label(mask, np.ones((3, 3, 3)))[1])


class Check:
    def __init__(self):
        self.wrong, self.done = [], 0

    def equal(self, place, found, expected):
        self.done += 1
        if found != expected:
            self.wrong.append(f"{place}: {found!r}; expected {expected!r}")

    def near(self, place, found, expected, by=MM):
        self.done += 1
        if found is None or not np.allclose(found, expected, rtol=0, atol=by):
            self.wrong.append(f"{place}: {found}; expected {expected}")

    def volume(self, place, shape, expected):
        for name in ("low", "high", "centre", "longest"):
            self.near(f"{place} {name}", shape.get(name), expected[name])
        self.near(f"{place} volume", shape.get("volume"), expected["volume"], SHARE * max(1, expected["volume"]))
        self.equal(f"{place} components", shape.get("components"), expected["components"])


def seg_arrays(ds):
    """Segment -> frames by plane, as pydicom alone decodes them."""
    kind = ds.SegmentationType
    pixels = ds.pixel_array
    if pixels.ndim == 2:
        pixels = pixels[None]
    half = getattr(ds, "MaximumFractionalValue", 255) / 2
    out = {}
    for frame, group in zip(pixels, ds.PerFrameFunctionalGroupsSequence):
        position = tuple(float(v) for v in group.PlanePositionSequence[0].ImagePositionPatient) if "PlanePositionSequence" in group else None
        if kind == "LABELMAP":
            for value in np.unique(frame[frame > 0]):
                out.setdefault(int(value), {})[position] = frame == value
        else:
            holder = group if "SegmentIdentificationSequence" in group else ds.SharedFunctionalGroupsSequence[0]
            number = holder.SegmentIdentificationSequence[0].ReferencedSegmentNumber
            mask = frame >= half if kind == "FRACTIONAL" else frame > 0
            if mask.any():
                out.setdefault(number, {})[position] = mask
    return out


def check_seg(check, place, ds, found):
    shared = ds.SharedFunctionalGroupsSequence[0]
    place = place.split(" ")[0]
    arrays = seg_arrays(ds)
    check.equal(f"{place} segments", len(found["annotations"]), len(arrays))
    by_id = {a["id"].split("#")[0]: a for a in found["annotations"]}
    for segment in ds.SegmentSequence:
        number = segment.SegmentNumber
        if number not in arrays:
            continue
        a = by_id.get(str(segment.get("TrackingUID")), by_id.get(f"{place}:{number}"))
        if a is None:
            check.wrong.append(f"{place}: segment {number} is not there")
            continue
        check.equal(f"{place} {number} type", a["category"], segment.SegmentedPropertyTypeCodeSequence[0].CodeMeaning)
        check.equal(f"{place} {number} algorithm", a["reader"], segment.get("SegmentAlgorithmName"))
        planes = arrays[number]
        if None in planes:
            runs, inside, mask = a["shape"]["mask"], False, []
            for run in runs:
                mask += [inside] * run
                inside = not inside
            rows, columns = a["shape"]["size"]
            check.equal(f"{place} {number} mask", np.array_equal(np.array(mask).reshape(columns, rows).T, planes[None]), True)
            check.equal(f"{place} {number} image", a["sop"], str(ds.PerFrameFunctionalGroupsSequence[0].DerivationImageSequence[0].SourceImageSequence[0].ReferencedSOPInstanceUID))
            continue
        check.equal(f"{place} {number} series", a["series"], str(ds.ReferencedSeriesSequence[0].SeriesInstanceUID))
        iop = np.array([float(v) for v in shared.PlaneOrientationSequence[0].ImageOrientationPatient])
        normal = np.cross(iop[:3], iop[3:])
        measures = shared.PixelMeasuresSequence[0]
        gap = float(measures.get("SpacingBetweenSlices") or measures.SliceThickness)
        order = sorted(planes, key=lambda p: np.dot(normal, p))
        first = np.array(order[0])
        index = {p: round(float(np.dot(normal, np.array(p) - first)) / gap) for p in order}
        mask = np.zeros((ds.Columns, ds.Rows, max(index.values()) + 1), bool)
        for p, k in index.items():
            mask[:, :, k] = planes[p].T
        affine = np.eye(4)
        down, across = (float(v) for v in measures.PixelSpacing)
        affine[:3, 0], affine[:3, 1], affine[:3, 2], affine[:3, 3] = iop[:3] * across, iop[3:] * down, normal * gap, first
        check.volume(f"{place} {number}", a["shape"], measured(mask, affine))


def polygon_area(points):
    x, y = points[:, 0], points[:, 1]
    return abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2


def check_rtstruct(check, place, ds, found):
    names = {r.ROINumber: r.ROIName for r in ds.StructureSetROISequence}
    rois = [r for r in ds.ROIContourSequence if r.get("ContourSequence")]
    check.equal(f"{place} ROIs", len(found["annotations"]), len(rois))
    for a, roi in zip(found["annotations"], rois):
        check.equal(f"{place} name", a["category"], names[roi.ReferencedROINumber])
        contours = [np.array([float(v) for v in c.ContourData]).reshape(-1, 3) for c in roi.ContourSequence]
        points = np.concatenate(contours)
        check.near(f"{place} low", a["shape"]["low"], points.min(0))
        check.near(f"{place} high", a["shape"]["high"], points.max(0))
        check.near(f"{place} longest", a["shape"]["longest"], max(diameter(c[:, :2]) for c in contours))
        planes = {}
        for c in contours:
            planes.setdefault(round(c[:, 2].mean(), 3), []).append(c)
        if len(planes) > 1 and all(len(p) == 1 for p in planes.values()) and all(np.ptp(c[:, 2]) == 0 for c in contours):
            gap = np.sort(np.diff(sorted(planes)))
            gap = gap[len(gap) // 2]
            check.near(f"{place} volume", a["shape"]["volume"], sum(polygon_area(c) for c in contours) * gap,
                       SHARE * max(1, a["shape"]["volume"]))
        elif "rings" in place:
            # The rule of XOR, against a grid; pieces in 3D on that grid.
            from scipy import ndimage
            grids = [rastered(planes[z]) for z in sorted(planes)]
            gap = np.diff(sorted(planes))[0]
            check.near(f"{place} {a['category']} volume", a["shape"]["volume"], sum(g[0] for g in grids) * gap, 0.003 * a["shape"]["volume"])
            centre = [np.concatenate([np.repeat(g[2], g[1].sum(0)) for g in grids]).mean(), np.concatenate([np.repeat(g[3], g[1].sum(1)) for g in grids]).mean()]
            check.near(f"{place} {a['category']} centre", a["shape"]["centre"][:2], centre, 0.1)
            pieces = ndimage.label(grids[0][1], np.ones((3, 3)))[1]
            check.equal(f"{place} {a['category']} components", a["shape"]["components"], pieces)


def walk(item, out):
    for child in item.get("ContentSequence", []):
        out.append(child)
        walk(child, out)


def meaning(item, name="ConceptNameCodeSequence"):
    return item[name][0].CodeMeaning if name in item else None


def check_sr(check, place, ds, found):
    items = []
    walk(ds, items)
    groups = [i for i in items if i.get("ValueType") == "CONTAINER" and meaning(i) == "Measurement Group"]
    tracked = {}
    for a in found["annotations"]:
        tracked.setdefault(a["id"].split("#")[0], []).append(a)
    check.equal(f"{place} groups", len(tracked), len(groups))
    sides = {"Left": "left", "Right": "right"}
    for group in groups:
        below = []
        walk(group, below)
        uid = next((str(i.UID) for i in below if meaning(i) == "Tracking Unique Identifier"), None)
        mine = tracked.get(uid)
        if not mine:
            check.wrong.append(f"{place}: group of {uid} is not there")
            continue
        finding = next(meaning(i, "ConceptCodeSequence") for i in below if meaning(i) == "Finding")
        side = next((sides[meaning(i, "ConceptCodeSequence")] for i in below if meaning(i) == "Laterality"), None)
        presence = next((meaning(i, "ConceptCodeSequence") for i in below if meaning(i) == "Presence of property"), "Present")
        numbers = [[float(i.MeasuredValueSequence[0].NumericValue), i.MeasuredValueSequence[0].MeasurementUnitsCodeSequence[0].CodeValue]
                   for i in below if i.get("ValueType") == "NUM"]
        regions = [i for i in below if i.get("ValueType") in ("SCOORD", "SCOORD3D")]
        check.equal(f"{place} annotations", len(mine), max(1, len(regions)))
        for a, region in zip(mine, regions or [None]):
            check.equal(f"{place} finding", (a["category"], a["side"], a["stance"]), (finding, side, presence))
            check.equal(f"{place} numbers", [m[1:] for m in a["measures"]], numbers)
            check.equal(f"{place} reader", a["reader"], next(i.TextValue for i in items if meaning(i) == "Device Observer Name"))
            if region is None:
                check.equal(f"{place} shape", a["shape"], {"whole": True})
                continue
            data = np.array(region.GraphicData, float)
            if region.get("ValueType") == "SCOORD3D":
                check.near(f"{place} low", a["shape"]["low"], data.reshape(-1, 3).min(0))
                check.near(f"{place} high", a["shape"]["high"], data.reshape(-1, 3).max(0))
                check.near(f"{place} longest", a["shape"]["longest"], diameter(data.reshape(-1, 3)[:, :2]))
                continue
            sops = {str(r.ContentSequence[0].ReferencedSOPSequence[0].ReferencedSOPInstanceUID) for r in regions}
            check.equal(f"{place} image", a["sop"] in sops, True)
            drawn = np.array(a["shape"]["polygon"][0])
            data = data.reshape(-1, 2)
            expected = data
            if region.GraphicType == "CIRCLE":
                radius = np.hypot(*(data[1] - data[0]))
                expected = np.array([data[0] - radius, data[0] + radius])
            check.near(f"{place} {region.GraphicType}", [drawn.min(0), drawn.max(0)], [expected.min(0), expected.max(0)])


def check_gsps(check, place, ds, found):
    expected = []
    for item in ds.GraphicAnnotationSequence:
        texts = [t.UnformattedTextValue for t in item.get("TextObjectSequence", [])]
        graphics = item.get("GraphicObjectSequence", [])
        sop = str(item.ReferencedImageSequence[0].ReferencedSOPInstanceUID)
        for g in graphics:
            data = np.array(g.GraphicData, float).reshape(-1, 2)
            if g.GraphicAnnotationUnits == "DISPLAY":
                area = ds.DisplayedAreaSelectionSequence[0]
                first = np.array(area.DisplayedAreaTopLeftHandCorner, float)
                last = np.array(area.DisplayedAreaBottomRightHandCorner, float)
                data = first - 1 + data * (last - first + 1)
            if g.GraphicType == "CIRCLE":
                radius = np.hypot(*(data[1] - data[0]))
                data = np.array([data[0] - radius, data[0] + radius])
            expected.append((texts[0] if texts else item.GraphicLayer, sop, data))
        if not graphics:
            t = item.TextObjectSequence[0]
            expected.append((texts[0], sop, np.array([t.BoundingBoxTopLeftHandCorner, t.BoundingBoxBottomRightHandCorner], float)))
    check.equal(f"{place} graphics", len(found["annotations"]), len(expected))
    for number, (a, (text, sop, data)) in enumerate(zip(found["annotations"], expected)):
        check.equal(f"{place} {number} text", (a["category"], a["sop"]), (text, sop))
        shape = a["shape"]
        if "box" in shape:
            x, y, w, h = shape["box"]
            points = np.array([[x, y], [x + w, y + h]])
        else:
            points = np.array(shape.get("line") or shape.get("points") or shape["polygon"][0])
        check.near(f"{place} {number} place", [points.min(0), points.max(0)], [data.min(0), data.max(0)])


def check_nifti(check, place, path, line):
    import nibabel as nib

    try:
        image = nib.load(path)
        data = np.asanyarray(image.dataobj, float)
    except Exception as e:
        check.equal(f"{place} (nibabel: {type(e).__name__})", "error" in line, True)
        return
    if data.ndim != 3 or len(np.unique(data)) > 4096:
        check.equal(f"{place} refused", "error" in line, True)
        return
    if "set" not in line:
        check.wrong.append(f"{place}: {line.get('error')}")
        return
    found = line["set"]
    affine = np.diag([-1, -1, 1, 1.0]) @ image.affine
    if image.header["sform_code"] == 0 and image.header["qform_code"] == 0:
        # nibabel centres such an image and turns it; here it stays as it lies.
        affine = np.diag([-1.0, -1, 1, 1]) @ np.diag([*image.header.get_zooms()[:3], 1])
    whole = np.abs(data - np.round(data)) <= 1e-3
    values = [int(v) for v in np.unique(np.round(data[whole])) if v != 0]
    check.equal(f"{place} labels", [int(a["id"].rsplit(":", 1)[1]) for a in found["annotations"]], values)
    for a, value in zip(found["annotations"], values):
        if len(values) < 50:
            check.volume(f"{place} {value}", a["shape"], measured((np.round(data) == value) & whole, affine))
    oriented = not np.allclose(image.affine, np.eye(4)) and (image.header["sform_code"] > 0 or image.header["qform_code"] > 0)
    check.equal(f"{place} oriented", {a["shape"]["oriented"] for a in found["annotations"]} <= {bool(oriented)}, True)


def main():
    if len(sys.argv) == 3 and sys.argv[1] == "make":
        return make(sys.argv[2])
    if len(sys.argv) != 4 or sys.argv[1] != "check":
        sys.exit(__doc__)
    import pydicom

    check = Check()
    kinds = {}
    for text in open(sys.argv[3], encoding="utf-8", errors="replace"):
        if "ANNOTATIONS {" not in text:
            continue
        line = json.loads(text[text.index("ANNOTATIONS {") + 12:])
        path, place = line["file"], os.path.basename(line["file"])
        if ".nii" in place:
            kind = "NIfTI"
            check_nifti(check, place, path, line)
        elif place.endswith(".dcm"):
            try:
                ds = pydicom.dcmread(path, force=True)
                kind = ds.get("Modality", "?")
            except Exception as e:
                kind, ds = type(e).__name__, None
            checks = {"SEG": check_seg, "RTSTRUCT": check_rtstruct, "SR": check_sr, "PR": check_gsps}
            if kind in checks:
                if "set" not in line:
                    check.wrong.append(f"{place}: {line['error']}")
                else:
                    checks[kind](check, place, ds, line["set"])
            else:
                check.equal(f"{place} refused", "error" in line, True)
                kind = "other DICOM"
        else:
            continue
        kinds[kind] = kinds.get(kind, 0) + 1
        for message in line["told"]:
            print(f"{place}: told: {message}")
    print("files:", ", ".join(f"{kind} {count}" for kind, count in sorted(kinds.items())))
    print(f"{check.done} comparisons, {len(check.wrong)} differ")
    for wrong in check.wrong:
        print("  " + wrong)
    sys.exit(1 if check.wrong else 0)


if __name__ == "__main__":
    main()
