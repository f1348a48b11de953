"""The words of generated sentences: findings, devices, parts and descriptors.

Names come from three sources, so that a model learns a status from what stands around a finding and not from the
finding: names that reports use most (`frames/nouns.toml`), the project's lexicon, and names put together or made up.
"""

from __future__ import annotations

import random
import re
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

from grammar import MANY, MASS, ONE, mark
from sources import ROOT, expand

CUE = re.compile(
    r"\b(no|not|non|nonspecific|without|absent|absence|loss|lack|missing|possible|probable|suspected|prior|previous|old|history|"
    r"status|post|negative|normal|variant|clear|free|removed|unlikely|likely|rule|if|or|and|versus|resolved|resolution|borderline|"
    r"suspicious|questionable|unchanged|stable|new|evidence|family|risk|screening|exam|unremarkable|limited|limitation|with|in|of|"
    r"the|patent|intact|preserved|missed|failure to|question|incomplete|apparent|potential|increased|decreased)\b"
)
"""Words that would give a finding's own name a status, or break its noun phrase."""

MASSES = re.compile(
    r"(edema|oedema|itis|osis|ia|ism|ation|asis|ema|ascites|fluid|air|gas|disease|thickening|change|congestion|stranding|enhancement|"
    r"hypertrophy|opathy|atrophy|swelling|narrowing|dilatation|dilation|widening|rrhage|infection|malignancy|inflammation|copd|chf|"
    r"diffusion|uptake|effect|ileus|debris|sludge|failure|dvt|ischemia|fullness|prominence|scarring|shift|collapse|lymphadenopathy|"
    r"adenopathy|cardiomegaly|megaly|hydronephrosis|plugging|ectasia|enlargement|hernia?tion|opacification|malalignment|tension|flow|lysis|plasia)$"
)
COUNTED = re.compile(
    r"(metastasis|hernia|calcification|dislocation|subluxation|malformation|collection|laceration|contusion|mass|consolidation)$"
)

OPERATION = re.compile(
    r"(ectomy|otomy|ostomy|plasty|surgery|operation|procedure|bypass|reconstruction|fusion|ablation|repair)s?$"
)

PLURALS = {
    "metastasis": "metastases",
    "thrombus": "thrombi",
    "embolus": "emboli",
    "diverticulum": "diverticula",
    "focus": "foci",
}


def number_of(term: str) -> str:
    """Whether a name is a mass noun, one thing or many; by its ending, so at times wrong, as authors are."""
    last = term.split(" ")[-1].lower()
    if (
        last.endswith("s")
        and not last.endswith(("ss", "is", "us", "as", "es"))
        or last in ("metastases", "varices", "calculi", "emboli", "foci")
    ):
        return MANY
    if (
        last.endswith("ces")
        or last.endswith("ies")
        or last.endswith("res")
        or last.endswith("nes")
        or last.endswith("ges")
    ):
        return MANY
    if COUNTED.search(last):
        return ONE
    return MASS if MASSES.search(last) else ONE


def plural_of(term: str) -> str:
    """The plural of a name for one thing, or the name itself."""
    if number_of(term) != ONE or not term[-1:].isalpha() or term[-1:].isupper():
        return term
    start, _, last = term.rpartition(" ")
    if last in PLURALS:
        last = PLURALS[last]
    elif last.endswith(("s", "x", "sh", "ch", "z")):
        last = last[:-2] + "es" if last.endswith("is") else last + "es"
    elif last.endswith("y") and last[-2:-1] not in "aeiou":
        last = last[:-1] + "ies"
    else:
        last += "s"
    return f"{start} {last}".strip()


@dataclass
class Concept:
    """A row of a lexicon file."""

    id: str
    parents: list[str]
    terms: list[str]


@dataclass
class Composition:
    """A part and a descriptor that mean a finding together."""

    parts: list[str]
    descriptors: list[str]
    status: str


@dataclass
class Words:
    """Everything read once."""

    findings: dict[str, list[str]] = field(default_factory=dict)
    devices: list[str] = field(default_factory=list)
    places: dict[str, list[str]] = field(default_factory=dict)
    nouns: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    compositions: list[Composition] = field(default_factory=list)
    cues: dict[str, list[list[str]]] = field(default_factory=dict)


