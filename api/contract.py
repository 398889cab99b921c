"""Bodies in, and the OpenAPI document: what APIFlask knows of routes, completed from our models."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from typing import Any, TypeVar

from apiflask import APIFlask
from flask import request
from pydantic import BaseModel
from werkzeug.exceptions import UnsupportedMediaType

from api.access import PUBLIC, UNCOUNTED, json_body
from api.schemas import Problem
from monitor.intake import MAX_BATCH, MentionIn

View = TypeVar("View", bound=Callable[..., Any])
JSON_KINDS = ("application/json", "application/x-ndjson", "application/jsonl")
"""What mentions may come as: one JSON value, or one object a line."""
MAX_IDEMPOTENCY_KEY = 255
_WITHOUT_BODY = ("204", "304")
_PROBLEM = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
_REFUSALS = {
    "400": "请求无法读取 / the request cannot be read",
    "401": "没有密钥，或密钥无效 / no key, or a wrong one",
    "403": "密钥没有权限 / the key lacks the right",
    "404": "没有这个对象 / no such thing",
    "409": "已存在，或当前状态不允许 / it exists, or its state does not allow this",
    "413": "请求体过大 / the body is too large",
    "415": "请以 application/json 发送 / send application/json",
    "422": "内容有误 / the content is invalid",
    "429": "请求过于频繁 / too many requests",
    "503": "数据库暂不可用，请稍后重试 / the store is not available, try again later",
}

_IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "重发时用同一个键，24 小时内只存一次 / a repeat with it is stored once",
    "schema": {"type": "string", "minLength": 1, "maxLength": MAX_IDEMPOTENCY_KEY},
}


def cursor(text: str | None) -> tuple[int, str] | None:
    """Read a page's cursor: a time and an id."""
    if text is None:
        return None
    at, _, last = text.partition("_")
    return int(at), last


def takes(model: type[BaseModel]) -> Callable[[View], View]:
    """Read the JSON body into a model and pass it on as `body`.

    The bytes go straight to Pydantic, whose parser bounds depth and refuses what is no Unicode.
    """

    def wrap(view: View) -> View:
        @functools.wraps(view)
        def checked(*args: Any, **kwargs: Any) -> Any:
            if request.mimetype != "application/json":
                raise UnsupportedMediaType
            return view(*args, body=model.model_validate_json(json_body() or b""), **kwargs)

        checked.body = model  # type: ignore[attr-defined]
        return checked  # type: ignore[return-value]

    return wrap


def refuses(*statuses: int) -> Callable[[View], View]:
    """Name the refusals of a route that its scope, parameters and body do not tell of."""

    def mark(view: View) -> View:
        view.refusals = statuses  # type: ignore[attr-defined]
        return view

    return mark


def complete(app: APIFlask, spec: Any) -> Any:
    """Add bodies, security and problems to APIFlask's document."""
    schemas = spec.setdefault("components", {}).setdefault("schemas", {})
    for unused in ("HTTPError", "ValidationError"):
        schemas.pop(unused, None)
    _hoist(schemas, "Problem", Problem.model_json_schema(ref_template=_ref("Problem")))
    spec["components"]["securitySchemes"] = {
        "key": {"type": "http", "scheme": "bearer", "description": "API 密钥 / API key"}
    }
    views = {
        (rule_path(rule.rule), method.lower()): app.view_functions[rule.endpoint]
        for rule in app.url_map.iter_rules()
        for method in rule.methods or ()
    }
    for path, operations in spec["paths"].items():
        for method, operation in operations.items():
            _complete_operation(operation, views[path, method], schemas)
            _refuse(operation, views[path, method], counted=path not in UNCOUNTED)
    return spec


def rule_path(rule: str) -> str:
    """Write a Flask rule as an OpenAPI path.

    >>> rule_path("/api/v1/brands/<brand>")
    '/api/v1/brands/{brand}'
    """
    return re.sub(r"<(?:[^:<>]+:)?([^<>]+)>", r"{\1}", rule)


def _complete_operation(operation: dict[str, Any], view: Any, schemas: dict[str, Any]) -> None:
    scope = getattr(view, "scope", PUBLIC)
    operation["security"] = [] if scope == PUBLIC else [{"key": []}]
    if scope != PUBLIC:
        operation["description"] = (
            f"{operation.get('description', '')}\n\n所需权限 / scope: `{scope}`".strip()
        )
    for status, answer in operation["responses"].items():
        if status in _WITHOUT_BODY:
            answer.pop("content", None)
        for content in answer.get("content", {}).values():
            content["schema"] = _tidy(content["schema"], schemas)
    body = getattr(view, "body", None)
    if body is not None:
        schema = body.model_json_schema(ref_template=_ref(body.__name__))
        _hoist(schemas, body.__name__, schema)
        operation["requestBody"] = {
            "required": True,
            "content": {
                "application/json": {"schema": {"$ref": f"#/components/schemas/{body.__name__}"}}
            },
        }
        for kind in getattr(view, "also_takes", ()):
            operation["requestBody"]["content"][kind] = {"schema": {"type": "string"}}
    if getattr(view, "takes_mentions", False):
        operation["requestBody"] = _mentions_body(schemas)
        operation.setdefault("parameters", []).append(_IDEMPOTENCY_KEY)


def _refuse(operation: dict[str, Any], view: Any, *, counted: bool) -> None:
    """Add the problems that can come: with no key, a wrong address, query or body, too often."""
    statuses = set(getattr(view, "refusals", ()))
    if getattr(view, "scope", PUBLIC) != PUBLIC:
        statuses |= {401, 403, 503}
    if counted:
        statuses.add(429)
    places = {parameter["in"] for parameter in operation.get("parameters", [])}
    if "path" in places:
        statuses.add(404)
    if "query" in places:
        statuses.add(422)
    if "requestBody" in operation:
        statuses |= {400, 413, 415, 422}
    for status, description in _REFUSALS.items():
        if int(status) in statuses:
            operation["responses"][status] = {"description": description, "content": _PROBLEM}


def _mentions_body(schemas: dict[str, Any]) -> dict[str, Any]:
    _hoist(schemas, "MentionIn", MentionIn.model_json_schema(ref_template=_ref("MentionIn")))
    # Rows are checked one by one and refused one by one: a body with bad rows is a good body.
    row = {"anyOf": [{"$ref": "#/components/schemas/MentionIn"}, {}]}
    many = {"type": "array", "items": row, "minItems": 1, "maxItems": MAX_BATCH}
    one = {"anyOf": [{"$ref": "#/components/schemas/MentionIn"}, {"type": "object"}]}
    return {
        "required": True,
        "description": "JSON 数组或对象，或 NDJSON / a JSON array or object, or NDJSON",
        "content": {
            "application/json": {"schema": {"anyOf": [many, one]}},
            **{kind: {"schema": {"type": "string"}} for kind in JSON_KINDS[1:]},
        },
    }


def _ref(name: str) -> str:
    return f"#/components/schemas/{name}.{{model}}"


def _hoist(schemas: dict[str, Any], name: str, schema: dict[str, Any]) -> None:
    for inner, definition in schema.pop("$defs", {}).items():
        schemas[f"{name}.{inner}"] = definition
    schemas[name] = schema


def _tidy(schema: dict[str, Any], schemas: dict[str, Any]) -> dict[str, Any]:
    if "$defs" in schema:
        name = schema["title"]
        _hoist(schemas, name, schema)
        return {"$ref": f"#/components/schemas/{name}"}
    return schema
