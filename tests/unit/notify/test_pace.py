"""How often a robot may be sent to."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.errors import DeliveryError
from monitor.notify.pace import Limit, Pace, Paced

FEISHU = (Limit(100, 60), Limit(5, 1))


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def wait(pace: Pace, limits: tuple[Limit, ...], count: int = 1, address: str = "robot") -> float:
    """Take a turn; return how long it has to wait, 0 where it was had."""
    try:
        with pace.turn(address, limits, count):
            return 0.0
    except Paced as paced:
        return paced.seconds


def test_it_lets_as_many_through_as_the_span_holds_and_says_when_there_is_room_again():
    clock = Clock()
    pace = Pace(clock)
    assert [wait(pace, (Limit(3, 60),)) for _ in range(3)] == [0, 0, 0]
    clock.now += 20
    assert wait(pace, (Limit(3, 60),)) == 40
    clock.now += 40
    assert wait(pace, (Limit(3, 60),)) == 0


def test_every_robot_has_a_pace_of_its_own():
    pace = Pace(Clock())
    assert [wait(pace, (Limit(1, 60),), address=name) for name in ("a", "b")] == [0, 0]
    assert wait(pace, (Limit(1, 60),), address="a") == 60


@given(
    st.lists(st.tuples(st.floats(0, 3), st.integers(1, 7)), min_size=1, max_size=120),
    st.sampled_from([FEISHU, (Limit(20, 60),), (Limit(1, 1),)]),
)
def test_in_no_span_go_more_than_it_holds(steps, limits):
    clock = Clock()
    pace, went = Pace(clock), []
    for pause, parts in steps:
        clock.now += pause
        if wait(pace, limits, parts) == 0:
            went.append((clock.now, parts))
    for limit in limits:
        for end, _ in went:
            within = [n for at, n in went if 0 <= end - at < limit.seconds]
            # One message of more parts than the span holds goes alone.
            assert sum(within) <= limit.count or len(within) == 1


@given(st.lists(st.integers(1, 30), min_size=1, max_size=40))
def test_whoever_comes_back_at_the_time_told_is_let_through(parts):
    clock = Clock()
    pace = Pace(clock)
    for count in parts:
        if told := wait(pace, FEISHU, count):
            clock.now += told + 1e-6
            assert wait(pace, FEISHU, count) == 0


def test_one_that_waits_for_its_turn_is_not_overtaken_by_a_smaller_one():
    pace, limits = Pace(lambda: 100.0), (Limit(20, 60),)
    with pace.turn("robot", limits, 18):
        pass
    with pytest.raises(Paced), pace.turn("robot", limits, 3):
        pass
    with pytest.raises(Paced), pace.turn("robot", limits, 1):
        pass


def test_a_long_message_does_not_put_off_a_short_one_that_came_before_it():
    clock = Clock()
    pace = Pace(clock)
    for _ in range(4):
        assert wait(pace, (Limit(4, 60),)) == 0
        clock.now += 10
    assert wait(pace, (Limit(4, 60),)) == 20
    assert wait(pace, (Limit(4, 60),), 3) == 20
    clock.now += 20
    assert wait(pace, (Limit(4, 60),)) == 0


def test_a_clock_that_is_set_back_closes_no_robot_for_long():
    clock = Clock()
    pace = Pace(clock)
    with pytest.raises(DeliveryError), pace.turn("robot", (Limit(2, 60),)):
        raise DeliveryError("busy", retry_after=600)
    clock.now -= 86_400
    assert wait(pace, (Limit(2, 60),)) == 0


def test_a_robot_is_left_alone_for_ten_minutes_at_most():
    clock = Clock()
    pace = Pace(clock)
    with pytest.raises(DeliveryError), pace.turn("robot", (Limit(2, 60),)):
        raise DeliveryError("busy", retry_after=86_400)
    assert wait(pace, (Limit(2, 60),)) == 600


def test_a_failure_without_a_time_closes_nothing():
    pace = Pace(Clock())
    with pytest.raises(DeliveryError), pace.turn("robot", (Limit(2, 60),)):
        raise DeliveryError("broken")
    assert wait(pace, (Limit(2, 60),)) == 0


def test_many_threads_together_keep_the_pace_of_one():
    pace, let = Pace(Clock()), []
    threads = [
        threading.Thread(target=lambda: let.append(wait(pace, (Limit(20, 60),)))) for _ in range(60)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert let.count(0) == 20
