"""Alerts, incidents and channels as tests want them, and a small world to tell them to."""

from __future__ import annotations

from dataclasses import replace

from monitor import alerts, incidents, notices
from monitor.detect import Signal
from monitor.domain import Brand, Channel, Told
from monitor.routing import Tree
from tests.rows import NOW

MINUTE = 60
BRAND = Brand("xingtu", "星途")
FACTORS = {"blue": 0.3, "yellow": 0.5, "orange": 0.7, "red": 0.9}
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


def weighed(level="blue"):
    summary = {"zh": "句子", "en": "sentence"}
    return alerts.Assessment({"f_spike": FACTORS[level]}, summary, {"mentions": []})


def alert(level="blue", now=NOW, **more):
    """An alert found in the bin that ends now."""
    signal = replace(SIGNAL, **{"bin_end": now, "onset": now} | more)
    return alerts.fire(signal, weighed(level), now, 7200)


def opened(level="blue", now=NOW, **more):
    """A case of one alert."""
    return incidents.begin(alert(level, now, **more), now).case


def found_again(case, level="blue", now=NOW, held=0):
    """The case after its alert was found again, at some level, in the bin that ends now."""
    old = case.alerts[held]
    signal = replace(SIGNAL, rule=old.rule, bin_end=now, onset=old.onset, score=old.score + 1)
    newer = alerts.extend(old, signal, weighed(level), now)
    return incidents.carry_on(case, newer, level, now).case


def channel(identifier="c", **more):
    return Channel(identifier, "webhook", "群", {}, **more)


def plan(channels=(), tree=None, silences=()):
    return notices.Plan(
        channels=channels or [channel()],
        brands={BRAND.id: BRAND},
        tree=tree or Tree(),
        silences=silences,
    )


def send_all(outbox, now):
    """Have all that waits in a store's outbox arrive."""
    while held := outbox.claim("w", now, 60, 100):
        for delivery in held:
            outbox.sent(delivery.id, now, "w")


class Outbox:
    """What channels heard: tells and remembers, as the store does."""

    def __init__(self, *channels, tree=None, silences=()):
        self.plan = plan(channels, tree, silences)
        self.told: dict[tuple[str, str], Told] = {}
        self.deliveries = []
        self.wakes_at: int | None = None

    def tell(self, case, now=NOW):
        """Tell what is to be told of a case; returns the events as channel:event."""
        known = {c: told for (i, c), told in self.told.items() if i == case.incident.id}
        outcome = notices.tell([(case, known)], self.plan, {}, now)
        self.told |= {(told.incident_id, told.channel_id): told for told in outcome.told}
        self.deliveries += outcome.deliveries
        self.wakes_at = outcome.next_at[case.incident.id]
        return [f"{d.channel_id}:{d.event.removeprefix('alert.')}" for d in outcome.deliveries]
