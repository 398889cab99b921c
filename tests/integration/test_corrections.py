"""People correct labels: what counts, what is kept, who may, and what they look at next."""

from __future__ import annotations

import json
import math
import threading
from pathlib import Path

import pytest

from monitor import corrections
from monitor.domain import Brand
from tests import recount
from tests.conftest import wire
from tests.rows import BAD, BLAND, DAY, GOOD, HOUR, NOW, row

pytestmark = pytest.mark.usefixtures("xingtu")
BULK = "/api/v1/brands/xingtu/corrections"


@pytest.fixture
def path(service):
    return Path(service.settings.database_url.removeprefix("sqlite:///"))


@pytest.fixture
def mentions(client):
    """Three stored mentions of the brand, a complaint, a praise, a remark: their ids by text."""
    rows = [row(BAD, id="b"), row(GOOD, id="g", platform="xhs"), row(BLAND, id="n", kind="comment")]
    client.post("/api/v1/mentions", json=rows)
    items = client.get("/api/v1/brands/xingtu/mentions").json["items"]
    return {item["text"]: item["id"] for item in items}


@pytest.fixture
def annotators(make_client):
    """Two people, each with a key of their own."""
    return make_client("manage"), make_client("manage")


def correct(client, mention, label, status=200, **more):
    body = {"brand": "xingtu", "label": label, **more}
    answer = client.patch(f"/api/v1/mentions/{mention}/reading", json=body)
    assert answer.status_code == status, answer.text
    return answer.json


def bulk(client, body, kind="application/json", status=200):
    data = json.dumps(body) if kind == "application/json" else body
    answer = client.post(BULK, data=data, content_type=kind)
    assert answer.status_code == status, answer.text
    return answer.json


def counts(client):
    found = client.get("/api/v1/brands/xingtu/indices").json["indices"]
    return tuple(found[name]["value"] for name in ("positive", "neutral", "negative"))


def label_of(client, text):
    items = client.get("/api/v1/brands/xingtu/mentions").json["items"]
    return next(item["reading"]["label"] for item in items if item["text"] == text)


# -- one ---------------------------------------------------------------------------------------


def test_a_correction_is_in_force_at_once_and_every_index_moves(client, mentions, path):
    assert counts(client) == (1, 1, 1)
    found = correct(client, mentions[BAD], "positive", note="反话")
    assert found["outcome"] == "applied"
    assert (found["reading"]["label"], found["reading"]["corrected"]) == ("positive", True)
    assert counts(client) == (2, 1, 0)
    recount.assert_sums_are_true(path)
    recount.assert_weights_are_true(path)


def test_its_history_says_who_changed_what_when_and_why(client, mentions, clock, service):
    correct(client, mentions[BAD], "positive", note="反话")
    clock.now += 60
    history = correct(client, mentions[BAD], "neutral")["history"]
    (key,) = service.store.keys.all()
    told = [(c["old_label"], c["new_label"], c["at"], c["note"]) for c in history]
    assert told == [
        ("positive", "neutral", "2026-11-22T00:01:00Z", ""),
        ("negative", "positive", "2026-11-22T00:00:00Z", "反话"),
    ]
    assert {(c["annotator"], c["annotator_name"]) for c in history} == {(key.id, key.name)}


def test_the_newest_label_that_nobody_took_back_is_in_force(annotators, mentions):
    one, other = annotators
    mention = mentions[BAD]
    assert correct(one, mention, "positive")["reading"]["label"] == "positive"
    assert correct(other, mention, "neutral")["reading"]["label"] == "neutral"
    assert correct(other, mention, None)["reading"]["label"] == "positive"
    last = correct(one, mention, None)
    assert (last["reading"]["label"], last["reading"]["corrected"]) == ("negative", False)
    assert [c["new_label"] for c in last["history"]] == [None, None, "neutral", "positive"]


def test_who_takes_nothing_back_changes_nothing(annotators, mentions):
    one, other = annotators
    correct(one, mentions[BAD], "positive")
    found = correct(other, mentions[BAD], None)
    assert (found["outcome"], found["reading"]["label"]) == ("unchanged", "positive")
    assert len(found["history"]) == 1


