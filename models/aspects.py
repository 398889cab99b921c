"""Sides of a product or shop that a text speaks of, and where: quality, price, service and so on.

Phrase lists find them. A word may carry its own judgement ("贵", "掉色"), which a negation before
it turns round ("一点都不贵", "没有掉色") and a question takes away ("贵吗"); of any other word the
clause around it decides.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from math import inf, tanh
from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from models.lexicon import HARMLESS, Batch, Lexicon, load
from models.records import Aspect

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from models.lexicon import Match
    from models.records import Span

    _Topic = tuple[str, str | None]
    _Meaning = tuple[_Topic, int | None] | None

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

_SIGN = re.compile(f"[{''.join(sorted(_DENIERS | _ASKERS))}]")
"""Without one of these beside it a word says what it says."""


class Word(NamedTuple):
    """A word of an aspect, by the numbers of its text and its clause.

    `topic` is the aspect's name, and the brand whose own list holds the word, None for the shipped
    lists. `own` is what the word itself says: 1 or -1, 0 where it is asked about, None where its
    clause decides.
    """

    text: int
    topic: _Topic
    span: Span
    own: int | None
    clause: int


class Found(NamedTuple):
    """The aspects' words in `size` texts, and the clauses they stand in: text, start and end.

    Of each text eight clauses and 64 words count at most.
    """

    size: int
    words: list[Word]
    clauses: list[tuple[int, int, int]]


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
    >>> found = lexicon.find_all(["快充好，一点都不贵"], [["hua"]])
    >>> [(word.topic, word.own, found.clauses[word.clause]) for word in found.words]
    [(('battery', 'hua'), None, (0, 0, 3)), (('price', None), 1, (0, 4, 9))]
    """

    def __init__(self, own: Mapping[str, Mapping[str, Sequence[str]]] | None = None) -> None:
        tables = load("aspects")
        harmless = [*tables[HARMLESS]["words"], *load("risk")[HARMLESS]["words"], *_NO_TURNS]
        groups: dict[str, Sequence[str]] = {HARMLESS: harmless, _TURN: _TURNS}
        meanings: dict[str, _Meaning] = {}
        for name in NAMES:
            for kind, words in tables[name].items():
                group = f"{name} {kind}"
                groups[group], meanings[group] = words, ((name, None), _SIDES.get(kind))
        self._lexicon = Lexicon(groups)
        self._meanings: list[_Meaning] = [meanings.get(group) for group in self._lexicon.groups]
        self._turns = {i for i, group in enumerate(self._lexicon.groups) if group == _TURN}
        self._own: dict[str, tuple[Lexicon, int]] = {}
        for brand, aspects in (own or {}).items():
            lexicon = Lexicon({name: [*filter(_sound, words)] for name, words in aspects.items()})
            self._own[brand] = lexicon, len(self._meanings)
            self._meanings += [((name, brand), None) for name in lexicon.groups]

    def find_all(
        self, texts: Sequence[str], brands: Sequence[Collection[str]] | None = None
    ) -> Found:
        """Return what the texts speak of; `brands` are those that each text is about."""
        batch = texts if isinstance(texts, Batch) else Batch(texts)
        matches = self._lexicon.matches(batch)
        if self._own and brands is not None:
            matches = sorted([*matches, *self._own_matches(batch, brands)], key=itemgetter(1, 2))
        found = Found(len(batch), [], [])
        if matches:
            self._place(batch, matches, found)
        return found

    def _own_matches(self, batch: Batch, brands: Sequence[Collection[str]]) -> list[Match]:
        """Return brands' own words in the texts about them, as matches of the joined texts."""
        found: list[Match] = []
        for brand, (lexicon, first) in self._own.items():
            about = [i for i, named in enumerate(brands) if brand in named]
            part = Batch([batch[i] for i in about])
            for index, start, end in lexicon.matches(part):
                text = bisect_right(part.starts, start) - 1
                moved = batch.starts[about[text]] - part.starts[text]
                found.append((first + index, start + moved, end + moved))
        return found

    def _place(self, batch: Batch, matches: Sequence[Match], found: Found) -> None:
        """Add the words of the joined texts, and the clauses they stand in, to what is found."""
        # A plain loop: arrays would read many texts a little faster, and one three times slower
        _, words, clauses = found
        bounds = _Bounds(batch, [start for index, start, _ in matches if index in self._turns])
        limit = passed = 0
        for index, start, end in matches:
            meaning = self._meanings[index]
            if meaning is None or start < passed:
                continue
            if start >= limit:
                number = bisect_right(batch.starts, start) - 1
                text, base, limit = batch[number], batch.starts[number], batch.starts[number + 1]
                most_words, most_clauses = len(words) + _WORDS, len(clauses) + _CLAUSES
                opens = stop = -1
            if start >= stop:
                clause, stop = bounds.around(start)
                if clause != opens:
                    if len(clauses) == most_clauses:
                        passed = limit
                        continue
                    opens = clause
                    filled = start == opens and end >= stop
                    closes = bounds.after(start, limit - 1) if filled else max(stop, end)
                    clauses.append((number, opens - base, closes - base))
            topic, own = meaning
            if own:
                span = (opens - base, max(stop, end) - base)
                own = _said(text, start - base, end - base, span, own)
            words.append(Word(number, topic, (start - base, end - base), own, len(clauses) - 1))
            if len(words) == most_words:
                passed = limit


