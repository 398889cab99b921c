"""复盘: what an incident's record tells once it is over, and what many records tell together. Pure.

Times are UTC seconds, spans seconds. What is not known is None, never 0. Definitions:
docs/response.md.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from statistics import mean, median
from typing import TYPE_CHECKING, Any, Literal

from pydantic import TypeAdapter

from monitor import names
from monitor.aggregate import BIN
from monitor.alerts import SYSTEM
from monitor.domain import ENDED, LEVELS, Alert, AlertEvent, Level
from monitor.feedback import Action  # noqa: TC001  # Pydantic reads it at run time
from monitor.indices import Metric, indices, share
from monitor.playbooks import Task, ranked, subjects
from monitor.statements import Draft  # noqa: TC001  # likewise

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from monitor.aggregate import Sums
    from monitor.domain import Brand, Incident
    from monitor.incidents import Case

DAY = 86_400
BEFORE = 7 * DAY
AFTER: dict[str, int] = {"after_24h": DAY, "after_7d": 7 * DAY}
SMOULDER = 7 * DAY
"""A text may have been about so long before the onset to be where it began; older is chance."""

COMPARED = (
    *("volume", "negative", "negative_share", "nsr_polar", "nsr_total", "wom_index"),
    *("engagement", "reach", "reach_estimated"),
)
_TAKEN = frozenset({"acknowledged", "mitigating", "resolved", "dismissed"})

When = Literal["before", "during", "after_24h", "after_7d"]


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of time to compare, [start, end); `complete` once it has passed as a whole."""

    name: When
    start: int
    end: int
    complete: bool


@dataclass(frozen=True, slots=True)
class Stretch:
    """A window with its metrics (`COMPARED`)."""

    window: Window
    metrics: dict[str, Metric]


@dataclass(frozen=True, slots=True)
class Marks:
    """When things happened to an incident, and whether it was taken on in time.

    `acknowledged_at` is when a person first did anything about it. `in_time` is None while it is
    open, waiting, and its clock has not run out.
    """

    opened_at: int
    acknowledged_at: int | None
    mitigating_at: int | None
    recovered_at: int | None
    resolved_at: int | None
    in_time: bool | None


@dataclass(frozen=True, slots=True)
class Spans:
    """How long things took, in seconds.

    `detect` from the first negative mention of the leading cluster to the opening; `acknowledge`,
    `respond` and `resolve` from the opening; `recover` from the onset to the numbers' return.
    """

    detect: int | None
    acknowledge: int | None
    respond: int | None
    resolve: int | None
    recover: int | None


@dataclass(frozen=True, slots=True)
class Peak:
    """The worst of it; `negatives` is the most in one hour, which began at `hour`."""

    level: Level
    crisis_index: float
    negatives: int | None
    hour: int | None


@dataclass(frozen=True, slots=True)
class Checked:
    """A step of the checklist; `late` is by how many seconds, None while it is not known."""

    text: str
    english: str
    owner: str
    state: Literal["open", "done", "skipped"]
    due_at: int
    done_at: int | None
    done_by: str | None
    late: int | None
    note: str


@dataclass(frozen=True, slots=True)
class Replay:
    """When a rule at some sensitivity would have fired first by a back-test, None for never.

    `gain` is by how many seconds that is before the opening.
    """

    rule: str
    sensitivity: str
    first_at: int | None
    gain: int | None = None


@dataclass(frozen=True, slots=True)
class Material:
    """What a review is made of.

    `sums` are those of each window of `windows`; `hours` the negatives of each hour (its start)
    while it lasted.
    """

    brand: Brand
    case: Case
    events: Sequence[AlertEvent]
    sums: Mapping[str, Sums]
    hours: Mapping[int, int] = field(default_factory=dict)
    tasks: Sequence[Task] = ()
    drafts: Sequence[Draft] = ()
    actions: Sequence[Action] = ()
    replays: Sequence[Replay] = ()


