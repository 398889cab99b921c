"""The life of an alert: fire, raise, acknowledge, resolve. Pure: `now` is an argument.

firing → acknowledged → resolved, by people; a rise in level is an update of the same alert and
starts its clock again. Ids are derived from what they name, so that a repeat after a crash is the
same alert and the same message.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from monitor.domain import LEVELS, Alert, AlertEvent, Brand, Channel, Delivery
from monitor.errors import Conflict
from monitor.indices import CLOCKS, at_least, crisis_index, level_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from monitor.detect import Signal

EPISODE_GAP = 6 * 3600
SYSTEM = "tingfeng"
_SURE = 12


@dataclass(frozen=True, slots=True)
class Assessment:
    """What is known about a signal: the factors of the 危机指数, one sentence, the evidence."""

    factors: dict[str, float]
    summary: dict[str, str]
    evidence: dict[str, object]


@dataclass(frozen=True, slots=True)
class Change:
    """A changed alert, its new timeline lines, and the event to tell people of (or None)."""

    alert: Alert
    events: tuple[AlertEvent, ...]
    tell: str | None


def merged(signals: Sequence[Signal]) -> list[Signal]:
    """Keep the last signal of each episode: an update always says more than what it updates.

    What is found in one look is told in one message.
    """
    return list({(s.series, _kind(s.rule), s.onset): s for s in signals}.values())


def matching(signal: Signal, alerts: Sequence[Alert]) -> Alert | None:
    """Find the alert that a signal belongs to: of its kind, without a quiet gap of six hours.

    An open one comes before those that have ended, and of these the latest.
    """
    found = (
        alert
        for alert in alerts
        if _kind(alert.rule) == _kind(signal.rule)
        and alert.onset - EPISODE_GAP <= signal.bin_end <= alert.last_bin + EPISODE_GAP
    )
    return max(found, key=lambda a: (a.state != "resolved", a.last_bin, a.fired_at), default=None)


def dealt_with(alerts: Sequence[Alert]) -> int:
    """Return when a person last ended a risk alert among these; 0 where nobody did."""
    return max(
        (a.resolved_at or 0 for a in alerts if a.rule == "risk" and not a.historical), default=0
    )


def incident_of(alerts: Sequence[Alert]) -> str | None:
    """Return the incident that a new alert beside these belongs to: that of one still open."""
    return next((a.incident_id for a in alerts if a.state != "resolved"), None)


def _kind(rule: str) -> str:
    # Spike and share are two tests of one detector over the same counts: one episode, one alert.
    return "risk" if rule == "risk" else "count"


def is_news(signal: Signal, held: Alert, now: int, max_age: int) -> bool:
    """Whether a signal calls for an alert of its own beside one that has ended.

    An alert that a person ended speaks again only of what came after; one that was recorded as
    historical becomes a present one while the anomaly lasts.
    """
    if held.state != "resolved" or signal.bin_end < now - max_age:
        return False
    # A risk signal holds only what came after the end; a bin may hold both.
    is_later = signal.rule == "risk" or signal.bin_end > max(held.last_bin, held.resolved_at or 0)
    return held.historical or is_later


def says_more(signal: Signal, held: Alert) -> bool:
    """Whether a signal is stronger than its open alert, or reaches beyond it."""
    return signal.score > held.score or signal.bin_end > held.last_bin


def fire(
    signal: Signal,
    assessment: Assessment,
    now: int,
    max_age: int,
    *,
    incident: str | None = None,
    after: Alert | None = None,
) -> Change:
    """Make an alert of a signal; one whose bin ended over `max_age` seconds ago is historical.

    `incident` is the one it belongs to, `after` an ended alert that it speaks again of.
    """
    index = crisis_index(assessment.factors)
    level = level_of(index)
    historical = signal.bin_end < now - max_age
    before = after.id if after else ""
    alert_id = "al_" + _id(signal.series, signal.rule, str(signal.bin_end), before)
    alert = Alert(
        id=alert_id,
        incident_id=incident or "in_" + _id(signal.series, str(signal.onset)),
        brand=signal.series,
        rule=signal.rule,
        state="resolved" if historical else "firing",
        level=level,
        severity=signal.severity,
        crisis_index=round(index, 1),
        score=signal.score,
        expected=signal.expected,
        seen=signal.seen,
        window=signal.window,
        onset=signal.onset,
        last_bin=signal.bin_end,
        fired_at=signal.bin_end if historical else now,
        updated_at=now,
        due_at=now + CLOCKS[level],
        factors=assessment.factors,
        summary=assessment.summary,
        evidence=assessment.evidence,
        historical=historical,
        resolved_at=now if historical else None,
    )
    action = "recorded" if historical else "fired"
    event = AlertEvent(alert_id, now, SYSTEM, action, f"{level} {alert.crisis_index:g}")
    return Change(alert, (event,), None if historical else "alert.firing")


def extend(alert: Alert, signal: Signal, assessment: Assessment, now: int) -> Change | None:
    """Bring an open alert up to date; None where nothing changed.

    Its level only rises here; a rise restarts the response clock and is told.
    """
    if alert.state == "resolved":
        return None
    index = max(alert.crisis_index, round(crisis_index(assessment.factors), 1))
    level = level_of(index)
    raised = LEVELS.index(level) > LEVELS.index(alert.level)
    stronger = signal.score > alert.score
    last_bin = max(alert.last_bin, signal.bin_end)
    onset = min(alert.onset, signal.onset)
    if not raised and not stronger and (last_bin, onset) == (alert.last_bin, alert.onset):
        return None
    newer = replace(
        alert,
        level=level,
        crisis_index=index,
        last_bin=last_bin,
        onset=onset,
        updated_at=now,
        due_at=now + CLOCKS[level] if raised else alert.due_at,
        factors=assessment.factors if raised or stronger else alert.factors,
        summary=assessment.summary if raised or stronger else alert.summary,
        evidence=assessment.evidence if raised or stronger else alert.evidence,
        severity=signal.severity if stronger else alert.severity,
        score=signal.score if stronger else alert.score,
        expected=signal.expected if stronger else alert.expected,
        seen=signal.seen if stronger else alert.seen,
        window=signal.window if stronger else alert.window,
    )
    if not raised:
        return Change(newer, (), None)
    event = AlertEvent(alert.id, now, SYSTEM, "escalated", f"{alert.level} → {level} {index:g}")
    return Change(newer, (event,), "alert.escalated")


def acknowledge(alert: Alert, *, actor: str, note: str, now: int) -> Change:
    """Record that a person has taken an alert on; raises Conflict unless it is firing."""
    if alert.state != "firing":
        raise Conflict(
            f"预警当前为“{alert.state}”，不能确认 / "
            f"an alert that is {alert.state} cannot be acknowledged"
        )
    newer = replace(alert, state="acknowledged", acknowledged_at=now, updated_at=now)
    return _by_person(newer, actor, "acknowledged", note, now, "alert.acknowledged")


def resolve(alert: Alert, *, actor: str, note: str, now: int) -> Change:
    """End an alert; raises Conflict where it has ended."""
    if alert.state == "resolved":
        raise Conflict("预警已结束 / the alert is resolved already")
    newer = replace(alert, state="resolved", resolved_at=now, updated_at=now)
    return _by_person(newer, actor, "resolved", note, now, "alert.resolved")


def assign(alert: Alert, *, actor: str, assignee: str, now: int) -> Change:
    """Give an alert to somebody; raises Conflict where it has ended."""
    if alert.state == "resolved":
        raise Conflict("预警已结束，不能指派 / the alert is resolved: it cannot be assigned")
    newer = replace(alert, assignee=assignee, updated_at=now)
    return _by_person(newer, actor, "assigned", assignee, now, None)


def note(alert: Alert, *, actor: str, text: str, now: int) -> Change:
    """Add a line to the timeline."""
    return _by_person(replace(alert, updated_at=now), actor, "noted", text, now, None)


def _by_person(
    alert: Alert, actor: str, action: str, text: str, now: int, tell: str | None
) -> Change:
    return Change(alert, (AlertEvent(alert.id, now, actor, action, text),), tell)


def deliveries(
    change: Change, brand: Brand, channels: Sequence[Channel], now: int, link: str | None
) -> list[Delivery]:
    """Write the messages of a change to every channel that wants them.

    The end of an alert is told to all who could hear of it.
    """
    if change.tell is None:
        return []
    alert = change.alert
    return [
        Delivery(
            id="dl_" + _id(alert.id, change.tell, alert.level, channel.id),
            channel_id=channel.id,
            alert_id=alert.id,
            event=change.tell,
            payload=payload(change.tell, brand, alert, channel.language, now, link),
            state="pending",
            attempts=0,
            next_at=now,
            created_at=now,
        )
        for channel in channels
        if channel.enabled
        and (not channel.brands or brand.id in channel.brands)
        and at_least(alert.level, channel.min_level)
    ]


def payload(
    event: str, brand: Brand, alert: Alert, language: str, now: int, link: str | None
) -> dict[str, object]:
    """Return what a channel is told; docs/notifications.md lists the keys."""
    return {
        "type": event,
        "id": alert.id,
        "timestamp": now,
        "language": language,
        "brand": {"id": brand.id, "name": brand.name},
        "alert": {
            "id": alert.id,
            "incident_id": alert.incident_id,
            "rule": alert.rule,
            "level": alert.level,
            "crisis_index": alert.crisis_index,
            "severity": alert.severity,
            "state": alert.state,
            "summary": alert.summary,
            "expected": round(alert.expected, 2),
            "seen": alert.seen,
            "window_minutes": alert.window // 60,
            "score": round(alert.score, 2),
            "started_at": alert.onset,
            "fired_at": alert.fired_at,
            "due_at": alert.due_at,
            "factors": alert.factors,
            "evidence": alert.evidence,
        },
        "url": link,
    }


def sentence(brand: str, signal: Signal, evidence: Mapping[str, object]) -> dict[str, str]:
    """Say in one sentence what was expected, what was seen and how improbable that is."""
    zh, en = _span(signal.window // 60)
    if signal.rule == "risk":
        found = [str(topic) for topic in evidence.get("risks") or ()]  # type: ignore[attr-defined]
        topics = "、".join(RISK_NAMES.get(topic, topic) for topic in found)
        names = ", ".join(found).replace("_", " ")
        return {
            "zh": f"{brand}出现涉及{topics}的言论：{zh}内 {signal.seen} 条",
            "en": f"{brand}: {signal.seen} mention{'s' * (signal.seen != 1)} about {names}"
            f" within {en}",
        }
    part = f"{100 * signal.seen / max(1, signal.total):.0f}%"
    usual = f"{signal.expected:.1f}"
    # Beyond this the exact power of ten says nothing more to a person.
    chance = f"低于 10^-{_SURE}" if signal.score > _SURE else f"约 10^-{signal.score:.0f}"
    odds = f"below 10^-{_SURE}" if signal.score > _SURE else f"about 10^-{signal.score:.0f}"
    return {
        "zh": f"{brand}近 {zh}负面提及 {signal.seen} 条，占 {part}，按常态应约 {usual} 条，"
        f"偶然如此的概率{chance}",
        "en": f"{brand}: {signal.seen} negative mentions within {en}, {part} of all, about {usual}"
        f" expected; probability by chance {odds}",
    }


def _span(minutes: int) -> tuple[str, str]:
    if minutes % 60 == 0:
        return f"{minutes // 60} 小时", f"{minutes // 60} h"
    return f"{minutes} 分钟", f"{minutes} min"


RISK_NAMES = {
    "personal_safety": "人身安全",
    "food_safety": "食品安全",
    "fire": "起火爆炸",
    "data_leak": "数据泄露",
    "discrimination": "歧视",
    "fraud": "欺诈",
    "recall": "召回",
    "law": "违法处罚",
    "labour": "劳资纠纷",
    "environment": "环境污染",
    "hygiene": "卫生",
}


def _id(*parts: str) -> str:
    return hashlib.blake2b("\0".join(parts).encode(), digest_size=10).hexdigest()
