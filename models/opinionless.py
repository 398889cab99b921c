"""Texts that voice no opinion whoever judges them: what a platform fills in, and advertising.

Both are judgements of the whole text: an opinion that mentions a live stream or a cashback card
is an opinion.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from models.lexicon import Lexicon, load

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.lexicon import Hit

_LITTLE = 8
"""Letters beside the phrases of a text that still say nothing."""

_OFFER, _ENOUGH, _LENGTH = 3, 3, 100
"""What an offer weighs against a hint, what is enough for a short text, and how many characters
more ask for one more."""

# Nothing but marks, or sounds drawn out to fill a form
_EMPTY = re.compile(r"(?:[\s。．.,，、…·~～_-]+|[啊哦嗯呃额哈唔噢\s。.,，]{8,}|(\S)\1{6,})$")

_FILLED_IN = ("default", "filler", "copied")
_GROUPS = (*_FILLED_IN, "offer", "hint")
_VOICES = ("experience", "grievance")

_LATIN = re.compile(r"[A-Za-z0-9_-]{6}")
_SIDED = re.compile(
    r"[好差赞棒坏烂贵快慢丑臭脏吵爱香甜]|不错|满意|喜欢|垃圾|问题|一般|可以|还行|便宜|推荐|失望|退"
)
_TOLD_BEFORE = re.compile(
    r"(?:[让叫催逼被]|要求|要我|非要|还得|必须|不用|无需|不必|不需要|[不别没]|了|说|教|帮)(?:我们?|你|大家|顾客|再|去|要)*$"
)
_TOLD_AFTER = re.compile(r"(?:之?后|以后)|(?:才|还要?|就)[^，。！]|了(?!解)")
# 淘口令, 微信号, QQ群 and telephone numbers to call
_CODE = re.compile(
    r"[¥￥€$₤《(（/][A-Za-z0-9]{10,14}[¥￥€$₤》)）/]"
    r"|(?:微信|vx|wx|v信|qq|q群|扣扣|➕v?|威信)号?\s*[:：➕+]?\s*[A-Za-z0-9_-]{6,20}"
    r"|(?:热线|电话|咨询|订购|tel)\s*[:：]?\s*(?:1[3-9]\d{9}|0\d{2,3}-?\d{7,8}|400-?\d{3,4}-?\d{3,4})",
    re.IGNORECASE,
)


class Opinionless:
    """The shipped phrases of default reviews and of advertising.

    Examples
    --------
    >>> texts = ["此用户没有填写评价", "关注并转发，抽三位送新品", "好评返现的套路太恶心了"]
    >>> Opinionless().find_all(texts)
    ['default', 'promotion', None]
    """

    def __init__(self) -> None:
        tables = load("opinionless")
        self._lexicon = Lexicon({name: tables[name]["words"] for name in _GROUPS})
        self._voices = {
            name: re.compile("|".join(map(re.escape, tables[name]["words"]))) for name in _VOICES
        }

    def find_all(self, texts: Sequence[str]) -> list[str | None]:
        """Return why each text voices no opinion, 'default' or 'promotion', or None."""
        found = zip(texts, self._lexicon.find_all(texts), strict=True)
        return [
            self._reason(text, hits) if hits else _EMPTY.match(text) and "default"
            for text, hits in found
        ]

    def _reason(self, text: str, hits: Sequence[Hit]) -> str | None:
        filled_in, weight = _filled_in(text, hits), _promotion(text, hits)
        if not filled_in and weight < _ENOUGH + len(text) // _LENGTH:
            return None
        if self._voices["grievance"].search(text):
            return None
        if filled_in:
            return "default"
        weight -= 2 * bool(self._voices["experience"].search(text))
        return "promotion" if weight >= _ENOUGH + len(text) // _LENGTH else None


def _filled_in(text: str, hits: Sequence[Hit]) -> bool:
    """Tell whether a text is a platform's, or says that it says nothing."""
    said = [hit for hit in hits if hit.group in _FILLED_IN]
    if not said:
        return False
    if any(hit.group == "copied" for hit in said) and len(_phrases(text, said)) > 1:
        return True
    rest = _without(text, said)
    return sum(map(str.isalnum, rest)) <= _LITTLE and not _SIDED.search(rest)


def _phrases(text: str, hits: Sequence[Hit]) -> set[str]:
    return {text[hit.start : hit.end] for hit in hits}


def _without(text: str, hits: Sequence[Hit]) -> str:
    parts, last = [], 0
    for hit in hits:
        parts.append(text[last : hit.start])
        last = hit.end
    return "".join((*parts, text[last:]))


def _promotion(text: str, hits: Sequence[Hit]) -> int:
    """Return how much a text promotes: its different offers, hints and addresses, weighed."""
    offers = [hit for hit in hits if hit.group == "offer" and not _told(text, hit)]
    hints = [hit for hit in hits if hit.group == "hint"]
    if not offers and not hints:
        return 0
    weight = _OFFER * len(_phrases(text, offers)) + len(_phrases(text, hints))
    return weight + _OFFER * bool(_LATIN.search(text) and _CODE.search(text))


def _told(text: str, hit: Hit) -> bool:
    """Tell whether it is told of somebody, instead of said to the reader."""
    before = _TOLD_BEFORE.search(text, max(0, hit.start - 6), hit.start)
    return bool(before or _TOLD_AFTER.match(text, hit.end))
