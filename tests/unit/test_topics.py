"""New complaints: words of the latest negatives that the month before explains badly."""

import math

import pytest

from monitor.evidence.distinctive import Vocabulary
from monitor.topics import LEAST_AUTHORS, LEAST_TEXTS, new_topics, surprise

USUAL = Vocabulary(400, {"客服": 120, "物流": 90, "太慢": 80, "漏液": 2})


def texts(n, *words):
    return [{"客服", *words, f"别的{i}"} for i in range(n)]


def test_a_word_that_many_suddenly_use_is_a_topic_with_those_that_come_along():
    latest = [*texts(9, "漏液", "电池"), *texts(11, "太慢")]
    (topic,) = new_topics(latest, [f"a{i}" for i in range(20)], USUAL)
    assert {topic.word, *topic.words} == {"漏液", "电池"}
    assert (topic.seen, topic.total) == (9, 20)
    assert topic.z > 4
    assert topic.texts == tuple(range(9))


def test_what_is_always_complained_of_is_no_news():
    latest = [*texts(6, "物流", "太慢"), *texts(14)]
    assert new_topics(latest, [f"a{i}" for i in range(20)], USUAL) == []


@pytest.mark.parametrize(
    ("n", "authors"),
    [
        (LEAST_TEXTS - 1, [f"a{i}" for i in range(20)]),
        (10, ["one"] * 20),
        (10, [f"a{i % (LEAST_AUTHORS - 1)}" for i in range(20)]),
    ],
)
def test_few_texts_or_few_authors_make_no_topic(n, authors):
    latest = [*texts(n, "漏液"), *texts(20 - n)]
    assert new_topics(latest, authors, USUAL) == []


def test_authors_that_are_unknown_count_as_so_many_people():
    latest = [*texts(9, "漏液"), *texts(11)]
    assert [topic.word for topic in new_topics(latest, [None] * 20, USUAL)] == ["漏液"]


def test_a_brand_without_a_past_has_no_new_topics():
    latest = [*texts(9, "漏液"), *texts(11)]
    assert new_topics(latest, [None] * 20, Vocabulary(5, {"客服": 3})) == []


def test_the_surprise_of_a_score_is_the_tail_of_the_normal_and_grows_with_it():
    assert surprise(0) == pytest.approx(-math.log10(0.5))
    assert surprise(1.959964) == pytest.approx(-math.log10(0.025), abs=1e-5)
    assert surprise(8) == pytest.approx(15.206, abs=0.02)
    steps = [surprise(z / 10) for z in range(400)]
    assert steps == sorted(steps)
