//! Tests of models: what is refused when they are opened, and what they answer.

use super::cache::Cache;
use super::encode::Encoder;
use super::manifest::Manifest;
use super::tiny::{self, POISON, WORDS};
use super::{Files, Model, Runtime, Settings, digest, library, network};
use crate::error::Error;
use crate::refine::{Judge, Opinion, Question};
use crate::span::Span;
use std::path::PathBuf;
use std::process::Command;
use std::sync::LazyLock;

/// The runtimes that can be tested here. ONNX Runtime's part is left out where there is no library, unless
/// `RADLABEL_TEST_ORT` says that there must be one.
fn runtimes() -> Vec<Runtime> {
    static FOUND: LazyLock<bool> = LazyLock::new(|| match library::load(None) {
        Ok(_) => true,
        Err(e) if std::env::var_os("RADLABEL_TEST_ORT").is_some() => panic!("RADLABEL_TEST_ORT is set: {e}"),
        Err(_) => {
            eprintln!("no ONNX Runtime here: it is not tested");
            false
        }
    });
    let mut runtimes = vec![Runtime::Rten];
    runtimes.extend(FOUND.then_some(Runtime::OnnxRuntime(None)));
    runtimes
}

fn opened(files: Files, runtime: &Runtime) -> Model {
    Model::ready(files, runtime).unwrap_or_else(|e| panic!("{runtime:?}: {e}"))
}

fn built_in(runtime: &Runtime) -> Model {
    Model::open(&Settings { model: None, runtime: runtime.clone() }).unwrap_or_else(|e| panic!("{runtime:?}: {e}"))
}

/// The question about the words between < and >.
fn asked(text: &str) -> (String, Span) {
    let (start, end) = (text.find('<').expect("<"), text.find('>').expect(">"));
    (text.replace(['<', '>'], ""), Span::new(start as u32, end as u32 - 1))
}

fn question<'a>((sentence, mention): &'a (String, Span)) -> Question<'a> {
    Question { sentence, mention: *mention, section: "findings" }
}

fn ask(model: &Model, text: &str) -> Option<Opinion> {
    let asked = asked(text);
    let mut answers = model.judge(&[question(&asked)]);
    assert_eq!(answers.len(), 1);
    answers.pop().flatten()
}

fn bits(opinion: Option<Opinion>) -> Option<[u32; 5]> {
    opinion.map(|o| o.0.map(f32::to_bits))
}

/// What is said of files that no runtime here takes.
fn refused(files: impl Fn() -> Files) -> Vec<String> {
    let refusal = |runtime: &Runtime| match Model::ready(files(), runtime) {
        Ok(_) => panic!("{runtime:?} takes it"),
        Err(e) => e.to_string(),
    };
    runtimes().iter().map(refusal).collect()
}

fn check_refused(files: impl Fn() -> Files, expected: &[&str]) {
    for message in refused(files) {
        for part in expected {
            assert!(message.contains(part), "{message:?} says no {part:?}");
        }
    }
}

#[test]
fn answers_are_the_networks_by_label_and_temperature() {
    let close = |found: Opinion, expected: [f32; 5]| {
        assert!(found.0.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6), "{found:?}, expected {expected:?}");
    };
    let softmax = |logits: [f32; 3]| {
        let powers = logits.map(f32::exp);
        powers.map(|p| p / powers.iter().sum::<f32>())
    };
    for runtime in runtimes() {
        // [E] gives 0.5 and 0.25, "no" 3 for absent, "effusion" 1 for present; all other words nothing.
        let model = opened(tiny::files("", ""), &runtime);
        let [present, absent, uncertain] = softmax([1.5, 3.25, 0.0]);
        close(ask(&model, "No <effusion>.").expect("an answer"), [present, absent, uncertain, 0.0, 0.0]);
        let mixed = "[\"uncertain\", \"present\", \"absent\"]";
        let model = opened(tiny::files("[\"present\", \"absent\", \"uncertain\"]", mixed), &runtime);
        close(ask(&model, "No <effusion>.").expect("an answer"), [absent, uncertain, present, 0.0, 0.0]);
        let model = opened(tiny::files("temperature = 1.0", "temperature = 2.0"), &runtime);
        let [present, absent, uncertain] = softmax([0.75, 1.625, 0.0]);
        close(ask(&model, "No <effusion>.").expect("an answer"), [present, absent, uncertain, 0.0, 0.0]);
        // Every input is given: ten tokens, all of them seen, all of one kind.
        let inputs = "inputs = [\"token_type_ids\", \"input_ids\", \"attention_mask\"]";
        let network = tiny::network(&tiny::table(), true, 13);
        let files = tiny::of(network, tiny::tokenizer(&WORDS), "inputs = [\"input_ids\"]", inputs);
        let [present, absent, uncertain] = softmax([0.15, 0.325, 0.0]);
        let answer = ask(&opened(files, &runtime), "No <effusion> : :");
        close(answer.expect("an answer"), [present, absent, uncertain, 0.0, 0.0]);
        assert_eq!((model.name(), model.trust(), model.below()), ("tiny 1", 1.0, 0.9));
    }
}

