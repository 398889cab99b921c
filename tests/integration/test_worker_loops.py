"""The worker detects and delivers side by side."""

import threading
from contextlib import contextmanager

from monitor.domain import Channel
from monitor.worker import Worker
from tests.rows import row

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
    worker = Worker(
        service.store, service.watcher, {"webhook": silent}, clock=clock, detect_seconds=1
    )
    with running(worker):
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
