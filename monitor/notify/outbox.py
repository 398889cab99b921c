"""The loop that empties the outbox: claim, send, record. Each delivery at least once or dead."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from monitor.errors import DeliveryError
from monitor.notify.http import redact

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from monitor.domain import Channel, Delivery
    from monitor.notify.transport import Transport

# Seconds before each repeat: a day altogether, then the delivery is dead.
REPEATS = (5, 30, 120, 600, 1800, 3600, *[7200] * 11)
_LONGEST_WISH = 3600  # of a receiver, by Retry-After
_JITTER = 0.1
_ERROR_CHARACTERS = 300
# A round is small, so that even with every receiver silent it ends within the lease.
_ROUND = 8
LEASE = 240


class Outbox(Protocol):
    """Where deliveries wait. Times are whole UTC seconds."""

    def claim(self, owner: str, now: int, lease_seconds: int, limit: int) -> list[Delivery]:
        """Lease pending deliveries that are due, most severe and oldest first, to the owner.

        Leased ones are claimed by nobody until the lease ends. `attempts` counts the failures
        recorded so far.
        """

    def sent(self, delivery_id: str, now: int, owner: str) -> None:
        """Record that it arrived, if the owner still holds it."""

    def failed(
        self, delivery_id: str, now: int, owner: str, error: str, next_at: int | None
    ) -> None:
        """Record a failure, adding one to `attempts`; without `next_at` the delivery is dead."""


@dataclass(frozen=True, slots=True)
class Report:
    """How many deliveries were sent, failed but will be repeated, and died."""

    sent: int = 0
    failed: int = 0
    dead: int = 0


def deliver_due(
    outbox: Outbox,
    channels: Callable[[str], Channel | None],
    transports: Mapping[str, Transport],
    now: Callable[[], int],
    *,
    owner: str,
    limit: int = 50,
    rng: Callable[[], float] = random.random,
) -> Report:
    """Send what is due, at most `limit` deliveries, and return what became of them.

    Channels are served side by side, so that a silent one holds up no other; within a channel
    the order is kept. The record follows the sending: after a crash between the two the same
    delivery goes out once more, with the same id. `rng` gives numbers in [0, 1) for the jitter.
    """
    counts = {"sent": 0, "failed": 0, "dead": 0}
    left = limit
    while left > 0 and (claimed := outbox.claim(owner, now(), LEASE, min(_ROUND, left))):
        left -= len(claimed)
        for delivery, error in _send_all(claimed, channels, transports):
            counts[_record(outbox, delivery, error, now(), owner, rng())] += 1
    return Report(**counts)


def attempt(
    delivery: Delivery, channel: Channel | None, transports: Mapping[str, Transport]
) -> DeliveryError | None:
    """Send one delivery; return None if it arrived, else why not. Raises nothing."""
    if channel is None or not channel.enabled:
        return DeliveryError("渠道已删除或停用 / the channel is gone or disabled", permanent=True)
    transport = transports.get(channel.kind)
    if transport is None:
        return DeliveryError("没有这种渠道 / there is no such kind of channel", permanent=True)
    try:
        transport.send(channel, delivery)
    except DeliveryError as error:
        return error
    except Exception as error:  # noqa: BLE001 - whatever fails here fails for this delivery only
        name = type(error).__name__
        return DeliveryError(f"发送时出错（{name}） / sending failed ({name})")
    return None


def next_attempt(attempts: int, error: DeliveryError, now: int, chance: float) -> int | None:
    """Return when to repeat after a failure, in UTC seconds; None if never.

    `attempts` counts the failures before this one; `chance` in [0, 1) spreads the delay by ± 10 %.
    A receiver's wish to wait is met, up to an hour, never cut short.

    >>> next_attempt(1, DeliveryError("busy"), 1000, 0.5)
    1030
    """
    if error.permanent or attempts >= len(REPEATS):
        return None
    delay = REPEATS[attempts] * (1 + _JITTER * (2 * chance - 1))
    wish = min(error.retry_after or 0.0, _LONGEST_WISH)
    return now + max(1, round(max(delay, wish)))


def _send_all(
    claimed: list[Delivery],
    channels: Callable[[str], Channel | None],
    transports: Mapping[str, Transport],
) -> Iterator[tuple[Delivery, DeliveryError | None]]:
    """Yield each delivery with its outcome as soon as there is one; a channel is a lane."""
    with ExitStack() as stack:
        lanes = {
            channel_id: stack.enter_context(ThreadPoolExecutor(1, thread_name_prefix="deliver"))
            for channel_id in {delivery.channel_id for delivery in claimed}
        }
        under_way = {
            lanes[delivery.channel_id].submit(
                attempt, delivery, channels(delivery.channel_id), transports
            ): delivery
            for delivery in claimed
        }
        for future in as_completed(under_way):
            yield under_way[future], future.result()


def _record(
    outbox: Outbox,
    delivery: Delivery,
    error: DeliveryError | None,
    now: int,
    owner: str,
    chance: float,
) -> str:
    if error is None:
        outbox.sent(delivery.id, now, owner)
        return "sent"
    next_at = next_attempt(delivery.attempts, error, now, chance)
    text = redact(error.message)[:_ERROR_CHARACTERS]
    outbox.failed(delivery.id, now, owner, text, next_at)
    return "dead" if next_at is None else "failed"