#[test]
fn a_manifest_that_is_wrong_is_refused_with_file_and_line() {
    let cases: &[(&str, &str, &str)] = &[
        ("kind = \"assertion-model\"", "kind = \"lexicon\"", "manifest.toml:1: kind"),
        ("version = 1", "version = 2", "manifest.toml:2: version: 2; this program reads 1"),
        ("name = \"tiny\"", "name = \" \"", "manifest.toml:3: name"),
        ("release = \"1\"\n", "", "missing field `release`"),
        ("licence = \"MIT\"", "licence = 3", "manifest.toml:5: invalid type"),
        ("file = \"model.onnx\"", "file = \"../model.onnx\"", "manifest.toml:6: file"),
        (
            "tokenizer = { file = \"tokenizer.json\", sha256 = \"",
            "tokenizer = { file = \"a\", sha256 = \"0",
            ":7: sha256",
        ),
        ("inputs = [\"input_ids\"]", "inputs = [\"attention_mask\"]", "manifest.toml:8: inputs: input_ids is missing"),
        ("inputs = [\"input_ids\"]", "inputs = [\"input_ids\", \"pixels\"]", ":8: inputs: \"pixels\"; expected among"),
        (
            "inputs = [\"input_ids\"]",
            "inputs = [\"input_ids\", \"input_ids\"]",
            ":8: inputs: \"input_ids\" stands twice",
        ),
        ("\"uncertain\"]", "\"possible\"]", "manifest.toml:10: labels: \"possible\"; expected among present, absent"),
        ("\"uncertain\"]", "\"absent\"]", "manifest.toml:10: labels: \"absent\" stands twice"),
        (", \"uncertain\"]", "]", "manifest.toml:10: labels: uncertain is missing"),
        ("[\"[E]\", \"[/E]\"]", "[\"[E]\", \"[E]\"]", "manifest.toml:11: markers"),
        ("[\"[E]\", \"[/E]\"]", "[\"[E]\"]", "manifest.toml:11: markers"),
        ("{section} : {sentence}", "{section}", "manifest.toml:12: template: no {sentence}"),
        ("{section} : {sentence}", "{sentence} {section}", "manifest.toml:12: template"),
        ("{section} : {sentence}", "{section} {section} {sentence}", "manifest.toml:12: template"),
        ("max_tokens = 24", "max_tokens = 5", "manifest.toml:13: max_tokens: 5; expected 16 to"),
        ("max_tokens = 24", "max_tokens = -1", "manifest.toml:13:"),
        ("temperature = 1.0", "temperature = 0.0", "manifest.toml:15: temperature: 0"),
        ("temperature = 1.0", "temperature = nan", "manifest.toml:15: temperature: NaN"),
        ("trust = 1.0", "trust = -1.0", "manifest.toml:16: trust: -1"),
        ("below = 0.9", "below = 1.5", "manifest.toml:17: below: 1.5"),
        ("below = 0.9", "below = 0.9\nauthor = \"me\"", "manifest.toml:18: unknown field `author`"),
        ("below = 0.9", "below = ", "manifest.toml:17:"),
        ("kind = ", "\u{feff}\u{0}", "manifest.toml:1:"),
    ];
    for (found, put, expected) in cases {
        check_refused(|| tiny::files(found, put), &[expected]);
    }
    let all = refused(|| {
        tiny::files("below = 0.9", "below = 2.0\n[[check]]\nsection = \"\"\nsentence = \"\"\nprobabilities = []")
    });
    assert!(all[0].lines().count() >= 3, "every fault is told at once: {}", all[0]);
    let card = "below = 0.9\n[card]\nabout = \"anything\"\n[card.metrics]\nf1 = 1\n[[card.data]]\nname = \"a\"";
    opened(tiny::files("below = 0.9", card), &Runtime::Rten);
}

