"""The demonstration is the first thing a newcomer runs: it must tell the truth, every time."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def shown():
    done = subprocess.run(
        [sys.executable, "tools/demo.py", "--check"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


def test_the_demonstration_succeeds_and_says_what_is_simulated(shown):
    code, result = shown
    assert (code, result["problems"]) == (0, [])
    assert "simulated" in result


def test_it_takes_in_several_thousand_comments_and_loses_none(shown):
    account = shown[1]["mentions"]
    assert account["accepted"] > 3000
    assert account["accepted"] == sum(
        int(brand["indices"]["volume"]["value"]) for brand in shown[1]["brands"].values()
    )


def test_the_quiet_days_raise_nothing_and_the_crisis_one_alert_on_its_own_brand(shown):
    assert shown[1]["alerts_after_backfill"] == 0
    assert {alert["brand"] for alert in shown[1]["alerts"]} == {"chenxing"}
    assert len({alert["id"] for alert in shown[1]["alerts"]}) == 1


def test_the_alert_carries_evidence_a_clock_and_a_signed_delivery(shown):
    alert = shown[1]["alert"]
    assert alert["level"] in {"yellow", "orange", "red"}
    assert alert["evidence"]["mentions"]
    assert alert["due_at"] > alert["fired_at"]
    assert shown[1]["delivery"]["state"] == "sent"
    assert shown[1]["delivery"]["received"] == 1
