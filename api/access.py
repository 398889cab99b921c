"""Who may do what. Every route names the scope it needs, or is public; anything else is refused."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import urlsplit

from apiflask import APIFlask
from flask import Response, current_app, g, request
from itsdangerous import BadSignature, URLSafeTimedSerializer
from werkzeug.exceptions import RequestEntityTooLarge

from monitor.bootstrap import Service
from monitor.errors import BadRequest, Forbidden, Unauthorised, UnknownThing
from monitor.keys import SCOPES, ApiKey, digest

COOKIE = "tingfeng_session"
SESSION_SECONDS = 12 * 3600
PUBLIC = "public"
UNCOUNTED = ("/health", "/ready", "/metrics")
"""What may be asked as often as one likes."""
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})

View = TypeVar("View", bound=Callable[..., Any])


def needs(scope: str) -> Callable[[View], View]:
    """Name the scope a route needs; `public` for none."""
    if scope not in (*SCOPES, PUBLIC):
        raise ValueError(scope)

    def mark(view: View) -> View:
        view.scope = scope  # type: ignore[attr-defined]
        return view

    return mark


def service() -> Service:
    """Return the wired service of this application."""
    found: Service = current_app.extensions["tingfeng"]
    return found


def caller() -> ApiKey:
    """Return the key of this request."""
    key: ApiKey = g.key
    return key


def require_brand(brand: str) -> str:
    """Return the brand id; raises UnknownThing where the key may not see it or it is not there."""
    if not caller().may_see(brand):
        raise UnknownThing(f"没有品牌“{brand}” / no such brand: {brand}")
    service().store.brands.get(brand)
    return brand


def visible_brands() -> list[str] | None:
    """Return the ids that this key may see; None for all."""
    held = caller().brands
    return None if held is None else sorted(held)


def install(app: APIFlask) -> None:
    """Check every request before its route sees it."""

    @app.before_request
    def _check() -> None:
        if request.endpoint is None:
            return
        view = app.view_functions[request.endpoint]
        scope = getattr(view, "scope", None)
        if scope == PUBLIC or (scope is None and request.endpoint.startswith("pages.")):
            return
        if scope is None:
            raise Forbidden("该地址未开放 / this address is closed")
        g.key = _authenticate()
        if not g.key.may(scope):
            raise Forbidden(f"密钥缺少权限 {scope} / the key lacks the scope {scope}")


def _authenticate() -> ApiKey:
    header = request.headers.get("Authorization")
    if header is not None:
        kind, _, secret = header.partition(" ")
        if kind.lower() != "bearer" or not secret.strip():
            raise Unauthorised(
                "请以 Authorization: Bearer 密钥 访问 / send Authorization: Bearer KEY"
            )
        return _live(_by_secret(secret.strip()))
    token = request.cookies.get(COOKIE)
    if token is None:
        raise Unauthorised("请以 Authorization: Bearer 密钥 访问 / send Authorization: Bearer KEY")
    if request.method not in _SAFE:
        _refuse_cross_site()
    return _live(_by_session(token))


def _by_secret(secret: str) -> ApiKey | None:
    return service().store.keys.by_hash(digest(secret))


def _by_session(token: str) -> ApiKey | None:
    try:
        key_id = _serializer().loads(token, max_age=SESSION_SECONDS)
    except BadSignature:
        return None
    return service().store.keys.by_id(str(key_id))


def _live(key: ApiKey | None) -> ApiKey:
    if key is None or not key.is_live(service().clock()):
        raise Unauthorised("密钥无效、已过期或已撤销 / the key is wrong, expired or revoked")
    return key


def _refuse_cross_site() -> None:
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        same = site in ("same-origin", "none")
    else:
        origin = request.headers.get("Origin")
        same = origin is not None and urlsplit(origin).netloc == request.host
    if not same:
        raise Forbidden("拒绝跨站请求 / cross-site request refused")


def _serializer() -> URLSafeTimedSerializer:
    secret = hmac.digest(service().pepper, b"session", "sha256")
    return URLSafeTimedSerializer(secret, salt="tingfeng-session")


def open_session(secret: str) -> Response:
    """Exchange a key for a session cookie."""
    if request.headers.get("Sec-Fetch-Site") not in (None, "same-origin", "none"):
        raise Forbidden("拒绝跨站请求 / cross-site request refused")
    key = _live(_by_secret(secret))
    response = Response(status=204)
    response.set_cookie(
        COOKIE,
        _serializer().dumps(key.id),
        max_age=SESSION_SECONDS,
        httponly=True,
        samesite="Strict",
        secure=service().settings.secure_cookies or request.is_secure,
    )
    return response


def close_session() -> Response:
    """Drop the session cookie."""
    response = Response(status=204)
    response.delete_cookie(COOKIE, httponly=True, samesite="Strict")
    return response


def json_body() -> bytes:
    """Return the body of a JSON request.

    Raises BadRequest for a compressed body, RequestEntityTooLarge for one beyond the limit; the
    content type is checked by the caller.
    """
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise BadRequest("请勿压缩请求体 / do not compress the body")
    body = request.get_data(cache=False)
    # A body in chunks is cut at the limit without a word: is there more of it?
    cut = len(body) == request.max_content_length and request.content_length is None
    if cut and request.environ["wsgi.input"].read(1):
        raise RequestEntityTooLarge
    return body
