"""Every kind of channel against a robot that judges as its platform does."""

from __future__ import annotations

import json
import logging
from contextlib import ExitStack

import pytest

from monitor.domain import Channel, Delivery
from monitor.errors import DeliveryError
from monitor.notify import build
from monitor.notify.http import GuardedClient
from monitor.notify.pace import Paced
from monitor.notify.wording import WORDS
from tests.receivers import ANSWERS, PACES, Robot, Say, is_alertmanagers

SECRET = "whsec_" + "cm9ib3RzLXNlY3JldC1vZi10aGlydHktYnl0ZXMhIQ=="
KINDS = list(ANSWERS)
ROBOTS = list(PACES)
SIGNING = ["dingtalk", "feishu", "webhook", "alertmanager"]
EVENTS = [event for event in WORDS["zh"] if event.startswith("alert.")] + ["test"]
PAGE = "https://tingfeng.example.com/#/incidents/in_1"
TAKE = "https://tingfeng.example.com/take/in_1?token=eyJ0&channel=c1"


class Clock:
    def __init__(self, now: float = 1_795_349_000.25) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def payload(event: str = "alert.firing", **more: object) -> dict[str, object]:
    said = {"zh": "一小时内投诉异物的帖子激增", "en": "complaints about hygiene surged"}
    return {
        "type": event,
        "id": "al_1",
        "timestamp": 1_795_349_000,
        "language": "zh",
        "brand": {"id": "moyu", "name": "墨屿咖啡"},
        "incident": {
            "id": "in_1",
            "state": "firing",
            "level": "orange",
            "alerts": 3,
            "assignee": "李雷",
            "platforms": ["weibo", "xhs"],
        },
        "alert": {
            "id": "al_1",
            "incident_id": "in_1",
            "rule": "spike",
            "level": "orange",
            "crisis_index": 71.6,
            "summary": said,
            "seen": 48,
            "expected": 6.5,
            "window_minutes": 60,
            "started_at": 1_795_345_200,
            "due_at": 1_795_349_700,
            "evidence": {"mentions": [{"platform": "weibo", "text": "杯底有异物"}]},
        },
        "url": PAGE,
        "ack_url": TAKE,
    } | more


def digest(n: int = 20, text: str = "近 1 小时负面提及 48 条，占 60%，按常态应约 6.5 条") -> dict:
    items = [
        {
            "id": f"in_{i}",
            "event": "alert.firing",
            "brand": {"id": f"b{i}", "name": f"品牌{i}"},
            "level": "red" if i % 3 else "yellow",
            "summary": {"zh": f"{text}·甲{i}乙", "en": text},
        }
        for i in range(n)
    ]
    levels = {"red": 13, "yellow": 7 + 17}
    return {
        "type": "alert.digest",
        "id": "dl_9",
        "timestamp": 1_795_349_000,
        "digest": {"total": n + 17, "levels": levels, "items": items},
        "url": PAGE,
    }


def delivery(body: dict[str, object], identifier: str = "dl_1") -> Delivery:
    return Delivery(identifier, "c1", "al_1", str(body["type"]), body, "pending", 0, 0, 0)


class Bench:
    """A channel of one kind and the robot it leads to."""

    def __init__(self, stack: ExitStack, kind: str, *moods: Say, clock=None) -> None:
        clock = {"now": clock} if clock else {}
        self.robot = stack.enter_context(Robot(kind, SECRET, *moods, **clock))
        self.transport = build(GuardedClient([self.robot.address]), None, **clock)[kind]
        self.transport.check(self.robot.config)
        self.channel = Channel("c1", kind, "公关群", self.robot.config)

    def send(self, body: dict[str, object], identifier: str = "dl_1", **config: str) -> None:
        channel = Channel("c1", self.channel.kind, "", self.channel.config | config)
        self.transport.send(channel, delivery(body, identifier))


@pytest.fixture
def stack():
    with ExitStack() as held:
        yield held


