"""For operators: health, readiness, metrics, and the pages' headers."""

from __future__ import annotations

from pathlib import Path

from tests import recount
from tests.rows import row


def test_health_says_that_the_process_answers(anonymous):
    assert anonymous.get("/health").json == {"status": "ok"}


def test_ready_says_that_the_store_can_be_read(anonymous, service):
    assert anonymous.get("/ready").json == {"status": "ok"}
    service.store.close()
    path = Path(service.settings.database_url.removeprefix("sqlite:///"))
    for beside in ("-wal", "-shm"):
        path.with_name(path.name + beside).unlink(missing_ok=True)
    path.write_bytes(b"this is no database " * 500)
    answer = anonymous.get("/ready")
    assert (answer.status_code, answer.json["code"]) == (503, "store_unavailable")
    assert answer.headers["Retry-After"]
    assert anonymous.get("/health").status_code == 200


def counted(client, name, **labels):
    wanted = ",".join(f'{k}="{v}"' for k, v in labels.items())
    line = f"{name}{{{wanted}}} " if wanted else f"{name} "
    lines = client.get("/metrics").text.splitlines()
    return sum(float(text.rpartition(" ")[2]) for text in lines if text.startswith(line))


def test_metrics_count_what_came_in(client, anonymous, xingtu):
    def outcomes():
        return [
            counted(anonymous, "tingfeng_mentions_total", outcome=outcome)
            for outcome in ("accepted", "updated", "duplicate", "rejected")
        ]

    before = outcomes()
    first = row(engagement={"likes": 1})
    client.post("/api/v1/mentions", json=[first, row(), {"platform": "x"}])
    client.post("/api/v1/mentions", json=[first, row() | {"id": first["id"]}])
    client.post("/api/v1/mentions", json=[first | {"engagement": {"likes": 2}}])
    after = outcomes()
    assert [b - a for a, b in zip(before, after, strict=True)] == [2, 1, 2, 1]


def test_metrics_count_requests_by_route_and_status(client, anonymous):
    labels = {"method": "GET", "route": "/api/v1/brands/<brand>", "status": "404"}
    before = counted(anonymous, "tingfeng_http_requests_total", **labels)
    for name in ("a", "b", "c"):
        client.get(f"/api/v1/brands/{name}")
    assert counted(anonymous, "tingfeng_http_requests_total", **labels) == before + 3
    text = anonymous.get("/metrics").text
    assert 'route="unknown"' in text or client.get("/nothing").status_code == 404
    assert "/api/v1/brands/a" not in text


def test_pages_run_only_what_is_their_own(anonymous):
    for path in ("/", "/docs"):
        headers = anonymous.get(path).headers
        policy = headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "script-src 'self'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert headers["Referrer-Policy"] == "no-referrer"


def test_metrics_count_a_repeated_request_once(client, anonymous, service, xingtu):
    def accepted():
        return counted(anonymous, "tingfeng_mentions_total", outcome="accepted")

    before, body = accepted(), [row(), row()]
    for _ in range(3):
        answer = client.post("/api/v1/mentions", json=body, headers={"Idempotency-Key": "once"})
        assert answer.json["accepted"] == 2
        assert "replayed" not in answer.json
    assert accepted() == before + 2
    path = service.settings.database_url.removeprefix("sqlite:///")
    (kept,) = recount.rows_of(path, "SELECT answer FROM idempotency")
    assert "replayed" not in kept["answer"]
