"""From stored facts to what an alert says: factors of the 危机指数, quotes, words, platforms."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from monitor import indices
from monitor.aggregate import SUMS, Sums
from monitor.alerts import Assessment, sentence

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from monitor.detect import Signal
    from monitor.store.views import MentionView

QUOTES = 5
_NEG = SUMS.index("neg")
_VOLUME = SUMS.index("volume")


@dataclass(frozen=True, slots=True)
class Found:
    """What the store knows around a signal.

    `window` and `hour` are sums by platform over the signal's window and over the hour before its
    bin's end, `month` over the 28 days before that window; `negatives` counts the negatives of each
    5-minute bin in the window, oldest first; `mentions` its negative mentions, heaviest first;
    `risk_texts` distinct texts by topic over a day; `words` the distinctive words with weights.
    """

    window: Mapping[str, Sums]
    hour: Mapping[str, Sums]
    month: Mapping[str, Sums]
    negatives: Sequence[int]
    mentions: Sequence[MentionView]
    risk_texts: Mapping[str, int]
    words: Sequence[tuple[str, float]]


def assess(brand_name: str, signal: Signal, found: Found) -> Assessment:
    """Weigh a signal: the factors, one sentence, and the evidence behind both."""
    evidence: dict[str, object] = {
        "mentions": [_quote(view) for view in _distinct(found.mentions)[:QUOTES]],
        "words": [[word, round(weight, 3)] for word, weight in found.words],
        "platforms": {p: int(s[_NEG]) for p, s in found.window.items() if s[_NEG]},
        "risks": _topics(signal, found),
        "negative": int(sum(s[_NEG] for s in found.window.values())),
        "total": int(sum(s[_VOLUME] for s in found.window.values())),
    }
    return Assessment(factors(signal, found), sentence(brand_name, signal, evidence), evidence)


def factors(signal: Signal, found: Found) -> dict[str, float]:
    """Return the factors of the 危机指数, each in [0, 1]; unknown is 0."""
    neg, total = (sum(s[i] for s in found.hour.values()) for i in (_NEG, _VOLUME))
    usual = indices.usual_share(*(sum(s[i] for s in found.month.values()) for i in (_NEG, _VOLUME)))
    spike = signal.rule in ("spike", "share")
    values = {
        "f_spike": indices.spike_factor(signal.score, signal.seen, signal.expected) if spike else 0,
        "f_share": indices.share_factor(neg, total, usual),
        "f_risk": indices.risk_factor(found.risk_texts),
        "f_velocity": indices.velocity_factor(
            sum(found.negatives), doubling_minutes(found.negatives)
        ),
        "f_influence": max(
            (indices.influence_factor(m.followers or 0, bool(m.verified)) for m in found.mentions),
            default=0.0,
        ),
        "f_spread": indices.spread_factor(_platforms_in_excess(signal, found)),
    }
    return {name: round(value, 4) for name, value in values.items()}


def doubling_minutes(negatives: Sequence[int], bin_minutes: float = 5) -> float | None:
    """Minutes in which the negatives double, from the two halves of a window; None unless rising.

    >>> doubling_minutes([1, 1, 4, 4])
    5.0
    """
    half = len(negatives) // 2
    if half == 0:
        return None
    early, late = sum(negatives[:half]), sum(negatives[-half:])
    if late <= max(early, 0.5):
        return None
    return half * bin_minutes / math.log2(late / max(early, 0.5))


def _platforms_in_excess(signal: Signal, found: Found) -> int:
    """How many platforms show at least 3 negatives and twice what the month lets expect."""
    part = signal.window / (28 * 86400)
    return sum(
        1
        for platform, sums in found.window.items()
        if sums[_NEG] >= 3
        and sums[_NEG]
        >= 2 * part * (found.month[platform][_NEG] if platform in found.month else 0.0)
    )


def _topics(signal: Signal, found: Found) -> dict[str, int]:
    """Risk topics with how many texts: of a risk alert's own mentions, else of the last day."""
    if signal.rule != "risk":
        return dict(found.risk_texts)
    topics = Counter(t for view in _distinct(found.mentions) for t in view.traits.risks)
    severe = {topic: n for topic, n in topics.items() if topic in indices.SEVERE_TOPICS}
    return severe or dict(topics)


def _distinct(mentions: Sequence[MentionView]) -> list[MentionView]:
    texts: dict[str, MentionView] = {}
    for mention in mentions:
        texts.setdefault(mention.text or mention.title, mention)
    return list(texts.values())


def _quote(view: MentionView) -> dict[str, object]:
    text = view.text or view.title
    return {
        "id": view.id,
        "platform": view.platform,
        "text": text if len(text) <= 200 else text[:199] + "…",
        "url": view.url,
        "published_at": view.published_at,
        "label": view.label,
    }
