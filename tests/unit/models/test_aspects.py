from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.aspects import NAMES, AspectLexicon, assign

LEXICON = AspectLexicon()
OWN = AspectLexicon(
    {
        "muyu": {"battery": ["快充头", "续航"], "price": ["会员价"]},
        "chenxi": {"care": ["续航", "  ", "", "a\0b"]},
    }
)


def found(text, brands=(), lexicon=LEXICON):
    return lexicon.find_all([text], [brands])


def spans(here):
    return [(start, end) for _, start, end in here.clauses]


def said(text):
    """Return what each word that carries a judgement of its own says."""
    return [(word.topic[0], word.own) for word in found(text).words if word.own is not None]


def judged(text, polarity=0.0, opinion=0.0, brands=(), lexicon=LEXICON):
    here = found(text, brands, lexicon)
    odds = [polarity] * len(here.clauses), [opinion] * len(here.clauses)
    return {(aspect.name, aspect.brand): aspect for aspect in assign(here, *odds)[0]}


@pytest.mark.parametrize(
    ("text", "name", "side"),
    [
        ("真的贵", "price", -1),
        ("不贵", "price", 1),
        ("一点都不贵", "price", 1),
        ("不是很便宜", "price", -1),
        ("玩久了卡顿", "performance", -1),
        ("从来没有卡顿过", "performance", 1),
        ("洗完掉色", "quality", -1),
        ("洗完没有掉色", "quality", 1),
        ("没发现开胶", "quality", 1),
        ("掉色的现象没有", "quality", 1),
        ("不怎么好用", "experience", -1),
        ("不仅划算", "price", 1),
        ("不得不说好看", "look", 1),
        ("谈不上划算", "price", -1),
    ],
)
def test_a_negation_turns_the_word_round(text, name, side):
    assert (name, side) in said(text)


@pytest.mark.parametrize(
    "text", ["这个贵吗", "贵不贵", "会不会掉色", "请问好用吗？", "不知道效果好不好", "容易掉漆吗"]
)
def test_a_question_takes_no_side(text):
    assert {side for _, side in said(text)} == {0}


@pytest.mark.parametrize("text", ["怎么这么贵？", "凭什么涨价？", "为什么老是闪退？"])
def test_a_question_why_is_a_complaint(text):
    assert [side for _, side in said(text)] == [-1]


@pytest.mark.parametrize(
    "text",
    [
        "贵公司几点开门",
        "去贵州旅游",
        "珍贵的回忆",
        "心脏不太好",
        "服务器在北京",
        "麻烦您看一下",
        "方便面真香",
        "评价了一句",
        "坐公交车去",
        "大环境如此",
        "好吃懒做的人",
        "信息爆炸的时代",
        "今年流量少",
    ],
)
def test_the_same_characters_in_another_sense_are_no_aspect(text):
    assert found(text).words == []


def test_every_clause_with_a_word_is_named_once():
    text = "屏幕很清晰，系统流畅但价格贵！客服也好"
    here = found(text)
    assert [text[a:b] for a, b in spans(here)] == [
        "屏幕很清晰",
        "系统流畅",
        "但价格贵",
        "客服也好",
    ]
    assert [word.clause for word in here.words] == [0, 0, 1, 1, 2, 2, 3]


def test_a_word_that_fills_its_clause_is_told_by_the_next():
    text = "售后，真的没话说。快递：很慢"
    here = found(text)
    assert [text[a:b] for a, b in spans(here)] == ["售后，真的没话说", "快递：很慢"]
    assert spans(found("说到售后")) == [(0, 4)]


def test_at_most_eight_clauses_count():
    here = found("物流还行，" * 20)
    assert len(here.clauses) == 8
    assert len(here.words) == 8


def test_a_long_text_costs_no_more_than_its_first_words():
    assert len(found("贵" * 20_000).words) == 64
    assert len(found("贵但便宜" * 5_000).clauses) == 8


