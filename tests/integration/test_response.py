"""Over HTTP: checklists, statements, reviews, statistics, insights, actions and playbooks."""

from __future__ import annotations

import pytest

from monitor.domain import Brand
from monitor.errors import StoreUnavailable, UnknownThing
from monitor.incidents import Case, Change
from monitor.learning import FollowUp
from monitor.notices import Outcome
from tests.rows import DAY, GOOD, HOUR, NOW, row
from tests.unit.test_playbooks import alert, incident

SLOW = "星途的物流太慢了，等了半个月还没到，要求退款"
API = "/api/v1"


def opened(service, held=None, **more):
    """Put an incident into the store as it is."""
    held = held or incident("orange")
    lead = alert(id=held.lead, incident_id=held.id, brand=held.brand, **more)
    case = Case(held, (lead,))
    assert service.store.incidents.open(Change(case, (lead,), ()), lambda *_: Outcome())
    return f"{API}/incidents/{held.id}"


@pytest.fixture
def case(service, xingtu):
    return opened(service)


def good(answer, status=200):
    assert answer.status_code == status, answer.text
    return answer.json


def refused(answer, status, field=None):
    assert answer.status_code == status, answer.text
    assert field is None or answer.json["field"] == field
    return answer.json


# -- checklists ------------------------------------------------------------------------------------


def test_a_checklist_is_worked_off(client, case):
    items = good(client.get(f"{case}/tasks"))["items"]
    assert [item["due_at"] for item in items] == sorted(item["due_at"] for item in items)
    first = f"{case}/tasks/{items[0]['id']}"
    done = good(client.post(f"{first}/finish", json={"note": "已建群"}))
    assert (done["state"], done["done_by"], done["note"]) == ("done", "测试密钥", "已建群")
    refused(client.post(f"{first}/finish", json={}), 409)
    assert good(client.post(f"{first}/reopen"))["state"] == "open"
    assert good(client.post(f"{first}/skip", json={"note": "没有门店"}))["state"] == "skipped"
    refused(client.post(f"{case}/tasks/{items[1]['id']}/skip", json={"note": " "}), 422)


def test_people_add_steps_of_their_own(client, case, service):
    body = {"text": "联系经销商", "owner": "小王", "due_at": "2026-11-22T12:00:00+08:00"}
    task = good(client.post(f"{case}/tasks", json=body), 201)
    assert task["due_at"] == "2026-11-22T04:00:00Z"
    assert task["id"] in {item["id"] for item in good(client.get(f"{case}/tasks"))["items"]}
    over = opened(service, incident(id="in_9", lead="al_9", state="resolved", resolved_at=NOW))
    refused(client.post(f"{over}/tasks", json=body), 409)


def test_no_step_is_added_to_an_incident_that_ends_meanwhile(
    client, case, service, clock, monkeypatch
):
    before = service.store.incidents.get("in_1")
    good(client.post(f"{case}/resolve", json={}))
    monkeypatch.setattr("api.checklists.visible", lambda _: before)
    held = len(service.store.tasks.of("in_1"))
    body = {"text": "联系经销商", "owner": "小王", "due_at": "2026-11-22T12:00:00+08:00"}
    refused(client.post(f"{case}/tasks", json=body), 409)
    assert len(service.store.tasks.of("in_1")) == held


def test_a_task_of_another_incident_is_not_found(client, case, service):
    other = opened(service, incident(id="in_2", lead="al_2"))
    task = good(client.get(f"{case}/tasks"))["items"][0]["id"]
    refused(client.post(f"{other}/tasks/{task}/finish", json={}), 404)


def test_the_worker_keeps_checklists_without_anybody_asking(service, case):
    FollowUp(service.store).step(NOW + HOUR)
    assert len(service.store.tasks.of("in_1")) > 5


def test_the_worker_catches_up_with_more_than_it_does_at_once(service, xingtu):
    for i in range(45):
        opened(service, incident(id=f"in_{i}", lead=f"al_{i}"))
    follow = FollowUp(service.store)
    for _ in range(3):
        follow.step(NOW + HOUR)
    assert all(service.store.tasks.of(f"in_{i}") for i in range(45))


