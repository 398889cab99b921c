"""What decides who hears of what: silences, and the documents that people edit as a whole."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from monitor import routing
from monitor.domain import Silence
from monitor.errors import UnknownThing
from monitor.store.sqlite.incidents import wake

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping, Sequence

    from monitor.store.sqlite.database import Database

ROUTING = "routing"
_OF_BRANDS = """(
    EXISTS (
        SELECT 1 FROM incident WHERE id = silence.incident_id
        AND brand_id IN (SELECT value FROM json_each(:brands))
    ) OR json_type(matchers, '$.brand') IS NOT NULL AND NOT EXISTS (
        SELECT 1 FROM json_each(matchers, '$.brand')
        WHERE value NOT IN (SELECT value FROM json_each(:brands))
    )
)"""


class Silences:
    """Times in which some alerts are not to be told."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def add(self, silence: Silence) -> None:
        """Add a silence."""
        with self._db.write() as db:
            db.execute(
                "INSERT INTO silence (id, matchers, starts_at, ends_at, created_by, reason,"
                " incident_id) VALUES (?, ?, ?, ?, ?, ?, ?)",
                (
                    silence.id,
                    json.dumps(dict(silence.matchers), ensure_ascii=False),
                    silence.starts_at,
                    silence.ends_at,
                    silence.created_by,
                    silence.reason,
                    silence.incident_id,
                ),
            )
            wake(db)

    def get(self, silence_id: str) -> Silence:
        """One silence; raises UnknownThing."""
        with self._db.read() as db:
            return _silence_of(db, silence_id)

    def end(self, silence_id: str, now: int) -> Silence:
        """End a silence now, or before it begins; raises UnknownThing."""
        with self._db.write() as db:
            _silence_of(db, silence_id)
            db.execute(
                "UPDATE silence SET ends_at = min(ends_at, ?) WHERE id = ?", (now, silence_id)
            )
            wake(db)
            return _silence_of(db, silence_id)

    def at(self, now: int) -> list[Silence]:
        """The silences that hold at a time."""
        with self._db.read() as db:
            rows = db.execute(
                "SELECT * FROM silence WHERE starts_at <= ? AND ends_at > ? ORDER BY id", (now, now)
            ).fetchall()
        return [_silence(row) for row in rows]

    def all(self, limit: int, brands: Sequence[str] | None = None) -> list[Silence]:
        """The latest silences, those that end last first; with `brands`, of these alone."""
        where = "1" if brands is None else _OF_BRANDS
        with self._db.read() as db:
            rows = db.execute(
                f"SELECT * FROM silence WHERE {where} ORDER BY ends_at DESC, id LIMIT :limit",
                {"limit": limit, "brands": json.dumps(brands)},
            ).fetchall()
        return [_silence(row) for row in rows]


class Documents:
    """Whole documents: the routing tree."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def tree(self) -> routing.Tree:
        """The routing tree; without one everybody is told."""
        with self._db.read() as db:
            return tree_of(db)

    def put_tree(self, tree: routing.Tree, now: int) -> None:
        """Put a routing tree in force; raises InputError where it names what does not exist."""
        with self._db.write() as db:
            routing.check(tree, [row[0] for row in db.execute("SELECT id FROM channel")])
            _put(db, ROUTING, routing.written(tree), now)


def tree_of(db: sqlite3.Connection) -> routing.Tree:
    """Read the routing tree."""
    row = db.execute("SELECT body FROM document WHERE name = ?", (ROUTING,)).fetchone()
    return routing.Tree() if row is None else routing.read(json.loads(row[0]))


def _put(db: sqlite3.Connection, name: str, body: Mapping[str, Any], now: int) -> None:
    db.execute(
        "INSERT OR REPLACE INTO document VALUES (?, ?, ?)",
        (name, json.dumps(body, ensure_ascii=False), now),
    )
    wake(db)


def _silence_of(db: sqlite3.Connection, silence_id: str) -> Silence:
    row = db.execute("SELECT * FROM silence WHERE id = ?", (silence_id,)).fetchone()
    if row is None:
        raise UnknownThing(f"没有静默“{silence_id}” / no such silence: {silence_id}")
    return _silence(row)


def _silence(row: sqlite3.Row) -> Silence:
    matchers = {name: tuple(values) for name, values in json.loads(row["matchers"]).items()}
    return Silence(
        row["id"],
        matchers,
        row["starts_at"],
        row["ends_at"],
        row["created_by"],
        row["reason"],
        row["incident_id"],
    )
