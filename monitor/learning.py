"""Responding and learning over a store: checklists, drafts, reviews, insights and outcomes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from monitor import feedback, playbooks, review, statements
from monitor.aggregate import SUMS, total
from monitor.errors import Conflict, InputError, StoreUnavailable, UnknownThing
from monitor.feedback import Share, Subject

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from monitor.feedback import Action, Counts, Insight, Kind, Outcome
    from monitor.names import Language
    from monitor.playbooks import Playbook, Task, Template
    from monitor.review import Replay, Review, Statistics
    from monitor.statements import Draft
    from monitor.store import Store

_HOUR = 3600
_AT_ONCE = 20
_REVIEW_SECONDS = 60
_NEG, _VOLUME = SUMS.index("neg"), SUMS.index("volume")
_FACETS = ("aspect", "intent")

log = structlog.get_logger("tingfeng.learning")


class Learning:
    """What follows from incidents, as of `now` (UTC seconds)."""

    def __init__(self, store: Store, now: int) -> None:
        self._store = store
        self._now = now

    def playbooks(self) -> list[Playbook]:
        """Return the playbooks in force, the shipped ones included."""
        return playbooks.in_force(self._store.playbooks.all())

    def checklist(self, incident_id: str) -> list[Task]:
        """Bring an incident's checklist up to its level, and return it; raises UnknownThing."""
        case = self._store.incidents.get(incident_id)
        held = {task.id: task for task in self._store.tasks.of(incident_id)}
        wanted = playbooks.tasks_for(self.playbooks(), case.incident, case.alerts, self._now)
        if not any(playbooks.is_news(task, held.get(task.id)) for task in wanted):
            return list(held.values())
        self._store.tasks.put(wanted)
        return self._store.tasks.of(incident_id)

    def templates(self, incident_id: str) -> dict[str, Template]:
        """Return the statements that an incident may start from, by their keys."""
        case = self._store.incidents.get(incident_id)
        return playbooks.templates_for(self.playbooks(), case.incident, case.alerts)

    def draft(self, incident_id: str, key: str, *, actor: str, language: Language) -> Draft:
        """Write a draft of a template and keep it; raises UnknownThing for either."""
        template = self.templates(incident_id).get(key)
        if template is None:
            raise UnknownThing(f"没有声明模板“{key}” / no such template: {key}")
        case = self._store.incidents.get(incident_id)
        brand = self._store.brands.get(case.incident.brand)
        values = statements.facts(brand, case.incident, case.alerts, self._now, language)
        made = statements.draft(
            key, template, case.incident, values, actor=actor, now=self._now, language=language
        )
        self._store.drafts.add(made)
        return made

    def review(self, incident_id: str, replays: Sequence[Replay] | None = None) -> Review:
        """Make an incident's review from what is known now, and keep it.

        Without `replays`, those of its former review stay. Raises UnknownThing.
        """
        store = self._store
        case = store.incidents.get(incident_id)
        brand = store.brands.get(case.incident.brand)
        spans = review.windows(case.incident, self._now)
        lasted = next(window for window in spans if window.name == "during")
        hours = store.rollups.series(brand.id, lasted.start, lasted.end, _HOUR)
        made = review.make_review(
            review.Material(
                brand=brand,
                case=case,
                events=store.incidents.timeline(incident_id),
                sums={
                    window.name: total(
                        store.rollups.by_platform(brand.id, window.start, window.end).values()
                    )
                    for window in spans
                },
                hours={hour: round(sums[_NEG]) for hour, sums in hours},
                tasks=store.tasks.of(incident_id),
                drafts=store.drafts.of(incident_id),
                actions=store.actions.of_incident(incident_id),
                replays=self._replays(incident_id) if replays is None else replays,
            ),
            self._now,
        )
        store.reviews.put(made)
        return made

    def _replays(self, incident_id: str) -> Sequence[Replay]:
        try:
            return self._store.reviews.get(incident_id).replays
        except UnknownThing:
            return ()

    def make_reviews(self, limit: int = 20, failed: set[str] | None = None) -> int:
        """Make the reviews that are missing or worth making anew; return how many were.

        `failed` names incidents to be left out; one whose review cannot be made is added.
        """
        failed = set() if failed is None else failed
        due = self._store.reviews.due(self._now, limit + len(failed))
        made = 0
        for incident_id in [due_id for due_id in due if due_id not in failed][:limit]:
            if _is_done(self.review, incident_id):
                made += 1
            else:
                failed.add(incident_id)
        return made

    def statistics(self, brands: Sequence[str] | None, start: int, end: int) -> Statistics:
        """Summarise the incidents opened in [start, end), of some brands or of all (None)."""
        cases = self._store.incidents.between(brands, start, end)
        events = self._store.reviews.timelines([case.incident.id for case in cases])
        alerts = [alert for case in cases for alert in case.alerts]
        return review.statistics([case.incident for case in cases], alerts, events)

    def insights(self, brand: str, start: int, end: int) -> list[Insight]:
        """Tell what [start, end) says of aspects and requests, against as long a window before."""
        before = start - (end - start)
        return feedback.insights(
            self._facets(brand, start, end),
            self._facets(brand, before, start),
            (self._volume(brand, start, end), self._volume(brand, before, start)),
            self._store.complaints.about(brand, start, end),
        )

    def subject(self, brand: str, kind: Kind, name: str, start: int, end: int) -> Subject:
        """Return what an action is to be about; raises InputError where nobody complains of it."""
        labels = self._facets(brand, start, end).get((feedback.facet_of(kind), name), {})
        complaints = feedback.complaints_of(kind, labels)
        if not complaints:
            raise InputError(
                "这段时间没有这方面的投诉，请核对名称与时间 / "
                "nobody complains of it in this window: check its name and the times",
                field="insight.name",
            )
        mentions = self._store.complaints.about(brand, start, end).get((kind, name), [])
        return Subject(kind, name, start, end, complaints, tuple(mentions))

    def outcome(self, action: Action, days: int = feedback.DAYS) -> Outcome:
        """Tell whether complaints fell after an action; raises Conflict before a day has passed."""
        spans = feedback.spans(action, self._now, days)
        if spans is None:
            raise Conflict(
                "行动完成满一天后才能比较 / an action can be judged a day after it was done"
            )
        before, after = (self._share(action, start, end) for start, end in spans)
        return feedback.outcome(before, after, name=action.insight.name, days=days)

    def _share(self, action: Action, start: int, end: int) -> Share:
        about = action.insight
        facet = feedback.facet_of(about.kind)
        labels = self._facets(action.brand, start, end).get((facet, about.name), {})
        return Share(
            feedback.complaints_of(about.kind, labels),
            self._volume(action.brand, start, end),
            start,
            end,
        )

    def _facets(self, brand: str, start: int, end: int) -> Counts:
        return self._store.rollups.facet_labels(brand, start, end, _FACETS)

    def _volume(self, brand: str, start: int, end: int) -> int:
        sums = total(self._store.rollups.by_platform(brand, start, end).values())
        return round(sums[_VOLUME])


def _is_done(step: Callable[[str], object], incident_id: str) -> bool:
    """Take a step for one incident; one that fails must not end those for all others."""
    try:
        step(incident_id)
    except StoreUnavailable:
        raise
    except UnknownThing:
        pass  # a brand may be deleted meanwhile, with all that is about it
    except Exception:
        log.exception("incident_not_followed_up", incident=incident_id)
        return False
    return True


class FollowUp:
    """Keeps checklists and reviews up to date with their incidents, a few at a time."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._seen = (0, "")
        self._reviewed_at = 0
        self._failed: set[str] = set()

    def step(self, now: int) -> None:
        """Look at incidents that changed before this second; once a minute, at reviews."""
        learning = Learning(self._store, now)
        # Behind a clock that was set back nothing would be new for long.
        seen = self._seen if self._seen[0] < now else (0, "")
        changed = self._store.tasks.behind(seen, now, _AT_ONCE)
        for _, incident_id in changed:
            _is_done(learning.checklist, incident_id)
        self._seen = changed[-1] if changed else seen
        if not 0 <= now - self._reviewed_at < _REVIEW_SECONDS:
            self._reviewed_at = now
            learning.make_reviews(_AT_ONCE, self._failed)
