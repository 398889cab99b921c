"""From a delivery's payload to what people read. Pure; hostile text stays text.

`compose` turns the payload into a `Message` of clean single-line strings; `chat`, `markdown`,
`plain` and `html` write it down for a channel. Only our own links ever become links.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from html import escape as escape_html
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from monitor.notify.texts import clean, cut, defang, size, split, tame, token
from monitor.notify.wording import NAMES_ZH, WORDS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# China has kept one time and no summer time since 1991: no time-zone database is needed.
_BEIJING = timezone(timedelta(hours=8))
_CALLS = frozenset(
    {"alert.firing", "alert.escalated", "alert.overdue", "alert.reopened", "alert.relapsed"}
)
_CLOCKED = _CALLS | {"alert.reminder"}
_QUOTED = _CALLS | {"alert.updated"}
_LATE = frozenset({"alert.reminder", "alert.overdue"})  # these tell the time left
_LEVELS = ("red", "orange", "yellow", "blue")
_RANK = {level: place for place, level in enumerate(_LEVELS)}
_QUOTES, _LISTED, _DIGESTED = 3, 5, 20
_NAME_BYTES, _SUMMARY_BYTES, _ITEM_BYTES, _LINK_BYTES = 90, 1500, 300, 500
_TITLE_BYTES = 360
CALM = frozenset({"alert.resolved", "alert.recovered", "alert.dismissed", "alert.merged", "test"})


@dataclass(frozen=True, slots=True)
class Message:
    """What an alert says, as clean single lines: no line breaks, controls or hidden characters.

    `heading` is ours, with brackets; `sentence` holds the brand; `facts` are (label with its
    colon, value); `items` (of a digest) and `quotes` are whole lines; `page` and `acknowledge` are
    http(s) URLs of ours that are safe inside markup.
    """

    event: str
    level: str
    language: str
    heading: str
    sentence: str
    facts: tuple[tuple[str, str], ...]
    items: tuple[str, ...]
    quotes: tuple[str, ...]
    page: str | None
    acknowledge: str | None

    @property
    def title(self) -> str:
        """Heading and sentence in one line."""
        return self.heading + self.sentence

    @property
    def links(self) -> list[tuple[str, str]]:
        """Our links as (text, URL)."""
        words = WORDS[self.language]
        named = ((words["open"], self.page), (words["take"], self.acknowledge))
        return [(text, url) for text, url in named if url]


def compose(payload: Mapping[str, object], language: str = "zh") -> Message:
    """Return what a payload says; what it lacks is left out, what is malformed is ignored.

    `language` counts where the payload names none.
    """
    words = WORDS.get(str(payload.get("language") or language), WORDS["zh"])
    event, level = str(payload.get("type", "")), _level(payload)
    named = _worded(event, payload, words) if event.startswith("alert.") or event == "test" else ""
    heading = (named or words["alert.firing"]).format(level=words.get(level, ""))
    return Message(
        event=event,
        level=level,
        language=words["language"],
        heading=words["drill"] + heading if is_drill(payload) else heading,
        sentence=_sentence(payload, words),
        facts=tuple(_facts(payload, words)),
        items=tuple(_items(payload, words)),
        quotes=_quotes(_part(payload, "alert"), words) if event in _QUOTED else (),
        page=_safe_link(payload.get("url")),
        acknowledge=_safe_link(payload.get("ack_url")),
    )


def unfold(payload: Mapping[str, object]) -> list[Mapping[str, object]]:
    """Return a payload for each incident that a digest lists, gravest first, at most 20."""
    items = _mappings(_part(payload, "digest").get("items"))
    items.sort(key=lambda item: _RANK.get(str(item.get("level")), len(_RANK)))
    shared = {name: payload.get(name) for name in ("timestamp", "language", "url")}
    return [
        shared
        | {
            "type": item.get("event") or "alert.firing",
            "brand": item.get("brand"),
            "alert": {"level": item.get("level"), "summary": item.get("summary")},
            "incident": {"id": item.get("id")},
        }
        for item in items[:_DIGESTED]
    ]


def left_out(payload: Mapping[str, object]) -> int:
    """Return how many incidents a digest counts but does not list."""
    digest = _part(payload, "digest")
    return max(0, int(_total(digest)) - len(_mappings(digest.get("items"))[:_DIGESTED]))


def is_drill(payload: Mapping[str, object]) -> bool:
    """Tell whether a payload is part of an exercise."""
    return payload.get("drill") is True


def chat(message: Message) -> list[str]:
    """Return facts, items and quotes as lines of chat markdown without links.

    The title is left to the channel, which may colour it; see `markdown_title`. A sentence that
    is too long for a title stands whole in the first line.
    """
    facts, words = list(message.facts), WORDS[message.language]
    if size(tame(message.sentence)) > _TITLE_BYTES:
        facts.insert(0, (words["summary"] + words["colon"], message.sentence))
    lines = [f"{label}{tame(value)}" for label, value in facts]
    lines += [tame(item) for item in message.items]
    return lines + [f"> {tame(text)}" for text in message.quotes]


def markdown(message: Message) -> list[str]:
    """Return the lines of `chat` and our links."""
    return [*chat(message), *(f"[{text}]({url})" for text, url in message.links)]


def markdown_title(message: Message) -> tuple[str, str]:
    """Return heading and sentence for chat markdown, at most 440 bytes together."""
    return message.heading, cut(tame(message.sentence), _TITLE_BYTES)


def parts(
    message: Message, identifier: str, lines: Sequence[str], limit: int, joint: str = "\n"
) -> list[tuple[str, str]]:
    """Return (mark, text) of each message that it takes to say all lines in `limit` bytes each.

    The mark says which of how many it is, and of which delivery; it is empty where there is one.
    """
    texts = split(lines, limit, joint) or [""]
    if len(texts) == 1:
        return [("", texts[0])]
    form, name = WORDS[message.language]["part"], token(identifier)[:60]
    return [(form.format(n=n, of=len(texts), id=name), t) for n, t in enumerate(texts, start=1)]


def plain(message: Message) -> str:
    """Return the message as plain text for readers that link whatever looks like a host name."""
    lines = [message.heading + defang(message.sentence), ""]
    lines += [f"{label}{defang(value)}" for label, value in message.facts]
    lines += ["", *map(defang, message.items)] if message.items else []
    lines += ["", *map(defang, message.quotes)] if message.quotes else []
    lines += ["", *(f"{text} {url}" for text, url in message.links)] if message.links else []
    return "\n".join(lines) + "\n"


def html(message: Message) -> str:
    """Return the message as an HTML page without scripts, pictures or outside resources."""
    title, facts = _markup(message.title), ""
    for label, value in message.facts:
        facts += f'<tr><th align="left">{label}</th><td>{_markup(value)}</td></tr>\n'
    items = "".join(f"<p>{_markup(item)}</p>\n" for item in message.items)
    quotes = "".join(f"<blockquote>{_markup(text)}</blockquote>\n" for text in message.quotes)
    links = "".join(
        f'<p><a href="{escape_html(url)}">{text}</a></p>\n' for text, url in message.links
    )
    return (
        f'<!DOCTYPE html>\n<html><head><meta charset="utf-8"><title>{title}</title></head><body>\n'
        f'<h3>{title}</h3>\n<table cellpadding="4">\n{facts}</table>\n'
        f"{items}{quotes}{links}</body></html>\n"
    )


def _markup(text: str) -> str:
    return escape_html(defang(text))


def _level(payload: Mapping[str, object]) -> str:
    named = (_part(payload, part).get("level") for part in ("alert", "incident"))
    counts = _level_counts(_part(payload, "digest"))
    listed = (level for level in _LEVELS if counts[level] > 0)
    return next((level for level in (*named, *listed) if level in _LEVELS), "")


def _level_counts(digest: Mapping[str, object]) -> Counter[str]:
    told = _part(digest, "levels")
    if told:
        return Counter({level: int(_number(told.get(level)) or 0) for level in _LEVELS})
    return Counter(str(item.get("level")) for item in _mappings(digest.get("items")))


def _sentence(payload: Mapping[str, object], words: Mapping[str, str]) -> str:
    if payload.get("type") == "test":
        return _named(payload, words["tested"], words)
    if payload.get("type") == "alert.digest":
        return _digest_sentence(_part(payload, "digest"), words)
    return _named(payload, _summary(_part(payload, "alert"), words), words)


def _digest_sentence(digest: Mapping[str, object], words: Mapping[str, str]) -> str:
    counts = _level_counts(digest)
    told = words["digest"].format(n=_total(digest))
    levels = words["comma"].join(
        words["digest.level"].format(level=words[level].lower(), n=counts[level])
        for level in _LEVELS
        if counts[level] > 0
    )
    return f"{told}{words['colon']}{levels}" if levels else told


def _total(digest: Mapping[str, object]) -> float:
    told = _number(digest.get("total"))
    return len(_mappings(digest.get("items"))) if told is None else told


def _summary(about: Mapping[str, object], words: Mapping[str, str]) -> str:
    summary = _part(about, "summary")
    return cut(_text(summary.get(words["language"])), _SUMMARY_BYTES) or words["unspoken"]


def _named(about: Mapping[str, object], said: str, words: Mapping[str, str]) -> str:
    brand = _part(about, "brand")
    name = cut(_text(brand.get("name")) or _text(brand.get("id")), _NAME_BYTES)
    # The summary sentence often begins with the brand; a title names it once.
    return said if not name or said.startswith(name) else f"{name}{words['colon']}{said}"


def _items(payload: Mapping[str, object], words: Mapping[str, str]) -> list[str]:
    """Return a line for each incident of a digest, and one for those not listed."""
    lines = [cut(compose(item, words["language"]).title, _ITEM_BYTES) for item in unfold(payload)]
    more = left_out(payload)
    return [*lines, words["digest.more"].format(n=more)] if lines and more else lines


def _facts(payload: Mapping[str, object], words: Mapping[str, str]) -> list[tuple[str, str]]:
    event, alert = payload.get("type"), _part(payload, "alert")
    evidence = _part(alert, "evidence")
    facts = [
        ("note", words["note.drill"] if is_drill(payload) else ""),
        ("note", _worded(f"note.{event}", payload, words)),
        *_figures(alert, words),
        ("platforms", _counts(evidence.get("platforms"), words)),
        ("risks", _counts(evidence.get("risks"), words)),
        ("words", _list(evidence.get("words"), words)),
        ("since", _time(alert.get("started_at"), words)),
        ("due", _due(payload, words) if event in _CLOCKED else ""),
        *_incident(_part(payload, "incident"), words),
    ]
    return [(words[name] + words["colon"], value) for name, value in facts if value]


def _worded(name: str, payload: Mapping[str, object], words: Mapping[str, str]) -> str:
    """Return how a thing is put of alerts of this rule, or of any; empty where it is not."""
    rule = _part(payload, "alert").get("rule")
    return words.get(f"{rule}:{name}") or words.get(name, "")


def _figures(alert: Mapping[str, object], words: Mapping[str, str]) -> list[tuple[str, str]]:
    if alert.get("rule") == "drill":
        return []  # nothing was counted
    if alert.get("rule") == "no_data":
        return [("silent", _silent(alert, words))]
    index = _number(alert.get("crisis_index"))
    return [
        ("index", "" if index is None else f"{index:.0f} / 100"),
        ("seen", _seen(alert, words)),
    ]


def _incident(
    incident: Mapping[str, object], words: Mapping[str, str]
) -> tuple[tuple[str, str], ...]:
    alerts = _number(incident.get("alerts")) or 0
    return (
        ("alerts", words["alerts.n"].format(n=alerts) if alerts > 1 else ""),
        ("assignee", cut(_text(incident.get("assignee")), _NAME_BYTES)),
    )


def _due(payload: Mapping[str, object], words: Mapping[str, str]) -> str:
    due, now = _number(_part(payload, "alert").get("due_at")), _number(payload.get("timestamp"))
    time = _time(due, words)
    if not time or due is None or now is None or payload.get("type") not in _LATE:
        return time
    minutes = abs(due - now) // 60
    span = words["minutes"].format(minutes) if minutes < 120 else _hours(minutes, words)
    return words["left" if now < due else "over"].format(time=time, span=span)


def _hours(minutes: float, words: Mapping[str, str]) -> str:
    return words["hours"].format(round(minutes / 60, 1))


def _seen(alert: Mapping[str, object], words: Mapping[str, str]) -> str:
    seen, window = _number(alert.get("seen")), _number(alert.get("window_minutes"))
    # A grave mention is news in itself: nothing usual to compare it with.
    expected = None if alert.get("rule") == "risk" else _number(alert.get("expected"))
    if seen is None or window is None:
        return ""
    count = words["count"].format(seen=f"{seen:.0f}", span=_span(window, words))
    if expected is None:
        return count
    return words["usual"].format(count=count, expected=f"{expected:.1f}")


def _silent(alert: Mapping[str, object], words: Mapping[str, str]) -> str:
    window, expected = _number(alert.get("window_minutes")), _number(alert.get("expected"))
    if window is None or expected is None:
        return ""
    return words["no_mention"].format(span=_span(window, words), expected=f"{expected:.1f}")


def _span(minutes: float, words: Mapping[str, str]) -> str:
    whole = minutes % 60 == 0
    return words["hours"].format(minutes / 60) if whole else words["minutes"].format(minutes)


def _counts(value: object, words: Mapping[str, str]) -> str:
    if not isinstance(value, dict):
        return ""
    counted = [(_known(name, words), _number(n)) for name, n in value.items()]
    known = [(name, n) for name, n in counted if n is not None]
    known.sort(key=lambda pair: -pair[1])
    return words["comma"].join(f"{name} {n:.0f}" if n else name for name, n in known[:_LISTED])


def _list(value: object, words: Mapping[str, str]) -> str:
    if not isinstance(value, list | tuple):
        return ""
    # Words may come with their weight.
    first = (item[0] if isinstance(item, list | tuple) and item else item for item in value)
    return words["comma"].join([cut(_text(word), 45) for word in first if _text(word)][:_LISTED])


def _quotes(alert: Mapping[str, object], words: Mapping[str, str]) -> tuple[str, ...]:
    said = [
        (cut(_text(mention.get("text")), 300), _known(mention.get("platform"), words))
        for mention in _mappings(_part(alert, "evidence").get("mentions"))
        if _text(mention.get("text"))
    ]
    return tuple(words["quoted"].format(text=text, source=at) for text, at in said[:_QUOTES])


def _known(name: object, words: Mapping[str, str]) -> str:
    text = cut(_text(name), 45)
    return NAMES_ZH.get(text, text) if words["language"] == "zh" else text


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


def _mappings(value: object) -> list[Mapping[str, object]]:
    if not isinstance(value, list | tuple):
        return []
    return [item for item in value if isinstance(item, dict)]


def _text(value: object) -> str:
    return clean(value) if isinstance(value, str) else ""


def _number(value: object) -> float | None:
    known = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 2**53
    return float(value) if known else None  # type: ignore[arg-type]
