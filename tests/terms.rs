//! `radlabel terms` as a user runs it: every format in, what is at fault told, and back out through `check`
//! and `label`. The samples are written for these tests.

use super::program::{Folder, Run, radlabel};
use super::release;
use std::path::Path;

const OWL: &str = r#"<?xml version="1.0"?>
<!DOCTYPE rdf:RDF [ <!ENTITY RID "http://www.radlex.org/RID/"> ]>
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:owl="http://www.w3.org/2002/07/owl#"
    xmlns:rdfs="http://www.w3.org/2000/01/rdf-schema#" xmlns="http://www.radlex.org/RID/">
  <owl:Ontology rdf:about="http://www.radlex.org/RID/"/>
  <owl:AnnotationProperty rdf:about="&RID;Preferred_name"/>
  <owl:Class rdf:about="&RID;RID34785"><Preferred_name>clinical finding</Preferred_name></owl:Class>
  <owl:Class rdf:about="http://www.radlex.org/RID/RID900001">
    <rdfs:subClassOf rdf:resource="&RID;RID34785"/>
    <rdfs:subClassOf><owl:Restriction><owl:onProperty rdf:resource="&RID;Part_Of"/></owl:Restriction></rdfs:subClassOf>
    <rdfs:label xml:lang="en">grommet sign</rdfs:label>
    <Preferred_name xml:lang="en">grommet &amp; washer sign</Preferred_name>
    <Preferred_name xml:lang="de">T&#252;llenzeichen</Preferred_name>
    <Synonym xml:lang="en">washer sign</Synonym>
    <Synonym_German>Scheibenzeichen</Synonym_German>
    <Definition>A made-up sign,
      for tests.</Definition>
    <SNOMED_ID>4711005</SNOMED_ID>
  </owl:Class>
  <owl:Class rdf:about="&RID;RID900002">
    <rdfs:subClassOf rdf:resource="&RID;RID900001"/>
    <Preferred_name xml:lang="en">old grommet sign</Preferred_name>
    <Obsolete>true</Obsolete>
  </owl:Class>
  <owl:Class rdf:about="&RID;RID34539">
    <rdfs:subClassOf rdf:resource="&RID;RID34785"/>
    <Preferred_name xml:lang="en">pleural effusion</Preferred_name>
    <Synonym xml:lang="en">pleural grommet fluid</Synonym>
  </owl:Class>
</rdf:RDF>
"#;

const OBO: &str = "format-version: 1.2\nontology: hp.obo\n\n[Term]\nid: HP:0000118\nname: Phenotypic abnormality\n\n\
    [Term]\nid: HP:9000001\nname: Grommet sign\ndef: \"A \\\"made-up\\\" sign.\" [me]\n\
    synonym: \"Washer sign\" EXACT layperson []\nsynonym: \"Ring sign thing\" BROAD []\nxref: SNOMEDCT_US:4711005\n\
    xref: UMLS:C1\nis_a: HP:0000118 ! Phenotypic abnormality\n\n[Term]\nid: HP:9000002\nname: Gone sign\n\
    is_obsolete: true\n\n[Typedef]\nid: part_of\nname: part of\n";

const ICD: &str = "<?xml version=\"1.0\"?>\n<ICD10CM.tabular><version>2026</version>\n<chapter><name>10</name>\
    <desc>Diseases</desc><section id=\"J95-J99\"><desc>Pleura</desc>\n<diag><name>J98</name>\
    <desc>Other grommet disorders</desc>\n<diag><name>J98.7</name><desc>Grommet disorder, unspecified</desc>\
    <inclusionTerm><note>Washer disorder NOS</note><note>Washer disorder (left) (right), chronic</note></inclusionTerm>\
    <excludes1><note>nothing</note></excludes1></diag></diag></section></chapter>\n\
    <chapter><name>21</name><desc>Factors</desc><section id=\"Z00-Z13\"><desc>Persons</desc><diag><name>Z00</name>\
    <desc>Encounter for grommets</desc></diag></section></chapter></ICD10CM.tabular>\n";

