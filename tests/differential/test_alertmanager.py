"""Our notices against a real Alertmanager's: the same course of events, the same messages.

One incident is one group. Both sides see the same events and flush at the same moments; a step
takes two of our minutes and STEP of their seconds. Where we differ on purpose (ADR 16) the
difference stands below, message by message.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import socket
import subprocess
import threading
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.request import Request, urlopen

import pytest

from monitor import incidents
from monitor.domain import Silence
from monitor.routing import Route, Tree
from tests.cases import Outbox, alert, channel
from tests.rows import DAY, NOW

BINARY = shutil.which("prometheus-alertmanager") or shutil.which("alertmanager")
STEPS, STEP = 10, 3.0
"""A step begins with what happens; in its middle both sides look at it."""

CONFIG = """
route:
  receiver: duty
  group_by: [brand]
  group_wait: 1500ms
  group_interval: 3s
  repeat_interval: 8s
  routes:
    - matchers: ['platform="weibo"']
      receiver: social
      continue: true
    - receiver: duty
receivers:
  - name: duty
    webhook_configs: [{{url: '{url}/duty'}}]
  - name: social
    webhook_configs: [{{url: '{url}/social'}}]
"""
TREE = Tree(
    Route(
        wait_minutes=1,
        update_minutes=2,
        repeat_minutes=6,
        routes=(
            Route(match={"platform": ("weibo",)}, channels=("social",), go_on=True),
            Route(channels=("duty",)),
        ),
    )
)
KINDS = {
    "firing": "new",
    "reopened": "new",
    "updated": "more",
    "reminder": "repeat",
    "resolved": "end",
}

# What happens to a group in each step: fire (again), more (another alert), end, mute, unmute.
DIFFERENCES = {
    "ended-under-a-silence": [["fire"], ["mute"], ["end"], ["unmute"], [], []],
    "partly-silenced": [["fire"], ["mute-next"], ["more"], [], [], []],
    "ended-and-again": [["fire"], [], ["end", "fire"], [], [], []],
}


def course(chance):
    """Any course of events, but that nothing ends under a silence."""
    steps, firing, muted, fired = [], False, False, False
    for _ in range(STEPS):
        events = []
        if chance.random() < 0.25:
            muted = not muted
            events.append("mute" if muted else "unmute")
        if firing and not muted and chance.random() < 0.35:
            firing = False
            events.append("end")
        if not firing and chance.random() < 0.5:
            firing = fired = True
            events.append("fire")
        if firing and fired and chance.random() < 0.3:
            events.append("more")
        steps.append(events)
    return steps


CHANCE = random.Random(16)
COURSES = {f"group-{i}": course(CHANCE) for i in range(60)}


def platform(group):
    return "weibo" if group.endswith(("0", "3", "6", "silence")) else "xhs"


# -- theirs ----------------------------------------------------------------------------------------


@dataclass
class Heard:
    """What a webhook was told: when, to which receiver, and the payload."""

    at: float
    receiver: str
    payload: dict


class Webhook(ThreadingHTTPServer):
    request_queue_size = 256  # all groups speak at once


class Alertmanager:
    """A real one on the loop-back, with a webhook that listens to it."""

    def __init__(self, folder):
        self.heard: list[Heard] = []
        self._server = Webhook(("127.0.0.1", 0), self._receiver())
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        config = folder / "alertmanager.yml"
        config.write_text(CONFIG.format(url=f"http://127.0.0.1:{self._server.server_port}"))
        with socket.create_server(("127.0.0.1", 0)) as free:
            self._port = free.getsockname()[1]
        self._log = (folder / "log").open("wb")
        self._process = subprocess.Popen(
            [
                BINARY,
                f"--config.file={config}",
                f"--storage.path={folder}",
                f"--web.listen-address=127.0.0.1:{self._port}",
                "--cluster.listen-address=",
            ],
            stdout=self._log,
            stderr=self._log,
        )
        self._wait_until_ready()

    def _receiver(self):
        heard = self.heard

        class Receiver(BaseHTTPRequestHandler):
            def do_POST(self):
                at = time.monotonic()
                body = self.rfile.read(int(self.headers["Content-Length"]))
                heard.append(Heard(at, self.path.strip("/"), json.loads(body)))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_):
                pass

        return Receiver

    def _wait_until_ready(self):
        for _ in range(200):
            try:
                self._call("GET", "/-/ready")
            except OSError:
                assert self._process.poll() is None, "alertmanager ended at once"
                time.sleep(0.05)
            else:
                return
        raise AssertionError("alertmanager does not answer")

    def _call(self, method, path, body=None):
        request = Request(
            f"http://127.0.0.1:{self._port}{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urlopen(request, timeout=5) as answer:
            return answer.read()

    def post(self, alerts):
        if alerts:
            self._call("POST", "/api/v2/alerts", alerts)

    def silence(self, **labels):
        now = datetime.now(UTC)
        matchers = [
            {"name": name, "value": value, "isRegex": False, "isEqual": True}
            for name, value in labels.items()
        ]
        body = {
            "matchers": matchers,
            "startsAt": now.isoformat(),
            "endsAt": (now + timedelta(hours=1)).isoformat(),
            "createdBy": "test",
            "comment": "test",
        }
        return json.loads(self._call("POST", "/api/v2/silences", body))["silenceID"]

    def unsilence(self, silence_id):
        self._call("DELETE", f"/api/v2/silence/{silence_id}")

    def stop(self):
        self._process.terminate()
        self._process.wait(10)
        self._server.shutdown()
        self._server.server_close()
        self._log.close()


class Theirs:
    """Plays courses to an Alertmanager, all groups at once, a step every STEP seconds."""

    def __init__(self, alertmanager):
        self._am = alertmanager
        self._labels = defaultdict(list)
        self._silences = {}
        self.late = False

    def play(self, courses):
        begin = time.monotonic() + 0.5
        for step in range(STEPS):
            self._wait_until(begin + step * STEP)
            for phase in range(3):
                happens = {
                    group: steps[step][phase]
                    for group, steps in courses.items()
                    if step < len(steps) and phase < len(steps[step])
                }
                self._am.post([a for g, event in happens.items() for a in self._alerts(g, event)])
            self.late |= time.monotonic() > begin + step * STEP + STEP / 3
        self._wait_until(begin + STEPS * STEP)
        return self._told(begin)

    def _wait_until(self, moment):
        # Their clock is the real one: nothing but waiting makes it pass.
        time.sleep(max(0.0, moment - time.monotonic()))

    def _alerts(self, group, event):
        held = self._labels[group]
        if event == "mute":
            self._silences[group] = self._am.silence(brand=group)
        elif event == "mute-next":
            self._silences[group] = self._am.silence(brand=group, aspect=str(len(held)))
        elif event == "unmute":
            self._am.unsilence(self._silences.pop(group))
        elif event == "end":
            return [{"labels": labels, "endsAt": datetime.now(UTC).isoformat()} for labels in held]
        elif event == "more" or not held:
            held.append(
                {
                    "alertname": "burst",
                    "brand": group,
                    "platform": platform(group),
                    "aspect": str(len(held)),
                }
            )
            return [{"labels": held[-1]}]
        elif event == "fire":
            return [{"labels": labels} for labels in held]
        return []

    def _told(self, begin):
        told, before = defaultdict(list), {}
        for heard in sorted(self._am.heard, key=lambda heard: heard.at):
            group = heard.payload["groupLabels"]["brand"]
            where = (heard.receiver, group)
            firing = {
                alert["labels"]["aspect"]
                for alert in heard.payload["alerts"]
                if alert["status"] == "firing"
            }
            step, rest = divmod(heard.at - begin, STEP)
            self.late |= rest < STEP / 2 - 0.1
            told[where].append((int(step), _kind(firing, before.get(where))))
            before[where] = firing
        return told


def _kind(firing, before):
    if not firing:
        return "end"
    if not before:
        return "new"
    return "more" if firing - before else "repeat"


# -- ours ------------------------------------------------------------------------------------------


def ours(group, steps, *, at_once=False):
    """What our channels hear, by channel; with `at_once` as the service does it: after each event.

    Otherwise we look only when Alertmanager would.
    """
    outbox = Outbox(channel("duty"), channel("social"), tree=TREE)
    told, case = defaultdict(list), None

    def look(step, now):
        for message in outbox.tell(case, now) if case else ():
            name, event = message.split(":")
            told[name].append((step, KINDS[event]))

    for step in range(STEPS):
        now = NOW + 120 * step
        for event in steps[step] if step < len(steps) else ():
            case = _happened(event, case, group, outbox, now)
            if at_once:
                look(step, now)
        look(step, now + 60)
    return told


def _happened(event, case, group, outbox, now):
    of = {"series": group, "platform": platform(group)}
    if event == "fire":
        if case is None:
            return incidents.begin(alert(**of), now).case
        return incidents.reopen(case, actor="test", note="", now=now).case
    if event == "more":
        return incidents.join(case, alert(**of, aspect=str(len(case.alerts))), now).case
    if event == "end":
        return incidents.resolve(case, actor="test", note="", now=now).case
    matchers = {"brand": (group,)}
    if event == "mute-next":
        matchers["aspect"] = (str(len(case.alerts)),)
    held = () if event == "unmute" else (Silence("s", matchers, now, now + DAY, "test", ""),)
    outbox.plan = replace(outbox.plan, silences=held)
    return case


# -- the same --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def theirs(tmp_path_factory):
    """What a real Alertmanager told of every course; anew where this machine was too slow."""
    if BINARY is None:
        why = "prometheus-alertmanager is not installed"
        pytest.fail(why) if os.environ.get("CI") == "true" else pytest.skip(why)
    for _ in range(2):
        alertmanager = Alertmanager(tmp_path_factory.mktemp("alertmanager"))
        try:
            player = Theirs(alertmanager)
            told = player.play(COURSES | DIFFERENCES)
        finally:
            alertmanager.stop()
        if not player.late:
            return told
    raise AssertionError("this machine is too slow to keep Alertmanager's time")


def test_every_course_of_events_is_told_alike(theirs):
    kinds = Counter()
    for group, steps in COURSES.items():
        told = ours(group, steps)
        for name in ("duty", "social"):
            assert told[name] == theirs[name, group], (name, group, steps)
            kinds.update(kind for _, kind in told[name])
    assert min(kinds[kind] for kind in ("new", "more", "repeat", "end")) >= 10, kinds


def test_an_end_within_a_silence_is_told_when_it_is_over(theirs):
    """Theirs leaves the receiver in the belief that it goes on."""
    group = "ended-under-a-silence"
    assert theirs["duty", group] == [(0, "new")]
    assert ours(group, DIFFERENCES[group])["duty"] == [(0, "new"), (3, "end")]
    assert ours(group, DIFFERENCES[group])["social"] == [(0, "new"), (3, "end")]


def test_an_incident_is_silenced_as_a_whole_or_not_at_all(theirs):
    """Theirs silences alerts one by one and hides the one that joined."""
    group = "partly-silenced"
    assert theirs["duty", group] == [(0, "new"), (3, "repeat"), (6, "repeat"), (9, "repeat")]
    assert ours(group, DIFFERENCES[group])["duty"] == [
        (0, "new"),
        (2, "more"),
        (5, "repeat"),
        (8, "repeat"),
    ]


def test_an_end_is_told_at_once(theirs):
    """Theirs waits for the next flush and so hides an end that did not last."""
    group = "ended-and-again"
    assert theirs["duty", group] == [(0, "new"), (3, "repeat"), (6, "repeat"), (9, "repeat")]
    assert ours(group, DIFFERENCES[group])["duty"] == theirs["duty", group]
    assert ours(group, DIFFERENCES[group], at_once=True)["duty"][:3] == [
        (0, "new"),
        (2, "end"),
        (2, "new"),
    ]
