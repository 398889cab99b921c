"""Messages over HTTP: what was sent, what waits, what died, and sending it again."""

from __future__ import annotations

from typing import Any

from apiflask import APIBlueprint

from api.access import needs, service
from api.alerts import messages
from api.contract import cursor, refuses
from api.response_schemas import DeliveriesQuery, DeliveryPage, MessageOut
from monitor.errors import Conflict

blueprint = APIBlueprint(
    "deliveries", __name__, url_prefix="/api/v1/deliveries", tag="渠道 Channels"
)


@blueprint.get("")
@blueprint.input(DeliveriesQuery, location="query", arg_name="query")
@blueprint.output(DeliveryPage)
@needs("admin")
def list_deliveries(query: DeliveriesQuery) -> dict[str, Any]:
    """消息列表 / Messages, newest first; `state=dead` shows the dead letters."""
    found = service().store.outbox.page(
        states=[query.state] if query.state else [],
        channel=query.channel,
        before=cursor(query.cursor),
        limit=query.limit,
    )
    full = len(found) == query.limit
    return {
        "items": messages(found, _names()),
        "next": f"{found[-1].created_at}_{found[-1].id}" if full else None,
    }


@blueprint.post("/<delivery>/replay")
@blueprint.output(MessageOut)
@refuses(409)
@needs("admin")
def replay_delivery(delivery: str) -> dict[str, Any]:
    """重发死信 / Send a dead letter again, with the same id."""
    store = service().store
    store.outbox.get(delivery)
    if not store.outbox.replay(delivery, service().clock()):
        raise Conflict("只有死信可以重发 / only a dead letter can be sent again")
    return messages([store.outbox.get(delivery)], _names())[0]


def _names() -> dict[str, str]:
    return {channel.id: channel.name for channel in service().store.channels.all()}
