//! Tests of the readers of annotations on DICOM objects made here with `dicom-object`, sound and at fault.

use super::*;
use crate::annotation::{Annotation, Shape, Stance};
use crate::dicom::content::{sequence, text};
use dicom_core::{DataElement, PrimitiveValue, VR};
use dicom_object::{FileMetaTableBuilder, InMemDicomObject};

type Parts = Vec<DataElement<InMemDicomObject>>;

fn item(parts: Parts) -> InMemDicomObject {
    InMemDicomObject::from_element_iter(parts)
}

fn one(tag: Tag, parts: Parts) -> DataElement<InMemDicomObject> {
    sequence(tag, vec![item(parts)])
}

fn short(tag: Tag, value: u16) -> DataElement<InMemDicomObject> {
    DataElement::new(tag, VR::US, PrimitiveValue::from(value))
}

fn singles(tag: Tag, values: &[f32]) -> DataElement<InMemDicomObject> {
    DataElement::new(tag, VR::FL, PrimitiveValue::F32(values.iter().copied().collect()))
}

fn pixels(bytes: &[u8]) -> DataElement<InMemDicomObject> {
    DataElement::new(tags::PIXEL_DATA, VR::OB, PrimitiveValue::U8(bytes.iter().copied().collect()))
}

fn code(tag: Tag, scheme: &str, value: &str, meaning: &str) -> DataElement<InMemDicomObject> {
    one(tag, coded(scheme, value, meaning))
}

fn coded(scheme: &str, value: &str, meaning: &str) -> Parts {
    vec![
        text(tags::CODE_VALUE, VR::SH, value),
        text(tags::CODING_SCHEME_DESIGNATOR, VR::SH, scheme),
        text(tags::CODE_MEANING, VR::LO, meaning),
    ]
}

fn file(class: &str, parts: Parts) -> Vec<u8> {
    let mut object = item(parts);
    for (tag, vr, value) in [
        (tags::SOP_CLASS_UID, VR::UI, class),
        (tags::SOP_INSTANCE_UID, VR::UI, "1.2.3"),
        (tags::STUDY_INSTANCE_UID, VR::UI, "1.2"),
        (tags::PATIENT_ID, VR::LO, "SECRET"),
    ] {
        object.put(text(tag, vr, value));
    }
    let meta = FileMetaTableBuilder::new()
        .media_storage_sop_class_uid(class)
        .media_storage_sop_instance_uid("1.2.3")
        .transfer_syntax("1.2.840.10008.1.2.1");
    let mut bytes = Vec::new();
    object.with_meta(meta).expect("meta").write_all(&mut bytes).expect("written");
    bytes
}

fn taken(bytes: &[u8]) -> (Result<AnnotationSet, Refusal>, Vec<String>) {
    let mut told = Vec::new();
    let set = read(bytes, "f.dcm", None, &mut BTreeSet::new(), &mut |t| told.push(t.message));
    assert!(!told.iter().any(|m| m.contains("SECRET")), "{told:?}");
    (set, told)
}

fn sound(bytes: &[u8]) -> AnnotationSet {
    let (set, told) = taken(bytes);
    assert!(told.is_empty(), "{told:?}");
    set.expect("read")
}

fn fault(bytes: &[u8]) -> String {
    match taken(bytes).0 {
        Err(Refusal::Bad(message)) => message,
        other => panic!("no fault: {other:?}"),
    }
}

fn volume(annotation: &Annotation) -> crate::annotation::Extent3 {
    match annotation.shape {
        Shape::Volume(extent) => extent,
        ref other => panic!("{other:?}"),
    }
}

const SEG: &str = "1.2.840.10008.5.1.4.1.1.66.4";

fn segment(number: u16) -> InMemDicomObject {
    item(vec![
        short(tags::SEGMENT_NUMBER, number),
        text(tags::SEGMENT_LABEL, VR::LO, format!("label {number}")),
        sequence(tags::SEGMENTED_PROPERTY_TYPE_CODE_SEQUENCE, {
            let mut coded = coded("SCT", if number == 9 { "85756007" } else { "27925004" }, "Nodule");
            coded.push(code(tags::SEGMENTED_PROPERTY_TYPE_MODIFIER_CODE_SEQUENCE, "SCT", "7771000", "Left"));
            vec![item(coded)]
        }),
        text(tags::SEGMENT_ALGORITHM_TYPE, VR::CS, "AUTOMATIC"),
        text(tags::SEGMENT_ALGORITHM_NAME, VR::LO, "net 3"),
    ])
}

