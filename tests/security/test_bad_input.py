"""Whatever is sent: a clear refusal or a rejected row with advice, never a 500, nothing leaked."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
import threading
from contextlib import closing
from io import StringIO
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from monitor import intake
from monitor.store import open_store
from tests import recount
from tests.rows import BAD, HOUR, NOW, row

pytestmark = pytest.mark.usefixtures("xingtu")
CODES = {
    400: "bad_request",
    401: "unauthorised",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    409: "conflict",
    413: "too_large",
    415: "unsupported_media_type",
    422: "invalid_input",
    429: "too_many_requests",
    503: "store_unavailable",
}


def refused(answer, status):
    """The answer is a problem of this status, with its stable code and two languages."""
    assert answer.status_code == status, answer.text
    assert answer.content_type == "application/problem+json"
    problem = answer.json
    assert problem["status"] == status
    assert problem["code"] == CODES[status]
    assert problem["type"] == f"urn:tingfeng:error:{CODES[status]}"
    assert problem["request_id"] == answer.headers["X-Request-Id"]
    assert any("\u4e00" <= char <= "\u9fff" for char in problem["detail"])
    return problem


def post(client, data, content_type="application/json", path="/api/v1/mentions", **headers):
    return client.post(path, data=data, content_type=content_type, headers=headers)


DEEP = b"[" * 100_000 + b"]" * 100_000
UNREADABLE = {
    "nothing": b"",
    "blanks": b" \n ",
    "half": b'[{"platform": "weibo", "id": "1"',
    "words": "你好".encode(),
    "no Unicode": b'[{"platform": "\xff\xfe"}]',
    "deep": DEEP,
    "deep in an object": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "an empty array": b"[]",
    "a number": b"5",
    "a string": '"星途"'.encode(),
    "null": b"null",
    "lines of noise": b"\x01\n5\n{",
}


@pytest.mark.parametrize("body", UNREADABLE.values(), ids=UNREADABLE.keys())
def test_a_body_that_cannot_be_read_is_refused(client, body):
    refused(post(client, body), 400)


BODIES = [
    *("brands", "channels", "keys", "sentiment", "session", "alerts/x/note"),
    *("incidents/x/note", "incidents/x/dismiss", "incidents/x/merge", "silences", "drills"),
    "routing/preview",
]


@pytest.mark.parametrize("path", BODIES)
@pytest.mark.parametrize(
    "body", [b"", b"{", DEEP, b"[]", b"null", b"1", b'{"name": "\\ud800"}', b"\xff", b'{"id": NaN}']
)
def test_every_other_body_that_makes_no_sense_is_refused(client, path, body):
    refused(post(client, body, path=f"/api/v1/{path}"), 422)


@pytest.mark.parametrize("path", ["mentions", *BODIES])
def test_a_body_of_another_kind_is_refused(client, path):
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""):
        refused(post(client, b"{}", kind, f"/api/v1/{path}"), 415)


@pytest.mark.parametrize("path", ["mentions", *BODIES])
def test_a_compressed_body_is_refused(client, path):
    body = gzip.compress(json.dumps([row()]).encode())
    headers = {"Content-Encoding": "gzip"}
    refused(post(client, body, path=f"/api/v1/{path}", **headers), 400)


@pytest.mark.parametrize("path", ["mentions", *BODIES])
def test_an_enormous_body_is_refused(client, path):
    refused(post(client, b" " * 1_000_001, path=f"/api/v1/{path}"), 413)


def test_a_batch_of_too_many_rows_is_refused_as_a_whole(client, service):
    refused(post(client, json.dumps([row() for _ in range(501)])), 422)
    assert service.store.mentions.count() == 0
    assert post(client, json.dumps([row() for _ in range(500)])).json["accepted"] == 500


BAD_ROWS = {
    "no id": ({"id": None}, "id"),
    "a blank id": ({"id": "  "}, "id"),
    "an id that is too long": ({"id": "x" * 257}, "id"),
    "an id of another type": ({"id": [1]}, "id"),
    "text of another type": ({"text": 5}, "text"),
    "no words": ({"text": " "}, ""),
    "too many words": ({"text": "长" * 20_001}, "text"),
    "the future": ({"published_at": NOW + HOUR}, "published_at"),
    "milliseconds twice": ({"published_at": NOW * 1_000_000}, "published_at"),
    "no time": ({"published_at": "昨天"}, "published_at"),
    "a time that is no number": ({"published_at": float("nan")}, "published_at"),
    "a kind nobody knows": ({"kind": "tweet"}, "kind"),
    "a platform that is none": ({"platform": "a b"}, "platform"),
    "an unknown key": ({"txet": "x"}, "txet"),
    "an unknown key inside": ({"author": {"nick": "x"}}, "author.nick"),
    "a count below 0": ({"engagement": {"likes": -1}}, "engagement.likes"),
    "a count that is none": ({"engagement": {"likes": "很多"}}, "engagement.likes"),
    "a count without end": ({"engagement": {"likes": float("inf")}}, "engagement.likes"),
    "a count too large": ({"engagement": {"likes": 10**400}}, "engagement.likes"),
    "a brand nobody added": ({"brands": ["nobody"]}, "brands"),
    "a rating off its scale": ({"rating": {"value": 6, "scale": "stars5"}}, "rating"),
    "an address that runs": ({"url": "javascript:alert(1)"}, "url"),
    "a lone surrogate": ({"text": "星途\ud83d"}, "text"),
    "a lone surrogate in an id": ({"id": "1\ud800"}, "id"),
    "a lone surrogate in a parent": ({"parent_id": "\udc00"}, "parent_id"),
    "a lone surrogate in a name": ({"author": {"id": "\udc00"}}, "author.id"),
    "a lone surrogate for a key": ({"\ud800": 1}, ""),
}


@pytest.mark.parametrize(("change", "field"), BAD_ROWS.values(), ids=BAD_ROWS.keys())
def test_a_bad_row_is_named_with_advice_and_its_neighbours_are_kept(client, change, field):
    rows = [row(), {**row(), **change}, row()]
    answer = post(client, json.dumps(rows))
    assert answer.status_code == 202, answer.text
    (rejection,) = answer.json["rejected"]
    assert (answer.json["accepted"], rejection["index"]) == (2, 1)
    assert rejection["field"] == field
    assert rejection["reason"]
    assert rejection["advice"]


@pytest.mark.parametrize("key", [None, "with-a-key"])
def test_an_account_with_any_rejection_can_be_kept_and_given_again(client, key):
    headers = {"Idempotency-Key": key} if key else {}
    body = json.dumps([row(**{"\ud800\udfff\ud800": 1}), row()])
    first, again = post(client, body, **headers), post(client, body, **headers)
    assert first.status_code == again.status_code == 202
    assert len(again.json["rejected"]) == 1


@pytest.mark.parametrize("nothing", [None, 1, "x", [], [row()], True])
def test_a_row_that_is_no_object_is_rejected_alone(client, nothing):
    answer = post(client, json.dumps([row(), nothing]))
    assert (answer.json["accepted"], len(answer.json["rejected"])) == (1, 1)


def test_a_broken_line_is_rejected_alone(client):
    good = [json.dumps(row(), ensure_ascii=False) for _ in range(2)]
    body = f"{good[0]}\n{{坏了\n\n{good[1]}\n5".encode()
    answer = post(client, body, "application/x-ndjson")
    assert answer.json["accepted"] == 2
    assert [rejection["index"] for rejection in answer.json["rejected"]] == [1, 3]


@pytest.mark.parametrize(
    ("change", "column", "stored"),
    [
        ({"published_at": (NOW - HOUR) * 1000}, "published_at", NOW - HOUR),
        ({"published_at": "2026-11-22 07:00:00"}, "published_at", NOW - HOUR),
        ({"engagement": {"likes": "1.2万"}}, "likes", 12_000),
        ({"id": 4_991_112_223_334_445}, "native_id", "4991112223334445"),
        ({"text": "星途\u0000不错"}, "text", "星途不错"),
        ({"platform": "小红书"}, "platform", "xhs"),
    ],
)
def test_what_platforms_write_is_understood(client, service, change, column, stored):
    assert post(client, json.dumps([{**row(), **change}])).json["accepted"] == 1
    (held,) = recount.rows_of(path_of(service), "SELECT * FROM mention")
    assert held[column] == stored


def path_of(service):
    return service.settings.database_url.removeprefix("sqlite:///")


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(), max_size=30)
    | st.sampled_from(["weibo", "post", NOW, "1.2万", "2026-11-22"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(list(intake.MentionIn.model_fields)) | st.text(), inner)
    ),
    max_leaves=12,
)
odd_rows = st.dictionaries(
    st.sampled_from(list(intake.MentionIn.model_fields)), json_values, max_size=6
).map(lambda change: {**row(), **change})


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(odd_rows | json_values, min_size=1, max_size=6))
def test_no_row_that_json_can_write_breaks_anything(client, rows):
    answer = post(client, json.dumps(rows))
    assert answer.status_code == 202, answer.text
    account = answer.json
    counted = sum(account[k] for k in ("accepted", "updated", "duplicate", "erased"))
    assert counted + len(account["rejected"]) == len(rows)


def test_unknown_things_are_not_found(client):
    for method, path in [
        ("get", "nothing"),
        ("get", "brands/nobody"),
        ("get", "brands/nobody/mentions"),
        ("get", "brands/nobody/indices"),
        ("get", "brands/nobody/trend"),
        ("get", "compare?brands=xingtu,nobody"),
        ("delete", "brands/nobody"),
        ("get", "alerts/nothing"),
        ("get", "channels/nothing"),
        ("delete", "channels/nothing"),
        ("post", "channels/nothing/test"),
        ("delete", "keys/nothing"),
        ("get", "brands/%ED%A0%80"),
        ("get", "brands/%00"),
    ]:
        refused(getattr(client, method)(f"/api/v1/{path}"), 404)


def test_a_method_nobody_offers_is_refused_and_named_in_no_metric(client):
    answer = client.delete("/api/v1/overview")
    refused(answer, 405)
    assert "GET" in answer.headers["Allow"]
    client.open("/api/v1/overview", method="MYSECRETMETHOD")
    assert "MYSECRETMETHOD" not in client.get("/metrics").text


def test_too_many_requests_are_refused_with_the_time_to_wait(make_service, xingtu):
    from api.app import create_app
    from monitor.bootstrap import issue_key

    service = make_service(rate_limit="3 per minute")
    client = create_app(service).test_client()
    secret = issue_key(service.store, "k", ["read"], NOW)[1]
    headers = {"Authorization": f"Bearer {secret}"}
    statuses = [client.get("/api/v1/brands", headers=headers).status_code for _ in range(3)]
    assert statuses == [200] * 3
    answer = client.get("/api/v1/brands", headers=headers)
    refused(answer, 429)
    assert 0 < int(answer.headers["Retry-After"]) <= 60
    assert client.get("/health").status_code == 200


# -- the store in trouble ----------------------------------------------------------------------


LOCKER = """
import sqlite3, sys
db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.execute("BEGIN IMMEDIATE")
print("locked", flush=True)
sys.stdin.readline()
db.execute("ROLLBACK")
"""


def test_a_locked_store_answers_503_and_then_works(client, service, monkeypatch):
    from monitor.store.sqlite import database

    monkeypatch.setattr(database, "BUSY_SECONDS", 0.2)
    service.store.close()  # so that connections are opened with the short patience
    with subprocess.Popen(
        [sys.executable, "-c", LOCKER, path_of(service)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as locker:
        assert locker.stdout.readline() == "locked\n"
        answer = post(client, json.dumps([row()]))
        refused(answer, 503)
        assert int(answer.headers["Retry-After"]) > 0
        assert client.get("/api/v1/brands/xingtu/mentions").json["items"] == []
        locker.communicate("\n")
    assert post(client, json.dumps([row()])).json["accepted"] == 1


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 6 MB."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", str(folder)]
    try:
        done = subprocess.run(mount, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("needs mount")
    if done.returncode:
        pytest.skip(f"needs the right to mount a tmpfs: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk_answers_503_loses_nothing_acknowledged_and_heals(
    small_disk, language, clock, application
):
    from monitor.bootstrap import issue_key
    from monitor.domain import Brand
    from tests.conftest import wire

    service = wire(small_disk, language, clock)
    service.store.brands.add(Brand("xingtu", "星途"))
    application.extensions["tingfeng"] = service
    client = application.test_client()
    secret = issue_key(service.store, "k", ["ingest", "read"], NOW)[1]
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {secret}"
    ballast = small_disk / "ballast"
    ballast.write_bytes(b"\0" * 2_000_000)
    acknowledged, refusals = 0, 0
    for _ in range(60):
        answer = post(client, json.dumps([row(f"{BAD}{i}" * 5) for i in range(100)]))
        if answer.status_code == 202:
            acknowledged += answer.json["accepted"]
        else:
            refused(answer, 503)
            refusals += 1
        if refusals == 3:
            break
    assert refusals == 3
    assert client.get("/ready").status_code in (200, 503)
    ballast.unlink()
    healed = post(client, json.dumps([row()]))
    assert healed.status_code == 202, healed.text
    assert service.store.mentions.count() == acknowledged + 1
    recount.assert_sums_are_true(small_disk / "tingfeng.db")
    service.store.close()


def test_a_file_that_is_no_database_is_refused_with_words(tmp_path):
    from monitor.errors import StoreUnavailable

    (tmp_path / "x.db").write_bytes(b"this is no database at all, " * 200)
    with pytest.raises(StoreUnavailable):
        open_store(f"sqlite:///{tmp_path}/x.db")


# -- what must never be seen -------------------------------------------------------------------


PERSON = {"id": "uid-55667788", "name": "张三丰爱开车"}


def test_no_person_and_no_key_is_in_logs_metrics_or_errors(
    client, make_key, anonymous, service, monkeypatch, caplog
):
    from monitor.logs import configure

    log = StringIO()
    monkeypatch.setattr(sys, "stderr", log)
    configure("DEBUG")
    secret = make_key("read")
    answers = [
        post(client, json.dumps([row(author=PERSON), row(author={**PERSON, "nick": "x"})])),
        post(client, json.dumps([row(author={**PERSON, "id": 10**300, "followers": "张三丰"})])),
        post(client, json.dumps([row(author=PERSON)])[:-1]),
        anonymous.get("/api/v1/me", headers={"Authorization": f"Bearer {secret}x"}),
        anonymous.get("/api/v1/me", headers={"Authorization": f"Basic {secret}"}),
        anonymous.get(
            f"/api/v1/brands?key={secret}", headers={"Authorization": f"Bearer {secret}"}
        ),
        post(anonymous, json.dumps({"key": secret + "x"}), path="/api/v1/session"),
        post(client, json.dumps({"key": secret, "name": PERSON["name"]}), path="/api/v1/keys"),
        client.get("/api/v1/brands/xingtu/mentions", query_string={"q": PERSON["name"]}),
        anonymous.get("/metrics"),
    ]
    monkeypatch.setattr(service.store.mentions, "page", lambda query: 1 / 0)
    broken = client.get("/api/v1/brands/xingtu/mentions", query_string={"q": PERSON["name"]})
    assert (broken.status_code, broken.json["code"]) == (500, "internal")
    logged = log.getvalue() + caplog.text
    configure("ERROR")
    assert '"event": "request"' in logged
    assert "ZeroDivisionError" in logged
    assert "ZeroDivisionError" not in broken.text
    seen = logged + broken.text + "".join(answer.text for answer in answers)
    for hidden in ("uid-55667788", "张三丰", secret, secret[5:]):
        assert hidden not in seen


def test_many_threads_at_once_are_all_answered(app, client, service):
    statuses = []

    def send():
        try:
            own = app.test_client()
            own.environ_base = dict(client.environ_base)
            for _ in range(5):
                statuses.append(post(own, json.dumps([row() for _ in range(20)])).status_code)
        finally:
            service.store.close()

    threads = [threading.Thread(target=send) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [202] * 20
    assert service.store.mentions.count() == 400
    with closing(open_store(service.settings.database_url)) as again:
        assert again.mentions.count() == 400
    recount.assert_sums_are_true(Path(path_of(service)))
