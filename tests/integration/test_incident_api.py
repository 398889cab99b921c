"""Over HTTP: incidents, silences, the routing tree, messages, exercises, the link in a message."""

from __future__ import annotations

import json
import re

import pytest

from monitor import incidents, routing
from monitor.domain import RULES, Brand, Channel, Delivery
from tests import cases
from tests.conftest import ROOT
from tests.rows import DAY, HOUR, NOW

API = "/api/v1"
CONFIG = {"url": "https://example.com/hook", "secret": "whsec_" + "c" * 32}
DUTY = Channel("duty", "webhook", "值班群", CONFIG)
BOSS = Channel("boss", "webhook", "负责人", CONFIG)


@pytest.fixture
def service(make_service, clock):
    made = make_service(public_url="https://tingfeng.example")
    for identifier, name in (("xingtu", "星途"), ("lanhai", "蓝海")):
        made.store.brands.add(Brand(identifier, name, created_at=NOW - 2 * DAY))
    for channel in (DUTY, BOSS):
        made.store.channels.add(channel, NOW)
    return made


@pytest.fixture
def opened(service):
    """Open an incident of one alert; gives its address."""

    def opened(level="orange", series="xingtu", now=NOW, **more):
        change = incidents.begin(cases.alert(level, now, series=series, **more), now)
        assert service.room.open(change, now) is not None
        return f"{API}/incidents/{change.case.incident.id}"

    return opened


def good(answer, status=200):
    assert answer.status_code == status, answer.text
    return answer.json


def refused(answer, status, field=None):
    assert answer.status_code == status, answer.text
    assert answer.content_type == "application/problem+json"
    assert field is None or answer.json["field"] == field
    return answer.json


def post(client, path, status=200, **body):
    return good(client.post(path, json=body), status)


def put(client, tree):
    return client.put(f"{API}/routing", json=tree)


def ids(client, **query):
    return [i["id"] for i in good(client.get(f"{API}/incidents", query_string=query))["items"]]


def name_of(path):
    return path.rpartition("/")[2]


# -- incidents -------------------------------------------------------------------------------------


def test_an_incident_shows_its_alerts_timeline_messages_and_who_was_told(client, opened):
    found = good(client.get(opened()))
    assert (found["brand"], found["state"], found["level"], found["tier"]) == (
        "xingtu",
        "firing",
        "orange",
        0,
    )
    assert found["due_at"] == "2026-11-22T01:00:00Z"
    (alert,) = found["alerts"]
    assert (alert["id"], alert["incident_id"]) == (found["lead"], found["id"])
    assert [event["action"] for event in found["timeline"]] == ["fired"]
    assert {(d["channel"], d["state"]) for d in found["deliveries"]} == {
        ("duty", "pending"),
        ("boss", "pending"),
    }
    assert {(t["channel"], t["channel_name"], t["level"]) for t in found["told"]} == {
        ("duty", "值班群", "orange"),
        ("boss", "负责人", "orange"),
    }


def test_an_incident_is_taken_on_worked_on_ended_and_opened_again(client, opened, clock):
    path = opened()
    steps = [
        ("assign", {"assignee": "小李"}, "firing"),
        ("acknowledge", {"note": "在看"}, "acknowledged"),
        ("mitigate", {}, "mitigating"),
        ("note", {"note": "联系了门店"}, "mitigating"),
        ("resolve", {"note": "已回应"}, "resolved"),
        ("reopen", {}, "firing"),
        ("dismiss", {"reason": "水军刷屏"}, "dismissed"),
    ]
    for action, body, state in steps:
        clock.now += 60
        assert post(client, f"{path}/{action}", **body)["state"] == state
    found = good(client.get(path))
    assert (found["reason"], found["assignee"]) == ("水军刷屏", "小李")
    assert [(e["action"], e["note"]) for e in found["timeline"][1:]] == [
        ("assigned", "小李"),
        ("acknowledged", "在看"),
        ("mitigating", ""),
        ("noted", "联系了门店"),
        ("resolved", "已回应"),
        ("reopened", ""),
        ("dismissed", "水军刷屏"),
    ]
    assert {e["actor"] for e in found["timeline"][1:]} == {"测试密钥"}
    duty = [d["event"] for d in found["deliveries"] if d["channel"] == "duty"]
    assert duty == [
        "alert.firing",
        "alert.acknowledged",
        "alert.resolved",
        "alert.reopened",
        "alert.dismissed",
    ]


