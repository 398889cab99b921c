from __future__ import annotations

import pytest

from models.intent import INTENTS, IntentLexicon

LEXICON = IntentLexicon()


def intents(text, no_opinion=None):
    return LEXICON.find_all([text], [no_opinion])[0]


@pytest.mark.parametrize(
    "text",
    [
        "真心推荐这家店",
        "安利给所有姐妹",
        "已经是第三次回购了",
        "成功被同款种草，值得入手",
        "闭眼入，不会错",
        "味道好，下次还来",
        "没有踩雷，很满意",
        "强烈推荐！",
    ],
)
def test_it_hears_a_recommendation(text):
    assert intents(text) == ("recommend",)


@pytest.mark.parametrize(
    "text",
    [
        "大家避雷这家",
        "不推荐",
        "真的不是很推荐",
        "用完直接劝退",
        "已拔草，别买",
        "姐妹们快跑",
        "不会再回购了",
        "不敢再推荐给朋友",
        "再也不来了",
        "交智商税的都知道",
        "以前会推荐，现在只想说避雷",
    ],
)
def test_it_hears_a_warning(text):
    assert intents(text) == ("dissuade",)


@pytest.mark.parametrize(
    "text",
    [
        "周末去逛街买了双鞋",
        "",
        "求推荐好用的面霜",
        "有没有推荐的酒店",
        "这款值得买吗",
        "值得入手？",
        "首页推荐全是广告",
        "楼顶装了避雷针",
        "朋友推荐来的",
    ],
)
def test_it_hears_neither(text):
    assert not {"recommend", "dissuade"} & set(intents(text))


def test_the_more_frequent_vote_wins():
    assert intents("推荐，真的安利，除了别买小份") == ("recommend",)


@pytest.mark.parametrize(
    "text",
    [
        "已经打了12315，等处理结果",
        "必须曝光这家黑店",
        "问题反映三次了，没人管",
        "今天不给个说法不算完",
        "客服一直踢皮球，我要投诉",
        "店大欺客，差评",
        "吐槽一下这个会员规则",
    ],
)
def test_it_hears_a_complaint(text):
    assert intents(text)[0] == "complaint"


@pytest.mark.parametrize(
    "text",
    [
        "开业三年零投诉",
        "没有投诉过任何一家店，这家是真好",
        "新机曝光，外观大改",
        "曝光补偿调低一档更好看",
        "住了一星期，很舒服",
        "看了半天没有差评就下单了",
        "没什么可吐槽的",
        "黑猫警长联名款真可爱",
    ],
)
def test_it_hears_no_complaint_in_what_only_looks_like_one(text):
    assert "complaint" not in intents(text)


@pytest.mark.parametrize(
    "text",
    [
        "申请退款半个月了还没动静",
        "退钱！",
        "要求退一赔三",
        "拖着不退押金",
        "质量太差我要退货",
        "还我血汗钱",
        "要求你们赔偿损失",
        "商家就是不退款",
        "买回来三天就想退",
    ],
)
def test_it_hears_who_wants_money_back(text):
    assert intents(text)[0] == "refund"


@pytest.mark.parametrize(
    "text",
    [
        "退款很快，服务好",
        "支持七天无理由退货",
        "商家承诺支持退换",
        "退货率很低的一款",
        "不想退货了，凑合用吧",
        "退款秒到账",
        "不用退款，挺合适的",
        "买了运费险比较放心",
        "干了十年我要退休了",
    ],
)
def test_it_hears_no_claim_where_refunds_are_offered_settled_or_denied(text):
    assert "refund" not in intents(text)


@pytest.mark.parametrize(
    "text",
    [
        "请问这款支持无线充电吗",
        "屏幕突然黑了怎么办",
        "求推荐三千左右的手机",
        "有没有人用过这家的净水器",
        "纠结了，白色和黑色选哪个",
        "在线等，蓝牙连不上怎么解决",
        "这个型号什么时候补货",
        "老人可以用这款吗？",
        "麻烦问下尺码",
    ],
)
def test_it_hears_a_question_that_wants_an_answer(text):
    assert intents(text)[0] == "help"


@pytest.mark.parametrize(
    "text",
    [
        "你们的良心不会痛吗",
        "难道这就是所谓的旗舰吗",
        "不管怎么用都不卡",
        "没多少钱，划算",
        "怎么说呢，中规中矩",
        "这么贵好意思吗？",
    ],
)
def test_it_hears_no_question_in_rhetoric(text):
    assert "help" not in intents(text)


@pytest.mark.parametrize(
    "text",
    ["哈哈哈哈哈哈", "早安，打工人", "笑死我了哈哈哈", "打卡打卡", "前排围观吃瓜", "下班了下班了"],
)
def test_it_hears_small_talk(text):
    assert intents(text) == ("chat",)


@pytest.mark.parametrize(
    "text",
    [
        "哈哈哈太垃圾了，再也不来",
        "今天买的面包发霉了",
        "大家好，这是我用过最舒服的枕头，支撑力特别好，睡一晚脖子不疼了",
        "我的手机坏了",
        "沙发质量不错",
        "顶级配置",
        "",
    ],
)
def test_it_hears_no_small_talk_where_something_is_said(text):
    assert "chat" not in intents(text)


def test_what_asks_for_action_stands_first():
    text = "请问怎么投诉？商家拒绝退款，大家避雷"
    assert intents(text) == ("refund", "complaint", "help", "dissuade")


def test_a_promotion_is_an_ad():
    assert intents("关注并转发抽三位", "promotion") == ("ad",)
    assert intents("关注并转发抽三位", "default") == ()


def test_a_batch_reads_as_its_texts_alone():
    texts = ["退钱！", "", "真心推荐", "哈哈哈", "请问有货吗", "今天"]
    assert LEXICON.find_all(texts) == [LEXICON.find_all([text])[0] for text in texts]


def test_it_names_only_known_intents_once_each():
    for found in LEXICON.find_all(["维权退款投诉，请问怎么办？避雷", "维权维权"]):
        assert len(set(found)) == len(found)
        assert set(found) <= set(INTENTS)
