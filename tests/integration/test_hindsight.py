"""Back-tests of what is stored tell what the watch told, and look no further than is known."""

from __future__ import annotations

import pytest

from monitor.detect import DEFAULT
from monitor.domain import Brand
from monitor.hindsight import back_test
from tests.rows import DAY, HOUR, NOW, burst, quiet

YEAR = 365 * DAY


@pytest.fixture
def send(service, xingtu):
    def send(*rows):
        for i in range(0, len(rows), 500):
            service.pipeline.ingest(rows[i : i + 500])

    return send


@pytest.fixture
def seen(service):
    """What the watch fires now, and a back-test of a time: rule and bin of each."""

    def seen(start=NOW - DAY, end=NOW):
        service.watcher.look(NOW)
        cases = service.store.incidents.of_brand("xingtu", 0)
        live = [(alert.rule, alert.last_bin) for case in cases for alert in case.alerts]
        tested = back_test(service.store, "xingtu", start, end, {"balanced": DEFAULT}, NOW)
        found = tested["balanced"].firings
        return live, [(firing.rule, firing.last) for firing in found], tested["balanced"]

    return seen


def test_a_burst_is_found_in_the_bin_in_which_the_watch_finds_it(send, seen):
    send(*quiet(NOW - 1800), *burst(seconds=250))
    live, tested, _ = seen()
    assert live == tested == [("spike", NOW)]


@pytest.mark.parametrize("age", [300, 5 * DAY])
def test_a_brand_of_which_nothing_was_known_five_minutes_ago_fires_in_neither(
    service, seen, clock, age
):
    # It was set up just now; its back-filled past is empty, not silent.
    service.store.brands.add(Brand("xingtu", "星途", created_at=NOW - 300))
    service.pipeline.ingest(burst(seconds=250))
    live, tested, _ = seen(NOW - age)
    assert live == tested == []


@pytest.mark.parametrize(
    ("start", "end"), [(NOW - 36 * YEAR, NOW + 64 * YEAR), (NOW + YEAR, NOW + 99 * YEAR)]
)
def test_no_longer_time_is_walked_than_something_is_known_of(send, seen, start, end):
    send(*quiet(NOW - 1800), *burst(seconds=250))
    *_, tested = seen(start, end)
    assert tested.days < 3
    assert bool(tested.firings) == (start < NOW)


def test_a_brand_of_which_nothing_is_known_fires_nothing(xingtu, seen):
    live, tested, found = seen(NOW - 36 * YEAR, NOW + HOUR)
    assert live == tested == []
    assert found.a_week == 0
