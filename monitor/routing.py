"""Who may hear of an incident: the routing tree, silences, and times of the week.

The tree works as Alertmanager's: the deepest matching routes win, a route without `go_on` ends
the search among its sisters, and what a route leaves open it inherits from its parent. A channel
that several routes lead to follows the first. Pure.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping  # noqa: TC003 - Pydantic reads it
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar, get_args
from zoneinfo import ZoneInfo

from pydantic import ConfigDict, TypeAdapter, ValidationError

from monitor.domain import LEVELS, RULES, Incident, Level
from monitor.errors import InputError
from monitor.indices import at_least

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from monitor.domain import Alert, Channel, Silence

REPEAT_MINUTES = 240
DEEPEST = 10
MOST_ROUTES = 500
MOST_WINDOWS = 100
LONGEST_ESCALATION = 10
_WEEK = 7 * 24 * 60
_HOURS = re.compile(r"(?:[01]\d|2[0-3]):[0-5]\d-(?:(?:[01]\d|2[0-3]):[0-5]\d|24:00)")
_ONLY_KNOWN = ConfigDict(extra="forbid")
FIELDS = ("brand", "level", "min_level", "rule", "platform", "aspect", "topic")
"""What matchers may name; `min_level` matches that level and those above."""


Facts = dict[str, frozenset[str]]
"""What matchers look at, of one alert or of several: the values of each of FIELDS."""


def facts(incident: Incident, alerts: Sequence[Alert], level: Level | None = None) -> Facts:
    """Gather what matchers look at; of an incident's alerts, those given.

    The level is the peak unless it is given: what eases is not told to those who hear of lesser
    things.
    """
    level = level or incident.peak
    topics = {incident.topic, *(alert.topic for alert in alerts)}
    return {
        "brand": frozenset({incident.brand}),
        "level": frozenset({level}),
        "min_level": frozenset(LEVELS[: LEVELS.index(level) + 1]),
        "rule": frozenset(alert.rule for alert in alerts),
        "platform": frozenset(alert.platform for alert in alerts if alert.platform),
        "aspect": frozenset(alert.aspect for alert in alerts if alert.aspect),
        "topic": frozenset(topic for topic in topics if topic),
    }


def matches(matchers: Mapping[str, Collection[str]], known: Facts) -> bool:
    """Whether every field that is named has one of its values; without any, everything matches."""
    return not any(known[name].isdisjoint(wanted) for name, wanted in matchers.items())


@dataclass(frozen=True, slots=True)
class Window:
    """A recurring time: some weekdays (1 Monday … 7 Sunday), some hours, between some days.

    `hours` is `HH:MM-HH:MM` and may pass midnight, when it belongs to the day it began on; left
    out, a part allows everything. `first_day` and `last_day` (ISO dates) bound a maintenance.
    """

    __pydantic_config__: ClassVar = _ONLY_KNOWN

    weekdays: tuple[int, ...] = ()
    hours: str = ""
    first_day: str = ""
    last_day: str = ""
    timezone: str = "Asia/Shanghai"

    def covers(self, at: int) -> bool:
        """Whether a moment (UTC seconds) lies in the window.

        >>> Window(hours="22:00-08:00").covers(1763830800)  # 2025-11-23 01:00 in Shanghai
        True
        """
        local = datetime.fromtimestamp(at, ZoneInfo(self.timezone))
        start, end = _minutes(self.hours)
        minute = local.hour * 60 + local.minute
        if start < end:
            return start <= minute < end and self._on(local.date())
        late = minute >= start and self._on(local.date())
        return late or (minute < end and self._on(local.date() - timedelta(days=1)))

    def _on(self, day: date) -> bool:
        if self.weekdays and day.isoweekday() not in self.weekdays:
            return False
        return (not self.first_day or day >= date.fromisoformat(self.first_day)) and (
            not self.last_day or day <= date.fromisoformat(self.last_day)
        )


def _minutes(hours: str) -> tuple[int, int]:
    if not hours:
        return 0, 24 * 60
    start, end = (int(part[:2]) * 60 + int(part[3:]) for part in hours.split("-"))
    return start, end


@dataclass(frozen=True, slots=True)
class Route:
    """A branch of the tree; what is None is inherited.

    `channels` hear of it (None at the root: every channel); `wait_minutes` pass before the first
    message, `update_minutes` before one about alerts that joined (None: no such message),
    `repeat_minutes` before a reminder that nobody has answered. `mute` names windows in which
    only red is told, `active` those outside which only red is. `escalate` lists, for each time
    that the response clock runs out, the channels that are told too.
    """

    __pydantic_config__: ClassVar = _ONLY_KNOWN

    match: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    channels: tuple[str, ...] | None = None
    routes: tuple[Route, ...] = ()
    go_on: bool = False
    wait_minutes: int | None = None
    update_minutes: int | None = None
    repeat_minutes: int | None = None
    mute: tuple[str, ...] | None = None
    active: tuple[str, ...] | None = None
    escalate: tuple[tuple[str, ...], ...] | None = None

    def below(self, parent: Route) -> Route:
        """Return this route with what it leaves open taken from its parent."""
        return replace(
            self,
            **{name: getattr(parent, name) for name in _INHERITED if getattr(self, name) is None},
        )


_INHERITED = (
    "channels",
    "wait_minutes",
    "update_minutes",
    "repeat_minutes",
    "mute",
    "active",
    "escalate",
)


@dataclass(frozen=True, slots=True)
class Tree:
    """The routing tree and the windows that its routes name. The empty tree tells everybody."""

    __pydantic_config__: ClassVar = _ONLY_KNOWN

    root: Route = Route()
    windows: Mapping[str, Window] = field(default_factory=dict)

    def routes(self, known: Facts) -> list[Route]:
        """Return the routes that an incident takes, everything inherited filled in."""
        return _descend(self.root, known)

    def is_quiet(self, route: Route | None, at: int) -> bool:
        """Whether a route is to be quiet now, but for red."""
        if route is None:
            return False
        if route.active and not self._any_covers(route.active, at):
            return True
        return self._any_covers(route.mute or (), at)

    def _any_covers(self, names: Sequence[str], at: int) -> bool:
        return any(self.windows[name].covers(at) for name in names)


def _descend(route: Route, known: Facts) -> list[Route]:
    found: list[Route] = []
    for child in route.routes:
        if matches(child.match, known):
            found += _descend(child.below(route), known)
            if not child.go_on:
                break
    return found or [route]


def named_channels(tree: Tree) -> set[str]:
    """Return every channel that a tree names."""
    named: set[str] = set()
    todo = [tree.root]
    while todo:
        route = todo.pop()
        named.update(route.channels or ())
        named.update(*(route.escalate or ()))
        todo += route.routes
    return named


def check(tree: Tree, channels: Collection[str]) -> None:
    """Raise InputError, naming the place, if a tree names what does not exist or cannot be."""
    for name, window in tree.windows.items():
        _check_window(name, window)
    if tree.root.match:
        raise InputError("根路由不能有匹配条件 / the root route cannot match", field="root.match")
    _check_route("root", tree.root, tree, channels)


def _check_route(path: str, route: Route, tree: Tree, channels: Collection[str]) -> None:
    check_matchers(route.match, f"{path}.match")
    for part in ("wait_minutes", "update_minutes", "repeat_minutes"):
        _check_minutes(getattr(route, part), 0 if part == "wait_minutes" else 1, f"{path}.{part}")
    for part in ("mute", "active"):
        _check_names(getattr(route, part) or (), tree.windows, "时段", "windows", f"{path}.{part}")
    for part, names in (("channels", route.channels or ()), *_tiers(route)):
        _check_names(names, channels, "渠道", "channels", f"{path}.{part}")
    for i, child in enumerate(route.routes):
        _check_route(f"{path}.routes[{i}]", child, tree, channels)


def _tiers(route: Route) -> list[tuple[str, tuple[str, ...]]]:
    return [(f"escalate[{i}]", names) for i, names in enumerate(route.escalate or ())]


def _check_minutes(value: int | None, least: int, path: str) -> None:
    if value is not None and not least <= value <= _WEEK:
        raise InputError(
            f"须在 {least} 与 {_WEEK} 分钟之间 / must be {least} to {_WEEK} minutes",
            field=path,
        )


def _check_names(
    names: Collection[str], known: Collection[str], what: str, english: str, path: str
) -> None:
    if unknown := [name for name in names if name not in known]:
        raise InputError(
            f"没有这些{what}：{'、'.join(unknown)} / no such {english}: {', '.join(unknown)}",
            field=path,
        )


def check_matchers(matchers: Mapping[str, Collection[str]], path: str = "matchers") -> None:
    """Raise InputError for a field nobody knows, an empty list, or a value that cannot be."""
    known: dict[str, Collection[str]] = {
        "level": get_args(Level),
        "min_level": get_args(Level),
        "rule": RULES,
    }
    for name, values in matchers.items():
        if name not in FIELDS:
            raise InputError(
                f"没有“{name}”这个条件，可用的有 {'、'.join(FIELDS)} / known are"
                f" {', '.join(FIELDS)}",
                field=f"{path}.{name}",
            )
        wrong = [value for value in values if name in known and value not in known[name]]
        if not values or wrong:
            raise InputError(
                f"值无效：{'、'.join(wrong) or '空'} / not valid: {', '.join(wrong) or 'empty'}",
                field=f"{path}.{name}",
            )


def _check_window(name: str, window: Window) -> None:
    try:
        for day in (window.first_day, window.last_day):
            date.fromisoformat(day or "2000-01-01")
        ZoneInfo(window.timezone)
        fine = _HOURS.fullmatch(window.hours or "00:00-24:00") is not None
        fine = fine and (not window.hours or window.hours[:5] != window.hours[6:])
        fine = fine and set(window.weekdays) <= set(range(1, 8))
    except (ValueError, KeyError, OSError):
        fine = False
    if not fine:
        raise InputError(
            f"时段“{name}”有误：hours 形如 22:00-08:00，weekdays 为 1–7，日期形如 2026-11-11 / "
            f"window {name} is wrong: hours like 22:00-08:00, weekdays 1 to 7, ISO dates",
            field=f"windows.{name}",
        )


def is_silenced(
    incident: Incident, alerts: Sequence[Alert], silences: Sequence[Silence], now: int
) -> bool:
    """Whether every one of the alerts is under a silence that holds now."""
    active = [
        silence
        for silence in silences
        if silence.starts_at <= now < silence.ends_at and silence.incident_id in (None, incident.id)
    ]
    return bool(active and alerts) and all(
        any(matches(silence.matchers, known) for silence in active)
        for known in (facts(incident, [alert], alert.level) for alert in alerts)
    )


def fits(channel: Channel, incident: Incident) -> bool:
    """Whether a channel takes messages of this brand, and of what peaked at this level, at all."""
    return (
        channel.enabled
        and (not channel.brands or incident.brand in channel.brands)
        and at_least(incident.peak, channel.min_level)
    )


# -- as plain data ---------------------------------------------------------------------------------

_TREE = TypeAdapter(Tree)


def written(tree: Tree) -> dict[str, Any]:
    """Return a tree as plain lists and dicts, without what is left open."""
    told = _TREE.dump_python(tree, mode="json", exclude_none=True, exclude_defaults=True)
    return {"root": {}, "windows": {}, **told}


def read(document: object) -> Tree:
    """Return the tree that `written` gave as plain data.

    What its parts name is not looked up here: see `check`.

    Raises
    ------
    InputError
        For a key nobody knows, a value of the wrong kind, a tree of over DEEPEST levels,
        MOST_ROUTES routes, MOST_WINDOWS windows or LONGEST_ESCALATION tiers; `field` is the path
        to it.

    """
    try:
        tree = _TREE.validate_json(json.dumps(document), strict=True)
    except ValidationError as error:
        raise _unreadable(error) from None
    except (TypeError, ValueError, RecursionError):
        raise InputError("路由须是 JSON 对象 / the tree must be a JSON object") from None
    _check_size(tree)
    return tree


def _unreadable(error: ValidationError) -> InputError:
    first = error.errors(include_url=False, include_input=False)[0]
    path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in first["loc"])
    if first["type"] in ("unexpected_keyword_argument", "extra_forbidden"):
        return InputError("没有这一项 / there is no such key", field=path[1:])
    return InputError(f"值的类型不对 / wrong kind of value: {first['msg']}", field=path[1:] or None)


def _check_size(tree: Tree) -> None:
    if len(tree.windows) > MOST_WINDOWS:
        raise InputError(
            f"时段最多 {MOST_WINDOWS} 个 / at most {MOST_WINDOWS} windows", field="windows"
        )
    level, routes, depth = [("root", tree.root)], 0, 0
    while level:
        routes, depth = routes + len(level), depth + 1
        if depth > DEEPEST or routes > MOST_ROUTES:
            raise InputError(
                f"路由最多 {DEEPEST} 层、{MOST_ROUTES} 条 / "
                f"routes can be nested {DEEPEST} deep and be {MOST_ROUTES} in all",
                field=level[0][0],
            )
        for path, route in level:
            _check_tiers(path, route)
        level = [
            (f"{path}.routes[{i}]", child)
            for path, route in level
            for i, child in enumerate(route.routes)
        ]


def _check_tiers(path: str, route: Route) -> None:
    if len(route.escalate or ()) > LONGEST_ESCALATION:
        raise InputError(
            f"升级最多 {LONGEST_ESCALATION} 档 / at most {LONGEST_ESCALATION} tiers of escalation",
            field=f"{path}.escalate",
        )
