"""Alerts as they are read back, and the outbox; incidents.py writes both."""

from __future__ import annotations

import json
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any

from monitor.domain import ENDED, LEVELS, Alert, AlertEvent, Delivery
from monitor.errors import UnknownThing

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection, Sequence

    from monitor.store.sqlite.database import Database

_FIELDS = tuple(f.name for f in fields(Alert))
_COLUMNS = tuple("brand_id" if name == "brand" else name for name in _FIELDS)
_JSON = frozenset({"factors", "summary", "evidence"})
_ENDED = ", ".join(f"'{state}'" for state in sorted(ENDED))
EVENT_COLUMNS = tuple(f.name for f in fields(AlertEvent))

_LANE = 2
_DAY = 86_400
_LONGEST_WAIT = _DAY
_SENT_KEPT, _DEAD_KEPT, _LINKS_KEPT = 90 * _DAY, 180 * _DAY, 7 * _DAY
_FORGOTTEN_AT_ONCE = 10_000
_CLAIM = """
UPDATE delivery SET lease_owner = :owner, lease_until = :now + :lease WHERE id IN (
    SELECT id FROM (
        SELECT id, urgency, created_at, row_number() OVER (
            PARTITION BY channel_id ORDER BY urgency DESC, created_at, id
        ) AS place
        FROM delivery d
        WHERE state = 'pending'
        AND channel_id NOT IN (SELECT value FROM json_each(:busy))
        AND (next_at <= :now OR next_at > :now + :longest)
        AND (lease_until <= :now OR lease_until > :now + :lease)
        AND NOT EXISTS (
            SELECT 1 FROM delivery o WHERE o.incident_id = d.incident_id AND o.state = 'pending'
            AND o.channel_id = d.channel_id AND (o.created_at, o.id) < (d.created_at, d.id)
        )
    ) WHERE place <= :lane ORDER BY urgency DESC, created_at, id LIMIT :limit
) RETURNING *
"""

_LEADS = "id = (SELECT lead FROM incident WHERE incident.id = alert.incident_id)"


class Alerts:
    """Alerts, one by one; what happens to them happens to their incidents."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def get(self, alert_id: str) -> Alert:
        """One alert; raises UnknownThing."""
        with self._db.read() as db:
            return _get(db, alert_id)

    def of_brand(self, brand: str, since: int) -> list[Alert]:
        """A brand's alerts that are open, or whose last bin is not before `since`."""
        with self._db.read() as db:
            rows = db.execute(
                "SELECT * FROM alert WHERE brand_id = ?"
                f" AND (state NOT IN ({_ENDED}) OR last_bin >= ?) ORDER BY onset",
                (brand, since),
            ).fetchall()
        return [alert_of(row) for row in rows]

    def of_rule(self, rule: str) -> list[Alert]:
        """The open alerts of a rule."""
        with self._db.read() as db:
            rows = db.execute(
                f"SELECT * FROM alert WHERE rule = ? AND state NOT IN ({_ENDED})"
                " AND historical = 0",
                (rule,),
            ).fetchall()
        return [alert_of(row) for row in rows]

    def page(
        self,
        *,
        brands: Sequence[str] | None,
        states: Sequence[str],
        levels: Sequence[str],
        historical: bool | None,
        before: tuple[int, str] | None,
        limit: int,
        lead: bool | None = None,
    ) -> list[Alert]:
        """Newest alerts first, after the cursor `before` = (fired_at, id).

        With `lead`, those that speak for their incident, or the others.
        """
        where, values = ["1"], []
        for column, wanted in (("brand_id", brands), ("state", states), ("level", levels)):
            if wanted is not None and (wanted or column == "brand_id"):
                where.append(f"{column} IN ({', '.join('?' * len(wanted))})")
                values += list(wanted)
        if historical is not None:
            where.append("historical = ?")
            values.append(historical)  # type: ignore[arg-type]
        if lead is not None:
            where.append(f"{'' if lead else 'NOT '}{_LEADS}")
        if before is not None:
            where.append("(fired_at, id) < (?, ?)")
            values += before  # type: ignore[arg-type]
        with self._db.read() as db:
            rows = db.execute(
                f"SELECT * FROM alert WHERE {' AND '.join(where)}"
                " ORDER BY fired_at DESC, id DESC LIMIT ?",
                (*values, limit),
            ).fetchall()
        return [alert_of(row) for row in rows]

    def open_counts(self) -> dict[str, tuple[int, str]]:
        """For each brand with open alerts, exercises left out, incidents and the highest level."""
        incidents: dict[str, dict[str, str]] = {}
        with self._db.read() as db:
            for brand, incident, level in db.execute(
                f"SELECT brand_id, incident_id, level FROM alert WHERE state NOT IN ({_ENDED})"
                " AND historical = 0 AND rule <> 'drill'"
            ):
                highest = incidents.setdefault(brand, {})
                highest[incident] = max(highest.get(incident, level), level, key=LEVELS.index)
        return {
            brand: (len(levels), max(levels.values(), key=LEVELS.index))
            for brand, levels in incidents.items()
        }


