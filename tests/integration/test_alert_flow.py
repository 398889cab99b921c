"""From a request with mentions to a signed message at a receiver, and what people do with it."""

from __future__ import annotations

import json

import pytest

from monitor.bootstrap import issue_key
from monitor.worker import LEADER_SECONDS
from tests.receivers import HttpReceiver, Say
from tests.rows import NOW, brand, burst, quiet

SECRET = "whsec_" + "YWxlcnQtZmxvdy1zZWNyZXQtMDEyMzQ1Njc4OQ=="


@pytest.fixture
def receiver():
    with HttpReceiver(Say()) as found:
        yield found


@pytest.fixture
def stage(make_service, application, receiver):
    """A service that may send to the receiver, with a client that may do everything."""
    service = make_service(outgoing_allow=receiver.address, public_url="https://tingfeng.example")
    application.extensions["tingfeng"] = service
    client = application.test_client()
    secret = issue_key(service.store, "小王", ["admin"], NOW)[1]
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {secret}"
    post(client, "brands", brand(), 201)
    post(client, "channels", channel(receiver), 201)
    return service, client


def channel(receiver, **more):
    config = {"url": receiver.url("/alerts"), "secret": SECRET}
    return {"id": "duty", "kind": "webhook", "name": "值班群", "config": config, **more}


def post(client, path, body=None, status=200):
    answer = client.post(f"/api/v1/{path}", json={} if body is None else body)
    assert answer.status_code == status, answer.text
    return answer.json


def crisis(client):
    rows = quiet(NOW - 1800) + burst()
    for i in range(0, len(rows), 500):
        post(client, "mentions", rows[i : i + 500], 202)


def alerts_of(client, **query):
    return client.get("/api/v1/alerts", query_string=query).json["items"]


@pytest.fixture
def fired(stage):
    service, client = stage
    crisis(client)
    assert service.worker().once() is True
    (alert,) = alerts_of(client)
    return service, client, alert


def test_a_spike_that_is_sent_in_arrives_signed_at_the_receiver(fired, receiver):
    _, client, alert = fired
    messages = [json.loads(received.body) for received in receiver.received]
    (message,) = [m for m in messages if m["id"] == alert["id"]]
    assert all(received.verified_by(SECRET) for received in receiver.received)
    assert (message["type"], message["brand"]["name"]) == ("alert.firing", "星途")
    assert message["alert"]["level"] == alert["level"]
    assert message["url"] == f"https://tingfeng.example/#/alerts/{alert['id']}"
    detail = client.get(f"/api/v1/alerts/{alert['id']}").json
    (delivery,) = detail["deliveries"]
    assert (delivery["state"], delivery["channel"], delivery["last_error"]) == (
        "sent",
        "duty",
        None,
    )
    ids = {received.headers["webhook-id"] for received in receiver.received}
    assert delivery["id"] in ids
    assert len(ids) == len(receiver.received)
    assert [event["action"] for event in detail["timeline"]] == ["fired"]


def test_nothing_is_sent_twice(fired, receiver):
    service, _, _ = fired
    n = len(receiver.received)
    service.worker().once()
    assert len(receiver.received) == n


def test_a_receiver_that_was_down_gets_the_same_message_later(stage, receiver, clock):
    service, client = stage
    receiver._script.appendleft(Say(503))
    crisis(client)
    worker = service.worker()
    worker.once()
    (alert,) = alerts_of(client)
    path = f"/api/v1/alerts/{alert['id']}"
    (delivery,) = client.get(path).json["deliveries"]
    assert (delivery["state"], delivery["attempts"]) == ("pending", 1)
    assert "503" in delivery["last_error"]
    clock.now += 60
    worker.once()
    (after,) = client.get(path).json["deliveries"]
    assert (after["id"], after["state"]) == (delivery["id"], "sent")
    assert [r.headers["webhook-id"] for r in receiver.received] == [delivery["id"]] * 2


def test_the_overview_counts_what_is_open(fired):
    _, client, alert = fired
    (card,) = client.get("/api/v1/overview").json["brands"]
    assert card["open_alerts"] >= 1
    assert card["level"] in ("yellow", "orange", "red")
    assert card["indices"]["crisis_index"]["value"] >= alert["crisis_index"]


