"""How a text feels and whether it insults: linear scales over the shared n-grams, phrases beside.

Emotions are told apart by a softmax over six scales, one of them 'none'; a seventh scale says
whether a text insults people. No labelled set knows surprise, and none every curse: these are
looked up as phrases.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from models.lexicon import HARMLESS, Lexicon, load

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from models.features import Grams
    from models.lexicon import Hit

    Floats = NDArray[np.float32]
    LogOdds = NDArray[np.float64]

ARTIFACT = Path(__file__).with_name("artifacts") / "traits.npz"

EMOTIONS = ("anger", "disgust", "sadness", "fear", "joy")
"""The emotions that are learned, in the order of their scales; 'none' follows them."""

SHIFT = 2
"""By how many bits fewer than the n-grams the buckets here are: 2 ** (features.BITS - SHIFT)."""

SURE = 0.4
"""Probability below which no emotion is named."""

_NEAR = 8
"""Characters beside an abusive word in which a person is looked for."""

_PERSON = re.compile(
    r"[你您他她]|们|客服|店[家主员]|商家|卖家|老板|员工?|骑手|司机|师傅|经理|保安|小编|粉|主播|博主|医生|老师|人|男|女|家伙"
    r"|东西|一[群帮]|[这那]帮|\d楼|楼[主上]"
)
"""Who may be insulted: what is said of a thing (这设计真脑残) is rude, not an insult to people."""
_PEOPLE = re.compile(
    rf"{_PERSON.pattern}|[黑族裔狗逼婊妈爹鬼屌货性国省猪]|[东南西北]方|东北|河南|上海|广东|北京|台湾|香港|同志|gay"
)
"""Words for people, groups of them and where they come from: without one no scale accuses."""
_SELF = re.compile(r"(?:我|自己|本人)[^，。！？,.!?们]{0,4}$")

_NAMES = np.array([*EMOTIONS, None], dtype=object)
_NONE = len(EMOTIONS)


@dataclass(frozen=True, slots=True)
class Scales:
    """One column of weights a scale: the emotions, none, then offence.

    A text of n distinct n-grams has the log-odds bias + Σ weights / √n on each scale. Offence is
    positive where a text insults; the others are the exponents of a softmax. Columns of weights
    beyond the biases are not used.
    """

    weights: Floats
    bias: tuple[float, ...]

    @classmethod
    def load(cls, path: Path = ARTIFACT) -> Scales:
        """Return the scales of a file."""
        with np.load(path, allow_pickle=False) as arrays:
            weights, bias = arrays["weights"].T.astype(np.float32), arrays["bias"].tolist()
        # Rows of eight numbers are added up half as fast again as rows of seven
        return cls(np.pad(weights, ((0, 0), (0, 8 - len(bias)))), tuple(bias))

    def save(self, path: Path) -> None:
        """Write the weights in half precision; equal scales give equal bytes."""
        half = self.weights.T[: len(self.bias)].astype(np.float16)
        np.savez_compressed(path, weights=half, bias=np.array(self.bias))

    def log_odds(self, grams: Grams) -> LogOdds:
        """Return one row a scale, one column a text."""
        bucket, bounds = grams.sets
        rows = np.zeros((len(bucket) + 1, self.weights.shape[1]), np.float32)
        self.weights.take(bucket >> SHIFT, axis=0, out=rows[:-1], mode="clip")
        sums = np.add.reduceat(rows, bounds[:-1])
        sums[bounds[1:] == bounds[:-1]] = 0
        odds: LogOdds = sums.T[: len(self.bias)] / grams.root + np.array(self.bias)[:, None]
        return odds


class Traits:
    """Reads emotion and offence. Immutable, so that threads may share it."""

    def __init__(self, scales: Scales) -> None:
        self._scales = scales
        surprise, offence = load("emotion")["surprise"], load("offence")
        self._phrases = Lexicon(
            {
                "surprise": surprise["words"],
                "insult": offence["insult"]["words"],
                "abuse": offence["abuse"]["words"],
                HARMLESS: [*surprise[HARMLESS], *offence[HARMLESS]["words"]],
            }
        )

    @classmethod
    def load(cls, path: Path = ARTIFACT) -> Traits:
        """Return the reader with the scales of a file and the shipped phrases."""
        return cls(Scales.load(path))

    def read(self, grams: Grams, texts: Sequence[str]) -> list[tuple[str | None, bool]]:
        """Return each text's emotion, None where unsure, and whether it insults people.

        `grams` are those of the same texts. 'surprise' is named only where no other emotion is.
        """
        odds = self._scales.log_odds(grams)
        read = zip(_emotions(odds[:-1]), (odds[-1] > 0).tolist(), texts, strict=True)
        found = self._phrases.find_all(texts)
        return [
            (_surprised(emotion, hits), _offends(text, hits, accused=accused))
            if hits or accused
            else (emotion, False)
            for (emotion, accused, text), hits in zip(read, found, strict=True)
        ]


def _emotions(odds: LogOdds) -> list[str | None]:
    """Return the likeliest emotion of each column, None where it is 'none' or unsure."""
    best = odds.argmax(axis=0)
    likeliest = 1 / np.exp(odds - odds.max(axis=0)).sum(axis=0)
    named: list[str | None] = _NAMES[np.where(likeliest < SURE, _NONE, best)].tolist()
    return named


def _surprised(emotion: str | None, hits: Sequence[Hit]) -> str | None:
    if emotion is None and any(hit.group == "surprise" for hit in hits):
        return "surprise"
    return emotion


def _offends(text: str, hits: Sequence[Hit], *, accused: bool) -> bool:
    named = accused and _PEOPLE.search(text) is not None
    return named or any(_insults(text, hit) for hit in hits)


def _insults(text: str, hit: Hit) -> bool:
    if hit.group != "abuse":
        return hit.group == "insult"
    before = text[max(0, hit.start - _NEAR) : hit.start]
    after = text[hit.end : hit.end + _NEAR]
    return not _SELF.search(before) and bool(_PERSON.search(before) or _PERSON.search(after))
