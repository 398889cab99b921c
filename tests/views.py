"""A signal, sums of a platform and a stored mention, as a test wants them."""

from __future__ import annotations

from monitor.aggregate import SUMS
from monitor.detect import Signal
from monitor.domain import Engagement, Traits
from monitor.store.views import MentionView
from tests.rows import NOW


def signal(**more):
    given = {
        "series": "xingtu",
        "rule": "spike",
        "bin_end": NOW,
        "onset": NOW,
        "score": 7.5,
        "expected": 1.0,
        "seen": 16,
        "window": 1800,
        "total": 20,
        "severity": "high",
        "escalation": False,
    }
    return Signal(**given | more)


def sums(neg, volume):
    return tuple(float({"neg": neg, "volume": volume}.get(name, 0)) for name in SUMS)


def view(number, text="太差了", **more):
    given = {
        "id": number,
        "platform": "weibo",
        "kind": "post",
        "native_id": str(number),
        "title": "",
        "text": text,
        "quoted": "",
        "url": None,
        "region": None,
        "published_at": NOW,
        "author": None,
        "followers": None,
        "verified": None,
        "engagement": Engagement(),
        "rating": None,
        "copies": 1,
        "traits": Traits(),
        "label": -1,
        "score": -0.9,
        "confidence": 0.9,
        "weight": 1.0,
        "via": "text",
        "model": "m",
        "corrected": False,
        "review": None,
    }
    return MentionView(**given | more)