const MODELS: &str = "{\"oifm_id\":\"OIFM_TEST_000001\",\"name\":\"grommet sign\",\"description\":\"A made-up sign.\",\
    \"synonyms\":[\"washer sign\"],\"tags\":[\"finding\"],\"index_codes\":[{\"system\":\"GAMUTS\",\"code\":\"4711\"}]}\n\
    {\"oifm_id\":\"OIFM_TEST_000002\",\"name\":\"grommet catheter\",\"description\":\"A device.\",\"tags\":[\"device\"]}\n";

const ANATOMY: &str = "[{\"_id\":\"RID900010\",\"description\":\"grommet bone\",\"region\":\"Neck\",\
    \"containedByRef\":{\"id\":\"RID900010\",\"display\":\"x\"},\"leftRef\":{\"id\":\"RID900010_RID5824\"},\
    \"rightRef\":{\"id\":\"RID900010_RID5825\"},\"codes\":[{\"system\":\"FMA\",\"code\":\"12\"}]},\
    {\"_id\":\"RID900010_RID5824\",\"description\":\"left grommet bone\",\"rightRef\":{\"id\":\"RID900010_RID5825\"},\
    \"unsidedRef\":{\"id\":\"RID900010\"},\"partOfRef\":{\"id\":\"RID900010_RID5824\"}},\
    {\"_id\":\"RID900010_RID5825\",\"description\":\"right grommet bone\",\"leftRef\":{\"id\":\"RID900010_RID5824\"},\
    \"unsidedRef\":{\"id\":\"RID900010\"}}]";

const BIOPORTAL: &str = "Class ID,Preferred Label,Synonyms,Definitions,Obsolete,CUI,Semantic Types,Parents\n\
    http://www.radlex.org/RID/RID34785,clinical finding,,,false,,,http://www.w3.org/2002/07/owl#Thing\n\
    http://www.radlex.org/RID/RID900001,grommet sign,washer sign|hoop sign,\"A sign, made up.\",false,,,\
    http://www.radlex.org/RID/RID34785\n\
    http://www.radlex.org/RID/RID900002,gone sign,,,true,,,http://www.radlex.org/RID/RID34785\n";

const LIST: &str = "clinical finding,RID34785,RID1\ngrommet sign,RID900001,RID34785\n\
    grommet sign, inferior part (Oli),RID900002,RID900001\n\"grommet sign, upper part\",RID900003,RID900001\n";

const TABLE: &str = "name;id;synonyms;parents;snomed;side\nGrommet sign;;washer sign|hoop sign;fracture;4711005;\n\
    Grommet fracture;gf-1;;Grommet sign;;left\n";

/// Imports one file into a folder `lexicon`; gives the run, the file and the folder.
fn import(name: &str, text: &str, more: &[&str]) -> (Run, String, Folder) {
    let folder = Folder::new(&[(name, text)]);
    let source = folder.path(name);
    let (run, file) = import_to(&folder, &source, more);
    (run, file, folder)
}

fn import_to(folder: &Folder, source: &str, more: &[&str]) -> (Run, String) {
    let lexicon = folder.path("lexicon");
    std::fs::create_dir_all(&lexicon).unwrap();
    let output = format!("{lexicon}/own.tsv");
    let run = radlabel(&[&["terms", "import", source, "-o", &output], more].concat());
    (run, std::fs::read_to_string(&output).unwrap_or_default())
}

/// The cells of the row with this id, by column.
fn row(file: &str, id: &str) -> std::collections::BTreeMap<String, String> {
    let mut lines = file.lines().filter(|l| !l.starts_with('#')).map(|l| l.split('\t'));
    let header: Vec<&str> = lines.next().expect("a header").collect();
    let row = lines.find(|l| l.clone().next() == Some(id)).unwrap_or_else(|| panic!("no row {id} in\n{file}"));
    header.into_iter().map(str::to_owned).zip(row.map(str::to_owned)).collect()
}

