"""Who is to be told what of an incident now. Pure.

Not what happened but what is, decides: the state of a case is compared with what each channel was
last told (`Told`). So a silence that ends, a route that changes or a worker that dies between two
steps leaves nobody out and tells nobody twice.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from monitor.domain import ENDED, LEVELS, Brand, Channel, Delivery, Incident, Level, Silence, Told
from monitor.incidents import wakes_at
from monitor.routing import REPEAT_MINUTES, Route, Tree, facts, fits, is_silenced

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from monitor.incidents import Case

CROWD = 20
"""Messages that may wait for a channel; what comes on top is told in one."""

LISTED = 20
_LOOK_AGAIN = 60
_LOOKED_AT_WITHIN = 7 * 86_400
_TAKEN = frozenset({"acknowledged", "mitigating"})


@dataclass(frozen=True, slots=True)
class Plan:
    """Where messages may go: the tree, the channels, the silences; and how links are made.

    `page` gives the address of a case's page, `acknowledge` that of a link by which the reader of
    a channel takes the case on; either may be None. `brands` names brands by id.
    """

    channels: Sequence[Channel]
    brands: Mapping[str, Brand]
    tree: Tree = field(default_factory=Tree)
    silences: Sequence[Silence] = ()
    page: Callable[[Case], str | None] = lambda _: None
    acknowledge: Callable[[Case, Channel], str | None] = lambda _case, _channel: None


@dataclass(frozen=True, slots=True)
class Notice:
    """That a channel is to be told an event of a case."""

    case: Case
    channel: Channel
    event: str
    told: Told


@dataclass(slots=True)
class Outcome:
    """What follows for the outbox: messages, what was told, and when to look at each case again."""

    deliveries: list[Delivery] = field(default_factory=list)
    told: list[Told] = field(default_factory=list)
    next_at: dict[str, int | None] = field(default_factory=dict)


def tell(
    cases: Sequence[tuple[Case, Mapping[str, Told]]],
    plan: Plan,
    waiting: Mapping[str, int],
    now: int,
    *,
    digests: Mapping[str, int] | None = None,
    together: bool = False,
) -> Outcome:
    """Decide what to tell of these cases.

    Parameters
    ----------
    cases : sequence
        Each case with what was told of it, by channel.
    plan : Plan
    waiting : mapping
        How many messages wait for each channel. A channel with CROWD of them gets no more one by
        one: where `together`, all that is left goes into one message; else it is looked at again.
    now : int
    digests : mapping
        When the oldest such message that still waits for a channel was written. While one of
        another look waits there is no further one.
    together : bool

    """
    outcome = Outcome()
    notices: list[Notice] = []
    for case, told in sorted(cases, key=lambda pair: _order(pair[0])):
        # Told by a clock that was set back since: waits are counted from now, nobody is told again.
        ahead = {name: replace(held, at=now) for name, held in told.items() if held.at > now}
        outcome.told += ahead.values()
        found, wake = due(case, {**told, **ahead}, plan, now)
        notices += found
        outcome.next_at[case.incident.id] = wake
    room = {channel.id: CROWD - waiting.get(channel.id, 0) for channel in plan.channels}
    crowd: dict[str, list[Notice]] = {}
    for notice in notices:
        if room[notice.channel.id] > 0:
            room[notice.channel.id] -= 1
            outcome.deliveries.append(_delivery(notice, plan, now))
            outcome.told.append(notice.told)
        else:
            crowd.setdefault(notice.channel.id, []).append(notice)
    for name, left in crowd.items():
        if (digests or {}).get(name, now) != now:
            _look_again(outcome, left, now + _LOOK_AGAIN)
        elif together:
            outcome.deliveries.append(_digest(left, plan, now))
            outcome.told += [notice.told for notice in left]
        else:
            _look_again(outcome, left, now)
    return outcome


def _look_again(outcome: Outcome, notices: Sequence[Notice], at: int) -> None:
    for notice in notices:
        incident, planned = notice.case.incident.id, outcome.next_at[notice.case.incident.id]
        outcome.next_at[incident] = at if planned is None else min(at, planned)


def due(
    case: Case, told: Mapping[str, Told], plan: Plan, now: int
) -> tuple[list[Notice], int | None]:
    """Return what is to be told of one case now, and when to look again (None: never)."""
    incident = case.incident
    wakes = [wakes_at(case)]
    # A case of which nobody can be told: not yet sure, of the past, or all of it moved away.
    if incident.state == "pending" or incident.historical or not case.alerts:
        return [], None if wakes[0] is None else min(wakes[0], now + _LOOKED_AT_WITHIN)
    news: list[tuple[Channel, Route | None, str]] = []
    for channel, route in receivers(case, told, plan):
        event, wake = _event(case, told.get(channel.id), route, now)
        if event is None:
            wakes.append(wake)
        else:
            news.append((channel, route, event))
    found: list[Notice] = []
    silenced = bool(news) and is_silenced(incident, case.standing, plan.silences, now)
    for channel, route, event in news:
        if silenced or (incident.level != "red" and plan.tree.is_quiet(route, now)):
            wakes.append(now + _LOOK_AGAIN)
            continue
        heard = _heard(case, channel, told.get(channel.id), now)
        found.append(Notice(case, channel, event, heard))
        wakes.append(_event(case, heard, route, now)[1])
    # Not even a clock that is set back may leave a case alone for longer than that.
    latest = now + _LOOKED_AT_WITHIN
    return found, min((min(wake, latest) for wake in wakes if wake is not None), default=None)


def receivers(
    case: Case, told: Mapping[str, Told], plan: Plan
) -> list[tuple[Channel, Route | None]]:
    """The channels that may hear of a case, each with the first route that leads there.

    None stands for the route of a channel that was told and that no route leads to any more. Red
    of which nobody would hear at first is told to every channel that takes it.
    """
    incident = case.incident
    fitting = [channel.id for channel in plan.channels if fits(channel, incident)]
    routes = plan.tree.routes(facts(incident, case.standing))
    led_by: dict[str, Route] = {}
    for route in routes:
        for name in (*_first_named(route, fitting), *_named_later(route, incident.tier)):
            if name in fitting:
                led_by.setdefault(name, route)
    heard_at_first = {name for route in routes for name in _first_named(route, fitting)}
    if incident.peak == "red" and heard_at_first.isdisjoint(fitting):
        led_by = {name: led_by.get(name, Route()) for name in fitting}
    return [
        (channel, led_by.get(channel.id))
        for channel in plan.channels
        if channel.enabled and (channel.id in led_by or channel.id in told)
    ]


def _first_named(route: Route, every: Sequence[str]) -> Sequence[str]:
    return every if route.channels is None else route.channels


def _named_later(route: Route, tier: int) -> list[str]:
    return [name for names in (route.escalate or ())[:tier] for name in names]


def _event(
    case: Case, held: Told | None, route: Route | None, now: int
) -> tuple[str | None, int | None]:
    """Return what a channel is to be told now, and when something may be due without a change."""
    incident = case.incident
    if held is None or held.state in ENDED:
        if route is None or incident.state in ENDED:
            return None, None
        return _first(incident, held, route, now)
    if incident.merged_into:
        return "alert.merged", None
    if incident.state in ENDED:
        return f"alert.{incident.state}", None
    event = _news(incident, held)
    if event is not None or route is None:
        return event, None
    return _by_the_clock(case, held, route, now)


def _first(
    incident: Incident, held: Told | None, route: Route, now: int
) -> tuple[str | None, int | None]:
    """Return what a channel is told that knows nothing of a case, or that it has ended."""
    if incident.state in _TAKEN:
        # Somebody deals with it: only a rise since then is news to who never heard of it.
        taken = incident.acknowledged_at or incident.raised_at
        return ("alert.escalated" if incident.raised_at > taken else None), None
    ready, wake = _after(route.wait_minutes or 0, incident.opened_at, now)
    if not ready:
        return None, wake
    if held is not None:
        return (None if incident.recovered_at is not None else "alert.reopened"), None
    if incident.recovered_at is not None:
        return "alert.recovered", None
    return ("alert.overdue" if incident.tier else "alert.firing"), None


def _news(incident: Incident, held: Told) -> str | None:
    """Return how a case differs from what a channel was told of it."""
    if LEVELS.index(incident.level) > LEVELS.index(held.level):
        return "alert.escalated"
    if incident.state in _TAKEN and held.state == "firing":
        return "alert.acknowledged"
    if incident.state == "firing" and held.state in _TAKEN:
        return "alert.reopened"
    if (incident.recovered_at is None) != (held.recovered_at is None):
        return "alert.recovered" if held.recovered_at is None else "alert.relapsed"
    return None


def _by_the_clock(case: Case, held: Told, route: Route, now: int) -> tuple[str | None, int | None]:
    incident = case.incident
    waits = incident.state == "firing" and incident.recovered_at is None
    if waits and incident.tier not in (0, held.tier):
        return "alert.overdue", None
    wakes: list[int] = []
    if route.update_minutes is not None and len(case.alerts) > held.alerts:
        ready, wake = _after(route.update_minutes, held.at, now)
        if ready:
            return "alert.updated", None
        wakes.append(wake)
    if waits:
        ready, wake = _after(route.repeat_minutes or REPEAT_MINUTES, held.at, now)
        # What the clock has in store for the case says more, and comes in the same second.
        if ready and (wakes_at(case) or 0) > now:
            return "alert.reminder", None
        wakes.append(wake)
    return None, min(wakes, default=None)


def _after(minutes: int, since: int, now: int) -> tuple[bool, int]:
    """Whether so many minutes have passed, and when they have.

    Nothing waits much longer for a clock that was set back.
    """
    seconds = 60 * minutes
    return abs(now - since) >= seconds, since + seconds


def _heard(case: Case, channel: Channel, held: Told | None, now: int) -> Told:
    incident = case.incident
    return Told(
        incident_id=incident.id,
        channel_id=channel.id,
        state=incident.state,
        level=incident.level,
        tier=incident.tier,
        alerts=len(case.alerts),
        recovered_at=incident.recovered_at,
        at=now,
        times=1 + (held.times if held else 0),
    )


def _order(case: Case) -> tuple[int, int, str]:
    return -LEVELS.index(case.incident.level), case.incident.opened_at, case.incident.id


def _delivery(notice: Notice, plan: Plan, now: int) -> Delivery:
    case, channel = notice.case, notice.channel
    incident = case.incident
    return Delivery(
        # In the order of their ids they are sent: several may be of one second.
        id=f"dl_{_id(incident.id, channel.id)}_{notice.told.times:05}",
        channel_id=channel.id,
        alert_id=incident.lead,
        incident_id=incident.id,
        event=notice.event,
        payload=payload(notice.event, case, channel, plan, now),
        state="pending",
        attempts=0,
        next_at=now,
        created_at=now,
    )


def payload(event: str, case: Case, channel: Channel, plan: Plan, now: int) -> dict[str, object]:
    """Return what a channel is told of a case; docs/notifications.md lists the keys."""
    incident, alert = case.incident, case.lead
    told: dict[str, object] = {
        "type": event,
        "id": alert.id,
        "timestamp": now,
        "language": channel.language,
        "brand": _brand(case, plan),
        "incident": {
            "id": incident.id,
            "state": incident.state,
            "level": incident.level,
            "peak": incident.peak,
            "topic": incident.topic,
            "alerts": len(case.alerts),
            "rules": sorted({held.rule for held in case.alerts}),
            "platforms": sorted({held.platform for held in case.alerts if held.platform}),
            "assignee": incident.assignee,
            "merged_into": incident.merged_into,
            "opened_at": incident.opened_at,
        },
        "alert": {
            "id": alert.id,
            "incident_id": alert.incident_id,
            "rule": alert.rule,
            "level": _shown(incident),
            "crisis_index": incident.crisis_index,
            "severity": alert.severity,
            "state": incident.state,
            "summary": alert.summary,
            "expected": round(alert.expected, 2),
            "seen": alert.seen,
            "window_minutes": alert.window // 60,
            "score": round(alert.score, 2),
            "started_at": incident.onset,
            "fired_at": alert.fired_at,
            "due_at": incident.due_at,
            "factors": alert.factors,
            "evidence": alert.evidence,
        },
        "url": plan.page(case),
    }
    if incident.state == "firing" and (link := plan.acknowledge(case, channel)):
        told["ack_url"] = link
    if incident.drill:
        told["drill"] = True
    return told


def _shown(incident: Incident) -> Level:
    """Return the level to name: of what is over the highest, however calm it is by now."""
    is_over = incident.state in ENDED or incident.recovered_at is not None
    return incident.peak if is_over else incident.level


def _digest(notices: Sequence[Notice], plan: Plan, now: int) -> Delivery:
    """One message for all that a crowded channel could not be told one by one, gravest first."""
    channel = notices[0].channel
    levels = Counter(_shown(notice.case.incident) for notice in notices)
    names = [f"{n.case.incident.id} {n.told.times}" for n in notices]
    items: list[dict[str, Any]] = [
        {
            "id": notice.case.incident.id,
            "event": notice.event,
            "brand": _brand(notice.case, plan),
            "level": _shown(notice.case.incident),
            "drill": notice.case.incident.drill,
            "summary": notice.case.lead.summary,
        }
        for notice in notices[:LISTED]
    ]
    digest = {
        "total": len(notices),
        "levels": {level: levels[level] for level in reversed(LEVELS) if levels[level]},
        "items": items,
    }
    delivery_id = "dl_" + _id(channel.id, *names)
    return Delivery(
        id=delivery_id,
        channel_id=channel.id,
        alert_id=None,
        event="alert.digest",
        payload={
            "type": "alert.digest",
            "id": delivery_id,
            "timestamp": now,
            "language": channel.language,
            "alert": {"level": next(level for level in reversed(LEVELS) if levels[level])},
            "digest": digest,
            "url": plan.page(notices[0].case),
        },
        state="pending",
        attempts=0,
        next_at=now,
        created_at=now,
    )


def _brand(case: Case, plan: Plan) -> dict[str, str]:
    held = plan.brands.get(case.incident.brand)
    return {"id": case.incident.brand, "name": held.name if held else case.incident.brand}


def _id(*parts: str) -> str:
    return hashlib.blake2b("\0".join(parts).encode(), digest_size=10).hexdigest()