def test_a_clock_that_was_set_back_stops_no_checklist(service, case):
    follow = FollowUp(service.store)
    follow.step(NOW + 90 * DAY)
    held = incident(id="in_2", lead="al_2", updated_at=NOW - HOUR)
    opened(service, held)
    follow.step(NOW - HOUR + 1)
    assert service.store.tasks.of("in_2")


# -- statements ------------------------------------------------------------------------------------


def test_a_statement_goes_from_template_to_approval(client, case):
    listed = good(client.get(f"{case}/statements"))
    assert listed["items"] == []
    keys = [template["key"] for template in listed["templates"]]
    assert keys[0] == "service/service"
    draft = good(client.post(f"{case}/statements", json={"template": keys[0]}), 201)
    assert draft["state"] == "draft"
    assert "〔" in draft["text"]
    path = f"{case}/statements/{draft['id']}"
    refused(client.post(f"{path}/approve", json={}), 409)
    revised = good(client.patch(path, json={"text": "星途正在处理，今晚八点前通报。"}))
    assert revised["updated_by"] == "测试密钥"
    approved = good(client.post(f"{path}/approve", json={"note": "同意"}))
    assert (approved["state"], approved["decided_by"]) == ("approved", "测试密钥")
    refused(client.patch(path, json={"text": "偷偷改掉"}), 409)
    refused(client.post(f"{path}/reject", json={}), 409)
    timeline = good(client.get(case))["timeline"]
    assert timeline[-1]["note"].startswith("批准声明")


def test_a_decision_and_its_line_in_the_timeline_stand_or_fall_together(client, case, monkeypatch):
    key = good(client.get(f"{case}/statements"))["templates"][0]["key"]
    draft = good(client.post(f"{case}/statements", json={"template": key}), 201)
    path = f"{case}/statements/{draft['id']}"
    good(client.patch(path, json={"text": "星途正在处理，今晚八点前通报。"}))

    def torn(*_, **__):
        raise StoreUnavailable("磁盘已满 / the disk is full")

    with monkeypatch.context() as patched:
        patched.setattr("api.checklists.incidents.note", torn)
        refused(client.post(f"{path}/approve", json={}), 503)
    (held,) = good(client.get(f"{case}/statements"))["items"]
    assert held["state"] == "draft"
    good(client.post(f"{path}/approve", json={}))


@pytest.mark.parametrize("template", ["fire/product", "base/nothing"])
def test_a_statement_needs_a_template_of_the_incident(client, case, template):
    refused(client.post(f"{case}/statements", json={"template": template}), 404)


def test_an_english_statement_is_in_english(client, case):
    body = {"template": "base/holding", "language": "en"}
    assert "Since 2026-11-22" in good(client.post(f"{case}/statements", json=body), 201)["text"]


# -- reviews and statistics ------------------------------------------------------------------------


@pytest.fixture
def over(service, xingtu, clock):
    held = incident(
        "orange",
        state="resolved",
        acknowledged_at=NOW + 660,
        recovered_at=NOW + 10 * HOUR,
        resolved_at=NOW + 12 * HOUR,
    )
    path = opened(service, held, evidence={"origin": {"at": NOW - HOUR, "clusters": []}})
    clock.now = NOW + 9 * DAY
    return path


def test_the_worker_makes_the_review(client, over, service, clock):
    refused(client.get(f"{over}/review"), 404)
    FollowUp(service.store).step(clock.now)
    found = good(client.get(f"{over}/review"))
    assert (found["final"], found["first_at"]) == (True, "2026-11-21T23:00:00Z")
    assert (found["spans"]["detect"], found["spans"]["acknowledge"]) == (HOUR + 60, 600)
    assert found["spans"]["respond"] is None
    assert [part["window"]["name"] for part in found["stretches"]] == [
        "before",
        "during",
        "after_24h",
        "after_7d",
    ]


