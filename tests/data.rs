//! The built-in data proves itself: every rule's hits and misses, every example, every term.

use radlabel::{Engine, Error};

#[test]
fn rules_lexicons_and_schemes_are_sound() {
    let checked = radlabel::check::check(&Engine::embedded());
    let faults: Vec<String> = checked.faults.iter().map(ToString::to_string).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(checked.sentences >= 300 && checked.terms >= 10_000 && checked.rules >= 80);
}

/// Each faulty file, with what must be told of it. One case may hold several faults: all are told.
#[test]
fn faulty_data_is_told_with_file_and_line() {
    let lexicon = "# radlabel lexicon v1\n# language: en\n# domain: test\n# kind: finding\nid\tname\tparents\tterms\n";
    let cues = "kind = \"cues\"\nversion = 1\nlanguage = \"en\"\n";
    let cue = "[[cue]]\nid = \"x\"\nwhy = \"y\"\nphrases = [\"no\"]\nstatus = \"absent\"\ndirection = \"forward\"\nhits = [\"a\", \"b\"]\nmisses = [\"c\"]\n";
    for (lexicons, rules, want) in [
        (vec![("l.tsv", format!("{lexicon}a\tA\tb\tx\n"))], vec![], vec!["l.tsv:6: unknown parent \"b\""]),
        (
            vec![("l.tsv", format!("{lexicon}a\tA\tb\tx\nb\tB\ta\ty\n"))],
            vec![],
            vec!["lies under itself"],
        ),
        (
            vec![("l.tsv", format!("{lexicon}A b\tA\t\tx\na\tA\t\tx\na\tA\t\ty\tz\n"))],
            vec![],
            vec!["l.tsv:6: id \"A b\"", "l.tsv:8: 5 cells; the header has 4"],
        ),
        (vec![("l.tsv", "id\tname\n".to_owned())], vec![], vec!["l.tsv:1: no line \"# radlabel lexicon v1\"", "no column \"terms\""]),
        (vec![], vec![("r.toml", "kind = \"cues\"\nversion = 2\n".to_owned())], vec!["r.toml:1: version 2"]),
        (
            vec![],
            vec![("r.toml", format!("{cues}{}", cue.replace("absent", "abscent")))],
            vec!["r.toml:8: unknown variant `abscent`, expected one of `present`, `absent`, `uncertain`"],
        ),
        (vec![], vec![("r.toml", format!("{cues}{}{cue}", cue))], vec!["r.toml:13: rule \"x\" stands already in r.toml:5"]),
        (
            vec![],
            vec![("r.toml", format!("{cues}{}", cue.replace("hits = [\"a\", \"b\"]", "hits = []")))],
            vec!["rule \"x\" has 0 hits and 1 misses; expected at least 2 and 1"],
        ),
        (
            vec![("l.tsv", format!("{lexicon}a\tA\t\tx\n"))],
            vec![(
                "r.toml",
                format!(
                    "{}[[sense]]\nid = \"x\"\nwhy = \"y\"\nterms = [\"q\"]\ndefault = \"b\"\nhits = [\"a\", \"b\"]\n\
                     misses = [\"c\"]\nchoices = [{{ concept = \"c\", context = [\"two words\"] }}]\n",
                    cues.replace("cues", "senses")
                ),
            )],
            vec![
                "r.toml:8: unknown concept \"b\"",
                "r.toml:11: unknown concept \"c\"",
                "r.toml:11: context \"two words\" of sense \"x\"; expected one word",
            ],
        ),
        (vec![], vec![("r.toml", format!("{cues}{}", cue.replace("[\"no\"]", "[\"no {a|b\"]")))], vec!["\"{\" without \"}\""]),
        (
            vec![("l.tsv", format!("{lexicon}a\tA\t\tx\n"))],
            vec![(
                "s.toml",
                "kind = \"scheme\"\nversion = 1\nid = \"s\"\ntitle = \"S\"\n[[label]]\nname = \"L\"\ndefinition = \"d\"\nconcepts = [\"q\"]\n[[label]]\nname = \"L\"\ndefinition = \"d\"\n".to_owned(),
            )],
            vec!["s.toml:8: unknown concept \"q\"", "s.toml:10: label \"L\" stands already in line 6"],
        ),
    ] {
        let lexicons: Vec<(&str, &str)> = lexicons.iter().map(|(n, t)| (*n, t.as_str())).collect();
        let rules: Vec<(&str, &str)> = rules.iter().map(|(n, t)| (*n, t.as_str())).collect();
        match Engine::load(&lexicons, &rules) {
            Err(Error::Data(faults)) => {
                let told = faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
                for part in want {
                    assert!(told.contains(part), "expected {part:?} in:\n{told}");
                }
            }
            other => panic!("expected faults {want:?}, got {}", if other.is_ok() { "none" } else { "another error" }),
        }
    }
}

#[test]
fn a_user_adds_a_finding_and_a_cue() {
    let lexicon = "# radlabel lexicon v1\n# language: en\n# domain: test\n# kind: finding\nid\tname\tparents\tterms\nzebra-sign\tzebra sign\t\tzebra sign\n";
    let cues = "kind = \"cues\"\nversion = 1\nlanguage = \"en\"\n[[cue]]\nid = \"nowhere\"\nwhy = \"x\"\nphrases = [\"nowhere\"]\nstatus = \"absent\"\ndirection = \"forward\"\nhits = [\"Nowhere [a](absent).\", \"Nowhere [b](absent).\"]\nmisses = [\"[c](present)\"]\n";
    let engine = Engine::load(&[("l.tsv", lexicon)], &[("r.toml", cues)]).expect("loads");
    let analysis = engine.analyze(&radlabel::Report::new("1", "Nowhere a zebra sign. Zebra signs."));
    let statuses: Vec<_> = analysis.assertions.iter().map(|a| a.status).collect();
    assert_eq!(statuses, [radlabel::Status::Absent, radlabel::Status::Present]);
    assert!(radlabel::check::check(&engine).faults.is_empty());
}

/// Spreadsheets and editors of Windows put a byte order mark before the text and a carriage return after each line.
#[test]
fn a_byte_order_mark_is_no_fault() {
    let folder = super::command::Folder::new();
    let lexicon = "\u{feff}# radlabel lexicon v1\r\n# language: en\r\n# domain: test\r\n# kind: finding\r\n\
        id\tname\tparents\tterms\r\nzebra-sign\tzebra sign\t\tzebra sign\r\n";
    folder.put("mine/l.tsv", lexicon);
    folder.put(
        "mine/s.toml",
        "\u{feff}kind = \"scheme\"\r\nversion = 1\r\nid = \"mine\"\r\ntitle = \"Mine\"\r\n\
        [[label]]\r\nname = \"Zebra\"\r\ndefinition = \"d\"\r\nconcepts = [\"zebra-sign\"]\r\n",
    );
    folder.put("r.txt", "A zebra sign.");
    let run = folder.run(&["label", "r.txt", "-q", "--lexicons", "mine", "--rules", "mine", "--scheme", "mine"]);
    assert_eq!(run.ends(0, &[]).text(), "id,Zebra\nr,1.0\n");
}
