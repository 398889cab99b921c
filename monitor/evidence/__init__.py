"""From stored facts to what an alert says: factors of the 危机指数, and evidence for each claim.

docs/evidence.md lists every key. Nothing here reads a clock or a store: `gather` does.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

from monitor import indices
from monitor.aggregate import SUMS, Sums
from monitor.alerts import Assessment
from monitor.evidence.credibility import cues, reports
from monitor.evidence.demands import demands
from monitor.evidence.distinctive import (
    LEAST,
    Cut,
    Vocabulary,
    count,
    distinctive,
    frequent,
    without,
)
from monitor.evidence.quotes import cite, distinct, listen, quote, representative
from monitor.evidence.spread import doubling_minutes, origin, spread
from monitor.evidence.voices import coordination, counter_voices, voices
from monitor.sentences import sentence

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from monitor.detect import Signal
    from monitor.evidence.quotes import Said
    from monitor.store.views import Cluster, MentionView

QUOTES = 5
_REGIONS = 8
_DANGERS = 5
_TOPIC_WORDS = 5
_NEG = SUMS.index("neg")
_POS = SUMS.index("pos")
_VOLUME = SUMS.index("volume")


def pairs(texts: Sequence[str]) -> list[list[str]]:
    """Cut texts into overlapping pairs of characters, where nobody knows their words.

    >>> pairs(["太差了"])
    [['太差', '差了']]
    """
    return [[a + b for a, b in pairwise(text)] for text in texts]


@dataclass(frozen=True, slots=True)
class Found:
    """What the store knows around a signal; what is not given is not known.

    Attributes
    ----------
    window, hour, month
        Sums by platform: over the signal's window, over the hour before its bin's end, and over
        the 28 days before the window.
    negatives
        Negatives of each 5-minute bin in the window, oldest first.
    mentions
        The negative mentions that the signal speaks of (of a danger, the reports of it), heaviest
        first; a sample of `of`, in which the ids `drawn` were drawn evenly (None: all).
    risk_texts
        Distinct texts by topic over a day.
    others
        Mentions of the window that are not negative, heaviest first.
    firsts
        The first negative of each platform, where `mentions` may lack it.
    clusters
        The heaviest texts, each with its first mention.
    known
        The (platform, author) of `mentions` who spoke of the brand in the 30 days before.
    usual
        What its negatives said in these days, counted over a sample of `usual_of` mentions.
    cut
        Cuts texts into words.
    names
        What the brand is called: no word of theirs sets a text apart.
    """

    window: Mapping[str, Sums]
    hour: Mapping[str, Sums]
    month: Mapping[str, Sums]
    negatives: Sequence[int]
    mentions: Sequence[MentionView]
    risk_texts: Mapping[str, int]
    of: int | None = None
    drawn: frozenset[int] | None = None
    others: Sequence[MentionView] = ()
    firsts: Sequence[MentionView] = ()
    clusters: Sequence[Cluster] = ()
    known: frozenset[tuple[str, str]] | None = None
    usual: Vocabulary = field(default_factory=Vocabulary)
    usual_of: int = 0
    cut: Cut = pairs
    names: Sequence[str] = ()


def assess(brand_name: str, signal: Signal, found: Found) -> Assessment:
    """Weigh a signal: the factors, one sentence, and the evidence behind both."""
    said, others = (listen(views, found.cut) for views in (found.mentions, found.others))
    # What the heaviest say is not what most say: shares are of those drawn evenly.
    even = [each for each in said if found.drawn is None or each.view.id in found.drawn]
    words, firsts = _words(even, found), _firsts(found)
    evidence: dict[str, object] = {
        "mentions": [quote(each.view) for each in representative(_to_quote(signal, said), QUOTES)],
        "words": words,
        "platforms": _by_platform(found),
        "risks": _topics(signal, found),
        "negative": _sum(found.window, _NEG),
        "total": _sum(found.window, _VOLUME),
        "sample": {
            "n": len(said),
            "drawn": len(even),
            "of": len(said) if found.of is None else found.of,
        },
        "baseline": {"n": found.usual.texts, "of": max(found.usual.texts, found.usual_of)},
        "reach": max((view.followers or 0 for view in found.mentions), default=0) or None,
        "topic_words": _topic_words(signal, words),
        "origin": origin(firsts, found.clusters, signal.bin_end - signal.window),
        "spread": spread(said, firsts, found.negatives, _by_platform(found)),
        "aspects": _aspects(signal.series, even),
        "voices": voices(even),
        "coordination": coordination(even, found.known),
        "regions": _regions(even),
        "demands": demands(even),
        "cues": cues([*even, *others]),
        "dangers": _dangers(found.mentions),
        "counter": counter_voices(others, _sum(found.window, _POS), _sum(found.window, _NEG)),
    }
    evidence["links"] = _links(evidence, found)
    return Assessment(factors(signal, found), sentence(brand_name, signal, evidence), evidence)


def factors(signal: Signal, found: Found) -> dict[str, float]:
    """Return the factors of the 危机指数, each in [0, 1]; unknown is 0."""
    neg, total = (_sum(found.hour, i) for i in (_NEG, _VOLUME))
    usual = indices.usual_share(*(_sum(found.month, i) for i in (_NEG, _VOLUME)))
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


def _sum(by_platform: Mapping[str, Sums], i: int) -> int:
    return round(sum(sums[i] for sums in by_platform.values()))


def _by_platform(found: Found) -> dict[str, int]:
    return {p: int(s[_NEG]) for p, s in found.window.items() if s[_NEG]}


def _to_quote(signal: Signal, said: Sequence[Said]) -> list[Said]:
    """Return what a signal is quoted by: the reports most to be believed, the widest heard."""
    measures = {"risk": _beliefs, "influencer": _followers}
    if signal.rule not in measures:
        return list(said)
    values = measures[signal.rule](said)
    best = max(values, default=0)
    return [each for each, value in zip(said, values, strict=True) if 2 * value >= best]


def _beliefs(said: Sequence[Said]) -> list[float]:
    return [report.weight for report in reports([each.view for each in said])]


def _followers(said: Sequence[Said]) -> list[float]:
    return [each.view.followers or 0 for each in said]


def _words(said: Sequence[Said], found: Found) -> list[list[object]]:
    here = count([without(each.words, found.names) for each in distinct(said)])
    own_past = found.usual.texts >= LEAST
    words = distinctive(here, found.usual) if own_past else frequent(here)
    return [[word, weight] for word, weight in words]


def _topic_words(signal: Signal, words: Sequence[Sequence[object]]) -> list[object]:
    if signal.rule != "topic":
        return []
    return [signal.topic, *(word for word, *_ in words if word != signal.topic)][:_TOPIC_WORDS]


def _firsts(found: Found) -> list[MentionView]:
    """Return the first negative of each platform, of those given and of those looked at."""
    firsts: dict[str, MentionView] = {}
    for view in sorted((*found.firsts, *found.mentions), key=lambda v: (v.published_at, v.id)):
        firsts.setdefault(view.platform, view)
    return list(firsts.values())


def _topics(signal: Signal, found: Found) -> dict[str, int]:
    """Risk topics with how many texts: of a risk alert's own mentions, else of the last day."""
    if signal.rule != "risk":
        return dict(found.risk_texts)
    texts = {view.text or view.title: view for view in reversed(found.mentions)}
    topics = Counter(topic for view in texts.values() for topic in view.traits.risks)
    severe = {topic: n for topic, n in topics.items() if topic in indices.SEVERE_TOPICS}
    return severe or dict(topics)


