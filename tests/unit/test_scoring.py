import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.analyser import Analyser
from models.records import Judgement
from monitor.scoring import in_two, judge_texts, score_lines, target_spans


@pytest.fixture(scope="module")
def judge():
    return Analyser.load()


def scored(judge, *rows, binary=False):
    complaints = []
    lines = [row if isinstance(row, bytes) else json.dumps(row).encode() for row in rows]
    found = list(score_lines(judge, lines, binary=binary, complain=complaints.append))
    return found, complaints


def test_lines_are_answered_in_their_order(judge):
    rows = [{"id": i, "text": t} for i, t in enumerate(["太好用了，推荐", "垃圾，再也不买", "嗯"])]
    found, complaints = scored(judge, *rows)
    assert [row["id"] for row in found] == [0, 1, 2]
    assert [row["label"] for row in found[:2]] == ["positive", "negative"]
    assert all(-1 <= row["score"] <= 1 and 0 <= row["confidence"] <= 1 for row in found)
    assert complaints == []


@pytest.mark.parametrize(
    "bad", [b"{", b"[]", b"5", b'{"id": 7}', b'{"id": 7, "text": 5}', b"[" * 100_000, b"\xff"]
)
def test_a_bad_line_is_answered_with_an_error_and_costs_no_other(judge, bad):
    found, complaints = scored(judge, {"id": "a", "text": "好"}, bad, {"id": "b", "text": "差"})
    assert [row["id"] for row in found if "error" not in row] == ["a", "b"]
    assert "error" in found[1]
    assert len(complaints) == 1


def test_blank_lines_are_passed_over(judge):
    assert len(scored(judge, b"", b"  ", {"id": 1, "text": "好"})[0]) == 1


def test_a_lone_surrogate_costs_no_line(judge):
    found, complaints = scored(judge, b'{"id": 1, "text": "\\ud83d\xe5\xa5\xbd"}')
    assert found[0]["id"] == 1
    assert complaints == []


def test_a_target_is_judged_for_itself(judge):
    text = "蓝海很好，非常满意，但是星途太差了，后悔"
    about = [judge_texts(judge, [(text, target)])[0].label for target in ("蓝海", "星途")]
    assert about == [1, -1]


def test_a_target_that_stands_nowhere_gets_the_whole_texts_judgement(judge):
    pairs = [("太差了，后悔买了", None), ("太差了，后悔买了", "没有的"), ("太差了，后悔买了", "")]
    first, *others = judge_texts(judge, pairs)
    assert [(o.label, o.score) for o in others] == [(first.label, first.score)] * 2


def test_a_target_is_found_in_any_script():
    assert target_spans("这个手机屏幕坏了", "螢幕") == {"target": ((4, 6),)}
    assert target_spans("什么都没有", "") == {}


def test_in_two_nothing_is_neutral(judge):
    rows = [{"id": i, "text": t} for i, t in enumerate(["今天星期三", "", "路过", "太好了"])]
    labels = {row["label"] for row in scored(judge, *rows, binary=True)[0]}
    assert labels <= {"positive", "negative"}


@given(st.floats(-1, 1) | st.just(0.0), st.sampled_from([-1, 0, 1]))
def test_in_two_takes_the_side_the_score_leans_to(score, label):
    given_ = Judgement(label, score, 0.4)
    assert in_two(given_, binary=False) is given_
    forced = in_two(given_, binary=True)
    if label or score == 0:
        assert forced is given_
    else:
        assert forced.label == (1 if score >= 0 else -1)
        assert 0.5 <= forced.confidence <= 1
