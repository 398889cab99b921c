import math

import pytest

from monitor.figures import Figures
from tests.rows import BAD, BLAND, DAY, GOOD, HOUR, NOW, brand, row

pytestmark = pytest.mark.usefixtures("xingtu")
FIRST, LAST = "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"
INDICES = [
    "volume",
    "positive",
    "negative",
    "neutral",
    "unique_texts",
    "unique_authors",
    "share_of_voice",
    "engagement",
    "reach",
    "reach_estimated",
    "engagement_rate",
    "amplification",
    "amplification_per_post",
    "positive_rate",
    "negative_share",
    "nsr_polar",
    "nsr_total",
    "recommendation_rate",
    "nps",
    "csat",
    "ces",
    "wom_index",
    "heat_index",
    "crisis_index",
]


@pytest.fixture
def send(client):
    def send(*rows):
        answer = client.post("/api/v1/mentions", json=list(rows))
        assert answer.status_code == 202, answer.text
        return answer.json

    return send


@pytest.fixture
def get(client):
    def get(path, status=200, **query):
        answer = client.get(f"/api/v1/{path}", query_string=query)
        assert answer.status_code == status, answer.text
        return answer.json

    return get


def test_a_brand_nobody_speaks_of_has_every_index_and_none_from_nothing(get):
    found = get("brands/xingtu/indices")["indices"]
    assert sorted(found) == sorted(INDICES)
    zero = {name for name, metric in found.items() if metric["value"] == 0}
    none = {name for name, metric in found.items() if metric["value"] is None}
    counts = {"volume", "positive", "negative", "neutral", "unique_texts", "unique_authors"}
    assert zero == counts | {"reach_estimated", "crisis_index"}
    assert none == set(INDICES) - zero
    assert all(metric["n"] == 0 for metric in found.values())


def test_indices_count_the_window_and_nothing_else(send, get):
    send(
        row(GOOD, NOW - HOUR, author={"id": "a"}, engagement={"likes": 3, "views": 50}),
        row(BAD, NOW - HOUR, platform="xhs", author={"id": "b"}, engagement={"likes": 1}),
        row(BLAND, NOW - HOUR, author={"id": "a"}),
        row(BLAND, NOW - 3 * HOUR),
    )
    window = {"start": NOW - 2 * HOUR, "end": NOW}
    found = get("brands/xingtu/indices", **window)
    values = {name: metric["value"] for name, metric in found["indices"].items()}
    assert [values[k] for k in ("volume", "positive", "negative", "neutral")] == [3, 1, 1, 1]
    assert (values["engagement"], values["reach"], values["unique_authors"]) == (4, 50, 2)
    assert values["negative_share"] == pytest.approx(1 / 3)
    assert values["engagement_rate"] == pytest.approx(3 / 50)
    assert found["platforms"] == {
        "weibo": {"volume": 2, "positive": 1, "neutral": 1, "negative": 0},
        "xhs": {"volume": 1, "positive": 0, "neutral": 0, "negative": 1},
    }
    only = get("brands/xingtu/indices", platform="xhs", **window)["indices"]
    assert (only["volume"]["value"], only["unique_authors"]["value"]) == (1, 1)
    assert get("brands/xingtu/indices", platform="jd", **window)["indices"]["volume"]["value"] == 0


def test_a_share_of_voice_is_among_the_brand_and_its_competitors(send, get, client):
    client.post("/api/v1/brands", json=brand("lanhai", "蓝海"))
    client.post("/api/v1/brands", json=brand("wanfeng", "晚风"))
    client.patch("/api/v1/brands/xingtu", json={"competitors": ["lanhai", "nobody"]})
    send(row(), row(), row("蓝海"), row("蓝海和星途"), row("晚风"), row("晚风"))
    voice = get("brands/xingtu/indices")["indices"]["share_of_voice"]
    assert (voice["value"], voice["n"]) == (pytest.approx(3 / 5), 5)
    compared = get("compare", brands="xingtu,wanfeng,xingtu")["brands"]
    assert [(b["brand"], b["share_of_voice"]["value"]) for b in compared] == [
        ("xingtu", pytest.approx(3 / 5)),
        ("wanfeng", pytest.approx(2 / 5)),
    ]


def test_answers_to_real_questions_give_their_indices(send, get):
    def asked(scale, *values):
        return [row("", brands=["xingtu"], rating={"value": v, "scale": scale}) for v in values]

    send(*asked("nps10", 10, 9, 9, 7, 6, 0), *asked("csat5", 5, 4, 3), *asked("ces7", 2, 5))
    found = get("brands/xingtu/indices")["indices"]
    assert found["nps"]["value"] == pytest.approx(100 * (3 - 2) / 6)
    assert found["csat"]["value"] == pytest.approx(2 / 3)
    assert found["ces"]["value"] == pytest.approx(3.5)
    assert [found[name]["n"] for name in ("nps", "csat", "ces")] == [6, 3, 2]


