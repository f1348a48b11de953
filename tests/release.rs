//! Makes a SNOMED CT release (RF2) of any size in the official layout, out of made-up words: the real one
//! may not stand here. The tests import a small one; a large one measures speed and memory:
//!
//! ```sh
//! RADLABEL_RF2=/tmp/rf2 RADLABEL_RF2_CONCEPTS=350000 cargo test --release -- --ignored writes_a_large_release
//! ```

use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

const QUALIFIERS: [&str; 16] = [
    "acute",
    "chronic",
    "primary",
    "secondary",
    "congenital",
    "traumatic",
    "bilateral",
    "focal",
    "diffuse",
    "recurrent",
    "postoperative",
    "infectious",
    "ischemic",
    "benign",
    "malignant",
    "hereditary",
];
const NOUNS: [&str; 12] = [
    "stenosis",
    "dilatation",
    "lesion",
    "rupture",
    "occlusion",
    "inflammation",
    "neoplasm",
    "cyst",
    "degeneration",
    "hemorrhage",
    "fibrosis",
    "dysplasia",
];
const SYLLABLES: [&str; 24] = [
    "bra", "cor", "del", "fen", "gri", "hal", "jun", "kol", "lum", "mer", "nos", "pel", "quo", "ras", "sul", "tor",
    "ulm", "vex", "wen", "xan", "yor", "zim", "ost", "arc",
];
const TAGS: [&str; 4] = ["disorder", "finding", "body structure", "physical object"];
const MODULE: &str = "900000000000207008";

/// A made-up organ, another for every number below 331,776.
fn organ(number: usize) -> String {
    let mut rest = number;
    let mut out = String::new();
    for _ in 0..4 {
        out.push_str(SYLLABLES[rest % SYLLABLES.len()]);
        rest /= SYLLABLES.len();
    }
    out + "al"
}

fn name(number: usize) -> String {
    // A few thousand organs share the concepts, as in a real terminology.
    let (noun, rest) = (NOUNS[number % NOUNS.len()], number / NOUNS.len());
    let (qualifier, rest) = (QUALIFIERS[rest % QUALIFIERS.len()], rest / QUALIFIERS.len());
    format!("{qualifier} {} {noun}", organ(rest * 7919 % 331_776))
}

pub(crate) fn concept_id(number: usize) -> usize {
    // Item, partition 00 and a check digit that nobody checks here.
    (1_000_000 + number) * 1000 + 5
}

/// Writes a release of `concepts` concepts, about three descriptions each, below `root`.
pub(crate) fn write_release(root: &Path, concepts: usize) -> std::io::Result<()> {
    let terminology = root.join("Snapshot/Terminology");
    let language = root.join("Snapshot/Refset/Language");
    std::fs::create_dir_all(&terminology)?;
    std::fs::create_dir_all(&language)?;
    let open = |folder: &Path, file: &str| File::create(folder.join(file)).map(BufWriter::new);
    let mut file = open(&terminology, "sct2_Concept_Snapshot_INT_20260101.txt")?;
    write!(file, "id\teffectiveTime\tactive\tmoduleId\tdefinitionStatusId\r\n")?;
    for i in 0..concepts {
        let active = u8::from(i % 50 != 49);
        write!(file, "{}\t20020131\t{active}\t{MODULE}\t900000000000074008\r\n", concept_id(i))?;
    }
    let mut file = open(&terminology, "sct2_Description_Snapshot-en_INT_20260101.txt")?;
    let mut refset = open(&language, "der2_cRefset_LanguageSnapshot-en_INT_20260101.txt")?;
    let header = "id\teffectiveTime\tactive\tmoduleId\tconceptId\tlanguageCode\ttypeId\tterm\tcaseSignificanceId";
    write!(file, "{header}\r\n")?;
    write!(refset, "id\teffectiveTime\tactive\tmoduleId\trefsetId\treferencedComponentId\tacceptabilityId\r\n")?;
    let mut line = String::new();
    for i in 0..concepts {
        let (id, name) = (concept_id(i), name(i));
        let tag = TAGS[if i % 10 < 6 { 0 } else { i % 4 }];
        let synonym = name.split(' ').rev().collect::<Vec<_>>().join(" of the ");
        for (j, (kind, term)) in [
            ("900000000000003001", format!("{name} ({tag})")),
            ("900000000000013009", name.clone()),
            ("900000000000013009", synonym),
        ]
        .into_iter()
        .enumerate()
        {
            let description = (i * 3 + j) * 1000 + 17;
            line.clear();
            let _ =
                write!(line, "{description}\t20020131\t1\t{MODULE}\t{id}\ten\t{kind}\t{term}\t900000000000448009\r\n");
            file.write_all(line.as_bytes())?;
            if j < 2 {
                let preferred = "900000000000509007";
                write!(refset, "x\t20020131\t1\t{MODULE}\t{preferred}\t{description}\t900000000000548007\r\n")?;
            }
        }
    }
    let mut file = open(&terminology, "sct2_TextDefinition_Snapshot-en_INT_20260101.txt")?;
    write!(file, "{header}\r\n")?;
    for i in (0..concepts).step_by(40) {
        let text = format!("What is called {}, made up.", name(i));
        let kind = "900000000000550004";
        write!(file, "{i}19\t20020131\t1\t{MODULE}\t{}\ten\t{kind}\t{text}\t900000000000448009\r\n", concept_id(i))?;
    }
    let mut file = open(&terminology, "sct2_Relationship_Snapshot_INT_20260101.txt")?;
    write!(
        file,
        "id\teffectiveTime\tactive\tmoduleId\tsourceId\tdestinationId\trelationshipGroup\ttypeId\t\
         characteristicTypeId\tmodifierId\r\n"
    )?;
    for i in 1..concepts {
        // Two parents a concept, so that the hierarchy is a lattice of some ten levels and not a tree.
        for parent in [i / 4, i / 7] {
            if i % 50 != 49 && parent % 50 != 49 {
                write!(
                    file,
                    "{i}28\t20020131\t1\t{MODULE}\t{}\t{}\t0\t116680003\t900000000000011006\t900000000000451002\r\n",
                    concept_id(i),
                    concept_id(parent)
                )?;
            }
        }
    }
    Ok(())
}

#[test]
#[ignore = "writes some 300 MB; see above"]
fn writes_a_large_release() {
    let root = std::env::var("RADLABEL_RF2").expect("RADLABEL_RF2 names the folder");
    let concepts = std::env::var("RADLABEL_RF2_CONCEPTS").ok().and_then(|n| n.parse().ok()).unwrap_or(350_000);
    write_release(Path::new(&root), concepts).expect("written");
}
