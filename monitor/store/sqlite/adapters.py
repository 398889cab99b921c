"""What was learned from brands' corrections, version by version, and history read again by it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Literal

from models.adapter import Adapter
from monitor.errors import Conflict
from monitor.store.sqlite.registry import Brands, _brand_of
from monitor.store.sqlite.relabel import Change, relabel

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping

    from monitor.domain import Reading
    from monitor.store.sqlite.database import Database

State = Literal["live", "retired", "refused"]
REFUSED_KEPT = 20
"""Refused versions kept for a brand and platform, the newest."""
SETTLE_SECONDS = 30
"""How long history waits after a change: batches under way read by the rules before it."""
_FROM_THE_TOP = (1 << 62, 1 << 62)
_PLACE = "brand_id = ? AND platform = ?"
_COLUMNS = "id, brand_id, platform, base, state, created_at, live_since, report"
_DUE = """
SELECT c.brand_id FROM correction c JOIN brand b ON b.id = c.brand_id
LEFT JOIN (SELECT brand_id, max(created_at) AS tried_at FROM adapter GROUP BY brand_id) a
    ON a.brand_id = c.brand_id
GROUP BY c.brand_id
HAVING count(DISTINCT c.mention_id) >= :labels
    AND count(DISTINCT iif(c.at >= coalesce(a.tried_at, 0), c.mention_id, NULL)) >= :new
UNION
SELECT d.brand_id FROM adapter d JOIN brand b ON b.id = d.brand_id
WHERE d.state = 'live' AND :base <> '' AND d.base <> :base AND NOT EXISTS (
    SELECT 1 FROM adapter n WHERE n.brand_id = d.brand_id AND n.base = :base)
ORDER BY 1
"""


@dataclass(frozen=True, slots=True)
class Version:
    """An adapter as it is kept; `platform` is '' for all, `base` names the weights beneath it.

    `report` holds the figures by which it went live or was refused.
    """

    id: str
    brand: str
    platform: str
    base: str
    state: State
    created_at: int
    live_since: int | None
    report: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Reread:
    """A brand whose history is read again, newest first, and the last mention that was."""

    brand: str
    requested_at: int
    after: tuple[int, int]


class Adapters:
    """Adapters; at most one of a brand and platform is live."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def live(self, base: str | None = None) -> dict[tuple[str, str], Adapter]:
        """The live adapters, by (brand, platform or ''); only those learned on `base`, if given."""
        with self._db.read() as db:
            rows = db.execute(
                "SELECT a.brand_id, a.platform, a.arrays FROM adapter a"
                " JOIN brand b ON b.id = a.brand_id"
                " WHERE a.state = 'live' AND (? IS NULL OR a.base = ?)",
                (base, base),
            ).fetchall()
        return {(row[0], row[1]): Adapter.from_bytes(row[2]) for row in rows}

    def versions(self, brand: str, platform: str | None = None) -> list[Version]:
        """Every version kept of a brand, newest first; of one platform ('' for all), if given."""
        with self._db.read() as db:
            rows = db.execute(
                f"SELECT {_COLUMNS} FROM adapter WHERE brand_id = ? AND (? IS NULL OR platform = ?)"
                " ORDER BY created_at DESC, id",
                (brand, platform, platform),
            )
            return [_version(row) for row in rows]

    def due(self, base: str, *, labels: int, new: int) -> list[str]:
        """The brands worth learning anew.

        Those with `labels` labelled mentions, `new` of them labelled since it was last tried, and
        those whose live adapter was learned on other weights than `base`, unless that is ''.
        """
        with self._db.read() as db:
            rows = db.execute(_DUE, {"base": base, "labels": labels, "new": new})
            return [row[0] for row in rows]

    def add(
        self,
        adapter: Adapter,
        report: dict[str, Any],
        now: int,
        *,
        brand: str,
        platform: str,
        base: str,
        live: bool,
    ) -> Version:
        """Keep a version; where it goes live, the one before retires and history is read again.

        Raises UnknownThing where the brand is gone.
        """
        place = (brand, platform)
        name = "\0".join((brand, platform, base, adapter.version, str(now)))
        row = (
            sha256(name.encode()).hexdigest()[:16],
            *place,
            base,
            "live" if live else "refused",
            now,
            now if live else None,
            json.dumps(report, ensure_ascii=False),
        )
        with self._db.write() as db:
            _brand_of(db, brand)
            if live:
                db.execute(
                    f"UPDATE adapter SET state = 'retired' WHERE {_PLACE} AND state = 'live'", place
                )
                _changed(db, brand, now)
            db.execute(
                f"INSERT OR REPLACE INTO adapter ({_COLUMNS}, arrays)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (*row, adapter.to_bytes()),
            )
            db.execute(
                f"DELETE FROM adapter WHERE {_PLACE} AND state = 'refused' AND id NOT IN"
                f" (SELECT id FROM adapter WHERE {_PLACE} AND state = 'refused'"
                " ORDER BY created_at DESC, id LIMIT ?)",
                (*place, *place, REFUSED_KEPT),
            )
            return _version_of(db, row[0])

    def rollback(self, brand: str, platform: str, now: int) -> Version | None:
        """Put the version before the live one in its place, or none; history is read again.

        Returns the version that is live now, None where the shipped weights read alone. Raises
        UnknownThing without the brand, Conflict where none is live.
        """
        place = (brand, platform)
        with self._db.write() as db:
            _brand_of(db, brand)
            held = db.execute(
                f"SELECT id, created_at FROM adapter WHERE {_PLACE} AND state = 'live'", place
            ).fetchone()
            if held is None:
                raise Conflict(
                    f"品牌“{brand}”没有生效的适配版本，无可回退 / no adapter of {brand} is live"
                )
            db.execute("UPDATE adapter SET state = 'retired' WHERE id = ?", (held["id"],))
            before = db.execute(
                f"SELECT id FROM adapter WHERE {_PLACE} AND state = 'retired' AND created_at < ?"
                " ORDER BY created_at DESC, id LIMIT 1",
                (*place, held["created_at"]),
            ).fetchone()
            if before is not None:
                db.execute(
                    "UPDATE adapter SET state = 'live', live_since = ? WHERE id = ?",
                    (now, before["id"]),
                )
            _changed(db, brand, now)
            return None if before is None else _version_of(db, before["id"])


