"""The indices: sums of a window in, metrics with their intervals out.

Every metric is `{"value", "n", "low", "high"}`; a ratio whose denominator is 0 is None. Formulas
and names: docs/metrics.md. Intervals are 95 % and cover sampling only.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from models.risk import SEVERITY as RISK_WEIGHTS
from monitor.aggregate import SUMS, Sums
from monitor.domain import LEVELS, Level

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Z95 = 1.959963984540054
KAPPA = 10.0
HALF_LIFE_HOURS = 6.0
LEVEL_FLOORS: tuple[tuple[Level, float], ...] = (
    ("red", 80),
    ("orange", 60),
    ("yellow", 40),
    ("blue", 20),
)
CLOCKS: dict[Level, int] = {"blue": 4 * 3600, "yellow": 2 * 3600, "orange": 3600, "red": 1800}
# One credible mention of such a topic is enough for an alert; an ordinary complaint (骗子) is not.
SEVERE = 0.9
SEVERE_TOPICS = tuple(topic for topic, weight in RISK_WEIGHTS.items() if weight >= SEVERE)


@dataclass(frozen=True, slots=True)
class Metric:
    """A figure with its sample size and, where it estimates something, a 95 % interval."""

    value: float | None
    n: float
    low: float | None = None
    high: float | None = None


def wilson(k: float, n: float, z: float = Z95) -> tuple[float, float]:
    """Wilson score interval of a share k/n, n > 0 (Wilson 1927).

    >>> [round(x, 4) for x in wilson(10, 100)]
    [0.0552, 0.1744]
    """
    p, zz = k / n, z * z
    centre = (p + zz / (2 * n)) / (1 + zz / n)
    half = z / (1 + zz / n) * math.sqrt(p * (1 - p) / n + zz / (4 * n * n))
    return max(0.0, centre - half), min(1.0, centre + half)


def share(k: float, n: float) -> Metric:
    """A share k of n with its Wilson interval; None where n is 0."""
    if n <= 0:
        return Metric(None, 0)
    low, high = wilson(k, n)
    return Metric(k / n, n, low, high)


def ratio(numerator: float, denominator: float, n: float) -> Metric:
    """A ratio without an interval; None where the denominator is 0."""
    return Metric(numerator / denominator if denominator else None, n)


def net_polar(pos: float, neg: float) -> Metric:
    """净情感值: (pos - neg)/(pos + neg), the interval from that of the positive rate."""
    rate = share(pos, pos + neg)
    if rate.value is None or rate.low is None or rate.high is None:
        return rate
    return Metric(2 * rate.value - 1, rate.n, 2 * rate.low - 1, 2 * rate.high - 1)


def net_total(pos: float, neg: float, neu: float) -> Metric:
    """净情感值（含中性）: (pos - neg)/n with an adjusted Wald interval.

    A difference of two shares of one multinomial sample; half an observation is added to each of
    four cells (Agresti & Min 2005) so that small samples do not look certain.
    """
    n = pos + neg + neu
    if n <= 0:
        return Metric(None, 0)
    m = n + 2
    p, q = (pos + 0.5) / m, (neg + 0.5) / m
    half = Z95 * math.sqrt(max(0.0, p + q - (p - q) ** 2) / m)
    value, centre = (pos - neg) / n, p - q
    return Metric(
        value, n, max(-1.0, min(value, centre - half)), min(1.0, max(value, centre + half))
    )


def beta_cdf(x: float, a: float, b: float) -> float:
    """Regularised incomplete beta function I_x(a, b) by Lentz's continued fraction (DLMF 8.17.22).

    >>> round(beta_cdf(0.3, 2, 5), 6)
    0.579825
    """
    if x <= 0 or x >= 1:
        return float(x >= 1)
    if x > (a + 1) / (a + b + 2):
        return 1 - beta_cdf(1 - x, b, a)
    front = math.exp(
        math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    )
    return front * _beta_fraction(x, a, b) / a


def _beta_fraction(x: float, a: float, b: float) -> float:
    tiny = 1e-300
    c, d = 1.0, 1 / (1 - (a + b) * x / (a + 1) or tiny)
    result = d
    # The fraction converges in O(sqrt(max(a, b))) rounds.
    for m in range(1, 200 + int(4 * math.sqrt(a + b))):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        step = 1.0
        for numerator in (even, odd):
            d = 1 / (1 + numerator * d or tiny)
            c = 1 + numerator / c or tiny
            step *= c * d
        result *= step
        if abs(step - 1) < 1e-12:
            break
    return result


def beta_quantile(p: float, a: float, b: float) -> float:
    """Quantile of the Beta(a, b) distribution by bisection, to 1e-9.

    >>> round(beta_quantile(0.5, 3, 3), 6)
    0.5
    """
    low, high = 0.0, 1.0
    while high - low > 1e-9:
        middle = (low + high) / 2
        if beta_cdf(middle, a, b) < p:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def wom_index(w_pos: float, w_neg: float, v_pos: float, v_neg: float) -> Metric:
    """口碑指数, 0–100, 50 = balanced; n is Kish's effective sample size.

    The mean of a Beta posterior with prior weight κ = 10 around one half, and its central 95 %
    interval. None without an opinion.
    """
    posterior = _posterior(w_pos, w_neg, v_pos, v_neg)
    if posterior is None:
        return Metric(None, 0)
    left, right = posterior
    return Metric(
        100 * left / (left + right),
        left + right - KAPPA,
        100 * beta_quantile(0.025, left, right),
        100 * beta_quantile(0.975, left, right),
    )


def wom_mean(w_pos: float, w_neg: float, v_pos: float, v_neg: float) -> float | None:
    """口碑指数 without its interval, where hundreds of points are drawn."""
    posterior = _posterior(w_pos, w_neg, v_pos, v_neg)
    return None if posterior is None else 100 * posterior[0] / sum(posterior)


def _posterior(
    w_pos: float, w_neg: float, v_pos: float, v_neg: float
) -> tuple[float, float] | None:
    """Parameters of the Beta posterior of the 口碑指数; None without an opinion."""
    weight, squares = w_pos + w_neg, v_pos + v_neg
    # What differences leave behind in an emptied bucket is no opinion.
    if weight <= 1e-9 or squares <= 1e-12:
        return None
    n = weight * weight / squares
    a = n * min(1.0, max(0.0, w_pos / weight))
    return KAPPA / 2 + a, KAPPA / 2 + n - a


def heat_index(hourly: Sequence[float]) -> Metric:
    """热度指数, 0–100, from hourly heat sums, oldest first, the last hour being now.

    None with under 7 days of history. At most the last 90 days are looked at.
    """
    decay = 2 ** (-1 / HALF_LIFE_HOURS)
    x, level = [], 0.0
    for heat in hourly:
        level = level * decay + heat
        x.append(level)
    recent = x[-90 * 24 :]
    if len(recent) < 7 * 24:
        return Metric(None, len(recent))
    ordered = sorted(recent)
    m = max(1.0, median(ordered))
    top = max(4 * m, ordered[min(len(ordered) - 1, math.ceil(0.99 * len(ordered)) - 1)])
    value = 100 * min(1.0, math.log1p(recent[-1] / m) / math.log1p(top / m))
    return Metric(value, len(recent))


def indices(sums: Sums) -> dict[str, Metric]:
    """Every metric that a window's sums give, by its API name."""
    s = dict(zip(SUMS, sums, strict=True))
    judged = s["pos"] + s["neg"] + s["neu"]
    return {
        "volume": Metric(s["volume"], s["volume"]),
        "unique_texts": Metric(s["unique_texts"], s["volume"]),
        "positive": Metric(s["pos"], judged),
        "negative": Metric(s["neg"], judged),
        "neutral": Metric(s["neu"], judged),
        "engagement": Metric(s["engagement"] if s["engagement_n"] else None, s["engagement_n"]),
        "reach": Metric(s["views"] if s["views_n"] else None, s["views_n"]),
        "reach_estimated": Metric(s["reach_estimated"], s["volume"]),
        "engagement_rate": ratio(
            s["engagement_viewed"], s["engagement_views"], s["engagement_viewed_n"]
        ),
        "amplification": ratio(s["reposts_viewed"], s["reposts_views"], s["reposts_viewed_n"]),
        "amplification_per_post": ratio(s["reposts"], s["reposts_n"], s["reposts_n"]),
        "positive_rate": share(s["pos"], s["pos"] + s["neg"]),
        "negative_share": share(s["neg"], judged),
        "nsr_polar": net_polar(s["pos"], s["neg"]),
        "nsr_total": net_total(s["pos"], s["neg"], s["neu"]),
        "wom_index": wom_index(s["w_pos"], s["w_neg"], s["v_pos"], s["v_neg"]),
    }


