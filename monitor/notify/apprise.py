"""The long tail of services, by Apprise where it is installed. Best effort: it says yes or no.

Apprise sends by a client of its own, so of our guard only this remains: services of fixed address
are open, servers of the user's choosing only where the operator allowed host:port.
"""

from __future__ import annotations

import logging
from importlib import import_module
from typing import TYPE_CHECKING, Any

from monitor.errors import DeliveryError, InputError
from monitor.notify.message import Message, chat, compose, markdown_title
from monitor.notify.transport import check_fields

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from monitor.domain import Channel, Delivery
    from monitor.notify.http import GuardedClient

_SECONDS = 20.0
# These have kinds of their own, which read the code in the body; Apprise takes any 200 for success.
_BETTER_KINDS = {
    "wecombot": "wecom",
    "dingtalk": "dingtalk",
    "feishu": "feishu",
    "lark": "feishu",
    "slack": "slack",
}
# These act on this very machine, or connect to wherever their options say.
_CLOSED = frozenset(
    {"blink1", "dbus", "gio", "glib", "gnome", "kde", "macosx", "nostr", "qt", "syslog", "windows"}
)


class AppriseTail:
    """One service that Apprise knows. Config: `url`, as Apprise writes it; it holds secrets."""

    kind = "apprise"

    def __init__(self, client: GuardedClient, _now: Callable[[], float]) -> None:
        self._client = client

    def check(self, config: Mapping[str, str]) -> None:
        """Raise InputError unless Apprise is here, knows the URL, and may go there."""
        check_fields(config, known=("url",), needed=("url",))
        self._service(config["url"])

    def send(self, channel: Channel, delivery: Delivery) -> None:
        """Send text; that Apprise says yes is all that is known."""
        try:
            service = self._service(channel.config["url"])
        except InputError as error:
            raise DeliveryError(error.message, permanent=True) from None
        title, body = apprise_text(compose(delivery.payload, channel.language))
        tail = _library().Apprise()
        tail.add(service)
        if not tail.notify(title=title, body=body, body_format="text"):
            raise DeliveryError("Apprise 没有送达 / Apprise could not deliver it")

    def _service(self, url: str) -> Any:
        """Return the library's object for a URL; raises InputError where there is none for us."""
        library = _library()
        asset = library.AppriseAsset(
            app_id="Tingfeng",
            app_desc="听风",
            app_url="",
            image_url_mask="",
            image_url_logo="",
            http_redirects=False,
            service_timeout=_SECONDS,
            allow_templates=False,
        )
        service = library.Apprise.instantiate(url, asset=asset)
        if service is None:
            raise InputError(
                "Apprise 不认识这个地址 / Apprise does not know this address", field="url"
            )
        service.redirects = False  # whatever the URL asks for
        self._check_reach(service)
        return service

    def _check_reach(self, service: Any) -> None:
        names = _names(service)
        if better := next((_BETTER_KINDS[name] for name in names if name in _BETTER_KINDS), None):
            raise InputError(
                f"请改用渠道类型 {better} / use the kind {better} instead", field="url"
            )
        if names & _CLOSED:
            raise InputError("不支持这种服务 / this service is not supported", field="url")
        chosen = any("{host" in template for template in service.templates)
        port = service.port or (443 if service.secure else 80)
        if chosen and service.host and not self._client.opens(service.host, port):
            raise InputError(
                f"请先把 {service.host}:{port} 列入放行名单 / "
                f"put {service.host}:{port} on the allow list first",
                field="url",
            )


def apprise_text(message: Message) -> tuple[str, str]:
    """Return title and body, as harmless as in chats: some of the services read markdown."""
    title = "".join(markdown_title(message))
    links = [f"{text} {url}" for text, url in message.links]
    # The library sends nothing that has a title alone.
    return title, "\n".join([*chat(message), *links]) or title


def _library() -> Any:
    try:
        library = import_module("apprise")
    except ImportError:
        raise InputError(
            "没有安装 Apprise，请运行 pip install apprise / "
            "Apprise is not installed: pip install apprise",
            field="kind",
        ) from None
    # What it writes quotes addresses, and with them their secrets.
    logging.getLogger("apprise").setLevel(logging.CRITICAL)
    return library


def _names(service: Any) -> set[str]:
    names: set[str] = set()
    for held in (service.protocol, service.secure_protocol):
        names |= {held} if isinstance(held, str) else set(held or ())
    return names
