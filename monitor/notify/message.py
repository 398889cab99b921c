"""From a delivery's payload to what people read. Pure; hostile text stays text.

`compose` turns the payload into a `Message` of clean single-line strings; `markdown`, `plain` and
`html` write it down for a channel. Only our own dashboard link ever becomes a link.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from html import escape as escape_html
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from monitor.alerts import RISK_NAMES

if TYPE_CHECKING:
    from collections.abc import Mapping

# China has kept one time and no summer time since 1991: no time-zone database is needed.
_BEIJING = timezone(timedelta(hours=8))
_URGENT = frozenset({"alert.firing", "alert.escalated"})
_QUOTES, _LISTED = 3, 5
_LINK_BYTES = 500

_WORDS: dict[str, dict[str, str]] = {
    "zh": {
        "language": "zh",
        "blue": "蓝色",
        "yellow": "黄色",
        "orange": "橙色",
        "red": "红色",
        "alert.firing": "【{level}预警】",
        "alert.escalated": "【升级为{level}预警】",
        "alert.acknowledged": "【{level}预警 · 已受理】",
        "alert.resolved": "【{level}预警 · 已解除】",
        "test": "【测试消息】",
        "tested": "收到这条消息，说明通知渠道可用",
        "unspoken": "负面口碑异常",
        "colon": "：",
        "comma": "、",
        "index": "危机指数",
        "seen": "负面提及",
        "platforms": "平台",
        "risks": "风险话题",
        "words": "高频词",
        "since": "开始时间",
        "due": "回应时限",
        "minutes": "{0:.0f} 分钟",
        "hours": "{0:g} 小时",
        "count": "近 {span} {seen} 条",
        "usual": "{count}，平时约 {expected} 条",
        "time": "{0:%Y-%m-%d %H:%M}（北京时间）",
        "quoted": "“{text}”——{source}",
        "open": "在听风中查看",
    },
    "en": {
        "language": "en",
        "blue": "Blue",
        "yellow": "Yellow",
        "orange": "Orange",
        "red": "Red",
        "alert.firing": "[{level} alert] ",
        "alert.escalated": "[Raised to {level} alert] ",
        "alert.acknowledged": "[{level} alert, acknowledged] ",
        "alert.resolved": "[{level} alert, resolved] ",
        "test": "[Test] ",
        "tested": "this channel works",
        "unspoken": "unusual negative mentions",
        "colon": ": ",
        "comma": ", ",
        "index": "Crisis index",
        "seen": "Negative mentions",
        "platforms": "Platforms",
        "risks": "Risk topics",
        "words": "Frequent words",
        "since": "Since",
        "due": "Respond by",
        "minutes": "{0:.0f} min",
        "hours": "{0:g} h",
        "count": "{seen} in the last {span}",
        "usual": "{count}, usually about {expected}",
        "time": "{0:%Y-%m-%d %H:%M} (Beijing time)",
        "quoted": "“{text}” ({source})",
        "open": "Open in Tingfeng",
    },
}
_NAMES_ZH = {
    "weibo": "微博",
    "xhs": "小红书",
    "douyin": "抖音",
    "kuaishou": "快手",
    "bilibili": "哔哩哔哩",
    "tieba": "百度贴吧",
    "zhihu": "知乎",
    "wechat": "微信",
    "toutiao": "今日头条",
    "douban": "豆瓣",
    "dianping": "大众点评",
} | RISK_NAMES


@dataclass(frozen=True, slots=True)
class Message:
    """What an alert says, as clean single lines: no line breaks, controls or hidden characters.

    `heading` is ours, with brackets; `sentence` holds the brand; `facts` are (label with its
    colon, value) and `quotes` whole lines; `link` is an http(s) URL that is safe inside markup.
    """

    event: str
    level: str
    heading: str
    sentence: str
    facts: tuple[tuple[str, str], ...]
    quotes: tuple[str, ...]
    link: str | None
    link_text: str

    @property
    def title(self) -> str:
        """Heading and sentence in one line."""
        return self.heading + self.sentence


def clean(text: str) -> str:
    r"""Return the text in one line without control, bidi, zero-width and unencodable characters.

    >>> clean("好\u202e评\u200b\n# 标题")
    '好评 # 标题'
    """
    spaced = "".join(" " if unicodedata.category(c) in {"Cc", "Zl", "Zp"} else c for c in text)
    shown = (c for c in spaced if unicodedata.category(c) not in {"Cf", "Cs", "Co"})
    return " ".join("".join(shown).split())


def defang(text: str) -> str:
    """Return the text with its URLs and host names broken, so that no client links them.

    >>> defang("看 https://evil.example.com/a，降了3.5元")
    '看 https：//evil．example．com/a，降了3.5元'
    """
    return re.sub(r"(?<=\w)\.(?=[^\W\d_])", "．", text.replace("://", "：//"))


_ACTIVE = str.maketrans(r"\`*_[]<>#~|@&", "＼｀＊＿［］＜＞＃～｜＠＆")


def escape_markdown(text: str) -> str:
    """Return the text with all that chat markdown acts upon in full width.

    The robots' dialects know no common escape, and full-width forms read the same in Chinese.

    >>> escape_markdown("<@all> [点我](x) #1")
    '＜＠all＞ ［点我］(x) ＃1'
    """
    return text.translate(_ACTIVE)


def cut(text: str, limit: int) -> str:
    """Return at most `limit` (≥ 3) bytes of UTF-8 of the text, an ellipsis marking what is gone.

    >>> cut("口碑预警", 9)
    '口碑…'
    """
    encoded = text.encode("utf-8", "replace")
    if len(encoded) <= limit:
        return text
    return encoded[: limit - 3].decode("utf-8", "ignore") + "…"


def compose(payload: Mapping[str, object], language: str = "zh") -> Message:
    """Return what a payload says; what it lacks is left out, what is malformed is ignored.

    `language` counts where the payload names none.
    """
    words = _WORDS.get(str(payload.get("language") or language), _WORDS["zh"])
    event, alert = str(payload.get("type", "")), _part(payload, "alert")
    level = str(alert.get("level", ""))
    urgent = event in _URGENT
    return Message(
        event=event,
        level=level,
        heading=words.get(event, words["alert.firing"]).format(level=words.get(level, "")),
        sentence=_sentence(payload, words),
        facts=tuple(_facts(alert, words, urgent=urgent)),
        quotes=_quotes(alert, words) if urgent else (),
        link=_safe_link(payload.get("url")),
        link_text=words["open"],
    )


def markdown(message: Message) -> list[str]:
    """Return the facts and quotes as lines of chat markdown, then the link, at most 3 400 bytes.

    The title is left to the channel, which may colour it; see `markdown_title`.
    """
    lines = [f"{label}{_chat(value, 240)}" for label, value in message.facts]
    lines += [f"> {_chat(text, 360)}" for text in message.quotes]
    if message.link:
        lines.append(f"[{message.link_text}]({message.link})")
    return lines


def markdown_title(message: Message) -> tuple[str, str]:
    """Return heading and sentence for chat markdown, at most 420 bytes together."""
    return message.heading, _chat(message.sentence, 360)


def plain(message: Message) -> str:
    """Return the message as plain text for readers that link whatever looks like a host name."""
    lines = [message.heading + defang(cut(message.sentence, 360)), ""]
    lines += [f"{label}{defang(cut(value, 240))}" for label, value in message.facts]
    lines += ["", *(defang(cut(text, 360)) for text in message.quotes)] if message.quotes else []
    lines += ["", f"{message.link_text} {message.link}"] if message.link else []
    return "\n".join(lines) + "\n"


def html(message: Message) -> str:
    """Return the message as an HTML page without scripts, pictures or outside resources."""
    title, facts = _markup(message.title), ""
    for label, value in message.facts:
        facts += f'<tr><th align="left">{label}</th><td>{_markup(value)}</td></tr>\n'
    quotes = "".join(f"<blockquote>{_markup(text)}</blockquote>\n" for text in message.quotes)
    link = ""
    if message.link:
        link = f'<p><a href="{escape_html(message.link)}">{message.link_text}</a></p>\n'
    return (
        f'<!DOCTYPE html>\n<html><head><meta charset="utf-8"><title>{title}</title></head><body>\n'
        f'<h3>{title}</h3>\n<table cellpadding="4">\n{facts}</table>\n'
        f"{quotes}{link}</body></html>\n"
    )


def _chat(text: str, limit: int) -> str:
    return cut(escape_markdown(defang(text)), limit)


def _markup(text: str) -> str:
    return escape_html(defang(cut(text, 600)))


def _sentence(payload: Mapping[str, object], words: Mapping[str, str]) -> str:
    brand = _part(payload, "brand")
    name = _text(brand.get("name")) or _text(brand.get("id"))
    if payload.get("type") == "test":
        said = words["tested"]
    else:
        summary = _part(_part(payload, "alert"), "summary")
        said = _text(summary.get(words["language"])) or words["unspoken"]
    # The summary sentence often begins with the brand; a title names it once.
    return said if said.startswith(name) else f"{name}{words['colon']}{said}"


def _facts(
    alert: Mapping[str, object], words: Mapping[str, str], *, urgent: bool
) -> list[tuple[str, str]]:
    evidence = _part(alert, "evidence")
    index = _number(alert.get("crisis_index"))
    facts = [
        ("index", "" if index is None else f"{index:.0f} / 100"),
        ("seen", _seen(alert, words)),
        ("platforms", _counts(evidence.get("platforms"), words)),
        ("risks", _counts(evidence.get("risks"), words)),
        ("words", _list(evidence.get("words"), words)),
        ("since", _time(alert.get("started_at"), words)),
    ]
    if urgent:
        facts.append(("due", _time(alert.get("due_at"), words)))
    return [(words[name] + words["colon"], value) for name, value in facts if value]


def _seen(alert: Mapping[str, object], words: Mapping[str, str]) -> str:
    seen, window = _number(alert.get("seen")), _number(alert.get("window_minutes"))
    # A grave mention is news in itself: nothing usual to compare it with.
    expected = None if alert.get("rule") == "risk" else _number(alert.get("expected"))
    if seen is None or window is None:
        return ""
    whole = window % 60 == 0
    span = words["hours"].format(window / 60) if whole else words["minutes"].format(window)
    count = words["count"].format(seen=f"{seen:.0f}", span=span)
    if expected is None:
        return count
    return words["usual"].format(count=count, expected=f"{expected:.1f}")


def _counts(value: object, words: Mapping[str, str]) -> str:
    if not isinstance(value, dict):
        return ""
    counted = [(_known(name, words), n) for name, n in value.items() if isinstance(n, int)]
    counted.sort(key=lambda pair: -pair[1])
    return words["comma"].join(f"{name} {n}" for name, n in counted[:_LISTED])


def _list(value: object, words: Mapping[str, str]) -> str:
    if not isinstance(value, list | tuple):
        return ""
    # Words may come with their weight.
    first = (item[0] if isinstance(item, list | tuple) and item else item for item in value)
    return words["comma"].join([_text(word) for word in first if _text(word)][:_LISTED])


def _quotes(alert: Mapping[str, object], words: Mapping[str, str]) -> tuple[str, ...]:
    mentions = _part(alert, "evidence").get("mentions")
    if not isinstance(mentions, list | tuple):
        return ()
    said = [
        (cut(_text(mention.get("text")), 300), _known(mention.get("platform"), words))
        for mention in mentions
        if isinstance(mention, dict) and _text(mention.get("text"))
    ]
    return tuple(words["quoted"].format(text=text, source=at) for text, at in said[:_QUOTES])


def _known(name: object, words: Mapping[str, str]) -> str:
    text = cut(_text(name), 45)
    return _NAMES_ZH.get(text, text) if words["language"] == "zh" else text


def _time(value: object, words: Mapping[str, str]) -> str:
    seconds = _number(value)
    if seconds is None or not 0 <= seconds < 2**33:
        return ""
    return words["time"].format(datetime.fromtimestamp(seconds, UTC).astimezone(_BEIJING))


def _safe_link(url: object) -> str | None:
    """Return the URL with all that could end a link in markup percent-encoded, if it is a URL."""
    if not isinstance(url, str):
        return None
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    safe = quote(url, safe="%/:?#[]@&=+,;~-._!$*", errors="replace")
    known = parts.scheme in {"http", "https"} and parts.hostname
    return safe if known and len(safe) <= _LINK_BYTES else None


def _part(payload: Mapping[str, object], key: str) -> Mapping[str, object]:
    value = payload.get(key)
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str:
    return clean(value) if isinstance(value, str) else ""


def _number(value: object) -> float | None:
    known = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 2**53
    return float(value) if known else None  # type: ignore[arg-type]
