"""Who may do what: every route, every scope, every way in which a key can be wrong."""

from __future__ import annotations

import re

import pytest

from monitor.bootstrap import issue_key
from monitor.domain import Brand
from monitor.keys import SCOPES
from tests.rows import NOW, row

TABLE = {
    ("GET", "/api/v1/me"): "read",
    ("GET", "/api/v1/overview"): "read",
    ("GET", "/api/v1/compare"): "read",
    ("POST", "/api/v1/sentiment"): "read",
    ("POST", "/api/v1/mentions"): "ingest",
    ("GET", "/api/v1/brands"): "read",
    ("POST", "/api/v1/brands"): "manage",
    ("GET", "/api/v1/brands/<brand>"): "read",
    ("PATCH", "/api/v1/brands/<brand>"): "manage",
    ("DELETE", "/api/v1/brands/<brand>"): "manage",
    ("GET", "/api/v1/brands/<brand>/indices"): "read",
    ("GET", "/api/v1/brands/<brand>/facets"): "read",
    ("GET", "/api/v1/brands/<brand>/trend"): "read",
    ("GET", "/api/v1/brands/<brand>/mentions"): "read",
    ("PATCH", "/api/v1/mentions/<mention>/reading"): "manage",
    ("POST", "/api/v1/brands/<brand>/corrections"): "manage",
    ("GET", "/api/v1/brands/<brand>/corrections"): "read",
    ("GET", "/api/v1/brands/<brand>/review"): "read",
    ("GET", "/api/v1/brands/<brand>/agreement"): "read",
    ("GET", "/api/v1/alerts"): "read",
    ("GET", "/api/v1/alerts/<alert>"): "read",
    ("POST", "/api/v1/alerts/<alert>/acknowledge"): "manage",
    ("POST", "/api/v1/alerts/<alert>/assign"): "manage",
    ("POST", "/api/v1/alerts/<alert>/note"): "manage",
    ("POST", "/api/v1/alerts/<alert>/resolve"): "manage",
    ("GET", "/api/v1/incidents/<incident>/tasks"): "read",
    ("POST", "/api/v1/incidents/<incident>/tasks"): "manage",
    ("POST", "/api/v1/incidents/<incident>/tasks/<task>/finish"): "manage",
    ("POST", "/api/v1/incidents/<incident>/tasks/<task>/skip"): "manage",
    ("POST", "/api/v1/incidents/<incident>/tasks/<task>/reopen"): "manage",
    ("GET", "/api/v1/incidents/<incident>/statements"): "read",
    ("POST", "/api/v1/incidents/<incident>/statements"): "manage",
    ("PATCH", "/api/v1/incidents/<incident>/statements/<statement>"): "manage",
    ("POST", "/api/v1/incidents/<incident>/statements/<statement>/approve"): "manage",
    ("POST", "/api/v1/incidents/<incident>/statements/<statement>/reject"): "manage",
    ("GET", "/api/v1/deliveries"): "admin",
    ("POST", "/api/v1/deliveries/<delivery>/replay"): "admin",
    ("GET", "/api/v1/brands/<brand>/insights"): "read",
    ("GET", "/api/v1/brands/<brand>/actions"): "read",
    ("POST", "/api/v1/brands/<brand>/actions"): "manage",
    ("GET", "/api/v1/brands/<brand>/actions/<action>"): "read",
    ("POST", "/api/v1/brands/<brand>/actions/<action>/finish"): "manage",
    ("POST", "/api/v1/brands/<brand>/actions/<action>/inform"): "manage",
    ("GET", "/api/v1/brands/<brand>/actions/<action>/outcome"): "read",
    ("GET", "/api/v1/incidents"): "read",
    ("GET", "/api/v1/incidents/<incident>"): "read",
    ("POST", "/api/v1/incidents/<incident>/acknowledge"): "manage",
    ("POST", "/api/v1/incidents/<incident>/mitigate"): "manage",
    ("POST", "/api/v1/incidents/<incident>/resolve"): "manage",
    ("POST", "/api/v1/incidents/<incident>/dismiss"): "manage",
    ("POST", "/api/v1/incidents/<incident>/reopen"): "manage",
    ("POST", "/api/v1/incidents/<incident>/assign"): "manage",
    ("POST", "/api/v1/incidents/<incident>/note"): "manage",
    ("POST", "/api/v1/incidents/<incident>/merge"): "manage",
    ("POST", "/api/v1/drills"): "manage",
    ("GET", "/api/v1/drills/<incident>"): "read",
    ("GET", "/api/v1/playbooks"): "read",
    ("PUT", "/api/v1/playbooks/<playbook>"): "admin",
    ("DELETE", "/api/v1/playbooks/<playbook>"): "admin",
    ("GET", "/api/v1/incidents/<incident>/review"): "read",
    ("POST", "/api/v1/incidents/<incident>/review"): "manage",
    ("GET", "/api/v1/incidents/<incident>/review.md"): "read",
    ("GET", "/api/v1/statistics"): "read",
    ("GET", "/api/v1/routing"): "admin",
    ("PUT", "/api/v1/routing"): "admin",
    ("POST", "/api/v1/routing/preview"): "admin",
    ("GET", "/api/v1/silences"): "read",
    ("POST", "/api/v1/silences"): "manage",
    ("DELETE", "/api/v1/silences/<silence>"): "manage",
    ("GET", "/api/v1/channels"): "admin",
    ("POST", "/api/v1/channels"): "admin",
    ("GET", "/api/v1/channels/<channel>"): "admin",
    ("PATCH", "/api/v1/channels/<channel>"): "admin",
    ("DELETE", "/api/v1/channels/<channel>"): "admin",
    ("POST", "/api/v1/channels/<channel>/test"): "admin",
    ("GET", "/api/v1/keys"): "admin",
    ("POST", "/api/v1/keys"): "admin",
    ("DELETE", "/api/v1/keys/<key_id>"): "admin",
}
PUBLIC = {
    ("POST", "/api/v1/session"),
    ("DELETE", "/api/v1/session"),
    ("GET", "/"),
    ("GET", "/docs"),
    ("GET", "/a/<token>"),
    ("POST", "/a/<token>"),
    ("GET", "/assets/<path:name>"),
    ("GET", "/health"),
    ("GET", "/ready"),
    ("GET", "/metrics"),
    ("GET", "/openapi.json"),
    ("GET", "/static/<path:filename>"),
}
HOLDS = {
    "ingest": {"ingest"},
    "read": {"read"},
    "manage": {"manage", "read"},
    "admin": {"ingest", "read", "manage", "admin"},
}
ROUTES = [pytest.param(*route, scope, id=" ".join(route)) for route, scope in TABLE.items()]


