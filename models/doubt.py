"""What a person should look at: judgements that are unsure, texts that praise and blame."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from models.stretches import Stretches

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from models.features import Grams

    Floats = NDArray[np.float64]

UNSURE = 0.7
"""Confidence below which a judgement is worth a look."""

STRONG = 2.0
"""Log-odds from which a clause takes a strong side."""

_BREAKS = np.zeros(1 << 16, bool)
_END = np.ones(1, bool)
_BREAKS[[ord(char) for char in "。！？；，：,!?;:\n…~～ 但却"]] = True


def reasons(confidence: Floats, mixed: Floats) -> list[str | None]:
    """Return why each judgement needs a look: 'mixed', 'unsure', or None where it needs none.

    Parameters
    ----------
    mixed
        How strongly each text speaks both ways, in log-odds; see `both_ways`.

    Examples
    --------
    >>> reasons(np.array([0.9, 0.4, 0.9]), np.array([0.0, 0.0, 2.5]))
    [None, 'unsure', 'mixed']
    """
    told = np.where(mixed >= STRONG, 2, np.where(confidence < UNSURE, 1, 0))
    return [(None, "unsure", "mixed")[which] for which in told.tolist()]


def both_ways(texts: Sequence[str], grams: Grams, polarity: NDArray[np.float32]) -> Floats:
    """Return how strongly each text speaks for both sides: its clauses' min(best, -worst), from 0.

    A clause of n n-grams has the log-odds Σ polarity / √n.
    """
    told = np.zeros(len(texts))
    filled = grams.bounds[1:] > grams.bounds[:-1]
    first = grams.bounds[:-1][filled]
    if not len(first):
        return told
    codes = np.frombuffer("".join(texts).encode("utf-32-le"), np.uint32)
    breaks = _BREAKS[np.minimum(codes, 0xFFFF)]
    breaks[first] = True
    edges = np.concatenate((breaks, _END)).nonzero()[0]
    if len(edges) - 1 == len(first):
        return told  # one clause each
    said = Stretches(grams, edges[:-1], edges[1:]).mean(polarity)
    starts = edges.searchsorted(first)
    best, worst = np.maximum.reduceat(said, starts), np.minimum.reduceat(said, starts)
    told[filled] = np.maximum(0, np.minimum(best, -worst))
    return told
