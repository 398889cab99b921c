"""Which texts are not judged: those that say nothing, and those not in Mandarin.

Kinds of characters are counted over a whole batch at once; only texts that these counts leave in
doubt are looked at one by one.
"""

from __future__ import annotations

import re
from enum import IntEnum
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_HEAD = 1000
"""Characters that tell the language of a text, however long."""

_FEW = 4
"""Han characters up to which a text may be all name, tag or placeholder."""


class _Kind(IntEnum):
    OTHER = 0
    HAN = 1
    CANTONESE = 2  # Han characters that are, or may be, Cantonese
    LATIN = 3
    KANA = 4
    HANGUL = 5
    LETTER = 6  # of any other script
    MARK = 7  # what a name or a tag begins with


_RANGES = {
    _Kind.LETTER: [(0x370, 0x10FF), (0x1200, 0x1CFF)],
    _Kind.LATIN: [(0x41, 0x5A), (0x61, 0x7A), (0xC0, 0x24F), (0x1E00, 0x1EFF)],
    _Kind.KANA: [(0x3041, 0x3096), (0x30A1, 0x30FA)],
    _Kind.HANGUL: [(0xAC00, 0xD7A3)],
    _Kind.HAN: [(0x3400, 0x9FFF), (0x20000, 0x3FFFF)],
}
_MARKS = "@＠#＃"
_OF_CANTONESE = "嘅咗唔冇佢喺啲嚟咁哋嘢㗎嗰𠮶乜啱噉攞揾搵瞓睇嬲冧嘥系畀"

_NAME = (
    r"https?://[^\s\u3000-\u9fff\uff00-\uffef]+|[@＠][\w·-]{1,20}+(?![\w@])"
    r"|[#＃](?!\s)[^#＃\n]{1,60}(?<!\s)[#＃]|[#＃][^\s#＃，。！？、,!?]{1,20}+(?![^\s#＃])"
    r"|\[(?:图片|视频|语音|链接|动画表情|文件|位置|名片)\]"
)
"""Addresses, names, tags and what a platform writes where it cannot show something."""

_EMOJI = (
    r"\u00a9\u00ae\u203c\u2049\u2122\u2190-\u21ff\u2300-\u27bf\u2900-\u2bff\u3131-\u318e\u3297\u3299"
    r"\U0001f000-\U0001faff"
)
_NAMES = re.compile(_NAME)
_NOTHING = re.compile(rf"(?:{_NAME}|_|[^\w{_EMOJI}])*+")

_HAN = re.compile(r"[\u3400-\u9fff\U00020000-\U0003ffff]")
_LATIN_WORD = re.compile(r"[A-Za-z\u00c0-\u024f\u1e00-\u1eff']{2,}")
_KANA = re.compile(r"[\u3041-\u3096\u30a1-\u30fa]")
_HANGUL = re.compile(r"[\uac00-\ud7a3]")
_LETTER = re.compile(r"[\u0370-\u10ff\u1200-\u1cff]")

_NET_WORDS = frozenset(
    re.findall(
        r"\w+",
        """
        yyds xswl awsl nsdd zqsg emo nb nbnb nice good great best perfect bad shit fuck wow omg ok
        okay yes no hi hello love like cool lol lmao haha hahaha hahahaha hh hhh hhhh hhhhh hhhhhh
        hhhhhhh hhhhhhhh xs orz qaq qwq tat xd tql yysy dddd u1s1 bug low diss respect peace cpu
        pua tmd nmsl cnm cnmd rnm wtf wc woc mmp sb zz ssfd bdjw plgg pljj gkd xdm jms srds ky
        nbcs swag btw up amazing awesome beautiful so very too thanks thank you happy yeah lj nm
        tt beauty ending yue skr get not really mark dd cy gg lmfao dbq zqsb diy fine sad
        delicious well done six plus pro max vip over end
        """,
    )
)
"""Latin words of Chinese net talk: one or two of these are read even where nothing else is said."""

