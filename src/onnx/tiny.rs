//! Models small enough to be worked out by hand, written as the files that a user would bring.

use super::manifest::NAME;
use super::{Files, digest};
use std::path::Path;

/// The vocabulary of the tiny tokenizer; the number of a word is its id.
pub(super) const WORDS: [&str; 14] =
    ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[E]", "[/E]", "findings", ":", "no", "effusion", "small", "[", "e", "]"];
/// The word that the tiny network knows no number for.
pub(super) const POISON: &str = "small";

/// A tokenizer.json of whole words.
pub(super) fn tokenizer(words: &[&str]) -> Vec<u8> {
    let vocabulary: serde_json::Map<_, _> =
        words.iter().enumerate().map(|(i, w)| ((*w).to_owned(), i.into())).collect();
    let special = |word: &str| matches!(word, "[PAD]" | "[UNK]" | "[CLS]" | "[SEP]" | "[E]" | "[/E]");
    let added: Vec<_> = (words.iter().enumerate().filter(|(_, w)| special(w)))
        .map(|(id, word)| {
            serde_json::json!({"id": id, "content": word, "single_word": false, "lstrip": false, "rstrip": false,
                               "normalized": false, "special": true})
        })
        .collect();
    let framed = |word: &str| serde_json::json!({"SpecialToken": {"id": word, "type_id": 0}});
    let id = |word: &str| words.iter().position(|w| *w == word).unwrap_or(0);
    let json = serde_json::json!({
        "version": "1.0", "truncation": null, "padding": null, "added_tokens": added,
        "normalizer": {"type": "Lowercase"}, "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [framed("[CLS]"), {"Sequence": {"id": "A", "type_id": 0}}, framed("[SEP]")],
            "pair": [framed("[CLS]"), {"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 0}}],
            "special_tokens": {
                "[CLS]": {"id": "[CLS]", "ids": [id("[CLS]")], "tokens": ["[CLS]"]},
                "[SEP]": {"id": "[SEP]", "ids": [id("[SEP]")], "tokens": ["[SEP]"]},
            },
        },
        "decoder": null,
        "model": {"type": "WordLevel", "vocab": vocabulary, "unk_token": "[UNK]"},
    });
    json.to_string().into_bytes()
}

/// What the tiny network has for each word: the logits of a text are the sums of those of its words, by label.
pub(super) fn table() -> Vec<Vec<f32>> {
    let row = |word: &&str| match *word {
        "no" => vec![0.0, 3.0, 0.0],
        "effusion" => vec![1.0, 0.0, 0.0],
        POISON => vec![f32::NAN, 0.0, 0.0],
        "[E]" => vec![0.5, 0.25, 0.0],
        _ => vec![0.0; 3],
    };
    WORDS.iter().map(row).collect()
}

/// A field of a protocol buffer that holds bytes.
fn bytes(field: u8, value: &[u8]) -> Vec<u8> {
    [vec![field << 3 | 2], number(value.len()), value.to_vec()].concat()
}

/// A field that holds a number.
fn int(field: u8, value: usize) -> Vec<u8> {
    [number(usize::from(field) << 3), number(value)].concat()
}

fn number(mut value: usize) -> Vec<u8> {
    let mut out = Vec::new();
    while value > 0x7f {
        out.push(value as u8 & 0x7f | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
    out
}

fn node(operator: &str, inputs: &[&str], output: &str, attributes: &[u8]) -> Vec<u8> {
    let inputs: Vec<u8> = inputs.iter().flat_map(|i| bytes(1, i.as_bytes())).collect();
    bytes(1, &[inputs, bytes(2, output.as_bytes()), bytes(4, operator.as_bytes()), attributes.to_vec()].concat())
}

/// An attribute that is a whole number.
fn attribute(name: &str, value: usize) -> Vec<u8> {
    bytes(5, &[bytes(1, name.as_bytes()), int(3, value), int(20, 2)].concat())
}

/// A constant: its shape, the number of its type in onnx.proto, its values as they lie in memory.
fn constant(name: &str, shape: &[usize], kind: usize, raw: &[u8]) -> Vec<u8> {
    let shape: Vec<u8> = shape.iter().flat_map(|n| int(1, *n)).collect();
    bytes(5, &[shape, int(2, kind), bytes(8, name.as_bytes()), bytes(9, raw)].concat())
}

fn tensor(field: u8, name: &str, kind: usize, shape: &[&str]) -> Vec<u8> {
    let shape: Vec<u8> = shape.iter().flat_map(|n| bytes(1, &bytes(2, n.as_bytes()))).collect();
    let kind = bytes(1, &[int(1, kind), bytes(2, &shape)].concat());
    bytes(field, &[bytes(1, name.as_bytes()), bytes(2, &kind)].concat())
}

const FLOAT: usize = 1;
const INT64: usize = 7;

/// An ONNX file: the sum over the words of their rows of a table; with a mask and kinds of tokens also divided by the
/// number of words and with the sum of the kinds added, so that each input counts.
pub(super) fn network(table: &[Vec<f32>], all_inputs: bool, opset: usize) -> Vec<u8> {
    let wide = table.first().map_or(0, Vec::len);
    let values: Vec<u8> = table.iter().flatten().flat_map(|v| v.to_le_bytes()).collect();
    let mut graph = vec![
        node("Gather", &["table", "input_ids"], "rows", &[]),
        constant("table", &[table.len(), wide], FLOAT, &values),
        constant("one", &[1], INT64, &1_i64.to_le_bytes()),
        tensor(11, "input_ids", INT64, &["batch", "tokens"]),
        tensor(12, "logits", FLOAT, &["batch", "labels"]),
        bytes(2, b"tiny"),
    ];
    let sum = if all_inputs { "sum" } else { "logits" };
    graph.push(node("ReduceSum", &["rows", "one"], sum, &attribute("keepdims", 0)));
    if all_inputs {
        for (name, cast, total) in [("attention_mask", "m", "words"), ("token_type_ids", "t", "kinds")] {
            graph.push(tensor(11, name, INT64, &["batch", "tokens"]));
            graph.push(node("Cast", &[name], cast, &attribute("to", FLOAT)));
            graph.push(node("ReduceSum", &[cast, "one"], total, &attribute("keepdims", 1)));
        }
        graph.push(node("Div", &["sum", "words"], "mean", &[]));
        graph.push(node("Add", &["mean", "kinds"], "logits", &[]));
    }
    [int(1, 8), bytes(8, &int(2, opset)), bytes(7, &graph.concat())].concat()
}

/// The manifest of the tiny model.
pub(super) fn manifest(network: &[u8], tokenizer: &[u8]) -> String {
    format!(
        "kind = \"assertion-model\"\nversion = 1\nname = \"tiny\"\nrelease = \"1\"\nlicence = \"MIT\"\n\
         model = {{ file = \"model.onnx\", sha256 = \"{}\" }}\n\
         tokenizer = {{ file = \"tokenizer.json\", sha256 = \"{}\" }}\n\
         inputs = [\"input_ids\"]\noutput = \"logits\"\nlabels = [\"present\", \"absent\", \"uncertain\"]\n\
         markers = [\"[E]\", \"[/E]\"]\ntemplate = \"{{section}} : {{sentence}}\"\nmax_tokens = 24\nopset = 13\n\
         temperature = 1.0\ntrust = 1.0\nbelow = 0.9\n",
        digest(network),
        digest(tokenizer)
    )
}

/// The files of the tiny model, the manifest changed by a replacement.
pub(super) fn files(found: &str, put: &str) -> Files {
    of(network(&table(), false, 13), tokenizer(&WORDS), found, put)
}

/// The files of a model, the manifest changed by a replacement.
pub(super) fn of(network: Vec<u8>, tokenizer: Vec<u8>, found: &str, put: &str) -> Files {
    let manifest = manifest(&network, &tokenizer);
    assert!(manifest.contains(found), "the manifest holds no {found}");
    Files { place: "tiny".to_owned(), manifest: manifest.replacen(found, put, 1), network, tokenizer }
}

/// Writes a model as a folder.
pub(super) fn write(files: &Files, folder: &Path) {
    std::fs::write(folder.join(NAME), &files.manifest).expect("written");
    std::fs::write(folder.join("model.onnx"), &files.network).expect("written");
    std::fs::write(folder.join("tokenizer.json"), &files.tokenizer).expect("written");
}