@pytest.mark.parametrize("event", EVENTS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_robot_takes_every_event_signed_and_well_formed(stack, kind, event):
    bench = Bench(stack, kind)
    bench.send(digest() if event == "alert.digest" else payload(event))
    assert len(bench.robot.taken) == len(bench.robot.received) >= 1


@pytest.mark.parametrize("kind", [*ROBOTS, "alertmanager"])
def test_an_exercise_says_so_before_anything_else(stack, kind):
    bench = Bench(stack, kind)
    bench.send(payload(drill=True))
    (text,) = bench.robot.texts()
    assert "【演练】【橙色预警】" in text
    assert text.index("【演练】") < text.index("墨屿咖啡") or kind == "alertmanager"


@pytest.mark.parametrize("kind", ROBOTS)
def test_a_message_leads_to_its_page_and_to_the_link_by_which_it_is_taken_on(stack, kind):
    bench = Bench(stack, kind)
    bench.send(payload())
    (text,) = bench.robot.texts()
    take = TAKE.replace("&", "&amp;") if kind == "slack" else TAKE
    assert PAGE in text
    assert take in text
    assert text.index(PAGE) < text.index(take)
    assert "确认接手" in text


@pytest.mark.parametrize("kind", SIGNING)
def test_a_wrong_secret_is_refused_for_good(stack, kind):
    bench = Bench(stack, kind)
    field = "token" if kind == "alertmanager" else "secret"
    wrong = "whsec_" + "b3RoZXItc2VjcmV0LW9mLXR3ZW50eS1mb3VyLWJ5dGU="
    with pytest.raises(DeliveryError) as caught:
        bench.send(payload(), **{field: wrong})
    assert caught.value.permanent
    assert bench.robot.taken == []


@pytest.mark.parametrize("kind", ["dingtalk", "feishu"])
def test_a_clock_that_is_two_hours_off_is_refused(stack, kind):
    bench = Bench(stack, kind)
    bench.robot._now = Clock(0)
    with pytest.raises(DeliveryError) as caught:
        bench.send(payload())
    assert caught.value.permanent


@pytest.mark.parametrize("kind", ROBOTS)
def test_a_long_digest_arrives_whole_in_numbered_parts_of_one_id(stack, kind):
    bench = Bench(stack, kind)
    text = "近 1 小时负面提及 48 条，占 60%，按常态应约 6.5 条，偶然如此的概率约 10^-9；" * 2
    bench.send(digest(text=text), "dl_77")
    said = bench.robot.texts()
    together = "\n".join(said)
    assert together.count("·甲") + together.count("…") >= 20
    assert all(f"品牌{i}：" in together for i in range(20))
    assert "�" not in together
    assert (len(said) > 1) == (kind == "wecom")
    for n, part in enumerate(said, start=1):
        assert len(said) == 1 or f"（{n}/{len(said)} · dl_77）" in part


def test_every_part_is_sent_again_when_one_was_not_taken(stack):
    bench = Bench(stack, "wecom", Say(200, ANSWERS["wecom"][0]), Say(500))
    text = "一" * 150
    with pytest.raises(DeliveryError) as caught:
        bench.send(digest(text=text))
    assert not caught.value.permanent
    assert len(bench.robot.received) == 2
    bench.send(digest(text=text))
    assert len(bench.robot.taken) == len(bench.robot.received) - 2 >= 2


@pytest.mark.parametrize("kind", ROBOTS)
def test_a_robot_is_never_sent_to_faster_than_it_takes(stack, kind):
    clock = Clock()
    bench = Bench(stack, kind, clock=clock)
    waits = 0
    for n in range(130):
        for _ in range(9):
            try:
                bench.send(payload(), f"dl_{n}")
            except Paced as paced:
                clock.now += paced.seconds
                waits += 1
            else:
                break
    assert len(bench.robot.taken) == len(bench.robot.received) == 130
    assert waits >= {"wecom": 6, "dingtalk": 6, "feishu": 25, "slack": 129}[kind]
    spent = clock.now - 1_795_349_000.25
    assert spent <= {"wecom": 6 * 63, "dingtalk": 6 * 63, "feishu": 70, "slack": 129 * 1.2}[kind]


@pytest.mark.parametrize("kind", ["webhook", "alertmanager"])
def test_a_webhook_has_no_pace(stack, kind):
    bench = Bench(stack, kind)
    for n in range(30):
        bench.send(payload(), f"dl_{n}")
    assert len(bench.robot.taken) == 30


def test_after_a_refusal_for_haste_a_robot_is_left_alone_until_its_time(stack):
    clock = Clock()
    bench = Bench(stack, "dingtalk", Say(200, b'{"errcode":130101}'), clock=clock)
    with pytest.raises(DeliveryError) as refused:
        bench.send(payload())
    assert not isinstance(refused.value, Paced)
    clock.now += 599
    with pytest.raises(Paced):
        bench.send(payload())
    assert len(bench.robot.received) == 1
    clock.now += 1
    bench.send(payload())
    assert len(bench.robot.taken) == 1


@pytest.mark.parametrize(
    "mood",
    [
        Say(200, b'{"errcode":93000,"code":19021}'),
        Say(307, b"", {"Location": "http://127.0.0.1/admin"}),
        Say(404, b"no_service"),
        Say(500, b"<html>"),
        Say(200, b"rubbish"),
    ],
)
@pytest.mark.parametrize("kind", [*ROBOTS, "alertmanager"])
def test_no_secret_is_in_an_error_or_a_log_whatever_goes_wrong(stack, kind, mood, caplog):
    caplog.set_level(logging.DEBUG)
    bench = Bench(stack, kind, mood)
    try:
        bench.send(payload())
    except DeliveryError as error:
        caplog.handler.emit(logging.makeLogRecord({"msg": error.message}))
    assert "cm9ib3Rz" not in caplog.text
    assert "eyJ0" not in caplog.text


def alertmanagers(stack, body: dict[str, object]) -> dict:
    bench = Bench(stack, "alertmanager")
    bench.send(body)
    return json.loads(bench.robot.taken[0].body)


def test_the_alertmanager_body_says_what_and_where_in_labels_and_the_rest_in_words(stack):
    body = alertmanagers(stack, payload())
    (alert,) = body["alerts"]
    assert is_alertmanagers(body)
    assert (body["status"], alert["status"]) == ("firing", "firing")
    assert body["receiver"] == "c1"
    assert body["groupKey"] == '{}:{brand="moyu", incident="in_1"}'
    assert body["groupLabels"] == {"brand": "moyu", "incident": "in_1"}
    assert alert["labels"] == body["commonLabels"]
    assert alert["labels"] == {
        "alertname": "TingfengSpike",
        "brand": "moyu",
        "brand_name": "墨屿咖啡",
        "incident": "in_1",
        "rule": "spike",
        "platform": "weibo,xhs",
        "level": "orange",
        "severity": "critical",
    }
    assert alert["annotations"]["summary"].startswith("【橙色预警】墨屿咖啡：")
    assert alert["annotations"]["acknowledge_url"] == TAKE
    assert "危机指数：72 / 100" in alert["annotations"]["description"]
    assert (alert["startsAt"], alert["endsAt"]) == ("2026-11-22T11:00:00Z", "0001-01-01T00:00:00Z")
    assert body["externalURL"] == "https://tingfeng.example.com"


@pytest.mark.parametrize(
    ("topic", "label"),
    [("personal_safety", "personal_safety"), ("漏水_<@all> evil.com", "漏水＿＜＠all＞ evil．com")],
)
def test_a_topic_of_ours_is_a_label_as_it_is_and_a_strangers_word_is_tamed(stack, topic, label):
    held = payload()["incident"] | {"topic": topic}
    (alert,) = alertmanagers(stack, payload(incident=held))["alerts"]
    assert alert["labels"]["topic"] == label


def test_the_end_closes_what_the_first_notice_opened_even_after_a_rise(stack):
    opened = alertmanagers(stack, payload())
    red = payload()["alert"] | {"level": "red", "rule": "risk"}
    closed = alertmanagers(stack, payload("alert.resolved", alert=red))
    assert closed["status"] == closed["alerts"][0]["status"] == "resolved"
    assert closed["alerts"][0]["endsAt"] == "2026-11-22T12:03:20Z"
    assert closed["alerts"][0]["fingerprint"] == opened["alerts"][0]["fingerprint"]
    assert closed["groupKey"] == opened["groupKey"]


@pytest.mark.parametrize(
    ("event", "status"),
    [("alert.dismissed", "resolved"), ("alert.recovered", "firing"), ("alert.reminder", "firing")],
)
def test_an_alert_is_resolved_for_alertmanager_only_when_people_ended_it(stack, event, status):
    assert alertmanagers(stack, payload(event))["status"] == status


def test_an_exercise_never_closes_a_real_alert(stack):
    real, drill = (alertmanagers(stack, payload(drill=d)) for d in (False, True))
    assert drill["commonLabels"]["drill"] == "true"
    assert drill["alerts"][0]["fingerprint"] != real["alerts"][0]["fingerprint"]


def test_a_digest_is_a_group_of_its_incidents(stack):
    body = alertmanagers(stack, digest())
    assert is_alertmanagers(body)
    assert len(body["alerts"]) == 20
    assert body["truncatedAlerts"] == 17
    assert len({alert["fingerprint"] for alert in body["alerts"]}) == 20
    assert [a["labels"]["level"] for a in body["alerts"]] == ["red"] * 13 + ["yellow"] * 7
