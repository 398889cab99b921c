"""Deliveries from the outbox to real receivers: each at least once, or dead with a reason."""

from __future__ import annotations

import json
import threading
from collections import Counter
from contextlib import contextmanager
from dataclasses import replace

import pytest

from monitor.domain import Channel, Delivery
from monitor.errors import DeliveryError, StoreUnavailable
from monitor.notify import Smtp, build
from monitor.notify.http import GuardedClient
from monitor.notify.outbox import LEASE, REPEATS, Lanes, Report
from tests.receivers import (
    HttpReceiver,
    RawReceiver,
    Robot,
    Say,
    SmtpReceiver,
    self_signed,
    server_tls,
    silent,
)

SECRET = "whsec_" + "aW50ZWdyYXRpb24tc2VjcmV0LTAxMjM0NTY3ODk="


class MemoryOutbox:
    """What the store does, on a dictionary: leases by owner, most severe and oldest first."""

    LANE = 2
    RANK = ("red", "orange", "yellow", "blue")

    def __init__(self, *deliveries: Delivery) -> None:
        self.rows = {delivery.id: delivery for delivery in deliveries}
        self.leases: dict[str, tuple[str, int]] = {}
        self._lock = threading.Lock()

    def claim(self, owner, now, lease_seconds, limit, busy=()):
        with self._lock:
            due = [row for row in self.rows.values() if self._free(row, now)]
            due.sort(key=lambda row: (self.RANK.index(row.payload["alert"]["level"]), row.next_at))
            places = Counter(dict.fromkeys(busy, self.LANE))
            claimed = []
            for row in due:
                places[row.channel_id] += 1
                if places[row.channel_id] <= self.LANE and len(claimed) < limit:
                    self.leases[row.id] = (owner, now + lease_seconds)
                    claimed.append(row)
            return claimed

    def _free(self, row, now):
        _, until = self.leases.get(row.id, ("", 0))
        return row.state == "pending" and row.next_at <= now and until <= now

    def _holds(self, delivery_id, owner):
        return self.leases.get(delivery_id, ("", 0))[0] == owner

    def sent(self, delivery_id, now, owner):
        if self._holds(delivery_id, owner):
            row = self.rows[delivery_id]
            self.rows[delivery_id] = replace(row, state="sent", sent_at=now)
            del self.leases[delivery_id]

    def failed(self, delivery_id, now, owner, error, next_at):
        if self._holds(delivery_id, owner):
            row = self.rows[delivery_id]
            self.rows[delivery_id] = replace(
                row,
                state="dead" if next_at is None else "pending",
                attempts=row.attempts + 1,
                next_at=row.next_at if next_at is None else next_at,
                last_error=error,
            )
            del self.leases[delivery_id]

    def postpone(self, delivery_id, owner, next_at):
        if self._holds(delivery_id, owner):
            self.rows[delivery_id] = replace(self.rows[delivery_id], next_at=next_at)
            del self.leases[delivery_id]


class Clock:
    def __init__(self) -> None:
        self.now = 1_795_000_000

    def __call__(self) -> int:
        return self.now


class Recorder:
    """A transport that does as it is told and remembers what it was given."""

    kind = "webhook"

    def __init__(self, *errors: Exception | None) -> None:
        self.errors = list(errors)
        self.given: list[str] = []

    def check(self, config):
        pass

    def send(self, channel, delivery):
        self.given.append(delivery.id)
        error = self.errors.pop(0) if self.errors else None
        if error is not None:
            raise error


def delivery(identifier: str, *, channel: str = "c1", level: str = "orange", at: int = 0):
    payload: dict[str, object] = {
        "type": "alert.firing",
        "id": identifier,
        "brand": {"id": "moyu", "name": "墨屿"},
        "alert": {"level": level, "incident_id": "i1", "summary": {"zh": "集中投诉"}},
    }
    return Delivery(identifier, channel, "a1", "alert.firing", payload, "pending", 0, at, at)


def webhook_channel(receiver, identifier: str = "c1") -> Channel:
    return Channel(identifier, "webhook", "", {"url": receiver.url(), "secret": SECRET})


def lanes(outbox, channel, transports, clock, **options) -> Lanes:
    channels = channel if callable(channel) else lambda identifier: channel
    options = {"owner": "w1", "rng": lambda: 0.5} | options
    return Lanes(outbox, channels, transports, clock, **options)


