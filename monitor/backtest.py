"""What would have fired: stored history replayed through a policy, against what people judged.

Pure: the counts come in bin by bin. Only what is counted is replayed (bursts and shares, of the
brand and of its parts); single mentions alarm whatever the policy.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import TYPE_CHECKING

from monitor.aggregate import BIN
from monitor.alerts import COUNTED, EPISODE_GAP
from monitor.detect import Detector, Policy, Signal

if TYPE_CHECKING:
    from monitor.incidents import Case

Bins = Iterable[tuple[int, Mapping[str, tuple[int, int]]]]


@dataclass(frozen=True, slots=True)
class Firing:
    """One episode that would have been told: when first, how strong at most, of which series."""

    series: str
    rule: str
    first: int
    last: int
    score: float
    severity: str
    seen: int
    expected: float


@dataclass(frozen=True, slots=True)
class Backtest:
    """What a policy makes of a time, beside what people made of it.

    `episodes` gathers the firings without a quiet gap of six hours between them: `right` are those
    of incidents that somebody took on, `false` of such as were dismissed, `unjudged` the others;
    `missed` are ids of taken incidents that would not have fired; `sooner` is the median of minutes
    by which the right ones would have come earlier (negative: later).
    """

    threshold: float
    days: float
    firings: tuple[Firing, ...]
    episodes: int
    right: int
    false: int
    unjudged: int
    missed: tuple[str, ...]
    sooner: float | None

    @property
    def a_week(self) -> float:
        """Episodes a week: so often people would have been told."""
        return 7 * self.episodes / self.days if self.days else 0.0


def replay(policies: Mapping[str, Policy], bins: Mapping[str, Bins], start: int) -> list[Firing]:
    """Replay bins through detectors and return what fires from `start` on, in order of time.

    Parameters
    ----------
    policies : mapping
        The policy of each group of series (the brand, its parts).
    bins : mapping
        For each group, (beginning of the bin, (total, negative) by series) in order of time, from
        well before `start`, so that habits are known by then.
    start : int
        What begins before is learned from only.

    """
    firings: dict[tuple[str, int], Firing] = {}
    for group, policy in policies.items():
        detector = Detector(policy, BIN)
        for bucket, counts in bins[group]:
            for signal in detector.step(bucket + BIN, counts):
                if signal.bin_end > start:
                    key = signal.series, signal.onset
                    firings[key] = _raised(firings.get(key), signal)
    return sorted(firings.values(), key=lambda firing: (firing.first, firing.series))


def judge(
    policy: Policy, firings: Sequence[Firing], cases: Sequence[Case], start: int, end: int
) -> Backtest:
    """Compare firings with the incidents of the same time, as people judged them."""
    counted = [c for c in cases if _is_counted(c) and start <= c.incident.onset < end]
    real = [c for c in counted if _was_real(c)]
    false = [c for c in counted if c.incident.state == "dismissed"]
    episodes = _episodes(firings)
    met = {c.incident.id: next((e for e in episodes if _meets(e, c)), None) for c in real}
    sooner = [
        (case.incident.opened_at - episode[0].first) / 60
        for case in real
        if (episode := met[case.incident.id]) is not None and not case.incident.historical
    ]
    right = sum(any(_meets(e, c) for c in real) for e in episodes)
    wrong = sum(
        any(_meets(e, c) for c in false) and not any(_meets(e, c) for c in real) for e in episodes
    )
    return Backtest(
        threshold=policy.threshold,
        days=(end - start) / 86_400,
        firings=tuple(firings),
        episodes=len(episodes),
        right=right,
        false=wrong,
        unjudged=len(episodes) - right - wrong,
        missed=tuple(name for name, episode in met.items() if episode is None),
        sooner=round(median(sooner), 1) if sooner else None,
    )


def written(backtest: Backtest) -> dict[str, object]:
    """Return a back-test as plain data."""
    return {**asdict(backtest), "a_week": round(backtest.a_week, 2)}


def _raised(held: Firing | None, signal: Signal) -> Firing:
    stronger = held is None or signal.score > held.score
    return Firing(
        series=signal.series,
        rule=signal.rule if held is None else held.rule,
        first=signal.bin_end if held is None else held.first,
        last=signal.bin_end,
        score=round(signal.score if stronger or held is None else held.score, 2),
        severity=signal.severity if stronger or held is None else held.severity,
        seen=signal.seen if stronger or held is None else held.seen,
        expected=round(signal.expected if stronger or held is None else held.expected, 2),
    )


def _episodes(firings: Sequence[Firing]) -> list[list[Firing]]:
    """Gather firings as incidents would: those without a quiet gap of six hours."""
    episodes: list[list[Firing]] = []
    for firing in firings:
        if episodes and firing.first <= max(f.last for f in episodes[-1]) + EPISODE_GAP:
            episodes[-1].append(firing)
        else:
            episodes.append([firing])
    return episodes


def _meets(episode: Sequence[Firing], case: Case) -> bool:
    first, last = episode[0].first, max(firing.last for firing in episode)
    incident = case.incident
    return first - EPISODE_GAP <= incident.last_bin and incident.onset <= last + EPISODE_GAP


def _is_counted(case: Case) -> bool:
    return not case.incident.drill and any(alert.rule in COUNTED for alert in case.alerts)


def _was_real(case: Case) -> bool:
    return case.incident.state != "dismissed" and case.incident.acknowledged_at is not None