class Rereads:
    """Brands whose history waits to be read again."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def request(self, brand: str, now: int) -> None:
        """Have a brand's history read again from its newest mention; raises UnknownThing."""
        with self._db.write() as db:
            _brand_of(db, brand)
            _request(db, brand, now)

    def next(self, now: int) -> Reread | None:
        """The reread that waits longest, once the batches under way before it are through."""
        with self._db.read() as db:
            row = db.execute(
                "SELECT r.* FROM reread r JOIN brand b ON b.id = r.brand_id"
                " WHERE r.requested_at <= ? ORDER BY r.requested_at, r.brand_id LIMIT 1",
                (now - SETTLE_SECONDS,),
            ).fetchone()
        if row is None:
            return None
        return Reread(row["brand_id"], row["requested_at"], (row["after_at"], row["after_id"]))

    def write(
        self,
        reread: Reread,
        readings: Mapping[int, Reading],
        after: tuple[int, int] | None,
        now: int,
    ) -> bool:
        """Write a chunk's readings by mention id, and how far it went.

        `after` is None at the end of history. Corrected labels stay in force.

        Returns False, with nothing written, where the reread was asked for anew meanwhile, taken
        further by another process, or its brand deleted.
        """
        place = (reread.brand, reread.requested_at, *reread.after)
        where = "brand_id = ? AND requested_at = ? AND after_at = ? AND after_id = ?"
        with self._db.write() as db:
            if after is None:
                held = db.execute(f"DELETE FROM reread WHERE {where}", place)
            else:
                held = db.execute(
                    f"UPDATE reread SET after_at = ?, after_id = ? WHERE {where}", (*after, *place)
                )
            if held.rowcount:
                changes = [Change(reread.brand, i, reading) for i, reading in readings.items()]
                relabel(db, changes, now)
            return bool(held.rowcount)


def _changed(db: sqlite3.Connection, brand: str, now: int) -> None:
    # Every process looks brands up anew by this count, and their adapters with them.
    Brands._count_change(db)
    _request(db, brand, now)


def _request(db: sqlite3.Connection, brand: str, now: int) -> None:
    db.execute("INSERT OR REPLACE INTO reread VALUES (?, ?, ?, ?)", (brand, now, *_FROM_THE_TOP))


def _version_of(db: sqlite3.Connection, adapter_id: str) -> Version:
    return _version(
        db.execute(f"SELECT {_COLUMNS} FROM adapter WHERE id = ?", (adapter_id,)).fetchone()
    )


def _version(row: sqlite3.Row) -> Version:
    return Version(
        row["id"],
        row["brand_id"],
        row["platform"],
        row["base"],
        row["state"],
        row["created_at"],
        row["live_since"],
        json.loads(row["report"]),
    )
