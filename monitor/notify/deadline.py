"""A limit on the whole of an exchange, however slowly the other side talks."""

from __future__ import annotations

import os
import socket
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from types import TracebackType


class Deadline:
    """A span of seconds after which the watched socket is cut.

    A socket's own time-out starts again with every byte, so a peer that sends one now and then
    never meets it. `passed` is True once the time is over: what was read by then is incomplete.
    """

    def __init__(self, seconds: float) -> None:
        self.passed = False
        self._end = time.monotonic() + seconds
        self._twin: socket.socket | None = None
        self._timer = threading.Timer(seconds, self._cut)
        self._timer.daemon = True

    def left(self) -> float:
        """Return the seconds that remain, never quite 0 (which would mean non-blocking)."""
        return max(0.001, self._end - time.monotonic())

    def watch(self, sock: socket.socket) -> None:
        """Cut this socket when the time is over, also once TLS has been put around it."""
        self._twin = socket.socket(fileno=os.dup(sock.fileno()))
        if self.passed:
            self._cut()

    def _cut(self) -> None:
        self.passed = True
        if self._twin is not None:
            with suppress(OSError):
                self._twin.shutdown(socket.SHUT_RDWR)

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._timer.cancel()
        # The timer may be cutting just now: closing first could cut somebody else's socket.
        self._timer.join()
        if self._twin is not None:
            self._twin.close()
