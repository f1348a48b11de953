"""Trains the assertion model: `python train.py --out ..`. See README.md beside this file."""

from __future__ import annotations

import argparse
import collections
import hashlib
import json
import random
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
from tokenizers import Tokenizer

import export
import generate
import network
import words

LABELS = ("present", "absent", "uncertain", "historical", "hypothetical")
HEAD = 32
LENGTHS = (16, 24, 32, 48, 64)
WORDS_RATE = 0.1
"""Step of the word embeddings beside that of the layers."""


@dataclass
class Sample:
    """A question as token ids, and its answer."""

    ids: list[int]
    label: int


def text_of(record: dict, section: str | None = None) -> str:
    """The network's input, as `manifest.toml` states it."""
    sentence, start, end = record["sentence"], record["start"], record["end"]
    marked = f"{sentence[:start]}{words.MARKERS[0]} {sentence[start:end]} {words.MARKERS[1]}{sentence[end:]}"
    return f"{section or record['section']} : {marked}"


class Data:
    """Samples of each source, tokenized, and batches of them."""

    def __init__(self, tokenizer: Tokenizer, seed: int) -> None:
        self.tokenizer = tokenizer
        self.rng = random.Random(seed)
        self.mask = tokenizer.token_to_id("[MASK]")
        self.markers = tuple(tokenizer.token_to_id(m) for m in words.MARKERS)

    def samples(self, records: list[dict]) -> list[Sample]:
        """Tokenized records; those over the longest length are left out."""
        texts = []
        for record in records:
            # What a sentence says seldom hangs on its section where that reports.
            body = record["section"] in ("findings", "impression") and self.rng.random() < 0.25
            texts.append(text_of(record, "body" if body else None))
        out = []
        for encoding, record in zip(self.tokenizer.encode_batch(texts), records):
            if len(encoding.ids) <= LENGTHS[-1]:
                out.append(Sample(encoding.ids, LABELS.index(record["status"])))
        return out

    def hidden(self, ids: list[int]) -> list[int]:
        """The sample as the network sees it once: the finding's words are hidden at times, any word seldom."""
        start, end = ids.index(self.markers[0]), ids.index(self.markers[1])
        hide = self.rng.random() < 0.2
        out = list(ids)
        for i in range(1, len(ids) - 1):
            inside = start < i < end
            if i not in (start, end) and (hide if inside else self.rng.random() < 0.01):
                out[i] = self.mask
        return out

    def batches(self, samples: list[Sample], size: int):
        """Batches of like length, in random order, once through."""
        by: dict[int, list[Sample]] = collections.defaultdict(list)
        order = list(samples)
        self.rng.shuffle(order)
        for sample in order:
            length = next(n for n in LENGTHS if len(sample.ids) <= n)
            by[length].append(sample)
            if len(by[length]) == size:
                yield arrays([Sample(self.hidden(s.ids), s.label) for s in by.pop(length)], length)


def arrays(samples: list[Sample], length: int):
    """Ids, mask and labels of a batch."""
    ids = np.zeros((len(samples), length), np.int32)
    for row, sample in enumerate(samples):
        ids[row, : len(sample.ids)] = sample.ids
    mask = np.zeros_like(ids, dtype=bool)
    for row, sample in enumerate(samples):
        mask[row, : len(sample.ids)] = True
    return ids, mask, np.array([s.label for s in samples], np.int32)


def loss(params, batch, drop, markers, masks=None, rate=0.1):
    """Mean cross-entropy with a little smoothing."""
    ids, mask, labels = batch
    logits = network.forward(params, ids, mask, markers, HEAD, masks, drop, rate)
    target = optax.smooth_labels(jax.nn.one_hot(labels, len(LABELS)), 0.03)
    return optax.softmax_cross_entropy(logits, target).mean()


