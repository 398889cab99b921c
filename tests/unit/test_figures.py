"""Figures from a store that only holds what a test says."""

from __future__ import annotations

from itertools import pairwise
from types import SimpleNamespace

import pytest

from monitor.aggregate import SUMS, bucket_of
from monitor.domain import Brand
from monitor.figures import Figures
from tests.rows import DAY, HOUR, NOW

BRAND = Brand("a", "甲", competitors=("b",))


def sums(**given):
    return tuple(float(given.get(name, 0)) for name in SUMS)


class Rollups:
    """Mentions by (brand, platform, time) → sums, added up as the store would."""

    def __init__(self, held):
        self.held = held

    def _between(self, brand, start, end, platform=None):
        for (name, where, at), row in self.held.items():
            if name == brand and start <= at < end and platform in (None, where):
                yield where, at, row

    def by_platform(self, brand, start, end):
        found = {}
        for where, _, row in self._between(brand, start, end):
            found[where] = tuple(map(sum, zip(found.get(where, sums()), row, strict=True)))
        return found

    def series(self, brand, start, end, level, platform=None):
        found = {}
        for _, at, row in self._between(brand, bucket_of(start, level), end, platform):
            bucket = bucket_of(at, level)
            found[bucket] = tuple(map(sum, zip(found.get(bucket, sums()), row, strict=True)))
        return sorted(found.items())

    def facets(self, brand, start, end, names, platform=None):
        return {("intent", "recommend"): 3, ("intent", "dissuade"): 1, ("rating:nps10", "10"): 2}

    def unique_authors(self, *args):
        return 2


def figures(held, alerts=()):
    of_brand = SimpleNamespace(of_brand=lambda brand, since: list(alerts))
    return Figures(SimpleNamespace(rollups=Rollups(held), alerts=of_brand), NOW)


HELD = {
    ("a", "weibo", NOW - HOUR): sums(volume=2, pos=1, neg=1, heat=3),
    ("a", "xhs", NOW - 2 * HOUR): sums(volume=4, neg=3, neu=1, heat=4),
    ("b", "weibo", NOW - HOUR): sums(volume=2),
}


def test_indices_are_those_of_the_window_and_the_platform():
    found = figures(HELD).indices(BRAND, NOW - DAY, NOW)
    assert (found["volume"].value, found["negative"].value) == (6, 4)
    assert found["share_of_voice"].value == pytest.approx(6 / 8)
    assert found["recommendation_rate"].value == pytest.approx(3 / 4)
    assert found["nps"].value == 100
    only = figures(HELD).indices(BRAND, NOW - DAY, NOW, "weibo")
    assert (only["volume"].value, only["share_of_voice"].value) == (2, pytest.approx(2 / 4))


def test_an_empty_window_has_no_authors():
    assert figures(HELD).indices(BRAND, NOW, NOW)["unique_authors"].value == 0


def test_platforms_stand_by_their_volume():
    found = figures(HELD).platforms("a", NOW - DAY, NOW)
    assert list(found) == ["xhs", "weibo"]
    assert found["xhs"] == {"volume": 4, "positive": 0, "neutral": 1, "negative": 3}


def test_a_trend_fills_its_gaps():
    points = figures(HELD).trend("a", NOW - 3 * HOUR, NOW, HOUR)
    assert [(p["t"], p["volume"]) for p in points] == [
        (NOW - 3 * HOUR, 0),
        (NOW - 2 * HOUR, 4),
        (NOW - HOUR, 2),
    ]
    assert [p["negative_share"] for p in points] == [None, 0.75, 0.5]


@pytest.mark.parametrize("span", [3 * HOUR, DAY, 7 * DAY, 40 * DAY, 900 * DAY])
def test_a_card_has_a_short_sparkline_up_to_the_end(span):
    spark = figures(HELD).card(BRAND, NOW - span, NOW).sparkline
    assert 24 < len(spark) <= 48
    steps = {later["t"] - point["t"] for point, later in pairwise(spark)}
    assert len(steps) == 1
    assert spark[-1]["t"] + steps.pop() == NOW
    assert sum(point["volume"] for point in spark) == 6


def test_a_sparkline_of_thousands_of_years_is_no_work():
    spark = figures(HELD).card(BRAND, 0, 253_402_128_000).sparkline
    assert len(spark) <= 48
    assert spark[0]["t"] >= 253_402_128_000 - 961 * DAY


def test_shares_of_voice_are_of_all_named():
    assert {b: m.value for b, m in Figures.voices({"a": 3, "b": 1}).items()} == {
        "a": 0.75,
        "b": 0.25,
    }
    assert Figures.voices({"a": 0})["a"].value is None


def alert(onset, last_bin, index, rule="spike", state="firing"):
    return SimpleNamespace(
        onset=onset, last_bin=last_bin, crisis_index=index, rule=rule, state=state
    )


def test_the_crisis_index_is_the_highest_of_the_windows_alerts():
    held = [
        alert(NOW - DAY, NOW - HOUR, 50.0),
        alert(NOW - HOUR, NOW, 70.0),
        alert(NOW - 9 * DAY, NOW - 8 * DAY, 99.0),
        alert(NOW + HOUR, NOW + DAY, 98.0),
        alert(NOW - HOUR, NOW, 80.0, rule="drill"),
        alert(NOW - HOUR, NOW, 90.0, state="dismissed"),
    ]
    found = figures(HELD, held).indices(BRAND, NOW - DAY, NOW)["crisis_index"]
    assert (found.value, found.n) == (70, 2)
    assert figures(HELD).indices(BRAND, NOW - DAY, NOW)["crisis_index"].value == 0


def test_a_share_of_voice_is_among_the_brands_that_may_be_seen():
    def voice(visible):
        found = figures(HELD).indices(BRAND, NOW - DAY, NOW, visible=visible)["share_of_voice"]
        return found.value, found.n

    assert voice({"a", "b"}) == voice(None) == (pytest.approx(6 / 8), 8)
    assert voice({"a"}) == (1, 6)


def test_alerts_know_no_platform():
    held = [alert(NOW - HOUR, NOW, 70.0)]
    found = figures(HELD, held).indices(BRAND, NOW - DAY, NOW, "weibo")["crisis_index"]
    assert (found.value, found.n) == (None, 0)


def test_heat_is_that_of_the_window_and_not_of_the_hour_behind_it():
    quiet_week = {("a", "weibo", NOW - i * HOUR): sums(heat=1) for i in range(1, 8 * 24)}
    later = {("a", "weibo", NOW + 60): sums(heat=1000)}
    then = Figures(SimpleNamespace(rollups=Rollups({**quiet_week, **later})), NOW + DAY)
    before = Figures(SimpleNamespace(rollups=Rollups(quiet_week)), NOW + DAY)
    assert then._heat("a", NOW, None) == before._heat("a", NOW, None)
    assert then._heat("a", NOW + HOUR, None) != before._heat("a", NOW + HOUR, None)
