"""Brands, keys, channels and leases: the small tables that people and the worker change."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from monitor import routing
from monitor.domain import Brand, Channel
from monitor.errors import Conflict, UnknownThing
from monitor.keys import ApiKey
from monitor.store.sqlite.desk import tree_of
from monitor.store.sqlite.incidents import wake

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Collection

    from monitor.store.sqlite.database import Database

_CHANNEL_COLUMNS = "id, kind, name, config, brands, min_level, language, enabled"
_BRAND_TABLES = (
    *("reading", "rollup", "facet", "author_day", "cluster_brand", "detect_cursor"),
    *("correction", "adapter", "reread"),
)
_INCIDENT_TABLES = ("alert_event", "delivery", "told", "task", "draft", "review")


class Brands:
    """The brands that mentions are matched to."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def all(self) -> list[Brand]:
        """Every brand, by id."""
        with self._db.read() as db:
            return [_brand(row) for row in db.execute("SELECT * FROM brand ORDER BY id")]

    def named(self, ids: Collection[str]) -> dict[str, Brand]:
        """Those of these brands that there are."""
        with self._db.read() as db:
            rows = db.execute(
                "SELECT * FROM brand WHERE id IN (SELECT value FROM json_each(?))",
                (json.dumps(sorted(ids)),),
            ).fetchall()
        return {row["id"]: _brand(row) for row in rows}

    def version(self) -> int:
        """How often brands were added, changed or deleted."""
        with self._db.read() as db:
            row = db.execute("SELECT value FROM sequence WHERE name = 'brands'").fetchone()
            return int(row[0]) if row else 0

    def get(self, brand_id: str) -> Brand:
        """One brand; raises UnknownThing."""
        with self._db.read() as db:
            return _brand_of(db, brand_id)

    def add(self, brand: Brand) -> None:
        """Add a brand; raises Conflict where the id is taken."""
        with self._db.write() as db:
            if db.execute("SELECT 1 FROM brand WHERE id = ?", (brand.id,)).fetchone():
                raise Conflict(f"品牌“{brand.id}”已存在 / the brand exists already: {brand.id}")
            self._put(db, brand)

    def change(self, brand_id: str, step: Callable[[Brand], Brand]) -> Brand:
        """Put what `step` makes of a brand in its place; raises UnknownThing."""
        with self._db.write() as db:
            newer = step(_brand_of(db, brand_id))
            self._put(db, newer)
            return newer

    def delete(self, brand_id: str) -> None:
        """Delete a brand with its readings, sums and alerts; the mentions stay."""
        with self._db.write() as db:
            if not db.execute("DELETE FROM brand WHERE id = ?", (brand_id,)).rowcount:
                raise UnknownThing(f"没有品牌“{brand_id}” / no such brand: {brand_id}")
            incidents = "(SELECT id FROM incident WHERE brand_id = ?)"
            for table in _INCIDENT_TABLES:
                db.execute(f"DELETE FROM {table} WHERE incident_id IN {incidents}", (brand_id,))
            for table in (*_BRAND_TABLES, "alert", "incident", "action"):
                db.execute(f"DELETE FROM {table} WHERE brand_id = ?", (brand_id,))
            self._count_change(db)

    @staticmethod
    def _count_change(db: sqlite3.Connection) -> None:
        # Times will not do: two changes may share a second.
        db.execute(
            "INSERT INTO sequence VALUES ('brands', 1) ON CONFLICT DO UPDATE SET value = value + 1"
        )

    def _put(self, db: sqlite3.Connection, brand: Brand) -> None:
        row = asdict(brand)
        for name in ("aliases", "exclude", "competitors", "aspects"):
            row[name] = json.dumps(row[name], ensure_ascii=False)
        names = ", ".join(row)
        db.execute(
            f"INSERT OR REPLACE INTO brand ({names}) VALUES ({', '.join('?' * len(row))})",
            list(row.values()),
        )
        self._count_change(db)