#[test]
fn the_manifest_that_the_page_shows_is_one() {
    let page = include_str!("../../models/README.md").replace("\r\n", "\n");
    let shown = page.split("```toml\n").nth(1).and_then(|p| p.split("```").next()).expect("a manifest");
    let shown = shown.replace("\"...\"", &format!("{:?}", "0".repeat(64)));
    let manifest = Manifest::read(&shown, "README.md").unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(manifest.checks.len(), 1);
    assert!((manifest.checks[0].probabilities.iter().sum::<f32>() - 1.0).abs() < 1e-6);
}

#[test]
fn a_damaged_file_is_refused() {
    let flipped = |which: fn(&mut Files) -> &mut Vec<u8>| {
        move || {
            let mut files = Files::built_in();
            let bytes = which(&mut files);
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
            files
        }
    };
    check_refused(flipped(|f| &mut f.network), &["model.onnx: sha256 ", "the manifest says", "damaged"]);
    check_refused(flipped(|f| &mut f.tokenizer), &["tokenizer.json: sha256 ", "the manifest says", "damaged"]);
}

#[test]
fn a_folder_without_its_files_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let open = || Model::open(&Settings { model: Some(folder.path().to_owned()), runtime: Runtime::Rten });
    let refusal = || open().err().map(|e| e.to_string()).unwrap_or_default();
    assert!(refusal().contains("manifest.toml: ") && refusal().contains("expected a folder with"), "{}", refusal());
    tiny::write(&tiny::files("", ""), folder.path());
    assert!(open().is_ok());
    std::fs::remove_file(folder.path().join("tokenizer.json")).expect("removed");
    assert!(refusal().contains("tokenizer.json: "), "{}", refusal());
    std::fs::write(folder.path().join("manifest.toml"), [0xff, 0xfe]).expect("written");
    assert!(refusal().contains("manifest.toml: "), "{}", refusal());
}

#[test]
fn a_network_that_does_not_fit_is_refused() {
    let words = || tiny::tokenizer(&WORDS);
    let table = tiny::table;
    let garbage = |bytes: &'static [u8]| move || tiny::of(bytes.to_vec(), words(), "", "");
    check_refused(garbage(b""), &["tiny/model.onnx: no ONNX network"]);
    check_refused(garbage(b"<html>404</html>"), &["tiny/model.onnx: no ONNX network"]);
    // A graph that is none, the operators of opset 13.
    check_refused(garbage(b"\x08\x08\x3a\x02\xff\xff\x42\x02\x10\x0d"), &["model.onnx: ", "refuses the network"]);
    let cut = || {
        let mut network = tiny::network(&table(), false, 13);
        network.truncate(network.len() - 40);
        tiny::of(network, words(), "", "")
    };
    check_refused(cut, &["tiny/model.onnx: no ONNX network"]);
    let opset = || tiny::of(tiny::network(&table(), false, 13), words(), "opset = 13", "opset = 17");
    check_refused(opset, &["model.onnx: opset 13; the manifest says 17"]);
    let all_inputs = || tiny::of(tiny::network(&table(), true, 13), words(), "", "");
    let expected = "takes attention_mask, input_ids, token_type_ids; the manifest says input_ids";
    check_refused(all_inputs, &[expected]);
    let more = "inputs = [\"input_ids\", \"attention_mask\"]";
    check_refused(
        || tiny::files("inputs = [\"input_ids\"]", more),
        &["takes input_ids; the manifest says attention_mask"],
    );
    check_refused(|| tiny::files("\"logits\"", "\"scores\""), &["gives logits; the manifest says scores"]);
    let wide = || tiny::of(tiny::network(&vec![vec![0.0; 4]; WORDS.len()], false, 13), words(), "", "");
    check_refused(wide, &["gives 4 numbers a question; the manifest has 3 labels"]);
    let short = || tiny::of(tiny::network(&table()[..WORDS.len() - 1], false, 13), words(), "", "");
    check_refused(short, &["model.onnx: fails on 8 tokens"]);
    let endless = || tiny::of(tiny::network(&vec![vec![f32::INFINITY; 3]; WORDS.len()], false, 13), words(), "", "");
    check_refused(endless, &["gives numbers that are not finite"]);
    // The built-in network knows 64 places in a text.
    let long = || {
        let mut files = Files::built_in();
        files.manifest = files.manifest.replace("max_tokens = 64", "max_tokens = 128");
        files
    };
    check_refused(long, &["model.onnx: fails on 128 tokens"]);
}