def test_saying_the_same_again_changes_nothing_unless_there_is_a_new_reason(annotators, mentions):
    one, other = annotators
    correct(one, mentions[BAD], "positive", note="反话")
    correct(other, mentions[BAD], "negative")
    for note in ("", "反话"):
        found = correct(one, mentions[BAD], "positive", note=note)
        assert (found["outcome"], found["reading"]["label"]) == ("unchanged", "negative")
    found = correct(one, mentions[BAD], "positive", note="后文是“才怪”")
    assert (found["outcome"], found["reading"]["label"]) == ("applied", "positive")


def test_what_is_sent_in_again_keeps_its_corrected_label(client, mentions, path):
    correct(client, mentions[BAD], "neutral")
    again = row(BAD, id="b", engagement={"likes": 500})
    assert client.post("/api/v1/mentions", json=[again]).json["updated"] == 1
    assert counts(client) == (1, 2, 0)
    recount.assert_sums_are_true(path)


@pytest.mark.parametrize("mention", ["999", "0", "abc", "-1", "１", "9" * 30, "1e3"])
def test_a_mention_that_is_not_there_is_not_found_and_the_answer_says_what_to_do(
    client, mentions, mention
):
    found = correct(client, mention, "neutral", status=404)
    assert found["code"] == "not_found"
    assert "`brands`" in found["detail"]


def test_a_mention_that_is_about_another_brand_is_not_found(client, service, mentions):
    service.store.brands.add(Brand("lanhai", "蓝海"))
    correct(client, mentions[BAD], "neutral", status=404, brand="lanhai")
    assert label_of(client, BAD) == "negative"


@pytest.mark.parametrize("body", [{}, {"label": "good"}, {"label": 1}, {"brand": "xingtu"}])
def test_a_correction_that_makes_no_sense_is_refused(client, mentions, body):
    answer = client.patch(f"/api/v1/mentions/{mentions[BAD]}/reading", json=body)
    assert answer.status_code == 422


def test_a_key_of_another_brand_can_neither_correct_nor_learn(make_client, service, mentions):
    service.store.brands.add(Brand("lanhai", "蓝海"))
    stranger = make_client("manage", brands=["lanhai"])
    answers = {
        correct(stranger, mentions[BAD], "neutral", status=404, brand=brand)["detail"].replace(
            brand, "?"
        )
        for brand in ("xingtu", "nobody")
    }
    assert len(answers) == 1
    hidden = correct(stranger, mentions[BAD], "neutral", status=404, brand="lanhai")
    absent = correct(stranger, "999", "neutral", status=404, brand="lanhai")
    assert hidden["detail"] == absent["detail"]


def test_nothing_is_corrected_for_a_brand_that_was_deleted_meanwhile(service, xingtu, mentions):
    statement = corrections.Statement(xingtu.id, int(mentions[BAD]), 0)
    service.store.brands.delete(xingtu.id)
    assert service.store.corrections.add([statement], "a", NOW) == ["missing"]
    assert service.store.corrections.history(xingtu.id, int(mentions[BAD])) == []


def test_a_brand_that_is_deleted_takes_its_corrections_along(client, service, xingtu, mentions):
    correct(client, mentions[BAD], "neutral")
    service.store.brands.delete(xingtu.id)
    correct(client, mentions[BAD], "neutral", status=404)
    service.store.brands.add(xingtu)
    assert client.get(BULK).json == {"items": [], "next": None}
    assert service.store.corrections.of_brand(xingtu.id) == []


# -- many --------------------------------------------------------------------------------------


def test_many_are_corrected_each_for_itself_and_the_account_adds_up(client, mentions, path):
    rows = [
        {"id": mentions[BAD], "label": "neutral", "note": "只是提问"},
        {"id": int(mentions[GOOD]), "label": "positive"},
        {"platform": "微博", "kind": "comment", "native_id": "n", "label": "negative"},
        {"id": "999", "label": "neutral"},
        {"platform": "weibo", "native_id": "nobody", "label": "neutral"},
        {"id": mentions[BAD], "label": "great"},
        {"id": mentions[BAD]},
        {"label": "neutral"},
        {"platform": "weibo", "label": "neutral"},
        "nonsense",
        {"id": mentions[BAD], "label": "neutral", "colour": "red"},
        {"id": mentions[BAD], "label": "positive", "note": "\ud800"},
        {"id": mentions[BAD], "label": None},
    ]
    found = bulk(client, rows)
    assert (found["applied"], found["unchanged"]) == (4, 0)
    assert [(r["index"], r["field"]) for r in found["rejected"]] == [
        (3, "id"),
        (4, "native_id"),
        (5, "label"),
        (6, "label"),
        (7, ""),
        (8, ""),
        (9, ""),
        (10, "colour"),
        (11, "note"),
    ]
    assert all(r["reason"] and r["advice"] for r in found["rejected"])
    assert counts(client) == (1, 0, 2)
    recount.assert_sums_are_true(path)


