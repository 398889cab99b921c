"""Figures and readings out: indices, trends, comparisons, the overview, sentiment on demand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from apiflask import APIBlueprint
from flask import Response, request

from api.access import caller, needs, require_brand, service
from api.contract import refuses, takes
from api.mentions import told
from api.schemas import (
    LABELS,
    STEPS,
    CompareOut,
    CompareQuery,
    FacetsOut,
    IndicesOut,
    OverviewOut,
    PeriodQuery,
    SentimentIn,
    SentimentOut,
    TrendOut,
    TrendQuery,
    WindowQuery,
)
from monitor.figures import Figures
from monitor.indices import Metric
from monitor.pipeline import traits_of
from monitor.scoring import in_two

blueprint = APIBlueprint("readings", __name__, url_prefix="/api/v1", tag="指数 Indices")
_MAX_POINTS = 3000
_UNCHANGED = {304: "与 If-None-Match 相同 / as in If-None-Match"}
_STEP_NAMES = {seconds: name for name, seconds in STEPS.items()}


def _figures() -> Figures:
    return Figures(service().store, service().clock())


def _written(metrics: Mapping[str, Metric]) -> dict[str, Any]:
    return {name: asdict(metric) for name, metric in metrics.items()}


@blueprint.get("/brands/<brand>/indices")
@blueprint.input(WindowQuery, location="query", arg_name="query")
@blueprint.output(IndicesOut)
@blueprint.doc(responses=_UNCHANGED)
@needs("read")
def get_indices(brand: str, query: WindowQuery) -> dict[str, Any]:
    """口碑指数与各项指标 / Every index of a brand over a window."""
    held = service().store.brands.get(require_brand(brand))
    start, end = query.window(service().clock())
    figures = _figures()
    return {
        "brand": brand,
        "start": start,
        "end": end,
        "platform": query.platform,
        "indices": _written(
            figures.indices(held, start, end, query.platform, visible=caller().brands)
        ),
        "platforms": figures.platforms(brand, start, end),
        "stage_counts": figures.stages(brand, start, end, query.platform),
    }


@blueprint.get("/brands/<brand>/facets")
@blueprint.input(WindowQuery, location="query", arg_name="query")
@blueprint.output(FacetsOut)
@blueprint.doc(responses=_UNCHANGED)
@needs("read")
def get_facets(brand: str, query: WindowQuery) -> dict[str, Any]:
    """内容构成 / What a brand's mentions are about: aspects, emotions, intents, risks and more."""
    require_brand(brand)
    start, end = query.window(service().clock())
    return {
        "brand": brand,
        "start": start,
        "end": end,
        "platform": query.platform,
        "facets": _figures().facets(brand, start, end, query.platform),
    }


@blueprint.get("/brands/<brand>/trend")
@blueprint.input(TrendQuery, location="query", arg_name="query")
@blueprint.output(TrendOut)
@blueprint.doc(responses=_UNCHANGED)
@needs("read")
def get_trend(brand: str, query: TrendQuery) -> dict[str, Any]:
    """趋势 / A brand over time."""
    require_brand(brand)
    start, end = query.window(service().clock())
    step = STEPS[query.step]
    while (end - start) / step > _MAX_POINTS and step < 86400:
        step = min(s for s in STEPS.values() if s > step)
    start = max(start, end - _MAX_POINTS * step)
    return {
        "brand": brand,
        "step": _STEP_NAMES[step],
        "points": _figures().trend(brand, start, end, step, query.platform),
    }


@blueprint.get("/compare")
@blueprint.input(CompareQuery, location="query", arg_name="query")
@blueprint.output(CompareOut)
@blueprint.doc(responses=_UNCHANGED)
@refuses(404)
@needs("read")
def compare(query: CompareQuery) -> dict[str, Any]:
    """品牌对比 / Brands side by side; the share of voice is among those named."""
    store = service().store
    brands = [
        store.brands.get(require_brand(brand)) for brand in dict.fromkeys(query.brands.split(","))
    ]
    start, end = query.window(service().clock())
    figures = _figures()
    found = {
        b.id: figures.indices(b, start, end, query.platform, visible=caller().brands)
        for b in brands
    }
    voices = figures.voices({b: found[b]["volume"].value or 0 for b in found})
    return {
        "start": start,
        "end": end,
        "brands": [
            {
                "brand": b.id,
                "name": b.name,
                "indices": _written(found[b.id]),
                "share_of_voice": asdict(voices[b.id]),
            }
            for b in brands
        ],
    }


@blueprint.get("/overview")
@blueprint.input(PeriodQuery, location="query", arg_name="query")
@blueprint.output(OverviewOut)
@blueprint.doc(responses=_UNCHANGED)
@needs("read")
def overview(query: PeriodQuery) -> Any:
    """总览 / Every brand at a glance. 支持 ETag / answers 304 to a known ETag."""
    start, end = query.window(service().clock())
    brands = [b for b in service().store.brands.all() if caller().may_see(b.id)]
    open_alerts = service().store.alerts.open_counts()
    cards = []
    for brand in brands:
        card = _figures().card(brand, start, end)
        n, level = open_alerts.get(brand.id, (0, "none"))
        cards.append(
            {
                "id": brand.id,
                "name": brand.name,
                "indices": _written(card.indices),
                "open_alerts": n,
                "level": level,
                "sparkline": card.sparkline,
            }
        )
    return {"start": start, "end": end, "brands": cards}


@blueprint.after_request
def _tag(response: Response) -> Response:
    if request.method == "GET" and response.status_code == 200:
        response.add_etag()
        response.headers["Cache-Control"] = "no-cache"
        response.make_conditional(request)
    return response


@blueprint.post("/sentiment")
@blueprint.output(SentimentOut)
@takes(SentimentIn)
@needs("read")
def judge(body: SentimentIn) -> dict[str, Any]:
    """判断情感 / Read texts without storing them; with `target`, what they say about it."""
    model, texts, readings = service().pipeline.read(body.texts, body.target, body.platform)
    out = []
    for text, reading in zip(texts, readings, strict=True):
        judged = in_two(reading.targets.get("target", reading.document), binary=body.binary)
        out.append(
            {
                "text": text,
                "label": LABELS[judged.label],
                "score": round(judged.score, 4),
                "confidence": round(judged.confidence, 4),
                "review": judged.review,
                "cues": [asdict(cue) for cue in judged.cues],
                "keywords": reading.keywords,
                **told(traits_of(reading)),
            }
        )
    return {"model": model, "readings": out}