class _Bounds:
    """Where clauses begin and end in the joined texts: at marks, and before words that turn."""

    def __init__(self, batch: Batch, turns: Sequence[int]) -> None:
        codes = np.frombuffer(batch.joined.encode("utf-32-le"), np.uint32)
        marks = np.flatnonzero(_IS_MARK[np.minimum(codes, len(_IS_MARK) - 1)])
        self._marks = [-1, *marks.tolist(), len(codes)]
        self._turns = [-1, *turns, len(codes)]

    def around(self, start: int) -> tuple[int, int]:
        """Return where the clause of a word begins, and where it ends."""
        mark, turn = bisect_left(self._marks, start), bisect_right(self._turns, start)
        opens = max(self._marks[mark - 1] + 1, self._turns[turn - 1])
        return opens, min(self._marks[mark], self._turns[turn])

    def after(self, start: int, limit: int) -> int:
        """Return where the next clause ends that is not empty, up to the end of the text."""
        mark = bisect_left(self._marks, start)
        while self._marks[mark] < limit:
            mark += 1
            if self._marks[mark] > self._marks[mark - 1] + 1:
                break
        return self._marks[mark]


def _sound(word: str) -> bool:
    return bool(word.strip()) and "\0" not in word


def _said(text: str, start: int, end: int, clause: Span, side: int) -> int:
    """Return the side of a word in its clause: turned by a negation, 0 where it is asked for."""
    opens = max(clause[0], start - _REACH)
    if _SIGN.search(text, opens, end + _REACH) is None:
        return side
    before, after = text[opens:start], text[end : end + _REACH]
    if "不" in (before[-1:], text[start], after[:1]) and _doubled(text[start:end], before, after):
        return 0  # 贵不贵, 效果好不好
    asked = _ASKED_AFTER.match(after) or _ASKED_BEFORE.search(before)
    if asked and not _WHY.search(before):
        return 0
    denied = _NEGATED.search(before) or _DENIED_AFTER.match(text, end, clause[1])
    return -side if denied else side


def _doubled(word: str, before: str, after: str) -> bool:
    """Tell whether a word and its denial stand side by side."""
    doubled = (f"{word}不", word[1]) if word[0] == "不" else f"{word}不"
    return after.startswith((f"不{word}", f"不{word[-1]}")) or before.endswith(doubled)


def assign(
    found: Found, polarity: Sequence[float], opinion: Sequence[float]
) -> list[tuple[Aspect, ...]]:
    """Return the aspects of each text with their sides, in the order they are first named.

    Parameters
    ----------
    polarity, opinion
        Log-odds of positive against negative, and of opinion against none, of each of the
        `found.clauses`.
    """
    named: dict[tuple[int, _Topic], list[Word]] = {}
    for word in found.words:
        named.setdefault(word[:2], []).append(word)
    aspects: list[list[Aspect]] = [[] for _ in range(found.size)]
    for (text, topic), words in named.items():
        aspects[text].append(_aspect(topic, words, polarity, opinion))
    return [*map(tuple, aspects)]


def _aspect(
    topic: _Topic, words: Sequence[Word], polarity: Sequence[float], opinion: Sequence[float]
) -> Aspect:
    """Return the judgement of an aspect's words: the mean of their log-odds."""
    towards, voiced = 0.0, -inf
    for _, _, _, own, clause in words:
        if own is None:
            towards, heard = towards + polarity[clause], opinion[clause]
        else:
            towards += own * _OWN + _CLAUSE * polarity[clause]
            heard = _OWN if own else -_OWN
        voiced = max(voiced, heard)
    positive, said = _sigmoid(towards / len(words)), _sigmoid(voiced)
    good, bad, none = said * positive, said * (1 - positive), 1 - said
    label = 0 if none > good and none > bad else 1 if good > bad else -1
    name, brand = topic
    return Aspect(name, label, good - bad, tuple([word.span for word in words]), brand)


def _sigmoid(log_odds: float) -> float:
    # By the hyperbolic tangent no log-odds, however large, overflow
    return 0.5 + 0.5 * tanh(log_odds / 2)
