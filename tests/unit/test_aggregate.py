import math
import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.aggregate import (
    LEVELS,
    SUMS,
    ZERO,
    Deltas,
    Facts,
    add,
    bucket_of,
    contribution,
    copy_factor,
    engagement_of,
    spans_of,
    subtract,
    total,
)
from monitor.domain import ENGAGEMENT_KEYS, Engagement

times = st.integers(0, 10**6)
DAY = 86400


@pytest.mark.parametrize(
    ("platform", "counted"),
    [
        ("weibo", "comments likes reposts"),
        ("douyin", "comments likes reposts"),
        ("kuaishou", "comments likes reposts"),
        ("xhs", "comments likes favourites reposts"),
        ("bilibili", "danmaku comments likes coins favourites reposts"),
        ("wechat", "likes wow comments reposts"),
        ("zhihu", "likes comments favourites"),
        ("tieba", "likes comments reposts"),
    ],
)
def test_each_platform_counts_its_own_interactions(platform, counted):
    values = {key: 10**i for i, key in enumerate(ENGAGEMENT_KEYS)}
    expected = sum(values[key] for key in counted.split())
    assert engagement_of(platform, Engagement(**values)) == expected


def test_unknown_counters_are_left_out_and_none_known_is_unknown():
    assert engagement_of("weibo", Engagement(likes=2)) == 2
    assert engagement_of("weibo", Engagement(likes=0)) == 0
    assert engagement_of("weibo", Engagement(views=5, coins=5)) is None


@given(st.integers(1, 500))
def test_so_many_copies_weigh_as_much_as_one_and_their_logarithm(n):
    assert sum(map(copy_factor, range(1, n + 1))) == pytest.approx(1 + math.log(n))


@given(times, times)
def test_spans_cover_a_window_once_in_whole_buckets(a, b):
    start, end = sorted((a, b))
    covered = Counter()
    for level, first, last in spans_of(start, end):
        assert level in LEVELS
        assert first % level == last % level == 0
        assert first < last
        for bucket in range(first, last, 300):
            covered[bucket] += 1
    expected = range(bucket_of(start, 300), -bucket_of(-end, 300), 300) if start < end else ()
    # An empty window that cuts a bucket is still rounded out to it.
    if start < end:
        assert covered == Counter(expected)


def test_a_long_window_is_few_spans():
    assert len(spans_of(300, 400 * DAY + 4500)) <= 5


@given(st.lists(st.tuples(times, st.integers(-1, 1), st.floats(0.1, 1)), max_size=30))
def test_all_levels_hold_the_same_totals(given_facts):
    deltas = Deltas()
    rows = []
    for at, label, confidence in given_facts:
        sums = contribution(Facts("weibo", "post", label, confidence, 1, Engagement(likes=at % 7)))
        deltas.add("b", "weibo", at, sums)
        deltas.facet("b", "weibo", at, "risk", "fire", label)
        rows.append(sums)
    for level in LEVELS:
        held = [row for row in deltas.rollups() if row[1] == level]
        assert all(bucket % level == 0 for _, _, bucket, _, *_ in held)
        assert total(tuple(row[4:]) for row in held) == pytest.approx(total(rows))
        assert sum(row[-1] for row in deltas.facets() if row[1] == level) == len(rows)
    first = min((bucket_of(at, 300) for at, _, _ in given_facts), default=None)
    assert deltas.earliest() == ({} if first is None else {"b": first})


def test_what_is_added_and_taken_away_again_leaves_no_row():
    deltas = Deltas()
    sums = contribution(Facts("weibo", "post", -1, 0.7, 1, Engagement(likes=3)))
    deltas.add("b", "weibo", 0, sums)
    deltas.add("b", "weibo", 0, subtract(ZERO, sums))
    deltas.facet("b", "weibo", 0, "intent", "recommend", 1)
    deltas.facet("b", "weibo", 0, "intent", "recommend", 1, -1)
    assert list(deltas.rollups()) == list(deltas.facets()) == []


def test_a_mention_adds_what_is_known_of_it_and_nothing_else():
    c = Engagement(likes=10, comments=5, reposts=2, views=1000)
    facts = Facts("weibo", "post", 1, 0.8, 2, c, new_followers=70)
    found = dict(zip(SUMS, contribution(facts), strict=True))
    w = 0.8 * math.log(2) * math.log(math.e + 17)
    assert found == pytest.approx(
        {
            "volume": 1,
            "pos": 1,
            "neg": 0,
            "neu": 0,
            "unique_texts": 0,
            "w_pos": w,
            "w_neg": 0,
            "v_pos": w * w,
            "v_neg": 0,
            "heat": math.log(math.e + 17),
            "engagement": 17,
            "engagement_n": 1,
            "views": 1000,
            "views_n": 1,
            "engagement_viewed": 17,
            "engagement_viewed_n": 1,
            "engagement_views": 1000,
            "originals": 1,
            "reposts": 2,
            "reposts_n": 1,
            "reposts_viewed": 2,
            "reposts_viewed_n": 1,
            "reposts_views": 1000,
            "reach_estimated": 70,
        }
    )


@pytest.mark.parametrize(("kind", "original"), [("review", 1), ("video", 1), ("comment", 0)])
def test_only_originals_are_amplified(kind, original):
    facts = Facts("weibo", kind, 0, 0.5, 1, Engagement(reposts=4))
    found = dict(zip(SUMS, contribution(facts), strict=True))
    assert (found["originals"], found["reposts"]) == (original, 4 * original)


def test_sums_add_in_any_order():
    chance = random.Random(1)
    rows = [tuple(chance.random() for _ in SUMS) for _ in range(5)]
    assert total(rows) == pytest.approx(total(rows[::-1]))
    assert subtract(add(rows[0], rows[1]), rows[1]) == pytest.approx(rows[0])
    assert total([]) == ZERO
