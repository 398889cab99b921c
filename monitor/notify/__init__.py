"""How alerts leave the house: an outbox, one guarded client, one class for each kind of channel."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from monitor.notify.bots import DingTalkRobot, FeishuRobot, WeComRobot
from monitor.notify.email import Email, Smtp
from monitor.notify.webhook import SignedWebhook

if TYPE_CHECKING:
    from collections.abc import Callable

    from monitor.notify.http import GuardedClient
    from monitor.notify.transport import Transport

_OVER_HTTP = (SignedWebhook, WeComRobot, DingTalkRobot, FeishuRobot)
TRANSPORTS: dict[str, type[Transport]] = {kind.kind: kind for kind in (*_OVER_HTTP, Email)}

__all__ = ["TRANSPORTS", "Smtp", "build"]


def build(
    client: GuardedClient, smtp: Smtp | None, now: Callable[[], float] = time.time
) -> dict[str, Transport]:
    """Return a transport for every kind of channel; without `smtp` no mailbox can be added."""
    over_http: dict[str, Transport] = {kind.kind: kind(client, now) for kind in _OVER_HTTP}
    return over_http | {Email.kind: Email(smtp, now)}
