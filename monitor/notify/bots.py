"""Group robots: 企业微信, 钉钉, 飞书.

They answer HTTP 200 when they refuse: only the code in the body says whether a message was taken.
Formats: https://developer.work.weixin.qq.com/document/path/91770 ,
https://open.dingtalk.com/document/orgapp/custom-robots-send-group-messages ,
https://open.feishu.cn/document/client-docs/bot-v3/add-custom-bot
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, quote_plus, urlsplit

from monitor.errors import DeliveryError
from monitor.notify.message import CALM, Message, chat, compose, markdown, markdown_title, parts
from monitor.notify.pace import Limit, Pace
from monitor.notify.transport import check_fields, check_url, require_success

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from monitor.domain import Channel, Delivery
    from monitor.notify.http import Answer, GuardedClient

_WECOM = "https://qyapi.weixin.qq.com/cgi-bin/webhook/send"
# Bytes of text in a message, the title not counted: 企业微信 takes 4 096 of markdown with it, 钉钉
# and 飞书 20 000 of JSON, in which each quotation mark takes two.
_WECOM_BYTES, _DINGTALK_BYTES, _FEISHU_BYTES = 3500, 8000, 8000
# 20 a minute; 100 a minute and 5 a second. The spans are a little longer, for what leaves in time
# may arrive late, and 钉钉 shuts a robot that is too fast for ten minutes.
_WECOM_PACE = _DINGTALK_PACE = (Limit(20, 62),)
_FEISHU_PACE = (Limit(100, 62), Limit(5, 1.1))
_FEISHU_COLOURS = frozenset({"blue", "yellow", "orange", "red"})


@dataclass(frozen=True, slots=True)
class Refusal:
    """What a robot's error code means and whether, and when (seconds), to try again."""

    chinese: str
    english: str
    permanent: bool = True
    retry_after: float | None = None


_BUSY = Refusal("对方系统繁忙", "the platform is busy", permanent=False)
_WECOM_CODES = {
    -1: _BUSY,
    45009: Refusal("发送太频繁", "sent too often", permanent=False, retry_after=60),
    45033: Refusal("并发过高", "too many at once", permanent=False, retry_after=60),
    40008: Refusal("消息类型不对", "message type not known"),
    40058: Refusal("消息内容不合规或过长", "content malformed or too long"),
    44004: Refusal("消息内容为空", "content empty"),
    93000: Refusal("机器人地址无效，请重新复制", "the robot's address is invalid: copy it again"),
    93008: Refusal("机器人不在群里", "the robot is not in the group"),
}
_DINGTALK_CODES = {
    -1: _BUSY,
    130101: Refusal("发送太频繁", "sent too often", permanent=False, retry_after=600),
    410100: Refusal("发送太频繁", "sent too often", permanent=False, retry_after=600),
    310000: Refusal(
        "未通过安全设置，请核对加签密钥、关键词、IP 白名单",
        "security settings refuse it: check secret, keywords and IP list",
    ),
    300001: Refusal("access_token 不存在", "no such access_token"),
    400101: Refusal("access_token 不存在", "no such access_token"),
    400013: Refusal("群已解散", "the group was dissolved"),
    400102: Refusal("机器人已停用", "the robot is switched off"),
    400105: Refusal("消息类型不对", "message type not known"),
    400106: Refusal("机器人不存在", "no such robot"),
    40035: Refusal("消息内容不合规", "content malformed"),
    430101: Refusal("内容含不安全的链接", "content holds an unsafe link"),
    430102: Refusal("内容含不合适的文字", "content holds words the platform refuses"),
    430104: Refusal("内容不合适", "content the platform refuses"),
}
_FEISHU_CODES = {
    11232: Refusal("发送太频繁", "sent too often", permanent=False, retry_after=60),
    9499: Refusal("消息内容不合规", "content malformed"),
    19001: Refusal("机器人地址无效，请重新复制", "the robot's address is invalid: copy it again"),
    19002: Refusal("消息内容不合规", "content malformed"),
    19021: Refusal(
        "签名不对，请核对签名密钥和服务器时间", "bad signature: check secret and server clock"
    ),
    19022: Refusal("本机 IP 不在白名单", "our IP is not on the robot's list"),
    19024: Refusal("不含自定义关键词，请在飞书里改设", "the robot's keyword is not in the text"),
}


