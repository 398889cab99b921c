"""Alerts over HTTP: the list, one with its timeline, and what people do with it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from typing import Any

from apiflask import APIBlueprint

from api.access import caller, needs, service, visible_brands
from api.contract import refuses, takes
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
from monitor import alerts
from monitor.domain import Alert
from monitor.errors import UnknownThing

blueprint = APIBlueprint("alerts", __name__, url_prefix="/api/v1/alerts", tag="预警 Alerts")
_STATES = {"open": ["firing", "acknowledged"]}


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
        states=_STATES.get(query.state or "", [query.state] if query.state else []),
        levels=[query.level] if query.level else [],
        historical=query.historical,
        before=_cursor(query.cursor),
        limit=query.limit,
    )
    full = len(found) == query.limit
    return {
        "items": [_shown(alert) for alert in found],
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
        **_shown(held),
        "timeline": [asdict(event) for event in store.alerts.timeline(alert)],
        "deliveries": [
            {
                **asdict(delivery),
                "channel": delivery.channel_id,
                "channel_name": names.get(delivery.channel_id, delivery.channel_id),
            }
            for delivery in store.outbox.of_alert(alert)
        ],
    }


@blueprint.post("/<alert>/acknowledge")
@blueprint.output(AlertOut)
@takes(NoteIn)
@refuses(409)
@needs("manage")
def acknowledge(alert: str, body: NoteIn) -> dict[str, Any]:
    """确认预警 / Acknowledge an alert that is firing."""
    return _act(alert, partial(alerts.acknowledge, note=body.note))


@blueprint.post("/<alert>/assign")
@blueprint.output(AlertOut)
@takes(AssignIn)
@refuses(409)
@needs("manage")
def assign(alert: str, body: AssignIn) -> dict[str, Any]:
    """指派负责人 / Give an alert to somebody."""
    return _act(alert, partial(alerts.assign, assignee=body.assignee))


@blueprint.post("/<alert>/note")
@blueprint.output(AlertOut)
@takes(RemarkIn)
@refuses(409)
@needs("manage")
def note(alert: str, body: RemarkIn) -> dict[str, Any]:
    """添加备注 / Add a line to the timeline."""
    return _act(alert, partial(alerts.note, text=body.note))


@blueprint.post("/<alert>/resolve")
@blueprint.output(AlertOut)
@takes(NoteIn)
@refuses(409)
@needs("manage")
def resolve(alert: str, body: NoteIn) -> dict[str, Any]:
    """结束预警 / End an alert."""
    return _act(alert, partial(alerts.resolve, note=body.note))


def _visible(alert_id: str) -> Alert:
    alert = service().store.alerts.get(alert_id)
    if not caller().may_see(alert.brand):
        raise UnknownThing(f"没有预警“{alert_id}” / no such alert: {alert_id}")
    return alert


def _act(alert_id: str, action: Callable[..., alerts.Change]) -> dict[str, Any]:
    """Carry out what a person does with an alert they may see."""
    brand = service().store.brands.get(_visible(alert_id).brand)
    now = service().clock()

    def step(held: Alert) -> alerts.Change:
        return action(held, actor=caller().name, now=now)

    service().room.change(alert_id, brand, step, now)
    return _shown(service().store.alerts.get(alert_id))


def _shown(alert: Alert) -> dict[str, Any]:
    quotes: Any = alert.evidence.get("mentions", [])
    shown = [
        {**q, "published_at": iso(q["published_at"]), "label": LABELS[q["label"]]} for q in quotes
    ]
    return {
        **asdict(alert),
        "window_minutes": alert.window // 60,
        "evidence": {**alert.evidence, "mentions": shown},
    }


def _cursor(text: str | None) -> tuple[int, str] | None:
    if text is None:
        return None
    at, _, last = text.partition("_")
    return int(at), last
