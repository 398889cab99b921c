"""Incidents over HTTP: the list, one with all that is known, and what people do with it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from typing import Any

from apiflask import APIBlueprint

from api.access import caller, needs, service, visible_brands
from api.alerts import act, messages, shown, states
from api.contract import cursor, refuses, takes
from api.response_schemas import (
    IncidentDetail,
    IncidentOut,
    IncidentPage,
    IncidentsQuery,
    MergeIn,
    ReasonIn,
)
from api.schemas import AssignIn, NoteIn, RemarkIn
from monitor import incidents
from monitor.errors import UnknownThing
from monitor.incidents import Case, Change

blueprint = APIBlueprint(
    "incidents", __name__, url_prefix="/api/v1/incidents", tag="事件 Incidents"
)


@blueprint.get("")
@blueprint.input(IncidentsQuery, location="query", arg_name="query")
@blueprint.output(IncidentPage)
@needs("read")
def list_incidents(query: IncidentsQuery) -> dict[str, Any]:
    """事件列表 / Incidents, newest first."""
    brands = visible_brands()
    if query.brand is not None:
        brands = [query.brand] if caller().may_see(query.brand) else []
    found = service().store.incidents.page(
        brands=brands,
        states=states(query.state),
        levels=[query.level] if query.level else [],
        drill=query.drill,
        historical=query.historical,
        before=cursor(query.cursor),
        limit=query.limit,
    )
    full = len(found) == query.limit
    return {
        "items": [asdict(incident) for incident in found],
        "next": f"{found[-1].opened_at}_{found[-1].id}" if full else None,
    }


@blueprint.get("/<incident>")
@blueprint.output(IncidentDetail)
@needs("read")
def get_incident(incident: str) -> dict[str, Any]:
    """事件详情 / One incident with its alerts, timeline and messages."""
    store = service().store
    case = visible(incident)
    names = {channel.id: channel.name for channel in store.channels.all()}
    return {
        **asdict(case.incident),
        "alerts": [shown(alert) for alert in case.alerts],
        "timeline": [asdict(event) for event in store.incidents.timeline(incident)],
        "deliveries": messages(store.outbox.of_incident(incident), names),
        "told": [
            {
                **asdict(told),
                "channel": told.channel_id,
                "channel_name": names.get(told.channel_id, told.channel_id),
            }
            for told in store.incidents.told(incident)
        ],
    }


@blueprint.post("/<incident>/acknowledge")
@blueprint.output(IncidentOut)
@takes(NoteIn)
@refuses(409)
@needs("manage")
def acknowledge(incident: str, body: NoteIn) -> dict[str, Any]:
    """确认接手 / Take an incident on."""
    return _act(incident, partial(incidents.acknowledge, note=body.note))


@blueprint.post("/<incident>/mitigate")
@blueprint.output(IncidentOut)
@takes(NoteIn)
@refuses(409)
@needs("manage")
def mitigate(incident: str, body: NoteIn) -> dict[str, Any]:
    """开始处置 / Record that the response is under way."""
    return _act(incident, partial(incidents.mitigate, note=body.note))


@blueprint.post("/<incident>/resolve")
@blueprint.output(IncidentOut)
@takes(NoteIn)
@refuses(409)
@needs("manage")
def resolve(incident: str, body: NoteIn) -> dict[str, Any]:
    """结束事件 / End an incident."""
    return _act(incident, partial(incidents.resolve, note=body.note))


@blueprint.post("/<incident>/dismiss")
@blueprint.output(IncidentOut)
@takes(ReasonIn)
@refuses(409)
@needs("manage")
def dismiss(incident: str, body: ReasonIn) -> dict[str, Any]:
    """判定为误报 / End an incident as a false alarm, with the reason."""
    return _act(incident, partial(incidents.dismiss, reason=body.reason))


@blueprint.post("/<incident>/reopen")
@blueprint.output(IncidentOut)
@takes(NoteIn)
@refuses(409)
@needs("manage")
def reopen(incident: str, body: NoteIn) -> dict[str, Any]:
    """重新打开 / Open an ended incident again."""
    return _act(incident, partial(incidents.reopen, note=body.note))


@blueprint.post("/<incident>/assign")
@blueprint.output(IncidentOut)
@takes(AssignIn)
@refuses(409)
@needs("manage")
def assign(incident: str, body: AssignIn) -> dict[str, Any]:
    """指派负责人 / Give an incident to somebody."""
    return _act(incident, partial(incidents.assign, assignee=body.assignee))


@blueprint.post("/<incident>/note")
@blueprint.output(IncidentOut)
@takes(RemarkIn)
@needs("manage")
def note(incident: str, body: RemarkIn) -> dict[str, Any]:
    """添加备注 / Add a line to the timeline."""
    return _act(incident, partial(incidents.note, text=body.note))


@blueprint.post("/<incident>/merge")
@blueprint.output(IncidentOut)
@takes(MergeIn)
@refuses(409)
@needs("manage")
def merge(incident: str, body: MergeIn) -> dict[str, Any]:
    """合并事件 / Move the alerts of another incident here."""
    visible(incident)
    visible(body.incident)
    now = service().clock()
    kept, _ = service().room.merge(incident, body.incident, caller().name, now)
    return asdict(kept.case.incident)


def visible(incident_id: str) -> Case:
    """Return a case that the caller may see; raises UnknownThing."""
    case = service().store.incidents.get(incident_id)
    if not caller().may_see(case.incident.brand):
        raise UnknownThing(f"没有事件“{incident_id}” / no such incident: {incident_id}")
    return case


def _act(incident_id: str, action: Callable[..., Change]) -> dict[str, Any]:
    """Carry out what a person does with an incident they may see."""
    visible(incident_id)
    return asdict(act(incident_id, action))
