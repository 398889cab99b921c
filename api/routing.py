"""The routing tree over HTTP: who hears of what, and a look ahead."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from apiflask import APIBlueprint

from api.access import needs, service
from api.contract import takes
from api.response_schemas import PreviewIn, PreviewOut, RoutingIn, RoutingOut
from monitor import alerts, incidents, notices, routing
from monitor.detect import Signal

blueprint = APIBlueprint("routing", __name__, url_prefix="/api/v1/routing", tag="渠道 Channels")


@blueprint.get("")
@blueprint.output(RoutingOut)
@needs("admin")
def get_routing() -> dict[str, Any]:
    """查看路由 / The routing tree in force; the empty one tells every channel."""
    return routing.written(service().store.documents.tree())


@blueprint.put("")
@blueprint.output(RoutingOut)
@takes(RoutingIn)
@needs("admin")
def put_routing(body: RoutingIn) -> dict[str, Any]:
    """替换路由 / Put a new routing tree in force."""
    tree = routing.read(body.model_dump())
    service().store.documents.put_tree(tree, service().clock())
    return routing.written(tree)


@blueprint.post("/preview")
@blueprint.output(PreviewOut)
@takes(PreviewIn)
@needs("admin")
def preview_routing(body: PreviewIn) -> dict[str, Any]:
    """预览路由 / Who would hear of an incident, at once and at each escalation."""
    store, now = service().store, service().clock()
    tree, at = store.documents.tree(), now if body.at is None else body.at
    plan = notices.Plan(channels=store.channels.all(), brands={}, tree=tree)
    case = _supposed(body, at)
    heard: dict[str, dict[str, Any]] = {}
    for tier in range(1 + incidents.MOST_TIERS):
        late = replace(case, incident=replace(case.incident, tier=tier))
        for channel, route in notices.receivers(late, {}, plan):
            quiet = body.level != "red" and tree.is_quiet(route, at)
            heard.setdefault(channel.id, {"channel": channel.id, "quiet": quiet, "tier": tier})
    return {"channels": list(heard.values())}


def _supposed(body: PreviewIn, at: int) -> incidents.Case:
    signal = Signal(
        series=body.brand,
        rule=body.rule,
        bin_end=at,
        onset=at,
        score=0.0,
        expected=0.0,
        seen=0,
        window=0,
        total=0,
        severity="warning",
        escalation=False,
        platform=body.platform,
        aspect=body.aspect,
        topic=body.topic,
    )
    alert = alerts.fire(signal, alerts.Assessment({}, {}, {}), at, 0)
    return incidents.begin(replace(alert, level=body.level), at).case
