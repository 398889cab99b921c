"""The crisis benchmark of ../shared, small size, in lockstep with the real command."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT / ".." / "shared"
BENCH = SHARED / "bench" / "crisis" / "crisisbench.py"

pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(not BENCH.exists(), reason="../shared/bench/crisis is absent"),
]


def bench(*arguments):
    done = subprocess.run(
        [sys.executable, str(BENCH), *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    return done.stdout


@pytest.fixture(scope="module")
def figures(tmp_path_factory):
    data = tmp_path_factory.mktemp("crisis") / "data"
    bench("gen", "--nab", SHARED / "data" / "nab", "--out", data, "--seed", 5, "--size", "small")
    detector = f"{sys.executable} -m monitor detect"
    told = bench("run", "--data", data, "--lockstep", "--no-sweep", "--json", "--cmd", detector)
    return json.loads(told)["as_shipped"]


def test_its_crisis_score_is_above_the_gate(figures):
    assert figures["crisis_score"] >= 70


def test_it_raises_few_false_alarms(figures):
    assert figures["false_alarms_per_brand_week"] <= 0.8


def test_it_misses_few_clear_crises(figures):
    found, all_clear = figures["by_tier"]["clear"]
    assert found >= 0.94 * all_clear


def test_it_tells_one_crisis_in_few_messages(figures):
    assert figures["alerts_per_detected_crisis"] <= 2.5
