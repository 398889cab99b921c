"""Nothing that users or strangers write can turn our outgoing messages against us or the reader."""

from __future__ import annotations

import re
import threading
import traceback
from html import unescape
from html.parser import HTMLParser

import pytest
import requests.adapters
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.domain import Channel, Delivery
from monitor.errors import ConfigurationError, DeliveryError, InputError
from monitor.notify import Smtp, build
from monitor.notify.addresses import BlockedAddress, Guard
from monitor.notify.alertmanager import alertmanager_body
from monitor.notify.apprise import apprise_text
from monitor.notify.bots import dingtalk_bodies, feishu_bodies, wecom_bodies
from monitor.notify.email import write
from monitor.notify.http import GuardedClient, encode
from monitor.notify.message import Message, compose, html, plain
from monitor.notify.slack import slack_bodies
from tests.receivers import (
    HttpReceiver,
    RawReceiver,
    Say,
    drip,
    flood,
    once,
    self_signed,
    server_tls,
)

INNER_URLS = [
    "http://127.0.0.1/",
    "http://127.1/",
    "http://0x7f.1/",
    "http://0177.0.0.1/",
    "http://2130706433/",
    "http://0/",
    "http://localhost/",
    "http://10.0.0.1/",
    "http://172.16.0.1/",
    "http://192.168.1.1/",
    "http://100.64.0.1/",
    "http://100.100.100.200/",
    "http://169.254.169.254/latest/meta-data/",
    "http://168.63.129.16/",
    "http://192.0.0.192/",
    "http://224.0.0.1/",
    "http://255.255.255.255/",
    "http://[::1]/",
    "http://[::]/",
    "http://[::ffff:127.0.0.1]/",
    "http://[::ffff:a9fe:a9fe]/",
    "http://[::7f00:1]/",
    "http://[64:ff9b::7f00:1]/",
    "http://[2002:7f00:1::]/",
    "http://[2001:0:7f00:1::]/",
    "http://[fe80::1]/",
    "http://[fec0::1]/",
    "http://[fd00::1]/",
    "http://[ff02::1]/",
    "http://evil.example.com@127.0.0.1/",
    "https://127.0.0.1:8443/",
]
NOT_WEB = [
    "file:///etc/passwd",
    "ftp://1.1.1.1/",
    "gopher://1.1.1.1:80/_x",
    "//1.1.1.1/",
    "1.1.1.1",
    "",
    "http://",
    "http:///x",
    "http://1.1.1.1:99999/",
    "http://[::1/",
    "unix://tmp/s",
]


@pytest.mark.parametrize("url", INNER_URLS)
def test_it_sends_nothing_to_an_inner_address_however_it_is_written(url):
    with pytest.raises(BlockedAddress):
        GuardedClient(timeout=5).post(url, json={})


@pytest.mark.parametrize("url", NOT_WEB)
def test_it_speaks_http_and_nothing_else(url):
    with pytest.raises(BlockedAddress):
        GuardedClient(timeout=5).post(url, json={})


@pytest.mark.parametrize("port", [22, 25, 6379, 9200, 0])
def test_it_reaches_unusual_ports_only_if_the_operator_names_them(port):
    with pytest.raises(BlockedAddress):
        GuardedClient().check(f"http://1.1.1.1:{port}/")
    GuardedClient([f"1.1.1.1:{port}"]).check(f"http://1.1.1.1:{port}/")


def test_an_allowed_network_opens_its_addresses_but_no_unusual_port():
    client = GuardedClient(["10.0.0.0/8"])
    client.check("http://10.1.2.3/")
    client.check("http://[::ffff:10.1.2.3]/")
    for url in ("http://10.1.2.3:6379/", "http://192.168.0.1/"):
        with pytest.raises(BlockedAddress):
            client.check(url)


@pytest.mark.parametrize("entry", ["nonsense", "a:b", "http://a:80", "a:80/x", ":80", "u@a:80", ""])
def test_a_mistaken_allow_entry_is_an_error_and_not_an_open_door(entry):
    with pytest.raises(ConfigurationError):
        GuardedClient([entry])


def test_a_refusal_is_no_oserror_that_libraries_would_swallow():
    assert not issubclass(BlockedAddress, OSError)


