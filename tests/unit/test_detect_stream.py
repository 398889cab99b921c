import json
from datetime import UTC, datetime

import numpy as np
import pytest

from monitor.detect_stream import run

BIN = 300
START = 1_772_323_200  # 2026-03-01T00:00:00Z
QUIET, LOUD = 2 * 288, 12


def iso(seconds):
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"


def row(at, total=3, negative=0, series="听雨茶|weibo", **more):
    fields = {"timestamp": iso(at), "series": series, "total": total, "negative": negative}
    return json.dumps({**fields, "bin_seconds": BIN, **more}, ensure_ascii=False)


def tick(at):
    return json.dumps({"tick": iso(at)})


def answers(lines):
    """Return (alerts and tocks, errors), each line parsed or as it is."""
    out, errors = [], []
    run(lines, out.append, errors.append)
    assert all(line.endswith("\n") for line in out + errors)
    return [json.loads(line) for line in out], errors


def storm(*, ticks=True, sparse=False):
    rng, lines = np.random.default_rng(1), []
    for i in range(1, QUIET + LOUD + 1):
        total, bad = int(rng.poisson(1.5)), 6 if i > QUIET else 0
        if total or bad or not sparse or i == 1:
            lines.append(row(START + i * BIN, total + bad, bad))
        if ticks:
            lines.append(tick(START + i * BIN))
    return lines


def alerts(out):
    return [each for each in out if "series" in each]


def test_it_alerts_with_the_four_promised_fields_before_the_tock_of_that_bin():
    out, errors = answers(storm())
    first = alerts(out)[0]
    assert errors == []
    assert set(first) == {"series", "timestamp", "score", "severity"}
    assert first["series"] == "听雨茶|weibo"
    assert first["severity"] in {"warning", "high", "critical"}
    following = next(each for each in out[out.index(first) :] if "tock" in each)
    assert following["tock"] == first["timestamp"]
    assert datetime.fromisoformat(first["timestamp"]).timestamp() > START + QUIET * BIN


def test_an_escalation_is_one_more_line():
    found = alerts(answers(storm())[0])
    assert len(found) >= 2
    assert found[-1]["score"] > found[0]["score"]


def test_every_tick_is_answered_by_its_tock():
    lines = storm()
    sent = [json.loads(line)["tick"] for line in lines if "tick" in line]
    assert [each["tock"] for each in answers(lines)[0] if "tock" in each] == sent


def test_without_ticks_it_finds_the_same():
    assert answers(storm(ticks=False))[0] == alerts(answers(storm())[0]) != []


def test_bins_left_out_of_the_stream_are_silence_with_and_without_ticks():
    full = alerts(answers(storm())[0])
    assert alerts(answers(storm(sparse=True))[0]) == full
    assert answers(storm(sparse=True, ticks=False))[0] == full


def test_the_answer_to_a_tick_comes_before_the_next_line_is_read():
    out, seen = [], []

    def lines():
        for line in storm()[:20]:
            yield line
            if "tick" in line:
                seen.append(out[-1] == json.dumps({"tock": json.loads(line)["tick"]}) + "\n")

    run(lines(), out.append)
    assert seen == [True] * 10


BAD = {
    "not json": "{oops",
    "a list": "[1, 2]",
    "deep nesting": "[" * 100_000,
    "a missing key": '{"timestamp": "2026-03-01T00:05:00Z", "series": "a", "total": 3}',
    "a negative count": row(START + BIN, 3, -1),
    "more negatives than mentions": row(START + BIN, 3, 4),
    "a fraction": row(START + BIN, 3.5),
    "a truth value": row(START + BIN, True),
    "an absurd count": row(START + BIN, 10**12),
    "a naive timestamp": row(START + BIN, timestamp="2026-03-01T00:05:00"),
    "no timestamp at all": row(START + BIN, timestamp="昨天"),
    "half a bin": row(START + BIN + 60),
    "an empty name": row(START + BIN, series=""),
    "a useless bin length": row(START + BIN, bin_seconds=700),
    "a lone surrogate": '{"series": "\\ud800"}',
}


@pytest.mark.parametrize("line", BAD.values(), ids=BAD.keys())
def test_a_bad_line_is_named_by_number_and_the_rest_goes_on(line):
    good = storm()[:20]
    out, errors = answers([good[0], line, *good[1:]])
    assert len(errors) == 1
    assert "第 2 行" in errors[0]
    assert "line 2" in errors[0]
    assert errors[0].count("\n") == 1
    assert out == answers(good)[0] != []


def test_blank_lines_are_no_errors():
    assert answers(["", "  \n", tick(START + BIN)]) == ([{"tock": iso(START + BIN)}], [])


def test_a_line_of_a_bin_that_is_over_is_refused():
    at = START + BIN
    _, errors = answers([row(at), tick(at), row(at, series="迟到"), row(at + BIN), row(at)])
    assert ["line 3" in errors[0], "line 5" in errors[1], len(errors)] == [True, True, 2]
    assert "out of order" in errors[0]


def test_a_series_given_twice_for_a_bin_is_refused():
    _, errors = answers([row(START + BIN), row(START + BIN, 9, 9)])
    assert len(errors) == 1
    assert "already" in errors[0]


def test_a_bin_length_that_changes_is_refused():
    _, errors = answers([row(START + BIN), row(START + 3600, bin_seconds=3600)])
    assert len(errors) == 1
    assert "bin_seconds" in errors[0]


@pytest.mark.parametrize(
    "raw", ["gestern", None, [1], "2026-03-01T00:05:00", "2020-01-01T00:00:00Z"]
)
def test_a_senseless_tick_is_complained_about_and_still_answered(raw):
    at = START + BIN
    out, errors = answers([row(at), tick(at), json.dumps({"tick": raw}), tick(at + BIN)])
    assert len(errors) == 1
    assert "line 3" in errors[0]
    assert [each["tock"] for each in out] == [iso(at), raw, iso(at + BIN)]


def test_years_between_two_lines_cost_no_more_than_a_day():
    later = START + 20 * 365 * 86400
    out, errors = answers([row(START + BIN), tick(START + BIN), row(later), tick(later)])
    assert errors == []
    assert out[-1] == {"tock": iso(later)}


def test_errors_go_to_standard_error(capsys):
    run(["{oops"], lambda _: None)
    captured = capsys.readouterr()
    assert "第 1 行" in captured.err
    assert captured.out == ""
