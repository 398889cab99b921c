"""The Flask application: routes, access, limits, errors, logs, metrics."""

from __future__ import annotations

import re
import secrets
import time
from functools import partial
from typing import Any

import structlog
from apiflask import APIFlask
from flask import Response, g, request
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address

from api import (
    access,
    alerts,
    brands,
    channels,
    checklists,
    contract,
    corrections,
    deliveries,
    drills,
    feedback,
    incidents,
    keys,
    mentions,
    ops,
    playbooks,
    problems,
    readings,
    reviews,
    routing,
    silences,
)
from api.pages import create_pages
from monitor import __version__
from monitor.bootstrap import Service, build
from monitor.logs import configure
from monitor.metrics import REQUEST_SECONDS, REQUESTS
from monitor.settings import load_settings

_REQUEST_ID = re.compile(r"^[A-Za-z0-9._-]{1,64}$")
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_ROUTES = (
    *(brands, mentions, corrections, readings, alerts, incidents, silences, routing, channels),
    *(checklists, reviews, feedback, playbooks, drills, deliveries, keys, ops),
)
_INTRODUCTION = """
听风：品牌口碑与危机预警服务。所有数字都附样本量 n，凡估计值都附 95% 区间；时间为 UTC，ISO 8601。

Tingfeng: brand word of mouth and crisis alerts. Every figure carries its sample size n, every
estimate its 95 % interval; times are UTC in ISO 8601. Errors are problem+json with a stable `code`.
"""

log = structlog.get_logger("tingfeng.http")


def create_app(service: Service | None = None) -> APIFlask:
    """Build the application; without a service one is wired from the settings."""
    settings = service.settings if service else load_settings()
    configure(settings.log_level)
    app = APIFlask(__name__, title="听风 Tingfeng", version=__version__, docs_path=None)
    app.extensions["tingfeng"] = service or build(settings)
    app.config.update(
        OPENAPI_VERSION="3.1.0",
        DESCRIPTION=_INTRODUCTION.strip(),
        LOCAL_SPEC_JSON_INDENT=1,
        MAX_CONTENT_LENGTH=settings.max_body_bytes,
        AUTO_404_RESPONSE=False,
        AUTO_VALIDATION_ERROR_RESPONSE=False,
        JSON_SORT_KEYS=False,
    )
    app.json.ensure_ascii = False  # type: ignore[attr-defined]
    app.spec_processor(partial(contract.complete, app))
    access.install(app)
    problems.install(app)
    _observe(app)
    _limit(app, settings.rate_limit)
    for module in _ROUTES:
        app.register_blueprint(module.blueprint)
    app.register_blueprint(create_pages())
    for endpoint in ("openapi.spec", "static"):
        access.needs(access.PUBLIC)(app.view_functions[endpoint])
    return app


def _limit(app: APIFlask, rate: str) -> None:
    # Counted in each process: the setting is what one process allows to one key.
    limiter = Limiter(_who, app=app, default_limits=[rate], storage_uri="memory://")
    limiter.request_filter(lambda: request.path in access.UNCOUNTED)


def _who() -> str:
    key = g.get("key")
    return key.id if key else get_remote_address() or "unknown"


def _observe(app: APIFlask) -> None:
    @app.before_request
    def _start() -> None:
        given = request.headers.get("X-Request-Id", "")
        g.request_id = given if _REQUEST_ID.match(given) else secrets.token_hex(8)
        g.started = time.perf_counter()

    # The id must be there before access is checked.
    hooks: Any = app.before_request_funcs[None]
    hooks.insert(0, hooks.pop())

    @app.after_request
    def _finish(response: Response) -> Response:
        route = request.url_rule.rule if request.url_rule else "unknown"
        seconds = time.perf_counter() - g.get("started", time.perf_counter())
        response.headers["X-Request-Id"] = g.get("request_id", "")
        response.headers.setdefault("X-Content-Type-Options", "nosniff")
        if request.path.startswith("/api/"):
            response.headers.setdefault("Cache-Control", "no-store")
        # Anybody may invent a method, and every label is kept for good.
        method = request.method if request.method in _METHODS else "other"
        REQUESTS.labels(method, route, response.status_code).inc()
        REQUEST_SECONDS.labels(route).observe(seconds)
        # The route, not the path or the query: those may hold what people said.
        log.info(
            "request",
            id=g.get("request_id"),
            method=method,
            route=route,
            status=response.status_code,
            ms=round(1000 * seconds, 1),
        )
        return response
