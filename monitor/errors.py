"""Every error that leaves a step, in one tree; `permanent` says whether a retry can help.

MonitorError
├── InputError            what was sent cannot be used; it says what to do instead
│   ├── BadRequest        the request itself cannot be read
│   ├── UnknownThing      no such brand, mention, alert, channel or key
│   └── Conflict          the thing exists already, or its state does not allow this
├── Unauthorised          no key, or one that is wrong, expired or revoked
├── Forbidden             the key lacks the scope or the brand
├── StoreUnavailable      the store is locked, full or out of reach; a retry can help
├── ConfigurationError    a setting is wrong; the service does not start
└── DeliveryError         a message did not arrive; carries `permanent` itself
"""

from __future__ import annotations


class MonitorError(Exception):
    """What every error of ours is.

    Parameters
    ----------
    message : str
        What is wrong and what to do, Chinese first, English after a slash.

    """

    code = "error"
    status = 500
    permanent = True

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class InputError(MonitorError):
    """What was sent cannot be used."""

    code = "invalid_input"
    status = 422

    def __init__(self, message: str, *, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field


class BadRequest(InputError):
    """The request itself cannot be read."""

    code = "bad_request"
    status = 400


class UnknownThing(InputError):
    """There is no such thing, or the key may not know of it."""

    code = "not_found"
    status = 404


class Conflict(InputError):
    """The thing exists already, or is in a state that does not allow this."""

    code = "conflict"
    status = 409


class Unauthorised(MonitorError):
    """No key, or one that is wrong, expired or revoked."""

    code = "unauthorised"
    status = 401


class Forbidden(MonitorError):
    """The key is good but lacks the scope or the brand."""

    code = "forbidden"
    status = 403


class StoreUnavailable(MonitorError):
    """The store is locked, full or out of reach; nothing was written, and a retry can help."""

    code = "store_unavailable"
    status = 503
    permanent = False


class ConfigurationError(MonitorError):
    """A setting is wrong; the message names it and what it may be."""

    code = "configuration"


class DeliveryError(MonitorError):
    """A message did not arrive; `permanent` where a retry cannot help."""

    code = "delivery_failed"

    def __init__(
        self, message: str, *, permanent: bool = False, retry_after: float | None = None
    ) -> None:
        super().__init__(message)
        self.permanent = permanent
        self.retry_after = retry_after
