"""What every transport keeps, whatever its receiver does."""

from __future__ import annotations

import json
from contextlib import ExitStack
from itertools import count

import pytest

from monitor.domain import Channel, Delivery
from monitor.errors import DeliveryError, InputError
from monitor.notify import TRANSPORTS, Smtp, build
from monitor.notify.http import GuardedClient
from tests.receivers import (
    HttpReceiver,
    RawReceiver,
    Say,
    SmtpReceiver,
    drip,
    flood,
    once,
    silent,
)

SECRET = "whsec_" + "dGluZ2ZlbmctdGVzdC1zZWNyZXQtMDEyMzQ1Njc4OQ=="
TOKEN = "t0p-secret-token"
PATIENCE, IMPATIENCE = 20.0, 0.4

TAKEN = {
    "webhook": Say(204, b""),
    "wecom": Say(200, b'{"errcode":0,"errmsg":"ok"}'),
    "dingtalk": Say(200, b'{"errcode":0,"errmsg":"ok"}'),
    "feishu": Say(200, b'{"code":0,"msg":"success","data":{}}'),
    "slack": Say(200, b"ok"),
    "alertmanager": Say(200, b""),
}
REFUSED = {
    "webhook": Say(410),
    "wecom": Say(200, b'{"errcode":93000,"errmsg":"invalid webhook url"}'),
    "dingtalk": Say(200, b'{"errcode":310000,"errmsg":"sign not match"}'),
    "feishu": Say(200, b'{"code":19021,"msg":"sign match fail"}'),
    "slack": Say(404, b"no_service"),
    "alertmanager": Say(400, b"unknown receiver"),
}
BOTS = ["wecom", "dingtalk", "feishu"]
HTTP_KINDS = list(TAKEN)
KINDS = [*HTTP_KINDS, "email"]
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


def delivery(identifier: str = "dlv_1") -> Delivery:
    payload: dict[str, object] = {
        "type": "alert.firing",
        "id": identifier,
        "language": "zh",
        "brand": {"id": "moyu", "name": "墨屿"},
        "alert": {
            "id": "a1",
            "incident_id": "i1",
            "level": "orange",
            "summary": {"zh": "集中投诉"},
        },
        "url": "https://tingfeng.example.com/alerts/a1",
    }
    return Delivery(identifier, "c1", "a1", "alert.firing", payload, "pending", 0, 0, 0)


class Bench:
    """A transport of one kind, set up against receivers that live as long as the test."""

    def __init__(self, kind: str, stack: ExitStack) -> None:
        self.kind = kind
        self._stack = stack

    def against(self, receiver) -> tuple[object, Channel]:
        self._stack.enter_context(receiver)
        patience = IMPATIENCE if isinstance(receiver, RawReceiver) else PATIENCE
        sender = "alerts@tingfeng.example.com"
        smtp = Smtp("127.0.0.1", receiver.port, sender, security="none", timeout=patience)
        allow = [] if self.kind == "email" else [receiver.address]
        client = GuardedClient(allow, patience, max_bytes=20_000)
        # Minutes pass between any two messages: the robots' pace has tests of its own.
        minutes = count(1_795_000_000, 60)
        transport = build(client, smtp, lambda: next(minutes))[self.kind]
        config = {"to": "pr@example.com"} if self.kind == "email" else self._http_config(receiver)
        transport.check(config)
        return transport, Channel("c1", self.kind, "公关群", config)

    def _http_config(self, receiver) -> dict[str, str]:
        url = receiver.url(f"/hook?key={TOKEN}")
        return {"url": url, "secret": SECRET} if self.kind == "webhook" else {"url": url}

    def answering(self, *moods: str):
        """Set it up against a receiver that takes, refuses or breaks in this order."""
        if self.kind == "email":
            says = {"takes": "250 OK", "refuses": "550 no", "breaks": "451 later"}
            return self.against(SmtpReceiver(*(says[mood] for mood in moods)))
        says = {"takes": TAKEN[self.kind], "refuses": REFUSED[self.kind], "breaks": Say(500)}
        return self.against(HttpReceiver(*(says[mood] for mood in moods)))


@pytest.fixture(params=KINDS)
def bench(request):
    with ExitStack() as stack:
        yield Bench(request.param, stack)


@pytest.fixture(params=HTTP_KINDS)
def http_bench(request):
    with ExitStack() as stack:
        yield Bench(request.param, stack)


@pytest.fixture(params=BOTS)
def bot(request):
    with ExitStack() as stack:
        yield Bench(request.param, stack)


def failure_of(transport, channel) -> DeliveryError:
    with pytest.raises(DeliveryError) as caught:
        transport.send(channel, delivery())
    assert TOKEN not in caught.value.message
    assert " / " in caught.value.message
    return caught.value


def test_every_registered_kind_is_held_to_the_contract():
    # Apprise, which says only yes or no, has a contract of its own.
    assert sorted([*KINDS, "apprise"]) == sorted(TRANSPORTS)


def test_it_returns_quietly_when_the_receiver_takes_the_message(bench):
    transport, channel = bench.answering("takes")
    assert transport.send(channel, delivery()) is None


def test_it_fails_for_good_when_the_receiver_refuses(bench):
    assert failure_of(*bench.answering("refuses")).permanent


