"""What each part of the detector is worth: each removed, false alarms matched, by the benchmark.

How habits are learned does not depend on the threshold, so one run over the data keeps every bin's
evidence, and the threshold that gives the wished false alarms is then found by bisection. Prints a
Markdown table of means over the seeds, and one of the presets.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from monitor import detect
from monitor.detect import DEFAULT, SENSITIVITIES, Detector, Policy
from tools.bench_crisis import BENCH, FOLDER, SHARED, bench

sys.path.append(str(BENCH.parent))
crisisbench: Any = importlib.import_module("crisisbench")

BIN = 300
OFF = 1e12  # a weight or bound so large that what it governs no longer acts
WEEK = 7 * 86400
Figures = dict[str, Any]
Evidence = NDArray[np.float32]


class Recorder(Detector):
    """Keeps every bin's evidence instead of judging it."""

    tests = slice(None)

    def __init__(self, policy: Policy) -> None:
        super().__init__(policy, BIN)
        self.kept: list[Evidence] = []

    def weigh(self, scores: detect.Floats) -> detect.Floats:
        """Return one number a series."""
        evidence: detect.Floats = np.sqrt(np.mean(scores * scores, axis=(0, 1)))
        return evidence

    def _judge(self, bin_end: int, windows: Any, live: detect.Flags) -> list[detect.Signal]:
        del bin_end
        scores = detect._scores(windows, live & self._grown(), self.policy)
        caution = self._threshold() - self.policy.threshold
        self.kept.append((self.weigh(scores[self.tests]) - caution).astype(np.float32))
        return []


class HabitAlone(Recorder):
    """Asks whether the negatives exceed the habit, no more."""

    tests = slice(0, 1)


class ShareAlone(Recorder):
    """Asks whether they exceed what the other mentions explain, no more."""

    tests = slice(1, 2)


class Strongest(Recorder):
    """Judges by the strongest test and window."""

    def weigh(self, scores: detect.Floats) -> detect.Floats:
        """Return the strongest score."""
        evidence: detect.Floats = scores.max(axis=(0, 1))
        return evidence


class Undelayed(Recorder):
    """Learns a bin at once, not an hour later."""

    def _learn(self, bin_end: int, windows: Any) -> None:
        super()._learn(bin_end + detect.HOUR, windows)


VARIANTS: list[tuple[str, type[Recorder], Policy]] = [
    ("strongest window and test instead of all together", Strongest, DEFAULT),
    ("habit test alone", HabitAlone, DEFAULT),
    ("share test alone", ShareAlone, DEFAULT),
    ("no echo", Recorder, replace(DEFAULT, echo=1 / OFF)),
    ("one window, 1 h", Recorder, replace(DEFAULT, windows=(3600,))),
    ("no 30-minute window", Recorder, replace(DEFAULT, windows=DEFAULT.windows[1:])),
    ("no 3-hour window", Recorder, replace(DEFAULT, windows=DEFAULT.windows[:-1])),
    ("a 6-hour window more", Recorder, replace(DEFAULT, windows=(*DEFAULT.windows, 21600))),
    ("a 10-minute window more", Recorder, replace(DEFAULT, windows=(600, *DEFAULT.windows))),
    (
        "no profile",
        Recorder,
        replace(DEFAULT, profile_weight_day=OFF, profile_weight_week=OFF),
    ),
    ("hour of day alone", Recorder, replace(DEFAULT, profile_weight_week=OFF)),
    ("over-dispersion fixed at its prior", Recorder, replace(DEFAULT, dispersion_weight=OFF)),
    ("one memory, 24 h", Recorder, replace(DEFAULT, memory_least=86400, memory_most=86400)),
    ("learned at once", Undelayed, DEFAULT),
    ("outliers learned in full", Recorder, replace(DEFAULT, outlier_bin=OFF, outlier_hour=OFF)),
    ("unreported outages learned", Recorder, replace(DEFAULT, deep_silence=OFF)),
    ("at least 1 negative", Recorder, replace(DEFAULT, least=1)),
    ("no least ratio", Recorder, replace(DEFAULT, least_ratio=1.0)),
    ("no caution while young", Recorder, replace(DEFAULT, caution=1 / OFF)),
]


@dataclass(frozen=True)
class Data:
    """Counts of every seed's series side by side, (bins, series); −1 where a series has none.

    Series of other years are moved by whole weeks to the first of the others; `moved` says how far.
    """

    start: int
    names: list[tuple[int, str]]  # seed and series
    moved: list[int]
    total: NDArray[np.int64]
    negative: NDArray[np.int64]
    labels: dict[int, Any]


