"""What empties the outbox: claim, send, record. Each delivery at least once or dead."""

from __future__ import annotations

import math
import random
import threading
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from time import monotonic
from typing import TYPE_CHECKING, Protocol

from monitor.errors import DeliveryError
from monitor.notify.http import redact
from monitor.notify.pace import Paced

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from monitor.domain import Channel, Delivery
    from monitor.notify.transport import Transport

# Seconds before each repeat: a day altogether, then the delivery is dead.
REPEATS = (5, 30, 120, 600, 1800, 3600, *[7200] * 11)
_LONGEST_WISH = 3600  # of a receiver, by Retry-After
_JITTER = 0.1
_ERROR_CHARACTERS = 300
_WIDTH = 32
# Longer than the few messages of a lane take, every one of their parts unanswered.
LEASE = 240


class Outbox(Protocol):
    """Where deliveries wait. Times are whole UTC seconds."""

    def claim(
        self, owner: str, now: int, lease_seconds: int, limit: int, busy: Collection[str] = ()
    ) -> list[Delivery]:
        """Lease pending deliveries that are due, most severe and oldest first, to the owner.

        A few for each channel, none for `busy` ones. Leased ones are claimed by nobody until the
        lease ends. `attempts` counts the failures recorded so far.
        """

    def sent(self, delivery_id: str, now: int, owner: str) -> None:
        """Record that it arrived, if the owner still holds it."""

    def failed(
        self, delivery_id: str, now: int, owner: str, error: str, next_at: int | None
    ) -> None:
        """Record a failure, adding one to `attempts`; without `next_at` the delivery is dead."""

    def postpone(self, delivery_id: str, owner: str, next_at: int) -> None:
        """Give a delivery that the owner still holds back until `next_at`; `attempts` stays."""


@dataclass(frozen=True, slots=True)
class Report:
    """How many deliveries were sent, failed but will be repeated, died, and wait for their turn.

    `digests` counts those of the sent that told of many incidents at once.
    """

    sent: int = 0
    failed: int = 0
    dead: int = 0
    postponed: int = 0
    digests: int = 0


class Lanes:
    """Sends what is due; a channel has a thread of its own while something of it is in flight.

    A silent channel therefore holds up itself alone; within a channel the order is kept. The
    record follows the sending: after a crash between the two the same delivery goes out once more,
    with the same id. One whose channel has reached its pace goes back untried. Everything but the
    sending happens in the caller's thread.

    Parameters
    ----------
    outbox : Outbox
    channels : callable
        From a channel's id to the channel, or None where it is gone.
    transports : mapping
        By kind of channel.
    now : callable
        Gives UTC seconds.
    owner : str
        Who leases.
    width : int
        Most channels served at a time.
    rng : callable
        Gives numbers in [0, 1) for the jitter.

    """

    def __init__(
        self,
        outbox: Outbox,
        channels: Callable[[str], Channel | None],
        transports: Mapping[str, Transport],
        now: Callable[[], int],
        *,
        owner: str,
        width: int = _WIDTH,
        rng: Callable[[], float] = random.random,
    ) -> None:
        self._outbox = outbox
        self._channels = channels
        self._transports = transports
        self._now = now
        self._owner = owner
        self._width = width
        self._rng = rng
        self._in_flight: Counter[str] = Counter()
        self._ended: SimpleQueue[tuple[Delivery, DeliveryError | None]] = SimpleQueue()
        self._closed = threading.Event()

    def step(self, wait: float) -> Report:
        """Begin what may begin, then record what has ended; `wait` seconds for the first."""
        self._begin()
        return Report(**self._collect(wait))

    def deliver_due(self) -> Report:
        """Send all that is due, and return when nothing is in flight any more."""
        counts: Counter[str] = Counter()
        self._begin()
        while self._in_flight:
            counts += self._collect(None)
            self._begin()
        return Report(**counts)

    def close(self, patience: float) -> Report:
        """Begin no other message; record what ends within `patience` seconds.

        The lease of what is still unanswered then runs out, and it is sent again.
        """
        self._closed.set()
        end = monotonic() + patience
        counts: Counter[str] = Counter()
        while self._in_flight and (left := end - monotonic()) > 0:
            counts += self._collect(left)
        return Report(**counts)

    def _begin(self) -> None:
        """Give channels of which nothing is in flight what is due of them."""
        while (free := self._width - len(self._in_flight)) > 0:
            now = self._now()
            claimed = self._outbox.claim(self._owner, now, LEASE, free, tuple(self._in_flight))
            lanes: dict[str, list[Delivery]] = {}
            for delivery in claimed:
                lanes.setdefault(delivery.channel_id, []).append(delivery)
            for channel_id, lane in lanes.items():
                # A daemon: a receiver that never answers must not keep the process from ending.
                threading.Thread(
                    target=self._send,
                    args=(lane, self._channels(channel_id), now + LEASE),
                    name="deliver",
                    daemon=True,
                ).start()
                self._in_flight[channel_id] = len(lane)
            if len(claimed) < free:
                return

    def _send(self, lane: list[Delivery], channel: Channel | None, until: int) -> None:
        for delivery in lane:
            if self._closed.is_set() or self._now() >= until:
                self._ended.put((delivery, Paced(0)))
            else:
                self._ended.put((delivery, attempt(delivery, channel, self._transports)))

    def _collect(self, wait: float | None) -> Counter[str]:
        """Record what has ended, and count it; wait for the first (None: as long as it takes)."""
        counts: Counter[str] = Counter()
        with suppress(Empty):
            delivery, error = self._ended.get(timeout=wait)
            while True:
                outcome = self._record(delivery, error)
                counts[outcome] += 1
                counts["digests"] += outcome == "sent" and delivery.event == "alert.digest"
                delivery, error = self._ended.get_nowait()
        return counts

    def _record(self, delivery: Delivery, error: DeliveryError | None) -> str:
        self._in_flight -= Counter([delivery.channel_id])
        now = self._now()
        if error is None:
            self._outbox.sent(delivery.id, now, self._owner)
            return "sent"
        if isinstance(error, Paced):
            next_at = now + max(1, math.ceil(error.seconds))
            self._outbox.postpone(delivery.id, self._owner, next_at)
            return "postponed"
        again = next_attempt(delivery.attempts, error, now, self._rng())
        text = redact(error.message)[:_ERROR_CHARACTERS]
        self._outbox.failed(delivery.id, now, self._owner, text, again)
        return "dead" if again is None else "failed"


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
