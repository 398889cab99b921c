"""When and where it began, and how it spread."""

from __future__ import annotations

import pytest

from monitor.domain import Engagement
from monitor.evidence.quotes import listen
from monitor.evidence.spread import AUTHORS, doubling_minutes, origin, spread
from monitor.store.views import Cluster
from tests.rows import NOW
from tests.views import view

START = NOW - 7200


def told(*views, firsts=(), negatives=(), by_platform=None):
    said = listen(views, lambda texts: [text.split() for text in texts])
    return spread(said, firsts, negatives, by_platform or {})


def test_it_began_with_the_first_negative_of_the_window():
    firsts = [view(4, platform="xhs", published_at=NOW - 5000), view(9, published_at=NOW - 4000)]
    told = origin(firsts, [], START)
    assert (told["at"], told["platform"], told["mentions"]) == (NOW - 5000, "xhs", [4])
    assert told["clusters"] == []


def test_the_heaviest_text_may_have_begun_long_before():
    old = view(2, "旧帖又被翻出来", platform="zhihu", published_at=NOW - 9 * 86400)
    new = view(3, "今天的新帖")
    told = origin([new], [Cluster(40, 31, old), Cluster(3, 3, new)], START)
    first, second = told["clusters"]
    assert first == {
        "at": NOW - 9 * 86400,
        "platform": "zhihu",
        "before_window": True,
        "n": 40,
        "authors": 31,
        "text": "旧帖又被翻出来",
        "mentions": [2],
    }
    assert not second["before_window"]


def test_where_nothing_is_known_no_beginning_is_told():
    assert origin([], [], START) is None


def test_platforms_come_in_the_order_in_which_it_reached_them():
    firsts = [view(1, platform="xhs", published_at=NOW - 3600)]
    firsts += [view(2, platform="weibo", published_at=NOW - 1830)]
    told_now = told(firsts=firsts, by_platform={"weibo": 12, "xhs": 3})
    assert told_now["platforms"] == [
        {"platform": "xhs", "at": NOW - 3600, "minutes": 0, "negative": 3, "mentions": [1]},
        {"platform": "weibo", "at": NOW - 1830, "minutes": 29, "negative": 12, "mentions": [2]},
    ]
    assert told_now["hours"] == pytest.approx(0.49)


def test_hours_reach_from_the_first_to_the_last():
    times = (NOW - 9000, NOW - 4000, NOW)
    assert told(*(view(i, f"{i}", published_at=at) for i, at in enumerate(times)))["hours"] == 2.5


def test_nobody_spreads_nothing():
    empty = told()
    assert (empty["hours"], empty["doubling_minutes"]) == (0.0, None)
    assert (empty["platforms"], empty["authors"], empty["bins"]) == ([], [], [])


def test_amplification_counts_reposts_of_originals_and_copies():
    told_now = told(
        view(1, "甲", engagement=Engagement(reposts=30)),
        view(2, "甲", engagement=Engagement(reposts=50)),
        view(3, "乙", kind="comment", engagement=Engagement(reposts=7)),
        view(4, "丙", kind="repost"),
        view(5, "丁"),
    )["amplification"]
    assert told_now == {
        "reposts": 80,
        "originals": 2,
        "repost_mentions": 1,
        "copies": 1,
        "mentions": [2],
    }


def test_the_widest_heard_authors_are_named_by_a_short_pseudonym():
    views = [
        view(i, f"{i}", author=f"{i:032x}"[::-1], followers=i * 1000) for i in range(1, AUTHORS + 3)
    ]
    views += [view(50, "五十", author="f" * 32, followers=10**6, verified=True)]
    views += [view(51, "五一", author="f" * 32, followers=None), view(52, "无名")]
    first, *rest = told(*views)["authors"]
    assert first == {
        "author": "f" * 8,
        "platform": "weibo",
        "followers": 10**6,
        "verified": True,
        "n": 2,
        "mentions": [50, 51],
    }
    assert len(rest) == AUTHORS - 1
    assert [author["followers"] for author in rest] == [7000, 6000, 5000, 4000]


@pytest.mark.parametrize(
    ("negatives", "minutes"),
    [
        ([], None),
        ([5], None),
        ([4, 4], None),
        ([4, 1], None),
        ([0, 0, 1, 1], 5),
        ([1, 1, 1, 2, 2, 2], 15),
        ([2, 0, 1, 3], 10),
    ],
)
def test_the_doubling_time_is_that_between_the_halves(negatives, minutes):
    assert doubling_minutes(negatives) == minutes
    assert told(negatives=negatives)["doubling_minutes"] == minutes