def read(seeds: list[int]) -> Data:
    """Make the data of the seeds and read them."""
    held: dict[tuple[int, str], tuple[int, list[tuple[int, int]]]] = {}
    labels = {}
    for seed in seeds:
        folder = FOLDER / f"full-{seed}"
        folder.parent.mkdir(parents=True, exist_ok=True)
        nab = SHARED / "data" / "nab"
        bench("gen", "--nab", nab, "--out", folder, "--seed", seed, "--size", "full")
        held |= {(seed, name): rows for name, rows in crisisbench.load(str(folder)).items()}
        told = json.loads((folder / "labels.json").read_text(encoding="utf-8"))
        labels[seed] = crisisbench.compile_labels(told)
    newest = max(first for first, _ in held.values())
    moved = [(newest - first) // WEEK * WEEK for first, _ in held.values()]
    firsts = [first + by for (first, _), by in zip(held.values(), moved, strict=True)]
    start = min(firsts)
    counts = np.full((2, len(range(start, newest + 60 * 86400, BIN)), len(held)), -1)
    for column, (first, (_, rows)) in enumerate(zip(firsts, held.values(), strict=True)):
        at = (first - start) // BIN
        counts[:, at : at + len(rows), column] = np.array(rows).T
    return Data(start, list(held), moved, counts[0], counts[1], labels)


def record(data: Data, kind: type[Recorder], policy: Policy) -> Evidence:
    """Return (bins, series) evidence; a series that has no bin yet, or none any more, is out."""
    recorder = kind(policy)
    names = [f"{seed} {name}" for seed, name in data.names]
    for at, (total, negative) in enumerate(zip(data.total, data.negative, strict=True), 1):
        rows = zip(names, total.tolist(), negative.tolist(), strict=True)
        counts = {name: (t, n) if t >= 0 else None for name, t, n in rows}
        recorder.step(data.start + at * BIN, counts)
    return np.array(recorder.kept)


def score(data: Data, evidence: Evidence, threshold: float) -> list[Figures]:
    """Return the benchmark's figures, by seed, of the episodes that open at a threshold.

    An update is told here when the evidence has doubled, which is nearly what the detector does.
    """
    alerts: dict[int, list[tuple[str, int, float, int]]] = {seed: [] for seed in data.labels}
    for column, ((seed, name), moved) in enumerate(zip(data.names, data.moved, strict=True)):
        last, told = -DEFAULT.rearm, 0.0
        for at in np.flatnonzero(evidence[:, column] >= threshold).tolist():
            now = float(evidence[at, column])
            if (at - last) * BIN > DEFAULT.rearm or now >= 2 * told:
                alerts[seed].append((name, data.start + (at + 1) * BIN - moved, now, 1))
                told = now
            last = at
    return [
        crisisbench.summarize(labels, *crisisbench.evaluate(labels, alerts[seed]))
        for seed, labels in data.labels.items()
    ]


def mean(figures: list[Figures], key: str) -> float:
    """Return the mean over the seeds."""
    return float(np.mean([each[key] for each in figures]))


def matched(data: Data, evidence: Evidence, alarms: float) -> tuple[float, list[Figures]]:
    """Return the lowest threshold with at most so many false alarms, and its figures."""
    low, high = 0.5, 12.0
    for _ in range(9):
        middle = (low + high) / 2
        if mean(score(data, evidence, middle), "false_alarms_per_brand_week") > alarms:
            low = middle
        else:
            high = middle
    return high, score(data, evidence, high)


def row(name: str, threshold: float, figures: list[Figures]) -> str:
    """Write a row of the tables."""
    worst = np.mean([max(f["fa_per_week"] for f in x["by_family"].values()) for x in figures])
    return (
        f"| {name} | {threshold:.2f} | {mean(figures, 'crisis_score'):.1f} "
        f"| {mean(figures, 'recall'):.3f} | {mean(figures, 'false_alarms_per_brand_week'):.2f} "
        f"| {worst:.2f} | {mean(figures, 'median_delay_min'):.0f} "
        f"| {mean(figures, 'p90_delay_min'):.0f} |"
    )


def main() -> int:
    """Run every variant over every seed, print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, nargs="+", default=[7, 8])
    parser.add_argument("--alarms", type=float, help="false alarms to match (those of the default)")
    given = parser.parse_args()
    data = read(given.seed)
    print("| | threshold | score | recall | false alarms | worst family | median | 90 % |")
    print("|---|---|---|---|---|---|---|---|")
    own = record(data, Recorder, DEFAULT)
    for name, preset in SENSITIVITIES.items():
        print(row(name, preset.threshold, score(data, own, preset.threshold)), flush=True)
    figures = score(data, own, DEFAULT.threshold)
    alarms = given.alarms or mean(figures, "false_alarms_per_brand_week")
    for name, kind, policy in VARIANTS:
        found = matched(data, record(data, kind, policy), alarms)
        print(row(name, *found), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
