from __future__ import annotations

import pytest

from models.clauses import Window, clauses, find_target, windows
from models.comparisons import PLAIN


def found(text, *targets):
    return windows(text, {target: find_target(text, target) for target in targets})


def said(text, target, *others):
    return [
        tuple(text[a:b] for a, b in window.spans) for window in found(text, target, *others)[target]
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


def test_the_next_clause_is_left_out_where_it_is_about_another_target():
    text = "屏幕很清晰，但是电池太差了，失望"
    assert said(text, "屏幕", "电池") == [("", "很清晰", "")]
    assert said(text, "电池", "屏幕") == [("但是", "太差了", "失望")]


def test_the_next_clause_is_left_out_where_it_is_about_a_rival():
    assert said("听风茶到了，别家的难喝", "听风茶") == [("", "到了", "")]
    assert said("听风茶到了，有点难喝", "听风茶") == [("", "到了", "有点难喝")]


def test_two_targets_in_one_clause_keep_to_what_is_said_of_each():
    text = "屏幕很亮电池不行"
    assert said(text, "屏幕", "电池") == [("", "很亮", "")]
    assert said(text, "电池", "屏幕") == [("", "不行", "")]


@pytest.mark.parametrize("joint", ["和", "、", "跟", "以及", "还有"])
def test_listed_targets_share_what_is_said(joint):
    text = f"屏幕{joint}电池都不错"
    assert said(text, "屏幕", "电池")[0][1].endswith("都不错")
    assert said(text, "电池", "屏幕")[0][1] == "都不错"


def test_compared_targets_share_their_clause():
    assert said("小米比苹果强", "小米", "苹果") == [("", "比苹果强", "")]


def test_every_mention_has_a_window():
    assert said("小米手机还是小米好", "小米") == [
        ("", "手机还是小米好", ""),
        ("小米手机还是", "好", ""),
    ]


@pytest.mark.parametrize("pronoun", ["它", "它家", "他家", "这家店", "这个牌子", "该品牌"])
def test_a_pronoun_speaks_about_the_target_last_named(pronoun):
    text = f"说说听风牌，昨天买的，{pronoun}真耐用，满意"
    assert said(text, "听风牌")[1:] == [("", "真耐用", "满意")]


def test_a_pronoun_goes_to_the_nearest_of_two_targets():
    text = "听风牌看过，买了远山牌，它真耐用"
    assert ("", "真耐用", "") in said(text, "远山牌", "听风牌")
    assert ("", "真耐用", "") not in said(text, "听风牌", "远山牌")


@pytest.mark.parametrize(
    ("text", "times"),
    [
        ("远比听风牌强，它真耐用", 1),
        ("跟听风牌没法比，这家店真一般", 1),
        ("还得是听风牌，它真耐用", 2),
        ("买了听风牌，它真耐用", 2),
    ],
)
def test_after_a_comparison_a_pronoun_does_not_mean_its_measure(text, times):
    assert len(said(text, "听风牌")) == times


@pytest.mark.parametrize("text", ["听风牌的它真耐用", "它真耐用，听风牌", "听风牌到了，它们真耐用"])
def test_a_pronoun_of_the_same_clause_or_of_nothing_named_is_none(text):
    assert len(said(text, "听风牌")) == 1


@pytest.mark.parametrize("span", [(-1, 2), (3, 3), (0, 99), (5, 2)])
def test_a_span_outside_the_text_is_left_out(span):
    assert windows("味道好", {"味道": [span]}) == {"味道": []}


def test_a_target_across_a_comma_keeps_what_is_left_of_both_clauses():
    assert windows("说甲，乙好", {"甲，乙": [(1, 4)]}) == {
        "甲，乙": [Window((0, 1), (4, 5), (5, 5), PLAIN)]
    }


def test_many_mentions_in_one_endless_clause_stay_cheap():
    text = "小米它" * 7_000
    spans = [span for window in found(text, "小米")["小米"] for span in window.spans]
    assert 0 < sum(b - a for a, b in spans) < len(text)
