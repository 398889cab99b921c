"""What to do in a crisis: checklists with owners and clocks, and statements to start from. Pure.

A playbook holds for classes of incident. Its steps become an incident's tasks; its templates
become drafts (`statements`).
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args

from pydantic import (
    AfterValidator,
    ConfigDict,
    Field,
    StrictInt,
    StringConstraints,
    TypeAdapter,
    ValidationError,
)

from monitor import names
from monitor.domain import ENDED, LEVELS, Level
from monitor.errors import Conflict, InputError
from monitor.intake import explained

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from monitor.domain import Alert, Incident
    from monitor.names import Language

Class = Literal[
    "any",
    "general",
    "personal_safety",
    "food_safety",
    "hygiene",
    "fire",
    "quality",
    "data_leak",
    "discrimination",
    "fraud",
    "recall",
    "law",
    "labour",
    "environment",
    "rumour",
    "no_data",
]
CLASSES: tuple[Class, ...] = get_args(Class)
"""`any` is every incident but one of missing data; `general` one that is of no other class."""

ROLES = {
    "值班公关": "PR on duty",
    "品牌经理": "brand manager",
    "法务": "legal",
    "客服主管": "head of customer service",
    "质量负责人": "head of quality",
    "门店/区域负责人": "store or area manager",
    "信息安全负责人": "head of information security",
    "人力资源": "human resources",
    "数据运维": "data operations",
    "高管": "executive",
}
"""Owners the shipped playbooks name, with their English; users may name others."""

FIELDS = frozenset(
    {"brand", "what", "where", "when", "asked", "today", "since", "level", "index"}
    | {"negative", "total"}
)
"""What a template may ask for in braces."""

LEAST_TEXTS = 3
LEAST_SHARE = 0.1
"""A danger or aspect is what a rise of counts is about from so many texts and such a share on."""

_QUALITY = ("quality", "performance")
FIELD = re.compile(r"\{(\w+)\}")
_SHIPPED = Path(__file__).with_name("playbooks.toml")

Id = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$")]
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=60)]
_STRICT = ConfigDict(extra="forbid")


@dataclass(frozen=True, slots=True)
class Words:
    """A text in Chinese, and in English where there is one."""

    zh: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=5000)]
    en: Annotated[str, StringConstraints(strip_whitespace=True, max_length=5000)] = ""

    __pydantic_config__ = _STRICT

    def said(self, language: Language) -> str:
        """Return the text in a language, the Chinese where there is no other."""
        return (self.en if language == "en" else self.zh) or self.zh


def _falling(minutes: dict[Level, int]) -> dict[Level, int]:
    ordered = [minutes[level] for level in LEVELS if level in minutes]
    if "none" in minutes or ordered != sorted(ordered, reverse=True):
        raise ValueError(
            "级别越高时限应越短，级别为 blue、yellow、orange、red / "
            "the higher the level (blue to red) the shorter the time"
        )
    return minutes


def _fillable(words: Words) -> Words:
    unknown = [field for field in FIELD.findall(words.zh + words.en) if field not in FIELDS]
    if unknown:
        raise ValueError(
            f"没有字段 {{{unknown[0]}}}，可用：{'、'.join(sorted(FIELDS))} / "
            f"no such field, known are {', '.join(sorted(FIELDS))}"
        )
    return words


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do. `minutes` by level, from the opening of the level.

    The highest level named that the incident reached counts; below the lowest there is no such
    step. Steps of one id in several playbooks are one: the last one's words hold.
    """

    id: Id
    owner: Name
    minutes: Annotated[
        dict[Level, Annotated[StrictInt, Field(ge=1, le=100_000)]],
        Field(min_length=1),
        AfterValidator(_falling),
    ]
    text: Words

    __pydantic_config__ = _STRICT

    def due(self, level: Level) -> int | None:
        """Return the seconds there are for it at a level; None where it is not asked for."""
        reached = LEVELS[: LEVELS.index(level) + 1]
        allowed = [60 * self.minutes[each] for each in reached if each in self.minutes]
        return allowed[-1] if allowed else None


@dataclass(frozen=True, slots=True)
class Template:
    """A statement to start from: fields in braces are filled in, 〔…〕 is left to a person."""

    id: Id
    name: Words
    text: Annotated[Words, AfterValidator(_fillable)]

    __pydantic_config__ = _STRICT


@dataclass(frozen=True, slots=True)
class Playbook:
    """A checklist and statements for classes of incident, of some brands or of all."""

    id: Id
    name: Words
    classes: Annotated[tuple[Class, ...], Field(min_length=1)]
    brands: Annotated[tuple[str, ...], Field(max_length=200)] = ()
    steps: Annotated[tuple[Step, ...], Field(max_length=60)] = ()
    statements: Annotated[tuple[Template, ...], Field(max_length=20)] = ()
    enabled: bool = True

    __pydantic_config__ = _STRICT


