"""Signatures and addresses of the robots, against vectors from outside."""

from __future__ import annotations

import json
from urllib.parse import parse_qs, urlsplit

import pytest

from monitor.domain import Channel, Delivery
from monitor.errors import InputError
from monitor.notify import Smtp, build
from monitor.notify.bots import dingtalk_sign, feishu_sign
from monitor.notify.http import GuardedClient, encode, redact
from monitor.notify.transport import retry_after
from tests.receivers import HttpReceiver, Say

OLD = "whsec_" + "b2xkLXNlY3JldC1vZi10d2VudHktZm91ci1ieXRlcw=="
NEW = "whsec_" + "bmV3LXNlY3JldC1vZi10d2VudHktZm91ci1ieXRlcw=="
OTHER = "whsec_" + "b3RoZXItc2VjcmV0LW9mLXR3ZW50eS1mb3VyLWJ5dGU="


def delivery(**payload: object) -> Delivery:
    return Delivery("d1", "c1", None, "test", {"type": "test"} | payload, "pending", 0, 0, 0)


def test_dingtalks_signature_is_the_published_one():
    signature = dingtalk_sign("SECtest", 1_700_000_000_000)
    assert signature == "aZLLrriXgn05YbwaGR7knYsLeJADjr9NwLaNNKpxh4g="


def test_feishus_signature_is_the_published_one():
    assert feishu_sign("test", 1_700_000_000) == "eSJQnOl8XqPTMPHWz9e5IzeHS/tqoc68g2967ekIPmg="


def test_dingtalk_carries_its_signature_in_the_query_encoded_once():
    with HttpReceiver(Say(200, b'{"errcode":0}')) as receiver:
        client = GuardedClient([receiver.address])
        transport = build(client, None, lambda: 1_700_000_000.0)["dingtalk"]
        config = {"url": receiver.url("/robot/send?access_token=t"), "secret": "SECtest"}
        transport.send(Channel("c1", "dingtalk", "", config), delivery())
    assert receiver.received[0].path == (
        "/robot/send?access_token=t&timestamp=1700000000000"
        "&sign=aZLLrriXgn05YbwaGR7knYsLeJADjr9NwLaNNKpxh4g%3D"
    )


def test_feishu_carries_its_signature_in_the_body_with_seconds_as_text():
    with HttpReceiver(Say(200, b'{"StatusCode":0}')) as receiver:
        client = GuardedClient([receiver.address])
        transport = build(client, None, lambda: 1_700_000_000.0)["feishu"]
        config = {"url": receiver.url(), "secret": "test"}
        transport.send(Channel("c1", "feishu", "", config), delivery())
    body = json.loads(receiver.received[0].body)
    assert body["timestamp"] == "1700000000"
    assert body["sign"] == "eSJQnOl8XqPTMPHWz9e5IzeHS/tqoc68g2967ekIPmg="
    assert body["card"]["header"]["title"]["content"].startswith("【测试消息】")


def test_a_webhook_is_signed_with_every_secret_while_keys_are_rotated():
    with HttpReceiver() as receiver:
        transport = build(GuardedClient([receiver.address]), None)["webhook"]
        config = {"url": receiver.url(), "secret": f"{OLD}, {NEW}"}
        transport.check(config)
        transport.send(Channel("c1", "webhook", "", config), delivery(brand={"name": "墨屿"}))
    (request,) = receiver.received
    assert request.headers["webhook-id"] == "d1"
    assert [request.verified_by(secret) for secret in (OLD, NEW, OTHER)] == [True, True, False]
    assert json.loads(request.body)["brand"] == {"name": "墨屿"}


@pytest.mark.parametrize(
    "secret", ["", ",", "secret", "whsec_", "whsec_c2hvcnQ=", "whsec_????", OLD[6:], OLD + ",x"]
)
def test_a_webhook_secret_that_signs_badly_is_refused(secret):
    transport = build(GuardedClient(), None)["webhook"]
    with pytest.raises(InputError) as caught:
        transport.check({"url": "https://1.1.1.1/", "secret": secret})
    assert caught.value.field == "secret"


def test_a_wecom_key_stays_a_key_whatever_it_holds():
    sent_to = []

    class Client:
        def check(self, url):
            sent_to.append(url)

    build(Client(), None)["wecom"].check({"key": "a&b=c#/../"})
    parts = urlsplit(sent_to[0])
    assert (parts.hostname, parts.path) == ("qyapi.weixin.qq.com", "/cgi-bin/webhook/send")
    assert parse_qs(parts.query) == {"key": ["a&b=c#/../"]}


def test_a_mailbox_needs_a_mail_server():
    with pytest.raises(InputError, match="SMTP"):
        build(GuardedClient(), None)["email"].check({"to": "a@example.com"})
    assert build(GuardedClient(), Smtp("h", 25, "a@b.example"))["email"].kind == "email"


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120),
        ("Thu, 01 Jan 1970 00:01:40 GMT", 90),
        ("Thu, 01 Jan 1970 00:00:01 GMT", 0),
        ("-5", None),
        ("soon", None),
        ("", None),
        ("9" * 400, None),
        ("١٢", None),
    ],
)
def test_retry_after_is_read_as_seconds_or_as_a_date_and_else_ignored(value, seconds):
    assert retry_after({"Retry-After": value}, 10) == seconds


def test_json_survives_letters_that_utf8_cannot_hold():
    assert encode({"a": "风\ud800"}) == '{"a":"风?"}'.encode()


def test_redaction_finds_every_url_in_a_text():
    text = redact("看 https://u:p@a.example/x?key=1，和 http://b.example:80/y#t；完")
    assert text == "看 https://a.example，和 http://b.example:80；完"
