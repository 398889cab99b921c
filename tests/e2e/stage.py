"""A running service with something to show, and a browser in front of it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import cycle, islice
from pathlib import Path

import pytest
import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM = Path("/usr/bin/chromium")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
HOUR = 3600

PRAISE = [
    "星途的座椅真舒服，一家人跑长途一点不累，强烈推荐",
    "提车三个月，星途的油耗比想象中低，非常满意",
    "星途的售后很耐心，小问题当天就解决了，点赞",
]
PLAIN = ["请问星途的保养周期是多久？", "星途今天在车展上公布了新配色", "路过看到一辆星途"]
GRUMBLE = ["星途的车机又卡又慢，失望", "星途的隔音太差了，后悔买了"]
ALARM = [
    "星途高速上刹车失灵，踩到底都停不下来，太可怕了",
    "我的星途也遇到刹车失灵，4S店推卸责任，避雷",
    "星途刹车异响修了三次都没修好，垃圾售后，千万别买",
    "刚看到星途刹车失灵的视频，吓人，坚决退订",
]
PLATFORMS = ["weibo", "xhs", "douyin", "zhihu"]


def iso(at):
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%SZ}"


def mention(number, text, at, **more):
    return {
        "platform": PLATFORMS[number % 4],
        "id": f"m{number}",
        "text": text,
        "published_at": iso(at),
        "url": f"https://example.com/p/{number}",
        "author": {"id": f"u{number % 57}", "followers": 100 * (number % 40)},
        "engagement": {"likes": number % 17, "comments": number % 5, "views": 300 + number},
        **more,
    }


def story(now):
    """Two quiet days, then three quarters of an hour of complaints about brakes."""
    quiet = islice(cycle([*PRAISE, *PLAIN, *PRAISE[:2], *PLAIN[:1], GRUMBLE[0]]), 480)
    rows = [mention(i, f"{text}（{i}）", now - 49 * HOUR + i * 360) for i, text in enumerate(quiet)]
    loud = islice(cycle(ALARM), 90)
    return rows + [
        mention(1000 + i, f"{text}（{i}）", now - 45 * 60 + i * 27) for i, text in enumerate(loud)
    ]


@dataclass
class Stage:
    """Where the service answers, and the keys to it."""

    url: str
    keys: dict[str, str]
    http: requests.Session
    database: str
    signed_in: dict[str, object] = field(default_factory=dict)

    def call(self, method, path, body=None, key="admin"):
        headers = {"Authorization": f"Bearer {self.keys[key]}"}
        answer = self.http.request(
            method, f"{self.url}/api/v1{path}", json=body, headers=headers, timeout=30
        )
        assert answer.ok, answer.text
        return answer.json() if answer.content else None

    def look(self):
        """Judge what is new, as the worker does."""
        from models.segment import Segmenter
        from monitor.links import Links
        from monitor.room import Room
        from monitor.store import open_store
        from monitor.watch import Watcher

        store = open_store(self.database)
        room = Room(store, Links(None, b"a pepper that is only for tests!"))
        cut = Segmenter().cut_all
        Watcher(store, room, max_age=2 * HOUR, cut=cut).look(int(time.time()))


@contextmanager
def running(folder):
    """Start gunicorn on an empty database; give keys of every kind."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    database = f"sqlite:///{folder}/tingfeng.db"
    environment = {
        **os.environ,
        "DATABASE_URL": database,
        "TINGFENG_BIND": f"127.0.0.1:{port}",
        "TINGFENG_WORKERS": "1",
        "PROMETHEUS_MULTIPROC_DIR": f"{folder}/metrics",
    }
    command = [sys.executable, "-m", "gunicorn", "-c", "gunicorn.conf.py", "wsgi:app"]
    with (folder / "log").open("w") as log:
        server = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
    try:
        with requests.Session() as http:
            http.trust_env = False
            patient = Retry(total=None, connect=60, backoff_factor=0.05, backoff_max=0.5)
            http.mount("http://", HTTPAdapter(max_retries=patient))
            url = f"http://127.0.0.1:{port}"
            http.get(f"{url}/health", timeout=30).raise_for_status()
            yield Stage(url, keys_of(database), http, database)
    finally:
        server.terminate()
        server.wait(30)


def keys_of(database):
    from monitor.bootstrap import issue_key
    from monitor.store import open_store

    store = open_store(database)
    now = int(time.time())
    keys = {
        name: issue_key(store, f"{name} key", [name], now)[1]
        for name in ("read", "manage", "admin")
    }
    return {**keys, "nothing": issue_key(store, "new", ["read"], now, brands=["nobody"])[1]}


def perform(stage):
    """Put the story on the stage and let the watcher find it."""
    stage.call("POST", "/brands", {"id": "lanhai", "name": "蓝海电动", "aliases": ["蓝海"]})
    stage.call(
        "POST",
        "/brands",
        {"id": "xingtu", "name": "星途汽车", "aliases": ["星途"], "competitors": ["lanhai"]},
    )
    rows = story(int(time.time()))
    for at in range(0, len(rows), 300):
        stage.call("POST", "/mentions", rows[at : at + 300])
    stage.look()


def chromium():
    """Start the browser; its absence is a failure in CI only."""
    if not CHROMIUM.exists():
        message = f"needs Chromium at {CHROMIUM}"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=15_000)

    return sync_playwright()


@contextmanager
def browsing():
    with chromium() as playwright:
        browser = playwright.chromium.launch(
            executable_path=str(CHROMIUM), headless=True, args=FLAGS
        )
        yield browser
        browser.close()


@dataclass
class Watched:
    """Pages whose complaints are written down."""

    browser: object
    stage: Stage
    signed_in: dict[str, object]
    complaints: list[str] = field(default_factory=list)
    # What Chromium itself notes of every refused request, where a test provokes one.
    expected: str = ""

    def open(self, key="manage", path="/", **options):
        """Open a page as somebody who is signed in."""
        if key not in self.signed_in:
            page = self.enter(self.fresh(**options), key)
            self.signed_in[key] = page.context.storage_state()
        page = self.fresh(storage_state=self.signed_in[key], **options)
        page.goto(self.stage.url + path)
        return page

    def enter(self, page, key="manage", path="/"):
        """Sign in by the form."""
        page.goto(self.stage.url)
        page.fill("#key", self.stage.keys[key])
        page.press("#key", "Enter")
        page.wait_for_selector(".card:not(.waiting), .empty")
        if path != "/":
            page.goto(self.stage.url + path)
        return page

    def fresh(self, **options):
        options = {"viewport": {"width": 1280, "height": 900}, "locale": "zh-CN", **options}
        context = self.browser.new_context(**options)
        context.set_default_timeout(15_000)
        page = context.new_page()
        page.add_init_script(
            "addEventListener('securitypolicyviolation',"
            " (e) => console.error('CSP', e.violatedDirective, e.blockedURI, e.sample))"
        )
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("dialog", lambda dialog: self.complaints.append(f"dialog {dialog.message}"))
        return page

    def nudge(self, page):
        """Have the page look at once, as it does when somebody comes back to it."""
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")

    def _hear(self, message):
        expected = self.expected and self.expected in message.text
        if message.type in ("error", "warning") and not expected:
            self.complaints.append(message.text)


@contextmanager
def watching(browser, stage):
    """Give out pages; afterwards none of them may have complained."""
    watched = Watched(browser, stage, stage.signed_in)
    yield watched
    for context in browser.contexts:
        context.close()
    assert watched.complaints == []