def address(path):
    return re.sub(r"<\w+>", "nothing", path)


def ask(client, method, path, **headers):
    return client.open(address(path), method=method, headers=headers, json={})


def test_the_table_names_every_route_there_is(app):
    routes = {
        (method, rule.rule)
        for rule in app.url_map.iter_rules()
        for method in rule.methods - {"HEAD", "OPTIONS"}
    }
    assert routes == TABLE.keys() | PUBLIC


@pytest.mark.parametrize(("method", "path", "scope"), ROUTES)
def test_each_scope_opens_what_it_should_and_nothing_else(make_client, method, path, scope):
    for held in SCOPES:
        answer = ask(make_client(held), method, path)
        if scope in HOLDS[held]:
            assert answer.status_code not in (401, 403), held
        else:
            assert (answer.status_code, answer.json["code"]) == (403, "forbidden"), held


@pytest.mark.parametrize(("method", "path", "scope"), ROUTES)
def test_a_key_that_is_none_opens_nothing(anonymous, make_key, service, clock, method, path, scope):
    expired = make_key("admin", expires_at=clock.now + 60)
    revoked_key, revoked = issue_key(service.store, "k", ["admin"], clock.now)
    service.store.keys.revoke(revoked_key.id, clock.now)
    good = make_key("admin")
    clock.now += 60
    for header in (
        None,
        "",
        "Bearer",
        "Bearer ",
        "Bearer tf_wrong",
        f"Bearer {good[:-1]}",
        f"Basic {good}",
        good,
        f"Bearer {expired}",
        f"Bearer {revoked}",
        "Bearer \xe9\xff",
    ):
        headers = {} if header is None else {"Authorization": header}
        answer = ask(anonymous, method, path, **headers)
        assert (answer.status_code, answer.json["code"]) == (401, "unauthorised"), header
        assert answer.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("path", sorted(path for method, path in PUBLIC if method == "GET"))
def test_what_is_public_needs_no_key(anonymous, path):
    wanted = re.sub(r"<[\w:]+>", "x", path)
    assert anonymous.get(wanted).status_code in (200, 404, 410)


