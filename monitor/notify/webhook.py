"""Signed JSON to any URL, by Standard Webhooks 1.0 (https://www.standardwebhooks.com)."""

from __future__ import annotations

import base64
import binascii
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from standardwebhooks import Webhook

from monitor.errors import InputError
from monitor.notify.http import GuardedClient, encode
from monitor.notify.transport import check_fields, check_url, require_success

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from monitor.domain import Channel, Delivery

_PREFIX = "whsec_"


class SignedWebhook:
    """Posts the payload; receivers verify it with a Standard Webhooks library.

    Config: `url`, and `secret`: one or, while keys are rotated, several `whsec_…` with commas.
    """

    kind = "webhook"

    def __init__(self, client: GuardedClient, now: Callable[[], float]) -> None:
        self._client = client
        self._now = now

    def check(self, config: Mapping[str, str]) -> None:
        """Raise InputError unless URL and secrets can be used."""
        check_fields(config, known=("url", "secret"), needed=("url", "secret"))
        check_url(self._client, config["url"])
        secrets = _secrets(config)
        if not secrets or not all(map(_usable, secrets)):
            raise InputError(
                "密钥应为 whsec_ 加 24–64 字节的 Base64，多个用逗号隔开 / "
                "a secret is whsec_ and 24-64 bytes in Base64; separate several by commas",
                field="secret",
            )

    def send(self, channel: Channel, delivery: Delivery) -> None:
        """Post the payload as JSON; any 2xx is success."""
        now, body = self._now(), encode(delivery.payload)
        moment = datetime.fromtimestamp(now, UTC)
        headers = {
            "webhook-id": delivery.id,
            "webhook-timestamp": str(int(now)),
            "webhook-signature": " ".join(
                Webhook(secret).sign(delivery.id, moment, body.decode())
                for secret in _secrets(channel.config)
            ),
        }
        answer = self._client.post(channel.config["url"], data=body, headers=headers)
        require_success(answer, now)


def _secrets(config: Mapping[str, str]) -> list[str]:
    return [secret.strip() for secret in config["secret"].split(",") if secret.strip()]


def _usable(secret: str) -> bool:
    try:
        bare = secret.removeprefix(_PREFIX).rstrip("=")
        key = base64.b64decode(bare + "=" * (-len(bare) % 4), validate=True)
    except binascii.Error:
        return False
    return secret.startswith(_PREFIX) and 24 <= len(key) <= 64
