"""What a look of the detector costs: CPU seconds for one bin of 10 000 series, on one core."""

from __future__ import annotations

import argparse
import time
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from monitor.detect import Detector

if TYPE_CHECKING:
    from collections.abc import Callable

BIN = 300
BINS = 40


def main() -> None:
    """Print a line for each thing the watch does at every look."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--series", type=int, default=10_000)
    names = [f"品牌{i}" for i in range(parser.parse_args().series)]
    rng = np.random.default_rng(1)
    rates = 10 ** rng.uniform(-2, 1.5, len(names))
    detector, spent, end = Detector(), [], 0
    for end in range(BIN, (BINS + 1) * BIN, BIN):
        total = rng.poisson(rates)
        rows = zip(total.tolist(), rng.binomial(total, 0.15).tolist(), strict=True)
        counts = dict(zip(names, rows, strict=True))
        spent.append(seconds(partial(detector.step, end, counts)))
    replayed = detector.copy()
    detector._state.age[:] = 8 * 288  # as if all were old enough to be judged
    storm = dict.fromkeys(names, (60, 50))
    costs = {
        "step": float(np.median(spent)),
        "step, every series bursting": seconds(partial(detector.step, end + BIN, storm)),
        "copy": seconds(detector.copy),
        "adopt, every series": seconds(partial(replayed.adopt, replayed.copy())),
        "episodes": seconds(detector.episodes),
        "silences": seconds(detector.silences),
    }
    print(f"{len(names)} series, CPU seconds")
    for name, cost in costs.items():
        print(f"{name:28}{cost:8.3f}")


def seconds(work: Callable[[], object]) -> float:
    """Return the CPU seconds a piece of work takes."""
    begun = time.process_time()
    work()
    return time.process_time() - begun


if __name__ == "__main__":
    main()