@dataclass(frozen=True, slots=True)
class Review:
    """The record of an incident, as it stood at `made_at`.

    `final` once the incident is over and every window has passed: making it anew would change
    only what was corrected since. `asked` counts texts by demand as the alert that saw most did;
    `replays` are sorted, the earliest first.
    """

    incident_id: str
    brand: str
    brand_name: str
    timezone: str
    state: str
    drill: bool
    reason: str | None
    assignee: str | None
    rules: tuple[str, ...]
    about: tuple[str, ...]
    summary: dict[str, str]
    made_at: int
    final: bool
    first_at: int | None
    onset: int
    marks: Marks
    spans: Spans
    peak: Peak
    asked: dict[str, int] | None
    stretches: tuple[Stretch, ...]
    steps: tuple[Checked, ...]
    statements: tuple[Draft, ...]
    actions: tuple[Action, ...]
    replays: tuple[Replay, ...]
    timeline: tuple[AlertEvent, ...]

    @property
    def earliest(self) -> Replay | None:
        """The rule that would have caught it earliest, None where none would have earlier."""
        return next((replay for replay in self.replays if (replay.gain or 0) > 0), None)


# -- windows ---------------------------------------------------------------------------------------


def windows(incident: Incident, now: int) -> list[Window]:
    """Return the windows to compare: 7 days before the onset, until calm, 24 h and 7 d after.

    Calm is the recovery, else the end; what has not begun is left out, what has begun ends now.
    """
    onset, calm = incident.onset, calm_at(incident)
    ends = min(now, calm) if calm is not None else now
    found = [
        Window("before", onset - BEFORE, onset, complete=True),
        Window("during", onset, max(ends, onset + BIN), complete=calm is not None),
    ]
    if calm is None:
        return found
    names_after: tuple[When, ...] = ("after_24h", "after_7d")
    return found + [
        Window(name, calm, min(now, calm + AFTER[name]), complete=now >= calm + AFTER[name])
        for name in names_after
        if now > calm
    ]


def calm_at(incident: Incident) -> int | None:
    """Return when an incident was over: when it recovered, else ended; None while it lasts."""
    if incident.historical:
        return incident.last_bin
    return incident.resolved_at if incident.recovered_at is None else incident.recovered_at


def remake_at(review: Review) -> int | None:
    """Return when a review is worth making anew; None for one that is final."""
    ends = [
        stretch.window.start + AFTER[stretch.window.name]
        for stretch in review.stretches
        if stretch.window.name in AFTER and not stretch.window.complete
    ]
    if review.final:
        return None
    return min(ends, default=review.made_at + DAY)


# -- one incident ----------------------------------------------------------------------------------


def make_review(material: Material, now: int) -> Review:
    """Gather the record of an incident from what is known of it now."""
    case, brand = material.case, material.brand
    incident, events = case.incident, material.events
    found = marks(incident, events)
    first_at = first_mention(incident, case.alerts)
    parts = [Stretch(w, _compared(material.sums[w.name])) for w in windows(incident, now)]
    done = len(parts) == 2 + len(AFTER) and all(part.window.complete for part in parts)
    return Review(
        incident_id=incident.id,
        brand=brand.id,
        brand_name=brand.name,
        timezone=brand.timezone,
        state=incident.state,
        drill=incident.drill,
        reason=incident.reason,
        assignee=incident.assignee,
        rules=tuple(dict.fromkeys(alert.rule for alert in case.alerts)),
        about=tuple(subjects(incident, case.alerts)),
        summary=dict(case.lead.summary),
        made_at=now,
        final=incident.state in ENDED and done,
        first_at=first_at,
        onset=incident.onset,
        marks=found,
        spans=_spans(incident, found, first_at),
        peak=_peak(incident, case.alerts, material.hours),
        asked=_asked(case.alerts),
        stretches=tuple(parts),
        steps=tuple(_checked(task, now) for task in material.tasks),
        statements=tuple(draft for draft in material.drafts if draft.state == "approved"),
        actions=tuple(material.actions),
        replays=_replays(material.replays, incident.opened_at),
        timeline=tuple(sorted(events, key=lambda event: event.at)),
    )