@dataclass(frozen=True, slots=True)
class Task:
    """A step of an incident's checklist, or one that somebody added.

    `done_by` did it at `done_at`, or skipped it, `note` saying why.
    """

    id: str
    incident_id: str
    place: int
    text: str
    english: str
    owner: str
    added_at: int
    due_at: int
    state: Literal["open", "done", "skipped"] = "open"
    done_at: int | None = None
    done_by: str | None = None
    note: str = ""


# -- playbooks -------------------------------------------------------------------------------------

_READ = TypeAdapter(Playbook)


def read(document: Mapping[str, Any]) -> Playbook:
    """Read a playbook from plain data.

    Raises
    ------
    InputError
        Naming the field, say `steps.2.owner`, and what is wrong with it.

    """
    try:
        playbook = _READ.validate_python(document)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        field = ".".join(str(part) for part in first["loc"] if "[" not in str(part))
        reason = explained(first["msg"].removeprefix("Value error, "))
        raise InputError(f"“{field}”：{reason}", field=field) from None
    for part, items in (("steps", playbook.steps), ("statements", playbook.statements)):
        ids = [item.id for item in items]
        twice = next((i for i, held in enumerate(ids) if held in ids[:i]), None)
        if twice is not None:
            raise InputError(
                f"编号“{ids[twice]}”重复 / the id is taken twice", field=f"{part}.{twice}.id"
            )
    return playbook


def written(playbook: Playbook) -> dict[str, Any]:
    """Return a playbook as plain data; `read` is its inverse."""
    plain: dict[str, Any] = _READ.dump_python(playbook, mode="json")
    return plain


@cache
def shipped() -> tuple[Playbook, ...]:
    """Return the playbooks that come with the service."""
    documents = tomllib.loads(_SHIPPED.read_text(encoding="utf-8"))
    return tuple(read({"id": name, **body}) for name, body in documents.items())


def in_force(stored: Iterable[Playbook]) -> list[Playbook]:
    """Return the shipped playbooks with users' own in place of those of the same id or behind.

    Those of some brands come last, so that their words hold.
    """
    held = {playbook.id: playbook for playbook in (*shipped(), *stored)}
    return sorted(held.values(), key=lambda playbook: bool(playbook.brands))


# -- which of them ---------------------------------------------------------------------------------


def classes_of(incident: Incident, alerts: Sequence[Alert]) -> frozenset[str]:
    """Tell what an incident is about, in `CLASSES`, from what its alerts found."""
    if alerts and all(alert.rule == "no_data" for alert in alerts):
        return frozenset({"no_data"})
    found = {incident.topic, *(alert.topic for alert in alerts)} & set(names.RISKS)
    for alert in alerts:
        found |= _classes(alert)
    return frozenset({"any"} | (found or {"general"}))


def _classes(alert: Alert) -> set[str]:
    dangers = tally(alert.evidence.get("risks"))
    # One text makes a risk alert what it is, but not a rise of counts.
    found = set(dangers if alert.rule == "risk" else _many(dangers, alert)) & set(names.RISKS)
    if ({alert.aspect} if alert.aspect else set(_blamed(alert))) & set(_QUALITY):
        found.add("quality")
    cues = alert.evidence.get("cues")
    if isinstance(cues, dict) and cues.get("leaning") == "rumour":
        found.add("rumour")
    return found


def _blamed(alert: Alert) -> list[str]:
    return _many(tally(alert.evidence.get("aspects"), "aspect", "negative"), alert)


def _many(counts: Mapping[str, int], alert: Alert) -> list[str]:
    least = max(LEAST_TEXTS, LEAST_SHARE * (count_of(alert.evidence.get("negative")) or 0))
    enough = [name for name, n in counts.items() if n >= least]
    return sorted(enough, key=lambda name: (-counts[name], name))


def tally(found: object, name: str = "name", count: str = "n") -> dict[str, int]:
    """Read counts from evidence: a mapping, or records with a `name` and a `count`.

    What is none is left out.

    >>> tally({"weibo": 3}), tally([{"kind": "refund", "n": 2}, "?"], "kind")
    ({'weibo': 3}, {'refund': 2})
    """
    pairs: list[tuple[object, object]] = []
    if isinstance(found, dict):
        pairs = list(found.items())
    elif isinstance(found, list | tuple):
        pairs = [(each.get(name), each.get(count)) for each in found if isinstance(each, dict)]
    return {
        key: n
        for key, value in pairs
        if isinstance(key, str) and (n := count_of(value)) is not None
    }


