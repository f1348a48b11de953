"""What dictation and typing do to a sentence: capitals, spelling, slips, list numbers, stops left out.

Marks stay whole, and no slip touches the first three letters of a word or a word shorter than six, so that no denial
or hedge becomes another word.
"""

from __future__ import annotations

import random
import re

from grammar import OPEN

BRITISH = (
    ("edema", "oedema"),
    ("Edema", "Oedema"),
    ("hemorrhag", "haemorrhag"),
    ("hematoma", "haematoma"),
    ("hemangioma", "haemangioma"),
    ("ischemi", "ischaemi"),
    ("anemia", "anaemia"),
    ("tumor", "tumour"),
    ("visualiz", "visualis"),
    ("characteriz", "characteris"),
    ("caliber", "calibre"),
    ("center", "centre"),
    ("gray", "grey"),
    ("esophag", "oesophag"),
    ("cecum", "caecum"),
    ("fetal", "foetal"),
    ("favor", "favour"),
    ("color", "colour"),
    ("leukemia", "leukaemia"),
    ("goiter", "goitre"),
    ("celiac", "coeliac"),
    ("individualiz", "individualis"),
    ("recogniz", "recognis"),
    ("hypodense", "hypo-dense"),
    ("hydroureter", "hydro-ureter"),
)
PROTECTED = re.compile(
    r"(without|absent|absence|unlikely|likely|denies|denied|versus|negative|cannot|present|resolv|exclud|hist|evalu|status)",
    re.I,
)


def vary(text: str, rng: random.Random) -> str:
    """The sentence as someone wrote it."""
    if rng.random() < 0.2:
        for american, british in BRITISH:
            text = re.sub(rf"(?<![o]){american}", british, text)
    if rng.random() < 0.08:
        text = misspell(text, rng, 1 + (rng.random() < 0.3))
    if rng.random() < 0.03:
        text = re.sub(r"\bwithout\b", "w/o", text, count=1)
    stop = rng.random()
    if not text.endswith(("?", ".")) and stop < 0.84:
        text += "."
    dice = rng.random()
    if dice < 0.06:
        text = cased(text, str.upper)
    elif dice < 0.12:
        text = cased(text, str.lower)
    elif dice < 0.97:
        text = capital(text)
    number = rng.random()
    if number < 0.04:
        text = f"{rng.randint(1, 6)}{rng.choice(['.', ')', '.'])} {text}"
    elif number < 0.06:
        text = rng.choice(["- ", "-", "* ", "• ", "-- "]) + text
    return text


def cased(text: str, change) -> str:
    """Changes the case of all but the letters of marks."""
    return re.sub(f"{OPEN}..|[^{OPEN}]+", lambda m: m[0] if m[0].startswith(OPEN) else change(m[0]), text)


def capital(text: str) -> str:
    """Each statement begins with a capital."""
    return re.sub(
        rf"(^|(?<!vs)(?<!St)(?<! p)[.?!] |\d[.)] )({OPEN}..)?([a-z])",
        lambda m: m[1] + (m[2] or "") + m[3].upper(),
        text,
    )


def misspell(text: str, rng: random.Random, slips: int) -> str:
    """A few letters swapped, lost, doubled or changed in long words."""
    for _ in range(slips):
        words = [
            m
            for m in re.finditer(r"[A-Za-z]{6,}", text)
            if not PROTECTED.search(m[0]) and text[m.start() - 2 : m.start() - 1] != OPEN
        ]
        if not words:
            return text
        word = rng.choice(words)
        at = rng.randrange(word.start() + 3, word.end() - 1)
        kind = rng.randrange(4)
        if kind == 0:
            new = text[at + 1] + text[at]
            text = text[:at] + new + text[at + 2 :]
        elif kind == 1:
            text = text[:at] + text[at + 1 :]
        elif kind == 2:
            text = text[:at] + text[at] + text[at:]
        else:
            text = text[:at] + rng.choice("aeiourstnl") + text[at + 1 :]
    return text
