from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.language import unsupported


@pytest.mark.parametrize(
    "text",
    [
        "",
        " \n\t",
        "。。。！？",
        "https://example.com/a?b=1",
        "@小听客服",
        "@小听 @大听",
        "#新品发布#",
        "#好物分享 #开箱",
        "//@小听:#新品发布# https://example.com/x",
        "[图片][图片]",
        "…… — ～",
    ],
)
def test_a_text_that_says_nothing_is_empty(text):
    assert unsupported([text]) == ["empty"]


@pytest.mark.parametrize(
    "text",
    [
        "呢间餐厅嘅嘢好好食，下次再嚟",
        "佢话听日唔得闲",
        "我真系好钟意呢部手机",
        "唔好买，好差",
        "啲服务员态度好差，等咗成个钟",
        "点解冇人理我",
        "The battery died after two days, very disappointed",
        "I love it",
        "Terrible!",
        "trop cher et mauvaise qualité",
        "этот телефон очень плохой",
        "この商品はとても良いです",
        "配送が遅い、最悪",
        "ありがとう",
        "배송이 너무 느려요",
        "สินค้าดีมาก",
        "hen hao chi xia ci hai lai",
        "这个 is the worst phone that I have ever bought",
    ],
)
def test_a_text_in_another_language_is_not_judged(text):
    assert unsupported([text]) == ["language"]


@pytest.mark.parametrize(
    "text",
    [
        "味道不错",
        "好",
        "唔，还不错",
        "唔…让我想想",
        "👍👍👍",
        "😡",
        "❤️",
        "[怒]",
        "[微笑][微笑]",
        "yyds",
        "666",
        "nb!",
        "emo了",
        "so good",
        "nice👍",
        "OK",
        "T_T",
        "ㅠㅠ",
        "10/10",
        "这款iPhone 15 Pro Max拍照很好",
        "优の良品这家店还可以",
        "アサヒ啤酒很好喝",
        "@小听客服 你们什么时候发货",
        "#新品发布#太丑了",
        "#太丑了，退货吧",
        "看看 https://example.com/a-very-long-address-with-many-words 真不错",
        "系统更新以后很卡，关系不大",
        "粤语里的嘅和咗怎么读",
        "粤语里的「唔该」是什么意思",
        "客服说sorry然后就没有下文了",
        "今天on call，感觉有点down但咖啡还不错",
        "店员说：唔该晒，这句我听懂了，他家的服务很好",
    ],
)
def test_mandarin_emoji_and_net_slang_are_read(text):
    assert unsupported([text]) == [None]


def test_each_text_of_a_batch_has_its_own_answer():
    texts = ["很好", "", "very good phone", "👍", "佢哋好正"]
    assert unsupported(texts) == [None, "empty", "language", None, "language"]
    assert unsupported([]) == []


def test_blanks_before_a_text_do_not_make_it_empty():
    assert unsupported(["。" * 3000 + "很好用"]) == [None]


_PIECES = ["#", "@", "https://", "嘅", "很好", " ", "good", "の", "ア", "한", "[图片]", "😀", "_"]


@given(st.lists(st.text() | st.lists(st.sampled_from(_PIECES)).map("".join), max_size=5))
def test_any_text_whatsoever_gets_one_of_three_answers(texts):
    answers = unsupported(texts)
    assert len(answers) == len(texts)
    assert set(answers) <= {None, "empty", "language"}


@given(st.text(max_size=50), st.text(max_size=50))
def test_the_answer_does_not_depend_on_the_other_texts(one, other):
    assert unsupported([one, other]) == unsupported([one]) + unsupported([other])


def test_a_very_long_text_of_marks_is_answered():
    assert unsupported(["#" * 20_000, "@" * 20_000, "#a " * 7000]) == ["empty"] * 3
