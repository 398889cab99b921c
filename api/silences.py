"""Silences over HTTP: alerts of which nobody wants to hear for a time."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from apiflask import APIBlueprint

from api.access import caller, needs, service, visible_brands
from api.contract import refuses, takes
from api.incidents import visible
from api.response_schemas import SilenceIn, SilenceList, SilenceOut
from monitor.domain import LEVELS, RULES, Silence
from monitor.errors import InputError, UnknownThing
from monitor.routing import FIELDS, check_matchers, matches

blueprint = APIBlueprint("silences", __name__, url_prefix="/api/v1/silences", tag="静默 Silences")
_LISTED = 500
_LONGEST = 90 * 86_400


@blueprint.get("")
@blueprint.output(SilenceList)
@needs("read")
def list_silences() -> dict[str, Any]:
    """静默列表 / Silences, those that end last first."""
    found = service().store.silences.all(_LISTED, visible_brands())
    return {"items": [_shown(silence) for silence in found]}


@blueprint.post("")
@blueprint.output(SilenceOut, 201)
@takes(SilenceIn)
@refuses(404)
@needs("manage")
def add_silence(body: SilenceIn) -> dict[str, Any]:
    """新建静默 / Hear nothing of some alerts for a time."""
    now = service().clock()
    given = body.matchers.model_dump(exclude_none=True)
    check_matchers(given)
    starts_at = now if body.starts_at is None else body.starts_at
    if body.incident is not None:
        visible(body.incident)
    elif _is_everything(given):
        raise InputError(
            "不能静默一切，请写明品牌、平台、话题等条件 / "
            "not everything can be silenced: name brands, platforms, topics or the like",
            field="matchers",
        )
    if not starts_at < body.ends_at <= starts_at + _LONGEST or body.ends_at <= now:
        raise InputError(
            "结束时间须在开始与现在之后、90 天以内 / must end after it starts and after now,"
            " within 90 days",
            field="ends_at",
        )
    silence = Silence(
        id="si_" + secrets.token_hex(8),
        matchers={name: tuple(values) for name, values in given.items()},
        starts_at=starts_at,
        ends_at=body.ends_at,
        created_by=caller().name,
        reason=body.reason,
        incident_id=body.incident,
    )
    if not _is_visible(silence):
        raise InputError(
            "此密钥只能静默自己的品牌，请在 matchers.brand 中写明 / this key may silence its own"
            " brands only: name them in matchers.brand",
            field="matchers.brand",
        )
    service().store.silences.add(silence)
    return _shown(silence)


@blueprint.delete("/<silence>")
@blueprint.output(SilenceOut)
@needs("manage")
def end_silence(silence: str) -> dict[str, Any]:
    """结束静默 / End a silence now; it stays on record."""
    if not _is_visible(service().store.silences.get(silence)):
        raise UnknownThing(f"没有静默“{silence}” / no such silence: {silence}")
    return _shown(service().store.silences.end(silence, service().clock()))


def _is_everything(matchers: Mapping[str, Sequence[str]]) -> bool:
    """Whether alerts of every level and rule match, whatever they are of."""
    unknown = dict.fromkeys(FIELDS, frozenset[str]())
    return all(
        matches(
            matchers,
            unknown
            | {
                "level": frozenset({level}),
                "min_level": frozenset(LEVELS[: place + 1]),
                "rule": frozenset({rule}),
            },
        )
        for place, level in enumerate(LEVELS)
        if level != "none"
        for rule in RULES
    )


def _is_visible(silence: Silence) -> bool:
    brands = visible_brands()
    if brands is None:
        return True
    named = silence.matchers.get("brand", ())
    if silence.incident_id is not None:
        named = (service().store.incidents.get(silence.incident_id).incident.brand,)
    return bool(named) and set(named) <= set(brands)


def _shown(silence: Silence) -> dict[str, Any]:
    now = service().clock()
    return {
        **asdict(silence),
        "incident": silence.incident_id,
        "matchers": {name: list(values) for name, values in silence.matchers.items()},
        "active": silence.starts_at <= now < silence.ends_at,
    }
