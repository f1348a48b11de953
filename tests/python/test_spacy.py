"""The spaCy component."""

import pytest
import radlabel
import spacy
from spacy.tokens import Span

TEXT = "No pleural effusion/pneumothorax. Possible pneumonia. History of tuberculosis. Mother with lung cancer."


@pytest.fixture
def nlp():
    nlp = spacy.blank("en")
    nlp.add_pipe("radlabel")
    return nlp


def test_findings_are_spans(nlp, engine):
    doc = nlp(TEXT)
    found = {(span.label_, span._.is_negated, span._.is_uncertain, span._.is_historical, span._.is_family)
             for span in doc.spans["radlabel"]}
    assert ("pleural-effusion", True, False, False, False) in found
    assert ("pneumothorax", True, False, False, False) in found
    assert ("pneumonia", False, True, False, False) in found
    assert ("tuberculosis", False, False, True, False) in found
    assert any(label for label, *_, family in found if family)
    for span, mention in zip(doc.spans["radlabel"], engine.analyze(TEXT)["mentions"]):
        assert span._.radlabel == mention
        assert span.start_char <= mention["start"] and mention["end"] <= span.end_char
        assert span._.negex == span._.is_negated == (mention["status"] == "absent")
    assert doc._.radlabel["labels"] == engine.label(TEXT)
    assert doc.ents == ()


def test_codes_and_names():
    nlp = spacy.blank("en")
    nlp.add_pipe("radlabel", config={"label": "name", "codes": ["snomed"], "ents": True, "spans_key": "findings"})
    doc = nlp("Large pleural effusion.")
    (span,) = doc.spans["findings"]
    concept = radlabel.Engine().concept("pleural-effusion")
    assert span.label_ == concept["name"] and span.kb_id_ == concept["codes"].get("snomed", "")
    assert [ent.text for ent in doc.ents] == ["pleural effusion"]
    with pytest.raises(radlabel.Error, match='label: "x"'):
        spacy.blank("en").add_pipe("radlabel", config={"label": "x"})


def test_entities_of_others_are_judged():
    nlp = spacy.blank("en")
    ruler = nlp.add_pipe("entity_ruler")
    ruler.add_patterns([{"label": "SYNDROME", "pattern": "Kartagener syndrome"}])
    nlp.add_pipe("radlabel", config={"ents": True})
    doc = nlp("No sign of Kartagener syndrome. Possible pneumonia.")
    assert [(e.label_, e._.negex, e._.is_uncertain) for e in doc.ents] == [
        ("SYNDROME", True, False),
        ("pneumonia", False, True),
    ]
    assert doc.ents[0]._.radlabel["status"] == "absent"


def test_a_user_attribute_of_that_name_stays(nlp):
    default = Span.get_extension("is_negated")
    spacy.blank("en").add_pipe("radlabel")
    assert Span.get_extension("is_negated") == default


def test_odd_documents(nlp):
    for text in ("", " ", "\n\n", "😀 no effusion 😀", "effusioneffusion"):
        assert nlp(text).text == text


def test_pipelines_are_saved_and_sent(nlp, tmp_path):
    nlp.to_disk(tmp_path / "model")
    again = spacy.load(tmp_path / "model")
    one, two = nlp(TEXT), again(TEXT)
    assert [(s.text, s.label_, s._.radlabel) for s in one.spans["radlabel"]] == [
        (s.text, s.label_, s._.radlabel) for s in two.spans["radlabel"]
    ]
    docs = list(nlp.pipe([TEXT] * 20, n_process=2))
    assert all(d._.radlabel == one._.radlabel for d in docs)
    stored = spacy.tokens.Doc(nlp.vocab).from_bytes(one.to_bytes())
    assert [s._.is_negated for s in stored.spans["radlabel"]] == [s._.is_negated for s in one.spans["radlabel"]]
    assert stored.spans["radlabel"][0]._.radlabel == one.spans["radlabel"][0]._.radlabel
