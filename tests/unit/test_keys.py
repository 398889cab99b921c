import hashlib

import pytest

from monitor.errors import InputError
from monitor.keys import SCOPES, ApiKey, check_limits, digest, new_secret


def key(*scopes, **more):
    return ApiKey("id", "name", frozenset(scopes), more.pop("brands", None), 0, **more)


@pytest.mark.parametrize(
    ("held", "opens"),
    [
        ("ingest", {"ingest"}),
        ("read", {"read"}),
        ("manage", {"manage", "read"}),
        ("admin", set(SCOPES)),
    ],
)
def test_a_scope_opens_itself_and_what_it_includes(held, opens):
    assert {scope for scope in SCOPES if key(held).may(scope)} == opens


def test_scopes_add_up_and_none_opens_nothing():
    assert key("ingest", "read").may("read")
    assert not any(key().may(scope) for scope in SCOPES)


def test_a_key_lives_until_it_expires_or_is_revoked():
    assert key("read").is_live(10**10)
    assert key("read", expires_at=100).is_live(99)
    assert not key("read", expires_at=100).is_live(100)
    assert not key("read", revoked_at=0).is_live(0)


def test_a_key_sees_its_brands_or_all():
    assert key("read").may_see("a")
    assert key("read", brands=frozenset({"a"})).may_see("a")
    assert not key("read", brands=frozenset({"a"})).may_see("b")
    assert not key("read", brands=frozenset()).may_see("a")


def test_secrets_are_long_and_never_the_same():
    made = [new_secret() for _ in range(100)]
    assert len({secret for _, secret in made}) == len({key_id for key_id, _ in made}) == 100
    assert all(secret.startswith("tf_") and len(secret) == 46 for _, secret in made)


def test_what_is_stored_is_a_hash():
    assert digest("tf_秘密") == hashlib.sha256("tf_秘密".encode()).digest()
    assert digest("\ud800") != digest("\ud801")


def test_a_key_limited_to_brands_is_no_admin():
    limited = key("admin", brands=frozenset({"a"}))
    assert [scope for scope in SCOPES if limited.may(scope)] == ["ingest", "read", "manage"]
    for brands in ([], ["a"]):
        with pytest.raises(InputError, match="admin"):
            check_limits(["read", "admin"], brands)
    check_limits(["admin"], None)
    check_limits(["manage"], ["a"])
