import pytest

from monitor.aggregate import SUMS
from monitor.detect import Signal
from monitor.domain import Engagement, Traits
from monitor.evidence import QUOTES, Found, assess, doubling_minutes, factors
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


def found(**more):
    empty = {
        "window": {},
        "hour": {},
        "month": {},
        "negatives": [],
        "mentions": [],
        "risk_texts": {},
        "words": [],
    }
    return Found(**empty | more)


def test_what_is_unknown_is_0():
    assert set(factors(signal(seen=0), found()).values()) == {0}


def test_each_factor_comes_from_its_figures():
    values = factors(
        signal(),
        found(
            window={"weibo": sums(10, 12), "xhs": sums(6, 6), "jd": sums(2, 2)},
            hour={"weibo": sums(8, 8)},
            month={"weibo": sums(89, 990)},
            negatives=[1, 1, 4, 4],
            mentions=[view(1, followers=10**5), view(2, verified=True)],
            risk_texts={"fire": 1},
        ),
    )
    usual = (89 + 1) / (990 + 10)
    lower = 8 / (8 + 1.959964**2)  # Wilson's lower bound of 8 of 8
    assert values == pytest.approx(
        {
            "f_spike": 0.5,
            "f_share": (lower - usual) / (1 - usual),
            "f_risk": 0.5,
            "f_velocity": 1 - 5 / 360,
            "f_influence": 0.5,
            "f_spread": 0.25,
        },
        abs=1e-4,
    )


def test_a_danger_is_no_spike():
    assert factors(signal(rule="risk", score=50), found())["f_spike"] == 0


@pytest.mark.parametrize(
    ("negatives", "minutes"),
    [
        ([], None),
        ([5], None),
        ([4, 4], None),
        ([4, 1], None),
        ([0, 0, 1, 1], 5),
        ([1, 1, 1, 2, 2, 2], 15),
        ([2, 0, 1, 3], 10),
    ],
)
def test_the_doubling_time_is_that_between_the_halves(negatives, minutes):
    assert doubling_minutes(negatives) == minutes


def test_a_platform_is_in_excess_only_beyond_its_own_habit():
    # Half an hour of 28 days: 1344 negatives let expect one in the window.
    month = {"weibo": sums(1344 * 5, 10**5), "xhs": sums(0, 0)}
    window = {"weibo": sums(9, 9), "xhs": sums(3, 3), "jd": sums(2, 2)}
    assert factors(signal(), found(window=window, month=month))["f_spread"] == 0
    window["weibo"] = sums(10, 10)
    assert factors(signal(), found(window=window, month=month))["f_spread"] == 0.25


def test_evidence_quotes_few_and_no_text_twice():
    mentions = [view(i, f"太差了{i // 3}") for i in range(30)]
    evidence = assess("星途", signal(), found(mentions=mentions)).evidence
    assert [quote["id"] for quote in evidence["mentions"]] == [3 * i for i in range(QUOTES)]


def test_a_long_text_is_cut_with_a_sign():
    evidence = assess("星途", signal(), found(mentions=[view(1, "长" * 300)])).evidence
    (quote,) = evidence["mentions"]
    assert quote["text"] == "长" * 199 + "…"


def test_evidence_counts_by_platform():
    window = {"weibo": sums(3, 5), "xhs": sums(0, 2)}
    evidence = assess(
        "星途", signal(), found(window=window, words=[("刹车", 4.56789)], risk_texts={"fire": 2})
    ).evidence
    assert (evidence["negative"], evidence["total"]) == (3, 7)
    assert evidence["platforms"] == {"weibo": 3}
    assert evidence["words"] == [["刹车", 4.568]]
    assert evidence["risks"] == {"fire": 2}
