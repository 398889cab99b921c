from __future__ import annotations

import tomllib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models import phrases
from models.analyser import Analyser
from models.features import grams
from models.phrases import UNVOICED, VERDICT, clause_odds, shipped, turned

PRAISE = """\
这家的米粉真不难吃，汤底尤其鲜
夏天穿一整天也不闷脚
洗了十来次都没褪色，没起球
打了三局游戏一点都不发烫
三年了从没出过问题
新车提了半年没有异响
师傅装得仔细，挑不出毛病
装修用的这款漆，没有刺鼻气味
尺码正好，没什么不满意的
这酸奶不能更好喝了，没毛病
除了贵没毛病
除了贵点没别的缺点
唯一的缺点就是太好吃容易胖
没有想象中难用，老人也学得会
本来以为会踩雷，结果真香
还以为是智商税，用完打脸了
没让我失望
买对了，一点也不后悔
后悔没早买
相见恨晚的一把梳子
用过就回不去了
已经无限回购
又囤了两箱
第四次买了，老客户
一直用他家的洗发水
从小吃到大的味道
孩子连汤都喝干净了
一桌人把盘子舔干净了
住完舍不得走
下次还来
同事追着问我要链接
我妈见人就夸
亲戚都来问我在哪买的
给爸妈也买了一台
被闺蜜抢走一支
闭眼入
冲就完了
不好吃来打我
这价格简直白菜，值哭
打开新世界的大门
客服二话不说给换了新的
过了保修期师傅没收我钱
差一个零件，第二天就补寄来了
开车两小时来吃也值，念叨了一周还想再来
做工滴水不漏
谁说国货不行
哪里难吃了，我吃得光盘了
说好的补发，当天就处理好，爽快
比想象中好
实物比图片好看
稳如老狗，从不掉链子
没有一点异味，放心给宝宝用
不油腻不上火
不踩雷的一家店
服务员没有不耐烦
""".splitlines()

BLAME = """\
谈不上好吃，填饱肚子罢了
称不上惊艳
没有想象中好用
没有宣传的那么神奇
并没有传说中那么好吃
一点也不保湿
一点都不划算
好不到哪去
也就那样
不过如此
用了两次就吃灰了
买回来就闲置了
白瞎我排了一上午队
血亏，转手少了一半
没有下次了
不会再有第二次
钱打了水漂
就当交学费了
一口就吐了
狗都不吃
送我都不要
再也不来了
呵呵哒，说发货发了十天
然后就没有然后了
除了便宜一无是处
找不到优点
一言难尽
不敢恭维
华而不实的玩意
跟图片差远了
越用越卡
一年不如一年
没人接也没人回
互相踢皮球
问什么都是复制粘贴
到现在都没给我退
死活不承认是他们的错
说话不算数
自己私自改了订单
让我回去等，又说不归他们管
一碰就掉漆，一洗就起毛
过保就坏
隔着屏幕都觉得辣眼
被宰了一刀
千万别买，听我一句劝
全是套路，当我傻
想给好评都夸不出口
看得我血压飙升
如果能给零星我就给零星
吃了一口就扔了
没动几口就走了
电子垃圾
难吃到怀疑人生
后悔死了
怎么用怎么别扭
""".splitlines()

PLAINLY = """\
我没用过，不好评价
还没拆封，先占个位
用一段时间再来追评
不好不坏，中规中矩
第三季度营收同比增长百分之四
门店位于解放路十二号
请问几点关门？
这个是什么牌子的？
求店名
换货的运费谁出？
保质期是十二个月
说不上好也说不上坏
""".splitlines()

SILENT = [
    "会不会卡顿",
    "卡不卡顿啊",
    "有没有异味",
    "不会掉色吧？",
    "真的不难吃吗",
    "如果不掉色就好了",
    "“绝绝子”是什么意思",
    "商家号称不掉色",
    "说好的不起球呢",
    "并不是回头客",
    "避雷针装好了",
    "韭菜盒子两块钱一个",
    "在线客服几点上班",
    "垃圾桶放在门口",
    "今天下雨",
    "",
]


@pytest.fixture(scope="module")
def analyser():
    return Analyser.load()


def side(text):
    """Return the side that the phrases of a text take together."""
    return np.sign(sum(verdict.polarity for verdict in shipped().read([text])[0].verdicts))


@pytest.mark.parametrize("text", PRAISE)
def test_a_phrase_speaks_for_praise(text):
    assert side(text) == 1


@pytest.mark.parametrize("text", BLAME)
def test_a_phrase_speaks_for_blame(text):
    assert side(text) == -1


@pytest.mark.parametrize("text", PLAINLY)
def test_a_statement_or_question_takes_no_side(text):
    [reading] = shipped().read([text])
    assert [verdict.polarity for verdict in reading.verdicts] == [0.0]


@pytest.mark.parametrize("text", SILENT)
def test_what_is_asked_supposed_claimed_or_quoted_has_no_side(text):
    assert side(text) == 0