PLACES = {
    "abdomen": "abdomen",
    "chest": "chest",
    "general": "general",
    "head-neck": "head-neck",
    "limb": "musculoskeletal",
    "pelvis": "pelvis-obstetric",
    "spine": "musculoskeletal",
    "vascular": "cardiovascular",
}
"""The domain of findings that stand in the parts of each anatomy file."""

ADJECTIVE = re.compile(
    r"^(normal|clear|unremarkable|within normal limits|sharp|intact|homogeneous|patent|midline|in the midline|"
    r"small|narrow|normal in appearance|of normal caliber|grossly clear|borderline|borderline in size|symmetric|"
    r"preserved|[a-z]+ed|torn|swollen|broken|prominent|tortuous|ectatic|atrophic|heterogeneous|irregular|stenotic|edematous|shrunken|bulky|wide|absent)$"
)
"""Descriptors that may follow `is`; nouns among them may not."""


CHANGED = re.compile(
    r"^(?!absent|removed|resected|nonenlarged|reduced|increased|decreased|preserved|maintained)"
    r"([a-z]+ed|torn|swollen|tortuous|ectatic|atrophic|stenotic|edematous)$"
)
"""Descriptors whose denial is the denial of the finding."""

PART = re.compile(r"[a-z0-9 -]+(?<!al)(?<!ar)(?<!ic)(?<!ous)(?<!ary)(?<!oid)(?<!plexus)(?<!ve)(?<!or)")
"""Names of parts, without those that are adjectives."""


def rows(path: Path) -> list[Concept]:
    """The concepts of a lexicon file."""
    found: list[Concept] = []
    names: list[str] = []
    for line in path.read_text(encoding="utf-8").split("\n"):
        if not line or line.startswith("#"):
            continue
        cells = line.split("\t")
        if not names:
            names = cells
            continue
        row = dict(zip(names, cells, strict=False))
        terms = [term.strip() for term in row["terms"].split("|") if term.strip()]
        found.append(Concept(row["id"], [p.strip() for p in row.get("parents", "").split(",") if p.strip()], terms))
    return found


def read(root: Path, frames: Path) -> Words:
    """Lexicon, compositions and the nouns of the frames."""
    words = Words()
    with (frames / "nouns.toml").open("rb") as file:
        words.nouns = {
            table: {key: [word.strip() for word in text.split(",")] for key, text in values.items()}
            for table, values in tomllib.load(file).items()
        }
    parts: dict[str, list[str]] = {}
    descriptors: dict[str, list[str]] = {}
    for path in sorted((root / "lexicons/en").glob("*.tsv")):
        domain, _, kind = path.stem.rpartition("-")
        concepts = rows(path)
        usable = [t for c in concepts for t in c.terms if not CUE.search(t) and 3 < len(t) < 45]
        if kind == "findings":
            words.findings[domain] = usable
        elif kind == "devices":
            words.devices += usable
        elif kind == "anatomy":
            words.places.setdefault(PLACES[domain], []).extend(t for t in usable if PART.fullmatch(t))
            parts.update((c.id, c.terms) for c in concepts)
        else:
            descriptors.update((c.id, c.terms) for c in concepts)
    for path in sorted((root / "rules/en").glob("*compositions.toml")):
        with path.open("rb") as file:
            for row in tomllib.load(file)["composition"]:
                part = [
                    t
                    for a in row.get("anatomy", [])
                    for t in parts.get(a, [])[:6]
                    if not CUE.search(t) and PART.fullmatch(t)
                ]
                said = [t for d in row.get("descriptor", []) for t in descriptors.get(d, []) if ADJECTIVE.match(t)]
                if part and said and row.get("status") in ("present", "absent", "uncertain"):
                    words.compositions.append(Composition(part, said, row["status"]))
    with (frames / "cues.toml").open("rb") as file:
        words.cues = {name: cues(root, **where) for name, where in tomllib.load(file).items()}
    return words