def answers(ratings: Mapping[tuple[str, float], int]) -> dict[str, Metric]:
    """净推荐值, 满意度, 费力度 from real answers.

    Parameters
    ----------
    ratings : mapping of (scale, value) to how many gave it

    """

    def count(scale: str, low: float, high: float) -> int:
        return sum(n for (s, v), n in ratings.items() if s == scale and low <= v <= high)

    nps, csat, ces = count("nps10", 0, 10), count("csat5", 1, 5), count("ces7", 1, 7)
    effort = sum(v * n for (s, v), n in ratings.items() if s == "ces7")
    return {
        "nps": ratio(100 * (count("nps10", 9, 10) - count("nps10", 0, 6)), nps, nps),
        "csat": share(count("csat5", 4, 5), csat),
        "ces": ratio(effort, ces, ces),
    }


def clip(value: float) -> float:
    """Bound a factor to [0, 1]; what is no number is 0."""
    return min(1.0, max(0.0, value)) if math.isfinite(value) else 0.0


def spike_factor(score: float, seen: float, expected: float) -> float:
    """f_spike = min((S - 3)/9, log2(x / max(μ, 0.1))/4)."""
    if seen <= 0:
        return 0.0
    return clip(min((score - 3) / 9, math.log2(seen / max(expected, 0.1)) / 4))


