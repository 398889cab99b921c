"""Phrase lists in TOML, and where their phrases stand in texts."""

from __future__ import annotations

import tomllib
from bisect import bisect_right
from functools import cached_property
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ahocorasick_rs import AhoCorasick, Implementation, MatchKind

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    Match = tuple[int, int, int]

HARMLESS = "harmless"
"""The group of longer phrases that take a listed word into their own, innocent sense."""

_FOLDER = Path(__file__).with_name("lexicons")
_BETWEEN = "\0"
_MANY = 10_000


class Hit(NamedTuple):
    """A phrase of a group, in code points of the text."""

    group: str
    start: int
    end: int


class Batch(list[str]):
    """Texts with what all lexicons need to know of them, found once."""

    @cached_property
    def joined(self) -> str:
        """The texts in lower case as one, so that an automaton runs once over a batch."""
        joined = _BETWEEN.join(self)
        lower = joined.lower()
        return lower if len(lower) == len(joined) else _BETWEEN.join(map(_lower, self))

    @cached_property
    def starts(self) -> list[int]:
        """Where each text starts in `joined`, and where one after the last would."""
        return [*accumulate([len(text) + 1 for text in self], initial=0)]


class Lexicon:
    """Groups of phrases; of overlapping phrases the leftmost counts, of those the longest.

    Letters match in either case. Immutable, so that threads may share it.

    Examples
    --------
    >>> lexicon = Lexicon({"fire": ["着火"], "harmless": ["着火锅"]})
    >>> lexicon.find_all(["吃着火锅", "聊电池着火"])
    [[], [Hit(group='fire', start=3, end=5)]]
    """

    def __init__(self, groups: Mapping[str, Sequence[str]]) -> None:
        pairs = [(_lower(word), group) for group, words in groups.items() for word in words]
        self.groups = [group for _, group in pairs]
        self._automaton = AhoCorasick(
            [word for word, _ in pairs],
            matchkind=MatchKind.LeftmostLongest,
            # A DFA is faster to search, but takes seconds and a hundred megabytes for many words
            implementation=Implementation.DFA
            if len(pairs) < _MANY
            else Implementation.ContiguousNFA,
        )

    def matches(self, batch: Batch) -> list[Match]:
        """Return the phrases of the joined texts in order, harmless ones among them.

        Each is an index in `groups`, and where the phrase starts and ends in `batch.joined`.
        """
        return self._automaton.find_matches_as_indexes(batch.joined)

    def find_all(self, texts: Sequence[str], needing: Collection[str] = ()) -> list[list[Hit]]:
        """Return the phrases of each text in order, harmless ones left out.

        With `needing`, none of a text that holds no phrase of these groups.
        """
        batch = texts if isinstance(texts, Batch) else Batch(texts)
        starts, groups = batch.starts, self.groups
        found: list[list[Hit]] = [[] for _ in batch]
        matches = self.matches(batch)
        if needing:
            needed = {bisect_right(starts, m[1]) for m in matches if groups[m[0]] in needing}
            matches = [m for m in matches if bisect_right(starts, m[1]) in needed] if needed else []
        start = end = 0
        for index, opens, closes in matches:
            if opens >= end:
                text = bisect_right(starts, opens)
                start, end, here = starts[text - 1], starts[text], found[text - 1]
            group = groups[index]
            if group != HARMLESS:
                here.append(Hit(group, opens - start, closes - start))
        return found


def _lower(text: str) -> str:
    # A few letters change their length in lower case, which would move every offset after them
    lower = text.lower()
    if len(lower) == len(text):
        return lower
    return "".join([low if len(low := letter.lower()) == 1 else letter for letter in text])


def load(name: str) -> dict[str, dict[str, list[str]]]:
    """Return the tables of a lexicon that comes with the package."""
    with (_FOLDER / f"{name}.toml").open("rb") as file:
        tables: dict[str, dict[str, list[str]]] = tomllib.load(file)
    return tables
