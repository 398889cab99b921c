"""Which mentions are the same one, and which say the same."""

from __future__ import annotations

import hashlib
import re

_SAYS_SOMETHING = re.compile(r"[^\W_]|[\u2190-\u2bff\U0001f000-\U0001faff]")
# Brackets and emoji at the end are words: [怒] 😡
_CLOSING = "。．.！!？?，,、；;：:…～~—-·^_'\"“”‘’"


def identity(platform: str, kind: str, native_id: str) -> bytes:
    """Return the 16 bytes that stand for one mention of a platform, for ever.

    >>> identity("weibo", "post", "1") == identity("weibo", "comment", "1")
    False
    """
    return _digest(f"{platform}\0{kind}\0{native_id}", 16)


def text_key(plain: str) -> bytes | None:
    """Return the 16 bytes that equal texts share; None where a text says nothing.

    White space, case and closing punctuation make no difference.

    >>> text_key("客服 太差了！！！") == text_key("客服太差了")
    True
    >>> text_key("。。。") is None
    True
    """
    if _SAYS_SOMETHING.search(plain) is None:
        return None
    return _digest("".join(plain.casefold().split()).rstrip(_CLOSING), 16)


def key64(platform: str, native_id: str) -> int:
    """Return a signed 64-bit number that joins comments to the parent they name, of any kind."""
    return int.from_bytes(_digest(f"{platform}\0{native_id}", 8), "big", signed=True)


def _digest(text: str, size: int) -> bytes:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=size).digest()
