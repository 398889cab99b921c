"""The embedded store: one SQLite file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from monitor.store.sqlite.adapters import Adapters, Rereads
from monitor.store.sqlite.alerts import Alerts, Outbox
from monitor.store.sqlite.corrections import Corrections
from monitor.store.sqlite.database import Database
from monitor.store.sqlite.desk import Documents, Silences
from monitor.store.sqlite.incidents import Incidents
from monitor.store.sqlite.mentions import Mentions
from monitor.store.sqlite.notable import Notable
from monitor.store.sqlite.recovery import (
    Actions,
    Complaints,
    Drafts,
    Playbooks,
    Reviews,
    Tasks,
)
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
        self.notable = Notable(self._database)
        self.incidents = Incidents(self._database)
        self.alerts = Alerts(self._database)
        self.silences = Silences(self._database)
        self.documents = Documents(self._database)
        self.outbox = Outbox(self._database)
        self.playbooks = Playbooks(self._database)
        self.tasks = Tasks(self._database)
        self.drafts = Drafts(self._database)
        self.reviews = Reviews(self._database)
        self.actions = Actions(self._database)
        self.complaints = Complaints(self._database)

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