@pytest.mark.parametrize(
    "address", ["1.1.1.1", "2606:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101"]
)
def test_public_addresses_and_names_are_open(address):
    GuardedClient().check("https://hooks.example.com/x")
    Guard().check("hooks.example.com", 443, [address])
    with pytest.raises(BlockedAddress):
        Guard().check("hooks.example.com", 443, [address, "10.0.0.1"])


def test_one_inner_address_among_public_ones_is_enough_to_refuse():
    client = GuardedClient(resolve=lambda host, port: ["1.1.1.1", "10.0.0.1"])
    with pytest.raises(BlockedAddress):
        client.post("http://mixed.example.com/", json={})


def test_a_name_is_looked_up_once_and_the_connection_goes_to_what_was_checked():
    asked = []

    def rebinding(host, port):
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["10.0.0.1"]

    with HttpReceiver() as receiver:
        name = f"bot.example.test:{receiver.port}"
        GuardedClient([name], resolve=rebinding).post(f"http://{name}/x", json={"a": "风"})
        assert asked == ["bot.example.test"]
        (request,) = receiver.received
    assert request.headers["host"] == name
    assert request.body == '{"a":"风"}'.encode()


def test_a_redirect_is_an_answer_and_leads_nowhere():
    with HttpReceiver() as inner, HttpReceiver(Say(302, b"", {"Location": inner.url()})) as outer:
        client = GuardedClient([inner.address, outer.address])
        assert client.post(outer.url(), json={}).status == 302
        assert inner.received == []


def test_the_environments_proxies_and_passwords_are_ignored(monkeypatch, tmp_path):
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    with HttpReceiver() as proxy, HttpReceiver() as receiver:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url())
        GuardedClient([receiver.address]).post(receiver.url(), json={})
        assert proxy.received == []
        assert "authorization" not in receiver.received[0].headers


HEAD = b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize(
    "talk",
    [
        pytest.param(drip(b"", b"H"), id="status line"),
        pytest.param(drip(HEAD + b"X: ", b"a"), id="header"),
        pytest.param(drip(HEAD + b"Content-Length: 90\r\n\r\n", b"a"), id="body"),
        pytest.param(drip(HEAD + b"\r\n{", b" "), id="body that ends with the connection"),
        pytest.param(flood(b"", b"HTTP/1.1 100 Continue\r\n\r\n"), id="continue for ever"),
    ],
)
def test_an_answer_that_trickles_is_cut_and_never_taken_for_whole(talk):
    with RawReceiver(talk) as receiver, pytest.raises(DeliveryError, match="没有答完"):
        GuardedClient([receiver.address], timeout=0.3).post(receiver.url(), json={})


@pytest.mark.parametrize(
    "talk",
    [
        pytest.param(flood(HEAD + b"\r\n", b"a" * 65536), id="unbounded"),
        pytest.param(
            flood(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"400\r\n" + b"a" * 1024 + b"\r\n"),
            id="chunked",
        ),
        pytest.param(
            flood(b"HTTP/1.1 302 Found\r\nLocation: /x\r\n\r\n", b"a" * 65536), id="redirect"
        ),
    ],
)
def test_an_endless_answer_is_given_up_at_the_size_limit(talk):
    with RawReceiver(talk) as receiver, pytest.raises(DeliveryError, match="过长"):
        GuardedClient([receiver.address], timeout=30, max_bytes=5000).post(receiver.url(), json={})


def test_headers_without_end_are_given_up():
    with RawReceiver(flood(HEAD, b"X: a\r\n")) as receiver, pytest.raises(DeliveryError):
        GuardedClient([receiver.address], timeout=30).post(receiver.url(), json={})


def test_a_body_shorter_than_announced_is_not_taken_for_whole():
    short = once(HEAD + b"Content-Length: 50\r\n\r\n{}")
    with RawReceiver(short) as receiver, pytest.raises(DeliveryError):
        GuardedClient([receiver.address], timeout=5).post(receiver.url(), json={})


def test_a_compressed_answer_is_not_inflated():
    packed = Say(200, b"\x1f\x8b not really", {"Content-Encoding": "gzip"})
    with HttpReceiver(packed) as receiver:
        answer = GuardedClient([receiver.address]).post(receiver.url(), json={})
    assert answer.body == packed.body


