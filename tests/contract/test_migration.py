"""A database of the first versions, opened by this one: alerts become incidents."""

import sqlite3
from contextlib import closing

import pytest
from sqlite_utils import Database
from sqlite_utils.migrations import Migrations

from monitor.store import open_store
from monitor.store.sqlite.schema import first_tables, second_readings
from tests.rows import NOW

COLUMNS = (
    "id, incident_id, brand_id, rule, state, level, severity, crisis_index, score, expected, seen,"
    " window, onset, last_bin, fired_at, updated_at, due_at, factors, summary, evidence,"
    " historical, assignee, acknowledged_at, resolved_at"
)


def alert(name, incident, state, level, index, at, rule="spike"):
    ended = at + 900 if state == "resolved" else None
    taken = at + 60 if state == "acknowledged" else None
    return (
        *(name, incident, "xingtu", rule, state, level, "high", index, 6.0, 1.0, 20),
        *(1800, at, at + 300, at, at, at + 3600, "{}", '{"zh": "句子", "en": "s"}', "{}", 0),
        *("小王", taken, ended),
    )


@pytest.fixture
def former(tmp_path):
    """A file as the second version left it."""
    path = tmp_path / "tingfeng.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        steps = Migrations("tingfeng")
        for step in (first_tables, second_readings):
            steps()(step)
        steps.apply(Database(connection, execute_plugins=False))
        connection.execute(
            "INSERT INTO brand VALUES"
            " ('xingtu', '星途', '[]', '[]', '[]', 'Asia/Shanghai', 0, 0, '{}')"
        )
        rows = [
            alert("al_old", "in_1", "resolved", "yellow", 45.0, NOW - 7200),
            alert("al_red", "in_1", "firing", "red", 90.0, NOW - 3600, rule="risk"),
            alert("al_small", "in_2", "firing", "blue", 21.0, NOW - 7200),
            alert("al_great", "in_2", "acknowledged", "orange", 70.0, NOW - 3600),
            alert("al_over", "in_3", "resolved", "orange", 70.0, NOW - 90_000),
        ]
        for row in rows:
            marks = ", ".join("?" * len(row))
            connection.execute(f"INSERT INTO alert ({COLUMNS}) VALUES ({marks})", row)  # noqa: S608
        connection.execute(
            "INSERT INTO delivery (id, channel_id, alert_id, event, payload, urgency, state,"
            " attempts, next_at, created_at) VALUES ('dl_1', 'duty', 'al_red', 'alert.firing',"
            " '{}', 4, 'sent', 1, 0, ?)",
            (NOW - 3600,),
        )
        connection.execute(
            "INSERT INTO alert_event (alert_id, at, actor, action, note)"
            " VALUES ('al_red', ?, 'tingfeng', 'fired', 'red 90')",
            (NOW - 3600,),
        )
        connection.commit()
    return path


def test_each_incident_is_led_by_its_gravest_open_alert(former):
    store = open_store(f"sqlite:///{former}")
    cases = {name: store.incidents.get(name) for name in ("in_1", "in_2", "in_3")}
    assert {
        name: (c.incident.lead, c.incident.state, c.incident.level) for name, c in cases.items()
    } == {
        "in_1": ("al_red", "firing", "red"),
        "in_2": ("al_great", "acknowledged", "orange"),
        "in_3": ("al_over", "resolved", "orange"),
    }
    assert cases["in_1"].incident.onset == NOW - 7200
    assert len(cases["in_1"].alerts) == 2
    store.close()


def test_clocks_go_on_and_who_was_told_is_known(former):
    store = open_store(f"sqlite:///{former}")
    assert store.incidents.are_due(NOW)
    (told,) = store.incidents.told("in_1")
    assert (told.channel_id, told.level, told.state) == ("duty", "red", "firing")
    assert [event.note for event in store.incidents.timeline("in_1")] == ["red 90"]
    assert [delivery.id for delivery in store.outbox.of_incident("in_1")] == ["dl_1"]
    store.close()