def fit(params, data: Data, samples: list[Sample], steps: int, rate: float, size: int, seed: int, told: str):
    """Gradient descent (AdamW, warm-up, cosine) for some steps."""
    schedule = optax.warmup_cosine_decay_schedule(0.0, rate, max(1, steps // 20), steps, rate * 0.02)
    # The words stay close to what the encoder learnt of them: those of few training sentences would drift from the rest.
    words_rate = optax.chain(optax.adamw(schedule, weight_decay=0.01), optax.scale(WORDS_RATE))
    parts = {"words": words_rate, "rest": optax.adamw(schedule, weight_decay=0.01)}
    named = {name: "words" if name == "word" else "rest" for name in params}
    optimiser = optax.chain(optax.clip_by_global_norm(1.0), optax.multi_transform(parts, named))
    state = optimiser.init(params)

    @partial(jax.jit, donate_argnums=(0, 1))
    def step(params, state, batch, key):
        value, grads = jax.value_and_grad(loss)(params, batch, key, data.markers)
        updates, state = optimiser.update(grads, state, params)
        return optax.apply_updates(params, updates), state, value

    key = jax.random.key(seed)
    done, total, began = 0, 0.0, time.time()
    while True:
        for batch in data.batches(samples, size):
            params, state, value = step(params, state, batch, jax.random.fold_in(key, done))
            done += 1
            total = 0.98 * total + 0.02 * float(value)
            if done % 200 == 0:
                print(f"{told}: step {done} of {steps}, loss {total / (1 - 0.98**done):.4f}, {time.time() - began:.0f} s", flush=True)
            if done == steps:
                return params


def importance(params, data: Data, samples: list[Sample], batches: int):
    """How much the loss hangs on each head and neuron: the mean size of its gradient at a factor of one."""
    masks = [{"heads": jnp.ones(l["q"]["b"].shape[0] // HEAD), "neurons": jnp.ones(l["up"]["b"].shape[0])} for l in params["layers"]]
    slope = jax.jit(jax.grad(lambda m, p, b: loss(p, b, None, data.markers, m, 0.0)))
    total = jax.tree.map(jnp.zeros_like, masks)
    for number, batch in enumerate(data.batches(samples, 32)):
        if number == batches:
            break
        total = jax.tree.map(lambda a, g: a + jnp.abs(g), total, slope(masks, params, batch))
    return total


def predict(params, samples: list[Sample], markers) -> np.ndarray:
    """Probabilities of the verdicts, a row a sample."""
    run = jax.jit(lambda p, i, m: jax.nn.softmax(network.forward(p, i, m, markers, HEAD)))
    out = np.zeros((len(samples), len(LABELS)), np.float32)
    for length in LENGTHS:
        shorter = max([n for n in LENGTHS if n < length], default=0)
        rows = [i for i, s in enumerate(samples) if shorter < len(s.ids) <= length]
        for at in range(0, len(rows), 256):
            chosen = rows[at : at + 256]
            batch = [samples[i] for i in chosen]
            ids, mask, _ = arrays(batch + [batch[-1]] * (256 - len(batch)), length)
            out[chosen] = np.asarray(run(params, ids, mask))[: len(chosen)]
    return out


def score(probabilities: np.ndarray, labels: np.ndarray) -> str:
    """Accuracy and F1 of each verdict."""
    guessed = probabilities.argmax(1)
    parts = [f"right {np.mean(guessed == labels):.4f}"]
    for number, name in enumerate(LABELS):
        both = np.sum((guessed == number) & (labels == number))
        either = np.sum(guessed == number) + np.sum(labels == number)
        parts.append(f"{name} {2 * both / either if either else float('nan'):.3f}")
    return ", ".join(parts)


def sha256(path: Path) -> str:
    """The file's digest."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--encoder", type=Path, required=True, help="folder with model.safetensors and tokenizer.json")
    parser.add_argument("--out", type=Path, required=True, help="folder to write the model to")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--generated", type=int, default=250_000, help="generated records")
    parser.add_argument("--written", type=int, default=6, help="how often a written record stands in the training set")
    parser.add_argument("--layers", default="0,1,2", help="layers of the encoder that are kept")
    parser.add_argument("--heads", type=int, default=4)
    parser.add_argument("--neurons", type=int, default=256)
    parser.add_argument("--wide-steps", type=int, default=300, help="steps at the encoder's own width, to learn what to cut")
    parser.add_argument("--steps", type=int, default=3600)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--rate", type=float, default=4e-4)
    parser.add_argument("--check", type=Path, nargs="*", default=[], help="JSON lines to score, never to train on")
    options = parser.parse_args()

    jax.config.update("jax_default_matmul_precision", "float32")
    own = {"written": generate.read_written(), "rules": generate.read_rules(), "corpus": generate.read_corpus()}
    own = {name: list(records) for name, records in own.items()}
    made = list(generate.generate(options.generated, options.seed))
    print({name: len(records) for name, records in own.items()}, "generated", len(made), flush=True)

    encoder_path = options.encoder / "tokenizer.json"
    encoder = Tokenizer.from_file(str(encoder_path))
    encoder.no_truncation()
    encoder.no_padding()
    # The project's own sentences weigh more than generated ones; terms of the lexicon come in by both.
    pool = [r["sentence"] for records in own.values() for r in records for _ in range(5)] + [r["sentence"] for r in made]
    kept, field = words.choose(encoder, pool, 4600, 3000)
    options.out.mkdir(parents=True, exist_ok=True)
    described = words.tokenizer(json.loads(encoder_path.read_text()), kept, field)
    tokenizer_path = options.out / "tokenizer.json"
    tokenizer_path.write_text(json.dumps(described, ensure_ascii=False, separators=(",", ":")) + "\n")
    tokenizer = Tokenizer.from_file(str(tokenizer_path))
    data = Data(tokenizer, options.seed)
    # Written text counts most: it is what people write.
    share = {"written": options.written, "rules": max(1, options.written // 3), "corpus": max(1, options.written // 2)}
    samples = data.samples(made)
    for name, records in own.items():
        for _ in range(share[name]):
            samples += data.samples(records)
    mean = np.mean([len(s.ids) for s in samples])
    print(f"{len(samples)} samples of {mean:.1f} tokens, vocabulary {tokenizer.get_vocab_size()}", flush=True)

    shape = network.Shape(tuple(int(n) for n in options.layers.split(",")), options.heads, options.neurons, LENGTHS[-1], len(LABELS))
    tensors = network.read_safetensors(options.encoder / "model.safetensors")
    vocabulary = words.embeddings(tensors["embeddings.word_embeddings.weight"], encoder, kept, field)
    tensors["embeddings.word_embeddings.weight"] = vocabulary
    params = network.pretrained(tensors, list(range(len(vocabulary))), len(words.MARKERS), shape, options.seed)
    params = jax.tree.map(jnp.asarray, params)
    params = fit(params, data, samples, options.wide_steps, 1e-4, 64, options.seed, "wide")
    params = network.cut(params, importance(params, data, samples, 200), shape, HEAD)
    params = jax.tree.map(jnp.asarray, params)
    params = fit(params, data, samples, options.steps, options.rate, options.batch, options.seed + 1, "narrow")

    half = jax.tree.map(lambda p: jnp.asarray(p).astype(jnp.float16).astype(jnp.float32), params)
    for path in options.check:
        records = [json.loads(line) for line in path.read_text().splitlines()]
        checked = [Sample(tokenizer.encode(text_of(r)).ids, LABELS.index(r["status"])) for r in records]
        fits = [s for s in checked if len(s.ids) <= LENGTHS[-1]]
        print(f"{path.name}: {score(predict(half, fits, data.markers), np.array([s.label for s in fits]))}", flush=True)
    model = export.network(params, data.markers, HEAD, "assertion")
    (options.out / "model.onnx").write_bytes(model.SerializeToString(deterministic=True))
    np.savez_compressed(options.out / "params.npz", **{str(i): np.asarray(p) for i, p in enumerate(jax.tree.leaves(params))})
    print({p.name: sha256(p) for p in (options.out / "model.onnx", tokenizer_path)})


if __name__ == "__main__":
    main()
