"""Incidents and what was told of them; a change and its messages commit together."""

from __future__ import annotations

import json
from dataclasses import asdict, fields
from typing import TYPE_CHECKING

from monitor.domain import ENDED, LEVELS, Alert, AlertEvent, Incident, Told
from monitor.errors import UnknownThing
from monitor.incidents import Case
from monitor.store.sqlite.alerts import EVENT_COLUMNS, alert_of, put_alert, put_deliveries

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from monitor.incidents import Change
    from monitor.notices import Outcome
    from monitor.store.sqlite.database import Database

    Known = Sequence[tuple[Case, Mapping[str, Told]]]
    # how many messages wait for each channel, and since when the oldest digest does
    Tell = Callable[[Known, Mapping[str, int], Mapping[str, int]], Outcome]

_FIELDS = tuple(f.name for f in fields(Incident))
_COLUMNS = tuple("brand_id" if name == "brand" else name for name in _FIELDS)
_TOLD = tuple(f.name for f in fields(Told))
_ENDED = ", ".join(f"'{state}'" for state in sorted(ENDED))
_LONGEST_WAIT = 8 * 86_400
# What lies ahead of any wait was written before the clock was set back.
_DUE = f"""
FROM incident WHERE next_at <= :now OR next_at > :now + {_LONGEST_WAIT}
OR (updated_at > :now AND state NOT IN ({_ENDED}))
"""
_GRAVEST_FIRST = "CASE level {} END DESC".format(
    " ".join(f"WHEN '{level}' THEN {rank}" for rank, level in enumerate(LEVELS))
)


