"""Errors as problem+json (RFC 9457), with the code of our error tree."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any

import structlog
from apiflask import APIFlask, HTTPError
from flask import Response, g, request
from flask_limiter import RateLimitExceeded
from pydantic import ValidationError
from werkzeug.exceptions import HTTPException

from monitor.errors import InputError, MonitorError, StoreUnavailable
from monitor.intake import explained

RETRY_AFTER = "5"
_HTTP: dict[int, tuple[str, str]] = {
    400: ("bad_request", "请求有误 / bad request"),
    404: ("not_found", "没有这个地址 / no such address"),
    405: ("method_not_allowed", "该地址不支持此方法 / this address does not take that method"),
    413: (
        "too_large",
        "请求体过大，请分批发送 / the body is too large: send it in smaller batches",
    ),
    415: (
        "unsupported_media_type",
        "请以 application/json 发送，不要压缩 / send application/json, not compressed",
    ),
    429: ("too_many_requests", "请求过于频繁，请稍后再试 / too many requests: slow down"),
}

log = structlog.get_logger("tingfeng.api")


def problem(
    status: int, code: str, detail: str, *, headers: dict[str, str] | None = None, **extra: Any
) -> Response:
    """Build a problem+json answer."""
    body = {
        "type": f"urn:tingfeng:error:{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": code,
        "detail": detail,
        "request_id": g.get("request_id", ""),
        **{key: value for key, value in extra.items() if value is not None},
    }
    return Response(
        json.dumps(body, ensure_ascii=False),
        status,
        headers,
        content_type="application/problem+json",
    )


def of_validation(error: ValidationError) -> Response:
    """Build the answer to a body or query that does not fit its model."""
    first = error.errors(include_input=False, include_url=False)[0]
    field = ".".join(str(part) for part in first["loc"])
    return _invalid_field(field, first["msg"])


def of_query(error: HTTPError) -> Response:
    """Build the answer to a query that does not fit its model."""
    (fields,) = error.detail.values()
    field, messages = next(iter(fields.items()))
    return _invalid_field(field, messages[0])


def _invalid_field(field: str, message: str) -> Response:
    where = f"“{field}”" if field else "请求体"
    return problem(422, "invalid_input", f"{where}：{explained(message)}", field=field or None)


def install(app: APIFlask) -> None:
    """Turn every error into a problem."""

    @app.errorhandler(MonitorError)
    def _ours(error: MonitorError) -> Response:
        headers = {"Retry-After": RETRY_AFTER} if isinstance(error, StoreUnavailable) else None
        if error.status == 401:
            headers = {"WWW-Authenticate": "Bearer"}
        field = error.field if isinstance(error, InputError) else None
        return problem(error.status, error.code, error.message, headers=headers, field=field)

    @app.errorhandler(ValidationError)
    def _invalid(error: ValidationError) -> Response:
        return of_validation(error)

    @app.errorhandler(HTTPError)
    def _query(error: HTTPError) -> Response:
        return of_query(error)

    @app.errorhandler(HTTPException)
    def _http(error: HTTPException) -> Response:
        status = error.code or 500
        code, detail = _HTTP.get(status, ("http_error", HTTPStatus(status).phrase))
        headers = {
            name: value for name, value in error.get_headers() if name in ("Allow", "Retry-After")
        }
        if isinstance(error, RateLimitExceeded):
            headers["Retry-After"] = str(error.limit.limit.get_expiry())
        return problem(status, code, detail, headers=headers)

    @app.errorhandler(Exception)
    def _unexpected(error: Exception) -> Response:
        route = request.url_rule.rule if request.url_rule else None
        log.error("unexpected_error", kind=type(error).__name__, route=route, exc_info=error)
        return problem(500, "internal", "服务内部错误，已记录 / an internal error, recorded")
