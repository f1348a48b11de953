//! Tests of the NIfTI reader on files built here byte by byte.

use super::*;
use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::Write;

/// A NIfTI-1 file of bytes: the sizes, an sform of 2 x 2 x 3 mm and the voxels.
fn file(size: [i16; 3], voxels: &[u8]) -> Vec<u8> {
    let mut out = vec![0_u8; 352];
    out[..4].copy_from_slice(&348_i32.to_le_bytes());
    for (i, n) in [3, size[0], size[1], size[2], 1, 1, 1, 1].into_iter().enumerate() {
        out[40 + 2 * i..42 + 2 * i].copy_from_slice(&n.to_le_bytes());
    }
    out[70..72].copy_from_slice(&2_i16.to_le_bytes());
    out[108..112].copy_from_slice(&352_f32.to_le_bytes());
    out[254..256].copy_from_slice(&1_i16.to_le_bytes());
    let affine = [[2.0, 0.0, 0.0, -10.0], [0.0, 2.0, 0.0, -20.0], [0.0, 0.0, 3.0, 5.0_f32]];
    for (i, value) in affine.iter().flatten().enumerate() {
        out[280 + 4 * i..284 + 4 * i].copy_from_slice(&value.to_le_bytes());
    }
    out[344..348].copy_from_slice(b"n+1\0");
    out.extend_from_slice(voxels);
    out
}

fn taken(bytes: &[u8], names: Option<&LabelMap>) -> (Result<AnnotationSet, String>, Vec<String>) {
    let mut told = Vec::new();
    let key = ImageKey { name: "m".to_owned(), ..ImageKey::default() };
    let set = volume(&mut &bytes[..], "m.nii", key, names, &mut |t| told.push(t.message));
    (set, told)
}

fn voxels() -> Vec<u8> {
    // Two slices of 3 x 2: label 1 twice in the first slice, label 7 in both.
    vec![1, 1, 0, 0, 0, 7, 0, 0, 0, 0, 0, 7]
}

#[test]
fn labels_become_volumes_in_patient_coordinates() {
    let (set, told) = taken(&file([3, 2, 2], &voxels()), None);
    let set = set.expect("read");
    assert!(told.is_empty(), "{told:?}");
    assert_eq!(set.categories, ["label 1", "label 7"]);
    assert_eq!((set.coverage, set.images[0].size), (Coverage::Found, Some([3, 2])));
    let Shape::Volume(one) = set.annotations[0].shape else { panic!("a volume") };
    // RAS x from -11 to -7 is LPS 7 to 11: the patient's left is positive.
    assert_eq!((one.low, one.high), ([7.0, 19.0, 3.5], [11.0, 21.0, 6.5]));
    assert_eq!((one.centre, one.volume, one.components), ([9.0, 20.0, 5.0], 24.0, 1));
    assert_eq!((one.middle, one.oriented), (Some(8.0), true));
    let Shape::Volume(seven) = set.annotations[1].shape else { panic!("a volume") };
    assert_eq!((seven.centre, seven.components), ([6.0, 18.0, 6.5], 1));
    assert_eq!(set.annotations[1].id, "m.nii:7");
}

#[test]
fn a_label_map_names_them_and_tells_what_was_looked_for() {
    let names = LabelMap::from([(0, "background".to_owned()), (1, "liver".to_owned()), (2, "spleen".to_owned())]);
    let (set, told) = taken(&file([3, 2, 2], &voxels()), Some(&names));
    let set = set.expect("read");
    assert_eq!(
        (set.coverage, set.categories),
        (Coverage::Whole, vec!["liver".to_owned(), "spleen".to_owned(), "label 7".to_owned()])
    );
    assert_eq!(told, ["1 label values that the label map does not name"]);
}

#[test]
fn an_identity_or_no_affine_tells_no_side() {
    let mut bytes = file([3, 2, 2], &voxels());
    bytes[254] = 0;
    let oriented = |bytes: &[u8]| match taken(bytes, None).0.expect("read").annotations[0].shape {
        Shape::Volume(extent) => extent.oriented,
        _ => true,
    };
    assert!(!oriented(&bytes));
    // A qform without a rotation is told, and not an identity while it has a place.
    bytes[252] = 1;
    bytes[268..272].copy_from_slice(&(-4_f32).to_le_bytes());
    assert!(oriented(&bytes));
    bytes[268..272].copy_from_slice(&0_f32.to_le_bytes());
    assert!(!oriented(&bytes));
}

