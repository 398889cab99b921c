"""Whether a text recommends its subject to others or warns them off."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from models.lexicon import Lexicon, load

if TYPE_CHECKING:
    from models.lexicon import Hit

_NEGATED = re.compile(
    r"(?:不|别|没|没有|不会|不太|不怎么|不是很|不敢|不想|不能|不要|无法|不值得|不建议|不再|不会再|很难|难以|绝不)"
    r"(?:再|给?大家|给?朋友|去|来|想|会|敢|是|很|太|向?任何人)*$"
)
_ASKED_BEFORE = re.compile(
    r"(?:求|有没有|有什么|有啥|哪里|哪家|哪款|谁能|谁给|请问|跪求|什么值得)[^，。！？,!?]{0,6}$"
)
_ASKED_AFTER = re.compile(r"[^，。！,!]{0,6}(?:吗|么[？?]|[？?])")
_REACH = 12


class IntentLexicon:
    """The shipped phrases of recommending and dissuading.

    Examples
    --------
    >>> IntentLexicon().find("真心推荐"), IntentLexicon().find("不推荐，快跑")
    ('recommend', 'dissuade')
    """

    def __init__(self) -> None:
        self._lexicon = Lexicon({name: table["words"] for name, table in load("intent").items()})

    def find(self, text: str) -> str | None:
        """Return 'recommend', 'dissuade' or None; of equally many, the last one said."""
        votes = [_vote(text, hit) for hit in self._lexicon.find(text) if not _asked(text, hit)]
        if not votes:
            return None
        return "recommend" if (sum(votes) or votes[-1]) > 0 else "dissuade"


def _vote(text: str, hit: Hit) -> int:
    vote = 1 if hit.group == "recommend" else -1
    negated = _NEGATED.search(text, max(0, hit.start - _REACH), hit.start)
    return -vote if negated else vote


def _asked(text: str, hit: Hit) -> bool:
    before = _ASKED_BEFORE.search(text, max(0, hit.start - _REACH), hit.start)
    return bool(before or _ASKED_AFTER.match(text, hit.end))