/// The folder checks, and the term is found.
fn proves_itself(folder: &Folder, term: &str, id: &str) {
    let lexicon = folder.path("lexicon");
    let check = radlabel(&["check", &lexicon]);
    assert_eq!((check.code, &*check.err), (0, ""), "{}", check.out);
    let report = folder.path("report.txt");
    std::fs::write(&report, format!("FINDINGS: There is a {term}.")).unwrap();
    let label = radlabel(&["label", &report, "--format", "jsonl", "--lexicons", &lexicon]);
    assert!(label.out.contains(&format!("\"concept\":\"{id}\"")), "{term}: {}", label.out);
}

#[test]
fn every_format_is_recognised_and_comes_back() {
    let sign = ("washer sign", "grommet-sign");
    for (name, text, (term, id), cells) in [
        (
            "radlex.owl",
            OWL,
            ("washer sign", "grommet-washer-sign"),
            vec![
                ("name", "grommet & washer sign"),
                ("radlex", "RID900001"),
                ("snomed", "4711005"),
                ("definition", "A made-up sign, for tests."),
                ("terms", "grommet & washer sign | grommet sign | washer sign"),
                ("parents", "clinical-finding"),
            ],
        ),
        (
            "hp.obo",
            OBO,
            sign,
            vec![
                ("other", "HP:9000001,UMLS:C1"),
                ("snomed", "4711005"),
                ("definition", "A \"made-up\" sign."),
                ("terms", "grommet sign | washer sign"),
                ("parents", "phenotypic-abnormality"),
            ],
        ),
        (
            "icd.xml",
            ICD,
            ("washer disorder", "grommet-disorder-unspecified"),
            vec![
                ("icd10", "J98.7"),
                ("terms", "grommet disorder | washer disorder | washer disorder, chronic"),
                ("parents", "other-grommet-disorders"),
            ],
        ),
        (
            "models.jsonl",
            MODELS,
            sign,
            vec![("other", "OIFM_TEST_000001,GAMUTS:4711"), ("kind", "finding"), ("definition", "A made-up sign.")],
        ),
        (
            "bioportal.csv",
            BIOPORTAL,
            sign,
            vec![
                ("radlex", "RID900001"),
                ("terms", "grommet sign | washer sign | hoop sign"),
                ("definition", "A sign, made up."),
            ],
        ),
    ] {
        let (run, file, folder) = import(name, text, &[]);
        assert_eq!(run.code, 0, "{name}: {}", run.err);
        let row = row(&file, id);
        for (column, want) in cells {
            assert_eq!(row[column], want, "{name}, {column}");
        }
        proves_itself(&folder, term, id);
        // Once more, the same bytes, also where the file that is replaced is among the lexicons.
        let (_, again) = import_to(&folder, &folder.path(name), &["--lexicons", &folder.path("lexicon")]);
        assert_eq!(file, again, "{name}");
    }
}

#[test]
fn anatomy_keeps_its_sides() {
    let (run, file, folder) = import("anatomy.json", ANATOMY, &["--domain", "neck"]);
    assert_eq!(run.code, 0, "{}", run.err);
    assert!(file.contains("# domain: neck\n# kind: anatomy\n"), "{file}");
    let left = row(&file, "left-grommet-bone");
    assert_eq!((&*left["side"], &*left["parents"]), ("left", "grommet-bone"));
    assert_eq!(row(&file, "right-grommet-bone")["side"], "right");
    assert_eq!(row(&file, "grommet-bone")["other"], "FMA:12");
    assert_eq!(radlabel(&["check", &folder.path("lexicon")]).code, 0);
}

#[test]
fn a_list_with_stray_commas_is_put_together_again() {
    let (run, file, _) = import("list.csv", LIST, &[]);
    assert_eq!(run.code, 0, "{}", run.err);
    assert_eq!(row(&file, "grommet-sign-inferior-part-oli")["terms"], "grommet sign, inferior part");
    assert_eq!(row(&file, "grommet-sign-upper-part")["parents"], "grommet-sign");
}

