"""The embedded store: one SQLite file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from monitor.store.sqlite.adapters import Adapters, Rereads
from monitor.store.sqlite.alerts import Alerts, Outbox
from monitor.store.sqlite.corrections import Corrections
from monitor.store.sqlite.database import Database
from monitor.store.sqlite.mentions import Mentions
from monitor.store.sqlite.registry import Brands, Channels, Keys, Leases
from monitor.store.sqlite.rollups import Rollups

if TYPE_CHECKING:
    from pathlib import Path


class SqliteStore:
    """Everything that is kept, each kind behind its own door."""

    def __init__(self, path: Path) -> None:
        self._database = Database(path)
        self.brands = Brands(self._database)
        self.keys = Keys(self._database)
        self.channels = Channels(self._database)
        self.leases = Leases(self._database)
        self.mentions = Mentions(self._database)
        self.corrections = Corrections(self._database)
        self.adapters = Adapters(self._database)
        self.rereads = Rereads(self._database)
        self.rollups = Rollups(self._database)
        self.alerts = Alerts(self._database)
        self.outbox = Outbox(self._database)

    def migrate(self) -> None:
        """Bring the tables up to date."""
        self._database.migrate()

    def ping(self) -> None:
        """Raise StoreUnavailable unless the store can be read."""
        with self._database.read() as db:
            db.execute("SELECT 1 FROM sequence").fetchone()

    def close(self) -> None:
        """Close this thread's connection."""
        self._database.close()