#[test]
fn a_tokenizer_that_does_not_fit_is_refused() {
    let with =
        |tokenizer: Vec<u8>| move || tiny::of(tiny::network(&tiny::table(), false, 13), tokenizer.clone(), "", "");
    check_refused(with(b"{}".to_vec()), &["tokenizer.json: no tokenizer.json that can be read"]);
    check_refused(with(b"PK\x03\x04".to_vec()), &["tokenizer.json: no tokenizer.json that can be read"]);
    let unmarked: Vec<&str> = WORDS.iter().map(|w| if *w == "[/E]" { "other" } else { *w }).collect();
    check_refused(with(tiny::tokenizer(&unmarked)), &["tokenizer.json: the marker \"[/E]\" is none of its 14 tokens"]);
    let larger: Vec<&str> = WORDS.into_iter().chain(["lung"]).collect();
    check_refused(with(tiny::tokenizer(&larger)), &["model.onnx: fails on 8 tokens"]);
    let long = "{section} : no no no no no no no no no no no no no no no no no no {sentence}";
    check_refused(|| tiny::files("{section} : {sentence}", long), &["need 28 tokens; max_tokens is 24"]);
}

#[test]
fn known_answers_must_come_out() {
    let check = |sentence: &str, absent: f32| {
        let rest = (1.0 - absent) / 2.0;
        format!(
            "below = 0.9\n[[check]]\nsection = \"findings\"\nsentence = \"{sentence}\"\n\
             probabilities = [{rest}, {absent}, {rest}]"
        )
    };
    // "No effusion." gives 1.5, 3.25 and 0 as logits.
    let given = [1.5_f32, 3.25, 0.0].map(f32::exp);
    let given = given.map(|p| p / given.iter().sum::<f32>());
    let exact = check("No [E] effusion [/E].", 0.5).replace("[0.25, 0.5, 0.25]", &format!("{given:?}"));
    for runtime in runtimes() {
        opened(tiny::files("below = 0.9", &exact), &runtime);
    }
    check_refused(
        || tiny::files("below = 0.9", &check("No [E] effusion [/E].", 0.9)),
        &["manifest.toml: check 1: present is 0.1", "stated as 0.05"],
    );
    check_refused(|| tiny::files("below = 0.9", &check("No effusion.", 0.9)), &["manifest.toml:18: check"]);
    // The tokenizer of another model: as many words, some in other places.
    let mut other = WORDS;
    other.swap(8, 11);
    let network = || tiny::network(&tiny::table(), false, 13);
    check_refused(
        || tiny::of(network(), tiny::tokenizer(&other), "below = 0.9", &exact),
        &["manifest.toml: check 1: "],
    );
    let poisoned = exact.replace("No [E]", &format!("{POISON} [E]"));
    check_refused(|| tiny::files("below = 0.9", &poisoned), &["manifest.toml: check 1: the network gives no answer"]);
}

