"""From signals to alerts, step by step."""

from __future__ import annotations

from dataclasses import replace

import pytest

from monitor import alerts
from tests.cases import SIGNAL, alert, weighed
from tests.rows import HOUR, NOW


def test_a_signal_makes_an_alert():
    fired = alerts.fire(SIGNAL, weighed("blue"), NOW + 5, 7200)
    assert (fired.state, fired.level, fired.crisis_index) == ("firing", "blue", 30)
    assert (fired.fired_at, fired.due_at) == (NOW + 5, NOW + 5 + 4 * HOUR)
    assert (fired.onset, fired.last_bin, fired.seen) == (NOW, NOW, 20)


@pytest.mark.parametrize(
    ("level", "clock"), [("blue", 4), ("yellow", 2), ("orange", 1), ("red", 0.5)]
)
def test_the_graver_it_is_the_sooner_it_is_due(level, clock):
    assert (alert(level).level, alert(level).due_at) == (level, NOW + clock * HOUR)


def test_an_alert_keeps_what_its_signal_is_of():
    fired = alert(platform="weibo", aspect="price", topic="漏水")
    assert (fired.platform, fired.aspect, fired.topic) == ("weibo", "price", "漏水")


@pytest.mark.parametrize(("late", "historical"), [(7200, False), (7201, True)])
def test_what_is_found_too_late_is_recorded_as_historical(late, historical):
    fired = alerts.fire(SIGNAL, weighed("red"), NOW + late, 7200)
    assert fired.historical is historical
    assert fired.state == ("resolved" if historical else "firing")
    assert fired.fired_at == (NOW if historical else NOW + late)


def test_the_same_signal_always_has_the_same_id():
    same = {alerts.fire(SIGNAL, weighed(), now, 7200).id for now in (NOW, NOW + 60)}
    assert len(same) == 1
    others = ({"bin_end": NOW + 300}, {"series": "lanhai"}, {"platform": "xhs"}, {"aspect": "xhs"})
    assert len({alert(**other).id for other in others} | same) == 5
    assert alerts.fire(SIGNAL, weighed(), NOW, 7200, after=alert()).id not in same


def test_of_one_episode_only_the_last_signal_counts():
    later = replace(SIGNAL, bin_end=NOW + 300, rule="share", escalation=True)
    elsewhere = replace(SIGNAL, platform="weibo")
    again = replace(SIGNAL, bin_end=NOW + HOUR, onset=NOW + HOUR)
    assert alerts.merged([SIGNAL, elsewhere, later, again]) == [later, elsewhere, again]


@pytest.mark.parametrize(
    ("change", "belongs"),
    [
        ({}, True),
        ({"rule": "share"}, True),
        ({"rule": "risk"}, False),
        ({"series": "lanhai"}, False),
        ({"platform": "weibo"}, False),
        ({"aspect": "price"}, False),
        ({"topic": "漏水"}, True),
        ({"bin_end": NOW + 6 * HOUR}, True),
        ({"bin_end": NOW + 6 * HOUR + 1}, False),
        ({"bin_end": NOW - 6 * HOUR}, True),
        ({"bin_end": NOW - 6 * HOUR - 1}, False),
    ],
)
def test_a_signal_belongs_to_an_alert_of_its_kind_without_a_long_gap(change, belongs):
    held = alert()
    assert alerts.matching(replace(SIGNAL, **change), [held]) == (held if belongs else None)


def test_new_topics_are_alerts_of_their_own():
    held = alert(rule="topic", topic="漏水")
    for topic, found in (("漏水", held), ("退款", None)):
        assert alerts.matching(replace(SIGNAL, rule="topic", topic=topic), [held]) == found


def test_a_signal_belongs_to_an_open_alert_before_one_that_ended():
    ended = replace(alert(), state="dismissed", resolved_at=NOW)
    later = replace(ended, id="later", last_bin=NOW + 300)
    current = replace(alert(), id="current")
    assert alerts.matching(SIGNAL, [ended, current, later]) is current
    assert alerts.matching(SIGNAL, [later, ended]) is later


@pytest.mark.parametrize("state", ["resolved", "dismissed"])
def test_an_alert_that_ended_speaks_again_only_of_what_came_after(state):
    ended = replace(alert(), state=state, resolved_at=NOW + 600)
    for bin_end, news in ((NOW, False), (NOW + 600, False), (NOW + 601, True)):
        signal = replace(SIGNAL, bin_end=bin_end)
        assert alerts.is_news(signal, ended, NOW + 700, 7200) is news
    assert not alerts.is_news(replace(SIGNAL, bin_end=NOW + 601), ended, NOW + 9000, 7200)
    assert not alerts.is_news(replace(SIGNAL, bin_end=NOW + 601), alert(), NOW + 700, 7200)


def test_what_was_recorded_as_historical_becomes_present_while_it_lasts():
    past = alerts.fire(SIGNAL, weighed(), NOW + 9000, 7200)
    assert alerts.is_news(replace(SIGNAL, bin_end=NOW + 3000), past, NOW + 9000, 7200)
    assert not alerts.is_news(replace(SIGNAL, bin_end=NOW + 1000), past, NOW + 9000, 7200)


@pytest.mark.parametrize(
    ("rule", "news"), [("risk", True), ("influencer", True), ("topic", False), ("spike", False)]
)
def test_what_holds_only_what_came_after_is_news_even_in_the_same_bin(rule, news):
    ended = replace(alert(rule=rule), state="resolved", resolved_at=NOW - 60)
    assert alerts.is_news(replace(SIGNAL, rule=rule), ended, NOW + 60, 7200) is news


def test_what_a_person_ended_has_been_dealt_with():
    ended = replace(alert(rule="risk"), state="resolved", resolved_at=NOW + 7)
    past = replace(ended, historical=True, resolved_at=NOW + 99)
    other = replace(ended, rule="influencer", resolved_at=NOW + 50)
    assert alerts.dealt_with([ended, past, other, alert(rule="risk")], "risk") == NOW + 7
    assert alerts.dealt_with([], "risk") == 0


def test_an_extension_only_ever_raises():
    held = alert("orange")
    weaker = replace(SIGNAL, score=4, bin_end=NOW + 300, seen=5)
    newer = alerts.extend(held, weaker, weighed("blue"), NOW + 300)
    assert (newer.last_bin, newer.level, newer.crisis_index) == (NOW + 300, "orange", 70)
    assert (newer.score, newer.seen, newer.factors) == (held.score, held.seen, held.factors)


def test_a_stronger_signal_brings_its_figures_and_evidence():
    stronger = replace(SIGNAL, score=20, bin_end=NOW + 300, onset=NOW - 300, seen=90)
    newer = alerts.extend(alert("blue"), stronger, weighed("red"), NOW + 300)
    assert (newer.level, newer.crisis_index, newer.seen, newer.score) == ("red", 90, 90, 20)
    assert (newer.onset, newer.factors) == (NOW - 300, {"f_spike": 0.9})
    assert newer.id == alert("blue").id


def test_an_extension_without_news_changes_nothing():
    held = alert()
    assert not alerts.says_more(SIGNAL, held)
    assert alerts.extend(held, SIGNAL, weighed(), NOW + 60) is None
    ended = replace(held, state="resolved")
    assert alerts.extend(ended, replace(SIGNAL, score=50), weighed("red"), NOW) is None
    assert alerts.says_more(replace(SIGNAL, bin_end=NOW + 300), held)
