from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.segment import Segmenter

PLAIN = Segmenter()


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=60))
def test_the_words_join_back_to_the_text(text):
    assert "".join(PLAIN.cut(text)) == text


@pytest.mark.parametrize("name", ["rjieba", "jieba"])
def test_brand_words_stay_whole_in_both_engines(name):
    assert "沐谷森小铺" in Segmenter(["沐谷森小铺"], name).cut("我在沐谷森小铺买的杯子")


def test_another_segmenters_words_change_nothing_here():
    before = PLAIN.cut("我在沐谷森小铺买的杯子")
    Segmenter(["沐谷森小铺"])
    assert PLAIN.cut("我在沐谷森小铺买的杯子") == before
    assert "沐谷森小铺" not in before


def test_stickers_are_words_and_long_brackets_are_not():
    assert PLAIN.cut("气死[怒][允悲]") == ["气死", "[怒]", "[允悲]"]
    assert "[这是很长的一段方括号文字]" not in PLAIN.cut("[这是很长的一段方括号文字]")


def test_blank_words_are_ignored():
    assert Segmenter(["", "  ", "听风"]).words == ("听风",)


def test_threads_can_share_one_segmenter():
    text, barrier = "服务态度非常好" * 50, threading.Barrier(4)
    alone = PLAIN.cut(text)

    def cut(_):
        barrier.wait()
        return [PLAIN.cut(text) for _ in range(20)]

    with ThreadPoolExecutor(4) as pool:
        assert all(words == alone for part in pool.map(cut, range(4)) for words in part)


def test_an_unknown_text_in_batch_equals_the_text_alone():
    texts = ["", "好", "性价比很高"]
    assert PLAIN.cut_all(texts) == [PLAIN.cut(text) for text in texts]


@given(st.lists(st.text(st.sampled_from("味道很好[怒] 吗a。"), max_size=12), max_size=6))
def test_texts_cut_at_once_have_the_words_they_have_alone(texts):
    alone = [PLAIN.cut(text) for text in texts]
    words, sizes = PLAIN.flat(texts)
    assert PLAIN.cut_all(texts) == alone
    assert words == [word for cut in alone for word in cut]
    assert sizes.tolist() == PLAIN.sizes(texts).tolist() == [len(word) for word in words]


@pytest.fixture(scope="module", params=["rjieba", "jieba"])
def engine(request):
    return Segmenter(engine=request.param)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("交了智商税", "智商税"),
        ("大家踩雷了吗", "踩雷"),
        ("今天泰裤辣", "泰裤辣"),
        ("真是显眼包啊", "显眼包"),
        ("系统拉胯得很", "拉胯"),
        ("又来割韭菜", "割韭菜"),
    ],
)
def test_net_slang_stays_whole_in_both_engines(engine, text, word):
    assert word in engine.cut(text)


def test_slang_does_not_tear_ordinary_words_apart():
    assert PLAIN.cut("他在天花板上画画") == ["他", "在", "天花板", "上", "画画"]
    assert "上海" in PLAIN.cut("海上身影远去，上海到了")


def test_shipped_words_are_not_among_the_brands_words():
    assert Segmenter(["听风牌"]).words == ("听风牌",)
