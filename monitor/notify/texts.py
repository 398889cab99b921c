"""Strangers' words made harmless, and texts cut to the bytes a channel takes. Pure."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


def clean(text: str) -> str:
    r"""Return the text in one line without control, bidi, zero-width and unencodable characters.

    >>> clean("好\u202e评\u200b\n# 标题")
    '好评 # 标题'
    """
    spaced = "".join(" " if unicodedata.category(c) in {"Cc", "Zl", "Zp"} else c for c in text)
    shown = (c for c in spaced if unicodedata.category(c) not in {"Cf", "Cs", "Co"})
    return " ".join("".join(shown).split())


def defang(text: str) -> str:
    """Return the text with its URLs and host names broken, so that no client links them.

    >>> defang("看 https://evil.example.com/a，降了3.5元")
    '看 https：//evil．example．com/a，降了3.5元'
    """
    return re.sub(r"(?<=\w)\.(?=[^\W\d_])", "．", text.replace("://", "：//"))


_ACTIVE = str.maketrans(r"\`*_[]<>#~|@&", "＼｀＊＿［］＜＞＃～｜＠＆")


def escape_markdown(text: str) -> str:
    """Return the text with all that chat markdown acts upon in full width.

    The robots' dialects know no common escape, and full-width forms read the same in Chinese.

    >>> escape_markdown("<@all> [点我](x) #1")
    '＜＠all＞ ［点我］(x) ＃1'
    """
    return text.translate(_ACTIVE)


def tame(text: str) -> str:
    """Return the text as it may stand in chat markdown: no markup, no links, nobody called."""
    return escape_markdown(defang(text))


def token(text: str) -> str:
    """Return at most 128 letters, digits, dots, hyphens and underscores: an id as it is.

    >>> token("dl_7c1e <x>")
    'dl_7c1e__x_'
    """
    return re.sub(r"[^A-Za-z0-9._-]", "_", text)[:128]


def size(text: str) -> int:
    """Return the bytes of the text in UTF-8."""
    return len(text.encode("utf-8", "replace"))


def cut(text: str, limit: int) -> str:
    """Return at most `limit` (≥ 3) bytes of UTF-8 of the text, an ellipsis marking what is gone.

    >>> cut("口碑预警", 9)
    '口碑…'
    """
    return text if size(text) <= limit else _beginning(text, limit - 3) + "…"


def split(lines: Sequence[str], limit: int, joint: str = "\n") -> list[str]:
    """Return the lines joined into as few texts of at most `limit` (≥ 4) bytes as keep their order.

    A line stays whole if it fits into a text at all; a longer one is parted between two
    characters. Nothing is lost.

    >>> split(["口碑", "预警", "abcdefgh"], 7)
    ['口碑', '预警', 'abcdefg', 'h']
    """
    texts: list[str] = []
    for piece in (piece for line in lines for piece in _pieces(line, limit)):
        if texts and size(texts[-1] + joint + piece) <= limit:
            texts[-1] += joint + piece
        else:
            texts.append(piece)
    return texts


def _pieces(line: str, limit: int) -> Iterator[str]:
    while size(line) > limit:
        piece = _beginning(line, limit)
        yield piece
        line = line[len(piece) :]
    yield line


def _beginning(text: str, limit: int) -> str:
    """Return the longest beginning of at most `limit` bytes that parts no visible character."""
    end = len(text.encode("utf-8", "replace")[:limit].decode("utf-8", "ignore"))
    parted = end
    while 0 < parted < len(text) and _continues(text[parted]):
        parted -= 1
    return text[: parted or end]


def _continues(character: str) -> bool:
    # Accents, variation selectors and skin tones belong to what stands before them.
    return unicodedata.category(character).startswith("M") or "🏻" <= character <= "🏿"