def cues(root: Path, file: str, rule: str, fits: str) -> list[list[str]]:
    """The wordings of a rule that fit, by phrase: a phrase of many wordings must not drown the others."""
    with (root / f"rules/en/{file}.toml").open("rb") as stream:
        table = tomllib.load(stream)
    row = next(row for row in table["cue"] if row["id"] == rule)
    found = [[w for w in expand(phrase, table.get("sets", {})) if re.search(fits, w)] for phrase in row["phrases"]]
    found = [wordings for wordings in found if wordings]
    if not found:
        raise ValueError(f"rules/en/{file}.toml: no wording of {rule} fits {fits}")
    return found


class Speaker:
    """Gives the mentions of one sentence: all from one domain, no name twice."""

    def __init__(self, words: Words, domain: str, compositions: dict[str, list[Composition]]) -> None:
        self.words, self.domain, self.compositions = words, domain, compositions
        self.turning = compositions["turning"]
        self.used: set[str] = set()

    def mention(self, kind: str, rng: random.Random) -> str | None:
        """The terminals of the grammar; see `frames/parts.toml`."""
        if kind == "anat":
            return self.place(rng)
        if kind in self.words.cues:
            return rng.choice(rng.choice(self.words.cues[kind]))
        if kind in ("p", "a", "u", "h", "y"):
            return self.marked(kind, self.finding(rng, kind), rng)
        if kind in ("pp", "ap", "up"):
            term = self.finding(rng, kind[0])
            for _ in range(8):
                if number_of(term) != MASS:
                    break
                term = self.finding(rng, kind[0])
            else:
                term = "nodule"
            many = plural_of(term)
            return mark(kind[0].upper(), MANY, many)
        if kind == "a1":
            term = self.finding(rng, "a")
            return mark("A", ONE, term)
        if kind in ("pj", "aj", "uj"):
            return mark(kind[0].upper(), MASS, self.fresh(rng, self.words.nouns["adjective"]["all"]))
        if kind in ("pd", "ad"):
            names = self.words.nouns["device"]["all"] if rng.random() < 0.7 else self.words.devices
            return mark(kind[0].upper(), ONE, self.fresh(rng, names))
        if kind == "op":
            return mark("H", MASS, self.fresh(rng, self.words.nouns["past"]["operations"]))
        if kind == "hd":
            return mark("H", MASS, self.fresh(rng, self.words.nouns["past"]["diseases"]))
        if kind == "comp":
            return self.turned(rng, "absent") if rng.random() < 0.25 else self.composed(rng, "absent")
        if kind == "compp":
            return self.composed(rng, "present")
        if kind == "compu":
            return self.turned(rng, "uncertain") if rng.random() < 0.7 else self.composed(rng, "uncertain")
        return None

    def marked(self, kind: str, term: str, rng: random.Random) -> str:
        """A name under its mark, now and then in the plural."""
        number = number_of(term)
        if number == ONE and kind in "auy" and rng.random() < 0.1:
            term, number = plural_of(term), MANY
        return mark(kind.upper(), number, term)

    def fresh(self, rng: random.Random, names: list[str]) -> str:
        """One of the names, as a rule one that the sentence has not used."""
        for _ in range(4):
            name = rng.choice(names)
            if name.lower() not in self.used:
                break
        self.used.add(name.lower())
        return name

    def finding(self, rng: random.Random, kind: str) -> str:
        """The name of a finding."""
        dice = rng.random()
        nouns = self.words.nouns
        if kind == "h" and dice < 0.55:
            return self.fresh(rng, nouns["past"]["diseases"])
        if dice < 0.46:
            return self.fresh(rng, nouns["finding"][self.domain])
        if dice < 0.80:
            term = self.fresh(rng, self.words.findings[self.domain])
            while kind == "p" and OPERATION.search(term):
                # "due to lobectomy" tells of the past, whatever the frame says.
                term = self.fresh(rng, self.words.findings[self.domain])
            return term
        if dice < 0.84 and kind in "pa":
            return self.fresh(rng, nouns["device"]["all"])
        if dice < 0.90:
            return self.fresh(rng, [made_up(rng, nouns["made"])])
        return self.fresh(rng, [f"{self.place(rng)} {rng.choice(nouns['made']['noun'])}"])

    def place(self, rng: random.Random) -> str:
        """A part of the body."""
        names = self.words.nouns["place"][self.domain]
        lexicon = self.words.places.get(self.domain)
        return rng.choice(lexicon if lexicon and rng.random() < 0.25 else names)

    def turned(self, rng: random.Random, status: str) -> str:
        """A part with a descriptor that means a finding, denied or hedged: `the heart is not enlarged`."""
        row = rng.choice(self.turning)
        part, said = rng.choice(row.parts), rng.choice(row.descriptors)
        many = re.search(r"(?<!s)(?<!u)(?<!i)s$", part)
        if status == "absent":
            verb = rng.choice(
                [
                    "is not",
                    "is not",
                    "does not appear",
                    "is no longer",
                    "is not significantly",
                    "is not abnormally",
                    "isn't",
                ]
            )
            if many:
                verb = {"does not appear": "do not appear", "isn't": "aren't"}.get(verb, verb.replace("is ", "are "))
        else:
            verb = rng.choice(
                [
                    "may be",
                    "might be",
                    "could be",
                    "is probably",
                    "is possibly",
                    "is questionably",
                    "may be slightly",
                    "is likely",
                ]
            )
            if many:
                verb = verb.replace("is ", "are ")
        letter = status[0].upper()
        if rng.random() < 0.6:
            return "the " + mark(letter, MASS, f"{part} {verb} {said}")
        return f"the {part} {verb} {mark(letter, MASS, said)}"

    def composed(self, rng: random.Random, status: str) -> str:
        """A clause of a part and a descriptor, its mark over all of it or over its part."""
        row = rng.choice(self.compositions[status])
        part, said = rng.choice(row.parts), rng.choice(row.descriptors)
        letter = status[0].upper()
        plain_plural = re.search(r"(?<!s)(?<!u)(?<!i)s$", part)
        verb = rng.choice(["are", "appear", "remain"] if plain_plural else ["is", "appears", "remains"])
        adverb = (
            rng.choice(["", "", "", "", "grossly ", "otherwise ", "within the limits of the study "])
            if status == "absent"
            else ""
        )
        article = rng.choice(["the ", "the ", "the ", "", "both " if plain_plural else "the "])
        if status == "absent" and re.match(r"(grossly|otherwise|within|of|in)\b", said):
            adverb = ""
        dice = rng.random()
        whole = f"{part} {verb} {adverb}{said}"
        if dice < 0.55:
            return article + mark(letter, MASS, whole)
        if dice < 0.75:
            return f"{article}{mark(letter, MASS, part)} {verb} {adverb}{said}"
        if dice < 0.85:
            return mark(letter, MASS, f"{part}: {said}")
        if dice < 0.93 and " " not in said:
            return mark(letter, MASS, f"{said} {part}")
        return mark(letter, MASS, f"{part} {said}")


def made_up(rng: random.Random, made: dict[str, list[str]]) -> str:
    """A name that no lexicon knows."""
    suffix = rng.choice(made["suffix"])
    prefix = rng.choice(made["prefix"]) if rng.random() < 0.5 else ""
    return prefix + rng.choice(made["stem"]) + suffix


class Lexicon:
    """Words by domain; hands out a speaker for each sentence."""

    def __init__(self, frames: Path, root: Path = ROOT) -> None:
        self.words = read(root, frames)
        self.domains = [domain for domain in self.words.nouns["finding"] if domain in self.words.findings]
        self.compositions = {
            status: [row for row in self.words.compositions if row.status == status]
            for status in ("present", "absent", "uncertain")
        }
        changed = [
            (row.parts, [d for d in row.descriptors if CHANGED.match(d)]) for row in self.compositions["present"]
        ]
        self.compositions["turning"] = [Composition(parts, said, "present") for parts, said in changed if said]

    def speaker(self, rng: random.Random) -> Speaker:
        """A speaker of a domain; chest, where most reports are, speaks more often."""
        domain = "chest" if rng.random() < 0.22 else rng.choice(self.domains)
        return Speaker(self.words, domain, self.compositions)