def share_factor(negative: float, total: float, usual: float) -> float:
    """f_share = (L - b)/(1 - b), L the Wilson lower bound of the last hour's negative share.

    0 under 8 mentions. `usual` is b, the share of the last 28 days.
    """
    if total < 8 or usual >= 1:
        return 0.0
    return clip((wilson(negative, total)[0] - usual) / (1 - usual))


def usual_share(negative: float, total: float) -> float:
    """Return b = (neg + 1)/(all + 10) of the last 28 days."""
    return (negative + 1) / (total + 10)


def risk_factor(texts: Mapping[str, float]) -> float:
    """f_risk = max over topics of weight · (1 - 2^-h), h = distinct texts of that topic."""
    return clip(max((RISK_WEIGHTS.get(t, 0.6) * (1 - 2**-h) for t, h in texts.items()), default=0))


def velocity_factor(negatives: float, doubling_minutes: float | None) -> float:
    """f_velocity = 1 - doubling minutes/360, with at least 6 negatives and only while rising."""
    if doubling_minutes is None or negatives < 6:
        return 0.0
    return clip(1 - doubling_minutes / 360)


def influence_factor(followers: int, verified: bool) -> float:
    """f_influence = (log10 followers - 3)/4 of the most followed author; verified at least 0.5."""
    factor = clip((math.log10(followers) - 3) / 4) if followers > 0 else 0.0
    return max(factor, 0.5) if verified else factor


def spread_factor(platforms_in_excess: int) -> float:
    """f_spread = (platforms in excess - 1)/4."""
    return clip((platforms_in_excess - 1) / 4)


def crisis_index(factors: Mapping[str, float]) -> float:
    """危机指数, 0–100, monotone in every factor, 0 without a trigger.

    >>> round(crisis_index({"f_spike": 0.5, "f_share": 0.5}), 1)
    75.0
    >>> crisis_index({"f_velocity": 1.0})
    0.0
    """
    quiet = 1.0
    for name in ("f_spike", "f_share", "f_risk"):
        quiet *= 1 - clip(factors.get(name, 0))
    boost = sum(clip(factors.get(k, 0)) for k in ("f_velocity", "f_influence", "f_spread")) / 3
    trigger = 1 - quiet
    return 100 * trigger ** (1 / (1 + boost)) if trigger > 0 else 0.0


def level_of(index: float, *, firing: bool = True) -> Level:
    """蓝黄橙红 from the 危机指数; a firing alert is at least blue."""
    for level, floor in LEVEL_FLOORS:
        if index >= floor:
            return level
    return "blue" if firing else "none"


def at_least(level: Level, floor: Level) -> bool:
    """Whether a level is as high as `floor` or higher."""
    return LEVELS.index(level) >= LEVELS.index(floor)
