from __future__ import annotations

import pytest

from models.intent import IntentLexicon

LEXICON = IntentLexicon()


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
    assert LEXICON.find(text) == "recommend"


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
    assert LEXICON.find(text) == "dissuade"


@pytest.mark.parametrize(
    "text",
    [
        "今天去逛街",
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
    assert LEXICON.find(text) is None


def test_the_more_frequent_intent_wins():
    assert LEXICON.find("推荐，真的安利，除了别买小份") == "recommend"
