from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.lexicon import load
from models.lookalike import plain

TABLES = load("lookalike")
SPELLINGS = {word: plainly for plainly, words in TABLES["spellings"].items() for word in words}
FALSE_FRIENDS = TABLES["false_friends"]["harmless"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("有问题加vx聊", "有问题加微信聊"),
        ("➕V信领红包", "➕V信领红包".replace("➕V信", "加微信")),
        ("什么拉圾平台，骗💰", "什么垃圾平台，骗钱"),
        ("这辣鸡客服", "这垃圾客服"),
        ("黑❤商家，退💰", "黑心商家，退钱"),
        ("充电时起🔥了", "充电时起火了"),
        ("灰常满意，开森", "非常满意，开心"),
        ("投拆也没人管", "投诉也没人管"),
        ("交了智熵税", "交了智商税"),
    ],
)
def test_an_evasive_spelling_becomes_what_it_stands_for(text, said):
    assert plain([text]) == [said]


@pytest.mark.parametrize(
    "text",
    [
        "香辣鸡翅很好吃",
        "麻辣鸡丝拌面",
        "实木有一点裂纹",
        "在神马搜索里找到的",
        "牛啤堂的精酿",
        "花开❤春天",
        "大家一起🔥起来",
        "批发市场的牛批发给我",
        "加V信息填错了",
        "飞常准显示晚点",
    ],
)
def test_an_innocent_word_stays(text):
    assert plain([text]) == [text]


def test_every_spelling_is_as_long_as_its_word():
    assert {word: len(word) for word in SPELLINGS} == {w: len(p) for w, p in SPELLINGS.items()}


def test_every_false_friend_holds_a_spelling_and_stays():
    assert all(any(word in friend for word in SPELLINGS) for friend in FALSE_FRIENDS)
    assert plain(FALSE_FRIENDS) == FALSE_FRIENDS


def test_a_word_that_is_plain_is_not_a_spelling():
    assert plain(list(SPELLINGS.values())) == list(SPELLINGS.values())


@given(
    st.lists(
        st.text() | st.lists(st.sampled_from([*SPELLINGS, *FALSE_FRIENDS])).map("".join),
        max_size=5,
    )
)
def test_every_text_stays_as_long_as_it_was(texts):
    assert list(map(len, plain(texts))) == list(map(len, texts))


def test_a_very_long_text_is_plain_to_its_end():
    assert plain(["辣鸡店" * 7000]) == ["垃圾店" * 7000]
