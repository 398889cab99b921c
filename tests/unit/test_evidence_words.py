"""Which words set a crisis apart, and which few quotes say most of it."""

from __future__ import annotations

from math import log, sqrt

import pytest

from monitor.domain import AspectNote, Brand, Traits
from monitor.evidence.distinctive import (
    LEAST,
    Vocabulary,
    count,
    distinctive,
    frequent,
    names_of,
    vocabulary,
    without,
    words_of,
    z_score,
)
from monitor.evidence.quotes import SHOWN, alike, listen, quote, representative
from tests.views import view


def by_space(texts):
    return [text.split() for text in texts]


def heard(*texts, **more):
    return listen([view(i, text, **more) for i, text in enumerate(texts)], by_space)


# -- words -----------------------------------------------------------------------------------------

USUAL = vocabulary([f"客服 太慢 第{i}次 星途" for i in range(60)], by_space)


def test_what_is_new_comes_first_and_what_is_usual_does_not_come():
    here = vocabulary([f"星途 电池 起火 {i}" for i in range(8)] + ["客服 太慢 星途"], by_space)
    assert [word for word, _ in distinctive(here, USUAL)] == ["电池", "起火"]


def test_a_brand_and_the_pieces_of_its_names_set_no_text_apart():
    about = Brand("xc", "星辰咖啡", ("XingChen", "星辰啡"))
    words = ["星辰", "咖啡", "啡", "xingchen", "chen", "咖啡豆", "发霉"]
    assert without(words, names_of(about)) == {"咖啡豆", "发霉"}


def test_a_word_counts_once_a_text_and_a_copied_text_once():
    shouted = ["起火 起火 起火", "电池 起火", "电池 起火"]
    assert vocabulary(shouted, by_space) == Vocabulary(2, {"起火": 2, "电池": 1})


def test_function_words_numbers_marks_and_addresses_are_no_words():
    texts = ["没有 一个 ！！ 12345 的 a1b2c3d4 起火 SU7"]
    assert vocabulary(texts, by_space).words == {"起火": 1, "su7": 1}


def test_the_score_is_the_log_odds_over_its_deviation():
    # 9 of 20 against 0 of 90, the prior worth 10 texts: (9 + .5) / 111 of them.
    prior = 10 * 9.5 / 111
    here, there = 9 + prior, prior
    odds = log(here / (30 - here)) - log(there / (100 - there))
    deviation = sqrt(1 / here + 1 / (30 - here) + 1 / there + 1 / (100 - there))
    assert z_score(9, 20, 0, 90) == pytest.approx(odds / deviation)


def test_what_stands_in_every_text_of_both_sides_tells_nothing():
    assert z_score(20, 20, 90, 90) == pytest.approx(0, abs=0.5)
    assert z_score(5, 50, 10, 100) == pytest.approx(0, abs=0.05)


def test_more_evidence_is_more_surprising():
    assert z_score(4, 10, 0, 100) < z_score(40, 100, 0, 100)


def test_the_words_of_a_single_text_are_left_out():
    here = vocabulary(["冷门 起火", "起火 又来"], by_space)
    assert [word for word, _ in distinctive(here, USUAL)] == ["起火"]


def test_a_brand_without_a_past_shows_its_most_frequent_words():
    young = Vocabulary(LEAST - 1, {})
    here = vocabulary(["电池 起火", "电池 鼓包", "电池 起火 了"], by_space)
    assert distinctive(here, young) == []
    assert frequent(here) == [("电池", 3.0), ("起火", 2.0)]


def test_a_novel_costs_no_more_than_a_comment():
    (words,) = words_of(["字 " * 10_000 + "结尾"], by_space)
    assert words == {"字"}


def test_no_text_is_no_vocabulary():
    assert count([]) == vocabulary([], by_space) == Vocabulary()
    assert frequent(Vocabulary()) == []


# -- quotes ----------------------------------------------------------------------------------------


def test_three_quotes_cover_three_topics_however_uneven():
    texts = [f"电池 发烫 充电 起火 甲{i}" for i in range(20)]
    texts += [f"退款 客服 拖延 三周 乙{i}" for i in range(8)]
    texts += [f"门店 态度 辱骂 顾客 丙{i}" for i in range(4)]
    chosen = representative(heard(*texts), 3)
    assert [each.text.split()[0] for each in chosen] == ["电池", "退款", "门店"]


def test_what_says_the_same_in_other_words_order_is_not_quoted_twice():
    said = heard("电池 发烫 充电 起火", "起火 充电 发烫 电池", "起火 充电 发烫 电池 了")
    assert len(representative(said, 5)) == 1


def test_of_two_that_say_as_much_the_heavier_is_quoted():
    views = [view(1, "电池 起火 甲"), view(2, "电池 起火 乙", weight=9.0)]
    (chosen,) = representative(listen(views, by_space), 1)
    assert chosen.view.id == 2


def test_what_is_blamed_counts_though_the_words_differ():
    service = Traits(aspects=(AspectNote("service", -1),))
    views = [view(i, f"词{i}甲 词{i}乙") for i in range(3)]
    views += [view(9 + i, f"别{i}甲 别{i}乙", traits=service) for i in range(3)]
    (first, *_) = representative(listen(views, by_space), 2)
    assert first.view.id >= 9


def test_only_what_a_quote_would_show_counts():
    tail = " ".join(["填空"] * SHOWN) + " 电池 起火 退款 门店"
    views = [view(1, tail), view(2, "电池 起火"), view(3, "退款 门店")]
    assert {each.view.id for each in representative(listen(views, by_space), 2)} == {2, 3}


def test_without_words_something_is_quoted_all_the_same():
    said = heard("！！！", "。")
    assert len(representative(said, 5)) == 2
    assert representative([], 5) == []


def test_a_long_text_is_cut_with_a_sign():
    assert quote(view(1, "长" * 300))["text"] == "长" * 199 + "…"


def test_texts_in_the_old_script_are_heard_in_the_new():
    (said,) = heard("電池 起火")
    assert said.words == {"电池", "起火"}


def test_near_equal_texts_are_found_and_short_ones_are_not():
    same = [f"强烈 要求 星途 立即 召回 全部 车辆 编号{i}" for i in range(4)]
    said = heard(*same, "太差 了", "太差 了", "完全 不同 的 一句 话 说 别的 事情")
    (group,) = alike(said, 6)
    assert [each.view.id for each in group] == [0, 1, 2, 3]
