from __future__ import annotations

import pytest

from models.clauses import Window, clauses, find_target, windows


def said(text, target):
    return [
        tuple(text[a:b] for a, b in window.spans)
        for window in windows(text, find_target(text, target))
    ]


def test_a_target_is_found_in_any_case_and_every_time():
    assert find_target("Apple和apple", "APPLE") == [(0, 5), (6, 11)]
    assert find_target("a.b与axb", "a.b") == [(0, 3)]
    assert find_target("没有", "") == []


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("屏幕好，电池差。", ["屏幕好", "电池差"]),
        ("味道不错但是太贵", ["味道不错", "但是太贵"]),
        ("好看却不耐用", ["好看", "却不耐用"]),
        ("而且服务好", ["而且服务好"]),
        ("便宜而且好用", ["便宜而且好用"]),
        ("……", []),
        ("", []),
    ],
)
def test_it_splits_at_punctuation_and_contrast_words(text, parts):
    assert [text[a:b] for a, b in clauses(text)] == parts


def test_a_window_is_the_clause_around_the_target_and_the_next_clause():
    text = "屏幕很清晰，但是电池太差了，失望"
    assert said(text, "屏幕") == [("", "很清晰", "但是电池太差了")]
    assert said(text, "电池") == [("但是", "太差了", "失望")]


def test_every_mention_has_a_window():
    assert said("小米手机还是小米好", "小米") == [
        ("", "手机还是小米好", ""),
        ("小米手机还是", "好", ""),
    ]


def test_the_loser_of_a_comparison_is_a_rival_and_the_winner_is_not():
    text = "小米比苹果强"
    assert [w.rival for w in windows(text, find_target(text, "小米"))] == [False]
    assert [w.rival for w in windows(text, find_target(text, "苹果"))] == [True]


@pytest.mark.parametrize("span", [(-1, 2), (3, 3), (0, 99), (5, 2)])
def test_a_span_outside_the_text_is_left_out(span):
    assert windows("味道好", [span]) == []


def test_what_follows_a_comparison_says_nothing_about_the_rival():
    assert said("小米比苹果强，喜欢", "苹果") == [("小米比", "强", "")]


def test_a_target_across_a_comma_keeps_what_is_left_of_both_clauses():
    assert windows("说甲，乙好", [(1, 4)]) == [Window((0, 1), (4, 5), (5, 5))]


def test_many_mentions_in_one_endless_clause_stay_cheap():
    text = "小米" * 10_000
    found = windows(text, find_target(text, "小米"))
    assert sum(b - a for window in found for a, b in window.spans) < len(text)
