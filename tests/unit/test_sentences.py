"""The one sentence that a person reads first."""

from __future__ import annotations

from dataclasses import replace

import pytest

from monitor.domain import RULES
from monitor.sentences import sentence
from tests.cases import SIGNAL

EVIDENCE = {"risks": {"fire": 2, "law": 1}, "reach": 1_234_000, "topic_words": ["漏水", "退款"]}


def said(**change):
    told = sentence("星途", replace(SIGNAL, **change), EVIDENCE)
    return told["zh"], told["en"]


@pytest.mark.parametrize("rule", RULES)
def test_a_sentence_names_the_brand_in_both_languages(rule):
    zh, en = said(rule=rule)
    assert zh.startswith("星途")
    assert en.startswith("星途")
    assert "{" not in zh + en


def test_a_burst_says_what_was_expected_and_how_improbable_it_is():
    zh, en = said()
    assert zh == ("星途近 30 分钟负面提及 20 条，占 67%，按常态应约 2.0 条，偶然如此的概率约 10^-6")
    assert en == (
        "星途: 20 negative mentions within 30 min, 67% of all, about 2.0 expected;"
        " probability by chance about 10^-6"
    )
    assert "低于 10^-12" in said(score=40.0)[0]


def test_a_burst_of_a_part_names_the_part():
    assert "星途在微博上近 30 分钟负面提及" in said(platform="weibo")[0]
    assert "关于“价格”的负面提及" in said(aspect="price")[0]
    assert "about price within" in said(aspect="price")[1]
    assert "on Weibo:" in said(platform="weibo")[1]


def test_other_rules_say_what_is_special_about_them():
    assert (
        said(rule="risk", window=7200)[0] == "星途出现涉及起火爆炸、违法处罚的言论：2 小时内 20 条"
    )
    assert "其中一位作者有 123.4 万粉丝" in said(rule="influencer")[0]
    assert "1,234,000 followers" in said(rule="influencer", seen=1)[1]
    assert "“漏水、退款”" in said(rule="topic", topic="漏水")[0]
    zh, en = said(rule="no_data", seen=0, platform="weibo", window=5400)
    assert "在微博上已 90 分钟没有任何提及" in zh
    assert "不代表平静" in zh
    assert "does not mean calm" in en


def test_a_sentence_does_without_evidence():
    for rule in RULES:
        assert sentence("星途", replace(SIGNAL, rule=rule, topic="漏水"), {})["zh"]
    assert sentence("星途", replace(SIGNAL, rule="influencer"), {})["zh"].endswith("20 条")


def test_braces_in_a_name_stay_braces():
    assert "{seen}" in sentence("{seen}", SIGNAL, {})["zh"]