#[test]
fn an_answer_that_is_no_number_is_none() {
    // The trial at opening never meets this word.
    for runtime in runtimes() {
        let model = opened(tiny::files("", ""), &runtime);
        let poisoned = asked(&format!("{POISON} <effusion>"));
        let sound = asked("No <effusion>");
        let answers = model.judge(&[question(&poisoned), question(&sound), question(&poisoned)]);
        assert!(answers[0].is_none() && answers[1].is_some() && answers[2].is_none(), "{answers:?}");
        // Spans that are none of the sentence, or within a character, cost their question alone.
        let odd = ("é effusion".to_owned(), Span::new(1, 3));
        let beyond = ("effusion".to_owned(), Span::new(0, 90));
        let answers = model.judge(&[question(&odd), question(&beyond), question(&sound)]);
        assert!(answers[0].is_none() && answers[1].is_none() && answers[2].is_some(), "{answers:?}");
        assert!(model.judge(&[]).is_empty());
    }
}

/// Sentences of many lengths.
fn sentences() -> Vec<(String, Span)> {
    let words: Vec<&str> =
        "no small pleural effusion or possible pneumothorax is seen today, left".split(' ').collect();
    (0..12)
        .map(|n| {
            let said = |from: usize, count: usize| -> String {
                (0..count).map(|i| format!("{} ", words[(from + i * (1 + n % 5)) % words.len()])).collect()
            };
            asked(&format!("{}<consolidation> {}{n}.", said(n, n % 7), said(n + 3, (n * 7) % 23)))
        })
        .collect()
}

#[test]
fn an_answer_depends_on_its_question_alone() {
    for runtime in runtimes() {
        let all = sentences();
        let mut model = built_in(&runtime);
        let expected: Vec<_> = all.iter().map(|q| bits(model.judge(&[question(q)])[0])).collect();
        assert!(expected.iter().all(Option::is_some), "{runtime:?}");
        // All together, twice over and backwards, by a model that has forgotten its answers.
        model.cache = Cache::default();
        let questions: Vec<_> = all.iter().chain(&all).rev().map(question).collect();
        let together: Vec<_> = model.judge(&questions).into_iter().map(bits).collect();
        assert!(together.iter().eq(expected.iter().chain(&expected).rev()), "{runtime:?}: in company");
        let again: Vec<_> = model.judge(&questions).into_iter().map(bits).collect();
        assert_eq!(again, together, "{runtime:?}: from the cache");
        // On the threads of a pool and on plain ones, all at once, in parts of other sizes.
        model.cache = Cache::default();
        let pool = rayon::ThreadPoolBuilder::new().num_threads(4).build().expect("a pool");
        let check = |size: usize| {
            let parts = all.chunks(size).flat_map(|part| model.judge(&part.iter().map(question).collect::<Vec<_>>()));
            assert!(parts.map(bits).eq(expected.iter().copied()), "{runtime:?}: in parts of {size}");
        };
        std::thread::scope(|scope| {
            scope.spawn(|| check(4));
            scope.spawn(|| check(1));
            pool.scope(|scope| [3, 5, 12].into_iter().for_each(|size| scope.spawn(move |_| check(size))));
        });
    }
}

#[test]
fn runtimes_agree() {
    let models: Vec<Model> = runtimes().iter().map(built_in).collect();
    for asked in sentences() {
        let said: Vec<Opinion> = models.iter().filter_map(|m| m.judge(&[question(&asked)])[0]).collect();
        assert_eq!(said.len(), models.len());
        let sum: f32 = said[0].0.iter().sum();
        assert!((sum - 1.0).abs() < 1e-5, "probabilities add up to {sum}");
        for other in &said[1..] {
            assert!(other.0.iter().zip(&said[0].0).all(|(a, b)| (a - b).abs() < 1e-4), "{other:?} {:?}", said[0]);
        }
    }
}