fn frame(segment: u16, position: Option<&str>) -> InMemDicomObject {
    let mut parts =
        vec![one(tags::SEGMENT_IDENTIFICATION_SEQUENCE, vec![short(tags::REFERENCED_SEGMENT_NUMBER, segment)])];
    match position {
        Some(position) => {
            parts.push(one(tags::PLANE_POSITION_SEQUENCE, vec![text(tags::IMAGE_POSITION_PATIENT, VR::DS, position)]))
        }
        None => parts.push(one(
            tags::DERIVATION_IMAGE_SEQUENCE,
            vec![one(
                tags::SOURCE_IMAGE_SEQUENCE,
                vec![
                    text(tags::REFERENCED_SOP_INSTANCE_UID, VR::UI, "1.9"),
                    text(tags::REFERENCED_FRAME_NUMBER, VR::IS, "4"),
                ],
            )],
        )),
    }
    item(parts)
}

/// A segmentation of 3 x 2 pixels (columns, rows).
fn seg(kind: &str, bits: u16, segments: &[u16], frames: Vec<InMemDicomObject>, data: &[u8]) -> Parts {
    vec![
        text(tags::SEGMENTATION_TYPE, VR::CS, kind),
        short(tags::ROWS, 2),
        short(tags::COLUMNS, 3),
        short(tags::BITS_ALLOCATED, bits),
        short(tags::SAMPLES_PER_PIXEL, 1),
        short(tags::MAXIMUM_FRACTIONAL_VALUE, 200),
        text(tags::NUMBER_OF_FRAMES, VR::IS, frames.len().to_string()),
        sequence(tags::SEGMENT_SEQUENCE, segments.iter().map(|&n| segment(n)).collect()),
        one(tags::REFERENCED_SERIES_SEQUENCE, vec![text(tags::SERIES_INSTANCE_UID, VR::UI, "1.7")]),
        one(
            tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE,
            vec![
                one(
                    tags::PLANE_ORIENTATION_SEQUENCE,
                    vec![text(tags::IMAGE_ORIENTATION_PATIENT, VR::DS, "1\\0\\0\\0\\1\\0")],
                ),
                one(
                    tags::PIXEL_MEASURES_SEQUENCE,
                    vec![
                        text(tags::PIXEL_SPACING, VR::DS, "2\\1"),
                        text(tags::SLICE_THICKNESS, VR::DS, "3"),
                        text(tags::SPACING_BETWEEN_SLICES, VR::DS, "4"),
                    ],
                ),
            ],
        ),
        sequence(tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE, frames),
        pixels(data),
    ]
}

fn with(mut parts: Parts, part: DataElement<InMemDicomObject>) -> Parts {
    parts.retain(|p| p.header().tag != part.header().tag);
    parts.push(part);
    parts
}

fn without(mut parts: Parts, tag: Tag) -> Parts {
    parts.retain(|p| p.header().tag != tag);
    parts
}

/// Two slices of segment 1: frames of 6 bits that follow without a gap, and not in the order of their places.
fn binary() -> Parts {
    seg("BINARY", 1, &[1, 2], vec![frame(1, Some("0\\0\\4")), frame(1, Some("0\\0\\0"))], &[0b1100_0001, 0])
}

#[test]
fn a_binary_segmentation() {
    let (set, told) = taken(&file(SEG, binary()));
    assert_eq!(told, ["segment 2 has no pixel: neither present nor absent"]);
    let set = set.expect("read");
    let [found] = &set.annotations[..] else { panic!("one annotation: {set:?}") };
    // The first frame (z = 4) has its first pixel, the second (z = 0) its first two.
    let extent = volume(found);
    assert_eq!((extent.low, extent.high), ([-0.5, -1.0, -2.0], [1.5, 1.0, 6.0]));
    assert_eq!((extent.volume, extent.components, extent.middle), (24.0, 1, Some(1.0)));
    assert!((extent.longest - 8_f64.sqrt()).abs() < 1e-12);
    assert_eq!((found.id.as_str(), found.side, found.reader.as_deref()), ("f.dcm:1", Some(Side::Left), Some("net 3")));
    assert_eq!(set.categories, ["Nodule"]);
    let key = &set.images[0].key;
    assert_eq!((key.series_uid.as_str(), key.study_uid.as_str(), set.images[0].size), ("1.7", "1.2", Some([3, 2])));
    assert_eq!(set.images[0].row.row_spacing_mm, Some(2.0));
}