def test_the_clause_decides_where_the_word_does_not():
    assert judged("说说客服", 2.0, 3.0)["service", None].label == 1
    assert judged("说说客服", -2.0, 3.0)["service", None].label == -1
    assert judged("说说客服", -2.0, -3.0)["service", None].label == 0


def test_the_word_decides_against_a_doubtful_clause():
    assert judged("贵", 2.0, -3.0)["price", None].label == -1
    assert judged("不贵", -2.0, -3.0)["price", None].label == 1
    assert judged("贵吗", -2.0, 3.0)["price", None].label == 0


def test_an_aspect_named_twice_is_one_with_both_places_and_the_mean():
    [[aspect]] = assign(found("客服好，客服差"), [4.0, -1.0], [3.0, 3.0])
    assert aspect.spans == ((0, 2), (4, 6))
    assert aspect.label == 1
    assert aspect.score < assign(found("客服好"), [4.0], [3.0])[0][0].score


def test_a_brands_own_words_count_in_texts_about_it_alone():
    text = "快充头真快，续航也好"
    own = {word.topic for word in found(text, ["muyu"], OWN).words}
    assert own == {("battery", "muyu"), ("performance", None)}
    assert {word.topic[1] for word in found(text, ["other"], OWN).words} == {None}
    assert {word.topic[1] for word in found(text, (), OWN).words} == {None}


def test_two_brands_may_share_a_word_under_names_of_their_own():
    here = found("续航不错", ["muyu", "chenxi"], OWN)
    assert {word.topic for word in here.words} == {
        ("battery", "muyu"),
        ("care", "chenxi"),
        ("performance", None),
    }


def test_a_shared_aspect_is_reported_apart_for_the_brand():
    assert set(judged("会员价不贵", brands=["muyu"], lexicon=OWN)) == {
        ("price", "muyu"),
        ("price", None),
    }


def test_a_batch_reads_as_its_texts_alone():
    texts = ["屏幕好，贵", "", "续航！！态度", "不便宜", "，，。", "会员价"]
    brands = [(), ["muyu"], ["muyu", "chenxi"], (), (), ["muyu"]]
    batch = OWN.find_all(texts, brands)
    for i, (text, named) in enumerate(zip(texts, brands, strict=True)):
        alone = found(text, named, OWN)
        words = [word for word in batch.words if word.text == i]
        assert [word[1:4] for word in words] == [word[1:4] for word in alone.words]
        assert [batch.clauses[word.clause][1:] for word in words] == [
            alone.clauses[word.clause][1:] for word in alone.words
        ]


def test_every_text_of_a_batch_gets_its_own_aspects():
    here = LEXICON.find_all(["客服好，贵", "今天去爬山", "客服差"])
    sides = assign(here, [4.0, 0.0, -4.0], [3.0, 3.0, 3.0])
    assert [[(one.name, one.label) for one in aspects] for aspects in sides] == [
        [("service", 1), ("price", -1)],
        [],
        [("service", -1)],
    ]


@given(st.text(st.sampled_from("贵不屏幕，但是。\0 İ客服好吗x"), max_size=30))
def test_whatever_the_text_spans_are_inside_it_and_clauses_hold_their_words(text):
    here = found(text, ["muyu"], OWN)
    for word in here.words:
        _, opens, closes = here.clauses[word.clause]
        start, end = word.span
        assert 0 <= opens <= start < end <= closes <= len(text)
        assert word.topic[0] in NAMES


def test_scores_stay_between_minus_one_and_one_however_sure_a_clause_is():
    for polarity in (-9e3, 9e3):
        for aspect in judged("客服，物流", polarity, 9e3).values():
            assert -1 <= aspect.score <= 1
            assert aspect.label == (1 if polarity > 0 else -1)


def test_nothing_found_gives_no_aspects():
    assert assign(found("今天去爬山"), [], []) == [()]
    assert assign(LEXICON.find_all([]), [], []) == []