@pytest.mark.parametrize(
    ("before", "action", "body"),
    [
        (["acknowledge"], "acknowledge", {}),
        (["mitigate"], "acknowledge", {}),
        (["mitigate"], "mitigate", {}),
        (["resolve"], "resolve", {}),
        (["resolve"], "mitigate", {}),
        (["resolve"], "dismiss", {"reason": "误报"}),
        (["resolve"], "assign", {"assignee": "谁"}),
        ([], "reopen", {}),
        ([], "merge", {"incident": "itself"}),
    ],
)
def test_a_step_that_the_state_does_not_allow_is_a_conflict(client, opened, before, action, body):
    path = opened()
    for earlier in before:
        post(client, f"{path}/{earlier}")
    if action == "merge":
        body = {"incident": name_of(path)}
    held = good(client.get(path))
    assert refused(client.post(f"{path}/{action}", json=body), 409)["code"] == "conflict"
    assert good(client.get(path)) == held


@pytest.mark.parametrize(
    ("action", "body", "field"),
    [
        ("dismiss", {}, "reason"),
        ("dismiss", {"reason": "  "}, "reason"),
        ("note", {"note": ""}, "note"),
        ("assign", {}, "assignee"),
        ("merge", {}, "incident"),
        ("merge", {"incident": "../x"}, "incident"),
        ("acknowledge", {"note": 5}, "note"),
        ("resolve", {"note": "长" * 2001}, "note"),
    ],
)
def test_a_body_that_does_not_fit_is_refused_by_its_field(client, opened, action, body, field):
    path = opened()
    refused(client.post(f"{path}/{action}", json=body), 422, field)
    assert good(client.get(path))["state"] == "firing"


def test_incidents_are_merged_and_the_link_to_the_other_leads_on(client, opened):
    kept, gone = opened("yellow"), opened("red", rule="risk", topic="fire")
    merged = post(client, f"{kept}/merge", incident=name_of(gone))
    assert (merged["level"], merged["topic"]) == ("red", "fire")
    assert len(good(client.get(kept))["alerts"]) == 2
    other = good(client.get(gone))
    assert (other["state"], other["merged_into"]) == ("resolved", merged["id"])
    refused(client.post(f"{gone}/reopen", json={}), 409)


@pytest.mark.parametrize("series", ["lanhai", "xingtu"])
def test_only_two_incidents_of_one_brand_are_merged(client, opened, series):
    one, other = opened(), opened(series=series, rule="risk", topic="fire")
    answer = client.post(f"{one}/merge", json={"incident": name_of(other)})
    assert answer.status_code == (200 if series == "xingtu" else 409)
    refused(client.post(f"{one}/merge", json={"incident": "in_nothing"}), 404)


def test_incidents_are_filtered_and_paged(client, opened, clock):
    paths = [
        opened("blue"),
        opened("red", rule="risk", topic="fire"),
        opened("orange", series="lanhai"),
    ]
    names = [name_of(path) for path in paths]
    post(client, f"{paths[0]}/resolve")
    practice = post(client, f"{API}/drills", 201, brand="lanhai", level="blue")["id"]
    assert set(ids(client)) == {*names, practice}
    assert ids(client, state="resolved") == [names[0]]
    assert set(ids(client, state="open")) == {*names[1:], practice}
    assert ids(client, level="red") == [names[1]]
    assert ids(client, drill=True) == [practice]
    assert set(ids(client, brand="lanhai")) == {names[2], practice}
    assert ids(client, historical=True) == []
    seen, cursor = [], None
    while True:
        query = {"limit": 1} | ({"cursor": cursor} if cursor else {})
        page = good(client.get(f"{API}/incidents", query_string=query))
        seen += [item["id"] for item in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert sorted(seen) == sorted([*names, practice])


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("state=burning", "state"),
        ("level=none", "level"),
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("cursor=x", "cursor"),
        ("cursor=1_'", "cursor"),
        ("drill=maybe", "drill"),
    ],
)
def test_a_query_that_does_not_fit_is_refused(client, query, field):
    refused(client.get(f"{API}/incidents?{query}"), 422, field)


