"""Fact or rumour, and how much one report of a danger is to be believed."""

from __future__ import annotations

import pytest

from models.lexicon import load
from models.risk import RiskLexicon
from monitor.domain import Traits
from monitor.evidence.credibility import CREDIBLE, CUES, belief, cues, reports, risk_weight
from monitor.evidence.quotes import listen
from tests.views import view

DANGERS = RiskLexicon()


def report(text, number=1, *, topics=None, **more):
    """One mention with the dangers that the shipped phrases find in it."""
    found = tuple(dict.fromkeys(hit.topic for hit in DANGERS.find(text)))
    given = {"traits": Traits(risks=found if topics is None else topics), "confidence": 0.9}
    return view(number, text, **given | more)


# -- how much one report weighs --------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "星途充电时突然起火，我女儿的手被烧伤",
        "刚到手的充电宝在包里爆炸了，图为证",
        "在星途吃完当晚食物中毒，有诊断有发票",
        "高速上刹车失灵，差点没命",
        "极目新闻：一辆星途在地库自燃，消防部门已到场",
        "消防部门通报：星途门店火灾，两人受伤",
        "星途起火了你们不管吗？",
        "都爆炸了，为什么还不召回？",
        "电动车充电起火？？？还敢卖？",
        "听我朋友说没事，结果我家的星途就起火了",
        "星途泄露用户数据，身份证泄露得一干二净",
        "星途的广告公开歧视女性",
        "谁造谣了，我家的星途就是起火了",
    ],
)
def test_one_credible_report_is_enough(text):
    assert risk_weight(report(text)) >= CREDIBLE


@pytest.mark.parametrize(
    ("text", "doubts"),
    [
        ("听说有人的星途充电起火了", ("hearsay",)),
        ("网传星途电池爆炸，真的假的", ("question", "hearsay")),
        ("群里都在传星途食物中毒，不知真假", ("question", "hearsay")),
        ("星途充电起火了？", ("question",)),
        ("求证：星途门店发生了火灾", ("question",)),
        ("去年星途那次起火我还记得", ("past",)),
        ("2019年星途爆炸事故回顾", ("past",)),
        ("星途起火，官方称视频系摆拍", ("denial",)),
        ("看完直接原地起火[doge]", ("irony",)),
        ("消防员说，要是这样用，充电时起火是难免的", ("supposed",)),
        ("别的牌子起火了，星途没有", ("elsewhere",)),
    ],
)
def test_one_doubtful_report_is_not(text, doubts):
    (found,) = reports([report(text, topics=("fire",))])
    assert found.doubts == doubts
    assert 0 < found.weight < CREDIBLE


@pytest.mark.parametrize(
    "text",
    [
        "这家店好吃到爆炸",
        "星途的新皮肤炸裂，帅爆了",
        "吃着火锅唱着歌",
        "万一刹车失灵怎么办",
        "如果哪天自燃了谁负责",
        "星途会起火吗",
        "用了三年从来没有起火",
        "起火是谣言，别传了",
        "我对这个味道中毒太深",
        "小说里那段爆炸写得真好",
    ],
)
def test_what_only_sounds_like_danger_weighs_nothing(text):
    assert risk_weight(report(text)) == 0


FIRE = "星途充电时突然起火"


@pytest.mark.parametrize(
    ("more", "doubt"),
    [
        ({"traits": Traits(risks=("fire",), no_opinion="promotion")}, "no_opinion"),
        ({"traits": Traits(risks=("fire",), irony=True)}, "irony"),
        ({"traits": Traits(risks=("fire",), unsupported="language")}, "unread"),
        ({"via": "parent"}, "inherited"),
    ],
)
def test_what_is_known_of_the_mention_makes_it_doubtful(more, doubt):
    (found,) = reports([report(FIRE, **more)])
    assert found.doubts == (doubt,)
    assert found.weight < risk_weight(report(FIRE))


def test_a_comment_below_a_post_of_the_brand_is_believed_all_the_same():
    assert risk_weight(report(FIRE, via="parent")) >= CREDIBLE


def test_more_followers_weigh_more():
    weights = [risk_weight(report(FIRE, followers=n)) for n in (None, 10**4, 10**6, 10**9)]
    assert weights == sorted(set(weights))
    assert (weights[0], weights[-1]) == (0.75, 1.0)
    assert risk_weight(report(FIRE, verified=True)) > weights[0]


