"""The hard sentences stay as well read as they were; see tests/hard/README.md."""

from __future__ import annotations

import pytest

from models.analyser import Analyser
from tools.hard import cases, checked


def share(half, what="label"):
    right = [hits[what] for *_, hits in checked(Analyser.load(), cases(half)) if what in hits]
    return sum(right) / len(right)


def test_each_half_is_what_its_ids_say_and_no_sentence_is_in_both():
    opened, held = ({case.id for case in cases(half)} for half in ("open", "held"))
    assert len(opened) >= 150
    assert len(held) >= 150
    assert not opened & held


@pytest.mark.parametrize(("half", "least"), [("open", 0.88), ("held", 0.58)])
def test_the_labels_of_hard_sentences_are_read_as_well_as_before(half, least):
    assert share(half) >= least


def test_risk_words_in_an_innocent_sense_are_told_from_dangers():
    assert share("both", "risk") >= 0.85