# -- exercises -------------------------------------------------------------------------------------


def test_an_exercise_goes_the_real_way_and_says_that_it_is_one(client, service, clock):
    begun = post(client, f"{API}/drills", 201, brand="xingtu", note="季度演练")
    path = f"{API}/incidents/{begun['id']}"
    assert (begun["drill"], begun["level"], begun["state"]) == (True, "orange", "firing")
    assert len({d["channel"] for d in good(client.get(path))["deliveries"]}) == 2
    assert all(d.payload["drill"] is True for d in service.store.outbox.of_incident(begun["id"]))
    assert [e["note"] for e in good(client.get(path))["timeline"] if e["action"] == "noted"] == [
        "季度演练"
    ]
    clock.now += HOUR
    service.room.pass_time(clock.now)
    assert good(client.get(path))["tier"] == 1
    clock.now += 60
    post(client, f"{path}/acknowledge")
    told = good(client.get(f"{API}/drills/{begun['id']}"))
    assert told["seconds"] == {
        "clock": HOUR,
        "acknowledged": HOUR + 60,
        "mitigating": None,
        "resolved": None,
    }
    assert {m["event"] for m in told["messages"]} == {
        "alert.firing",
        "alert.overdue",
        "alert.acknowledged",
    }
    statistics = good(client.get(f"{API}/statistics"))
    assert statistics["n"] == 0


def test_what_is_no_exercise_has_no_report(client, make_client, opened):
    refused(client.get(f"{API}/drills/{name_of(opened())}"), 404)
    theirs = post(client, f"{API}/drills", 201, brand="lanhai")["id"]
    refused(make_client("read", brands=["xingtu"]).get(f"{API}/drills/{theirs}"), 404)


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({}, 422, "brand"),
        ({"brand": "nobody"}, 404, None),
        ({"brand": "xingtu", "level": "none"}, 422, "level"),
        ({"brand": "xingtu", "level": "purple"}, 422, "level"),
    ],
)
def test_an_exercise_of_nothing_is_refused(client, body, status, field):
    refused(client.post(f"{API}/drills", json=body), status, field)
    assert ids(client) == []


# -- its alerts ------------------------------------------------------------------------------------


def test_of_several_alerts_of_an_incident_one_speaks_and_it_counts_once(client, opened, service):
    incident = name_of(opened("red"))
    joined = cases.alert("yellow", platform="weibo")
    service.room.change(incident, lambda case: incidents.join(case, joined, NOW), NOW)

    def platforms(query):
        return [a["platform"] for a in good(client.get(f"{API}/alerts?{query}"))["items"]]

    assert platforms("lead=true") == [None]
    assert platforms("lead=false") == ["weibo"]
    assert len(platforms("state=open")) == 2
    cards = {card["id"]: card for card in good(client.get(f"{API}/overview"))["brands"]}
    assert (cards["xingtu"]["open_alerts"], cards["xingtu"]["level"]) == (1, "red")


# -- silences --------------------------------------------------------------------------------------


def quiet(client, status=201, **more):
    body = {"matchers": {"brand": ["xingtu"]}, "ends_at": NOW + HOUR, "reason": "新品发布"}
    return good(client.post(f"{API}/silences", json=body | more), status)


def test_a_silence_holds_messages_back_and_what_is_still_true_is_told_when_it_is_ended(
    client, opened, service, clock
):
    silence = quiet(client)
    assert silence["active"] is True
    path = opened("red")
    assert good(client.get(path))["deliveries"] == []
    clock.now += 600
    service.room.pass_time(clock.now)
    assert good(client.get(path))["deliveries"] == []
    ended = good(client.delete(f"{API}/silences/{silence['id']}"))
    assert (ended["active"], ended["ends_at"]) == (False, "2026-11-22T00:10:00Z")
    service.room.pass_time(clock.now)
    assert {d["event"] for d in good(client.get(path))["deliveries"]} == {"alert.firing"}
    assert [s["id"] for s in good(client.get(f"{API}/silences"))["items"]] == [silence["id"]]


