"""The words that set texts apart from what is usually said of the same brand."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import chain
from math import log, sqrt
from typing import TYPE_CHECKING

from models.lexicon import load
from monitor.normalise import fold

if TYPE_CHECKING:
    from monitor.domain import Brand

Cut = Callable[[Sequence[str]], list[list[str]]]
"""Cuts each of many texts into its words."""

PRIOR = 10.0
"""What is common to both sides weighs as much as so many texts."""

LEAST = 30
"""Texts from which on a brand's own past says what is usual of it."""

_SURE = 1.96
_LONGEST = 400  # characters of a text that count: a novel costs no more than a comment
# The tail of a shortened address; the names of products are shorter
_CODE = re.compile(r"(?=[a-z]*\d)[a-z0-9]{7,}")


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """In how many of so many distinct texts each word stands."""

    texts: int = 0
    words: Mapping[str, int] = field(default_factory=dict)


def vocabulary(texts: Sequence[str], cut: Cut) -> Vocabulary:
    """Count the telling words of texts, a word once a text and equal texts once.

    >>> texts = ["电池 起火", "电池 起火", "电池 鼓包"]
    >>> vocabulary(texts, lambda given: [text.split() for text in given])
    Vocabulary(texts=2, words={'电池': 2, '起火': 1, '鼓包': 1})
    """
    return count([words for words in words_of(list(dict.fromkeys(texts)), cut) if words])


def count(texts: Sequence[frozenset[str]]) -> Vocabulary:
    """Count the telling words of texts that are cut already."""
    counted = Counter(chain.from_iterable(texts))
    return Vocabulary(len(texts), {w: counted[w] for w in sorted(counted) if is_telling(w)})


def words_of(texts: Sequence[str], cut: Cut) -> list[frozenset[str]]:
    """Return the words of each text in lower case, without marks; of a long one, of its start."""
    sets = [frozenset(words) for words in cut([text[:_LONGEST].lower() for text in texts])]
    marks = {word for word in frozenset().union(*sets) if not any(map(str.isalnum, word))}
    return [words - marks for words in sets]


def names_of(brand: Brand) -> list[str]:
    """Return the ways a brand is written, as words of texts are."""
    return [name.lower() for name in fold([brand.name, *brand.aliases])]


def without(words: Iterable[str], names: Sequence[str]) -> frozenset[str]:
    """Leave out names and pieces of them: they say whom a text is about, not what.

    >>> sorted(without(["听雨", "茶", "听雨茶", "异味"], ["听雨茶"]))
    ['异味']
    """
    return frozenset(word for word in words if not any(word in name for name in names))


def is_telling(word: str) -> bool:
    """Tell whether a word can say what a text is about: no function word, number or address."""
    return (
        len(word) > 1
        and word not in _function_words()
        and any(map(str.isalpha, word))
        and _CODE.fullmatch(word) is None
    )


def distinctive(here: Vocabulary, usual: Vocabulary, top: int = 10) -> list[tuple[str, float]]:
    """Return up to `top` words that stand here more often than usual, with their z-scores.

    Log-odds with an informative Dirichlet prior, over their standard deviation; the prior is what
    both sides have in common (Monroe, Colaresi and Quinn 2008, doi 10.1093/pan/mpn018). Words of a
    single text and those with z under 1.96 are left out; nothing comes back where fewer than
    `LEAST` texts say what is usual.

    >>> distinctive(Vocabulary(20, {"起火": 9, "客服": 5}), Vocabulary(90, {"客服": 24}))
    [('起火', 3.501)]
    """
    if usual.texts < LEAST:
        return []
    scores = [
        (word, round(z_score(n, here.texts, usual.words.get(word, 0), usual.texts), 3))
        for word, n in here.words.items()
        if n > 1
    ]
    ranked = sorted(scores, key=lambda pair: (-pair[1], pair[0]))
    return [(word, z) for word, z in ranked[:top] if z >= _SURE]


def frequent(here: Vocabulary, top: int = 10) -> list[tuple[str, float]]:
    """Return up to `top` words that stand in most texts, with the number of these texts.

    For a brand whose own past says too little. Words of a single text are left out.
    """
    ranked = sorted(here.words.items(), key=lambda pair: (-pair[1], pair[0]))
    return [(word, float(n)) for word, n in ranked[:top] if n > 1]


def z_score(seen: int, texts: int, usual: int, usual_texts: int) -> float:
    """Return the z-score of a word's log-odds in `seen` of `texts` against `usual` ones.

    A text holds a word or does not, so the variance counts those without it too.
    """
    prior = PRIOR * (seen + usual + 0.5) / (texts + usual_texts + 1)
    here, there = seen + prior, usual + prior
    without, elsewhere = texts + PRIOR - here, usual_texts + PRIOR - there
    variance = 1 / here + 1 / without + 1 / there + 1 / elsewhere
    return log(here * elsewhere / (without * there)) / sqrt(variance)


@cache
def _function_words() -> frozenset[str]:
    return frozenset(load("words")["function"]["words"])
