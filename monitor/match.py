"""Which brands a text names, and where."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

from ahocorasick_rs import AhoCorasick

from monitor.normalise import clean, fold, simplify_characters

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from monitor.domain import Brand, Span

_FIRST_CJK = "\u2e80"


class _Use(NamedTuple):
    """What a word is to a brand: one of its names, or a phrase or word that rules it out."""

    brand: str
    role: str


_NAME, _COVER, _VETO = "name", "cover", "veto"


class Matcher:
    """Finds brands by name and alias in folded texts.

    Case makes no difference. Letters and digits at a word's edge need a border: no `mi` in
    `family`. Inside one brand the longest of overlapping names stands. An excluded phrase that
    contains a name voids the names it covers; any other excluded word voids the brand.

    >>> from monitor.domain import Brand
    >>> matcher = Matcher([Brand("mi", "小米", ("Mi",), exclude=("小米粥",))])
    >>> matcher.match(["小米粥不错，小米手机也行", "family"])
    [{'mi': ((6, 8),)}, {}]
    """

    def __init__(self, brands: Sequence[Brand]) -> None:
        uses: defaultdict[str, set[_Use]] = defaultdict(set)
        named: set[str] = set()
        for brand in brands:
            names = _spellings((brand.name, *brand.aliases))
            named |= names
            lowered = {_lower(name) for name in names}
            for name in lowered:
                uses[name].add(_Use(brand.id, _NAME))
            for word in {_lower(word) for word in _spellings(brand.exclude)}:
                covers = any(name in word for name in lowered)
                uses[word].add(_Use(brand.id, _COVER if covers else _VETO))
        self.words: tuple[str, ...] = tuple(sorted(named))
        self._uses = [tuple(sorted(found)) for found in uses.values()]
        self._edges = [(_is_latin(word[0]), _is_latin(word[-1])) for word in uses]
        self._automaton = AhoCorasick(list(uses))

    def match(self, texts: Sequence[str]) -> list[dict[str, tuple[Span, ...]]]:
        """Return, text by text, brand id → spans of its names, in the order they stand.

        `texts` are folded (`normalise.fold`); spans count code points, end exclusive.
        """
        return [self._match(_lower(text)) for text in texts]

    def _match(self, text: str) -> dict[str, tuple[Span, ...]]:
        found = self._automaton.find_matches_as_indexes(text, overlapping=True)
        if not found:
            return {}
        spans: defaultdict[str, dict[str, list[Span]]] = defaultdict(lambda: defaultdict(list))
        for word, start, end in found:
            if self._stands_alone(text, word, start, end):
                for brand, role in self._uses[word]:
                    spans[brand][role].append((start, end))
        kept = {brand: _standing(roles) for brand, roles in spans.items()}
        return {brand: names for brand, names in kept.items() if names}

    def _stands_alone(self, text: str, word: int, start: int, end: int) -> bool:
        opens, closes = self._edges[word]
        if opens and start and _is_latin(text[start - 1]):
            return False
        return not (closes and end < len(text) and _is_latin(text[end]))


def _standing(roles: dict[str, list[Span]]) -> tuple[Span, ...]:
    names = roles.get(_NAME, [])
    if _VETO in roles:
        return ()
    if len(names) > 1:
        names = _longest(names)
    if _COVER in roles:
        names = _uncovered(names, roles[_COVER])
    return tuple(names)


def _longest(spans: Iterable[Span]) -> list[Span]:
    kept: list[Span] = []
    for start, end in sorted(spans, key=lambda span: (span[0], -span[1])):
        if not kept or start >= kept[-1][1]:
            kept.append((start, end))
    return kept


def _uncovered(names: list[Span], covers: list[Span]) -> list[Span]:
    kept: list[Span] = []
    waiting = sorted(covers, reverse=True)
    covered_to = 0
    for start, end in sorted(names):
        while waiting and waiting[-1][0] <= start:
            covered_to = max(covered_to, waiting.pop()[1])
        if end > covered_to:
            kept.append((start, end))
    return kept


def _spellings(words: Iterable[str]) -> set[str]:
    # Taiwanese wording (資訊 → 信息) and plain simplified script (资讯) are both in use.
    cleaned = [clean(word) for word in words]
    return {*fold(cleaned), *fold([simplify_characters(word) for word in cleaned])} - {""}


def _is_latin(char: str) -> bool:
    return char < _FIRST_CJK and char.isalnum()


def _lower(text: str) -> str:
    lowered = text.lower()
    if len(lowered) == len(text):
        return lowered
    return "".join(low if len(low := char.lower()) == 1 else char for char in text)
