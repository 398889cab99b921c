"""From what is stored to incidents: find what is alarming, weigh it, carry incidents on.

Event time throughout. Counts are judged bin by bin (`track`), of brands as a whole and of their
larger platforms and aspects; single mentions (`signs`) as soon as they are stored. What is found
too late is recorded as historical and told to nobody.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import structlog

from monitor import alerts, incidents
from monitor.aggregate import BIN, SUMS
from monitor.detect import DEFAULT, PARTS, Policy, Signal, Silence, exact
from monitor.detect import SEVERITIES as SEVERITY_NAMES
from monitor.domain import ENDED
from monitor.errors import StoreUnavailable
from monitor.indices import crisis_index, level_of
from monitor.signs import Signs
from monitor.store import Cursor, Part, Store
from monitor.track import HISTORY, Track
from monitor.weigh import Weigher

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from monitor.alerts import Assessment
    from monitor.detect import Episode
    from monitor.domain import Alert, Brand
    from monitor.evidence.distinctive import Cut
    from monitor.incidents import Case, Change
    from monitor.room import Room

MOST_A_LOOK = 200
"""Brands whose signals are weighed in one look, the gravest first; the others come next."""

MOST_PARTS = 2000
LEAST_OF_PART = 200
PARTS_SECONDS = 6 * 3600
_VOLUME = SUMS.index("volume")

log = structlog.get_logger("tingfeng.watch")


class Watcher:
    """Looks at every brand that changed and carries its incidents on.

    Parameters
    ----------
    store : Store
    room : Room
        Where incidents are changed.
    max_age : int
        Seconds after the end of a bin in which its anomaly is still news.
    cut : callable
        Cuts texts into words.
    policy : Policy
        What counts as a burst.

    """

    def __init__(
        self, store: Store, room: Room, *, max_age: int, cut: Cut, policy: Policy = DEFAULT
    ) -> None:
        rollups = store.rollups
        self._store = store
        self._room = room
        self._max_age = max_age
        self._brands = Track(policy, rollups.bins, rollups.first_bin)
        self._parts = Track(stricter(policy), rollups.part_bins, self._first_of_parts)
        self._weigher = Weigher(store, cut)
        self._signs = Signs(store, cut, self._weigher)
        self._found: dict[str, list[Signal]] = {}
        self._chosen: list[Part] = []
        self._chosen_at = self._followed_to = 0

    @property
    def waiting(self) -> int:
        """How many alarming brands the last look left for the next."""
        return len(self._found)

    def look(self, now: int) -> list[Change]:
        """Judge what is new up to the last closed bin; returns the changes made and stored.

        Where very many brands alarm at once the gravest are weighed now, the others next time.
        """
        last = now - now % BIN
        brands = {brand.id: brand for brand in self._store.brands.all()}
        held = self._store.rollups.cursors()
        due = {
            brand: cursor for brand in brands if (cursor := held.get(brand, Cursor())).is_due(last)
        }
        self._gather(brands, due, last, now)
        order = sorted(self._found, key=lambda brand: _gravity(self._found[brand]), reverse=True)
        changes: list[Change] = []
        for brand in order[:MOST_A_LOOK]:
            changes += self._deal_with(brands[brand], self._found.pop(brand), due, now)
        if self._found:
            log.warning("too_many_alarms", brands_left=len(self._found))
        changes += self._follow(brands, last, now)
        # A brand that is left stays due, lest a restart forget what was found.
        self._store.rollups.move_cursors(
            last, {b: c.generation for b, c in due.items() if b not in self._found}
        )
        return changes

    # -- what is alarming ----------------------------------------------------------------------

    def _gather(
        self, brands: Mapping[str, Brand], due: dict[str, Cursor], last: int, now: int
    ) -> None:
        """Put what is found under its brand; a brand that cannot be judged stays due."""
        self._found = {b: signals for b, signals in self._found.items() if b in brands}
        for signal in self._counted(brands, due, last, now):
            self._found.setdefault(signal.series, []).append(signal)
        for brand in list(due):
            try:
                signals = self._signs.of(brands[brand], due[brand], now)
            except StoreUnavailable:
                raise
            except Exception:
                # One brand that fails must not end the watch over all others.
                log.exception("brand_not_judged", brand=brand)
                del due[brand]
            else:
                if signals:
                    self._found.setdefault(brand, []).extend(signals)

    def _counted(
        self, brands: Mapping[str, Brand], due: Mapping[str, Cursor], last: int, now: int
    ) -> list[Signal]:
        """Signals of the bins that are due, of brands and of parts; none while no bin is."""
        since = {b: c.since for b, c in due.items() if c.judged_to != last or c.since < last}
        if not since:
            return []
        born = {brand.id: brand.created_at for brand in brands.values()}
        signals = [s for found in self._brands.step(born, since, last).values() for s in found]
        parts = {p.name: p for p in self._parts_of(brands, now)}
        found = self._parts.step(
            {name: born[part.brand] for name, part in parts.items()},
            {name: since[part.brand] for name, part in parts.items() if part.brand in since},
            last,
        )
        whole = self._brands.present.episodes()
        parts_found = (_of_part(signal) for each in found.values() for signal in each)
        signals += [signal for signal in parts_found if _stands_out(signal, whole)]
        # A detector names a bin by its end; what begins begins with the bin.
        return [replace(signal, onset=signal.onset - BIN) for signal in signals]

    def _parts_of(self, brands: Mapping[str, Brand], now: int) -> list[Part]:
        if not 0 <= now - self._chosen_at < PARTS_SECONDS:
            self._chosen_at = now
            largest = self._store.rollups.largest_parts(
                now - HISTORY, least=LEAST_OF_PART, limit=MOST_PARTS
            )
            silent = (_platform_of(alert) for alert in self._store.alerts.of_rule("no_data"))
            self._chosen = list(dict.fromkeys([*largest, *silent]))
        return [part for part in self._chosen if part.brand in brands]

    def _first_of_parts(self, names: Sequence[str], since: int) -> int | None:
        brands = sorted({Part.of(name).brand for name in names})
        return self._store.rollups.first_bin(brands, since)

    # -- incidents -----------------------------------------------------------------------------

    def _deal_with(
        self, brand: Brand, signals: Sequence[Signal], due: dict[str, Cursor], now: int
    ) -> list[Change]:
        changes: list[Change] = []
        try:
            news = [
                (signal, assessment)
                for signal in alerts.merged(signals)
                if (assessment := self._weighed(brand, signal, now))
            ]
            # The gravest first, the brand before its parts: it opens the incident, and one
            # message tells of the whole look.
            news.sort(key=_weight, reverse=True)
            for signal, assessment in news:
                changes += _some(self._carry_on(signal, assessment, now))
        except StoreUnavailable:
            raise
        except Exception:
            log.exception("brand_not_judged", brand=brand.id)
            due.pop(brand.id, None)
        return changes

    def _weighed(self, brand: Brand, signal: Signal, now: int) -> Assessment | None:
        """Weigh a signal that calls for an alert, or says more than the one it belongs to."""
        _, held = self._known(signal)
        news = held is None or alerts.is_news(signal, held, now, self._max_age)
        if news or (held and held.state not in ENDED and alerts.says_more(signal, held)):
            return self._weigher.weigh(brand, signal)
        return None

    def _known(self, signal: Signal) -> tuple[list[Case], Alert | None]:
        """Return the recent cases of a signal's brand, and the alert that it belongs to."""
        cases = self._store.incidents.of_brand(signal.series, signal.bin_end - incidents.LASTING)
        recent = [alert for case in cases for alert in case.alerts]
        return cases, alerts.matching(signal, recent) or alerts.beside(signal, recent)

    def _carry_on(self, signal: Signal, assessment: Assessment, now: int) -> Change | None:
        cases, held = self._known(signal)
        if held is None or alerts.is_news(signal, held, now, self._max_age):
            alert = alerts.fire(signal, assessment, now, self._max_age, after=held)
            return self._enter(alert, held, cases, now)
        level = level_of(crisis_index(assessment.factors))

        def step(case: Case) -> Change | None:
            known = next((alert for alert in case.alerts if alert.id == held.id), held)
            newer = alerts.extend(known, signal, assessment, now)
            return None if newer is None else incidents.carry_on(case, newer, level, now)

        return self._room.change(held.incident_id, step, now)

    def _enter(
        self, alert: Alert, held: Alert | None, cases: Sequence[Case], now: int
    ) -> Change | None:
        """Put a new alert into the incident it belongs to, or open one."""
        if alert.historical:
            return self._room.open(incidents.begin(alert, now), now)
        case = incidents.home(alert, cases)
        if case is None and held is not None and not held.historical:
            case = next((c for c in cases if c.incident.id == held.incident_id), None)
        if case is None:
            return self._room.open(incidents.begin(alert, now), now)

        def step(present: Case) -> Change | None:
            # Judged as it stands now: a person may have ended it since it was read.
            speaks = incidents.speaks_again(present, alert)
            return incidents.join(present, alert, now) if speaks else None

        return self._room.change(case.incident.id, step, now)

    # -- what goes on --------------------------------------------------------------------------

    def _follow(self, brands: Mapping[str, Brand], last: int, now: int) -> list[Change]:
        """Carry on what alarms without a new signal, and say where data stopped or came back."""
        if self._followed_to == last:
            return []
        self._followed_to = last
        alarming: dict[str, list[Episode]] = {}
        for track in (self._brands, self._parts):
            for name, episode in track.present.episodes().items():
                brand = Part.of(name).brand if "\n" in name else name
                alarming.setdefault(brand, []).append(episode)
        changes: list[Change] = []
        for incident in self._store.incidents.standing(list(alarming)):
            if any(episode.last > incident.last_bin for episode in alarming[incident.brand]):
                step = partial(_lasting, alarming[incident.brand], now)
                changes += _some(self._room.change(incident.id, step, now))
        return changes + self._silences(brands, last, now)

    def _silences(self, brands: Mapping[str, Brand], last: int, now: int) -> list[Change]:
        """Tell of platforms that fell silent; what was told holds until one is heard again."""
        silent = {
            part: silence
            for silence in self._parts.present.silences()
            if (part := Part.of(silence.series)).kind == "platform" and part.brand in brands
        }
        changes: list[Change] = []
        for alert in self._store.alerts.of_rule("no_data"):
            part = _platform_of(alert)
            if part in silent or part.brand not in brands:
                continue
            if self._is_heard(part, alert.onset, last):
                settled = self._room.change(
                    alert.incident_id, lambda case: incidents.settle(case, now), now
                )
                changes += _some(settled)
            else:
                # Its habit is not known yet after a start, or no more after a month.
                silent[part] = Silence(part.name, alert.onset, last, alert.expected, alert.score)
        for part, silence in silent.items():
            changes += self._deal_with(brands[part.brand], [_no_data(part, silence)], {}, now)
        return changes

    def _is_heard(self, part: Part, since: int, until: int) -> bool:
        sums = self._store.rollups.by_platform(part.brand, since, until).get(part.value)
        return sums is not None and sums[_VOLUME] > 0