#[test]
fn fractions_count_from_half_and_label_maps_by_value() {
    let frames = || vec![frame(9, Some("0\\0\\0"))];
    let set = sound(&file(SEG, seg("FRACTIONAL", 8, &[9], frames(), &[99, 100, 200, 0, 0, 0])));
    assert_eq!(volume(&set.annotations[0]).volume, 16.0);
    assert_eq!(set.categories, ["label 9"], "a type that tells only the kind");
    let map = "1.2.840.10008.5.1.4.1.1.66.7";
    let (set, told) = taken(&file(map, seg("LABELMAP", 8, &[0, 1, 2], frames(), &[1, 1, 2, 0, 0, 7])));
    let set = set.expect("read");
    assert_eq!(set.annotations.iter().map(|a| volume(a).volume).collect::<Vec<_>>(), [16.0, 8.0]);
    assert_eq!(told, ["pixels of 7, which is no segment of (0062,0002); left out"]);
}

#[test]
fn frames_without_a_place_are_masks_of_their_image() {
    let set = sound(&file(SEG, seg("BINARY", 1, &[1], vec![frame(1, None)], &[0b01_0110, 0])));
    assert_eq!(set.annotations[0].shape, Shape::Mask { size: [2, 3], runs: vec![2, 3, 1] });
    let key = &set.images[0].key;
    assert_eq!((key.sop_uid.as_str(), key.frame), ("1.9", Some(4)));
}

#[test]
fn segmentations_at_fault() {
    for (parts, expected) in [
        (
            with(binary(), text(tags::NUMBER_OF_FRAMES, VR::IS, "3")),
            "3 frames of 2 x 3 pixels of 1 bits are 3 bytes; the pixel data (7FE0,0010) hold 2",
        ),
        (
            with(binary(), text(tags::NUMBER_OF_FRAMES, VR::IS, "2000000000")),
            "2000000000 frames of 2 x 3 pixels of 1 bits are 1500000000 bytes; the pixel data (7FE0,0010) hold 2",
        ),
        (with(binary(), text(tags::NUMBER_OF_FRAMES, VR::IS, "two")), "value 1 of (0028,0008) is no number"),
        (without(binary(), tags::PIXEL_DATA), "no pixel data (7FE0,0010)"),
        (without(binary(), tags::ROWS), "no (0028,0010), or 0"),
        (with(binary(), text(tags::ROWS, VR::LO, "SECRET")), "6 bytes in (0028,0010); expected a number of 2 or 4"),
        (
            with(binary(), short(tags::BITS_ALLOCATED, 32)),
            "32 bits and 1 samples a pixel; expected 1, 8 or 16 bits and one sample",
        ),
        (without(binary(), tags::SEGMENT_SEQUENCE), "no segment in (0062,0002)"),
        (without(binary(), tags::SEGMENTATION_TYPE), "no (0062,0001) of BINARY, FRACTIONAL or LABELMAP"),
        (
            with(binary(), text(tags::DIMENSION_ORGANIZATION_TYPE, VR::CS, "TILED_FULL")),
            "a segmentation of a tiled slide is not read",
        ),
    ] {
        assert_eq!(fault(&file(SEG, parts)), expected);
    }
    let frames = vec![frame(5, Some("0\\0\\0")), frame(1, Some("0\\SECRET\\0")), frame(1, Some("0\\0"))];
    let (set, told) = taken(&file(SEG, seg("BINARY", 1, &[1, 1], frames, &[0xFF, 0xFF, 0xFF])));
    assert!(set.expect("read").annotations.is_empty());
    assert_eq!(
        told,
        [
            "segment item 2: number 1 is there twice; left out",
            "frame 1: segment 5 is not among those of (0062,0002); frame left out",
            "frame 2: value 2 of (0020,0032) is no number; frame left out",
            "frame 3: 2 values in (0020,0032); expected 3; frame left out",
            "segment 1 has no pixel: neither present nor absent",
        ]
    );
    let twice = vec![frame(1, Some("0\\0\\0")), frame(1, Some("0\\0\\0")), frame(1, Some("0\\0\\NaN"))];
    let (set, told) = taken(&file(SEG, seg("BINARY", 1, &[1], twice, &[0xFF, 0xFF, 0xFF])));
    let set = set.expect("read");
    assert_eq!(volume(&set.annotations[0]).volume, 48.0);
    // What is not drawn on it says nothing, even where all is said to have been looked for.
    assert_eq!(set.images[0].row.problems, [LEFT_OUT]);
    let whole = taken(&file(SEG, binary())).0.expect("read");
    assert!(whole.images[0].row.problems.is_empty());
    assert_eq!(
        told,
        [
            "frame 3: value 3 of (0020,0032) is no number; frame left out",
            "1 frames of a segment and plane that another frame has; left out",
        ]
    );
}

