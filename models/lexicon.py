"""Phrase lists in TOML, and where their phrases stand in a text."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ahocorasick_rs import AhoCorasick, MatchKind

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

HARMLESS = "harmless"
"""The group of longer phrases that take a listed word into their own, innocent sense."""

_FOLDER = Path(__file__).with_name("lexicons")


@dataclass(frozen=True, slots=True)
class Hit:
    """A phrase of a group, in code points of the text."""

    group: str
    start: int
    end: int


class Lexicon:
    """Groups of phrases; of overlapping phrases the leftmost counts, of those the longest.

    Examples
    --------
    >>> lexicon = Lexicon({"fire": ["着火"], "harmless": ["着火锅"]})
    >>> list(lexicon.find("吃着火锅聊电池着火"))
    [Hit(group='fire', start=7, end=9)]
    """

    def __init__(self, groups: Mapping[str, Sequence[str]]) -> None:
        pairs = [(word, group) for group, words in groups.items() for word in words]
        self._groups = [group for _, group in pairs]
        self._automaton = AhoCorasick(
            [word for word, _ in pairs], matchkind=MatchKind.LeftmostLongest
        )

    def find(self, text: str) -> Iterator[Hit]:
        """Yield the phrases of a text in order, harmless ones left out."""
        for index, start, end in self._automaton.find_matches_as_indexes(_lower(text)):
            if self._groups[index] != HARMLESS:
                yield Hit(self._groups[index], start, end)


def _lower(text: str) -> str:
    # A few letters change their length in lower case, which would move every offset after them
    lower = text.lower()
    return lower if len(lower) == len(text) else text


def load(name: str) -> dict[str, dict[str, list[str]]]:
    """Return the tables of a lexicon that comes with the package."""
    with (_FOLDER / f"{name}.toml").open("rb") as file:
        tables: dict[str, dict[str, list[str]]] = tomllib.load(file)
    return tables
