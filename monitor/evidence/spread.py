"""Where a crisis began and how it spread, from the mentions of its window."""

from __future__ import annotations

import math
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from monitor.domain import ORIGINALS
from monitor.evidence.quotes import cite, distinct

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from monitor.evidence.quotes import Said
    from monitor.store.views import Cluster, MentionView

AUTHORS = 5
_OPENING = 60  # characters of a text that name it


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


def origin(
    firsts: Sequence[MentionView], clusters: Sequence[Cluster], start: int
) -> dict[str, object] | None:
    """Tell when and where it began; None where nothing is known.

    Parameters
    ----------
    firsts
        The first negative of each platform in the window, earliest first.
    clusters
        The heaviest texts of the window, each with its first mention, which may be earlier.
    start
        Where the window begins, in UTC seconds.
    """
    if not firsts:
        return None
    return {
        "at": firsts[0].published_at,
        "platform": firsts[0].platform,
        "mentions": [firsts[0].id],
        "clusters": [
            {
                "at": cluster.first.published_at,
                "platform": cluster.first.platform,
                "before_window": cluster.first.published_at < start,
                "n": cluster.seen,
                "authors": cluster.authors,
                "text": (cluster.first.text or cluster.first.title)[:_OPENING],
                "mentions": [cluster.first.id],
            }
            for cluster in clusters
        ],
    }


def spread(
    said: Sequence[Said],
    firsts: Sequence[MentionView],
    negatives: Sequence[int],
    by_platform: Mapping[str, int],
) -> dict[str, object]:
    """Tell how it spread: over platforms and hours, by reposts and copies, through which authors.

    Parameters
    ----------
    said
        The negatives of the window, heaviest first.
    negatives
        Negatives of each 5-minute bin, oldest first.
    by_platform
        Negatives of the window on each platform.
    """
    times = [each.view.published_at for each in said] + [view.published_at for view in firsts]
    doubling = doubling_minutes(negatives)
    return {
        "platforms": [
            {
                "platform": view.platform,
                "at": view.published_at,
                "minutes": (view.published_at - firsts[0].published_at) // 60,
                "negative": by_platform.get(view.platform, 0),
                "mentions": [view.id],
            }
            for view in firsts
        ],
        "hours": round((max(times) - min(times)) / 3600, 2) if times else 0.0,
        "doubling_minutes": None if doubling is None else round(doubling, 1),
        "bins": list(negatives),
        "amplification": _amplification(said),
        "authors": _authors(said),
    }


def _amplification(said: Sequence[Said]) -> dict[str, object]:
    known = [
        (each.view.engagement.reposts, each)
        for each in said
        if each.view.kind in ORIGINALS and each.view.engagement.reposts is not None
    ]
    most = sorted((pair for pair in known if pair[0]), key=lambda p: (-(p[0] or 0), -p[1].view.id))
    return {
        "reposts": sum(reposts or 0 for reposts, _ in known),
        "originals": len(known),
        "repost_mentions": sum(each.view.kind == "repost" for each in said),
        "copies": len(said) - len(distinct(said)),
        "mentions": cite([each for _, each in most]),
    }


def _authors(said: Sequence[Said]) -> list[dict[str, object]]:
    """Return the authors of most followers, then of most mentions, by a shortened pseudonym."""
    held: dict[tuple[str, str], list[Said]] = defaultdict(list)
    for each in said:
        if each.view.author:
            held[each.view.platform, each.view.author].append(each)
    rows: list[dict[str, Any]] = [
        {
            "author": author[:8],
            "platform": platform,
            "followers": max((e.view.followers for e in those if e.view.followers), default=None),
            "verified": any(e.view.verified for e in those),
            "n": len(those),
            "mentions": cite(those),
        }
        for (platform, author), those in held.items()
    ]
    rows.sort(key=lambda r: (-(r["followers"] or 0), -r["n"], r["author"]))
    return rows[:AUTHORS]
