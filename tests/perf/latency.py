"""`make bench-latency`: from a mention to the robot, in the running service, with its own settings.

Sends grave mentions of different brands at random moments, and bursts of others before a 5-minute
bin closes; prints how many seconds later a receiver had verified the message. Takes about seven
minutes, for the bin is a real one. Prints; asserts nothing.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from statistics import median, quantiles
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

import requests

from tests.conftest import Server
from tests.receivers import Received, Robot, Say
from tests.rows import BAD, BLAND, GOOD, HOUR

SECRET = "whsec_" + "bGF0ZW5jeS1zZWNyZXQtMDEyMzQ1Njc4OTAxMjM0NTY3ODk="
GRAVE, BURSTS, ANGRY = 24, 8, 30
BIN = 300
DIGITS = "甲乙丙丁戊己庚辛壬癸"
Row = dict[str, Any]


class Stopwatch(Robot):
    """A robot that notes when it had taken the first message about each brand."""

    def __init__(self) -> None:
        super().__init__("webhook", SECRET)
        self.at: dict[str, float] = {}

    def _answer(self, received: Received) -> Say:
        say = super()._answer(received)
        if received in self.taken:
            brand = json.loads(received.body)["brand"]["id"]
            self.at.setdefault(brand, time.time())
        return say


def main() -> None:
    """Measure and print."""
    with ExitStack() as stack:
        robot = stack.enter_context(Stopwatch())
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        server = Server(folder, TINGFENG_OUTGOING_ALLOW=robot.address)
        stack.callback(server.stop)
        server.start()
        server.wait_until_ready()
        post = client(server)
        for brand in brands("g", GRAVE) + brands("s", BURSTS):
            post("brands", {"id": brand, "name": name(brand)})
        post("channels", {"id": "c", "kind": "webhook", "name": "c", "config": robot.config})
        for brand in brands("s", BURSTS):
            post("mentions", history(brand, int(time.time())))
        stack.callback(worker(server).kill)
        time.sleep(15)
        sent, bin_end = send(post, robot)
        grave = [robot.at[brand] - at for brand, at in sent.items() if brand in robot.at]
        spikes = [robot.at[b] - bin_end for b in brands("s", BURSTS) if b in robot.at]
    print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    show("severe mention → robot", grave, GRAVE)
    show("close of the bin → robot", spikes, BURSTS)


def brands(kind: str, n: int) -> list[str]:
    """Return the ids of brands."""
    return [f"{kind}{i}" for i in range(n)]


def name(brand: str) -> str:
    """Return a brand's name, like no other's."""
    number = int(brand[1:])
    return f"{'晨' if brand[0] == 'g' else '远'}{DIGITS[number // 10]}{DIGITS[number % 10]}牌"


def client(server: Server) -> Any:
    """Return a function that posts to the API."""
    http = requests.Session()
    http.trust_env = False
    http.headers["Authorization"] = f"Bearer {server.key('admin')}"

    def post(path: str, body: object) -> None:
        http.post(f"{server.url}/api/v1/{path}", json=body, timeout=60).raise_for_status()

    return post


def worker(server: Server) -> subprocess.Popen[bytes]:
    """Start the worker as a process of its own."""
    with (server.folder / "worker.log").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "monitor", "worker"],
            cwd=ROOT,
            env=server._environment,
            stdout=log,
            stderr=log,
        )


def mention(brand: str, text: str, at: float, number: object) -> Row:
    """Make a mention."""
    words = text.replace("星途", name(brand))
    return {
        "platform": "weibo",
        "id": f"{brand}-{number}",
        "brands": [brand],
        "text": words,
        "published_at": int(at),
        "author": {"id": f"u{number}", "followers": 500},
    }


def history(brand: str, now: int) -> list[Row]:
    """Make two quiet days."""
    times = range(now - 48 * HOUR, now - HOUR, 1800)
    kinds = (BAD, GOOD, BLAND, BLAND, BLAND, BLAND)
    return [mention(brand, f"{kinds[i % 6]}（{i}）", at, i) for i, at in enumerate(times)]


def send(post: Any, robot: Stopwatch) -> tuple[dict[str, float], int]:
    """Send grave mentions at random, bursts before a bin closes; return when, and its end."""
    rng = random.Random(7)
    start = time.time()
    bin_end = int(start + 150) // BIN * BIN + BIN
    times = sorted(rng.uniform(start, bin_end + 40) for _ in range(GRAVE))
    plan = [(at, brand, None) for at, brand in zip(times, brands("g", GRAVE), strict=True)]
    for brand in brands("s", BURSTS):
        plan += [(rng.uniform(bin_end - 140, bin_end - 3), brand, i) for i in range(ANGRY)]
    sent: dict[str, float] = {}
    for at, brand, number in sorted(plan, key=lambda step: step[0]):
        time.sleep(max(0.0, at - time.time()))
        if number is None:
            sent[brand] = time.time()
            text = "星途充电时突然起火爆炸，邻居被烧伤送医"
            post("mentions", [mention(brand, text, time.time() - 1, "grave")])
        else:
            text = f"{BAD}！第{number}次"
            post("mentions", [mention(brand, text, time.time(), f"x{number}")])
    deadline = time.time() + 120
    while len(robot.at) < GRAVE + BURSTS and time.time() < deadline:
        time.sleep(0.2)
    return sent, bin_end


def show(what: str, seconds: list[float], n: int) -> None:
    """Print the figures of one path."""
    if len(seconds) < 2:
        print(f"{what}: {len(seconds)} of {n} arrived")
        return
    p95 = quantiles(seconds, n=20, method="inclusive")[-1]
    print(
        f"{what}: {len(seconds)} of {n} arrived; p50 {median(seconds):.1f} s, p95 {p95:.1f} s,"
        f" most {max(seconds):.1f} s"
    )


if __name__ == "__main__":
    main()
