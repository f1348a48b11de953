"""Records from what the project already has: the sentences inside the rules, the gold of its own reports, written text.

A record is one mention of one sentence: `section`, `sentence`, `start` and `end` (code points), `status`, `source`.
`corpora/second` is never read: it validates.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import TypedDict

from grammar import alternatives, braces

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
STATUSES = ("present", "absent", "uncertain", "historical", "hypothetical")
INLINE = re.compile(r"\[([^\[\]]+)\]\(([^()]*)\)")
STOP = re.compile(r"(?<=[.?!;])\s+(?=[A-Z0-9\[?\"-])")
SHORT = re.compile(
    r"(?:\b(?:dr|mr|mrs|ms|vs|approx|st|no|e\.g|i\.e|cf|prof|resp|ca|incl|esp|fig|int)|^\s*\d+|\s[A-Z])\.$", re.I
)


class Record(TypedDict):
    """One mention of one sentence."""

    section: str
    sentence: str
    start: int
    end: int
    status: str
    source: str


def status_of(attributes: str) -> str | None:
    """The status among the words of a mark; a mark without any says nothing of it."""
    return next((word for word in attributes.split() if word in STATUSES), None)


def records(section: str, marked: str, source: str) -> Iterator[Record]:
    """A record for each mark of a sentence that has one of the statuses."""
    text, found = "", []
    at = 0
    for match in INLINE.finditer(marked):
        text += marked[at : match.start()]
        if status := status_of(match[2]):
            found.append((len(text), len(text) + len(match[1]), status))
        text += match[1]
        at = match.end()
    text += marked[at:]
    lead = len(text) - len(text.lstrip())
    for start, end, status in found:
        yield Record(
            section=section, sentence=text.strip(), start=start - lead, end=end - lead, status=status, source=source
        )


def expand(phrase: str, sets: dict[str, list[str]]) -> list[str]:
    """All wordings of a rule's phrase: `{a|b}` is a choice, `{@set}` a named list."""
    opening = phrase.find("{")
    if opening < 0:
        return [re.sub(r"\s+", " ", phrase).strip()]
    end = opening + braces(phrase[opening:])
    inside = phrase[opening + 1 : end - 1]
    choices = sets[inside[1:]] if inside.startswith("@") else alternatives(inside)
    return [w for choice in choices for w in expand(phrase[:opening] + choice + phrase[end:], sets)]


BRIEF = ("comparison", "technique", "examination")
"""Sections that end at a line with an unknown heading, such as that of an organ."""


def headings(root: Path = ROOT) -> dict[str, str]:
    """Lower-case heading to the id of its kind of section."""
    found: dict[str, str] = {}
    with (root / "rules/en/sections.toml").open("rb") as file:
        for section in tomllib.load(file)["section"]:
            for phrase in section["headings"]:
                for heading in expand(phrase, {}):
                    found.setdefault(heading.lower(), section["id"])
    return found


def heading_of(line: str, known: dict[str, str]) -> tuple[str | None, str]:
    """The section that a line opens, and what is left of the line."""
    match = re.match(r"\s*([A-Za-z][A-Za-z /&-]{1,40}?)\s*(?::|$)\s*", line)
    if match and match[1].lower() in known:
        return known[match[1].lower()], line[match.end() :]
    return None, line


def sentences(text: str) -> Iterator[str]:
    """Marked text by sentences: stops inside a mark, in a number or after a short form end none."""
    masked = INLINE.sub(lambda m: "[" + re.sub(r"[.?!;]", "x", m[0][1:]), text)
    start = 0
    for match in STOP.finditer(masked):
        if not SHORT.search(masked[start : match.start()]):
            yield text[start : match.start()].strip()
            start = match.end()
    if text[start:].strip():
        yield text[start:].strip()


def lines(body: str, known: dict[str, str]) -> Iterator[str]:
    """The lines of a report, wrapped ones joined."""
    held = ""
    for line in body.split("\n"):
        fresh = (
            not line.strip() or heading_of(line, known)[0] is not None or re.match(r"\s*(\d+[.)]|[-*•]|\[.?\])\s", line)
        )
        if held and not fresh and not re.search(r"[.:;?!]\s*$", held) and len(held) > 45:
            held += " " + line.strip()
            continue
        if held:
            yield held
        held = line.rstrip()
    if held:
        yield held


def read_corpus(root: Path = ROOT) -> Iterator[Record]:
    """The mentions of the project's own reports, chest and body."""
    known = headings(root)
    for folder in ("chest", "body"):
        for path in sorted((root / "corpora" / folder / "gold").glob("*.md")):
            body = path.read_text(encoding="utf-8").split("\n---\n", 1)[1]
            section = "body"
            for line in lines(body, known):
                opened, rest = heading_of(line, known)
                if opened is None and section in BRIEF and re.match(r"\s*[A-Za-z][^:.\[]{1,40}:", line):
                    section = "findings"
                section = opened or section
                for sentence in sentences(rest):
                    yield from records(section, sentence, "corpus")


def read_rules(root: Path = ROOT) -> Iterator[Record]:
    """The marked sentences inside the rules: each says what its rule is for."""
    known = headings(root)
    seen: set[str] = set()
    for path in sorted((root / "rules/en").glob("*.toml")):
        if path.stem == "measured-compositions":
            continue  # Whether a number is too large is for the rules alone to know.
        with path.open("rb") as file:
            tables = tomllib.load(file)
        for rows in tables.values():
            for row in rows if isinstance(rows, list) else []:
                if not isinstance(row, dict):
                    continue
                for hit in row.get("hits", []) + row.get("misses", []):
                    if not isinstance(hit, str) or "](" not in hit or hit in seen:
                        continue
                    seen.add(hit)
                    section = "findings"
                    for line in hit.split("\n"):
                        opened, rest = heading_of(line, known)
                        section = opened or section
                        yield from records(section, rest, "rules")


def read_written(folder: Path = HERE / "written") -> Iterator[Record]:
    """The sentences written for training, `section | sentence` a line."""
    for path in sorted(folder.glob("*.txt")):
        for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), 1):
            if not line.strip() or line.startswith("#"):
                continue
            section, bar, marked = line.partition("|")
            if not bar:
                raise ValueError(f"{path.name}:{number}: no section; expected `section | sentence`")
            yield from records(section.strip(), marked.strip(), "written")