def stricter(policy: Policy) -> Policy:
    """Return the policy for parts of brands, which are many, from that for whole brands."""
    return exact(policy, policy.threshold + PARTS.threshold - DEFAULT.threshold)


def _gravity(signals: Sequence[Signal]) -> tuple[int, float]:
    return max((SEVERITY_NAMES.index(s.severity), s.score) for s in signals)


def _weight(news: tuple[Signal, Assessment]) -> tuple[float, bool]:
    signal, assessment = news
    return crisis_index(assessment.factors), not (signal.platform or signal.aspect)


def _stands_out(signal: Signal, whole: Mapping[str, Episode]) -> bool:
    """Whether a part's signal says more than its brand's own alarm of that time."""
    episode = whole.get(signal.series)
    if episode is None or signal.bin_end < episode.onset - alerts.EPISODE_GAP:
        return True
    return signal.score > episode.top


def _of_part(signal: Signal) -> Signal:
    part = Part.of(signal.series)
    if part.kind == "platform":
        return replace(signal, series=part.brand, platform=part.value)
    return replace(signal, series=part.brand, aspect=part.value)


def _platform_of(alert: Alert) -> Part:
    return Part(alert.brand, "platform", alert.platform or "")


def _no_data(part: Part, silence: Silence) -> Signal:
    return Signal(
        series=part.brand,
        rule="no_data",
        bin_end=silence.until,
        onset=silence.since,
        score=silence.score,
        expected=silence.expected,
        seen=0,
        window=silence.until - silence.since,
        total=0,
        severity="warning",
        escalation=False,
        platform=part.value,
    )


def _lasting(episodes: Sequence[Episode], now: int, case: Case) -> Change | None:
    """Let a case go on as far as the latest of the episodes that it may be of."""
    latest_first = sorted(episodes, key=lambda episode: episode.last, reverse=True)
    changes = (incidents.lasting(case, e.last, now, onset=e.onset) for e in latest_first)
    return next((change for change in changes if change), None)


def _some(change: Change | None) -> list[Change]:
    return [change] if change else []
