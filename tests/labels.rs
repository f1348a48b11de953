//! Label schemes as data: hierarchy, precedence, conditions, families, and what is told of faulty ones; several
//! schemes at once, crosswalks, profiles.

use crate::command::Folder;
use radlabel::rules::Hierarchy;
use radlabel::{Engine, Error, Report, Status};
use std::sync::LazyLock;

const HEAD: &str = "kind = \"scheme\"\nversion = 1\nid = \"mine\"\ntitle = \"Mine\"\n";

/// A scheme of five labels in a tree, with a doubt, a precedence, two conditions and a family.
const MINE: &str = r#"
hierarchy = { up = true, down = true }

[[label]]
name = "Chest"
definition = "Heading."

[[label]]
name = "Effusion"
definition = "d"
parents = ["Chest"]
concepts = ["pleural-effusion"]
codes = ["radlex:RID34539"]
examples = [{ text = "Small effusion.", value = "present" }, { text = "No effusion.", value = "absent" }]

[[label]]
name = "Loculated"
definition = "d"
parents = ["Effusion"]
outranks = ["Anything pleural"]
concepts = ["loculated-pleural-effusion"]

[[label]]
name = "Anything pleural"
definition = "d"
concepts = ["pleural-abnormality"]

[[label]]
name = "Left effusion"
definition = "d"
concepts = ["pleural-effusion"]
where = { side = "left" }

[[label]]
name = "New pneumothorax"
definition = "d"
concepts = ["pneumothorax"]
where = { change = ["new", "increased"] }

[[label]]
name = "Large mass"
definition = "d"
concepts = ["mass"]
where = { size = "> 30 mm" }

[[label]]
name = "Small nodules"
definition = "d"
concepts = ["nodule"]
where = { size = "< 6 mm", count = ">= 2" }

[[label]]
name = "Acute fracture"
definition = "d"
concepts = ["fracture"]
where = { acuity = ["acute", "subacute"] }

[[family]]
name = "{Side} fracture of the {location}"
over = ["clavicle", "humerus"]
sides = ["left", "right"]
names = ["clavicle", "upper arm"]
definition = "Of the {location}."
concepts = ["fracture"]
examples = [{ text = "Fracture of the {side} clavicle.", value = "none" }]
"#;

static ENGINE: LazyLock<Engine> = LazyLock::new(|| load(&[("mine.toml", &format!("{HEAD}{MINE}"))]).expect("loads"));

/// The built-in lexicons and rules with files added.
fn load(own: &[(&str, &str)]) -> Result<Engine, Error> {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |folder: &str, ending: &str| -> Vec<(String, String)> {
        let mut paths: Vec<_> = std::fs::read_dir(root.join(folder)).unwrap().map(|e| e.unwrap().path()).collect();
        paths.sort();
        paths.retain(|p| p.extension().is_some_and(|e| e == ending));
        let name = |p: &std::path::Path| format!("{folder}/{}", p.file_name().unwrap().to_string_lossy());
        paths.iter().map(|p| (name(p), std::fs::read_to_string(p).unwrap())).collect()
    };
    let lexicons = read("lexicons/en", "tsv");
    let mut rules = read("rules/en", "toml");
    rules.extend(read("rules/labels", "toml"));
    rules.extend(own.iter().map(|(n, t)| ((*n).to_owned(), (*t).to_owned())));
    let borrowed = |files: &'static [(String, String)]| -> Vec<(&'static str, &'static str)> {
        files.iter().map(|(n, t)| (n.as_str(), t.as_str())).collect()
    };
    Engine::load(&borrowed(lexicons.leak()), &borrowed(rules.leak()))
}

