"""The life of an incident, by people and by time. Pure: `now` is an argument.

pending → firing → acknowledged → mitigating → resolved, or dismissed as false. What is found about
the same brand and topic joins it; its level rises with what is found and eases when the numbers
do. Whom to tell of a change is not decided here: see `notices`.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from monitor.alerts import COUNTED, EPISODE_GAP, SYSTEM
from monitor.domain import ENDED, LEVELS, Alert, AlertEvent, Incident, Level, State
from monitor.errors import Conflict
from monitor.indices import CLOCKS
from monitor.names import STATES, called

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Step = Callable[["Case", Incident, int], tuple[Incident, str, str]]

HOLD = {"topic": 600, "no_data": 600}
"""Seconds that findings of a rule wait, pending, for a second look to find them again."""

ALONE = frozenset({"no_data", "drill"})
"""Rules each of whose findings is an incident of its own."""

EASE_AFTER = 3600
LASTING = 86_400
"""What is no matter of counts, a grave mention say, eases and recovers after a day."""

CLOSE_AFTER = 3 * 86_400
FAR_AHEAD = 8 * 86_400
MOST_TIERS = 5
_WAITING: tuple[State, ...] = ("pending", "firing")


@dataclass(frozen=True, slots=True)
class Case:
    """An incident with its alerts, oldest first."""

    incident: Incident
    alerts: tuple[Alert, ...]

    @property
    def lead(self) -> Alert:
        """The alert that speaks for the incident."""
        return next(alert for alert in self.alerts if alert.id == self.incident.lead)

    @property
    def standing(self) -> tuple[Alert, ...]:
        """The alerts that have not ended; all of them where the incident has."""
        return tuple(a for a in self.alerts if a.state not in ENDED) or self.alerts

    @property
    def is_open(self) -> bool:
        """Whether people may still have to act."""
        return self.incident.state not in ENDED


@dataclass(frozen=True, slots=True)
class Change:
    """A case as it now stands, which of its alerts changed, and the new timeline lines."""

    case: Case
    changed: tuple[Alert, ...]
    events: tuple[AlertEvent, ...]


# -- what is found ---------------------------------------------------------------------------------


def home(alert: Alert, cases: Sequence[Case]) -> Case | None:
    """Find the open case that a new alert belongs to: of its topic first, the latest of these."""
    fitting = [
        case
        for case in cases
        if case.is_open
        and _stirred_at(case.incident) + _quiet(case) >= alert.onset
        and _are_one(alert, case)
    ]
    return max(
        fitting,
        key=lambda c: (c.incident.topic == alert.topic, c.incident.last_bin, c.incident.id),
        default=None,
    )


def _are_one(alert: Alert, case: Case) -> bool:
    if alert.rule in ALONE or any(held.rule in ALONE for held in case.alerts):
        return False
    return not alert.topic or not case.incident.topic or alert.topic == case.incident.topic


def speaks_again(case: Case, alert: Alert) -> bool:
    """Whether an alert opens an ended case again; one that was dismissed only if it is graver."""
    graver = LEVELS.index(alert.level) > LEVELS.index(case.incident.peak)
    return case.incident.state != "dismissed" or graver


def begin(alert: Alert, now: int, *, drill: bool = False) -> Change:
    """Open an incident for an alert that has none; a historical one has ended already."""
    ended = alert.historical
    state: State = "resolved" if ended else "pending" if alert.rule in HOLD else "firing"
    opened_at = alert.fired_at if ended else now
    incident = Incident(
        id=alert.incident_id
        or "in_" + hashlib.blake2b(alert.id.encode(), digest_size=10).hexdigest(),
        brand=alert.brand,
        topic=alert.topic,
        state=state,
        level=alert.level,
        peak=alert.level,
        crisis_index=alert.crisis_index,
        lead=alert.id,
        onset=alert.onset,
        last_bin=alert.last_bin,
        opened_at=opened_at,
        raised_at=opened_at,
        updated_at=now,
        due_at=opened_at + CLOCKS[alert.level],
        historical=ended,
        drill=drill,
        resolved_at=now if ended else None,
    )
    action = "recorded" if ended else "noticed" if state == "pending" else "fired"
    held = replace(alert, incident_id=incident.id)
    case = Case(incident, (held,))
    return _change(case, incident, [held], [(held.id, action, _weight(alert))], SYSTEM, now)


def join(case: Case, alert: Alert, now: int) -> Change:
    """Add a new alert to a case; an ended case opens again, as grave as the alert is."""
    alert = replace(alert, incident_id=case.incident.id)
    said = [(alert.id, "joined", f"{alert.rule} {_weight(alert)}")]
    incident = case.incident
    if not case.is_open:
        incident = replace(_opened_again(incident, alert.level, now), crisis_index=0.0)
        said.append((alert.id, "reopened", ""))
    grown = Case(incident, (*case.alerts, alert))
    return _grown(grown, alert, alert.level, said, now)


def carry_on(case: Case, alert: Alert, level: Level, now: int) -> Change:
    """Put an alert that was brought up to date in the place of what it was.

    `level` is that of the latest finding: the alert keeps its highest.
    """
    alerts = tuple(alert if held.id == alert.id else held for held in case.alerts)
    return _grown(replace(case, alerts=alerts), alert, level, [], now)


def _grown(
    case: Case, alert: Alert, found: Level, said: list[tuple[str, str, str]], now: int
) -> Change:
    """Let a case grow by one of its alerts, which was just found at a level."""
    incident = case.incident
    level = max(incident.level, found, key=LEVELS.index)
    raised = LEVELS.index(level) > LEVELS.index(incident.peak)
    # Outside its hold it is confirmed, on whichever side: the clock may have been set back.
    waits = 0 <= now - incident.opened_at < HOLD.get(alert.rule, 0)
    confirmed = incident.state == "pending" and not waits
    relapsed = incident.recovered_at is not None and alert.last_bin > incident.last_bin
    if confirmed:
        said.append((alert.id, "fired", f"{level} {alert.crisis_index:g}"))
    elif level != incident.level:
        said.append((alert.id, "escalated", f"{incident.level} → {level} {alert.crisis_index:g}"))
    if relapsed:
        said.append((alert.id, "relapsed", ""))
    stronger = alert.crisis_index > incident.crisis_index
    newer = replace(
        incident,
        topic=incident.topic or alert.topic,
        state="firing" if confirmed else incident.state,
        level=level,
        crisis_index=max(incident.crisis_index, alert.crisis_index),
        lead=alert.id if stronger or case.lead.state in ENDED else incident.lead,
        onset=min(incident.onset, alert.onset),
        last_bin=max(incident.last_bin, alert.last_bin),
    )
    if raised or confirmed or relapsed:
        newer = _stirred(newer, level, now)
    return _change(case, newer, [alert], said, SYSTEM, now)


def lasting(case: Case, last_bin: int, now: int, *, onset: int | None = None) -> Change | None:
    """Record that its brand's counts still alarm, up to the bin that ends at `last_bin`.

    They have since `onset` without a gap, in that bin alone where it is left out. None where that
    says nothing of a case: it has ended, is of something else, or there was quiet in between, so
    that it is another matter.
    """
    incident = case.incident
    is_of_counts = any(alert.rule in COUNTED for alert in case.standing)
    since = last_bin if onset is None else onset
    goes_on = incident.last_bin < last_bin and since <= _stirred_at(incident) + _quiet(case)
    if not (case.is_open and is_of_counts and goes_on):
        return None
    said = []
    if incident.recovered_at is not None:
        said.append((incident.lead, "relapsed", ""))
        incident = _stirred(incident, incident.level, now)
    return _change(case, replace(incident, last_bin=last_bin), [], said, SYSTEM, now)


def settle(case: Case, now: int) -> Change | None:
    """Record that data came back where it had stopped, once it has flowed for a while.

    None where a case is of something else, or it is too early.
    """
    incident = case.incident
    if any(alert.rule != "no_data" for alert in case.standing):
        return None
    if incident.state == "pending":
        newer = replace(incident, state="resolved", resolved_at=now)
        return _change(case, newer, [], [(incident.lead, "faded", "")], SYSTEM, now)
    calm = now - _stirred_at(incident) >= EASE_AFTER
    if not case.is_open or incident.recovered_at is not None or not calm:
        return None
    newer = replace(incident, recovered_at=now)
    return _change(case, newer, [], [(incident.lead, "recovered", "")], SYSTEM, now)


# -- what people do --------------------------------------------------------------------------------


def is_waiting(case: Case) -> bool:
    """Whether an incident waits for a person to take it on."""
    return case.incident.state in _WAITING


def acknowledge(case: Case, *, actor: str, note: str, now: int) -> Change:
    """Record that a person has taken an incident on; raises Conflict unless it waits for one."""
    _need(case, _WAITING, "接手", "acknowledged")
    newer = replace(case.incident, state="acknowledged", acknowledged_at=now)
    return _by_person(case, newer, actor, "acknowledged", note, now)


def mitigate(case: Case, *, actor: str, note: str, now: int) -> Change:
    """Record that the response is under way; raises Conflict where it is already or has ended."""
    _need(case, (*_WAITING, "acknowledged"), "标为处置中", "mitigated")
    taken = case.incident.acknowledged_at
    newer = replace(
        case.incident,
        state="mitigating",
        acknowledged_at=now if taken is None else taken,
        mitigating_at=now,
    )
    return _by_person(case, newer, actor, "mitigating", note, now)


def resolve(case: Case, *, actor: str, note: str, now: int) -> Change:
    """End an incident; raises Conflict where it has ended."""
    _need_open(case)
    newer = replace(case.incident, state="resolved", resolved_at=now)
    return _by_person(case, newer, actor, "resolved", note, now)


def dismiss(case: Case, *, actor: str, reason: str, now: int) -> Change:
    """End an incident as a false alarm, with the reason; raises Conflict where it has ended."""
    _need_open(case)
    newer = replace(case.incident, state="dismissed", resolved_at=now, reason=reason)
    return _by_person(case, newer, actor, "dismissed", reason, now)


def reopen(case: Case, *, actor: str, note: str, now: int) -> Change:
    """Open an ended incident again with its leading alert, at its peak, its clock anew.

    Raises Conflict where it is open, was merged into another, or is historical.
    """
    if case.is_open:
        raise Conflict("事件尚未结束 / the incident is still open")
    if case.incident.merged_into or case.incident.historical:
        raise Conflict(
            "已并入其他事件或只是历史记录，不能重开 / "
            "merged or historical: it cannot be opened again"
        )
    incident = _opened_again(case.incident, case.incident.peak, now)
    lead = replace(case.lead, state="firing")
    alerts = tuple(lead if held.id == lead.id else held for held in case.alerts)
    return _by_person(replace(case, alerts=alerts), incident, actor, "reopened", note, now, [lead])


def assign(case: Case, *, actor: str, assignee: str, now: int) -> Change:
    """Give an incident to somebody; raises Conflict where it has ended."""
    _need_open(case)
    newer = replace(case.incident, assignee=assignee)
    return _by_person(case, newer, actor, "assigned", assignee, now)


def note(case: Case, *, actor: str, text: str, now: int) -> Change:
    """Add a line to the timeline."""
    return _by_person(case, case.incident, actor, "noted", text, now)


def merge(case: Case, other: Case, *, actor: str, now: int) -> tuple[Change, Change]:
    """Put the alerts of `other` under `case`; returns the changes of `case` and of `other`.

    Of the two response clocks the more urgent goes on.

    Raises
    ------
    Conflict
        Unless both are open, of one brand, two, and both or none an exercise.

    """
    _need_open(case)
    _need_open(other)
    one, two = case.incident, other.incident
    if one.id == two.id or one.brand != two.brand or one.drill != two.drill:
        raise Conflict("只能合并同一品牌的两个事件 / only two incidents of one brand can be merged")
    handled = two if one.state == "pending" else one
    graver = two if two.crisis_index > one.crisis_index else one
    urgent = min(
        one, two, key=lambda i: (i.recovered_at is not None, i.state == "pending", i.due_at)
    )
    newer = replace(
        one,
        topic=one.topic or two.topic,
        state=handled.state,
        acknowledged_at=handled.acknowledged_at,
        mitigating_at=handled.mitigating_at,
        assignee=one.assignee or two.assignee,
        level=max(one.level, two.level, key=LEVELS.index),
        peak=max(one.peak, two.peak, key=LEVELS.index),
        crisis_index=graver.crisis_index,
        lead=graver.lead,
        onset=min(one.onset, two.onset),
        last_bin=max(one.last_bin, two.last_bin),
        opened_at=min(one.opened_at, two.opened_at),
        raised_at=urgent.raised_at,
        due_at=urgent.due_at,
        tier=urgent.tier,
        recovered_at=urgent.recovered_at,
    )
    moved = tuple(replace(alert, incident_id=one.id) for alert in other.alerts)
    alerts = tuple(sorted((*case.alerts, *moved), key=lambda alert: (alert.fired_at, alert.id)))
    kept = _by_person(Case(one, alerts), newer, actor, "merged", two.id, now, moved)
    gone = replace(two, state="resolved", resolved_at=now, merged_into=one.id, updated_at=now)
    event = AlertEvent(two.lead, now, actor, "merged", one.id, two.id)
    return kept, Change(Case(gone, moved), (), (event,))


# -- what time does --------------------------------------------------------------------------------


def pass_time(case: Case, now: int) -> Change | None:
    """Do what is due by the clock alone; None where nothing is.

    A response clock that ran out is recorded, again with each further length of it; a calm
    incident eases level by level, recovers, and ends by itself long after; an exercise ends after
    a day.
    """
    if not case.is_open:
        return None
    incident = _caught_up(case.incident, now)
    said = []
    for step in _steps(incident):
        newer, action, text = step(case, incident, now)
        if newer != incident:
            said.append((incident.lead, action, text))
            incident = newer
    return None if incident == case.incident else _change(case, incident, [], said, SYSTEM, now)


def wakes_at(case: Case) -> int | None:
    """Return when `pass_time` may next have something to do; None for never."""
    if not case.is_open:
        return None
    incident, stirred_at = case.incident, _stirred_at(case.incident)
    if incident.state == "pending":
        return stirred_at + EPISODE_GAP
    times = [stirred_at + _quiet(case)]
    if incident.recovered_at is not None:
        times = [incident.recovered_at + CLOSE_AFTER]
    if _is_ticking(incident):
        times.append(incident.due_at + incident.tier * CLOCKS[incident.peak])
    if incident.level != "blue":
        steps = LEVELS.index(incident.peak) - LEVELS.index(incident.level)
        times.append(stirred_at + (steps + 1) * _ease(case))
    return min(times)


def _steps(incident: Incident) -> tuple[Step, ...]:
    if incident.state == "pending":
        return (_faded,)
    # Nothing burns in an exercise that could ease or recover.
    return (_overdue, _closed) if incident.drill else (_overdue, _eased, _recovered, _closed)


def _faded(_case: Case, incident: Incident, now: int) -> tuple[Incident, str, str]:
    if now < _stirred_at(incident) + EPISODE_GAP:
        return incident, "", ""
    return replace(incident, state="resolved", resolved_at=now), "faded", ""


def _overdue(_case: Case, incident: Incident, now: int) -> tuple[Incident, str, str]:
    late = now - incident.due_at
    if not _is_ticking(incident) or late < 0:
        return incident, "", ""
    # Whoever was not looked at for long is told of the last tier alone.
    tier = min(MOST_TIERS, 1 + late // CLOCKS[incident.peak])
    newer = replace(incident, tier=max(incident.tier, tier))
    return newer, "overdue", str(newer.tier)


def _is_ticking(incident: Incident) -> bool:
    """Whether the response clock runs: not once somebody has answered, or nothing burns."""
    return (
        incident.state == "firing" and incident.recovered_at is None and incident.tier < MOST_TIERS
    )


def _eased(case: Case, incident: Incident, now: int) -> tuple[Incident, str, str]:
    """Lower the level to one below the peak for each full spell of calm, at least blue."""
    steps = max(0, now - _stirred_at(incident)) // _ease(case)
    lowest = max(LEVELS.index("blue"), LEVELS.index(incident.peak) - steps)
    level = LEVELS[min(LEVELS.index(incident.level), lowest)]
    return replace(incident, level=level), "eased", f"{incident.level} → {level}"


def _recovered(case: Case, incident: Incident, now: int) -> tuple[Incident, str, str]:
    if incident.recovered_at is None and now >= _stirred_at(incident) + _quiet(case):
        return replace(incident, recovered_at=now), "recovered", ""
    return incident, "", ""


def _believed(at: int, now: int) -> int:
    return at if at <= now + FAR_AHEAD else now


def _closed(case: Case, incident: Incident, now: int) -> tuple[Incident, str, str]:
    ends_at = None if incident.recovered_at is None else incident.recovered_at + CLOSE_AFTER
    if incident.drill:
        ends_at = _stirred_at(incident) + _quiet(case)
    if ends_at is None or now < ends_at:
        return incident, "", ""
    return replace(incident, state="resolved", resolved_at=now), "closed", ""


def _caught_up(incident: Incident, now: int) -> Incident:
    """Bring back what lies ahead because the clock was set back; the response clock starts anew.

    Tiers that were told stay told. Whatever changes an incident is no later than its `updated_at`.
    When something was said is another clock's word: it is believed unless it is far ahead.
    """
    if incident.updated_at <= now:
        return incident
    recovered = incident.recovered_at
    newer = replace(
        incident,
        updated_at=now,
        last_bin=_believed(incident.last_bin, now),
        recovered_at=None if recovered is None else _believed(recovered, now),
    )
    if incident.raised_at <= now:
        return newer
    due_at = now + (1 - incident.tier) * CLOCKS[incident.peak]
    return replace(newer, raised_at=now, due_at=due_at)


def _stirred_at(incident: Incident) -> int:
    """Return since when it may have been calm: the last alarm, or when people last had news."""
    return max(incident.last_bin, incident.raised_at)


def _ease(case: Case) -> int:
    return EASE_AFTER if _is_counted(case) else LASTING


def _quiet(case: Case) -> int:
    return EPISODE_GAP if _is_counted(case) else LASTING


def _is_counted(case: Case) -> bool:
    return all(alert.rule in COUNTED for alert in case.standing)


# -- writing it down -------------------------------------------------------------------------------


def _stirred(incident: Incident, level: Level, now: int) -> Incident:
    """Start the response clock anew at a level; a rise above it will start it again."""
    return replace(
        incident,
        level=level,
        peak=level,
        raised_at=now,
        due_at=now + CLOCKS[level],
        tier=0,
        recovered_at=None,
    )


def _opened_again(incident: Incident, level: Level, now: int) -> Incident:
    return replace(
        _stirred(incident, level, now),
        state="firing",
        acknowledged_at=None,
        mitigating_at=None,
        resolved_at=None,
        reason=None,
    )


def _weight(alert: Alert) -> str:
    return f"{alert.level} {alert.crisis_index:g}"


def _need_open(case: Case) -> None:
    if not case.is_open:
        raise Conflict("事件已结束 / the incident has ended")


def _need(case: Case, states: tuple[State, ...], verb: str, english: str) -> None:
    if case.incident.state not in states:
        raise Conflict(
            f"事件当前为“{called(STATES, case.incident.state, 'zh')}”，不能{verb} / "
            f"an incident that is {case.incident.state} cannot be {english}"
        )


def _by_person(
    case: Case,
    incident: Incident,
    actor: str,
    action: str,
    text: str,
    now: int,
    changed: Sequence[Alert] = (),
) -> Change:
    return _change(case, incident, changed, [(incident.lead, action, text)], actor, now)


def _change(
    case: Case,
    incident: Incident,
    changed: Sequence[Alert],
    said: Sequence[tuple[str, str, str]],
    actor: str,
    now: int,
) -> Change:
    """Write an incident's new state onto its standing alerts, and its events down."""
    incident = replace(_caught_up(incident, now), updated_at=now)
    alerts = tuple(_mirrored(alert, incident) for alert in case.alerts)
    before = {alert.id: alert for alert in case.alerts}
    touched = {alert.id for alert in changed}
    return Change(
        Case(incident, alerts),
        tuple(a for a in alerts if a.id in touched or a != before[a.id]),
        tuple(AlertEvent(a, now, actor, action, text, incident.id) for a, action, text in said),
    )


def _mirrored(alert: Alert, incident: Incident) -> Alert:
    # Alerts of a merged case are another's now.
    if alert.state in ENDED or alert.incident_id != incident.id:
        return alert
    return replace(
        alert,
        state=incident.state,
        assignee=incident.assignee,
        acknowledged_at=incident.acknowledged_at,
        resolved_at=incident.resolved_at,
        due_at=incident.due_at,
    )
