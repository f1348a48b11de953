"""The network: a pretrained encoder cut down to a few narrow layers, in JAX for training and as an ONNX graph.

A mention stands between two marker tokens. Besides the pretrained positions, every token has a position relative to the
mention (0 inside it, negative before it, positive after it), since a cue's reach is counted from the mention. The verdict
is read off the opening marker, so that the last layer computes nothing for the other tokens.
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

REACH = 31
"""Relative positions are told apart up to this many tokens from the mention."""

EPSILON = 1e-12


@dataclass(frozen=True)
class Shape:
    """How much of the pretrained encoder is kept."""

    layers: tuple[int, ...]
    heads: int
    neurons: int
    positions: int
    labels: int


def read_safetensors(path: Path) -> dict[str, np.ndarray]:
    """All float tensors of a safetensors file."""
    raw = path.read_bytes()
    (length,) = struct.unpack("<Q", raw[:8])
    header = json.loads(raw[8 : 8 + length])
    out = {}
    for name, entry in header.items():
        if name == "__metadata__" or entry["dtype"] != "F32":
            continue
        start, end = entry["data_offsets"]
        data = np.frombuffer(raw[8 + length + start : 8 + length + end], dtype="<f4")
        out[name] = data.reshape(entry["shape"]).copy()
    return out


def pretrained(tensors: dict[str, np.ndarray], kept: list[int], new: int, shape: Shape, seed: int) -> dict:
    """Parameters of the whole width, from the encoder's: words `kept`, then `new` marker tokens."""
    rng = np.random.default_rng(seed)
    words = tensors["embeddings.word_embeddings.weight"]
    width = words.shape[1]
    spread = float(words[kept].std())
    markers = rng.normal(0, spread, (new, width)).astype(np.float32)
    kind = tensors["embeddings.token_type_embeddings.weight"][0]
    params = {
        "word": np.concatenate([words[kept], markers]),
        "position": tensors["embeddings.position_embeddings.weight"][: shape.positions] + kind,
        "relative": np.zeros((2 * REACH + 1, width), np.float32),
        "norm": _norm(tensors, "embeddings.LayerNorm"),
        "layers": [],
        "out": {"w": rng.normal(0, 0.02, (width, shape.labels)).astype(np.float32), "b": np.zeros(shape.labels, np.float32)},
    }
    for number in shape.layers:
        at = f"encoder.layer.{number}."
        linear = {}
        for name, part in [
            ("q", "attention.self.query"),
            ("k", "attention.self.key"),
            ("v", "attention.self.value"),
            ("o", "attention.output.dense"),
            ("up", "intermediate.dense"),
            ("down", "output.dense"),
        ]:
            linear[name] = {"w": tensors[f"{at}{part}.weight"].T.copy(), "b": tensors[f"{at}{part}.bias"].copy()}
        linear["norm1"] = _norm(tensors, f"{at}attention.output.LayerNorm")
        linear["norm2"] = _norm(tensors, f"{at}output.LayerNorm")
        params["layers"].append(linear)
    return params


def _norm(tensors: dict[str, np.ndarray], name: str) -> dict:
    return {"w": tensors[f"{name}.weight"].copy(), "b": tensors[f"{name}.bias"].copy()}


def norm(x, p):
    """Layer normalisation over the last axis."""
    mean = x.mean(-1, keepdims=True)
    centred = x - mean
    return centred * jax.lax.rsqrt((centred * centred).mean(-1, keepdims=True) + EPSILON) * p["w"] + p["b"]


def linear(x, p):
    """x W + b."""
    return x @ p["w"] + p["b"]


def relative(ids, start: int, end: int):
    """Position of each token relative to the mention, moved to 0..2 REACH."""
    opened = jnp.cumsum((ids == start).astype(jnp.int32), -1)
    before = jnp.flip(jnp.cumsum(jnp.flip(1 - opened, -1), -1), -1)
    closing = (ids == end).astype(jnp.int32)
    closed = jnp.cumsum(closing, -1) - closing
    after = jnp.cumsum(closed, -1)
    return jnp.clip(after - before, -REACH, REACH) + REACH


def forward(params, ids, mask, markers: tuple[int, int], head: int, masks=None, drop=None, rate: float = 0.0):
    """Logits of a batch of token ids; `mask` is 1 where a token stands. `masks` scale heads and neurons by layer."""

    def dropped(x, number):
        if drop is None or rate == 0.0:
            return x
        keep = jax.random.bernoulli(jax.random.fold_in(drop, number), 1 - rate, x.shape)
        return jnp.where(keep, x / (1 - rate), 0)

    batch, length = ids.shape
    x = params["word"][ids] + params["position"][:length] + jax.nn.one_hot(relative(ids, *markers), 2 * REACH + 1) @ params["relative"]
    x = dropped(norm(x, params["norm"]), 0)
    bias = jnp.where(mask, 0.0, -1e9)[:, None, None, :]
    readout = (ids == markers[0]).astype(x.dtype)[:, None, :]
    for number, layer in enumerate(params["layers"]):
        last = number == len(params["layers"]) - 1
        rows = readout @ x if last else x
        count = rows.shape[1]
        split = lambda y, n: y.reshape(batch, n, -1, head).transpose(0, 2, 1, 3)
        q = split(linear(rows, layer["q"]), count)
        k, v = split(linear(x, layer["k"]), length), split(linear(x, layer["v"]), length)
        weights = jax.nn.softmax(q @ k.transpose(0, 1, 3, 2) / np.sqrt(head) + bias, axis=-1)
        mixed = weights @ v
        if masks is not None:
            mixed = mixed * masks[number]["heads"][None, :, None, None]
        mixed = mixed.transpose(0, 2, 1, 3).reshape(batch, count, -1)
        rows = norm(rows + dropped(linear(mixed, layer["o"]), 2 * number + 1), layer["norm1"])
        inner = jax.nn.gelu(linear(rows, layer["up"]), approximate=False)
        if masks is not None:
            inner = inner * masks[number]["neurons"]
        x = norm(rows + dropped(linear(inner, layer["down"]), 2 * number + 2), layer["norm2"])
    return linear(x[:, 0], params["out"])


def cut(params, importance, shape: Shape, head: int) -> dict:
    """Keeps the most important heads and neurons of each layer."""
    layers = []
    for layer, worth in zip(params["layers"], importance):
        heads = np.sort(np.argsort(-np.asarray(worth["heads"]), kind="stable")[: shape.heads])
        neurons = np.sort(np.argsort(-np.asarray(worth["neurons"]), kind="stable")[: shape.neurons])
        columns = (heads[:, None] * head + np.arange(head)).reshape(-1)
        new = dict(layer)
        for name in ("q", "k", "v"):
            new[name] = {"w": np.asarray(layer[name]["w"])[:, columns], "b": np.asarray(layer[name]["b"])[columns]}
        new["o"] = {"w": np.asarray(layer["o"]["w"])[columns], "b": np.asarray(layer["o"]["b"])}
        new["up"] = {"w": np.asarray(layer["up"]["w"])[:, neurons], "b": np.asarray(layer["up"]["b"])[neurons]}
        new["down"] = {"w": np.asarray(layer["down"]["w"])[neurons], "b": np.asarray(layer["down"]["b"])}
        layers.append(new)
    return {**params, "layers": layers}
