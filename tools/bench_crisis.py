"""The crisis benchmark of ../shared against `python -m monitor detect`, in lockstep.

The detector sees one bin at a time and answers before the next one comes, so it cannot look ahead.
Prints one JSON object; what its figures mean: the README beside the benchmark.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT / ".." / "shared"
BENCH = SHARED / "bench" / "crisis" / "crisisbench.py"
FOLDER = ROOT / "build" / "bench-crisis"
DETECTOR = shlex.join([sys.executable, "-m", "monitor", "detect"])


def main() -> int:
    """Make the data, run the detector over it, print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=20, help="seed of the data (20)")
    parser.add_argument("--size", choices=["small", "full"], default="small")
    given = parser.parse_args()
    if not BENCH.exists():
        sys.exit("缺少 ../shared/bench/crisis / ../shared/bench/crisis is absent")
    data = FOLDER / f"{given.size}-{given.seed}"
    data.parent.mkdir(parents=True, exist_ok=True)
    nab = SHARED / "data" / "nab"
    bench("gen", "--nab", nab, "--out", data, "--seed", given.seed, "--size", given.size)
    told = bench("run", "--data", data, "--lockstep", "--no-sweep", "--json", "--cmd", DETECTOR)
    figures = json.loads(told)["as_shipped"]
    print(json.dumps({"seed": given.seed, "size": given.size, **figures}, indent=1))
    return 0


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


if __name__ == "__main__":
    sys.exit(main())
