"""The stretches of a text that speak about one target.

A text may praise one thing and blame another, so a target is judged by its own clause: up to the
next punctuation mark or contrast word. Chinese says the predicate after its subject, so what
follows the target is kept apart from what precedes it; the clause after is kept for targets whose
own clause says little ("味道，真的不行").
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from operator import itemgetter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.records import Span

_BREAK = re.compile(
    r"[。！？；，：,!?;:\n…~～]+|(?<=.)(?=但是|但愿|可是|不过|然而|只是|就是|可惜|反而|相反|倒是|至于)"
    r"|(?<=.)(?=但(?!愿)|却|而(?!且|已))"
)
_RIVAL = re.compile(r"(?:比起?|相比于?|不如|不及|好过|胜过|强过|超过|碾压|吊打|秒杀|完爆|对比)\s*$")

_REACH = 60
"""Characters of a clause that count: few, so that time stays linear in the text's length."""

_MENTIONS = 32
"""Occurrences of one target that count."""


@dataclass(frozen=True, slots=True)
class Window:
    """What is said about one occurrence of a target, as three spans that leave the target out.

    `before` and `after` are the rest of its clause, `then` is the next clause. A `rival` is what
    something else is compared with: "A比B强" praises A, so it says the opposite about B.
    """

    before: Span
    after: Span
    then: Span
    rival: bool = False

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
    edges = [0, *(edge for match in _BREAK.finditer(text) for edge in match.span()), len(text)]
    return [(a, b) for a, b in zip(edges[::2], edges[1::2], strict=True) if a < b]


def windows(text: str, spans: Sequence[Span]) -> list[Window]:
    """Return the windows of a target's first occurrences; spans outside the text are left out.

    Examples
    --------
    >>> text = "价格贵，但屏幕真好，喜欢"
    >>> [[text[a:b] for a, b in window.spans] for window in windows(text, [(5, 7)])]
    [['但', '真好', '喜欢']]
    """
    parts = clauses(text)
    inside = [(a, b) for a, b in spans if 0 <= a < b <= len(text)][:_MENTIONS]
    return [_window(text, parts, span) for span in inside]


def _window(text: str, parts: Sequence[Span], span: Span) -> Window:
    start, end = span
    first = bisect_right(parts, start, key=itemgetter(0)) - 1
    last = bisect_left(parts, end, key=itemgetter(1))
    opens = max(parts[first][0] if first >= 0 else start, start - _REACH)
    closes = min(parts[last][1] if last < len(parts) else end, end + _REACH)
    rival = bool(_RIVAL.search(text, opens, start))
    then = (closes, closes)
    if last + 1 < len(parts) and not rival:
        then = (parts[last + 1][0], min(parts[last + 1][1], parts[last + 1][0] + _REACH))
    return Window((opens, start), (end, closes), then, rival)
