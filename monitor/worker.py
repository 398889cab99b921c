"""The background loop: lead, detect, deliver, tidy up, tend. Stops cleanly between two steps."""

from __future__ import annotations

import os
import secrets
import socket
import threading
from typing import TYPE_CHECKING

import structlog

from monitor.errors import StoreUnavailable
from monitor.metrics import (
    ALERTS,
    BRANDS_WAITING,
    DELIVERIES,
    DETECT_SECONDS,
    DIGESTS,
    OUTBOX_AGE,
)
from monitor.notify.outbox import Lanes, Report

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from monitor.incidents import Change
    from monitor.notify.transport import Transport
    from monitor.room import Room
    from monitor.store import Store
    from monitor.watch import Watcher

LEADER = "worker"
LEADER_SECONDS = 20
BEAT = 5.0
# A leader that stands still for longer is taken for dead.
LONGEST_ROUND = 900
TIDY_SECONDS = 3600
PAUSE = 1.0
LAST_ANSWERS = 5.0

log = structlog.get_logger("tingfeng.worker")


class Worker:
    """Runs what nobody asks for by HTTP. Several may run: one leads, the others wait.

    `chores` are given the time and take one short step a round.
    """

    def __init__(
        self,
        store: Store,
        watcher: Watcher,
        room: Room,
        transports: Mapping[str, Transport],
        *,
        clock: Callable[[], int],
        detect_seconds: int,
        chores: Sequence[Callable[[int], object]] = (),
    ) -> None:
        self._store = store
        self._watcher = watcher
        self._room = room
        self._clock = clock
        self._detect_seconds = detect_seconds
        self._chores = chores
        self.owner = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(3)}"
        self._lanes = Lanes(store.outbox, store.channels.find, transports, clock, owner=self.owner)
        self._stop = threading.Event()
        self._led_at = self._looked_at = self._tidied_at = 0

    def stop(self) -> None:
        """Ask the loop to end after the step it is in."""
        self._stop.set()

    def run(self) -> None:
        """Loop until `stop`: detect here, deliver and hold the lead beside it.

        So no receiver delays a look, and no long look loses the lead.
        """
        log.info("worker_started", owner=self.owner)
        beside = [
            threading.Thread(target=self._deliver_on, name="deliver"),
            threading.Thread(target=self._loop, args=(self.beat, BEAT), name="lead"),
        ]
        for thread in beside:
            thread.start()
        self._loop(self.round, PAUSE)
        for thread in beside:
            thread.join()
        self.step_down()
        log.info("worker_stopped", owner=self.owner)

    def _deliver_on(self) -> None:
        # Answers are waited for within the step.
        self._loop(self.post, 0)
        self._try(self._last_answers)

    def _loop(self, step: Callable[[], object], pause: float) -> None:
        """Repeat a step until `stop`; a store that is out of reach is waited for."""
        while not self._stop.is_set():
            self._stop.wait(pause if self._try(step) else PAUSE)

    def _try(self, step: Callable[[], object]) -> bool:
        """Take a step; what fails once must not end the watch over everything else."""
        try:
            step()
        except StoreUnavailable as error:
            log.warning("store_unavailable", reason=error.message)
        except Exception:
            log.exception("worker_step_failed", step=step.__name__)
        else:
            return True
        return False

    def step_down(self) -> None:
        """Let another worker lead at once."""
        self._led_at = 0
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
        if not self._take(now):
            return False
        # A clock that was set back must not silence the watch until it has caught up.
        if not 0 <= now - self._looked_at < self._detect_seconds:
            self._looked_at = now
            self.detect(now)
        self.record(self._room.pass_time(now))
        if not 0 <= now - self._tidied_at < TIDY_SECONDS:
            self._tidied_at = now
            self._store.mentions.forget_idempotency(now)
            self._store.outbox.forget(now)
        return True

    def beat(self) -> None:
        """Hold the lead while a round lasts; one that never ends loses it."""
        now = self._clock()
        if 0 <= now - self._led_at < LONGEST_ROUND and not self._renew(now):
            log.warning("lead_lost", owner=self.owner)
            self._led_at = 0

    def _take(self, now: int) -> bool:
        led = self._renew(now)
        self._led_at = now if led else 0
        return led

    def _renew(self, now: int) -> bool:
        return self._store.leases.take(LEADER, self.owner, now, LEADER_SECONDS)

    def tend(self) -> None:
        """Take one step of each chore."""
        for chore in self._chores:
            chore(self._clock())

    def detect(self, now: int) -> None:
        """Look for anomalies in what changed."""
        with DETECT_SECONDS.time():
            changes = self._watcher.look(now)
        BRANDS_WAITING.set(self._watcher.waiting)
        self.record(changes)

    def record(self, changes: Sequence[Change]) -> None:
        """Count and log what became of incidents."""
        for change in changes:
            incident = change.case.incident
            actions = [event.action for event in change.events] or ["extended"]
            for action in actions:
                ALERTS.labels(action).inc()
            log.info(
                "incident_changed",
                incident=incident.id,
                brand=incident.brand,
                rule=change.case.lead.rule,
                incident_level=incident.level,
                actions=actions,
            )

    def deliver(self) -> Report:
        """Send all that is due; any worker may, as each message is leased."""
        return self._count(self._lanes.deliver_due())

    def post(self) -> Report:
        """Send what is due to channels that are free, and record what others have answered."""
        return self._count(self._lanes.step(PAUSE))

    def _last_answers(self) -> Report:
        return self._count(self._lanes.close(LAST_ANSWERS))

    def _count(self, report: Report) -> Report:
        for outcome in ("sent", "failed", "dead", "postponed"):
            DELIVERIES.labels(outcome).inc(getattr(report, outcome))
        DIGESTS.inc(report.digests)
        oldest = self._store.outbox.oldest_pending()
        OUTBOX_AGE.set(0 if oldest is None else max(0, self._clock() - oldest))
        return report