def test_recommending_and_dissuading_give_a_rate(send, get):
    send(row("星途强烈推荐，闭眼入"), row("推荐星途给朋友"), row("星途避雷，千万别买"))
    rate = get("brands/xingtu/indices")["indices"]["recommendation_rate"]
    assert (rate["value"], rate["n"]) == (pytest.approx(2 / 3), 3)


@pytest.mark.parametrize(("step", "seconds"), [("5m", 300), ("1h", HOUR), ("1d", DAY)])
def test_a_trend_has_a_point_for_every_step_and_adds_up(send, get, step, seconds):
    send(*(row((GOOD, BAD, BLAND)[i % 3] + str(i), NOW - i * 4000) for i in range(1, 60)))
    found = get("brands/xingtu/trend", start=NOW - 3 * DAY, end=NOW, step=step)
    times = [point["t"] for point in found["points"]]
    assert found["step"] == step
    assert len(times) == len(set(times)) == math.ceil(3 * DAY / seconds)
    totals = get("brands/xingtu/indices", start=NOW - 3 * DAY, end=NOW)["indices"]
    for name in ("volume", "positive", "negative", "neutral"):
        assert sum(point[name] for point in found["points"]) == totals[name]["value"]
    empty = [point for point in found["points"] if not point["volume"]]
    assert all(point["negative_share"] is None and point["wom_index"] is None for point in empty)


def test_a_trend_that_would_be_too_long_is_coarser(get):
    found = get("brands/xingtu/trend", start=NOW - 90 * DAY, end=NOW, step="5m")
    assert (found["step"], len(found["points"])) == ("1h", 90 * 24)
    found = get("brands/xingtu/trend", start=946_684_800, end=NOW, step="1h")
    assert (found["step"], len(found["points"])) == ("1d", 3001 if NOW % DAY else 3000)


