"""Evasive spellings turned into what they stand for, code point for code point."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from models.lexicon import HARMLESS, Batch, Lexicon, load

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.lexicon import Hit


def plain(texts: Sequence[str]) -> Batch:
    """Return the texts with evasive spellings undone; each stays as long as it was.

    Texts come folded: simplified script, plain letters.

    Examples
    --------
    >>> plain(["这辣鸡平台，退💰", "香辣鸡翅好吃"])
    ['这垃圾平台，退钱', '香辣鸡翅好吃']
    """
    batch = texts if isinstance(texts, Batch) else Batch(texts)
    found = _spellings().find_all(batch)
    if not any(found):
        return batch
    return Batch(
        _written_out(text, hits) if hits else text for text, hits in zip(batch, found, strict=True)
    )


@cache
def _spellings() -> Lexicon:
    tables = load("lookalike")
    return Lexicon({**tables["spellings"], HARMLESS: tables["false_friends"][HARMLESS]})


def _written_out(text: str, hits: Sequence[Hit]) -> str:
    parts, end = [], 0
    for hit in hits:
        parts += [text[end : hit.start], hit.group]
        end = hit.end
    return "".join([*parts, text[end:]])
