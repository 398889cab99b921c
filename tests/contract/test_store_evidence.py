"""What a store tells around a signal: samples, firsts, copies, dangers, usual texts, authors."""

from __future__ import annotations

import pytest

from monitor.corrections import Statement
from monitor.domain import Brand
from monitor.indices import SEVERE_TOPICS
from tests.rows import BAD, BLAND, DAY, GOOD, HOUR, NOW, row

START, END = NOW - HOUR, NOW
FIRE = "星途充电时突然起火爆炸，有人烧伤"


@pytest.fixture
def send(service, xingtu):
    """Store rows; returns nothing, for ids are the store's own affair."""

    def send(*rows):
        assert service.pipeline.ingest(list(rows)).accepted == len(rows)

    return send


@pytest.fixture
def mentions(service):
    return service.store.mentions


def texts(views):
    return [view.text for view in views]


def bad(i=0, at=NOW - 60, **more):
    return row(f"{BAD}，第{i}次", at, **more)


# -- samples ---------------------------------------------------------------------------------------


def test_a_sample_holds_the_negatives_of_the_window_heaviest_first(send, mentions):
    send(
        bad(1, engagement={"likes": 5}),
        bad(2, engagement={"likes": 5000}),
        bad(3, at=START - 1),
        bad(4, at=END),
        row(GOOD, NOW - 60),
        row(BLAND, NOW - 60),
    )
    sample = mentions.sample("xingtu", START, END)
    assert texts(sample.mentions) == [f"{BAD}，第2次", f"{BAD}，第1次"]
    assert (sample.of, sample.drawn) == (2, None)
    others = mentions.sample("xingtu", START, END, negative=False)
    assert set(texts(others.mentions)) == {GOOD, BLAND}
    assert others.of == 2


def test_a_large_window_gives_its_heaviest_and_others_drawn_evenly(send, mentions):
    send(*(bad(i, at=START + i, engagement={"likes": 10 * (400 - i)}) for i in range(400)))
    sample = mentions.sample("xingtu", START, END, limit=40)
    assert sample.of == 400
    weights = [view.weight for view in sample.mentions]
    assert weights == sorted(weights, reverse=True)
    numbers = {view.id: view.published_at - START for view in sample.mentions}
    assert set(range(20)) <= set(numbers.values())
    drawn = [numbers[i] for i in sample.drawn]
    assert len(drawn) == 20
    assert all(any(100 * k <= n < 100 * (k + 1) for n in drawn) for k in range(4))
    assert sample == mentions.sample("xingtu", START, END, limit=40)


def test_a_sample_of_a_platform_or_an_aspect_holds_that_alone(send, mentions):
    send(
        row("星途的客服态度太差了", NOW - 60, platform="xhs"),
        row("星途的客服敷衍得很，差评", NOW - 60),
        bad(1),
    )
    of_platform = mentions.sample("xingtu", START, END, platform="xhs")
    assert (of_platform.of, texts(of_platform.mentions)) == (1, ["星途的客服态度太差了"])
    of_aspect = mentions.sample("xingtu", START, END, aspect="service")
    assert of_aspect.of == 2
    assert f"{BAD}，第1次" not in texts(of_aspect.mentions)
    own = mentions.sample("xingtu", START, END, aspect="serv")
    assert own.of == 0
    both = mentions.sample("xingtu", START, END, platform="xhs", aspect="service")
    assert both.of == 1


def test_what_people_corrected_is_what_counts(send, mentions, service):
    send(bad(1), row(GOOD, NOW - 60))
    (view,) = mentions.sample("xingtu", START, END).mentions
    service.store.corrections.add([Statement("xingtu", view.id, 1)], "值班", NOW)
    assert mentions.sample("xingtu", START, END).of == 0
    assert mentions.sample("xingtu", START, END, negative=False).of == 2


# -- where it began --------------------------------------------------------------------------------


def test_each_platform_has_its_first_negative_the_earliest_first(send, mentions):
    send(
        bad(1, at=NOW - 300),
        bad(2, at=NOW - 900),
        bad(3, at=NOW - 600, platform="xhs"),
        bad(4, at=NOW - 2 * HOUR, platform="xhs"),
        row(GOOD, NOW - 1200, platform="jd"),
    )
    firsts = mentions.first_negatives("xingtu", START, END)
    assert [(view.platform, view.published_at) for view in firsts] == [
        ("weibo", NOW - 900),
        ("xhs", NOW - 600),
    ]