const STRUCTURES: &str = "1.2.840.10008.5.1.4.1.1.481.3";

fn contour(kind: &str, data: &str) -> InMemDicomObject {
    item(vec![
        text(tags::CONTOUR_GEOMETRIC_TYPE, VR::CS, kind),
        text(tags::CONTOUR_DATA, VR::DS, data),
        one(tags::CONTOUR_IMAGE_SEQUENCE, vec![text(tags::REFERENCED_SOP_INSTANCE_UID, VR::UI, "1.9")]),
    ])
}

fn structures(contours: Vec<InMemDicomObject>) -> Parts {
    let numbered = |tag, number: &str| text(tag, VR::IS, number);
    vec![
        sequence(
            tags::STRUCTURE_SET_ROI_SEQUENCE,
            ["1", "2", "3"]
                .map(|n| {
                    let name = if n == "3" { String::new() } else { format!("Lung_{n}") };
                    item(vec![numbered(tags::ROI_NUMBER, n), text(tags::ROI_NAME, VR::LO, name)])
                })
                .to_vec(),
        ),
        sequence(
            tags::RTROI_OBSERVATIONS_SEQUENCE,
            vec![item(vec![
                numbered(tags::REFERENCED_ROI_NUMBER, "2"),
                text(tags::RTROI_INTERPRETED_TYPE, VR::CS, "EXTERNAL"),
            ])],
        ),
        sequence(
            tags::ROI_CONTOUR_SEQUENCE,
            vec![
                item(vec![
                    numbered(tags::REFERENCED_ROI_NUMBER, "2"),
                    sequence(tags::CONTOUR_SEQUENCE, vec![contour("CLOSED_PLANAR", "-8\\0\\0\\10\\0\\0\\10\\5\\0")]),
                ]),
                item(vec![numbered(tags::REFERENCED_ROI_NUMBER, "1"), sequence(tags::CONTOUR_SEQUENCE, contours)]),
                item(vec![numbered(tags::REFERENCED_ROI_NUMBER, "77")]),
            ],
        ),
    ]
}

#[test]
fn structures_and_their_faults() {
    let square = |z: u8| format!("0\\0\\{z}\\2\\0\\{z}\\2\\2\\{z}\\0\\2\\{z}");
    let contours = vec![
        contour("CLOSED_PLANAR", &square(0)),
        contour("CLOSED_PLANAR", &square(3)),
        contour("CLOSED_PLANAR", "1\\2"),
        contour("CLOSED_PLANAR", "1\\2\\SECRET"),
        contour("SECRET", "1\\2\\3"),
    ];
    let (set, told) = taken(&file(STRUCTURES, structures(contours)));
    let set = set.expect("read");
    assert_eq!(
        told,
        [
            "ROI 1, contour 3: 2 values in (3006,0050); expected points of 3; left out",
            "ROI 1, contour 4: value 3 of (3006,0050) is no number; left out",
            "ROI 1, contour 5: 6 characters of (3006,0042); left out",
            "contours 3: of an ROI that is not there; left out",
        ]
    );
    assert_eq!(set.categories, ["Lung_2", "Lung_1"]);
    let extent = volume(&set.annotations[1]);
    assert_eq!((extent.volume, extent.components, extent.middle), (24.0, 1, Some(1.0)));
    assert_eq!(set.images[set.annotations[1].image as usize].key.sop_uid, "1.9");
    assert_eq!(fault(&file(STRUCTURES, Vec::new())), "no ROI in (3006,0020)");
}