def _aspects(brand: str, said: Sequence[Said]) -> list[dict[str, object]]:
    """Return the aspects that are blamed, most first, with their share and its 95 % interval."""
    blamed: dict[str, list[Said]] = defaultdict(list)
    for each in said:
        # What the brand's own words found comes after the shipped finds, and takes their place.
        sides = {a.name: a.label for a in each.view.traits.aspects if a.brand in (None, brand)}
        for name, side in sides.items():
            if side < 0:
                blamed[name].append(each)
    ranked = sorted(blamed.items(), key=lambda pair: (-len(pair[1]), pair[0]))
    return [{"aspect": name} | _part(those, len(said)) for name, those in ranked]


def _part(those: Sequence[Said], of: int) -> dict[str, object]:
    low, high = indices.wilson(len(those), of)
    return {
        "negative": len(those),
        "share": round(len(those) / of, 4),
        "low": round(low, 4),
        "high": round(high, 4),
        "mentions": cite(those),
    }


def _regions(said: Sequence[Said]) -> dict[str, object]:
    counted = Counter(each.view.region for each in said if each.view.region)
    ranked = sorted(counted.items(), key=lambda pair: (-pair[1], pair[0]))[:_REGIONS]
    known = counted.total()
    return {
        "known": known,
        "top": [{"region": name, "n": n, "share": round(n / known, 4)} for name, n in ranked],
    }


def _dangers(mentions: Sequence[MentionView]) -> list[dict[str, object]]:
    """Return the weightiest reports of danger, with what makes each doubtful."""
    weighed = [r for r in reports([m for m in mentions if m.traits.risks]) if r.weight > 0]
    weighed.sort(key=lambda report: (-report.weight, report.view.id))
    return [
        {
            "topics": list(report.view.traits.risks),
            "weight": report.weight,
            "doubts": list(report.doubts),
            "mentions": [report.view.id],
        }
        for report in weighed[:_DANGERS]
    ]


def _links(evidence: Mapping[str, object], found: Found) -> dict[str, str]:
    """Return where the mentions that any claim names can be read, by id."""
    views = [*found.mentions, *found.others, *found.firsts, *(c.first for c in found.clusters)]
    urls = {view.id: view.url for view in views if view.url}
    return {str(i): urls[i] for i in sorted(set(_cited(evidence))) if i in urls}


def _cited(value: object) -> Iterator[int]:
    if isinstance(value, dict):
        for key, part in value.items():
            if key == "mentions" and isinstance(part, list):
                yield from (one["id"] if isinstance(one, dict) else one for one in part)
            else:
                yield from _cited(part)
    elif isinstance(value, list):
        for part in value:
            yield from _cited(part)
