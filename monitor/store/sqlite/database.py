"""Connections to one SQLite file: one a thread, every write an immediate transaction."""

from __future__ import annotations

import contextlib
import fcntl
import os
import sqlite3
import threading
from typing import TYPE_CHECKING

from sqlite_utils import Database as UtilsDatabase

from monitor.errors import StoreUnavailable
from monitor.store.sqlite.schema import migrations

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BUSY_SECONDS = 10.0
# Anything else is a bug of ours and must not look like something that passes.
_CONDITIONS = (
    *("SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_FULL", "SQLITE_IOERR", "SQLITE_CANTOPEN"),
    *("SQLITE_CORRUPT", "SQLITE_NOTADB", "SQLITE_READONLY", "SQLITE_PERM", "SQLITE_NOMEM"),
)


class Database:
    """One SQLite file, WAL, `synchronous=FULL`: what is committed survives power loss."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._local = threading.local()

    def migrate(self) -> None:
        """Bring the tables up to date; safe to call from several processes at once."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with (
            _translated(),
            _alone(self.path.with_name(self.path.name + ".lock")),
            contextlib.closing(self._open()) as connection,
        ):
            migrations.apply(UtilsDatabase(connection, execute_plugins=False))

    @contextlib.contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """Give a connection that sees one snapshot for as long as the block lasts."""
        with _translated():
            connection = self._connection()
            if connection.in_transaction:
                yield connection
                return
            connection.execute("BEGIN")
            try:
                yield connection
            finally:
                connection.execute("ROLLBACK")

    @contextlib.contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """Give a connection inside BEGIN IMMEDIATE; commit at the end, roll back on any error.

        Raises StoreUnavailable where the file is locked, full or out of reach.
        """
        with _translated():
            connection = self._connection()
            # A deferred BEGIN fails at its first write when another writer came between.
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                with contextlib.suppress(sqlite3.Error):
                    connection.execute("ROLLBACK")
                raise

    @contextlib.contextmanager
    def joined(self) -> Iterator[sqlite3.Connection]:
        """Write inside the transaction of this thread, in one of its own where there is none."""
        connection = self._connection()
        if connection.in_transaction:
            yield connection
            return
        with self.write() as own:
            yield own

    def close(self) -> None:
        """Close this thread's connection."""
        connection = getattr(self._local, "connection", None)
        if connection is not None:
            connection.close()
            self._local.connection = None

    def _connection(self) -> sqlite3.Connection:
        # A connection must not cross a fork.
        if getattr(self._local, "pid", None) != os.getpid():
            self._local.pid = os.getpid()
            self._local.connection = None
        connection: sqlite3.Connection | None = self._local.connection
        if connection is None:
            connection = self._local.connection = self._open()
        return connection

    def _open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self.path, timeout=BUSY_SECONDS, isolation_level=None, cached_statements=256
        )
        connection.row_factory = sqlite3.Row
        for pragma in (
            "journal_mode = WAL",
            "synchronous = FULL",
            "cache_size = -32768",
            "temp_store = MEMORY",
            "wal_autocheckpoint = 4000",
        ):
            connection.execute(f"PRAGMA {pragma}")
        return connection


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (sqlite3.DatabaseError, OSError) as error:
        if isinstance(error, sqlite3.Error) and not _is_a_condition(error):
            raise
        raise StoreUnavailable(
            f"数据库暂不可用（{error}），请稍后重试 / the store is not available, try again later"
        ) from error


def _is_a_condition(error: sqlite3.Error) -> bool:
    return getattr(error, "sqlite_errorname", "").startswith(_CONDITIONS)


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[None]:
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
