"""Apprise, where it is installed: best effort, within what the operator allows."""

from __future__ import annotations

import importlib.util
import json
import logging
import sys
from contextlib import ExitStack

import pytest

from monitor.domain import Channel, Delivery
from monitor.errors import DeliveryError, InputError
from monitor.notify import build
from monitor.notify.http import GuardedClient
from monitor.notify.trial import trial_delivery
from tests.receivers import HttpReceiver, RawReceiver, Say, drip, once, silent

# The library itself imports modules that Python is about to drop.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
TOKEN = "t0p-secret-token"


@pytest.fixture
def apprise():
    if importlib.util.find_spec("apprise") is None:
        pytest.skip("apprise is not installed (requirements-extra.txt)")


@pytest.fixture
def stack():
    with ExitStack() as held:
        yield held


def tail(*allow: str):
    return build(GuardedClient(list(allow)), None)["apprise"]


def delivery() -> Delivery:
    payload: dict[str, object] = {
        "type": "alert.firing",
        "id": "dl_1",
        "brand": {"id": "moyu", "name": "墨屿"},
        "alert": {"level": "orange", "summary": {"zh": "<@all> 集中投诉"}},
        "url": "https://tingfeng.example.com/#/incidents/in_1",
        "ack_url": "https://tingfeng.example.com/take/1",
    }
    return Delivery("dl_1", "c1", "a1", "alert.firing", payload, "pending", 0, 0, 0)


def send(transport, receiver, query: str = "") -> None:
    url = f"json://{receiver.address}/{TOKEN}{query}"
    transport.check({"url": url})
    transport.send(Channel("c1", "apprise", "", {"url": url}), delivery())


def refused_field(transport, config: dict[str, str]) -> str | None:
    with pytest.raises(InputError) as caught:
        transport.check(config)
    assert TOKEN not in caught.value.message
    return caught.value.field


def test_without_the_library_a_channel_is_refused_and_a_message_dead_with_what_to_install(
    monkeypatch,
):
    monkeypatch.setitem(sys.modules, "apprise", None)
    assert refused_field(tail(), {"url": "tgram://x/y"}) == "kind"
    with pytest.raises(DeliveryError, match="pip install apprise") as caught:
        tail().send(Channel("c1", "apprise", "", {"url": "tgram://x/y"}), delivery())
    assert caught.value.permanent


@pytest.mark.parametrize("config", [{}, {"url": ""}, {"url": "tgram://x/y", "colour": "red"}])
def test_a_config_without_one_url_and_nothing_else_is_refused(config):
    assert refused_field(tail(), config) in {"url", "colour"}


@pytest.mark.usefixtures("apprise")
def test_it_sends_title_facts_and_links_as_harmless_text(stack):
    receiver = stack.enter_context(HttpReceiver())
    send(tail(receiver.address), receiver)
    body = json.loads(receiver.received[0].body)
    assert body["title"] == "【橙色预警】墨屿：＜＠all＞ 集中投诉"
    assert body["message"].endswith("确认接手 https://tingfeng.example.com/take/1")


@pytest.mark.usefixtures("apprise")
def test_a_test_message_which_has_no_facts_arrives_too(stack):
    receiver = stack.enter_context(HttpReceiver())
    url = f"json://{receiver.address}/"
    channel = Channel("c1", "apprise", "", {"url": url})
    tail(receiver.address).send(channel, trial_delivery(channel, 1_795_000_000))
    assert "收到这条消息" in json.loads(receiver.received[0].body)["message"]


@pytest.mark.usefixtures("apprise")
@pytest.mark.parametrize("say", [Say(500), Say(404), Say(302, b"", {"Location": "/x"})])
def test_a_no_is_a_failure_worth_a_repeat(stack, say):
    receiver = stack.enter_context(HttpReceiver(say))
    with pytest.raises(DeliveryError) as caught:
        send(tail(receiver.address), receiver)
    assert not caught.value.permanent


@pytest.mark.usefixtures("apprise")
def test_a_receiver_that_hangs_up_is_a_failure(stack):
    receiver = stack.enter_context(RawReceiver(once(b"")))
    with pytest.raises(DeliveryError):
        send(tail(receiver.address), receiver)


@pytest.mark.usefixtures("apprise")
@pytest.mark.parametrize("talk", [silent, drip(b"HTTP/1.1 200 OK\r\nX-Long: ", b"a")])
def test_a_receiver_that_never_ends_is_given_up(stack, talk, monkeypatch):
    monkeypatch.setattr("monitor.notify.apprise._SECONDS", 0.3)
    receiver = stack.enter_context(RawReceiver(talk))
    with pytest.raises(DeliveryError):
        send(tail(receiver.address), receiver)


@pytest.mark.usefixtures("apprise")
def test_it_follows_no_redirect_even_if_the_url_asks_for_it(stack):
    inner = stack.enter_context(HttpReceiver())
    say = Say(307, b"", {"Location": inner.url("/admin")})
    receiver = stack.enter_context(HttpReceiver(say))
    with pytest.raises(DeliveryError):
        send(tail(receiver.address), receiver, "?redirect=yes")
    assert inner.received == []


@pytest.mark.usefixtures("apprise")
@pytest.mark.parametrize(
    "url",
    [
        f"json://127.0.0.1:9/{TOKEN}",
        f"xml://169.254.169.254/{TOKEN}",
        f"form://10.0.0.1/{TOKEN}",
        f"gotify://intranet/{TOKEN}",
        f"mailto://me:{TOKEN}@intranet",
    ],
)
def test_a_server_of_the_users_choosing_needs_the_operators_leave(url):
    assert refused_field(tail("10.0.0.0/8"), {"url": url}) == "url"


@pytest.mark.usefixtures("apprise")
@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("feishu://aaaaaaaaaaaaaaaaaaaaaaaaaaaa", "feishu"),
        ("slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ", "slack"),
    ],
)
def test_what_has_a_better_kind_is_sent_there(url, kind):
    with pytest.raises(InputError, match=kind):
        tail().check({"url": url})


@pytest.mark.usefixtures("apprise")
@pytest.mark.parametrize("url", ["syslog://", "dbus://", "file:///etc/passwd", "nonsense", "x://y"])
def test_this_machine_and_nonsense_are_no_services(url):
    assert refused_field(tail(), {"url": url}) == "url"


@pytest.mark.usefixtures("apprise")
def test_a_service_of_fixed_address_is_open():
    tail().check({"url": "tgram://123456789:abcdefghijklmnopqrstuvwxyz/12315544/"})


@pytest.mark.usefixtures("apprise")
def test_no_secret_is_in_an_error_or_a_log(stack, caplog):
    caplog.set_level(logging.DEBUG)
    receiver = stack.enter_context(HttpReceiver(Say(500, TOKEN.encode())))
    with pytest.raises(DeliveryError) as caught:
        send(tail(receiver.address), receiver)
    assert TOKEN not in caught.value.message
    assert TOKEN not in caplog.text
