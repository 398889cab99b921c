"""Links in messages: to an incident's page, and one by which its reader takes it on.

The second kind is signed, ends, and is good for one use, so that a message may carry it.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass

from itsdangerous import BadData, URLSafeSerializer

from monitor.errors import InputError

LASTS = 24 * 3600


@dataclass(frozen=True, slots=True)
class Ticket:
    """What a link allows: to take on one incident, for the readers of one channel.

    `mark` names the link without giving it away.
    """

    incident: str
    channel: str
    expires_at: int
    mark: bytes


class Links:
    """Makes and reads links.

    Parameters
    ----------
    public_url : str, optional
        Where the service can be reached; without it there are no links.
    pepper : bytes
        The service's secret; the key is derived from it.

    """

    def __init__(self, public_url: str | None, pepper: bytes) -> None:
        self._base = public_url.rstrip("/") if public_url else None
        key = hmac.new(pepper, b"links", hashlib.sha256).digest()
        self._serializer = URLSafeSerializer(key, salt="acknowledge")

    def page(self, alert: str) -> str | None:
        """Return the address of the page of an alert and its incident."""
        return f"{self._base}/#/alerts/{alert}" if self._base else None

    def acknowledge(self, incident: str, channel: str, now: int) -> str | None:
        """Return the address by which a channel's reader takes an incident on, for a day."""
        if not self._base:
            return None
        token = self._serializer.dumps([incident, channel, now + LASTS])
        return f"{self._base}/a/{token}"

    def read(self, token: str, now: int) -> Ticket:
        """Read what a link allows; raises InputError for one that is forged or has ended."""
        try:
            incident, channel, expires_at = self._serializer.loads(token)
        except (BadData, ValueError, TypeError):
            raise InputError("链接无效 / this link is not valid", field="token") from None
        if now >= expires_at:
            raise InputError(
                "链接已过期，请登录后操作 / this link has expired: sign in instead", field="token"
            )
        mark = hashlib.sha256(token.encode()).digest()[:16]
        return Ticket(incident, channel, expires_at, mark)
