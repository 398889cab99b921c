from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.features import BITS, grams
from models.segment import Segmenter
from models.traits import ARTIFACT, EMOTIONS, SHIFT, Scales, Traits

SEGMENTER = Segmenter()
TRAITS = Traits.load()


def read(*texts, traits=TRAITS):
    return traits.read(grams(texts, SEGMENTER.cut_all(texts)), texts)


def emotion(text):
    return read(text)[0][0]


def offensive(text):
    return read(text)[0][1]


def scales(bias):
    return Scales(np.zeros((1 << (BITS - SHIFT), 7), np.float32), bias)


@pytest.mark.parametrize(
    ("text", "felt"),
    [
        ("凭什么要我出运费，太气人了，投诉到底", "anger"),
        ("退款拖了一个月，客服还装死，气死我了😡", "anger"),
        ("汤里漂着一只苍蝇，看一眼就想吐，太恶心了", "disgust"),
        ("油腻的广告，越看越讨厌，反胃🤮", "disgust"),
        ("开了十年的老店关门了，好难过，舍不得", "sadness"),
        ("等了三个月收到是坏的，眼泪都下来了😭", "sadness"),
        ("充电的时候冒火花，吓死我了，好害怕", "fear"),
        ("电梯猛地一沉，吓坏了，现在还后怕", "fear"),
        ("终于抢到票啦，太开心了哈哈哈", "joy"),
        ("女儿收到礼物高兴得跳起来，好喜欢", "joy"),
        ("天哪，门店已经开到第一百家了？", "surprise"),
        ("万万没想到，门店就在楼下", "surprise"),
    ],
)
def test_it_names_what_is_plainly_felt(text, felt):
    assert emotion(text) == felt


@pytest.mark.parametrize(
    "text",
    [
        "",
        "请问这款支持无线充电吗",
        "快递放在门口了",
        "屏幕六点七寸，重两百克",
        "新版本增加了夜间模式",
        "公司宣布第二季度财报将于周五公布",
        "毫不意外，又延期到下周",
    ],
)
def test_it_names_no_emotion_where_none_is_told(text):
    assert emotion(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "你们客服就是一群傻逼",
        "老板是个王八蛋",
        "写代码的人脑残吧",
        "这个地方的人都是人渣",
        "店员有娘生没娘教的东西，狗东西",
    ],
)
def test_it_hears_an_insult_to_people(text):
    assert offensive(text)


@pytest.mark.parametrize(
    "text",
    [
        "垃圾手机，用三天就坏，退钱",
        "真他妈难吃，再也不来了",
        "卧槽太好看了吧",
        "这操作也太牛逼了",
        "傻瓜相机，老人也会用",
        "电脑白痴也能装好",
        "我当初真是脑子进水才买这个",
        "这设计真脑残，按钮藏那么深",
        "心智障碍儿童的公益活动很有意义",
        "医疗废物处理设备",
        "骗子，收了钱不发货",
        "恶心，苹果烂了一半",
        "气死我了，投诉到底",
    ],
)
def test_a_complaint_or_a_curse_at_large_insults_nobody(text):
    assert not offensive(text)


def test_it_is_silent_where_it_is_unsure():
    unsure = Traits(scales((0.0,) * 6 + (-1.0,)))
    assert read("随便什么话", traits=unsure) == [(None, False)]


@pytest.mark.parametrize(("place", "felt"), list(enumerate([*EMOTIONS, None])))
def test_the_likeliest_emotion_is_named(place, felt):
    bias = [0.0] * 7
    bias[place] = 9.0
    assert read("随便什么话", traits=Traits(scales(tuple(bias)))) == [(felt, False)]


def test_another_emotion_goes_before_surprise():
    angry = Traits(scales((9.0,) + (0.0,) * 5 + (-1.0,)))
    assert read("惊呆了", traits=angry) == [("anger", False)]


def test_a_text_counts_every_n_gram_once_by_the_root_of_their_number():
    weights = np.zeros((1 << (BITS - SHIFT), 7), np.float32)
    weights[grams(["怒"], [["怒"]]).bucket >> SHIFT, 0] = 4.0
    some = Scales(weights, (0.5,) + (0.0,) * 6)
    texts = ["", "怒", "怒怒怒怒", ""]
    odds = some.log_odds(grams(texts, [[], ["怒"], ["怒怒怒怒"], []]))
    assert odds[0, :2].tolist() == [0.5, 4.5]
    assert 0.5 < odds[0, 2] < 4.5
    assert odds[0, 3] == 0.5


def test_saved_scales_load_as_they_were_and_equal_ones_are_equal_bytes(tmp_path):
    shipped = Scales.load()
    for name in ("one.npz", "two.npz"):
        shipped.save(tmp_path / name)
    assert np.array_equal(Scales.load(tmp_path / "one.npz").weights, shipped.weights)
    assert (tmp_path / "one.npz").read_bytes() == (tmp_path / "two.npz").read_bytes()


def test_the_artifact_is_small():
    assert ARTIFACT.stat().st_size <= 4_000_000


def test_no_texts_give_no_answers():
    assert read() == []


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), max_size=4))
def test_each_text_is_read_as_if_it_stood_alone(texts):
    assert read(*texts) == [read(text)[0] for text in texts]
