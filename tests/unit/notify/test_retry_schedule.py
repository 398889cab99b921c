"""When a delivery is tried again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.errors import DeliveryError
from monitor.notify.outbox import REPEATS, next_attempt

LATER = DeliveryError("later")


def delays(chance: float) -> list[int]:
    moments = [next_attempt(n, LATER, 0, chance) for n in range(len(REPEATS))]
    return [moment for moment in moments if moment is not None]


def test_repeats_follow_the_schedule_and_end_within_a_day():
    assert delays(0.5)[:7] == [5, 30, 120, 600, 1800, 3600, 7200]
    assert 23 * 3600 < sum(delays(0.5)) <= 24 * 3600
    assert next_attempt(len(REPEATS), LATER, 0, 0.5) is None


@given(st.integers(0, len(REPEATS) - 1), st.floats(0, 1, exclude_max=True))
def test_the_jitter_is_ten_percent_either_way(attempts, chance):
    moment = next_attempt(attempts, LATER, 1000, chance)
    assert moment is not None
    assert abs(moment - 1000 - REPEATS[attempts]) <= 0.1 * REPEATS[attempts] + 1


def test_a_permanent_failure_is_never_repeated():
    assert next_attempt(0, DeliveryError("no", permanent=True, retry_after=5), 0, 0.5) is None


@pytest.mark.parametrize(("wish", "moment"), [(2, 30), (90, 90), (90_000, 3600), (0, 30)])
def test_a_receivers_wish_lengthens_the_wait_up_to_an_hour(wish, moment):
    assert next_attempt(1, DeliveryError("busy", retry_after=wish), 0, 0.5) == moment
