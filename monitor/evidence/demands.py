"""What customers ask for: their money back, an apology, a recall and the like."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from models.lexicon import Lexicon, load
from monitor.evidence.quotes import cite, distinct

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.lexicon import Hit
    from monitor.evidence.quotes import Said

DEMANDS = (
    *("refund", "compensation", "replacement", "apology", "explanation", "recall", "delisting"),
    "punishment",
)
"""Every kind of demand."""

_UNWANTED = re.compile(
    r"(?:不用|无需|不必|不需要|不要求|不求|不想要|不是要|不是为了|不稀罕|别给我)[^，。！？,!?]{0,3}$"
    r"|(?:要求|让|叫|逼|要)(?:客人|顾客|消费者|客户|买家|住客|我们?)(?:先|自己|去|再)?$"
)
_DONE_BEFORE = re.compile(
    r"(?:已经?|刚|终于|主动|宣布|同意|承诺|答应|决定|正在|启动|被|收到|提供|支持|可以?|能够?|秒|包)"
    r"[^，。！？,!?不没]{0,3}$"
)
_NOT_YET = re.compile(r"不(?:可以?|能|给|肯|让|支持|同意)[^，。！？,!?]{0,3}$")
_DONE_AFTER = re.compile(
    r"(?:了(?![吗没吧？?])|过了?(?![吗没吧？?])|已?到账|成功|很快|及时|及时到|秒到|很顺利|的事情)"
)
_MONEY = frozenset({"refund", "compensation"})


def demands(said: Sequence[Said]) -> list[dict[str, object]]:
    """Tell what the mentions ask for, most asked first: {kind, n, share, mentions}.

    What has been granted, offered or waved aside is not asked for; a refusal ("拒不道歉") is.
    """
    texts = distinct(said)
    found: dict[str, list[Said]] = {}
    for each, hits in zip(texts, _phrases().find_all([e.text for e in texts]), strict=True):
        for kind in _asked_for(each, hits):
            found.setdefault(kind, []).append(each)
    ranked = sorted(found.items(), key=lambda pair: (-len(pair[1]), DEMANDS.index(pair[0])))
    return [
        {"kind": kind, "n": len(those), "share": round(len(those) / len(texts), 4)}
        | {"mentions": cite(those)}
        for kind, those in ranked
    ]


def _asked_for(said: Said, hits: Sequence[Hit]) -> set[str]:
    kinds = {hit.group for hit in hits if _is_wanted(said.text, hit)}
    # The intent was read with more care than a phrase can tell; it does not say which of the two.
    if "refund" in said.view.traits.intents:
        return kinds if kinds & _MONEY else kinds | {"refund"}
    return kinds


def _is_wanted(text: str, hit: Hit) -> bool:
    before = text[max(0, hit.start - 8) : hit.start]
    if _UNWANTED.search(before):
        return False
    if _NOT_YET.search(before):
        return True
    return not (_DONE_BEFORE.search(before) or _DONE_AFTER.match(text, hit.end))


@cache
def _phrases() -> Lexicon:
    return Lexicon({name: table["words"] for name, table in load("demands").items()})