const SR: &str = "1.2.840.10008.5.1.4.1.1.88.34";

fn content(kind: &str, name: Parts, more: Parts) -> InMemDicomObject {
    let mut parts = vec![
        text(tags::RELATIONSHIP_TYPE, VR::CS, "CONTAINS"),
        text(tags::VALUE_TYPE, VR::CS, kind),
        one(tags::CONCEPT_NAME_CODE_SEQUENCE, name),
    ];
    parts.extend(more);
    item(parts)
}

fn children(items: Vec<InMemDicomObject>) -> DataElement<InMemDicomObject> {
    sequence(tags::CONTENT_SEQUENCE, items)
}

fn value(scheme: &str, number: &str, meaning: &str) -> Parts {
    vec![code(tags::CONCEPT_CODE_SEQUENCE, scheme, number, meaning)]
}

fn image_of(uid: &str) -> InMemDicomObject {
    let reference = vec![text(tags::REFERENCED_SOP_INSTANCE_UID, VR::UI, uid)];
    item(vec![text(tags::VALUE_TYPE, VR::CS, "IMAGE"), one(tags::REFERENCED_SOP_SEQUENCE, reference)])
}

fn scoord(kind: &str, data: &[f32], image: Option<&str>) -> InMemDicomObject {
    let mut parts = vec![text(tags::GRAPHIC_TYPE, VR::CS, kind), singles(tags::GRAPHIC_DATA, data)];
    parts.extend(image.map(|uid| children(vec![image_of(uid)])));
    content("SCOORD", coded("DCM", "111030", "Image Region"), parts)
}

fn number(name: &str, value: &str, more: Parts) -> InMemDicomObject {
    let measured =
        vec![text(tags::NUMERIC_VALUE, VR::DS, value), code(tags::MEASUREMENT_UNITS_CODE_SEQUENCE, "UCUM", "mm", "mm")];
    let mut parts = vec![one(tags::MEASURED_VALUE_SEQUENCE, measured)];
    parts.extend(more);
    content("NUM", coded("SCT", "1", name), parts)
}

fn group(items: Vec<InMemDicomObject>) -> InMemDicomObject {
    content("CONTAINER", coded("DCM", "125007", "Measurement Group"), vec![children(items)])
}

fn finding(meaning: &str) -> InMemDicomObject {
    content("CODE", coded("DCM", "121071", "Finding"), value("SCT", "7", meaning))
}

