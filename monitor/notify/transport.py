"""What every way of sending has in common."""

from __future__ import annotations

from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Protocol

from monitor.errors import DeliveryError, InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from monitor.domain import Channel, Delivery
    from monitor.notify.http import Answer, GuardedClient

_WORTH_A_RETRY = frozenset({408, 409, 425, 429})


class Transport(Protocol):
    """A way of sending deliveries to one kind of channel."""

    kind: str

    def check(self, config: Mapping[str, str]) -> None:
        """Raise InputError, naming the field, if a channel with this config cannot work."""

    def send(self, channel: Channel, delivery: Delivery) -> None:
        """Send one delivery; raise DeliveryError unless the receiver has said that it took it."""


def check_fields(
    config: Mapping[str, str], *, known: tuple[str, ...], needed: tuple[str, ...]
) -> None:
    """Raise InputError for a field nobody knows and for a needed one that is missing."""
    for name in config:
        if name not in known:
            raise InputError(
                f"没有“{name}”这一项，可用的有 {'、'.join(known)} / "
                f"unknown field; known are {', '.join(known)}",
                field=name,
            )
    for name in needed:
        if not config.get(name):
            raise InputError(f"请填写“{name}” / {name} is missing", field=name)


def check_url(client: GuardedClient, url: str, field: str = "url") -> None:
    """Raise InputError if messages may not be sent to this URL."""
    try:
        client.check(url)
    except DeliveryError as error:
        raise InputError(error.message, field=field) from None


def require_success(answer: Answer, now: float) -> None:
    """Raise DeliveryError unless the status is 2xx; `now` (UTC seconds) is for Retry-After."""
    status = answer.status
    if 200 <= status < 300:
        return
    advice = "", ""
    if 300 <= status < 400:
        advice = "，请改填跳转后的最终地址", ": enter the address it redirects to"
    elif status == 410:
        advice = "，对方已停用该地址", ": the receiver has closed this address"
    raise DeliveryError(
        f"对方回答 HTTP {status}{advice[0]} / the receiver answered HTTP {status}{advice[1]}",
        permanent=is_refusal(status),
        retry_after=retry_after(answer.headers, now),
    )


def is_refusal(status: int) -> bool:
    """Tell whether a status says that the request itself is wrong, so that no repeat can help."""
    return 400 <= status < 500 and status not in _WORTH_A_RETRY


def retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """Return the seconds that Retry-After asks for (RFC 9110 section 10.2.3), None if it is not.

    >>> retry_after({"Retry-After": "30"}, 0)
    30.0
    >>> retry_after({"Retry-After": "Thu, 01 Jan 1970 00:01:00 GMT"}, 20)
    40.0
    """
    value = headers.get("Retry-After", "").strip()
    if value.isascii() and value.isdigit() and len(value) < 10:
        return float(value)
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, IndexError, OverflowError):
        return None
    return max(0.0, moment.replace(tzinfo=moment.tzinfo or UTC).timestamp() - now)