def test_the_overview_shows_every_brand_and_says_when_nothing_changed(send, get, client):
    client.post("/api/v1/brands", json=brand("lanhai", "蓝海"))
    send(row(BAD), row(GOOD))
    answer = client.get("/api/v1/overview")
    cards = {card["id"]: card for card in answer.json["brands"]}
    assert cards["xingtu"]["indices"]["volume"]["value"] == 2
    assert cards["lanhai"]["indices"]["volume"]["value"] == 0
    assert (cards["xingtu"]["open_alerts"], cards["xingtu"]["level"]) == (0, "none")
    assert sum(point["volume"] for point in cards["xingtu"]["sparkline"]) == 2
    again = client.get("/api/v1/overview", headers={"If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    send(row(GOOD))
    again = client.get("/api/v1/overview", headers={"If-None-Match": answer.headers["ETag"]})
    assert again.status_code == 200


@pytest.mark.parametrize("sort", ["new", "weight"])
@pytest.mark.parametrize("filters", [{}, {"label": "negative"}, {"platform": "xhs"}])
@pytest.mark.parametrize("limit", [1, 7, 100])
def test_pages_lose_nothing_and_repeat_nothing(send, get, sort, filters, limit):
    rows = [
        row(
            (GOOD, BAD, BLAND)[i % 3],
            NOW - i // 4 * 60,
            platform=("weibo", "xhs")[i % 2],
            engagement={"likes": i % 5},
        )
        for i in range(60)
    ]
    send(*rows)
    items, cursor = [], None
    for _ in range(100):
        query = {"sort": sort, "limit": limit, **filters, **({"cursor": cursor} if cursor else {})}
        page = get("brands/xingtu/mentions", **query)
        items += page["items"]
        cursor = page["next"]
        if cursor is None:
            break
    n = {(): 60, ("label",): 20, ("platform",): 30}[tuple(filters)]
    assert len(items) == len({item["id"] for item in items}) == n
    if sort == "new":
        times = [item["published_at"] for item in items]
        assert times == sorted(times, reverse=True)


def test_what_comes_in_between_two_pages_moves_nothing(send, get):
    send(*(row(f"星途{i}", NOW - i * 60) for i in range(10)))
    first = get("brands/xingtu/mentions", limit=5)
    send(row("星途新的", NOW - 1))
    second = get("brands/xingtu/mentions", limit=5, cursor=first["next"])
    seen = [item["text"] for item in first["items"] + second["items"]]
    assert seen == [f"星途{i}" for i in range(10)]


def test_pages_by_weight_go_on_where_weights_are_tiny(send, get, service):
    copies = [row(GOOD, NOW - i) for i in range(400)]
    send(*copies)
    with service.store.mentions._db.write() as db:
        db.execute("UPDATE reading SET weight = 3e-7 * mention_id")
    page = get("brands/xingtu/mentions", sort="weight", limit=100)
    second = get("brands/xingtu/mentions", sort="weight", limit=100, cursor=page["next"])
    assert len({m["id"] for m in page["items"] + second["items"]}) == 200


def test_filters_by_kind_and_time(send, get):
    send(row(id="a", kind="review"), row(id="b", at=NOW - 2 * HOUR), row(id="c"))
    for query, found in (
        ({"kind": "review"}, ["a"]),
        ({"end": NOW - HOUR}, ["b"]),
        ({"start": "2026-11-22T07:00:00+08:00"}, ["a", "c"]),
        ({"start": NOW - HOUR + 1}, []),
    ):
        items = get("brands/xingtu/mentions", **query)["items"]
        assert sorted(item["native_id"] for item in items) == found


@pytest.mark.parametrize(
    "query",
    [
        {"start": "昨天"},
        {"start": "2026-02-30"},
        {"end": 10**16},
        {"limit": 0},
        {"limit": 101},
        {"limit": "x"},
        {"sort": "old"},
        {"label": "bad"},
        {"cursor": "x"},
        {"q": "长" * 201},
        {"nonsense": 1},
    ],
)
def test_a_query_that_makes_no_sense_is_refused_with_its_field(get, query):
    problem = get("brands/xingtu/mentions", status=422, **query)
    assert problem["code"] == "invalid_input"
    assert problem["field"] == next(iter(query))


@pytest.mark.parametrize("path", ["indices", "trend", "mentions"])
@pytest.mark.parametrize("window", [(FIRST, LAST), (LAST, FIRST), (NOW, NOW), (LAST, LAST)])
def test_any_window_is_answered(send, get, path, window):
    send(row(BAD))
    start, end = window
    get(f"brands/xingtu/{path}", start=start, end=end)
    get("overview", start=start, end=end)
    get("compare", brands="xingtu", start=start, end=end)


def test_sentiment_is_read_without_being_stored(client, service):
    texts = [BAD, GOOD, "蓝海很好，但是星途很差"]
    answer = client.post("/api/v1/sentiment", json={"texts": texts, "target": "星途"})
    assert [r["label"] for r in answer.json["readings"]] == ["negative", "positive", "negative"]
    for reading in answer.json["readings"]:
        for cue in reading["cues"]:
            assert reading["text"][cue["start"] : cue["end"]] == cue["text"]
    assert service.store.mentions.count() == 0


def test_sentiment_in_two_leaves_nothing_neutral_that_is_judged_at_all(client):
    body = {"texts": [BLAND, "今天星期三", ""], "binary": True}
    labels = [r["label"] for r in client.post("/api/v1/sentiment", json=body).json["readings"]]
    assert [label == "neutral" for label in labels] == [False, False, True]


def test_heat_is_known_after_a_week(send, service, xingtu):
    send(row(at=NOW - 7 * DAY), row(at=NOW - HOUR, engagement={"likes": 100}))
    heat = Figures(service.store, NOW).indices(xingtu, NOW - DAY, NOW)["heat_index"]
    assert heat.n == 7 * 24
    assert 0 < heat.value <= 100
    early = Figures(service.store, NOW - DAY).indices(xingtu, 0, NOW - DAY)["heat_index"]
    assert early.value is None


@pytest.mark.parametrize(
    "path",
    ["overview", "brands/xingtu/indices", "brands/xingtu/trend?step=5m", "compare?brands=xingtu"],
)
def test_an_answer_stays_the_same_until_the_next_five_minutes(client, clock, path):
    clock.now = NOW + 1
    first = client.get(f"/api/v1/{path}")
    known = {"If-None-Match": first.headers["ETag"]}
    clock.now = NOW + 299
    assert client.get(f"/api/v1/{path}", headers=known).status_code == 304
    clock.now = NOW + 301
    assert client.get(f"/api/v1/{path}", headers=known).status_code == 200


def test_the_default_window_ends_behind_the_present(send, get, clock):
    clock.now = NOW + 61
    send(row(BAD, NOW + 60), row(BAD, clock.now + 500))
    found = get("brands/xingtu/indices")
    assert (found["start"], found["end"]) == ("2026-11-15T00:05:00Z", "2026-11-22T00:05:00Z")
    assert found["indices"]["volume"]["value"] == 1
    assert len(get("brands/xingtu/mentions")["items"]) == 2


def test_the_overview_knows_no_platform(get):
    assert get("overview", status=422, platform="weibo")["field"] == "platform"


def test_a_platform_has_no_crisis_index(send, get):
    send(row(BAD))
    indices = get("brands/xingtu/indices", platform="weibo")["indices"]
    assert (indices["crisis_index"]["value"], indices["crisis_index"]["n"]) == (None, 0)
    assert get("brands/xingtu/indices")["indices"]["crisis_index"]["value"] == 0
