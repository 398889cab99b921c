"""The words that set texts, or one text, apart from everyday comments.

For many texts, a word's share of the texts is compared with its share of a background, which also
serves as the prior (log-odds with an informative Dirichlet prior: Monroe, Colaresi and Quinn 2008,
doi 10.1093/pan/mpn018). Function words are common in both, so no list of stop words is needed. One
text is too short for that: its words are ranked by how rare they are, function words left out.
"""

from __future__ import annotations

import re
from collections import Counter
from functools import cache
from math import log, sqrt
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from models.lexicon import load

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.segment import Segmenter

BACKGROUND = Path(__file__).with_name("artifacts") / "background.npz"

_PRIOR = 10.0
"""The background weighs as much as so many texts."""

# The tail of a shortened address; the names of products are shorter
_CODE = re.compile(r"(?=[A-Za-z]*\d)[A-Za-z0-9]{7,}")

_RARE = 5
"""Words of fewer background texts are not kept; a word without a count is taken to have half."""


def keywords(texts: Sequence[str], segmenter: Segmenter, top: int = 20) -> list[tuple[str, float]]:
    """Return up to `top` words with their z-scores, the most telling first.

    A word counts once a text, so that one shouting text cannot fill the list. Words of a single
    text, single characters and numbers are left out.
    """
    counts = _counts(texts, segmenter)
    scores = [(word, _z(word, n, len(texts))) for word, n in counts.items() if n > 1]
    ranked = sorted(scores, key=lambda pair: (-pair[1], pair[0]))
    return [(word, round(z, 3)) for word, z in ranked[:top] if z > 0]


def telling(words: Sequence[Sequence[str]], top: int = 5) -> list[tuple[str, ...]]:
    """Return up to `top` words of each text that set it apart, the most telling first.

    Parameters
    ----------
    words
        The texts as a segmenter cuts them. Words are weighed by count × log(inverse share of the
        background's texts); single characters, numbers and function words are left out.

    Examples
    --------
    >>> telling([["这个", "充电宝", "突然", "起火", "了"]], top=2)
    [('充电宝', '起火')]
    """
    rarity, unknown = _rarity()
    return [_telling_words(cut, rarity, unknown, top) for cut in words]


def _telling_words(
    cut: Sequence[str], rarity: dict[str, float], unknown: float, top: int
) -> tuple[str, ...]:
    scores: dict[str, float] = {}
    for word in cut:
        if len(word) > 1:
            weight = rarity.get(word)
            if weight is None:
                weight = unknown if _telling(word) and not _CODE.fullmatch(word) else 0.0
            if weight:
                scores[word] = scores.get(word, 0.0) + weight
    return tuple(sorted(scores, key=scores.__getitem__, reverse=True)[:top])


@cache
def _rarity() -> tuple[dict[str, float], float]:
    """Return log(inverse share) by word, 0 for function words, and that of unknown words."""
    known, size = _background()
    rarity = {word: log(size / n) for word, n in known.items()}
    return rarity | dict.fromkeys(load("words")["function"]["words"], 0.0), log(2 * size / _RARE)


def save_background(texts: Sequence[str], segmenter: Segmenter, path: Path) -> None:
    """Write in how many of the texts each word stands, rare words left out."""
    kept = {word: n for word, n in sorted(_counts(texts, segmenter).items()) if n >= _RARE}
    spelled = np.frombuffer("\n".join(kept).encode(), np.uint8)
    np.savez_compressed(path, words=spelled, counts=[*kept.values()], texts=len(texts))


def _counts(texts: Sequence[str], segmenter: Segmenter) -> Counter[str]:
    return Counter(word for text in texts for word in set(segmenter.cut(text)) if _telling(word))


def _telling(word: str) -> bool:
    return len(word) > 1 and any(map(str.isalpha, word))


def _z(word: str, count: int, texts: int) -> float:
    """Return the log-odds of a word here against the background, over its standard deviation."""
    known, size = _background()
    usual = known.get(word, _RARE / 2)
    share = usual / size
    here = count + _PRIOR * share
    odds = log(here / (texts + _PRIOR - here)) - log(share / (1 - share))
    return odds / sqrt(1 / here + 1 / usual)


@cache
def _background() -> tuple[dict[str, int], int]:
    with np.load(BACKGROUND, allow_pickle=False) as arrays:
        words = arrays["words"].tobytes().decode().split("\n")
        counts = dict(zip(words, arrays["counts"].tolist(), strict=True))
        return counts, int(arrays["texts"])