def test_a_silence_of_another_brand_or_time_holds_nothing_back(client, opened):
    quiet(client, matchers={"brand": ["lanhai"]})
    quiet(client, starts_at=NOW + 60)
    quiet(client, matchers={"brand": ["xingtu"], "min_level": ["red"]})
    assert len(good(client.get(opened("orange")))["deliveries"]) == 2


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"matchers": {}}, "matchers"),
        ({"matchers": {"min_level": ["blue"]}}, "matchers"),
        ({"matchers": {"level": ["red", "orange", "yellow", "blue"]}}, "matchers"),
        ({"matchers": {"rule": list(RULES), "min_level": ["blue"]}}, "matchers"),
        ({"matchers": {"colour": ["red"]}}, "matchers.colour"),
        ({"matchers": {"brand": []}}, "matchers.brand"),
        ({"matchers": {"level": ["purple"]}}, "matchers.level.0"),
        ({"matchers": {"rule": ["weather"]}}, "matchers.rule"),
        ({"ends_at": NOW}, "ends_at"),
        ({"ends_at": NOW - 60, "starts_at": NOW - 120}, "ends_at"),
        ({"ends_at": NOW + 60, "starts_at": NOW + 120}, "ends_at"),
        ({"ends_at": NOW + 91 * DAY}, "ends_at"),
        ({"reason": ""}, "reason"),
        ({"reason": " "}, "reason"),
        ({"ends_at": "昨天"}, "ends_at"),
    ],
)
def test_a_silence_that_makes_no_sense_is_refused_by_its_field(client, change, field):
    body = {"matchers": {"brand": ["xingtu"]}, "ends_at": NOW + HOUR, "reason": "原因"} | change
    refused(client.post(f"{API}/silences", json=body), 422, field)
    assert good(client.get(f"{API}/silences"))["items"] == []


def test_a_key_of_one_brand_silences_and_sees_its_own_brand_only(client, make_client):
    limited = make_client("manage", brands=["xingtu"])
    theirs = quiet(client, matchers={"brand": ["lanhai"]})
    everybodys = quiet(client, matchers={"level": ["blue"]})
    mine = quiet(limited)
    assert [s["id"] for s in good(limited.get(f"{API}/silences"))["items"]] == [mine["id"]]
    for matchers in ({"level": ["blue"]}, {"brand": ["xingtu", "lanhai"]}):
        body = {"matchers": matchers, "ends_at": NOW + HOUR, "reason": "原因"}
        refused(limited.post(f"{API}/silences", json=body), 422, "matchers.brand")
    for hidden in (theirs["id"], everybodys["id"], "si_nothing"):
        refused(limited.delete(f"{API}/silences/{hidden}"), 404)
    assert len(good(client.get(f"{API}/silences"))["items"]) == 3


def test_one_incident_is_silenced_alone(client, make_client, opened):
    mine, other = opened("red"), opened("red", series="lanhai")
    silence = quiet(client, matchers={}, incident=name_of(mine))
    assert silence["incident"] == name_of(mine)
    for path, news in ((mine, []), (other, ["alert.resolved"] * 2)):
        good(client.post(f"{path}/resolve", json={}))
        told = [d["event"] for d in good(client.get(path))["deliveries"]]
        assert [event for event in told if event != "alert.firing"] == news
    limited = make_client("manage", brands=["lanhai"])
    assert good(limited.get(f"{API}/silences"))["items"] == []
    refused(limited.delete(f"{API}/silences/{silence['id']}"), 404)
    body = {"incident": name_of(mine), "ends_at": NOW + HOUR, "reason": "原因"}
    refused(limited.post(f"{API}/silences", json=body), 404)
    refused(client.post(f"{API}/silences", json=body | {"incident": "in_none"}), 404)


def test_a_key_of_one_brand_sees_its_silences_behind_any_number_of_others(
    client, make_client, monkeypatch
):
    monkeypatch.setattr("api.silences._LISTED", 2)
    limited = make_client("manage", brands=["xingtu"])
    mine = quiet(limited)
    for minutes in range(3):
        quiet(client, matchers={"brand": ["lanhai"]}, ends_at=NOW + HOUR + 60 + minutes)
    assert [s["id"] for s in good(limited.get(f"{API}/silences"))["items"]] == [mine["id"]]
    assert len(good(client.get(f"{API}/silences"))["items"]) == 2


# -- the routing tree ------------------------------------------------------------------------------

