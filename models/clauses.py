"""The stretches of a text that speak about its targets.

A text may praise one thing and blame another, so a target is judged by its own clause: up to the
next punctuation mark or contrast word. Chinese says the predicate after its subject, so what
follows the target is kept apart from what precedes it; the clause after is kept for targets whose
own clause says little ("味道，真的不行"). A pronoun speaks about the target last named.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from itertools import pairwise
from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from models.comparisons import PLAIN, Comparison, compare

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from models.records import Span

    Mention = tuple[int, int, str]

# What begins a clause, by its first character and by two: for whole batches at once
_MARK, _LEAD, _ALONE = 1, 2, 3
_KINDS = np.zeros(1 << 16, np.uint8)
_KINDS[[*map(ord, "。！？；，：,!?;:\n…~～")]] = _MARK
_KINDS[[*map(ord, "可不然只就反相倒至")]] = _LEAD
_KINDS[[*map(ord, "但却而")]] = _ALONE
_TURNS, _NO_TURNS = (
    [(ord(pair[0]) << 16) | ord(pair[1]) for pair in pairs]
    for pairs in (
        ("可是", "不过", "然而", "只是", "就是", "可惜", "反而", "相反", "倒是", "至于"),
        ("而且", "而已"),
    )
)

_PRONOUN = re.compile(r"它家?(?!们)|[他她]家(?!人|里)|这(?:家店?|个?牌子)|该(?:品牌|店|公司)")
_RIVAL = re.compile(r"(?:别|人|其[他它]|另一?)家|友商|竞品|隔壁")
_JOINT = re.compile(r"[、/&+和与跟及同或比的]|不如|不及|还有|以及|吊打|碾压|秒杀|完爆")

_REACH = 60
"""Characters of a clause that count: few, so that time stays linear in the text's length."""

_MENTIONS = 32
"""Occurrences of one target that count."""


class Window(NamedTuple):
    """What is said about one occurrence of a target, as three spans that leave the target out.

    `before` and `after` are the rest of its clause, `then` is the next clause. A comparison says
    which of them count and on whose side.
    """

    before: Span
    after: Span
    then: Span
    comparison: Comparison = PLAIN

    @property
    def spans(self) -> tuple[Span, Span, Span]:
        """The three spans in reading order."""
        return self.before, self.after, self.then

    @classmethod
    def whole(cls, text: str) -> Window:
        """Return the window that is all of a text."""
        return cls((0, 0), (0, len(text)), (len(text), len(text)))


def find_target(text: str, target: str) -> list[Span]:
    """Return where a target stands in a text, whatever the case of its letters.

    Examples
    --------
    >>> find_target("听风App真好用，app赞", "APP")
    [(2, 5), (9, 12)]
    """
    if not target:
        return []
    return [match.span() for match in re.finditer(re.escape(target), text, re.IGNORECASE)]


def clauses(text: str) -> list[Span]:
    """Return the clauses of a text, without the punctuation between them.

    Examples
    --------
    >>> [text[a:b] for text in ["屏幕很好，但是电池差"] for a, b in clauses(text)]
    ['屏幕很好', '但是电池差']
    """
    return clauses_of([text])[0]


def clauses_of(texts: Sequence[str]) -> list[list[Span]]:
    """Return the clauses of each text, as `clauses` does, a whole batch at once.

    Examples
    --------
    >>> clauses_of(["屏幕很好，但是电池差", ""])
    [[(0, 4), (5, 10)], []]
    """
    codes = np.frombuffer("\n".join(["", *texts, ""]).encode("utf-32-le"), np.uint32)
    kind = _KINDS[np.minimum(codes, 0xFFFF)]
    mark, turn = kind == _MARK, np.flatnonzero(kind > _MARK)
    pairs = (codes[turn].astype(np.int64) << 16) | codes[turn + 1]
    known = np.isin(pairs, _TURNS) | ((kind[turn] == _ALONE) & ~np.isin(pairs, _NO_TURNS))
    breaks = mark.copy()
    breaks[turn[known]] = True
    opens = np.flatnonzero(~mark[1:] & (mark[:-1] | breaks[1:]))
    closes = np.flatnonzero(~mark[:-1] & breaks[1:])
    starts = np.cumsum([0, *[len(text) + 1 for text in texts]])
    places = np.searchsorted(opens, starts)
    base = np.repeat(starts[:-1], np.diff(places))
    spans = [*zip((opens - base).tolist(), (closes - base).tolist(), strict=True)]
    return [spans[a:b] for a, b in pairwise(places.tolist())]


