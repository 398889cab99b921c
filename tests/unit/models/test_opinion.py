from __future__ import annotations

import numpy as np
import pytest

from models.analyser import Analyser
from models.corpus import Row
from models.platforms import ELSEWHERE, OPINION, opinion_shifts
from models.train import _by_voice, _heard

ANALYSER = Analyser.load()
FAINT = ["已经收到货", "到货了，还没拆", "换了新包装"]


def row(source, label, text="字"):
    return Row(source, "social", "train", label, text)


def test_a_middling_review_does_not_teach_what_silence_is():
    silent, middling = row("smp_virus", 0), row("zhang_restaurant", 0)
    own, said = row("expressions", 0), row("zhang_restaurant", -1)
    assert _heard([silent, middling, own, said]) == [silent, own, said]


def test_opinion_and_none_weigh_the_same_where_both_are_labelled():
    rows = [row("smp_virus", 1)] * 6 + [row("smp_virus", 0)] * 2 + [row("waimai", 1)] * 4
    weight = _by_voice(rows, 0.01)
    assert weight[:6].sum() == pytest.approx(weight[6:8].sum())
    assert weight[8:].sum() == pytest.approx(0.01 * weight[:6].sum())


def test_shops_are_heard_to_have_an_opinion_more_readily_than_streams():
    shop, none, stream = opinion_shifts(["jd", "", "weibo"])
    assert shop > none == ELSEWHERE > stream


def test_an_unknown_platform_is_as_none():
    assert opinion_shifts(["某论坛"]).tolist() == [ELSEWHERE]
    assert opinion_shifts([]).tolist() == []


@pytest.mark.parametrize("platform", sorted(OPINION))
def test_the_platform_moves_opinion_and_not_the_side(platform):
    for plain, moved in zip(
        ANALYSER.judge(FAINT), ANALYSER.judge(FAINT, platforms=[platform] * 3), strict=True
    ):
        louder = OPINION[platform] > ELSEWHERE
        assert (abs(moved.score) > abs(plain.score)) == louder
        assert np.sign(moved.score) == np.sign(plain.score)


def test_a_platform_counts_in_readings_as_in_judgements():
    platforms = ["jd", "weibo", "某论坛"]
    readings = ANALYSER.read(FAINT, platforms=platforms)
    assert [r.document for r in readings] == ANALYSER.judge(FAINT, platforms=platforms)


def test_two_classes_have_no_platform():
    assert ANALYSER.judge(FAINT, binary=True) == ANALYSER.judge(
        FAINT, platforms=["jd"] * 3, binary=True
    )