def test_a_resolver_that_hangs_costs_no_more_than_the_time_limit():
    over = threading.Event()

    def hang(host, port):
        over.wait()
        return ["127.0.0.1"]

    try:
        with pytest.raises(DeliveryError):
            GuardedClient(timeout=0.2, resolve=hang).post("http://slow.example.test/", json={})
    finally:
        over.set()


@pytest.mark.parametrize(
    "failing", [once(b"nonsense"), once(b""), drip(HEAD, b""), drip(HEAD + b"X: ", b"a")]
)
def test_an_error_shows_neither_path_nor_token_of_the_url(failing):
    with RawReceiver(failing) as receiver:
        url = receiver.url("/robot/send?key=t0ken").replace("//", "//me:t0ken@")
        with pytest.raises(DeliveryError) as caught:
            GuardedClient([receiver.address], timeout=0.3).post(url, json={})
    shown = "".join(traceback.format_exception(caught.value))
    assert "key=t0ken" not in shown
    assert "t0ken" not in caught.value.message
    assert caught.value.__context__ is None


@pytest.mark.parametrize("header", ["a\r\nX-Evil: 1", "a\nb"])
def test_a_header_cannot_be_split(header):
    with HttpReceiver() as receiver:
        client = GuardedClient([receiver.address])
        with pytest.raises(DeliveryError):
            client.post(receiver.url(), json={}, headers={"webhook-id": header})
    assert receiver.received == []


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    return self_signed(tmp_path_factory.mktemp("tls"), "DNS:bot.example.test")


def over_tls(certificate) -> HttpReceiver:
    return HttpReceiver(tls=server_tls(certificate))


def test_tls_is_checked_against_the_name_although_the_address_is_dialled(certificate, monkeypatch):
    monkeypatch.setattr(requests.adapters, "DEFAULT_CA_BUNDLE_PATH", certificate[0])
    with over_tls(certificate) as receiver:
        right, wrong = (f"{n}.example.test:{receiver.port}" for n in ("bot", "other"))
        client = GuardedClient([right, wrong], resolve=lambda host, port: ["127.0.0.1"])
        assert client.post(f"https://{right}/", json={}).status == 200
        with pytest.raises(DeliveryError, match="TLS"):
            client.post(f"https://{wrong}/", json={})
        assert len(receiver.received) == 1


def test_a_certificate_nobody_vouches_for_is_refused(certificate):
    with over_tls(certificate) as receiver:
        name = f"bot.example.test:{receiver.port}"
        client = GuardedClient([name], resolve=lambda host, port: ["127.0.0.1"])
        with pytest.raises(DeliveryError, match="TLS"):
            client.post(f"https://{name}/", json={})
        assert receiver.received == []


HOSTILE = st.lists(
    st.sampled_from(
        [
            "[点我](http://evil.example.com)",
            '<font color="info">',
            "<@all>",
            '<at user_id="all"></at>',
            "<!channel>",
            "<!here|x>",
            "<https://evil.example.com|点我>",
            "javascript://evil.example.com/%0a",
            "\u2066",
            ":// ",
            "~x~ _x_",
            "@13800000000 ",
            "&#60;",
            "\n# 标题\n",
            "```",
            "**粗**",
            "![](x)",
            "<a href='javascript:x'>",
            "\u202e",
            "\u200b",
            "\x00",
            "<script>",
            "\r\nBcc: x@evil.example.com",
            "www.evil.example.com",
            "]",
            ")",
            "😡",
            "�",
        ]
    )
    | st.text(max_size=30),
    max_size=25,
).map("".join)
PAGE = "https://tingfeng.example.com/#/incidents/in_1"
TAKE = "https://tingfeng.example.com/take/in_1?token=eyJ0&channel=c1"
LINKS = [PAGE, TAKE]
HIDDEN = re.compile(
    r"[\u202a-\u202e\u2066-\u2069\u200b-\u200f\x00-\x09\x0b-\x1f\u2028\u2029\ufeff]"
)


