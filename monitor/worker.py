"""The background loop: lead, detect, deliver, tidy up, tend. Stops cleanly between two steps."""

from __future__ import annotations

import os
import secrets
import socket
import threading
from typing import TYPE_CHECKING

import structlog

from monitor.errors import StoreUnavailable
from monitor.metrics import ALERTS, DELIVERIES, DETECT_SECONDS, OUTBOX_AGE
from monitor.notify.outbox import Report, deliver_due

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from monitor.notify.transport import Transport
    from monitor.store import Store
    from monitor.watch import Watcher

LEADER = "worker"
LEADER_SECONDS = 180
DELIVERIES_A_ROUND = 16
TIDY_SECONDS = 3600
PAUSE = 1.0

log = structlog.get_logger("tingfeng.worker")


class Worker:
    """Runs what nobody asks for by HTTP. Several may run: one leads, the others wait.

    `chores` are given the time and take one short step a round.
    """

    def __init__(
        self,
        store: Store,
        watcher: Watcher,
        transports: Mapping[str, Transport],
        *,
        clock: Callable[[], int],
        detect_seconds: int,
        chores: Sequence[Callable[[int], object]] = (),
    ) -> None:
        self._store = store
        self._watcher = watcher
        self._transports = transports
        self._clock = clock
        self._detect_seconds = detect_seconds
        self._chores = chores
        self.owner = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(3)}"
        self._stop = threading.Event()
        self._looked_at = self._tidied_at = 0

    def stop(self) -> None:
        """Ask the loop to end after the step it is in."""
        self._stop.set()

    def run(self) -> None:
        """Loop until `stop`: detect here, deliver beside it, so that no receiver delays a look."""
        log.info("worker_started", owner=self.owner)
        messages = threading.Thread(target=self._loop, args=(self.deliver,), name="deliver")
        messages.start()
        self._loop(self.round)
        messages.join()
        self.step_down()
        log.info("worker_stopped", owner=self.owner)

    def _loop(self, step: Callable[[], object]) -> None:
        """Repeat a step until `stop`; a store that is out of reach is waited for."""
        while not self._stop.is_set():
            try:
                step()
            except StoreUnavailable as error:
                log.warning("store_unavailable", reason=error.message)
            except Exception:
                # What fails once must not end the watch over everything else.
                log.exception("worker_step_failed", step=step.__name__)
            self._stop.wait(PAUSE)

    def step_down(self) -> None:
        """Let another worker lead at once."""
        self._store.leases.give_back(LEADER, self.owner)

    def once(self) -> bool:
        """Take one round of everything; False where another worker leads."""
        led = self.lead()
        self.deliver()
        if led:
            self.tend()
        return led

    def round(self) -> None:
        """Lead and tend, beside the deliveries; nothing where another worker leads."""
        if self.lead():
            self.tend()

    def lead(self) -> bool:
        """Detect and tidy up, if it is time to; False where another worker leads."""
        now = self._clock()
        if not self._store.leases.take(LEADER, self.owner, now, LEADER_SECONDS):
            return False
        # A clock that was set back must not silence the watch until it has caught up.
        if not 0 <= now - self._looked_at < self._detect_seconds:
            self._looked_at = now
            self.detect(now)
        if not 0 <= now - self._tidied_at < TIDY_SECONDS:
            self._tidied_at = now
            self._store.mentions.forget_idempotency(now)
        return True

    def tend(self) -> None:
        """Take one step of each chore."""
        for chore in self._chores:
            chore(self._clock())

    def detect(self, now: int) -> None:
        """Look for anomalies in what changed."""
        with DETECT_SECONDS.time():
            changes = self._watcher.look(now)
        for change in changes:
            ALERTS.labels(change.events[0].action if change.events else "extended").inc()
            log.info(
                "alert_changed",
                alert=change.alert.id,
                brand=change.alert.brand,
                rule=change.alert.rule,
                alert_level=change.alert.level,
                told=change.tell,
            )

    def deliver(self) -> Report:
        """Send what is due, a few at a time; any worker may, as each message is leased."""
        report = deliver_due(
            self._store.outbox,
            self._store.channels.find,
            self._transports,
            self._clock,
            owner=self.owner,
            limit=DELIVERIES_A_ROUND,
        )
        for outcome in ("sent", "failed", "dead"):
            DELIVERIES.labels(outcome).inc(getattr(report, outcome))
        oldest = self._store.outbox.oldest_pending()
        OUTBOX_AGE.set(0 if oldest is None else max(0, self._clock() - oldest))
        return report
