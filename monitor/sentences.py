"""One sentence about a signal: what was expected, what was seen, how improbable that is. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from monitor.names import ASPECTS, PLATFORMS, RISKS, Language, called

if TYPE_CHECKING:
    from collections.abc import Mapping

    from monitor.detect import Signal

_SURE = 12
_COUNT = {
    "zh": "{brand}{place}近 {span}{about}负面提及 {seen} 条，占 {part}，按常态应约 {usual} 条，"
    "{chance}",
    "en": "{brand}{place}: {seen} negative mention{s}{about} within {span}, {part} of all,"
    " about {usual} expected; {chance}",
}
_SENTENCES = {
    "risk": {
        "zh": "{brand}出现涉及{risks}的言论：{span}内 {seen} 条",
        "en": "{brand}: {seen} mention{s} about {risks} within {span}",
    },
    "influencer": {
        "zh": "{brand}出现高影响力作者的负面内容：{span}内 {seen} 条{reach}",
        "en": "{brand}: {seen} negative mention{s} by influential authors within {span}{reach}",
    },
    "topic": {
        "zh": "{brand}出现新的负面话题“{topic}”：近 {span} {seen} 条，按过去一个月应约 {usual} 条，"
        "{chance}",
        "en": "{brand}: a new negative topic “{topic}”, {seen} mention{s} within {span},"
        " about {usual} expected from the month before; {chance}",
    },
    "no_data": {
        "zh": "{brand}{place}已 {span}没有任何提及，按常态应约 {usual} 条，{chance}；"
        "可能是采集中断，不代表平静",
        "en": "{brand}{place}: no mention at all for {span}, about {usual} expected; {chance}."
        " Collection may have stopped: this does not mean calm",
    },
    "drill": {
        "zh": "{brand}危机演练：请按真实预警响应",
        "en": "{brand}: a crisis exercise, respond as to a real alert",
    },
}


def sentence(brand: str, signal: Signal, evidence: Mapping[str, object]) -> dict[str, str]:
    """Say in one sentence, in each language, what a signal found.

    Of the evidence it reads `risks` (by topic), `reach` (followers) and `topic_words`.
    """
    wording = _SENTENCES.get(signal.rule, _COUNT)
    languages: tuple[Language, ...] = ("zh", "en")
    return {
        language: wording[language].format(brand=brand, **_parts(signal, evidence, language))
        for language in languages
    }


def _parts(signal: Signal, evidence: Mapping[str, object], language: Language) -> dict[str, str]:
    joint = "、" if language == "zh" else ", "
    words = _listed(evidence.get("topic_words"))[:5] or [signal.topic]
    return {
        "seen": str(signal.seen),
        "s": "s" * (signal.seen != 1),
        "usual": f"{signal.expected:.1f}",
        "part": f"{100 * signal.seen / max(1, signal.total):.0f}%",
        "span": _span(signal.window // 60, language),
        "place": _place(signal.platform, language),
        "about": _about(signal.aspect, language),
        "chance": _chance(signal.score, language),
        "risks": joint.join(called(RISKS, r, language) for r in _listed(evidence.get("risks"))),
        "reach": _reach(evidence.get("reach"), language),
        "topic": joint.join(words),
    }


def _listed(found: object) -> list[str]:
    return [str(word) for word in found] if isinstance(found, Iterable) else []


def _span(minutes: int, language: Language) -> str:
    if minutes % 60 == 0:
        return f"{minutes // 60} 小时" if language == "zh" else f"{minutes // 60} h"
    return f"{minutes} 分钟" if language == "zh" else f"{minutes} min"


def _place(platform: str | None, language: Language) -> str:
    if not platform:
        return ""
    name = called(PLATFORMS, platform, language)
    return f"在{name}上" if language == "zh" else f" on {name}"


def _about(aspect: str | None, language: Language) -> str:
    if not aspect:
        return ""
    name = called(ASPECTS, aspect, language)
    return f"关于“{name}”的" if language == "zh" else f" about {name}"


def _chance(score: float, language: Language) -> str:
    # Beyond some power of ten the exact one says nothing more to a person.
    sure = score > _SURE
    power = f"10^-{_SURE}" if sure else f"10^-{score:.0f}"
    if language == "zh":
        return f"偶然如此的概率{'低于' if sure else '约'} {power}"
    return f"probability by chance {'below' if sure else 'about'} {power}"


def _reach(followers: object, language: Language) -> str:
    if not isinstance(followers, int | float) or followers < 1:
        return ""
    if language == "en":
        return f", one of them with {followers:,.0f} followers"
    many = f"{followers / 10_000:.4g} 万" if followers >= 10_000 else f"{followers:.0f} "
    return f"，其中一位作者有 {many}粉丝"
