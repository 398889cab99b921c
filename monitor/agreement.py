"""How far people who label the same texts agree."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from monitor.indices import Metric

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

_REPLICATES = 1000
_SEED = 20110125


@dataclass(frozen=True, slots=True)
class Agreement:
    """Krippendorff's alpha and the share of pairs of labels that are equal; n counts texts.

    Intervals are the central 95 % of 1 000 resamples of the texts.
    """

    alpha: Metric
    agreement: Metric


def agreement(units: Iterable[Sequence[int]]) -> Agreement:
    """Measure the agreement on ordered labels.

    Parameters
    ----------
    units : iterable of sequences
        For each text the labels it was given, by however many annotators; who said what makes no
        difference. Texts with fewer than two are left out.

    Returns
    -------
    Agreement
        Both figures None where no text has two labels; alpha None too where all labels are the
        same, for then nothing shows that they could differ. Alpha is 1 for full agreement and 0
        for what chance alone would give; below 0 people disagree systematically.

    References
    ----------
    Krippendorff, K. (2011). Computing Krippendorff's Alpha-Reliability. University of Pennsylvania,
    Annenberg School for Communication, part D (missing values), metric "ordinal".

    """
    # Texts that were given the same labels as often are alike: there are few kinds of them.
    kinds = Counter(tuple(sorted(unit)) for unit in units if len(unit) > 1)
    if not kinds:
        return Agreement(Metric(None, 0), Metric(None, 0))
    labels = sorted({label for kind in kinds for label in kind})
    matrices = np.array([_coincidences(kind, labels) for kind in kinds])
    agreed = np.array([_agreed(kind) for kind in kinds])
    counts = np.array(list(kinds.values()))
    n = int(counts.sum())
    resampled = np.random.default_rng(_SEED).multinomial(n, counts / n, _REPLICATES)
    alphas = _alpha(np.tensordot(np.vstack([counts, resampled]), matrices, 1))
    shares = np.vstack([counts, resampled]) @ agreed / n
    return Agreement(_metric(alphas, n), _metric(shares, n))


def _coincidences(kind: Sequence[int], labels: Sequence[int]) -> NDArray[np.float64]:
    """How often each ordered pair of labels stands in a text, each label counted once in all."""
    counts = np.array([kind.count(label) for label in labels], dtype=float)
    return (np.outer(counts, counts) - np.diag(counts)) / (len(kind) - 1)


def _agreed(kind: Sequence[int]) -> float:
    """The share of equal pairs among the pairs of labels of a text."""
    n = len(kind)
    return sum(k * (k - 1) for k in Counter(kind).values()) / (n * (n - 1))


def _alpha(coincidences: NDArray[np.float64]) -> NDArray[np.float64]:
    """Alpha for each of many coincidence matrices; NaN where only one label occurs."""
    totals = coincidences.sum(axis=2)
    # The ordinal distance of two labels: how many values lie from the middle of one to the other's.
    middles = np.cumsum(totals, axis=1) - totals / 2
    squares = (middles[:, :, None] - middles[:, None, :]) ** 2
    observed = (coincidences * squares).sum(axis=(1, 2))
    expected = (totals[:, :, None] * totals[:, None, :] * squares).sum(axis=(1, 2))
    expected = np.where(expected > 0, expected, np.nan)
    result: NDArray[np.float64] = 1 - (totals.sum(axis=1) - 1) * observed / expected
    return result


def _metric(values: NDArray[np.float64], n: int) -> Metric:
    """The first value, and the interval from the others."""
    if np.isnan(values[0]):
        return Metric(None, n)
    low, high = np.nanquantile(values[1:], [0.025, 0.975])
    return Metric(float(values[0]), n, float(low), float(high))
