//! `radlabel score` as a user runs it: small made-up tables, exit codes, messages, repeatability.

use super::program::{Folder, radlabel};

const GOLD: &str = r#"{"id":"r1","labels":{"Edema":"present","Pneumothorax":"absent"}}
{"id":"r2","labels":{"Edema":"uncertain"},"undecided":["Pneumothorax"]}
{"id":"r3","labels":{"Pneumothorax":"absent"}}
"#;

// r1 all right; r2 called present, and an undecided cell that must not count; r3 missing.
const TABLE: &str = "Reports,Age,Edema,Pneumothorax,No Finding\nr1,61,1.0,0.0,\nr2,1,1.0,1.0,nan\nr9,40,,,1.0\n";
const LINES: &str = r#"{"id":"r1","labels":{"Edema":"present","Pneumothorax":"absent"}}
{"id":"r2","labels":{"Edema":"present","Pneumothorax":"present"}}
{"id":"r9","labels":{"No Finding":"present"}}
"#;

fn json(folder: &Folder, gold: &str, predicted: &str) -> serde_json::Value {
    let run = radlabel(&["score", &folder.path(gold), &folder.path(predicted), "--format", "json"]);
    assert_eq!(run.code, 0, "{}", run.err);
    serde_json::from_str(&run.out).expect("the output is JSON")
}

/// `score_labels.py` on these tables: five cells (six less one undecided), of which three are right:
/// that nobody mentions edema in r3 is right too, though its prediction is missing.
#[test]
fn label_figures_by_hand_from_both_formats() {
    let folder = Folder::new(&[("gold.jsonl", GOLD), ("pred.csv", TABLE), ("pred.jsonl", LINES)]);
    let from_table = json(&folder, "gold.jsonl", "pred.csv");
    assert_eq!(from_table, json(&folder, "gold.jsonl", "pred.jsonl"));
    assert_eq!(from_table["cells"], 5);
    assert_eq!(from_table["missing"], serde_json::json!(["r3"]));
    assert_eq!(from_table["not_scored"], 1);
    let value = |name: &str| from_table["figures"][name]["value"].as_f64();
    assert_eq!(value("micro-present"), Some(2.0 / 3.0));
    assert_eq!(value("micro-absent"), Some(2.0 / 3.0));
    assert_eq!(value("micro-uncertain"), Some(0.0));
    assert_eq!(value("macro-uncertain"), Some(0.0));
    assert_eq!(value("exact"), Some(0.6));
    assert_eq!(value("score"), Some((2.0 / 3.0 + 2.0 / 3.0 + 0.0) / 3.0));
    // The scheme's order, not the alphabet's.
    assert_eq!(from_table["labels"][0]["label"], "Edema");
    assert_eq!(from_table["labels"][1]["label"], "Pneumothorax");
}

#[test]
fn a_table_is_gold_too_and_agrees_with_itself() {
    let folder = Folder::new(&[("gold.csv", TABLE)]);
    let scores = json(&folder, "gold.csv", "gold.csv");
    assert_eq!(scores["figures"]["exact"]["value"], 1.0);
    // Age holds a 1 by chance and is still no label; "No Finding" is scored only when asked for.
    assert_eq!(scores["labels"].as_array().map(Vec::len), Some(2));
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let folder = Folder::new(&[("gold.jsonl", GOLD), ("pred.csv", TABLE)]);
    let run = |seed: &str| {
        let (gold, predicted) = (folder.path("gold.jsonl"), folder.path("pred.csv"));
        radlabel(&["score", &gold, &predicted, "--seed", seed, "--format", "json", "--errors"]).out
    };
    assert_eq!(run("5"), run("5"));
    assert_ne!(run("5"), run("6"));
}

#[test]
fn the_table_tells_and_fits() {
    let folder = Folder::new(&[("gold.jsonl", GOLD), ("pred.csv", TABLE)]);
    let run = radlabel(&["score", &folder.path("gold.jsonl"), &folder.path("pred.csv"), "--errors"]);
    for part in ["missing reports: 1", "r3", "Edema: gold uncertain, predicted present", "exact  0.6000", "2 misses"] {
        assert!(run.out.contains(part), "{part:?} is not in\n{}", run.out);
    }
    let wide = run.out.lines().map(|l| l.chars().count()).max();
    assert!(wide.is_some_and(|w| w <= 100), "{wide:?} columns");
}

#[test]
fn bounds_decide_the_exit_code() {
    let folder = Folder::new(&[("gold.jsonl", GOLD), ("pred.csv", TABLE)]);
    let (gold, predicted) = (folder.path("gold.jsonl"), folder.path("pred.csv"));
    for (bound, code) in [
        ("micro-present=0.66", 0),
        ("micro-present=0.67", 1),
        ("Edema/f1-present=0.9", 1),
        ("Pneumothorax/f1-present=0", 1), // 0 of 0 has reached no bound
        ("micro=0.5", 2),
        ("micro-present", 2),
        ("micro-present=NaN", 2),
        ("micro-present=96", 2),
    ] {
        let run = radlabel(&["score", &gold, &predicted, "--fail-under", bound]);
        assert_eq!(run.code, code, "{bound}: {}", run.err);
    }
}