class Outbox:
    """Messages to be delivered: leased, repeated with the same id, dead letters kept."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def add(self, deliveries: Sequence[Delivery]) -> None:
        """Put messages into the outbox."""
        with self._db.write() as db:
            put_deliveries(db, deliveries)

    def claim(
        self, owner: str, now: int, lease_seconds: int, limit: int, busy: Collection[str] = ()
    ) -> list[Delivery]:
        """Lease what is due, most urgent first; a lease that ran out is given again.

        At most two for a channel, none for `busy` ones, so that a silent one holds up no other; of
        one incident a channel hears in order. Times too far ahead were written before the clock
        was set back.
        """
        with self._db.write() as db:
            rows = db.execute(
                _CLAIM,
                {
                    "owner": owner,
                    "now": now,
                    "lease": lease_seconds,
                    "longest": _LONGEST_WAIT,
                    "lane": _LANE,
                    "limit": limit,
                    "busy": json.dumps(list(busy)),
                },
            ).fetchall()
        rows.sort(key=lambda row: (-row["urgency"], row["created_at"]))
        return [_delivery(row) for row in rows]

    def sent(self, delivery_id: str, now: int, owner: str) -> None:
        """Record that a leased message arrived; a lease lost meanwhile records nothing."""
        self._settle("state = 'sent', sent_at = ?, last_error = NULL", (now,), delivery_id, owner)

    def failed(
        self, delivery_id: str, _now: int, owner: str, error: str, next_at: int | None
    ) -> None:
        """Record a failure: to be tried again at `next_at`, or a dead letter where it is None."""
        if next_at is None:
            self._settle("state = 'dead', last_error = ?", (error,), delivery_id, owner)
        else:
            self._settle("next_at = ?, last_error = ?", (next_at, error), delivery_id, owner)

    def _settle(
        self, change: str, values: tuple[object, ...], delivery_id: str, owner: str
    ) -> None:
        with self._db.write() as db:
            db.execute(
                f"UPDATE delivery SET {change}, attempts = attempts + 1, lease_owner = NULL,"
                " lease_until = 0"
                " WHERE id = ? AND lease_owner = ? AND state = 'pending'",
                (*values, delivery_id, owner),
            )

    def postpone(self, delivery_id: str, owner: str, next_at: int) -> None:
        """Give a leased message back, to be sent later; it has not failed."""
        with self._db.write() as db:
            db.execute(
                "UPDATE delivery SET next_at = ?, lease_owner = NULL, lease_until = 0"
                " WHERE id = ? AND lease_owner = ? AND state = 'pending'",
                (next_at, delivery_id, owner),
            )

    def of_incident(self, incident_id: str) -> list[Delivery]:
        """The messages about an incident, oldest first."""
        with self._db.read() as db:
            rows = db.execute(
                "SELECT * FROM delivery WHERE incident_id = ? ORDER BY created_at, id",
                (incident_id,),
            ).fetchall()
        return [_delivery(row) for row in rows]

    def get(self, delivery_id: str) -> Delivery:
        """One message; raises UnknownThing."""
        with self._db.read() as db:
            row = db.execute("SELECT * FROM delivery WHERE id = ?", (delivery_id,)).fetchone()
        if row is None:
            raise UnknownThing(f"没有消息“{delivery_id}” / no such delivery: {delivery_id}")
        return _delivery(row)

    def page(
        self,
        *,
        states: Sequence[str] = (),
        channel: str | None = None,
        before: tuple[int, str] | None = None,
        limit: int = 20,
    ) -> list[Delivery]:
        """Newest messages first, after the cursor `before` = (created_at, id)."""
        where, values = ["1"], list[object]()
        if states:
            where.append(f"state IN ({', '.join('?' * len(states))})")
            values += states
        if channel is not None:
            where.append("channel_id = ?")
            values.append(channel)
        if before is not None:
            where.append("(created_at, id) < (?, ?)")
            values += before
        with self._db.read() as db:
            rows = db.execute(
                f"SELECT * FROM delivery WHERE {' AND '.join(where)}"
                " ORDER BY created_at DESC, id DESC LIMIT ?",
                (*values, limit),
            ).fetchall()
        return [_delivery(row) for row in rows]

    def replay(self, delivery_id: str, now: int) -> bool:
        """Send a dead letter again, with the same id; False where it is not dead."""
        with self._db.write() as db:
            done = db.execute(
                "UPDATE delivery SET state = 'pending', attempts = 0, next_at = ?"
                " WHERE id = ? AND state = 'dead'",
                (now, delivery_id),
            )
            return done.rowcount == 1

    def forget(self, now: int) -> None:
        """Drop messages sent over 90 days ago, dead letters after 180, used links after 7.

        At most 10 000 messages a time.
        """
        with self._db.read() as db:
            old = db.execute(
                "SELECT id FROM delivery WHERE (state = 'sent' AND sent_at < ?)"
                " OR (state = 'dead' AND next_at < ?) LIMIT ?",
                (now - _SENT_KEPT, now - _DEAD_KEPT, _FORGOTTEN_AT_ONCE),
            ).fetchall()
        with self._db.write() as db:
            db.executemany("DELETE FROM delivery WHERE id = ? AND state <> 'pending'", old)
            db.execute("DELETE FROM spent_link WHERE spent_at < ?", (now - _LINKS_KEPT,))

    def counts(self) -> dict[str, int]:
        """How many messages are in each state."""
        with self._db.read() as db:
            return dict(
                db.execute("SELECT state, count(*) FROM delivery GROUP BY state").fetchall()
            )

    def oldest_pending(self) -> int | None:
        """When the oldest message still to be sent was written (UTC seconds)."""
        with self._db.read() as db:
            row = db.execute(
                "SELECT min(created_at) FROM delivery WHERE state = 'pending'"
            ).fetchone()
        return None if row[0] is None else int(row[0])


def _get(db: sqlite3.Connection, alert_id: str) -> Alert:
    row = db.execute("SELECT * FROM alert WHERE id = ?", (alert_id,)).fetchone()
    if row is None:
        raise UnknownThing(f"没有预警“{alert_id}” / no such alert: {alert_id}")
    return alert_of(row)


def put_alert(db: sqlite3.Connection, alert: Alert) -> None:
    """Write an alert, new or changed."""
    row = asdict(alert)
    values = [
        json.dumps(row[name], ensure_ascii=False) if name in _JSON else row[name]
        for name in _FIELDS
    ]
    db.execute(
        f"INSERT OR REPLACE INTO alert ({', '.join(_COLUMNS)})"
        f" VALUES ({', '.join('?' * len(values))})",
        values,
    )


def put_deliveries(db: sqlite3.Connection, deliveries: Sequence[Delivery]) -> None:
    """Put messages into the outbox; one that stands there already is not repeated."""
    db.executemany(
        "INSERT OR IGNORE INTO delivery (id, channel_id, alert_id, incident_id, event, payload,"
        " urgency, state, attempts, next_at, created_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, 'pending', 0, ?, ?)",
        [
            (
                d.id,
                d.channel_id,
                d.alert_id,
                d.incident_id,
                d.event,
                json.dumps(d.payload, ensure_ascii=False),
                _urgency(d),
                d.next_at,
                d.created_at,
            )
            for d in deliveries
        ],
    )
    _hurry(db, deliveries)


def _hurry(db: sqlite3.Connection, deliveries: Sequence[Delivery]) -> None:
    # A rise must not overtake the first message about the same incident.
    db.executemany(
        "UPDATE delivery SET urgency = max(urgency, ?) WHERE incident_id = ? AND state = 'pending'",
        [(_urgency(d), d.incident_id) for d in deliveries if d.incident_id],
    )


def _urgency(delivery: Delivery) -> int:
    alert: Any = delivery.payload.get("alert") or {}
    level = alert.get("level", "none")
    return LEVELS.index(level) if level in LEVELS else 0


def alert_of(row: sqlite3.Row) -> Alert:
    """Read an alert back."""
    values = {
        name: json.loads(row[column]) if name in _JSON else row[column]
        for name, column in zip(_FIELDS, _COLUMNS, strict=True)
    }
    values["historical"] = bool(values["historical"])
    return Alert(**values)


def _delivery(row: sqlite3.Row) -> Delivery:
    return Delivery(
        row["id"],
        row["channel_id"],
        row["alert_id"],
        row["event"],
        json.loads(row["payload"]),
        row["state"],
        row["attempts"],
        row["next_at"],
        row["created_at"],
        row["sent_at"],
        row["last_error"],
        row["incident_id"],
    )
