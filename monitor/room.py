"""Carrying a change of an alert out: read, step and write in one transaction, messages included."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from monitor import alerts
from monitor.domain import Alert, Brand, Delivery

if TYPE_CHECKING:
    from monitor.store import Store

Step = Callable[[Alert], alerts.Change | None]


class Room:
    """Where alerts are changed, by the watch and by people alike.

    Parameters
    ----------
    store : Store
    public_url : str, optional
        Where the service can be reached; messages link to it.

    """

    def __init__(self, store: Store, public_url: str | None) -> None:
        self._store = store
        self._public_url = public_url

    def open(self, change: alerts.Change, brand: Brand, now: int) -> bool:
        """Store a new alert and its messages; False where it stands there already."""
        return self._store.alerts.add(
            change.alert, change.events, self._messages(brand, now)(change)
        )

    def change(self, alert_id: str, brand: Brand, step: Step, now: int) -> alerts.Change | None:
        """Apply a step to an alert as it stands now; None where the step changed nothing.

        Raises what the step raises, and UnknownThing.
        """
        return self._store.alerts.change(alert_id, step, self._messages(brand, now))

    def link(self, alert: Alert) -> str | None:
        """Return the page of an alert, where the service has a public address."""
        return f"{self._public_url.rstrip('/')}/#/alerts/{alert.id}" if self._public_url else None

    def _messages(self, brand: Brand, now: int) -> Callable[[alerts.Change], list[Delivery]]:
        channels = self._store.channels.all()
        return lambda change: alerts.deliveries(
            change, brand, channels, now, self.link(change.alert)
        )
