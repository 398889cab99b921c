"""For operators: is it there, can it work, what does it measure."""

from __future__ import annotations

from apiflask import APIBlueprint
from flask import Response
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from api.access import PUBLIC, needs, service
from api.contract import refuses
from api.schemas import StatusOut
from monitor.settings import metrics_are_shared

blueprint = APIBlueprint("ops", __name__, tag="运维 Operations")


@blueprint.get("/health")
@blueprint.output(StatusOut)
@needs(PUBLIC)
def health() -> dict[str, str]:
    """是否存活 / The process answers."""
    return {"status": "ok"}


@blueprint.get("/ready")
@blueprint.output(StatusOut)
@refuses(503)
@needs(PUBLIC)
def ready() -> dict[str, str]:
    """是否就绪 / The store can be read."""
    service().store.ping()
    return {"status": "ok"}


@blueprint.get("/metrics")
@blueprint.doc(hide=True)
@needs(PUBLIC)
def metrics() -> Response:
    """Everything Prometheus reads, over all processes."""
    registry = REGISTRY
    if metrics_are_shared():
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)