/// `label=value` for every label, in order; `(n)` is where the deciding mention begins.
fn told(text: &str, hierarchy: Option<Hierarchy>) -> String {
    let bound = ENGINE.scheme("mine").unwrap();
    let analysis = ENGINE.analyze(&Report::new("r", text));
    let labels = ENGINE.labels_with(&analysis, bound, hierarchy.unwrap_or(bound.scheme.hierarchy));
    let word = |status| match status {
        Status::Present => '+',
        Status::Absent => '-',
        Status::Uncertain => '?',
    };
    let one = |l: &radlabel::Label| {
        let at = analysis.mentions[l.because.unwrap() as usize].span.start;
        format!("{}{} ({at})", word(l.value), bound.scheme.labels[l.label as usize].name)
    };
    labels.iter().map(one).collect::<Vec<_>>().join(", ")
}

#[test]
fn values_travel_up_and_down() {
    let none = Some(Hierarchy::default());
    let up = Some(Hierarchy { up: true, down: false });
    // The parent rests on the mention that decided the child, the heading on its grandchild.
    let text = "A loculated pleural effusion on the right.";
    assert_eq!(told(text, up), "+Chest (2), +Effusion (2), +Loculated (2)");
    assert_eq!(told(text, none), "+Effusion (2), +Loculated (2)");
    // A doubt makes the parent doubtful at least; what is there outranks it.
    let text = "Possible effusion.";
    assert_eq!(told(text, up), "?Chest (9), ?Effusion (9), ?Anything pleural (9)");
    // A denial travels down to what is not mentioned, and never up.
    let text = "No pleural effusion.";
    assert_eq!(told(text, None), "-Effusion (3), -Loculated (3), -Anything pleural (3), -Left effusion (3)");
    assert_eq!(told(text, up), "-Effusion (3), -Anything pleural (3), -Left effusion (3)");
}

#[test]
fn an_outranking_label_takes_the_mention() {
    assert!(!told("Loculated pleural effusion.", None).contains("Anything pleural"));
    assert!(told("Pleural thickening. Loculated pleural effusion.", None).contains("+Anything pleural (0)"));
}

#[test]
fn conditions_ask_for_attributes() {
    let has = |text: &str, want: &str| assert!(told(text, None).contains(want), "{text}: {}", told(text, None));
    let lacks = |text: &str, want: &str| assert!(!told(text, None).contains(want), "{text}: {}", told(text, None));
    has("Small left effusion.", "+Left effusion");
    has("Bilateral effusions.", "+Left effusion");
    lacks("Small right effusion.", "Left effusion");
    // An unqualified statement asserts no particular kind; an unqualified denial denies every kind.
    lacks("Small effusion.", "Left effusion");
    has("No effusion.", "-Left effusion");
    lacks("No right effusion.", "Left effusion");
    has("A 4.2 x 3.1 cm mass.", "+Large mass");
    lacks("A 12 mm mass.", "Large mass");
    lacks("A mass.", "Large mass");
    has("No mass.", "-Large mass");
    has("Multiple nodules up to 5 mm.", "+Small nodules");
    has("Two 4 mm nodules.", "+Small nodules");
    lacks("A 4 mm nodule.", "Small nodules");
    lacks("Several nodules of 4-8 mm.", "Small nodules");
    has("Acute rib fracture.", "+Acute fracture");
    lacks("Healed rib fracture.", "Acute fracture");
    lacks("No displaced healed rib fracture.", "Acute fracture");
    has("New pneumothorax.", "+New pneumothorax");
    lacks("Stable pneumothorax.", "New pneumothorax");
}

#[test]
fn a_family_is_a_label_a_place() {
    let bound = ENGINE.scheme("mine").unwrap();
    let names: Vec<&str> = bound.scheme.labels.iter().map(|l| &*l.name).filter(|n| n.contains("fracture of")).collect();
    assert_eq!(
        names,
        [
            "Left fracture of the clavicle",
            "Right fracture of the clavicle",
            "Left fracture of the upper arm",
            "Right fracture of the upper arm"
        ]
    );
    assert_eq!(&*bound.scheme.labels[bound.scheme.find(names[2]).unwrap()].definition, "Of the upper arm.");
    assert_eq!(told("Fracture of the left humerus.", None), "+Left fracture of the upper arm (0)");
    // Located: a fracture of no place is of none of them.
    assert_eq!(told("Left fracture.", None), "");
}

