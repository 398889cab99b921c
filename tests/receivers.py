"""Loop-back receivers that take what we send, and some that misbehave.

`HttpReceiver` and `SmtpReceiver` record what arrives and answer by a script; `Robot` judges it as
the platform of its kind would; `RawReceiver` speaks whatever bytes a test wants. All are context
managers and leave nothing behind.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import socket
import ssl
import subprocess
import threading
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from shutil import which
from typing import TYPE_CHECKING, Self
from urllib.parse import parse_qs, urlsplit

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
                received = Received(self.path, headers, body)
                receiver.received.append(received)
                say = receiver._answer(received)
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

    def _answer(self, received: Received) -> Say:
        return self._script.popleft() if len(self._script) > 1 else self._script[0]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *args: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


ANSWERS = {  # kind: (what it says when it takes a message, when its signature or key is wrong)
    "wecom": (b'{"errcode":0,"errmsg":"ok"}', b'{"errcode":93000,"errmsg":"invalid webhook url"}'),
    "dingtalk": (b'{"errcode":0,"errmsg":"ok"}', b'{"errcode":310000,"errmsg":"sign not match"}'),
    "feishu": (b'{"code":0,"msg":"success","data":{}}', b'{"code":19021,"msg":"sign match fail"}'),
    "slack": (b"ok", b"no_service"),
    "webhook": (b"", b"bad signature"),
    "alertmanager": (b"", b"unauthorised"),
}
_MALFORMED = {
    "wecom": b'{"errcode":40058,"errmsg":"markdown.content exceed max length 4096"}',
    "dingtalk": b'{"errcode":40035,"errmsg":"malformed"}',
    "feishu": b'{"code":9499,"msg":"Bad Request"}',
    "slack": b"invalid_blocks",
}
_TOO_OFTEN = {
    "wecom": b'{"errcode":45009,"errmsg":"api freq out of limit"}',
    "dingtalk": b'{"errcode":130101,"errmsg":"send too fast"}',
    "feishu": b'{"code":11232,"msg":"frequency limited"}',
}
PACES = {
    "wecom": ((20, 60),),
    "dingtalk": ((20, 60),),
    "feishu": ((100, 60), (5, 1)),
    "slack": ((1, 1),),
}


class Robot(HttpReceiver):
    """Takes what the platform of its kind would: signed, well formed, not too long, not too often.

    Parameters
    ----------
    kind : str
        A kind of channel that speaks HTTP.
    secret : str
        What it verifies: the robot's key (企业微信), signing secret (钉钉, 飞书), path (Slack),
        `whsec_…` (webhook) or Bearer token (alertmanager).
    moods : Say
        Answers given first, whatever arrives.
    now : callable
        UTC seconds, for signatures' age and the pace.

    `taken` holds what it accepted: all else must never be shown as sent.
    """

    def __init__(
        self, kind: str, secret: str, *moods: Say, now: Callable[[], float] = time.time
    ) -> None:
        super().__init__()
        self.kind, self.secret, self.taken = kind, secret, []
        self._moods, self._now = deque(moods), now
        self._times: list[float] = []

    @property
    def config(self) -> dict[str, str]:
        """What a channel to it is configured with."""
        paths = {"wecom": f"/send?key={self.secret}", "slack": f"/services/{self.secret}"}
        config = {"url": self.url(paths.get(self.kind, "/robot?access_token=t"))}
        field = {"dingtalk": "secret", "feishu": "secret", "webhook": "secret"} | {
            "alertmanager": "token"
        }
        return config | ({field[self.kind]: self.secret} if self.kind in field else {})

    def texts(self) -> list[str]:
        """Every text that people saw, in order."""
        return [_shown(self.kind, json.loads(received.body)) for received in self.taken]

    def _answer(self, received: Received) -> Say:
        if self._moods:
            return self._moods.popleft()
        good, stranger = ANSWERS[self.kind]
        if not self._knows(received):
            return Say(200 if stranger.startswith(b"{") else 403, stranger)
        if self._is_too_often():
            body = _TOO_OFTEN.get(self.kind, b"")
            return Say(200, body) if body else Say(429, b"", {"Retry-After": "1"})
        if not _well_formed(self.kind, received.body):
            body = _MALFORMED.get(self.kind, b"")
            return Say(200 if body.startswith(b"{") else 400, body)
        self.taken.append(received)
        return Say(200, good)

    def _is_too_often(self) -> bool:
        now = self._now()
        self._times.append(now)
        return any(
            sum(now - span < moment for moment in self._times) > count
            for count, span in PACES.get(self.kind, ())
        )

    def _knows(self, received: Received) -> bool:
        parts = urlsplit(received.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        if self.kind == "webhook":
            return received.verified_by(self.secret)
        if self.kind == "alertmanager":
            return received.headers.get("authorization") == f"Bearer {self.secret}"
        if self.kind == "slack":
            return parts.path == f"/services/{self.secret}"
        if self.kind == "wecom":
            return query.get("key") == self.secret
        body = json.loads(received.body)
        said = query if self.kind == "dingtalk" else body
        stamp, unit = str(said.get("timestamp", "")), 1000 if self.kind == "dingtalk" else 1
        if not stamp.isdigit() or abs(int(stamp) / unit - self._now()) > 3600:
            return False
        key, text = (self.secret, f"{stamp}\n{self.secret}")
        if self.kind == "feishu":
            key, text = text, ""
        wanted = base64.b64encode(hmac.new(key.encode(), text.encode(), hashlib.sha256).digest())
        return hmac.compare_digest(str(said.get("sign", "")), wanted.decode())


def _well_formed(kind: str, raw: bytes) -> bool:
    body = json.loads(raw)
    if kind == "wecom":
        content = body["markdown"]["content"]
        return body["msgtype"] == "markdown" and 0 < len(content.encode()) <= 4096
    if kind == "dingtalk":
        return len(raw) <= 20_000 and bool(body["markdown"]["title"] and body["markdown"]["text"])
    if kind == "feishu":
        return len(raw) <= 20_000 and body["msg_type"] == "interactive"
    if kind == "slack":
        sections = [block["text"]["text"] for block in body["blocks"]]
        fit = all(0 < len(section) <= 3000 for section in sections)
        return fit and len(sections) <= 50 and len(raw.decode()) <= 100_000
    return kind != "alertmanager" or is_alertmanagers(body)


def is_alertmanagers(body: dict) -> bool:
    """Tell whether a body has every field, of the right type, of Alertmanager's template.Data."""
    texts = all(isinstance(body[name], str) for name in ("groupKey", "receiver", "externalURL"))
    tables = [body[name] for name in ("groupLabels", "commonLabels", "commonAnnotations")]
    for alert in body["alerts"]:
        tables += [alert["labels"], alert["annotations"]]
        texts = texts and isinstance(alert["generatorURL"], str)
        moments = (alert["startsAt"], alert["endsAt"])
        if not all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", m) for m in moments):
            return False
        if not re.fullmatch(r"[0-9a-f]{16}", alert["fingerprint"]):
            return False
    states = {body["status"], *(alert["status"] for alert in body["alerts"])}
    return (
        body["version"] == "4"
        and isinstance(body["truncatedAlerts"], int)
        and texts
        and states <= {"firing", "resolved"}
        and all(isinstance(v, str) for table in tables for v in table.values())
        and all(alert["labels"]["alertname"] for alert in body["alerts"])
        and bool(body["alerts"])
    )


def _shown(kind: str, body: dict) -> str:
    if kind == "wecom":
        return body["markdown"]["content"]
    if kind == "dingtalk":
        return body["markdown"]["text"]
    if kind == "feishu":
        card = body["card"]
        texts = [card["header"]["title"]["content"]]
        for element in card["elements"]:
            texts += [element["text"]["content"]] if "text" in element else []
            texts += [f"{a['text']['content']} {a['url']}" for a in element.get("actions", ())]
        return "\n".join(texts)
    if kind == "slack":
        return "\n".join(block["text"]["text"] for block in body["blocks"])
    return json.dumps(body, ensure_ascii=False)


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
