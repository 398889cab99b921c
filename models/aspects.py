"""Sides of a product or shop that a text speaks of, and where: quality, price, service and so on.

Phrase lists find them. A word may carry its own judgement ("贵", "掉色"), which a negation before
it turns round ("一点都不贵", "没有掉色") and a question takes away ("贵吗"); of any other word the
clause around it decides.
"""

from __future__ import annotations

import re
from itertools import chain
from math import inf, tanh
from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from models.features import lengths
from models.lexicon import HARMLESS, Batch, Lexicon, load
from models.records import Aspect

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from models.features import Ints
    from models.lexicon import Hit
    from models.records import Span

    _Place = tuple[int, int, int, int]

NAMES = (
    "quality",
    "price",
    "service",
    "delivery",
    "safety",
    "look",
    "performance",
    "experience",
    "venue",
    "honesty",
    "aftersales",
)
"""The aspects of the shipped lists."""

_CLAUSES = 8
"""Clauses of a text that count: few, so that one long text costs no more than others."""

_WORDS = 64
"""Words of a text that count, likewise."""

_OWN = 3.0
"""Log-odds of a word that carries its own judgement, where only its clause could say otherwise."""

_CLAUSE = 0.3
"""How much the clause counts beside such a word."""

_SIDES = {"good": 1, "bad": -1}

# A clause ends at these marks and before these words; what begins like them and is none
_MARKS = "\0。！？；，：,!?;:\n…~～ "
_TURN = "turn"
_TURNS = (
    *("但是", "但", "可是", "不过", "然而", "只是", "就是", "可惜", "反而", "相反", "倒是", "至于"),
    *("却", "而且", "虽然", "尽管"),
)
_NO_TURNS = (
    *("不但", "但凡", "但愿", "不过敏", "不过分", "不过如此", "忘却", "冷却", "也就是", "那就是"),
    *("这就是", "不只是", "可是真"),
)

_NEGATED = re.compile(
    r"(?:不|没有?|毫无|并?无|未|并非|绝非|告别|杜绝|拒绝|避免|谈不上|称不上|算不上|说不上|不存在|零)"
    r"(?:再|会|是|算|那么|这么|特别|怎么|十分|非常|很|太|什么|任何|明显|出现|发现|发生|遇到|遇见|感到"
    r"|觉得|感觉|造成|见|想象中|过|有|一点|一丝|半点|丝毫|多少|的|地|被|得)*$"
)
_DENIED_AFTER = re.compile(
    r"的?(?:情况|现象|问题)?(?:都|也|从来|完全|根本)?(?:没有|不支持|不存在|做不到|谈不上)$"
)
_DENIERS = frozenset("不没无未非别绝零避谈称算说")
_ASKED_BEFORE = re.compile(r"(?:会不会|是不是|是否|有没有|有无|请问|怎么样|算不算)[^，。！]{0,6}$")
_ASKED_AFTER = re.compile(r"[^，。！,!？?]{0,4}(?:吗|么[？?]|不[？?]|没有?[？?]|[？?](?![？?]))")
_ASKERS = frozenset("吗么？?否请会是有怎算")
_WHY = re.compile(
    r"(?:怎么|为什么|为啥|为何|凭什么|凭啥|咋|难道|居然|竟然|这么|那么)[^，。！]{0,8}$"
)
_REACH = 10

_IS_MARK = np.zeros(0x10000, np.bool_)
_IS_MARK[[ord(mark) for mark in _MARKS]] = True


class Occurrence(NamedTuple):
    """A word of an aspect.

    `clause` is the index of its clause. `own` is what the word itself says: 1 or -1, 0 where it
    is asked about, None where the clause decides. `brand` is whose own list holds the word.
    """

    name: str
    brand: str | None
    start: int
    end: int
    own: int | None
    clause: int


class Found(NamedTuple):
    """The aspects' words in a text, and the at most eight clauses in which they stand."""

    text: str
    occurrences: Sequence[Occurrence] = ()
    clauses: Sequence[Span] = ()


