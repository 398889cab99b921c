"""What single mentions give away before their number does: danger, reach, a new complaint."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from monitor import alerts, topics
from monitor.aggregate import BIN, bucket_of
from monitor.detect import Signal
from monitor.domain import ENDED
from monitor.evidence.credibility import CREDIBLE, belief, reports
from monitor.evidence.distinctive import names_of, without, words_of
from monitor.indices import SEVERE_TOPICS
from monitor.intake import CLOCK_SKEW
from monitor.track import HISTORY

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from monitor.domain import Alert, Brand
    from monitor.evidence.credibility import Report
    from monitor.evidence.distinctive import Cut
    from monitor.store import Cursor, Store
    from monitor.weigh import Weigher

INFLUENTIAL = 1_000_000
"""Followers from which one negative mention is worth an alert."""

MOST_DANGERS = 500
LATEST = 6 * 3600
MOST_LATEST = 300
LEAST_LATEST = 8
LOOK_AGAIN = 600


class Signs:
    """Reads a brand's single mentions.

    Parameters
    ----------
    store : Store
    cut : callable
        Cuts texts into words.
    weigher : Weigher
        Knows what is usual.

    """

    def __init__(self, store: Store, cut: Cut, weigher: Weigher) -> None:
        self._store = store
        self._cut = cut
        self._weigher = weigher
        self._read_at: dict[str, int] = {}

    def of(self, brand: Brand, cursor: Cursor, now: int) -> list[Signal]:
        """Return the signals of what came in or changed since a brand was last judged."""
        if cursor.dirty_from is None:
            return []
        since = max(cursor.since - alerts.EPISODE_GAP, now - HISTORY)
        recent = self._store.alerts.of_brand(brand.id, since)
        return [
            *self._dangers(brand.id, since, recent, now),
            *self._reach(brand.id, since, recent, now),
            *self._topics(brand, recent, now),
        ]

    def _dangers(
        self, brand: str, since: int, recent: Sequence[Alert], now: int
    ) -> Iterable[Signal]:
        """One signal for each run of reports of a grave danger that are to be believed together.

        What was there when a person ended the last alert of its kind has been dealt with.
        """
        views = self._store.mentions.dangers(
            brand,
            since,
            now + CLOCK_SKEW + BIN,
            SEVERE_TOPICS,
            after=alerts.dealt_with(recent, "risk"),
            limit=MOST_DANGERS,
        )
        found = sorted(reports(views), key=lambda report: report.view.published_at)
        for run in _runs([report.view.published_at for report in found]):
            held = [r for r in found if run[0] <= r.view.published_at <= run[-1] and r.weight > 0]
            if belief(held) >= CREDIBLE:
                times = [report.view.published_at for report in held]
                yield _signal(brand, "risk", times, "critical", topic=_gravest(held))

    def _reach(self, brand: str, since: int, recent: Sequence[Alert], now: int) -> Iterable[Signal]:
        """One signal for each run of negatives by authors whom very many follow."""
        found = self._store.notable.influential(
            brand,
            since,
            now + CLOCK_SKEW + BIN,
            INFLUENTIAL,
            after=alerts.dealt_with(recent, "influencer"),
        )
        for run in _runs([at for at, _ in found]):
            yield _signal(brand, "influencer", run, "warning")

    def _topics(self, about: Brand, recent: Sequence[Alert], now: int) -> Iterable[Signal]:
        """One signal for each complaint that is new; looked for every ten minutes at most."""
        brand = about.id
        if 0 <= now - self._read_at.get(brand, -LOOK_AGAIN) < LOOK_AGAIN:
            return
        since = now - LATEST
        latest = self._store.notable.complaints(brand, since, now + CLOCK_SKEW, MOST_LATEST)
        if len(latest) < LEAST_LATEST:
            return
        self._read_at[brand] = now
        spoken = words_of([text for _, _, text in latest], self._cut)
        names = names_of(about)
        words = [without(each, names) for each in spoken]
        authors = [author for _, author, _ in latest]
        known = [a.topic for a in recent if a.rule == "topic" and a.state not in ENDED]
        for topic in topics.new_topics(words, authors, self._weigher.usual(brand, since)):
            times = sorted(latest[place][0] for place in topic.texts)
            # The strongest word may be another one at each look, the complaint is the same.
            name = next((held for held in known if held in topic.words), topic.word)
            yield Signal(
                series=brand,
                rule="topic",
                bin_end=bucket_of(times[-1], BIN) + BIN,
                onset=bucket_of(times[0], BIN),
                score=topics.surprise(topic.z),
                expected=topic.expected,
                seen=topic.seen,
                window=LATEST,
                total=topic.total,
                severity="warning",
                escalation=False,
                topic=name,
            )


def _runs(times: Sequence[int]) -> list[list[int]]:
    """Split moments, oldest first, where more than six hours lie between two."""
    runs: list[list[int]] = []
    for at in times:
        if runs and at - runs[-1][-1] <= alerts.EPISODE_GAP:
            runs[-1].append(at)
        else:
            runs.append([at])
    return runs


def _signal(
    brand: str, rule: str, times: Sequence[int], severity: str, *, topic: str = ""
) -> Signal:
    first, end = bucket_of(times[0], BIN), bucket_of(times[-1], BIN) + BIN
    return Signal(
        series=brand,
        rule=rule,
        bin_end=end,
        onset=first,
        score=float(len(times)),
        expected=0.0,
        seen=len(times),
        window=end - first,
        total=len(times),
        severity=severity,
        escalation=False,
        topic=topic,
    )


def _gravest(held: Sequence[Report]) -> str:
    weights: dict[str, float] = defaultdict(float)
    for report in held:
        for topic in report.view.traits.risks:
            if topic in SEVERE_TOPICS:
                weights[topic] += report.weight
    return max(weights, key=lambda topic: (weights[topic], topic), default="")
