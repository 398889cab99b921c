"""What one mention adds to the sums of its bucket; everything kept true by differences.

A rollup row is the sum of `contribution` over the readings in a bucket. Whatever changes later (a
counter, a label, a brand found late) subtracts the old contribution and adds the new one, so a
rollup always equals a recount. Formulas: docs/metrics.md.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from monitor.domain import ORIGINALS, Engagement

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

BIN = 300
LEVELS = (BIN, 3600, 86400)
SUMS = (
    "volume",
    "pos",
    "neg",
    "neu",
    "unique_texts",
    "w_pos",
    "w_neg",
    "v_pos",
    "v_neg",
    "heat",
    "engagement",
    "engagement_n",
    "views",
    "views_n",
    "engagement_viewed",
    "engagement_viewed_n",
    "engagement_views",
    "originals",
    "reposts",
    "reposts_n",
    "reposts_viewed",
    "reposts_viewed_n",
    "reposts_views",
    "reach_estimated",
)
Sums = tuple[float, ...]
ZERO: Sums = (0.0,) * len(SUMS)

_ENGAGEMENT: dict[str, tuple[str, ...]] = {
    "weibo": ("comments", "likes", "reposts"),
    "douyin": ("comments", "likes", "reposts"),
    "kuaishou": ("comments", "likes", "reposts"),
    "xhs": ("comments", "likes", "favourites", "reposts"),
    "bilibili": ("danmaku", "comments", "likes", "coins", "favourites", "reposts"),
    "wechat": ("likes", "wow", "comments", "reposts"),
    "zhihu": ("likes", "comments", "favourites"),
}
_OTHERS = ("likes", "comments", "reposts")


@dataclass(frozen=True, slots=True)
class Facts:
    """What a mention's contribution to one brand's sums depends on.

    `copy_rank` is its rank among this brand's copies of one text, from 1. `new_followers` are the
    author's followers where this is the author's first mention of the brand on that platform and
    day, else 0.
    """

    platform: str
    kind: str
    label: int
    confidence: float
    copy_rank: int
    engagement: Engagement
    new_followers: int = 0


def engagement_of(platform: str, counters: Engagement) -> int | None:
    """Sum the counters that make up 互动量 on this platform; None where none is known.

    >>> engagement_of("xhs", Engagement(likes=2, favourites=3, coins=9))
    5
    """
    known = [
        value
        for key in _ENGAGEMENT.get(platform, _OTHERS)
        if (value := getattr(counters, key)) is not None
    ]
    return sum(known) if known else None


def copy_factor(rank: int) -> float:
    """Weight of the k-th copy of a text, so that k copies weigh 1 + ln k together.

    >>> round(sum(copy_factor(k) for k in range(1, 11)), 6) == round(1 + math.log(10), 6)
    True
    """
    return 1.0 if rank <= 1 else math.log(rank / (rank - 1))


def weight(
    confidence: float, rank: int, engagement: int | None, platform_factor: float = 1.0
) -> float:
    """Weight of a mention in the 口碑指数: c · k_platform · g(rank) · ln(e + engagement)."""
    return confidence * platform_factor * copy_factor(rank) * math.log(math.e + (engagement or 0))


def contribution(facts: Facts) -> Sums:
    """What one mention adds to each sum of `SUMS`, in that order.

    >>> sums = dict(zip(SUMS, contribution(Facts("weibo", "post", -1, 0.5, 1, Engagement()))))
    >>> sums["volume"], sums["neg"], sums["w_neg"], sums["v_neg"]
    (1, 1, 0.5, 0.25)
    """
    c = facts.engagement
    engaged = engagement_of(facts.platform, c)
    w = weight(facts.confidence, facts.copy_rank, engaged)
    pos, neg = facts.label > 0, facts.label < 0
    original = facts.kind in ORIGINALS
    reposted = original and c.reposts is not None
    viewed = c.views is not None
    return (
        1,
        int(pos),
        int(neg),
        int(not pos and not neg),
        int(facts.copy_rank == 1),
        w if pos else 0.0,
        w if neg else 0.0,
        w * w if pos else 0.0,
        w * w if neg else 0.0,
        math.log(math.e + (engaged or 0)),
        engaged or 0,
        int(engaged is not None),
        c.views or 0,
        int(viewed),
        engaged if viewed and engaged is not None else 0,
        int(viewed and engaged is not None),
        (c.views or 0) if engaged is not None else 0,
        int(original),
        (c.reposts or 0) if reposted else 0,
        int(reposted),
        (c.reposts or 0) if reposted and viewed else 0,
        int(reposted and viewed),
        (c.views or 0) if reposted else 0,
        facts.new_followers,
    )


def add(left: Sums, right: Sums) -> Sums:
    """Add two rows of sums."""
    return tuple(a + b for a, b in zip(left, right, strict=True))


def subtract(left: Sums, right: Sums) -> Sums:
    """Take the second row of sums from the first."""
    return tuple(a - b for a, b in zip(left, right, strict=True))


def bucket_of(at: int, level: int) -> int:
    """Start (UTC seconds) of the bucket of `level` seconds that holds `at`."""
    return at - at % level


class Deltas:
    """Differences to rollups and facets, gathered over a batch and spread over the levels."""

    def __init__(self) -> None:
        self._sums: dict[tuple[str, str, int], list[float]] = {}
        self._facets: dict[tuple[str, str, int, str, str, int], int] = {}

    def add(self, brand: str, platform: str, at: int, sums: Sums) -> None:
        """Add a contribution (or a difference of two) at time `at`."""
        key = (brand, platform, bucket_of(at, LEVELS[0]))
        held = self._sums.get(key)
        if held is None:
            self._sums[key] = list(sums)
        else:
            for i, value in enumerate(sums):
                held[i] += value

    def facet(
        self, brand: str, platform: str, at: int, name: str, value: str, label: int, n: int = 1
    ) -> None:
        """Count `n` more mentions with this facet value and label."""
        key = (brand, platform, bucket_of(at, LEVELS[0]), name, value, label)
        self._facets[key] = self._facets.get(key, 0) + n

    def rollups(self) -> Iterator[tuple[object, ...]]:
        """Rows (brand, level, bucket, platform, *sums) of every level, non-zero ones only."""
        for level in LEVELS:
            merged: dict[tuple[str, str, int], list[float]] = {}
            for (brand, platform, bucket), sums in self._sums.items():
                key = (brand, platform, bucket_of(bucket, level))
                held = merged.get(key)
                if held is None:
                    merged[key] = list(sums)
                else:
                    for i, value in enumerate(sums):
                        held[i] += value
            for (brand, platform, bucket), sums in merged.items():
                if any(sums):
                    yield (brand, level, bucket, platform, *sums)

    def facets(self) -> Iterator[tuple[object, ...]]:
        """Rows (brand, level, bucket, platform, facet, value, label, n) of every level."""
        for level in LEVELS:
            counts: Counter[tuple[object, ...]] = Counter()
            for (brand, platform, bucket, name, value, label), n in self._facets.items():
                counts[brand, level, bucket_of(bucket, level), platform, name, value, label] += n
            yield from ((*row, n) for row, n in counts.items() if n)

    def earliest(self) -> dict[str, int]:
        """The earliest 5-minute bucket touched, for each brand."""
        first: dict[str, int] = {}
        for brand, _, bucket in self._sums:
            first[brand] = min(bucket, first.get(brand, bucket))
        return first


def spans_of(start: int, end: int) -> list[tuple[int, int, int]]:
    """Cover [start, end) with whole buckets of the coarsest levels that fit.

    Returns (level, first bucket, end) triples, days in the middle, hours and 5 minutes at the
    edges; the edges are rounded outwards to 5 minutes.

    >>> spans_of(0, 86400 * 2)
    [(86400, 0, 172800)]
    >>> spans_of(3300, 7500)
    [(300, 3300, 3600), (3600, 3600, 7200), (300, 7200, 7500)]
    """
    fine = LEVELS[0]
    return list(_cover(bucket_of(start, fine), -bucket_of(-end, fine), len(LEVELS) - 1))


def _cover(start: int, end: int, i: int) -> Iterator[tuple[int, int, int]]:
    if start >= end:
        return
    if i == 0:
        yield (LEVELS[0], start, end)
        return
    level = LEVELS[i]
    first, last = -bucket_of(-start, level), bucket_of(end, level)
    if first >= last:
        yield from _cover(start, end, i - 1)
        return
    yield from _cover(start, first, i - 1)
    yield (level, first, last)
    yield from _cover(last, end, i - 1)


def total(rows: Iterable[Sums]) -> Sums:
    """Add rows up; `ZERO` for none."""
    result = ZERO
    for row in rows:
        result = add(result, row)
    return result