_MANDARIN = re.compile(r"[的了是这那们吗没么他她它很在怎什和把被给让]")
_CANTONESE = re.compile(
    r"[嘅咗佢喺啲嚟哋嘢㗎嗰𠮶啱噉攞揾搵瞓嬲冧嘥孭畀谂]|冇|咁(?!嘛)|唔(?![，。！？,.!?~～…、 唔]|$)"
    r"|睇(?!$)|乜(?:嘢|都|野|事)|点(?:解|样(?![的子]))|边(?:度|个(?=[话系讲知]))|而家|寻日|听日|得闲|屋企"
    r"|真系|系(?:咪|度|唔)|[就但定即仲都梗]系(?!统|列|数|主任|里|学|友)|呢[个间部件次度排只条款架]|钟意|唔该|好(?:食|睇|正(?![常确式好]))"
    r"|返(?:工|学|嚟)|几(?:好食|多钱)|仲(?:有|未|好|要)|咩(?:事|料|啊|呀)|食(?:晒|咗|埋)|俾(?:我|人|你)"
)
_SHORT = 8
"""Han characters up to which one telling word of Cantonese is enough."""


def unsupported(texts: Sequence[str]) -> list[str | None]:
    """Return why each text is not judged: 'empty', 'language', or None where it is.

    'empty' says nothing but white space, punctuation, addresses, names and tags; emoji and stickers
    do say something. 'language' is Cantonese or a tongue other than Chinese as a whole; enough
    Mandarin among it makes a text one that is read. Texts are in simplified script.

    Examples
    --------
    >>> unsupported(["味道不错", "👍👍", "yyds", "@小听 #新品#", "呢间嘢好好食", "I like it"])
    [None, None, None, 'empty', 'language', 'language']
    """
    why: list[str | None] = [None] * len(texts)
    heads = [text[:_HEAD] for text in texts]
    count = _count(heads)
    han = count[_Kind.HAN] + count[_Kind.CANTONESE]
    scripts = 3 * count[_Kind.KANA] + 2 * count[_Kind.HANGUL] + 2 * count[_Kind.LETTER]
    for i in np.flatnonzero(count[_Kind.CANTONESE]).tolist():
        why[i] = "language" if _cantonese(heads[i]) else None
    for i in np.flatnonzero((count[_Kind.LATIN] > 2 * han) | (scripts > han)).tolist():
        why[i] = "language" if _foreign(_NAMES.sub(" ", heads[i])) else why[i]
    for i in np.flatnonzero((han <= _FEW) | (count[_Kind.MARK] > 0)).tolist():
        why[i] = "empty" if _NOTHING.fullmatch(texts[i]) else why[i]
    return why


def _count(texts: Sequence[str]) -> NDArray[np.int64]:
    """Return one row a kind of character, one column a text."""
    codes = np.frombuffer("".join(texts).encode("utf-32-le", "surrogatepass"), np.uint32)
    lengths = np.fromiter(map(len, texts), np.int64, len(texts))
    cells = len(_Kind) * len(texts)
    cell = np.repeat(np.arange(0, cells, len(_Kind)), lengths) + _KINDS[codes]
    return np.bincount(cell, minlength=cells).reshape(-1, len(_Kind)).T


def _cantonese(text: str) -> bool:
    """Tell whether words only Cantonese has outnumber those that it lacks."""
    words = len(_CANTONESE.findall(text))
    mandarin = len(_MANDARIN.findall(text))
    return words > max(1, mandarin) or (
        words == 1 and not mandarin and len(_HAN.findall(text)) <= _SHORT
    )


def _foreign(text: str) -> bool:
    han = len(_HAN.findall(text))
    return (
        _english(_LATIN_WORD.findall(text), han)
        or _japanese(text, han)
        or len(_HANGUL.findall(text)) > max(1, han)
        or len(_LETTER.findall(text)) > max(2, han)
    )


def _english(words: Sequence[str], han: int) -> bool:
    """Tell whether Latin words are the most of it; a word says about as much as two characters."""
    if han:
        return len(words) >= 4 and len(words) > 2 * han
    return bool(words) and not (
        len(words) <= 2 and all(word.lower() in _NET_WORDS for word in words)
    )


def _japanese(text: str, han: int) -> bool:
    # の alone decorates Chinese names of shops and goods
    kana = len(_KANA.findall(text.replace("の", "")))
    return kana > 1 and 3 * kana > han * (6 if _MANDARIN.search(text) else 1)


def _kinds() -> NDArray[np.uint8]:
    """Return the kind of every code point."""
    kinds = np.zeros(0x110000, np.uint8)
    for kind, ranges in _RANGES.items():
        for first, last in ranges:
            kinds[first : last + 1] = kind
    kinds[[*map(ord, _OF_CANTONESE)]] = _Kind.CANTONESE
    kinds[[*map(ord, _MARKS)]] = _Kind.MARK
    return kinds


_KINDS = _kinds()