def test_copies_come_together_with_the_first_of_them_however_early(send, mentions):
    send(
        row(BAD, NOW - 9 * DAY, platform="zhihu"),
        row(GOOD, NOW - 60),
        *(row(BAD, NOW - 600 + i, author={"id": f"a{i % 3}"}) for i in range(6)),
        bad(1, engagement={"likes": 2}),
    )
    first, second = mentions.repeated("xingtu", START, END)
    assert (first.seen, first.authors) == (6, 3)
    assert (first.first.platform, first.first.published_at) == ("zhihu", NOW - 9 * DAY)
    assert (second.seen, second.authors, second.first.text) == (1, 0, f"{BAD}，第1次")
    assert len(mentions.repeated("xingtu", START, END, limit=1)) == 1


def test_where_the_first_copy_is_gone_the_first_of_the_window_stands_in(send, mentions, service):
    send(row(BAD, NOW - 9 * DAY), row(BAD, NOW - 600), row(BAD, NOW - 500))
    with service.store._database.write() as db:
        db.execute("DELETE FROM reading WHERE published_at = ?", (NOW - 9 * DAY,))
    (cluster,) = mentions.repeated("xingtu", START, END)
    assert cluster.first.published_at == NOW - 600


# -- dangers ---------------------------------------------------------------------------------------


def test_dangers_are_the_mentions_with_a_topic_of_danger(send, mentions):
    send(row(FIRE, NOW - 60), row(f"{FIRE}！", NOW - 30), bad(1), row(FIRE, NOW - 2 * HOUR))
    span = ("xingtu", START, END, SEVERE_TOPICS)
    found = mentions.dangers(*span)
    assert [view.published_at for view in found] == [NOW - 30, NOW - 60]
    assert [view.published_at for view in mentions.dangers(*span, limit=1)] == [NOW - 30]
    assert mentions.dangers(*span, after=NOW + 1) == []


def test_a_comparison_is_a_danger_of_the_blamed_brand_only(send, mentions, service):
    service.store.brands.add(Brand("lanhai", "蓝海", created_at=NOW - DAY))
    send(row("蓝海太差劲了，充电时突然起火；星途非常好，强烈推荐大家买星途", NOW - 60))
    assert len(mentions.dangers("lanhai", START, END, SEVERE_TOPICS)) == 1
    assert mentions.dangers("xingtu", START, END, SEVERE_TOPICS) == []


# -- what is usual ---------------------------------------------------------------------------------


def test_usual_texts_are_negatives_of_all_days_alike(send, mentions):
    send(
        *(bad(i, at=NOW - 3 * DAY + i) for i in range(20)),
        *(bad(100 + i, at=NOW - 2 * DAY + i) for i in range(2)),
        row(GOOD, NOW - DAY),
        bad(200, at=NOW - 4 * DAY),
    )
    found = mentions.usual_texts("xingtu", NOW - 3 * DAY, NOW, limit=12)
    assert found == [f"{BAD}，第{i}次" for i in (19, 18, 17, 16, 101, 100)]


def test_known_authors_are_those_who_spoke_in_the_span(send, mentions):
    def by(name, at, text=BLAND):
        return row(f"{text}{name}{at}", at, author={"id": name})

    send(by("甲", NOW - 40 * DAY), by("乙", NOW - 10 * DAY), by("丙", NOW - 60, BAD))
    send(by("乙", NOW - 60, BAD), by("甲", NOW - 60, BAD))
    span = NOW - 30 * DAY, START
    now = {(v.platform, v.author) for v in mentions.sample("xingtu", START, END).mentions}
    assert len(now) == 3
    known = mentions.known_authors("xingtu", now, *span)
    assert known == {
        (v.platform, v.author)
        for v in mentions.sample("xingtu", NOW - 11 * DAY, NOW - 9 * DAY, negative=False).mentions
    }
    assert mentions.known_authors("xingtu", [], *span) == frozenset()
    assert mentions.known_authors("lanhai", now, *span) == frozenset()


@pytest.mark.parametrize("zone", ["Asia/Shanghai", "America/New_York", "Pacific/Kiritimati"])
def test_authors_are_known_to_the_second_in_every_time_zone(service, mentions, zone):
    service.store.brands.add(Brand("xingtu", "星途", timezone=zone, created_at=NOW - DAY))
    service.pipeline.ingest([row(BAD, NOW - 5 * DAY, author={"id": "甲"})])
    (view,) = mentions.sample("xingtu", NOW - 6 * DAY, NOW).mentions
    who = [(view.platform, view.author)]

    def known(start, end):
        return len(mentions.known_authors("xingtu", who, start, end))

    assert known(NOW - 5 * DAY, NOW - 5 * DAY + 1) == 1
    assert known(NOW - 5 * DAY + 1, NOW) == 0
    assert known(NOW - 30 * DAY, NOW - 5 * DAY) == 0


def test_an_empty_store_knows_nothing(mentions, xingtu):
    assert mentions.sample("xingtu", START, END).mentions == ()
    assert mentions.first_negatives("xingtu", START, END) == []
    assert mentions.repeated("xingtu", START, END) == []
    assert mentions.usual_texts("xingtu", START, END) == []
