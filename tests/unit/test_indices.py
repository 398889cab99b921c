"""The formulas, each against an independent computation."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.special import betainc, betaincinv
from scipy.stats import binomtest

from monitor import indices
from monitor.aggregate import SUMS, ZERO

counts = st.integers(0, 10_000)
weights = st.floats(0, 1e4)
unit = st.floats(0, 1)


def sums(**given_sums):
    return tuple(float(given_sums.get(name, 0)) for name in SUMS)


@given(counts, counts)
def test_wilsons_interval_is_that_of_scipy(k, more):
    n = k + more
    assume(n)
    expected = binomtest(k, n).proportion_ci(0.95, method="wilson")
    low, high = indices.wilson(k, n)
    assert (low, high) == pytest.approx((expected.low, expected.high), abs=1e-12)
    assert 0 <= low <= k / n + 1e-12
    assert k / n - 1e-12 <= high <= 1


@given(st.floats(0.001, 0.999), st.floats(0.5, 3000), st.floats(0.5, 3000))
def test_the_beta_distribution_is_that_of_scipy(p, a, b):
    assert indices.beta_quantile(p, a, b) == pytest.approx(betaincinv(a, b, p), abs=1e-6)
    assert indices.beta_cdf(p, a, b) == pytest.approx(betainc(a, b, p), abs=1e-9)


@given(st.lists(st.floats(0.01, 20), max_size=30), st.lists(st.floats(0.01, 20), max_size=30))
def test_the_word_of_mouth_index_is_the_mean_of_a_beta_posterior(pos, neg):
    w_pos, w_neg = sum(pos), sum(neg)
    v_pos, v_neg = sum(w * w for w in pos), sum(w * w for w in neg)
    found = indices.wom_index(w_pos, w_neg, v_pos, v_neg)
    if not pos and not neg:
        assert found == indices.Metric(None, 0)
        return
    n = (w_pos + w_neg) ** 2 / (v_pos + v_neg)
    a = n * w_pos / (w_pos + w_neg)
    assert found.n == pytest.approx(n)
    assert found.value == pytest.approx(100 * (5 + a) / (10 + n))
    assert found.low == pytest.approx(100 * betaincinv(5 + a, 5 + n - a, 0.025), abs=1e-4)
    assert found.high == pytest.approx(100 * betaincinv(5 + a, 5 + n - a, 0.975), abs=1e-4)
    assert found.low <= found.value <= found.high
    assert indices.wom_mean(w_pos, w_neg, v_pos, v_neg) == pytest.approx(found.value)


def test_few_opinions_stay_near_the_middle_and_many_speak_for_themselves():
    few, many = (indices.wom_index(n, 0, n, 0).value for n in (5, 5000))
    assert few == pytest.approx(100 * 10 / 15)
    assert many > 99


@given(counts, counts, counts)
def test_every_share_and_its_interval_fit_together(pos, neg, neu):
    found = indices.indices(sums(pos=pos, neg=neg, neu=neu, volume=pos + neg + neu))
    for name, k, n in (
        ("positive_rate", pos, pos + neg),
        ("negative_share", neg, pos + neg + neu),
    ):
        assert found[name].n == n
        assert found[name].value == (pytest.approx(k / n) if n else None)
    polar, rate = found["nsr_polar"], found["positive_rate"]
    if rate.value is not None:
        assert polar.value == pytest.approx(2 * rate.value - 1)
        assert (polar.low, polar.high) == pytest.approx((2 * rate.low - 1, 2 * rate.high - 1))
    total = found["nsr_total"]
    assert total.value == (pytest.approx((pos - neg) / total.n) if total.n else None)
    for metric in found.values():
        if metric.low is not None:
            assert metric.low <= metric.value + 1e-12
            assert metric.value <= metric.high + 1e-12


def test_the_interval_of_a_net_sentiment_covers_as_often_as_it_says():
    # 200 mentions, 30 % positive, 20 % negative: the share of draws whose interval holds 0.1.
    chance = random.Random(3)
    held = 0
    for _ in range(600):
        draws = [chance.random() for _ in range(200)]
        pos, neg = sum(d < 0.3 for d in draws), sum(0.3 <= d < 0.5 for d in draws)
        found = indices.net_total(pos, neg, 200 - pos - neg)
        held += found.low <= 0.1 <= found.high
    assert 0.92 <= held / 600 <= 0.98


def test_nothing_is_made_of_nothing():
    found = indices.indices(ZERO)
    unknown = {name for name, metric in found.items() if metric.value is None}
    assert unknown == {
        "engagement",
        "reach",
        "engagement_rate",
        "amplification",
        "amplification_per_post",
        "positive_rate",
        "negative_share",
        "nsr_polar",
        "nsr_total",
        "wom_index",
    }


def test_ratios_are_over_what_is_known_of_both():
    found = indices.indices(
        sums(
            engagement=50,
            engagement_n=5,
            views=9000,
            views_n=3,
            engagement_viewed=20,
            engagement_views=4000,
            reposts=12,
            reposts_n=4,
            reposts_viewed=6,
            reposts_views=300,
        )
    )
    assert found["engagement_rate"].value == pytest.approx(20 / 4000)
    assert found["amplification"].value == pytest.approx(6 / 300)
    assert found["amplification_per_post"].value == pytest.approx(12 / 4)
    assert (found["reach"].value, found["reach"].n) == (9000, 3)


@given(st.lists(st.integers(0, 10)), st.lists(st.integers(1, 5)), st.lists(st.integers(1, 7)))
def test_answers_are_counted_by_their_scales(nps, csat, ces):
    ratings = {}
    for scale, values in (("nps10", nps), ("csat5", csat), ("ces7", ces)):
        for value in values:
            ratings[scale, value] = ratings.get((scale, value), 0) + 1
    found = indices.answers(ratings)
    promoters, detractors = sum(v >= 9 for v in nps), sum(v <= 6 for v in nps)
    score = 100 * (promoters - detractors) / len(nps) if nps else None
    assert found["nps"].value == (score if score is None else pytest.approx(score))
    satisfied = sum(v >= 4 for v in csat) / len(csat) if csat else None
    assert found["csat"].value == satisfied
    assert found["ces"].value == (pytest.approx(sum(ces) / len(ces)) if ces else None)


# -- heat ----------------------------------------------------------------------------------------


def heat_by_definition(hourly):
    """x(t) = Σ 2^(-(t-b)/6 h) · heat(b), then the scale of 90 days."""
    x = [
        sum(h * 2 ** (-(t - b) / 6) for b, h in enumerate(hourly[: t + 1]))
        for t in range(len(hourly))
    ]
    ordered = sorted(x)
    middle = len(x) // 2
    median = ordered[middle] if len(x) % 2 else (ordered[middle - 1] + ordered[middle]) / 2
    m = max(1, median)
    top = max(4 * m, ordered[math.ceil(0.99 * len(x)) - 1])
    return 100 * min(1, math.log(1 + x[-1] / m) / math.log(1 + top / m))


@given(st.lists(st.floats(0, 500), min_size=168, max_size=200))
def test_heat_is_what_its_definition_says(hourly):
    found = indices.heat_index(hourly)
    assert found.value == pytest.approx(heat_by_definition(hourly), abs=1e-6)
    assert 0 <= found.value <= 100


@pytest.mark.parametrize("hours", [0, 1, 167])
def test_heat_is_unknown_with_less_than_a_week(hours):
    assert indices.heat_index([5.0] * hours) == indices.Metric(None, hours)


def test_heat_looks_back_for_ninety_days_only():
    hourly = [1000.0] * 500 + [1.0] * (90 * 24)
    assert indices.heat_index(hourly).n == 90 * 24


# -- crisis --------------------------------------------------------------------------------------

NAMES = ("f_spike", "f_share", "f_risk", "f_velocity", "f_influence", "f_spread")
factor_sets = st.fixed_dictionaries(dict.fromkeys(NAMES, unit))


@given(factor_sets)
def test_the_crisis_index_is_what_its_definition_says(f):
    trigger = 1 - (1 - f["f_spike"]) * (1 - f["f_share"]) * (1 - f["f_risk"])
    boost = (f["f_velocity"] + f["f_influence"] + f["f_spread"]) / 3
    expected = 100 * trigger ** (1 / (1 + boost)) if trigger else 0
    assert indices.crisis_index(f) == pytest.approx(expected)
    assert 0 <= indices.crisis_index(f) <= 100


@given(factor_sets, st.sampled_from(NAMES), unit)
def test_the_crisis_index_never_falls_as_a_factor_rises(f, name, value):
    lower, higher = sorted((f[name], value))
    assert (
        indices.crisis_index(f | {name: lower}) <= indices.crisis_index(f | {name: higher}) + 1e-9
    )


@given(st.fixed_dictionaries(dict.fromkeys(NAMES[3:], unit)))
def test_without_a_trigger_there_is_no_crisis(amplifiers):
    assert indices.crisis_index(amplifiers) == 0


@given(st.floats(allow_nan=True, allow_infinity=True), st.integers(0, 10**6), st.floats(0, 1e6))
def test_every_factor_stays_between_0_and_1(score, seen, expected):
    factors = (
        indices.spike_factor(score, seen, expected),
        indices.share_factor(min(seen, 20), max(seen, 20), min(1, expected)),
        indices.risk_factor({"fire": seen, "labour": expected}),
        indices.velocity_factor(seen, expected),
        indices.influence_factor(seen, seen % 2 == 0),
        indices.spread_factor(seen),
    )
    assert all(0 <= factor <= 1 for factor in factors)


@pytest.mark.parametrize(
    ("factor", "value"),
    [
        (indices.spike_factor(12, 16, 1), 1),
        (indices.spike_factor(7.5, 100, 1), 0.5),
        (indices.spike_factor(12, 4, 1), 0.5),
        (indices.spike_factor(3, 100, 1), 0),
        (indices.spike_factor(12, 1.6, 0), 1),
        (indices.share_factor(7, 7, 0.1), 0),
        (indices.share_factor(8, 8, 1), 0),
        (indices.share_factor(50, 100, 0.1), (0.403832 - 0.1) / 0.9),
        (indices.usual_share(9, 90), 0.1),
        (indices.risk_factor({"fire": 1}), 0.5),
        (indices.risk_factor({"fire": 2, "labour": 50}), 0.75),
        (indices.risk_factor({"labour": 50}), 0.6),
        (indices.risk_factor({}), 0),
        (indices.velocity_factor(6, 36), 0.9),
        (indices.velocity_factor(5, 36), 0),
        (indices.velocity_factor(6, None), 0),
        (indices.influence_factor(10**5, verified=False), 0.5),
        (indices.influence_factor(0, verified=True), 0.5),
        (indices.influence_factor(10**7, verified=True), 1),
        (indices.spread_factor(1), 0),
        (indices.spread_factor(3), 0.5),
    ],
)
def test_factors_have_the_values_of_their_formulas(factor, value):
    assert factor == pytest.approx(value, abs=1e-5)


@pytest.mark.parametrize(
    ("index", "level"),
    [(0, "blue"), (39.9, "blue"), (40, "yellow"), (60, "orange"), (79.9, "orange"), (80, "red")],
)
def test_levels_begin_where_they_should(index, level):
    assert indices.level_of(index) == level
    assert indices.level_of(19.9, firing=False) == "none"
