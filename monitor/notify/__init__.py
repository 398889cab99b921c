"""How alerts leave the house: an outbox, one guarded client, one class for each kind of channel."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from monitor.notify.alertmanager import AlertmanagerWebhook
from monitor.notify.apprise import AppriseTail
from monitor.notify.bots import DingTalkRobot, FeishuRobot, WeComRobot
from monitor.notify.email import Email, Smtp
from monitor.notify.pace import Pace
from monitor.notify.slack import SlackWebhook
from monitor.notify.webhook import SignedWebhook

if TYPE_CHECKING:
    from collections.abc import Callable

    from monitor.notify.http import GuardedClient
    from monitor.notify.transport import Transport

_PACED = (WeComRobot, DingTalkRobot, FeishuRobot, SlackWebhook)
_UNPACED = (SignedWebhook, AlertmanagerWebhook, AppriseTail)
TRANSPORTS: dict[str, type[Transport]] = {kind.kind: kind for kind in (*_PACED, *_UNPACED, Email)}

__all__ = ["TRANSPORTS", "Smtp", "build"]


def build(
    client: GuardedClient, smtp: Smtp | None, now: Callable[[], float] = time.time
) -> dict[str, Transport]:
    """Return a transport for every kind of channel; without `smtp` no mailbox can be added.

    Robots keep their pace among all channels of what is returned: build once in a process.
    """
    pace = Pace(now)
    robots: dict[str, Transport] = {kind.kind: kind(client, now, pace) for kind in _PACED}
    others: dict[str, Transport] = {kind.kind: kind(client, now) for kind in _UNPACED}
    return robots | others | {Email.kind: Email(smtp, now)}
