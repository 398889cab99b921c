from __future__ import annotations

from models.keywords import keywords
from models.segment import Segmenter

SEGMENTER = Segmenter()
TEXTS = [
    "充电宝突然起火了，吓人",
    "我的充电宝也起火了",
    "他们说充电宝起火是因为电芯",
    "今天的天气很好，我们去玩了",
]


def test_what_sets_the_texts_apart_comes_first():
    assert "起火" in [word for word, _ in keywords(TEXTS, SEGMENTER)][:2]


def test_everyday_words_are_no_keywords():
    everyday = ["我们觉得这个还可以", "我们觉得就是这样的", "我们觉得没有什么"]
    found = dict(keywords([*TEXTS, *everyday], SEGMENTER))
    assert found.get("我们", 0) < found["起火"]


def test_a_word_of_one_text_is_left_out_however_often_it_is_said():
    found = dict(keywords([*TEXTS, "涨价" * 9], SEGMENTER))
    assert "涨价" not in found


def test_it_returns_no_more_than_asked_for_in_falling_order():
    found = keywords(TEXTS, SEGMENTER, top=1)
    assert len(found) == 1
    scores = [z for _, z in keywords(TEXTS, SEGMENTER)]
    assert scores == sorted(scores, reverse=True)


def test_nothing_gives_nothing():
    assert keywords([], SEGMENTER) == []
