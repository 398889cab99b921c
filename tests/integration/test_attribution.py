import pytest

from tests.rows import GOOD, HOUR, NOW, brand, row

COMMENT = {"kind": "comment", "text": "说得对"}


@pytest.fixture(autouse=True)
def brands(client):
    for body in (
        brand(aliases=["XingTu"], exclude=["星途旅行社", "招聘"]),
        brand("lanhai", "蓝海"),
    ):
        assert client.post("/api/v1/brands", json=body).status_code == 201


@pytest.fixture
def send(client):
    def send(*rows):
        answer = client.post("/api/v1/mentions", json=list(rows))
        assert answer.status_code == 202, answer.text
        return answer.json

    return send


@pytest.fixture
def of_brand(client):
    def of_brand(identifier="xingtu", **query):
        items = client.get(f"/api/v1/brands/{identifier}/mentions", query_string=query).json[
            "items"
        ]
        return {item["native_id"]: item["reading"]["via"] for item in items}

    return of_brand


@pytest.mark.parametrize("text", ["星途不错", "XINGTU不错", "坐 xingtu 回家", "星途汽車"])
def test_a_text_that_names_the_brand_is_about_it(send, of_brand, text):
    send(row(text, id="a"))
    assert of_brand() == {"a": "text"}


@pytest.mark.parametrize("text", ["星途旅行社又涨价了", "星途招聘司机", "xingtuan 不是它", "路过"])
def test_a_text_that_only_seems_to_name_it_is_not(send, of_brand, text):
    assert send(row(text))["unmatched"] == 1
    assert of_brand() == {}


def test_the_sender_may_say_what_a_text_is_about(send, of_brand):
    send(row("没有点名", id="a", brands=["xingtu"]))
    assert of_brand() == {"a": "sender"}


def test_a_title_and_a_quotation_name_a_brand_too(send, of_brand):
    send(row("没点名", id="a", title="星途试驾"), row("同意//@某人:星途真好", id="b"))
    assert of_brand() == {"a": "text", "b": "text"}


def test_one_text_may_be_about_several_brands(send, of_brand):
    send(row("星途和蓝海选哪个", id="a"))
    assert of_brand("xingtu") == of_brand("lanhai") == {"a": "text"}


def test_unmatched_mentions_are_counted_and_kept(send, service):
    assert send(row("与谁都无关"), row("也无关"), row(GOOD))["unmatched"] == 2
    assert service.store.mentions.unmatched() == 2
    assert service.store.mentions.count() == 3


@pytest.mark.parametrize("link", ["parent_id", "root_id"])
@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize("parent_first", [True, False])
def test_a_comment_is_about_what_its_post_is_about(send, of_brand, link, together, parent_first):
    rows = [row(GOOD, id="post"), row(id="comment", **COMMENT, **{link: "post"})]
    rows = rows if parent_first else rows[::-1]
    for batch in [rows] if together else [[rows[0]], [rows[1]]]:
        send(*batch)
    assert of_brand() == {"post": "text", "comment": "parent"}


@pytest.mark.parametrize("order", [[0, 1, 2, 3], [3, 2, 1, 0], [1, 3, 0, 2], [2, 0, 3, 1]])
def test_a_chain_of_answers_inherits_in_whatever_order_it_comes(send, of_brand, order):
    chain = [
        row(GOOD, id="c0"),
        row(id="c1", parent_id="c0", **COMMENT),
        row(id="c2", parent_id="c1", **COMMENT),
        row(id="c3", parent_id="c2", **COMMENT),
    ]
    for position in order:
        send(chain[position])
    assert of_brand() == {"c0": "text", "c1": "parent", "c2": "parent", "c3": "parent"}


def test_answers_in_a_circle_end(send, of_brand):
    send(
        row(GOOD, id="a", parent_id="b"),
        row(id="b", parent_id="a", **COMMENT),
        row(id="c", parent_id="c", **COMMENT),
    )
    assert of_brand() == {"a": "text", "b": "parent"}


def test_a_comment_on_another_platform_is_no_answer(send, of_brand):
    send(row(GOOD, id="post"), row(id="comment", platform="xhs", parent_id="post", **COMMENT))
    assert of_brand() == {"post": "text"}


def test_a_parent_that_comes_late_adds_its_brand_to_what_was_about_another(send, of_brand):
    send(row("蓝海更好", id="comment", kind="comment", parent_id="post"))
    send(row(GOOD, id="post"))
    assert of_brand("lanhai") == {"comment": "text"}
    assert of_brand("xingtu") == {"post": "text", "comment": "parent"}


def test_a_comment_that_gains_its_brand_late_is_found_by_search(send, of_brand):
    late = row("方向盘抖得厉害", id="comment", kind="comment", parent_id="post")
    send(late)
    assert of_brand(q="方向盘") == {}
    send(row(GOOD, id="post"))
    assert of_brand(q="方向盘") == {"comment": "parent"}
    assert of_brand("lanhai", q="方向盘") == {}


def test_what_was_found_for_one_brand_stays_found_when_another_is_added(send, of_brand):
    send(row("蓝海方向盘抖", id="comment", kind="comment", parent_id="post"))
    send(row(GOOD, id="post"))
    assert of_brand("lanhai", q="方向盘") == {"comment": "text"}
    assert of_brand("xingtu", q="方向盘") == {"comment": "parent"}


def test_a_late_attribution_counts_in_the_bucket_of_the_comment(send, client):
    send(row(id="comment", parent_id="post", at=NOW - 3 * HOUR, **COMMENT))
    send(row(GOOD, id="post", at=NOW - HOUR))
    points = client.get("/api/v1/brands/xingtu/trend?step=1h").json["points"]
    assert [p["t"] for p in points if p["volume"]] == [
        "2026-11-21T21:00:00Z",
        "2026-11-21T23:00:00Z",
    ]


def test_a_new_brand_is_known_from_the_next_batch_on(send, client, of_brand):
    send(row("晨光不错", id="a"))
    client.post("/api/v1/brands", json=brand("chenguang", "晨光"))
    send(row("晨光不错啊", id="b"))
    assert of_brand("chenguang") == {"b": "text"}


def test_every_change_of_a_brand_is_known_at_once(send, client, of_brand):
    for identifier in ("xingtu", "lanhai", "xingtu", "lanhai"):
        name = f"新名{identifier[0]}{len(of_brand(identifier))}"
        client.patch(f"/api/v1/brands/{identifier}", json={"aliases": [name]})
        send(row(f"{name}到店了"))
        assert "text" in of_brand(identifier).values(), identifier


def test_a_brand_that_replaces_a_deleted_one_is_known_at_once(send, client, of_brand):
    send(row(GOOD))
    client.delete("/api/v1/brands/lanhai")
    client.post("/api/v1/brands", json=brand("wanfeng", "晚风"))
    send(row("晚风真好", id="a"))
    assert of_brand("wanfeng") == {"a": "text"}
