"""Statements: filled from counted facts alone, completed and approved by people. Pure.

Nothing that somebody wrote stands in a draft, and nothing is ever published from here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Literal
from zoneinfo import ZoneInfo

from monitor import names
from monitor.errors import Conflict
from monitor.names import Language, called, listed
from monitor.playbooks import FIELD, count_of, digest, needed, ranked, subjects

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from monitor.domain import Alert, Brand, Incident
    from monitor.playbooks import Template

_BLANK = re.compile(r"[〔〕]")


@dataclass(frozen=True, slots=True)
class Draft:
    """A statement in the making. Once approved or rejected it does not change."""

    id: str
    incident_id: str
    template: str
    language: Language
    text: str
    state: Literal["draft", "approved", "rejected"]
    created_at: int
    created_by: str
    updated_at: int
    updated_by: str
    decided_at: int | None = None
    decided_by: str | None = None
    note: str = ""


def facts(
    brand: Brand, incident: Incident, alerts: Sequence[Alert], now: int, language: Language
) -> dict[str, str]:
    """Return what fills the fields of a template: dates, counts, and names that are our own.

    Nothing that somebody wrote is among them, whatever the evidence holds; what is not known is
    left to a person.
    """
    zone = ZoneInfo(brand.timezone)
    lead = next((alert for alert in alerts if alert.id == incident.lead), None)
    evidence = lead.evidence if lead else {}
    between = ", " if language == "en" else "、"
    blank = _BLANKS[language]
    # A brand's own aspects are its owner's words, not the writers'.
    own = {aspect: (aspect, aspect) for aspect in brand.aspects}
    matters = {**own, **names.ASPECTS, **names.RISKS}

    def named(table: names.Names, found: Iterable[str], field: str) -> str:
        return between.join(listed(table, found, language)[:4]) or blank[field]

    def number(key: str) -> str:
        n = count_of(evidence.get(key))
        return blank[key] if n is None else str(n)

    return {
        "brand": brand.name,
        "what": named(matters, subjects(incident, alerts), "what"),
        "where": named(names.PLATFORMS, ranked(alerts, "platforms"), "where"),
        "asked": named(names.DEMANDS, ranked(alerts, "demands", "kind"), "asked"),
        "when": _day(incident.onset, zone, language),
        "since": f"{datetime.fromtimestamp(incident.onset, zone):%Y-%m-%d %H:%M}",
        "today": _day(now, zone, language),
        "level": called(names.LEVELS, incident.level, language),
        "index": f"{incident.crisis_index:g}",
        "negative": number("negative"),
        "total": number("total"),
    }


def _day(at: int, zone: ZoneInfo, language: Language) -> str:
    day = datetime.fromtimestamp(at, zone)
    return f"{day:%Y-%m-%d}" if language == "en" else f"{day.year}年{day.month}月{day.day}日"


_BLANKS: dict[Language, dict[str, str]] = {
    "zh": {
        "what": "〔涉及的问题〕",
        "where": "〔平台〕",
        "asked": "〔主要诉求〕",
        "negative": "〔负面条数〕",
        "total": "〔总条数〕",
    },
    "en": {
        "what": "〔the matter〕",
        "where": "〔platforms〕",
        "asked": "〔what people ask for〕",
        "negative": "〔negative mentions〕",
        "total": "〔mentions〕",
    },
}


def fill(text: str, values: Mapping[str, str]) -> str:
    """Put values in the place of the fields of a text, once; values are not looked into.

    >>> fill("{brand}，{today}", {"brand": "{today}", "today": "今天"})
    '{today}，今天'
    """
    return FIELD.sub(lambda match: values[match[1]], text)


def draft(
    key: str,
    template: Template,
    incident: Incident,
    values: Mapping[str, str],
    *,
    actor: str,
    now: int,
    language: Language = "zh",
) -> Draft:
    """Make a draft of a template; `key` is its name in `templates_for`, `values` are `facts`.

    That of an exercise says so.
    """
    mark = "【演练 DRILL】\n" if incident.drill else ""
    return Draft(
        id="dr_" + digest(incident.id, key, language, actor, str(now)),
        incident_id=incident.id,
        template=key,
        language=language,
        text=mark + fill(template.text.said(language), values),
        state="draft",
        created_at=now,
        created_by=actor,
        updated_at=now,
        updated_by=actor,
    )


def revise(held: Draft, *, text: str, actor: str, now: int) -> Draft:
    """Change a draft's text; raises Conflict once it is decided."""
    _need_undecided(held)
    return replace(held, text=needed(text, "text", 10_000), updated_at=now, updated_by=actor)


def approve(held: Draft, *, actor: str, now: int, note: str = "") -> Draft:
    """Approve a draft; raises Conflict once it is decided, or while a 〔…〕 is to be filled in."""
    _need_undecided(held)
    if _BLANK.search(held.text):
        raise Conflict(
            "还有〔…〕待人工填写或删除，暂不能批准 / fill in or remove every 〔…〕 before approval"
        )
    return _decided(held, "approved", actor, now, note)


def reject(held: Draft, *, actor: str, now: int, note: str = "") -> Draft:
    """Reject a draft; raises Conflict once it is decided."""
    _need_undecided(held)
    return _decided(held, "rejected", actor, now, note)


def _decided(
    held: Draft, state: Literal["approved", "rejected"], actor: str, now: int, note: str
) -> Draft:
    return replace(held, state=state, decided_at=now, decided_by=actor, note=note.strip()[:500])


def _need_undecided(held: Draft) -> None:
    if held.state != "draft":
        raise Conflict(
            "声明已批准或驳回，不能再改；需要修改请另建一份 / "
            "the statement has been decided: make another one to change it"
        )