#[test]
fn codes_are_those_of_the_first_concept_unless_given() {
    let labels = &ENGINE.scheme("mine").unwrap().scheme.labels;
    let codes = |name: &str| &labels.iter().find(|l| *l.name == *name).unwrap().codes;
    assert_eq!(codes("Effusion"), &[("radlex".into(), "RID34539".into())]);
    let pneumothorax = ENGINE.lexicon.find("pneumothorax").unwrap();
    assert_eq!(codes("New pneumothorax"), &ENGINE.lexicon.concept(pneumothorax).codes);
}

/// Every fault of a scheme is told at once, with its line.
#[test]
fn faulty_schemes_are_told_with_file_and_line() {
    let label = |name: &str, more: &str| format!("[[label]]\nname = \"{name}\"\ndefinition = \"d\"\n{more}\n");
    let sound = "concepts = [\"pneumothorax\"]";
    let all_at_once = [
        label("A", "concepts = [\"no-such-thing\"]"),
        label("A", sound),
        label("B", "concepts = [\"pneumothorax\"]\nparents = [\"Nobody\"]"),
        label("C", "concepts = [\"pneumothorax\"]\nparents = [\"D\"]"),
        label("D", "concepts = [\"pneumothorax\"]\nparents = [\"C\"]"),
        label("E", "concepts = [\"pneumothorax\"]\nwhere = { flavour = \"x\" }"),
        label("F", "concepts = [\"pneumothorax\"]\nwhere = { size = \"> 3 parsecs\" }"),
        label("G", ""),
        label("H", "concepts = [\"pneumothorax\"]\noutranks = [\"H\"]"),
        label("I", "concepts = [\"lung\"]"),
        label("J", "concepts = [\"pneumothorax\"]\ncodes = [\"RID1\"]"),
        label("K", "concepts = [\"pneumothorax\"]\nexamples = [{ text = \"x\", value = \"maybe\" }]"),
        label("", sound),
        "[[family]]\nname = \"Fracture\"\nover = [\"no-place\", \"rib\"]\ndefinition = \"d\"\nconcepts = [\"fracture\"]\n"
            .to_owned(),
        "[no-finding]\nlabel = \"Z\"\n".to_owned(),
    ]
    .concat();
    let cases: [(&str, String, &[&str]); 6] = [
        (
            "s.toml",
            format!("{HEAD}{all_at_once}"),
            &[
                "s.toml:8: unknown concept \"no-such-thing\"",
                "s.toml:10: label \"A\" stands already in line 6",
                "s.toml:17: unknown parent \"Nobody\"; expected a label of this scheme",
                "label \"C\" lies under itself through its parent \"D\"",
                "s.toml:32: unknown attribute \"flavour\"; expected one of side, severity, change",
                "s.toml:37: condition size = \"> 3 parsecs\" has the unit \"parsecs\"; expected mm or cm, as in \"> 30 mm\"",
                "s.toml:39: label \"G\" is empty: it has no concept and no child",
                "label \"H\" outranks itself through \"H\"",
                "s.toml:50: \"lung\" is Anatomy; expected [Finding, Device]",
                "code \"RID1\"; expected such as \"radlex:RID1301\"",
                "example value \"maybe\" of label \"K\"; expected present, absent, uncertain or none",
                "a label without a name",
                "family \"Fracture\" does not name its place; expected {location} in it",
                "unknown concept \"no-place\"",
                "unknown label \"Z\"; expected a label of this scheme",
            ],
        ),
        ("s.toml", HEAD.to_owned(), &["s.toml:1: a scheme without labels"]),
        ("s.toml", "kind = \"scheme\"\nversion = 1\nid = \"x\"\n".to_owned(), &["s.toml:1: no id or no title at the top"]),
        ("s.toml", HEAD.replace("mine", "chexpert"), &["scheme \"chexpert\" stands already in"]),
        ("s.toml", HEAD.replace("mine", "all"), &["scheme \"all\" is made of the lexicon; expected another id"]),
        (
            "p.toml",
            concat!(
                "kind = \"profile\"\nversion = 1\nid = \"p\"\ntitle = \"P\"\nwhy = \"w\"\nscheme = \"nowhere\"\n",
                "columns = [\"id\", \"colour\", \"id\"]\n[filter]\nkind = [\"animal\"]\nconcepts = [\"no-such-thing\"]\n",
                "within = [\"pneumothorax\"]\nsaid = [\"weight\"]\n"
            )
            .to_owned(),
            &[
                "p.toml:6: unknown scheme \"nowhere\"; expected abdomen, breast",
                "p.toml:7: unknown attribute \"colour\"; expected one of side",
                "p.toml:7: column \"id\" stands twice",
                "p.toml:9: unknown kind \"animal\"; expected finding or device",
                "p.toml:10: unknown concept \"no-such-thing\"",
                "p.toml:11: \"pneumothorax\" is Finding; expected [Anatomy]",
                "p.toml:12: unknown attribute \"weight\"",
            ],
        ),
    ];
    for (name, text, wanted) in cases {
        let Err(Error::Data(faults)) = load(&[(name, &text)]) else {
            panic!("{wanted:?} is not told");
        };
        let told: Vec<String> = faults.iter().map(ToString::to_string).collect();
        for want in wanted {
            assert!(told.iter().any(|t| t.contains(want)), "{want:?} is not in:\n{}", told.join("\n"));
        }
    }
}

