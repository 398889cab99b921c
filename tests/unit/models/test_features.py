from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from models.features import BITS, grams


def spelled(text, words):
    found = grams([text], [words])
    return sorted(text[a:b] for a, b in zip(found.start, found.end, strict=True))


def test_it_takes_characters_long_words_and_long_pairs_of_words():
    assert spelled("屏幕真清晰", ["屏幕", "真", "清晰"]) == sorted(
        ["屏", "幕", "真", "清", "晰", "屏幕", "幕真", "真清", "清晰", "屏幕真", "幕真清", "真清晰"]
    )
    assert "性价比高" in spelled("性价比高", ["性价比", "高"])
    assert "人山人海" in spelled("人山人海", ["人山人海"])


def test_the_buckets_never_change_or_the_shipped_weights_would_mean_nothing():
    owner, bucket = grams(
        ["太差了[怒]", "Good 100分"], [["太差", "了", "[怒]"], ["Good", " ", "100", "分"]]
    ).distinct
    assert np.bincount(owner).tolist() == [16, 24]
    assert bucket[:6].tolist() == [17942, 57226, 87306, 129602, 178586, 205173]


def test_case_and_digits_make_no_difference():
    one, other = (grams([t], [[t]]).bucket.tolist() for t in ("iPhone15", "IPHONE16"))
    assert one == other


def test_a_text_reads_the_same_in_any_batch():
    texts, words = ["味道好", "服务很差"], [["味道", "好"], ["服务", "很差"]]
    together = grams(texts, words)
    alone = grams(texts[1:], words[1:])
    assert sorted(together.bucket[together.owner == 1]) == sorted(alone.bucket)


def test_no_gram_crosses_from_one_text_into_the_next():
    found = grams(["好", "坏"], [["好"], ["坏"]])
    assert found.owner.tolist() == [0, 1]
    assert (found.end - found.start).tolist() == [1, 1]


def test_repeating_a_text_adds_no_distinct_gram():
    once, often = (grams([t], [[t]]).distinct[1] for t in ("哈哈哈", "哈哈哈哈哈哈"))
    assert len(np.setdiff1d(once, often)) == 0
    assert len(often) <= len(once) + 1


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), max_size=5))
def test_every_bucket_owner_and_span_is_in_range(texts):
    found = grams(texts, [list(text) for text in texts])
    assert ((found.bucket >= 0) & (found.bucket < 1 << BITS)).all()
    assert (found.start < found.end).all()
    assert found.owner.size == 0 or found.owner.max() < len(texts)
