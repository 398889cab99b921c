"""What people suddenly complain about: words of the latest negatives unlike those of a month. Pure.

A word is new where so many of the latest texts hold it that the month before explains it badly
(`distinctive.z_score`), counted over texts rather than words, so that one long rant is one voice.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from monitor.evidence.distinctive import LEAST, is_telling, z_score

if TYPE_CHECKING:
    from collections.abc import Collection, Hashable, Sequence

    from monitor.evidence.distinctive import Vocabulary

LEAST_TEXTS = 5
LEAST_AUTHORS = 4
LEAST_SHARE = 0.2
LEAST_Z = 4.0
MOST_USUAL = 0.2


@dataclass(frozen=True, slots=True)
class Topic:
    """A word that is news, and those that come with it.

    `seen` of the `total` latest texts hold it, `expected` would by the month before; `z` is the
    score; `texts` are places in the list that was given.
    """

    word: str
    words: tuple[str, ...]
    z: float
    seen: int
    total: int
    expected: float
    texts: tuple[int, ...]


def new_topics(
    latest: Sequence[Collection[str]], authors: Sequence[Hashable], usual: Vocabulary
) -> list[Topic]:
    """Find what is new in texts, strongest first.

    Parameters
    ----------
    latest : sequence of collections of str
        The words of each of the latest negative texts, copies left out.
    authors : sequence
        Who wrote each; None where unknown, which counts as somebody of his own.
    usual : Vocabulary
        Of the negatives of the month before.

    """
    if usual.texts < LEAST:
        return []
    holders: dict[str, list[int]] = {}
    for place, words in enumerate(latest):
        for word in set(words):
            holders.setdefault(word, []).append(place)
    total = len(latest)
    scored = {
        word: z_score(len(places), total, usual.words.get(word, 0), usual.texts)
        for word, places in holders.items()
        if is_telling(word)
        and _are_many(places, authors, total)
        and usual.words.get(word, 0) / usual.texts <= MOST_USUAL * len(places) / total
    }
    found: list[Topic] = []
    taken: set[str] = set()
    for word, z in sorted(scored.items(), key=lambda pair: (-pair[1], pair[0])):
        if z < LEAST_Z or word in taken:
            continue
        places = holders[word]
        beside = Counter(w for place in places for w in set(latest[place]) if w in scored)
        together = [w for w, n in beside.most_common() if 2 * n >= len(places)]
        taken.update(together)
        found.append(
            Topic(
                word,
                (word, *(w for w in together if w != word))[:6],
                z,
                len(places),
                total,
                total * usual.words.get(word, 0) / usual.texts,
                tuple(places),
            )
        )
    return found


def surprise(z: float) -> float:
    """Return −log10 of the normal upper tail beyond z ≥ 0 (exact to .01 beyond 5 by Mills' ratio).

    >>> round(surprise(4.0), 2)
    4.5
    """
    if z < 5:
        return -math.log10(0.5 * math.erfc(z / math.sqrt(2)))
    return (z * z / 2 + math.log(z * math.sqrt(2 * math.pi)) - math.log1p(-1 / (z * z))) / math.log(
        10
    )


def _are_many(places: Sequence[int], authors: Sequence[Hashable], total: int) -> bool:
    if len(places) < max(LEAST_TEXTS, LEAST_SHARE * total):
        return False
    known = {authors[place] for place in places if authors[place] is not None}
    unknown = sum(authors[place] is None for place in places)
    return len(known) + unknown >= LEAST_AUTHORS
