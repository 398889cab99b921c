"""From rows that were sent to the evidence of an alert, through the store and the readings."""

from __future__ import annotations

import pytest

from models.segment import Segmenter
from monitor.domain import Brand
from monitor.evidence import assess
from monitor.gather import gather
from tests.rows import DAY, GOOD, HOUR, NOW, quiet, row
from tests.views import signal

FIRE = "星途的电池充电时突然起火"


@pytest.fixture
def send(service, xingtu):
    def send(*rows):
        for i in range(0, len(rows), 500):
            service.pipeline.ingest(list(rows[i : i + 500]))

    return send


@pytest.fixture
def evidence(service):
    """What is known of a brand around a signal."""
    cut = Segmenter().cut_all

    def evidence(brand="xingtu", **more):
        given = signal(**{"series": brand, "window": 3600} | more)
        about = service.store.brands.get(brand)
        return assess("星途", given, gather(service.store, about, given, cut)).evidence

    return evidence


def crisis(n=30):
    """Complaints of three kinds on two platforms within the last half hour."""
    said = (
        "星途的电池充电时发烫冒烟，太吓人了，必须召回",
        "星途的客服拖了三周不退款，态度敷衍，我要退款",
        "星途的门店销售辱骂顾客，态度恶劣，要求道歉",
    )
    return [
        row(
            f"{said[i % 3]}，第{i}次",
            NOW - 1800 + 50 * i,
            platform=("weibo", "xhs")[i % 2] if i > 6 else "weibo",
            author={"id": f"a{i}", "followers": 100 * i},
            region="四川" if i % 2 else "上海",
            url=f"https://example.com/{i}",
        )
        for i in range(n)
    ]


def test_a_crisis_is_told_from_its_beginning_to_its_demands(send, evidence):
    send(*quiet(NOW - HOUR, days=20), *crisis(), row(GOOD, NOW - 60))
    told = evidence()
    assert told["origin"]["at"] == NOW - 1800
    assert [p["platform"] for p in told["spread"]["platforms"]] == ["weibo", "xhs"]
    assert told["spread"]["hours"] == pytest.approx(0.4, abs=0.01)
    assert told["sample"] == {"n": 30, "drawn": 30, "of": 30}
    assert {a["aspect"] for a in told["aspects"]} >= {"service", "aftersales"}
    quoted = "".join(quote["text"] for quote in told["mentions"][:3])
    assert all(word in quoted for word in ("电池", "退款", "销售"))
    assert {d["kind"] for d in told["demands"]} >= {"recall", "refund", "apology"}
    assert told["regions"]["known"] == 30
    assert told["counter"]["positive"] == 1
    assert told["baseline"]["n"] > 100
    words = [word for word, _ in told["words"]]
    assert {"召回", "退款"} & set(words)
    assert "车机" not in words
    assert set(told["links"].values()) <= {f"https://example.com/{i}" for i in range(30)}


def test_evidence_of_a_brand_that_is_praised_holds_nothing_of_the_blamed_one(
    send, evidence, service
):
    service.store.brands.add(Brand("lanhai", "蓝海", created_at=NOW - DAY))
    blamed = [
        row(
            f"蓝海的客服太差劲了，充电时突然起火，我要退款；星途非常好，强烈推荐买星途，第{i}次",
            NOW - 60 - i,
            author={"id": f"a{i}", "followers": 2_000_000},
            region="上海",
        )
        for i in range(6)
    ]
    send(*blamed)
    theirs = evidence(brand="lanhai")
    assert theirs["sample"]["n"] == 6
    assert theirs["risks"] == {"fire": 6}
    for rule in ("spike", "risk", "influencer"):
        ours = evidence(rule=rule)
        assert ours["sample"] == {"n": 0, "drawn": 0, "of": 0}
        assert ours["risks"] == {}
        assert ours["dangers"] == ours["demands"] == ours["aspects"] == ours["mentions"] == []
        assert ours["regions"]["known"] == 0
        assert ours["origin"] is None
        assert ours["spread"]["authors"] == []


def test_a_platforms_alert_is_about_that_platform(send, evidence):
    send(*crisis())
    told = evidence(platform="xhs")
    assert set(told["platforms"]) == {"xhs"}
    assert told["sample"]["of"] == told["negative"] == told["platforms"]["xhs"]
    assert {quote["platform"] for quote in told["mentions"]} == {"xhs"}
    assert sum(told["spread"]["bins"]) == told["negative"]
    assert [p["platform"] for p in told["spread"]["platforms"]] == ["xhs"]


def test_an_aspects_alert_is_about_those_who_blame_it(send, evidence):
    send(*crisis())
    told = evidence(aspect="service")
    assert 0 < told["sample"]["of"] < 30
    assert told["aspects"][0]["aspect"] == "service"
    assert told["aspects"][0]["share"] == 1


def test_a_danger_is_told_by_its_reports_and_not_by_other_complaints(send, evidence):
    dull = [r for r in crisis() if "冒烟" not in r["text"]]
    send(*dull, row(FIRE, NOW - 60), row("听说有人的星途起火了", NOW - 30))
    told = evidence(rule="risk")
    assert [quote["text"] for quote in told["mentions"]] == [FIRE]
    assert [danger["doubts"] for danger in told["dangers"]] == [[], ["hearsay"]]
    assert told["sample"] == {"n": 2, "drawn": 2, "of": 2}
    assert told["origin"]["at"] == NOW - 60


def test_a_new_topic_is_told_by_the_mentions_that_hold_its_word(send, evidence):
    send(*crisis())
    told = evidence(rule="topic", topic="门店")
    assert told["sample"]["n"] == 10
    assert all("门店" in quote["text"] for quote in told["mentions"])
    assert told["topic_words"][0] == "门店"
    assert not any(word in "星途汽车" for word in told["topic_words"])
    assert [cluster["text"][3:5] for cluster in told["origin"]["clusters"]] == ["门店"] * 3


def test_one_text_sent_by_many_new_authors_is_suspected_with_reasons(send, evidence):
    appeal = "强烈要求星途立即召回全部问题车辆，不召回就一直投诉到底"
    send(*(row(f"{appeal}{i}", NOW - 300 + i, author={"id": f"s{i}"}) for i in range(12)))
    told = evidence()["coordination"]
    assert told["suspected"]
    assert [reason["kind"] for reason in told["reasons"]] == ["same_text", "burst"]
    assert told["new"] == told["authors"] == 12


def test_a_brand_nobody_speaks_of_has_no_evidence(evidence, xingtu):
    told = evidence(rule="no_data")
    assert told["mentions"] == told["words"] == []
    assert told["origin"] is None
    assert told["sample"] == {"n": 0, "drawn": 0, "of": 0}
