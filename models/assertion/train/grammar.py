"""A grammar as data and its expander.

`frames/*.toml` hold symbols, each with one alternative a line; this module reads them and turns a symbol into a
sentence in which each mention stands between marks: OPEN, a letter for the status, a digit for the number, the text,
CLOSE.
It knows nothing of findings: a `Lexis` gives the words. The same random state gives the same sentence.
"""

from __future__ import annotations

import random
import re
import tomllib
from pathlib import Path
from typing import Protocol

OPEN, CLOSE = "\x02", "\x03"
STATUS = {"P": "present", "A": "absent", "U": "uncertain", "H": "historical", "Y": "hypothetical"}
MASS, ONE, MANY = "0", "1", "2"
MARK = re.compile(f"{OPEN}([PAUHY])([012])([^{OPEN}{CLOSE}]*){CLOSE}")
DEPTH = 24
"""No sentence nests deeper; a grammar that does is in a circle."""


class Lexis(Protocol):
    """Where mentions, places and descriptions come from."""

    def mention(self, kind: str, rng: random.Random) -> str | None:
        """A marked mention for a terminal such as `p`, `ap`, `uj`, `comp`; None where the kind is no terminal."""


def mark(status: str, number: str, text: str) -> str:
    """A mention between marks; `status` is a letter of STATUS."""
    return f"{OPEN}{status}{number}{text}{CLOSE}"


def braces(text: str) -> int:
    """The end of the choice that opens `text`, after its closing brace."""
    depth = 0
    for index, char in enumerate(text):
        depth += (char == "{") - (char == "}")
        if depth == 0:
            return index + 1
    raise ValueError(f"a choice is not closed: {text[:60]}")


def alternatives(text: str) -> list[str]:
    """The alternatives of the inside of a choice, split at its own bars."""
    parts, depth, start = [], 0, 0
    for index, char in enumerate(text):
        depth += (char == "{") - (char == "}")
        if char == "|" and depth == 0:
            parts.append(text[start:index])
            start = index + 1
    parts.append(text[start:])
    return parts


class Grammar:
    """Symbols with weighted alternatives."""

    def __init__(self, folder: Path, files: tuple[str, ...]) -> None:
        self.symbols: dict[str, tuple[list[str], list[float]]] = {}
        for name in files:
            with (folder / name).open("rb") as file:
                tables = tomllib.load(file)
            for table in tables.values():
                for symbol, lines in table.items():
                    if symbol in self.symbols:
                        raise ValueError(f"{name}: {symbol} is defined twice")
                    self.symbols[symbol] = weighted(lines, f"{name}: {symbol}")

    def expand(self, symbol: str, lexis: Lexis, rng: random.Random) -> str:
        """A sentence of `symbol` with its mentions marked, articles and verbs in agreement, blanks in order."""
        return tidy(agree(self._symbol(symbol, lexis, rng, 0)))

    def _symbol(self, symbol: str, lexis: Lexis, rng: random.Random, depth: int) -> str:
        if depth > DEPTH:
            raise ValueError(f"{symbol} nests too deep")
        if symbol in self.symbols:
            lines, totals = self.symbols[symbol]
            return self._text(rng.choices(lines, cum_weights=totals)[0], lexis, rng, depth + 1)
        word = lexis.mention(symbol, rng)
        if word is None:
            raise ValueError(f"unknown symbol <{symbol}>")
        return word

    def _text(self, text: str, lexis: Lexis, rng: random.Random, depth: int) -> str:
        out, at = [], 0
        while at < len(text):
            char = text[at]
            if char == "{":
                end = at + braces(text[at:])
                out.append(self._text(rng.choice(alternatives(text[at + 1 : end - 1])), lexis, rng, depth + 1))
                at = end
            elif char == "<" and (match := re.match(r"<([A-Za-z0-9]+)>", text[at:])):
                out.append(self._symbol(match[1], lexis, rng, depth))
                at += match.end()
            else:
                out.append(char)
                at += 1
        return "".join(out)


def weighted(lines: str, where: str) -> tuple[list[str], list[float]]:
    """Alternatives and their cumulative weights: `3* text` counts three times."""
    texts, totals, total = [], [], 0.0
    for line in lines.strip("\n").split("\n"):
        match = re.match(r"(\d+)\* (.*)$", line)
        total += float(match[1]) if match else 1.0
        texts.append(match[2] if match else line)
        totals.append(total)
    if not all(text.strip() for text in texts):
        raise ValueError(f"{where}: an empty line")
    return texts, totals


VERBS = {
    "is": ("is", "are"),
    "was": ("was", "were"),
    "has": ("has", "have"),
    "does": ("does", "do"),
    "seems": ("seems", "seem"),
    "remains": ("remains", "remain"),
}


def agree(text: str) -> str:
    """Articles by the mention after them, verbs by the mention before them; a verb without one before looks ahead."""

    def article(match: re.Match[str]) -> str:
        rest = text[match.end() :]
        mention = MARK.search(rest)
        if not mention or mention[2] != ONE:
            return ""
        first = re.sub(f"{OPEN}..|[^A-Za-z0-9]", "", rest)[:2]
        word = re.sub(f"{OPEN}..", "", rest).split(" ")[0]
        vowel = (
            first[:1].lower() in "aeio"
            or first[:1] == "8"
            or first[:1].lower() == "u"
            and not word.startswith(("un", "ur", "us"))
        )
        vowel = (
            vowel or word.startswith(("un", "MR", "NG", "L4", "L5", "ultra", "upper")) and not word.startswith("uni")
        )
        return "an " if vowel else "a "

    def verb(match: re.Match[str]) -> str:
        before = list(MARK.finditer(text[: match.start()]))
        mention = before[-1] if before else MARK.search(text[match.end() :])
        return VERBS[match[1]][mention is not None and mention[2] == MANY]

    def ahead(match: re.Match[str]) -> str:
        mention = MARK.search(text[match.end() :])
        return "are" if mention is not None and mention[2] == MANY else "is"

    text = re.sub(r"@be\b", ahead, text)
    text = re.sub(r"@(is|was|has|does|seems|remains)\b", verb, text)
    return re.sub(r"@a ", article, text)


def tidy(text: str) -> str:
    """One blank between words, none before stops."""
    text = re.sub(r"\s+", " ", text).strip()
    text = re.sub(r" +([,.;:])(?= |$)", r"\1", text)
    text = re.sub(r"\b(left|right|bilateral|the) \1\b", r"\1", text)
    text = re.sub(r",\s*([,.;:])", r"\1", text)
    text = re.sub(r"(?<=[;,] )([A-Z])(?=[a-z])", lambda m: m[1].lower(), text)
    text = re.sub(r"\?\.", "?", text)
    return re.sub(r"[,;]+$", "", text)
