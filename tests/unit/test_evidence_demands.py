"""What customers ask for, and what they only speak of."""

from __future__ import annotations

import pytest

from models.lexicon import load
from monitor.domain import Traits
from monitor.evidence.demands import DEMANDS, demands
from monitor.evidence.quotes import listen
from tests.views import view


def asked(*texts, **more):
    views = [view(i, text, **more) for i, text in enumerate(texts)]
    return demands(listen(views, lambda given: [text.split() for text in given]))


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("质量这么差，我要退款", {"refund"}),
        ("三个月了还不退押金", {"refund"}),
        ("客服说不能退款，太过分", {"refund"}),
        ("必须赔偿我的损失", {"compensation"}),
        ("孩子医药费谁来出，给我赔偿", {"compensation"}),
        ("我要求你们赔偿", {"compensation"}),
        ("要求你赔钱", {"compensation"}),
        ("给我换一台新的", {"replacement"}),
        ("星途必须公开道歉", {"apology"}),
        ("到现在都不道歉", {"apology"}),
        ("拒不道歉，还删评论", {"apology"}),
        ("出来给个说法", {"explanation"}),
        ("三天了官方零回应", {"explanation"}),
        ("这批车赶紧召回", {"recall"}),
        ("为什么不召回", {"recall"}),
        ("这种产品应该下架", {"delisting"}),
        ("希望市场监管局严查", {"punishment"}),
        ("退款！道歉！赔偿！", {"refund", "apology", "compensation"}),
        ("要求退款，要求道歉", {"refund", "apology"}),
    ],
)
def test_what_is_asked_for(text, wanted):
    assert {each["kind"] for each in asked(text)} == wanted


@pytest.mark.parametrize(
    "text",
    [
        "已经退款了，还算快",
        "秒退款到账",
        "支持退款的店不多",
        "不用道歉，我再也不来了",
        "客服一直道歉也没用",
        "看了那封道歉信更生气",
        "星途宣布召回十万台",
        "已召回的车又坏了",
        "产品被下架了",
        "七天无理由退货都做不到的破店",
        "酒店反而要求客人赔偿床单",
        "客服让我换货，懒得折腾",
        "今天天气真好",
    ],
)
def test_what_is_granted_offered_or_waved_aside_is_not_asked_for(text):
    assert asked(text) == []


def test_the_intent_speaks_where_no_phrase_does():
    (only,) = asked("我要维权到底", traits=Traits(intents=("refund", "complaint")))
    assert only["kind"] == "refund"
    (only,) = asked("必须赔偿", traits=Traits(intents=("refund",)))
    assert only["kind"] == "compensation"


def test_the_most_wanted_comes_first_each_text_once():
    told = asked("我要退款 甲", "我要退款 乙", "我要退款 乙", "道歉 丙")
    assert told == [
        {"kind": "refund", "n": 2, "share": 0.6667, "mentions": [0, 1]},
        {"kind": "apology", "n": 1, "share": 0.3333, "mentions": [3]},
    ]


def test_every_kind_has_phrases():
    assert set(load("demands")) == {*DEMANDS, "harmless"}


def test_nobody_asks_for_nothing():
    assert asked() == []
