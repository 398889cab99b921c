"""The life of an alert, step by step."""

from __future__ import annotations

from dataclasses import replace

import pytest

from monitor import alerts
from monitor.detect import Signal
from monitor.domain import Brand, Channel
from monitor.errors import Conflict
from tests.rows import HOUR, NOW

BRAND = Brand("xingtu", "星途")
SIGNAL = Signal(
    series="xingtu",
    rule="spike",
    bin_end=NOW,
    onset=NOW,
    score=6.0,
    expected=2.0,
    seen=20,
    window=1800,
    total=30,
    severity="high",
    escalation=False,
)
MILD, GRAVE = {"f_spike": 0.3}, {"f_spike": 0.9}


def weighed(factors):
    return alerts.Assessment(factors, {"zh": "句子", "en": "sentence"}, {"mentions": []})


def fired(factors=None, signal=SIGNAL, now=NOW):
    return alerts.fire(signal, weighed(factors or MILD), now, 7200).alert


def test_a_signal_makes_an_alert_that_is_told():
    change = alerts.fire(SIGNAL, weighed(MILD), NOW + 5, 7200)
    assert (change.alert.state, change.alert.level, change.tell) == (
        "firing",
        "blue",
        "alert.firing",
    )
    assert change.alert.crisis_index == 30
    assert change.alert.due_at == NOW + 5 + 4 * HOUR
    assert [event.action for event in change.events] == ["fired"]


@pytest.mark.parametrize(
    ("factor", "level", "clock"),
    [(0.1, "blue", 4), (0.5, "yellow", 2), (0.7, "orange", 1), (0.95, "red", 0.5)],
)
def test_the_graver_it_is_the_sooner_it_is_due(factor, level, clock):
    alert = fired({"f_spike": factor})
    assert (alert.level, alert.due_at) == (level, NOW + clock * HOUR)


@pytest.mark.parametrize(("late", "historical"), [(7200, False), (7201, True)])
def test_what_is_found_too_late_is_recorded_and_not_told(late, historical):
    change = alerts.fire(SIGNAL, weighed(GRAVE), NOW + late, 7200)
    assert change.alert.historical is historical
    assert change.tell == (None if historical else "alert.firing")
    if historical:
        assert (change.alert.state, change.alert.fired_at) == ("resolved", NOW)


def test_the_same_signal_always_has_the_same_id():
    assert fired(now=NOW).id == fired(now=NOW + 60).id
    assert fired().id != fired(signal=replace(SIGNAL, bin_end=NOW + 300)).id
    assert fired().id != fired(signal=replace(SIGNAL, series="lanhai")).id


@pytest.mark.parametrize(
    ("change", "belongs"),
    [
        ({}, True),
        ({"rule": "share"}, True),
        ({"rule": "risk"}, False),
        ({"bin_end": NOW + 6 * HOUR}, True),
        ({"bin_end": NOW + 6 * HOUR + 1}, False),
        ({"bin_end": NOW - 6 * HOUR}, True),
        ({"bin_end": NOW - 6 * HOUR - 1}, False),
    ],
)
def test_a_signal_belongs_to_an_alert_of_its_kind_without_a_long_gap(change, belongs):
    alert = fired()
    assert alerts.matching(replace(SIGNAL, **change), [alert]) == (alert if belongs else None)


def test_a_signal_belongs_to_an_open_alert_before_one_that_ended():
    ended = replace(fired(), state="resolved", resolved_at=NOW)
    later = replace(ended, id="later", last_bin=NOW + 300)
    current = replace(fired(), id="current")
    assert alerts.matching(SIGNAL, [ended, current, later]) is current
    assert alerts.matching(SIGNAL, [later, ended]) is later


def test_an_alert_that_ended_speaks_again_only_of_what_came_after():
    ended = replace(fired(), state="resolved", resolved_at=NOW + 600)
    for bin_end, news in ((NOW, False), (NOW + 600, False), (NOW + 601, True)):
        signal = replace(SIGNAL, bin_end=bin_end)
        assert alerts.is_news(signal, ended, NOW + 700, 7200) is news
    assert not alerts.is_news(replace(SIGNAL, bin_end=NOW + 601), ended, NOW + 9000, 7200)
    assert not alerts.is_news(replace(SIGNAL, bin_end=NOW + 601), fired(), NOW + 700, 7200)


def test_an_extension_only_ever_raises():
    alert = fired(GRAVE)
    weaker = replace(SIGNAL, score=4, bin_end=NOW + 300, seen=5)
    change = alerts.extend(alert, weaker, weighed(MILD), NOW + 300)
    assert change.tell is None
    assert (change.alert.last_bin, change.alert.level) == (NOW + 300, alert.level)
    assert (change.alert.score, change.alert.seen) == (alert.score, alert.seen)
    assert change.alert.due_at == alert.due_at


