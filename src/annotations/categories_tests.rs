//! Tests of the crosswalk of categories, the names of the published tables among them.

use super::*;

/// Suggestions as `label relation`, joined.
fn suggested(engine: &Engine, category: &str, scheme: &BoundScheme) -> String {
    let rows = suggest(&[category.to_owned()], engine, scheme);
    let shown = |r: &Row| match (&r.label, r.relation) {
        (Some(label), Some(relation)) => format!("{label} {}", relation.name()),
        _ => "-".to_owned(),
    };
    rows.iter().map(shown).collect::<Vec<_>>().join("; ")
}

/// The names of the NIH, RSNA and VinBigData tables, and spellings that tools make of such names.
#[test]
fn names_of_published_tables_find_their_labels() {
    let engine = Engine::embedded();
    let nih = engine.scheme("nih-chestxray14").expect("a scheme");
    let chexpert = engine.scheme("chexpert").expect("a scheme");
    let mut wrong = Vec::new();
    for (category, of_nih, of_chexpert) in [
        ("Atelectasis", "Atelectasis exact", "Atelectasis exact"),
        ("Cardiomegaly", "Cardiomegaly exact", "Cardiomegaly exact"),
        ("Consolidation", "Consolidation exact", "Consolidation exact"),
        ("Edema", "Edema exact", "Edema exact"),
        ("Effusion", "Effusion exact", "Pleural Effusion exact"),
        ("Emphysema", "Emphysema exact", "-"),
        ("Fibrosis", "Fibrosis exact", "Lung Opacity broader"),
        ("Hernia", "Hernia exact", "-"),
        ("Infiltrate", "Infiltration exact", "Lung Opacity broader"),
        ("Infiltration", "Infiltration exact", "Lung Opacity broader"),
        ("Mass", "Mass exact", "Lung Lesion broader"),
        ("Nodule", "Nodule exact", "Lung Lesion broader"),
        ("Pleural_Thickening", "Pleural_Thickening exact", "Pleural Other broader"),
        ("Pneumonia", "Pneumonia exact", "Pneumonia exact"),
        ("Pneumothorax", "Pneumothorax exact", "Pneumothorax exact"),
        ("No Finding", "No Finding exact", "No Finding exact"),
        // A second reading of NIH.
        ("Airspace opacity", "-", "Lung Opacity broader"),
        ("Fracture", "-", "Fracture exact"),
        ("Nodule or mass", "Mass narrower; Nodule narrower", "Lung Lesion broader"),
        // RSNA.
        ("Lung Opacity", "-", "Lung Opacity exact"),
        ("Normal", "No Finding exact", "No Finding exact"),
        // VinBigData.
        ("Aortic enlargement", "-", "-"),
        ("Calcification", "-", "-"),
        ("ILD", "-", "Lung Opacity broader"),
        ("Nodule/Mass", "Mass narrower; Nodule narrower", "Lung Lesion broader"),
        ("Other lesion", "-", "Lung Lesion broader"),
        ("Other disease", "-", "-"),
        ("Pleural effusion", "Effusion exact", "Pleural Effusion exact"),
        ("Pleural thickening", "Pleural_Thickening exact", "Pleural Other broader"),
        ("Pulmonary fibrosis", "Fibrosis exact", "Lung Opacity broader"),
        ("No finding", "No Finding exact", "No Finding exact"),
        // Spellings.
        ("effusion_L", "Effusion broader", "Pleural Effusion broader"),
        ("RightPleuralEffusion", "Effusion broader", "Pleural Effusion broader"),
        ("rib_fracture", "-", "Fracture broader"),
        ("no_effusion", "-", "-"),
        ("banana", "-", "-"),
        ("", "-", "-"),
    ] {
        for (scheme, expected) in [(nih, of_nih), (chexpert, of_chexpert)] {
            let found = suggested(&engine, category, scheme);
            if found != expected {
                wrong.push(format!("{} in {}: {found}; expected {expected}", category, scheme.scheme.id));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn words_and_side_of_a_name() {
    for (name, words, side) in [
        ("effusion_L", "effusion", Some(Side::Left)),
        ("Right.PleuralEffusion", "Pleural Effusion", Some(Side::Right)),
        ("rib fracture (bilateral)", "rib fracture", Some(Side::Bilateral)),
        ("ILD", "ILD", None),
        ("left", "left", None),
        ("L1", "L1", None),
        ("", "", None),
    ] {
        assert_eq!(spelled(name), (words.to_owned(), side), "{name}");
    }
}

#[test]
fn a_crosswalk_comes_back_from_its_file() {
    let engine = Engine::embedded();
    let nih = engine.scheme("nih-chestxray14").expect("a scheme");
    let categories = ["Nodule/Mass", "banana, \"ripe\"", "Infiltrate"].map(str::to_owned);
    let suggestions = suggest(&categories, &engine, nih);
    let text = String::from_utf8(write(&suggestions)).expect("UTF-8");
    assert!(
        text.starts_with("category,label,relation,confirmed,by\nNodule/Mass,Mass,narrower,no,radlabel: name\n"),
        "{text}"
    );
    let mut rows = read("c.csv", &text).expect("a crosswalk");
    rows.iter_mut().for_each(|r| r.line = 0);
    assert_eq!(rows, suggestions);
    let label = |name: &str| nih.scheme.find(name).expect("a label") as u32;
    assert_eq!(
        mapped(&categories, &rows, nih),
        [
            vec![(label("Mass"), Relation::Narrower), (label("Nodule"), Relation::Narrower)],
            vec![],
            vec![(label("Infiltration"), Relation::Exact)]
        ]
    );
}

#[test]
fn every_fault_of_a_file_is_told() {
    assert!(
        read("c.csv", "category,label\n").is_err_and(|e| e.to_string().starts_with("c.csv:1: columns are missing"))
    );
    let text = "category,label,relation,confirmed\nx,y,same,no\n,y,exact,maybe\n\nz,,,YES\n";
    let Err(Error::Data(faults)) = read("c.csv", text) else { panic!("faults expected") };
    let told: Vec<String> = faults.iter().map(Fault::to_string).collect();
    assert_eq!(told.len(), 3, "{told:?}");
    assert!(told[0].starts_with("c.csv:2: unknown relation \"same\"; expected exact, broader"), "{told:?}");
    assert!(told[1] == "c.csv:3: no category" && told[2].contains("expected yes or no"), "{told:?}");
    crate::annotations::tests::mutations(text.as_bytes(), |bytes| {
        drop(read("c.csv", &String::from_utf8_lossy(bytes)));
    });
}

#[test]
fn the_lint_finds_what_does_not_fit() {
    let engine = Engine::embedded();
    let nih = engine.scheme("nih-chestxray14").expect("a scheme");
    let rows = read(
        "c.csv",
        "category,label,relation,confirmed,by\nnodule,Nodule,exact,yes,AB\nmass,Lung Lesion,broader,yes,AB\n\
         cyst,Nowhere,exact,yes,AB\nnodule,Nodule,exact,yes,AB\ngone,Mass,exact,no,\ntube,,,yes,AB\nnodule,,,yes,AB\n",
    )
    .expect("a crosswalk");
    let categories = ["nodule", "mass", "cyst", "tube", "new"].map(str::to_owned);
    let lint = lint(&categories, "c.csv", &rows, &engine, nih);
    let faults: Vec<String> = lint.faults.iter().map(Fault::to_string).collect();
    let expected = [
        "c.csv:3: label a cell of 11 characters is of scheme \"chexpert\"; expected one of \"nih-chestxray14\"",
        "c.csv:4: unknown label \"Nowhere\" of scheme \"nih-chestxray14\"",
        "c.csv:5: the same category and label stand in line 2",
        "c.csv:8: category \"nodule\" has a row without label beside one with",
        "c.csv: no row for category \"new\"",
    ];
    assert_eq!(faults, expected);
    let warnings: Vec<String> = lint.warnings.iter().map(Fault::to_string).collect();
    assert_eq!(
        warnings,
        ["c.csv:6: the annotations have no category \"gone\"", "c.csv:6: category \"gone\" is not confirmed"]
    );
}
