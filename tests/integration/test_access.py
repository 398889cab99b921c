"""The real server: keys over the wire, and what every answer carries."""

from __future__ import annotations

import json
import re

import pytest
import requests

from monitor.settings import Settings

LIMIT = Settings.model_fields["max_body_bytes"].default


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    from tests.conftest import Server

    server = Server(tmp_path_factory.mktemp("access"))
    server.start()
    try:
        server.wait_until_ready()
        yield server
    finally:
        server.stop()


@pytest.fixture
def http():
    with requests.Session() as session:
        session.trust_env = False
        yield session


def test_a_key_made_beside_the_running_server_opens_it_at_once(running, http):
    url = f"{running.url}/api/v1/me"
    assert http.get(url).status_code == 401
    headers = {"Authorization": f"bearer {running.key('read')}"}
    assert http.get(url, headers=headers).json()["scopes"] == ["read"]


def test_a_session_is_good_on_every_worker(running, http):
    key = running.key("admin")
    assert http.post(f"{running.url}/api/v1/session", json={"key": key}).status_code == 204
    answers = [http.get(f"{running.url}/api/v1/me").status_code for _ in range(20)]
    assert answers == [200] * 20


@pytest.mark.parametrize("path", ["/", "/docs", "/health", "/api/v1/me", "/nothing"])
def test_every_answer_is_marked_and_none_is_guessed_at(running, http, path):
    answer = http.get(running.url + path, headers={"X-Request-Id": "abc-1"})
    assert answer.headers["X-Request-Id"] == "abc-1"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    if path.startswith("/api/"):
        assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("given", ["", "x" * 65, "a b", "<script>", "中"])
def test_a_request_id_that_is_none_is_replaced(running, http, given):
    answer = http.get(f"{running.url}/health", headers={"X-Request-Id": given.encode()})
    assert re.fullmatch("[0-9a-f]{16}", answer.headers["X-Request-Id"])


def test_the_log_names_routes_and_not_what_people_asked_for(running, http):
    key = running.key("read")
    headers = {"Authorization": f"Bearer {key}"}
    http.get(f"{running.url}/api/v1/brands/geheimnis/mentions?q=geheimwort", headers=headers)
    log = (running.folder / "log").read_text()
    assert "/api/v1/brands/<brand>/mentions" in log
    for hidden in ("geheimnis", "geheimwort", key):
        assert hidden not in log


def test_metrics_count_over_all_workers(running, http):
    def count():
        text = http.get(f"{running.url}/metrics").text
        found = re.findall(
            r'tingfeng_http_requests_total\{.*route="/docs".*status="200".*\} ([0-9.]+)', text
        )
        return sum(map(float, found))

    before = count()
    for _ in range(10):
        with requests.Session() as fresh:
            fresh.trust_env = False
            fresh.get(f"{running.url}/docs").raise_for_status()
    assert count() == before + 10


def test_a_body_in_chunks_is_taken_whole_or_refused(running, http):
    line = json.dumps({"platform": "weibo", "text": "随便", "published_at": 1_795_305_600}).encode()
    headers = {
        "Authorization": f"Bearer {running.key('ingest')}",
        "Content-Type": "application/x-ndjson",
    }

    def send(size):
        rows = [line[:-1] + b', "id": "%d"}\n' % i for i in range(20)]
        rows.append(b" " * (size - sum(map(len, rows)) - len(b"{}")) + b"{}")
        return http.post(f"{running.url}/api/v1/mentions", data=iter(rows), headers=headers)

    whole = send(LIMIT)
    assert (whole.status_code, len(whole.json()["rejected"])) == (202, 1)
    cut = send(LIMIT + 1)
    assert (cut.status_code, cut.json()["code"]) == (413, "too_large")
