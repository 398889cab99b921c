"""Mentions in, and pages of mentions out."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from apiflask import APIBlueprint
from flask import request
from werkzeug.exceptions import UnsupportedMediaType

from api.access import caller, json_body, needs, require_brand, service
from api.contract import JSON_KINDS, MAX_IDEMPOTENCY_KEY, refuses
from api.schemas import LABEL_VALUES, LABELS, AccountOut, MentionPage, MentionsQuery
from models.records import Judgement
from monitor import intake
from monitor.domain import Account, Traits
from monitor.errors import BadRequest, InputError
from monitor.metrics import BATCH_SECONDS, MENTIONS
from monitor.store import MentionQuery, MentionView, cursor_of

blueprint = APIBlueprint("mentions", __name__, url_prefix="/api/v1", tag="提及 Mentions")


@blueprint.post("/mentions")
@blueprint.output(AccountOut, 202)
@refuses(409)
@needs("ingest")
def add_mentions() -> Account:
    """送入提及 / Take mentions in.

    JSON 数组或 NDJSON，每批至多 500 条、1 MB；逐条校验，坏的一条不影响其余；202 表示已落盘。
    A JSON array or NDJSON, up to 500 mentions or 1 MB; rows are checked one by one; 202 means
    stored durably. With an `Idempotency-Key` a repeat gives the first answer again.
    """
    if request.mimetype not in JSON_KINDS:
        raise UnsupportedMediaType
    body = json_body()
    rows = intake.decode(body)
    if len(rows) > intake.MAX_BATCH:
        raise InputError(
            f"每批至多 {intake.MAX_BATCH} 条，请分批 / at most {intake.MAX_BATCH} mentions a batch"
        )
    if not rows:
        raise BadRequest("请至少发送一条 / send at least one mention")
    with BATCH_SECONDS.time():
        account = service().pipeline.ingest(
            rows, allowed=caller().brands, idempotency=_idempotency(body)
        )
    if not account.replayed:
        _count(account)
    return account


add_mentions.takes_mentions = True  # type: ignore[attr-defined]


def _count(account: Account) -> None:
    for outcome in ("accepted", "updated", "duplicate", "erased"):
        MENTIONS.labels(outcome).inc(getattr(account, outcome))
    MENTIONS.labels("rejected").inc(len(account.rejected))


def _idempotency(body: bytes) -> tuple[str, bytes] | None:
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return None
    if not 1 <= len(key) <= MAX_IDEMPOTENCY_KEY:
        raise BadRequest("Idempotency-Key 须为 1 到 255 个字符 / 1 to 255 characters")
    return f"{caller().id}:{key}", hashlib.sha256(body).digest()


@blueprint.get("/brands/<brand>/mentions")
@blueprint.input(MentionsQuery, location="query", arg_name="query")
@blueprint.output(MentionPage)
@needs("read")
def list_mentions(brand: str, query: MentionsQuery) -> dict[str, Any]:
    """品牌的提及 / A brand's mentions, filtered, searched, paged."""
    require_brand(brand)
    start, end = query.window(service().clock() + intake.CLOCK_SKEW)
    views = service().store.mentions.page(
        MentionQuery(
            brand,
            start,
            end,
            label=LABEL_VALUES[query.label] if query.label else None,
            platform=query.platform,
            kind=query.kind,
            text=query.q or None,
            sort=query.sort,
            before=_cursor(query.cursor),
            limit=query.limit,
        )
    )
    full = len(views) == query.limit
    return {
        "items": shown(brand, views),
        "next": "{:.17g}_{}".format(*cursor_of(views[-1], query.sort)) if full else None,
    }


def _cursor(text: str | None) -> tuple[float, int] | None:
    if text is None:
        return None
    value, _, last = text.partition("_")
    return float(value), int(last)


def shown(brand: str, views: Sequence[MentionView]) -> list[dict[str, Any]]:
    """Write mentions as the API answers them, with the words that decided."""
    explained = service().pipeline.explain(brand, views)
    return [
        _shown(brand, view, text, judged)
        for view, (text, judged) in zip(views, explained, strict=True)
    ]


def _shown(brand: str, view: MentionView, analysed: str, judged: Judgement) -> dict[str, Any]:
    return {
        **{
            name: getattr(view, name)
            for name in (
                *("platform", "kind", "native_id", "title", "text", "quoted", "url", "region"),
                *("published_at", "author", "followers", "verified", "copies"),
            )
        },
        **told(view.traits, brand),
        "id": str(view.id),
        "engagement": asdict(view.engagement),
        "rating": {"value": view.rating[0], "scale": view.rating[1]} if view.rating else None,
        "reading": {
            "label": LABELS[view.label],
            "score": round(view.score, 4),
            "confidence": round(view.confidence, 4),
            "via": view.via,
            "model": view.model,
            "corrected": view.corrected,
            "review": view.review,
            "cues": _cues(view, analysed, judged),
        },
    }


def told(traits: Traits, brand: str | None = None) -> dict[str, Any]:
    """Write what a text says beside its sentiment; an aspect once, as a brand's own words say.

    Of one `brand`, others' own aspects are left out.
    """
    common = {a.name: a.label for a in traits.aspects if a.brand is None}
    own = {a.name: a.label for a in traits.aspects if a.brand and brand in (None, a.brand)}
    return {
        **asdict(traits),
        "aspects": [{"name": n, "label": LABELS[label]} for n, label in (common | own).items()],
    }


def _cues(view: MentionView, analysed: str, judged: Judgement) -> list[dict[str, Any]]:
    # The title and a line break stand before the text, unless the text repeats the title.
    shift = len(analysed) - len(view.text)
    cues = []
    for cue in judged.cues:
        in_title = cue.end <= shift
        offset = 0 if in_title else shift
        if cue.start < offset:
            continue
        field = "title" if in_title else "text"
        shown_text = (view.title if in_title else view.text)[cue.start - offset : cue.end - offset]
        cues.append(
            {
                "field": field,
                "start": cue.start - offset,
                "end": cue.end - offset,
                "text": shown_text,
                "weight": round(cue.weight, 3),
            }
        )
    return cues
