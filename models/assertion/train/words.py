"""The vocabulary: the encoder's, cut down to the field, and the field's own words as tokens of their own.

A word of the field that the encoder knows only in pieces ("p ##le ##ura ##l") gets a token that starts as the mean of its
pieces: sentences become half as long, and the network as fast again.
"""

from __future__ import annotations

import collections
import copy
import re
from collections.abc import Iterable

import numpy as np
from tokenizers import Tokenizer

MARKERS = ("[E]", "[/E]")
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
WORD = re.compile(r"[a-z]{4,}")


def choose(encoder: Tokenizer, sentences: Iterable[str], pieces: int, own: int) -> tuple[list[str], dict[str, list[str]]]:
    """The tokens to keep, in the encoder's order, and the field's words, each with the encoder's pieces of it.

    Kept are the special tokens, every single character, and the `pieces` most frequent of the others in the sentences;
    the `own` most frequent words of several pieces become tokens.
    """
    words: collections.Counter[str] = collections.Counter()
    for sentence in sentences:
        words.update(re.findall(r"[a-z]+|[0-9]+|[^a-z0-9\s]", sentence.lower()))
    split = {word: encoder.encode(word, add_special_tokens=False).tokens for word in words}
    several = [w for w, _ in sorted(words.items(), key=lambda x: (-x[1], x[0])) if len(split[w]) > 1 and WORD.fullmatch(w)]
    field = sorted(several[:own])
    whole = set(field)
    counts: collections.Counter[str] = collections.Counter()
    for word, count in words.items():
        # A rare word is kept whole in its pieces: another spelling of it will need them.
        for piece in split[word]:
            counts[piece] += 1 if word in whole else count
    vocabulary = encoder.get_vocab()
    single = {t for t in vocabulary if len(t.removeprefix("##")) == 1 and t.isascii()}
    best = [t for t, _ in sorted(counts.items(), key=lambda x: (-x[1], x[0])) if t not in single][:pieces]
    kept = single.union(best).union(SPECIAL)
    return sorted(kept, key=vocabulary.__getitem__), {w: split[w] for w in field}


def embeddings(words: np.ndarray, encoder: Tokenizer, kept: list[str], field: dict[str, list[str]]) -> np.ndarray:
    """Rows of the encoder for the kept tokens and, as means of their pieces, for the field's words."""
    vocabulary = encoder.get_vocab()
    rows = [words[[vocabulary[t] for t in kept]]]
    rows.append(np.stack([words[[vocabulary[p] for p in pieces]].mean(0) for pieces in field.values()]))
    return np.concatenate(rows).astype(np.float32)


def tokenizer(encoder: dict, kept: list[str], field: dict[str, list[str]]) -> dict:
    """The encoder's tokenizer.json with the new vocabulary and the markers."""
    names = [*kept, *field, *MARKERS]
    ids = {name: i for i, name in enumerate(names)}
    out = copy.deepcopy(encoder)
    out["truncation"] = out["padding"] = None
    out["model"]["vocab"] = ids
    plain = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    out["added_tokens"] = [{"id": ids[t], "content": t, **plain} for t in (*SPECIAL, *MARKERS)]
    for name, special in out["post_processor"]["special_tokens"].items():
        special["ids"] = [ids[name]]
    return out