def test_a_review_takes_what_a_back_test_found(client, over):
    replays = [{"rule": "spike", "sensitivity": "keen", "first_at": NOW - 300}]
    found = good(client.post(f"{over}/review", json={"replays": replays}))
    assert found["earliest"]["gain"] == 360
    again = good(client.post(f"{over}/review", json={}))
    assert again["replays"] == found["replays"]


def test_a_review_reads_as_markdown(client, over):
    client.post(f"{over}/review", json={})
    answer = client.get(f"{over}/review.md")
    assert answer.status_code == 200
    assert answer.content_type == "text/markdown; charset=utf-8"
    assert answer.text.startswith("# 星途 事件复盘")


def test_statistics_count_what_a_key_may_see(client, make_client, over, service):
    service.store.brands.add(Brand("lanhai", "蓝海"))
    opened(service, incident(id="in_2", lead="al_2", brand="lanhai"))
    assert good(client.get(f"{API}/statistics"))["n"] == 2
    found = good(client.get(f"{API}/statistics?brand=xingtu"))
    assert (found["n"], found["acknowledge"]["median"], found["in_clock"]["value"]) == (1, 600, 1)
    limited = make_client("read", brands=["lanhai"])
    assert good(limited.get(f"{API}/statistics"))["n"] == 1
    refused(limited.get(f"{API}/statistics?brand=xingtu"), 404)


def test_statistics_are_of_five_years_at_most(client, xingtu):
    span = {"start": NOW - 5 * 365 * DAY, "end": NOW}
    good(client.get(f"{API}/statistics", query_string=span))
    refused(client.get(f"{API}/statistics", query_string=span | {"start": 0}), 422, "start")


# -- insights and actions --------------------------------------------------------------------------


@pytest.fixture
def told(service, xingtu):
    """Days of complaints about slow delivery, which stop at NOW; praise before and after."""
    rows = [row(f"{SLOW}（{i}）", NOW - 1 - i * 3 * HOUR) for i in range(40)]
    rows += [row(f"{GOOD}（{i}）", NOW - 14 * DAY + i * 2 * HOUR) for i in range(24 * 14)]
    at, service.clock.now = service.clock.now, NOW + 30 * DAY
    service.pipeline.ingest(rows)
    service.clock.now = at


def test_an_insight_becomes_an_action_whose_outcome_is_seen(client, told, clock):
    path = f"{API}/brands/xingtu"
    items = good(client.get(f"{path}/insights?start={NOW - 14 * DAY}&end={NOW}"))["items"]
    late = next(item for item in items if item["name"] == "delivery")
    assert (late["kind"], late["complaints"], late["trend"]) == ("aspect", 40, "unclear")
    body = {
        "insight": {"kind": "aspect", "name": "delivery", "start": NOW - 14 * DAY, "end": NOW},
        "text": "更换承运商",
        "owner": "物流主管",
        "due_at": NOW + 7 * DAY,
    }
    action = good(client.post(f"{path}/actions", json=body), 201)
    assert action["insight"]["complaints"] == 40
    assert action["insight"]["mentions"] == late["mentions"]
    mine = f"{path}/actions/{action['id']}"
    refused(client.get(f"{mine}/outcome"), 409)
    done = good(client.post(f"{mine}/finish", json={"told_to": ["会员短信"]}))
    assert done["done_at"] == "2026-11-22T00:00:00Z"
    assert good(client.post(f"{mine}/inform", json={"told_to": ["评论区置顶"]}))["told_to"] == [
        "会员短信",
        "评论区置顶",
    ]
    clock.now = NOW + 15 * DAY
    found = good(client.get(f"{mine}/outcome"))
    assert (found["verdict"], found["complete"]) == ("fell", True)
    assert found["change"]["high"] < 0
    assert "有所下降" in found["summary"]["zh"]
    assert good(client.get(f"{path}/actions?open=false"))["items"] == [good(client.get(mine))]
    assert good(client.get(f"{path}/actions?open=true"))["items"] == []


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"insight": {"kind": "aspect", "name": "没有这个"}}, "insight.name"),
        ({"due_at": NOW - DAY}, "due_at"),
        ({"text": " "}, "text"),
        ({"owner": "名" * 61}, "owner"),
        ({"due_at": "明天"}, "due_at"),
    ],
)
def test_a_bad_action_is_refused_naming_the_field(client, told, change, field):
    body = {
        "insight": {"kind": "aspect", "name": "delivery", "start": NOW - 14 * DAY, "end": NOW},
        "text": "更换承运商",
        "owner": "物流主管",
        "due_at": NOW + 7 * DAY,
    }
    refused(client.post(f"{API}/brands/xingtu/actions", json=body | change), 422, field)


