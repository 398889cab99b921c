"""Reviews of incidents and statistics over them, over HTTP."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from apiflask import APIBlueprint
from flask import Response

from api.access import needs, require_brand, service, visible_brands
from api.checklists import learning
from api.contract import refuses, takes
from api.incidents import visible
from api.learning_schemas import RecordOut, ReviewIn, StatisticsOut, StatisticsQuery
from monitor.errors import InputError
from monitor.review import Replay, Review
from monitor.review_markdown import markdown

blueprint = APIBlueprint("reviews", __name__, url_prefix="/api/v1", tag="复盘 Review")
_USUAL = 90 * 86_400
_LONGEST = 5 * 366 * 86_400
_MARKDOWN = {200: "Markdown"}


@blueprint.get("/incidents/<incident>/review")
@blueprint.output(RecordOut)
@needs("read")
def get_review(incident: str) -> Review:
    """事件复盘 / The review of an incident, as it was last made."""
    visible(incident)
    return service().store.reviews.get(incident)


@blueprint.post("/incidents/<incident>/review")
@blueprint.output(RecordOut)
@takes(ReviewIn)
@needs("manage")
def make_review(incident: str, body: ReviewIn) -> Review:
    """生成复盘 / Make the review of an incident from what is known now."""
    visible(incident)
    replays = body.replays
    return learning().review(
        incident, None if replays is None else [Replay(**r.model_dump()) for r in replays]
    )


@blueprint.get("/incidents/<incident>/review.md")
@blueprint.doc(responses=_MARKDOWN)
@needs("read")
def get_review_markdown(incident: str) -> Response:
    """事件复盘（Markdown）/ The review of an incident as Markdown."""
    visible(incident)
    text = markdown(service().store.reviews.get(incident))
    return Response(text, content_type="text/markdown; charset=utf-8")


@blueprint.get("/statistics")
@blueprint.input(StatisticsQuery, location="query", arg_name="query")
@blueprint.output(StatisticsOut)
@refuses(404)
@needs("read")
def get_statistics(query: StatisticsQuery) -> dict[str, Any]:
    """事件统计 / MTTD, MTTA, MTTR, the share in time, and false alarms by rule."""
    end = service().clock() + 1 if query.end is None else query.end
    start = end - _USUAL if query.start is None else query.start
    if end - start > _LONGEST:
        raise InputError("最多统计 5 年 / at most five years at once", field="start")
    brands = visible_brands()
    if query.brand is not None:
        brands = [require_brand(query.brand)]
    found = learning().statistics(brands, start, end)
    return {"start": start, "end": end, **asdict(found)}