class AspectLexicon:
    """The shipped words, and brands' own.

    Parameters
    ----------
    own
        Brand → aspect → words. A brand may name aspects of its own. Its words count only in texts
        about it.

    Examples
    --------
    >>> lexicon = AspectLexicon({"hua": {"battery": ["快充"]}})
    >>> [found] = lexicon.find_all(["快充好，一点都不贵"], [["hua"]])
    >>> [(o.name, o.brand, o.own, found.clauses[o.clause]) for o in found.occurrences]
    [('battery', 'hua', None, (0, 3)), ('price', None, 1, (4, 9))]
    """

    def __init__(self, own: Mapping[str, Mapping[str, Sequence[str]]] | None = None) -> None:
        tables = load("aspects")
        harmless = [*tables[HARMLESS]["words"], *load("risk")[HARMLESS]["words"], *_NO_TURNS]
        groups: dict[str, Sequence[str]] = {HARMLESS: harmless, _TURN: _TURNS}
        self._meanings: dict[str, tuple[str, str | None, int | None]] = {}
        for name in NAMES:
            for kind, words in tables[name].items():
                group = f"{name} {kind}"
                groups[group], self._meanings[group] = words, (name, None, _SIDES.get(kind))
        self._lexicon = Lexicon(groups)
        self._own = {brand: self._brand(brand, aspects) for brand, aspects in (own or {}).items()}

    def _brand(self, brand: str, aspects: Mapping[str, Sequence[str]]) -> Lexicon:
        groups = {f"{name}\0{brand}": [*filter(_sound, aspects[name])] for name in aspects}
        self._meanings |= {f"{name}\0{brand}": (name, brand, None) for name in aspects}
        return Lexicon(groups)

    def find_all(
        self, texts: Sequence[str], brands: Sequence[Collection[str]] | None = None
    ) -> list[Found]:
        """Return what each text speaks of; `brands` are those that each text is about."""
        batch = texts if isinstance(texts, Batch) else Batch(texts)
        hits = self._lexicon.find_all(batch)
        for i, own in self._own_hits(texts, brands or [()] * len(texts)).items():
            hits[i] = sorted([*hits[i], *own], key=itemgetter(1, 2))
        if not any(hits):
            return [Found(text) for text in texts]
        edges = _edges(batch)
        places, last = _places(hits, edges, batch.starts), 0
        found = []
        for text, said in zip(texts, hits, strict=True):
            first, last = last, last + len(said)
            here = places[first:last]
            found.append(self._placed(text, said, here, edges) if said else Found(text))
        return found

    def _own_hits(
        self, texts: Sequence[str], brands: Sequence[Collection[str]]
    ) -> dict[int, list[Hit]]:
        """Return the brands' own words by the number of the text."""
        found: dict[int, list[Hit]] = {}
        for brand, lexicon in self._own.items():
            about = [i for i, named in enumerate(brands) if brand in named]
            for i, hits in zip(about, lexicon.find_all([texts[i] for i in about]), strict=True):
                found.setdefault(i, []).extend(hits)
        return found

    def _placed(
        self, text: str, hits: Sequence[Hit], places: Sequence[_Place], edges: Ints
    ) -> Found:
        """Return the words of a text in their clauses."""
        last = -1
        clauses: list[Span] = []
        occurrences: list[Occurrence] = []
        for (group, start, end), (opens, closes, base, mark) in zip(hits, places, strict=True):
            if group == _TURN:
                continue
            if opens != last:
                if len(clauses) == _CLAUSES:
                    break
                filled = closes - opens == end - start
                clauses.append((opens, _next(mark, edges, base, text) if filled else closes))
                last = opens
            name, brand, side = self._meanings[group]
            said = None if side is None else _said(text, start, end, (opens, closes), side)
            occurrences.append(Occurrence(name, brand, start, end, said, len(clauses) - 1))
            if len(occurrences) == _WORDS:
                break
        return Found(text, occurrences, clauses)


def _edges(batch: Batch) -> Ints:
    """Return where the marks stand in the texts joined by one, and both ends."""
    codes = np.frombuffer(batch.joined.encode("utf-32-le"), np.uint32)
    marks = np.flatnonzero(_IS_MARK[np.minimum(codes, len(_IS_MARK) - 1)])
    return np.concatenate([[-1], marks, [len(codes)]])