fn encoder(found: &str, put: &str) -> Encoder {
    let files = tiny::files(found, put);
    let manifest = Manifest::read(&files.manifest, "manifest.toml").unwrap_or_else(|e| panic!("{e}"));
    Encoder::new(&files.tokenizer, &manifest).expect("an encoder")
}

/// The words that the network sees of a question.
fn seen(encoder: &Encoder, text: &str) -> String {
    let asked = asked(text);
    let ids = encoder.encode(&question(&asked)).expect("ids");
    ids.iter().map(|id| WORDS[*id as usize]).collect::<Vec<_>>().join(" ")
}

#[test]
fn the_mention_is_marked_and_the_section_told() {
    let plain = encoder("", "");
    assert_eq!(seen(&plain, "No small <effusion>:"), "[CLS] findings : no small [E] effusion [/E] : [SEP]");
    assert_eq!(seen(&plain, "<Effusion>"), "[CLS] findings : [E] effusion [/E] [SEP]");
    assert_eq!(seen(&plain, "(no<effusion>)"), "[CLS] findings : [UNK] no [E] effusion [/E] [UNK] [SEP]");
    let bare = encoder("{section} : {sentence}", "{sentence}");
    assert_eq!(seen(&bare, "No <effusion>"), "[CLS] no [E] effusion [/E] [SEP]");
    let around = encoder("{section} : {sentence}", "no : {sentence} small");
    assert_eq!(seen(&around, "<effusion> no"), "[CLS] no : [E] effusion [/E] no small [SEP]");
}

#[test]
fn markers_and_special_tokens_of_the_text_are_text() {
    let plain = encoder("", "");
    let expected = "[CLS] findings : [ e ] no [E] effusion [/E] [ [UNK] e ] [ [UNK] ] [SEP]";
    assert_eq!(seen(&plain, "[E] no <effusion> [/E] [SEP]"), expected);
    assert_eq!(seen(&plain, "<[E]>"), "[CLS] findings : [E] [ e ] [/E] [SEP]");
    // Where the marker is no special token, or a word that any text may hold.
    let files = tiny::files("[\"[E]\", \"[/E]\"]", "[\"no\", \"small\"]");
    let manifest = Manifest::read(&files.manifest, "manifest.toml").unwrap_or_else(|e| panic!("{e}"));
    let odd = Encoder::new(&files.tokenizer, &manifest).expect("an encoder");
    let text = seen(&odd, "no small <effusion> no small");
    assert_eq!(text.split(' ').filter(|w| matches!(*w, "no" | "small")).count(), 2, "{text}");
}

#[test]
fn long_sentences_are_windowed_around_the_mention() {
    let plain = encoder("", "");
    let fixed = |left: usize, inner: usize, right: usize| {
        let of = |word: &str, n: usize| format!("{word} ").repeat(n);
        format!("[CLS] findings : {}[E] {}[/E] {}[SEP]", of("no", left), of("effusion", inner), of("small", right))
    };
    let text = |left: usize, inner: usize, right: usize| {
        let inner = "effusion ".repeat(inner);
        format!("{}<{}> {}", "no ".repeat(left), inner.trim_end(), "small ".repeat(right))
    };
    // 24 tokens, 6 of which always stand: 18 for mention and context.
    for ((left, inner, right), (of_left, of_inner, of_right)) in [
        ((8, 2, 8), (8, 2, 8)),
        ((9, 2, 8), (8, 2, 8)),
        ((500, 2, 500), (8, 2, 8)),
        ((500, 1, 500), (9, 1, 8)),
        ((2, 2, 500), (2, 2, 14)),
        ((500, 2, 2), (14, 2, 2)),
        ((0, 2, 500), (0, 2, 16)),
        ((500, 2, 0), (16, 2, 0)),
        ((9, 17, 9), (1, 17, 0)),
        ((9, 18, 9), (0, 18, 0)),
        ((9, 400, 9), (0, 18, 0)),
    ] {
        let asked = format!("{left} {inner} {right}");
        assert_eq!(seen(&plain, &text(left, inner, right)), fixed(of_left, of_inner, of_right), "{asked}");
    }
    // A mention keeps its head and its tail.
    let whole = format!("<no {}small>", "effusion ".repeat(60));
    let kept = format!("[CLS] findings : [E] no {}small [/E] [SEP]", "effusion ".repeat(16));
    assert_eq!(seen(&plain, &whole), kept);
    // A section's name gives way before the mention does.
    let section = "no ".repeat(40);
    let sentence = asked("<effusion>");
    let long = Question { section: &section, ..question(&sentence) };
    let ids = plain.encode(&long).expect("ids");
    assert_eq!(ids.len(), 21);
    assert!(ids.windows(3).any(|w| w == [4, 9, 5]), "{ids:?}");
    // Megabytes of characters of several bytes, in and around the mention, are cut at characters.
    for giant in ["é", "漢字", "🫁", "e\u{301}", "no"] {
        let giant = giant.repeat(400_000);
        for text in [format!("{giant}<effusion>{giant}"), format!("{giant}<{giant}>"), format!("<{giant}>")] {
            let asked = asked(&text);
            let ids = plain.encode(&question(&asked)).expect("ids");
            assert!(ids.len() <= 24 && ids.contains(&4) && ids.contains(&5), "{ids:?}");
        }
    }
}

