"""客户反馈循环: what customers say becomes an action, and later windows tell if it helped. Pure.

An insight is an aspect or a request with how many speak of it and how that changed. An action is
what somebody will do about it by when. Its outcome compares the share of complaints about it after
it was done with the same length before. Intervals are 95 % and cover sampling only.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from monitor import names
from monitor.errors import Conflict, InputError
from monitor.indices import Metric, share, wilson
from monitor.names import Language, called
from monitor.playbooks import digest, needed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

DAY = 86_400
DAYS = 14
"""Days that are compared before and after an action: whole weeks, as weekdays differ."""

LEAST = 10
"""Complaints in both windows together below which nothing is concluded."""

Kind = Literal["aspect", "request"]
Counts = dict[tuple[str, str], dict[int, int]]
"""Mentions by (facet, value) and label, as rollups count them."""

Verdict = Literal["fell", "rose", "unclear"]
_FACETS: dict[str, Kind] = {"aspect": "aspect", "intent": "request"}


@dataclass(frozen=True, slots=True)
class Insight:
    """What people say about an aspect, or ask for, in a window.

    Attributes
    ----------
    n, complaints
        Mentions that speak of it, and those that complain: an aspect that is blamed, any request.
    negative_share
        Of those that speak of it, the share that is negative.
    complaint_share
        The share of all mentions of the brand that complain of it.
    change
        Of `complaint_share`, against the window of the same length before; n counts the
        complaints of both. None in value where either window is empty.
    negative_change
        Of `negative_share`, likewise.
    mentions
        Ids of mentions that complain of it, the weightiest first.

    """

    kind: Kind
    name: str
    n: int
    complaints: int
    negative_share: Metric
    complaint_share: Metric
    change: Metric
    negative_change: Metric
    mentions: tuple[int, ...] = ()

    @property
    def trend(self) -> Verdict:
        """Whether complaints rose or fell against the window before."""
        return verdict(self.change)


@dataclass(frozen=True, slots=True)
class Subject:
    """What an action is about, with the figures that led to it."""

    kind: Kind
    name: str
    start: int
    end: int
    complaints: int
    mentions: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Action:
    """What somebody will do about an insight; `told_to` are those who were told that it is done."""

    id: str
    brand: str
    insight: Subject
    text: str
    owner: str
    due_at: int
    created_at: int
    created_by: str
    incident_id: str | None = None
    done_at: int | None = None
    done_by: str | None = None
    told_to: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Share:
    """Complaints of one matter among all mentions of a window [start, end)."""

    complaints: int
    mentions: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """Whether complaints fell after an action; `complete` once the whole window has passed."""

    verdict: Verdict
    before: Metric
    after: Metric
    change: Metric
    spans: tuple[tuple[int, int], tuple[int, int]]
    complete: bool
    summary: dict[str, str]


# -- insights --------------------------------------------------------------------------------------


def difference(k: float, n: float, k0: float, n0: float) -> Metric:
    """Return the difference of shares k/n − k0/n0 with Newcombe's interval; n is k + k0.

    Hybrid score interval, method 10 of Newcombe (1998), doi 10.1002/(SICI)1097-0258(19980430)17:8
    <873::AID-SIM779>3.0.CO;2-I. Value None where either n is 0.

    >>> d = difference(56, 70, 48, 80)
    >>> round(d.value, 4), round(d.low, 4), round(d.high, 4)
    (0.2, 0.0524, 0.3339)
    """
    if n <= 0 or n0 <= 0:
        return Metric(None, k + k0)
    p, q = k / n, k0 / n0
    (low, high), (low0, high0) = wilson(k, n), wilson(k0, n0)
    return Metric(
        p - q,
        k + k0,
        p - q - math.hypot(p - low, high0 - q),
        p - q + math.hypot(high - p, q - low0),
    )


def verdict(change: Metric) -> Verdict:
    """Tell whether complaints fell or rose; unclear where the interval holds 0, or n < 10."""
    if change.low is None or change.high is None or change.n < LEAST:
        return "unclear"
    if change.high < 0:
        return "fell"
    return "rose" if change.low > 0 else "unclear"


def insights(
    now: Counts,
    before: Counts,
    volumes: tuple[float, float],
    mentions: Mapping[tuple[Kind, str], Sequence[int]] | None = None,
) -> list[Insight]:
    """Tell what a window says of each aspect and request, most complaints first.

    Parameters
    ----------
    now, before
        Facets `aspect` and `intent` of the window and of the one of the same length before it.
    volumes
        All mentions of the brand in either.
    mentions
        Ids of mentions that complain, by (kind, name).

    """
    found = []
    for (facet, name), labels in now.items():
        kind = _FACETS.get(facet)
        if kind is None or (kind == "request" and name not in names.REQUESTS):
            continue
        past = before.get((facet, name), {})
        n, n0 = sum(labels.values()), sum(past.values())
        bad, bad0 = labels.get(-1, 0), past.get(-1, 0)
        complaints, complaints0 = complaints_of(kind, labels), complaints_of(kind, past)
        found.append(
            Insight(
                kind=kind,
                name=name,
                n=n,
                complaints=complaints,
                negative_share=share(bad, n),
                complaint_share=share(complaints, volumes[0]),
                change=difference(complaints, volumes[0], complaints0, volumes[1]),
                negative_change=difference(bad, n, bad0, n0),
                mentions=tuple((mentions or {}).get((kind, name), ())),
            )
        )
    return sorted(found, key=lambda each: (-each.complaints, -each.n, each.kind, each.name))


def complaints_of(kind: Kind, labels: Mapping[int, int]) -> int:
    """Count complaints by label: of an aspect who blames it; a request is one by itself."""
    return labels.get(-1, 0) if kind == "aspect" else sum(labels.values())


def facet_of(kind: Kind) -> str:
    """Return the facet that counts a kind of insight."""
    return next(facet for facet, held in _FACETS.items() if held == kind)


# -- actions ---------------------------------------------------------------------------------------


def plan(
    brand: str,
    insight: Subject,
    *,
    text: str,
    owner: str,
    due_at: int,
    actor: str,
    now: int,
    incident_id: str | None = None,
) -> Action:
    """Make an action of an insight.

    Raises
    ------
    InputError
        The text or the owner is empty or too long, it is due in the past, or the insight is about
        nothing we count.

    """
    if insight.kind == "request" and insight.name not in names.REQUESTS:
        raise InputError(
            f"诉求须为 {'、'.join(names.REQUESTS)} / requests are {', '.join(names.REQUESTS)}",
            field="insight.name",
        )
    if due_at <= now:
        raise InputError("期限须在将来 / due_at must lie in the future", field="due_at")
    text, owner = needed(text, "text", 1000), needed(owner, "owner", 60)
    parts = (brand, insight.kind, insight.name, text, owner, str(now))
    return Action(
        id="ac_" + digest(*parts),
        brand=brand,
        insight=insight,
        text=text,
        owner=owner,
        due_at=due_at,
        created_at=now,
        created_by=actor,
        incident_id=incident_id,
    )


def finish(action: Action, *, actor: str, now: int, told_to: Sequence[str] = ()) -> Action:
    """Record that an action is done, and who was told; raises Conflict where it is done already."""
    if action.done_at is not None:
        raise Conflict("该行动已完成 / the action is done already")
    return inform(replace(action, done_at=now, done_by=actor), told_to=told_to)


def inform(action: Action, *, told_to: Sequence[str]) -> Action:
    """Record who else was told; raises InputError for an empty or overlong name."""
    held = (*action.told_to, *(needed(who, "told_to", 100) for who in told_to))
    if len(held) > 50:
        raise InputError("最多记录 50 个告知对象 / at most 50 may be named", field="told_to")
    return replace(action, told_to=tuple(dict.fromkeys(held)))


def spans(action: Action, now: int, days: int = DAYS) -> tuple[tuple[int, int], ...] | None:
    """Return the windows before and after an action was done, of one length: (before, after).

    As much of `days` as has passed, in whole days; None while it is not done or no day has passed.
    """
    if action.done_at is None:
        return None
    done = action.done_at
    length = min(days, (now - done) // DAY) * DAY
    return ((done - length, done), (done, done + length)) if length > 0 else None


def outcome(before: Share, after: Share, *, name: str, days: int = DAYS) -> Outcome:
    """Tell whether complaints fell: the share of all mentions that complain, after less before.

    'unclear' (不足以判断) where the interval holds 0 or both windows hold under 10 complaints.
    """
    change = difference(after.complaints, after.mentions, before.complaints, before.mentions)
    found = verdict(change)
    return Outcome(
        verdict=found,
        before=share(before.complaints, before.mentions),
        after=share(after.complaints, after.mentions),
        change=change,
        spans=((before.start, before.end), (after.start, after.end)),
        complete=after.end - after.start >= days * DAY,
        summary={
            "zh": _sentence(found, change, before, after, called(_MATTERS, name, "zh"), "zh"),
            "en": _sentence(found, change, before, after, called(_MATTERS, name, "en"), "en"),
        },
    )


_MATTERS: names.Names = {**names.ASPECTS, **names.REQUESTS}
_SAID: dict[Language, dict[str, str]] = {
    "zh": {
        "empty": "行动前后有一段没有提及，不足以判断",
        "figures": "“{name}”相关投诉占全部提及的比例：之前 {p0}（{k0}/{n0}），之后 {p}（{k}/{n}），"
        "相差 {d} 个百分点，95% 区间 {low} 至 {high}",
        "fell": "：有所下降",
        "rose": "：有所上升",
        "unclear": "：不足以判断",
    },
    "en": {
        "empty": "one of the windows holds no mention: too little to tell",
        "figures": "complaints of {name} among all mentions: {p0} ({k0}/{n0}) before, {p} ({k}/{n})"
        " after, a change of {d} points, 95% interval {low} to {high}",
        "fell": ": they fell",
        "rose": ": they rose",
        "unclear": ": too little to tell",
    },
}


def _sentence(
    found: Verdict, change: Metric, before: Share, after: Share, name: str, language: Language
) -> str:
    words = _SAID[language]
    if change.value is None or change.low is None or change.high is None:
        return words["empty"]
    figures = words["figures"].format(
        name=name,
        p0=f"{before.complaints / before.mentions:.1%}",
        k0=before.complaints,
        n0=before.mentions,
        p=f"{after.complaints / after.mentions:.1%}",
        k=after.complaints,
        n=after.mentions,
        d=f"{100 * change.value:+.1f}",
        low=f"{100 * change.low:+.1f}",
        high=f"{100 * change.high:+.1f}",
    )
    return figures + words[found]