def _places(hits: Sequence[Sequence[Hit]], edges: Ints, starts: Sequence[int]) -> list[_Place]:
    """Return the clause of each word, where its text starts, and the mark after it."""
    groups, opens, closes = zip(*chain.from_iterable(hits), strict=True)
    base = np.repeat(starts[:-1], lengths(hits))
    start, end = base + opens, base + closes
    turns = start[np.array([group == _TURN for group in groups])]
    turn, mark = np.searchsorted(turns, start, "right"), np.searchsorted(edges, start)
    bounds = np.concatenate([[-1], turns, edges[-1:]])
    first = np.maximum(edges[mark - 1] + 1, bounds[turn]) - base
    last = np.maximum(np.minimum(edges[mark], bounds[turn + 1]), end) - base
    return [*zip(first.tolist(), last.tolist(), base.tolist(), mark.tolist(), strict=True)]


def _next(mark: int, edges: Ints, base: int, text: str) -> int:
    """Return where the clause after a mark ends."""
    while edges[mark] - base < len(text):
        mark += 1
        if edges[mark] > edges[mark - 1] + 1:
            break
    return int(edges[mark]) - base


def _sound(word: str) -> bool:
    return bool(word.strip()) and "\0" not in word


def _said(text: str, start: int, end: int, clause: Span, side: int) -> int:
    """Return the side of a word in its clause: turned by a negation, 0 where it is asked for."""
    opens = max(clause[0], start - _REACH)
    before, after = text[opens:start], text[end : end + _REACH]
    if "不" in text[max(0, start - 1) : end + 1]:
        word = text[start:end]
        doubled = (f"{word}不", word[1]) if word[0] == "不" else f"{word}不"
        if after.startswith((f"不{word}", f"不{word[-1]}")) or before.endswith(doubled):
            return 0  # 贵不贵, 效果好不好
    if not (_ASKERS.isdisjoint(before) and _ASKERS.isdisjoint(after)):
        asked = _ASKED_AFTER.match(after) or _ASKED_BEFORE.search(before)
        if asked and not _WHY.search(before):
            return 0
    if _DENIERS.isdisjoint(before) and _DENIERS.isdisjoint(after):
        return side
    denied = _NEGATED.search(before) or _DENIED_AFTER.match(text, end, clause[1])
    return -side if denied else side


def assign(found: Found, polarity: Sequence[float], opinion: Sequence[float]) -> tuple[Aspect, ...]:
    """Return the aspects of a text with their sides, in the order they are first named.

    Parameters
    ----------
    polarity, opinion
        Log-odds of positive against negative, and of opinion against none, of each of the
        `found.clauses`.
    """
    named: dict[tuple[str, str | None], list[Occurrence]] = {}
    for occurrence in found.occurrences:
        named.setdefault(occurrence[:2], []).append(occurrence)
    return tuple([_aspect(group, polarity, opinion) for group in named.values()])


def _aspect(
    group: Sequence[Occurrence], polarity: Sequence[float], opinion: Sequence[float]
) -> Aspect:
    """Return the judgement of an aspect's words: the mean of their log-odds."""
    towards, voiced = 0.0, -inf
    for _, _, _, _, own, clause in group:
        if own is None:
            towards += polarity[clause]
            voiced = max(voiced, opinion[clause])
        else:
            towards += own * _OWN + _CLAUSE * polarity[clause]
            voiced = max(voiced, _OWN if own else -_OWN)
    positive, said = _sigmoid(towards / len(group)), _sigmoid(voiced)
    good, bad, none = said * positive, said * (1 - positive), 1 - said
    label = 0 if none > max(good, bad) else 1 if good > bad else -1
    name, brand = group[0][:2]
    return Aspect(name, label, good - bad, tuple([word[2:4] for word in group]), brand)


def _sigmoid(log_odds: float) -> float:
    # By the hyperbolic tangent no log-odds, however large, overflow
    return 0.5 + 0.5 * tanh(log_odds / 2)
