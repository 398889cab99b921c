from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.features import BITS, grams, sums
from models.stretches import Stretches

SCALE = np.random.default_rng(0).normal(size=1 << BITS).astype(np.float32)
WORDS = st.lists(st.lists(st.text("好坏一点a", min_size=1, max_size=5), max_size=5), max_size=4)


def batch(cut):
    return grams(["".join(words) for words in cut], cut)


def listed(found, inside):
    """Return Σ scale over the n-grams that lie inside, one by one, and how many there are."""
    chosen = [inside(a, b) for a, b in zip(found.start, found.end, strict=True)]
    return float(SCALE[found.bucket[chosen]].sum()), sum(chosen)


@given(WORDS)
def test_the_texts_themselves_hold_all_of_their_n_grams(cut):
    found = batch(cut)
    edges = found.bounds[np.flatnonzero(np.diff(found.bounds, append=-1))]
    if len(edges) < 2:
        return
    said = Stretches(found, edges[:-1], edges[1:]).sum(SCALE)
    for total, start, end in zip(said, edges[:-1], edges[1:], strict=True):
        within = listed(found, lambda a, b, start=start, end=end: start <= a and b <= end)
        assert total == pytest.approx(within[0], abs=1e-4)


@given(WORDS, st.data())
def test_a_part_of_a_text_holds_the_n_grams_that_lie_in_it(cut, data):
    found = batch([*cut, ["好一点"]])
    text = data.draw(st.integers(0, found.size - 1))
    start, end = found.bounds[text], found.bounds[text + 1]
    opens = data.draw(st.integers(start, end))
    closes = data.draw(st.integers(opens, end))
    part = Stretches(found, np.array([opens]), np.array([closes]))
    total, count = listed(found, lambda a, b: opens <= a and b <= closes)
    assert part.sum(SCALE)[0] == pytest.approx(total, abs=1e-4)
    assert part.mean(SCALE)[0] == pytest.approx(total / max(1, count) ** 0.5, abs=1e-4)


def test_where_two_overlap_an_n_gram_counts_for_the_later_one():
    found = batch([["一", "点", "好"]])
    said = Stretches(found, np.array([0, 1]), np.array([3, 3])).sum(SCALE)
    first = listed(found, lambda a, b: a == 0)[0]
    assert said.tolist() == pytest.approx([first, listed(found, lambda a, b: a > 0)[0]], abs=1e-5)


@given(WORDS)
def test_a_texts_mean_is_that_of_its_distinct_n_grams(cut):
    found = batch(cut)
    owner, bucket = found.distinct
    for i, mean in enumerate(found.mean(SCALE)):
        here = SCALE[bucket[owner == i]]
        assert mean == pytest.approx(here.sum() / max(1, len(here)) ** 0.5, abs=1e-4)


def test_some_texts_have_the_n_grams_that_they_have_among_all():
    found = batch([["好"], [], ["一点", "坏"], ["好"]])
    bucket, bounds = found.sets_of([2, 1, 0])
    alone = batch([["一点", "坏"], [], ["好"]])
    assert (bucket.tolist(), bounds.tolist()) == tuple(part.tolist() for part in alone.sets)


def test_runs_without_values_add_up_to_nothing():
    assert sums(np.zeros(0), np.array([0, 0, 0])).tolist() == [0, 0]
    assert sums(np.array([1.0, 2.0]), np.array([0, 0, 2, 2])).tolist() == [0, 3, 0]