/// Faults of two of the user's files are told in one go; a fault in one scheme leaves no other unbound.
#[test]
fn faults_of_all_files_are_told_at_once() {
    let bad = |id: &str| {
        format!("{}[[label]]\nname = \"A\"\ndefinition = \"d\"\nconcepts = [\"nope\"]\n", HEAD.replace("mine", id))
    };
    let Err(Error::Data(faults)) = load(&[("a.toml", &bad("a")), ("b.toml", &bad("b"))]) else {
        panic!("nothing is told");
    };
    let told: Vec<String> = faults.iter().map(ToString::to_string).collect();
    assert_eq!(told, ["a.toml:8: unknown concept \"nope\"", "b.toml:8: unknown concept \"nope\""]);
}

/// A built-in scheme that a user's lexicon does not fit is told when it is asked for, and stops no other.
#[test]
fn built_in_schemes_are_bound_when_asked_for() {
    let folder = Folder::new();
    let devices = concat!(env!("CARGO_MANIFEST_DIR"), "/lexicons/en/devices.tsv");
    let devices = std::fs::read_to_string(devices).unwrap();
    let without: Vec<&str> = devices.lines().filter(|l| !l.starts_with("jewelry\t")).collect();
    folder.put("mine/devices.tsv", without.join("\n"));
    folder.put("r.txt", "No pneumothorax.");
    let run = |scheme: &str| folder.run(&["label", "r.txt", "-q", "--lexicons", "mine", "--scheme", scheme]);
    assert!(run("nih-chestxray14").ends(0, &[]).text().contains("0.0"));
    run("chexpert").ends(2, &["rules/labels/chexpert.toml:", "unknown concept \"jewelry\""]);
    let said = folder.run(&["check", "mine"]).ends(1, &["rules/labels/padchest.toml:"]);
    assert!(said.err.contains("rules/labels/chexpert.toml:"), "all schemes are told at once: {}", said.err);
}

#[test]
fn the_scheme_of_the_whole_lexicon_has_every_finding_once() {
    let engine = Engine::embedded();
    let bound = engine.scheme("all").unwrap();
    let labels = &bound.scheme.labels;
    let mut names: Vec<&str> = labels.iter().map(|l| &*l.name).collect();
    assert!(
        labels
            .windows(2)
            .all(|w| { engine.lexicon.concept(w[0].concepts[0]).id < engine.lexicon.concept(w[1].concepts[0]).id })
    );
    let counted = engine
        .lexicon
        .concepts
        .iter()
        .filter(|c| matches!(c.kind, radlabel::lexicon::Kind::Finding | radlabel::lexicon::Kind::Device))
        .count();
    assert_eq!(labels.len(), counted);
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), counted, "names are unique");
}

