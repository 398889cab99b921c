"""Where a text may mean the opposite of what it says.

Four kinds of cue: a phrase that is hardly ever sincere (真有你们的), praise beside a bad fact
(真快，等了三小时), thanks for an ordeal (感谢客服让我失眠), a smile or applause after a bad fact
(三天就坏了👏). A fact that is denied (没有异响) is none, and words of contrast or content near by
(但是, 解决了) speak for sincerity. Few cues, mostly right, rather than many.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from typing import TYPE_CHECKING

from models.lexicon import Lexicon, load

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.lexicon import Hit
    from models.records import Span

_REACH = 14
"""Characters between praise and the fact that belies it."""

_THANKED = 24
"""Characters between thanks and the ordeal."""

_AROUND = 6
"""Characters before and after both in which a welcome word counts."""

_AGES = re.compile(
    r"(?:等|拖|排|耗|卡|修|催|问|找|跑|打)了?(?:我|整整|足足|快|将近|了|他妈|至少|差不多){0,3}"
    r"[\d一二两三四五六七八九十半几好]{1,5}个?多?(?:小时|钟头|天|周|星期|礼拜|月|年|趟|次|遍|个电话|回)"
    r"|[\d一二两三四五六七八九十半几]{1,5}个?多?(?:小时|钟头|天|周|星期|礼拜|月|次)(?:了|才|还|都|就|又)?"
    r"(?:没|不[理回退修发]|坏|断|裂|碎|掉|崩|死机|关机|没电|散架|开胶|脱线|起球|漏|生锈)"
)
_DENIED = re.compile(
    r"(?:没有?|不会|不用|不再|不必|不怕|从未|从不|不|无需|无|零|防|免|避免|告别|不是)(?:再|出现|发生|任何|一点|怎么|有)?$"
)
_SUPPOSED = re.compile(
    r"如果|万一|要是|假如|担心|害怕|以为|怕|以前|之前|本来|别家|别人家|其他家|隔壁家"
)
_OPPOSITE = frozenset({"praise", "mark", "thanks"})
_SPOKEN = _OPPOSITE | {"alone"}
_SENTENCE = re.compile(r"[。！？!?\n]")
_CAUSED = re.compile(r"[让害给令使叫]|教会|所赐|的福$")
_FILLING = re.compile(
    r"[\W_了的吧啊呢嘛哈]*(?:[这那你您他它我们也还就可太都要是真给说夸]|贵司|贵公司|客服|平台|商家|店家|官方|卖家|老板"
    r"|服务|速度|效率|质量|做工|态度|售后|操作|品控|物流|快递|只能|必须|不得不|一句|简直|果然|[\W_])*"
)
_END = re.compile(r"[\s\W]*(?:$|[\n。！？!?])")


class Irony:
    """The shipped cues of irony. Immutable, so that threads may share it.

    Examples
    --------
    >>> Irony().find_all(["速度真快，等了三小时", "速度真快，一小时就到", "真有你们的"])
    [((2, 4),), (), ((0, 5),)]
    """

    def __init__(self) -> None:
        self._lexicon = Lexicon({name: table["words"] for name, table in load("irony").items()})

    def find_all(self, texts: Sequence[str]) -> list[tuple[Span, ...]]:
        """Return the cues of each text in order, in code points."""
        found = self._lexicon.find_all(texts, needing=_SPOKEN)
        return [_cues(text, hits) if hits else () for text, hits in zip(texts, found, strict=True)]


def _cues(text: str, hits: Sequence[Hit]) -> tuple[Span, ...]:
    spans = {(hit.start, hit.end) for hit in hits if hit.group == "alone"}
    said = [hit for hit in hits if hit.group in _OPPOSITE]
    if said:
        belied = _Belied(text, hits)
        spans |= {(hit.start, hit.end) for hit in said if belied(hit)}
    return tuple(sorted(spans))


class _Belied:
    """Tells whether something good said in one text is belied by a bad fact beside it."""

    def __init__(self, text: str, hits: Sequence[Hit]) -> None:
        self._text = text
        self._welcome = [hit.start for hit in hits if hit.group == "welcome"]
        bad = [(hit.start, hit.end) for hit in hits if hit.group == "bad"]
        bad += [found.span() for found in _AGES.finditer(text)]
        self._facts = self._true(bad)
        ordeals = [(hit.start, hit.end) for hit in hits if hit.group == "ordeal"]
        self._ordeals = self._true([*bad, *ordeals])

    def __call__(self, hit: Hit) -> bool:
        span = hit.start, hit.end
        if hit.group == "thanks":
            return self._thanked(span)
        before, after = _neighbours(self._facts, span)
        if hit.group == "mark":
            return before is not None and self._marked(before, span)
        return any(fact is not None and self._praised(fact, span) for fact in (before, after))

    def _true(self, spans: Sequence[Span]) -> list[Span]:
        """Return the facts that are neither denied nor supposed, in order."""
        return sorted(span for span in spans if not self._doubted(span[0]))

    def _doubted(self, start: int) -> bool:
        before = self._text[max(0, start - _AROUND) : start]
        return bool(_DENIED.search(before) or _SUPPOSED.search(before))

    def _praised(self, fact: Span, praise: Span) -> bool:
        gap = self._gap(fact, praise)
        return (
            len(gap) <= _REACH
            and (fact > praise or _FILLING.fullmatch(gap) is not None)
            and len(_SENTENCE.findall(gap)) <= 1
            and not self._doubted(praise[0])
            and self._unwelcome(min(fact, praise)[0], max(fact, praise)[1])
        )

    def _marked(self, fact: Span, mark: Span) -> bool:
        gap = self._gap(fact, mark)
        return (
            len(gap) <= _REACH
            and not _SENTENCE.search(gap.rstrip("。！!？?"))
            and _END.match(self._text, mark[1]) is not None
            and self._unwelcome(fact[0], mark[1])
        )

    def _thanked(self, thanks: Span) -> bool:
        _, ordeal = _neighbours(self._ordeals, thanks)
        if ordeal is None or ordeal[0] - thanks[1] > _THANKED:
            return False
        between = self._gap(thanks, ordeal)
        return (
            _CAUSED.search(self._text[thanks[0] : ordeal[0]]) is not None
            and not _SENTENCE.search(between)
            and self._unwelcome(thanks[1], ordeal[1])
        )

    def _gap(self, one: Span, other: Span) -> str:
        """Return what stands between two spans, or enough of it to see that it is too long."""
        start = min(one[1], other[1])
        return self._text[start : min(max(one[0], other[0]), start + _THANKED + 1)]

    def _unwelcome(self, start: int, end: int) -> bool:
        first = bisect_left(self._welcome, start - _AROUND)
        return first == len(self._welcome) or self._welcome[first] >= end + _AROUND


def _neighbours(facts: Sequence[Span], span: Span) -> tuple[Span | None, Span | None]:
    """Return the facts next before and next after a span."""
    i = bisect_left(facts, span)
    return facts[i - 1] if i else None, facts[i] if i < len(facts) else None