def test_sending_corrections_again_changes_nothing(client, mentions, service):
    rows = [{"id": mention, "label": "neutral"} for mention in mentions.values()]
    assert bulk(client, rows)["applied"] == 3
    before = client.get(BULK).json
    found = bulk(client, rows)
    assert (found["applied"], found["unchanged"], found["rejected"]) == (0, 3, [])
    assert client.get(BULK).json == before


def test_lines_of_json_are_taken_and_a_broken_one_loses_only_itself(client, mentions):
    lines = f'{{"id": "{mentions[BAD]}", "label": "neutral"}}\n{{"id": oops\n'
    found = bulk(client, lines, "application/x-ndjson")
    assert found["applied"] == 1
    assert [r["index"] for r in found["rejected"]] == [1]


def table(*lines):
    return "\r\n".join(lines) + "\r\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_a_table_is_taken_as_spreadsheets_write_it(client, mentions, encoding):
    body = table(
        "提及编号;标签;正文;备注",
        f'{mentions[BAD]};中性;"星途；""引号""";只是提问',
        f"{mentions[GOOD]};正面;;",
        f"{mentions[BLAND]};;;",
    )
    found = bulk(client, body.encode(encoding), "text/csv; charset=whatever")
    assert found["applied"] == 2
    assert [(r["index"], r["field"]) for r in found["rejected"]] == [(2, "label")]
    assert label_of(client, BAD) == "neutral"
    assert client.get(BULK).json["items"][-1]["note"] == "只是提问"


def test_a_table_may_name_mentions_by_their_own_numbers_and_take_labels_back(client, mentions):
    header = "platform,kind,native_id,label"
    assert bulk(client, table(header, "微博,评论,n,-1"), "text/csv")["applied"] == 1
    assert label_of(client, BLAND) == "negative"
    assert bulk(client, table(header, "微博,评论,n,撤回"), "text/csv")["applied"] == 1
    assert label_of(client, BLAND) == "neutral"
    assert bulk(client, table(header, "微博,评论,1.78E+17,1"), "text/csv")["rejected"][0][
        "field"
    ] == ("native_id")


@pytest.mark.parametrize("body", ["标签\n负面\n", "id\n1\n", "id,label\n", "星途"])
def test_a_table_without_what_is_needed_is_refused_as_a_whole(client, body):
    answer = client.post(BULK, data=body.encode(), content_type="text/csv")
    assert (answer.status_code, answer.json["code"]) == (422, "invalid_input")


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        ("[]", "application/json", 400),
        ("{", "application/json", 400),
        ("[" * 5000, "application/json", 400),
        ("id,label\n1,1", "text/plain", 415),
        ('[{"id": 1, "label": null}' + ', {"id": 1, "label": null}' * 500 + "]", None, 422),
        ("id,label\n" + "1,1\n" * 501, "text/csv", 422),
    ],
)
def test_what_cannot_be_read_or_is_too_much_is_refused_and_nothing_stored(
    client, body, kind, status
):
    answer = client.post(BULK, data=body, content_type=kind or "application/json")
    assert answer.status_code == status, answer.text
    assert client.get(BULK).json["items"] == []


def test_a_mention_that_was_erased_is_rejected_and_its_record_stays(client, mentions, path):
    correct(client, mentions[BAD], "neutral")
    erase(path, mentions[BAD])
    found = bulk(client, [{"id": mentions[BAD], "label": "positive"}])
    assert [r["field"] for r in found["rejected"]] == ["id"]
    named = {"platform": "weibo", "native_id": "b", "label": "positive"}
    assert [r["field"] for r in bulk(client, [named])["rejected"]] == ["native_id"]
    correct(client, mentions[BAD], "positive", status=404)
    (line,) = client.get(BULK).json["items"]
    assert (line["mention"], line["text"]) == (mentions[BAD], None)