const REPORTS: &str = "id,text\nA,Small left pleural effusion. No pneumothorax.\nB,Possible pneumonia.\nC,Hello.\n";

#[test]
fn several_schemes_from_one_pass() {
    let folder = Folder::new();
    folder.put("r.csv", REPORTS);
    let run = |more: &[&str]| folder.run(&[&["label", "r.csv", "-q"], more].concat()).ends(0, &[]).text();
    // One scheme is as it always was.
    assert!(run(&[]).starts_with("id,No Finding,Enlarged Cardiomediastinum,"));
    assert_eq!(run(&[]), run(&["--scheme", "chexpert"]));
    let both = run(&["--scheme", "chexpert,nih-chestxray14"]);
    assert_eq!(both, run(&["--scheme", "chexpert", "--scheme", "nih-chestxray14"]));
    assert!(both.starts_with("id,chexpert:No Finding,"));
    assert!(both.lines().next().unwrap().ends_with(",nih-chestxray14:Hernia,nih-chestxray14:No Finding"));
    let long = run(&["--scheme", "chexpert,nih-chestxray14", "--format", "long"]);
    assert!(long.starts_with("id,label,value\nA,chexpert:Pneumothorax,absent\nA,chexpert:Pleural Effusion,present\n"));
    assert!(long.contains("\nB,nih-chestxray14:Pneumonia,uncertain\n"), "{long}");
    let lines = folder.jsonl(&["r.csv", "-q", "--scheme", "chexpert,nih-chestxray14"]).ends(0, &[]).lines();
    assert_eq!(lines[0]["labels"]["nih-chestxray14"]["Effusion"], "present");
    assert_eq!(lines[0]["labels"]["chexpert"]["Pneumothorax"], "absent");
    let schema: serde_json::Value = serde_json::from_str(&run(&["--print-schema"])).unwrap();
    let schema = jsonschema::validator_for(&schema).unwrap();
    assert!(lines.iter().all(|l| schema.is_valid(l)));
    assert!(run(&["--scheme", "chexpert,mimic", "--format", "table"]).contains("+ chexpert:Pleural Effusion"));
    folder.run(&["label", "r.csv", "--scheme", "mimic,mimic"]).ends(2, &["--scheme: \"mimic\" stands twice"]);
}

#[test]
fn the_whole_lexicon_is_told_in_long_tables() {
    let folder = Folder::new();
    folder.put("r.csv", REPORTS);
    let run = |more: &[&str]| folder.run(&[&["label", "r.csv", "-q", "--scheme", "all"], more].concat()).ends(0, &[]);
    let long = run(&[]).text();
    assert!(long.starts_with("id,label,value\nA,pleural abnormality,present\nA,pleural effusion,present\n"), "{long}");
    assert!(!run(&["--propagate", "none"]).text().contains("pleural abnormality"));
    let wide = run(&["--format", "csv"]).text();
    assert!(wide.lines().next().unwrap().split(',').count() > 1000);
    folder.run(&["label", "r.csv", "--propagate", "none,up"]).ends(2, &["--propagate: none together with another way"]);
}

