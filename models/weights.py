"""The shipped weights: two linear scales over hashed n-grams, and one over single words."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from models.static import WordScale

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from models.features import Grams

    Floats = NDArray[np.float32]
    LogOdds = NDArray[np.float64]

ARTIFACT = Path(__file__).with_name("artifacts") / "linear.npz"
KIND = "linear-2"


@dataclass(frozen=True, slots=True)
class Weights:
    """One weight a bucket for each scale, and the log-odds of a text without n-grams.

    A text of n distinct n-grams has the polarity p = bias[0] + Σ polarity / √n + what its words
    say (positive against negative) and the opinion bias[1] + Σ opinion / √n + strength · |p|
    (opinion against none).
    """

    polarity: Floats
    opinion: Floats
    bias: tuple[float, float]
    strength: float
    words: WordScale = field(default_factory=WordScale.blank)
    version: str = KIND

    @classmethod
    def load(cls, path: Path = ARTIFACT) -> Weights:
        """Return the weights of a file; the version names its contents."""
        digest = hashlib.sha256(path.read_bytes()).hexdigest()[:8]
        with np.load(path, allow_pickle=False) as arrays:
            polarity, opinion = arrays["weights"].astype(np.float32)
            polar, voiced, strength = arrays["scalars"].tolist()
            words = WordScale.blank()
            if "keys" in arrays:
                words = WordScale(arrays["keys"], *arrays["words"].astype(np.float32))
        return cls(polarity, opinion, (polar, voiced), strength, words, f"{KIND}-{digest}")

    def save(self, path: Path) -> None:
        """Write the weights in half precision; equal weights give equal bytes."""
        both = np.stack([self.polarity, self.opinion]).astype(np.float16)
        np.savez_compressed(
            path,
            weights=both,
            scalars=np.array([*self.bias, self.strength]),
            keys=self.words.keys,
            words=np.stack([self.words.weight, self.words.value]).astype(np.float16),
        )

    def log_odds(self, grams: Grams) -> tuple[LogOdds, LogOdds]:
        """Return each text's log-odds of positive against negative, and of opinion."""
        polarity = self.praise(grams)
        return polarity, self.voice(grams, polarity)

    def praise(self, grams: Grams) -> LogOdds:
        """Return each text's log-odds of positive against negative."""
        return self.bias[0] + grams.mean(self.polarity) + self.words.log_odds(grams)

    def voice(self, grams: Grams, polarity: LogOdds) -> LogOdds:
        """Return the log-odds of opinion of texts with these log-odds of praise."""
        return self.bias[1] + grams.mean(self.opinion) + self.strength * np.abs(polarity)

    def contributions(self, grams: Grams) -> LogOdds:
        """Return what each n-gram of a one-text batch adds to the polarity's log-odds.

        What a word says by itself counts to the n-gram that spells it.
        """
        bucket, inverse, count = np.unique(grams.bucket, return_inverse=True, return_counts=True)
        share: LogOdds = self.polarity[bucket] / (np.sqrt(max(1, len(bucket))) * count)
        gained = share[inverse]
        gained[grams.words] += self.words.shares(grams)
        return gained
