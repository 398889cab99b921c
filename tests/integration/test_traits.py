"""What a text says beside its sentiment: read, kept, counted and shown."""

from __future__ import annotations

from tests.rows import row

WINDOW = {"start": "2026-01-01", "end": "2027-01-01"}


def send(client, *rows):
    answer = client.post("/api/v1/mentions", json=list(rows))
    assert answer.status_code == 202, answer.text
    return answer.json


def facets(client, brand, **query):
    answer = client.get(f"/api/v1/brands/{brand}/facets", query_string=WINDOW | query)
    assert answer.status_code == 200, answer.text
    return answer.json["facets"]


def test_traits_come_back_with_the_mention(client, xingtu):
    send(client, row(text="星途的客服态度太差了，我要退款！千万别买", id="1"))
    (item,) = client.get("/api/v1/brands/xingtu/mentions", query_string=WINDOW).json["items"]
    assert {"name": "service", "label": "negative"} in item["aspects"]
    assert item["intents"][0] == "refund"
    assert "dissuade" in item["intents"]
    assert item["emotion"] in ("anger", "disgust")
    assert item["stage"] == "churn"
    assert item["unsupported"] is None


def test_facets_count_values_by_label(client, xingtu):
    send(
        client,
        row(text="星途的客服态度太差了", id="1"),
        row(text="星途的客服很耐心，太好了", id="2"),
        row(text="星途的客服敷衍得很，差评", id="3", platform="douyin"),
    )
    (service,) = [v for v in facets(client, "xingtu")["aspect"] if v["value"] == "service"]
    assert service == {"value": "service", "n": 3, "positive": 1, "neutral": 0, "negative": 2}
    (service,) = [
        v for v in facets(client, "xingtu", platform="douyin")["aspect"] if v["value"] == "service"
    ]
    assert service["n"] == 1


def test_stages_stand_beside_the_indices_all_of_them(client, xingtu):
    send(client, row(text="星途再也不买了，换成了别家", id="1"))
    counts = client.get("/api/v1/brands/xingtu/indices", query_string=WINDOW).json["stage_counts"]
    assert counts["churn"] == 1
    assert set(counts) == {
        *("discovery", "awareness", "consideration", "choice", "purchase"),
        *("satisfaction", "loyalty", "advocacy", "churn"),
    }


def test_a_brands_own_words_find_its_own_aspects_for_it_alone(client, xingtu):
    own = [{"name": "辅助驾驶", "words": ["智驾", "领航辅助"]}]
    changed = client.patch("/api/v1/brands/xingtu", json={"aspects": own})
    assert changed.json["aspects"] == own
    client.post("/api/v1/brands", json={"id": "beian", "name": "北岸"})
    send(client, row(text="星途的智驾太好用了，北岸一般", id="1"))
    assert "辅助驾驶" in [v["value"] for v in facets(client, "xingtu")["aspect"]]
    assert "辅助驾驶" not in [v["value"] for v in facets(client, "beian")["aspect"]]


def test_what_a_shop_filled_in_is_kept_and_is_no_opinion(client, xingtu):
    send(client, row(text="此用户没有填写评价，系统默认好评", id="1", brands=["xingtu"]))
    (item,) = client.get("/api/v1/brands/xingtu/mentions", query_string=WINDOW).json["items"]
    assert item["no_opinion"] == "default"
    assert item["reading"]["label"] == "neutral"


def test_what_we_cannot_read_is_said_and_not_guessed(client, xingtu):
    send(client, row(text="呢间嘢真係好鬼抵食，我哋成日都嚟幫襯㗎", id="1", brands=["xingtu"]))
    (item,) = client.get("/api/v1/brands/xingtu/mentions", query_string=WINDOW).json["items"]
    assert item["unsupported"] == "language"
    assert item["reading"]["label"] == "neutral"
    assert item["reading"]["review"] == "unsupported"


def test_texts_on_demand_say_everything(client):
    body = {"texts": ["客服真有你们的，等了三小时没人理，退钱！"], "platform": "weibo"}
    (reading,) = client.post("/api/v1/sentiment", json=body).json["readings"]
    assert reading["label"] == "negative"
    assert reading["irony"] is True
    assert "refund" in reading["intents"]
    assert reading["keywords"]


def test_a_brand_that_only_its_sender_names_has_its_own_aspects_too(client, xingtu):
    own = [{"name": "座舱", "words": ["车机"]}]
    client.patch("/api/v1/brands/xingtu", json={"aspects": own})
    send(client, row(text="车机太卡了，后悔买了", id="1", brands=["xingtu"]))
    (item,) = client.get("/api/v1/brands/xingtu/mentions", query_string=WINDOW).json["items"]
    assert {"name": "座舱", "label": "negative"} in item["aspects"]
    body = {"texts": ["星途的车机太卡了"], "target": "星途"}
    (reading,) = client.post("/api/v1/sentiment", json=body).json["readings"]
    assert "座舱" in [aspect["name"] for aspect in reading["aspects"]]


def test_binary_takes_no_side_where_nothing_was_judged(client):
    body = {"texts": ["此用户没有填写评价", "呢间嘢真係好鬼抵食，我哋成日都嚟"], "binary": True}
    found = client.post("/api/v1/sentiment", json=body).json["readings"]
    assert [reading["label"] for reading in found] == ["neutral", "neutral"]


def test_a_reported_danger_is_no_praise(client):
    texts = ["小米充电宝鼓包了", "用了眉笔过敏，眼睛肿成这样", "这锅好吃到爆炸"]
    found = client.post("/api/v1/sentiment", json={"texts": texts}).json["readings"]
    assert [reading["label"] == "positive" for reading in found] == [False, False, True]