# -- playbooks -------------------------------------------------------------------------------------

OWN = {
    "name": {"zh": "上海门店流程"},
    "classes": ["any"],
    "brands": ["xingtu"],
    "steps": [
        {
            "id": "take",
            "owner": "店长",
            "minutes": {"blue": 30},
            "text": {"zh": "店长接手"},
        }
    ],
}


def test_a_playbook_of_ones_own_holds_until_it_is_deleted(client, service, xingtu):
    put = good(client.put(f"{API}/playbooks/shanghai", json=OWN))
    assert not put["shipped"]
    held = {item["id"]: item for item in good(client.get(f"{API}/playbooks"))["items"]}
    assert held["base"]["shipped"]
    assert held["shanghai"]["steps"][0]["text"] == {"zh": "店长接手", "en": ""}
    path = opened(service)
    assert "店长接手" in [item["text"] for item in good(client.get(f"{path}/tasks"))["items"]]
    assert client.delete(f"{API}/playbooks/shanghai").status_code == 204
    refused(client.delete(f"{API}/playbooks/shanghai"), 404)


def test_a_limited_key_learns_nothing_of_other_brands_playbooks(client, make_client, xingtu):
    client.put(f"{API}/playbooks/shanghai", json=OWN | {"brands": ["xingtu", "lanhai"]})
    client.put(f"{API}/playbooks/secret", json=OWN | {"brands": ["lanhai"]})
    limited = make_client("read", brands=["xingtu"])
    held = {item["id"]: item for item in good(limited.get(f"{API}/playbooks"))["items"]}
    assert held["shanghai"]["brands"] == ["xingtu"]
    assert "secret" not in held


@pytest.mark.parametrize(
    ("name", "change", "field"),
    [
        ("own", {"steps": [{"id": "a"}]}, "steps.0.owner"),
        ("own", {"classes": ["earthquake"]}, "classes.0"),
        ("own", {"name": {}}, "name.zh"),
        ("UPPER", {}, "id"),
        (
            "own",
            {"statements": [{"id": "a", "name": {"zh": "名"}, "text": {"zh": "{quote}"}}]},
            "statements.0.text",
        ),
    ],
)
def test_a_bad_playbook_is_refused_naming_the_field(client, name, change, field):
    refused(client.put(f"{API}/playbooks/{name}", json=OWN | change), 422, field)


# -- who may see what ------------------------------------------------------------------------------


def test_a_key_for_another_brand_finds_nothing(make_client, case, told, service):
    service.store.brands.add(Brand("lanhai", "蓝海"))
    other = make_client("manage", brands=["lanhai"])
    for path in ("tasks", "statements", "review", "review.md"):
        refused(other.get(f"{case}/{path}"), 404)
    for path in ("insights", "actions", "actions/ac_1"):
        refused(other.get(f"{API}/brands/xingtu/{path}"), 404)
    body = {"text": "x", "owner": "y", "due_at": NOW + DAY}
    refused(other.post(f"{case}/tasks", json=body), 404)
    insight = {"insight": {"kind": "aspect", "name": "delivery"}}
    refused(other.post(f"{API}/brands/xingtu/actions", json=body | insight), 404)
    with pytest.raises(UnknownThing):
        service.store.reviews.get("in_1")


def test_who_may_only_read_changes_nothing(make_client, case):
    reader = make_client("read")
    assert reader.get(f"{case}/tasks").status_code == 200
    for path in ("tasks", "statements", "review"):
        refused(reader.post(f"{case}/{path}", json={}), 403)
    refused(make_client("manage").put(f"{API}/playbooks/own", json=OWN), 403)
