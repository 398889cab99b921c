"""Where incidents are changed, by the watch, by people and by time alike.

Read, step and write happen in one transaction, the messages that follow included.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from monitor import incidents, notices
from monitor.domain import Told
from monitor.incidents import Case, Change

if TYPE_CHECKING:
    from monitor.links import Links
    from monitor.store import Store

Step = Callable[[Case], Change | None]
Known = Sequence[tuple[Case, Mapping[str, Told]]]

_CHUNK = 500
_CHUNKS = 40


class Room:
    """Where incidents are changed.

    Parameters
    ----------
    store : Store
    links : Links

    """

    def __init__(self, store: Store, links: Links) -> None:
        self._store = store
        self.links = links

    def open(self, change: Change, now: int) -> Change | None:
        """Store a new incident and its messages; None where it stands there already."""
        return change if self._store.incidents.open(change, self._tell(now)) else None

    def change(self, incident_id: str, step: Step, now: int) -> Change | None:
        """Apply a step to an incident as it stands now; None where the step changed nothing.

        Raises what the step raises, and UnknownThing.
        """
        return self._store.incidents.change(incident_id, step, self._tell(now))

    def merge(self, incident_id: str, other_id: str, actor: str, now: int) -> tuple[Change, Change]:
        """Put the alerts of one incident under another; raises Conflict and UnknownThing."""

        def step(case: Case, other: Case) -> tuple[Change, Change]:
            return incidents.merge(case, other, actor=actor, now=now)

        return self._store.incidents.merge(incident_id, other_id, step, self._tell(now))

    def pass_time(self, now: int) -> list[Change]:
        """Do what is due by the clock: clocks that ran out, reminders, what was held back."""
        changes: list[Change] = []
        for _ in range(_CHUNKS):
            if not self._store.incidents.are_due(now):
                break
            changes += self._store.incidents.pass_time(
                now,
                _CHUNK,
                lambda case: incidents.pass_time(case, now),
                self._tell(now, together=True),
            )
        return changes

    def _tell(
        self, now: int, *, together: bool = False
    ) -> Callable[[Known, Mapping[str, int], Mapping[str, int]], notices.Outcome]:
        def tell(
            cases: Known, waiting: Mapping[str, int], digests: Mapping[str, int]
        ) -> notices.Outcome:
            plan = self._plan(cases, now)
            outcome = notices.tell(cases, plan, waiting, now, digests=digests, together=together)
            if together:
                # What has just been looked at is not due again in the same second.
                outcome.next_at = {
                    incident: None if at is None else max(at, now + 1)
                    for incident, at in outcome.next_at.items()
                }
            return outcome

        return tell

    def _plan(self, cases: Known, now: int) -> notices.Plan:
        store = self._store
        return notices.Plan(
            channels=store.channels.all(),
            brands=store.brands.named({case.incident.brand for case, _ in cases}),
            tree=store.documents.tree(),
            silences=store.silences.at(now),
            page=lambda case: self.links.page(case.incident.lead),
            acknowledge=lambda case, channel: self.links.acknowledge(
                case.incident.id, channel.id, now
            ),
        )
