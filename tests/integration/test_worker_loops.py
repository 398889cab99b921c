"""The worker detects, delivers and holds its lead side by side."""

import threading
from contextlib import contextmanager

import pytest
from prometheus_client import REGISTRY

from monitor import watch, worker
from monitor.domain import Brand, Channel, Delivery
from monitor.worker import LEADER, LEADER_SECONDS, LONGEST_ROUND, TIDY_SECONDS, Worker
from tests.rows import DAY, NOW, row

FIRE = "星途充电时突然起火爆炸，有人烧伤"


class Silent:
    """A receiver that answers nobody until it is let go."""

    kind = "webhook"

    def __init__(self):
        self.reached, self.let_go = threading.Event(), threading.Event()

    def check(self, config):
        pass

    def send(self, channel, delivery):
        self.reached.set()
        assert self.let_go.wait(30)


@contextmanager
def running(worker):
    thread = threading.Thread(target=worker.run)
    thread.start()
    try:
        yield
    finally:
        worker.stop()
        thread.join(30)
        assert not thread.is_alive()


def made(service, transports, clock, *, watcher=None):
    return Worker(
        service.store,
        watcher or service.watcher,
        service.room,
        transports,
        clock=clock,
        detect_seconds=1,
    )


def message(channel, name="m", at=NOW):
    payload = {"type": "alert.firing", "alert": {"level": "red"}}
    event = payload["type"]
    return Delivery(f"dl_{channel}_{name}", channel, None, event, payload, "pending", 0, at, at)


def open_alerts(service):
    return service.store.alerts.open_counts().get("xingtu", (0, "none"))[0]


def until(condition, stop):
    for _ in range(300):
        if condition():
            return True
        stop.wait(0.1)
    return False


def test_a_receiver_that_never_answers_delays_no_detection(service, xingtu, clock):
    silent = Silent()
    service.store.channels.add(Channel("c1", "webhook", "值班", {}), clock.now)
    with running(made(service, {"webhook": silent}, clock)):
        try:
            service.pipeline.ingest([row(FIRE, clock.now - 8 * 3600 - 60)])
            service.pipeline.ingest([row(FIRE, clock.now - 60)])
            clock.now += 1
            assert silent.reached.wait(30)
            first = open_alerts(service)
            service.pipeline.ingest([row(f"{FIRE}，又一辆", clock.now - 30)])
            clock.now += 2
            held = service.store.alerts.of_brand("xingtu", 0)[-1]
            seen = lambda: service.store.alerts.get(held.id).seen == 2  # noqa: E731
            assert until(seen, threading.Event())
            assert first == open_alerts(service) == 1
        finally:
            silent.let_go.set()
    assert service.store.leases.take("worker", "another", clock.now, 60)


class Lively(Silent):
    """A receiver that takes what it gets at once."""

    kind = "alertmanager"

    def send(self, channel, delivery):
        self.reached.set()


class Counting(Silent):
    """A silent receiver that counts who waits for it."""

    def __init__(self):
        super().__init__()
        self.waiting = threading.Semaphore(0)

    def send(self, channel, delivery):
        self.waiting.release()
        super().send(channel, delivery)


@pytest.fixture
def twelve_hang(service, clock):
    """Twelve channels whose receivers hang, and one that is well."""
    silent, lively = Counting(), Lively()
    channels = service.store.channels
    for n in range(12):
        channels.add(Channel(f"c{n}", "webhook", "", {}), clock.now)
        service.store.outbox.add([message(f"c{n}")])
    channels.add(Channel("well", "alertmanager", "", {}), clock.now)
    yield made(service, {"webhook": silent, "alertmanager": lively}, clock), silent, lively
    silent.let_go.set()


def test_a_message_reaches_a_healthy_channel_within_two_seconds_while_twelve_others_hang(
    service, twelve_hang
):
    busy, silent, lively = twelve_hang
    with running(busy):
        try:
            for _ in range(12):
                assert silent.waiting.acquire(timeout=30)
            for n in range(3):
                lively.reached.clear()
                service.store.outbox.add([message("well", f"m{n}")])
                assert lively.reached.wait(2)
        finally:
            silent.let_go.set()


def test_a_worker_that_is_told_to_stop_does_not_wait_for_receivers_that_hang(
    service, twelve_hang, clock, monkeypatch
):
    monkeypatch.setattr(worker, "LAST_ANSWERS", 0.1)
    busy, silent, _ = twelve_hang
    with running(busy):
        for _ in range(12):
            assert silent.waiting.acquire(timeout=30)
    assert not silent.let_go.is_set()
    assert service.store.outbox.counts() == {"pending": 12}
    assert service.store.outbox.claim("another", clock.now, 240, 20) == []
    assert len(service.store.outbox.claim("another", clock.now + 240, 240, 20)) == 12


