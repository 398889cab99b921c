"""Deliveries from the outbox to real receivers: each at least once, or dead with a reason."""

from __future__ import annotations

import json
import threading
from dataclasses import replace

import pytest

from monitor.domain import Channel, Delivery
from monitor.errors import DeliveryError, StoreUnavailable
from monitor.notify import Smtp, build
from monitor.notify.http import GuardedClient
from monitor.notify.outbox import REPEATS, Report, deliver_due
from tests.receivers import (
    HttpReceiver,
    RawReceiver,
    Say,
    SmtpReceiver,
    self_signed,
    server_tls,
    silent,
)

SECRET = "whsec_" + "aW50ZWdyYXRpb24tc2VjcmV0LTAxMjM0NTY3ODk="


class MemoryOutbox:
    """What the store does, on a dictionary: leases by owner, most severe and oldest first."""

    RANK = ("red", "orange", "yellow", "blue")

    def __init__(self, *deliveries: Delivery) -> None:
        self.rows = {delivery.id: delivery for delivery in deliveries}
        self.leases: dict[str, tuple[str, int]] = {}
        self._lock = threading.Lock()

    def claim(self, owner, now, lease_seconds, limit):
        with self._lock:
            due = [row for row in self.rows.values() if self._free(row, now)]
            due.sort(key=lambda row: (self.RANK.index(row.payload["alert"]["level"]), row.next_at))
            for row in due[:limit]:
                self.leases[row.id] = (owner, now + lease_seconds)
            return due[:limit]

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


def run(outbox, channel, transports, clock, **options) -> Report:
    channels = channel if callable(channel) else lambda identifier: channel
    options = {"owner": "w1", "rng": lambda: 0.5} | options
    return deliver_due(outbox, channels, transports, clock, **options)


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


def test_it_takes_no_more_than_its_limit():
    outbox, clock = MemoryOutbox(*(delivery(f"d{n}") for n in range(30))), Clock()
    recorder = Recorder()
    report = run(outbox, webhook_channel_nowhere(), {"webhook": recorder}, clock, limit=11)
    assert report == Report(sent=11)
    assert len(recorder.given) == 11


def test_a_silent_channel_holds_up_no_other():
    """The lively transport answers only after the silent one has begun, and releases it."""
    silent_began, lively_done = threading.Event(), threading.Event()

    class Silent(Recorder):
        def send(self, channel, delivery):
            silent_began.set()
            assert lively_done.wait(10)
            raise DeliveryError("没有回答 / silent")

    class Lively(Recorder):
        def send(self, channel, delivery):
            assert silent_began.wait(10)
            super().send(channel, delivery)
            lively_done.set()

    outbox = MemoryOutbox(delivery("d1", channel="c1", level="red"), delivery("d2", channel="c2"))
    kinds = {"c1": "silent", "c2": "lively"}
    report = run(
        outbox,
        lambda identifier: Channel(identifier, kinds[identifier], "", {}),
        {"silent": Silent(), "lively": Lively()},
        Clock(),
    )
    assert report == Report(sent=1, failed=1)


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
