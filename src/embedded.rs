//! The lexicons and rules that are built into the program. A tidy test holds the lists to the folders.

macro_rules! files {
    ($($path:literal),* $(,)?) => { vec![$(($path, include_str!(concat!("../", $path)))),*] };
}

/// Lexicon files as (name, text).
pub(crate) fn lexicons() -> Vec<(&'static str, &'static str)> {
    files![
        "lexicons/en/abdomen-anatomy.tsv",
        "lexicons/en/abdomen-descriptors.tsv",
        "lexicons/en/abdomen-findings.tsv",
        "lexicons/en/breast-findings.tsv",
        "lexicons/en/cardiovascular-descriptors.tsv",
        "lexicons/en/cardiovascular-devices.tsv",
        "lexicons/en/cardiovascular-findings.tsv",
        "lexicons/en/chest-anatomy.tsv",
        "lexicons/en/chest-findings.tsv",
        "lexicons/en/descriptors.tsv",
        "lexicons/en/devices.tsv",
        "lexicons/en/general-anatomy.tsv",
        "lexicons/en/general-findings.tsv",
        "lexicons/en/head-neck-anatomy.tsv",
        "lexicons/en/head-neck-findings.tsv",
        "lexicons/en/limb-anatomy.tsv",
        "lexicons/en/musculoskeletal-descriptors.tsv",
        "lexicons/en/musculoskeletal-devices.tsv",
        "lexicons/en/musculoskeletal-findings.tsv",
        "lexicons/en/neuro-findings.tsv",
        "lexicons/en/pelvis-anatomy.tsv",
        "lexicons/en/pelvis-descriptors.tsv",
        "lexicons/en/pelvis-obstetric-findings.tsv",
        "lexicons/en/spine-anatomy.tsv",
        "lexicons/en/vascular-anatomy.tsv"
    ]
}

/// Rule files as (name, text).
pub(crate) fn rules() -> Vec<(&'static str, &'static str)> {
    files![
        "rules/en/words.toml",
        "rules/en/guard.toml",
        "rules/en/sections.toml",
        "rules/en/absent.toml",
        "rules/en/uncertain.toml",
        "rules/en/time.toml",
        "rules/en/change.toml",
        "rules/en/attributes.toml",
        "rules/en/measures.toml",
        "rules/en/senses.toml",
        "rules/en/spellings.toml",
        "rules/en/neuro-neutral.toml",
        "rules/en/short-form-neutral.toml",
        "rules/en/neutral.toml",
        "rules/en/chest-compositions.toml",
        "rules/en/abdomen-compositions.toml",
        "rules/en/head-neck-compositions.toml",
        "rules/en/neuro-compositions.toml",
        "rules/en/spine-compositions.toml",
        "rules/en/chest-organ-compositions.toml",
        "rules/en/oncology-compositions.toml",
        "rules/en/cardiovascular-compositions.toml",
        "rules/en/fracture-arm-compositions.toml",
        "rules/en/fracture-leg-compositions.toml",
        "rules/en/musculoskeletal-compositions.toml",
        "rules/en/tear-compositions.toml",
        "rules/en/vascular-compositions.toml",
        "rules/en/breast-compositions.toml",
        "rules/en/pelvis-compositions.toml",
        "rules/en/measured-compositions.toml",
        "rules/en/general-compositions.toml",
        "rules/en/facts.toml",
        "rules/en/grades.toml",
        "rules/en/safety.toml",
        "rules/calibration.toml",
        "rules/linking.toml",
        "rules/labels/chexpert.toml",
        "rules/labels/mimic.toml",
        "rules/labels/nih-chestxray14.toml",
        "rules/labels/padchest.toml",
        "rules/labels/chest-ct.toml",
        "rules/labels/head-ct.toml",
        "rules/labels/abdomen.toml",
        "rules/labels/spine-levels.toml",
        "rules/labels/fractures.toml",
        "rules/labels/breast.toml",
        "rules/labels/oncology-response.toml",
        "rules/labels/malignancy.toml",
        "rules/profiles/fracture-detection.toml",
        "rules/profiles/lesion-measurement.toml",
        "rules/profiles/tumour-segmentation.toml",
        "rules/profiles/vertebral-labelling.toml",
    ]
}

/// Manifest, network and tokenizer of the assertion model.
#[cfg(feature = "onnx")]
pub(crate) fn assertion_model() -> (&'static str, &'static [u8], &'static [u8]) {
    (
        include_str!("../models/assertion/manifest.toml"),
        include_bytes!("../models/assertion/model.onnx"),
        include_bytes!("../models/assertion/tokenizer.json"),
    )
}