def hostile_payload(text: str, event: str = "alert.firing") -> dict[str, object]:
    mention = {"id": "m", "platform": text, "text": text, "url": "javascript:x", "label": -1}
    item = {"id": text, "level": "red", "brand": {"id": text, "name": text}}
    return {
        "type": event,
        "id": "d1",
        "brand": {"id": "b", "name": text},
        "incident": {
            "id": text,
            "level": text,
            "topic": text,
            "assignee": text,
            "alerts": 3,
            "platforms": [text],
        },
        "alert": {
            "id": "a1",
            "incident_id": text,
            "level": "red",
            "rule": text,
            "crisis_index": 91.0,
            "summary": {"zh": text, "en": text},
            "seen": 40,
            "expected": 3.2,
            "window_minutes": 60,
            "started_at": 1_790_000_000,
            "due_at": 1_790_000_900,
            "evidence": {
                "mentions": [mention] * 5,
                "words": [text] * 8,
                "platforms": {text: 3},
                "risks": {text: 2},
            },
        },
        "digest": {
            "total": 40,
            "levels": {"red": 40, text: 3},
            "items": [item | {"summary": {"zh": text, "en": text}, "event": text}] * 20,
        },
        "url": PAGE,
        "ack_url": TAKE,
    }


def delivery_of(payload: dict[str, object], identifier: str = "d1") -> Delivery:
    return Delivery(identifier, "c", None, "alert.firing", payload, "pending", 0, 0, 0)


CHATS = st.tuples(
    HOSTILE,
    st.sampled_from(["alert.firing", "alert.overdue", "alert.digest"]),
    st.sampled_from(["zh", "en"]),
)


def composed(hostile: tuple[str, str, str]) -> Message:
    text, event, language = hostile
    return compose(hostile_payload(text, event), language)


def calls_nobody_and_hides_nothing(text: str) -> None:
    assert "@" not in text
    assert "`" not in text
    assert not HIDDEN.search(text)


def links_of_markdown(text: str) -> list[str]:
    """Return every URL that a reader of markdown could make a link of."""
    found = re.findall(r"\]\((.*?)\)", text)
    assert re.findall(r"\w+://[^)\s]+", text) == found
    assert not re.search(r"\][:\[]", text)
    return found


@given(CHATS)
@settings(max_examples=100, deadline=None)
def test_wecom_markdown_holds_our_links_and_our_colour_and_nothing_else(hostile):
    bodies = wecom_bodies(composed(hostile), f"dl_{hostile[0]}")
    contents = [body["markdown"]["content"] for body in bodies]
    assert [url for content in contents for url in links_of_markdown(content)] == LINKS
    for content in contents:
        assert len(content.encode()) <= 4096
        assert re.findall(r"<[^>]*>?", content) == ['<font color="warning">', "</font>"]
        assert not any(line.startswith(("#", "-", "*", "1.")) for line in content.split("\n"))
        calls_nobody_and_hides_nothing(content)


@given(CHATS)
@settings(max_examples=60, deadline=None)
def test_dingtalk_markdown_holds_our_links_and_one_heading_and_nothing_else(hostile):
    bodies = dingtalk_bodies(composed(hostile), f"dl_{hostile[0]}")
    texts = [body["markdown"]["text"] for body in bodies]
    assert [url for text in texts for url in links_of_markdown(text)] == LINKS
    for body, text in zip(bodies, texts, strict=True):
        assert len(encode(body)) <= 20_000
        assert body["at"] == {"isAtAll": False}
        assert text.count("#") == 3 + PAGE.count("#") * text.count(PAGE)
        assert "<" not in text
        calls_nobody_and_hides_nothing(text)


@given(CHATS)
@settings(max_examples=60, deadline=None)
def test_a_feishu_card_holds_plain_texts_and_our_two_buttons(hostile):
    bodies = feishu_bodies(composed(hostile), f"dl_{hostile[0]}")
    for body in bodies:
        # A signature of 44 letters and a time come on top.
        assert len(encode(body)) <= 20_000 - 100
        tags = set(re.findall(r'"tag":"(\w+)"', encode(body).decode()))
        assert tags <= {"div", "plain_text", "action", "button"}
    shown = encode(bodies).decode()
    assert re.findall(r'"url":"(.*?)"', shown) == LINKS
    assert re.findall(r'\w+://[^"\s]+', shown) == LINKS
    calls_nobody_and_hides_nothing(shown)


