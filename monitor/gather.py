"""What the store knows around a signal, read at once for `evidence.assess`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from monitor.aggregate import BIN, SUMS
from monitor.evidence import Found
from monitor.evidence.credibility import reports
from monitor.evidence.distinctive import names_of, vocabulary
from monitor.indices import SEVERE_TOPICS
from monitor.store.views import Sample

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from monitor.aggregate import Sums
    from monitor.detect import Signal
    from monitor.domain import Brand
    from monitor.evidence.distinctive import Cut, Vocabulary
    from monitor.store import Store
    from monitor.store.views import Cluster, MentionView

_NEG = SUMS.index("neg")
DAY = 86400
MONTH = 28 * DAY
PAST = 30 * DAY
NEGATIVES, BASELINE, CLUSTERS = 500, 2000, 3
"""Mentions of the window, texts of the 30 days before it, and heaviest texts that are looked at."""


def gather(
    store: Store, about: Brand, signal: Signal, cut: Cut, usual: Vocabulary | None = None
) -> Found:
    """Read what is stored around a signal of a brand; of a platform's or aspect's, its own part.

    `usual` is what the brand's negatives said in the 30 days before, where a caller has kept it;
    it changes little within a day.
    """
    brand, end = about.id, signal.bin_end
    start = end - max(signal.window, BIN)
    rollups, mentions = store.rollups, store.mentions
    sample = _sample(store, brand, signal, start)
    authors = {(view.platform, view.author) for view in sample.mentions if view.author}
    beside = mentions.sample(
        brand, start, end, negative=False, platform=signal.platform, limit=NEGATIVES
    )
    past = rollups.by_platform(brand, start - PAST, start)
    if usual is None:
        texts = mentions.usual_texts(brand, start - PAST, start, limit=BASELINE)
        usual = vocabulary(texts, cut)
    return Found(
        window=_of(signal, rollups.by_platform(brand, start, end)),
        hour=_of(signal, rollups.by_platform(brand, end - 3600, end)),
        month=_of(signal, rollups.by_platform(brand, start - MONTH, start)),
        negatives=_bins(store, brand, signal, start),
        mentions=sample.mentions,
        of=sample.of,
        drawn=sample.drawn,
        risk_texts=_risk_texts(store, brand, end),
        others=beside.mentions,
        firsts=[] if _is_narrow(signal) else mentions.first_negatives(brand, start, end),
        clusters=_clusters(store, brand, signal, start, sample),
        known=mentions.known_authors(brand, authors, start - PAST, start),
        usual=usual,
        usual_of=round(sum(sums[_NEG] for sums in past.values())),
        cut=cut,
        names=names_of(about),
    )


def _is_narrow(signal: Signal) -> bool:
    """Tell whether a signal speaks of some of the brand's negatives only."""
    return signal.rule in ("risk", "topic") or bool(signal.platform or signal.aspect)


def _sample(store: Store, brand: str, signal: Signal, start: int) -> Sample:
    """Return the negatives that a signal speaks of; of a danger, the reports of it."""
    mentions = store.mentions
    if signal.rule == "risk":
        views = mentions.dangers(brand, start, signal.bin_end, SEVERE_TOPICS, limit=NEGATIVES)
        return _all([report.view for report in reports(views) if report.weight > 0])
    sample = mentions.sample(
        brand,
        start,
        signal.bin_end,
        platform=signal.platform,
        aspect=signal.aspect,
        limit=NEGATIVES,
    )
    if signal.rule != "topic":
        return sample
    return _all([v for v in sample.mentions if signal.topic in f"{v.title}\n{v.text}".lower()])


def _all(views: Sequence[MentionView]) -> Sample:
    return Sample(tuple(sorted(views, key=lambda view: (-view.weight, -view.id))), len(views))


def _clusters(
    store: Store, brand: str, signal: Signal, start: int, sample: Sample
) -> list[Cluster]:
    """Return the heaviest texts, of those that a signal speaks of."""
    if not _is_narrow(signal):
        return store.mentions.repeated(brand, start, signal.bin_end, limit=CLUSTERS)
    texts = {(view.title, view.text) for view in sample.mentions}
    found = store.mentions.repeated(brand, start, signal.bin_end, limit=10 * CLUSTERS)
    return [c for c in found if (c.first.title, c.first.text) in texts][:CLUSTERS]


def _bins(store: Store, brand: str, signal: Signal, start: int) -> list[int]:
    held = dict(store.rollups.series(brand, start, signal.bin_end, BIN, signal.platform))
    return [int(held[t][_NEG]) if t in held else 0 for t in range(start, signal.bin_end, BIN)]


def _of(signal: Signal, by_platform: Mapping[str, Sums]) -> dict[str, Sums]:
    """Keep the platform that a signal speaks of, where it speaks of one."""
    return {p: sums for p, sums in by_platform.items() if signal.platform in (None, p)}


def _risk_texts(store: Store, brand: str, end: int) -> dict[str, int]:
    """Distinct texts by danger over a day; those that praise the brand tell of another's."""
    found = store.rollups.facet_labels(brand, end - DAY, end, ["risk_text"])
    counted = {
        topic: sum(n for side, n in by_label.items() if side <= 0)
        for (_, topic), by_label in found.items()
    }
    return {topic: n for topic, n in counted.items() if n}
