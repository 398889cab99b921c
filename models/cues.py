"""Which words of a text moved its judgement.

Every n-gram's contribution is spread over its characters, so that the words' weights add up to
the log-odds, and a word is credited for the longer n-grams it stands in.
"""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

import numpy as np

from models.features import grams, lengths
from models.records import Cue

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from models.records import Span
    from models.segment import Segmenter
    from models.weights import Weights

_MOST = 5
_LEAST = 0.05
"""Log-odds below which a word is not worth showing."""


def word_cues(
    text: str, span: Span, share: float, segmenter: Segmenter, weights: Weights
) -> list[Cue]:
    """Return every word of a stretch with `share` of its part of the log-odds, in reading order."""
    start, end = span
    said = text[start:end]
    if not said or not share:
        return []
    words = segmenter.cut(said)
    ends = np.cumsum(lengths(words))
    gained = share * np.diff(_running(said, words, weights)[np.concatenate([[0], ends])])
    return [
        Cue(start + b - len(word), start + b, word, round(gain, 4))
        for word, b, gain in zip(words, ends.tolist(), gained.tolist(), strict=True)
    ]


def strongest(words: Sequence[Cue], text: str, hidden: Sequence[Span]) -> tuple[Cue, ...]:
    """Return at most five cues in reading order, neighbours of one sign joined."""
    covered = {at for start, end in hidden for at in range(max(0, start), min(end, len(text)))}
    shown = [
        word
        for word in words
        if abs(word.weight) >= _LEAST
        and _speaks(word.text)
        and covered.isdisjoint(range(word.start, word.end))
    ]
    top = sorted(shown, key=lambda cue: -abs(cue.weight))[:_MOST]
    joined: list[Cue] = []
    for cue in sorted(top, key=lambda cue: cue.start):
        last = joined[-1] if joined else None
        if last and last.end == cue.start and last.weight * cue.weight > 0:
            joined[-1] = Cue(
                last.start, cue.end, text[last.start : cue.end], round(last.weight + cue.weight, 4)
            )
        elif not last or last.end <= cue.start:
            joined.append(cue)
    return tuple(joined)


def _running(said: str, words: Sequence[str], weights: Weights) -> NDArray[np.float64]:
    """Return what the first k characters add to the log-odds, for every k up to the length."""
    found = grams([said], [words])
    share = weights.contributions(found) / (found.end - found.start)
    slope = np.bincount(found.start, share, len(said) + 1)
    slope -= np.bincount(found.end, share, len(said) + 1)
    return np.concatenate([[0.0], np.cumsum(np.cumsum(slope))])


def _speaks(word: str) -> bool:
    # Letters, emoji and stickers speak; punctuation and white space only echo them
    return any(unicodedata.category(char)[0] in "LS" for char in word)
