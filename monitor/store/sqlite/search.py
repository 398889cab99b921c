"""Search in Chinese: character pairs as tokens, so that any two-character word is found.

Pairs rather than words, because they do not depend on a dictionary that changes. A row carries its
brands and its month as tokens too, so that a common word does not join the whole table.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING

from monitor.normalise import analysed, fold

if TYPE_CHECKING:
    from collections.abc import Iterable

_HAN = "㐀-䶿一-鿿豈-﫿\U00020000-\U0003134f"
_RUN = re.compile(rf"[{_HAN}]+|[^\W_{_HAN}]+")
# Begins the tokens that are no words: of private use, so that no typed word begins with it.
_MARK = "\ue000"
_ONE_HAN = re.compile(rf"[{_HAN}]")
# From letter to letter, points and hyphens included, Chinese punctuation not: 3.5, Wi-Fi.
_WORD = re.compile(r"[^\W_](?:[^\s\u2010-\u2027\u3000-\u303f\uff01-\uff0f\uff1a-\uff1f]*[^\W_])?")


def _pieces(plain: str) -> list[str]:
    return _RUN.findall(plain.casefold())


def _pairs(run: str) -> list[str]:
    """Every character with its neighbour, and the last one alone: 刹车灵 → 刹车 车灵 灵."""
    return [*map(str.__add__, run, run[1:]), run[-1]]


def brand_token(brand: str) -> str:
    """The token that marks a brand's mentions."""
    return f"{_MARK}b{brand.encode().hex()}"


def month_token(at: int) -> str:
    """The token that marks a month (UTC) as m202611."""
    return _month_of_day(at // 86400)


@lru_cache(maxsize=4096)
def _month_of_day(day: int) -> str:
    return f"{_MARK}m{datetime.fromtimestamp(day * 86400, UTC):%Y%m}"


def months_between(start: int, end: int) -> list[str]:
    """The month tokens that cover [start, end)."""
    first, last = (datetime.fromtimestamp(at, UTC) for at in (start, max(start, end - 1)))
    months = range(12 * first.year + first.month - 1, 12 * last.year + last.month)
    return [f"{_MARK}m{month // 12}{month % 12 + 1:02d}" for month in months]


def tokens(plain: str, brands: Iterable[str], published_at: int) -> str:
    """What the search table holds of a mention: the same for the same arguments, always.

    `plain` is the analysed text (`Mention.plain`).
    """
    words: dict[str, None] = {}
    for piece in _pieces(plain):
        if _ONE_HAN.match(piece):
            words.update(dict.fromkeys(_pairs(piece)))
        else:
            words[piece] = None
    marks = [*(brand_token(b) for b in sorted(brands)), month_token(published_at)]
    return " ".join([*words, *marks])


def expression(query: str) -> str | None:
    """Turn what a person typed into an FTS5 expression; None where nothing can be searched.

    >>> expression("刹车 iPhone")
    '"刹车" AND "iphone"*'
    >>> expression("失")
    '"失"*'
    """
    parts: list[str] = []
    for piece in _pieces(fold([query])[0]):
        if not _ONE_HAN.match(piece) or len(piece) == 1:
            parts.append(f'"{piece}"*')
        else:
            parts.extend(f'"{piece[i : i + 2]}"' for i in range(len(piece) - 1))
    return " AND ".join(dict.fromkeys(parts)) or None


def contains(query: str, title: str, text: str) -> bool:
    """Whether every word of the query stands in the text; settles what pairs only suggest."""
    haystack = fold([analysed(title, text)])[0].casefold()
    return all(word in haystack for word in _WORD.findall(fold([query])[0].casefold()))
