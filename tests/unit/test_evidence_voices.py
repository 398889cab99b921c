"""Who speaks, who looks coordinated and why, and who speaks against."""

from __future__ import annotations

import pytest

from monitor.domain import Traits
from monitor.evidence.quotes import listen
from monitor.evidence.voices import coordination, counter_voices, voices
from tests.rows import NOW
from tests.views import view

APPEAL = "强烈 要求 星途 立即 召回 全部 问题 车辆"


def heard(views):
    return listen(list(views), lambda texts: [text.split() for text in texts])


def author(i):
    return f"{i:032x}"


def copies(n=8, authors=8, seconds=60, **more):
    return [
        view(i, f"{APPEAL} {i}", author=author(i % authors), published_at=NOW + i * seconds, **more)
        for i in range(n)
    ]


def kinds(found):
    return [reason["kind"] for reason in found["reasons"]]


# -- who speaks ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("more", "side"),
    [
        ({"verified": True}, "media"),
        ({"kind": "article"}, "media"),
        ({"verified": True, "kind": "review"}, "media"),
        ({"kind": "review"}, "customers"),
        ({"kind": "ticket"}, "customers"),
        ({"traits": Traits(stage="purchase")}, "customers"),
        ({"traits": Traits(intents=("refund",))}, "customers"),
        ({"text": "我买的这台三天就坏"}, "customers"),
        ({"text": "围观一下"}, "others"),
        ({"text": "这牌子不行", "traits": Traits(stage="consideration")}, "others"),
    ],
)
def test_each_mention_is_of_one_side(more, side):
    told = voices(heard([view(7, **{"text": "说点什么"} | more)]))
    assert told.pop(side) == {"n": 1, "share": 1.0, "mentions": [7]}
    assert {each["n"] for each in told.values()} == {0}


def test_nobody_has_no_share():
    assert {each["share"] for each in voices([]).values()} == {None}


# -- coordination ----------------------------------------------------------------------------------


def test_one_text_by_many_in_minutes_is_suspected_with_its_reasons():
    found = coordination(heard(copies()), known=None)
    assert found["suspected"]
    assert found["reasons"] == [
        {"kind": "same_text", "n": 8, "minutes": 7, "authors": 8, "mentions": [0, 1, 2, 3, 4]},
        {"kind": "burst", "n": 8, "minutes": 10, "authors": 8, "mentions": [0, 1, 2, 3, 4]},
    ]


def test_one_text_over_a_day_is_told_but_not_suspected():
    found = coordination(heard(copies(seconds=3600)), known=None)
    assert (kinds(found), found["suspected"]) == (["same_text"], False)


def others(n=10):
    return [view(100 + i, f"别的话 {i}", author=author(100 + i)) for i in range(n)]


def seen(*numbers):
    return frozenset(("weibo", author(i)) for i in numbers)


def test_over_a_day_by_authors_never_seen_before_it_is():
    found = coordination(heard(copies(seconds=3600) + others()), seen(*range(100, 106)))
    assert (kinds(found), found["suspected"]) == (["same_text", "newcomers"], True)
    assert found["reasons"][1] == {
        "kind": "newcomers",
        "n": 8,
        "days": 30,
        "authors": 8,
        "mentions": [0, 1, 2, 3, 4],
    }
    assert (found["new"], found["authors"], found["once"]) == (12, 18, 18)


@pytest.mark.parametrize(
    ("views", "known"),
    [
        (copies(seconds=3600) + others(), seen(0, 1, *range(100, 106))),
        (copies(seconds=3600) + others(), seen()),
        (copies(seconds=3600) + others(4), seen(*range(100, 104))),
    ],
    ids=["they spoke before", "the others are as new", "too few others"],
)
def test_being_new_says_nothing_where_all_are(views, known):
    found = coordination(heard(views), known)
    assert (kinds(found), found["suspected"]) == (["same_text"], False)


@pytest.mark.parametrize(
    "views",
    [
        copies(authors=4),
        copies(kind="repost"),
        [view(i, "太差 了", author=author(i)) for i in range(20)],
        [view(i, f"{APPEAL} {i}") for i in range(20)],
        [view(i, " ".join(f"词{i}{j}" for j in range(9)), author=author(i)) for i in range(20)],
    ],
    ids=["few authors", "reposts", "short texts", "unknown authors", "different texts"],
)
def test_what_has_an_ordinary_reason_is_not_suspected(views):
    found = coordination(heard(views), known=frozenset())
    assert not found["suspected"]
    assert "same_text" not in kinds(found)


def test_one_author_who_writes_a_fifth_of_it_is_told_and_not_suspected():
    views = [view(i, f"又 坏 {i}", author=author(1)) for i in range(5)]
    views += [view(9 + i, f"别人 {i}", author=author(9 + i)) for i in range(20)]
    found = coordination(heard(views), known=None)
    assert found["reasons"] == [
        {"kind": "one_author", "n": 5, "author": "00000000", "mentions": [0, 1, 2, 3, 4]}
    ]
    assert not found["suspected"]
    one_less = coordination(heard(views[1:]), known=None)
    assert one_less["reasons"] == []


def test_authors_that_are_not_known_are_counted_as_such():
    found = coordination(heard([view(1, "甲"), view(2, "乙", author=author(2))]), known=None)
    assert (found["authors"], found["unknown"], found["new"]) == (1, 1, None)


# -- counter-voices --------------------------------------------------------------------------------


def test_those_who_defend_come_before_those_who_praise():
    others = [
        view(1, "星途挺好开的", label=1, weight=9),
        view(2, "我家的没问题，别带节奏", label=0),
        view(3, "路过", label=0),
    ]
    told = counter_voices(heard(others), positive=1, negative=3)
    assert [each["id"] for each in told["mentions"]] == [2, 1]
    assert (told["positive"], told["share"], told["defending"]) == (1, 0.25, 1)


def test_who_says_that_it_is_no_single_case_defends_nobody():
    assert counter_voices(heard([view(1, "这不是个例", label=0)]), 0, 5)["defending"] == 0


def test_without_opinions_there_is_no_share():
    assert counter_voices([], 0, 0)["share"] is None