#[test]
fn measurement_groups() {
    let site = {
        let side = content("CODE", coded("SRT", "G-C171", "Laterality"), value("SRT", "G-A100", "Right"));
        let mut parts = value("SCT", "39607008", "Lung");
        parts.push(children(vec![side]));
        content("CODE", coded("SRT", "G-C0E3", "Finding Site"), parts)
    };
    let presence = |scheme: &str, code: &str, meaning: &str| {
        content("CODE", coded("DCM", "121052", "Presence"), value(scheme, code, meaning))
    };
    let lines = vec![
        finding("Nodule"),
        site,
        number("Long axis", "12.5", vec![children(vec![scoord("POLYLINE", &[0.0, 0.0, 9.0, 0.0], Some("1.9"))])]),
        number("Short axis", "4", vec![children(vec![scoord("POLYLINE", &[4.0, 0.0, 4.0, 3.0], Some("1.9"))])]),
        number("Width", "SECRET", Vec::new()),
    ];
    let tree = vec![
        group(lines),
        group(vec![finding("Effusion"), presence("SCT", "272519000", "Absent"), image_of("1.9")]),
        group(vec![finding("Mass"), presence("99X", "1", "SECRET")]),
        content(
            "CODE",
            coded("DCM", "111059", "Single Image Finding"),
            [
                value("SCT", "8", "Calcification"),
                vec![children(vec![scoord("CIRCLE", &[5.0, 5.0, 5.0, 8.0], Some("1.8"))])],
            ]
            .concat(),
        ),
        number("Diameter", "3", vec![children(vec![scoord("POINT", &[1.0, 2.0], Some("1.8"))])]),
        group(vec![finding("Cyst"), scoord("POLYLINE", &[1.0, f32::NAN], None), scoord("POINT", &[1.0, 2.0], None)]),
    ];
    let evidence = one(
        tags::CURRENT_REQUESTED_PROCEDURE_EVIDENCE_SEQUENCE,
        vec![
            text(tags::STUDY_INSTANCE_UID, VR::UI, "1.2"),
            one(
                tags::REFERENCED_SERIES_SEQUENCE,
                vec![
                    text(tags::SERIES_INSTANCE_UID, VR::UI, "1.5"),
                    one(tags::REFERENCED_SOP_SEQUENCE, vec![text(tags::REFERENCED_SOP_INSTANCE_UID, VR::UI, "1.9")]),
                ],
            ),
        ],
    );
    let (set, told) = taken(&file(SR, vec![evidence, children(tree)]));
    let set = set.expect("read");
    assert_eq!(
        told,
        [
            "group 1: value 1 of (0040,A30A) is no number; left out",
            "group 3: a presence of an unknown code counts as uncertain; the code; left out",
            "group 6: point 1 of (0070,0022) is no number; left out",
            "group 6: a region without its image; left out",
        ]
    );
    let said: Vec<_> =
        set.annotations.iter().map(|a| (set.categories[a.category as usize].as_str(), a.stance, a.side)).collect();
    assert_eq!(
        said,
        [
            ("Nodule", Stance::Present, Some(Side::Right)),
            ("Effusion", Stance::Absent, None),
            ("Mass", Stance::Uncertain, None),
            ("Calcification", Stance::Present, None),
            ("Diameter", Stance::Present, None),
            ("Cyst", Stance::Present, None),
        ]
    );
    let first = &set.annotations[0];
    assert_eq!(first.shape, Shape::Line(vec![[0.0, 0.0], [9.0, 0.0]]));
    assert_eq!(
        first.measures.iter().map(|m| (m.name.as_str(), m.value)).collect::<Vec<_>>(),
        [("Long axis", 12.5), ("Short axis", 4.0)]
    );
    let key = &set.images[first.image as usize].key;
    assert_eq!((key.sop_uid.as_str(), key.series_uid.as_str()), ("1.9", "1.5"));
    assert!(matches!(&set.annotations[3].shape, Shape::Polygon(o) if o[0].len() == CORNERS));
    assert_eq!(set.annotations[5].shape, Shape::Whole);
    // Without an image of its own: of the only series of the evidence.
    let key = &set.images[set.annotations[5].image as usize].key;
    assert_eq!((key.sop_uid.as_str(), key.series_uid.as_str(), key.study_uid.as_str()), ("", "1.5", "1.2"));
}

#[test]
fn references_within_the_tree_are_followed() {
    let path = |numbers: &[u32]| {
        let numbers = PrimitiveValue::U32(numbers.iter().copied().collect());
        let reference = DataElement::new(tags::REFERENCED_CONTENT_ITEM_IDENTIFIER, VR::UL, numbers);
        item(vec![text(tags::RELATIONSHIP_TYPE, VR::CS, "SELECTED FROM"), reference])
    };
    let region = |numbers: &[u32]| {
        let parts = vec![
            text(tags::GRAPHIC_TYPE, VR::CS, "POINT"),
            singles(tags::GRAPHIC_DATA, &[1.0, 2.0]),
            children(vec![path(numbers)]),
        ];
        content("SCOORD", coded("DCM", "111010", "Center"), parts)
    };
    let library = content("CONTAINER", coded("DCM", "111028", "Image Library"), vec![children(vec![image_of("1.9")])]);
    let tree = |numbers: &[u32]| vec![library.clone(), group(vec![finding("Mass"), region(numbers)])];
    let set = sound(&file(SR, vec![children(tree(&[1, 1, 1]))]));
    assert_eq!(set.images[0].key.sop_uid, "1.9");
    let (_, told) = taken(&file(SR, vec![children(tree(&[1, 7]))]));
    assert_eq!(told, ["group 1: (0040,DB73) points to no item; left out"]);
    // A region that points to itself ends.
    let (_, told) = taken(&file(SR, vec![children(tree(&[1, 2, 2]))]));
    assert_eq!(told, ["group 1: a region without its image; left out"]);
}

