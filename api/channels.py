"""Channels over HTTP. Secrets go in and never come out."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

from apiflask import APIBlueprint
from flask import Response

from api.access import needs, service
from api.contract import refuses, takes
from api.schemas import ChannelChange, ChannelIn, ChannelList, ChannelOut, TestSendOut
from monitor.domain import Channel
from monitor.notify.outbox import attempt
from monitor.notify.trial import trial_delivery

blueprint = APIBlueprint("channels", __name__, url_prefix="/api/v1/channels", tag="渠道 Channels")


@blueprint.get("")
@blueprint.output(ChannelList)
@needs("admin")
def list_channels() -> dict[str, Any]:
    """列出渠道 / List channels."""
    return {"items": [_shown(channel) for channel in service().store.channels.all()]}


@blueprint.post("")
@blueprint.output(ChannelOut, 201)
@takes(ChannelIn)
@refuses(409)
@needs("admin")
def add_channel(body: ChannelIn) -> dict[str, Any]:
    """新建渠道 / Add a channel."""
    channel = Channel(**{**body.model_dump(), "brands": tuple(dict.fromkeys(body.brands))})
    service().transports[channel.kind].check(channel.config)
    service().store.channels.add(channel, service().clock())
    return _shown(channel)


@blueprint.get("/<channel>")
@blueprint.output(ChannelOut)
@needs("admin")
def get_channel(channel: str) -> dict[str, Any]:
    """查看渠道 / Get a channel."""
    return _shown(service().store.channels.get(channel))


@blueprint.patch("/<channel>")
@blueprint.output(ChannelOut)
@takes(ChannelChange)
@needs("admin")
def change_channel(channel: str, body: ChannelChange) -> dict[str, Any]:
    """修改渠道 / Change a channel."""
    given = body.model_dump(exclude_none=True)
    if "brands" in given:
        given["brands"] = tuple(dict.fromkeys(given["brands"]))

    def step(held: Channel) -> Channel:
        newer = replace(held, **given)
        service().transports[newer.kind].check(newer.config)
        return newer

    return _shown(service().store.channels.change(channel, step))


@blueprint.delete("/<channel>")
@blueprint.doc(responses={204: "已删除 / deleted"})
@refuses(409)
@needs("admin")
def delete_channel(channel: str) -> Response:
    """删除渠道 / Delete a channel."""
    service().store.channels.delete(channel)
    return Response(status=204)


@blueprint.post("/<channel>/test")
@blueprint.output(TestSendOut)
@needs("admin")
def test_channel(channel: str) -> dict[str, Any]:
    """发送测试消息 / Send a test message now."""
    held = replace(service().store.channels.get(channel), enabled=True)
    delivery = trial_delivery(held, service().clock())
    error = attempt(delivery, held, service().transports)
    return {"sent": error is None, "error": error.message if error else None}


def _shown(channel: Channel) -> dict[str, Any]:
    return {**asdict(channel), "configured": sorted(channel.config)}
