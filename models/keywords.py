"""The words that set texts, or one text, apart from everyday comments.

For many texts, a word's share of the texts is compared with its share of a background, which also
serves as the prior (log-odds with an informative Dirichlet prior: Monroe, Colaresi and Quinn 2008,
doi 10.1093/pan/mpn018). Function words are common in both, so no list of stop words is needed. One
text is too short for that: its words are ranked by how rare they are, function words left out.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from math import log, nan, sqrt
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from models.features import word_keys
from models.lexicon import load

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from models.features import Grams, Ints, Keys
    from models.segment import Segmenter

    Floats = NDArray[np.float64]

BACKGROUND = Path(__file__).with_name("artifacts") / "background.npz"

_PRIOR = 10.0
"""The background weighs as much as so many texts."""

# The tail of a shortened address; the names of products are shorter
_CODE = re.compile(r"(?=[A-Za-z]*\d)[A-Za-z0-9]{7,}")

# Keys take letters of either case for the same, and all digits
_FOLDED = re.compile(r"[A-Za-z0-9]")

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


def telling(words: Sequence[str], found: Grams, top: int = 5) -> list[tuple[str, ...]]:
    """Return up to `top` words of each text that set it apart, the most telling first.

    Words are weighed by count × log(inverse share of the background's texts); single characters,
    numbers and function words are left out.

    Parameters
    ----------
    words
        The words of all the texts, end to end.
    found
        The n-grams of the same texts.

    Examples
    --------
    >>> from models.features import grams
    >>> words = ["这个", "充电宝", "突然", "起火", "了"]
    >>> telling(words, grams(["".join(words)], [words]), top=2)
    [('充电宝', '起火')]
    """
    at, which, weight = _weighed(words, found)
    owner = np.repeat(np.arange(found.size), np.diff(np.searchsorted(at, found.word_bounds)))
    score = _summed((owner << 32) + which, weight)
    once = np.flatnonzero(score)
    owner, score = owner[once], score[once]
    order = np.argsort(owner - score / (1 + score.max(initial=0)), kind="stable")
    bounds = np.searchsorted(owner, np.arange(found.size + 1))
    best = order[np.arange(len(order)) - bounds[owner] < top]
    said = [words[i] for i in at[once[best]].tolist()]
    ends = np.cumsum(np.minimum(np.diff(bounds), top)).tolist()
    return [tuple(said[a:b]) for a, b in pairwise([0, *ends])]


def _weighed(words: Sequence[str], found: Grams) -> tuple[Ints, Ints, Floats]:
    """Return which words weigh anything, a number for each different one, and their weights."""
    rarity, numbers = _rarity(), dict[str, int]()
    at = np.flatnonzero(found.word_size > 1)
    which, weight = rarity.of(found.word_key[at])
    unknown = np.flatnonzero(np.isnan(weight))
    said = [words[i] for i in at[unknown].tolist()]
    weight[unknown] = [*map(rarity.spelled, said)]
    which[unknown] = [-numbers.setdefault(word, len(numbers) + 1) for word in said]
    kept = weight > 0
    return at[kept], which[kept], weight[kept]


def _summed(which: Ints, weight: Floats) -> Floats:
    """Return the sum of the weights of equal numbers, where each first stands; 0 elsewhere."""
    order = np.argsort(which, kind="stable")
    ranked = which[order]
    heads = np.flatnonzero(np.append(True, ranked[1:] != ranked[:-1])[: len(order)])
    total = np.zeros(len(order))
    total[order[heads]] = weight[order[heads]] * (np.append(heads[1:], len(order)) - heads)
    return total


@dataclass(frozen=True, slots=True)
class _Rarity:
    """How rare words are: log(inverse share of the background's texts), 0 for function words."""

    keys: Keys
    """Sorted, of `models.features.word_keys`: of words that no other spelling shares a key with."""
    weights: Floats
    others: dict[str, float]
    unknown: float

    @classmethod
    def of_words(cls, rarity: Mapping[str, float], unknown: float) -> _Rarity:
        """Return the rarity of known words, and of unknown ones."""
        plain = [word for word in rarity if not _FOLDED.search(word)]
        keys, first = np.unique(word_keys(plain), return_index=True)
        weights = np.array([rarity[word] for word in plain])[first]
        return cls(
            keys, weights, {word: rarity[word] for word in rarity.keys() - set(plain)}, unknown
        )

    def of(self, keys: Keys) -> tuple[Ints, Floats]:
        """Return a number and the weight of each key, nan where it takes the spelling to tell."""
        place = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
        return place, np.where(self.keys[place] == keys, self.weights[place], nan)

    def spelled(self, word: str) -> float:
        """Return the weight of a word whose key is not known."""
        weight = self.others.get(word)
        if weight is None:
            said = word.isalpha() or (_telling(word) and not _CODE.fullmatch(word))
            weight = self.unknown if said else 0.0
        return weight


@cache
def _rarity() -> _Rarity:
    known, size = _background()
    rarity = {word: log(size / n) for word, n in known.items()}
    rarity |= dict.fromkeys(load("words")["function"]["words"], 0.0)
    return _Rarity.of_words(rarity, log(2 * size / _RARE))


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
