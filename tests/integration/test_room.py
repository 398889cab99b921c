"""Many incidents at once, and the clock set back, in the store as it is."""

from __future__ import annotations

from collections import Counter

import pytest

from monitor import incidents
from monitor.notices import CROWD
from tests.cases import alert, channel, send_all
from tests.rows import DAY, HOUR, NOW


@pytest.fixture
def open_one(service, xingtu):
    """Open an incident of its own."""
    made = 0

    def open_one(level, now=NOW):
        nonlocal made
        made += 1
        change = incidents.begin(alert(level, now, platform=f"p{made}"), now)
        return service.room.open(change, now).case.incident.id

    return open_one


@pytest.fixture
def messages(service):
    """The messages in the order they go out."""

    def messages():
        held = service.store.outbox.page(limit=1000)
        return sorted(held, key=lambda d: (d.created_at, d.event == "alert.digest", d.id))

    return messages


def test_the_gravest_of_many_that_are_due_at_once_are_told_first(service, open_one, messages):
    for level in ["blue"] * 610 + ["red"] * 10:
        open_one(level)
    service.store.channels.add(channel(), NOW)
    service.room.pass_time(NOW + 1)
    single = [d for d in messages() if d.event == "alert.firing"]
    levels = Counter(d.payload["alert"]["level"] for d in single)
    assert levels == {"red": 10, "blue": CROWD - 10}


def test_while_a_channel_is_down_its_messages_do_not_pile_up(service, open_one, messages):
    service.store.channels.add(channel(), NOW)
    opened = []
    for second in range(140):
        opened.append(open_one("blue", NOW + second))
        service.room.pass_time(NOW + second)
    assert Counter(d.event for d in messages()) == {"alert.firing": CROWD, "alert.digest": 1}
    send_all(service.store.outbox, NOW + 140)
    for second in (140, 200, 260):
        service.room.pass_time(NOW + second)
    assert Counter(d.event for d in messages()) == {"alert.firing": 2 * CROWD, "alert.digest": 2}
    told = [told for one in opened for told in service.store.incidents.told(one)]
    assert [held.times for held in told] == [1] * 140


@pytest.mark.parametrize("ahead", [HOUR, 5 * DAY, 400 * DAY])
def test_a_clock_that_is_set_back_stops_no_escalation(service, open_one, messages, ahead):
    service.store.channels.add(channel(), NOW)
    one = open_one("red", NOW + ahead)
    assert service.store.incidents.are_due(NOW)
    service.room.pass_time(NOW)
    assert not service.store.incidents.are_due(NOW)
    held = service.store.incidents.get(one).incident
    assert (held.raised_at, held.due_at) == (NOW, NOW + 1800)
    service.room.pass_time(NOW + 1800)
    kinds = Counter(d.event for d in messages())
    assert (kinds["alert.firing"], kinds["alert.overdue"]) == (1, 1)


def test_what_ended_under_a_clock_that_was_ahead_is_left_alone(service, open_one):
    one = open_one("red", NOW + 400 * DAY)
    service.room.change(
        one,
        lambda case: incidents.resolve(case, actor="小王", note="", now=NOW + 400 * DAY),
        NOW + 400 * DAY,
    )
    assert not service.store.incidents.are_due(NOW)
