"""Loop-back receivers that take what we send, and some that misbehave.

`HttpReceiver` and `SmtpReceiver` record what arrives and answer by a script; `RawReceiver` speaks
whatever bytes a test wants. All are context managers and leave nothing behind.
"""

from __future__ import annotations

import socket
import ssl
import subprocess
import threading
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from shutil import which
from typing import TYPE_CHECKING, Self

import pytest
from aiosmtpd.controller import Controller
from standardwebhooks import Webhook, WebhookVerificationError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from email.message import EmailMessage
    from pathlib import Path

    from aiosmtpd.smtp import SMTP, Envelope, Session


@dataclass(frozen=True)
class Received:
    """One request as it came in; header names in lower case."""

    path: str
    headers: dict[str, str]
    body: bytes

    def verified_by(self, secret: str) -> bool:
        """Tell whether the Standard Webhooks library accepts its signature, time included."""
        try:
            Webhook(secret).verify(self.body, self.headers)
        except WebhookVerificationError:
            return False
        return True


@dataclass(frozen=True)
class Say:
    """One scripted HTTP answer."""

    status: int = 200
    body: bytes = b"{}"
    headers: Mapping[str, str] = field(default_factory=dict)


class HttpReceiver:
    """Records POSTs and answers by script; the script's last line is repeated for ever."""

    def __init__(self, *script: Say, tls: ssl.SSLContext | None = None) -> None:
        self.received: list[Received] = []
        self._script = deque(script or (Say(),))
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                headers = {name.lower(): value for name, value in self.headers.items()}
                receiver.received.append(Received(self.path, headers, body))
                say = receiver._next()
                self.send_response(say.status)
                for name, value in say.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(say.body)))
                self.end_headers()
                self.wfile.write(say.body)

            def log_message(self, *args: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            def handle_error(self, *args: object) -> None:
                pass

        self._server = Server(("127.0.0.1", 0), Handler)
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    @property
    def address(self) -> str:
        """host:port, as an allow list wants it."""
        return f"127.0.0.1:{self.port}"

    def url(self, path: str = "/") -> str:
        return f"http://{self.address}{path}"

    def _next(self) -> Say:
        return self._script.popleft() if len(self._script) > 1 else self._script[0]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *args: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class RawReceiver:
    """Accepts connections and lets `talk` say what it wants until the receiver is closed."""

    def __init__(self, talk: Callable[[socket.socket, threading.Event], None]) -> None:
        self._talk = talk
        self._over = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._threads = [threading.Thread(target=self._accept)]
        self.port: int = self._listener.getsockname()[1]

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def url(self, path: str = "/") -> str:
        return f"http://{self.address}{path}"

    def _accept(self) -> None:
        with suppress(OSError):
            while not self._over.is_set():
                connection, _ = self._listener.accept()
                self._threads.append(threading.Thread(target=self._serve, args=(connection,)))
                self._threads[-1].start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            connection.settimeout(5)
            self._talk(connection, self._over)

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(self, *args: object) -> None:
        self._over.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        self._listener.close()


def silent(connection: socket.socket, over: threading.Event) -> None:
    """Never says anything."""
    over.wait()


def drip(start: bytes, byte: bytes) -> Callable[[socket.socket, threading.Event], None]:
    """Say `start`, then one byte every now and then, for ever."""

    def talk(connection: socket.socket, over: threading.Event) -> None:
        connection.recv(65536)
        connection.sendall(start)
        while not over.wait(0.02):
            connection.sendall(byte)

    return talk


def flood(start: bytes, chunk: bytes) -> Callable[[socket.socket, threading.Event], None]:
    """Say `start`, then `chunk` as fast as it is taken, for ever."""

    def talk(connection: socket.socket, over: threading.Event) -> None:
        connection.sendall(start)
        while not over.is_set():
            connection.sendall(chunk)

    return talk


def once(words: bytes) -> Callable[[socket.socket, threading.Event], None]:
    """Say `words` and hang up once the other side has."""

    def talk(connection: socket.socket, over: threading.Event) -> None:
        connection.sendall(words)
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(65536):
            pass

    return talk


class SmtpReceiver:
    """Takes mail by script: each line answers one message's DATA; the last is repeated."""

    def __init__(
        self,
        *script: str,
        refuse: Mapping[str, str] | None = None,
        tls: ssl.SSLContext | None = None,
        ssl_context: ssl.SSLContext | None = None,
        login: tuple[str, str] | None = None,
    ) -> None:
        self.mails: list[EmailMessage] = []
        self.logins: list[bytes] = []
        self._script = deque(script or ("250 OK",))
        self._refuse = dict(refuse or {})
        self._login = login
        self._controller = Controller(
            self,
            hostname="127.0.0.1",
            port=_free_port(),
            ssl_context=ssl_context,
            tls_context=tls,
            require_starttls=tls is not None,
            auth_required=login is not None,
            auth_require_tls=tls is not None,
            authenticator=self._authenticate if login else None,
        )
        self.port: int = self._controller.port

    def _authenticate(self, server, session, envelope, mechanism, data):
        from aiosmtpd.smtp import AuthResult

        self.logins.append(data.login)
        wanted = tuple(part.encode() for part in self._login or ())
        return AuthResult(success=(data.login, data.password) == wanted, handled=False)

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address in self._refuse:
            return self._refuse[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        from email import message_from_bytes, policy

        reply = self._script.popleft() if len(self._script) > 1 else self._script[0]
        if reply.startswith("250"):
            content = envelope.content
            assert isinstance(content, bytes)
            self.mails.append(message_from_bytes(content, policy=policy.default))
        return reply

    def __enter__(self) -> Self:
        self._controller.start()
        return self

    def __exit__(self, *args: object) -> None:
        self._controller.stop()


def self_signed(folder: Path, names: str) -> tuple[str, str]:
    """Return paths of a certificate for `names` (a subjectAltName) and of its key."""
    if which("openssl") is None:
        pytest.skip("openssl is not installed")
    crt, key = str(folder / "crt.pem"), str(folder / "key.pem")
    options = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=test"
    files = ["-addext", f"subjectAltName={names}", "-keyout", key, "-out", crt]
    subprocess.run(["openssl", *options.split(), *files], check=True, capture_output=True)
    return crt, key


def server_tls(certificate: tuple[str, str]) -> ssl.SSLContext:
    """Return what a server needs to show the certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    return context


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port
