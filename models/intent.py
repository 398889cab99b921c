"""What a text is written for: to complain, get money back, ask, recommend, warn off or chat.

Recommending and warning off are votes: of equally many, the last one said decides, and a text
never does both. The other intents stand by themselves.
"""

from __future__ import annotations

import re
from itertools import repeat
from typing import TYPE_CHECKING

from models.lexicon import HARMLESS, Lexicon, load

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.lexicon import Hit

INTENTS = ("refund", "complaint", "help", "dissuade", "recommend", "ad", "chat")
"""Every intent, the foremost first."""

_VOTES = ("recommend", "dissuade", "harmless")
_AIMS = ("refund", "complaint", "help", "question", "chat")

_NEGATED = re.compile(
    r"(?:不|别|没|没有|不会|不太|不怎么|不是很|不敢|不想|不能|不要|无法|不值得|不建议|不再|不会再|很难|难以|绝不)"
    r"(?:再|给?大家|给?朋友|去|来|想|会|敢|是|很|太|向?任何人)*$"
)
_ASKED_BEFORE = re.compile(
    r"(?:求|有没有|有什么|有啥|哪里|哪家|哪款|谁能|谁给|请问|跪求|什么值得)[^，。！？,!?]{0,6}$"
)
_ASKED_AFTER = re.compile(r"[^，。！,!]{0,6}(?:吗|么[？?]|[？?])")

# 没有投诉, 不用退款, 无需维权; 支持退款 is a service, 退款很快 praise, 收到退款 the end of it
_NO_GRIEVANCE = re.compile(
    r"(?:没有?|不|不会|不想|不用|无需|不必|不需要|无|零|从未|未|避免|防止|免得|以免|拒绝|懒得|别|不是)"
    r"(?:再|去|来|要|有|被|过|任何|什么|人|用|想|申请)*$"
)
_OFFERED = re.compile(
    r"(?:支持|承诺|保证|可以?|能够?|可随时|随时|提供|包|秒|极速|闪电|免费)(?:全额|无条件|随时|申请|先行|直接)*$"
)
_SETTLED = re.compile(
    r"(?:也|都|就|得|的|速度|流程|处理)*(?:很|挺|真|超|非常|特别|十分|也很)?"
    r"(?:快|及时|顺利|秒到|方便|爽快|痛快|到账了?(?!没|吗)|成功|已到|迅速|利索|积极|到位|合理)"
)
_ENDS = re.compile(r"[啊呀呢了哈]{0,2}(?:\s*$|[？?])")
_ASKS = re.compile(
    r"(?:有没有|可不可以|可以|能不能|(?<![还可不])能|支持|会不会|是不是|什么时候|啥时候|几点|多少|哪里|哪个|哪款"
    r"|需要|要不要|这款|这个)[^，。！？,!?]{0,14}(?:吗|吗?[？?])$"
)
_ASKERS = ("吗", "?", "？")
_RHETORICAL = re.compile(
    r"难道|不是.{0,10}吗|良心|好意思|要点脸|要不要脸|脸吗|过分吗|配吗|搞笑吗|[？?!！]{3}"
)

_REACH = 12
_CHAT = 30
"""Characters of the longest small talk."""


_LONGER = re.compile(r"\d{6}")
"""A hotline's number has five digits: in a longer one it stands by chance."""


class IntentLexicon:
    """The shipped phrases of each intent.

    Examples
    --------
    >>> IntentLexicon().find_all(["真心推荐", "不推荐，快跑", "拖着不退款，我要投诉"])
    [('recommend',), ('dissuade',), ('refund', 'complaint')]
    """

    def __init__(self) -> None:
        tables = load("intent")
        self._votes = Lexicon({name: tables[name]["words"] for name in _VOTES})
        self._aims = Lexicon(
            {name: tables[name]["words"] for name in _AIMS} | {HARMLESS: tables["aside"]["words"]}
        )

    def find_all(
        self, texts: Sequence[str], no_opinion: Sequence[str | None] | None = None
    ) -> list[tuple[str, ...]]:
        """Return the intents of each text, the foremost first.

        Parameters
        ----------
        no_opinion
            Why each text voices none, as `Opinionless` says; a 'promotion' is written as an 'ad'.
        """
        columns = (
            texts,
            self._votes.find_all(texts),
            self._aims.find_all(texts),
            no_opinion or repeat(None, len(texts)),
        )
        return [_intents(*row) for row in zip(*columns, strict=True)]


def _intents(
    text: str, votes: Sequence[Hit], aims: Sequence[Hit], no_opinion: str | None
) -> tuple[str, ...]:
    found = {hit.group for hit in aims if _meant(text, hit)} if aims else set()
    if "question" in found or _asks(text):
        found.discard("question")
        found.add("help")
    voted = _voted(text, votes) if votes else None
    if voted:
        found.add(voted)
    if no_opinion == "promotion":
        found.add("ad")
    if not found:
        return ("chat",) if aims and _small_talk(text, aims) else ()
    return tuple(sorted(found, key=INTENTS.index))


def _meant(text: str, hit: Hit) -> bool:
    """Tell whether a phrase says what it says here: not denied, offered, settled or in passing."""
    if hit.group == "help":
        return True
    if hit.group == "question":
        return bool(_ENDS.match(text, hit.end))
    if text[hit.start].isdigit() and _LONGER.search(text, max(0, hit.start - 1), hit.end + 1):
        return False
    opens = max(0, hit.start - _REACH)
    if hit.group == "chat" or _NO_GRIEVANCE.search(text, opens, hit.start):
        return False
    return hit.group == "complaint" or not (
        _OFFERED.search(text, opens, hit.start) or _SETTLED.match(text, hit.end)
    )


def _asks(text: str) -> bool:
    """Tell whether a text ends in a question that wants an answer."""
    if not text.rstrip().endswith(_ASKERS):
        return False
    tail = text[-_CHAT:].rstrip()
    return bool(_ASKS.search(tail)) and not _RHETORICAL.search(tail)


def _small_talk(text: str, hits: Sequence[Hit]) -> bool:
    """Tell whether phrases of small talk fill most of a short text."""
    if len(text) > _CHAT:
        return False
    said = sum(map(str.isalnum, text))
    talk = sum(hit.end - hit.start for hit in hits if hit.group == "chat")
    return 3 * talk >= 2 * said > 0


def _voted(text: str, hits: Sequence[Hit]) -> str | None:
    """Return 'recommend', 'dissuade' or None; of equally many, the last one said."""
    votes = [_vote(text, hit) for hit in hits if not _asked(text, hit)]
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
