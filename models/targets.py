"""The scale of judgements towards a target: from what is said around it to log-odds.

The words around a target speak by the shared polarity scale. How they stand to the target ("□贵",
"比□强") is a scale of its own, over the target's clause with the target's name left out: learned
from clauses about restaurants, phones, courses and so on, it holds for brands too.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from models.comparisons import PLAIN
from models.features import BITS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from models.clauses import Window
    from models.features import Grams, Ints

    Floats = NDArray[np.float32]
    LogOdds = NDArray[np.float64]

ARTIFACT = Path(__file__).with_name("artifacts") / "targets.npz"

PLACE = "\ue000"
"""Stands for the target in its clause; private use, so that no text contains it."""

SCALE = 0.45
"""What a log-odds of polarity is worth towards a target: its clause is short, and tells less."""

DOCUMENT = 0.2
"""How much the whole text counts, of its target's clause."""

OPEN = 0.4
"""How much more it counts where that clause says nothing."""

TOPIC = 2.0
"""How much it counts for the one brand that a text names: all of it is about the brand then."""

VERDICT = 4.0
"""Log-odds of polarity that a comparison itself is worth."""


@dataclass(frozen=True, slots=True)
class TargetScale:
    """One weight a bucket over the clause with `PLACE` for its target, and a bias, in log-odds."""

    vector: Floats
    bias: float

    @classmethod
    def load(cls, path: Path = ARTIFACT) -> TargetScale:
        """Return the scale of a file, the blank one where there is none."""
        if not path.exists():
            return cls.blank()
        with np.load(path, allow_pickle=False) as arrays:
            vector = np.zeros(1 << BITS, np.float32)
            vector[arrays["bucket"]] = arrays["weight"]
            return cls(vector, float(arrays["bias"]))

    @classmethod
    def blank(cls) -> TargetScale:
        """Return the scale that has learned nothing."""
        return cls(np.zeros(1 << BITS, np.float32), 0.0)

    def save(self, path: Path) -> None:
        """Write the weights that are not 0 in half precision; equal weights give equal bytes."""
        weight = self.vector.astype(np.float16)
        bucket = np.flatnonzero(weight).astype(np.int32)
        np.savez_compressed(path, bucket=bucket, weight=weight[bucket], bias=np.array(self.bias))

    def log_odds(self, grams: Grams) -> LogOdds:
        """Return bias + Σ weights / √n of each clause of n distinct n-grams."""
        return grams.mean(self.vector) + self.bias


def framed(text: str, window: Window) -> str:
    """Return the target's clause with `PLACE` for it; a comparison, which has its rule, is empty.

    Examples
    --------
    >>> from models.clauses import windows
    >>> framed("说屏幕真好", windows("说屏幕真好", {"屏幕": [(1, 3)]})["屏幕"][0]).split(PLACE)
    ['说', '真好']
    """
    if window.comparison is not PLAIN:
        return ""
    (opens, start), (end, closes), _ = window.spans
    return f"{text[opens:start]}{PLACE}{text[end:closes]}"


def frame_sizes(stretches: Grams, frames: Sequence[str]) -> Ints:
    """Return the lengths of the frames' words: only a sticker reaches over `PLACE`.

    Parameters
    ----------
    stretches
        Three a window.
    frames
        Of each window, or empty.
    """
    bounds = stretches.word_bounds
    stretch = np.repeat(np.arange(3 * len(frames)), np.diff(bounds))
    filled = np.fromiter(map(bool, frames), np.bool_, len(frames))
    kept = np.flatnonzero(filled[stretch // 3] & (stretch % 3 < 2))
    return np.insert(stretches.word_size[kept], np.searchsorted(kept, bounds[1::3][filled]), 1)


def shares(polarity: LogOdds, windows: Sequence[Window]) -> LogOdds:
    """Return how much each window's three stretches count, of `polarity` without its bias.

    The next clause counts as far as the target's own leaves the matter open, e^-|log-odds|.
    """
    share = np.array([window.comparison.counts for window in windows])
    spans = np.array([window.spans for window in windows])
    share *= spans[:, :, 1] > spans[:, :, 0]
    own: LogOdds = (share[:, :2] * polarity[:, :2]).sum(axis=1)
    share[:, 2] *= np.exp(-np.abs(own))
    return share
