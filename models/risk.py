"""Phrases that report a danger: injury, fire, poisoning, leaks, fraud and the like.

A phrase does not count where its clause denies it ("没有起火"), supposes it ("万一爆炸"), tells it
as fiction ("电影里爆炸") or asks whether it is so ("会爆炸吗"), nor inside
a harmless phrase ("好吃到爆炸", "吃着火锅"). A warning ("小心充电宝起火") and a mere ？ do count.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from models.lexicon import Lexicon, load
from models.records import RiskHit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.lexicon import Hit

SEVERITY = {
    "personal_safety": 1.0,
    "food_safety": 1.0,
    "fire": 1.0,
    "data_leak": 0.9,
    "discrimination": 0.9,
    "fraud": 0.8,
    "recall": 0.8,
    "law": 0.8,
    "labour": 0.6,
    "environment": 0.6,
    "hygiene": 0.6,
}
"""Topic → weight in the crisis index's f_risk."""

_CLAUSE_END = re.compile(r"[。！!；;，,\n？?]")
_DENIED = re.compile(
    r"(?:(?:从来?|并|还|都|又)?(?:没有?|未)|不会|不能|不可能|不存在|不是|不易|不怕|(?<!要)不要|(?<!不)不|无|零"
    r"|(?<!消)防止?|预防|谨防|严防|杜绝|避免|以免|免得|严禁|禁止|拒绝|反|(?:^|千万|可)别)"
    r"(?:发生过?|出现过?|发现过?|听说过?|造成|引起|引发|导致|存在|任何|什么|所谓|明显|再|会|被|有过?|人|因"
    r"|一[只个点丝])*$"
)
# 可怕 and 恐怕 report; a warning (小心, 当心, 注意) does too, as it has a cause.
_SUPPOSED = re.compile(
    r"如果|假如|假设|(?<![主重只])要是|万一|会不会|是否|有没有(?!人.{0,2}[跟和与像]我)|是不是会|担心"
    r"|(?<![可恐害后哪只])怕(?!是)|害怕(?:会|被|再|它)*$|以防|不然|否则|迟早|换[了成做作]?别.{0,9}早"
    r"|演练|演习|剧情|梦见|梦到|假装|(?<!不是)(?<!并非)谣言|辟谣"
)
_FICTION = re.compile(
    r"(?:电影(?!院)|小说|电视剧|短剧|动漫|(?<![打玩])游戏).{0,4}?(?:里|中|情节|片段|画面|特效)"
)
_ASKED = re.compile(r".{0,3}(?<![管赔理责退道])吗|(?:了|过|的)?(?:没有?|不|么|嘛)(?=[？?])")
_WILL = re.compile(r"(?<!社)会(?![员议场所])")
_REFUTED = re.compile(r".{0,4}?(?:[是系为属]谣言|是假的|是假消息|是谣传|不属实)")

# Phrases that report or not by the company they keep
_EARLIER = re.compile(r"早(?:就|都)?(?:该|得|会|要)?$")
_SLIGHT = frozenset({"烫伤", "割伤", "划伤", "夹伤", "砸伤", "摔伤", "扎伤"})
_ADVICE = re.compile(r"(?<!不)(?:小心|当心|注意)(?:别|会|被)*$")
_BODY = re.compile(
    r"(?<![到二入出])手(?![机表环柄感工])|[脚脸腿臂肤嘴唇舌孩娃]|眼睛|宝宝|人(?!为)|被.*[边角口刀刺]"
)
_COMPUTER = re.compile(
    r"(?:电脑|手机|笔记本|系统|硬盘|[uU]盘|主机|软件|文件|服务器)(?:又|也|都|被|已经|可能|好像|老是|总是)*$"
)
_DEATH = re.compile(r"[了啦]|$")
_VERY = re.compile(
    r"[吓气笑烦急累热冷冻辣甜酸苦咸齁香臭帅美丑馋贵困吵羞愁恨爱想萌撩腻晒挤堵憋闷冤坑难卷卡慢痛疼痒饿渴撑醉"
    r"胀慕妒尬土傻蠢瘆骗疯乐忙套戳勒宰心嘈熏丢咬氣敲晕逼整玩害催迷嫉得要活像装跟]$"
)


class RiskLexicon:
    """The shipped risk phrases.

    Examples
    --------
    >>> RiskLexicon().find("充电时突然起火，但没有爆炸")
    (RiskHit(topic='fire', severity=1.0, start=5, end=7),)
    """

    def __init__(self) -> None:
        self._lexicon = Lexicon({topic: table["words"] for topic, table in load("risk").items()})

    def find(self, text: str) -> tuple[RiskHit, ...]:
        """Return the dangers one text reports, in order."""
        return self.find_all([text])[0]

    def find_all(self, texts: Sequence[str]) -> list[tuple[RiskHit, ...]]:
        """Return the dangers each text reports, in order."""
        found = zip(texts, self._lexicon.find_all(texts), strict=True)
        return [_reports(text, hits) if hits else () for text, hits in found]


def _reports(text: str, hits: Sequence[Hit]) -> tuple[RiskHit, ...]:
    return tuple(
        RiskHit(hit.group, SEVERITY[hit.group], hit.start, hit.end)
        for hit in hits
        if _reported(text, hit)
    )


def _reported(text: str, hit: Hit) -> bool:
    before = _CLAUSE_END.split(text[max(0, hit.start - _REACH) : hit.start])[-1]
    after = _CLAUSE_END.split(text[hit.end : hit.end + _REACH])[0]
    mark = text[hit.end + len(after) :][:1]
    return not (
        any(kind.search(before) for kind in (_DENIED, _SUPPOSED, _FICTION))
        or _ASKED.match(after + mark)
        or (_WILL.search(before) and after.endswith("吗"))
        or _REFUTED.match(after)
        or _figurative(text[hit.start : hit.end], hit.group, before, after)
    )


def _figurative(word: str, topic: str, before: str, after: str) -> bool:
    """Tell whether the words beside a phrase give it a milder sense."""
    if word == "中毒":
        return bool(_COMPUTER.search(before))
    if word == "死人":
        return bool(_VERY.search(before)) or not _DEATH.match(after)
    if word == "划伤" and not _BODY.search(before + after):
        return True
    if word in _SLIGHT:
        return bool(_ADVICE.search(before))
    return topic == "fire" and bool(_EARLIER.search(before)) and not after.startswith("过")


_REACH = 20
