"""What parts of a text say, from the n-grams of the whole: nothing is cut or hashed twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from models.features import Grams, Ints
    from models.weights import Weights

    LogOdds = NDArray[np.float64]


def stretch_odds(
    weights: Weights, grams: Grams, opens: Ints, closes: Ints
) -> tuple[LogOdds, LogOdds]:
    """Return the log-odds of praise and of opinion of stretches that do not overlap.

    Parameters
    ----------
    opens, closes
        In ascending order, code points of the whole batch put end to end, as in `grams`. A stretch
        of n n-grams has the polarity bias + Σ weights / √n.
    """
    which, bucket = _inside(grams, opens, closes)
    root = np.sqrt(np.maximum(1, np.bincount(which, minlength=len(opens))))
    polarity = weights.bias[0] + np.bincount(which, weights.polarity[bucket], len(opens)) / root
    opinion = weights.bias[1] + np.bincount(which, weights.opinion[bucket], len(opens)) / root
    return polarity, opinion + weights.strength * np.abs(polarity)


def within(scale: NDArray[np.float32], grams: Grams, opens: Ints, closes: Ints) -> LogOdds:
    """Return Σ `scale` over the n-grams inside each of some stretches, as in `stretch_odds`."""
    which, bucket = _inside(grams, opens, closes)
    return np.bincount(which, scale[bucket], len(opens)).astype(np.float64, copy=False)


def _inside(grams: Grams, opens: Ints, closes: Ints) -> tuple[Ints, Ints]:
    """Return the stretch and the bucket of every n-gram that lies in one."""
    # There are three times fewer characters to look up than n-grams
    last = np.searchsorted(opens, np.arange(grams.start.max(initial=-1) + 1), side="right") - 1
    which = last[grams.start]
    inside = (which >= 0) & (grams.end <= closes[which])
    return which[inside], grams.bucket[inside]
