"""One detector over many series, kept an hour back so that late mentions count.

At each step a copy of it is walked over the newest hour anew. A series whose older past changed
is replayed alone and adopted. Counts are read in, a day at a time; nothing else is kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from monitor.aggregate import BIN, bucket_of
from monitor.detect import Detector, Policy, Signal

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    # (total, negative) by bucket and series: the non-empty buckets of [start, end)
    Counts = Callable[[Sequence[str], int, int], dict[int, dict[str, tuple[int, int]]]]
    # the earliest bucket of any of these series that is not before a time
    First = Callable[[Sequence[str], int], int | None]

LAG = 12 * BIN
HISTORY = 28 * 86400
DAY = 86400


class Track:
    """Detects over the series it is asked for.

    Parameters
    ----------
    policy : Policy
    counts, first : callables
        Read the history.

    """

    def __init__(self, policy: Policy, counts: Counts, first: First) -> None:
        self._policy = policy
        self._counts = counts
        self._first = first
        self._base: Detector | None = None
        self._end = 0
        self._replayed: set[str] = set()
        self.present = Detector(policy, BIN)

    def step(
        self, born: Mapping[str, int], since: Mapping[str, int], last: int
    ) -> dict[str, list[Signal]]:
        """Return the signals of the bins up to the one that ends at `last`, by series.

        `born` names every series and when it was set up: from then on one of which nobody speaks
        is silent, not unknown. `since` names those that are due, with the end of the last bin that
        was judged. Afterwards `present` is the detector as it stands at `last`.
        """
        goal = last - LAG
        if self._base is None or self._end > goal:
            self._base, self._end, self._replayed = None, goal, set()
        signals: list[Signal] = []
        if self._base is not None:
            for gone in set(self._base.series) - set(born):
                self._base.drop(gone)
                self._replayed.discard(gone)
            signals += self._play(self._base, born, self._replayed, self._end, goal)
        stale = [s for s, at in since.items() if s not in self._replayed or at < self._end]
        if stale:
            signals += self._replay({series: born[series] for series in stale}, goal)
        self._end = goal
        if self._base is not None:
            self.present = self._base.copy()
            signals += self._play(self.present, born, self._replayed, goal, last)
        found: dict[str, list[Signal]] = {}
        for signal in signals:
            if signal.series in since and signal.bin_end > since[signal.series]:
                found.setdefault(signal.series, []).append(signal)
        return found

    def _replay(self, born: Mapping[str, int], goal: int) -> list[Signal]:
        """Learn the history of series anew, up to `goal`, and put them in place of the old."""
        first = self._first(list(born), goal - HISTORY)
        eldest = min(bucket_of(at, BIN) for at in born.values())
        start = max(min(eldest, goal if first is None else first), goal - HISTORY)
        fresh = Detector(self._policy, BIN)
        signals = self._play(fresh, born, set(born), min(start, goal - BIN), goal)
        self._replayed.update(born)
        if self._base is None:
            self._base = fresh
        else:
            self._base.adopt(fresh)
        return signals

    def _play(
        self,
        detector: Detector,
        born: Mapping[str, int],
        series: Collection[str],
        start: int,
        end: int,
    ) -> list[Signal]:
        """Step a detector over the bins of [start, end)."""
        living = {name: at for name, at in born.items() if name in series}
        signals: list[Signal] = []
        for bucket, counts in walk(self._counts, living, start, end):
            signals += detector.step(bucket + BIN, counts)
        return signals


def walk(
    counts: Counts, born: Mapping[str, int], start: int, end: int
) -> Iterator[tuple[int, dict[str, tuple[int, int]]]]:
    """Yield each bin of [start, end) with the counts of every series that is born by its end.

    Read a day at a time, so that memory does not grow with the history.
    """
    for begin in range(start, end, DAY):
        until = min(begin + DAY, end)
        held = counts(list(born), begin, until)
        for bucket in range(begin, until, BIN):
            silent = {name: (0, 0) for name, at in born.items() if at < bucket + BIN}
            yield bucket, {**silent, **held.get(bucket, {})}