def test_people_acknowledge_assign_note_and_resolve(fired, receiver, clock):
    service, client, alert = fired
    path = f"alerts/{alert['id']}"
    clock.now += 60
    assert post(client, f"{path}/acknowledge", {"note": "在看"})["state"] == "acknowledged"
    assert post(client, f"{path}/assign", {"assignee": "小李"})["assignee"] == "小李"
    post(client, f"{path}/note", {"note": "联系了门店"})
    clock.now += 60
    done = post(client, f"{path}/resolve", {"note": "已回应"})
    assert (done["state"], done["acknowledged_at"]) == ("resolved", "2026-11-22T00:01:00Z")
    timeline = client.get(f"/api/v1/{path}").json["timeline"]
    assert [(e["actor"], e["action"], e["note"]) for e in timeline[1:]] == [
        ("小王", "acknowledged", "在看"),
        ("小王", "assigned", "小李"),
        ("小王", "noted", "联系了门店"),
        ("小王", "resolved", "已回应"),
    ]
    service.worker().once()
    kinds = [json.loads(r.body)["type"] for r in receiver.received]
    assert kinds.count("alert.acknowledged") == kinds.count("alert.resolved") == 1


def test_a_step_that_the_state_does_not_allow_is_a_conflict(fired):
    _, client, alert = fired
    path = f"alerts/{alert['id']}"
    post(client, f"{path}/acknowledge")
    assert post(client, f"{path}/acknowledge", status=409)["code"] == "conflict"
    post(client, f"{path}/resolve")
    for action, body in (("acknowledge", {}), ("resolve", {}), ("assign", {"assignee": "谁"})):
        assert post(client, f"{path}/{action}", body, status=409)["code"] == "conflict"
    post(client, f"{path}/note", {"note": "事后补记"})


def test_alerts_are_filtered_and_paged(fired):
    _, client, alert = fired
    assert alerts_of(client, brand="xingtu", state="open") == alerts_of(client, state="firing")
    assert alerts_of(client, brand="nobody") == []
    assert alerts_of(client, state="resolved") == []
    assert alerts_of(client, historical=True) == []
    assert alert["id"] in {a["id"] for a in alerts_of(client, level=alert["level"])}
    seen, cursor = [], None
    while True:
        query = {"limit": 1, **({"cursor": cursor} if cursor else {})}
        page = client.get("/api/v1/alerts", query_string=query).json
        seen += [a["id"] for a in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert sorted(seen) == sorted({a["id"] for a in alerts_of(client)})


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"enabled": False}, False),
        ({"brands": ["other"]}, False),
        ({"brands": ["xingtu"]}, True),
        ({"min_level": "blue"}, True),
        ({"language": "en"}, True),
    ],
)
def test_a_channel_hears_what_it_wants_to(stage, receiver, change, told):
    service, client = stage
    answer = client.patch("/api/v1/channels/duty", json=change)
    assert answer.status_code == 200, answer.text
    crisis(client)
    service.worker().once()
    assert bool(receiver.received) is told
    if told and "language" in change:
        assert json.loads(receiver.received[0].body)["language"] == "en"


def test_a_channel_can_be_tried_and_never_shows_its_secret(stage, receiver):
    _, client = stage
    assert post(client, "channels/duty/test") == {"sent": True, "error": None}
    assert json.loads(receiver.received[0].body)["type"] == "test"
    shown = client.get("/api/v1/channels").text + client.get("/api/v1/channels/duty").text
    assert SECRET not in shown
    assert receiver.address not in shown
    assert '"configured":["secret","url"]' in shown.replace(" ", "").replace("\n", "")


@pytest.mark.parametrize("url", ["http://10.0.0.1/", "http://169.254.169.254/", "ftp://x/", "x"])
def test_a_channel_to_an_inner_address_is_refused(stage, url):
    _, client = stage
    config = {"url": url, "secret": SECRET}
    body = {"id": "x", "kind": "webhook", "name": "x", "config": config}
    assert post(client, "channels", body, 422)["field"] == "url"
    assert client.patch("/api/v1/channels/duty", json={"config": config}).status_code == 422


def test_a_deleted_channel_leaves_its_message_as_a_dead_letter(stage, clock):
    service, client = stage
    crisis(client)
    service.watcher.look(clock.now)
    assert client.delete("/api/v1/channels/duty").status_code == 204
    service.worker().once()
    (alert,) = alerts_of(client)
    (delivery,) = client.get(f"/api/v1/alerts/{alert['id']}").json["deliveries"]
    assert delivery["state"] == "dead"
    assert delivery["last_error"]


def test_of_two_workers_one_leads_until_it_steps_down_or_dies(stage, make_service, clock):
    service, _ = stage
    first, second = service.worker(), make_service().worker()
    assert (first.once(), second.once()) == (True, False)
    clock.now += LEADER_SECONDS - 1
    assert (second.once(), first.once()) == (False, True)
    clock.now += LEADER_SECONDS
    assert (second.once(), first.once()) == (True, False)
    second.step_down()
    assert first.once() is True


def test_a_worker_that_runs_stops_when_it_is_told(stage):
    service, _ = stage
    worker = service.worker()
    worker.stop()
    worker.run()
    assert service.worker().once() is True
