"""Alerts in the shape of Alertmanager's webhook, version 4, for receivers that exist already.

Format: https://prometheus.io/docs/alerting/latest/configuration/#webhook_config
"""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from monitor.errors import InputError
from monitor.notify.message import (
    Message,
    chat,
    compose,
    is_drill,
    left_out,
    markdown_title,
    unfold,
)
from monitor.notify.texts import clean, cut, tame, token
from monitor.notify.transport import check_fields, check_url, require_success

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from monitor.domain import Channel, Delivery
    from monitor.notify.http import GuardedClient

_ENDED = frozenset({"alert.resolved", "alert.dismissed"})
_NO_END = "0001-01-01T00:00:00Z"  # Go's zero time: how Alertmanager says that nothing has ended
_SEVERITIES = {"red": "critical", "orange": "critical", "yellow": "warning", "blue": "info"}
_LABEL_BYTES = 200
_NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")


class AlertmanagerWebhook:
    """Posts what Alertmanager would. Config: `url`, and `token` where a Bearer token is wanted."""

    kind = "alertmanager"

    def __init__(self, client: GuardedClient, now: Callable[[], float]) -> None:
        self._client = client
        self._now = now

    def check(self, config: Mapping[str, str]) -> None:
        """Raise InputError unless URL and token can be used."""
        check_fields(config, known=("url", "token"), needed=("url",))
        check_url(self._client, config["url"])
        token = config.get("token", "")
        if not (token.isascii() and token.isprintable()) or " " in token:
            raise InputError(
                "令牌只能是不含空格的 ASCII 字符 / a token is ASCII without spaces", field="token"
            )

    def send(self, channel: Channel, delivery: Delivery) -> None:
        """Post the alert; any 2xx is success."""
        token = channel.config.get("token")
        answer = self._client.post(
            channel.config["url"],
            json=alertmanager_body(channel, delivery),
            headers={"Authorization": f"Bearer {token}"} if token else None,
        )
        require_success(answer, self._now())


def alertmanager_body(channel: Channel, delivery: Delivery) -> dict[str, object]:
    """Return the payload; its texts are as harmless as in chats, where receivers often put them.

    A digest is a group of one alert for each incident that it lists, and `truncatedAlerts` says
    how many more there are.
    """
    payload = delivery.payload
    alerts = [_alert(about, channel.language) for about in unfold(payload) or [payload]]
    labels = _shared([alert["labels"] for alert in alerts])
    group = {name: labels[name] for name in ("brand", "incident") if name in labels}
    named = ", ".join(f'{name}="{value}"' for name, value in group.items())
    firing = any(alert["status"] == "firing" for alert in alerts)
    return {
        "version": "4",
        "groupKey": f"{{}}:{{{named}}}",
        "truncatedAlerts": left_out(payload),
        "status": "firing" if firing else "resolved",
        "receiver": channel.id,
        "groupLabels": group,
        "commonLabels": labels,
        "commonAnnotations": _shared([alert["annotations"] for alert in alerts]),
        "externalURL": _origin(alerts[0]["generatorURL"]),
        "alerts": alerts,
    }


def _alert(about: Mapping[str, object], language: str) -> dict[str, Any]:
    message = compose(about, language)
    labels, ended = _labels(about, message), message.event in _ENDED
    began = _of(about, "alert", "started_at") or about.get("timestamp")
    return {
        "status": "resolved" if ended else "firing",
        "labels": labels,
        "annotations": _annotations(message),
        "startsAt": _moment(began),
        "endsAt": _moment(about.get("timestamp")) if ended else _NO_END,
        "generatorURL": message.page or "",
        "fingerprint": _fingerprint(labels),
    }


def _labels(about: Mapping[str, object], message: Message) -> dict[str, str]:
    """Return what the alert is, as far as it is known."""
    rule = _id(_of(about, "alert", "rule"))
    name = "test" if message.event == "test" else rule or "incident"
    platforms = _of(about, "incident", "platforms")
    known = {
        "alertname": "Tingfeng" + "".join(word.capitalize() for word in name.split("_")),
        "brand": _id(_of(about, "brand", "id")),
        "brand_name": _text(_of(about, "brand", "name")),
        "incident": _id(_of(about, "incident", "id") or _of(about, "alert", "incident_id")),
        "rule": rule,
        "topic": _topic(_of(about, "incident", "topic")),
        "platform": ",".join(map(_id, platforms)) if isinstance(platforms, list) else "",
        "level": message.level,
        "severity": _SEVERITIES.get(message.level, "info"),
        "drill": "true" if is_drill(about) else "",
    }
    return {name: value for name, value in known.items() if value}


def _id(value: object) -> str:
    return token(value) if isinstance(value, str) else ""


def _text(value: object) -> str:
    return cut(tame(clean(value)), _LABEL_BYTES) if isinstance(value, str) else ""


def _topic(value: object) -> str:
    # Of dangers a name of ours, which receivers match; of new complaints a stranger's word.
    is_ours = isinstance(value, str) and _NAME.fullmatch(value)
    return _id(value) if is_ours else _text(value)


def _annotations(message: Message) -> dict[str, str]:
    heading, sentence = markdown_title(message)
    said = {
        "event": token(message.event),
        "summary": heading + sentence,
        "description": "\n".join(chat(message)),
        "acknowledge_url": message.acknowledge or "",
    }
    return {name: text for name, text in said.items() if text}


def _fingerprint(labels: Mapping[str, str]) -> str:
    # Of what does not change while an incident lasts, so that its end closes what its rise opened.
    named = [labels.get(name, "") for name in ("brand", "incident", "drill")]
    return hashlib.blake2b("\0".join(named).encode(), digest_size=8).hexdigest()


def _shared(tables: Sequence[Mapping[str, str]]) -> dict[str, str]:
    first, *others = tables
    return {
        name: value
        for name, value in first.items()
        if all(other.get(name) == value for other in others)
    }


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else ""


def _moment(seconds: object) -> str:
    if not isinstance(seconds, int | float) or not 0 <= seconds < 2**33:
        return _NO_END
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")


def _of(about: Mapping[str, object], part: str, name: str) -> object:
    held = about.get(part)
    return held.get(name) if isinstance(held, dict) else None