TREE = {
    "root": {
        "channels": ["duty"],
        "routes": [
            {"match": {"brand": ["lanhai"]}, "channels": ["boss"], "mute": ["night"]},
            {"match": {"min_level": ["orange"]}, "escalate": [["boss"]]},
        ],
    },
    "windows": {"night": {"hours": "22:00-08:00"}},
}


def test_the_empty_tree_tells_everybody_until_another_is_put(client):
    assert good(client.get(f"{API}/routing")) == {"root": {}, "windows": {}}
    assert good(put(client, TREE)) == TREE
    assert good(client.get(f"{API}/routing")) == TREE
    assert good(put(client, {})) == {"root": {}, "windows": {}}


def test_the_tree_decides_who_is_told_and_who_is_told_when_nobody_answers(
    client, opened, service, clock
):
    good(put(client, TREE))
    path = opened("orange")
    assert [d["channel"] for d in good(client.get(path))["deliveries"]] == ["duty"]
    clock.now += HOUR
    service.room.pass_time(clock.now)
    assert {(d["channel"], d["event"]) for d in good(client.get(path))["deliveries"][1:]} == {
        ("duty", "alert.overdue"),
        ("boss", "alert.overdue"),
    }


def test_a_new_tree_reaches_incidents_that_are_open(client, opened, service, clock):
    good(put(client, {"root": {"channels": ["duty"]}}))
    path = opened("orange")
    good(put(client, {"root": {"channels": ["duty", "boss"]}}))
    service.room.pass_time(clock.now)
    assert {d["channel"] for d in good(client.get(path))["deliveries"]} == {"duty", "boss"}


def nested(depth):
    route = {}
    for _ in range(depth):
        route = {"routes": [route]}
    return route


WRONG_TREES = {
    "a match at the root": ({"root": {"match": {"brand": ["x"]}}}, "root.match"),
    "an unknown key": ({"root": {"chanels": []}}, "root.chanels"),
    "an unknown key below": (
        {"root": {"routes": [{}, {"matches": {}}]}},
        "root.routes[1].matches",
    ),
    "no such channel": ({"root": {"routes": [{"channels": ["x"]}]}}, "root.routes[0].channels"),
    "no such channel to escalate to": ({"root": {"escalate": [["duty"], ["x"]]}}, "escalate[1]"),
    "no such window": ({"root": {"mute": ["night"]}}, "root.mute"),
    "no such field": (
        {"root": {"routes": [{"match": {"colour": ["x"]}}]}},
        "root.routes[0].match.colour",
    ),
    "no such level": (
        {"root": {"routes": [{"match": {"level": ["x"]}}]}},
        "root.routes[0].match.level",
    ),
    "a match of nothing": (
        {"root": {"routes": [{"match": {"brand": []}}]}},
        "root.routes[0].match.brand",
    ),
    "minutes below 0": ({"root": {"wait_minutes": -1}}, "root.wait_minutes"),
    "minutes beyond a week": ({"root": {"repeat_minutes": 10_081}}, "root.repeat_minutes"),
    "minutes that are none": ({"root": {"wait_minutes": "5"}}, "root.wait_minutes"),
    "hours that are none": ({"windows": {"n": {"hours": "22-8"}}}, "windows.n"),
    "a day that is none": ({"windows": {"n": {"first_day": "2026-02-30"}}}, "windows.n"),
    "a weekday that is none": ({"windows": {"n": {"weekdays": [0]}}}, "windows.n"),
    "a place that is none": ({"windows": {"n": {"timezone": "Mars/Base"}}}, "windows.n"),
    "a place outside": ({"windows": {"n": {"timezone": "../../etc/passwd"}}}, "windows.n"),
    "too deep": ({"root": nested(10)}, "root" + ".routes[0]" * 10),
    "too many": ({"root": {"routes": [{}] * 500}}, "root.routes[0]"),
    "a list for a tree": ({"root": []}, "root"),
    "a key nobody knows": ({"tree": {}}, "tree"),
}


@pytest.mark.parametrize(("tree", "field"), WRONG_TREES.values(), ids=WRONG_TREES.keys())
def test_a_wrong_tree_is_refused_by_the_path_of_what_is_wrong(client, tree, field):
    good(put(client, TREE))
    told = refused(put(client, tree), 422)
    assert told["field"].endswith(field), told
    assert good(client.get(f"{API}/routing")) == TREE