def run(outbox, channel, transports, clock, **options) -> Report:
    return lanes(outbox, channel, transports, clock, **options).deliver_due()


def test_a_delivery_arrives_signed_and_is_recorded_as_sent_once():
    outbox, clock = MemoryOutbox(delivery("d1")), Clock()
    with HttpReceiver() as receiver:
        transports = build(GuardedClient([receiver.address]), None)
        channel = webhook_channel(receiver)
        assert run(outbox, channel, transports, clock) == Report(sent=1)
        assert run(outbox, channel, transports, clock) == Report()
    (request,) = receiver.received
    assert request.verified_by(SECRET)
    assert outbox.rows["d1"].state == "sent"
    assert outbox.rows["d1"].sent_at == clock.now


def test_a_broken_receiver_gets_the_same_id_again_when_the_time_has_come():
    outbox, clock = MemoryOutbox(delivery("d1")), Clock()
    with HttpReceiver(Say(500), Say(503, b"", {"Retry-After": "300"}), Say(200)) as receiver:
        transports = build(GuardedClient([receiver.address]), None)
        channel = webhook_channel(receiver)
        reports = []
        for wait in (0, 4, 1, 299, 1):
            clock.now += wait
            reports.append(run(outbox, channel, transports, clock))
    failed = Report(failed=1)
    assert reports == [failed, Report(), failed, Report(), Report(sent=1)]
    assert {request.headers["webhook-id"] for request in receiver.received} == {"d1"}
    assert outbox.rows["d1"].attempts == 2


def test_a_crash_between_sending_and_recording_sends_once_more_with_the_same_id():
    class Crashing(MemoryOutbox):
        def sent(self, delivery_id, now, owner):
            if owner == "w1":
                raise StoreUnavailable("磁盘满 / disk full")
            super().sent(delivery_id, now, owner)

    outbox, clock = Crashing(delivery("d1")), Clock()
    with HttpReceiver() as receiver:
        transports = build(GuardedClient([receiver.address]), None)
        channel = webhook_channel(receiver)
        with pytest.raises(StoreUnavailable):
            run(outbox, channel, transports, clock, owner="w1")
        assert run(outbox, channel, transports, clock, owner="w2") == Report()
        clock.now += 3600
        assert run(outbox, channel, transports, clock, owner="w2") == Report(sent=1)
    assert [request.headers["webhook-id"] for request in receiver.received] == ["d1", "d1"]


def test_it_dies_with_its_reason_after_a_day_of_failures():
    outbox, clock = MemoryOutbox(delivery("d1")), Clock()
    recorder = Recorder(*[DeliveryError("对方忙 / busy")] * 100)
    begin, reports = clock.now, []
    while outbox.rows["d1"].state == "pending":
        clock.now = max(clock.now, outbox.rows["d1"].next_at)
        reports.append(run(outbox, webhook_channel_nowhere(), {"webhook": recorder}, clock))
    assert reports == [Report(failed=1)] * len(REPEATS) + [Report(dead=1)]
    assert 23 * 3600 < clock.now - begin <= 24 * 3600
    assert outbox.rows["d1"].last_error == "对方忙 / busy"


def webhook_channel_nowhere() -> Channel:
    return Channel("c1", "webhook", "", {"url": "https://example.com/", "secret": SECRET})


@pytest.mark.parametrize(
    "channel",
    [None, replace(webhook_channel_nowhere(), enabled=False), Channel("c1", "pigeon", "", {})],
)
def test_what_has_nowhere_to_go_is_dead_at_once_and_says_why(channel):
    outbox, clock = MemoryOutbox(delivery("d1")), Clock()
    recorder = Recorder()
    assert run(outbox, channel, {"webhook": recorder}, clock) == Report(dead=1)
    assert recorder.given == []
    assert "渠道" in str(outbox.rows["d1"].last_error)


def test_an_unexpected_error_fails_one_delivery_only_and_shows_its_class_alone():
    outbox, clock = MemoryOutbox(delivery("d1", at=1), delivery("d2", at=2)), Clock()
    recorder = Recorder(KeyError("s3cret"))
    report = run(outbox, webhook_channel_nowhere(), {"webhook": recorder}, clock)
    assert report == Report(sent=1, failed=1)
    assert "KeyError" in str(outbox.rows["d1"].last_error)
    assert "s3cret" not in str(outbox.rows["d1"].last_error)