def erase(path, mention):
    import sqlite3
    from contextlib import closing

    with closing(sqlite3.connect(path)) as db, db:
        db.execute("DELETE FROM reading WHERE mention_id = ?", (mention,))
        db.execute("DELETE FROM mention WHERE id = ?", (mention,))
        db.execute("UPDATE identity SET mention_id = NULL WHERE mention_id = ?", (mention,))


# -- the record --------------------------------------------------------------------------------


def test_the_record_is_paged_newest_first_and_loses_nothing(client, mentions, clock):
    for i in range(7):
        clock.now += i % 2
        correct(client, mentions[BAD], ("positive", "neutral")[i % 2])
    items, cursor = [], None
    while True:
        query = {"limit": 2, **({"cursor": cursor} if cursor else {})}
        page = client.get(BULK, query_string=query).json
        items += page["items"]
        cursor = page["next"]
        if cursor is None:
            break
    ids = [int(item["id"]) for item in items]
    assert ids == sorted(ids, reverse=True)
    assert len(ids) == len(set(ids)) == 7
    assert {item["text"] for item in items} == {BAD}


def test_what_people_labelled_is_there_to_learn_from(annotators, client, service):
    sent = [
        row("國產的星途，質量太差", title="踩雷", platform="xhs"),
        row(GOOD),
        row(BLAND),
    ]
    client.post("/api/v1/mentions", json=sent)
    items = client.get("/api/v1/brands/xingtu/mentions").json["items"]
    ids = {item["text"]: item["id"] for item in items}
    one, other = annotators
    for annotator in annotators:
        correct(annotator, ids["國產的星途，質量太差"], "negative")
    correct(one, ids[GOOD], "negative")
    correct(other, ids[GOOD], "positive")
    correct(one, ids[BLAND], "negative")
    correct(one, ids[BLAND], None)
    found = service.store.corrections.of_brand("xingtu")
    assert [(t.platform, t.text, t.label, t.annotators) for t in found] == [
        ("xhs", "踩雷\n国产的星途，质量太差", -1, 2),
        ("weibo", GOOD, 1, 2),
    ]
    assert service.store.corrections.of_brand("xingtu", "xhs") == found[:1]


# -- agreement ---------------------------------------------------------------------------------


def test_agreement_counts_the_mentions_that_two_people_stand_by(annotators, client, mentions):
    one, other = annotators
    nothing = client.get("/api/v1/brands/xingtu/agreement").json
    assert (nothing["annotators"], nothing["alpha"]["value"], nothing["alpha"]["n"]) == (0, None, 0)
    for annotator in annotators:
        correct(annotator, mentions[BAD], "negative")
        correct(annotator, mentions[GOOD], "positive")
    correct(one, mentions[BLAND], "neutral")
    correct(other, mentions[BLAND], "positive")
    found = client.get("/api/v1/brands/xingtu/agreement").json
    assert (found["annotators"], found["agreement"]["n"]) == (2, 3)
    assert found["agreement"]["value"] == pytest.approx(2 / 3)
    assert 0 < found["alpha"]["value"] < 1
    correct(other, mentions[BLAND], None)
    found = client.get("/api/v1/brands/xingtu/agreement").json
    assert (found["alpha"]["n"], found["alpha"]["value"]) == (2, 1)


# -- what to look at next ----------------------------------------------------------------------


def review(client, **query):
    answer = client.get("/api/v1/brands/xingtu/review", query_string=query)
    assert answer.status_code == 200, answer.text
    return answer.json


def test_the_queue_says_for_each_why_it_is_there(client):
    sent = [row(BLAND, id=str(i)) for i in range(3)]
    sent[0]["engagement"] = {"likes": 90, "comments": 10}
    client.post("/api/v1/mentions", json=sent)
    (item,) = review(client)["items"]
    why, reading = item["benefit"], item["mention"]["reading"]
    assert why["influence"] == pytest.approx(math.log(math.e + 100), abs=1e-4)
    assert why["frequency"] == pytest.approx(1 + math.log(3), abs=1e-4)
    if reading["review"] is None:
        assert why["uncertainty"] == pytest.approx(1 - reading["confidence"], abs=2e-4)
    product = why["uncertainty"] * why["influence"] * why["frequency"]
    assert why["total"] == pytest.approx(product, rel=1e-3)


