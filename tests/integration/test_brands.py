import threading
from dataclasses import replace

import pytest

from tests import recount
from tests.rows import BAD, GOOD, HOUR, NOW, brand, burst, quiet, row


@pytest.fixture
def ask(client):
    def ask(method, path="", body=None, status=200):
        answer = client.open(f"/api/v1/brands{path}", method=method, json=body)
        assert answer.status_code == status, answer.text
        return answer.json

    return ask


def test_a_brand_is_added_read_changed_and_deleted(ask, clock):
    given = brand(aliases=["XT", "星途", "XT"], exclude=["星途旅行社"], competitors=["a", "xingtu"])
    made = ask("POST", body=given, status=201)
    assert made == {
        "id": "xingtu",
        "name": "星途",
        "aliases": ["XT", "星途"],
        "exclude": ["星途旅行社"],
        "competitors": ["a"],
        "timezone": "Asia/Shanghai",
        "aspects": [],
        "created_at": "2026-11-22T00:00:00Z",
        "updated_at": "2026-11-22T00:00:00Z",
    }
    assert ask("GET", "/xingtu") == made
    assert ask("GET") == {"items": [made]}
    clock.now += HOUR
    change = {"name": "星途汽车", "exclude": [], "competitors": ["b", "b", "xingtu"]}
    changed = ask("PATCH", "/xingtu", change)
    assert changed == made | {
        "name": "星途汽车",
        "exclude": [],
        "competitors": ["b"],
        "updated_at": "2026-11-22T01:00:00Z",
    }
    ask("DELETE", "/xingtu", status=204)
    ask("GET", "/xingtu", status=404)
    assert ask("GET") == {"items": []}


def test_an_id_is_taken_only_once(ask):
    ask("POST", body=brand(), status=201)
    assert ask("POST", body=brand(name="别的"), status=409)["code"] == "conflict"
    assert ask("GET", "/xingtu")["name"] == "星途"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"id": "星途"}, "id"),
        ({"id": "A"}, "id"),
        ({"id": "x" * 65}, "id"),
        ({"id": None}, "id"),
        ({"name": "  "}, "name"),
        ({"name": "x" * 129}, "name"),
        ({"aliases": [""]}, "aliases.0"),
        ({"aliases": ["x"] * 201}, "aliases"),
        ({"timezone": "Asia/Peking"}, "timezone"),
        ({"created_at": 5}, "created_at"),
    ],
)
def test_a_brand_that_makes_no_sense_is_refused_with_its_field(ask, change, field):
    assert ask("POST", body=brand() | change, status=422)["field"] == field
    assert ask("GET") == {"items": []}


def test_a_change_of_nothing_known_is_refused(ask):
    ask("POST", body=brand(), status=201)
    assert ask("PATCH", "/xingtu", {"id": "other"}, 422)["field"] == "id"


def test_a_change_concerns_what_comes_later_only(ask, client):
    ask("POST", body=brand(), status=201)
    client.post("/api/v1/mentions", json=[row(GOOD, id="a"), row("晨光不错", id="b")])
    ask("PATCH", "/xingtu", {"name": "晨光"})
    client.post("/api/v1/mentions", json=[row(BAD, id="c"), row("晨光也行", id="d")])
    items = client.get("/api/v1/brands/xingtu/mentions").json["items"]
    assert sorted(item["native_id"] for item in items) == ["a", "d"]


def test_deleting_a_brand_keeps_the_mentions_and_nothing_else(ask, client, service, clock):
    ask("POST", body=brand(), status=201)
    ask("POST", body=brand("lanhai", "蓝海"), status=201)
    rows = [*quiet(NOW - 1800), *burst(), row("星途和蓝海")]
    for i in range(0, len(rows), 500):
        client.post("/api/v1/mentions", json=rows[i : i + 500])
    service.watcher.look(NOW)
    assert client.get("/api/v1/alerts").json["items"]
    ask("DELETE", "/xingtu", status=204)
    assert client.get("/api/v1/alerts").json["items"] == []
    assert service.store.mentions.count() == len(rows)
    path = service.settings.database_url.removeprefix("sqlite:///")
    assert {r["brand_id"] for r in recount.readings(path)} == {"lanhai"}
    recount.assert_sums_are_true(path)
    ask("POST", body=brand(), status=201)
    volume = client.get("/api/v1/brands/xingtu/indices").json["indices"]["volume"]
    assert volume["value"] == 0


def test_two_changes_at_once_both_last(ask, service, clock):
    ask("POST", body=brand(), status=201)
    brands = service.store.brands
    both = threading.Barrier(2)

    def renamed(held):
        both.wait(10)
        return replace(held, name="星途汽车")

    first = threading.Thread(target=brands.change, args=("xingtu", renamed))
    first.start()
    both.wait(10)
    # The first change holds the brand as it was and is not written yet.
    brands.change("xingtu", lambda held: replace(held, aliases=("XT",)))
    first.join(10)
    held = ask("GET", "/xingtu")
    assert (held["name"], held["aliases"]) == ("星途汽车", ["XT"])


def test_a_change_reads_the_brand_as_it_is_when_it_is_written(ask, service, monkeypatch):
    ask("POST", body=brand(), status=201)
    change = service.store.brands.change

    def late(self, brand_id, step):
        change(brand_id, lambda held: replace(held, aliases=("XT",)))
        return change(brand_id, step)

    monkeypatch.setattr(type(service.store.brands), "change", late)
    changed = ask("PATCH", "/xingtu", {"name": "星途汽车"})
    assert (changed["name"], changed["aliases"]) == ("星途汽车", ["XT"])


def test_a_brand_whose_name_it_excludes_itself_is_refused(ask):
    excluded = ask("POST", body=brand(exclude=["星"]), status=422)
    assert excluded["field"] == "exclude"
    ask("POST", body=brand(exclude=["旅行社"]), status=201)
    assert ask("PATCH", "/xingtu", {"name": "星途旅行社"}, 422)["field"] == "exclude"
    assert ask("PATCH", "/xingtu", {"aliases": ["\u200b"]}, 422)["field"] == "aliases.0"
    assert ask("GET", "/xingtu")["name"] == "星途"