#[test]
fn an_empty_report_is_told() {
    assert_eq!(fault(&file(SR, Vec::new())), "a DICOM SR without its content (0040,A730)");
    let (set, told) = taken(&file(SR, vec![children(vec![finding("Mass")])]));
    assert!(set.expect("read").annotations.is_empty());
    assert_eq!(told, ["no measurement group, no finding of CAD and no measurement with coordinates"]);
}

const STATE: &str = "1.2.840.10008.5.1.4.1.1.11.1";

fn state(graphics: Vec<InMemDicomObject>, more: Parts) -> Vec<u8> {
    let image = || one(tags::REFERENCED_IMAGE_SEQUENCE, vec![text(tags::REFERENCED_SOP_INSTANCE_UID, VR::UI, "1.9")]);
    let mut parts = vec![
        one(tags::REFERENCED_SERIES_SEQUENCE, vec![text(tags::SERIES_INSTANCE_UID, VR::UI, "1.7"), image()]),
        one(
            tags::GRAPHIC_ANNOTATION_SEQUENCE,
            vec![
                text(tags::GRAPHIC_LAYER, VR::CS, "MARKS"),
                sequence(
                    tags::TEXT_OBJECT_SEQUENCE,
                    [("near", [0.0, 0.0]), ("far", [90.0, 90.0])]
                        .map(|(words, at)| {
                            item(vec![
                                text(tags::UNFORMATTED_TEXT_VALUE, VR::ST, words),
                                text(tags::ANCHOR_POINT_ANNOTATION_UNITS, VR::CS, "PIXEL"),
                                singles(tags::ANCHOR_POINT, &at),
                            ])
                        })
                        .to_vec(),
                ),
                sequence(tags::GRAPHIC_OBJECT_SEQUENCE, graphics),
            ],
        ),
    ];
    parts.extend(more);
    file(STATE, parts)
}

fn graphic(kind: &str, units: &str, data: &[f32]) -> InMemDicomObject {
    item(vec![
        text(tags::GRAPHIC_ANNOTATION_UNITS, VR::CS, units),
        short(tags::GRAPHIC_DIMENSIONS, 2),
        short(tags::NUMBER_OF_GRAPHIC_POINTS, (data.len() / 2) as u16),
        singles(tags::GRAPHIC_DATA, data),
        text(tags::GRAPHIC_TYPE, VR::CS, kind),
    ])
}

#[test]
fn graphics_take_the_nearest_text() {
    let drawn = vec![graphic("POINT", "PIXEL", &[80.0, 80.0]), graphic("POLYLINE", "PIXEL", &[1.0, 1.0, 5.0, 5.0])];
    let set = sound(&state(drawn, Vec::new()));
    assert_eq!(set.categories, ["far", "near"]);
    assert_eq!(set.annotations[1].shape, Shape::Line(vec![[1.0, 1.0], [5.0, 5.0]]));
    assert_eq!((set.images[0].key.sop_uid.as_str(), set.images[0].key.series_uid.as_str()), ("1.9", "1.7"));
    let set = sound(&state(Vec::new(), Vec::new()));
    assert_eq!(set.categories, ["near", "far"], "texts alone");
}

#[test]
fn the_displayed_area_tells_pixels() {
    let corner = |tag, at: [i32; 2]| DataElement::new(tag, VR::SL, PrimitiveValue::I32(at.into_iter().collect()));
    let area = || {
        one(
            tags::DISPLAYED_AREA_SELECTION_SEQUENCE,
            vec![
                corner(tags::DISPLAYED_AREA_TOP_LEFT_HAND_CORNER, [11, 21]),
                corner(tags::DISPLAYED_AREA_BOTTOM_RIGHT_HAND_CORNER, [30, 60]),
            ],
        )
    };
    let drawn = || vec![graphic("POINT", "DISPLAY", &[0.5, 1.0])];
    let set = sound(&state(drawn(), vec![area()]));
    assert!(matches!(&set.annotations[0].shape, Shape::Points(p) if p[0].at == [20.0, 60.0]));
    let expected = "annotation 1, graphic 1: in units of a displayed area that is not told, or turned; left out";
    assert_eq!(taken(&state(drawn(), Vec::new())).1, [expected]);
    assert_eq!(taken(&state(drawn(), vec![area(), short(tags::IMAGE_ROTATION, 90)])).1, [expected]);
}

