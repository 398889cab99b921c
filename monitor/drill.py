"""危机演练: a marked exercise through the real routes, and how fast people were. Pure."""

from __future__ import annotations

import secrets
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from monitor import incidents
from monitor.aggregate import BIN, bucket_of
from monitor.domain import Alert, AlertEvent
from monitor.indices import CLOCKS, LEVEL_FLOORS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from monitor.domain import Brand, Delivery, Level
    from monitor.incidents import Case, Change


def begin(brand: Brand, level: Level, now: int, *, note: str, actor: str) -> Change:
    """Open an exercise at a level; it goes the way of a real incident and says that it is none."""
    index = dict(LEVEL_FLOORS)[level]
    began = bucket_of(now, BIN)
    alert = Alert(
        id="al_" + secrets.token_hex(10),
        incident_id="",
        brand=brand.id,
        rule="drill",
        state="firing",
        level=level,
        severity="warning",
        crisis_index=float(index),
        score=0.0,
        expected=0.0,
        seen=0,
        window=BIN,
        onset=began,
        last_bin=began,
        fired_at=now,
        updated_at=now,
        due_at=now + CLOCKS[level],
        factors={},
        summary={
            "zh": f"{brand.name}危机演练：请按预案确认接手并记录处置，不涉及真实舆情",
            "en": f"{brand.name}: a crisis exercise. Acknowledge and respond as planned;"
            " nothing has happened",
        },
        evidence={},
    )
    change = incidents.begin(alert, now, drill=True)
    if not note:
        return change
    line = AlertEvent(alert.id, now, actor, "noted", note, change.case.incident.id)
    return replace(change, events=(*change.events, line))


def report(
    case: Case, timeline: Sequence[AlertEvent], messages: Sequence[Delivery]
) -> dict[str, Any]:
    """Tell how an exercise went: seconds from its opening, None for what nobody did.

    `clock` is what its level allows for taking it on.
    """
    incident = case.incident
    done = {
        "acknowledged": incident.acknowledged_at,
        "mitigating": incident.mitigating_at,
        "resolved": incident.resolved_at,
    }
    return {
        "incident": incident.id,
        "state": incident.state,
        "seconds": {
            "clock": CLOCKS[incident.peak],
            **{name: _since(incident.opened_at, at) for name, at in done.items()},
        },
        "messages": [
            {
                "channel": message.channel_id,
                "event": message.event,
                "state": message.state,
                "seconds": _since(incident.opened_at, message.sent_at),
            }
            for message in messages
        ],
        "timeline": [asdict(event) for event in timeline],
    }


def _since(start: int, at: int | None) -> int | None:
    return None if at is None else at - start