#[test]
fn a_table_of_ones_own() {
    let (run, file, folder) = import("own.csv", TABLE, &["--kind", "finding", "--prefix", "own"]);
    assert_eq!(run.code, 0, "{}", run.err);
    let sign = row(&file, "own-grommet-sign");
    assert_eq!((&*sign["parents"], &*sign["snomed"]), ("fracture", "4711005"));
    let fracture = row(&file, "own-gf-1");
    assert_eq!((&*fracture["parents"], &*fracture["side"]), ("own-grommet-sign", "left"));
    proves_itself(&folder, "hoop sign", "own-grommet-sign");
    // Under "fracture" it counts for the label of fractures.
    let report = folder.path("report.txt");
    let label = radlabel(&["label", &report, "--format", "table", "--lexicons", &folder.path("lexicon")]);
    assert!(label.out.contains("+ Fracture"), "{}", label.out);
    // A name alone is enough, but its kind must be said.
    let (run, _, _) = import("names.txt", "name\nhoop sign\n", &[]);
    assert!(run.code == 2 && run.err.contains("--kind says it"), "{}", run.err);
    assert_eq!(import("names.txt", "name\nhoop sign\n", &["--kind", "finding"]).0.code, 0);
}

#[test]
fn a_release_of_snomed_ct() {
    let folder = Folder::new(&[]);
    let root = folder.path("rf2");
    release::write_release(Path::new(&root), 400).unwrap();
    let (run, file) = import_to(&folder, &root, &[]);
    assert_eq!(run.code, 0, "{}", run.err);
    assert!(run.err.contains("392 concepts (rf2)"), "{}", run.err);
    assert!(!file.contains(&release::concept_id(49).to_string()), "an inactive concept was taken");
    let first = file.lines().find(|l| l.contains(&format!("\t{}\t", release::concept_id(0)))).expect("the first");
    assert!(first.contains("What is called acute") && first.contains(" of the "), "{first}");
    assert_eq!(radlabel(&["check", &folder.path("lexicon")]).code, 0);
    // Subtrees, and less than them.
    let code = release::concept_id(1).to_string();
    let (run, part) = import_to(&folder, &root, &["--under", &code, "--kind", "finding"]);
    assert_eq!(run.code, 0, "{}", run.err);
    let rows = |file: &str| file.lines().filter(|l| !l.starts_with('#')).count() - 1;
    let below = release::concept_id(4).to_string();
    let (_, less) = import_to(&folder, &root, &["--under", &code, "--not-under", &below, "--kind", "finding"]);
    assert!(rows(&file) > rows(&part) && rows(&part) > rows(&less) && rows(&less) > 0);
    // Which part is imported does not change an id.
    let id = part.lines().next_back().and_then(|l| l.split('\t').next()).expect("a row");
    assert!(file.lines().any(|l| l.starts_with(&format!("{id}\t"))), "{id}");
    let (run, _) = import_to(&folder, &root, &["--under", "12"]);
    assert!(run.code == 2 && run.err.contains("--under: no concept with the code \"12\""), "{}", run.err);
    // A cut line is told with its file and number.
    let concepts = format!("{root}/Snapshot/Terminology/sct2_Concept_Snapshot_INT_20260101.txt");
    let mut text = std::fs::read_to_string(&concepts).unwrap();
    text.push_str("12\t2002\t1\r\nabc\t20020131\t7\tx\ty\r\n");
    std::fs::write(&concepts, text).unwrap();
    let (run, _) = import_to(&folder, &root, &[]);
    assert_eq!(run.code, 2);
    for part in ["20260101.txt:402: 3 cells; the header has 5", ":403: \"abc\"; expected an identifier"] {
        assert!(run.err.contains(part), "{part} is not in\n{}", run.err);
    }
}

