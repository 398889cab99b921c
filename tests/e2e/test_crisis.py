"""A crisis from the first complaint to the review, through processes as they are run for good.

The API, the worker, the clock and the comments are real; the crisis and the robots are ours. Every
robot judges what arrives as its platform would, and misbehaves at first.
"""

from __future__ import annotations

import csv
import json
import random
import re
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from email.utils import parseaddr

import pytest
import requests

from monitor.notify.message import compose, plain
from tests.conftest import ROOT, SHARED, Server
from tests.receivers import Robot, Say, SmtpReceiver
from tools import demo

HOUR = 3600
LEVELS = ["none", "blue", "yellow", "orange", "red"]
BRANDS = {"chenxing": "晨星", "yuanshan": "远山", "lanhai": "蓝海"}
POISONED = "刚在晨星吃完晚饭，全家食物中毒，孩子已经送医院抢救"
BURNT = "蓝海电动车充电时起火爆炸，邻居被烧伤送医"
DUTY = ("wecom", "dingtalk", "feishu", "slack", "webhook", "alertmanager", "email")
SECRETS = {
    "wecom": "key-of-the-robot",
    "dingtalk": "SEC" + "d" * 60,
    "feishu": "feishu-secret",
    "slack": "T0/B0/secret",
    "webhook": "whsec_" + "ZHV0eS1zZWNyZXQtMDEyMzQ1Njc4OTAxMjM0NTY3ODk=",
    "alertmanager": "bearer-token",
    "boss": "whsec_" + "Ym9zcy1zZWNyZXQtMDEyMzQ1Njc4OTAxMjM0NTY3ODk=",
}
MOODS = {
    "wecom": [Say(200, b'{"errcode":-1,"errmsg":"system busy"}')],
    "dingtalk": [Say(500, b"oops")],
    "feishu": [Say(200, b"<html>\xff not what you expect")],
    "slack": [Say(429, b"", {"Retry-After": "2"})],
    "webhook": [],
    "alertmanager": [Say(307, b"", {"Location": "http://10.0.0.1/inner"})],
    "boss": [Say(410, b"gone")],
}
SLOW = 3.0


class SlowRobot(Robot):
    """A robot that takes its time over the first message, and over any while it is held."""

    def __init__(self, *args):
        super().__init__(*args)
        self.let_go = threading.Event()
        self._patience = SLOW

    def _answer(self, received):
        self.let_go.wait(self._patience)
        self._patience = 0.0
        return super()._answer(received)

    def hold(self):
        """Let the next message wait until `let_go`."""
        self.let_go.clear()
        self._patience = 20.0


def texts():
    """Real comments by what people said of the food; those of the demonstration elsewhere."""
    path = SHARED / "data" / "sentiment" / "waimai.tsv"
    if not path.exists():
        return demo.corpus()
    risks = demo.RiskLexicon()
    found = {"pos": [], "neg": []}
    with path.open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE):
            if 8 <= len(row["text"]) <= 140 and not risks.find(row["text"]):
                found["pos" if row["label"] == "1" else "neg"].append(row["text"])
    return found


def scenario(now):
    """Two quiet days of two brands, and an hour and a half of complaints about one of them."""
    rng = random.Random(41)
    pools = {label: sorted(set(lines)) for label, lines in texts().items()}
    for pool in pools.values():
        rng.shuffle(pool)

    def said(brand, at, negative):
        return demo.mention(rng, pools, brand, at, negative=rng.random() < negative)

    past = [
        said(brand, at, 0.12)
        for brand in ("chenxing", "yuanshan")
        for at in demo.moments(rng, now - 48 * HOUR, now - 5400, 18)
    ]
    crisis = [said("chenxing", at, 0.9) for at in demo.swelling(rng, now - 5400, now, 220)]
    return demo.in_time(past), demo.in_time(crisis)


def report(brand, text, followers=5000):
    return {
        "platform": "weibo",
        "id": f"report-{brand}-{time.time_ns()}",
        "brands": [brand],
        "text": text,
        "published_at": int(time.time()) - 1,
        "author": {"id": "witness", "followers": followers},
    }


