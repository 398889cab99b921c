"""The one way out: requests reach only addresses they may, and end in time and in size."""

from __future__ import annotations

import json as json_text
import logging
import re
import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError, ReadTimeoutError

from monitor import __version__
from monitor.errors import DeliveryError
from monitor.notify.addresses import BlockedAddress, Guard
from monitor.notify.deadline import Deadline

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

# At level DEBUG it writes every path, and a robot's path is its secret.
logging.getLogger("urllib3").setLevel(logging.INFO)

_DEFAULT_PORTS = {"http": 80, "https": 443}
_ADDRESSES_TRIED = 4
_CHUNK = 65_536
_URL = re.compile(
    r"([a-z][a-z0-9+.-]*)://(?:[^\s/?#@]*@)?([^\s/?#@]*)[^\s，。；、）]*", re.IGNORECASE
)
_OUR_HEADERS = {
    "User-Agent": f"Tingfeng/{__version__}",
    "Accept": "application/json, */*;q=0.5",
    "Accept-Encoding": "identity",
    "Connection": "close",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server said. Header names ignore case; a redirect is an answer like any other."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def redact(text: str) -> str:
    """Return the text with every URL cut down to scheme and host: robots' URLs are secrets.

    >>> redact("failed: https://me:pw@bot.example.com/send?key=42 (1)")
    'failed: https://bot.example.com (1)'
    """
    return _URL.sub(r"\1://\2", text)


def resolve(host: str, port: int) -> list[str]:
    """Return the addresses of a host, best first, each once. Raises OSError if it has none."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class GuardedClient:
    """Sends requests to other people's servers without being led into our own network.

    A name is looked up once, every address it has is checked, and the connection goes to one of
    exactly these, so that a second look-up cannot lead elsewhere. Nothing is taken from the
    environment, no redirect is followed.

    Parameters
    ----------
    allow : sequence of str
        Exceptions for inner services: `host:port` or CIDR networks.
    timeout : float
        Seconds for the whole exchange, look-up and body included.
    max_bytes : int
        Longest body taken.
    resolve : callable
        From host and port to addresses.

    """

    def __init__(
        self,
        allow: Sequence[str] = (),
        timeout: float = 10.0,
        max_bytes: int = 1_000_000,
        *,
        resolve: Callable[[str, int], list[str]] = resolve,
    ) -> None:
        self._guard = Guard.parse(allow)
        self._timeout = timeout
        self._max_bytes = max_bytes
        self._resolve = resolve

    def check(self, url: str) -> None:
        """Raise BlockedAddress for a URL that needs no look-up to be refused."""
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
        except ValueError:
            host = port = None
        if not host or parts.scheme not in _DEFAULT_PORTS:
            raise BlockedAddress(
                "地址必须是完整的 http:// 或 https:// 网址 / the address must be a full http(s) URL"
            )
        port = _DEFAULT_PORTS[parts.scheme] if port is None else port
        self._guard.check(host, port, [host] if _is_literal(host) else [])

    def opens(self, host: str, port: int) -> bool:
        """Tell whether the operator allowed this very service, wherever it stands."""
        return (host.lower(), port) in self._guard.services

    def post(
        self,
        url: str,
        *,
        json: object = None,
        data: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send `data`, or `json` as UTF-8, and return the answer, whatever its status.

        Raises
        ------
        BlockedAddress
            If the URL or an address behind it may not be reached.
        DeliveryError
            If no complete answer came. Messages name scheme and host of the URL, nothing more.

        """
        self.check(url)
        request = _prepare(url, encode(json) if data is None else data, headers or {})
        where = redact(url)
        failure: Exception | None = None
        with Deadline(self._timeout) as deadline:
            try:
                answer = self._exchange(request, deadline)
            except (requests.RequestException, HTTPError, OSError, ValueError) as error:
                failure = error
        # Raised only here, so that the libraries' errors, which quote the URL, are no context.
        if deadline.passed or isinstance(failure, requests.Timeout | ReadTimeoutError):
            raise DeliveryError(
                f"{where} 在 {self._timeout:g} 秒内没有答完 / "
                f"no complete answer from {where} within {self._timeout:g} s"
            )
        if failure is not None:
            raise _broken(where, failure)
        if len(answer.body) > self._max_bytes:
            raise DeliveryError(f"{where} 的回答过长 / the answer from {where} is too long")
        return answer

    def _exchange(self, request: requests.PreparedRequest, deadline: Deadline) -> Answer:
        adapter = _GuardedAdapter(partial(self._dial, deadline))
        with (
            closing(adapter),
            adapter.send(request, stream=True, timeout=deadline.left()) as response,
        ):
            # Chunk by chunk: one read of all takes a body that breaks off early for complete.
            body = b""
            for chunk in response.raw.stream(_CHUNK, decode_content=False):
                body += chunk
                if len(body) > self._max_bytes:
                    break
            return Answer(response.status_code, response.headers, body)

    def _dial(self, deadline: Deadline, host: str, port: int) -> socket.socket:
        addresses = self._look_up(host, port, deadline)
        self._guard.check(host, port, addresses)
        sock = _connect(host, addresses[:_ADDRESSES_TRIED], port, deadline)
        deadline.watch(sock)
        return sock

    def _look_up(self, host: str, port: int, deadline: Deadline) -> list[str]:
        # The system's resolver has a patience of its own, often longer than ours.
        resolver = ThreadPoolExecutor(1, thread_name_prefix="resolve")
        try:
            return resolver.submit(self._resolve, host, port).result(deadline.left())
        except (OSError, UnicodeError):
            raise DeliveryError(
                f"解析不了主机 {host} / the host name {host} does not resolve"
            ) from None
        finally:
            resolver.shutdown(wait=False)


class _GuardedConnection(HTTPConnection):
    """A connection whose socket comes from `dial`; Host, SNI and certificate keep the name."""

    def __init__(
        self, dial: Callable[[str, int], socket.socket], *args: Any, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self._dial = dial

    def _new_conn(self) -> socket.socket:
        return self._dial(self.host, self.port)


class _GuardedTLSConnection(_GuardedConnection, HTTPSConnection):
    """The same under TLS."""


class _GuardedAdapter(HTTPAdapter):
    """One exchange's adapter. Used without a session: no cookies, redirects, proxies or netrc."""

    def __init__(self, dial: Callable[[str, int], socket.socket]) -> None:
        super().__init__()
        self._dial = dial

    def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> Any:
        pool: Any = super().get_connection_with_tls_context(*args, **kwargs)
        kind = _GuardedTLSConnection if pool.scheme == "https" else _GuardedConnection
        pool.ConnectionCls = partial(kind, self._dial)
        return pool


def encode(value: object) -> bytes:
    """Return compact JSON in UTF-8; what UTF-8 cannot hold becomes a question mark."""
    text = json_text.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.encode("utf-8", "replace")


def _prepare(url: str, body: bytes, headers: Mapping[str, str]) -> requests.PreparedRequest:
    named = _OUR_HEADERS | {"Content-Type": "application/json; charset=utf-8"} | dict(headers)
    try:
        return requests.Request("POST", url, data=body, headers=named).prepare()
    except (requests.RequestException, ValueError):
        pass
    raise BlockedAddress("地址或请求头写得不对 / the URL or a header is malformed")


def _is_literal(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _connect(host: str, addresses: list[str], port: int, deadline: Deadline) -> socket.socket:
    """Connect to the first address that answers, giving each a fair part of the time left."""
    for waiting, address in zip(range(len(addresses), 0, -1), addresses, strict=True):
        try:
            return socket.create_connection((address, port), deadline.left() / waiting)
        except OSError:
            continue
    raise DeliveryError(f"连接不上 {host} / {host} cannot be reached")


def _broken(where: str, failure: Exception) -> DeliveryError:
    if isinstance(failure, requests.exceptions.SSLError):
        return DeliveryError(
            f"{where} 的 TLS 证书无效或握手失败 / TLS with {where} failed: check its certificate"
        )
    return DeliveryError(
        f"{where} 中断了连接或回答不合规 / {where} broke off or answered what is not HTTP"
    )