const MENTIONS: &str = r#"{"set":"a","id":"r1","text":"No effusion. Old left fracture.","mentions":[{"start":3,"end":11,"quote":"effusion","status":"absent"},{"start":13,"end":30,"quote":"Old left fracture","status":"historical","side":"left"}]}
{"set":"b","id":"r2","text":"Ödem? Small nodule.","mentions":[{"start":0,"end":4,"quote":"Ödem","status":"uncertain"},{"start":12,"end":18,"quote":"nodule","status":"present","severity":"Small"}]}
"#;
const ASSERTIONS: &str = r#"{"id":"r1","assertions":[{"start":3,"end":11,"status":"absent","time":"current","subject":"patient"},{"start":22,"end":30,"status":"present","time":"historical","subject":"patient","side":"right"}]}
{"id":"r2","assertions":[{"start":12,"end":18,"status":"present","subject":null,"severity":"Small","evidence":[{"rule":"some-rule","start":6,"end":11}]},{"start":2,"end":4,"status":"present","subject":"family"}]}
"#;

#[test]
fn mention_figures_by_hand() {
    let folder = Folder::new(&[("gold.jsonl", MENTIONS), ("pred.jsonl", ASSERTIONS)]);
    let scores = json(&folder, "gold.jsonl", "pred.jsonl");
    let sets: Vec<&str> =
        scores["sets"].as_array().map_or(vec![], |s| s.iter().filter_map(|s| s["set"].as_str()).collect());
    assert_eq!(sets, ["a", "b", "all"]);
    let all = &scores["sets"][2];
    assert_eq!((&all["n"], &all["found"], &all["right"]), (&4.into(), &4.into(), &3.into()));
    assert_eq!(all["statuses"]["family"]["fp"], 1);
    assert_eq!(all["attributes"]["side"], serde_json::json!({"right": 0, "n": 1}));
    assert_eq!(all["attributes"]["severity"], serde_json::json!({"right": 1, "n": 1}));
    assert_eq!(all["figures"]["macro3"]["value"].as_f64(), Some(2.0 / 3.0));
    let listed = radlabel(&["score", &folder.path("gold.jsonl"), &folder.path("pred.jsonl"), "--errors"]).out;
    for part in ["b/r2  [Ödem] gold uncertain, predicted family", "side: gold left, predicted right", "2 misses"] {
        assert!(listed.contains(part), "{part:?} is not in\n{listed}");
    }
}

/// Records as `radlabel label` writes them; the text comes from a second file.
#[test]
fn a_label_miss_shows_what_decided() {
    let gold = r#"{"id":"r1","labels":{"Edema":"absent"}}
{"id":"r2","labels":{"Edema":"present"}}"#;
    let predicted = r#"{"id":"r1","labels":{"Edema":"uncertain"},"mentions":[{"start":16,"end":21,"concept":"pulmonary-edema","status":"uncertain","time":"current","subject":"patient","section":"findings","sentence":[7,22],"counted":true,"evidence":[{"rule":"possible","start":7,"end":15}]}]}
{"id":"r2","labels":{},"mentions":[{"start":0,"end":5,"concept":"pulmonary-edema","status":"present","time":"hypothetical","subject":"patient","section":"indication","sentence":[0,6],"counted":false,"evidence":[]}]}"#;
    let text = r#"{"id":"r1","text":"Ödem? \nPossible edema."}
{"id":"r2","text":"Edema?"}"#;
    let folder = Folder::new(&[("gold", gold), ("pred", predicted), ("text", text)]);
    let run =
        radlabel(&["score", &folder.path("gold"), &folder.path("pred"), "--errors", "--text", &folder.path("text")]);
    for part in [
        "r1  Edema: gold absent, predicted uncertain\n    pulmonary-edema uncertain, section findings; rules: possible\n    sentence: Possible edema.\n    cue: Possible\n",
        "r2  Edema: gold present, predicted not mentioned\n    pulmonary-edema hypothetical, section indication; rules: none",
    ] {
        assert!(run.out.contains(part), "{part:?} is not in\n{}{}", run.out, run.err);
    }
}

/// What is wrong, in which line, and what was expected; never a panic, never exit code 0.
#[test]
fn bad_input_is_named() {
    let cases = [
        (
            "{\"id\":\"r1\",\"labels\":{\"Edema\":\"abscent\"}}\n",
            "gold:1: label \"Edema\" is \"abscent\"; expected present",
        ),
        ("\n{\"id\":\"r1\",\"labels\":[]}\n", "gold:2: \"labels\" is a list; expected an object"),
        ("{\"id\":\"r1\"\n", "gold:1: not JSON"),
        ("{\"labels\":{}}\n", "gold:1: no \"id\"; expected"),
        ("{\"id\":\"r1\"}\n", "gold:1: neither \"labels\" nor"),
        (
            "{\"id\":\"r1\",\"text\":\"x\",\"mentions\":[{\"start\":4,\"end\":2,\"status\":\"absent\"}]}",
            "from 4 to 2; expected start before end",
        ),
        ("id,Edema\nr1,1.0\nr2,0.5\n", "gold:3: column \"Edema\" is \"0.5\"; expected 1, 0, -1 or nothing"),
        ("id,Edema\nr1,1.0,3\n", "gold:2: a row with another number of fields"),
        ("", "gold:1: "),
    ];
    for (gold, message) in cases {
        let folder = Folder::new(&[("gold", gold), ("pred", LINES)]);
        let run = radlabel(&["score", &folder.path("gold"), &folder.path("pred")]);
        assert_eq!(run.code, 2, "{gold:?}");
        assert!(run.err.contains(message), "{gold:?} gave {:?}; expected {message:?}", run.err);
    }
    let folder = Folder::new(&[("gold", MENTIONS), ("pred", TABLE)]);
    let run = radlabel(&["score", &folder.path("gold"), &folder.path("pred")]);
    assert!(run.code == 2 && run.err.contains("labels without mentions; expected \"mentions\""), "{}", run.err);
    assert_eq!(radlabel(&["score", &folder.path("gold"), &folder.path("none")]).code, 2);
}
