"""API keys: what one may do, and how a key is made and checked. Only hashes are ever stored."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from monitor.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Collection

SCOPES = ("ingest", "read", "manage", "admin")
_INCLUDES: dict[str, frozenset[str]] = {
    "ingest": frozenset({"ingest"}),
    "read": frozenset({"read"}),
    "manage": frozenset({"manage", "read"}),
    "admin": frozenset(SCOPES),
}


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key without its secret. `brands` None means every brand."""

    id: str
    name: str
    scopes: frozenset[str]
    brands: frozenset[str] | None
    created_at: int
    expires_at: int | None = None
    revoked_at: int | None = None

    def is_live(self, now: int) -> bool:
        """Whether it is neither revoked nor expired."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)

    def may(self, scope: str) -> bool:
        """Whether one of its scopes includes `scope`; manage includes read, admin everything.

        What takes admin concerns every brand, so a key limited to brands may not do it.
        """
        if scope == "admin" and self.brands is not None:
            return False
        return any(scope in _INCLUDES[held] for held in self.scopes)

    def may_see(self, brand: str) -> bool:
        """Whether the brand is on its list, or it has none."""
        return self.brands is None or brand in self.brands


def check_limits(scopes: Collection[str], brands: Collection[str] | None) -> None:
    """Refuse a key that could lift its own limit to brands; raises InputError."""
    if "admin" in scopes and brands is not None:
        raise InputError(
            "admin 密钥不能限定品牌，请改用 manage、read 或 ingest / an admin key cannot be limited"
            " to brands: use manage, read or ingest",
            field="brands",
        )


def new_secret() -> tuple[str, str]:
    """Make a key: its id, and the secret to be shown once (256 random bits)."""
    return secrets.token_hex(6), f"tf_{secrets.token_urlsafe(32)}"


def digest(secret: str) -> bytes:
    """Return what is stored of a key: sha256, enough for 256 random bits."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()