class WeComRobot:
    """企业微信 group robot, markdown. Config: `url`, or `key` from the robot's address."""

    kind = "wecom"

    def __init__(self, client: GuardedClient, now: Callable[[], float], pace: Pace) -> None:
        self._client = client
        self._now = now
        self._pace = pace

    def check(self, config: Mapping[str, str]) -> None:
        """Raise InputError unless there is one address to send to."""
        field = "url" if "url" in config else "key"
        check_fields(config, known=("url", "key"), needed=(field,))
        check_url(self._client, _wecom_url(config), field)

    def send(self, channel: Channel, delivery: Delivery) -> None:
        """Send markdown; only errcode 0 is success."""
        url = _wecom_url(channel.config)
        bodies = wecom_bodies(compose(delivery.payload, channel.language), delivery.id)
        with self._pace.turn(url, _WECOM_PACE, len(bodies)):
            for body in bodies:
                answer = self._client.post(url, json=body)
                require_code(answer, "企业微信 / WeCom", "errcode", _WECOM_CODES, self._now())


class DingTalkRobot:
    """钉钉 custom robot, markdown. Config: `url`, and `secret` (SEC…) if it is set to sign."""

    kind = "dingtalk"

    def __init__(self, client: GuardedClient, now: Callable[[], float], pace: Pace) -> None:
        self._client = client
        self._now = now
        self._pace = pace

    def check(self, config: Mapping[str, str]) -> None:
        """Raise InputError unless the address can be used."""
        check_fields(config, known=("url", "secret"), needed=("url",))
        check_url(self._client, config["url"])

    def send(self, channel: Channel, delivery: Delivery) -> None:
        """Send markdown; only errcode 0 is success."""
        bodies = dingtalk_bodies(compose(delivery.payload, channel.language), delivery.id)
        with self._pace.turn(channel.config["url"], _DINGTALK_PACE, len(bodies)):
            for body in bodies:
                now = self._now()
                answer = self._client.post(
                    _dingtalk_url(channel.config, int(now * 1000)), json=body
                )
                require_code(answer, "钉钉 / DingTalk", "errcode", _DINGTALK_CODES, now)


class FeishuRobot:
    """飞书 custom bot, a card of plain text. Config: `url`, and `secret` if it is set to sign."""

    kind = "feishu"

    def __init__(self, client: GuardedClient, now: Callable[[], float], pace: Pace) -> None:
        self._client = client
        self._now = now
        self._pace = pace

    def check(self, config: Mapping[str, str]) -> None:
        """Raise InputError unless the address can be used."""
        check_fields(config, known=("url", "secret"), needed=("url",))
        check_url(self._client, config["url"])

    def send(self, channel: Channel, delivery: Delivery) -> None:
        """Send a card; only code 0 is success."""
        url, secret = channel.config["url"], channel.config.get("secret")
        bodies = feishu_bodies(compose(delivery.payload, channel.language), delivery.id)
        with self._pace.turn(url, _FEISHU_PACE, len(bodies)):
            for body in bodies:
                now = self._now()
                answer = self._client.post(url, json=_feishu_signed(body, secret, int(now)))
                require_code(answer, "飞书 / Feishu", "code", _FEISHU_CODES, now)


def wecom_bodies(message: Message, identifier: str) -> list[dict[str, object]]:
    """Return the messages to post for one delivery."""
    heading, sentence = markdown_title(message)
    title = (
        f'<font color="{"info" if message.event in CALM else "warning"}">{heading}</font>'
        f"**{sentence}**"
    )
    return [
        {"msgtype": "markdown", "markdown": {"content": f"{title}{mark}\n{text}"}}
        for mark, text in parts(message, identifier, markdown(message), _WECOM_BYTES)
    ]