#[test]
fn a_runtime_is_named_as_on_the_command_line() {
    assert_eq!("rten".parse(), Ok(Runtime::Rten));
    assert_eq!("onnxruntime".parse(), Ok(Runtime::OnnxRuntime(None)));
    assert_eq!("onnxruntime=/a=b.so".parse(), Ok(Runtime::OnnxRuntime(Some(PathBuf::from("/a=b.so")))));
    for wrong in ["", "onnx", "rten=1", "onnxruntime=", "ONNXRUNTIME"] {
        assert!(wrong.parse::<Runtime>().is_err_and(|e| e.contains("rten")), "{wrong}");
    }
    let model = built_in(&Runtime::Rten);
    assert_eq!(model.runtime(), format!("rten {}", network::RTEN));
    let lock = include_str!("../../Cargo.lock");
    let pinned = format!("name = \"rten\"\nversion = \"{}\"\n", network::RTEN);
    assert!(lock.replace("\r\n", "\n").contains(&pinned), "network.rs tells another version than Cargo.lock");
    assert_eq!(model.digest(), digest(Files::built_in().manifest.as_bytes()));
}

#[test]
fn onnx_runtime_tells_its_version_and_library() {
    if runtimes().len() < 2 {
        return;
    }
    let model = built_in(&Runtime::OnnxRuntime(None));
    let told = model.runtime();
    let (version, file) = told.strip_prefix("ONNX Runtime ").and_then(|t| t.split_once(" (")).expect(told);
    assert!(version.split('.').count() == 3 && version.split('.').all(|n| n.parse::<u32>().is_ok()), "{told}");
    let file = PathBuf::from(file.trim_end_matches(')'));
    assert!(file.is_file(), "{told}");
    // A process has one library: the same again is it, another is refused.
    built_in(&Runtime::OnnxRuntime(Some(file)));
    let other = std::env::current_exe().expect("a file");
    let refusal = Model::open(&Settings { model: None, runtime: Runtime::OnnxRuntime(Some(other)) }).err();
    assert!(refusal.is_some_and(|e| e.to_string().contains("is loaded from")), "two libraries");
}

/// What `RADLABEL_TEST_LIBRARY` leads to, in a process that has loaded no library yet; run by the tests below.
#[test]
fn in_a_process_of_its_own() {
    let Some(path) = std::env::var_os("RADLABEL_TEST_LIBRARY") else { return };
    let runtime = Runtime::OnnxRuntime((!path.is_empty()).then(|| path.into()));
    let opened = Model::open(&Settings { model: None, runtime });
    let told = opened.map_or_else(|e| format!("{}: {e}", matches!(e, Error::Usage(_))), |m| m.runtime().to_owned());
    println!("told={told}");
}