def marks(incident: Incident, events: Iterable[AlertEvent]) -> Marks:
    """Tell when things first happened to an incident; its timeline knows more than its fields."""
    taken = [event.at for event in events if event.action in _TAKEN and event.actor != SYSTEM]
    mitigated = [event.at for event in events if event.action == "mitigating"]
    late = [event.at for event in events if event.action == "overdue"]
    known = incident.acknowledged_at
    if known is None and incident.state == "dismissed":
        known = incident.resolved_at
    acknowledged = min(taken, default=known)
    return Marks(
        opened_at=incident.opened_at,
        acknowledged_at=acknowledged,
        mitigating_at=min(mitigated, default=incident.mitigating_at),
        recovered_at=incident.recovered_at,
        resolved_at=None if incident.historical else incident.resolved_at,
        in_time=_in_time(incident, acknowledged, min(late, default=None)),
    )


def _in_time(incident: Incident, acknowledged: int | None, late: int | None) -> bool | None:
    if incident.historical:
        return None
    if acknowledged is not None:
        # Its present clock began with the last rise, which may be after it was taken on.
        return acknowledged <= (incident.due_at if late is None else min(incident.due_at, late))
    return False if late is not None or incident.tier > 0 else None


def first_mention(incident: Incident, alerts: Sequence[Alert]) -> int | None:
    """Return when the first negative mention of the leading cluster was published.

    That of the leading alert's heaviest text, where it is at most 7 days older than the onset;
    else the first negative of its window. None where no alert's evidence tells.
    """
    for alert in sorted(alerts, key=lambda a: (a.id != incident.lead, a.fired_at)):
        origin = alert.evidence.get("origin")
        if not isinstance(origin, dict):
            continue
        clusters = origin.get("clusters")
        leading = clusters[:1] if isinstance(clusters, list) else []
        times = [each.get("at") for each in (*leading, origin) if isinstance(each, dict)]
        for at in times:
            if isinstance(at, int) and incident.onset - SMOULDER <= at <= incident.opened_at:
                return at
    return None


def _spans(incident: Incident, found: Marks, first_at: int | None) -> Spans:
    if incident.historical:
        return Spans(None, None, None, None, None)

    def since(start: int | None, end: int | None) -> int | None:
        return None if start is None or end is None else max(0, end - start)

    return Spans(
        detect=since(first_at, found.opened_at),
        acknowledge=since(found.opened_at, found.acknowledged_at),
        respond=since(found.opened_at, found.mitigating_at),
        resolve=since(found.opened_at, found.resolved_at),
        recover=since(incident.onset, found.recovered_at),
    )


def _peak(incident: Incident, alerts: Sequence[Alert], hours: Mapping[int, int]) -> Peak:
    hour = max(hours, key=lambda h: (hours[h], -h), default=None)
    return Peak(
        level=max((incident.peak, *(a.level for a in alerts)), key=LEVELS.index),
        crisis_index=max((incident.crisis_index, *(a.crisis_index for a in alerts))),
        negatives=None if hour is None else hours[hour],
        hour=hour,
    )


def _asked(alerts: Sequence[Alert]) -> dict[str, int] | None:
    if not any("demands" in alert.evidence for alert in alerts):
        return None
    counted = ranked(alerts, "demands", "kind")
    return {kind: n for kind, n in counted.items() if kind in names.DEMANDS}


def _compared(sums: Sums) -> dict[str, Metric]:
    found = indices(sums)
    return {name: found[name] for name in COMPARED}


def _checked(task: Task, now: int) -> Checked:
    at = task.done_at if task.state == "done" else now if task.state == "open" else None
    late = None if at is None else max(0, at - task.due_at)
    return Checked(
        text=task.text,
        english=task.english,
        owner=task.owner,
        state=task.state,
        due_at=task.due_at,
        done_at=task.done_at,
        done_by=task.done_by,
        # What is open and not due may still be done in time.
        late=None if task.state == "open" and late == 0 else late,
        note=task.note,
    )


def _replays(replays: Iterable[Replay], opened_at: int) -> tuple[Replay, ...]:
    found = [
        Replay(r.rule, r.sensitivity, r.first_at, opened_at - r.first_at)
        if r.first_at is not None
        else Replay(r.rule, r.sensitivity, None)
        for r in replays
    ]
    never = math.inf
    return tuple(sorted(found, key=lambda r: (never if r.first_at is None else r.first_at, r.rule)))


_RECORD = TypeAdapter(Review)