def heard(client, **supposed):
    answer = client.post(f"{API}/routing/preview", json={"brand": "xingtu", **supposed})
    return [(c["channel"], c["tier"], c["quiet"]) for c in good(answer)["channels"]]


def test_a_look_ahead_says_who_would_hear_and_when(client):
    assert heard(client, level="blue") == [("boss", 0, False), ("duty", 0, False)]
    good(put(client, TREE))
    night = "2026-11-22T23:00:00+08:00"
    assert heard(client, level="blue") == [("duty", 0, False)]
    assert heard(client, level="red") == [("duty", 0, False), ("boss", 1, False)]
    assert heard(client, brand="lanhai", level="orange", at=night) == [("boss", 0, True)]
    assert heard(client, brand="lanhai", level="red", at=night) == [("boss", 0, False)]
    for route in ({"rule": ["topic"]}, {"platform": ["weibo"]}, {"aspect": ["价格"]}):
        tree = {"root": {"channels": ["duty"], "routes": [{"match": route, "channels": ["boss"]}]}}
        good(put(client, tree))
        ((name, (value,)),) = route.items()
        assert heard(client, level="blue", **{name: value}) == [("boss", 0, False)]
        assert heard(client, level="blue") == [("duty", 0, False)]


def test_a_look_ahead_names_the_earliest_tier_of_a_channel_that_two_routes_lead_to(client):
    routes = [
        {"channels": ["duty"], "escalate": [["boss"]], "go_on": True},
        {"channels": ["boss"]},
    ]
    good(put(client, {"root": {"routes": routes}}))
    assert heard(client, level="blue") == [("boss", 0, False), ("duty", 0, False)]


def test_a_look_ahead_knows_that_red_is_always_heard(client):
    good(put(client, {"root": {"channels": []}}))
    assert heard(client, level="orange") == []
    assert heard(client, level="red") == [("boss", 0, False), ("duty", 0, False)]


def test_a_look_ahead_leaves_out_who_does_not_want_to_hear(client):
    good(client.patch(f"{API}/channels/duty", json={"min_level": "red"}))
    good(client.patch(f"{API}/channels/boss", json={"brands": ["lanhai"]}))
    assert heard(client, level="orange") == []
    assert heard(client, level="red") == [("duty", 0, False)]
    refused(client.post(f"{API}/routing/preview", json={"brand": "xingtu"}), 422, "level")


def test_the_worked_examples_of_the_guide_do_what_it_says(client, service):
    guide = (ROOT / "docs" / "alerting.md").read_text(encoding="utf-8")
    quiet, teams, told = map(json.loads, re.findall(r"```json\n(.*?)```", guide, re.DOTALL))
    named = {name for tree in (quiet, teams) for name in routing.named_channels(routing.read(tree))}
    for name in named - {"duty"}:
        service.store.channels.add(Channel(name, "webhook", name, CONFIG), NOW)
    good(put(client, quiet))
    saturday = "2026-12-05T12:00:00+08:00"
    assert heard(client, level="blue", at=saturday) == [
        ("duty", 0, True),
        ("lead", 1, True),
        ("executives", 2, True),
    ]
    assert not any(quiet for _, _, quiet in heard(client, level="red", at=saturday))
    good(put(client, teams))
    night = {"brand": "moyu", "level": "orange", "at": "2026-12-01T23:00:00+08:00"}
    looked = client.post(f"{API}/routing/preview", json={**night, "platform": "weibo"})
    assert good(looked) == told
    danger = {"rule": "risk", "topic": "food_safety", "level": "red"}
    assert heard(client, brand="lanhai", **danger) == [
        ("lanhai-team", 0, False),
        ("safety", 0, False),
    ]
    assert heard(client, brand="xingtu", level="red") == [("duty", 0, False)]
    assert heard(client, rule="no_data", level="blue", at=night["at"]) == [("collectors", 0, True)]


# -- messages --------------------------------------------------------------------------------------


@pytest.fixture
def dead(service, opened):
    """A dead letter; gives its id."""
    opened()
    store, found = service.store.outbox, []
    for message in store.claim("me", NOW, 60, 8):
        if message.channel_id == "duty":
            store.failed(message.id, NOW, "me", "机器人已停用", None)
            found.append(message.id)
        else:
            store.sent(message.id, NOW, "me")
    return found[0]


