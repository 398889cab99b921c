"""The outbox whatever happens: workers claim, crash and come back, receivers refuse, clocks jump.

Nothing is lost, nothing goes out twice but for what the promise allows: a worker that died between
sending and recording.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from monitor.domain import Delivery
from monitor.store import open_store
from tests.rows import NOW

LEASE = 60
WORKERS = ("a", "b")
LEVELS = ("blue", "red")


class Outbox(RuleBasedStateMachine):
    """Two workers, three channels, and a model of what each message should have become."""

    def __init__(self):
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.store = open_store(f"sqlite:///{Path(self.folder.name)}/outbox.db")
        self.now = NOW
        self.made = 0
        self.states: dict[str, str] = {}
        self.held: dict[str, tuple[str, int]] = {}  # by whom, until when
        self.arrivals: dict[str, int] = {}
        self.crashed: dict[str, int] = {}  # sent, but its record was lost

    def teardown(self):
        self.store.close()
        self.folder.cleanup()

    @rule(channel=st.integers(0, 2), incident=st.integers(0, 2), level=st.sampled_from(LEVELS))
    def write(self, channel, incident, level):
        name = f"dl_{self.made:04d}"
        self.made += 1
        message = Delivery(
            id=name,
            channel_id=f"c{channel}",
            alert_id="al",
            incident_id=f"in_{incident}",
            event="alert.firing",
            payload={"alert": {"level": level}},
            state="pending",
            attempts=0,
            next_at=self.now,
            created_at=self.now,
        )
        self.store.outbox.add([message])
        self.store.outbox.add([message])  # a repeat after a crash is no second message
        self.states[name] = "pending"

    @rule(worker=st.sampled_from(WORKERS))
    def claim(self, worker):
        for message in self.store.outbox.claim(worker, self.now, LEASE, 8):
            assert self.states[message.id] == "pending"
            holder = self.held.get(message.id)
            assert holder is None or holder[1] <= self.now, "claimed while another held it"
            self.held[message.id] = (worker, self.now + LEASE)

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def deliver(self, data):
        name, worker = self._pick(data)
        self.arrivals[name] = self.arrivals.get(name, 0) + 1
        self.store.outbox.sent(name, self.now, worker)
        self.states[name] = "sent"

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def deliver_and_die(self, data):
        name, _ = self._pick(data, forget=False)
        self.arrivals[name] = self.arrivals.get(name, 0) + 1
        self.crashed[name] = self.crashed.get(name, 0) + 1

    @precondition(lambda self: self.held)
    @rule(data=st.data(), wait=st.sampled_from((None, 5, 600)))
    def refuse(self, data, wait):
        name, worker = self._pick(data)
        self.store.outbox.failed(
            name, self.now, worker, "busy", None if wait is None else self.now + wait
        )
        if wait is None:
            self.states[name] = "dead"

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def postpone(self, data):
        name, worker = self._pick(data)
        self.store.outbox.postpone(name, worker, self.now + 30)

    @precondition(lambda self: "dead" in self.states.values())
    @rule(data=st.data())
    def replay(self, data):
        name = data.draw(st.sampled_from(sorted(k for k, v in self.states.items() if v == "dead")))
        assert self.store.outbox.replay(name, self.now)
        assert not self.store.outbox.replay(name, self.now)
        self.states[name] = "pending"

    @rule(name=st.integers(0, 5), worker=st.sampled_from(WORKERS))
    def record_what_one_does_not_hold(self, name, worker):
        known = f"dl_{name:04d}"
        if known in self.states and self.held.get(known, ("", 0))[0] != worker:
            self.store.outbox.sent(known, self.now, worker)
            self.store.outbox.failed(known, self.now, worker, "late", None)

    @rule(seconds=st.sampled_from((1, 30, LEASE, 700)))
    def wait(self, seconds):
        self.now += seconds

    @invariant()
    def states_are_as_they_should_be(self):
        held = {d.id: d.state for d in self.store.outbox.page(limit=1000)}
        assert held == self.states

    @invariant()
    def nothing_arrives_twice_but_after_a_crash(self):
        for name, times in self.arrivals.items():
            assert times <= 1 + self.crashed.get(name, 0)

    @rule()
    def in_the_end_everything_arrives(self):
        """From here on all goes well: what was pending is sent, in the time that leases take."""
        self.now += 86_400
        for _ in range(len(self.states) + 1):
            for message in self.store.outbox.claim("c", self.now, LEASE, 8):
                self.arrivals[message.id] = self.arrivals.get(message.id, 0) + 1
                self.store.outbox.sent(message.id, self.now, "c")
                self.states[message.id] = "sent"
        self.held.clear()
        assert "pending" not in self.states.values()

    def _pick(self, data, *, forget=True):
        name = data.draw(st.sampled_from(sorted(self.held)))
        worker, _ = self.held[name]
        if forget:
            del self.held[name]
        return name, worker


TestOutbox = Outbox.TestCase
TestOutbox.settings = settings(
    max_examples=60,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