def test_one_round_delivers_everything_that_is_due(service, clock):
    service.store.channels.add(Channel("well", "alertmanager", "", {}), clock.now)
    service.store.outbox.add([message("well", f"m{n}") for n in range(50)])
    made(service, {"alertmanager": Lively()}, clock).once()
    assert service.store.outbox.counts() == {"sent": 50}


# -- who leads -------------------------------------------------------------------------------------


class Long:
    """A look that lasts until it is let go."""

    waiting = 0

    def __init__(self):
        self.begun, self.let_go = threading.Event(), threading.Event()

    def look(self, now):
        self.begun.set()
        assert self.let_go.wait(30)
        return []


def test_where_the_leader_is_killed_another_takes_over_within_25_seconds(
    service, make_service, clock
):
    killed, other = made(service, {}, clock), made(make_service(), {}, clock)
    assert killed.lead()
    clock.now += LEADER_SECONDS - 1
    assert not other.lead()
    clock.now += 25 - (LEADER_SECONDS - 1)
    assert other.lead()


@pytest.mark.parametrize("step", [-DAY, -60, -1, 60, DAY])
def test_a_clock_that_steps_keeps_no_dead_leader_beyond_the_25_seconds(
    service, make_service, clock, step
):
    killed, other = made(service, {}, clock), made(make_service(), {}, clock)
    assert killed.lead()
    clock.now += step + 25
    assert other.lead()


def held_until(service):
    with service.store.leases._db.read() as db:
        found = db.execute("SELECT until FROM lease WHERE name = ?", (LEADER,)).fetchone()
    return found[0] if found else 0


def test_a_long_look_keeps_the_lead(service, make_service, clock, monkeypatch):
    monkeypatch.setattr(worker, "BEAT", 0.02)
    slow, other = Long(), made(make_service(), {}, clock)
    with running(made(service, {}, clock, watcher=slow)):
        try:
            assert slow.begun.wait(30)
            for _ in range(6):
                clock.now += LEADER_SECONDS - 2
                renewed = lambda: held_until(service) == clock.now + LEADER_SECONDS  # noqa: E731
                assert until(renewed, threading.Event())
                assert not other.lead()
        finally:
            slow.let_go.set()
    assert other.lead()


def test_a_round_that_never_ends_loses_the_lead(service, make_service, clock):
    stuck, other = made(service, {}, clock), made(make_service(), {}, clock)
    assert stuck.lead()
    clock.now += LONGEST_ROUND - 1
    stuck.beat()
    assert not other.lead()
    clock.now += LEADER_SECONDS
    stuck.beat()
    assert other.lead()


def test_a_worker_that_does_not_lead_takes_no_lead_by_its_beat(service, make_service, clock):
    idle, other = made(service, {}, clock), made(make_service(), {}, clock)
    idle.beat()
    assert other.lead()
    assert not idle.lead()
    clock.now += LEADER_SECONDS
    idle.beat()
    assert held_until(service) == clock.now
    assert idle.lead()
    idle.step_down()
    idle.beat()
    assert other.lead()


# -- tidying, metrics ------------------------------------------------------------------------------


def test_it_tidies_up_what_was_sent_long_ago(service, clock):
    service.store.channels.add(Channel("well", "alertmanager", "", {}), clock.now)
    service.store.outbox.add([message("well")])
    tidy = made(service, {"alertmanager": Lively()}, clock)
    tidy.once()
    clock.now += 90 * DAY + TIDY_SECONDS
    tidy.once()
    assert service.store.outbox.counts() == {}


def test_the_overload_shows_in_the_metrics(service, xingtu, clock, monkeypatch):
    monkeypatch.setattr(watch, "MOST_A_LOOK", 1)
    service.store.brands.add(Brand("lanhai", "蓝海", created_at=NOW - 2 * DAY))
    fires = [row(FIRE, clock.now - 60), row(FIRE.replace("星途", "蓝海"), clock.now - 60)]
    service.pipeline.ingest(fires)
    seen = made(service, {}, clock)
    waiting = []
    for _ in range(2):
        seen.lead()
        waiting.append(REGISTRY.get_sample_value("tingfeng_brands_waiting"))
        clock.now += 5
    assert waiting == [1, 0]
