"""The API against its own description: whatever it allows works, whatever it does not is refused.

Schemathesis makes the requests, with all its checks and the settings of `schemathesis.toml`.
"""

from __future__ import annotations

from pathlib import Path

import pytest
import schemathesis
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import Status, from_schema
from schemathesis.engine.events import NonFatalError, ScenarioFinished

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def schema(make_server, monkeypatch):
    """The description of a running service, and a key for all of it."""
    monkeypatch.setenv("NO_PROXY", "*")
    server = make_server(TINGFENG_RATE_LIMIT="1000000 per minute")
    server.start()
    server.wait_until_ready()
    config = SchemathesisConfig.from_path(ROOT / "schemathesis.toml")
    described = schemathesis.openapi.from_url(f"{server.url}/openapi.json", config=config)
    described.config.update(headers={"Authorization": f"Bearer {server.key('admin')}"})
    described.config.generation.update(max_examples=6, no_shrink=True, deterministic=True)
    return described


def test_every_operation_does_what_its_description_says(schema):
    cases, complaints = 0, []
    for event in from_schema(schema).execute():
        if isinstance(event, NonFatalError):
            complaints.append(str(event.info))
        if isinstance(event, ScenarioFinished):
            cases += len(event.recorder.cases)
            if event.status in (Status.FAILURE, Status.ERROR):
                complaints += failures_of(event.recorder)
    assert complaints == []
    assert cases > 500


def failures_of(recorder):
    return [
        f"{recorder.label}: {check.failure_info.failure}\n{check.failure_info.code_sample}"
        for checks in recorder.checks.values()
        for check in checks
        if check.failure_info is not None
    ]


def test_the_description_is_openapi_3_1_and_names_every_route(anonymous, app):
    document = anonymous.get("/openapi.json").json
    assert document["openapi"].startswith("3.1")
    described = {
        (method.upper(), path.replace("{", "<").replace("}", ">"))
        for path, operations in document["paths"].items()
        for method in operations
    }
    routes = {
        (method, rule.rule)
        for rule in app.url_map.iter_rules()
        for method in rule.methods - {"HEAD", "OPTIONS"}
        if rule.rule.startswith("/api/")
    }
    assert routes <= described


@pytest.fixture
def described(anonymous):
    """What an operation is said to answer: `described("get", "/health")`."""
    paths = anonymous.get("/openapi.json").json["paths"]
    return lambda method, path: paths[path][method]


def test_mentions_are_described_with_every_kind_of_body_and_their_key(described):
    operation = described("post", "/api/v1/mentions")
    kinds = ["application/json", "application/x-ndjson", "application/jsonl"]
    assert sorted(operation["requestBody"]["content"]) == sorted(kinds)
    (parameter,) = operation["parameters"]
    assert (parameter["name"], parameter["in"]) == ("Idempotency-Key", "header")
    assert parameter["schema"]["maxLength"] == 255


KEYED = {"401", "403", "429", "503"}
BODY = {"400", "413", "415", "422"}


@pytest.mark.parametrize(
    ("method", "path", "answers"),
    [
        ("get", "/health", {"200"}),
        ("get", "/ready", {"200", "503"}),
        ("get", "/api/v1/me", {"200"} | KEYED),
        ("get", "/api/v1/overview", {"200", "304", "422"} | KEYED),
        ("get", "/api/v1/compare", {"200", "304", "404", "422"} | KEYED),
        ("get", "/api/v1/brands/{brand}/trend", {"200", "304", "404", "422"} | KEYED),
        ("get", "/api/v1/brands/{brand}/mentions", {"200", "404", "422"} | KEYED),
        ("post", "/api/v1/mentions", {"202", "409"} | KEYED | BODY),
        ("patch", "/api/v1/brands/{brand}", {"200", "404"} | KEYED | BODY),
        ("post", "/api/v1/alerts/{alert}/resolve", {"200", "404", "409"} | KEYED | BODY),
        ("delete", "/api/v1/keys/{key_id}", {"204", "404"} | KEYED),
        ("post", "/api/v1/session", {"204"} | KEYED | BODY),
        ("delete", "/api/v1/session", {"204", "429"}),
    ],
)
def test_an_operation_names_the_refusals_that_can_come(described, method, path, answers):
    assert described(method, path)["responses"].keys() == answers
