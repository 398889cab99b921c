"""How far a text shows its writer to be as a consumer, from discovery to advocacy, or gone."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from models.lexicon import Lexicon, load

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from models.lexicon import Hit

STAGES = (
    "discovery",
    "awareness",
    "consideration",
    "choice",
    "purchase",
    "satisfaction",
    "loyalty",
    "advocacy",
    "churn",
)
"""The stages, the furthest last."""

_RANK = {stage: rank for rank, stage in enumerate(STAGES)}

_YEARS = re.compile(
    r"(?:快|将近|整整|差不多|大概|了)*(?:[二两三四五六七八九十几]|\d{1,2}|好几|十几|二十)(?:多|来)?年"
)
_DENIED = re.compile(
    r"(?:(?<!要)不|没有?|未|别|无需|拒绝|避免|免得|以免|懒得|省得|差点|差一点|还没|从没|从来没)"
    r"(?:再|去|来|会|敢|想|要|能|是|用|必|曾|很|太|怎么|那么|这么|被|让|给|真的|有|给?大家|给?朋友)*$"
)
_SUPPOSED = re.compile(
    r"(?:如果|要是|假如|万一|倘若|若|只要|除非|考虑|打算|准备|计划|犹豫|纠结|想(?!不到|着)|要不要|该不该|能不能|可不可以|是否|会不会|等|希望|求|请问|怎么)"
    r"[^，。！？,!?；;\n]{0,8}$"
)
_OTHERS = re.compile(
    r"(?:别人|有人|网友|他们|她们|人家|很多人|好多人|不少人|大家都?|(?<![和跟给带陪叫])(?:同事|室友|邻居|朋友(?!圈|来|一起))|据说|[他她](?!家)|博主|商家|店家|客服|听说)"
    r"[^，。！？,!?；;\n]{0,6}$"
)
_ASKED = re.compile(r"[^，。！,!；;\n？?]{0,8}(?:吗|么[？?]|没有?[？?]|[？?])")
_REACH = 14

# Stages that a question or a supposition does not take back: who weighs it asks
_OPEN = frozenset({"discovery", "awareness", "consideration"})
# What phrases may come to beside their own stage: years of use, and a denied return
_BEYOND = {"satisfaction": "loyalty", "loyalty": "churn"}
_REACHABLE = {stage: _RANK[_BEYOND.get(stage, stage)] for stage in STAGES}
_MARKS = re.compile(r"[，。！？；,!?;\n]")
_USE = re.compile(r"[用吃喝穿住开戴骑]")


class StageLexicon:
    """The shipped phrases of each stage.

    Examples
    --------
    >>> stages = StageLexicon()
    >>> texts = ["刷到好多次了", "用了一周，很舒服", "用了三年，又买了一台", "再也不买了"]
    >>> stages.find_all(texts, [()] * 4, [0, 1, 1, -1])
    ['discovery', 'satisfaction', 'loyalty', 'churn']
    """

    def __init__(self) -> None:
        self._lexicon = Lexicon({name: table["words"] for name, table in load("stage").items()})

    def find_all(
        self,
        texts: Sequence[str],
        intents: Sequence[Collection[str]],
        labels: Sequence[int],
    ) -> list[str | None]:
        """Return the furthest stage that each text shows, None where it shows none.

        Parameters
        ----------
        intents
            Each text's, as `IntentLexicon` says; advertising shows no stage.
        labels
            Each text's sentiment, -1, 0 or 1.
        """
        rows = zip(texts, self._lexicon.find_all(texts), intents, labels, strict=True)
        return [_stage(*row) if row[1] else None for row in rows]


def _stage(text: str, hits: Sequence[Hit], intents: Collection[str], label: int) -> str | None:
    if "ad" in intents:
        return None
    furthest = -1
    for hit in hits:
        if _REACHABLE[hit.group] > furthest:
            stage = _shown(text, hit, intents, label)
            furthest = max(furthest, -1 if stage is None else _RANK[stage])
    return STAGES[furthest] if furthest >= 0 else None


def _shown(text: str, hit: Hit, intents: Collection[str], label: int) -> str | None:
    """Return the stage that a phrase shows of the writer, None where it shows none."""
    stage = hit.group
    before = _MARKS.split(text[max(0, hit.start - _REACH) : hit.start])[-1]
    supposed = before and _SUPPOSED.search(before)
    if stage not in _OPEN and (supposed or _ASKED.match(text, hit.end)):
        return None
    if before and _OTHERS.search(before):
        return None
    if before and _DENIED.search(before):
        return "churn" if stage == "loyalty" and label < 0 else None
    return _fitting(stage, text, hit, intents, label)


def _fitting(stage: str, text: str, hit: Hit, intents: Collection[str], label: int) -> str | None:
    """Return what a stage comes to beside the text's sentiment and intents."""
    if stage == "satisfaction":
        if _USE.match(text, hit.start) and _YEARS.match(text, hit.end):
            return "loyalty" if label >= 0 else "purchase"
        return stage if label > 0 else "purchase" if _used(text, hit) else None
    if stage == "loyalty":
        return stage if label >= 0 else "purchase"
    if stage == "advocacy":
        return stage if label >= 0 and "recommend" in intents else None
    if stage == "churn":
        return stage if label <= 0 else None
    return stage


def _used(text: str, hit: Hit) -> bool:
    return text[hit.start : hit.end].endswith(("了", "过", "完"))
