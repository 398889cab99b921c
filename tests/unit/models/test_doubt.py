from __future__ import annotations

import numpy as np
import pytest

from models.doubt import STRONG, UNSURE, both_ways, reasons
from models.features import BITS, grams
from models.segment import Segmenter

SEGMENTER = Segmenter()


def told(*texts):
    """How strongly each text speaks both ways, where 好 weighs 5 and 差 weighs -5."""
    weights = np.zeros(1 << BITS, np.float32)
    for char, weight in (("好", 5), ("差", -5)):
        weights[grams([char], [[char]]).bucket] = weight
    return both_ways(texts, grams(texts, SEGMENTER.cut_all(texts)), weights).tolist()


def test_what_is_sure_and_of_one_mind_needs_no_look():
    assert reasons(np.array([0.95]), np.array([0.0])) == [None]


def test_what_is_less_sure_than_the_cut_is_unsure():
    close = np.array([UNSURE - 1e-6, UNSURE])
    assert reasons(close, np.zeros(2)) == ["unsure", None]


def test_strong_words_both_ways_are_mixed_even_where_it_is_unsure():
    assert reasons(np.array([0.9, 0.3]), np.array([STRONG, STRONG])) == ["mixed", "mixed"]


def test_clauses_against_each_other_speak_both_ways():
    assert told("屏幕好，电池差")[0] > 1


@pytest.mark.parametrize("text", ["屏幕好，电池好", "屏幕差，电池差", "屏幕", "，，", ""])
def test_clauses_of_one_mind_do_not(text):
    assert told(text) == [0]


def test_the_weaker_side_decides():
    assert told("好，差")[0] > told("好，一点点小小的差")[0] > 0


def test_texts_of_a_batch_do_not_mix():
    assert told("好", "差", "", "好，差")[:3] == [0, 0, 0]
    assert told("好", "差", "", "好，差")[3] == pytest.approx(told("好，差")[0])
