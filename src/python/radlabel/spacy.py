"""radlabel in a spaCy pipeline.

``nlp.add_pipe("radlabel")`` puts every finding into ``doc.spans["radlabel"]`` and judges the entities that stand in
``doc.ents`` already. Spans and entities get the attributes that medspaCy and negspaCy give (``span._.is_negated``,
``is_uncertain``, ``is_historical``, ``is_hypothetical``, ``is_family``; ``span._.negex``), so that a pipeline built for
one of them keeps working with this in its place.

>>> import spacy
>>> nlp = spacy.blank("en")
>>> _ = nlp.add_pipe("radlabel")
>>> doc = nlp("No pleural effusion. Possible pneumonia.")
>>> [(span.text, span.label_, span._.is_negated, span._.is_uncertain) for span in doc.spans["radlabel"]]
[('pleural effusion', 'pleural-effusion', True, False), ('pneumonia', 'pneumonia', False, True)]
>>> doc._.radlabel["labels"]
{'Pneumonia': 'uncertain', 'Pleural Effusion': 'absent'}

``nlp.add_pipe("radlabel", config={"refine": True})`` asks a small model about mentions and entities that the rules are
in doubt of; the other settings of the engine are given in the same way.
"""

from typing import List, Optional, Union

from spacy.language import Language
from spacy.tokens import Doc, Span
from spacy.util import filter_spans

from ._radlabel import Engine, Error

#: Of what is said of a mention, what each attribute tells.
ATTRIBUTES = {
    "is_negated": ("status", "absent"),
    "is_uncertain": ("status", "uncertain"),
    "is_historical": ("time", "historical"),
    "is_hypothetical": ("time", "hypothetical"),
    "is_family": ("subject", "family"),
    "negex": ("status", "absent"),
}


def _key(span: Span) -> tuple:
    # Two findings may have the same words: only with the label are they two.
    return ("radlabel", span.start_char, span.end_char, span.label_)


def _extend() -> None:
    """Registers the attributes; what another component registered before stays as it is."""
    if not Doc.has_extension("radlabel"):
        Doc.set_extension("radlabel", default=None)
    if not Span.has_extension("radlabel"):
        Span.set_extension("radlabel", getter=lambda span: span.doc.user_data.get(_key(span)))
    for name in ATTRIBUTES:
        if not Span.has_extension(name):
            Span.set_extension(name, default=False)


@Language.factory(
    "radlabel",
    assigns=["doc.spans", "doc._.radlabel", "span._.radlabel", *(f"span._.{name}" for name in ATTRIBUTES)],
    default_config={
        "lexicons": None,
        "rules": None,
        "schemes": "chexpert",
        "policy": "keep",
        "refine": False,
        "refine_below": None,
        "refine_all": False,
        "model": None,
        "runtime": None,
        "spans_key": "radlabel",
        "ents": False,
        "judge_ents": True,
        "label": "id",
        "codes": ["radlex", "snomed"],
    },
)
def make(
    nlp: Language,
    name: str,
    lexicons: Optional[str],
    rules: Optional[str],
    schemes: Union[str, List[str]],
    policy: str,
    refine: bool,
    refine_below: Optional[float],
    refine_all: bool,
    model: Optional[str],
    runtime: Optional[str],
    spans_key: str,
    ents: bool,
    judge_ents: bool,
    label: str,
    codes: List[str],
) -> "RadLabel":
    """The component. ``lexicons`` to ``runtime`` are the settings of :class:`radlabel.Engine`. ``ents`` adds the
    findings to ``doc.ents`` where they overlap no entity; ``judge_ents`` judges the entities that other components
    found; ``label`` is ``"id"`` or ``"name"``: what of the concept becomes ``span.label_``; ``codes`` are the systems
    of which the first that has a code gives ``span.kb_id_``."""
    engine = Engine(
        lexicons,
        rules,
        schemes,
        policy,
        refine=refine,
        refine_below=refine_below,
        refine_all=refine_all,
        model=model,
        runtime=runtime,
    )
    return RadLabel(engine, spans_key=spans_key, ents=ents, judge_ents=judge_ents, label=label, codes=codes)


class RadLabel:
    """Findings of a document, as spans with what is said of them."""

    def __init__(
        self,
        engine: Engine,
        *,
        spans_key: str = "radlabel",
        ents: bool = False,
        judge_ents: bool = True,
        label: str = "id",
        codes: Optional[List[str]] = None,
    ):
        if label not in ("id", "name"):
            raise Error(f'label: "{label}"; expected id or name')
        self.engine = engine
        self.spans_key = spans_key
        self.ents = ents
        self.judge_ents = judge_ents
        self.label = label
        self.codes = ["radlex", "snomed"] if codes is None else list(codes)
        self._concepts = {}
        _extend()

    def __call__(self, doc: Doc) -> Doc:
        if self.judge_ents and doc.ents:
            asked = [(ent.start_char, ent.end_char) for ent in doc.ents]
            for ent, said in zip(doc.ents, self.engine.assert_spans(doc.text, asked)):
                self._say(ent, said)
        found = self.engine.analyze(doc.text)
        spans = []
        for mention in found["mentions"]:
            name, code = self._concept(mention["concept"])
            # A finding may end within a token ("effusion/atelectasis"): the span takes the whole token.
            span = doc.char_span(
                mention["start"], mention["end"], label=name, kb_id=code, alignment_mode="expand"
            )
            if span is not None:
                spans.append(span)
                self._say(span, mention)
        doc.spans[self.spans_key] = spans
        doc._.radlabel = {"labels": found["labels"], "notes": found["notes"]}
        if self.ents:
            taken = {i for ent in doc.ents for i in range(ent.start, ent.end)}
            free = [span for span in filter_spans(spans) if taken.isdisjoint(range(span.start, span.end))]
            doc.ents = [*doc.ents, *free]
        return doc

    def _concept(self, id: str) -> tuple:
        if id not in self._concepts:
            concept = self.engine.concept(id)
            code = next((concept["codes"][system] for system in self.codes if system in concept["codes"]), "")
            self._concepts[id] = (concept[self.label], code)
        return self._concepts[id]

    @staticmethod
    def _say(span: Span, said: dict) -> None:
        span.doc.user_data[_key(span)] = said
        for name, (member, value) in ATTRIBUTES.items():
            span._.set(name, said[member] == value)
