"""Alerts, their timelines and the outbox; an alert and its deliveries commit together."""

from __future__ import annotations

import json
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any

from monitor.domain import LEVELS, Alert, AlertEvent, Delivery
from monitor.errors import UnknownThing

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Sequence

    from monitor.alerts import Change
    from monitor.store.sqlite.database import Database

_FIELDS = tuple(f.name for f in fields(Alert))
_COLUMNS = tuple("brand_id" if name == "brand" else name for name in _FIELDS)
_JSON = frozenset({"factors", "summary", "evidence"})


_LANE = 2
_LONGEST_WAIT = 86_400
_CLAIM = """
UPDATE delivery SET lease_owner = :owner, lease_until = :now + :lease WHERE id IN (
    SELECT id FROM (
        SELECT id, urgency, created_at, row_number() OVER (
            PARTITION BY channel_id ORDER BY urgency DESC, created_at, id
        ) AS place
        FROM delivery d
        WHERE state = 'pending'
        AND (next_at <= :now OR next_at > :now + :longest)
        AND (lease_until <= :now OR lease_until > :now + :lease)
        AND NOT EXISTS (
            SELECT 1 FROM delivery o WHERE o.alert_id = d.alert_id AND o.state = 'pending'
            AND o.channel_id = d.channel_id AND (o.created_at, o.id) < (d.created_at, d.id)
        )
    ) WHERE place <= :lane ORDER BY urgency DESC, created_at, id LIMIT :limit
) RETURNING *
"""


class Alerts:
    """Alerts and their timelines."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def add(
        self, alert: Alert, events: Sequence[AlertEvent], deliveries: Sequence[Delivery]
    ) -> bool:
        """Write a new alert, its timeline and its messages.

        False where the id is taken, or the brand is gone.
        """
        with self._db.write() as db:
            held = db.execute("SELECT 1 FROM alert WHERE id = ?", (alert.id,)).fetchone()
            brand = db.execute("SELECT 1 FROM brand WHERE id = ?", (alert.brand,)).fetchone()
            if held or not brand:
                return False
            _put(db, alert)
            _tell(db, events)
            _send(db, deliveries)
            return True

    def change(
        self,
        alert_id: str,
        step: Callable[[Alert], Change | None],
        messages: Callable[[Change], Sequence[Delivery]],
    ) -> Change | None:
        """Apply a step to an alert as it stands inside the transaction, and write what follows.

        Nobody's change is lost to a copy that somebody else read earlier.
        """
        with self._db.write() as db:
            change = step(_get(db, alert_id))
            if change is not None:
                _put(db, change.alert)
                _tell(db, change.events)
                _send(db, messages(change))
            return change

    def get(self, alert_id: str) -> Alert:
        """One alert; raises UnknownThing."""
        with self._db.read() as db:
            return _get(db, alert_id)

    def of_brand(self, brand: str, since: int) -> list[Alert]:
        """A brand's alerts that are open, or whose last bin is not before `since`."""
        with self._db.read() as db:
            rows = db.execute(
                "SELECT * FROM alert WHERE brand_id = ? AND (state <> 'resolved' OR last_bin >= ?)"
                " ORDER BY onset",
                (brand, since),
            ).fetchall()
        return [_alert(row) for row in rows]

    def timeline(self, alert_id: str) -> list[AlertEvent]:
        """An alert's timeline, oldest first."""
        with self._db.read() as db:
            rows = db.execute(
                "SELECT alert_id, at, actor, action, note FROM alert_event WHERE alert_id = ?"
                " ORDER BY id",
                (alert_id,),
            ).fetchall()
        return [AlertEvent(*row) for row in rows]

    def page(
        self,
        *,
        brands: Sequence[str] | None,
        states: Sequence[str],
        levels: Sequence[str],
        historical: bool | None,
        before: tuple[int, str] | None,
        limit: int,
    ) -> list[Alert]:
        """Newest alerts first, after the cursor `before` = (fired_at, id)."""
        where, values = ["1"], []
        for column, wanted in (("brand_id", brands), ("state", states), ("level", levels)):
            if wanted is not None and (wanted or column == "brand_id"):
                where.append(f"{column} IN ({', '.join('?' * len(wanted))})")
                values += list(wanted)
        if historical is not None:
            where.append("historical = ?")
            values.append(historical)  # type: ignore[arg-type]
        if before is not None:
            where.append("(fired_at, id) < (?, ?)")
            values += before  # type: ignore[arg-type]
        with self._db.read() as db:
            rows = db.execute(
                f"SELECT * FROM alert WHERE {' AND '.join(where)}"
                " ORDER BY fired_at DESC, id DESC LIMIT ?",
                (*values, limit),
            ).fetchall()
        return [_alert(row) for row in rows]

    def open_counts(self) -> dict[str, tuple[int, str]]:
        """For each brand with open alerts, how many and the highest level among them."""
        counts: dict[str, tuple[int, str]] = {}
        with self._db.read() as db:
            for brand, level in db.execute(
                "SELECT brand_id, level FROM alert WHERE state <> 'resolved' AND historical = 0"
            ):
                n, highest = counts.get(brand, (0, "none"))
                counts[brand] = (n + 1, max(highest, level, key=LEVELS.index))
        return counts


class Outbox:
    """Messages to be delivered: leased, repeated with the same id, dead letters kept."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def add(self, deliveries: Sequence[Delivery]) -> None:
        """Put messages into the outbox."""
        with self._db.write() as db:
            _send(db, deliveries)

    def claim(self, owner: str, now: int, lease_seconds: int, limit: int) -> list[Delivery]:
        """Lease what is due, most urgent first; a lease that ran out is given again.

        At most two for a channel, so that a silent one holds up no other; of one alert a channel
        hears in order. Times too far ahead were written before the clock was set back.
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

    def of_alert(self, alert_id: str) -> list[Delivery]:
        """The messages about an alert, oldest first."""
        with self._db.read() as db:
            rows = db.execute(
                "SELECT * FROM delivery WHERE alert_id = ? ORDER BY created_at, id", (alert_id,)
            ).fetchall()
        return [_delivery(row) for row in rows]

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
    return _alert(row)


def _put(db: sqlite3.Connection, alert: Alert) -> None:
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


def _tell(db: sqlite3.Connection, events: Sequence[AlertEvent]) -> None:
    db.executemany(
        "INSERT INTO alert_event (alert_id, at, actor, action, note) VALUES (?, ?, ?, ?, ?)",
        [(e.alert_id, e.at, e.actor, e.action, e.note) for e in events],
    )


def _send(db: sqlite3.Connection, deliveries: Sequence[Delivery]) -> None:
    # The id names the alert, the event and the channel: what stands there already is not repeated.
    db.executemany(
        "INSERT OR IGNORE INTO delivery (id, channel_id, alert_id, event, payload, urgency, state,"
        " attempts, next_at, created_at) VALUES (?, ?, ?, ?, ?, ?, 'pending', 0, ?, ?)",
        [
            (
                d.id,
                d.channel_id,
                d.alert_id,
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
    # A rise must not overtake the first message about the same alert.
    db.executemany(
        "UPDATE delivery SET urgency = max(urgency, ?) WHERE alert_id = ? AND state = 'pending'",
        [(_urgency(d), d.alert_id) for d in deliveries if d.alert_id],
    )


def _urgency(delivery: Delivery) -> int:
    alert: Any = delivery.payload.get("alert") or {}
    level = alert.get("level", "none")
    return LEVELS.index(level) if level in LEVELS else 0


def _alert(row: sqlite3.Row) -> Alert:
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
    )
