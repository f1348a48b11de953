"""Writes `manifest.toml` beside a trained network: what the program needs to run it, and known answers that it checks.

    python manifest.py FOLDER --release 1.0.0 --trust 1.0 --below 0.9 [--card CARD.toml]

Known answers are computed by ONNX's reference evaluator, which no runtime shares code with.
"""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path

import numpy as np
import onnx
from onnx.reference import ReferenceEvaluator
from tokenizers import Tokenizer

from export import OPSET

LABELS = ("present", "absent", "uncertain", "historical", "hypothetical")
CHECKS = (
    ("findings", "There is no [E] pleural effusion [/E] or pneumothorax."),
    ("impression", "Basal opacity, in favour of [E] atelectasis [/E] rather than pneumonia."),
    ("indication", "Known renal calculi, please rule out [E] obstruction [/E]."),
    ("body", "[E] Cardiomegaly [/E] with small effusions, the latter perhaps new."),
)


def shift(folder: Path, shifts: dict[str, float]) -> None:
    """Adds to the logits of labels: training text is no sample of reports, so that the share of a verdict is another."""
    model = onnx.load(folder / "model.onnx")
    (bias,) = [w for w in model.graph.initializer if w.name == "out.b.half"]
    values = onnx.numpy_helper.to_array(bias).copy()
    for label, by in shifts.items():
        values[LABELS.index(label)] += by
    bias.CopyFrom(onnx.numpy_helper.from_array(values, bias.name))
    (folder / "model.onnx").write_bytes(model.SerializeToString(deterministic=True))


def probabilities(folder: Path, section: str, sentence: str) -> np.ndarray:
    """What the network says of a marked sentence."""
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    ids = np.array([tokenizer.encode(f"{section} : {sentence}").ids], np.int64)
    logits = ReferenceEvaluator(onnx.load(folder / "model.onnx")).run(None, {"input_ids": ids})[0][0].astype(np.float64)
    powers = np.exp(logits - logits.max())
    return powers / powers.sum()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--release", required=True)
    parser.add_argument("--trust", type=float, required=True)
    parser.add_argument("--below", type=float, required=True)
    parser.add_argument("--card", type=Path, help="TOML of the table [card], put at the end as it is")
    parser.add_argument("--shift", action="append", default=[], metavar="LABEL=BY", help="added to the label's logit, once")
    options = parser.parse_args()
    shift(options.folder, {label: float(by) for label, by in (s.split("=") for s in options.shift)})
    digest = {name: hashlib.sha256((options.folder / name).read_bytes()).hexdigest() for name in ("model.onnx", "tokenizer.json")}
    lines = [
        "# The assertion model: what runs it (models/README.md tells each key) and, under [card], what it is.",
        "# Written by models/assertion/train/manifest.py.",
        "",
        'kind = "assertion-model"',
        "version = 1",
        'name = "radlabel-assertion"',
        f'release = "{options.release}"',
        'licence = "(MIT OR Apache-2.0) AND Apache-2.0"',
        f'model = {{ file = "model.onnx", sha256 = "{digest["model.onnx"]}" }}',
        f'tokenizer = {{ file = "tokenizer.json", sha256 = "{digest["tokenizer.json"]}" }}',
        'inputs = ["input_ids"]',
        'output = "logits"',
        "labels = [" + ", ".join(f'"{label}"' for label in LABELS) + "]",
        'markers = ["[E]", "[/E]"]',
        'template = "{section} : {sentence}"',
        "max_tokens = 64",
        f"opset = {OPSET}",
        "temperature = 1.0",
        f"trust = {options.trust}",
        f"below = {options.below}",
    ]
    for section, sentence in CHECKS:
        stated = ", ".join(f"{p:.5f}" for p in probabilities(options.folder, section, sentence))
        lines += ["", "[[check]]", f'section = "{section}"', f'sentence = "{sentence}"', f"probabilities = [{stated}]"]
    if options.card:
        lines += ["", options.card.read_text(encoding="utf-8").strip()]
    (options.folder / "manifest.toml").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