@given(CHATS)
@settings(max_examples=60, deadline=None)
def test_slack_blocks_hold_our_links_and_nothing_else(hostile):
    bodies = slack_bodies(composed(hostile), f"dl_{hostile[0]}")
    sections = [block["text"] for body in bodies for block in body["blocks"]]
    assert all(section["type"] == "mrkdwn" and section["verbatim"] for section in sections)
    assert all(0 < len(section["text"].encode()) <= 3000 for section in sections)
    assert all(len(body["blocks"]) <= 50 for body in bodies)
    assert all(not body["unfurl_links"] for body in bodies)
    shown = "\n".join(section["text"] for section in sections)
    controls = re.findall(r"<(.*?)>", shown)
    links = [unescape(control).partition("|")[0] for control in controls]
    assert links == LINKS
    assert re.findall(r"\w+://[^|\s]+", unescape(shown)) == LINKS
    titles = [body["text"] for body in bodies]
    assert not any(re.search(r"[<>&]|://", title) for title in titles)
    calls_nobody_and_hides_nothing(shown + "".join(titles))


@given(CHATS)
@settings(max_examples=60, deadline=None)
def test_what_alertmanagers_receivers_are_told_could_stand_in_a_chat(hostile):
    text, event, language = hostile
    payload = hostile_payload(text, event)
    if event != "alert.digest":
        del payload["digest"]
    body = alertmanager_body(
        Channel("c", "alertmanager", "", {}, language=language), delivery_of(payload)
    )
    for alert in body["alerts"]:
        assert alert["generatorURL"] == PAGE
        told = {**alert["annotations"]}
        assert told.pop("acknowledge_url", TAKE) == TAKE
        for shown in (*told.values(), *alert["labels"].values()):
            assert not re.search(r"<|://", shown)
            assert not re.search(r"(?m)[^\n]>", shown)  # quotes begin with one of ours
            assert "](" not in shown
            calls_nobody_and_hides_nothing(shown)


@given(CHATS)
@settings(max_examples=60, deadline=None)
def test_what_apprise_is_given_could_stand_in_a_chat(hostile):
    title, body = apprise_text(composed(hostile))
    shown = f"{title}\n{body}"
    assert re.findall(r"\w+://\S+", shown) == LINKS
    assert not re.search(r"[<*]", shown)
    calls_nobody_and_hides_nothing(shown)


class Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.seen, self.links = set(), []

    def handle_starttag(self, tag, attributes):
        self.seen.add(tag)
        self.links += [value for name, value in attributes if name in {"href", "src"}]
        assert all(not name.startswith("on") for name, _ in attributes)


@given(CHATS)
@settings(max_examples=100, deadline=None)
def test_a_mail_holds_our_tags_and_links_and_its_headers_cannot_be_split(hostile):
    text, event, language = hostile
    payload, message = hostile_payload(text, event), composed(hostile)
    tags = Tags()
    tags.feed(html(message))
    allowed = {"html", "head", "meta", "title", "body", "h3", "table", "tr", "th", "td"}
    assert tags.seen <= allowed | {"blockquote", "p", "a"}
    assert tags.links == LINKS
    assert re.findall(r"\w+://\S+", plain(message)) == LINKS
    channel = Channel("c", "email", "", {"to": "pr@example.com"}, language=language)
    delivery = delivery_of(payload, f"d{text}")
    raw = write(channel, delivery, "alerts@tingfeng.example.com", 1_790_000_000).as_bytes()
    head = raw.split(b"\n\n", 1)[0]
    assert b"\nbcc:" not in head.lower()
    assert head.lower().count(b"\nto:") == 1


@pytest.mark.parametrize(
    "to",
    [
        "a@b.example\nBcc: c@d.example",
        "no-at-sign",
        "a@",
        "@b.example",
        "甲@b.example",
        "a b@c.example",
        ",",
        "<a@b.example>",
        ",".join(["a@b.example"] * 51),
    ],
)
def test_a_mailbox_that_is_no_address_is_refused(to):
    transport = build(GuardedClient(), Smtp("127.0.0.1", 25, "x@tingfeng.example.com"))["email"]
    with pytest.raises(InputError) as caught:
        transport.check({"to": to})
    assert caught.value.field == "to"


def test_a_password_does_not_show_when_the_settings_are_printed():
    assert "hush" not in repr(Smtp("h", 25, "a@b.example", "me", "hush"))