def test_the_judgements_follow_the_phrases(analyser):
    for label, texts in ((1, PRAISE), (-1, BLAME)):
        judged = [judgement.label for judgement in analyser.judge(texts)]
        assert judged.count(label) >= 0.9 * len(texts)


def test_a_phrase_overrules_the_characters_it_is_made_of(analyser):
    texts = ["真的不难吃", "真的难吃", "谈不上好吃"]
    assert [judgement.label for judgement in analyser.judge(texts, binary=True)] == [1, -1, -1]


def test_what_comes_out_in_the_end_decides_a_short_text(analyser):
    texts = ["介绍写得很动人，结果难用得很", "介绍写得很烂，没想到这么好用"]
    assert [judgement.label for judgement in analyser.judge(texts, binary=True)] == [-1, 1]


def test_a_phrase_that_decided_is_named_among_the_cues(analyser):
    [reading] = analyser.read(["上周买的，挑不出毛病"], cues=True)
    assert ("挑不出毛病", VERDICT) in [(c.text, c.weight) for c in reading.document.cues]


def test_a_phrase_says_what_a_target_is_worth(analyser):
    text = "听风牌一点都不卡顿"
    [reading] = analyser.read([text], [{"t": [(0, 3)]}])
    assert reading.targets["t"].label == 1


def test_a_question_about_a_target_takes_no_side(analyser):
    [reading] = analyser.read(["请问听风牌几点开门？"], [{"t": [(2, 5)]}], platforms=["weibo"])
    assert reading.targets["t"].label == 0


def test_irony_turns_praise_round_but_leaves_blame_alone():
    polarity, opinion = turned(
        np.array([2.0, 2.0, -3.0]), np.array([-1.0, -1.0, 2.0]), np.array([True, False, True])
    )
    assert polarity[0] < 0
    assert polarity[1:].tolist() == [2.0, -3.0]
    assert opinion[0] > 0
    assert opinion[1:].tolist() == [-1.0, 2.0]


def test_an_ironic_text_is_judged_negative_and_marked(analyser):
    [reading] = analyser.read(["速度真快，等了三小时"])
    assert (reading.document.label, reading.document.review) == (-1, "irony")


def test_irony_blames_the_one_target_that_stands_there_whoever_else_the_sender_named(analyser):
    ironic, aim = "速度真快，等了三小时", {"速度": [(0, 2)]}
    [[alone], [among]] = (analyser.read([ironic], [here]) for here in (aim, aim | {"听风牌": []}))
    assert among.targets["速度"] == alone.targets["速度"]
    assert among.targets["速度"].label == -1


def test_irony_may_spare_one_of_two_targets_that_stand_there(analyser):
    both = {"速度": [(0, 2)], "小时": [(8, 10)]}
    [reading] = analyser.read(["速度真快，等了三小时"], [both])
    assert reading.targets["速度"].score > reading.document.score


def test_phrases_count_for_the_clause_they_stand_in():
    read = shipped().read(["不卡顿，好不到哪去", "今天"])
    assert clause_odds(read, [(0, 0, 3), (0, 4, 9), (1, 0, 2)]) == [VERDICT, -VERDICT, 0]


def test_a_phrase_tells_less_of_a_longer_text(analyser):
    weights = analyser._sentiment.weights
    texts = ["不卡顿", "不卡顿" + "今天" * 100]
    found = grams(texts, analyser.segmenter.cut_all(texts))
    none = np.zeros(2)
    polarity, _, plain = phrases.settle(shipped().read(texts), found, weights, none, none)
    spelt = weights.polarity[found.bucket[found.owner == 0]].sum()
    assert polarity[0] + spelt / np.sqrt((found.owner == 0).sum()) > polarity[1]
    assert not plain.any()


def test_texts_without_a_phrase_keep_their_log_odds(analyser):
    texts = ["今天", "", "请问几点开门？"]
    found = grams(texts, analyser.segmenter.cut_all(texts))
    odds = np.array([0.5, -0.5, 0.0])
    weights = analyser._sentiment.weights
    polarity, opinion, plain = phrases.settle(shipped().read(texts), found, weights, odds, odds)
    assert polarity.tolist() == odds.tolist()
    assert opinion.tolist() == [0.5, -0.5, UNVOICED]
    assert plain.tolist() == [False, False, True]


def test_no_phrase_is_listed_for_both_sides():
    path = Path(phrases.__file__).with_name("lexicons") / "phrases.toml"
    tables = tomllib.loads(path.read_text(encoding="utf-8"))
    names = ("positive", "negative", "neutral", "harmless", "but", "turn")
    words = [word for name in names for word in set(tables[name]["words"])]
    assert len(words) == len(set(words))


@given(st.lists(st.text() | st.lists(st.sampled_from(PRAISE + SILENT)).map("".join), max_size=4))
def test_verdicts_lie_inside_any_text_whatsoever(texts):
    for text, reading in zip(texts, shipped().read(texts), strict=True):
        assert all(0 <= v.start < v.end <= len(text) for v in reading.verdicts)
        assert 0 <= reading.turn[0] <= reading.turn[1] <= len(text)