/// What opening the built-in model with a library says where none was loaded before.
fn told_of(library: &str, variables: &[(&str, &str)]) -> String {
    let mut command = Command::new(std::env::current_exe().expect("this program"));
    command.args(["--exact", "onnx::tests::in_a_process_of_its_own", "--nocapture", "--test-threads=1"]);
    command.env_remove("ORT_DYLIB_PATH").env("RADLABEL_TEST_LIBRARY", library).envs(variables.iter().copied());
    let output = command.output().expect("run");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    let told = text.split("told=").nth(1).and_then(|t| t.lines().next());
    told.unwrap_or_else(|| panic!("{text}")).to_owned()
}

#[test]
fn a_library_that_is_missing_or_none_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let garbage = folder.path().join("libonnxruntime.so.1.99.0");
    std::fs::write(&garbage, b"not a library").expect("written");
    let garbage = garbage.display().to_string();
    let missing = folder.path().join("nothing.so").display().to_string();
    let how = "pip install onnxruntime";
    for (library, variables, expected) in [
        (&*missing, vec![], [&*missing, "no such file", how]),
        ("", vec![("ORT_DYLIB_PATH", &*missing)], [&*missing, "no such file", how]),
        (&*garbage, vec![], [&*garbage, "cannot be loaded as a library", how]),
        ("", vec![("ORT_DYLIB_PATH", &*garbage)], [&*garbage, "cannot be loaded as a library", how]),
    ] {
        let told = told_of(library, &variables);
        assert!(told.starts_with("true: "), "a fault of the call: {told}");
        assert!(expected.iter().all(|part| told.contains(part)), "{told}: expected {expected:?}");
    }
}

/// `RADLABEL_TEST_OLD_ORT` names a library older than the program takes.
#[test]
fn a_library_that_is_too_old_is_refused() {
    let Ok(old) = std::env::var("RADLABEL_TEST_OLD_ORT") else { return };
    let told = told_of(&old, &[]);
    assert!(told.contains(&old) && told.contains("ONNX Runtime 1.") && told.contains("is too old"), "{told}");
    assert!(told.contains(&format!("expected 1.{} or newer", ort::MINOR_VERSION)), "{told}");
}

/// Sentences a second on one core, by batches of one length as well as one by one:
/// `cargo test --release --features full --lib onnx::tests::speed -- --ignored --nocapture`.
#[test]
#[ignore = "measures; needs a quiet machine and a release build"]
fn speed() {
    let engine = crate::Engine::embedded();
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("corpora/chest/reports");
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(folder).expect("reports").map(|e| e.expect("a file").path()).collect();
    files.sort();
    let texts: Vec<String> = files.iter().filter_map(|f| std::fs::read_to_string(f).ok()).collect();
    let analyses: Vec<_> = texts.iter().map(|t| engine.analyze(&crate::Report::new("", t))).collect();
    let questions: Vec<Question<'_>> = (texts.iter().zip(&analyses))
        .flat_map(|(text, a)| (0..a.mentions.len() as u32).map(|i| engine.question(a, text, i)))
        .collect();
    for runtime in runtimes() {
        let model = built_in(&runtime);
        let texts: Vec<Box<[u32]>> = questions.iter().filter_map(|q| model.encoder.encode(q)).collect();
        let tokens: usize = texts.iter().map(|ids| ids.len()).sum();
        println!(
            "{}: {} mentions, {:.1} tokens each",
            model.runtime(),
            texts.len(),
            tokens as f64 / texts.len() as f64
        );
        for (what, work) in [
            ("encode", &(|| questions.iter().filter_map(|q| model.encoder.encode(q)).count()) as &dyn Fn() -> usize),
            ("run", &|| model.network.run(&texts).into_iter().flatten().count()),
            ("judge (a new model)", &|| built_in(&runtime).judge(&questions).into_iter().flatten().count()),
            ("judge again", &|| model.judge(&questions).into_iter().flatten().count()),
        ] {
            work();
            let (start, mut done) = (std::time::Instant::now(), 0);
            while start.elapsed().as_secs_f64() < 2.0 {
                done += work();
            }
            println!("  {what}: {:.0} a second", done as f64 / start.elapsed().as_secs_f64());
        }
    }
}
