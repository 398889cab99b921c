"""What mentions say, cut into words: which few quote most of it, and which say the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from monitor.evidence.distinctive import is_telling, words_of
from monitor.normalise import analysed, fold

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from numpy.typing import NDArray

    from monitor.evidence.distinctive import Cut
    from monitor.store.views import MentionView

    Floats = NDArray[np.float32]

ALIKE = 0.75
"""Share of common words from which on two texts say the same in (nearly) the same words."""

CITED = 3
"""Mentions named for each claim."""

SHOWN = 200
"""Characters of a text that are quoted."""


@dataclass(frozen=True, slots=True)
class Said:
    """A mention, its text as it is analysed, and the words of it."""

    view: MentionView
    text: str
    words: frozenset[str]


def listen(views: Sequence[MentionView], cut: Cut) -> list[Said]:
    """Cut mentions into words, all at once."""
    texts = fold([analysed(view.title, view.text) for view in views])
    rows = zip(views, texts, words_of(texts, cut), strict=True)
    return [Said(*row) for row in rows]


def distinct(said: Sequence[Said]) -> list[Said]:
    """Keep the first mention of each text."""
    return list({each.text: each for each in reversed(said)}.values())[::-1]


def cite(said: Iterable[Said], most: int = CITED) -> list[int]:
    """Return the ids of the first few mentions, no text twice."""
    ids: dict[str, int] = {}
    for each in said:
        ids.setdefault(each.text, each.view.id)
        if len(ids) == most:
            break
    return list(ids.values())


def representative(said: Sequence[Said], most: int) -> list[Said]:
    """Choose few mentions that together say most of what all say, none of them alike.

    Greedy coverage: a word is worth as many distinct texts as it stands in, once, and so is an
    aspect or a danger; a text is worth its words over the root of their number, times the root of
    its weight (Lin & Bilmes 2010, budgeted submodular summaries).
    """
    texts = distinct(said)
    if not texts:
        return []
    telling = {word for word in frozenset().union(*(e.words for e in texts)) if is_telling(word)}
    table = _table([_matters(each, telling) for each in texts])
    sizes = np.maximum(1, table.sum(1))
    scale = np.sqrt([max(0.01, each.view.weight) for each in texts]) / np.sqrt(sizes)
    worth, free = table.sum(0), np.ones(len(texts), np.bool_)
    chosen: list[Said] = []
    while len(chosen) < most and free.any():
        best = int(np.argmax(np.where(free, (table @ worth + 1e-3) * scale, -1)))
        chosen.append(texts[best])
        worth = np.where(table[best] > 0, 0, worth)
        free &= _likeness(table @ table[best], sizes, best) < ALIKE
        free[best] = False
    return chosen


def alike(said: Sequence[Said], least_words: int) -> list[list[Said]]:
    """Group mentions whose texts are nearly equal, the largest group first; loners are left out.

    Texts of fewer than `least_words` words are equal by chance: they are left out too.
    """
    long = [each for each in said if len(each.words) >= least_words]
    if not long:
        return []
    table = _table([each.words for each in long])
    common, sizes = table @ table.T, table.sum(1)
    free = np.ones(len(long), np.bool_)
    groups = []
    for i in range(len(long)):
        if not free[i]:
            continue
        same = free & (_likeness(common[i], sizes, i) >= ALIKE)
        free &= ~same
        if same.sum() > 1:
            groups.append([long[j] for j in np.flatnonzero(same)])
    return sorted(groups, key=len, reverse=True)


def quote(view: MentionView) -> dict[str, object]:
    """Return what is shown of a mention."""
    text = view.text or view.title
    return {
        "id": view.id,
        "platform": view.platform,
        "text": text if len(text) <= SHOWN else text[: SHOWN - 1] + "…",
        "url": view.url,
        "published_at": view.published_at,
        "label": view.label,
    }


def _matters(said: Said, telling: Collection[str]) -> frozenset[str]:
    """Return the telling words that a quote would show, and marks of what is blamed or reported."""
    shown = said.text[:SHOWN].lower()
    traits = said.view.traits
    blamed = (f"#{note.name}" for note in traits.aspects if note.label < 0)
    words = (word for word in said.words if word in telling and word in shown)
    return frozenset((*words, *blamed, *(f"!{topic}" for topic in traits.risks)))


def _table(sets: Sequence[frozenset[str]]) -> Floats:
    """Return which text has which word as zeros and ones: texts down, words across."""
    columns: dict[str, int] = {}
    for words in sets:
        for word in sorted(words):
            columns.setdefault(word, len(columns))
    table = np.zeros((len(sets), len(columns)), np.float32)
    for row, words in zip(table, sets, strict=True):
        row[[columns[word] for word in words]] = 1
    return table


def _likeness(common: Floats, sizes: Floats, one: int) -> Floats:
    """Return the share of common words (Jaccard) of one text with every text."""
    likeness: Floats = common / np.maximum(1, sizes + sizes[one] - common)
    return likeness