#[test]
fn what_radlabel_knows_keeps_its_id() {
    let (run, file, folder) = import("radlex.owl", OWL, &[]);
    assert!(run.err.contains("1 known to radlabel"), "{}", run.err);
    let known = row(&file, "pleural-effusion");
    // Only what is new: its code and name are there already.
    assert_eq!((&*known["terms"], &*known["radlex"], &*known["parents"]), ("pleural grommet fluid", "", ""));
    proves_itself(&folder, "pleural grommet fluid", "pleural-effusion");
    // Inactive concepts only when they are asked for; languages likewise.
    assert!(!file.contains("RID900002"));
    assert!(import("radlex.owl", OWL, &["--inactive"]).1.contains("RID900002"));
    let (run, german, _) = import("radlex.owl", OWL, &["--language", "de"]);
    assert_eq!(run.code, 0, "{}", run.err);
    let sign = row(&german, "grommet-washer-sign");
    assert_eq!(sign["terms"], "t\u{fc}llenzeichen | scheibenzeichen");
    let broad = import("hp.obo", OBO, &["--synonyms", "all"]).1;
    assert!(broad.contains("ring sign thing"), "{broad}");
}

#[test]
fn a_term_means_one_thing_and_the_rest_is_told() {
    let table = "id,name,synonyms\nb2,hoop sign,ring thing\na10,ring thing,pneumothorax\na9,washer thing,ring things\n\
        a1,No grommet,PE|12|the|other grommet\n";
    let (run, file, folder) = import("clash.csv", table, &["--kind", "finding"]);
    assert_eq!(run.code, 0, "{}", run.err);
    for part in [
        // A preferred name before a synonym, whatever the code and the number of the noun.
        "clash: \"ring thing\" means pneumothorax; b2 does without it",
        "clash: \"ring things\" means pneumothorax; a9 does without it",
        "1 with a cue inside",
        "1 a single word of one or two letters",
        "1 an ordinary word",
        "1 without a word",
        "1 a rest class",
        "1 without a usable term",
    ] {
        assert!(run.err.contains(part), "{part} is not in\n{}", run.err);
    }
    // A synonym that is a known concept's own name makes the entry that concept.
    assert_eq!(row(&file, "pneumothorax")["terms"], "ring thing");
    assert!(file.contains("hoop sign") && !file.contains("grommet"), "{file}");
    proves_itself(&folder, "washer thing", "a9");
}

/// A longer term hides the shorter one inside it; by its name it can be put under what it hides.
#[test]
fn a_new_finding_is_placed_by_its_name() {
    let table = "id,name,parents\na1,Sprocket rib fracture,\na2,Rib fracture of the sprocket,a1\na3,sprocket bone,\n";
    let (run, file, _) = import("own.csv", table, &["--kind", "finding"]);
    assert!(run.err.contains("hiding    2 hold the words of a known finding"), "{}", run.err);
    assert_eq!(row(&file, "a1")["parents"], "");
    let (run, file, folder) = import("own.csv", table, &["--kind", "finding", "--place-by-name"]);
    assert!(run.err.contains("placed    1 under") && !run.err.contains("hiding"), "{}", run.err);
    assert_eq!(row(&file, "a1")["parents"], "rib-fracture");
    assert_eq!(row(&file, "a2")["parents"], "a1");
    proves_itself(&folder, "sprocket rib fracture", "a1");
}

