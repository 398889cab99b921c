"""Slack incoming webhooks (https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from monitor.errors import DeliveryError
from monitor.notify.message import Message, chat, compose, markdown_title, parts
from monitor.notify.pace import Limit, Pace
from monitor.notify.texts import split
from monitor.notify.transport import check_fields, check_url, is_refusal, require_success

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from monitor.domain import Channel, Delivery
    from monitor.notify.http import Answer, GuardedClient

_PACE = (Limit(1, 1.1),)  # one a second, and a little for what arrives late
# Limits in characters, kept in bytes: 3 000 a section, 50 blocks, 40 000 altogether.
_SECTION, _MESSAGE = 3000, 30_000
_CODES = {
    "invalid_payload": ("消息内容不合规", "content malformed"),
    "invalid_blocks": ("消息内容不合规", "content malformed"),
    "invalid_token": ("地址已失效，请重新复制", "the address is no longer valid: copy it again"),
    "no_service": ("地址已失效，请重新复制", "the address is no longer valid: copy it again"),
    "no_team": ("地址已失效，请重新复制", "the address is no longer valid: copy it again"),
    "team_disabled": ("工作区已停用", "the workspace is disabled"),
    "channel_not_found": ("频道不存在", "no such channel"),
    "channel_is_archived": ("频道已归档", "the channel is archived"),
    "action_prohibited": ("管理员禁止发送", "an administrator forbids it"),
    "posting_to_general_channel_denied": ("不允许发到该频道", "posting there is not allowed"),
}


class SlackWebhook:
    """Slack incoming webhook, blocks. Config: `url`, which is a secret."""

    kind = "slack"

    def __init__(self, client: GuardedClient, now: Callable[[], float], pace: Pace) -> None:
        self._client = client
        self._now = now
        self._pace = pace

    def check(self, config: Mapping[str, str]) -> None:
        """Raise InputError unless the address can be used."""
        check_fields(config, known=("url",), needed=("url",))
        check_url(self._client, config["url"])

    def send(self, channel: Channel, delivery: Delivery) -> None:
        """Send blocks; only the word `ok` is success."""
        url = channel.config["url"]
        bodies = slack_bodies(compose(delivery.payload, channel.language), delivery.id)
        with self._pace.turn(url, _PACE, len(bodies)):
            for body in bodies:
                _require_ok(self._client.post(url, json=body), self._now())


def slack_bodies(message: Message, identifier: str) -> list[dict[str, object]]:
    """Return the messages to post; all text is verbatim mrkdwn without anything mrkdwn acts on."""
    heading, sentence = markdown_title(message)
    links = [f"<{url.replace('&', '&amp;')}|{text}>" for text, url in message.links]
    return [
        _body(f"{heading}{sentence}{mark}", text)
        for mark, text in parts(message, identifier, [*chat(message), *links], _MESSAGE)
    ]


def _body(title: str, text: str) -> dict[str, object]:
    sections = [f"*{title}*", *split(text.split("\n"), _SECTION)]
    return {
        "text": title,  # what a notification shows
        "blocks": [
            {"type": "section", "text": {"type": "mrkdwn", "text": section, "verbatim": True}}
            for section in sections
            if section
        ],
        "unfurl_links": False,
        "unfurl_media": False,
    }


def _require_ok(answer: Answer, now: float) -> None:
    said = answer.body[:100].decode("utf-8", "replace").strip()
    if said in _CODES and is_refusal(answer.status):
        chinese, english = _CODES[said]
        raise DeliveryError(f"Slack：{chinese} / Slack: {english} ({said})", permanent=True)
    require_success(answer, now)
    if said != "ok":
        raise DeliveryError("Slack：回答看不懂 / Slack: the answer makes no sense")
