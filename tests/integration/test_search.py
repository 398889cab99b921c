import pytest

from monitor.store import MentionQuery
from tests.rows import DAY, HOUR, NOW, brand, row

TEXTS = {
    "brake": "星途高速上刹车失灵，太可怕了",
    "apart": "星途刹停很稳，倒车也方便，没有失手，灵活",
    "taiwan": "星途的剎車很好用",
    "latin": "星途和 iPhone15 联动很顺",
    "upper": "星途 SU7 对比",
    "point": "星途 OTA 3.5 版本",
    "title": "一般",
}


@pytest.fixture
def search(client, xingtu):
    rows = [
        row(text, NOW - i * HOUR - 1, id=name, title="星途方向盘" if name == "title" else None)
        for i, (name, text) in enumerate(TEXTS.items())
    ]
    assert client.post("/api/v1/mentions", json=rows).json["accepted"] == len(rows)

    def search(q, **query):
        answer = client.get("/api/v1/brands/xingtu/mentions", query_string={"q": q, **query})
        assert answer.status_code == 200, answer.text
        return {item["native_id"] for item in answer.json["items"]}

    return search


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("刹车", {"brake", "taiwan"}),
        ("剎車", {"brake", "taiwan"}),
        ("刹车失灵", {"brake"}),
        ("失灵", {"brake"}),
        ("稳", {"apart"}),
        ("灵", {"brake", "apart"}),
        ("iphone", {"latin"}),
        ("IPHONE15", {"latin"}),
        ("su7", {"upper"}),
        ("ＳＵ７", {"upper"}),
        ("刹车 可怕", {"brake"}),
        ("刹车，可怕", {"brake"}),
        ("“刹车”！", {"brake", "taiwan"}),
        ("iPhone15 联动", {"latin"}),
        ("方向盘", {"title"}),
        ("星途", set(TEXTS)),
        ("车机", set()),
    ],
)
def test_it_finds_what_a_person_types(search, query, found):
    assert search(query) == found


@pytest.mark.parametrize("query", ["车失", "刹手", "车灵"])
def test_characters_that_stand_apart_are_no_word(search, query):
    assert search(query) == ({"brake"} if query == "车失" else set())


def test_words_whose_pairs_all_stand_somewhere_must_still_stand_together(search, client):
    # 倒车, 车刹 and 刹倒 all occur, 倒车刹倒 does not.
    text = "星途倒车不稳，汽车刹不住，刹倒是有"
    client.post("/api/v1/mentions", json=[row(text, id="pairs")])
    assert search("倒车") == {"apart", "pairs"}
    assert "pairs" not in search("倒车刹倒")


@pytest.mark.parametrize("query", ["。，！", "???", "“”", "   ", "'", '"', "*", "( OR )", "\x00"])
def test_punctuation_alone_finds_nothing_and_breaks_nothing(search, query):
    assert search(query) <= {"point"} if "OR" in query else search(query) == set()


@pytest.mark.parametrize(
    "query",
    ["a\ua7f7b", "x𞄀y", "\U00030000", "é̈", "NEAR(a b)", "tokens:星", '"刹车" OR "x"', "a-b"],
)
def test_signs_that_mean_something_to_the_index_are_only_text(search, query):
    assert search(query) == set()


def test_an_empty_query_is_no_query(search):
    assert search("") == set(TEXTS)


def test_search_and_filters_go_together(search):
    assert search("刹车", label="negative") == {"brake"}
    assert search("刹车", platform="xhs") == set()
    assert search("刹车", start=NOW - HOUR) == {"brake"}


@pytest.mark.parametrize("sort", ["new", "weight"])
def test_a_search_is_paged_without_loss_or_repeat(search, client, service, sort):
    rows = [row(f"星途{'异响' if i % 3 else '异常响声'}第{i}次", NOW - i * 60) for i in range(150)]
    client.post("/api/v1/mentions", json=rows)
    found, cursor = [], None
    while True:
        query = {"q": "异响", "limit": 7, "sort": sort, **({"cursor": cursor} if cursor else {})}
        page = client.get("/api/v1/brands/xingtu/mentions", query_string=query).json
        found += [item["native_id"] for item in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert len(found) == len(set(found)) == 100


def test_a_search_over_many_years_finds_old_and_new(search, client):
    client.post("/api/v1/mentions", json=[row("星途老款刹车", NOW - 3000 * DAY, id="old")])
    assert search("刹车", start=NOW - 3650 * DAY, end=NOW) == {"brake", "taiwan", "old"}
    everything = {"start": "2000-01-01T00:00:00Z", "end": "9999-12-31T00:00:00Z"}
    assert search("刹车", **everything) == {"brake", "taiwan", "old"}


def test_a_search_stays_within_its_brand(search, client):
    client.post("/api/v1/brands", json=brand("lanhai", "蓝海"))
    client.post("/api/v1/mentions", json=[row("蓝海刹车不错", id="other")])
    assert "other" not in search("刹车")


def test_a_search_to_the_end_of_time_ends(service, xingtu):
    query = MentionQuery("xingtu", 0, 253_402_128_000, text="刹车")
    assert service.store.mentions.page(query) == []