#[test]
fn graphics_at_fault() {
    let drawn = vec![
        graphic("CIRCLE", "PIXEL", &[1.0, 1.0]),
        graphic("POLYLINE", "PIXEL", &[1.0, f32::INFINITY, 5.0, 5.0]),
        graphic("SECRET", "PIXEL", &[1.0, 1.0]),
        graphic("POINT", "SECRET", &[1.0, 1.0]),
        graphic("POINT", "PIXEL", &[1.0, 1.0, 2.0]),
        graphic("POINT", "PIXEL", &[]),
    ];
    let told = taken(&state(drawn, Vec::new())).1;
    let expected = [
        "graphic 1: 1 points do not fit its (0070,0023)",
        "graphic 2: point 1 of (0070,0022) is no number",
        "graphic 3: 1 points do not fit its (0070,0023)",
        "graphic 4: units that are neither PIXEL nor DISPLAY",
        "graphic 5: 12 bytes in (0070,0022); expected groups of 2 numbers of 4 bytes",
        "graphic 6: 0 points in (0070,0022); 0 are claimed",
    ];
    assert_eq!(told, expected.map(|m| format!("annotation 1, {m}; left out")));
}

#[test]
fn a_copy_of_an_object_is_left_out() {
    let folder = tempfile::tempdir().expect("folder");
    for name in ["a.dcm", "b.dcm"] {
        std::fs::write(folder.path().join(name), file(SEG, binary())).expect("written");
    }
    let mut told = Vec::new();
    let set = crate::annotations::objects::read(folder.path(), None, &mut |t| told.push(t.message)).expect("read");
    assert_eq!(set.annotations.len(), taken(&file(SEG, binary())).0.expect("read").annotations.len());
    let expected = "a copy: an object of the same SOP Instance UID was read already; left out";
    assert_eq!(told.last().map(String::as_str), Some(expected));
}

#[test]
fn other_objects_are_refused() {
    for class in ["1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.66.5", "1.2.3.4"] {
        let bytes = file(class, Vec::new());
        assert!(passed_over(&bytes) && matches!(taken(&bytes).0, Err(Refusal::Other)), "{class}");
    }
    let bytes = file(SEG, binary());
    assert!(!passed_over(&bytes));
    let asked = |format| read(&bytes, "f.dcm", Some(format), &mut BTreeSet::new(), &mut |_| {});
    assert!(asked(Format::DicomSeg).is_ok() && matches!(asked(Format::Rtstruct), Err(Refusal::Other)));
    assert_eq!(fault(b"FINDINGS: No effusion."), "no DICOM file: no DICM at byte 128");
}

/// No file that breaks off and no wrong byte brings a reader down.
#[test]
fn damaged_objects() {
    let drawn = vec![graphic("POLYLINE", "PIXEL", &[1.0, 1.0, 5.0, 5.0])];
    let report =
        vec![children(vec![group(vec![finding("Mass"), scoord("CIRCLE", &[1.0, 1.0, 2.0, 2.0], Some("1.9"))])])];
    let square = contour("CLOSED_PLANAR", "0\\0\\0\\2\\0\\0\\2\\2\\0");
    for bytes in [
        file(SEG, binary()),
        file(SEG, seg("LABELMAP", 8, &[1], vec![frame(1, None)], &[1, 1, 0, 0, 0, 1])),
        file(STRUCTURES, structures(vec![square])),
        file(SR, report),
        state(drawn, Vec::new()),
    ] {
        for end in (0..bytes.len()).step_by(5) {
            let _ = taken(&bytes[..end]);
        }
        let mut random = 11_u64;
        for _ in 0..2_000 {
            let mut bytes = bytes.clone();
            for _ in 0..3 {
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let at = (random >> 33) as usize % bytes.len();
                bytes[at] = (random >> 25) as u8;
            }
            let _ = taken(&bytes);
        }
    }
}
