"""Alerts over HTTP: the list, one with its timeline, and what people do with its incident."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from typing import Any

from apiflask import APIBlueprint

from api.access import caller, needs, service, visible_brands
from api.contract import cursor, refuses, takes
from api.schemas import (
    LABELS,
    AlertDetail,
    AlertOut,
    AlertPage,
    AlertsQuery,
    AssignIn,
    NoteIn,
    RemarkIn,
    iso,
)
from monitor import incidents
from monitor.domain import ENDED, STATES, Alert, Delivery, Incident
from monitor.errors import UnknownThing
from monitor.incidents import Case, Change

blueprint = APIBlueprint("alerts", __name__, url_prefix="/api/v1/alerts", tag="预警 Alerts")


@blueprint.get("")
@blueprint.input(AlertsQuery, location="query", arg_name="query")
@blueprint.output(AlertPage)
@needs("read")
def list_alerts(query: AlertsQuery) -> dict[str, Any]:
    """预警列表 / Alerts, newest first."""
    brands = visible_brands()
    if query.brand is not None:
        brands = [query.brand] if caller().may_see(query.brand) else []
    found = service().store.alerts.page(
        brands=brands,
        states=states(query.state),
        levels=[query.level] if query.level else [],
        historical=query.historical,
        lead=query.lead,
        before=cursor(query.cursor),
        limit=query.limit,
    )
    full = len(found) == query.limit
    return {
        "items": [shown(alert) for alert in found],
        "next": f"{found[-1].fired_at}_{found[-1].id}" if full else None,
    }


@blueprint.get("/<alert>")
@blueprint.output(AlertDetail)
@needs("read")
def get_alert(alert: str) -> dict[str, Any]:
    """预警详情 / One alert with its timeline and messages."""
    store = service().store
    held = _visible(alert)
    names = {channel.id: channel.name for channel in store.channels.all()}
    return {
        **shown(held),
        "timeline": [asdict(event) for event in store.incidents.timeline(held.incident_id)],
        "deliveries": messages(store.outbox.of_incident(held.incident_id), names),
    }


@blueprint.post("/<alert>/acknowledge")
@blueprint.output(AlertOut)
@takes(NoteIn)
@refuses(409)
@needs("manage")
def acknowledge(alert: str, body: NoteIn) -> dict[str, Any]:
    """确认预警 / Take on the incident of an alert."""
    return _act(alert, partial(incidents.acknowledge, note=body.note))


@blueprint.post("/<alert>/assign")
@blueprint.output(AlertOut)
@takes(AssignIn)
@refuses(409)
@needs("manage")
def assign(alert: str, body: AssignIn) -> dict[str, Any]:
    """指派负责人 / Give the incident of an alert to somebody."""
    return _act(alert, partial(incidents.assign, assignee=body.assignee))


@blueprint.post("/<alert>/note")
@blueprint.output(AlertOut)
@takes(RemarkIn)
@refuses(409)
@needs("manage")
def note(alert: str, body: RemarkIn) -> dict[str, Any]:
    """添加备注 / Add a line to the timeline of its incident."""
    return _act(alert, partial(incidents.note, text=body.note))


@blueprint.post("/<alert>/resolve")
@blueprint.output(AlertOut)
@takes(NoteIn)
@refuses(409)
@needs("manage")
def resolve(alert: str, body: NoteIn) -> dict[str, Any]:
    """结束预警 / End the incident of an alert."""
    return _act(alert, partial(incidents.resolve, note=body.note))


def _visible(alert_id: str) -> Alert:
    alert = service().store.alerts.get(alert_id)
    if not caller().may_see(alert.brand):
        raise UnknownThing(f"没有预警“{alert_id}” / no such alert: {alert_id}")
    return alert


def _act(alert_id: str, action: Callable[..., Change]) -> dict[str, Any]:
    """Carry out what a person does with the incident of an alert they may see."""
    act(_visible(alert_id).incident_id, action)
    return shown(service().store.alerts.get(alert_id))


def act(incident_id: str, action: Callable[..., Change]) -> Incident:
    """Carry out what the caller does with an incident, and return it as it then stands."""
    now = service().clock()

    def step(case: Case) -> Change:
        return action(case, actor=caller().name, now=now)

    service().room.change(incident_id, step, now)
    return service().store.incidents.get(incident_id).incident


def states(wanted: str | None) -> list[str]:
    """Return the states that a list asks for, all that are open by `open`; none for any."""
    if wanted == "open":
        return [state for state in STATES if state not in ENDED]
    return [wanted] if wanted else []


def shown(alert: Alert) -> dict[str, Any]:
    """Return an alert as it is answered, its quotes' times and labels in our words."""
    quotes: Any = alert.evidence.get("mentions", [])
    quoted = [
        {**q, "published_at": iso(q["published_at"]), "label": LABELS[q["label"]]} for q in quotes
    ]
    return {
        **asdict(alert),
        "window_minutes": alert.window // 60,
        "evidence": {**alert.evidence, "mentions": quoted},
    }


def messages(deliveries: Sequence[Delivery], names: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return messages with the names of their channels."""
    return [
        {
            **asdict(delivery),
            "channel": delivery.channel_id,
            "channel_name": names.get(delivery.channel_id, delivery.channel_id),
        }
        for delivery in deliveries
    ]