def test_it_fails_for_now_when_the_receiver_breaks_and_the_repeat_arrives(bench):
    transport, channel = bench.answering("breaks", "takes")
    assert not failure_of(transport, channel).permanent
    assert transport.send(channel, delivery()) is None


@pytest.mark.parametrize(
    "talk",
    [
        pytest.param(silent, id="silent"),
        pytest.param(once(b"\x00\x01 nonsense \xff\r\n\r\n"), id="garbage"),
        pytest.param(once(b""), id="hangs up"),
    ],
)
def test_it_fails_for_now_when_nothing_sensible_comes_back(bench, talk):
    assert not failure_of(*bench.against(RawReceiver(talk))).permanent


def test_it_fails_for_now_when_the_answer_trickles(bench):
    talk = drip(HEAD + b"X-Long: ", b"a") if bench.kind != "email" else _smtp_drip
    assert not failure_of(*bench.against(RawReceiver(talk))).permanent


def _smtp_drip(connection, over):
    while not over.wait(0.02):
        connection.sendall(b"2")


def test_it_fails_for_now_when_the_answer_never_ends(bench):
    http = flood(HEAD + b"\r\n", b" " * 65536)
    talk = flood(b"", b"220-still here\r\n") if bench.kind == "email" else http
    assert not failure_of(*bench.against(RawReceiver(talk))).permanent


def test_it_does_not_follow_a_redirect_and_does_not_count_it_as_sent(http_bench):
    with HttpReceiver(TAKEN[http_bench.kind]) as inner:
        redirect = HttpReceiver(Say(307, b"", {"Location": inner.url("/admin")}))
        failure = failure_of(*http_bench.against(redirect))
        assert not failure.permanent
        assert "最终地址" in failure.message
        assert inner.received == []


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 422])
def test_it_fails_for_good_when_the_request_itself_is_wrong(http_bench, status):
    assert failure_of(*http_bench.against(HttpReceiver(Say(status)))).permanent


@pytest.mark.parametrize("status", [408, 409, 425, 429, 500, 502, 503, 504])
def test_it_waits_as_long_as_the_receiver_asks(http_bench, status):
    receiver = HttpReceiver(Say(status, b"", {"Retry-After": "17"}))
    failure = failure_of(*http_bench.against(receiver))
    assert (failure.permanent, failure.retry_after) == (False, 17)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"ok",
        b"<html>login</html>",
        b"[0]",
        b"null",
        b'{"errcode":"0","code":"0"}',
        b'{"errcode":false,"code":false}',
        b'{"errmsg":"ok"}',
        b'{"errcode":0,"code":0',
        b"[" * 15_000,
        b'\xff\xfe{"errcode":0,"code":0}',
        b'{"errcode":123456789,"code":123456789}',
    ],
)
def test_a_robot_has_taken_a_message_only_if_its_code_is_the_number_zero(bot, body):
    assert not failure_of(*bot.against(HttpReceiver(Say(200, body)))).permanent


@pytest.mark.parametrize(
    "body", [b"", b"OK", b"ok but", b"<html>login</html>", b'{"ok":true}', b"no_service", b"\xff"]
)
def test_slack_has_taken_a_message_only_if_it_says_ok(body):
    with ExitStack() as stack:
        assert not failure_of(
            *Bench("slack", stack).against(HttpReceiver(Say(200, body)))
        ).permanent


@pytest.mark.parametrize(
    ("kind", "code", "permanent", "wait"),
    [
        ("feishu", 9499, True, None),
        ("wecom", 93000, True, None),
        ("wecom", -1, False, None),
        ("dingtalk", 310000, True, None),
        ("wecom", 45009, False, 60),
        ("wecom", 40058, True, None),
        ("dingtalk", 130101, False, 600),
        ("dingtalk", 400101, True, None),
        ("feishu", 11232, False, 60),
        ("feishu", 19024, True, None),
    ],
)
def test_a_robots_code_says_whether_and_when_to_repeat(kind, code, permanent, wait):
    with ExitStack() as stack:
        key = "code" if kind == "feishu" else "errcode"
        receiver = HttpReceiver(Say(200, json.dumps({key: code}).encode()))
        failure = failure_of(*Bench(kind, stack).against(receiver))
    assert (failure.permanent, failure.retry_after) == (permanent, wait)
    assert str(code) in failure.message


def test_a_channel_with_an_unknown_field_is_refused_by_name(bench):
    transport, channel = bench.answering("takes")
    with pytest.raises(InputError) as caught:
        transport.check({**channel.config, "colour": "red"})
    assert caught.value.field == "colour"


def test_a_channel_to_an_inner_address_is_refused_when_it_is_set_up(http_bench):
    transport, channel = http_bench.answering("takes")
    with pytest.raises(InputError) as caught:
        transport.check({**channel.config, "url": "http://169.254.169.254/latest/meta-data"})
    assert caught.value.field == "url"


@pytest.mark.parametrize("kind", KINDS)
def test_an_empty_config_is_refused_by_naming_what_is_missing(kind):
    smtp = Smtp("127.0.0.1", 25, "alerts@tingfeng.example.com")
    with pytest.raises(InputError) as caught:
        build(GuardedClient(), smtp)[kind].check({})
    assert caught.value.field in {"url", "key", "to"}
