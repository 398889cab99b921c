"""Exercises over HTTP: marked incidents through the real routes, and how fast people were."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from apiflask import APIBlueprint

from api.access import caller, needs, require_brand, service
from api.contract import refuses, takes
from api.incidents import visible
from api.response_schemas import DrillIn, DrillOut, IncidentOut
from monitor import drill
from monitor.errors import UnknownThing

blueprint = APIBlueprint("drills", __name__, url_prefix="/api/v1/drills", tag="事件 Incidents")


@blueprint.post("")
@blueprint.output(IncidentOut, 201)
@takes(DrillIn)
@refuses(404)
@needs("manage")
def start_drill(body: DrillIn) -> dict[str, Any]:
    """发起演练 / Send a marked exercise through the real routes."""
    brand = service().store.brands.get(require_brand(body.brand))
    now = service().clock()
    change = drill.begin(brand, body.level, now, note=body.note, actor=caller().name)
    service().room.open(change, now)
    return asdict(change.case.incident)


@blueprint.get("/<incident>")
@blueprint.output(DrillOut)
@needs("read")
def get_drill(incident: str) -> dict[str, Any]:
    """演练用时 / How long people took, and when each message arrived."""
    case = visible(incident)
    if not case.incident.drill:
        raise UnknownThing(f"没有演练“{incident}” / no such exercise: {incident}")
    store = service().store
    return drill.report(
        case, store.incidents.timeline(incident), store.outbox.of_incident(incident)
    )
