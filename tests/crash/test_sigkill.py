"""Killed at any moment, the service keeps what it acknowledged: all of it, and nothing twice."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import threading
import time
from contextlib import suppress

import pytest
import requests

from tests import recount
from tests.rows import BAD, BLAND, GOOD

KILLS = 15
ROWS = 20


class Sender(threading.Thread):
    """Sends batches and repeats each, with its key, until it is acknowledged."""

    def __init__(self, name, server, key, over):
        super().__init__(name=name)
        self._server, self._key, self._over = server, key, over
        self.acknowledged: dict[str, int] = {}
        self.refused: list[str] = []

    def run(self):
        with requests.Session() as http:
            http.trust_env = False
            http.headers["Authorization"] = f"Bearer {self._key}"
            number = 0
            while not self._over.is_set():
                self._send(http, number)
                number += 1

    def _send(self, http, number):
        rows = batch(self.name, number)
        while not self._over.is_set():
            with suppress(requests.RequestException):
                answer = http.post(
                    f"{self._server.url}/api/v1/mentions",
                    json=rows,
                    headers={"Idempotency-Key": f"{self.name}-{number}"},
                    timeout=10,
                )
                if answer.status_code == 202:
                    self._note(rows, answer.json())
                    return
                if answer.status_code != 503:
                    self.refused.append(answer.text)
                    return
            self._over.wait(0.02)

    def _note(self, rows, account):
        self.acknowledged.update({row["id"]: row["engagement"]["likes"] for row in rows})
        if (account["accepted"], account["rejected"]) != (ROWS, []):
            self.refused.append(str(account))


def batch(name, number):
    now = int(time.time())
    return [
        {
            "platform": ("weibo", "xhs")[i % 2],
            "kind": "comment" if i % 4 == 3 else "post",
            "id": f"{name}-{number}-{i}",
            "parent_id": f"{name}-{number}-{i - 1}" if i % 4 == 3 else None,
            "text": f"{(GOOD, BAD, BLAND)[i % 3]}（{number % 7}）",
            "published_at": now - 60 * i,
            "author": {"id": f"u{i % 5}", "followers": 10},
            "engagement": {"likes": number},
        }
        for i in range(ROWS)
    ]


def workers_of(server):
    found = subprocess.run(
        ["ps", "-o", "pid=", "--ppid", str(server.process.pid)],
        capture_output=True,
        text=True,
        check=False,
    )
    return [int(pid) for pid in found.stdout.split()]


def kill_someone(server, chance):
    """Kill the master with all its workers, or one worker."""
    workers = workers_of(server)
    if chance.random() < 0.3 or not workers:
        server.stop(signal.SIGKILL)
        server.start()
        server.wait_until_ready()
        return
    with suppress(ProcessLookupError):
        os.kill(chance.choice(workers), signal.SIGKILL)


def test_killed_at_random_it_keeps_every_acknowledged_mention_exactly_once(server):
    chance = random.Random(7)
    key = server.key("admin")
    with requests.Session() as http:
        http.trust_env = False
        answer = http.post(
            f"{server.url}/api/v1/brands",
            json={"id": "xingtu", "name": "星途"},
            headers={"Authorization": f"Bearer {key}"},
            timeout=10,
        )
        assert answer.status_code == 201
    over = threading.Event()
    senders = [Sender(f"s{i}", server, key, over) for i in range(4)]
    for sender in senders:
        sender.start()
    try:
        for _ in range(KILLS):
            time.sleep(chance.uniform(0.05, 0.6))
            kill_someone(server, chance)
    finally:
        over.set()
        for sender in senders:
            sender.join()
    server.stop(signal.SIGKILL)
    server.start()
    server.wait_until_ready()
    server.stop()

    acknowledged = {k: v for sender in senders for k, v in sender.acknowledged.items()}
    assert [text for sender in senders for text in sender.refused] == []
    assert len(acknowledged) > ROWS * len(senders)
    stored = recount.rows_of(server.database, "SELECT native_id, likes FROM mention")
    assert len({row["native_id"] for row in stored}) == len(stored)
    assert {row["native_id"]: row["likes"] for row in stored}.items() >= acknowledged.items()
    assert len(stored) % ROWS == 0, "half a batch is there"
    recount.assert_sums_are_true(server.database)
    recount.assert_copies_are_ranked(server.database)
    recount.assert_authors_count_once_a_day(server.database)
    (health,) = recount.rows_of(server.database, "PRAGMA integrity_check")
    assert health[0] == "ok"


def test_a_worker_that_is_asked_to_stop_finishes_what_it_began(server):
    key = server.key("admin")
    rows = batch("last", 0)
    answers = []

    def send():
        with requests.Session() as http:
            http.trust_env = False
            headers = {"Authorization": f"Bearer {key}"}
            url = f"{server.url}/api/v1/mentions"
            with suppress(requests.ConnectionError):
                answers.append(http.post(url, json=rows, headers=headers, timeout=20).status_code)

    sender = threading.Thread(target=send)
    sender.start()
    server.stop()
    sender.join()
    stored = recount.rows_of(server.database, "SELECT 1 FROM mention")
    assert len(stored) == (ROWS if answers == [202] else 0)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_the_server_stops_cleanly(server, how):
    process = server.process
    server.stop(how)
    assert process.returncode == 0
    assert "Traceback" not in (server.folder / "log").read_text()