def test_a_dead_letter_is_found_and_sent_again_with_the_same_id(client, service, dead, clock):
    page = good(client.get(f"{API}/deliveries?state=dead"))
    (letter,) = page["items"]
    assert (letter["id"], letter["channel_name"], letter["last_error"]) == (
        dead,
        "值班群",
        "机器人已停用",
    )
    clock.now += DAY
    again = post(client, f"{API}/deliveries/{dead}/replay")
    assert (again["id"], again["state"], again["attempts"]) == (dead, "pending", 0)
    assert [d.id for d in service.store.outbox.claim("me", clock.now, 60, 8)] == [dead]
    assert good(client.get(f"{API}/deliveries?state=dead"))["items"] == []


def test_only_a_dead_letter_is_sent_again(client, service, dead):
    (sent,) = good(client.get(f"{API}/deliveries?state=sent&channel=boss"))["items"]
    refused(client.post(f"{API}/deliveries/{sent['id']}/replay"), 409)
    refused(client.post(f"{API}/deliveries/dl_nothing/replay"), 404)
    post(client, f"{API}/deliveries/{dead}/replay")
    refused(client.post(f"{API}/deliveries/{dead}/replay"), 409)


def test_messages_are_paged_and_show_no_secret(client, service, clock):
    made = [
        Delivery(f"dl_{i}", "duty", None, "alert.digest", {}, "pending", 0, NOW, NOW + i % 2)
        for i in range(5)
    ]
    service.store.outbox.add(made)
    seen, cursor = [], None
    while True:
        query = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        answer = client.get(f"{API}/deliveries", query_string=query)
        assert "example.com" not in answer.text
        seen += [item["id"] for item in good(answer)["items"]]
        cursor = answer.json["next"]
        if cursor is None:
            break
    assert sorted(seen) == [d.id for d in made]
    refused(client.get(f"{API}/deliveries?state=lost"), 422, "state")


# -- who may ---------------------------------------------------------------------------------------

ACTIONS = {
    "acknowledge": {},
    "mitigate": {},
    "resolve": {},
    "dismiss": {"reason": "误报"},
    "reopen": {},
    "assign": {"assignee": "谁"},
    "note": {"note": "看看"},
    "merge": {"incident": "in_nothing"},
}


def test_a_key_of_one_brand_neither_sees_nor_touches_incidents_of_another(
    client, make_client, opened
):
    theirs, mine = opened(series="lanhai"), opened()
    limited = make_client("manage", brands=["xingtu"])
    assert ids(limited) == [name_of(mine)]
    assert ids(limited, brand="lanhai") == []
    before = good(client.get(theirs))
    nothing = f"{API}/incidents/in_nothing"
    for action, body in ACTIONS.items():
        hidden = refused(limited.post(f"{theirs}/{action}", json=body), 404)
        none = refused(limited.post(f"{nothing}/{action}", json=body), 404)
        assert hidden["detail"].replace(name_of(theirs), "in_nothing") == none["detail"]
    for part in ("", "/tasks", "/statements", "/review", "/review.md"):
        refused(limited.get(f"{theirs}{part}"), 404)
    refused(limited.post(f"{mine}/merge", json={"incident": name_of(theirs)}), 404)
    refused(limited.post(f"{API}/drills", json={"brand": "lanhai"}), 404)
    assert good(client.get(theirs)) == before
    assert post(limited, f"{mine}/acknowledge")["state"] == "acknowledged"


def test_a_key_that_only_reads_changes_nothing(make_client, opened):
    path, reader = opened(), make_client("read")
    for action, body in ACTIONS.items():
        refused(reader.post(f"{path}/{action}", json=body), 403)
    refused(reader.post(f"{API}/drills", json={"brand": "xingtu"}), 403)
    assert good(reader.get(path))["state"] == "firing"


# -- the link in a message -------------------------------------------------------------------------


@pytest.fixture
def link(service, opened):
    """The path of the link that the duty channel was sent."""
    path = opened()
    sent = service.store.outbox.of_incident(name_of(path))
    (address,) = [d.payload["ack_url"] for d in sent if d.channel_id == "duty"]
    assert address.startswith("https://tingfeng.example/a/")
    return address.removeprefix("https://tingfeng.example")


