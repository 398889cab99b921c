"""Mentions as they are sent in, and a clock that stands where a test wants it."""

from __future__ import annotations

from itertools import count

NOW = 1_795_305_600  # 2026-11-22, 08:00 in Shanghai, the beginning of a 5-minute bin
HOUR, DAY = 3600, 86400
BAD = "星途的车机又卡又慢，太失望了，后悔买了"
GOOD = "星途的座椅真舒服，非常满意，强烈推荐"
BLAND = "路过看到一辆星途"
_numbers = count(1)


class Clock:
    """UTC seconds that only move when told to."""

    def __init__(self, now: int = NOW) -> None:
        self.now = now

    def __call__(self) -> int:
        return self.now


def row(text=BLAND, at=NOW - HOUR, **more):
    """One mention with an id of its own."""
    return {
        "platform": "weibo",
        "id": f"m{next(_numbers)}",
        "text": text,
        "published_at": at,
        **more,
    }


def brand(identifier="xingtu", name="星途", **more):
    return {"id": identifier, "name": name, **more}


def quiet(until=NOW, days=2):
    """A brand's ordinary days: a mention every quarter, one in twelve of them a complaint."""
    times = range(until - days * DAY, until, 900)
    return [row(f"{(BAD, GOOD, BLAND)[min(i % 12, 2)]}（{i}）", at) for i, at in enumerate(times)]


def burst(until=NOW, n=40, seconds=1500):
    """Many complaints shortly before a moment."""
    return [row(f"{BAD}！第{i}个", until - 1 - i * seconds // n) for i in range(n)]