def count_of(value: object) -> int | None:
    """Return a count, None for what is none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return int(value) if 0 <= value < 10**12 else None


def applicable(
    playbooks: Iterable[Playbook], incident: Incident, alerts: Sequence[Alert]
) -> list[Playbook]:
    """Return the playbooks for an incident, in their order."""
    found = classes_of(incident, alerts)
    return [
        playbook
        for playbook in playbooks
        if playbook.enabled
        and found.intersection(playbook.classes)
        and (not playbook.brands or incident.brand in playbook.brands)
    ]


# -- tasks -----------------------------------------------------------------------------------------


def tasks_for(
    playbooks: Iterable[Playbook], incident: Incident, alerts: Sequence[Alert], now: int
) -> list[Task]:
    """Return the tasks that an incident's playbooks ask for at the level it reached.

    Their clock runs from the last rise of the level. Ids are derived: put beside what is there
    (`Tasks.put`), a rise adds what is missing and shortens what is open; nothing is taken away.
    None for an incident that is pending, historical or over.
    """
    if incident.historical or incident.state == "pending" or incident.state in ENDED:
        return []
    steps = {
        step.id: step
        for playbook in applicable(playbooks, incident, alerts)
        for step in playbook.steps
    }
    return [
        Task(
            id="tk_" + digest(incident.id, step.id),
            incident_id=incident.id,
            place=place,
            text=step.text.zh,
            english=step.text.en,
            owner=step.owner,
            added_at=now,
            due_at=incident.raised_at + seconds,
        )
        for place, step in enumerate(steps.values())
        if (seconds := step.due(incident.peak)) is not None
    ]


def is_news(wanted: Task, held: Task | None) -> bool:
    """Whether putting a task beside the one that is there would change anything."""
    return held is None or (held.state == "open" and wanted.due_at < held.due_at)


def own_task(incident: Incident, *, text: str, owner: str, due_at: int, now: int) -> Task:
    """Make a task that a person adds; raises InputError where text or owner are empty or long."""
    return Task(
        id="tk_" + digest(incident.id, "own", text, owner, str(now)),
        incident_id=incident.id,
        place=len(CLASSES) * 1000,
        text=needed(text, "text", 500),
        english="",
        owner=needed(owner, "owner", 60),
        added_at=now,
        due_at=due_at,
    )


def finish(task: Task, *, actor: str, now: int, note: str = "", skipped: bool = False) -> Task:
    """Record that a task is done, or skipped for a reason; raises Conflict unless it is open."""
    if task.state != "open":
        raise Conflict("这一步已经处理 / this step has been dealt with")
    if skipped:
        note = needed(note, "note", 500)
    state: Literal["done", "skipped"] = "skipped" if skipped else "done"
    return replace(task, state=state, done_at=now, done_by=actor, note=note.strip()[:500])


def take_up(task: Task) -> Task:
    """Open a task again that was marked by mistake; raises Conflict where it is open."""
    if task.state == "open":
        raise Conflict("这一步尚未完成 / this step is open")
    return replace(task, state="open", done_at=None, done_by=None, note="")


def templates_for(
    playbooks: Iterable[Playbook], incident: Incident, alerts: Sequence[Alert]
) -> dict[str, Template]:
    """Return the templates for an incident by `playbook/template`, the most particular first."""
    return {
        f"{playbook.id}/{template.id}": template
        for playbook in reversed(applicable(playbooks, incident, alerts))
        for template in playbook.statements
    }


# -- what alerts counted ------------------------------------------------------------------------


def subjects(incident: Incident, alerts: Sequence[Alert]) -> list[str]:
    """Return what an incident is about: its dangers, else the aspects most blamed."""
    classes = classes_of(incident, alerts)
    dangers = [topic for topic in names.RISKS if topic in classes]
    aspects = [alert.aspect for alert in alerts if alert.aspect]
    blamed = [aspect for alert in alerts for aspect in _blamed(alert)]
    return dangers or list(dict.fromkeys([*aspects, *blamed]))


def ranked(alerts: Sequence[Alert], key: str, name: str = "name") -> dict[str, int]:
    """Return the counts under a key of the evidence: the most that any alert counted, falling."""
    most: dict[str, int] = {}
    for alert in alerts:
        for each, n in tally(alert.evidence.get(key), name).items():
            most[each] = max(n, most.get(each, 0))
    return dict(sorted(most.items(), key=lambda item: (-item[1], item[0])))


def needed(text: str, field: str, most: int) -> str:
    """Return a text without spaces around it; raises InputError where it is empty or too long."""
    text = text.strip()
    if not 0 < len(text) <= most:
        raise InputError(f"须为 1–{most} 个字符 / must be 1 to {most} characters long", field=field)
    return text


def digest(*parts: str) -> str:
    """Return what ids are derived from their parts by."""
    return hashlib.blake2b("\0".join(parts).encode(), digest_size=10).hexdigest()
