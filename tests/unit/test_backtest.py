"""Back-tests: what would have fired, against what people judged."""

from dataclasses import replace

import pytest

from monitor.backtest import Firing, judge, replay
from monitor.detect import DEFAULT, exact
from tests.cases import opened

DAY, HOUR, BIN = 86_400, 3600, 300
START = 1_795_305_600


def bins(bursts=(), size=20, series="moyu"):
    """Twelve mentions an hour, one of them negative; in a burst `size` a bin, for ten minutes."""
    for bucket in range(START - 3 * DAY, START + 7 * DAY, BIN):
        negative = int(bucket % HOUR == 0)
        if any(at <= bucket < at + 600 for at in bursts):
            negative = size
        yield bucket, {series: (1 + negative, negative)}


def fired(at, last=None):
    return Firing("moyu", "spike", at, last or at, 8.0, "high", 40, 1.0)


def judged(at, state, **more):
    case = opened(now=at)
    incident = replace(
        case.incident, onset=at, last_bin=at + HOUR, opened_at=at + 600, state=state, **more
    )
    return replace(case, incident=incident)


def test_a_burst_fires_and_what_came_before_the_start_is_learned_only():
    found = replay({"brand": DEFAULT}, {"brand": bins([START - DAY, START + DAY])}, START)
    assert len(found) == 1
    (firing,) = found
    assert START + DAY < firing.first <= START + DAY + 900
    assert firing.seen > 10 * firing.expected


def test_a_stricter_policy_fires_less():
    small = [START + n * DAY for n in range(1, 6)]
    loose, strict = (
        len(replay({"brand": exact(DEFAULT, t)}, {"brand": bins(small, 5)}, START))
        for t in (2.5, 15)
    )
    assert loose >= 5
    assert strict == 0


def test_parts_fire_under_names_of_their_own():
    both = {"brand": bins(), "parts": bins([START + DAY], series="moyu\nplatform\nweibo")}
    found = replay({"brand": DEFAULT, "parts": DEFAULT}, both, START)
    assert {firing.series for firing in found} == {"moyu\nplatform\nweibo"}


def test_firings_are_held_against_what_people_judged():
    days = [START + n * DAY for n in range(1, 5)]
    cases = [
        judged(days[0], "resolved", acknowledged_at=days[0] + 700),
        judged(days[1], "dismissed"),
        judged(days[3] + HOUR, "acknowledged", acknowledged_at=days[3] + 2 * HOUR),
    ]
    test = judge(DEFAULT, [fired(at) for at in days[:3]], cases, START, START + 7 * DAY)
    assert (test.episodes, test.right, test.false, test.unjudged) == (3, 1, 1, 1)
    assert test.missed == (cases[2].incident.id,)
    assert test.sooner == pytest.approx(10)
    assert test.a_week == pytest.approx(3)


def test_firings_without_a_quiet_gap_are_one_episode():
    chain = [fired(START + n * 5 * HOUR) for n in range(4)]
    assert judge(DEFAULT, chain, [], START, START + DAY).episodes == 1


def test_exercises_and_single_mentions_are_not_judged():
    at = START + DAY
    real = judged(at, "resolved", acknowledged_at=at)
    risk = replace(real, alerts=(replace(real.lead, rule="risk"),))
    practice = judged(at, "resolved", acknowledged_at=at, drill=True)
    assert judge(DEFAULT, [], [risk, practice], START, START + 7 * DAY).missed == ()