#[test]
fn scaled_values_and_fractions() {
    let mut bytes = file([3, 2, 2], &voxels());
    bytes[112..116].copy_from_slice(&0.5_f32.to_le_bytes());
    bytes[116..120].copy_from_slice(&0.5_f32.to_le_bytes());
    // 0 -> 0.5 (none), 1 -> 1, 7 -> 4.
    let (set, told) = taken(&bytes, None);
    let set = set.expect("read");
    assert_eq!(
        (set.categories, &set.images[0].row.problems[..]),
        (vec!["label 1".to_owned(), "label 4".to_owned()], &[LEFT_OUT.to_owned()][..])
    );
    assert_eq!(told, ["8 voxels that are no whole number are left out: labels are whole numbers"]);
}

#[test]
fn lies_are_told() {
    let sound = file([3, 2, 2], &voxels());
    let with = |at: usize, bytes: &[u8]| {
        let mut out = sound.clone();
        out[at..at + bytes.len()].copy_from_slice(bytes);
        out
    };
    for (bytes, expected) in [
        (Vec::new(), "no NIfTI file: under 4 bytes"),
        (sound[..300].to_vec(), "the NIfTI header breaks off after 300 of 348 bytes"),
        (with(0, &[9]), "no NIfTI file: the header's size is neither 348 nor 540"),
        (with(344, b"ni1"), "a NIfTI of two files (.hdr and .img); convert it to one (.nii or .nii.gz)"),
        (with(344, &[0; 4]), "no NIfTI magic; an Analyze 7.5 header tells no orientation and is not read"),
        (with(70, &[128]), "datatype 128; expected whole or real numbers of 8 to 64 bits"),
        (with(42, &[0, 0]), "dim[1] is 0"),
        (with(40, &[4, 0]), ""),
        (with(40, &[9, 0]), "9 dimensions in dim[0]; expected 3"),
        (with(108, &f32::NAN.to_le_bytes()), "the voxels are said to begin at byte NaN; expected 348 or more"),
        (with(280, &f32::NAN.to_le_bytes()), "the affine holds what is no number"),
        (
            with(42, &[255, 127, 255, 127, 255, 127]),
            "a volume of 32767 x 32767 x 32767 voxels; at most 1073741824, and 256 MiB a slice",
        ),
        (
            with(46, &[255, 127]),
            "truncated in slice 3 of 32767: 12 bytes of voxels; expected 196602 (3 x 2 x 32767 of 1)",
        ),
        (sound[..355].to_vec(), "truncated in slice 1 of 2: 3 bytes of voxels; expected 12 (3 x 2 x 2 of 1)"),
    ] {
        assert_eq!(taken(&bytes, None).0.err().unwrap_or_default(), expected);
    }
}

#[test]
fn an_image_is_no_label_map() {
    let mut bytes = file([100, 100, 1], &[]);
    bytes[70] = 4;
    for value in 0..10_000_i16 {
        bytes.extend_from_slice(&value.to_le_bytes());
    }
    assert_eq!(taken(&bytes, None).0.err().as_deref(), Some("more than 4096 values: an image, no label map"));
}

#[test]
fn packed_files_of_a_folder_and_names_beside() {
    let folder = tempfile::tempdir().expect("folder");
    let mut packed = GzEncoder::new(Vec::new(), Compression::default());
    packed.write_all(&file([3, 2, 2], &voxels())).expect("packed");
    let packed = packed.finish().expect("packed");
    std::fs::write(folder.path().join("ct7.nii.gz"), &packed).expect("written");
    std::fs::write(folder.path().join("ct8.nii.gz"), &packed[..packed.len() - 12]).expect("written");
    std::fs::write(folder.path().join("labels.csv"), "value,name\n1,liver\n7,cyst\n").expect("written");
    let mut told = Vec::new();
    let set = super::super::objects::read(folder.path(), None, &mut |t| told.push(t.message)).expect("read");
    assert_eq!((set.images.len(), set.images[0].key.name.as_str()), (1, "ct7"));
    assert_eq!((set.categories, set.coverage), (vec!["liver".to_owned(), "cyst".to_owned()], Coverage::Whole));
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0].starts_with("cannot be read or unpacked") || told[0].starts_with("truncated"), "{told:?}");
    assert_eq!(told[1], "0 medical files without annotations and 1 other files passed over");
}

#[test]
fn no_bytes_bring_it_down() {
    let sound = file([3, 2, 2], &voxels());
    for end in 0..sound.len() {
        assert!(taken(&sound[..end], None).0.is_err(), "cut at {end}");
    }
    let mut random = 7_u64;
    for _ in 0..5_000 {
        let mut bytes = sound.clone();
        for _ in 0..3 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let at = (random >> 33) as usize % bytes.len();
            bytes[at] = (random >> 25) as u8;
        }
        let _ = taken(&bytes, None);
    }
}