class Incidents:
    """Incidents with their alerts, and what each channel was last told of them."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def open(self, change: Change, tell: Tell) -> bool:
        """Write a new incident with its alert and messages.

        False where the alert's id is taken, or the brand is gone.
        """
        with self._db.write() as db:
            lead = change.case.lead
            held = db.execute("SELECT 1 FROM alert WHERE id = ?", (lead.id,)).fetchone()
            brand = db.execute("SELECT 1 FROM brand WHERE id = ?", (lead.brand,)).fetchone()
            if held or not brand:
                return False
            _write(db, [change], [change.case], tell)
            return True

    def change(
        self, incident_id: str, step: Callable[[Case], Change | None], tell: Tell
    ) -> Change | None:
        """Apply a step to a case as it stands inside the transaction, and write what follows.

        Nobody's change is lost to a copy that somebody else read earlier.
        """
        with self._db.write() as db:
            change = step(_case(db, incident_id))
            if change is not None:
                _write(db, [change], [change.case], tell)
            return change

    def merge(
        self,
        incident_id: str,
        other_id: str,
        step: Callable[[Case, Case], tuple[Change, Change]],
        tell: Tell,
    ) -> tuple[Change, Change]:
        """Apply a step to two cases at once."""
        with self._db.write() as db:
            kept, gone = step(_case(db, incident_id), _case(db, other_id))
            _write(db, [kept, gone], [kept.case, gone.case], tell)
            return kept, gone

    def pass_time(
        self, now: int, limit: int, step: Callable[[Case], Change | None], tell: Tell
    ) -> list[Change]:
        """Step the cases that are due, gravest first, and write what follows, all at once.

        Returns the changes; every case that was due has been looked at.
        """
        with self._db.write() as db:
            rows = db.execute(
                f"SELECT id {_DUE} ORDER BY {_GRAVEST_FIRST}, next_at LIMIT :limit",
                {"now": now, "limit": limit},
            )
            due = [row[0] for row in rows]
            if not due:
                return []
            cases = _cases(db, due)
            changes = [change for case in cases if (change := step(case)) is not None]
            newer = {change.case.incident.id: change.case for change in changes}
            _write(db, changes, [newer.get(c.incident.id, c) for c in cases], tell)
            return changes

    def are_due(self, now: int) -> bool:
        """Whether the clock has something to do on any case."""
        with self._db.read() as db:
            row = db.execute(f"SELECT 1 {_DUE} LIMIT 1", {"now": now}).fetchone()
        return row is not None

    def get(self, incident_id: str) -> Case:
        """One incident with its alerts; raises UnknownThing."""
        with self._db.read() as db:
            return _case(db, incident_id)

    def told(self, incident_id: str) -> list[Told]:
        """What each channel was last told of an incident."""
        with self._db.read() as db:
            return list(_told(db, [incident_id]).get(incident_id, {}).values())

    def of_brand(self, brand: str, since: int) -> list[Case]:
        """A brand's incidents that are open, or whose last bin is not before `since`."""
        with self._db.read() as db:
            ids = db.execute(
                f"SELECT id FROM incident WHERE brand_id = ? AND (state NOT IN ({_ENDED})"
                " OR last_bin >= ?) ORDER BY onset, id",
                (brand, since),
            ).fetchall()
            return _cases(db, [row[0] for row in ids])

    def standing(self, brands: Sequence[str]) -> list[Incident]:
        """The open incidents of brands, without their alerts."""
        with self._db.read() as db:
            rows = _chosen(
                db,
                f"SELECT * FROM incident WHERE state NOT IN ({_ENDED}) AND brand_id IN",
                brands,
            )
        return [_incident(row) for row in rows]

    def between(self, brands: Sequence[str] | None, start: int, end: int) -> list[Case]:
        """The incidents opened in [start, end), oldest first."""
        where, values = _in_brands(brands)
        with self._db.read() as db:
            ids = db.execute(
                f"SELECT id FROM incident WHERE opened_at >= ? AND opened_at < ?{where}"
                " ORDER BY opened_at, id",
                (start, end, *values),
            ).fetchall()
            return _cases(db, [row[0] for row in ids])

    def page(
        self,
        *,
        brands: Sequence[str] | None,
        states: Sequence[str] = (),
        levels: Sequence[str] = (),
        drill: bool | None = None,
        historical: bool | None = None,
        before: tuple[int, str] | None = None,
        limit: int = 20,
    ) -> list[Incident]:
        """Newest incidents first, after the cursor `before` = (opened_at, id)."""
        where, values = _in_brands(brands)
        for column, wanted in (("state", states), ("level", levels)):
            if wanted:
                where += f" AND {column} IN ({', '.join('?' * len(wanted))})"
                values += list(wanted)
        for column, flag in (("drill", drill), ("historical", historical)):
            if flag is not None:
                where += f" AND {column} = ?"
                values.append(flag)
        if before is not None:
            where += " AND (opened_at, id) < (?, ?)"
            values += before
        with self._db.read() as db:
            rows = db.execute(
                f"SELECT * FROM incident WHERE 1{where} ORDER BY opened_at DESC, id DESC LIMIT ?",
                (*values, limit),
            ).fetchall()
        return [_incident(row) for row in rows]

    def timeline(self, incident_id: str) -> list[AlertEvent]:
        """An incident's timeline, oldest first."""
        with self._db.read() as db:
            rows = db.execute(
                f"SELECT {', '.join(EVENT_COLUMNS)} FROM alert_event WHERE incident_id = ?"
                " ORDER BY id",
                (incident_id,),
            ).fetchall()
        return [AlertEvent(*row) for row in rows]

    def spend(self, link: bytes, now: int) -> bool:
        """Use up a link that is good for one use; False where it was used before.

        Called inside a step, it stands or falls with the step's change.
        """
        with self._db.joined() as db:
            done = db.execute("INSERT OR IGNORE INTO spent_link VALUES (?, ?)", (link, now))
            return done.rowcount == 1

    def is_spent(self, link: bytes) -> bool:
        """Whether a link was used."""
        with self._db.read() as db:
            row = db.execute("SELECT 1 FROM spent_link WHERE hash = ?", (link,)).fetchone()
        return row is not None


def wake(db: sqlite3.Connection) -> None:
    """Have every open case looked at again: routes, silences or channels have changed."""
    db.execute(f"UPDATE incident SET next_at = 0 WHERE state NOT IN ({_ENDED})")