def test_a_new_route_that_names_no_scope_is_closed_to_everyone(make_service):
    from api.access import needs
    from api.app import create_app

    service = make_service()
    app = create_app(service)
    app.add_url_rule("/api/v1/forgotten", view_func=lambda: "secret", endpoint="forgotten")
    secret = issue_key(service.store, "k", ["admin"], NOW)[1]
    for headers in ({}, {"Authorization": f"Bearer {secret}"}):
        answer = app.test_client().get("/api/v1/forgotten", headers=headers)
        assert (answer.status_code, answer.json["code"]) == (403, "forbidden")
    with pytest.raises(ValueError, match="everything"):
        needs("everything")


@pytest.fixture
def two_brands(service):
    for identifier, name in (("mine", "星途"), ("theirs", "蓝海")):
        service.store.brands.add(Brand(identifier, name))


BRAND_ROUTES = [
    pytest.param(method, path, id=f"{method} {path}") for method, path in TABLE if "<brand>" in path
]


BODIES = {
    ("POST", "/api/v1/brands/<brand>/actions"): {
        "text": "加人手",
        "owner": "小王",
        "due_at": NOW + 3600,
        "insight": {"kind": "aspect", "name": "物流"},
    },
    ("POST", "/api/v1/brands/<brand>/actions/<action>/inform"): {"told_to": ["客服"]},
}


@pytest.mark.usefixtures("two_brands")
@pytest.mark.parametrize(("method", "path"), BRAND_ROUTES)
def test_a_key_of_one_brand_does_not_learn_of_another(make_client, method, path):
    client = make_client("manage", "ingest", brands=["mine"])
    body = BODIES.get((method, path), {})
    path = path.replace("<brand>", "{}").replace("<action>", "nothing")
    theirs = client.open(path.format("theirs"), method=method, json=body)
    nobodys = client.open(path.format("nobody"), method=method, json=body)
    assert theirs.status_code == nobodys.status_code == 404
    assert theirs.json["detail"].replace("theirs", "nobody") == nobodys.json["detail"]
    mine = client.open(path.format("mine"), method=method, json=body)
    if "nothing" in path:
        assert (mine.status_code, "nothing" in mine.json["detail"]) == (404, True)
    elif body:
        assert (mine.status_code, mine.json["field"]) == (422, "insight.name")
    else:
        assert mine.status_code < 400


@pytest.mark.usefixtures("two_brands")
def test_a_key_of_one_brand_sees_only_that_brand(make_client, client):
    limited = make_client("manage", "ingest", brands=["mine"])
    assert [b["id"] for b in limited.get("/api/v1/brands").json["items"]] == ["mine"]
    assert [b["id"] for b in limited.get("/api/v1/overview").json["brands"]] == ["mine"]
    assert limited.get("/api/v1/compare?brands=mine,theirs").status_code == 404
    assert limited.get("/api/v1/alerts?brand=theirs").json["items"] == []
    assert limited.post("/api/v1/brands", json={"id": "x", "name": "x"}).status_code == 403
    assert limited.get("/api/v1/me").json["brands"] == ["mine"]
    rows = [row("随便", brands=[b]) for b in ("mine", "theirs", "nobody")]
    account = limited.post("/api/v1/mentions", json=rows).json
    assert account["accepted"] == 1
    reasons = {r["reason"].replace("theirs", "nobody") for r in account["rejected"]}
    assert len(reasons) == 1
    assert client.get("/api/v1/brands/theirs/mentions").json["items"] == []


def test_a_key_of_no_brand_sees_none(make_client, two_brands):
    assert make_client("read", brands=[]).get("/api/v1/brands").json["items"] == []


# -- sessions ------------------------------------------------------------------------------------


@pytest.fixture
def browser(anonymous, make_key):
    """A client that has logged in."""
    answer = anonymous.post("/api/v1/session", json={"key": make_key("admin")})
    assert answer.status_code == 204
    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    return anonymous


NEW = {"id": "xinhe", "name": "新禾"}


def test_a_session_may_read_from_anywhere(browser):
    assert browser.get("/api/v1/me", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost.evil.example"},
        {"Sec-Fetch-Site": "cross-site", "Origin": "http://localhost"},
    ],
)
def test_a_session_changes_nothing_from_another_site(browser, headers):
    assert browser.post("/api/v1/brands", json=NEW, headers=headers).status_code == 403
    assert browser.get("/api/v1/brands").json["items"] == []


@pytest.mark.parametrize(
    "headers", [{"Sec-Fetch-Site": "same-origin"}, {"Origin": "http://localhost"}]
)
def test_a_session_changes_things_from_its_own_site(browser, headers):
    assert browser.post("/api/v1/brands", json=NEW, headers=headers).status_code == 201