def state(service):
    (incident,) = service.store.incidents.page(brands=None)
    return incident.state


def test_a_look_at_the_links_page_changes_nothing(anonymous, service, link):
    for _ in range(3):
        page = anonymous.get(link)
        assert (page.status_code, page.headers["Cache-Control"]) == (200, "no-store")
        assert '<form method="post">' in page.text
        assert anonymous.head(link).status_code == 200
        assert state(service) == "firing"
    assert page.headers["Referrer-Policy"] == "no-referrer"
    assert "form-action 'self'" in page.headers["Content-Security-Policy"]


def test_the_button_takes_the_incident_on_once_and_others_are_told(
    anonymous, client, service, link
):
    page = anonymous.post(link, data={"name": "  小王\n<b> "})
    assert (page.status_code, state(service)) == (200, "acknowledged")
    (incident,) = ids(client)
    found = good(client.get(f"{API}/incidents/{incident}"))
    assert (found["timeline"][-1]["actor"], found["timeline"][-1]["action"]) == (
        "小王 <b>（值班群）",
        "acknowledged",
    )
    assert {d["channel"] for d in found["deliveries"] if d["event"] == "alert.acknowledged"} == {
        "duty",
        "boss",
    }
    assert anonymous.post(link).status_code == 409
    again = anonymous.get(link)
    assert (again.status_code, '<form method="post">' in again.text) == (410, False)
    assert "<b>" not in page.text + again.text
    assert len(good(client.get(f"{API}/incidents/{incident}"))["timeline"]) == 2


def test_a_brands_name_stays_text_on_the_links_page(anonymous, client, link):
    name = "星途<img src=x onerror=alert(1)>"
    good(client.patch(f"{API}/brands/xingtu", json={"name": name}))
    page = anonymous.get(link).text
    assert "&lt;img src=x onerror=alert(1)&gt;" in page
    assert "<img" not in page


def test_who_leaves_the_name_blank_is_named_by_the_channel(anonymous, client, link):
    assert anonymous.post(link).status_code == 200
    found = good(client.get(f"{API}/incidents/{ids(client)[0]}"))
    assert found["timeline"][-1]["actor"] == "值班群"


def test_a_link_to_what_somebody_took_on_already_offers_nothing(anonymous, client, service, link):
    post(client, f"{API}/incidents/{ids(client)[0]}/acknowledge")
    page = anonymous.get(link)
    assert (page.status_code, '<form method="post">' in page.text) == (200, False)
    assert anonymous.post(link).status_code == 409
    assert state(service) == "acknowledged"


def test_a_link_that_has_ended_or_is_forged_does_nothing(anonymous, service, link, clock):
    token = link.removeprefix("/a/")
    forged = [
        token[:-1] + ("A" if token[-1] != "A" else "B"),
        re.sub(r"^.", lambda m: "a" if m[0] != "a" else "b", token),
        "x",
        "." * 50,
        "长",
        "A" * 3000,
    ]
    for wrong in forged:
        assert anonymous.get(f"/a/{wrong}").status_code == 410
        assert anonymous.post(f"/a/{wrong}").status_code == 410
    clock.now += DAY
    assert anonymous.get(link).status_code == anonymous.post(link).status_code == 410
    assert state(service) == "firing"


def test_a_link_of_another_installation_is_worth_nothing(anonymous, service, link):
    from monitor.links import Links

    stranger = Links("https://tingfeng.example", b"another pepper of thirty-two byte")
    (incident,) = service.store.incidents.page(brands=None)
    address = stranger.acknowledge(incident.id, "duty", NOW)
    path = address.removeprefix("https://tingfeng.example")
    assert anonymous.post(path).status_code == 410
    assert state(service) == "firing"


def test_a_link_to_a_brand_that_was_deleted_is_over(anonymous, service, link):
    service.store.brands.delete("xingtu")
    assert anonymous.get(link).status_code == anonymous.post(link).status_code == 410


def test_too_much_is_not_read(anonymous, service, link):
    assert anonymous.post(link, data={"name": "长" * 5000}).status_code == 413
    assert state(service) == "firing"
