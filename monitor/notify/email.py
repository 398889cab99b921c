"""Alerts by e-mail, over the operator's own SMTP server."""

from __future__ import annotations

import smtplib
import socket
import ssl
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from typing import TYPE_CHECKING, Literal

from monitor.errors import DeliveryError, InputError
from monitor.notify.deadline import Deadline
from monitor.notify.message import compose, html, plain
from monitor.notify.texts import cut, token
from monitor.notify.transport import check_fields

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from monitor.domain import Channel, Delivery

_MOST_RECIPIENTS = 50


@dataclass(frozen=True, slots=True)
class Smtp:
    """The server that takes our mail. `timeout` is in seconds, for one whole delivery."""

    host: str
    port: int
    sender: str
    username: str = ""
    password: str = field(default="", repr=False)
    security: Literal["starttls", "ssl", "none"] = "starttls"
    timeout: float = 20.0
    ca_file: str | None = None


class Email:
    """Sends one mail per delivery, text and HTML. Config: `to`, addresses with commas."""

    kind = "email"

    def __init__(self, smtp: Smtp | None, now: Callable[[], float]) -> None:
        self._smtp = smtp
        self._now = now

    def check(self, config: Mapping[str, str]) -> None:
        """Raise InputError unless there is a server to send by and addresses to send to."""
        if self._smtp is None:
            raise InputError(
                "还没有配置发信服务器（SMTP） / no SMTP server is configured", field="kind"
            )
        check_fields(config, known=("to",), needed=("to",))
        if not 1 <= len(_recipients(config)) <= _MOST_RECIPIENTS:
            raise InputError(
                f"收件人为 1–{_MOST_RECIPIENTS} 个 / 1 to {_MOST_RECIPIENTS} recipients", field="to"
            )

    def send(self, channel: Channel, delivery: Delivery) -> None:
        """Hand the mail to the server; success is that it took it for every recipient."""
        if self._smtp is None:
            raise DeliveryError("还没有配置发信服务器（SMTP） / no SMTP server is configured")
        mail = write(channel, delivery, self._smtp.sender, self._now())
        failure: DeliveryError | None = None
        with Deadline(self._smtp.timeout) as deadline:
            try:
                refused = _hand_over(self._smtp, mail, deadline)
            except (smtplib.SMTPException, OSError, ValueError) as error:
                failure = _failure(error)
        if deadline.passed:
            raise DeliveryError(
                f"发信服务器在 {self._smtp.timeout:g} 秒内没有收完 / "
                f"the mail server did not finish within {self._smtp.timeout:g} s"
            )
        if failure is not None:
            raise failure
        if refused:
            raise _refused_some(refused)


def write(channel: Channel, delivery: Delivery, sender: str, now: float) -> EmailMessage:
    """Return the mail. Its Message-ID is the delivery's, its thread the incident's."""
    message = compose(delivery.payload, channel.language)
    domain = sender.rpartition("@")[2]
    mail = EmailMessage()
    mail["Subject"] = cut(message.title, 240)
    mail["From"] = Address("听风", addr_spec=sender)
    mail["To"] = _recipients(channel.config)
    mail["Date"] = format_datetime(datetime.fromtimestamp(now, UTC))
    mail["Message-ID"] = f"<{token(delivery.id)}@{domain}>"
    if incident := _incident(delivery):
        mail["References"] = f"<incident.{token(incident)}@{domain}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(plain(message), cte="base64")
    mail.add_alternative(html(message), subtype="html", cte="base64")
    return mail


class _WatchedSmtp(smtplib.SMTP):
    """An SMTP connection under a deadline from its first byte on."""

    def __init__(self, smtp: Smtp, deadline: Deadline) -> None:
        self._deadline = deadline
        self._context = ssl.create_default_context(cafile=smtp.ca_file)
        self._wrapped = smtp.security == "ssl"
        super().__init__(smtp.host, smtp.port, timeout=smtp.timeout)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        sock = socket.create_connection((host, port), timeout)
        self._deadline.watch(sock)
        return self._context.wrap_socket(sock, server_hostname=host) if self._wrapped else sock

    def secure(self) -> None:
        """Begin TLS; fails if the server does not offer it."""
        self.starttls(context=self._context)


def _hand_over(smtp: Smtp, mail: EmailMessage, deadline: Deadline) -> dict[str, tuple[int, bytes]]:
    with _WatchedSmtp(smtp, deadline) as server:
        if smtp.security == "starttls":
            server.secure()
        if smtp.username:
            server.login(smtp.username, smtp.password)
        return server.send_message(mail)


def _recipients(config: Mapping[str, str]) -> list[Address]:
    return [_address(part.strip()) for part in config["to"].split(",") if part.strip()]


def _address(text: str) -> Address:
    try:
        if text.isascii() and text.isprintable():
            return Address(addr_spec=text)
    except (ValueError, IndexError, MessageError):
        pass
    raise InputError("收件人地址写得不对 / an address is malformed", field="to")


def _incident(delivery: Delivery) -> str:
    for part, name in (("incident", "id"), ("alert", "incident_id")):
        about = delivery.payload.get(part)
        if isinstance(about, dict) and about.get(name):
            return str(about[name])
    return ""


def _failure(error: Exception) -> DeliveryError:
    """Say what went wrong without the server's words, which may hold addresses."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return _refused_some(error.recipients)
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return DeliveryError("发信服务器不接受账号或密码 / the mail server refuses the login")
    if isinstance(error, smtplib.SMTPNotSupportedError):
        return DeliveryError("发信服务器不支持所要求的加密或登录 / TLS or login is not offered")
    if isinstance(error, smtplib.SMTPResponseException):
        code = error.smtp_code
        return DeliveryError(
            f"发信服务器拒收（{code}） / the mail server refused ({code})",
            permanent=500 <= code < 600,
        )
    if isinstance(error, ssl.SSLError):
        return DeliveryError("与发信服务器的 TLS 握手失败 / TLS with the mail server failed")
    return DeliveryError("连接不上发信服务器或被中断 / the mail server cannot be reached")


def _refused_some(refused: Mapping[str, tuple[int, bytes]]) -> DeliveryError:
    codes = sorted({code for code, _ in refused.values()})
    listed = ", ".join(str(code) for code in codes)
    return DeliveryError(
        f"{len(refused)} 位收件人被拒收（{listed}） / {len(refused)} recipients refused ({listed})",
        permanent=min(codes) >= 500,
    )