def windows(
    text: str, aim: Mapping[str, Sequence[Span]], parts: Sequence[Span] | None = None
) -> dict[str, list[Window]]:
    """Return the windows of each target's first occurrences; spans outside the text are left out.

    `parts` are the text's clauses, where they are known.

    Examples
    --------
    >>> text = "价格贵，但屏幕真好，喜欢"
    >>> [[text[a:b] for a, b in w.spans] for w in windows(text, {"屏幕": [(5, 7)]})["屏幕"]]
    [['但', '真好', '喜欢']]
    """
    length = len(text)
    named = [
        (start, end, target)
        for target, spans in aim.items()
        for start, end in spans
        if 0 <= start < end <= length
    ]
    named.sort()
    found: dict[str, list[Window]] = {target: [] for target in aim}
    if not named:
        return found
    parts = clauses(text) if parts is None else parts
    pronouns = set(_pronouns(text, named, parts))
    every = sorted([*named, *pronouns]) if pronouns else named
    meant = True
    for i, mention in enumerate(every):
        here = found[mention[2]]
        if len(here) < _MENTIONS and (meant or mention not in pronouns):
            here.append(_window(text, parts, every, i))
            # After "比听风牌强" a pronoun means whatever was praised
            meant = here[-1].comparison.then > 0
    return found


def _pronouns(text: str, named: Sequence[Mention], parts: Sequence[Span]) -> list[Mention]:
    """Return the pronouns as mentions of the target last named, unless their clause names one."""
    mentions = []
    for match in _PRONOUN.finditer(text, named[0][1]):
        last = bisect_right(named, match.start(), key=itemgetter(0)) - 1
        opens = parts[bisect_right(parts, match.start(), key=itemgetter(0)) - 1][0]
        if named[last][1] <= opens:
            mentions.append((*match.span(), named[last][2]))
    return mentions


def _window(text: str, parts: Sequence[Span], every: Sequence[Mention], i: int) -> Window:
    start, end, _ = every[i]
    first = bisect_right(parts, (start, len(text))) - 1
    last = max(first, 0)
    while last < len(parts) and parts[last][1] < end:
        last += 1
    opens = max(parts[first][0] if first >= 0 else start, start - _REACH)
    closes = min(parts[last][1] if last < len(parts) else end, end + _REACH)
    comparison = compare(text[opens:start], text[end:closes])
    if len(every) > 1:
        opens, closes = _own(text, every, i, (opens, closes))
    then = closes, closes
    if last + 1 < len(parts):
        begins, ends = parts[last + 1]
        following = begins, min(ends, begins + _REACH)
        then = then if _names_another(text, every, i, following) else following
    return Window((opens, start), (end, closes), then, comparison)


def _own(text: str, every: Sequence[Mention], i: int, clause: Span) -> Span:
    """Return the clause without what is said in it of a target before or after ("A好B差")."""
    start, end, target = every[i]
    opens, closes = clause
    if i and opens < every[i - 1][1] <= start and every[i - 1][2] != target:
        opens = opens if _joint(text[every[i - 1][1] : start]) else start
    if i + 1 < len(every) and end <= every[i + 1][0] < closes and every[i + 1][2] != target:
        closes = closes if _joint(text[end : every[i + 1][0]]) else every[i + 1][0]
    return opens, closes


def _joint(between: str) -> bool:
    """Return whether two targets share what is said: they touch, are listed, or compared."""
    return not between.strip() or _JOINT.search(between) is not None


def _names_another(text: str, every: Sequence[Mention], i: int, clause: Span) -> bool:
    """Return whether a clause is about something else: another target first, or a rival."""
    if len(every) > 1:
        first = bisect_left(every, clause[0], lo=i, key=itemgetter(0))
        if first < len(every) and every[first][0] < clause[1] and every[first][2] != every[i][2]:
            return True
    return _RIVAL.search(text, *clause) is not None