#[test]
fn a_crosswalk_says_what_maps_and_what_does_not() {
    let folder = Folder::new();
    let run = |arguments: &[&str]| folder.run(&[&["labels"], arguments].concat());
    let csv = run(&["crosswalk", "chexpert", "padchest", "--format", "csv"]).ends(0, &[]).text();
    for line in [
        "Pneumothorax,exact,pneumothorax,",
        "Pneumothorax,narrower,hydropneumothorax,",
        "Pneumothorax,broader,pleural finding,",
        "No Finding,none,,0,,,rests on what is not said",
        ",none,scoliosis,0,",
    ] {
        assert!(csv.contains(&format!("\n{line}")), "{line:?} is not in:\n{csv}");
    }
    assert!(csv.contains("Support Devices,exact,device,"));
    let json = run(&["crosswalk", "nih-chestxray14", "chexpert", "--format", "json"]).ends(0, &[]).text();
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&json["from"], &json["to"]), (&"nih-chestxray14".into(), &"chexpert".into()));
    let unmapped: Vec<&str> =
        json["unmapped_from"].as_array().unwrap().iter().map(|u| u["label"].as_str().unwrap()).collect();
    assert!(unmapped.contains(&"Hernia") && unmapped.contains(&"No Finding"), "{unmapped:?}");
    let table = run(&["crosswalk", "chexpert", "mimic"]).ends(0, &[]).text();
    assert!(table.contains("Edema                       exact      Edema ("), "{table}");
    run(&["crosswalk", "chexpert", "nowhere"]).ends(2, &["unknown scheme \"nowhere\"; expected chexpert"]);
}

#[test]
fn labels_are_mapped_and_nothing_is_made_up() {
    let folder = Folder::new();
    folder.put("l.csv", "id,Sex,pneumothorax,hydropneumothorax\nA,f,1,\nB,m,0,0\nC,f,,1.0\nD,m,,0\nE,f,-1.0,\n");
    let map = |from: &str, to: &str, more: &[&str]| {
        folder.run(&[&["labels", "map", "--from", from, "--to", to, "l.csv"], more].concat())
    };
    // Present in a part is present in the whole; denied of a part is not denied of the whole.
    let out = map("padchest", "mimic", &[]).ends(0, &["169 labels of \"padchest\" have no column"]).text();
    let mut rows = out.lines();
    let header: Vec<&str> = rows.next().unwrap().split(',').collect();
    assert_eq!(header[..3], ["id", "Sex", "Atelectasis"]);
    let column = header.iter().position(|h| *h == "Pneumothorax").unwrap();
    let values: Vec<&str> = rows.map(|r| r.split(',').nth(column).unwrap()).collect();
    assert_eq!(values, ["1.0", "0.0", "1.0", "", "-1.0"]);
    // An edited crosswalk is used as it stands.
    folder.put("c.csv", "from,relation,to,note\npneumothorax,exact,Edema,ours\nhydropneumothorax,none,,\n");
    let out = map("padchest", "mimic", &["--crosswalk", "c.csv", "-o", "o.csv"]).ends(0, &[]);
    assert!(out.out.is_empty());
    assert_eq!(String::from_utf8(folder.read("o.csv")).unwrap().lines().nth(1), Some("A,f,,,,1.0,,,,,,,,,,"));
    folder.put("c.csv", "from,relation,to\nnobody,exact,Edema\npneumothorax,cousin,Edema\n");
    map("padchest", "mimic", &["--crosswalk", "c.csv"])
        .ends(2, &["c.csv:2: unknown label \"nobody\" of scheme \"padchest\"", "c.csv:3: unknown relation \"cousin\""]);
    map("chexpert", "mimic", &[]).ends(2, &["l.csv:1: no column is a label of \"chexpert\"; expected such as"]);
    // Every bad row is told at once, and no cell that could be report text.
    folder.put("l.csv", "id,pneumothorax\nA,perhaps\nB,1\nC\nD,no lung is seen\n");
    let told = [
        "l.csv:2: column \"pneumothorax\" is \"perhaps\"; expected 1, 0, -1",
        "l.csv:4: a row with another number of fields than the header",
        "l.csv:5: column \"pneumothorax\" is a cell of 15 characters",
    ];
    map("padchest", "mimic", &["-o", "bad.csv"]).ends(2, &told);
    folder.put("l.csv", format!("id,pneumothorax\n{}", "A,perhaps\n".repeat(50)));
    map("padchest", "mimic", &["-o", "bad.csv"]).ends(2, &["l.csv:21: ", "... and 30 more faults like these"]);
    assert!(!folder.names().iter().any(|n| n == "bad.csv"));
}

