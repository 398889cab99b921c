import threading

import pytest

from monitor.errors import Conflict
from tests.rows import row

pytestmark = pytest.mark.usefixtures("xingtu")


def send(client, body, key, **more):
    return client.post("/api/v1/mentions", json=body, headers={"Idempotency-Key": key}, **more)


def test_the_same_request_is_answered_the_same_and_stored_once(client, service):
    body = [row(), row("与谁都无关"), {"platform": "weibo"}]
    first = send(client, body, "批次-1".encode().hex())
    again = send(client, body, "批次-1".encode().hex())
    assert first.status_code == again.status_code == 202
    assert first.json == again.json
    assert first.json["accepted"] == 2
    assert service.store.mentions.count() == 2


def test_another_request_under_the_same_key_is_refused_and_not_stored(client, service):
    send(client, [row()], "k")
    answer = send(client, [row()], "k")
    assert answer.status_code == 409
    assert answer.json["code"] == "conflict"
    assert service.store.mentions.count() == 1


def test_two_callers_may_use_the_same_key(make_client, service):
    for _ in range(2):
        assert send(make_client("ingest"), [row()], "k").json["accepted"] == 1
    assert service.store.mentions.count() == 2


def test_an_answer_is_kept_for_a_day(client, service, clock):
    body = [row()]
    send(client, body, "k")
    service.store.mentions.forget_idempotency(clock.now + 86_400)
    assert send(client, body, "k").json["accepted"] == 1
    service.store.mentions.forget_idempotency(clock.now + 86_401)
    assert send(client, body, "k").json["duplicate"] == 1


@pytest.mark.parametrize("key", ["", "x" * 256])
def test_a_key_that_is_none_is_refused(client, key):
    assert send(client, [row()], key).status_code == 400


def together(*works):
    """Run functions at the same moment; returns what they gave or raised."""
    start = threading.Barrier(len(works))
    results = [None] * len(works)

    def run(i, work):
        start.wait()
        try:
            results[i] = work()
        except Exception as error:
            results[i] = error

    threads = [threading.Thread(target=run, args=item) for item in enumerate(works)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


@pytest.mark.parametrize("same", [True, False])
def test_two_at_once_with_one_key_store_once(service, same):
    for round_ in range(8):
        rows = [row(f"星途第{i}条") for i in range(20)]

        def ingest(digest, round_=round_, rows=rows):
            try:
                return service.pipeline.ingest(rows, idempotency=(f"k{round_}", digest))
            finally:
                service.store.close()

        one, other = together(lambda: ingest(b"a"), lambda: ingest(b"a" if same else b"b"))
        if same:
            assert one == other
            assert one.accepted == 20
        else:
            refused = [r for r in (one, other) if isinstance(r, Conflict)]
            assert len(refused) == 1
    assert service.store.mentions.count() == 160
