import json
import math

import pytest

from tests import recount
from tests.rows import BAD, BLAND, GOOD, HOUR, NOW, row

pytestmark = pytest.mark.usefixtures("xingtu")


def send(client, *rows, **headers):
    answer = client.post("/api/v1/mentions", json=list(rows), headers=headers)
    assert answer.status_code == 202, answer.text
    return answer.json


def stored(service, sql="SELECT * FROM mention ORDER BY id"):
    return recount.rows_of(path_of(service), sql)


def path_of(service):
    return service.settings.database_url.removeprefix("sqlite:///")


def test_it_gives_an_account_that_adds_up(client):
    first, second = row(), row(engagement={"likes": 1})
    send(client, first, second)
    account = send(
        client,
        first,
        second | {"engagement": {"likes": 2}},
        row(),
        row("与谁都无关"),
        row(published_at=NOW + HOUR),
        {"platform": "weibo"},
        "不是对象",
    )
    rejected = account.pop("rejected")
    assert account == {"accepted": 2, "updated": 1, "duplicate": 1, "erased": 0, "unmatched": 1}
    assert [(found["index"], found["field"]) for found in rejected] == [
        (4, "published_at"),
        (5, "id"),
        (6, ""),
    ]
    assert all(found["reason"] and found["advice"] for found in rejected)


def test_it_keeps_the_good_neighbours_of_bad_rows(client, service):
    good = [row(f"星途第{i}条") for i in range(3)]
    send(client, good[0], {"platform": 3}, good[1], None, good[2], [])
    assert [m["text"] for m in stored(service)] == [g["text"] for g in good]


def test_a_reimport_brings_counters_up_to_date_and_keeps_what_was_first_seen(
    client, service, clock
):
    first = row(GOOD, engagement={"likes": 3, "views": 100})
    send(client, first)
    clock.now += 5000
    changed = {"published_at": NOW + 60, "text": BAD, "engagement": {"likes": 9, "reposts": 2}}
    assert send(client, first | changed)["updated"] == 1
    (held,) = stored(service)
    assert held["published_at"] == first["published_at"]
    assert (held["first_seen_at"], held["updated_at"]) == (NOW, NOW + 5000)
    assert held["text"] == GOOD
    assert (held["likes"], held["views"], held["reposts"]) == (9, 100, 2)
    recount.assert_sums_are_true(path_of(service))
    recount.assert_weights_are_true(path_of(service))


def test_counters_that_are_not_known_are_null_and_not_zero(client, service):
    send(client, row(engagement={"likes": 0, "comments": None}))
    (held,) = stored(service)
    assert held["likes"] == 0
    assert [held[key] for key in ("comments", "reposts", "views", "wow")] == [None] * 4


def test_the_same_number_on_another_platform_or_of_another_kind_is_another_mention(client):
    first = row()
    others = [{"platform": "xhs"}, {"kind": "comment"}, {"id": first["id"] + "x"}]
    assert send(client, first, *(first | other for other in others))["accepted"] == 4


def test_copies_of_a_text_are_stored_and_weigh_less_and_less(client, service):
    send(client, *(row(GOOD, platform=p) for p in ("weibo", "xhs", "jd")))
    send(client, row(GOOD + "！！"))
    rows = stored(service, "SELECT * FROM reading ORDER BY mention_id")
    weights = [m["weight"] / m["confidence"] for m in rows]
    first = weights[0]
    expected = [first, first * math.log(2), first * math.log(3 / 2), first * math.log(4 / 3)]
    assert weights == pytest.approx(expected)
    page = client.get("/api/v1/brands/xingtu/mentions").json
    assert [m["copies"] for m in page["items"]] == [4] * 4
    recount.assert_copies_are_ranked(path_of(service))


def test_an_author_is_counted_once_a_day_by_the_latest_known_followers(client, service):
    author = {"id": "同一人", "followers": 500}
    nobody = {"id": "同一人"}
    day = {"published_at": NOW - HOUR}
    send(client, row(author=nobody, **day), row(author=author, **day), row(author=author, **day))
    send(client, row(author=author, published_at=NOW - 25 * HOUR))
    send(client, row(author=author, platform="xhs", **day))
    found = client.get("/api/v1/brands/xingtu/indices").json["indices"]
    assert found["reach_estimated"]["value"] == 1500
    recount.assert_authors_count_once_a_day(path_of(service))


def test_people_are_stored_as_pseudonyms_only(client, service):
    send(
        client, row(author={"id": "7788123", "name": "张三丰爱开车"}, text="星途，电话13800138000")
    )
    dump = "".join(str(tuple(m)) for m in stored(service))
    assert "7788123" not in dump
    assert "张三丰" not in dump
    assert "13800138000" not in dump
    (shown,) = client.get("/api/v1/brands/xingtu/mentions").json["items"]
    assert len(shown["author"]) == 32
    assert shown["text"] == "星途，电话***********"


def test_readings_say_what_is_said_of_the_brand(client):
    send(client, row(GOOD), row(BAD), row(BLAND))
    items = client.get("/api/v1/brands/xingtu/mentions").json["items"]
    labels = {item["text"]: item["reading"]["label"] for item in items}
    assert labels == {GOOD: "positive", BAD: "negative", BLAND: "neutral"}


@pytest.mark.parametrize("title", [None, "提车一个月的感受"])
def test_cues_stand_in_the_text_they_name(client, title):
    send(client, row(BAD, title=title))
    (item,) = client.get("/api/v1/brands/xingtu/mentions").json["items"]
    cues = item["reading"]["cues"]
    assert cues
    for cue in cues:
        assert item[cue["field"]][cue["start"] : cue["end"]] == cue["text"]


def test_an_answer_without_words_is_read_by_its_rating(client):
    send(
        client,
        row("", brands=["xingtu"], rating={"value": 1, "scale": "stars5"}),
        row("", brands=["xingtu"], rating={"value": 10, "scale": "nps10"}),
        row("", brands=["xingtu"], rating={"value": 3, "scale": "csat5"}),
    )
    items = client.get("/api/v1/brands/xingtu/mentions").json["items"]
    labels = {item["rating"]["scale"]: item["reading"]["label"] for item in items}
    assert labels == {"stars5": "negative", "nps10": "positive", "csat5": "neutral"}


def test_lines_arrays_and_one_object_are_taken_alike(client):
    rows = [row(), row()]
    lines = "\n".join(json.dumps(r, ensure_ascii=False) for r in rows)
    answer = client.post("/api/v1/mentions", data=lines, content_type="application/x-ndjson")
    assert answer.json["accepted"] == 2
    again = client.post("/api/v1/mentions", json=rows)
    assert again.json["duplicate"] == 2
    assert client.post("/api/v1/mentions", json=rows[0]).json["duplicate"] == 1


def test_a_thousand_mentions_in_batches_are_all_there(client, service):
    rows = [row(f"星途第{i}条，{(GOOD, BAD, BLAND)[i % 3]}", NOW - i * 97) for i in range(1000)]
    send(client, *rows[:500])
    send(client, *rows[500:])
    assert service.store.mentions.count() == 1000
    recount.assert_sums_are_true(path_of(service))
