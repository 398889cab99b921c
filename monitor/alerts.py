"""From signals to alerts: which one a signal belongs to, and what becomes of it. Pure.

An alert is one finding that lasts; what people do with it happens to its incident. Ids are derived
from what they name, so that a repeat after a crash is the same alert.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from monitor.domain import ENDED, LEVELS, Alert
from monitor.indices import CLOCKS, crisis_index, level_of
from monitor.names import RISKS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from monitor.detect import Signal

EPISODE_GAP = 6 * 3600
COUNTED = frozenset({"spike", "share"})
SYSTEM = "tingfeng"
RISK_NAMES = {topic: name for topic, (name, _) in RISKS.items()}


@dataclass(frozen=True, slots=True)
class Assessment:
    """What is known about a signal: the factors of the 危机指数, one sentence, the evidence."""

    factors: dict[str, float]
    summary: dict[str, str]
    evidence: dict[str, object]


def merged(signals: Sequence[Signal]) -> list[Signal]:
    """Keep the last signal of each episode: an update always says more than what it updates.

    What is found in one look is told in one message.
    """
    return list({(_of(s.series, s), s.onset): s for s in signals}.values())


def matching(signal: Signal, alerts: Sequence[Alert]) -> Alert | None:
    """Find the alert that a signal belongs to: of its kind, without a quiet gap of six hours.

    An open one comes before those that have ended, and of these the latest. A silence belongs to
    the one it goes on from, however late it is looked at again.
    """
    since = signal.onset if signal.rule == "no_data" else signal.bin_end
    found = (
        alert
        for alert in alerts
        if _of(alert.brand, alert) == _of(signal.series, signal)
        and alert.onset - EPISODE_GAP <= signal.bin_end
        and since <= alert.last_bin + EPISODE_GAP
    )
    return max(found, key=lambda a: (a.state not in ENDED, a.last_bin, a.fired_at), default=None)


def beside(signal: Signal, alerts: Sequence[Alert]) -> Alert | None:
    """Find the count that a person ended last: the parts of a burst share its end."""
    ended = (
        alert
        for alert in alerts
        if signal.rule in COUNTED
        and alert.rule in COUNTED
        and alert.state in ENDED
        and not alert.historical
        and alert.onset - EPISODE_GAP <= signal.bin_end <= alert.last_bin + EPISODE_GAP
    )
    return max(ended, key=lambda a: (a.resolved_at or 0, a.last_bin), default=None)


def _of(brand: str, found: Signal | Alert) -> tuple[str, ...]:
    """Return what a finding is of; findings of the same may be one alert."""
    # Spike and share are two tests of one detector over the same counts: one episode, one alert.
    kind = "count" if found.rule in COUNTED else found.rule
    # Only of a new topic is the topic what it is; elsewhere it is what it is about, and may grow.
    topic = found.topic if found.rule == "topic" else ""
    return brand, kind, found.platform or "", found.aspect or "", topic


def dealt_with(alerts: Sequence[Alert], rule: str) -> int:
    """Return when a person last ended an alert of a rule among these; 0 where nobody did."""
    return max(
        (a.resolved_at or 0 for a in alerts if a.rule == rule and not a.historical), default=0
    )


def is_news(signal: Signal, held: Alert, now: int, max_age: int) -> bool:
    """Whether a signal calls for an alert of its own beside one that has ended.

    An alert that a person ended speaks again only of what came after; one that was recorded as
    historical becomes a present one while the anomaly lasts.
    """
    if held.state not in ENDED or signal.bin_end < now - max_age:
        return False
    if held.historical or signal.rule in ("risk", "influencer"):
        # Such a signal holds only what came after the end; a bin may hold both.
        return True
    return signal.bin_end > max(held.last_bin, held.resolved_at or 0)


def says_more(signal: Signal, held: Alert) -> bool:
    """Whether a signal is stronger than its open alert, or reaches beyond it."""
    return signal.score > held.score or signal.bin_end > held.last_bin


def fire(
    signal: Signal,
    assessment: Assessment,
    now: int,
    max_age: int,
    *,
    after: Alert | None = None,
) -> Alert:
    """Make an alert of a signal; one whose bin ended over `max_age` seconds ago is historical.

    `after` is an ended alert that it speaks again of. Its incident is named by who opens or joins.
    """
    index = crisis_index(assessment.factors)
    level = level_of(index)
    historical = signal.bin_end < now - max_age
    before = after.id if after else ""
    return Alert(
        id="al_" + _id(*_of(signal.series, signal), signal.rule, str(signal.bin_end), before),
        incident_id="",
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
        platform=signal.platform,
        aspect=signal.aspect,
        topic=signal.topic,
    )


def extend(alert: Alert, signal: Signal, assessment: Assessment, now: int) -> Alert | None:
    """Bring an open alert up to date; None where nothing changed. Its level only rises here."""
    if alert.state in ENDED:
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
        topic=alert.topic or signal.topic,
    )
    if raised or stronger:
        newer = replace(
            newer,
            factors=assessment.factors,
            summary=assessment.summary,
            evidence=assessment.evidence,
        )
    if stronger:
        newer = replace(
            newer,
            severity=signal.severity,
            score=signal.score,
            expected=signal.expected,
            seen=signal.seen,
            window=signal.window,
        )
    return newer


def _id(*parts: str) -> str:
    return hashlib.blake2b("\0".join(parts).encode(), digest_size=10).hexdigest()