def test_little_confidence_weighs_less_and_a_person_removes_the_doubt():
    sure, unsure = (risk_weight(report(FIRE, confidence=c)) for c in (0.7, 0.55))
    assert CREDIBLE <= unsure < sure
    assert risk_weight(report(FIRE, confidence=0.4, corrected=True)) == sure


def test_praise_that_is_sure_reports_nothing_against_the_brand():
    (found,) = reports([report("别家起火了，还是星途好", label=1, confidence=0.9)])
    assert found[1:] == (0.0, ("praise",))
    # Praise that is unsure may be a danger misread, which costs more than a second look.
    assert risk_weight(report(FIRE, label=1, confidence=0.5)) >= CREDIBLE


def test_a_news_item_without_an_opinion_is_believed():
    assert risk_weight(report("一辆星途在高速上起火，三人受伤", label=0)) >= CREDIBLE


def test_a_question_about_something_else_raises_no_doubt():
    (found,) = reports([report("星途起火了。请问换一台多少钱？")])
    assert found.doubts == ()


def test_a_lighter_danger_weighs_less():
    assert risk_weight(report("吃出蟑螂", topics=("hygiene",))) < CREDIBLE


def test_a_danger_whose_words_are_not_found_any_more_is_judged_by_the_whole_text():
    (found,) = reports([report("如果真的这样就完了", topics=("fire",))])
    assert found.doubts == ("supposed",)


def test_titles_and_the_old_script_are_read_too():
    (found,) = reports([report("詳情如下", title="聽說星途自燃", topics=("fire",))])
    assert found.doubts == ("hearsay",)


# -- several reports -------------------------------------------------------------------------------


def rumours(n, **more):
    texts = [f"听说第{i}个小区有星途起火了" for i in range(n)]
    return reports([report(text, i, **more) for i, text in enumerate(texts)])


def test_several_doubtful_reports_may_be_as_good_as_one():
    assert belief(rumours(1)) < CREDIBLE < belief(rumours(4))


def test_one_author_or_one_text_counts_once():
    assert belief(rumours(9, author="a" * 32)) == pytest.approx(belief(rumours(1)))
    copies = reports([report("听说星途起火了", i) for i in range(9)])
    assert belief(copies) == pytest.approx(belief(copies[:1]))


def test_the_strongest_of_one_author_counts():
    both = reports([report("听说星途起火", 1, author="a"), report(FIRE, 2, author="a")])
    assert belief(both) == pytest.approx(0.75)


# -- fact or rumour --------------------------------------------------------------------------------


def leaning(*texts):
    views = [view(i, text) for i, text in enumerate(texts)]
    return cues(listen(views, lambda given: [text.split() for text in given]))


@pytest.mark.parametrize(
    ("text", "cue"),
    [
        ("真的假的", "question"),
        ("有没有官方消息，等通报", "question"),
        ("听说的", "hearsay"),
        ("网传视频", "hearsay"),
        ("官方已辟谣", "denial"),
        ("我亲眼看到的", "witness"),
        ("有聊天记录", "witness"),
        ("市场监管局已介入", "official"),
        ("官方通报来了", "official"),
        ("央视曝光了", "media"),
        ("据报道有人受伤", "media"),
    ],
)
def test_each_cue_is_heard(text, cue):
    assert cue in leaning(text)["found"]


@pytest.mark.parametrize("text", ["从没听说这个牌子", "路过", "今天买菜"])
def test_no_cue_where_there_is_none(text):
    assert leaning(text)["found"] == {}


def test_it_leans_to_the_side_with_twice_as_many():
    facts = [f"我亲眼看到第{i}辆" for i in range(3)]
    rumour = [f"听说第{i}辆也是" for i in range(3)]
    assert leaning(*facts)["leaning"] == "fact"
    assert leaning(*rumour)["leaning"] == "rumour"
    assert leaning(*facts, *rumour)["leaning"] == "open"
    assert leaning(*facts[:2])["leaning"] == "open"
    assert leaning()["leaning"] == "open"


def test_sources_are_named_with_how_many_name_them():
    told = leaning("央视报道，消协也说了", "看央视了吗", "看央视了吗")
    assert told["sources"] == [["央视", 2], ["消协", 1]]
    assert told["found"]["media"] == {"n": 2, "mentions": [0, 1]}


def test_every_cue_has_phrases():
    assert set(load("rumour")) == {*CUES, "harmless"}