def dingtalk_bodies(message: Message, identifier: str) -> list[dict[str, object]]:
    """Return the messages to post for one delivery."""
    title = "".join(markdown_title(message))
    return [
        {
            "msgtype": "markdown",
            "markdown": {"title": title + mark, "text": f"### {title}{mark}\n\n{text}"},
            "at": {"isAtAll": False},
        }
        for mark, text in parts(message, identifier, markdown(message), _DINGTALK_BYTES, "\n\n")
    ]


def feishu_bodies(message: Message, identifier: str) -> list[dict[str, object]]:
    """Return the messages to post for one delivery, unsigned; the last one has the buttons."""
    cards = [
        _feishu_card(message, mark, text)
        for mark, text in parts(message, identifier, chat(message), _FEISHU_BYTES)
    ]
    if message.links:
        cards[-1]["elements"].append({"tag": "action", "actions": _feishu_buttons(message)})
    return [{"msg_type": "interactive", "card": card} for card in cards]


def dingtalk_sign(secret: str, milliseconds: int) -> str:
    """Return base64(HMAC-SHA256(key=secret, message=timestamp LF secret)), not yet URL-encoded."""
    return _hmac(secret, f"{milliseconds}\n{secret}")


def feishu_sign(secret: str, seconds: int) -> str:
    """Return base64(HMAC-SHA256(key=timestamp LF secret, message=nothing)).

    >>> feishu_sign("test", 1700000000)
    'eSJQnOl8XqPTMPHWz9e5IzeHS/tqoc68g2967ekIPmg='
    """
    return _hmac(f"{seconds}\n{secret}", "")


def require_code(
    answer: Answer, platform: str, key: str, codes: Mapping[int, Refusal], now: float
) -> None:
    """Raise DeliveryError unless status is 2xx and the body an object with code 0.

    A code that is not listed may pass, so it is worth a retry.
    """
    require_success(answer, now)
    code = _code(answer.body, key)
    if code == 0:
        return
    if code is None:
        raise DeliveryError(f"{platform}：回答看不懂 / the answer makes no sense")
    refusal = codes.get(code, Refusal("被拒绝", "refused", permanent=False))
    raise DeliveryError(
        f"{platform} {code}：{refusal.chinese} / {refusal.english}",
        permanent=refusal.permanent,
        retry_after=refusal.retry_after,
    )


def _code(body: bytes, key: str) -> int | None:
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(said, dict):
        return None
    # 飞书's older answer has StatusCode instead.
    code = said.get(key, said.get("StatusCode"))
    return code if type(code) is int else None


def _hmac(key: str, text: str) -> str:
    digest = hmac.new(key.encode(), text.encode(), hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


def _wecom_url(config: Mapping[str, str]) -> str:
    return config.get("url") or f"{_WECOM}?key={quote(config['key'], safe='')}"


def _dingtalk_url(config: Mapping[str, str], milliseconds: int) -> str:
    url, secret = config["url"], config.get("secret")
    if not secret:
        return url
    joint = "&" if urlsplit(url).query else "?"
    sign = quote_plus(dingtalk_sign(secret, milliseconds))
    return f"{url}{joint}timestamp={milliseconds}&sign={sign}"


def _feishu_signed(body: dict[str, object], secret: str | None, seconds: int) -> dict[str, object]:
    if not secret:
        return body
    return {**body, "timestamp": str(seconds), "sign": feishu_sign(secret, seconds)}


def _feishu_card(message: Message, mark: str, text: str) -> dict[str, Any]:
    """Return a card whose texts are all `plain_text`, in which no markup has a meaning."""
    title = "".join(markdown_title(message)) + mark
    colour = message.level if message.level in _FEISHU_COLOURS else "blue"
    return {
        "config": {"wide_screen_mode": True},
        "header": {
            "template": "green" if message.event in CALM else colour,
            "title": _feishu_text(title),
        },
        "elements": [{"tag": "div", "text": _feishu_text(text or message.heading)}],
    }


def _feishu_buttons(message: Message) -> list[dict[str, object]]:
    styles = ("primary", "default")
    return [
        {"tag": "button", "text": _feishu_text(text), "type": style, "url": url}
        for style, (text, url) in zip(styles, message.links, strict=False)
    ]


def _feishu_text(text: str) -> dict[str, str]:
    return {"tag": "plain_text", "content": text}
