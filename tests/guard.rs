//! The words that are never read as misspellings, made anew when the vocabulary grows.

use super::tidy;
use radlabel::Engine;
use std::collections::BTreeSet;
use std::path::Path;

/// Every data file below a folder, as (name, text).
fn files(folder: &str, ending: &str) -> Vec<(String, String)> {
    tidy::files(folder, ending).iter().map(|path| (tidy::name(path), tidy::text(path))).collect()
}

/// `cargo test --test main guard -- --ignored` writes `rules/en/guard.toml` anew from the word lists of Debian's
/// `wamerican-huge` and `wbritish-huge`: every ordinary word that the vocabulary would take for a slip. Words that
/// were put in by hand stay as long as they are near a word of the vocabulary.
#[test]
#[ignore = "needs the word lists of wamerican-huge and wbritish-huge; writes rules/en/guard.toml"]
fn guard_is_made_anew() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("rules/en/guard.toml");
    let old = std::fs::read_to_string(&path).expect("guard.toml");
    let lexicons = files("lexicons", "tsv");
    let rules = files("rules", "toml");
    let lexicons: Vec<(&str, &str)> = lexicons.iter().map(|(n, t)| (n.as_str(), t.as_str())).collect();
    let rules: Vec<(&str, &str)> =
        rules.iter().filter(|(n, _)| !n.ends_with("guard.toml")).map(|(n, t)| (n.as_str(), t.as_str())).collect();
    let engine = Engine::load(&lexicons, &rules).expect("the data loads");
    let words = engine.rules.vocabulary();
    let near = |word: &str| words.find(word).is_none() && words.find_near(word.as_bytes()).is_some();
    let mut guarded: BTreeSet<String> = BTreeSet::new();
    for list in ["/usr/share/dict/american-english-huge", "/usr/share/dict/british-english-huge"] {
        let text = std::fs::read_to_string(list).expect("the word list is installed");
        let plain = text.lines().filter(|w| w.bytes().all(|b| b.is_ascii_lowercase()));
        guarded.extend(plain.filter(|w| near(w)).map(str::to_owned));
    }
    let (head, rest) = old.split_once("words = \"\"\"\n").expect("the list of words");
    guarded.extend(rest.trim_end_matches("\"\"\"\n").split_whitespace().filter(|w| near(w)).map(str::to_owned));
    let mut out = format!("{head}words = \"\"\"\n");
    let mut width = 0;
    for word in &guarded {
        if width + word.len() + 1 > 118 {
            out.push('\n');
            width = 0;
        }
        if width > 0 {
            out.push(' ');
        }
        out.push_str(word);
        width += word.len() + 1;
    }
    out.push_str("\n\"\"\"\n");
    std::fs::write(&path, out).expect("written");
    println!("{} words guarded", guarded.len());
}