def test_of_texts_alike_those_that_spread_come_first(client):
    quiet, copied, loud = (f"{BLAND}，第{i}次" for i in "一二三")
    sent = [row(quiet), row(loud, engagement={"likes": 10_000}), *(row(copied) for _ in range(9))]
    client.post("/api/v1/mentions", json=sent)
    texts = [item["mention"]["text"] for item in review(client)["items"]]
    assert sorted(texts) == sorted([quiet, copied, loud])
    assert texts.index(quiet) > max(texts.index(copied), texts.index(loud))


def test_the_queue_holds_first_copies_within_its_window_that_nobody_labelled(client):
    sent = [
        row("星途一", NOW - HOUR),
        row("星途一", NOW - HOUR + 60),
        row("星途二", NOW - 29 * DAY),
        row("星途三", NOW - 31 * DAY),
        row("星途四", NOW - 100 * DAY),
    ]
    client.post("/api/v1/mentions", json=sent)
    found = review(client)
    assert {item["mention"]["text"] for item in found["items"]} == {"星途一", "星途二"}
    assert (found["ranked"], found["complete"]) == (2, True)
    wider = review(client, start=NOW - 400 * DAY)
    assert wider["start"] > "2026-08-21"
    assert {item["mention"]["text"] for item in wider["items"]} == {"星途一", "星途二", "星途三"}
    for item in wider["items"][:2]:
        correct(client, item["mention"]["id"], item["mention"]["reading"]["label"])
    left = review(client, start=NOW - 400 * DAY)["items"]
    assert [item["mention"]["id"] for item in left] == [wider["items"][2]["mention"]["id"]]
    correct(client, wider["items"][0]["mention"]["id"], None)
    assert len(review(client, start=NOW - 400 * DAY)["items"]) == 2


def test_the_queue_ranks_the_newest_only_and_says_so(client, monkeypatch):
    monkeypatch.setattr("monitor.store.sqlite.corrections.RANKED", 3)
    sent = [row(f"星途第{i}天", NOW - i * HOUR) for i in range(1, 6)]
    sent[4]["engagement"] = {"likes": 1_000_000}
    client.post("/api/v1/mentions", json=sent)
    found = review(client)
    assert (found["ranked"], found["complete"]) == (3, False)
    assert {item["mention"]["text"] for item in found["items"]} == {row["text"] for row in sent[:3]}
    assert len(review(client, limit=2)["items"]) == 2


def test_a_reading_that_asks_for_a_look_counts_as_uncertain_however_sure_it_is():
    sure, asking = corrections.benefit(0.99, 0, 1), corrections.benefit(0.99, 0, 1, "irony")
    assert (sure.uncertainty, asking.uncertainty) == (pytest.approx(0.01), 0.5)
    assert corrections.benefit(0.35, 0, 1, "unsure").uncertainty == pytest.approx(0.65)


# -- at once -----------------------------------------------------------------------------------


def test_many_people_at_once_lose_nothing_and_every_sum_stays_true(
    tmp_path, language, client, clock, mentions, path
):
    people, rounds = 4, 8
    start = threading.Barrier(people)
    outcomes, errors = [], []

    def label(person):
        service = wire(tmp_path, language, clock)
        start.wait()
        try:
            for i in range(rounds):
                wanted = [
                    corrections.Statement("xingtu", int(mention), (i + person) % 3 - 1)
                    for mention in mentions.values()
                ]
                outcomes.extend(service.store.corrections.add(wanted, f"p{person}", clock.now))
        except Exception as error:
            errors.append(error)
        finally:
            service.store.close()

    threads = [threading.Thread(target=label, args=(person,)) for person in range(people)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert outcomes == ["applied"] * (people * rounds * len(mentions))
    lines = recount.rows_of(path, "SELECT * FROM correction ORDER BY id")
    assert len(lines) == len(outcomes)
    for mention in mentions.values():
        own = [line for line in lines if line["mention_id"] == int(mention)]
        assert [line["old_label"] for line in own[1:]] == [line["new_label"] for line in own[:-1]]
        (held,) = recount.rows_of(path, "SELECT * FROM reading WHERE mention_id = ?", int(mention))
        assert held["corrected_label"] == own[-1]["new_label"]
    recount.assert_sums_are_true(path)
