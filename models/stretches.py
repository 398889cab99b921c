"""What parts of a text say, from the n-grams of the whole: nothing is cut or hashed twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from models.features import Grams, Ints
    from models.weights import Weights

    LogOdds = NDArray[np.float64]


class Stretches:
    """Stretches of a batch, and the n-grams inside each; where two overlap, inside the later one.

    Parameters
    ----------
    opens, closes
        In ascending order, code points of the whole batch put end to end, as in `grams`.
    """

    def __init__(self, grams: Grams, opens: Ints, closes: Ints) -> None:
        self._grams = grams
        # One row a size: behind the last place where so many characters start and lie inside
        sizes = np.arange(len(grams.characters))[:, None]
        ends = closes - sizes
        np.minimum(ends[:, :-1], opens[1:], out=ends[:, :-1])
        inside = np.maximum(0, ends - opens)
        self._empty = inside == 0
        # Where the sums over the rows, put end to end, begin and end
        edges = np.empty((*ends.shape, 2), np.int64)
        edges[..., 0] = opens + sizes * (grams.bounds[-1] + 1)
        edges[..., 1] = edges[..., 0] + inside
        self._edges = edges.ravel()
        last = np.bincount(opens, minlength=grams.bounds[-1]).cumsum() - 1
        which = last[grams.longer_start]
        self._longer = (which >= 0) & (grams.longer_end <= closes[which])
        self._which = which[self._longer]
        self._size = len(opens)
        self._count = inside.sum(axis=0) + np.bincount(self._which, minlength=self._size)

    def sum(self, scale: NDArray[np.float32]) -> LogOdds:
        """Return Σ `scale` over the n-grams inside each."""
        characters, longer = self._grams.weighed(scale)
        # Every second sum is of what lies between two stretches
        sums = np.add.reduceat(characters.ravel(), self._edges)[::2].reshape(self._empty.shape)
        sums[self._empty] = 0
        total: LogOdds = sums.sum(axis=0, dtype=np.float64)
        return total + np.bincount(self._which, longer[self._longer], self._size)

    def mean(self, scale: NDArray[np.float32]) -> LogOdds:
        """Return Σ `scale` / √n over the n n-grams inside each."""
        mean: LogOdds = self.sum(scale) / np.sqrt(np.maximum(1, self._count))
        return mean


def stretch_odds(
    weights: Weights, grams: Grams, opens: Ints, closes: Ints
) -> tuple[LogOdds, LogOdds]:
    """Return the log-odds of praise and of opinion of stretches.

    Parameters
    ----------
    opens, closes
        As in `Stretches`. A stretch of n n-grams has the polarity bias + Σ weights / √n.
    """
    stretches = Stretches(grams, opens, closes)
    polarity = weights.bias[0] + stretches.mean(weights.polarity)
    opinion = weights.bias[1] + stretches.mean(weights.opinion)
    return polarity, opinion + weights.strength * np.abs(polarity)