def test_the_recorded_reason_is_short_and_holds_no_token():
    outbox, clock = MemoryOutbox(delivery("d1")), Clock()
    recorder = Recorder(DeliveryError("https://bot.example/send?key=t0ken 不行" + "。" * 500))
    run(outbox, webhook_channel_nowhere(), {"webhook": recorder}, clock)
    reason = str(outbox.rows["d1"].last_error)
    assert reason.startswith("https://bot.example 不行")
    assert len(reason) == 300


def test_a_channel_keeps_the_outboxs_order_most_severe_first():
    rows = [delivery(f"d{n}", level=level, at=n) for n, level in enumerate(["blue", "red"] * 10)]
    outbox, clock, recorder = MemoryOutbox(*rows), Clock(), Recorder()
    report = run(outbox, webhook_channel_nowhere(), {"webhook": recorder}, clock)
    assert report == Report(sent=20)
    wanted = sorted(rows, key=lambda row: (row.payload["alert"]["level"] != "red", row.next_at))
    assert recorder.given == [row.id for row in wanted]


class Hanging(Recorder):
    """Answers nobody until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.reached, self.let_go = threading.Semaphore(0), threading.Event()

    def send(self, channel, delivery):
        super().send(channel, delivery)
        self.reached.release()
        assert self.let_go.wait(30)

    @contextmanager
    def having(self, count):
        """Until the end of the block `count` deliveries hang."""
        try:
            for _ in range(count):
                assert self.reached.acquire(timeout=10)
            yield
        finally:
            self.let_go.set()


def of_kind(identifier: str) -> Channel:
    """A channel whose id says of what kind it is."""
    return Channel(identifier, identifier.split("-", maxsplit=1)[0], "", {})


def send_until(sending: Lanes, recorder: Recorder, count: int) -> Report:
    """Take steps until a transport was given `count` deliveries and all were recorded."""
    for _ in range(100):
        report = sending.step(0.1)
        if len(recorder.given) == count and report.sent:
            return report
    pytest.fail(f"only {recorder.given} were sent")


def test_a_silent_channel_holds_up_no_other():
    rows = [delivery(f"s{n:02}", channel=f"silent-{n // 2}", level="red") for n in range(24)]
    outbox, hanging, lively = MemoryOutbox(*rows), Hanging(), Recorder()
    sending = lanes(outbox, of_kind, {"silent": hanging, "lively": lively}, Clock())
    assert sending.step(0) == Report()
    with hanging.having(12):
        for n in range(3):
            outbox.rows[f"l{n}"] = delivery(f"l{n}", channel="lively-1", level="blue")
            assert send_until(sending, lively, n + 1) == Report(sent=1)
        assert len(hanging.given) == 12
    assert sending.deliver_due() == Report(sent=24)


def test_while_a_channel_is_silent_nothing_else_of_it_is_begun_and_its_order_is_kept():
    outbox, hanging, clock = MemoryOutbox(delivery("d1")), Hanging(), Clock()
    sending = lanes(outbox, of_kind("silent-1"), {"silent": hanging}, clock)
    sending.step(0)
    with hanging.having(1):
        outbox.rows["d2"] = delivery("d2", level="yellow")
        outbox.rows["d3"] = delivery("d3", level="red")
        assert [sending.step(0) for _ in range(3)] == [Report()] * 3
        assert outbox.leases.keys() == {"d1"}
    assert sending.deliver_due() == Report(sent=3)
    assert hanging.given == ["d1", "d3", "d2"]


def test_it_serves_no_more_channels_at_a_time_than_its_width():
    rows = [delivery(f"d{n}", channel=f"silent-{n}") for n in range(5)]
    outbox, hanging = MemoryOutbox(*rows), Hanging()
    sending = lanes(outbox, of_kind, {"silent": hanging}, Clock(), width=3)
    sending.step(0)
    with hanging.having(3):
        assert sending.step(0) == Report()
        assert len(outbox.leases) == len(hanging.given) == 3
    assert sending.deliver_due() == Report(sent=5)


def test_what_does_not_answer_before_the_end_is_sent_again_when_its_lease_is_over():
    outbox, clock = MemoryOutbox(delivery("d1")), Clock()
    ending_kinds, other_kinds = {"silent": Hanging()}, {"silent": Recorder()}
    ending = lanes(outbox, of_kind("silent-1"), ending_kinds, clock)
    ending.step(0)
    with ending_kinds["silent"].having(1):
        assert ending.close(0) == Report()
        clock.now += LEASE - 1
        assert run(outbox, of_kind("silent-1"), other_kinds, clock, owner="w2") == Report()
        clock.now += 1
        assert run(outbox, of_kind("silent-1"), other_kinds, clock, owner="w2") == Report(sent=1)


def test_at_the_end_an_answer_under_way_is_recorded_and_the_rest_goes_back_untried():
    outbox, hanging = MemoryOutbox(delivery("d1"), delivery("d2")), Hanging()
    ending = lanes(outbox, of_kind("silent-1"), {"silent": hanging}, Clock())
    ending.step(0)
    with hanging.having(1):
        assert ending.close(0) == Report()
    assert ending.close(10) == Report(sent=1, postponed=1)
    assert hanging.given == ["d1"]
    assert (outbox.rows["d1"].state, outbox.rows["d2"].state) == ("sent", "pending")
    assert (outbox.leases, outbox.rows["d2"].attempts) == ({}, 0)


def test_what_its_lease_no_longer_covers_is_not_begun():
    class Slow(Recorder):
        def send(self, channel, delivery):
            super().send(channel, delivery)
            clock.now += LEASE

    outbox, clock, slow = MemoryOutbox(delivery("d1"), delivery("d2")), Clock(), Slow()
    report = run(outbox, webhook_channel_nowhere(), {"webhook": slow}, clock)
    assert report == Report(sent=1, postponed=1)
    assert slow.given == ["d1"]


def test_a_digest_that_was_sent_is_counted_as_one():
    rows = [replace(delivery(f"d{n}", at=n), event="alert.digest") for n in range(3)]
    recorder = Recorder(None, DeliveryError("忙 / busy"))
    report = run(MemoryOutbox(*rows), webhook_channel_nowhere(), {"webhook": recorder}, Clock())
    assert report == Report(sent=2, failed=1, digests=2)


def test_two_workers_at_once_send_everything_once():
    outbox, clock = MemoryOutbox(*(delivery(f"d{n}") for n in range(40))), Clock()
    with HttpReceiver() as receiver:
        transports = build(GuardedClient([receiver.address]), None)
        channel = webhook_channel(receiver)
        workers = [
            threading.Thread(
                target=run, args=(outbox, channel, transports, clock), kwargs={"owner": f"w{n}"}
            )
            for n in range(2)
        ]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
    assert {row.state for row in outbox.rows.values()} == {"sent"}
    arrived = [request.headers["webhook-id"] for request in receiver.received]
    assert sorted(arrived) == sorted(outbox.rows)


def test_a_receiver_that_never_answers_is_never_shown_as_sent():
    outbox, clock = MemoryOutbox(delivery("d1")), Clock()
    with RawReceiver(silent) as receiver:
        transports = build(GuardedClient([receiver.address], timeout=0.3), None)
        assert run(outbox, webhook_channel(receiver), transports, clock) == Report(failed=1)
    assert outbox.rows["d1"].sent_at is None
    assert "0.3 秒" in str(outbox.rows["d1"].last_error)


def test_wecom_gets_the_markdown_it_can_read():
    outbox, clock = MemoryOutbox(delivery("d1")), Clock()
    with HttpReceiver(Say(200, b'{"errcode":0}')) as receiver:
        transports = build(GuardedClient([receiver.address]), None)
        channel = Channel("c1", "wecom", "", {"url": receiver.url("/send?key=k")})
        assert run(outbox, channel, transports, clock) == Report(sent=1)
    body = json.loads(receiver.received[0].body)
    assert body["msgtype"] == "markdown"
    assert body["markdown"]["content"].startswith(
        '<font color="warning">【橙色预警】</font>**墨屿：集中投诉**'
    )


def test_a_burst_waits_for_its_turn_without_counting_as_failed_and_the_gravest_goes_first():
    rows = [delivery(f"d{n:02}", at=n) for n in range(30)]
    outbox, clock = MemoryOutbox(*rows), Clock()
    with Robot("wecom", "k3y", now=clock) as robot:
        transports = build(GuardedClient([robot.address]), None, clock)
        channel = Channel("c1", "wecom", "", robot.config)
        first = run(outbox, channel, transports, clock)
        assert (first.sent, first.failed, first.dead, first.postponed) == (20, 0, 0, 10)
        assert run(outbox, channel, transports, clock) == Report()
        assert {row.attempts for row in outbox.rows.values()} == {0}
        outbox.rows["red"] = delivery("red", level="red", at=clock.now + 1)
        clock.now += 61
        assert run(outbox, channel, transports, clock) == Report(postponed=1)
        clock.now += 1
        assert run(outbox, channel, transports, clock) == Report(sent=11)
        assert len(robot.taken) == len(robot.received) == 31
        assert "【红色预警】" in robot.texts()[20]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    return self_signed(tmp_path_factory.mktemp("mail"), "IP:127.0.0.1")


def smtp(port: int, **settings) -> Smtp:
    return Smtp(
        "127.0.0.1", port, "alerts@tingfeng.example.com", **({"security": "none"} | settings)
    )


MAILBOX = Channel("c1", "email", "", {"to": "pr@example.com, boss@example.com"})


def send_mail(settings: Smtp, channel: Channel = MAILBOX) -> MemoryOutbox:
    outbox = MemoryOutbox(delivery("d1"))
    run(outbox, channel, build(GuardedClient(), settings), Clock())
    return outbox


def test_a_mail_reads_well_in_text_and_in_html():
    with SmtpReceiver() as receiver:
        assert send_mail(smtp(receiver.port)).rows["d1"].state == "sent"
    (mail,) = receiver.mails
    assert mail["Subject"] == "【橙色预警】墨屿：集中投诉"
    assert mail["Message-ID"] == "<d1@tingfeng.example.com>"
    assert mail["References"] == "<incident.i1@tingfeng.example.com>"
    assert mail["To"] == "pr@example.com, boss@example.com"
    assert mail.get_body(("plain",)).get_content().startswith("【橙色预警】墨屿：集中投诉\n")
    assert "<h3>【橙色预警】墨屿：集中投诉</h3>" in mail.get_body(("html",)).get_content()


def test_a_mail_refused_for_one_of_its_recipients_is_not_shown_as_sent():
    with SmtpReceiver(refuse={"boss@example.com": "550 no such user"}) as receiver:
        row = send_mail(smtp(receiver.port)).rows["d1"]
    assert row.state == "dead"
    assert "550" in str(row.last_error)
    assert "boss" not in str(row.last_error)


def test_a_greylisted_recipient_is_tried_again():
    with SmtpReceiver(refuse={"pr@example.com": "451 come back"}) as receiver:
        row = send_mail(smtp(receiver.port)).rows["d1"]
    assert (row.state, row.attempts) == ("pending", 1)


def test_a_mail_goes_out_under_starttls_and_with_the_login(certificate):
    login = ("alerts", "hush-hush")
    with SmtpReceiver(tls=server_tls(certificate), login=login) as receiver:
        settings = {"security": "starttls", "ca_file": certificate[0]}
        wrong = smtp(receiver.port, username=login[0], password="guess", **settings)
        row = send_mail(wrong).rows["d1"]
        assert (row.state, receiver.mails) == ("pending", [])
        assert "账号或密码" in str(row.last_error)
        right = smtp(receiver.port, username=login[0], password=login[1], **settings)
        assert send_mail(right).rows["d1"].state == "sent"


def test_a_mail_is_not_sent_in_the_clear_when_tls_is_asked_for():
    with SmtpReceiver() as receiver:
        row = send_mail(smtp(receiver.port, security="starttls")).rows["d1"]
    assert (row.state, receiver.mails) == ("pending", [])


def test_a_mail_server_with_a_certificate_nobody_vouches_for_gets_nothing(certificate):
    with SmtpReceiver(tls=server_tls(certificate)) as receiver:
        row = send_mail(smtp(receiver.port, security="starttls")).rows["d1"]
    assert (row.state, receiver.mails) == ("pending", [])
    assert "TLS" in str(row.last_error)


def test_a_mail_server_may_speak_tls_from_the_first_byte(certificate):
    with SmtpReceiver(ssl_context=server_tls(certificate)) as receiver:
        settings = smtp(receiver.port, security="ssl", ca_file=certificate[0])
        assert send_mail(settings).rows["d1"].state == "sent"
    assert len(receiver.mails) == 1
