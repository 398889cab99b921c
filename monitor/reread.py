"""History read again in the background, after a brand's adapter changed or somebody asked for it.

Chunk by chunk, newest first: read outside any transaction, then written in one short one that
also keeps the place. So a crash loses no more than the chunk under way, and writers wait briefly.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Protocol

import structlog

from monitor.store import MentionQuery, cursor_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from monitor.domain import Reading
    from monitor.store import MentionView, Store

CHUNK = 100
"""Mentions written in one transaction: some 20 ms of SQLite's only write lock."""
STEP_SECONDS = 0.5
_NEWEST = 1 << 62

log = structlog.get_logger("tingfeng.reread")


class Reads(Protocol):
    """What reads stored mentions as it would read them if they came in now."""

    def reread(self, brand: str, views: Sequence[MentionView]) -> list[Reading]:
        """Return the model's reading of each mention towards the brand."""


class Rereader:
    """Takes the waiting rereads on, one after the other."""

    def __init__(
        self, store: Store, pipeline: Reads, timer: Callable[[], float] = time.monotonic
    ) -> None:
        self._store = store
        self._pipeline = pipeline
        self._timer = timer

    def step(self, now: int) -> bool:
        """Read chunks again for about half a second; False where nothing waits."""
        begun = self._timer()
        while self.chunk(now):
            if self._timer() - begun >= STEP_SECONDS:
                return True
        return False

    def chunk(self, now: int) -> bool:
        """Read one chunk again; False where nothing waits."""
        waiting = self._store.rereads.next(now)
        if waiting is None:
            return False
        query = MentionQuery(waiting.brand, 0, _NEWEST, before=waiting.after, limit=CHUNK)
        views = self._store.mentions.page(query)
        found = self._pipeline.reread(waiting.brand, views) if views else []
        readings = {view.id: reading for view, reading in zip(views, found, strict=True)}
        last = cursor_of(views[-1], "new") if len(views) == CHUNK else None
        after = None if last is None else (int(last[0]), last[1])
        if self._store.rereads.write(waiting, readings, after, now) and after is None:
            log.info("reread_finished", brand=waiting.brand)
        return True