def _in_brands(brands: Sequence[str] | None) -> tuple[str, list[object]]:
    if brands is None:
        return "", []
    return f" AND brand_id IN ({', '.join('?' * len(brands))})", list(brands)


def _case(db: sqlite3.Connection, incident_id: str) -> Case:
    found = _cases(db, [incident_id])
    if not found:
        raise UnknownThing(f"没有事件“{incident_id}” / no such incident: {incident_id}")
    return found[0]


def _cases(db: sqlite3.Connection, ids: Sequence[str]) -> list[Case]:
    incidents: dict[str, Incident] = {}
    alerts: dict[str, list[Alert]] = {}
    for row in _chosen(db, "SELECT * FROM incident WHERE id IN", ids):
        incidents[row["id"]] = _incident(row)
    for row in _chosen(
        db, "SELECT * FROM alert INDEXED BY alert_incident WHERE incident_id IN", ids
    ):
        alerts.setdefault(row["incident_id"], []).append(alert_of(row))
    # The alerts of a merged incident have moved; one of them still speaks for it.
    moved = {i.lead: i.id for i in incidents.values() if i.merged_into}
    for row in _chosen(db, "SELECT * FROM alert WHERE id IN", list(moved)):
        alerts.setdefault(moved[row["id"]], []).append(alert_of(row))
    return [
        Case(incidents[i], tuple(sorted(alerts.get(i, ()), key=lambda a: (a.fired_at, a.id))))
        for i in ids
        if i in incidents
    ]


def _told(db: sqlite3.Connection, ids: Sequence[str]) -> dict[str, dict[str, Told]]:
    told: dict[str, dict[str, Told]] = {}
    for row in _chosen(db, f"SELECT {', '.join(_TOLD)} FROM told WHERE incident_id IN", ids):
        told.setdefault(row["incident_id"], {})[row["channel_id"]] = Told(*row)
    return told


def _chosen(db: sqlite3.Connection, query: str, ids: Sequence[str]) -> Iterable[sqlite3.Row]:
    return db.execute(
        f"{query} (SELECT value FROM json_each(?))", (json.dumps(list(ids)),)
    ).fetchall()


def _write(
    db: sqlite3.Connection, changes: Sequence[Change], cases: Sequence[Case], tell: Tell
) -> None:
    """Write changes down, then what is to be told of the cases as they now stand."""
    for change in changes:
        for alert in change.changed:
            put_alert(db, alert)
        db.executemany(
            f"INSERT INTO alert_event ({', '.join(EVENT_COLUMNS)}) VALUES (?, ?, ?, ?, ?, ?)",
            [tuple(asdict(event)[name] for name in EVENT_COLUMNS) for event in change.events],
        )
    told = _told(db, [case.incident.id for case in cases])
    lanes = db.execute(
        "SELECT channel_id, count(*), min(created_at) FILTER (WHERE event = 'alert.digest')"
        " FROM delivery WHERE state = 'pending' GROUP BY channel_id"
    ).fetchall()
    outcome = tell(
        [(case, told.get(case.incident.id, {})) for case in cases],
        {channel: count for channel, count, _ in lanes},
        {channel: since for channel, _, since in lanes if since is not None},
    )
    for case in cases:
        row = asdict(case.incident) | {"next_at": outcome.next_at.get(case.incident.id)}
        db.execute(
            f"INSERT OR REPLACE INTO incident ({', '.join(_COLUMNS)})"
            f" VALUES ({', '.join('?' * len(_COLUMNS))})",
            [row[name] for name in _FIELDS],
        )
    db.executemany(
        f"INSERT OR REPLACE INTO told ({', '.join(_TOLD)}) VALUES ({', '.join('?' * len(_TOLD))})",
        [tuple(asdict(told)[name] for name in _TOLD) for told in outcome.told],
    )
    put_deliveries(db, outcome.deliveries)


def _incident(row: sqlite3.Row) -> Incident:
    values = {name: row[column] for name, column in zip(_FIELDS, _COLUMNS, strict=True)}
    return Incident(**values | {"historical": bool(row["historical"]), "drill": bool(row["drill"])})