#[test]
fn faults_are_told_all_at_once_and_nothing_is_written() {
    let obo = "format-version: 1.2\n[Term]\nid: A:1\nname: one\nis_a: A:2\nis_a: A:9\nsynonym: no quotes\nnonsense\n\
        [Term]\nid: A:2\nname: two\nis_a: A:1\n[Term]\nname: three\n[Term]\nid: A:2\nname: again\n";
    let cut_owl = OWL.split("<Synonym_German>").next().unwrap();
    let wrong_end = OWL.replace("</Definition>", "</Def>");
    let entity = OWL.replace("&amp;", "&nbsp;");
    let cut_icd = ICD.split("<excludes1>").next().unwrap();
    let half = "{\"oifm_id\":\"OIFM_1\",\"name\":\"a\"}\n{\"oifm_id\":\"OIFM_2\"}\n{\"oifm_id\": 7\n";
    for (name, text, wants) in [
        (
            "a.obo",
            obo,
            vec![
                "a.obo:7: a synonym without quotes",
                "a.obo:8: no \"key: value\"",
                "unknown parent \"A:9\" of \"A:1\"",
                "lies under itself: A:1 > A:2 > A:1",
                "a.obo:13: a term without \"id:\"",
                "code \"A:2\" stands already in line 9",
            ],
        ),
        ("a.owl", cut_owl, vec!["the file ends inside", "a.owl:1"]),
        ("a.owl", &wrong_end, vec!["a.owl:17: not well-formed XML"]),
        ("a.owl", &entity, vec!["a.owl:12: unknown entity \"&nbsp;\""]),
        ("a.xml", cut_icd, vec!["a.xml:5: the file ends inside"]),
        (
            "a.jsonl",
            half,
            vec!["a.jsonl:2: not a finding model: missing field `name`", "a.jsonl:3: not a finding model"],
        ),
        (
            "a.json",
            "[{\"_id\": \"RID1\"}]",
            vec!["a.json:1: not a list of anatomic locations: missing field `description`"],
        ),
        (
            "a.csv",
            "x,RID7,RID1\ny,RID8,RID77\nz,RID8,RID7\nbad,RID5\n",
            vec![
                "a.csv:2: unknown parent \"RID77\" of \"RID8\"",
                "a.csv:3: code \"RID8\" stands already in line 2",
                "a.csv:4: no name, RID and RID of the parent",
                "--allow-orphans takes such concepts as roots",
            ],
        ),
        (
            "own.csv",
            "name,side,kind,other\na,up,thing,plain\n,,,\nb,,,,\n",
            vec![
                "own.csv:2: unknown side \"up\"",
                "own.csv:2: unknown kind \"thing\"",
                "own.csv:2: code \"plain\"",
                "own.csv:4: 5 cells; the header has 4",
            ],
        ),
        (
            "q.csv",
            "name,side\na,left\n\"b,left\nc,up\n",
            vec!["q.csv:3: a quote that is opened in this row is never closed"],
        ),
    ] {
        let (run, file, _) = import(name, text, &["--kind", "finding"]);
        assert_eq!((run.code, &*file), (2, ""), "{name}: {}", run.err);
        assert!(!run.err.contains("written   "), "{name}: {}", run.err);
        for want in wants {
            assert!(run.err.contains(want), "{want} is not in\n{}", run.err);
        }
    }
    // Many faults of one sort are counted, not listed.
    let many: String = (0..100).map(|i| format!("x{i},RID{i},RID999\n")).collect();
    let (run, _, _) = import("many.csv", &many, &[]);
    assert!(run.err.contains("... and 80 more like it: unknown parent"), "{}", run.err);
    assert!(import("many.csv", &many, &["--allow-orphans", "--kind", "finding"]).0.code == 0);
    // What holds nothing, or nothing that is wanted, is not said to be written.
    for (text, want) in
        [("name,kind\n", "the source holds no concept"), ("name\na sign\n", "every concept was left out")]
    {
        let (run, file, _) = import("none.csv", text, &[]);
        assert!(run.code == 2 && file.is_empty() && run.err.contains(want), "{}", run.err);
        assert!(!run.err.contains("written  "), "{}", run.err);
    }
    // What is no terminology at all.
    for (name, text) in [("a.txt", "hello\n"), ("a.xml", "<html/>"), ("a.json", "{}"), ("empty.csv", "")] {
        let (run, _, _) = import(name, text, &[]);
        assert!(run.code == 2 && run.err.contains("not recognised"), "{name}: {}", run.err);
    }
}

