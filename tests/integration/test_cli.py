"""The command line as it is run: answers on standard output, progress and errors beside it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests import recount
from tests.rows import BAD, GOOD, row

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def run(tmp_path):
    environment = {
        **{k: v for k, v in os.environ.items() if not k.startswith("TINGFENG_")},
        "DATABASE_URL": f"sqlite:///{tmp_path}/t.db",
        "PYTHONPATH": str(ROOT),
        "OMP_NUM_THREADS": "1",
    }

    def run(*arguments, stdin="", status=0):
        done = subprocess.run(
            [sys.executable, "-m", "monitor", *arguments],
            cwd=tmp_path,
            env=environment,
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == status, done.stderr
        assert "Traceback" not in done.stderr
        return done

    run.environment = environment
    return run


def lines(done):
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_files_are_taken_in_and_reported_on(run, tmp_path):
    run("brand", "add", "xingtu", "--name", "星途", "--alias", "XT")
    (listed,) = lines(run("brand", "list"))
    assert (listed["name"], listed["aliases"]) == ("星途", ["XT"])
    now = listed["created_at"]
    rows = [row(GOOD, now - 60), row(BAD, now - 60), row("无关", now - 60), {"platform": "weibo"}]
    file = tmp_path / "rows.jsonl"
    file.write_text("\n".join(json.dumps(r, ensure_ascii=False) for r in rows), encoding="utf-8")
    (account,) = lines(run("ingest", str(file), "--json"))
    assert {k: account[k] for k in ("accepted", "unmatched", "rejected")} == {
        "accepted": 3,
        "unmatched": 1,
        "rejected": 1,
    }
    (rejection,) = account["rejections"]
    assert (rejection["file"], rejection["position"]) == ("rows.jsonl", 4)
    (again,) = lines(run("ingest", str(file), "--brand", "xingtu"))
    # The third was about no brand; now it is said to be about this one.
    assert (again["accepted"], again["updated"], again["duplicate"]) == (0, 1, 2)
    (report,) = lines(run("report", "--brand", "xingtu"))
    assert report["indices"]["volume"]["value"] == 3
    recount.assert_sums_are_true(tmp_path / "t.db")


def test_mistakes_end_with_words_and_not_with_a_traceback(run, tmp_path):
    run("brand", "add", "xingtu", "--name", "星途")
    file = tmp_path / "x.txt"
    file.write_text("x")
    for arguments in (
        ["brand", "add", "xingtu", "--name", "星途"],
        ["brand", "add", "星途", "--name", "星途"],
        ["brand", "add", "x", "--name", " "],
        ["ingest", str(file), "--brand", "nobody"],
        ["ingest", str(file)],
        ["report", "--brand", "nobody"],
    ):
        done = run(*arguments, status=1)
        assert done.stdout == ""
        assert any("\u4e00" <= char <= "\u9fff" for char in done.stderr)


def test_a_key_is_printed_once_and_works(run, tmp_path):
    from monitor.keys import digest

    secret = run("key", "add", "采集", "--scope", "ingest", "--brand", "xingtu").stdout.strip()
    (held,) = recount.rows_of(tmp_path / "t.db", "SELECT * FROM api_key")
    assert held["hash"] == digest(secret)
    assert (held["scopes"], held["brands"]) == ("ingest", '["xingtu"]')


def test_texts_are_scored_line_by_line_in_order(run):
    asked = [{"id": i, "text": t} for i, t in enumerate([GOOD, BAD])]
    stdin = "\n".join(json.dumps(a) for a in asked) + "\n{坏\n"
    first, second, bad = lines(run("score", stdin=stdin))
    assert (first["label"], second["label"]) == ("positive", "negative")
    assert bad["error"]


def test_a_tick_is_answered_by_a_tock(run):
    assert lines(run("detect", stdin='{"tick": "2026-03-01T08:05:00Z"}\n')) == [
        {"tock": "2026-03-01T08:05:00Z"}
    ]


def test_a_worker_takes_a_round_and_stops_when_asked(run, tmp_path):
    run("worker", "--once")
    with subprocess.Popen(
        [sys.executable, "-m", "monitor", "worker"],
        cwd=tmp_path,
        env=run.environment,
        stderr=subprocess.PIPE,
        text=True,
    ) as worker:
        for line in worker.stderr:
            if "worker_started" in line:
                break
        worker.send_signal(signal.SIGTERM)
        rest = worker.stderr.read()
        assert worker.wait(30) == 0
    assert "worker_stopped" in rest
    assert recount.rows_of(tmp_path / "t.db", "SELECT * FROM lease") == []


def test_a_wrong_setting_is_named(run):
    run.environment["TINGFENG_ALERT_MAX_AGE"] = "1"
    assert "alert_max_age" in run("brand", "list", status=1).stderr
    del run.environment["TINGFENG_ALERT_MAX_AGE"]
    run.environment["DATABASE_URL"] = "mysql://x"
    assert "DATABASE_URL" in run("brand", "list", status=1).stderr


def test_a_key_that_could_lift_its_own_limit_is_not_made(run, tmp_path):
    done = run("key", "add", "总管", "--scope", "admin", "--brand", "xingtu", status=1)
    assert "不能限定品牌" in done.stderr
    run("key", "add", "总管", "--scope", "admin")
    (held,) = recount.rows_of(tmp_path / "t.db", "SELECT * FROM api_key")
    assert held["brands"] is None
