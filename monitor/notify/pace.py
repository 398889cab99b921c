"""How often a robot may be sent to, so that its platform does not shut it."""

from __future__ import annotations

from collections import deque
from contextlib import contextmanager
from dataclasses import dataclass
from math import ceil
from threading import Lock
from typing import TYPE_CHECKING

from monitor.errors import DeliveryError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_LONGEST_HOLD = 600.0


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `count` messages in any `seconds`."""

    count: int
    seconds: float


class Paced(DeliveryError):
    """Nothing was sent yet: it is not this message's turn for `retry_after` seconds."""

    def __init__(self, seconds: float) -> None:
        super().__init__(
            f"该机器人已到限频，{ceil(seconds)} 秒后可再发送 / "
            f"this robot's pace is reached: it takes the next message in {ceil(seconds)} s",
            retry_after=seconds,
        )
        self.seconds = seconds


class Pace:
    """Who was sent to when, by address, in this process. `now` gives UTC seconds."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._sent: dict[str, deque[float]] = {}
        self._closed_until: dict[str, float] = {}
        self._lock = Lock()

    @contextmanager
    def turn(self, address: str, limits: tuple[Limit, ...], count: int = 1) -> Iterator[None]:
        """Send `count` messages within; raises Paced where there is no room for all of them yet.

        After a refusal to which a time is set, by us or by the platform, nothing is let through
        before: what was to go first still goes first, and no blocked robot is knocked at.
        """
        with self._lock:
            now = self._now()
            wait = self._closed(address, now) or self._full(address, limits, count, now)
            if wait > 0:
                # Less than this would be lost in a float of the size of today's date.
                wait = max(wait, 0.001)
                self._closed_until[address] = now + wait
                raise Paced(wait)
            sent = self._sent.setdefault(address, deque(maxlen=max(n.count for n in limits)))
            sent.extend([now] * count)
        try:
            yield
        except DeliveryError as error:
            if error.retry_after:
                with self._lock:
                    hold = min(error.retry_after, _LONGEST_HOLD)
                    self._closed_until[address] = self._now() + hold
            raise

    def _closed(self, address: str, now: float) -> float:
        wait = self._closed_until.get(address, 0.0) - now
        # A longer one was set before the clock was put back.
        return wait if 0 < wait <= _LONGEST_HOLD else 0.0

    def _full(self, address: str, limits: tuple[Limit, ...], count: int, now: float) -> float:
        return max(self._wait(address, limit, count, now) for limit in limits)

    def _wait(self, address: str, limit: Limit, count: int, now: float) -> float:
        ages = [now - moment for moment in self._sent.get(address, ())]
        recent = [age for age in ages if 0 <= age < limit.seconds]
        # More parts than a span holds go once it is empty.
        surplus = len(recent) + min(count, limit.count) - limit.count
        return limit.seconds - recent[surplus - 1] if surplus > 0 else 0.0
