from __future__ import annotations

import pytest

from models.intent import IntentLexicon
from models.stage import STAGES, StageLexicon

STAGE = StageLexicon()
INTENTS = IntentLexicon()


def stage(text, label=0):
    return STAGE.find_all([text], INTENTS.find_all([text]), [label])[0]


SHOWN = [
    ("第一次看到这种设计的台灯", 0, "discovery"),
    ("昨晚刷到这个牌子，有点意思", 1, "discovery"),
    ("路过发现新店", 0, "discovery"),
    ("听说这家的面包不错", 1, "awareness"),
    ("看了很多测评，参数还可以", 0, "awareness"),
    ("早有耳闻这个品牌", 0, "awareness"),
    ("求推荐三千以内的扫地机", 0, "consideration"),
    ("在这两款之间纠结好久", 0, "consideration"),
    ("加入购物车了，等降价", 0, "consideration"),
    ("想买一台给爸妈用", 0, "consideration"),
    ("这款值得买吗", 0, "consideration"),
    ("对比了一圈，最后选了它", 0, "choice"),
    ("下定决心就它了", 0, "choice"),
    ("刚下单，等发货", 0, "purchase"),
    ("终于入手了，明天到", 0, "purchase"),
    ("到货了还没拆", 0, "purchase"),
    ("用了两天就坏，垃圾", -1, "purchase"),
    ("买的时候说好送赠品，结果没有", -1, "purchase"),
    ("用了一个月，挺不错的", 1, "satisfaction"),
    ("穿着很舒服，大小正好", 1, "satisfaction"),
    ("收到货试了一下，非常满意", 1, "satisfaction"),
    ("住了两晚，早餐丰富", 1, "satisfaction"),
    ("第三次回购了，家里常备", 1, "loyalty"),
    ("这台洗衣机用了八年还很好", 1, "loyalty"),
    ("老顾客了，味道一直没变", 1, "loyalty"),
    ("味道好，下次还来", 1, "loyalty"),
    ("强烈推荐给新手妈妈", 1, "advocacy"),
    ("安利给身边所有同事", 1, "advocacy"),
    ("用了三年，闭眼入不会错", 1, "advocacy"),
    ("太差了，已经申请退货", -1, "churn"),
    ("再也不买这个牌子了", -1, "churn"),
    ("老用户了，这次失望透顶，换了别家", -1, "churn"),
    ("广告太多，卸载了", -1, "churn"),
    ("已拔草，浪费钱", -1, "churn"),
    ("会员到期不续费了", -1, "churn"),
    ("不会回购了，味道差", -1, "churn"),
    ("种草以后买来踩雷了", -1, "purchase"),
    ("从去年喝到现在，每天一杯", 1, "loyalty"),
    ("下次不会来了", -1, "churn"),
]

NOT_SHOWN = [
    ("别人都退货了，我觉得挺好", 1, "churn"),
    ("不用退货，很合适", 1, "churn"),
    ("支持七天无理由退货", 0, "churn"),
    ("想卸载都卸载不了", -1, "loyalty"),
    ("可以退货吗", 0, "churn"),
    ("朋友买了一台，我还没试", 0, "purchase"),
    ("如果下单能送保温杯就好了", 0, "purchase"),
    ("打算下单的时候发现没货", 0, "purchase"),
    ("还没下单", 0, "purchase"),
    ("没买过他家的东西", 0, "purchase"),
    ("买了吗", 0, "purchase"),
    ("用了一周，很失望", -1, "satisfaction"),
    ("听说很好吃", 1, "satisfaction"),
    ("不满意", -1, "satisfaction"),
    ("不好用", -1, "satisfaction"),
    ("老用户不如新用户，寒心", -1, "loyalty"),
    ("不推荐给任何人", -1, "advocacy"),
    ("有人强烈推荐给我，结果一般", -1, "advocacy"),
    ("求大家推荐一下", 0, "advocacy"),
    ("多年以前路过那条街", 0, "loyalty"),
    ("第三次联系客服了还没解决", -1, "loyalty"),
    ("他说买的人很多", 0, "purchase"),
    ("点了个赞", 1, "purchase"),
    ("放弃了治疗", 0, "churn"),
    ("本来想买，看了评论被劝退了", -1, "churn"),
    ("没踩雷", 1, "purchase"),
]


@pytest.mark.parametrize(("text", "label", "wanted"), SHOWN)
def test_it_tells_how_far_the_writer_is(text, label, wanted):
    assert stage(text, label) == wanted


@pytest.mark.parametrize(("text", "label", "unwanted"), NOT_SHOWN)
def test_denials_questions_and_other_people_show_no_stage_of_the_writer(text, label, unwanted):
    assert stage(text, label) != unwanted


@pytest.mark.parametrize("text", ["今天天气不错", "", "公司公布了财报"])
def test_what_says_nothing_about_buying_shows_no_stage(text):
    assert stage(text) is None


def test_advertising_shows_no_stage():
    texts = ["用了三年，强烈推荐给大家，加微信"]
    assert STAGE.find_all(texts, [("ad",)], [1]) == [None]


def test_the_furthest_stage_counts():
    text = "先是刷到，纠结了一周，下单以后用了半个月，很满意"
    assert stage(text, 1) == "satisfaction"
    assert stage(text.partition("，用了")[0], 0) == "purchase"


def test_it_names_only_known_stages():
    found = {stage(text, label) for text, label, _ in [*SHOWN, *NOT_SHOWN]}
    assert found - {None} <= set(STAGES)
