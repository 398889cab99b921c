"""Keys and sessions over HTTP."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from apiflask import APIBlueprint
from flask import Response

from api.access import PUBLIC, caller, close_session, needs, open_session, service
from api.contract import refuses, takes
from api.schemas import KeyIn, KeyList, MeOut, NewKeyOut, SessionIn
from monitor.bootstrap import issue_key
from monitor.errors import InputError
from monitor.keys import ApiKey, check_limits

blueprint = APIBlueprint("keys", __name__, url_prefix="/api/v1", tag="密钥 Keys")


@blueprint.get("/me")
@blueprint.output(MeOut)
@needs("read")
def me() -> dict[str, Any]:
    """当前密钥 / The key this request came with."""
    return _shown(caller())


@blueprint.post("/session")
@blueprint.doc(responses={204: "已登录 / logged in"})
@takes(SessionIn)
@refuses(401, 403, 503)
@needs(PUBLIC)
def log_in(body: SessionIn) -> Response:
    """登录 / Exchange a key for a session cookie."""
    return open_session(body.key)


@blueprint.delete("/session")
@blueprint.doc(responses={204: "已退出 / logged out"})
@needs(PUBLIC)
def log_out() -> Response:
    """退出 / Drop the session cookie."""
    return close_session()


@blueprint.get("/keys")
@blueprint.output(KeyList)
@needs("admin")
def list_keys() -> dict[str, Any]:
    """列出密钥 / List keys; never their secrets."""
    return {"items": [_shown(key) for key in service().store.keys.all()]}


@blueprint.post("/keys")
@blueprint.output(NewKeyOut, 201)
@takes(KeyIn)
@needs("admin")
def add_key(body: KeyIn) -> dict[str, Any]:
    """新建密钥 / Make a key; its secret is shown this once."""
    now = service().clock()
    check_limits(body.scopes, body.brands)
    if body.expires_at is not None and body.expires_at <= now:
        raise InputError("过期时间须在将来 / expires_at must lie in the future", field="expires_at")
    key, secret = issue_key(
        service().store,
        body.name,
        body.scopes,
        now,
        brands=body.brands,
        expires_at=body.expires_at,
    )
    return {**_shown(key), "key": secret}


@blueprint.delete("/keys/<key_id>")
@blueprint.doc(responses={204: "已撤销 / revoked"})
@needs("admin")
def revoke_key(key_id: str) -> Response:
    """撤销密钥 / Revoke a key."""
    service().store.keys.revoke(key_id, service().clock())
    return Response(status=204)


def _shown(key: ApiKey) -> dict[str, Any]:
    return {
        **asdict(key),
        "scopes": sorted(key.scopes),
        "brands": None if key.brands is None else sorted(key.brands),
    }