@dataclass
class Stage:
    """The running service, its robots, and what the play has left behind."""

    server: Server
    robots: dict[str, Robot]
    mailbox: SmtpReceiver
    key: str
    http: requests.Session
    worker: subprocess.Popen | None = None
    notes: dict = field(default_factory=dict)

    def call(self, method, path, body=None, status=None):
        answer = self.http.request(
            method,
            f"{self.server.url}/api/v1/{path}",
            json=body,
            headers={"Authorization": f"Bearer {self.key}"},
            timeout=30,
        )
        assert answer.ok if status is None else answer.status_code == status, answer.text
        return answer.json() if answer.content else None

    def get(self, path):
        return self.call("GET", path)

    def post(self, path, body=None):
        return self.call("POST", path, {} if body is None else body)

    def send(self, rows):
        for at in range(0, len(rows), 500):
            account = self.post("mentions", rows[at : at + 500])
            assert account["rejected"] == []

    def start_worker(self):
        with (self.server.folder / "worker.log").open("ab") as log:
            self.worker = subprocess.Popen(
                [sys.executable, "-m", "monitor", "worker"],
                cwd=ROOT,
                env=self.server._environment,
                stdout=log,
                stderr=log,
            )

    def kill_worker(self):
        self.worker.kill()
        self.worker.wait(20)
        self.worker = None

    def change_store(self, *statements):
        """Let time pass for what is stored: clocks run out, leases end."""
        with closing(sqlite3.connect(self.server.database, timeout=20)) as db, db:
            for statement in statements:
                db.execute(statement)

    def rows(self, query, *values):
        with closing(sqlite3.connect(self.server.database, timeout=20)) as db:
            db.row_factory = sqlite3.Row
            return [dict(row) for row in db.execute(query, values)]

    def until(self, condition, seconds=45):
        """Wait for something to become true, and return it; what it says in the end fails."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            found = condition()
            if found:
                return found
            time.sleep(0.1)
        log = self.server.folder / "worker.log"
        pytest.fail(f"{self.deliveries()}\n{log.read_text()[-3000:] if log.exists() else ''}")

    def incidents(self, brand, **query):
        chosen = "&".join(f"{name}={value}" for name, value in query.items())
        return self.get(f"incidents?brand={brand}&drill=false&historical=false&{chosen}")["items"]

    def deliveries(self, state=None):
        query = "SELECT * FROM delivery ORDER BY created_at, id"
        rows = [row | {"payload": json.loads(row["payload"])} for row in self.rows(query)]
        return [row for row in rows if state in (None, row["state"])]

    def all_settled(self):
        return not self.deliveries("pending")

    def heard(self, channel):
        """What people of a channel saw, in order."""
        if channel == "email":
            return [mail["Subject"] + "\n" + text_of(mail) for mail in self.mailbox.mails]
        robot = self.robots[channel]
        if robot.kind == "webhook":
            return [plain(compose(json.loads(received.body))) for received in robot.taken]
        return robot.texts()


def text_of(mail):
    return mail.get_body(("plain",)).get_content()


def link_in(text):
    return re.search(r"http://127\.0\.0\.1:\d+/a/[\w.-]+", text)


# -- the play --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def stage(tmp_path_factory):
    folder = tmp_path_factory.mktemp("crisis")
    with ExitStack() as stack:
        robots = {
            name: stack.enter_context(
                (SlowRobot if name == "webhook" else Robot)(
                    "webhook" if name == "boss" else name, SECRETS[name], *MOODS[name]
                )
            )
            for name in SECRETS
        }
        mailbox = stack.enter_context(SmtpReceiver("451 4.3.0 try again later", "250 OK"))
        server = Server(
            folder,
            TINGFENG_WORKERS="1",
            TINGFENG_DETECT_SECONDS="1",
            TINGFENG_OUTGOING_ALLOW=",".join(robot.address for robot in robots.values()),
            TINGFENG_SMTP_HOST="127.0.0.1",
            TINGFENG_SMTP_PORT=str(mailbox.port),
            TINGFENG_SMTP_FROM="tingfeng@example.com",
            TINGFENG_SMTP_SECURITY="none",
        )
        server._environment["TINGFENG_PUBLIC_URL"] = server.url
        stack.callback(server.stop)
        server.start()
        server.wait_until_ready()
        http = stack.enter_context(requests.Session())
        http.trust_env = False
        on_stage = Stage(server, robots, mailbox, server.key("admin"), http)
        stack.callback(lambda: on_stage.worker and on_stage.kill_worker())
        perform(on_stage)
        yield on_stage


def perform(stage):
    """Play it all once; the tests look at what is left."""
    prepare(stage)
    past, crisis = scenario(int(time.time()))
    stage.send(past)
    stage.start_worker()
    stage.until(lambda: len(stage.rows("SELECT 1 FROM detect_cursor WHERE judged_to > 0")) == 3)
    stage.notes["early"] = stage.incidents("chenxing") + stage.incidents("yuanshan")
    break_out(stage, crisis)
    take_on_by_link(stage)
    leave_unanswered(stage)
    kill_in_between(stage)
    stage.until(lambda: review(stage))


def prepare(stage):
    for identifier, name in BRANDS.items():
        stage.post("brands", {"id": identifier, "name": name})
    for name, robot in stage.robots.items():
        body = {"id": name, "kind": robot.kind, "name": f"{name} 群", "config": robot.config}
        stage.post("channels", body)
    mail = {"id": "email", "kind": "email", "name": "邮箱", "config": {"to": "pr@example.com"}}
    stage.post("channels", mail)
    stage.call("PUT", "routing", {"root": {"channels": list(DUTY), "escalate": [["boss"]]}})


def break_out(stage, crisis):
    """Complaints swell, then somebody reports a poisoning."""
    stage.send(crisis)
    stage.until(lambda: stage.incidents("chenxing"))
    stage.send([report("chenxing", POISONED)])
    stage.until(
        lambda: (
            "risk"
            in {a["rule"] for i in stage.incidents("chenxing") for a in case(stage, i)["alerts"]}
        )
    )
    stage.until(stage.all_settled)


def case(stage, incident):
    return stage.get(f"incidents/{incident['id']}")


def take_on_by_link(stage):
    (incident,) = stage.incidents("chenxing")
    stage.notes["incident"] = incident["id"]
    stage.notes["links"] = {
        name: [m[0] for text in stage.heard(name) if (m := link_in(text))] for name in DUTY
    }
    link = stage.notes["links"]["wecom"][-1]
    looks = [stage.http.get(link, timeout=10) for _ in range(2)]
    stage.notes["looked"] = [(page.status_code, "<form" in page.text) for page in looks]
    stage.notes["state_after_looking"] = case(stage, incident)["state"]
    taken = stage.http.post(link, data={"name": "值班的小王"}, timeout=10)
    again = stage.http.post(link, data={"name": "另一位"}, timeout=10)
    stage.notes["posts"] = (taken.status_code, again.status_code)
    stage.until(stage.all_settled)


def leave_unanswered(stage):
    """Nobody answers for a second brand: the clock runs out, and the next tier is told."""
    stage.send([report("lanhai", BURNT)])
    (incident,) = stage.until(lambda: stage.incidents("lanhai"))
    stage.until(stage.all_settled)
    stage.notes["before_escalation"] = len(stage.robots["boss"].received)
    stage.notes["left"] = incident["id"]
    stage.change_store(
        "UPDATE incident SET due_at = opened_at, next_at = 0 WHERE brand_id = 'lanhai'"
    )
    (dead,) = stage.until(lambda: stage.deliveries("dead"))
    stage.notes["dead"] = stage.get("deliveries?state=dead")["items"]
    stage.post(f"deliveries/{dead['id']}/replay")
    stage.until(stage.all_settled)


def kill_in_between(stage):
    """The worker is killed while a message is on its way; meanwhile more has to be told."""
    slow = stage.robots["webhook"]
    before = len(slow.received)
    slow.hold()
    stage.post(f"incidents/{stage.notes['incident']}/resolve", {"note": "已致歉并整改"})
    stage.until(lambda: len(slow.received) > before)
    stage.kill_worker()
    slow.let_go.set()
    drills = [("yuanshan", "blue"), ("lanhai", "red"), ("chenxing", "yellow")]
    stage.notes["drills"] = {
        stage.post("drills", {"brand": brand, "level": level})["id"]: level
        for brand, level in drills
    }
    stage.notes["unsent"] = {row["id"] for row in stage.deliveries("pending")}
    stage.change_store("UPDATE lease SET until = 0", "UPDATE delivery SET lease_until = 0")
    stage.start_worker()
    stage.until(stage.all_settled)


def review(stage):
    answer = stage.http.get(
        f"{stage.server.url}/api/v1/incidents/{stage.notes['incident']}/review",
        headers={"Authorization": f"Bearer {stage.key}"},
        timeout=30,
    )
    return answer.ok and answer.json()


# -- what is left ----------------------------------------------------------------------------------


def test_the_quiet_days_raise_nothing(stage):
    assert stage.notes["early"] == []
    assert stage.incidents("yuanshan") == []


def test_the_crisis_is_one_incident_of_its_own_brand_with_the_grave_report_in_it(stage):
    (incident,) = stage.incidents("chenxing")
    found = case(stage, incident)
    assert {a["rule"] for a in found["alerts"]} >= {"risk"}
    assert {a["rule"] for a in found["alerts"]} & {"spike", "share"}
    assert LEVELS.index(found["peak"]) >= LEVELS.index("orange")


def test_every_message_was_delivered_at_least_once(stage):
    assert {row["state"] for row in stage.deliveries()} == {"sent"}
    for name, robot in (("webhook", stage.robots["webhook"]), ("boss", stage.robots["boss"])):
        taken = {received.headers["webhook-id"] for received in robot.taken}
        assert taken == {row["id"] for row in stage.deliveries() if row["channel_id"] == name}
    mailed = {parseaddr(mail["Message-ID"])[1].split("@")[0] for mail in stage.mailbox.mails}
    assert mailed == {row["id"] for row in stage.deliveries() if row["channel_id"] == "email"}


@pytest.mark.parametrize("name", [*DUTY, "boss"])
def test_what_is_shown_as_sent_was_taken_by_the_robot_and_nothing_else(stage, name):
    shown = Counter(
        (compose(row["payload"]).heading, row["payload"]["brand"]["name"])
        for row in stage.deliveries("sent")
        if row["channel_id"] == name
    )
    heard = stage.heard(name)
    seen = {
        (heading, brand): sum(heading in text and brand in text for text in heard)
        for heading, brand in shown
    }
    # What was on its way when the worker was killed may have come twice, and nothing else.
    twice = {key: n for key, n in seen.items() if n != shown[key]}
    assert twice in ({}, {("【红色预警 · 已解除】", "晨星"): 2})
    assert len(heard) == sum(seen.values())


@pytest.mark.parametrize("name", DUTY)
def test_every_robot_misbehaved_and_was_tried_again(stage, name):
    if name == "email":
        assert {row["attempts"] for row in stage.deliveries() if row["channel_id"] == name} >= {2}
        return
    robot = stage.robots[name]
    if name == "webhook":
        assert len(robot.received) == len(robot.taken)
    else:
        assert len(robot.received) > len(robot.taken)
        assert 2 in {row["attempts"] for row in stage.deliveries() if row["channel_id"] == name}


def test_each_channel_hears_of_an_incident_in_the_order_in_which_it_went(stage):
    for name in (*DUTY, "boss"):
        for incident in (stage.notes["incident"], stage.notes["left"]):
            rows = [
                row
                for row in stage.deliveries()
                if (row["channel_id"], row["incident_id"]) == (name, incident)
            ]
            assert [row["sent_at"] for row in rows] == sorted(row["sent_at"] for row in rows)
    events = [r["event"] for r in stage.deliveries() if r["channel_id"] == "slack"]
    assert events[0] == "alert.firing"


@pytest.mark.parametrize("name", DUTY)
def test_of_what_waits_the_gravest_goes_first(stage, name):
    order = [
        next(i for i, text in enumerate(stage.heard(name)) if drill_of(level) in text)
        for level in ("red", "yellow", "blue")
    ]
    assert order == sorted(order)


def drill_of(level):
    colour = {"red": "红色", "yellow": "黄色", "blue": "蓝色"}[level]
    return f"【演练】【{colour}预警】"


def test_the_evidence_leads_to_mentions_that_exist_and_blame_the_brand(stage):
    labels, cursor = {}, ""
    while cursor is not None:
        page = stage.get(f"brands/chenxing/mentions?limit=100{cursor and '&cursor=' + cursor}")
        labels |= {item["id"]: item["reading"]["label"] for item in page["items"]}
        cursor = page["next"]
    alerts = stage.get(f"incidents/{stage.notes['incident']}")["alerts"]
    for alert in alerts:
        evidence = alert["evidence"]
        quoted = [quote["id"] for quote in evidence["mentions"]]
        blaming = [i for part in ("origin", "spread", "aspects") for i in ids_in(evidence[part])]
        assert quoted
        assert {labels[str(i)] for i in [*quoted, *blaming]} == {"negative"}
        assert alert["summary"]["zh"].startswith("晨星")
    grave = next(a for a in alerts if a["rule"] == "risk")
    assert [quote["text"] for quote in grave["evidence"]["mentions"]] == [POISONED]


def ids_in(part):
    """Every mention id under a `mentions` key."""
    if isinstance(part, dict):
        own = [i for i in part.get("mentions", []) if not isinstance(i, dict)]
        return own + [i for value in part.values() for i in ids_in(value)]
    return [i for value in part for i in ids_in(value)] if isinstance(part, list) else []


def test_each_channel_got_a_link_of_its_own_to_take_it_on(stage):
    for name in DUTY:
        assert stage.notes["links"][name], name
    every = [link for links in stage.notes["links"].values() for link in set(links)]
    assert len(every) == len(set(every))


def test_a_look_changes_nothing_the_button_works_once_and_the_others_are_told(stage):
    assert stage.notes["looked"] == [(200, True)] * 2
    assert stage.notes["state_after_looking"] == "firing"
    assert stage.notes["posts"] == (200, 409)
    timeline = stage.get(f"incidents/{stage.notes['incident']}")["timeline"]
    (taken,) = [event for event in timeline if event["action"] == "acknowledged"]
    assert taken["actor"] == "值班的小王（wecom 群）"
    for name in DUTY:
        assert sum("已接手】" in text and "晨星" in text for text in stage.heard(name)) == 1


def test_what_nobody_answers_is_told_to_the_next_tier(stage):
    assert stage.notes["before_escalation"] == 0
    found = stage.get(f"incidents/{stage.notes['left']}")
    assert (found["state"], found["tier"]) == ("firing", 1)
    assert "overdue" in [event["action"] for event in found["timeline"]]
    assert "超时未接手" in stage.heard("boss")[0]
    for name in DUTY:
        assert sum("超时未接手" in text and "蓝海" in text for text in stage.heard(name)) == 1


def test_a_dead_letter_was_shown_with_its_reason_and_sent_again(stage):
    (letter,) = stage.notes["dead"]
    assert (letter["channel"], "410" in letter["last_error"]) == ("boss", True)
    assert stage.robots["boss"].taken[0].headers["webhook-id"] == letter["id"]


def test_a_killed_worker_loses_nothing_and_repeats_with_the_same_id(stage):
    assert len(stage.notes["unsent"]) >= len(DUTY) * 3
    sent = {row["id"] for row in stage.deliveries("sent")}
    assert stage.notes["unsent"] <= sent
    ids = Counter(r.headers["webhook-id"] for r in stage.robots["webhook"].taken)
    assert max(ids.values()) == 2, "the message that was on its way is repeated"


def test_the_end_is_told_and_reviewed(stage):
    found = stage.get(f"incidents/{stage.notes['incident']}")
    assert found["state"] == "resolved"
    for name in DUTY:
        assert sum("已解除】" in text and "晨星" in text for text in stage.heard(name)) >= 1
    made = review(stage)
    assert (made["state"], made["peak"]["level"]) == ("resolved", found["peak"])
    assert {"risk", "spike"} <= set(made["rules"])
    assert 0 < made["spans"]["acknowledge"] <= made["spans"]["resolve"] < 120
    assert made["marks"]["in_time"] is True
    assert made["steps"]
    assert [
        e["action"] for e in made["timeline"] if e["action"] in ("acknowledged", "resolved")
    ] == [
        "acknowledged",
        "resolved",
    ]


def test_no_secret_is_written_to_a_log(stage):
    for log in stage.server.folder.glob("*log"):
        written = log.read_text()
        for secret in (*SECRETS.values(), stage.key, POISONED):
            assert secret not in written, log.name