def test_a_session_ends_with_its_key_and_by_logging_out(browser, service, clock):
    assert browser.get("/api/v1/me").status_code == 200
    assert browser.delete("/api/v1/session").status_code == 204
    assert browser.get("/api/v1/me").status_code == 401


def test_a_session_of_a_revoked_key_is_over(browser, service, clock):
    (key,) = service.store.keys.all()
    service.store.keys.revoke(key.id, clock.now)
    assert browser.get("/api/v1/me").status_code == 401


def test_a_forged_session_is_none(anonymous, browser, service):
    from itsdangerous import URLSafeTimedSerializer

    (key,) = service.store.keys.all()
    for secret in ("", "tingfeng"):
        forged = URLSafeTimedSerializer(secret, salt="tingfeng-session").dumps(key.id)
        browser.set_cookie("tingfeng_session", forged)
        assert browser.get("/api/v1/me").status_code == 401


def test_nobody_is_logged_in_from_another_site(anonymous, make_key):
    answer = anonymous.post(
        "/api/v1/session",
        json={"key": make_key("admin")},
        headers={"Sec-Fetch-Site": "cross-site"},
    )
    assert answer.status_code == 403
    assert "Set-Cookie" not in answer.headers


# -- keys ----------------------------------------------------------------------------------------


def test_a_key_is_shown_once_and_kept_as_a_hash_only(client, service):
    made = client.post("/api/v1/keys", json={"name": "采集", "scopes": ["ingest"]}).json
    secret = made["key"]
    headers = {"Authorization": f"Bearer {secret}"}
    assert client.post("/api/v1/mentions", json=[row()], headers=headers).status_code == 202
    assert secret not in client.get("/api/v1/keys").text
    folder = service.settings.database_url.removeprefix("sqlite:///").rpartition("/")[0]
    from pathlib import Path

    files = [path for path in Path(folder).iterdir() if path.is_file()]
    assert any(path.suffix == ".db" for path in files)
    for path in files:
        assert secret.encode() not in path.read_bytes()
        assert secret.removeprefix("tf_").encode() not in path.read_bytes()


def test_a_key_can_be_limited_and_revoked_over_http(client, anonymous, clock):
    body = {"name": "k", "scopes": ["read"], "brands": ["a"], "expires_at": NOW + 3600}
    made = client.post("/api/v1/keys", json=body).json
    headers = {"Authorization": f"Bearer {made['key']}"}
    assert anonymous.get("/api/v1/me", headers=headers).json == {
        "name": "k",
        "scopes": ["read"],
        "brands": ["a"],
    }
    assert client.delete(f"/api/v1/keys/{made['id']}").status_code == 204
    assert anonymous.get("/api/v1/me", headers=headers).status_code == 401
    (listed,) = [k for k in client.get("/api/v1/keys").json["items"] if k["id"] == made["id"]]
    assert listed["revoked_at"] == "2026-11-22T00:00:00Z"


def test_a_key_that_is_over_already_is_not_made(client):
    body = {"name": "k", "scopes": ["read"], "expires_at": NOW}
    assert client.post("/api/v1/keys", json=body).status_code == 422


def test_a_key_that_could_lift_its_own_limit_is_not_made(client, make_client):
    for brands in ([], ["mine"]):
        body = {"name": "k", "scopes": ["read", "admin"], "brands": brands}
        answer = client.post("/api/v1/keys", json=body)
        assert (answer.status_code, answer.json["field"]) == (422, "brands")
    held_before = make_client("admin", brands=["mine"])
    body = {"name": "k", "scopes": ["admin"]}
    assert held_before.post("/api/v1/keys", json=body).status_code == 403
    assert held_before.get("/api/v1/channels").status_code == 403


@pytest.mark.usefixtures("two_brands")
def test_a_key_of_one_brand_does_not_learn_of_anothers_volume(make_client, client):
    limited = make_client("manage", brands=["mine"])
    client.post("/api/v1/mentions", json=[row("星途"), row("蓝海"), row("蓝海")])
    for hidden in ("theirs", "nobody"):
        change = {"competitors": [hidden]}
        answer = limited.patch("/api/v1/brands/mine", json=change)
        assert (answer.status_code, answer.json["field"]) == (422, "competitors")
    assert client.get("/api/v1/brands/mine").json["competitors"] == []
    assert client.patch("/api/v1/brands/mine", json={"competitors": ["theirs"]}).status_code == 200

    def voice(asked):
        found = asked.get("/api/v1/brands/mine/indices").json["indices"]["share_of_voice"]
        return found["n"]

    assert (voice(client), voice(limited)) == (3, 1)
    assert voice(make_client("read", brands=["mine", "theirs"])) == 3
