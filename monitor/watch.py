"""From rollups to alerts: step the detector over what changed, weigh the signals, tell people.

Event time throughout. One detector holds every brand, kept one hour back; at each look a copy of
it is stepped over the newest hour anew, so that late mentions count. A brand whose older past
changed is replayed alone and adopted. What is found too late is recorded as historical and told
to nobody.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from monitor import alerts
from monitor.aggregate import bucket_of
from monitor.detect import DEFAULT, Detector, Policy, Signal
from monitor.errors import StoreUnavailable
from monitor.evidence import Found, assess
from monitor.indices import SEVERE_TOPICS
from monitor.intake import CLOCK_SKEW
from monitor.room import Room
from monitor.store import Cursor, MentionQuery, MentionView, Store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from monitor.domain import Brand

    Words = Callable[[Sequence[str]], list[tuple[str, float]]]

BIN = 300
LAG = 12 * BIN
HISTORY = 28 * 86400
DAY = 86400
RISK_SECONDS = 86400
_EVIDENCE_SAMPLE = 200

log = structlog.get_logger("tingfeng.watch")


class Watcher:
    """Looks at every brand that changed and carries its alerts on.

    Parameters
    ----------
    store : Store
    max_age : int
        Seconds after the end of a bin in which its anomaly is still news.
    words : callable
        Gives the distinctive words of texts, with weights.
    public_url : str, optional
        Where the service can be reached; messages link to it.
    policy : Policy
        What counts as a burst.

    """

    def __init__(
        self,
        store: Store,
        *,
        max_age: int,
        words: Words,
        public_url: str | None = None,
        policy: Policy = DEFAULT,
    ) -> None:
        self._store = store
        self._max_age = max_age
        self._words = words
        self._room = Room(store, public_url)
        self._policy = policy
        self._base: Detector | None = None
        self._end = 0
        self._replayed: set[str] = set()

    def look(self, now: int) -> list[alerts.Change]:
        """Judge what is new up to the last closed bin; returns the changes made and stored."""
        last = now - now % BIN
        brands = {brand.id: brand for brand in self._store.brands.all()}
        held = self._store.rollups.cursors()
        due = {
            brand: cursor for brand in brands if (cursor := held.get(brand, Cursor())).is_due(last)
        }
        if not due:
            return []
        signals = self._step(brands, due, last)
        changes: list[alerts.Change] = []
        for brand, cursor in due.items():
            try:
                found = signals.get(brand, []) + self._risks(brand, cursor, now)
                for signal in alerts.merged(found):
                    changes += self._carry_on(brands[brand], signal, now)
                self._store.rollups.move_cursor(brand, last, cursor.generation)
            except StoreUnavailable:
                raise
            except Exception:
                # One brand that fails must not end the watch over all others; it stays due.
                log.exception("brand_not_judged", brand=brand)
        return changes

    # -- signals -------------------------------------------------------------------------------

    def _step(
        self, brands: Mapping[str, Brand], due: Mapping[str, Cursor], last: int
    ) -> dict[str, list[Signal]]:
        """Signals by brand of the bins that are due, up to the one that ends at `last`."""
        goal = last - LAG
        if self._base is None or self._end > goal:
            self._base, self._end, self._replayed = None, goal, set()
        signals: list[Signal] = []
        if self._base is not None:
            for gone in set(self._base.series) - set(brands):
                self._base.drop(gone)
            signals += self._play(self._base, list(brands.values()), self._end, goal)
        stale = [b for b, c in due.items() if b not in self._replayed or c.since < self._end]
        if stale:
            signals += self._replay([brands[brand] for brand in stale], goal)
        self._end = goal
        if self._base is not None:
            signals += self._play(self._base.copy(), list(brands.values()), goal, last)
        by_brand: dict[str, list[Signal]] = {}
        for signal in signals:
            if signal.series in due and signal.bin_end > due[signal.series].since:
                by_brand.setdefault(signal.series, []).append(signal)
        return by_brand

    def _replay(self, brands: Sequence[Brand], goal: int) -> list[Signal]:
        """Learn the history of brands anew, up to `goal`, and put them in place of the old."""
        first = self._store.rollups.first_bin([brand.id for brand in brands], goal - HISTORY)
        born = min(bucket_of(brand.created_at, BIN) for brand in brands)
        start = max(min(born, goal if first is None else first), goal - HISTORY)
        fresh = Detector(self._policy, BIN)
        signals = self._play(fresh, brands, min(start, goal - BIN), goal)
        self._replayed.update(brand.id for brand in brands)
        if self._base is None:
            self._base = fresh
        else:
            self._base.adopt(fresh)
        return signals

    def _play(
        self, detector: Detector, brands: Sequence[Brand], start: int, end: int
    ) -> list[Signal]:
        """Step a detector over the bins of [start, end).

        From its set-up on a brand of whom nobody speaks is silent, not unknown.
        """
        signals: list[Signal] = []
        for bucket, counts in self._bins([brand.id for brand in brands], start, end):
            silent = {b.id: (0, 0) for b in brands if b.created_at < bucket + BIN}
            signals += detector.step(bucket + BIN, {**silent, **counts})
        return signals

    def _bins(
        self, brands: Sequence[str], start: int, end: int
    ) -> Iterator[tuple[int, dict[str, tuple[int, int]]]]:
        # A day at a time, so that memory does not grow with the history.
        for begin in range(start, end, DAY):
            until = min(begin + DAY, end)
            held = self._store.rollups.bins(brands, begin, until)
            for bucket in range(begin, until, BIN):
                yield bucket, held.get(bucket, {})

    def _risks(self, brand: str, cursor: Cursor, now: int) -> list[Signal]:
        """One signal for each run of severe mentions without a gap of six hours.

        What was there when a person ended the last alert of its kind has been dealt with.
        """
        if cursor.dirty_from is None:
            return []
        since = max(cursor.since - alerts.EPISODE_GAP, now - HISTORY)
        dealt_with = alerts.dealt_with(self._store.alerts.of_brand(brand, since))
        seen = self._store.mentions.severe(
            brand, since, now + CLOCK_SKEW + BIN, SEVERE_TOPICS, after=dealt_with
        )
        runs: list[list[int]] = []
        for at in seen:
            if runs and at - runs[-1][-1] <= alerts.EPISODE_GAP:
                runs[-1].append(at)
            else:
                runs.append([at])
        return [_risk_signal(brand, run) for run in runs]

    # -- alerts --------------------------------------------------------------------------------

    def _carry_on(self, brand: Brand, signal: Signal, now: int) -> list[alerts.Change]:
        recent = self._store.alerts.of_brand(brand.id, signal.bin_end - alerts.EPISODE_GAP)
        held = alerts.matching(signal, recent)
        if held is None or alerts.is_news(signal, held, now, self._max_age):
            incident = held.incident_id if held else alerts.incident_of(recent)
            change = alerts.fire(
                signal,
                self._assess(brand, signal),
                now,
                self._max_age,
                incident=incident,
                after=held,
            )
            return [change] if self._room.open(change, brand, now) else []
        if held.state == "resolved" or not alerts.says_more(signal, held):
            return []
        assessment = self._assess(brand, signal)
        extended = self._room.change(
            held.id, brand, lambda alert: alerts.extend(alert, signal, assessment, now), now
        )
        return [extended] if extended else []

    def _assess(self, brand: Brand, signal: Signal) -> alerts.Assessment:
        end = signal.bin_end
        start = end - max(signal.window, BIN)
        rollups = self._store.rollups
        bins = rollups.bins([brand.id], start, end)
        mentions = self._evidence(brand.id, signal, start)
        found = Found(
            window=rollups.by_platform(brand.id, start, end),
            hour=rollups.by_platform(brand.id, end - 3600, end),
            month=rollups.by_platform(brand.id, start - HISTORY, start),
            negatives=[bins.get(t, {}).get(brand.id, (0, 0))[1] for t in range(start, end, BIN)],
            mentions=mentions,
            risk_texts=self._risk_texts(brand.id, end - RISK_SECONDS, end),
            words=self._words([f"{m.title}\n{m.text}" for m in mentions]),
        )
        return assess(brand.name, signal, found)

    def _risk_texts(self, brand: str, start: int, end: int) -> dict[str, int]:
        found = self._store.rollups.facets(brand, start, end, ["risk_text"])
        return {topic: n for (_, topic), n in found.items()}

    def _evidence(self, brand: str, signal: Signal, start: int) -> list[MentionView]:
        mentions = self._store.mentions
        if signal.rule == "risk":
            return mentions.risky(
                brand, start, signal.bin_end, SEVERE_TOPICS, limit=_EVIDENCE_SAMPLE
            )
        return mentions.page(
            MentionQuery(
                brand, start, signal.bin_end, label=-1, sort="weight", limit=_EVIDENCE_SAMPLE
            )
        )


def _risk_signal(brand: str, run: Sequence[int]) -> Signal:
    first, last = (bucket_of(at, BIN) + BIN for at in (run[0], run[-1]))
    return Signal(
        series=brand,
        rule="risk",
        bin_end=last,
        onset=first,
        score=float(len(run)),
        expected=0.0,
        seen=len(run),
        window=last - first + BIN,
        total=len(run),
        severity="critical",
        escalation=False,
    )
