"""The crisis benchmark of ../shared against `python -m monitor detect`, in lockstep.

The detector sees one bin at a time and answers before the next one comes, so it cannot look ahead.
Prints a table: each line of the gate for each seed, with mean and worst; the whole figures go to
build/bench-crisis/figures.json. What they mean: the README beside the benchmark. At full size it
fails unless every seed keeps the gate.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT / ".." / "shared"
BENCH = SHARED / "bench" / "crisis" / "crisisbench.py"
FOLDER = ROOT / "build" / "bench-crisis"
DETECTOR = shlex.join([sys.executable, "-m", "monitor", "detect"])
Figures = dict[str, Any]


class Line(NamedTuple):
    """A line of the gate: at least, or at most, so much."""

    name: str
    of: Callable[[Figures], float]
    bound: float
    least: bool = False

    def worst(self, values: list[float]) -> float:
        """Return the value that fares worst."""
        return min(values) if self.least else max(values)

    def keeps(self, value: float) -> bool:
        """Whether the value is within the bound."""
        return value >= self.bound if self.least else value <= self.bound


def _found(figures: Figures, by: str, of: str) -> float:
    found, every = figures[by][of]
    return float(found / every) if every else 1.0


GATE = (
    Line("score", lambda f: f["crisis_score"], 72, least=True),
    Line("recall", lambda f: f["recall"], 0.90, least=True),
    Line("recall, clear crises", lambda f: _found(f, "by_tier", "clear"), 0.94, least=True),
    Line("recall, share jumps", lambda f: _found(f, "by_kind", "share"), 0.90, least=True),
    Line("false alarms a brand-week", lambda f: f["false_alarms_per_brand_week"], 0.8),
    Line(
        "the same, worst family",
        lambda f: max(each["fa_per_week"] for each in f["by_family"].values()),
        1.2,
    ),
    Line("median delay, min", lambda f: f["median_delay_min"], 25),
    Line("alerts a crisis", lambda f: f["alerts_per_detected_crisis"], 2.5),
)


def main() -> int:
    """Make the data, run the detector over it, print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, nargs="+", default=[20], help="seeds of the data (20)")
    parser.add_argument("--size", choices=["small", "full"], default="small")
    given = parser.parse_args()
    if not BENCH.exists():
        sys.exit("缺少 ../shared/bench/crisis / ../shared/bench/crisis is absent")
    figures = {seed: measure(seed, given.size) for seed in given.seed}
    (FOLDER / "figures.json").write_text(json.dumps(figures, indent=1), encoding="utf-8")
    print(table(figures))
    kept = all(line.keeps(line.of(each)) for line in GATE for each in figures.values())
    return 0 if kept or given.size == "small" else 1


def measure(seed: int, size: str) -> Figures:
    """Return the figures of one seed."""
    data = FOLDER / f"{size}-{seed}"
    data.parent.mkdir(parents=True, exist_ok=True)
    bench("gen", "--nab", SHARED / "data" / "nab", "--out", data, "--seed", seed, "--size", size)
    told = bench("run", "--data", data, "--lockstep", "--no-sweep", "--json", "--cmd", DETECTOR)
    figures: Figures = json.loads(told)["as_shipped"]
    return figures


def bench(*arguments: object) -> str:
    """Run a command of the benchmark; returns what it prints."""
    done = subprocess.run(
        [sys.executable, str(BENCH), *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return done.stdout


def table(figures: dict[int, Figures]) -> str:
    """Write the lines of the gate as a Markdown table, one column a seed."""
    head = ["", "gate", *map(str, figures), "mean", "worst"]
    rows = [head, ["---"] * len(head)]
    for line in GATE:
        values = [line.of(each) for each in figures.values()]
        shown = [*values, sum(values) / len(values), line.worst(values)]
        gate = f"{'≥' if line.least else '≤'} {line.bound:g}"
        rows.append([line.name, gate, *(f"{value:.3g}" for value in shown)])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


if __name__ == "__main__":
    sys.exit(main())
