"""How far annotators agree, against figures published by others."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.agreement import agreement

NEGATIVE, NEUTRAL, POSITIVE = -1, 0, 1
# The reliability data of Krippendorff (2011), part D: four observers, twelve units, values missing.
OBSERVERS = """
    1 2 3 3 2 1 4 1 2 . . .
    1 2 3 3 2 2 4 1 2 5 . 3
    . 3 3 3 2 3 4 2 2 5 1 .
    1 2 3 3 2 4 4 1 2 5 1 .
"""
UNITS = [
    [int(value) for value in unit if value != "."]
    for unit in zip(*(line.split() for line in OBSERVERS.strip().splitlines()), strict=True)
]
units = st.lists(st.lists(st.integers(-1, 1), max_size=5), max_size=12)


def test_it_gives_the_published_alpha_of_the_worked_example_with_missing_values():
    found = agreement(UNITS).alpha
    assert found.value == pytest.approx(0.815, abs=0.0005)
    assert found.n == 11


def by_definition(units):
    """Alpha pair by pair, with the ordinal distance as it is defined."""
    pairs = [
        (a, b, 1 / (len(unit) - 1))
        for unit in units
        for i, a in enumerate(unit)
        for j, b in enumerate(unit)
        if i != j
    ]
    labels = sorted({a for a, _, _ in pairs})
    totals = {label: sum(w for a, _, w in pairs if a == label) for label in labels}
    n = sum(totals.values())

    def distance(a, b):
        low, high = sorted((a, b))
        between = sum(totals[label] for label in labels if low <= label <= high)
        return (between - (totals[low] + totals[high]) / 2) ** 2

    observed = sum(w * distance(a, b) for a, b, w in pairs) / n
    expected = sum(
        totals[a] * (totals[b] - (a == b)) * distance(a, b) for a in labels for b in labels
    )
    return 1 - observed / (expected / (n * (n - 1))) if expected else None


@given(units)
def test_it_equals_the_definition_for_any_labels(units):
    judged = [unit for unit in units if len(unit) > 1]
    found = agreement(units).alpha
    assert found.n == len(judged)
    wanted = by_definition(judged) if judged else None
    assert found.value == (None if wanted is None else pytest.approx(wanted))


@given(units)
def test_it_does_not_matter_in_which_order_people_and_texts_come(units):
    turned = [list(reversed(unit)) for unit in reversed(units)]
    one, other = agreement(units), agreement(turned)
    for name in ("alpha", "agreement"):
        left, right = getattr(one, name), getattr(other, name)
        assert (left.value, left.n) == (pytest.approx(right.value), right.n)


def test_full_agreement_is_one_and_full_disagreement_is_below_chance():
    agreed = agreement([[NEGATIVE] * 3, [POSITIVE] * 2, [NEUTRAL] * 2])
    assert (agreed.alpha.value, agreed.agreement.value) == (1, 1)
    torn = agreement([[NEGATIVE, POSITIVE], [POSITIVE, NEGATIVE]])
    assert (torn.alpha.value, torn.agreement.value) == (pytest.approx(-0.5), 0)


def test_taking_bad_for_good_is_worse_than_taking_bad_for_neutral():
    base = [[NEGATIVE] * 2, [NEUTRAL] * 2, [POSITIVE] * 2] * 5
    mild = agreement([*base, [NEGATIVE, NEUTRAL]])
    grave = agreement([*base, [NEGATIVE, POSITIVE]])
    assert grave.alpha.value < mild.alpha.value
    assert grave.agreement.value == mild.agreement.value == 15 / 16


def test_each_text_counts_once_whatever_the_number_of_its_annotators():
    found = agreement([[1, 1, 1, -1], [0, 0]]).agreement
    assert found.value == pytest.approx((1 / 2 + 1) / 2)


def test_there_is_no_figure_without_two_labels_on_a_text():
    for nothing in ([], [[1], [0], []]):
        found = agreement(nothing)
        assert (found.alpha.value, found.alpha.n) == (None, 0)
        assert (found.agreement.value, found.agreement.n) == (None, 0)


def test_where_all_labels_are_the_same_alpha_is_unknown_and_agreement_full():
    found = agreement([[1, 1], [1, 1, 1]])
    assert (found.alpha.value, found.alpha.n) == (None, 2)
    assert found.agreement.value == 1


def test_the_intervals_hold_the_figures_and_narrow_with_more_texts():
    few = [[1, 1], [0, 0], [-1, -1], [1, 0], [-1, 0], [1, 1], [-1, -1]]
    widths = []
    for times in (1, 40):
        found = agreement(few * times)
        for metric in (found.alpha, found.agreement):
            assert metric.low <= metric.value <= metric.high
            assert not math.isnan(metric.low + metric.high)
        widths.append(found.alpha.high - found.alpha.low)
    assert widths[1] < widths[0] / 3


def test_the_same_labels_always_give_the_same_interval():
    assert agreement(UNITS) == agreement(UNITS)