#[test]
fn search_ranks_and_show_tells() {
    let first = |words: &[&str]| {
        let run = radlabel(&[&["terms", "search", "--format", "json"], words].concat());
        let found: serde_json::Value = serde_json::from_str(&run.out).unwrap();
        (
            run.code,
            found[0]["id"].as_str().unwrap_or("").to_owned(),
            found[0]["match"].as_str().unwrap_or("").to_owned(),
        )
    };
    let found = |id: &str, rank: &str| (0, id.to_owned(), rank.to_owned());
    assert_eq!(first(&["Pleural", "Effusion"]), found("pleural-effusion", "exact"));
    assert_eq!(first(&["pneumoth"]), found("pneumothorax", "prefix"));
    assert_eq!(first(&["cavity", "fluid", "pleural"]), found("pleural-effusion", "words"));
    assert_eq!(first(&["plural efusion"]), found("pleural-effusion", "near"));
    assert_eq!(first(&["RID5352"]), found("pneumothorax", "exact"));
    assert_eq!(first(&["lung", "--kind", "anatomy"]).1, "lung");
    assert_eq!(first(&["zzzzz"]).0, 1);
    let run = radlabel(&["terms", "search", "effusion", "--limit", "2"]);
    assert_eq!(run.out.lines().count(), 3, "{}", run.out);
    assert!(run.err.contains("2 of "), "{}", run.err);
    for asked in ["pneumothorax", "RID5352", "radlex:RID5352", "Pneumothoraces"] {
        let run = radlabel(&["terms", "show", asked]);
        assert_eq!(run.code, 0, "{asked}: {}", run.err);
        for part in [
            "pneumothorax  finding",
            "terms       ",
            "children    2: hydropneumothorax",
            "chexpert: Pneumothorax",
            "No [pneumothorax|absent].",
        ] {
            assert!(run.out.contains(part), "{part:?} is not in\n{}", run.out);
        }
        assert!(!run.out.contains('\x1b'));
    }
    let run = radlabel(&["terms", "show", "zzzzz"]);
    assert!(run.code == 2 && run.err.contains("no concept with the id, code or term \"zzzzz\""), "{}", run.err);
    let run = radlabel(&["terms", "show", "pleural-effusion", "--format", "json"]);
    let cards: serde_json::Value = serde_json::from_str(&run.out).unwrap();
    assert_eq!(cards[0]["path"][0], "pleural-effusion");
}

#[test]
fn stats_count() {
    let (_, _, folder) = import("models.jsonl", MODELS, &[]);
    let run = radlabel(&["terms", "stats", "--format", "json", "--lexicons", &folder.path("lexicon")]);
    let stats: serde_json::Value = serde_json::from_str(&run.out).unwrap();
    let bare: serde_json::Value = serde_json::from_str(&radlabel(&["terms", "stats", "--format", "json"]).out).unwrap();
    let concepts = |value: &serde_json::Value| value["all"]["concepts"].as_u64().unwrap();
    assert_eq!(concepts(&stats), concepts(&bare) + 2);
    assert_eq!((stats["unreachable"].as_u64(), stats["ambiguous"].as_u64()), (Some(0), Some(0)));
    let models = |value: &serde_json::Value| {
        let systems = value["systems"].as_array().unwrap();
        systems.iter().find(|s| s["system"] == "OIFM").and_then(|s| s["codes"].as_u64()).unwrap_or(0)
    };
    assert_eq!(models(&stats), models(&bare) + 2);
    assert!(radlabel(&["terms", "stats"]).out.contains("with a definition"));
}

/// Imported nouns change nothing of what the rules read: neither their words nor their misspellings.
#[test]
fn imported_words_leave_the_rules_alone() {
    let table = "name\nrule\nruled\nlessor lobule\nstartel\n";
    let (run, file, folder) = import("own.csv", table, &["--kind", "finding"]);
    assert_eq!(run.code, 0, "{}", run.err);
    assert!(file.contains("# spelling: exact"));
    assert_eq!(radlabel(&["check", &folder.path("lexicon")]).code, 0);
    let report = folder.path("report.txt");
    std::fs::write(&report, "FINDINGS: The study was started. Small efusion.").unwrap();
    let run = radlabel(&["label", &report, "--format", "jsonl", "--lexicons", &folder.path("lexicon")]);
    assert!(!run.out.contains("startel") && run.out.contains("\"concept\":\"pleural-effusion\""), "{}", run.out);
}