class Keys:
    """API keys; only their hashes are kept."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def add(self, key: ApiKey, digest: bytes) -> None:
        """Store a new key."""
        with self._db.write() as db:
            db.execute(
                "INSERT INTO api_key (id, name, hash, scopes, brands, created_at, expires_at)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                (
                    key.id,
                    key.name,
                    digest,
                    " ".join(sorted(key.scopes)),
                    None if key.brands is None else json.dumps(sorted(key.brands)),
                    key.created_at,
                    key.expires_at,
                ),
            )

    def all(self) -> list[ApiKey]:
        """Every key, newest first."""
        with self._db.read() as db:
            return [_key(r) for r in db.execute("SELECT * FROM api_key ORDER BY created_at DESC")]

    def by_hash(self, digest: bytes) -> ApiKey | None:
        """The key with this hash, revoked and expired ones included."""
        with self._db.read() as db:
            row = db.execute("SELECT * FROM api_key WHERE hash = ?", (digest,)).fetchone()
        return _key(row) if row else None

    def by_id(self, key_id: str) -> ApiKey | None:
        """The key with this id."""
        with self._db.read() as db:
            row = db.execute("SELECT * FROM api_key WHERE id = ?", (key_id,)).fetchone()
        return _key(row) if row else None

    def revoke(self, key_id: str, now: int) -> None:
        """Revoke a key; raises UnknownThing."""
        with self._db.write() as db:
            changed = db.execute(
                "UPDATE api_key SET revoked_at = coalesce(revoked_at, ?) WHERE id = ?",
                (now, key_id),
            ).rowcount
        if not changed:
            raise UnknownThing(f"没有密钥“{key_id}” / no such key: {key_id}")


class Channels:
    """Where alerts are sent."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def all(self) -> list[Channel]:
        """Every channel, by id."""
        with self._db.read() as db:
            return [_channel(row) for row in db.execute("SELECT * FROM channel ORDER BY id")]

    def find(self, channel_id: str) -> Channel | None:
        """One channel, or None."""
        return next((c for c in self.all() if c.id == channel_id), None)

    def get(self, channel_id: str) -> Channel:
        """One channel; raises UnknownThing."""
        with self._db.read() as db:
            return _channel_of(db, channel_id)

    def add(self, channel: Channel, now: int) -> None:
        """Add a channel; raises Conflict where the id is taken."""
        with self._db.write() as db:
            if db.execute("SELECT 1 FROM channel WHERE id = ?", (channel.id,)).fetchone():
                raise Conflict(
                    f"渠道“{channel.id}”已存在 / the channel exists already: {channel.id}"
                )
            db.execute(
                f"INSERT INTO channel ({_CHANNEL_COLUMNS}, created_at)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (*_channel_row(channel), now),
            )
            wake(db)

    def change(self, channel_id: str, step: Callable[[Channel], Channel]) -> Channel:
        """Put what `step` makes of a channel in its place; raises UnknownThing."""
        with self._db.write() as db:
            newer = step(_channel_of(db, channel_id))
            db.execute(
                f"UPDATE channel SET ({_CHANNEL_COLUMNS}) = (?, ?, ?, ?, ?, ?, ?, ?) WHERE id = ?",
                (*_channel_row(newer), channel_id),
            )
            wake(db)
            return newer

    def delete(self, channel_id: str) -> None:
        """Delete a channel; what is still to be sent to it becomes a dead letter.

        Raises UnknownThing, and Conflict where the routing tree names it.
        """
        with self._db.write() as db:
            if channel_id in routing.named_channels(tree_of(db)):
                raise Conflict(
                    f"路由还在使用渠道“{channel_id}”，请先修改路由 / "
                    f"the routing tree names this channel: change the tree first: {channel_id}"
                )
            if not db.execute("DELETE FROM channel WHERE id = ?", (channel_id,)).rowcount:
                raise UnknownThing(f"没有渠道“{channel_id}” / no such channel: {channel_id}")
            wake(db)


class Leases:
    """Who may lead: one owner a name, until a time."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def take(self, name: str, owner: str, now: int, seconds: int) -> bool:
        """Take or renew a lease; False where another owner holds it.

        One that would last longer than `seconds` from now was taken before the clock was set back,
        and is over too.
        """
        with self._db.write() as db:
            return bool(
                db.execute(
                    "INSERT INTO lease VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET"
                    " owner = excluded.owner, until = excluded.until"
                    " WHERE owner = excluded.owner OR until <= ? OR until > ?",
                    (name, owner, now + seconds, now, now + seconds),
                ).rowcount
            )

    def give_back(self, name: str, owner: str) -> None:
        """Release a lease one holds."""
        with self._db.write() as db:
            db.execute("DELETE FROM lease WHERE name = ? AND owner = ?", (name, owner))


def _brand_of(db: sqlite3.Connection, brand_id: str) -> Brand:
    row = db.execute("SELECT * FROM brand WHERE id = ?", (brand_id,)).fetchone()
    if row is None:
        raise UnknownThing(f"没有品牌“{brand_id}” / no such brand: {brand_id}")
    return _brand(row)


def _brand(row: sqlite3.Row) -> Brand:
    return Brand(
        row["id"],
        row["name"],
        tuple(json.loads(row["aliases"])),
        tuple(json.loads(row["exclude"])),
        tuple(json.loads(row["competitors"])),
        row["timezone"],
        row["created_at"],
        row["updated_at"],
        {name: tuple(words) for name, words in json.loads(row["aspects"]).items()},
    )


def _key(row: sqlite3.Row) -> ApiKey:
    return ApiKey(
        row["id"],
        row["name"],
        frozenset(row["scopes"].split()),
        None if row["brands"] is None else frozenset(json.loads(row["brands"])),
        row["created_at"],
        row["expires_at"],
        row["revoked_at"],
    )


def _channel_of(db: sqlite3.Connection, channel_id: str) -> Channel:
    row = db.execute("SELECT * FROM channel WHERE id = ?", (channel_id,)).fetchone()
    if row is None:
        raise UnknownThing(f"没有渠道“{channel_id}” / no such channel: {channel_id}")
    return _channel(row)


def _channel(row: sqlite3.Row) -> Channel:
    return Channel(
        row["id"],
        row["kind"],
        row["name"],
        json.loads(row["config"]),
        tuple(json.loads(row["brands"])),
        row["min_level"],
        row["language"],
        bool(row["enabled"]),
    )


def _channel_row(channel: Channel) -> tuple[object, ...]:
    return (
        channel.id,
        channel.kind,
        channel.name,
        json.dumps(channel.config, ensure_ascii=False),
        json.dumps(channel.brands),
        channel.min_level,
        channel.language,
        channel.enabled,
    )