#[test]
fn schemes_are_listed_shown_and_documented() {
    let folder = Folder::new();
    let run = |arguments: &[&str]| folder.run(&[&["labels"], arguments].concat());
    let list = run(&["list"]).ends(0, &[]).text();
    for line in ["chexpert", "padchest", "Every finding and device of the lexicon", "fracture-detection"] {
        assert!(list.contains(line), "{list}");
    }
    let tree = run(&["show", "padchest"]).ends(0, &[]).text();
    assert!(tree.contains("\npleural finding\n  pneumothorax\n    tension pneumothorax\n"), "{tree}");
    let label = run(&["show", "padchest", "Hydropneumothorax"]).ends(0, &[]).text();
    assert!(label.contains("parents   pneumothorax, pleural effusion"), "{label}");
    run(&["show", "padchest", "nothing"]).ends(2, &["scheme \"padchest\" has no label \"nothing\""]);
    run(&["doc", "padchest", "-o", "page.md"]).ends(0, &[]);
    let page = String::from_utf8(folder.read("page.md")).unwrap();
    assert!(page.starts_with("# PadChest-like tree for chest radiographs\n"));
    for part in
        ["## Hierarchy", "### <a id=\"l1\"></a>lung finding", "| example | value |", "- counts: `consolidation` ("]
    {
        assert!(page.contains(part), "{part:?}");
    }
    // Every link leads somewhere.
    for link in page.split("](#l").skip(1).map(|rest| rest.split(')').next().unwrap()) {
        assert!(page.contains(&format!("<a id=\"l{link}\">")), "{link}");
    }
}

#[test]
fn a_profile_writes_a_row_a_mention() {
    let folder = Folder::new();
    folder.put(
        "r.csv",
        "id,text\nA,Healed fracture of the left clavicle. No rib fracture.\nB,History of a hip fracture. Mother had a fracture.\n",
    );
    let run = |more: &[&str]| {
        folder.run(&[&["label", "r.csv", "-q", "--profile", "fracture-detection"], more].concat()).ends(0, &[]).text()
    };
    let rows = run(&[]);
    let lines: Vec<&str> = rows.lines().collect();
    assert!(lines[0].starts_with("id,label,concept,status,side,location,acuity,"));
    assert_eq!(lines.len(), 3, "{rows}");
    assert!(lines[1].starts_with("A,healed fracture,healed-fracture,present,left,left clavicle,"), "{rows}");
    assert!(lines[2].starts_with("A,rib fracture,rib-fracture,absent,"), "{rows}");
    let objects = run(&["--format", "jsonl"]);
    let first: serde_json::Value = serde_json::from_str(objects.lines().next().unwrap()).unwrap();
    assert_eq!((&first["side"], &first["start"]), (&"left".into(), &0.into()));
    folder
        .run(&["label", "r.csv", "--profile", "fracture-detection", "--format", "table"])
        .ends(2, &["--format table does not fit --profile"]);
    folder
        .run(&["label", "r.csv", "--profile", "nope"])
        .ends(2, &["unknown profile \"nope\"; expected fracture-detection"]);
}

/// `rules/labels/pages` holds the dictionary of every scheme as a page, made from the data.
/// `UPDATE_PAGES=1 cargo test` writes them anew.
#[test]
fn pages_are_those_of_the_schemes() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("rules/labels/pages");
    let update = std::env::var_os("UPDATE_PAGES").is_some();
    let engine = radlabel::Engine::embedded();
    let mut stale = Vec::new();
    for source in engine.rules.schemes.iter().filter(|s| !s.is_lexicon()) {
        let run = crate::program::radlabel(&["labels", "doc", &source.id]);
        assert_eq!(run.code, 0, "{}", run.err);
        let path = folder.join(format!("{}.md", source.id));
        if update {
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(&path, &run.out).unwrap();
        }
        if std::fs::read_to_string(&path).ok().as_deref() != Some(&run.out) {
            stale.push(source.id.to_string());
        }
    }
    assert!(stale.is_empty(), "not as the schemes are: {stale:?}; UPDATE_PAGES=1 cargo test writes them anew");
}