def test_a_rise_in_level_is_told_and_restarts_the_clock():
    stronger = replace(SIGNAL, score=20, bin_end=NOW + 300, seen=90)
    change = alerts.extend(fired(), stronger, weighed(GRAVE), NOW + 300)
    assert (change.tell, change.alert.level) == ("alert.escalated", "red")
    assert change.alert.due_at == NOW + 300 + 1800
    assert (change.alert.seen, change.alert.score) == (90, 20)
    assert change.events[0].note == "blue → red 90"


def test_an_extension_without_news_changes_nothing():
    alert = fired()
    assert alerts.extend(alert, SIGNAL, weighed(MILD), NOW + 60) is None
    ended = replace(alert, state="resolved")
    assert alerts.extend(ended, replace(SIGNAL, score=50), weighed(GRAVE), NOW) is None


def test_people_act_and_their_steps_are_written_down():
    alert = fired()
    taken = alerts.acknowledge(alert, actor="小王", note="在看", now=NOW + 9)
    assert (taken.alert.state, taken.alert.acknowledged_at) == ("acknowledged", NOW + 9)
    given = alerts.assign(taken.alert, actor="小王", assignee="小李", now=NOW + 10)
    assert (given.alert.assignee, given.tell) == ("小李", None)
    ended = alerts.resolve(given.alert, actor="小李", note="", now=NOW + 11)
    assert (ended.alert.state, ended.alert.resolved_at) == ("resolved", NOW + 11)
    assert ended.tell == "alert.resolved"
    assert [(e.actor, e.action, e.note) for c in (taken, given, ended) for e in c.events] == [
        ("小王", "acknowledged", "在看"),
        ("小王", "assigned", "小李"),
        ("小李", "resolved", ""),
    ]


@pytest.mark.parametrize("state", ["acknowledged", "resolved"])
def test_only_a_firing_alert_can_be_acknowledged(state):
    with pytest.raises(Conflict):
        alerts.acknowledge(replace(fired(), state=state), actor="x", note="", now=NOW)


def test_what_has_ended_cannot_be_ended_or_assigned():
    ended = replace(fired(), state="resolved")
    with pytest.raises(Conflict):
        alerts.resolve(ended, actor="x", note="", now=NOW)
    with pytest.raises(Conflict):
        alerts.assign(ended, actor="x", assignee="y", now=NOW)
    assert alerts.note(ended, actor="x", text="补记", now=NOW).events[0].note == "补记"


def channel(identifier="c", **more):
    return Channel(identifier, "webhook", "群", {}, **more)


@pytest.mark.parametrize(
    ("given", "hears"),
    [
        (channel(), True),
        (channel(enabled=False), False),
        (channel(brands=("xingtu",)), True),
        (channel(brands=("lanhai",)), False),
        (channel(min_level="blue"), True),
        (channel(min_level="yellow"), False),
    ],
)
def test_a_message_goes_to_the_channels_that_want_it(given, hears):
    change = alerts.fire(SIGNAL, weighed(MILD), NOW, 7200)
    assert bool(alerts.deliveries(change, BRAND, [given], NOW, None)) is hears


def test_a_message_written_twice_is_the_same_message():
    change = alerts.fire(SIGNAL, weighed(MILD), NOW, 7200)
    first, again = (
        alerts.deliveries(change, BRAND, [channel("a"), channel("b")], now, None)
        for now in (NOW, NOW + 60)
    )
    assert [d.id for d in first] == [d.id for d in again]
    assert len({d.id for d in first}) == 2
    raised = alerts.extend(
        change.alert, replace(SIGNAL, score=30, bin_end=NOW + 300), weighed(GRAVE), NOW
    )
    (other,) = alerts.deliveries(raised, BRAND, [channel("a")], NOW, None)
    assert other.id not in {d.id for d in first}


def test_a_change_that_is_told_to_nobody_makes_no_message():
    change = alerts.note(fired(), actor="x", text="y", now=NOW)
    assert alerts.deliveries(change, BRAND, [channel()], NOW, None) == []


def test_a_message_says_what_a_person_needs():
    change = alerts.fire(SIGNAL, weighed(GRAVE), NOW, 7200)
    (delivery,) = alerts.deliveries(change, BRAND, [channel(language="en")], NOW, "https://x/#a")
    told = delivery.payload
    assert (told["type"], told["language"], told["url"]) == ("alert.firing", "en", "https://x/#a")
    assert told["brand"] == {"id": "xingtu", "name": "星途"}
    assert told["alert"]["level"] == "red"
    assert told["alert"]["summary"] == {"zh": "句子", "en": "sentence"}
    assert (told["alert"]["seen"], told["alert"]["window_minutes"]) == (20, 30)


@pytest.mark.parametrize("rule", ["spike", "share", "risk"])
def test_a_sentence_names_the_brand_and_the_figures_in_both_languages(rule):
    said = alerts.sentence("星途", replace(SIGNAL, rule=rule), {"risks": {"fire": 2}})
    for language in ("zh", "en"):
        assert "星途" in said[language]
        assert "20" in said[language]
    if rule == "risk":
        assert "起火爆炸" in said["zh"]
        assert "fire" in said["en"]
    else:
        assert "2.0" in said["zh"]