def document(review: Review) -> dict[str, Any]:
    """Return a review as plain data for JSON; `read` is its inverse."""
    plain: dict[str, Any] = _RECORD.dump_python(review, mode="json")
    return plain


def read(body: Mapping[str, Any]) -> Review:
    """Read a review from plain data."""
    return _RECORD.validate_python(body)


# -- many incidents --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Times:
    """The median, mean and 90th percentile of n spans in seconds; None where n is 0."""

    n: int
    median: float | None = None
    mean: float | None = None
    p90: float | None = None


@dataclass(frozen=True, slots=True)
class Statistics:
    """Figures of many incidents; exercises, historical and merged ones are left out.

    `detect`, `acknowledge`, `respond`, `resolve` and `recover` are MTTD, MTTA and so on.
    `in_clock` is the share taken on in time of those whose clock has decided. `false_alarms` is
    the share dismissed of the findings of each rule that people decided on.
    """

    n: int
    open: int
    by_level: dict[str, int]
    by_rule: dict[str, int]
    detect: Times
    acknowledge: Times
    respond: Times
    resolve: Times
    recover: Times
    in_clock: Metric
    false_alarms: dict[str, Metric]


def statistics(
    incidents: Sequence[Incident],
    alerts: Sequence[Alert],
    events: Mapping[str, Sequence[AlertEvent]] | None = None,
) -> Statistics:
    """Summarise incidents.

    Parameters
    ----------
    incidents, alerts
        The incidents and all their alerts.
    events
        Timelines by incident id. Without one an incident's own fields are taken, which forget
        what was before it was opened again. With one, what faded before it fired is left out.

    """
    told = events or {}
    real = [i for i in incidents if _counts(i, told.get(i.id, ()))]
    held: dict[str, list[Alert]] = {incident.id: [] for incident in real}
    for alert in alerts:
        if alert.incident_id in held and not alert.historical:
            held[alert.incident_id].append(alert)
    found = {i.id: marks(i, told.get(i.id, ())) for i in real}
    spans = [_spans(i, found[i.id], first_mention(i, held[i.id])) for i in real]
    clocks = [mark.in_time for mark in found.values() if mark.in_time is not None]
    levels = Counter(max((i.peak, *(a.level for a in held[i.id])), key=LEVELS.index) for i in real)
    rules = Counter(a.rule for i in real for a in held[i.id] if a.id == i.lead)
    return Statistics(
        n=len(real),
        open=sum(incident.state not in ENDED for incident in real),
        by_level={level: levels[level] for level in reversed(LEVELS) if levels[level]},
        by_rule=dict(rules.most_common()),
        detect=times(span.detect for span in spans),
        acknowledge=times(span.acknowledge for span in spans),
        respond=times(span.respond for span in spans),
        resolve=times(span.resolve for span in spans),
        recover=times(span.recover for span in spans),
        in_clock=share(sum(clocks), len(clocks)),
        false_alarms=_false_alarms(real, held, found),
    )


def times(spans: Iterable[int | None]) -> Times:
    """Summarise spans, the unknown left out; p90 is the nearest rank.

    >>> times([60, None, 120, 600])
    Times(n=3, median=120, mean=260, p90=600)
    """
    known = sorted(span for span in spans if span is not None)
    if not known:
        return Times(0)
    return Times(len(known), median(known), mean(known), known[math.ceil(0.9 * len(known)) - 1])


def _counts(incident: Incident, events: Iterable[AlertEvent]) -> bool:
    aside = incident.drill or incident.historical or incident.merged_into is not None
    return not aside and all(event.action != "faded" for event in events)


def _false_alarms(
    real: Sequence[Incident], held: Mapping[str, Sequence[Alert]], found: Mapping[str, Marks]
) -> dict[str, Metric]:
    decided: Counter[str] = Counter()
    dismissed: Counter[str] = Counter()
    for incident in real:
        judged = found[incident.id].acknowledged_at is not None
        for alert in held[incident.id]:
            if alert.state == "dismissed" or (alert.state == "resolved" and judged):
                decided[alert.rule] += 1
                dismissed[alert.rule] += alert.state == "dismissed"
    return {rule: share(dismissed[rule], n) for rule, n in decided.most_common()}
